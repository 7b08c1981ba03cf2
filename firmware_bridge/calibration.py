"""A calibration that the host made of a pen: from the sensor's raw count to micrometres, by a curve of whole numbers.

Pure. Applied to `raw_count` only, and only where the pen sends no `depth_um`: a pen's own calibration and the host's
are never both applied (docs/protocol.md). Not responsible for how the curve was found, nor for how good it is.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Self

from firmware_bridge.errors import CalibrationError
from firmware_bridge.readings import Identity, Reading, SampleBlock

SCHEMA = "devicelog.calibration/1"
LEAST_POINTS = 3  # through two goes a straight line, and nothing tells whether the sensor is one
MOST_POINTS = 64
RAW_MOST = 65_535
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class CurvePoint(NamedTuple):
    """Where the sensor said `raw_count` the needles stood out by `depth_um`."""

    raw_count: int
    depth_um: int


class Curve:
    """Straight lines from point to point. Below the first and above the last point the line there goes on.

    It goes on because a depth beyond the last gauge must be seen and not hidden. What lies between is rounded to the
    nearest micrometre, a half upwards.
    """

    def __init__(self, points: Sequence[CurvePoint]) -> None:
        """In any order. Raises CalibrationError unless depth and raw count both only grow, or one grows as the other
        falls, with no two alike."""
        points = sorted(points)
        steps = [(after.raw_count - at.raw_count, after.depth_um - at.depth_um) for at, after in pairwise(points)]
        if len(points) < 2:
            raise CalibrationError(f"{len(points)} points make no curve")
        if any(raw == 0 for raw, _ in steps):
            raise CalibrationError("two points have the same raw count: the sensor cannot tell them apart")
        if not all(um > 0 for _, um in steps) and not all(um < 0 for _, um in steps):
            raise CalibrationError(
                "the curve is not monotonic: with growing raw count the depth is "
                + ", ".join(str(point.depth_um) for point in points)
                + " µm"
            )
        self.points = tuple(points)
        self._raws = [point.raw_count for point in points]
        self._known: dict[int, int] = {}  # a sensor says the same few thousand counts again and again

    @property
    def rising(self) -> bool:
        """Whether a larger raw count is deeper."""
        return self.points[0].depth_um < self.points[-1].depth_um

    def depth_um(self, raw_count: int) -> int:
        """The depth of this count."""
        depth_um = self._known.get(raw_count)
        if depth_um is None:
            depth_um = self._known[raw_count] = self._between(raw_count)
        return depth_um

    def _between(self, raw_count: int) -> int:
        at = min(max(bisect_right(self._raws, raw_count) - 1, 0), len(self.points) - 2)
        (raw, um), (next_raw, next_um) = self.points[at : at + 2]
        return um + rounded((raw_count - raw) * (next_um - um), next_raw - raw)


def rounded(value: int, by: int) -> int:
    """`value / by`, `by` over 0, to the nearest whole number, a half upwards."""
    return (2 * value + by) // (2 * by)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCalibration:
    """One calibration as it was kept: of the pen with this serial, and the last day (UTC) it holds, None: not said."""

    id: str  # the beginning of the SHA-256 of its document
    serial: str
    expires: str | None
    curve: Curve = field(compare=False)

    @classmethod
    def from_document(cls, values: Mapping[str, Any], digest: str) -> Self:
        """From its document and the SHA-256 of that, hex. Raises CalibrationError for one that cannot be read."""
        if values.get("schema") != SCHEMA:
            raise CalibrationError(f"calibration: schema = {values.get('schema')!r}; expected {SCHEMA!r}")
        try:
            points = [CurvePoint(row["raw_count"], row["depth_um"]) for row in values["curve"]]
            serial, expires = values["serial"], values["expires"]
        except (KeyError, TypeError) as error:
            raise CalibrationError(f"calibration {digest[:12]} cannot be read: {error!r}") from error
        numbers = [number for point in points for number in point]
        if not all(type(number) is int for number in numbers) or not isinstance(serial, str) or not serial:
            raise CalibrationError(f"calibration {digest[:12]} cannot be read: a value of another type")
        if expires is not None and not (isinstance(expires, str) and _DAY.fullmatch(expires)):
            raise CalibrationError(f"calibration {digest[:12]} cannot be read: expires = {expires!r}")
        return cls(id=calibration_id(digest), serial=serial, expires=expires, curve=Curve(points))


def calibration_id(digest: str) -> str:
    """What a calibration of the host is called, from the SHA-256 of its document, hex."""
    return f"host-{digest[:12]}"


class Calibrator:
    """Gives sample frames the depth that follows from their raw counts, as the readings of one stream come by.

    Told by identities which pen it is: the curve is of one serial. After a lost link it may be any pen, and none has
    the curve until it says who it is: a depth that is not known is better than one by another pen's curve. Counts what
    it did and what it left, so that the record can say it.
    """

    def __init__(self, calibration: HostCalibration | None, serial: str | None) -> None:
        """`serial` is that of the pen the stream was opened with."""
        self.calibration = calibration
        self.applied = 0  # samples that have their depth from here
        self.own = 0  # samples of this pen that came with a depth of the pen's own
        self.unnamed = 0  # samples left without a depth: since a lost link no pen had said who it is
        self._here = calibration is not None and serial == calibration.serial
        self._lost = False

    def take(self, readings: list[Reading]) -> list[Reading]:
        """The same readings in the same order; without a calibration the same list."""
        return readings if self.calibration is None else [self._taken(reading) for reading in readings]

    def heard(self, identity: Identity) -> None:
        """A pen says who it is."""
        self._here = self.calibration is not None and identity.serial == self.calibration.serial
        self._lost = False

    def lost(self) -> None:
        """The link to the pen went down: what comes next may be another one's. Told after what the loss completed."""
        self._here, self._lost = False, True

    def block(self, block: SampleBlock) -> SampleBlock:
        """A sample frame, with its depth where it follows from here; else the same object."""
        if self.calibration is None:
            return block
        if block.depth_um is not None:
            self.own += block.n if self._here else 0
            return block
        if block.raw_count is None:
            return block
        if not self._here:
            self.unnamed += block.n if self._lost else 0
            return block
        self.applied += block.n
        return block._replace(depth_um=tuple(map(self.calibration.curve.depth_um, block.raw_count)))

    def document(self) -> dict[str, Any] | None:
        """What was applied, to how many samples and to how many not (repeated ones too); None without a calibration."""
        if self.calibration is None:
            return None
        named = {key: getattr(self.calibration, key) for key in ("id", "serial", "expires")}
        return {**named, "applied": self.applied, "own": self.own, "unnamed": self.unnamed}

    def _taken(self, reading: Reading) -> Reading:
        if isinstance(reading, SampleBlock):
            return self.block(reading)
        if isinstance(reading, Identity):
            self.heard(reading)
        return reading
