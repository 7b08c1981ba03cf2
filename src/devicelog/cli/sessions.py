"""`sessions list | show | readings`: what was recorded."""

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import command_line, data_dir_option, json_option, print_json, reading, table

if TYPE_CHECKING:
    from devicelog.store.evidence import Evidence, StreamRow


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
            {key: row[key] for key in ("id", "status", "mode", "opened_at", "closed_at", "clock", "pen_serial")}
            | {"needling_us": _needling_us(evidence, row)}
            for row in rows
            if row["kind"] == "span"
        ]
    if as_json:
        print_json({"schema": "devicelog.sessions/1", "sessions": listed, "spans": spans})
        return
    head = ("session", "opened", "status", "verdict", "client", "practitioner", "plan")
    lines = [head] + [
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
    click.echo("\n".join(table(lines)))
    heard = [span for span in spans if span["needling_us"]]
    click.echo(
        f"{len(listed)} sessions; {len(spans)} times the pen was listened to outside one, {len(heard)} with needling"
    )
    for span in heard:
        opened, seconds = span["opened_at"][:19].replace("T", " "), span["needling_us"] / 1_000_000
        click.echo(f"  {span['id']}  {opened}Z  {seconds:.1f} s on the skin, or contact unknown")
    if listed:
        click.echo("read one: " + command_line("sessions", "show", listed[-1]["id"], data_dir=data_dir))


def _needling_us(evidence: "Evidence", row: "StreamRow") -> int | None:
    """For how long the pen was on the skin in a closed span, or ran with contact unknown."""
    from devicelog.canonical import parse_canonical

    if row["derived"] is None:
        return None
    zones = parse_canonical(evidence.document(row["derived"]))["facts"]["zones"]
    return sum(int(zone["contact_us"] + zone["contact_unknown_us"]) for zone in zones)


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
        pen = evidence.entry(row["no"]).body.get("pen")
        rows = sample_rows(evidence.records(row["no"]), pen["serial"] if pen else None)
        if shape == "csv":
            writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        else:
            for sample in rows:
                sys.stdout.write(json.dumps(sample, separators=(",", ":")) + "\n")
