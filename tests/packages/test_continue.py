"""A new log that goes on from an old one: what it says of it, and what becomes of the old one."""

import shutil
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.errors import NotFound, SignatureRefused, StoreUnusable, UsageProblem
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.note import SignedNote
from devicelog.packages.whole import BesideDatabase
from devicelog.recorder.access import alone
from devicelog.recorder.checkpointing import checkpoint
from devicelog.recorder.continuing import continue_from
from devicelog.recorder.witnessing import advanced
from devicelog.store.audit import audit
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.heads import first_of, newest_checkpoint, pin_of
from tests.databases import make_database


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data directory whose head is signed."""
    path = make_database(tmp_path / "old")
    sign(path.parent)
    return path.parent


def sign(data_dir: Path) -> None:
    with alone(data_dir) as access:
        checkpoint(access)


def stop(data_dir: Path) -> None:
    with alone(data_dir) as access:
        access.append(lambda transaction: transaction.entry("recorder.stopped", {"cause": "signal"}))


def head(data_dir: Path) -> Checkpoint:
    with Evidence(data_dir / FILE_NAME) as evidence:
        held = newest_checkpoint(evidence)
    assert held is not None
    return Checkpoint.of(SignedNote.parse(held.note))


def continued(data_dir: Path) -> Json:
    with Evidence(data_dir / FILE_NAME) as evidence:
        assert audit(evidence.connection, evidence.path, packages=BesideDatabase(data_dir)).problems == []
        entry = first_of(evidence, "log.continued")
    assert entry is not None
    return entry.body


def test_of_a_database_that_can_be_read(old: Path, tmp_path: Path) -> None:
    stop(old)  # an entry that is not signed: the newest that is known
    done = continue_from(old, tmp_path / "new")
    was = head(old)
    with Evidence(old / FILE_NAME) as evidence:
        pin, last = pin_of(evidence), evidence.entry(was.size)
    assert pin is not None
    assert continued(tmp_path / "new") == {
        "predecessor": was.origin,
        "size": was.size,
        "root": was.root.hex(),
        "vkey": pin.checkpoints.text(),
        "witness": None,
        "last_at": last.values["at"],
    }
    assert (done.lost, done.unasked, done.unsigned) == (0, None, None)
    sign(old)  # and the old log may still be signed


def test_of_an_older_backup_the_old_log_is_ended(old: Path, tmp_path: Path) -> None:
    """The disk was restored; the signer, which has a disk or a user of its own, remembers more."""
    shutil.copytree(old, tmp_path / "backup")
    stop(old)
    sign(old)
    was = head(old)
    shutil.copyfile(tmp_path / "backup" / FILE_NAME, old / FILE_NAME)
    stop(old)
    with pytest.raises(SignatureRefused) as refused:
        sign(old)
    assert refused.value.code in ("fork", "smaller", "behind")
    done = continue_from(old, tmp_path / "new", end_old_log=True)
    said = continued(tmp_path / "new")
    assert (said["size"], said["root"]) == (was.size, was.root.hex())
    with pytest.raises(SignatureRefused) as ended:
        sign(old)
    assert ended.value.code == "ended"
    assert done.predecessor.known + done.lost >= was.size


def test_a_backup_that_is_tried_does_not_end_the_log(old: Path, tmp_path: Path) -> None:
    """A restore drill on the clinic's own computer, where one signer serves every directory."""
    shutil.copytree(old, tmp_path / "backup", ignore=shutil.ignore_patterns("signer"))
    (tmp_path / "backup" / "signer").symlink_to(old / "signer")
    backup = entries(tmp_path / "backup")
    stop(old)
    sign(old)
    was = head(old)
    with pytest.raises(SignatureRefused, match="cannot be undone") as refused:
        continue_from(tmp_path / "backup", tmp_path / "try")
    assert refused.value.exit_code == 3
    for said in (f"last {was.size} entries, root {was.root.hex()}", f"has {backup}, root ", "--end-old-log"):
        assert said in str(refused.value)
    assert not (tmp_path / "try").exists()
    stop(old)
    sign(old)
    assert head(old).size > was.size, "the log lives"


def test_of_an_older_backup_it_is_said_how_many_entries_are_gone(old: Path, tmp_path: Path) -> None:
    shutil.copytree(old, tmp_path / "backup")
    stop(old)
    sign(old)
    was = head(old).size
    shutil.copyfile(tmp_path / "backup" / FILE_NAME, old / FILE_NAME)
    assert continue_from(old, tmp_path / "new", end_old_log=True).lost == was - entries(old) > 0
    assert continue_from(old, tmp_path / "again").predecessor.head.size == was, "it was cut off, and is asked again"


def entries(data_dir: Path) -> int:
    with Evidence(data_dir / FILE_NAME) as evidence:
        return audit(evidence.connection, evidence.path).entries


def test_where_the_old_keys_are_gone(old: Path, tmp_path: Path) -> None:
    shutil.rmtree(old / "signer")
    done = continue_from(old, tmp_path / "new")
    assert continued(tmp_path / "new")["size"] == head(old).size
    assert done.lost == 0


def test_of_a_witness_file(old: Path, tmp_path: Path) -> None:
    advanced(old, tmp_path / "clinic.witness")
    was = head(old)
    done = continue_from(tmp_path / "clinic.witness", tmp_path / "new")
    said = continued(tmp_path / "new")
    assert (said["predecessor"], said["size"], said["root"]) == (was.origin, was.size, was.root.hex())
    assert (said["witness"], said["last_at"]) == (None, None)
    assert done.predecessor.vkey is not None


def test_of_a_checkpoint(old: Path, tmp_path: Path) -> None:
    with Evidence(old / FILE_NAME) as evidence:
        held = newest_checkpoint(evidence)
    assert held is not None
    (tmp_path / "head.txt").write_bytes(held.note)
    continue_from(tmp_path / "head.txt", tmp_path / "new")
    said = continued(tmp_path / "new")
    assert (said["size"], said["vkey"]) == (held.size, None)


def test_nothing_was_signed(tmp_path: Path) -> None:
    path = make_database(tmp_path / "old")
    with pytest.raises(NotFound, match="was ever signed"):
        continue_from(path.parent, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("hello\n")
    with pytest.raises(UsageProblem, match="no checkpoint and no witness file"):
        continue_from(tmp_path / "words", tmp_path / "new")


def test_a_directory_without_a_database(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        continue_from(tmp_path, tmp_path / "new")


def test_there_is_a_database_already(old: Path) -> None:
    before = (old / FILE_NAME).read_bytes()
    with pytest.raises(StoreUnusable, match="is there already"):
        continue_from(old, old)
    assert (old / FILE_NAME).read_bytes() == before
