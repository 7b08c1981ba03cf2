"""The ledger as a whole, read from the database: its leaves, its keys, and the heads of it that were signed.

Never writes, and checks no signature: that is the audit's work (checkpoint_audit.py).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.ledger.note import VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.sshsig import parse_ssh_key
from devicelog.store.clients import SURE
from devicelog.store.evidence import Evidence, unchanged
from devicelog.store.schema import CHECKPOINT, LEDGER_ENTRY

_ENTRIES_A_READ = 1024
_NAMED = re.compile(rb'"stream":"([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A signed head that is held here: over so many entries, the note as it was signed."""

    size: int
    note: bytes


def leaves(evidence: Evidence) -> list[bytes]:
    """The 32-byte leaf hash of every entry, as it is stored, in order."""
    return [row.leaf for row in evidence.rows(select(LEDGER_ENTRY.c.leaf).order_by(LEDGER_ENTRY.c.seq))]


def ledger(evidence: Evidence, size: int) -> Iterator[Entry]:
    """The first `size` entries in order, a few at a time. Raises EvidenceDamaged, naming the entry that was changed."""
    query = select(LEDGER_ENTRY).order_by(LEDGER_ENTRY.c.seq).limit(_ENTRIES_A_READ)
    for at in range(size):
        if at % _ENTRIES_A_READ == 0:
            rows = iter(evidence.rows(query.where(LEDGER_ENTRY.c.seq >= at, LEDGER_ENTRY.c.seq < size)))
        row = next(rows, None)
        if row is None or row.seq != at:
            raise EvidenceDamaged(f"ledger entry {at} is missing")
        yield unchanged(row)


def ledger_bytes(evidence: Evidence) -> int:
    """How long all entries are together."""
    return int(evidence.rows(select(func.coalesce(func.sum(func.length(LEDGER_ENTRY.c.bytes)), 0)))[0][0])


def checkpoints(evidence: Evidence) -> list[Held]:
    """Every signed head, oldest first; one of them may stand again with a witness's signature."""
    rows = evidence.rows(select(CHECKPOINT).order_by(CHECKPOINT.c.id))
    return [Held(size=row.size, note=row.note) for row in rows]


def newest_checkpoint(evidence: Evidence) -> Held | None:
    """The signed head over the most entries; of several over as many the newest, which has the most signatures."""
    query = select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc(), CHECKPOINT.c.id.desc()).limit(1)
    rows = evidence.rows(query)
    return Held(size=rows[0].size, note=rows[0].note) if rows else None


def size_of(evidence: Evidence) -> int:
    """How many entries there are."""
    (row,) = evidence.rows(select(func.coalesce(func.max(LEDGER_ENTRY.c.seq), -1) + 1))
    return int(row[0])


def entries_naming(evidence: Evidence, streams: Collection[str], first: int) -> Iterator[Entry]:
    """The entries from number `first` on whose bodies name one of these streams. Raises EvidenceDamaged.

    One pass for all of them, which reads no more of the others than that they name another.
    """
    wanted = {stream.encode() for stream in streams}
    query = select(LEDGER_ENTRY.c.seq, LEDGER_ENTRY.c.leaf, LEDGER_ENTRY.c.bytes).order_by(LEDGER_ENTRY.c.seq)
    query = query.limit(_ENTRIES_A_READ)
    while rows := evidence.rows(query.where(LEDGER_ENTRY.c.seq >= first)):
        for row in rows:
            if not wanted.isdisjoint(_NAMED.findall(row.bytes)):
                entry = unchanged(row)
                if entry.body.get("stream") in streams:
                    yield entry
        first = rows[-1].seq + 1


def first_of(evidence: Evidence, type_: str) -> Entry | None:
    """The first entry of a type, or None. Raises EvidenceDamaged."""
    return _one_of(evidence, type_, newest=False)


def newest_of(evidence: Evidence, type_: str) -> Entry | None:
    """The newest entry of a type, or None. Raises EvidenceDamaged."""
    return _one_of(evidence, type_, newest=True)


def newest_sure(evidence: Evidence) -> Entry | None:
    """The newest entry whose wall clock was sure, or None. Raises EvidenceDamaged."""
    here = or_(*(func.instr(LEDGER_ENTRY.c.bytes, f'"clock":"{word}"'.encode()) > 0 for word in SURE))
    query = select(LEDGER_ENTRY.c.seq).where(here).order_by(LEDGER_ENTRY.c.seq.desc()).limit(1)
    for row in evidence.rows(query):
        entry = evidence.entry(row.seq)
        if entry.values["clock"] in SURE:
            return entry
    return None


def _one_of(evidence: Evidence, type_: str, *, newest: bool) -> Entry | None:
    column = LEDGER_ENTRY.c.seq
    query = select(column).where(func.instr(LEDGER_ENTRY.c.bytes, f'"type":"{type_}"'.encode()) > 0)
    for row in evidence.rows(query.order_by(column.desc() if newest else column).limit(1)):
        entry = evidence.entry(row.seq)
        if entry.type == type_:
            return entry
    return None


def pin_of(evidence: Evidence) -> Pin | None:
    """By what an auditor knows this ledger; None where it has no keys yet. Raises EvidenceDamaged."""
    entry = first_of(evidence, "log.commissioned")
    return None if entry is None else pin_from(entry)


def pin_from(entry: Entry) -> Pin:
    """The keys that a `log.commissioned` names. Raises EvidenceDamaged."""
    body = entry.body
    try:
        return Pin(
            log=entry.values["log"],
            first=bytes.fromhex(body["first"]),
            checkpoints=VerifierKey.parse(body["vkey"]),
            bags=parse_ssh_key(body["ssh_key"]),
        )
    except ValueError as error:
        raise EvidenceDamaged(f"ledger entry {entry.seq} (log.commissioned) holds no key: {error}") from error
