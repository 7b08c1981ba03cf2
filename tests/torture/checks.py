"""What must hold afterwards: what is known outside, against a database that nobody writes. A fault is a sentence."""

import sqlite3
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from devicelog.canonical import parse_canonical
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import read_entry
from devicelog.records import MARK, SERIAL, Mark, Record, item_of
from devicelog.store.evidence import Evidence, StreamRow
from devicelog.store.schema import LEDGER_ENTRY
from firmware_bridge.decode import Decoder
from firmware_bridge.readings import LinkChange, Overflow, SampleBlock, SerialChunk
from tests.torture.figures import FRAME_US

PRACTITIONER = "anna"
_PEN_CLOCK = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """A mark that the recorder said is on disk. Stamps are of this process: before asking, and with the answer."""

    session: str
    record: int
    words: tuple[str, ...]
    asked_us: int
    acked_us: int


@dataclass(slots=True)
class Book:
    """All that is known outside about one data directory."""

    acks: list[Ack] = field(default_factory=list)
    unanswered: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # session, words
    told: list[str] = field(default_factory=list)  # streams that a command said it closed
    must: dict[str, set[str]] = field(default_factory=dict)  # session: how it may have ended
    silent_deaths: int = 0  # processes killed where they may have closed a stream and not yet said so


def check_database(path: Path, book: Book) -> list[str]:
    """SQLite's own check, every acknowledged mark, every stream closed as it must be, no hole in the samples."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        integrity = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    faults = [f"integrity_check: {line}" for line in integrity if line != "ok"]
    with Evidence(path) as evidence:
        rows = {str(row["id"]): row for row in evidence.streams()}
        for row in rows.values():
            faults += _check_stream(evidence, row, book)
        faults += [f"session {session} is not in the database" for session in book.must if session not in rows]
        faults += check_marks(evidence, book)
    twice = [stream for stream, n in Counter(book.told).items() if n > 1]
    faults += [f"{stream} was closed {book.told.count(stream)} times" for stream in twice]
    interrupted = {stream for stream, row in rows.items() if row["status"] == "interrupted"}
    unsaid = interrupted - set(book.told)
    if len(unsaid) > book.silent_deaths:
        faults.append(f"nobody said that it closed {', '.join(sorted(unsaid))}")
    faults += [f"{stream} was said to be interrupted and is not" for stream in set(book.told) - interrupted]
    return faults


def _check_stream(evidence: Evidence, row: StreamRow, book: Book) -> list[str]:
    stream, status = row["id"], row["status"]
    if row["closed_seq"] is None:
        return [f"{stream} is still open: {status}"]
    faults = []
    may = book.must.get(stream, {"closed", "interrupted"} if row["kind"] == "session" else {"recorded", "interrupted"})
    if row["kind"] == "session" and status not in may:
        faults.append(f"{stream} is {status}; it must be {' or '.join(sorted(may))}")
    if status == "interrupted" and row["kind"] == "session" and row["verdict"] != "incomplete":
        faults.append(f"{stream} was interrupted and its verdict is {row['verdict']!r}")
    try:
        deque(evidence.records(row["no"]), maxlen=0)
    except EvidenceDamaged as error:
        faults.append(str(error))
    completeness = parse_canonical(evidence.document(row["derived"]))["facts"]["completeness"]
    if holes := sum(boot["missing"] for boot in completeness["boots"]):
        faults.append(f"{stream} has a hole of {holes} samples before its end")
    if completeness["frames_damaged"]:
        faults.append(f"{stream} has {completeness['frames_damaged']} damaged frames; the line was clean")
    return faults


def _records(evidence: Evidence, row: StreamRow) -> Iterator[Record]:
    """The records up to where they cannot be read; that they cannot is told by the check of the stream."""
    with suppress(EvidenceDamaged):
        yield from evidence.records(row["no"])


def check_marks(evidence: Evidence, book: Book) -> list[str]:
    """Every acknowledged mark under its number with its content, and no mark that nobody asked for."""
    faults: list[str] = []
    changes = {
        (entry.body["stream"], entry.body["record"]): entry.body["event"]
        for entry in (read_entry(data) for (data,) in evidence.connection.execute(select(LEDGER_ENTRY.c.bytes)))
        if entry.type == "state.changed"
    }
    marks = {
        row["id"]: {record.number: record for record in _records(evidence, row) if record.kind == MARK}
        for row in evidence.streams()
    }
    for ack in book.acks:
        where = f"acknowledged mark {ack.words[0]} (record {ack.record} of {ack.session})"
        record = marks.get(ack.session, {}).pop(ack.record, None)
        if record is None:
            faults.append(f"{where} is not in the evidence")
            continue
        if not ack.asked_us <= record.t_us <= ack.acked_us:
            faults.append(f"{where} is stamped {record.t_us}, not within {ack.asked_us} to {ack.acked_us}")
        if (why := _differs(evidence, record, ack.words)) is not None:
            faults.append(f"{where} {why}")
        if ack.words[0] in ("pause", "resume") and changes.get((ack.session, ack.record)) != ack.words[0]:
            faults.append(f"{where} changed no state in the ledger")
    open_asks = Counter((session, words) for session, words in book.unanswered)
    for session, left in marks.items():
        for record in left.values():
            found = next(
                (key for key in open_asks if key[0] == session and not _differs(evidence, record, key[1])), None
            )
            if found is None:
                faults.append(f"record {record.number} of {session} is a mark that nobody asked for")
            else:
                open_asks -= Counter([found])
    return faults


def _differs(evidence: Evidence, record: Record, words: Sequence[str]) -> str | None:
    mark = item_of(record)
    if not isinstance(mark, Mark) or mark.kind != words[0] or mark.actor != PRACTITIONER:
        return f"is {mark}"
    if mark.kind == "zone" and mark.zone != words[1]:
        return f"names zone {mark.zone}, not {words[1]}"
    if mark.kind == "note":
        text = evidence.note_text(mark.note_sha256 or "")
        if text != words[1]:
            return f"has the text {text!r}, not {words[1]!r}"
    return None


def newest_on_disk(path: Path, from_us: int, to_us: int, pen_offset_us: int) -> tuple[int | None, int | None]:
    """Stamp of the newest serial record of this time, and when the pen took the newest sample in them; on our clock.

    `pen_offset_us` is our clock minus the pen's. None where there is none.
    """
    stamp_us: int | None = None
    taken_us: int | None = None
    with Evidence(path) as evidence:
        for row in evidence.streams():
            decoder = Decoder()
            for record in _records(evidence, row):
                item = item_of(record)
                if not isinstance(item, SerialChunk | LinkChange | Overflow):
                    continue
                readings = decoder.feed(item)
                if record.kind != SERIAL or not from_us <= record.t_us <= to_us:
                    continue
                stamp_us = max(stamp_us or 0, record.t_us)
                for reading in readings:
                    if isinstance(reading, SampleBlock):
                        last_us = reading.t_us + (reading.n - 1) * reading.period_us + pen_offset_us
                        # the pen's clock has 32 bits: the turn of it that lies nearest before the stamp
                        last_us += (record.t_us + FRAME_US - last_us) // _PEN_CLOCK * _PEN_CLOCK
                        taken_us = max(taken_us or 0, last_us)
    return stamp_us, taken_us
