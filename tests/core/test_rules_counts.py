"""The rules of what is counted, just inside, just outside and without their input, each figure counted by hand."""

import pytest

from devicelog.counters import Counters
from tests.builders import (
    PEN,
    SERIAL,
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

PLAN = plan_with(planned("forehead", 400, passes_min=2, passes_max=3), planned("cheek.left", 1_000))


def counted(*, pen, operator, plan=PLAN, zone="forehead", profile=None):
    """A zone in which pen and operator count so many passes; None: nobody of them counts."""
    bench = on(zone, opening_of(plan=plan, **({"profile": profile} if profile else {})))
    if pen is None:
        bench.passes = None
    bench.samples("1")
    bench.wait(2_000_000)
    if pen is not None:
        bench.passes += pen
    bench.samples("1")
    for _ in range(operator or 0):
        bench.mark("pass")
    if operator == 0:  # she counts, in another zone
        bench.zone("cheek.left")
        bench.mark("pass")
    return bench.end()


# --- passes.short and passes.over -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pen", "operator"), [(2, 2), (3, 3), (2, 3), (2, None), (None, 2), (3, None), (None, 3)])
def test_as_many_passes_as_the_plan_wants(pen, operator):
    derived = counted(pen=pen, operator=operator)
    assert said(derived, "passes.short") == said(derived, "passes.over") == ("passed", "forehead", None)


@pytest.mark.parametrize(
    ("pen", "operator", "low", "high"), [(1, 1, 1, 1), (0, 1, 0, 1), (1, None, 1, 1), (None, 1, 1, 1), (0, 0, 0, 0)]
)
def test_fewer_passes_than_the_plan_wants(pen, operator, low, high):
    derived = counted(pen=pen, operator=operator)
    assert finding(derived, "passes.short") == {
        "rule": "passes.short",
        "version": 2,
        "zone": "forehead",
        "severity": "low",
        "message": "fewer passes than the plan wants",
        "detail": {"pen": pen, "operator": operator, "low": low, "high": high, "limit": 2},
    }
    assert said(derived, "passes.over")[0] == "passed"


@pytest.mark.parametrize(("pen", "operator", "low", "high"), [(4, 4, 4, 4), (4, 5, 4, 5), (4, None, 4, 4)])
def test_more_passes_than_the_plan_allows(pen, operator, low, high):
    derived = counted(pen=pen, operator=operator)
    assert finding(derived, "passes.over") == {
        "rule": "passes.over",
        "version": 2,
        "zone": "forehead",
        "severity": "medium",
        "message": "more passes than the plan allows",
        "detail": {"pen": pen, "operator": operator, "low": low, "high": high, "limit": 3},
    }
    assert said(derived, "passes.short")[0] == "passed"


BOTH_SIDES = "the counts of pen and operator lie on both sides of the limit"


@pytest.mark.parametrize(
    ("rule", "pen", "operator"), [("passes.short", 1, 2), ("passes.short", 2, 1), ("passes.over", 3, 4)]
)
def test_counts_on_both_sides_of_the_limit(rule, pen, operator):
    assert said(counted(pen=pen, operator=operator), rule) == ("not assessable", "forehead", BOTH_SIDES)


@pytest.mark.parametrize("rule", ["passes.short", "passes.over"])
def test_nobody_counted(rule):
    why = "nobody counted passes: neither the pen nor the operator"
    assert said(counted(pen=None, operator=None), rule) == ("not assessable", "forehead", why)


@pytest.mark.parametrize("rule", ["passes.short", "passes.over"])
def test_nothing_came_and_nobody_counted(rule):
    why = "nobody counted passes: neither the pen nor the operator"
    assert said(Bench(opening_of(plan=PLAN)).end(), rule) == ("not assessable", "forehead", why)


@pytest.mark.parametrize("turned_to", [False, True])
@pytest.mark.parametrize("operator_counts", [False, True])
def test_a_zone_that_was_left_out_has_no_passes(turned_to, operator_counts):
    bench = on("forehead" if turned_to else "chin", opening_of(plan=PLAN))
    bench.zone("cheek.left")
    bench.samples("11")
    if operator_counts:
        bench.mark("pass")
    derived = bench.end()
    detail = {"pen": None, "operator": None, "low": 0, "high": 0, "limit": 2}
    assert finding(derived, "passes.short")["detail"] == detail
    assert said(derived, "passes.over") == ("passed", "forehead", None)
    assert "forehead" not in results_of(derived, "passes.disagree")


def test_a_pass_that_she_marked_where_nothing_came_is_one_count():
    bench = on("forehead", opening_of(plan=PLAN))
    bench.mark("pass")
    derived = bench.end()
    assert finding(derived, "passes.short")["detail"] == {"pen": None, "operator": 1, "low": 1, "high": 1, "limit": 2}
    why = "there are not two counts to compare"
    assert said(derived, "passes.disagree") == ("not applicable", None, why)


def test_a_pen_that_stopped_counting_in_a_zone_counted_nothing_there():
    bench = on("cheek.left", opening_of(plan=PLAN))
    bench.samples("1")
    bench.zone("forehead")
    bench.passes = None
    bench.samples("1")
    why = "nobody counted passes: neither the pen nor the operator"
    assert said(bench.end(), "passes.short") == ("not assessable", "forehead", why)


@pytest.mark.parametrize("rule", ["passes.short", "passes.over"])
def test_the_plan_intends_no_number(rule):
    derived = counted(pen=9, operator=9, plan=plan_with(planned("forehead", 400)))
    assert said(derived, rule) == ("not applicable", None, "the plan intends no number of passes")


@pytest.mark.parametrize(
    ("limits", "short", "over"),
    [({"passes_min": 2}, "found", "not applicable"), ({"passes_max": 0}, "not applicable", "found")],
)
def test_the_plan_intends_one_of_them(limits, short, over):
    derived = counted(pen=1, operator=1, plan=plan_with(planned("forehead", 400, **limits)))
    assert (said(derived, "passes.short")[0], said(derived, "passes.over")[0]) == (short, over)


def test_each_zone_has_its_own_number():
    plan = plan_with(planned("forehead", 400, passes_min=1), planned("chin", 400, passes_min=1, passes_max=1))
    bench = on("forehead", opening_of(plan=plan))
    bench.samples("1")
    bench.mark("pass")
    bench.zone("chin")
    bench.samples("1")
    bench.passes += 1
    bench.samples("1")
    derived = bench.end()
    assert results_of(derived, "passes.short") == {"forehead": "not assessable", "chin": "not assessable"}
    assert results_of(derived, "passes.over") == {"chin": "passed"}


# --- passes.disagree --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 3])
def test_pen_and_operator_counted_the_same(n):
    assert results_of(counted(pen=n, operator=n), "passes.disagree")["forehead"] == "passed"


@pytest.mark.parametrize(("pen", "operator"), [(1, 2), (3, 2), (0, 1), (1, 0)])
def test_pen_and_operator_counted_otherwise(pen, operator):
    derived = counted(pen=pen, operator=operator)
    found = [row for row in derived["findings"] if row["rule"] == "passes.disagree" and row["zone"] == "forehead"]
    assert found == [
        {
            "rule": "passes.disagree",
            "version": 1,
            "zone": "forehead",
            "severity": "low",
            "message": "pen and operator counted different numbers of passes",
            "detail": {"pen": pen, "operator": operator},
        }
    ]


@pytest.mark.parametrize("plan", [PLAN, plan_with(planned("forehead", 400))], ids=["of passes", "of none"])
@pytest.mark.parametrize(("pen", "operator"), [(1, None), (None, 1), (None, None)])
def test_there_are_not_two_counts_to_compare(pen, operator, plan):
    """Whoever counts alone disagrees with nobody, whatever the plan wants."""
    why = "there are not two counts to compare"
    assert said(counted(pen=pen, operator=operator, plan=plan), "passes.disagree") == ("not applicable", None, why)


def test_a_pen_that_stopped_counting_is_compared_where_it_counted():
    bench = on("forehead", opening_of(plan=PLAN))
    bench.samples("1")
    bench.passes = None
    bench.zone("cheek.left")
    bench.samples("1")
    bench.mark("pass")
    assert results_of(bench.end(), "passes.disagree") == {"forehead": "passed"}


# --- totals that do not tell all passes -------------------------------------------------------------------------------

UNTOLD = "the pen's totals do not tell all passes: they fell, jumped, or nobody signed them"


def fell(bench):
    bench.passes, bench.strokes = bench.passes - 8, 3


def fell_at_restart(bench):
    fell(bench)
    bench.boot, bench.seq = bench.boot + 1, 0


def jumped(bench):
    bench.passes += 9


def swapped(bench):
    bench.swap("B0001", boot=3, seq=0, passes=700, strokes=90_000)


def unsigned(bench):
    bench.link(up=False)
    bench.link(up=True)


def strokes_jumped(bench):
    bench.strokes += 9_000


def closed_up(bench):
    unsigned(bench)
    bench.identity()


UNTOLD_BY = [fell, fell_at_restart, jumped, swapped, unsigned]
TOLD_BY = [strokes_jumped, closed_up, lambda bench: None]


def broken(how, *, pen, operator=None):
    """Two seconds after the totals broke, the pen tells so many passes more; the broken totals tell none."""
    bench = on("forehead", opening_of(plan=PLAN))
    bench.samples("1")
    bench.wait(2_000_000)
    bench.passes += pen
    bench.samples("1")
    how(bench)
    bench.samples("1")
    for _ in range(operator or 0):
        bench.mark("pass")
    return bench.end()


@pytest.mark.parametrize("how", UNTOLD_BY)
def test_too_few_passes_by_totals_that_do_not_tell_all_are_not_too_few(how):
    assert said(broken(how, pen=1), "passes.short") == ("not assessable", "forehead", UNTOLD)
    assert said(broken(how, pen=1, operator=2), "passes.short") == ("not assessable", "forehead", UNTOLD)


@pytest.mark.parametrize("how", UNTOLD_BY)
def test_passes_enough_are_enough_though_there_may_be_more(how):
    assert said(broken(how, pen=2), "passes.short") == ("passed", "forehead", None)
    assert said(broken(how, pen=2, operator=2), "passes.short") == ("passed", "forehead", None)


@pytest.mark.parametrize("how", UNTOLD_BY)
def test_no_number_of_told_passes_is_known_to_be_within_the_most(how):
    for pen, operator in ((0, None), (3, None), (3, 3), (3, 4)):
        derived = broken(how, pen=pen, operator=operator)
        assert said(derived, "passes.over") == ("not assessable", "forehead", UNTOLD)


@pytest.mark.parametrize("how", UNTOLD_BY)
def test_passes_over_are_over_though_there_may_be_more(how):
    derived = broken(how, pen=4)
    detail = {"pen": 4, "operator": None, "low": 4, "high": 4, "limit": 3}
    assert finding(derived, "passes.over")["detail"] == detail
    assert said(derived, "passes.short")[0] == "passed"


@pytest.mark.parametrize("how", UNTOLD_BY)
@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (1, ("found", None)),  # the pen told more than she marked: it can only be more still
        (2, ("passed", None)),
        (3, ("not assessable", UNTOLD)),
    ],
)
def test_counts_that_differ_only_by_what_was_not_told_are_no_disagreement(how, operator, expected):
    result, zone, why = said(broken(how, pen=2, operator=operator), "passes.disagree")
    assert (result, zone, why) == (expected[0], "forehead", expected[1])


