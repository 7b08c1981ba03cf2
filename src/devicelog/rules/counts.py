"""Rules of what is counted: passes against the plan and against each other, and the pen's own totals.

Against the plan passes are counted over the visit: those of its earlier sessions and those of this one.
"""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, found, not_applicable, not_assessable, passed

_UNTOLD = "the pen's totals do not tell all passes: they fell, jumped, or nobody signed them"
_NO_PASS: Json = {"pen": None, "operator": None, "low": 0, "high": 0}


_Compare = Callable[[int, int | None, int], tuple[bool, bool]]


def _fewer(low: int, high: int | None, limit: int) -> tuple[bool, bool]:
    return high is not None and high < limit, low < limit


def _more(low: int, high: int | None, limit: int) -> tuple[bool, bool]:
    return low > limit, high is None or high > limit


def passes_short(facts: Json, _parameters: Json) -> list[Outcome]:
    """Fewer passes than the plan wants, whoever counts, over the visit."""
    return _against_plan(facts, "min", _fewer, _intended(facts), _earlier(facts))


def passes_over(facts: Json, _parameters: Json) -> list[Outcome]:
    """More passes than the plan allows, whoever counts, over the visit."""
    return _against_plan(facts, "max", _more, _intended(facts), _earlier(facts))


def passes_short_alone(facts: Json, _parameters: Json) -> list[Outcome]:
    """Version 1: the session by itself."""
    return _against_plan(facts, "min", _fewer, facts["expected"]["passes"], {})


def passes_over_alone(facts: Json, _parameters: Json) -> list[Outcome]:
    """Version 1: the session by itself."""
    return _against_plan(facts, "max", _more, facts["expected"]["passes"], {})


def _earlier(facts: Json) -> dict[str, Json]:
    """What was counted by zone in the earlier sessions of this visit."""
    clinic = facts.get("clinic") or {}
    return {row["zone"]: row for row in clinic.get("visit_done") or ()}


def _intended(facts: Json) -> list[Json]:
    """What the plan wants of each zone, as it was changed last."""
    wanted = {row["zone"]: dict(row) for row in facts["expected"]["passes"]}
    for change in facts.get("plan_changes") or ():
        row = wanted.setdefault(change["zone"], {"zone": change["zone"], "min": None, "max": None})
        for limit in ("min", "max"):
            changed = change.get(f"passes_{limit}")
            row[limit] = row[limit] if changed is None else changed
    return list(wanted.values())


def _against_plan(
    facts: Json, limit: str, compare: _Compare, intended: list[Json], earlier: dict[str, Json]
) -> list[Outcome]:
    """`compare` is given the lower count, the higher one (None: without end) and the limit: are both out, is one?"""
    worked = {zone["zone"]: zone for zone in _worked(facts)}
    anybody = any(zone["passes"]["low"] is not None for zone in facts["zones"])
    outcomes = []
    for planned in intended:
        zone, wanted = planned["zone"], planned[limit]
        if wanted is None:
            continue
        before = earlier.get(zone)
        count = worked[zone]["passes"] if zone in worked else _NO_PASS if anybody or before else None
        if count is None or count["low"] is None:
            outcomes.append(not_assessable("nobody counted passes: neither the pen nor the operator", zone))
            continue
        if before is not None:
            if None in (before["passes_low"], before["passes_high"]):
                outcomes.append(not_assessable("nobody counted passes in an earlier session of this visit", zone))
                continue
            done = (before["passes_low"], before["passes_high"])
            count = {**count, "low": count["low"] + done[0], "high": count["high"] + done[1], "earlier": list(done)}
        high = None if zone in worked and _open(facts, worked[zone]) else count["high"]
        surely, perhaps = compare(count["low"], high, wanted)
        if surely:
            outcomes.append(found({**count, "limit": wanted}, zone))
        elif perhaps and high is None:
            outcomes.append(not_assessable(_UNTOLD, zone))
        elif perhaps:
            outcomes.append(not_assessable("the counts of pen and operator lie on both sides of the limit", zone))
        else:
            outcomes.append(passed(zone))
    return outcomes or [not_applicable("the plan intends no number of passes")]


