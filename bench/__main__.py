"""`make bench`: measure everything, one process after the other, and print one table as markdown.

`python -m bench [--quick] [--cobs-c DIRECTORY] [--dir DIRECTORY]`. Exit 1 when a limit does not hold.
"""

import argparse
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import wire
from bench.measure import measured
from bench.table import Line, markdown

HOUR = (100, 2, 3600)  # hertz, samples a frame, seconds
AT_TEN = (1000, 10, 360)
EARLY_US, LATE_US = 300_000_000, 3_600_000_000
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured, and where."""

    directory: Path
    cobs_c: Path | None
    rounds: int
    hours: int
    wires: int
    wire_s: int
    alarms: int  # zones, two alarms each

    @property
    def workloads(self) -> Path:
        return self.directory / "workloads"


def decoding(plan: Plan) -> Iterator[Line]:
    """Row 1, with both kinds of cobs."""
    kinds: list[tuple[str, Sequence[Path], float, float]] = [("pure-Python", (), 1 / 1.5, 1 / 5)]
    if plan.cobs_c is not None:
        kinds.insert(0, ("C", (plan.cobs_c,), 1 / 3, 1 / 10))
    else:
        yield Line(what="decode, C `cobs`", ours="", note="not measured: no C `cobs`, it wants a compiler")
    for kind, path, at_two, at_ten in kinds:
        told = measured("decoding", plan.workloads, plan.rounds, path=path)
        if told["cobs"] != kind.removeprefix("pure-"):
            raise SystemExit(f"wanted the {kind} cobs and measured the {told['cobs']} one")
        ns, of = told["ns"], told["of pynmea2"]
        for n, limit in ((2, at_two), (10, at_ten)):
            yield Line(
                what=f"decode, {kind} `cobs`, {n} samples a frame, of pynmea2's time",
                ours=f"{ns[f'ours {n}']:.0f} ns/sample",
                peer=f"pynmea2 {ns['pynmea2']:.0f} ns",
                value=of[f"ours {n}"],
                limit=limit,
                form="{:.3f}",
            )
    for peer in ("pyubx2", "pymavlink", "msgspec"):
        wins = "; the peer wins" if ns[peer] < ns["ours 10"] else ""
        yield Line(
            what=f"decode, {PEERS[peer]}{wins}",
            ours=f"{ns['ours 2']:.0f} and {ns['ours 10']:.0f} ns/sample",
            peer=f"{peer} {ns[peer]:.0f} ns",
            value=ns["ours 10"] / ns[peer],
        )


PEERS = {
    "pyubx2": "UBX NAV-CLOCK against ours at 10",
    "pymavlink": "MAVLink RAW_IMU against ours at 10",
    "msgspec": "JSON lines, no check of integrity, twice the bytes, against ours at 10",
}


def hours(plan: Plan) -> Iterator[Line]:
    """Rows 2, 3 and 6: an hour through `record()` and as rows, in turns."""
    told: dict[str, list[dict[str, Any]]] = {"ours": [], "sqlite-utils": [], "all columns": [], "sqlite3": []}
    for i in range(plan.hours):
        for kind, results in told.items():
            place = plan.directory / f"{kind}-{i}"
            if kind == "ours":
                results.append(measured("hour", place, plan.workloads, *HOUR))
            else:
                results.append(measured("rows_hour", kind, place, plan.workloads, *HOUR))
                place.unlink()

    def middle(kind: str, figure: str) -> float:
        return median(result[figure] for result in told[kind])

    def ratio(peer: str, figure: str) -> float:
        return median(a[figure] / b[figure] for a, b in zip(told["ours"], told[peer], strict=True))

    cpu, written = f"{middle('ours', 'cpu_s'):.2f} s", f"{middle('ours', 'bytes') / MB:.1f} MB"
    yield Line(
        what="an hour at 100 Hz through `record()`, CPU",
        ours=cpu,
        peer=f"sqlite-utils {middle('sqlite-utils', 'cpu_s'):.2f} s",
        value=ratio("sqlite-utils", "cpu_s"),
        limit=1.0,
    )
    yield Line(
        what="the same hour, CPU, against rows with every column of `sessions readings`",
        ours=cpu,
        peer=f"sqlite-utils {middle('all columns', 'cpu_s'):.2f} s, {middle('all columns', 'bytes') / MB:.1f} MB",
        value=ratio("all columns", "cpu_s"),
    )
    yield Line(
        what="the same hour, bytes written",
        ours=written,
        peer=f"sqlite-utils {middle('sqlite-utils', 'bytes') / MB:.1f} MB",
        value=ratio("sqlite-utils", "bytes"),
        limit=1 / 2.5,
    )
    yield Line(
        what="the same hour, CPU, as rows that nothing finds; the peer wins",
        ours=cpu,
        peer=f"sqlite3 without index {middle('sqlite3', 'cpu_s'):.2f} s, {middle('sqlite3', 'bytes') / MB:.1f} MB",
        value=ratio("sqlite3", "cpu_s"),
    )
    size = measured("size", plan.directory / "ours-0")
    yield Line(
        what="database of that hour, pages in use, MB",
        ours=f"{size['chunks']} chunks, {size['blobs'] / MB:.2f} MB compressed",
        peer=f"sqlite-utils {middle('sqlite-utils', 'size') / MB:.1f} MB",
        value=size["live"] / MB,
        limit=6.0,
    )
    yield Line(
        what="its chunks joined by the minute under zlib 9, MB",
        ours=f"{size['recompressed'] / MB:.2f} MB",
        value=size["recompressed"] / MB,
        limit=4.5,
    )
    resident = [dict(result["resident"]) for result in told["ours"]]
    yield Line(
        what="memory of the recorder, at most, MB",
        ours=f"{median(max(run.values()) for run in resident) / MB:.1f} MB",
        value=median(max(run.values()) for run in resident) / MB,
        limit=60,
        form="{:.1f}",
    )
    yield Line(
        what="its growth from minute 5 to minute 60, MB",
        ours=f"from {median(run[EARLY_US] for run in resident) / MB:.1f} MB",
        value=median(run[LATE_US] - run[EARLY_US] for run in resident) / MB,
        limit=2,
    )


def tables(plan: Plan) -> Iterator[Line]:
    """An hour as CSV, from what is to each what rows are: decoded frames here, a table there."""
    if shutil.which("sqlite3") is None:
        yield Line(what="an hour at 100 Hz as CSV", ours="", note="not measured: sudo apt install sqlite3")
        return
    for n in (2, 10):
        told = measured("tables", plan.workloads, 100, n, 3600, plan.directory / "rows.db")
        peer, size = told["sqlite3"], f"{told['bytes'] / MB:.1f} MB"
        what = f"an hour at 100 Hz as CSV, CPU, {n} samples a frame"
        for source, ours, limit in ((", frames decoded", "ready", 1.5), (", from the evidence", "evidence", None)):
            yield Line(
                what=what + source,
                ours=f"{told[ours]:.2f} s, {size}",
                peer=f"`sqlite3 -csv` {peer:.2f} s",
                value=told[ours] / peer,
                limit=limit,
            )


def handing_out(plan: Plan) -> Iterator[Line]:
    """What it takes to hand the hour out and to check it, and whether memory grows with it."""
    short = plan.directory / "ten-minutes"
    measured("hour", short, plan.workloads, 100, 2, 600)
    few, told = (
        measured("handing_out", directory, plan.directory / "handed-out")
        for directory in (short, plan.directory / "ours-0")
    )
    for what, key in (("`verify.py`", "verify.py"), ("the package's own reader", "package")):
        yield Line(
            what=f"package of an hour checked by {what}, s CPU",
            ours=f"{told[key]['mb']:.0f} MB",
            value=told[key]["cpu_s"],
            limit=1.0,
        )
    yield Line(
        what="its bag checked by `verify.py`, s CPU", ours=f"{told['bag']['mb']:.0f} MB", value=told["bag"]["cpu_s"]
    )
    yield Line(
        what="export of an hour, every shape but PDF: memory over that of ten minutes, MB",
        ours=f"{told['export']['cpu_s']:.1f} s, {told['export']['mb']:.1f} MB",
        value=told["export"]["mb"] - few["export"]["mb"],
        limit=5.0,
    )


SESSIONS = 10_000


def many(plan: Plan) -> Iterator[Line]:
    """Entries of many sessions, in a database and in the bag of an inspection."""
    measured("many_sessions", plan.directory / "many", SESSIONS)  # made: its memory would be counted as theirs
    told = measured("many_sessions", plan.directory / "many", SESSIONS)
    for what, key in (("`verify --all`", "database"), ("`verify.py` of an inspection", "bag")):
        yield Line(
            what=f"{told['entries']} entries of {SESSIONS} sessions, {what}, s CPU",
            ours=f"{told[key]['mb']:.0f} MB",
            value=told[key]["cpu_s"],
            limit=10.0,
        )


def wires(plan: Plan) -> Iterator[Line]:
    """Row 4: a pty in real time."""
    told: dict[str, list[dict[str, Any]]] = {"ours": [], "orm": []}
    for i in range(plan.wires):
        for kind, results in told.items():
            results.append(measured("wire", kind, plan.directory / f"wire-{kind}-{i}", plan.workloads, plan.wire_s))
    pairs = list(zip(told["ours"], told["orm"], strict=True))
    yield Line(
        what=f"end to end through a pty at {wire.HZ} Hz, CPU",
        ours=f"{median(a['ms_per_s'] for a, _ in pairs):.1f} ms/s",
        peer=f"readline + NMEA + ORM {median(b['ms_per_s'] for _, b in pairs):.1f} ms/s",
        value=median(a["ms_per_s"] / b["ms_per_s"] for a, b in pairs),
        limit=1 / 15,
        form="{:.4f}",
    )
    yield Line(
        what="samples missing in that",
        ours=f"of {len(pairs)} x {plan.wire_s * wire.HZ}",
        value=sum(a["missing"] for a, _ in pairs),
        limit=0,
        form="{:.0f}",
    )


def alarms(plan: Plan) -> Iterator[Line]:
    """From the read that delivered a frame to the console, with an export of an hour beside it."""
    told = measured("alarms", plan.alarms)
    yield Line(
        what="an alarm after the read that delivered its frame, an export running, p99, ms",
        ours=f"p50 {told['p50']:.1f} ms of {told['alarms']}, {told['exports']} exports",
        value=told["p99"],
        limit=50,
        form="{:.1f}",
    )


def replays(plan: Plan) -> Iterator[Line]:
    """Row 5: what `record()` left, derived again."""
    measured("hour", plan.directory / "ten", plan.workloads, *AT_TEN)
    for n, directory, limit in ((2, "ours-0", 4.0), (10, "ten", 1.5)):
        told = measured("replaying", plan.directory / directory, plan.rounds)
        yield Line(
            what=f"replay, all in, {n} samples a frame, µs CPU/sample",
            ours=f"{told['samples']} samples",
            value=told["us"],
            limit=limit,
        )


def starts(plan: Plan) -> Iterator[Line]:
    """Row 7."""
    told = measured("starting", 2 * plan.rounds + 1)
    yield Line(
        what="`--help` over bare Python, ms CPU",
        ours=f"{told['ms'] + told['bare_ms']:.0f} ms",
        peer=f"`python -c pass` {told['bare_ms']:.0f} ms",
        value=told["ms"],
        limit=60,
        form="{:.0f}",
    )
    yield Line(
        what="`--help` imports SQLAlchemy or Starlette",
        ours="yes" if told["imports_heavy"] else "no",
        value=told["imports_heavy"],
        limit=0,
        form="{:.0f}",
    )


def loss(_plan: Plan) -> Iterator[Line]:
    """The loss window needs kills."""
    yield Line(what="newest sample lost by a kill, sync of 300 ms", ours="`make torture` measures it", note="see there")


def main(plan: Plan) -> int:
    """Measure and print; progress goes to stderr."""
    lines: list[Line] = []
    for part in (decoding, hours, replays, tables, handing_out, many, wires, alarms, starts, loss):
        began_s = time.monotonic()
        lines += part(plan)
        print(f"{part.__name__}: {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    print(markdown(lines))
    print(f"\nMachine: {machine()}.")
    return int(any(line.holds is False for line in lines))


def machine() -> str:
    """What it ran on, without naming it."""
    info = Path("/proc/cpuinfo").read_text("ascii", errors="replace").splitlines()
    model = next((line.partition(": ")[2] for line in info if line.startswith("model name")), platform.machine())
    return (
        f"{os.cpu_count()} x {model}, Linux {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, load {os.getloadavg()[0]:.1f} at the end"
    )


def arguments() -> Plan:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats: for a look, not for the page")
    parser.add_argument("--cobs-c", type=Path, metavar="DIR", help="where the cobs with the C extension is installed")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="a directory on the disk to be measured (default: .)")
    told = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix=".bench-", dir=told.dir or "."))
    (directory / "workloads").mkdir()
    cobs_c = told.cobs_c if told.cobs_c and told.cobs_c.is_dir() else None
    few = {"rounds": 3, "hours": 1, "wires": 1, "wire_s": 8, "alarms": 10}
    full = {"rounds": 7, "hours": 3, "wires": 3, "wire_s": 20, "alarms": 60}
    return Plan(directory=directory.resolve(), cobs_c=cobs_c, **(few if told.quick else full))


if __name__ == "__main__":
    asked = arguments()
    try:
        raise SystemExit(main(asked))
    finally:
        shutil.rmtree(asked.directory)
