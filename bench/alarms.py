"""How long after the read that delivered a frame its alarm is said, with an export of an hour running beside it.

`python -m bench.alarms [ZONES]`. A pen at a pty in this process, the recorder in a process of its own, exports in
others, one after the other, of an hour that was recorded before into the same database. In each of so many zones the
dial goes over the plan and then over the device: two alarms a zone. Milliseconds from the stamp of the read whose bytes
held the frame to the call of the console; printed as JSON.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.wire import started, wait_for
from devicelog.clinical.plan import Plan, PlanZone, Zone
from devicelog.control import ask
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.job import Job, Source
from devicelog.recorder.live import Live
from devicelog.recorder.record import record
from devicelog.recorder.stop import Stop
from devicelog.recorder.stream import OpenStream
from devicelog.records import Record
from firmware_bridge.frames import encode
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Identity, RawInput, Reading, SampleBlock
from firmware_bridge.simulator.run import PtyLink
from firmware_bridge.sources import Inbox, SerialSource

HOUR_S, HOUR_HZ = 3600, 100
PERIOD_US, N = 1_000, 10  # a frame every 10 ms
CALM_UM, OVER_PLAN_UM, OVER_DEVICE_UM = 300, 450, 9_000
STRETCH = 15  # frames under one dial setting: 0.15 s
OVERS = {"depth.over_plan": "over_plan", "depth.over_device": "over_device"}
SHAPES = "bag,csv,jsonl,html"


def zones(n: int) -> dict[str, Zone]:
    """More zones than anybody has."""
    return {f"z{i}": Zone(id=f"z{i}", label=f"Zone {i}", site="forehead", laterality="midline") for i in range(n)}


def plan(n: int) -> Plan:
    """All of them, up to 0.4 mm."""
    limit: dict[str, Any] = {"depth_min_um": 0, "depth_max_um": 400, "source": "bench", "evidence": "X"}
    planned = tuple(PlanZone(zone=zone, sourced=False, **limit) for zone in zones(n))
    return Plan(id="bench", label="A plan for the bench", indication="none", zones=planned)


# --- the recorder -----------------------------------------------------------------------------------------------------


class Timed(OpenStream):
    """A stream that remembers when each of its records arrived."""

    newest: "Timed | None" = None

    def take(self, item: RawInput | Any, t_us: int | None = None) -> list[Reading]:
        Timed.newest = self
        return super().take(item, t_us)

    def _record(self, t_us: int, item: RawInput | Any) -> Record:
        made = super()._record(t_us, item)
        self.__dict__.setdefault("stamps", {})[made.number] = made.t_us
        return made


class Listening:
    """A console that notes how late it is told."""

    def __init__(self, clock: RecorderClock) -> None:
        self.clock = clock
        self.late_us: list[int] = []

    def live(self, _live: Live) -> None:
        pass

    def say(self, text: str) -> None:
        now_us = self.clock.now_us()
        words = text.partition(":")[0].split()
        if text.startswith("recording s-"):
            print("recording", flush=True)
        if words[:1] == ["ALARM"] and words[1] in OVERS and Timed.newest is not None:
            tally = Timed.newest.pipeline.derivation.needling.zones[words[3]]
            first = getattr(tally, OVERS[words[1]]).first_record
            self.late_us.append(now_us - Timed.newest.__dict__["stamps"][first])


def recorder(data_dir: Path, url: str, n: int) -> None:
    """Record one session until the input ends."""
    import devicelog.recorder.opening

    devicelog.recorder.opening.OpenStream = Timed
    profile, stop, clock = load_profile("reference"), Stop(), RecorderClock()
    console = Listening(clock)

    def source_of(inbox: Inbox, clock: RecorderClock) -> Source:
        return SerialSource(url, profile, inbox, clock.now_us)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.request("operator")

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    job = Job(
        data_dir=data_dir,
        client_code="BENCH-2",
        practitioner="BENCH",
        plan=plan(n),
        zones=zones(n),
        profile=profile,
        command="record",
    )
    record(job, source_of=source_of, clock=clock, console=console, stop=stop)
    print(json.dumps(console.late_us))


# --- the pen, and the exports -----------------------------------------------------------------------------------------


class Pen:
    """It sends a frame every 10 ms, on the skin, at the depth that its dial says."""

    def __init__(self, link: PtyLink) -> None:
        self.link = link
        self.seq = self.pen_us = 0
        self._due_s = time.monotonic()

    def send(self, frames: int, set_um: int) -> None:
        """So many frames, in real time."""
        for _ in range(frames):
            common: dict[str, Any] = {"mode": "test", "motor_on": True, "boot": 1, "seq": self.seq}
            block = SampleBlock(
                **common,
                t_us=self.pen_us,
                depth_set_um=set_um,
                passes=0,
                strokes=self.seq // 10,
                period_us=PERIOD_US,
                n=N,
                depth_um=tuple(set_um + i % 3 for i in range(N)),
                raw_count=None,
                frequency_dhz=(1_000,) * N,
                contact_bits=(1 << N) - 1,
            )
            self.seq, self.pen_us = self.seq + N, self.pen_us + N * PERIOD_US
            self._due_s = max(self._due_s + N * PERIOD_US / 1e6, time.monotonic() - 0.1)
            time.sleep(max(0.0, self._due_s - time.monotonic()))
            if self.link.requests():
                self.link.write(encode(self._identity()))
            self.link.write(encode(block))

    def _identity(self) -> Identity:
        return Identity(
            mode="test",
            motor_on=True,
            boot=1,
            seq=self.seq,
            t_us=self.pen_us,
            protocol_major=1,
            protocol_minor=0,
            model="Bench",
            serial="B1",
            firmware="1",
            calibration_id="c",
            cartridge="",
        )


@contextmanager
def exporting(data_dir: Path, target: Path) -> Iterator[list[int]]:
    """Exports of the first session while inside, one after the other; the exit code of each that ended."""
    [package] = (data_dir / "packages").glob("*.package.zip")
    session, ended, stop = package.name.partition(".")[0], list[int](), threading.Event()

    def run() -> None:
        while not stop.is_set():
            to = target / str(len(ended))
            words = ("export", session, "--to", to, "--format", SHAPES, "--data-dir", data_dir)
            command = [sys.executable, "-m", "devicelog", *map(str, words)]
            ended.append(subprocess.run(command, capture_output=True, check=False).returncode)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


def main(directory: Path, n: int) -> dict[str, Any]:
    """The latencies, and what ran beside them."""
    data_dir, link = directory / "data", directory / "pen"
    hour = (sys.executable, "-m", "bench.hour", data_dir, directory, HOUR_HZ, 2, HOUR_S)
    subprocess.run([*map(str, hour)], stdout=subprocess.DEVNULL, check=True)
    with PtyLink(str(link)) as port, started("bench.alarms", "recorder", data_dir, link, n) as process:
        pen, said = Pen(port), threading.Event()
        threading.Thread(target=lambda: (wait_for(process.stdout, "recording"), said.set()), daemon=True).start()
        while not said.is_set():
            pen.send(5, CALM_UM)
        with exporting(data_dir, directory) as exports:
            for zone in zones(n):
                ask(data_dir, {"command": "mark", "words": ["zone", zone]})
                for set_um in (CALM_UM, OVER_PLAN_UM, OVER_DEVICE_UM, CALM_UM):
                    pen.send(STRETCH, set_um)
        process.stdin.close()
        late_us = sorted(json.loads(process.stdout.read()))
    if len(late_us) != 2 * n or any(exports):
        raise SystemExit(f"{len(late_us)} alarms of {2 * n}, exports ended with {exports}")

    def at(percent: int) -> float:
        return late_us[min(len(late_us) - 1, len(late_us) * percent // 100)] / 1000

    return {"alarms": len(late_us), "exports": len(exports), "p50": at(50), "p99": at(99), "most": late_us[-1] / 1000}


if __name__ == "__main__":
    if sys.argv[1:2] == ["recorder"]:
        recorder(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=".") as place:
            print(json.dumps(main(Path(place), int(sys.argv[1]) if sys.argv[1:] else 50)))
