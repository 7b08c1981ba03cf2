"""The whole decoder: any division gives the same readings, every watching is a boot, and speed."""

from dataclasses import replace
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_bridge.decode import Decoder
from firmware_bridge.edges import SensorDecoder
from firmware_bridge.readings import (
    AdcSample,
    Edge,
    Heartbeat,
    Identity,
    LinkChange,
    Overflow,
    PenEvent,
    SampleBlock,
    SensorBatch,
    SerialChunk,
)
from firmware_bridge.transports import decoder_of
from tests.bridge.wired import ALL, ENCODER, POTENTIOMETER, START_US, Pins, Told, profile_of, switch, told
from tests.builders import PROFILE

S = 1_000_000
PEN = profile_of()
HOMED = profile_of(**ALL | {"dial": ENCODER | {"home": switch(26, 300)}}, frequency_max_dhz=1_500)
POT = profile_of(**ALL | {"dial": POTENTIOMETER}, sample_period_us=1_000)
ODD = profile_of(**ALL, sample_period_us=33_000)
FAST = profile_of(factory="mock", strokes=switch(17, 200), contact=switch(27, 2_000), frequency_max_dhz=3_000)

thorough = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])


# --- any division -----------------------------------------------------------------------------------------------------

LINES = ("strokes", "contact", "dial_a", "dial_b", "home", "pass", "pedal")
GAPS_US = (0, 1, 90, 200, 250, 1_000, 2_100, 5_000, 9_000, 20_000, 33_000, 400_000, 1_100_000)
happens = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(GAPS_US)), max_size=60)
divisions = st.lists(st.integers(1, 10_000), max_size=12)


@thorough
@given(
    st.sampled_from([PEN, HOMED, POT, ODD]),
    happens,
    divisions,
    st.sampled_from([0, 300, 9_000, 49_000]),
    st.lists(st.sampled_from(LINES), max_size=2),
)
def test_any_division_of_the_same_edges_gives_the_same_readings(profile, happens, parts, late_us, high):
    pins, now = Pins(high=high), 30_000
    for line, gap_us in happens:
        now += gap_us
        pins.toggle(line, now)
    for at_us in range(0, min(now, 2 * S), 20_000):
        pins.convert(at_us // 800 % 1_024, at_us)
    until_us = now + 100_000
    cuts_us = [until_us * part // 10_001 for part in parts]
    cuts_us = [cut_us for cut_us in cuts_us if cut_us > 50_000]
    whole, divided = (
        told(profile, pins, until_us, cuts_us=[]),
        told(profile, pins, until_us, cuts_us=cuts_us, late_us=late_us),
    )
    assert divided.readings == whole.readings
    assert divided.account == whole.account
    assert divided.decoder.dial_um == whole.decoder.dial_um
    accounted(profile, whole, until_us)


def accounted(profile, told_, until_us):
    """Samples without a hole up to the end, clocks that agree with their numbers, totals that only grow."""
    period_us = profile.gpio.sample_period_us
    assert told_.column("seq") == list(range(until_us // period_us))
    assert told_.column("t_us") == [seq * period_us for seq in told_.column("seq")]
    assert isinstance(told_.readings[0], Identity)
    assert isinstance(told_.readings[1], Heartbeat)
    strokes = [reading.strokes for reading in told_.readings if isinstance(reading, SampleBlock | Heartbeat)]
    assert strokes == sorted(strokes)
    assert strokes[-1] == told_.account["strokes"]["low"]
    assert told_.account["watched_us"] == until_us
    assert all(row["missed"] == 0 for row in told_.account["lines"])


edges = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(-90_000, 90_000)), max_size=12)
stretches = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, -500_000, 3_000_000]),  # a hole, or the clock runs back
        st.sampled_from([0, 5, 8_000, 40_000, 700_000]),
        st.integers(0, 0xFFFF),
        edges,
        st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1_023), st.integers(-90_000, 90_000)), max_size=3),
        st.sampled_from([0, 0, 7]),
    ),
    max_size=12,
)


