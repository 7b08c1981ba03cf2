"""The serial source: reads a port, stamps what came, queues it; and keeps the port open for as long as it is wanted.

The one supervisor of a link: it opens again for ever, gives a port up when it is told that no pen speaks there
(watch.py), or that another program wants it. Not responsible for what the bytes mean: that needs decoding.
"""

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from firmware_bridge.errors import PenError
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import LinkChange, SerialChunk
from firmware_bridge.sources.inbox import Inbox, PortFree
from firmware_bridge.sources.port import LinkLost, Port
from firmware_bridge.sources.ports import places
from firmware_bridge.sources.reopening import REOPEN_FIRST_S, pauses_s
from firmware_bridge.sources.seek import Seeker, Visit

# Sleeping and then taking everything costs a twentieth of the CPU of waking for every few bytes. A kernel's terminal
# holds 4095 bytes, and what comes when it is full is lost: a quarter of what fills it is waited at most, and a thread
# that a busy computer wakes late has the other three.
POLL_S = 0.04
_POLL_SHARE = 4
_TTY_BYTES = 4095
LOOK_S = 0.1  # while a pause lasts: whether another device is at the path, which is tried at once
DRAIN_BYTES = 4 << 20  # more than any kernel holds for one port: a pen that never stops cannot hold up a close
DISBELIEVED = ("silent", "no frames")


def poll_s(baud: int) -> float:
    """How long is slept at most before what has arrived is read."""
    return min(POLL_S, _TTY_BYTES * 10 / baud / _POLL_SHARE)


