"""`sessions enter` and `sessions withdraw`: what was on paper. Nothing of it was measured, and the record says so."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import command_line, data_dir_option, json_option

if TYPE_CHECKING:
    from devicelog.canonical import Json


@click.command("enter")
@click.option("--client", required=True, metavar="CODE", help="The clinic's code of the treated person.")
@click.option("--practitioner", required=True, metavar="ID", help="Who treated.")
@click.option("--day", required=True, metavar="YYYY-MM-DD", help="The day of the session.")
@click.option("--indication", required=True, metavar="WORD", help="What was treated, as hyperpigmentation.")
@click.option(
    "--zone",
    "zones",
    multiple=True,
    required=True,
    metavar="ZONE[=MM][xN]",
    help="A zone with the dial's setting in mm and the passes, as far as they were written down. Repeatable.",
)
@click.option("--lot", metavar="LOT", help="Of the cartridge.")
@click.option("--expires", metavar="YYYY-MM-DD", help="Of the cartridge.")
@click.option("--topical", "topicals", multiple=True, metavar="PRODUCT[=LOT]", help="Repeatable.")
@click.option("--course", metavar="COURSE", help="The course that it belongs to.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is entered late. Kept apart from the evidence.")
@by_option
@data_dir_option
@json_option
def enter(
    client: str,
    practitioner: str,
    day: str,
    indication: str,
    zones: tuple[str, ...],
    lot: str | None,
    expires: str | None,
    topicals: tuple[str, ...],
    course: str | None,
    reason: str,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Enter a session from paper: marked as entered late, `not measured`, and counted in intervals and courses."""
    request: Json = {"do": "session.enter", "client": client, "practitioner": practitioner, "day": day}
    request |= {"indication": indication, "zones": [_zone(text) for text in zones], "course": course, "by": by}
    request |= {"cartridge": {"lot": lot, "expires": expires} if lot or expires else None, "reason": reason}
    request["topicals"] = [_topical(text) for text in topicals]
    if reply := acted(data_dir, request, schema="devicelog.entered_late/1", as_json=as_json):
        click.echo(
            f"{reply['session']}: entered for {reply['day']}, {reply['verdict']} (ledger entry {reply['entry']})"
        )
        click.echo("it  " + command_line("sessions", "show", reply["session"], data_dir=data_dir))
    return 0


@click.command("withdraw")
@click.argument("session")
@click.option("--reason", required=True, metavar="TEXT", help="Why it was wrong. Kept apart from the evidence.")
@by_option
@data_dir_option
@json_option
def withdraw(session: str, reason: str, by: str, data_dir: Path | None, as_json: bool) -> int:
    """Withdraw what was entered from paper: it counts in no interval and in no course any more, and stays listed."""
    request: Json = {"do": "session.withdraw", "session": session, "reason": reason, "by": by}
    if reply := acted(data_dir, request, schema="devicelog.withdrawn/1", as_json=as_json):
        click.echo(
            f"{reply['session']}: what was entered for {reply['day']} is withdrawn (ledger entry {reply['entry']})"
        )
        click.echo("as it should be:  devicelog sessions enter ...")
    return 0


def _zone(text: str) -> "Json":
    """`forehead`, `forehead=0.4`, `forehead=0.4x3`, `foreheadx3` is a zone that there is not."""
    from devicelog.errors import UsageProblem

    zone, _, said = text.partition("=")
    depth, _, passes = said.partition("x")
    try:
        um = None if not depth else Decimal(depth) * 1000
        if um is not None and (not um.is_finite() or um != um.to_integral_value()):
            raise InvalidOperation
        return {
            "zone": zone,
            "depth_set_um": None if um is None else int(um),
            "passes": int(passes) if passes else None,
        }
    except (InvalidOperation, ValueError):
        raise UsageProblem(f"{text!r} is not: a zone, its depth in mm, its passes, as forehead=0.4x3") from None


def _topical(text: str) -> "Json":
    product, _, lot = text.partition("=")
    return {"product": product, "lot": lot or None}
