"""What is known at the desk when a session opens: its documents `limits` and `clinic`, and the visit it is a part of.

The rules judge by these documents, live and in replay, and by nothing that is entered later. What is not known reads
so; nothing here keeps a session from beginning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinic.courses import newest_by_zone, of_course, sittings
from devicelog.clinic.visits import Visit
from devicelog.clinical.data import load_zones
from devicelog.clinical.days import days_between
from devicelog.clinical.devices import Device, device_row
from devicelog.clinical.plan import Plan, sites_of
from devicelog.clinical.shipped import load_devices
from devicelog.desk.cartridges import cartridges_of, fitted_as
from devicelog.desk.consents import anaesthetic_of, consents_of
from devicelog.desk.courses import CLIENT, STANDING
from devicelog.desk.days import local_day
from devicelog.desk.entering import enter
from devicelog.desk.limits import limits_document, limits_shipped
from devicelog.desk.screening import suitability_now
from devicelog.desk.topicals import topicals_of
from devicelog.desk.treated import treated_before
from devicelog.desk.visits import course_named, plan_of, visit_named
from devicelog.desk.who import people_of
from devicelog.ledger.entries import Actor
from devicelog.recorder.job import Prepared
from devicelog.store.evidence import Evidence
from devicelog.store.matters import beside, matters
from devicelog.store.transaction import Transaction
from firmware_bridge.readings import Identity

T = TypeVar("T")
SCHEMA = "devicelog.clinic/1"
NOT_RECORDED: tuple[str, str | None, str | None] = ("not recorded", None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a recording asks the desk for: the documents of its session. `visit`: its id, None where it is of none."""

    plan: Plan
    client_code: str
    practitioner: str
    visit: str | None = None

    def prepare(self, evidence: Evidence, pen: Identity, stamp: Json, actor: Actor) -> Prepared:
        """What the session that opens now is judged by. What cannot be read is named in the document, as `unread`."""
        look = _Look()
        name = self.visit
        visit = look(("overrides", "visit_done"), lambda: visit_named(evidence, name), None) if name else None
        ref = visit.client_ref if visit else evidence.client_ref(self.client_code)
        plan = look(("plan",), lambda: plan_of(evidence, visit), self.plan) if visit else self.plan
        device = load_devices().of_model(pen.model)
        limits = look(
            ("limits",),
            lambda: limits_document(evidence, plan, device.id if device else None),
            None,
        ) or limits_shipped(plan, device.id if device else None)
        clinic, found = self._clinic(look, evidence, visit, ref, plan, device, pen, local_day(stamp))
        joining = None
        if name and ref is not None:
            reasons = look(("reasons",), lambda: _with_reasons(evidence, visit, found), found) if visit else found
            joining = _joining(visit.id if visit else name, ref, visit.course if visit else None, actor, reasons)
        if look.unread:
            clinic["unread"] = sorted(look.unread)
        return Prepared(
            documents={"limits": canonical(limits), "clinic": canonical(clinic)}, entered=joining, unread=look.words()
        )

    def fitted(self, evidence: Evidence, cartridge: str) -> Json:
        """What a mark says of this cartridge; empty where nobody fitted it. Raises EvidenceDamaged."""
        return fitted_as(evidence, cartridge, visit=self.visit)

    def _clinic(
        self,
        look: "_Look",
        evidence: Evidence,
        visit: Visit | None,
        ref: str | None,
        plan: Plan,
        device: Device | None,
        pen: Identity,
        day: str | None,
    ) -> tuple[Json, str | None]:
        simulated, nothing = pen.mode != "real", list[Json]()
        name = self.visit if visit is None else visit.id
        of = visit.course if visit else None
        opened = local_day({"at": visit.opened_at, "clock": visit.opened_clock}) if visit else None
        course = look(("acknowledged", "course_done"), lambda: course_named(evidence, of), None) if of else None
        before = (
            look(
                ("before", "course_done"),
                lambda: treated_before(evidence, ref, simulated=simulated, but=name, today=day),
                None,
            )
            if ref
            else []
        )
        newest, unsure = newest_by_zone(before or [], day)
        people = look(("practitioner",), lambda: people_of(evidence), None)
        person = people.get(self.practitioner) if people else None
        word, found, screened_at = (
            look(
                ("client",),
                lambda: suitability_now(
                    evidence,
                    ref,
                    visit=name,
                    device=device.id if device else None,
                    indication=plan.indication,
                    sites=sites_of(plan, load_zones()),
                    day=day,
                    opened=opened,
                    checks=plan.checks,
                    acknowledged=course is not None and STANDING[CLIENT] in course.acknowledged,
                ),
                NOT_RECORDED,
            )
            if ref is not None
            else NOT_RECORDED
        )
        intended = course if course and (course.interval_min_days or course.interval_max_days) else plan
        clinic: Json = {
            "schema": SCHEMA,
            "visit": name,
            "course": of,
            "indication": plan.indication,
            "day": day,
            "practitioner": {
                "person": self.practitioner,
                "known": person is not None,
                "authority_um": person.authority_um if person else None,
            },
            "others": [  # to whom the pen may be handed over
                {"person": each.id, "authority_um": each.authority_um}
                for each in (people.by_id.values() if people else ())
                if each.retired is None and each != person
            ],
            "device": device and device_row(device),
            "checks": list(plan.checks),
            "interval_min_days": intended.interval_min_days,
            "interval_max_days": intended.interval_max_days,
            "client": {"result": word, "screened_at": screened_at},
            "consents": look(("consents",), lambda: consents_of(evidence, name, day=day, opened=opened), nothing)
            if name
            else [],
            "anaesthetic": look(("anaesthetic",), lambda: anaesthetic_of(evidence, name), nothing) if name else [],
            "topicals": look(("topicals",), lambda: topicals_of(evidence, name), nothing) if name else [],
            "cartridges": look(("cartridges",), lambda: cartridges_of(evidence, name), nothing) if name else [],
            "overrides": list(visit.overrides) if visit else [],
            "acknowledged": list(course.acknowledged) if course else [],
            "before": [
                {"zone": zone, "days": days_between(earlier, day)}
                for zone, earlier in sorted(newest.items())
                if day is not None
            ],
            "before_unsure": before is None or unsure or (day is None and bool(newest)),
            "visit_sessions": len(visit.sessions) if visit else 0,
            "visit_done": look(("visit_done",), lambda: visit_done(evidence, visit), nothing) if visit else [],
            "course_done": sittings(each for each in of_course(before or [], course) if not name or each.visit != name)
            if course is not None
            else 0,
            "course_planned": course.sessions if course else None,
        }
        return clinic, found


