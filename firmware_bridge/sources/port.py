"""One opening of a serial port: opened and configured, read without waiting, closed.

The importer of `serial`, which opens and configures the port and is not on the path of the bytes.

Not responsible for opening it again (serial_port.py), nor for which port it is to be (seek.py).
"""

import contextlib
import os
import re
import termios
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

    def close(self) -> None:
        with contextlib.suppress(*_DEATHS):
            if self._fd is not None:
                # A request that nobody took could hold up the close of a real tty for half a minute.
                termios.tcflush(self._fd, termios.TCOFLUSH)
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
