"""The bounded queue between everything that delivers (readers, people) and the one consumer that numbers records.

A producer never waits here. When the consumer falls behind, serial bytes are dropped and the loss itself is queued in
their place. Not responsible for what an item means, nor for stamping it.
"""

import threading
from collections import deque
from dataclasses import dataclass

from firmware_bridge.readings import Overflow, RawInput, SensorBatch, SerialChunk

MAX_BYTES = 4 << 20  # six minutes of a saturated line at 115200 baud


@dataclass(frozen=True, slots=True)
class PortFree:
    """A port that was released is free: said by the source, behind all that it has queued, and kept nowhere."""


class Inbox:
    """Any number of producers, one consumer, one order.

    The bound counts the data of serial chunks, and what a batch of the pins is worth in bytes. Everything else (link
    changes, marks) is small and rare, and losing one would cost more than keeping it: it is always accepted.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._items: deque[tuple[object, int]] = deque()
        self._changed = threading.Condition()
        self._lost: Overflow | None = None  # dropped since the last item was accepted
        self._queued_bytes = 0
        self._high_water_bytes = 0
        self._dropped_bytes = 0
        self._closed = False

    @property
    def high_water_bytes(self) -> int:
        """The most bytes that ever waited here."""
        return self._high_water_bytes

    @property
    def dropped_bytes(self) -> int:
        """All serial bytes that were refused so far; the sum over every Overflow, the pending one included."""
        return self._dropped_bytes

    def put_raw(self, raw: RawInput) -> bool:
        """Queue what a source delivered; never waits. False: there was no room for it.

        The loss of a chunk is noted here; that of a batch by its source, whose next one counts it.
        """
        n_bytes = _size_of(raw)
        with self._changed:
            if n_bytes and self._queued_bytes + n_bytes > self._max_bytes:
                if isinstance(raw, SerialChunk):
                    self._note_loss(raw)
                return False
            self._append(raw, n_bytes)
            return True

    def put(self, item: object) -> None:
        """Queue the input of a person, or a source's last word. Always accepted, in order with everything else."""
        with self._changed:
            self._append(item, 0)

    def get(self, timeout_s: float) -> object | None:
        """The next item, waiting at most this long; None when nothing came in time, or nothing more will come."""
        with self._changed:
            if not (self._items or self._lost or self._closed):
                self._changed.wait(timeout_s)
            return self._take()

    def get_nowait(self) -> object | None:
        """The next item, or None when there is none."""
        with self._changed:
            return self._take()

    def flush_overflow(self) -> None:
        """Queue the pending loss now instead of before the next accepted item: its producer has stopped."""
        with self._changed:
            self._queue_loss()

    def close(self) -> None:
        """The producers have stopped: queue the pending loss, and let `get` no longer wait. What is queued stays."""
        with self._changed:
            self._queue_loss()
            self._closed = True
            self._changed.notify_all()

    # --- all below: with the condition held -----------------------------------------------------------------------

    def _append(self, item: object, n_bytes: int) -> None:
        self._queue_loss()
        self._items.append((item, n_bytes))
        self._queued_bytes += n_bytes
        self._high_water_bytes = max(self._high_water_bytes, self._queued_bytes)
        self._changed.notify()

    def _take(self) -> object | None:
        if not self._items:
            # All that was accepted before the loss is out, so this is its place. Waiting for the next item instead
            # would hide the loss for as long as the pen says nothing.
            self._queue_loss()
        if not self._items:
            return None
        item, n_bytes = self._items.popleft()
        self._queued_bytes -= n_bytes
        return item

    def _note_loss(self, chunk: SerialChunk) -> None:
        before = self._lost
        self._lost = Overflow(
            t_us=chunk.t_us,
            dropped_bytes=len(chunk.data) + (before.dropped_bytes if before else 0),
            dropped_chunks=1 + (before.dropped_chunks if before else 0),
            since_us=before.since_us if before else chunk.t_us,
        )
        self._dropped_bytes += len(chunk.data)
        self._changed.notify()

    def _queue_loss(self) -> None:
        if self._lost is not None:
            self._items.append((self._lost, 0))
            self._lost = None
            self._changed.notify()


def _size_of(raw: RawInput) -> int:
    """What an input weighs here: the bytes that its record will have, about."""
    if isinstance(raw, SerialChunk):
        return len(raw.data)
    return 16 + 5 * len(raw.edges) + 7 * len(raw.adc) if isinstance(raw, SensorBatch) else 0
