"""The README's commands, run as they stand there, and the commands page held against the command line."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from devicelog.cli import cli
from devicelog.clinical.data import load_plan, load_zones
from devicelog.recorder.commands import read_marks
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from tests.e2e.running import wait_until
from tests.environment import environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS_PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def shell_lines(page: str) -> list[str]:
    """The commands of a page's console blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def argv(line: str) -> list[str]:
    """A README command for the interpreter that runs the tests."""
    words = shlex.split(line)
    assert words[0] == ".venv/bin/devicelog", line
    return [sys.executable, "-m", "devicelog", *words[1:]]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose default data directory is fresh."""
    return environment(HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path / "data"))


@pytest.fixture
def background(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Commands of other terminals; whatever still runs at the end is stopped."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.timeout(240)
def test_the_three_terminals_of_the_readme(
    tmp_path: Path, home: dict[str, str], background: list[subprocess.Popen[str]]
) -> None:
    lines = [line for line in shell_lines(README) if not line.startswith("make ")]
    assert [line.split()[1] for line in lines[:2]] == ["pens", "record"]
    outputs = []
    for line, ready in zip(lines[:2], ("Record it with", "recording s-"), strict=True):
        output = tmp_path / f"terminal-{len(outputs)}"
        outputs.append(output)
        with output.open("w", encoding="utf-8") as file:
            background.append(
                subprocess.Popen(
                    argv(line), cwd=tmp_path, env=home, stdin=subprocess.DEVNULL, stdout=file, stderr=file, text=True
                )
            )
        wait_until(
            lambda ready=ready, output=output: ready in output.read_text(encoding="utf-8"),  # type: ignore[misc]
            ready,
            lambda output=output: output.read_text(encoding="utf-8"),  # type: ignore[misc]
        )
    marks = [line for line in lines if line.split()[1] == "mark"]
    for line in marks:
        told = subprocess.run(argv(line), cwd=tmp_path, env=home, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stderr
        assert "recorded in s-" in told.stdout
    assert background[1].wait(timeout=120) == 0, outputs[1].read_text(encoding="utf-8")
    for line in lines[2:]:
        if line in marks:
            continue
        told = subprocess.run(argv(line), cwd=tmp_path, env=home, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, (line, told.stdout, told.stderr)
        assert told.stdout


@pytest.mark.timeout(240)
def test_make_demo(tmp_path: Path, home: dict[str, str]) -> None:
    if not (ROOT / ".venv" / ".ready").exists():
        pytest.skip("no .venv of `make`: not run from a checkout that `make` has set up")
    assert "make demo" in shell_lines(README)
    told = subprocess.run(["make", "demo"], cwd=ROOT, env=home, capture_output=True, text=True, timeout=200)
    assert told.returncode == 0, told.stderr
    assert "00:" in told.stderr
    for word in ("CONFORMING", "Findings", "Completeness", "devicelog.db"):
        assert word in told.stdout
    lines = told.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("next"))
    typed = [line.removeprefix("next").strip() for line in lines[at:] if not line.startswith("make")]
    assert [line.split()[1] for line in typed] == ["sessions", "replay", "verify", "sessions", "checkpoint", "export"]
    for line in typed:  # as a person would, in the directory where she typed `make demo`
        next_one = subprocess.run(["sh", "-c", line], cwd=ROOT, env=home, capture_output=True, text=True, timeout=60)
        assert next_one.returncode == 0, (line, next_one.stderr)


def test_make_test_is_what_the_readme_says() -> None:
    assert "make test" in shell_lines(README)
    told = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "-m pytest" in told.stdout


def leaf_commands() -> list[str]:
    """Every command that can be typed."""
    names = []
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        inner = sorted(command.commands) if isinstance(command, click.Group) else [""]
        names += [f"{name} {below}".strip() for below in inner]
    return names


@pytest.mark.parametrize("name", leaf_commands())
def test_every_command_is_documented_and_has_help(name: str) -> None:

    assert f"devicelog {name}" in COMMANDS_PAGE
    told = subprocess.run([sys.executable, "-m", "devicelog", *name.split(), "--help"], capture_output=True, text=True)
    assert told.returncode == 0
    assert len(told.stdout.splitlines()) > 3


def test_the_marks_file_of_the_commands_page(tmp_path: Path) -> None:
    found = re.search(r"```\n(# seconds since.*?)```", COMMANDS_PAGE, re.DOTALL)
    assert found is not None
    path = tmp_path / "marks"
    path.write_text(found[1], encoding="utf-8")
    marks = read_marks(path, load_zones())
    assert [(mark.t_us, mark.command.kind) for mark in marks] == [
        (0, "zone"),
        (4_500_000, "pass"),
        (5_000_000, "zone"),
        (9_000_000, "note"),
        (10_000_000, "endpoint"),
        (12_000_000, "override"),
        (20_000_000, "cartridge"),
        (25_000_000, "operator"),
        (30_000_000, "plan"),
    ]


def test_the_profile_of_the_commands_page() -> None:
    block = re.findall(r"```toml\n(.*?)```", COMMANDS_PAGE, re.DOTALL)[1]
    profile = PenProfile.from_document(load_profile("reference").document() | tomllib.loads(block))
    assert profile.measures == ("set_depth", "depth", "contact", "passes")
    assert profile.expires("2026-114") == "2027-06-30"


def test_the_plan_of_the_commands_page(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", COMMANDS_PAGE, re.DOTALL)
    assert found is not None
    path = tmp_path / "cheeks-only.toml"
    path.write_text(found[1], encoding="utf-8")
    plan = load_plan(str(path))
    assert [(zone.zone, zone.depth_min_um, zone.depth_max_um) for zone in plan.zones] == [("cheek.left", 700, 1000)]
