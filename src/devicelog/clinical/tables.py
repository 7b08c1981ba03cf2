"""Reading the shipped table of limits and a clinic's overlay: what cannot be meant is refused by row and key. Pure.

An overlay is refused where it is not honest or not careful: without a source, over the hard maximum, raising one, for
a site or indication that nobody has heard of, or with a radio-frequency depth for a mechanical pen. Not responsible
for files (data.py) nor for which row holds (limits.py).
"""

import re
from collections.abc import Mapping
from typing import Any

from devicelog.clinical.keys import (
    MODALITIES,
    Json,
    Reader,
    Unexpected,
    depth,
    flag,
    grade,
    listed,
    one_of,
    pattern,
    suggest,
    take,
    text,
    version,
    whole,
    without_schema,
)
from devicelog.clinical.limits import ANY, Figure, Limits, Overlay, Row, Site, Source, known_indication, look_up
from devicelog.errors import UsageProblem

TABLE_SCHEMA = "devicelog.limits.table/1"
OVERLAY_SCHEMA = "devicelog.limits.overlay/1"
BASES = ("regulatory", "study", "derived", "clinic")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")  # as canonical bytes have keys
_OVERLAY_NAME = re.compile(r"[a-z0-9-]{1,40}\Z")
_HARD = ("hard_max_um", "hard_max_source", "hard_max_basis", "hard_max_evidence")


def read_limits(values: Mapping[str, Any]) -> Limits:
    """The shipped table. Raises UsageProblem, naming the row and key."""
    given = take(without_schema(values, TABLE_SCHEMA), _TABLE_KEYS, "")
    sources = _sources(given["sources"])
    limits = Limits(
        version=given["version"],
        threshold=Figure(**take(given["threshold"], _FIGURE_KEYS, "threshold: ")),
        sensor_tolerance=Figure(**take(given["sensor_tolerance"], _FIGURE_KEYS, "sensor_tolerance: ")),
        indications=given["indications"],
        same_as=given["same_as"],
        sites={
            key: Site(id=key, **take(site, _SITE_KEYS, f"site {key}: ", _SITE_KEYS.keys() - {"label"}))
            for key, site in given["sites"].items()
        },
        rows=_rows(given["limits"]),
        sources=sources,
    )
    for name in (*limits.same_as, *limits.same_as.values()):
        known_indication(limits, name)
    for number, row in enumerate(limits.rows, 1):
        _fits(row, _where(number, row), limits, sources)
        for key in _named_sources(row):
            if key not in sources:
                raise UsageProblem(f"{_where(number, row)}there is no source {key}.{suggest(key, sources)}")
    return limits


def read_overlay(values: Mapping[str, Any], limits: Limits) -> Overlay:
    """A clinic's overlay, as its file has it, against the shipped table. Raises UsageProblem, naming the row."""
    overlay = _overlay(values)
    check_overlay(overlay, limits)
    return overlay


def check_overlay(overlay: Overlay, limits: Limits) -> None:
    """Raise UsageProblem, naming the row, where an overlay cannot stand on the shipped table."""
    for number, row in enumerate(overlay.rows, 1):
        where = _where(number, row)
        _fits(row, where, limits, {**limits.sources, **overlay.sources})
        if not row.applies:
            raise UsageProblem(f"{where}applies = false: a row that nothing is compared with has no place here")
        _no_higher(row, where, limits)


def overlay_document(overlay: Overlay) -> Json:
    """The overlay as plain values, ready for canonical bytes; `overlay_from_document` reads them back."""
    sources = {
        key: {name: value for name, value in (("title", source.title), ("address", source.address)) if value}
        for key, source in overlay.sources.items()
    }
    return {
        "schema": OVERLAY_SCHEMA,
        "name": overlay.name,
        "version": overlay.version,
        "limits": [row.document() for row in overlay.rows],
        "sources": sources,
    }


def overlay_from_document(document: Mapping[str, Any]) -> Overlay:
    """Read back an overlay that was adopted. The shipped table may be another by now, so it is not asked again."""
    return _overlay(without_schema(document, OVERLAY_SCHEMA))


def _overlay(values: Mapping[str, Any]) -> Overlay:
    given = take(values, _OVERLAY_KEYS, "", ("sources",))
    rows = _rows(given["limits"])  # none at all: back to the shipped limits
    return Overlay(
        name=given["name"],
        version=given["version"],
        rows=rows,
        sources=_sources(given.get("sources", {}), ("address",)),
    )


