"""docs/recovery.md, walked through with the real command line: a dead card, an old backup, a replaced computer."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import Json, PtyPen, devicelog, recording, samples, shared, streams
from tests.environment import environment
from tests.pages import block


def record_two(directory: Path) -> None:
    """Two sessions, the first corrected; what left the device: its pin, a witness file, a copy of its packages."""
    data_dir = directory / "data"
    for number in range(2):
        with PtyPen(directory / "pen") as pen, recording(data_dir, pen.link) as command:
            pen.introduce(command)
            devicelog("mark", "zone", "forehead", data_dir=data_dir).succeeded()
            pen.send(*samples(0, 20 + number))
            devicelog("mark", "note", "cold spray", data_dir=data_dir).succeeded()
            command.send(signal.SIGINT)
            command.end().succeeded()
    first = streams(data_dir, "session")[0]
    who = ("--practitioner", "KM", "--reason", "it was another person")
    devicelog("sessions", "attribute", first, *who, "--client", "P-200", data_dir=data_dir).succeeded()
    devicelog("checkpoint", "witness", directory / "clinic.witness", data_dir=data_dir).succeeded()
    shutil.copytree(data_dir / "packages", directory / "backup")


@pytest.fixture
def device(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `data`, `backup` and `clinic.witness` to do with as one likes."""
    kept = shared(tmp_path_factory, "recovery", record_two)
    for name in ("data", "backup"):
        shutil.copytree(kept / name, tmp_path / name, ignore=shutil.ignore_patterns("*.sock"))
    shutil.copy(kept / "clinic.witness", tmp_path)
    return tmp_path


def walked(device: Path, heading: str, data_dir: Path, *, old: Path) -> str:
    """What the commands under this heading of the page say, run as they stand there but for where things are."""
    places = {"/media/stick/packages": device / "backup", "/media/stick": device, "/media/old": old}
    commands = block("recovery.md", "sh", f"## {heading}")
    for place, here in {**places, "/var/lib/devicelog": data_dir}.items():
        commands = commands.replace(place, str(here))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = environment(DEVICELOG_DATA_DIR=str(data_dir), PATH=path)
    done = subprocess.run(["sh", "-e", "-c", commands], capture_output=True, text=True, env=own, timeout=120)
    assert done.returncode == 0, done
    return done.stdout


def shown(data_dir: Path, stream: str) -> str:
    return devicelog("sessions", "show", stream, "--json", data_dir=data_dir).succeeded().stdout


def listed(data_dir: Path) -> list[Json]:
    sessions: list[Json] = devicelog("sessions", "list", "--json", data_dir=data_dir).succeeded().json()["sessions"]
    return sessions


def test_the_card_died(device: Path) -> None:
    sessions = streams(device / "data", "session")
    before = [shown(device / "data", stream) for stream in sessions]
    rows = listed(device / "data")
    readings = devicelog("sessions", "readings", sessions[0], data_dir=device / "data").succeeded().stdout
    shutil.rmtree(device / "data")
    said = walked(device, "The card died", device / "data", old=device)
    assert "2 sessions are read from their packages" in said
    assert "outside witness of that: none whose signature was checked" in said
    assert (device / "new-pin.txt").read_text().startswith("# devicelog birth certificate")
    assert [shown(device / "data", stream) for stream in sessions] == before
    assert json.loads(before[0])["client"] == "P-200"
    assert listed(device / "data") == rows
    assert devicelog("sessions", "readings", sessions[0], data_dir=device / "data").stdout == readings
    assert "identical" in devicelog("replay", sessions[0], data_dir=device / "data").succeeded().stdout
    devicelog("verify", sessions[1], data_dir=device / "data").succeeded()
    checked = devicelog("verify", "--all", "--json", data_dir=device / "data").succeeded().json()
    assert checked["coverage"]["packages_read"] == 2
    with PtyPen(device / "pen") as pen, recording(device / "data", pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 20))
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert len(listed(device / "data")) == 3
    devicelog("verify", "--all", data_dir=device / "data").succeeded()


