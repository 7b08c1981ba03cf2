"""`practitioners list | show | add | change | retire | pin`: who works here, as what, and their PINs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted
from devicelog.cli.common import (
    F,
    Number,
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    reading,
    table,
)
from devicelog.cli.pin_entry import check_at_keyboard, pin_stdin_option, read_new_pin, read_pin

if TYPE_CHECKING:
    from devicelog.canonical import Json

_NAMED = "(not held)"


@click.group()
def practitioners() -> None:
    """Who works here: ids, roles, PINs. A clinic can record without any."""


def _authority_option(command: F) -> F:
    return click.option(
        "--authority-mm",
        type=Number(0, 20, min_open=True),
        metavar="MM",
        help="The deepest setting that this person may use. Nothing is assumed where it is not given.",
    )(command)


def _by_option(*, required: bool, words: str) -> Callable[[F], F]:
    return click.option("--by", required=required, metavar="ID", help=words)


@practitioners.command("list")
@data_dir_option
@json_option
def list_people(data_dir: Path | None, as_json: bool) -> None:
    """Everybody who was ever registered, retired ones too: an id is one person's for good."""
    from devicelog.desk.people import people_told

    told = []
    if not _nothing_yet(data_dir):
        with reading(data_dir) as evidence:
            told = people_told(evidence)
    if as_json:
        print_json({"schema": "devicelog.practitioners/1", "practitioners": told})
        return
    rows = [("id", "name", "role", "authority", "PIN")]
    rows += [(each["person"], each["name"] or _NAMED, _role(each), _authority(each), _pin(each)) for each in told]
    click.echo("\n".join(table(rows)))
    if not told:
        click.echo("nobody is registered: ids are whatever a command is given. The first one to add is an admin:")
        line = command_line("practitioners", "add", "ID", "--role", "admin", "--name", "NAME", data_dir=data_dir)
        click.echo(f"  {line}")


def _nothing_yet(data_dir: Path | None) -> bool:
    """Whether the clinic begins with this: who works here may stand in it before anything is recorded."""
    from devicelog.store.database import FILE_NAME

    where = data_dir or default_data_dir()
    return not (where / FILE_NAME).exists() and not (where / "packages").exists()


def _role(each: "Json") -> str:
    return str(each["role"]) if each["retired"] is None else f"retired {each['role']}"


def _authority(each: "Json") -> str:
    return "not recorded" if each["authority_um"] is None else f"{each['authority_um'] / 1000:.2f} mm"


def _pin(each: "Json") -> str:
    if each["pin"] is None or each["retired"] is not None:
        return "none"
    until = "no end" if each["pin"]["expires"] is None else f"until {each['pin']['expires']}"
    return until if each["pin"]["own"] else f"{until}, set by {each['pin']['by']}: signs nothing"


@practitioners.command("show")
@click.argument("person", metavar="ID")
@data_dir_option
@json_option
def show_person(person: str, data_dir: Path | None, as_json: bool) -> None:
    """One person: role, what that may do, PIN, and every entry about them."""
    from devicelog.desk.people import history_of, people_told, person_named

    with reading(data_dir) as evidence:
        known = person_named(evidence, person)
        told = next(each for each in people_told(evidence) if each["person"] == known.id)
        history = history_of(evidence, known.id)
    if as_json:
        print_json({"schema": "devicelog.practitioner/1", **told, "history": history})
        return
    click.echo(f"{told['person']}   {told['name'] or _NAMED}")
    click.echo(f"  role       {_role(told)}")
    click.echo(f"  may        {', '.join(told['may']) or 'nothing any more'}")
    click.echo(f"  authority  {_authority(told)}")
    click.echo(f"  PIN        {_pin(told)}")
    for row in history:
        more = f": {row['says']}" if row["says"] else ""
        click.echo(
            f"  entry {row['entry']}  {row['at'][:19]}Z  {row['type']} by {row['by']} (auth: {row['auth']}){more}"
        )


