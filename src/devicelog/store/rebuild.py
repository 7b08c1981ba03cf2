"""A new database file from an old one's evidence: upgrade and rebuild are this one function.

Evidence and private texts are copied as they are, guards and projection are made anew, the copy is compared and
audited, and only then it takes the old one's place. At every moment a whole database stands under its name: until the
rename the old one, after it the new one. The old file is kept.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.ledger.entries import read_entry
from devicelog.ledger.tree import Tree
from devicelog.store.audit import audit
from devicelog.store.database import FILE_NAME, check_ours, read_head, schema_of
from devicelog.store.engine import builder_engine, in_our_words, set_journal, sole_engine
from devicelog.store.erasures import erase_again, files_again
from devicelog.store.lock import WriterLock
from devicelog.store.schema import (
    METADATA,
    SCHEMA_VERSION,
    create_guards,
    create_tables,
    lost_tables,
    odd_guards,
    tables_of,
)
from devicelog.store.transaction import Stamps, Transaction, keep_frontier, project_entry

KEPT = f"{FILE_NAME}.kept-"  # and the number of the entry that says what was done
NEW = f"{FILE_NAME}.new"
_TOLD_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What was done. `guards`: those that the old file had lost, had with another text, or that were not ours.
    `again`: the private texts that were there although they had been erased, in sentences; the new file has them not.
    """

    kept: Path
    from_schema: int
    to_schema: int
    entries: int
    root: str
    guards: tuple[str, ...]
    again: tuple[str, ...]


def rebuild(data_dir: Path, *, upgrade: bool, stamps: Stamps, sw: Json) -> Rebuilt | None:
    """Make the database anew; with `upgrade` only where its schema is an older one, else None.

    Raises NotFound, StoreUnusable (busy, no space, another version), EvidenceDamaged (nothing was changed then).
    """
    path, new = data_dir / FILE_NAME, data_dir / NEW
    if not path.exists():
        raise NotFound(f"there is no database at {path}. `devicelog demo` or `devicelog record` makes one.")
    with WriterLock(data_dir) as lock, in_our_words(path), ExitStack() as undo:
        lock.take()
        _give(lock.path, path)
        with sole_engine(path).connect() as old:
            from_schema = schema_of(old, path)
            if from_schema >= SCHEMA_VERSION or not upgrade:
                check_ours(old, path)
                if upgrade:
                    return None
            undo.callback(_restore_journal, path, old.exec_driver_sql("PRAGMA journal_mode").scalar_one())
            undo.callback(_remove_leftovers, path)
            _remove_leftovers(path)
            _check_space(path)
            _make_empty(new, path)
            with builder_engine(new).connect() as connection:
                done = _build(old, connection, path, from_schema, stamps, sw)
            set_journal(new, "WAL")
            new.chmod(S_IMODE(path.stat().st_mode))
            _sync(new)
        kept = _keep(path, done["entries"])
        undo.callback(_unkeep, kept, path)
        _whole_by_itself(path)
        new.rename(path)
        undo.pop_all()  # from here on it is done
        _sync(data_dir)
    return Rebuilt(kept=kept, **{**done, "guards": tuple(done["guards"]), "again": tuple(done["again"])})


def leftovers(path: Path) -> list[Path]:
    """What a rebuild that was cut off left beside the database."""
    return sorted(path.parent.glob(f"{NEW}*"))


def kept_files(path: Path) -> list[Path]:
    """The databases that were replaced, oldest first."""
    files = (file for file in path.parent.glob(f"{KEPT}*") if not file.samefile(path))
    return sorted(files, key=lambda file: (len(file.name), file.name))


def _check_space(path: Path) -> None:
    files = (path, path.with_name(f"{path.name}-wal"))
    needed = 2 * sum(file.stat().st_size for file in files if file.exists())
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise StoreUnusable(
            f"{path.parent} has {free // 2**20} MB free; making the database anew may need {needed // 2**20 + 1} MB. "
            "Free some space first; nothing was changed."
        )


def _make_empty(new: Path, path: Path) -> None:
    """The new file, whose owner is that of the old one, and which nobody else can read until it is whole."""
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    _give(new, path)


