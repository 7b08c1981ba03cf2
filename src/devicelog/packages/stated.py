"""What people said of a session: signatures, amendments, explanations, from wherever the session is kept.

Printed names and texts come with it where they are held. Not responsible for what a signature proves
(clinic/signatures.py).
"""

from devicelog.canonical import Json
from devicelog.clinic.signatures import (
    AMENDED,
    EXPLAINED,
    SIGNED,
    amendments,
    explanations,
    read_values,
    signatures,
    wants_signature,
)
from devicelog.clinic.visits import of_client
from devicelog.ledger.entries import Entry
from devicelog.packages.reading import PackageEvidence
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.reading import Kept, StreamRow

_TYPES = (SIGNED, AMENDED, EXPLAINED)


def stated(kept: Kept, row: StreamRow) -> Json:
    """`signatures`, `wants_signature`, `amendments` and `explained` of a session. Raises EvidenceDamaged."""
    entries = _entries(kept, row)
    made = signatures(entries, kept.note_text, recorded_under=row["practitioner"])
    own = of_client(entries, row["client_ref"])
    ended = row["closed_seq"] is not None and row["kind"] == "session"
    return {
        "signatures": made,
        "wants_signature": ended and wants_signature(made),
        "amendments": amendments(own, read_values(kept.note_text)),
        "explained": explanations(own, kept.note_text),
    }


def _entries(kept: Kept, row: StreamRow) -> list[Entry]:
    """Those that name a derived record, the seal, and what people said, in the order of the ledger."""
    if isinstance(kept, PackageEvidence):
        said = [entry for entry in kept.entries() if entry.type in _TYPES]
    else:
        about = matters(kept, row["id"], *_TYPES) if isinstance(kept, Evidence) else []
        said = [entry for entry in about if entry.body["stream"] == row["id"]]  # a person's id may be like a session's
    if not said:
        return []
    sealed = [] if row["sealed_seq"] is None else [kept.entry(row["sealed_seq"])]
    return sorted([*kept.derivations(row), *sealed, *said], key=lambda entry: entry.seq)