@practitioners.command("add")
@click.argument("person", metavar="ID")
@click.option("--role", required=True, metavar="ROLE", help="practitioner, reviewer, auditor or admin.")
@click.option("--name", required=True, metavar="TEXT", help="As it is printed under a signature. Kept apart.")
@_authority_option
@_by_option(required=False, words="The admin who adds; may be left out for the first one.")
@pin_stdin_option
@data_dir_option
@json_option
def add(
    person: str,
    role: str,
    name: str,
    authority_mm: float | None,
    by: str | None,
    pin_stdin: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Register a person. An id is never given to another one, in capitals or not."""
    request: Json = {"do": "people.add", "person": person, "role": role, "name": name, "by": by}
    request["authority_um"] = _um(authority_mm)
    if by is None and not _nothing_yet(data_dir):
        _first_alone(data_dir)
    if by is not None:
        request["pin"] = read_pin(f"PIN of {by}", stdin=pin_stdin)
    reply = acted(data_dir, request, schema="devicelog.practitioner-added/1", as_json=as_json)
    if reply is None:
        return
    click.echo(f"{reply['person']} is registered as {reply['role']}, in ledger entry {reply['entry']}")
    if reply["used_before"]:
        click.echo(
            f"the id stands in {reply['used_before']} sessions from before: who that was nobody checked", err=True
        )
    click.echo("PIN: " + command_line("practitioners", "pin", reply["person"], data_dir=data_dir))


def _first_alone(data_dir: Path | None) -> None:
    """Raises UsageProblem where there is an admin already, who adds everybody else."""
    from devicelog.desk.who import people_of
    from devicelog.errors import UsageProblem

    with reading(data_dir) as evidence:
        admins = [each.id for each in people_of(evidence).admins()]
    if admins:
        raise UsageProblem(f"an admin adds people: say who with --by ID ({', '.join(admins)})")


@practitioners.command("change")
@click.argument("person", metavar="ID")
@click.option("--role", metavar="ROLE", help="practitioner, reviewer, auditor or admin.")
@click.option("--name", metavar="TEXT", help="The new printed name. What was signed keeps the one before.")
@_authority_option
@click.option("--reason", required=True, metavar="TEXT", help="Why. Kept apart from the evidence.")
@_by_option(required=True, words="The admin who does it.")
@pin_stdin_option
@data_dir_option
@json_option
def change(
    person: str,
    role: str | None,
    name: str | None,
    authority_mm: float | None,
    reason: str,
    by: str,
    pin_stdin: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Another role, name or authority. What was before stays in the ledger."""
    request: Json = {"do": "people.change", "person": person, "role": role, "name": name, "by": by, "reason": reason}
    request |= {"authority_um": _um(authority_mm), "pin": read_pin(f"PIN of {by}", stdin=pin_stdin)}
    reply = acted(data_dir, request, schema="devicelog.practitioner-changed/1", as_json=as_json)
    if reply is None:
        return
    click.echo(f"{reply['person']} is changed, in ledger entry {reply['entry']}")


@practitioners.command("retire")
@click.argument("person", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why. Kept apart from the evidence.")
@_by_option(required=True, words="The admin who does it.")
@pin_stdin_option
@data_dir_option
@json_option
def retire(person: str, reason: str, by: str, pin_stdin: bool, data_dir: Path | None, as_json: bool) -> None:
    """Somebody does not work here any more. The id stays theirs, and the PIN is gone."""
    pin = read_pin(f"PIN of {by}", stdin=pin_stdin)
    request: Json = {"do": "people.retire", "person": person, "reason": reason, "by": by, "pin": pin}
    reply = acted(data_dir, request, schema="devicelog.practitioner-retired/1", as_json=as_json)
    if reply is None:
        return
    click.echo(f"{reply['person']} is retired, in ledger entry {reply['entry']}")


@practitioners.command("pin")
@click.argument("person", metavar="ID")
@_by_option(required=False, words="The admin who sets it, with her PIN; left out: the person, with the PIN before.")
@click.option("--days", type=click.IntRange(0), metavar="N", help="How long it holds; 0: no end. Default: 365.")
@click.option("--at-keyboard", is_flag=True, help="With nobody's PIN, at the keyboard of this device itself.")
@pin_stdin_option
@data_dir_option
@json_option
def pin(
    person: str,
    by: str | None,
    days: int | None,
    at_keyboard: bool,
    pin_stdin: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Set a PIN: one's own, somebody's first, or in place of one that was forgotten.

    Without a terminal and with --pin-stdin: first the PIN of whoever sets it, where there is one, then the new one.
    """
    from devicelog.desk.pins import perform_at_keyboard
    from devicelog.desk.who import people_of

    if at_keyboard:
        check_at_keyboard()
    who = by or person
    request: Json = {"do": "pin.set", "person": person, "by": who}
    request |= {} if days is None else {"days": days}
    with reading(data_dir) as evidence:
        setter = people_of(evidence).get(who)
    if not at_keyboard and setter is not None and setter.pin is not None:
        request["pin"] = read_pin(f"PIN of {setter.id}", stdin=pin_stdin)
    request["new_pin"] = read_new_pin(f"New PIN of {person}", stdin=pin_stdin)
    schema = "devicelog.pin-set/1"
    if not at_keyboard:
        reply = acted(data_dir, request, schema=schema, as_json=as_json)
    else:
        reply = perform_at_keyboard(data_dir or default_data_dir(), request)
        if as_json:
            print_json({"schema": schema, **reply})
    if reply is None or as_json:
        return
    until = "with no end" if reply["expires"] is None else f"until {reply['expires']}"
    click.echo(f"the PIN of {reply['person']} is set {until}, in ledger entry {reply['entry']} ({reply['how']})")
    if not reply["own"]:
        line = command_line("practitioners", "pin", reply["person"], data_dir=data_dir)
        click.echo(f"it signs nothing until {reply['person']} has set one of her own with it: {line}")


def _um(mm: float | None) -> int | None:
    return None if mm is None else round(mm * 1000)
