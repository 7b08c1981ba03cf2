"""Neighbouring measured depths on the skin: does the sensor leap, does it stand still? Pure.

Two samples are neighbours when they follow each other in one glide under one dial setting. A value stands still from
one to the next, also in another zone, and over a lift in which the sensor said nothing else. Not responsible for what
is too much (the rules).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import sub

from devicelog.canonical import Json

LEAP_UM = 500  # what no hand and no skin does between two samples: ours, no source exists


@dataclass(slots=True)
class Steadiness:
    """What one zone's neighbours said."""

    compared: int = 0  # pairs of neighbours
    leaps: int = 0
    largest_um: int = 0
    first_record: int | None = None  # of the first leap
    longest_still_us: int = 0

    def document(self) -> Json:
        """As plain values."""
        return {
            "compared": self.compared,
            "leaps": self.leaps,
            "largest_um": self.largest_um,
            "first_record": self.first_record,
            "longest_still_us": self.longest_still_us,
        }


class Neighbours:
    """Carries the newest depth from run to run, so that it does not matter where a run is cut."""

    def __init__(self) -> None:
        self._last_um: int | None = None
        self._parted = False
        self._still_us = 0  # for how long the newest value has stood

    @property
    def newest_um(self) -> int | None:
        """The newest judged depth; None where there was none."""
        return self._last_um

    @property
    def still_us(self) -> int:
        """For how long it has stood."""
        return self._still_us

    def part(self) -> None:
        """What comes next is no neighbour of what came. A sensor that has stopped is not freed by a lift, though."""
        self._parted = True

    def pass_by(self, depth_um: Sequence[int]) -> None:
        """Depths that are not judged. A sensor that says something else in them has not stopped."""
        if any(um != self._last_um for um in depth_um):
            self._still_us = 0

    def take(self, depth_um: Sequence[int], period_us: int, steadiness: Steadiness) -> int | None:
        """Compare the depths of a run; returns the index of the first sample after a leap, if there is one."""
        first, values = 0, depth_um
        if self._last_um is None:
            first, self._still_us = 1, period_us
        else:
            values = [self._last_um, *depth_um]
        steps = list(map(sub, values[1:], values))
        self._last_um = depth_um[-1]
        self._still(steps, period_us, steadiness)
        if self._parted and not first:
            first, steps = 1, steps[1:]
        self._parted = False
        steadiness.compared += len(steps)
        largest_um = max(*steps, -min(steps)) if steps else 0
        steadiness.largest_um = max(steadiness.largest_um, largest_um)
        if largest_um <= LEAP_UM:
            return None
        at = [index for index, step in enumerate(steps) if abs(step) > LEAP_UM]
        steadiness.leaps += len(at)
        return at[0] + first

    def _still(self, steps: list[int], period_us: int, steadiness: Steadiness) -> None:
        """A sample that equals the one before it stands still; the longest row of them, in time."""
        rows = bytes(map(bool, steps)).split(b"\1")
        self._still_us += len(rows[0]) * period_us
        longest_us = self._still_us if rows[0] or len(rows) == 1 else 0  # else it ended with the run before
        if len(rows) > 1:
            self._still_us = period_us * (1 + len(rows[-1]))
            longest_us = max(longest_us, period_us * (1 + max(map(len, rows[1:]))))
        steadiness.longest_still_us = max(steadiness.longest_still_us, longest_us)
