"""What was done to a client before: sessions and what was entered from paper, with their local days and zones.

Read from the evidence, for intervals and courses. Which class an interval is in is clinical's to say.
"""

from devicelog.canonical import Json, parse_canonical
from devicelog.clinic.courses import Treated
from devicelog.clinic.visits import parts_of
from devicelog.desk.days import local_day
from devicelog.sessions import UNASSIGNED
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow


def treated_before(
    evidence: Evidence, client_ref: str, *, simulated: bool, but: str | None = None, today: str | None = None
) -> list[Treated]:
    """The treatments of this client, oldest first, `but` for those of one visit on the day of `today`.

    A part of it on another day, or on one that nobody is sure of, is an earlier treatment; where nobody is sure of
    `today` (None) none is.
    Simulated sessions count only where `simulated`: what is recorded now is simulated too. Raises EvidenceDamaged.
    """
    found = []
    for row in evidence.streams_of(client_ref):
        if row["derived"] is None or (not simulated and row["mode"] != "real"):
            continue
        said = [
            entry
            for entry in matters(evidence, row["id"], "visit.joined", "visit.left")
            if entry.body["client_ref"] == client_ref
        ]
        visit = parts_of(said).get(row["id"])
        if visit is None or visit != but or (today is not None and _day(row) != today):
            joined = [entry.body for entry in said if entry.type == "visit.joined" and entry.body["visit"] == visit]
            found.append(_session(evidence, row, joined[-1] if joined else {}))
    found += _on_paper(evidence, client_ref)
    return sorted(found, key=lambda each: (each.day or "", each.seq))


def _on_paper(evidence: Evidence, client_ref: str) -> list[Treated]:
    """What was entered from paper and was not withdrawn. What is of one day was one sitting."""
    withdrawn = {entry.body["told"]["session"] for entry in matters(evidence, client_ref, "session.withdrawn")}
    found: list[Treated] = []
    first: dict[str, str] = {}
    for entry in matters(evidence, client_ref, "session.entered"):
        told = entry.body["told"]
        if told["session"] in withdrawn:
            continue
        said = parse_canonical(evidence.document(entry.body["documents"]["entered"]))
        found.append(
            Treated(
                id=told["session"],
                sitting=first.setdefault(told["day"], told["session"]),
                course=entry.body["course"],
                day=told["day"],
                indication=said["indication"],
                zones=tuple(zone["zone"] for zone in said["zones"]),
                seq=entry.seq,
            )
        )
    return found


def _session(evidence: Evidence, row: StreamRow, joined: Json) -> Treated:
    facts = parse_canonical(evidence.document(row["derived"]))["facts"]
    zones = tuple(zone["zone"] for zone in facts["zones"] if zone["judged"] and zone["zone"] != UNASSIGNED)
    indication = None
    if not is_imported(row):
        opening = evidence.entry(row["no"])
        indication = parse_canonical(evidence.document(opening.body["documents"]["plan"]))["indication"]
    visit = joined.get("visit")
    return Treated(
        id=row["id"],
        sitting=visit or row["id"],
        visit=visit,
        course=joined.get("course"),
        day=_day(row),
        indication=indication,
        zones=zones,
        seq=row["no"],
    )


def _day(row: StreamRow) -> str | None:
    return local_day({"at": row["opened_at"], "clock": row["clock"]})
