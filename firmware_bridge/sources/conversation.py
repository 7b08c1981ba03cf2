"""A port to talk with: opened once, read with a wait, written to, its lines moved. For testing, not for recording.

Not responsible for opening it again when it is gone, nor for what anything means.
"""

import contextlib
import re
import termios
from typing import Any

from firmware_bridge.errors import BridgeError
from firmware_bridge.profile import PenProfile
from firmware_bridge.sources.link import down_cause, open_error

_READ_WAIT_S = 0.02
_WRITE_WAIT_S = 1.0
_READ_BYTES = 32_768

# `termios.error` is no OSError; a port that is closed in mid-read shows as a TypeError
_DEATHS = (OSError, termios.error, TypeError, ValueError)
_NOT_OPENED = (*_DEATHS, AttributeError, LookupError, NotImplementedError, re.error)


class ConversationOver(BridgeError):
    """The port is gone; `cause` is one of `link.CAUSES`."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Conversation:
    """One opening of a port, by the settings of a profile. `close` may be called twice."""

    def __init__(self, url: str, profile: PenProfile) -> None:
        """Open it. Raises PortMissing, PortBusy, PortForbidden or PenError with a message for a person."""
        import serial

        try:
            port = serial.serial_for_url(
                url,
                do_not_open=True,
                exclusive=True,
                baudrate=profile.baud,
                timeout=_READ_WAIT_S,
                write_timeout=_WRITE_WAIT_S,
            )
            port.dtr, port.rts = profile.dtr, profile.rts
            port.open()
        except _NOT_OPENED as error:
            raise open_error(url, error) from error
        self._port: Any = port

    def read(self) -> bytes:
        """What has arrived, b"" when nothing came for 20 ms. Raises ConversationOver."""
        try:
            data: bytes = self._port.read(1)
            if data:
                data += self._port.read(min(self._port.in_waiting, _READ_BYTES))
        except _DEATHS as error:
            raise ConversationOver(down_cause(error)) from error
        return data

    def write(self, data: bytes) -> None:
        """Send bytes; a pen that takes none holds this up for a second at most. Raises ConversationOver."""
        import serial

        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            pass
        except _DEATHS as error:
            raise ConversationOver(down_cause(error)) from error

    def turn_lines(self, *, dtr: bool, rts: bool) -> bool:
        """Set DTR and RTS; False where this port has no such lines, or only says that it has (a network port)."""
        import serial

        if not isinstance(self._port, serial.Serial):
            return False
        try:
            self._port.dtr, self._port.rts = dtr, rts
        except _DEATHS:
            return False
        return True

    def close(self) -> None:
        """Release the port."""
        with contextlib.suppress(*_DEATHS):
            self._port.reset_output_buffer()  # what nobody took could hold up the close of a real tty for half a minute
        with contextlib.suppress(*_DEATHS):
            self._port.close()
