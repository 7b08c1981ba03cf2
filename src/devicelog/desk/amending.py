"""Amending what a person said of a session, and explaining a finding: each an entry, and the original stays.

What was measured is not amended; which zone or client a session is of is corrected by `sessions attribute`. Not
responsible for how either is shown (clinic/signatures.py).
"""

import json
from collections.abc import Sequence

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinic.signatures import AMENDABLE, AMENDED, EXPLAINED, SIGNED, amendments, read_values
from devicelog.clinic.visits import of_client
from devicelog.clinical.keys import suggest
from devicelog.desk.entering import done, enter, erased_words
from devicelog.desk.signing import ended_session
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.sessions import check_note, check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.reading import Kept, StreamRow
from devicelog.store.transaction import Transaction

_ELSEWHERE = {
    "zone": "`sessions attribute --move` corrects it",
    "client": "`sessions attribute --client` corrects it",
    **dict.fromkeys(("depth", "passes", "pen", "duration"), "it was measured, and what was measured stays as it is"),
}


def amend(access: Access, request: Json) -> Json:
    """From `session`, `field`, `value`, `reason`, `by`. Raises NotFound, BadTransition, UsageProblem, NotAllowed."""
    field = request.get("field")
    if field not in AMENDABLE:
        why = _ELSEWHERE.get(str(field), f"there are: {', '.join(AMENDABLE)}.{suggest(str(field), AMENDABLE)}")
        raise UsageProblem(f"{field!r} is nothing that an amendment corrects: {why}")
    new, reason = _text(request, "value"), check_reason(_text(request, "reason"))
    with Evidence(access.path) as evidence:
        row = ended_session(evidence, request.get("session"), "amended")
        actor = actor_of(evidence, request, "amend")
        stream = str(row["id"])
        before = matters(evidence, stream, AMENDED)
        signed = bool(matters(evidence, stream, SIGNED))
        old = old_value(evidence, row, str(field), of_client(before, row["client_ref"]))
        if old == new:
            raise UsageProblem(f"nothing to amend: {field} of {stream} is that already")
        client_ref = _still_known(evidence, row)
    number = len(before) + 1
    told, said = {"number": number, "field": field}, {"field": field, "old": old, "new": new, "reason": reason}

    def enter_it(transaction: Transaction) -> Entry:
        there = Evidence(access.path, transaction.connection)
        told["number"] = len(matters(there, stream, AMENDED)) + 1
        private = (canonical(said).decode(),)
        return enter(
            transaction, AMENDED, actor=actor, told=told, stream=stream, client_ref=client_ref, private=private
        )

    entry = done(access, enter_it)
    made = {"session": stream, "entry": entry.seq, **told, "old": old, "new": new, "auth": actor.auth}
    return {**made, "signed_before": signed}


def explain(access: Access, request: Json) -> Json:
    """From `session`, `rule`, `zone` or none, `reason`, `by`. Raises UsageProblem where there is no such finding."""
    rule, zone, reason = request.get("rule"), request.get("zone"), check_reason(_text(request, "reason"))
    with Evidence(access.path) as evidence:
        row = ended_session(evidence, request.get("session"), "explained")
        actor = actor_of(evidence, request, "explain")
        stream, found = str(row["id"]), parse_canonical(evidence.document(row["derived"]))["findings"]
        if not any(each["rule"] == rule and zone in (None, each["zone"]) for each in found):
            where = f" in {zone}" if zone is not None else ""
            there = sorted({f"{each['rule']} in {each['zone']}" if each["zone"] else each["rule"] for each in found})
            raise UsageProblem(
                f"{stream} has no finding {rule}{where} to explain; it has: {', '.join(there) or 'none'}."
                f"{suggest(str(rule), [each['rule'] for each in found])}"
            )
        client_ref = _still_known(evidence, row)
    told = {"rule": rule, "zone": zone}
    entry = done(
        access,
        lambda to: enter(
            to, EXPLAINED, actor=actor, told=told, stream=stream, client_ref=client_ref, private=(reason,)
        ),
    )
    return {"session": stream, "entry": entry.seq, **told, "auth": actor.auth}


def old_value(evidence: Kept, row: StreamRow, field: str, before: Sequence[Entry]) -> str | None:
    """What a session says of a field before it is amended: as the newest amendment has it, else as recorded."""
    made = [each for each in amendments(before, read_values(evidence.note_text)) if each["field"] == field]
    if made:
        new: str | None = made[-1]["new"]
        return new
    opening = evidence.entry(row["no"])
    if field == "practitioner":
        return str(opening.body["practitioner"])
    documents = opening.body["documents"]
    if field in ("indication", "plan"):
        digest = documents.get("plan")
        plan = parse_canonical(evidence.document(digest)) if digest else {}
        told: str | None = plan.get("indication" if field == "indication" else "label")
        return told
    clinic = parse_canonical(evidence.document(documents["clinic"])) if "clinic" in documents else {}
    part = clinic.get(_IN_CLINIC.get(field, ""))
    return json.dumps(part, ensure_ascii=False, sort_keys=True) if part else None


_IN_CLINIC = {"consent": "consents", "anaesthetic": "anaesthetic", "topical": "topicals", "cartridge": "cartridges"}


def _still_known(evidence: Evidence, row: StreamRow) -> str | None:
    """Whose session it is, so that the text goes with the client's others. Raises BadTransition where that one was
    erased: a text about somebody who asked for none to be kept."""
    ref: str | None = row["client_ref"]
    if ref is not None and evidence.client_kept(ref) is None:
        raise BadTransition(erased_words(str(row["id"])))
    return ref


def _text(request: Json, key: str) -> str:
    text = request.get(key)
    if not isinstance(text, str):
        raise UsageProblem(f"a {key} is a text: --{key} TEXT")
    return check_note(text, key)


ACTS: dict[str, Act] = {"session.amend": amend, "finding.explain": explain}