@thorough
@given(st.sampled_from([PEN, HOMED, POT, ODD]), stretches)
def test_anything_at_all_is_decoded_and_accounted_for(profile, stretches):
    """Edges of lines that are not there, out of order, before and after their stretch; levels that fit nothing."""
    batches, now = [], START_US
    for hole_us, watched_us, levels, edges, adc, dropped in stretches:
        now += hole_us + watched_us
        batches.append(
            SensorBatch(
                t_us=now,
                watched_us=watched_us,
                levels=levels,
                edges=tuple(Edge(line, level, now + at_us) for line, level, at_us in edges),
                adc=tuple(AdcSample(channel, count, now + at_us) for channel, count, at_us in adc),
                dropped=dropped,
            )
        )
    told_ = Told(profile, batches)
    expected = {}
    for sample in told_.samples:
        assert sample["seq"] == expected.get(sample["boot"], 0)
        expected[sample["boot"]] = sample["seq"] + 1
    account = told_.account
    assert account["strokes"]["low"] <= account["strokes"]["high"]
    of_lines = sum(row["edges"] for row in account["lines"])
    of_dial = account["adc"]["conversions"] if account["adc"] else 0
    assert of_lines + of_dial + account["strange"] == sum(len(batch.edges) + len(batch.adc) for batch in batches)
    assert (account["dropped"], account["stretches"]) == (sum(batch.dropped for batch in batches), len(told_.boots))
    assert account["watched_us"] == sum(batch.watched_us for batch in batches)


@pytest.mark.parametrize(("until_us", "last"), [(219_000, [2, 2, 1]), (214_999, [2, 2, 1]), (208_000, [2, 2])])
def test_the_frames_at_the_end_are_no_longer_than_others(until_us, last):
    assert [block.n for block in told(PEN, Pins(), until_us).blocks[8:]] == last


def test_a_rest_that_fills_no_frame_is_told_at_the_end():
    pins = Pins()
    pins.level("contact", True, 203_000)
    told_ = told(PEN, pins, 219_000)  # twenty-one samples whole
    assert told_.column("contact") == [False] * 21
    assert [block.n for block in told_.blocks[-2:]] == [2, 1]


def test_a_frame_is_told_as_soon_as_nothing_can_change_it_and_not_before():
    pins, decoder = Pins(), SensorDecoder(PEN)
    pins.strokes(30, 8_000)
    held_us = {}
    for batch in pins.batches(300_000, range(1_000, 300_000, 1_000)):
        for reading in decoder.feed(batch):
            if isinstance(reading, SampleBlock):
                ends_us = reading.t_us + reading.n * reading.period_us
                held_us[ends_us] = batch.t_us - START_US - ends_us
    frames = {ends_us: held for ends_us, held in held_us.items() if ends_us % 20_000 == 0}
    assert len(frames) == 12
    assert set(frames.values()) == {55_000}  # fifty of a late driver, and five of the longest bounce
    assert all(row["missed"] == 0 for row in decoder.account()["lines"])


def test_a_dial_that_is_converted_waits_for_no_bounce():
    pins, decoder = Pins(), SensorDecoder(profile_of(dial=POTENTIOMETER))
    first, second = pins.batches(70_000, [15_000])
    assert [type(reading) for reading in decoder.feed(first)] == [Identity]
    assert [type(reading) for reading in decoder.feed(second)] == [Heartbeat, SampleBlock]


@pytest.mark.parametrize(("to_us", "opened"), [(89_999, False), (90_000, True)])
def test_where_all_stands_at_first_is_told_when_nothing_late_can_change_it(to_us, opened):
    decoder = SensorDecoder(PEN)
    first, second = Pins().batches(to_us, [40_000])
    decoder.feed(first)
    assert any(isinstance(reading, Heartbeat) for reading in decoder.feed(second)) is opened


def test_the_last_heartbeat_says_where_everything_stands():
    pins = Pins()
    pins.turn(4, 50_000)
    pins.strokes(5, 8_000, 150_000)
    pins.pulse("pass", 100_000, 120_000)
    told_ = told(PEN, pins, 195_000)
    assert told_.readings[-1] == Heartbeat(
        mode="real", motor_on=True, boot=7, seq=19, t_us=195_000, depth_set_um=600, passes=1, strokes=5
    )


