"""The rules of depth, just inside, just outside and without their input, each figure counted by hand.

Limits: the plan 0.4 mm on the forehead, the device 2.5 mm, measured depth with 0.15 mm of tolerance. A sample is 10 ms.
"""

import pytest

from tests.builders import (
    Bench,
    finding,
    on,
    opening_of,
    plan_with,
    planned,
    profile_without,
    results_of,
    said,
)

UNSEEN = "the pen gave neither set nor measured depth for part of it"
RANGES = plan_with(planned("forehead", 400, least_um=200), planned("cheek.left", 1_000, least_um=700))


# --- depth.over_device ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R25")
def test_up_to_the_devices_limit():
    bench = on("forehead")
    bench.set_um = 2_500
    bench.samples("1110", depth=(2_650, 100, 2_650, 9_000))
    derived = bench.end()
    assert said(derived, "depth.over_device") == ("passed", "forehead", None)
    assert not [row for row in derived["findings"] if row["rule"] == "depth.over_device"]


@pytest.mark.parametrize(
    ("set_um", "depth", "set_over", "measured_over"),
    [
        (2_501, 200, 2_501, None),
        (300, 2_651, None, 2_651),
        (2_501, 2_651, 2_501, 2_651),
        (2_501, None, 2_501, None),
        (None, 2_651, None, 2_651),
    ],
)
@pytest.mark.requirement("R25")
def test_over_the_devices_limit(set_um, depth, set_over, measured_over):
    bench = on("forehead")
    bench.set_um = set_um
    bench.samples("011", depth=depth)
    assert finding(bench.end(), "depth.over_device") == {
        "rule": "depth.over_device",
        "version": 1,
        "zone": "forehead",
        "severity": "high",
        "message": "deeper than the pen can be: a sensor, a dial or a needle is not what it seems",
        "detail": {
            "for_us": 20_000,
            "set_um": set_over,
            "set_for_us": 20_000 if set_over else 0,
            "measured_um": measured_over,
            "measured_for_us": 20_000 if measured_over else 0,
            "first_record": 2,  # after the clock and the mark
            "limit_um": 2_500,
            "tolerance_um": 150,
        },
    }


@pytest.mark.parametrize("rule", ["depth.over_device", "depth.over_plan"])
def test_no_time_is_too_short_to_be_too_deep(rule):
    bench = on("forehead")
    bench.samples("1", depth=2_651, period_us=1)
    assert finding(bench.end(), rule)["detail"]["for_us"] == 1


@pytest.mark.parametrize("rule", ["depth.over_device", "depth.over_plan"])
def test_without_any_depth_no_limit_can_be_judged(rule):
    bench = on("forehead")
    bench.samples("1111")
    bench.set_um = None
    bench.samples("1", depth=None)
    assert said(bench.end(), rule) == ("not assessable", "forehead", UNSEEN)


@pytest.mark.parametrize("rule", ["depth.over_device", "depth.over_plan"])
def test_too_deep_is_found_though_part_of_it_had_no_depth(rule):
    bench = on("forehead")
    bench.samples("1", depth=2_651)
    bench.set_um = None
    bench.samples("1", depth=None)
    assert said(bench.end(), rule) == ("found", "forehead", None)


@pytest.mark.parametrize("rule", ["depth.over_device", "depth.over_plan"])
@pytest.mark.parametrize("contact", ["0000", ""])
def test_without_contact_no_limit_can_be_judged(rule, contact):
    bench = on("forehead")
    if contact:
        bench.samples(contact, depth=9_000)
    assert said(bench.end(), rule) == ("not assessable", None, "no sample could be judged")


def test_a_pen_without_contact_is_judged_in_a_zone_only():
    bench = Bench()
    bench.samples(None, n=4, depth=9_000)
    bench.zone("forehead")
    bench.samples(None, n=4)
    derived = bench.end()
    assert results_of(derived, "depth.over_device") == {"forehead": "passed"}
    assert results_of(derived, "depth.over_plan") == {"forehead": "passed"}


