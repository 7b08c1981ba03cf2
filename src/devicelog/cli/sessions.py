"""`sessions list | show | readings | attribute`: what was recorded, and correcting where it belongs."""

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    A_PERSON,
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    reading,
    table,
)
from devicelog.cli.late import enter, withdraw
from devicelog.cli.releasing import release
from devicelog.cli.signing import amend, explain, sign

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.store.evidence import Evidence
    from devicelog.store.reading import StreamRow

_DERIVING_S = 120.0  # a session of four hours on a slow computer, beside a recording


@click.group()
def sessions() -> None:
    """What was recorded: list, read, correct, get the data out."""


for command in (release, enter, withdraw, sign, amend, explain):
    sessions.add_command(command)


@sessions.command("list")
@data_dir_option
@json_option
def list_sessions(data_dir: Path | None, as_json: bool) -> None:
    """Every session, oldest first, and the time the pen was heard outside one."""
    from devicelog.cli.late_entries import late_entries, late_lines

    with reading(data_dir) as evidence:
        rows = evidence.streams()
        listed = [
            {
                "id": row["id"],
                "status": row["status"],
                "verdict": row["verdict"],
                "mode": row["mode"],
                "opened_at": row["opened_at"],
                "closed_at": row["closed_at"],
                "clock": row["clock"],
                "client": evidence.client_code(row["client_ref"]),
                "practitioner": row["practitioner"],
                "plan": row["plan"],
                "pen_serial": row["pen_serial"],
            }
            for row in rows
            if row["kind"] == "session"
        ]
        spans = [
            {key: row[key] for key in ("id", "status", "mode", "opened_at", "closed_at", "clock", "pen_serial")}
            | {"needling_us": _needling_us(evidence, row)}
            for row in rows
            if row["kind"] == "span"
        ]
        entered = late_entries(evidence)
    if as_json:
        print_json({"schema": "devicelog.sessions/1", "sessions": listed, "spans": spans, "entered": entered})
        return
    head = ("session", "opened", "status", "verdict", "client", "practitioner", "plan")
    lines = [head] + [
        (
            row["id"],
            row["opened_at"][:19].replace("T", " ") + "Z",
            row["status"] + ("" if row["mode"] == "real" else f" ({row['mode']})"),
            row["verdict"] or "-",
            row["client"] or "(erased)",
            row["practitioner"],
            row["plan"],
        )
        for row in listed
    ]
    click.echo("\n".join(table(lines)))
    for line in late_lines(entered):
        click.echo(line)
    heard = [span for span in spans if span["needling_us"]]
    click.echo(
        f"{len(listed)} sessions; {len(spans)} times the pen was listened to outside one, {len(heard)} with needling"
    )
    for span in heard:
        opened, seconds = span["opened_at"][:19].replace("T", " "), span["needling_us"] / 1_000_000
        click.echo(f"  {span['id']}  {opened}Z  {seconds:.1f} s on the skin, or contact unknown")
    if listed:
        click.echo("read one: " + command_line("sessions", "show", listed[-1]["id"], data_dir=data_dir))


def _needling_us(evidence: "Evidence", row: "StreamRow") -> int | None:
    """For how long the pen was on the skin in a closed span, or ran with contact unknown."""
    from devicelog.canonical import parse_canonical

    if row["derived"] is None:
        return None
    zones = parse_canonical(evidence.document(row["derived"]))["facts"]["zones"]
    return sum(int(zone["contact_us"] + zone["contact_unknown_us"]) for zone in zones)


@sessions.command("show")
@click.argument("session")
@click.option("--derivation", type=int, metavar="N", help="Not the newest: 1 is as it was recorded.")
@click.option("--rules", type=click.Choice(["today"]), help="What the rules of today would say, and the difference.")
@data_dir_option
@json_option
def show(session: str, derivation: int | None, rules: str | None, data_dir: Path | None, as_json: bool) -> None:
    """One session as a treatment record. SESSION is its id or a unique beginning of it."""
    from devicelog.cli.late_entries import late_document, late_text
    from devicelog.errors import UsageProblem

    with reading(data_dir) as evidence:
        late = late_document(evidence, session)
    if late is not None:
        if derivation is not None or rules is not None:
            raise UsageProblem(f"{late['id']} was entered from paper: nothing of it was measured, derived or judged")
        print_json(late) if as_json else click.echo(late_text(late), nl=False)
        return
    if rules is not None:
        from devicelog.cli.rules_today import today_document, today_text

        with reading(data_dir) as evidence, evidence.of(session) as (kept, row):
            judged = today_document(kept, row["id"], derivation)
        if as_json:
            print_json(judged)
        else:
            click.echo(today_text(judged), nl=False)
        return
    from devicelog.cli.report import show_document, show_text

    with reading(data_dir) as evidence, evidence.of(session) as (kept, row):
        document = show_document(kept, row["id"], derivation)
    if as_json:
        print_json(document)
    else:
        click.echo(show_text(document), nl=False)


