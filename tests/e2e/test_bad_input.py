"""What goes wrong at the chair: a clear line, the right exit code, and no evidence lost. One test id a case."""

import fcntl
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from firmware_bridge.frames import frame
from tests.e2e.running import (
    IDENTITY,
    Demo,
    Ended,
    Json,
    PtyPen,
    Running,
    assert_whole,
    bytes_on_disk,
    database,
    demo_recording,
    devicelog,
    entries,
    faults,
    goodbye,
    listed,
    recording,
    rules_found,
    samples,
    scripted,
    shown,
    simulated_pen,
    streams,
    the_session,
    verdict_in,
)

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[PtyPen]:
    with PtyPen(tmp_path / "pen") as pen:
        yield pen


def the_span(data_dir: Path) -> Json:
    """The only span, after a run without a session, of a database that is whole."""
    assert streams(data_dir, "session") == []
    (span,) = streams(data_dir, "span")
    assert_whole(data_dir)
    told = shown(data_dir, span)
    assert told["status"] == "closed"
    return told


def small_pipe() -> tuple[int, int]:
    """The ends of a pipe that holds next to nothing."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    return reader, writer


# --- the pen is not what or where it should be ------------------------------------------------------------------------


def record(data_dir: Path, port: Path, **options: object) -> Ended:
    with recording(data_dir, port, **options) as command:
        return command.end()


def test_port_missing(data_dir: Path, tmp_path: Path) -> None:
    record(data_dir, tmp_path / "pen").refused(4, str(tmp_path / "pen"), "there is no such port", "Check the cable")
    assert listed(data_dir) == ([], [])


def test_port_is_a_file(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "pen").write_text("no pen")
    record(data_dir, tmp_path / "pen").refused(4, "not a serial port")
    assert (tmp_path / "pen").read_text() == "no pen"


def test_port_is_nonsense(data_dir: Path) -> None:
    record(data_dir, Path("nonsense://pen")).refused(4, "nonsense:/pen")


def test_port_busy(data_dir: Path, pen: PtyPen) -> None:
    with Path(pen.port).open("rb", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        record(data_dir, pen.link).refused(4, "another program holds the port", "Close that program")


def without_privileges() -> tuple[str, ...]:
    """A prefix that takes away what lets root pass where the rights say no. The user stays: he owns the files."""
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("runs as root, and setpriv cannot take root's privileges away here")
    return prefix


def test_port_without_permission(data_dir: Path, pen: PtyPen) -> None:
    prefix = without_privileges()
    Path(pen.port).chmod(0)
    record(data_dir, pen.link, prefix=prefix).refused(4, "may not open it", "dialout")


def test_not_a_pen(data_dir: Path, pen: PtyPen) -> None:
    rubbish = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9*47\r\n" * 12
    with recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(rubbish)
        ended = command.end().refused(4, "this is not a pen", f"{len(rubbish)} bytes came", "baud rate")
    span = the_span(data_dir)
    assert span["id"] in ended.stderr
    assert span["completeness"]["bytes_kept"] == span["completeness"]["bytes_rejected"] == len(rubbish)
    assert span["end_cause"] == "no pen"
    assert bytes_on_disk(data_dir) == len(rubbish)


def test_silent_port(data_dir: Path, pen: PtyPen) -> None:
    record(data_dir, pen.link).refused(4, "nothing came from the port for 7 s", "switched on")
    assert the_span(data_dir)["completeness"]["bytes_kept"] == 0


def test_a_pen_that_does_not_say_who_it_is(data_dir: Path, pen: PtyPen) -> None:
    frames = samples(0, 20)
    with recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(*frames)
        command.end().refused(4, "the pen did not say who it is", "is kept as u-")
    (boot,) = the_span(data_dir)["completeness"]["boots"]
    assert boot["decoded"] == 40


def test_vanished_before_it_said_who_it_is(data_dir: Path, pen: PtyPen) -> None:
    half = IDENTITY[:20]
    with recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(half)
        command.wait_until(lambda: bytes_on_disk(data_dir) == len(half), "the half frame on disk")
        pen.unplug()
        command.wait_for("the pen's port is lost (unplugged)")
        command.end().refused(4)
    span = the_span(data_dir)
    assert span["completeness"]["bytes_kept"] == len(half)
    assert [(fault["kind"], fault["bytes"]) for fault in span["completeness"]["faults"]] == [("tail", len(half) - 1)]


def test_returned_and_then_said_who_it_is(data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link, "--duration", "0.3") as command:
        command.wait_until(pen.asked, "the identity request")
        pen.unplug()
        command.wait_for("the pen's port is lost (unplugged)")
        pen.plug()
        pen.introduce(command)
        command.end().succeeded()
    assert the_session(data_dir)["pen"]["serial"] == "PTY-1"


def test_newer_protocol(data_dir: Path, pen: PtyPen) -> None:
    newer = frame(bytes([0x20, 4]) + bytes(20))
    with recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(newer)
        command.end().refused(4, "the pen speaks protocol 2; this devicelog reads 1", "is kept as u-")
    account = the_span(data_dir)["completeness"]
    assert (account["frames_unknown"], account["bytes_kept"]) == (1, len(newer))


# --- in the session ---------------------------------------------------------------------------------------------------


def test_sound_frames(data_dir: Path, pen: PtyPen) -> None:
    told = scripted(data_dir, pen, *samples(0, 100), goodbye(200))
    (boot,) = told["completeness"]["boots"]
    assert (boot["first"], boot["last"], boot["decoded"], boot["missing"], boot["repeated"]) == (0, 199, 200, 0, 0)
    (zone,) = told["zones"]
    assert (zone["zone"], zone["contact_us"], zone["glides"]) == ("forehead", 2_000_000, 1)
    assert (verdict_in(told), told["mode"]) == ("conforming", "test")
    assert (faults(told), told["gaps"]) == ({}, [])


def test_begins_in_the_middle_of_a_frame(data_dir: Path, pen: PtyPen) -> None:
    """Before the session: the port is opened while the pen is talking."""
    first, *rest = samples(0, 50)
    with recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(first[11:], *rest, IDENTITY)
        command.wait_for("recording s-")
        command.send(signal.SIGINT)
        command.end().succeeded()
    (span,) = streams(data_dir, "span")
    account = shown(data_dir, span)["completeness"]
    assert [(fault["kind"], fault["n"]) for fault in account["faults"]] == [("head", 1)]
    assert account["frames_damaged"] == 0
    assert account["boots"][0]["decoded"] == 98
    assert bytes_on_disk(data_dir) == pen.sent
    assert_whole(data_dir)


def test_damaged_frames(data_dir: Path, pen: PtyPen) -> None:
    frames = samples(0, 100)
    frames[40] = frames[40][:9] + bytes([frames[40][9] ^ 0x10 or 1]) + frames[40][10:]
    frames[60] = b"\0" + bytes([255]) + frames[60][2:]
    told = scripted(data_dir, pen, *frames, goodbye(200))
    assert sum(n for n, _ in faults(told).values()) == told["completeness"]["frames_damaged"] == 2
    assert set(faults(told)) <= {"crc", "cobs"}
    (boot,) = told["completeness"]["boots"]
    assert (boot["decoded"], boot["missing"]) == (196, 4)
    assert told["short_gaps"] == {"n": 2, "missing": 4, "for_us": 40_000}
    assert rules_found(told) == ["data.short_gaps", "link.bad_frames"]
    assert told["verdict"] == "conforming with deviations"


def test_repeated_frames(data_dir: Path, pen: PtyPen) -> None:
    frames = samples(0, 100)
    told = scripted(data_dir, pen, *frames[:60], *frames[50:60], *frames[60:], goodbye(200))
    (boot,) = told["completeness"]["boots"]
    assert (boot["decoded"], boot["missing"], boot["repeated"]) == (200, 0, 20)
    assert told["zones"][0]["contact_us"] == 2_000_000
    rows = devicelog("sessions", "readings", told["id"], data_dir=data_dir).succeeded().stdout.splitlines()
    assert len(rows) == 201


def test_oversized_frames(data_dir: Path, pen: PtyPen) -> None:
    frames = samples(0, 100)
    told = scripted(data_dir, pen, *frames[:50], b"\x01" * 3000, *frames[50:], goodbye(200))
    kinds = faults(told)
    assert kinds.keys() == {"oversize"}
    assert kinds["oversize"][1] == 3000
    assert told["completeness"]["boots"][0]["decoded"] == 200


def test_unknown_frames(data_dir: Path, pen: PtyPen) -> None:
    unknown, newer = frame(bytes([0x10, 99]) + bytes(12)), frame(bytes([0x20, 1]) + bytes(30))
    told = scripted(data_dir, pen, *samples(0, 50), unknown, newer, unknown, *samples(100, 50), goodbye(200))
    account = told["completeness"]
    assert (account["frames_unknown"], account["frames_damaged"]) == (3, 0)
    assert account["boots"][0]["decoded"] == 200
    assert rules_found(told) == ["protocol.newer"]


def test_malformed_frames(data_dir: Path, pen: PtyPen) -> None:
    told = scripted(
        data_dir, pen, *samples(0, 50), frame(bytes([0x10, 1]) + bytes(12)), *samples(100, 50), goodbye(200)
    )
    assert faults(told).keys() == {"malformed"}
    assert told["completeness"]["boots"][0]["decoded"] == 200


def test_vanished_in_the_middle_of_a_frame_and_came_back(data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link) as command:
        pen.introduce(command)
        devicelog("mark", "zone", "forehead", data_dir=data_dir).succeeded()
        cut = samples(100)[0][:17]
        pen.send(*samples(0, 50), cut)
        before = pen.sent
        command.wait_until(lambda: bytes_on_disk(data_dir) == before, "all bytes on disk")
        pen.unplug()
        command.wait_for("the pen's port is lost (unplugged)")
        pen.plug()
        command.wait_for("the pen's port is open (reopened)")
        pen.send(*samples(200, 50), goodbye(300))
        command.wait_until(lambda: bytes_on_disk(data_dir) == before + pen.sent, "all bytes on disk")
        command.send(signal.SIGTERM)
        command.end().succeeded()
    told = the_session(data_dir)
    assert faults(told) == {"tail": (1, len(cut) - 1)}
    ((gap),) = told["gaps"]
    assert (gap["cause"], gap["missing"], gap["for_us"], gap["contact"]) == ("link", 100, 1_000_000, "yes")
    (boot,) = told["completeness"]["boots"]
    assert (boot["first"], boot["last"], boot["decoded"], boot["missing"]) == (0, 299, 200, 100)
    assert (told["end_cause"], told["verdict"]) == ("signal", "conforming with deviations")
    assert rules_found(told) == ["data.gap", "link.lost"]


def test_vanished_and_never_came_back(data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link, "--duration", "4") as command:
        pen.introduce(command)
        pen.send(*samples(0, 50))
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        pen.unplug()
        command.wait_for("the pen's port is lost (unplugged)")
        ended = command.end().succeeded()
    assert "PEN LOST" in ended.stderr
    told = the_session(data_dir)
    ((gap),) = told["gaps"]
    assert (gap["cause"], gap["missing"], gap["to_us"]) == ("link", None, told["duration_us"])
    assert gap["for_us"] > 500_000
    assert (told["status"], told["end_cause"]) == ("closed", "duration")
    assert "data.gap" in [finding["rule"] for finding in told["findings"]]
    assert "an unknown number of samples missing" in ended.stdout


# --- options ----------------------------------------------------------------------------------------------------------

SOUND = {"--pen": "/dev/no-pen", "--client": "P-1", "--practitioner": "KM", "--plan": "full-face"}


def record_with(data_dir: Path, **changed: str) -> Ended:
    """`record` with other options than sound ones."""
    options = SOUND | {f"--{name}": value for name, value in changed.items()}
    return devicelog("record", *(word for option in options.items() for word in option), data_dir=data_dir)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"client": ""}, "the client code is empty"),
        ({"client": "P\x001"[:1] + "\a1"}, "U+0007"),
        ({"client": "P-1\n"}, None),
        ({"client": "P\n1"}, "U+000A"),
        ({"client": "P\u202e1"}, "U+202E"),
        ({"client": os.fsdecode(b"P\xff")}, "U+DCFF"),
        ({"client": "x" * 10_000}, "10000 characters; at most 64"),
        ({"practitioner": "Karin Müller"}, "is not an id"),
        ({"practitioner": ""}, "is not an id"),
        ({"practitioner": "KM\n"}, "is not an id"),
        ({"practitioner": "x" * 10_000}, "is not an id"),
        ({"duration": "0"}, "0.1<=x<=86400"),
        ({"duration": "-5"}, "0.1<=x<=86400"),
        ({"duration": "nan"}, "is not a number"),
        ({"duration": "inf"}, "0.1<=x<=86400"),
        ({"duration": "1e9"}, "0.1<=x<=86400"),
        ({"duration": "ten"}, "not a valid float"),
    ],
    ids=lambda value: (
        "-".join(ascii(text)[1:13] for pair in value.items() for text in pair) if isinstance(value, dict) else ""
    ),
)
def test_an_option_that_cannot_be_meant(changed: dict[str, str], says: str | None, data_dir: Path) -> None:
    told = record_with(data_dir, **changed)
    if says is None:  # space around a code is no part of it
        told.refused(4, "/dev/no-pen")
        return
    told.refused(2, says)
    assert len(told.stderr) < 600
    assert not data_dir.exists()


@pytest.mark.parametrize("command", ["demo", "pens simulate --link pen"])
@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--scenario", "cleam", "there is no scenario 'cleam'; did you mean 'clean'? there are: clean, overdepth"),
        ("--seconds", "nan", "is not a number"),
        ("--seconds", "5", "6<=x<=14400"),
        ("--speed", "nan", "is not a number"),
        ("--speed", "0", "0.1<=x<="),
    ],
)
def test_a_simulation_that_cannot_be(command: str, option: str, value: str, says: str, data_dir: Path) -> None:
    told = devicelog(*command.split(), option, value, DEVICELOG_DATA_DIR=str(data_dir))
    told.refused(2, says)
    assert not data_dir.exists()


@pytest.mark.parametrize("code", ['O\'Brien "7"; DROP TABLE client;--', "Zoë/42", "-1", "<b>&amp;</b>"])
def test_a_client_code_with_odd_characters_is_kept(code: str, data_dir: Path, pen: PtyPen) -> None:
    who = ("--practitioner", "KM", "--plan", "full-face", "--duration", "0.2", f"--client={code}")
    with Running("record", "--pen", pen.link, *who, data_dir=data_dir) as command:
        pen.introduce(command)
        command.end().succeeded()
    assert the_session(data_dir)["client"] == code
    with database(data_dir) as connection:
        assert connection.execute("SELECT code FROM client").fetchall() == [(code,)]


PLAN = """\
id = "mine"
label = "Mine"
indication = "test"
[[zones]]
zone = "forehead"
depth_min_um = 300
depth_max_um = 400
source = "me"
evidence = "X"
sourced = false
"""


@pytest.mark.parametrize(
    ("plan", "code", "says"),
    [
        ("no TOML", 2, "mine.toml, line 1: "),
        (PLAN.split("[[")[0], 2, "zones is missing"),
        (PLAN.split("[[")[0] + "zones = []\n", 2, "the plan names no zone"),
        (PLAN.replace("forehead", "forehaed"), 2, "Did you mean forehead?"),
        (PLAN.replace("400", "200"), 2, "is above"),
        (PLAN.replace("400", "0.4"), 2, "a whole number of micrometres"),
        ("\xff\xfe", 2, "line 1: not UTF-8 text"),
        (None, 6, "there is no such file"),
    ],
    ids=["not TOML", "no zones", "zones empty", "unknown zone", "upside down", "millimetres", "not text", "missing"],
)
def test_a_plan_that_is_none(plan: str | None, code: int, says: str, tmp_path: Path, data_dir: Path) -> None:
    if plan is not None:
        (tmp_path / "mine.toml").write_bytes(plan.encode("latin-1"))
    record_with(data_dir, plan=str(tmp_path / "mine.toml")).refused(code, "mine.toml", says)
    assert not data_dir.exists()


def test_a_plan_of_ones_own_is_taken(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "mine.toml").write_text(PLAN)
    record_with(data_dir, plan=str(tmp_path / "mine.toml")).refused(4, "/dev/no-pen")


def test_unknown_plan(data_dir: Path) -> None:
    record_with(data_dir, plan="full-fcae").refused(6, "no plan full-fcae", "Did you mean full-face?")


def test_unknown_profile(data_dir: Path) -> None:
    told = record_with(data_dir, profile="refrence")
    told.refused(told.code, "refrence")
    assert told.code in (2, 6)


# --- the data directory -----------------------------------------------------------------------------------------------


def test_data_directory_missing_is_made(tmp_path: Path, pen: PtyPen) -> None:
    deep = tmp_path / "not" / "yet" / "there"
    with recording(deep, pen.link, "--duration", "0.2") as command:
        pen.introduce(command)
        command.end().succeeded()
    assert deep.stat().st_mode & 0o777 == 0o700
    the_session(deep)


def test_data_directory_is_a_file(tmp_path: Path, pen: PtyPen) -> None:
    (tmp_path / "data").write_text("mine")
    record(tmp_path / "data", pen.link).refused(5, "a file is where a directory belongs", "--data-dir")
    record(tmp_path / "data" / "below", pen.link).refused(5, "--data-dir")
    assert (tmp_path / "data").read_text() == "mine"


def test_data_directory_cannot_be_made(tmp_path: Path, pen: PtyPen) -> None:
    prefix = without_privileges()
    tmp_path.chmod(0o500)
    try:
        record(tmp_path / "data", pen.link, prefix=prefix).refused(5, "cannot be made", "--data-dir")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.requirement("R23")
def test_data_directory_read_only(data_dir: Path, pen: PtyPen) -> None:
    prefix = without_privileges()
    with recording(data_dir, pen.link, "--duration", "0.2") as command:
        pen.introduce(command)
        command.end().succeeded()
    data_dir.chmod(0o500)
    try:
        record(data_dir, pen.link, prefix=prefix).refused(5, "cannot be written", "--data-dir")
        with Running("sessions", "list", data_dir=data_dir, prefix=prefix) as command:
            assert "1 sessions" in command.end().succeeded().stdout
    finally:
        data_dir.chmod(0o700)
    the_session(data_dir)


@pytest.mark.parametrize("content", [b"", b"no database at all, but a text"], ids=["empty", "text"])
def test_database_file_is_none(content: bytes, data_dir: Path, pen: PtyPen) -> None:
    data_dir.mkdir()
    (data_dir / "devicelog.db").write_bytes(content)
    code = 3 if content else 6  # an empty one is what a power cut leaves of the first moment
    for words in (("sessions", "list"), ("verify", "--all"), ("replay", "s-1")):
        told = devicelog(*words, data_dir=data_dir)
        assert (told.code, "unexpected" in told.stderr) == (code, False), told
    if content:
        record(data_dir, pen.link).refused(3, "it is not a database")
        assert (data_dir / "devicelog.db").read_bytes() == content
        return
    with recording(data_dir, pen.link, "--duration", "0.2") as command:
        pen.introduce(command)
        command.end().succeeded()
    the_session(data_dir)


def test_database_of_another_program(data_dir: Path, pen: PtyPen) -> None:
    data_dir.mkdir()
    with closing(sqlite3.connect(data_dir / "devicelog.db")) as connection, connection:
        connection.execute("CREATE TABLE theirs (a)")
    for words in (("sessions", "list"), ("replay", "s-1")):
        devicelog(*words, data_dir=data_dir).refused(3, "database of another program")
    record(data_dir, pen.link).refused(3, "database of another program")


def test_database_from_a_newer_version(data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link, "--duration", "0.2") as command:
        pen.introduce(command)
        command.end().succeeded()
    with closing(sqlite3.connect(data_dir / "devicelog.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    for words in (("sessions", "list"), ("verify", "--all"), ("db", "upgrade")):
        devicelog(*words, data_dir=data_dir).refused(5, "schema 99", "this devicelog is older")
    record(data_dir, pen.link).refused(5, "schema 99", "this devicelog is older")


def test_data_directory_in_memory(small_disk: Path, pen: PtyPen) -> None:
    data_dir = small_disk / "data"
    refused = record(data_dir, pen.link, DEVICELOG_ACCEPT_UNSUITABLE_DIR="")
    refused.refused(5, "is in memory", "--data-dir", "DEVICELOG_ACCEPT_UNSUITABLE_DIR=1")
    assert not data_dir.exists()
    shown = devicelog("demo", "--seconds", "6", "--speed", "10", data_dir=data_dir, DEVICELOG_ACCEPT_UNSUITABLE_DIR="")
    assert "warning: " in shown.succeeded().stderr
    assert "is in memory" in shown.stderr
    with recording(data_dir, pen.link, "--duration", "0.2") as command:
        pen.introduce(command)
        assert "is in memory" in command.end().succeeded().stderr


def test_database_without_its_guards(data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link, "--duration", "0.2") as command:
        pen.introduce(command)
        command.end().succeeded()
    with closing(sqlite3.connect(data_dir / "devicelog.db")) as connection, connection:
        connection.execute("DROP TRIGGER chunk_no_delete")
    record(data_dir, pen.link).refused(3, "guard chunk_no_delete is missing", "verify --all")
    told = devicelog("verify", "--all", data_dir=data_dir)
    assert (told.code, "guard chunk_no_delete is missing" in told.stdout) == (3, True)


# --- a full disk ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system can only be mounted by root")
    where = tmp_path / "disk"
    where.mkdir()
    tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", where], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {tried.stderr.strip()}")
    yield where
    subprocess.run(["umount", "--lazy", where], check=True)


def fill(disk: Path, leave_mb: int = 0) -> None:
    """Take all its space, or all but a little."""
    with (disk / "filler").open("wb", buffering=0) as file:
        block = bytes(65_536)
        try:
            while shutil.disk_usage(disk).free > leave_mb << 20:
                file.write(block)
        except OSError:
            block = bytes(4096)
        while not leave_mb:
            try:
                file.write(block)
            except OSError:
                return


@pytest.mark.requirement("R23")
def test_disk_full_at_the_start(small_disk: Path, pen: PtyPen) -> None:
    fill(small_disk, leave_mb=20)
    record(small_disk / "data", pen.link).refused(5, "MB free; a session may need 48 MB", "--data-dir")


@contextmanager
def talking(pen: PtyPen, command: Running) -> Iterator[Callable[[], None]]:
    """A function that makes the pen say a little more."""
    first = 0

    def talk() -> None:
        nonlocal first
        pen.send(*samples(first, 20))
        first += 40

    pen.introduce(command)
    talk()
    yield talk


def run_into_full_disk(command: Running, disk: Path, talk: Callable[[], None]) -> None:
    fill(disk)

    def noticed() -> bool:
        talk()
        return "NOT RECORDED NOW" in command.stderr

    command.wait_until(noticed, "NOT RECORDED NOW")
    assert "the disk is full" in command.stderr
    assert "kept in memory" in command.stderr


def test_disk_full_in_the_session_and_space_returns(small_disk: Path, pen: PtyPen) -> None:
    data_dir = small_disk / "data"
    with recording(data_dir, pen.link) as command, talking(pen, command) as talk:
        run_into_full_disk(command, small_disk, talk)
        (small_disk / "filler").unlink()
        command.wait_for("recording again")
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        command.send(signal.SIGINT)
        command.end().succeeded()
    account = the_session(data_dir)["completeness"]
    assert account["closes"]
    assert account["bytes_kept"] == pen.sent - len(IDENTITY)
    assert account["boots"][0]["missing"] == 0


@pytest.mark.requirement("R23")
def test_disk_full_in_the_session_and_stays_so(small_disk: Path, pen: PtyPen) -> None:
    data_dir = small_disk / "data"
    with recording(data_dir, pen.link) as command, talking(pen, command) as talk:
        devicelog("mark", "zone", "chin", data_dir=data_dir).succeeded()
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        on_disk = pen.sent
        run_into_full_disk(command, small_disk, talk)
        with Running("mark", "pass", data_dir=data_dir) as mark:
            mark.wait_for_its_first_line()
            command.send(signal.SIGINT)
            assert mark.end().code in (5, 6)  # not confirmed: it is not on disk, or nobody is there any more
        command.end().refused(5, "NOT RECORDED", "the disk is full", "bytes of the pen's data are not on disk")
    still = devicelog("sessions", "list", "--json", data_dir=data_dir).succeeded().json()
    assert [session["status"] for session in still["sessions"]] == ["recording"]
    (small_disk / "filler").unlink()
    told = devicelog("sessions", "list", data_dir=data_dir).succeeded()
    assert "was found open and is closed now as interrupted" in told.stderr
    session = the_session(data_dir)
    assert (session["status"], session["verdict"]) == ("interrupted", "incomplete")
    assert [row["kind"] for row in session["marks"]] == ["zone"]
    assert on_disk <= bytes_on_disk(data_dir) < pen.sent
    assert devicelog("replay", session["id"], data_dir=data_dir).succeeded()


# --- Ctrl-C and SIGTERM, at every stage -------------------------------------------------------------------------------


@SIGNALS
@pytest.mark.parametrize("command", ["record", "demo", "sessions", "pens"])
def test_ended_while_it_starts(command: str, number: int, data_dir: Path, tmp_path: Path) -> None:
    words = {
        "record": [word for option in SOUND.items() for word in option],
        "demo": [],
        "sessions": ["list"],
        "pens": ["simulate", "--link", str(tmp_path / "pen"), "--seconds", "6"],
    }[command]
    (tmp_path / "tmp").mkdir()
    where = None if command == "pens" else data_dir
    with Running(command, *words, data_dir=where, TMPDIR=str(tmp_path / "tmp")) as running:
        running.wait_for_its_first_line()
        running.send(number)
        ended = running.end()
    # Most often nothing has begun; on an idle machine a quick command may be done, and a pen may be there already.
    assert ended.code in {"record": (130, 4), "demo": (130,), "sessions": (130, 6), "pens": (130, 0)}[command], ended
    assert "Traceback" not in ended.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "pen").exists()


@SIGNALS
def test_ended_while_it_waits_for_the_pen(number: int, data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(b"hm")
        command.wait_until(lambda: bytes_on_disk(data_dir) == 2, "the bytes on disk")
        command.send(number)
        ended = command.end()
    assert (ended.code, ended.stdout) == (130, "")
    assert "ended before a session began" in ended.stderr
    span = the_span(data_dir)
    assert span["end_cause"] == {signal.SIGINT: "operator", signal.SIGTERM: "signal"}[signal.Signals(number)]
    assert span["completeness"]["bytes_kept"] == 2


@SIGNALS
def test_ended_while_the_simulated_pen_starts(number: int, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with Running("demo", "--seconds", "6", data_dir=data_dir, TMPDIR=str(tmp_path / "tmp")) as command:
        command.wait_until(lambda: list((tmp_path / "tmp").iterdir()), "a place for the pen")
        command.send(number)
        ended = command.end()
    assert ended.code == 130, ended
    assert "Traceback" not in ended.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert streams(data_dir, "session") == []
    assert_whole(data_dir)


@SIGNALS
@pytest.mark.parametrize("state", ["recording", "paused"])
def test_ended_in_the_session(state: str, number: int, data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 10))
        if state == "paused":
            devicelog("mark", "pause", data_dir=data_dir).succeeded()
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        assert listed(data_dir)[0][0]["status"] == state
        command.send(number)
        command.end().succeeded()
    told = the_session(data_dir)
    assert (told["status"], told["ended"]) == ("closed", "closed")
    assert told["end_cause"] == {signal.SIGINT: "operator", signal.SIGTERM: "signal"}[signal.Signals(number)]
    done = [entry["type"] for entry in entries(data_dir)]
    assert done[done.index("session.closed") :] == [
        *("session.closed", "recorder.stopped", "stream.sealed", "package.written"),
    ]


def test_ended_twice_in_a_row(data_dir: Path, pen: PtyPen) -> None:
    with recording(data_dir, pen.link) as command:
        pen.introduce(command)
        command.send(signal.SIGINT)
        command.send(signal.SIGINT)
        command.send(signal.SIGTERM)
        ended = command.end().succeeded()
    assert "Traceback" not in ended.stderr
    told = the_session(data_dir)
    assert told["status"] == "closed"
    # Two signals that are on their way together may be taken by two threads: which comes first is the kernel's choice.
    assert told["end_cause"] in ("operator", "signal")
    assert told["id"] in ended.stdout


def test_ended_again_while_it_says_what_it_recorded(data_dir: Path, pen: PtyPen) -> None:
    reader, writer = small_pipe()
    os.write(writer, bytes(4096))
    with recording(data_dir, pen.link, stdout=writer) as command:
        os.close(writer)
        pen.introduce(command)
        command.send(signal.SIGINT)
        command.wait_until(lambda: not (data_dir / "writer.lock").read_bytes(), "the end of the recording")
        command.send(signal.SIGINT)
        command.send(signal.SIGTERM)
        with os.fdopen(reader, "rb") as file:
            said = file.read()
        command.end().succeeded()
    assert the_session(data_dir)["id"].encode() in said


@SIGNALS
def test_a_simulated_pen_is_ended(number: int, tmp_path: Path) -> None:
    with simulated_pen(tmp_path / "pen") as command:
        assert (tmp_path / "pen").is_symlink()
        command.send(number)
        command.end().succeeded()
    assert not (tmp_path / "pen").is_symlink()


# --- whoever reads us has gone ----------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data_dir, told = demo_recording(tmp_path_factory, Demo(scenario="clean"), tmp_path)
    for words, first in (
        (("sessions", "readings", told["id"]), "record,arrived_us,zone"),
        (("sessions", "readings", told["id"], "--format", "jsonl"), '{"record":'),
        (("sessions", "show", told["id"], "--json"), "{"),
    ):
        reader, writer = small_pipe()
        with Running(*words, data_dir=data_dir, stdout=writer) as command:
            os.close(writer)
            with os.fdopen(reader, encoding="utf-8") as lines:
                assert lines.readline().startswith(first)
            ended = command.end()
        assert (ended.code, ended.stderr) == (0, ""), ended


@pytest.mark.parametrize("words", [("sessions", "list"), ("zones", "list"), ("--help",), ("version",)])
def test_a_reader_that_was_never_there(words: tuple[str, ...], data_dir: Path, pen: PtyPen) -> None:
    if words == ("sessions", "list"):
        with recording(data_dir, pen.link, "--duration", "0.2") as recorder:
            pen.introduce(recorder)
            recorder.end().succeeded()
    reader, writer = os.pipe()
    os.close(reader)
    with Running(*words, stdout=writer, DEVICELOG_DATA_DIR=str(data_dir)) as command:
        os.close(writer)
        ended = command.end()
    assert (ended.code, re.sub(r"\s", "", ended.stderr)) == (0, ""), ended
