"""By zone: the dose estimate from its inputs, and what is told where one is missing."""

import pytest

from devicelog.canonical import Json
from devicelog.clinic.treated_zones import estimate, treated_zones
from devicelog.words.treated_zones import zone_notes

NOT_RECORDED = "not recorded"


def zone(**changes: object) -> Json:
    return {
        "zone": "forehead",
        "contact_us": 60_000_000,
        "contact_unknown_us": 0,
        "depth": {"n": 5, "min_um": 100, "mean_um": 200, "max_um": 300},
        "frequency": {"n": 5, "min_dhz": 1_000, "mean_dhz": 1_000, "max_dhz": 1_000},
        "passes": {"pen": 2, "operator": None, "low": 2, "high": 2},
        "at_set_depth": [{"depth_set_um": 300, "for_us": 10}, {"depth_set_um": 500, "for_us": 10}],
        **changes,
    }


def rows(*zones: Json, needles: tuple[int | None, ...] = (12,), area: int | None = 50, **facts: object) -> list[Json]:
    planned = {"zone": "forehead", "depth_min_um": 300, "depth_max_um": 400, "source": "x", "evidence": "B"}
    plan = {"zones": [{**planned, **({} if area is None else {"area_cm2": area})}]}
    return treated_zones({"zones": list(zones), **facts}, plan, needles)


def test_the_estimate_is_frequency_times_needles_times_time_by_area() -> None:
    """D = f N t / A by hand: 100 Hz, 12 needles, 60 s, 50 cm2: 72 000 / 50 = 1440."""
    [row] = rows(zone())
    assert row["dose"]["punctures_per_cm2"] == 1_440
    assert (row["dose"]["upper_bound"], row["dose"]["threshold"]) == (True, None)
    assert "no place is hit twice" in row["dose"]["assumes"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"needles": ()}, "the number of needles is not recorded"),
        ({"needles": (12, None)}, "the number of needles is not recorded"),
        ({"area": None}, "the plan says no area for the zone"),
    ],
    ids=["no cartridge", "of one the needles are unknown", "no area"],
)
def test_without_an_input_there_is_no_estimate_and_it_says_why(given: Json, why: str) -> None:
    [row] = rows(zone(), **given)
    assert row["dose"]["punctures_per_cm2"] is None
    assert why in row["dose"]["why_not"]


def test_of_several_cartridges_the_one_with_most_needles_bounds_it() -> None:
    [row] = rows(zone(), needles=(12, 36, 11))
    assert row["dose"]["punctures_per_cm2"] == 3 * 1_440


def test_the_highest_frequency_bounds_it_and_the_words_say_so() -> None:
    uneven = {"n": 5, "min_dhz": 500, "mean_dhz": 800, "max_dhz": 1_000}
    estimated = estimate(zone(frequency=uneven), 50, (12,))
    assert estimated["punctures_per_cm2"] == 1_440
    assert any(words.startswith("the highest stroke frequency") for words in estimated["assumes"])
    assert not any("mean" in words for words in estimated["assumes"])


def test_a_hard_maximum_says_for_which_indication_it_was_found() -> None:
    neck = {"zone": "forehead", "max_um": None, "hard_max_um": 2_500, "hard_max_source": "skr_evidence"}
    limit = {**neck, "hard_max_basis": "regulatory", "hard_max_evidence": "C", "hard_max_for": "wrinkles"}
    [row] = rows(zone(), limits={"indication": "hyperpigmentation", "zones": [limit]})
    assert row["limits"]["hard_max_for"] == "wrinkles"
    notes = list(zone_notes({"treatment": {"zones": [row]}}, "erased"))
    assert "at most: skr_evidence, evidence C, regulatory, for wrinkles (forehead)" in notes


def test_without_a_frequency_there_is_none() -> None:
    assert estimate(zone(frequency=None), 50, (12,))["why_not"] == ["the stroke frequency is not known"]


def test_without_contact_the_motor_stands_in_and_it_is_said() -> None:
    estimated = estimate(zone(contact_us=0, contact_unknown_us=60_000_000), 50, (12,))
    assert estimated["punctures_per_cm2"] == 1_440
    assert any("no contact signal" in words for words in estimated["assumes"])


def test_what_no_pen_said_is_not_recorded() -> None:
    nobody = {"pen": None, "operator": None, "low": None, "high": None}
    silent = zone(depth=None, frequency=None, passes=nobody, at_set_depth=[], contact_us=0, contact_unknown_us=5)
    [row] = rows(silent)
    assert {key for key, value in row.items() if value == NOT_RECORDED} >= {
        *("depth_um", "speed_dhz", "passes", "set_um", "on_skin_us", "serum", "endpoint", "limits", "days_since")
    }


@pytest.mark.parametrize(("contact_us", "n"), [(0, 0), (1, 1)])
def test_no_zone_is_told_only_where_the_pen_was_on_the_skin(contact_us: int, n: int) -> None:
    assert len(rows(zone(zone="unassigned", contact_us=contact_us))) == n


def test_a_zone_that_is_not_planned_says_so() -> None:
    [row] = rows(zone(zone="chin"))
    assert row["planned"] == NOT_RECORDED
    assert row["dose"]["punctures_per_cm2"] is None


@pytest.mark.parametrize(("low", "high"), [(None, None), (1, 2)])
def test_passes_of_earlier_parts_are_told(low: int | None, high: int | None) -> None:
    done = [{"zone": "forehead", "passes_low": low, "passes_high": high}]
    [row] = rows(zone(), clinic={"visit_done": done, "before": [{"zone": "forehead", "days": 0}]})
    unknown = NOT_RECORDED if low is None else None
    assert row["earlier_in_visit"] == {"passes_low": unknown or low, "passes_high": unknown or high}
    assert row["days_since"] == 0