@pytest.mark.parametrize("how", TOLD_BY)
def test_totals_that_tell_all_passes_are_judged_as_they_are(how):
    derived = broken(how, pen=1, operator=1)
    assert finding(derived, "passes.short")["detail"] == {"pen": 1, "operator": 1, "low": 1, "high": 1, "limit": 2}
    assert said(derived, "passes.over") == said(derived, "passes.disagree") == ("passed", "forehead", None)
    assert finding(broken(how, pen=1, operator=2), "passes.disagree")["detail"] == {"pen": 1, "operator": 2}
    assert said(broken(how, pen=3), "passes.over") == ("passed", "forehead", None)


@pytest.mark.parametrize("how", UNTOLD_BY)
def test_what_the_pen_did_not_tell_is_nothing_to_a_zone_that_only_she_counted(how):
    """Left out by the pen's samples, and marked by her: the pen says nothing of it either way."""
    bench = on("cheek.left", opening_of(plan=PLAN))
    bench.samples("1")
    how(bench)
    bench.samples("1")
    bench.zone("forehead")
    bench.mark("pass")
    derived = bench.end()
    assert finding(derived, "passes.short")["detail"] == {"pen": None, "operator": 1, "low": 1, "high": 1, "limit": 2}
    assert said(derived, "passes.over") == ("passed", "forehead", None)


