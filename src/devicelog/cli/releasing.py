"""`sessions release`: the chunks of sealed sessions leave the database; their packages have them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import command_line, data_dir_option, default_data_dir, json_option, print_json, reading

if TYPE_CHECKING:
    from devicelog.canonical import Json


@click.command("release")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0, 36500),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Without a SESSION: all that ended so many days ago.",
)
@data_dir_option
@json_option
def release(sessions: tuple[str, ...], days: int, data_dir: Path | None, as_json: bool) -> int:
    """Take the records of sealed sessions out of the database. Their packages have them, and are read from here on.

    Each package is read to its last byte first, and compared with the database. Copy the packages to another disk
    before: on this one they are the only record then. Exit 3: a package is missing or is another, and its session
    stays in the database.
    """
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.releasing import days_before, due

    data_dir = data_dir or default_data_dir()
    with reading(data_dir) as evidence:
        before = days_before(RecorderClock().stamp()["at"], days)
        wanted = [str(evidence.stream(name)["id"]) for name in sessions] or due(evidence.streams(), before=before)
    done: list[Json] = []
    failed = None
    for name in dict.fromkeys(wanted):
        failed = _one(data_dir, name, done)
        if failed is not None:
            break
    if as_json:
        print_json({"schema": "devicelog.release/1", "released": done, "left": wanted[len(done) :]})
    else:
        for each in done:
            size = f"{each['chunks']} chunks, {each['bytes'] / 2**20:.1f} MB"
            said = "was released before" if each["again"] else f"released: {size} are in its package alone"
            click.echo(f"{each['session']}  {said}")
        if not wanted:
            click.echo(f"nothing to release: no sealed session ended more than {days} days ago")
        elif any(not each["again"] for each in done):
            click.echo(
                "the space is used again by what is recorded next; to make the file smaller: "
                + command_line("db", "rebuild", data_dir=data_dir)
            )
    if failed is not None:
        click.echo(f"error: {failed[1]}", err=True)
        return failed[0]
    return 0


def _one(data_dir: Path, name: str, done: "list[Json]") -> tuple[int, str] | None:
    """Release one; the exit code and the words of what kept it from that."""
    from devicelog.errors import DevicelogError
    from devicelog.recorder.acts import perform

    try:
        reply = perform(data_dir, {"do": "release", "session": name})
    except DevicelogError as error:
        return error.exit_code, str(error)
    if not reply.pop("ok"):
        return int(reply["exit_code"]), str(reply["error"])
    done.append(reply)
    return None
