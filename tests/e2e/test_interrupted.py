"""kill -9 in the middle of a session: the next command closes it, says so, and nothing that was confirmed is lost."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from devicelog.records import MARK, Mark, item_of
from tests.e2e.running import (
    Ended,
    Json,
    PtyPen,
    assert_whole,
    bytes_on_disk,
    devicelog,
    entries,
    listed,
    recording,
    records,
    samples,
    shared,
    shown,
)

CLOSED = "was found open and is closed now as interrupted"
WORDS = (("zone", "forehead"), ("pass",), ("note", "warm"), ("pause",))


def kill_in_the_session(directory: Path) -> None:
    """A session with marks that were confirmed, killed; what was said and sent is kept beside the data."""
    data_dir = directory / "data"
    with PtyPen(directory / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 100))
        said = [devicelog("mark", *words, "--json", data_dir=data_dir).succeeded().json() for words in WORDS]
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        pen.send(*samples(200, 100))
        command.send(signal.SIGKILL)
        command.end()
        told = {"marks": said, "durable": bytes_on_disk(data_dir), "sent": pen.sent, "stderr": command.stderr}
    (directory / "told.json").write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def killed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json]:
    """A copy of the data directory as the kill left it, and what was said before."""
    kept = shared(tmp_path_factory, "killed", kill_in_the_session)
    shutil.copytree(kept / "data", tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "data", json.loads((kept / "told.json").read_text(encoding="utf-8"))


def record_again(data_dir: Path) -> Ended:
    with PtyPen(data_dir.parent / "pen") as pen, recording(data_dir, pen.link, "--duration", "0.3") as command:
        pen.introduce(command)
        return command.end()


@pytest.mark.parametrize(
    "by", ["sessions list", "sessions show", "sessions readings", "verify --all", "verify", "replay", "mark", "record"]
)
@pytest.mark.requirement("R07")
def test_the_next_command_closes_it(by: str, killed: tuple[Path, Json]) -> None:
    data_dir, told = killed
    session = told["marks"][0]["session"]
    open_before = [entry["type"] for entry in entries(data_dir)]
    assert "session.closed" not in open_before
    if by == "record":
        ended = record_again(data_dir)
    elif by == "mark":
        ended = devicelog("mark", "pass", data_dir=data_dir).refused(6, "nobody is recording")
    else:
        words = [*by.split(), session] if by not in ("sessions list", "verify --all") else by.split()
        ended = devicelog(*words, data_dir=data_dir)
    assert ended.code == (6 if by == "mark" else 0), ended
    (line,) = [line for line in ended.stderr.splitlines() if CLOSED in line]
    assert f"the session {session} {CLOSED}" in line
    assert "Traceback" not in ended.stderr

    assert [entry["type"] for entry in entries(data_dir)][: len(open_before)] == open_before
    (closing,) = [entry for entry in entries(data_dir) if entry["type"] == "session.closed"][:1]
    assert (closing["body"]["ended"], closing["body"]["verdict"]) == ("interrupted", "incomplete")
    again = devicelog("sessions", "show", session, "--json", data_dir=data_dir).succeeded()
    assert again.stderr == ""  # said once
    after = again.json()
    assert (after["status"], after["verdict"], after["ended"]) == ("interrupted", "incomplete", "interrupted")
    assert after["completeness"]["open_accounts"] == ["bytes_read"]
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]
    assert_whole(data_dir)


@pytest.mark.requirement("R07")
def test_what_was_confirmed_is_there(killed: tuple[Path, Json]) -> None:
    data_dir, told = killed
    devicelog("sessions", "list", data_dir=data_dir).succeeded()
    session = shown(data_dir, told["marks"][0]["session"])
    found = [(record.number, item_of(record)) for record in records(data_dir) if record.kind == MARK]
    assert [(number, mark.kind) for number, mark in found if isinstance(mark, Mark)] == [
        (said["record"], words[0]) for said, words in zip(told["marks"], WORDS, strict=True)
    ]
    assert [note["text"] for note in session["notes"]] == ["warm"]
    assert bytes_on_disk(data_dir) == told["durable"] <= told["sent"]
    (boot,) = session["completeness"]["boots"]
    assert boot["decoded"] >= 200
    assert boot["missing"] == 0
    # the client is still known, and the end is not later than what is known of it
    assert session["client"] == "P-117"
    assert session["end_cause"] is None


def test_the_text_says_so(killed: tuple[Path, Json]) -> None:
    data_dir, told = killed
    text = devicelog("sessions", "show", told["marks"][0]["session"], data_dir=data_dir).succeeded().stdout
    assert "interrupted   INCOMPLETE" in text.splitlines()[0]
    assert "bytes read unknown (interrupted)" in text


def test_a_recorder_that_died_before_the_session(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(b"hm")
        command.wait_until(lambda: bytes_on_disk(data_dir) == 2, "the bytes on disk")
        command.send(signal.SIGKILL)
        assert command.end().code == -signal.SIGKILL
    told = devicelog("sessions", "list", "--json", data_dir=data_dir).succeeded()
    (span,) = told.json()["spans"]
    assert f"the unattributed span {span['id']} {CLOSED}" in told.stderr
    assert span["status"] == "interrupted"
    assert_whole(data_dir)


def test_a_session_that_is_being_recorded_is_nobodys_to_close(killed: tuple[Path, Json]) -> None:
    data_dir, told = killed
    with PtyPen(data_dir.parent / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        during = devicelog("sessions", "list", "--json", data_dir=data_dir).succeeded()
        assert during.stderr == ""
        assert [session["status"] for session in during.json()["sessions"]] == ["interrupted", "recording"]
        command.send(signal.SIGINT)
        assert told["marks"][0]["session"] in command.end().succeeded().stderr
    assert [session["status"] for session in listed(data_dir)[0]] == ["interrupted", "closed"]
    assert_whole(data_dir)
