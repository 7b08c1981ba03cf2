"""`consent record | show` and `anaesthetic note`: who signed for what, what was put on, of a visit or a session."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import F, data_dir_option, json_option, print_json, reading

if TYPE_CHECKING:
    from devicelog.canonical import Json

_WHAT = ("treatment", "photo", "aftercare")


def _sitting_options(command: F) -> F:
    """`--visit V` and `--session S`."""
    command = click.option("--session", metavar="S", help="A session: also one that is over.")(command)
    return click.option("--visit", metavar="V", help="A visit: also before anything was recorded.")(command)


@click.group()
def consent() -> None:
    """Consent and aftercare: who signed for what, of a visit."""


@click.group()
def anaesthetic() -> None:
    """Topical anaesthetics: which, put on when, off when."""


@consent.command("record")
@click.argument("client")
@click.option("--what", required=True, type=click.Choice(_WHAT), help="What for.")
@click.option("--signed", default="", metavar="client,practitioner", help="Who signed, as far as they did.")
@click.option("--refused", is_flag=True, help="It was asked for and not given, or taken back.")
@_sitting_options
@by_option
@data_dir_option
@json_option
def record(
    client: str,
    what: str,
    signed: str,
    refused: bool,
    visit: str | None,
    session: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Enter a consent, for a visit or a session. The newest of a kind holds; those before it stay in the ledger."""
    request: Json = {"do": "consent.record", "client": client, "what": what, "refused": refused, "by": by}
    request |= {"signed": [who.strip() for who in signed.split(",") if who.strip()], "visit": visit, "session": session}
    done = acted(data_dir, request, schema="devicelog.consent-recorded/1", as_json=as_json)
    if done is not None:
        click.echo(f"{_consent(done)} ({done['session'] or done['visit']}), as ledger entry {done['entry']}")
    if not signed.strip() and not refused:
        click.echo("warning: nobody signed it: say who did with --signed client,practitioner", err=True)


@consent.command("show")
@_sitting_options
@data_dir_option
@json_option
def show(visit: str | None, session: str | None, data_dir: Path | None, as_json: bool) -> None:
    """The consents and anaesthetics that hold for a visit or a session."""
    from devicelog.desk.about import about
    from devicelog.desk.consents import WHAT, anaesthetic_of, consents_of

    with reading(data_dir) as evidence:
        of = about(evidence, {"visit": visit, "session": session})
        name = of.visit or str(of.stream)
        consents, noted = consents_of(evidence, name), anaesthetic_of(evidence, name)
    if as_json:
        named = {"visit": of.visit, "session": of.stream}
        print_json({"schema": "devicelog.consents/1", **named, "consents": consents, "anaesthetic": noted})
        return
    held = {each["what"]: each for each in consents}
    for what in WHAT:
        told = f"{_consent(held[what])} ({held[what]['by']})" if what in held else f"{what}: not recorded"
        click.echo(told)
    for each in noted:
        click.echo(_anaesthetic(each))
    if not noted:
        click.echo("anaesthetic: not recorded")


@anaesthetic.command("note")
@click.option(
    "--product", required=True, metavar="TEXT", help="Which: it goes into the ledger, so no name of a person."
)
@click.option("--on", "on_at", metavar="HH:MM", help="When it was put on, local time.")
@click.option("--off", "off_at", metavar="HH:MM", help="When it came off.")
@_sitting_options
@by_option
@data_dir_option
@json_option
def note(
    product: str,
    on_at: str | None,
    off_at: str | None,
    visit: str | None,
    session: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Note an anaesthetic. Said again with the same product and --on, it adds when it came off."""
    request = {"do": "anaesthetic.note", "product": product, "on_at": on_at, "off_at": off_at, "by": by}
    request |= {"visit": visit, "session": session}
    done = acted(data_dir, request, schema="devicelog.anaesthetic-noted/1", as_json=as_json)
    if done is not None:
        click.echo(f"{_anaesthetic(done)} ({done['session'] or done['visit']}), as ledger entry {done['entry']}")


def _consent(told: "Json") -> str:
    given = "given" if told["given"] else "REFUSED"
    return f"{told['what']}: {given}, signed by {' and '.join(told['signed']) or 'nobody'}"


def _anaesthetic(told: "Json") -> str:
    return (
        f"anaesthetic: {told['product']}, on {told['on_at'] or 'not recorded'}, off {told['off_at'] or 'not recorded'}"
    )