def test_after_a_hole_nothing_is_left_of_before():
    profile = profile_of(**ALL | {"dial": POTENTIOMETER})
    first, second = Pins(), Pins(start_us=START_US + 250_000)
    first.converts([520], 180_000)
    first.strokes(2, 8_000, 180_000)
    first.level("pedal", True, 150_000)
    second.strokes(1, 8_000, 10_000)
    told_ = Told(profile, [*first.batches(200_000), *second.batches(200_000)])
    after = [sample for sample in told_.samples if sample["boot"] != told_.boots[0]]
    assert {sample["set"] for sample in after} == {None}
    assert {sample["frequency"] for sample in after} == {0}
    assert told_.gestures == []


# --- who it is, and since when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factory", "mode"), [("mock", "demo"), ("lgpio", "real"), ("native", "real")])
def test_the_identity_comes_first_and_is_that_of_the_wiring(factory, mode):
    (batch,) = Pins().batches(40_000)
    (identity,) = SensorDecoder(profile_of(factory=factory)).feed(batch)
    assert identity == Identity(
        mode=mode,
        motor_on=False,
        boot=7,
        seq=0,
        t_us=0,
        protocol_major=0,
        protocol_minor=0,
        model="Wired",
        serial="W0007",
        firmware=f"pins/{factory}",
        calibration_id="cal-9",
        cartridge="",
    )
    told_ = told(profile_of(factory=factory), Pins(), S)
    assert {block.mode for block in told_.blocks} == {mode}
    assert {block.depth_um for block in told_.blocks} == {None}


def link(up, port="pins", t_us=START_US):
    return LinkChange(t_us=t_us, up=up, cause="closed", port=port)


def later(seconds, until_us=200_000):
    return Pins(start_us=START_US + seconds * S).batches(until_us)


@pytest.mark.parametrize(
    ("items", "boots"),
    [
        ([*later(0)], [7]),
        ([*later(0), *later(3)], [7, 10]),
        ([*later(0), link(up=False), link(up=True), *later(3)], [7, 10]),
        ([*later(0), link(up=False), *Pins(start_us=START_US + 200_000).batches(80_000)], [7, 8]),
        ([*later(0), *later(3), *later(1)], [7, 10, 11]),  # a clock that ran back
        ([*later(0), *later(65_536)], [7, 8]),
        ([*later(65_528), *later(65_530)], [65_535, 1]),
        ([*later(65_528), link(up=False), *later(65_528)], [65_535, 0]),
        ([*later(0), *later(32_767)], [7, 32_774]),
        ([*later(0), *later(32_768)], [7, 8]),
        ([*Pins(start_us=2 * S - 1).batches(200_000)], [1]),
        ([*later(0, 80_000), link(up=True), *Pins(start_us=START_US + 80_000).batches(80_000)], [7]),
        ([*later(0, 80_000), link(up=False, port=None), *Pins(start_us=START_US + 80_000).batches(80_000)], [7]),
    ],
    ids=[
        *("one", "a hole", "the link", "no hole but the link", "back", "a whole turn", "over the end"),
        *("over the end at once", "nearly half a turn", "half a turn", "the end of a second"),
        *("up without down", "another port's link"),
    ],
)
def test_every_watching_is_a_boot(items, boots):
    told_ = Told(PEN, items)
    assert told_.boots == boots
    assert list(dict.fromkeys(told_.column("boot"))) == boots
    assert told_.account["stretches"] == len(boots)


def test_counters_go_on_over_a_boot_and_the_dial_is_not_known_after_a_hole():
    first, second = Pins(), Pins(start_us=START_US + 3 * S)
    for pins in (first, second):
        pins.pulse("pass", 50_000, 90_000)
    told_ = Told(PEN, [*first.batches(200_000), *second.batches(200_000)])
    assert [passes for passes, _ in told_.totals] == [0, 1, 1, 2]
    assert told_.events == [(1, 1), (1, 2)]
    assert (told_.column("set")[0], told_.column("set")[-1]) == (500, None)
    without = Told(PEN, [*first.batches(200_000), link(up=False), *Pins(start_us=START_US + 200_000).batches(200_000)])
    assert set(without.column("set")) == {500}  # nobody turned it while nobody watched: there was no such time
    assert without.account["unwatched_us"] == without.decoder.strokes_doubt == 0


