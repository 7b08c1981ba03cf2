"""When nobody ends a session: what is done about it, and after how long without needling. Pure: stamps in, acts out.

The times are ours: there is no source for any of them. Not responsible for carrying an act out (forgotten.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

from devicelog.errors import UsageProblem
from firmware_bridge.readings import Overflow, RawInput, Reading, SampleBlock, SensorBatch

Act = Literal["prompt", "pause", "resume", "close"]
Seen = Literal["nothing", "person", "needling"]
Standing = Literal["recording", "paused", "paused by the recorder"]

# What may be done about a session as it stands. A pause that a person made is never lifted.
POSSIBLE: dict[Standing, frozenset[Act]] = {
    "recording": frozenset({"prompt", "pause", "close"}),
    "paused": frozenset({"prompt", "close"}),
    "paused by the recorder": frozenset({"prompt", "resume", "close"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleLimits:
    """How long without needling until each act; 0 is never."""

    prompt_us: int = 180_000_000
    pause_us: int = 600_000_000
    close_us: int = 1_800_000_000

    @classmethod
    def of_seconds(cls, prompt_s: float, pause_s: float, close_s: float) -> Self:
        """Raises UsageProblem when an act would come before a milder one."""
        limits = cls(prompt_us=_us(prompt_s), pause_us=_us(pause_s), close_us=_us(close_s))
        wanted = [(act, after_us) for act, after_us in limits.named() if after_us]
        for (milder, milder_us), (act, after_us) in pairwise(wanted):
            if after_us < milder_us:
                raise UsageProblem(
                    f"--idle-{act} {spelled(after_us)} is before --idle-{milder} {spelled(milder_us)}; "
                    "in this order: prompt, pause, close (0: never)"
                )
        return limits

    def named(self) -> tuple[tuple[Act, int], ...]:
        """Each act with its time, the mildest first."""
        return ("prompt", self.prompt_us), ("pause", self.pause_us), ("close", self.close_us)


class Idleness:
    """For how long a session has been without needling, by the stamps of its records."""

    def __init__(self, limits: IdleLimits, t_us: int) -> None:
        self._due = [(act, after_us) for act, after_us in limits.named() if after_us]
        self._since_us = self._now_us = t_us
        self._done = 0  # of what is due in this stretch without needling

    def step(self, t_us: int, seen: Seen, standing: Standing) -> list[Act]:
        """What is to be done, in order, now that this was seen. A stamp that runs back counts as the newest one.

        A person who makes a mark has not forgotten the session: that begins the time anew as needling does, and lifts
        nothing.
        """
        self._now_us = max(self._now_us, t_us)
        if seen != "nothing":
            self._since_us, self._done = self._now_us, 0
            return ["resume"] if seen == "needling" and "resume" in POSSIBLE[standing] else []
        acts: list[Act] = []
        while self._done < len(self._due) and self._now_us - self._since_us >= self._due[self._done][1]:
            acts.append(self._due[self._done][0])
            self._done += 1
        return [act for act in acts if act in POSSIBLE[standing]]


def seen_in(item: RawInput, readings: Sequence[Reading]) -> Seen:
    """What an input and the readings it completed tell. Where input was dropped, nobody can say that none needled."""
    for reading in readings:
        if isinstance(reading, SampleBlock) and _needled(reading):
            return "needling"
    lost = isinstance(item, Overflow) or (isinstance(item, SensorBatch) and item.dropped)
    return "person" if lost else "nothing"


def _needled(block: SampleBlock) -> bool:
    return block.motor_on if block.contact_bits is None else block.contact_bits != 0


def spelled(t_us: int) -> str:
    """`30 min`, `90 s`, `2.5 s`."""
    if t_us >= 60_000_000 and t_us % 60_000_000 == 0:
        return f"{t_us // 60_000_000} min"
    return f"{t_us / 1_000_000:.6f}".rstrip("0").rstrip(".") + " s"


def _us(seconds: float) -> int:
    return max(1, round(seconds * 1_000_000)) if seconds else 0
