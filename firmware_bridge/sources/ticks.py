"""When an edge happened, from the tick its pin factory gave: on the recorder's own clock, in microseconds.

A tick is seconds, as a float. What it counts from is the factory's own:

| factory | stamped by | counts from |
|---|---|---|
| lgpio | the kernel, in the interrupt, in ns | CLOCK_MONOTONIC; before Linux 5.7 the date (1970) |
| rpigpio, native | gpiozero, when it was told | CLOCK_MONOTONIC |
| mock | whoever drives the pin | the factory's own `ticks()` |

Both clocks run alike, so that one reading of the two side by side converts them all.
"""

from collections.abc import Callable

_TRIES = 5
_DATE_S = 1_000_000_000.0  # a computer that has run for 31 years, or a date: 2001


class Ticks:
    """Converts the ticks of one factory. `now_us` is the recorder's clock, `now_s` the factory's."""

    def __init__(
        self, now_us: Callable[[], int], now_s: Callable[[], float], wall_s: Callable[[], float] | None = None
    ) -> None:
        """Reads both clocks; `wall_s` is the date as the kernel has it, for a factory that stamps with it."""
        self._now_us, self._wall_s = now_us, wall_s
        self._less_us = _difference_us(now_us, now_s)

    def at_us(self, tick_s: float) -> int:
        """The recorder's microseconds at this tick."""
        if tick_s >= _DATE_S and self._wall_s is not None:
            return self._now_us() - round((self._wall_s() - tick_s) * 1_000_000)
        return round(tick_s * 1_000_000) + self._less_us


def _difference_us(now_us: Callable[[], int], now_s: Callable[[], float]) -> int:
    """The recorder's clock less the factory's: of some readings the one that took the shortest time."""
    best_us, less_us = 1 << 62, 0
    for _ in range(_TRIES):
        before_us = now_us()
        tick_s = now_s()
        after_us = now_us()
        if after_us - before_us < best_us:
            best_us = after_us - before_us
            less_us = (before_us + after_us) // 2 - round(tick_s * 1_000_000)
    return less_us
