"""Alarms: said in the turn that took the read, for what lasts three samples, each once, without asking the disk."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.pipeline import Pipeline
from devicelog.recorder.display import Display
from devicelog.recorder.live import Live
from tests.builders import HOST_US, Bench, limits_of, on, opening_of, plan_with, planned
from tests.core.streams import Stream, actions

PLAN = plan_with(planned("forehead", 400, least_um=200), planned("chin", 300))
LIMITS = limits_of(("forehead", 300, 400, 1_500), ("chin", None, None, None))
OPENING = opening_of(plan=PLAN, limits=LIMITS)
# shares of the time, counts that disagree: found when they are looked at, three seconds later at most
SHARES = {"link.bad_frames", "depth.disagrees", "data.short_gaps", "pen.clock"}


class Beside:
    """A display and what it says, in order. Its writer knows nothing but whether it failed: it cannot be waited for."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.said = bench, []
        self._turn_us = 0
        clock = SimpleNamespace(now_us=lambda: HOST_US + self._turn_us)
        writer = SimpleNamespace(failure=None, stalled_s=lambda: 0.0)
        self._display = Display(cast(Any, self), cast(Any, clock), cast(Any, writer), duration_us=None)

    def live(self, live: Live) -> None:
        self.said.append(("live", len(live.alarms)))

    def say(self, text: str) -> None:
        self.said.append(tuple(text.split(":")[0].split(" ")))

    def turn(self) -> list[tuple[Any, ...]]:
        """The consumer took what there is: what is said in this turn."""
        self._turn_us = max(self._turn_us, self.bench.now_us)
        before = len(self.said)
        self._display.show(cast(Any, SimpleNamespace(pipeline=self.bench.pipeline)), "recording")
        return self.said[before:]


@pytest.fixture
def beside() -> Beside:
    beside = Beside(on("forehead", OPENING))
    beside.bench.samples("1", depth=300)
    assert beside.turn() == [("live", 0)]
    return beside


def over(rule: str, zone: str = "forehead") -> tuple[str, ...]:
    return ("ALARM", rule, "in", zone)


def test_a_depth_is_said_in_the_turn_of_its_third_sample_and_before_the_next_live_state(beside):
    beside.bench.samples("1", depth=551)  # 400 + 150, and one
    assert beside.turn() == []
    beside.bench.samples("1", depth=560)
    assert beside.turn() == []
    beside.bench.samples("1", depth=300)
    beside.bench.samples("1", depth=560)
    assert beside.turn() == [over("depth.over_plan"), over("depth.over_recommended")]
    assert {finding["rule"] for finding in beside.bench.pipeline.judge()[1]} >= {"depth.over_plan"}


def test_one_odd_sample_is_a_finding_and_no_alarm(beside):
    beside.bench.samples("1", depth=700)
    for _ in range(300):
        beside.bench.samples("11", depth=(300, 310))
    told = beside.turn()
    assert [row for row in told if row[0] != "live"] == []
    assert [row["rule"] for row in beside.bench.end()["findings"]] == ["depth.over_plan", "depth.over_recommended"]


def test_a_dial_is_said_too_and_each_alarm_once(beside):
    beside.bench.set_um = 450
    beside.bench.samples("111", depth=300)
    assert over("depth.over_plan") in beside.turn()
    for _ in range(200):
        beside.bench.samples("11", depth=(300, 310))
    assert [row for row in beside.turn() if row[0] != "live"] == []


def test_what_is_beyond_in_the_air_is_not_said(beside):
    beside.bench.set_um = 2_400
    beside.bench.samples("0000", depth=2_400)
    assert beside.turn() == []


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda bench: bench.samples("11", depth=(300, 801)), over("depth.jump")),
        (lambda bench: bench.link(up=False), ("ALARM", "link.lost")),
        (lambda bench: bench.swap("B0001", boot=3, seq=77, passes=5, strokes=60), ("ALARM", "pen.changed")),
    ],
    ids=["a leap", "a lost link", "another pen"],
)
def test_what_happens_is_said_in_its_turn(beside, happens, said):
    happens(beside.bench)
    assert said in beside.turn()


def test_what_lasts_is_said_in_the_turn_in_which_it_has_lasted(beside):
    beside.bench.set_um = 190
    for _ in range(100):  # 1 s under the smallest planned depth is let pass
        beside.bench.samples("1", depth=300)
        assert over("depth.under_plan") not in beside.turn()
    beside.bench.samples("1", depth=300)
    assert over("depth.under_plan") in beside.turn()


def test_a_sensor_that_stood_still_is_said_though_it_moves_again_in_the_same_read(beside):
    for _ in range(66):
        beside.bench.samples("111", depth=310)
        assert over("sensor.stuck") not in beside.turn()
    beside.bench.samples("111", depth=(310, 310, 305))  # 198 of them, and two: 2 s
    assert over("sensor.stuck") in beside.turn()


def test_a_plan_that_is_changed_is_what_the_next_sample_is_judged_by(beside):
    beside.bench.samples("11111", depth=300)
    beside.bench.mark("plan", "forehead", depth_min_um=0, depth_max_um=200)
    assert over("depth.over_plan") not in beside.turn()
    beside.bench.samples("111", depth=300)  # the dial is at 300
    assert over("depth.over_plan") in beside.turn()
    zone = beside.bench.end()["facts"]["zones"][0]
    assert (zone["over_plan"]["for_us"], zone["over_plan"]["limit_um"]) == (30_000, 200)


def test_a_law_that_asks_for_more_is_a_notice_and_no_alarm():
    beside = Beside(on("forehead", opening_of(plan=plan_with(planned("forehead", 2_000)), limits=LIMITS)))
    beside.bench.set_um = 1_500
    beside.bench.samples("111", depth=1_500)
    said = beside.turn()
    assert ("notice", "depth.threshold", "in", "forehead") in said
    assert said[-1] == ("live", 1)  # over what is recommended


@given(steps=actions, together=st.lists(st.booleans(), max_size=5))
@settings(deadline=None, max_examples=60)
def test_no_alarm_waits_for_something_else_to_happen(steps, together):
    """Whoever judges where something has stirred says every alarm in the turn in which one who always judges does."""
    looked, judged = Pipeline(OPENING), Pipeline(OPENING)
    stirred: object = None
    said, found = set(), set()
    for record in Stream(OPENING, steps).records(together):
        looked.feed(record)
        judged.feed(record)
        if (now := looked.derivation.stirred()) != stirred:
            stirred = now
            said |= {(row["rule"], row["zone"]) for row in looked.alarms()}
        found |= {(row["rule"], row["zone"]) for row in judged.alarms() if row["rule"] not in SHARES}
        assert found <= said, (record.number, found - said)
    assert looked.finish() == judged.finish()
