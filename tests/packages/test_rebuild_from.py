"""A database made of packages alone: the same sessions, byte for byte, in a new log that says what it goes on from."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.cli.report import show_document
from devicelog.errors import (
    BadTransition,
    CannotDecide,
    DevicelogError,
    EvidenceDamaged,
    NotFound,
    StoreUnusable,
    UsageProblem,
)
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.cosigning import Witness
from devicelog.ledger.keys import SigningKey, verified
from devicelog.ledger.note import SignedNote
from devicelog.ledger.witness import WitnessFile, begin
from devicelog.packages.container import Container, image
from devicelog.packages.member import Member
from devicelog.packages.sealing import later_path, package_path, private_path
from devicelog.packages.whole import BesideDatabase, WholeEvidence
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.recorder.attributing import AttributeCommand, attribute_here
from devicelog.recorder.checkpointing import checkpoint
from devicelog.recorder.importing import Imported, rebuild_from
from devicelog.recorder.known_pens import last_counters
from devicelog.recorder.recovery import software
from devicelog.recorder.replay import replay
from devicelog.recorder.sealing import extend, seal, seal_newest
from devicelog.store.audit import audit
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_checkpoint, pin_of
from devicelog.store.rebuild import rebuild
from tests.databases import CLIENT, FIRST, NOTE, SECOND, StillClock, flip, make_database, one, rows
from tests.environment import environment

SESSIONS = (FIRST, SECOND)


def attribute(path: Path, stream: str) -> None:
    command = AttributeCommand(
        session=stream,
        practitioner="p-07",
        reason="it was the cheek",
        moves=(("forehead", "cheek.left"),),
        client_code="K-2000",
    )
    assert attribute_here(path.parent, command)["ok"]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with two sealed sessions, of which the first was corrected afterwards. Made once."""
    path = make_database(tmp_path_factory.mktemp("old") / "data")
    with alone(path.parent) as access:
        seal_newest(access, 100)
    attribute(path, FIRST)
    with alone(path.parent) as access:
        assert extend(access, FIRST)
    return path.parent


@pytest.fixture
def packages(master: Path, tmp_path: Path) -> Path:
    """Nothing but the packages: the database and its keys are gone."""
    shutil.copytree(master / "packages", tmp_path / "stick")
    return tmp_path / "stick"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def shown(data_dir: Path, stream: str, derivation: int | None = None) -> bytes:
    """What `sessions show --json` prints."""
    with WholeEvidence(data_dir) as evidence, evidence.of(stream) as (kept, row):
        document = show_document(kept, row["id"], derivation)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).encode()


def problems(data_dir: Path) -> list[str]:
    with WholeEvidence(data_dir) as evidence:
        return audit(evidence.connection, evidence.path, packages=BesideDatabase(data_dir)).problems


def listed(data_dir: Path) -> list[tuple[object, ...]]:
    """What `sessions list` says of each session."""
    with WholeEvidence(data_dir) as evidence:
        return [
            (
                *(row[key] for key in ("id", "status", "verdict", "mode", "opened_at", "closed_at", "practitioner")),
                evidence.client_code(row["client_ref"]),
            )
            for row in evidence.streams()
            if row["kind"] == "session"
        ]


def entries(data_dir: Path, type_: str) -> list[Json]:
    with Evidence(data_dir / FILE_NAME) as evidence:
        seqs = [seq for (seq,) in rows(evidence.path, "SELECT seq FROM ledger_entry ORDER BY seq")]
        return [entry.body for entry in map(evidence.entry, seqs) if entry.type == type_]


