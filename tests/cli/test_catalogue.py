"""`plans list` and `zones list`: a table for people, one object for programs."""

import json

import pytest
from click.testing import CliRunner, Result

from devicelog.cli.catalogue import plans, zones
from devicelog.clinical.data import list_plans, load_zones

GROUPS = {"plans": plans, "zones": zones}
APPROVAL = "A clinician must approve every limit before it is used on people."


def run(group: str, *arguments: str) -> Result:
    return CliRunner().invoke(GROUPS[group], arguments, catch_exceptions=False)


def test_plans_are_shown_in_millimetres_with_source_and_grade() -> None:
    result = run("plans", "list")
    assert result.exit_code == 0
    rows = {tuple(line.split()) for line in result.stdout.splitlines()}
    assert ("forehead", "0.30–0.40", "mm", "dpw_hp", "B") in rows
    assert ("cheek.left", "0.70–1.00", "mm", "dpw_hp", "B") in rows
    assert "full-face: Full face, hyperpigmentation" in result.stdout
    assert "dpw_hp: DermapenWorld" in result.stdout
    assert result.stdout.splitlines()[-1].endswith(APPROVAL)


def test_a_borrowed_depth_is_flagged_and_a_sourced_one_is_not() -> None:
    lines = [line for line in run("plans", "list").stdout.splitlines() if " mm " in line]
    flagged = {line.split()[0] for line in lines if "borrowed" in line}
    assert flagged == {entry.zone for plan in list_plans() for entry in plan.zones if not entry.sourced}
    assert len(lines) == sum(len(plan.zones) for plan in list_plans())


def test_the_columns_of_a_plan_are_aligned() -> None:
    tables = [table.splitlines()[1:] for table in run("plans", "list").stdout.split("\n\n")]
    full = next(table for table in tables if any("periorbital.left" in line for line in table))
    assert len({line.index("dpw_hp") for line in full[1:]} | {full[0].index("source")}) == 1


def test_plans_as_json() -> None:
    result = run("plans", "list", "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert value == {"schema": "devicelog.plans/1", "plans": [plan.document() for plan in list_plans()]}


def test_zones_are_shown_each_once() -> None:
    result = run("zones", "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(load_zones())]] == list(load_zones())
    assert lines[-1].endswith(APPROVAL)


def test_zones_as_json() -> None:
    result = run("zones", "list", "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert value["schema"] == "devicelog.zones/1"
    cheek = {"id": "cheek.left", "label": "Left cheek", "laterality": "left", "site": "cheek"}
    assert {**cheek, "snomed": "36141000", "nhs": "6"} in value["zones"]
    assert [zone["id"] for zone in value["zones"]] == list(load_zones())


@pytest.mark.parametrize("group", GROUPS)
def test_json_is_one_object_for_people_too(group: str) -> None:
    text = run(group, "list", "--json").stdout
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("group", GROUPS)
def test_an_unknown_option_is_a_usage_error(group: str) -> None:
    assert run(group, "list", "--jsno").exit_code == 2
