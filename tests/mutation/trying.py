"""Trying mutants: does a test notice? Each is tried in a forked child, so that nothing of it stays.

Where only a function changes, the child exchanges its code in place, and the tests are collected already: a plugin does
that in the run loop of one pytest session. What runs on import is tried in a session of its own, the module loaded
changed. Nearest run nearest first and stop at the first failure; hypothesis runs few examples, and, where it is to be
thorough, for a mutant that lives then all that its tests ask for.
"""

import functools
import gc
import importlib.abc
import importlib.machinery
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.mutation.mutate import Mutant

KILLED, TIMED_OUT, SURVIVED, UNCOVERED = "killed", "timed out", "survived", "no test runs it"
_FEW_EXAMPLES = 25
_LEAST_S, _SLOWER = 2.0, 4.0  # a test may take that much longer with a mutant, in time of the processor
_ENOUGH_S = 4.0  # so long try the tests of other modules: what only a whole session notices has no test of its own
_MEMORY = 2 << 30
_CANNOT_PATCH, _LIVED, _DIED = 77, 0, 1
_NEAR = 3  # so many tests that killed a neighbour are tried first


class Nearest:
    """Which tests to try on a mutant, the likeliest to notice first, and how long they take."""

    def __init__(self, covering: dict[str, Any]) -> None:
        self.seconds = {test: row["s"] for test, row in covering.items()}
        self._lines = {
            (test, path): frozenset(lines) for test, row in covering.items() for path, lines in row["lines"].items()
        }
        self._near: dict[str, list[str]] = {}  # by place: what killed last
        self._kills: Counter[str] = Counter()

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that run its lines, or any line of its module."""
        lines = frozenset(range(mutant.line, mutant.end_line + 1))
        found = [
            test
            for (test, path), ran in self._lines.items()
            if path == mutant.path and (not mutant.in_function or lines & ran)
        ]
        own = {test for test in found or self.seconds if test.partition("::")[0].endswith(own_tests(mutant.module))}
        found = found or list(own)  # a table has no line that runs in a test
        near = self._near.get(mutant.place, [])
        found.sort(
            key=lambda test: (
                near.index(test) if test in near else _NEAR,
                -self._kills[test] / (self.seconds[test] + 0.01),
                test not in own,
                self.seconds[test],
                test,
            )
        )
        chosen: list[str] = []
        spent_s = 0.0
        for test in found:
            spent_s += 0 if test in own else self.seconds[test]
            if test in own or spent_s <= _ENOUGH_S:
                chosen.append(test)
        return chosen

    def limit_s(self, tests: list[str]) -> float:
        """How long a mutant may take in these."""
        return _LEAST_S + _SLOWER * sum(self.seconds[test] for test in tests)

    def killed_by(self, mutant: Mutant, test: str) -> None:
        """What notices one may notice the next, and its neighbours most of all."""
        self._kills[test] += 1
        near = self._near.setdefault(mutant.place, [])
        if test in near:
            near.remove(test)
        near.insert(0, test)
        del near[_NEAR:]


# Whose own tests do not bear their name. All of these are tried, whatever it takes.
_OWN = {
    "derive": ("derive", "attribution", "pen_clock", "line_pens"),
    "tally": ("derive", "runs", "rules_depth", "rules_pen"),
    "pen_clock": ("pen_clock", "derive"),
    "steady": ("steady", "rules_depth"),
    "account": ("derive", "bad_bytes"),
    "counters": ("derive", "rules_counts"),
    "who": ("derive", "rules_counts", "rules_pen"),
    "gaps": ("derive", "rules_data"),
    "needling": ("derive", "attribution"),
    "spans": ("derive", "attribution"),
    "depth": ("rules_depth", "rules_data"),
    "rule": ("rules_depth", "rules_counts", "rules_data", "rules_pen"),
    "table": ("validate",),
    "pen": ("rules_pen", "rules_data", "calibrated_sessions", "line_pens"),
    "pipeline": ("pipeline", "bad_bytes", "pins_side", "pins_session"),
    "samples": ("samples", "calibrated_sessions"),
    "counts": ("rules_counts",),
    "data": ("rules_data",),
    "entries": ("ledger",),
    "tree": ("ledger",),
    "plan": ("plans",),
    "edges.decoder": ("edges_decoder", "pins_session"),
    "edges.pen": ("edges_decoder", "edges_dial"),
    "timeline": ("edges_decoder", "edges_line"),
    "line_reader": ("lines",),
    "pace": ("lines",),
    "checksums": ("lines",),
    "tables": ("line_format", "wiring"),
    "watch": ("watch", "supervision"),
    "calibration": ("calibration", "calibrated_sessions"),
}


def own_tests(module: str) -> tuple[str, ...]:
    """How the files of a module's own tests end."""
    _, room, name = f"..{module}".rsplit(".", 2)
    return tuple(f"_{own}.py" for own in _OWN.get(f"{room}.{name}", _OWN.get(name, (name,))))


