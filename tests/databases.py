"""A database as a recorder leaves it, made without a port: one span and two sessions of the simulated pen.

Made through the same Writer and OpenStream, but with a clock that stands still until it is told, and with flushes only
where they are asked for: entries, chunks and records are the same every time. Nonces and salts are random.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from devicelog.canonical import Json
from devicelog.clinical.data import load_plan, load_zones
from devicelog.clinical.plan import zones_document
from devicelog.ledger.entries import Actor
from devicelog.ledger.tree import Tree
from devicelog.pipeline import new_documents
from devicelog.recorder.recovery import software
from devicelog.recorder.stream import OpenStream
from devicelog.records import Clock, Mark
from devicelog.store import writer as writer_module
from devicelog.store.audit import audit
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.evidence import Evidence
from devicelog.store.report import Report
from devicelog.store.schema import CHUNK_INDEX_BITS, guards_of
from devicelog.store.transaction import NOTE_TAG, Transaction, commitment
from devicelog.store.writer import Writer
from devicelog.who import identity_document
from firmware_bridge.decode import Decoder
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Identity, LinkChange, SerialChunk
from firmware_bridge.simulator import wire_of

SPAN, FIRST, SECOND = "u-0000000001", "s-0000000002", "s-0000000003"
STREAMS = (SPAN, FIRST, SECOND)
NOTE = "numbing cream at 14:10"
CLIENT = "K-1047"
PRACTITIONER = Actor(id="p-07", role="practitioner")

_SECONDS = 6.0
_STEPS_A_CHUNK = 60  # of 20 ms
_T0_US = 86_400_000_000


class StillClock:
    """Stands still until `us` is set."""

    boot = "0f9a3c9e-6a0f-4a55-9a55-1f3d6d1f2b10"

    def __init__(self) -> None:
        self.us = _T0_US

    def now_us(self) -> int:
        return self.us

    def reading(self) -> Clock:
        return Clock(boot=self.boot, wall_us=1_925_000_000_000_000 + self.us, confidence="synced")

    def stamp(self) -> Json:
        return {"at": "2031-01-01T00:00:00.000Z", "mono_us": self.us, "boot": self.boot, "clock": "synced"}


def no_stall(seconds: float) -> None:
    raise AssertionError(f"a stall of {seconds} s")


def make_database(data_dir: Path, *, leave_open: bool = False, second_client: str = CLIENT) -> Path:
    """Make it and return the file. `leave_open`: the second session is still being recorded."""
    prepare_data_dir(data_dir)
    clock, path = StillClock(), data_dir / FILE_NAME
    engine, head = open_for_writing(data_dir, stamps=clock, sw=software())
    with mock.patch.object(writer_module, "FLUSH_PERIOD_S", 3600):
        writer = Writer(path, engine, head, stamps=clock, sw=software(), on_stall=no_stall)
        entry(writer, "recorder.started", {"command": "record", "boot": clock.boot})
        span = OpenStream(
            writer,
            clock,
            type_="span.opened",
            body={"stream": SPAN, "mode": "demo"},
            documents=new_documents(load_profile("reference"), None, None),
            read_total=0,
        )
        cut(writer)  # else it is a race whether the clock's record has a chunk of its own
        _play(writer, span, clock, wire_of("clean", _SECONDS, 1)[:50])
        _close(span)
        _close(_session(writer, clock, FIRST, "noise", 2, CLIENT))
        second = _session(writer, clock, SECOND, "unplug", 3, second_client)
        if not leave_open:
            _close(second)
            entry(writer, "recorder.stopped", {"cause": "operator"})
        assert writer.close()
    return path


def entry(writer: Writer, type_: str, body: Json) -> None:
    writer.do(lambda transaction: transaction.entry(type_, body)).result(10)


def cut(writer: Writer) -> None:
    """Have everything written now."""
    writer.do(lambda _: None).result(10)


def _session(writer: Writer, clock: StillClock, stream: str, scenario: str, seed: int, client: str) -> OpenStream:
    wire = wire_of(scenario, _SECONDS, seed)
    heard = Decoder().feed(SerialChunk(t_us=0, data=b"".join(data for _, data in wire[:10] if data)))
    identity = next(reading for reading in heard if isinstance(reading, Identity))
    plan = load_plan("full-face")
    session = OpenStream(
        writer,
        clock,
        type_="session.opened",
        body={
            "stream": stream,
            "practitioner": PRACTITIONER.id,
            "plan": plan.id,
            "pen": identity_document(identity),
            "pen_before": None,
            "pen_heard": None,
            "mode": "demo",
        },
        documents=new_documents(load_profile("reference"), plan, zones_document(load_zones())),
        read_total=0,
        actor=PRACTITIONER,
        client_code=client,
    )
    cut(writer)
    half = len(wire) // 2
    _mark(writer, session, Mark(kind="zone", actor=PRACTITIONER.id, zone="forehead"))
    _play(writer, session, clock, wire[:half])
    _note(writer, session)
    _pause(writer, session, "pause", "recording", "paused")
    _pause(writer, session, "resume", "paused", "recording")
    _play(writer, session, clock, wire[half:])
    return session


def _play(writer: Writer, stream: OpenStream, clock: StillClock, wire: list[tuple[int, bytes | None]]) -> None:
    began_us, up = clock.us, True
    stream.take(LinkChange(t_us=clock.us, up=True, cause="opened"))
    for step, (t_us, data) in enumerate(wire, 1):
        clock.us = began_us + t_us - wire[0][0]
        if data is None or not up:
            up = data is not None
            stream.take(LinkChange(t_us=clock.us, up=up, cause="reopened" if up else "unplugged"))
        if data is not None:
            stream.take(SerialChunk(t_us=clock.us, data=data, read_total=stream.read_total + len(data)))
        if step % _STEPS_A_CHUNK == 0:
            cut(writer)
    stream.take(None, clock.us)
    cut(writer)


def _mark(writer: Writer, stream: OpenStream, mark: Mark) -> None:
    stream.take(mark)
    writer.do(Transaction.commit_chunks).result(10)


def _note(writer: Writer, stream: OpenStream) -> None:
    salt = stream.id.encode().ljust(32, b"\0")
    note_sha256 = commitment(NOTE_TAG, salt, NOTE)
    _mark(writer, stream, Mark(kind="note", actor=PRACTITIONER.id, note_sha256=note_sha256))
    writer.do(lambda transaction: transaction.note(salt, NOTE)).result(10)


def _pause(writer: Writer, stream: OpenStream, event: Any, before: str, after: str) -> None:
    _mark(writer, stream, Mark(kind=event, actor=PRACTITIONER.id))
    body = {"stream": stream.id, "event": event, "from": before, "to": after, "record": stream.last_record}
    entry(writer, "state.changed", body)


def _close(stream: OpenStream) -> None:
    stream.close("operator")[1].result(10)


# --- looking at one, and spoiling one ---------------------------------------------------------------------------------


@contextmanager
def plain(path: Path, *pragmas: str) -> Iterator[sqlite3.Connection]:
    """The file as anybody opens it: the standard library, none of our pragmas."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")  # only to be quick
    try:
        for pragma in pragmas:
            connection.execute(pragma)
        yield connection
    finally:
        connection.close()