class _Look:
    """Reads what the desk has, one part at a time. What cannot be read is remembered by the keys of the document."""

    def __init__(self) -> None:
        self.unread: set[str] = set()
        self._why: Exception | None = None

    def __call__(self, keys: tuple[str, ...], read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 # old evidence can be anything, and no session waits for it
            self.unread |= set(keys)
            self._why = self._why or error
            return otherwise

    def words(self) -> str | None:
        """What could not be read, for a person; None where all could."""
        if self._why is None:
            return None
        why = str(self._why) or type(self._why).__name__
        return f"of the desk cannot be read: {', '.join(sorted(self.unread))} ({why})"


def visit_done(evidence: Evidence, visit: Visit) -> list[Json]:
    """The passes that the earlier sessions of a visit have in each zone: at least, at most (None: nobody counted)."""
    done: dict[str, list[tuple[int, int] | None]] = {}
    for stream in visit.sessions:
        row = evidence.stream(stream)
        if row["derived"] is None:
            continue
        for zone in parse_canonical(evidence.document(row["derived"]))["facts"]["zones"]:
            if zone["judged"] or zone["passes"]["high"]:
                low, high = zone["passes"]["low"], zone["passes"]["high"]
                done.setdefault(zone["zone"], []).append(None if low is None or high is None else (low, high))
    return [
        {
            "zone": zone,
            "passes_low": sum(each[0] for each in counts if each) if None not in counts else None,
            "passes_high": sum(each[1] for each in counts if each) if None not in counts else None,
        }
        for zone, counts in done.items()
    ]


def _with_reasons(evidence: Evidence, visit: Visit, found: str | None) -> str | None:
    """The private text that goes with the session: what was found, and why each override of the visit was given."""
    if found is None:
        return None
    reasons = [
        {**entry.body["told"], "reason": evidence.note_text(entry.body["private"][0])}
        for entry in matters(evidence, visit.id, "override.given")
    ]
    return canonical({**parse_canonical(found.encode()), "overrides": reasons}).decode()


def _joining(
    visit: str, client_ref: str, course: str | None, actor: Actor, found: str | None
) -> Callable[[Transaction, str], str | None]:
    def entered(transaction: Transaction, stream: str) -> str | None:
        if transaction.client_kept(client_ref) is None:
            return f"the client of {visit} was erased meanwhile: {stream} is a part of no visit"
        if beside(Evidence(Path(), transaction.connection), visit, "visit.closed", "v"):  # by the list alone: no damage
            return f"{visit} was closed meanwhile: {stream} is a part of no visit"
        enter(
            transaction,
            "visit.joined",
            actor=actor,
            stream=stream,
            visit=visit,
            client_ref=client_ref,
            course=course,
            told={},
            private=(found,) if found else (),
        )
        return None

    return entered
