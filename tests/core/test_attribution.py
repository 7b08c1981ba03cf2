"""A session derived again under corrections: what was moved moves as a whole, and the first derivation stands."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.attribution import Attribution, Correction, turns
from devicelog.canonical import canonical, parse_canonical
from devicelog.pipeline import Opening, Pipeline, new_documents
from tests.builders import PROFILE, STREAM, Bench, opening_of, plan_of, zone_in
from tests.core.streams import Stream, actions
from tests.core.test_pipeline import without

PLAN = plan_of(forehead=400, cheek_left=1_000, cheek_right=500)


def moved(first: int, last: int, zone: str) -> Correction:
    return Correction(first_record=first, last_record=last, zone=zone)


def attribution(*corrections: Correction, number: int = 2) -> Attribution:
    return Attribution(number=number, corrections=corrections, client_ref=None)


def derive(records: Any, given_: Attribution | None, plan: Any = PLAN) -> Any:
    pipeline = Pipeline(replace(opening_of(plan=plan), attribution=given_))
    for record in records:
        pipeline.feed(record)
    return parse_canonical(pipeline.finish())


@pytest.fixture
def bench() -> Bench:
    """0 clock; 1 forehead; 2 and 3; 4 cheek.left; 5 to 9; 10 chin; 11; 12 the end."""
    bench = Bench(opening_of(plan=PLAN))
    bench.zone("forehead")
    bench.samples("1111")
    bench.strokes += 4
    bench.samples("1110")
    bench.zone("cheek.left")
    bench.set_um = 600
    bench.strokes += 3
    bench.samples("1110", depth=590)
    bench.passes += 1
    bench.strokes += 5
    bench.samples("0111", depth=600)
    bench.mark("pass")
    bench.mark("note")
    bench.samples("11", depth=610)
    bench.zone("chin")
    bench.samples("11")
    bench.end()
    return bench


# --- a span that belongs elsewhere ------------------------------------------------------------------------------------


def test_a_span_moves_as_a_whole(bench):
    first = derive(bench.records, None)
    assert [row["zone"] for row in first["facts"]["zones"]] == ["forehead", "cheek.left", "chin"]
    (span,) = [span for span in first["facts"]["spans"] if span["zone"] == "cheek.left"]
    assert (span["first_record"], span["last_record"]) == (4, 9)
    second = derive(bench.records, attribution(moved(4, 9, "cheek.right")))
    assert [row["zone"] for row in second["facts"]["zones"]] == ["forehead", "cheek.right", "chin"]
    left, right = zone_in(first, "cheek.left"), zone_in(second, "cheek.right")
    limits = ("zone", "plan_max_um", "over_plan")
    assert without(right, *limits) == without(left, *limits)
    assert right["passes"] == {"pen": 1, "operator": 1, "low": 1, "high": 1}
    assert (right["strokes"], right["glides"], right["contact_us"]) == (8, 2, 80_000)  # 3 and 5; 3 + 5 samples
    assert right["depth"] == {"n": 8, "min_um": 590, "mean_um": 599, "max_um": 610}  # 3 x 590, 3 x 600, 2 x 610: 598.75
    for zone in ("forehead", "chin"):
        assert zone_in(first, zone) == zone_in(second, zone)
    elsewhere = {"zone": "cheek.right", "plan_max_um": 500}
    expected = [span | elsewhere if span["zone"] == "cheek.left" else span for span in first["facts"]["spans"]]
    assert second["facts"]["spans"] == expected
    assert second["facts"]["completeness"] == first["facts"]["completeness"]
    assert second["facts"]["completeness"]["closes"]
    # 0.6 mm: the plan allows 1 mm on the left, and 0.5 on the right
    assert ("depth.over_plan", "cheek.right") in found(second)
    assert found(second) - found(first) == {("depth.over_plan", "cheek.right")}
    assert found(first) - found(second) == set()
    assert second["attribution"] == {
        "number": 2,
        "zones": [{"first_record": 4, "last_record": 9, "zone": "cheek.right"}],
        "client_ref": None,
    }


def found(derived):
    return {(row["rule"], row["zone"]) for row in derived["findings"]}


def test_the_first_derivation_is_untouched(bench):
    before = canonical(derive(bench.records, None))
    derive(bench.records, attribution(moved(0, 12, "cheek.right")))
    assert canonical(derive(bench.records, None)) == before
    assert parse_canonical(before)["attribution"] is None


def test_a_correction_that_ends_before_the_first_mark(bench):
    bench = Bench(opening_of(plan=PLAN))
    for _ in range(2):
        bench.samples("11")
    bench.end()
    derived = derive(bench.records, attribution(moved(1, 1, "chin")))
    assert [row["zone"] for row in derived["facts"]["zones"]] == ["chin", "unassigned"]


def test_a_correction_over_the_whole_session(bench):
    derived = derive(bench.records, attribution(moved(0, 12, "forehead")))
    (zone,) = derived["facts"]["zones"]
    assert (zone["zone"], zone["contact_us"], zone["strokes"]) == ("forehead", 170_000, 12)  # 7 + 8 + 2 samples
    assert zone["passes"] == {"pen": 1, "operator": 1, "low": 1, "high": 1}
    spans = [(span["first_record"], span["last_record"]) for span in derived["facts"]["spans"]]
    assert spans == [(0, 4), (5, 12)]  # at 0.3 mm, and at 0.6
    assert derived["facts"]["completeness"]["closes"]


def test_a_correction_that_covers_a_mark_and_ends_after_it(bench):
    """From inside the forehead to inside the cheek: then what the mark said goes on."""
    derived = derive(bench.records, attribution(moved(3, 5, "nose")))
    contact_us = {zone["zone"]: zone["contact_us"] for zone in derived["facts"]["zones"]}
    assert contact_us == {"forehead": 40_000, "nose": 60_000, "cheek.left": 50_000, "chin": 20_000}
    strokes = {zone["zone"]: zone["strokes"] for zone in derived["facts"]["zones"]}
    assert strokes == {"forehead": 0, "nose": 7, "cheek.left": 5, "chin": 0}
    keys = ("zone", "first_record", "last_record")
    assert [tuple(span[key] for key in keys) for span in derived["facts"]["spans"]] == [
        ("forehead", 1, 2),
        ("nose", 3, 4),  # at 0.3 mm
        ("nose", 5, 5),  # and at 0.6
        ("cheek.left", 6, 9),
        ("chin", 10, 12),
    ]


def test_a_correction_that_ends_at_a_mark_makes_no_empty_zone(bench):
    derived = derive(bench.records, attribution(moved(4, 9, "nose")))
    assert [row["zone"] for row in derived["facts"]["zones"]] == ["forehead", "nose", "chin"]


def test_where_corrections_overlap_the_later_one_stands(bench):
    both = (moved(4, 9, "nose"), moved(6, 9, "cheek.right"))
    contact_us = [
        {zone["zone"]: zone["contact_us"] for zone in derive(bench.records, attribution(*order))["facts"]["zones"]}
        for order in (both, both[::-1])
    ]
    rest = {"forehead": 70_000, "chin": 20_000}
    assert contact_us == [rest | {"nose": 30_000, "cheek.right": 50_000}, rest | {"nose": 80_000}]


def test_a_correction_back_to_where_it_was(bench):
    first = derive(bench.records, None)
    again = derive(bench.records, attribution(moved(4, 9, "cheek.right"), moved(4, 9, "cheek.left")))
    assert again["facts"] == first["facts"]


@given(
    steps=actions,
    together=st.lists(st.booleans(), max_size=5),
    corrections=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from(["forehead", "cheek.right", "nose"])),
        max_size=4,
    ),
    looked_at=st.lists(st.booleans(), min_size=1, max_size=5),
)
@settings(deadline=None, max_examples=100)
def test_sums_stay_and_nothing_depends_on_who_looks(steps, together, corrections, looked_at):
    records = Stream(opening_of(plan=PLAN), steps).records(together)
    given_ = attribution(*(moved(*sorted((a, b)), zone) for a, b, zone in corrections))
    first, second = derive(records, None), derive(records, given_)
    for name in ("samples", "contact_us", "contact_unknown_us", "paused_contact_us"):
        assert sum_of(first, name) == sum_of(second, name)
    assert sum_of(first, "strokes") == sum_of(second, "strokes")
    assert passes_of(first, "operator") == passes_of(second, "operator")
    # passes that may belong to either of two zones are told in both
    told = [2 * passes_of(derived, "pen") + sum_of(derived, "passes_perhaps") for derived in (first, second)]
    assert told[0] == told[1]
    same = ("completeness", "counters", "short_gaps", "pen_clock", "marks", "pens", "link_losses", "duration_us")
    assert {name: first["facts"][name] for name in same} == {name: second["facts"][name] for name in same}
    assert without(first["facts"]["gaps"], "zone") == without(second["facts"]["gaps"], "zone")
    pipeline = Pipeline(replace(opening_of(plan=PLAN), attribution=given_))
    for turn, record in enumerate(records):
        pipeline.feed(record)
        if looked_at[turn % len(looked_at)]:
            pipeline.judge()
    assert pipeline.finish() == canonical(second)


def sum_of(derived, name):
    return sum(zone[name] or 0 for zone in derived["facts"]["zones"])


def passes_of(derived, who):
    return sum(zone["passes"][who] or 0 for zone in derived["facts"]["zones"])


def test_passes_that_may_belong_to_either_zone_are_of_one_where_a_correction_says_it_was_one():
    bench = Bench(opening_of(plan=PLAN))
    bench.zone("forehead")  # 1
    bench.samples("1111")
    bench.samples("1" * 30, lost=True)
    bench.zone("cheek.left")  # 3
    bench.passes += 2
    bench.samples("1111")  # 4
    bench.end()
    first, second = derive(bench.records, None), derive(bench.records, attribution(moved(3, 5, "forehead")))
    assert [(row["zone"], row["passes"]["pen"], row["passes_perhaps"]) for row in first["facts"]["zones"]] == [
        ("forehead", 0, 2),
        ("cheek.left", 0, 2),
    ]
    (zone,) = second["facts"]["zones"]
    assert (zone["zone"], zone["passes"]["pen"], zone["passes_perhaps"]) == ("forehead", 2, 0)


@pytest.mark.parametrize("signs", ["A0042", "B0001"])
def test_what_an_unnamed_pen_did_moves_with_its_zone(signs):
    bench = Bench(opening_of(plan=PLAN))
    bench.zone("forehead")  # 1
    bench.samples("1111")
    bench.link(up=False)
    bench.link(up=True)
    bench.zone("cheek.left")  # 5
    for _ in range(3):
        bench.strokes += 5
        bench.samples("1111")  # 6 to 8
    bench.identity(signs)
    bench.end()
    first, second = derive(bench.records, None), derive(bench.records, attribution(moved(5, 8, "cheek.right")))
    for derived, cheek in ((first, "cheek.left"), (second, "cheek.right")):
        assert zone_in(derived, cheek)["strokes"] == (15 if signs == "A0042" else None)
        assert zone_in(derived, "forehead")["strokes"] == 0
        assert derived["facts"]["counters"]["unplaced"] is (signs != "A0042")


# --- turns ------------------------------------------------------------------------------------------------------------


@given(
    corrections=st.lists(
        st.builds(
            Correction,
            first_record=st.integers(0, 12),
            last_record=st.integers(0, 12),
            zone=st.sampled_from(["a", "b"]),
        ),
        max_size=6,
    )
)
def test_turns_are_what_painting_record_by_record_gives(corrections):
    painted: list[str | None] = [None] * 15
    for correction in corrections:
        for number in range(correction.first_record, correction.last_record + 1):
            painted[number] = correction.zone
    expected, before = {}, None
    for number, zone in enumerate(painted):
        if zone != before:
            expected[number] = before = zone
    assert turns(corrections) == expected


def test_no_corrections_no_turns():
    assert turns(()) == {}


# --- entries ----------------------------------------------------------------------------------------------------------


def body(number: int, zones: list[dict[str, Any]], client_ref: str | None = None) -> dict[str, Any]:
    return {"session": STREAM, "number": number, "zones": zones, "client_ref": client_ref, "reason": "a slip"}


A, B = moved(4, 9, "cheek.right").document(), moved(1, 3, "chin").document()


def test_no_entry_no_attribution():
    assert Attribution.of([]) is None


@pytest.mark.parametrize(
    ("bodies", "number", "zones", "client_ref"),
    [
        ([body(2, [A])], 2, [A], None),
        ([body(2, [A]), body(3, [B, A])], 3, [A, B, A], None),
        ([body(2, [], "c-1"), body(3, [B])], 3, [B], "c-1"),
        ([body(2, [], "c-1"), body(3, [], "c-2")], 3, [], "c-2"),
    ],
)
def test_all_corrections_up_to_an_entry(bodies, number, zones, client_ref):
    read = Attribution.of(bodies)
    assert read is not None
    assert read.document() == {"number": number, "zones": zones, "client_ref": client_ref}
    assert all(isinstance(correction, Correction) for correction in read.corrections)


@pytest.mark.parametrize("zone", [{"first_record": 1, "last_record": 2}, A | {"why": "x"}])
def test_a_correction_that_is_none(zone):
    with pytest.raises(ValueError, match="a correction that is none"):
        Attribution.of([body(2, [zone])])


def test_an_opening_is_read_with_what_was_corrected_later(bench):
    documents = new_documents(PROFILE, PLAN, None)
    digests = {name: sha256(data).hexdigest() for name, data in documents.items()}
    opened = {"stream": STREAM, "pen": opening_of().pen, "documents": digests}
    given_ = Attribution.of([body(2, [A])])
    read = Opening.read("session.opened", opened, {digests[name]: data for name, data in documents.items()}, given_)
    assert read == replace(opening_of(plan=PLAN), attribution=given_)
    pipeline = Pipeline(read)
    for record in bench.records:
        pipeline.feed(record)
    assert parse_canonical(pipeline.finish()) == derive(bench.records, given_)
