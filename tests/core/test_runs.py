"""Runs against a reference that knows none: every message by itself, every sample by itself, slow and obvious.

Streams are random: frames that go on and frames that do not, contact that changes in a frame, marks, dial turns, lost,
late and repeated frames, restarts, other pens, clocks that fall back, silence, columns that come and go.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.account import Account
from devicelog.counters import CounterTrack
from devicelog.gaps import Gaps, ends_us
from devicelog.pen_clock import PenClock
from devicelog.pipeline import Pipeline
from devicelog.records import SERIAL, Mark, Record, item_of
from devicelog.runs import GAP_LISTED_US, Run
from firmware_bridge.decode import Decoder
from firmware_bridge.readings import Fault, Heartbeat, Identity, LinkChange, Overflow, PenEvent, SampleBlock
from tests.builders import HOST_US, PEN, PROFILE, Bench, limits_of, opening_of, plan_with, planned
from tests.core.streams import Stream, actions

NAMED = replace(PROFILE, frequency_min_dhz=1_100, frequency_max_dhz=1_400, frequency_source="test")
PLAN = plan_with(
    planned("forehead", 400, least_um=200, passes_min=1, passes_max=2), planned("cheek.left", 1_000, least_um=250)
)
HARD_UM = {"forehead": (150, 350, 650), "cheek.left": (None, None, 500)}  # recommended, and the hard maximum
THRESHOLD_UM = 450
LIMITS = limits_of(*((zone, *depths) for zone, depths in HARD_UM.items()), threshold_um=THRESHOLD_UM)
OPENING = opening_of(plan=PLAN, profile=NAMED, limits=LIMITS, practitioner="p-01")
TOLERANCE_UM = 150
LEAP_UM = 500


class Zone:
    """What a reference counts in one zone, sample by sample."""

    def __init__(self, name: str) -> None:
        planned = PLAN.limit(name)
        self.name = name
        self.low_um = planned.depth_min_um if planned else None
        self.high_um = planned.depth_max_um if planned else None
        self.passes = (planned.passes_min, planned.passes_max) if planned else (None, None)
        self.least_um, self.most_um, self.hard_um = HARD_UM.get(name, (None, None, None))
        self.sums: Counter[str] = Counter()
        self.longest_us = self.still_us = self.largest_um = 0
        self.first_leap: int | None = None
        self.strokes: int | None = None
        self.pen: int | None = None
        self.perhaps = 0
        self.operator = 0
        self.depths: list[int] = []
        self.frequencies: list[int] = []
        self.at: Counter[int] = Counter()
        names = ("over_plan", "over_device", "over_recommended", "over_hard", "at_threshold", "under_plan")
        # of each sample beyond: record, set, measured, period, limit
        self.beyond: dict[str, list[tuple[int, int | None, int | None, int, int]]] = {name: [] for name in names}

    def judge(self, record: int, block: SampleBlock, i: int) -> None:
        """One sample on the skin, or one that may be."""
        set_um, period_us = block.depth_set_um, block.period_us
        depth = block.depth_um[i] if block.depth_um else None
        self.sums["judged"] += 1
        self.sums["judged_us"] += period_us
        self.sums["judged_unseen"] += set_um is None and depth is None
        if block.frequency_dhz:
            self.frequencies.append(block.frequency_dhz[i])
            self.sums["frequency_beyond_us"] += period_us * (not 1_100 <= block.frequency_dhz[i] <= 1_400)
        if depth is not None:
            self.depths.append(depth)
        if set_um is not None:
            self.at[set_um] += period_us
        if set_um is not None and depth is not None:
            self.sums["compared_us"] += period_us
            self.sums["disagree_us"] += period_us * (abs(depth - set_um) > TOLERANCE_UM)
        for name, limit_um in (
            ("over_plan", self.high_um),
            ("over_device", 2_500),
            ("over_recommended", self.most_um),
            ("over_hard", self.hard_um),
        ):
            if limit_um is not None:
                over_set = set_um if set_um is not None and set_um > limit_um else None
                over = depth if depth is not None and depth > limit_um + TOLERANCE_UM else None
                if over_set is not None or over is not None:
                    self.beyond[name].append((record, over_set, over, period_us, limit_um))
        if set_um is not None and set_um >= THRESHOLD_UM:
            self.beyond["at_threshold"].append((record, set_um, None, period_us, THRESHOLD_UM))
        if self.low_um is not None:
            if set_um is not None and set_um < self.low_um:
                self.beyond["under_plan"].append((record, set_um, None, period_us, self.low_um))
            elif set_um is None and depth is not None and depth < self.low_um - TOLERANCE_UM:
                self.beyond["under_plan"].append((record, None, depth, period_us, self.low_um))

    def document(self, *, operator_counts: bool) -> dict[str, Any]:
        """As the derived record has it."""
        operator = self.operator if operator_counts else None
        most = None if self.pen is None else self.pen + self.perhaps
        counts = [count for count in (self.pen, most, operator) if count is not None]
        names = ("samples", "contact_us", "contact_unknown_us", "paused_contact_us", "glides")
        judged = ("frequency_beyond_us", "compared_us", "disagree_us", "judged", "judged_us", "judged_unseen")
        return {
            "zone": self.name,
            **{name: self.sums[name] for name in (*names, *judged)},
            "longest_glide_us": self.longest_us,
            "strokes": self.strokes,
            "passes": {
                "pen": self.pen,
                "operator": operator,
                "low": min(counts, default=None),
                "high": max(counts, default=None),
            },
            "passes_perhaps": self.perhaps,
            "plan_passes_min": self.passes[0],
            "plan_passes_max": self.passes[1],
            "depth": mean(self.depths, "um"),
            "frequency": mean(self.frequencies, "dhz"),
            "at_set_depth": [{"depth_set_um": um, "for_us": us} for um, us in sorted(self.at.items())],
            "plan_min_um": self.low_um,
            "plan_max_um": self.high_um,
            "device_max_um": 2_500,
            "tolerance_um": TOLERANCE_UM,
            "recommended_min_um": self.least_um,
            "recommended_max_um": self.most_um,
            "hard_max_um": self.hard_um,
            "threshold_um": THRESHOLD_UM,
            **{name: beyond(samples, min if name == "under_plan" else max) for name, samples in self.beyond.items()},
            "steadiness": {
                "compared": self.sums["compared"],
                "leaps": self.sums["leaps"],
                "largest_um": self.largest_um,
                "first_record": self.first_leap,
                "longest_still_us": self.still_us,
            },
        }


def mean(values: list[int], unit: str) -> dict[str, int] | None:
    if not values:
        return None
    n, total = len(values), sum(values)
    rounded = total // n + (2 * (total % n) >= n)  # half up
    return {"n": n, f"min_{unit}": min(values), f"mean_{unit}": rounded, f"max_{unit}": max(values)}


def beyond(samples: list[tuple[int, int | None, int | None, int, int]], worst: Any) -> dict[str, int | None]:
    by_set = [(um, us) for _, um, _, us, _ in samples if um is not None]
    measured = [(um, us) for _, _, um, us, _ in samples if um is not None]
    return {
        "for_us": sum(us for *_, us, _ in samples),
        "set_um": worst((um for um, _ in by_set), default=None),
        "set_for_us": sum(us for _, us in by_set),
        "measured_um": worst((um for um, _ in measured), default=None),
        "measured_for_us": sum(us for _, us in measured),
        "first_record": samples[0][0] if samples else None,
        "limit_um": samples[0][4] if samples else None,
    }


class Reference:
    """The facts of a stream without runs. Account, gaps, counters and clock are the pipeline's own, told each frame."""

    def __init__(self, records: list[Record]) -> None:
        self.account, self.gaps = Account(), Gaps(PROFILE.silence_limit_us)
        self.counters, self.clock = CounterTrack(before=None, heard=None), PenClock()
        self.signed = self.counters
        self.waiting: list[tuple[str, SampleBlock | Heartbeat, int | None, int | None]] = []  # not signed
        self.unplaced = False
        self.zones: dict[str, Zone] = {}
        self.zone, self.sample_zone = "unassigned", "unassigned"
        self.paused, self.named, self.operator_counts = False, True, False
        self.contact: bool | None = None
        self.serial = PEN["serial"]
        self.glide_us = 0
        self.before: tuple[int, tuple[int | None, bool]] | None = None  # of the sample before: depth, setting
        self.standing_us, self.stood_um = 0, None  # over lifts and gaps: nothing frees a sensor but another depth
        self.unheard, self.counted_in = False, None
        self.spans: list[dict[str, Any]] = []
        self.turned = 0
        self.cut = False
        self.practitioner: str | None = "p-01"
        self.cartridge: str | None = None
        self.planned: dict[str, list[Mark]] = {}
        decoder = Decoder()
        for record in records:
            item = item_of(record)
            if isinstance(item, Mark):
                self.mark(record.number, item)
            elif isinstance(item, LinkChange):
                self.gaps.link_up = item.up
                if not item.up:
                    self.gaps.blame("link")
                    self.end_glide()
                    self.unheard = True
                    if self.named:
                        self.signed, self.counters = self.counters, deepcopy(self.counters)
                    self.named = False
            if record.kind == SERIAL or isinstance(item, LinkChange | Overflow):
                for reading in decoder.feed(item):  # type: ignore[arg-type] # it is one of the three
                    self.take(record, reading)
        self.gaps.finish(records[-1].t_us, contact=self.contact, zone=self.sample_zone)
        self.first_us = records[0].t_us
        for span, after in pairwise(self.spans):
            span["last_record"] = max(span.pop("newest"), after["first_record"] - 1)
        for span in self.spans[-1:]:
            span.pop("newest")
            span["last_record"] = records[-1].number

    def here(self) -> Zone:
        return self.of(self.zone)

    def of(self, zone: str) -> Zone:
        if zone not in self.zones:
            self.zones[zone] = Zone(zone)
            for mark in self.planned.get(zone, ()):
                self.plan(self.zones[zone], mark)
        return self.zones[zone]

    def plan(self, zone: Zone, mark: Mark) -> None:
        zone.low_um, zone.high_um = mark.depth_min_um, mark.depth_max_um
        least, most = mark.passes_min, mark.passes_max
        zone.passes = (zone.passes[0] if least is None else least, zone.passes[1] if most is None else most)

    def parted(self, number: int) -> None:
        if self.spans and self.turned <= self.spans[-1]["newest"]:
            self.turned = number
        self.cut = True

    def end_glide(self) -> None:
        self.glide_us, self.before = 0, None

    def mark(self, number: int, mark: Mark) -> None:
        if mark.kind == "zone":
            self.end_glide()
            self.zone, self.turned = mark.zone or "unassigned", number
            self.here()
        elif mark.kind == "pass":
            self.here().operator += 1
            self.operator_counts = True
        elif mark.kind in ("pause", "resume"):
            self.paused = mark.kind == "pause"
        elif mark.kind == "operator":
            self.practitioner = mark.practitioner
            self.parted(number)
        elif mark.kind == "cartridge":
            self.cartridge = mark.cartridge
            self.parted(number)
        elif mark.kind == "plan":
            assert mark.zone
            self.planned.setdefault(mark.zone, []).append(mark)
            if mark.zone in self.zones:
                self.plan(self.zones[mark.zone], mark)
            if mark.zone == self.zone:
                self.parted(number)

    def take(self, record: Record, reading: Any) -> None:
        if isinstance(reading, Fault):
            self.gaps.blame("damage")
            return
        another = isinstance(reading, Identity) and reading.serial != self.serial
        if another:
            self.account.another_pen(heard_already=not self.named)
            self.unplaced |= bool(self.waiting)
            self.waiting.clear()
            if not self.named:
                self.counters = self.signed
            self.counters.another_pen()
        step, missing = self.account.step(reading)
        if step == "late":
            self.late(record, reading)
        follows = step not in ("late", "repeat")
        if follows:
            lost = step in ("gap", "restart")
            gap_us = self.gaps.before(
                record.t_us, reading, lost=lost, missing=missing, contact=self.contact, zone=self.sample_zone
            )
            if lost or gap_us:
                self.before = None
            self.unheard |= gap_us >= GAP_LISTED_US
            if gap_us >= GAP_LISTED_US or another:
                self.end_glide()
            if another:
                self.contact = None
                self.standing_us, self.stood_um = 0, None  # it is another sensor
            self.gaps.hear(record.t_us, reading)
            self.clock.hear(reading.boot, ends_us(reading), record.t_us, anew=step == "restart")
        if isinstance(reading, Identity):
            self.serial, self.named = reading.serial, True
            for row in self.waiting:
                self.place(*row)
            self.waiting.clear()
        if not follows:
            return
        if isinstance(reading, SampleBlock):
            self.count(reading)
            for i in range(reading.n):
                self.sample(record, reading, i)
            self.sample_zone = self.zone
            return
        if not reading.motor_on:
            self.end_glide()
            self.contact = None if self.contact is None else False
        if isinstance(reading, Heartbeat):
            self.count(reading)
        assert isinstance(reading, Heartbeat | PenEvent | Identity)

    def late(self, record: Record, block: SampleBlock) -> None:
        """Samples that others overtook: judged where data goes now, neighbours of each other at most."""
        self.gaps.fill(block)
        kept = self.before, self.standing_us, self.stood_um, self.contact
        self.before, contact = None, None
        for i in range(block.n):
            bit = None if block.contact_bits is None else block.contact_bits >> i & 1
            if not i or bit != contact:
                self.before, self.standing_us, self.stood_um, contact = None, 0, None, bit
            self.sample(record, block, i, late=True)
        self.before, self.standing_us, self.stood_um, self.contact = kept

    def count(self, message: SampleBlock | Heartbeat) -> None:
        row = (self.zone, message, *self.counters.take(message, self.serial))
        if self.named:
            self.place(*row)
        elif isinstance(message, SampleBlock) or any(row[2:]):
            self.waiting.append(row)

    def place(self, name: str, message: SampleBlock | Heartbeat, passes: int | None, strokes: int | None) -> None:
        if isinstance(message, SampleBlock) or passes or strokes:
            zone = self.of(name)
            if passes and self.unheard and self.counted_in not in (None, name):
                zone.perhaps += passes
                self.of(self.counted_in).perhaps += passes
                passes = 0
            self.unheard, self.counted_in = False, name
            zone.pen = zone.pen if passes is None else (zone.pen or 0) + passes
            zone.strokes = zone.strokes if strokes is None else (zone.strokes or 0) + strokes

    def sample(self, record: Record, block: SampleBlock, i: int, *, late: bool = False) -> None:
        zone, period_us = self.here(), block.period_us
        contact = None if block.contact_bits is None else bool(block.contact_bits >> i & 1)
        may_be = contact is None and block.motor_on
        zone.sums["samples"] += 1
        zone.sums["contact_us"] += period_us * bool(contact)
        zone.sums["paused_contact_us"] += period_us * bool(contact and self.paused)
        zone.sums["contact_unknown_us"] += period_us * may_be
        self.contact = contact
        if late:
            pass  # glides and spans were told without it
        elif contact:
            zone.sums["glides"] += not self.glide_us
            self.glide_us += period_us
            zone.longest_us = max(zone.longest_us, self.glide_us)
        else:
            self.glide_us = 0
        if (contact or may_be) and not late:
            self.paint(record, block, contact=contact)
        if contact or (may_be and self.zone != "unassigned"):
            zone.judge(record.number, block, i)
            self.compare(record, block, i, zone)
        else:
            self.before = None
            if not late and block.depth_um is not None and block.depth_um[i] != self.stood_um:
                self.standing_us = 0

    def compare(self, record: Record, block: SampleBlock, i: int, zone: Zone) -> None:
        """With the sample before, if that is its neighbour."""
        if block.depth_um is None:
            self.before = None
            return
        depth, setting = block.depth_um[i], (block.depth_set_um, block.contact_bits is None)
        if self.before is not None and self.before[1] == setting:
            step = abs(depth - self.before[0])
            zone.sums["compared"] += 1
            zone.largest_um = max(zone.largest_um, step)
            if step > LEAP_UM:
                zone.sums["leaps"] += 1
                zone.first_leap = record.number if zone.first_leap is None else zone.first_leap
        self.standing_us = block.period_us + (self.standing_us if depth == self.stood_um else 0)
        self.stood_um = depth
        zone.still_us = max(zone.still_us, self.standing_us)
        self.before = (depth, setting)

    def paint(self, record: Record, block: SampleBlock, *, contact: bool | None) -> None:
        """The span of a sample: its zone and its dial, and what was told since the one before."""
        span = self.spans[-1] if self.spans else None
        if span is None or self.cut or (span["zone"], span["depth_set_um"]) != (self.zone, block.depth_set_um):
            self.cut = False
            after_turn = span is None or self.turned > span["newest"]
            span = {
                "zone": self.zone,
                "depth_set_um": block.depth_set_um,
                "first_record": self.turned if after_turn else record.number,
                "from_us": record.t_us - HOST_US,
                "contact_us": 0,
                "samples": 0,
                "practitioner": self.practitioner,
                "cartridge": self.cartridge,
                "plan_max_um": self.here().high_um,
                "hard_max_um": self.here().hard_um,
            }
            self.spans.append(span)
        span["newest"] = record.number
        span["to_us"] = record.t_us - HOST_US
        span["samples"] += 1
        span["contact_us"] += block.period_us * bool(contact)


