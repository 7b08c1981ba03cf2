"""Somebody who reads a pen in a test: the real port and the real decoder, without a thread.

Not responsible for the pen, nor for what its readings mean for a session.
"""

from typing import Self

from firmware_bridge.kit.serial_pen import SerialPen
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import LinkChange, RawInput, Reading, SerialChunk
from firmware_bridge.sources.port import LinkLost, Port
from firmware_bridge.transports import decoder_of


class Listener:
    """Reads a `SerialPen` while its time goes by, and decodes what it read. A context manager.

    `raw` is everything that arrived, as a source of devicelog delivers it; stamps are microseconds of pen time.
    `decoder` counts bytes, sound and not.
    """

    def __init__(self, pen: SerialPen, profile: PenProfile) -> None:
        """Open the port and ask who is there. Raises PenError."""
        self._pen, self._profile = pen, profile
        self._port: Port | None = None
        self._left = False
        self._readings: list[Reading] = []
        self.decoder = decoder_of(profile)
        self.raw: list[RawInput] = []
        self._open("opened")
        pen.read_by(self.take)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drain(self) -> list[Reading]:
        """Everything that the pen said since the last call, once all that it sent was read."""
        self._pen.drain()
        readings, self._readings = self._readings, []
        return readings

    def finish(self) -> list[Reading]:
        """The same, when nothing more will come: what waited for the rest of its frame too."""
        readings = self.drain()
        return readings + self.decoder.finish()

    def take(self) -> None:
        """Read what is there now; open the port again when it came back."""
        if self._left:
            return
        if self._port is None:
            if not self._pen.link.up:
                return
            self._open("reopened")
        try:
            while self._port is not None and (data := self._port.read_now()):
                self._feed(SerialChunk(t_us=self._pen.now_us, data=data))
        except LinkLost as lost:
            self._release()
            self._feed(LinkChange(t_us=self._pen.now_us, up=False, cause=lost.cause))

    def close(self) -> None:
        """Leave the port for good. May be called twice."""
        self._left = True
        self._release()

    def _release(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    def _open(self, cause: str) -> None:
        self._port = Port(self._pen.port, self._profile)
        self._feed(LinkChange(t_us=self._pen.now_us, up=True, cause=cause))
        if self._profile.request_identity:
            self._port.ask_identity()

    def _feed(self, raw: RawInput) -> None:
        self.raw.append(raw)
        self._readings += self.decoder.feed(raw)