def head_of(data_dir: Path) -> tuple[SignedNote, Checkpoint]:
    with Evidence(data_dir / FILE_NAME) as evidence:
        held = newest_checkpoint(evidence)
    assert held is not None
    note = SignedNote.parse(held.note)
    return note, Checkpoint.of(note)


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R11", "R29")
def test_every_session_is_shown_as_before_byte_for_byte(master: Path, packages: Path, new: Path) -> None:
    rebuild_from(packages, new)
    for stream in SESSIONS:
        assert shown(new, stream) == shown(master, stream)
    for derivation in (1, 2):
        assert shown(new, FIRST, derivation) == shown(master, FIRST, derivation)
    assert listed(new) == listed(master)
    assert b"K-2000" in shown(new, FIRST)
    assert NOTE.encode() in shown(new, SECOND)
    assert problems(new) == []


def test_records_and_every_derivation_are_as_before(master: Path, packages: Path, new: Path) -> None:
    rebuild_from(packages, new)
    for stream in SESSIONS:
        found = []
        for data_dir in (master, new):
            with WholeEvidence(data_dir) as evidence, evidence.of(stream) as (kept, row):
                found.append((list(kept.records(row["no"])), [each.document() for each in replay(kept, row)]))
        assert found[0] == found[1]


@pytest.mark.requirement("R29")
def test_the_new_log_has_new_keys_and_names_the_old_head(master: Path, packages: Path, new: Path) -> None:
    done = rebuild_from(packages, new)
    [continued] = entries(new, "log.continued")
    with Evidence(master / FILE_NAME) as evidence:
        pin = pin_of(evidence)
        last = evidence.entry(continued["size"] - 1)
    assert pin is not None
    _, head = head_of(master)
    assert continued == {
        "predecessor": pin.log,
        "size": head.size,
        "root": head.root.hex(),
        "vkey": pin.checkpoints.text(),
        "witness": None,
        "last_at": last.values["at"],
    }
    with Evidence(new / FILE_NAME) as evidence:
        [first, second] = [evidence.entry(seq).type for seq in (0, 1)]
        mine = pin_of(evidence)
    assert (first, second) == ("log.created", "log.commissioned")
    assert mine is not None
    assert mine.log == done.log != pin.log
    assert mine.checkpoints.public != pin.checkpoints.public
    assert done.unsigned is None
    assert head_of(new)[1].origin == done.log


def test_each_package_is_entered_by_its_hash(packages: Path, new: Path) -> None:
    done = rebuild_from(packages, new)
    said = entries(new, "package.imported")
    assert [(body["stream"], body["sha256"]) for body in said] == [(each.stream, each.sha256) for each in done.found]
    digest = subprocess.run(
        ["sha256sum", *(package_path(new, body["stream"]) for body in said)], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in digest.stdout.splitlines()] == [body["sha256"] for body in said]


def test_recording_goes_on_in_it(packages: Path, new: Path) -> None:
    """What a recorder reads of the past is there: the counters of the pen when it was last heard."""
    rebuild_from(packages, new)
    serial = one(new / FILE_NAME, "SELECT pen_serial FROM stream WHERE id = ?", SECOND)
    assert last_counters(new / FILE_NAME, serial, before_stream=2**60) is not None
    with alone(new) as access:
        again = access.append(lambda transaction: transaction.client(CLIENT))
        checkpoint(access)
    assert again[0] == json.loads(shown(new, SECOND))["client_ref"], "a known client keeps its reference"
    assert problems(new) == []


def test_it_can_be_made_anew_itself(packages: Path, new: Path, master: Path) -> None:
    rebuild_from(packages, new)
    rebuild(new, upgrade=False, stamps=StillClock(), sw=software())
    assert shown(new, FIRST) == shown(master, FIRST)
    assert problems(new) == []


def test_without_private_files_the_codes_are_not_there_and_all_else_is(packages: Path, new: Path, master: Path) -> None:
    for file in packages.glob("*.private.json"):
        file.unlink()
    rebuild_from(packages, new)
    here, before = json.loads(shown(new, FIRST)), json.loads(shown(master, FIRST))
    assert (here["client"], here["notes"][0]["text"], here["attribution"]["reason"]) == (None, None, None)
    assert here["treatment"]["client"]["code"] is None
    for each in (here, before):
        each |= {"client": 0, "notes": 0, "attribution": 0}
        each["treatment"]["client"]["code"] = 0
    assert here == before
    assert problems(new) == []


