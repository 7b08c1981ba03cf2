"""What was planned of a zone, and how it was changed meanwhile: beside the plan, at a finding, in a chart. Pure.

From the document that `sessions show --json` prints. A change holds from its mark on; what was needled before stays
judged by what was planned then.
"""

from devicelog.canonical import Json
from devicelog.words.units import mm, mm_range, seconds

_JUDGED = {"depth.over_plan", "depth.under_plan"}


def changes_of(session: Json, zone: str) -> list[Json]:
    """The changes of one zone's plan, in order; none in a session from before they could be marked."""
    return [change for change in session.get("plan_changes") or () if change["zone"] == zone]


def ranges(session: Json, zone: str) -> str:
    """The planned depths in mm, one after the other: `0.30–0.40, then 0.10–0.50`; `none` where none were planned."""
    planned = next((row for row in session["plan_zones"] if row["zone"] == zone), None)
    return in_turn([*([planned] if planned else []), *changes_of(session, zone)]) or "none"


def in_turn(rows: list[Json]) -> str:
    """Depths in mm of rows with `depth_min_um` and `depth_max_um`, one after the other."""
    return ", then ".join(mm_range(row["depth_min_um"], row["depth_max_um"]) for row in rows)


def range_typed(change: Json) -> str:
    """A change as it is typed after `mark plan ZONE`."""
    depths = f"{mm(change['depth_min_um'])}-{mm(change['depth_max_um'])}"
    passes = (change["passes_min"], change["passes_max"])
    return depths if None in passes else f"{depths} passes {passes[0]}-{passes[1]}"


def change_words(change: Json) -> str:
    """A change: to what, when and by whom."""
    who = change.get("actor")
    passes = [change["passes_min"], change["passes_max"]]
    counted = f", passes {passes[0]} to {passes[1]}" if None not in passes else ""
    by = f" by {who}" if who else ""
    depths = mm_range(change["depth_min_um"], change["depth_max_um"])
    return f"plan changed to {depths} mm{counted} at {seconds(change['at_us'])}{by}"


def changed(session: Json) -> list[str]:
    """Every change of the plan, a line each."""
    return [f"{change['zone']}: {change_words(change)}" for change in session.get("plan_changes") or ()]


def limit_words(session: Json, finding: Json) -> str:
    """Whose limit a finding about the plan was held against: that of its first sample. Empty of other findings."""
    if finding["rule"] not in _JUDGED:
        return ""
    first = finding["detail"].get("first_record")
    before = [each for each in changes_of(session, finding["zone"]) if first is not None and each["record"] <= first]
    if before:
        return f"; {change_words(before[-1])}"
    planned = next((row for row in session["plan_zones"] if row["zone"] == finding["zone"]), None)
    if planned is None:
        return ""
    return f"; plan {session['plan']['id']}, source {planned['source']}, evidence {planned['evidence']}"


def held(session: Json, zone: Json, span: Json) -> tuple[int | None, int | None]:
    """Smallest and greatest planned depth (µm) under which a span in this zone was needled; None where there was none.

    A span says the greatest; of the changes with that depth which were made before its end, it was the newest.
    """
    changes = changes_of(session, zone["zone"])
    if not changes:
        return zone.get("plan_min_um"), zone.get("plan_max_um")
    fits = [row for row in changes if row["at_us"] <= span["to_us"] and row["depth_max_um"] == span["plan_max_um"]]
    fits = fits[-1:] or [row for row in session["plan_zones"] if row["zone"] == zone["zone"]]
    return (fits[0]["depth_min_um"], fits[0]["depth_max_um"]) if fits else (None, None)
