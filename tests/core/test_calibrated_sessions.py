"""Sessions of a pen that sends raw counts, under a calibration that was made here, and without one."""

from dataclasses import replace
from typing import Any

import pytest

from devicelog.canonical import canonical
from devicelog.pipeline import Opening, Pipeline, new_documents
from devicelog.records import Clock
from devicelog.rules.pen import calibration_off
from devicelog.samples import sample_rows
from devicelog.words.findings import said as sentence
from firmware_bridge.calibration import Calibrator, Curve, CurvePoint, HostCalibration
from firmware_bridge.profile import Calibration
from firmware_bridge.readings import LinkChange
from tests.builders import PEN, PROFILE, SERIAL, Bench, finding, on, opening_of, said, zone_in

LAST_DAY_US = 1_900_022_400_000_000  # 2030-03-18 00:00 UTC
CURVE = Curve([CurvePoint(200, 0), CurvePoint(1_000, 1_000), CurvePoint(1_800, 2_000)])
HOST = HostCalibration(id="host-0123456789ab", serial=SERIAL, expires="2030-03-17", curve=CURVE)
NAMELESS = PEN | {"calibration_id": ""}


def at(wall_us: int, confidence: Any = "synced") -> Clock:
    return Clock(boot="b", wall_us=wall_us, confidence=confidence)


def needled(
    calibration: HostCalibration | None = HOST,
    *,
    own: bool = False,
    name: str = "",
    clock: Clock | None = None,
    **opening: Any,
) -> Bench:
    """Twenty samples on the forehead that are 300 µm deep by CURVE, and `own`: ten more with a depth of the pen's."""
    bench = on(
        "forehead",
        opening_of(**{"pen": PEN | {"calibration_id": name}, "calibration": calibration, **opening}),
        clock=clock or at(LAST_DAY_US - 1),
    )
    bench.identity(calibration_id=name)
    for _ in range(2):
        raw(bench)
    if own:
        bench.samples("1" * 10, depth=280)
    return bench


def raw(bench: Bench, count: int = 440) -> None:
    block = bench.block("1" * 10, depth=None)._replace(raw_count=(count,) * 10)
    bench.seq += 10
    bench.wait(10 * block.period_us)
    bench.send(block)


def depth_of(derived: dict[str, Any]) -> Any:
    return zone_in(derived, "forehead")["depth"]


def test_raw_counts_without_a_calibration_are_no_depth() -> None:
    derived = needled(None).end()
    assert "host_calibration" not in derived["facts"]
    assert depth_of(derived) is None


def test_with_one_they_are_and_the_record_says_by_which() -> None:
    derived = needled().end()
    assert derived["facts"]["host_calibration"] == {
        "id": "host-0123456789ab",
        "serial": SERIAL,
        "expires": "2030-03-17",
        "applied": 20,
        "own": 0,
        "unnamed": 0,
    }
    assert (depth_of(derived)["min_um"], depth_of(derived)["max_um"]) == (300, 300)


def test_a_depth_that_follows_from_it_is_held_against_the_limits() -> None:
    bench = needled()
    raw(bench, 2_400)  # 2750 µm; the pen reaches 2500, give or take 150
    derived = bench.end()
    assert finding(derived, "depth.over_device")["zone"] == "forehead"
    assert derived["verdict"] == "not conforming"


def test_a_pen_that_sends_both_keeps_its_own() -> None:
    bench = on("forehead", opening_of(calibration=HOST))
    block = bench.block("1" * 10, depth=280)._replace(raw_count=(440,) * 10)
    bench.wait(10 * block.period_us)
    bench.send(block)
    derived = bench.end()
    assert (depth_of(derived)["min_um"], depth_of(derived)["max_um"]) == (280, 280)
    assert derived["facts"]["host_calibration"] | {"applied": 0, "own": 10} == derived["facts"]["host_calibration"]


def test_the_curve_of_one_pen_is_not_for_another() -> None:
    bench = needled()
    bench.swap("B0001", boot=1, seq=0, passes=0, strokes=0)
    bench.identity("B0001", calibration_id="")
    raw(bench, 1_000)
    derived = bench.end()
    assert derived["facts"]["host_calibration"]["applied"] == 20
    assert depth_of(derived)["max_um"] == 300
    assert finding(derived, "calibration.missing")["detail"] == {"serials": ["B0001"]}


