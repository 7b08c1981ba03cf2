"""The one way raw serial input becomes readings: find the frames, give what is not a frame as a fault.

Sans-I/O: `feed` and `finish` are functions of what was fed, in order. Any chunking of the same bytes gives the same
readings and the same faults, byte for byte. Every byte is accounted for: framed, rejected, delimiter or held.
"""

from firmware_bridge.frames import MAX_SEGMENT, parse
from firmware_bridge.readings import Fault, FaultKind, RawInput, Reading, SerialChunk
from firmware_bridge.sides import of_pins

_QUANTUM = MAX_SEGMENT + 1  # a longer run is no frame: it is rejected in pieces of this size, so that nothing grows


class Decoder:
    """One per stream. `framed_bytes + rejected_bytes + delimiter_bytes + held_bytes` is every byte ever fed."""

    def __init__(self) -> None:
        self.framed_bytes = 0
        self.rejected_bytes = 0
        self.delimiter_bytes = 0
        self._held = b""
        self._synced = False  # a delimiter was seen since the link came up: what follows starts at its beginning
        self._oversize = False  # inside a run that is too long to be a frame

    @property
    def held_bytes(self) -> int:
        """Bytes after the last delimiter, waiting for the rest of their frame; never more than MAX_SEGMENT."""
        return len(self._held)

    def feed(self, raw: RawInput) -> list[Reading]:
        """Take one raw input and return what it completes.

        A link that changes and bytes that are missing (overflow) end what was held: its end is lost, and the next run
        has lost its beginning. What is of the pins is not on this line.
        """
        if isinstance(raw, SerialChunk):
            return self.feed_bytes(raw.data)
        if of_pins(raw):
            return []
        readings = self.finish()
        self._synced = False
        return readings

    def feed_bytes(self, data: bytes, _t_us: int = 0) -> list[Reading]:
        """Take the bytes of a SerialChunk, for those who have them without one."""
        readings: list[Reading] = []
        runs = (self._held + data).split(b"\0")
        rest = runs.pop()
        for run in runs:
            if run:
                message = parse(run) if len(run) <= MAX_SEGMENT and not self._oversize else "oversize"
                if isinstance(message, str):
                    self._reject_run(readings, message, run)
                else:
                    readings.append(message)
                    self.framed_bytes += len(run)
            self.delimiter_bytes += 1
            self._synced, self._oversize = True, False
        self._held = self._shed(readings, rest)
        return readings

    def finish(self, _t_us: int | None = None) -> list[Reading]:
        """No more will come: what is held can never become a frame."""
        faults: list[Reading] = []
        if self._held:
            self._reject(faults, "oversize" if self._oversize else "tail", self._held)
        self._held, self._oversize = b"", False
        return faults

    def _reject_run(self, readings: list[Reading], kind: FaultKind, run: bytes) -> None:
        if kind != "oversize":
            self._reject(readings, kind if self._synced else "head", run)
        elif rest := self._shed(readings, run):
            self._reject(readings, kind, rest)

    def _shed(self, readings: list[Reading], run: bytes) -> bytes:
        """Reject whole quanta from the front of a run that is too long, and return what is left."""
        while len(run) >= _QUANTUM:
            self._oversize = True
            self._reject(readings, "oversize", run[:_QUANTUM])
            run = run[_QUANTUM:]
        return run

    def _reject(self, readings: list[Reading], kind: FaultKind, data: bytes) -> None:
        offset = self.framed_bytes + self.rejected_bytes + self.delimiter_bytes
        readings.append(Fault(kind=kind, offset=offset, data=data))
        self.rejected_bytes += len(data)
