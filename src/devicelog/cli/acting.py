"""Having an act done, by the recorder that runs or here: the answer, or its error and the exit code it ends with."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import F, default_data_dir, print_json

if TYPE_CHECKING:
    from devicelog.canonical import Json


def acted(data_dir: Path | None, request: "Json", *, schema: str, as_json: bool) -> "Json | None":
    """The answer to a request, as `asked` has it; None where it was printed already, as JSON of this schema."""
    reply = asked(data_dir, request)
    if as_json:
        print_json({"schema": schema, **reply})
        return None
    return reply


def asked(data_dir: Path | None, request: "Json") -> "Json":
    """The answer to a request. Ends the command where the act was refused. A session that was left open is closed
    first, and where nothing is yet a database is made."""
    from devicelog.desk.acts import perform
    from devicelog.recorder.recovery import recover, told
    from devicelog.store.database import FILE_NAME, prepare_data_dir

    where = data_dir or default_data_dir()
    if not (where / FILE_NAME).exists() and (warning := prepare_data_dir(where)) is not None:
        click.echo(f"warning: {warning}", err=True)
    if (interrupted := recover(where)) is not None:
        click.echo(told(interrupted), err=True)
    reply = perform(where, request)
    if not reply.pop("ok"):
        click.echo(f"error: {reply['error']}", err=True)
        raise click.exceptions.Exit(int(reply["exit_code"]))
    return reply


def say_warnings(reply: "Json") -> None:
    """What is to be said of what was done, one a line."""
    for line in reply["warnings"]:
        click.echo(f"warning: {line}", err=True)


def by_option(command: F) -> F:
    """`--by ID`."""
    return click.option("--by", required=True, metavar="ID", help="Who does it: an id, not a name.")(command)
