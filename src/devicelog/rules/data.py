"""Rules of what arrived: gaps, damage, a link that was lost, needling that no session asked for."""

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, found, heard, not_applicable, not_assessable, passed, sum_known, untold


def gap(facts: Json, parameters: Json) -> list[Outcome]:
    """A long gap with the pen on the skin before or after it."""
    if not _samples(facts):
        return [not_assessable("no sample arrived")]
    long = [gap for gap in facts["gaps"] if gap["for_us"] > parameters["limit_us"]]
    outcomes = []
    for zone in dict.fromkeys(gap["zone"] for gap in long):
        gaps = [gap for gap in long if gap["zone"] == zone]
        touching = [gap for gap in gaps if gap["contact"] == "yes"]
        if touching:
            detail = {
                "n": len(touching),
                "for_us": sum(gap["for_us"] for gap in touching),
                "longest_us": max(gap["for_us"] for gap in touching),
                "missing": sum_known(gap["missing"] for gap in touching),
                "causes": sorted({gap["cause"] for gap in touching}),
                "limit_us": parameters["limit_us"],
            }
            outcomes.append(found(detail, zone))
        elif any(gap["contact"] == "unknown" for gap in gaps):
            outcomes.append(not_assessable("a gap, and it is not known whether the pen was on the skin", zone))
    return outcomes or [passed()]


def short_gaps(facts: Json, parameters: Json) -> list[Outcome]:
    """Many gaps, each too short to be found by itself, in all too much."""
    decoded = _samples(facts)
    if not decoded:
        return [not_assessable("no sample arrived")]
    if untold(facts, "numbers"):
        return [not_applicable("this kind of pen does not number its samples")]
    short = [gap for gap in facts["gaps"] if gap["for_us"] <= parameters["each_us"]]
    missing = facts["short_gaps"]["missing"] + sum(gap["missing"] or 0 for gap in short)
    if missing * 1_000_000 <= parameters["limit_ppm"] * (decoded + missing):
        return [passed()]
    n = facts["short_gaps"]["n"] + len(short)
    rate = missing * 1_000_000 // (decoded + missing)
    return [found({"n": n, "missing": missing, "rate_ppm": rate, "limit_ppm": parameters["limit_ppm"]})]


def bad_frames(facts: Json, parameters: Json) -> list[Outcome]:
    """Too many damaged frames."""
    account = facts["completeness"]
    damaged, sound = account["frames_damaged"], account["frames_sound"] + account["frames_unknown"]
    if not damaged + sound:
        return [not_assessable("no frame arrived")]
    ppm = damaged * 1_000_000 // (damaged + sound)
    if damaged * 1_000_000 <= parameters["limit_ppm"] * (damaged + sound):
        return [passed()]
    detail = {"damaged": damaged, "frames": damaged + sound, "rate_ppm": ppm, "limit_ppm": parameters["limit_ppm"]}
    return [found(detail)]


def link_lost(facts: Json, _parameters: Json) -> list[Outcome]:
    """The port went away, or the pins beside it did."""
    own = [found(_losses(facts["link_losses"]))] if facts["link_losses"] else []
    beside = facts.get("sensors", {}).get("link_losses")
    pins = [found({"which": "pins", **_losses(beside)})] if beside else []
    if not own and not heard(facts):
        return [not_assessable("nothing was heard from the pen"), *pins]
    return [*own, *pins] or [passed()]


def _losses(losses: list[Json]) -> Json:
    causes = sorted({loss["cause"] for loss in losses})
    return {"n": len(losses), "for_us": sum_known(loss["for_us"] for loss in losses), "causes": causes}


def no_session(facts: Json, _parameters: Json) -> list[Outcome]:
    """Needling while no session was open."""
    if not _samples(facts):
        return [passed()] if heard(facts) else [not_assessable("nothing was heard from the pen")]
    contact_us = sum(zone["contact_us"] for zone in facts["zones"])
    unknown_us = sum(zone["contact_unknown_us"] for zone in facts["zones"])
    if contact_us or unknown_us:
        return [found({"contact_us": contact_us, "contact_unknown_us": unknown_us})]
    return [passed()]


def _samples(facts: Json) -> int:
    return sum(int(boot["decoded"]) for boot in facts["completeness"]["boots"])
