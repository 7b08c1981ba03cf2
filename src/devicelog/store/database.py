"""Opening the database for writing: the data directory, a new file, a file that is ours and whole. One call each.

Not responsible for who may write (lock.py), nor for what an interrupted stream needs (recorder/recovery.py).
"""

import errno
import os
import secrets
import shutil
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.ledger.entries import Entry, read_entry
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.store.engine import in_our_words, reader_engine, writer_engine
from devicelog.store.mounts import unsuitable
from devicelog.store.schema import (
    APPLICATION_ID,
    CHUNK,
    CHUNK_INDEX_BITS,
    FRONTIER,
    LEDGER_ENTRY,
    SCHEMA_VERSION,
    create_guards,
    create_tables,
    guard_faults,
    lost_tables,
)
from devicelog.store.transaction import Head, Stamps, StreamHead, Transaction

FILE_NAME = "devicelog.db"
_TURNS = ("session.opened", "span.opened", "session.closed", "span.recorded")
_TURN_BYTES = tuple(f'"type":"{type_}"'.encode() for type_ in _TURNS)
# Four hours at 100 Hz, two samples a frame with raw counts, and as much again for the write-ahead log.
NEEDED_FREE_BYTES = 48 * 2**20
ACCEPT = "DEVICELOG_ACCEPT_UNSUITABLE_DIR"


def _instead(error: OSError, words: str = "Name") -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{'Free some space or name' if full else words} another with --data-dir."


def prepare_data_dir(data_dir: Path, *, demo: bool = False) -> str | None:
    """Make the directory if it is missing and see that it can hold a session. Raises StoreUnusable.

    Returns a warning about one that may not keep what is recorded: a demonstration is recorded there all the same.
    """
    warning = _keeps(data_dir, demo=demo)
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreUnusable(
            f"{data_dir}: a file is where a directory belongs. Name another with --data-dir."
        ) from error
    except OSError as error:
        raise StoreUnusable(f"{data_dir} cannot be made: {error.strerror}. {_instead(error)}") from error
    probe = data_dir / f".writable-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreUnusable(
            f"{data_dir} cannot be written: {error.strerror}. {_instead(error, 'Mend its rights or name')}"
        ) from error
    free = shutil.disk_usage(data_dir).free
    if free < NEEDED_FREE_BYTES:
        raise StoreUnusable(
            f"{data_dir} has {free // 2**20} MB free; a session may need {NEEDED_FREE_BYTES // 2**20} MB. "
            "Free some space or name another directory with --data-dir."
        )
    return warning


def _keeps(data_dir: Path, *, demo: bool) -> str | None:
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        return f"whether {data_dir} is kept when the power goes is not known: {error}"
    fault = unsuitable(mountinfo, os.path.realpath(data_dir))
    if fault is None:
        return None
    if not demo and os.environ.get(ACCEPT) != "1":
        raise StoreUnusable(
            f"{data_dir} {fault}. Name a directory on a disk of this computer with --data-dir, "
            f"or set {ACCEPT}=1 to record here all the same."
        )
    return f"{data_dir} {fault}"


def open_for_writing(data_dir: Path, *, stamps: Stamps, sw: Json) -> tuple[Engine, Head]:
    """The engine and the head of the ledger; a new database with its first entry where there is none.

    The caller holds the writer lock. Raises StoreUnusable, EvidenceDamaged.
    """
    path = data_dir / FILE_NAME
    engine = writer_engine(path)
    check_existing(data_dir)  # opening for writing changes a file, and it may be somebody else's
    with in_our_words(path):
        connection = engine.connect()
    with in_our_words(path), connection, connection.begin():
        if not _has_tables(connection):
            _create(connection, stamps, sw)
        check_ours(connection, path)
        if lost := lost_tables(connection):
            raise EvidenceDamaged(f"{path} has lost its tables {', '.join(lost)}. Nothing is recorded into it.")
        if faults := guard_faults(connection):
            raise EvidenceDamaged(
                f"the database {path} has lost its guards: {'; '.join(faults)}. Nothing is recorded into it. "
                "`devicelog verify --all` shows whether its evidence is whole."
            )
        head = read_head(connection)
    path.chmod(0o600)
    return engine, head


def check_existing(data_dir: Path) -> bool:
    """Whether there is a database already that can be read and is not empty. Raises what `check_ours` does."""
    path = data_dir / FILE_NAME
    if os.access(path, os.R_OK):
        with in_our_words(path), reader_engine(path).connect() as reader:
            if _has_tables(reader):
                check_ours(reader, path)
                return True
    return False


