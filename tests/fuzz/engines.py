"""Two engines that look for bytes which make a target raise: hypothesis, and atheris where it can be had.

Hypothesis edits the seeds, knows no coverage and shrinks what it finds; atheris mutates what reached new branches. Each
returns what it found and how much it tried. Atheris has to be imported before what it watches and ends its process
itself, so it runs in one of its own (guided.py).
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.fuzz.targets import Target

HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
_BATCH = 50  # examples between two looks at the clock
_IMPORT_S = 1  # of what it watches, before atheris begins to count
_START_S = 60  # that atheris may take to begin and to end, beyond its time
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How many inputs were tried, and the one that escaped with its traceback, if one did."""

    tried: int
    data: bytes | None = None
    told: str = ""


def bytes_from(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Any bytes, or seeds with bytes changed, cut out, put in, and one seed's beginning before another's end."""
    whole = st.sampled_from(seeds)
    edit = st.tuples(st.integers(0, 2**12), st.integers(0, 8), st.binary(max_size=8))

    def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for at, n_cut, put in edits:
            at %= len(data) + 1
            data = data[:at] + put + data[at + n_cut :]
        return data

    crossed = st.tuples(whole, whole, st.floats(0, 1), st.floats(0, 1)).map(
        lambda drawn: drawn[0][: int(len(drawn[0]) * drawn[2])] + drawn[1][int(len(drawn[1]) * drawn[3]) :]
    )
    return st.one_of(st.binary(max_size=800), st.builds(edited, st.one_of(whole, crossed), st.lists(edit, max_size=6)))


def by_hypothesis(target: Target, *, seed: int, for_s: float) -> Found:
    """Batches of examples, each with the next seed, until the time is over or one escaped."""
    until, tried, failed = time.monotonic() + for_s, 0, list[bytes]()
    strategy = bytes_from(target.seeds())

    def attempt(data: bytes) -> None:
        nonlocal tried
        tried += 1
        try:
            target.run(data)
        except Exception:
            failed.append(data)  # the last that hypothesis runs is the smallest
            raise

    while time.monotonic() < until:
        batch = settings(
            max_examples=_BATCH,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(given(strategy)(attempt))
        try:
            seeded(seed)(batch)()
        except Exception:
            if not failed:
                raise
            return Found(tried=tried, data=failed[-1], told=traceback.format_exc(limit=-4))
        seed += 1
    return Found(tried=tried)


class Guided:
    """One run of atheris in a process of its own, going on beside hypothesis until it is asked."""

    def __init__(self, name: str, target: Target, *, seed: int, for_s: float) -> None:
        self._room = tempfile.TemporaryDirectory(prefix="devicelog-fuzz-")
        corpus = Path(self._room.name) / "corpus"
        corpus.mkdir()
        for number, data in enumerate(target.seeds()):
            (corpus / f"seed{number}").write_bytes(data)
        self._artifact = Path(self._room.name) / "found"
        self._log = (Path(self._room.name) / "log").open("w+", encoding="utf-8", errors="replace")
        options = (
            f"-seed={seed % 2**31}",
            f"-max_total_time={max(1, round(for_s - _IMPORT_S))}",
            "-max_len=4096",
            "-timeout=20",
            f"-exact_artifact_path={self._artifact}",
        )
        self._for_s = for_s
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.guided", name, *options, corpus],
            cwd=_ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def result(self) -> Found:
        """Wait for its end."""
        try:
            code = self._process.wait(self._for_s + _START_S)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            self.stop()
        self._log.seek(0)
        log = self._log.read()
        tried = max((int(n) for n in re.findall(r"^#(\d+)|^Done (\d+)", log, re.MULTILINE) for n in n if n), default=0)
        data = self._artifact.read_bytes() if self._artifact.exists() else None
        self._log.close()
        self._room.cleanup()
        if code and data is None:
            return Found(tried=tried, data=b"", told=f"atheris itself ended with {code}:\n{log[-2000:]}")
        return Found(tried=tried, data=data, told=log[-2000:] if data is not None else "")

    def stop(self) -> None:
        """End the process, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
