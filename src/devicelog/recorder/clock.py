"""The clocks a recorder is given: monotonic for order and duration, wall time as a value with a confidence.

Not responsible for setting any clock. A clock is injected; nothing below the command line reads one by itself.
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from devicelog.canonical import Json
from devicelog.records import Clock as ClockReading

Confidence = Literal["synced", "rtc", "restored", "unknown"]

_STA_UNSYNC = 0x40
_TIME_ERROR = 5
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; the kernel writes no more
_TIMEX_STATUS = 40  # offset of `status` on 64-bit Linux


class RecorderClock:
    """Real time, or `speed` times as fast from the moment of its making. Both clocks are paced alike."""

    def __init__(self, *, speed: float = 1.0, confidence: Callable[[], Confidence] | None = None) -> None:
        self.speed = speed
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self.origin_us = time.monotonic_ns() // 1000
        self._wall_origin_us = time.time_ns() // 1000
        self._confidence = confidence or wall_confidence

    def now_us(self) -> int:
        """Monotonic microseconds."""
        real_us = time.monotonic_ns() // 1000
        return real_us if self.speed == 1 else self.origin_us + int((real_us - self.origin_us) * self.speed)

    def wall_us(self) -> int:
        """Microseconds since 1970 UTC, as the host believes."""
        if self.speed == 1:
            return time.time_ns() // 1000
        return self._wall_origin_us + self.now_us() - self.origin_us

    def reading(self) -> ClockReading:
        """Wall time, boot and confidence of now, as a record's body."""
        return ClockReading(boot=self.boot, wall_us=self.wall_us(), confidence=self._confidence())

    def stamp(self) -> Json:
        """`at`, `mono_us`, `boot` and `clock` of now, as an entry's envelope has them."""
        return {"at": iso(self.wall_us()), "mono_us": self.now_us(), "boot": self.boot, "clock": self._confidence()}


def iso(wall_us: int) -> str:
    """`2026-11-23T10:42:07.123Z` of microseconds since 1970."""
    return (
        datetime.fromtimestamp(wall_us // 1000 / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{wall_us // 1000 % 1000:03}Z"
    )


def wall_confidence() -> Confidence:
    """How far the wall clock can be believed: set by the network, by a battery clock, from a file, or nobody knows."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = ctypes.CDLL(None).adjtimex(timex)
    except (OSError, AttributeError):
        state = -1
    status = int.from_bytes(timex.raw[_TIMEX_STATUS : _TIMEX_STATUS + 4], "little")
    if state not in (-1, _TIME_ERROR) and not status & _STA_UNSYNC:
        return "synced"
    try:
        if Path("/sys/class/rtc/rtc0/hctosys").read_text(encoding="ascii").strip() == "1":
            return "rtc"
    except OSError:
        pass
    saved = ("/var/lib/systemd/timesync/clock", "/etc/fake-hwclock.data")
    return "restored" if any(Path(path).exists() for path in saved) else "unknown"
