"""Zones and plans as values, checked on the way in, and the documents a session keeps of them.

A plan's TOML file and its document have the same shape; a document also names its schema. Not responsible for files,
nor for whether a range is wise: it checks that a plan can be meant, and a clinician that it should be.
"""

import re
import reprlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal, Self

from devicelog.errors import UsageProblem

PLAN_SCHEMA = "devicelog.plan/1"
ZONES_SCHEMA = "devicelog.zones/1"
MAP_VERSION = 1  # of zones.toml
DEPTH_LIMIT_UM = 10_000
PASSES_LIMIT = 50
GRADES = ("A", "B", "C", "D", "DER", "X")  # explained at the head of sites.toml

Laterality = Literal["left", "right", "midline"]
Json = dict[str, Any]

_PLAN_ID = re.compile(r"[a-z0-9-]{1,40}\Z")
_ZONE_ID = re.compile(r"[a-z][a-z0-9_]{0,29}(\.(left|right))?\Z")
_SIDES = ("left", "right", "midline")
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Where on the treated person: an anatomical site and a side. `site` is a key of sites.toml."""

    id: str
    label: str
    site: str
    laterality: Laterality


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanZone:
    """The intended depth in one zone, as set on the dial. `sourced` is False when the source does not name the site.

    The numbers of passes are None where the plan intends none: no reviewed source has a number for a motorised pen.
    """

    zone: str
    depth_min_um: int
    depth_max_um: int
    source: str
    evidence: str
    sourced: bool
    passes_min: int | None = None
    passes_max: int | None = None

    def document(self) -> Json:
        """The zone as plain values; what the plan does not intend is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is intended, zone by zone, in the order it was written."""

    id: str
    label: str
    indication: str
    zones: tuple[PlanZone, ...]

    @classmethod
    def from_values(cls, values: Mapping[str, Any], zones: Mapping[str, Zone]) -> Self:
        """Read the values of a plan's file. Raises UsageProblem, naming the key, when it cannot be meant."""
        plan = cls._read(values)
        for number, entry in enumerate(plan.zones, 1):
            if entry.zone not in zones:
                raise UsageProblem(f"zone {number}: there is no zone {entry.zone}.{suggest(entry.zone, zones)}")
        return plan

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `document` gave. Which zones exist is in the zones document beside it, so it is not asked."""
        return cls._read(_without_schema(document, PLAN_SCHEMA))

    def document(self) -> Json:
        """The plan as plain values, ready for canonical bytes."""
        return {"schema": PLAN_SCHEMA, **asdict(self), "zones": [entry.document() for entry in self.zones]}

    def limit(self, zone_id: str) -> PlanZone | None:
        """What is planned for this zone; None when the plan does not name it."""
        return next((entry for entry in self.zones if entry.zone == zone_id), None)

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> Self:
        given = _take(values, _PLAN_KEYS, "")
        entries = [_plan_zone(value, number) for number, value in enumerate(given["zones"], 1)]
        if not entries:
            raise UsageProblem("zones: the plan names no zone")
        _no_repeats([entry.zone for entry in entries])
        return cls(**given | {"zones": tuple(entries)})


def zones_document(zones: Mapping[str, Zone]) -> Json:
    """The zones as plain values, ready for canonical bytes; `zones_from_document` reads them back."""
    listed = [asdict(zone) for zone in zones.values()]
    return {"schema": ZONES_SCHEMA, "map_version": MAP_VERSION, "zones": listed}


def zones_from_document(document: Mapping[str, Any]) -> dict[str, Zone]:
    """The zones of a document or of zones.toml, by id. Raises UsageProblem, naming the key."""
    given = _take(_without_schema(document, ZONES_SCHEMA), _MAP_KEYS, "")
    zones = [_zone(value, number) for number, value in enumerate(given["zones"], 1)]
    _no_repeats([zone.id for zone in zones])
    return {zone.id: zone for zone in zones}


def suggest(word: str, known: Iterable[str]) -> str:
    """` Did you mean x?` for the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _plan_zone(value: object, number: int) -> PlanZone:
    where = _entry(value, number, "zone")
    entry = PlanZone(**_take(value, _PLAN_ZONE_KEYS, where))
    if entry.depth_min_um > entry.depth_max_um:
        raise UsageProblem(f"{where}depth_min_um = {entry.depth_min_um} is above depth_max_um = {entry.depth_max_um}")
    least, most = entry.passes_min, entry.passes_max
    if least is not None and most is not None and least > most:
        raise UsageProblem(f"{where}passes_min = {least} is above passes_max = {most}")
    if entry.sourced and entry.evidence == "X":
        raise UsageProblem(f"{where}evidence = 'X' means that there is no source; expected sourced = false")
    return entry


