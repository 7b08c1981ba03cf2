"""The evidence of an export, put into a bag or a folder: sessions from their packages, and what proves the export.

Not responsible for the convenience shapes (cli/export.py puts them beside), nor for the bag's own files (bag.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.packages.bag import Sink
from devicelog.packages.contents import (
    PRIVATE,
    later_members,
    named_clients,
    named_notes,
    package_members,
    private_bytes,
)
from devicelog.packages.private import PrivateTexts, newest_client, of_others, rows_of
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import later_parts, package_path
from devicelog.store.evidence import Evidence
from devicelog.store.reading import StreamRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An export as the ledger has it: its entry, the checkpoint over it, the proof that leads there, the pin.

    `leaves`: the leaf hashes of all entries that the checkpoint is over.
    """

    entry: Entry
    checkpoint: bytes
    proof: bytes
    pin: bytes
    leaves: Sequence[bytes]


def add_export(sink: Sink, entered: Entered) -> None:
    """What proves that the export itself is in the ledger, and the leaf hashes.

    With them whoever kept an older checkpoint can see that it is of the same ledger; they say nothing of any entry.
    """
    sink.add("pin.txt", [entered.pin])
    sink.add("checkpoint", [entered.checkpoint])
    sink.add("export.json", [entered.entry.data])
    sink.add("export.tlog-proof", [entered.proof])
    sink.add("leaves.txt", (leaf.hex().encode() + b"\n" for leaf in entered.leaves))


def add_session(
    sink: Sink,
    evidence: Evidence,
    row: StreamRow,
    entered: Entered,
    *,
    data_dir: Path,
    redacted: bool,
    with_client: bool = True,
) -> None:
    """One session laid open: its package, what came later as of this export, and its private texts.

    `with_client`: with the clinic's code of the client, too. Raises EvidenceDamaged where the package is not what
    it says it is, NotFound where there is none.
    """
    stream = row["id"]
    under = f"sessions/{stream}/"
    with PackageEvidence(package_path(data_dir, stream), with_private=False, later=None) as package:
        notes, entries = package.check(), package.entries()
        for member in package_members(package.parts()):
            sink.add(under + member.name, member.blocks)
        later = later_parts(
            evidence,
            row,
            sealed=package.sealed,
            sealed_proof=package.sealed_proof(),
            statement=entered.entry,
            proof=entered.proof,
            every=entered.leaves,
        )
        for member in later_members(later):
            sink.add(f"{under}later/{member.name}", member.blocks)
    if redacted:
        return
    entries += later.entries
    data = _private(evidence, stream, entries, notes | named_notes(later.entries), with_client=with_client)
    if data is not None:
        sink.add(under + PRIVATE, [data])


def _private(
    evidence: Evidence, stream: str, entries: Sequence[Entry], notes: set[str], *, with_client: bool
) -> bytes | None:
    """What the database has now of what these commit to; None where that is nothing. Raises EvidenceDamaged.

    Never from the file beside the package, which may be an old copy that was put back: it may hold what was erased. Of
    a corrected session the one client that it is of: for whom it was taken by mistake was not treated in it.
    """
    ref = newest_client(entries) if with_client else None
    client = None if ref is None else evidence.client_kept(ref)
    codes = {ref: client} if ref is not None and client is not None else {}
    texts = {name: kept for name in notes - of_others(entries) if (kept := evidence.note_kept(name))}
    if not codes and not texts:
        return None
    try:
        data = private_bytes(stream, rows_of(codes, "client_ref", "code"), rows_of(texts, "commitment", "text"))
        PrivateTexts.parse(data, stream, named_clients(entries))
    except (ValueError, AttributeError) as error:  # SQLite lets any value into any column
        raise EvidenceDamaged(f"the private texts of {stream} in {evidence.path} were changed: {error}") from error
    return data
