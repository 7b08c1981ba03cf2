"""Seal what has ended: its entries are counted, the ledger's head is signed, its package is written and named.

Each step is on disk before the next; one that was cut off is taken up again where it stopped. Not responsible for what
a package holds (packages).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import BadTransition, DevicelogError, EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.ledger.seals import of_stream, seal_body, statement
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import package_path, write_later, write_package
from devicelog.recorder.access import Access
from devicelog.recorder.checkpointing import checkpoint, covering
from devicelog.store.evidence import Evidence
from devicelog.store.heads import entries_naming, size_of
from devicelog.store.matters import newest_of_sessions
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow
from devicelog.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A stream that has its package. `sha256` of the file, hex."""

    stream: str
    package: Path
    sha256: str


def seal(access: Access, stream: str) -> Sealed:
    """Seal a stream that has ended, or finish a seal that was cut off; where it has its package nothing is done.

    Raises BadTransition for one that is open, StoreUnusable, SignatureRefused, EvidenceDamaged.
    """
    row = _row(access, stream)
    if row["closed_seq"] is None:
        raise BadTransition(f"{stream} is still being recorded: it is sealed when it has ended")
    path = package_path(access.data_dir, stream)
    if row["package"] is not None:
        return Sealed(stream=stream, package=path, sha256=row["package"])
    if row["sealed_seq"] is None:
        read = read_streams(access, (stream,))
        access.append(lambda transaction: _seal(transaction, read, stream))
        row = _row(access, stream)
    seq = int(row["sealed_seq"])
    head = covering(access, seq)
    with Evidence(access.path) as evidence:
        written = write_package(
            evidence,
            row,
            sealed=evidence.entry(seq),
            proof=head.proof(seq),
            pin=head.pin.text().encode(),
            data_dir=access.data_dir,
        )
    body: Json = {"stream": stream, "sha256": written.sha256, "bytes": written.bytes}
    access.append(lambda transaction: transaction.entry("package.written", body))
    return Sealed(stream=stream, package=written.path, sha256=written.sha256)


def unsealed(access: Access) -> list[str]:
    """The sessions that have ended and have no package, oldest first."""
    with Evidence(access.path) as evidence:
        rows = evidence.streams()
    return [
        str(row["id"])
        for row in rows
        if row["kind"] == "session" and row["closed_seq"] is not None and row["package"] is None
    ]


def extend(access: Access, stream: str) -> bool:
    """Write what a sealed stream has since its seal beside its package. False where it has nothing, or no package."""
    row = _row(access, stream)
    if row["package"] is None or is_imported(row):
        return False
    read = read_streams(access, (stream,))
    if not of_stream(read.entries[stream], stream)[2]:
        return False
    said = access.append(lambda transaction: transaction.entry("stream.extended", said_now(transaction, read, stream)))
    head = checkpoint(access)
    with Evidence(access.path) as evidence:
        sealed = evidence.entry(row["sealed_seq"])
        proof = head.proof(said.seq)
        write_later(evidence, row, sealed=sealed, statement=said, proof=proof, data_dir=access.data_dir)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The entries of some streams, read before a transaction: what came since is `size` and later, and is few."""

    size: int
    entries: Mapping[str, Sequence[Entry]]


def read_streams(access: Access, streams: Collection[str]) -> Read:
    """Read them in one pass: the transaction that counts them shall not hold up a recording."""
    with Evidence(access.path) as evidence:
        rows = [evidence.stream(stream) for stream in streams]
        found: dict[str, list[Entry]] = {row["id"]: [] for row in rows if not is_imported(row)}
        size = size_of(evidence)
        first = min((int(row["no"]) for row in rows if row["id"] in found), default=size)
        for entry in entries_naming(evidence, found, first):
            if entry.seq < size:
                found[entry.body["stream"]].append(entry)
    return Read(size=size, entries=found)


def pending(evidence: Evidence, only: str | None = None) -> list[str]:
    """The sealed sessions of which something was said later that is not beside their package yet, oldest first.

    `only`: look at this one alone. By the lists that are kept, and by the packages of those of which something was
    said: no entry of the ledger is gone through. One whose package or what lies beside it cannot be read counts: nobody
    can tell.
    """
    said = newest_of_sessions(evidence)
    rows = [row for row in evidence.streams() if only in (None, row["id"]) and row["package"] and not is_imported(row)]
    later = [row for row in rows if row["derivations"] > 1 or said.get(row["id"], -1) > (row["sealed_seq"] or 0)]
    return [str(row["id"]) for row in later if not _beside(evidence, row, said.get(row["id"], -1))]


def _beside(evidence: Evidence, row: StreamRow, newest: int) -> bool:
    try:
        with PackageEvidence(package_path(evidence.path.parent, row["id"]), with_private=False) as package:
            here = int(package.stream(row["id"])["derivations"]) >= int(row["derivations"])
            return here and package.entries()[-1].seq >= newest
    except DevicelogError:
        return False


def take_up(access: Access, stream: str) -> None:
    """Finish a correction that was cut off before it was beside its package; where it is there nothing is done.

    Raises EvidenceDamaged, NotFound for a package that cannot be read: nothing is entered or written over then.
    """
    with Evidence(access.path) as evidence:
        waiting = pending(evidence, stream)
    if waiting:
        with PackageEvidence(package_path(access.data_dir, stream), with_private=False):
            pass
        extend(access, stream)


def take_up_all(access: Access) -> list[str]:
    """Finish every such correction; why one could not be, in sentences. One that is damaged keeps no other waiting."""
    faults = []
    with Evidence(access.path) as evidence:
        waiting = pending(evidence)
    for stream in waiting:
        try:
            take_up(access, stream)
        except DevicelogError as error:
            faults.append(f"what was said later of {stream} is on disk, and not yet beside its package: {error}")
    return faults


def said_now(transaction: Transaction, read: Read, stream: str) -> Json:
    """What a statement says of a sealed stream's later entries, inside the transaction that enters it."""
    if stream not in read.entries:
        return statement(stream, ())  # imported: what came later is with its package, in the words of its own ledger
    _, sealing, later = _entries(transaction, read, stream)
    if sealing is None:
        raise BadTransition(f"{stream} is not sealed")
    return statement(stream, later)


def _seal(transaction: Transaction, read: Read, stream: str) -> Entry:
    before, sealing, _ = _entries(transaction, read, stream)
    return sealing or transaction.entry("stream.sealed", seal_body(stream, before))


def _entries(transaction: Transaction, read: Read, stream: str) -> tuple[list[Entry], Entry | None, list[Entry]]:
    """The stream's, with those that came since they were read."""
    since = entries_naming(Evidence(Path(), transaction.connection), (stream,), read.size)
    return of_stream([*read.entries[stream], *since], stream)


def _row(access: Access, stream: str) -> StreamRow:
    with Evidence(access.path) as evidence:
        row = evidence.stream(stream)
    if row["id"] != stream:
        raise EvidenceDamaged(f"the list of sessions has no {stream}")
    return row


def seal_newest(access: Access, most: int) -> int:
    """Seal the newest sessions that have ended and have no package yet; returns how many more there are."""
    waiting = unsealed(access)
    for stream in reversed(waiting[-most:]):
        seal(access, stream)
    return max(0, len(waiting) - most)