def derived_of(records: list[Record], looked_at: list[bool]) -> tuple[Pipeline, bytes]:
    """The derived record of a pipeline that somebody looks at after some of the records."""
    pipeline = Pipeline(OPENING)
    for turn, record in enumerate(records):
        pipeline.feed(record)
        if looked_at and looked_at[turn % len(looked_at)]:
            pipeline.judge()
    return pipeline, pipeline.finish()


@given(steps=actions, together=st.lists(st.booleans(), max_size=7))
@settings(deadline=None, max_examples=150)
def test_counted_run_by_run_is_counted_sample_by_sample(steps, together):
    records = Stream(OPENING, steps).records(together)
    facts, _, _ = derived_of(records, [])[0].judge()
    reference = Reference(records)
    zones = [zone.document(operator_counts=reference.operator_counts) for zone in reference.zones.values()]
    assert facts["zones"] == zones
    assert facts["spans"] == reference.spans
    counters = reference.counters if reference.named else reference.signed  # what nobody signed is not told
    assert facts["counters"] == counters.document() | {"unplaced": reference.unplaced or bool(reference.waiting)}
    assert facts["completeness"]["boots"] == [boot.document() for boot in reference.account.boots]
    assert (facts["gaps"], facts["short_gaps"]) == reference.gaps.documents(reference.first_us)
    assert facts["pen_clock"] == reference.clock.documents()


