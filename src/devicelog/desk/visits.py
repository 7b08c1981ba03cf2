"""Visits at the desk: opened, planned anew, closed, what is allowed in one beforehand; and finding them again.

Several can be open at once, one for each client who waits. Not responsible for recording into one (opening.py).
"""

from collections.abc import Sequence

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinic.courses import Course, courses_of, open_courses
from devicelog.clinic.visits import Visit, parts_of, visits_of
from devicelog.clinical.data import load_zones
from devicelog.clinical.plan import Plan, suggest
from devicelog.desk.asked import text_of
from devicelog.desk.days import local_day
from devicelog.desk.entering import client_named, enter, new_id
from devicelog.desk.limits import limits_document
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.commands import check_override
from devicelog.sessions import check_client_code, check_practitioner, check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import begun, beside, matters, of_type
from devicelog.store.transaction import Transaction

PARTS = ("visit.joined", "visit.left")
_TYPES = ("visit.opened", "visit.planned", *PARTS, "visit.closed", "override.given")
_COURSE_TYPES = ("course.opened", "course.closed", "notice.acknowledged")


def every_visit(evidence: Evidence) -> list[Visit]:
    """Every visit, oldest first. Raises EvidenceDamaged."""
    return list(visits_of(of_type(evidence, *_TYPES)).values())


def every_course(evidence: Evidence) -> list[Course]:
    """Every course, oldest first. Raises EvidenceDamaged."""
    return list(courses_of(of_type(evidence, *_COURSE_TYPES)).values())


def visit_named(evidence: Evidence, prefix: str) -> Visit:
    """The one visit whose id begins so; no other is read. Raises NotFound, EvidenceDamaged."""
    more = "`devicelog visits list` shows those there are"
    name = _named(begun(evidence, "visit.opened", prefix, "v"), prefix, "visit", more)
    return visits_of(matters(evidence, name, *_TYPES))[name]


def open_visits(evidence: Evidence, client_ref: str) -> list[Visit]:
    """The visits of a client that are open, oldest first; no other is read. Raises EvidenceDamaged."""
    names = beside(evidence, client_ref, "visit.opened", "v", ended="visit.closed")
    return [visits_of(matters(evidence, name, *_TYPES))[name] for name in names]


def course_named(evidence: Evidence, prefix: str) -> Course:
    """The one course whose id begins so; no other is read. Raises NotFound, EvidenceDamaged."""
    more = "`devicelog courses list` shows those there are"
    name = _named(begun(evidence, "course.opened", prefix, "k"), prefix, "course", more)
    return courses_of(matters(evidence, name, *_COURSE_TYPES))[name]


def courses_of_client(evidence: Evidence, client_ref: str) -> list[Course]:
    """The courses of a client, oldest first; no other is read. Raises EvidenceDamaged."""
    return list(courses_of(matters(evidence, client_ref, *_COURSE_TYPES)).values())


def visit_of_session(evidence: Evidence, stream: str) -> Visit | None:
    """The visit that a session is a part of; None where it is of none."""
    name = parts_of(matters(evidence, stream, *PARTS)).get(stream)
    return None if name is None else visits_of(matters(evidence, name, *_TYPES))[name]


def session_of_visit(evidence: Evidence, visit: str) -> str | None:
    """The newest session of a visit; None where none was recorded yet."""
    parts = list(parts_of(matters(evidence, visit, *PARTS)))
    return parts[-1] if parts else None


def of_another_day(evidence: Evidence, visit: Visit, stamp: Json) -> str | None:
    """What to say to whoever records into a visit now that was opened, or recorded into, on another day; None where it
    was not, or where nobody is sure what day it is."""
    today = local_day(stamp)
    rows = [evidence.stream(stream) for stream in visit.sessions]
    parts = [local_day({"at": row["opened_at"], "clock": row["clock"]}) for row in rows]
    opened = local_day({"at": visit.opened_at, "clock": visit.opened_clock})
    if today is None or {opened, *parts} == {today}:
        return None
    return (
        f"{visit.id} was opened on {opened or 'a day nobody is sure of'} and today is {today}: answers and consents of "
        "another day do not hold today, and what was recorded on one counts as an earlier treatment. `devicelog "
        f"visits close {visit.id}` and `visits open` begin another one"
    )


def plan_of(evidence: Evidence, visit: Visit) -> Plan:
    """What is planned for a visit now. Raises EvidenceDamaged."""
    return Plan.from_document(parse_canonical(evidence.document(visit.documents["plan"])))


def last_plan(evidence: Evidence, client_ref: str) -> Plan:
    """The plan of the client's newest session or visit. Raises NotFound."""
    theirs = [visit_named(evidence, name) for name in beside(evidence, client_ref, "visit.opened", "v")[-1:]]
    rows = evidence.streams_of(client_ref)
    own = [row for row in rows if row["no"] != row["closed_seq"]]  # one of another log has its plan in its package
    if own and (not theirs or own[-1]["no"] > theirs[-1].opened_seq):
        opening = evidence.entry(own[-1]["no"])
        return Plan.from_document(parse_canonical(evidence.document(opening.body["documents"]["plan"])))
    if not theirs:
        raise NotFound("there is no last time: this client has no session here yet. Name a plan with --plan")
    return plan_of(evidence, theirs[-1])