def test_readable_shapes_of_an_imported_session(device: Path) -> None:
    [first, _] = streams(device / "data", "session")
    of_old = device / "of-old"
    words = ("export", first, "--format", "csv,jsonl,html")
    devicelog(*words, "--to", of_old, data_dir=device / "data").succeeded()
    devicelog("db", "rebuild", "--from", device / "backup", data_dir=device / "new").succeeded()
    devicelog(*words, "--to", device / "of-new", data_dir=device / "new").succeeded()
    for name in (f"records/{first}.jsonl", "tables/sessions.csv", f"tables/readings-{first}.csv"):
        assert (device / "of-new" / name).read_bytes() == (of_old / name).read_bytes()
    refused = devicelog("export", first, "--to", device / "bag", data_dir=device / "new")
    refused.refused(2, "a bag is of one", f"{first}.package.zip")


def test_the_pi_was_replaced(device: Path) -> None:
    said = walked(device, "The computer was replaced", device / "new", old=device / "data")
    assert "it goes on from devicelog/" in said
    assert "older backup" not in said
    devicelog("verify", "--all", data_dir=device / "new").succeeded()
    refused = devicelog("checkpoint", "continue", "--from", device / "data", data_dir=device / "new")
    refused.refused(5, "is there already")


def test_an_older_backup_was_put_in_its_place(device: Path) -> None:
    data_dir = device / "data"
    shutil.copyfile(data_dir / "devicelog.db", device / "older.db")
    with PtyPen(device / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        command.send(signal.SIGINT)
        command.end().succeeded()
    for file in data_dir.glob("devicelog.db*"):
        file.unlink()
    shutil.copyfile(device / "older.db", data_dir / "devicelog.db")
    tried = devicelog("checkpoint", "continue", "--from", data_dir, data_dir=device / "try")
    tried.refused(3, "ended for good, and nothing was done", "signed last", "what was brought has", "--end-old-log")
    assert not (device / "try").exists()
    said = walked(device, "An older backup was put in its place", data_dir, old=device)
    assert "an older backup. That log is ended" in said
    assert "2 sessions" in said, "the restored directory is read where it is"
    devicelog("verify", "--all", data_dir=data_dir).succeeded()


def test_releasing(device: Path) -> None:
    data_dir = device / "data"
    [first, second] = streams(data_dir, "session")
    before = shown(data_dir, first)
    nothing = devicelog("sessions", "release", data_dir=data_dir).succeeded()
    assert "no sealed session ended more than 30 days ago" in nothing.stdout
    with PtyPen(device / "pen") as pen, recording(data_dir, pen.link) as command:  # its writer does it
        pen.introduce(command)
        done = devicelog("sessions", "release", first, "--json", data_dir=data_dir).succeeded().json()
        running = streams(data_dir, "session")[-1]
        devicelog("sessions", "release", running, data_dir=data_dir).refused(2, "no package yet")
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert [each["session"] for each in done["released"]] == [first]
    assert shown(data_dir, first) == before
    devicelog("replay", first, data_dir=data_dir).succeeded()
    devicelog("verify", "--all", data_dir=data_dir).succeeded()
    devicelog("export", first, "--to", device / "bag", data_dir=data_dir).succeeded()
    who = ("--practitioner", "KM", "--reason", "it was a third person", "--client", "P-300")
    devicelog("sessions", "attribute", first, *who, data_dir=data_dir).succeeded()
    assert devicelog("db", "rebuild", data_dir=data_dir).succeeded()
    devicelog("verify", "--all", data_dir=data_dir).succeeded()
    (data_dir / "packages" / f"{second}.package.zip").unlink()
    refused = devicelog("sessions", "release", "--older-than", "0", data_dir=data_dir)
    refused.refused(3, f"{second}.package.zip is missing")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("db", "rebuild", "--from", "nowhere"), 6, "there is no folder"),
        (("db", "rebuild", "--from", "clinic.witness"), 2, "is a file"),
        (("db", "rebuild", "--from", "empty"), 6, "there is no package"),
        (("db", "rebuild", "--skip-damaged"), 2, "--from FOLDER"),
        (("db", "rebuild", "--from", "backup", "--witness", "empty"), 5, "cannot be read"),
        (("checkpoint", "continue", "--from", "nowhere"), 6, "there is no file"),
        (("sessions", "release", "s-none"), 6, "there is no database"),
    ],
)
def test_bad_words(device: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str) -> None:
    monkeypatch.chdir(device)
    (device / "empty").mkdir()
    devicelog(*words, data_dir=device / "new").refused(code, said)
    assert not (device / "new" / "devicelog.db").exists()
