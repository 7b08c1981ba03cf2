"""Debounce against a plain definition, edges that were missed, and levels that contradict."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.edges.line import Line
from firmware_bridge.wiring import Switch
from tests.bridge.wired import Pins, Told, profile_of, switch, told

quick = settings(deadline=None, max_examples=150)


def line_of(bounce_us, *, active_high=True):
    """A line, and where it tells its changes."""
    changes = []
    part = Switch(pin=4, active_high=active_high, pull="none", bounce_us=bounce_us)
    line = Line(part, lambda t_us, active: changes.append((t_us, active)))
    return line, changes


@pytest.mark.parametrize(("between", "told"), [("nothing", [(150, 50)]), ("a change", []), ("begun anew", [])])
def test_a_pulse_that_is_too_short_is_told_unless_it_was_the_bounce_of_a_change(between, told):
    """A change that lasts, or watching anew, is the end of what came before it."""
    swallowed = []
    part = Switch(pin=4, active_high=True, pull="none", bounce_us=100)
    line = Line(part, lambda _t_us, _active: None, lambda t_us, for_us: swallowed.append((t_us, for_us)))
    line.begin(0, False)
    line.take(True, 100)
    line.take(False, 150)
    if between == "a change":
        line.take(True, 160)
    if between == "begun anew":
        line.begin(200, False)
    line.settle(10_000)
    line.settle(20_000)
    assert swallowed == told


def lasting(first, stamps, bounce_us, until_us):
    """The definition: a run of one level lasts when it is not shorter than bounce_us; a change is a lasting run whose
    level is not that of the lasting run before."""
    changes, stable, level = [], first, first
    for from_us, to_us in pairwise([*stamps, until_us]):
        level = not level
        if to_us - from_us >= bounce_us and level is not stable:
            changes.append((from_us, level))
            stable = level
    return changes


gaps = st.lists(st.sampled_from([0, 1, 2, 99, 100, 101, 400, 5_000]), max_size=30)


@quick
@given(gaps, st.sampled_from([0, 1, 100, 300]), st.booleans(), st.booleans(), st.lists(st.booleans(), max_size=30))
def test_what_lasts_is_a_change_and_nothing_else(gaps, bounce_us, first, active_high, asked):
    line, changes = line_of(bounce_us, active_high=active_high)
    line.begin(0, first)
    stamps, now = [], 0
    level = first
    for turn, gap in enumerate(gaps):
        if turn < len(asked) and asked[turn]:
            line.settle(now)  # asking early and often changes nothing
        now, level = now + gap, not level
        stamps.append(now)
        assert line.take(level, now)
    line.settle(now + 250)
    expected = lasting(first, stamps, bounce_us, now + 250)
    assert changes == [(t_us, level is active_high) for t_us, level in expected]
    assert (line.edges, line.missed) == (len(stamps), 0)
    assert line.edges == len(changes) + 2 * line.bounces + line.undecided


@pytest.mark.parametrize(
    ("stamps", "changes", "bounces"),
    [
        ([1_000], [(1_000, True)], 0),
        ([1_000, 1_100], [(1_000, True), (1_100, False)], 0),  # it has lasted exactly so long
        ([1_000, 1_099], [], 1),
        ([1_000, 1_010, 1_020, 1_030, 1_040], [(1_040, True)], 2),
        ([1_000, 1_500, 1_510, 1_520], [(1_000, True), (1_520, False)], 1),
    ],
    ids=["clean", "just long enough", "one too short", "it bounces on", "it bounces off"],
)
def test_bouncing(stamps, changes, bounces):
    line, told_changes = line_of(100)
    line.begin(0, False)
    for turn, stamp in enumerate(stamps):
        line.take(turn % 2 == 0, stamp)
    line.settle(stamps[-1] + 100)
    assert (told_changes, line.bounces) == (changes, bounces)


def test_a_change_is_told_when_it_has_lasted_and_not_before():
    line, changes = line_of(100)
    line.begin(0, False)
    line.take(True, 1_000)
    line.settle(1_099)
    assert (changes, line.undecided, line.active) == ([], True, True)
    line.settle(1_100)
    assert (changes, line.undecided) == ([(1_000, True)], False)


def test_an_edge_that_says_what_already_was_shows_one_that_was_missed():
    line, changes = line_of(0)
    line.begin(0, False)
    assert [line.take(True, 10), line.take(True, 20), line.take(False, 30)] == [True, False, True]
    line.settle(30)
    assert changes == [(10, True), (30, False)]
    assert (line.edges, line.missed) == (3, 1)


# --- in the stream ----------------------------------------------------------------------------------------------------


CONTACT = profile_of(contact=switch(27, 2_000))


def test_contact_is_a_column():
    pins = Pins()
    pins.pulse("contact", 105_000, 205_000)
    told_ = told(CONTACT, pins, 400_000)
    assert told_.column("contact") == [False] * 11 + [True] * 10 + [False] * 19
    assert told_.column("seq") == list(range(40))
    assert set(told_.column("frequency")) == {None}


def test_the_first_level_counts():
    pins = Pins(high=["contact"])
    pins.level("contact", False, 95_000)
    assert told(CONTACT, pins, 200_000).column("contact") == [True] * 10 + [False] * 10


def test_a_line_that_is_active_low_touches_when_it_falls():
    pins = Pins(high=["contact"])
    pins.pulse("contact", 95_000, 145_000)
    column = told(profile_of(contact=switch(27, active_high=False)), pins, 200_000).column("contact")
    assert column == [False] * 10 + [True] * 5 + [False] * 5


def test_a_first_level_that_was_read_after_an_edge_that_is_told_late():
    pins = Pins()
    pins.level("contact", True, 38_000)  # told in the second batch; the level at the first one's end is high already
    told_ = told(CONTACT, pins, 200_000, late_us=5_000)
    assert told_.column("contact") == [False] * 4 + [True] * 16
    assert told_.line("contact") == {"edges": 1, "bounces": 0, "missed": 0}


def test_a_level_that_contradicts_the_edges_is_a_missed_edge_and_the_level_counts():
    pins, untold = Pins(), Pins()
    untold.level("contact", True, 70_000)
    told_ = told(CONTACT, pins, 400_000, untold=untold.edges)
    assert told_.line("contact") == {"edges": 0, "bounces": 0, "missed": 1}
    # from when the level was read, at 80 ms, and what lies so near it
    assert told_.column("contact") == [False] * 9 + [True] * 31


def test_a_level_that_contradicts_at_the_very_end_is_counted():
    pins, untold = Pins(), Pins()
    untold.level("contact", True, 70_000)
    assert told(CONTACT, pins, 80_000, untold=untold.edges).line("contact")["missed"] == 1


TOUCHES = 0b10


@pytest.mark.parametrize(
    ("edge_us", "levels", "missed"),
    [(85_000, TOUCHES, 0), (85_001, TOUCHES, 2), (75_001, 0, 0), (75_000, 0, 2)],
    ids=["just before", "long before", "just after", "long after"],
)
def test_a_level_read_beside_an_edge_contradicts_nothing(edge_us, levels, missed):
    """Read at 80 ms. One that contradicts is a missed edge, and the next edge or level contradicts that one."""
    pins = Pins()
    pins.level("contact", True, edge_us)
    batches = pins.batches(200_000)
    (second,) = [at for at, batch in enumerate(batches) if batch.t_us == pins.start_us + 80_000]
    batches[second] = replace(batches[second], levels=levels)
    assert Told(CONTACT, batches).line("contact")["missed"] == missed


@pytest.mark.parametrize(("edge_us", "missed"), [(45_000, 0), (45_001, 1)])
def test_the_first_level_is_from_before_an_edge_that_is_told_beside_it(edge_us, missed):
    """It falls, and was low when it was read first, at 40 ms: read late, or further from the edge it rose unseen."""
    pins = Pins()
    pins.level("contact", False, edge_us)
    told_ = told(CONTACT, pins, 200_000)
    assert told_.line("contact")["missed"] == missed
    assert told_.column("contact")[:5] == [not missed] * 5


def test_edges_out_of_order_within_a_batch_are_put_in_order():
    pins = Pins()
    pins.pulse("contact", 95_000, 145_000)
    batches = pins.batches(200_000, [])
    turned = replace(batches[0], edges=tuple(reversed(batches[0].edges)))
    assert Told(CONTACT, [turned]).readings == Told(CONTACT, batches).readings


def test_an_edge_that_another_one_overtook_is_put_in_its_place():
    pins = Pins()
    for at_us in (71_000, 75_000, 79_000):
        pins.toggle("contact", at_us)
    batches = pins.batches(200_000)
    first, second, newest = batches[1].edges
    overtaken = [*batches]
    overtaken[1], overtaken[2] = replace(batches[1], edges=(newest,)), replace(batches[2], edges=(first, second))
    assert Told(CONTACT, overtaken).readings == Told(CONTACT, batches).readings
    assert Told(CONTACT, overtaken).account == Told(CONTACT, batches).account


@pytest.mark.parametrize(("at_us", "late_us", "late"), [(70_000, 50_001, 0), (69_999, 50_002, 1)])
def test_fifty_milliseconds_is_as_late_as_a_driver_tells(at_us, late_us, late):
    pins = Pins()
    pins.level("contact", True, at_us)
    assert told(CONTACT, pins, 200_000, cuts_us=[120_000], late_us=late_us).account["late"] == late


def test_an_edge_that_is_told_later_than_any_driver_does_is_counted_and_the_level_that_was_read_says_where_it_stands():
    pins = Pins()
    pins.pulse("contact", 135_000, 255_000)
    told_ = told(CONTACT, pins, 600_000, cuts_us=range(40_000, 600_000, 40_000), late_us=100_000)
    assert told_.account["late"] == 2
    assert told_.line("contact") == {"edges": 2, "bounces": 0, "missed": 2}
    # read at 160 ms and at 280 ms, and what lies so near it
    assert told_.column("contact") == [False] * 17 + [True] * 12 + [False] * 31


def test_an_edge_of_a_line_that_is_not_connected_is_counted():
    pins = Pins()
    pins.pulse("pass", 35_000, 60_000)
    assert told(CONTACT, pins, 100_000).account["strange"] == 2
