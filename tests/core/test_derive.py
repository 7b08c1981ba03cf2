"""Facts counted by hand: every figure below is worked out beside it from the samples, never by the code under test.

A sample is 10 ms unless said otherwise. The plan allows 0.4 mm on the forehead and 1 mm on the left cheek, the device
2.5 mm, and measured depth has a tolerance of 0.15 mm.
"""

from dataclasses import replace

import pytest

from devicelog.account import Account, Boot
from devicelog.counters import Counters
from devicelog.gaps import Gaps
from devicelog.pipeline import Pipeline
from devicelog.records import Clock, Stall, record_of
from firmware_bridge.frames import MAX_SEGMENT, encode, frame
from firmware_bridge.readings import Fault, SampleBlock
from tests.builders import (
    CLOCK,
    HOST_US,
    PROFILE,
    SERIAL,
    Bench,
    finding,
    on,
    opening_of,
    pen_document,
    plan_of,
    plan_with,
    planned,
    zone_in,
)

BEHIND = [  # numbers and microseconds behind the newest, and how many beginnings there were
    (4_096, -2_000_000, 1),
    (4_097, -2_000_000, 2),
    (4_096, -2_000_001, 2),
    (2, 0, 1),
    (2, 1, 2),  # its number behind and its clock ahead
    (2, -(2**31), 2),
    (1, -4_900_000, 2),
]
NO_GAPS = {"n": 0, "missing": 0, "for_us": 0}
STEADY = {"fell": 0, "fell_at_restart": 0, "jumped": {"passes": 0, "strokes": 0}, "unplaced": False}  # counters


@pytest.fixture
def bench():
    """A stream whose operator has turned to the forehead."""
    bench = Bench()
    bench.zone("forehead")
    return bench


def gaps_of(derived):
    return derived["facts"]["gaps"]


def so_far(bench):
    """What the derived record has of the facts, if it ended now."""
    return {"facts": bench.pipeline.judge()[0]}


def only(rows):
    (row,) = rows
    return row


def spoiled(block: SampleBlock) -> bytes:
    """The frame with its last CRC byte wrong, and not zero: that would be a delimiter."""
    sound = encode(block)
    return sound[:-2] + bytes([sound[-2] % 255 + 1]) + sound[-1:]


# --- contact and glides -----------------------------------------------------------------------------------------------


def test_contact_edges_inside_a_block(bench):
    bench.samples("0110100111")
    zone = zone_in(bench.end(), "forehead")
    assert zone["samples"] == 10
    assert zone["contact_us"] == 60_000  # 2 + 1 + 3 samples
    assert zone["glides"] == 3
    assert zone["longest_glide_us"] == 30_000
    assert zone["judged"] == 6


def test_a_glide_across_blocks(bench):
    for contact in ("0011", "1111", "1100", "0000", "1000"):
        bench.samples(contact)
    zone = zone_in(bench.end(), "forehead")
    assert zone["contact_us"] == 90_000  # 2 + 4 + 2, and 1
    assert zone["glides"] == 2
    assert zone["longest_glide_us"] == 80_000


def test_a_whole_block_in_the_air_ends_a_glide(bench):
    for contact in ("11", "00", "111"):
        bench.samples(contact)
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["longest_glide_us"]) == (2, 30_000)


def test_a_glide_that_starts_with_a_block_and_one_that_ends_with_it(bench):
    bench.samples("1001")
    bench.samples("0110")
    zone = zone_in(bench.end(), "forehead")
    assert zone["glides"] == 3  # 1, 1, 11: the second ends where its block does
    assert zone["longest_glide_us"] == 20_000


def test_a_glide_across_a_zone_mark_is_one_in_each_zone(bench):
    bench.samples("1111")
    bench.zone("cheek.left")
    bench.samples("110")
    derived = bench.end()
    assert [row["zone"] for row in derived["facts"]["zones"]] == ["forehead", "cheek.left"]
    assert zone_in(derived, "forehead")["glides"] == zone_in(derived, "cheek.left")["glides"] == 1
    assert zone_in(derived, "forehead")["longest_glide_us"] == 40_000
    assert zone_in(derived, "cheek.left")["longest_glide_us"] == 20_000


@pytest.mark.parametrize("kind", ["pass", "pause", "resume", "note"])
def test_another_mark_does_not_end_a_glide(bench, kind):
    bench.samples("11")
    bench.mark(kind)
    bench.samples("11")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["longest_glide_us"]) == (1, 40_000)


def test_a_motor_that_stops_ends_a_glide(bench):
    bench.samples("11")
    bench.motor_on = False
    bench.event(4)
    bench.motor_on = True
    bench.event(3)
    bench.samples("11")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["contact_us"], zone["longest_glide_us"]) == (2, 40_000, 20_000)


def test_a_message_of_a_running_pen_does_not_end_a_glide(bench):
    bench.samples("11")
    bench.identity()
    bench.event(1, 11)
    bench.samples("1")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["longest_glide_us"]) == (1, 30_000)


@pytest.mark.parametrize("send", [lambda pen: pen.event(4), lambda pen: pen.identity(), lambda pen: pen.heartbeat()])
def test_one_message_of_a_pen_at_rest_ends_a_glide(bench, send):
    bench.samples("11")
    bench.motor_on = False
    send(bench)
    bench.motor_on = True
    bench.samples("1")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["longest_glide_us"]) == (2, 20_000)


def test_a_stream_that_begins_on_the_skin():
    bench = Bench()
    bench.samples("11")
    zone = zone_in(bench.end(), "unassigned")
    assert (zone["glides"], zone["longest_glide_us"]) == (1, 20_000)


def test_a_zone_that_was_marked_and_not_needled(bench):
    bench.zone("cheek.left")
    bench.samples("1")
    derived = bench.end()
    assert [row["zone"] for row in derived["facts"]["zones"]] == ["forehead", "cheek.left"]
    assert (zone_in(derived, "forehead")["samples"], zone_in(derived, "forehead")["strokes"]) == (0, None)


def test_unknown_contact_ends_a_glide(bench):
    bench.samples("11")
    bench.samples(None, n=5)
    bench.samples("111")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["contact_us"], zone["longest_glide_us"]) == (2, 50_000, 30_000)
    assert zone["contact_unknown_us"] == 50_000


def test_a_sample_stands_for_its_own_period(bench):
    bench.samples("0111", period_us=2_000)
    bench.samples("11", period_us=10_000)
    zone = zone_in(bench.end(), "forehead")
    assert zone["contact_us"] == zone["longest_glide_us"] == 26_000  # 3 x 2 ms + 2 x 10 ms


def test_contact_in_a_pause_is_told_apart_and_counted_all_the_same(bench):
    bench.samples("11")
    bench.mark("pause")
    bench.samples("1110")
    bench.mark("resume")
    bench.samples("1")
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    assert zone["contact_us"] == 60_000  # 2 + 3 + 1
    assert zone["paused_contact_us"] == 30_000
    assert derived["facts"]["marks"] == [
        {"kind": "pause", "n": 1},
        {"kind": "resume", "n": 1},
        {"kind": "zone", "n": 1},
    ]


def test_what_nobody_marked_is_unassigned():
    bench = Bench()
    bench.samples("0110")
    bench.zone("forehead")
    bench.samples("1111")
    bench.mark("zone", None)
    bench.samples("1000")
    derived = bench.end()
    unassigned = zone_in(derived, "unassigned")
    assert (unassigned["contact_us"], unassigned["glides"], unassigned["judged"]) == (30_000, 2, 3)
    assert unassigned["plan_max_um"] is None
    assert zone_in(derived, "forehead")["contact_us"] == 40_000


# --- depth and frequency ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "low", "mean", "high"),
    [
        ((100, 201, 202), 100, 168, 202),  # 503 / 3 = 167.67
        ((100, 100, 101), 100, 100, 101),  # 301 / 3 = 100.33
        ((100, 101), 100, 101, 101),  # 100.5: half goes up
        ((-2, -1), -2, -1, -1),  # -1.5: half goes up here too
        ((-2, -2, -1), -2, -2, -1),  # -5 / 3 = -1.67
        ((0, 0), 0, 0, 0),
        ((32_767, -32_768), -32_768, 0, 32_767),  # -0.5
    ],
)
def test_depth_on_the_skin(bench, depth, low, mean, high):
    bench.samples("1" * len(depth), depth=depth)
    assert zone_in(bench.end(), "forehead")["depth"] == {
        "n": len(depth),
        "min_um": low,
        "mean_um": mean,
        "max_um": high,
    }


def test_depth_and_frequency_are_of_samples_on_the_skin_only(bench):
    bench.samples("0110", depth=(900, 210, 250, -50), frequency=(0, 1_000, 1_011, 0))
    bench.samples("0000", depth=800, frequency=5)
    bench.samples("11", depth=(190, 211), frequency=(990, 1_000))
    zone = zone_in(bench.end(), "forehead")
    # 210 + 250 + 190 + 211 = 861, over 4 = 215.25; 1000 + 1011 + 990 + 1000 = 4001, over 4 = 1000.25
    assert zone["depth"] == {"n": 4, "min_um": 190, "mean_um": 215, "max_um": 250}
    assert zone["frequency"] == {"n": 4, "min_dhz": 990, "mean_dhz": 1_000, "max_dhz": 1_011}


def test_time_at_each_set_depth(bench):
    for set_um, contact in ((350, "1111"), (300, "0110"), (350, "1000"), (250, "0000")):
        bench.set_um = set_um
        bench.samples(contact)
    assert zone_in(bench.end(), "forehead")["at_set_depth"] == [
        {"depth_set_um": 300, "for_us": 20_000},
        {"depth_set_um": 350, "for_us": 50_000},  # 4 + 1
    ]


def test_measured_depth_is_over_the_plan_beyond_its_tolerance(bench):
    bench.samples("1111", depth=550)  # 400 + 150: just inside
    record = bench.send(bench.block("01111", depth=(900, 550, 551, 600, 549)))
    bench.seq += 5
    bench.samples("1", depth=560)
    assert zone_in(bench.end(), "forehead")["over_plan"] == {
        "for_us": 30_000,  # 551, 600 and 560; the 900 was lifted
        "set_um": None,
        "set_for_us": 0,
        "measured_um": 600,
        "measured_for_us": 30_000,
        "first_record": record.number,
        "limit_um": 400,
    }


def test_set_depth_is_over_the_plan_without_a_tolerance(bench):
    bench.set_um = 400
    bench.samples("1111")
    bench.set_um = 401
    bench.samples("0111", depth=200)
    bench.set_um = 450
    bench.samples("0000")
    assert zone_in(bench.end(), "forehead")["over_plan"] == {
        "for_us": 30_000,
        "set_um": 401,  # 450 was dialled in the air
        "set_for_us": 30_000,
        "measured_um": None,
        "measured_for_us": 0,
        "first_record": 3,  # clock, mark, a frame at the limit, this one
        "limit_um": 400,
    }


def test_set_and_measured_over_the_plan_at_once_are_one_time(bench):
    bench.set_um = 500
    bench.samples("1111", depth=(200, 551, 700, 200))
    over = zone_in(bench.end(), "forehead")["over_plan"]
    assert (over["for_us"], over["set_um"], over["measured_um"]) == (40_000, 500, 700)
    assert (over["set_for_us"], over["measured_for_us"]) == (40_000, 20_000)


def test_time_over_is_told_apart_by_the_dial_and_by_the_sensor(bench):
    bench.set_um = 500
    bench.samples("011", depth=(900, 200, 200))  # the dial alone: 2 samples
    bench.samples("1", depth=None)  # and without a sensor: 1
    bench.samples("11", depth=(600, 200))  # both for 1, the dial for 2
    bench.set_um = 400
    bench.samples("1111", depth=(551, 552, 553, 550))  # the sensor alone: 3
    bench.set_um = None
    bench.samples("1", depth=551)  # and without a dial: 1
    over = zone_in(bench.end(), "forehead")["over_plan"]
    assert (over["for_us"], over["set_for_us"], over["measured_for_us"]) == (90_000, 50_000, 50_000)


def test_measured_depth_at_its_limit_is_not_over_where_the_dial_is(bench):
    bench.set_um = 500
    bench.samples("11", depth=550)
    over = zone_in(bench.end(), "forehead")["over_plan"]
    assert (over["for_us"], over["set_um"], over["measured_um"]) == (20_000, 500, None)
    assert (over["set_for_us"], over["measured_for_us"]) == (20_000, 0)


def test_over_the_device(bench):
    bench.set_um = 2_500
    bench.samples("11", depth=2_650)
    bench.samples("011", depth=(3_000, 2_651, 2_800))
    bench.set_um = 2_501
    bench.samples("1", depth=None)
    over = zone_in(bench.end(), "forehead")["over_device"]
    assert over == {
        "for_us": 30_000,
        "set_um": 2_501,
        "set_for_us": 10_000,
        "measured_um": 2_800,
        "measured_for_us": 20_000,
        "first_record": 3,
        "limit_um": 2_500,
    }


def test_how_far_over_at_most_does_not_fall(bench):
    for set_um, depth in ((900, 800), (600, 590), (700, 690)):
        bench.set_um = set_um
        bench.samples("1", depth=depth)
    over = zone_in(bench.end(), "forehead")["over_plan"]
    assert over == {
        "for_us": 30_000,
        "first_record": 2,
        "limit_um": 400,
        "set_um": 900,
        "set_for_us": 30_000,
        "measured_um": 800,
        "measured_for_us": 30_000,
    }


def test_each_zone_has_its_own_limit(bench):
    bench.set_um = 1_000
    bench.samples("11")
    bench.zone("cheek.left")
    bench.samples("111")
    bench.zone("chin")
    bench.samples("1111")
    derived = bench.end()
    assert zone_in(derived, "forehead")["over_plan"]["for_us"] == 20_000
    assert zone_in(derived, "cheek.left")["over_plan"]["for_us"] == 0
    assert zone_in(derived, "chin")["over_plan"]["for_us"] == 0
    limits = {zone["zone"]: (zone["plan_max_um"], zone["device_max_um"]) for zone in derived["facts"]["zones"]}
    assert limits == {"forehead": (400, 2_500), "cheek.left": (1_000, 2_500), "chin": (None, 2_500)}


