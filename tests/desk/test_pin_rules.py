"""Which PINs can be guessed, how long wrong ones lock, and what time and a start of the computer do to a lock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.clinic.people import (
    FIRST_LOCK_S,
    FREE_GUESSES,
    LONGEST_LOCK_S,
    SITTING_US,
    Pin,
    lock_s,
    locked_us,
    pin_fault,
    same_sitting,
)
from devicelog.ledger.entries import Actor
from tests.desk.made import KM, Ledger

S = 1_000_000


@pytest.mark.parametrize(
    "pin",
    [
        *("", "12345", "1234567890123", "12345a", " 483920", "٤٨٣٩٢٠"),
        *("000000", "777777777", "123456", "234567890123", "654321", "890123", "109876"),
        *("121212", "123123", "454545454545", "123321", "112211", "111112", "115115115"),
    ],
)
def test_a_pin_that_is_none_or_is_soon_guessed(pin: str) -> None:
    fault = pin_fault(pin)
    assert fault is not None
    assert not pin or pin not in fault


@pytest.mark.parametrize("pin", ["483920", "120589", "739164852016"])
def test_a_pin_that_can_be_one(pin: str) -> None:
    assert pin_fault(pin) is None


@pytest.mark.requirement("R18")
def test_five_wrong_pins_lock_for_a_minute_and_each_further_one_twice_as_long_up_to_an_hour() -> None:
    assert [lock_s(n) for n in range(13)] == [0, 0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert lock_s(10**9) == LONGEST_LOCK_S


@given(st.integers(0, 10**6))
def test_one_more_wrong_pin_never_locks_shorter(failures: int) -> None:
    assert lock_s(failures) <= lock_s(failures + 1)
    assert (lock_s(failures) > 0) == (failures > FREE_GUESSES)


def refused(locked_s: int) -> Ledger:
    ledger = Ledger()
    ledger.mono_us = 500 * S
    ledger.desk("pin.refused", {"person": "KM", "failures": 5, "locked_s": locked_s})
    return ledger


@pytest.mark.requirement("R18")
def test_a_lock_runs_by_the_clock_that_nobody_sets() -> None:
    (entry,) = refused(60).entries
    assert locked_us(None, boot="boot-1", now_us=0) == 0
    assert [locked_us(entry, boot="boot-1", now_us=us * S) for us in (500, 530, 559, 560, 900)] == [
        60 * S,
        30 * S,
        1 * S,
        0,
        0,
    ]
    assert locked_us(refused(0).entries[0], boot="boot-1", now_us=500 * S) == 0


def test_a_clock_that_ran_ahead_does_not_make_a_lock_longer() -> None:
    assert locked_us(refused(60).entries[0], boot="boot-1", now_us=100 * S) == 60 * S


@given(
    off_us=st.integers(0, 10**12), since_us=st.integers(0, 10**10), locked=st.sampled_from([60, 120, LONGEST_LOCK_S])
)
@pytest.mark.requirement("R18")
def test_no_start_of_the_computer_shortens_a_lock(off_us: int, since_us: int, locked: int) -> None:
    """The lock began `since_us` before the computer went off; it was off for `off_us`, and runs since then."""
    (entry,) = refused(locked).entries
    for up_us in (0, FIRST_LOCK_S * S - 1, locked * S - 1, locked * S):
        left_us = locked_us(entry, boot="boot-2", now_us=up_us)
        assert since_us + off_us + up_us + left_us >= locked * S
        assert left_us == locked * S - up_us


@pytest.mark.requirement("R16")
def test_a_sitting_ends_after_ten_minutes_with_another_start_and_begins_with_a_pin() -> None:
    ledger = Ledger()
    told = {"person": "KM", "meaning": "performed", "sealed": "0", "derived": "d1", "number": 1, "failures": 0}
    signed = ledger.desk("session.signed", told, stream="s-0000000001")
    at_us = ledger.mono_us
    assert same_sitting(signed, boot="boot-1", now_us=at_us + SITTING_US)
    assert not same_sitting(signed, boot="boot-1", now_us=at_us + SITTING_US + 1)
    assert not same_sitting(signed, boot="boot-2", now_us=at_us + 1)
    assert not same_sitting(signed, boot="boot-1", now_us=at_us - 1)
    assert not same_sitting(None, boot="boot-1", now_us=at_us)
    unsure = ledger.desk("session.signed", told, Actor(id="KM", role="practitioner"), stream="s-0000000001")
    assert not same_sitting(unsure, boot="boot-1", now_us=at_us)
    assert KM.auth == "pin"


@pytest.mark.requirement("R19")
def test_a_pin_holds_to_the_end_of_its_last_day() -> None:
    pin = Pin(seq=1, how="own", expires="2030-03-17", by="km", own=True)
    assert [pin.expired(day) for day in ("2029-12-31", "2030-03-17", "2030-03-18")] == [False, False, True]
    assert not Pin(seq=1, how="first", expires=None, by="boss", own=False).expired("9999-12-31")
