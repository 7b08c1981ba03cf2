"""Rules of the pen itself: is it the same one, did it restart, does its motor and its clock run, is it calibrated?"""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.rules.rule import (
    Outcome,
    each_judged,
    found,
    heard,
    lacks,
    not_applicable,
    not_assessable,
    passed,
    unmeasured,
    untold,
)

_DAY_US = 86_400_000_000
_NOTHING = "nothing was heard from the pen"


def changed(facts: Json, _parameters: Json) -> list[Outcome]:
    """Another pen said who it is: another model or serial. New firmware under the same serial is the same pen."""
    pens = list(dict.fromkeys((pen["model"], pen["serial"]) for pen in facts["pens"]))
    if not pens:
        return [not_assessable("no pen said who it is")]
    if untold(facts, "identity"):
        if facts["link_losses"]:
            return [not_assessable("the link was lost, and this kind of pen does not say who came back")]
        return [not_applicable("this kind of pen does not say who it is")]
    if len(pens) == 1:
        return [passed()]
    return [found({"serials": [serial for _, serial in pens]})]


def restarted(facts: Json, _parameters: Json) -> list[Outcome]:
    """The pen started anew in the session: another boot number, or sample numbers that begin again."""
    boots = facts["completeness"]["boots"]
    if not boots:
        return [not_assessable(_NOTHING)]
    if untold(facts, "restarts"):
        return [not_applicable("this kind of pen has neither numbers nor a clock that would show it")]
    restarts = sum(boot["begun"] in ("restart", "numbers") for boot in boots)
    return [found({"n": restarts, "counters_fell": facts["counters"]["fell_at_restart"]}) if restarts else passed()]


_MISSING: dict[str, Callable[[Json], bool]] = {
    "contact": lambda zone: bool(zone["contact_unknown_us"]),
    "set_depth": lambda zone: sum([row["for_us"] for row in zone["at_set_depth"]]) != zone["judged_us"],
    "depth": lambda zone: lacks(zone, "depth"),
    "frequency": lambda zone: lacks(zone, "frequency"),
}


def signals(facts: Json, _parameters: Json) -> list[Outcome]:
    """What this kind of pen sends, and did not send for a part of the needling or all of it."""
    measures = facts["expected"]["measures"]

    def assess(zone: Json) -> Outcome:
        missing = [name for name in measures if name in _MISSING and _MISSING[name](zone)]
        return found({"signals": missing}, zone["zone"]) if missing else passed(zone["zone"])

    return each_judged(facts, assess)


def frequency(facts: Json, parameters: Json) -> list[Outcome]:
    """Stroke frequency outside what the pen's maker names, for longer than a motor takes to follow."""
    low, high = facts["expected"]["frequency_min_dhz"], facts["expected"]["frequency_max_dhz"]
    if low is None:
        return [not_applicable("the pen profile names no range of frequency")]

    def assess(zone: Json) -> Outcome:
        for_us = zone["frequency_beyond_us"]
        if for_us <= parameters["limit_us"]:
            if lacks(zone, "frequency"):
                return unmeasured(facts, "frequency", "stroke frequency", zone["zone"])
            return passed(zone["zone"])
        seen = {key: zone["frequency"][key] for key in ("min_dhz", "max_dhz")}
        detail = {"for_us": for_us, **seen, "low_dhz": low, "high_dhz": high, "limit_us": parameters["limit_us"]}
        return found(detail, zone["zone"])

    return each_judged(facts, assess)


def clock_drift(facts: Json, parameters: Json) -> list[Outcome]:
    """The pen's clock runs too fast or too slow: times on the skin are too long or too short by as much."""
    if untold(facts, "clock"):
        return [not_applicable("this kind of pen has no clock")]
    if not facts["pen_clock"]:
        return [not_assessable(_NOTHING)]
    told = [clock for clock in facts["pen_clock"] if clock["drift_ppm"] is not None]
    if not told:
        return [not_applicable("the pen was heard for too short a time to tell how fast its clock runs")]
    worst = max(told, key=lambda clock: abs(clock["drift_ppm"]))
    if abs(worst["drift_ppm"]) <= parameters["limit_ppm"]:
        return [passed()]
    return [found({key: worst[key] for key in ("drift_ppm", "residual_us", "for_us")} | parameters)]


