"""What was open when a recorder died is closed as interrupted: its derived record is made from what is on disk.

The caller holds the writer lock. Nothing is repaired and nothing is lost: the evidence stays as it is.
"""

from dataclasses import dataclass
from pathlib import Path

from devicelog import __version__
from devicelog.canonical import Json, parse_canonical
from devicelog.errors import EvidenceDamaged, StoreUnusable
from devicelog.pipeline import ENGINE, Opening, Pipeline
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.stream import close_stream
from devicelog.store.database import FILE_NAME, check_ours, open_for_writing
from devicelog.store.engine import Engine, in_our_words
from devicelog.store.evidence import Evidence
from devicelog.store.lock import WriterLock
from devicelog.store.transaction import Head, Stamps, Transaction

INTERRUPTED = "found open when nobody was recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A stream that was found open and is closed now."""

    stream: str
    records: int
    last_us: int  # of the newest record, since the stream began


def software() -> Json:
    """What an entry says of the software that made it."""
    return {"version": __version__, "engine": ENGINE}


def close_interrupted(path: Path, engine: Engine, head: Head, stamps: Stamps) -> tuple[Head, Interrupted | None]:
    """Close the stream that `head` has open, if any. Raises EvidenceDamaged when it cannot be derived."""
    if head.stream is None:
        return head, None
    with in_our_words(path), engine.connect() as connection, connection.begin():
        evidence = Evidence(path, connection)
        opening = evidence.entry(head.stream.no)
        try:
            pipeline = Pipeline(Opening.read(opening.type, opening.body, evidence.documents(opening)))
            for record in evidence.records(head.stream.no):
                pipeline.feed(record)
            derived = pipeline.finish()
        except (ValueError, KeyError) as error:
            raise EvidenceDamaged(f"{head.stream.id} was left open and cannot be derived: {error}") from error
        transaction = Transaction(connection, head, stamps=stamps, sw=software())
        close_stream(transaction, opening.type, derived, INTERRUPTED)
    facts = parse_canonical(derived)["facts"]
    return transaction.head, Interrupted(
        stream=head.stream.id,
        records=head.stream.records,
        last_us=facts["duration_us"],
    )


def recover(data_dir: Path) -> Interrupted | None:
    """Before a command reads: close what is open, if nobody is recording and the directory can be written.

    Raises NotFound for a file in which nothing was ever recorded, EvidenceDamaged and StoreUnusable for one that is not
    ours.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        return None
    with Evidence(path) as evidence:
        with in_our_words(path):
            check_ours(evidence.connection, path)
        if evidence.open_stream() is None:
            return None
    clock = RecorderClock()
    with WriterLock(data_dir) as lock:
        try:
            if not lock.try_take():
                return None
        except OSError:
            return None  # read-only: then nobody records here, and the session is shown as it was left
        try:
            engine, head = open_for_writing(data_dir, stamps=clock, sw=software())
            return close_interrupted(path, engine, head, clock)[1]
        except StoreUnusable:
            return None  # full or read-only: reading shall be possible all the same


def told(interrupted: Interrupted) -> str:
    """The sentence about a stream that was found open."""
    what = "the session" if interrupted.stream.startswith("s-") else "the unattributed span"
    seconds = interrupted.last_us / 1_000_000
    return (
        f"{what} {interrupted.stream} was found open and is closed now as interrupted: "
        f"{interrupted.records} records over {seconds:.1f} s are kept. `sessions show {interrupted.stream}` reads it."
    )
