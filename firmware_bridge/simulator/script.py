"""One session of the simulated pen as a timetable: zones, dial settings, glides, passes, marks, and what goes wrong.

Pure values. Made by arm.py and placing.py; not responsible for what the sensor makes of it (physics.py), for frames
(pen.py), or for the bytes that a fault spoils (faults.py).
All times are microseconds of pen time since the script began; intervals include their start and not their end.
"""

from bisect import bisect_right
from dataclasses import dataclass
from random import Random
from typing import Literal

_CLOCK_LOST = ("stall", "reboot", "brownout", "wrong pen", "clock drift", "newer protocol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of time in one zone under one dial setting. Segments follow each other without a hole."""

    zone: str
    depth_set_um: int
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Glide:
    """One interval of skin contact. `ends_pass`: the zone is covered once more, and the pen's pass button follows."""

    zone: str
    from_us: int
    to_us: int
    ends_pass: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptMark:
    """What a scripted operator enters at `t_us`: the zone she turns to, or a pass over `zone` that is done."""

    t_us: int
    kind: Literal["zone", "pass"]
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFault:
    """Something goes wrong. `kind` is a name of `scenario.KINDS`, which says what `value` is.

    What happens in a moment ends when it begins.
    """

    kind: str
    from_us: int
    to_us: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One session of the simulated operator, everything in order of time. `pass_us`: the pen counts a pass.

    `motor` is from when to when it runs; `lacks` is what the pen does not have (`scenario.PENS`).
    """

    scenario: str
    seed: int
    duration_us: int
    segments: tuple[Segment, ...]
    glides: tuple[Glide, ...]
    pass_us: tuple[int, ...]
    marks: tuple[ScriptMark, ...]
    motor: tuple[tuple[int, int], ...]
    faults: tuple[ScriptFault, ...] = ()
    lacks: frozenset[str] = frozenset()

    @property
    def clock_tells(self) -> bool:
        """Whether the pen's clock tells the time of the script: it is heard all along, and never errs or restarts."""
        return len(self.motor) == 1 and not any(fault.kind in _CLOCK_LOST for fault in self.faults)

    def segment_at(self, t_us: int) -> Segment:
        """The segment at this time; the first before the script, the last after it."""
        return self.segments[max(0, bisect_right(self.segments, t_us, key=_start) - 1)]

    def glide_at(self, t_us: int) -> Glide | None:
        """The interval of contact at this time, or None when the pen is lifted."""
        at = bisect_right(self.glides, t_us, key=_start) - 1
        return self.glides[at] if at >= 0 and t_us < self.glides[at].to_us else None

    def faults_of(self, *kinds: str) -> tuple[ScriptFault, ...]:
        """The faults of these kinds, in order of time."""
        return tuple(fault for fault in self.faults if fault.kind in kinds)

    def fault_at(self, kind: str, t_us: int) -> ScriptFault | None:
        """The fault of this kind at this time, if there is one."""
        return next(
            (fault for fault in self.faults if fault.kind == kind and fault.from_us <= t_us < fault.to_us), None
        )


def dice(seed: int, purpose: str) -> Random:
    """A generator of its own for each purpose, so that a fault in a script does not change the noise of its sensor."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - a simulation must be repeatable, and guards no secret


def _start(interval: Segment | Glide) -> int:
    return interval.from_us