# --- depth.over_plan --------------------------------------------------------------------------------------------------


def test_up_to_the_plans_limit():
    bench = on("forehead")
    bench.set_um = 400
    bench.samples("1110", depth=(550, 100, 550, 9_000))
    assert said(bench.end(), "depth.over_plan") == ("passed", "forehead", None)


@pytest.mark.parametrize(("set_um", "depth"), [(401, 200), (400, 551), (None, 551), (401, None)])
def test_over_the_plans_limit(set_um, depth):
    bench = on("forehead")
    bench.set_um = set_um
    bench.samples("01", depth=depth)
    found = finding(bench.end(), "depth.over_plan")
    assert (found["severity"], found["zone"], found["detail"]["limit_um"]) == ("medium", "forehead", 400)
    assert found["detail"]["for_us"] == 10_000


def test_a_zone_that_the_plan_does_not_name():
    bench = on("chin")
    bench.samples("1111")
    derived = bench.end()
    assert said(derived, "depth.over_plan") == ("not assessable", "chin", "the plan has no limit for this zone")
    assert said(derived, "depth.over_device") == ("passed", "chin", None)
    assert derived["verdict"] == "not assessable"


def test_needling_in_no_zone():
    bench = Bench()
    bench.samples("1111")
    derived = bench.end()
    assert said(derived, "depth.over_plan") == ("not assessable", "unassigned", "needling in no zone")
    assert said(derived, "depth.over_device") == ("passed", "unassigned", None)


def test_each_zone_is_judged_by_itself():
    bench = Bench()
    bench.samples("0000")
    for zone in ("forehead", "cheek.left", "chin"):
        bench.zone(zone)
        bench.set_um = 900
        bench.samples("11")
    bench.zone("nose")
    bench.samples("00")
    assert results_of(bench.end(), "depth.over_plan") == {
        "forehead": "found",
        "cheek.left": "passed",
        "chin": "not assessable",
    }


# --- depth.under_plan -------------------------------------------------------------------------------------------------


def under(n, *, set_um, depth):
    bench = on("forehead", opening_of(plan=RANGES))
    bench.set_um = set_um
    bench.needle(n, depth=depth)
    bench.set_um = 300
    bench.samples("1")
    return bench.end()


@pytest.mark.parametrize(
    ("n", "set_um", "depth"),
    [
        (100, 199, 200),  # a second
        (300, 200, 200),
        (300, 200, -400),  # by the dial it is deep enough: a needle gives way as it touches down
        (100, None, 49),
        (300, None, 50),  # 0.2 mm, and 0.15 of tolerance
    ],
)
def test_down_to_the_plans_least(n, set_um, depth):
    assert said(under(n, set_um=set_um, depth=depth), "depth.under_plan") == ("passed", "forehead", None)


@pytest.mark.parametrize(
    ("set_um", "depth", "set_under", "measured_under"),
    [(199, 200, 199, None), (199, 0, 199, None), (0, None, 0, None), (None, 49, None, 49), (None, -9, None, -9)],
)
def test_under_the_plans_least(set_um, depth, set_under, measured_under):
    derived = under(101, set_um=set_um, depth=depth)
    assert finding(derived, "depth.under_plan") == {
        "rule": "depth.under_plan",
        "version": 1,
        "zone": "forehead",
        "severity": "low",
        "message": "less deep than the plan wants here",
        "detail": {
            "for_us": 1_010_000,
            "set_um": set_under,
            "set_for_us": 1_010_000 if set_under is not None else 0,
            "measured_um": measured_under,
            "measured_for_us": 1_010_000 if measured_under is not None else 0,
            "first_record": 2,
            "limit_um": 200,
            "tolerance_um": 150,
        },
    }


