"""A line of 921,600 baud with no pause on it, into the real recorder: how far behind it is at most, and what it misses.

A pty keeps what a wire would not, so falling behind shows as bytes that wait: in the kernel, in the queue before the
consumer, and before the disk. A UART waits for nobody: what comes while the kernel's terminal is full is lost there,
and is counted here as overrun. When this side of the pty runs late itself, the line is idle for so long: a burst would
fill the terminal by no fault of the recorder.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import cpu_s
from firmware_bridge import profiles
from firmware_bridge.frames import encode
from firmware_bridge.readings import SampleBlock
from tests.e2e.running import IDENTITY, PtyPen, bytes_on_disk, identity, wait_until
from tests.environment import environment

BYTES_PER_S = 92_160  # 921,600 baud, ten bits a byte
TTY_BYTES = 4095  # what a kernel's terminal holds
_STEP_S = 0.005
_LATE_S = 0.01  # a turn that comes later than this leaves the line idle


@dataclass(slots=True, kw_only=True)
class Figures:
    """What so many seconds came to. Bytes are of the pen's line."""

    samples_per_frame: int
    lasted_s: float
    sent: int
    kept: int
    dropped: int
    samples: int
    decoded: int
    missing: int
    in_kernel: int
    overruns: int  # how many times bytes came while the kernel's terminal was full
    overrun_bytes: int  # and how many there were: what a UART would have lost
    idle_s: float
    in_queue: int
    not_on_disk: int
    cpu_ms_per_s: float

    def lines(self) -> Iterator[str]:
        """For people."""
        rate = self.sent / self.lasted_s
        yield (
            f"a full line                       {rate:.0f} bytes/s for {self.lasted_s:.1f} s, "
            f"idle for {self.idle_s:.1f} s more"
        )
        yield (
            f"frames                            {self.samples_per_frame} samples each, "
            f"{self.samples / self.lasted_s:.0f} samples/s"
        )
        yield f"bytes sent, kept, dropped         {self.sent}, {self.kept}, {self.dropped}"
        yield f"samples sent, decoded, missing    {self.samples}, {self.decoded}, {self.missing}"
        yield f"waiting at most, in the kernel    {self.in_kernel} bytes, of {TTY_BYTES}"
        yield f"a UART would have lost            {self.overrun_bytes} bytes, {self.overruns} times"
        yield f"waiting at most, in the queue     {self.in_queue} bytes"
        yield f"not yet on disk at most           {self.not_on_disk} bytes, {self.not_on_disk / rate:.2f} s of the line"
        yield f"CPU of the recorder               {self.cpu_ms_per_s:.0f} ms/s"

    @property
    def whole(self) -> bool:
        """Nothing is missing of what the pty let through."""
        return (self.kept, self.dropped) == (self.sent, 0) and (self.decoded, self.missing) == (self.samples, 0)


class Kernel:
    """A kernel's terminal behind a UART, turn by turn: what waits there, and what finds no room."""

    def __init__(self) -> None:
        self.most = self.overruns = self.overrun_bytes = 0
        self._over = False

    def take(self, *, waiting: int, coming: int) -> None:
        """So many bytes wait, and so many more have come since the last turn."""
        self.most = max(self.most, min(TTY_BYTES, waiting + coming))
        lost = max(0, waiting + coming - TTY_BYTES)
        self.overruns += bool(lost) and not self._over
        self.overrun_bytes += lost
        self._over = bool(lost)


def frames(seconds: float, n: int) -> tuple[list[bytes], int]:
    """Frames of `n` samples, every column in them, that fill the line for so long; and the period of the samples."""
    period_us = int(len(_frame(0, n, 100)) * 1_000_000 / BYTES_PER_S / n)
    return [_frame(at, n, period_us) for at in range(0, int(seconds * 1_000_000 / period_us), n)], period_us


def _frame(seq: int, n: int, period_us: int) -> bytes:
    depth_um = tuple(300 + (seq + i) * 37 % 211 for i in range(n))
    return encode(
        SampleBlock(
            "test", True, 7, seq, seq * period_us % 2**32, 500, 10, 5000 + seq // 100, period_us, n,
            depth_um, tuple(4 * depth for depth in depth_um), (1200,) * n, (1 << n) - 1,
        )
    )  # fmt: skip


def saturate(
    base: Path, *, seconds: float, samples_per_frame: int = 2, say: Callable[[str], None] = lambda _: None
) -> Figures:
    """Fill the line for so long."""
    to_send, period_us = frames(seconds, samples_per_frame)
    line, n_samples = b"".join(to_send), len(to_send) * samples_per_frame
    rate = len(to_send[0]) * 1_000_000 / (samples_per_frame * period_us)
    profile, data_dir = base / "fast.toml", base / "data"
    text = Path(str(profiles.__file__)).with_name("reference.toml").read_text("utf-8")
    profile.write_text(text.replace("baud = 115200", "baud = 921600"), "utf-8")
    command = [sys.executable, "-m", "tests.link.recorder", str(data_dir), str(base / "pen"), str(profile)]
    not_on_disk = at = due = 0
    kernel = Kernel()
    with (
        PtyPen(base / "pen") as pen,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as recorder,
    ):
        assert recorder.stdin is not None
        assert recorder.stdout is not None
        wait_until(lambda: pen.asked() or recorder.poll() is not None, "the identity request")
        pen.send(IDENTITY)
        assert recorder.stdout.readline() == b"recording\n"
        used_s, now_s, looked_s = cpu_s(recorder.pid), time.monotonic(), 0.0
        began_s, sending_s = now_s, 0.0
        while at < len(line):
            before_s, now_s = now_s, time.monotonic()
            sending_s += min(now_s - before_s, _LATE_S)
            due, was_due = min(len(line), int(sending_s * rate)), due
            kernel.take(waiting=pen.unread(), coming=due - was_due)
            at += pen.try_to_send(line[at:due]) if due > at else 0
            if now_s - looked_s > 0.5:
                looked_s, sent = now_s, pen.sent
                not_on_disk = max(not_on_disk, sent - bytes_on_disk(data_dir))
            select.select([], [], [], _STEP_S)
        lasted_s, idle_s = sending_s, time.monotonic() - began_s - sending_s
        say(f"sent for {lasted_s:.1f} s")
        wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "the last bytes on disk")
        used_s = cpu_s(recorder.pid) - used_s
        pen.send(rest := identity(seq=n_samples, t_us=n_samples * period_us % 2**32))  # its motor off
        wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "its last word on disk")
        recorder.stdin.close()
        told = json.loads(recorder.stdout.read())
    return Figures(
        samples_per_frame=samples_per_frame,
        lasted_s=lasted_s,
        sent=len(line),
        kept=told["kept"] - len(rest),
        dropped=told["dropped"],
        samples=n_samples,
        decoded=told["decoded"],
        missing=told["missing"],
        in_kernel=kernel.most,
        overruns=kernel.overruns,
        overrun_bytes=kernel.overrun_bytes,
        idle_s=idle_s,
        in_queue=told["in_queue"],
        not_on_disk=not_on_disk,
        cpu_ms_per_s=1000 * used_s / (lasted_s + idle_s),
    )
