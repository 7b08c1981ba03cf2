"""Entries of the clinic's desk by what they are about: a client, a visit, a course, a person, a cartridge, a session.

Reads only, by the list that is kept of them (`about`); every entry is read and checked against its leaf. What a set of
them means is clinic's work.
"""

from sqlalchemy import Select, select

from devicelog.ledger.entries import Entry
from devicelog.store.evidence import Evidence, unchanged
from devicelog.store.schema import ABOUT, LEDGER_ENTRY


def matters(evidence: Evidence, name: str, *types: str) -> list[Entry]:
    """The entries about this id, of these types or of all, oldest first. Raises EvidenceDamaged."""
    found = select(ABOUT.c.seq).where(ABOUT.c.name == name)
    return _entries(evidence, found.where(ABOUT.c.type.in_(types)) if types else found)


def of_type(evidence: Evidence, *types: str) -> list[Entry]:
    """Every entry of these types, oldest first. Raises EvidenceDamaged."""
    return _entries(evidence, select(ABOUT.c.seq).where(ABOUT.c.type.in_(types)).distinct())


def _entries(evidence: Evidence, found: Select[tuple[int]]) -> list[Entry]:
    query = select(LEDGER_ENTRY).where(LEDGER_ENTRY.c.seq.in_(found)).order_by(LEDGER_ENTRY.c.seq)
    return [unchanged(row) for row in evidence.rows(query)]
