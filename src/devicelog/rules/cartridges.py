"""Rules of the cartridge: was one recorded, had it expired, was it used before?

A package can be told from others of its lot only by a serial: without one the same lot for the next client is no error.
"""

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, asked, asked_nothing, found, not_applicable, passed, unrecorded

_NONE = "no cartridge was recorded"


def missing(facts: Json, _parameters: Json) -> list[Outcome]:
    """No cartridge was recorded, or one without lot and serial, and the plan asks for it."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing()]
    fitted, unknown = _fitted(facts)
    nameless = [row["cartridge"] for row in fitted if not row["lot"] and not row["serial"]]
    if (fitted or unknown) and not nameless:
        return [passed()]
    if asked(facts, "cartridge"):
        return [found({"cartridges": nameless})]
    return [unrecorded(facts, _NONE if not nameless else "of a cartridge neither lot nor serial", "cartridge")]


def expired(facts: Json, _parameters: Json) -> list[Outcome]:
    """A cartridge was used after the last day of its package."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing()]
    fitted, unknown = _fitted(facts)
    if not fitted and not unknown:
        return [unrecorded(facts, _NONE, "cartridge")]
    day = clinic["day"]
    dated = [row for row in fitted if row["expires"]]
    past = [row for row in dated if day is not None and day[: len(row["expires"])] > row["expires"]]
    if past:
        named = [{key: row[key] for key in ("cartridge", "lot", "expires")} for row in past]
        return [found({"cartridges": named, "day": day})]
    if day is None:
        return [unrecorded(facts, "what day it was is not known", "cartridge")]
    if unknown or len(dated) < len(fitted):
        return [unrecorded(facts, "not of every cartridge a last day was recorded", "cartridge")]
    return [passed()]


def reused(facts: Json, _parameters: Json) -> list[Outcome]:
    """A cartridge that a serial tells from all others was used before. With a reason it is a notice."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing()]
    fitted, unknown = _fitted(facts)
    if not fitted and not unknown:
        return [unrecorded(facts, _NONE, "cartridge")]
    again = [row for row in fitted if row["identity"] == "serial" and row["used_before"]]
    if again:
        allowed = all(row["overridden"] for row in again)
        detail = {"cartridges": [{key: row[key] for key in ("cartridge", "lot", "serial")} for row in again]}
        return [found({**detail, "overridden": allowed}, severity="info" if allowed else None)]
    if unknown:
        return [unrecorded(facts, "not of every cartridge its serial was recorded", "cartridge")]
    if any(row["identity"] != "serial" for row in fitted):
        return [not_applicable("identity: lot only")]
    return [passed()]


def _fitted(facts: Json) -> tuple[list[Json], list[str]]:
    """The cartridges that were recorded before it began, and the ids of those changed to that are not among them."""
    fitted: list[Json] = facts["clinic"]["cartridges"]
    known = {row["cartridge"] for row in fitted}
    changes = facts.get("cartridge_changes") or ()
    return fitted, [row["cartridge"] for row in changes if row["cartridge"] not in known]
