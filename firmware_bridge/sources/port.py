"""One opening of a serial port: opened and configured, read without waiting, closed.

The importer of `serial`, which opens and configures the port and is not on the path of the bytes.

Not responsible for opening it again (serial_port.py), nor for which port it is to be (seek.py).
"""

import contextlib
import os
import re
import select
import termios
import time
from typing import Any

from firmware_bridge.frames import encode
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import IdentityRequest
from firmware_bridge.sources.link import down_cause, open_error

READ_BYTES = 32_768

# What a dead or closing port raises, as seen on ptys, USB adapters and network ports. `termios.error` is no OSError.
_DEATHS = (OSError, termios.error, TypeError, ValueError)
_NOT_OPENED = (*_DEATHS, AttributeError, LookupError, NotImplementedError, re.error)
_READ_WAIT_S = 0.04  # of a port without a descriptor, where a read that returns at once is not to be had


class LinkLost(Exception):
    """The port is gone; `cause` is one of `link.CAUSES`."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Port:
    """One opening of a port: it is either alive, and `read_now` returns at once, or it raises LinkLost."""

    def __init__(self, url: str, profile: PenProfile) -> None:
        """Open it. Raises PortMissing, PortBusy, PortForbidden or PenError."""
        import serial

        try:
            # A fresh object each time: the URL may lead elsewhere after a return (a symlink, a search pattern).
            port = serial.serial_for_url(
                url, do_not_open=True, exclusive=True, baudrate=profile.baud, timeout=_READ_WAIT_S
            )
            port.dtr, port.rts = profile.dtr, profile.rts
            port.open()
        except _NOT_OPENED as error:
            raise open_error(url, error) from error
        self._port: Any = port
        self._fd = _descriptor(port)
        if self._fd is not None:
            _tell_silence_from_death(self._fd)

    def read_now(self) -> bytes:
        """What has arrived, or b"" when nothing has. Raises LinkLost."""
        try:
            data = self._read()
        except BlockingIOError:
            return b""
        except _DEATHS as error:
            raise LinkLost(down_cause(error)) from error
        if not data and self._fd is not None:
            raise LinkLost("unplugged")
        return data

    def ask_identity(self) -> None:
        """Ask the pen who it is, if it listens: a pen that only sends says so unasked every few seconds."""
        request = encode(IdentityRequest())
        with contextlib.suppress(*_DEATHS):
            if self._fd is None:
                self._port.write(request)
            else:
                os.write(self._fd, request)

    def wait(self, seconds: float) -> None:
        """Wait until something has arrived, so long at most. A port without a descriptor waits in `read_now`."""
        if self._fd is not None:
            with contextlib.suppress(*_DEATHS):  # `read_now` says what it was
                select.select([self._fd], [], [], seconds)

    def write(self, data: bytes, *, within_s: float) -> None:
        """Send bytes; what a pen does not take in this time is left out. Raises LinkLost."""
        try:
            if self._fd is None:
                self._port.write(data)
                return
            until_s = time.monotonic() + within_s
            while data and select.select([], [self._fd], [], max(0.0, until_s - time.monotonic()))[1]:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._fd, data) :]
        except _DEATHS as error:
            raise LinkLost(down_cause(error)) from error

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
        """Leave it. May be called twice."""
        fd, self._fd = self._fd, None  # by the second call the number may be another file's
        with contextlib.suppress(*_DEATHS):
            if fd is not None:
                # A request that nobody took could hold up the close of a real tty for half a minute.
                termios.tcflush(fd, termios.TCOFLUSH)
        with contextlib.suppress(*_DEATHS):
            self._port.close()

    def _read(self) -> bytes:
        if self._fd is not None:
            return os.read(self._fd, READ_BYTES)
        data: bytes = self._port.read(min(self._port.in_waiting or 1, READ_BYTES))
        return data


def _descriptor(port: Any) -> int | None:
    """The descriptor to read from, or None for a port that has none (loop://, rfc2217://)."""
    try:
        fd: int = port.fileno()
    except (OSError, AttributeError):
        return None
    os.set_blocking(fd, False)
    return fd


def _tell_silence_from_death(fd: int) -> None:
    """Make an idle port raise BlockingIOError, so that b"" can only mean that the port is gone.

    pyserial leaves VMIN at 0. A read of an idle tty then returns b"", which is also what it returns after a hang-up
    (an unplugged USB adapter, a pty whose other end closed): the two could not be told apart. With VMIN 1 and
    O_NONBLOCK the idle read is EAGAIN. And with BRKINT, which pyserial leaves as it was, a break would throw away
    what is in the kernel's buffer; without it a break is one zero byte.
    """
    with contextlib.suppress(termios.error):  # a socket is no tty, and has told the two apart all along
        attributes = termios.tcgetattr(fd)
        attributes[0] &= ~termios.BRKINT
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
