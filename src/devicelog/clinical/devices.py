"""Pens as their sources describe them, and the clearances they have: data, checked on the way in.

Not responsible for whether a clearance fits a client (suitability.py), nor for the limits of a session: those are the
profile's, and those of the sites.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from devicelog.clinical.keys import GRADES, suggest
from devicelog.errors import NotFound, UsageProblem

Json = dict[str, Any]

DEVICES_SCHEMA = "devicelog.devices/1"
PHOTOTYPES = ("I", "II", "III", "IV", "V", "VI")  # Fitzpatrick


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of one model. None: looked for and not found. `numbers` are those of its clearances."""

    id: str
    model: str
    numbers: tuple[str, ...]
    source: tuple[str, ...]
    evidence: str
    maker: str | None = None
    depth_max_um: int | None = None
    depth_step_um: int | None = None
    depth_evaluated_um: int | None = None
    depth_recommended_um: int | None = None
    depth_tolerance_um: int | None = None
    needles: tuple[int, ...] = ()
    frequency_min_dhz: int | None = None
    frequency_max_dhz: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """For what, from what age and for which skin types a device was cleared. None: not visible in the source.

    `indication` is a key of `Devices.uses`, not the indication of a plan.
    """

    number: str
    device: str
    indication: str
    source: tuple[str, ...]
    evidence: str
    where: str | None = None
    age_from: int | None = None
    phototypes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a clearance names, in the words of the limits: an indication, and the sites at which it holds."""

    indication: str
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Every model, every clearance, the uses that clearances name, and the sources by their keys."""

    version: int
    devices: dict[str, Device]
    uses: dict[str, Use]
    clearances: tuple[Clearance, ...]
    sources: dict[str, str]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Read devices.toml. Raises UsageProblem, naming the place, when it cannot be meant."""
        if values.get("schema") != DEVICES_SCHEMA:
            raise UsageProblem(f"schema = {reprlib.repr(values.get('schema'))}; expected {DEVICES_SCHEMA!r}")
        devices = {each["id"]: Device(**_tuples(each)) for each in values["devices"]}
        clearances = tuple(Clearance(**_tuples(each)) for each in values["clearances"])
        uses = {name: Use(**_tuples(each)) for name, each in values["uses"].items()}
        sources = {key: f"{each['title']}, {each['address']}" for key, each in values["sources"].items()}
        if len(devices) != len(values["devices"]):
            raise UsageProblem("a device stands twice")
        rows: list[Device | Clearance] = [*devices.values(), *clearances]
        for row in rows:
            if not row.source or not set(row.source) <= sources.keys() or row.evidence not in GRADES:
                raise UsageProblem(f"{row}: without a source or a grade")
        for clearance in clearances:
            if clearance.device not in devices or clearance.number not in devices[clearance.device].numbers:
                raise UsageProblem(f"{clearance.number}: there is no such device, or it does not name the number")
            if clearance.indication not in uses:
                raise UsageProblem(f"{clearance.number}: {clearance.indication} is none of the uses")
            if not set(clearance.phototypes or ()) <= set(PHOTOTYPES):
                raise UsageProblem(f"{clearance.number}: skin types {clearance.phototypes}")
        return cls(version=values["version"], devices=devices, uses=uses, clearances=clearances, sources=sources)

    def device(self, id_: str) -> Device:
        """The model of this id. Raises NotFound with a suggestion."""
        if id_ not in self.devices:
            raise NotFound(f"there is no device {id_} here.{suggest(id_, self.devices)}")
        return self.devices[id_]

    def of_model(self, model: str) -> Device | None:
        """The device that a pen says it is: its model, with its maker or without; None where it is not known here."""
        named = _letters(model)
        for each in self.devices.values():
            if named in (_letters(each.model), _letters(f"{each.maker or ''}{each.model}")):
                return each
        return None

    def cleared_for(self, device: str, indication: str, site: str) -> tuple[Clearance, ...]:
        """The clearances of a device for an indication at a site, both in the words of plans and limits."""
        named = {name for name, use in self.uses.items() if use.indication == indication and site in use.sites}
        return tuple(each for each in self.of(device) if each.indication in named)

    def of(self, device: str) -> tuple[Clearance, ...]:
        """Every clearance of a device."""
        return tuple(each for each in self.clearances if each.device == device)


def device_row(device: Device) -> Json:
    """A device as a session's documents name it. Which instructions for use came with it nobody has told: `ifu`."""
    clearance = ", ".join(device.numbers) or None
    return {"id": device.id, "maker": device.maker, "model": device.model, "clearance": clearance, "ifu": None}


def check_phototype(text: str) -> str:
    """A Fitzpatrick type, I to VI. Raises UsageProblem."""
    if text not in PHOTOTYPES:
        raise UsageProblem(f"skin type {text[:20]!a} is none of {', '.join(PHOTOTYPES)} (Fitzpatrick)")
    return text


def _letters(name: str) -> str:
    """A name without what people write in more than one way: capitals, spaces, hyphens."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _tuples(values: Mapping[str, Any]) -> Json:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
