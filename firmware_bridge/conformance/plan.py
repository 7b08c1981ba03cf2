"""What is done to a pen in a run: phase by phase, what the host sends and when, and what a person is asked to do.

Pure data. Not responsible for doing it, nor for what comes of it (the rules).
"""

from dataclasses import dataclass
from typing import NamedTuple

from firmware_bridge.conformance.capture import PHASES
from firmware_bridge.conformance.trace import REQUEST
from firmware_bridge.frames import MAX_SEGMENT, frame

XOFF, XON = b"\x13", b"\x11"
WATCH_S = 30.0

_HEAD_BYTES = 14
_KIND_NOBODY_KNOWS = 99


class Say(NamedTuple):
    """At this time after the beginning of its phase the host sends these bytes."""

    after_us: int
    data: bytes


class Turn(NamedTuple):
    """At this time after the beginning of its phase DTR and RTS are both turned to the other state, or back again."""

    after_us: int
    other: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One phase, a name of PHASES, and how long it lasts. `ask`: what a person has to do before it begins."""

    phase: str
    lasts_us: int
    acts: tuple[Say | Turn, ...] = ()
    ask: str = ""

    @property
    def what(self) -> str:
        """What happens in it."""
        return PHASES[self.phase]


def _rubbish() -> tuple[bytes, ...]:
    """What a pen cannot understand, and must not be moved by. Each ends with a delimiter."""
    spoiled = bytearray(REQUEST)
    spoiled[-2] ^= 0x01
    head = bytes(_HEAD_BYTES - 2)
    return (
        bytes(range(1, 64)) + b"\0",
        b"\0\0\0\0\0",
        b"\0AT\r\nhelp\r\n\0",
        bytes(spoiled),
        REQUEST[: len(REQUEST) // 2] + b"\0",
        frame(bytes((0x10, _KIND_NOBODY_KNOWS)) + head + b"what is this"),
        frame(bytes((0x20, 16)) + head),  # a request of another major version
        frame(bytes((0x00, 16)) + head),
        b"\x55" * (MAX_SEGMENT + 46) + b"\0",
    )


_REST = "hold the pen still, its motor off"
_LISTEN = Step(phase="listen", lasts_us=6_500_000)
_ASK = Step(phase="ask", lasts_us=3_000_000, acts=tuple(Say(n * 700_000, REQUEST) for n in range(4)))
_XOFF = Step(phase="xoff", lasts_us=2_000_000, acts=(Say(0, XOFF), Say(1_900_000, XON)))
_RUBBISH = Step(
    phase="rubbish",
    lasts_us=3_000_000,
    acts=(*(Say(n * 50_000, data) for n, data in enumerate(_rubbish())), Say(1_500_000, REQUEST)),
)
_LINES = Step(phase="lines", lasts_us=4_500_000, acts=tuple(Turn(n * 100_000, n % 2 == 0) for n in range(4)))
_MOTOR = Step(
    phase="motor",
    lasts_us=8_000_000,
    ask="switch the motor ON and let it run; meanwhile turn the dial, press the pass button, touch the tip and lift it",
)
_OFF = Step(phase="off", lasts_us=7_000_000, ask="switch the motor OFF, and hold the pen still")
_POWER = Step(phase="power", lasts_us=8_000_000, ask="switch the pen off, count to three, and switch it on again")


def steps(*, watch_s: float | None, power_cycle: bool) -> tuple[Step, ...]:
    """The steps of a run. With `watch_s` nobody is asked anything: whatever happens in that time is watched."""
    own = (_LISTEN, _ASK, _XOFF, _RUBBISH, _LINES)
    if watch_s is not None:
        watch = Step(phase="watch", lasts_us=int(watch_s * 1_000_000))
        power = (Step(phase="power", lasts_us=_POWER.lasts_us),) if power_cycle else ()
        return (*own, watch, *power)
    listen = Step(phase=_LISTEN.phase, lasts_us=_LISTEN.lasts_us, ask=_REST)
    return (listen, *own[1:], _MOTOR, _OFF, *((_POWER,) if power_cycle else ()))
