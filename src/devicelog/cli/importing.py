"""What `db rebuild --from` and `checkpoint continue` say: what was brought over, and what is known to be gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    legible,
    print_json,
    witness_key_option,
)

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.recorder.importing import Imported
    from devicelog.recorder.predecessor import Predecessor


def rebuild_from(
    folder: Path,
    data_dir: Path | None,
    witnesses: tuple[Path, ...],
    witness_keys: tuple[Path, ...],
    *,
    skip_damaged: bool,
    as_json: bool,
) -> int:
    """Make a database of packages, and tell what was done."""
    from devicelog.cli.outside import witness_keys as keys_in
    from devicelog.recorder.importing import rebuild_from as make
    from devicelog.store.database import FILE_NAME

    where = data_dir or default_data_dir()
    done = make(
        folder,
        where,
        witnesses=witnesses,
        keys=keys_in(witness_keys),
        skip_damaged=skip_damaged,
        say=lambda words: click.echo(words, err=True),
    )
    if as_json:
        print_json({"schema": "devicelog.rebuilt_from/1", "database": str(where / FILE_NAME), **_document(done)})
        return 0
    click.echo(f"{where / FILE_NAME}: a new database with a new log, {done.log}")
    click.echo(f"{len(done.found)} sessions are read from their packages, which lie beside it")
    for line in _told(done):
        click.echo(line)
    click.echo("its key is new; give it to whoever checks: " + command_line("checkpoint", "key", data_dir=data_dir))
    click.echo("check it: " + command_line("verify", "--all", data_dir=data_dir))
    return 0


@click.command("continue")
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The old data directory; or a checkpoint, or a witness file, where that is all there is.",
)
@witness_key_option
@click.option(
    "--end-old-log",
    is_flag=True,
    help="Where its signer signed more than PATH has: have it sign nothing for the old log any more. For good.",
)
@data_dir_option
@json_option
def continue_log(
    source: Path, witness_keys: tuple[Path, ...], end_old_log: bool, data_dir: Path | None, as_json: bool
) -> int:
    """Begin a new log that goes on from an old one: its device was replaced, or an older backup was put in its place.

    The new log is in --data-dir, which has no database yet. It names the old one's newest signed head, and its key is
    new. No session is brought over: the old directory stays readable, and `db rebuild --from` brings packages over.
    Exit 3: the old log would have to be ended for good, and --end-old-log was not given; nothing was done.
    """
    from devicelog.cli.outside import witness_keys as keys_in
    from devicelog.recorder.continuing import continue_from
    from devicelog.store.database import FILE_NAME

    where = data_dir or default_data_dir()
    done = continue_from(source, where, keys=keys_in(witness_keys), end_old_log=end_old_log)
    before = done.predecessor
    if as_json:
        said = {"database": str(where / FILE_NAME), "log": done.log, "predecessor": before.body(), "lost": done.lost}
        said |= {"unchecked": list(before.unchecked), "unasked": done.unasked, "unsigned": done.unsigned}
        print_json({"schema": "devicelog.continued/1", **said})
        return 0
    click.echo(f"{where / FILE_NAME}: a new database with a new log, {done.log}")
    for line in _predecessor(before):
        click.echo(line)
    if done.lost:
        click.echo(
            f"{done.lost} entries or more were signed that {source} has not: an older backup. That log is ended; "
            "what was recorded in them is gone, unless its packages are elsewhere"
        )
    if done.unasked:
        click.echo(f"its signer could not be asked whether it signed more: {done.unasked}")
    if done.unsigned:
        click.echo(f"the new log is not signed yet: {done.unsigned}")
    click.echo("its key is new; give it to whoever checks: " + command_line("checkpoint", "key", data_dir=data_dir))
    return 0


def _document(done: "Imported") -> "Json":
    return {
        "log": done.log,
        "predecessors": [
            {**each.body(), "entries_known": each.known, "unchecked": list(each.unchecked)}
            for each in done.predecessors
        ],
        "sessions": [{"id": each.stream, "log": each.log, "package": each.sha256} for each in done.found],
        "left_out": [{"path": str(each.path), "why": each.why} for each in done.left_out],
        "known_missing": list(done.alone),
        "unsigned": done.unsigned,
    }


def _told(done: "Imported") -> Iterator[str]:
    for before in done.predecessors:
        yield from _predecessor(before)
        gone = max(0, before.head.size - before.known)
        yield (
            f"  of its {before.head.size} entries {before.known} came with the packages; {gone} or more are gone: "
            "times outside sessions, what was not sealed, calibrations. Whether sessions are among them nobody can tell"
        )
    yield from (f"LEFT OUT  {each.why}" for each in done.left_out)
    for stream in done.alone:
        yield f"MISSING   {stream}: there is something that belongs to its package, and no package"
    if done.unsigned:
        yield f"the new log is not signed yet: {done.unsigned}"


def _predecessor(before: "Predecessor") -> Iterator[str]:
    if before.vkey is None:
        said = f"it goes on from {before.head.origin}, whose first {before.head.size} entries were signed as it says"
        yield f"{said}; a checkpoint does not say its key, so the signature of the log was not checked"
    else:
        yield f"it goes on from {before.head.origin}, whose first {before.head.size} entries were signed"
    if before.witness is None:
        yield "  outside witness of that: none whose signature was checked"
    else:
        yield f"  outside witness of that: {before.witness.name} at {before.witness.at}"
    for name in before.unchecked:
        yield f"  not entered as a witness: no key was given for {legible(name)} (--witness-key)"
    last = before.last_at or "unknown"
    yield f"  its newest entry that is known is of {last}; of the time from then until now nothing is known"