def test_under_by_dial_and_by_sensor_are_summed_and_the_least_of_each_is_told():
    bench = on("forehead", opening_of(plan=RANGES))
    bench.samples("11", depth=0)  # 2: the dial is at 0.3 mm
    bench.set_um = None
    bench.samples("0111", depth=(0, 50, 49, 20))  # 3: two
    bench.set_um = 150
    bench.needle(100)  # 4 to 8
    bench.set_um = 120
    bench.samples("1")
    bench.set_um = 180
    bench.samples("01")
    bench.set_um = None
    bench.samples("11", depth=(30, 60))
    assert finding(bench.end(), "depth.under_plan")["detail"] == {
        "for_us": 1_050_000,  # 2 + 100 + 1 + 1 + 1
        "set_um": 120,
        "set_for_us": 1_020_000,
        "measured_um": 20,
        "measured_for_us": 30_000,
        "first_record": 3,
        "limit_um": 200,
        "tolerance_um": 150,
    }


def test_under_plan_without_its_input():
    bench = on("forehead", opening_of(plan=RANGES))
    bench.set_um = None
    bench.samples("1", depth=None)
    assert said(bench.end(), "depth.under_plan") == ("not assessable", "forehead", UNSEEN)
    bench = on("chin")
    bench.samples("1")
    why = "the plan has no limit for this zone"
    assert said(bench.end(), "depth.under_plan") == ("not assessable", "chin", why)
    bench = Bench()
    bench.samples("1")
    assert said(bench.end(), "depth.under_plan") == ("not assessable", "unassigned", "needling in no zone")


# --- rules of the sensor ----------------------------------------------------------------------------------------------

OF_THE_SENSOR = ["depth.jump", "sensor.stuck", "depth.disagrees"]


NO_DEPTH = "the pen gave no measured depth for a part of it or all of it"
NO_DIAL = "the pen gave no dial setting for a part of it or all of it"


def a_little(bench, of):
    """So many of thirty seconds' samples have a measured depth: first a part of them, then the rest have none."""
    for turn in range(of):
        bench.samples("1", depth=300 + turn % 2)
    bench.needle(3_000 - of, depth=None)


@pytest.mark.parametrize("rule", OF_THE_SENSOR)
@pytest.mark.parametrize("of", [0, 20, 2_999])
@pytest.mark.parametrize(
    ("opening", "result", "why"),
    [
        (opening_of(), "not assessable", NO_DEPTH),
        (opening_of(profile=profile_without("depth")), "not applicable", "this kind of pen has no measured depth"),
    ],
)
def test_without_a_sensor_or_with_one_that_stops(rule, of, opening, result, why):
    bench = on("forehead", opening)
    a_little(bench, of)
    assert said(bench.end(), rule) == (result, "forehead", why)


@pytest.mark.parametrize("rule", OF_THE_SENSOR)
def test_with_a_sensor_to_the_last_sample(rule):
    bench = on("forehead")
    a_little(bench, 3_000)
    assert said(bench.end(), rule) == ("passed", "forehead", None)


@pytest.mark.parametrize("rule", OF_THE_SENSOR)
@pytest.mark.parametrize("without", ["air", "no motor"])
def test_a_sensor_says_nothing_where_nothing_is_judged(rule, without):
    bench = on("forehead")
    bench.samples("11", depth=300)
    if without == "air":
        bench.samples("0000", depth=None)
    else:
        bench.motor_on = False
        bench.samples(None, n=4, depth=None)
    assert said(bench.end(), rule) == ("passed", "forehead", None)


@pytest.mark.parametrize("rule", OF_THE_SENSOR)
def test_a_zone_whose_sensor_went_on_is_judged_though_another_zone_s_stopped(rule):
    bench = on("forehead")
    bench.samples("11", depth=300)
    bench.zone("cheek.left")
    bench.samples("11", depth=None)
    assert results_of(bench.end(), rule) == {"forehead": "passed", "cheek.left": "not assessable"}