def test_packages_that_lie_in_the_data_directory_already_are_used_where_they_are(master: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(master / "packages", data_dir / "packages")
    rebuild_from(data_dir / "packages", data_dir)
    assert shown(data_dir, FIRST) == shown(master, FIRST)
    assert problems(data_dir) == []


def test_what_lies_in_the_data_directory_is_not_left_behind(master: Path, packages: Path, new: Path) -> None:
    """The backup has one session, the old disk another."""
    (new / "packages").mkdir(parents=True)
    for file in packages.glob(f"{SECOND}.*"):
        file.rename(new / "packages" / file.name)
    rebuild_from(packages, new)
    assert [stream for stream, *_ in listed(new)] == list(SESSIONS)


def test_of_two_copies_the_one_with_the_later_entries_is_taken(packages: Path, new: Path, master: Path) -> None:
    old = packages / "a backup of last week"
    old.mkdir()
    shutil.copy(packages / f"{FIRST}.package.zip", old)
    rebuild_from(packages, new)
    assert shown(new, FIRST) == shown(master, FIRST)


def test_packages_of_two_devices(packages: Path, new: Path, tmp_path: Path, master: Path) -> None:
    """Both know the same client by the same code, and under different references."""
    other = make_database(tmp_path / "other")
    with alone(other.parent) as access:
        seal_newest(access, 100)
    for file in (other.parent / "packages").glob(f"{SECOND}.*"):
        shutil.copy(file, packages)
    for file in packages.glob(f"{SECOND}.later.zip"):
        file.unlink()
    done = rebuild_from(packages, new)
    assert len(done.predecessors) == len(entries(new, "log.continued")) == 2
    assert shown(new, FIRST) == shown(master, FIRST)
    assert shown(new, SECOND) == shown(other.parent, SECOND)
    assert {row[0]: row[-1] for row in listed(new)} == {FIRST: "K-2000", SECOND: CLIENT}
    assert problems(new) == []


# --- witnesses --------------------------------------------------------------------------------------------------------


def witness_file(data_dir: Path, to: Path, *, cosigned: bool = False) -> Path:
    with Evidence(data_dir / FILE_NAME) as evidence:
        pin = pin_of(evidence)
    assert pin is not None
    file = begin(pin.checkpoints, head_of(data_dir)[0], verified)
    assert isinstance(file, WitnessFile)
    if cosigned:
        witness = Witness(to.parent / "key", "clinic.example/laptop")
        (to.parent / "key").mkdir(mode=0o700)
        witness.verifier_key()
        file = witness.cosign(file, int(datetime(2031, 1, 2, tzinfo=UTC).timestamp())).file
    to.write_bytes(file.data())
    return to


@pytest.fixture
def signed_since(master: Path, tmp_path: Path) -> Path:
    """The same device, later: it signed a head that is in no package."""
    shutil.copytree(master, tmp_path / "since")
    with alone(tmp_path / "since") as access:
        access.append(lambda transaction: transaction.entry("recorder.stopped", {"cause": "signal"}))
        checkpoint(access)
    return tmp_path / "since"


@pytest.mark.requirement("R21")
def test_a_witness_knows_of_more_than_the_packages(signed_since: Path, packages: Path, new: Path) -> None:
    file = witness_file(signed_since, packages.parent / "clinic.witness", cosigned=True)
    key = Witness(file.parent / "key", "clinic.example/laptop").verifier_key()
    rebuild_from(packages, new, witnesses=[file], keys=[key])
    [continued] = entries(new, "log.continued")
    head = head_of(signed_since)[1]
    assert (continued["size"], continued["root"]) == (head.size, head.root.hex())
    assert continued["witness"] == {"name": "clinic.example/laptop", "at": "2031-01-02T00:00:00Z"}


def test_a_witness_whose_signature_nobody_checked_is_not_entered(signed_since: Path, packages: Path, new: Path) -> None:
    file = witness_file(signed_since, packages.parent / "clinic.witness", cosigned=True)
    done = rebuild_from(packages, new, witnesses=[file])
    assert done.predecessors[0].unchecked == ("clinic.example/laptop",)
    [continued] = entries(new, "log.continued")
    assert (continued["size"], continued["witness"]) == (head_of(signed_since)[1].size, None)


def test_a_plain_checkpoint_is_no_witness(signed_since: Path, packages: Path, new: Path) -> None:
    file = packages.parent / "photo.txt"
    file.write_bytes(head_of(signed_since)[0].data())
    rebuild_from(packages, new, witnesses=[file])
    assert entries(new, "log.continued")[0]["witness"] is None


def test_a_witness_of_another_log_is_refused(packages: Path, new: Path, tmp_path: Path) -> None:
    other = make_database(tmp_path / "other")
    with alone(other.parent) as access:
        checkpoint(access)
    with pytest.raises(UsageProblem, match="no package is of it"):
        rebuild_from(packages, new, witnesses=[witness_file(other.parent, tmp_path / "w")])
    assert not (new / FILE_NAME).exists()


def test_a_witness_file_that_was_changed_is_refused(signed_since: Path, packages: Path, new: Path) -> None:
    file = packages.parent / "photo.txt"
    data = head_of(signed_since)[0].data()
    at = data.index(b"\n") + 1
    file.write_bytes(data[:at] + (b"9" if data[at : at + 1] != b"9" else b"8") + data[at + 1 :])
    with pytest.raises(EvidenceDamaged, match=r"photo\.txt is not signed"):
        rebuild_from(packages, new, witnesses=[file])


def test_two_histories_of_one_log_are_never_chosen_from(master: Path, packages: Path, new: Path) -> None:
    """Whoever has the key signed as many entries with another root."""
    head = head_of(master)[1]
    file = master / "signer" / "keys" / f"{head.origin.partition('/')[2]}.checkpoints"
    body = replace(head, root=bytes(32)).body()
    with Evidence(master / FILE_NAME) as evidence:
        pin = pin_of(evidence)
    assert pin is not None
    line = log_signature(pin.checkpoints, SigningKey.load(file).sign(body.encode()))
    (packages / "forged.txt").write_bytes(SignedNote(text=body, signatures=(line,)).data())
    with pytest.raises(EvidenceDamaged, match="two histories"):
        rebuild_from(packages, new, witnesses=[packages / "forged.txt"])
    assert not new.exists()


# --- bad input --------------------------------------------------------------------------------------------------------


def _truncated(packages: Path) -> str:
    file = packages / f"{FIRST}.package.zip"
    file.write_bytes(file.read_bytes()[:-7])
    return file.name


def _byte_changed(packages: Path) -> str:
    file = packages / f"{FIRST}.package.zip"
    file.write_bytes(flip(file.read_bytes(), len(file.read_bytes()) // 2))
    return file.name


def _two_that_differ(packages: Path) -> str:
    """A sound package of the same session of another device: its id happens to be the same."""
    other = make_database(packages.parent / "other")
    with alone(other.parent) as access:
        seal(access, FIRST)
    (packages / "other").mkdir()
    shutil.copy(package_path(other.parent, FIRST), packages / "other")
    return "differ"


def _later_of_another(packages: Path) -> str:
    shutil.copy(packages / f"{FIRST}.later.zip", packages / f"{SECOND}.later.zip")
    return f"{SECOND}.later.zip"


def _private_of_another(packages: Path) -> str:
    shutil.copy(packages / f"{FIRST}.private.json", packages / f"{SECOND}.private.json")
    return f"{SECOND}.private.json"


def _empty_file(packages: Path) -> str:
    (packages / f"{FIRST}.package.zip").write_bytes(b"")
    return f"{FIRST}.package.zip"


def _link(packages: Path) -> str:
    file = packages / f"{FIRST}.package.zip"
    file.rename(packages / "elsewhere")
    file.symlink_to(packages / "elsewhere")
    return file.name


def _newer(packages: Path) -> str:
    file = packages / f"{FIRST}.package.zip"
    rewrite(file, lambda name, data: data.replace(b"devicelog.package/1", b"devicelog.package/2"))
    return "devicelog.package/2"


def _signed_by_nobody(packages: Path) -> str:
    def change(name: str, data: bytes) -> bytes:
        return data[:-8] + b"AAAA" + data[-4:] if name == "sealed.tlog-proof" else data

    rewrite(packages / f"{FIRST}.package.zip", change, relist=True)
    return "is not signed with the key"


def rewrite(file: Path, change: Callable[[str, bytes], bytes], *, relist: bool = False) -> None:
    """The package with some of its files changed, by somebody who knows how packages are made."""
    with closing(Container(file)) as container:
        files = {name: change(name, b"".join(container.blocks(name))) for name in container.sizes()}
    if relist:
        head = json.loads(files["package.json"])
        others = [Member.of(name, (data,)) for name, data in files.items() if name != "package.json"]
        head["files"] = [member.document() for member in others]
        files["package.json"] = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    _, blocks = image([Member.of(name, (data,)) for name, data in files.items()])
    file.write_bytes(b"".join(blocks))


BAD: Sequence[tuple[Callable[[Path], str], type[DevicelogError]]] = [
    (_truncated, EvidenceDamaged),
    (_byte_changed, EvidenceDamaged),
    (_two_that_differ, EvidenceDamaged),
    (_later_of_another, EvidenceDamaged),
    (_private_of_another, EvidenceDamaged),
    (_empty_file, EvidenceDamaged),
    (_link, EvidenceDamaged),
    (_newer, CannotDecide),
    (_signed_by_nobody, EvidenceDamaged),
]
each_bad = pytest.mark.parametrize(("spoil", "error"), BAD, ids=[spoil.__name__[1:] for spoil, _ in BAD])


@each_bad
def test_a_bad_package_is_named_and_nothing_is_done(
    packages: Path, new: Path, spoil: Callable[[Path], str], error: type[DevicelogError]
) -> None:
    named = spoil(packages)
    with pytest.raises(error) as raised:
        rebuild_from(packages, new)
    assert named in str(raised.value)
    assert not new.exists()


@pytest.mark.parametrize("spoil", [_truncated, _two_that_differ, _newer])
def test_the_others_are_entered_when_that_is_asked_for(packages: Path, new: Path, spoil: Callable[[Path], str]) -> None:
    named = spoil(packages)
    done: Imported = rebuild_from(packages, new, skip_damaged=True)
    assert len(done.found) == 1
    assert any(named in each.why for each in done.left_out)
    assert problems(new) == []


def test_a_folder_without_packages(tmp_path: Path, new: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="there is no package in"):
        rebuild_from(tmp_path / "empty", new)


def test_no_folder(tmp_path: Path, new: Path) -> None:
    with pytest.raises(NotFound, match="there is no folder"):
        rebuild_from(tmp_path / "nowhere", new)


def test_a_file_where_a_folder_belongs(packages: Path, new: Path) -> None:
    with pytest.raises(UsageProblem, match="is a file"):
        rebuild_from(packages / f"{FIRST}.package.zip", new)


def test_a_directory_with_a_database_is_refused(packages: Path, master: Path, tmp_path: Path) -> None:
    shutil.copytree(master, tmp_path / "used")
    before = (tmp_path / "used" / FILE_NAME).read_bytes()
    with pytest.raises(StoreUnusable, match="is there already"):
        rebuild_from(packages, tmp_path / "used")
    assert (tmp_path / "used" / FILE_NAME).read_bytes() == before


def test_another_file_in_the_way_is_never_written_over(packages: Path, new: Path) -> None:
    place = private_path(new, SECOND)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"somebody's")
    with pytest.raises(StoreUnusable, match="put one of them elsewhere"):
        rebuild_from(packages, new)
    assert place.read_bytes() == b"somebody's"
    assert not (new / FILE_NAME).exists()


def test_what_belongs_to_a_package_that_is_not_there_is_told(packages: Path, new: Path) -> None:
    (packages / f"{FIRST}.package.zip").unlink()
    assert rebuild_from(packages, new).alone == (FIRST,)


def test_an_imported_session_is_not_corrected_here(packages: Path, new: Path) -> None:
    rebuild_from(packages, new)
    with pytest.raises(BadTransition, match="read from its package here"):
        attribute(new / FILE_NAME, SECOND)
    assert problems(new) == []


def test_the_client_of_an_imported_session_is_erased(packages: Path, new: Path) -> None:
    """Also of one that a correction gave to that client: the reason goes too."""
    rebuild_from(packages, new)
    who = {"practitioner": "p-07", "reason": "asked for it"}
    with alone(new) as access:
        act(access, {"do": "retention", "days": 0, **who})
        act(access, {"do": "erase", "client": json.loads(shown(new, FIRST))["client_ref"], **who})
    here = json.loads(shown(new, FIRST))
    assert (here["client"], here["notes"][0]["text"], here["attribution"]["reason"]) == (None, None, None)
    assert json.loads(shown(new, SECOND))["client"] == CLIENT
    assert not any(b"K-2000" in file.read_bytes() for file in (new / "packages").iterdir())
    assert problems(new) == []


# --- what verify finds afterwards -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [package_path, later_path])
def test_a_file_that_is_gone_or_changed_is_found(packages: Path, new: Path, place: Callable[[Path, str], Path]) -> None:
    rebuild_from(packages, new)
    file = place(new, FIRST)
    data = file.read_bytes()
    for spoilt in (None, flip(data, len(data) // 2), data[:-1]):
        file.unlink(missing_ok=True)
        if spoilt is not None:
            file.write_bytes(spoilt)
        [problem] = problems(new)
        assert str(file) in problem
        with pytest.raises(EvidenceDamaged, match=str(file)):
            shown(new, FIRST)
    file.write_bytes(data)
    assert problems(new) == []


def test_another_sound_package_in_its_place_is_found(packages: Path, new: Path, tmp_path: Path) -> None:
    other = make_database(tmp_path / "other")
    with alone(other.parent) as access:
        seal(access, SECOND)
    rebuild_from(packages, new)
    for place in (package_path, private_path):
        shutil.copy(place(other.parent, SECOND), place(new, SECOND))
    assert any("is not what was imported" in problem for problem in problems(new))


# --- killed in the middle ---------------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from pathlib import Path
import {module}
{module}.{name} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from devicelog.recorder.importing import rebuild_from
rebuild_from(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("module", "name", "whole"),
    [
        ("devicelog.packages.beside", "sync_folder", False),  # while the first package is copied
        ("devicelog.store.founding", "audit", False),  # everything is entered
        ("devicelog.store.founding", "_sync", False),  # before the new file is on disk
        ("devicelog.recorder.importing", "sign_new", True),  # it has its name
    ],
)
def test_killed_in_the_middle_it_is_whole_or_not_there(
    packages: Path, new: Path, master: Path, module: str, name: str, whole: bool
) -> None:
    program = _KILLED.format(module=module, name=name)
    words = [sys.executable, "-c", program, str(packages), str(new)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (new / FILE_NAME).exists() == whole
    if not whole:
        rebuild_from(packages, new)
    assert shown(new, FIRST) == shown(master, FIRST)
    assert problems(new) == []
    left = {file.name for file in new.iterdir()} - {f"{FILE_NAME}-shm", f"{FILE_NAME}-wal"}  # of readers
    assert left <= {FILE_NAME, "packages", "signer", "writer.lock"}
    assert not list((new / "packages").glob(".*"))
