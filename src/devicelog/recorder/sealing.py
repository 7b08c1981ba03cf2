"""Seal what has ended: its entries are counted, the ledger's head is signed, its package is written and named.

Each step is on disk before the next; one that was cut off is taken up again where it stopped. Not responsible for what
a package holds (packages).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import BadTransition, EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.ledger.seals import of_stream, seal_body, statement
from devicelog.packages.sealing import package_path, write_later, write_package
from devicelog.recorder.access import Access
from devicelog.recorder.checkpointing import checkpoint, covering
from devicelog.store.evidence import Evidence
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
        access.append(lambda transaction: _seal(access, transaction, row))
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
    with Evidence(access.path) as evidence:
        _, _, later = of_stream(evidence.entries_of(stream, row["no"]), stream)
    if not later:
        return False
    said = access.append(lambda transaction: _extend(access, transaction, row))
    head = checkpoint(access)
    with Evidence(access.path) as evidence:
        sealed = evidence.entry(row["sealed_seq"])
        proof = head.proof(said.seq)
        write_later(evidence, row, sealed=sealed, statement=said, proof=proof, data_dir=access.data_dir)
    return True


def said_now(access: Access, transaction: Transaction, stream: str) -> Json:
    """What a statement says of a sealed stream's later entries, inside the transaction that enters it."""
    if is_imported(Evidence(access.path, transaction.connection).stream(stream)):
        return statement(stream, ())  # what came later is with its package, in the words of its own ledger
    _, sealing, later = _entries(access, transaction, stream)
    if sealing is None:
        raise BadTransition(f"{stream} is not sealed")
    return statement(stream, later)


def _seal(access: Access, transaction: Transaction, row: StreamRow) -> Entry:
    before, sealing, _ = _entries(access, transaction, row["id"])
    if sealing is not None:
        return sealing
    return transaction.entry("stream.sealed", seal_body(row["id"], before))


def _extend(access: Access, transaction: Transaction, row: StreamRow) -> Entry:
    return transaction.entry("stream.extended", said_now(access, transaction, row["id"]))


def _entries(access: Access, transaction: Transaction, stream: str) -> tuple[list[Entry], Entry | None, list[Entry]]:
    evidence = Evidence(access.path, transaction.connection)
    return of_stream(evidence.entries_of(stream, evidence.stream(stream)["no"]), stream)


def _row(access: Access, stream: str) -> StreamRow:
    with Evidence(access.path) as evidence:
        row = evidence.stream(stream)
    if row["id"] != stream:
        raise EvidenceDamaged(f"the list of sessions has no {stream}")
    return row


def seal_all(access: Access, say: Callable[[str], None]) -> list[Sealed]:
    """Seal every session that has ended and has no package yet; says each, for there may be many."""
    done, waiting = [], unsealed(access)
    for number, stream in enumerate(waiting, 1):
        say(f"sealing {stream} ({number} of {len(waiting)})")
        done.append(seal(access, stream))
    return done
