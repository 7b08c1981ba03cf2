"""What a foot says: one gesture each, decided as soon as it can be, and once."""

import pytest

from firmware_bridge.readings import Gesture
from tests.bridge.wired import PEDAL, START_US, Pins, Told, profile_of, switch, told

ONLY = profile_of(pedal=PEDAL, contact=switch(27))
S = 1_000_000


@pytest.mark.parametrize(
    ("presses", "gestures"),
    [
        ([], []),
        ([(1_000, 1_200)], [("short", 1_000)]),
        ([(1_000, 1_999)], [("short", 1_000)]),
        ([(1_000, 2_000)], [("long", 1_000)]),
        ([(1_000, 1_200), (1_600, 1_700)], [("double", 1_000)]),  # 400 ms from the end of the first, exactly
        ([(1_000, 1_200), (1_601, 1_700)], [("short", 1_000), ("short", 1_601)]),
        ([(1_000, 1_100), (1_200, 1_300), (1_400, 1_500)], [("double", 1_000), ("short", 1_400)]),
        ([(1_000, 1_100), (1_200, 2_200)], [("short", 1_000), ("long", 1_200)]),
        ([(1_000, 2_500), (2_600, 2_700), (2_800, 2_900)], [("long", 1_000), ("double", 2_600)]),
        ([(1_000, 10_999)], [("long", 1_000)]),
        ([(1_000, 11_000)], [("stuck", 1_000)]),
        ([(1_000, 1_100), (1_200, 12_000)], [("short", 1_000), ("stuck", 1_200)]),
        ([(1_000, 12_000), (12_100, 12_200)], [("stuck", 1_000), ("short", 12_100)]),
        ([(1_000, 1_004)], []),  # bouncing
        ([(1_000, 1_003), (1_006, 1_200)], [("short", 1_006)]),
    ],
    ids=[
        *("none", "short", "nearly long", "long", "double", "too far apart", "three", "short and long", "long, double"),
        *("nearly stuck", "stuck", "short and stuck", "stuck and short", "bounce", "bounces on"),
    ],
)
def test_gestures(presses, gestures):
    pins = Pins()
    for from_ms, to_ms in presses:
        pins.pulse("pedal", from_ms * 1_000, to_ms * 1_000)
    assert told(ONLY, pins, 15 * S).gestures == [(kind, at_ms * 1_000) for kind, at_ms in gestures]


def test_a_pedal_held_for_a_minute_is_stuck_once():
    """Bad input: something stands on the pedal."""
    pins = Pins()
    pins.pulse("pedal", 2 * S, 62 * S)
    assert told(ONLY, pins, 70 * S).gestures == [("stuck", 2 * S)]


def test_a_microsecond_less_than_ten_seconds_is_not_stuck():
    pins = Pins()
    pins.pulse("pedal", 2 * S, 12 * S - 1)
    assert told(ONLY, pins, 15 * S).gestures == [("long", 2 * S)]


def test_a_stuck_pedal_is_told_while_it_is_down():
    pins = Pins()
    pins.level("pedal", True, 2 * S)
    when = {gesture: batch.t_us for batch, gesture in each(ONLY, pins, 20 * S)}
    ((gesture, at_us),) = when.items()
    assert (gesture.kind, at_us - START_US) == ("stuck", 12_080_000)  # ten seconds, and what is held back


def test_a_short_press_waits_for_the_second_one_and_no_longer():
    pins = Pins()
    pins.pulse("pedal", 2 * S, 2_100_000)
    (told_at_us,) = [batch.t_us - START_US for batch, _ in each(ONLY, pins, 5 * S)]
    assert 2_500_000 < told_at_us <= 2_500_000 + 120_000


def test_a_pedal_that_is_down_at_first_is_no_press_but_may_be_stuck():
    pins = Pins(high=["pedal"])
    pins.level("pedal", False, 3 * S)
    assert told(ONLY, pins, 5 * S).gestures == []
    assert told(ONLY, Pins(high=["pedal"]), 15 * S).gestures == [("stuck", 0)]


def test_what_waits_at_the_end_is_said_and_a_press_that_goes_on_is_not():
    pins = Pins()
    pins.pulse("pedal", S, 1_100_000)
    pins.level("pedal", True, 1_200_000)
    assert told(ONLY, pins, 1_300_000).gestures == [("short", S)]


def each(profile, pins, until_us):
    """Every gesture with the batch that completed it."""
    decoder = Told(profile, []).decoder
    for batch in pins.batches(until_us):
        for reading in decoder.feed(batch):
            if isinstance(reading, Gesture):
                yield batch, reading
