"""What a pen said of gauge blocks becomes a certificate: the error as found, a new curve, what is left of the error.

Pure, in whole numbers. Not responsible for measuring (recorder/gauging.py), for keeping (recorder/calibrating.py), nor
for using a curve (firmware_bridge/calibration.py).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from devicelog.canonical import Json
from devicelog.errors import PenUnusable, UsageProblem
from firmware_bridge.calibration import LEAST_POINTS, MOST_POINTS, RAW_MOST, SCHEMA, Curve, CurvePoint, rounded
from firmware_bridge.errors import CalibrationError

Column = Literal["raw_count", "depth_um"]

CHECK_SCHEMA = "devicelog.calibration_check/1"
MEASURED_SCHEMA = "devicelog.pen_measured/1"
DEFAULT_GAUGES_UM = (0, 500, 1000, 1500, 2000, 2500)
# A reading that wanders further than this is none. 40 counts are 1 % of a 12-bit converter; both limits are ours.
SPREAD_MOST: dict[Column, int] = {"raw_count": 40, "depth_um": 50}
_UNITS: dict[Column, str] = {"raw_count": "counts", "depth_um": "µm"}
_RANGES: dict[Column, tuple[int, int]] = {"raw_count": (0, RAW_MOST), "depth_um": (-32_768, 32_767)}
_INTEGER = re.compile(r"-?[0-9]{1,6}")
_GAUGE_SET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}\Z")


class GaugeReading(NamedTuple):
    """What the sensor said of one gauge: the mean of the samples, rounded to the nearest, a half upwards; the lowest
    and the highest of them; between which records of the span they stand, None where they are from a file."""

    gauge_um: int
    mean: int
    low: int
    high: int
    samples: int
    first_record: int | None = None
    last_record: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All readings of one pen, in the order of the gauges, and in which column they were read."""

    serial: str
    column: Column
    readings: tuple[GaugeReading, ...]
    spread_most: int


# --- what may be asked for --------------------------------------------------------------------------------------------


def read_gauges(text: str) -> tuple[int, ...]:
    """Depths in µm, as `0,500,1000`. Raises UsageProblem."""
    words = [word.strip() for word in text.split(",")]
    bad = next((word for word in words if not _INTEGER.fullmatch(word)), None)
    if bad is not None:
        raise UsageProblem(f"--points: {bad!r} is no depth in whole micrometres; expected for example 0,500,1000")
    return tuple(map(int, words))


def check_gauges(gauges_um: Sequence[int], most_um: int) -> tuple[int, ...]:
    """The gauges in growing order. Raises UsageProblem: too few, two alike, one beyond what the device can do."""
    ordered = tuple(sorted(gauges_um))
    if not LEAST_POINTS <= len(ordered) <= MOST_POINTS:
        raise UsageProblem(f"{len(ordered)} points; a calibration needs {LEAST_POINTS} to {MOST_POINTS} gauge blocks")
    for um, after in pairwise(ordered):
        if um == after:
            raise UsageProblem(f"the gauge block of {um} µm stands twice: each point is another one")
    for um in ordered:
        if not 0 <= um <= most_um:
            raise UsageProblem(f"a gauge of {um} µm is out of this pen's range: its profile says 0 to {most_um} µm")
    return ordered


def default_gauges(most_um: int) -> tuple[int, ...]:
    """Those of DEFAULT_GAUGES_UM that the device can reach, and its end."""
    return tuple(sorted({um for um in DEFAULT_GAUGES_UM if um <= most_um} | {most_um}))


def check_gauge_set(name: str) -> str:
    """The name of the set of gauge blocks. Raises UsageProblem: it goes into the ledger and is no free text."""
    if not _GAUGE_SET.match(name):
        raise UsageProblem(
            f"gauge set {name[:40]!a} is no number of a set: 1 to 40 letters, digits, dots, hyphens, slashes"
        )
    return name