@pytest.mark.parametrize("profile", [None, profile_without("depth")])
@pytest.mark.parametrize(
    ("rule", "depths", "detail"),
    [
        ("depth.jump", (200, 701), {"leaps": 1, "largest_um": 501, "first_record": 2, "limit_um": 500}),
        ("sensor.stuck", (300,) * 200, {"for_us": 2_000_000, "limit_us": 2_000_000}),
        (
            "depth.disagrees",
            (300, 451),
            {"for_us": 10_000, "of_us": 20_000, "limit_ppm": 100_000, "tolerance_um": 150},
        ),
    ],
)
def test_what_a_sensor_that_stops_said_before_is_found(rule, depths, detail, profile):
    bench = on("forehead", opening_of(**({"profile": profile} if profile else {})))
    for begin in range(0, len(depths), 20):
        part = depths[begin : begin + 20]
        bench.samples("1" * len(part), depth=part)
    bench.needle(2_800, depth=None)
    assert finding(bench.end(), rule)["detail"] == detail


@pytest.mark.parametrize("rule", [*OF_THE_SENSOR, "dial.unchanged", "depth.under_plan"])
def test_without_a_sample_on_the_skin(rule):
    bench = on("forehead")
    bench.samples("0000")
    assert said(bench.end(), rule) == ("not assessable", None, "no sample could be judged")


# --- depth.jump -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [(200, 700), (700, 200), (-100, 400, -100), (300, 300)])
def test_half_a_millimetre_between_two_samples(depth):
    bench = on("forehead")
    bench.samples("1" * len(depth), depth=depth)
    assert said(bench.end(), "depth.jump") == ("passed", "forehead", None)


@pytest.mark.parametrize(
    ("depth", "leaps", "largest_um"),
    [((200, 701), 1, 501), ((701, 200), 1, 501), ((0, 501, 0, 900, 400), 3, 900), ((-300, 300, 200), 1, 600)],
)
def test_more_than_half_a_millimetre_is_a_leap(depth, leaps, largest_um):
    bench = on("forehead")
    bench.samples("1")  # 2
    bench.zone("cheek.left")
    bench.samples("1" * len(depth), depth=depth)  # 4
    assert finding(bench.end(), "depth.jump") == {
        "rule": "depth.jump",
        "version": 1,
        "zone": "cheek.left",
        "severity": "medium",
        "message": "the measured depth leaps further than anything moves: the sensor or its cable is not sound",
        "detail": {"leaps": leaps, "largest_um": largest_um, "first_record": 4, "limit_um": 500},
    }


def test_of_several_leaps_the_first_is_named():
    bench = on("forehead")
    bench.samples("11", depth=(0, 600))  # record 2
    bench.mark("note")  # the run is counted
    bench.samples("11", depth=(0, 600))
    steadiness = finding(bench.end(), "depth.jump")["detail"]
    assert (steadiness["leaps"], steadiness["first_record"]) == (3, 2)


def test_a_leap_from_frame_to_frame_stands_in_the_second():
    bench = on("forehead")
    for depth in (200, 210, 900, 910):  # 2, 3, 4, 5
        bench.samples("11", depth=depth)
    detail = {"leaps": 1, "largest_um": 690, "first_record": 4, "limit_um": 500}
    assert finding(bench.end(), "depth.jump")["detail"] == detail


def lift(bench):
    bench.samples("00")


def turn(bench):
    bench.zone("cheek.left")


def dial(bench):
    bench.set_um = 900


def lose(bench):
    bench.samples("1", lost=True)


def restart(bench):
    bench.boot, bench.seq = 8, 0


def stop(bench):
    bench.motor_on = False
    bench.event(4)
    bench.motor_on = True


def no_contact(bench):
    bench.samples(None, n=2, depth=None)


