"""docs/report.md names every part of a report, in its order."""

import json

from devicelog.packages.report.plot import COLUMNS
from devicelog.packages.report.qr import MOST_BYTES
from tests.clinic.facts_alone import record_of
from tests.packages.reports import facts, of_scenario
from tests.pages import cells, section


def test_every_part_of_a_report_stands_on_the_page():
    session, rows = of_scenario("overdepth")
    session = json.loads(json.dumps(session))
    zone = {"zone": "chin", "strokes": None, "passes": None, "contact": None, "set_depth": None}
    pins = {"sensors": {"account": {"strokes": {"low": 1, "high": 1}}}, "compared": [zone]}
    override = {"rule": "depth.over_plan", "zone": "chin", "record": 1, "at_us": 0, "actor": "p-07"}
    record = record_of({**session, "overrides": [override]})
    report = facts({**session, **pins, "treatment": record}, rows)
    named = [row[0] for row in cells("report.md", "## What stands where")]
    assert report.zones is not None
    assert report.compared is not None
    parts = [report.zones.caption.partition(",")[0], report.compared.caption, "Depth over time", "Findings"]
    parts += [part.heading for part in report.sections]
    assert named == ["at the top", "Verdict", "then", *parts, "Evidence"]


def test_every_frame_at_the_top_stands_on_the_page():
    session, rows = of_scenario("clean")
    top = cells("report.md", "## What stands where")[0][1]
    for changes in (
        {"mode": "demo"},
        {"mode": "test"},
        {"ended": "interrupted"},
        {"closed_at": None},
        {"derivations": 2},
    ):
        for banner in facts({**session, **changes}, rows).banners:
            assert banner.partition(",")[0].partition(":")[0] in top


def test_the_figures_of_the_page_are_those_of_the_code():
    assert f"at most {COLUMNS}," in " ".join(section("report.md", "## Depth over time").split())
    assert f"{MOST_BYTES:,} bytes" in section("report.md", "## The QR code")