def later(how, *, profile=None, passes=10):
    """She turns to the forehead when nobody has signed the pen's totals any more, and marks two passes there."""
    bench = on("cheek.left", opening_of(plan=PLAN, **({"profile": profile} if profile else {})))
    bench.passes = passes
    bench.samples("1")
    how(bench)
    bench.zone("forehead")
    bench.samples("1")
    bench.mark("pass")
    bench.mark("pass")
    return bench.end()


def test_where_nobody_signed_the_totals_her_count_alone_is_not_the_most():
    derived = later(unsigned)
    assert said(derived, "passes.short") == ("passed", "forehead", None)
    assert said(derived, "passes.over") == ("not assessable", "forehead", UNTOLD)
    assert results_of(derived, "passes.disagree") == {"cheek.left": "passed"}


@pytest.mark.parametrize(("how", "passes"), [(closed_up, 10), (unsigned, None)])
def test_her_count_alone_is_the_count_of_a_pen_that_has_none_or_that_was_signed(how, passes):
    profile = None if passes else profile_without("passes", "strokes")
    assert said(later(how, profile=profile, passes=passes), "passes.over") == ("passed", "forehead", None)


@pytest.mark.parametrize(
    ("gone", "unplaced"),
    [
        ([], False),
        (["11"], True),  # the port came back, and nobody said whose totals these are
        (["11", None], False),  # somebody did
    ],
)
def test_totals_wait_for_a_name(gone, unplaced):
    bench = on("forehead", opening_of(plan=PLAN))
    bench.samples("11")
    bench.link(up=False)
    bench.wait(2_000_000)
    bench.link(up=True)
    bench.passes += 2
    for contact in gone:
        bench.samples(contact) if contact else bench.identity()
    derived = bench.end()
    assert derived["facts"]["counters"]["unplaced"] is unplaced
    passes = derived["facts"]["zones"][0]["passes"]["pen"]
    assert passes == (2 if len(gone) == 2 else 0)


