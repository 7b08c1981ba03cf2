"""The rules of the pen itself, just inside, just outside and without their input, each figure counted by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.records import Clock
from devicelog.rules.pen import day_of
from devicelog.validate import assess, rules_document
from firmware_bridge.frames import frame
from firmware_bridge.profile import Calibration
from tests.builders import (
    CLOCK,
    PEN,
    PROFILE,
    SERIAL,
    Bench,
    finding,
    on,
    opening_of,
    profile_without,
    results_of,
    said,
)

NOTHING = "nothing was heard from the pen"
NO_NAME = "no pen said who it is"
DAY_US = 86_400_000_000


# --- pen.changed ------------------------------------------------------------------------------------------------------


def test_the_same_pen_all_along():
    bench = on("forehead")
    bench.identity()
    bench.samples("1")
    bench.identity(calibration_id="cal-2")  # something else of itself: the same pen
    assert said(bench.end(), "pen.changed") == ("passed", None, None)


@pytest.mark.parametrize(
    ("serials", "told"), [(["B0001"], [SERIAL, "B0001"]), (["B0001", SERIAL, "C2"], [SERIAL, "B0001", "C2"])]
)
@pytest.mark.requirement("R10")
def test_another_pen_took_over(serials, told):
    bench = on("forehead")
    for serial in serials:
        bench.identity(serial)
    assert finding(bench.end(), "pen.changed") == {
        "rule": "pen.changed",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "another pen took over",
        "detail": {"serials": told},
    }


def test_another_model_under_the_same_serial_is_another_pen():
    bench = on("forehead", opening_of(pen=PEN | {"model": "Other"}))
    bench.identity()
    assert finding(bench.end(), "pen.changed")["detail"] == {"serials": [SERIAL, SERIAL]}


@pytest.mark.parametrize("rule", ["pen.changed", "calibration.missing", "calibration.expired"])
@pytest.mark.requirement("R10")
def test_a_pen_that_never_says_who_it_is(rule):
    bench = on("forehead", opening_of(pen=None))
    bench.samples("1")
    assert said(bench.end(), rule) == ("not assessable", None, NO_NAME)


# --- pen.restarted ----------------------------------------------------------------------------------------------------


def test_a_pen_that_ran_all_along():
    bench = on("forehead")
    bench.samples("1")
    assert said(bench.end(), "pen.restarted") == ("passed", None, None)


def test_every_new_beginning_of_the_same_pen_is_a_restart():
    bench = on("forehead")
    bench.samples("1")
    bench.boot, bench.seq, bench.strokes = 8, 0, 5  # strokes from power-on, passes kept
    bench.samples("1" * 12)
    bench.seq = 2**31  # the same boot number, and other sample numbers
    bench.samples("1")
    bench.seq -= 4_097
    bench.samples("1")
    bench.swap("B0001", boot=3, seq=9, passes=None, strokes=None)  # another pen: none
    bench.samples("1")
    derived = bench.end()
    assert finding(derived, "pen.restarted") == {
        "rule": "pen.restarted",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "the pen started anew: what it did meanwhile is not known",
        "detail": {"n": 2, "counters_fell": 1},
    }
    begun = [boot["begun"] for boot in derived["facts"]["completeness"]["boots"]]
    assert begun == ["first", "restart", "numbers", "another pen"]


@pytest.mark.parametrize("rule", ["pen.restarted", "pen.clock", "protocol.newer"])
def test_nothing_was_heard(rule):
    assert said(on("forehead").end(), rule) == ("not assessable", None, NOTHING)


# --- signal.missing ---------------------------------------------------------------------------------------------------

WHOLE = {"contact": "1", "set_depth": 300, "depth": 200, "frequency": 1_000}
EACH = list(WHOLE)


def sent(bench, n, **columns):
    """So many samples of a pen that sends these columns; None: it does not."""
    columns = WHOLE | columns
    bench.set_um = columns["set_depth"]
    bench.needle(n, columns["contact"], depth=columns["depth"], frequency=columns["frequency"])


def test_all_that_this_kind_of_pen_measures_came():
    bench = on("forehead")
    sent(bench, 3_000)
    assert said(bench.end(), "signal.missing") == ("passed", "forehead", None)


@pytest.mark.parametrize("signal", EACH)
@pytest.mark.parametrize(("before", "without", "after"), [(20, 2_980, 0), (2_999, 1, 0), (0, 1, 0), (30, 1, 30)])
def test_a_signal_that_is_missing_for_a_part_of_it_or_all_of_it(signal, before, without, after):
    bench = on("forehead")
    sent(bench, before)
    sent(bench, without, **{signal: None})
    sent(bench, after)
    assert finding(bench.end(), "signal.missing") == {
        "rule": "signal.missing",
        "version": 1,
        "zone": "forehead",
        "severity": "medium",
        "message": "the pen did not send what this kind of pen measures",
        "detail": {"signals": [signal]},
    }


def test_all_that_are_missing_are_named_in_the_profiles_order_and_in_their_zone():
    bench = on("forehead")
    sent(bench, 20)
    bench.zone("cheek.left")
    sent(bench, 20, frequency=None)
    sent(bench, 20, contact=None)
    bench.zone("chin")
    sent(bench, 20, **dict.fromkeys(EACH))
    derived = bench.end()
    assert results_of(derived, "signal.missing") == {"forehead": "passed", "cheek.left": "found", "chin": "found"}
    details = {row["zone"]: row["detail"] for row in derived["findings"] if row["rule"] == "signal.missing"}
    of_all = [name for name in PROFILE.measures if name in EACH]
    assert details == {
        "cheek.left": {"signals": [name for name in of_all if name in ("frequency", "contact")]},
        "chin": {"signals": of_all},
    }


@pytest.mark.parametrize("signal", EACH)
def test_what_this_kind_of_pen_does_not_measure_is_not_missing(signal):
    bench = on("forehead", opening_of(profile=profile_without(signal)))
    sent(bench, 20, **{signal: None})
    assert said(bench.end(), "signal.missing") == ("passed", "forehead", None)
    others = [name for name in PROFILE.measures if name in EACH and name != signal]
    bench = on("forehead", opening_of(profile=profile_without(signal)))
    sent(bench, 20)
    sent(bench, 1, **dict.fromkeys(EACH))
    assert finding(bench.end(), "signal.missing")["detail"] == {"signals": others}


@pytest.mark.parametrize("signal", ["set_depth", "depth", "frequency"])
def test_a_signal_that_is_missing_in_the_air_is_not_missed(signal):
    bench = on("forehead")
    sent(bench, 20)
    sent(bench, 100, **{"contact": "0", signal: None})
    assert said(bench.end(), "signal.missing") == ("passed", "forehead", None)


def test_a_signal_that_is_missing_while_the_motor_stands_is_not_missed():
    bench = on("forehead")
    sent(bench, 20)
    bench.motor_on = False
    sent(bench, 20, **dict.fromkeys(EACH))
    assert said(bench.end(), "signal.missing") == ("passed", "forehead", None)


def test_without_a_sample_on_the_skin_no_signal_is_missed():
    why = "no sample could be judged"
    bench = on("forehead")
    sent(bench, 20, contact="0", depth=None)
    assert said(bench.end(), "signal.missing") == ("not assessable", None, why)
    bench = Bench()
    sent(bench, 20, contact=None)  # in no zone, contact unknown: nobody says that it is needling
    assert said(bench.end(), "signal.missing") == ("not assessable", None, why)


def test_a_lost_frame_is_no_missing_signal():
    bench = on("forehead")
    sent(bench, 20)
    bench.samples("1" * 20, depth=None, lost=True)
    sent(bench, 20)
    assert said(bench.end(), "signal.missing") == ("passed", "forehead", None)


# --- frequency.range --------------------------------------------------------------------------------------------------

NAMED = replace(PROFILE, frequency_min_dhz=900, frequency_max_dhz=1_500, frequency_source="test")


def striking(*columns, profile=NAMED, contact="1"):
    """So many samples at each frequency."""
    bench = on("forehead", opening_of(profile=profile))
    for n, frequency in columns:
        bench.needle(n, contact, depth=None, frequency=frequency)
    return bench.end()


@pytest.mark.parametrize("columns", [[(60, 900), (60, 1_500)], [(25, 899), (9, 1_000), (25, 1_501)], [(50, 0)]])
def test_within_the_range_or_out_of_it_for_half_a_second(columns):
    assert said(striking(*columns), "frequency.range") == ("passed", "forehead", None)


@pytest.mark.parametrize(
    ("columns", "for_us", "min_dhz", "max_dhz"),
    [
        ([(51, 899)], 510_000, 899, 899),
        ([(51, 1_501)], 510_000, 1_501, 1_501),
        ([(25, 899), (9, 1_000), (26, 1_501)], 510_000, 899, 1_501),
        ([(60, 0), (60, 1_200)], 600_000, 0, 1_200),
    ],
)
def test_out_of_the_range_for_longer(columns, for_us, min_dhz, max_dhz):
    assert finding(striking(*columns), "frequency.range") == {
        "rule": "frequency.range",
        "version": 1,
        "zone": "forehead",
        "severity": "low",
        "message": "the needles struck slower or faster than the pen's maker names",
        "detail": {
            "for_us": for_us,
            "min_dhz": min_dhz,
            "max_dhz": max_dhz,
            "low_dhz": 900,
            "high_dhz": 1_500,
            "limit_us": 500_000,
        },
    }


def test_a_frame_that_is_partly_out_counts_only_that_part():
    derived = striking(*[(20, (899,) * 10 + (900,) * 10)] * 6)
    assert finding(derived, "frequency.range")["detail"]["for_us"] == 600_000


def test_in_the_air_a_motor_may_stand():
    derived = striking((20, 1_000), (100, 0), contact="1")
    assert said(derived, "frequency.range")[0] == "found"
    bench = on("forehead", opening_of(profile=NAMED))
    bench.needle(20, frequency=1_000)
    bench.needle(100, "0", frequency=0)
    assert said(bench.end(), "frequency.range") == ("passed", "forehead", None)


def test_the_maker_names_no_range():
    derived = striking((100, 9_000), profile=PROFILE)
    why = "the pen profile names no range of frequency"
    assert said(derived, "frequency.range") == ("not applicable", None, why)


NO_FREQUENCY = "the pen gave no stroke frequency for a part of it or all of it"


@pytest.mark.parametrize(
    ("measures", "result", "why"),
    [
        (PROFILE.measures, "not assessable", NO_FREQUENCY),
        (profile_without("frequency").measures, "not applicable", "this kind of pen has no stroke frequency"),
    ],
)
@pytest.mark.parametrize("of", [0, 20, 2_999])
def test_without_a_frequency_or_with_one_that_stops(of, measures, result, why):
    derived = striking((of, 1_000), (3_000 - of, None), profile=replace(NAMED, measures=measures))
    assert said(derived, "frequency.range") == (result, "forehead", why)


@pytest.mark.parametrize(("out", "result"), [(50, "not assessable"), (51, "found")])
def test_what_came_before_the_frequency_stopped_is_found(out, result):
    derived = striking((out, 899), (2_900, None))
    assert said(derived, "frequency.range")[0] == result
    if result == "found":
        detail = finding(derived, "frequency.range")["detail"]
        assert (detail["for_us"], detail["min_dhz"], detail["max_dhz"]) == (510_000, 899, 899)


def test_without_a_sample_on_the_skin_no_frequency_is_judged():
    why = "no sample could be judged"
    assert said(striking((10, 0), contact="0"), "frequency.range") == ("not assessable", None, why)


# --- pen.clock --------------------------------------------------------------------------------------------------------


def beating(ppm, *, seconds):
    """A heartbeat a second of a pen whose clock runs so much too fast."""
    bench = on("forehead")
    for second in range(seconds + 1):
        bench.pen_us, bench.now_us = second * (1_000_000 + ppm), second * 1_000_000
        bench.heartbeat()
    return bench.end()


@pytest.mark.parametrize("ppm", [0, 10_000, -10_000])
def test_a_clock_within_one_in_a_hundred(ppm):
    derived = beating(ppm, seconds=9)
    assert said(derived, "pen.clock") == ("passed", None, None)


@pytest.mark.parametrize("ppm", [20_000, -20_000, 10_001, -10_001])
def test_a_clock_out_of_its_tolerance(ppm):
    assert finding(beating(ppm, seconds=9), "pen.clock") == {
        "rule": "pen.clock",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the pen's clock is out of its tolerance: times on the skin are wrong by as much",
        "detail": {
            "drift_ppm": ppm,
            "residual_us": 0,
            "for_us": 9 * (1_000_000 + ppm),
            "limit_ppm": 10_000,
        },
    }


def test_of_many_beginnings_the_worst_clock_is_told():
    bench = on("forehead")
    facts, _, _ = bench.pipeline.judge()
    told = [
        {"boot": 1, "wraps": 0, "for_us": 9, "drift_ppm": 10_001, "residual_us": 1},
        {"boot": 2, "wraps": 0, "for_us": 8, "drift_ppm": -10_002, "residual_us": 2},
        {"boot": 3, "wraps": 0, "for_us": 7, "drift_ppm": None, "residual_us": None},
    ]
    rules = {"rules": [row for row in rules_document()["rules"] if row["id"] == "pen.clock"]}
    (found,), _ = assess(facts | {"pen_clock": told}, rules)
    assert found["detail"] == {"drift_ppm": -10_002, "residual_us": 2, "for_us": 8, "limit_ppm": 10_000}
    for drift_ppm, n in ((10_000, 0), (-10_000, 0), (10_001, 1), (-10_001, 1)):
        clock = told[0] | {"drift_ppm": drift_ppm}
        assert len(assess(facts | {"pen_clock": [clock, told[2]]}, rules)[0]) == n


def test_too_short_a_time_tells_nothing_of_the_clock():
    why = "the pen was heard for too short a time to tell how fast its clock runs"
    assert said(beating(20_000, seconds=3), "pen.clock") == ("not applicable", None, why)


# --- calibration ------------------------------------------------------------------------------------------------------


def calibrated(name, *, expires="2030-03-17", clocks=(CLOCK,)):
    """A pen that names this calibration; PROFILE knows until when `cal-1` holds."""
    calibrations = (Calibration(id="cal-0", expires="1999-12-31"), Calibration(id="cal-1", expires=expires))
    opening = opening_of(pen=PEN | {"calibration_id": name}, profile=replace(PROFILE, calibrations=calibrations))
    bench = on("forehead", opening, clock=None)
    for clock in clocks:
        bench.put(clock)
    bench.identity(calibration_id=name)
    bench.samples("1")
    return bench.end()


def test_a_pen_that_names_its_calibration():
    assert said(calibrated("cal-1"), "calibration.missing") == ("passed", None, None)


def test_a_pen_that_names_none():
    assert finding(calibrated(""), "calibration.missing") == {
        "rule": "calibration.missing",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the pen names no calibration",
        "detail": {"serials": [SERIAL]},
    }


@pytest.mark.parametrize(
    ("pens", "serials"),
    [
        ([("A0042", "cal-1"), ("B0001", "")], ["B0001"]),  # whoever came last
        ([("A0042", ""), ("B0001", "cal-9")], ["A0042"]),  # or first
        ([("A0042", ""), ("B0001", "cal-9"), ("C0002", "")], ["A0042", "C0002"]),
        ([("A0042", "cal-1"), ("A0042", "")], ["A0042"]),
    ],
)
def test_every_pen_of_the_session_is_asked_for_its_calibration(pens, serials):
    bench = on("forehead", opening_of(pen=None))
    for serial, name in pens:
        bench.identity(serial, calibration_id=name)
    assert finding(bench.end(), "calibration.missing")["detail"] == {"serials": serials}


def test_pens_that_all_name_one():
    bench = on("forehead")
    bench.identity("B0001", calibration_id="cal-9")
    assert said(bench.end(), "calibration.missing") == ("passed", None, None)


def at(wall_us, confidence="synced"):
    return Clock(boot="b", wall_us=wall_us, confidence=confidence)


LAST_DAY_US = 1_900_022_400_000_000  # 2030-03-18 00:00 UTC


@pytest.mark.parametrize("clocks", [[at(LAST_DAY_US - 1)], [at(0), at(LAST_DAY_US - 1, "rtc"), at(5)]])
def test_a_calibration_holds_to_the_end_of_its_last_day(clocks):
    assert said(calibrated("cal-1", clocks=clocks), "calibration.expired") == ("passed", None, None)


@pytest.mark.parametrize("clocks", [[at(LAST_DAY_US)], [at(0), at(LAST_DAY_US, "restored"), at(5, "rtc")]])
def test_and_not_on_the_next(clocks):
    assert finding(calibrated("cal-1", clocks=clocks), "calibration.expired") == {
        "rule": "calibration.expired",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "the pen's calibration no longer holds",
        "detail": {"calibrations": [{"id": "cal-1", "expires": "2030-03-17"}], "day": "2030-03-18"},
    }


@pytest.mark.parametrize("clocks", [[at(LAST_DAY_US - 1, "restored")], [at(LAST_DAY_US - 1), at(5, "restored")]])
def test_a_restored_clock_may_be_behind_and_never_tells_that_it_still_holds(clocks):
    why = "the clock was restored: it was this day or a later one"
    assert said(calibrated("cal-1", clocks=clocks), "calibration.expired") == ("not assessable", None, why)


OF_TWO = tuple(Calibration(id=name, expires=day) for name, day in (("cal-1", "2030-03-17"), ("cal-2", "2030-03-18")))


@pytest.mark.parametrize(
    ("names", "day_us", "past"),
    [
        (["cal-1", "cal-2"], LAST_DAY_US, [("cal-1", "2030-03-17")]),  # the pen that was there first
        (["cal-2", "cal-1"], LAST_DAY_US, [("cal-1", "2030-03-17")]),  # the pen that took over
        (["", "cal-1", "cal-9"], LAST_DAY_US, [("cal-1", "2030-03-17")]),
        (["cal-2", "cal-1"], LAST_DAY_US + DAY_US, [("cal-2", "2030-03-18"), ("cal-1", "2030-03-17")]),
        (["cal-1", "cal-1"], LAST_DAY_US, [("cal-1", "2030-03-17")]),  # one calibration is told once
    ],
)
def test_every_pen_of_the_session_is_held_against_the_day(names, day_us, past):
    bench = on("forehead", opening_of(pen=None, profile=replace(PROFILE, calibrations=OF_TWO)), clock=at(day_us))
    for turn, name in enumerate(names):
        bench.identity(f"B000{turn}", calibration_id=name)
    detail = {"calibrations": [{"id": name, "expires": expires} for name, expires in past], "day": day_of(day_us)}
    assert finding(bench.end(), "calibration.expired")["detail"] == detail


@pytest.mark.parametrize(("day_us", "result"), [(LAST_DAY_US - 1, "not applicable"), (LAST_DAY_US, "found")])
@pytest.mark.parametrize("name", ["", "cal-9"])
def test_that_one_calibration_holds_says_nothing_of_another(name, day_us, result):
    bench = on("forehead", opening_of(profile=replace(PROFILE, calibrations=OF_TWO)), clock=at(day_us))
    bench.identity("B0001", calibration_id=name)
    why = None if result == "found" else "nobody has said of every calibration here until when it holds"
    assert said(bench.end(), "calibration.expired") == (result, None, why)


def test_pens_whose_calibrations_all_hold():
    bench = on("forehead", opening_of(profile=replace(PROFILE, calibrations=OF_TWO)), clock=at(LAST_DAY_US - 1))
    bench.identity("B0001", calibration_id="cal-2")
    derived = bench.end()
    assert derived["facts"]["expected"]["calibrations"] == [
        {"id": "cal-1", "expires": "2030-03-17"},
        {"id": "cal-2", "expires": "2030-03-18"},
    ]
    assert said(derived, "calibration.expired") == ("passed", None, None)


@pytest.mark.parametrize("name", ["cal-2", ""])
def test_nobody_said_until_when_it_holds(name):
    why = "nobody has said until when this pen's calibration holds"
    assert said(calibrated(name), "calibration.expired") == ("not applicable", None, why)


@pytest.mark.parametrize("clocks", [[], [at(LAST_DAY_US, "unknown")], [at(LAST_DAY_US), at(LAST_DAY_US, "unknown")]])
def test_without_a_day_no_calibration_is_judged(clocks):
    why = "what day it was is not known"
    assert said(calibrated("cal-1", clocks=clocks), "calibration.expired") == ("not assessable", None, why)


# --- clock.unsure -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clocks", [["synced"], ["rtc"], ["synced", "rtc"]])
def test_a_clock_that_can_be_believed(clocks):
    bench = on("forehead", clock=None)
    for confidence in clocks:
        bench.put(at(5, confidence))
    assert said(bench.end(), "clock.unsure") == ("passed", None, None)


@pytest.mark.parametrize(
    ("clocks", "worst"),
    [(["restored"], "restored"), (["synced", "unknown", "rtc"], "unknown"), (["unknown"], "unknown")],
)
@pytest.mark.requirement("R06")
def test_a_clock_that_can_not(clocks, worst):
    bench = on("forehead", clock=None)
    for confidence in clocks:
        bench.put(at(5, confidence))
    assert finding(bench.end(), "clock.unsure") == {
        "rule": "clock.unsure",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the time of day cannot be believed; order and durations are not affected",
        "detail": {"confidence": worst},
    }


def test_no_time_of_day_was_noted():
    why = "the recorder noted no time of day"
    assert said(on("forehead", clock=None).end(), "clock.unsure") == ("not assessable", None, why)


# --- protocol.newer ---------------------------------------------------------------------------------------------------


def frames_of(*majors):
    bench = on("forehead")
    for major in majors:
        bench.raw(frame(bytes([major << 4, 0x01]) + bytes(12)))
    return bench


def test_a_pen_of_this_protocol():
    bench = frames_of()
    bench.heartbeat()
    bench.raw(frame(b"\x10\x63" + bytes(12)))  # an unknown message of the same major version
    assert said(bench.end(), "protocol.newer") == ("passed", None, None)


@pytest.mark.parametrize("majors", [(3, 2, 3), (0,), (0, 2), (15,)])
def test_a_pen_of_another_protocol(majors):
    derived = frames_of(*majors).end()
    each = sorted(set(majors))
    frames_newer = [{"major": major, "n": majors.count(major)} for major in each]
    assert derived["facts"]["completeness"]["frames_newer"] == frames_newer
    assert finding(derived, "protocol.newer") == {
        "rule": "protocol.newer",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "the pen speaks another protocol: what it says is kept and cannot be read",
        "detail": {"frames": len(majors), "majors": each},
    }


# --- days -------------------------------------------------------------------------------------------------------------


def test_every_day_has_its_name():
    first = datetime(1970, 1, 1, tzinfo=UTC)
    for day in range((datetime(2401, 1, 1, tzinfo=UTC) - first).days):
        assert day_of(day * DAY_US) == (first + timedelta(days=day)).strftime("%Y-%m-%d")


@given(wall_us=st.integers(0, 13_000_000_000_000_000))
def test_a_day_lasts_to_its_last_microsecond(wall_us):
    assert day_of(wall_us) == day_of(wall_us // DAY_US * DAY_US)
