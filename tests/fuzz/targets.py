"""The fuzz targets: each takes any bytes and returns, or raises because something that must hold does not.

A target knows no engine. A new one is a function and a row in TARGETS.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from devicelog.barcodes.days import day_of_text
from devicelog.barcodes.reading import parse_scan
from devicelog.canonical import canonical, parse_canonical
from devicelog.clinical.plan import Plan, zones_document, zones_from_document
from devicelog.errors import UsageProblem
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.entries import chain_fault, read_entry
from devicelog.ledger.note import SignedNote, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.sshsig import armoured, parse_armoured
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import leaf_hash
from devicelog.pipeline import Pipeline
from devicelog.records import SERIAL, Chunk, Record, item_of, record_of
from devicelog.samples import sample_rows
from devicelog.store.projection import project
from devicelog.validate import read_rules
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import MAX_SEGMENT, encode, parse
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import Fault, Identity, Reading, SampleBlock, SerialChunk, Unknown
from firmware_bridge.simulator import ScenarioError, script_for
from firmware_bridge.simulator.language import parse_scenario
from firmware_bridge.transports import decoder_of
from tests.builders import opening_of, pen_document
from tests.fuzz import material
from tests.fuzz.material import Tape, TapePen, records_of


class Escaped(AssertionError):
    """Something that must hold did not."""


def must(holds: bool, what: str) -> None:
    """Raise Escaped unless it holds. Not `assert`: what is looked for must be looked for under -O too."""
    if not holds:
        raise Escaped(what)


# --- the wire ---------------------------------------------------------------------------------------------------------


def stream(data: bytes) -> None:
    """Any bytes in any chunks: the account closes, chunking changes nothing, what decodes encodes to itself."""
    first, second, wire = data[:1], data[1:2], data[2:]
    whole, in_pieces = _decoded([wire]), _decoded(_pieces(wire, [b[0] + 1 for b in (first, second) if b]))
    must(whole == in_pieces, "another chunking gives other readings")
    for reading in whole:
        if isinstance(reading, Fault | Unknown):
            continue
        sound = (
            reading._replace(trailing_bytes=0)
            if isinstance(reading, SampleBlock)
            else replace(reading, trailing_bytes=0)
        )
        if isinstance(sound, Identity):
            sound = replace(sound, protocol_minor=0)  # the version that we send
        must(parse(encode(sound)[1:-1]) == sound, f"{sound} does not encode to itself")


def damage(data: bytes) -> None:
    """Frames that a line cuts, flips, drops, repeats or exchanges: what decodes was sent, nothing else."""
    tape, pen = Tape(data), TapePen()
    sent = [pen.message(tape) for _ in range(tape.number(1) % 8 + 1)]
    wire = bytearray(b"".join(encode(message) for message in sent))
    for _ in range(tape.number(1) % 6):
        how, at, length = tape.number(1) % 5, tape.number(2) % len(wire), tape.number(1)
        piece = bytes(wire[at : at + length])
        if how == 0:
            wire[at] ^= 1 << length % 8
        elif how == 1:
            del wire[at : at + length]
        elif how == 2:
            wire[at:at] = piece
        elif how == 3:
            wire[at : at + length] = piece[length // 2 :] + piece[: length // 2]
        else:
            del wire[at:]
        if not wire:
            return
    for reading in _decoded([bytes(wire)]):
        must(isinstance(reading, Fault) or reading in sent, f"{reading} was never sent")


def lines(data: bytes) -> None:
    """Any profile of a pen that sends text and any bytes, 0xFFFF between them: refused in our words, or an account that
    closes, whatever the chunks, and readings that a record can be derived from."""
    values, _, wire = data.partition(b"\xff\xff")
    try:
        profile = PenProfile.from_document(_document(values))
    except ValueError:
        return
    if profile.lines is None:
        return
    whole, in_pieces = (_read_lines(profile, pieces) for pieces in ([wire], _pieces(wire, [1, 7, 30])))
    must(whole == in_pieces, "another chunking gives other readings")
    run = Pipeline(replace(opening_of(pen=None), profile=profile))
    for number, body in enumerate(_pieces(wire, [200])):
        run.feed(Record(number, 1_000_000 + 40_000 * number, SERIAL, body))
    account = parse_canonical(run.finish())["facts"]["completeness"]
    must("bytes_kept" not in account["open_accounts"], "the account of bytes does not close")
    must("samples" not in account["open_accounts"], "the account of samples does not close")


def _read_lines(profile: PenProfile, pieces: list[bytes]) -> list[Reading]:
    decoder, readings, n_fed = decoder_of(profile), list[Reading](), 0
    for piece in pieces:
        readings += decoder.feed_bytes(piece, 1_000_000)
        n_fed += len(piece)
        counted = decoder.framed_bytes + decoder.rejected_bytes + decoder.delimiter_bytes
        must(counted + decoder.held_bytes == n_fed, "the account of bytes does not close")
        must(profile.lines is not None and decoder.held_bytes <= profile.lines.longest, "held more than a line")
    readings += decoder.finish()
    fed = b"".join(pieces)
    for reading in readings:
        if isinstance(reading, Fault):
            must(bool(reading.why), "a line that is rejected without a reason")
            there = fed[reading.offset : reading.offset + len(reading.data)]
            must(there == reading.data != b"", "a fault that is not where it says")
    return readings


def _pieces(data: bytes, lengths: list[int]) -> list[bytes]:
    pieces, turn = [], 0
    while data:
        length = lengths[turn % len(lengths)]
        pieces.append(data[:length])
        data, turn = data[length:], turn + 1
    return pieces


def _decoded(pieces: list[bytes]) -> list[Reading]:
    decoder, readings, n_fed = Decoder(), list[Reading](), 0
    for piece in pieces:
        readings += decoder.feed(SerialChunk(t_us=0, data=piece))
        n_fed += len(piece)
        counted = decoder.framed_bytes + decoder.rejected_bytes + decoder.delimiter_bytes
        must(counted + decoder.held_bytes == n_fed, "the account of bytes does not close")
        must(decoder.held_bytes <= MAX_SEGMENT, "held more than a frame")
    readings += decoder.finish()
    must(not decoder.held_bytes, "held bytes after the end")
    fed = b"".join(pieces)
    for reading in readings:
        if isinstance(reading, Fault):
            there = fed[reading.offset : reading.offset + len(reading.data)]
            must(there == reading.data != b"", "a fault that is not where it says")
    return readings


# --- what is kept -----------------------------------------------------------------------------------------------------


def record(data: bytes) -> None:
    """Any kind and body: refused, or an item that packs to the same body."""
    kept = Record(3, 86_400_000_000, data[0] if data else 0, data[1:])
    try:
        item = item_of(kept)
    except ValueError:
        return
    if item is not None:
        must(record_of(kept.number, kept.t_us, item) == kept, f"{item} packs to another record")


def chunk(data: bytes) -> None:
    """Any bytes: no chunk, or records that pack to the same bytes."""
    try:
        read = Chunk.parse(data)
    except ValueError:
        return
    must(Chunk.of(read.stream, read.records).data == data, "the records pack to another chunk")


def canonical_json(data: bytes) -> None:
    """Any bytes: refused, or a value whose canonical bytes they are."""
    try:
        value = parse_canonical(data)
    except ValueError:
        return
    must(canonical(value) == data, f"{value} has other canonical bytes")


def entry(data: bytes) -> None:
    """Any bytes: no entry, or one that the chain and the list of sessions can be asked about."""
    try:
        read = read_entry(data)
    except ValueError:
        return
    must(canonical(read.values) == read.data == data, "the entry has other canonical bytes")
    must(read.leaf == leaf_hash(data), "the entry has another leaf")
    chain_fault(read, index=read.seq, previous=None)
    project(read)


def evidence_text(data: bytes) -> None:
    """Any bytes, the first of which says what they are to be: what is read is written again as it was."""
    kinds: tuple[Callable[[bytes], bytes], ...] = (
        lambda rest: SignedNote.parse(rest).data(),
        lambda rest: TlogProof.parse(rest).data(),
        lambda rest: VerifierKey.parse(rest.decode()).text().encode(),
        lambda rest: Pin.parse(rest.decode()).text().encode(),
        _armour_again,
        lambda rest: _checkpoint_again(SignedNote.parse(rest)),
    )
    if not data:
        return
    try:
        again = kinds[data[0] % len(kinds)](data[1:])
    except ValueError:
        return
    must(again == data[1:], "other bytes say the same")


def _armour_again(data: bytes) -> bytes:
    found = parse_armoured(data)
    return armoured(found.public, found.signature, found.namespace)


def _checkpoint_again(note: SignedNote) -> bytes:
    more = note.text.split("\n")[3:-1]  # lines that a checkpoint may have besides
    text = Checkpoint.of(note).body() + "".join(f"{line}\n" for line in more)
    return replace(note, text=text).data()


# --- documents --------------------------------------------------------------------------------------------------------


def _document(data: bytes) -> dict[str, Any]:
    """Any JSON object, also what TOML can say and canonical bytes cannot. Raises ValueError."""
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value if isinstance(value, dict) else {}


def _reads(read: Callable[[dict[str, Any]], Any], write: Callable[[Any], dict[str, Any]], data: bytes) -> None:
    try:
        value = read(_document(data))
    except ValueError:
        return
    must(read(parse_canonical(canonical(write(value)))) == value, f"{value} does not read back")


def plan(data: bytes) -> None:
    """Any values: refused in our words, or a plan whose document reads back."""
    _reads(Plan.from_document, Plan.document, data)


def scan(data: bytes) -> None:
    """Any text from a scanner: refused in our words, or a scan whose day is one and whose raw bytes are the text."""
    text = data.decode("latin-1")
    try:
        found = parse_scan(text)
    except UsageProblem:
        return
    must(bytes.fromhex(found.raw).decode() in text, "the raw bytes are not what was scanned")
    must(found.expires is None or day_of_text(found.expires) == found.expires, f"{found.expires} is no day")
    must(found.item is not None and found.kind in ("gs1", "hibc"), "a scan without an item")


def zones(data: bytes) -> None:
    """Any values: refused in our words, or a map whose document reads back."""
    _reads(zones_from_document, zones_document, data)


def profile(data: bytes) -> None:
    """Any values: refused in our words, or a profile whose document reads back."""
    _reads(PenProfile.from_document, PenProfile.document, data)


def rules(data: bytes) -> None:
    """Any values: refused, or a rules document that a session can be judged by."""
    try:
        read = read_rules(_document(data))
    except ValueError:
        return
    judged = Pipeline(replace(opening_of(), rules=read))
    judged.feed(record_of(0, 0, None))
    must(judged.judge()[2] is not None, "nothing was assessed")


def scenario(data: bytes) -> None:
    """Any text: refused in words, or a scenario that is printed as it was meant and that a pen can play."""
    try:
        read = parse_scenario(data.decode("utf-8", "replace"))
    except ScenarioError:
        return
    must(parse_scenario(str(read)) == read, f"{read} is printed as another")
    try:
        script_for(read, 6, 1)
    except ScenarioError:
        return


# --- the whole pipeline -----------------------------------------------------------------------------------------------


def pipeline(data: bytes) -> None:
    """Any well-typed records: a canonical derived record; the same again, looked at live, and in other pieces."""
    tape = Tape(data)
    known = bool(tape.number(1) & 1)
    records = records_of(tape)
    derived = _derived(records, known=known)
    facts = parse_canonical(derived)["facts"]
    must(_derived(records, known=known, live=True) == derived, "looking at it changes the derived record")
    halves: list[Record] = []
    for kept in records:
        middle = len(kept.body) // 2 if kept.kind == SERIAL else 0
        for body in (kept.body[:middle], kept.body[middle:]) if middle else (kept.body,):
            halves.append(kept._replace(number=len(halves), body=body))
    must(_unnumbered(_derived(halves, known=known)) == _unnumbered(derived), "in other pieces it derives otherwise")
    rows = sum(1 for _ in sample_rows(records, pen_document()["serial"] if known else None))
    decoded = sum(boot["decoded"] for boot in facts["completeness"]["boots"])
    must(rows == decoded, f"{rows} samples are printed; {decoded} were decoded")


def _derived(records: list[Record], *, known: bool, live: bool = False) -> bytes:
    run = Pipeline(opening_of(pen=pen_document() if known else None))
    for kept in records:
        run.feed(kept)
        if live and not kept.number % 8:
            run.judge()
    return run.finish()


def _unnumbered(derived: bytes) -> Any:
    """A derived record without the numbers of records: those depend on how many there are."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items() if not key.endswith("record")}
        return [without(item) for item in value] if isinstance(value, list) else value

    return without(parse_canonical(derived))


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is fuzzed, and the bytes that the engines begin with."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    share: int = 1  # of the time


TARGETS: dict[str, Target] = {
    "pipeline": Target(run=pipeline, seeds=lambda: [b"\x01" + tape for tape in material.tapes()], share=4),
    "stream": Target(run=stream, seeds=lambda: [b"\x02\x06" + data for data in material.frames()]),
    "lines": Target(run=lines, seeds=material.lines),
    "damage": Target(run=damage, seeds=material.tapes),
    "record": Target(run=record, seeds=material.bodies),
    "chunk": Target(run=chunk, seeds=material.chunks),
    "canonical": Target(run=canonical_json, seeds=material.canonicals),
    "entry": Target(run=entry, seeds=material.entries),
    "evidence": Target(run=evidence_text, seeds=material.evidence_texts),
    "plan": Target(run=plan, seeds=material.plans),
    "scan": Target(run=scan, seeds=material.scans),
    "zones": Target(run=zones, seeds=material.zones),
    "profile": Target(run=profile, seeds=material.profiles),
    "rules": Target(run=rules, seeds=material.rules),
    "scenario": Target(run=scenario, seeds=material.scenarios),
}
