"""The hashes of PINs that are kept, and when somebody last did something with one. Not responsible for any PIN."""

from sqlalchemy import Connection, delete, func, insert, select

from devicelog.store.evidence import Evidence, unchanged
from devicelog.store.schema import LEDGER_ENTRY, PIN


def pin_kept(evidence: Evidence, person: str) -> tuple[str, int] | None:
    """The hash of this person's PIN and the number of the entry that set it; None where none is kept."""
    rows = evidence.rows(select(PIN.c.hash, PIN.c.seq).where(PIN.c.person == person))
    return (str(rows[0].hash), int(rows[0].seq)) if rows else None


def keep_pin(connection: Connection, person: str, hashed: str, seq: int) -> None:
    """Keep it in place of the one before, inside the caller's transaction."""
    connection.execute(delete(PIN).where(PIN.c.person == person))
    connection.execute(insert(PIN).values(person=person, hash=hashed, seq=seq))


def drop_pin(connection: Connection, person: str) -> None:
    """Keep none any more, inside the caller's transaction."""
    connection.execute(delete(PIN).where(PIN.c.person == person))


def acted_with_pin(evidence: Evidence, person: str, since: int) -> bool:
    """Whether an entry behind number `since` was made by this person with a PIN. Raises EvidenceDamaged."""
    actor = f'"actor":{{"auth":"pin","id":"{person}"'  # as canonical JSON has it; an id has no character to escape
    query = select(LEDGER_ENTRY).where(LEDGER_ENTRY.c.seq > since)
    query = query.where(func.instr(LEDGER_ENTRY.c.bytes, actor.encode()) > 0).order_by(LEDGER_ENTRY.c.seq)
    for row in evidence.rows(query):
        who = unchanged(row).values["actor"]
        if (who["id"], who["auth"]) == (person, "pin"):  # else it has the words in another place
            return True
    return False