@sessions.command("readings")
@click.argument("session")
@click.option("--format", "shape", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--pins", is_flag=True, help="What the pins said beside the pen, not the pen.")
@data_dir_option
def readings(session: str, shape: str, pins: bool, data_dir: Path | None) -> None:
    """Every sample of a session on stdout. Units stand in the column names; an empty cell: the pen did not say.

    A zone that was corrected is the corrected one.
    """
    from devicelog.cli.readings import Samples
    from devicelog.samples import COLUMNS

    with reading(data_dir) as evidence, evidence.of(session) as (kept, row):
        rows = Samples(kept, row, pins=pins).rows()
        if shape == "csv":
            writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        else:
            for sample in rows:
                sys.stdout.write(json.dumps(sample, separators=(",", ":")) + "\n")


@sessions.command("attribute")
@click.argument("session")
@click.option("--practitioner", required=True, metavar="ID", help="Who corrects: an id, not a name.")
@click.option("--reason", required=True, metavar="TEXT", help="Why. Kept apart from the evidence, as a note is.")
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="SPAN=ZONE",
    help="A span by its number in `sessions show`, or a zone for all its spans, and where it belongs. Repeatable.",
)
@click.option("--client", metavar="CODE", help="The clinic's code of the person who was treated; never a name.")
@data_dir_option
@json_option
def attribute(
    session: str,
    practitioner: str,
    reason: str,
    moves: tuple[str, ...],
    client: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Correct a zone or the client of a session that has ended.

    Nothing that was recorded is changed: the session is derived once more, and both derivations stay. Says so when the
    correction is on disk.
    """
    from devicelog.cli.newcomers import say_new
    from devicelog.clinical.data import load_zones
    from devicelog.control import ask
    from devicelog.errors import NotFound
    from devicelog.recorder.attributing import attribute_here, parse_attribution
    from devicelog.sessions import looks_like_a_person

    data_dir = data_dir or default_data_dir()
    request: Json = {"session": session, "practitioner": practitioner, "reason": reason, "client": client}
    request["moves"] = list(moves)
    command = parse_attribution(request, load_zones())
    with reading(data_dir) as evidence:
        evidence.stream(session)
    if command.client_code is not None and looks_like_a_person(command.client_code):
        click.echo(A_PERSON + "correct the client once more with such a code.", err=True)
    say_new(data_dir, client=command.client_code)
    try:
        reply = ask(data_dir, {"command": "attribute", **request}, timeout_s=_DERIVING_S)
    except NotFound:  # nobody records
        reply = attribute_here(data_dir, command)
    if not reply.pop("ok"):
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    _extend(data_dir, reply["session"])
    if as_json:
        print_json({"schema": "devicelog.attribution/1", **reply})
        return 0
    number, stream = reply["derivation"], reply["session"]
    click.echo(f"{stream}: derivation {number} is on disk, as ledger entry {reply['entry']}")
    for moved in reply["moved"]:
        click.echo(f"  span {moved['span']} from {moved['from']} to {moved['zone']}")
    if reply["client_ref"]:
        click.echo(f"  the client is {command.client_code}")
    click.echo(f"  verdict: {reply['verdict']}; before: {reply['verdict_before']}")
    click.echo("it         " + command_line("sessions", "show", stream, data_dir=data_dir))
    before = command_line("sessions", "show", stream, "--derivation", str(number - 1), data_dir=data_dir)
    click.echo("before it  " + before)
    return 0


def _extend(data_dir: Path, stream: str) -> None:
    """What came later goes to the package; where that fails it is told, for the correction itself is on disk."""
    from devicelog.errors import DevicelogError
    from devicelog.recorder.acts import perform

    try:
        reply = perform(data_dir, {"do": "extend", "session": stream})
        why = None if reply["ok"] else str(reply["error"])
    except DevicelogError as error:
        why = str(error)
    if why:
        click.echo(f"warning: the correction is on disk, and not yet beside the package: {why}", err=True)


@sessions.command("seal")
@click.argument("session", required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every session that has ended and is not sealed, and corrections that were cut off.",
)
@data_dir_option
@json_option
def seal(session: str | None, everything: bool, data_dir: Path | None, as_json: bool) -> int:
    """Seal a session that has ended: count its entries, sign the ledger, write its package.

    A recorder does this by itself when it ends; this is for what was cut off, and for what an earlier version recorded.
    A correction that was cut off before it was beside its package is taken up, too.
    """
    from devicelog.errors import DevicelogError, UsageProblem
    from devicelog.recorder.acts import perform
    from devicelog.recorder.sealing import pending

    if bool(session) == everything:
        raise UsageProblem("name one session, or --all")
    data_dir = data_dir or default_data_dir()
    with reading(data_dir) as evidence:
        waiting = [
            str(row["id"])
            for row in ([evidence.stream(session)] if session else evidence.streams())
            if session or (row["kind"] == "session" and row["closed_seq"] is not None and row["package"] is None)
        ]
        corrected = [stream for stream in pending(evidence) if everything or stream in waiting]
    done = []
    for number, stream in enumerate(waiting, 1):
        if sys.stderr.isatty():
            click.echo(f"sealing {stream} ({number} of {len(waiting)})", err=True)
        reply = perform(data_dir, {"do": "seal", "session": stream})
        if not reply.pop("ok"):
            click.echo(f"error: {reply['error']}", err=True)
            return int(reply["exit_code"])
        done.append(reply)
    code = 0
    for stream in corrected:  # one whose package is damaged keeps no other waiting
        try:
            reply = perform(data_dir, {"do": "take_up", "session": stream})
        except DevicelogError as error:
            reply = {"ok": False, "error": str(error), "exit_code": error.exit_code}
        if not reply["ok"]:
            click.echo(f"error: {stream}: its correction is not beside its package: {reply['error']}", err=True)
            code = max(code, int(reply["exit_code"]))
        else:
            click.echo(f"{stream}: a correction that was cut off is beside its package now", err=True)
    if as_json:
        print_json({"schema": "devicelog.sealed/1", "sealed": done})
        return code
    for each in done:
        click.echo(f"{each['session']}: {each['package']}")
    if not done:
        click.echo("every session that has ended is sealed")
    return code
