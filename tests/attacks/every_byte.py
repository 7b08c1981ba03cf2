"""Every byte of a small database, changed one at a time: evidence is found and located, the rest found or of no effect.

`python -m tests.attacks.every_byte [--seconds N] [--jobs N]` goes through all of them in an order that is shuffled the
same way every time, says how far it came, and ends with 1 when a change was missed.
"""

import argparse
import json
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from devicelog.errors import DevicelogError
from devicelog.packages.records_lines import record_lines
from devicelog.store.audit import audit
from devicelog.store.evidence import Evidence
from devicelog.store.schema import CHUNK_INDEX_BITS, GUARDS, METADATA
from tests.attacks.device import make_device
from tests.databases import flip, plain

EVIDENCE = {table.name: table for table in METADATA.sorted_tables if table.info["class"] == "evidence"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One byte of one value of evidence; of a number its steps down and up, 0 and 1."""

    table: str
    key: int
    column: str
    at: int

    def __str__(self) -> str:
        return f"{self.table} {self.key}, {self.column}, byte {self.at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """One byte of the file."""

    at: int

    def __str__(self) -> str:
        return f"byte {self.at} of the file"


def settled(path: Path) -> Path:
    """The same database without a write-ahead log beside it: everything is in the one file."""
    with plain(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    return path


def places(path: Path) -> Iterator[Place]:
    """Every byte of every value of evidence, keys included."""
    with plain(path) as connection:
        for name, table in EVIDENCE.items():
            columns = [column.name for column in table.columns]
            for row in connection.execute(f"SELECT {', '.join(columns)} FROM {name}"):
                for column, value in zip(columns, row, strict=True):
                    for at in range(len(value) if isinstance(value, bytes) else 2):
                        yield Place(table=name, key=row[0], column=column, at=at)


def named(path: Path, place: Place) -> str:
    """How a problem names where this is: entry, chunk, document or checkpoint. A pattern."""
    if place.table == "document":
        with plain(path) as connection:
            query = "SELECT sha256 FROM document WHERE id = ?"
            return str(connection.execute(query, (place.key,)).fetchone()[0].hex())
    if place.table == "chunk":
        with plain(path) as connection:
            query = "SELECT id FROM stream WHERE no = ?"
            [(stream,)] = connection.execute(query, (place.key >> CHUNK_INDEX_BITS,)).fetchall()
        return rf"chunk {place.key & (1 << CHUNK_INDEX_BITS) - 1} of {stream}\b"
    return rf"{'ledger entry' if place.table == 'ledger_entry' else 'checkpoint'} {place.key}\b"


def change(path: Path, place: Place) -> None:
    """Change it, with the guards dropped and put back."""
    key = next(iter(EVIDENCE[place.table].primary_key)).name
    with plain(path) as connection:
        connection.execute("BEGIN")
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        query = f"SELECT {place.column} FROM {place.table} WHERE {key} = ?"
        [(value,)] = connection.execute(query, (place.key,)).fetchall()
        new: Any = flip(value, place.at, 1 << place.at % 8) if isinstance(value, bytes) else _moved(value, place.at)
        try:
            connection.execute(f"UPDATE {place.table} SET {place.column} = ? WHERE {key} = ?", (new, place.key))
        except sqlite3.IntegrityError:  # there is a row of that number
            new = 1 << 50
            connection.execute(f"UPDATE {place.table} SET {place.column} = ? WHERE {key} = ?", (new, place.key))
        for sql in GUARDS.values():
            connection.execute(sql)
        connection.execute("COMMIT")


def _moved(value: int, at: int) -> int:
    return value + (1 if at else -1)


def found(path: Path) -> list[str]:
    """What `verify --all` tells of the file; one sentence where it cannot even be read."""
    try:
        with Evidence(path) as evidence:
            return audit(evidence.connection, path).problems
    except DevicelogError as error:
        return [f"cannot be read: {error}"]


def printed(path: Path) -> str:
    """What `sessions show --json` says of every stream, and the records that an export writes."""
    from devicelog.cli.report import show_document

    told = []
    try:
        with Evidence(path) as evidence:
            for row in evidence.streams():
                told.append(json.dumps(show_document(evidence, row["id"]), sort_keys=True))
                told.append(sha256(b"".join(record_lines(evidence.records(row["no"])))).hexdigest())
    except DevicelogError as error:
        return f"refused: {error}"
    return "\n".join(told)


def missed(original: Path, copy: Path, where: Place | Offset, as_printed: str) -> str | None:
    """Change this one byte in a copy and check it; what was missed, or None."""
    data = original.read_bytes()
    if isinstance(where, Offset):
        copy.write_bytes(flip(data, where.at, 1 << where.at % 8))
        if found(copy) or (now := printed(copy)) == as_printed or now.startswith("refused: "):
            return None
        return f"{where}: verify finds nothing, and what is printed is another"
    copy.write_bytes(data)
    wanted = named(copy, where)
    change(copy, where)
    problems = found(copy)
    if any(re.search(wanted, problem) for problem in problems):
        return None
    if (where.table, where.column) == ("document", "id") and printed(copy) == as_printed:
        return None  # what a document is called by is its hash; its number says nothing
    return f"{where}: nothing names {wanted}: {problems}"


def everything(path: Path) -> list[Place | Offset]:
    """Every change there is, shuffled."""
    every: list[Place | Offset] = [*places(path), *(Offset(at=at) for at in range(path.stat().st_size))]
    random.Random(5).shuffle(every)
    return every


def _work(job: tuple[Path, str, list[Place | Offset], float]) -> tuple[int, list[str]]:
    original, as_printed, mine, until_s = job
    with tempfile.TemporaryDirectory() as folder:
        copy, told = Path(folder) / original.name, []
        for number, where in enumerate(mine):
            if time.monotonic() > until_s:
                return number, told
            if words := missed(original, copy, where, as_printed):
                told.append(words)
                print(words, file=sys.stderr, flush=True)
    return len(mine), told


def main() -> int:
    """All of them, as long as there is time."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.every_byte", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        path = settled(make_device(folder).path)
        every, as_printed = everything(path), printed(path)
        until_s, tried, told = time.monotonic() + asked.seconds, 0, []
        blocks = [every[at : at + 200] for at in range(0, len(every), 200)]
        with Pool(asked.jobs) as pool:
            for count, words in pool.imap(_work, [(path, as_printed, block, until_s) for block in blocks]):
                tried, told = tried + count, told + words
                print(f"{tried} of {len(every)} bytes changed, {len(told)} missed", end="\r", flush=True)
    finally:
        shutil.rmtree(folder)
    left = len(every) - tried
    print(f"{tried} of {len(every)} bytes changed, {len(told)} missed" + (f"; no time for {left}" if left else ""))
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
