"""What a recording begins with: client, practitioner and plan as given, or those of a visit; shown to be confirmed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted
from devicelog.cli.planning import plan_named

if TYPE_CHECKING:
    from devicelog.desk.opening import Desk
    from devicelog.store.reading import StreamRow


def begin(
    data_dir: Path,
    *,
    client: str | None,
    practitioner: str | None,
    plan_name: str | None,
    visit: str | None,
    go_on: bool,
) -> "Desk":
    """Whom and what the session is for. Raises UsageProblem where too much or too little was named, NotFound."""
    from devicelog.desk.opening import Desk
    from devicelog.errors import UsageProblem
    from devicelog.sessions import check_client_code, check_practitioner

    if visit is not None and go_on:
        raise UsageProblem("--continue finds the visit by itself: leave --visit out")
    if visit is None and not go_on:
        missing = [
            option
            for option, given in (("--client", client), ("--practitioner", practitioner), ("--plan", plan_name))
            if given is None
        ]
        if client is None or practitioner is None or plan_name is None:
            raise UsageProblem(
                f"{', '.join(missing)} is missing: name client, practitioner and plan; or a visit with --visit; or go "
                "on with --continue"
            )
        return Desk(
            client_code=check_client_code(client),
            practitioner=check_practitioner(practitioner),
            plan=plan_named(data_dir, plan_name),
        )
    if client is not None or plan_name is not None:
        raise UsageProblem("client and plan are those of the visit: leave --client and --plan out (visits plan)")
    return _of_visit(data_dir, visit, practitioner)


def _of_visit(data_dir: Path, visit: str | None, practitioner: str | None) -> "Desk":
    from devicelog.cli.common import reading
    from devicelog.desk.continuing import visit_to_continue
    from devicelog.desk.opening import Desk
    from devicelog.desk.visits import plan_of, visit_named
    from devicelog.errors import BadTransition
    from devicelog.sessions import check_practitioner

    if visit is None:
        with reading(data_dir) as evidence:
            row, _ = visit_to_continue(evidence)
        by = practitioner or str(row["practitioner"])
        reply = acted(data_dir, {"do": "visit.continue", "by": by}, schema="", as_json=False)
        visit = str(reply["visit"]) if reply else ""
        practitioner = by
        for told in _left_behind(data_dir, row, by, visit):
            click.echo(told, err=True)
    with reading(data_dir) as evidence:
        found = visit_named(evidence, visit)
        if found.closed is not None:
            raise BadTransition(f"{found.id} is closed ({found.closed}). `devicelog visits open` opens another one")
        code = evidence.client_code(found.client_ref)
        if code is None:
            raise BadTransition(f"the client of {found.id} was erased: open another visit")
        return Desk(
            client_code=code,
            practitioner=check_practitioner(practitioner or found.practitioner),
            plan=plan_of(evidence, found),
            visit=found.id,
        )


def _left_behind(data_dir: Path, row: "StreamRow", by: str, visit: str) -> list[str]:
    """What was handed over and planned anew in the session that goes on, and does not go on by itself."""
    from devicelog.canonical import parse_canonical
    from devicelog.cli.common import reading
    from devicelog.words.planned import range_typed

    try:
        with reading(data_dir) as evidence:
            facts = parse_canonical(evidence.document(evidence.derivations(row)[-1].body["derived"]))["facts"]
    except Exception as error:  # noqa: BLE001 # old evidence can be anything, and no recording waits for it
        why = str(error) or type(error).__name__
        return [f"note: whether {row['id']} was handed over or its plan changed cannot be read: {why}"]
    lines = []
    operators = facts.get("operators") or ()
    holder = operators[-1]["practitioner"] if operators else by
    if holder != by:
        lines.append(
            f"note: {holder} held the pen at the end of {row['id']}, and this one begins with {by}. Where {holder} "
            f"goes on: `--continue --practitioner {holder}`, or `devicelog mark operator {holder}` once it records"
        )
    changed = {change["zone"]: change for change in facts.get("plan_changes") or ()}
    if changed:
        marks = ", ".join(f"`devicelog mark plan {zone} {range_typed(each)}`" for zone, each in changed.items())
        lines.append(
            f"note: depths that were planned anew in {row['id']} hold no more, the visit's plan does: mark them again "
            f"once it records, {marks}; or give the visit another plan first: `devicelog visits plan {visit} "
            "--plan NAME`"
        )
    return lines


def confirm(data_dir: Path, desk: "Desk", *, ask: bool, say: Callable[[str], None] | None = None) -> None:
    """Say whom it is for, when they were last here and who treats; on a terminal wait for Enter where `ask`.

    Where nobody is asked it is told to `say`, which does not wait: a terminal that nobody reads stops no recording.
    """
    asks = ask and sys.stdin is not None and sys.stdin.isatty()
    tell = say if say is not None and not asks else _echo
    for line in _said(data_dir, desk):
        tell(line)
    if sys.stderr is not None and sys.stderr.isatty():  # a skin type is for whoever stands here, and for no log
        for line in notice(data_dir, desk):
            tell(line)
    if asks:
        _echo("Enter begins; Ctrl-C does not")
        sys.stdin.readline()


def _echo(line: str) -> None:
    click.echo(line, err=True)


def _said(data_dir: Path, desk: "Desk") -> list[str]:
    from devicelog.desk.treated import treated_before
    from devicelog.desk.visits import of_another_day, open_visits, visit_named
    from devicelog.recorder.clock import RecorderClock
    from devicelog.sessions import looks_like_a_person
    from devicelog.store.database import FILE_NAME, check_existing
    from devicelog.store.evidence import Evidence

    before, waiting, unread, old = "never here before", [], None, None
    if check_existing(data_dir):
        try:
            with Evidence(data_dir / FILE_NAME) as evidence:
                ref = evidence.client_ref(desk.client_code)
                if ref is not None and (treated := treated_before(evidence, ref, simulated=True)):
                    before = f"last here {treated[-1].day or 'on a day nobody is sure of'} ({treated[-1].id})"
                if desk.visit is None:
                    waiting = [visit.id for visit in open_visits(evidence, ref)] if ref else []
                else:
                    old = of_another_day(evidence, visit_named(evidence, desk.visit), RecorderClock().stamp())
        except Exception as error:  # noqa: BLE001 # old evidence can be anything, and no recording waits for it
            before = "when last here is not known"
            unread = (
                f"note: earlier sessions cannot be read: {error or type(error).__name__}. Recording goes on. "
                "`devicelog verify --all` says what is damaged"
            )
    visit = f", visit {desk.visit}" if desk.visit else ""
    code = "(not shown: it looks like a person)" if looks_like_a_person(desk.client_code) else desk.client_code
    lines = [f"client {code}, {before}; practitioner {desk.practitioner}; plan {desk.plan.id}{visit}"]
    if unread is not None:
        lines.append(unread)
    if old is not None:
        lines.append(f"note: {old}")
    if waiting:
        lines.append(f"note: {waiting[-1]} is open for this client: --visit {waiting[-1]} records into it")
    return lines


def notice(data_dir: Path, desk: "Desk") -> list[str]:
    """The standing notice of the client's skin type, until it was read in this course. Personal: for a screen.

    Of every skin type there is a line and the command: an acknowledgement that only some were asked for would tell,
    in the ledger, whose skin is darker (docs/adr/0017).
    """
    from devicelog.cli.common import command_line
    from devicelog.clinical.suitability import darker
    from devicelog.desk.clients import client_now
    from devicelog.desk.courses import CLIENT, STANDING
    from devicelog.desk.visits import course_named, visit_named
    from devicelog.store.database import FILE_NAME
    from devicelog.store.evidence import Evidence

    if not (data_dir / FILE_NAME).exists():
        return []
    try:
        with Evidence(data_dir / FILE_NAME) as evidence:
            ref = evidence.client_ref(desk.client_code)
            details = client_now(evidence, ref) if ref else None
            visit = visit_named(evidence, desk.visit) if desk.visit else None
            course = course_named(evidence, visit.course) if visit and visit.course else None
    except Exception as error:  # noqa: BLE001 # old evidence can be anything, and nothing stops a recording
        return [f"whether there is a standing notice of the skin type is not known: {error or type(error).__name__}"]
    if details is None or details["phototype"] is None or (course and STANDING[CLIENT] in course.acknowledged):
        return []
    row = darker(details["phototype"])
    if course is None:
        return [f"standing notice: {row.detail}"] if row.result == "found" else []
    read = command_line(
        *("courses", "acknowledge", course.id, "--notice", CLIENT, "--by", desk.practitioner), data_dir=data_dir
    )
    said = f"standing notice: {row.detail}" if row.result == "found" else f"no standing notice of skin {row.detail}"
    return [f"{said}; read once in a course, of whatever skin: {read}"]
