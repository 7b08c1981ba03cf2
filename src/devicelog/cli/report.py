"""A session as a person reads it: like a treatment record. From its entries and its derived record, nothing else.

`show_document` collects, `show_text` lays out.
"""

from devicelog.canonical import Json, parse_canonical
from devicelog.cli.common import table
from devicelog.cli.findings import said
from devicelog.cli.units import count_words, mm, mm_range, seconds
from devicelog.cli.witnesses import compared_text, pins_text
from devicelog.errors import NotFound
from devicelog.ledger.entries import Entry
from devicelog.pipeline import Opening, Pipeline
from devicelog.records import MARK, Mark, item_of
from devicelog.sessions import UNASSIGNED
from devicelog.store.reading import Kept


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
        "notes": _notes(evidence, row["no"]),
        **facts,
    }


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
    blocks = [_head(session), _zones(session), compared_text(session), _spans(session), _findings(session)]
    blocks += [_unassessed(session), _gaps(session), _notes_text(session), _completeness(session), pins_text(session)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(session: Json) -> str:
    what = "Session" if session["kind"] == "session" else "Unattributed span"
    verdict = session["verdict"] or (
        "not finished: as far as it is on disk" if not session["closed_at"] else "no verdict"
    )
    demo = {"demo": "   DEMO DATA, no person was treated", "test": "   TEST DATA"}.get(session["mode"], "")
    clock = session["clock"]["confidence"] or "unknown"
    lines = [f"{what} {session['id']}   {session['status']}   {verdict.upper()}{demo}"]
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
        named = [("model", pen["model"]), ("serial", pen["serial"]), ("firmware", pen["firmware"])]
        named += [("calibration", pen["calibration_id"]), ("cartridge", pen["cartridge"])]
        lines.append("  pen           " + ", ".join(f"{name} {value or 'not recorded'}" for name, value in named))
    if host := session.get("host_calibration"):
        until = f"until {host['expires']}" if host["expires"] else "no last day named"
        own = f"; {host['own']} samples came with a depth of the pen's own" if host["own"] else ""
        unnamed = host.get("unnamed", 0)  # records from before it was counted do not have it
        left = f"; {unnamed} after a lost link have no depth: no pen had said who it was" if unnamed else ""
        lines.append(f"  calibrated    here: {host['id']}, {until}; applied to {host['applied']} samples{own}{left}")
    if len(session["pens"]) > 1:
        others = ", ".join(f"serial {pen['serial'] or 'not recorded'}" for pen in session["pens"])
        lines.append(f"  PENS CHANGED  {len(session['pens'])} pens said who they are: {others}")
    for clock in session.get("pen_clock", ()):  # records of engine 1 do not have it
        if clock["drift_ppm"] is not None:
            pace = "fast" if clock["drift_ppm"] > 0 else "slow"
            lines.append(
                f"  pen's clock   {abs(clock['drift_ppm']) / 10_000:.2f} % {pace} against this computer's, over "
                f"{seconds(clock['for_us'])} (residual {clock['residual_us'] / 1000:.1f} ms)"
            )
    jump = session["unattended"]
    if jump and jump["counters_fell"]:
        lines.append(
            "  before this   the pen's counters are lower than when it was last heard: what it did meanwhile is unknown"
        )
    elif jump and (jump["passes"] or jump["strokes"]):
        strokes, passes = count_words(jump["strokes"]), count_words(jump["passes"])
        lines.append(f"  before this   the pen made {strokes} strokes and {passes} passes while nobody listened")
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
    lines = [
        f"  derivation    {number} of {count}: CORRECTED {made['at']} by {made['practitioner']} "
        f"(auth: {made['auth']}){later}",
        f"                reason: {reason}",
    ]
    for move in made["moved"]:
        what = f"span {move['span']} from {move['from']}" if move["span"] else "records"
        lines.append(
            f"                moved: {what} to {move['zone']} (records {move['first_record']} to {move['last_record']})"
        )
    if made["client_ref"]:
        lines.append("                the client was corrected")
    return lines


def _zones(session: Json) -> str:
    if not session["zones"]:
        return "No sample arrived."
    limits = {zone["zone"]: zone for zone in session["plan_zones"]}
    head = ("zone", "passes", "glides", "on skin", "set mm", "measured mm", "plan mm", "over plan", "over pen", "Hz")
    rows = [head]
    for zone in session["zones"]:
        if zone["zone"] == UNASSIGNED and not zone["contact_us"] + zone["contact_unknown_us"]:
            continue  # the pen ran in the air before the first zone was marked
        depth, limit = zone["depth"], limits.get(zone["zone"])
        sets = [row["depth_set_um"] for row in zone["at_set_depth"]]
        rows.append(
            (
                zone["zone"],
                _passes(zone),
                str(zone["glides"]) if not zone["contact_unknown_us"] else "unknown",
                seconds(zone["contact_us"]) if not zone["contact_unknown_us"] else "unknown",
                mm_range(min(sets), max(sets)) if sets else "-",
                f"{mm_range(depth['min_um'], depth['max_um'])} mean {depth['mean_um'] / 1000:.2f}" if depth else "-",
                mm_range(limit["depth_min_um"], limit["depth_max_um"]) if limit else "none",
                _over(zone["over_plan"]) if zone["judged"] and zone["plan_max_um"] is not None else "not assessed",
                _over(zone["over_device"]) if zone["judged"] else "not assessed",
                f"{zone['frequency']['mean_dhz'] / 10:.0f}" if zone["frequency"] else "-",
            )
        )
    if len(rows) == 1:
        return ""
    lines = table(rows)
    tolerance_um = max(zone["tolerance_um"] for zone in session["zones"])
    lines.append(
        f"over: the dial beyond the limit, or measured beyond it by more than the sensor's {mm(tolerance_um)} mm"
    )
    paused = [
        f"{zone['zone']} {seconds(zone['paused_contact_us'])}" for zone in session["zones"] if zone["paused_contact_us"]
    ]
    if paused:
        lines.append(f"on skin while the session was paused (in the figures above): {', '.join(paused)}")
    return "\n".join("  " + line for line in lines)


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
    passes, perhaps = zone["passes"], zone.get("passes_perhaps", 0)
    sources = [] if passes["pen"] is None else [f"pen {passes['pen']}"]
    if perhaps and sources:
        sources[0] += f" to {passes['pen'] + perhaps}"
    if passes["operator"] is not None:
        sources.append(f"marked {passes['operator']}")
    if not sources:
        return "not recorded"
    low, high = passes["low"], passes["high"]
    return f"{low if low == high else f'{low} to {high}'} ({', '.join(sources)})"


def _findings(session: Json) -> str:
    if not session["findings"]:
        return "Findings: none."
    lines = [f"Findings: {len(session['findings'])}"]
    for finding in session["findings"]:
        where = f" in {finding['zone']}" if finding["zone"] else ""
        lines.append(f"  {finding['severity'].upper():<7} {finding['rule']}{where}: {said(finding)}")
    return "\n".join(lines)


def _unassessed(session: Json) -> str:
    lines: list[str] = []
    for result, head in (("not assessable", "Not assessable:"), ("not applicable", "Nothing to check:")):
        rows = [row for row in session["assessments"] if row["result"] == result]
        lines += [head] * bool(rows)
        lines += [f"  {row['rule']}{' in ' + row['zone'] if row['zone'] else ''}: {row['why']}" for row in rows]
    return "\n".join(lines)


def _gaps(session: Json) -> str:
    gaps, short = session["gaps"], session["short_gaps"]
    if not gaps and not short["n"]:
        return ""
    lines = ["Gaps:"]
    for gap in gaps:
        missing = count_words(gap["missing"])
        contact = {"yes": "on the skin", "no": "lifted", "unknown": "contact unknown"}[gap["contact"]]
        at, length = seconds(gap["from_us"]), seconds(gap["for_us"])
        lines.append(f"  at {at} for {length} in {gap['zone']}: {missing} samples missing, {contact} ({gap['cause']})")
    if short["n"]:
        missing = count_words(short["missing"])
        lines.append(f"  {short['n']} shorter ones: {seconds(short['for_us'])}, {missing} samples missing")
    return "\n".join(lines)


def _notes_text(session: Json) -> str:
    if not session["notes"]:
        return ""
    lines = ["Notes:"]
    lines += [
        f"  at {seconds(note['at_us'])}: {note['text'] if note['text'] is not None else '(erased)'}"
        for note in session["notes"]
    ]
    return "\n".join(lines)


def _completeness(session: Json) -> str:
    account = session["completeness"]
    read = "unknown (interrupted)" if account["bytes_read"] is None else str(account["bytes_read"])
    closes = "every account closes" if account["closes"] else f"OPEN: {', '.join(account['open_accounts'])}"
    if not session["closed_at"]:
        read, closes = "not counted yet", "as far as it is on disk"
    lines = [
        f"Completeness: {closes}",
        f"  bytes read {read} = kept {account['bytes_kept']} + dropped {account['bytes_dropped']}",
        f"  bytes kept {account['bytes_kept']} = framed {account['bytes_framed']} + "
        f"rejected {account['bytes_rejected']} + delimiters {account['bytes_delimiters']}",
    ]
    for boot in account["boots"]:
        if boot["first"] is None:
            if boot["decoded"]:
                lines.append(
                    f"  samples decoded {boot['decoded']}; how many are missing nobody knows: none has a number"
                )
            continue
        repeated = f", {boot['repeated']} repeated" if boot["repeated"] else ""
        repeated += f", {boot['late']} of them late" if boot.get("late") else ""
        lines.append(
            f"  samples {boot['first']} to {boot['last']} (pen boot {boot['boot']}) = decoded {boot['decoded']} "
            f"+ missing {boot['missing']}{repeated}"
        )
    lines += [f"  rejected: {fault['n']} x {fault['kind']}, {fault['bytes']} bytes" for fault in account["faults"]]
    if account["stalls"] or account["overflows"]:
        lines.append(f"  disk stalls {account['stalls']}, queue overflows {account['overflows']}")
    return "\n".join(lines)


def _over(over: Json) -> str:
    return seconds(over["for_us"]) if over["for_us"] else "none"
