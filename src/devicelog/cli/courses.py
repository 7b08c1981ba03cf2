"""`courses open | acknowledge | close | list | show`: several treatments of one client for one indication."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import data_dir_option, json_option, print_json, reading, table

if TYPE_CHECKING:
    from devicelog.canonical import Json


@click.group()
def courses() -> None:
    """Courses: several treatments of one client for one indication. How many are planned and done, how far apart."""


@courses.command("open")
@click.option("--client", required=True, metavar="CODE", help="The clinic's code of the treated person.")
@click.option("--indication", required=True, metavar="WORD", help="What is treated, as hyperpigmentation.")
@click.option("--sessions", type=int, metavar="N", help="How many treatments are planned.")
@click.option("--interval-min", type=int, metavar="DAYS", help="At least so many days apart.")
@click.option("--interval-max", type=int, metavar="DAYS", help="And at most so many.")
@by_option
@data_dir_option
@json_option
def open_(
    client: str,
    indication: str,
    sessions: int | None,
    interval_min: int | None,
    interval_max: int | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Begin a course. A visit for the same indication belongs to it by itself."""
    request: Json = {"do": "course.open", "client": client, "indication": indication, "sessions": sessions, "by": by}
    request |= {"interval_min_days": interval_min, "interval_max_days": interval_max}
    if reply := acted(data_dir, request, schema="devicelog.course_opened/1", as_json=as_json):
        click.echo(f"{reply['course']}: open for {client}, {indication}")
        if reply["visits_before"]:
            click.echo(
                f"note: {', '.join(reply['visits_before'])} was opened before and belongs to no course: close it and "
                "open another one (`visits open`), which does",
                err=True,
            )
    return 0


@courses.command("acknowledge")
@click.argument("course")
@click.option("--notice", required=True, metavar="RULE", help="label.pigment, or client.checks.")
@by_option
@data_dir_option
@json_option
def acknowledge(course: str, notice: str, by: str, data_dir: Path | None, as_json: bool) -> int:
    """A standing notice was read: it is not raised again in this course."""
    request: Json = {"do": "course.acknowledge", "course": course, "notice": notice, "by": by}
    if reply := acted(data_dir, request, schema="devicelog.acknowledged/1", as_json=as_json):
        already = " was acknowledged already" if reply["already"] else " is acknowledged"
        click.echo(f"{reply['course']}: {reply['notice']} (version {reply['version']}){already}")
    return 0


@courses.command("close")
@click.argument("course")
@click.option("--how", type=click.Choice(["done", "stopped"]), required=True)
@click.option("--reason", metavar="TEXT", help="Why; wanted where it was stopped. Kept apart from the evidence.")
@by_option
@data_dir_option
@json_option
def close(course: str, how: str, reason: str | None, by: str, data_dir: Path | None, as_json: bool) -> int:
    """The course is over."""
    request: Json = {"do": "course.close", "course": course, "how": how, "reason": reason, "by": by}
    if reply := acted(data_dir, request, schema="devicelog.course_closed/1", as_json=as_json):
        click.echo(f"{reply['course']}: {reply['how']}")
    return 0


@courses.command("list")
@data_dir_option
@json_option
def list_courses(data_dir: Path | None, as_json: bool) -> None:
    """Every course, oldest first."""
    from devicelog.desk.courses import course_told
    from devicelog.desk.visits import every_course

    with reading(data_dir) as evidence:
        listed = [course_told(evidence, course.id) for course in every_course(evidence)]
    if as_json:
        print_json({"schema": "devicelog.courses/1", "courses": listed})
        return
    rows = [("course", "client", "indication", "done", "last", "")]
    rows += [
        (
            *(each["course"], each["client"] or "(erased)", each["indication"], _done(each)),
            *(each["treatments"][-1]["day"] or "day unsure" if each["treatments"] else "-", each["closed"] or "open"),
        )
        for each in listed
    ]
    click.echo("\n".join(table(rows)))


@courses.command("show")
@click.argument("course")
@data_dir_option
@json_option
def show(course: str, data_dir: Path | None, as_json: bool) -> None:
    """One course: its treatments, the days between them, done of planned."""
    from devicelog.desk.courses import course_told

    with reading(data_dir) as evidence:
        told = course_told(evidence, course)
    if as_json:
        print_json({"schema": "devicelog.course/1", **told})
        return
    click.echo(f"{told['course']}   {told['closed'] or 'open'}   {told['client'] or '(erased)'}   {told['indication']}")
    click.echo(f"  done      {_done(told)}; {_interval(told)}")
    read = ", ".join(f"{each['notice']} (version {each['version']})" for each in told["acknowledged"])
    click.echo(f"  notices   {read or 'none acknowledged'}")
    for each in told["treatments"]:
        apart = "" if each["days"] is None else f"  {each['days']} days after the one before ({each['class']})"
        zones = ", ".join(each["zones"]) or "no zone"
        click.echo(f"  {each['day'] or 'day unsure'}  {each['session']}  {zones}{apart}")


def _done(told: "Json") -> str:
    return f"{told['done']} of {told['sessions'] or '?'}"


def _interval(told: "Json") -> str:
    least, most = told["interval_min_days"], told["interval_max_days"]
    if least is None and most is None:
        return "interval: not said"
    return f"interval: {least or '?'} to {most or '?'} days"
