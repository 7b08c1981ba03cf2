"""Fifty random edits by hand of evidence values: each is found, and what `verify --all` says names its place.

The guards are dropped, something is changed, and they come back: only the hashes can tell what it was.
Each edit follows from its number alone, on a fresh copy of the same database.
"""

import random
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from devicelog.store.schema import CHUNK_INDEX_BITS, GUARDS
from tests.databases import STREAMS, flip, plain, problems, rows

N_EDITS = 50
_KEYS = {"ledger_entry": "seq", "chunk": "id", "document": "id"}
_COLUMNS = {
    "ledger_entry": ("leaf", "bytes"),
    "chunk": ("first_record", "records", "first_us", "last_us", "serial_bytes", "leaf", "blob_sha256", "blob"),
    "document": ("sha256", "bytes"),
}


class Edit(NamedTuple):
    """What was done, in words, and how a problem that names the place of it reads."""

    what: str
    places: str  # a pattern; any problem that it is in locates the edit


class Editor:
    """Draws one edit from a seed and does it. `connection` has no guards."""

    def __init__(self, connection: sqlite3.Connection, seed: int) -> None:
        self._connection = connection
        self._random = random.Random(seed)
        values = [(table, column) for table, columns in _COLUMNS.items() for column in columns]
        self._turn = values[(seed + seed // len(HOW)) % len(values)]  # every column has its turn

    def edit(self, how: str) -> Edit:
        """Do it."""
        done: Edit = getattr(self, f"_{how}")(*self._turn)
        return done

    # --- the edits ----------------------------------------------------------------------------------------------------

    def _change(self, table: str, column: str) -> Edit:
        """A number by one, or one bit of bytes."""
        key = self._key(table)
        value = self._value(table, column, key)
        if isinstance(value, int):
            by = self._random.choice((-1, 1))
            new: Any = value + by
        else:
            by = self._random.randrange(8 * len(value))
            new = flip(value, by // 8, 1 << by % 8)
        edit = Edit(f"{table}.{column} of {key} changed by or at bit {by}", self._place(table, key))
        self._set(table, column, key, new)
        return edit

    def _retype(self, table: str, column: str) -> Edit:
        """The value as one of another type."""
        key = self._key(table)
        value = self._value(table, column, key)
        if isinstance(value, int):
            new: Any = self._random.choice((value + 0.5, str(value).encode(), f"{value} us"))
        else:
            text = value.decode("latin-1")
            new = text if column in ("bytes", "blob") else text.replace("\0", "0").ljust(32, "0")[:32]
        edit = Edit(f"{table}.{column} of {key} is a {type(new).__name__}", self._place(table, key))
        self._set(table, column, key, new)
        return edit

    def _swap(self, table: str, column: str) -> Edit:
        """The values of one column exchanged between two rows."""
        keys = [key for (key,) in self._rows(f"SELECT {_KEYS[table]} FROM {table}")]
        while True:
            one, other = sorted(self._random.sample(keys, 2))
            mine, theirs = self._value(table, column, one), self._value(table, column, other)
            if mine != theirs:
                break
        both = f"{self._place(table, one)}|{self._place(table, other)}"
        if column == "sha256":  # it is unique
            self._set(table, column, one, bytes(32))
        self._set(table, column, other, mine)
        self._set(table, column, one, theirs)
        return Edit(f"{table}.{column} of {one} and {other} swapped", both)

    def _cut(self, table: str, column: str) -> Edit:
        """Bytes shortened or lengthened; a number set to 0."""
        key = self._key(table)
        value = self._value(table, column, key)
        if isinstance(value, int):
            new: Any = 0 if value else 7
        elif column in ("bytes", "blob"):
            new = self._random.choice((value[: len(value) // 2], value + b"\0", b""))
        else:
            new = bytes(32)
        edit = Edit(f"{table}.{column} of {key} cut", self._place(table, key))
        self._set(table, column, key, new)
        return edit

    def _delete(self, table: str, column: str) -> Edit:
        """A row taken out, not the newest."""
        key = self._key(table, last=False)
        place = self._place(table, key)
        self._connection.execute(f"DELETE FROM {table} WHERE {_KEYS[table]} = ?", (key,))
        return Edit(f"{table} {key} deleted", place)

    def _insert(self, table: str, column: str) -> Edit:
        """A copy of a row put in its place, and those after it moved by one."""
        key = self._key(table, last=False)
        name, columns = _KEYS[table], ", ".join(_COLUMNS[table])
        if table == "document":  # its hash is its name: a copy needs another
            new = self._rows("SELECT max(id) + 1 FROM document")[0][0]
            digest = self._random.randbytes(32)
            self._connection.execute(
                "INSERT INTO document (id, sha256, bytes) SELECT ?, ?, bytes FROM document WHERE id = ?",
                (new, digest, key),
            )
            return Edit(f"document {key} copied", digest.hex())
        after = self._rows(f"SELECT {name} FROM {table} WHERE {name} > ? ORDER BY {name} DESC", key)
        for (later,) in after:
            if table == "ledger_entry" or later >> CHUNK_INDEX_BITS == key >> CHUNK_INDEX_BITS:
                self._connection.execute(f"UPDATE {table} SET {name} = {name} + 1 WHERE {name} = ?", (later,))
        self._connection.execute(
            f"INSERT INTO {table} ({name}, {columns}) SELECT {name} + 1, {columns} FROM {table} WHERE {name} = ?",
            (key,),
        )
        return Edit(f"{table} {key} put in twice", self._place(table, key + 1))

    def _renumber(self, table: str, column: str) -> Edit:
        """A row given the number of another, free place."""
        key = self._key(table)
        place = self._place(table, key)
        if table == "document":
            return self._change(table, column)  # its number says nothing
        self._connection.execute(
            f"UPDATE {table} SET {_KEYS[table]} = ? WHERE {_KEYS[table]} = ?",
            (key + self._random.randint(500, 900), key),
        )
        return Edit(f"{table} {key} renumbered", place)

    # --- the database -------------------------------------------------------------------------------------------------

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def _key(self, table: str, *, last: bool = True) -> int:
        keys = [key for (key,) in self._rows(f"SELECT {_KEYS[table]} FROM {table} ORDER BY 1")]
        return self._random.choice(keys if last else keys[:-1])

    def _value(self, table: str, column: str, key: int) -> Any:
        return self._rows(f"SELECT {column} FROM {table} WHERE {_KEYS[table]} = ?", key)[0][0]

    def _set(self, table: str, column: str, key: int, value: Any) -> None:
        self._connection.execute(f"UPDATE {table} SET {column} = ? WHERE {_KEYS[table]} = ?", (value, key))

    def _place(self, table: str, key: int) -> str:
        """How a problem names this row."""
        if table == "ledger_entry":
            return rf"ledger entry {key}\b"
        if table == "document":
            digest = self._value(table, "sha256", key)
            return str(digest.hex())
        stream = self._rows("SELECT id FROM stream WHERE no = ?", key >> CHUNK_INDEX_BITS)[0][0]
        assert stream in STREAMS
        return rf"chunk {key & (1 << CHUNK_INDEX_BITS) - 1} of {stream}\b"


HOW = ("change", "change", "change", "swap", "retype", "cut", "delete", "insert", "renumber")
EDITS = [(seed, HOW[seed % len(HOW)]) for seed in range(N_EDITS)]
each_edit = pytest.mark.parametrize(("seed", "how"), EDITS, ids=[f"{seed}-{how}" for seed, how in EDITS])


def edited(path: Path, seed: int, how: str) -> Edit:
    """The edit of this number, on this copy; the guards are there again afterwards."""
    with plain(path) as connection:
        connection.execute("BEGIN")
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        before = list(connection.iterdump())
        edit = Editor(connection, seed).edit(how)
        assert list(connection.iterdump()) != before, f"{edit.what}: nothing changed"
        for sql in GUARDS.values():
            connection.execute(sql)
        connection.execute("COMMIT")
    return edit


@each_edit
@pytest.mark.requirement("R20")
def test_an_edit_is_found_and_located(seed: int, how: str, recorded: Path) -> None:
    edit = edited(recorded, seed, how)
    found = problems(recorded)
    assert found, f"{edit.what}: nothing was found"
    assert any(re.search(edit.places, problem) for problem in found), (edit, found)


@pytest.mark.parametrize(("seed", "how"), EDITS[:: N_EDITS // 5], ids=str)
def test_the_command_line_ends_with_3_and_names_the_place(seed: int, how: str, recorded: Path) -> None:
    edit = edited(recorded, seed, how)
    done = subprocess.run(
        [sys.executable, "-m", "devicelog", "verify", "--all", "--data-dir", str(recorded.parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    altered = [line for line in done.stdout.splitlines() if line.startswith("ALTERED: ")]
    assert any(re.search(edit.places, line) for line in altered), (edit, done.stdout)


def test_the_edits_reach_every_table_and_every_kind(pristine: Path, tmp_path: Path) -> None:
    """Fifty edits of one column would prove little."""
    told = []
    for seed, how in EDITS:
        with plain(pristine) as connection:
            copy = sqlite3.connect(":memory:")
            connection.backup(copy)
        for name in GUARDS:
            copy.execute(f"DROP TRIGGER {name}")
        told.append(Editor(copy, seed).edit(how).what)
        copy.close()
    assert len(set(told)) > N_EDITS - 3  # chance may take a row twice
    for table, columns in _COLUMNS.items():
        for column in columns:
            assert any(f"{table}.{column}" in what for what in told), f"no edit of {table}.{column}"
    assert rows(pristine, "SELECT count(*) FROM stream") == [(len(STREAMS),)]