@pytest.mark.parametrize("between", [lift, turn, dial, lose, restart, stop, no_contact])
def test_samples_with_something_between_them_are_no_neighbours(between):
    bench = on("forehead")
    bench.samples("11", depth=100)
    between(bench)
    bench.samples("11", depth=900)
    results = results_of(bench.end(), "depth.jump")
    assert set(results.values()) == {"not assessable" if between is no_contact else "passed"}


def test_the_contact_signal_that_comes_or_goes_parts_neighbours():
    bench = on("forehead")
    bench.samples("11", depth=100)
    bench.samples(None, n=2, depth=900)
    bench.samples("11", depth=100)
    assert said(bench.end(), "depth.jump") == ("passed", "forehead", None)


@pytest.mark.parametrize("together", [1, 4])
def test_a_pen_without_contact_has_neighbours_from_frame_to_frame(together):
    bench = on("forehead")
    for depth in (100, 900, 100, 900):
        bench.samples(None, n=together, depth=depth)
        bench.pipeline.judge()  # whoever looks in between
    assert finding(bench.end(), "depth.jump")["detail"]["leaps"] == 3


# --- sensor.stuck -----------------------------------------------------------------------------------------------------


def still(*numbers, contact="1"):
    """Depths that stand for so many samples, one row after another."""
    bench = on("forehead")
    for turn, n in enumerate(numbers):
        bench.needle(n, contact, depth=200 + turn)
    return bench.end()


def test_a_depth_that_stands_for_nearly_two_seconds():
    assert said(still(199, 199, 1), "sensor.stuck") == ("passed", "forehead", None)


@pytest.mark.parametrize(
    ("numbers", "for_us"), [((200,), 2_000_000), ((1, 200, 3), 2_000_000), ((200, 7, 251), 2_510_000)]
)
def test_a_depth_that_stands_for_two_seconds(numbers, for_us):
    assert finding(still(*numbers), "sensor.stuck") == {
        "rule": "sensor.stuck",
        "version": 1,
        "zone": "forehead",
        "severity": "medium",
        "message": "the measured depth stands still while the needles work: the sensor may have stopped",
        "detail": {"for_us": for_us, "limit_us": 2_000_000},
    }


@pytest.mark.parametrize(("n", "result"), [(199, "passed"), (200, "found")])
def test_a_sensor_that_stands_still_without_contact(n, result):
    assert said(still(n, contact=None), "sensor.stuck")[0] == result


@pytest.mark.parametrize("between", [lift, turn, dial, lose, restart, stop, no_contact])
def test_a_sensor_that_has_stopped_is_not_freed_by_what_comes_between(between):
    bench = on("forehead")
    bench.needle(150)
    between(bench)
    bench.needle(150)
    assert "found" in results_of(bench.end(), "sensor.stuck").values()


def test_a_sensor_that_falls_to_nought_at_every_lift_has_not_stopped():
    """Coarse sensors say the same again and again on the skin."""
    bench = on("forehead")
    for _ in range(5):
        bench.needle(90, depth=410)
        bench.needle(110, contact="0", depth=0)
    assert set(results_of(bench.end(), "sensor.stuck").values()) == {"passed"}


def test_another_depth_frees_a_sensor():
    bench = on("forehead")
    bench.needle(199)
    lift(bench)
    bench.needle(1, depth=210)
    bench.needle(199)
    assert set(results_of(bench.end(), "sensor.stuck").values()) == {"passed"}


def test_samples_of_other_lengths_are_summed_by_their_own():
    bench = on("forehead")
    for _ in range(5):
        bench.needle(20, period_us=50_000)  # 5 s in all
    bench.needle(20, period_us=5_000)
    assert finding(bench.end(), "sensor.stuck")["detail"]["for_us"] == 5_100_000


# --- depth.disagrees --------------------------------------------------------------------------------------------------


