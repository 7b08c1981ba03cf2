"""The commands of docs/screening.md and docs/scores.md, run in order as they stand there, with what they print."""

import re
import shlex
from pathlib import Path

import pytest

from devicelog.clinical.intervals import CLASSES
from devicelog.clinical.scores import SCORES, value_words
from devicelog.clinical.shipped import load_questionnaire
from tests.databases import FIRST
from tests.desk.clinic import Desk
from tests.pages import DOCS, cells

_ID = re.compile(r"\b([vcse])-[0-9a-z]{10,16}\b")
_CHANGES = ((re.compile(r"\b\d{4}-\d\d-\d\d\b"), "DAY"), (re.compile(r"\b(entry|screening) \d+\b"), r"\1 N"))


def blocks(page: str) -> list[tuple[str, list[str]]]:
    """Every command of a page's console blocks, and the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def plain(line: str) -> str:
    """Without what is another one each time."""
    line = _ID.sub(r"\1-ID", line)
    for pattern, word in _CHANGES:
        line = pattern.sub(word, line)
    return line


def named(word: str, known: dict[str, str]) -> str:
    """A word of the page, the id in it replaced by the one that there is here."""
    return _ID.sub(lambda found: known[found[1]], word)


@pytest.mark.parametrize("page", ["screening.md", "scores.md"])
def test_the_commands_of_a_page_do_what_it_says(
    page: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, known = Desk(tmp_path_factory, tmp_path), {"s": FIRST}
    monkeypatch.setenv("DEVICELOG_DATA_DIR", str(desk.data_dir))
    if page == "scores.md":
        who = ("--client", "P-117", "--practitioner", "KM", "--reason", "for the page")
        desk.run("sessions", "attribute", FIRST, *who).succeeded()
    commands = blocks(page)
    assert len(commands) > 5
    for command, says in commands:
        words = [named(word, known) for word in shlex.split(command)]
        assert words[0] == "devicelog"
        told = desk.run_bare(*words[1:])
        assert told.code == 0, (command, told)
        known |= {found[1]: found[0] for found in _ID.finditer(told.stdout) if found[1] != "s"}
        printed = [plain(line) for line in told.stdout.splitlines()]
        assert [line for line in map(plain, says) if line not in printed] == [], command


def test_the_page_counts_the_questions() -> None:
    questionnaire = load_questionnaire()
    page = (DOCS / "screening.md").read_text("utf-8")
    assert f"{len(questionnaire.questions)} of them" in page
    assert sum(each.concerns == "anaesthetic" for each in questionnaire.questions) == 5
    assert "Five questions are about the" in page


def test_the_tables_are_those_of_the_code() -> None:
    ranges = {row[0]: row[2] for row in cells("scores.md", "## Scores")}
    for name, score in SCORES.items():
        least, most = (value_words(name, bound).removesuffix(".0") for bound in (score.least, score.most))
        assert ranges[name] == f"{least} to {most}"
    classes = [(row[0], row[1], row[2]) for row in cells("scores.md", "## Intervals")]
    assert classes == [
        (each.id, f"from {each.first} on" if each.last is None else f"{each.first} to {each.last}", each.words)
        for each in CLASSES
    ]