# --- strokes and passes -----------------------------------------------------------------------------------------------


def test_counters_belong_to_the_zone_in_which_they_grow(bench):
    bench.samples("1")  # strokes 1000, passes 10: where counting begins
    bench.strokes, bench.passes = 1_007, 11
    bench.samples("1")
    bench.zone("cheek.left")
    bench.strokes = 1_010
    bench.samples("1")
    bench.strokes, bench.passes = 1_012, 12
    bench.heartbeat()
    derived = bench.end()
    assert zone_in(derived, "forehead")["strokes"] == 7
    assert zone_in(derived, "forehead")["passes"] == {"pen": 1, "operator": None, "low": 1, "high": 1}
    assert zone_in(derived, "cheek.left")["strokes"] == 5  # 3 in a frame, 2 in a heartbeat
    assert zone_in(derived, "cheek.left")["passes"]["pen"] == 1
    assert derived["facts"]["counters"] == {"passes": 12, "strokes": 1_012, "boot": 7} | STEADY


def test_where_pen_and_operator_disagree_both_are_kept(bench):
    bench.samples("1")
    bench.wait(400_000)  # nobody makes three passes faster
    bench.passes = 13
    bench.samples("1")
    bench.mark("pass")
    bench.mark("pass")
    bench.zone("cheek.left")
    bench.passes = 14
    bench.samples("1")
    bench.zone("chin")
    bench.mark("pass")
    derived = bench.end()
    assert zone_in(derived, "forehead")["passes"] == {"pen": 3, "operator": 2, "low": 2, "high": 3}
    assert zone_in(derived, "cheek.left")["passes"] == {"pen": 1, "operator": 0, "low": 0, "high": 1}
    # the pen sent nothing in this zone: that is not zero passes
    assert zone_in(derived, "chin")["passes"] == {"pen": None, "operator": 1, "low": 1, "high": 1}


def test_a_pen_without_counters(bench):
    bench.passes = bench.strokes = None
    bench.samples("1111")
    bench.heartbeat()
    bench.mark("pass")
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    assert zone["strokes"] is None
    assert zone["passes"] == {"pen": None, "operator": 1, "low": 1, "high": 1}
    assert derived["facts"]["counters"] == {"passes": None, "strokes": None, "boot": 7} | STEADY


def test_nobody_counts(bench):
    bench.passes = None
    bench.samples("1111")
    assert zone_in(bench.end(), "forehead")["passes"] == {"pen": None, "operator": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("before", "now", "boot", "grown", "fell", "fell_at_restart", "jumped"),
    [
        (1_000, 1_004, 7, 4, 0, 0, 0),
        (2**32 - 2, 3, 7, 5, 0, 0, 0),  # ..., 2**32 - 1, 0, 1, 2, 3
        (1_000, 999, 7, 0, 1, 0, 0),  # fell without a restart: it began anew, and nobody knows when
        (1_000, 400, 7, 0, 1, 0, 0),
        (1_000, 1_004, 8, 4, 0, 0, 0),  # a counter kept over the restart
        (1_000, 9_000, 8, 8_000, 0, 0, 0),  # how long that took nobody knows
        (1_000, 6, 8, 0, 0, 1, 0),  # a counter from power-on: nobody knows where the 6 were made
        (1_000, 999, 8, 0, 0, 1, 0),
        (2**32 - 2, 3, 8, 0, 0, 1, 0),  # over a restart no wrap is assumed
        (1_000, 1_000, 8, 0, 0, 0, 0),
        (0, 2**31 - 1, 7, 0, 0, 0, 2**31 - 1),  # no pen does that: told apart
        (0, 2**31, 7, 0, 1, 0, 0),  # nor that: it is a fall
    ],
)
def test_how_a_counter_grows(bench, before, now, boot, grown, fell, fell_at_restart, jumped):
    bench.passes = bench.strokes = before
    bench.samples("1")
    bench.wait(1_000_000)
    bench.boot, bench.passes, bench.strokes = boot, now, now
    bench.samples("1")
    derived = bench.end()
    zone, counters = zone_in(derived, "forehead"), derived["facts"]["counters"]
    assert (zone["strokes"], zone["passes"]["pen"]) == (grown, grown)
    assert counters == {
        "passes": now,
        "strokes": now,
        "boot": boot,
        "fell": 2 * fell,  # both of them
        "fell_at_restart": 2 * fell_at_restart,
        "jumped": {"passes": jumped, "strokes": jumped},
        "unplaced": False,
    }


def grown_after(wait_us, *, passes=None, strokes=None, period_us=10_000):
    """What the zone is given, and what is told apart, when the counters grow by so much after a wait."""
    bench = Bench()
    bench.zone("forehead")
    bench.samples("11", period_us=period_us)
    bench.wait(wait_us)
    bench.passes += passes or 0
    bench.strokes += strokes or 0
    bench.samples("1111", period_us=period_us)
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    return zone["passes"]["pen"], zone["strokes"], derived["facts"]["counters"]["jumped"]


@pytest.mark.parametrize(
    ("wait_us", "period_us", "most"),
    [
        # from the start of one frame to the end of the other: 2 + 4 samples. 400 strokes a second, and 2
        (0, 10_000, 26),  # 60 ms: 24
        (0, 1_000, 4),  # 6 ms: 2.4
        (1_440_000, 10_000, 602),  # 1.5 s: 600
        (1_442_499, 10_000, 602),  # 1.502499 s: 600.9996
        (1_442_500, 10_000, 603),  # 1.5025 s: 601
    ],
)
def test_strokes_faster_than_any_needle_are_a_jump(wait_us, period_us, most):
    assert grown_after(wait_us, strokes=most, period_us=period_us)[1:] == (most, {"passes": 0, "strokes": 0})
    assert grown_after(wait_us, strokes=most + 1, period_us=period_us)[1:] == (0, {"passes": 0, "strokes": most + 1})


@pytest.mark.parametrize(
    ("wait_us", "most"),
    [(0, 1), (139_999, 1), (140_000, 2), (1_139_999, 6), (1_140_000, 7)],  # with 60 ms: 0.2 s for each, and one
)
def test_passes_faster_than_any_hand_are_a_jump(wait_us, most):
    assert grown_after(wait_us, passes=most)[::2] == (most, {"passes": 0, "strokes": 0})
    assert grown_after(wait_us, passes=most + 1)[::2] == (0, {"passes": most + 1, "strokes": 0})


def test_jumps_are_summed_and_counting_goes_on_after_them(bench):
    for strokes in (1_000, 9_000, 9_002, 10_002):
        bench.strokes = strokes
        bench.samples("1")
    derived = bench.end()
    assert derived["facts"]["counters"]["jumped"] == {"passes": 0, "strokes": 9_000}  # 8000 and 1000
    assert zone_in(derived, "forehead")["strokes"] == 2


def test_a_pen_clock_that_runs_backwards_gives_strokes_no_time(bench):
    bench.samples("11")
    bench.strokes += 6 + 4  # 20 ms of its own, 8, and 2
    bench.pen_us = 2**32 - 1_000_000
    bench.samples("11")
    assert zone_in(bench.end(), "forehead")["strokes"] == 10


def test_a_jump_of_a_heartbeat_has_no_time_of_its_own(bench):
    bench.samples("1")
    bench.wait(2_490_000)  # 2.5 s after the newest frame began: 1000 strokes, and 2; 12 passes, and one
    bench.strokes, bench.passes = 2_003, 24
    bench.heartbeat()
    assert bench.end()["facts"]["counters"]["jumped"] == {"passes": 14, "strokes": 1_003}


@pytest.mark.parametrize("boot", [7, 8])
def test_after_a_fall_counting_goes_on(bench, boot):
    for strokes in (1_000, 400, 405):
        bench.boot = 7 if strokes == 1_000 else boot
        bench.strokes = strokes
        bench.samples("1")
    assert zone_in(bench.end(), "forehead")["strokes"] == 5


# --- pens that have less ----------------------------------------------------------------------------------------------


def test_a_pen_without_contact(bench):
    bench.samples(None, n=4, depth=(200, 200, 600, 900))
    bench.motor_on = False
    bench.samples(None, n=3, depth=900)
    bench.mark("zone", None)
    bench.motor_on = True
    bench.samples(None, n=5)
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    assert (zone["samples"], zone["judged"]) == (7, 4)  # with the motor off nothing is judged
    assert (zone["contact_us"], zone["contact_unknown_us"]) == (0, 40_000)
    assert (zone["glides"], zone["longest_glide_us"]) == (0, 0)
    assert zone["depth"] == {"n": 4, "min_um": 200, "mean_um": 475, "max_um": 900}  # 1900 / 4
    assert zone["over_plan"]["for_us"] == 20_000
    unassigned = zone_in(derived, "unassigned")
    assert (unassigned["judged"], unassigned["contact_unknown_us"], unassigned["depth"]) == (0, 50_000, None)


def test_a_pen_with_a_dial_only(bench):
    bench.samples("0111", depth=None, frequency=None)
    zone = zone_in(bench.end(), "forehead")
    assert (zone["depth"], zone["frequency"]) == (None, None)
    assert zone["at_set_depth"] == [{"depth_set_um": 300, "for_us": 30_000}]
    assert (zone["judged"], zone["judged_unseen"]) == (3, 0)


def test_a_pen_without_a_dial(bench):
    bench.set_um = None
    bench.samples("0111", depth=600)
    zone = zone_in(bench.end(), "forehead")
    assert zone["at_set_depth"] == []
    assert (zone["judged"], zone["judged_unseen"]) == (3, 0)
    over = zone["over_plan"]
    assert (over["for_us"], over["set_um"], over["measured_um"]) == (30_000, None, 600)


def test_a_pen_without_any_depth(bench):
    bench.samples("11")
    bench.set_um = None
    bench.samples("0111", depth=None)
    zone = zone_in(bench.end(), "forehead")
    assert (zone["judged"], zone["judged_unseen"]) == (5, 3)


def test_a_pen_that_never_says_who_it_is():
    bench = Bench(opening_of(pen=None))
    bench.samples("1")
    facts = bench.end()["facts"]
    assert (facts["pen"], facts["identities"], facts["pens"]) == (None, 0, [])


def test_who_the_pen_is():
    bench = Bench(opening_of(pen=pen_document("before")))
    bench.mode = "test"
    bench.identity("first")
    bench.mode = "demo"
    bench.identity("then")
    facts = bench.end()["facts"]
    assert facts["identities"] == 2
    assert facts["modes"] == ["demo", "test"]
    assert facts["pen"] == {
        "model": "Bench",
        "serial": "then",
        "firmware": "1.0",
        "calibration_id": "cal-1",
        "cartridge": "",
        "mode": "demo",
        "protocol_major": 1,
        "protocol_minor": 0,
    }
    assert Bench(opening_of(pen=pen_document("before"))).end()["facts"]["pen"] == pen_document("before")


def test_every_pen_is_listed_once_and_in_order():
    before, other = pen_document(), pen_document("B0001")
    bench = Bench(opening_of(pen=before))
    for serial in (SERIAL, "B0001", "B0001", SERIAL):
        bench.identity(serial)
    facts = bench.end()["facts"]
    assert facts["pens"] == [before, other]
    assert (facts["pen"], facts["identities"]) == (before, 4)
    assert Bench().end()["facts"]["pens"] == [before]


def test_a_pen_that_says_something_else_of_itself_is_listed_again():
    bench = Bench(opening_of(pen=pen_document()))
    bench.mode = "test"
    bench.identity()
    assert bench.end()["facts"]["pens"] == [pen_document(), pen_document(mode="test")]


@pytest.mark.parametrize(
    ("opened", "sent", "worst"),
    [
        (None, (), "unknown"),
        ("real", (), "real"),
        ("test", (), "test"),
        (None, ("real",), "real"),
        ("real", ("real", "real"), "real"),
        ("real", ("real", "test", "real"), "test"),
        ("real", ("test", "demo", "real"), "demo"),
        ("real", ("real", "demo", "test"), "demo"),
        ("demo", ("test",), "demo"),
        ("test", ("real",), "test"),
        ("real", ("demo",), "demo"),
    ],
)
@pytest.mark.parametrize(
    "send", [lambda pen: pen.samples("1"), lambda pen: pen.identity(), lambda pen: pen.heartbeat()]
)
def test_one_frame_that_is_not_real_and_the_stream_is_not(opened, sent, worst, send):
    bench = Bench(opening_of(pen=opened and pen_document(mode=opened)))
    for mode in sent:
        bench.mode = mode
        send(bench)
    facts = bench.end()["facts"]
    assert (facts["mode"], facts["modes"]) == (worst, sorted(set(sent)))


# --- another pen ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boot", "seq"),
    [
        (7, 0),  # the numbers of the first pen again: no repeats
        (7, 8),  # where the first pen stopped: not its next
        (7, 900),  # ahead: nothing is missing
        (8, 0),
        (8, 8),
    ],
)
@pytest.mark.parametrize(("passes", "strokes"), [(900, 77_000), (2, 30), (10, 1_004)])
def test_a_pen_that_is_swapped_in_mid_session(boot, seq, passes, strokes):
    bench = Bench(opening_of(pen=pen_document()))
    bench.zone("forehead")
    bench.samples("1111")
    bench.passes, bench.strokes = 11, 1_004
    bench.samples("1111")  # arrives at 80 ms
    bench.wait(1_000_000)
    bench.swap("B0001", boot=boot, seq=seq, passes=passes, strokes=strokes)
    bench.zone("cheek.left")
    bench.samples("111")
    bench.needle(20)  # nobody makes two passes faster
    bench.passes, bench.strokes = passes + 2, strokes + 3
    bench.samples("1")
    derived = bench.end()
    facts = derived["facts"]
    forehead, cheek = zone_in(derived, "forehead"), zone_in(derived, "cheek.left")
    assert (forehead["strokes"], forehead["passes"]["pen"], forehead["samples"]) == (4, 1, 8)
    assert (cheek["strokes"], cheek["passes"]["pen"], cheek["samples"]) == (3, 2, 24)
    assert [pen["serial"] for pen in facts["pens"]] == [SERIAL, "B0001"]
    assert facts["pen"]["serial"] == "B0001"
    assert facts["counters"] == {"passes": passes + 2, "strokes": strokes + 3, "boot": boot} | STEADY
    assert facts["unattended"] is None
    account = facts["completeness"]
    assert account["closes"]
    keys = ("boot", "first", "decoded", "missing", "repeated", "begun")
    assert [tuple(row[key] for key in keys) for row in account["boots"]] == [
        (7, 0, 8, 0, 0, "first"),
        (boot, seq, 24, 0, 0, "another pen"),
    ]
    gap = only(facts["gaps"])
    assert (gap["from_us"], gap["to_us"], gap["for_us"]) == (80_000, 1_080_000, 1_000_000)  # by the host's clock
    assert (gap["missing"], gap["cause"], gap["contact"], gap["zone"]) == (None, "restart", "yes", "forehead")
    assert facts["short_gaps"] == NO_GAPS


