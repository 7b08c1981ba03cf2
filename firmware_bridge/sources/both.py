"""A pen that sends and sensors on pins, as one source: opened, started and closed together, into one inbox.

Not responsible for comparing what they say.
"""

from contextlib import ExitStack
from typing import Protocol

from firmware_bridge.sources.tones import Tone


class _Source(Protocol):
    read_total: int

    def open(self) -> None: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


class _Line(_Source, Protocol):
    url: str
    trouble: str | None

    def distrust(self, opening: int, cause: str) -> None: ...
    def release(self, for_us: int) -> None: ...
    def resume(self) -> bool: ...


class _Pins(_Source, Protocol):
    def sound(self, tone: Tone) -> None: ...


class Both:
    """`line` is the pen's own; its bytes are those that `read_total` counts."""

    def __init__(self, line: _Line, pins: _Pins) -> None:
        self._line, self._pins = line, pins

    @property
    def read_total(self) -> int:
        """Bytes read from the line so far."""
        return self._line.read_total

    @property
    def url(self) -> str:
        """Which port the line is."""
        return self._line.url

    @property
    def trouble(self) -> str | None:
        """Why the line does not open; None while it is open."""
        return self._line.trouble

    def distrust(self, opening: int, cause: str) -> None:
        """No pen speaks on the line: open it anew."""
        self._line.distrust(opening, cause)

    def release(self, for_us: int) -> None:
        """Give the line's port up for so long; the pins stay."""
        self._line.release(for_us)

    def resume(self) -> bool:
        """Take the line's port back; False when it was not given up."""
        return self._line.resume()

    def open(self) -> None:
        """Open both, or neither. Raises PenError."""
        with ExitStack() as stack:
            stack.callback(self.close)
            self._pins.open()
            self._line.open()
            stack.pop_all()

    def start(self) -> None:
        """Begin to read both."""
        self._pins.start()
        self._line.start()

    def sound(self, tone: Tone) -> None:
        """Sound a tone, where there is a buzzer."""
        self._pins.sound(tone)

    def close(self) -> None:
        """Stop both; the line first, since a pen has more to say at the end."""
        with ExitStack() as stack:
            stack.callback(self._pins.close)
            self._line.close()
