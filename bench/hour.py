"""An hour of a pen through `record()`, fed from memory, in a few seconds: CPU, bytes written, memory, size on disk.

`python -m bench.hour DATA_DIR WORKLOADS HZ N SECONDS`. The recorder is the product's own, whole: one consumer, one
writer thread, a real database file. Only time is played: whoever would look at a clock is given the stream's.
"""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.measure import Written, resident_bytes
from bench.workload import SLOT_US, Workload
from devicelog.canonical import Json
from devicelog.clinical.data import load_plan, load_zones
from devicelog.recorder import record, recording
from devicelog.recorder.clock import iso
from devicelog.recorder.commands import MarkCommand, TimedMark
from devicelog.recorder.job import Job
from devicelog.recorder.live import Live
from devicelog.recorder.stop import Stop
from devicelog.records import Clock, Record
from devicelog.store.writer import FLUSH_PERIOD_S, Writer
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import LinkChange, SerialChunk
from firmware_bridge.simulator import script_for
from firmware_bridge.sources import Inbox

RSS_EVERY_US = 60_000_000
_WALL_ORIGIN_US = 1_780_000_000_000_000


class StreamClock:
    """A RecorderClock that stands where the stream is."""

    speed = 1.0
    boot = "00000000-0000-0000-0000-000000000000"

    def __init__(self) -> None:
        self.t_us = 1_000_000

    def now_us(self) -> int:
        return self.t_us

    def monotonic(self) -> float:
        """In place of `time.monotonic` where the recorder paces itself."""
        return self.t_us / 1_000_000

    def wall_us(self) -> int:
        return _WALL_ORIGIN_US + self.t_us

    def reading(self) -> Clock:
        return Clock(boot=self.boot, wall_us=self.wall_us(), confidence="synced")

    def stamp(self) -> Json:
        return {"at": iso(self.wall_us()), "mono_us": self.t_us, "boot": self.boot, "clock": "synced"}


class MemorySource:
    """A pen's port whose next read is there as soon as the consumer asks: no thread to wake, no pty."""

    url = "memory"
    trouble = None

    def __init__(self, workload: Workload, stop: Stop, inbox: Inbox, clock: StreamClock) -> None:
        self.read_total = 0
        self.resident: list[tuple[int, int]] = []
        self._slots, self._stop, self._inbox, self._clock = workload.slots(), stop, inbox, clock
        self._began_us = self._seen_us = clock.now_us()
        self._get = inbox.get

    def open(self) -> None:
        pass

    def start(self) -> None:
        self._inbox.put_raw(LinkChange(t_us=self._clock.now_us(), up=True, cause="opened"))
        self._inbox.get = self._feed  # type: ignore[method-assign]

    def close(self) -> None:
        self._inbox.get = self._get  # type: ignore[method-assign]

    def distrust(self, opening: int, cause: str) -> None:
        raise AssertionError(f"this pen is never away, and opening {opening} is given up: {cause}")

    def release(self, for_us: int) -> None:
        raise NotImplementedError

    def resume(self) -> bool:
        raise NotImplementedError

    def _feed(self, timeout_s: float) -> object | None:
        data = next(self._slots, None)
        if data is None:
            self._stop.request("operator")
            return self._get(0)
        self._clock.t_us += SLOT_US
        if self._clock.t_us - self._seen_us >= RSS_EVERY_US:
            self._seen_us = self._clock.t_us
            self.resident.append((self._seen_us - self._began_us, resident_bytes()))
        if data:
            self.read_total += len(data)
            self._inbox.put_raw(SerialChunk(t_us=self._clock.t_us, data=data, read_total=self.read_total))
        return self._get(timeout_s)


class PacedWriter(Writer):
    """The writer, its flushes at every 0.64 s of the stream: one transaction each, as in real time."""

    _due_us = 0

    def put(self, record: Record) -> None:
        super().put(record)
        if record.t_us >= self._due_us:
            self._due_us = record.t_us + int(FLUSH_PERIOD_S * 1_000_000)
            self.do(lambda _: None).result()


class Counting:
    """A console that shows nothing."""

    def __init__(self) -> None:
        self.lives = 0
        self.said: list[str] = []

    def live(self, _live: Live) -> None:
        self.lives += 1

    def say(self, text: str) -> None:
        self.said.append(text)


def main(data_dir: Path, workload: Workload) -> dict[str, Any]:
    """Record the workload and say what it took."""
    script = script_for("clean", workload.seconds, 1)
    job = Job(
        data_dir=data_dir,
        client_code="BENCH-1",
        practitioner="BENCH",
        plan=load_plan("full-face"),
        zones=load_zones(),
        profile=load_profile("reference"),
        command="record",
        marks=tuple(
            TimedMark(
                t_us=mark.t_us, command=MarkCommand(kind=mark.kind, zone=mark.zone if mark.kind == "zone" else None)
            )
            for mark in script.marks
        ),
    )
    clock, console, stop = StreamClock(), Counting(), Stop()
    sources: list[MemorySource] = []

    def source_of(inbox: Inbox, clock: StreamClock) -> MemorySource:
        sources.append(MemorySource(workload, stop, inbox, clock))
        return sources[0]

    paced = SimpleNamespace(monotonic=clock.monotonic)
    recording.time = paced
    record.Writer = PacedWriter
    written, began_ns, wall_s = Written(), time.process_time_ns(), time.monotonic()
    outcome = record.record(job, source_of=source_of, clock=clock, console=console, stop=stop)
    cpu_s = (time.process_time_ns() - began_ns) / 1e9
    account = outcome.derived["facts"]["completeness"]
    if not account["closes"]:
        raise SystemExit(f"the accounts do not close: {account}")
    return {
        "session": outcome.session,
        "cpu_s": cpu_s,
        "wall_s": time.monotonic() - wall_s,
        "bytes": written.so_far(),
        "samples": sum(boot["decoded"] for boot in account["boots"]),
        "verdict": outcome.derived["verdict"],
        "marks": outcome.derived["facts"]["marks"],
        "lives": console.lives,
        "resident": sources[0].resident,
    }


if __name__ == "__main__":
    made = Workload.make(Path(sys.argv[2]), *map(int, sys.argv[3:6]))
    print(json.dumps(main(Path(sys.argv[1]), made)))
