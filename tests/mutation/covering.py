"""Which test runs which lines, and how long it takes: found by running every test with a line tracer.

A pytest plugin for a process of its own. Lines that run on import belong to no test; a mutant there is given to every
test that runs any line of its module.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from tests.mutation.trying import few_examples


class Covering:
    """Writes {test: {"s": seconds, "lines": {path: [line, ...]}}} at the end, a file for each of theirs."""

    def __init__(self, paths: set[str], into: dict[str, Path]) -> None:
        self._paths = paths
        self._into = into  # by the test's file
        self._tests: dict[str, dict[str, Any]] = {name: {} for name in into}
        self._lines: set[tuple[str, int]] = set()
        self._left: dict[CodeType, set[int]] = {}  # of a function, the lines that this test has not run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Trace one test, its fixtures included."""
        self._lines, self._left = set(), {}
        began = time.monotonic()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            lines: dict[str, list[int]] = {}
            for path, line in sorted(self._lines):
                lines.setdefault(path, []).append(line)
            self._tests[item.nodeid.partition("::")[0]][item.nodeid] = {
                "s": round(time.monotonic() - began, 4),
                "lines": lines,
            }

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """More examples run few more lines."""
        for item in items:
            few_examples(item)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """A test that fails before anything is changed proves nothing: then nothing is kept."""
        if exitstatus == 0:
            for name, path in self._into.items():
                path.write_text(json.dumps(self._tests[name]), encoding="utf-8")

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if code.co_filename not in self._paths:
            return None
        left = self._left.get(code)
        if left is None:
            left = self._left[code] = {line for _, _, line in code.co_lines() if line} - {code.co_firstlineno}
        return self._trace_lines if left else None  # a function that is known whole need not be looked at again

    def _trace_lines(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
            self._left[frame.f_code].discard(frame.f_lineno)
        return self._trace_lines
