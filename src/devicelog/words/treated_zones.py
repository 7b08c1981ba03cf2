"""The zones of a treatment record in words: a table, what its numbers rest on, and what an estimate assumes. Pure."""

from collections.abc import Iterator

from devicelog.canonical import Json
from devicelog.words.planned import change_words, in_turn
from devicelog.words.treatment import NOT_RECORDED, amended, changes, recorded
from devicelog.words.units import mm, mm_range

ZONE_HEAD = ("zone", "plan mm", "limit mm", "max", "set mm", "measured", "Hz", "passes", "end-point", "per cm²")
_DASH = "-"


def zone_rows(session: Json) -> list[tuple[str, ...]]:
    """By zone as in ZONE_HEAD."""
    return [_zone(row) for row in _zones(session)]


def zone_lines(session: Json) -> Iterator[str]:
    """By zone what stands in ZONE_HEAD and not in the table of what was measured: limits, end-point, estimate."""
    names = {2: "limit mm", 3: "at most mm", 8: "end-point", 9: "punctures per cm²"}
    for row in zone_rows(session):
        told = [f"{name} {row[column]}" for column, name in names.items() if row[column] != _DASH]
        if told:
            yield f"{row[0]}: {', '.join(told)}"


def zone_notes(session: Json, absent: str) -> Iterator[str]:
    """What the numbers of the table rest on: sources and grades, and what the estimate assumes."""
    rows = _zones(session)
    said: dict[str, list[str]] = {}
    for row in rows:
        for told in _based(row):
            said.setdefault(told, []).append(row["zone"])
    for told, zones in said.items():
        yield f"{told} ({', '.join(zones)})"
    made = changes((session.get("treatment") or {}).get("zones"))
    yield from (f"AMENDED {amended(each, absent)}" for each in made)
    counted = [row for row in rows if row["dose"]["punctures_per_cm2"] is not None]
    if counted:
        assumed = dict.fromkeys(word for row in counted for word in row["dose"]["assumes"])
        yield "per cm²: punctures, an upper bound by geometry and no dose; no threshold is known"
        yield f"assumed for it: {'; '.join(assumed)}"
    why = dict.fromkeys(word for row in rows for word in row["dose"]["why_not"])
    if why:
        yield f"punctures per cm² not computable where {', or '.join(why)}"


# --- a row ------------------------------------------------------------------------------------------------------------


def _zones(session: Json) -> list[Json]:
    told = recorded((session.get("treatment") or {}).get("zones"))
    return told if isinstance(told, list) else []


def _zone(row: Json) -> tuple[str, ...]:
    planned, limits, depth, speed = row["planned"], row["limits"], row["depth_um"], row["speed_dhz"]
    passes, ends, punctures = row["passes"], row["endpoint"], row["dose"]["punctures_per_cm2"]
    most = None if limits == NOT_RECORDED else limits["hard_max_um"]
    return (
        row["zone"],
        _DASH if planned == NOT_RECORDED else in_turn(_plans(planned)),
        _DASH if limits == NOT_RECORDED else _limit(limits),
        _DASH if most is None else mm(most),
        _DASH if row["set_um"] == NOT_RECORDED else mm_range(row["set_um"]["min"], row["set_um"]["max"]),
        _DASH if depth == NOT_RECORDED else mm_range(depth["min"], depth["max"]),
        _DASH if speed == NOT_RECORDED else str((speed["mean"] + 5) // 10),
        _DASH if passes == NOT_RECORDED else _range(passes["low"], passes["high"]),
        _DASH if ends == NOT_RECORDED else ", ".join(dict.fromkeys(each["grade"] for each in ends)),
        _DASH if punctures is None else str(punctures),
    )


def _plans(planned: Json) -> list[Json]:
    return [*([] if planned["depth_max_um"] == NOT_RECORDED else [planned]), *planned["changes"]]


def _limit(limits: Json) -> str:
    if limits["forbidden"]:
        return "FORBIDDEN"
    return _DASH if limits["max_um"] is None else mm_range(limits["min_um"] or 0, limits["max_um"])


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _based(row: Json) -> Iterator[str]:
    limits = row["limits"]
    if row["zone"] == "unassigned":
        return
    if row["planned"] != NOT_RECORDED:
        yield from map(change_words, row["planned"]["changes"])
    if (earlier := row["earlier_in_visit"]) != NOT_RECORDED:
        low, high = earlier["passes_low"], earlier["passes_high"]
        passes = NOT_RECORDED if NOT_RECORDED in (low, high) else _range(low, high)
        yield f"passes in earlier parts of the visit: {passes}"
    if row["days_since"] != NOT_RECORDED:
        yield f"days since it was treated before: {row['days_since']}"
    if limits == NOT_RECORDED:
        yield "no limits of sites were named"
        return
    if limits["max_um"] is None:
        yield "limit: no source was found"
    else:
        lent = f", borrowed from {limits['fallback']}" if limits["fallback"] else ""
        own = ", of the clinic" if limits["from"] == "overlay" else ""
        yield f"limit: {limits['source'] or 'no source'}, evidence {limits['evidence']}{lent}{own}"
    if limits["hard_max_um"] is not None:
        basis = f", {limits['hard_max_basis']}" if limits["hard_max_basis"] else ""
        basis += f", for {limits['hard_max_for']}" if limits["hard_max_for"] else ""
        yield f"at most: {limits['hard_max_source'] or 'no source'}, evidence {limits['hard_max_evidence']}{basis}"
