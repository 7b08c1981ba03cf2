"""`verify` and `replay`: is the evidence whole, and does the record follow from it?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import Number, data_dir_option, default_data_dir, json_option, print_json, reading

if TYPE_CHECKING:
    from devicelog.store.evidence import Evidence
    from devicelog.store.reading import StreamRow

CHECK_FAILED = 3


@click.command()
@click.argument("session", required=False)
@click.option("--all", "everything", is_flag=True, help="The whole database.")
@data_dir_option
@json_option
def verify(session: str | None, everything: bool, data_dir: Path | None, as_json: bool) -> int:
    """Check the database against itself: every hash, number, guard and list. Repairs nothing.

    Exit 0: consistent. Exit 3: something was altered, and each place is named.
    """
    from devicelog.errors import EvidenceDamaged, UsageProblem
    from devicelog.recorder.recovery import recover, told
    from devicelog.store.audit import audit
    from devicelog.store.database import FILE_NAME
    from devicelog.store.evidence import Evidence

    if bool(session) == everything:
        raise UsageProblem("name one session, or --all")
    data_dir = data_dir or default_data_dir()
    try:
        interrupted = recover(data_dir)
    except EvidenceDamaged as error:
        click.echo(f"before checking: {error}", err=True)
    else:
        if interrupted is not None:
            click.echo(told(interrupted), err=True)

    def progress(what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"checking {what}", err=True)

    with Evidence(data_dir / FILE_NAME) as evidence:
        only = evidence.stream(session)["id"] if session else None
        report = audit(evidence.connection, evidence.path, only=only, progress=progress)
    coverage = {
        "entries": report.entries,
        "streams": 1 if only else report.streams,
        "chunks": report.chunks,
        "records": report.records,
        "documents": report.documents,
        "chunks_not_yet_in_the_ledger": report.uncommitted_chunks,
        "erased_private_payloads": report.erased,
        "head": report.head,
        "outside_witness": None,
    }
    if as_json:
        print_json(
            {
                "schema": "devicelog.verify/1",
                "ok": not report.problems,
                "problems": report.problems,
                "coverage": coverage,
            }
        )
        return CHECK_FAILED if report.problems else 0
    for problem in report.problems:
        click.echo(f"ALTERED: {problem}")
    click.echo(
        f"checked {report.entries} ledger entries, {report.documents} documents, {report.chunks} chunks with "
        f"{report.records} records" + (f" of {only}" if only else f" in {report.streams} streams")
    )
    if report.uncommitted_chunks:
        click.echo(f"{report.uncommitted_chunks} chunks of the open session are not yet named by the ledger")
    if report.erased:
        click.echo(f"{report.erased} private texts (client codes, notes) were erased; their commitments stand")
    click.echo("outside witness: none. Whoever could rewrite the whole file could make it consistent with itself.")
    click.echo(f"newest entry: {report.head or 'none'}")
    click.echo("consistent" if not report.problems else f"NOT CONSISTENT: {len(report.problems)} problems")
    return CHECK_FAILED if report.problems else 0


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
    with reading(data_dir) as evidence:
        row = evidence.stream(session)
        if to is not None:
            return _play(evidence, row, link or "./replayed-pen", speed or 1.0)
        results = derive_again(evidence, row)
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


def _play(evidence: "Evidence", row: "StreamRow", path: str, speed: float) -> int:
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
