"""What a recording begins with: client, practitioner and plan as given, or those of a visit; shown to be confirmed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted
from devicelog.cli.planning import plan_named

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.desk.opening import Desk
    from devicelog.store.evidence import Evidence


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


def confirm(data_dir: Path, desk: "Desk", *, ask: bool) -> None:
    """Say whom it is for, when they were last here and who treats; on a terminal wait for Enter where `ask`."""
    for line in _said(data_dir, desk):
        click.echo(line, err=True)
    if ask and sys.stdin is not None and sys.stdin.isatty():
        click.echo("Enter begins; Ctrl-C does not", err=True)
        sys.stdin.readline()


def _said(data_dir: Path, desk: "Desk") -> list[str]:
    from devicelog.desk.treated import treated_before
    from devicelog.desk.visits import open_visits
    from devicelog.sessions import looks_like_a_person
    from devicelog.store.database import FILE_NAME, check_existing
    from devicelog.store.evidence import Evidence

    before, waiting, unread = "never here before", [], None
    changed: list[str] = []
    if (data_dir / FILE_NAME).exists():
        check_existing(data_dir)
        try:
            with Evidence(data_dir / FILE_NAME) as evidence:
                ref = evidence.client_ref(desk.client_code)
                if ref is not None and (treated := treated_before(evidence, ref, simulated=True)):
                    before = f"last here {treated[-1].day or 'on a day nobody is sure of'} ({treated[-1].id})"
                changed = [] if desk.visit is None else _changed(evidence, desk)
                if desk.visit is None:
                    waiting = [visit.id for visit in open_visits(evidence, ref)] if ref else []
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
    lines += changed
    if waiting:
        lines.append(f"note: {waiting[-1]} is open for this client: --visit {waiting[-1]} records into it")
    return lines


def _changed(evidence: "Evidence", desk: "Desk") -> list[str]:
    """What marks changed in the session that this one goes on from: it begins again with what the visit has."""
    from devicelog.canonical import parse_canonical
    from devicelog.desk.visits import session_of_visit

    stream = session_of_visit(evidence, str(desk.visit))
    row = None if stream is None else evidence.stream(stream)
    if row is None or row["derived"] is None:
        return []
    facts = parse_canonical(evidence.document(row["derived"]))["facts"]
    return forgotten(facts, str(row["id"]), desk.practitioner)


def forgotten(facts: "Json", stream: str, practitioner: str) -> list[str]:
    """A hand-over and changed depths of a session, each with the mark that says it again."""
    from devicelog.words.units import mm

    lines = []
    operators = [each["practitioner"] for each in facts.get("operators") or ()]
    if operators and operators[-1] != practitioner:
        said = f"note: {stream} was handed over to {operators[-1]}, and this session begins with {practitioner}"
        lines.append(f"{said}: `devicelog mark operator {operators[-1]}` hands it over again")
    for zone, change in {each["zone"]: each for each in facts.get("plan_changes") or ()}.items():
        depths = f"{mm(change['depth_min_um'])}-{mm(change['depth_max_um'])}"
        least, most = change.get("passes_min"), change.get("passes_max")
        passes = "" if least is None or most is None else f" passes {least}-{most}"
        said = f"note: the plan of {zone} was changed in {stream}, and this session begins with the visit's"
        lines.append(f"{said}: `devicelog mark plan {zone} {depths}{passes}` changes it again")
    return lines
