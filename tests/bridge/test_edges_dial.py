"""The depth dial: an encoder against a table of its own, a potentiometer against plain fractions, and both broken."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.edges.dial import Counts, Quadrature
from firmware_bridge.wiring import Encoder, Potentiometer, Switch
from tests.bridge.wired import ALL, ENCODER, POTENTIOMETER, START_US, Pins, Told, profile_of, switch, told

quick = settings(deadline=None, max_examples=100)

DIAL = profile_of(dial=ENCODER)
HOMED = profile_of(dial=ENCODER | {"home": switch(26)})
POT = profile_of(dial=POTENTIOMETER)


def settings_of(told_):
    """The settings in the order in which they stood, each once."""
    seen = told_.column("set")
    return [um for at, um in enumerate(seen) if at == 0 or um != seen[at - 1]]


# --- the encoder ------------------------------------------------------------------------------------------------------

CYCLE = ((False, False), (True, False), (True, True), (False, True))  # a leads b: deeper


@quick
@given(
    st.lists(st.tuples(st.integers(-9, 9), st.sampled_from([1, 700, 30_000])), max_size=12),
    st.sampled_from([(False, False), (True, True)]),
)
def test_the_position_is_that_of_the_table(turns, first):
    pins = Pins(high=[name for name, high in zip(("dial_a", "dial_b"), first, strict=True) if high])
    now, phase = 100_000, CYCLE.index(first)
    for quarters, every_us in turns:
        for _ in range(abs(quarters)):
            now, phase = now + every_us, (phase + (1 if quarters > 0 else -1)) % 4
            for name, level in zip(("dial_a", "dial_b"), CYCLE[phase], strict=True):
                if pins._level[name] is not level:
                    pins.toggle(name, now)
    expected = 0
    for quarters in (step for count, _ in turns for step in [1 if count > 0 else -1] * abs(count)):
        um = Fraction(500) + Fraction(100, 4) * (expected + quarters)
        expected += quarters if 200 <= um <= 2_500 else 0
    told_ = told(profile_of(dial=ENCODER), pins, now + 100_000)
    assert told_.account["dial"]["illegal"] == 0
    if told_.account["dial"]["dead_channel"] is None:
        assert told_.decoder.dial_um == 500 + expected * 25
    else:  # turned back and forth over one edge: for all anybody knows the other channel is dead
        assert told_.decoder.dial_um is None


def test_four_edges_are_one_step_and_a_turn_is_an_event():
    pins = Pins()
    rests_us = pins.turn(8, 95_000, every_us=10_000)
    pins.turn(-4, rests_us + 100_000, every_us=10_000)
    told_ = told(DIAL, pins, 500_000)
    assert settings_of(told_) == [500, 525, 550, 575, 600, 625, 650, 675, 700, 675, 650, 625, 600]
    assert told_.events == [(2, um) for um in settings_of(told_)[1:]]
    assert told_.decoder.dial_um == 600


def test_a_sample_says_the_setting_of_its_own_time_in_its_frame():
    pins = Pins()
    pins.turn(1, 105_000)
    told_ = told(DIAL, pins, 200_000)
    assert told_.column("set") == [500] * 11 + [525] * 9
    assert [(block.seq, block.n) for block in told_.blocks[4:7]] == [(8, 2), (10, 1), (11, 1)]


def test_the_dial_stops_at_the_ends_of_its_way_and_says_so():
    pins = Pins()
    rests_us = pins.turn(-16, 50_000)  # 300 µs are twelve quarters
    pins.turn(4, rests_us + 50_000)
    told_ = told(DIAL, pins, 400_000)
    assert (min(told_.column("set")), told_.decoder.dial_um) == (200, 300)
    assert told_.account["dial"]["beyond"] == 4


def test_bounce_of_a_channel_turns_nothing():
    pins = Pins()
    for at in range(5):
        pins.pulse("dial_a", 50_000 + at * 60, 50_030 + at * 60)
    pins.turn(4, 60_000)
    told_ = told(profile_of(dial=ENCODER | {"a": switch(5, 100), "b": switch(6, 100)}), pins, 200_000)
    assert (told_.decoder.dial_um, told_.line("dial_a")["bounces"]) == (600, 5)


@pytest.mark.parametrize(("alive", "dead"), [("dial_a", "b"), ("dial_b", "a")])
def test_an_encoder_with_one_channel_dead_says_no_setting(alive, dead):
    """Bad input: one wire is off, and the dial is turned. What it was set to nobody knows any more."""
    pins = Pins()
    for at in range(12):
        pins.toggle(alive, 100_000 + at * 10_000)
    told_ = told(DIAL, pins, 400_000)
    assert told_.account["dial"] == {"illegal": 0, "dead_channel": dead, "lost": 1, "beyond": 0}
    assert (told_.decoder.dial_um, told_.column("set")[-1]) == (None, None)
    assert {um for um in told_.column("set") if um is not None} <= {500, 525, 475}  # never a step away


@pytest.mark.parametrize("before", ["nothing", "a turn", "at home"])
@pytest.mark.parametrize(("alive", "dead"), [("dial_a", "b"), ("dial_b", "a")])
@pytest.mark.parametrize("edges", [5, 6])
def test_six_edges_without_the_other_channel_are_a_dead_one(edges, alive, dead, before):
    pins = Pins()
    if before == "a turn":
        pins.turn(4 if alive == "dial_a" else -4, 20_000)  # the other channel is the last to change
    elif before == "at home":
        pins.pulse("home", 40_000, 60_000)
    for at in range(edges):
        pins.toggle(alive, 100_000 + at * 10_000)
    assert told(HOMED, pins, 400_000).account["dial"]["dead_channel"] == (dead if edges == 6 else None)


@pytest.mark.parametrize("high", [[], ["dial_a"], ["dial_b"], ["dial_a", "dial_b"]])
@pytest.mark.parametrize("quarters", [-1, 1])
def test_the_first_level_of_either_channel_says_which_way_the_first_edge_turns(high, quarters):
    pins = Pins(high=high)
    pins.turn(quarters, 50_000)
    assert told(DIAL, pins, 200_000).decoder.dial_um == 500 + 25 * quarters


def test_the_ends_of_the_way_belong_to_it():
    pins = Pins()
    rests_us = pins.turn(-13, 50_000)
    pins.turn(94, rests_us)
    told_ = told(DIAL, pins, rests_us + 700_000)
    assert (min(told_.column("set")), max(told_.column("set"))) == (200, 2_500)
    assert told_.account["dial"]["beyond"] == 3


def test_turning_back_and_forth_over_one_edge_is_not_a_dead_channel():
    pins = Pins()
    for turn in range(5):
        rests_us = pins.turn(2, 100_000 + turn * 40_000)
        pins.turn(-2, rests_us)
    told_ = told(DIAL, pins, 400_000)
    assert (told_.decoder.dial_um, told_.account["dial"]["dead_channel"]) == (500, None)


def test_both_channels_at_once_is_illegal_and_the_setting_is_not_known():
    pins = Pins()
    pins.toggle("dial_a", 100_000)
    pins.toggle("dial_b", 100_000)
    told_ = told(DIAL, pins, 200_000)
    assert told_.account["dial"] == {"illegal": 1, "dead_channel": None, "lost": 1, "beyond": 0}
    assert told_.decoder.dial_um is None


@pytest.mark.parametrize(("line", "um"), [("dial_a", None), ("dial_b", None), ("home", 500)])
def test_a_missed_edge_loses_the_setting_until_the_dial_is_at_home(line, um):
    pins, untold = Pins(), Pins()
    untold.level(line, True, 70_000)
    told_ = told(HOMED, pins, 200_000, untold=untold.edges)
    assert told_.line(line)["missed"] == 1
    assert (told_.account["dial"]["lost"], told_.column("set")[-1]) == (1, um)


def test_a_missed_edge_of_another_line_leaves_the_dial_alone():
    pins, untold = Pins(), Pins()
    untold.level("contact", True, 70_000)
    told_ = told(profile_of(dial=ENCODER, contact=switch(27)), pins, 200_000, untold=untold.edges)
    assert (told_.line("contact")["missed"], told_.decoder.dial_um) == (1, 500)


@pytest.mark.parametrize(("line", "um"), [("dial_a", None), ("dial_b", None), ("contact", 500)])
def test_an_edge_that_comes_later_than_any_driver_tells_loses_the_setting(line, um):
    pins = Pins()
    pins.pulse(line, 35_000, 39_000)  # no level that was read shows it
    batches = pins.batches(400_000)
    batches[0], batches[5] = replace(batches[0], edges=()), replace(batches[5], edges=batches[0].edges)
    told_ = Told(profile_of(**ALL), batches)
    assert (told_.account["late"], told_.column("set")[-1]) == (2, um)


def test_edges_that_were_dropped_may_have_been_the_dials():
    batches = Pins().batches(200_000)
    batches[2] = replace(batches[2], dropped=1)
    told_ = Told(DIAL, batches)
    assert told_.column("set") == [500] * 8 + [None] * 12  # from the beginning of the stretch in which they were


def test_home_finds_a_setting_that_was_lost():
    pins = Pins()
    pins.toggle("dial_a", 50_000)
    pins.toggle("dial_b", 50_000)
    pins.level("home", True, 100_000)
    pins.turn(2, 110_000)  # within the reach of the switch
    pins.level("home", False, 150_000)
    pins.turn(4, 200_000)
    told_ = told(HOMED, pins, 400_000)
    assert settings_of(told_)[0] == 500
    assert None in told_.column("set")
    assert told_.decoder.dial_um == 600


def test_home_at_first_says_where_the_dial_stands():
    pins = Pins(high=["home"])
    pins.turn(2, 20_000)  # within the reach of the switch
    pins.level("home", False, 50_000)
    pins.turn(-4, 60_000)
    assert told(HOMED, pins, 200_000).decoder.dial_um == 400


def test_home_at_first_finds_a_setting_that_was_lost_while_nobody_watched():
    pins = Pins(high=["home"], start_us=START_US + 3_000_000)
    told_ = Told(HOMED, [*Pins().batches(200_000), *pins.batches(200_000)])
    assert (told_.account["dial"]["lost"], told_.decoder.dial_um) == (1, 500)


def test_a_home_switch_alone_sets_it_back():
    pins = Pins()
    pins.turn(4, 50_000)
    pins.level("home", True, 100_000)
    told_ = told(HOMED, pins, 200_000)
    assert (max(told_.column("set")), told_.decoder.dial_um) == (600, 500)


def test_at_home_the_lone_changes_of_a_channel_are_counted_anew():
    part = Switch(pin=4, active_high=True, pull="none", bounce_us=0)
    dial = Quadrature(Encoder(a=part, b=part, home=part, start_um=500, step_um=25, min_um=0, max_um=900))
    for n in range(5):
        dial.turn_a(n, n % 2 == 0)
    dial.turn_home(5, True)
    dial.turn_home(6, False)
    for n in range(5):
        dial.turn_a(7 + n, n % 2 == 1)
        assert dial.document()["dead_channel"] is None


def test_quarters_round_down_from_the_start():
    part = Switch(pin=1, active_high=True, pull="none", bounce_us=0)
    dial = Quadrature(Encoder(a=part, b=part, home=None, start_um=500, step_um=25, min_um=0, max_um=900))
    dial.turn_a(1, True)
    assert dial.um == 506
    dial.turn_a(2, False)
    dial.turn_b(3, True)
    assert dial.um == 493


# --- the potentiometer ------------------------------------------------------------------------------------------------


def nearest(count):
    """The detent nearest to where the points say that this count is."""
    points = [Fraction(value) for value in (20, 520, 1_000)], [Fraction(value) for value in (200, 1_200, 2_500)]
    count = max(20, min(count, 1_000))
    i = 0 if count <= 520 else 1
    slope = (points[1][i + 1] - points[1][i]) / (points[0][i + 1] - points[0][i])
    um = points[1][i] + slope * (count - points[0][i])
    return um, 100 * round(um / 100)


@quick
@given(st.lists(st.integers(12, 1_008), min_size=1, max_size=20))
def test_the_setting_is_within_a_step_of_what_the_points_say(counts):
    told_ = told(POT, (pins := Pins()), pins.converts(counts, 5_000))
    column = told_.column("set")
    for at, count in enumerate(counts[:-1]):
        um, detent = nearest(count)
        setting = column[1 + 2 * at]
        assert setting % 100 == 0
        assert abs(setting - um) <= 76
        assert abs(setting - detent) <= 100
    assert told_.account["adc"]["conversions"] == len(counts)


def test_every_count_alone_gives_the_nearest_detent():
    for count in range(12, 1_009):
        um, detent = nearest(count)
        pins = Pins()
        pins.convert(count, 1_000)
        setting = told(POT, pins, 20_000, cuts_us=[]).decoder.dial_um
        assert setting == detent or abs(um - detent) > Fraction(49)


def test_a_count_that_flickers_between_two_detents_turns_nothing():
    half_way = 270  # 700 µs; 250 µs on is 395; a detent's border is 50 µs, 25 counts
    pins = Pins()
    pins.converts([half_way, *([half_way + 24, half_way + 26] * 10)])
    assert settings_of(told(POT, pins, 400_000)) == [700]


@pytest.mark.parametrize("count", [0, 1, 11, 1_009, 1_022, 1_023])
def test_an_adc_stuck_where_the_dial_cannot_stand_says_no_setting(count):
    """Bad input: the wiper is off, or the ground is, and the converter reads a rail or near it."""
    pins = Pins()
    pins.converts([520] * 5 + [count] * 20)
    told_ = told(POT, pins, 500_000)
    assert settings_of(told_) == [1_200, None]
    assert told_.account["adc"] == {"conversions": 25, "expected": 25, "rail": 20}
    assert told_.decoder.dial_um is None


@pytest.mark.parametrize(("count", "um"), [(12, 200), (19, 200), (1_001, 2_500), (1_008, 2_500)])
def test_an_end_a_little_beyond_where_it_was_measured_is_the_end(count, um):
    pins = Pins()
    pins.converts([count] * 10)
    told_ = told(POT, pins, 200_000)
    assert (settings_of(told_), told_.account["adc"]["rail"]) == ([um], 0)


@pytest.mark.parametrize(("count", "um"), [(1, None), (2, 200), (1_021, 2_500), (1_022, None)])
def test_a_rail_is_one_however_near_the_dial_comes(count, um):
    pins = Pins()
    pins.converts([count] * 10)
    widest = POTENTIOMETER | {"points": [[5, 200], [1_018, 2_500]]}
    told_ = told(profile_of(dial=widest), pins, 200_000)
    assert told_.decoder.dial_um == um
    assert told_.account["adc"]["rail"] == (10 if um is None else 0)


def counts(rate_hz=50):
    """A dial on which a count is a micrometre."""
    return Counts(Potentiometer(channel=0, device=0, rate_hz=rate_hz, step_um=100, points=((0, 0), (1_000, 1_000))))


def test_the_next_detent_is_taken_when_it_is_nearer_by_half_a_step():
    dial = counts()
    settings = []
    for count in (500, 575, 576, 525, 524):
        dial.take(0, count)
        settings.append(dial.at(0))
    assert settings == [500, 500, 600, 600, 500]


@pytest.mark.parametrize(("rate_hz", "for_us"), [(50, 250_000), (16, 250_000), (1, 4_000_000)])
def test_a_conversion_holds_for_a_quarter_of_a_second_or_for_four_of_them(rate_hz, for_us):
    dial = counts(rate_hz)
    dial.take(7, 500)
    assert [dial.at(7 + for_us - 1), dial.at(7 + for_us)] == [500, None]


def test_a_conversion_is_expected_when_its_whole_time_was_watched():
    assert [counts().document(watched_us)["expected"] for watched_us in (999_999, 1_000_000)] == [49, 50]


def test_a_conversion_that_is_told_too_late_counts_as_of_now_and_is_counted():
    pins = Pins()
    pins.convert(520, 35_000)
    told_ = told(POT, pins, 400_000, cuts_us=[120_000, 160_000, 200_000], late_us=90_000)
    assert (told_.account["late"], told_.account["adc"]["conversions"]) == (1, 1)
    assert told_.column("set").index(1_200) == 7  # what was known then: 50 ms before the end of the first batch


def test_the_rate_is_kept_and_what_lacks_shows():
    pins = Pins()
    pins.converts([520] * 40)
    adc = told(POT, pins, 1_000_000).account["adc"]
    assert adc == {"conversions": 40, "expected": 50, "rail": 0}


def test_a_setting_without_conversions_is_not_known_after_a_time():
    pins = Pins()
    pins.converts([520], 15_000)
    column = told(POT, pins, 500_000).column("set")
    assert column == [None] * 2 + [1_200] * 25 + [None] * 23  # 250 ms from the conversion on
    assert told(POT, pins, 500_000).decoder.dial_um is None


def test_another_channel_is_not_the_dial():
    pins = Pins()
    pins.convert(520, 10_000, channel=3)
    told_ = told(POT, pins, 100_000)
    assert (told_.decoder.dial_um, told_.account["strange"]) == (None, 1)
    assert told_.account["adc"]["conversions"] == 0


def test_conversions_told_late_are_taken_in_order():
    pins = Pins()
    pins.converts([520, 20, 1_000], 35_000, 8_000)
    assert told(POT, pins, 200_000, late_us=9_000).readings == told(POT, pins, 200_000).readings


@pytest.mark.parametrize(("at_us", "late_us", "late"), [(70_000, 50_001, 0), (69_999, 50_002, 1)])
def test_a_conversion_may_be_told_as_late_as_an_edge(at_us, late_us, late):
    pins = Pins()
    pins.convert(520, at_us)
    assert told(POT, pins, 200_000, cuts_us=[120_000], late_us=late_us).account["late"] == late