@pytest.mark.parametrize("serial", ["B0001", SERIAL])
def test_after_a_lost_link_counts_are_no_depth_until_a_pen_says_who_it_is(serial: str) -> None:
    bench = needled()
    bench.link(up=False)
    bench.wait(500_000)
    bench.link(up=True)
    raw(bench, 1_000)
    raw(bench, 1_000)
    bench.identity(serial, calibration_id="")
    raw(bench, 1_000)
    derived = bench.end()
    same = serial == SERIAL
    host = derived["facts"]["host_calibration"]
    assert (host["applied"], host["unnamed"]) == (30 if same else 20, 20)
    assert depth_of(derived)["max_um"] == (1_000 if same else 300)
    rows = list(sample_rows(bench.records, SERIAL, calibration=HOST))
    assert [row["depth_by"] for row in rows[15:55:10]] == ["host", None, None, "host" if same else None]


@pytest.mark.parametrize(
    "change",
    [
        LinkChange(t_us=0, up=True, cause="reopened"),
        LinkChange(t_us=0, up=False, cause="io error", port="pins"),
    ],
    ids=["the link comes up", "the pins go away"],
)
def test_only_the_pens_own_link_takes_the_curve_away(change: LinkChange) -> None:
    bench = needled()
    bench.put(change)
    raw(bench)
    host = bench.end()["facts"]["host_calibration"]
    assert (host["applied"], host["unnamed"]) == (30, 0)
    rows = list(sample_rows(bench.records, SERIAL, calibration=HOST))
    assert [row["depth_by"] for row in rows] == ["host"] * 30


def test_counts_of_a_pen_that_was_never_lost_are_not_those_of_an_unnamed_one() -> None:
    calibrator = Calibrator(HOST, "B0001")
    block = Bench().block("1" * 10, depth=None)._replace(raw_count=(440,) * 10)
    assert calibrator.block(block) is block
    assert (calibrator.applied, calibrator.unnamed) == (0, 0)


@pytest.mark.parametrize(
    ("host", "result"),
    [
        (None, "found"),
        ({"own": 0, "applied": 0}, "found"),
        ({"own": 10, "applied": 10}, "found"),
        ({"own": 10, "applied": 0}, "not applicable"),
    ],
)
def test_a_curve_that_is_off_matters_unless_the_pens_own_depths_were_taken(host: Any, result: str) -> None:
    facts = {"pens": [{"serial": SERIAL}], "measured": MEASURED | {"column": "raw_count"}, "host_calibration": host}
    assert [outcome.result for outcome in calibration_off(facts, {})] == [result]


def test_rows_say_whose_the_depth_is() -> None:
    bench = needled(own=True)
    rows = list(sample_rows(bench.records, SERIAL, calibration=HOST))
    assert [(row["depth_um"], row["raw_count"], row["depth_by"]) for row in rows[9:21:11]] == [
        (300, 440, "host"),
        (280, None, "pen"),
    ]
    plain = list(sample_rows(bench.records, SERIAL))
    assert [(row["depth_um"], row["depth_by"]) for row in plain[9:21:11]] == [(None, None), (280, "pen")]


def test_rows_of_another_pen_have_no_depth_by_this_curve() -> None:
    bench = needled()
    bench.swap("B0001", boot=1, seq=0, passes=0, strokes=0)
    raw(bench)
    rows = list(sample_rows(bench.records, SERIAL, calibration=HOST))
    assert [(row["depth_um"], row["depth_by"]) for row in rows[19:21]] == [(300, "host"), (None, None)]


def test_a_session_is_read_with_the_calibration_that_its_opening_names_and_no_later_one() -> None:
    def document(top: int) -> bytes:
        points = [{"raw_count": 200, "depth_um": 0}, {"raw_count": 1_800, "depth_um": top}]
        return canonical(
            {"schema": "devicelog.calibration/1", "serial": SERIAL, "expires": None, "curve": points, "other": 1}
        )

    derived = []
    for top in (2_000, 2_400):
        documents = new_documents(PROFILE, None, None, calibration=document(top))
        assert documents["calibration"] == document(top)
        body = {"stream": "u-0000000001", "pen": NAMELESS, "documents": {name: name for name in documents}}
        opening = Opening.read("span.opened", body, documents)
        pipeline = Pipeline(opening)
        for record in needled().records:
            pipeline.feed(record)
        derived.append(pipeline.finish())
        again = Pipeline(Opening.read("span.opened", body, documents))
        for record in needled().records:
            again.feed(record)
        assert again.finish() == derived[-1]
    assert derived[0] != derived[1]
    assert "calibration" not in new_documents(PROFILE, None, None)