def check_ours(connection: Connection, path: Path) -> None:
    """Raises EvidenceDamaged for a database that is none of ours, StoreUnusable for one of another version."""
    version = schema_of(connection, path)
    if version < SCHEMA_VERSION:
        older = StoreUnusable(
            f"{path} has schema {version} of an earlier version; this devicelog reads schema {SCHEMA_VERSION}. "
            "Bring it up to date:"
        )
        older.command = ("db", "upgrade", "--data-dir", str(path.parent))
        raise older
    if version > SCHEMA_VERSION:
        raise StoreUnusable(
            f"{path} has schema {version}, and this devicelog is older: it reads schema {SCHEMA_VERSION}. "
            "Use the version that wrote it, or a later one."
        )


def schema_of(connection: Connection, path: Path) -> int:
    """The version of its tables. Raises NotFound for an empty file, EvidenceDamaged for one that is none of ours."""
    if not _has_tables(connection):
        raise NotFound(f"the database {path} is empty: nothing was recorded in it yet")
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
        raise EvidenceDamaged(f"{path} is a database of another program")
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version < 1:
        raise EvidenceDamaged(f"{path} says that it has schema {version}; no devicelog writes such a one")
    return version


def read_head(connection: Connection) -> Head:
    """Where the ledger ends, and the stream that is open there, as stored. Raises EvidenceDamaged."""
    row = connection.execute(select(LEDGER_ENTRY).order_by(LEDGER_ENTRY.c.seq.desc()).limit(1)).first()
    if row is None:
        raise EvidenceDamaged("the ledger is empty: not even its first entry is there")
    try:
        entry = read_entry(row.bytes)
    except ValueError as error:
        raise EvidenceDamaged(f"ledger entry {row.seq}: {error}") from error
    if entry.leaf != row.leaf or entry.seq != row.seq:
        raise EvidenceDamaged(f"ledger entry {row.seq} was changed")
    return Head(
        log=entry.values["log"],
        seq=entry.seq + 1,
        prev=entry.leaf.hex(),
        tree=read_frontier(connection, entry.seq + 1),
        stream=_open_stream(connection),
    )


def read_frontier(connection: Connection, size: int) -> Tree:
    """The tree over a ledger of so many entries, as it was kept. Raises EvidenceDamaged."""
    rows = connection.execute(select(FRONTIER)).all()
    if len(rows) == 1 and type(rows[0].size) is int and rows[0].size > size:
        raise EvidenceDamaged(
            f"the ledger was cut off: it had {rows[0].size} entries, and {size} are there. What came after was taken "
            "away, or an older copy was mixed with a newer one; put the newest whole copy of the database back"
        )
    try:
        if len(rows) != 1 or rows[0].size != size:
            raise ValueError(
                f"it has {', '.join(str(row.size) for row in rows) or 'no'} entries; the ledger has {size}"
            )
        data = rows[0].subtrees
        return Tree.of_subtrees(size, [data[at : at + 32] for at in range(0, len(data), 32)])
    except (ValueError, TypeError) as error:
        damaged = EvidenceDamaged(f"what is kept of the tree over the ledger is wrong: {error}. Make it anew:")
        damaged.command = ("db", "rebuild")
        raise damaged from error


def _open_stream(connection: Connection) -> StreamHead | None:
    opening = _opening(connection)
    if opening is None:
        return None
    low, high = opening.seq << CHUNK_INDEX_BITS, (opening.seq + 1) << CHUNK_INDEX_BITS
    inside = (CHUNK.c.id >= low, CHUNK.c.id < high)
    leaves = connection.execute(select(CHUNK.c.leaf).where(*inside).order_by(CHUNK.c.id)).scalars().all()
    records = connection.execute(select(func.coalesce(func.sum(CHUNK.c.records), 0)).where(*inside)).scalar_one()
    return StreamHead(no=opening.seq, id=opening.body["stream"], chunks=len(leaves), records=records, tree=Tree(leaves))


def _opening(connection: Connection) -> Entry | None:
    """The entry that opened the stream that is open. The ledger decides, and not the list of sessions.

    Of the entries behind it no more is read than that they are as they were written, and are no turn themselves.
    """
    for row in connection.execute(select(LEDGER_ENTRY).order_by(LEDGER_ENTRY.c.seq.desc())):
        as_written = isinstance(row.bytes, bytes) and leaf_hash(row.bytes) == row.leaf
        if as_written and not any(turn in row.bytes for turn in _TURN_BYTES):
            continue
        try:
            entry = read_entry(row.bytes)
        except ValueError as error:
            raise EvidenceDamaged(f"ledger entry {row.seq}: {error}") from error
        if entry.type in _TURNS:
            return entry if entry.type.endswith(".opened") else None
    return None


def _has_tables(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar())


def _create(connection: Connection, stamps: Stamps, sw: Json) -> None:
    create_tables(connection)
    create_guards(connection)
    log = f"devicelog/{secrets.token_hex(16)}"
    Transaction(connection, Head(log=log), stamps=stamps, sw=sw).entry("log.created", {"schema": SCHEMA_VERSION})
