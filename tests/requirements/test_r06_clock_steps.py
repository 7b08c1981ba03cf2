"""R06: the wall clock is set while a session records. That is a record; order and durations do not notice."""

import json
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from devicelog.records import Clock, item_of
from tests.e2e.running import PtyPen, bytes_on_disk, entries, recording, records, samples, the_session

HOUR_US = 3_600_000_000
# Read by the interpreter before anything else: a wall clock that is set when a file appears.
_SET_BY_A_FILE = """
import os, time
_time_ns = time.time_ns
time.time_ns = lambda: _time_ns() + ({step_us} * 1000 if os.path.exists({flag}) else 0)
"""


@pytest.mark.requirement("R06")
@pytest.mark.parametrize("hours", [1, -1], ids=["forwards", "backwards"])
def test_a_clock_that_was_set_is_recorded_and_changes_no_order(hours: int, tmp_path: Path) -> None:
    flag, data_dir = tmp_path / "set", tmp_path / "data"
    step = _SET_BY_A_FILE.format(step_us=hours * HOUR_US, flag=json.dumps(str(flag)))
    (tmp_path / "sitecustomize.py").write_text(step, "utf-8")
    with (
        PtyPen(tmp_path / "pen") as pen,
        recording(data_dir, pen.link, PYTHONPATH=str(tmp_path)) as command,
    ):
        pen.introduce(command)
        pen.send(*samples(0, 10))
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        flag.touch()
        command.wait_for("the clock of this computer was set")
        pen.send(*samples(20, 10))
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        command.send(signal.SIGINT)
        command.end().succeeded()
    told = the_session(data_dir)  # verified, and every account closes
    assert told["duration_us"] < HOUR_US

    kept = [(record.t_us, item_of(record)) for record in records(data_dir)]
    clocks = [(t_us, item) for t_us, item in kept if isinstance(item, Clock)]
    before, after = clocks[-2:]
    jumped_us = after[1].wall_us - before[1].wall_us - (after[0] - before[0])
    assert abs(jumped_us - hours * HOUR_US) < 1_000_000
    assert after[1].boot == before[1].boot

    ledger = entries(data_dir)
    assert [entry["seq"] for entry in ledger] == list(range(len(ledger)))
    assert all(one["mono_us"] <= next_["mono_us"] for one, next_ in pairwise(ledger))
    assert all(entry["at"].endswith("Z") and entry["boot"] and entry["clock"] for entry in ledger)
    backwards = [next_["at"] < one["at"] for one, next_ in pairwise(ledger)]
    assert any(backwards) == (hours < 0)  # the step is seen in the times of day, as it was
