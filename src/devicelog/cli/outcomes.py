"""`scores masi | mmasi | gais | melanin | list` and `events types | record | follow | list`: what became of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import F, data_dir_option, json_option, print_json, reading, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from devicelog.canonical import Json

_REGIONS = ("forehead", "left-malar", "right-malar", "chin")


@click.group()
def scores() -> None:
    """Scores of the result: MASI, mMASI, GAIS, melanin index.

    No cut-offs are known, and none are shown.
    """


@click.group()
def events() -> None:
    """Adverse events, and what followed."""


def _when(command: F) -> F:
    command = click.option("--day", metavar="YYYY-MM-DD", help="When it was scored. Default: today.")(command)
    return click.option("--course", metavar="K", help="The course it belongs to.")(command)


def _regions(letters: str) -> "Callable[[F], F]":
    def add(command: F) -> F:
        for region in reversed(_REGIONS):
            command = click.option(f"--{region}", metavar=letters, help=f"{letters} of this region.")(command)
        return click.option("--total", metavar="N", help="In place of the regions: the total as it was scored.")(
            command
        )

    return add


@scores.command("masi")
@click.argument("client")
@_regions("A,D,H")
@_when
@by_option
@data_dir_option
@json_option
def masi(
    client: str,
    total: str | None,
    course: str | None,
    day: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
    **regions: str | None,
) -> None:
    """MASI, 0 to 48, of its parts: area A 0-6, darkness D 0-4 and homogeneity H 0-4 of every region; or its total."""
    _of_parts("masi", client, total, regions, course, day, by, data_dir, as_json)


@scores.command("mmasi")
@click.argument("client")
@_regions("A,D")
@_when
@by_option
@data_dir_option
@json_option
def mmasi(
    client: str,
    total: str | None,
    course: str | None,
    day: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
    **regions: str | None,
) -> None:
    """mMASI, 0 to 24, of its parts: area A 0-6 and darkness D 0-4 of every region; or its total."""
    _of_parts("mmasi", client, total, regions, course, day, by, data_dir, as_json)


@scores.command("gais")
@click.argument("client")
@click.option("--value", required=True, metavar="1..5", help="1 very much improved, 3 improved, 4 no change, 5 worse.")
@_when
@by_option
@data_dir_option
@json_option
def gais(
    client: str, value: str, course: str | None, day: str | None, by: str, data_dir: Path | None, as_json: bool
) -> None:
    """GAIS, the client's form: 1 to 5, lower is better."""
    _entered(
        "gais",
        {"client": client, "value": _value("gais", value), "course": course, "day": day, "by": by},
        data_dir,
        as_json,
    )


