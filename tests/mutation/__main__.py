"""The mutation run: `python -m tests.mutation [MODULE ...]`, all of MODULES when none is named.

Every mutant is tried by the pure tests that run its lines. Results are kept in .mutants/ while the module is the same:
a run that is broken off goes on where it was, and what survived is tried again when a test has changed. Survivors are
printed with their place; one that no test can notice stands in survivors.toml with the reason. Exit code 1: a mutant
survived without a reason.

Where a function's code is exchanged, what tests computed on import was computed by the sound code.
"""

import argparse
import json
import os
import sys
import time
import tomllib
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import cobs.cobs  # noqa: F401 # what children would else import again and again
import hypothesis.strategies  # noqa: F401
import pytest
import rfc8785  # noqa: F401
import sqlalchemy  # noqa: F401

from tests.mutation.covering import Covering
from tests.mutation.mutate import Mutant, mutants_of
from tests.mutation.trying import (
    KILLED,
    TIMED_OUT,
    InFunctions,
    Nearest,
    forked,
    say_nothing,
    try_on_import,
)

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / ".mutants"
REASONS = Path(__file__).parent / "survivors.toml"

# What is mutated. Not the shell: it is tested on real ports, ptys and files, and time is in its tests.
MODULES = (
    *(f"firmware_bridge.{name}" for name in ("frames", "decode", "profile", "readings")),
    *(f"firmware_bridge.{name}" for name in ("tables", "checksums", "line_format", "line_reader", "lines", "pace")),
    *(f"firmware_bridge.{name}" for name in ("wiring", "calibration")),
    *(f"firmware_bridge.edges.{name}" for name in ("decoder", "dial", "line", "pedal", "pen", "strokes", "timeline")),
    *(
        f"firmware_bridge.simulator.{name}"
        for name in (
            *("kinds", "scenario", "language", "arm", "placing", "script", "memory", "physics", "faults", "pen"),
            "wire",
        )
    ),
    *(f"firmware_bridge.sources.{name}" for name in ("link", "watch")),
    *(
        f"devicelog.{name}"
        for name in (
            *("canonical", "records", "sessions", "attribution", "runs", "steady", "pen_clock", "spans", "tally"),
            *("account", "counters", "who", "gaps", "needling", "derive", "validate", "pipeline", "samples"),
            *("pins_side", "sensor_bytes", "calibration"),
        )
    ),
    *(f"devicelog.rules.{name}" for name in ("rule", "table", "depth", "counts", "data", "pen", "sensors")),
    "devicelog.clinical.plan",
    *(
        f"devicelog.ledger.{name}"
        for name in (
            *("entries", "tree", "proofs", "base64_text", "note", "checkpoint", "tlog_proof", "sshsig", "pin"),
        )
    ),
    *("devicelog.store.mounts", "devicelog.store.projection", "devicelog.recorder.idle"),
)
# The tests that try them: no port, no pty, no second process.
TESTS = (
    *(f"tests/bridge/test_{name}.py" for name in ("frames", "decode", "profile", "link", "lines", "line_format")),
    *(f"tests/bridge/test_edges_{name}.py" for name in ("decoder", "dial", "line", "pedal", "strokes")),
    *(f"tests/bridge/test_{name}.py" for name in ("watch", "wiring")),
    *("tests/core", "tests/clinical"),
    *(f"tests/store/test_{name}.py" for name in ("ledger", "mounts", "projection")),
    *(f"tests/ledger/test_{name}.py" for name in ("proofs", "note", "checkpoint", "tlog_proof", "sshsig", "pin")),
)
TESTS_OF_SIMULATOR = tuple(
    f"tests/bridge/test_{name}.py" for name in ("simulator", "simulator_faults", "scenario_language")
)
# Whole sessions, and a socket: what only these notice has no test of its own.
NOT_THESE = tuple(f"test_{name}.py" for name in ("scenario_findings", "scenarios_page", "control"))
UNTRIED = "not tried"
_PYTEST = (
    *("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=0", "-W", "ignore"),
    *("--assert", "plain", "--rootdir", str(ROOT)),
)


def path_of(module: str) -> Path:
    """The file of a module."""
    folder = ROOT / "src" if module.startswith("devicelog") else ROOT
    path = folder.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def digest_of(paths: list[Path]) -> str:
    """One hash of all these files."""
    return sha256(b"\0".join(path.read_bytes() for path in sorted(paths))).hexdigest()[:16]


def test_files(modules: list[str]) -> list[Path]:
    """The files of the tests that try these modules."""
    simulated = any(module.startswith("firmware_bridge.simulator") for module in modules)
    found = []
    for name in TESTS + TESTS_OF_SIMULATOR if simulated else TESTS:
        path = ROOT / name
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [path for path in found if path.name not in NOT_THESE]


def covering(modules: list[str]) -> dict[str, Any]:
    """Which test runs which lines of these modules; found anew for a test file that has changed, for all when a module
    has."""
    paths = [path_of(module) for module in modules]
    kept = {
        str(path.relative_to(ROOT)): KEPT / f"{path.stem}-{digest_of([path, *paths])}.json"
        for path in test_files(modules)
    }
    missing = {name: path for name, path in kept.items() if not path.exists()}
    if missing:
        print(f"finding out which lines the tests of {len(missing)} files run", flush=True)
        plugin = Covering({str(path) for path in paths}, missing)
        code = forked(lambda: int(pytest.main([*_PYTEST, *missing], plugins=[plugin])), 1800)
        if code != 0:
            raise SystemExit(f"the tests fail before anything is changed (pytest ended with {code})")
    found: dict[str, Any] = {}
    for path in kept.values():
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def results_of(module: str) -> dict[str, dict[str, Any]]:
    """What was found of the module as it is, by key. What survived other tests than those of now is not known."""
    kept = kept_of(module)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    now = digest_of(test_files([module]))
    rows = [json.loads(line) for line in lines]
    return {row["key"]: row for row in rows if row["result"] in (KILLED, TIMED_OUT) or row["tests"] == now}