@given(
    steps=actions,
    together=st.lists(st.booleans(), max_size=7),
    looked_at=st.lists(st.booleans(), min_size=1, max_size=11),
)
@settings(deadline=None, max_examples=100)
def test_where_a_run_is_settled_changes_no_byte(steps, together, looked_at):
    records = Stream(OPENING, steps).records(together)
    assert derived_of(records, looked_at)[1] == derived_of(records, [])[1]


# --- what goes on and what does not -----------------------------------------------------------------------------------

FIRST = Bench().block("11", depth=(200, 210), frequency=(1_000, 1_010))._replace(seq=8, t_us=500, strokes=1_000)
NEXT = FIRST._replace(seq=10, t_us=20_500, strokes=1_008)


def run_of(block: SampleBlock = FIRST, **other: Any) -> Run:
    """A run that began with all of a frame, which record 3 completed at 90 000."""
    values = {"start": 0, "count": block.n, "contact": True, "silence_limit_us": 50_000, "until_us": 30_000}
    return Run(Record(3, 90_000, SERIAL, b""), block, **values | other)


def test_a_frame_that_goes_on_is_taken():
    run = run_of()
    assert run.join(4, 110_000, NEXT._replace(depth_um=(-5, 900), frequency_dhz=(7, 8)))
    assert (run.samples, run.frames, run.depth, run.frequency) == (4, 1, [200, 210, -5, 900], [1_000, 1_010, 7, 8])
    assert (run.strokes, run.pen_us, run.last_us, run.last_record) == (1_008, 20_500, 110_000, 4)
    assert (run.first_us, run.first_record) == (90_000, 3)
    assert run.low == (89_500, 500)  # 90 000 - 500, and 110 000 - 20 500: the first stands
    assert [run.record_of(i) for i in range(4)] == [3, 3, 4, 4]
    assert run.join(9, 120_000, NEXT._replace(seq=12, t_us=29_999))
    assert run.low == (89_500, 500)
    assert [run.record_of(i) for i in range(6)] == [3, 3, 4, 4, 9, 9]


