"""A line of 921,600 baud with no pause on it, into the real recorder: how far behind it is at most, and what it misses.

A pty keeps what a wire would not, so falling behind shows as bytes that wait: in the kernel, in the queue before the
consumer, and before the disk.
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
_STEP_S = 0.005


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
    in_queue: int
    not_on_disk: int
    cpu_ms_per_s: float

    def lines(self) -> Iterator[str]:
        """For people."""
        rate = self.sent / self.lasted_s
        yield f"a full line                       {rate:.0f} bytes/s for {self.lasted_s:.1f} s"
        yield (
            f"frames                            {self.samples_per_frame} samples each, "
            f"{self.samples / self.lasted_s:.0f} samples/s"
        )
        yield f"bytes sent, kept, dropped         {self.sent}, {self.kept}, {self.dropped}"
        yield f"samples sent, decoded, missing    {self.samples}, {self.decoded}, {self.missing}"
        yield f"waiting at most, in the kernel    {self.in_kernel} bytes"
        yield f"waiting at most, in the queue     {self.in_queue} bytes"
        yield f"not yet on disk at most           {self.not_on_disk} bytes, {self.not_on_disk / rate:.2f} s of the line"
        yield f"CPU of the recorder               {self.cpu_ms_per_s:.0f} ms/s"

    @property
    def whole(self) -> bool:
        """Nothing is missing."""
        return (self.kept, self.dropped) == (self.sent, 0) and (self.decoded, self.missing) == (self.samples, 0)


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
    in_kernel = not_on_disk = at = 0
    with (
        PtyPen(base / "pen") as pen,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as recorder,
    ):
        assert recorder.stdin is not None
        assert recorder.stdout is not None
        wait_until(lambda: pen.asked() or recorder.poll() is not None, "the identity request")
        pen.send(IDENTITY)
        assert recorder.stdout.readline() == b"recording\n"
        used_s, began_s, looked_s = cpu_s(recorder.pid), time.monotonic(), 0.0
        while at < len(line):
            due = min(len(line), int((time.monotonic() - began_s) * rate))
            at += pen.try_to_send(line[at:due]) if due > at else 0
            in_kernel = max(in_kernel, pen.unread())
            if (now_s := time.monotonic()) - looked_s > 0.5:
                looked_s, sent = now_s, pen.sent
                not_on_disk = max(not_on_disk, sent - bytes_on_disk(data_dir))
            select.select([], [], [], _STEP_S)
        lasted_s = time.monotonic() - began_s
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
        in_kernel=in_kernel,
        in_queue=told["in_queue"],
        not_on_disk=not_on_disk,
        cpu_ms_per_s=1000 * used_s / lasted_s,
    )
