"""Depth limits as values: which row of which table holds at a site, for an indication, a modality and a device. Pure.

A recommended range warns; a hard maximum asks for an override with a reason; a forbidden site is not treated. Each
carries its source and evidence grade, and where none was found the answer says so. Not responsible for files (data.py),
for reading the tables (tables.py), nor for judging a depth: that is validation.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from devicelog.clinical.keys import Json, suggest
from devicelog.clinical.plan import Zone
from devicelog.errors import UsageProblem

LIMITS_SCHEMA = "devicelog.limits/1"
ANY = "any"

Origin = Literal["shipped", "overlay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a number is from. `modality` is "rf" for a source about radio-frequency needling alone."""

    title: str
    address: str | None = None
    modality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A part of the body as the sources name it, and the mean thickness of its skin, epidermis and dermis together.

    The thickness is a mean of a sample of one study: good for a notice, never for a limit of one person.
    """

    id: str
    label: str
    skin_men_um: int | None = None
    skin_women_um: int | None = None
    skin_source: str | None = None
    skin_evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table of limits: a range, a hard maximum, both, a ban, or the word that there is none.

    Depths are dial settings in µm. `columns` are the source's own columns that the range spans. A row that does not
    apply was published and is shown, but nothing is compared with it. `hard_max_for`: the indication that the maximum
    was found for, whatever it is compared in. `evidence` X without a range: no source found.
    """

    site: str
    indication: str
    modality: str = "mechanical"
    device: str = ANY
    applies: bool = True
    fallback: str | None = None
    min_um: int | None = None
    max_um: int | None = None
    source: str | None = None
    evidence: str | None = None
    columns: tuple[tuple[str, tuple[int, int]], ...] = ()
    hard_max_um: int | None = None
    hard_max_source: str | None = None
    hard_max_basis: str | None = None
    hard_max_evidence: str | None = None
    hard_max_for: str | None = None
    forbidden: bool = False
    note: str | None = None
    note_source: str | None = None
    note_evidence: str | None = None

    @property
    def has_range(self) -> bool:
        """Whether the row recommends depths of its own."""
        return self.min_um is not None or self.max_um is not None

    @property
    def about_range(self) -> bool:
        """Whether the row says which range holds: its own, that of another site, or none."""
        return self.applies and not self.forbidden and (self.evidence is not None or self.fallback is not None)

    def document(self) -> Json:
        """The row as plain values; what it does not say is left out."""
        said = {key: value for key, value in asdict(self).items() if value is not None and value != ()}
        if self.columns:
            said["columns"] = {name: list(span) for name, span in self.columns}
        for key, usual in (("applies", True), ("forbidden", False)):
            if said[key] is usual:
                del said[key]
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A depth that holds everywhere, with its source."""

    depth_um: int
    source: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The shipped table. `threshold` is a depth that some law names, inclusive, compared without tolerance."""

    version: int
    threshold: Figure
    sensor_tolerance: Figure
    indications: Mapping[str, str]
    same_as: Mapping[str, str]  # an indication whose limits are those of another, where it has none of its own
    sites: Mapping[str, Site]
    rows: tuple[Row, ...]
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A clinic's own rows, which go before the shipped ones. It may lower a hard maximum, and never raises one."""

    name: str
    version: int
    rows: tuple[Row, ...]
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What holds at a site. `recommended` is None where no source has a range; `fallback`: the site it is of."""

    recommended: Row | None
    fallback: str | None
    hard: Row | None
    banned: Row | None
    origin: Origin


def look_up(
    limits: Limits,
    site: str,
    *,
    indication: str,
    modality: str = "mechanical",
    device: str | None = None,
    overlay: Overlay | None = None,
) -> Found:
    """The rows that hold: the clinic's before the shipped, one for this device or indication before one for any.

    Nothing is ever taken from a row of another modality. A hard maximum is the lower of the clinic's and the shipped.
    """
    asked = (indication, limits.same_as.get(indication, indication), ANY)
    tables: list[tuple[Origin, Iterable[Row]]] = [("overlay", overlay.rows)] if overlay else []
    tables.append(("shipped", limits.rows))

    def pick(at: str, wanted: Callable[[Row], bool]) -> list[tuple[Origin, Row]]:
        rows = [(origin, _best(table, at, asked, modality, device, wanted)) for origin, table in tables]
        return [(origin, row) for origin, row in rows if row is not None]

    ranges = pick(site, lambda row: row.about_range)
    fallback = ranges[0][1].fallback if ranges else None
    if fallback is not None:
        ranges = pick(fallback, lambda row: row.about_range)
    ranges = [(origin, row) for origin, row in ranges[:1] if row.has_range]
    hard = sorted(pick(site, lambda row: row.hard_max_um is not None), key=lambda found: found[1].hard_max_um or 0)[:1]
    banned = pick(site, lambda row: row.forbidden)[:1]
    if banned:
        ranges = []
    origins = {origin for origin, _ in [*ranges, *hard, *banned]}
    return Found(
        recommended=ranges[0][1] if ranges else None,
        fallback=fallback if ranges else None,
        hard=hard[0][1] if hard else None,
        banned=banned[0][1] if banned else None,
        origin="overlay" if "overlay" in origins else "shipped",
    )


def resolve(
    limits: Limits,
    zones: Mapping[str, Zone],
    *,
    indication: str,
    modality: str = "mechanical",
    device: str | None = None,
    overlay: Overlay | None = None,
) -> Json:
    """The limits of a session, one row for each zone of the map: the document that the session is judged by.

    An indication that the table does not know has no recommended range, and the hard maxima of any indication: a
    recording is not stopped for it. Depths in µm; null where there is none, and then the evidence grade is X.
    """
    rows = []
    for zone in zones.values():
        found = look_up(limits, zone.site, indication=indication, modality=modality, device=device, overlay=overlay)
        rows.append({"zone": zone.id, "site": zone.site, **_said(found)})
    return {
        "schema": LIMITS_SCHEMA,
        "version": limits.version,
        "overlay": None if overlay is None else {"name": overlay.name, "version": overlay.version},
        "indication": indication,
        "modality": modality,
        "device": device,
        "threshold": asdict(limits.threshold),
        "zones": rows,
    }


def known_indication(limits: Limits, name: str) -> str:
    """The name, if the table has this indication. Raises UsageProblem with those it has."""
    if name not in limits.indications:
        near = suggest(name, limits.indications)
        raise UsageProblem(f"there is no indication {name}; there are: {', '.join(limits.indications)}.{near}")
    return name


def _said(found: Found) -> Json:
    recommended, hard, banned = found.recommended, found.hard, found.banned
    return {
        "min_um": recommended.min_um if recommended else None,
        "max_um": recommended.max_um if recommended else None,
        "source": recommended.source if recommended else (banned.source if banned else None),
        "evidence": (recommended.evidence if recommended else None) or (banned.evidence if banned else None) or "X",
        "sourced": recommended is not None and found.fallback is None,
        "fallback": found.fallback,
        "hard_max_um": hard.hard_max_um if hard else None,
        "hard_max_source": hard.hard_max_source if hard else None,
        "hard_max_basis": hard.hard_max_basis if hard else None,
        "hard_max_evidence": hard.hard_max_evidence if hard else "X",
        "hard_max_for": hard.hard_max_for if hard else None,
        "forbidden": banned is not None,
        "from": found.origin,
    }


def _best(
    rows: Iterable[Row],
    site: str,
    indications: tuple[str, ...],
    modality: str,
    device: str | None,
    wanted: Callable[[Row], bool],
) -> Row | None:
    fitting = [
        row
        for row in rows
        if row.site == site
        and row.modality == modality
        and row.indication in indications
        and row.device in (device, ANY)
        and wanted(row)
    ]
    return max(fitting, key=lambda row: (row.device != ANY, -indications.index(row.indication)), default=None)
