"""`clients list | show | describe | export | erase | retention`: what is held on a treated person, and for how long."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    reading,
    table,
    undone_when_stopped,
)
from devicelog.cli.describing import describe

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.recorder.erasing import Held
    from devicelog.store.clients import Known
    from devicelog.store.evidence import Evidence


@click.group()
def clients() -> None:
    """Treated persons: what is held on one, describe, export, erase it, how long it is kept."""


clients.add_command(describe)


@clients.command("list")
@data_dir_option
@json_option
def list_clients(data_dir: Path | None, as_json: bool) -> None:
    """Every client who has a code here or was erased, by their first session."""
    from devicelog.store.clients import clients as known_clients

    with reading(data_dir) as evidence:
        listed = [_row(known) for known in known_clients(evidence)]
    if as_json:
        print_json({"schema": "devicelog.clients/1", "clients": listed})
        return
    rows = [("client", "reference", "sessions", "first", "last")]
    for each in listed:
        name = each["client"] or f"(erased {each['erased']['at'][:10]} by {each['erased']['by']})"
        days = [(each[key] or "-")[:10] for key in ("first", "last")]
        rows.append((name, each["client_ref"], str(each["sessions"]), days[0], days[1]))
    click.echo("\n".join(table(rows)))


def _row(known: "Known") -> "Json":
    return {
        "client": known.code,
        "client_ref": known.client_ref,
        "sessions": len(known.sessions),
        "first": known.sessions[0]["opened_at"] if known.sessions else None,
        "last": known.sessions[-1]["opened_at"] if known.sessions else None,
        "erased": _erased(known),
    }


def _erased(known: "Known") -> "Json | None":
    entry = known.erased
    return None if entry is None else {"entry": entry.seq, "at": entry.values["at"], "by": entry.values["actor"]["id"]}


@clients.command("show")
@click.argument("client")
@data_dir_option
@json_option
def show(client: str, data_dir: Path | None, as_json: bool) -> None:
    """What is held on one client. CLIENT is a code or a reference (`clients list`)."""
    with reading(data_dir) as evidence:
        document = _document(evidence, _held(evidence, client))
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(_text(document)))


def _held(evidence: "Evidence", name: str) -> "Held":
    from devicelog.recorder.erasing import held_on
    from devicelog.sessions import check_client_code
    from devicelog.store.clients import client as known_client

    return held_on(evidence, known_client(evidence, check_client_code(name)))


def _document(evidence: "Evidence", held: "Held") -> "Json":
    from devicelog.cli.late_entries import late_of
    from devicelog.desk.clients import client_now
    from devicelog.recorder.erasing import kept_with
    from devicelog.recorder.retention import in_force
    from devicelog.store.clients import exports_of, pseudonyms
    from devicelog.store.erasures import files_of

    ref, streams = held.known.client_ref, [str(row["id"]) for row in held.streams]
    retention = in_force(evidence)
    return {
        "schema": "devicelog.client/1",
        **_row(held.known),
        "described": client_now(evidence, ref),
        "sessions": [
            {key: row[key] for key in ("id", "status", "opened_at", "closed_at", "clock")} for row in held.sessions
        ],
        "entered": late_of(evidence, ref),
        "once": [str(row["id"]) for row in held.streams if row["client_ref"] != ref],
        "texts": sum(evidence.note_text(name) is not None for name in held.texts),
        "texts_erased": sum(evidence.note_text(name) is None for name in held.texts),
        "pseudonyms": pseudonyms(evidence, ref),
        "files": [str(path) for stream in streams for path in files_of(evidence.path.parent, stream)],
        "kept": [str(path) for path in kept_with(evidence.path)],
        "handed_out": [
            {"entry": entry.seq, "at": entry.values["at"], "recipient": entry.body["recipient"]}
            for entry in exports_of(evidence, set(streams))
        ],
        "retention_days": None if retention is None else retention.body["days"],
    }


def _text(told: "Json") -> list[str]:
    erased, days = told["erased"], told["retention_days"]
    lines = [f"Client {told['client'] or '(erased)'}   {told['client_ref']}"]
    if erased:
        lines.append(f"  ERASED        {erased['at']} by {erased['by']} (ledger entry {erased['entry']})")
    lines += _described(told["described"])
    lines.append(f"  sessions      {len(told['sessions'])}")
    lines += [
        f"    {row['id']}  {row['opened_at'][:19].replace('T', ' ')}Z  {row['status']}" for row in told["sessions"]
    ]
    if told["entered"]:
        lines.append(f"  entered       {len(told['entered'])} from paper, not measured")
    lines += [f"    {row['id']}  {row['day']}  {row['status']}" for row in told["entered"]]
    if told["once"]:
        lines.append(f"  once theirs   {', '.join(told['once'])}: corrected to another client since")
    lines.append(f"  texts held    {told['texts']} notes and reasons; {told['texts_erased']} erased or not kept")
    lines += [f"  pseudonym     {name} (told to {who})" for who, name in told["pseudonyms"].items()]
    lines += [f"  private file  {path}" for path in told["files"]]
    lines += _elsewhere(told)
    lines.append("  kept at least " + ("not set: `clients retention` says how" if days is None else f"{days} days"))
    return lines


def _described(details: "Json | None") -> list[str]:
    """What was described of the client, if anything was."""
    if details is None:
        return ["  described     not recorded: `clients describe` says more"]
    seen = "a paper was seen" if details["age_verified"] else "no paper was seen"
    born = f"{details['born']} ({seen})" if details["born"] else "not recorded"
    named = {"born": born, "skin type": details["phototype"], "name": details["name"], "contact": details["contact"]}
    return [f"  {what:<13} {value or 'not recorded'}" for what, value in named.items()]


def _elsewhere(told: "Json") -> list[str]:
    """Where copies may be that an erasure does not reach by itself, and what to do."""
    lines = [f"  OLD DATABASE  {path}: may hold it; delete it, or erase with --with-kept" for path in told["kept"]]
    for out in told["handed_out"]:
        who = out["recipient"] or "a recipient who was not named"
        lines.append(
            f"  HANDED OUT    {out['at'][:10]} to {who} (ledger entry {out['entry']}): begun then, and not known to be "
            "complete; ask them to delete it"
        )
    return lines


@clients.command("export")
@click.argument("client")
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), help="A new folder, or a new .zip file."
)
@data_dir_option
@json_option
def export(client: str, target: Path, data_dir: Path | None, as_json: bool) -> None:
    """Everything held on one client, to be given to that client. CLIENT is a code or a reference."""
    from devicelog.cli.person import write_person

    with undone_when_stopped("nothing was written"), reading(data_dir) as evidence:
        person = write_person(evidence, _held(evidence, client), target)
    if as_json:
        print_json({**person, "written_to": str(target)})
    else:
        late = f"{len(person['entered'])} entered from paper, " if person["entered"] else ""
        click.echo(f"{target}: {len(person['sessions'])} sessions, {late}{len(person['texts'])} texts")
    withheld = sum(text["withheld"] for text in person["texts"])
    if withheld:
        click.echo(f"{withheld} texts name the code of another person and were left out: read them yourself", err=True)


@clients.command("erase")
@click.argument("client")
@click.option("--practitioner", required=True, metavar="ID", help="Who erases: an id, not a name.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, without the client's code.")
@click.option("--yes", is_flag=True, help="Do it; off a terminal nothing is done without.")
@click.option("--with-kept", is_flag=True, help="Also delete the old database files that upgrades and rebuilds kept.")
@data_dir_option
@json_option
def erase(
    client: str, practitioner: str, reason: str, yes: bool, with_kept: bool, data_dir: Path | None, as_json: bool
) -> int:
    """Erase a client's code, notes, reasons and pseudonyms, for good. What was recorded stays, and so does every proof.

    Of one who was erased already, by the reference: what was left then. Refused while a retention runs, or a session.
    """
    from devicelog.recorder.acts import perform
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.erasing import check_may_erase, parse_erase, something_held

    data_dir = data_dir or default_data_dir()
    with reading(data_dir) as evidence:
        held = _held(evidence, client)
        request: Json = {"do": "erase", "client": held.known.client_ref, "practitioner": practitioner}
        request |= {"reason": reason, "with_kept": with_kept}
        parse_erase(request)
        if something_held(evidence, held):
            check_may_erase(evidence, held, RecorderClock().stamp())
        before = _document(evidence, held)
    if not yes and not _agreed(before, with_kept):
        return 2
    done = perform(data_dir, request)
    if not done.pop("ok"):
        click.echo(f"error: {done['error']}", err=True)
        return int(done["exit_code"])
    with reading(data_dir) as evidence:
        after = _document(evidence, _held(evidence, held.known.client_ref))
    if as_json:
        print_json({"schema": "devicelog.erasure/1", **done, "kept": after["kept"], "handed_out": after["handed_out"]})
    else:
        click.echo(
            f"{done['client_ref']} is erased, as ledger entry {done['entry']}: {done['rows']} private rows are gone"
        )
        click.echo("\n".join(_elsewhere(after)) or "no old database file and no copy handed out is known of")
        click.echo("backups and copies of this directory are not reached: docs/privacy.md says what to do with them")
        click.echo("next   " + command_line("verify", "--all", data_dir=data_dir))
    for fault in done["faults"]:
        click.echo(f"warning: {fault}", err=True)
    if not done["log_emptied"]:
        click.echo(
            "warning: somebody reads the database, so its log (devicelog.db-wal) still has what was erased; the next "
            "command that writes empties it",
            err=True,
        )
    return 0


def _agreed(before: "Json", with_kept: bool) -> bool:
    """Say what would be done, and ask for it where there is somebody to ask."""
    what = f"{before['client_ref']}: the code, {before['texts']} texts of {len(before['sessions'])} sessions, "
    what += f"{len(before['pseudonyms'])} pseudonyms and {len(before['files'])} private files"
    kept = f", and {len(before['kept'])} old database files" if with_kept else ""
    click.echo(f"would erase, for good, what is held on {what}{kept}", err=True)
    for line in _elsewhere(before):
        click.echo(line, err=True)
    if not sys.stdin.isatty():
        click.echo("error: nothing is erased without --yes", err=True)
        return False
    return click.confirm("erase it?", default=False, err=True)


@clients.command("retention")
@click.option(
    "--days", type=int, metavar="N", help="Keep private texts at least so long after each session; 0: no time."
)
@click.option("--practitioner", metavar="ID", help="Who sets it: an id, not a name.")
@click.option("--reason", metavar="TEXT", help="Why: which law or rule.")
@data_dir_option
@json_option
def retention(
    days: int | None, practitioner: str | None, reason: str | None, data_dir: Path | None, as_json: bool
) -> int:
    """How long private texts are kept at least: show it, or set it with --days."""
    from devicelog.errors import UsageProblem
    from devicelog.recorder.acts import perform
    from devicelog.recorder.retention import in_force, parse_retention

    data_dir = data_dir or default_data_dir()
    if days is None and (practitioner, reason) != (None, None):
        raise UsageProblem("--practitioner and --reason go with --days")
    if days is not None:
        request: Json = {"do": "retention", "days": days, "practitioner": practitioner, "reason": reason}
        parse_retention(request)
        with reading(data_dir):
            pass  # there is a database, and what was left open is closed
        done = perform(data_dir, request)
        if not done["ok"]:
            click.echo(f"error: {done['error']}", err=True)
            return int(done["exit_code"])
    with reading(data_dir) as evidence:
        entry = in_force(evidence)
        why = None if entry is None else evidence.note_text(entry.body["reason_sha256"])
    told = {
        "days": None if entry is None else entry.body["days"],
        "entry": None if entry is None else entry.seq,
        "at": None if entry is None else entry.values["at"],
        "by": None if entry is None else entry.values["actor"]["id"],
        "reason": why,
    }
    if as_json:
        print_json({"schema": "devicelog.retention/1", **told})
    elif entry is None:
        words = ("clients", "retention", "--days", "N", "--practitioner", "ID", "--reason", "TEXT")
        click.echo(
            "not set: nothing can be erased before it is. Which law applies here nobody else can know; set it by"
        )
        click.echo("  " + command_line(*words, data_dir=data_dir))
    else:
        click.echo(f"{told['days']} days after each session, set {told['at']} by {told['by']}: {why}")
    return 0
