"""The pen's clock against the host's: known drifts are found within a bound that is worked out, wraps and restarts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.pen_clock import MOST_STRETCHES, STRETCH_US, TELLS_US, WRAP, PenClock
from tests.builders import HOST_US, Bench, on

LATE_US = 30_000  # no frame comes later in these tests


def heard(times_us, *, ppm=0, begin_us=0, late=lambda: 0):
    """A clock that heard the pen at these times of its own, running so much fast in parts of the host's time."""
    clock = PenClock()
    for pen_us in times_us:
        host_us = 5_000_000 + pen_us * 1_000_000 // (1_000_000 + ppm) + late()
        clock.hear(7, (begin_us + pen_us) % WRAP, host_us, anew=False)
    (document,) = clock.documents()
    return document


def every(period_us, for_us):
    return range(0, for_us + 1, period_us)


# --- drift and residual -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ppm", [-20_000, -300, 0, 1, 300, 20_000])
def test_a_clock_heard_without_delay(ppm):
    document = heard(every(20_000, 60_000_000), ppm=ppm)
    assert document["drift_ppm"] == pytest.approx(ppm, abs=1)
    assert document["residual_us"] <= 2  # what the whole numbers cost


@given(
    ppm=st.integers(-20_000, 20_000),
    seconds=st.integers(6, 400),
    period_us=st.sampled_from([20_000, 130_000, 700_000]),
    seed=st.integers(0, 2**32),
    begin_us=st.sampled_from([0, 5, WRAP - 3_000_000]),
)
@settings(deadline=None, max_examples=60)
def test_a_drift_is_found_within_its_bound(ppm, seconds, period_us, seed, begin_us):
    """Both ends of the line are late by at most LATE_US and lie in the outer thirds: a third of the time, less two
    stretches, is between them at least. Stretches are as long as the time over 32, or a second."""
    rng = random.Random(seed)
    for_us = seconds * 1_000_000
    document = heard(every(period_us, for_us), ppm=ppm, begin_us=begin_us, late=lambda: rng.randint(0, LATE_US))
    stretch_us = max(STRETCH_US, for_us // 16)
    apart_us = max(for_us // 3 - 2 * stretch_us, STRETCH_US)
    bound_ppm = LATE_US * 1_000_000 // apart_us + 2
    assert abs(document["drift_ppm"] - ppm) <= bound_ppm
    assert document["residual_us"] <= 6 * LATE_US


def test_late_frames_tell_nothing_where_one_of_a_stretch_is_in_time():
    late = iter([0, 9_000, 25_000, 1, 30_000] * 1_000)
    document = heard(every(200_000, 60_000_000), ppm=500, late=lambda: next(late))
    assert document["drift_ppm"] == 500  # the first of each second comes at once
    assert document["residual_us"] <= 2


def test_the_residual_is_the_worst_of_the_soonest():
    clock = PenClock()
    for second, late_us in enumerate([0, 0, 0, 40, 90, 70, 0, 0, 0]):
        clock.hear(7, second * 1_000_000, 1_000 + second * 1_000_000 + late_us, anew=False)
    assert clock.documents() == [{"boot": 7, "wraps": 0, "for_us": 8_000_000, "drift_ppm": 0, "residual_us": 90}]


@pytest.mark.parametrize(("for_us", "drift_ppm"), [(TELLS_US - 1, None), (TELLS_US, 0), (0, None), (STRETCH_US, None)])
def test_below_four_seconds_nothing_is_said(for_us, drift_ppm):
    document = heard([0, *(us for us in (1_000_000, 2_000_000) if us < for_us), for_us])
    assert (document["for_us"], document["drift_ppm"]) == (for_us, drift_ppm)
    assert document["residual_us"] == (None if drift_ppm is None else 0)


def test_two_stretches_are_too_few():
    assert heard([0, 9_000_000]) == {"boot": 7, "wraps": 0, "for_us": 9_000_000, "drift_ppm": None, "residual_us": None}
    assert heard([0, 4_000_000, 9_000_000])["drift_ppm"] == 0


@pytest.mark.parametrize(
    ("thirds", "drift_ppm"),
    [
        # seconds 0 to 8: the soonest of the first three, and of the last three
        ({0: 50, 1: 0, 7: 60}, 0),  # from second 1 to second 6
        ({0: 0, 1: 5, 6: 500, 7: 300, 8: 600}, -43),  # 300 in 7 s: 42.86 slow, floored
        ({0: 0, 1: 5, 6: -500, 7: -300, 8: -200}, 83),  # 500 in 6 s: 83.3
    ],
)
def test_the_line_goes_from_the_soonest_to_the_soonest(thirds, drift_ppm):
    clock = PenClock()
    for second in range(9):
        clock.hear(
            7, second * 1_000_000, 9_000 + second * 1_000_000 + thirds.get(second, 7_000 * (second < 3)), anew=False
        )
    assert clock.documents()[0]["drift_ppm"] == drift_ppm


# --- stretches, wraps, restarts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "width_us"), [(63, 1), (64, 2), (127, 2), (128, 4), (4_000, 64)])
def test_stretches_double_and_never_more_than_sixty_four(seconds, width_us):
    clock = PenClock()
    for second in range(seconds + 1):
        clock.hear(7, second * 1_000_000, second * 1_010_000, anew=False)
        assert len(clock._boots[-1].soonest) <= MOST_STRETCHES
    assert clock._boots[-1].width_us == width_us * STRETCH_US
    assert set(clock._boots[-1].soonest) == {
        second * 1_000_000 // (width_us * STRETCH_US) for second in range(seconds + 1)
    }
    assert clock.documents()[0]["drift_ppm"] == -9_901  # 10 000 of 1 010 000 are 9900.99


def test_a_stretch_that_doubles_keeps_its_soonest():
    clock = PenClock()
    for second in range(65):
        clock.hear(7, second * 1_000_000, second * 1_000_000 + (100 if second % 2 else 30), anew=False)
    assert set(clock._boots[-1].soonest.values()) == {(30, second * 1_000_000) for second in range(0, 65, 2)}


def test_the_clock_wraps():
    document = heard(every(500_000, 20_000_000), ppm=4_000, begin_us=WRAP - 10_000_000)
    assert (document["wraps"], document["drift_ppm"], document["for_us"]) == (1, 4_000, 20_000_000)
    twice = heard(every(1_000_000_000, 2 * WRAP), begin_us=WRAP - 1)
    assert (twice["wraps"], twice["drift_ppm"]) == (2, 0)


def test_a_restart_begins_anew():
    clock = PenClock()
    for boot, ppm in ((7, 1_000), (8, -1_000)):
        for second in range(10):
            host_us = boot * 100_000_000 + second * (1_000_000 - ppm)
            clock.hear(boot, second * 1_000_000, host_us, anew=second == 0 and boot == 8)
    assert [(document["boot"], document["drift_ppm"]) for document in clock.documents()] == [(7, 1_001), (8, -1_000)]


def test_a_message_that_was_overtaken_is_not_heard():
    clock = PenClock()
    for pen_us, host_us in ((5_000_000, 100), (4_999_999, -9_000_000), (5_000_001, 101)):
        clock.hear(7, pen_us, host_us, anew=False)
    assert clock._boots[-1].soonest == {5: (100 - 5_000_000, 5_000_000)}
    assert clock._boots[-1].newest_us == 5_000_001


@pytest.mark.parametrize(("ahead_us", "heard_"), [(WRAP // 2 - 1, True), (WRAP // 2, False)])
def test_half_a_wrap_ahead_is_behind(ahead_us, heard_):
    clock = PenClock()
    clock.hear(7, 0, 0, anew=False)
    clock.hear(7, ahead_us, 0, anew=False)
    assert (clock._boots[-1].newest_us == ahead_us) is heard_


def test_nothing_was_heard():
    clock = PenClock()
    clock.hear_run((0, 0), 5)
    assert clock.documents() == []
    assert clock.stretch_ends_us(5) == WRAP


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pen_us", "ends_us"),
    [(0, 1_000_000), (999_999, 1_000_000), (1_000_000, 2_000_000), (WRAP - 10, WRAP)],
)
def test_where_a_stretch_ends(pen_us, ends_us):
    clock = PenClock()
    clock.hear(7, pen_us, 0, anew=False)
    assert clock.stretch_ends_us(pen_us) == ends_us


def test_a_stretch_of_a_clock_that_wrapped_ends_where_it_would():
    clock = PenClock()
    clock.hear(7, WRAP - 1_000, 0, anew=False)
    clock.hear(7, 2_000, 0, anew=False)  # unwrapped 4 294 969 296
    assert clock.stretch_ends_us(2_000) == 2_000 + 30_704  # the next whole second is 4 295 000 000
    assert clock.stretch_ends_us(1_500) == 1_500  # overtaken: in no stretch


@given(
    steps=st.lists(st.tuples(st.integers(1, 400_000), st.integers(0, 60_000)), min_size=1, max_size=200),
    begin_us=st.sampled_from([0, WRAP - 2_000_000]),
)
@settings(deadline=None, max_examples=60)
def test_a_run_is_heard_as_each_of_its_frames(steps, begin_us):
    alone, together = PenClock(), PenClock()
    pen_us, host_us = begin_us, 0
    run: list[tuple[int, int]] = []
    until_us = -1

    def close():
        if run:
            together.hear_run(min((host - pen, pen) for pen, host in run), run[-1][0])
            run.clear()

    for step_us, late_us in steps:
        pen_us, host_us = (pen_us + step_us) % WRAP, host_us + step_us
        alone.hear(7, pen_us, host_us + late_us, anew=False)
        if pen_us < until_us and pen_us > step_us:
            run.append((pen_us, host_us + late_us))
            continue
        close()
        together.hear(7, pen_us, host_us + late_us, anew=False)
        until_us = together.stretch_ends_us(pen_us)
    close()
    assert together.documents() == alone.documents()
    assert together._boots[-1].soonest == alone._boots[-1].soonest


# --- in a stream ------------------------------------------------------------------------------------------------------


def test_a_frame_is_compared_when_its_last_sample_has_ended():
    """Frames of a second each, and messages that have no length: all of them come in time."""
    bench = on("forehead")
    for turn in range(12):
        bench.samples("1" * 50, period_us=20_000)
        if turn % 3 == 0:
            bench.heartbeat()
    (clock,) = bench.end()["facts"]["pen_clock"]
    assert clock == {"boot": 7, "wraps": 0, "for_us": 11_000_000, "drift_ppm": 0, "residual_us": 0}


def test_another_pens_clock_is_its_own():
    bench = on("forehead")
    for _ in range(6):
        bench.wait(1_000_000)
        bench.heartbeat()
    bench.swap("B0001", boot=7, seq=0, passes=None, strokes=None)
    for second in range(1, 7):
        bench.pen_us = 3_000_000 + second * 1_010_000
        bench.now_us += 1_000_000
        bench.heartbeat()
    clocks = bench.end()["facts"]["pen_clock"]
    assert [clock["drift_ppm"] for clock in clocks] == [0, 10_000]
    assert [clock["boot"] for clock in clocks] == [7, 7]


def test_the_hosts_stamps_are_taken_as_they_are():
    bench = Bench()
    bench.heartbeat()
    assert bench.pipeline.derivation._clock._boots[-1].soonest == {0: (HOST_US, 0)}
