"""How the database file is opened: pragmas, real transactions, and SQLite's refusals in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from devicelog.errors import EvidenceDamaged, StoreUnusable

__all__ = [
    "PAGE_BYTES",
    "Engine",
    "builder_engine",
    "in_our_words",
    "reader_engine",
    "set_journal",
    "sole_engine",
    "writer_engine",
]

# A flush of one kilobyte rewrites the first page of the file and the last one of the table, so the smallest pages cost
# the card least: 3.4 kB written a flush; 4.4 with pages of 1 kB, 7.4 with those of 4 kB.
PAGE_BYTES = 512

# WAL with FULL is the cheapest setting that loses no acknowledged commit when the power goes. Whoever writes for long
# has a checkpointer; for others closing is enough.
_WRITER_PRAGMAS = (
    f"PRAGMA page_size = {PAGE_BYTES}",  # has an effect on an empty file only
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA cache_size = -500",  # kB: a writer that only appends reads nothing twice, and its memory stays where it is
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA trusted_schema = OFF",
)

# SQLite's primary result codes and what each means for a clinic.
_REFUSALS: dict[int, tuple[type[EvidenceDamaged | StoreUnusable], str]] = {
    sqlite3.SQLITE_FULL: (StoreUnusable, "the disk is full"),
    sqlite3.SQLITE_READONLY: (StoreUnusable, "it is read-only"),
    sqlite3.SQLITE_BUSY: (StoreUnusable, "another program holds it"),
    sqlite3.SQLITE_LOCKED: (StoreUnusable, "another program holds it"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnusable, "it cannot be opened"),
    sqlite3.SQLITE_PERM: (StoreUnusable, "this user may not write it"),
    sqlite3.SQLITE_AUTH: (StoreUnusable, "this user may not write it"),
    sqlite3.SQLITE_IOERR: (StoreUnusable, "the disk reports an input/output error"),
    sqlite3.SQLITE_CORRUPT: (EvidenceDamaged, "it is damaged"),
    sqlite3.SQLITE_NOTADB: (EvidenceDamaged, "it is not a database"),
}


def writer_engine(path: Path) -> Engine:
    """An engine that writes. One connection at a time; every transaction begins IMMEDIATE and is durable on commit."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _WRITER_PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return _engine(connect, "BEGIN IMMEDIATE")


def builder_engine(path: Path) -> Engine:
    """An engine for a new file that nobody uses yet: nothing is durable until the file is synced as a whole."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (f"PRAGMA page_size = {PAGE_BYTES}", "PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF"):
            connection.execute(pragma)
        return connection

    return _engine(connect, "BEGIN IMMEDIATE")


def sole_engine(path: Path) -> Engine:
    """An engine that reads a file and lets nobody else near it: SQLITE_BUSY where anybody has it open."""

    def connect() -> sqlite3.Connection:
        uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        return connection

    return _engine(connect, "BEGIN EXCLUSIVE")


def set_journal(path: Path, mode: str) -> None:
    """Change how a file is journaled. It wants the file for itself alone: SQLITE_BUSY where anybody has it open.

    Leaving WAL copies the log into the file and removes it.
    """
    with closing(sqlite3.connect(path, timeout=5.0, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")


def reader_engine(path: Path) -> Engine:
    """An engine that cannot write, for everybody but the writer. Works on a read-only file system too."""

    def connect() -> sqlite3.Connection:
        uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.Error as error:
            connection.close()
            # WAL wants to write its index beside the file; where nobody can write, nobody is writing either
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if not path.exists():
                raise
            wal = path.with_name(f"{path.name}-wal")
            if wal.exists() and wal.stat().st_size:  # read without it, the newest evidence would not be seen
                raise StoreUnusable(
                    f"the database {path} has changes in {wal.name} that cannot be read here, where nothing can be "
                    "written. Copy both to a directory of your own and name it with --data-dir."
                ) from error
            connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
        return connection

    return _engine(connect, "BEGIN")


def _engine(connect: object, begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: object) -> None:
        # pysqlite's own transactions begin late and not at all for DDL; ours begin here
        connection.exec_driver_sql(begin)  # type: ignore[attr-defined]

    return engine


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Turn what SQLite refuses into StoreUnusable or EvidenceDamaged, naming the file and what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # Python's own words for it, where SQLite's error quotes what is damaged
        raise EvidenceDamaged(f"the database {path}: it has text that is none ({error})") from error
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        refusal = _REFUSALS.get(code & 0xFF) if code is not None else None
        # these two have no code of their own
        if str(cause).startswith("no such "):
            refusal = (EvidenceDamaged, "a part of it is missing")
        elif str(cause).startswith("Could not decode to UTF-8"):
            refusal = (EvidenceDamaged, "it has text that is none")
        if refusal is None:
            raise
        kind, words = refusal
        raise kind(f"the database {path}: {words} ({cause})") from error
