"""An hour of samples as CSV, beside the `sqlite3` command's own -csv of the same rows.

`python -m bench.tables WORKLOADS HZ N SECONDS DATABASE`. Ours is measured from the decoded frames, which are to it what
the table's rows are to sqlite3, and from the evidence: bytes as they arrived, decoded and put in zones on the way.
"""

import json
import resource
import sqlite3
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.workload import SLOT_US, Workload
from devicelog.packages.tables import readings_csv
from devicelog.records import Mark, Record, record_of
from devicelog.samples import COLUMNS, sample_frames, sample_rows
from firmware_bridge.readings import SerialChunk

ROUNDS = 3


def records_of(workload: Workload) -> list[Record]:
    """What `record()` would have kept of the workload's bytes, under one zone."""
    records = [record_of(0, 0, Mark(kind="zone", actor="p-07", zone="forehead"))]
    for slot, data in enumerate(workload.slots(), 1):
        t_us = slot * SLOT_US
        records.append(record_of(slot, t_us, SerialChunk(t_us=t_us, data=data)))
    return records


def as_table(records: list[Record], path: Path) -> None:
    """The rows of `sessions readings` as a table."""
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE sample ({', '.join(COLUMNS)})")
    places = ", ".join("?" for _ in COLUMNS)
    rows = (tuple(row.values()) for row in sample_rows(records))
    connection.executemany(f"INSERT INTO sample VALUES ({places})", rows)
    connection.commit()
    connection.close()


def ours(frames: Any, path: Path) -> float:
    """CPU seconds of writing them to a file."""
    began_ns = time.process_time_ns()
    with path.open("wb") as file:
        for block in readings_csv(frames):
            file.write(block)
    return (time.process_time_ns() - began_ns) / 1e9


def theirs(database: Path, path: Path) -> float:
    """CPU seconds of `sqlite3 -csv`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with path.open("wb") as file:
        command = ["sqlite3", "-csv", "-newline", "\r\n", "-header", str(database), "SELECT * FROM sample"]
        subprocess.run(command, stdout=file, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(workload: Workload, database: Path) -> dict[str, Any]:
    """The least of some rounds, each in turns; both must have written the same."""
    records = records_of(workload)
    as_table(records, database)
    frames = list(sample_frames(records))
    our_file, their_file = database.with_suffix(".ours"), database.with_suffix(".theirs")
    told: dict[str, list[float]] = {"ready": [], "evidence": [], "sqlite3": []}
    for _ in range(ROUNDS):
        told["sqlite3"].append(theirs(database, their_file))
        told["ready"].append(ours(frames, our_file))
        told["evidence"].append(ours(sample_frames(records), our_file))
    same = sha256(our_file.read_bytes()).digest() == sha256(their_file.read_bytes()).digest()
    if not same:
        raise SystemExit("the two did not write the same")
    size = our_file.stat().st_size
    for path in (our_file, their_file, database):
        path.unlink()
    return {**{name: min(seconds) for name, seconds in told.items()}, "rows": workload.samples, "bytes": size}


if __name__ == "__main__":
    made = Workload.make(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
    print(json.dumps(main(made, Path(sys.argv[5]))))
