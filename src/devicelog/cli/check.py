"""`verify` and `replay`: is the evidence whole, and does the record follow from it?"""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import Number, data_dir_option, default_data_dir, json_option, print_json, reading

if TYPE_CHECKING:
    from devicelog.store.reading import Kept, StreamRow

CHECK_FAILED = 3
CANNOT_DECIDE = 7


@click.command()
@click.argument("what", required=False, metavar="[SESSION|PATH]")
@click.option("--all", "everything", is_flag=True, help="The whole database.")
@click.option("--key", "pin", type=click.Path(path_type=Path), metavar="PIN", help="The pin: docs/verify.md.")
@click.option(
    "--witness",
    "witnesses",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A witness's key, a copy of a checkpoint, or a witness file. Repeatable.",
)
@click.option("--require-witness", is_flag=True, help="Exit 7 where nobody outside held any of it.")
@data_dir_option
@json_option
def verify(
    what: str | None,
    everything: bool,
    pin: Path | None,
    witnesses: tuple[Path, ...],
    require_witness: bool,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Check the database against itself and every signature it holds; or a package or bag at PATH. Repairs nothing.

    Exit 0: consistent, or verified. Exit 3: something was altered, and each place is named. Exit 7: cannot be decided,
    as without a pin.
    """
    from devicelog.errors import UsageProblem

    if bool(what) == everything:
        raise UsageProblem("name one session, a package or a bag, or --all")
    if what is not None and is_path(what):
        from devicelog.verify import main

        words = [
            what,
            *(("--key", str(pin)) if pin else ()),
            *(w for file in witnesses for w in ("--witness", str(file))),
        ]
        return main([*words, *(["--require-witness"] if require_witness else []), *(["--json"] if as_json else [])])
    return _database(what, pin, witnesses, data_dir, as_json=as_json, require_witness=require_witness)


def is_path(what: str) -> bool:
    """Whether a word means a file or folder and not a session: it has a slash or a dot, or there is one."""
    return "/" in what or "." in what or Path(what).exists()


def _database(
    session: str | None,
    pin: Path | None,
    witnesses: tuple[Path, ...],
    data_dir: Path | None,
    *,
    as_json: bool,
    require_witness: bool,
) -> int:
    from devicelog.cli.coverage import coverage_document, coverage_text
    from devicelog.cli.outside import outside_of, pin_file
    from devicelog.errors import EvidenceDamaged
    from devicelog.packages.whole import BesideDatabase
    from devicelog.recorder.recovery import recover, told
    from devicelog.recorder.sealing import pending
    from devicelog.store.audit import audit
    from devicelog.store.database import FILE_NAME
    from devicelog.store.evidence import Evidence

    data_dir = data_dir or default_data_dir()
    outside, trusted = outside_of(witnesses), pin_file(pin) if pin else None
    try:
        interrupted = recover(data_dir)
    except EvidenceDamaged as error:
        click.echo(f"before checking: {error}", err=True)
    else:
        if interrupted is not None:
            click.echo(told(interrupted), err=True)

    def progress(part: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"checking {part}", err=True)

    with Evidence(data_dir / FILE_NAME) as evidence, _no_circles():
        only = evidence.stream(session)["id"] if session else None
        beside = BesideDatabase(data_dir)
        report = audit(
            evidence.connection, evidence.path, only=only, outside=outside, packages=beside, progress=progress
        )
        behind = [] if report.problems else pending(evidence, only)  # the list of sessions may be what is wrong
    another = trusted is not None and report.pin is not None and report.pin.log != trusted.log
    if trusted is not None and report.pin != trusted and not another:
        report.problems.append(f"the keys of this ledger are not those that {pin} names")
    undecided = ["no witness was brought that held any of it"] if require_witness and not report.witnessed else []
    if another and trusted is not None and report.pin is not None:
        undecided.append(
            f"{pin} is the pin of {trusted.log}; this ledger is {report.pin.log}: another one, or one put in its "
            "place. One that continues it has its own pin, and names it in its first entries"
        )
    elif trusted is not None and (unsigned := report.unsigned()):
        undecided.append(
            f"{', '.join(unsigned)}: ended, and its newest entry is under no checkpoint that the pinned key signed: "
            "anybody with the file could have written it. `devicelog checkpoint sign` has it signed"
        )
    code = CHECK_FAILED if report.problems else CANNOT_DECIDE if undecided else 0
    if as_json:
        print_json(
            {
                "schema": "devicelog.verify/1",
                "ok": not report.problems,
                "problems": report.problems,
                "undecided": undecided,
                "coverage": coverage_document(report, only, behind),
            }
        )
        return code
    for problem in report.problems:
        click.echo(f"ALTERED: {problem}")
    click.echo(coverage_text(report, only, int(time.time()), behind))
    for words in undecided:
        click.echo(f"CANNOT DECIDE: {words}")
    click.echo("consistent" if not report.problems else f"NOT CONSISTENT: {len(report.problems)} problems")
    return code


@contextmanager
def _no_circles() -> Iterator[None]:
    """What is read of a ledger is kept to the end, none of it in a circle: looking for circles would take a sixth."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@click.command()
@click.argument("session")
@click.option("--to", type=click.Choice(["pty"]), help="Play it as a pen on a pseudo-terminal instead, marked as test.")
@click.option("--link", metavar="PATH", help="With --to: where the port is. Default: ./replayed-pen.")
@click.option("--speed", type=Number(0.1, 20), help="With --to: how fast. Default: 1.")
@data_dir_option
@json_option
def replay(
    session: str, to: str | None, link: str | None, speed: float | None, data_dir: Path | None, as_json: bool
) -> int:
    """Derive a session again from its evidence and compare. Every derivation of it is compared.

    Exit 0: identical, or derived by another engine (the difference is printed). Exit 3: not what was kept.
    """
    from devicelog.errors import UsageProblem
    from devicelog.recorder.replay import replay as derive_again

    if to is None and (link, speed) != (None, None):
        raise UsageProblem("--link and --speed go with --to pty")
    with reading(data_dir) as evidence, evidence.of(session) as (kept, row):
        if to is not None:
            return _play(kept, row, link or "./replayed-pen", speed or 1.0)
        results = derive_again(kept, row)
    ok = all(result.holds for result in results)
    if as_json:
        rows = [result.document() for result in results]
        print_json({"schema": "devicelog.replay/1", **rows[-1], "ok": ok, "derivations": rows})
        return 0 if ok else CHECK_FAILED
    for result in results:
        of = result.stream if len(results) == 1 else f"{result.stream}, derivation {result.derivation}"
        for line in result.difference:
            click.echo(line)
        if result.identical:
            click.echo(f"identical: {result.records} records give the derived record {result.kept[:16]} of {of}")
        elif result.holds:
            click.echo(
                f"derived by engine {result.engine_then}; this is engine {result.engine_now}. The kept record stands."
            )
        else:
            click.echo(f"NOT IDENTICAL: {of} was kept as {result.kept}, and derives to {result.now}")
    return 0 if ok else CHECK_FAILED


def _play(evidence: "Kept", row: "StreamRow", path: str, speed: float) -> int:
    from devicelog.errors import NotFound, UsageProblem
    from devicelog.recorder.playback import identity_of, play, steps_of
    from devicelog.recorder.stop import Stop
    from firmware_bridge.simulator.run import PtyLink

    pen = evidence.entry(row["no"]).body.get("pen")
    if pen is None:
        raise NotFound(f"{row['id']} is no session: nobody said which pen it was")
    if not pen["protocol_major"]:
        raise UsageProblem(
            f"{row['id']} is of a pen that sends lines of text: nothing in them could say that it is a test"
        )
    stop = Stop()
    with stop.on_signals(), PtyLink(path) as link:
        click.echo(f"{row['id']} plays at {path} as soon as a recorder opens it; Ctrl-C ends it", err=True)
        ended = play(
            steps_of(evidence.records(row["no"])),
            link,
            identity_of(pen, evidence.records(row["no"])),
            speed=speed,
            stop=stop,
        )
        if ended:
            click.echo("played to its end", err=True)
    return 0 if ended else 130
