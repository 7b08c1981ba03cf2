"""The mutation run: `python -m tests.mutation [MODULE ...]`, all of MODULES when none is named.

Every mutant is tried by the pure tests that run its lines. A result is kept in .mutants/ under the module's and the
tests' bytes, so a run that is broken off goes on where it was. Survivors are printed with their place; one that no test
can notice stands in survivors.toml with the reason. Exit code 1: a mutant survived without a reason.

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
    SURVIVED,
    TIMED_OUT,
    UNCOVERED,
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
    *(f"firmware_bridge.{name}" for name in ("frames", "decode", "profile")),
    *(f"firmware_bridge.simulator.{name}" for name in ("script", "physics", "faults", "pen")),
    "firmware_bridge.sources.link",
    *(
        f"devicelog.{name}"
        for name in (
            *("canonical", "records", "sessions", "tally", "account", "counters", "gaps", "derive", "validate"),
            *("pipeline", "samples"),
        )
    ),
    *("devicelog.clinical.plan", "devicelog.ledger.entries", "devicelog.ledger.tree"),
)
# The tests that try them: no port, no pty, no second process.
TESTS = (
    *(f"tests/bridge/test_{name}.py" for name in ("frames", "decode", "profile", "simulator")),
    *("tests/core", "tests/clinical", "tests/store/test_ledger.py"),
)
_PYTEST = (
    *("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=0", "-W", "ignore"),
    *("--rootdir", str(ROOT)),
)


def path_of(module: str) -> Path:
    """The file of a module."""
    folder = ROOT / "src" if module.startswith("devicelog") else ROOT
    path = folder.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def digest_of(paths: list[Path]) -> str:
    """One hash of all these files."""
    return sha256(b"\0".join(path.read_bytes() for path in sorted(paths))).hexdigest()[:16]


def files_of(tests: tuple[str, ...]) -> list[Path]:
    """The files that these tests are in."""
    found = []
    for name in tests:
        path = ROOT / name
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return found


def covering(digest: str) -> dict[str, Any]:
    """Which test runs which lines; found anew when a module or a test has changed."""
    kept = KEPT / f"covering-{digest}.json"
    if not kept.exists():
        print("finding out which test runs which lines", flush=True)
        paths = {str(path_of(module)) for module in MODULES}
        plugin = Covering(paths, kept)
        code = forked(lambda: int(pytest.main([*_PYTEST, *TESTS], plugins=[plugin])), 1800)
        if code != 0:
            kept.unlink(missing_ok=True)
            raise SystemExit(f"the tests fail before anything is changed (pytest ended with {code})")
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def results_of(kept: Path) -> dict[str, dict[str, Any]]:
    """What was found before, by module and key."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return {row["module"] + " " + row["key"]: row for row in map(json.loads, lines)}


def work(mutants: list[Mutant], tests: Nearest, kept: Path) -> int:
    """Try these, one after the other, in this process; each result is a line in the file."""

    def tell(mutant: Mutant, result: str, by: str) -> None:
        row = {"module": mutant.module, "key": mutant.key, "line": mutant.line, "result": result, "by": by}
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    inside = [mutant for mutant in mutants if mutant.in_function]
    left = [mutant for mutant in mutants if not mutant.in_function]
    if inside:
        names = {test.partition("::")[0] for mutant in inside for test in tests.of(mutant)}
        plugin = InFunctions(inside, tests, tell)

        def session() -> int:
            say_nothing()
            pytest.main([*_PYTEST, *sorted(names)], plugins=[plugin])
            for mutant in plugin.left:
                tell(mutant, "left", "")
            return 0

        forked(session, 7200)
        done = results_of(kept)
        left += [mutant for mutant in inside if done.get(f"{mutant.module} {mutant.key}", {}).get("result") == "left"]
    for mutant in left:
        tell(mutant, *try_on_import(mutant, tests, list(_PYTEST)))
    return 0


def run(modules: list[str], jobs: int) -> dict[str, dict[str, Any]]:
    """Try every mutant of these modules that has no result yet."""
    KEPT.mkdir(exist_ok=True)
    test_files = files_of(TESTS)
    digest = digest_of([*test_files, *map(path_of, MODULES)])
    kept = KEPT / f"results-{digest}.jsonl"
    done = results_of(kept)
    todo, wanted = list[Mutant](), set[str]()
    for module in modules:
        path = path_of(module)
        for mutant in mutants_of(module, str(path), path.read_text(encoding="utf-8")):
            wanted.add(f"{module} {mutant.key}")
            if done.get(f"{module} {mutant.key}", {}).get("result") in (None, "left"):
                todo.append(mutant)
    if todo:
        tests = Nearest(covering(digest))
        print(f"{len(todo)} mutants of {len(modules)} modules, {jobs} at a time; {len(done)} known", flush=True)
        # neighbours stay together, because what kills one often kills the next
        todo.sort(key=lambda mutant: (mutant.module, mutant.in_function, mutant.place))
        shares = [todo[at::jobs] for at in range(jobs)]
        children = []
        for share in shares:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = work(share, tests, kept)
                finally:
                    os._exit(code)
            children.append(child)
        _watch(children, kept, len(wanted))
    return {name: row for name, row in results_of(kept).items() if name in wanted}


def _watch(children: list[int], kept: Path, n: int) -> None:
    told = 0.0
    while children:
        children = [child for child in children if os.waitpid(child, os.WNOHANG) == (0, 0)]
        if time.monotonic() - told > 15:
            told = time.monotonic()
            print(f"  {len(results_of(kept))} of {n}", file=sys.stderr, flush=True)
        time.sleep(0.2)


def report(results: dict[str, dict[str, Any]], modules: list[str]) -> int:
    """Print what survived; how many of them have no reason."""
    rows = tomllib.loads(REASONS.read_text(encoding="utf-8")).get("survivor", [])
    reasons = {f"{row['module']} {row['change']}": row["reason"] for row in rows}
    bare = 0
    for module in modules:
        of = {name: row for name, row in results.items() if row["module"] == module}
        counts = Counter(row["result"] for row in of.values())
        dead = counts[KILLED] + counts[TIMED_OUT]
        print(f"{module}: {dead} of {len(of)} found ({counts[TIMED_OUT]} by time)")
        for name, row in sorted(of.items(), key=lambda each: each[1]["line"]):
            if row["result"] in (SURVIVED, UNCOVERED):
                reason = reasons.pop(name, None)
                bare += reason is None
                where = path_of(module).relative_to(ROOT)
                print(f"  {where}:{row['line']}: {row['key'][len(module) + 1 :].lstrip()}  [{row['result']}]")
                if reason is not None:
                    print(f"      no harm: {reason}")
    for name in reasons:
        if name.split(" ", 1)[0] in modules:
            print(f"survivors.toml names one that did not survive: {name}")
    print(f"{len(results)} mutants, {bare} survivors without a reason")
    return bare


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(MODULES), metavar="MODULE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    unknown = [module for module in options.modules if module not in MODULES]
    if unknown:
        parser.error(f"not in MODULES: {', '.join(unknown)}")
    began = time.monotonic()
    results = run(options.modules, options.jobs)
    bare = report(results, options.modules)
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if bare else 0


if __name__ == "__main__":
    sys.exit(main())