def _give(file: Path, path: Path) -> None:
    """Let a file belong to whom the database belongs: made by root, it would lock the recorder out."""
    owner, now = path.stat(), file.stat()
    if (now.st_uid, now.st_gid) == (owner.st_uid, owner.st_gid):
        return
    try:
        os.chown(file, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise StoreUnusable(
            f"{path} belongs to another user or group, and {file.name} cannot be given to them: {error.strerror}. "
            "Run this as that user, or with sudo; nothing was changed."
        ) from error


def _build(old: Connection, new: Connection, path: Path, from_schema: int, stamps: Stamps, sw: Json) -> Json:
    """Everything that the new file has; what its newest entry says is returned."""
    odd = sorted(odd_guards(old, from_schema))
    if from_schema >= 3 and not lost_tables(old, from_schema):
        _not_cut_off(old)
    with new.begin():
        create_tables(new)
        for table in _copied(from_schema):
            _copy(old, new, table)
        create_guards(new)
        _project(new)
        keep_frontier(new, _tree(new))
    with new.begin():
        for table in _copied(from_schema):
            if _content(old, table) != _content(new, table):
                raise StoreUnusable(f"the copy of {table} in {path} is not what was copied. Is the disk failing?")
        again = [str(each) for each in erase_again(new)]
        for file in files_again(new, path.parent):
            again.append(f"{file} was there again")
            file.unlink()
        if problems := audit(new, path).problems:
            more = f"; and {len(problems) - _TOLD_MOST} more" if len(problems) > _TOLD_MOST else ""
            raise EvidenceDamaged(
                f"the evidence in {path} is not what was recorded; nothing was changed: "
                f"{'; '.join(problems[:_TOLD_MOST])}{more}"
            )
        if lost := sorted(_listed(old) - _listed(new)):
            raise EvidenceDamaged(
                f"the list of sessions in {path} names {', '.join(lost)}, which the ledger does not: evidence was "
                "taken away. Nothing was changed; this list is the last trace of it."
            )
        head = read_head(new)
        body = {
            "from_schema": from_schema,
            "to_schema": SCHEMA_VERSION,
            "entries": head.seq,
            "root": head.tree.root().hex(),
            "guards": odd,
        }
        Transaction(new, head, stamps=stamps, sw=sw).entry("database.rebuilt", body)
    return {**body, "again": again}


def _not_cut_off(old: Connection) -> None:
    """Raises EvidenceDamaged where the old file had more entries than it has: making it anew would hide that."""
    [(entries,)] = _rows(old, "SELECT coalesce(max(seq), -1) + 1 FROM ledger_entry")
    for (size,) in _rows(old, "SELECT size FROM frontier"):
        if isinstance(size, int) and size > entries:
            raise EvidenceDamaged(
                f"the ledger was cut off: it had {size} entries, and {entries} are there. Making it anew would hide "
                "that; nothing was changed. Put the newest whole copy of the database back."
            )


def _tree(connection: Connection) -> Tree:
    """Over the leaves as they are stored; one that is none is left out, and the audit says where it stands."""
    leaves = _rows(connection, "SELECT leaf FROM ledger_entry ORDER BY seq")
    return Tree(leaf for (leaf,) in leaves if isinstance(leaf, bytes))


def _listed(connection: Connection) -> set[str]:
    """The streams that the list of sessions names; none where the list itself is gone."""
    if not list(_rows(connection, "SELECT 1 FROM sqlite_master WHERE name = 'stream'")):
        return set()
    return {str(name) for (name,) in _rows(connection, "SELECT id FROM stream")}


def _copied(schema: int) -> list[str]:
    """The tables of the old file whose rows are copied."""
    return [table.name for table in tables_of(schema) if table.info["class"] != "projection"]


def _select(table: str) -> str:
    columns = ", ".join(column.name for column in METADATA.tables[table].columns)
    return f"SELECT {columns} FROM {table} ORDER BY rowid"


def _rows(connection: Connection, sql: str) -> Iterator[Any]:
    """The values as they are stored, of whatever type."""
    return iter(connection.exec_driver_sql(sql))


def _copy(old: Connection, new: Connection, table: str) -> None:
    places = ", ".join("?" for _ in METADATA.tables[table].columns)
    for n, row in enumerate(_rows(old, _select(table))):
        try:
            new.exec_driver_sql(f"INSERT INTO {table} VALUES ({places})", tuple(row))
        except IntegrityError as error:
            raise EvidenceDamaged(f"row {n} of {table} was changed; nothing was done: {error.orig}") from error


def _content(connection: Connection, table: str) -> tuple[int, str]:
    """How many rows, and a hash over every value and its type."""
    digest, n = sha256(), 0
    for row in _rows(connection, _select(table)):
        n += 1
        for value in row:
            data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
            digest.update(b"%s %d:" % (type(value).__name__.encode(), len(data)))
            digest.update(data)
    return n, digest.hexdigest()


def _project(connection: Connection) -> None:
    for (data,) in _rows(connection, "SELECT bytes FROM ledger_entry ORDER BY seq"):
        try:
            project_entry(connection, read_entry(data))
        except (ValueError, TypeError, IntegrityError):
            continue  # not what was written: the audit says where


def _keep(path: Path, entries: int) -> Path:
    """A second name for the old file."""
    kept = path.with_name(f"{KEPT}{entries}")
    n = 1
    while kept.exists() and not kept.samefile(path):
        n += 1
        kept = path.with_name(f"{KEPT}{entries}-{n}")
    if not kept.exists():
        try:
            kept.hardlink_to(path)
        except OSError as error:
            raise StoreUnusable(
                f"{path} cannot be kept as {kept.name}: {error.strerror}. Nothing was changed."
            ) from error
    return kept


def _unkeep(kept: Path, path: Path) -> None:
    if kept.samefile(path):  # else the new file stands there already
        kept.unlink()


def _whole_by_itself(path: Path) -> None:
    """The log of the old file is copied into it and gone, and nobody's log will lie beside the new one."""
    set_journal(path, "DELETE")  # refused while anybody has it open
    _sync(path)
    _sync(path.parent)


def _restore_journal(path: Path, mode: str) -> None:
    with suppress(sqlite3.Error):  # what cannot be opened was not changed either
        set_journal(path, mode)


def _remove_leftovers(path: Path) -> None:
    for file in leftovers(path):
        file.unlink()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