def dump(path: Path) -> list[str]:
    """Everything in the file, as SQL."""
    with plain(path) as connection:
        return list(connection.iterdump())


def spoil(path: Path, *statements: str | tuple[str, tuple[Any, ...]]) -> None:
    """Drop the guards, run the statements, put the guards back: what somebody with the file and sqlite3 can do."""
    with plain(path) as connection:
        connection.execute("BEGIN")
        guards = guards_of(connection.execute("PRAGMA user_version").fetchone()[0])
        for name in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            sql, values = (statement, ()) if isinstance(statement, str) else statement
            changed = connection.execute(sql, values).rowcount
            assert changed, f"{sql} changed nothing"
        for sql in guards.values():
            connection.execute(sql)
        connection.execute("COMMIT")


def mend_frontier(path: Path) -> None:
    """Let what is kept of the tree fit the entries again, as somebody who knows of it would."""
    with plain(path) as connection:
        tree = Tree(leaf for (leaf,) in connection.execute("SELECT leaf FROM ledger_entry ORDER BY seq"))
        values = (tree.size, b"".join(tree.subtrees))
        connection.execute("UPDATE frontier SET size = ?, subtrees = ?", values)


def damage_page(path: Path) -> None:
    """Overwrite one page in the middle of the file."""
    size, data = one(path, "PRAGMA page_size"), path.read_bytes()
    at = len(data) // 2 // size * size
    path.write_bytes(data[:at] + b"\xff" * size + data[at + size :])


def problems(path: Path, only: str | None = None) -> list[str]:
    return report(path, only).problems


def report(path: Path, only: str | None = None) -> Report:
    with Evidence(path) as evidence:
        return audit(evidence.connection, path, only=only)


def rows(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with plain(path) as connection:
        return connection.execute(sql, values).fetchall()


def one(path: Path, sql: str, *values: Any) -> Any:
    """The one value that a query gives."""
    [(value,)] = rows(path, sql, *values)
    return value


def chunk_ids(path: Path, stream: str) -> list[int]:
    no = one(path, "SELECT no FROM stream WHERE id = ?", stream)
    return [i for (i,) in rows(path, "SELECT id FROM chunk WHERE id >> ? = ? ORDER BY id", CHUNK_INDEX_BITS, no)]


def flip(data: bytes, at: int, mask: int = 1) -> bytes:
    """The bytes with one of them changed; `at` may count from the end."""
    changed = bytearray(data)
    changed[at] ^= mask
    return bytes(changed)
