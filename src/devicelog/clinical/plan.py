"""Zones and plans as values, checked on the way in, and the documents a session keeps of them.

A plan's TOML file and its document have the same shape; a document also names its schema. Not responsible for files,
nor for whether a range is wise: it checks that a plan can be meant, planned.py sets it against the limits, and a
clinician approves it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from devicelog.clinical.codes import nhs, snomed
from devicelog.clinical.keys import (
    MODALITIES,
    Json,
    Reader,
    Unexpected,
    depth,
    flag,
    grade,
    listed,
    one_of,
    pattern,
    suggest,
    take,
    text,
    version,
    whole,
    without_schema,
)
from devicelog.errors import UsageProblem

__all__ = [
    "CHECKS",
    "MAP_VERSION",
    "PLAN_SCHEMA",
    "ZONES_SCHEMA",
    "Json",
    "Laterality",
    "Plan",
    "PlanZone",
    "Zone",
    "on_the_map",
    "suggest",
    "zones_document",
    "zones_from_document",
]

PLAN_SCHEMA = "devicelog.plan/1"
ZONES_SCHEMA = "devicelog.zones/1"
MAP_VERSION = 2  # of zones.toml
PASSES_LIMIT = 50
INTERVAL_LIMIT_DAYS = 365
SESSIONS_LIMIT = 50
AREA_LIMIT_CM2 = 2_000

# What a plan may ask to have on record. What it does not ask for and is not there stops nothing and fails nothing.
CHECKS = ("screening", "clearance", "consent", "cartridge", "interval", "endpoint")

Laterality = Literal["left", "right", "midline"]

_PLAN_ID = re.compile(r"[a-z0-9-]{1,40}\Z")
_ZONE_ID = re.compile(r"[a-z][a-z0-9_]{0,29}(\.(left|right))?\Z")
_SIDES = ("left", "right", "midline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Where on the treated person: an anatomical site and a side. `site` is one of limits.toml.

    `snomed` and `nhs` name the skin of the site to other programs, of either side; None where no code was found.
    """

    id: str
    label: str
    site: str
    laterality: Laterality
    snomed: str | None = None
    nhs: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanZone:
    """The intended depth in one zone, as set on the dial. `sourced` is False when the source does not name the site.

    The numbers of passes are None where the plan intends none: no reviewed source has a number for a motorised pen.
    The area is None where nobody measured it: no source gives one.
    """

    zone: str
    depth_min_um: int
    depth_max_um: int
    source: str
    evidence: str
    sourced: bool
    passes_min: int | None = None
    passes_max: int | None = None
    area_cm2: int | None = None

    def document(self) -> Json:
        """The zone as plain values; what the plan does not intend is left out."""
        return _said(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is intended, zone by zone, in the order it was written.

    The interval is in local days between treatments of a zone; `sessions` is the number of a course, at most, and
    `sessions_min` at least. `series_source` and `series_evidence` say where these come from. None: not intended.
    """

    id: str
    label: str
    indication: str
    zones: tuple[PlanZone, ...]
    checks: tuple[str, ...] = ()
    modality: str | None = None
    interval_min_days: int | None = None
    interval_max_days: int | None = None
    sessions_min: int | None = None
    sessions: int | None = None
    series_source: str | None = None
    series_evidence: str | None = None

    @classmethod
    def from_values(cls, values: Mapping[str, Any], zones: Mapping[str, Zone]) -> Self:
        """Read the values of a plan's file. Raises UsageProblem, naming the key, when it cannot be meant."""
        plan = cls._read(values)
        on_the_map(plan, zones)
        return plan

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `document` gave. Which zones exist is in the zones document beside it, so it is not asked."""
        return cls._read(without_schema(document, PLAN_SCHEMA))

    def document(self) -> Json:
        """The plan as plain values, ready for canonical bytes; what it does not intend is left out."""
        said = {key: value for key, value in _said(asdict(self)).items() if key != "checks"}
        checks = {"checks": list(self.checks)} if self.checks else {}
        return {"schema": PLAN_SCHEMA, **said, **checks, "zones": [entry.document() for entry in self.zones]}

    def limit(self, zone_id: str) -> PlanZone | None:
        """What is planned for this zone; None when the plan does not name it."""
        return next((entry for entry in self.zones if entry.zone == zone_id), None)

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> Self:
        given = take(values, _PLAN_KEYS, "", _PLAN_OPTIONAL)
        entries = [_plan_zone(value, number) for number, value in enumerate(given["zones"], 1)]
        if not entries:
            raise UsageProblem("zones: the plan names no zone")
        _no_repeats([entry.zone for entry in entries])
        plan = cls(**given | {"zones": tuple(entries)})
        _in_order(plan, "", "interval_min_days", "interval_max_days")
        _in_order(plan, "", "sessions_min", "sessions")
        series = (plan.interval_min_days, plan.interval_max_days, plan.sessions_min, plan.sessions)
        if any(value is not None for value in series) and not (plan.series_source and plan.series_evidence):
            raise UsageProblem("an interval or a number of sessions needs series_source and series_evidence")
        return plan


def on_the_map(plan: Plan, zones: Mapping[str, Zone]) -> None:
    """Raise UsageProblem, with a suggestion, for a zone of the plan that is not on the map."""
    for number, entry in enumerate(plan.zones, 1):
        if entry.zone not in zones:
            raise UsageProblem(f"zone {number}: there is no zone {entry.zone}.{suggest(entry.zone, zones)}")


def zones_document(zones: Mapping[str, Zone]) -> Json:
    """The zones as plain values, ready for canonical bytes; `zones_from_document` reads them back."""
    listed_zones = [_said(asdict(zone)) for zone in zones.values()]
    return {"schema": ZONES_SCHEMA, "map_version": MAP_VERSION, "zones": listed_zones}


def zones_from_document(document: Mapping[str, Any]) -> dict[str, Zone]:
    """The zones of a document or of zones.toml, by id. Raises UsageProblem, naming the key."""
    given = take(without_schema(document, ZONES_SCHEMA), _MAP_KEYS, "")
    zones = [_zone(value, number) for number, value in enumerate(given["zones"], 1)]
    _no_repeats([zone.id for zone in zones])
    return {zone.id: zone for zone in zones}


def _plan_zone(value: object, number: int) -> PlanZone:
    where = _entry(value, number, "zone")
    entry = PlanZone(**take(value, _PLAN_ZONE_KEYS, where, _PLAN_ZONE_OPTIONAL))
    _in_order(entry, where, "depth_min_um", "depth_max_um")
    _in_order(entry, where, "passes_min", "passes_max")
    if entry.sourced and entry.evidence == "X":
        raise UsageProblem(f"{where}evidence = 'X' means that there is no source; expected sourced = false")
    return entry


def _zone(value: object, number: int) -> Zone:
    where = _entry(value, number, "id")
    zone = Zone(**take(value, _ZONE_KEYS, where, _ZONE_OPTIONAL))
    side = zone.id.partition(".")[2] or "midline"
    if zone.laterality != side:
        raise UsageProblem(f"{where}laterality = {zone.laterality!r}; expected {side!r}, as the id says")
    return zone


def _entry(value: object, number: int, key: str) -> str:
    name = value.get(key) if isinstance(value, Mapping) else None
    return f"zone {number} ({name}): " if isinstance(name, str) and _ZONE_ID.match(name) else f"zone {number}: "


def _said(values: Json) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _in_order(entry: Plan | PlanZone, where: str, low: str, high: str) -> None:
    least, most = getattr(entry, low), getattr(entry, high)
    if least is not None and most is not None and least > most:
        raise UsageProblem(f"{where}{low} = {least} is above {high} = {most}")


def _no_repeats(ids: list[str]) -> None:
    for number, zone_id in enumerate(ids, 1):
        first = ids.index(zone_id) + 1
        if first != number:
            raise UsageProblem(f"zone {number}: {zone_id} stands twice, first as zone {first}")


def _checks(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise Unexpected("a list of checks")
    read = tuple(_check(name) for name in value)
    if len(set(read)) != len(read):
        raise Unexpected("each check once")
    return read


def _optional(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind) if field.default is None or field.default == ())


_check = one_of(CHECKS)
_zones = listed("a list of zones, each under [[zones]]")
_zone_id = pattern(_ZONE_ID, "a zone id such as forehead or cheek.left")
_days = whole(1, INTERVAL_LIMIT_DAYS, "days")
_sessions = whole(1, SESSIONS_LIMIT, "sessions")
_passes = whole(0, PASSES_LIMIT, "passes")
_PLAN_KEYS: dict[str, Reader] = {
    "id": pattern(_PLAN_ID, "1 to 40 of a-z, 0-9 and -"),
    "label": text,
    "indication": text,
    "zones": _zones,
    "checks": _checks,
    "modality": one_of(MODALITIES[:1]),  # only a mechanical pen is recorded
    "interval_min_days": _days,
    "interval_max_days": _days,
    "sessions_min": _sessions,
    "sessions": _sessions,
    "series_source": text,
    "series_evidence": grade,
}
_PLAN_OPTIONAL = _optional(Plan)
_PLAN_ZONE_KEYS: dict[str, Reader] = {
    "zone": _zone_id,
    "depth_min_um": depth,
    "depth_max_um": depth,
    "source": text,
    "evidence": grade,
    "sourced": flag,
    "passes_min": _passes,
    "passes_max": _passes,
    "area_cm2": whole(1, AREA_LIMIT_CM2, "square centimetres"),
}
_PLAN_ZONE_OPTIONAL = _optional(PlanZone)
_MAP_KEYS: dict[str, Reader] = {"map_version": version, "zones": _zones}
_ZONE_KEYS: dict[str, Reader] = {
    "id": _zone_id,
    "label": text,
    "site": text,
    "laterality": one_of(_SIDES),
    "snomed": snomed,
    "nhs": nhs,
}
_ZONE_OPTIONAL = _optional(Zone)


def sites_of(plan: Plan, zones: Mapping[str, Zone]) -> tuple[str, ...]:
    """The sites of its zones, in the words of limits.toml. A zone that is not on the map is its own."""
    return tuple(sorted({zones[each.zone].site if each.zone in zones else each.zone for each in plan.zones}))