def end_after(limit_s: float) -> None:
    """End this process when it has computed for so long from now on."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, limit_s)


def forked(act: Callable[[], int], limit_s: float) -> int | None:
    """What the function returns in a child, None when it computed for too long or died."""
    child = os.fork()
    if child == 0:
        code = _DIED
        try:
            end_after(limit_s)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            code = act()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None


# --- functions --------------------------------------------------------------------------------------------------------


class InFunctions:
    """A pytest plugin whose run loop tries mutants on the collected tests, and tells each result."""

    def __init__(
        self, mutants: list[Mutant], tests: Nearest, tell: Callable[[Mutant, str, str], None], *, thorough: bool
    ) -> None:
        self._mutants, self._tests, self._tell, self._thorough = mutants, tests, tell, thorough

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests."""
        items = {item.nodeid: item for item in session.items}
        asked = {name: few_examples(item) for name, item in items.items()}
        functions = {path: _functions_of(path) for path in {mutant.path for mutant in self._mutants}}
        gc.freeze()  # a child need not copy what it only looks at; what is frozen is not found any more
        for mutant in self._mutants:
            there = functions[mutant.path]
            tests = [test for test in self._tests.of(mutant) if test in items]
            if not tests:
                continue  # its line may have run on import
            result, by = self._try(mutant, there, [items[test] for test in tests], {})
            if result == SURVIVED and self._thorough:
                thorough = {test: asked[test] for test in tests if asked[test] is not None}
                if thorough:
                    result, by = self._try(mutant, there, [items[test] for test in thorough], thorough)
            if result is None:
                continue  # no function takes it: it is tried on import
            if result == KILLED:
                self._tests.killed_by(mutant, by)
            self._tell(mutant, result, by)
        return True

    def _try(
        self, mutant: Mutant, functions: list[FunctionType], items: list[pytest.Item], examples: dict[str, Any]
    ) -> tuple[str | None, str]:
        read, write = os.pipe()

        def act() -> int:
            say_nothing()
            if not _exchange(functions, mutant.code()):
                return _CANNOT_PATCH
            for item in items:
                if examples:
                    _set_examples(item, examples[item.nodeid])
            for at, item in enumerate(items):
                after = items[at + 1] if at + 1 < len(items) else None
                end_after(self._tests.limit_s([item.nodeid]) * (10 if examples else 1))
                if _fails(item, after):
                    os.write(write, str(at).encode())
                    return _DIED
            return _LIVED

        code = forked(act, _LEAST_S)
        os.close(write)
        with os.fdopen(read) as told:
            at = told.read()
        if code == _CANNOT_PATCH:
            return None, ""
        if code == _LIVED:
            return SURVIVED, ""
        return (KILLED, items[int(at)].nodeid) if at else (TIMED_OUT if code is None else KILLED, "")


def _fails(item: pytest.Item, after: pytest.Item | None) -> bool:
    """Without a report of what failed: nobody reads it, and to write one takes longer than the test."""
    sound = True
    for when in ("setup", "call", "teardown"):
        if when == "call" and not sound:
            continue
        call = pytest.CallInfo.from_call(
            lambda when=when: getattr(item.ihook, f"pytest_runtest_{when}")(
                **{"item": item} | ({"nextitem": after} if when == "teardown" else {})
            ),
            when,  # type: ignore[arg-type]
        )
        sound &= call.excinfo is None
        if call.excinfo is None:
            item.ihook.pytest_runtest_makereport(item=item, call=call)  # tmp_path fails without it as it is taken down
        elif not isinstance(call.excinfo.value, pytest.skip.Exception):
            return True
    return False