def apart(n, of, depth):
    """`n` of so many samples at this depth, the dial at 0.3 mm."""
    bench = on("forehead")
    bench.needle(of - n, depth=300)
    bench.needle(n, depth=depth)
    bench.samples("00", depth=9_000)
    return bench


@pytest.mark.parametrize(("n", "of", "depth"), [(4, 40, 451), (4, 40, 149), (40, 40, 450), (40, 40, 150)])
def test_dial_and_sensor_agree(n, of, depth):
    assert said(apart(n, of, depth).end(), "depth.disagrees") == ("passed", "forehead", None)


def no_sensor(bench):
    bench.samples("1", depth=None)


def no_dial(bench):
    bench.set_um = None
    bench.samples("1", depth=450)


def neither(bench):
    no_dial(bench)
    bench.samples("1", depth=None)


@pytest.mark.parametrize(("lacking", "why"), [(no_sensor, NO_DEPTH), (no_dial, NO_DIAL), (neither, NO_DEPTH)])
def test_one_sample_that_has_only_one_of_the_two_is_not_compared(lacking, why):
    """Agreement of a part says nothing of the rest; disagreement of a part is found, of the part that was compared."""
    agreed = apart(4, 40, 451)
    lacking(agreed)
    assert said(agreed.end(), "depth.disagrees") == ("not assessable", "forehead", why)
    apart_ = apart(4, 39, 451)
    lacking(apart_)
    detail = {"for_us": 40_000, "of_us": 390_000, "limit_ppm": 100_000, "tolerance_um": 150}
    assert finding(apart_.end(), "depth.disagrees")["detail"] == detail


@pytest.mark.parametrize(("n", "of", "depth"), [(4, 39, 451), (4, 39, 149), (1, 1, 700)])
def test_dial_and_sensor_disagree(n, of, depth):
    assert finding(apart(n, of, depth).end(), "depth.disagrees") == {
        "rule": "depth.disagrees",
        "version": 1,
        "zone": "forehead",
        "severity": "medium",
        "message": "dial and sensor do not agree: one of them is not what it seems",
        "detail": {"for_us": 10_000 * n, "of_us": 10_000 * of, "limit_ppm": 100_000, "tolerance_um": 150},
    }


@pytest.mark.parametrize("of", [0, 20, 2_999])
@pytest.mark.parametrize(
    ("opening", "result", "why"),
    [
        (opening_of(), "not assessable", NO_DIAL),
        (opening_of(profile=profile_without("set_depth")), "not applicable", "this kind of pen has no dial setting"),
    ],
)
def test_without_a_dial_or_with_one_that_stops(of, opening, result, why):
    bench = on("forehead", opening)
    bench.needle(of, depth=300)
    bench.set_um = None
    bench.needle(3_000 - of)
    assert said(bench.end(), "depth.disagrees") == (result, "forehead", why)


# --- dial.unchanged ---------------------------------------------------------------------------------------------------


def dialled(*settings, plan=RANGES, profile=None):
    """Zones needled one after the other, each at a setting."""
    bench = Bench(opening_of(plan=plan, **({"profile": profile} if profile else {})))
    for zone, set_um in settings:
        bench.zone(zone)
        bench.set_um = set_um
        bench.samples("11")
    return bench.end()


def test_the_dial_stayed_where_it_was():
    assert finding(dialled(("forehead", 300), ("cheek.left", 300)), "dial.unchanged") == {
        "rule": "dial.unchanged",
        "version": 1,
        "zone": "cheek.left",
        "severity": "medium",
        "message": "the plan wants another setting here, and the dial was not turned",
        "detail": {"set_um": 300, "from_zone": "forehead", "plan_min_um": 700, "plan_max_um": 1_000},
    }


def test_the_dial_stayed_where_it_was_on_the_way_down():
    assert finding(dialled(("cheek.left", 800), ("forehead", 800)), "dial.unchanged")["detail"] == {
        "set_um": 800,
        "from_zone": "cheek.left",
        "plan_min_um": 200,
        "plan_max_um": 400,
    }