def read_readings(lines: Sequence[str], where: str) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Lines of a depth in µm and one reading of the sensor, or several, separated by spaces; `#` begins a comment.

    Raises UsageProblem, naming the line of `where`.
    """
    found: list[tuple[int, tuple[int, ...]]] = []
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) < 2 or not all(_INTEGER.fullmatch(word) for word in words):
            raise UsageProblem(
                f"{where}, line {number}: {line.strip()!r} is not: depth in µm, then the sensor's reading (`500 805`)"
            )
        gauge_um, *values = map(int, words)
        found.append((gauge_um, tuple(values)))
    return tuple(found)


# --- readings ---------------------------------------------------------------------------------------------------------


def reading_of(
    gauge_um: int,
    values: Sequence[int],
    *,
    column: Column,
    spread_most: int,
    records: tuple[int, int] | None = None,
) -> GaugeReading | str:
    """The reading of these samples, or a sentence why they are none."""
    low, high = min(values), max(values)
    least, most = _RANGES[column]
    if low < least or high > most:
        return f"at {gauge_um} µm the sensor said {low} to {high} {_UNITS[column]}; a {column} is {least} to {most}"
    if high - low > spread_most:
        return (
            f"the reading at {gauge_um} µm is noisy: {low} to {high} {_UNITS[column]}, and {high - low} is more than "
            f"{spread_most}. Hold the pen still on the block"
        )
    first, last = records or (None, None)
    return GaugeReading(gauge_um, rounded(sum(values), len(values)), low, high, len(values), first, last)


def curve_of(measured: Measured) -> Curve:
    """The curve through all points. Raises PenUnusable where the sensor does not follow the gauges."""
    try:
        return Curve([CurvePoint(reading.mean, reading.gauge_um) for reading in measured.readings])
    except CalibrationError as error:
        raise PenUnusable(f"{error}. Was one block taken for another? Nothing was calibrated") from error


def check_not_stuck(measured: Measured) -> None:
    """Raises PenUnusable where the sensor says the same of every gauge."""
    if len({reading.mean for reading in measured.readings}) == 1:
        said = f"{measured.readings[0].mean} {_UNITS[measured.column]}"
        raise PenUnusable(
            f"the reading is the same at every gauge block: {said}. Either the blocks were not changed, or the sensor "
            "is stuck. Nothing was calibrated"
        )


# --- errors -----------------------------------------------------------------------------------------------------------


def errors_of(measured: Measured, depth_of: Callable[[int], int]) -> list[Json]:
    """At each gauge the depth that its mean reading gives, and how much that is too deep (or, below 0, not enough)."""
    rows = [(reading.gauge_um, depth_of(reading.mean)) for reading in measured.readings]
    return [{"gauge_um": gauge, "depth_um": depth, "error_um": depth - gauge} for gauge, depth in rows]


def left_errors(measured: Measured, curve: Curve) -> list[Json]:
    """The same under the curve that was just made, by whichever of a gauge's samples is furthest off.

    The mean of each gauge lies on the curve, so by it there is no error left, whatever the pen is like.
    """
    rows = []
    for reading in measured.readings:
        depths = (curve.depth_um(reading.low), curve.depth_um(reading.high))
        depth = max(depths, key=lambda um, gauge=reading.gauge_um: (abs(um - gauge), um))  # type: ignore[misc]
        rows.append({"gauge_um": reading.gauge_um, "depth_um": depth, "error_um": depth - reading.gauge_um})
    return rows


def worst_um(errors: Sequence[Json]) -> int:
    """The largest error, without its sign."""
    return max(abs(int(row["error_um"])) for row in errors)


def residual_um(curve: Curve) -> int:
    """How far off the curve would be at an inner point, had that one not been measured: the largest of these.

    The two outermost points have nobody on one side, and are left out.
    """
    points = curve.points
    return max(
        abs(Curve([*points[:at], *points[at + 1 :]]).depth_um(points[at].raw_count) - points[at].depth_um)
        for at in range(1, len(points) - 1)
    )


def read_measured(document: Json) -> Json:
    """What a session's opening says of the newest calibration or check of its pen. Raises ValueError."""
    texts = {"at", "serial", "calibration_id", "column"}
    figures = {"tolerance_um"} | ({"as_left_um", "residual_um"} & document.keys() or {"as_found_um"})
    wrong = [key for key in texts if type(document.get(key)) is not str]
    wrong += [key for key in figures if type(document.get(key)) is not int]
    if document.get("schema") != MEASURED_SCHEMA or wrong:
        raise ValueError(f"not a document of schema {MEASURED_SCHEMA}: {document!r}")
    return document


# --- the certificate --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of it: the document to keep, and the figures that the entry names. None: not applicable."""

    adjusted: bool
    document: Json
    as_found_um: int | None
    as_left_um: int | None
    residual_um: int | None
    tolerance_um: int

    @property
    def found_out(self) -> bool:
        """Whether the pen came with an error over the tolerance."""
        return self.as_found_um is not None and self.as_found_um > self.tolerance_um

    @property
    def within(self) -> bool:
        """Whether what is in force from here on is within the tolerance."""
        left = (self.as_left_um, self.residual_um) if self.adjusted else (self.as_found_um,)
        return all(um is not None and um <= self.tolerance_um for um in left)


def judge(
    measured: Measured,
    *,
    adjust: bool,
    in_force: tuple[str, Curve] | None,
    tolerance_um: int,
    expires: str | None,
    gauge_set: str | None,
) -> Judged:
    """Errors as found by the curve in force (its document's SHA-256 and itself), or by the pen's own depth; with
    `adjust` the new curve and what it leaves. Raises PenUnusable."""
    check_not_stuck(measured)
    curve = curve_of(measured) if adjust else None
    if curve and in_force and curve.rising != in_force[1].rising:
        raise PenUnusable(
            "with growing depth this pen's raw count goes the other way than it did when it was last calibrated. Were "
            "the blocks put under it in the other order? Nothing was calibrated"
        )
    found: list[Json] | None = None
    if measured.column == "depth_um":
        found = errors_of(measured, lambda depth_um: depth_um)
    elif in_force is not None:
        found = errors_of(measured, in_force[1].depth_um)
    left = left_errors(measured, curve) if curve else None
    residual = residual_um(curve) if curve else None
    document: Json = {
        "schema": SCHEMA if adjust else CHECK_SCHEMA,
        "serial": measured.serial,
        "column": measured.column,
        "spread_most": measured.spread_most,
        "readings": [reading._asdict() for reading in measured.readings],
        "by": in_force[0] if in_force and measured.column == "raw_count" else None,
        "as_found": found,
        "tolerance_um": tolerance_um,
        "gauge_set": gauge_set,
    }
    if curve is not None:
        document |= {
            "curve": [point._asdict() for point in curve.points],
            "as_left": left,
            "residual_um": residual,
            "expires": expires,
        }
    return Judged(
        adjusted=adjust,
        document=document,
        as_found_um=None if found is None else worst_um(found),
        as_left_um=None if left is None else worst_um(left),
        residual_um=residual,
        tolerance_um=tolerance_um,
    )
