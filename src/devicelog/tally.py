"""What happened in one zone, counted run by run: contact, depth, frequency, strokes, passes, time beyond a limit.

Integers only. Every sample stands for its period. A sample is judged when there is skin contact, or, in a zone, when
the pen has no contact signal and the motor runs: contact unknown is not no contact. Nothing is interpolated.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from devicelog.canonical import Json
from devicelog.runs import Run
from devicelog.steady import Neighbours, Steadiness

ALARM_SAMPLES = 3  # so many beyond a depth raise an alarm; the finding wants one


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a zone is judged by. The plan's are None where it has none for the zone, the recommended range, the hard
    maximum and the threshold where no source has one; the frequency's where the pen's profile has none."""

    device_max_um: int
    recommended_min_um: int | None = None
    recommended_max_um: int | None = None
    hard_max_um: int | None = None
    threshold_um: int | None = None  # inclusive, and of the dial alone: a jurisdiction's, not a limit
    plan_min_um: int | None = None
    plan_max_um: int | None = None
    tolerance_um: int = 0  # for measured depth only: a set depth is exact
    passes_min: int | None = None
    passes_max: int | None = None
    frequency_min_dhz: int | None = None
    frequency_max_dhz: int | None = None

    def planned(self, least_um: int, most_um: int, passes_min: int | None, passes_max: int | None) -> "Limits":
        """The same under other planned depths; numbers of passes that are None stay as they are."""
        return replace(
            self,
            plan_min_um=least_um,
            plan_max_um=most_um,
            passes_min=self.passes_min if passes_min is None else passes_min,
            passes_max=self.passes_max if passes_max is None else passes_max,
        )


@dataclass(slots=True)
class Range:
    """Count, sum, smallest and largest of a column."""

    n: int = 0
    total: int = 0
    low: int = 0
    high: int = 0

    def add(self, values: list[int]) -> tuple[int, int]:
        """Count these values, at least one; returns their smallest and largest."""
        low, high = min(values), max(values)
        if not self.n:
            self.low, self.high = low, high
        else:
            self.low, self.high = min(self.low, low), max(self.high, high)
        self.n += len(values)
        self.total += sum(values)
        return low, high

    def document(self, unit: str) -> Json | None:
        """`n`, `min`, `mean` (rounded half up) and `max` with the unit in the key; None when nothing was counted."""
        if not self.n:
            return None
        mean = (2 * self.total + self.n) // (2 * self.n)
        return {"n": self.n, f"min_{unit}": self.low, f"mean_{unit}": mean, f"max_{unit}": self.high}


