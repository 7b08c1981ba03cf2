"""A session as a person reads it: like a treatment record. From its entries and its derived record, nothing else.

`show_document` collects, `show_text` lays out.
"""

from textwrap import wrap

from devicelog.canonical import Json, parse_canonical
from devicelog.cli.common import table
from devicelog.cli.treatment_text import ERASED, allowed, by_zone, folded, parts
from devicelog.clinic.session_fields import Session
from devicelog.clinic.treatment import treatment
from devicelog.errors import NotFound
from devicelog.ledger.entries import Entry
from devicelog.packages.stated import stated
from devicelog.pipeline import Opening, Pipeline
from devicelog.records import MARK, Mark, item_of
from devicelog.sessions import UNASSIGNED
from devicelog.store.reading import Kept, StreamRow
from devicelog.words import planned, witnesses
from devicelog.words import session as words
from devicelog.words import stated as said_words
from devicelog.words.findings import said_in
from devicelog.words.units import mm, mm_range, seconds


def show_document(evidence: Kept, prefix: str, derivation: int | None = None) -> Json:
    """One session or span as plain values, by its newest derivation or this one. Raises NotFound, EvidenceDamaged."""
    row = evidence.stream(prefix)
    opening = evidence.entry(row["no"])
    documents = evidence.documents(opening)
    every = evidence.derivations(row)
    named = _up_to(every, derivation, row["id"])
    closing, newest = (named[0], named[-1]) if named else (None, None)
    if newest is not None:
        derived = parse_canonical(evidence.document(newest.body["derived"]))
    else:
        derived = _so_far(evidence, Opening.read(opening.type, opening.body, documents), row["no"])
    plan_digest = opening.body["documents"].get("plan")
    plan = parse_canonical(documents[plan_digest]) if plan_digest else None
    facts = derived["facts"]
    refs = [entry.body.get("client_ref") for entry in (opening, *named[1:])]
    client_ref = next((ref for ref in reversed(refs) if ref is not None), None)
    return {
        "schema": "devicelog.session/1",
        "id": row["id"],
        "kind": row["kind"],
        "status": closing.body["ended"] if closing else row["status"],
        "verdict": newest.body.get("verdict") if newest else None,
        "opened_at": opening.values["at"],
        "closed_at": closing.values["at"] if closing else None,
        "client": evidence.client_code(client_ref),
        "client_ref": client_ref,
        "practitioner": opening.body.get("practitioner"),
        "auth": opening.values["actor"]["auth"],
        "plan": plan and {"id": plan["id"], "label": plan["label"], "indication": plan["indication"]},
        "plan_zones": plan["zones"] if plan else [],
        "engine": derived["engine"],
        "derived": newest.body["derived"] if newest else None,
        "derivation": len(named) or None,
        "derivations": len(every),
        "attribution": _attribution(evidence, named),
        "findings": derived["findings"],
        "assessments": derived["assessments"],
        "notes": (notes := _notes(evidence, row["no"])),
        **stated(evidence, row),
        **facts,
        **_treatment(evidence, row, opening, documents, derived, notes, client_ref),
    }


def _treatment(
    evidence: Kept,
    row: StreamRow,
    opening: Entry,
    documents: dict[str, bytes],
    derived: Json,
    notes: list[Json],
    client_ref: str | None,
) -> Json:
    """`treatment` of a session (clinic/treatment.py); nothing of a time outside one."""
    if row["kind"] != "session":
        return {}
    session = Session(
        opening=opening.body,
        documents={name: parse_canonical(documents[digest]) for name, digest in opening.body["documents"].items()},
        facts=derived["facts"],
        findings=derived["findings"],
        notes=notes,
        entries=evidence.desk_entries(row),
        texts=evidence.note_text,
        client_ref=client_ref,
        client_code=evidence.client_code(client_ref),
    )
    return {"treatment": treatment(session)}


def _up_to(every: list[Entry], derivation: int | None, stream: str) -> list[Entry]:
    """The entries that name the derivations up to this one, or up to the newest."""
    if derivation is None or 1 <= derivation <= len(every):
        return every[:derivation]
    there = f"there are 1 to {len(every)}" if len(every) > 1 else "there is only 1" if every else "it has not ended"
    raise NotFound(f"{stream} has no derivation {derivation}: {there}")


