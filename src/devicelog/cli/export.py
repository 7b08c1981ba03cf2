"""`export`: evidence and its readable shapes, handed out. Options in, a folder or a bag out.

The act is in the ledger and signed before the first file is written (recorder/exporting.py).
"""

import shlex
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    program,
    reading,
    undone_when_stopped,
)

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.packages.bag import Sink
    from devicelog.packages.redaction import Shown
    from devicelog.packages.report.facts import ReportFacts
    from devicelog.packages.session_bag import Entered
    from devicelog.packages.whole import WholeEvidence
    from devicelog.recorder.exporting import ExportCommand
    from devicelog.store.evidence import Evidence
    from devicelog.store.reading import Kept, StreamRow

_EACH_BYTES = 4 << 20  # readable shapes of a session, beside its package; of an hour they are more


@click.command()
@click.argument("sessions", nargs=-1)
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), metavar="PATH", help="A new folder.")
@click.option(
    "--format", "formats", default="bag", show_default=True, metavar="LIST", help="bag, csv, jsonl, fhir, html, pdf."
)
@click.option("--redact", is_flag=True, help="Without private texts: client codes, notes, reasons.")
@click.option(
    "--recipient", metavar="ID", help="Who it is for; the client has a name that only this one is given, and no code."
)
@click.option("--by", metavar="ID", help="Who hands it out: an id, not a name.")
@click.option("--inspection", is_flag=True, help="Every entry of the ledger, and one page about a time.")
@click.option("--from", "first", metavar="DAY", help="With --inspection: the first day, as 2031-01-01.")
@click.option("--until", "last", metavar="DAY", help="With --inspection: the last day.")
@data_dir_option
@json_option
def export(
    sessions: tuple[str, ...],
    target: Path,
    formats: str,
    redact: bool,
    recipient: str | None,
    by: str | None,
    inspection: bool,
    first: str | None,
    last: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Hand out sessions as evidence that can be checked without us, and as readable files.

    A bag is checked with `devicelog verify PATH --key PIN`, or with verify.py, or with programs that every computer has
    (docs/verify.md). An existing PATH is never written into.
    """
    from devicelog.errors import UsageProblem
    from devicelog.packages.whole import WholeEvidence
    from devicelog.recorder.acts import perform
    from devicelog.recorder.exporting import parse_export

    if inspection != (first is not None and last is not None) or (not inspection and (first or last)):
        raise UsageProblem("--inspection goes with --from DAY and --until DAY")
    if inspection and sessions:
        raise UsageProblem("an inspection has every entry of the ledger: name no session, or leave --inspection out")
    if inspection and formats.strip() != "bag":
        raise UsageProblem("an inspection is a bag with a page: leave --format out, and ask for sessions apart from it")
    data_dir = data_dir or default_data_dir()
    with reading(data_dir) as evidence:
        rows = [evidence.stream(prefix) for prefix in sessions]
        shapes = [word.strip() for word in formats.split(",") if word.strip()]
        command = parse_export(
            {
                "sessions": [row["id"] for row in rows],
                "formats": shapes,
                "redacted": redact,
                "recipient": recipient,
                "inspection": [first, last] if inspection else None,
                "by": by,
            }
        )
    sink = _sink(target, command, data_dir)
    reply = perform(data_dir, {"do": "export", **command.document()})
    if not reply["ok"]:
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    words = f"nothing was handed out; ledger entry {reply['entry']} says that it was about to be"
    with undone_when_stopped(words), WholeEvidence(data_dir) as evidence, ExitStack() as opened, sink:
        entered = _entered(evidence, reply)
        told = [_session(evidence, stream, command.recipient, opened) for stream in command.sessions]
        _fill(sink, evidence, told, command, entered, data_dir)
        _finish(sink, data_dir, entered)
    if as_json:
        print_json(
            {"schema": "devicelog.export/1", "path": str(target), **{k: reply[k] for k in ("entry", "sessions")}}
        )
        return 0
    click.echo(f"{target}: {len(sink.files)} files; the export is ledger entry {reply['entry']}")
    if "bag" in command.formats:
        where = str(target) if "/" in str(target) else f"./{target}"
        click.echo("check it     " + shlex.join((*program(), "verify", where, "--key", "PIN")))
        click.echo("the pin      " + command_line("checkpoint", "key", "--to", "PIN", data_dir=data_dir))
    return 0


def _sink(target: Path, command: "ExportCommand", data_dir: Path) -> "Sink":
    """Where the files go; refused before anything is entered."""
    from devicelog import __version__
    from devicelog.packages.bag import BagWriter, Folder
    from devicelog.packages.sealing import FOLDER
    from devicelog.store.database import FILE_NAME
    from devicelog.store.evidence import Evidence
    from devicelog.store.heads import ledger_bytes

    sizes = [file.stat().st_size for file in (data_dir / FOLDER).glob("*") if file.name[:12] in command.sessions]
    estimate = 4 * sum(sizes) + _EACH_BYTES * max(1, len(command.sessions))
    if "bag" not in command.formats:
        return Folder(target, estimate_bytes=estimate)
    with Evidence(data_dir / FILE_NAME) as evidence:
        log = str(evidence.entry(0).values["log"])
        if command.inspection is not None:
            estimate += 2 * ledger_bytes(evidence)
    return BagWriter(target, log=log, software=f"devicelog {__version__}", estimate_bytes=estimate)


def _entered(evidence: "Evidence", reply: "Json") -> "Entered":
    from devicelog.errors import EvidenceDamaged
    from devicelog.ledger.proofs import inclusion_proof
    from devicelog.ledger.tlog_proof import TlogProof
    from devicelog.packages.session_bag import Entered
    from devicelog.store.heads import checkpoints, leaves, pin_of

    seq, size = int(reply["entry"]), int(reply["size"])
    held = [each for each in checkpoints(evidence) if each.size == size]
    pin = pin_of(evidence)
    if not held or pin is None:
        raise EvidenceDamaged(f"the checkpoint over {size} entries, made for this export, is not there")
    note = held[-1].note
    every = leaves(evidence)[:size]
    hashes = inclusion_proof(every, seq)
    proof = TlogProof(index=seq, hashes=tuple(hashes), checkpoint=note).data()
    return Entered(entry=evidence.entry(seq), checkpoint=note, proof=proof, pin=pin.text().encode(), leaves=every)


def _finish(sink: "Sink", data_dir: Path, entered: "Entered") -> None:
    from devicelog.ledger.asking import Signer
    from devicelog.ledger.pin import Pin
    from devicelog.packages.bag import BagWriter, Folder

    if isinstance(sink, BagWriter):
        pin = Pin.parse(entered.pin.decode())
        signer = Signer(data_dir, pins=(pin,))
        sink.finish(entered.entry.values["at"][:10], lambda digest: signer.bag_signature(pin.log, digest))
    elif isinstance(sink, Folder):
        sink.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """One session of an export: as `sessions show --json` has it, and what the recipient calls its client."""

    kept: "Kept"
    row: "StreamRow"
    document: "Json"
    called: str | None


def _session(evidence: "WholeEvidence", stream: str, recipient: str | None, opened: ExitStack) -> _Session:
    """`opened` closes what it is read from."""
    from devicelog.cli.report import show_document

    kept, row = opened.enter_context(evidence.of(stream))
    document = show_document(kept, stream)
    called = None if recipient is None else evidence.pseudonym(recipient, document["client_ref"])
    return _Session(kept=kept, row=row, document=document, called=called)


def _fill(
    sink: "Sink",
    evidence: "Evidence",
    sessions: list[_Session],
    command: "ExportCommand",
    entered: "Entered",
    data_dir: Path,
) -> None:
    from devicelog.cli.inspecting import add_inspection
    from devicelog.packages.session_bag import add_export, add_session

    if "bag" in command.formats:
        add_export(sink, entered)
        for session in sessions:
            add_session(
                sink,
                evidence,
                session.row,
                entered,
                data_dir=data_dir,
                redacted=command.redacted,
                with_client=command.recipient is None,
            )
    if command.inspection is not None:
        add_inspection(sink, evidence, entered, command.inspection)
    for shape in command.formats:
        _SHAPES.get(shape, _nothing)(_Shaping(sink, evidence, command, entered), sessions)


@dataclass(frozen=True, slots=True)
class _Shaping:
    sink: "Sink"
    evidence: "Evidence"
    command: "ExportCommand"
    entered: "Entered"


def _nothing(_shaping: _Shaping, _sessions: list[_Session]) -> None:
    """The bag itself: its files are there already."""


def _jsonl(shaping: _Shaping, sessions: list[_Session]) -> None:
    from devicelog.packages.records_lines import record_lines

    for session in sessions:
        records = session.kept.records(session.row["no"])
        shaping.sink.add(f"records/{session.row['id']}.jsonl", record_lines(records))


def _csv(shaping: _Shaping, sessions: list[_Session]) -> None:
    from devicelog.cli.readings import Samples
    from devicelog.packages.datapackage import TableFile, datapackage
    from devicelog.packages.tables import findings_csv, readings_csv, sessions_csv, zones_csv

    told = [_shown(shaping, session) for session in sessions]
    tables: list[tuple[str, Iterable[bytes]]] = [
        ("sessions.csv", sessions_csv(told)),
        ("zones.csv", zones_csv(told)),
        ("findings.csv", findings_csv(told)),
    ]
    for session in sessions:
        samples = Samples(session.kept, session.row)
        tables.append((f"readings-{session.row['id']}.csv", readings_csv(samples.frames(), samples.untold)))
    files = []
    for name, blocks in tables:
        written = shaping.sink.add(f"tables/{name}", blocks)
        files.append(TableFile(name=name, bytes=written.bytes, sha256=written.sha256))
    simulated = any(session.document["mode"] != "real" for session in sessions)
    shaping.sink.add("tables/datapackage.json", [datapackage(files, simulated=simulated)])


def _fhir(shaping: _Shaping, sessions: list[_Session]) -> None:
    from devicelog import __version__
    from devicelog.clinical.data import load_zones
    from devicelog.packages.fhir import bundle

    labels = {zone.id: zone.label for zone in load_zones().values()}
    told = [(_shown(shaping, session), shaping.entered.proof) for session in sessions]
    log = str(shaping.entered.entry.values["log"])
    shaping.sink.add("fhir/bundle.json", bundle(told, zone_labels=labels, software=f"devicelog {__version__}", log=log))


def _html(shaping: _Shaping, sessions: list[_Session]) -> None:
    from devicelog.packages.report.html import html_report

    for session in sessions:
        page = html_report(_facts(shaping, session))
        shaping.sink.add(f"report/{session.row['id']}.html", [page.encode()])


def _pdf(shaping: _Shaping, sessions: list[_Session]) -> None:
    from devicelog.packages.report.pdf import pdf_report

    for session in sessions:
        shaping.sink.add(f"report/{session.row['id']}.pdf", [pdf_report(_facts(shaping, session))])


_SHAPES: dict[str, Callable[[_Shaping, list[_Session]], None]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "fhir": _fhir,
    "html": _html,
    "pdf": _pdf,
}


def _shown(shaping: _Shaping, session: _Session) -> "Shown":
    from devicelog.packages.redaction import shown

    return shown(session.document, redacted=shaping.command.redacted, client_called=session.called)


def _facts(shaping: _Shaping, session: _Session) -> "ReportFacts":
    from devicelog.cli.readings import Samples
    from devicelog.ledger.checkpoint import Checkpoint
    from devicelog.ledger.note import SignedNote
    from devicelog.ledger.pin import Pin
    from devicelog.ledger.sshsig import fingerprint
    from devicelog.packages.report.facts import Proof, facts_of

    note = SignedNote.parse(shaping.entered.checkpoint)
    said, pin = Checkpoint.of(note), Pin.parse(shaping.entered.pin.decode())
    proof = Proof(
        log=said.origin,
        checkpoint=shaping.entered.checkpoint.decode(),
        fingerprint=fingerprint(pin.checkpoints.public),
        size=said.size,
        entry=shaping.evidence.stream(session.row["id"])["sealed_seq"],
        package_sha256=shaping.evidence.stream(session.row["id"])["package"],
    )
    return facts_of(
        session.document,
        Samples(session.kept, session.row).rows(),
        proof,
        redacted=shaping.command.redacted,
        client_called=session.called,
        made_at=f"{shaping.entered.entry.values['at'][:19].replace('T', ' ')} UTC",
    )
