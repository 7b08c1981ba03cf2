"""The rules of what arrived, just inside, just outside and without their input, each figure counted by hand.

Limits: 0.25 s for a gap, one sample in a hundred for short ones, one damaged frame in a hundred. A sample is 10 ms.
"""

import pytest

from devicelog.rules.data import link_lost
from devicelog.validate import assess, rules_document
from firmware_bridge.frames import MAX_SEGMENT, frame
from tests.builders import Bench, finding, on, opening_of, said

BAD_FRAME = b"\0\x02\x02\0"
SPAN = opening_of(kind="span", plan=None, pen=None)


# --- data.gap ---------------------------------------------------------------------------------------------------------


def with_gap(lost, before="1111", after="1111"):
    bench = on("forehead")
    bench.samples(before, n=4)
    bench.samples("1" * lost, lost=True)
    bench.samples(after, n=4)
    return bench


def test_a_gap_of_a_quarter_of_a_second():
    assert said(with_gap(25).end(), "data.gap") == ("passed", None, None)


def test_a_longer_one():
    assert finding(with_gap(26).end(), "data.gap") == {
        "rule": "data.gap",
        "version": 1,
        "zone": "forehead",
        "severity": "medium",
        "message": "needling that was not recorded: samples are missing while the pen was on the skin",
        "detail": {
            "n": 1,
            "for_us": 260_000,
            "longest_us": 260_000,
            "missing": 26,
            "causes": ["lost"],
            "limit_us": 250_000,
        },
    }


def test_gaps_are_summed_by_zone():
    bench = with_gap(30)
    bench.samples("1" * 40, lost=True)
    bench.link(up=False)
    bench.samples("1")
    bench.samples("1" * 25, lost=True)  # too short to count
    bench.samples("0")
    bench.samples("0" * 50, lost=True)  # lifted
    bench.samples("0")
    bench.zone("cheek.left")
    bench.samples("1")
    bench.samples("1" * 60, lost=True)
    bench.samples("1")
    bench.boot, bench.seq = 8, 0
    bench.wait(300_000)
    bench.samples("1")
    derived = bench.end()
    details = {row["zone"]: row["detail"] for row in derived["findings"] if row["rule"] == "data.gap"}
    assert details == {
        "forehead": {
            "n": 2,
            "for_us": 700_000,
            "longest_us": 400_000,
            "missing": 70,
            "causes": ["link", "lost"],
            "limit_us": 250_000,
        },
        "cheek.left": {
            "n": 2,
            "for_us": 910_000,  # 600 ms by the pen, 310 by the host after its restart
            "longest_us": 600_000,
            "missing": None,  # 60, and what the restart cost: nobody knows
            "causes": ["lost", "restart"],
            "limit_us": 250_000,
        },
    }


def test_a_gap_at_rest():
    bench = on("forehead")
    bench.samples("1110")
    bench.motor_on = False
    bench.heartbeat()
    bench.wait(30_000_000)
    bench.boot, bench.seq = 8, 0
    bench.heartbeat()
    derived = bench.end()
    (gap,) = derived["facts"]["gaps"]
    assert (gap["for_us"], gap["contact"]) == (30_000_000, "no")
    assert said(derived, "data.gap") == ("passed", None, None)


def test_a_gap_that_she_turned_in_is_found_where_it_began():
    bench = on("forehead")
    bench.samples("11")
    bench.samples("1" * 26, lost=True)
    bench.zone("cheek.left")
    bench.samples("11")
    assert said(bench.end(), "data.gap") == ("found", "forehead", None)


@pytest.mark.parametrize(("before", "after"), [(None, None), ("1110", None), (None, "0111"), ("1110", "0111")])
def test_a_gap_with_contact_unknown(before, after):
    why = "a gap, and it is not known whether the pen was on the skin"
    assert said(with_gap(26, before, after).end(), "data.gap") == ("not assessable", "forehead", why)
    assert said(with_gap(25, before, after).end(), "data.gap") == ("passed", None, None)


def test_a_link_that_was_lost_while_lifted():
    bench = on("forehead")
    bench.samples("1110")
    bench.link(up=False)
    bench.samples("1" * 300, lost=True)
    bench.link(up=True)
    bench.identity()
    bench.samples("0111")
    assert said(bench.end(), "data.gap")[:2] == ("not assessable", "forehead")


