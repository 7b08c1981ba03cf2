"""Clients on the real command line: what is held on one, given to one, erased, and what is said where it cannot be."""

import csv
import io
import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from hashlib import sha256
from pathlib import Path

import pytest

from devicelog.cli import run
from devicelog.recorder.acts import perform
from devicelog.store.evidence import Evidence
from devicelog.store.heads import pin_of
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG
from tests.databases import one, rows
from tests.e2e.running import (
    Ended,
    Json,
    PtyPen,
    Running,
    assert_whole,
    bytes_on_disk,
    devicelog,
    entries,
    goodbye,
    recording,
    samples,
    shared,
    wait_until,
)
from tests.environment import environment
from tests.pages import DOCS

HERS, HIS = "P-117", "P-118"
HER_NOTE, HIS_NOTE = "slight redness on her left side", "he was here after P-117, and asked for cream"
WHY = "asked for it in writing"


def _session(data_dir: Path, pen: PtyPen, client: str, note: str) -> None:
    marks = pen.link.with_name("marks")
    marks.write_text(f"0 zone forehead\n0.05 note {note}\n", encoding="utf-8")
    pen.asked()
    with recording(data_dir, pen.link, "--marks", marks, "--client", client) as command:
        pen.introduce(command)
        pen.send(*samples(0, 10), goodbye(20))
        command.wait_for("note")
        command.send(signal.SIGINT)
        command.end().succeeded()


def _record(directory: Path) -> None:
    data_dir = directory / "data"
    for client, note in ((HERS, HER_NOTE), (HIS, HIS_NOTE)):
        with PtyPen(directory / "pen") as pen:
            _session(data_dir, pen, client, note)
    assert_whole(data_dir)


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """Of two clients with a session and a note each, sealed. No retention was set."""
    kept = shared(tmp_path_factory, "two-clients", _record)
    return Path(shutil.copytree(kept / "data", tmp_path / "data"))


def told_of(data_dir: Path, client: str) -> Json:
    return here("clients", "show", client, "--json", data_dir=data_dir).succeeded().json()


def show(data_dir: Path, stream: str) -> Json:
    return here("sessions", "show", stream, "--json", data_dir=data_dir).succeeded().json()


def retain(data_dir: Path, days: int = 0) -> Ended:
    who = ("--practitioner", "KM", "--reason", "so says the law of this place")
    return here("clients", "retention", "--days", str(days), *who, data_dir=data_dir)


def erase(data_dir: Path, client: str, *more: str, why: str = WHY) -> Ended:
    return here(*_erasing(client, why), *more, data_dir=data_dir)


def _erasing(client: str, why: str = WHY) -> tuple[str, ...]:
    return ("clients", "erase", client, "--practitioner", "KM", "--reason", why)


def holding(folder: Path, *texts: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if any(text.encode() in path.read_bytes() for text in texts))


