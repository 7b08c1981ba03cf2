"""Adopting a clinic's own limits and plans: from then on they are found by name, and a session keeps what held in it.

What is adopted is a document of its entry, so that it is there when the file it came from is not. Not responsible for
whether it can be meant (clinical/), nor for what a session makes of it.
"""

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinical.data import list_plans, load_limits, load_zones
from devicelog.clinical.limits import Overlay
from devicelog.clinical.plan import Plan, on_the_map
from devicelog.clinical.planned import refuse, remarks_on
from devicelog.clinical.tables import check_overlay, overlay_document, overlay_from_document
from devicelog.desk.entering import enter
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type
from devicelog.store.transaction import Transaction


def adopt_limits(access: Access, request: Json) -> Json:
    """From `overlay` (its document), `by` and `pin`. The same as is in force is not entered again.

    Raises UsageProblem, NotAllowed; BadTransition when other limits have this name and version.
    """
    overlay = overlay_from_document(_document(request, "overlay"))
    check_overlay(overlay, load_limits())
    kept = canonical(overlay_document(overlay))
    told: Json = {"name": overlay.name, "version": overlay.version}
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "adopt")
        before = of_type(evidence, "limits.adopted")
        for entry in before:
            same = entry.body["told"] == told
            if same and evidence.document(entry.body["documents"]["overlay"]) != kept:
                raise BadTransition(
                    f"ledger entry {entry.seq} has other limits as {overlay.name} version {overlay.version}: raise the "
                    "version in the file"
                )
        if before and before[-1].body["told"] == told:
            return {**told, "rows": len(overlay.rows), "entry": before[-1].seq, "again": True}

    def enter_it(transaction: Transaction) -> Entry:
        return enter(transaction, "limits.adopted", actor=actor, told=told, documents={"overlay": kept})

    return {**told, "rows": len(overlay.rows), "entry": access.append(enter_it).seq, "again": False}


def adopt_plan(access: Access, request: Json) -> Json:
    """From `plan` (its document), `by` and `pin`. The newest of an id is found by it.

    Raises UsageProblem, NotAllowed; BadTransition when the id is that of a shipped plan.
    """
    zones = load_zones()
    plan = Plan.from_document(_document(request, "plan"))
    on_the_map(plan, zones)
    check_own_id(plan)
    kept = canonical(plan.document())
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "adopt")
        remarks = remarks_on(plan, load_limits(), zones, overlay(evidence))
        refuse(remarks)
        before = [entry for entry in of_type(evidence, "plan.adopted") if entry.body["told"]["plan"] == plan.id]
        told: Json = {"plan": plan.id}
        answer = {**told, "warnings": list(remarks.warned)}
        if before and evidence.document(before[-1].body["documents"]["plan"]) == kept:
            return {**answer, "entry": before[-1].seq, "again": True}

    def enter_it(transaction: Transaction) -> Entry:
        return enter(transaction, "plan.adopted", actor=actor, told=told, documents={"plan": kept})

    return {**answer, "entry": access.append(enter_it).seq, "again": False}


def check_own_id(plan: Plan) -> None:
    """Raises BadTransition where a shipped plan has this id."""
    if plan.id in [each.id for each in list_plans()]:
        raise BadTransition(f"{plan.id} is the id of a shipped plan: give yours another, {plan.id}-2 say")


def overlay(evidence: Evidence) -> Overlay | None:
    """The clinic's limits that are in force: those adopted last. None: the shipped alone. Raises EvidenceDamaged."""
    adopted = of_type(evidence, "limits.adopted")
    if not adopted:
        return None
    return overlay_from_document(parse_canonical(evidence.document(adopted[-1].body["documents"]["overlay"])))


def adopted_plans(evidence: Evidence) -> dict[str, Plan]:
    """Every plan of the clinic by its id, each as adopted last. Raises EvidenceDamaged."""
    newest = {entry.body["told"]["plan"]: entry for entry in of_type(evidence, "plan.adopted")}
    return {
        name: Plan.from_document(parse_canonical(evidence.document(newest[name].body["documents"]["plan"])))
        for name in sorted(newest)
    }


def _document(request: Json, key: str) -> Json:
    document = request.get(key)
    if not isinstance(document, dict):
        raise UsageProblem(f"the request has no {key}")
    return document


ACTS: dict[str, Act] = {"limits.adopt": adopt_limits, "plan.adopt": adopt_plan}
