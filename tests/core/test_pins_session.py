"""A pen that is wired to pins, through the whole pipeline: zones, contact, strokes, passes, doubt, a verdict.

Every pulse is placed by hand, so that every figure can be counted by hand. Zones are marked while nothing happens.
"""

from dataclasses import replace

import pytest

from devicelog.attribution import Attribution, Correction
from devicelog.canonical import parse_canonical
from devicelog.pins_side import Beside
from devicelog.pipeline import Pipeline
from devicelog.samples import sample_rows
from firmware_bridge.readings import Gesture, LinkChange
from firmware_bridge.transports import decoder_of
from tests.bridge.wired import BATCH_US, PEDAL, POTENTIOMETER, Pins, profile_of, switch
from tests.builders import HOST_US, Bench, finding, on, opening_of, plan_of, results_of, said, zone_in

S, MS = 1_000_000, 1_000
PARTS = {
    "strokes": switch(17, 200),
    "contact": switch(27, 2_000),
    "dial": POTENTIOMETER,
    "pass_switch": switch(22, 5_000),
    "pedal": PEDAL,
}
PROFILE = profile_of(**PARTS, frequency_max_dhz=1_500)
PLAN = plan_of(forehead=1_200, cheek_left=1_200)
END_US = 8 * S


def needled() -> Pins:
    """Two glides on the forehead, one on the cheek, 100 strokes a second; a pass after each glide."""
    pins = Pins(start_us=HOST_US)
    for from_us, to_us in ((S, 2 * S), (2_500 * MS, 3 * S), (5 * S, 6_500 * MS)):
        pins.pulse("contact", from_us - 5 * MS, to_us - 5 * MS)
        pins.strokes((to_us - from_us) // 10_000, 10 * MS, from_us + 3 * MS)
        pins.pulse("pass", to_us + 100 * MS, to_us + 200 * MS)
    pins.converts([520] * (END_US // 20_000))
    return pins


def session(pins: Pins, *, opening=None, telling=lambda batch: batch) -> Bench:
    """The pins as batches come, `telling` how, a zone at the beginning and one at four seconds."""
    bench = Bench(opening or opening_of(plan=PLAN, profile=PROFILE, pen=None))
    bench.zone("forehead")
    for batch in pins.batches(END_US):
        bench.wait(BATCH_US)
        bench.put(telling(batch))
        if bench.now_us == 4 * S:
            bench.zone("cheek.left")
    return bench


def test_a_session_on_pins_alone_is_counted_zone_by_zone():
    derived = session(needled()).end()
    forehead, cheek = zone_in(derived, "forehead"), zone_in(derived, "cheek.left")
    assert (forehead["contact_us"], forehead["glides"], forehead["longest_glide_us"]) == (1_500_000, 2, 1_000_000)
    assert (cheek["contact_us"], cheek["glides"]) == (1_500_000, 1)
    assert (forehead["strokes"], cheek["strokes"]) == (150, 150)
    assert [zone["passes"] for zone in (forehead, cheek)] == [
        {"pen": 2, "operator": None, "low": 2, "high": 2},
        {"pen": 1, "operator": None, "low": 1, "high": 1},
    ]
    assert forehead["at_set_depth"] == [{"depth_set_um": 1_200, "for_us": 1_500_000}]
    assert forehead["depth"] is None  # a setting is not a measured depth
    assert forehead["frequency"]["max_dhz"] == 1_000
    facts = derived["facts"]
    assert (facts["mode"], facts["pen"]["serial"], facts["pen"]["firmware"]) == ("real", "W0007", "pins/lgpio")
    assert (facts["gaps"], facts["short_gaps"]["n"]) == ([], 0)
    assert facts["completeness"]["closes"]
    assert [boot["decoded"] for boot in facts["completeness"]["boots"]] == [END_US // 10_000]
    assert facts["sensors"]["account"]["strokes"] == {"low": 300, "high": 300}
    assert facts["sensors"]["doubt"] == []
    assert facts["sensors"]["account"]["adc"] == {"conversions": 400, "expected": 400, "rail": 0}
    assert results_of(derived, "depth.over_plan") == {"forehead": "passed", "cheek.left": "passed"}
    assert results_of(derived, "strokes.uncertain") == {None: "passed"}
    assert derived["findings"] == []
    assert derived["verdict"] == "conforming"


def test_a_dial_beyond_the_plan_is_found():
    opening = opening_of(plan=plan_of(forehead=1_100, cheek_left=1_200), profile=PROFILE, pen=None)
    derived = session(needled(), opening=opening).end()
    assert results_of(derived, "depth.over_plan") == {"forehead": "found", "cheek.left": "passed"}


def test_judging_on_the_way_changes_nothing_and_says_in_the_end_what_the_derived_record_says():
    bench = session(needled())
    live = Pipeline(bench.pipeline.opening)
    derived = bench.end()
    for record in bench.records:
        live.feed(record)
        facts, findings, assessments = live.judge()
    # what is held back is of the end, where nothing happened
    for zone in ("forehead", "cheek.left"):
        told, final = {row["zone"]: row for row in facts["zones"]}[zone], zone_in(derived, zone)
        assert {**told, "samples": 0} == {**final, "samples": 0}
    assert (findings, assessments) == (derived["findings"], derived["assessments"])
    again = Pipeline(bench.pipeline.opening)
    for record in bench.records:
        again.feed(record)
    assert live.finish() == again.finish() == bench.pipeline.finish()
    assert live.judge() == (derived["facts"], derived["findings"], derived["assessments"])


@pytest.mark.parametrize(("at_s", "zone"), [(3, "forehead"), (5, "cheek.left")])
def test_what_may_have_been_missed_belongs_to_the_zone_where_it_was(at_s, zone):
    def dropping(batch):
        return replace(batch, dropped=4) if batch.t_us == HOST_US + at_s * S else batch

    derived = session(needled(), telling=dropping).end()
    assert derived["facts"]["sensors"]["doubt"] == [{"zone": zone, "strokes": 4}]
    assert results_of(derived, "strokes.uncertain") == {zone: "found"}
    assert finding(derived, "strokes.uncertain")["zone"] == zone
    assert derived["verdict"] == "conforming with deviations"


def test_edges_that_were_dropped_are_found_where_no_strokes_are_counted():
    """A pass and a touch within one batch, of which nothing is left but that something was dropped."""

    def dropping(batch):
        return replace(batch, dropped=2) if batch.t_us == HOST_US + 3_520 * MS else batch

    profile = profile_of(contact=switch(27, 2_000), dial=POTENTIOMETER, pass_switch=switch(22, 5_000))
    pins = Pins(start_us=HOST_US)
    pins.pulse("contact", S, 2 * S)
    pins.pulse("pass", 2_100 * MS, 2_200 * MS)
    pins.converts([520] * (END_US // 20_000))
    derived = session(pins, opening=opening_of(plan=PLAN, profile=profile, pen=None), telling=dropping).end()
    passes = {"low": 1, "high": 3}
    assert derived["facts"]["sensors"]["account"]["passes"] == passes
    detail = {"dropped": 2, "late": 0, "unwatched_us": 0, "missed": {}, "passes": passes}
    assert [(row["rule"], row["detail"]) for row in derived["findings"]] == [("sensors.lost", detail)]
    assert derived["verdict"] == "conforming with deviations"


def test_a_stroke_that_only_the_end_leaves_open_is_doubt_too():
    pins = needled()
    pins.level("strokes", True, END_US - 100)
    derived = session(pins).end()
    assert derived["facts"]["sensors"]["doubt"] == [{"zone": "cheek.left", "strokes": 1}]


@pytest.mark.parametrize("told", [True, False], ids=["link lost", "a hole in watching"])
def test_a_time_in_which_nobody_watched_is_a_gap_and_doubt(told):
    bench, pins = on("forehead", opening_of(plan=PLAN, profile=PROFILE, pen=None)), needled()
    for batch in pins.batches(END_US):
        bench.wait(BATCH_US)
        if told and bench.now_us in (1_520 * MS, 2_480 * MS):
            up = bench.now_us > 2 * S
            bench.put(LinkChange(t_us=HOST_US + bench.now_us, up=up, cause="closed", port="pins"))
        if not S + 480 * MS < bench.now_us <= 2_480 * MS:
            bench.put(batch)
    derived = bench.end()
    (gap,) = derived["facts"]["gaps"]
    assert (gap["cause"], gap["contact"], gap["missing"]) == ("link" if told else "restart", "yes", None)
    assert 1_000 * MS <= gap["for_us"] <= 1_140 * MS
    assert derived["facts"]["sensors"]["account"]["unwatched_us"] == S
    assert derived["facts"]["sensors"]["doubt"] == [{"zone": "forehead", "strokes": 150}]
    assert derived["facts"]["completeness"]["closes"]
    assert zone_in(derived, "forehead")["strokes"] == 300 - 52  # those of the first glide from 1.48 s on


def test_an_adc_at_a_rail_while_needling_is_not_assessable_and_not_a_depth():
    pins = needled()
    pins.adc = [sample._replace(value=1_023) if sample.t_us > HOST_US + 4 * S else sample for sample in pins.adc]
    derived = session(pins).end()
    assert zone_in(derived, "cheek.left")["at_set_depth"] == []
    assert results_of(derived, "depth.over_plan") == {"forehead": "passed", "cheek.left": "not assessable"}
    assert derived["verdict"] == "not assessable"


def test_gestures_come_out_for_the_shell_and_change_no_fact():
    pins = needled()
    pins.pulse("pedal", 3_200 * MS, 3_400 * MS)
    bench = session(pins)
    replayed = Pipeline(bench.pipeline.opening)
    said_ = [reading for record in bench.records for reading in replayed.feed(record) if isinstance(reading, Gesture)]
    assert said_ == [Gesture(kind="short", t_us=HOST_US + 3_200 * MS)]
    derived, without = bench.end(), session(needled()).end()
    assert derived["facts"]["zones"] == without["facts"]["zones"]


def test_every_sample_is_a_row():
    bench = session(needled())
    bench.end()
    rows = list(sample_rows(bench.records, decoder=decoder_of(PROFILE)))
    assert [row["seq"] for row in rows] == list(range(END_US // 10_000))
    assert {row["depth_um"] for row in rows} == {None}
    assert sum(row["contact"] for row in rows) == 300
    assert rows[-1]["strokes"] == 300


# --- beside a pen that sends ------------------------------------------------------------------------------------------


def both(pen_strokes: int, **opening) -> dict:
    """A serial pen that says so many strokes a glide of two seconds, and pins that counted 200."""
    sensors = profile_of(**PARTS, frequency_max_dhz=1_500)
    bench = on("forehead", opening_of(plan=PLAN, sensors=sensors, **opening))
    pins = Pins(start_us=HOST_US)
    pins.pulse("contact", 995 * MS, 2_995 * MS)
    pins.strokes(200, 10 * MS, 1_003 * MS)
    for turn, batch in enumerate(pins.batches(4 * S, range(200 * MS, 4 * S, 200 * MS))):
        on_skin = 5 <= turn < 15
        bench.strokes += pen_strokes // 10 if on_skin else 0
        bench.samples(("1" if on_skin else "0") * 20)
        bench.put(batch)
    return bench.end()


def test_pins_beside_a_pen_that_agree():
    derived = both(200)
    (compared,) = derived["facts"]["compared"]
    assert compared["strokes"] == {"pen": 200, "low": 200, "high": 200}
    assert compared["contact"] == {"pen_us": 2 * S, "pins_us": 2 * S}
    assert said(derived, "sensors.disagree")[0] == "passed"
    assert derived["facts"]["completeness"]["open_accounts"] == []
    assert [boot["decoded"] for boot in derived["facts"]["sensors"]["boots"]] == [400]  # to the end of watching


def test_an_account_of_the_pins_that_is_open_is_an_open_account(monkeypatch):
    """None is known that would be: if samples of the pins get lost on the way, it must not go unsaid."""
    whole = Beside.document
    monkeypatch.setattr(Beside, "document", lambda beside: whole(beside) | {"closes": False})
    derived = both(200)
    completeness = derived["facts"]["completeness"]
    assert (completeness["closes"], completeness["open_accounts"]) == (False, ["sensors"])
    assert derived["verdict"] == "incomplete"


def test_a_zone_that_was_corrected_is_corrected_for_both():
    cheek = Correction(first_record=2, last_record=1_000, zone="cheek.left")  # from the pen's first bytes on
    derived = both(200, attribution=Attribution(number=2, corrections=(cheek,), client_ref=None))
    told = {row["zone"]: row["strokes"] for row in derived["facts"]["compared"]}
    assert told == {"forehead": None, "cheek.left": {"pen": 200, "low": 200, "high": 200}}


def test_pins_beside_a_pen_of_which_nothing_came():
    derived = parse_canonical(Pipeline(opening_of(sensors=PROFILE)).finish())
    assert (derived["facts"]["compared"], derived["facts"]["sensors"]["boots"]) == ([], [])


def two_zones(lost_at: int | None, **parts) -> dict:
    """A serial pen in two zones, and pins that go away at a turn of 200 ms: in the first, or never."""
    bench = on("forehead", opening_of(plan=PLAN, sensors=profile_of(**(parts or PARTS), frequency_max_dhz=1_500)))
    pins = Pins(start_us=HOST_US)
    if not parts:
        pins.pulse("contact", 995 * MS, 2_995 * MS)
        pins.pulse("contact", 4_995 * MS, 6_995 * MS)
    for from_us in (1_003 * MS, 5_003 * MS):
        pins.strokes(200, 10 * MS, from_us)
    for turn, batch in enumerate(pins.batches(8 * S, range(200 * MS, 8 * S, 200 * MS))):
        on_skin = 5 <= turn < 15 or 25 <= turn < 35
        if turn == lost_at:
            lost_us = batch.t_us - 200 * MS
            bench.put(LinkChange(t_us=lost_us, up=False, cause="io error", port="pins"))
        if turn == 20:
            bench.zone("cheek.left")
        bench.strokes += 20 if on_skin else 0
        bench.samples(("1" if on_skin else "0") * 20)
        if lost_at is None or turn < lost_at:
            bench.put(batch)
    return bench.end()


@pytest.mark.parametrize("parts", [{}, {"strokes": switch(17, 200)}], ids=["all", "strokes alone"])
@pytest.mark.parametrize("lost_at", [18, 0])
def test_pins_beside_a_pen_that_go_away_are_a_finding_and_no_zero_to_compare_with(lost_at, parts):
    derived = two_zones(lost_at, **parts)
    lost = finding(derived, "link.lost")["detail"]
    assert lost == {"which": "pins", "n": 1, "for_us": None, "causes": ["io error"]}
    assert derived["facts"]["link_losses"] == []
    losses = derived["facts"]["sensors"]["link_losses"]
    assert [(loss["for_us"], loss["cause"]) for loss in losses] == [(None, "io error")]
    blind = {"forehead", "cheek.left"}
    for rule in ("sensors.disagree", "strokes.uncertain"):
        told = results_of(derived, rule)
        assert {zone for zone, result in told.items() if result == "not assessable"} == blind
        assert "found" not in told.values()
    for row in derived["facts"]["compared"]:
        assert set(row.values()) == {row["zone"], None}
    assert derived["verdict"] == "not assessable"


def test_a_zone_that_was_only_marked_is_not_one_that_nobody_watched():
    bench = on("forehead", opening_of(plan=PLAN, sensors=profile_of(**PARTS)))
    bench.samples("1" * 20)
    bench.zone("cheek.left")
    assert bench.end()["facts"]["sensors"]["unwatched"] == ["forehead"]


def test_pins_beside_a_pen_that_stay_are_compared_in_both_zones():
    derived = two_zones(None)
    assert results_of(derived, "sensors.disagree") == {"forehead": "passed", "cheek.left": "passed"}
    assert results_of(derived, "strokes.uncertain") == {None: "passed"}
    assert results_of(derived, "link.lost") == {None: "passed"}


@pytest.mark.parametrize(("factory", "mode"), [("lgpio", "real"), ("mock", "demo")])
def test_demo_pins_beside_a_real_pen_make_a_demo_session(factory, mode):
    bench = on("forehead", opening_of(plan=PLAN, sensors=profile_of(factory=factory, **PARTS)))
    for batch in Pins(start_us=HOST_US).batches(S):
        bench.samples("1" * 4)
        bench.put(batch)
    facts = bench.end()["facts"]
    assert (facts["modes"], facts["sensors"]["mode"], facts["mode"]) == (["real"], mode, mode)


def test_pins_beside_a_pen_that_do_not():
    derived = both(400)
    assert finding(derived, "sensors.disagree")["zone"] == "forehead"


def lost_for_good(opening, *, told: bool, needled_until_us: int) -> Bench:
    """Strokes and contact from one second on, and pins that are lost at three and not back by the end, at eight."""
    pins = Pins(start_us=HOST_US)
    pins.pulse("contact", S, needled_until_us)
    pins.strokes((needled_until_us - S) // (10 * MS), 10 * MS, S + 3 * MS)
    pins.converts([520] * (END_US // 20_000))
    bench = on("forehead", opening)
    for batch in pins.batches(END_US):
        bench.wait(BATCH_US)
        if batch.t_us <= HOST_US + 3 * S:
            bench.put(batch)
        if told and bench.now_us == 3 * S:
            bench.put(LinkChange(t_us=HOST_US + bench.now_us, up=False, cause="io error", port="pins"))
    return bench


@pytest.mark.parametrize("told", [True, False], ids=["link lost", "silent"])
@pytest.mark.parametrize("needled_until_us", [2 * S, 8 * S], ids=["at rest", "needling"])
def test_pins_that_are_lost_and_not_back_by_the_end_leave_the_count_open(told, needled_until_us):
    bench = lost_for_good(
        opening_of(plan=PLAN, profile=PROFILE, pen=None), told=told, needled_until_us=needled_until_us
    )
    derived = bench.end()
    account = derived["facts"]["sensors"]["account"]
    assert account["unwatched_us"] == 5 * S
    assert account["strokes"]["high"] - account["strokes"]["low"] == 5 * 150
    assert derived["facts"]["sensors"]["doubt"] == [{"zone": "forehead", "strokes": 750}]
    assert {"strokes.uncertain", "sensors.lost"} <= {row["rule"] for row in derived["findings"]}


def test_a_session_that_ends_between_two_batches_has_not_lost_its_pins():
    bench = session(needled())
    bench.wait(2 * S)
    account = bench.end()["facts"]["sensors"]["account"]
    assert (account["unwatched_us"], account["strokes"]) == (0, {"low": 300, "high": 300})
