"""Decode, derive, validate: one stream's records in, its facts, findings, verdict and derived record out.

Pure. The same object and the same methods serve the live session and its replay; an `Opening` is built from the
stored opening entry and documents in both. ENGINE is raised whenever a golden derived record changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast

from devicelog.attribution import Attribution
from devicelog.calibration import read_measured
from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinic_documents import fitted_first, limits_facts, read_clinic, read_limits, zone_limits, zone_row
from devicelog.clinical.plan import Plan
from devicelog.counters import Counters
from devicelog.derive import Derivation, mode_of
from devicelog.pins_side import Beside, Doubt, PinsDecoder, Placed
from devicelog.records import SERIAL, Record, item_of
from devicelog.tally import ALARM_SAMPLES, Limits
from devicelog.validate import alarm_of, assess, found_so_far, read_rules, rules_document, verdict_of
from firmware_bridge.calibration import Calibrator, HostCalibration
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import Fault, LinkChange, Overflow, Reading, SensorBatch
from firmware_bridge.sides import of_pins
from firmware_bridge.transports import decoder_of

ENGINE = 4

_OVER = {
    "depth.over_device": "over_device",
    "depth.over_plan": "over_plan",
    "depth.over_recommended": "over_recommended",
    "depth.over_hard_max": "over_hard",
    "depth.threshold": "at_threshold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All that deriving a stream needs besides its records: what its opening entry and the documents it names say."""

    stream: str
    kind: Literal["session", "span"]
    profile: PenProfile
    rules: Json
    plan: Plan | None = None
    pen: Json | None = None
    before: Counters | None = None  # the pen's counters when it was last heard, before this run
    heard: Counters | None = None  # and when this run first heard it, if that was before the session
    attribution: Attribution | None = None  # what was corrected later
    sensors: PenProfile | None = None  # pins that watch beside a pen that sends
    calibration: HostCalibration | None = None  # made by the host; for raw counts that come without a depth
    measured: Json | None = None  # what the newest calibration or check of the pen found
    practitioner: str | None = None  # who it began with
    limits: Json | None = None  # the document of the sites' limits; None before 0.5.0
    clinic: Json | None = None  # what the desk knew when it began; None before 0.5.0

    @classmethod
    def read(
        cls, type_: str, body: Json, documents: Mapping[str, bytes], attribution: Attribution | None = None
    ) -> Self:
        """From an opening entry and the bytes of the documents it names, by SHA-256 in hex.

        Raises KeyError for a document that is not there, ValueError for one that does not parse.
        """
        named = {name: parse_canonical(documents[sha256]) for name, sha256 in body["documents"].items()}
        before, heard = body.get("pen_before"), body.get("pen_heard")
        return cls(
            stream=body["stream"],
            kind="session" if type_ == "session.opened" else "span",
            profile=PenProfile.from_document(named["profile"]),
            rules=read_rules(named["rules"]),
            plan=Plan.from_document(named["plan"]) if "plan" in named else None,
            pen=body.get("pen"),
            before=Counters.read(before) if before else None,
            heard=Counters.read(heard) if heard else None,
            attribution=attribution,
            sensors=PenProfile.from_document(named["sensors"]) if "sensors" in named else None,
            calibration=_calibration(named, body["documents"]),
            measured=read_measured(named["measured"]) if "measured" in named else None,
            practitioner=body.get("practitioner"),
            limits=read_limits(named["limits"]) if "limits" in named else None,
            clinic=read_clinic(named["clinic"]) if "clinic" in named else None,
        )


def _calibration(named: Mapping[str, Json], digests: Mapping[str, str]) -> HostCalibration | None:
    if "calibration" not in named:
        return None
    return HostCalibration.from_document(named["calibration"], digests["calibration"])