def test_a_pen_that_is_swapped_and_swapped_back():
    bench = Bench(opening_of(pen=pen_document()))
    bench.zone("forehead")
    bench.samples("11")
    for serial, seq, strokes in (("B0001", 0, 50), (SERIAL, 2, 1_006)):
        bench.link(up=False)
        bench.wait(500_000)
        bench.link(up=True)
        bench.swap(serial, boot=7, seq=seq, passes=None, strokes=strokes)
        bench.samples("11")
    derived = bench.end()
    facts = derived["facts"]
    assert zone_in(derived, "forehead")["strokes"] == 0  # what the first did meanwhile was in no session
    assert [pen["serial"] for pen in facts["pens"]] == [SERIAL, "B0001"]
    assert [(boot["first"], boot["decoded"]) for boot in facts["completeness"]["boots"]] == [(0, 2), (0, 2), (2, 2)]
    assert [(gap["missing"], gap["cause"]) for gap in facts["gaps"]] == [(None, "link")] * 2
    assert facts["completeness"]["closes"]


def test_frames_of_a_second_pen_that_come_before_its_name_count_nothing():
    bench = Bench(opening_of(pen=pen_document()))
    bench.zone("forehead")
    bench.samples("11")
    bench.link(up=False)
    bench.wait(500_000)
    bench.link(up=True)
    bench.boot, bench.seq, bench.passes, bench.strokes = 9, 400, 900, 77_000
    bench.samples("11")
    bench.identity("B0001")
    bench.strokes = 77_005
    bench.samples("11")
    bench.strokes = 77_009
    bench.samples("11")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["strokes"], zone["passes"]["pen"]) == (4, 0)  # 77 009 - 77 005: from the first total after its name


def begun_in(derived):
    """How each boot of the account began."""
    return [boot["begun"] for boot in derived["facts"]["completeness"]["boots"]]


@pytest.mark.parametrize("boots", [[7], [7, 8]], ids=["at once", "after a restart of the first"])
def test_frames_of_a_second_pen_that_come_before_its_name_are_another_pens_boot_and_no_restart(boots):
    bench = on("forehead", opening_of(pen=pen_document()))
    for bench.boot in boots:
        bench.seq = 0
        bench.samples("11")
    bench.link(up=False)
    bench.wait(500_000)
    bench.link(up=True)
    bench.boot, bench.seq, bench.pen_us = 9, 400, 3_000_000
    bench.samples("111")
    bench.identity("B0001")
    bench.samples("11")
    derived = bench.end()
    keys = ("boot", "first", "decoded", "begun")
    assert [tuple(boot[key] for key in keys) for boot in derived["facts"]["completeness"]["boots"]] == [
        *((boot, 0, 2, "restart" if boot == 8 else "first") for boot in boots),
        (9, 400, 5, "another pen"),
    ]
    restarts = [row["detail"]["n"] for row in derived["findings"] if row["rule"] == "pen.restarted"]
    assert restarts == [1] * (len(boots) - 1)
    assert derived["facts"]["completeness"]["closes"]


def test_a_pen_that_restarted_under_its_name_is_not_the_one_that_is_swapped_in_later():
    bench = on("forehead", opening_of(pen=pen_document()))
    bench.samples("11")
    bench.boot, bench.seq = 8, 0
    bench.samples("11")
    bench.swap("B0001", boot=8, seq=2, passes=None, strokes=None)
    bench.samples("11")
    derived = bench.end()
    assert begun_in(derived) == ["first", "restart", "another pen"]
    assert finding(derived, "pen.restarted")["detail"]["n"] == 1


def test_another_pen_that_is_the_first_one_heard_is_no_swap_of_numbers():
    """The one that was plugged in when the session opened was unplugged before it sent a frame."""
    bench = on("forehead", opening_of(pen=pen_document()))
    bench.link(up=False)
    bench.link(up=True)
    bench.identity("B0001")
    bench.samples("11")
    assert begun_in(bench.end()) == ["first"]


def unnamed(**opening):
    """10 passes and 1000 strokes are told on the forehead, then the link is lost for half a second."""
    bench = on("forehead", opening_of(pen=pen_document(), **opening))
    bench.samples("11")
    bench.link(up=False)
    bench.wait(500_000)
    bench.link(up=True)
    return bench


def made_unnamed(bench, *grown):
    """Frames, before each of which the pen makes so many passes and strokes."""
    for passes, strokes in grown:
        bench.passes, bench.strokes = (bench.passes + passes) % 2**32, (bench.strokes + strokes) % 2**32
        bench.samples("1" * 20)


def counted(derived):
    """By zone: passes, perhaps, strokes."""
    zones = derived["facts"]["zones"]
    return {zone["zone"]: (zone["passes"]["pen"], zone["passes_perhaps"], zone["strokes"]) for zone in zones}


def test_what_an_unnamed_pen_did_stays_in_the_zone_it_was_done_in():
    bench = unnamed()
    made_unnamed(bench, (1, 60), (0, 40), (1, 30))
    bench.zone("cheek.left")
    made_unnamed(bench, (0, 5), (1, 7))
    bench.zone("forehead")
    made_unnamed(bench, (0, 3))
    bench.zone("chin")
    bench.identity()
    made_unnamed(bench, (1, 2))
    derived = bench.end()
    assert counted(derived) == {"forehead": (2, 0, 133), "cheek.left": (1, 0, 12), "chin": (1, 0, 2)}
    assert derived["facts"]["counters"] == {"passes": 14, "strokes": 1_147, "boot": 7} | STEADY


def test_what_an_unnamed_pen_did_is_in_no_zone_while_nobody_has_signed_it():
    bench = unnamed()
    made_unnamed(bench, (1, 60), (1, 40))
    live = bench.pipeline.judge()[0]
    assert live["counters"]["unplaced"]
    derived = bench.end()
    assert counted(derived) == {"forehead": (0, 0, 0)}
    counters = {"passes": 10, "strokes": 1_000, "boot": 7}
    assert derived["facts"]["counters"] == counters | STEADY | {"unplaced": True}


def test_what_an_unnamed_pen_did_that_turns_out_to_be_another_is_in_no_zone():
    bench = unnamed()
    bench.boot, bench.passes, bench.strokes = 9, 900, 77_000
    made_unnamed(bench, (1, 60), (1, 40))
    bench.zone("cheek.left")
    made_unnamed(bench, (1, 4))
    bench.identity("B0001")
    made_unnamed(bench, (0, 5), (1, 6))
    derived = bench.end()
    assert counted(derived) == {"forehead": (0, 0, 0), "cheek.left": (1, 0, 6)}  # from the first total after its name
    counters = {"passes": 904, "strokes": 77_115, "boot": 9}
    assert derived["facts"]["counters"] == counters | STEADY | {"unplaced": True}


def test_a_pen_that_was_swapped_and_told_no_total_before_its_name_leaves_nothing_unplaced():
    bench = unnamed()
    bench.swap("B0001", boot=9, seq=0, passes=3, strokes=50)
    made_unnamed(bench, (0, 0), (1, 20))
    derived = bench.end()
    assert counted(derived) == {"forehead": (1, 0, 20)}
    assert derived["facts"]["counters"]["unplaced"] is False


def test_what_an_unnamed_pen_did_waits_in_two_parts_for_each_stay_however_long():
    """The first may tell of the gap; all others are one sum, or the wait would grow with every frame."""
    bench = unnamed()
    for zone in ("forehead", "cheek.left", "forehead"):
        bench.zone(zone)
        made_unnamed(bench, *[(0, 10)] * 6)
    waiting = bench.pipeline.derivation.who._waiting
    parts = [(row.zone, row.strokes) for row in waiting]
    assert parts == [(zone, n) for zone in ("forehead", "cheek.left", "forehead") for n in (10, 50)]


def test_a_total_that_an_unnamed_pen_stops_sending_stands():
    bench = unnamed()
    made_unnamed(bench, (1, 10), (0, 10), (0, 10))
    bench.passes = bench.strokes = None
    bench.samples("1" * 20)
    bench.identity()
    assert counted(bench.end()) == {"forehead": (1, 0, 30)}


def test_a_second_lost_link_does_not_sign_the_totals():
    bench = unnamed()
    made_unnamed(bench, (0, 40))
    bench.link(up=False)
    bench.link(up=True)
    made_unnamed(bench, (0, 30))
    bench.identity()
    assert counted(bench.end()) == {"forehead": (0, 0, 70)}


@pytest.mark.parametrize(
    ("grown", "told", "fell", "jumped"),
    [
        ([(0, 10), (0, -400), (0, 60), (0, 60), (0, 60), (0, 60), (0, 60), (0, 60), (0, 60)], 430, 1, 0),
        ([(0, 10)] * 3 + [(0, 3_000)] + [(0, 10)] * 60, 630, 0, 3_000),
    ],
    ids=["fell", "jumped"],
)
def test_a_total_that_is_not_a_total_is_told_of_an_unnamed_pen_too(grown, told, fell, jumped):
    """As of a named one: what it did between two frames is not hidden by what it did later."""
    bench = unnamed()
    made_unnamed(bench, *grown)
    bench.identity()
    derived = bench.end()
    counters = derived["facts"]["counters"]
    assert (counters["fell"], counters["jumped"]["strokes"]) == (fell, jumped)
    assert zone_in(derived, "forehead")["strokes"] == told


def test_a_heartbeat_of_an_unnamed_pen_waits_too():
    bench = unnamed()
    bench.motor_on = False
    bench.strokes += 9
    bench.heartbeat()
    bench.zone("cheek.left")
    bench.heartbeat()
    bench.identity()
    assert counted(bench.end()) == {"forehead": (0, 0, 9), "cheek.left": (None, 0, None)}


@pytest.mark.parametrize("named", [True, False])
def test_passes_made_while_a_link_was_lost_and_she_turned_may_belong_to_either_zone(named):
    bench = on("forehead", opening_of(pen=pen_document()))
    bench.samples("11")
    bench.link(up=False)
    bench.zone("cheek.left")
    bench.wait(500_000)
    bench.link(up=True)
    if named:
        bench.identity()
    made_unnamed(bench, (2, 30), (1, 5))
    bench.identity()
    assert counted(bench.end()) == {"forehead": (0, 2, 0), "cheek.left": (1, 2, 35)}


def test_the_sensor_of_another_pen_has_not_stood_still():
    bench = on("forehead", opening_of(pen=pen_document()))
    bench.needle(30)
    bench.swap("B0001", boot=9, seq=0, passes=None, strokes=None)
    bench.needle(20)
    steadiness = zone_in(bench.end(), "forehead")["steadiness"]
    assert (steadiness["longest_still_us"], steadiness["compared"]) == (300_000, 48)  # 29 and 19


def test_an_answer_that_samples_overtook_says_who_it_is_all_the_same():
    bench = Bench(opening_of(pen=pen_document()))
    bench.zone("forehead")
    bench.samples("11")
    bench.link(up=False)
    bench.link(up=True)
    bench.samples("11")
    bench.seq -= 2  # made before the newest samples, sent after them
    bench.identity()
    bench.seq += 2
    bench.strokes += 7
    bench.samples("11")
    derived = bench.end()
    assert derived["facts"]["identities"] == 1
    assert zone_in(derived, "forehead")["strokes"] == 7


def test_a_second_pen_does_not_hide_what_the_first_did_unattended():
    before = Counters(serial=SERIAL, boot=7, passes=8, strokes=900)
    bench = Bench(opening_of(pen=pen_document(), before=before))
    bench.passes, bench.strokes = 10, 1_000
    bench.samples("11")
    bench.swap("B0001", boot=9, seq=0, passes=1, strokes=5)
    bench.samples("11")
    unattended = bench.end()["facts"]["unattended"]
    assert (unattended["passes"], unattended["strokes"]) == (2, 100)


def test_the_contact_of_the_first_pen_is_not_the_second_ones():
    bench = Bench(opening_of(pen=pen_document()))
    bench.samples("1111")
    bench.swap("B0001", boot=9, seq=0, passes=None, strokes=None)
    bench.samples("1" * 30, lost=True)
    bench.samples("0000")
    gaps = bench.end()["facts"]["gaps"]
    assert gaps[-1]["missing"] == 30
    assert gaps[-1]["contact"] == "unknown"


def test_an_oversize_run_on_either_side_of_a_lost_link_is_two():
    bench = Bench(opening_of())
    bench.raw(b"\x01" * 300)
    bench.link(up=False)
    bench.link(up=True)
    bench.raw(b"\x01" * 300)
    (fault,) = bench.end()["facts"]["completeness"]["faults"]
    assert fault == {"kind": "oversize", "n": 2, "bytes": 600}


def test_the_same_pen_that_says_who_it_is_goes_on():
    bench = Bench(opening_of(pen=pen_document()))
    bench.samples("11")
    bench.identity()
    bench.strokes = 1_005
    bench.samples("11")
    derived = bench.end()
    assert zone_in(derived, "unassigned")["strokes"] == 5
    assert only(derived["facts"]["completeness"]["boots"])["decoded"] == 4
    assert (gaps_of(derived), derived["facts"]["short_gaps"]) == ([], NO_GAPS)


