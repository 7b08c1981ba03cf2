"""What `devicelog --help` costs before it does anything: CPU beyond that of an empty Python, and what it imports.

`python -m bench.starting ROUNDS`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

HEAVY = ("sqlalchemy", "starlette")


def cpu_ms(command: Sequence[str]) -> float:
    """CPU milliseconds of a command."""
    compiled = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, env=compiled)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return 1000 * (usage.ru_utime + usage.ru_stime)


def main(rounds: int) -> dict[str, Any]:
    """Medians of interleaved runs, the first of each not counted: it may compile."""
    ours, bare = ("-m", "devicelog", "--help"), ("-c", "pass")
    pairs = [(cpu_ms(ours), cpu_ms(bare)) for _ in range(rounds + 1)][1:]
    seen = (
        f"import sys; from devicelog.cli import run; run(['--help']); sys.exit(any(m in sys.modules for m in {HEAVY}))"
    )
    heavy = subprocess.run([sys.executable, "-c", seen], stdout=subprocess.DEVNULL, check=False).returncode
    return {"ms": median(a - b for a, b in pairs), "bare_ms": median(b for _, b in pairs), "imports_heavy": bool(heavy)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
