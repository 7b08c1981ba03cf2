"""What runs outside: the simulated pen, the command line that will be killed, and a watch on the machine itself."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from devicelog.store.lock import WriterLock
from firmware_bridge.decode import Decoder
from firmware_bridge.readings import SampleBlock, SerialChunk

DEADLINE_S = 30.0


def now_us() -> int:
    """CLOCK_MONOTONIC, which is also what the recorder stamps with."""
    return time.monotonic_ns() // 1000


class Lag:
    """How long this process waits beyond what it asked for: for the processor, and for the disk to sync a page."""

    def __init__(self, directory: Path) -> None:
        self._late: deque[tuple[int, int]] = deque(maxlen=100_000)
        self._path = directory / "lag"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Lag":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def worst_us(self, from_us: int, to_us: int) -> int:
        """The longest single wait that touches this time."""
        return max((late for end, late in tuple(self._late) if end >= from_us and end - late <= to_us), default=0)

    def _run(self) -> None:
        with self._path.open("wb", buffering=0) as file:
            n = 0
            while not self._stop.is_set():
                n += 1
                began_us = now_us()
                time.sleep(0.005)
                if n % 40 == 0:
                    file.write(b"page" * 1024)
                    os.fsync(file.fileno())
                    os.ftruncate(file.fileno(), 0)
                late_us = now_us() - began_us - 5_000
                if late_us > 10_000:
                    self._late.append((now_us(), late_us))


class Pen:
    """A simulated pen in a process of its own. `offset_us` is CLOCK_MONOTONIC minus the pen's clock."""

    def __init__(self, link: Path, seed: int) -> None:
        self.link = link
        command = [sys.executable, "-m", "firmware_bridge.simulator", "--link", str(link), "--seed", str(seed)]
        self._process = subprocess.Popen(
            [*command, "--seconds", "14400", "--now", "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        if not line.startswith("pen ready"):
            raise RuntimeError(f"the simulated pen did not start: {line}")
        self.offset_us = self._listen()

    def __enter__(self) -> "Pen":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=DEADLINE_S)

    def _listen(self) -> int:
        """Before anyone records: by how much the pen's clock differs from ours, from the quickest of some frames."""
        fd = os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        decoder, give_up_us = Decoder(), now_us() + int(DEADLINE_S * 1e6)
        offsets: list[int] = []
        try:
            while len(offsets) < 25:
                if now_us() > give_up_us:
                    raise RuntimeError("the simulated pen says nothing")
                try:
                    data = os.read(fd, 4096)
                except BlockingIOError:
                    time.sleep(0.001)
                    continue
                read_us = now_us()
                offsets += [
                    read_us - reading.t_us - (reading.n - 1) * reading.period_us
                    for reading in decoder.feed(SerialChunk(t_us=read_us, data=data))
                    if isinstance(reading, SampleBlock)
                ]
        finally:
            os.close(fd)
        return min(offsets)


class Program:
    """A command that is running; what it says on stderr is kept line by line."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self.spawned_us = now_us()
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first line in which this is found; None when the program ended, or said nothing of the kind in time."""

        def found() -> re.Match[str] | None:
            return next((match for line in self.lines if (match := pattern.search(line))), None)

        with self._said:
            self._said.wait_for(lambda: found() or self.over.is_set(), DEADLINE_S)
            return found()

    def wait_for_lock(self, data_dir: Path) -> bool:
        """Until it holds the writer lock; False when it ended first or has no use for it."""
        lock, give_up_s = WriterLock(data_dir), time.monotonic() + 5
        while lock.holder().get("pid") != self.pid:
            if self.over.is_set() or time.monotonic() > give_up_s:
                return False
            time.sleep(0.0005)
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        os.kill(self.pid, number)  # not reaped before `kill`: the number is its own until then

    def kill(self) -> int:
        """Kill it, if it has not ended; its exit code, negative for the signal that killed it."""
        self.signal(signal.SIGKILL)
        code = self._process.wait(DEADLINE_S)
        self._thread.join(DEADLINE_S)
        return code

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self.over.set()
            self._said.notify_all()
        self._process.stderr.close()
