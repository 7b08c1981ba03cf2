"""The pen's cumulative counters: how they grow in a stream, and what they did while nobody listened. Pure.

A total survives a lost frame; one that falls began anew, and then nothing is claimed about the time before. One that
grows faster than needles and hands can is a jump: it is stated apart, and no zone is given its strokes and passes.
"""

from dataclasses import dataclass
from typing import Self

from devicelog.canonical import Json
from devicelog.runs import FASTEST_DHZ
from firmware_bridge.readings import Heartbeat, SampleBlock

_COUNTER = 2**32
_QUICKEST_PASS_US = 200_000  # nobody covers a zone faster: ours, no source exists


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The pen's counters when it was heard; None where the pen has no such counter."""

    serial: str
    boot: int
    passes: int | None
    strokes: int | None

    @classmethod
    def read(cls, values: Json) -> Self:
        """Back from `document`. Raises ValueError when they are none."""
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"counters that are none: {error}") from error

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
        self.fell = 0  # without a restart of the pen
        self.fell_at_restart = 0
        self.jumps: dict[str, int] = {"passes": 0, "strokes": 0}  # how much each counter jumped in all
        self._pen_us: int | None = None  # the pen's clock at the newest counters
        self._unheard = True
        self._before = before
        self._heard = heard

    def take(self, message: SampleBlock | Heartbeat, serial: str | None) -> tuple[int | None, int | None]:
        """Take the counters of a message; how much passes and strokes grew, None where the pen has no such counter."""
        if self._unheard and (message.passes, message.strokes) != (None, None):
            self._unheard = False
            self.unattended = self._jump(message, serial)
        restarted = self.boot is not None and self.boot != message.boot
        for_us = self._since_us(message, restarted=restarted)
        grown = (
            self._grown("passes", message.passes, 1 + for_us // _QUICKEST_PASS_US, restarted=restarted),
            self._grown("strokes", message.strokes, 2 + for_us * FASTEST_DHZ // 10_000_000, restarted=restarted),
        )
        self.boot, self._pen_us = message.boot, message.t_us
        return grown

    def go_on(self, strokes: int | None, pen_us: int) -> int | None:
        """Take a run of frames whose strokes only went on; how many there were."""
        grown = None if strokes is None or self.strokes is None else strokes - self.strokes
        self.strokes = self.strokes if strokes is None else strokes
        self._pen_us = pen_us
        return grown

    def another_pen(self) -> None:
        """From here on it is another pen: its totals have nothing to do with those before."""
        self.passes = self.strokes = self.boot = self._pen_us = None

    def document(self) -> Json:
        """The newest counters, how often they fell and by how much they jumped, as plain values."""
        return {
            "passes": self.passes,
            "strokes": self.strokes,
            "boot": self.boot,
            "fell": self.fell,
            "fell_at_restart": self.fell_at_restart,
            "jumped": dict(self.jumps),
        }

    def _since_us(self, message: SampleBlock | Heartbeat, *, restarted: bool) -> int:
        """How long the counters had to grow, by the pen's clock. At a restart nobody knows."""
        own_us = message.n * message.period_us if isinstance(message, SampleBlock) else 0
        if self._pen_us is None or restarted:
            return own_us
        since_us = (message.t_us - self._pen_us) % _COUNTER
        return own_us + (since_us if since_us < _COUNTER // 2 else 0)

    def _grown(self, name: str, now: int | None, most: int, *, restarted: bool) -> int | None:
        """How much a 32-bit counter grew; 0 when it fell, or when it jumped."""
        if now is None:
            return None
        before: int | None = getattr(self, name)
        setattr(self, name, now)
        if before is None:
            return 0
        grown = (now - before) % _COUNTER
        if grown >= _COUNTER // 2 or (restarted and now < before):
            self.fell += not restarted
            self.fell_at_restart += restarted
            return 0
        if grown > most and not restarted:
            self.jumps[name] += grown
            return 0
        return grown

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


def _since(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before