def here(*words: str | Path, data_dir: Path) -> Ended:
    """A command in this process: what it says and its exit code, without the half second that Python takes to start."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*map(str, words), "--data-dir", str(data_dir)])
    return Ended(code=code, stdout=out.getvalue(), stderr=err.getvalue())


# --- what is held -----------------------------------------------------------------------------------------------------


def test_what_is_held_on_one_client_is_listed_and_shown(data_dir: Path) -> None:
    told = here("clients", "list", "--json", data_dir=data_dir).succeeded().json()
    assert told["schema"] == "devicelog.clients/1"
    assert [(each["client"], each["sessions"], each["erased"]) for each in told["clients"]] == [
        (HERS, 1, None),
        (HIS, 1, None),
    ]
    text = here("clients", "list", data_dir=data_dir).succeeded().stdout
    assert [line.split()[0] for line in text.splitlines()] == ["client", HERS, HIS]
    hers = told_of(data_dir, HERS)
    assert hers == told_of(data_dir, hers["client_ref"])
    assert (hers["texts"], len(hers["files"]), hers["retention_days"]) == (1, 1, None)
    text = here("clients", "show", HERS, data_dir=data_dir).succeeded().stdout
    assert hers["sessions"][0]["id"] in text
    assert HER_NOTE not in text


@pytest.mark.requirement("R22")
def test_a_client_who_is_given_everything_can_check_it_and_reads_of_nobody_else(data_dir: Path, tmp_path: Path) -> None:
    perform(data_dir, {"do": "export", "sessions": [told_of(data_dir, HERS)["sessions"][0]["id"]], "formats": ["bag"],
                       "recipient": "insurer"})  # fmt: skip
    hers, his = told_of(data_dir, HERS), told_of(data_dir, HIS)
    to = tmp_path / "hers"
    devicelog("clients", "export", HERS, "--to", to, data_dir=data_dir).succeeded()
    [stream], [other] = ([row["id"] for row in told["sessions"]] for told in (hers, his))
    assert sorted(str(path.relative_to(to)) for path in to.rglob("*") if path.is_file()) == [
        *("README.txt", "entries.jsonl", "person.json"),
        *(f"sessions/{stream}.{kind}" for kind in ("csv", "json")),
    ]
    person = json.loads((to / "person.json").read_text())
    [text] = person["texts"]
    assert text["text"] == HER_NOTE
    assert sha256(NOTE_TAG + bytes.fromhex(text["salt"]) + HER_NOTE.encode()).hexdigest() == text["commitment"]
    assert list(person["pseudonyms"]) == ["insurer"]
    assert [out["recipient"] for out in person["handed_out"]] == ["insurer"]
    [opened] = [json.loads(line) for line in (to / "entries.jsonl").read_text().splitlines()]
    code = sha256(CLIENT_TAG + bytes.fromhex(person["salt"]) + HERS.encode()).hexdigest()
    assert opened["body"]["client_commitment"] == code
    assert json.loads((to / f"sessions/{stream}.json").read_text()) == show(data_dir, stream)
    printed = here("sessions", "readings", stream, data_dir=data_dir).succeeded().stdout
    assert (to / f"sessions/{stream}.csv").read_text() == printed
    assert len(list(csv.DictReader(io.StringIO(printed)))) == 20
    assert holding(to, HIS, his["client_ref"], other, HIS_NOTE) == []
    assert {path.stat().st_mode & 0o077 for path in (to, to / "sessions")} == {0}


def test_a_text_that_names_another_client_is_left_out_and_that_is_said(data_dir: Path, tmp_path: Path) -> None:
    done = devicelog("clients", "export", HIS, "--to", tmp_path / "his.zip", data_dir=data_dir).succeeded()
    assert "1 texts name the code of another person" in done.stderr
    with zipfile.ZipFile(tmp_path / "his.zip") as packed:
        assert packed.testzip() is None
        everything = b"".join(packed.read(name) for name in packed.namelist())
        person = json.loads(packed.read("person.json"))
    assert [(text["text"], text["withheld"]) for text in person["texts"]] == [(None, True)]
    assert HERS.encode() not in everything
    assert HIS.encode() in everything


# --- erased -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R28")
def test_an_erased_client_is_in_no_byte_and_everything_else_is_as_it_was(data_dir: Path) -> None:
    retain(data_dir).succeeded()
    hers = told_of(data_dir, HERS)
    [stream] = [row["id"] for row in hers["sessions"]]
    before, theirs = show(data_dir, stream), told_of(data_dir, HIS)
    assert set(holding(data_dir, HER_NOTE)) == {"devicelog.db", f"{stream}.private.json"}
    done = devicelog(*_erasing(HERS), "--yes", "--json", data_dir=data_dir).succeeded().json()
    assert (done["client_ref"], done["sessions"], done["log_emptied"]) == (hers["client_ref"], 1, True)
    assert holding(data_dir, HER_NOTE) == []
    assert [name for name in holding(data_dir, HERS) if "private" in name or name == "devicelog.db"] == holding(
        data_dir, HIS_NOTE
    )  # his note names her, and is his
    after = show(data_dir, stream)
    notes = [note | {"text": None} for note in before["notes"]]
    record = before["treatment"] | {"client": before["treatment"]["client"] | {"code": None}}
    assert after == before | {"client": None, "notes": notes, "treatment": record}
    assert f"erased ({hers['client_ref']})" in here("sessions", "show", stream, data_dir=data_dir).stdout
    assert here("replay", stream, "--json", data_dir=data_dir).succeeded().json()["identical"]
    verified = here("verify", "--all", "--json", data_dir=data_dir).succeeded().json()
    assert verified["coverage"]["erased_private_payloads"] == 2
    pin = data_dir.with_name("pin.txt")
    with Evidence(data_dir / "devicelog.db") as evidence:
        known = pin_of(evidence)
        assert known is not None
        pin.write_text(known.text())
    here("verify", data_dir / "packages" / f"{stream}.package.zip", "--key", pin, data_dir=data_dir).succeeded()
    assert told_of(data_dir, HIS) == theirs
    [row] = [each for each in here("clients", "list", "--json", data_dir=data_dir).json()["clients"]
             if each["client"] is None]  # fmt: skip
    assert (row["client_ref"], row["erased"]["by"]) == (hers["client_ref"], "KM")
    here("clients", "show", HERS, data_dir=data_dir).refused(6, "no client with this code")
    assert "ERASED" in here("clients", "show", hers["client_ref"], data_dir=data_dir).succeeded().stdout


def test_off_a_terminal_it_says_what_it_would_do_and_does_nothing(data_dir: Path) -> None:
    retain(data_dir).succeeded()
    before = entries(data_dir)
    said = devicelog(*_erasing(HERS), data_dir=data_dir).refused(2, "--yes")
    assert "would erase, for good, what is held on c-" in said.stderr
    assert "1 texts of 1 sessions" in said.stderr
    assert entries(data_dir) == before
    assert holding(data_dir, HER_NOTE)


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 2)], ids=["yes", "no"])
def test_on_a_terminal_it_asks(data_dir: Path, answer: bytes, code: int) -> None:
    retain(data_dir).succeeded()
    master, slave = pty.openpty()
    try:
        with Running(*_erasing(HERS), data_dir=data_dir, stdin=slave) as command:
            command.wait_for("erase it?")
            os.write(master, answer)
            assert command.end().code == code
    finally:
        os.close(master)
        os.close(slave)
    assert bool(one(data_dir / "devicelog.db", "SELECT count(*) FROM erased")) == (code == 0)


def test_what_lies_elsewhere_is_named_with_what_to_do(data_dir: Path) -> None:
    retain(data_dir).succeeded()
    [stream] = [row["id"] for row in told_of(data_dir, HERS)["sessions"]]
    for recipient, redacted in (("insurer", False), ("study", True)):
        perform(data_dir, {"do": "export", "sessions": [stream], "formats": ["bag"], "recipient": recipient,
                           "redacted": redacted})  # fmt: skip
    here("db", "rebuild", data_dir=data_dir).succeeded()
    [kept] = data_dir.glob("devicelog.db.kept-*")
    done = erase(data_dir, HERS, "--yes").succeeded().stdout
    assert f"OLD DATABASE  {kept}: may hold it; delete it, or erase with --with-kept" in done
    assert "to insurer" in done
    assert "ask them to delete it" in done
    assert "study" not in done
    assert holding(data_dir, HER_NOTE) == [kept.name]
    ref = next(each["body"]["client_ref"] for each in entries(data_dir) if each["type"] == "private.erased")
    erase(data_dir, ref, "--with-kept", "--yes").succeeded()
    assert holding(data_dir, HER_NOTE) == []
    assert [each["type"] for each in entries(data_dir)].count("private.erased") == 1


def test_killed_between_the_entry_and_the_files_the_next_start_finishes_it(data_dir: Path) -> None:
    retain(data_dir).succeeded()
    killed = (
        "import os, signal\n"
        "from devicelog.recorder import erasing\n"
        "erasing.clear_files = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from devicelog.cli import run\n"
        f"run(['clients', 'erase', {HERS!r}, '--practitioner', 'KM', '--reason', 'asked', '--yes', "
        f"'--data-dir', {str(data_dir)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", killed], env=environment(), check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done
    [file] = [path for path in (data_dir / "packages").glob("*.private.json") if HER_NOTE in path.read_text()]
    assert [each["type"] for each in entries(data_dir)][-1] == "private.erased"
    verified = devicelog("verify", "--all", "--json", data_dir=data_dir)
    assert (verified.code, verified.json()["problems"]) == (
        3,
        [f"{file} holds again what was erased, or cannot be read"],
    )
    with PtyPen(data_dir.parent / "pen") as pen, recording(data_dir, pen.link, "--client", "P-119") as command:
        pen.introduce(command)
        assert "erased again" in command.stderr
        assert not file.exists()
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert holding(data_dir, HER_NOTE) == []
    assert_whole(data_dir)


def test_the_commands_of_the_page_do_what_it_says(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data_dir.parent)
    lines = (DOCS / "privacy.md").read_text("utf-8").splitlines()
    commands = [shlex.split(line)[2:] for line in lines if line.startswith("$ devicelog ")]
    done = [(words[1], here(*words, data_dir=data_dir)) for words in commands]
    assert [(name, told.code) for name, told in done] == [
        *(("list", 0), ("show", 0), ("export", 0), ("retention", 0)),
        ("erase", 2),  # the retention that was set just before runs
    ]
    assert "retention of 3650 days" in done[-1][1].stderr
    retain(data_dir).succeeded()
    here(*commands[-1], data_dir=data_dir).succeeded()


# --- refused, and through a recorder that runs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("erase", HERS, "--yes"), 2, "nobody has set how long"),
        (("erase", "P-999", "--yes"), 6, "no client with this code"),
        (("show", "P-999"), 6, "no client with this code"),
        (("show", " "), 2, "the client code is empty"),
        (("export", "P-999", "--to", "out"), 6, "no client with this code"),
        (("retention", "--days", "7"), 2, "--practitioner ID --reason TEXT"),
        (("retention", "--reason", "none"), 2, "go with --days"),
        (("retention", "--days", "-1", "--practitioner", "KM", "--reason", "none"), 2, "0 to 36525 days"),
    ],
    ids=["no-retention", "erase-nobody", "show-nobody", "empty-code", "export-nobody", "no-reason", "no-days", "minus"],
)
def test_what_cannot_be_done_is_refused(data_dir: Path, words: tuple[str, ...], code: int, says: str) -> None:
    who = ("--practitioner", "KM", "--reason", WHY) if words[0] == "erase" else ()
    before = entries(data_dir)
    said = here("clients", *words, *who, data_dir=data_dir).refused(code, says)
    assert "P-999" not in said.stdout + said.stderr
    assert entries(data_dir) == before


def test_an_export_to_what_is_there_is_refused(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    here("clients", "export", HERS, "--to", tmp_path / "out", data_dir=data_dir).refused(2, "is there already")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_export_of_one_who_was_erased_is_refused(data_dir: Path, tmp_path: Path) -> None:
    retain(data_dir).succeeded()
    ref = told_of(data_dir, HERS)["client_ref"]
    erase(data_dir, HERS, "--yes").succeeded()
    here("clients", "export", ref, "--to", tmp_path / "out", data_dir=data_dir).refused(6, "was erased")
    assert not (tmp_path / "out").exists()


def test_a_running_retention_is_refused_with_its_reason(data_dir: Path) -> None:
    retain(data_dir, 3650).succeeded()
    said = here("clients", "retention", data_dir=data_dir).succeeded().stdout
    assert said.startswith("3650 days after each session, set ")
    assert "so says the law of this place" in said
    erase(data_dir, HERS, "--yes").refused(2, "retention of 3650 days")  # runs, or the clock here is not sure
    assert holding(data_dir, HER_NOTE) != []


def test_a_recorder_that_runs_erases_others_and_not_whom_it_records_and_logs_nothing(data_dir: Path) -> None:
    with PtyPen(data_dir.parent / "pen") as pen, recording(data_dir, pen.link) as command:  # of P-117
        pen.introduce(command)
        before = bytes_on_disk(data_dir)
        retain(data_dir).succeeded()
        erase(data_dir, HERS, "--yes").refused(2, "is being recorded")
        erase(data_dir, HIS, "--yes", why="a reason of his own").succeeded()
        pen.send(*samples(0, 10), goodbye(20))
        wait_until(lambda: bytes_on_disk(data_dir) > before, "more of the session")
        assert holding(data_dir, HIS_NOTE) == []
        command.send(signal.SIGINT)
        told = command.end().succeeded()
    for text in (HIS, HIS_NOTE, "a reason of his own"):
        assert text not in told.stdout + told.stderr
    assert_whole(data_dir)
    assert rows(data_dir / "devicelog.db", "SELECT code FROM client") == [(HERS,)]
