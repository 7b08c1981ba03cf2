"""Days of the calendar against the standard library's, ages, and the classes of intervals."""

import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.clinical.days import age_on, check_born, check_day, day_number, days_between
from devicelog.clinical.intervals import CLASSES, class_of, interval
from devicelog.errors import UsageProblem


@given(st.dates())
def test_days_are_numbered_as_the_calendar_does(day: datetime.date) -> None:
    assert day_number(day.isoformat()) == day.toordinal()


@pytest.mark.parametrize(
    "text", ["2031-02-29", "2031-13-01", "2031-00-10", "2031-04-31", "2031-01-00", "1900-02-29", "0000-01-01"]
)
def test_a_day_that_is_not_in_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="no day of the calendar"):
        check_day(text)


@pytest.mark.parametrize(
    "text", ["", "31-01-01", "2031-1-1", "2031/01/01", "2031-01-01T00:00", "2031-01-01\n", "٢٠٣١-01-01"]
)
def test_a_day_that_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="YYYY-MM-DD"):
        check_day(text)


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("1990-06-15", "2031-06-14", 40),
        ("1990-06-15", "2031-06-15", 41),
        ("2008-02-29", "2031-02-28", 22),
        ("2008-02-29", "2031-03-01", 23),
        ("2031-01-01", "2031-01-01", 0),
    ],
)
def test_an_age_is_in_full_years(born: str, day: str, age: int) -> None:
    assert age_on(born, day) == age


@pytest.mark.parametrize(
    ("born", "words"),
    [
        ("2031-03-02", "is in the future: today is 2031-03-01"),
        ("1899-12-31", "is before 1900"),
        ("1990-02-30", "no day of the calendar"),
        ("15.06.1990", "YYYY-MM-DD"),
    ],
    ids=["future", "before-1900", "no-day", "other-form"],
)
def test_a_birth_date_that_cannot_be_is_refused(born: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        check_born(born, "2031-03-01")


@pytest.mark.parametrize("born", ["2031-03-01", "1900-01-01"])
def test_a_birth_date_at_the_edge_is_taken(born: str) -> None:
    assert check_born(born, "2031-03-01") == born


# Classes derived from the published intervals: pigment 2-4 weeks (DermapenWorld protocol "Hyperpigmentierung"), acne
# scars 2 weeks (split-face study, 1.5 against 2.5 mm) or 30 days (Exceed manual), ageing 30 days (Ablon 2018).
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "under_14"),
        (13, "under_14"),
        (14, "14_to_27"),
        (27, "14_to_27"),
        (28, "28_to_42"),
        (42, "28_to_42"),
        (43, "longer"),
        (3650, "longer"),
    ],
)
def test_every_number_of_days_has_its_class(days: int, expected: str) -> None:
    assert class_of(days).id == expected


def test_the_classes_leave_no_day_out() -> None:
    assert CLASSES[0].first == 0
    for before, after in pairwise(CLASSES):
        assert before.last is not None
        assert before.last + 1 == after.first
    assert CLASSES[-1].last is None


def test_an_interval_that_cannot_be_is_no_class() -> None:
    with pytest.raises(ValueError, match="not earlier"):
        class_of(-1)


@pytest.mark.parametrize(
    ("earlier", "day", "days"),
    [
        ("2031-01-31", "2031-02-14", 14),
        ("2028-02-28", "2028-03-01", 2),
        ("2031-02-14", "2031-02-14", 0),
        ("2031-02-15", "2031-02-14", None),
        (None, "2031-02-14", None),
        ("2031-02-14", None, None),
    ],
    ids=["two-weeks", "over-a-leap-day", "same-day", "a-clock-that-was-ahead", "earlier-unsure", "today-unsure"],
)
def test_an_unsure_date_is_not_assessable(earlier: str | None, day: str | None, days: int | None) -> None:
    assert interval(earlier, day) == days
    if earlier and day:
        assert days_between(earlier, day) == (days if days is not None else -1)
