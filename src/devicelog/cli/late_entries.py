"""Sessions that were on paper and were entered later: listed beside those that were recorded, and shown by itself."""

from devicelog.canonical import Json, parse_canonical
from devicelog.cli.common import table
from devicelog.clinic.late import ENTERED, WITHDRAWN, listed, shown
from devicelog.errors import NotFound
from devicelog.ledger.entries import Entry
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters, of_type
from devicelog.words.treatment import NOT_RECORDED
from devicelog.words.units import mm


def late_entries(evidence: Evidence) -> list[Json]:
    """Every one, in the order of entering. Raises EvidenceDamaged."""
    withdrawn = _withdrawn(of_type(evidence, WITHDRAWN))
    return [
        listed(entry, evidence.client_code(entry.body["client_ref"]), withdrawn.get(entry.body["told"]["session"]))
        for entry in of_type(evidence, ENTERED)
    ]


def late_of(evidence: Evidence, client_ref: str) -> list[Json]:
    """Those of one client. Raises EvidenceDamaged."""
    own = {entry.body["told"]["session"] for entry in matters(evidence, client_ref, ENTERED)}
    return [row for row in late_entries(evidence) if row["id"] in own]


def late_document(evidence: Evidence, prefix: str) -> Json | None:
    """The one whose id begins so; None where a recorded session does. Raises NotFound where it may be several."""
    wanted = prefix.lower()
    entries = {str(entry.body["told"]["session"]): entry for entry in of_type(evidence, ENTERED)}
    found = [name for name in entries if name.startswith((wanted, f"s-{wanted}"))]
    if not found:
        return None
    streams = [str(row["id"]) for row in evidence.streams() if row["id"].startswith((wanted, f"s-{wanted}"))]
    names = [name for name in (*streams, *found) if name == wanted] or [*streams, *found]
    if len(names) > 1:
        raise NotFound(f"no session {prefix!r}: {len(names)} begin so ({', '.join(names[-3:])}); give more of it")
    return None if names[0] in streams else _document(evidence, entries[names[0]])


def _document(evidence: Evidence, entry: Entry) -> Json:
    said = parse_canonical(evidence.document(entry.body["documents"]["entered"]))
    session = entry.body["told"]["session"]
    withdrawn = _withdrawn(matters(evidence, session, WITHDRAWN)).get(session)
    return shown(entry, said, evidence.note_text, evidence.client_code(entry.body["client_ref"]), withdrawn)


def _withdrawn(entries: list[Entry]) -> dict[str, Entry]:
    """By session the entry that withdrew it."""
    return {str(entry.body["told"]["session"]): entry for entry in entries}


def late_lines(rows: list[Json]) -> list[str]:
    """The list of them as text."""
    if not rows:
        return []
    head = ("entered later", "day", "status", "verdict", "client", "practitioner")
    told = [
        (row["id"], row["day"], row["status"], row["verdict"], row["client"] or "(erased)", row["practitioner"])
        for row in rows
    ]
    return table([head, *told])


def late_text(late: Json) -> str:
    """One as text, for a terminal of 100 columns."""
    reason = "(erased)" if late["reason"] is None else late["reason"]
    withdrawn = late["withdrawn"]
    zones = [("zone", "set mm", "passes")]
    for zone in late["zones"]:
        depth = zone["depth_set_um"]
        zones.append((zone["zone"], depth if depth == NOT_RECORDED else mm(depth), str(zone["passes"])))
    cartridge, topicals = late["cartridge"], late["topicals"]
    lines = [
        f"Session {late['id']}   entered from paper   {late['verdict'].upper()}{'   WITHDRAWN' if withdrawn else ''}",
        f"  day           {late['day']}",
        f"  client        {late['client'] or 'erased (' + str(late['client_ref']) + ')'}",
        f"  practitioner  {late['practitioner']}",
        f"  indication    {late['indication']}",
        f"  course        {late['course'] or 'none'}",
        f"  cartridge     {cartridge if cartridge == NOT_RECORDED else _named(cartridge)}",
        *(
            [f"  topical       {NOT_RECORDED}"]
            if topicals == NOT_RECORDED
            else [f"  topical       {topical['product']}, lot {topical['lot']}" for topical in topicals]
        ),
        f"  entered       {_by({**late, 'at': late['entered_at'], 'by': late['entered_by']})}",
        f"  reason        {reason}",
        *(
            [
                f"  withdrawn     {_by(withdrawn)}",
                f"  because       {'(erased)' if withdrawn['reason'] is None else withdrawn['reason']}",
            ]
            if withdrawn
            else []
        ),
        "",
        *(f"  {line}" for line in table(zones)),
        "",
        "Nothing of it was measured: it is what was on paper, as somebody typed it.",
        *(["It was withdrawn: it counts in no interval and in no course."] if withdrawn else []),
    ]
    return "\n".join(lines) + "\n"


def _by(said: Json) -> str:
    clock = "" if said["clock"] in ("synced", "rtc") else f", clock: {said['clock']}"
    return f"{said['at']}{clock} by {said['by']} ({said['role']}, auth: {said['auth']}), ledger entry {said['entry']}"


def _named(cartridge: Json) -> str:
    return ", ".join(f"{key} {value}" for key, value in cartridge.items())
