"""Where the depth dial stands: by the two channels of an encoder, or by the counts of a potentiometer. Pure.

A dial whose position is not known says None and counts why: a setting that may be wrong is none. What it says is the
setting, and neither measured depth nor depth in tissue.
"""

from typing import Any

from firmware_bridge.wiring import Encoder, Potentiometer

DEAD_EDGES = 6  # of one channel with none of the other between them: whoever turns makes two at most
RAILS = (1, 1022)  # where a converter with a broken wire reads, give or take a count
BEYOND = 8  # counts that the end of the dial's way may be from where it was measured: not quite a hundredth of the way
STALE_US = 250_000  # the newest conversion says where the dial stands for so long, or for four conversions


class Quadrature:
    """An encoder: four edges are one step, deeper when `a` leads `b`. The position is known from `start_um` or home on.

    Positions are quarters of a step from where it was known last. `min_um` and `max_um` are the ends of the dial's way:
    it cannot stand beyond them, and edges that say so are counted (`beyond`) and move nothing.
    """

    __slots__ = (
        *("_active", "_at", "_encoder", "_from_um", "_home", "_lone", "_turned_us"),
        *("beyond", "dead", "illegal", "lost"),
    )

    def __init__(self, encoder: Encoder) -> None:
        self.illegal = self.lost = self.beyond = 0
        self.dead: str | None = None  # the channel that was silent while the other was not
        self._encoder = encoder
        self._from_um = encoder.start_um or 0
        self._at: int | None = None if encoder.start_um is None else 0
        self._active = [False, False]  # channels a and b
        self._home = False
        self._turned_us: list[int | None] = [None, None]  # when each changed last
        self._lone = [0, 0]  # changes of each since the other one changed

    @property
    def um(self) -> int | None:
        """The setting; None where it is not known."""
        return None if self._at is None else self._um(self._at)

    def begin(self, *, a: bool, b: bool, home: bool, anew: bool) -> None:
        """Watching begins. `anew`: nobody watched for a time, and the dial may have been turned in it."""
        self._active, self._home, self._turned_us, self._lone = [a, b], home, [None, None], [0, 0]
        if anew:
            self.lose()
        if home:
            self._arrive()

    def lose(self) -> None:
        """The position is not known any more, until the dial is at home."""
        self.lost += self._at is not None
        self._at = None

    def turn_a(self, t_us: int, active: bool) -> None:
        """Channel a changed."""
        self._turn(t_us, 0, deeper=active is not self._active[1])
        self._active[0] = active

    def turn_b(self, t_us: int, active: bool) -> None:
        """Channel b changed."""
        self._turn(t_us, 1, deeper=active is self._active[0])
        self._active[1] = active

    def turn_home(self, _t_us: int, active: bool) -> None:
        """The home switch changed. Where it is active it is known where the dial stands."""
        self._home = active
        if active:
            self._arrive()
            self._lone = [0, 0]

    def document(self) -> dict[str, Any]:
        """What went wrong with it."""
        return {"illegal": self.illegal, "dead_channel": self.dead, "lost": self.lost, "beyond": self.beyond}

    def _arrive(self) -> None:
        self._from_um, self._at = self._encoder.at_home_um or 0, 0

    def _turn(self, t_us: int, channel: int, *, deeper: bool) -> None:
        other = 1 - channel
        self._lone[channel] += 1
        self._lone[other] = 0
        self._turned_us[channel] = t_us
        if self._turned_us[other] == t_us:  # both at once: two quarters, this way or that
            self.illegal += 1
            self.lose()
        elif self._lone[channel] >= DEAD_EDGES:
            self.dead = "ab"[other]
            self.lose()
        elif self._at is not None and not self._home:
            at = self._at + (1 if deeper else -1)
            if self._encoder.min_um <= self._um(at) <= self._encoder.max_um:
                self._at = at
            else:
                self.beyond += 1

    def _um(self, at: int) -> int:
        return self._from_um + at * self._encoder.step_um // 4


class Counts:
    """A potentiometer on a converter of ten bits: the setting is the detent nearest to the newest conversion.

    The next detent is taken when it is nearer by half a step: a count that flickers between two turns nothing.
    """

    __slots__ = ("_newest_us", "_part", "_stale_us", "_um", "conversions", "rail")

    def __init__(self, part: Potentiometer) -> None:
        self.conversions = self.rail = 0
        self._part = part
        self._stale_us = max(STALE_US, 4_000_000 // part.rate_hz)
        self._newest_us: int | None = None
        self._um: int | None = None

    def begin(self) -> None:
        """Watching begins: where the dial stands is not known before the next conversion."""
        self._newest_us = self._um = None

    def take(self, t_us: int, count: int) -> None:
        """A conversion, in the order of time."""
        self.conversions += 1
        self._newest_us = t_us
        low, high = self._part.points[0][0], self._part.points[-1][0]
        if not (RAILS[0] < count < RAILS[1] and low - BEYOND <= count <= high + BEYOND):
            self.rail += 1
            self._um = None
            return
        step_um, at_um = self._part.step_um, self._interpolated(min(max(count, low), high))
        if self._um is None or 4 * abs(at_um - self._um) > 3 * step_um:
            self._um = (2 * at_um + step_um) // (2 * step_um) * step_um

    def at(self, t_us: int) -> int | None:
        """The setting at a time not before the newest conversion; None where it is not known."""
        stale = self._newest_us is None or t_us - self._newest_us >= self._stale_us
        return None if stale else self._um

    def document(self, watched_us: int) -> dict[str, Any]:
        """How many conversions there were, how many belong to so much watching, how many told of no dial."""
        expected = watched_us * self._part.rate_hz // 1_000_000
        return {"conversions": self.conversions, "expected": expected, "rail": self.rail}

    def _interpolated(self, count: int) -> int:
        points = self._part.points
        above = next(i for i, point in enumerate(points) if count <= point[0])
        if not above:
            return points[0][1]
        (count_0, um_0), (count_1, um_1) = points[above - 1], points[above]
        return um_0 + (um_1 - um_0) * (count - count_0) // (count_1 - count_0)
