"""What a pen knows of itself: its serial, boot, sample numbers, counters and clock, and what a restart leaves of them.

Pure: every start value from a seeded generator. Not responsible for when anything happens (pen.py).
"""

from random import Random

U32 = 0xFFFF_FFFF


class Memory:
    """One pen's. Counters are those of its life; the clock begins anywhere, as one that has long been running."""

    def __init__(self, rng: Random, *, serial: str = "", clock_start_us: int | None = None) -> None:
        self.serial = serial or f"SIM-{rng.randrange(1_000_000):06d}"
        clock_us = rng.randrange(1 << 32)
        self.boot = rng.randint(1, 400)
        self.passes = rng.randint(200, 4_000)
        self.strokes = rng.randint(1_000_000, 40_000_000)
        self.seq = 0  # of the next sample to be taken
        self._clock_us = clock_us if clock_start_us is None else clock_start_us
        self._since_us = 0
        self._fast_ppm = 0

    def clock(self, t_us: int) -> int:
        """The pen's own microseconds at pen time `t_us`."""
        for_us = t_us - self._since_us
        return (self._clock_us + for_us + for_us * self._fast_ppm // 1_000_000) & U32

    def run_fast(self, t_us: int, ppm: int) -> None:
        """From here on the clock runs fast by this much, or slow."""
        self._clock_us, self._since_us, self._fast_ppm = self.clock(t_us), t_us, ppm

    def restart(self, t_us: int) -> None:
        """The pen starts anew: boot plus one, sample numbers and clock from 0, counters as they were."""
        self.boot = (self.boot + 1) & 0xFFFF
        self.seq, self._clock_us, self._since_us = 0, 0, t_us

    def forget(self, rng: Random) -> None:
        """What a pen without memory has after a restart: counters from 0, and a boot counter that is drawn."""
        self.reset_counters()
        self.boot = (self.boot + rng.randint(1, 0xFFFE)) & 0xFFFF  # never the one it had

    def reset_counters(self) -> None:
        """Both counters to 0."""
        self.passes = self.strokes = 0

    def count(self, *, strokes: int = 0, passes: int = 0) -> None:
        """The counters grow, and wrap."""
        self.passes, self.strokes = (self.passes + passes) & U32, (self.strokes + strokes) & U32