LIMIT_US = PEN.silence_limit_us


@pytest.mark.parametrize(
    ("items", "ended_us", "unwatched_us"),
    [
        ([*later(0)], START_US + 200_000, 0),
        ([*later(0)], START_US + 200_000 + LIMIT_US - 1, 0),
        ([*later(0)], START_US + 200_000 + LIMIT_US, LIMIT_US),
        ([*later(0)], START_US + 100_000, 0),
        ([*later(0)], None, 0),
        ([*later(0), link(up=False, t_us=START_US + 230_000)], START_US + S, 800_000),
        ([*later(0), link(up=False), link(up=True)], START_US + S, 800_000),
        ([*later(0), link(up=False)], None, 0),
        ([*later(0), link(up=False), *later(3)], START_US + 3_300_000, 2_800_000),
        ([*later(0), *later(3), link(up=False), link(up=False)], START_US + 4 * S, 3_600_000),
        ([link(up=False, t_us=START_US - S), *later(0)], START_US + 200_000, S),
        ([link(up=False, t_us=START_US - S)], START_US, S),
        ([link(up=False, t_us=START_US, port=None)], START_US + 9 * S, 0),
        ([], START_US, 0),
    ],
    ids=[
        *("to the end", "not yet silent", "silent", "a clock that ran back", "an end nobody knows", "lost"),
        *("tried again", "lost, and an end nobody knows", "back", "lost twice", "lost at first", "never there"),
        *("another port lost", "nothing"),
    ],
)
def test_nobody_watches_from_the_loss_to_the_return_or_to_the_end(items, ended_us, unwatched_us):
    decoder = SensorDecoder(PEN)
    for item in items:
        decoder.feed(item)
    decoder.finish(ended_us)
    decoder.finish(ended_us)  # there is one end
    assert decoder.account()["unwatched_us"] == unwatched_us
    assert (decoder.strokes_doubt > 0) is (unwatched_us > 0)


def test_what_is_of_another_transport_changes_nothing():
    decoder = SensorDecoder(PEN)
    others = [
        SerialChunk(t_us=1, data=b"\0rubbish\0"),
        Overflow(t_us=1, dropped_bytes=1, dropped_chunks=1, since_us=0),
        LinkChange(t_us=1, up=False, cause="unplugged"),
    ]
    assert [decoder.feed(raw) for raw in others] == [[], [], []]
    assert decoder.feed_bytes(b"\0rubbish\0", 5) == []
    assert decoder.finish() == []
    assert (decoder.framed_bytes, decoder.rejected_bytes, decoder.delimiter_bytes, decoder.held_bytes) == (0, 0, 0, 0)


def test_the_profile_says_which_decoder():
    assert isinstance(decoder_of(PEN), SensorDecoder)
    assert isinstance(decoder_of(PROFILE), Decoder)
    with pytest.raises(ValueError, match="the profile bench has no gpio"):
        SensorDecoder(PROFILE)


def test_the_serial_decoder_lets_the_pins_pass():
    decoder = Decoder()
    decoder.feed_bytes(b"\0held")
    (batch,) = Pins().batches(40_000)
    assert (decoder.feed(batch), decoder.held_bytes) == ([], 4)


def test_only_what_the_profile_measures_is_told():
    pins = Pins()
    pins.pulse("pass", 50_000, 90_000)
    told_ = told(profile_of(**ALL, measures=["frequency"]), pins, 200_000)
    block = told_.blocks[0]
    assert (block.depth_set_um, block.passes, block.strokes, block.contact_bits) == (None, None, None, None)
    assert block.frequency_dhz == (0, 0)
    assert told_.totals == [(None, None), (None, None)]


PASSES = profile_of(pass_switch=switch(22, 5_000), contact=switch(27, 2_000))


def passes_of(told_):
    return told_.account["passes"]["low"], told_.account["passes"]["high"]


def pressed():
    """Two passes, at 50 ms and at 450 ms."""
    pins = Pins()
    pins.pulse("pass", 50_000, 90_000)
    pins.pulse("pass", 450_000, 490_000)
    return pins