def test_a_run_that_began_inside_a_frame():
    block = FIRST._replace(n=3, depth_um=(1, 2, 3), frequency_dhz=(4, 5, 6), contact_bits=0b100)
    run = run_of(block, start=2, count=1)
    assert (run.samples, run.depth, run.frequency, run.contact) == (1, [3], [6], True)
    goes_on = block._replace(seq=11, t_us=30_400, contact_bits=0b111)
    assert not run.join(4, 110_000, goes_on._replace(contact_bits=0b110))
    assert run.join(4, 110_000, goes_on._replace(t_us=29_999))
    assert [run.record_of(i) for i in range(4)] == [3, 4, 4, 4]


def test_the_soonest_frame_of_a_run():
    run = run_of()
    assert run.join(4, 109_999, NEXT)
    assert run.low == (89_499, 20_500)


@pytest.mark.parametrize(
    "other",
    [
        {"strokes": 1_000},
        {"strokes": 1_010},  # 20 ms: 8 strokes at the fastest, and 2
        {"t_us": 501},
        {"t_us": 29_999},  # where the stretch ends
        {"raw_count": (1, 2)},
    ],
)
def test_just_inside(other):
    assert run_of().join(4, 110_000, NEXT._replace(**other))
    assert run_of().join(4, 140_000, NEXT._replace(**other))  # 50 ms of silence