def _attribution(evidence: Kept, named: list[Entry]) -> Json | None:
    """What the newest of these derivations corrected, by whom, when and why; None where it is the first."""
    if len(named) < 2:
        return None
    entry, before = named[-1], parse_canonical(evidence.document(named[-2].body["derived"]))
    spans = {
        (span.get("first_record"), span.get("last_record")): {"span": number, "from": span["zone"]}
        for number, span in enumerate(before["facts"]["spans"], 1)
    }
    unnumbered = {"span": None, "from": None}  # of an engine that did not say which records a span has
    return {
        "at": entry.values["at"],
        "practitioner": entry.values["actor"]["id"],
        "auth": entry.values["actor"]["auth"],
        "reason": evidence.note_text(entry.body["reason_sha256"]),
        "moved": [
            {**move, **spans.get((move["first_record"], move["last_record"]), unnumbered)}
            for move in entry.body["zones"]
        ],
        "client_ref": entry.body["client_ref"],
    }


def _so_far(evidence: Kept, opening: Opening, no: int) -> Json:
    """What is on disk of a stream that is still open, derived as far as it goes."""
    pipeline = Pipeline(opening)
    for record in evidence.records(no):
        pipeline.feed(record)
    facts, findings, assessments = pipeline.judge()
    return {"engine": None, "facts": facts, "findings": findings, "assessments": assessments}


def _notes(evidence: Kept, no: int) -> list[Json]:
    notes, first_us = [], None
    for record in evidence.records(no):
        first_us = record.t_us if first_us is None else first_us
        if record.kind != MARK:
            continue
        mark = item_of(record)
        if isinstance(mark, Mark) and mark.note_sha256:
            text = evidence.note_text(mark.note_sha256)
            notes.append({"at_us": record.t_us - first_us, "record": record.number, "text": text})
    return notes


# --- text -------------------------------------------------------------------------------------------------------------


