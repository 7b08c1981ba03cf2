"""The mutation run itself: which changes it makes, that a child takes them, and that a missing test shows."""

import textwrap
from pathlib import Path
from types import FunctionType

import pytest

from tests.mutation import trying
from tests.mutation.mutate import Mutant, mutants_of
from tests.mutation.trying import Nearest, forked


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants_of("m", "m.py", textwrap.dedent(source))]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b -> a <= b", "a < b -> a >= b"]),
        ("a is None", ["a is None -> a is not None"]),
        ("a + b", ["a + b -> a - b"]),
        ("a // b", ["a // b -> a * b"]),
        ("a and b", ["a and b -> a or b", "a and b -> b", "a and b -> a"]),
        ("not a", ["not a -> a"]),
        ("-a", ["-a -> a"]),
        ("7", ["7 -> 8", "7 -> 6"]),
        ("0", ["0 -> 1"]),
        ("True", ["True -> False"]),
        ("'key'", ["'key' -> 'keyx'"]),
        ("'for people'", []),
        ("a if b else c", ["a if b else c -> a if not b else c"]),
        ("min(a, b)", ["min(a, b) -> max(a, b)"]),
        ("any(a)", ["any(a) -> all(a)"]),
        ("a[b:c]", ["b:c -> :c", "b:c -> b:"]),
        ("[a for a in b if c]", ["[a for a in b if c] -> [a for a in b]"]),
    ],
)
def test_an_expression(source: str, expected: list[str]) -> None:
    assert changes(f"x = {source}") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return a", ["return a -> return None"]),
        ("a()", ["a() -> pass"]),
        ("a.b = c", ["a.b = c -> pass"]),
        ("a = c", []),
        ("a += c", ["a += c -> a -= c", "a += c -> pass"]),
        ("raise A('x', 3)", ["raise A('x', 3) -> pass"]),
        ("if a:\n        pass", ["if a: pass -> if not a: pass"]),
    ],
)
def test_a_statement(body: str, expected: list[str]) -> None:
    assert changes(f"def f():\n    {body}") == expected


@pytest.mark.parametrize(
    "source",
    ["'''Says what it is.'''", "import a", "from a import b", "Kind = Literal['a', 'b']", "x: Literal['a']"],
)
def test_what_is_left_alone(source: str) -> None:
    assert changes(source) == []


SOURCE = "LIMIT = 3\n\ndef over(n, by=1):\n    return n > LIMIT + by\n"


def mutants() -> dict[str, Mutant]:
    return {mutant.key: mutant for mutant in mutants_of("m", "m.py", SOURCE)}


def test_a_mutant_names_its_place_and_says_whether_it_runs_on_import() -> None:
    places = {key: (mutant.line, mutant.in_function) for key, mutant in mutants().items()}
    assert places == {
        "m: 3 -> 4": (1, False),
        "m: 3 -> 2": (1, False),
        "m.over: 1 -> 2": (3, False),
        "m.over: return n > LIMIT + by -> return None": (4, True),
        "m.over: n > LIMIT + by -> n >= LIMIT + by": (4, True),
        "m.over: n > LIMIT + by -> n <= LIMIT + by": (4, True),
        "m.over: LIMIT + by -> LIMIT - by": (4, True),
    }


def test_the_code_of_a_function_is_exchanged_in_place_and_the_tree_is_as_it_was() -> None:
    for key, expected in [("m.over: LIMIT + by -> LIMIT - by", True), ("m.over: 1 -> 2", False)]:
        names: dict[str, FunctionType] = {}
        exec(compile(SOURCE, "m.py", "exec"), names)
        over = names["over"]
        assert trying._exchange([over], mutants()[key].code()) is (key.startswith("m.over: LIMIT"))
        assert over(3) is expected
    assert changes(SOURCE) == [mutant.change for mutant in mutants().values()]


def test_a_child_that_takes_too_long_is_ended() -> None:
    def forever() -> int:
        while True:
            pass

    assert forked(forever, 0.2) is None
    assert forked(lambda: 7, 20) == 7


@pytest.mark.parametrize(("body", "fails"), [("pass", 0), ("assert not tmp_path", 1)])
def test_a_test_that_is_given_a_directory_fails_by_what_it_says_alone(body: str, fails: int, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(f"def test_it(tmp_path):\n    {body}\n", encoding="utf-8")
    told: list[bool] = []

    class Loop:
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            told.extend(trying._fails(item, None) for item in session.items)
            return True

    def session() -> int:
        trying.say_nothing()
        arguments = ("-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(tmp_path / "given"))
        pytest.main([*arguments, "--rootdir", str(tmp_path), str(tmp_path)], plugins=[Loop()])
        return sum(told) if len(told) == 1 else 9

    assert forked(session, 20) == fails


def test_only_the_tests_that_run_the_line_are_tried_and_what_killed_a_neighbour_first() -> None:
    covering = {
        name: {"s": s, "lines": {"m.py": [line]}} for name, s, line in [("a", 0.1, 4), ("b", 0.2, 4), ("c", 0, 9)]
    }
    tests = Nearest(covering)
    mutant = mutants()["m.over: LIMIT + by -> LIMIT - by"]
    assert tests.of(mutant) == ["a", "b"]
    tests.killed_by(mutant, "b")
    assert tests.of(mutant) == ["b", "a"]
    assert tests.of(mutants()["m: 3 -> 4"]) == ["b", "c", "a"]


def test_a_table_that_no_test_runs_is_tried_by_its_own_tests() -> None:
    covering = {name: {"s": 1, "lines": {"other.py": [4]}} for name in ("t/test_m.py::a", "t/test_m.py::b", "t/c")}
    assert Nearest(covering).of(mutants()["m: 3 -> 4"]) == ["t/test_m.py::a", "t/test_m.py::b"]


def test_own_tests_are_all_tried_and_others_until_it_is_enough() -> None:
    covering = {
        name: {"s": s, "lines": {"m.py": [4]}}
        for name, s in [("t/test_m.py::a", 99), ("t/b", 1), ("t/c", 3), ("t/d", 6)]
    }
    assert Nearest(covering).of(mutants()["m.over: LIMIT + by -> LIMIT - by"]) == ["t/test_m.py::a", "t/b", "t/c"]
