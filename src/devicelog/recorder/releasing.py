"""Release a session's chunks: its package is in the ledger, was read to its last byte, and holds the very same chunks.

A separate act, long after the seal: until then every record is kept twice. Not responsible for where copies of packages
go; on this disk the package is the only one from here on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from devicelog.canonical import Json
from devicelog.errors import BadTransition, EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.packages.whole import open_package
from devicelog.recorder.access import Access
from devicelog.store.evidence import Evidence
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow
from devicelog.store.transaction import Transaction

DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was done. `again`: it was released before, and nothing was done now."""

    stream: str
    chunks: int
    bytes: int  # of the compressed chunks
    again: bool = False


def release(access: Access, stream: str) -> Released:
    """Delete the chunks of a sealed stream from the database. Raises BadTransition where it has no package yet,
    EvidenceDamaged where the package is missing, another, damaged, or holds other chunks; nothing is done then.
    """
    with Evidence(access.path) as evidence:
        row = evidence.stream(stream)
        if row["released_seq"] is not None:
            return Released(stream=stream, chunks=0, bytes=0, again=True)
        if row["package"] is None:
            raise BadTransition(f"{stream} has no package yet: it is released after it was sealed")
        written = _written(evidence, row)
        closing = evidence.closing(row)
        with open_package(access.data_dir, stream, written, imported=None) as package:
            package.check()
            theirs = package.closing(package.streams()[0])
            if closing is None or theirs is None or closing.data != theirs.data:
                raise EvidenceDamaged(f"{package.path} was closed by another entry than {stream} in the database")
            n = size = 0
            for index, (mine, kept) in enumerate(zip_longest(evidence.blobs(row["no"]), package.parts().chunks)):
                if mine is None or mine != kept:
                    raise EvidenceDamaged(
                        f"chunk {index} of {stream} is another one in {package.path}; nothing was done"
                    )
                n, size = n + 1, size + len(mine)
    body: Json = {"stream": stream, "sha256": written, "chunks": n}
    return access.append(lambda transaction: _release(access, transaction, body, size))


def due(rows: Iterable[StreamRow], *, before: str) -> list[str]:
    """The streams that ended before this time (as `at` of an entry), have a package and are not released."""
    return [
        str(row["id"])
        for row in rows
        if row["package"] is not None and row["released_seq"] is None and str(row["closed_at"]) < before
    ]


def days_before(at: str, days: int) -> str:
    """The same time so many days before."""
    then = datetime.fromisoformat(at) - timedelta(days=days)
    return then.strftime("%Y-%m-%dT%H:%M:%S") + at[-5:]


def _written(evidence: Evidence, row: StreamRow) -> str:
    """The hash that the ledger has of its package: what is deleted is not left to the list of sessions."""
    entries = evidence.entries_of(row["id"], row["no"])
    found = [entry.body["sha256"] for entry in entries if entry.type == "package.written"]
    if not found or found[-1] != row["package"] or is_imported(row):
        raise EvidenceDamaged(f"the list of sessions is wrong about the package of {row['id']}")
    return str(found[-1])


def _release(access: Access, transaction: Transaction, body: Json, size: int) -> Released:
    """Once more inside the transaction: somebody else may have released it meanwhile."""
    evidence = Evidence(access.path, transaction.connection)
    row = evidence.stream(body["stream"])
    if row["released_seq"] is not None:
        return Released(stream=body["stream"], chunks=0, bytes=0, again=True)
    entry: Entry = transaction.release(row["no"], body)
    return Released(stream=body["stream"], chunks=entry.body["chunks"], bytes=size)
