"""What the database knows of the treated persons: codes, their sessions, entries that name them, what was erased.

Reads only. A client is a `client_ref` here; the code is private and may be gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.ledger.entries import Entry
from devicelog.store.evidence import Evidence
from devicelog.store.reading import StreamRow
from devicelog.store.schema import CLIENT, ERASED, LEDGER_ENTRY, NOTE, PSEUDONYM

_ENTRIES_A_READ = 1024
SURE = ("synced", "rtc")  # the confidences of a wall clock by which something is erased


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One client, and the sessions that are theirs as last corrected. `code` is None once it was erased; `erased` is
    the newest entry that says so."""

    client_ref: str
    code: str | None
    erased: Entry | None
    sessions: tuple[StreamRow, ...]


def clients(evidence: Evidence) -> list[Known]:
    """Everybody who has a code here or was erased, in the order of their first sessions."""
    codes = {row.client_ref: row.code for row in evidence.rows(select(CLIENT))}
    gone = evidence.rows(select(ERASED.c.name, ERASED.c.seq).where(ERASED.c.name.like("c-%")).order_by(ERASED.c.seq))
    erased = {row.name: evidence.entry(row.seq) for row in gone}
    sessions: dict[str, list[StreamRow]] = {}
    for row in evidence.streams():
        if row["client_ref"] is not None:
            sessions.setdefault(row["client_ref"], []).append(row)
    refs = sorted({*codes, *erased}, key=lambda ref: (sessions[ref][0]["no"] if ref in sessions else -1, ref))
    return [
        Known(client_ref=ref, code=codes.get(ref), erased=erased.get(ref), sessions=tuple(sessions.get(ref, ())))
        for ref in refs
    ]


def client(evidence: Evidence, name: str) -> Known:
    """The client with this code or reference. Raises NotFound; the message does not repeat a code."""
    ref = evidence.client_ref(name) or name
    found = [known for known in clients(evidence) if known.client_ref == ref]
    if not found:
        raise NotFound("there is no client with this code or reference. `devicelog clients list` shows those there are")
    return found[0]


def erased_names(evidence: Evidence) -> set[str]:
    """Every reference and commitment that an entry says was erased, and the sessions that had them."""
    return {str(row.name) for row in evidence.rows(select(ERASED.c.name).distinct())}


def entries_naming(evidence: Evidence, client_ref: str) -> Iterator[Entry]:
    """The entries whose body has this `client_ref`, oldest first. Reads the whole ledger. Raises EvidenceDamaged."""
    query = select(LEDGER_ENTRY.c.seq).where(func.instr(LEDGER_ENTRY.c.bytes, client_ref.encode()) > 0)
    for row in evidence.rows(query.order_by(LEDGER_ENTRY.c.seq)):
        entry = evidence.entry(row.seq)
        if entry.body.get("client_ref") == client_ref:
            yield entry


def first_sure(evidence: Evidence, seq: int) -> Entry | None:
    """The first entry from this one on whose wall clock was sure, or None: what is before it was before its `at`."""
    here = or_(*(func.instr(LEDGER_ENTRY.c.bytes, f'"clock":"{word}"'.encode()) > 0 for word in SURE))
    query = select(LEDGER_ENTRY.c.seq).where(here).order_by(LEDGER_ENTRY.c.seq).limit(_ENTRIES_A_READ)
    while rows := evidence.rows(query.where(LEDGER_ENTRY.c.seq >= seq)):
        for row in rows:
            entry = evidence.entry(row.seq)
            if entry.values["clock"] in SURE:  # else it has the words in another place
                return entry
        seq = rows[-1].seq + 1
    return None


def exports_of(evidence: Evidence, streams: set[str]) -> list[Entry]:
    """The entries of exports with private texts in which one of these sessions was handed out."""
    query = select(LEDGER_ENTRY.c.seq).where(func.instr(LEDGER_ENTRY.c.bytes, b'"type":"export.made"') > 0)
    found = [evidence.entry(row.seq) for row in evidence.rows(query.order_by(LEDGER_ENTRY.c.seq))]
    return [
        entry
        for entry in found
        if entry.type == "export.made"
        and not entry.body["redacted"]
        and streams & {each["stream"] for each in entry.body["streams"]}
    ]


def pseudonyms(evidence: Evidence, client_ref: str) -> dict[str, str]:
    """What each recipient was told instead of this client, by recipient."""
    query = select(PSEUDONYM).where(PSEUDONYM.c.client_ref == client_ref).order_by(PSEUDONYM.c.recipient)
    return {row.recipient: row.pseudonym for row in evidence.rows(query)}


def readable(evidence: Evidence) -> None:
    """Read every private row: who is about to write them anew must be able to. Raises EvidenceDamaged."""
    for table in (CLIENT, NOTE, PSEUDONYM):
        for row in evidence.rows(select(table)):
            if not all(isinstance(value, str | bytes) for value in row):
                raise EvidenceDamaged(f"a row of {table.name} in {evidence.path} was changed: {list(row._mapping)}")
