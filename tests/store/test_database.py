"""Opening the database: a new one, ours, somebody else's, and a directory that will not have it."""

import errno
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from devicelog.canonical import canonical, parse_canonical
from devicelog.cli import cli
from devicelog.cli.report import show_document
from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.ledger.entries import read_entry
from devicelog.ledger.tree import leaf_hash
from devicelog.recorder.recovery import recover
from devicelog.store import database
from devicelog.store import evidence as evidence_module
from devicelog.store.database import FILE_NAME, NEEDED_FREE_BYTES, open_for_writing, prepare_data_dir, read_head
from devicelog.store.engine import PAGE_BYTES, reader_engine, writer_engine
from devicelog.store.evidence import Evidence
from devicelog.store.lock import WriterLock
from devicelog.store.schema import APPLICATION_ID, CHUNK_INDEX_BITS, GUARDS, METADATA, SCHEMA_VERSION
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, Head, Transaction, commitment, keep_frontier
from tests.databases import (
    FIRST,
    SECOND,
    StillClock,
    chunk_ids,
    dump,
    flip,
    make_database,
    one,
    plain,
    problems,
    rows,
    spoil,
)

SW = {"version": "0", "engine": 1}
NOBODY = 65534


def open_(data_dir: Path) -> Head:
    return open_for_writing(data_dir, stamps=StillClock(), sw=SW)[1]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- new and again ----------------------------------------------------------------------------------------------------