@scores.command("melanin")
@click.argument("client")
@click.option("--value", required=True, metavar="0..999", help="As the device shows it.")
@click.option("--zone", metavar="TEXT", help="Where it was measured.")
@_when
@by_option
@data_dir_option
@json_option
def melanin(
    client: str,
    value: str,
    zone: str | None,
    course: str | None,
    day: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Melanin index of a Mexameter, 0 to 999. Not on freshly needled, red skin."""
    from devicelog.clinical.data import load_zones, suggest

    zones = load_zones()
    if zone is not None and zone not in zones and (near := suggest(zone, zones)):
        click.echo(f"note: {zone} is kept as it is, and is no zone of `devicelog zones list`.{near}", err=True)
    request: Json = {"client": client, "value": _value("melanin", value), "zone": zone}
    _entered("melanin", {**request, "course": course, "day": day, "by": by}, data_dir, as_json)


@scores.command("list")
@click.argument("client")
@data_dir_option
@json_option
def list_scores(client: str, data_dir: Path | None, as_json: bool) -> None:
    """Every score of a client, oldest first. CLIENT is a code or a reference."""
    from devicelog.clinical.scores import SCORES, value_words
    from devicelog.desk.entering import client_named
    from devicelog.desk.outcomes import scores_of
    from devicelog.sessions import check_client_code

    with reading(data_dir) as evidence:
        ref = client_named(evidence, check_client_code(client))
        found = scores_of(evidence, ref)
    if as_json:
        print_json({"schema": "devicelog.scores/1", "client_ref": ref, "scores": found})
        return
    rows = [("day", "score", "value", "range", "", "course", "by")]
    for each in found:
        kind = SCORES[each["score"]]
        value = "(erased)" if each["value"] is None else value_words(each["score"], each["value"])
        bounds = f"{value_words(each['score'], kind.least)}-{value_words(each['score'], kind.most)}"
        how = "computed" if each["parts"] else (each["zone"] or "entered")
        rows.append((each["day"] or "-", each["score"], value, bounds, how, each["course"] or "-", each["by"]))
    click.echo("\n".join(table(rows)))
    for name in dict.fromkeys(each["score"] for each in found):
        caveat = SCORES[name].caveat
        click.echo(f"{name}: better is {SCORES[name].better}; source {SCORES[name].source} ({SCORES[name].evidence})")
        if caveat:
            click.echo(f"  {caveat}")


@events.command("types")
@json_option
def types(as_json: bool) -> None:
    """The words by which an event is told, and where they are from."""
    from dataclasses import asdict

    from devicelog.clinical.adverse import ONSETS, OUTCOMES, SEVERITIES, SOURCES, TYPES

    ours = {"severities": SEVERITIES, "onsets": ONSETS, "outcomes": OUTCOMES}
    if as_json:
        kinds = [asdict(each) for each in TYPES.values()]
        print_json({"schema": "devicelog.event-types/1", "types": kinds, **ours, "sources": SOURCES})
        return
    rows = [(each.id, each.words, each.source, each.evidence) for each in TYPES.values()]
    click.echo("\n".join(table([("type", "", "source", "grade"), *rows])))
    for what, words in ours.items():
        click.echo(f"{what} (words of ours): " + "; ".join(f"{word}, {says}" for word, says in words.items()))


def _words(*, required: bool) -> "Callable[[F], F]":
    def add(command: F) -> F:
        for name in ("outcome", "onset", "severity", "type"):
            command = click.option(
                f"--{name}", f"{name}_", required=required, metavar="WORD", help="A word of `events types`."
            )(command)
        command = click.option("--reported", is_flag=True, help="An authority or the maker was told.")(command)
        command = click.option("--seen", metavar="YYYY-MM-DD", help="The day on which it was first seen.")(command)
        return click.option("--words", metavar="TEXT", help="In words. Kept as a private text.")(command)

    return add


@events.command("record")
@click.argument("client")
@_words(required=True)
@click.option("--session", metavar="S", help="The session it followed.")
@click.option("--visit", metavar="V", help="In its place, the visit.")
@by_option
@data_dir_option
@json_option
def record(
    client: str,
    session: str | None,
    visit: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
    **words: "str | bool | None",
) -> None:
    """Record an adverse event of a session."""
    request: Json = {"do": "event.record", "client": client, "session": session, "visit": visit, "by": by}
    _event(request, words, data_dir, as_json)


@events.command("follow")
@click.argument("event")
@_words(required=False)
@by_option
@data_dir_option
@json_option
def follow(event: str, by: str, data_dir: Path | None, as_json: bool, **words: "str | bool | None") -> None:
    """What became of an event: only what is different now."""
    _event({"do": "event.follow", "event": event, "by": by}, words, data_dir, as_json)


@events.command("list")
@click.argument("client", required=False)
@data_dir_option
@json_option
def list_events(client: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Every adverse event of a client, or of all. CLIENT is a code or a reference."""
    from devicelog.desk.entering import client_named
    from devicelog.desk.outcomes import events_of
    from devicelog.sessions import check_client_code

    with reading(data_dir) as evidence:
        ref = None if client is None else client_named(evidence, check_client_code(client))
        found = events_of(evidence, ref)
    if as_json:
        print_json({"schema": "devicelog.events/1", "client_ref": ref, "events": found})
        return
    rows = [("event", "client", "session", "type", "severity", "onset", "outcome", "reported", "followed")]
    for each in found:
        told = [str(each[key] or "(erased)") for key in ("type", "severity", "onset", "outcome")]
        reported, followed = "yes" if each["reported"] else "no", str(len(each["history"]) - 1)
        rows.append((each["event"], each["client_ref"], each["session"] or "-", *told, reported, followed))
    click.echo("\n".join(table(rows)))


def _of_parts(
    score: str,
    client: str,
    total: str | None,
    regions: "dict[str, str | None]",
    course: str | None,
    day: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    given = {region: text for region, text in regions.items() if text is not None}
    parts = {region: _parts(score, region, text) for region, text in given.items()} if given else None
    value = None if total is None else _value(score, total)
    request: Json = {"client": client, "parts": parts, "value": value, "course": course, "day": day, "by": by}
    _entered(score, request, data_dir, as_json)


def _parts(score: str, region: str, text: str) -> "dict[str, int]":
    from devicelog.clinical.scores import SCORES
    from devicelog.errors import UsageProblem

    names, given = SCORES[score].parts, text.split(",")
    if len(given) != len(names) or not all(each.strip().isdecimal() and each.isascii() for each in given):
        raise UsageProblem(f"{score}, {region}: {text!a} is not {len(names)} whole numbers: {', '.join(names)}")
    parts = {name: int(each) for name, each in zip(names, given, strict=True)}
    if parts["area"] == 0 and any(parts.values()):
        click.echo(f"note: {region} has no area and is darker all the same: it counts as 0", err=True)
    return parts


def _value(score: str, text: str) -> int:
    from devicelog.clinical.scores import read_value

    return read_value(score, text)


def _entered(score: str, request: "Json", data_dir: Path | None, as_json: bool) -> None:
    from devicelog.clinical.scores import score_document, value_words

    score_document(score, parts=request.get("parts"), value=request.get("value"), day="")  # refused before anything
    request |= {"do": "score.record", "score": score}
    done = acted(data_dir, request, schema="devicelog.score-recorded/1", as_json=as_json)
    if done is not None:
        words = value_words(score, done["value"])
        click.echo(f"{done['client_ref']}: {score} {words} on {done['day']}, as ledger entry {done['entry']}")


def _event(request: "Json", words: "dict[str, str | bool | None]", data_dir: Path | None, as_json: bool) -> None:
    request |= {name.removesuffix("_"): value for name, value in words.items()}
    done = acted(data_dir, request, schema="devicelog.event-recorded/1", as_json=as_json)
    if done is not None:
        of = done["session"] or done["visit"]
        click.echo(f"{done['event']} of {done['client_ref']} ({of}): as ledger entry {done['entry']}")