def test_passes_are_an_interval_as_strokes_are():
    assert passes_of(told(PASSES, pressed(), S)) == (2, 2)
    assert told(profile_of(contact=switch(27)), pressed(), S).account["passes"] is None


def test_each_edge_that_was_dropped_may_have_been_a_pass():
    batches = pressed().batches(S)
    batches[3] = replace(batches[3], dropped=3)
    assert passes_of(Told(PASSES, batches)) == (2, 5)


def test_a_pass_that_came_too_late_is_possible_and_not_counted():
    batches = pressed().batches(S)
    batches[11], batches[14] = replace(batches[11], edges=()), replace(batches[14], edges=batches[11].edges)
    batches[12], batches[15] = replace(batches[12], edges=()), replace(batches[15], edges=batches[12].edges)
    told_ = Told(PASSES, batches)
    low, high = passes_of(told_)
    assert told_.account["late"] == 2
    assert (low <= 2 <= high, high - low >= 2) == (True, True)


@pytest.mark.parametrize(("hole_us", "more"), [(1, 1), (200_000, 1), (399_999, 1), (400_000, 2), (3 * S, 15)])
def test_in_a_time_in_which_nobody_watched_there_were_as_many_passes_as_fit(hole_us, more):
    first, second = Pins(), Pins(start_us=START_US + S + hole_us)
    assert passes_of(Told(PASSES, [*first.batches(S), *second.batches(S)])) == (0, more)


def test_a_pass_that_only_the_end_leaves_open_is_possible():
    pins = pressed()
    pins.level("pass", True, S - 4_000)
    assert passes_of(told(PASSES, pins, S)) == (2, 3)


def test_an_edge_that_the_pass_switch_missed_is_a_pass_that_is_possible_and_none_of_another_line_is():
    for line, more in (("pass", 1), ("contact", 0)):
        untold = Pins()
        untold.level(line, True, 610_000)
        low, high = passes_of(told(PASSES, pressed(), S, untold=untold.edges))
        assert (low, high - low) == (2 + more, more)


def test_an_event_stands_at_the_sample_that_first_shows_it():
    pins = Pins()
    pins.turn(1, 105_000)
    (event,) = told(PEN, pins, 200_000).of(PenEvent)
    assert event == PenEvent(mode="real", motor_on=False, boot=7, seq=11, t_us=110_000, code=2, value=525)


@pytest.mark.parametrize(("period_us", "n"), [(1_000, 20), (6_667, 2), (10_000, 2), (15_000, 1), (50_000, 1)])
def test_a_frame_has_as_many_samples_as_a_pen_would_send(period_us, n):
    told_ = told(profile_of(contact=switch(27), sample_period_us=period_us), Pins(), S)
    assert {block.n for block in told_.blocks[:-1]} == {n}  # the last one may be a rest


# --- speed ------------------------------------------------------------------------------------------------------------


def test_three_hundred_bouncing_strokes_a_second_are_decoded_twenty_times_faster_than_they_happen():
    """Ten edges a stroke; ten seconds of it, timed by the processor's own clock."""
    edges, until_us = [], 10 * S
    for stroke_us in range(0, until_us - 5_000, 3_334):
        for rises in (True, False):
            at_us = START_US + stroke_us + 1_600 * (not rises)
            edges += [Edge(0, rises is (turn % 2 == 0), at_us + 20 * turn) for turn in range(5)]
            edges += [Edge(1, rises, at_us)] if stroke_us % 33_340 == 0 else []
    edges.sort(key=lambda edge: edge.t_us)
    batches, at = [], 0
    for to_us in range(START_US + 40_000, START_US + until_us + 1, 40_000):
        begun = at
        while at < len(edges) and edges[at].t_us <= to_us:
            at += 1
        batches.append(SensorBatch(t_us=to_us, watched_us=40_000, levels=0, edges=tuple(edges[begun:at])))
    begun_s = process_time()
    told_ = Told(FAST, batches)
    took_s = process_time() - begun_s
    assert told_.account["strokes"] == {"low": 2_998, "high": 2_998}
    assert took_s < until_us / S / 20
