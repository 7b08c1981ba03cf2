"""`sessions show ID --rules today`: sessions of an earlier version keep their verdict, and show what would differ."""

import json
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from devicelog.cli import run
from devicelog.pipeline import ENGINE
from tests.databases import FIRST, SPAN, STREAMS, make_database

DATABASES = Path(__file__).parents[1] / "data" / "databases"


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that 0.4.0 left, upgraded: its sessions were judged by version 1 of the passes."""
    data_dir = tmp_path_factory.mktemp("old") / "data"
    data_dir.mkdir(mode=0o700)
    copyfile(DATABASES / "0.4.0.db", data_dir / "devicelog.db")
    assert run(["db", "upgrade", "--data-dir", str(data_dir)]) == 0
    return data_dir


def told(capsys: pytest.CaptureFixture[str], *words: str, data_dir: Path) -> Any:
    capsys.readouterr()
    assert run([*words, "--json", "--data-dir", str(data_dir)]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("stream", STREAMS)
def test_an_old_session_keeps_its_verdict_and_shows_what_today_would_say(
    upgraded: Path, capsys: pytest.CaptureFixture[str], stream: str
) -> None:
    shown = told(capsys, "sessions", "show", stream, data_dir=upgraded)
    today = told(capsys, "sessions", "show", stream, "--rules", "today", data_dir=upgraded)
    assert (today["schema"], today["id"], today["derivation"]) == ("devicelog.rules_today/1", stream, 1)
    assert today["engine"] == {"then": 3, "now": ENGINE}
    assert today["verdict"] == {
        "then": shown["verdict"] or "not assessable",
        "now": shown["verdict"] or "not assessable",
    }
    changed = [] if stream == SPAN else [{"rule": f"passes.{word}", "then": 1, "now": 2} for word in ("short", "over")]
    assert today["rules"]["changed"] == changed
    assert [row["rule"] for row in today["rules"]["came"]][:1] == ([] if stream == SPAN else ["depth.over_recommended"])
    assert today["rules"]["went"] == today["findings"]["went"] == today["findings"]["came"] == []
    assert {row["version"] for row in shown["assessments"]} == {1}
    assert told(capsys, "sessions", "show", stream, data_dir=upgraded) == shown  # nothing was written


def test_the_difference_as_a_person_reads_it(upgraded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["sessions", "show", FIRST, "--rules", "today", "--data-dir", str(upgraded)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{FIRST}, derivation 1, under the rules of today"
    assert lines[1] == "  verdict, as it stands  conforming with deviations"
    assert lines[4].endswith("0 fewer, 2 in another version: passes.short 1 to 2, passes.over 1 to 2")
    assert lines[-1] == "The first of the two verdicts stands: a session keeps the rules of its day."


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((FIRST, "--derivation", "2"), 6, "has no derivation 2: there is only 1"),
        ((FIRST, "--derivation", "0"), 6, "has no derivation 0: there is only 1"),
        (("s-nothing",), 6, "s-nothing"),
    ],
)
def test_a_session_or_derivation_that_is_not_there(
    upgraded: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    capsys.readouterr()
    assert run(["sessions", "show", *words, "--rules", "today", "--data-dir", str(upgraded)]) == code
    assert said in capsys.readouterr().err


def test_rules_of_another_day_are_not_known_by_name(upgraded: Path) -> None:
    assert run(["sessions", "show", FIRST, "--rules", "yesterday", "--data-dir", str(upgraded)]) == 2


def test_a_session_of_today_differs_in_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_database(tmp_path / "data")
    today = told(capsys, "sessions", "show", FIRST, "--rules", "today", data_dir=tmp_path / "data")
    assert today["rules"] == {"came": [], "went": [], "changed": []}
    assert today["findings"]["changed"] == []
    assert today["verdict"]["then"] == today["verdict"]["now"]
