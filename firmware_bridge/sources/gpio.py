"""The source of a pen whose sensors are wired to this computer's pins: batches of what they did, 25 times a second.

The same surface as the serial source. Not responsible for the pins (pin_watch.py) nor for what edges mean.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from firmware_bridge.errors import PenError
from firmware_bridge.readings import MAX_EDGES, MAX_US, LinkChange, SensorBatch
from firmware_bridge.sides import PINS
from firmware_bridge.sources.inbox import Inbox
from firmware_bridge.sources.pin_watch import PinWatch
from firmware_bridge.sources.reopening import pauses_s
from firmware_bridge.sources.tones import Buzzer, Tone
from firmware_bridge.wiring import Potentiometer, Wiring

PERIOD_S = 0.04


class GpioSource:
    """Sensors on pins. `open`, `start`, `close`; between the last two threads watch, and open again for ever.

    Stretches of watching are contiguous: where the inbox had no room for a batch, the next one covers its time and
    counts what was lost; at the end of a stretch, one that is empty and always accepted.
    `read_total` is there because a source has one: pins have no bytes.
    """

    def __init__(
        self,
        wiring: Wiring,
        inbox: Inbox,
        now_us: Callable[[], int],
        *,
        speed: float = 1.0,
        factory: Any = None,
        max_edges: int = MAX_EDGES,
    ) -> None:
        """`speed` is how fast `now_us` runs against real time. `factory`: pins that are there already (simulated)."""
        self.read_total = 0
        self._wiring, self._inbox, self._now_us = wiring, inbox, now_us
        self._speed, self._period_s = speed, PERIOD_S / max(1.0, speed)
        self._factory, self._max_edges = factory, max_edges
        self._watch: PinWatch | None = None
        self._buzzer: Buzzer | None = None
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._failed: PenError | None = None  # of the converter's thread, for the watching one
        self._unkept: SensorBatch | None = None  # for which the inbox had no room

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def open(self) -> None:
        """Take the pins, once. Raises PenError with a message for a person."""
        if self._closing.is_set():
            raise ValueError("the pins: this source was closed")
        if self._watch is None and not self._threads:
            self._watch = self._open()

    def start(self) -> None:
        """Say that the pins are watched and begin; takes them if that was not done."""
        self.open()
        if self._threads or self._watch is None:
            return
        self._inbox.put_raw(LinkChange(t_us=self._now_us(), up=True, cause="opened", port=PINS))
        try:
            self._keep(self._watch.begin())
        except PenError:
            self._lose()
        self._threads = [threading.Thread(target=self._run, name="pins", daemon=True)]
        if isinstance(self._wiring.dial, Potentiometer):
            self._threads.append(
                threading.Thread(target=self._convert, args=(self._wiring.dial.rate_hz,), name="adc", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def sound(self, tone: Tone) -> None:
        """Sound a tone, where there is a buzzer; returns at once."""
        if self._buzzer is not None:
            self._buzzer.sound(tone)

    def close(self) -> None:
        """Queue what the pins did up to now, then give them back. Nothing is queued after it."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._tell_unkept()
        self._let_go()

    # --- the watching thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._watch is not None or self._reopen():
            try:
                self._watch_until_closed()
            except PenError:
                self._lose()
            else:
                return

    def _watch_until_closed(self) -> None:
        watch = self._watch
        while watch is not None:
            closing = self._closing.wait(self._period_s)
            if self._failed is not None:
                failed, self._failed = self._failed, None
                raise failed
            self._keep(watch.batch())
            if closing:
                return

    def _lose(self) -> None:
        self._tell_unkept()
        self._inbox.put_raw(LinkChange(t_us=self._now_us(), up=False, cause="io error", port=PINS))
        self._let_go()

    def _reopen(self) -> bool:
        """Try for ever, ever more slowly; False when the source was closed meanwhile."""
        for pause_s in pauses_s():
            if self._closing.wait(pause_s):
                return False
            with contextlib.suppress(PenError):
                self._watch = self._open()
                first = self._watch.begin()
                self._inbox.put_raw(LinkChange(t_us=first.t_us, up=True, cause="reopened", port=PINS))
                self._keep(first)
                return True
        return False

    def _keep(self, batch: SensorBatch) -> None:
        """Queue a batch, joined with those there was no room for: their time, and how much of them is lost."""
        unkept, self._unkept = self._unkept, None
        if unkept is not None:
            watched_us = min(unkept.watched_us + batch.watched_us, MAX_US)
            batch = replace(batch, watched_us=watched_us, dropped=min(batch.dropped + _lost(unkept), MAX_US))
        if not self._inbox.put_raw(batch):
            self._unkept = batch

    def _tell_unkept(self) -> None:
        """No next batch will join what there was no room for: say how long was watched, and how much is lost."""
        unkept, self._unkept = self._unkept, None
        if unkept is not None:
            self._inbox.put(replace(unkept, edges=(), adc=(), dropped=min(_lost(unkept), MAX_US)))

    # --- the converter's thread ---------------------------------------------------------------------------------------

    def _convert(self, rate_hz: int) -> None:
        """Convert on a grid that is kept: a conversion that is late keeps its own stamp, one that is missed is none."""
        period_us, due_us = 1_000_000 // rate_hz, self._now_us()
        while not self._closing.wait(max(0.0, (due_us - self._now_us()) / 1_000_000 / self._speed)):
            watch = self._watch
            try:
                if watch is not None:
                    watch.convert()
            except PenError as error:
                if watch is self._watch:  # else it was closed while it was asked
                    self._failed = error
            late_us = self._now_us() - due_us
            due_us += period_us * (late_us // period_us + 1)

    # --- opening and letting go ---------------------------------------------------------------------------------------

    def _open(self) -> PinWatch:
        watch = PinWatch(self._wiring, self._now_us, factory=self._factory, max_edges=self._max_edges)
        watch.open()
        try:
            if self._wiring.tone_pin is not None:
                self._buzzer = Buzzer(self._wiring.tone_pin, watch.factory)
        except BaseException:
            watch.close()
            raise
        return watch

    def _let_go(self) -> None:
        if self._buzzer is not None:
            self._buzzer.close()
            self._buzzer = None
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _lost(batch: SensorBatch) -> int:
    """How much is lost with a batch that was not kept."""
    return batch.dropped + len(batch.edges) + len(batch.adc)
