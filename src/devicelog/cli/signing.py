"""`sessions sign | amend | explain`: who stands for a session, and what is said of it afterwards."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import command_line, data_dir_option, json_option
from devicelog.cli.pin_entry import pin_stdin_option, read_pin

if TYPE_CHECKING:
    from devicelog.canonical import Json


@click.command("sign")
@click.argument("session")
@click.option("--person", metavar="ID", help="Who signs; may be left out within ten minutes of one's last signature.")
@click.option("--meaning", required=True, metavar="WORD", help="performed, reviewed or approved.")
@pin_stdin_option
@data_dir_option
@json_option
def sign(session: str, person: str | None, meaning: str, pin_stdin: bool, data_dir: Path | None, as_json: bool) -> None:
    """Sign a session that has ended, with a PIN. It is sealed first where nobody has."""
    pin = read_pin("PIN" if person is None else f"PIN of {person}", stdin=pin_stdin)
    request: Json = {"do": "session.sign", "session": session, "meaning": meaning, "by": person, "pin": pin}
    reply = acted(data_dir, request, schema="devicelog.signed/1", as_json=as_json)
    if reply is None:
        return
    click.echo(
        f"{reply['session']}: signed as {reply['meaning']} by {reply['name']} ({reply['person']}) at {reply['at']}, "
        f"ledger entry {reply['entry']}, over derivation {reply['derivation']}"
    )
    if reply["failures"]:
        click.echo(f"  wrong PINs since the last right one: {reply['failures']}")
    if reply["recorded_under"] is not None:
        click.echo(f"note: the session was recorded under {reply['recorded_under']}, and the record says so", err=True)
    click.echo("it  " + command_line("sessions", "show", reply["session"], data_dir=data_dir))


@click.command("amend")
@click.argument("session")
@click.option("--field", required=True, metavar="NAME", help="What is amended: see docs/signing.md.")
@click.option("--value", required=True, metavar="TEXT", help="What it should have said. Kept apart from the evidence.")
@click.option("--reason", required=True, metavar="TEXT", help="Why. Kept apart from the evidence.")
@by_option
@data_dir_option
@json_option
def amend(session: str, field: str, value: str, reason: str, by: str, data_dir: Path | None, as_json: bool) -> None:
    """Amend what a person said of a session that has ended. The original stays and is shown beside it."""
    request: Json = {"do": "session.amend", "session": session, "field": field, "value": value, "reason": reason}
    reply = acted(data_dir, {**request, "by": by}, schema="devicelog.amended/1", as_json=as_json)
    if reply is None:
        return
    old = "not recorded" if reply["old"] is None else reply["old"]
    click.echo(
        f"{reply['session']}: amendment {reply['number']}, {reply['field']}: {old} -> {reply['new']}, ledger entry "
        f"{reply['entry']}"
    )
    _signed_before(reply, data_dir)


@click.command("explain")
@click.argument("session")
@click.option("--rule", required=True, metavar="RULE", help="The finding, as `sessions show` names it.")
@click.option("--zone", metavar="ZONE", help="In this zone alone.")
@click.option("--reason", required=True, metavar="TEXT", help="What there is to say. Kept apart from the evidence.")
@by_option
@data_dir_option
@json_option
def explain(
    session: str, rule: str, zone: str | None, reason: str, by: str, data_dir: Path | None, as_json: bool
) -> None:
    """Explain a finding of a session that has ended. The finding stays."""
    request: Json = {"do": "finding.explain", "session": session, "rule": rule, "zone": zone, "reason": reason}
    reply = acted(data_dir, {**request, "by": by}, schema="devicelog.explained/1", as_json=as_json)
    if reply is None:
        return
    where = f" in {reply['zone']}" if reply["zone"] else ""
    click.echo(f"{reply['session']}: {reply['rule']}{where} is explained, ledger entry {reply['entry']}")


def _signed_before(reply: "Json", data_dir: Path | None) -> None:
    if reply["signed_before"]:
        line = command_line("sessions", "sign", reply["session"], "--meaning", "WORD", data_dir=data_dir)
        click.echo(f"it was signed before this, and wants another signature: {line}")
