"""`export --inspection` as an inspector asks for it: the real command line, checked with verify.py and with bagit."""

import json
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from devicelog.store.evidence import Evidence
from devicelog.store.heads import ledger_bytes
from tests.databases import CLIENT, FIRST, NOTE, SECOND, SPAN, make_database, spoil
from tests.e2e.running import IDENTITY, PtyPen, devicelog, entries, recording, samples, shared
from tests.packages import conftest
from tests.pages import block

PAGE = "inspection.md"
HEADINGS = ("## Make one", "## Check it first")
ROOT = Path(__file__).parents[2]
VERIFY = ROOT / "src/devicelog/verify.py"
bagit = conftest.bagit
DAYS = ("--from", "2020-01-01", "--until", "2099-12-31")


def _made(folder: Path) -> None:
    make_database(folder / "unsigned")
    shutil.copytree(folder / "unsigned", folder / "data")
    inspection(folder / "data", folder / "bag")
    devicelog("checkpoint", "key", "--to", folder / "pin", data_dir=folder / "data").succeeded()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`unsigned`: a span and two sessions, never signed; `data`, `bag`, `pin`: of an inspection of it."""
    return shared(tmp_path_factory, "inspection", _made)


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Path:
    """A copy, unsigned."""
    return shutil.copytree(made / "unsigned", tmp_path / "data")


@pytest.fixture
def bag(made: Path, tmp_path: Path) -> Path:
    """A copy of the bag."""
    return shutil.copytree(made / "bag", tmp_path / "bag")


def inspection(data_dir: Path, to: Path, *more: str, days: tuple[str, ...] = DAYS) -> dict:
    told = devicelog("export", "--inspection", *days, "--to", to, *more, "--json", data_dir=data_dir).succeeded()
    assert told.json()["path"] == str(to)
    return json.loads((to / "data/inspection.json").read_text(encoding="utf-8"))


def pin(data_dir: Path) -> Path:
    devicelog("checkpoint", "key", "--to", data_dir / "pin", data_dir=data_dir).succeeded()
    return data_dir / "pin"


def verified(bag: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """verify.py alone: no environment of ours, another directory."""
    command = [sys.executable, "-I", str(VERIFY), str(bag), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=bag.parent)


def told_in(bag: Path) -> dict:
    return json.loads((bag / "data/inspection.json").read_text(encoding="utf-8"))


def test_a_log_that_was_never_signed_is_handed_out_and_verifies(made, bag, bagit):
    told = told_in(bag)
    assert told["schema"] == "devicelog.inspection/1"
    assert told["log"]["entries"] == told["log"]["signed"] == len(entries(made / "data"))
    assert told["log"]["keys"]["signer"] == "same user"
    assert [row["id"] for row in told["sessions"]["list"]] == [FIRST, SECOND]
    done = verified(bag, "--key", made / "pin")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the whole log was read" in done.stdout
    assert bagit.Bag(str(bag)).validate()


def test_without_a_pin_nothing_is_verified(bag):
    assert verified(bag).returncode == 7


@pytest.mark.parametrize("name", ["log/entries.jsonl", "inspection.json", "inspection.html"])
def test_one_byte_changed_is_altered(name, made, bag):
    data = bytearray((bag / "data" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bag / "data" / name).write_bytes(data)
    assert verified(bag, "--key", made / "pin").returncode == 3


@pytest.mark.requirement("R12")
def test_entries_are_every_entry_as_it_is_stored(made, bag):
    with sqlite3.connect(made / "data/devicelog.db") as connection:
        stored = [row[0] for row in connection.execute("SELECT bytes FROM ledger_entry ORDER BY seq")]
    assert (bag / "data/log/entries.jsonl").read_bytes() == b"".join(data + b"\n" for data in stored)
    with Evidence(made / "data/devicelog.db") as evidence:
        assert ledger_bytes(evidence) == sum(map(len, stored))  # by which the room on the disk is asked for
    assert json.loads(stored[-1])["body"]["inspection"] == {"from": "2020-01-01", "to": "2099-12-31"}


@pytest.mark.requirement("R27")
def test_no_client_and_no_note_is_in_the_bag_and_no_reference_on_the_page(data_dir, tmp_path):
    reason = "the forehead was the cheek"
    more = ("--practitioner", "p-09", "--reason", reason, "--move", "forehead=cheek.left", "--client", "K-2000")
    devicelog("sessions", "attribute", FIRST, *more, data_dir=data_dir).succeeded()
    told = inspection(data_dir, tmp_path / "bag")
    everything = b"".join(file.read_bytes() for file in (tmp_path / "bag").rglob("*") if file.is_file())
    for private in (CLIENT, "K-2000", NOTE, reason):
        assert private.encode() not in everything
    refs = {entry["body"]["client_ref"] for entry in entries(data_dir) if entry["body"].get("client_ref")}
    assert len(refs) == 2
    for name in ("inspection.html", "inspection.json"):
        page = (tmp_path / "bag/data" / name).read_text(encoding="utf-8")
        assert not [ref for ref in refs if ref in page]
    assert [(late["stream"], late["by"]) for late in told["late"]] == [(FIRST, "p-09")]


def test_an_override_is_told_with_the_commitment_to_its_reason_and_without_it(data_dir, tmp_path):
    reason = "scar tissue, agreed with the client"
    opened = ("visits", "open", "--client", CLIENT, "--practitioner", "KM", "--plan", "face-pigment", "--json")
    visit = devicelog(*opened, data_dir=data_dir).succeeded().json()["visit"]
    allowed = ("--rule", "depth.over_hard_max", "--zone", "nose", "--reason", reason, "--by", "KM")
    devicelog("visits", "override", visit, *allowed, data_dir=data_dir).succeeded()
    told = inspection(data_dir, tmp_path / "bag")
    [row] = told["overrides"]["given"]
    [entry] = [each for each in entries(data_dir) if each["type"] == "override.given"]
    assert (row["seq"], row["at"], row["visit"]) == (entry["seq"], entry["at"], visit)
    assert [row["commitment"]] == entry["body"]["private"]
    who_and_what = [row[key] for key in ("by", "role", "auth", "rule", "zone")]
    assert who_and_what == ["KM", "unregistered", "none", "depth.over_hard_max", "nose"]
    files = {file.name: file.read_bytes() for file in (tmp_path / "bag").rglob("*") if file.is_file()}
    assert not [name for name, data in files.items() if reason.encode() in data or CLIENT.encode() in data]
    assert b"depth.over_hard_max in nose" in files["inspection.html"]


def test_an_erasure_and_a_retention_are_told_without_saying_whose(data_dir, tmp_path):
    who = ("--practitioner", "p-09", "--reason", "asked for by the person")
    devicelog("clients", "retention", "--days", "0", *who, data_dir=data_dir).succeeded()
    devicelog("clients", "erase", CLIENT, *who, "--yes", data_dir=data_dir).succeeded()
    told = inspection(data_dir, tmp_path / "bag")
    [erased] = told["erased"]
    assert (erased["by"], erased["sessions"], erased["notes"]) == ("p-09", 2, 2)
    assert [row["days"] for row in told["retention"]] == [0]
    assert [row["erased"] for row in told["sessions"]["list"]] == [True, True]
    assert told["sessions"]["erased"] == 2
    everything = b"".join(file.read_bytes() for file in (tmp_path / "bag").rglob("*") if file.is_file())
    assert b"asked for by the person" not in everything


def test_page_and_values_and_what_is_shown_of_a_session_agree(made, bag):
    told, page = told_in(bag), unescape((bag / "data/inspection.html").read_text(encoding="utf-8"))
    shown = {
        name: devicelog("sessions", "show", name, "--json", data_dir=made / "data").json() for name in (SECOND, SPAN)
    }
    row = told["sessions"]["list"][1]
    assert row["id"] in page
    assert sum(row["findings"].values()) == len(shown[SECOND]["findings"]) > 0
    assert (row["verdict"], row["opened_at"]) == (shown[SECOND]["verdict"], shown[SECOND]["opened_at"])
    [span] = told["unattributed"]["needled"]
    assert span["contact_us"] == sum(zone["contact_us"] for zone in shown[SPAN]["zones"]) > 0
    assert f"{SPAN}, demo" in page
    assert told["log"]["keys"]["fingerprint"] in page


def test_days_without_an_entry_still_hand_out_the_log(data_dir, tmp_path):
    told = inspection(data_dir, tmp_path / "bag", days=("--from", "2019-01-01", "--until", "2019-01-01"))
    assert told["period"]["entries"] == told["sessions"]["total"] == 0
    assert "NO ENTRY OF THIS LOG IS OF THESE DAYS" in (tmp_path / "bag/data/inspection.html").read_text()
    assert verified(tmp_path / "bag", "--key", pin(data_dir)).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2031-02-01", "--until", "2031-01-31"), "the last day is before the first"),
        (("--from", "2031-02-29", "--until", "2031-03-01"), "not two days"),
        (("--from", "yesterday", "--until", "today"), "not two days"),
        (("--from", "2031-01-01"), "--until"),
        ((*DAYS, "--format", "bag,csv"), "--format"),
        ((*DAYS, FIRST), "name no session"),
    ],
    ids=["backwards", "no such day", "words", "one day", "format", "session"],
)
def test_what_is_no_inspection_is_refused_before_anything_is_entered(words, said, data_dir, tmp_path):
    before = len(entries(data_dir))
    devicelog("export", "--inspection", *words, "--to", tmp_path / "bag", data_dir=data_dir).refused(2, said)
    assert len(entries(data_dir)) == before
    assert not (tmp_path / "bag").exists()


def test_a_folder_that_is_there_is_left_as_it_is(data_dir, tmp_path):
    (tmp_path / "bag").mkdir()
    before = len(entries(data_dir))
    devicelog("export", "--inspection", *DAYS, "--to", tmp_path / "bag", data_dir=data_dir).refused(
        2, "is there already"
    )
    assert len(entries(data_dir)) == before
    assert list((tmp_path / "bag").iterdir()) == []


def test_a_derived_record_that_is_gone_is_said_and_the_log_is_handed_out(data_dir, tmp_path):
    digest = next(entry["body"]["derived"] for entry in entries(data_dir) if entry["type"] == "session.closed")
    spoil(data_dir / "devicelog.db", ("DELETE FROM document WHERE sha256 = ?", (bytes.fromhex(digest),)))
    told = inspection(data_dir, tmp_path / "bag")
    assert told["sessions"]["underivable"] == [FIRST]
    assert verified(tmp_path / "bag", "--key", pin(data_dir)).returncode == 0


def test_an_entry_that_was_changed_is_named_and_nothing_is_handed_out(data_dir, tmp_path):
    spoil(
        data_dir / "devicelog.db",
        "UPDATE ledger_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'demo', 'real') AS BLOB) WHERE seq = 3",
    )
    done = devicelog("export", "--inspection", *DAYS, "--to", tmp_path / "bag", data_dir=data_dir)
    assert done.code == 3, done
    assert "ledger entry 3 was changed" in done.stderr
    assert not (tmp_path / "bag").exists()


def test_while_a_recorder_runs_it_goes_through_its_socket(tmp_path):
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, tmp_path / "pen") as command:
        pen.introduce(command)
        pen.send(IDENTITY, *samples(0, 5))
        told = inspection(data_dir, tmp_path / "bag")
        [session] = told["sessions"]["list"]
        assert (session["status"], session["verdict"], session["findings"]) == ("being recorded", None, None)
        assert told["listening"]["goes_on"] is False
        done = verified(tmp_path / "bag", "--key", pin(data_dir))
        assert done.returncode == 0, done.stdout
        command.send(signal.SIGINT)
        command.end().succeeded()


def test_a_recorder_that_was_killed_is_a_death_and_an_interrupted_session(tmp_path):
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, tmp_path / "pen") as command:
        pen.introduce(command)
        command.send(signal.SIGKILL)
        command.wait_until(lambda: command.process.poll() is not None, "its end")
    told = inspection(data_dir, tmp_path / "bag")
    assert [row["what"] for row in told["sessions"]["statuses"]] == ["interrupted"]
    [died] = told["listening"]["died"]
    assert (died["ends"], told["listening"]["goes_on"]) == (False, True)
    shutil.rmtree(tmp_path / "bag")


# --- docs/inspection.md -----------------------------------------------------------------------------------------------


def test_the_commands_of_the_page_run_as_they_stand(made, bag, tmp_path):
    command, check = (shlex.split(block(PAGE, "console", heading).removeprefix("$ ")) for heading in HEADINGS)
    data_dir = shutil.copytree(made / "unsigned", tmp_path / "data")
    assert (command[0], command[-1]) == ("devicelog", "./inspection")
    devicelog(*command[1:-1], tmp_path / "inspection", data_dir=data_dir).succeeded()
    assert entries(data_dir)[-1]["actor"]["id"] == "AUDITOR-3"
    assert check == ["python3", "verify.py", "./inspection", "--key", "PIN"]
    assert verified(bag, "--key", made / "pin").returncode == 0
    counted = subprocess.run([sys.executable, "-c", block(PAGE, "python")], cwd=bag, capture_output=True, check=True)
    assert counted.stdout == b"2\n"


def test_a_session_of_the_sample_has_the_lines_that_stand_in_the_inspection(made, bag, tmp_path):
    data_dir, sample = shutil.copytree(made / "data", tmp_path / "data"), tmp_path / "sample"
    devicelog("export", FIRST, "--to", sample, data_dir=data_dir).succeeded()
    here = (bag / "data/log/entries.jsonl").read_bytes().splitlines()
    lines = (sample / "data/sessions" / FIRST / "entries.jsonl").read_bytes().splitlines()
    assert len(lines) > 2
    assert not set(lines) - set(here)
    assert verified(sample, "--key", made / "pin").returncode == 0