def kept_of(module: str) -> Path:
    """Where results are kept."""
    return KEPT / f"{module}-{digest_of([path_of(module)])}.jsonl"


def work(mutants: list[Mutant], tests: Nearest, *, thorough: bool) -> int:
    """Try these, one after the other, in this process; each result is a line in a file."""
    now = {module: digest_of(test_files([module])) for module in {mutant.module for mutant in mutants}}

    def tell(mutant: Mutant, result: str, by: str) -> None:
        row = {"key": mutant.key, "line": mutant.line, "result": result, "by": by, "tests": now[mutant.module]}
        with kept_of(mutant.module).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    inside = [mutant for mutant in mutants if mutant.in_function]
    left = [mutant for mutant in mutants if not mutant.in_function]
    if inside:
        names = {test.partition("::")[0] for mutant in inside for test in tests.of(mutant)}
        plugin = InFunctions(inside, tests, tell, thorough=thorough)

        def session() -> int:
            say_nothing()
            pytest.main([*_PYTEST, *sorted(names)], plugins=[plugin])
            return 0

        forked(session, 7200)
        done = {module: results_of(module) for module in {mutant.module for mutant in inside}}
        left += [mutant for mutant in inside if mutant.key not in done[mutant.module]]
    for mutant in left:
        tell(mutant, *try_on_import(mutant, tests, list(_PYTEST)))
    return 0


def run(modules: list[str], jobs: int, *, thorough: bool) -> dict[str, dict[str, dict[str, Any]]]:
    """Try every mutant of these modules that has no result yet; all results, by module and key."""
    KEPT.mkdir(exist_ok=True)
    wanted: dict[str, list[Mutant]] = {}
    for module in modules:
        path = path_of(module)
        wanted[module] = list(mutants_of(module, str(path), path.read_text(encoding="utf-8")))
    done = {module: results_of(module) for module in modules}
    todo = [mutant for module in modules for mutant in wanted[module] if mutant.key not in done[module]]
    if todo:
        tests = Nearest(covering(modules))
        print(f"{len(todo)} mutants of {len(modules)} modules to try, {jobs} at a time", flush=True)
        share = [todo[at::jobs] for at in range(jobs)]
        children = []
        for mutants in share:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = work(mutants, tests, thorough=thorough)
                finally:
                    os._exit(code)
            children.append(child)
        _watch(children, modules, sum(map(len, wanted.values())))
    untried = {"result": UNTRIED, "line": 0}
    found = {module: results_of(module) for module in modules}
    return {
        module: {mutant.key: found[module].get(mutant.key, untried) for mutant in wanted[module]} for module in modules
    }


def _watch(children: list[int], modules: list[str], n: int) -> None:
    told = time.monotonic()
    while children:
        children = [child for child in children if os.waitpid(child, os.WNOHANG) == (0, 0)]
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"  {sum(len(results_of(module)) for module in modules)} of {n}", file=sys.stderr, flush=True)
        time.sleep(0.2)


def report(results: dict[str, dict[str, dict[str, Any]]]) -> int:
    """Print what survived; how many of them have no reason."""
    listed = tomllib.loads(REASONS.read_text(encoding="utf-8")).get("survivor", [])
    reasons = {
        (row["module"], f"{row['module']}{change}"): row["reason"]
        for row in listed
        if row["module"] in results
        for change in row["changes"]
    }
    bare = 0
    for module, rows in results.items():
        counts = Counter(row["result"] for row in rows.values())
        dead = counts[KILLED] + counts[TIMED_OUT]
        print(f"{module}: {dead} of {len(rows)} noticed ({counts[TIMED_OUT]} by time)")
        for key, row in sorted(rows.items(), key=lambda each: each[1]["line"]):
            if row["result"] in (KILLED, TIMED_OUT):
                continue
            reason = reasons.pop((module, key), None)
            bare += reason is None
            print(f"  {path_of(module).relative_to(ROOT)}:{row['line']}: {key}  [{row['result']}]")
            if reason is not None:
                print(f"      no harm: {reason}")
    for module, key in reasons:
        print(f"survivors.toml names one that did not survive: {module}, {key}")
    print(f"{sum(map(len, results.values()))} mutants, {bare} survivors without a reason")
    return bare


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(MODULES), metavar="MODULE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--thorough", action="store_true", help="try a survivor with every example")
    options = parser.parse_args(arguments)
    unknown = [module for module in options.modules if module not in MODULES]
    if unknown:
        parser.error(f"not in MODULES: {', '.join(unknown)}")
    began = time.monotonic()
    results = run(options.modules, options.jobs, thorough=options.thorough)
    bare = report(results)
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if bare else 0


if __name__ == "__main__":
    if "PYTHONHASHSEED" not in os.environ:  # or a mutant that leaves a set unsorted is noticed on some days
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.mutation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
