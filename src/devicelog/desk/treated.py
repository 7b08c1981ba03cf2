"""What was done to a client before: sessions and what was entered from paper, with their local days and zones.

Read from the evidence, for intervals and courses. Which class an interval is in is clinical's to say.
"""

from devicelog.canonical import parse_canonical
from devicelog.clinic.courses import Treated
from devicelog.clinic.visits import parts_of
from devicelog.desk.days import local_day
from devicelog.sessions import UNASSIGNED
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow


def treated_before(evidence: Evidence, client_ref: str, *, simulated: bool, but: str | None = None) -> list[Treated]:
    """The treatments of this client, oldest first, `but` for those of one visit.

    Simulated sessions count only where `simulated`: what is recorded now is simulated too. Raises EvidenceDamaged.
    """
    visits = parts_of(matters(evidence, client_ref, "visit.joined", "visit.left"))
    found = []
    for row in evidence.streams():
        if row["client_ref"] != client_ref or row["kind"] != "session" or row["derived"] is None:
            continue
        if not simulated and row["mode"] != "real":
            continue
        sitting = str(visits.get(row["id"], row["id"]))
        if sitting != but:
            found.append(_session(evidence, row, sitting))
    for entry in matters(evidence, client_ref, "session.entered"):
        said = parse_canonical(evidence.document(entry.body["documents"]["entered"]))
        found.append(
            Treated(
                id=entry.body["told"]["session"],
                sitting=entry.body["told"]["session"],
                day=entry.body["told"]["day"],
                indication=said["indication"],
                zones=tuple(zone["zone"] for zone in said["zones"]),
                seq=entry.seq,
            )
        )
    return sorted(found, key=lambda each: (each.day or "", each.seq))


def _session(evidence: Evidence, row: StreamRow, sitting: str) -> Treated:
    facts = parse_canonical(evidence.document(row["derived"]))["facts"]
    zones = tuple(zone["zone"] for zone in facts["zones"] if zone["judged"] and zone["zone"] != UNASSIGNED)
    indication = None
    if not is_imported(row):
        opening = evidence.entry(row["no"])
        indication = parse_canonical(evidence.document(opening.body["documents"]["plan"]))["indication"]
    day = local_day({"at": row["opened_at"], "clock": row["clock"]})
    return Treated(id=row["id"], sitting=sitting, day=day, indication=indication, zones=zones, seq=row["no"])
