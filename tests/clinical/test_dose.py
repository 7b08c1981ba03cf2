"""Punctures per square centimetre: the worked numbers of the geometry, an upper bound always, and why there is none."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.clinical.dose import ASSUMPTIONS, NO_CONTACT_SIGNAL, dose

KNOWN: dict[str, Any] = {"frequency_dhz": 1000, "contact_us": 1_000_000, "needles": 6, "area_cm2": 1}


def test_by_hand() -> None:
    # 100 Hz, 6 needles, 1 s on 1 cm2: 600. 116.7 Hz, 14 needles, 2 s on 3 cm2: 116.7 * 14 * 2 / 3 = 1089.2, bound 1090
    assert dose(**KNOWN).punctures_per_cm2 == 600
    assert dose(frequency_dhz=1167, needles=14, contact_us=2_000_000, area_cm2=3).punctures_per_cm2 == 1090
    # No contact is no puncture, which is not the same as not known.
    assert dose(**KNOWN | {"contact_us": 0}).punctures_per_cm2 == 0


# The table of the travel form, one pass with a swath of 0.8 cm: at v cm/s the pen is 1/(v w) s on each cm2.
@pytest.mark.parametrize(
    ("hz", "needles", "row"),
    [
        ("100", 6, (1500, 750, 375, 150, 75)),
        ("116.7", 14, (4083, 2042, 1021, 408, 204)),
        ("150", 6, (2250, 1125, 562, 225, 112)),
    ],
)
def test_the_travel_form_agrees(hz: str, needles: int, row: tuple[int, ...]) -> None:
    for speed, expected in zip(("0.5", "1", "2", "5", "10"), row, strict=True):
        # 1000 cm2 are travelled at v w cm2/s
        contact = Fraction(1000) / (Fraction(speed) * Fraction(8, 10)) * 1_000_000
        told = dose(
            frequency_dhz=int(Fraction(hz) * 10), needles=needles, contact_us=int(contact), area_cm2=1000
        ).punctures_per_cm2
        assert told is not None
        # the table was rounded from 7,000 turns a minute; here are tenths of a hertz, and the bound is rounded up
        assert expected - 1 <= told <= expected + 2


@given(
    frequency=st.integers(0, 5000),
    time=st.integers(0, 10**10),
    needles=st.integers(1, 100),
    area=st.integers(1, 1000),
)
def test_it_is_the_next_whole_number_above(frequency: int, time: int, needles: int, area: int) -> None:
    exact = Fraction(frequency, 10) * needles * Fraction(time, 1_000_000) / area
    told = dose(frequency_dhz=frequency, contact_us=time, needles=needles, area_cm2=area).punctures_per_cm2
    assert told is not None
    assert exact <= told < exact + 1


@pytest.mark.parametrize("missing", KNOWN)
def test_what_is_not_known_makes_no_number_and_is_named(missing: str) -> None:
    told = dose(**KNOWN | {missing: None})
    assert told.punctures_per_cm2 is None
    (why,) = told.why
    assert {"frequency_dhz": "frequency", "contact_us": "time", "needles": "needles", "area_cm2": "area"}[
        missing
    ] in why
    assert told.document()["why_not"] == [why]


def test_all_that_is_missing_is_named() -> None:
    assert len(dose(frequency_dhz=None, contact_us=None, needles=None, area_cm2=None).why) == 4


def test_without_a_contact_signal_the_motor_stands_in_and_that_is_said() -> None:
    told = dose(**KNOWN | {"contact_us": None}, motor_us=2_000_000)
    assert told.punctures_per_cm2 == 1200
    assert told.assumes == (*ASSUMPTIONS, NO_CONTACT_SIGNAL)
    assert dose(**KNOWN, motor_us=2_000_000).punctures_per_cm2 == 600
    assert NO_CONTACT_SIGNAL not in dose(**KNOWN, motor_us=2_000_000).assumes


@pytest.mark.parametrize("bad", [{"needles": 0}, {"area_cm2": 0}, {"contact_us": -1}, {"frequency_dhz": -1}])
def test_numbers_that_cannot_be_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a dose of"):
        dose(**KNOWN | bad)
