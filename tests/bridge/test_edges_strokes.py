"""Strokes: how many for certain, how many more perhaps, how fast, and when the motor runs."""

from dataclasses import replace

import pytest

from firmware_bridge.edges.strokes import Strokes
from firmware_bridge.readings import LinkChange
from tests.bridge.wired import START_US, Pins, Told, profile_of, switch, told

S = 1_000_000
HALL = {"strokes": switch(17, 200), "contact": switch(27)}
SLOW = profile_of(**HALL, frequency_max_dhz=1_500)  # 150 strokes a second


def strokes_of(told_):
    return told_.account["strokes"]["low"], told_.account["strokes"]["high"]


def test_every_stroke_counts_and_nothing_is_doubted():
    pins = Pins()
    pins.strokes(120, 8_333, 100_000)
    told_ = told(SLOW, pins, 1_500_000)
    assert strokes_of(told_) == (120, 120)
    assert told_.decoder.strokes_doubt == 0
    assert told_.totals == [(None, 0), (None, 120)]
    assert told_.events == [(3, 0), (4, 0)]


def test_a_sensor_that_bounces_counts_once_a_stroke():
    pins = Pins()
    for turn in range(50):
        at_us = 100_000 + turn * 8_000
        for bounce in range(4):
            pins.pulse("strokes", at_us + bounce * 50, at_us + bounce * 50 + 25)
        pins.pulse("strokes", at_us + 200, at_us + 1_500)
    told_ = told(SLOW, pins, S)
    assert strokes_of(told_) == (50, 50)
    assert told_.line("strokes") == {"edges": 500, "bounces": 200, "missed": 0}


