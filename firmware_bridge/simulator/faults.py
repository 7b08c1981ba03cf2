"""What a bad line does to sound frames: bits flip, bytes vanish, bytes appear, rubbish stands between frames.

Pure functions of bytes and a seeded generator. Not responsible for when (script.py) nor for the port that vanishes
(pen.py cuts the last frame, run.py closes the pty).
"""

from random import Random

from firmware_bridge.simulator.script import Script, dice

RUBBISH_MAX = 60  # bytes, far below the longest frame: rubbish costs no frame beside it
RUBBISH_ONE_IN = 6  # of the runs of frames that `NoisyLine` makes


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


class NoisyLine:
    """Carries the frames of one script. Of every run of frames inside the noise and in contact, one is damaged.

    One per run instead of a throw per frame: a session of eight seconds has its share, and never the last of a run,
    so that two frames in a row never are and a gap stays under 100 ms.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._rng = dice(script.seed, "line")
        self._place = 0
        self._run = 0
        self._victim = 0
        self._rubbish_at: int | None = None

    def carry(self, t_us: int, frame: bytes) -> bytes:
        """What arrives of a frame that is sent at `t_us` microseconds of the script."""
        noise = self._script.fault_at("noise", t_us)
        if noise is None or self._script.glide_at(t_us) is None:
            return frame
        if self._place == self._run:
            self._next_run(noise.value)
        at, self._place = self._place, self._place + 1
        arrives = damaged(frame, self._rng) if at == self._victim else frame
        return rubbish(self._rng) + arrives if at == self._rubbish_at else arrives

    def _next_run(self, damaged_per_thousand: int) -> None:
        self._place, self._run = 0, max(2, 1000 // damaged_per_thousand)
        self._victim = self._rng.randrange(self._run - 1)
        self._rubbish_at = self._rng.randrange(self._run) if self._rng.randrange(RUBBISH_ONE_IN) == 0 else None


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
