"""The serial source: reads a port, stamps what came, queues it; and keeps the port open for as long as it is wanted.

Not responsible for what the bytes mean, nor for whether a pen that is connected says anything: both need decoding.
The only importer of `serial`, which opens and configures the port and is not on the path of the bytes.
"""

import contextlib
import os
import re
import termios
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from firmware_bridge.errors import PenError
from firmware_bridge.frames import encode
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import IdentityRequest, LinkChange, SerialChunk
from firmware_bridge.sources.inbox import Inbox
from firmware_bridge.sources.link import down_cause, open_error

# Sleeping and then taking everything costs a twentieth of the CPU of waking for every few bytes. A kernel's terminal
# holds 4095 bytes: half of what fills it is waited at most.
POLL_S = 0.04
_TTY_BYTES = 4095
READ_BYTES = 32_768
REOPEN_FIRST_S = 0.25
REOPEN_MOST_S = 5.0
DRAIN_BYTES = 4 << 20  # more than any kernel holds for one port: a pen that never stops cannot hold up a close

# What a dead or closing port raises, as seen on ptys, USB adapters and network ports. `termios.error` is no OSError.
_DEATHS = (OSError, termios.error, TypeError, ValueError)
_NOT_OPENED = (*_DEATHS, AttributeError, LookupError, NotImplementedError, re.error)


class _LinkLost(Exception):
    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class _Port:
    """One opening of a port: it is either alive, and `read_now` returns at once, or it raises _LinkLost."""

    def __init__(self, url: str, profile: PenProfile) -> None:
        """Open it. Raises PortMissing, PortBusy, PortForbidden or PenError."""
        import serial

        try:
            # A fresh object each time: the URL may lead elsewhere after a return (a symlink, a search pattern).
            port = serial.serial_for_url(url, do_not_open=True, exclusive=True, baudrate=profile.baud, timeout=POLL_S)
            port.dtr, port.rts = profile.dtr, profile.rts
            port.open()
        except _NOT_OPENED as error:
            raise open_error(url, error) from error
        self._port: Any = port
        self._fd = _descriptor(port)
        if self._fd is not None:
            _tell_silence_from_death(self._fd)

    def read_now(self) -> bytes:
        """What has arrived, or b"" when nothing has. Raises _LinkLost."""
        try:
            data = self._read()
        except BlockingIOError:
            return b""
        except _DEATHS as error:
            raise _LinkLost(down_cause(error)) from error
        if not data and self._fd is not None:
            raise _LinkLost("unplugged")
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


def _pauses_s() -> Iterator[float]:
    pause_s = REOPEN_FIRST_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, REOPEN_MOST_S)


class SerialSource:
    """A pen on a serial port. `open`, `start`, `close`; between the last two one thread reads, and reopens for ever.

    `read_total` is every byte read since construction, those included that the inbox had no room for. Two
    kinds of bytes are never read: what came before the port was opened (opening flushes it: it may have been received
    at another baud rate), and what a kernel throws away when a device is torn out, at most one poll period of it.
    """

    def __init__(
        self, url: str, profile: PenProfile, inbox: Inbox, now_us: Callable[[], int], *, speed: float = 1.0
    ) -> None:
        """`speed` is how fast `now_us` runs against real time: faster wants to poll more often."""
        self.url = url
        self.read_total = 0
        self._profile = profile
        self._inbox = inbox
        self._now_us = now_us
        self._poll_s = min(POLL_S, _TTY_BYTES * 10 / profile.baud / 2) / max(1.0, speed)
        self._port: _Port | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def open(self) -> None:
        """Open the port, once. Raises PortMissing, PortBusy, PortForbidden or PenError with a message for a person."""
        if self._closing.is_set():
            raise ValueError(f"{self.url}: this source was closed")
        if self._port is None and self._thread is None:
            self._port = self._open()

    def start(self) -> None:
        """Say that the link is up and start reading; opens the port if that was not done."""
        self.open()
        if self._thread is not None or self._port is None:
            return
        port, self._port = self._port, None  # the thread's from here on
        self._inbox.put_raw(LinkChange(t_us=self._now_us(), up=True, cause="opened"))
        self._thread = threading.Thread(target=self._run, args=(port,), name="serial reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Queue what the kernel still holds and a pending loss, then release the port. Nothing is queued after it.

        Returns within a few poll periods, except that dialling a network address is waited for.
        """
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self._port is not None:
            self._port.close()
            self._port = None
        self._inbox.flush_overflow()

    # --- the reader's thread ----------------------------------------------------------------------------------------

    def _run(self, port: _Port) -> None:
        pauses_s = _pauses_s()
        while True:
            read_before = self.read_total
            cause = self._read_until_lost(port)
            if cause is None:
                return
            if self.read_total > read_before:
                pauses_s = _pauses_s()  # only bytes prove a link: one that opens and dies at once must not spin
            again = self._reopen(pauses_s)
            if again is None:
                return
            port = again
            self._inbox.put_raw(LinkChange(t_us=self._now_us(), up=True, cause="reopened"))

    def _read_until_lost(self, port: _Port) -> str | None:
        """Read until the link is lost, and say why; or until close, and take what is left first (None)."""
        try:
            while not self._closing.wait(self._poll_s):
                while not self._closing.is_set() and self._take(port):
                    pass
            drained_to = self.read_total + DRAIN_BYTES
            while self.read_total < drained_to and self._take(port):
                pass
        except _LinkLost as lost:
            self._inbox.put_raw(LinkChange(t_us=self._now_us(), up=False, cause=lost.cause))
            return lost.cause
        finally:
            port.close()
        return None

    def _take(self, port: _Port) -> bool:
        """One read, one chunk. False when nothing was there. A short read is no sign of the end: a tty gives 4095."""
        data = port.read_now()
        if not data:
            return False
        t_us = self._now_us()
        self.read_total += len(data)
        self._inbox.put_raw(SerialChunk(t_us=t_us, data=data, read_total=self.read_total))
        return True

    def _reopen(self, pauses_s: Iterator[float]) -> _Port | None:
        """Try for ever, ever more slowly; None when the source was closed meanwhile."""
        for pause_s in pauses_s:
            if self._closing.wait(pause_s):
                return None
            with contextlib.suppress(PenError):
                return self._open()
        return None

    def _open(self) -> _Port:
        port = _Port(self.url, self._profile)
        if self._profile.request_identity:
            port.ask_identity()
        return port
