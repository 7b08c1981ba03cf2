"""Rules of depth: over what the pen can, outside what the plan wants, and whether dial and sensor can be believed."""

from itertools import pairwise

from devicelog.canonical import Json
from devicelog.rules.rule import (
    Outcome,
    each_judged,
    found,
    judged_zones,
    lacks,
    not_applicable,
    not_assessable,
    passed,
    unmeasured,
)
from devicelog.sessions import UNASSIGNED
from devicelog.steady import LEAP_UM

_UNSEEN = "the pen gave neither set nor measured depth for part of it"


def over_device(facts: Json, _parameters: Json) -> list[Outcome]:
    """Set depth over the device's maximum, or measured depth over it and the tolerance."""
    return each_judged(facts, lambda zone: _beyond(zone, "over_device", zone["device_max_um"], limit_us=0))


def over_plan(facts: Json, _parameters: Json) -> list[Outcome]:
    """The same against the zone's greatest depth in the plan."""
    return each_judged(facts, lambda zone: _planned(zone, "over_plan", "plan_max_um", limit_us=0))


def under_plan(facts: Json, parameters: Json) -> list[Outcome]:
    """Set depth under the zone's smallest in the plan; measured depth where there is no dial."""
    return each_judged(facts, lambda zone: _planned(zone, "under_plan", "plan_min_um", limit_us=parameters["limit_us"]))


def _planned(zone: Json, key: str, limit: str, *, limit_us: int) -> Outcome:
    if zone[limit] is None:
        why = "needling in no zone" if zone["zone"] == UNASSIGNED else "the plan has no limit for this zone"
        return not_assessable(why, zone["zone"])
    return _beyond(zone, key, zone[limit], limit_us=limit_us)


def _beyond(zone: Json, key: str, limit_um: int, *, limit_us: int) -> Outcome:
    beyond = zone[key]
    if beyond["for_us"] > limit_us:
        limit_um = beyond.get("limit_um") or limit_um  # the one it first went beyond, where the plan was changed
        return found({**beyond, "limit_um": limit_um, "tolerance_um": zone["tolerance_um"]}, zone["zone"])
    return not_assessable(_UNSEEN, zone["zone"]) if zone["judged_unseen"] else passed(zone["zone"])


def leap(facts: Json, _parameters: Json) -> list[Outcome]:
    """Two neighbouring measured depths further apart than anything moves."""

    def assess(zone: Json) -> Outcome:
        steadiness = zone["steadiness"]
        if steadiness["leaps"]:
            detail = {key: steadiness[key] for key in ("leaps", "largest_um", "first_record")}
            return found({**detail, "limit_um": LEAP_UM}, zone["zone"])
        if lacks(zone, "depth"):
            return unmeasured(facts, "depth", "measured depth", zone["zone"])
        return passed(zone["zone"])

    return each_judged(facts, assess)


def stuck(facts: Json, parameters: Json) -> list[Outcome]:
    """A sensor that says the same to the last digit while the needles work."""

    def assess(zone: Json) -> Outcome:
        longest_us = zone["steadiness"]["longest_still_us"]
        if longest_us >= parameters["limit_us"]:
            return found({"for_us": longest_us, "limit_us": parameters["limit_us"]}, zone["zone"])
        if lacks(zone, "depth"):
            return unmeasured(facts, "depth", "measured depth", zone["zone"])
        return passed(zone["zone"])

    return each_judged(facts, assess)


def disagrees(facts: Json, parameters: Json) -> list[Outcome]:
    """Dial and sensor further apart than the tolerance, for more than a share of the time."""

    def assess(zone: Json) -> Outcome:
        both_us, apart_us = zone["compared_us"], zone["disagree_us"]
        if apart_us * 1_000_000 <= parameters["limit_ppm"] * both_us:
            if lacks(zone, "depth"):
                return unmeasured(facts, "depth", "measured depth", zone["zone"])
            if both_us < zone["judged_us"]:
                return unmeasured(facts, "set_depth", "dial setting", zone["zone"])
            return passed(zone["zone"])
        detail = {"for_us": apart_us, "of_us": both_us, "limit_ppm": parameters["limit_ppm"]}
        return found({**detail, "tolerance_um": zone["tolerance_um"]}, zone["zone"])

    return each_judged(facts, assess)


def dial_unchanged(facts: Json, _parameters: Json) -> list[Outcome]:
    """She turned to a zone whose planned depths are all others, and the dial stayed where it was."""
    if not judged_zones(facts):
        return [not_assessable("no sample could be judged")]
    limits = {zone["zone"]: (zone["plan_min_um"], zone["plan_max_um"]) for zone in facts["zones"]}
    outcomes: dict[str, Outcome] = {}
    # a short stop in a zone that the plan does not name is no reason to have turned the dial
    for before, after in pairwise(span for span in facts["spans"] if limits[span["zone"]][0] is not None):
        (low, high), (next_low, next_high) = limits[before["zone"]], limits[after["zone"]]
        if before["zone"] == after["zone"] or not (high < next_low or next_high < low):
            continue
        zone, set_um = after["zone"], after["depth_set_um"]
        if set_um is None or before["depth_set_um"] is None:
            outcomes.setdefault(zone, unmeasured(facts, "set_depth", "dial setting", zone))
        elif set_um == before["depth_set_um"]:
            detail = {"set_um": set_um, "from_zone": before["zone"], "plan_min_um": next_low, "plan_max_um": next_high}
            outcomes[zone] = found(detail, zone)
        else:
            outcomes.setdefault(zone, passed(zone))
    return list(outcomes.values()) or [not_applicable("the plan wanted no other setting between two zones")]
