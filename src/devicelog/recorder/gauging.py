"""Measuring a pen on gauge blocks: who it is, what it sends, and one reading a block.

Everything that arrives meanwhile goes into a span, as outside any session; a reading names its records there. Not
responsible for the port, for what becomes of the readings (calibration.py), nor for keeping them (calibrating.py).
"""

from collections.abc import Callable
from typing import Protocol

from devicelog.calibration import Column, GaugeReading, reading_of
from devicelog.errors import PenUnusable, UsageProblem
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.nobody import nobody
from devicelog.recorder.stop import Stop
from devicelog.recorder.stream import OpenStream
from devicelog.records import Stall
from firmware_bridge.readings import Identity, LinkChange, Overflow, SampleBlock, SerialChunk
from firmware_bridge.sources import Inbox

IDENTITY_US = 7_000_000  # a pen says who it is every 5 s unasked
SAMPLES_US = 10_000_000  # how long is waited for the next sample
SETTLE_US = 200_000  # after Enter: the hand comes to rest, and what was sent before has arrived
FOR_US = 1_000_000  # a reading is the mean of at least so long by the pen's sample period,
LEAST_SAMPLES = 10  # and of so many samples
MOST_TRIES = 3
_TICK_US = 1_000_000
_POLL_S = 0.05


class Stopped(Exception):
    """A person or a signal ended it."""


class Lines(Protocol):
    """Where a person's confirmations come from."""

    def fresh(self) -> None:
        """Forget what was typed too early, where a person types."""

    def poll(self) -> str | None:
        """The next line, None when there is none yet. Raises EOFError when none will come."""


class Gauging:
    """One pen at one port, while a span is open."""

    def __init__(
        self, span: OpenStream, inbox: Inbox, *, clock: RecorderClock, stop: Stop, say: Callable[[str], None]
    ) -> None:
        self.identity: Identity | None = None
        self._newest: SampleBlock | None = None
        self._span, self._inbox, self._clock, self._stop, self._say = span, inbox, clock, stop, say

    def meet(self) -> Identity:
        """Wait until the pen has said who it is. Raises PenUnusable: nobody did, or without a serial."""
        give_up_us = self._clock.now_us() + IDENTITY_US
        while self.identity is None:
            if self._clock.now_us() > give_up_us:
                account = self._span.pipeline.derivation.account
                raise PenUnusable(
                    nobody(
                        n_bytes=account.kept_bytes,
                        n_frames=account.sound_frames + account.unknown_frames,
                        other_major=next(iter(account.newer), None),
                        listened_s=IDENTITY_US / 1_000_000,
                    )
                )
            self._pump()
        if not self.identity.serial:
            raise PenUnusable("this pen names no serial number, and a calibration is of one pen: it cannot be kept")
        return self.identity

    def column(self) -> Column:
        """What this pen's sensor says: its own depth where it sends one, else raw counts. Raises PenUnusable."""
        block = self._newest or self._next_blocks()[0][1]
        if block.depth_um is not None:
            return "depth_um"
        if block.raw_count is not None:
            return "raw_count"
        raise PenUnusable("this pen sends neither raw counts nor a measured depth: there is nothing to calibrate")

    def measure(self, gauge_um: int, column: Column, spread_most: int, lines: Lines) -> GaugeReading:
        """Ask for the block, wait for the confirmation, and read. A noisy reading is asked for again, a few times.

        Raises PenUnusable, UsageProblem (no confirmation will come).
        """
        for left in reversed(range(MOST_TRIES)):
            self._confirmed(gauge_um, lines)
            values, records = self._values(gauge_um, column)
            reading = reading_of(gauge_um, values, column=column, spread_most=spread_most, records=records)
            if isinstance(reading, GaugeReading):
                unit = "counts" if column == "raw_count" else "µm"
                self._say(
                    f"{gauge_um} µm: {reading.mean} {unit} ({reading.low} to {reading.high}, {reading.samples} samples)"
                )
                return reading
            if left:
                self._say(f"{reading}, and once more:")
        raise PenUnusable(f"{reading}: {MOST_TRIES} times. Nothing was calibrated")

    def _confirmed(self, gauge_um: int, lines: Lines) -> None:
        lines.fresh()
        self._say(f"put the gauge block of {gauge_um} µm under the tip and press Enter")
        try:
            while (answer := lines.poll()) != "":
                if answer is not None:
                    self._say(f"not understood: {answer[:40]!r}. Only Enter means that it is there; Ctrl-C ends this")
                self._pump()
        except EOFError:
            raise UsageProblem(
                f"nobody confirmed the gauge block of {gauge_um} µm: the input has ended. Nothing was calibrated. "
                "Press Enter for each block, or give the readings with --readings FILE"
            ) from None

    def _values(self, gauge_um: int, column: Column) -> tuple[list[int], tuple[int, int]]:
        """The samples of the next second, and the first and last record that hold them."""
        from_us = self._clock.now_us() + SETTLE_US
        values: list[int] = []
        records: list[int] = []
        for_us = 0
        while for_us < FOR_US or len(values) < LEAST_SAMPLES:
            for record, block, arrived_us in self._next_blocks():
                counts = block.depth_um if column == "depth_um" else block.raw_count
                if counts is None:
                    raise PenUnusable(f"at {gauge_um} µm the pen stopped sending {column}. Nothing was calibrated")
                if arrived_us - block.n * block.period_us >= from_us:
                    values += counts
                    records.append(record)
                    for_us += block.n * block.period_us
        return values, (records[0], records[-1])

    def _next_blocks(self) -> list[tuple[int, SampleBlock, int]]:
        """The sample frames that come next, with their record and when they arrived. Raises PenUnusable: none did."""
        give_up_us = self._clock.now_us() + SAMPLES_US
        while not (blocks := self._pump()):
            if self._clock.now_us() > give_up_us:
                raise PenUnusable(
                    f"no sample came for {SAMPLES_US // 1_000_000} s. Some pens send samples only while the motor "
                    "runs: switch it on, with no cartridge in it, and try again"
                )
        return blocks

    def _pump(self) -> list[tuple[int, SampleBlock, int]]:
        """Take what arrives in the next moment into the span, and return the sample frames of it."""
        if self._stop.cause:
            raise Stopped(self._stop.cause)
        item = self._inbox.get(_POLL_S)
        if item is None:
            if self._clock.now_us() - self._span.heard_us >= _TICK_US:
                self._span.take(None)
            return []
        if isinstance(item, Stall):
            self._span.take(item)
        if not isinstance(item, SerialChunk | LinkChange | Overflow):
            return []
        readings = self._span.take(item)
        if isinstance(item, LinkChange) and not item.up:
            raise PenUnusable(f"the pen's port is lost ({item.cause}) in the middle. Nothing was calibrated")
        blocks = []
        for reading in readings:
            if isinstance(reading, Identity):
                self._heard(reading)
            elif isinstance(reading, SampleBlock):
                self._newest = reading
                blocks.append((self._span.last_record, reading, item.t_us))
        return blocks

    def _heard(self, identity: Identity) -> None:
        if self.identity is not None and identity.serial != self.identity.serial:
            raise PenUnusable(
                f"another pen answers now: {identity.serial or 'without a serial'}, and it began with "
                f"{self.identity.serial}. Nothing was calibrated"
            )
        self.identity = identity
