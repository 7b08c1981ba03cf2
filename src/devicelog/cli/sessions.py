"""`sessions list | show | readings`: what was recorded."""

import csv
import json
import sys
from pathlib import Path

import click

from devicelog.cli.common import command_line, data_dir_option, json_option, print_json, reading


@click.group()
def sessions() -> None:
    """What was recorded: list, read one, get the data out."""


@sessions.command("list")
@data_dir_option
@json_option
def list_sessions(data_dir: Path | None, as_json: bool) -> None:
    """Every session, oldest first, and the time the pen was heard outside one."""
    with reading(data_dir) as evidence:
        rows = evidence.streams()
        listed = [
            {
                "id": row["id"],
                "status": row["status"],
                "verdict": row["verdict"],
                "mode": row["mode"],
                "opened_at": row["opened_at"],
                "closed_at": row["closed_at"],
                "clock": row["clock"],
                "client": evidence.client_code(row["client_ref"]),
                "practitioner": row["practitioner"],
                "plan": row["plan"],
                "pen_serial": row["pen_serial"],
            }
            for row in rows
            if row["kind"] == "session"
        ]
    spans = [
        {key: row[key] for key in ("id", "status", "mode", "opened_at", "closed_at", "clock")}
        for row in rows
        if row["kind"] == "span"
    ]
    if as_json:
        print_json({"schema": "devicelog.sessions/1", "sessions": listed, "spans": spans})
        return
    head = ("session", "opened", "status", "verdict", "client", "practitioner", "plan")
    table = [head] + [
        (
            row["id"],
            row["opened_at"][:19].replace("T", " ") + "Z",
            row["status"] + ("" if row["mode"] == "real" else f" ({row['mode']})"),
            row["verdict"] or "-",
            row["client"] or "(erased)",
            row["practitioner"],
            row["plan"],
        )
        for row in listed
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(f"{len(listed)} sessions; {len(spans)} unattributed spans, when the pen was heard outside a session")
    if listed:
        click.echo("read one: " + command_line("sessions", "show", listed[-1]["id"], data_dir=data_dir))


@sessions.command("show")
@click.argument("session")
@data_dir_option
@json_option
def show(session: str, data_dir: Path | None, as_json: bool) -> None:
    """One session as a treatment record. SESSION is its id or a unique beginning of it."""
    from devicelog.cli.report import show_document, show_text

    with reading(data_dir) as evidence:
        document = show_document(evidence, session)
    if as_json:
        print_json(document)
    else:
        click.echo(show_text(document), nl=False)


@sessions.command("readings")
@click.argument("session")
@click.option("--format", "shape", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@data_dir_option
def readings(session: str, shape: str, data_dir: Path | None) -> None:
    """Every sample of a session on stdout. Units stand in the column names; an empty cell: the pen did not say."""
    from devicelog.samples import COLUMNS, sample_rows

    with reading(data_dir) as evidence:
        row = evidence.stream(session)
        rows = sample_rows(evidence.records(row["no"]))
        if shape == "csv":
            writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        else:
            for sample in rows:
                sys.stdout.write(json.dumps(sample, separators=(",", ":")) + "\n")
