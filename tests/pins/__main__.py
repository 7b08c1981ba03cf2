"""Ten minutes at 300 strokes a second on mock pins that bounce, without a miss: `python -m tests.pins --seconds 600`.

The real source, recorder, database and replay; only the pins are simulated. Exit code 1: something was missed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.pins.strokes import STROKES_HZ, Figures, drive


def main() -> int:
    """Drive, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.pins", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, metavar="S", help="of needling (default: 600)")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="devicelog-pins-") as directory:
        figures = drive(Path(directory) / "data", seconds)
    print("\n".join(told(figures)))
    return 1 if figures.missed else 0


def told(figures: Figures) -> list[str]:
    """The figures, a line each, and what was missed."""
    strokes = figures.strokes
    rows = (
        ("needling", f"{figures.seconds} s at {STROKES_HZ} strokes/s, every change bouncing"),
        ("strokes", f"{figures.strokes_driven} driven, {strokes['low']} to {strokes['high']} recorded"),
        ("edges", f"{figures.edges_driven} driven, {figures.edges_kept} recorded, {figures.out_of_place} elsewhere"),
        ("a second", f"{figures.edges_driven / figures.seconds:.0f} edges"),
        ("dropped", f"{figures.dropped}"),
        ("told late", f"{figures.told_late}: after the levels that show them were kept"),
        ("batches", f"{figures.batches}, the longest over {figures.longest_watch_us / 1000:.0f} ms"),
        ("queue", f"{figures.high_water_bytes} bytes at most"),
        ("on disk", f"{figures.bytes_on_disk} bytes"),
        ("CPU", f"{100 * figures.cpu_s / figures.took_s:.1f} % of a core, simulated pins included"),
        ("replay", "identical" if figures.identical else "NOT IDENTICAL"),
    )
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {what}" for name, what in rows] + [f"MISSED: {what}" for what in figures.missed]


if __name__ == "__main__":
    sys.exit(main())