def test_a_new_database_has_one_entry_and_all_guards(tmp_path: Path) -> None:
    head = open_(tmp_path)
    path = tmp_path / "devicelog.db"
    entry = read_entry(one(path, "SELECT bytes FROM ledger_entry"))
    assert (entry.type, entry.body, entry.seq) == ("log.created", {"schema": SCHEMA_VERSION}, 0)
    assert entry.values["log"] == head.log
    assert head.log.startswith("devicelog/")
    assert (head.seq, head.prev, head.stream) == (1, entry.leaf.hex(), None)
    assert one(path, "PRAGMA application_id") == APPLICATION_ID
    assert one(path, "PRAGMA user_version") == SCHEMA_VERSION
    assert one(path, "PRAGMA journal_mode") == "wal"
    assert one(path, "PRAGMA page_size") == PAGE_BYTES
    tables = {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == set(METADATA.tables)
    assert dict(rows(path, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")) == dict(GUARDS)
    assert problems(path) == []


def test_two_new_databases_are_two_logs(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    assert open_(tmp_path / "a").log != open_(tmp_path / "b").log


def test_opening_again_changes_nothing(recorded: Path) -> None:
    before = dump(recorded)
    first, second = open_(recorded.parent), open_(recorded.parent)
    assert first == second
    assert first.seq == one(recorded, "SELECT max(seq) + 1 FROM ledger_entry")
    assert first.prev == one(recorded, "SELECT leaf FROM ledger_entry ORDER BY seq DESC LIMIT 1").hex()
    assert dump(recorded) == before


def test_a_stream_that_was_left_open_is_found_as_far_as_it_came(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    stream = open_(path.parent).stream
    assert stream is not None
    ids = chunk_ids(path, SECOND)
    assert (stream.id, stream.no, stream.chunks) == (SECOND, ids[0] >> CHUNK_INDEX_BITS, len(ids))
    assert stream.records == one(path, "SELECT sum(records) FROM chunk WHERE id >= ?", ids[0])
    assert stream.tree.size == len(ids)


def test_the_writer_is_durable_and_begins_its_transactions_itself(tmp_path: Path) -> None:
    open_(tmp_path)
    with writer_engine(tmp_path / "devicelog.db").connect() as connection, connection.begin():
        pragmas = ("synchronous", "journal_mode", "recursive_triggers", "foreign_keys", "trusted_schema")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
        assert values == [2, "wal", 1, 1, 0]
        with (
            plain(tmp_path / "devicelog.db", "PRAGMA busy_timeout = 0") as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")


@pytest.mark.requirement("R01")
def test_a_transaction_that_fails_takes_all_of_it_back(recorded: Path) -> None:
    before = dump(recorded)
    engine, head = open_for_writing(recorded.parent, stamps=StillClock(), sw=SW)

    def break_off() -> None:
        with engine.connect() as connection, connection.begin():
            transaction = Transaction(connection, head, stamps=StillClock(), sw=SW)
            transaction.document(b"{}")
            transaction.entry("recorder.stopped", {"cause": "x"})
            transaction.client("K-2")
            raise KeyError("x")

    with pytest.raises(KeyError):
        break_off()
    assert dump(recorded) == before


# --- what a transaction refuses ---------------------------------------------------------------------------------------


@pytest.fixture
def transaction(tmp_path: Path) -> Iterator[Transaction]:
    engine, head = open_for_writing(tmp_path, stamps=StillClock(), sw=SW)
    with engine.connect() as connection, connection.begin():
        yield Transaction(connection, head, stamps=StillClock(), sw=SW)


def test_without_an_open_stream_there_is_nothing_to_append_to(transaction: Transaction) -> None:
    for act in (lambda: transaction.chunk([]), transaction.commit_chunks, lambda: transaction.close_stream("x", {})):
        with pytest.raises(ValueError, match="no stream is open"):
            act()


def test_a_second_stream_is_not_opened_beside_the_first(transaction: Transaction) -> None:
    body = {"stream": "u-0000000001", "documents": {}, "mode": "demo"}
    transaction.open_stream("span.opened", body)
    with pytest.raises(ValueError, match="u-0000000001 is still open"):
        transaction.open_stream("span.opened", body)


def test_a_document_and_a_client_are_kept_once(transaction: Transaction) -> None:
    assert transaction.document(b"{}") == transaction.document(b"{}")
    assert transaction.document(b"{ }") != transaction.document(b"{}")
    assert transaction.client("K-1") == transaction.client("K-1")
    assert transaction.client("K-1") != transaction.client("K-2")
    count = transaction.connection.exec_driver_sql("SELECT (SELECT count(*) FROM document), count(*) FROM client")
    assert tuple(count.one()) == (2, 2)


@pytest.mark.requirement("R27")
def test_a_client_is_a_random_reference_and_a_salted_commitment(transaction: Transaction) -> None:
    ref, committed = transaction.client("K-é")
    row = transaction.connection.exec_driver_sql("SELECT client_ref, salt, code FROM client").one()
    assert (row.client_ref, row.code, len(row.salt)) == (ref, "K-é", 32)
    assert re.fullmatch(r"c-[0-9a-f]{16}", ref)
    assert committed == sha256(b"devicelog-client-1\n" + row.salt + "K-é".encode()).hexdigest()
    assert committed != transaction.client("K-2")[1]


def test_one_code_in_two_databases_is_two_references_and_two_commitments(tmp_path: Path) -> None:
    found = set()
    for name in "ab":
        (tmp_path / name).mkdir()
        engine, head = open_for_writing(tmp_path / name, stamps=StillClock(), sw=SW)
        with engine.connect() as connection, connection.begin():
            found |= set(Transaction(connection, head, stamps=StillClock(), sw=SW).client("K-1"))
    assert len(found) == 4


def test_a_note_is_kept_under_its_commitment(transaction: Transaction) -> None:
    salt = bytes(range(32))
    transaction.note(salt, "Kühlung")
    row = transaction.connection.exec_driver_sql("SELECT commitment, salt, text FROM note").one()
    assert tuple(row) == (sha256(b"devicelog-note-1\n" + salt + "Kühlung".encode()).hexdigest(), salt, "Kühlung")
    assert commitment(NOTE_TAG, salt, "P-1") != commitment(CLIENT_TAG, salt, "P-1")


def test_what_a_closing_entry_says_of_mode_and_pen_is_what_the_list_says(transaction: Transaction) -> None:
    """At its opening a span knows neither; at its closing the worst mode and the newest pen."""
    shown = "SELECT mode, pen_serial, status FROM stream"
    transaction.open_stream("span.opened", {"stream": "u-0000000001", "documents": {}, "mode": "real"})
    assert tuple(transaction.connection.exec_driver_sql(shown).one()) == ("real", None, "recording")
    body = {"ended": "closed", "cause": "x", "derived": "0" * 64, "mode": "test", "pen_serial": "P-2"}
    transaction.close_stream("span.recorded", body)
    assert tuple(transaction.connection.exec_driver_sql(shown).one()) == ("test", "P-2", "closed")


# --- not ours, or damaged ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as one" * 30, b"\0" * 4096])
def test_a_file_that_is_no_database(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "devicelog.db"
    path.write_bytes(content)
    with pytest.raises(EvidenceDamaged, match="not a database") as caught:
        open_(tmp_path)
    assert str(path) in str(caught.value)
    with pytest.raises(EvidenceDamaged), Evidence(path) as evidence:
        evidence.streams()
    assert path.read_bytes() == content


def test_a_database_that_was_cut_off_while_it_was_made(tmp_path: Path) -> None:
    """One page without tables, and a journal that says it was not there before: what a kill at creation leaves."""
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        for sql in ("PRAGMA page_size = 1024", "CREATE TABLE t (x)", "DROP TABLE t"):
            connection.execute(sql)
        connection.commit()
        connection.execute("VACUUM")
    connection.close()
    journal = bytes.fromhex("d9d505f920a163d7 00000000 2f7e51c8 00000000 00000200 00000400")
    path.with_name(f"{FILE_NAME}-journal").write_bytes(journal.ljust(512, b"\0"))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):  # so it is: a reader may not roll it back
        sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT count(*) FROM sqlite_master")
    with pytest.raises(NotFound, match="nothing was recorded in it yet"):
        recover(tmp_path)
    engine, head = open_for_writing(tmp_path, stamps=StillClock(), sw=SW)
    engine.dispose()
    assert (head.seq, head.stream) == (1, None)
    assert recover(tmp_path) is None


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "devicelog.db").touch()
    assert open_(tmp_path).seq == 1


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "devicelog.db"
    with plain(path) as connection:
        connection.execute("CREATE TABLE recipe (id INTEGER PRIMARY KEY)")
    before = path.read_bytes()
    with pytest.raises(EvidenceDamaged, match="of another program"):
        open_(tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["devicelog.db"]


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (SCHEMA_VERSION - 1, "Bring it up to date: devicelog db upgrade --data-dir "),
        (SCHEMA_VERSION + 1, "this devicelog is older"),
    ],
    ids=["older", "newer"],
)
def test_a_database_of_another_version(version: int, told: str, recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    before = dump(recorded)
    with pytest.raises(StoreUnusable, match=rf"has schema {version}\b.*{told}") as caught:
        open_(recorded.parent)
    assert caught.value.exit_code == 5
    assert dump(recorded) == before


def test_a_database_of_no_version(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("PRAGMA user_version = 0")
    with pytest.raises(EvidenceDamaged, match="says that it has schema 0"):
        open_(recorded.parent)


@pytest.mark.parametrize("at", [0, 100, -1])
@pytest.mark.requirement("R24")
def test_a_last_entry_that_was_changed(at: int, recorded: Path) -> None:
    last = one(recorded, "SELECT max(seq) FROM ledger_entry")
    data = one(recorded, "SELECT bytes FROM ledger_entry WHERE seq = ?", last)
    spoil(recorded, ("UPDATE ledger_entry SET bytes = ? WHERE seq = ?", (flip(data, at), last)))
    with pytest.raises(EvidenceDamaged, match=f"ledger entry {last}"):
        open_(recorded.parent)


def test_a_last_entry_that_does_not_hash_to_its_leaf(recorded: Path) -> None:
    last = one(recorded, "SELECT max(seq) FROM ledger_entry")
    leaf = one(recorded, "SELECT leaf FROM ledger_entry WHERE seq = ?", last)
    spoil(recorded, ("UPDATE ledger_entry SET leaf = ? WHERE seq = ?", (flip(leaf, 0), last)))
    with pytest.raises(EvidenceDamaged, match=f"ledger entry {last} was changed"):
        open_(recorded.parent)


def test_a_last_entry_with_another_number(recorded: Path) -> None:
    spoil(recorded, "UPDATE ledger_entry SET seq = 99 WHERE seq = (SELECT max(seq) FROM ledger_entry)")
    with pytest.raises(EvidenceDamaged, match="ledger entry 99 was changed"):
        open_(recorded.parent)


def test_an_entry_that_must_be_read_to_know_what_is_open(recorded: Path) -> None:
    spoil(recorded, "UPDATE ledger_entry SET bytes = x'7b7d' WHERE seq = 19")  # it closed the last session
    with pytest.raises(EvidenceDamaged, match="ledger entry 19: envelope keys"):
        open_(recorded.parent)


def test_a_ledger_without_entries(recorded: Path) -> None:
    spoil(recorded, "DELETE FROM ledger_entry")
    with pytest.raises(EvidenceDamaged, match="the ledger is empty"):
        open_(recorded.parent)


def test_a_database_that_lost_its_ledger(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("DROP TABLE ledger_entry")
    with pytest.raises(EvidenceDamaged, match=r"lost its guards|lost its tables"):
        open_(recorded.parent)


def test_a_last_entry_of_a_later_version_is_the_head_all_the_same(recorded: Path) -> None:
    with writer_engine(recorded).connect() as connection, connection.begin():
        before = read_head(connection)
        values = parse_canonical(one(recorded, "SELECT bytes FROM ledger_entry WHERE seq = ?", before.seq - 1))
        data = canonical(values | {"seq": before.seq, "prev": before.prev, "type": "moon.risen", "body": {"phase": 1}})
        row = (before.seq, leaf_hash(data), data)
        connection.exec_driver_sql("INSERT INTO ledger_entry VALUES (?, ?, ?)", row)
        before.tree.append(row[1])
        keep_frontier(connection, before.tree)
    assert open_(recorded.parent).prev == leaf_hash(data).hex()
    assert problems(recorded) == []


# --- the directory ----------------------------------------------------------------------------------------------------


def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "a" / "b"
    umask = os.umask(0o022)
    try:
        prepare_data_dir(data_dir)
        open_(data_dir)
    finally:
        os.umask(umask)
    assert mode(data_dir) == 0o700
    assert mode(data_dir / "devicelog.db") == 0o600
    assert [file.name for file in data_dir.iterdir()] == ["devicelog.db"]


def test_in_a_directory_that_others_read_the_files_are_its_owners_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o755)
    umask = os.umask(0o022)
    try:
        engine, _ = open_for_writing(data_dir, stamps=StillClock(), sw=SW)
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("INSERT INTO client VALUES ('c-1', zeroblob(32), 'K-1')")
            connection.commit()
            modes = {file.name: mode(file) for file in data_dir.iterdir()}
    finally:
        os.umask(umask)
    assert modes == dict.fromkeys(("devicelog.db", "devicelog.db-wal", "devicelog.db-shm"), 0o600)


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_where_a_directory_belongs(below: str, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreUnusable, match="a file is where a directory belongs") as caught:
        prepare_data_dir(tmp_path / "data" / below)
    assert caught.value.exit_code == 5
    assert "--data-dir" in str(caught.value)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "enough"), [(NEEDED_FREE_BYTES - 1, False), (NEEDED_FREE_BYTES, True)])
@pytest.mark.requirement("R23")
def test_too_little_space(free: int, enough: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.shutil, "disk_usage", lambda _: Usage(1 << 40, 0, free))
    if enough:
        prepare_data_dir(tmp_path)
        return
    with pytest.raises(StoreUnusable, match=f"has 47 MB free; a session may need {NEEDED_FREE_BYTES >> 20} MB"):
        prepare_data_dir(tmp_path)


def test_a_directory_that_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(StoreUnusable, match="cannot be written: Read-only file system"):
        prepare_data_dir(tmp_path)


# --- without the rights -----------------------------------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user reaches; pytest's own are for its user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for found in Path(name).rglob("*"):
            found.chmod(0o700)


def without_rights(code: str, *arguments: Path) -> Any:
    """What `code` leaves in `result`, run as a user to whom modes apply."""
    program = (
        "import json, os, sys\nfrom pathlib import Path\n"
        "from devicelog.errors import DevicelogError\n"
        "from devicelog.store.audit import audit\n"
        "from devicelog.store.database import open_for_writing, prepare_data_dir\n"
        "from devicelog.store.evidence import Evidence\n"
        "from devicelog.store.lock import WriterLock\n"
        "from tests.databases import StillClock, make_database, report\n"
        "assert not report(make_database(Path(sys.argv[1]))).problems  # what is not loaded now may be out of reach\n"
        f"if os.getuid() == 0: os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "paths = [Path(argument) for argument in sys.argv[2:]]\n"
        "try:\n" + "\n".join(f"    {line}" for line in code.splitlines()) + "\n"
        "except DevicelogError as error:\n    result = [type(error).__name__, error.exit_code, str(error)]\n"
        "print(json.dumps(result))\n"
    )
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as warm:
        command = [sys.executable, "-c", program, warm, *map(str, arguments)]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def read_only(source: Path, *, to: Path) -> Path:
    """A copy of the database and what lies beside it that nobody may write."""
    to.mkdir()
    for file in source.parent.iterdir():
        shutil.copyfile(file, to / file.name)
        (to / file.name).chmod(0o444)
    to.chmod(0o555)
    return to / source.name


def test_a_directory_without_the_right_to_write(public: Path) -> None:
    (public / "data").mkdir()
    (public / "data").chmod(0o555)
    kind, code, words = without_rights("prepare_data_dir(paths[0]); result = []", public / "data")
    assert (kind, code) == ("StoreUnusable", 5)
    assert words.startswith(f"{public / 'data'} cannot be written: Permission denied. Mend its rights or name another")


def test_a_directory_that_may_not_be_made(public: Path) -> None:
    (public / "data").mkdir()
    (public / "data").chmod(0o555)
    kind, code, words = without_rights("prepare_data_dir(paths[0]); result = []", public / "data" / "below")
    assert (kind, code) == ("StoreUnusable", 5)
    assert words.startswith(f"{public / 'data' / 'below'} cannot be made: Permission denied")


def test_a_database_that_may_not_be_written(pristine: Path, public: Path) -> None:
    path = read_only(pristine, to=public / "data")
    opening = "open_for_writing(paths[0], stamps=StillClock(), sw={}); result = []"
    kind, code, words = without_rights(opening, path.parent)
    assert (kind, code) == ("StoreUnusable", 5)
    assert str(path) in words
    with_lock = "WriterLock(paths[0]).try_take()"
    assert without_rights(
        f"try:\n    {with_lock}\nexcept OSError as error:\n    result = error.errno", path.parent
    ) in (1, 13)


AUDIT = (
    "with Evidence(paths[0]) as e:\n    r = audit(e.connection, paths[0])\n    result = [r.problems, r.entries, r.head]"
)


def test_a_database_that_may_not_be_written_is_read_and_checked(pristine: Path, public: Path) -> None:
    path = read_only(pristine, to=public / "data")
    head = one(pristine, "SELECT leaf FROM ledger_entry ORDER BY seq DESC LIMIT 1").hex()
    assert without_rights(AUDIT, path) == [[], one(pristine, "SELECT count(*) FROM ledger_entry"), head]


def test_what_lies_in_the_log_beside_it_is_never_left_out_of_a_check(recorded: Path, public: Path) -> None:
    """A copy with its write-ahead log, where nothing can be written: reading it without would hide its newest entry."""
    engine, head = open_for_writing(recorded.parent, stamps=StillClock(), sw=SW)
    with engine.connect() as connection:
        with connection.begin():
            entry = Transaction(connection, head, stamps=StillClock(), sw=SW).entry("recorder.stopped", {"cause": "x"})
        whole = read_only(recorded, to=public / "whole")
        assert {file.name[len("devicelog.db") :] for file in whole.parent.iterdir()} == {"", "-wal", "-shm"}
        shutil.copytree(whole.parent, public / "part")
    (public / "part").chmod(0o755)
    (public / "part" / "devicelog.db-shm").unlink()
    (public / "part").chmod(0o555)
    assert without_rights(AUDIT, whole) == [[], entry.seq + 1, entry.leaf.hex()]
    kind, code, words = without_rights(AUDIT, public / "part" / "devicelog.db")
    assert (kind, code) == ("StoreUnusable", 5)
    assert "has changes in devicelog.db-wal that cannot be read here" in words


def test_a_reader_cannot_write(recorded: Path) -> None:
    with reader_engine(recorded).connect() as connection:
        for sql in ("DELETE FROM note", "DROP TABLE note", "PRAGMA user_version = 7"):
            with pytest.raises(Exception, match="readonly"):
                connection.exec_driver_sql(sql)


def test_a_path_with_the_letters_of_a_uri_is_read(recorded: Path, tmp_path: Path) -> None:
    odd = tmp_path / "50% ?mode=rw&x#é"
    shutil.copytree(recorded.parent, odd)
    assert problems(odd / "devicelog.db") == []


def test_no_database_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no database at"):
        Evidence(tmp_path / "devicelog.db")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_cannot_be_opened_is_told_in_our_words(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    lock.path.mkdir()
    with pytest.raises(StoreUnusable, match="cannot be locked: Is a directory") as caught:
        lock.take()
    assert caught.value.exit_code == 5
    assert str(lock.path) in str(caught.value)
    assert "--data-dir" in str(caught.value)


def test_a_file_system_without_locks_is_told_in_our_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("devicelog.store.lock.fcntl.flock", refuse)
    with pytest.raises(StoreUnusable, match="cannot be locked: No locks available"):
        WriterLock(tmp_path).take()


# --- reading: short transactions --------------------------------------------------------------------------------------


def checkpoint(path: Path) -> tuple[int, int, int]:
    """Busy or not, frames in the log, frames moved: of an attempt to empty the write-ahead log."""
    with plain(path, "PRAGMA busy_timeout = 0") as connection:
        busy, in_log, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return busy, in_log, moved


def begun(generator: Iterator[Any]) -> Iterator[Any]:
    next(generator)
    return generator


def write_something(path: Path) -> None:
    with plain(path) as connection:
        connection.execute("INSERT INTO note VALUES ('x' || random(), zeroblob(32), 'x')")


OPENED = 4  # the entry that opened the first session
READS = {
    "entry": lambda evidence: evidence.entry(0),
    "document": lambda evidence: evidence.documents(evidence.entry(OPENED)),
    "streams": lambda evidence: evidence.streams(),
    "open_stream": lambda evidence: evidence.open_stream(),
    "client_code": lambda evidence: evidence.client_code("c-1"),
    "note_text": lambda evidence: evidence.note_text("x"),
    "last_closed": lambda evidence: evidence.last_closed("x", 99),
    "chunks, one of many": lambda evidence: begun(evidence.chunks(OPENED)),
    "records, one of many": lambda evidence: begun(evidence.records(OPENED)),
    "chunks, all": lambda evidence: list(evidence.chunks(OPENED)),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_reader_who_takes_his_time_holds_nothing(read: Any, recorded: Path) -> None:
    with Evidence(recorded) as evidence:
        got = read(evidence)  # kept: a generator that is dropped would let go of what it holds
        assert not evidence.connection.in_transaction()
        write_something(recorded)
        assert checkpoint(recorded) == (0, 0, 0), got


def test_a_transaction_that_is_held_would_be_seen(recorded: Path) -> None:
    """That the test above can fail: the same reader on a connection whose transaction is the caller's."""
    with reader_engine(recorded).connect() as connection, Evidence(recorded, connection) as evidence:
        chunks = begun(evidence.chunks(OPENED))
        write_something(recorded)
        assert checkpoint(recorded)[0] == 1
        assert connection.in_transaction()
        assert next(chunks)


def test_a_generator_half_consumed_holds_nothing_and_goes_on(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_module, "_CHUNKS_A_READ", 5)
    with Evidence(recorded) as evidence:
        every = [chunk.data for chunk in evidence.chunks(OPENED)]
        assert len(every) == len(chunk_ids(recorded, FIRST)) == 12
        half = evidence.chunks(OPENED)
        seen = [next(half).data for _ in range(7)]
        write_something(recorded)
        assert checkpoint(recorded) == (0, 0, 0)
        assert seen + [chunk.data for chunk in half] == every


@pytest.mark.parametrize("size", [1, 5, 11, 12, 13])
def test_chunks_are_all_read_however_many_at_once(size: int, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Evidence(recorded) as evidence:
        every = [record.number for record in evidence.records(OPENED)]
        monkeypatch.setattr(evidence_module, "_CHUNKS_A_READ", size)
        assert [record.number for record in evidence.records(OPENED)] == every == list(range(len(every)))


def test_a_connection_that_was_given_keeps_its_transaction(recorded: Path) -> None:
    before = dump(recorded)
    with writer_engine(recorded).connect() as connection:
        transaction = connection.begin()
        connection.exec_driver_sql("DELETE FROM note")
        with Evidence(recorded, connection) as evidence:
            assert evidence.streams()
            assert list(evidence.chunks(OPENED))
        assert connection.in_transaction()
        assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar() == 0
        transaction.rollback()
    assert dump(recorded) == before


# --- reading: what is not of the type that was written ----------------------------------------------------------------

OF_ANOTHER_TYPE = {
    "opening entry, text": ("UPDATE ledger_entry SET bytes = 'x' WHERE seq = 4", "ledger entry 4: a str"),
    "opening entry, number": ("UPDATE ledger_entry SET bytes = 7 WHERE seq = 4", "ledger entry 4: a int"),
    "closing entry": ("UPDATE ledger_entry SET bytes = 'x' WHERE seq = 11", "ledger entry 11: a str"),
    "document": ("UPDATE document SET bytes = 'x'", "document [0-9a-f]{64}: a str"),
    "chunk, text": ("UPDATE chunk SET blob = 'x' WHERE id = (4 << 24) + 3", "chunk 3 of stream 4: a str"),
    "chunk, number": ("UPDATE chunk SET blob = 7 WHERE id = (4 << 24) + 3", "chunk 3 of stream 4: a int"),
    "chunk, real": ("UPDATE chunk SET blob = 0.5 WHERE id = (4 << 24) + 3", "chunk 3 of stream 4: a float"),
}
READERS = {"replay": ["replay"], "show": ["sessions", "show"], "readings": ["sessions", "readings"]}


@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("sql", "told"), OF_ANOTHER_TYPE.values(), ids=OF_ANOTHER_TYPE)
def test_a_value_of_another_type_is_damage(sql: str, told: str, words: list[str], recorded: Path) -> None:
    spoil(recorded, sql)
    run = CliRunner().invoke(cli, [*words, FIRST, "--data-dir", str(recorded.parent)])
    assert isinstance(run.exception, EvidenceDamaged)
    assert run.exception.exit_code == 3
    assert re.search(f"{told} where bytes belong", str(run.exception))


@pytest.mark.parametrize("derived", ["zz", "abc", "", "0" * 64])
def test_a_digest_that_names_no_document_is_damage(derived: str, recorded: Path) -> None:
    spoil(recorded, ("UPDATE stream SET derived = ? WHERE id = ?", (derived, FIRST)))
    with Evidence(recorded) as evidence:
        with pytest.raises(EvidenceDamaged, match=f"document {derived}"):
            evidence.document(derived)
        assert show_document(evidence, FIRST)["derived"] != derived  # it is the closing entry that is believed


def test_a_digest_in_capitals_is_not_the_one_that_was_written(recorded: Path) -> None:
    digest = one(recorded, "SELECT derived FROM stream WHERE id = ?", FIRST)
    with Evidence(recorded) as evidence, pytest.raises(EvidenceDamaged, match="was changed"):
        evidence.document(digest.upper())


def test_damage_found_by_a_command_ends_it_with_3(recorded: Path) -> None:
    """Through the program itself, with its exit code and no traceback."""
    spoil(recorded, "UPDATE chunk SET blob = 'x' WHERE id = (4 << 24) + 3")
    command = [sys.executable, "-m", "devicelog", "replay", FIRST, "--data-dir", str(recorded.parent)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout) == (3, "")
    assert "chunk 3 of stream 4: a str where bytes belong" in run.stderr
    assert "Traceback" not in run.stderr


# --- reading: where a pen was last heard ------------------------------------------------------------------------------


def test_the_closed_streams_that_heard_a_pen_are_found_newest_first(recorded: Path) -> None:
    listed = {row["id"]: row for row in _streams(recorded)}
    serial = listed[SECOND]["pen_serial"]
    assert serial
    heard = [row["id"] for row in reversed(_streams(recorded)) if row["pen_serial"] == serial]
    assert heard[0] == SECOND
    with Evidence(recorded) as evidence:
        assert [row["id"] for row in evidence.last_closed(serial, 99)] == heard
        assert SECOND not in [row["id"] for row in evidence.last_closed(serial, listed[SECOND]["no"])]
        assert evidence.last_closed(serial, listed[heard[-1]]["no"]) == []
        assert evidence.last_closed("another", 99) == []


def test_a_stream_that_is_open_is_not_among_the_closed_ones(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    serial = one(path, "SELECT pen_serial FROM stream WHERE id = ?", SECOND)
    with Evidence(path) as evidence:
        found = evidence.last_closed(serial, 99)
    assert SECOND not in [row["id"] for row in found]


def _streams(path: Path) -> list[Any]:
    with Evidence(path) as evidence:
        return list(evidence.streams())


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_a_lock_that_is_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    passing, record = WriterLock(tmp_path), WriterLock(tmp_path)
    assert passing.try_take()
    letting_go = threading.Timer(0.2, passing.release)
    letting_go.start()
    with record:
        record.take()
        assert record.holder() == {"pid": os.getpid()}
    letting_go.join()


def test_a_recorder_is_not_waited_for(tmp_path: Path) -> None:
    recorder, second = WriterLock(tmp_path), WriterLock(tmp_path)
    with recorder:
        recorder.take()
        recorder.describe({"pid": 4242, "socket": "/nowhere"})
        began_s = time.monotonic()
        with pytest.raises(StoreUnusable, match=r"process 4242"):
            second.take()
        assert time.monotonic() - began_s < 1.5


@pytest.mark.parametrize("seq", [1, 999])
def test_a_list_that_names_another_closing_entry_is_damage(recorded: Path, seq: int) -> None:
    with plain(recorded) as connection:
        (stream,) = connection.execute("SELECT id FROM stream WHERE kind = 'session' LIMIT 1").fetchone()
        connection.execute("UPDATE stream SET closed_seq = ? WHERE id = ?", (seq, stream))
    for command in ("show", "replay"):
        words = ["sessions", "show"] if command == "show" else ["replay"]
        told = subprocess.run(
            [sys.executable, "-m", "devicelog", *words, stream, "--data-dir", str(recorded.parent)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (told.returncode, "the list of sessions is wrong" in told.stderr) == (3, True), told.stderr


@pytest.mark.parametrize("which", ["middle", "last"])
def test_reading_past_a_chunk_that_is_gone_is_refused(tmp_path: Path, which: str) -> None:
    path = make_database(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER chunk_no_delete")
        no = connection.execute("SELECT id >> 24 FROM chunk GROUP BY 1 ORDER BY count(*) DESC LIMIT 1").fetchone()[0]
        ids = [row[0] for row in connection.execute("SELECT id FROM chunk WHERE id >> 24 = ? ORDER BY id", (no,))]
        connection.execute("DELETE FROM chunk WHERE id = ?", (ids[-1] if which == "last" else ids[len(ids) // 2 - 1],))
    with Evidence(path) as evidence, pytest.raises(EvidenceDamaged, match=rf"chunk \d+ of stream {no} is missing"):
        list(evidence.records(no))


def test_a_table_that_is_gone_is_told_before_anything_is_written(tmp_path: Path) -> None:
    path = make_database(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE note")
    with pytest.raises(EvidenceDamaged, match="has lost its tables note"):
        open_for_writing(tmp_path, stamps=StillClock(), sw={"version": "test", "engine": 1})
