"""`rules list | show`: the table that sessions are judged by, for people and for programs."""

import json

import pytest
from click.testing import CliRunner, Result

from devicelog.cli.rules import rules
from devicelog.errors import NotFound
from devicelog.rules.table import RULES


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, arguments, catch_exceptions=False)


def test_every_rule_of_today_is_listed_in_its_order_with_what_it_finds() -> None:
    lines = run("list").output.splitlines()[1:-3]
    assert [line.split()[0] for line in lines] == [rule.id for rule in RULES]
    assert all(line.endswith(rule.message) for line, rule in zip(lines, RULES, strict=True))


def test_as_an_object_it_has_every_column_of_the_table() -> None:
    told = json.loads(run("list", "--json").output)
    assert told["schema"] == "devicelog.rules-listed/1"
    assert [row["alarm"] for row in told["rules"]] == [rule.alarm for rule in RULES]
    assert [row["overridable"] for row in told["rules"]] == [rule.overridable for rule in RULES]
    assert [{key: row[key] for key in rule.document()} for row, rule in zip(told["rules"], RULES, strict=True)] == [
        rule.document() for rule in RULES
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_one_is_shown_with_its_source(rule: object) -> None:
    assert isinstance(rule, type(RULES[0]))
    output = run("show", rule.id).output
    assert f"{rule.id}, version {rule.version}: {rule.message}" in output
    assert rule.source in output


def test_a_rule_that_judged_otherwise_before_says_so() -> None:
    assert json.loads(run("show", "passes.short", "--json").output)["before"] == [1]


def test_a_rule_that_is_none_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(NotFound, match=r"Did you mean depth\.over_plan"):
        run("show", "depth.overplan")
