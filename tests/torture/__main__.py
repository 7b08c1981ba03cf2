"""Seeded `kill -9` of the real command line, and what must hold afterwards: `python -m tests.torture --kills 200`.

A cycle is one data directory and one to four processes that are killed in it: `record` while it starts, records, is
told a mark or closes, and commands that close what was left open. The pen is a real simulator on a real pty. What was
acknowledged, and when, is logged here, outside the process that dies.

The loss window is measured twice against the moment of the kill: by the stamp of the newest serial record on disk,
and by the pen's own clock in the newest sample on disk, which does not depend on when the recorder read it. A window
that is too long is excused only when this process was itself kept waiting for long enough to explain all of it; how
often that happened is printed, and more than one in fifty is a failure. With `--sync-ms N` every sync of the processes
that are killed takes N ms longer (needs a C compiler).

Everything follows from the seed except timing. Exit code 1: something failed, and each failure says how to repeat it.
"""

import argparse
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.torture.cycle import Runner
from tests.torture.figures import Tally, figures, passed, summary
from tests.torture.plan import Cycle, plan_cycle
from tests.torture.processes import Lag, Pen
from tests.torture.slow_disk import slow_disk

_FAULTS_MOST = 20  # then it is broken, and more of the same says nothing


class Torture:
    """Cycles in parallel until there were enough kills."""

    def __init__(
        self,
        base: Path,
        *,
        seed: int,
        kills: int,
        only: int | None,
        say: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> None:
        self.tally = Tally()
        self._environment = environment
        self._base, self._seed, self._kills, self._only, self._say = base, seed, kills, only, say
        self._lock = threading.Lock()
        self._next = 0 if only is None else only
        self._going = 0  # kills that are planned and not yet done
        self._told = 0
        self._began_s = time.monotonic()
        self._stop = threading.Event()

    def run(self, jobs: int) -> None:
        """Play until done; Ctrl-C ends it after the cycles that are going on."""
        with Lag(self._base) as lag:
            threads = [threading.Thread(target=self._work, args=(number, lag)) for number in range(jobs)]
            for thread in threads:
                thread.start()
            try:
                for thread in threads:
                    thread.join()
            finally:
                self._stop.set()
                for thread in threads:
                    thread.join()

    def _work(self, number: int, lag: Lag) -> None:
        try:
            with Pen(self._base / f"pen{number}", self._seed * 16 + number) as pen:
                for cycle in self._cycles():
                    base = self._base / f"c{cycle.number}"
                    self._done(cycle, Runner(cycle, base, pen, lag, environment=self._environment).run(), base)
        except Exception:  # a mistake in here is a failure too
            with self._lock:
                self.tally.faults.append(f"the torture itself failed: {traceback.format_exc()}")
            self._stop.set()
            raise

    def _cycles(self) -> Iterator[Cycle]:
        while not self._stop.is_set():
            with self._lock:
                if len(self.tally.faults) >= _FAULTS_MOST:
                    return
                if self.tally.kills.total() + self._going >= self._kills:
                    if not self._going:
                        return
                    cycle = None  # what is going on may not bring all the kills it planned
                else:
                    cycle = plan_cycle(self._seed, self._next)
                    self._next += 1
                    self._going += len(cycle.rounds)
            if cycle is None:
                self._stop.wait(0.05)
                continue
            yield cycle
            if self._only is not None:
                self._stop.set()

    def _done(self, cycle: Cycle, tally: Tally, base: Path) -> None:
        again = f"python -m tests.torture --seed {self._seed} --only {cycle.number}"
        tally.faults = [
            f"cycle {cycle.number}, {fault}\n    repeat: {again}\n    kept: {base}" for fault in tally.faults
        ]
        with self._lock:
            self._going -= len(cycle.rounds)
            self.tally.add(tally)
            done = self.tally.kills.total()
            tell = done // 10 > self._told
            self._told = done // 10
            line = f"{done:4} kills  {time.monotonic() - self._began_s:5.0f} s  {figures(self.tally)}"
        for fault in tally.faults:
            self._say(f"FAILED {fault}")
        if self._only is not None and not tally.faults:
            self._say(f"kept: {base}")
        elif not tally.faults:
            shutil.rmtree(base, ignore_errors=True)
        if tell:
            self._say(line)


@contextmanager
def _directory() -> Iterator[Path]:
    """Removed afterwards unless a cycle left its own directory in it."""
    base = Path(tempfile.mkdtemp(prefix="torture-"))
    yield base
    if not any(base.glob("c*")):
        shutil.rmtree(base, ignore_errors=True)


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="the same number, the same cycles (default: 1)")
    parser.add_argument("--jobs", type=int, default=3, help="cycles at a time (default: 3)")
    parser.add_argument("--sync-ms", type=int, default=0, metavar="N", help="every sync takes N ms longer (default: 0)")
    parser.add_argument("--only", type=int, metavar="CYCLE", help="this cycle alone; its directory is kept")
    args = parser.parse_args()
    with _directory() as base:
        began_s = time.monotonic()
        try:
            slow = slow_disk(base, args.sync_ms) if args.sync_ms else {}
        except RuntimeError as error:
            _say(f"not run: {error}")
            return 1
        torture = Torture(base, seed=args.seed, kills=args.kills, only=args.only, say=_say, environment=slow)
        try:
            torture.run(1 if args.only is not None else args.jobs)
        except KeyboardInterrupt:
            _say("stopped")
        how = f"{args.jobs} at a time, syncs {args.sync_ms} ms longer"
        print(f"seed {args.seed}, {how}, {time.monotonic() - began_s:.0f} s")
        print(summary(torture.tally))
        enough = args.only is not None or torture.tally.kills.total() >= args.kills
        return 0 if enough and passed(torture.tally) else 1


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
