"""Is the database file fit for use? Each check says what it found; one that could not run never counts as passed.

Repairs nothing. Whether the evidence is what was recorded is the audit's question (audit.py).
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from devicelog.errors import DevicelogError, EvidenceDamaged, NotFound, StoreUnusable
from devicelog.store.audit import projection_faults
from devicelog.store.database import FILE_NAME, NEEDED_FREE_BYTES, check_ours, schema_of
from devicelog.store.engine import in_our_words, reader_engine
from devicelog.store.rebuild import kept_files, leftovers
from devicelog.store.schema import SCHEMA_VERSION, guard_faults, lost_tables

DAMAGED, UNFIT = EvidenceDamaged.exit_code, StoreUnusable.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. `code`: 0, or the exit code that it calls for."""

    check: str
    code: int
    says: str


def check_database(data_dir: Path) -> list[Finding]:
    """All checks, in order. Raises NotFound where there is no database."""
    path = data_dir / FILE_NAME
    if not path.is_file():
        raise NotFound(f"there is no database at {path}. `devicelog demo` or `devicelog record` makes one.")
    found: list[Finding] = []
    try:
        with in_our_words(path), closing(reader_engine(path).connect()) as connection:
            found.extend(_inside(connection, path))
    except DevicelogError as error:
        found.append(Finding(check="file", code=error.exit_code, says=str(error)))
    return [*found, *_around(path)]


def _inside(connection: Connection, path: Path) -> Iterator[Finding]:
    lines = [str(line) for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    whole = lines == ["ok"]
    yield Finding(check="sqlite", code=0 if whole else DAMAGED, says="whole" if whole else "; ".join(lines))
    version = schema_of(connection, path)
    try:
        check_ours(connection, path)
    except StoreUnusable as error:
        yield Finding(check="schema", code=UNFIT, says=str(error))
        if version > SCHEMA_VERSION:
            yield Finding(check="guards", code=UNFIT, says="not checked: of a version that is not known here")
            return
    else:
        yield Finding(check="schema", code=0, says=f"{version}, as this devicelog writes it")
    lost = lost_tables(connection, version)
    yield Finding(check="tables", code=DAMAGED if lost else 0, says=", ".join(lost) + " lost" if lost else "all there")
    if lost:
        return
    faults = guard_faults(connection, version)
    yield Finding(check="guards", code=DAMAGED if faults else 0, says="; ".join(faults) or "all there")
    if version != SCHEMA_VERSION:
        yield Finding(check="sessions", code=UNFIT, says="not checked: the upgrade makes the list of sessions anew")
        return
    faults = projection_faults(connection)
    yield Finding(check="sessions", code=DAMAGED if faults else 0, says="; ".join(faults) or "as the ledger says")


def _around(path: Path) -> Iterator[Finding]:
    free, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    needed = max(NEEDED_FREE_BYTES, 2 * size)
    says = f"{free // 2**20} MB free, {size // 1024} kB used by the database"
    if free < needed:
        says += f"; a session, or making the database anew, may need {needed // 2**20} MB"
    yield Finding(check="space", code=UNFIT if free < needed else 0, says=says)
    kept = kept_files(path)
    says = "; ".join(str(file) for file in kept) or "none"
    yield Finding(check="kept", code=0, says=says)
    if cut_off := leftovers(path):
        names = ", ".join(file.name for file in cut_off)
        yield Finding(
            check="left over", code=0, says=f"{names}: an upgrade or rebuild was cut off; the next one removes them"
        )
