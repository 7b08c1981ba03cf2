"""Rules of sourced limits: over what is recommended for a site, its hard maximum, what a person may; where nobody may.

Also from the depth that a law names. The limits are those of the document that the opening names; each finding says
whose they are.
"""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.rules.rule import (
    Outcome,
    asked_nothing,
    each_judged,
    found,
    judged_zones,
    not_applicable,
    not_assessable,
    passed,
)
from devicelog.sessions import UNASSIGNED

HARD = "depth.over_hard_max"
_NO_LIMITS = "no limits of sites were named when it was opened"
_UNSEEN = "the pen gave neither set nor measured depth for part of it"
_NO_DIAL = "the pen gave no dial setting for a part of it or all of it"


def over_recommended(facts: Json, _parameters: Json) -> list[Outcome]:
    """Set depth over the greatest a source recommends for the site, or measured depth over it and tolerance."""

    def assess(zone: Json, limit: Json) -> Outcome:
        if limit["max_um"] is None:
            return not_applicable("no source recommends a depth here", zone["zone"])
        named = {key: limit[key] for key in ("source", "evidence", "fallback")}
        return _beyond(zone, "over_recommended", limit["max_um"], named)

    return _each_limited(facts, assess)


def over_hard_max(facts: Json, _parameters: Json) -> list[Outcome]:
    """The same against the site's hard maximum. An override that was given before it went so deep makes it a notice."""

    def assess(zone: Json, limit: Json) -> Outcome:
        if limit["hard_max_um"] is None:
            return not_applicable("no source supports a hard maximum here", zone["zone"])
        named = {
            "source": limit["hard_max_source"],
            "basis": limit["hard_max_basis"],
            "evidence": limit["hard_max_evidence"],
        }
        return _allowed(facts, _beyond(zone, "over_hard", limit["hard_max_um"], named))

    return _each_limited(facts, assess)


def _each_limited(facts: Json, assess: Callable[[Json, Json], Outcome]) -> list[Outcome]:
    """What a rule says of each zone in which the pen needled, given the limits of its site."""
    limits = facts.get("limits")
    if limits is None:
        return [not_applicable(_NO_LIMITS)]
    by_zone = {row["zone"]: row for row in limits["zones"]}

    def limited(zone: Json) -> Outcome:
        limit = by_zone.get(zone["zone"])
        if limit is None:
            why = "needling in no zone" if zone["zone"] == UNASSIGNED else "the limits do not name this zone"
            return not_assessable(why, zone["zone"])
        return assess(zone, limit)

    return each_judged(facts, limited)


def _beyond(zone: Json, key: str, limit_um: int, named: Json) -> Outcome:
    beyond = zone.get(key)
    if beyond is None:
        return not_assessable("how long it was beyond this limit was not counted", zone["zone"])
    if beyond["for_us"]:
        return found({**beyond, "limit_um": limit_um, "tolerance_um": zone["tolerance_um"], **named}, zone["zone"])
    return not_assessable(_UNSEEN, zone["zone"]) if zone["judged_unseen"] else passed(zone["zone"])


def _allowed(facts: Json, outcome: Outcome) -> Outcome:
    """A finding with the override that was given for it: before, it is a notice; too late, it stays what it is."""
    if outcome.detail is None:
        return outcome
    zone, detail = outcome.zone, outcome.detail

    def meant(override: Json) -> bool:
        return bool(override["rule"] == HARD and override["zone"] in (None, zone))

    if any(map(meant, (facts.get("clinic") or {}).get("overrides", ()))):
        return found({**detail, "override": "before the session"}, zone, severity="info")
    given = [override["record"] for override in facts.get("overrides") or () if meant(override)]
    if not given:
        return outcome
    first = min(given)
    if first <= detail["first_record"]:
        return found({**detail, "override": "in time", "override_record": first}, zone, severity="info")
    return found({**detail, "override": "too late", "override_record": first}, zone)


def threshold(facts: Json, _parameters: Json) -> list[Outcome]:
    """The dial at the depth from which a law wants more, or deeper: that depth itself is meant, and no tolerance."""
    if facts.get("limits") is None:
        return [not_applicable(_NO_LIMITS)]

    def assess(zone: Json) -> Outcome:
        limit_um, beyond = zone.get("threshold_um"), zone.get("at_threshold")
        if limit_um is None:
            return not_applicable("no threshold is named for this zone", zone["zone"])
        if beyond is None:
            return not_assessable("how long it was beyond this limit was not counted", zone["zone"])
        if beyond["set_for_us"]:
            detail = {key: beyond[key] for key in ("set_um", "set_for_us", "first_record")}
            return found({**detail, "limit_um": limit_um}, zone["zone"])
        return _undialled(facts, zone) or passed(zone["zone"])

    return each_judged(facts, assess)


def _undialled(facts: Json, zone: Json) -> Outcome | None:
    """What to say where the dial's setting did not come with all of the needling; None where it did."""
    if sum([row["for_us"] for row in zone["at_set_depth"]]) == zone["judged_us"]:
        return None
    if "set_depth" in facts["expected"]["measures"]:
        return not_assessable(_NO_DIAL, zone["zone"])
    return not_applicable("this kind of pen has no dial setting", zone["zone"])


def over_authority(facts: Json, _parameters: Json) -> list[Outcome]:
    """A dial setting over what the person at the pen may: each span by who needled in it."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing()]
    opened_by = clinic["practitioner"]
    authority = {opened_by["person"]: opened_by["authority_um"]}
    authority |= {row["person"]: row["authority_um"] for row in clinic.get("others", ())}
    if not any(limit is not None for limit in authority.values()):
        return [not_applicable("nobody has said how deep this person may")]
    if not judged_zones(facts):
        return [not_assessable("no sample could be judged")]
    by_person: dict[str, list[Json]] = {}
    for span in facts["spans"]:
        by_person.setdefault(span.get("practitioner") or opened_by["person"], []).append(span)
    return [_within(person, spans, authority) for person, spans in by_person.items()]


def _within(person: str, spans: list[Json], authority: dict[str, int | None]) -> Outcome:
    if person not in authority:
        return not_assessable(f"how deep {person} may was not recorded when it was opened")
    limit_um = authority[person]
    if limit_um is None:
        return not_applicable(f"nobody has said how deep {person} may")
    over = [span for span in spans if span["depth_set_um"] is not None and span["depth_set_um"] > limit_um]
    if over:
        return found(
            {
                "person": person,
                "set_um": max(span["depth_set_um"] for span in over),
                "limit_um": limit_um,
                "zones": list(dict.fromkeys(span["zone"] for span in over)),
                "first_record": over[0]["first_record"],
            }
        )
    return not_assessable(_NO_DIAL) if any(span["depth_set_um"] is None for span in spans) else passed()


def forbidden(facts: Json, _parameters: Json) -> list[Outcome]:
    """Needling where nobody may."""

    def assess(zone: Json, limit: Json) -> Outcome:
        if not limit["forbidden"]:
            return passed(zone["zone"])
        return found({"judged_us": zone["judged_us"], "source": limit["source"]}, zone["zone"])

    return _each_limited(facts, assess)
