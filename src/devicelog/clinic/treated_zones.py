"""Each zone of a session as a treatment record has it: intended, allowed, measured, seen, and a dose estimate. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from devicelog.canonical import Json
from devicelog.clinic.sitting import NOT_RECORDED, recorded
from devicelog.clinical.dose import dose

_LIMITS = (
    *("min_um", "max_um", "source", "evidence", "sourced", "fallback"),
    *("hard_max_um", "hard_max_source", "hard_max_basis", "hard_max_evidence", "hard_max_for"),
    *("forbidden", "from"),
)
_UNASSIGNED = "unassigned"


def treated_zones(facts: Json, plan: Json | None, needles: Sequence[int | None]) -> list[Json]:
    """One row a zone in which something was done. `plan`: its document; `needles`: of each cartridge that was on."""
    planned = {zone["zone"]: zone for zone in plan["zones"]} if plan else {}
    limited = {zone["zone"]: zone for zone in (facts.get("limits") or {}).get("zones", ())}
    days = {row["zone"]: row["days"] for row in (facts.get("clinic") or {}).get("before", ())}
    done = {row["zone"]: row for row in (facts.get("clinic") or {}).get("visit_done", ())}
    changed: Iterable[Json] = facts.get("plan_changes") or ()
    return [
        _row(zone, planned.get(zone["zone"]), limited.get(zone["zone"]), needles)
        | {
            "planned": _planned(planned.get(zone["zone"]), [row for row in changed if row["zone"] == zone["zone"]]),
            "endpoint": end_points(facts, zone["zone"]) or NOT_RECORDED,
            "days_since": recorded(days.get(zone["zone"])),
            "earlier_in_visit": _earlier(done.get(zone["zone"])),
        }
        for zone in facts["zones"]
        if _anything(zone)
    ]


def end_points(facts: Json, zone: str) -> list[Json]:
    """Every end-point that was noted in a zone, in order: `grade` and `at_us`."""
    noted: Iterable[Json] = facts.get("endpoints") or ()
    return [{"grade": row["grade"], "at_us": row["at_us"]} for row in noted if row["zone"] == zone]


def estimate(zone: Json, area_cm2: int | None, needles: Sequence[int | None]) -> Json:
    """Punctures per square centimetre as an upper bound, or why there is none (clinical/dose.py).

    Of several cartridges the one with most needles is counted; where one of them is not known, none is.
    """
    frequency, known = zone["frequency"], [number for number in needles if number is not None]
    unseen = zone["contact_unknown_us"]
    estimated = dose(
        frequency_dhz=frequency["max_dhz"] if frequency else None,
        contact_us=None if unseen else zone["contact_us"],
        motor_us=zone["contact_us"] + unseen if unseen else None,
        needles=max(known) if known and len(known) == len(needles) else None,
        area_cm2=area_cm2,
    )
    return {**estimated.document(), "threshold": None}


def _row(zone: Json, planned: Json | None, limit: Json | None, needles: Sequence[int | None]) -> Json:
    sets = [row["depth_set_um"] for row in zone["at_set_depth"]]
    counted = zone["passes"]
    return {
        "zone": zone["zone"],
        "limits": {key: limit.get(key) for key in _LIMITS} if limit else NOT_RECORDED,
        "set_um": {"min": min(sets), "max": max(sets)} if sets else NOT_RECORDED,
        "depth_um": _of(zone["depth"], "um"),
        "speed_dhz": _of(zone["frequency"], "dhz"),
        "passes": dict(counted) if any(value is not None for value in counted.values()) else NOT_RECORDED,
        "on_skin_us": NOT_RECORDED if zone["contact_unknown_us"] else zone["contact_us"],
        "serum": NOT_RECORDED,
        "dose": estimate(zone, (planned or {}).get("area_cm2"), needles),
    }


def _planned(planned: Json | None, changes: list[Json]) -> Json | str:
    """What the plan says, and in `changes` what was marked since, with who and when. Marks may be all there is."""
    if planned is None and not changes:
        return NOT_RECORDED
    keys = ("depth_min_um", "depth_max_um", "passes_min", "passes_max", "area_cm2", "source", "evidence")
    made = [{key: value for key, value in row.items() if key != "zone"} for row in changes]
    return {key: recorded((planned or {}).get(key)) for key in keys} | {"changes": made}


def _of(measured: Json | None, unit: str) -> Json | str:
    return {key: measured[f"{key}_{unit}"] for key in ("min", "mean", "max")} if measured else NOT_RECORDED


def _earlier(done: Mapping[str, object] | None) -> Json | str:
    return {key: recorded(done[key]) for key in ("passes_low", "passes_high")} if done else NOT_RECORDED


def _anything(zone: Json) -> bool:
    """Whether there is something to tell of it: the place of no zone counts only where the pen was on the skin."""
    return bool(zone["zone"] != _UNASSIGNED or zone["contact_us"] or zone["contact_unknown_us"])
