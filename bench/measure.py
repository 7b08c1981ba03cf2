"""What a process has used so far, as Linux counts it, and running a measurement in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Written:
    """The bytes that this process hands to write and pwrite from its making on."""

    def __init__(self) -> None:
        self._before = self._now()

    def so_far(self) -> int:
        """How many since then."""
        return self._now() - self._before

    @staticmethod
    def _now() -> int:
        counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text("ascii").splitlines())
        return int(counts["wchar"])


def resident_bytes() -> int:
    """The memory of this process that is in RAM now, shared pages included."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE_BYTES


def cpu_s(pid: int) -> float:
    """CPU time of all threads that a process has, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text("ascii").split()[0]) for thread in threads) / 1e9


def measured(module: str, *arguments: object, path: Sequence[Path] = ()) -> dict[str, Any]:
    """What `python -m bench.MODULE ARGUMENTS` prints; `path` stands before everything else it imports from."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    command = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def spent(*words: str) -> dict[str, float]:
    """Run Python with these words from the root of the repository: CPU seconds, and its memory at most in MB.

    Raises SystemExit unless it ends with 0.
    """
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}")
    return {"cpu_s": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1000}