class Pipeline:
    """One per stream: feed it every record in order."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.decoder = decoder_of(opening.profile)
        corrections = opening.attribution.corrections if opening.attribution else ()
        self.calibrator = Calibrator(opening.calibration, opening.pen["serial"] if opening.pen else None)
        self.derivation = Derivation(
            limits_of=self._limits_of,
            silence_limit_us=opening.profile.silence_limit_us,
            pen=opening.pen,
            before=opening.before,
            heard=opening.heard,
            corrections=corrections,
            untold=opening.profile.untold,
            practitioner=opening.practitioner,
            cartridge=fitted_first(opening.clinic),
        )
        self._doubt = Doubt(cast(PinsDecoder, self.decoder)) if opening.profile.gpio is not None else None
        self._beside: Beside | None = None
        if opening.sensors is not None:
            beside = Derivation(
                limits_of=self._limits_of,
                silence_limit_us=opening.sensors.silence_limit_us,
                pen=None,
                before=None,
                heard=None,
                corrections=corrections,
                untold=opening.sensors.untold,
            )
            self._beside = Beside(cast(PinsDecoder, decoder_of(opening.sensors)), beside)
        self._placed = Placed()
        self._newest: Record | None = None

    def feed(self, record: Record) -> list[Reading]:
        """Take the next record and return the readings of the pen that it completed, and what a foot said."""
        derivation, beside = self.derivation, self._beside
        self._newest = record
        if record.kind == SERIAL:
            if beside is not None:
                beside.arrived(record)
            derivation.account.kept_bytes += len(record.body)
            derivation.arrived(record)
            readings = self.calibrator.take(self.decoder.feed_bytes(record.body, record.t_us))
            for reading in readings:
                derivation.reading(record, reading)
        else:
            item = item_of(record)
            derivation.arrived(record)
            if beside is not None:
                if of_pins(item):
                    return beside.feed(record, item)
                if not isinstance(item, LinkChange | Overflow):
                    beside.feed(record, item)
            told = self.decoder.feed(item) if isinstance(item, LinkChange | Overflow | SensorBatch) else []
            readings = self.calibrator.take(told)
            if isinstance(item, LinkChange) and not item.up and item.port is None:
                self.calibrator.lost()
            for at, reading in self._placed(record, readings, watched=isinstance(item, SensorBatch)):
                derivation.reading(at, reading)  # what a loss completes came before it
            derivation.record(record, item)
            if isinstance(item, LinkChange | Overflow):
                derivation.account.cut()
        if self._doubt is not None:
            self._doubt.settle(derivation.needling.zone)
        return readings

    @property
    def dials_um(self) -> tuple[int | None, int | None]:
        """Where the dial stands by the pins: those of the pen, those beside it; None where they do not know.

        Where nobody watches, they do not know.
        """
        own = cast(PinsDecoder, self.decoder).dial_um if self._doubt and self.derivation.gaps.link_up else None
        beside = self._beside
        return own, beside.decoder.dial_um if beside and beside.derivation.gaps.link_up else None

    def judge(self) -> tuple[Json, list[Json], list[Json]]:
        """Facts, findings and assessments of what was fed so far. Live, as often as wanted."""
        facts = self.facts()
        return facts, *assess(facts, self.opening.rules, self.opening.kind)

    def facts(self) -> Json:
        """What the rules look at, so far."""
        decoder = self.decoder
        facts = self.derivation.facts(
            framed=decoder.framed_bytes, rejected=decoder.rejected_bytes, delimiters=decoder.delimiter_bytes
        )
        facts["expected"] = self._expected()
        facts["clinic"] = self.opening.clinic
        facts["limits"] = limits_facts(self.opening.limits)
        if self._doubt is not None:
            facts["sensors"] = self._doubt.document()
        if self._beside is not None:
            self._compare(self._beside, facts)
        if (calibration := self.calibrator.document()) is not None:
            facts["host_calibration"] = calibration
        if self.opening.measured is not None:
            facts["measured"] = self.opening.measured
        return facts

    def alarms(self) -> list[Json]:
        """The findings so far that are worth a word at once, each with its `alarm`: medium, low or info."""
        found = found_so_far(self.facts(), self.opening.rules, self.opening.kind)
        return [{**finding, "alarm": alarm_of(finding)} for finding in found if self._lasts(finding)]

    def _lasts(self, finding: Json) -> bool:
        """Whether it is more than an odd sample: a depth alarm wants three, the finding one."""
        over = _OVER.get(finding["rule"])
        tally = self.derivation.needling.zones.get(finding["zone"] or "")
        return over is None or tally is None or getattr(tally, over).samples >= ALARM_SAMPLES

    def finish(self) -> bytes:
        """No more records will come: the canonical bytes of the derived record."""
        ended_us = self._newest.t_us if self._newest is not None else None
        for reading in self.calibrator.take(self.decoder.finish(ended_us)):
            if isinstance(reading, Fault):
                self.derivation.account.fault(reading)
            elif self._newest is not None:
                self.derivation.reading(self._newest, reading)
        self.derivation.finish()
        if self._doubt is not None:
            self._doubt.settle(self.derivation.needling.zone)
        if self._beside is not None and self._newest is not None:
            self._beside.finish(self._newest)
        facts, findings, assessments = self.judge()
        return canonical(
            {
                "schema": "devicelog.derived/1",
                "engine": ENGINE,
                "stream": self.opening.stream,
                "kind": self.opening.kind,
                "attribution": self.opening.attribution.document() if self.opening.attribution else None,
                "facts": facts,
                "findings": findings,
                "assessments": assessments,
                "verdict": verdict_of(facts, findings, assessments),
            }
        )

    def _compare(self, beside: Beside, facts: Json) -> None:
        """Put what the pins say beside what the pen says. An account of theirs that is open is an open account."""
        sensors, profile = beside.document(), self.opening.profile
        needled = {zone["zone"] for zone in facts["zones"] if zone["judged"]}
        facts["sensors"] = {**sensors, "unwatched": [zone for zone in sensors["unwatched"] if zone in needled]}
        facts["mode"] = mode_of({facts["mode"], sensors["mode"]})
        if self.opening.sensors is not None:
            measures = (list(profile.measures), list(self.opening.sensors.measures))
            facts["compared"] = beside.compare(facts["zones"], measures)
        if not sensors["closes"]:
            account = facts["completeness"]
            account["closes"], account["open_accounts"] = False, [*account["open_accounts"], "sensors"]

    def _expected(self) -> Json:
        """What the pen's profile and the plan let expect, as far as no sample can show it."""
        profile, needling = self.opening.profile, self.derivation.needling
        named = dict.fromkeys(pen["calibration_id"] for pen in self.derivation.who.pens)
        expires = {name: day for name in named if (day := profile.expires(name)) is not None}
        checks = self.opening.plan.checks if self.opening.plan else ()
        return {
            **({"untold": list(profile.untold)} if profile.untold else {}),
            **({"checks": list(checks)} if checks else {}),
            "measures": list(profile.measures),
            "frequency_min_dhz": profile.frequency_min_dhz,
            "frequency_max_dhz": profile.frequency_max_dhz,
            "calibrations": [{"id": name, "expires": day} for name, day in expires.items()],
            "passes": [
                {"zone": zone, "min": limits.passes_min, "max": limits.passes_max}
                for zone, limits in ((zone, needling.limits(zone)) for zone in self._planned())
                if (limits.passes_min, limits.passes_max) != (None, None)
            ],
        }

    def _planned(self) -> list[str]:
        """The zones of the plan in its order, then those that marks have planned."""
        plan, changes = self.opening.plan, self.derivation.told.plan_changes
        return list(
            dict.fromkeys([*(zone.zone for zone in (plan.zones if plan else ())), *(c["zone"] for c in changes)])
        )

    def site_limits(self, zone: str) -> Json | None:
        """All that the limits say of a zone, whatever was planned; None where there are none for it."""
        return zone_row(self.opening.limits, zone)

    def _limits_of(self, zone: str) -> Limits:
        profile, plan = self.opening.profile, self.opening.plan
        planned = plan.limit(zone) if plan else None
        limits = self.opening.limits
        site = zone_limits(limits, zone)
        return Limits(
            device_max_um=profile.depth_max_um,
            recommended_min_um=site["min_um"] if site else None,
            recommended_max_um=site["max_um"] if site else None,
            hard_max_um=site["hard_max_um"] if site else None,
            threshold_um=limits["threshold"]["depth_um"] if limits else None,
            plan_min_um=planned.depth_min_um if planned else None,
            plan_max_um=planned.depth_max_um if planned else None,
            tolerance_um=profile.depth_tolerance_um,
            passes_min=planned.passes_min if planned else None,
            passes_max=planned.passes_max if planned else None,
            frequency_min_dhz=profile.frequency_min_dhz,
            frequency_max_dhz=profile.frequency_max_dhz,
        )


def new_documents(
    profile: PenProfile,
    plan: Plan | None,
    zones: Json | None,
    sensors: PenProfile | None = None,
    *,
    calibration: bytes | None = None,
    measured: bytes | None = None,
    limits: Json | None = None,
    clinic: Json | None = None,
) -> dict[str, bytes]:
    """The canonical bytes of the documents that a stream opening now names, by the name its entry gives them.

    `calibration` is the document of the host's calibration that is in force, as it was kept; `measured` what the newest
    calibration or check of the pen found.
    """
    documents = {"profile": canonical(profile.document()), "rules": canonical(rules_document())}
    if plan is not None:
        documents["plan"] = canonical(plan.document())
    if zones is not None:
        documents["zones"] = canonical(zones)
    if sensors is not None:
        documents["sensors"] = canonical(sensors.document())
    if calibration is not None:
        documents["calibration"] = calibration
    if measured is not None:
        documents["measured"] = measured
    if limits is not None:
        documents["limits"] = canonical(limits)
    if clinic is not None:
        documents["clinic"] = canonical(clinic)
    return documents
