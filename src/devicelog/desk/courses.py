"""Courses at the desk: opened, closed, and the standing notices that are read once in each."""

from collections.abc import Sequence

from devicelog.canonical import Json
from devicelog.clinic.courses import Treated, of_course, open_courses, sittings
from devicelog.clinical.data import load_limits
from devicelog.clinical.days import days_between
from devicelog.clinical.intervals import class_of
from devicelog.clinical.keys import suggest
from devicelog.clinical.limits import known_indication
from devicelog.clinical.suitability import NOTICE
from devicelog.clinical.suitability import RULES as SUITABILITY_RULES
from devicelog.desk.asked import text_of, whole_of
from devicelog.desk.entering import client_named, enter, new_id
from devicelog.desk.treated import treated_before
from devicelog.desk.visits import course_named, courses_of_client, open_visits
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, UsageProblem
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.rules.table import RULES
from devicelog.sessions import check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import beside

MOST_SESSIONS, MOST_DAYS = 100, 3650
CLIENT = "client.checks"  # the notice about the skin type, by a name that says nothing of it (docs/adr/0017)
# Notices that hold for a course, and not for one session, each as it is acknowledged: of the version that was read.
STANDING: dict[str, Json] = {
    **{rule.id: {"notice": rule.id, "version": rule.version} for rule in RULES if rule.id == "label.pigment"},
    CLIENT: {"notice": CLIENT, "version": SUITABILITY_RULES[NOTICE][0]},
}
_WORDS = ("done", "stopped")


def course_open(access: Access, request: Json) -> Json:
    """Act. `client` (code), `indication`, `by`; `sessions`, `interval_min_days`, `interval_max_days` may be None."""
    indication = known_indication(load_limits(), text_of(request, "indication"))
    numbers = {key: whole_of(request, key, most) for key, most in _NUMBERS.items()}
    least, longest = numbers["interval_min_days"], numbers["interval_max_days"]
    if least is not None and longest is not None and least > longest:
        raise UsageProblem(f"an interval of {least} to {longest} days goes backwards")
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        ref = client_named(evidence, text_of(request, "client"))
        going = [each for each in open_courses(courses_of_client(evidence, ref), ref) if each.indication == indication]
        here = [each for each in open_visits(evidence, ref) if each.course is None and each.indication == indication]
    if going:
        raise BadTransition(
            f"{going[-1].id} of this client for {indication} is still open: close it first, or go on in it"
        )
    course = new_id("k")
    told = {"indication": indication, **numbers}
    entry = access.append(
        lambda transaction: enter(transaction, "course.opened", actor=actor, course=course, client_ref=ref, told=told)
    )
    visits = [each.id for each in here]  # a visit keeps the course that it was opened with, or none
    return {"course": course, "client_ref": ref, "entry": entry.seq, "visits_before": visits, **told}


def course_close(access: Access, request: Json) -> Json:
    """Act. `course`, `how` (done or stopped), `reason` (wanted where it was stopped), `by`."""
    how, reason = text_of(request, "how"), request.get("reason")
    if how not in _WORDS:
        raise UsageProblem(f"a course is closed as {' or '.join(_WORDS)}, not as {how!r}")
    if how == "stopped" and reason is None:
        raise UsageProblem("a course that is stopped has a reason: --reason TEXT")
    texts = () if reason is None else (check_reason(str(reason)),)
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        course = course_named(evidence, text_of(request, "course"))
        if course.closed is not None:
            raise BadTransition(f"{course.id} is closed already ({course.closed})")
        client_named(evidence, course.client_ref)
        here = beside(evidence, course.id, "visit.opened", "v", ended="visit.closed")
    if here:
        raise BadTransition(f"{', '.join(here)} of {course.id} is still open: close the visit first (visits close)")
    entry = access.append(
        lambda transaction: enter(
            transaction,
            "course.closed",
            actor=actor,
            course=course.id,
            client_ref=course.client_ref,
            told={"how": how},
            private=texts,
        )
    )
    return {"course": course.id, "how": how, "entry": entry.seq}


def acknowledge(access: Access, request: Json) -> Json:
    """Act: a standing notice was read, for the course. `course`, `notice` (of STANDING), `by`.

    Whether there is one about this client's skin is not looked at: the entry would tell it.
    """
    notice = text_of(request, "notice")
    if notice not in STANDING:
        there = ", ".join(STANDING)
        raise UsageProblem(f"{notice!r} is no standing notice; there are: {there}.{suggest(notice, STANDING)}")
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        course = course_named(evidence, text_of(request, "course"))
        if course.closed is not None:
            raise BadTransition(f"{course.id} is closed ({course.closed})")
        client_named(evidence, course.client_ref)
    told = STANDING[notice]
    already = told in list(course.acknowledged)
    if not already:
        access.append(
            lambda transaction: enter(
                transaction,
                "notice.acknowledged",
                actor=actor,
                course=course.id,
                client_ref=course.client_ref,
                told=told,
            )
        )
    return {"course": course.id, **told, "already": already}


def course_told(evidence: Evidence, name: str) -> Json:
    """A course with its treatments, for a person to read: days since the one before, done of planned."""
    course = course_named(evidence, name)
    treated = of_course(treated_before(evidence, course.client_ref, simulated=True), course)
    return {
        "course": course.id,
        "client": evidence.client_code(course.client_ref),
        "client_ref": course.client_ref,
        "indication": course.indication,
        "sessions": course.sessions,
        "interval_min_days": course.interval_min_days,
        "interval_max_days": course.interval_max_days,
        "opened_at": course.opened_at,
        "closed": course.closed,
        "acknowledged": list(course.acknowledged),
        "done": sittings(treated),
        "treatments": [
            {
                "session": each.id,
                "visit": each.visit,
                "day": each.day,
                "zones": list(each.zones),
                **_apart(treated[:number], each),
            }
            for number, each in enumerate(treated)
        ],
    }


def _apart(before: Sequence[Treated], treatment: Treated) -> Json:
    """Days since the newest earlier sitting, on whatever zone, and the class of that interval; None where unsure."""
    days = [each.day for each in before if each.sitting != treatment.sitting]
    if not days or treatment.day is None or (last := days[-1]) is None:
        return {"days": None, "class": None}
    apart = days_between(last, treatment.day)
    return {"days": apart, "class": class_of(apart).id}


_NUMBERS = {"sessions": MOST_SESSIONS, "interval_min_days": MOST_DAYS, "interval_max_days": MOST_DAYS}
ACTS: dict[str, Act] = {"course.open": course_open, "course.close": course_close, "course.acknowledge": acknowledge}