_CACHED: list[Any] = []  # what functools.cache made of any function of ours


def _functions_of(path: str) -> list[FunctionType]:
    _CACHED.extend(
        each
        for each in gc.get_objects()
        if isinstance(each, functools._lru_cache_wrapper)
        and getattr(getattr(each, "__wrapped__", None), "__code__", None) is not None
        and each.__wrapped__.__code__.co_filename == path
    )
    return [each for each in gc.get_objects() if isinstance(each, FunctionType) and each.__code__.co_filename == path]


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes_in(constant)


def _exchange(functions: list[FunctionType], module: CodeType) -> bool:
    """Give every function of the module its new code; False when nothing changed or a function cannot take it."""
    changed = False
    codes: dict[tuple[str, int], list[CodeType]] = {}
    for code in _codes_in(module):
        codes.setdefault((code.co_qualname, code.co_firstlineno), []).append(code)
    for function in functions:
        old = function.__code__
        new = codes.get((old.co_qualname, old.co_firstlineno), [])
        if len(new) != 1:
            continue  # two lambdas on a line
        if new[0] != old:
            try:
                function.__code__ = new[0]
            except ValueError:
                return False
            changed = True
    for cached in _CACHED:
        cached.cache_clear()
    return changed


# --- modules ----------------------------------------------------------------------------------------------------------


class Changed(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Loads one module with its mutated code."""

    def __init__(self, mutant: Mutant) -> None:
        importlib.machinery.SourceFileLoader.__init__(self, mutant.module, mutant.path)
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Only of this module."""
        if fullname != self._mutant.module:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self._mutant.path)

    def get_code(self, fullname: str) -> CodeType:
        """The mutated code."""
        return self._mutant.code()


def try_on_import(mutant: Mutant, nearest: Nearest, arguments: list[str]) -> tuple[str, str]:
    """Load the module changed, collect the tests' files anew and run them, in a child that has none of ours loaded."""
    chosen = nearest.of(replace(mutant, in_function=False))
    if not chosen:
        return UNCOVERED, ""
    files = list(dict.fromkeys(test.partition("::")[0] for test in chosen))
    own = [file for file in files if file.endswith(own_tests(mutant.module))]
    result = SURVIVED
    for some in (own, [file for file in files if file not in own]):  # a file is cheaper to collect than all of them
        if some and result == SURVIVED:
            result = _loaded_changed(mutant, [*arguments, "-x", *some], nearest.limit_s(chosen) + 10)
    return result, ""


def _loaded_changed(mutant: Mutant, arguments: list[str], limit_s: float) -> str:
    def act() -> int:
        say_nothing()
        sys.meta_path.insert(0, Changed(mutant))
        return _LIVED if pytest.main(arguments, plugins=[_Few()]) == 0 else _DIED

    code = forked(act, limit_s)
    return SURVIVED if code == _LIVED else TIMED_OUT if code is None else KILLED


class _Few:
    """Few examples in every test."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Before they run."""
        for item in items:
            few_examples(item)


# --- small things -----------------------------------------------------------------------------------------------------


def few_examples(item: pytest.Item) -> Any:
    """Have hypothesis do little and always the same; return what the test asked for, None where it is none of its."""
    function = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    asked = getattr(function, "_hypothesis_internal_use_settings", None)
    if asked is None:
        return None
    _set_examples(item, _settings(asked, min(asked.max_examples, _FEW_EXAMPLES)))
    return _settings(asked, asked.max_examples)


def _settings(asked: Any, n: int) -> Any:
    return settings(
        asked,
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
    )


def _set_examples(item: pytest.Item, wanted: Any) -> None:
    function = item.obj  # type: ignore[attr-defined]
    getattr(function, "__func__", function)._hypothesis_internal_use_settings = wanted


def say_nothing() -> None:
    """What pytest prints in here is of no interest."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