@pytest.mark.parametrize(
    "other",
    [
        {"mode": "demo"},
        {"motor_on": False},
        {"boot": 8},
        {"seq": 11},
        {"seq": 8},
        {"t_us": 500},
        {"t_us": 30_000},
        {"depth_set_um": 301},
        {"depth_set_um": None},
        {"passes": 11},
        {"passes": None},
        {"strokes": 999},
        {"strokes": 1_011},
        {"strokes": None},
        {"period_us": 9_999},
        {"n": 1, "depth_um": (1,), "frequency_dhz": (1,), "contact_bits": 1},
        {"depth_um": None},
        {"frequency_dhz": None},
        {"contact_bits": 0b01},
        {"contact_bits": 0},
        {"contact_bits": None},
        {"trailing_bytes": 1},
    ],
)
def test_what_says_something_new_is_not_taken(other):
    run = run_of()
    before = {name: getattr(run, name) for name in Run.__slots__}
    assert not run.join(4, 110_000, NEXT._replace(**other))
    assert {name: getattr(run, name) for name in Run.__slots__} == before


def test_a_jump_of_the_pens_clock_is_something_new():
    run = run_of(until_us=10_000_000)
    assert not run.join(4, 110_000, NEXT._replace(t_us=120_500))  # 100 ms beyond the end of the newest frame
    assert run.join(4, 110_000, NEXT._replace(t_us=120_499))


def test_silence_is_something_new():
    assert not run_of().join(4, 140_001, NEXT)


@pytest.mark.parametrize("contact", [None, False])
def test_a_run_without_contact_goes_on_without(contact):
    bits = None if contact is None else 0
    run = run_of(FIRST._replace(contact_bits=bits, depth_um=None, frequency_dhz=None, strokes=None), contact=contact)
    for other in ({"contact_bits": 3}, {"depth_um": (1, 2)}, {"frequency_dhz": (1, 2)}, {"strokes": 4}):
        alone = {"contact_bits": bits, "depth_um": None, "frequency_dhz": None, "strokes": None}
        assert not run.join(4, 110_000, NEXT._replace(**alone | other))
    assert run.join(4, 110_000, NEXT._replace(contact_bits=bits, depth_um=None, frequency_dhz=None, strokes=None))
    assert (run.depth, run.frequency, run.samples) == (None, None, 4)
