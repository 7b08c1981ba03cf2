"""Whether something happened that a rule may find at once: asked in every turn of a recording, so it is cheap. Pure.

A run that only goes on need not be counted to know that it says nothing new: a look at the samples since the last look
is enough. It may say yes for nothing, and never no for something. Not responsible for what a rule finds.
"""

from devicelog.runs import Run
from devicelog.steady import LEAP_UM, Neighbours
from devicelog.tally import ALARM_SAMPLES, Beyond, ZoneTally

LASTS_US = 250_000  # what lasts is looked at four times a second; the limits of the rules are multiples of it


class Look:
    """What was seen of the run that is open. One per stream."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._seen = 0  # samples of it
        self._last_um: int | None = None
        self._still_us = 0  # for how long it has stood
        self._low_um = self._high_um = 0

    def finds(self, run: Run, tally: ZoneTally, neighbours: Neighbours, *, assigned: bool) -> bool:
        """Whether counting this run in this zone may change what `stirred` says."""
        if run is not self._run:
            self._run, self._seen = run, 0
            self._last_um, self._still_us = neighbours.newest_um, neighbours.still_us
            self._low_um = self._high_um = (
                self._last_um if self._last_um is not None else run.depth[0] if run.depth else 0
            )
        seen, self._seen = self._seen, run.samples
        if run.samples * run.period_us >= LASTS_US:
            return True
        if run.contact is None and run.motor_on:
            if not tally.contact_unknown_us or not assigned:
                return not tally.contact_unknown_us
        elif not run.contact:
            return False
        return _of_the_dial(run, tally) or _of_columns(run, tally, seen) or self._of_depth(run, tally, seen)

    def _of_depth(self, run: Run, tally: ZoneTally, seen: int) -> bool:
        new = run.depth[seen:] if run.depth is not None else None
        if not new:
            return False
        low, high, n = min(new), max(new), len(new)
        if new[0] == self._last_um and self._still_us + n * run.period_us >= LASTS_US:
            return True
        if low != high or low != self._last_um:
            self._still_us, self._last_um = 0, new[-1]
            n = next((i for i in range(1, n) if new[-1 - i] != self._last_um), n)
        self._still_us += n * run.period_us
        self._low_um, self._high_um = min(self._low_um, low), max(self._high_um, high)
        limits = tally.limits
        if self._still_us >= LASTS_US:
            return True
        if self._high_um - self._low_um > LEAP_UM and tally.steadiness.first_record is None:
            return True
        if run.set_um is None and limits.plan_min_um is not None and low < limits.plan_min_um - limits.tolerance_um:
            return True
        return _alarming(tally, high - limits.tolerance_um)


def _of_the_dial(run: Run, tally: ZoneTally) -> bool:
    set_um, limits = run.set_um, tally.limits
    if set_um is None:
        return run.depth is None and not tally.judged_unseen
    if limits.plan_min_um is not None and set_um < limits.plan_min_um:
        return True
    threshold_um = limits.threshold_um
    if threshold_um is not None and set_um >= threshold_um and tally.at_threshold.samples < ALARM_SAMPLES:
        return True
    return _alarming(tally, set_um)


def _of_columns(run: Run, tally: ZoneTally, seen: int) -> bool:
    """A column that is missing for the first time; frequencies that are beyond."""
    if run.depth is None and tally.depth.n == tally.judged:
        return True
    if run.frequency is None:
        return tally.frequency.n == tally.judged
    least, most, new = tally.limits.frequency_min_dhz, tally.limits.frequency_max_dhz, run.frequency[seen:]
    return bool(new) and least is not None and most is not None and (min(new) < least or max(new) > most)


def _alarming(tally: ZoneTally, depth_um: int) -> bool:
    """Whether this depth is beyond a limit that has not raised an alarm yet."""
    limits = tally.limits
    return (
        _counts(depth_um, limits.device_max_um, tally.over_device)
        or _counts(depth_um, limits.plan_max_um, tally.over_plan)
        or _counts(depth_um, limits.recommended_max_um, tally.over_recommended)
        or _counts(depth_um, limits.hard_max_um, tally.over_hard)
    )


def _counts(depth_um: int, limit_um: int | None, over: Beyond) -> bool:
    return limit_um is not None and depth_um > limit_um and over.samples < ALARM_SAMPLES


def stirred(tally: ZoneTally) -> tuple[object, ...]:
    """Another value whenever a rule may find something else in this zone; what lasts stirs four times a second."""
    overs = (tally.over_device, tally.over_plan, tally.over_recommended, tally.over_hard, tally.at_threshold)
    return (
        *(over.samples >= ALARM_SAMPLES for over in overs),
        tally.steadiness.first_record is None,
        (tally.under_plan.for_us + LASTS_US - 1) // LASTS_US,  # a rule lets pass what is not over its limit
        (tally.frequency_beyond_us + LASTS_US - 1) // LASTS_US,
        tally.steadiness.longest_still_us // LASTS_US,  # and another finds it at its limit
        tally.depth.n < tally.judged,
        tally.frequency.n < tally.judged,
        not tally.judged_unseen,
        not tally.contact_unknown_us,
    )
