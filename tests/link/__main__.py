"""The link under load: `python -m tests.link unplug --times 1000` and `python -m tests.link saturate --seconds 60`.

Exit 1: something was lost, or the figures are beyond what they must be.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.link.saturating import saturate
from tests.link.unplugging import unplug

BACK_P99_US = 2_000_000


def main() -> int:
    """Do it, print figures on stdout and progress on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.link", description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    pulled = kinds.add_parser("unplug", help="pull the pen out in mid-frame, and plug it in again")
    pulled.add_argument("--times", type=int, default=1000)
    pulled.add_argument("--seed", type=int, default=1)
    full = kinds.add_parser("saturate", help="a full line of 921,600 baud")
    full.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix=".link-", dir="."))
    try:
        if asked.kind == "unplug":
            return _unplug(base.resolve(), asked.times, asked.seed)
        return max(_saturate(base.resolve() / str(n), asked.seconds, n) for n in (2, 10))
    finally:
        shutil.rmtree(base)


def _unplug(base: Path, times: int, seed: int) -> int:
    figures = unplug(base, times=times, seed=seed, say=_say)
    print(*figures.lines(), sep="\n")
    back_us = sorted(figures.back_us)
    return int(bool(figures.faults) or back_us[int(len(back_us) * 0.99)] > BACK_P99_US)


def _saturate(base: Path, seconds: float, n: int) -> int:
    base.mkdir()
    figures = saturate(base, seconds=seconds, samples_per_frame=n, say=_say)
    print(*figures.lines(), sep="\n")
    return int(not figures.whole or figures.overrun_bytes > 0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
