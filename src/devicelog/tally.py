"""What happened in one zone, counted sample by sample: contact, depth, frequency, strokes, passes, time over a limit.

Integers only. Every sample stands for its period. A sample is judged when there is skin contact, or, in a zone, when
the pen has no contact signal and the motor runs: contact unknown is not no contact. Nothing is interpolated.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import compress

from devicelog.canonical import Json
from firmware_bridge.readings import SampleBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a zone is judged by. `plan_max_um` is None where the plan has no limit for the zone."""

    device_max_um: int
    plan_max_um: int | None
    tolerance_um: int  # for measured depth only: a set depth is exact


@dataclass(slots=True)
class Range:
    """Count, sum, smallest and largest of a column."""

    n: int = 0
    total: int = 0
    low: int = 0
    high: int = 0

    def add(self, values: tuple[int, ...]) -> None:
        """Count these values, at least one."""
        low, high = min(values), max(values)
        if not self.n:
            self.low, self.high = low, high
        else:
            self.low, self.high = min(self.low, low), max(self.high, high)
        self.n += len(values)
        self.total += sum(values)

    def document(self, unit: str) -> Json | None:
        """`n`, `min`, `mean` (rounded half up) and `max` with the unit in the key; None when nothing was counted."""
        if not self.n:
            return None
        mean = (2 * self.total + self.n) // (2 * self.n)
        return {"n": self.n, f"min_{unit}": self.low, f"mean_{unit}": mean, f"max_{unit}": self.high}


@dataclass(slots=True)
class Over:
    """Time beyond a limit, by the dial, by the sensor, by either (`for_us`), and how deep each was at most."""

    for_us: int = 0
    set_um: int | None = None
    set_for_us: int = 0
    measured_um: int | None = None
    measured_for_us: int = 0
    first_record: int | None = None

    def document(self) -> Json:
        """As plain values."""
        return {
            "for_us": self.for_us,
            "set_um": self.set_um,
            "set_for_us": self.set_for_us,
            "measured_um": self.measured_um,
            "measured_for_us": self.measured_for_us,
            "first_record": self.first_record,
        }


@dataclass(slots=True)
class ZoneTally:
    """The running account of one zone."""

    zone: str
    limits: Limits
    samples: int = 0
    contact_us: int = 0
    contact_unknown_us: int = 0
    paused_contact_us: int = 0
    glides: int = 0
    longest_glide_us: int = 0
    strokes: int | None = None
    passes_pen: int | None = None
    passes_operator: int = 0
    depth: Range = field(default_factory=Range)
    frequency: Range = field(default_factory=Range)
    at_set_depth: Counter[int] = field(default_factory=Counter)
    over_plan: Over = field(default_factory=Over)
    over_device: Over = field(default_factory=Over)
    judged: int = 0
    judged_unseen: int = 0  # judged samples with neither a set nor a measured depth

    def add(self, block: SampleBlock, *, record: int, paused: bool, assigned: bool) -> int:
        """Count one block and return how many of its samples were in contact."""
        n, period_us, bits = block.n, block.period_us, block.contact_bits
        self.samples += n
        depth, frequency = block.depth_um, block.frequency_dhz
        if bits is None:
            touched = 0
            judged = n if block.motor_on and assigned else 0
            if block.motor_on:
                self.contact_unknown_us += n * period_us
        else:
            touched = judged = bits.bit_count()
            self.contact_us += touched * period_us
            if paused:
                self.paused_contact_us += touched * period_us
            if 0 < judged < n:
                seen = [bits >> i & 1 for i in range(n)]
                depth = depth and tuple(compress(depth, seen))
                frequency = frequency and tuple(compress(frequency, seen))
        if not judged:
            return touched
        self.judged += judged
        if depth is not None:
            self.depth.add(depth)
        if frequency is not None:
            self.frequency.add(frequency)
        if block.depth_set_um is not None:
            self.at_set_depth[block.depth_set_um] += judged * period_us
        elif depth is None:
            self.judged_unseen += judged
        limits = self.limits
        self._judge(self.over_device, limits.device_max_um, block, depth, judged, record)
        if limits.plan_max_um is not None:
            self._judge(self.over_plan, limits.plan_max_um, block, depth, judged, record)
        return touched

    def _judge(
        self, over: Over, limit_um: int, block: SampleBlock, depth: tuple[int, ...] | None, judged: int, record: int
    ) -> None:
        set_um, measured_limit = block.depth_set_um, limit_um + self.limits.tolerance_um
        set_over = set_um is not None and set_um > limit_um
        deepest = max(depth) if depth else 0
        if deepest <= measured_limit and not set_over:
            return
        n_measured = sum(value > measured_limit for value in depth) if depth else 0
        over.for_us += (judged if set_over else n_measured) * block.period_us
        if set_over:
            over.set_um = max(over.set_um or 0, set_um or 0)
            over.set_for_us += judged * block.period_us
        if n_measured:
            over.measured_um = max(over.measured_um or 0, deepest)
            over.measured_for_us += n_measured * block.period_us
        if over.first_record is None:
            over.first_record = record

    def document(self, *, operator_counts: bool) -> Json:
        """The zone's part of the derived record. `operator_counts` is whether anybody marked a pass in this stream."""
        counts = [
            count for count in (self.passes_pen, self.passes_operator if operator_counts else None) if count is not None
        ]
        return {
            "zone": self.zone,
            "samples": self.samples,
            "contact_us": self.contact_us,
            "contact_unknown_us": self.contact_unknown_us,
            "paused_contact_us": self.paused_contact_us,
            "glides": self.glides,
            "longest_glide_us": self.longest_glide_us,
            "strokes": self.strokes,
            "passes": {
                "pen": self.passes_pen,
                "operator": self.passes_operator if operator_counts else None,
                "low": min(counts) if counts else None,
                "high": max(counts) if counts else None,
            },
            "depth": self.depth.document("um"),
            "frequency": self.frequency.document("dhz"),
            "at_set_depth": [{"depth_set_um": um, "for_us": us} for um, us in sorted(self.at_set_depth.items())],
            "plan_max_um": self.limits.plan_max_um,
            "device_max_um": self.limits.device_max_um,
            "tolerance_um": self.limits.tolerance_um,
            "over_plan": self.over_plan.document(),
            "over_device": self.over_device.document(),
            "judged": self.judged,
            "judged_unseen": self.judged_unseen,
        }
