"""`cartridges scan | box | list | show | recall`: what is on the pen, what it was taken from, and where a lot went."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, asked, by_option, say_warnings
from devicelog.cli.common import F, Number, data_dir_option, default_data_dir, json_option, print_json, reading, table

if TYPE_CHECKING:
    from devicelog.canonical import Json

_LONGEST = 4096  # longer than any code; what is too long is refused in words
_ATTESTED = {"yes": True, "no": False, None: None}


@click.group()
def cartridges() -> None:
    """Cartridges: scan one for a visit, open a box, recall a lot."""


def _pack_options(command: F) -> F:
    options: list[Callable[[F], F]] = [
        click.option("--lot", metavar="LOT", help="The lot, as the pack has it."),
        click.option("--expires", metavar="DAY", help="The last day of its use, YYYY-MM-DD."),
        click.option("--maker", metavar="NAME", help="The maker, where there is no code."),
        click.option("--item", metavar="NUMBER", help="The maker's number of the item, where there is no code."),
        click.option("--needles", type=int, metavar="N", help="How many needles it has."),
        click.option("--length-mm", type=Number(0, 20, min_open=True), metavar="MM", help="The length of its needles."),
        by_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _um(mm: float | None) -> int | None:
    return None if mm is None else round(mm * 1000)


@cartridges.command()
@click.argument("code", required=False)
@click.option("--visit", metavar="ID", help="The visit it is for. Default: the one that is recorded or open.")
@click.option("--session", metavar="ID", help="The session it was used in, in place of a visit.")
@click.option("--serial", metavar="NUMBER", help="The serial number, as the pack has it.")
@click.option("--box", metavar="ID", help="The box it is from. Default: the oldest of its lot that is not used up.")
@click.option(
    "--attest", type=click.Choice(["yes", "no"]), help="Was it new, its pack intact? Not given: not recorded."
)
@click.option("--reason", metavar="TEXT", help="Why one that was used before is used all the same.")
@_pack_options
@data_dir_option
@json_option
def scan(
    code: str | None,
    visit: str | None,
    session: str | None,
    attest: str | None,
    length_mm: float | None,
    data_dir: Path | None,
    as_json: bool,
    **words: object,
) -> None:
    """Fit a cartridge: scan the CODE of its pack, or type --lot and --expires from it. CODE `-`: a line of stdin.

    A serial number that was fitted in another visit is refused without a --reason; the same lot never is.
    """
    request: Json = {"do": "fit_cartridge", "code": _scanned(code), "visit": visit, "session": session, **words}
    request |= {"attested": _ATTESTED[attest], "length_um": _um(length_mm)}
    reply = asked(data_dir, request)
    marked = None if reply["again"] or not reply["recording"] else _marked(data_dir, reply["cartridge"])
    if marked is not None and marked["error"] is not None:
        reply["warnings"].append(f"the change is not marked in the running session: {marked['error']}")
    reply |= {"record": marked and marked["record"]}
    if as_json:
        print_json({"schema": "devicelog.cartridge-fitted/1", **reply})
        return
    where = reply["visit"] or reply["session"]
    if reply["again"]:
        click.echo(f"already scanned: {reply['cartridge']} for {where} (ledger entry {reply['entry']})")
    else:
        click.echo(f"{reply['cartridge']} is fitted for {where}, in ledger entry {reply['entry']}: {_named(reply)}")
    say_warnings(reply)


def _scanned(code: str | None) -> str | None:
    """The code as it was given, or a line of stdin: there a group separator is a character like any other, and at the
    prompt of a shell it is a key that edits the line."""
    return sys.stdin.readline(_LONGEST) if code == "-" else code


def _marked(data_dir: Path | None, cartridge: str) -> "Json | None":
    """Mark the change in the session that is being recorded; None where none is any more."""
    from devicelog.control import ask
    from devicelog.errors import NotFound, StoreUnusable

    try:
        reply = ask(data_dir or default_data_dir(), {"command": "mark", "words": ["cartridge", cartridge]})
    except NotFound:
        return None
    except StoreUnusable as error:
        return {"error": str(error), "record": None}
    return {"error": reply.get("error"), "record": reply.get("record")}


@cartridges.command()
@click.argument("code", required=False)
@click.option("--count", type=int, required=True, metavar="N", help="How many cartridges were in it.")
@_pack_options
@data_dir_option
@json_option
def box(code: str | None, length_mm: float | None, data_dir: Path | None, as_json: bool, **words: object) -> None:
    """Open a box: cartridges of its lot are counted against it. CODE is that of the box, or of one in it; `-`: a line
    of stdin."""
    request: Json = {"do": "open_box", "code": _scanned(code), "length_um": _um(length_mm), **words}
    reply = acted(data_dir, request, schema="devicelog.box-opened/1", as_json=as_json)
    if reply is None:
        return
    click.echo(
        f"{reply['box']} is opened, in ledger entry {reply['entry']}: {reply['count']} of lot {reply['lot']}, "
        f"expires {reply['expires'] or 'not recorded'}"
    )
    say_warnings(reply)


@cartridges.command("list")
@data_dir_option
@json_option
def list_cartridges(data_dir: Path | None, as_json: bool) -> None:
    """Every box that was opened and every cartridge that was fitted, oldest first."""
    from devicelog.desk.cartridges import boxes_told, cartridges_known, fits_told

    with reading(data_dir) as evidence:
        known = cartridges_known(evidence)
        boxes, fits = boxes_told(known), fits_told(known, known.fits)
    if as_json:
        print_json({"schema": "devicelog.cartridges/1", "boxes": boxes, "fitted": fits})
        return
    rows: list[tuple[str, ...]] = [("box", "item", "lot", "expires", "count", "used", "left")]
    rows += [tuple(str(each[key] if each[key] is not None else "-") for key in rows[0]) for each in boxes]
    click.echo("\n".join(table(rows)))
    click.echo()
    click.echo("\n".join(table([_HEAD, *(_row(each) for each in fits)])))


_HEAD = ("cartridge", "identity", "lot", "serial", "expires", "for", "fitted", "by")


def _row(fit: "Json") -> tuple[str, ...]:
    keys = ("cartridge", "identity", "lot", "serial", "expires")
    at = fit["at"][:16].replace("T", " ") + "Z"
    return (*(fit[key] or "-" for key in keys), fit["visit"] or fit["session"] or "-", at, fit["by"])


@cartridges.command()
@click.argument("name", metavar="ID")
@data_dir_option
@json_option
def show(name: str, data_dir: Path | None, as_json: bool) -> None:
    """One cartridge or box: what its pack said, and everywhere it was fitted. ID is one of `cartridges list`."""
    from devicelog.desk.cartridges import told_of

    with reading(data_dir) as evidence:
        told = told_of(evidence, name)
    if as_json:
        print_json({"schema": "devicelog.cartridge/1", **told})
        return
    pack = told["pack"]
    click.echo(f"{told['id']}   {_named(pack)}")
    lengths = f"{pack['length_um'] / 1000:.2f} mm" if pack["length_um"] else "not recorded"
    click.echo(f"  needles   {pack['needles'] or 'not recorded'}, length {lengths}")
    if told["box"] is not None:
        click.echo(f"  box       {told['box']['used']} of {told['box']['count']} fitted, {told['box']['left']} left")
    click.echo("\n".join(f"  {line}" for line in table([_HEAD, *(_row(each) for each in told["fitted"])])))


@cartridges.command()
@click.option(
    "--lot", required=True, metavar="LOT", help="The lot that is recalled; capitals and spaces do not matter."
)
@click.option("--item", metavar="NUMBER", help="Only of this item.")
@click.option("--with-codes", is_flag=True, help="Also the codes of the clients: personal data.")
@click.option("--csv", "as_csv", is_flag=True, help="As a table of comma-separated values.")
@click.option("--to", "target", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a new file.")
@data_dir_option
@json_option
def recall(
    lot: str,
    item: str | None,
    with_codes: bool,
    as_csv: bool,
    target: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Every session in which a cartridge of a lot may have been used, its day and its client's reference."""
    from devicelog.cli.recalling import csv_of, text_of, write_new
    from devicelog.desk.recall import recall as recall_of
    from devicelog.errors import UsageProblem

    if as_csv and as_json:
        raise UsageProblem("--csv and --json are two forms: name one")
    with reading(data_dir) as evidence:
        found = recall_of(evidence, lot=lot, item=item, with_codes=with_codes)
    document = {"schema": "devicelog.recall/1", **found}
    if target is not None:
        write_new(target, csv_of(found) if as_csv else _json_text(document) if as_json else text_of(found))
        click.echo(f"{target}: {len(found['sessions'])} rows, {found['clients']} clients", err=True)
    elif as_json:
        print_json(document)
    else:
        click.echo(csv_of(found) if as_csv else text_of(found), nl=False)
    for line in _beside(found):
        click.echo(line, err=True)


def _json_text(document: "Json") -> str:
    import json

    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _beside(found: "Json") -> list[str]:
    """What a reader of the rows alone would not know."""
    lines = []
    if not found["sessions"]:
        of = "" if found["item"] is None else f" and item {found['item']}"
        lines.append(f"no session is known with lot {found['lot']}{of}. {found['suggestion']}".strip())
    if found["elsewhere"]:
        lines.append(
            f"{found['elsewhere']} sessions were recorded by other devices or databases: what was fitted in those is "
            "recalled there"
        )
    lines += [
        f"box {box['box']} of this lot should still hold {box['left']}: put it aside"
        for box in found["boxes"]
        if box["left"]
    ]
    return lines


def _named(told: "Json") -> str:
    keys = ("maker", "item", "lot", "serial", "expires")
    return ", ".join(f"{key} {told[key]}" for key in keys if told.get(key)) or "nothing of it is recorded"
