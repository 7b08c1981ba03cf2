"""docs/cartridges.md: its commands, typed as it says, say what it shows."""

import re
import shlex
from pathlib import Path

import pytest

from tests.databases import FIRST, SECOND, make_database
from tests.desk.test_cartridges import cli
from tests.pages import DOCS

PAGE = (DOCS / "cartridges.md").read_text(encoding="utf-8")


def shape(line: str) -> str:
    """A line without what differs from one day and database to another."""
    line = re.sub(r"\b([bxt])-[0-9a-z]{10}\b", r"\1-ID", line)
    line = re.sub(r"\bc-[0-9a-f]{16}\b", "REF", line)
    line = re.sub(r"(entry|entries) \d+", r"\1 N", line)
    line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", line)
    return " ".join(line.split())


def test_the_page_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devicelog.recorder.clock.wall_confidence", lambda: "synced")
    data_dir = make_database(tmp_path / "data").parent
    assert FIRST in PAGE
    assert SECOND in PAGE
    tried = 0
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, *wanted = part.strip().splitlines()
            words = shlex.split(command)
            assert words[0] == "devicelog"
            code, out, err = cli(*words[1:], data_dir=data_dir)
            said = [*out.splitlines(), *err.splitlines()]
            assert list(map(shape, said)) == list(map(shape, wanted)), command
            assert code == (2 if err.startswith("error: ") else 0)
            tried += 1
    assert tried == 9
