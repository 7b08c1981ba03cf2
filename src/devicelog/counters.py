"""The pen's cumulative counters: how they grow in a stream, and what they did while nobody listened. Pure.

A total survives a lost frame; one that falls began anew, and then nothing is claimed about the time before.
"""

from dataclasses import dataclass

from devicelog.canonical import Json
from firmware_bridge.readings import Heartbeat, SampleBlock

_COUNTER = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The pen's counters when it was heard; None where the pen has no such counter."""

    serial: str
    boot: int
    passes: int | None
    strokes: int | None

    def document(self) -> Json:
        """As plain values."""
        return {"serial": self.serial, "boot": self.boot, "passes": self.passes, "strokes": self.strokes}


class CounterTrack:
    """The counters of one stream. `before`: last heard in an earlier run; `heard`: first heard in this run."""

    def __init__(self, *, before: Counters | None, heard: Counters | None) -> None:
        self.passes: int | None = None
        self.strokes: int | None = None
        self.boot: int | None = None
        self.unattended: Json | None = None
        self._unheard = True
        self._before = before
        self._heard = heard

    def take(self, message: SampleBlock | Heartbeat, serial: str | None) -> tuple[int | None, int | None]:
        """Take the counters of a message; how much passes and strokes grew, None where the pen has no such counter."""
        if self._unheard and (message.passes, message.strokes) != (None, None):
            self._unheard = False
            self.unattended = self._jump(message, serial)
        restarted = self.boot is not None and self.boot != message.boot
        grown = (
            _growth(self.passes, message.passes, restarted=restarted),
            _growth(self.strokes, message.strokes, restarted=restarted),
        )
        self.passes = self.passes if message.passes is None else message.passes
        self.strokes = self.strokes if message.strokes is None else message.strokes
        self.boot = message.boot
        return grown

    def another_pen(self) -> None:
        """From here on it is another pen: its totals have nothing to do with those before."""
        self.passes = self.strokes = self.boot = None

    def document(self) -> Json:
        """The newest counters, as plain values."""
        return {"passes": self.passes, "strokes": self.strokes, "boot": self.boot}

    def _jump(self, message: SampleBlock | Heartbeat, serial: str | None) -> Json | None:
        """What the counters did since the pen was last heard in an earlier run: activity while nobody listened."""
        before, now = self._before, self._heard or message
        if before is None or serial != before.serial:
            return None
        counters = ((now.passes, before.passes), (now.strokes, before.strokes))
        fell = any(new is not None and old is not None and new < old for new, old in counters)
        return {
            "passes": None if fell else _since(before.passes, now.passes),
            "strokes": None if fell else _since(before.strokes, now.strokes),
            "counters_fell": fell,  # then what happened meanwhile is not known
        }


def _growth(before: int | None, now: int | None, *, restarted: bool) -> int | None:
    """How much a 32-bit counter grew; 0 when it fell: it began anew, and nobody knows when or from what."""
    if now is None:
        return None
    if before is None:
        return 0
    if restarted and now < before:
        return 0
    grown = (now - before) % _COUNTER
    return grown if grown < _COUNTER // 2 else 0


def _since(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before
