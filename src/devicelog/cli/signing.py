"""`sessions sign | amend | explain`: who stands for a session, and what is said of it afterwards."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import command_line, data_dir_option, default_data_dir, json_option, print_json
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
def sign(session: str, person: str | None, meaning: str, pin_stdin: bool, data_dir: Path | None, as_json: bool) -> int:
    """Sign a session that has ended, with a PIN. It is sealed first where nobody has."""
    pin = read_pin("PIN" if person is None else f"PIN of {person}", stdin=pin_stdin)
    request: Json = {"do": "session.sign", "session": session, "meaning": meaning, "by": person, "pin": pin}
    reply = _done(data_dir, request, as_json, "devicelog.signed/1")
    if isinstance(reply, int):
        return reply
    click.echo(
        f"{reply['session']}: signed as {reply['meaning']} by {reply['name']} ({reply['person']}) at {reply['at']}, "
        f"ledger entry {reply['entry']}, over derivation {reply['derivation']}"
    )
    if reply["failures"]:
        click.echo(f"  wrong PINs since the last right one: {reply['failures']}")
    if reply["meaning"] == "performed" and reply["practitioner"].casefold() != reply["person"].casefold():
        click.echo(f"note: the session was recorded under {reply['practitioner']}", err=True)
    click.echo("it  " + command_line("sessions", "show", reply["session"], data_dir=data_dir))
    return 0


@click.command("amend")
@click.argument("session")
@click.option("--field", required=True, metavar="NAME", help="What is amended: see docs/signing.md.")
@click.option("--value", required=True, metavar="TEXT", help="What it should have said. Kept apart from the evidence.")
@click.option("--reason", required=True, metavar="TEXT", help="Why. Kept apart from the evidence.")
@click.option("--by", required=True, metavar="ID", help="Who amends.")
@data_dir_option
@json_option
def amend(session: str, field: str, value: str, reason: str, by: str, data_dir: Path | None, as_json: bool) -> int:
    """Amend what a person said of a session that has ended. The original stays and is shown beside it."""
    request: Json = {"do": "session.amend", "session": session, "field": field, "value": value, "reason": reason}
    reply = _done(data_dir, {**request, "by": by}, as_json, "devicelog.amended/1")
    if isinstance(reply, int):
        return reply
    old = "not recorded" if reply["old"] is None else reply["old"]
    click.echo(
        f"{reply['session']}: amendment {reply['number']}, {reply['field']}: {old} -> {reply['new']}, ledger entry "
        f"{reply['entry']}"
    )
    return _signed_before(reply, data_dir)


@click.command("explain")
@click.argument("session")
@click.option("--rule", required=True, metavar="RULE", help="The finding, as `sessions show` names it.")
@click.option("--zone", metavar="ZONE", help="In this zone alone.")
@click.option("--reason", required=True, metavar="TEXT", help="What there is to say. Kept apart from the evidence.")
@click.option("--by", required=True, metavar="ID", help="Who explains.")
@data_dir_option
@json_option
def explain(
    session: str, rule: str, zone: str | None, reason: str, by: str, data_dir: Path | None, as_json: bool
) -> int:
    """Explain a finding of a session that has ended. The finding stays."""
    request: Json = {"do": "finding.explain", "session": session, "rule": rule, "zone": zone, "reason": reason}
    reply = _done(data_dir, {**request, "by": by}, as_json, "devicelog.explained/1")
    if isinstance(reply, int):
        return reply
    where = f" in {reply['zone']}" if reply["zone"] else ""
    click.echo(f"{reply['session']}: {reply['rule']}{where} is explained, ledger entry {reply['entry']}")
    return 0


def _signed_before(reply: "Json", data_dir: Path | None) -> int:
    if reply["signed_before"]:
        line = command_line("sessions", "sign", reply["session"], "--meaning", "WORD", data_dir=data_dir)
        click.echo(f"it was signed before this, and wants another signature: {line}")
    return 0


def _done(data_dir: Path | None, request: "Json", as_json: bool, schema: str) -> "Json | int":
    from devicelog.desk.acts import perform

    reply = perform(data_dir or default_data_dir(), request)
    if not reply.pop("ok"):
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    if as_json:
        print_json({"schema": schema, **reply})
        return 0
    return reply
