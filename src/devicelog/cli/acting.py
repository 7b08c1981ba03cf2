"""Having an act done, by the recorder that runs or here: the answer, or its error and the exit code it ends with."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import F, default_data_dir, print_json

if TYPE_CHECKING:
    from devicelog.canonical import Json


def acted(data_dir: Path | None, request: "Json", *, schema: str, as_json: bool) -> "Json | None":
    """The answer to a request; None where it was printed already, as JSON of this schema. Ends the command where the
    act was refused."""
    from devicelog.desk.acts import perform

    reply = perform(data_dir or default_data_dir(), request)
    if not reply.pop("ok"):
        click.echo(f"error: {reply['error']}", err=True)
        raise click.exceptions.Exit(int(reply["exit_code"]))
    if as_json:
        print_json({"schema": schema, **reply})
        return None
    return reply


def by_option(command: F) -> F:
    """`--by ID`."""
    return click.option("--by", required=True, metavar="ID", help="Who does it: an id, not a name.")(command)
