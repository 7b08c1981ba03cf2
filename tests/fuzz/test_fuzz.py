"""The fuzzing itself: something planted is found, shrunk and told; the seeds of every target are sound."""

import pytest

from tests.fuzz import __main__ as program
from tests.fuzz.engines import by_hypothesis
from tests.fuzz.targets import TARGETS, Escaped, Target, must


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_of_a_target_escapes(name: str) -> None:
    seeds = TARGETS[name].seeds()
    assert seeds
    for data in [b"", *seeds]:
        TARGETS[name].run(data)


def planted(data: bytes) -> None:
    must(b"\x07" not in data, "a seven")


PLANTED = Target(run=planted, seeds=lambda: [b"1234"])


def test_hypothesis_finds_what_was_planted_and_shrinks_it() -> None:
    found = by_hypothesis(PLANTED, seed=1, for_s=20)
    assert found.data == b"\x07"
    assert "a seven" in found.told


def test_the_same_seed_tries_the_same() -> None:
    tried: list[list[bytes]] = [[], []]
    for run in tried:
        target = Target(run=run.append, seeds=lambda: [b"1234"])
        by_hypothesis(target, seed=5, for_s=0.01)
    n = min(len(run) for run in tried)
    assert n > 10
    assert tried[0][:n] == tried[1][:n]


def test_what_escapes_is_told_with_the_command_that_runs_it_again(monkeypatch, capsys) -> None:
    monkeypatch.setitem(TARGETS, "planted", PLANTED)
    monkeypatch.setattr(program, "HAS_ATHERIS", False)
    assert program.main(["--target", "planted", "--seconds", "20", "--seed", "3"]) == 1
    out = capsys.readouterr().out
    assert "1 targets, 20 s, seed 3" in out
    assert "hypothesis alone" in out
    assert "target planted, found by hypothesis, input in hex:\n07\n" in out
    assert "python -m tests.fuzz --replay planted 07" in out
    assert program.main(["--replay", "planted", "07"]) == 1
    assert program.main(["--replay", "planted", "08"]) == 0
    with pytest.raises(Escaped):
        planted(b"\x07")
