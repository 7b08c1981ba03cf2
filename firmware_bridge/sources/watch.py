"""Is there a pen behind a port that is open? What came and when goes in, why to give the opening up comes out. Pure.

A port that is open proves nothing: a pen says something every second. Whoever decodes feeds this, and tells the source
(`SerialSource.distrust`). Not responsible for closing and opening anything.
"""

from collections.abc import Iterable

from firmware_bridge.readings import (
    Fault,
    IdentityRequest,
    LinkChange,
    Overflow,
    RawInput,
    Reading,
    SensorBatch,
    SerialChunk,
)

SILENCES = 4  # this many times the profile's limit without a frame, and the opening is not believed in any more
LEAST_US = 5_000_000  # opening a port resets many boards, and their boot loader takes two to three seconds
MOST_US = 60_000_000
# More than a sound line of 921,600 baud carries in LEAST_US: what sends this much and no frame is no pen.
RUBBISH_BYTES = 512 << 10
# What it comes down to where one opening after the other brings that much and no frame: each may bring half of the one
# before. With up to five seconds between two openings such a port costs no more than a pen does, for ever.
RUBBISH_LEAST_BYTES = 16 << 10


class Watch:
    """One per source. Patience doubles with every opening in a row that brings no frame: were it always the same, a
    board that takes longer to boot would be reset by each opening, for ever."""

    def __init__(
        self, silence_limit_us: int, *, speaks_at_rest: bool = True, speed: float = 1.0, least_us: int = LEAST_US
    ) -> None:
        """`speaks_at_rest`: whether such a pen says something all the time; where it does not, silence tells nothing.
        `speed` is how fast the stamps run against real time: a busy computer is late by real time."""
        self._speaks_at_rest = speaks_at_rest
        self._first_us = int(max(SILENCES * silence_limit_us, least_us) * max(1.0, speed))
        self._most_us = max(self._first_us, int(MOST_US * max(1.0, speed)))
        self._patience_us = self._first_us
        self._since_us: int | None = None  # None: the link is down, or this opening was given up
        self._unheard_bytes = 0  # since the last frame
        self._rubbish_bytes = RUBBISH_BYTES  # how many of them there may be
        self.opening = 0  # how many times the link has come up

    @property
    def patience_us(self) -> int:
        """How long an opening may bring no frame now."""
        return self._patience_us

    def take(self, raw: RawInput, readings: Iterable[Reading]) -> str | None:
        """Take an input and what it completed. Returns why to give the opening up (one of link.CAUSES), once."""
        match raw:
            case LinkChange(port=str()):
                pass  # the pins beside it
            case LinkChange():
                self.opening += raw.up
                self._since_us = raw.t_us if raw.up else None
                self._unheard_bytes = 0
            case SerialChunk() if any(from_a_pen(reading) for reading in readings):
                if self._since_us is not None:  # not of an opening that is given up
                    self._since_us, self._patience_us = raw.t_us, self._first_us
                    self._rubbish_bytes = RUBBISH_BYTES
                self._unheard_bytes = 0
            case SerialChunk():
                self._unheard_bytes += len(raw.data)
                return self.judge(raw.t_us)
            case Overflow() if self._since_us is not None:
                self._since_us = raw.t_us  # nobody can say that no frame was in what was dropped
            case SensorBatch():  # of pins beside it: there is always another, and the consumer never finds nothing
                return self.judge(raw.t_us)
        return None

    def judge(self, now_us: int) -> str | None:
        """The same, when all that arrived up to now has been taken."""
        if self._since_us is None:
            return None
        if self._unheard_bytes > self._rubbish_bytes:
            self._rubbish_bytes = max(RUBBISH_LEAST_BYTES, self._rubbish_bytes // 2)
        elif now_us - self._since_us > self._patience_us and (self._speaks_at_rest or self._unheard_bytes):
            self._patience_us = min(2 * self._patience_us, self._most_us)
        else:
            return None
        self._since_us = None
        return "no frames" if self._unheard_bytes else "silent"


def from_a_pen(reading: Reading) -> bool:
    """A sound frame; one that we cannot read is one too, our own question that comes back is none."""
    return not isinstance(reading, Fault | IdentityRequest)