# --- counter.jump and counter.fell ------------------------------------------------------------------------------------

HEARD_BEFORE = Counters(serial=SERIAL, boot=6, passes=10, strokes=1_000)  # where the bench begins
NO_JUMP = {"passes": 0, "strokes": 0}


def totals(*frames, before=HEARD_BEFORE, profile=None):
    """A stream of frames with these totals (passes, strokes)."""
    bench = on("forehead", opening_of(before=before, **({"profile": profile} if profile else {})))
    for bench.passes, bench.strokes in frames:
        bench.samples("1")
    return bench.end()


def test_totals_that_go_on():
    derived = totals((10, 1_000), (11, 1_010))  # 20 ms at the fastest: 8 strokes, and 2
    assert said(derived, "counter.jump") == said(derived, "counter.fell") == ("passed", None, None)


@pytest.mark.parametrize(
    ("before", "frames", "detail"),
    [
        (HEARD_BEFORE, [(11, 1_000)], {"before": {"passes": 1, "strokes": 0}, "inside": NO_JUMP}),
        (HEARD_BEFORE, [(10, 1_001)], {"before": {"passes": 0, "strokes": 1}, "inside": NO_JUMP}),
        (HEARD_BEFORE, [(10, 1_000), (10, 1_011)], {"before": NO_JUMP, "inside": {"passes": 0, "strokes": 11}}),
        (HEARD_BEFORE, [(10, 1_000), (12, 1_000)], {"before": NO_JUMP, "inside": {"passes": 2, "strokes": 0}}),
        (None, [(10, 1_000), (12, 1_011)], {"before": NO_JUMP, "inside": {"passes": 2, "strokes": 11}}),
        (
            Counters(serial=SERIAL, boot=6, passes=None, strokes=900),
            [(10, 1_000), (12, 1_000)],
            {"before": {"passes": 0, "strokes": 100}, "inside": {"passes": 2, "strokes": 0}},
        ),
        (  # they fell, and jumped later
            Counters(serial=SERIAL, boot=6, passes=11, strokes=900),
            [(10, 1_000), (10, 2_000)],
            {"before": NO_JUMP, "inside": {"passes": 0, "strokes": 1_000}},
        ),
    ],
)
def test_totals_that_jump(before, frames, detail):
    assert finding(totals(*frames, before=before), "counter.jump") == {
        "rule": "counter.jump",
        "version": 1,
        "zone": None,
        "severity": "medium",
        "message": "the pen's totals grew by more than was recorded",
        "detail": detail,
    }


