"""docs/limits.md: its files are read, its commands say what it shows, and its table is the one that is shipped."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from devicelog.cli.catalogue import plans, zones
from devicelog.clinical.data import load_limits
from devicelog.clinical.limits import look_up
from devicelog.clinical.plan import CHECKS
from tests.pages import DOCS, block

PAGE = (DOCS / "limits.md").read_text(encoding="utf-8")
GROUPS: dict[str, click.Group] = {"plans": plans, "zones": zones}


def test_the_page_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVICELOG_DATA_DIR", str(tmp_path / "data"))
    Path("our-limits.toml").write_text(block("limits.md", "toml limits"), encoding="utf-8")
    Path("our-cheeks.toml").write_text(block("limits.md", "toml plan"), encoding="utf-8")
    consoles = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    steps = [step for console in consoles for step in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]]
    assert len(steps) == 7
    for step in steps:
        typed, *shown = step.splitlines()
        program, group, *words = shlex.split(typed)
        assert program == "devicelog"
        result = CliRunner().invoke(GROUPS[group], words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert not shown or [line for line in result.stdout.splitlines() if line in shown] == shown, typed


def test_the_table_for_pigment_is_the_one_that_is_shipped() -> None:
    rows = re.findall(r"^\| ([a-z]+) \| ([\d.-]+) \| ([\d.-]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 7
    for site, red, pinpoint in rows:
        row = look_up(load_limits(), site, indication="hyperpigmentation").recommended
        assert row is not None
        assert [mm_of(span) for _, span in row.columns] == [red, pinpoint]


def test_the_page_names_every_check() -> None:
    (said,) = re.findall(r"^\| `checks` \| of (.*?): ", PAGE, re.MULTILINE)
    assert said == ", ".join(f"`{check}`" for check in CHECKS)


def mm_of(span: tuple[int, int]) -> str:
    return "-".join(f"{um / 1000:.2f}" for um in dict.fromkeys(span))