def test_the_first_name_of_a_pen_that_had_none_is_no_swap():
    bench = Bench(opening_of(pen=None))
    bench.zone("forehead")
    bench.samples("11")
    bench.identity("B0001")
    bench.strokes = 1_005
    bench.samples("11")
    derived = bench.end()
    assert zone_in(derived, "forehead")["strokes"] == 5
    assert only(derived["facts"]["completeness"]["boots"])["decoded"] == 4


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_lost_frames(bench):
    bench.samples("1111")  # arrives at 40 ms
    bench.samples("1" * 12, lost=True)
    bench.samples("1111")  # arrives at 40 + 120 + 40 ms
    derived = bench.end()
    assert only(gaps_of(derived)) == {
        "from_us": 40_000,
        "to_us": 200_000,
        "for_us": 120_000,  # by the pen's clock, from the end of one frame to the beginning of the other
        "missing": 12,
        "cause": "lost",
        "contact": "yes",
        "zone": "forehead",
    }
    zone = zone_in(derived, "forehead")
    assert (zone["contact_us"], zone["glides"], zone["longest_glide_us"]) == (80_000, 2, 40_000)
    assert derived["facts"]["short_gaps"] == NO_GAPS
    boot = only(derived["facts"]["completeness"]["boots"])
    assert boot == {
        "boot": 7,
        "first": 0,
        "last": 19,
        "decoded": 8,
        "missing": 12,
        "late": 0,
        "repeated": 0,
        "begun": "first",
        "closes": True,
    }


def test_short_gaps_are_counted_and_are_holes_in_a_glide(bench):
    for lost in (9, 3):
        bench.samples("1111")
        bench.samples("1" * lost, lost=True)
    bench.samples("1111")
    derived = bench.end()
    assert gaps_of(derived) == []
    assert derived["facts"]["short_gaps"] == {"n": 2, "missing": 12, "for_us": 120_000}
    zone = zone_in(derived, "forehead")
    assert (zone["contact_us"], zone["glides"], zone["longest_glide_us"]) == (120_000, 1, 120_000)


def test_a_gap_of_a_tenth_of_a_second_is_listed(bench):
    bench.samples("1111")
    bench.samples("1" * 10, lost=True)
    bench.samples("1111")
    derived = bench.end()
    assert only(gaps_of(derived))["for_us"] == 100_000
    assert zone_in(derived, "forehead")["glides"] == 2


def test_a_link_that_goes_and_comes_back(bench):
    bench.samples("1111")
    bench.link(up=False)
    bench.samples("1" * 100, lost=True)
    bench.link(up=True)
    bench.identity()  # 1.04 s
    bench.samples("11")
    derived = bench.end()
    gap = only(gaps_of(derived))
    assert (gap["from_us"], gap["to_us"], gap["for_us"]) == (40_000, 1_040_000, 1_000_000)
    assert (gap["missing"], gap["cause"], gap["contact"]) == (100, "link", "yes")
    assert zone_in(derived, "forehead")["glides"] == 2


def test_a_link_loss_lasts_to_the_first_return(bench):
    for up in (True, False, True, True):
        bench.link(up=up)
        bench.wait(30_000)
    bench.link(up=False)
    assert bench.end()["facts"]["link_losses"] == [
        {"at_us": 30_000, "for_us": 30_000, "cause": "unplugged"},
        {"at_us": 120_000, "for_us": None, "cause": "unplugged"},
    ]


def test_a_link_that_goes_while_nothing_is_sent_costs_nothing(bench):
    bench.samples("00")
    bench.motor_on = False
    bench.event(4)
    bench.link(up=False)
    bench.wait(60_000_000)
    bench.link(up=True)
    bench.heartbeat()
    facts = bench.end()["facts"]
    assert (facts["gaps"], facts["short_gaps"]) == ([], NO_GAPS)


@pytest.mark.parametrize(
    ("before", "lost", "after", "contact"),
    [
        ("0001", "0" * 50, "0000", "yes"),
        ("1110", "0" * 50, "1000", "yes"),
        ("1110", "0" * 20, "0111", "no"),
        ("0000", "0" * 25, "0000", "no"),  # 250 ms: no touch fits that a rule would judge
        ("0000", "0" * 26, "0000", "unknown"),
        ("1110", "0" * 26, "0111", "unknown"),
        ("0000", "0" * 200, "0000", "unknown"),
        ("0000", "0" * 50, None, "unknown"),
        (None, "0" * 50, "0000", "unknown"),
        (None, "0" * 50, "1000", "yes"),
        (None, "0" * 50, None, "unknown"),
    ],
)
def test_contact_in_a_gap_is_known_from_both_its_ends(bench, before, lost, after, contact):
    bench.samples(before, n=4)
    bench.samples(lost, lost=True)
    bench.samples(after, n=4)
    assert only(gaps_of(bench.end()))["contact"] == contact


@pytest.mark.parametrize(("more_us", "contact"), [(0, "no"), (1, "unknown")])
def test_a_touch_fits_in_more_than_a_quarter_of_a_second(bench, more_us, contact):
    bench.samples("0000")
    bench.samples("0" * 25, lost=True)
    bench.wait(more_us)
    bench.samples("0000")
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["contact"]) == (250_000 + more_us, contact)


def test_a_message_without_samples_does_not_tell_contact(bench):
    bench.samples("0000")
    bench.samples("0" * 50, lost=True)
    bench.identity()
    bench.samples("0000")
    assert only(gaps_of(bench.end()))["contact"] == "unknown"


@pytest.mark.parametrize(("lost", "contact"), [(25, "no"), (26, "unknown")])
def test_a_motor_that_stopped_before_the_end_of_a_gap(bench, lost, contact):
    bench.samples("0000")
    bench.samples("0" * lost, lost=True)
    bench.motor_on = False
    bench.event(4)
    assert only(gaps_of(bench.end()))["contact"] == contact


def test_needling_between_two_rests_that_nobody_heard(bench):
    bench.samples("0000")
    bench.motor_on = False
    bench.event(4)
    bench.link(up=False)
    bench.wait(20_000_000)
    bench.samples("1" * 250, lost=True)  # 2.5 s
    bench.wait(20_000_000)
    bench.link(up=True)
    bench.heartbeat()
    gap = only(gaps_of(bench.end()))
    assert (gap["from_us"], gap["to_us"]) == (40_000, 42_540_000)  # 0.04 + 20 + 2.5 + 20 s
    assert (gap["for_us"], gap["missing"]) == (2_500_000, 250)  # what was lost, without the rests
    assert gap["contact"] == "unknown"


def test_a_heartbeat_reveals_the_last_samples(bench):
    bench.samples("1111")
    bench.samples("11", lost=True)
    bench.motor_on = False
    bench.wait(1_000_000)
    bench.heartbeat()
    facts = bench.end()["facts"]
    assert facts["gaps"] == []
    assert facts["short_gaps"] == {"n": 1, "missing": 2, "for_us": 20_000}  # and not the second of rest
    assert only(facts["completeness"]["boots"])["missing"] == 2


@pytest.mark.parametrize("send", [lambda pen: pen.event(1, 11), lambda pen: pen.identity()])
def test_any_other_message_reveals_them_too(bench, send):
    bench.samples("1111")
    bench.samples("1" * 15, lost=True)
    send(bench)
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"], gap["contact"]) == (150_000, 15, "yes")


def test_silence_with_the_motor_on(bench):
    bench.samples("11")
    bench.wait(2_480_001)
    bench.samples("11")  # heard 2.480001 + 0.02 s after the last frame: more than the limit of 2.5 s
    derived = bench.end()
    gap = only(gaps_of(derived))
    assert (gap["for_us"], gap["missing"], gap["cause"], gap["contact"]) == (2_480_001, 0, "silence", "yes")
    assert zone_in(derived, "forehead")["glides"] == 2


def test_silence_that_ends_at_rest(bench):
    bench.samples("11")
    bench.wait(5_000_000)
    bench.motor_on = False
    bench.heartbeat()
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"], gap["cause"], gap["contact"]) == (5_000_000, 0, "silence", "yes")


def test_a_running_pen_that_lost_samples_and_did_not_number_others(bench):
    bench.samples("1111")
    bench.samples("1" * 12, lost=True)
    bench.wait(400_000)
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"]) == (520_000, 12)  # its clock, and not its numbers


def test_a_gap_after_a_message_without_samples(bench):
    bench.samples("11")
    bench.identity()
    bench.samples("1" * 12, lost=True)
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert (gap["from_us"], gap["for_us"], gap["missing"]) == (20_000, 120_000, 12)


@pytest.mark.parametrize(("known", "for_us"), [(True, 120_000), (False, 1_120_000)])
def test_samples_lost_between_rests_are_timed_when_their_period_is_known(bench, known, for_us):
    bench.motor_on = False
    if known:
        bench.samples("0")
    bench.heartbeat()
    bench.wait(1_000_000)
    bench.samples("1" * 12, lost=True)
    bench.heartbeat()
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"]) == (for_us, 12)


def test_the_frame_after_a_rest_tells_the_period_too(bench):
    bench.motor_on = False
    bench.heartbeat()
    bench.wait(1_000_000)
    bench.motor_on = True
    bench.samples("1" * 12, lost=True)
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"]) == (120_000, 12)


@pytest.mark.parametrize(("wait_us", "gaps"), [(99_999, 0), (100_000, 1), (2_480_000, 1), (2_480_001, 1)])
@pytest.mark.parametrize("columns", [{}, {"depth": None}])  # a frame that could go on, and one that says something new
def test_a_running_pen_that_took_no_samples_for_a_tenth_of_a_second_leaves_a_gap(bench, wait_us, gaps, columns):
    bench.samples("11")
    bench.wait(wait_us)
    bench.samples("11", **columns)
    derived = bench.end()
    found = [(gap["for_us"], gap["missing"], gap["contact"], gap["zone"]) for gap in gaps_of(derived)]
    assert found == [(wait_us, 0, "yes", "forehead")] * gaps
    assert zone_in(derived, "forehead")["glides"] == 1 + gaps
    causes = {gap["cause"] for gap in gaps_of(derived)}
    assert causes <= ({"silence"} if wait_us > 2_480_000 else {"lost"})


def test_five_stalls_of_a_running_pen_in_which_no_number_is_missing(bench):
    """Each 2.4 s, which is shorter than the silence that a profile allows: 12 s of needling that nobody saw."""
    for stalled in range(6):
        bench.wait(2_400_000 if stalled else 0)
        for _ in range(50):
            bench.samples("11")
    derived = bench.end()
    assert [(gap["for_us"], gap["missing"], gap["cause"]) for gap in gaps_of(derived)] == [(2_400_000, 0, "lost")] * 5
    zone = zone_in(derived, "forehead")
    assert (zone["glides"], zone["contact_us"], zone["longest_glide_us"]) == (6, 6_000_000, 1_000_000)
    assert only(derived["facts"]["completeness"]["boots"])["missing"] == 0
    assert finding(derived, "data.gap")["detail"]["for_us"] == 12_000_000


def test_host_time_without_pen_time_is_no_gap(bench):
    """The host was late, the pen was not."""
    bench.samples("11")
    bench.now_us += 2_000_000
    bench.samples("11")
    derived = bench.end()
    assert (gaps_of(derived), derived["facts"]["short_gaps"]) == ([], NO_GAPS)
    assert zone_in(derived, "forehead")["glides"] == 1


def test_a_pen_at_rest_that_takes_no_samples_leaves_no_gap(bench):
    bench.motor_on = False
    bench.samples("00")
    bench.wait(2_000_000)
    bench.motor_on = True
    bench.samples("11")
    assert gaps_of(bench.end()) == []


def test_the_pens_clock_wraps_in_a_stall():
    bench = on("forehead", pen_us=2**32 - 1_000_000)
    bench.samples("11")
    bench.wait(1_500_000)
    bench.samples("11")
    assert only(gaps_of(bench.end()))["for_us"] == 1_500_000


@pytest.mark.parametrize(("ahead_us", "gaps"), [(2**31 - 1, [2**31 - 1]), (2**31, []), (2**32 - 100_000, [])])
@pytest.mark.parametrize("pen_us", [0, 2**32 - 50_000])
def test_half_of_the_pens_clock_ahead_is_no_stall(pen_us, ahead_us, gaps):
    """It ran backwards, so far as it can tell: no sample is missing, and no time."""
    bench = on("forehead", pen_us=pen_us)
    bench.samples("11")
    bench.pen_us = (bench.pen_us + ahead_us) % 2**32
    bench.samples("11")
    derived = bench.end()
    assert [gap["for_us"] for gap in gaps_of(derived)] == gaps
    assert derived["facts"]["short_gaps"] == NO_GAPS


def test_silence_with_the_motor_off_is_rest(bench):
    bench.samples("11")
    bench.motor_on = False
    bench.event(4)
    bench.wait(10_000_000)
    bench.heartbeat()
    bench.wait(10_000_000)
    assert gaps_of(bench.end()) == []


def test_the_pen_restarts(bench):
    bench.samples("1111")
    bench.wait(500_000)
    bench.boot, bench.seq, bench.pen_us = 8, 0, 0
    bench.samples("11")
    derived = bench.end()
    gap = only(gaps_of(derived))
    assert (gap["from_us"], gap["to_us"]) == (40_000, 560_000)
    assert gap["for_us"] == 520_000  # by the host's clock: the pen's began anew
    assert (gap["missing"], gap["cause"], gap["contact"]) == (None, "restart", "yes")
    keys = ("boot", "decoded", "missing", "begun")
    assert [tuple(boot[key] for key in keys) for boot in derived["facts"]["completeness"]["boots"]] == [
        (7, 4, 0, "first"),
        (8, 2, 0, "restart"),
    ]


def test_the_pen_restarts_at_rest(bench):
    bench.samples("0000")
    bench.motor_on = False
    bench.heartbeat()
    bench.wait(30_000_000)
    bench.boot, bench.seq, bench.pen_us = 8, 0, 0
    bench.heartbeat()
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"], gap["cause"], gap["contact"]) == (30_000_000, None, "silence", "no")


def test_the_pen_restarts_lifted_and_running(bench):
    bench.samples("0000")
    bench.wait(2_000_000)
    bench.boot, bench.seq = 8, 0
    bench.samples("0000")
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["contact"]) == (2_040_000, "unknown")  # a touch has room in it


