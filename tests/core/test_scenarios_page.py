"""docs/scenarios.md against the code: every example is played, every table is the one that is in force."""

import re

import pytest

from firmware_bridge.simulator import ScenarioError, load_scenario, scenario_names, script_for
from firmware_bridge.simulator.kinds import KINDS, PENS
from firmware_bridge.simulator.language import parse_scenario
from tests.core.test_scenario_findings import EXPECTED
from tests.pages import DOCS, block, cells
from tests.scenario_runs import run_of

PAGE = "scenarios.md"
TEXT = (DOCS / PAGE).read_text("utf-8")
EXAMPLES = re.findall(r"^```scenario\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_examples_are_found() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_played(text: str) -> None:
    scenario = parse_scenario(text, PAGE)
    assert parse_scenario(str(scenario), PAGE) == scenario
    run = run_of(scenario, 20, 1)
    assert run.facts["completeness"]["closes"]
    assert run.facts["clock"]["confidence"] == scenario.clock


@pytest.mark.parametrize("line", block(PAGE, "refused").splitlines())
def test_what_the_page_refuses_is_refused(line: str) -> None:
    text, says = line.split(" | ")
    with pytest.raises(ScenarioError) as told:
        script_for(parse_scenario("\n".join(text.split(";"))), 8, 1)
    assert str(told.value).endswith(says)


def test_everything_that_can_go_wrong_is_on_the_page() -> None:
    rows = [(kind, means) for kind, means in cells(PAGE, "### What can go wrong")]
    assert [means for _, means in rows] == [kind.meaning for kind in KINDS.values()]
    lengths = {"must": " for T", "may": " [for T]", "no": ""}
    for (written, _), kind in zip(rows, KINDS.values(), strict=True):
        assert written.startswith(kind.name)
        assert written.endswith(lengths[kind.lasts])
        if kind.unit not in (None, "um", "um/s"):
            assert f" N {kind.unit}" in written
        assert ("DEPTH" in written) == (kind.unit in ("um", "um/s"))


def test_every_reduced_pen_is_on_the_page() -> None:
    assert [line for line, _ in cells(PAGE, "### What a pen can lack")] == [f"pen {words}" for words in PENS]


def test_every_scenario_is_on_the_page_with_its_story_and_its_findings() -> None:
    rows = cells(PAGE, "## The scenarios that come with it")
    assert [row[0] for row in rows] == list(scenario_names())
    for name, story, findings in rows:
        assert story == load_scenario(name).story
        rules = sorted({rule for rule, _ in EXPECTED[name].findings})
        assert findings == (", ".join(rules) or "none")
