"""A curve through gauge blocks: what makes one, what it says between its points, and how far off it leaves a pen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.calibration import (
    SPREAD_MOST,
    Column,
    GaugeReading,
    Judged,
    Measured,
    check_gauge_set,
    check_gauges,
    default_gauges,
    judge,
    read_gauges,
    read_readings,
    reading_of,
    residual_um,
)
from devicelog.canonical import canonical, parse_canonical
from devicelog.errors import PenUnusable, UsageProblem
from firmware_bridge.calibration import (
    SCHEMA,
    Calibrator,
    Curve,
    CurvePoint,
    HostCalibration,
    calibration_id,
    rounded,
)
from firmware_bridge.errors import CalibrationError
from firmware_bridge.readings import Identity, SampleBlock

DIGEST = "ab" * 32
LINE = Curve([CurvePoint(200, 0), CurvePoint(1_000, 1_000), CurvePoint(1_800, 2_000)])


# --- curves -----------------------------------------------------------------------------------------------------------


@st.composite
def curves(draw: st.DrawFn, least: int = 2) -> Curve:
    """Any curve there may be."""
    n = draw(st.integers(least, 12))
    raws = sorted(draw(st.sets(st.integers(0, 65_535), min_size=n, max_size=n)))
    depths = sorted(draw(st.sets(st.integers(0, 10_000), min_size=n, max_size=n)))
    if draw(st.booleans()):
        depths.reverse()
    return Curve(draw(st.permutations([CurvePoint(*pair) for pair in zip(raws, depths, strict=True)])))


@given(curves())
def test_a_curve_goes_through_its_points(curve: Curve) -> None:
    assert [curve.depth_um(point.raw_count) for point in curve.points] == [point.depth_um for point in curve.points]


@given(curves(), st.lists(st.integers(0, 65_535), min_size=2, max_size=30))
def test_a_curve_never_turns_back(curve: Curve, raws: list[int]) -> None:
    depths = [curve.depth_um(raw) for raw in sorted(raws)]
    for before, after in pairwise(depths if curve.rising else reversed(depths)):
        assert before <= after


@given(curves(), st.integers(0, 65_535))
def test_between_two_points_is_between_their_depths(curve: Curve, raw: int) -> None:
    for low, high in pairwise(curve.points):
        if low.raw_count <= raw <= high.raw_count:
            assert min(low[1], high[1]) <= curve.depth_um(raw) <= max(low[1], high[1])


@given(curves(), st.integers(0, 65_535))
def test_the_nearest_whole_micrometre(curve: Curve, raw: int) -> None:
    at = next((i for i, point in enumerate(curve.points[1:-1], 1) if raw < point.raw_count), len(curve.points) - 1)
    (raw_0, um_0), (raw_1, um_1) = curve.points[at - 1 : at + 1]
    off = (curve.depth_um(raw) - um_0) * (raw_1 - raw_0) - (raw - raw_0) * (um_1 - um_0)
    assert -(raw_1 - raw_0) < 2 * off <= raw_1 - raw_0


@pytest.mark.parametrize(("value", "by", "wanted"), [(5, 2, 3), (-5, 2, -2), (4, 3, 1), (-4, 3, -1), (0, 7, 0)])
def test_a_half_goes_upwards(value: int, by: int, wanted: int) -> None:
    assert rounded(value, by) == wanted


@pytest.mark.parametrize(("raw", "um"), [(200, 0), (600, 500), (1_000, 1_000), (0, -250), (4_095, 4_869)])
def test_beyond_its_ends_a_curve_goes_straight_on(raw: int, um: int) -> None:
    assert LINE.depth_um(raw) == um


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([], "0 points make no curve"),
        ([(1, 2)], "1 points make no curve"),
        ([(500, 0), (500, 1_000), (900, 2_000)], "the sensor cannot tell them apart"),
        ([(500, 0), (700, 1_000), (900, 1_000)], "not monotonic: with growing raw count the depth is 0, 1000, 1000 µm"),
        ([(500, 1_000), (700, 1_000), (900, 0)], "not monotonic: with growing raw count the depth is 1000, 1000, 0 µm"),
        ([(500, 0), (900, 1_000), (700, 2_000)], "not monotonic: with growing raw count the depth is 0, 2000, 1000 µm"),
    ],
)
def test_what_makes_no_curve(points: list[tuple[int, int]], says: str) -> None:
    with pytest.raises(CalibrationError, match=says):
        Curve([CurvePoint(*point) for point in points])


@given(curves(least=3))
def test_the_residual_is_the_largest_error_of_an_inner_point_that_is_left_out(curve: Curve) -> None:
    errors = []
    for left_out in curve.points[1:-1]:
        rest = Curve([point for point in curve.points if point != left_out])
        errors.append(abs(rest.depth_um(left_out.raw_count) - left_out.depth_um))
    assert residual_um(curve) == max(errors)


def test_a_straight_sensor_has_no_residual() -> None:
    assert residual_um(LINE) == 0


def test_a_bent_one_has() -> None:
    assert residual_um(Curve([CurvePoint(0, 0), CurvePoint(60, 500), CurvePoint(100, 1_000)])) == 100


# --- documents --------------------------------------------------------------------------------------------------------


def kept(**other: object) -> dict[str, object]:
    curve = [point._asdict() for point in LINE.points]
    return {"schema": SCHEMA, "serial": "A0042", "expires": "2032-01-01", "curve": curve, **other}


def test_a_calibration_that_is_read_twice_is_the_same() -> None:
    assert HostCalibration.from_document(kept(), DIGEST) == HostCalibration.from_document(kept(), DIGEST)


def test_a_calibration_as_it_was_kept() -> None:
    calibration = HostCalibration.from_document(parse_canonical(canonical(kept())), DIGEST)
    assert (calibration.id, calibration.serial, calibration.expires) == ("host-" + "ab" * 6, "A0042", "2032-01-01")
    assert calibration.id == calibration_id(DIGEST)
    assert calibration.curve.points == LINE.points
    assert HostCalibration.from_document(kept(expires=None), DIGEST).expires is None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "devicelog.calibration/2"},
        {"schema": None},
        {"serial": ""},
        {"serial": 7},
        {"expires": 20320101},
        {"expires": "soon"},
        {"expires": "2032-01-01T00:00:00"},
        {"curve": None},
        {"curve": [1, 2, 3]},
        {"curve": [{"raw_count": 1}, {"raw_count": 2}]},
        {"curve": [{"raw_count": 1, "depth_um": True}, {"raw_count": 2, "depth_um": 2}]},
        {"curve": [{"raw_count": 1.5, "depth_um": 1}, {"raw_count": 2, "depth_um": 2}]},
        {"curve": [{"raw_count": 1, "depth_um": 1}]},
    ],
    ids=str,
)
def test_a_document_that_is_no_calibration(change: dict[str, object]) -> None:
    with pytest.raises(CalibrationError):
        HostCalibration.from_document(kept(**change), DIGEST)


# --- applied ----------------------------------------------------------------------------------------------------------

CALIBRATION = HostCalibration.from_document(kept(), DIGEST)
RAW = SampleBlock("test", True, 7, 0, 0, 400, 10, 5000, 10_000, 2, None, (200, 1_000), None, None)
OWN = RAW._replace(depth_um=(5, 6))
NEITHER = RAW._replace(raw_count=None)


def pen(serial: str) -> Identity:
    return Identity(
        mode="test",
        motor_on=False,
        boot=7,
        seq=0,
        t_us=0,
        protocol_major=1,
        protocol_minor=0,
        model="M",
        serial=serial,
        firmware="1",
        calibration_id="",
        cartridge="",
    )


def test_raw_counts_alone_get_a_depth_and_nothing_else_is_touched() -> None:
    calibrator = Calibrator(CALIBRATION, "A0042")
    readings = [RAW, OWN, pen("A0042"), NEITHER]
    assert calibrator.take(list(readings)) == [RAW._replace(depth_um=(0, 1_000)), *readings[1:]]
    assert calibrator.document() == {
        "id": CALIBRATION.id,
        "serial": "A0042",
        "expires": "2032-01-01",
        "applied": 2,
        "own": 2,
        "unnamed": 0,
    }


def test_after_a_lost_link_a_curve_waits_until_its_pen_has_said_who_it_is() -> None:
    calibrator = Calibrator(CALIBRATION, "A0042")
    calibrator.lost()
    readings = [RAW, OWN, NEITHER, pen("B0001"), RAW]
    assert calibrator.take(list(readings)) == readings
    assert (calibrator.applied, calibrator.own, calibrator.unnamed) == (0, 0, 2)
    assert calibrator.take([pen("A0042"), RAW])[1] == RAW._replace(depth_um=(0, 1_000))
    assert (calibrator.applied, calibrator.unnamed) == (2, 2)


def test_a_curve_is_of_one_pen() -> None:
    calibrator = Calibrator(CALIBRATION, "B0001")
    assert calibrator.take([RAW, pen("A0042"), RAW, pen("C"), RAW]) == [
        *(RAW, pen("A0042"), RAW._replace(depth_um=(0, 1_000)), pen("C"), RAW)
    ]
    assert calibrator.applied == 2


@pytest.mark.parametrize("serial", [None, "A0042"])
def test_without_a_calibration_nothing_is_done(serial: str | None) -> None:
    calibrator, readings = Calibrator(None, serial), [RAW, pen("A0042")]
    assert calibrator.take(readings) is readings
    assert calibrator.document() is None


# --- what may be asked for --------------------------------------------------------------------------------------------


def test_gauges_in_any_order() -> None:
    assert check_gauges(read_gauges("2500, 0,1000"), 2_500) == (0, 1_000, 2_500)
    assert check_gauges(range(64), 2_500) == tuple(range(64))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is no depth"),
        ("0,1 mm,2000", "'1 mm' is no depth"),
        ("0,0.5,1", "'0.5' is no depth"),
        ("0,,1", "'' is no depth"),
        ("0,500", "2 points; a calibration needs 3 to 64"),
        (",".join(map(str, range(65))), "65 points"),
        ("0,500,500", "500 µm stands twice"),
        ("0,500,2501", "2501 µm is out of this pen's range: its profile says 0 to 2500 µm"),
        ("-1,500,1000", "-1 µm is out of this pen's range"),
    ],
)
def test_gauges_that_cannot_be_meant(text: str, says: str) -> None:
    with pytest.raises(UsageProblem, match=says):
        check_gauges(read_gauges(text), 2_500)


@pytest.mark.parametrize(
    ("most_um", "wanted"),
    [(2_500, (0, 500, 1_000, 1_500, 2_000, 2_500)), (1_200, (0, 500, 1_000, 1_200)), (3_000, (*range(0, 3_001, 500),))],
)
def test_the_gauges_by_default(most_um: int, wanted: tuple[int, ...]) -> None:
    assert default_gauges(most_um) == wanted


@pytest.mark.parametrize("name", ["", " ", "-GB", "a" * 41, "Mitutoyo set", "GB\n", "ö"])
def test_no_number_of_a_set(name: str) -> None:
    with pytest.raises(UsageProblem, match="is no number of a set"):
        check_gauge_set(name)


def test_a_number_of_a_set() -> None:
    assert check_gauge_set("GB-7/2031.1_a") == "GB-7/2031.1_a"


def test_readings_of_a_file() -> None:
    lines = ["# set GB-7", "", "0 180 181 # twice", "500\t806"]
    assert read_readings(lines, "f") == ((0, (180, 181)), (500, (806,)))


@pytest.mark.parametrize("line", ["500", "500 x", "500 8.5", "x 800", "500,800"])
def test_a_line_that_is_no_reading(line: str) -> None:
    with pytest.raises(UsageProblem, match="f, line 2"):
        read_readings(["0 1", line], "f")


# --- readings ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=50))
def test_a_reading_is_the_mean_and_its_extremes(values: list[int]) -> None:
    reading = reading_of(500, values, column="raw_count", spread_most=65_535, records=(3, 9))
    assert isinstance(reading, GaugeReading)
    assert abs(reading.mean * len(values) - sum(values)) * 2 <= len(values)
    assert (reading.low, reading.high, reading.samples) == (min(values), max(values), len(values))
    assert (reading.gauge_um, reading.first_record, reading.last_record) == (500, 3, 9)


@pytest.mark.parametrize(("values", "noisy"), [((800, 840), False), ((800, 841), True)])
def test_a_reading_that_wanders(values: tuple[int, ...], noisy: bool) -> None:
    reading = reading_of(500, values, column="raw_count", spread_most=40)
    assert isinstance(reading, str) is noisy
    if noisy:
        assert "the reading at 500 µm is noisy: 800 to 841 counts, and 41 is more than 40" in str(reading)


@pytest.mark.parametrize(("column", "most"), [("raw_count", "40 counts"), ("depth_um", "50 µm")])
def test_how_far_a_reading_may_wander_when_nobody_says(column: Column, most: str) -> None:
    for wander, noisy in ((SPREAD_MOST[column], False), (SPREAD_MOST[column] + 1, True)):
        reading = reading_of(500, [800, 800 + wander], column=column, spread_most=SPREAD_MOST[column])
        assert isinstance(reading, str) is noisy
    n, unit = most.split()
    assert f"800 to {801 + int(n)} {unit}, and {int(n) + 1} is more than {n}" in str(reading)


@pytest.mark.parametrize(
    ("column", "value"), [("raw_count", -1), ("raw_count", 65_536), ("depth_um", -32_769), ("depth_um", 32_768)]
)
def test_a_reading_that_no_pen_can_send(column: Column, value: int) -> None:
    assert "the sensor said" in str(reading_of(500, [value], column=column, spread_most=40))


@pytest.mark.parametrize("column", ["raw_count", "depth_um"])
def test_the_ends_of_what_a_pen_can_send(column: Column) -> None:
    least, most = {"raw_count": (0, 65_535), "depth_um": (-32_768, 32_767)}[column]
    assert isinstance(reading_of(500, [least, most], column=column, spread_most=65_535), GaugeReading)


# --- judged -----------------------------------------------------------------------------------------------------------


def measured(*pairs: tuple[int, int], column: Column = "raw_count", wander: int = 0) -> Measured:
    """Means of these gauges, each sample at most `wander` off."""
    readings = [GaugeReading(um, mean, mean - wander, mean + wander, 100) for um, mean in pairs]
    return Measured(serial="A0042", column=column, readings=tuple(readings), spread_most=40)


def judged(
    of: Measured, *, adjust: bool = True, in_force: Curve | None = None, tolerance_um: int = 100, **other: str | None
) -> Judged:
    named = {"expires": None, "gauge_set": None, **other}
    by = None if in_force is None else (DIGEST, in_force)
    return judge(of, adjust=adjust, in_force=by, tolerance_um=tolerance_um, **named)


STRAIGHT = ((0, 200), (1_000, 1_000), (2_000, 1_800))


def test_a_first_calibration_has_nothing_to_compare_with() -> None:
    result = judged(measured(*STRAIGHT, wander=8), expires="2032-01-01", gauge_set="GB-7")
    assert (result.as_found_um, result.as_left_um, result.residual_um) == (None, 10, 0)
    assert (result.found_out, result.within) == (False, True)
    assert result.document["curve"] == [point._asdict() for point in LINE.points]
    assert (result.document["by"], result.document["as_found"]) == (None, None)
    canonical(result.document)
    again = HostCalibration.from_document(result.document, DIGEST)
    assert (again.expires, again.curve.points) == ("2032-01-01", LINE.points)


@pytest.mark.parametrize(("off", "out"), [(80, False), (81, True), (-80, False), (-81, True)])
def test_as_found_just_inside_and_just_outside_of_the_tolerance(off: int, out: bool) -> None:
    result = judged(measured(*((um, raw + off) for um, raw in STRAIGHT)), in_force=LINE)
    assert result.as_found_um == abs(rounded(off * 10, 8))
    assert result.found_out is out
    assert result.within  # as left
    assert result.document["by"] == DIGEST


def test_the_whole_document() -> None:
    """What a sample wandered furthest counts, and of two that wandered as far the deeper one."""
    readings = (
        GaugeReading(0, 200, 192, 204, 100, 3, 9),
        GaugeReading(1_000, 1_000, 992, 1_008, 100),
        GaugeReading(2_000, 1_800, 1_792, 1_804, 100),
    )
    of = Measured(serial="A0042", column="raw_count", readings=readings, spread_most=40)
    in_force = Curve([CurvePoint(200, 0), CurvePoint(1_800, 2_100)])
    result = judged(of, in_force=in_force, expires="2032-01-01", gauge_set="GB-7")
    assert result.document == {
        "schema": SCHEMA,
        "serial": "A0042",
        "column": "raw_count",
        "spread_most": 40,
        "readings": [reading._asdict() for reading in readings],
        "by": DIGEST,
        "as_found": [
            {"gauge_um": 0, "depth_um": 0, "error_um": 0},
            {"gauge_um": 1_000, "depth_um": 1_050, "error_um": 50},
            {"gauge_um": 2_000, "depth_um": 2_100, "error_um": 100},
        ],
        "tolerance_um": 100,
        "gauge_set": "GB-7",
        "curve": [{"raw_count": raw, "depth_um": um} for um, raw in STRAIGHT],
        "as_left": [
            {"gauge_um": 0, "depth_um": -10, "error_um": -10},
            {"gauge_um": 1_000, "depth_um": 1_010, "error_um": 10},
            {"gauge_um": 2_000, "depth_um": 1_990, "error_um": -10},
        ],
        "residual_um": 0,
        "expires": "2032-01-01",
    }


def test_a_check_of_raw_counts_with_nothing_to_compare_is_not_within() -> None:
    result = judged(measured(*STRAIGHT), adjust=False)
    assert (result.as_found_um, result.found_out, result.within) == (None, False, False)


def test_a_check_leaves_the_pen_as_it_is() -> None:
    result = judged(measured(*((um, raw + 81) for um, raw in STRAIGHT)), adjust=False, in_force=LINE)
    assert (result.adjusted, result.as_left_um, result.residual_um) == (False, None, None)
    assert (result.found_out, result.within) == (True, False)
    assert "curve" not in result.document
    assert result.document["schema"] == "devicelog.calibration_check/1"


def test_a_depth_of_the_pens_own_is_checked_as_it_is() -> None:
    own = measured((0, 4), (1_000, 1_090), (2_000, 1_899), column="depth_um")
    result = judged(own, adjust=False, in_force=LINE)
    assert [row["error_um"] for row in result.document["as_found"]] == [4, 90, -101]
    assert (result.as_found_um, result.document["by"]) == (101, None)


@pytest.mark.parametrize(("wander", "within"), [(80, True), (81, False)])
def test_what_is_left_is_the_worst_sample(wander: int, within: bool) -> None:
    assert judged(measured(*STRAIGHT, wander=wander)).within is within


def test_a_curve_that_is_too_bent_for_its_points_is_not_within() -> None:
    result = judged(measured((0, 0), (500, 60), (1_000, 100)), tolerance_um=99)
    assert (result.residual_um, result.within) == (100, False)


def test_a_sensor_whose_count_falls() -> None:
    result = judged(measured((0, 1_800), (1_000, 1_000), (2_000, 200)))
    assert result.within
    assert [row["depth_um"] for row in result.document["curve"]] == [2_000, 1_000, 0]


@pytest.mark.parametrize(
    ("pairs", "in_force", "says"),
    [
        (
            ((0, 500), (1_000, 500), (2_000, 500)),
            None,
            "every gauge block: 500 counts. Either the blocks were not",
        ),
        (((0, 500), (1_000, 500), (2_000, 900)), None, "two points have the same raw count"),
        (((0, 500), (1_000, 900), (2_000, 700)), None, "not monotonic.*Was one block taken for another"),
        (((0, 1_800), (1_000, 1_000), (2_000, 200)), LINE, "Were the blocks put under it in the other order"),
    ],
)
def test_nothing_is_calibrated(pairs: tuple[tuple[int, int], ...], in_force: Curve | None, says: str) -> None:
    with pytest.raises(PenUnusable, match=says) as caught:
        judged(measured(*pairs), in_force=in_force)
    assert "Nothing was calibrated" in str(caught.value)