@pytest.mark.parametrize("mark", [True, False])
def test_without_a_sample_there_is_no_gap_to_judge(mark):
    bench = Bench()
    if mark:
        bench.zone("forehead")
    bench.heartbeat()
    assert said(bench.end(), "data.gap") == ("not assessable", None, "no sample arrived")


def jumping(by_us, *, motor_on=True):
    """No sample number is missing, and the pen's clock says that time went by."""
    bench = on("forehead")
    bench.samples("1111")
    bench.motor_on = motor_on
    if not motor_on:
        bench.heartbeat()
    bench.pen_us += by_us
    bench.motor_on = True
    bench.samples("1111")
    return bench.end()


def test_samples_that_were_not_taken_for_a_quarter_of_a_second():
    derived = jumping(250_000)
    assert [(gap["for_us"], gap["missing"]) for gap in derived["facts"]["gaps"]] == [(250_000, 0)]
    assert said(derived, "data.gap") == said(derived, "data.short_gaps") == ("passed", None, None)


@pytest.mark.parametrize("by_us", [250_001, 30_000_000])
def test_samples_that_were_not_taken_for_longer(by_us):
    assert finding(jumping(by_us), "data.gap")["detail"] == {
        "n": 1,
        "for_us": by_us,
        "longest_us": by_us,
        "missing": 0,
        "causes": ["lost"],
        "limit_us": 250_000,
    }


@pytest.mark.parametrize(("by_us", "motor_on"), [(99_999, True), (-20_000, True), (30_000_000, False)])
def test_a_clock_that_goes_on_or_back_or_while_the_motor_stood_is_no_gap(by_us, motor_on):
    derived = jumping(by_us, motor_on=motor_on)
    assert derived["facts"]["gaps"] == []
    assert said(derived, "data.gap") == ("passed", None, None)


@pytest.mark.parametrize(
    ("wait_us", "motor_on", "result"),
    [(500_000, True, "passed"), (500_001, True, "found"), (2_000_000, False, "passed")],
)
def test_a_pen_that_is_not_heard_at_the_end(wait_us, motor_on, result):
    bench = on("forehead")
    bench.samples("1111")
    bench.motor_on = motor_on
    bench.heartbeat()
    bench.wait(wait_us)
    derived = bench.end()
    assert said(derived, "data.gap")[0] == result
    if result == "found":
        assert finding(derived, "data.gap")["detail"] == {
            "n": 1,
            "for_us": 500_001,
            "longest_us": 500_001,
            "missing": None,
            "causes": ["silence"],
            "limit_us": 250_000,
        }


# --- link.bad_frames --------------------------------------------------------------------------------------------------


def with_bad_frames(sound, damaged):
    bench = Bench()
    for _ in range(sound):
        bench.heartbeat()
    for _ in range(damaged):
        bench.raw(BAD_FRAME)
    return bench.end()


def test_one_bad_frame_in_a_hundred():
    assert said(with_bad_frames(99, 1), "link.bad_frames") == ("passed", None, None)


def test_one_bad_frame_in_ninety_nine():
    assert finding(with_bad_frames(98, 1), "link.bad_frames") == {
        "rule": "link.bad_frames",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the cable or the port damages data",
        "detail": {"damaged": 1, "frames": 99, "rate_ppm": 10_101, "limit_ppm": 10_000},  # 1 000 000 / 99
    }


@pytest.mark.parametrize(("sound", "damaged", "rate_ppm"), [(0, 2, 1_000_000), (2, 2, 500_000), (1, 2, 666_666)])
def test_many_bad_frames(sound, damaged, rate_ppm):
    assert finding(with_bad_frames(sound, damaged), "link.bad_frames")["detail"]["rate_ppm"] == rate_ppm


@pytest.mark.parametrize(
    ("damaged", "frames", "result"),
    [
        (101, 10_101, "passed"),
        (101, 10_100, "passed"),  # one in a hundred, exactly
        (101, 10_099, "found"),  # 10 000.99 in a million: more, though not by a whole one
    ],
)
def test_the_rate_is_compared_and_not_its_whole_part(damaged, frames, result):
    facts, _, _ = Bench().pipeline.judge()
    facts["completeness"] |= {"frames_damaged": damaged, "frames_sound": frames - damaged - 9, "frames_unknown": 9}
    rules = {"rules": [row for row in rules_document()["rules"] if row["id"] == "link.bad_frames"]}
    findings, assessments = assess(facts, rules)
    assert [row["result"] for row in assessments] == [result]
    assert [row["detail"]["rate_ppm"] for row in findings] == [10_000] * (result == "found")


