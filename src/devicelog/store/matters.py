"""Entries of the clinic's desk by what they are about: a client, a visit, a course, a person, a cartridge, a session.

Reads only, by the list that is kept of them (`about`); every entry is read and checked against its leaf. What a set of
them means is clinic's work.
"""

from sqlalchemy import Select, Text, and_, cast, exists, func, or_, select

from devicelog.canonical import canonical
from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import Entry
from devicelog.store.evidence import Evidence, unchanged
from devicelog.store.schema import ABOUT, LEDGER_ENTRY

_LAST = "\U0010ffff"  # what begins so is before this


def matters(evidence: Evidence, name: str, *types: str) -> list[Entry]:
    """The entries about this id, of these types or of all, oldest first. Raises EvidenceDamaged."""
    found = select(ABOUT.c.seq).where(ABOUT.c.name == name)
    return _entries(evidence, found.where(ABOUT.c.type.in_(types)) if types else found)


def of_type(evidence: Evidence, *types: str, told: tuple[str, str] | None = None) -> list[Entry]:
    """Every entry of these types, oldest first. Raises EvidenceDamaged.

    `told`: a key and a text; only those that have the key with that text somewhere, capitals and spaces apart, found
    without reading the others.
    """
    found = select(ABOUT.c.seq).where(ABOUT.c.type.in_(types)).distinct()
    if told is not None:
        has = canonical(dict([told])).decode()[1:-1].lower().replace(" ", "")
        bare = func.replace(func.lower(cast(LEDGER_ENTRY.c.bytes, Text)), " ", "")
        found = found.join(LEDGER_ENTRY, LEDGER_ENTRY.c.seq == ABOUT.c.seq)
        found = found.where(func.instr(bare, has) > 0)
    return _entries(evidence, found)


def without(evidence: Evidence, begun: str, ended: str, letter: str) -> list[str]:
    """The ids, of this letter, that an entry of type `begun` is about and none of type `ended`; by the list alone."""
    over = select(ABOUT.c.name).where(ABOUT.c.type == ended)
    here = (ABOUT.c.type == begun, ABOUT.c.name.like(f"{letter}-%"), ABOUT.c.name.not_in(over))
    return [str(row.name) for row in evidence.rows(select(ABOUT.c.name).where(*here).distinct().order_by(ABOUT.c.name))]


def begun(evidence: Evidence, type_: str, prefix: str, letter: str) -> list[str]:
    """The ids, of this letter, that begin so, with or without it, and that an entry of this type is about; by the list
    alone."""
    name = ABOUT.c.name
    so = or_(*(and_(name >= each, name < each + _LAST) for each in (prefix, f"{letter}-{prefix}")))
    query = select(name).where(so, name.startswith(f"{letter}-"), ABOUT.c.type == type_)
    return [str(row.name) for row in evidence.rows(query.distinct().order_by(name))]


def beside(evidence: Evidence, name: str, type_: str, letter: str, *, ended: str | None = None) -> list[str]:
    """The ids, of this letter, that the entries of this type about `name` are about, too, oldest first; by the list
    alone. Without those that an entry of type `ended` is about."""
    about = select(ABOUT.c.seq).where(ABOUT.c.name == name, ABOUT.c.type == type_)
    query = select(ABOUT.c.name).where(ABOUT.c.seq.in_(about), ABOUT.c.name.startswith(f"{letter}-"))
    if ended is not None:
        over = ABOUT.alias()
        query = query.where(~exists().where(over.c.name == ABOUT.c.name, over.c.type == ended))
    return [str(row.name) for row in evidence.rows(query.order_by(ABOUT.c.seq))]


def _entries(evidence: Evidence, found: Select[tuple[int]]) -> list[Entry]:
    query = select(LEDGER_ENTRY).where(LEDGER_ENTRY.c.seq.in_(found)).order_by(LEDGER_ENTRY.c.seq)
    return [unchanged(row) for row in evidence.rows(query)]


def newest_of_sessions(evidence: Evidence) -> dict[str, int]:
    """By session the number of the newest entry of the desk about it. Reads no entry."""
    newest = func.max(ABOUT.c.seq).label("newest")
    query = select(ABOUT.c.name, newest).where(ABOUT.c.name.like("s-%"), ABOUT.c.type.in_(TOLD)).group_by(ABOUT.c.name)
    return {row.name: int(row.newest) for row in evidence.rows(query)}