def test_damage_is_the_cause(bench):
    bench.samples("1111")
    bench.raw(spoiled(bench.samples("1" * 12, lost=True)))
    bench.samples("1111")
    derived = bench.end()
    gap = only(gaps_of(derived))
    assert (gap["missing"], gap["cause"]) == (12, "damage")
    account = derived["facts"]["completeness"]
    assert (account["frames_sound"], account["frames_damaged"]) == (2, 1)
    # 27 + 12 x 2 + 12 x 2 + 2 bytes of contact, 4 of CRC, 1 of COBS
    assert account["faults"] == [{"kind": "crc", "n": 1, "bytes": 82}]


def test_an_overflow_is_the_cause(bench):
    bench.samples("1111")
    bench.samples("1" * 12, lost=True)
    bench.overflow(500)
    bench.samples("1111")
    derived = bench.end()
    assert only(gaps_of(derived))["cause"] == "overflow"
    account = derived["facts"]["completeness"]
    assert (account["overflows"], account["bytes_dropped"], account["closes"]) == (1, 500, True)
    assert account["bytes_read"] == account["bytes_kept"] + 500


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (("link", "overflow", "damage", "silence"), "link"),
        (("overflow", "damage", "silence"), "overflow"),
        (("damage", "silence"), "damage"),
        (("silence",), "silence"),
        ((), "lost"),
    ],
)
def test_the_first_cause_that_applies(bench, trouble, cause):
    bench.samples("1111")
    bench.samples("1" * 30, lost=True)
    if "link" in trouble:
        bench.link(up=False)
        bench.link(up=True)
    if "overflow" in trouble:
        bench.overflow(9)
    if "damage" in trouble:
        bench.raw(b"\0\x02\x02\0")
    if "silence" in trouble:
        bench.wait(3_000_000)
    bench.samples("1111")
    bench.samples("1" * 30, lost=True)
    bench.samples("1111")
    assert [gap["cause"] for gap in gaps_of(bench.end())] == [cause, "lost"]


@pytest.mark.parametrize(
    ("given_up_for", "cause"),
    [("unplugged", "link"), ("released", "released"), ("silent", "silence"), ("no frames", "silence")],
)
def test_a_port_that_was_given_up_is_not_what_the_pen_was_lost_for(bench, given_up_for, cause):
    bench.samples("1111")
    bench.samples("1" * 30, lost=True)
    bench.wait(3_000_000)
    bench.link(up=False, cause=given_up_for)
    bench.link(up=True)
    bench.samples("1111")
    assert only(gaps_of(bench.end()))["cause"] == cause


def test_a_gap_to_the_end(bench):
    bench.samples("11")
    bench.wait(2_500_001)
    assert only(gaps_of(bench.end())) == {
        "from_us": 20_000,
        "to_us": 2_520_001,
        "for_us": 2_500_001,
        "missing": None,
        "cause": "silence",
        "contact": "yes",
        "zone": "forehead",
    }


@pytest.mark.parametrize(("contact", "told"), [("11", "yes"), ("00", "unknown"), (None, "unknown")])
def test_nobody_knows_how_a_gap_to_the_end_ended(bench, contact, told):
    bench.samples(contact, n=2)
    bench.wait(3_000_000)
    assert only(gaps_of(bench.end()))["contact"] == told


def test_a_tick_tells_of_silence_in_an_interrupted_stream(bench):
    bench.samples("11")
    bench.wait(3_000_000)
    bench.put(None)
    bench.wait(1_000_000)
    assert only(gaps_of(bench.cut()))["for_us"] == 3_000_000


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (lambda bench: bench.link(up=False), "link"),
        (lambda bench: (bench.link(up=False), bench.link(up=True)), "link"),
        (lambda bench: bench.overflow(9), "overflow"),
        (lambda bench: bench.raw(b"\0\x02\x02\0"), "damage"),
    ],
)
def test_a_gap_to_the_end_needs_no_long_silence_when_something_went_wrong(bench, trouble, cause):
    bench.samples("11")
    bench.wait(100_000)
    trouble(bench)
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"], gap["cause"]) == (100_000, None, cause)


@pytest.mark.parametrize(("wait_us", "gaps"), [(500_000, 0), (500_001, 1)])
def test_a_running_pen_that_is_unheard_at_the_end_for_half_a_second_leaves_a_gap(bench, wait_us, gaps):
    bench.samples("11")
    bench.wait(wait_us)
    found = [(gap["for_us"], gap["missing"], gap["cause"]) for gap in gaps_of(bench.end())]
    assert found == [(wait_us, None, "silence")] * gaps


def test_a_pen_that_stops_in_a_glide_shortly_before_the_end(bench):
    bench.needle(100)
    bench.wait(2_400_000)
    derived = bench.end()
    gap = only(gaps_of(derived))
    assert (gap["for_us"], gap["missing"], gap["contact"], gap["zone"]) == (2_400_000, None, "yes", "forehead")
    assert finding(derived, "data.gap")["zone"] == "forehead"


def test_no_gap_to_the_end_of_a_pen_at_rest(bench):
    bench.samples("11")
    bench.motor_on = False
    bench.event(4)
    bench.link(up=False)
    bench.wait(60_000_000)
    facts = bench.end()["facts"]
    assert (facts["gaps"], facts["short_gaps"]) == ([], NO_GAPS)


def test_a_link_lost_just_before_the_end(bench):
    bench.samples("11")
    bench.wait(50_000)
    bench.link(up=False)
    facts = bench.end()["facts"]
    assert (facts["gaps"], facts["short_gaps"]) == ([], {"n": 1, "missing": 0, "for_us": 50_000})


def test_a_gap_stands_in_the_zone_of_the_newest_sample_before_it(bench):
    bench.samples("11")
    bench.samples("1" * 20, lost=True)
    bench.zone("cheek.left")  # she turned before the pen was heard again
    bench.samples("11")
    bench.samples("1" * 20, lost=True)
    bench.samples("11")
    assert [gap["zone"] for gap in gaps_of(bench.end())] == ["forehead", "cheek.left"]


def test_no_sample_before_a_gap_no_zone():
    bench = Bench()
    bench.heartbeat()
    bench.zone("forehead")
    bench.samples("1" * 20, lost=True)
    bench.samples("11")
    assert only(gaps_of(bench.end()))["zone"] == "unassigned"


def test_a_message_without_samples_does_not_move_the_zone_of_a_gap(bench):
    bench.samples("11")
    bench.zone("cheek.left")
    bench.identity()
    bench.samples("1" * 20, lost=True)
    bench.samples("11")
    assert only(gaps_of(bench.end()))["zone"] == "forehead"


def test_a_gap_to_the_end_stands_in_the_zone_of_the_newest_sample(bench):
    bench.samples("11")
    bench.zone("cheek.left")
    bench.wait(3_000_000)
    assert only(gaps_of(bench.end()))["zone"] == "forehead"


# --- a pen that is silent now -----------------------------------------------------------------------------------------


def silent_us(bench):
    return bench.pipeline.derivation.gaps.silent_us(HOST_US + bench.now_us)


@pytest.mark.parametrize(("for_us", "silent"), [(0, 0), (2_500_000, 0), (2_500_001, 2_500_001)])
def test_a_running_pen_is_silent_beyond_the_limit(bench, for_us, silent):
    bench.samples("11")
    bench.wait(for_us)
    assert silent_us(bench) == silent


def test_a_running_pen_whose_link_is_lost_is_silent_at_once(bench):
    bench.samples("11")
    bench.link(up=False)
    bench.wait(40_000)
    assert silent_us(bench) == 40_000
    bench.link(up=True)  # there, and for no longer than a pen may be silent
    assert silent_us(bench) == 0


def test_a_pen_that_is_heard_again_is_not_silent(bench):
    bench.samples("11")
    bench.wait(9_000_000)
    assert silent_us(bench) == 9_000_000
    bench.heartbeat()
    assert silent_us(bench) == 0


@pytest.mark.parametrize("up", [True, False])
def test_neither_a_pen_at_rest_nor_one_that_was_never_heard_is_silent(bench, up):
    bench.link(up=up)
    bench.wait(9_000_000)
    assert silent_us(bench) == 0
    bench.samples("11")
    bench.motor_on = False
    bench.event(4)
    bench.wait(9_000_000)
    assert silent_us(bench) == 0


def test_asking_for_silence_changes_nothing(bench):
    bench.samples("11")
    bench.wait(2_600_000)
    assert silent_us(bench) == silent_us(bench) == 2_600_000
    assert only(gaps_of(bench.end()))["for_us"] == 2_600_000


# --- numbers that repeat or fall -------------------------------------------------------------------------------------


def test_a_repeated_frame_counts_once(bench):
    block = bench.samples("1111")
    bench.strokes = 1_003
    bench.samples("11")
    bench.send(block)
    bench.send(block)
    bench.samples("1")
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    assert (zone["samples"], zone["contact_us"], zone["glides"], zone["strokes"]) == (7, 70_000, 1, 3)
    boot = only(derived["facts"]["completeness"]["boots"])
    assert (boot["decoded"], boot["missing"], boot["repeated"], boot["last"]) == (7, 0, 8, 6)
    assert derived["facts"]["completeness"]["closes"]
    assert (gaps_of(derived), derived["facts"]["short_gaps"]) == ([], NO_GAPS)


@pytest.mark.parametrize(("back", "back_us", "boots"), BEHIND)
@pytest.mark.parametrize("newest", [lambda bench: None, Bench.heartbeat], ids=["a frame", "a heartbeat"])
def test_a_frame_far_behind_is_a_new_beginning(newest, back, back_us, boots):
    bench = Bench(seq=10_000, pen_us=5_000_000)
    bench.samples("1111")  # the next is 10 004, at 5.04 s
    newest(bench)
    bench.seq = 10_004 - back
    bench.pen_us = (bench.pen_us + back_us) % 2**32
    bench.samples("11")
    account = bench.end()["facts"]["completeness"]
    assert len(account["boots"]) == boots
    assert [boot["boot"] for boot in account["boots"]] == [7] * boots
    assert sum(boot["repeated"] for boot in account["boots"]) == (2 if boots == 1 else 0)
    assert [boot["begun"] for boot in account["boots"]] == ["first", "numbers"][:boots]
    assert account["closes"]


@pytest.mark.parametrize("n", [3_000, 220])  # of 2.2 s: the newest frame only went on
def test_a_pen_that_begins_anew_with_the_same_boot_is_judged(n):
    """Its memory lost, it counts from 0 again: no repeat, though its numbers are less than 4096 behind."""
    bench = on("forehead")
    bench.needle(n)
    bench.seq = bench.pen_us = 0
    bench.set_um = 2_700
    bench.needle(100)
    derived = bench.end()
    account = derived["facts"]["completeness"]
    keys = ("boot", "first", "decoded", "repeated", "begun")
    assert [tuple(boot[key] for key in keys) for boot in account["boots"]] == [
        (7, 0, n, 0, "first"),
        (7, 0, 100, 0, "numbers"),
    ]
    assert account["closes"]
    over = zone_in(derived, "forehead")["over_device"]
    assert (over["for_us"], over["set_um"]) == (1_000_000, 2_700)
    assert finding(derived, "depth.over_device")["zone"] == "forehead"
    assert finding(derived, "pen.restarted")["detail"]["n"] == 1
    assert zone_in(derived, "forehead")["samples"] == n + 100


def test_the_first_frame_of_numbers_that_began_anew_may_be_repeated_too(bench):
    bench.needle(300)
    bench.seq = bench.pen_us = 0
    block = bench.samples("11")
    bench.send(block)
    boots = bench.end()["facts"]["completeness"]["boots"]
    assert [(boot["begun"], boot["decoded"], boot["repeated"]) for boot in boots] == [
        ("first", 300, 0),
        ("numbers", 2, 2),
    ]


# --- frames that come late --------------------------------------------------------------------------------------------


def boot_of(derived):
    """The only boot: decoded, missing, late, repeated."""
    boot = only(derived["facts"]["completeness"]["boots"])
    assert derived["facts"]["completeness"]["closes"]
    return tuple(boot[key] for key in ("decoded", "missing", "late", "repeated"))


def test_late_frames_that_are_too_deep_are_found(bench):
    bench.needle(20)
    deep = [bench.samples("1" * 20, depth=2_700, lost=True) for _ in range(5)]
    bench.needle(20)
    late = [bench.send(block) for block in deep]
    bench.needle(20)
    derived = bench.end()
    assert boot_of(derived) == (160, 0, 100, 0)
    zone = zone_in(derived, "forehead")
    assert (zone["over_device"]["for_us"], zone["over_device"]["measured_um"]) == (1_000_000, 2_700)
    assert zone["over_device"]["first_record"] == late[0].number
    assert finding(derived, "depth.over_device")["zone"] == "forehead"
    assert (zone["samples"], zone["judged"], zone["contact_us"]) == (160, 160, 1_600_000)


def test_a_late_frame_is_nobodys_neighbour_and_makes_no_glide_and_no_span(bench):
    bench.samples("11", depth=200)  # 2
    block = bench.block("10" * 4, depth=(900, 200, 300, 200, 900, 200, 900, 200))
    bench.seq += 8
    bench.wait(80_000)  # a hole in a glide
    bench.samples("11", depth=200)
    bench.strokes += 50
    bench.send(block._replace(depth_set_um=350, passes=12, strokes=1_090))
    bench.strokes -= 50
    bench.samples("11", depth=200)  # 5
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    assert (zone["glides"], zone["longest_glide_us"]) == (1, 60_000)  # the pen was heard before, and after
    assert zone["contact_us"] == 100_000  # 2 + 2 + 2, and 4 of the late one
    assert zone["steadiness"]["leaps"] == 0  # from 200 to 900, but for what lies between
    assert zone["steadiness"]["compared"] == 4  # in the first, and on from the second to the third
    assert (zone["strokes"], zone["passes"]["pen"]) == (0, 0)  # its totals are older than those that were heard
    assert zone["depth"]["max_um"] == 900
    span = only(derived["facts"]["spans"])
    assert (span["depth_set_um"], span["samples"], span["contact_us"]) == (300, 6, 60_000)
    assert zone["at_set_depth"] == [
        {"depth_set_um": 300, "for_us": 60_000},
        {"depth_set_um": 350, "for_us": 40_000},
    ]