def _rows(values: list[Any]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for number, value in enumerate(values, 1):
        where = _where(number, value)
        row = Row(**take(value, _ROW_KEYS, where, _ROW_KEYS.keys() - {"site", "indication"}))
        _whole_row(row, where)
        same = [first for first, other in enumerate(rows, 1) if _clash(row, other)]
        if same:
            raise UsageProblem(f"{where}says what row {same[0]} says, for the same site, indication and device")
        rows.append(row)
    return tuple(rows)


def _whole_row(row: Row, where: str) -> None:
    """What belongs together stands together, and the depths are in order."""
    if row.min_um is not None and row.max_um is not None and row.min_um > row.max_um:
        raise UsageProblem(f"{where}min_um = {row.min_um} is above max_um = {row.max_um}")
    if row.fallback is not None and (row.has_range or row.source or row.evidence):
        raise UsageProblem(f"{where}fallback borrows the range of another site, so the row has none of its own")
    if row.has_range or row.forbidden:
        if row.source is None or row.evidence in (None, "X"):
            raise UsageProblem(
                f"{where}a limit needs its source and its evidence grade, and X means that there is none"
            )
    elif row.source is not None or row.evidence not in (None, "X"):
        raise UsageProblem(f"{where}a source and no limit: min_um, max_um or forbidden is missing")
    if row.forbidden and (row.has_range or row.fallback):
        raise UsageProblem(f"{where}a forbidden site has no range")
    hard = [getattr(row, key) for key in _HARD]
    if any(value is not None for value in hard) and any(value is None for value in hard):
        raise UsageProblem(f"{where}a hard maximum needs all of {', '.join(_HARD)}")
    if row.hard_max_for is not None and row.hard_max_um is None:
        raise UsageProblem(f"{where}hard_max_for, and no hard maximum")
    if row.hard_max_evidence == "X":
        raise UsageProblem(f"{where}hard_max_evidence = 'X' means that there is no source")
    if not (row.about_range or row.has_range or row.forbidden or row.hard_max_um is not None):
        raise UsageProblem(
            f"{where}the row limits nothing: expected min_um, max_um, fallback, hard_max_um or forbidden"
        )


def _fits(row: Row, where: str, limits: Limits, sources: Mapping[str, Source]) -> None:
    """The row speaks of what there is, and of a pen only by what was found with a pen."""
    for site in (row.site, row.fallback):
        if site is not None and site not in limits.sites:
            known = ", ".join(limits.sites)
            raise UsageProblem(f"{where}there is no site {site}; there are: {known}.{suggest(site, limits.sites)}")
    if row.indication != ANY and row.indication not in limits.indications:
        known, near = ", ".join(limits.indications), suggest(row.indication, limits.indications)
        raise UsageProblem(f"{where}there is no indication {row.indication}; there are: {known}, {ANY}.{near}")
    if row.hard_max_for is not None and row.hard_max_for not in limits.indications:
        near = suggest(row.hard_max_for, limits.indications)
        raise UsageProblem(f"{where}hard_max_for: there is no indication {row.hard_max_for}.{near}")
    for key in _named_sources(row):
        source = sources.get(key)
        if row.modality == "mechanical" and source is not None and source.modality == "rf":
            raise UsageProblem(
                f"{where}{key} is about radio-frequency needling, which says nothing of a mechanical pen"
            )


def _no_higher(row: Row, where: str, limits: Limits) -> None:
    """Refuse what is over the shipped hard maximum of any case that the row holds for."""
    indications = limits.indications if row.indication == ANY else (row.indication,)
    devices = {row.device, *(other.device for other in limits.rows if row.device == ANY)}
    for indication in indications:
        for device in devices:
            found = look_up(limits, row.site, indication=indication, modality=row.modality, device=device)
            if found.banned is not None and row.has_range:
                raise UsageProblem(f"{where}{row.site} is not treated [{found.banned.source}]: no range can be given")
            shipped = found.hard
            if shipped is None or shipped.hard_max_um is None:
                continue
            hard_um = shipped.hard_max_um
            if row.hard_max_um is not None and row.hard_max_um > hard_um:
                raise UsageProblem(
                    f"{where}hard_max_um = {row.hard_max_um} is above the shipped hard maximum {hard_um} "
                    f"[{shipped.hard_max_source}]: an overlay may lower a hard maximum, never raise it"
                )
            _under(row, where, hard_um, shipped.hard_max_source)
    if row.hard_max_um is not None:
        _under(row, where, row.hard_max_um, row.hard_max_source)


def _under(row: Row, where: str, hard_um: int, source: str | None) -> None:
    for key, value in (("min_um", row.min_um), ("max_um", row.max_um)):
        if value is not None and value > hard_um:
            raise UsageProblem(f"{where}{key} = {value} is above the hard maximum {hard_um} [{source}]")


def _clash(row: Row, other: Row) -> bool:
    """Whether both say the same kind of thing of the same case; rows that do not apply may be many."""
    key = (row.site, row.indication, row.modality, row.device)
    if key != (other.site, other.indication, other.modality, other.device):
        return False
    return (
        (row.about_range and other.about_range)
        or (row.hard_max_um is not None and other.hard_max_um is not None)
        or (row.forbidden and other.forbidden)
    )


def _named_sources(row: Row) -> list[str]:
    return [key for key in (row.source, row.hard_max_source, row.note_source) if key is not None]


def _where(number: int, value: object) -> str:
    site = value.site if isinstance(value, Row) else (value.get("site") if isinstance(value, Mapping) else None)
    return f"row {number} ({site}): " if isinstance(site, str) and _NAME.match(site) else f"row {number}: "


def _sources(values: Mapping[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Source]:
    kept = (*optional, "modality")
    return {key: Source(**take(value, _SOURCE_KEYS, f"source {key}: ", kept)) for key, value in values.items()}


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and _KEY.match(key) for key in value):
        raise Unexpected("names of a-z, 0-9 and _, each with its values")
    return dict(value)


def _indications(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Unexpected("names of a-z, 0-9, _ and -, each with its label")
    return {_name(key): text(label) for key, label in value.items()}


def _columns(value: object) -> tuple[tuple[str, tuple[int, int]], ...]:
    if not isinstance(value, Mapping):
        raise Unexpected("the columns of the source, each from and to")
    read = []
    for name, span in value.items():
        if not isinstance(span, list | tuple) or len(span) != 2:
            raise Unexpected("the columns of the source, each from and to")
        read.append((_column(name), (depth(span[0]), depth(span[1]))))
    return tuple(read)


_name = pattern(_NAME, "a name of a-z, 0-9, _ and -")
_column = pattern(_KEY, "columns named with a-z, 0-9 and _")
_list = listed("a list of limits, each under [[limits]]")
_SOURCE_KEYS: dict[str, Reader] = {"title": text, "address": text, "modality": one_of(MODALITIES)}
_FIGURE_KEYS: dict[str, Reader] = {"depth_um": depth, "source": text, "evidence": grade}
_SITE_KEYS: dict[str, Reader] = {
    "label": text,
    "skin_men_um": depth,
    "skin_women_um": depth,
    "skin_source": text,
    "skin_evidence": grade,
}
_ROW_KEYS: dict[str, Reader] = {
    "site": text,
    "indication": text,
    "modality": one_of(MODALITIES),
    "device": text,
    "applies": flag,
    "fallback": text,
    "min_um": depth,
    "max_um": depth,
    "source": text,
    "evidence": grade,
    "columns": _columns,
    "hard_max_um": whole(1, 10_000, "micrometres"),
    "hard_max_source": text,
    "hard_max_basis": one_of(BASES),
    "hard_max_evidence": grade,
    "hard_max_for": text,
    "forbidden": flag,
    "note": text,
    "note_source": text,
    "note_evidence": grade,
}
_TABLE_KEYS: dict[str, Reader] = {
    "version": version,
    "indications": _indications,
    "same_as": _indications,
    "threshold": lambda value: value,
    "sensor_tolerance": lambda value: value,
    "sites": _table,
    "limits": _list,
    "sources": _table,
}
_OVERLAY_KEYS: dict[str, Reader] = {
    "name": pattern(_OVERLAY_NAME, "1 to 40 of a-z, 0-9 and -"),
    "version": version,
    "limits": _list,
    "sources": _table,
}