def passes_disagree(facts: Json, _parameters: Json) -> list[Outcome]:
    """Pen and operator counted differently."""
    outcomes = []
    for zone in _worked(facts):
        passes, name = zone["passes"], zone["zone"]
        if None in (passes["pen"], passes["operator"]):
            continue
        if passes["pen"] <= passes["operator"] <= passes["pen"] + zone["passes_perhaps"]:
            outcomes.append(passed(name))
        elif passes["operator"] > passes["pen"] and _open(facts, zone):
            outcomes.append(not_assessable(_UNTOLD, name))
        else:
            outcomes.append(found({"pen": passes["pen"], "operator": passes["operator"]}, name))
    return outcomes or [not_applicable("there are not two counts to compare")]


def passes_odd(facts: Json, parameters: Json) -> list[Outcome]:
    """Needling and not one pass, or passes and no needling."""
    outcomes = []
    for zone in facts["zones"]:
        name, passes, judged_us = zone["zone"], zone["passes"], zone["judged_us"]
        if passes["high"] is None:
            continue
        if passes["high"] == 0 and judged_us > parameters["limit_us"]:
            if _open(facts, zone):
                outcomes.append(not_assessable(_UNTOLD, name))
            else:
                outcomes.append(found({"passes": 0, "judged_us": judged_us}, name))
        elif passes["low"] and not judged_us and not zone["contact_unknown_us"]:
            if facts["completeness"]["frames_newer"] or any(gap["zone"] == name for gap in facts["gaps"]):
                outcomes.append(not_applicable("what was needled here was not recorded or could not be read", name))
            else:
                outcomes.append(found({"passes": passes["low"], "judged_us": 0}, name))
        elif judged_us:
            outcomes.append(passed(name))
    return outcomes or [not_applicable("nobody counted passes, or nothing was needled")]


def _open(facts: Json, zone: Json) -> bool:
    """Whether the pen may have made passes in a zone that its totals do not tell."""
    counters, boots = facts["counters"], facts["completeness"]["boots"]
    lost = counters["unplaced"] or any(boot["begun"] == "another pen" for boot in boots)
    if zone["passes"]["pen"] is None:  # what it counted here, if it counts, nobody has signed
        return bool(zone["samples"] and lost and "passes" in facts["expected"]["measures"])
    return bool(lost or counters["fell"] or counters["fell_at_restart"] or counters["jumped"]["passes"])


def _worked(facts: Json) -> list[Json]:
    """The zones from which anything came. One that was only turned to has no passes, whoever counts."""
    return [zone for zone in facts["zones"] if zone["samples"] or zone["passes"]["high"]]


def counter_jump(facts: Json, _parameters: Json) -> list[Outcome]:
    """The pen's totals grew while nobody listened, or faster than needles and hands can."""
    counters, unattended = facts["counters"], facts["unattended"]
    if counters["passes"] is None and counters["strokes"] is None:
        return [_no_counter(facts)]
    before = {key: (unattended or {}).get(key) or 0 for key in ("passes", "strokes")}
    jumped = counters["jumped"]
    if any(before.values()) or any(jumped.values()):
        detail = {"before": before, "inside": jumped}
        return [found(detail)]
    if unattended is None:
        return [not_applicable("this pen was not heard before: there is nothing to compare with")]
    if unattended["counters_fell"]:
        return [not_assessable("the pen's totals are lower than when it was last heard")]
    return [passed()]


def counter_fell(facts: Json, _parameters: Json) -> list[Outcome]:
    """The pen's totals are lower than they were, and the pen says no restart that would explain it."""
    counters, unattended = facts["counters"], facts["unattended"]
    if counters["passes"] is None and counters["strokes"] is None:
        return [_no_counter(facts)]
    before = bool(unattended and unattended["counters_fell"])
    if counters["fell"] or before:
        return [found({"inside": counters["fell"], "before": before})]
    return [passed()]


def _no_counter(facts: Json) -> Outcome:
    if {"passes", "strokes"} & set(facts["expected"]["measures"]):
        return not_assessable("the pen gave no totals")
    return not_applicable("this kind of pen has no counters")