def test_frequency_is_that_of_the_newest_interval_and_falls_with_the_time_since():
    pins = Pins()
    pins.strokes(10, 10_000, 100_000)  # the last at 190 ms
    told_ = told(profile_of(**HALL), pins, 400_000)
    assert told_.column("frequency")[10:32] == [
        *([0] + [1_000] * 9 + [1_000]),  # the first stroke has no interval; at 200 ms the newest is 10 ms ago
        *(10_000_000 // since for since in range(20_000, 100_000, 10_000)),
        *([0] * 3),
    ]
    assert told_.column("motor") == [False] * 10 + [True] * 19 + [False] * 11


def test_a_stroke_after_a_rest_has_no_frequency():
    pins = Pins()
    pins.strokes(2, 500_000, 95_000)
    told_ = told(SLOW, pins, S)
    assert set(told_.column("frequency")) == {0}
    assert told_.events == [(3, 0), (4, 0), (3, 0), (4, 0)]


def test_where_no_sensor_tells_of_strokes_the_motor_may_run():
    told_ = told(profile_of(contact=switch(27)), Pins(), 100_000)
    assert set(told_.column("motor")) == {True}
    assert (told_.account["strokes"], told_.decoder.strokes_doubt) == (None, 0)


def test_a_tenth_of_a_second_without_a_stroke_is_rest():
    strokes = Strokes(None)
    strokes.take(0)
    assert [strokes.running(t_us) for t_us in (99_999, 100_000)] == [True, False]
    strokes.take(99_999)
    assert strokes.frequency_dhz(99_999) == 100
    strokes.take(199_999)
    assert strokes.frequency_dhz(199_999) == 0  # the motor had stopped


# --- doubt ------------------------------------------------------------------------------------------------------------


def test_a_hall_sensor_at_twice_the_possible_rate_makes_the_count_an_interval():
    """Bad input: two magnets, or a sensor that sees another motor. Every second one cannot be a stroke."""
    pins = Pins()
    pins.strokes(200, 3_333, 100_000)
    told_ = told(SLOW, pins, S)
    assert strokes_of(told_) == (100, 200)
    assert told_.account["impossible_strokes"] == told_.decoder.strokes_doubt == 100
    assert max(told_.column("frequency")) <= 1_500


@pytest.mark.parametrize(("every_us", "impossible"), [(4_444, 0), (4_443, 10)])
def test_half_as_fast_again_is_measured_and_faster_is_impossible(every_us, impossible):
    pins = Pins()
    pins.strokes(20, every_us, 100_000)
    assert told(SLOW, pins, S).account["impossible_strokes"] == impossible


def test_without_a_limit_in_the_profile_what_no_pen_does_is_impossible():
    pins = Pins()
    pins.strokes(20, 1_250, 100_000, width_us=500)
    assert strokes_of(told(profile_of(**HALL), pins, S)) == (10, 20)


@pytest.mark.parametrize("width_us", [1, 100, 199])
def test_a_stroke_too_short_to_last_is_possible_and_not_counted(width_us):
    """Bad input: a magnet that passes too fast for the bounce that is named."""
    pins = Pins()
    pins.strokes(100, 10_000, 100_000, width_us)
    told_ = told(SLOW, pins, 1_500_000)
    assert strokes_of(told_) == (0, 100)
    assert told_.line("strokes")["bounces"] == 100


@pytest.mark.parametrize(("after_us", "more"), [(4_443, 0), (4_444, 1)])
def test_a_short_pulse_sooner_after_a_stroke_than_a_needle_can_is_none(after_us, more):
    pins = Pins()
    pins.pulse("strokes", 100_000, 102_000)
    pins.pulse("strokes", 100_000 + after_us - 50, 100_000 + after_us)
    assert strokes_of(told(SLOW, pins, 400_000)) == (1, 1 + more)


@pytest.mark.parametrize(("quiet_us", "more"), [(199, 0), (200, 1)])
def test_a_short_pulse_just_before_a_stroke_is_its_bouncing(quiet_us, more):
    pins = Pins()
    pins.pulse("strokes", 100_000, 100_100)
    pins.pulse("strokes", 100_100 + quiet_us, 102_000)
    assert strokes_of(told(SLOW, pins, 400_000)) == (1, 1 + more)


def test_short_pulses_that_go_on_may_have_been_as_many_strokes_as_fit():
    pins = Pins()
    pins.strokes(400, 200, 100_000, 100)  # 80 ms of it
    assert strokes_of(told(SLOW, pins, 400_000)) == (0, 11)


def test_short_pulses_at_the_very_end_are_possible_too():
    pins = Pins()
    pins.pulse("strokes", 399_700, 399_790)
    assert strokes_of(told(SLOW, pins, 400_000)) == (0, 1)


def test_edges_that_were_dropped_are_doubt():
    pins = Pins()
    pins.strokes(10, 8_000, 100_000)
    batches = pins.batches(400_000)
    batches[4] = replace(batches[4], dropped=6)
    told_ = Told(SLOW, batches)
    assert strokes_of(told_) == (10, 16)
    assert told_.account["dropped"] == 6


@pytest.mark.parametrize("late_us", [0, 10_000, 20_000, 49_000])
def test_strokes_that_a_busy_computer_tells_late_are_all_counted(late_us):
    pins = Pins()
    pins.strokes(100, 10_000, 100_000, 2_000)
    told_ = told(SLOW, pins, 1_500_000, cuts_us=range(41_000, 1_500_000, 1_000), late_us=late_us)
    assert (strokes_of(told_), told_.account["late"]) == ((100, 100), 0)


@pytest.mark.parametrize("late_us", [60_000, 90_000, 150_000, 700_000])
@pytest.mark.parametrize("every_us", [40_000, 1_000, 7_000, 90_000])
def test_strokes_that_are_told_later_than_any_driver_does_are_between_the_two_figures(late_us, every_us):
    """Bad input: a computer that stands still. Each edge that has no place any more may have been a stroke."""
    pins = Pins()
    pins.strokes(100, 10_000, 100_000, 2_000)
    told_ = told(SLOW, pins, 1_500_000, cuts_us=range(every_us, 1_500_000, every_us), late_us=late_us)
    low, high = strokes_of(told_)
    assert low <= 100 <= high
    assert told_.account["late"] > 0
    assert told_.decoder.strokes_doubt >= told_.account["late"]


def test_an_edge_of_another_line_that_comes_too_late_leaves_the_strokes_certain():
    pins = Pins()
    pins.strokes(5, 10_000, 300_000, 2_000)
    pins.pulse("contact", 35_000, 75_000)
    batches = pins.batches(600_000)
    late = (*batches[0].edges, *batches[1].edges)
    batches[0], batches[1] = replace(batches[0], edges=()), replace(batches[1], edges=())
    batches[5] = replace(batches[5], edges=late)
    told_ = Told(SLOW, batches)
    assert (strokes_of(told_), told_.account["late"]) == ((5, 5), 2)


def test_an_edge_that_says_what_already_was_is_doubt():
    pins = Pins()
    pins.level("strokes", True, 100_000)
    pins.level("strokes", False, 101_000, told=False)
    pins.level("strokes", True, 108_000)
    pins.level("strokes", False, 109_000)
    told_ = told(SLOW, pins, 400_000)
    assert told_.line("strokes")["missed"] == 1
    assert strokes_of(told_) == (1, 2)


def test_each_missed_edge_is_doubted_for_its_own_time():
    pins = Pins()
    for at_us in (100_000, 108_000, 116_000):
        pins.level("strokes", True, at_us)  # and nobody told that it fell
    pins.level("strokes", False, 117_000)
    assert strokes_of(told(SLOW, pins, 400_000)) == (1, 3)  # 8 ms at 150 a second: one each


def test_without_a_limit_in_the_profile_four_hundred_a_second_fit():
    strokes = Strokes(None)
    strokes.doubt_within(10 * S)
    assert strokes.doubt == 4_000


def test_an_edge_that_only_the_level_shows_is_a_stroke_and_doubt():
    pins, untold = Pins(), Pins()
    untold.level("strokes", True, 102_000)
    told_ = told(SLOW, pins, 400_000, untold=untold.edges)
    assert told_.line("strokes")["missed"] == 1
    assert strokes_of(told_) == (1, 7)  # from 80 ms, when the level was last as the edges say, 45 ms at 150 a second


def test_a_stroke_that_nobody_saw_last_is_doubt():
    pins = Pins()
    pins.level("strokes", True, 99_900)
    assert strokes_of(told(SLOW, pins, 100_000)) == (0, 1)
    pins = Pins(high=["strokes"])
    pins.level("strokes", False, 99_900)
    assert strokes_of(told(SLOW, pins, 100_000)) == (0, 0)


@pytest.mark.parametrize("link", [True, False], ids=["link lost", "a hole in watching"])
def test_while_nobody_watched_there_may_have_been_as_many_strokes_as_fit(link):
    first, second = Pins(), Pins(start_us=START_US + 3 * S)
    first.strokes(10, 8_000, 100_000)
    second.strokes(10, 8_000, 100_000)
    change = [LinkChange(t_us=START_US + S, up=up, cause="closed", port="pins") for up in (False, True)]
    told_ = Told(SLOW, [*first.batches(S), *(change if link else []), *second.batches(S)])
    assert strokes_of(told_) == (20, 20 + 300)
    assert told_.account["unwatched_us"] == 2 * S
    assert [total for _, total in told_.totals] == [0, 10, 10, 20]


def test_a_pen_whose_profile_does_not_measure_strokes_counts_none():
    pins = Pins()
    pins.strokes(10, 8_000, 100_000)
    told_ = told(profile_of(**HALL, measures=["contact"]), pins, 400_000)
    assert told_.account["strokes"] is None
    assert {block.strokes for block in told_.blocks} == {None}
    assert set(told_.column("frequency")) == {None}
    assert True in told_.column("motor")
