"""Rules of the cartridge: was one recorded, had it expired, was it used before?

A package can be told from others of its lot only by a serial: without one the same lot for the next client is no error.
What was fitted while it ran is judged by what its mark says; of an id that nobody fitted nothing is known.
"""

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, asked, asked_nothing, found, not_applicable, passed, unrecorded

_NONE = "no cartridge was recorded"
_REUSED = "cartridge.reused"


def missing(facts: Json, _parameters: Json) -> list[Outcome]:
    """No cartridge was recorded, or one without lot and serial, and the plan asks for it."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "cartridge")]
    fitted, unknown = _fitted(facts)
    nameless = [row["cartridge"] for row in fitted if not row["lot"] and not row["serial"]]
    if nameless or not (fitted or unknown):
        if asked(facts, "cartridge"):
            return [found({"cartridges": nameless})]
        return [unrecorded(facts, _NONE if not nameless else "of a cartridge neither lot nor serial", "cartridge")]
    return [_not_known(facts, unknown)] if unknown else [passed()]


def expired(facts: Json, _parameters: Json) -> list[Outcome]:
    """A cartridge was used after the last day of its package."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "cartridge")]
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
    if unknown:
        return [_not_known(facts, unknown)]
    if len(dated) < len(fitted):
        return [unrecorded(facts, "not of every cartridge a last day was recorded", "cartridge")]
    return [passed()]


def reused(facts: Json, _parameters: Json) -> list[Outcome]:
    """A cartridge was used before, as a serial tells, or a mark that names it. With a reason, or an override before it
    was put on, it is a notice."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "cartridge")]
    fitted, unknown = _fitted(facts)
    if not fitted and not unknown:
        return [unrecorded(facts, _NONE, "cartridge")]
    again = [row for row in fitted if row["used_before"] and (row["identity"] == "serial" or "record" in row)]
    if again:
        allowed = all(row["overridden"] or _allowed(facts, row) for row in again)
        named = [{key: row[key] for key in ("cartridge", "lot", "serial")} for row in again]
        return [found({"cartridges": named, "overridden": allowed}, severity="info" if allowed else None)]
    if unknown:
        return [_not_known(facts, unknown)]
    if any(row["identity"] != "serial" for row in fitted):
        return [not_applicable("identity: lot only")]
    return [passed()]


def _allowed(facts: Json, row: Json) -> bool:
    """Whether an override was given for it: before the session, or by a mark before the one that put it on."""
    if any(override["rule"] == _REUSED for override in facts["clinic"]["overrides"]):
        return True
    given = [override["record"] for override in facts.get("overrides") or () if override["rule"] == _REUSED]
    return "record" in row and bool(given) and min(given) < row["record"]


def _not_known(facts: Json, unknown: list[str]) -> Outcome:
    return unrecorded(facts, f"{', '.join(unknown)}: it is not known here", "cartridge")


def _fitted(facts: Json) -> tuple[list[Json], list[str]]:
    """The cartridges that were fitted, before it began or while it ran, and the ids of those that nobody fitted."""
    fitted: list[Json] = list(facts["clinic"]["cartridges"])
    known = {row["cartridge"] for row in fitted}
    unknown: list[str] = []
    for row in facts.get("cartridge_changes") or ():
        if row["cartridge"] in known:
            continue
        if row.get("identity") is not None:
            fitted.append(row)
        elif row["cartridge"] not in unknown:
            unknown.append(row["cartridge"])
    return fitted, unknown