def test_an_oversize_burst_is_one_bad_frame():
    bench = Bench()
    for _ in range(99):
        bench.heartbeat()
    bench.raw(b"x" * (9 * MAX_SEGMENT) + b"\0")
    assert said(bench.end(), "link.bad_frames") == ("passed", None, None)


def test_without_a_frame_there_is_nothing_to_judge():
    assert said(with_bad_frames(0, 0), "link.bad_frames") == ("not assessable", None, "no frame arrived")


def test_what_the_beginning_and_the_end_of_the_link_cut_is_no_bad_frame():
    bench = Bench()
    bench.raw(b"the end of a frame")
    bench.heartbeat()
    bench.raw(b"\x07the beginning of one")
    derived = bench.end()
    assert [row["kind"] for row in derived["facts"]["completeness"]["faults"]] == ["head", "tail"]
    assert said(derived, "link.bad_frames") == ("passed", None, None)


def test_a_frame_that_cannot_be_read_is_a_sound_frame():
    bench = Bench()
    for _ in range(49):
        bench.raw(frame(b"\x20\x01" + bytes(12)))  # major version 2
    for _ in range(50):
        bench.heartbeat()
    bench.raw(BAD_FRAME)
    derived = bench.end()
    assert derived["facts"]["completeness"]["frames_unknown"] == 49
    assert said(derived, "link.bad_frames") == ("passed", None, None)


# --- data.short_gaps --------------------------------------------------------------------------------------------------


def with_short_gaps(*lost, in_all):
    """Gaps of so many samples each, in so many samples in all; the rest is heard."""
    bench = on("forehead")
    for n in lost:
        bench.samples("11")
        bench.samples("1" * n, lost=True)
    bench.needle(in_all - sum(lost) - 2 * len(lost), depth=None)
    return bench.end()


@pytest.mark.parametrize(
    ("lost", "in_all"),
    [
        ((1, 1), 200),
        ((1, 9, 10), 2_000),  # shorter than a tenth of a second, and not
        ((25,), 2_500),
        ((26,), 40),  # data.gap finds it
    ],
)
def test_one_sample_in_a_hundred(lost, in_all):
    assert said(with_short_gaps(*lost, in_all=in_all), "data.short_gaps") == ("passed", None, None)


@pytest.mark.parametrize(
    ("lost", "in_all", "n", "missing", "rate_ppm"),
    [
        ((1, 1), 199, 2, 2, 10_050),  # 2 000 000 / 199 = 10 050.25
        ((1, 9, 10), 1_999, 3, 20, 10_005),  # 20 000 000 / 1999 = 10 005.003
        ((8,), 11, 1, 8, 727_272),  # 8 000 000 / 11 = 727 272.7
        ((25,), 2_499, 1, 25, 10_004),  # 25 000 000 / 2499 = 10 004.002
        ((26, 1), 110, 1, 1, 11_904),  # of the 84 that data.gap does not look at: 1 000 000 / 84 = 11 904.8
    ],
)
def test_more_than_one_sample_in_a_hundred(lost, in_all, n, missing, rate_ppm):
    assert finding(with_short_gaps(*lost, in_all=in_all), "data.short_gaps") == {
        "rule": "data.short_gaps",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "many short gaps: in all, too much was not recorded",
        "detail": {"n": n, "missing": missing, "rate_ppm": rate_ppm, "limit_ppm": 10_000},
    }


