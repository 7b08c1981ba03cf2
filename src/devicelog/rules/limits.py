"""Rules of sourced limits: over what is recommended for a site, its hard maximum, what a person may; where nobody may.

Also from the depth that a law names. The limits are those of the document that the opening names; each finding says
whose they are.
"""

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
_RECOMMENDED = {"source": "source", "evidence": "evidence", "fallback": "fallback"}
_HARD = {"source": "hard_max_source", "basis": "hard_max_basis", "evidence": "hard_max_evidence"}
_UNSEEN = "the pen gave neither set nor measured depth for part of it"
_NO_DIAL = "the pen gave no dial setting for a part of it or all of it"


def over_recommended(facts: Json, _parameters: Json) -> list[Outcome]:
    """Set depth over the greatest a source recommends for the site, or measured depth over it and tolerance."""
    if facts.get("limits") is None:
        return [_unnamed(facts)]

    def assess(zone: Json) -> Outcome:
        limit_um = zone.get("recommended_max_um")
        if limit_um is None:
            return _unlimited(facts, zone, "no source recommends a depth here")
        return _beyond(facts, zone, "over_recommended", limit_um, _RECOMMENDED)

    return each_judged(facts, assess)


def over_hard_max(facts: Json, _parameters: Json) -> list[Outcome]:
    """The same against the site's hard maximum. An override that was given before it went so deep makes it a notice."""
    if facts.get("limits") is None:
        return [_unnamed(facts)]

    def assess(zone: Json) -> Outcome:
        limit_um = zone.get("hard_max_um")
        if limit_um is None:
            return _unlimited(facts, zone, "no source supports a hard maximum here")
        return _allowed(facts, _beyond(facts, zone, "over_hard", limit_um, _HARD))

    return each_judged(facts, assess)


def _unnamed(facts: Json) -> Outcome:
    """What to say where the opening names no limits; whoever prepared a plan that asks for checks had some to name."""
    return (not_assessable if facts["expected"].get("checks") else not_applicable)(_NO_LIMITS)


def _beyond(facts: Json, zone: Json, key: str, limit_um: int, named: dict[str, str]) -> Outcome:
    """`named`: what a finding says of the limit, and under which keys the limits have it."""
    beyond = zone.get(key)
    if beyond is None:
        return not_assessable("how long it was beyond this limit was not counted", zone["zone"])
    if beyond["for_us"]:
        row = _row(facts, zone["zone"]) or {}
        source = {name: row.get(of) for name, of in named.items()}
        limit_um = beyond.get("limit_um") or limit_um  # the one it first went beyond
        return found({**beyond, "limit_um": limit_um, "tolerance_um": zone["tolerance_um"], **source}, zone["zone"])
    return not_assessable(_UNSEEN, zone["zone"]) if zone["judged_unseen"] else passed(zone["zone"])


def _unlimited(facts: Json, zone: Json, why: str) -> Outcome:
    """What to say where there is no limit: because no source has one, or because nobody knows which would be."""
    name = zone["zone"]
    if name == UNASSIGNED:
        return not_assessable("needling in no zone", name)
    return not_applicable(why, name) if _row(facts, name) else not_assessable("the limits do not name this zone", name)


def _row(facts: Json, name: str) -> Json | None:
    return next((row for row in facts["limits"]["zones"] if row["zone"] == name), None)


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
        return [_unnamed(facts)]

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
        return [asked_nothing(facts)]
    opened_by = clinic["practitioner"]
    authority = {opened_by["person"].casefold(): opened_by["authority_um"]}  # ids are the same in capitals or not
    authority |= {row["person"].casefold(): row["authority_um"] for row in clinic.get("others", ())}
    if not any(limit is not None for limit in authority.values()):
        return [not_applicable("nobody has said how deep this person may")]
    if not judged_zones(facts):
        return [not_assessable("no sample could be judged")]
    by_person: dict[str, list[Json]] = {}
    names: dict[str, str] = {}
    for span in facts["spans"]:
        person = span.get("practitioner") or opened_by["person"]
        names.setdefault(person.casefold(), person)
        by_person.setdefault(person.casefold(), []).append(span)
    return [_within(names[key], spans, authority) for key, spans in by_person.items()]


def _within(person: str, spans: list[Json], authority: dict[str, int | None]) -> Outcome:
    if person.casefold() not in authority:
        return not_assessable(f"how deep {person} may was not recorded when it was opened")
    limit_um = authority[person.casefold()]
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
    if facts.get("limits") is None:
        return [_unnamed(facts)]
    by_zone = {row["zone"]: row for row in facts["limits"]["zones"]}

    def assess(zone: Json) -> Outcome:
        row = by_zone.get(zone["zone"])
        if row is None:
            return _unlimited(facts, zone, "")
        if row["forbidden"]:
            return found({"judged_us": zone["judged_us"], "source": row["source"]}, zone["zone"])
        return passed(zone["zone"])

    return each_judged(facts, assess)
