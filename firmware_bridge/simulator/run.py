"""The simulated pen in real time: a pty in place of the port, and the loop that plays a pen into it.

The only fake is at the wire: what a reader opens is a terminal device, and what it reads are real frames. Not
responsible for what the pen sends (pen.py) or when things happen in a session (script.py).
"""

import contextlib
import fcntl
import os
import select
import struct
import termios
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.decode import Decoder
from firmware_bridge.errors import PenError, PortBusy
from firmware_bridge.readings import IdentityRequest, SerialChunk
from firmware_bridge.simulator.library import load_scenario, script_for
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.simulator.scenario import Scenario
from firmware_bridge.simulator.wire import Wire

PERIOD_NS = 5_000_000
AGAIN_AFTER_US = 2_000_000  # pen time between one script and the next
AFTER_NAME_US = 300_000  # pen time from an identity that nobody asked for to the first needling
NOBODY_AFTER_NS = 2_000_000_000  # unread for this long: nobody listens
BACKLOG_MAX = 65_536
LAST_BYTES_NS = 200_000_000  # how long a pulled plug waits for the reader to take what was sent before it


class PtyLink:
    """A pty whose slave end is found at `path`, a symbolic link. A context manager; `close` may be called twice.

    Bytes that do not fit wait, and are dropped and counted in `dropped_bytes` when nobody reads: a real line does not
    keep the past for whoever opens it later either.
    """

    def __init__(self, path: str, *, forgets: bool = True) -> None:
        """Open a pty and put the link in place. Raises PortBusy or PenError when `path` is taken or cannot be made.

        Without `forgets` what nobody reads is kept.
        """
        self.path = Path(path)
        self._forgets = forgets
        self.slave_name = ""
        self.dropped_bytes = 0
        self._master: int | None = None
        self._slave = -1
        self._decoder = Decoder()
        self._backlog = b""
        self._unread = 0
        self._read_ns = 0
        self.replug()

    def __enter__(self) -> "PtyLink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def up(self) -> bool:
        """True while there is a port to open."""
        return self._master is not None

    def replug(self) -> None:
        """Bring the port back, as a new device at the old path. Does nothing while it is up."""
        if self.up:
            return
        master, slave = os.openpty()
        try:
            tty.setraw(slave)  # before anyone can open it: an echo would send the pen its own frames
            os.set_blocking(master, False)
            os.set_blocking(slave, False)
            self._place_link(os.ttyname(slave))
        except BaseException:
            os.close(master)
            os.close(slave)
            raise
        # The slave stays open here, so that a reader who closes and opens again finds the same port.
        self._master, self._slave, self.slave_name = master, slave, os.ttyname(slave)
        self._decoder, self._backlog, self._unread, self._read_ns = Decoder(), b"", 0, time.monotonic_ns()

    def unplug(self) -> None:
        """Make the port vanish: whoever has it open sees a hang-up, and there is nothing left to open."""
        if self._master is None:
            return
        self._let_reader_finish()
        with contextlib.suppress(OSError):
            if self.path.readlink() == Path(self.slave_name):
                self.path.unlink()
        os.close(self._slave)
        os.close(self._master)
        self._master, self._slave = None, -1
        self._drop(len(self._backlog))

    def close(self) -> None:
        """Remove the port for good."""
        self.unplug()

    def write(self, data: bytes) -> None:
        """Send bytes; never waits. Bytes for a port that is down are dropped."""
        if self._master is None:
            self.dropped_bytes += len(data)
            return
        room = BACKLOG_MAX - len(self._backlog)
        self.dropped_bytes += max(0, len(data) - room)
        self._backlog += data[:room]
        self._push()

    def requests(self) -> int:
        """How many identity requests have arrived since the last call. Also moves what waits to be sent."""
        if self._master is None:
            return 0
        self._push()
        self._forget_if_nobody_reads()
        try:
            data = os.read(self._master, 4096)
        except OSError:  # nothing there
            return 0
        readings = self._decoder.feed(SerialChunk(t_us=0, data=data))
        return sum(isinstance(reading, IdentityRequest) for reading in readings)

    def waiting_bytes(self) -> int:
        """How many of the bytes that were written nobody has read yet; 0 while the port is down."""
        if self._master is None:
            return 0
        self._push()
        select.select([self._slave], [], [], 0)  # has the kernel bring to this end what is on its way
        return len(self._backlog) + self._count_unread()

    def wait(self, until_ns: int) -> None:
        """Return at this time of the monotonic clock, or sooner when a host sends something."""
        left_s = max(0, until_ns - time.monotonic_ns()) / 1e9
        select.select([] if self._master is None else [self._master], [], [], left_s)

    def _push(self) -> None:
        if self._master is None or not self._backlog:
            return
        with contextlib.suppress(BlockingIOError):
            self._backlog = self._backlog[os.write(self._master, self._backlog) :]

    def _forget_if_nobody_reads(self) -> None:
        """Throw away what lies unread for two seconds: a host that opens the port now wants to hear the present."""
        if not self._forgets:
            return
        unread, before, now_ns = self._count_unread(), self._unread, time.monotonic_ns()
        self._unread = unread
        if not unread or unread < before:
            self._read_ns = now_ns
        elif now_ns - self._read_ns > NOBODY_AFTER_NS:
            self._drop(len(self._backlog))
            with contextlib.suppress(BlockingIOError):
                # read and not flushed, so that what is dropped is counted; a host may have made empty reads return b""
                while data := os.read(self._slave, 4096):
                    self.dropped_bytes += len(data)

    def _count_unread(self) -> int:
        packed = fcntl.ioctl(self._slave, termios.FIONREAD, b"\0\0\0\0")
        return int(struct.unpack("=i", packed)[0])

    def _let_reader_finish(self) -> None:
        """A hang-up throws away what the reader has not read yet; give it a moment, as a real plug gives the driver."""
        deadline_ns = time.monotonic_ns() + LAST_BYTES_NS
        while time.monotonic_ns() < deadline_ns:
            self._push()
            time.sleep(0.001)  # the kernel moves bytes from end to end in its own time
            if not self._backlog and not self._count_unread():
                break

    def _drop(self, n_bytes: int) -> None:
        self.dropped_bytes += n_bytes
        self._backlog = b""

    def _place_link(self, target: str) -> None:
        """Make `path` lead to `target`. A link to a terminal that is gone was left by a pen that died: replaced."""
        if self.path.is_symlink():
            leads_to = self.path.readlink()
            if self.path.exists():
                raise PortBusy(
                    f"{self.path} leads to {leads_to}, which is there. Is another pen running? If not, delete the link"
                )
            if leads_to.parent != Path(target).parent:
                raise PenError(f"{self.path} leads to {leads_to}, which is no simulated pen; choose another path")
        elif self.path.exists():
            raise PenError(f"{self.path} is there and is no link of a simulated pen; choose another path")
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(target)
            fresh.replace(self.path)
        except OSError as error:
            raise PenError(f"cannot make the link {self.path}: {error.strerror}") from error