def overtaken(*, by_us, times):
    """A frame of ten samples that comes so many times after others, when they are so much further."""
    bench = on("forehead")
    bench.needle(20)
    late = bench.samples("1" * 10, lost=True)
    bench.needle(by_us // 10_000)
    for _ in range(times):
        bench.send(late)
    bench.needle(20)
    return bench.end()


# ten samples and 1.9 s of those that overtook it
@pytest.mark.parametrize(("times", "result"), [(0, "found"), (1, "passed"), (2, "passed")])
def test_a_frame_that_comes_late_is_not_missing(times, result):
    derived = overtaken(by_us=1_900_000, times=times)
    (boot,) = derived["facts"]["completeness"]["boots"]
    told = (boot["missing"], boot["late"], boot["repeated"], boot["decoded"])
    assert told == ((10, 0, 0, 230) if not times else (0, 10, 10 * (times - 1), 240))
    assert boot["closes"]
    assert said(derived, "data.short_gaps")[0] == result
    if result == "found":
        detail = {"n": 1, "missing": 10, "rate_ppm": 41_666, "limit_ppm": 10_000}  # 10 000 000 / 240
        assert finding(derived, "data.short_gaps")["detail"] == detail
    assert said(derived, "data.gap")[0] == said(derived, "pen.restarted")[0] == "passed"


@pytest.mark.parametrize(("by_us", "begun"), [(1_900_000, ["first"]), (1_910_000, ["first", "numbers"])])
def test_a_frame_that_is_two_seconds_late_is_of_a_pen_that_counts_anew(by_us, begun):
    """The end of what was heard and the beginning of the late frame lie 2 s apart, or 10 ms more."""
    derived = overtaken(by_us=by_us, times=1)
    assert [boot["begun"] for boot in derived["facts"]["completeness"]["boots"]] == begun


def test_without_a_sample_there_are_no_short_gaps_to_judge():
    bench = on("forehead")
    bench.heartbeat()
    assert said(bench.end(), "data.short_gaps") == ("not assessable", None, "no sample arrived")


def test_a_short_gap_at_a_restart_has_no_number():
    bench = on("forehead")
    bench.samples("11")
    bench.wait(150_000)
    bench.boot, bench.seq = 8, 0
    bench.samples("11")
    derived = bench.end()
    assert [gap["missing"] for gap in derived["facts"]["gaps"]] == [None]
    assert said(derived, "data.short_gaps") == ("passed", None, None)


def test_the_link_of_the_pins_is_told_apart():
    loss = {"at_us": 0, "for_us": 500_000, "cause": "io error"}
    facts = {
        "link_losses": [],
        "sensors": {"link_losses": [loss]},
        "completeness": {"frames_sound": 1, "frames_unknown": 0},
    }
    (outcome,) = link_lost(facts, {})
    assert (outcome.result, outcome.detail) == (
        "found",
        {"which": "pins", "n": 1, "for_us": 500_000, "causes": ["io error"]},
    )


# --- link.lost --------------------------------------------------------------------------------------------------------


def test_a_link_that_stays():
    bench = on("forehead")
    bench.link(up=True)
    bench.heartbeat()
    derived = bench.end()
    assert derived["facts"]["link_losses"] == []
    assert said(derived, "link.lost") == ("passed", None, None)


@pytest.mark.parametrize(("back", "for_us"), [(True, 750_000), (False, None)])
def test_every_lost_link_is_found(back, for_us):
    bench = on("forehead")
    bench.heartbeat()
    for wait_us in (250_000, 500_000):
        bench.link(up=False)
        bench.wait(wait_us)
        if back or wait_us == 250_000:
            bench.link(up=True)
    bench.link(up=back)
    derived = bench.end()
    assert finding(derived, "link.lost") == {
        "rule": "link.lost",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the port of the pen went away",
        "detail": {"n": 2 if back else 3, "for_us": for_us, "causes": ["unplugged"]},
    }
    losses = derived["facts"]["link_losses"]
    assert losses[0] == {"at_us": 0, "for_us": 250_000, "cause": "unplugged"}
    assert losses[1] == {"at_us": 250_000, "for_us": 500_000 if back else None, "cause": "unplugged"}


def test_a_link_that_was_lost_before_anything_was_heard():
    bench = on("forehead")
    assert said(bench.end(), "link.lost") == ("not assessable", None, "nothing was heard from the pen")
    bench = on("forehead")
    bench.link(up=False)
    assert said(bench.end(), "link.lost")[0] == "found"


def test_a_frame_that_cannot_be_read_was_heard():
    bench = on("forehead")
    bench.raw(frame(b"\x20\x01" + bytes(12)))
    assert said(bench.end(), "link.lost")[0] == "passed"


# --- activity.no_session ----------------------------------------------------------------------------------------------


def test_a_pen_at_rest_without_a_session():
    bench = Bench(SPAN)
    bench.heartbeat()
    assert said(bench.end(), "activity.no_session") == ("passed", None, None)


def test_samples_in_the_air_are_no_activity():
    bench = Bench(SPAN)
    bench.samples("0000")
    bench.motor_on = False
    bench.samples(None, n=4)
    assert said(bench.end(), "activity.no_session") == ("passed", None, None)


@pytest.mark.parametrize(
    ("known", "unknown", "detail"),
    [
        ("0010", 0, {"contact_us": 10_000, "contact_unknown_us": 0}),
        ("0000", 1, {"contact_us": 0, "contact_unknown_us": 10_000}),
        ("0110", 3, {"contact_us": 20_000, "contact_unknown_us": 30_000}),
    ],
)
def test_needling_without_a_session(known, unknown, detail):
    bench = Bench(SPAN)
    bench.samples(known)
    if unknown:
        bench.samples(None, n=unknown)
    assert finding(bench.end(), "activity.no_session") == {
        "rule": "activity.no_session",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "needling while no session was open",
        "detail": detail,
    }


def test_a_span_in_which_nothing_was_heard():
    assert said(Bench(SPAN).end(), "activity.no_session")[::2] == ("not assessable", "nothing was heard from the pen")


def test_in_a_session_needling_is_what_is_meant():
    bench = on("forehead")
    bench.samples("1111")
    assert not [row for row in bench.end()["assessments"] if row["rule"] == "activity.no_session"]


# --- facts by themselves ----------------------------------------------------------------------------------------------


def outcome(facts, rule):
    """What a rule says of facts: result, why and detail."""
    findings, assessments = assess(facts, rules_document())
    (row,) = [row for row in assessments if row["rule"] == rule]
    return row["result"], row["why"], next((found["detail"] for found in findings if found["rule"] == rule), None)


@pytest.fixture
def facts():
    """Of a session of one frame."""
    bench = on("forehead")
    bench.samples("11")
    return bench.pipeline.judge()[0]


def a_gap(contact="yes", cause="lost"):
    return {"zone": "forehead", "for_us": 300_000, "contact": contact, "cause": cause, "missing": 30}


CAUSES = ["damage", "link", "lost", "overflow", "restart", "silence"]


def test_the_causes_of_gaps_stand_in_order(facts):
    facts["gaps"] = [a_gap(cause=cause) for cause in reversed(CAUSES)]
    assert outcome(facts, "data.gap")[2]["causes"] == CAUSES


def test_the_causes_of_losses_stand_in_order(facts):
    facts["link_losses"] = [{"at_us": 0, "for_us": 1, "cause": cause} for cause in reversed(CAUSES)]
    assert outcome(facts, "link.lost")[2]["causes"] == CAUSES


@pytest.mark.parametrize("contacts", [("no", "unknown"), ("unknown", "no"), ("unknown", "unknown")])
def test_one_gap_of_which_it_is_not_known_is_enough(facts, contacts):
    facts["gaps"] = [a_gap(contact) for contact in contacts]
    assert outcome(facts, "data.gap")[:2] == (
        "not assessable",
        "a gap, and it is not known whether the pen was on the skin",
    )


@pytest.mark.parametrize(("all_", "result"), [(999_999, "found"), (1_000_000, "passed")])
def test_a_share_is_told_to_the_last_one(facts, all_, result):
    facts["short_gaps"] = {"n": 9, "missing": 10_000, "for_us": 9}
    facts["completeness"]["boots"][0]["decoded"] = all_ - 10_000
    assert outcome(facts, "data.short_gaps")[0] == result
    facts["completeness"] |= {"frames_damaged": 10_000, "frames_sound": all_ - 10_000, "frames_unknown": 0}
    assert outcome(facts, "link.bad_frames")[0] == result
    facts["zones"][0] |= {"compared_us": all_, "disagree_us": 100_000}
    assert outcome(facts, "depth.disagrees")[0] == result


def test_a_calibration_without_a_name_does_not_expire(facts):
    facts["pen"] = facts["pen"] | {"calibration_id": ""}
    facts["expected"]["calibration_expires"] = "2001-01-01"
    assert outcome(facts, "calibration.expired")[0] == "not applicable"
