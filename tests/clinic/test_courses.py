"""Sittings, and the newest day of each zone, from treatments in any order."""

from hypothesis import given
from hypothesis import strategies as st

from devicelog.clinic.courses import Treated, newest_by_zone, sittings

ZONES = ("forehead", "neck", "cheek.left")
DAYS = ("2026-01-05", "2026-02-01", "2026-11-23")


def treated(**odd: object) -> Treated:
    usual = {"id": "s-1", "sitting": "v-1", "day": DAYS[0], "indication": "hyperpigmentation", "seq": 1}
    return Treated(**{**usual, "zones": ("forehead",), **odd})  # type: ignore[arg-type]


def test_the_sessions_of_one_visit_are_one_sitting() -> None:
    assert sittings([treated(id="s-1"), treated(id="s-2"), treated(id="s-3", sitting="v-2")]) == 2


def test_a_day_that_nobody_is_sure_of_is_told_and_not_counted() -> None:
    newest, unsure = newest_by_zone([treated(day=None), treated(zones=("neck",))], DAYS[2])
    assert newest == {"neck": DAYS[0]}
    assert unsure


def test_an_unsure_day_on_which_nothing_was_needled_says_nothing() -> None:
    assert newest_by_zone([treated(day=None, zones=())], DAYS[2]) == ({}, False)


@given(st.lists(st.tuples(st.sampled_from(DAYS), st.sets(st.sampled_from(ZONES), min_size=1))))
def test_the_newest_day_of_a_zone_is_the_last_on_which_it_was_named(days: list[tuple[str, set[str]]]) -> None:
    newest, unsure = newest_by_zone([treated(day=day, zones=tuple(zones)) for day, zones in days], DAYS[2])
    wanted: dict[str, str] = {}
    for day, zones in sorted(days, key=lambda each: each[0]):
        wanted |= dict.fromkeys(zones, day)
    assert newest == wanted
    assert not unsure


def test_a_day_to_come_hides_no_day_that_was() -> None:
    told = [treated(day=DAYS[1]), treated(day=DAYS[2])]
    assert newest_by_zone(told, DAYS[1]) == ({"forehead": DAYS[1]}, True)
    assert newest_by_zone(told, DAYS[2]) == ({"forehead": DAYS[2]}, False)
    assert newest_by_zone(told, None) == ({"forehead": DAYS[2]}, False)
