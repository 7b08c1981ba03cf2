"""The limits are honest: every number has a source and a grade, or is flagged, and the plans say the same."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from devicelog.clinical.data import list_plans, load_sources, load_zones
from devicelog.clinical.plan import GRADES, MAP_VERSION, Plan

CLINICAL = files("devicelog.clinical")
DATA = tomllib.loads((CLINICAL / "sites.toml").read_text(encoding="utf-8"))
SITES: dict[str, dict[str, Any]] = DATA["sites"]
RANGE = {"min_um", "max_um", "source", "evidence"}
HARD = {"hard_max_um", "hard_max_source", "hard_max_basis", "hard_max_evidence"}
NOTE = {"note", "note_source", "note_evidence"}


def range_of(site: str) -> tuple[int, int, str, str, bool] | None:
    """The range of a site or of its fallback, and whether a source names the site itself. None when there is none."""
    values = SITES[site]
    if values["sourced"]:
        return values["min_um"], values["max_um"], values["source"], values["evidence"], True
    borrowed = range_of(values["fallback"]) if "fallback" in values else None
    return (*borrowed[:4], False) if borrowed else None


@pytest.mark.parametrize("site", SITES)
def test_a_site_has_a_sourced_range_or_says_that_it_has_none(site: str) -> None:
    values = SITES[site]
    assert values.keys() <= {"label", "sourced", "fallback"} | RANGE | HARD | NOTE
    assert values["label"].strip()
    if values["sourced"]:
        assert values.keys() >= RANGE
        assert "fallback" not in values
    else:
        assert not values.keys() & RANGE
        assert "fallback" not in values or SITES[values["fallback"]]["sourced"]


@pytest.mark.parametrize("site", SITES)
def test_what_goes_together_stands_together(site: str) -> None:
    values = SITES[site]
    for together in (HARD, NOTE):
        assert values.keys() & together in (set(), together)
    assert values.get("hard_max_basis", "study") in ("regulatory", "study", "derived")


@pytest.mark.parametrize("site", SITES)
def test_limits_stand_in_order_and_are_whole_micrometres(site: str) -> None:
    found = range_of(site)
    limits = [*(found[:2] if found else ()), *([SITES[site]["hard_max_um"]] if "hard_max_um" in SITES[site] else ())]
    assert all(type(limit) is int and 0 < limit <= 10_000 for limit in limits)
    assert limits == sorted(limits)


def test_every_source_resolves_and_every_grade_is_one() -> None:
    entries = [*SITES.values(), DATA["sensor_tolerance"], *map(vars_of, entries_of(list_plans()))]
    used = {value for entry in entries for key, value in entry.items() if key.endswith("source")}
    grades = {value for entry in entries for key, value in entry.items() if key.endswith("evidence")}
    assert used == DATA["sources"].keys(), "no source missing, none unused"
    assert grades <= set(GRADES)
    for source in DATA["sources"].values():
        assert source.keys() == {"title", "address"}
        assert source["title"].strip()
        assert source["address"].startswith(("https://", "http://"))
    assert load_sources().keys() == used


def test_the_sensor_tolerance_has_a_source() -> None:
    assert DATA["sensor_tolerance"] == {"depth_um": 150, "source": "k180778", "evidence": "C"}


def test_every_zone_lies_on_a_site() -> None:
    assert {zone.site for zone in load_zones().values()} <= SITES.keys()
    values = tomllib.loads((CLINICAL / "zones.toml").read_text(encoding="utf-8"))
    assert values["map_version"] == MAP_VERSION


def test_the_zones_of_map_version_1_keep_their_meaning() -> None:
    # Records name zones by these ids. A change here is a new id, never another meaning.
    assert {zone.id: (zone.site, zone.laterality) for zone in load_zones().values()} == {
        "forehead": ("forehead", "midline"),
        "glabella": ("glabella", "midline"),
        "temple.left": ("temple", "left"),
        "temple.right": ("temple", "right"),
        "periorbital.left": ("periorbital", "left"),
        "periorbital.right": ("periorbital", "right"),
        "nose": ("nose", "midline"),
        "cheek.left": ("cheek", "left"),
        "cheek.right": ("cheek", "right"),
        "perioral": ("perioral", "midline"),
        "chin": ("chin", "midline"),
        "neck": ("neck", "midline"),
        "decollete": ("decollete", "midline"),
        "hand.left": ("hands", "left"),
        "hand.right": ("hands", "right"),
        "scalp": ("scalp", "midline"),
    }


@pytest.mark.parametrize("plan", list_plans(), ids=lambda plan: plan.id)
def test_a_plan_says_what_the_sites_say(plan: Plan) -> None:
    zones = load_zones()
    assert plan.indication == DATA["indication"]
    for entry in plan.zones:
        said = (entry.depth_min_um, entry.depth_max_um, entry.source, entry.evidence, entry.sourced)
        assert said == range_of(zones[entry.zone].site), entry.zone


@pytest.mark.parametrize("file", ["sites.toml", "plans/full-face.toml", "plans/neck-hands.toml"])
def test_a_file_with_limits_says_who_must_approve_them(file: str) -> None:
    head = CLINICAL.joinpath(*file.split("/")).read_text(encoding="utf-8").partition("\n\n")[0]
    assert "NOT MEDICAL ADVICE. A clinician must approve every limit before it is used on people." in head
    assert "DIAL SETTINGS" in head
    assert "No number of passes" in head


def entries_of(plans: list[Plan]) -> list[Any]:
    return [entry for plan in plans for entry in plan.zones]


def vars_of(entry: Any) -> dict[str, Any]:
    return {"source": entry.source, "evidence": entry.evidence}
