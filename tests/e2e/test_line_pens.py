"""Another maker's pen by its profile alone, through the real command line: checked, recorded, replayed, refused."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import (
    PtyPen,
    Running,
    assert_whole,
    bytes_on_disk,
    devicelog,
    recording,
    shown,
    streams,
)
from tests.examples import EXAMPLES, capture_of, rows_of, toml_of
from tests.pages import block


@pytest.fixture(params=EXAMPLES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def profile(name: str, tmp_path: Path) -> Path:
    return written(tmp_path, toml_of(name))


def written(directory: Path, text: str) -> Path:
    path = directory / "my-pen.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- pens check -------------------------------------------------------------------------------------------------------


def test_each_line_of_an_example_becomes_what_stands_beside_it(name: str, profile: Path) -> None:
    ended = devicelog("pens", "check", profile, "--capture", capture_of(name), "--json")
    told = ended.json()
    assert (ended.code, told["schema"], told["profile"], told["ok"]) == (3, "devicelog.pencheck/1", name, False)
    assert told["lines"] == rows_of(name)
    size = capture_of(name).stat().st_size
    account = told["summary"]["bytes"]
    assert account["read"] == size == account["framed"] + account["rejected"] + account["delimiters"]


def test_the_output_that_the_page_shows(tmp_path: Path) -> None:
    profile = written(tmp_path, toml_of("words"))
    ended = devicelog("pens", "check", profile, "--capture", capture_of("words"))
    assert ended.stdout == block("connect-your-pen.md", "text words")
    only = devicelog("pens", "check", profile, "--capture", capture_of("words"), "--rejected")
    results = [line.split()[1] for line in only.stdout.splitlines() if line[:6].strip().isdigit()]
    assert results == ["rejected"] * 6


LINE = b"depth=0.41mm dial=0.50 skin=yes motor=on\n"


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"\n" + LINE * 3, 0, "every line is read"),
        (b"half a line\n" + LINE + LINE[:9], 0, "every line is read"),
        (b"\n" + LINE + b"rubbish\n", 3, "NOT ALL READ"),
        (b"\nREADY\n", 3, "NOT READ"),
        (b"", 3, "NOT READ"),
        (b"\x00\xff" * 5_000, 3, "NOT READ"),
    ],
    ids=["sound", "cut", "rubbish in it", "no sample", "empty", "no text"],
)
def test_how_a_check_ends(data: bytes, code: int, word: str, tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(data)
    ended = devicelog("pens", "check", written(tmp_path, toml_of("words")), "--capture", tmp_path / "capture")
    assert ended.code == code
    assert word in ended.stdout.splitlines()[-1]


def test_a_check_of_what_is_not_there(tmp_path: Path) -> None:
    profile = written(tmp_path, toml_of("words"))
    devicelog("pens", "check", profile, "--capture", tmp_path / "none").refused(2, "does not exist")
    devicelog("pens", "check", "reference", "--capture", capture_of("words")).refused(2, "it has no [lines]")


@pytest.mark.parametrize(
    ("written_as", "instead", "why"),
    [
        ('unit = "mm"', 'unit = "furlong"', "lines.fields.depth.unit = 'furlong'; expected one of um, mm, mil"),
        ("(?P<depth>[-0-9.]+)", "[-0-9.]+", "the group depth is missing in lines.expression"),
        ("(?P<depth>[-0-9.]+)mm", r"(?P<depth>[-0-9.]+)(?=mm)", "lines.expression cannot be used"),
    ],
    ids=["unknown unit", "missing group", "look-around"],
)
def test_a_profile_that_cannot_be_meant(written_as: str, instead: str, why: str, tmp_path: Path) -> None:
    text = toml_of("words")
    assert written_as in text
    profile = written(tmp_path, text.replace(written_as, instead, 1))
    devicelog("pens", "check", profile, "--capture", capture_of("words")).refused(2, why)


# --- record and replay ------------------------------------------------------------------------------------------------


def test_it_is_recorded_and_replayed_as_any_pen(name: str, profile: Path, tmp_path: Path) -> None:
    """The capture of the example, damage and all, is sent in a session, and once more after a lost link."""
    data_dir, marks = tmp_path / "data", tmp_path / "marks"
    marks.write_text("0 zone forehead\n", encoding="utf-8")
    capture = capture_of(name).read_bytes() + b"\r\n"
    sound = {"comma": b"$PEND,0,412,0.50,6001,1,3*06\r\n", "words": LINE}[name]
    with (
        PtyPen(tmp_path / "pen") as pen,
        recording(data_dir, pen.link, "--profile", profile, "--marks", marks) as command,
    ):
        begin(pen, command, sound)
        before = bytes_on_disk(data_dir)
        pen.send(capture)
        command.wait_until(lambda: bytes_on_disk(data_dir) >= before + len(capture), "the capture on disk")
        assert pen.was_told() == b""
        pen.unplug()
        command.wait_for("lost (unplugged)")
        pen.plug()
        command.wait_for("open (reopened)")
        before = bytes_on_disk(data_dir)
        pen.send(capture)
        command.wait_until(lambda: bytes_on_disk(data_dir) >= before + len(capture), "it is on disk again")
        assert pen.was_told() == b""
        command.send(signal.SIGINT)
        command.end().succeeded()
    (session,) = streams(data_dir, "session")
    assert_whole(data_dir)
    told = shown(data_dir, session)
    assert told["completeness"]["closes"]
    assert (told["pen"]["model"], told["pen"]["serial"], told["mode"]) == (name.capitalize(), "", "test")
    assert told["identities"] == 0
    rejected = {row["kind"] for row in rows_of(name) if row["result"] == "rejected"} - {"head", "tail"}
    assert {fault["kind"] for fault in told["completeness"]["faults"]} >= rejected
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]
    readings = devicelog("sessions", "readings", session, data_dir=data_dir).succeeded().stdout.splitlines()
    assert len(readings) - 1 == sum(boot["decoded"] for boot in told["completeness"]["boots"])
    devicelog("replay", session, "--to", "pty", data_dir=data_dir).refused(2, "lines of text")
    text = devicelog("sessions", "show", session, data_dir=data_dir).succeeded().stdout
    assert ("none has a number" in text) is (name == "words")


def begin(pen: PtyPen, command: Running, line: bytes) -> None:
    """Send lines until the session has begun: nobody asks such a pen for anything."""

    def begun() -> bool:
        pen.send(line)
        return "recording s-" in command.stderr

    command.wait_until(begun, "the session")


def test_bytes_that_the_profile_does_not_read_are_no_pen(tmp_path: Path) -> None:
    profile = written(tmp_path, toml_of("words"))
    with PtyPen(tmp_path / "pen") as pen, recording(tmp_path / "data", pen.link, "--profile", profile) as command:
        command.wait_until(lambda: (pen.send(b"depth: 7\n"), command.process.poll() is not None)[1], "its end")
        command.end().refused(4, "not one line that the profile reads", "devicelog pens check")


def test_a_probe_tells_what_the_profile_says(tmp_path: Path) -> None:
    profile = written(tmp_path, toml_of("words"))
    with (
        PtyPen(tmp_path / "pen") as pen,
        Running("pens", "probe", pen.link, "--profile", profile, "--seconds", "1", "--json") as command,
    ):
        command.wait_until(lambda: (pen.send(LINE), command.process.poll() is not None)[1], "its end")
        told: dict[str, Any] = command.end().succeeded().json()
        assert pen.was_told() == b""
    assert (told["identity"]["model"], told["frames"]["identity"]) == ("Words", 0)
    assert told["columns"] == ["depth_set_um", "depth_um", "contact", "passes"]
    assert told["period_us"] == 100_000
