"""Passes over the visit, versions 1 and 2; needling without a pass and passes without needling."""

import pytest

from devicelog.rules.table import RETIRED, RULES
from devicelog.validate import assess, rules_document
from devicelog.words.findings import said
from tests.core.clinic_facts import assessed, detail, judged, prepared

NOBODY = ("not assessable", "forehead", "nobody counted passes in an earlier session of this visit")


def visit(n, *, done=None, least=3, most=3, clinic=True):
    """The forehead was covered `n` times in this session; `done`: as often in the earlier ones, low and high."""
    facts = prepared()
    facts["zones"][0]["passes"] = {"pen": n, "operator": n, "low": n, "high": n}
    facts["expected"]["passes"] = [{"zone": "forehead", "min": least, "max": most}]
    if done is not None:
        facts["clinic"]["visit_done"] = [{"zone": "forehead", "passes_low": done[0], "passes_high": done[1]}]
    return facts if clinic else facts | {"clinic": None}


@pytest.mark.parametrize(
    ("n", "done", "short", "over"),
    [
        (3, None, "passed", "passed"),
        (2, None, "found", "passed"),
        (4, None, "passed", "found"),
        (1, (2, 2), "passed", "passed"),
        (0, (3, 3), "passed", "passed"),
        (1, (1, 1), "found", "passed"),
        (1, (3, 3), "passed", "found"),
        (1, (1, 2), "not assessable", "passed"),
        (1, (2, 3), "passed", "not assessable"),
    ],
)
def test_passes_are_counted_over_the_visit(n, done, short, over):
    facts = visit(n, done=done)
    assert [row[0] for row in judged("passes.short", facts)] == [short]
    assert [row[0] for row in judged("passes.over", facts)] == [over]


@pytest.mark.parametrize("done", [(None, None), (1, None), (None, 1)])
def test_passes_that_nobody_counted_earlier_in_the_visit(done):
    assert judged("passes.short", visit(3, done=done)) == judged("passes.over", visit(3, done=done)) == [NOBODY]


def test_a_finding_over_the_visit_says_so():
    facts = visit(1, done=(1, 1))
    assert detail("passes.short", facts) == {
        "pen": 1,
        "operator": 1,
        "low": 2,
        "high": 2,
        "earlier": [1, 1],
        "limit": 3,
    }
    (finding,) = assessed("passes.short", facts)[0]
    assert (finding["version"], said(finding)) == (2, "2 counted over the visit; the plan wants at least 3")
    assert "earlier" not in detail("passes.short", visit(1))


@pytest.mark.parametrize("rule", ["passes.short", "passes.over"])
def test_version_1_judges_the_session_by_itself_and_is_in_no_new_document(rule):
    """A session recorded under version 1 keeps its verdict, whatever a clinic's document would say."""
    assert [(row["id"], row["version"]) for row in rules_document()["rules"] if row["id"] == rule] == [(rule, 2)]
    (old,) = [row for row in RETIRED if row.id == rule]
    for n, done in ((2, (1, 1)), (4, (0, 0)), (3, (9, 9)), (0, (3, 3))):
        of_its_day = {"rules": [old.document()]}
        now = assess(visit(n, done=done), of_its_day)
        assert now == assess(visit(n, clinic=False), of_its_day)
    assert {row["version"] for row in now[1]} == {1}


def test_no_version_stands_twice():
    known = [(rule.id, rule.version) for rule in (*RULES, *RETIRED)]
    assert len(set(known)) == len(known)
    newest = {rule.id: rule.version for rule in RULES}
    assert all(rule.version < newest.get(rule.id, rule.version + 1) for rule in RETIRED)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ([(None, None)], "passed"),
        ([(4, 4)], "found"),
        ([(4, 4), (3, None)], "passed"),
        ([(4, 4), (None, None)], "found"),
    ],
)
def test_the_plan_as_it_was_changed_last(changes, answer):
    facts = visit(3)
    facts["plan_changes"] = [{"zone": "forehead", "passes_min": low, "passes_max": high} for low, high in changes]
    assert [row[0] for row in judged("passes.short", facts)] == [answer]


def test_a_zone_that_was_planned_in_mid_session():
    facts = visit(3)
    facts["expected"]["passes"] = []
    facts["plan_changes"] = [{"zone": "forehead", "passes_min": 4, "passes_max": None}]
    assert [row[0] for row in judged("passes.short", facts)] == ["found"]
    assert [row[0] for row in judged("passes.over", facts)] == ["not applicable"]


# --- passes.odd -------------------------------------------------------------------------------------------------------


def odd(passes, judged_us, **zone):
    facts = prepared()
    facts["zones"][0] |= {"judged_us": judged_us, **zone}
    facts["zones"][0]["passes"] = {"pen": passes, "operator": passes, "low": passes, "high": passes}
    return facts


@pytest.mark.parametrize(
    ("passes", "judged_us", "result"),
    [
        (0, 10_000_000, "passed"),
        (0, 10_010_000, "found"),
        (1, 10_010_000, "passed"),
        (1, 10_000, "passed"),
        (1, 0, "found"),
        (0, 0, "not applicable"),
    ],
)
def test_needling_and_passes_go_together(passes, judged_us, result):
    facts = odd(passes, judged_us)
    assert [row[0] for row in judged("passes.odd", facts)] == [result]
    assert result != "found" or judged("passes.odd", facts) == [("found", "forehead", "low")]


def test_passes_where_contact_is_unknown_are_not_odd():
    assert [row[0] for row in judged("passes.odd", odd(1, 0, contact_unknown_us=10_000))] == ["not applicable"]


def test_passes_that_nobody_counts_or_the_pen_does_not_tell():
    assert [row[0] for row in judged("passes.odd", odd(None, 60_000_000))] == ["not applicable"]
    facts = odd(0, 10_010_000)
    facts["counters"]["fell"] = 1
    assert [row[0] for row in judged("passes.odd", facts)] == ["not assessable"]


def test_passes_in_a_gap_or_of_another_protocol_have_nothing_to_go_with():
    facts = odd(1, 0)
    facts["gaps"] = [{"zone": "forehead"}]
    assert [row[0] for row in judged("passes.odd", facts)] == ["not applicable"]
    facts["gaps"] = [{"zone": "chin"}]
    assert [row[0] for row in judged("passes.odd", facts)] == ["found"]
    facts["completeness"]["frames_newer"] = [{"major": 2, "n": 1}]
    assert [row[0] for row in judged("passes.odd", facts)] == ["not applicable"]
