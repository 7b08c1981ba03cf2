"""A plan set against the limits before anybody needles by it: what refuses it, and what is worth a word. Pure.

A plan over a hard maximum is refused: an override is a decision about one person on one day, with a reason, and never
a plan. A depth that is planned anew while it is done is held to the same, but there that override can be given. Not
responsible for what is done in a session: rules judge that.
"""

from collections.abc import Collection
from dataclasses import dataclass

from devicelog.clinical.keys import Json, suggest
from devicelog.clinical.limits import Limits, Overlay, resolve
from devicelog.clinical.plan import Plan, PlanZone, Zone
from devicelog.errors import UsageProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarks:
    """What stands against a plan, in words: `refused` must be mended, `warned` may be meant."""

    refused: tuple[str, ...]
    warned: tuple[str, ...]


def remarks_on(plan: Plan, limits: Limits, zones: dict[str, Zone], overlay: Overlay | None = None) -> Remarks:
    """What the limits say about the plan, in the order of its zones."""
    refused, warned = [], []
    if plan.indication not in limits.indications:
        near = suggest(plan.indication, limits.indications)
        known = ", ".join(limits.indications)
        refused.append(f"there is no indication {plan.indication}; there are: {known}.{near}")
    modality = plan.modality or "mechanical"
    resolved = resolve(limits, zones, indication=plan.indication, modality=modality, overlay=overlay)
    threshold_um = resolved["threshold"]["depth_um"]
    rows = {row["zone"]: row for row in resolved["zones"]}
    for entry in plan.zones:
        row = rows[entry.zone]
        problem = _refusal(entry, row)
        if problem:
            refused.append(f"{entry.zone}: {problem}")
            continue
        warned += [f"{entry.zone}: {words}" for words in _warnings(entry, row)]
        if entry.depth_max_um >= threshold_um:
            source = resolved["threshold"]["source"]
            warned.append(f"{entry.zone}: {entry.depth_max_um} µm reaches {threshold_um} µm, a line in law [{source}]")
    return Remarks(refused=tuple(refused), warned=tuple(warned))


def refuse(remarks: Remarks) -> None:
    """Raise UsageProblem with all that refuses the plan, if anything does."""
    if remarks.refused:
        raise UsageProblem("; ".join(remarks.refused))


HARD_MAX = "depth.over_hard_max"  # the rule whose override lets a plan mark through


def remarks_on_mark(zone: str, depth_max_um: int, row: Json | None, allowed: Collection[str]) -> Remarks:
    """What the limits say about a greatest depth (µm) that is marked as planned in a zone while it is done.

    `row`: of the zone in a limits document, None where there are no limits. `allowed`: the rules for which an override
    was given here before. One thing refuses it at most.
    """
    if row is None:
        return Remarks(refused=(), warned=())
    depth, hard_um, most_um = _mm(depth_max_um), row["hard_max_um"], row["max_um"]
    if row["forbidden"]:
        told = f"{zone} is not treated [{row['source']}], and nothing is planned there: no override is for that"
        return Remarks(refused=(told,), warned=())
    if hard_um is not None and depth_max_um > hard_um and HARD_MAX not in allowed:
        told = f"{depth} is above the hard maximum {_mm(hard_um)} of {zone} [{row['hard_max_source']}]"
        meant = f"if it is meant, say why first, in that zone: override {HARD_MAX} REASON"
        return Remarks(refused=(f"{told}; {meant}",), warned=())
    if most_um is not None and depth_max_um > most_um:
        told = f"{depth} is above the recommended {_mm(most_um)} of {zone} [{row['source']}] {row['evidence']}"
        return Remarks(refused=(), warned=(told,))
    return Remarks(refused=(), warned=())


def _mm(um: int) -> str:
    return f"{um / 1000:g} mm"


def _refusal(entry: PlanZone, row: Json) -> str | None:
    if row["forbidden"]:
        return f"{row['site']} is not treated [{row['source']}]"
    hard_um = row["hard_max_um"]
    if hard_um is not None and entry.depth_max_um > hard_um:
        return (
            f"depth_max_um = {entry.depth_max_um} is above the hard maximum {hard_um} [{row['hard_max_source']}]: "
            "an override is given with a reason when it is done, not planned"
        )
    return None


def _warnings(entry: PlanZone, row: Json) -> list[str]:
    least_um, most_um = row["min_um"], row["max_um"]
    unlimited = ["no source supports a hard maximum here"] if row["hard_max_um"] is None else []
    if least_um is None and most_um is None:
        return ["no source recommends a depth here for this indication", *unlimited]
    said = []
    if most_um is not None and entry.depth_max_um > most_um:
        grade = f"[{row['source']}] {row['evidence']}"
        said.append(f"depth_max_um = {entry.depth_max_um} is above the recommended {most_um} {grade}")
    if least_um is not None and entry.depth_min_um < least_um:
        said.append(f"depth_min_um = {entry.depth_min_um} is below the recommended {least_um} [{row['source']}]")
    if row["fallback"] is not None:
        said.append(f"the range is borrowed from {row['fallback']}: no source names this site")
    return [*said, *unlimited]