def test_neighbours_within_a_late_frame_are(bench):
    block = bench.block("1111", depth=(200, 900, 900, 900))
    bench.samples("11")
    bench.seq += 4
    bench.wait(40_000)
    bench.samples("11")
    record = bench.send(block._replace(seq=2, t_us=20_000))
    derived = bench.end()
    steadiness = zone_in(derived, "forehead")["steadiness"]
    assert (steadiness["leaps"], steadiness["largest_um"], steadiness["first_record"]) == (1, 700, record.number)
    assert steadiness["longest_still_us"] == 40_000  # of 200, over the hole


def test_a_late_frame_counts_in_the_zone_that_data_goes_to_now(bench):
    bench.samples("11")
    late = bench.samples("111", lost=True)
    bench.samples("11")
    bench.zone("cheek.left")
    bench.samples("11")
    bench.mark("pause")
    bench.send(late)
    derived = bench.end()
    assert boot_of(derived) == (9, 0, 3, 0)
    cheek = zone_in(derived, "cheek.left")
    assert (zone_in(derived, "forehead")["samples"], cheek["samples"], cheek["paused_contact_us"]) == (4, 5, 30_000)
    assert derived["facts"]["completeness"]["closes"]


@pytest.mark.parametrize(("zone", "judged"), [("forehead", 8), (None, 0)])
def test_a_late_frame_without_contact_is_judged_in_a_zone_only(bench, zone, judged):
    bench.mark("zone", zone)
    bench.samples(None, n=2)
    late = bench.samples(None, n=4, lost=True)
    bench.samples(None, n=2)
    bench.send(late)
    assert zone_in(bench.end(), zone or "unassigned")["judged"] == judged


def test_late_twice_is_late_and_repeated(bench):
    bench.samples("11")
    late = bench.samples("111", lost=True)
    bench.samples("11")
    bench.send(late)
    bench.send(late)
    derived = bench.end()
    assert boot_of(derived) == (7, 0, 3, 3)
    assert zone_in(derived, "forehead")["samples"] == 7


def test_a_frame_that_was_missing_in_part_is_a_repeat(bench):
    """No pen sends a sample in two frames: which half is true nobody knows."""
    bench.samples("11")
    bench.samples("111", lost=True)
    bench.samples("11")
    bench.send(bench.block("1111")._replace(seq=1, t_us=10_000))
    bench.send(bench.block("1111")._replace(seq=2, t_us=20_000))
    assert boot_of(bench.end()) == (4, 3, 0, 8)


def test_what_follows_a_hole_that_is_filled_in_part_is_a_repeat(bench):
    bench.samples("11")
    late = bench.samples("11", lost=True)
    bench.samples("11", lost=True)
    after = bench.samples("11")
    bench.samples("11")
    bench.send(late)
    bench.send(after)
    assert boot_of(bench.end()) == (8, 2, 2, 2)


def test_a_late_message_without_samples_fills_nothing(bench):
    """Nor does it part what is missing: the pen sent it while it took the samples of a frame."""
    bench.samples("11")
    late = bench.samples("1111", lost=True)  # 2 to 5
    bench.samples("11")
    now = bench.seq, bench.pen_us
    bench.seq, bench.pen_us = 4, 40_000
    bench.heartbeat()
    bench.seq, bench.pen_us = now
    bench.send(late)
    assert boot_of(bench.end()) == (8, 0, 4, 0)


def test_late_frames_fill_a_gap_from_any_side(bench):
    bench.samples("1")
    blocks = [bench.samples("11", lost=True) for _ in range(6)]
    bench.samples("1")
    for at in (2, 5, 0, 3):
        bench.send(blocks[at])
    derived = bench.end()
    assert boot_of(derived) == (10, 4, 8, 0)
    gap = only(gaps_of(derived))
    assert (gap["missing"], gap["for_us"]) == (4, 120_000)  # the pen was not heard in time, all the same


@pytest.mark.parametrize("lost_before", [12, 0], ids=["samples were lost", "it was only silent"])
@pytest.mark.parametrize("n", [12, 4], ids=["listed", "short"])
def test_a_late_frame_that_begins_where_a_gap_ended_was_lost_in_the_next_one(bench, lost_before, n):
    """A heartbeat has the number of the sample that comes next: it ends the one gap and begins the other."""
    bench.samples("11")
    if lost_before:
        bench.samples("1" * lost_before, lost=True)
    else:
        bench.wait(2_600_000)
    bench.heartbeat()
    late = bench.samples("1" * n, lost=True)
    bench.samples("11")
    bench.send(late)
    derived = bench.end()
    assert boot_of(derived) == (4 + n, lost_before, n, 0)
    assert [gap["missing"] for gap in gaps_of(derived)] == [lost_before, 0][: 1 + (n == 12)]
    assert derived["facts"]["short_gaps"]["missing"] == 0


@pytest.mark.parametrize("turn", [0, 5, 11])
def test_a_late_frame_of_one_sample_is_taken_from_its_gap_wherever_it_was_lost(bench, turn):
    bench.samples("11")
    lost = [bench.samples("1", lost=True) for _ in range(12)]
    bench.samples("11")
    bench.send(lost[turn])
    derived = bench.end()
    assert only(gaps_of(derived))["missing"] == 11
    assert derived["facts"]["short_gaps"]["missing"] == 0


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_late_frame_is_taken_from_the_gap_in_which_it_was_lost(bench, turn):
    bench.samples("1")
    lost = []
    for frames in (4, 1, 3):  # listed, short, listed
        lost.append([bench.samples("1" * 5, lost=True) for _ in range(frames)])
        bench.samples("1")
    bench.send(lost[turn][-1])
    derived = bench.end()
    missing = [20, 5, 15]
    missing[turn] -= 5
    assert [gap["missing"] for gap in gaps_of(derived)] == missing[::2]
    assert derived["facts"]["short_gaps"]["missing"] == missing[1]
    assert boot_of(derived) == (9, 35, 5, 0)


def test_the_gaps_of_another_boot_are_not_filled(bench):
    bench.samples("1")
    bench.samples("1" * 20, lost=True)  # 1 to 20 of boot 7
    bench.samples("1")
    bench.boot, bench.seq, bench.pen_us = 8, 0, 0
    bench.samples("1")
    late = bench.samples("11", lost=True)  # 1 and 2 of boot 8
    bench.samples("1")
    bench.send(late)
    derived = bench.end()
    assert [gap["missing"] for gap in gaps_of(derived)] == [20]
    assert derived["facts"]["short_gaps"]["missing"] == 0
    assert [boot["late"] for boot in derived["facts"]["completeness"]["boots"]] == [0, 2]


def test_only_so_many_holes_are_remembered(bench):
    bench.samples("1")
    lost = []
    for _ in range(65):
        lost.append(bench.samples("1", lost=True))
        bench.samples("1")
    bench.send(lost[0])
    bench.send(lost[1])
    assert boot_of(bench.end()) == (67, 64, 1, 1)  # the first is forgotten: it stays missing, and nothing is twice


def test_a_hole_that_is_filled_is_not_remembered(bench):
    """It would push out one that is not."""
    bench.samples("1")
    first = bench.samples("1", lost=True)
    bench.samples("1")
    for _ in range(64):
        late = bench.samples("1", lost=True)
        bench.samples("1")
        bench.send(late)
    bench.send(first)
    assert boot_of(bench.end()) == (131, 0, 65, 0)


@pytest.mark.parametrize("n", [4, 12])  # a short gap, and a listed one
def test_late_numbers_may_wrap(n):
    bench = on("forehead", seq=2**32 - 4)
    bench.samples("11")
    late = bench.samples("1" * n, lost=True)  # 4294967294 to 1, or 9
    bench.samples("11")
    bench.send(late)
    derived = bench.end()
    assert boot_of(derived) == (4 + n, 0, n, 0)
    assert [gap["missing"] for gap in gaps_of(derived)] == [0] * (n == 12)
    assert derived["facts"]["short_gaps"]["missing"] == 0


def test_the_pens_clock_may_wrap_before_a_late_frame_comes():
    bench = on("forehead", pen_us=2**32 - 40_000)
    bench.samples("11")
    late = bench.samples("11", lost=True)
    bench.samples("11")  # from 0
    bench.send(late)
    assert boot_of(bench.end()) == (6, 0, 2, 0)


# --- numbers that wrap ------------------------------------------------------------------------------------------------


def test_sample_numbers_wrap():
    bench = Bench(seq=2**32 - 2)
    bench.samples("1111")  # 4294967294, 4294967295, 0, 1
    bench.samples("1" * 3, lost=True)  # 2, 3, 4
    bench.samples("11")  # 5, 6
    account = bench.end()["facts"]["completeness"]
    boot = only(account["boots"])
    assert (boot["first"], boot["last"], boot["decoded"], boot["missing"]) == (4_294_967_294, 6, 6, 3)
    assert account["closes"]


def test_the_numbers_wrap_in_what_is_lost():
    bench = Bench(seq=2**32 - 6)
    bench.samples("1111")  # ..., 4294967293
    bench.samples("1" * 15, lost=True)  # 4294967294 to 12
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert (gap["missing"], gap["for_us"]) == (15, 150_000)


def test_the_pens_clock_wraps():
    bench = Bench(pen_us=2**32 - 90_000)
    bench.samples("1111")  # ends 50 ms before the wrap
    bench.samples("1" * 12, lost=True)  # ends 70 ms after it
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"]) == (120_000, 12)


def test_a_pen_clock_that_runs_backwards_is_not_believed(bench):
    bench.pen_us = 5_000_000
    bench.samples("1111")
    bench.samples("1" * 12, lost=True)
    bench.pen_us = 1_000_000
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert (gap["for_us"], gap["missing"]) == (120_000, 12)


def test_a_gap_longer_than_the_pens_clock_can_tell(bench):
    bench.samples("1111")  # arrives at 0.04 s
    bench.link(up=False)
    bench.wait(2**32 + 5_000_000)
    bench.seq += 100
    bench.link(up=True)
    bench.samples("11")
    gap = only(gaps_of(bench.end()))
    assert gap["for_us"] == 2**32 + 5_020_000  # by the host's clock


# --- before the session -----------------------------------------------------------------------------------------------

BEFORE = Counters(serial=SERIAL, boot=6, passes=8, strokes=900)
FELL = {"passes": None, "strokes": None, "counters_fell": True}