def test_totals_of_a_pen_that_was_never_heard():
    why = "this pen was not heard before: there is nothing to compare with"
    derived = totals((10, 1_000), before=None)
    assert said(derived, "counter.jump") == ("not applicable", None, why)
    assert said(derived, "counter.fell") == ("passed", None, None)


@pytest.mark.parametrize("first", [(9, 1_000), (10, 999)])
def test_totals_that_fell_while_nobody_listened(first):
    derived = totals(first)
    why = "the pen's totals are lower than when it was last heard"
    assert said(derived, "counter.jump") == ("not assessable", None, why)
    assert finding(derived, "counter.fell") == {
        "rule": "counter.fell",
        "version": 1,
        "zone": None,
        "severity": "low",
        "message": "the pen's totals are lower than they were: what they count began anew",
        "detail": {"inside": 0, "before": True},
    }


@pytest.mark.parametrize(
    ("frames", "inside"),
    [([(10, 1_000), (9, 1_000)], 1), ([(10, 1_000), (10, 999)], 1), ([(10, 1_000), (9, 999), (8, 1_000)], 3)],
)
@pytest.mark.requirement("R25")
def test_totals_that_fall_inside(frames, inside):
    derived = totals(*frames)
    assert finding(derived, "counter.fell")["detail"] == {"inside": inside, "before": False}
    assert said(derived, "counter.jump")[0] == "passed"


def test_a_restart_explains_totals_that_fall():
    bench = on("forehead", opening_of(before=HEARD_BEFORE))
    bench.samples("1")
    bench.boot, bench.seq, bench.passes, bench.strokes = 8, 0, 0, 3
    bench.samples("1")
    derived = bench.end()
    assert said(derived, "counter.fell") == ("passed", None, None)
    assert finding(derived, "pen.restarted")["detail"] == {"n": 1, "counters_fell": 2}


@pytest.mark.parametrize("rule", ["counter.jump", "counter.fell"])
@pytest.mark.parametrize(
    ("without", "result", "why"),
    [
        ((), "not assessable", "the pen gave no totals"),
        (("passes",), "not assessable", "the pen gave no totals"),
        (("strokes",), "not assessable", "the pen gave no totals"),
        (("passes", "strokes"), "not applicable", "this kind of pen has no counters"),
    ],
)
def test_without_totals(rule, without, result, why):
    derived = totals((None, None), profile=profile_without(*without))
    assert said(derived, rule) == (result, None, why)


@pytest.mark.parametrize("rule", ["counter.jump", "counter.fell"])
@pytest.mark.parametrize("frames", [[(10, None)], [(None, 1_000)]])
def test_one_total_is_enough(rule, frames):
    assert said(totals(*frames), rule)[0] == "passed"


def test_another_pens_totals_are_no_jump():
    bench = on("forehead", opening_of(pen=PEN, before=HEARD_BEFORE))
    bench.samples("1")
    bench.swap("B0001", boot=3, seq=0, passes=700, strokes=90_000)
    bench.samples("1")
    derived = bench.end()
    assert said(derived, "counter.jump")[0] == said(derived, "counter.fell")[0] == "passed"
