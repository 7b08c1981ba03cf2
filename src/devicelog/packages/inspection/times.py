"""Days and times as entries have them: what lies in the days that were asked for, and how long it was between. Pure."""

import calendar
import re
from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry

UNSURE = ("restored", "unknown")  # of the confidences of a clock: its `at` may be of another day
_AT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z\Z", re.ASCII)
STEP_US = 2_000_000  # wall and monotonic clock that differ by more from one entry to the next: one was set


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where an entry stands and when it was made: its number and its clocks. Thousands are kept, an entry is not."""

    seq: int
    at: str
    clock: str
    boot: str
    mono_us: int

    @staticmethod
    def of(entry: Entry) -> "Stamp":
        """Of this entry."""
        return Stamp(seq=entry.seq, **{key: entry.values[key] for key in ("at", "clock", "boot", "mono_us")})

    def document(self) -> Json:
        """As plain values."""
        return {"seq": self.seq, "at": self.at, "clock": self.clock}


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The first and the last day, both included, UTC, as 2031-01-01."""

    first: str
    last: str

    def __contains__(self, at: object) -> bool:
        return isinstance(at, str) and self.first <= at[:10] <= self.last

    def overlap_us(self, since: str, until: str) -> int | None:
        """How much of the time between two `at` lies in these days; None where it cannot be told."""
        begin, end = when_us(since), when_us(until)
        low, high = when_us(f"{self.first}T00:00:00Z"), when_us(f"{self.last}T23:59:59.999999Z")
        if begin is None or end is None or low is None or high is None or end < begin:
            return None
        return max(0, min(end, high) - max(begin, low))


def when_us(at: str) -> int | None:
    """The moment that an `at` names, microseconds since 1970, or None where it names none."""
    told = _AT.match(at)
    if told is None:
        return None
    year, month, day, hour, minute, second = map(int, told.groups()[:6])
    if not (year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    return seconds * 1_000_000 + int((told[7] or "").ljust(6, "0"))


def between_us(before: Stamp, after: Stamp) -> int | None:
    """How long it was from one entry to a later one: by the monotonic clock where both are of one start of the
    computer, else by the wall clock; None where neither can tell."""
    if before.boot == after.boot and after.mono_us >= before.mono_us:
        return after.mono_us - before.mono_us
    wall_us = wall_between_us(before, after)
    return None if wall_us is None or wall_us < 0 else wall_us


def wall_between_us(before: Stamp, after: Stamp) -> int | None:
    """The same by the wall clock alone; negative where it went back."""
    begin, end = when_us(before.at), when_us(after.at)
    return None if begin is None or end is None else end - begin


def stepped_us(before: Stamp, after: Stamp) -> int:
    """By how much the wall clock was set between two entries that follow each other; 0: no sign of it.

    Between two starts of the computer only a clock that went back is a sign.
    """
    wall_us = wall_between_us(before, after)
    if wall_us is None:
        return 0
    if before.boot == after.boot and after.mono_us >= before.mono_us:
        step_us = wall_us - (after.mono_us - before.mono_us)
        return step_us if abs(step_us) > STEP_US else 0
    return min(0, wall_us)