def show_text(session: Json) -> str:
    """The session as text, for a terminal of 100 columns."""
    before, after = parts(session)
    blocks = [_head(session), *before, by_zone(session), _findings(session), _unassessed(session)]
    blocks += [
        allowed(session),
        _explained(session),
        *after,
        _notes_text(session),
        _amendments(session),
        _signatures(session),
    ]
    blocks += [_zones(session), _compared(session), _spans(session), _nothing(session), _gaps(session)]
    blocks += [_completeness(session), _pins(session)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(session: Json) -> str:
    what = "Session" if session["kind"] == "session" else "Unattributed span"
    mode = words.MODES.get(session["mode"])
    demo = f"   {mode}" if mode else ""
    clock = session["clock"]["confidence"] or "unknown"
    lines = [f"{what} {session['id']}   {session['status']}   {words.verdict(session).upper()}{demo}"]
    ended = f", ended by {session['end_cause']}" if session["end_cause"] else ""
    lines.append(
        f"  opened        {session['opened_at']} (clock: {clock}), lasted {seconds(session['duration_us'])}{ended}"
    )
    lines += _derivation(session)
    if session["kind"] == "session":
        client = session["client"] or f"erased ({session['client_ref']})"
        lines.append(f"  client        {client}")
        lines.append(f"  practitioner  {session['practitioner']} (auth: {session['auth']})")
        lines.append(f"  plan          {session['plan']['id']}: {session['plan']['label']}")
    pen = session["pen"]
    if pen:
        lines.append("  pen           " + ", ".join(f"{name} {value}" for name, value in words.pen_names(pen)))
    if host := session.get("host_calibration"):
        lines.append(f"  calibrated    {words.host_calibration(host)}")
    if changed := words.pens_changed(session):
        lines.append(f"  PENS CHANGED  {changed}")
    lines += [f"  pen's clock   {clock}" for clock in words.pen_clocks(session)]
    if before := words.before_this(session):
        lines.append(f"  before this   {before}")
    return "\n".join(lines)


def _derivation(session: Json) -> list[str]:
    """Which derivation this is, where there is more than one."""
    if session["derivations"] < 2:
        return []
    number, count, made = session["derivation"], session["derivations"], session["attribution"]
    if made is None:
        return [f"  derivation    {number} of {count}: as it was recorded; it was corrected later"]
    reason = "(the reason was erased)" if made["reason"] is None else made["reason"]
    later = "" if number == count else "; it was corrected again later"
    return [
        f"  derivation    {number} of {count}: CORRECTED {made['at']} by {made['practitioner']} "
        f"(auth: {made['auth']}){later}",
        f"                reason: {reason}",
        *(f"                {line}" for line in words.moves(made)),
    ]


def _zones(session: Json) -> str:
    if not session["zones"]:
        return "No sample arrived."
    head = ("zone", "passes", "glides", "on skin", "set mm", "measured mm", "plan mm", "over plan", "over pen", "Hz")
    rows = [head]
    for zone in session["zones"]:
        if zone["zone"] == UNASSIGNED and not zone["contact_us"] + zone["contact_unknown_us"]:
            continue  # the pen ran in the air before the first zone was marked
        depth = zone["depth"]
        sets = [row["depth_set_um"] for row in zone["at_set_depth"]]
        rows.append(
            (
                zone["zone"],
                _passes(zone),
                str(zone["glides"]) if not zone["contact_unknown_us"] else "unknown",
                seconds(zone["contact_us"]) if not zone["contact_unknown_us"] else "unknown",
                mm_range(min(sets), max(sets)) if sets else "-",
                f"{mm_range(depth['min_um'], depth['max_um'])} mean {depth['mean_um'] / 1000:.2f}" if depth else "-",
                planned.ranges(session, zone["zone"]),
                words.over_plan(zone),
                words.over_device(zone),
                f"{zone['frequency']['mean_dhz'] / 10:.0f}" if zone["frequency"] else "-",
            )
        )
    if len(rows) == 1:
        return ""
    lines = table(rows)
    lines.append(words.what_over_means(session))
    if paused := words.paused(session):
        lines.append(paused)
    return "\n".join("  " + line for line in lines)


def _compared(session: Json) -> str:
    rows = witnesses.compared(session)
    return "\n".join("  " + line for line in table([witnesses.HEAD, *rows])) if rows else ""


def _pins(session: Json) -> str:
    told = witnesses.pins(session)
    return "\n".join(["Pins:", *(f"  {line}" for line in told)]) if told else ""


def _spans(session: Json) -> str:
    """The spans with the numbers by which they can be corrected, where there is a choice."""
    if len(session["spans"]) < 2:
        return ""
    unknown = {zone["zone"] for zone in session["zones"] if zone["contact_unknown_us"]}
    rows = [("span", "zone", "set mm", "from", "on skin")]
    for number, span in enumerate(session["spans"], 1):
        set_um, contact_us = span["depth_set_um"], span["contact_us"]
        on_skin = "unknown" if span["zone"] in unknown and not contact_us else seconds(contact_us)
        set_mm = "-" if set_um is None else mm(set_um)
        rows.append((str(number), span["zone"], set_mm, seconds(max(0, span["from_us"])), on_skin))
    return "\n".join("  " + line for line in table(rows))


def _passes(zone: Json) -> str:
    number, sources = words.pass_counts(zone)
    return f"{number} ({', '.join(sources)})" if sources else number


def _findings(session: Json) -> str:
    if not session["findings"]:
        return "Findings: none."
    lines = [f"Findings: {len(session['findings'])}"]
    for finding in session["findings"]:
        where = f" in {finding['zone']}" if finding["zone"] else ""
        told = f"{finding['severity'].upper():<7} {finding['rule']}{where}: {said_in(session, finding)}"
        lines += wrap(told, 98, initial_indent="  ", subsequent_indent=" " * 10)
    return "\n".join(lines)


def _unassessed(session: Json) -> str:
    rows = words.of_result(session, "not assessable")
    return "\n".join(["Not assessable:", *(f"  {row}" for row in rows)]) if rows else ""


def _nothing(session: Json) -> str:
    lines = words.nothing_to_check(session)
    return "\n".join(["Nothing to check:", *folded(lines)]) if lines else ""


def _gaps(session: Json) -> str:
    lines = words.gaps(session)
    return "\n".join(["Gaps:", *(f"  {line}" for line in lines)]) if lines else ""


def _notes_text(session: Json) -> str:
    if not session["notes"]:
        return ""
    lines = ["Notes:"]
    allowed = {row["record"] for row in session.get("overrides", ())}  # told there
    lines += [
        f"  at {seconds(note['at_us'])}: {note['text'] if note['text'] is not None else ERASED}"
        for note in session["notes"]
        if note["record"] not in allowed
    ]
    return "\n".join(lines) if len(lines) > 1 else ""


def _amendments(session: Json) -> str:
    lines = [said_words.amendment(made, ERASED) for made in session["amendments"]]
    return "\n".join(["Amended:", *folded(lines)]) if lines else ""


def _explained(session: Json) -> str:
    lines = [said_words.explanation(made, ERASED) for made in session["explained"]]
    return "\n".join(["Explained:", *folded(lines)]) if lines else ""


def _signatures(session: Json) -> str:
    """Name, time and meaning of each: they stand wherever the session is shown."""
    if session["kind"] != "session" or not session["closed_at"]:
        return ""
    lines = list(said_words.signatures(session, "(name not held here)"))
    return "\n".join(["Signatures:", *folded(lines)]) if lines else "Signatures: not signed."


def _completeness(session: Json) -> str:
    closes, lines = words.completeness(session)
    return "\n".join([f"Completeness: {closes}", *(f"  {line}" for line in lines)])