def run_pen(
    link_path: str,
    *,
    scenario: Scenario | str = "clean",
    seconds: float = 60,
    seed: int = 1,
    speed: float = 1.0,
    origin_us: int | None = None,
    once: bool = False,
    now: bool = False,
    serial: str = "",
    stop: threading.Event,
    on_ready: Callable[[PtyLink, Pen], None] | None = None,
) -> None:
    """Be a pen at `link_path` until `stop` is set; the link is gone when this returns.

    Pen time is `speed` times the time since `origin_us`, microseconds of CLOCK_MONOTONIC (default: this call). The
    script begins when a host first asks for the identity, or with `now` at once; a pen without a receiver waits until
    it has next said by itself who it is. 2 s after its end another with the next seed begins, unless `once`. Raises
    ValueError for a scenario or length that there is not, PenError for a path that cannot be used.
    """
    if not 0.01 <= speed <= 1000:
        raise ValueError(f"speed {speed}; expected 0.01 to 1000")
    scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
    pen = Pen(script_for(scenario, seconds, seed), seed, serial=serial)
    wire = Wire(pen)
    started = 0
    wanted_us: int | None = 0 if now else None  # pen time at which somebody began to listen
    due_ns = time.monotonic_ns()
    origin_ns = due_ns if origin_us is None else origin_us * 1000
    with PtyLink(link_path) as link:
        if on_ready is not None:
            on_ready(link, pen)
        while not stop.is_set():
            for _, data in wire.advance_to(int(speed * (time.monotonic_ns() - origin_ns)) // 1000):
                _carry(link, data)
            for _ in range(link.requests()):
                link.write(wire.answer())
                wanted_us = pen.now_us if wanted_us is None else wanted_us
            if _may_start(pen, wanted_us, once=once):
                pen.start(script_for(scenario, seconds, seed + started))
                started += 1
            late_ns = time.monotonic_ns() - due_ns
            if late_ns >= 0:  # on the same grid for ever; periods that were missed are skipped
                due_ns += PERIOD_NS * (late_ns // PERIOD_NS + 1)
            link.wait(due_ns)


def _carry(link: PtyLink, data: bytes | None) -> None:
    if data is None:
        link.unplug()
        return
    if not link.up:
        link.replug()
    link.write(data)


def _may_start(pen: Pen, wanted_us: int | None, *, once: bool) -> bool:
    """Whether the operator begins: when somebody listens, and a pen that cannot be asked has said who it is."""
    if pen.ended_us is not None:
        return not once and pen.now_us >= pen.ended_us + AGAIN_AFTER_US
    if wanted_us is None or "receiver" not in pen.script.lacks:
        return wanted_us is not None
    return wanted_us < pen.named_us <= pen.now_us - AFTER_NAME_US