def calibration_missing(facts: Json, _parameters: Json) -> list[Outcome]:
    """A pen says who it is and names no calibration, and none was made here that all of its depths are by."""
    if not facts["pens"]:
        return [not_assessable("no pen said who it is")]
    without = [pen["serial"] for pen in facts["pens"] if not pen["calibration_id"] and not _by_host(facts, pen)]
    return [found({"serials": without}) if without else passed()]


def calibration_expired(facts: Json, _parameters: Json) -> list[Outcome]:
    """The calibration a pen names, or the one made here that depths are by, held until a day that is past."""
    if not facts["pens"]:
        return [not_assessable("no pen said who it is")]
    known, undated = list(facts["expected"]["calibrations"]), set()
    host = facts.get("host_calibration")
    if host and (host["applied"] or not host["own"]):
        if host["expires"] is None:
            undated.add(host["id"])
        else:
            known.append({key: host[key] for key in ("id", "expires")})
    if not known:
        if undated:
            return [not_applicable("the calibration that was made here names no last day")]
        return [not_applicable("nobody has said until when this pen's calibration holds")]
    readings, confidence = facts["clock"]["readings"], facts["clock"]["confidence"]
    if not readings or confidence == "unknown":
        return [not_assessable("what day it was is not known")]
    today = day_of(max(reading["wall_us"] for reading in readings))
    past = [row for row in known if today > row["expires"]]
    if past:
        return [found({"calibrations": past, "day": today})]
    if confidence == "restored":  # such a clock is behind, never ahead
        return [not_assessable("the clock was restored: it was this day or a later one")]
    named = {pen["calibration_id"] for pen in facts["pens"] if pen["calibration_id"] or not _by_host(facts, pen)}
    if undated or named - {row["id"] for row in known}:
        return [not_applicable("nobody has said of every calibration here until when it holds")]
    return [passed()]


def calibration_off(facts: Json, _parameters: Json) -> list[Outcome]:
    """The newest calibration or check of the pen, when the session began, found or left it out of its tolerance."""
    if not facts["pens"]:
        return [not_assessable("no pen said who it is")]
    measured, host = facts.get("measured"), facts.get("host_calibration")
    if measured is None:
        return [not_applicable("this pen was not measured here before the session")]
    pens = [pen for pen in facts["pens"] if pen["serial"] == measured["serial"]]
    if measured["column"] == "depth_um":
        if any(pen["calibration_id"] != measured["calibration_id"] for pen in pens):
            return [not_applicable("the pen names another calibration than when it was measured")]
    elif host and host["own"] and not host["applied"]:
        return [not_applicable("the calibration that was made here was not used")]
    errors = {key: measured[key] for key in ("as_left_um", "residual_um") if key in measured}
    errors = errors or {"as_found_um": measured["as_found_um"]}
    if max(errors.values()) > measured["tolerance_um"]:
        named = {key: measured[key] for key in ("serial", "tolerance_um")}
        return [found({**errors, **named, "day": measured["at"][:10]})]
    if len(pens) < len(facts["pens"]):
        return [not_applicable("not every pen of this session was measured here before it")]
    return [passed()]


def _by_host(facts: Json, pen: Json) -> bool:
    """Whether every depth of this pen is by a calibration that was made here."""
    host = facts.get("host_calibration")
    return host is not None and host["serial"] == pen["serial"] and not host["own"]


def clock_unsure(facts: Json, _parameters: Json) -> list[Outcome]:
    """What time of day it was can not be believed. Order and durations are not affected."""
    confidence = facts["clock"]["confidence"]
    if confidence is None:
        return [not_assessable("the recorder noted no time of day")]
    return [passed() if confidence in ("synced", "rtc") else found({"confidence": confidence})]


def newer_protocol(facts: Json, _parameters: Json) -> list[Outcome]:
    """Sound frames of a protocol that this software cannot read: they are kept, and what they say is in no figure."""
    if not heard(facts):
        return [not_assessable(_NOTHING)]
    newer = facts["completeness"]["frames_newer"]
    return (
        [found({"frames": sum(row["n"] for row in newer), "majors": [row["major"] for row in newer]})]
        if newer
        else [passed()]
    )


def day_of(wall_us: int) -> str:
    """The UTC day of microseconds since 1970: `2027-06-30`. In whole numbers, from 400-year cycles that begin in
    March, so that the leap day is a cycle's last."""
    days = wall_us // _DAY_US + 719_468  # since 0000-03-01
    cycle, day = divmod(days, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    return f"{400 * cycle + year + (month >= 10):04}-{(month + 2) % 12 + 1:02}-{day + 1:02}"
