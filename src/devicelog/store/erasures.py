"""Private texts that are gone, and stay so: what an entry says was erased must not be there again.

The rows go with every copy of them. Where SQLite moved a row with `secure_delete` off, its old bytes stay in the room
that a page does not use; so the private tables are emptied, which overwrites all their pages, and what stays is written
anew. Not responsible for whose texts are erased and when (recorder/erasing.py).
"""

import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from devicelog.canonical import Json, parse_canonical
from devicelog.store.engine import in_our_words
from devicelog.store.schema import CLIENT, ERASED, NOTE, PSEUDONYM

PACKAGES = "packages"  # the folder beside the database, and the private file of a session in it
_PRIVATE_FILE = ".private.json"
_LARGEST = 64 * 2**20
_EMPTYING_S = 5.0

# Each private table, and the column by which an erasure names its rows.
_NAMED = ((CLIENT, "client_ref"), (NOTE, "commitment"), (PSEUDONYM, "client_ref"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A private text that is there although an entry says that it was erased. `what`: client, note or pseudonym."""

    what: str
    name: str
    entry: int

    def __str__(self) -> str:
        return f"{_WORDS[self.what]} {self.name} is there again: ledger entry {self.entry} says that it was erased"


_WORDS = {
    "client": "the code of client",
    "note": "the text",
    "pseudonym": "a pseudonym of client",
}


def erase_rows(connection: Connection, names: Collection[str]) -> int:
    """Erase every private row that one of these names names, inside the caller's transaction. How many there were."""
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    gone, unwanted = 0, set(names)
    for table, key in _NAMED:
        rows = connection.execute(select(table)).mappings().all()
        kept = [dict(row) for row in rows if row[key] not in unwanted]
        if len(kept) == len(rows):
            continue
        gone += len(rows) - len(kept)
        connection.execute(delete(table))
        if kept:
            connection.execute(insert(table), sorted(kept, key=lambda row: str(row[key])))
    return gone


def there_again(connection: Connection) -> list[Again]:
    """The private rows that an entry says were erased. Reads no entry."""
    found = []
    for table, key in _NAMED:
        query = select(table.c[key], ERASED.c.seq).join(ERASED, ERASED.c.name == table.c[key]).distinct()
        rows = connection.execute(query.order_by(ERASED.c.seq, table.c[key]))
        found += [Again(what=table.name, name=row[0], entry=row[1]) for row in rows]
    return found


def erase_again(connection: Connection) -> list[Again]:
    """Erase what came back, inside the caller's transaction; what it was."""
    found = there_again(connection)
    if found:
        erase_rows(connection, {each.name for each in found})
    return found


def erased_streams(connection: Connection) -> set[str]:
    """The sessions that an erasure named: their private files may have been put back."""
    return set(connection.execute(select(ERASED.c.name).where(ERASED.c.name.like("s-%")).distinct()).scalars())


def private_file(data_dir: Path, stream: str) -> Path:
    """Where the private texts of a packaged session are."""
    return data_dir / PACKAGES / f"{stream}{_PRIVATE_FILE}"


def files_again(connection: Connection, data_dir: Path) -> list[Path]:
    """The private files that hold what was erased, or cannot be read, of the sessions that an erasure named."""
    streams = erased_streams(connection)
    if not streams:
        return []
    names = set(connection.execute(select(ERASED.c.name).distinct()).scalars())
    found = []
    for stream in sorted(streams & _streams_with_a_file(data_dir)):
        for path in files_of(data_dir, stream):
            held = held_in(path)
            if held is None or held & names:
                found.append(path)
    return found


def files_of(data_dir: Path, stream: str) -> list[Path]:
    """The private file of a session and what a writer that was killed left of one, as far as they are there."""
    path = private_file(data_dir, stream)
    return [each for each in (path, path.with_name(f".{path.name}.new")) if each.exists() or each.is_symlink()]


def _streams_with_a_file(data_dir: Path) -> set[str]:
    try:
        names = [path.name for path in (data_dir / PACKAGES).iterdir()]
    except OSError:
        return set()
    return {name.lstrip(".").partition(_PRIVATE_FILE)[0] for name in names if _PRIVATE_FILE in name}


def held_in(path: Path) -> set[str] | None:
    """The clients and commitments that a private file has texts of; None where it cannot be read."""
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            return None
        values: Json = parse_canonical(path.read_bytes())
        return {row["client_ref"] for row in values["clients"]} | {row["commitment"] for row in values["notes"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def empty_log(path: Path) -> bool:
    """Bring the write-ahead log into the database and cut it off, so that nothing of the past is in it.

    False where somebody reads, and goes on reading: the log stays until he has ended.
    """
    give_up_s = time.monotonic() + _EMPTYING_S
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with in_our_words(path), closing(sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        while True:
            [(busy, _, _)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if not busy or time.monotonic() > give_up_s:
                return not busy
            time.sleep(0.02)