def visit_open(access: Access, request: Json) -> Json:
    """Act: a client is here. `client` (code), `practitioner`, `by`, `plan` (document; None: as last time), `course`."""
    code = check_client_code(text_of(request, "client"))
    practitioner = check_practitioner(text_of(request, "practitioner"))
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        ref = evidence.client_ref(code)
        plan = _plan(evidence, request, ref)
        limits = limits_document(evidence, plan)
        course = _course(evidence, request.get("course"), ref, plan)
        others = open_visits(evidence, ref) if ref else []
    visit = new_id("v")

    def open_(transaction: Transaction) -> str:
        client_ref, _ = transaction.client(code, ref)
        enter(
            transaction,
            "visit.opened",
            actor=actor,
            visit=visit,
            client_ref=client_ref,
            course=course.id if course else None,
            told={"practitioner": practitioner, "indication": plan.indication},
            documents={"plan": canonical(plan.document()), "limits": canonical(limits)},
        )
        return client_ref

    ref = access.append(open_)
    return {
        "visit": visit,
        "client_ref": ref,
        "course": course.id if course else None,
        "plan": plan.id,
        "open_already": [other.id for other in others],
    }


def visit_plan(access: Access, request: Json) -> Json:
    """Act: another plan for a visit. `visit`, `plan` (document), `by`."""
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        visit = _open_visit(evidence, request)
        for stream in visit.sessions:
            if matters(evidence, stream, "session.signed"):
                raise BadTransition(
                    f"{stream} of {visit.id} is signed: its plan does not change any more. What was different is "
                    f"said by `devicelog sessions amend {stream}`"
                )
            if evidence.stream(stream)["closed_seq"] is None:
                raise BadTransition(
                    f"{stream} of {visit.id} is being recorded: change the plan there, by `devicelog mark plan ZONE "
                    "MIN-MAX`"
                )
        plan = _plan(evidence, request, visit.client_ref)
        before = plan_of(evidence, visit)
        limits = limits_document(evidence, plan)
    change = "another plan" if plan.id != before.id else "the same plan, changed" if plan != before else "none"
    access.append(
        lambda transaction: enter(
            transaction,
            "visit.planned",
            actor=actor,
            visit=visit.id,
            client_ref=visit.client_ref,
            course=visit.course,
            told={"change": change},
            documents={"plan": canonical(plan.document()), "limits": canonical(limits)},
        )
    )
    return {"visit": visit.id, "plan": plan.id, "change": change}


def visit_close(access: Access, request: Json) -> Json:
    """Act: the visit is over. `visit`, `by`."""
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        visit = _open_visit(evidence, request)
        if visit.sessions and evidence.stream(visit.sessions[-1])["closed_seq"] is None:
            raise BadTransition(f"{visit.sessions[-1]} of {visit.id} is being recorded: end it first")
    told = {"how": "over" if visit.sessions else "nothing was recorded"}
    access.append(
        lambda transaction: enter(
            transaction,
            "visit.closed",
            actor=actor,
            visit=visit.id,
            client_ref=visit.client_ref,
            course=visit.course,
            told=told,
        )
    )
    return {"visit": visit.id, "sessions": list(visit.sessions), **told}


def override(access: Access, request: Json) -> Json:
    """Act: before a session, allow what a rule would find. `visit`, `rule`, `zone` (None: all), `reason`, `by`."""
    rule, zone = check_override(text_of(request, "rule")), request.get("zone")
    zones = load_zones()
    if zone is not None and zone not in zones:
        raise UsageProblem(f"there is no zone {zone!r}; `devicelog zones list` shows them.{suggest(str(zone), zones)}")
    reason = check_reason(text_of(request, "reason"))
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "override")
        visit = _open_visit(evidence, request)
    access.append(
        lambda transaction: enter(
            transaction,
            "override.given",
            actor=actor,
            visit=visit.id,
            client_ref=visit.client_ref,
            course=visit.course,
            told={"rule": rule, "zone": zone},
            private=(reason,),
        )
    )
    return {"visit": visit.id, "rule": rule, "zone": zone}


def _plan(evidence: Evidence, request: Json, client_ref: str | None) -> Plan:
    given = request.get("plan")
    if given is not None:
        if not isinstance(given, dict):
            raise UsageProblem("a plan is handed over as its document")
        return Plan.from_document(given)
    if client_ref is None:
        raise NotFound("there is no last time: this client was never here. Name a plan with --plan")
    return last_plan(evidence, client_ref)


def _course(evidence: Evidence, name: object, client_ref: str | None, plan: Plan) -> Course | None:
    """The course that is named; else the one open course of this client for what is planned."""
    if name is not None:
        course = course_named(evidence, str(name))
        if course.client_ref != client_ref:
            raise UsageProblem(f"{course.id} is a course of another client")
        if course.closed is not None:
            raise BadTransition(f"{course.id} is over ({course.closed}): open another one, or leave it out")
        return course
    if client_ref is None:
        return None
    courses = open_courses(courses_of_client(evidence, client_ref), client_ref)
    fitting = [course for course in courses if course.indication == plan.indication]
    return fitting[-1] if fitting else None


def _open_visit(evidence: Evidence, request: Json) -> Visit:
    visit = visit_named(evidence, text_of(request, "visit"))
    if visit.closed is not None:
        raise BadTransition(f"{visit.id} is closed ({visit.closed}). `devicelog visits open` opens another one")
    client_named(evidence, visit.client_ref)
    return visit


def _named(found: Sequence[str], prefix: str, what: str, more: str) -> str:
    exact = [name for name in found if name == prefix]
    if len(exact or found) != 1:
        raise NotFound(f"no {what} {prefix!r}: {f'{len(found)} begin so, give more of it' if found else more}")
    return (exact or found)[0]


ACTS: dict[str, Act] = {
    "visit.open": visit_open,
    "visit.plan": visit_plan,
    "visit.close": visit_close,
    "visit.override": override,
}
