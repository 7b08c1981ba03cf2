"""Evidence of earlier sessions that cannot be read any more: it is said, and the session that runs now goes on."""

import signal
from pathlib import Path

import pytest

from tests import databases
from tests.calibrations import keep_calibration
from tests.e2e.running import (
    Json,
    PtyPen,
    Running,
    bytes_on_disk,
    devicelog,
    entries,
    identity,
    recording,
    samples,
    shown,
    streams,
)

UNKNOWN_USE = "Whether the pen was used since is not known"
UNKNOWN_UPDATE = "Whether this pen was updated since is not known"
UNCALIBRATED = "No calibration of this pen that was made here is applied"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def ended(command: Running, data_dir: Path, pen: PtyPen) -> str:
    """End a session properly, all that was sent in it; returns what was said."""
    command.wait_until(lambda: bytes_on_disk(data_dir) >= pen.sent, "all bytes on disk")
    command.send(signal.SIGINT)
    return command.end().succeeded().stderr


def spoil(data_dir: Path, digest: str) -> None:
    """Let a document be another than it was."""
    change = "UPDATE document SET bytes = x'7b7d' WHERE sha256 = ?", (bytes.fromhex(digest),)
    databases.spoil(data_dir / "devicelog.db", change)


def a_session_whose_record_is_damaged(data_dir: Path, link: Path, serial: str) -> None:
    with PtyPen(link) as pen, recording(data_dir, link) as command:
        pen.introduce(command, identity(serial=serial))
        ended(command, data_dir, pen)
    closed = next(entry for entry in entries(data_dir) if entry["type"] == "session.closed")
    spoil(data_dir, closed["body"]["derived"])


def the_newest(data_dir: Path) -> Json:
    return shown(data_dir, streams(data_dir, "session")[-1])


def test_another_pen_comes_whose_earlier_session_is_damaged(data_dir: Path, tmp_path: Path) -> None:
    a_session_whose_record_is_damaged(data_dir, tmp_path / "pen", "PTY-2")
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 5), identity(serial="PTY-2", firmware="2"))
        command.wait_for(UNKNOWN_UPDATE)
        pen.send(identity(serial="PTY-2", firmware="3"), *samples(10, 5))  # that one is known now
        command.wait_for("pen PTY-2 was updated: firmware 2 -> 3")
        said = ended(command, data_dir, pen)
    assert said.count("earlier sessions cannot be read") == 2, (
        "of the client before it begins, of the pen when it comes"
    )
    assert "`devicelog verify --all`" in said
    assert the_newest(data_dir)["completeness"]["closes"]
    assert devicelog("verify", "--all", data_dir=data_dir).code == 3  # for the old one


def test_the_pens_own_earlier_session_is_damaged(data_dir: Path, tmp_path: Path) -> None:
    a_session_whose_record_is_damaged(data_dir, tmp_path / "pen", "PTY-1")
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 5))
        said = ended(command, data_dir, pen)
    assert said.count(UNKNOWN_USE) == said.count(UNKNOWN_UPDATE) == 1
    assert the_newest(data_dir)["completeness"]["boots"][0]["decoded"] == 10
    (opened,) = [entry for entry in entries(data_dir)[-8:] if entry["type"] == "session.opened"]
    assert opened["body"]["pen_before"] is None


def test_the_calibration_in_force_is_damaged(data_dir: Path, tmp_path: Path) -> None:
    keep_calibration(data_dir, serial="PTY-1")
    (made,) = [entry for entry in entries(data_dir) if entry["type"] == "pen.calibrated"]
    spoil(data_dir, made["body"]["documents"]["calibration"])
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 5))
        said = ended(command, data_dir, pen)
    assert said.count(UNCALIBRATED) == 1
    (opened,) = [entry for entry in entries(data_dir) if entry["type"] == "session.opened"]
    assert "calibration" not in opened["body"]["documents"]
    assert the_newest(data_dir)["completeness"]["closes"]
