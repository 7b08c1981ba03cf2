"""The rules: facts in, findings out. Never edits data, reads no clock; the same live, at the end and in replay.

A rule whose input is absent is `not assessable`, never passed. Adding a rule is a row in RULES, a function and a test.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from devicelog.canonical import Json
from devicelog.sessions import UNASSIGNED

Verdict = Literal["incomplete", "not conforming", "not assessable", "conforming with deviations", "conforming"]
Result = Literal["passed", "found", "not assessable"]

DATA_GAP_LIMIT_US = 250_000
BAD_FRAME_LIMIT_PPM = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one rule says of one zone, or of the whole stream (zone None). `detail` goes into the finding."""

    result: Result
    zone: str | None = None
    why: str | None = None
    detail: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table. `parameters` and `source` stand in the rules document that a session is judged by."""

    id: str
    version: int
    severity: Literal["high", "medium", "low"]
    message: str
    parameters: Json
    source: str
    assess: Callable[[Json, Json], Sequence[Outcome]]

    def document(self) -> Json:
        """The rule as plain values; the function is known by id, version and engine number."""
        return {
            "id": self.id,
            "version": self.version,
            "severity": self.severity,
            "message": self.message,
            "parameters": self.parameters,
            "source": self.source,
        }


def _over_device(facts: Json, _parameters: Json) -> list[Outcome]:
    outcomes = [_over(zone, "over_device", zone["device_max_um"]) for zone in facts["zones"] if zone["judged"]]
    return outcomes or [Outcome(result="not assessable", why="no sample could be judged")]


def _over_plan(facts: Json, _parameters: Json) -> list[Outcome]:
    outcomes = []
    for zone in facts["zones"]:
        if not zone["judged"]:
            continue
        if zone["plan_max_um"] is None:
            why = "needling in no zone" if zone["zone"] == UNASSIGNED else "the plan has no limit for this zone"
            outcomes.append(Outcome(result="not assessable", zone=zone["zone"], why=why))
        else:
            outcomes.append(_over(zone, "over_plan", zone["plan_max_um"]))
    return outcomes or [Outcome(result="not assessable", why="no sample could be judged")]


def _over(zone: Json, key: str, limit_um: int) -> Outcome:
    over = zone[key]
    if over["for_us"]:
        return Outcome(
            result="found",
            zone=zone["zone"],
            detail={**over, "limit_um": limit_um, "tolerance_um": zone["tolerance_um"]},
        )
    if zone["judged_unseen"]:
        why = "the pen gave neither set nor measured depth for part of it"
        return Outcome(result="not assessable", zone=zone["zone"], why=why)
    return Outcome(result="passed", zone=zone["zone"])


def _data_gap(facts: Json, parameters: Json) -> list[Outcome]:
    if not any(boot["decoded"] for boot in facts["completeness"]["boots"]):
        return [Outcome(result="not assessable", why="no sample arrived")]
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
                "missing": _sum_known(gap["missing"] for gap in touching),
                "causes": sorted({gap["cause"] for gap in touching}),
                "limit_us": parameters["limit_us"],
            }
            outcomes.append(Outcome(result="found", zone=zone, detail=detail))
        elif any(gap["contact"] == "unknown" for gap in gaps):
            why = "a gap, and it is not known whether the pen was on the skin"
            outcomes.append(Outcome(result="not assessable", zone=zone, why=why))
    return outcomes or [Outcome(result="passed")]


def _sum_known(counts: Iterable[int | None]) -> int | None:
    """The sum, or None when one of them is not known."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _bad_frames(facts: Json, parameters: Json) -> list[Outcome]:
    account = facts["completeness"]
    damaged, sound = account["frames_damaged"], account["frames_sound"] + account["frames_unknown"]
    if not damaged + sound:
        return [Outcome(result="not assessable", why="no frame arrived")]
    ppm = damaged * 1_000_000 // (damaged + sound)
    if damaged * 1_000_000 <= parameters["limit_ppm"] * (damaged + sound):
        return [Outcome(result="passed")]
    detail = {"damaged": damaged, "frames": damaged + sound, "rate_ppm": ppm, "limit_ppm": parameters["limit_ppm"]}
    return [Outcome(result="found", detail=detail)]


RULES: tuple[Rule, ...] = (
    Rule(
        id="depth.over_device",
        version=1,
        severity="high",
        message="deeper than the pen can be: a sensor, a dial or a needle is not what it seems",
        parameters={},
        source="the pen profile names the limit and its source",
        assess=_over_device,
    ),
    Rule(
        id="depth.over_plan",
        version=1,
        severity="medium",
        message="deeper than the plan allows here",
        parameters={},
        source="the plan names each zone's limit, its source and its evidence grade",
        assess=_over_plan,
    ),
    Rule(
        id="data.gap",
        version=1,
        severity="medium",
        message="needling that was not recorded: samples are missing while the pen was on the skin",
        parameters={"limit_us": DATA_GAP_LIMIT_US},
        source="ours: no clinical source exists; an eighth of the shortest glide of 2 s",
        assess=_data_gap,
    ),
    Rule(
        id="link.bad_frames",
        version=1,
        severity="low",
        message="the cable or the port damages data",
        parameters={"limit_ppm": BAD_FRAME_LIMIT_PPM},
        source="ours: no clinical source exists; a sound cable loses none",
        assess=_bad_frames,
    ),
)


def rules_document() -> Json:
    """The rules of today as plain values: what a session that opens now is judged by."""
    return {"schema": "devicelog.rules/1", "rules": [rule.document() for rule in RULES]}


def assess(facts: Json, rules: Json) -> tuple[list[Json], list[Json]]:
    """Judge facts by a rules document. Returns (findings, assessments), both in the order of the rules.

    A rule this engine does not have is `not assessable`.
    """
    known = {(rule.id, rule.version): rule for rule in RULES}
    findings, assessments = [], []
    for row in rules["rules"]:
        rule = known.get((row["id"], row["version"]))
        outcomes: Sequence[Outcome] = (
            rule.assess(facts, row["parameters"])
            if rule
            else [Outcome(result="not assessable", why="this engine does not have the rule")]
        )
        for outcome in outcomes:
            head = {"rule": row["id"], "version": row["version"], "zone": outcome.zone}
            assessments.append({**head, "result": outcome.result, "why": outcome.why})
            if outcome.result == "found":
                findings.append(
                    {**head, "severity": row["severity"], "message": row["message"], "detail": outcome.detail}
                )
    return findings, assessments


def verdict_of(facts: Json, findings: Sequence[Json], assessments: Sequence[Json]) -> Verdict:
    """The first that applies, in the order of design: incomplete, not conforming, not assessable, deviations."""
    ladder: tuple[tuple[bool, Verdict], ...] = (
        (facts["ended"] == "interrupted" or not facts["completeness"]["closes"], "incomplete"),
        (any(finding["rule"] == "depth.over_device" for finding in findings), "not conforming"),
        (any(assessment["result"] == "not assessable" for assessment in assessments), "not assessable"),
        (bool(findings), "conforming with deviations"),
    )
    return next((verdict for applies, verdict in ladder if applies), "conforming")
