"""The short form of `make pins`: nothing is missed; and where something is, the record says so by itself."""

from pathlib import Path

from tests.pins.__main__ import told
from tests.pins.strokes import drive


def test_nothing_is_missed_at_300_strokes_a_second(tmp_path: Path) -> None:
    figures = drive(tmp_path / "data", 3)
    assert figures.missed == [], told(figures)
    assert figures.strokes_driven == 900


def test_a_queue_that_is_too_short_makes_the_count_an_interval_that_holds_the_truth(tmp_path: Path) -> None:
    figures = drive(tmp_path / "data", 2, max_edges=30)
    low, high = figures.strokes["low"], figures.strokes["high"]
    assert figures.dropped == figures.edges_driven - figures.edges_kept > 0
    assert low < figures.strokes_driven <= high
    assert figures.identical
    assert any("dropped" in line for line in figures.missed)
