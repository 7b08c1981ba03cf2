"""CSV as RFC 4180 says: sessions, their zones, their findings, and every sample. Pure: values in, blocks of bytes out.

UTF-8, lines end with CR LF, one line of names first, units in the names, an empty cell for what was not recorded. Text
that a spreadsheet would take for a formula is defused (`cell`). What the columns mean stands in columns.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from devicelog.canonical import Json, canonical
from devicelog.packages.columns import FINDINGS, SESSIONS, ZONES, Column
from devicelog.packages.redaction import Shown
from devicelog.samples import COLUMNS, Placed, untold_columns

_FORMULA = frozenset("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")  # the last four: as some keyboards write = + - @
_ESCAPE = "'"
_QUOTED = frozenset(',"\r\n')
_BLOCK_ROWS = 1024
_NOTHING: Mapping[str, Any] = {}


def cell(value: object) -> str:
    """One cell: nothing for None, numbers as they are, text defused and quoted where it has to be.

    Text is defused by an apostrophe before it when a spreadsheet may take it for a formula: its first character, spaces
    apart, is = + - @, a tab, a line break or NUL. Text that begins with an apostrophe gets one more, so that whoever
    drops one from every text that begins with it has what was recorded.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if text[:1] == _ESCAPE or text.lstrip(" \u00a0")[:1] in _FORMULA:
        text = _ESCAPE + text
    return '"' + text.replace('"', '""') + '"' if not _QUOTED.isdisjoint(text) else text


def as_recorded(text: str) -> str:
    """The text of a cell that a reader of CSV gives, as it was before `cell`."""
    return text.removeprefix(_ESCAPE)


def sessions_csv(sessions: Iterable[Shown]) -> Iterator[bytes]:
    """One line a session or span."""
    return _blocks(SESSIONS, (_session(session) for session in sessions))


def zones_csv(sessions: Iterable[Shown]) -> Iterator[bytes]:
    """One line for each zone of each session, in the order in which they were turned to."""
    return _blocks(ZONES, (_zone(session["id"], zone) for session in sessions for zone in session["zones"]))


def findings_csv(sessions: Iterable[Shown]) -> Iterator[bytes]:
    """One line for all that was found, could not be assessed or had nothing to be assessed; what passed has none."""
    return _blocks(FINDINGS, (row for session in sessions for row in _findings(session)))


def readings_csv(frames: Iterable[Placed], untold: Sequence[str] = ()) -> Iterator[bytes]:
    """Every sample, with the columns of `sessions readings`, from the frames of `sample_frames`."""
    yield _line(COLUMNS).encode()
    line_of = _sample_lines(untold_columns(untold))
    lines: list[str] = []
    for placed in frames:
        line_of(placed, lines)
        if len(lines) >= _BLOCK_ROWS:
            yield "".join(lines).encode()
            lines.clear()
    if lines:
        yield "".join(lines).encode()


def _sample_lines(empty: frozenset[str]) -> Callable[[Placed, list[str]], None]:
    """What appends the lines of a frame, whose rows have most in common; `empty`: columns that stay so."""
    numbered, timed, restarts = (name not in empty for name in ("seq", "pen_t_us", "boot"))
    zones: dict[str, str] = {}  # a zone's cell: few zones, many frames

    def append(placed: Placed, lines: list[str]) -> None:
        block, record, arrived_us, zone, depth_by = placed
        named = zones.get(zone)
        if named is None:
            named = zones[zone] = cell(zone)
        head = f"{record},{arrived_us},{named},{block.boot if restarts else ''},"
        set_um, passes, strokes = block.depth_set_um, block.passes, block.strokes
        middle = f",{block.mode},{1 if block.motor_on else 0},{'' if set_um is None else set_um},"
        counters = f"{'' if passes is None else passes},{'' if strokes is None else strokes}"
        tail = f",{counters},{depth_by or ''}\r\n"
        none = ("",) * block.n
        depths, raws, frequencies = block.depth_um or none, block.raw_count or none, block.frequency_dhz or none
        bits, seq, t_us, period_us = block.contact_bits, block.seq, block.t_us, block.period_us
        for i, (depth, raw, frequency) in enumerate(zip(depths, raws, frequencies, strict=True)):
            number = (seq + i) % 4294967296 if numbered else ""
            at_us = (t_us + i * period_us) % 4294967296 if timed else ""
            contact = "" if bits is None else bits >> i & 1
            lines.append(f"{head}{number},{at_us}{middle}{depth},{raw},{frequency},{contact}{tail}")

    return append


def _blocks(columns: Sequence[Column], rows: Iterable[Json]) -> Iterator[bytes]:
    names = [column.name for column in columns]
    lines = [_line(names)]
    for row in rows:
        lines.append(_line([row[name] for name in names]))
        if len(lines) >= _BLOCK_ROWS:
            yield "".join(lines).encode()
            lines.clear()
    if lines:
        yield "".join(lines).encode()


