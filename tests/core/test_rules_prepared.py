"""Limits and clinic through the real pipeline: what derive counts is judged; a mark allows it in time or too late."""

import pytest

from devicelog.canonical import Json
from devicelog.records import Mark
from tests.builders import Bench, finding, on, opening_of, results_of
from tests.core.clinic_facts import LIMIT, clinic_document

LIMITS: Json = {
    "schema": "devicelog.limits/1",
    "version": 1,
    "overlay": None,
    "indication": "hyperpigmentation",
    "modality": "mechanical",
    "device": None,
    "threshold": {"depth_um": 1_500, "source": "scot_asp13", "evidence": "A"},
    "zones": [LIMIT],
}


def prepared_bench() -> Bench:
    bench = on("forehead", opening_of(plan=None, limits=LIMITS, clinic=clinic_document()))
    bench.set_um = 300
    bench.samples("1111", depth=(300, 301, 300, 301))
    return bench


def deeper(bench: Bench, set_um: int) -> None:
    bench.set_um = set_um
    bench.samples("1111", depth=(set_um, set_um - 1, set_um, set_um - 1))


@pytest.mark.parametrize(
    ("set_um", "recommended", "hard", "threshold"),
    [
        (400, "passed", "passed", "passed"),
        (401, "found", "passed", "passed"),
        (1_499, "found", "passed", "passed"),
        (1_500, "found", "passed", "found"),  # the threshold is inclusive, the hard maximum is not beyond
        (1_501, "found", "found", "found"),
    ],
)
def test_the_dial_against_each_limit(set_um: int, recommended: str, hard: str, threshold: str) -> None:
    bench = prepared_bench()
    deeper(bench, set_um)
    derived = bench.end()
    rules = ("depth.over_recommended", "depth.over_hard_max", "depth.threshold")
    assert [results_of(derived, rule) for rule in rules] == [
        {"forehead": result} for result in (recommended, hard, threshold)
    ]


def test_measured_depth_has_the_tolerance_of_its_sensor() -> None:
    for depth, result in ((1_650, "passed"), (1_651, "found")):
        bench = prepared_bench()
        bench.set_um = 1_500
        bench.samples("1111", depth=depth)
        assert results_of(bench.end(), "depth.over_hard_max") == {"forehead": result}


@pytest.mark.parametrize(("late", "severity", "verdict"), [(False, "info", None), (True, "high", "not conforming")])
def test_an_override_by_a_mark(late: bool, severity: str, verdict: str | None) -> None:
    bench = prepared_bench()
    if late:
        deeper(bench, 1_600)
    mark = Mark(kind="override", actor="p-07", zone="forehead", rule="depth.over_hard_max", note_sha256="0" * 64)
    record = bench.put(mark)
    deeper(bench, 1_600)
    derived = bench.end()
    found = finding(derived, "depth.over_hard_max")
    assert (found["severity"], found["detail"]["override_record"]) == (severity, record.number)
    assert (derived["verdict"] == "not conforming") == (verdict == "not conforming")
