"""A late entry: a session that was on paper, typed afterwards. Nothing of it was measured, and it says so.

It counts in intervals and courses until it is withdrawn. Not responsible for what is shown of one.
"""

from collections.abc import Mapping

from devicelog.canonical import Json, canonical
from devicelog.clinical.data import load_limits, load_zones
from devicelog.clinical.days import check_day, days_between
from devicelog.clinical.keys import DEPTH_LIMIT_UM, suggest
from devicelog.clinical.limits import known_indication
from devicelog.clinical.plan import PASSES_LIMIT, Zone
from devicelog.desk.asked import text_of
from devicelog.desk.clients import today
from devicelog.desk.days import local_day
from devicelog.desk.entering import enter, new_id
from devicelog.desk.naming import check_nobody_named
from devicelog.desk.visits import course_named
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_client_code, check_note, check_practitioner, check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import begun, matters
from devicelog.store.transaction import Transaction

SCHEMA = "devicelog.entered/1"
_MOST_TEXT = 80


def enter_late(access: Access, request: Json) -> Json:
    """Act. `client` (code), `practitioner`, `day`, `indication`, `zones` (each `zone`, `depth_set_um`, `passes`),
    `cartridge` (`lot`, `expires`) or None, `topicals` (each `product`, `lot`), `course` or None, `reason`, `by`."""
    code = check_client_code(text_of(request, "client"))
    practitioner = check_practitioner(text_of(request, "practitioner"))
    day = check_day(text_of(request, "day"), "the day of the session")
    indication = known_indication(load_limits(), text_of(request, "indication"))
    zones = _zones(request.get("zones"), load_zones())
    reason = check_reason(text_of(request, "reason"))
    session = new_id("s")
    entered: Json = {
        "schema": SCHEMA,
        "session": session,
        "day": day,
        "practitioner": practitioner,
        "indication": indication,
        "zones": zones,
        "cartridge": _row(request.get("cartridge"), ("lot", "expires"), "the cartridge"),
        "topicals": [_row(each, ("product", "lot"), "a topical") for each in request.get("topicals") or ()],
    }
    rows = [("cartridge", entered["cartridge"]), *(("topical", row) for row in entered["topicals"])]
    texts = [(f"{key} of the {what}", row[key]) for what, row in rows if row for key in row]
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "enter")
        _was(evidence, day)
        check_nobody_named(evidence, texts, code)
        ref = evidence.client_ref(code)
        course = course_named(evidence, str(request["course"])) if request.get("course") else None
        if course is not None and course.client_ref != ref:
            raise UsageProblem(f"{course.id} is a course of another client")
        if course is not None and course.closed is not None:
            raise BadTransition(f"{course.id} is closed ({course.closed})")

    def enter_it(transaction: Transaction) -> int:
        client_ref, _ = transaction.client(code, ref)
        return enter(
            transaction,
            "session.entered",
            actor=actor,
            client_ref=client_ref,
            course=course.id if course else None,
            told={"session": session, "practitioner": practitioner, "day": day},
            private=(reason,),
            documents={"entered": canonical(entered)},
        ).seq

    return {"session": session, "day": day, "entry": access.append(enter_it), "verdict": "not measured"}


def withdraw(access: Access, request: Json) -> Json:
    """Act: what was entered from paper was wrong and counts nowhere from now on. `session` (its id or how it begins),
    `reason`, `by`. It stays in the ledger and is shown as withdrawn. Raises NotFound, BadTransition, UsageProblem."""
    reason = check_reason(text_of(request, "reason"))
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "enter")
        entry = _entered(evidence, text_of(request, "session"))
        session, ref = str(entry.body["told"]["session"]), entry.body["client_ref"]
        if matters(evidence, session, "session.withdrawn"):
            raise BadTransition(f"{session} was withdrawn already")
        kept = ref if evidence.client_kept(ref) is not None else None

    def enter_it(transaction: Transaction) -> int:
        return enter(
            transaction,
            "session.withdrawn",
            actor=actor,
            client_ref=kept,
            course=entry.body["course"],
            told={"session": session},
            private=(reason,) if kept is not None else (),  # of a client who was erased no text is kept
        ).seq

    return {"session": session, "day": entry.body["told"]["day"], "entry": access.append(enter_it)}


def _entered(evidence: Evidence, prefix: str) -> Entry:
    names = begun(evidence, "session.entered", prefix, "s")
    found = [name for name in names if name == prefix] or names
    if len(found) > 1:
        raise NotFound(f"no session {prefix!r}: {len(found)} that were entered from paper begin so; give more of it")
    if not found:
        row = evidence.stream(prefix)
        raise UsageProblem(
            f"{row['id']} was recorded, and is never withdrawn: `devicelog sessions attribute` corrects whose it is, "
            "`devicelog sessions amend` what was said of it"
        )
    return matters(evidence, found[0], "session.entered")[0]


def _was(evidence: Evidence, day: str) -> None:
    """Raises UsageProblem for a day that is to come, as far as is known what day it is."""
    stamp = RecorderClock().stamp()
    now = today(evidence, stamp)
    if days_between(day, now) < 0:
        sure = "" if local_day(stamp) else "; the clock here is not sure of it: set it, if that is wrong"
        raise UsageProblem(f"{day} is in the future: today is {now}{sure}. A late entry is of a session that was")


def _zones(given: object, known: Mapping[str, Zone]) -> list[Json]:
    if not isinstance(given, list) or not given:
        raise UsageProblem("a late entry names the zones that were treated: --zone ZONE=DEPTH, depth in mm")
    zones: list[Json] = []
    for each in given:
        zone, depth_um, passes = each.get("zone"), each.get("depth_set_um"), each.get("passes")
        if zone not in known:
            raise UsageProblem(
                f"there is no zone {zone!r}; `devicelog zones list` shows them.{suggest(str(zone), known)}"
            )
        if any(zone == before["zone"] for before in zones):
            raise UsageProblem(f"{zone} is named twice")
        if depth_um is not None and (type(depth_um) is not int or not 0 < depth_um <= DEPTH_LIMIT_UM):
            raise UsageProblem(f"{zone}: a depth of {depth_um!r} µm; up to {DEPTH_LIMIT_UM}")
        if passes is not None and (type(passes) is not int or not 0 <= passes <= PASSES_LIMIT):
            raise UsageProblem(f"{zone}: {passes!r} passes; 0 to {PASSES_LIMIT}")
        zones.append({"zone": zone, "depth_set_um": depth_um, "passes": passes})
    return zones


def _row(given: object, keys: tuple[str, ...], what: str) -> Json | None:
    """Short texts by these keys, None where one was not on paper."""
    if given is None:
        return None
    if not isinstance(given, dict) or not given.keys() <= set(keys):
        raise UsageProblem(f"{what} has {' and '.join(keys)}")
    row = {key: None if given.get(key) is None else check_note(str(given[key]), f"{key} of {what}") for key in keys}
    for key, value in row.items():
        if value is not None and len(value) > _MOST_TEXT:
            raise UsageProblem(f"{key} of {what} has {len(value)} characters; at most {_MOST_TEXT}")
    if row.get("expires") is not None:
        check_day(str(row["expires"]), f"the expiry of {what}")
    return row


ACTS: dict[str, Act] = {"session.enter": enter_late, "session.withdraw": withdraw}
