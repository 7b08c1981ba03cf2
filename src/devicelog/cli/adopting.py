"""`plans check | import` and `zones check | import`: a clinic's own files, read in full before anything is adopted."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from devicelog.cli.common import F, data_dir_option, default_data_dir, json_option, print_json, reading
from devicelog.cli.pin_entry import pin_stdin_option, read_pin

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.clinical.limits import Overlay
    from devicelog.clinical.plan import Plan


def _by_option(command: F) -> F:
    return click.option("--by", required=True, metavar="ID", help="The admin who adopts it.")(command)


@click.command("check")
@click.argument("file")
@data_dir_option
@json_option
def check_plan(file: str, data_dir: Path | None, as_json: bool) -> None:
    """Set a plan against the limits that hold here: what refuses it, and what is worth a word."""
    from devicelog.clinical import data
    from devicelog.clinical.planned import refuse, remarks_on
    from devicelog.desk.adopting import check_own_id

    plan = data.load_plan_file(file)
    check_own_id(plan)
    remarks = remarks_on(plan, data.load_limits(), data.load_zones(), adopted(data_dir).overlay)
    refuse(remarks)
    if as_json:
        print_json({"schema": "devicelog.plan-check/1", "plan": plan.id, "warnings": list(remarks.warned)})
        return
    click.echo(f"{plan.id}: a plan for {len(plan.zones)} zones that can be meant")
    for words in remarks.warned:
        click.echo(f"  note: {words}")
    click.echo("A clinician must approve every limit before it is used on people.")


@click.command("import")
@click.argument("file")
@_by_option
@pin_stdin_option
@data_dir_option
@json_option
def import_plan(file: str, by: str, pin_stdin: bool, data_dir: Path | None, as_json: bool) -> int:
    """Adopt a plan: it is then found by its id, the newest of that id, without the file."""
    from devicelog.clinical import data

    plan = data.load_plan_file(file)
    request: Json = {"do": "plan.adopt", "plan": plan.document()}
    reply = _done(data_dir, request, by=by, pin_stdin=pin_stdin)
    if isinstance(reply, int):
        return reply
    if as_json:
        print_json({"schema": "devicelog.plan-adopted/1", **reply})
        return 0
    for words in reply["warnings"]:
        click.echo(f"note: {words}", err=True)
    click.echo(_said(f"the plan {reply['plan']}", reply))
    return 0


@click.command("check")
@click.argument("file", required=False)
@json_option
def check_limits(file: str | None, as_json: bool) -> None:
    """Read a clinic's own limits, or a map of zones, in full; without a file, the shipped map and its codes.

    Refused: a row without a source, over a hard maximum or raising one, for a site or indication that is not known.
    """
    from devicelog.clinical import data
    from devicelog.errors import UsageProblem

    document: Json = {"schema": "devicelog.zones-check/1", "file": file, "limits": None, "zones": None}
    if file is not None and data.file_holds(file, "limits"):
        overlay = data.load_overlay(file)
        document["limits"] = {"name": overlay.name, "version": overlay.version, "rows": len(overlay.rows)}
        words = f"{overlay.name} version {overlay.version}: {len(overlay.rows)} rows that can be adopted"
    else:
        if file is not None and not data.file_holds(file, "zones"):
            raise UsageProblem(f"{file}: there are neither limits nor zones in it (docs/limits.md)")
        known = data.load_zones() if file is None else data.load_zones_of(file)
        coded = sum(1 for zone in known.values() if zone.snomed)
        document["zones"] = {"zones": len(known), "snomed": coded}
        words = f"{len(known)} zones; {coded} with a SNOMED CT code, every check digit right"
    if as_json:
        print_json(document)
    else:
        click.echo(words)
        click.echo("A clinician must approve every limit before it is used on people.")


@click.command("import")
@click.argument("file")
@_by_option
@pin_stdin_option
@data_dir_option
@json_option
def import_limits(file: str, by: str, pin_stdin: bool, data_dir: Path | None, as_json: bool) -> int:
    """Adopt the clinic's own limits: they go before the shipped ones from the next session on.

    A file with `limits = []` goes back to the shipped ones alone.
    """
    from devicelog.clinical import data
    from devicelog.clinical.tables import overlay_document

    request: Json = {"do": "limits.adopt", "overlay": overlay_document(data.load_overlay(file))}
    reply = _done(data_dir, request, by=by, pin_stdin=pin_stdin)
    if isinstance(reply, int):
        return reply
    if as_json:
        print_json({"schema": "devicelog.limits-adopted/1", **reply})
        return 0
    click.echo(_said(f"{reply['name']} version {reply['version']}, {reply['rows']} rows,", reply))
    return 0


def _said(what: str, reply: "Json") -> str:
    again = " already" if reply["again"] else ""
    return f"{what} is adopted{again}, in ledger entry {reply['entry']}"


class Adopted(NamedTuple):
    """A clinic's own plans, by id, and its limits."""

    plans: "list[Plan]"
    overlay: "Overlay | None"


def adopted(data_dir: Path | None) -> Adopted:
    """What the clinic has adopted; where nothing was recorded yet, nothing was adopted either."""
    from devicelog.store.database import FILE_NAME

    if not ((data_dir or default_data_dir()) / FILE_NAME).exists():
        return Adopted([], None)
    from devicelog.desk.adopting import adopted_plans, overlay

    with reading(data_dir) as evidence:
        return Adopted(list(adopted_plans(evidence).values()), overlay(evidence))


def _done(data_dir: Path | None, request: "Json", *, by: str, pin_stdin: bool) -> "Json | int":
    """The answer; or, when a recorder that runs refused it, how the command ends."""
    from devicelog.desk.acts import perform
    from devicelog.store.database import prepare_data_dir

    where = data_dir or default_data_dir()
    pin = read_pin(f"PIN of {by}", stdin=pin_stdin)
    prepare_data_dir(where)  # a clinic adopts before it records for the first time
    reply = perform(where, request | {"by": by, "pin": pin})
    if not reply.pop("ok"):
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    return reply
