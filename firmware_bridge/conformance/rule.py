"""One rule as it is judged: its id, how strict it is, which function judges it, what is expected. Values only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from firmware_bridge.conformance.trace import Damage, Frame, Stranger, Trace

Level = Literal["MUST", "SHOULD", "MAY"]
Result = Literal["passed", "failed", "advice", "not shown", "not used"]

Place = Frame | Stranger | Damage
_SHOWN_BYTES = 48


class Judged(NamedTuple):
    """What a check found, and in words why: the figures, or what a person has to do so that it can be judged.

    `place` is the frame, or the run of bytes, that shows it first.
    """

    result: Result
    why: str
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of one rule. `id` is its number in docs/protocol.md, and where the rule says several things, which.

    `needed`: a pen of which this was not shown is not shown to conform. Not so where a port may have no way to show it.
    """

    id: str
    level: Level
    what: str
    expected: str
    judge: Callable[[Trace], Judged]
    needed: bool = True
    unread: bool = False  # can be judged when not one frame could be read

    def of(self, trace: Trace) -> Judged:
        """The judgement. What a pen only should do is advice when it does not."""
        if not trace.frames and not self.unread:
            return unchecked("no frame of the pen could be read")
        judged = self.judge(trace)
        return judged._replace(result="advice") if judged.result == "failed" and self.level == "SHOULD" else judged

    @property
    def counts(self) -> bool:
        """Whether a pen of which this was not shown is not shown to conform."""
        return self.needed and self.level == "MUST"


def passed(why: str) -> Judged:
    """It was looked at, and it is so."""
    return Judged("passed", why)


def failed(why: str, place: Place | None = None) -> Judged:
    """It is not so; `why` has the figures, `place` the frame that shows it first."""
    return Judged("failed", why, place)


def unchecked(do: str) -> Judged:
    """It could not be looked at. `do` says what was missing and what a person can do."""
    return Judged("not shown", do)


def absent(why: str) -> Judged:
    """There is nothing to look at in this kind of pen."""
    return Judged("not used", why)


def at(trace: Trace, place: Place | int) -> str:
    """A place for a person: the frame's number, and seconds since the run began."""
    host_us = place if isinstance(place, int) else place.host_us
    when = f"at {(host_us - trace.began_us) / 1_000_000:.2f} s"
    match place:
        case int():
            return when
        case Damage():
            return f"after frame {place.after} {when}" if place.after else f"before the first frame {when}"
        case _:
            return f"in frame {place.number} {when}"


def hex_of(data: bytes) -> str:
    """Bytes for a person; of many, the first."""
    return data[:_SHOWN_BYTES].hex(" ") + (f" and {len(data) - _SHOWN_BYTES} more" if len(data) > _SHOWN_BYTES else "")