def _zone(value: object, number: int) -> Zone:
    where = _entry(value, number, "id")
    zone = Zone(**_take(value, _ZONE_KEYS, where))
    side = zone.id.partition(".")[2] or "midline"
    if zone.laterality != side:
        raise UsageProblem(f"{where}laterality = {zone.laterality!r}; expected {side!r}, as the id says")
    return zone


def _entry(value: object, number: int, key: str) -> str:
    name = value.get(key) if isinstance(value, Mapping) else None
    return f"zone {number} ({name}): " if isinstance(name, str) and _ZONE_ID.match(name) else f"zone {number}: "


def _without_schema(document: Mapping[str, Any], schema: str) -> Json:
    if document.get("schema") != schema:
        raise UsageProblem(f"schema = {reprlib.repr(document.get('schema'))}; expected {schema!r}")
    return {key: value for key, value in document.items() if key != "schema"}


def _no_repeats(ids: list[str]) -> None:
    for number, zone_id in enumerate(ids, 1):
        first = ids.index(zone_id) + 1
        if first != number:
            raise UsageProblem(f"zone {number}: {zone_id} stands twice, first as zone {first}")


def _take(values: object, readers: Mapping[str, Callable[[object], Any]], where: str) -> Json:
    """The value of every key, read by its reader: no key more, and none less but those that may be left out."""
    if not isinstance(values, Mapping):
        raise UsageProblem(f"{where}{reprlib.repr(values)}; expected keys and values")
    for key in values:
        if key not in readers:
            raise UsageProblem(f"{where}unknown key {key!r}.{suggest(key, readers)}")
    taken = {}
    for key, read in readers.items():
        if key not in values:
            if key in _OPTIONAL:
                continue
            raise UsageProblem(f"{where}{key} is missing")
        try:
            taken[key] = read(values[key])
        except _Unexpected as error:
            raise UsageProblem(f"{where}{key} = {reprlib.repr(values[key])}; expected {error}") from None
    return taken


class _Unexpected(Exception):
    """What was expected, in words."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Unexpected("text")
    text = unicodedata.normalize("NFC", value)  # an editor's choice, and canonical bytes want one form
    if not text.strip() or len(text) > _MAX_TEXT:
        raise _Unexpected(f"1 to {_MAX_TEXT} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise _Unexpected("text without control characters")
    return text


def _pattern(pattern: re.Pattern[str], words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not pattern.match(value):
            raise _Unexpected(words)
        return value

    return read


def _one_of(allowed: Sequence[str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _Unexpected("one of " + ", ".join(allowed))
        return value

    return read


def _depth(value: object) -> int:
    if type(value) is not int or not 0 <= value <= DEPTH_LIMIT_UM:
        raise _Unexpected(f"a whole number of micrometres, 0 to {DEPTH_LIMIT_UM}")
    return value


def _passes(value: object) -> int:
    if type(value) is not int or not 0 <= value <= PASSES_LIMIT:
        raise _Unexpected(f"a whole number of passes, 0 to {PASSES_LIMIT}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Unexpected("true or false")
    return value


def _version(value: object) -> int:
    if type(value) is not int or value < 1:
        raise _Unexpected("a whole number from 1")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _Unexpected("a list of zones, each under [[zones]]")
    return list(value)


_zone_id = _pattern(_ZONE_ID, "a zone id such as forehead or cheek.left")
_PLAN_KEYS: dict[str, Callable[[object], Any]] = {
    "id": _pattern(_PLAN_ID, "1 to 40 of a-z, 0-9 and -"),
    "label": _text,
    "indication": _text,
    "zones": _list,
}
_PLAN_ZONE_KEYS: dict[str, Callable[[object], Any]] = {
    "zone": _zone_id,
    "depth_min_um": _depth,
    "depth_max_um": _depth,
    "source": _text,
    "evidence": _one_of(GRADES),
    "sourced": _flag,
    "passes_min": _passes,
    "passes_max": _passes,
}
_OPTIONAL = {"passes_min", "passes_max"}
_MAP_KEYS: dict[str, Callable[[object], Any]] = {"map_version": _version, "zones": _list}
_ZONE_KEYS: dict[str, Callable[[object], Any]] = {
    "id": _zone_id,
    "label": _text,
    "site": _text,
    "laterality": _one_of(_SIDES),
}
