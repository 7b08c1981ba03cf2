"""Facts and a rules document in, findings and a verdict out; the same live, at the end and in replay.

Also what the rules of another day make of a session. Never edits data, reads no clock. A rule whose input is absent is
`not assessable`, never passed. What a rule looks at stands in rules/.
"""

from collections.abc import Sequence
from typing import Literal

from devicelog.canonical import Json
from devicelog.rules.rule import Alarm, Kind, Outcome, not_assessable
from devicelog.rules.table import RETIRED, RULES
from devicelog.rules.unread import as_read

Verdict = Literal["incomplete", "not conforming", "not assessable", "conforming with deviations", "conforming"]

SCHEMA = "devicelog.rules/1"

_ROW = {"id": str, "version": int, "severity": str, "message": str, "parameters": dict}
LIVE = frozenset(rule.id for rule in RULES if rule.live)
_KNOWN = {(rule.id, rule.version): rule for rule in (*RULES, *RETIRED)}
# deeper than the pen can be, than the hard maximum without an override, or where nobody may needle at all
_NOT_CONFORMING = frozenset({"depth.over_device", "depth.over_hard_max", "zone.forbidden"})


def rules_document() -> Json:
    """The rules of today as plain values: what a stream that opens now is judged by."""
    return {"schema": SCHEMA, "rules": [rule.document() for rule in RULES]}


def read_rules(document: Json) -> Json:
    """The rules document of another day, as it was kept. Raises ValueError when it cannot be one.

    A rule that is not known is no fault of the document; one that is known needs the parameters it looks at. Those of
    before 0.5.0 do not say what facts they look at.
    """
    rows = document.get("rules")
    if document.get("schema") != SCHEMA or not isinstance(rows, list):
        raise ValueError(f"not a rules document of schema {SCHEMA}")
    for row in rows:
        if not isinstance(row, dict) or {key: type(row.get(key)) for key in _ROW} != _ROW:
            raise ValueError(f"a rule that is none: {row!r}")
        rule = _KNOWN.get((row["id"], row["version"]))
        if rule is not None and {key: type(value) for key, value in row["parameters"].items()} != {
            key: type(value) for key, value in rule.parameters.items()
        }:
            raise ValueError(f"{row['id']}: parameters {row['parameters']!r}")
    return document


def assess(facts: Json, rules: Json, kind: Kind = "session") -> tuple[list[Json], list[Json]]:
    """Judge facts by a rules document. Returns (findings, assessments), both in the order of the rules.

    A rule this engine does not have is `not assessable`.
    """
    findings, assessments = [], []
    for row in rules["rules"]:
        rule = _KNOWN.get((row["id"], row["version"]))
        if rule is not None and kind not in rule.streams:
            continue
        outcomes: Sequence[Outcome] = (
            as_read(rule, facts, rule.assess(facts, row["parameters"]))
            if rule
            else [not_assessable("this engine does not have the rule")]
        )
        id_, version = row["id"], row["version"]
        for outcome in outcomes:
            zone, result = outcome.zone, outcome.result
            assessments.append({"rule": id_, "version": version, "zone": zone, "result": result, "why": outcome.why})
            if result == "found":
                findings.append(_finding(row, outcome))
    return findings, assessments


def found_so_far(facts: Json, rules: Json, kind: Kind = "session") -> list[Json]:
    """The findings of `assess` that are worth a word at once, and nothing else: what a running session looks at."""
    findings = []
    for row in rules["rules"]:
        rule = _KNOWN.get((row["id"], row["version"]))
        if rule is not None and rule.alarm is not None and kind in rule.streams:
            outcomes = as_read(rule, facts, rule.assess(facts, row["parameters"]))
            findings += [_finding(row, outcome) for outcome in outcomes if outcome.result == "found"]
    return findings


def _finding(row: Json, outcome: Outcome) -> Json:
    return {
        "rule": row["id"],
        "version": row["version"],
        "zone": outcome.zone,
        "severity": outcome.severity or row["severity"],
        "message": outcome.message or row["message"],
        "detail": outcome.detail,
    }


def alarm_of(finding: Json) -> Alarm | None:
    """With what priority a finding is said while it happens; None: not before the end. A notice is never an alarm."""
    rule = _KNOWN.get((finding["rule"], finding["version"]))
    if rule is None or rule.alarm is None:
        return None
    return "info" if finding["severity"] == "info" else rule.alarm


def compared(stored: Json, facts: Json, rules: Json) -> Json:
    """A derived record as it was kept, beside what another rules document makes of the facts as they are derived now.

    Verdict, rules, findings and what could not be assessed, `then` and `now`; `came` is what only these rules say,
    `went` what they no longer say. What both say is `changed` where version, severity, words or detail differ.
    """
    findings, assessments = assess(facts, rules, stored["kind"])
    answers = (stored["assessments"], assessments)
    then, now = ({row["rule"]: row["version"] for row in rows} for rows in answers)
    unknown_then, unknown_now = ([row for row in rows if row["result"] == "not assessable"] for rows in answers)
    return {
        "verdict": {"then": stored["verdict"], "now": verdict_of(facts, findings, assessments)},
        "rules": {
            "came": [{"rule": rule, "version": n} for rule, n in now.items() if rule not in then],
            "went": [{"rule": rule, "version": n} for rule, n in then.items() if rule not in now],
            "changed": [
                {"rule": rule, "then": n, "now": now[rule]} for rule, n in then.items() if now.get(rule, n) != n
            ],
        },
        "findings": _difference(stored["findings"], findings, ("version", "severity", "message", "detail")),
        "not_assessable": _difference(unknown_then, unknown_now, ("version", "why")),
    }


def _difference(then: Sequence[Json], now: Sequence[Json], keys: Sequence[str]) -> Json:
    """Rows paired by rule and zone, and in their order where a rule says several things of one zone."""
    before, after = _numbered(then), _numbered(now)
    pairs = [(before[name], after[name]) for name in before if name in after]
    return {
        "came": [row for name, row in after.items() if name not in before],
        "went": [row for name, row in before.items() if name not in after],
        "changed": [
            {
                "rule": old["rule"],
                "zone": old["zone"],
                "then": {key: old[key] for key in keys},
                "now": {key: new[key] for key in keys},
            }
            for old, new in pairs
            if any(old[key] != new[key] for key in keys)
        ],
        "same": sum(all(old[key] == new[key] for key in keys) for old, new in pairs),
    }


def _numbered(rows: Sequence[Json]) -> dict[tuple[str, str | None, int], Json]:
    numbered: dict[tuple[str, str | None, int], Json] = {}
    for row in rows:
        n = sum(name[:2] == (row["rule"], row["zone"]) for name in numbered)
        numbered[row["rule"], row["zone"], n] = row
    return numbered


def verdict_of(facts: Json, findings: Sequence[Json], assessments: Sequence[Json]) -> Verdict:
    """The first that applies, in the order of design: incomplete, not conforming, not assessable, deviations.

    A finding of severity `info` is a notice: it deviates from nothing.
    """
    deviations = [finding for finding in findings if finding["severity"] != "info"]
    ladder: tuple[tuple[bool, Verdict], ...] = (
        (facts["ended"] == "interrupted" or not facts["completeness"]["closes"], "incomplete"),
        (any(finding["rule"] in _NOT_CONFORMING for finding in deviations), "not conforming"),
        (any(assessment["result"] == "not assessable" for assessment in assessments), "not assessable"),
        (bool(deviations), "conforming with deviations"),
    )
    return next((verdict for applies, verdict in ladder if applies), "conforming")
