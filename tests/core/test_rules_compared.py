"""A session judged by the rules of its day, and what those of today would say of it, with the difference."""

from copy import deepcopy
from dataclasses import replace

import pytest

from devicelog.canonical import parse_canonical
from devicelog.pipeline import Pipeline
from devicelog.rules.table import RETIRED, RULES
from devicelog.validate import alarm_of, compared, read_rules, rules_document
from tests.builders import Bench, opening_of, plan_with, planned

NOTHING = {"came": [], "went": [], "changed": []}
DAY_ONE = ("depth.over_device", "depth.over_plan", "passes.short", "passes.over", "data.gap", "link.lost")


def rules_of_day_one():
    """A rules document as 0.4.0 wrote it: version 1 of the passes, and no word of what a rule looks at."""
    known = {rule.id: rule for rule in (*RULES, *RETIRED)}
    rows = [known[id_].document() for id_ in DAY_ONE]
    for row in rows:
        del row["inputs"]
    assert {row["version"] for row in rows} == {1}
    return read_rules({"schema": "devicelog.rules/1", "rules": rows})


def session(rules):
    """The forehead covered once of the two times that the plan wants, under a dial 1 µm over it."""
    plan = plan_with(planned("forehead", 400, passes_min=2))
    bench = Bench(opening_of(rules=rules, plan=plan))
    bench.zone("forehead")
    bench.set_um = 401
    bench.needle(300, depth=200)
    bench.passes += 1
    bench.samples("1")
    return bench


def again(bench):
    """The same records, derived once more."""
    pipeline = Pipeline(bench.pipeline.opening)
    for record in bench.records:
        pipeline.feed(record)
    return parse_canonical(pipeline.finish())


def test_a_session_of_version_1_keeps_its_verdict_and_shows_the_difference_on_request():
    bench = session(rules_of_day_one())
    kept = bench.end()
    derived = again(bench)
    assert derived == kept  # version 2 is in the table, and the session is judged by version 1
    assert {row["version"] for row in kept["findings"]} == {1}
    told = compared(kept, derived["facts"], rules_document())
    assert told["verdict"] == {"then": "conforming with deviations", "now": "conforming with deviations"}
    assert told["rules"]["changed"] == [
        {"rule": "passes.short", "then": 1, "now": 2},
        {"rule": "passes.over", "then": 1, "now": 2},
    ]
    assert told["rules"]["went"] == []
    assert len(told["rules"]["came"]) == len([rule for rule in RULES if "session" in rule.streams]) - len(DAY_ONE)
    assert [row["rule"] for row in told["findings"]["came"]] == ["depth.disagrees", "sensor.stuck"]
    (changed,) = told["findings"]["changed"]
    assert (changed["rule"], changed["zone"]) == ("passes.short", "forehead")
    assert (changed["then"].pop("version"), changed["now"].pop("version")) == (1, 2)
    assert changed["then"] == changed["now"]
    assert told["findings"]["same"] == 1  # depth.over_plan
    assert told["not_assessable"] == NOTHING | {"same": 0}


def test_under_its_own_rules_nothing_differs():
    bench = session(rules_document())
    kept = bench.end()
    told = compared(kept, kept["facts"], rules_document())
    assert told["rules"] == NOTHING
    assert told["findings"] == NOTHING | {"same": len(kept["findings"])}
    assert told["verdict"]["then"] == told["verdict"]["now"] == kept["verdict"]


def test_what_comes_goes_and_changes():
    kept = session(rules_document()).end()
    before = deepcopy(kept)
    rules = rules_document()
    rules["rules"] = [row for row in rules["rules"] if row["id"] != "depth.over_plan"]
    (stuck,) = [row for row in rules["rules"] if row["id"] == "sensor.stuck"]
    stuck["severity"] = "low"
    rules["rules"].append(rules["rules"][0] | {"id": "depth.over_moon"})
    told = compared(kept, kept["facts"], rules)
    assert [row["rule"] for row in told["findings"]["went"]] == ["depth.over_plan"]
    (changed,) = told["findings"]["changed"]
    assert (changed["rule"], changed["then"]["severity"], changed["now"]["severity"]) == (
        "sensor.stuck",
        "medium",
        "low",
    )
    assert [(row["rule"], row["why"]) for row in told["not_assessable"]["came"]] == [
        ("depth.over_moon", "this engine does not have the rule")
    ]
    assert told["verdict"]["now"] == "not assessable"
    assert told["rules"]["went"] == [{"rule": "depth.over_plan", "version": 1}]
    assert kept == before


def test_several_findings_of_one_rule_and_place_are_paired_in_their_order():
    kept = session(rules_document()).end()
    lost = {"n": 1, "for_us": 1, "causes": ["unplugged"]}
    facts = deepcopy(kept["facts"]) | {"link_losses": [{"at_us": 0, "for_us": 1, "cause": "unplugged"}]}
    row = {
        "rule": "link.lost",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the port of the pen went away",
    }
    then = kept | {
        "findings": [*kept["findings"], {**row, "detail": lost}, {**row, "detail": {"which": "pins", **lost}}]
    }
    told = compared(then, facts, rules_document())
    assert [row["detail"] for row in told["findings"]["went"]] == [{"which": "pins", **lost}]
    assert told["findings"]["changed"] == []


@pytest.mark.parametrize("facts", [{"clinic": None, "limits": None}, {}])
def test_old_facts_are_judged_by_the_rules_of_today(facts):
    """What was never recorded is not applicable, and no verdict gets worse of it."""
    kept = session(rules_of_day_one()).end()
    told = compared(kept, kept["facts"] | facts, rules_document())
    assert told["not_assessable"] == NOTHING | {"same": 0}


# --- alarms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "version", "severity", "priority"),
    [
        ("depth.over_plan", 1, "medium", "medium"),
        ("depth.over_hard_max", 1, "high", "medium"),  # high is for what threatens life at once
        ("depth.over_hard_max", 1, "info", "info"),  # somebody allowed it
        ("cartridge.reused", 1, "high", "low"),
        ("clock.unsure", 1, "low", "low"),
        ("passes.short", 2, "low", None),
        ("passes.short", 1, "low", None),
        ("depth.over_moon", 1, "high", None),
        ("depth.over_plan", 9, "medium", None),
    ],
)
def test_with_what_priority_a_finding_is_said(rule, version, severity, priority):
    assert alarm_of({"rule": rule, "version": version, "severity": severity}) == priority


def test_a_row_is_not_changed_by_its_document():
    (rule,) = [rule for rule in RULES if rule.id == "topical.ascorbic"]
    document = rule.document()
    assert document["inputs"] == ["clinic.topicals"]
    assert replace(rule).document() == document
