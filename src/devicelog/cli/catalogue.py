"""`plans` and `zones`: what a session can be planned with, and where on the body it can be recorded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import print_json, table
from devicelog.words.units import mm

if TYPE_CHECKING:
    from devicelog.clinical.plan import Plan

_APPROVAL = "A clinician must approve every limit before it is used on people."


@click.group()
def plans() -> None:
    """Plans: the intended depth, zone by zone."""


@click.group()
def zones() -> None:
    """Zones: where on the body a session is recorded."""


@plans.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def list_plans(as_json: bool) -> None:
    """The shipped plans, with the source and evidence grade of every depth."""
    from devicelog.clinical import data

    shipped = data.list_plans()
    if as_json:
        print_json({"schema": "devicelog.plans/1", "plans": [plan.document() for plan in shipped]})
        return
    for plan in shipped:
        click.echo(f"{plan.id}: {plan.label}, {plan.indication}")
        _print_table([("zone", "depth set", "source", "grade", ""), *_rows(plan)])
        click.echo()
    sources = data.load_sources()
    for key in sorted({entry.source for plan in shipped for entry in plan.zones}):
        click.echo(f"{key}: {sources[key]}")
    click.echo("Grades: A law or peer-reviewed, B manufacturer, C second-hand, D common practice, DER derived, X none.")
    click.echo(f"Dial settings, not depth reached in tissue. {_APPROVAL}")


@zones.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def list_zones(as_json: bool) -> None:
    """Every zone; left and right are the treated person's."""
    from devicelog.clinical import data, plan

    known = data.load_zones()
    if as_json:
        print_json(plan.zones_document(known))
        return
    rows = [(zone.id, zone.laterality, zone.label) for zone in known.values()]
    _print_table([("zone", "side", "where"), *rows])
    click.echo()
    click.echo(
        "A zone carries no limit; a plan does. A clinician must approve every limit before it is used on people."
    )


def _rows(plan: "Plan") -> list[tuple[str, ...]]:
    return [
        (
            entry.zone,
            f"{mm(entry.depth_min_um)}–{mm(entry.depth_max_um)} mm",
            entry.source,
            entry.evidence,
            "" if entry.sourced else "borrowed: the source does not name this site",
        )
        for entry in plan.zones
    ]


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    for line in table(rows):
        click.echo(f"  {line}")
