"""Who the pen says it is, and whose its totals are while a pen that came back has not said so. Pure.

After a lost link another pen may be at the end of the cable. What the totals grew by then waits until the pen says who
it is: if it is the same, it counts where it was; if not, nobody knows whose it was. Not responsible for how totals grow
(counters.py), nor for the zones (needling.py).
"""

from copy import deepcopy
from typing import NamedTuple

from devicelog.canonical import Json
from devicelog.counters import Counters, CounterTrack
from firmware_bridge.readings import Heartbeat, Identity, SampleBlock


class Grown(NamedTuple):
    """By how much the pen's totals grew in a zone; None where it has no such total."""

    zone: str
    passes: int | None
    strokes: int | None


class Who:
    """The pen of one stream, and its totals. `pen` is who it said it is when the stream was opened."""

    def __init__(self, pen: Json | None, *, before: Counters | None, heard: Counters | None) -> None:
        self.pen = pen
        self.pens: list[Json] = [pen] if pen is not None else []
        self.named = True  # False from a lost link until the pen has said who it is
        self.counters = CounterTrack(before=before, heard=heard)
        self._unsigned = self.counters  # as they are if it is the same pen after a lost link
        self._waiting: list[Grown] = []
        self._unplaced = False  # whether some of what waited never was in a zone

    @property
    def serial(self) -> str | None:
        """Of the pen that was last named."""
        return self.pen["serial"] if self.pen else None

    def lose(self) -> None:
        """The link is lost: who comes back is not known."""
        if self.named:
            self.named, self._unsigned = False, deepcopy(self.counters)

    def is_another(self) -> None:
        """Another pen is about to say who it is: whose the totals were that wait is not known."""
        self.counters.another_pen()
        self._unplaced |= bool(self._waiting)
        self._waiting.clear()
        self._unsigned = self.counters

    def identify(self, identity: Identity) -> list[Grown]:
        """The pen says who it is. Returns what waited for that, each for the zone that it was in."""
        self.pen, self.named = identity_document(identity), True
        self.counters = self._unsigned
        waited, self._waiting = self._waiting, []
        if self.pen not in self.pens:
            self.pens.append(self.pen)
        return waited

    def take(self, message: SampleBlock | Heartbeat, zone: str) -> Grown | None:
        """Take the totals of a message; by how much they grew in this zone. None where that has to wait, and for an
        idle pen that counted nothing: it does not make a zone."""
        passes, strokes = self._unsigned.take(message, self.serial)
        if not (isinstance(message, SampleBlock) or passes or strokes):
            return None
        if self.named:
            return Grown(zone, passes, strokes)
        # Of each stay in a zone the first is kept apart: it may tell of the gap.
        if [grown.zone for grown in self._waiting[-2:]] == [zone] * 2:
            newest = self._waiting.pop()
            passes, strokes = _sum(newest.passes, passes), _sum(newest.strokes, strokes)
        self._waiting.append(Grown(zone, passes, strokes))
        return None

    def counters_document(self) -> Json:
        """What the totals did, as plain values."""
        return {**self.counters.document(), "unplaced": self._unplaced or bool(self._waiting)}


def _sum(before: int | None, now: int | None) -> int | None:
    return now if before is None else before + (now or 0)


def identity_document(identity: Identity) -> Json:
    """Who the pen said it is, as plain values."""
    return {
        "model": identity.model,
        "serial": identity.serial,
        "firmware": identity.firmware,
        "calibration_id": identity.calibration_id,
        "cartridge": identity.cartridge,
        "mode": identity.mode,
        "protocol_major": identity.protocol_major,
        "protocol_minor": identity.protocol_minor,
    }
