"""One open stream: number what arrives, hand it to the writer, feed it to the pipeline. In this order, always.

The one consumer's thread calls this and nobody else. Not responsible for where items come from (recording.py).
"""

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from hashlib import sha256

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.entries import RECORDER, Actor, Entry
from devicelog.pipeline import ENGINE, Opening, Pipeline
from devicelog.recorder.clock import RecorderClock
from devicelog.records import Body, End, Record, record_of
from devicelog.sensor_bytes import fitting
from devicelog.store.transaction import Transaction
from devicelog.store.writer import Writer
from firmware_bridge.readings import RawInput, Reading, SensorBatch, SerialChunk

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def new_stream_id(kind: str) -> str:
    """`s-` for a session, `u-` for a span, and ten random Crockford base32 characters."""
    return {"session": "s-", "span": "u-"}[kind] + "".join(secrets.choice(_CROCKFORD) for _ in range(10))


class OpenStream:
    """A stream from its opening entry to its closing one."""

    def __init__(
        self,
        writer: Writer,
        clock: RecorderClock,
        *,
        type_: str,
        body: Json,
        documents: Mapping[str, bytes],
        read_total: int,
        actor: Actor = RECORDER,
        client_code: str | None = None,
        entered: Callable[[Transaction, str], str | None] | None = None,
    ) -> None:
        """Begin the stream; `documents` by the name the entry gives them. `opened` is set when it is on disk.

        `entered`: what goes into the ledger with it, right behind its opening; `told` is what it said, once `opened`
        is set.

        `read_total` is the reader's own count of bytes up to here; what it counts from here on is this stream's.
        """
        digests = {name: sha256(data).hexdigest() for name, data in documents.items()}
        body = {**body, "documents": digests}
        self.id: str = body["stream"]
        self.told: str | None = None
        self.records = 0
        self.heard_us = clock.now_us()  # all that arrived up to then is in the stream
        self.read_total = read_total
        self._read_from = read_total
        self._writer, self._clock = writer, clock
        self._type = type_
        by_digest = {digests[name]: data for name, data in documents.items()}
        self.pipeline = Pipeline(Opening.read(type_, body, by_digest))

        def open_(transaction: Transaction) -> Entry:
            for data in documents.values():
                transaction.document(data)
            given = dict(body)
            if client_code is not None:
                given["client_ref"], given["client_commitment"] = transaction.client(client_code)
            opening = transaction.open_stream(type_, given, actor)
            if entered is not None:
                self.told = entered(transaction, self.id)
            return opening

        self.opened: Future[Entry] = writer.do(open_)
        self.take(clock.reading())

    def take(self, item: RawInput | Body | None, t_us: int | None = None) -> list[Reading]:
        """Number an item (None: a tick) and keep it; returns the readings that it completed."""
        if t_us is None:
            t_us = getattr(item, "t_us", None)
        record = self._record(self._clock.now_us() if t_us is None else t_us, item)
        self.records += 1
        if item is None or t_us is not None:
            self.heard_us = record.t_us
        if isinstance(item, SerialChunk):
            self.read_total = item.read_total
        self._writer.put(record)
        return self.pipeline.feed(record)

    def _record(self, t_us: int, item: RawInput | Body | None) -> Record:
        try:
            return record_of(self.records, t_us, item)
        except ValueError:
            if not isinstance(item, SensorBatch):
                raise
            return record_of(self.records, t_us, fitting(item))  # what it cannot hold is counted in it

    @property
    def last_record(self) -> int:
        """The number of the newest record."""
        return self.records - 1

    def close(self, cause: str, read_total: int | None = None) -> "tuple[bytes, Future[Entry]]":
        """End the stream: its end record, its derived record, its closing entry. The future is set when on disk.

        `read_total` is the reader's count after its last read; without it, that of the newest chunk.
        """
        derived = self.end(cause, read_total)
        return derived, self._writer.do(lambda transaction: close_stream(transaction, self._type, derived, cause))

    def end(self, cause: str, read_total: int | None = None) -> bytes:
        """The same without its closing entry, which `close_stream` appends: the bytes of its derived record."""
        total = self.read_total if read_total is None else read_total
        self.take(End(cause=cause, bytes_read=total - self._read_from))
        return self.pipeline.finish()


def close_stream(transaction: Transaction, type_: str, derived: bytes, cause: str) -> Entry:
    """Append the closing entry of the open stream and its derived record; `type_` is that of its opening entry."""
    values = parse_canonical(derived)
    facts = values["facts"]
    body: Json = {
        "ended": facts["ended"],
        "cause": cause,
        "derived": transaction.document(derived),
        "mode": facts["mode"],
        "pen_serial": facts["pen"]["serial"] if facts["pen"] else None,
    }
    if type_ == "span.opened":
        return transaction.close_stream("span.recorded", body)
    return transaction.close_stream("session.closed", {**body, "engine": ENGINE, "verdict": values["verdict"]})
