"""Somebody who reads a pen in a test: the real port and the real decoder, without a thread.

Not responsible for the pen, nor for what its readings mean for a session.
"""

from collections.abc import Callable
from typing import Protocol, Self

from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import LinkChange, RawInput, Reading, SerialChunk
from firmware_bridge.sources.port import LinkLost, Port
from firmware_bridge.transports import decoder_of


class OnPort(Protocol):
    """What a listener needs of the pen, as firmware_bridge.kit.serial_pen has it."""

    @property
    def port(self) -> str:
        """The path to open."""

    @property
    def up(self) -> bool:
        """Whether the port is there."""

    @property
    def now_us(self) -> int:
        """The pen's time."""

    def drain(self) -> None:
        """Wait until everything was read."""

    def read_by(self, take: Callable[[], None]) -> None:
        """Have this called whenever there may be something to read."""


class Listener:
    """Reads a pen on a port while its time goes by, and decodes what it read. A context manager.

    `raw` is everything that arrived, as a source of devicelog delivers it; stamps are microseconds of pen time.
    `decoder` counts bytes, sound and not.
    """

    def __init__(self, pen: OnPort, profile: PenProfile) -> None:
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
            if not self._pen.up:
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
