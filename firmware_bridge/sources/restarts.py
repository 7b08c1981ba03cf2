"""Did the pen start anew because its port was opened? Many boards do: DTR pulls their reset. Pure.

Not responsible for what a restart does to the record: the pen's own boot number tells that (devicelog's account).
"""

from collections.abc import Iterable

from firmware_bridge.readings import (
    Heartbeat,
    Identity,
    LinkChange,
    PenEvent,
    RawInput,
    Reading,
    SampleBlock,
    SerialChunk,
)

MARGIN_US = 200_000  # a frame is under way for so long at most, poll of the port included
BY_OPENING = ("opened", "silent", "no frames", "released")  # after a plug was pulled, power made it start
_LOOKED_AT_US = 60_000_000


class Restarts:
    """One per source. Judged once an opening, by the first message: was its clock begun after the port was opened?"""

    def __init__(self) -> None:
        self._opened_us: int | None = None
        self._down_cause = "opened"

    def take(self, raw: RawInput, readings: Iterable[Reading]) -> bool | None:
        """Take an input and what it completed. True: the pen started when the port was opened; False: it had been
        running; None: nothing to judge by, or judged already."""
        if isinstance(raw, LinkChange) and raw.port is None:
            if not raw.up:
                self._opened_us, self._down_cause = None, raw.cause
            elif self._down_cause in BY_OPENING:
                self._opened_us = raw.t_us
            return None
        if self._opened_us is None or not isinstance(raw, SerialChunk):
            return None
        for reading in readings:
            if isinstance(reading, SampleBlock | Heartbeat | PenEvent | Identity):
                open_us = raw.t_us - self._opened_us
                self._opened_us = None
                return reading.t_us + MARGIN_US < open_us if open_us < _LOOKED_AT_US else None
        return None
