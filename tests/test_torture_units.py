"""The torture can fail: over a doctored database, and against recorders that break their promises."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM

import pytest

from devicelog.store.database import FILE_NAME
from tests.torture.checks import Ack, Book, check_database, newest_on_disk
from tests.torture.cycle import Runner
from tests.torture.figures import BOUND_US, NOMINAL_US, Loss, Tally, passed
from tests.torture.plan import Action, Cycle, Round, plan_cycle
from tests.torture.processes import Lag, Pen

MARKS = (
    Action(at_s=0.1, words=("zone", "forehead")),
    Action(at_s=0.2, words=("note", "a word from outside €")),
    Action(at_s=0.3, words=("pause",)),
    Action(at_s=0.4, words=("pass",)),  # refused while paused
)
SABOTAGED = """
from concurrent.futures import Future
from devicelog.__main__ import main
from devicelog.store import writer
writer.FLUSH_PERIOD_S = 60.0
{}
main()
"""
EARLY_WORD = """
really_do = writer.Writer.do
def do(self, action):
    if action.__name__ != "keep":  # what keeps a mark
        return really_do(self, action)
    future = Future()
    future.set_result(None)
    return future
writer.Writer.do = do
"""


@pytest.fixture(scope="module")
def lag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lag]:
    with Lag(tmp_path_factory.mktemp("lag")) as lag:
        yield lag


@pytest.fixture(scope="module")
def pen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pen]:
    with Pen(tmp_path_factory.mktemp("pen") / "pen", 1) as pen:
        yield pen


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, pen: Pen, lag: Lag) -> Runner:
    """A cycle as the torture runs it, killed half a second after the last answer."""
    round_ = Round(stage="mark", since="answered", after_s=0.5, actions=MARKS)
    return _run(tmp_path_factory.mktemp("killed"), pen, lag, round_)


def _run(base: Path, pen: Pen, lag: Lag, round_: Round, sabotage: str | None = None) -> Runner:
    cycle = Cycle(number=0, rounds=(round_,), long_path=False)
    argv: Sequence[str] = () if sabotage is None else (sys.executable, "-c", SABOTAGED.format(sabotage))
    runner = Runner(cycle, base / "cycle", pen, lag, *([argv] if argv else []))
    runner.run()
    return runner


@pytest.fixture
def path(killed: Runner, tmp_path: Path) -> Path:
    """A copy of its database, to be doctored."""
    shutil.copytree(killed.data_dir, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "data" / FILE_NAME


def _doctor(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount == 1, statement
        connection.commit()


def test_a_recorder_that_keeps_its_promises_passes(killed: Runner, path: Path) -> None:
    assert killed.tally.faults == []
    assert killed.tally.kills == {"mark": 1}
    assert [ack.words[0] for ack in killed.book.acks] == ["zone", "note", "pause"]
    assert killed.tally.found == 3
    assert len(killed.tally.losses) == 1
    assert check_database(path, killed.book) == []
    assert passed(killed.tally)


NEWEST = "(SELECT max(id) FROM chunk)"


def test_a_chunk_that_is_gone_is_seen(killed: Runner, path: Path, pen: Pen) -> None:
    before = newest_on_disk(path, 0, 1 << 62, pen.offset_us)
    missing: list[str] = []
    while not missing:  # from the newest on, until the one with the newest mark is reached
        _doctor(path, f"DELETE FROM chunk WHERE id = {NEWEST}")
        missing = [fault for fault in check_database(path, killed.book) if "is not in the evidence" in fault]
    assert missing[0].startswith(f"acknowledged mark pause (record {killed.book.acks[-1].record} of s-")
    after = newest_on_disk(path, 0, 1 << 62, pen.offset_us)
    assert None not in (*before, *after)
    assert all(old > new for old, new in zip(before, after, strict=True))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM note", "has the text None"),
        ("UPDATE note SET text = 'another word'", "has the text 'another word'"),
        ("DELETE FROM ledger_entry WHERE instr(bytes, 'state.changed')", "changed no state in the ledger"),
        ("UPDATE stream SET closed_seq = NULL WHERE kind = 'session'", "is still open"),
        ("UPDATE stream SET status = 'closed' WHERE kind = 'session'", "is closed; it must be interrupted"),
        ("UPDATE stream SET verdict = 'conforming' WHERE kind = 'session'", "its verdict is 'conforming'"),
        ("UPDATE stream SET id = 's-0000000000' WHERE kind = 'session'", "is not in the database"),
    ],
)
def test_a_doctored_database_is_seen(killed: Runner, path: Path, statement: str, says: str) -> None:
    _doctor(path, statement)
    assert any(says in fault for fault in check_database(path, killed.book)), check_database(path, killed.book)


def _changed(book: Book, **changes: object) -> Book:
    return replace(book, **changes)  # type: ignore[arg-type]


def test_another_word_outside_is_seen(killed: Runner, path: Path) -> None:
    book, (zone, note, pause) = killed.book, killed.book.acks
    for says, changed in {
        "is a mark that nobody asked for": _changed(book, acks=[zone, note]),
        "names zone forehead, not chin": _changed(book, acks=[replace(zone, words=("zone", "chin")), note, pause]),
        "is not in the evidence": _changed(book, acks=[*book.acks, replace(pause, record=pause.record + 1)]),
        "is stamped": _changed(book, acks=[zone, note, replace(pause, acked_us=pause.asked_us)]),
        "nobody said that it closed": _changed(book, told=[]),
        "was closed 2 times": _changed(book, told=book.told * 2),
        "was said to be interrupted and is not": _changed(book, told=[*book.told, "s-0000000000"]),
    }.items():
        faults = check_database(path, changed)
        assert len(faults) >= 1, says
        assert any(says in fault for fault in faults), faults


def test_an_unanswered_mark_may_be_there_once(killed: Runner, path: Path) -> None:
    *acks, last = killed.book.acks
    asked = [(last.session, last.words)]
    assert check_database(path, _changed(killed.book, acks=acks, unanswered=asked)) == []
    assert check_database(path, _changed(killed.book, unanswered=asked)) == []


def test_a_recorder_that_writes_too_rarely_is_seen(tmp_path: Path, pen: Pen, lag: Lag) -> None:
    round_ = Round(stage="session", since="recording", after_s=2.5)
    (fault,) = _run(tmp_path, pen, lag, round_, "").tally.faults
    assert "the newest sample on disk was too old at the kill" in fault


def test_a_recorder_that_confirms_too_early_is_seen(tmp_path: Path, pen: Pen, lag: Lag) -> None:
    round_ = Round(stage="mark", since="answered", after_s=0.0, actions=MARKS[:1])
    runner = _run(tmp_path, pen, lag, round_, EARLY_WORD)
    assert any("acknowledged mark zone" in fault and "is not in the evidence" in fault for fault in runner.tally.faults)
    assert (runner.tally.acked, runner.tally.found) == (1, 0)
    assert not passed(runner.tally)


def test_a_clean_stop_may_be_clean(tmp_path: Path, pen: Pen, lag: Lag) -> None:
    round_ = Round(stage="closing", since="signal", after_s=8.0, ending=(0.1, SIGTERM))
    runner = _run(tmp_path, pen, lag, round_)
    assert runner.tally.faults == []
    assert runner.tally.ended == {"closing": 1}
    assert not runner.tally.kills


def test_a_long_window_is_excused_only_by_lag_that_explains_all_of_it() -> None:
    def verdict(stamp_us: int, pen_us: int, lag_us: int) -> str:
        return Loss(stage="session", by_stamp_us=stamp_us, by_pen_us=pen_us, lag_us=lag_us).verdict

    assert verdict(BOUND_US, BOUND_US, 0) == "kept"
    assert verdict(BOUND_US + 1, 0, BOUND_US - NOMINAL_US) == "lost"
    assert verdict(0, BOUND_US + 1, BOUND_US - NOMINAL_US) == "lost"
    assert verdict(BOUND_US + 1, 0, BOUND_US - NOMINAL_US + 1) == "late machine"


def test_a_busy_machine_does_not_hide_everything() -> None:
    kept, late = (
        Loss(stage="session", by_stamp_us=0, by_pen_us=0, lag_us=0),
        Loss(stage="session", by_stamp_us=2_000_000, by_pen_us=0, lag_us=2_000_000),
    )
    assert passed(Tally(losses=[kept] * 99 + [late]))
    assert not passed(Tally(losses=[kept] * 48 + [late] * 2))
    assert not passed(Tally(faults=["something"]))
    assert not passed(Tally(acked=2, found=1))


def test_the_plan_follows_from_the_seed() -> None:
    cycles = [plan_cycle(7, number) for number in range(300)]
    assert cycles == [plan_cycle(7, number) for number in range(300)]
    assert cycles != [plan_cycle(8, number) for number in range(300)]
    rounds = [round_ for cycle in cycles for round_ in cycle.rounds]
    assert {round_.stage for round_ in rounds} == {"startup", "session", "mark", "closing", "recovery"}
    assert all(cycle.rounds[-1].checked for cycle in cycles)
    assert all(cycle.rounds[0].stage != "recovery" for cycle in cycles)


def test_an_acknowledgement_names_its_session(killed: Runner) -> None:
    assert all(isinstance(ack, Ack) and ack.session in killed.book.must for ack in killed.book.acks)
    assert all(ack.asked_us < ack.acked_us for ack in killed.book.acks)
