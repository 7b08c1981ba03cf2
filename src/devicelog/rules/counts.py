"""Rules of what is counted: passes against the plan and against each other, and the pen's own totals."""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, found, not_applicable, not_assessable, passed

_UNTOLD = "the pen's totals do not tell all passes: they fell, jumped, or nobody signed them"
_NO_PASS: Json = {"pen": None, "operator": None, "low": 0, "high": 0}


def passes_short(facts: Json, _parameters: Json) -> list[Outcome]:
    """Fewer passes than the plan wants, whoever counts."""
    return _against_plan(facts, "min", lambda low, high, limit: (high is not None and high < limit, low < limit))


def passes_over(facts: Json, _parameters: Json) -> list[Outcome]:
    """More passes than the plan allows, whoever counts."""
    return _against_plan(facts, "max", lambda low, high, limit: (low > limit, high is None or high > limit))


def _against_plan(
    facts: Json, limit: str, compare: Callable[[int, int | None, int], tuple[bool, bool]]
) -> list[Outcome]:
    """`compare` is given the lower count, the higher one (None: without end) and the limit: are both out, is one?"""
    worked = {zone["zone"]: zone for zone in _worked(facts)}
    anybody = any(zone["passes"]["low"] is not None for zone in facts["zones"])
    outcomes = []
    for planned in facts["expected"]["passes"]:
        zone, wanted = planned["zone"], planned[limit]
        if wanted is None:
            continue
        count = worked[zone]["passes"] if zone in worked else _NO_PASS if anybody else None
        if count is None or count["low"] is None:
            outcomes.append(not_assessable("nobody counted passes: neither the pen nor the operator", zone))
            continue
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
