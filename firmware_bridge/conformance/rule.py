"""One rule as it is checked: its number, how strict it is, and the function that judges it. Values only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from firmware_bridge.conformance.trace import Trace

Level = Literal["MUST", "SHOULD", "MAY"]
Result = Literal["pass", "fail", "advice", "not checked", "not applicable"]


class Judged(NamedTuple):
    """What a check found, and in words why: the figures, or what a person has to do so that it can be checked."""

    result: Result
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of one rule. `id` is the rule's number, and where a rule says several things, which of them.

    `needed`: a pen that was not checked on this is not shown to conform. "power": only when it was to be switched off
    and on.
    """

    id: str
    level: Level
    what: str
    judge: Callable[[Trace], Judged]
    needed: bool | Literal["power"] = True
    unread: bool = False  # can be judged when not one frame could be read

    def of(self, trace: Trace) -> Judged:
        """The judgement. What a pen only should do is advice when it does not."""
        if not trace.frames and not self.unread:
            return unchecked("no frame of the pen could be read")
        judged = self.judge(trace)
        return Judged("advice", judged.why) if judged.result == "fail" and self.level == "SHOULD" else judged

    def is_needed(self, trace: Trace) -> bool:
        """Whether it counts that this could not be checked."""
        return trace.setting.power_cycle if self.needed == "power" else self.needed and self.level == "MUST"


def passed(why: str) -> Judged:
    """It was looked at, and it is so."""
    return Judged("pass", why)


def failed(why: str) -> Judged:
    """It is not so; `why` has the first place and the figures."""
    return Judged("fail", why)


def unchecked(do: str) -> Judged:
    """It could not be looked at. `do` says what was missing and what a person can do."""
    return Judged("not checked", do)


def absent(why: str) -> Judged:
    """There is nothing to look at in this kind of pen."""
    return Judged("not applicable", why)


def at(trace: Trace, host_us: int) -> str:
    """A moment for a person: seconds since the run began."""
    return f"at {(host_us - trace.began_us) / 1_000_000:.2f} s"
