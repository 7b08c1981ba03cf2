"""Asking the verifier in-process, without the programs it would ask besides: they are asked in tests of their own."""

from pathlib import Path
from typing import Any

from devicelog import verify as v
from devicelog.canonical import Json
from tests.verifier import building as b


def judged(path: Path, log: b.Log | None = None, **other: Any) -> Json:
    """The report on a path with this log's pin, or with none."""
    pin = None if log is None else v.parse_pin(log.pin())
    return v.verify(path, pin=pin, tools=v.Tools(wanted=False), **other)


def problems(report: Json) -> str:
    """Everything that was found, a line each."""
    return "\n".join(f"{row['where']}: {row['what']}" for row in report["problems"] + report["undecided"])


def assert_altered(path: Path, log: b.Log | None, words: str) -> None:
    """It is called altered, and one of the lines has these words."""
    report = judged(path, log)
    assert report["exit_code"] == 3, problems(report) or "verified"
    assert words in problems(report), problems(report)
