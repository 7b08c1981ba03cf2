"""Depth over time as integers: one pass over the samples, one lowest and one highest value for each column. Pure.

Time is that of arrival, since the first record. Measured depth is taken on the skin, or where contact is unknown and
the motor is on; the set depth wherever it is told. Nothing joins two columns that have an empty one or a gap between
them, so no line ever crosses what was not recorded. Not responsible for drawing (svg.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.sessions import UNASSIGNED
from devicelog.words import planned

COLUMNS = 700
_COLUMN_MIN_US = 100_000  # a pen's frames come with one read in 40 ms; in less there would be empty columns

Point = tuple[int, int, int]  # column, lowest µm, highest µm
Trace = tuple[tuple[Point, ...], ...]  # stretches of neighbouring columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A time in one zone, with its limits in the plan; `number` is its row in the table of zones, None: not there."""

    zone: str
    number: int | None
    from_us: int
    to_us: int
    plan_min_um: int | None
    plan_max_um: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is drawn. `columns` of equal time make `duration_us`; `gaps` are times, from and to."""

    duration_us: int
    columns: int
    samples: int
    measured: Trace
    set: Trace
    stays: tuple[Stay, ...]
    gaps: tuple[tuple[int, int], ...]
    device_max_um: int | None
    highest_um: int

    @property
    def column_us(self) -> int:
        """How much time one column stands for, rounded up."""
        return -(-self.duration_us // self.columns)


def plot_of(session: Json, rows: Iterable[Json]) -> Plot:
    """The plot of a session (`sessions show --json`) and its samples (devicelog.samples), which are read once."""
    duration_us = max(1, session["duration_us"])
    columns = max(1, min(COLUMNS, duration_us // _COLUMN_MIN_US))
    measured, dial, samples = _Envelope(columns), _Envelope(columns), 0
    for row in rows:
        samples += 1
        column = _column(row["arrived_us"], duration_us, columns)
        if row["depth_set_um"] is not None:
            dial.take(column, row["depth_set_um"])
        on_skin = row["contact"] or (row["contact"] is None and row["motor_on"])
        if on_skin and row["depth_um"] is not None:
            measured.take(column, row["depth_um"])
    gaps = tuple((max(0, gap["from_us"]), max(0, gap["from_us"]) + gap["for_us"]) for gap in session["gaps"])
    cuts = {_column(us, duration_us, columns) for gap in gaps for us in gap}
    stays = _stays(session)
    device_max_um = max((zone["device_max_um"] for zone in session["zones"] if zone["device_max_um"]), default=None)
    limits = [device_max_um, *(stay.plan_max_um for stay in stays)]
    return Plot(
        duration_us=duration_us,
        columns=columns,
        samples=samples,
        measured=measured.trace(cuts),
        set=dial.trace(cuts),
        stays=stays,
        gaps=gaps,
        device_max_um=device_max_um,
        highest_um=max([*(um for um in limits if um), *measured.high, *dial.high, 100]),
    )


def _column(at_us: int, duration_us: int, columns: int) -> int:
    return min(max(0, at_us) * columns // duration_us, columns - 1)


class _Envelope:
    """The lowest and highest value of each column. An empty column: the highest is below the lowest."""

    def __init__(self, columns: int) -> None:
        self.low = [_NONE_UM] * columns
        self.high = [-_NONE_UM] * columns

    def take(self, column: int, um: int) -> None:
        if um < self.low[column]:
            self.low[column] = um
        if um > self.high[column]:
            self.high[column] = um

    def trace(self, cuts: set[int]) -> Trace:
        """The columns that have a value, parted at empty ones and on both sides of `cuts`."""
        stretches: list[list[Point]] = []
        before: int | None = None
        for column, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if high < low:
                continue
            if before is None or before != column - 1 or column in cuts or before in cuts:
                stretches.append([])
            stretches[-1].append((column, low, high))
            before = column
        return tuple(map(tuple, stretches))


_NONE_UM = 2**53


def _stays(session: Json) -> tuple[Stay, ...]:
    """The spans one after the other, those of one zone and plan in a row as one: a turned dial is seen in its line."""
    zones = {zone["zone"]: zone for zone in session["zones"]}
    numbers = {zone["zone"]: number for number, zone in enumerate(shown_zones(session), 1)}
    stays: list[Stay] = []
    for span in session["spans"]:
        if span["zone"] == UNASSIGNED:
            continue
        low_um, most_um = planned.held(session, zones.get(span["zone"], {"zone": span["zone"]}), span)
        from_us = max(0, span["from_us"])
        before = stays[-1] if stays else None
        if before and (before.zone, before.plan_min_um, before.plan_max_um) == (span["zone"], low_um, most_um):
            from_us = stays.pop().from_us
        stays.append(
            Stay(
                zone=span["zone"],
                number=numbers.get(span["zone"]),
                from_us=from_us,
                to_us=max(from_us, span["to_us"]),
                plan_min_um=low_um,
                plan_max_um=most_um,
            )
        )
    return tuple(stays)


def shown_zones(session: Json) -> Sequence[Json]:
    """The zones with a row in the table: all but the pen in the air before the first zone was marked."""
    return [
        zone
        for zone in session["zones"]
        if zone["zone"] != UNASSIGNED or zone["contact_us"] + zone["contact_unknown_us"]
    ]
