"""`plans` and `zones`: what a session can be planned with, where it can be recorded, and which limits hold there.

The limits and plans a clinic has adopted stand beside the shipped ones where there is a database. Checking and adopting
files is in adopting.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.adopting import adopted, check_limits, check_plan, import_limits, import_plan
from devicelog.cli.common import data_dir_option, json_option, print_json, table
from devicelog.words.units import mm

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.clinical.limits import Limits, Overlay, Row, Source
    from devicelog.clinical.plan import Plan, PlanZone, Zone

_APPROVAL = "A clinician must approve every limit before it is used on people."
_GRADES = "Grades: A law or peer-reviewed, B manufacturer, C second-hand, D common practice, DER derived, X none."


@click.group()
def plans() -> None:
    """Plans: the intended depth, zone by zone."""


@click.group()
def zones() -> None:
    """Zones: where on the body a session is recorded. Each with its codes and the limits that hold there."""


plans.add_command(check_plan)
plans.add_command(import_plan)
zones.add_command(check_limits)
zones.add_command(import_limits)


@plans.command("list")
@data_dir_option
@json_option
def list_plans(data_dir: Path | None, as_json: bool) -> None:
    """The shipped plans and the clinic's own: indication, zones, and what they ask to have on record."""
    shipped, own = _plans(data_dir)
    if as_json:
        both = [plan.document() for plan in [*shipped, *own]]
        print_json({"schema": "devicelog.plans/1", "plans": both, "adopted": [plan.id for plan in own]})
        return
    rows = [("plan", "what", "indication", "zones", "asks for", "")]
    for plan in [*shipped, *own]:
        asks = ", ".join(plan.checks) or "nothing"
        where = "adopted" if plan in own else ""
        rows.append((plan.id, plan.label, plan.indication, str(len(plan.zones)), asks, where))
    click.echo("\n".join(table(rows)))
    click.echo()
    click.echo(f"Depths, sources and grades of one: `plans show NAME`. {_APPROVAL}")


@plans.command("show")
@click.argument("name")
@data_dir_option
@json_option
def show_plan(name: str, data_dir: Path | None, as_json: bool) -> None:
    """One plan, by name or as a .toml file: the source and evidence grade of every depth."""
    from devicelog.clinical import data

    _, own = _plans(data_dir)
    plan = next((plan for plan in own if plan.id == name), None) or data.load_plan(name, [plan.id for plan in own])
    sources = _sources(data.load_limits().sources, [plan.series_source, *(entry.source for entry in plan.zones)])
    if as_json:
        where = "adopted" if plan in own else ("file" if name.endswith(".toml") else "shipped")
        print_json({"schema": "devicelog.plan-shown/1", "plan": plan.document(), "from": where, "sources": sources})
        return
    click.echo(f"{plan.id}: {plan.label}, {plan.indication}")
    rows = [("zone", "depth set", "passes", "area", "source", "grade", ""), *_depths(plan)]
    said = [column for column in zip(*rows, strict=True) if set(column[1:]) != {"-"}]
    _print_table(list(zip(*said, strict=True)))
    click.echo()
    if plan.checks:
        click.echo(f"asks for: {', '.join(plan.checks)}")
    if plan.series_source:
        click.echo(f"series: {_series(plan)} [{plan.series_source}] {plan.series_evidence}")
    _print_sources(sources)
    click.echo(_GRADES)
    click.echo(f"Dial settings, not depth reached in tissue. {_APPROVAL}")


@zones.command("list")
@json_option
def list_zones(as_json: bool) -> None:
    """Every zone; left and right are the treated person's. The codes name its skin to other programs."""
    from devicelog.clinical import data, plan

    known = data.load_zones()
    if as_json:
        print_json(plan.zones_document(known))
        return
    rows = [(zone.id, zone.laterality, zone.snomed or "-", zone.nhs or "-", zone.label) for zone in known.values()]
    _print_table([("zone", "side", "SNOMED CT", "NHS", "where"), *rows])
    click.echo()
    click.echo(f"Which limits hold in one: `zones show ID`. {_APPROVAL}")


@zones.command("show")
@click.argument("zone", metavar="ID")
@data_dir_option
@json_option
def show_zone(zone: str, data_dir: Path | None, as_json: bool) -> None:
    """The limits that hold in one zone, by indication, and what else was published, with every source."""
    from devicelog.clinical import data
    from devicelog.errors import NotFound

    known, limits = data.load_zones(), data.load_limits()
    if zone not in known:
        raise NotFound(f"there is no zone {zone}. `zones list` shows those there are.{data.suggest(zone, known)}")
    document = _zone_document(known[zone], limits, adopted(data_dir).overlay)
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(_zone_text(document)))
        _print_sources(document["sources"])
        click.echo(_GRADES)
        click.echo(f"Dial settings, not depth reached in tissue. {_APPROVAL}")


def _plans(data_dir: Path | None) -> "tuple[list[Plan], list[Plan]]":
    from devicelog.clinical import data

    return data.list_plans(), adopted(data_dir).plans