class SerialSource:
    """A pen on a serial port. `open`, `start`, `close`; between the last two one thread reads, and reopens for ever.

    `read_total` is every byte read since construction, those included that the inbox had no room for. Two
    kinds of bytes are never read: what came before the port was opened (opening flushes it: it may have been received
    at another baud rate), and what a kernel throws away when a device is torn out, at most one poll period of it.

    `url` is the port, also where the pen was found by `auto` or `serial:NUMBER` (seek.py). `trouble` says why the port
    could not be opened when that was last tried, None while it is open.
    """

    def __init__(
        self, url: str, profile: PenProfile, inbox: Inbox, now_us: Callable[[], int], *, speed: float = 1.0
    ) -> None:
        """`speed` is how fast `now_us` runs against real time: faster wants to poll more often. Raises PenError."""
        self.url = url
        self.read_total = 0
        self.trouble: str | None = None
        self._seeker = Seeker(url, profile, now_us) if Seeker.is_one(url) else None
        self._profile = profile
        self._inbox = inbox
        self._now_us = now_us
        self._poll_s = poll_s(profile.baud) / max(1.0, speed)
        self._opened: Visit | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._opening = 0  # how many times the link has come up
        self._distrusted: tuple[int, str] = (0, "")  # an opening, and why
        self._released_to_us: int | None = None
        self._releases = self._freed = 0  # asked for, and confirmed by the reader's thread

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def open(self) -> None:
        """Open the port, once. Raises PortMissing, PortBusy, PortForbidden or PenError with a message for a person."""
        if self._closing.is_set():
            raise ValueError(f"{self.url}: this source was closed")
        if self._opened is None and self._thread is None:
            self._opened = self._open()

    def start(self) -> None:
        """Say that the link is up and start reading; opens the port if that was not done."""
        self.open()
        if self._thread is not None or self._opened is None:
            return
        opened, self._opened = self._opened, None  # the thread's from here on
        self._thread = threading.Thread(target=self._run, args=(opened,), name="serial reader", daemon=True)
        self._link_up(opened, "opened")
        self._thread.start()

    def distrust(self, opening: int, cause: str) -> None:
        """No pen speaks there: give this opening of the port up, the first being 1, and open it again.

        What is said of an opening that is over already changes nothing. From any thread; does not wait.
        """
        self._distrusted = (opening, cause)

    def release(self, for_us: int) -> None:
        """Give the port up for so long, or until `resume`. From any thread; does not wait.

        When it is free, a link change says so; there is none where the link was down already. Either way the reader's
        thread then queues PortFree, once for each release.
        """
        self._released_to_us = self._now_us() + for_us
        self._releases += 1

    def resume(self) -> bool:
        """Take a port that was released back. False when it was not."""
        was, self._released_to_us = self._is_lent(), None
        return was

    def close(self) -> None:
        """Queue what the kernel still holds and a pending loss, then release the port. Nothing is queued after it.

        Returns within a few poll periods, except that dialling a network address is waited for.
        """
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self._opened is not None:
            self._opened.leave()
            self._opened = None
        self._inbox.flush_overflow()

    def _is_lent(self) -> bool:
        to_us = self._released_to_us
        return to_us is not None and self._now_us() < to_us

    def _released(self) -> bool:
        """Whether the port is to be free now. A release that is over before it was seen is obeyed all the same."""
        return self._freed != self._releases or self._is_lent()

    # --- the reader's thread ----------------------------------------------------------------------------------------

    def _run(self, opened: Visit) -> None:
        waits_s = pauses_s(REOPEN_FIRST_S)
        while True:
            read_before = self.read_total
            cause = self._read_until_lost(opened)
            if cause is None:
                return
            if self.read_total > read_before and cause not in DISBELIEVED:
                # only bytes prove a link: one that opens and dies at once must not spin
                waits_s = pauses_s(REOPEN_FIRST_S)
            again = self._reopen(waits_s)
            if again is None:
                return
            opened = again
            self._link_up(opened, "reopened")

    def _read_until_lost(self, opened: Visit) -> str | None:
        """Read until the link is lost or given up, and say why; or until close (None). What is left is taken first."""
        port, cause = opened.port, None
        assert port is not None  # noqa: S101 # a visit that is handed on is open
        try:
            while not self._ends(cause := self._given_up()) and not self._closing.wait(self._poll_s):
                while not self._ends(self._given_up()) and self._take(port):
                    pass
            # of a port that sends what is no pen's, as much as a terminal holds: it would go on for ever
            drained_to = self.read_total + (_TTY_BYTES if cause == "no frames" else DRAIN_BYTES)
            while self.read_total < drained_to and self._take(port):
                pass
        except LinkLost as lost:
            cause = lost.cause
        t_us = self._now_us()
        opened.leave()  # before it is told: whoever waits for the port may open it then
        if cause is not None:
            self._inbox.put_raw(LinkChange(t_us=t_us, up=False, cause=cause))
        return cause

    def _ends(self, cause: str | None) -> bool:
        return cause is not None or self._closing.is_set()

    def _given_up(self) -> str | None:
        """Why this opening is given up, if it is."""
        if self._released():
            return "released"
        opening, cause = self._distrusted
        return cause if opening == self._opening else None

    def _take(self, port: Port) -> bool:
        """One read, one chunk. False when nothing was there. A short read is no sign of the end: a tty gives 4095."""
        data = port.read_now()
        if not data:
            return False
        self._put(self._now_us(), data)
        return True

    def _put(self, t_us: int, data: bytes) -> None:
        self.read_total += len(data)
        self._inbox.put_raw(SerialChunk(t_us=t_us, data=data, read_total=self.read_total))

    def _link_up(self, opened: Visit, cause: str) -> None:
        """Queue that the link is up, and what was read while the pen was looked for."""
        self._opening += 1
        self._inbox.put_raw(LinkChange(t_us=opened.opened_us, up=True, cause=cause))
        for chunk in opened.chunks:
            self._put(chunk.t_us, chunk.data)
        opened.chunks.clear()

    def _reopen(self, waits_s: Iterator[float]) -> Visit | None:
        """Try for ever, ever more slowly, and at once when another device is there; None when the source was closed."""
        there = self._places()
        while self._pause(next(waits_s), there):
            if there != (there := self._places()):
                waits_s = pauses_s(REOPEN_FIRST_S)
            try:
                return self._open()
            except PenError as error:
                if not self._released():  # then the search was broken off
                    self.trouble = str(error)
        return None

    def _pause(self, pause_s: float, there: tuple[object, ...]) -> bool:
        """Wait, while the port is released too; not for all of it when another device is there. False at a close.

        No port is open here: this is where a release is confirmed.
        """
        ends_s = time.monotonic() + pause_s
        released = False
        while (left_s := ends_s - time.monotonic()) > 0 or self._released():
            while self._freed < self._releases:
                self._freed += 1
                released = True
                self._inbox.put(PortFree())
            if self._closing.wait(min(left_s, LOOK_S) if left_s > 0 else LOOK_S):
                return False
            if self._is_lent():
                released = True
            elif released or self._places() != there:
                break
        return not self._closing.is_set()

    def _places(self) -> tuple[object, ...]:
        return self._seeker.places() if self._seeker else places(self.url)

    def _open(self) -> Visit:
        if self._seeker is not None:
            opened = self._seeker.find(self._closing, self._released)
        else:
            port = Port(self.url, self._profile)
            opened = Visit(path=self.url, port=port, opened_us=self._now_us())
            if self._profile.request_identity:
                port.ask_identity()
        self.url, self.trouble = opened.path, None
        return opened
