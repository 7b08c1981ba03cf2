"""End to end at 1 kHz through a pty: `devicelog record` and the logger that people write first, CPU of each.

`python -m bench.wire KIND DIRECTORY WORKLOADS SECONDS`; KIND is `ours` or `orm`. The pen is a process of its own. CPU
is counted from its first sample to the last one on disk, over all threads; starting up is not in it, for neither.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench.measure import cpu_s

HZ, SAMPLES_PER_FRAME = 1000, 10
SETTLE_S = 1.0  # our last flush is on disk by then


@contextmanager
def started(*command: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process with pipes, ended by the end of its input."""
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_for(stream: IO[str], words: str) -> str:
    """The first line with these words in it."""
    for line in stream:
        if words in line:
            return line
    raise SystemExit(f"{words!r} was never said")


def main(kind: str, directory: Path, workloads: Path, seconds: int) -> dict[str, Any]:
    """Send `seconds` of samples; CPU milliseconds per second of stream, and how many samples are missing."""
    link = directory / "pen"
    sample = ("bench.sender", link, "frames" if kind == "ours" else "nmea", workloads, HZ, SAMPLES_PER_FRAME, seconds)
    with started(*sample) as pen:
        wait_for(pen.stdout, "ready")
        if kind == "ours":
            told = ("--client", "BENCH-1", "--practitioner", "BENCH", "--plan", "full-face", "--json")
            ours = ("devicelog", "record", "--pen", link, *told, "--data-dir", directory / "data")
            with started(*ours, stderr=subprocess.PIPE) as recorder:
                wait_for(recorder.stderr, "recording s-")
                used_s = _send(pen, recorder, lambda: time.sleep(SETTLE_S))
                recorder.send_signal(signal.SIGINT)
                completeness = json.loads(recorder.communicate()[0])["completeness"]
            n = sum(boot["decoded"] for boot in completeness["boots"])
        else:
            with started("bench.orm_logger", link, directory / "orm.db", seconds * HZ) as logger:
                wait_for(logger.stdout, "ready")
                used_s = _send(pen, logger, lambda: wait_for(logger.stdout, "done"))
            n = seconds * HZ
        pen.stdin.close()
    return {"ms_per_s": 1000 * used_s / seconds, "missing": seconds * HZ - n}


def _send(pen: Any, logger: Any, settle: Any) -> float:
    before_s = cpu_s(logger.pid)
    print("go", file=pen.stdin, flush=True)
    said = wait_for(pen.stdout, "sent")
    if not said.endswith("dropped 0\n"):
        raise SystemExit(f"the pty had no room: {said}")
    settle()
    return cpu_s(logger.pid) - before_s


if __name__ == "__main__":
    place = Path(sys.argv[2])
    place.mkdir(parents=True)
    print(json.dumps(main(sys.argv[1], place, Path(sys.argv[3]), int(sys.argv[4]))))
