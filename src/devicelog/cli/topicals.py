"""`stock add | list` and `topicals note`: what is put on the skin, for traceability. Never how much of it went in."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option, say_warnings
from devicelog.cli.common import data_dir_option, json_option, print_json, reading, table

if TYPE_CHECKING:
    from devicelog.canonical import Json

_YES = {"yes": True, "no": False, None: None}


@click.group()
def stock() -> None:
    """Topicals in stock: product, lot, expiry, ingredients."""


@stock.command()
@click.option("--product", required=True, metavar="NAME", help="What it is called.")
@click.option("--lot", metavar="LOT", help="Its lot; without one it cannot be traced.")
@click.option("--expires", metavar="DAY", help="The last day of its use, YYYY-MM-DD.")
@click.option("--ingredients", metavar="A,B,...", help="What is in it, as the label says, commas between.")
@by_option
@data_dir_option
@json_option
def add(ingredients: str | None, data_dir: Path | None, as_json: bool, **words: object) -> None:
    """Put a product in stock. Warns of ascorbic acid among its ingredients."""
    listed = None if ingredients is None else [each.strip() for each in ingredients.split(",") if each.strip()]
    reply = acted(
        data_dir, {"do": "stock_topical", "ingredients": listed, **words}, schema="devicelog.stocked/1", as_json=as_json
    )
    if reply is None:
        return
    click.echo(f"{reply['stock']} is in stock, in ledger entry {reply['entry']}: {_named(reply)}")
    say_warnings(reply)


@stock.command("list")
@data_dir_option
@json_option
def list_stock(data_dir: Path | None, as_json: bool) -> None:
    """Every product that was ever put in stock, oldest first."""
    from devicelog.desk.topicals import stock_of

    with reading(data_dir) as evidence:
        listed = stock_of(evidence)
    if as_json:
        print_json({"schema": "devicelog.stock/1", "stock": listed})
        return
    rows = [("stock", "product", "lot", "expires", "ingredients")]
    rows += [
        (
            each["stock"],
            each["product"],
            each["lot"] or "-",
            each["expires"] or "-",
            ", ".join(each["ingredients"] or "-"),
        )
        for each in listed
    ]
    click.echo("\n".join(table(rows)))


@click.group()
def topicals() -> None:
    """Topicals that were used: before, during or after the needling."""


@topicals.command()
@click.option("--stock", required=True, metavar="ID", help="Which: an id of `stock list`, or the name of a product.")
@click.option("--when", required=True, metavar="WORD", help="before, during or after the needling.")
@click.option("--visit", metavar="ID", help="The visit it was used in. Default: the one that is recorded or open.")
@click.option("--session", metavar="ID", help="The session it was used in, in place of a visit.")
@click.option("--patch-test", type=click.Choice(["yes", "no"]), help="Was a patch test made? Not given: not recorded.")
@by_option
@data_dir_option
@json_option
def note(patch_test: str | None, data_dir: Path | None, as_json: bool, **words: object) -> None:
    """Note that a topical was used. Warns at once of ascorbic acid, of no lot, of an expiry that is over."""
    reply = acted(
        data_dir,
        {"do": "note_topical", "patch_test": _YES[patch_test], **words},
        schema="devicelog.topical-noted/1",
        as_json=as_json,
    )
    if reply is None:
        return
    where = reply["visit"] or reply["session"]
    click.echo(f"noted for {where}, {reply['when']}, in ledger entry {reply['entry']}: {_named(reply)}")
    say_warnings(reply)


def _named(told: "Json") -> str:
    return f"{told['product']}, lot {told['lot'] or 'not recorded'}, expires {told['expires'] or 'not recorded'}"
