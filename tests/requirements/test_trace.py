"""docs/requirements.md is what table and markers give, and each of the ways in which they may not fit is noticed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.requirements.__main__ import main
from tests.requirements.table import REQUIREMENTS, Requirement
from tests.requirements.trace import PAGE, ROOT, BadMarker, Marked, marked, marked_in, page, page_of, problems

SHOWN = Requirement(id="R01", words="do something", source="a clause")
PARTLY = replace(SHOWN, id="R02", status="partly", missing="the other half")
NOT_YET = replace(SHOWN, id="R03", status="not yet", missing="all of it")
TABLE = (SHOWN, PARTLY, NOT_YET)


def mark(requirement: str) -> Marked:
    return Marked(requirement=requirement, test="tests/test_x.py::test_y", line=3)


FITTING = [mark("R01"), mark("R02")]


@pytest.mark.requirement("R30")
def test_the_page_is_what_the_table_and_the_markers_give() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make requirements`"


@pytest.mark.requirement("R30")
def test_table_and_markers_fit() -> None:
    assert problems(REQUIREMENTS, marked()) == []
    assert [one.id for one in REQUIREMENTS] == [f"R{n:02}" for n in range(1, 31)]


def test_what_fits_has_no_problem() -> None:
    assert problems(TABLE, FITTING) == []


@pytest.mark.parametrize(
    ("table", "found", "told"),
    [
        (TABLE, [*FITTING, mark("R99")], "tests/test_x.py::test_y, line 3: there is no requirement R99"),
        (TABLE, [mark("R02")], "R01 is said to be shown, and no test has its marker"),
        (TABLE, [mark("R01")], "R02 is said to be partly, and no test has its marker"),
        (TABLE, [*FITTING, mark("R03")], "R03 is said to be not there yet, and tests/test_x.py::test_y shows it"),
        ((replace(SHOWN, missing="a bit"), *TABLE[1:]), FITTING, "R01 is shown: what is missing is said of"),
        ((SHOWN, replace(PARTLY, missing=""), NOT_YET), FITTING, "R02 is partly: what is missing is said of"),
    ],
    ids=["unknown", "shown without", "partly without", "not yet with", "shown lacks", "partly lacks nothing"],
)
def test_what_does_not_fit_is_told(table: tuple[Requirement, ...], found: list[Marked], told: str) -> None:
    (line,) = problems(table, found)
    assert line.startswith(told)


SOURCE = """
import pytest
pytestmark = [pytest.mark.slow, pytest.mark.requirement("R01")]

@pytest.mark.parametrize("x", [1])
@pytest.mark.requirement("R02", "R03")
def test_one(x): ...

@pytest.mark.requirement("R04")
class TestTwo:
    pytestmark = pytest.mark.requirement("R05")
    @pytest.mark.requirement("R06")
    def test_three(self): ...

def test_four(): ...
"""


def test_markers_of_files_classes_and_tests_are_found() -> None:
    assert [(one.requirement, one.test) for one in marked_in(SOURCE, "f.py")] == [
        ("R01", "f.py"),
        ("R02", "f.py::test_one"),
        ("R03", "f.py::test_one"),
        ("R04", "f.py::TestTwo"),
        ("R05", "f.py::TestTwo"),
        ("R06", "f.py::TestTwo::test_three"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.requirement\ndef test_x(): ...",
        "@pytest.mark.requirement()\ndef test_x(): ...",
        "@pytest.mark.requirement(NAME)\ndef test_x(): ...",
        "@pytest.mark.requirement('R01', id='R02')\ndef test_x(): ...",
        "@pytest.mark.requirement('R01')\ndef made(): ...",
        "pytestmark = pytest.mark.requirement",
    ],
    ids=["not called", "no name", "a variable", "a keyword", "on no test", "on a file, not called"],
)
def test_a_marker_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(BadMarker, match=r"f\.py"):
        marked_in(source, "f.py")


@pytest.mark.requirement("R30")
def test_pytest_sees_the_markers_that_the_page_names(request: pytest.FixtureRequest) -> None:
    """Those of this file: what is read from the source is what pytest itself collects."""
    here = Path(__file__).relative_to(ROOT).as_posix()
    collected = {
        (name, f"{here}::{item.originalname}")
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == Path(__file__)
        for each in item.iter_markers("requirement")
        for name in each.args
    }
    assert (
        ("R30", f"{here}::{request.node.originalname}")
        in collected
        <= {(one.requirement, one.test) for one in marked_in(Path(__file__).read_text("utf-8"), here)}
    )


def test_a_row_says_what_is_missing_and_names_its_tests() -> None:
    rows = [line for line in page_of(TABLE, FITTING).splitlines() if line.startswith("| R0")]
    assert rows == [
        "| R01 | do something | a clause | yes | `test_x.py::test_y` |",
        "| R02 | do something | a clause | **partly**: the other half | `test_x.py::test_y` |",
        "| R03 | do something | a clause | **not yet**: all of it | none |",
    ]


def test_nothing_is_written_where_they_do_not_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr("tests.requirements.__main__.PAGE", tmp_path / "page.md")
    monkeypatch.setattr("tests.requirements.__main__.REQUIREMENTS", TABLE)
    assert main() == 1
    assert "there is no requirement R30" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_the_page_promises_nothing() -> None:
    """It names what it is not, and the word stands nowhere else."""
    text = PAGE.read_text("utf-8").lower()
    assert "claims compliance with nothing" in text
    assert "compliant" not in text
