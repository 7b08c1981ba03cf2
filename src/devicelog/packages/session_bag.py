"""The evidence of an export, put into a bag or a folder: sessions from their packages, and what proves the export.

Not responsible for the convenience shapes (cli/export.py puts them beside), nor for the bag's own files (bag.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devicelog.ledger.entries import Entry
from devicelog.packages.bag import Sink
from devicelog.packages.contents import later_members, package_members
from devicelog.packages.files import blocks_of
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import later_parts, package_path, private_path
from devicelog.store.evidence import Evidence
from devicelog.store.reading import StreamRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An export as the ledger has it: its entry, the checkpoint over it, the proof that leads there, the pin."""

    entry: Entry
    checkpoint: bytes
    proof: bytes
    pin: bytes


def add_export(sink: Sink, entered: Entered, leaves: Sequence[bytes]) -> None:
    """What proves that the export itself is in the ledger. `leaves`: of all entries that its checkpoint is over.

    With them whoever kept an older checkpoint can see that it is of the same ledger; they say nothing of any entry.
    """
    sink.add("pin.txt", [entered.pin])
    sink.add("checkpoint", [entered.checkpoint])
    sink.add("export.json", [entered.entry.data])
    sink.add("export.tlog-proof", [entered.proof])
    sink.add("leaves.txt", (leaf.hex().encode() + b"\n" for leaf in leaves))


def add_session(
    sink: Sink, evidence: Evidence, row: StreamRow, entered: Entered, *, data_dir: Path, redacted: bool
) -> None:
    """One session laid open: its package, what came later as of this export, and its private texts.

    Raises EvidenceDamaged where the package is not what it says it is, NotFound where there is none.
    """
    stream = row["id"]
    under = f"sessions/{stream}/"
    with PackageEvidence(package_path(data_dir, stream), with_private=False, later=None) as package:
        package.check()
        for member in package_members(package.parts()):
            sink.add(under + member.name, member.blocks)
        later = later_parts(
            evidence,
            row,
            sealed=package.sealed,
            sealed_proof=package.sealed_proof(),
            statement=entered.entry,
            proof=entered.proof,
        )
        for member in later_members(later):
            sink.add(f"{under}later/{member.name}", member.blocks)
    private = private_path(data_dir, stream)
    if not redacted and private.exists():
        sink.add(f"{under}private.json", blocks_of(private))
