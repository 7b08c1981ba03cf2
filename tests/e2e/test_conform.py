"""`pens conform` over a real pty and through the real command line; the words, the exit codes, and what is kept."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.conform import Conformance
from devicelog.recorder.stop import Stop
from firmware_bridge.conformance import judge, write_capture
from firmware_bridge.conformance.capture import MAX_BYTES, Full, Link, Phase, Received, Sent
from firmware_bridge.conformance.plan import WATCH_S, Step, steps
from firmware_bridge.profiles import load_profile
from tests.bridge.ruled_pen import RuledPen, run_with
from tests.bridge.test_conformance import Chats, RareHeartbeat
from tests.e2e.running import IDENTITY, Json, PtyPen, Running, devicelog, simulated_pen, wait_until
from tests.examples import toml_of
from tests.pages import DOCS, block

PAGE = "conformance.md"
FASTER = 40.0


# --- the simulated pen ------------------------------------------------------------------------------------------------


def test_the_simulated_pen_fails_nothing_and_what_is_kept_is_judged_the_same(tmp_path: Path) -> None:
    with simulated_pen(tmp_path / "pen", "--seconds", "7", "--once"):
        words = ("--pen", tmp_path / "pen", "--seconds", "2", "--save", tmp_path / "kept", "--json")
        told = devicelog("pens", "conform", *words).refused(7, "nothing failed", "P-14", "were not shown")
    document = told.json()
    rows = {row["id"]: (row["result"], row["why"]) for row in document["checks"]}
    assert document["schema"] == "devicelog.pen-conformance/1"
    assert (document["verdict"], document["pen"]["model"]) == ("undecided", "Reference pen")
    assert {rule: row for rule, row in rows.items() if row[0] in ("failed", "advice")} == {}
    # a pseudo-terminal has no DTR, and nobody switched the pen off
    power = {"P-12.start", "P-14", "P-15.life", "P-19.start"}
    assert {rule for rule, row in rows.items() if row[0] == "not shown"} <= {"P-02", "P-02.reset", "P-32.fine", *power}
    assert {rule for rule, row in rows.items() if row[0] == "not used"} == {"P-10.off"}

    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["capture.jsonl", "conformance.json"]
    again = devicelog("pens", "conform", "--capture", tmp_path / "kept" / "capture.jsonl", "--json").refused(7)
    # a pseudo-terminal has no DTR: 19 s less 4.5 s, and the 2 s that it watches; said once the port is open
    assert f"testing the pen at {tmp_path / 'pen'}, 115200 baud (profile reference), for 16.5 s\n" in told.stderr
    assert "left out: DTR and RTS" in told.stderr
    assert again.stdout == told.stdout == (tmp_path / "kept" / "conformance.json").read_text("utf-8")


# --- a kept run -------------------------------------------------------------------------------------------------------


def kept(folder: Path, pen: RuledPen, plan: tuple[Step, ...] | None = None) -> Path:
    path = folder / "capture.jsonl"
    path.write_text(write_capture(run_with(pen, plan=plan)), "utf-8")
    return path


def test_a_pen_that_keeps_every_rule_as_the_page_shows_it(tmp_path: Path) -> None:
    told = devicelog("pens", "conform", "--capture", kept(tmp_path, RuledPen())).succeeded()
    assert told.stdout == block(PAGE, "conforms")
    assert told.stderr == ""


def test_a_pen_that_does_not_as_the_page_shows_it(tmp_path: Path) -> None:
    told = devicelog("pens", "conform", "--capture", kept(tmp_path, RareHeartbeat()))
    told.refused(3, "does not keep P-17")
    failing = [line for line in block(PAGE, "fails").splitlines() if line != "..."]
    assert len(failing) > 3
    assert [line for line in told.stdout.splitlines() if line in failing] == failing


def test_a_run_that_cannot_decide_is_no_pass(tmp_path: Path) -> None:
    path = kept(tmp_path, RuledPen(), steps(watch_s=None, power_cycle=False))
    told = devicelog("pens", "conform", "--capture", path).refused(7, "nothing failed", "P-14", "were not shown")
    assert "\nverdict: undecided: nothing failed, and " in told.stdout


def test_lines_that_a_port_does_not_have_are_nothing_to_decide(tmp_path: Path) -> None:
    without = tuple(step for step in steps(watch_s=None, power_cycle=True) if step.phase != "lines")
    told = devicelog("pens", "conform", "--capture", kept(tmp_path, RuledPen(), without)).succeeded()
    assert "\nNOT SHOWN  P-02  " in told.stdout
    assert "\nverdict: conforms: " in told.stdout


def test_advice_changes_no_exit_and_says_so(tmp_path: Path) -> None:
    told = devicelog("pens", "conform", "--capture", kept(tmp_path, Chats())).succeeded()
    assert "advice     P-03 " in told.stdout
    assert (
        "1 advice, 1 not used, 36 passed. Advice fails no pen, and changes no exit\nverdict: conforms: " in told.stdout
    )


def test_the_run_of_the_page_can_be_judged(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_text(block(PAGE, "capture"), "utf-8")
    document = json.loads(devicelog("pens", "conform", "--capture", path, "--json").stdout)
    assert document["heard"]["frames"] == 1
    assert document["pen"]["model"] == "REF-1"


def test_the_page_names_every_phase_and_result() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    names = {step.phase for watch_s in (None, 1.0) for step in steps(watch_s=watch_s, power_cycle=True)}
    for word in (*names, "end", "passed", "FAILED", "advice", "NOT SHOWN", "not used"):
        assert f"`{word}`" in text, word


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1"),
        (b"\xff\xfe\x00", "not a text in UTF-8"),
        (
            b'{"schema": "devicelog.pen-capture/1", "profile": "reference", "baud": 115200, "asks": true}\n{"t_',
            "line 2",
        ),
    ],
    ids=["empty", "binary", "cut"],
)
def test_a_damaged_capture(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "capture.jsonl").write_bytes(content)
    devicelog("pens", "conform", "--capture", tmp_path / "capture.jsonl").refused(2, "capture.jsonl", words)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "either --pen URL or --capture FILE"),
        (("--pen", "/dev/x", "--capture", "y"), 2, "either --pen URL or --capture FILE"),
        (("--capture", "nowhere.jsonl"), 6, "no such file"),
        (("--capture", "."), 2, "directory"),
        (("--capture", "x", "--save", "y"), 2, "--save keeps a run"),
        (("--pen", "/dev/nowhere", "--no-steps"), 4, "there is no such port"),
        (("--pen", "/dev/nowhere", "--profile", "refrence"), 2, "no pen profile refrence"),
        (("--pen", "/dev/nowhere", "--save", "/proc/x"), 5, "--save /proc/x"),
        (("--pen", "/dev/nowhere", "--save", ""), 2, "is empty"),
    ],
    ids=["neither", "both", "no-file", "folder", "save-of-kept", "no-port", "profile", "save-where", "save-empty"],
)
def test_words_that_cannot_be_meant(words: tuple[str, ...], code: int, said: str) -> None:
    devicelog("pens", "conform", *words).refused(code, said)


def test_a_port_that_is_not_there_is_not_said_to_be_tested() -> None:
    told = devicelog("pens", "conform", "--pen", "/dev/nowhere", "--no-steps").refused(4, "there is no such port")
    assert "testing" not in told.stderr


@pytest.mark.parametrize("command", ["conform", "calibrate"])
@pytest.mark.parametrize("kind", ["gpio-reference", "lines"])
def test_a_pen_that_sends_no_frames_is_refused_in_words_of_its_own(command: str, kind: str, tmp_path: Path) -> None:
    profile, says = kind, "is wired to pins"
    if kind == "lines":
        (tmp_path / "my-pen.toml").write_text(toml_of("words"), "utf-8")
        profile, says = str(tmp_path / "my-pen.toml"), "is of a pen that sends lines of text"
    more = ("--practitioner", "KM", "--data-dir", tmp_path / "data") if command == "calibrate" else ()
    words = ("--pen", "/dev/nowhere", "--profile", profile, *more)
    devicelog("pens", command, *words).refused(2, says, "depth" if command == "calibrate" else "frames")
    assert not (tmp_path / "data").exists()


def test_the_help_says_how_long_it_takes() -> None:
    own, watch = (sum(s.lasts_us for s in steps(watch_s=watch_s, power_cycle=False)) / 1e6 for watch_s in (0, WATCH_S))
    told = " ".join(devicelog("pens", "conform", "--help").stdout.split())
    page = (DOCS / PAGE).read_text("utf-8")
    assert f"{own:g} s of what the host does by itself, then watch it for {watch - own:g} s" in told
    assert f"its part for {own:g} s and then watches for {watch - own:g} s" in " ".join(page.split())


def test_what_is_kept_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "capture.jsonl").write_text("mine", "utf-8")
    devicelog("pens", "conform", "--pen", "/dev/nowhere", "--save", tmp_path).refused(2, "is there already")
    assert (tmp_path / "capture.jsonl").read_text("utf-8") == "mine"


def test_ctrl_c_ends_it_and_nothing_is_judged(tmp_path: Path) -> None:
    with PtyPen(tmp_path / "pen"), Running("pens", "conform", "--pen", tmp_path / "pen", "--no-steps") as command:
        command.wait_for("the host says nothing")
        command.send(2)
        ended = command.end()
    assert (ended.code, ended.stdout) == (130, "")
    assert "nothing was judged" in ended.stderr


# --- a run, sped up: what is done and not how it is judged ------------------------------------------------------------


class Somebody:
    """A person who does what a test says when a step asks for it."""

    def __init__(self, does: Callable[[Step], bool | None] = lambda _: True) -> None:
        self.does, self.step, self.told_of = does, Step(phase="listen", lasts_us=0), list[str]()
        self.lasts_us = 0

    def begins(self, lasts_us: int) -> None:
        self.lasts_us = lasts_us

    def told(self, step: Step) -> None:
        self.step = step
        self.told_of.append(step.phase)

    def answer(self) -> bool | None:
        return self.does(self.step)


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[PtyPen]:
    with PtyPen(tmp_path / "pen") as pen:
        yield pen


def run_of(pen: PtyPen, person: Somebody, *, power_cycle: bool = False, stop: Stop | None = None) -> Conformance:
    clock = RecorderClock(speed=FASTER)
    return Conformance(
        str(pen.link), load_profile("reference"), now_us=clock.now_us, person=person, stop=stop or Stop()
    )


def test_where_nothing_comes_the_run_ends_after_it_has_asked(pen: PtyPen) -> None:
    person = Somebody()
    run = run_of(pen, person)
    run.run(steps(watch_s=None, power_cycle=False))
    assert person.told_of == ["listen", "ask"]
    plan = steps(watch_s=None, power_cycle=False)
    assert person.lasts_us == sum(step.lasts_us for step in plan if step.phase != "lines"), "a pty has no DTR"
    assert [event.name for event in run.capture.events if isinstance(event, Phase)] == ["listen", "ask", "end"]
    assert judge(run.capture)["verdict"] == "no pen"
    assert pen.asked()


def test_a_step_that_is_skipped_leaves_no_trace_and_its_rules_are_not_shown(pen: PtyPen) -> None:
    def does(step: Step) -> bool:
        pen.send(IDENTITY)
        return step.phase != "motor"

    run = run_of(pen, Somebody(does))
    run.run(steps(watch_s=None, power_cycle=False))
    events = run.capture.events
    assert [event.name for event in events if isinstance(event, Phase)] == [
        *("listen", "ask", "xoff", "rubbish", "lines", "off", "end")
    ]
    assert {b"\x13", b"\x11"} <= {event.data for event in events if isinstance(event, Sent)}
    rows = {row["id"]: row["result"] for row in judge(run.capture)["checks"]}
    assert (rows["P-10"], rows["P-19.on"], rows["P-02"]) == ("not shown",) * 3


def test_a_pen_that_is_unplugged_and_comes_back_is_heard_again(pen: PtyPen) -> None:
    def does(step: Step) -> bool:
        if step.phase == "power":
            pen.unplug()
            pen.plug()
        pen.send(IDENTITY)
        return True

    run = run_of(pen, Somebody(does), power_cycle=True)
    run.run(steps(watch_s=None, power_cycle=True))
    assert [event.up for event in run.capture.events if isinstance(event, Link)] == [True, False, True]


def test_a_flood_ends_the_run_and_is_bounded(pen: PtyPen) -> None:
    flood, sent = b"\x55" * 65_536, 0

    def does(_: Step) -> None:
        nonlocal sent
        if sent <= MAX_BYTES:
            sent += os.write(pen._master, flood[: MAX_BYTES + 1])

    pen.send(IDENTITY)
    os.set_blocking(pen._master, False)
    run = run_of(pen, Somebody(_not_blocked(does)))
    began_s = time.monotonic()
    run.run((Step(phase="listen", lasts_us=10**12, ask="wait"),))
    assert time.monotonic() - began_s < 60
    events = run.capture.events
    assert sum(len(event.data) for event in events if isinstance(event, Received)) == MAX_BYTES
    assert isinstance(events[-2], Full)
    document: Json = judge(run.capture)
    assert document["heard"]["full"]
    assert "flooded" in document["why"] or document["verdict"] != "no pen"


def _not_blocked(does: Callable[[Step], None]) -> Callable[[Step], None]:
    def tries(step: Step) -> None:
        try:
            does(step)
        except BlockingIOError:
            return

    return tries


def test_a_person_at_the_terminal_is_asked_and_may_skip(tmp_path: Path) -> None:
    """The real prompts, on a real terminal; the run is ended there."""
    master, slave = os.openpty()
    try:
        with simulated_pen(tmp_path / "pen"):
            words = ("pens", "conform", "--pen", tmp_path / "pen")
            with Running(*words, stdin=slave, stderr=slave) as command:
                os.set_blocking(master, False)
                said = bytearray()

                def has_said(text: bytes) -> bool:
                    try:
                        said.extend(os.read(master, 4096))
                    except BlockingIOError:
                        return text in said
                    return text in said

                wait_until(lambda: has_said(b"NOW: hold the pen still"), "the first prompt", said.decode)
                os.write(master, b"s\n")
                wait_until(lambda: has_said(b"it asks for the identity"), "the next step", said.decode)
                command.send(2)
                assert command.end().code == 130
    finally:
        os.close(master)
        os.close(slave)