MEASURED = {
    "schema": "devicelog.pen_measured/1",
    "entry": 9,
    "at": "2030-03-01T08:00:00.000Z",
    "serial": SERIAL,
    "calibration_id": "cal-1",
    "column": "depth_um",
    "as_found_um": 558,
    "tolerance_um": 150,
}


def test_what_was_measured_is_read_from_the_document_that_the_opening_names() -> None:
    documents = new_documents(PROFILE, None, None, measured=canonical(MEASURED))
    body = {"stream": "s-0000000001", "pen": PEN, "documents": {name: name for name in documents}}
    assert Opening.read("session.opened", body, documents).measured == MEASURED
    for wrong in ({"schema": "other/1"}, {"as_found_um": "558"}, {"tolerance_um": None}, {"residual_um": True}):
        with pytest.raises(ValueError, match="pen_measured"):
            Opening.read("session.opened", body, documents | {"measured": canonical(MEASURED | wrong)})
    assert "measured" not in new_documents(PROFILE, None, None)


# --- rules ------------------------------------------------------------------------------------------------------------


def test_a_pen_that_was_calibrated_here_needs_to_name_none() -> None:
    assert said(needled().end(), "calibration.missing") == ("passed", None, None)
    assert finding(needled(None).end(), "calibration.missing")["detail"] == {"serials": [SERIAL]}
    assert finding(needled(own=True).end(), "calibration.missing")["detail"] == {"serials": [SERIAL]}


def test_it_holds_to_the_end_of_its_last_day() -> None:
    assert said(needled().end(), "calibration.expired") == ("passed", None, None)


def test_and_not_on_the_next_and_that_is_a_finding_and_no_refusal() -> None:
    derived = needled(clock=at(LAST_DAY_US)).end()
    told = finding(derived, "calibration.expired")
    assert told["detail"] == {
        "calibrations": [{"id": "host-0123456789ab", "expires": "2030-03-17"}],
        "day": "2030-03-18",
    }
    assert depth_of(derived)["max_um"] == 300


def test_a_calibration_that_was_not_used_does_not_expire() -> None:
    bench = on("forehead", opening_of(calibration=HOST), clock=at(LAST_DAY_US))
    bench.identity()
    bench.samples("1" * 10, depth=280)
    why = "nobody has said until when this pen's calibration holds"
    assert said(bench.end(), "calibration.expired") == ("not applicable", None, why)


def test_one_that_would_have_been_used_had_anything_come_expires() -> None:
    bench = on("forehead", opening_of(pen=NAMELESS, calibration=HOST), clock=at(LAST_DAY_US))
    bench.identity(calibration_id="")
    assert finding(bench.end(), "calibration.expired")["detail"]["day"] == "2030-03-18"


@pytest.mark.parametrize(
    ("calibration", "own", "known"),
    [(HOST, False, ()), (replace(HOST, expires=None), True, (Calibration(id="cal-1", expires="2031-01-01"),))],
    ids=["of the pen's own", "of the one made here"],
)
def test_that_one_holds_says_nothing_of_another_of_which_nobody_said(
    calibration: HostCalibration, own: bool, known: tuple[Calibration, ...]
) -> None:
    derived = needled(calibration, own=own, name="cal-1", profile=replace(PROFILE, calibrations=known)).end()
    why = "nobody has said of every calibration here until when it holds"
    assert said(derived, "calibration.expired") == ("not applicable", None, why)


