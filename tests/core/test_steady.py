"""Neighbouring depths: no cut of a row of depths changes what they say; hand-counted leaps and rests."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.steady import Neighbours, Steadiness

PERIOD_US = 7
depths = st.lists(st.sampled_from([0, 0, 0, 1, 500, 501, 1_200]), min_size=1, max_size=40)


def cut(values, at):
    edges = [0, *sorted(edge % len(values) for edge in at), len(values)]
    return [values[a:b] for a, b in pairwise(edges) if a < b]


def told(runs):
    """What a row of depths says that comes in these runs, and where its first leap ended."""
    neighbours, steadiness, before, first = Neighbours(), Steadiness(), 0, None
    for run in runs:
        leap = neighbours.take(run, PERIOD_US, steadiness)
        if leap is not None and first is None:
            first = before + leap
        before += len(run)
    return steadiness, first


def by_hand(values):
    steps = [abs(b - a) for a, b in pairwise(values)]
    still = longest = 1
    for step in steps:
        still = 1 if step else still + 1
        longest = max(longest, still)
    leaps = [index + 1 for index, step in enumerate(steps) if step > 500]
    return (
        Steadiness(
            compared=len(steps),
            leaps=len(leaps),
            largest_um=max(steps, default=0),
            longest_still_us=longest * PERIOD_US,
        ),
        leaps[0] if leaps else None,
    )


@given(values=depths, at=st.lists(st.integers(0, 1_000), max_size=8))
def test_cuts_change_nothing(values, at):
    assert told(cut(values, at)) == told([values]) == by_hand(values)


@given(first=depths, second=depths)
def test_what_comes_after_a_parting_is_no_neighbour(first, second):
    neighbours, steadiness = Neighbours(), Steadiness()
    neighbours.take(first, PERIOD_US, steadiness)
    neighbours.part()
    neighbours.take(second, PERIOD_US, steadiness)
    a, b = by_hand(first)[0], by_hand(second)[0]
    assert steadiness == Steadiness(
        compared=a.compared + b.compared,
        leaps=a.leaps + b.leaps,
        largest_um=max(a.largest_um, b.largest_um),
        longest_still_us=by_hand([*first, *second])[0].longest_still_us,  # a sensor that has stopped stays so
    )


@pytest.mark.parametrize(
    ("values", "compared", "leaps", "largest_um", "still_us", "leap"),
    [
        ([5], 0, 0, 0, 7, None),
        ([5, 5, 5], 2, 0, 0, 21, None),
        ([0, 500, 0], 2, 0, 500, 7, None),
        ([0, 501], 1, 1, 501, 7, 1),
        ([501, 0, 0], 2, 1, 501, 14, 1),
        ([0, 0, 900, 900, 900, 0], 5, 2, 900, 21, 2),
        ([9, 9, 9, 8, 9, 9], 5, 0, 1, 21, None),
    ],
)
def test_by_hand(values, compared, leaps, largest_um, still_us, leap):
    steadiness, first = told([values])
    assert (first, steadiness.document()) == (
        leap,
        {
            "compared": compared,
            "leaps": leaps,
            "largest_um": largest_um,
            "first_record": None,
            "longest_still_us": still_us,
        },
    )


def test_nothing_was_compared():
    assert Steadiness().document() == {
        "compared": 0,
        "leaps": 0,
        "largest_um": 0,
        "first_record": None,
        "longest_still_us": 0,
    }


def test_each_run_stands_for_its_own_period():
    neighbours, steadiness = Neighbours(), Steadiness()
    neighbours.take([3, 3], 10, steadiness)
    neighbours.take([3, 3, 3], 1, steadiness)
    assert steadiness.longest_still_us == 23
    neighbours.take([4, 4], 100, steadiness)
    assert steadiness.longest_still_us == 200
    neighbours.take([5, 6, 6, 6], 100, steadiness)
    neighbours.take([6, 6], 100, steadiness)
    assert steadiness.longest_still_us == 500  # 3 + 2
    slower = Steadiness()
    neighbours.take([6, 6, 7], 1_000, slower)
    assert slower.longest_still_us == 2_500


@pytest.mark.parametrize(("lifted", "still_us"), [([], 40), ([7, 7], 40), ([7, 0], 20), ([0], 20)])
def test_a_sensor_that_said_something_else_in_between_has_not_stopped(lifted, still_us):
    """What it says while it is lifted is not judged, and shows that it moves."""
    neighbours, steadiness = Neighbours(), Steadiness()
    neighbours.take([7, 7], 10, steadiness)
    neighbours.part()
    neighbours.pass_by(lifted)
    neighbours.take([7, 7], 10, steadiness)
    assert steadiness.longest_still_us == still_us


def test_zones_share_a_row_of_depths_and_not_its_figures():
    """The newest depth goes along; what is found stands where the later sample is."""
    neighbours, first, second = Neighbours(), Steadiness(), Steadiness()
    neighbours.take([0, 0], 10, first)
    assert neighbours.take([900], 10, second) == 0
    assert (first.compared, first.leaps, second.compared, second.leaps) == (1, 0, 1, 1)


@pytest.mark.parametrize(
    ("before", "here", "still_us"),
    [([0, 0, 0], [900], 10), ([0, 0, 0], [900, 900, 0], 20), ([0, 0, 0], [0, 900], 40), ([], [0, 900], 10)],
)
def test_what_stood_still_only_before_is_no_rest_here(before, here, still_us):
    neighbours, other, own = Neighbours(), Steadiness(), Steadiness()
    if before:
        neighbours.take(before, 10, other)
    neighbours.take(here, 10, own)
    assert own.longest_still_us == still_us
