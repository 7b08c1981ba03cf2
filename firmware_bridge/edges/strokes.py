"""Strokes of a needle from the changes of a hall sensor: how many for certain, how many more perhaps, how fast. Pure.

What cannot be is not counted and not forgotten: it is doubt, and the count is an interval from then on. Not responsible
for edges that bounce (line.py).
"""

from firmware_bridge.wiring import FASTEST_DHZ

STILL_US = 100_000  # no stroke for so long: the motor rests. No pen is sold that strikes ten times a second
_SECOND_DHZ = 10_000_000  # tenths of a hertz times microseconds


class Strokes:
    """`count` happened; `doubt` more may have. `impossible` came sooner after another than needles can."""

    __slots__ = ("_fastest_dhz", "_interval_us", "_newest_us", "_soonest_us", "count", "doubt", "impossible")

    def __init__(self, fastest_dhz: int | None) -> None:
        """`fastest_dhz` is the device's own limit. Half as fast again is measured; what is faster is impossible."""
        self.count = self.doubt = self.impossible = 0
        self._fastest_dhz = fastest_dhz or FASTEST_DHZ
        self._soonest_us = 2 * _SECOND_DHZ // (3 * self._fastest_dhz)
        self._newest_us: int | None = None
        self._interval_us: int | None = None

    def begin(self) -> None:
        """Watching begins: the next stroke has none before it."""
        self._newest_us = self._interval_us = None

    def take(self, t_us: int) -> None:
        """The sensor became active."""
        since_us = None if self._newest_us is None else t_us - self._newest_us
        if since_us is not None and since_us < self._soonest_us:
            self.impossible += 1
            self.doubt += 1
            return
        self.count += 1
        self._newest_us = t_us
        self._interval_us = since_us if since_us is not None and since_us < STILL_US else None

    def swallow(self, t_us: int, for_us: int) -> None:
        """Pulses too short to last ended here, and for so long they went on: a stroke, if one can have come by now."""
        if self._newest_us is None or t_us - self._newest_us >= self._soonest_us:
            self.doubt_within(for_us)

    def doubt_within(self, for_us: int) -> None:
        """In so much time an unknown number of edges was missed: at least one stroke more, at most as many as fit."""
        self.doubt += max(1, for_us * self._fastest_dhz // _SECOND_DHZ)

    def running(self, t_us: int) -> bool:
        """Whether the motor runs at a time not before the newest stroke: the newest one is not too long ago."""
        return self._newest_us is not None and t_us - self._newest_us < STILL_US

    def frequency_dhz(self, t_us: int) -> int:
        """By the newest interval, or by the time since the newest stroke once that is longer; 0 where it rests."""
        if self._interval_us is None or self._newest_us is None or t_us - self._newest_us >= STILL_US:
            return 0
        return _SECOND_DHZ // max(self._interval_us, t_us - self._newest_us)