def _zone_document(zone: "Zone", limits: "Limits", overlay: "Overlay | None") -> "Json":
    from devicelog.clinical.limits import resolve
    from devicelog.clinical.plan import zones_document

    held = []
    for modality in ("mechanical", "rf"):
        for indication in limits.indications if modality == "mechanical" else ["any"]:
            resolved = resolve(limits, {zone.id: zone}, indication=indication, modality=modality, overlay=overlay)
            held.append({"indication": indication, "modality": modality, **resolved["zones"][0]})
    rows = [row for row in limits.rows if row.site == zone.site and not row.applies]
    notes = [row for row in limits.rows if row.site == zone.site and row.applies and row.note]
    site = limits.sites[zone.site]
    skin = {key: getattr(site, f"skin_{key}") for key in ("men_um", "women_um", "source", "evidence")}
    used: list[str | None] = [row[key] for row in held for key in ("source", "hard_max_source")]
    used += [site.skin_source, *(row.source for row in rows), *(row.note_source for row in notes)]
    return {
        "schema": "devicelog.zone/1",
        "zone": zones_document({zone.id: zone})["zones"][0],
        "limits": held,
        "version": limits.version,
        "overlay": None if overlay is None else {"name": overlay.name, "version": overlay.version},
        "published": [row.document() for row in rows],
        "notes": [_note(row) for row in notes],
        "skin": skin,
        "sources": _sources({**limits.sources, **(overlay.sources if overlay else {})}, used),
    }


def _note(row: "Row") -> "Json":
    source, evidence = row.note_source or row.source, row.note_evidence or row.evidence
    return {"indication": row.indication, "modality": row.modality, "note": row.note, "source": source} | {
        "evidence": evidence
    }


def _zone_text(document: "Json") -> list[str]:
    zone, skin = document["zone"], document["skin"]
    codes = f"SNOMED CT {zone.get('snomed', '-')}, NHS {zone.get('nhs', '-')}"
    overlay = document["overlay"]
    own = "" if overlay is None else f", with {overlay['name']} version {overlay['version']} of the clinic"
    lines = [f"{zone['id']}: {zone['label']} ({zone['laterality']}; {codes})"]
    lines.append(f"limits version {document['version']}{own}")
    rows = [("indication", "recommended", "source", "grade", "hard maximum", "source", "grade", "")]
    for row in document["limits"]:
        name = row["indication"] if row["modality"] == "mechanical" else "(radio frequency)"
        hard = "none" if row["hard_max_um"] is None else f"{mm(row['hard_max_um'])} mm"
        hard_source, hard_grade = row["hard_max_source"] or "-", row["hard_max_evidence"]
        rows.append(
            (name, _range(row), row["source"] or "-", row["evidence"], hard, hard_source, hard_grade, _said(row))
        )
    lines += [f"  {line}" for line in table(rows)]
    for row in document["published"]:
        more = f": {row['note']}" if "note" in row else ""
        lines.append(
            f"published, not applied: {row['indication']} {_range(row)} [{row['source']}] {row['evidence']}{more}"
        )
    lines += [
        f"{note['indication']}: {note['note']} [{note['source']}] {note['evidence']}"
        for note in document["notes"]
        if note["modality"] == "mechanical"
    ]
    if skin["men_um"] is not None:
        men, women = mm(skin["men_um"]), mm(skin["women_um"])
        lines.append(f"mean thickness of the skin: men {men}, women {women} mm [{skin['source']}] {skin['evidence']}")
    return lines


def _range(row: "Json") -> str:
    least_um, most_um = row.get("min_um"), row.get("max_um")
    if row.get("forbidden"):
        return "none"
    if least_um is None:
        return "no source" if most_um is None else f"up to {mm(most_um)} mm"
    return f"from {mm(least_um)} mm" if most_um is None else f"{mm(least_um)}–{mm(most_um)} mm"


def _said(row: "Json") -> str:
    said = ["NOT TREATED"] if row["forbidden"] else []
    if row["fallback"] is not None:
        said.append(f"borrowed from {row['fallback']}: the source does not name this site")
    if row["hard_max_for"] not in (None, row["indication"]):
        said.append(f"the hard maximum is for {row['hard_max_for']}")
    if row["from"] == "overlay":
        said.append("the clinic's")
    return "; ".join(said)


def _series(plan: "Plan") -> str:
    days = [str(day) for day in (plan.interval_min_days, plan.interval_max_days) if day is not None]
    sessions = [str(number) for number in (plan.sessions_min, plan.sessions) if number is not None]
    said = [f"every {'–'.join(days)} days"] if days else []
    return ", ".join([*said, f"{'–'.join(sessions)} sessions"] if sessions else said)


def _depths(plan: "Plan") -> list[tuple[str, ...]]:
    return [
        (
            entry.zone,
            f"{mm(entry.depth_min_um)}–{mm(entry.depth_max_um)} mm",
            _passes(entry),
            "-" if entry.area_cm2 is None else f"{entry.area_cm2} cm²",
            entry.source,
            entry.evidence,
            "" if entry.sourced else "borrowed: the source does not name this site",
        )
        for entry in plan.zones
    ]


def _passes(entry: "PlanZone") -> str:
    """How many the plan intends; `-` where it intends no number."""
    least, most = entry.passes_min, entry.passes_max
    if least is None or most is None:
        return "-" if least == most else f"from {least}" if most is None else f"up to {most}"
    return str(least) if least == most else f"{least}–{most}"


def _sources(known: "Mapping[str, Source]", used: "Iterable[str | None]") -> "Json":
    named = sorted({key for key in used if key is not None and key in known})
    return {key: {"title": known[key].title, "address": known[key].address} for key in named}


def _print_sources(sources: "Json") -> None:
    for key, source in sources.items():
        click.echo(f"{key}: {source['title']}" + (f", {source['address']}" if source["address"] else ""))


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    for line in table(rows):
        click.echo(f"  {line}")