@pytest.mark.parametrize(
    ("own_until", "day_us", "past"),
    [
        ("2030-03-17", LAST_DAY_US, ["cal-1", "host-0123456789ab"]),
        ("2030-03-18", LAST_DAY_US, ["host-0123456789ab"]),
        ("2030-03-18", LAST_DAY_US - 1, None),
    ],
)
def test_a_pen_with_depths_by_both(own_until: str, day_us: int, past: list[str] | None) -> None:
    profile = replace(PROFILE, calibrations=(Calibration(id="cal-1", expires=own_until),))
    derived = needled(own=True, name="cal-1", clock=at(day_us), profile=profile).end()
    if past is None:
        assert said(derived, "calibration.expired") == ("passed", None, None)
    else:
        told = finding(derived, "calibration.expired")["detail"]["calibrations"]
        assert sorted(row["id"] for row in told) == past


def test_one_without_a_last_day_is_not_judged() -> None:
    derived = needled(replace(HOST, expires=None), clock=at(LAST_DAY_US)).end()
    why = "the calibration that was made here names no last day"
    assert said(derived, "calibration.expired") == ("not applicable", None, why)


def test_a_clock_that_may_be_behind() -> None:
    derived = needled(clock=at(LAST_DAY_US - 1, "restored")).end()
    assert said(derived, "calibration.expired")[0] == "not assessable"


def own_depth(measured: dict[str, Any] | None, **identity: Any) -> dict[str, Any]:
    bench = on("forehead", opening_of(measured=measured))
    bench.identity(**identity)
    bench.samples("1" * 10, depth=280)
    return bench.end()


def test_a_pen_that_was_found_out_of_tolerance_and_is_used() -> None:
    derived = own_depth(MEASURED)
    told = finding(derived, "calibration.off")
    assert told["detail"] == {"as_found_um": 558, "tolerance_um": 150, "serial": SERIAL, "day": "2030-03-01"}
    assert sentence(told) == "found 558 µm off on 2030-03-01; tolerance 150 µm"
    assert derived["facts"]["measured"] == MEASURED
    assert derived["verdict"] != "conforming"


def test_just_within_its_tolerance() -> None:
    assert said(own_depth(MEASURED | {"as_found_um": 150}), "calibration.off") == ("passed", None, None)
    assert said(own_depth(MEASURED | {"as_found_um": 151}), "calibration.off")[0] == "found"


@pytest.mark.parametrize(
    ("left", "sentence_"),
    [
        ({"as_left_um": 12, "residual_um": 685}, "left 12 µm off, residual 685 µm on 2030-03-01; tolerance 150 µm"),
        ({"as_left_um": 151, "residual_um": 0}, "left 151 µm off, residual 0 µm on 2030-03-01; tolerance 150 µm"),
        ({"as_left_um": 150, "residual_um": 150}, None),  # what it was found with is mended
    ],
)
def test_a_calibration_that_left_it_out_of_tolerance(left: dict[str, int], sentence_: str | None) -> None:
    derived = needled(measured=MEASURED | {"column": "raw_count"} | left).end()
    if sentence_ is None:
        assert said(derived, "calibration.off") == ("passed", None, None)
    else:
        assert sentence(finding(derived, "calibration.off")) == sentence_


def test_where_nothing_was_measured_or_what_was_is_not_in_use() -> None:
    none, name = "not applicable", "calibration.off"
    why = "this pen was not measured here before the session"
    assert said(own_depth(None), name) == (none, None, why)
    why = "the pen names another calibration than when it was measured"
    assert said(own_depth(MEASURED, calibration_id="cal-2"), name) == (none, None, why)
    bench = on("forehead", opening_of(calibration=HOST, measured=MEASURED | {"column": "raw_count"}))
    bench.identity()
    bench.samples("1" * 10, depth=280)
    assert said(bench.end(), name) == (none, None, "the calibration that was made here was not used")
    bench = needled(measured=MEASURED | {"column": "raw_count", "as_found_um": 0})
    bench.swap("B0001", boot=1, seq=0, passes=0, strokes=0)
    bench.identity("B0001")
    why = "not every pen of this session was measured here before it"
    assert said(bench.end(), name) == (none, None, why)


@pytest.mark.parametrize(
    ("serials", "says"),
    [
        ([""], "a pen that names no serial number names no calibration either"),
        (["A1", ""], "no calibration is named by pen A1, a pen without a serial"),
    ],
)
def test_who_names_no_calibration(serials: list[str], says: str) -> None:
    assert sentence({"rule": "calibration.missing", "detail": {"serials": serials}}) == says
