"""What a finding says to a person: one sentence for each rule, from its detail.

Not responsible for what is found (rules/) nor for where it is shown. A rule that is not here shows its detail as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from devicelog.canonical import Json
from devicelog.words import clinic, planned
from devicelog.words.depths import authority, beyond, forbidden, limited, threshold
from devicelog.words.units import count_words, mm, percent, seconds, times


def said(finding: Json) -> str:
    """The finding in one sentence, without its rule and zone."""
    say = _SENTENCES.get(finding["rule"])
    detail: Json = finding["detail"]
    return say(detail) if say else ", ".join(f"{key} {value}" for key, value in sorted(detail.items()))


def said_in(session: Json, finding: Json) -> str:
    """The same of a session's document, which knows whose limit it was where that is the plan's."""
    return said(finding) + planned.limit_words(session, finding)


def _gap(detail: Json) -> str:
    gaps = "gap" if detail["n"] == 1 else "gaps"
    return (
        f"{detail['n']} {gaps} on the skin, {seconds(detail['for_us'])} in all, the longest "
        f"{seconds(detail['longest_us'])}, {count_words(detail['missing'])} samples missing "
        f"({', '.join(detail['causes'])})"
    )


def _short_gaps(detail: Json) -> str:
    return (
        f"{detail['missing']} samples missing in {detail['n']} short gaps, {percent(detail['rate_ppm'])} of all; "
        f"limit {percent(detail['limit_ppm'])}"
    )


def _bad_frames(detail: Json) -> str:
    return (
        f"{detail['damaged']} of {detail['frames']} frames damaged, {percent(detail['rate_ppm'])}; "
        f"limit {percent(detail['limit_ppm'])}"
    )


def _leap(detail: Json) -> str:
    return (
        f"{times(detail['leaps'])}, by up to {mm(detail['largest_um'])} mm between two samples; "
        f"limit {mm(detail['limit_um'])} mm"
    )


def _disagrees(detail: Json) -> str:
    return (
        f"for {seconds(detail['for_us'])} of {seconds(detail['of_us'])} they differ by more than "
        f"{mm(detail['tolerance_um'])} mm; limit {percent(detail['limit_ppm'])} of the time"
    )


def _dial(detail: Json) -> str:
    plan = f"{mm(detail['plan_min_um'])} to {mm(detail['plan_max_um'])} mm"
    return f"still {mm(detail['set_um'])} mm as in {detail['from_zone']}; the plan wants {plan} here"


def _passes(word: str) -> Callable[[Json], str]:
    def say(detail: Json) -> str:
        low, high = detail["low"], detail["high"]
        counted = str(low) if low == high else f"{low} to {high}"
        visit = " over the visit" if "earlier" in detail else ""
        return f"{counted} counted{visit}; the plan wants {word} {detail['limit']}"

    return say


def _frequency(detail: Json) -> str:
    return (
        f"for {seconds(detail['for_us'])}, {detail['min_dhz'] / 10:.0f} to {detail['max_dhz'] / 10:.0f} strokes a "
        f"second; the pen's range is {detail['low_dhz'] / 10:.0f} to {detail['high_dhz'] / 10:.0f}"
    )


def _jump(detail: Json) -> str:
    parts = [
        f"{values['strokes']} strokes and {values['passes']} passes {when}"
        for values, when in ((detail["before"], "while nobody listened"), (detail["inside"], "at once, in the session"))
        if values["strokes"] or values["passes"]
    ]
    return ", and ".join(parts)


def _fell(detail: Json) -> str:
    parts = ["since it was last heard"] if detail["before"] else []
    if detail["inside"]:
        parts.append(f"{times(detail['inside'])} in the session")
    return ", and ".join(parts)


def _clock(detail: Json) -> str:
    pace = "fast" if detail["drift_ppm"] > 0 else "slow"
    return f"it runs {percent(abs(detail['drift_ppm']))} {pace}; limit {percent(detail['limit_ppm'])}"


def _no_session(detail: Json) -> str:
    unknown = detail["contact_unknown_us"]
    also = f", and {seconds(unknown)} with the motor on and contact unknown" if unknown else ""
    return f"{seconds(detail['contact_us'])} on the skin{also}"


def _link_lost(detail: Json) -> str:
    away = "not back" if detail["for_us"] is None else f"away for {seconds(detail['for_us'])} in all"
    whose = f"the {detail['which']}: " if "which" in detail else ""
    return f"{whose}{times(detail['n'])}, {away} ({', '.join(detail['causes'])})"


def _restarted(detail: Json) -> str:
    return times(detail["n"]) + ("; its totals began anew" if detail["counters_fell"] else "")


def _expired(detail: Json) -> str:
    held = ", ".join(f"{row['id']} held until {row['expires']}" for row in detail["calibrations"])
    return f"{held}; it was {detail['day']}"


def _uncalibrated(detail: Json) -> str:
    if detail["serials"] == [""]:
        return "a pen that names no serial number names no calibration either"
    pens = [f"pen {name}" if name else "a pen without a serial" for name in detail["serials"]]
    return f"no calibration is named by {', '.join(pens)}"


def _off(detail: Json) -> str:
    errors = {"as_found_um": "found {} µm off", "as_left_um": "left {} µm off", "residual_um": "residual {} µm"}
    told = ", ".join(words.format(detail[key]) for key, words in errors.items() if key in detail)
    return f"{told} on {detail['day']}; tolerance {detail['tolerance_um']} µm"


def _newer(detail: Json) -> str:
    majors = ", ".join(map(str, detail["majors"]))
    return f"{detail['frames']} frames of protocol {majors}"


def _uncertain(detail: Json) -> str:
    return f"{detail['strokes']} more are possible than were counted"


def _lost(detail: Json) -> str:
    parts = [f"{detail['dropped']} edges dropped"] if detail["dropped"] else []
    parts += [f"{detail['late']} told too late"] if detail["late"] else []
    parts += [f"{n} missed of {line}" for line, n in detail["missed"].items()]
    parts += [f"nobody watched for {seconds(detail['unwatched_us'])}"] if detail["unwatched_us"] else []
    passes = detail["passes"]
    if passes is not None and passes["low"] != passes["high"]:
        parts.append(f"passes {passes['low']} to {passes['high']}")
    return "; ".join(parts)


def _apart(detail: Json) -> str:
    return "; ".join(_APART[name](figures) for name, figures in detail.items())


_APART: Mapping[str, Callable[[Json], str]] = {
    "strokes": lambda told: f"strokes: pen {told['pen']}, pins {told['low']} to {told['high']}",
    "passes": lambda told: f"passes: pen {told['pen']}, pins {told['pins']}",
    "contact": lambda told: f"on skin: pen {seconds(told['pen_us'])}, pins {seconds(told['pins_us'])}",
    "set_depth": lambda told: f"setting: pen {mm(told['pen_um'])} mm, pins {mm(told['pins_um'])} mm",
}

_SENTENCES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "depth.over_device": beyond("limit"),
    "depth.over_plan": beyond("limit"),
    "depth.over_recommended": limited,
    "depth.over_hard_max": limited,
    "depth.threshold": threshold,
    "depth.over_authority": authority,
    "zone.forbidden": forbidden,
    "depth.under_plan": beyond("the plan wants at least"),
    "depth.jump": _leap,
    "depth.disagrees": _disagrees,
    "sensor.stuck": lambda detail: f"the same value for {seconds(detail['for_us'])}",
    "dial.unchanged": _dial,
    "passes.short": _passes("at least"),
    "passes.over": _passes("at most"),
    "passes.disagree": lambda detail: f"the pen {detail['pen']}, the operator {detail['operator']}",
    "frequency.range": _frequency,
    "data.gap": _gap,
    "data.short_gaps": _short_gaps,
    "link.bad_frames": _bad_frames,
    "link.lost": _link_lost,
    "protocol.newer": _newer,
    "pen.changed": lambda detail: "serials " + ", ".join(serial or "not recorded" for serial in detail["serials"]),
    "pen.restarted": _restarted,
    "pen.clock": _clock,
    "calibration.missing": _uncalibrated,
    "calibration.expired": _expired,
    "calibration.off": _off,
    "signal.missing": lambda detail: "for a part of it or all of it: " + ", ".join(detail["signals"]),
    "clock.unsure": lambda detail: f"confidence: {detail['confidence']}",
    "counter.jump": _jump,
    "counter.fell": _fell,
    "activity.no_session": _no_session,
    **clinic.SENTENCES,
    "strokes.uncertain": _uncertain,
    "sensors.lost": _lost,
    "sensors.disagree": _apart,
}