def _line(values: Iterable[object]) -> str:
    return ",".join(map(cell, values)) + "\r\n"


# --- rows -------------------------------------------------------------------------------------------------------------


def _session(session: Shown) -> Json:
    pen, plan = session["pen"] or _NOTHING, session["plan"] or _NOTHING
    account, corrected = session["completeness"], session["attribution"] or _NOTHING
    boots = account["boots"]
    return {
        "session": session["id"],
        "kind": session["kind"],
        "mode": session["mode"],
        "status": session["status"],
        "verdict": session["verdict"],
        "opened_at": session["opened_at"],
        "closed_at": session["closed_at"],
        "clock": session["clock"]["confidence"],
        "duration_us": session["duration_us"],
        "end_cause": session["end_cause"],
        "client": session["client"],
        "client_ref": session["client_ref"],
        "practitioner": session["practitioner"],
        "auth": session["auth"],
        "plan": plan.get("id"),
        "plan_label": plan.get("label"),
        "indication": plan.get("indication"),
        "pens": len(session["pens"]),
        "pen_model": pen.get("model") or None,
        "pen_serial": pen.get("serial") or None,
        "pen_firmware": pen.get("firmware") or None,
        "pen_calibration": pen.get("calibration_id") or None,
        "cartridge": pen.get("cartridge") or None,
        "samples": sum(boot["decoded"] for boot in boots),
        "missing": None if any(boot["missing"] is None for boot in boots) else sum(boot["missing"] for boot in boots),
        "bytes_read": account["bytes_read"],
        "bytes_kept": account["bytes_kept"],
        "accounts_close": account["closes"],
        "findings": len(session["findings"]),
        "not_assessable": sum(row["result"] == "not assessable" for row in session["assessments"]),
        "notes": len(session["notes"]),
        "derivation": session["derivation"],
        "derivations": session["derivations"],
        "derived_sha256": session["derived"],
        "engine": session["engine"],
        "corrected_at": corrected.get("at"),
        "corrected_by": corrected.get("practitioner"),
        "correction_reason": corrected.get("reason"),
    }


def _zone(session: str, zone: Json) -> Json:
    depth, frequency, passes = zone["depth"] or _NOTHING, zone["frequency"] or _NOTHING, zone["passes"]
    sets_um = [row["depth_set_um"] for row in zone["at_set_depth"]]
    return {
        "session": session,
        "zone": zone["zone"],
        "samples": zone["samples"],
        "judged": zone["judged"],
        "contact_us": zone["contact_us"],
        "contact_unknown_us": zone["contact_unknown_us"],
        "paused_contact_us": zone["paused_contact_us"],
        "glides": zone["glides"],
        "longest_glide_us": zone["longest_glide_us"],
        "strokes": zone["strokes"],
        "passes_low": passes["low"],
        "passes_high": passes["high"],
        "passes_pen": passes["pen"],
        "passes_operator": passes["operator"],
        "depth_n": depth.get("n", 0),
        "depth_min_um": depth.get("min_um"),
        "depth_mean_um": depth.get("mean_um"),
        "depth_max_um": depth.get("max_um"),
        "depth_set_min_um": min(sets_um, default=None),
        "depth_set_max_um": max(sets_um, default=None),
        "frequency_min_dhz": frequency.get("min_dhz"),
        "frequency_mean_dhz": frequency.get("mean_dhz"),
        "frequency_max_dhz": frequency.get("max_dhz"),
        "plan_min_um": zone.get("plan_min_um"),  # engine 1 judged the dial by the greatest alone
        "plan_max_um": zone["plan_max_um"],
        "device_max_um": zone["device_max_um"],
        "tolerance_um": zone["tolerance_um"],
        "over_plan_us": _beyond_us(zone, "over_plan", "plan_max_um"),
        "under_plan_us": _beyond_us(zone, "under_plan", "plan_min_um"),
        "over_device_us": _beyond_us(zone, "over_device", "device_max_um"),
    }


def _beyond_us(zone: Json, key: str, limit: str) -> int | None:
    """For how long beyond a limit; None where there was none to judge by, or nothing to judge."""
    return int(zone[key]["for_us"]) if zone["judged"] and zone.get(limit) is not None else None


def _findings(session: Shown) -> Iterator[Json]:
    found = iter(session["findings"])
    number = 0
    for row in session["assessments"]:
        if row["result"] == "passed":
            continue
        finding = next(found) if row["result"] == "found" else _NOTHING
        number += 1
        yield {
            "session": session["id"],
            "number": number,
            "result": row["result"],
            "rule": row["rule"],
            "version": row["version"],
            "zone": row["zone"],
            "severity": finding.get("severity"),
            "message": finding.get("message"),
            "why": row["why"],
            "detail": canonical(finding["detail"]).decode() if finding else None,
        }