@pytest.mark.parametrize(
    ("before", "heard", "unattended"),
    [
        (BEFORE, None, {"passes": 2, "strokes": 100, "counters_fell": False}),  # 10 - 8, 1000 - 900
        # what this run heard before the session was attended
        (
            BEFORE,
            Counters(serial=SERIAL, boot=7, passes=9, strokes=930),
            {"passes": 1, "strokes": 30, "counters_fell": False},
        ),
        (Counters(serial=SERIAL, boot=7, passes=10, strokes=1_000), None,
         {"passes": 0, "strokes": 0, "counters_fell": False}),
        (Counters(serial=SERIAL, boot=6, passes=None, strokes=900), None,
         {"passes": None, "strokes": 100, "counters_fell": False}),
        (Counters(serial=SERIAL, boot=6, passes=11, strokes=900), None, FELL),
        (Counters(serial=SERIAL, boot=6, passes=8, strokes=1_001), None, FELL),
        (Counters(serial="B0001", boot=6, passes=8, strokes=900), None, None),
        (None, None, None),
        (None, Counters(serial=SERIAL, boot=7, passes=9, strokes=930), None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", ["samples", "heartbeat"])
def test_what_the_counters_did_unattended(before, heard, unattended, first):
    bench = Bench(opening_of(pen=pen_document(), before=before, heard=heard))
    if first == "heartbeat":
        bench.heartbeat()
    bench.samples("1")
    bench.wait(10_000_000)  # 4000 strokes, at the fastest
    bench.passes, bench.strokes = 50, 5_000
    bench.samples("1")
    derived = bench.end()
    assert derived["facts"]["unattended"] == unattended
    assert zone_in(derived, "unassigned")["strokes"] == 4_000  # what was unattended is in no zone


@pytest.mark.parametrize("values", [{}, {"serial": SERIAL}, {**BEFORE.document(), "more": 1}])
def test_counters_that_are_none(values):
    assert Counters.read(BEFORE.document()) == BEFORE
    with pytest.raises(ValueError, match="counters that are none"):
        Counters.read(values)


def test_a_pen_without_counters_says_nothing_of_before():
    bench = Bench(opening_of(pen=pen_document(), before=BEFORE))
    bench.passes = bench.strokes = None
    bench.samples("1")
    assert bench.end()["facts"]["unattended"] is None


def test_a_pen_that_is_not_known_is_not_compared():
    bench = Bench(opening_of(pen=None, before=BEFORE))
    bench.samples("1")
    assert bench.end()["facts"]["unattended"] is None


# --- spans, events, clocks --------------------------------------------------------------------------------------------


def test_spans_are_of_one_zone_and_one_dial_setting(bench):
    bench.samples("0000")  # to 40 ms: in the air
    bench.samples("0011")  # to 80 ms
    bench.samples("1100")  # to 120 ms
    bench.set_um = 350
    bench.samples("11")  # to 140 ms
    bench.zone("cheek.left")
    bench.samples("1000")  # to 180 ms
    bench.samples("0000")
    spans = bench.end()["facts"]["spans"]
    keys = ("zone", "depth_set_um", "from_us", "to_us", "contact_us", "samples")
    assert [tuple(span[key] for key in keys) for span in spans] == [
        ("forehead", 300, 80_000, 120_000, 40_000, 4),  # on the skin: 2 + 2
        ("forehead", 350, 140_000, 140_000, 20_000, 2),
        ("cheek.left", 350, 180_000, 180_000, 10_000, 1),
    ]
    # 0 clock, 1 mark, 2 to 4, 5 at 0.35 mm, 6 mark, 7 and 8, 9 the end
    assert [(span["first_record"], span["last_record"]) for span in spans] == [(1, 4), (5, 5), (6, 9)]


def records_of_spans(bench):
    return [(span["first_record"], span["last_record"]) for span in bench.end()["facts"]["spans"]]


def test_a_span_in_no_zone_begins_with_the_stream():
    bench = Bench()
    bench.samples("00")
    bench.samples("11")
    assert records_of_spans(bench) == [(0, 3)]


def test_a_span_begins_with_the_first_touch_at_its_setting(bench):
    bench.samples("11")  # 2
    bench.set_um = 350
    bench.samples("00")  # 3: dialled in the air
    bench.samples("01")  # 4
    assert records_of_spans(bench) == [(1, 3), (4, 5)]


def test_a_mark_for_the_same_zone_begins_no_span(bench):
    bench.samples("11")  # 2
    bench.zone("forehead")  # 3
    bench.samples("11")  # 4
    bench.set_um = 350
    bench.samples("11")  # 5: the mark lies before the newest needling at 0.3 mm
    assert records_of_spans(bench) == [(1, 4), (5, 6)]


def test_a_zone_that_was_turned_to_and_not_needled_goes_with_the_span_before(bench):
    bench.samples("11")  # 2
    bench.zone("chin")  # 3
    bench.zone("cheek.left")  # 4
    bench.samples("11")  # 5
    assert records_of_spans(bench) == [(1, 3), (4, 6)]


def test_a_record_that_completed_frames_of_two_spans_is_in_both(bench):
    blocks = bench.block("11"), bench.block("11")._replace(seq=2, t_us=20_000, depth_set_um=350)
    bench.raw(b"".join(map(encode, blocks)))  # 2
    assert records_of_spans(bench) == [(1, 2), (2, 3)]


def test_spans_of_a_pen_without_contact(bench):
    bench.samples(None, n=4)
    bench.motor_on = False
    bench.samples(None, n=4)
    span = only(bench.end()["facts"]["spans"])
    assert (span["samples"], span["contact_us"], span["to_us"]) == (4, 0, 40_000)


def test_events_are_counted_by_code(bench):
    for code in (3, 2, 4, 2, 200):
        bench.event(code, 1)
    assert bench.end()["facts"]["events"] == [
        {"code": 2, "n": 2},
        {"code": 3, "n": 1},
        {"code": 4, "n": 1},
        {"code": 200, "n": 1},
    ]


@pytest.mark.parametrize(
    ("later", "worst"),
    [
        ((), "synced"),
        (("rtc",), "rtc"),
        (("rtc", "restored"), "restored"),
        (("unknown", "restored"), "unknown"),
        (("synced",), "synced"),
    ],
)
def test_the_worst_confidence_of_the_clock_stands_for_the_session(later, worst):
    bench = Bench()
    for confidence in later:
        bench.wait(1_000_000)
        bench.put(Clock(boot="b", wall_us=5, confidence=confidence))
    clock = bench.end()["facts"]["clock"]
    assert clock["confidence"] == worst
    assert clock["readings"][0] == {"at_us": 0, "wall_us": 1_900_000_000_000_000, "confidence": "synced"}
    assert [reading["at_us"] for reading in clock["readings"]] == [1_000_000 * n for n in range(len(later) + 1)]


def test_duration_is_from_the_first_record_to_the_last(bench):
    bench.wait(3_000_000)
    bench.put(None)
    bench.wait(1_500_000)
    assert bench.end()["facts"]["duration_us"] == 4_500_000


def test_an_interrupted_stream_lasts_to_the_last_bytes(bench):
    bench.samples("1111")
    assert bench.cut()["facts"]["duration_us"] == 40_000


# --- completeness -----------------------------------------------------------------------------------------------------


def test_every_byte_is_in_one_account(bench):
    bench.raw(b"noise")  # before the first delimiter
    bench.samples("1111")  # 27 + 4 x 2 + 4 x 2 + 1 = 44 bytes, 4 of CRC, 1 of COBS: 49, and two delimiters
    bench.heartbeat()  # 24 bytes, 4, 1: 29, and two
    bench.raw(frame(b"\x10\x63" + bytes(12)))  # a kind from a later version: 14 bytes, 4, 1: 19, and two
    bench.raw(frame(b"\x11\x10" + bytes(12) + b"more"))  # somebody's request: 18 + 5 = 23, and two
    bench.raw(b"\0\x05a\0\0\0")  # 2 of no frame, 4 delimiters
    bench.raw(b"\x07cut")  # a frame that never ends
    bench.put(Stall(since_us=HOST_US, for_us=1))
    account = bench.end()["facts"]["completeness"]
    assert account == {
        "closes": True,
        "open_accounts": [],
        "bytes_read": 5 + 51 + 31 + 21 + 25 + 6 + 4,
        "bytes_kept": 143,
        "bytes_dropped": 0,
        "bytes_framed": 49 + 29 + 19 + 23,
        "bytes_rejected": 5 + 2 + 4,
        "bytes_delimiters": 8 + 4,
        "bytes_trailing": 0,
        "frames_sound": 3,
        "frames_unknown": 1,
        "frames_newer": [],  # of a later version of the same protocol
        "frames_damaged": 1,
        "faults": [
            {"kind": "cobs", "n": 1, "bytes": 2},
            {"kind": "head", "n": 1, "bytes": 5},
            {"kind": "tail", "n": 1, "bytes": 4},
        ],
        "boots": [
            {
                "boot": 7,
                "first": 0,
                "last": 3,
                "decoded": 4,
                "missing": 0,
                "late": 0,
                "repeated": 0,
                "begun": "first",
                "closes": True,
            },
        ],
        "overflows": 0,
        "stalls": 1,
    }


@pytest.mark.parametrize("major", [0, 2, 15])
def test_frames_of_any_other_protocol_are_told(bench, major):
    bench.raw(frame(bytes([major << 4, 1]) + bytes(12)))
    bench.raw(frame(bytes([0x10, 0x63]) + bytes(12)))
    account = bench.end()["facts"]["completeness"]
    assert account["frames_newer"] == [{"major": major, "n": 1}]
    assert account["frames_unknown"] == 2


def test_bytes_of_a_later_version_in_a_frame_are_counted(bench):
    sound = encode(bench.block("1"))
    payload = bytes([0x10, 2]) + b"\0\0" + bytes([7, 0]) + bytes(8) + bytes(10) + b"xyz"  # a heartbeat and three more
    bench.raw(frame(payload))
    bench.raw(sound)
    assert bench.end()["facts"]["completeness"]["bytes_trailing"] == 3


def test_a_stream_in_which_nothing_came():
    derived = Bench().end()
    account = derived["facts"]["completeness"]
    assert (account["closes"], account["bytes_read"], account["boots"]) == (True, 0, [])
    assert (derived["facts"]["zones"], gaps_of(derived), derived["facts"]["spans"]) == ([], [], [])


def test_a_stream_without_a_record():
    facts = Pipeline(opening_of()).judge()[0]
    assert (facts["duration_us"], facts["spans"], facts["zones"]) == (0, [], [])


def test_a_host_that_has_just_started():
    pipeline = Pipeline(opening_of())
    pipeline.feed(record_of(0, 0, None))
    assert pipeline.judge()[0]["duration_us"] == 0


def test_a_boot_without_a_sample_has_no_first_and_no_last(bench):
    bench.heartbeat()
    boot = only(bench.end()["facts"]["completeness"]["boots"])
    assert (boot["first"], boot["last"], boot["decoded"], boot["closes"]) == (None, None, 0, True)


@pytest.mark.parametrize("wrong", [-1, 1])
def test_bytes_that_the_reader_counted_and_nobody_has(bench, wrong):
    bench.samples("1111")
    bench.overflow(100)
    account = bench.end(bytes_read=bench.n_bytes + wrong)["facts"]["completeness"]
    assert (account["closes"], account["open_accounts"]) == (False, ["bytes_read"])


def test_an_interrupted_stream_has_an_open_account(bench):
    bench.samples("1111")
    derived = bench.cut()
    facts = derived["facts"]
    assert (facts["ended"], facts["end_cause"]) == ("interrupted", None)
    assert facts["completeness"]["bytes_read"] is None
    assert facts["completeness"]["open_accounts"] == ["bytes_read"]
    assert derived["verdict"] == "incomplete"
    assert zone_in(derived, "forehead")["contact_us"] == 40_000


def test_the_end_says_how(bench):
    facts = bench.end()["facts"]
    assert (facts["ended"], facts["end_cause"]) == ("closed", "operator")


@pytest.mark.parametrize(
    ("framed", "rejected", "delimiters"), [(99, 0, 2), (98, 1, 2), (98, 0, 1), (0, 0, 0), (97, 0, 2)]
)
def test_kept_bytes_that_the_decoder_lost_or_made(framed, rejected, delimiters):
    account = Account()
    account.kept_bytes = 100
    document = account.document(framed=framed, rejected=rejected, delimiters=delimiters, read=100, tallied=0)
    assert (document["closes"], document["open_accounts"]) == (False, ["bytes_kept"])
    assert account.document(framed=98, rejected=0, delimiters=2, read=100, tallied=0)["closes"]


@pytest.mark.parametrize(("decoded", "missing"), [(7, 2), (8, 3), (10, 0), (0, 9)])
def test_sample_numbers_that_are_in_no_column_or_in_two(decoded, missing):
    account = Account()
    account.boots = [
        Boot(1, 0, span=5, decoded=5, begun="first"),
        Boot(2, 0, span=10, decoded=decoded, begun="restart", missing=missing),
    ]
    document = account.document(framed=0, rejected=0, delimiters=0, read=0, tallied=5 + decoded)
    assert [boot["closes"] for boot in document["boots"]] == [True, decoded + missing == 10]
    assert document["open_accounts"] == ([] if decoded + missing == 10 else ["samples"])


@pytest.mark.parametrize(("tallied", "open_"), [(14, ["samples"]), (15, []), (16, ["samples"]), (0, ["samples"])])
def test_samples_that_were_decoded_and_are_in_no_zone_or_in_two(tallied, open_):
    account = Account()
    account.boots = [
        Boot(1, 0, span=5, decoded=5, begun="first"),
        Boot(2, 0, span=12, decoded=10, begun="restart", missing=2),
    ]
    document = account.document(framed=0, rejected=0, delimiters=0, read=0, tallied=tallied)
    assert (document["closes"], document["open_accounts"]) == (not open_, open_)
    assert all(boot["closes"] for boot in document["boots"])


def test_samples_of_every_zone_are_compared(bench):
    bench.samples("11")
    bench.zone("cheek.left")
    repeated = bench.samples("111")
    bench.send(repeated)
    bench.zone("forehead")
    bench.samples("0")
    bench.pipeline.derivation.needling.zones["cheek.left"].samples -= 1
    assert bench.end()["facts"]["completeness"]["open_accounts"] == ["samples"]


def oversize_of(bench):
    """How often and how many bytes too long to be a frame; and how many frames are damaged."""
    account = bench.end()["facts"]["completeness"]
    assert account["closes"]
    rows = [(row["n"], row["bytes"]) for row in account["faults"] if row["kind"] == "oversize"]
    return *only(rows), account["frames_damaged"]


@pytest.mark.parametrize("n_bytes", [MAX_SEGMENT + 1, 2 * MAX_SEGMENT + 2, 5 * MAX_SEGMENT + 7])
@pytest.mark.parametrize("at_once", [7_000, 60])
def test_an_oversize_run_is_one_fault(bench, n_bytes, at_once):
    bench.heartbeat()
    for begin in range(0, n_bytes, at_once):
        bench.raw(b"x" * min(at_once, n_bytes - begin))
    bench.raw(b"\0")
    assert oversize_of(bench) == (1, n_bytes, 1)


@pytest.mark.parametrize("between", [b"\0", b"\0\0", b"\0\x02\x02\0"])
def test_two_oversize_runs_are_two(bench, between):
    run = b"x" * (3 * MAX_SEGMENT)
    bench.raw(b"\0" + run + between + run + b"\0")
    n, n_bytes, damaged = oversize_of(bench)
    assert (n, n_bytes) == (2, 6 * MAX_SEGMENT)
    assert damaged == 2 + (len(between) > 2)


def test_an_oversize_run_that_the_end_cuts_is_one(bench):
    bench.raw(b"\0" + b"x" * (2 * MAX_SEGMENT + 9))
    assert oversize_of(bench) == (1, 2 * MAX_SEGMENT + 9, 1)


def test_every_open_account_is_named():
    account = Account()
    account.kept_bytes = 1
    account.boots = [Boot(1, 0, span=1, decoded=0, begun="first")]
    document = account.document(framed=0, rejected=0, delimiters=0, read=None, tallied=0)
    assert document["open_accounts"] == ["bytes_kept", "bytes_read", "samples"]


def test_a_plan_of_one_zone_limits_that_zone():
    bench = Bench(opening_of(plan=plan_of(chin=250)))
    bench.zone("chin")
    bench.samples("1")
    assert zone_in(bench.end(), "chin")["over_plan"]["set_um"] == 300


# --- passes that were made in a gap -----------------------------------------------------------------------------------


def away(bench, passes, *, turn=True):
    """The pen is not heard for half a second, makes passes, and she may turn to the left cheek meanwhile."""
    bench.samples("1" * 10)
    for _ in range(5):
        bench.samples("1" * 10, lost=True)
    if turn:
        bench.zone("cheek.left")
    bench.passes += passes
    bench.samples("1" * 10)


def test_passes_in_a_gap_over_two_zones_may_belong_to_either(bench):
    away(bench, 2)
    bench.passes += 1
    bench.samples("1" * 10)
    bench.mark("pass")
    bench.mark("pass")
    derived = bench.end()
    forehead, cheek = zone_in(derived, "forehead"), zone_in(derived, "cheek.left")
    assert (forehead["passes"]["pen"], forehead["passes_perhaps"]) == (0, 2)
    assert (cheek["passes"]["pen"], cheek["passes_perhaps"]) == (1, 2)
    assert (forehead["passes"]["low"], forehead["passes"]["high"]) == (0, 2)
    assert (cheek["passes"]["low"], cheek["passes"]["high"]) == (1, 3)  # 1 to 3 by the pen, 2 by the operator
    said = {row["zone"]: row["result"] for row in derived["assessments"] if row["rule"] == "passes.disagree"}
    assert said == {"forehead": "passed", "cheek.left": "passed"}


def test_passes_in_a_gap_in_one_zone_belong_to_it(bench):
    away(bench, 2, turn=False)
    zone = zone_in(bench.end(), "forehead")
    assert (zone["passes"]["pen"], zone["passes_perhaps"]) == (2, 0)


def test_a_gap_without_a_pass_leaves_nothing_open(bench):
    away(bench, 0)
    bench.zone("forehead")
    bench.passes += 1
    bench.samples("1" * 10)
    derived = bench.end()
    assert [zone["passes_perhaps"] for zone in derived["facts"]["zones"]] == [0, 0]
    assert zone_in(derived, "forehead")["passes"]["pen"] == 1


# --- what the screen asks ---------------------------------------------------------------------------------------------


STIRRING = {
    "another zone": lambda bench: bench.zone("cheek.left"),
    "over the device": lambda bench: bench.samples("111", depth=2_651),
    "over the plan": lambda bench: bench.samples("111", depth=551),
    "a frequency": lambda bench: bench.samples("1", frequency=None),
    "a mark": lambda bench: bench.mark("endpoint", "forehead", grade="red"),
    "a clock that was set": lambda bench: bench.put(CLOCK),
    "a leap": lambda bench: bench.samples("11", depth=(0, 501)),
    "a lost link": lambda bench: bench.link(up=False),
    "another pen": lambda bench: bench.identity("B0001"),
    "a restart": lambda bench: (setattr(bench, "boot", 8), bench.samples("0")),
    "a gap": lambda bench: (bench.samples("0" * 10, lost=True), bench.samples("0")),
}


@pytest.mark.parametrize("act", STIRRING.values(), ids=STIRRING)
def test_what_a_rule_may_find_at_once_stirs(bench, act):
    derivation = bench.pipeline.derivation
    bench.samples("1", depth=200)
    calm = derivation.stirred()
    bench.samples("1", depth=201)
    assert derivation.stirred() == calm
    act(bench)
    assert derivation.stirred() != calm


def test_a_zone_from_which_nothing_came_stirs_nothing():
    derivation = Bench().pipeline.derivation
    # spans, marks, losses, clocks, pens, boots, newer frames, gaps; counters that fell, that jumped
    assert derivation.stirred() == ("unassigned", 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "send",
    [lambda bench: bench.samples("1"), Bench.heartbeat, lambda bench: bench.event(3), Bench.identity],
)
def test_the_pens_clock_is_that_of_the_newest_message(bench, send):
    derivation = bench.pipeline.derivation
    assert derivation.pen_t_us is None
    bench.samples("1")
    assert derivation.pen_t_us == 0
    for at_us in (10_000, 3_000_000):  # one goes on, one comes after a silence
        bench.wait(at_us - bench.pen_us)
        send(bench)
        assert derivation.pen_t_us == at_us


# --- neighbours -------------------------------------------------------------------------------------------------------


def test_depths_on_both_sides_of_a_silence_are_no_neighbours():
    """Though it is too short to be listed: the pen's profile calls 50 ms silence."""
    bench = Bench(opening_of(profile=replace(PROFILE, silence_limit_us=50_000)))
    bench.zone("forehead")
    bench.samples("11", depth=(0, 900))
    bench.wait(60_000)
    bench.samples("11", depth=(0, 900))
    derived = bench.end()
    assert derived["facts"]["short_gaps"]["n"] == 1
    assert zone_in(derived, "forehead")["steadiness"]["compared"] == 2


def test_depths_on_both_sides_of_a_restart_are_no_neighbours(bench):
    """Though no time lies between them: one read brought both."""
    first = bench.samples("11", lost=True)
    bench.boot = 8
    second = bench.samples("11", lost=True)
    bench.raw(encode(first) + encode(second))
    assert zone_in(bench.end(), "forehead")["steadiness"]["compared"] == 2


# --- what is not counted twice, and what a message alone tells --------------------------------------------------------


def test_an_event_that_is_sent_again_is_one(bench):
    bench.samples("11")
    bench.event(3)
    again = bench.records[-1].body
    bench.samples("11")
    bench.raw(again)
    assert bench.end()["facts"]["events"] == [{"code": 3, "n": 1}]


def test_a_motor_that_stopped_lifts_the_pen(bench):
    """So that the touch before it is not taken for one in the gap after it."""
    bench.samples("11")
    bench.motor_on = False
    bench.event(4)
    bench.samples("0" * 12, lost=True)
    bench.samples("00")
    (gap,) = gaps_of(bench.end())
    assert gap["contact"] == "no"


def test_another_pen_on_the_skin_begins_another_glide(bench):
    bench.samples("11")
    bench.swap("B0001", boot=3, seq=77, passes=5, strokes=60)
    bench.samples("11")
    zone = zone_in(bench.end(), "forehead")
    assert (zone["glides"], zone["longest_glide_us"]) == (2, 20_000)


def test_strokes_of_a_pen_that_has_not_said_who_it_is_wait(bench):
    bench.samples("11")
    bench.link(up=False)
    bench.link(up=True)
    for _ in range(4):
        bench.strokes += 3
        bench.samples("11")
    assert zone_in(so_far(bench), "forehead")["strokes"] == 0
    bench.identity()
    bench.strokes += 3
    bench.samples("11")
    assert zone_in(so_far(bench), "forehead")["strokes"] == 15


@pytest.mark.parametrize(
    ("passes", "strokes", "told"), [(0, 0, []), (1, 0, [(1, 0)]), (0, 9, [(0, 9)]), (1, 9, [(1, 9)])]
)
def test_a_heartbeat_makes_a_zone_when_the_counters_grew(passes, strokes, told):
    bench = Bench()
    bench.heartbeat()
    bench.wait(1_000_000)
    bench.passes += passes
    bench.strokes += strokes
    bench.heartbeat()
    assert [(zone["passes"]["pen"], zone["strokes"]) for zone in bench.end()["facts"]["zones"]] == told


def test_a_stream_that_breaks_off_in_a_long_run_has_no_gap():
    bench = Bench(opening_of(profile=replace(PROFILE, silence_limit_us=500_000)))
    bench.needle(80)  # four frames alike
    assert gaps_of(bench.cut()) == []


def test_depths_on_both_sides_of_lost_numbers_are_no_neighbours(bench):
    """Though the pen's clock says that no time lies between them."""
    bench.samples("11")
    bench.seq += 2
    bench.samples("11")
    derived = bench.end()
    assert zone_in(derived, "forehead")["steadiness"]["compared"] == 2
    assert derived["facts"]["short_gaps"] == {"n": 1, "missing": 2, "for_us": 0}


def test_depths_on_both_sides_of_a_rest_are_no_neighbours(bench):
    """A pen without a contact signal: it rested where its motor did."""
    for motor_on, depth in ((True, 0), (False, 0), (True, 900)):
        bench.motor_on = motor_on
        bench.samples(None, n=2, depth=depth)
    steadiness = zone_in(bench.end(), "forehead")["steadiness"]
    assert (steadiness["compared"], steadiness["leaps"]) == (2, 0)


def test_dial_and_sensor_may_differ_by_the_tolerance_and_no_more(bench):
    bench.samples("11111", depth=(150, 149, 300, 450, 451))  # 0.3 mm and 0.15 mm about it
    zone = zone_in(bench.end(), "forehead")
    assert (zone["compared_us"], zone["disagree_us"]) == (50_000, 20_000)


def test_the_first_record_under_the_plan_is_that_of_the_first_sample():
    bench = Bench(opening_of(plan=plan_with(planned("forehead", 400, least_um=200))))
    bench.zone("forehead")
    bench.set_um = 150
    for _ in range(2):
        bench.samples("1")
    assert zone_in(bench.end(), "forehead")["under_plan"]["first_record"] == 2


# the message's boot and first sample number, two samples each; how it follows
STEPS = [
    ((7, 5), ("next", 0)),
    ((7, 7), ("next", 0)),
    ((7, 11), ("gap", 2)),
    ((7, 9), ("late", 0)),
    ((7, 5), ("repeat", 0)),
    ((7, 13), ("next", 0)),
    ((8, 0), ("restart", None)),
    ((8, 2), ("next", 0)),
    ((8, 2**31 + 4), ("restart", None)),
]


def test_how_messages_follow_each_other():
    account, block = Account(), Bench().block("11")
    assert [account.step(block._replace(boot=boot, seq=seq)) for (boot, seq), _ in STEPS] == [step for _, step in STEPS]


def test_damage_where_an_oversize_run_ended_is_one_more():
    account = Account()
    for kind, offset in (("oversize", 0), ("oversize", 2), ("crc", 4), ("oversize", 6)):
        account.fault(Fault(kind=kind, offset=offset, data=b"\2\2"))
    assert account.faults == {"oversize": 2, "crc": 1}


@pytest.mark.parametrize("pen_us", [0, 2**32 - 3_000_000])
def test_the_clock_hears_a_run_as_it_hears_each_frame(pen_us):
    clocks = []
    for looked_at in (False, True):
        bench = Bench(pen_us=pen_us)
        for turn in range(90):
            bench.now_us += (turn * 7_919 % 13) * 1_000  # later than it was sent
            bench.samples("1111", period_us=30_000)
            bench.now_us -= (turn * 7_919 % 13) * 1_000
            if looked_at:
                bench.pipeline.judge()
        bench.pipeline.judge()
        clocks.append(bench.pipeline.derivation._clock._boots)
    assert clocks[0] == clocks[1]


def test_a_run_ends_where_a_stretch_of_the_pens_clock_does(bench):
    """Of each second the first frame that ends in it comes at once, and all others late: none is heard in another."""
    firsts = {0: 120_000, 1: 1_080_000, 2: 2_040_000, 3: 3_000_000, 4: 4_080_000}
    for turn in range(40):
        late_us = 0 if (turn + 1) * 120_000 in firsts.values() else 9_000
        bench.now_us += late_us
        bench.samples("1111", period_us=30_000)
        bench.now_us -= late_us
    bench.pipeline.judge()
    (clock,) = bench.pipeline.derivation._clock._boots
    assert clock.soonest == {second: (HOST_US, pen_us) for second, pen_us in firsts.items()}


def test_every_frame_of_a_run_is_a_sound_one(bench):
    for _ in range(5):
        bench.samples("11")
    assert bench.end()["facts"]["completeness"]["frames_sound"] == 5


# --- edges of the clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host_us", "pen_us", "for_us"),
    [
        (2**31 - 1, 70_000, 70_000),
        (2**31, 70_000, 2**31),  # the pen's clock may have come round
        (1_000_000, 2**31 - 1, 2**31 - 1),
        (1_000_000, 2**31, 50_000),  # it ran backwards: five samples of 10 ms
    ],
)
def test_which_clock_tells_how_long_a_gap_was(host_us, pen_us, for_us):
    gaps, block = Gaps(2_500_000), Bench().block("11")
    assert gaps.before(0, block, lost=True, missing=5, contact=None, zone="chin") == 0  # nothing was heard before
    gaps.hear(0, block._replace(t_us=2**32 - 20_000))
    after = block._replace(t_us=pen_us)
    assert gaps.before(host_us, after, lost=True, missing=5, contact=None, zone="chin") == for_us


def test_a_rest_in_which_one_microsecond_was_lost():
    gaps, block = Gaps(2_500_000), Bench().block("1", period_us=1)._replace(motor_on=False)
    gaps.hear(0, block)
    assert gaps.before(100, block._replace(t_us=90), lost=True, missing=1, contact=None, zone="chin") == 1


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_a_pen_that_restarts_and_rested_at_one_end_only(bench, before, after):
    bench.samples("00")
    bench.motor_on = before
    bench.heartbeat()
    bench.wait(1_000_000)
    bench.boot, bench.seq, bench.motor_on = 8, 0, after
    bench.samples("00")
    assert only(gaps_of(bench.end()))["contact"] == "unknown"


def test_a_running_pen_that_sends_no_samples_does_not_tell_contact_in_a_short_gap(bench):
    bench.samples("00")
    bench.samples("0" * 12, lost=True)
    bench.heartbeat()
    assert only(gaps_of(bench.end()))["contact"] == "unknown"


def test_damage_just_before_the_end_is_no_gap(bench):
    bench.samples("11")
    bench.raw(b"\0\x02\x02\0")
    bench.wait(99_999)
    facts = bench.end()["facts"]
    assert (facts["gaps"], facts["short_gaps"]) == ([], NO_GAPS)


@pytest.mark.parametrize(("ahead_us", "strokes"), [(2**31 - 1, 1_000), (2**31, 0)])
def test_half_of_the_pens_clock_ahead_is_behind(ahead_us, strokes):
    bench = on("forehead", pen_us=7_000_000)
    bench.samples("1")
    bench.pen_us = (7_000_000 + ahead_us) % 2**32
    bench.strokes += 1_000
    bench.samples("1")
    assert zone_in(bench.end(), "forehead")["strokes"] == strokes


def test_a_pen_clock_that_ran_backwards_gives_a_frame_its_own_time_and_no_more(bench):
    bench.pen_us = 7_000_000
    bench.samples("1")
    bench.pen_us = 0
    bench.strokes += 3
    bench.samples("1", period_us=2_499)  # 400 a second: 0.9996, and 2
    assert bench.end()["facts"]["counters"]["jumped"]["strokes"] == 3


@pytest.mark.parametrize(("wait_us", "jumped"), [(199_999, 2), (200_000, 0)])
def test_a_heartbeat_has_the_time_since_the_last(bench, wait_us, jumped):
    bench.heartbeat()
    bench.wait(wait_us)
    bench.passes += 2
    bench.heartbeat()
    assert bench.end()["facts"]["counters"]["jumped"]["passes"] == jumped


def test_the_time_for_strokes_begins_with_the_newest_frame_of_a_run():
    bench = on("forehead", pen_us=7_000_000)
    for _ in range(40):
        bench.samples("11")
    bench.strokes += 60
    bench.samples("11")
    assert bench.end()["facts"]["counters"]["jumped"]["strokes"] == 60


def test_a_counter_that_the_pen_stops_sending_stands(bench):
    bench.samples("11")
    bench.strokes = None
    for _ in range(3):
        bench.samples("11")
    bench.strokes = 1_004
    bench.samples("11")
    derived = bench.end()
    assert (zone_in(derived, "forehead")["strokes"], derived["facts"]["counters"]["strokes"]) == (4, 1_004)
