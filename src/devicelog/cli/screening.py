"""`screening questions | answer | same | override | show`: what is asked before needling, and what was answered."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.acting import acted, by_option
from devicelog.cli.common import (
    command_line,
    data_dir_option,
    json_option,
    print_json,
    reading,
    table,
)

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.clinical.screening import Questionnaire
    from devicelog.desk.screening import Screening

_APPROVAL = (
    "A clinician must approve the list before it is used on people. It is no advice: a yes needs a person's word."
)


_visit_option = click.option("--visit", metavar="V", help="Default: the one visit of the client that is open.")


@click.group()
def screening() -> None:
    """Screening: questions before needling, answers, a word for a yes.

    Nothing of it stops a recording.
    """


@screening.command("questions")
@json_option
def questions(as_json: bool) -> None:
    """Every question, with who says that it is to be asked; and what sources disagree about."""
    from devicelog.clinical.shipped import load_questionnaire

    asked = load_questionnaire()
    if as_json:
        print_json(asked.document())
        return
    rows = [("question", "list", "source", "grade", "")]
    for each in asked.questions:
        text = each.text if each.answered == "person" else f"(not asked: the skin type says it) {each.text}"
        rows.append((each.id, each.list, ", ".join(each.source), each.evidence, text))
    click.echo(f"{asked.name}")
    click.echo("\n".join(f"  {line}" for line in table(rows)))
    for conflict in asked.conflicts:
        click.echo()
        click.echo(f"{conflict['question']}: sources disagree")
        for said in conflict["says"]:
            click.echo(f"  {said['source']} ({said['evidence']}): {said['words']}")
        click.echo(f"  {conflict['done']}")
    click.echo()
    for key, words in asked.sources.items():
        click.echo(f"{key}: {words}")
    click.echo(_APPROVAL)


@screening.command("answer")
@click.argument("client")
@click.option("--all-no", is_flag=True, help="Every question was asked and denied, but for --yes.")
@click.option("--yes", "affirmed", multiple=True, metavar="QUESTION", help="This one was answered with yes.")
@click.option(
    "--answers",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answers in a TOML or .json file: QUESTION = true for yes, false for no.",
)
@_visit_option
@by_option
@data_dir_option
@json_option
def answer(
    client: str,
    all_no: bool,
    affirmed: tuple[str, ...],
    file: Path | None,
    visit: str | None,
    by: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Enter what a client answered: every question, or nothing is entered.

    Where the client has one open visit it is for that one.
    """
    from devicelog.clinical.shipped import load_questionnaire
    from devicelog.errors import UsageProblem

    asked = load_questionnaire()
    if file is not None and (all_no or affirmed):
        raise UsageProblem("--answers has all of them: leave --all-no and --yes out")
    if file is not None:
        answers = asked.check(_read(file))
    elif all_no:
        answers = asked.all_no_but(affirmed)
    else:
        answers = asked.check(dict.fromkeys(affirmed, True))
    _entered(
        {"do": "screening.answer", "client": client, "answers": answers, "visit": visit, "by": by}, data_dir, as_json
    )


@screening.command("same")
@click.argument("client")
@_visit_option
@by_option
@data_dir_option
@json_option
def same(client: str, visit: str | None, by: str, data_dir: Path | None, as_json: bool) -> None:
    """No change since last time: the last answers, with the date of today. A yes needs a new word."""
    _entered({"do": "screening.same", "client": client, "visit": visit, "by": by}, data_dir, as_json)


@screening.command("override")
@click.argument("client")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is treated all the same. Kept as a private text.")
@click.option("--clearance", is_flag=True, help="Also for an age or a skin type outside the device's clearance.")
@by_option
@data_dir_option
@json_option
def override(client: str, reason: str, clearance: bool, by: str, data_dir: Path | None, as_json: bool) -> None:
    """A person's word for every yes of the last time that the client was asked."""
    request = {"do": "screening.override", "client": client, "reason": reason, "clearance": clearance, "by": by}
    done = acted(data_dir, request, schema="devicelog.screening-overridden/1", as_json=as_json)
    if done is not None:
        click.echo(
            f"{done['client_ref']}: a word for {done['words_for']} of screening {done['screening']}, as ledger entry "
            f"{done['entry']}"
        )


