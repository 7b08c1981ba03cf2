"""A new database with a new ledger, which appears whole or not at all: built beside under another name, then renamed.

What it begins with is the caller's.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, StoreUnusable
from devicelog.ledger.entries import Entry
from devicelog.store.audit import audit
from devicelog.store.database import FILE_NAME
from devicelog.store.engine import builder_engine, in_our_words, set_journal
from devicelog.store.package_audit import Packages
from devicelog.store.rebuild import NEW, leftovers
from devicelog.store.schema import SCHEMA_VERSION, create_guards, create_tables
from devicelog.store.transaction import Head, Stamps, Transaction


def refuse_existing(data_dir: Path) -> None:
    """Raises StoreUnusable where there is a database already, whatever it is."""
    path = data_dir / FILE_NAME
    if os.path.lexists(path):
        raise StoreUnusable(
            f"{path} is there already, and is never written over. Where it is to be replaced, move it and what lies "
            "beside it to another directory first; or name a new directory with --data-dir."
        )


def found(
    data_dir: Path,
    *,
    stamps: Stamps,
    sw: Json,
    fill: Callable[[Transaction, Entry], None],
    packages: Packages,
) -> str:
    """Make the database; returns the id of its log. `fill` is given entry 0; it is audited before it has its name.

    The caller holds the writer lock. Raises StoreUnusable, EvidenceDamaged, and what `fill` raises: nothing is left.
    """
    path, new, log = data_dir / FILE_NAME, data_dir / NEW, f"devicelog/{secrets.token_hex(16)}"
    refuse_existing(data_dir)
    _remove(path)
    try:
        with in_our_words(path):
            os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with builder_engine(new).connect() as connection:
                with connection.begin():
                    create_tables(connection)
                    create_guards(connection)
                    transaction = Transaction(connection, Head(log=log), stamps=stamps, sw=sw)
                    fill(transaction, transaction.entry("log.created", {"schema": SCHEMA_VERSION}))
                with connection.begin():
                    problems = audit(connection, new, packages=packages).problems
                if problems:
                    raise EvidenceDamaged(
                        f"{path} would not be what was entered; nothing was done: {'; '.join(problems)}"
                    )
            set_journal(new, "WAL")
            _sync(new)
            new.rename(path)
            _sync(data_dir)
    except OSError as error:
        if isinstance(error, StoreUnusable):
            raise
        raise StoreUnusable(f"{path} cannot be made: {error.strerror}. Nothing is left of it.") from error
    finally:
        _remove(path)
    return log


def _remove(path: Path) -> None:
    for file in leftovers(path):
        file.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