@pytest.mark.parametrize("set_um", [301, 700, 100])
def test_the_dial_was_turned(set_um):
    derived = dialled(("forehead", 300), ("cheek.left", set_um))
    assert said(derived, "dial.unchanged") == ("passed", "cheek.left", None)


@pytest.mark.parametrize(("least_um", "most_um", "result"), [(400, 900, "not applicable"), (401, 900, "found")])
def test_ranges_that_touch_want_no_other_setting(least_um, most_um, result):
    plan = plan_with(planned("forehead", 400, least_um=200), planned("chin", most_um, least_um=least_um))
    for zones in (("forehead", "chin"), ("chin", "forehead")):
        derived = dialled(*((zone, 300) for zone in zones), plan=plan)
        assert said(derived, "dial.unchanged")[0] == result


@pytest.mark.parametrize(
    "settings",
    [
        [("forehead", 300)],
        [("forehead", 300), ("forehead", 350)],
        [("forehead", 300), ("chin", 300), ("forehead", 300)],  # the plan says nothing of the chin
        [("chin", 300), ("nose", 300)],
        [("chin", 300), ("cheek.left", 300)],
    ],
)
def test_the_plan_wanted_no_other_setting(settings):
    why = "the plan wanted no other setting between two zones"
    assert said(dialled(*settings), "dial.unchanged") == ("not applicable", None, why)


@pytest.mark.parametrize("between", [["chin"], ["chin", "nose"], ["chin", "nose", "chin"]])
@pytest.mark.parametrize("stop_um", [300, 900, None])
def test_a_stop_in_a_zone_that_the_plan_does_not_name_is_no_reason_to_turn_the_dial(between, stop_um):
    stops = [(zone, stop_um) for zone in between]
    derived = dialled(("forehead", 300), *stops, ("cheek.left", 300))
    assert finding(derived, "dial.unchanged")["zone"] == "cheek.left"
    assert finding(derived, "dial.unchanged")["detail"] == {
        "set_um": 300,
        "from_zone": "forehead",
        "plan_min_um": 700,
        "plan_max_um": 1_000,
    }
    assert said(dialled(("forehead", 300), *stops, ("cheek.left", 800)), "dial.unchanged")[0] == "passed"


def test_needling_in_no_zone_is_no_reason_to_turn_the_dial_either():
    bench = on("forehead", opening_of(plan=RANGES))
    bench.samples("11")
    bench.mark("zone")
    bench.samples("11")
    bench.zone("cheek.left")
    bench.samples("11")
    assert said(bench.end(), "dial.unchanged") == ("found", "cheek.left", None)


def test_once_unchanged_is_found_though_it_was_turned_before_or_after():
    good, bad = ("cheek.left", 800), ("cheek.left", 300)
    for visits in ([good, bad], [bad, good]):
        settings = [step for visit in visits for step in (("forehead", 300), visit)]
        assert results_of(dialled(*settings), "dial.unchanged")["cheek.left"] == "found"


def test_a_dial_that_is_turned_after_she_began_was_not_turned():
    derived = dialled(("forehead", 300), ("cheek.left", 300), ("cheek.left", 800))
    assert said(derived, "dial.unchanged") == ("found", "cheek.left", None)


@pytest.mark.parametrize("settings", [(300, None), (None, 800), (None, None)])
@pytest.mark.parametrize(
    ("profile", "result", "why"),
    [
        (None, "not assessable", NO_DIAL),
        (profile_without("set_depth"), "not applicable", "this kind of pen has no dial setting"),
    ],
)
def test_whether_the_dial_was_turned_is_not_known(settings, profile, result, why):
    derived = dialled(*zip(("forehead", "cheek.left"), settings, strict=True), profile=profile)
    assert said(derived, "dial.unchanged") == (result, "cheek.left", why)
