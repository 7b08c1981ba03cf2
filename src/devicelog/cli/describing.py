"""`clients describe`: birth date, skin type, name and how to reach a client, kept as a private text."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import A_PERSON, data_dir_option, json_option

if TYPE_CHECKING:
    from devicelog.canonical import Json

_FIELDS = ("born", "age-verified", "phototype", "name", "contact")


@click.command("describe")
@click.argument("client")
@click.option("--born", metavar="YYYY-MM-DD", help="The birth date.")
@click.option("--age-verified", is_flag=True, help="Somebody saw a paper that says so.")
@click.option("--phototype", metavar="I..VI", help="The skin type after Fitzpatrick.")
@click.option("--name", metavar="TEXT", help="The full name, where the law of the place wants it.")
@click.option("--contact", metavar="TEXT", help="How to reach the client.")
@click.option("--forget", multiple=True, type=click.Choice(_FIELDS), help="Hold this no more.")
@by_option
@data_dir_option
@json_option
def describe(
    client: str,
    born: str | None,
    age_verified: bool,
    phototype: str | None,
    name: str | None,
    contact: str | None,
    forget: tuple[str, ...],
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """What is known of a client besides the code. CLIENT is a code, a new one too, or a reference.

    What is not said anew stays as it was. All of it is private: the ledger has a commitment to it, and no word of it.
    """
    from devicelog.sessions import looks_like_a_person

    request: Json = {"do": "client.describe", "client": client, "by": by, "born": born, "age_verified": age_verified}
    request |= {"phototype": phototype, "name": name, "contact": contact}
    request["forget"] = [field.replace("-", "_") for field in forget]
    done = acted(data_dir, request, schema="devicelog.described/1", as_json=as_json)
    if looks_like_a_person(client):
        click.echo(A_PERSON + "erase this one and describe the client under such a code.", err=True)
    if done is not None:
        new = ", a new client" if done["new"] else ""
        click.echo(f"{done['client_ref']}{new}: described, as ledger entry {done['entry']}")
