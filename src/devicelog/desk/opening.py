"""What is known at the desk when a session opens: its documents `limits` and `clinic`, and the visit it is a part of.

The rules judge by these documents, live and in replay, and by nothing that is entered later. What is not known reads
so; nothing here keeps a session from beginning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
from devicelog.desk.limits import limits_document
from devicelog.desk.screening import suitability_now
from devicelog.desk.topicals import topicals_of
from devicelog.desk.treated import treated_before
from devicelog.desk.visits import course_named, plan_of, visit_named
from devicelog.desk.who import people_of
from devicelog.ledger.entries import Actor
from devicelog.recorder.job import Prepared
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.transaction import Transaction
from firmware_bridge.readings import Identity

SCHEMA = "devicelog.clinic/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a recording asks the desk for: the documents of its session. `visit`: its id, None where it is of none."""

    plan: Plan
    client_code: str
    practitioner: str
    visit: str | None = None

    def prepare(self, evidence: Evidence, pen: Identity, stamp: Json, actor: Actor) -> Prepared:
        """What the session that opens now is judged by. Raises EvidenceDamaged and what else cannot be read."""
        visit = visit_named(evidence, self.visit) if self.visit else None
        ref = visit.client_ref if visit else evidence.client_ref(self.client_code)
        plan = plan_of(evidence, visit) if visit else self.plan
        device = load_devices().of_model(pen.model)
        limits = limits_document(evidence, plan, device.id if device else None)
        clinic, found = self._clinic(evidence, visit, ref, plan, device, pen, local_day(stamp))
        return Prepared(
            documents={"limits": canonical(limits), "clinic": canonical(clinic)},
            entered=_joining(visit, actor, _with_reasons(evidence, visit, found)) if visit else None,
        )

    def fitted(self, evidence: Evidence, cartridge: str) -> Json:
        """What a mark says of this cartridge; empty where nobody fitted it. Raises EvidenceDamaged."""
        return fitted_as(evidence, cartridge, visit=self.visit)

    def _clinic(
        self,
        evidence: Evidence,
        visit: Visit | None,
        ref: str | None,
        plan: Plan,
        device: Device | None,
        pen: Identity,
        day: str | None,
    ) -> tuple[Json, str | None]:
        simulated = pen.mode != "real"
        course = course_named(evidence, visit.course) if visit and visit.course else None
        name = visit.id if visit else None
        opened = local_day({"at": visit.opened_at, "clock": visit.opened_clock}) if visit else None
        before = treated_before(evidence, ref, simulated=simulated, but=name, today=day) if ref else []
        newest, unsure = newest_by_zone(before, day)
        people = people_of(evidence)
        person = people.get(self.practitioner)
        word, found = ("not recorded", None)
        screened_at = None
        if ref is not None:
            word, found, screened_at = suitability_now(
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
            )
        done = (
            sittings(each for each in of_course(before, course) if name is None or each.visit != name)
            if course is not None
            else 0
        )
        clinic: Json = {
            "schema": SCHEMA,
            "visit": name,
            "course": course.id if course else None,
            "indication": plan.indication,
            "day": day,
            "practitioner": {
                "person": self.practitioner,
                "known": person is not None,
                "authority_um": person.authority_um if person else None,
            },
            "others": [  # to whom the pen may be handed over
                {"person": each.id, "authority_um": each.authority_um}
                for each in people.by_id.values()
                if each.retired is None and each != person
            ],
            "device": device and device_row(device),
            "checks": list(plan.checks),
            "client": {"result": word, "screened_at": screened_at},
            "consents": consents_of(evidence, name, day=day, opened=opened) if name else [],
            "anaesthetic": anaesthetic_of(evidence, name) if name else [],
            "topicals": topicals_of(evidence, name) if name else [],
            "cartridges": cartridges_of(evidence, name) if name else [],
            "overrides": list(visit.overrides) if visit else [],
            "acknowledged": list(course.acknowledged) if course else [],
            "before": [
                {"zone": zone, "days": days_between(earlier, day)}
                for zone, earlier in sorted(newest.items())
                if day is not None
            ],
            "before_unsure": unsure or (day is None and bool(newest)),
            "visit_sessions": len(visit.sessions) if visit else 0,
            "visit_done": visit_done(evidence, visit) if visit else [],
            "course_done": done,
            "course_planned": course.sessions if course else None,
        }
        return clinic, found


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


def _joining(visit: Visit, actor: Actor, found: str | None) -> Callable[[Transaction, str], str | None]:
    def entered(transaction: Transaction, stream: str) -> str | None:
        if transaction.client_kept(visit.client_ref) is None:
            return f"the client of {visit.id} was erased meanwhile: {stream} is a part of no visit"
        if matters(Evidence(Path(), transaction.connection), visit.id, "visit.closed"):
            return f"{visit.id} was closed meanwhile: {stream} is a part of no visit"
        enter(
            transaction,
            "visit.joined",
            actor=actor,
            stream=stream,
            visit=visit.id,
            client_ref=visit.client_ref,
            course=visit.course,
            told={},
            private=(found,) if found else (),
        )
        return None

    return entered
