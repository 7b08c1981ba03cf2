"""Which tests show which requirement: markers read from the source of the tests, and the page made of them.

No test is imported or run: `@pytest.mark.requirement("R03")` on a test, a class or, as `pytestmark`, on a file is found
in what stands there. Not responsible for what the requirements are (table.py).
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.requirements.table import BEGINNING, END, REQUIREMENTS, Requirement

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "requirements.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One marker: the requirement that it names, the test (`file.py::test`, or a whole file), and its line."""

    requirement: str
    test: str
    line: int


class BadMarker(ValueError):
    """A marker that names nothing, or stands on what is no test."""


def marked_in(source: str, file: str) -> list[Marked]:
    """The markers of one file of tests, in its order. Raises BadMarker."""
    return list(_walk(ast.parse(source), file, file))


def marked(root: Path = ROOT) -> list[Marked]:
    """The markers of the whole suite, by file. Raises BadMarker."""
    files = sorted((root / "tests").rglob("test_*.py"))
    return [one for file in files for one in marked_in(file.read_text("utf-8"), file.relative_to(root).as_posix())]


def problems(requirements: Iterable[Requirement], found: Iterable[Marked]) -> list[str]:
    """What does not fit: a marker of no requirement, a promise without a test, a test without a promise."""
    known = {requirement.id: requirement for requirement in requirements}
    tests = _by_requirement(found)
    told = [
        f"{one.test}, line {one.line}: there is no requirement {one.requirement}"
        for name, marks in tests.items()
        if name not in known
        for one in marks
    ]
    for name, requirement in known.items():
        if requirement.status == "not yet" and name in tests:
            told.append(f"{name} is said to be not there yet, and {tests[name][0].test} shows it")
        if requirement.status != "not yet" and name not in tests:
            told.append(f"{name} is said to be {requirement.status}, and no test has its marker")
        if (requirement.status == "shown") == bool(requirement.missing):
            told.append(
                f"{name} is {requirement.status}: what is missing is said of what is not shown, and of that alone"
            )
    return told


def page_of(requirements: Iterable[Requirement], found: Iterable[Marked]) -> str:
    """The page, as it has to stand in docs/."""
    tests = _by_requirement(found)
    rows = [
        f"| {one.id} | {one.words} | {one.source} | {_standing(one)} | {_listed(tests.get(one.id, []))} |"
        for one in requirements
    ]
    head = ["| | devicelog shall | after | it does | tests that show it |", "|---|---|---|---|---|"]
    return "\n".join([BEGINNING, *head, *rows, "", END])


def page() -> str:
    """The page of this suite. Raises BadMarker."""
    return page_of(REQUIREMENTS, marked())


def _walk(node: ast.Module | ast.ClassDef, file: str, name: str) -> Iterator[Marked]:
    """The markers in a file or a class; `name` is what stands before `::`."""
    marks = node.decorator_list if isinstance(node, ast.ClassDef) else []
    for statement in node.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets
        ):
            value = statement.value
            marks = [*marks, *(value.elts if isinstance(value, ast.List | ast.Tuple) else [value])]
    yield from _named(marks, name)
    for statement in node.body:
        if isinstance(statement, ast.ClassDef):
            yield from _walk(statement, file, f"{name}::{statement.name}")
        elif isinstance(statement, ast.FunctionDef):
            found = list(_named(statement.decorator_list, f"{name}::{statement.name}"))
            if found and not statement.name.startswith("test_"):
                raise BadMarker(f"{file}, line {statement.lineno}: {statement.name} is no test, and has a requirement")
            yield from found


def _named(marks: Iterable[ast.expr], test: str) -> Iterator[Marked]:
    for mark in marks:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.requirement":
            names = [arg.value for arg in mark.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if not names or len(names) != len(mark.args) or mark.keywords:
                raise BadMarker(f"{test}, line {mark.lineno}: a requirement is named by its number, as a text")
            for name in names:
                yield Marked(requirement=name, test=test, line=mark.lineno)
        elif ast.unparse(mark) == "pytest.mark.requirement":
            raise BadMarker(f"{test}, line {mark.lineno}: a requirement is named by its number, as a text")


def _by_requirement(found: Iterable[Marked]) -> Mapping[str, list[Marked]]:
    tests: dict[str, list[Marked]] = {}
    for one in found:
        tests.setdefault(one.requirement, []).append(one)
    return tests


def _standing(requirement: Requirement) -> str:
    if requirement.status == "shown":
        return "yes"
    return f"**{requirement.status}**: {requirement.missing}"


def _listed(found: Iterable[Marked]) -> str:
    return "<br>".join(f"`{one.test.removeprefix('tests/')}`" for one in found) or "none"