@screening.command("show")
@click.argument("client")
@data_dir_option
@json_option
def show(client: str, data_dir: Path | None, as_json: bool) -> None:
    """Every time that a client was asked. CLIENT is a code or a reference."""
    from devicelog.desk.entering import client_named
    from devicelog.desk.screening import screenings_of
    from devicelog.sessions import check_client_code

    with reading(data_dir) as evidence:
        ref = client_named(evidence, check_client_code(client))
        found = screenings_of(evidence, ref)
    if as_json:
        print_json(
            {"schema": "devicelog.screenings/1", "client_ref": ref, "screenings": [_document(each) for each in found]}
        )
        return
    if not found:
        click.echo("not recorded: this client was never asked here")
    for each in found:
        click.echo("\n".join(_text(each)))


def _entered(request: "Json", data_dir: Path | None, as_json: bool) -> None:
    done = acted(data_dir, request, schema="devicelog.screening-answered/1", as_json=as_json)
    if done is None:
        return
    of = f" for {done['visit']}" if done["visit"] else ""
    click.echo(f"{done['client_ref']}: {done['questionnaire']}{of}, {done['result']}, as ledger entry {done['entry']}")
    if done["result"] == "yes":
        click.echo("a yes needs a word from a person, with a reason:")
        who = ("--by", request["by"])
        line = command_line("screening", "override", request["client"], "--reason", "TEXT", *who, data_dir=data_dir)
        click.echo(f"  {line}")


def _read(file: Path) -> "Json":
    """The answers in a file. Raises NotFound, UsageProblem."""
    import json
    import tomllib

    from devicelog.errors import NotFound, UsageProblem

    try:
        text = file.read_text("utf-8-sig")
        values = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError as error:
        raise NotFound(f"{file}: there is no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageProblem(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(values, dict):
        raise UsageProblem(f"{file}: expected QUESTION = true or false, a line each")
    return values


def _document(screening_: "Screening") -> "Json":
    return {
        "entry": screening_.seq,
        "at": screening_.at,
        "clock": screening_.clock,
        "by": screening_.by,
        "visit": screening_.visit,
        "questionnaire": screening_.questionnaire.name,
        "result": screening_.result,
        "same_as": screening_.same_as,
        "answers": screening_.answers,
        "words": list(screening_.words),
        "word_missing": _without_word(screening_, screening_.questionnaire),
    }


def _without_word(screening_: "Screening", asked: "Questionnaire") -> list[str]:
    yes = asked.yes(screening_.answers) if screening_.answers else ()
    return [each.id for each in yes if each.id not in screening_.given]


def _text(screening_: "Screening") -> list[str]:
    same_as = f", no change since entry {screening_.same_as}" if screening_.same_as is not None else ""
    visit = f" for {screening_.visit}" if screening_.visit else ""
    head = f"{screening_.at[:16].replace('T', ' ')}Z by {screening_.by}{visit} (ledger entry {screening_.seq}{same_as})"
    lines = [head, f"  {screening_.questionnaire.name}: {screening_.result}"]
    if screening_.answers is None:
        return [*lines, "  answers     erased, or not held"]
    lines += [f"  yes         {each.text}" for each in screening_.questionnaire.yes(screening_.answers)]
    lines += [
        f"  word        {word['by']}, for {', '.join((*word['questions'], *word.get('found', ())))}: {word['reason']}"
        for word in screening_.words
    ]
    missing = _without_word(screening_, screening_.questionnaire)
    return [*lines, f"  NO WORD     for {', '.join(missing)}"] if missing else lines
