"""A plan that was changed while it was done: the record says what held when, by whom, and no part says otherwise."""

from functools import cache

from devicelog.canonical import Json
from devicelog.cli.report import show_text
from devicelog.clinic.sitting import NOT_RECORDED
from devicelog.packages.report.plot import plot_of
from devicelog.samples import sample_rows
from devicelog.words.treated_zones import zone_rows
from tests.builders import Bench, on, opening_of, plan_with, planned, zone_in
from tests.clinic.facts_alone import record_of
from tests.packages.reports import facts, session_of

PLAN = plan_with(planned("nose", 500, least_um=400), planned("chin", 300, least_um=200))
WORDS = "plan changed to 0.10–0.90 mm, passes 1 to 2 at 0.4 s by p-07"


def _needled() -> Bench:
    """In the nose as planned but deeper, then changed and no longer over; in an unplanned zone by a change alone."""
    bench = on("nose", opening_of(plan=PLAN))
    bench.set_um = 700
    bench.needle(40, depth=600)
    bench.mark("plan", "nose", depth_min_um=100, depth_max_um=900, passes_min=1, passes_max=2)
    bench.needle(40, depth=600)
    bench.mark("plan", "forehead", depth_min_um=100, depth_max_um=200)
    bench.zone("forehead")
    bench.needle(40, depth=300)
    bench.zone("chin")
    bench.needle(40, depth=300)
    return bench


@cache
def _changed() -> tuple[Json, tuple[Json, ...]]:
    bench = _needled()
    derived, document = bench.end(), PLAN.document()
    session = session_of(
        derived,
        plan_zones=document["zones"],
        plan={key: document[key] for key in ("id", "label", "indication")},
        signatures=[],
        amendments=[],
        explained=[],
        wants_signature=False,
    )
    session["treatment"] = record_of(derived["facts"], documents={"plan": document})
    return session, tuple(sample_rows(bench.records))


def test_each_plan_that_held_stands_in_the_table_with_who_changed_it():
    session, rows = _changed()
    table = facts(session, rows).zones
    assert table is not None
    plan = [column.name for column in table.columns].index("Plan")
    assert {row[0].split()[1]: row[plan] for row in table.rows} == {
        "nose": "0.40–0.50, then 0.10–0.90",
        "forehead": "0.10–0.20",
        "chin": "0.20–0.30",
    }
    assert f"Nose: {WORDS}." in table.below


def test_a_finding_names_whose_limit_held():
    session, rows = _changed()
    found = {row[2]: row[3] for row in facts(session, rows).findings.rows if row[0] == "depth.over_plan"}  # type: ignore[union-attr]
    assert found["nose"].endswith("; plan bench, source test, evidence D"), found
    assert "limit 0.50 mm" in found["nose"]
    assert "; plan changed to 0.10–0.20 mm at 0.8 s by p-07" in found["forehead"]
    assert "plan bench" in found["chin"]


def test_the_chart_has_each_stretch_under_the_plan_of_its_time():
    session, rows = _changed()
    stays = [(stay.zone, stay.plan_min_um, stay.plan_max_um) for stay in plot_of(session, rows).stays]
    assert stays == [("nose", 400, 500), ("nose", 100, 900), ("forehead", 100, 200), ("chin", 200, 300)]
    assert "plan 0.40–0.50, then 0.10–0.90 mm" in facts(session, rows).plot_says


def test_the_treatment_record_has_every_change():
    session, _ = _changed()
    by_zone = {row["zone"]: row["planned"] for row in session["treatment"]["zones"]}
    (change,) = by_zone["nose"]["changes"]
    assert (by_zone["nose"]["depth_max_um"], change["depth_max_um"], change["actor"]) == (500, 900, "p-07")
    assert (by_zone["forehead"]["depth_max_um"], len(by_zone["forehead"]["changes"])) == (NOT_RECORDED, 1)
    assert by_zone["chin"]["changes"] == []
    assert {row[0]: row[1] for row in zone_rows(session)} == {
        "nose": "0.40–0.50, then 0.10–0.90",
        "forehead": "0.10–0.20",
        "chin": "0.20–0.30",
    }


def test_a_terminal_shows_the_same():
    session, _ = _changed()
    text = " ".join(show_text(session).split())
    assert text.count("0.40–0.50, then 0.10–0.90") == 2  # the table of the record, and that of what was measured
    assert WORDS in text
    assert "source test, evidence D" in text


def test_no_change_leaves_one_stay_and_one_plan():
    bench = on("chin", opening_of(plan=PLAN))
    bench.needle(40)
    bench.set_um = 250
    bench.needle(40)
    derived = bench.end()
    session = session_of(derived, plan_zones=PLAN.document()["zones"])
    (stay,) = plot_of(session, sample_rows(bench.records)).stays
    assert (stay.plan_min_um, stay.plan_max_um) == (200, 300)
    assert zone_in(derived, "chin")["plan_max_um"] == 300
