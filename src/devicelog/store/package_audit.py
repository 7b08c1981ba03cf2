"""The part of the audit that is about chunks that are not here: released streams, and sessions of other ledgers.

Their packages are read in the place of chunks, by whoever can read packages: that is given. Without a reader the
streams are named as unread, and never count as checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, func, select

from devicelog.canonical import Json
from devicelog.errors import DevicelogError
from devicelog.ledger.entries import Entry
from devicelog.store.report import Report, Stream
from devicelog.store.schema import CHUNK, CHUNK_INDEX_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPackage:
    """What a package is that was read to its last byte, and is sound by itself.

    `notes`: commitments to texts in its records and entries; `clients`: references and commitments, `codes`: those of
    the references whose codes are with it.
    """

    closing: Entry
    log: str
    row: Json
    bytes: int
    notes: frozenset[str]
    clients: frozenset[tuple[str, str]]
    codes: frozenset[str]


class Packages(Protocol):
    """Reads packages for an audit."""

    def read(self, stream: str, sha256: str, *, imported: Json | None) -> ReadPackage:
        """The package of a stream, whose file has this SHA-256 (hex). `imported`: the row of one of another ledger.

        Raises a DevicelogError that names the file and what is wrong with it.
        """

    def same(self, stream: str, sha256: str) -> bool | None:
        """Whether the package file of a stream has this SHA-256; None where there is none."""


def check_packages(
    connection: Connection,
    entries: Sequence[Entry],
    streams: dict[str, Stream],
    report: Report,
    *,
    packages: Packages | None,
    only: str | None,
) -> tuple[set[str], set[str]]:
    """The streams whose chunks are to be in packages alone, and the documents that imported sessions name."""
    written: dict[str, str] = {}
    elsewhere: dict[str, Entry] = {}
    named: set[str] = set()
    for entry in entries:
        body = entry.body
        if entry.type == "package.written":
            written[body["stream"]] = body["sha256"]
        elif entry.type in ("package.released", "package.imported"):
            name, where = body["stream"], f"ledger entry {entry.seq} ({entry.type})"
            if name in elsewhere:
                report.problems.append(f"{where}: {name} is in its package alone already")
                continue
            elsewhere[name] = entry
            if entry.type == "package.released":
                report.problems += [f"{where} {fault}" for fault in _released_faults(entry, streams, written)]
            else:
                named.add(str(body["row"].get("derived")))
                if name in streams:
                    report.problems.append(f"{where}: {name} is a stream of this ledger")
    if packages is not None:
        for name in written.keys() - elsewhere.keys():
            if only in (None, name):
                _copy(name, packages.same(name, written[name]), report)
    for name, entry in elsewhere.items():
        if only in (None, name):
            _check(connection, entry, streams.get(name), packages, report)
    return set(elsewhere), named


def _copy(name: str, same: bool | None, report: Report) -> None:
    """A package whose records are in the database too: what a rebuild would be made of, should the database be lost."""
    if same is None:
        report.no_copy.append(name)
    elif same:
        report.copies += 1
    else:
        report.problems.append(f"the package of {name} beside the database is not the one that the ledger names")


def _released_faults(entry: Entry, streams: dict[str, Stream], written: dict[str, str]) -> list[str]:
    body = entry.body
    stream = streams.get(body["stream"])
    if stream is None or stream.closing is None:
        return []  # it is told that the entry is of no stream that has ended
    faults = []
    if written.get(body["stream"]) != body["sha256"]:
        faults.append(f"names another package of {body['stream']} than the one that was written")
    if stream.closing.body["chunks"] != body["chunks"]:
        faults.append(
            f"names {body['chunks']} chunks; {body['stream']} was closed with {stream.closing.body['chunks']}"
        )
    return faults


def _check(
    connection: Connection, entry: Entry, stream: Stream | None, packages: Packages | None, report: Report
) -> None:
    body, imported = entry.body, entry.type == "package.imported"
    name, no = body["stream"], entry.seq if stream is None else stream.opening.seq
    low, high = no << CHUNK_INDEX_BITS, (no + 1) << CHUNK_INDEX_BITS
    left = connection.execute(select(func.count()).where(CHUNK.c.id >= low, CHUNK.c.id < high)).scalar_one()
    if left:
        report.problems.append(f"{left} chunks of {name} are here; ledger entry {entry.seq} says that none is")
    if packages is None:
        report.unread.append(name)
        return
    try:
        found = packages.read(name, body["sha256"], imported=body["row"] if imported else None)
    except DevicelogError as error:
        report.problems.append(f"the package of {name}: {error}")
        return
    report.packages += 1
    report.chunks += found.closing.body["chunks"]
    report.records += found.closing.body["records"]
    report.notes |= found.notes
    if imported:
        report.clients |= found.clients
        report.elsewhere |= found.codes
        if (found.log, found.bytes) != (body["log"], body["bytes"]):
            report.problems.append(
                f"ledger entry {entry.seq}: the package of {name} is of {found.log}, {found.bytes} bytes"
            )
    elif stream is not None and stream.closing is not None and found.closing.data != stream.closing.data:
        report.problems.append(
            f"the package of {name} was closed by another entry than ledger entry {stream.closing.seq}"
        )
