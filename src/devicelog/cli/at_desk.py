"""Having an act at the desk done from the command line: by the recorder that runs, or here."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import default_data_dir

if TYPE_CHECKING:
    from devicelog.canonical import Json


def desk_act(data_dir: Path | None, request: "Json") -> "Json | int":
    """Have it done; the answer, or how the command ends. A session that was left open is closed first."""
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
        return int(reply["exit_code"])
    return reply


def say_warnings(reply: "Json") -> None:
    """What is to be said of what was done, one a line."""
    for line in reply["warnings"]:
        click.echo(f"warning: {line}", err=True)
