"""`db check`, `db upgrade` and `db rebuild`: care of the database file. Options in, sentences out."""

from pathlib import Path

import click

from devicelog.cli.common import (
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    witness_key_option,
)


@click.group()
def db() -> None:
    """Check the database file, bring it up to date, make it anew from its evidence."""


@db.command()
@data_dir_option
@json_option
def check(data_dir: Path | None, as_json: bool) -> int:
    """Is the file fit for use? SQLite, version, guards, list of sessions, space. Repairs nothing.

    Whether the evidence is what was recorded: `verify --all`. Exit 0: fit. 3: damaged. 5: of another version, or no
    space. 6: no database.
    """
    from devicelog.store.database import FILE_NAME
    from devicelog.store.health import DAMAGED, check_database

    data_dir = data_dir or default_data_dir()
    findings = check_database(data_dir)
    codes = {finding.code for finding in findings} - {0}
    if as_json:
        print_json(
            {
                "schema": "devicelog.db_check/1",
                "database": str(data_dir / FILE_NAME),
                "ok": not codes,
                "checks": [
                    {"check": finding.check, "ok": not finding.code, "says": finding.says} for finding in findings
                ],
            }
        )
    else:
        for finding in findings:
            click.echo(f"{'FAULT' if finding.code else 'ok':<6} {finding.check:<9}  {finding.says}")
        if DAMAGED in codes:
            click.echo(
                "next   " + command_line("verify", "--all", data_dir=data_dir) + " says whether evidence is hurt;"
            )
            click.echo("       " + command_line("db", "rebuild", data_dir=data_dir) + " restores all but evidence")
    return DAMAGED if DAMAGED in codes else max(codes, default=0)


@db.command()
@data_dir_option
def upgrade(data_dir: Path | None) -> int:
    """Bring a database of an earlier version up to date. The old file is kept.

    Every byte of evidence is copied, compared and audited first. Exit 3: evidence was altered, and nothing was changed.
    """
    return _anew(data_dir, upgrade=True)


@db.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="There is no database any more: make one of the packages in this folder and below it.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --from: a witness file or a checkpoint of the lost log. Repeatable.",
)
@witness_key_option
@click.option("--skip-damaged", is_flag=True, help="With --from: leave out packages that are damaged, and name them.")
@data_dir_option
@json_option
def rebuild(
    folder: Path | None,
    witnesses: tuple[Path, ...],
    witness_keys: tuple[Path, ...],
    skip_damaged: bool,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Make the database anew from its evidence: lists and guards. The old file is kept.

    Every byte of evidence is copied, compared and audited first. Exit 3: evidence was altered, and nothing was changed.
    With --from: a new database, with a new log that goes on from the lost one (docs/recovery.md). Exit 5: there is a
    database already. 3: a package is damaged. 7: a package is of a later version. 6: there is no package.
    """
    from devicelog.cli.importing import rebuild_from
    from devicelog.errors import UsageProblem

    if folder is not None:
        return rebuild_from(folder, data_dir, witnesses, witness_keys, skip_damaged=skip_damaged, as_json=as_json)
    if witnesses or witness_keys or skip_damaged or as_json:
        raise UsageProblem("--witness, --witness-key, --skip-damaged and --json go with --from FOLDER")
    return _anew(data_dir, upgrade=False)


def _anew(data_dir: Path | None, *, upgrade: bool) -> int:
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.recovery import recover, software, told
    from devicelog.store.database import FILE_NAME
    from devicelog.store.rebuild import rebuild as make_anew

    data_dir = data_dir or default_data_dir()
    path = data_dir / FILE_NAME
    done = make_anew(data_dir, upgrade=upgrade, stamps=RecorderClock(), sw=software())
    if done is None:
        click.echo(f"{path} is up to date: nothing to do")
        return 0
    click.echo(
        f"{path}: made anew, schema {done.from_schema} to {done.to_schema}, {done.entries} ledger entries copied"
    )
    if done.guards:
        click.echo(f"guards that were missing or replaced, and are restored: {', '.join(done.guards)}")
    click.echo(f"the old file is kept: {done.kept}")
    for words in done.again:
        click.echo(f"erased again: {words}", err=True)
    if done.again:
        click.echo(f"the old file, {done.kept}, still holds it: delete that", err=True)
    if (interrupted := recover(data_dir)) is not None:
        click.echo(told(interrupted), err=True)
    click.echo("next   " + command_line("verify", "--all", data_dir=data_dir))
    return 0
