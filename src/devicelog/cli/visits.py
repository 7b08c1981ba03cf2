"""`visits open | plan | override | close | list | show`: who is here, what is planned, what is allowed beforehand."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import A_PERSON, command_line, data_dir_option, json_option, print_json, reading, table

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.clinic.visits import Visit
    from devicelog.store.evidence import Evidence

_plan_option = click.option("--plan", "plan_name", metavar="NAME", help="A plan's name, or a path ending in .toml.")
_last_time = click.option("--as-last-time", is_flag=True, help="The plan of this client's last session or visit.")


@click.group()
def visits() -> None:
    """Visits: who is here, what is planned, what is allowed beforehand. Several can wait at once."""


@visits.command("open")
@click.option("--client", required=True, metavar="CODE", help="The clinic's code of the treated person; never a name.")
@click.option("--practitioner", required=True, metavar="ID", help="Who will treat: an id, not a name.")
@_plan_option
@_last_time
@click.option("--course", metavar="COURSE", help="Default: the client's open course for what is planned, if any.")
@click.option("--by", metavar="ID", help="Who prepares; the practitioner where it is left out.")
@data_dir_option
@json_option
def open_(
    client: str,
    practitioner: str,
    plan_name: str | None,
    as_last_time: bool,
    course: str | None,
    by: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """A client is here. What is recorded for this visit is judged over all its sessions."""
    from devicelog.cli.newcomers import say_new
    from devicelog.sessions import looks_like_a_person

    request: Json = {"do": "visit.open", "client": client, "practitioner": practitioner, "course": course}
    request |= {"plan": _plan(data_dir, plan_name, as_last_time), "by": by or practitioner}
    if looks_like_a_person(client):
        click.echo(A_PERSON + "close this visit and open another one with such a code.", err=True)
    say_new(data_dir, client=client, practitioner=practitioner)
    reply = acted(data_dir, request, schema="devicelog.visit_opened/1", as_json=as_json)
    if reply is None:
        return 0
    visit = reply["visit"]
    course_words = f", course {reply['course']}" if reply["course"] else ""
    click.echo(f"{visit}: open for {client}, plan {reply['plan']}{course_words}")
    if reply["open_already"]:
        click.echo(f"note: open for this client already: {', '.join(reply['open_already'])}", err=True)
    line = command_line("record", "--pen", "URL", "--visit", visit, data_dir=data_dir)
    click.echo(f"record it: {line}")
    return 0


@visits.command("plan")
@click.argument("visit")
@_plan_option
@_last_time
@by_option
@data_dir_option
@json_option
def plan(visit: str, plan_name: str | None, as_last_time: bool, by: str, data_dir: Path | None, as_json: bool) -> int:
    """Another plan for a visit. What was recorded already keeps the plan of its time."""
    request: Json = {"do": "visit.plan", "visit": visit, "by": by, "plan": _plan(data_dir, plan_name, as_last_time)}
    if reply := acted(data_dir, request, schema="devicelog.visit_planned/1", as_json=as_json):
        change = "planned as before" if reply["change"] == "none" else reply["change"]
        click.echo(f"{reply['visit']}: {change}: {reply['plan']}")
    return 0


@visits.command("override")
@click.argument("visit")
@click.option("--rule", required=True, metavar="RULE", help="What is allowed: a rule's id, as depth.over_hard_max.")
@click.option("--zone", metavar="ZONE", help="There alone; left out: everywhere.")
@click.option("--reason", required=True, metavar="TEXT", help="Why. Kept apart from the evidence.")
@by_option
@data_dir_option
@json_option
def override(
    visit: str, rule: str, zone: str | None, reason: str, by: str, data_dir: Path | None, as_json: bool
) -> int:
    """Before the session, allow what a rule would find. It is found all the same, and told as allowed."""
    request: Json = {"do": "visit.override", "visit": visit, "rule": rule, "zone": zone, "reason": reason, "by": by}
    if reply := acted(data_dir, request, schema="devicelog.override/1", as_json=as_json):
        where = f" in {reply['zone']}" if reply["zone"] else " everywhere"
        click.echo(f"{reply['visit']}: {reply['rule']} is allowed{where}, with a reason")
    return 0


@visits.command("close")
@click.argument("visit")
@by_option
@data_dir_option
@json_option
def close(visit: str, by: str, data_dir: Path | None, as_json: bool) -> int:
    """The visit is over: no session is added to it any more."""
    request: Json = {"do": "visit.close", "visit": visit, "by": by}
    if reply := acted(data_dir, request, schema="devicelog.visit_closed/1", as_json=as_json):
        click.echo(f"{reply['visit']}: closed, {len(reply['sessions'])} sessions ({reply['how']})")
    return 0


@visits.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are closed, too.")
@data_dir_option
@json_option
def list_visits(everything: bool, data_dir: Path | None, as_json: bool) -> None:
    """The visits that are open: who waits, or is being treated."""
    from devicelog.desk.visits import every_visit

    with reading(data_dir) as evidence:
        listed = [_row(evidence, visit) for visit in every_visit(evidence) if everything or visit.closed is None]
    if as_json:
        print_json({"schema": "devicelog.visits/1", "visits": listed})
        return
    rows = [("visit", "opened", "client", "practitioner", "plan", "sessions", "")]
    rows += [
        (
            *(each["visit"], each["opened_at"][:16].replace("T", " ") + "Z", each["client"] or "(erased)"),
            *(each["practitioner"], each["plan"], ", ".join(each["sessions"]) or "none yet", each["closed"] or "open"),
        )
        for each in listed
    ]
    click.echo("\n".join(table(rows)))


@visits.command("show")
@click.argument("visit")
@data_dir_option
@json_option
def show(visit: str, data_dir: Path | None, as_json: bool) -> None:
    """One visit: what is planned, what was entered for it, and its sessions."""
    from devicelog.desk.visits import visit_named
    from devicelog.store.matters import matters

    with reading(data_dir) as evidence:
        found = visit_named(evidence, visit)
        told = _row(evidence, found)
        entries = [
            {
                "entry": entry.seq,
                "at": entry.values["at"],
                "type": entry.type,
                "by": entry.values["actor"]["id"],
                "auth": entry.values["actor"]["auth"],
                "told": entry.body["told"],
            }
            for entry in matters(evidence, found.id)
        ]
    if as_json:
        print_json({"schema": "devicelog.visit/1", **told, "overrides": list(found.overrides), "entries": entries})
        return
    click.echo(f"{told['visit']}   {told['closed'] or 'open'}   {told['client'] or '(erased)'}")
    click.echo(f"  plan      {told['plan']}, {told['indication']}; course: {told['course'] or 'none'}")
    click.echo(f"  sessions  {', '.join(told['sessions']) or 'none yet'}")
    for each in entries:
        says = ", ".join(_said(key, value) for key, value in each["told"].items() if value not in (None, "", []))
        click.echo(f"  {each['at'][11:16]}Z  {each['type']:<20} by {each['by']} (auth: {each['auth']})  {says}")


def _said(key: str, value: object) -> str:
    """One thing that an entry says, as a person reads it; a scan is for machines."""
    if key == "scan":
        return "scanned"
    if isinstance(value, bool):
        return key.replace("_", " ") if value else f"not {key.replace('_', ' ')}"
    return f"{key} {' and '.join(map(str, value)) if isinstance(value, list) else value}"


def _row(evidence: "Evidence", visit: "Visit") -> "Json":
    from devicelog.desk.visits import plan_of

    return {
        "visit": visit.id,
        "opened_at": visit.opened_at,
        "client": evidence.client_code(visit.client_ref),
        "client_ref": visit.client_ref,
        "course": visit.course,
        "practitioner": visit.practitioner,
        "indication": visit.indication,
        "plan": plan_of(evidence, visit).id,
        "sessions": list(visit.sessions),
        "closed": visit.closed,
    }


def _plan(data_dir: Path | None, name: str | None, as_last_time: bool) -> "Json | None":
    from devicelog.cli.planning import plan_named
    from devicelog.errors import UsageProblem

    if (name is None) != as_last_time:
        raise UsageProblem("name a plan with --plan NAME, or --as-last-time")
    return None if name is None else plan_named(data_dir, name).document()