@dataclass(slots=True)
class Beyond:
    """Time beyond a limit, by the dial, by the sensor, by either (`for_us`), and how far each went at most.

    `limit_um` is the limit that was first gone beyond, at `first_record`: a mark may have set another since.
    """

    for_us: int = 0
    set_um: int | None = None
    set_for_us: int = 0
    measured_um: int | None = None
    measured_for_us: int = 0
    first_record: int | None = None
    limit_um: int | None = None
    samples: int = 0  # for the alarm alone

    def document(self) -> Json:
        """As plain values."""
        return {
            "for_us": self.for_us,
            "set_um": self.set_um,
            "set_for_us": self.set_for_us,
            "measured_um": self.measured_um,
            "measured_for_us": self.measured_for_us,
            "first_record": self.first_record,
            "limit_um": self.limit_um,
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
    passes_perhaps: int = 0  # told by the pen after a gap over two zones: here or there
    passes_operator: int = 0
    depth: Range = field(default_factory=Range)
    frequency: Range = field(default_factory=Range)
    at_set_depth: Counter[int] = field(default_factory=Counter)
    over_plan: Beyond = field(default_factory=Beyond)
    over_device: Beyond = field(default_factory=Beyond)
    over_recommended: Beyond = field(default_factory=Beyond)
    over_hard: Beyond = field(default_factory=Beyond)
    at_threshold: Beyond = field(default_factory=Beyond)
    under_plan: Beyond = field(default_factory=Beyond)
    steadiness: Steadiness = field(default_factory=Steadiness)
    frequency_beyond_us: int = 0
    compared_us: int = 0  # judged time with both a set and a measured depth
    disagree_us: int = 0  # of it, where they differ by more than the tolerance
    judged: int = 0
    judged_us: int = 0
    judged_unseen: int = 0  # judged samples with neither a set nor a measured depth

    def add(self, run: Run, neighbours: Neighbours, *, paused: bool, assigned: bool) -> bool:
        """Count one run; returns whether its samples are judged."""
        n, period_us = run.samples, run.period_us
        for_us = n * period_us
        self.samples += n
        if run.contact is None:
            if run.motor_on:
                self.contact_unknown_us += for_us
            if not (run.motor_on and assigned):
                return False
        elif not run.contact:
            return False
        else:
            self.contact_us += for_us
            if paused:
                self.paused_contact_us += for_us
        self.judged += n
        self.judged_us += for_us
        if run.frequency is not None:
            self._count_frequency(run.frequency, period_us)
        low = high = None
        if run.depth is not None:
            low, high = self.depth.add(run.depth)
            leap = neighbours.take(run.depth, period_us, self.steadiness)
            if leap is not None and self.steadiness.first_record is None:
                self.steadiness.first_record = run.record_of(leap)
        if run.set_um is not None:
            self.at_set_depth[run.set_um] += for_us
        elif run.depth is None:
            self.judged_unseen += n
        self._judge_depth(run, low, high)
        return True

    def _count_frequency(self, frequency: list[int], period_us: int) -> None:
        low, high = self.frequency.add(frequency)
        least, most = self.limits.frequency_min_dhz, self.limits.frequency_max_dhz
        if least is not None and most is not None and (low < least or high > most):
            self.frequency_beyond_us += sum(not least <= value <= most for value in frequency) * period_us

    def _judge_depth(self, run: Run, low: int | None, high: int | None) -> None:
        """`low` and `high` are those of the run's measured depths, None where it has none."""
        limits, set_um, depth = self.limits, run.set_um, run.depth
        self._over(self.over_device, limits.device_max_um, run, high)
        if limits.plan_max_um is not None:
            self._over(self.over_plan, limits.plan_max_um, run, high)
        if limits.recommended_max_um is not None:
            self._over(self.over_recommended, limits.recommended_max_um, run, high)
        if limits.hard_max_um is not None:
            self._over(self.over_hard, limits.hard_max_um, run, high)
        if set_um is not None and limits.threshold_um is not None:
            self._at(self.at_threshold, limits.threshold_um, set_um, run)
        if limits.plan_min_um is not None:
            self._under(limits.plan_min_um, run, low)
        if set_um is not None and depth is not None and low is not None and high is not None:
            self.compared_us += run.samples * run.period_us
            least, most = set_um - limits.tolerance_um, set_um + limits.tolerance_um
            if low < least or high > most:
                self.disagree_us += sum(not least <= value <= most for value in depth) * run.period_us

    def _over(self, over: Beyond, limit_um: int, run: Run, high: int | None) -> None:
        set_um, measured_limit_um = run.set_um, limit_um + self.limits.tolerance_um
        set_over = set_um is not None and set_um > limit_um
        measured_over = high is not None and high > measured_limit_um
        if not set_over and not measured_over:
            return
        at = [i for i, value in enumerate(run.depth or ()) if value > measured_limit_um] if measured_over else []
        samples = run.samples if set_over else len(at)
        over.samples += samples
        over.for_us += samples * run.period_us
        if set_over and set_um is not None:
            over.set_um = max(over.set_um or 0, set_um)
            over.set_for_us += run.samples * run.period_us
        if at:
            over.measured_um = max(over.measured_um or 0, high or 0)
            over.measured_for_us += len(at) * run.period_us
        if over.first_record is None:
            over.first_record, over.limit_um = run.first_record if set_over else run.record_of(at[0]), limit_um

    def _at(self, at: Beyond, threshold_um: int, set_um: int, run: Run) -> None:
        if set_um < threshold_um:
            return
        for_us = run.samples * run.period_us
        at.samples += run.samples
        at.for_us += for_us
        at.set_for_us += for_us
        at.set_um = max(at.set_um or 0, set_um)
        if at.first_record is None:
            at.first_record, at.limit_um = run.first_record, threshold_um

    def _under(self, limit_um: int, run: Run, low: int | None) -> None:
        """By the dial, and by the sensor only where there is no dial: a needle gives way as it touches down."""
        under, for_us = self.under_plan, run.samples * run.period_us
        if run.set_um is not None:
            if run.set_um >= limit_um:
                return
            under.set_um = run.set_um if under.set_um is None else min(under.set_um, run.set_um)
            under.set_for_us += for_us
            first = 0
        else:
            measured_limit_um = limit_um - self.limits.tolerance_um
            if low is None or low >= measured_limit_um:
                return
            at = [i for i, value in enumerate(run.depth or ()) if value < measured_limit_um]
            under.measured_um = low if under.measured_um is None else min(under.measured_um, low)
            for_us = len(at) * run.period_us
            under.measured_for_us += for_us
            first = at[0]
        under.for_us += for_us
        if under.first_record is None:
            under.first_record, under.limit_um = run.record_of(first), limit_um

    def document(self, *, operator_counts: bool) -> Json:
        """The zone's part of the derived record. `operator_counts` is whether anybody marked a pass in this stream."""
        operator, limits = self.passes_operator if operator_counts else None, self.limits
        most = None if self.passes_pen is None else self.passes_pen + self.passes_perhaps
        counts = [count for count in (self.passes_pen, most, operator) if count is not None]
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
                "operator": operator,
                "low": min(counts) if counts else None,
                "high": max(counts) if counts else None,
            },
            "passes_perhaps": self.passes_perhaps,
            "plan_passes_min": limits.passes_min,
            "plan_passes_max": limits.passes_max,
            "depth": self.depth.document("um"),
            "frequency": self.frequency.document("dhz"),
            "at_set_depth": [{"depth_set_um": um, "for_us": us} for um, us in sorted(self.at_set_depth.items())],
            "plan_min_um": limits.plan_min_um,
            "plan_max_um": limits.plan_max_um,
            "device_max_um": limits.device_max_um,
            "recommended_min_um": limits.recommended_min_um,
            "recommended_max_um": limits.recommended_max_um,
            "hard_max_um": limits.hard_max_um,
            "threshold_um": limits.threshold_um,
            "tolerance_um": limits.tolerance_um,
            "over_plan": self.over_plan.document(),
            "over_device": self.over_device.document(),
            "over_recommended": self.over_recommended.document(),
            "over_hard": self.over_hard.document(),
            "at_threshold": self.at_threshold.document(),
            "under_plan": self.under_plan.document(),
            "steadiness": self.steadiness.document(),
            "frequency_beyond_us": self.frequency_beyond_us,
            "compared_us": self.compared_us,
            "disagree_us": self.disagree_us,
            "judged": self.judged,
            "judged_us": self.judged_us,
            "judged_unseen": self.judged_unseen,
        }
