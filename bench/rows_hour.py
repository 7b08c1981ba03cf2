"""The same hour as rows: a row per sample, a commit a second, as durable as ours.

`python -m bench.rows_hour KIND DATABASE WORKLOADS HZ N SECONDS`; KIND is a key of `KINDS`. The samples are decoded
before the clock starts: parsing, deriving and judging cost it nothing.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlite_utils

from bench.measure import Written
from bench.workload import Row, Workload

SESSION = "s-7k3m9q2xwd"
COLUMNS = ("session", *Row._fields)
Sink = Callable[[list[Row]], object]


def with_sqlite_utils(connection: sqlite3.Connection) -> Sink:
    """As its documentation shows it: `insert_all` of dicts. An index on (session, time)."""
    table = sqlite_utils.Database(connection)["sample"]
    table.create({name: str if name == "session" else int for name in COLUMNS})
    table.create_index(["session", "t_us"])
    return lambda rows: table.insert_all({"session": SESSION, **row._asdict()} for row in rows)


def with_all_columns(connection: sqlite3.Connection) -> Sink:
    """The same, with every column of `sessions readings`: what a row must hold to say what our record says."""
    texts = {"zone": "forehead", "mode": "demo"}
    slow = {
        "record": 1,
        "arrived_us": 1,
        "boot": 7,
        "motor_on": 1,
        "depth_set_um": 350,
        "passes": 311,
        "strokes": 9_000_000,
    }
    table = sqlite_utils.Database(connection)["sample"]
    first = {"session": SESSION, **dict.fromkeys(Row._fields, 0), **texts, **slow}
    table.create({name: type(value) for name, value in first.items()})
    table.create_index(["session", "t_us"])
    return lambda rows: table.insert_all({"session": SESSION, **row._asdict(), **texts, **slow} for row in rows)


def with_sqlite3(connection: sqlite3.Connection) -> Sink:
    """The least that rows can cost: `executemany`, and no index to find anything by."""
    connection.execute(f"CREATE TABLE sample ({', '.join(f'{name} INTEGER' for name in COLUMNS)})")
    places = ", ".join("?" for _ in COLUMNS)

    def sink(rows: list[Row]) -> None:
        with connection:
            connection.executemany(f"INSERT INTO sample VALUES ({places})", ((SESSION, *row) for row in rows))

    return sink


KINDS = {"sqlite-utils": with_sqlite_utils, "all columns": with_all_columns, "sqlite3": with_sqlite3}


def main(kind: str, path: Path, workload: Workload) -> dict[str, Any]:
    """Write the workload and say what it took."""
    samples, hz = list(workload.rows()), workload.sample_hz
    written, began_ns = Written(), time.process_time_ns()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    sink = KINDS[kind](connection)
    for at in range(0, len(samples), hz):
        sink(samples[at : at + hz])
    n = connection.execute("SELECT count(*) FROM sample").fetchone()[0]
    connection.close()
    if n != len(samples):
        raise SystemExit(f"{n} rows of {len(samples)} samples")
    return {"cpu_s": (time.process_time_ns() - began_ns) / 1e9, "bytes": written.so_far(), "size": path.stat().st_size}


if __name__ == "__main__":
    made = Workload.make(Path(sys.argv[3]), *map(int, sys.argv[4:7]))
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), made)))
