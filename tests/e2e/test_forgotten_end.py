"""A session that nobody ends: the recorder prompts, pauses, goes on, closes; each is told, and what it does is kept."""

import signal
from pathlib import Path

import pytest

from devicelog.control import ask
from devicelog.records import MARK, Mark, item_of
from tests.e2e.running import (
    Json,
    PtyPen,
    Running,
    assert_whole,
    devicelog,
    entries,
    goodbye,
    listed,
    recording,
    records,
    samples,
    shown,
    streams,
)

PAUSED = "the recorder has paused the session"
RESUMED = "the recorder has lifted its pause"


def marks_of(data_dir: Path) -> list[tuple[str, str]]:
    """Every mark in the evidence: its kind and who made it."""
    found = (item_of(record) for record in records(data_dir) if record.kind == MARK)
    return [(mark.kind, mark.actor) for mark in found if isinstance(mark, Mark)]


def changes_of(data_dir: Path) -> list[tuple[str, str, str]]:
    """Every change of state in the ledger: the event, who did it, in which role."""
    changes = [entry for entry in entries(data_dir) if entry["type"] == "state.changed"]
    return [(entry["body"]["event"], entry["actor"]["id"], entry["actor"]["role"]) for entry in changes]


def mark_now(data_dir: Path, *words: str) -> Json:
    """What `devicelog mark` asks for, without the time that a command takes to start."""
    return ask(data_dir, {"command": "mark", "words": list(words)})


def idle(prompt: float, pause: float, close: float) -> tuple[str, ...]:
    return ("--idle-prompt", str(prompt), "--idle-pause", str(pause), "--idle-close", str(close))


def needle_until(pen: PtyPen, command: Running, first: int, said: str, *, contact: bool = True) -> int:
    """Send samples until this is said; returns the number of the next one."""

    def done() -> bool:
        nonlocal first
        pen.send(*samples(first, 5, contact=contact))
        first += 10
        return said in command.stderr

    command.wait_until(done, said)
    return first


def the_session(data_dir: Path) -> Json:
    (session,) = streams(data_dir, "session")
    assert_whole(data_dir)
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]
    return shown(data_dir, session)


def test_prompted_then_paused_then_closed(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(0.5, 1.5, 3)) as command:
        pen.introduce(command)
        pen.send(*samples(0, 20), goodbye(40))
        ended = command.end().succeeded()
    prompt = "no needling for 0.5 s. Is the session over? Ctrl-C ends it. "
    assert prompt + "Without needling it pauses after 1.5 s and it closes after 3 s" in ended.stderr
    told = [ended.stderr.index(said) for said in (prompt, f"no needling for 1.5 s: {PAUSED}", "no needling for 3 s: ")]
    assert told == sorted(told)
    assert marks_of(data_dir) == [("pause", "recorder")]
    assert changes_of(data_dir) == [("pause", "recorder", "recorder")]
    cause = "time-out: no needling for 3 s"
    closing, stopped = [entry for entry in entries(data_dir) if entry["type"] in ("session.closed", "recorder.stopped")]
    assert (closing["type"], closing["body"]["cause"], closing["body"]["ended"]) == ("session.closed", cause, "closed")
    assert (stopped["type"], stopped["body"]["cause"]) == ("recorder.stopped", cause)
    session = the_session(data_dir)
    assert (session["status"], session["end_cause"]) == ("closed", cause)
    assert f"ended by {cause}" in devicelog("sessions", "show", session["id"], data_dir=data_dir).succeeded().stdout
    assert f"ended by {cause}" in ended.stdout


def test_needling_goes_on_after_the_recorders_pause(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(0, 2, 0)) as command:
        pen.introduce(command)
        pen.send(*samples(0, 10))
        command.wait_for(PAUSED)
        assert listed(data_dir)[0][0]["status"] == "paused"
        devicelog("mark", "pass", data_dir=data_dir).refused(2, "the session is paused")
        seq = needle_until(pen, command, 20, RESUMED)
        assert mark_now(data_dir, "pass")["ok"]
        pen.send(goodbye(seq))
        command.send(signal.SIGINT)
        command.end().succeeded()
    marks = marks_of(data_dir)
    assert marks[:3] == [("pause", "recorder"), ("resume", "recorder"), ("pass", "KM")]
    assert changes_of(data_dir)[:2] == [("pause", "recorder", "recorder"), ("resume", "recorder", "recorder")]
    assert the_session(data_dir)["end_cause"] == "operator"


def test_a_pause_that_a_person_made_stays(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(1, 2, 3)) as command:
        pen.introduce(command)
        assert mark_now(data_dir, "pause")["ok"]
        seq = 0
        for _ in range(3):
            pen.send(*samples(seq, 5))
            seq += 10
        pen.send(goodbye(seq))
        ended = command.end().succeeded()
    assert PAUSED not in ended.stderr
    assert RESUMED not in ended.stderr
    assert marks_of(data_dir) == [("pause", "KM")]
    assert the_session(data_dir)["end_cause"] == "time-out: no needling for 3 s"


def test_a_person_lifts_the_recorders_pause(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(0, 1, 0)) as command:
        pen.introduce(command)
        command.wait_for(PAUSED)
        devicelog("mark", "resume", data_dir=data_dir).succeeded()
        command.wait_until(lambda: command.stderr.count(PAUSED) == 2, "the next pause")
        command.send(signal.SIGTERM)
        command.end().succeeded()
    assert marks_of(data_dir)[:3] == [("pause", "recorder"), ("resume", "KM"), ("pause", "recorder")]


def test_a_pen_that_went_away_is_a_pen_that_does_not_needle(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(0, 0, 2)) as command:
        pen.introduce(command)
        pen.send(*samples(0, 10))
        command.wait_until(lambda: "unassigned" in command.stderr, "the samples")
        pen.unplug()
        command.end().succeeded()
    assert marks_of(data_dir) == []
    assert the_session(data_dir)["end_cause"] == "time-out: no needling for 2 s"


def test_samples_in_the_air_are_no_needling(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(0, 0, 1)) as command:
        pen.introduce(command)
        needle_until(pen, command, 0, "the recorder closes the session", contact=False)
        command.end().succeeded()
    assert the_session(data_dir)["end_cause"] == "time-out: no needling for 1 s"


def test_needling_keeps_a_session_open(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    duration = ("--duration", "6")
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *idle(3, 3, 3), *duration) as command:
        pen.introduce(command)
        needle_until(pen, command, 0, "00:04/00:06")
        ended = command.end().succeeded()
    assert "no needling" not in ended.stderr
    assert the_session(data_dir)["end_cause"] == "duration"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--idle-prompt", "-1"), "0<=x<=86400"),
        (("--idle-pause", "nan"), "is not a number"),
        (("--idle-close", "inf"), "0<=x<=86400"),
        (("--idle-close", "soon"), "not a valid float"),
        (idle(20, 10, 30), "--idle-pause 10 s is before --idle-prompt 20 s"),
        (idle(10, 30, 20), "--idle-close 20 s is before --idle-pause 30 s"),
        (("--idle-close", "60"), "--idle-close 1 min is before --idle-pause 10 min"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_times_that_cannot_be_meant(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    with recording(tmp_path / "data", tmp_path / "pen", *words) as command:
        command.end().refused(2, says)
    assert not (tmp_path / "data").exists()
