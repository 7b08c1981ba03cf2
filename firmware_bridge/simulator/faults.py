"""What a bad line does to sound frames: bits flip, bytes vanish, bytes appear, rubbish stands between frames.

Frames vanish, come twice or in another order, or are of a version that nobody here can read. Pure functions of bytes
and a seeded generator. Not responsible for when (script.py) nor for the port that vanishes (wire.py cuts the last
frame, run.py closes the pty).
"""

from dataclasses import replace
from random import Random

from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.frames import frame as wrapped
from firmware_bridge.simulator.script import Script, ScriptFault, dice

NEWER_MAJOR = PROTOCOL_MAJOR + 1

RUBBISH_MAX = 60  # bytes, far below the longest frame: rubbish costs no frame beside it
RUBBISH_ONE_IN = 6  # of the runs of frames that `_Victims` makes
_NEXT_FRAMES = ("drop", "flip", "duplicate", "reorder")  # they happen to the frames that come next, however many


def damaged(frame: bytes, rng: Random) -> bytes:
    """The frame as a bad line delivers it: always damaged, and its delimiters whole, so that no other frame is."""
    spoil = rng.choice(_DAMAGES)
    return b"\0" + spoil(frame[1:-1], rng) + b"\0"


def rubbish(rng: Random) -> bytes:
    """A few bytes of nothing, as they stand between two frames."""
    return rng.randbytes(rng.randint(3, RUBBISH_MAX))


def cut(frame: bytes, rng: Random) -> bytes:
    """The part of a frame that gets out before the plug is pulled: more than its delimiter, less than all of it."""
    return frame[: rng.randint(len(frame) // 3, len(frame) * 2 // 3)]


def newer(frame: bytes) -> bytes:
    """A frame of major version 2 in place of this one: what it says, a reader of version 1 cannot know."""
    return wrapped(bytes((NEWER_MAJOR << 4, frame[3])) + frame[1:-1])


class Line:
    """Carries the frames of one script, and does to them what the script says."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._noise = _Victims(dice(script.seed, "line"))
        self._loss = _Victims(dice(script.seed, "loss"))
        self._flips = dice(script.seed, "flips")
        self._ahead = list(script.faults_of(*_NEXT_FRAMES))
        self._begun: list[ScriptFault] = []  # their value is how many frames they will still meet
        self._held: list[bytes] = []  # to be sent in reversed order

    def carry(self, t_us: int, frame: bytes) -> bytes:
        """What arrives of a frame that is sent at `t_us` microseconds of the script."""
        if self._script.fault_at("stall", t_us) is not None:
            return b""
        while self._ahead and self._ahead[0].from_us <= t_us:
            self._begun.append(self._ahead.pop(0))
        arrives, begun, self._begun = self._disturbed(t_us, frame), self._begun, []
        for fault in begun:
            left = fault.value
            if arrives:  # else it is gone already, and the fault waits for the next
                arrives = self._met(fault, arrives)
                left = 0 if fault.kind == "flip" else left - 1
            if left:
                self._begun.append(replace(fault, value=left))
        return arrives

    def _disturbed(self, t_us: int, frame: bytes) -> bytes:
        """The frame after noise and loss, which act while in contact."""
        if self._script.glide_at(t_us) is None:
            return frame
        loss, noise = self._script.fault_at("loss", t_us), self._script.fault_at("noise", t_us)
        if loss is not None and self._loss.hits(loss.value):
            return b""
        if noise is None:
            return frame
        rng = self._noise.rng
        hit = self._noise.hits(noise.value)
        arrives = damaged(frame, rng) if hit else frame
        return rubbish(rng) + arrives if self._noise.rubbish else arrives

    def _met(self, fault: ScriptFault, frame: bytes) -> bytes:
        match fault.kind:
            case "drop":
                return b""
            case "flip":
                return b"\0" + flipped(frame[1:-1], fault.value, self._flips) + b"\0"
            case "duplicate":
                return frame + frame
            case _:
                self._held.insert(0, frame)
                if fault.value > 1:
                    return b""
                arrives, self._held = b"".join(self._held), []
                return arrives


class _Victims:
    """Which frames are hit: one of every run of frames, and never the last of a run.

    One per run instead of a throw per frame: a session of eight seconds has its share, and two frames in a row never
    are, so that a gap stays under 100 ms. `rubbish`: whether some stands before the frame that was last asked for.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.rubbish = False
        self._place = 0
        self._run = 0
        self._victim = 0
        self._rubbish_at: int | None = None

    def hits(self, per_thousand: int) -> bool:
        """Whether the next frame is hit."""
        if self._place == self._run:
            self._next_run(per_thousand)
        at, self._place = self._place, self._place + 1
        self.rubbish = at == self._rubbish_at
        return at == self._victim

    def _next_run(self, per_thousand: int) -> None:
        self._place, self._run = 0, max(2, 1000 // per_thousand)
        self._victim = self.rng.randrange(self._run - 1)
        self._rubbish_at = self.rng.randrange(self._run) if self.rng.randrange(RUBBISH_ONE_IN) == 0 else None


def flipped(body: bytes, n_bits: int, rng: Random) -> bytes:
    """The body with so many of its bits turned round, no bit twice."""
    spoiled = bytearray(body)
    for bit in rng.sample(range(8 * len(body)), min(n_bits, 8 * len(body))):
        spoiled[bit // 8] ^= 1 << bit % 8
    return bytes(spoiled)


def _flip(body: bytes, rng: Random) -> bytes:
    spoiled = bytearray(body)
    for at in rng.sample(range(len(body)), rng.randint(1, 3)):
        spoiled[at] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def _drop(body: bytes, rng: Random) -> bytes:
    lost = set(rng.sample(range(len(body)), rng.randint(1, 3)))
    return bytes(byte for at, byte in enumerate(body) if at not in lost)


def _insert(body: bytes, rng: Random) -> bytes:
    at = rng.randrange(1, len(body))  # inside: a delimiter at the edge would do no harm
    more = bytes(rng.choice((0, rng.randrange(256))) for _ in range(rng.randint(1, 3)))
    return body[:at] + more + body[at:]


_DAMAGES = (_flip, _drop, _insert)
