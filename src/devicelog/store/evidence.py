"""Reading the database: entries, streams, records, documents. Never writes and never judges."""

import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, select

from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.ledger.entries import Entry, read_entry
from devicelog.records import Chunk, Record
from devicelog.store.engine import in_our_words, reader_engine
from devicelog.store.schema import CHUNK, CHUNK_INDEX_BITS, CLIENT, DOCUMENT, LEDGER_ENTRY, NOTE, STREAM

StreamRow = Mapping[str, Any]


class Evidence:
    """One reader of a database file. A context manager; every method is one short read."""

    def __init__(self, path: Path, connection: Connection | None = None) -> None:
        self.path = path
        self._owned = connection is None
        if connection is None:
            if not path.exists():
                raise NotFound(f"there is no database at {path}. `devicelog demo` or `devicelog record` makes one.")
            with in_our_words(path):
                connection = reader_engine(path).connect()
        self.connection = connection

    def close(self) -> None:
        """Close the connection if it is ours. May be called again."""
        if self._owned:
            self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def entry(self, seq: int) -> Entry:
        """One ledger entry. Raises NotFound, EvidenceDamaged."""
        data = self._scalar(select(LEDGER_ENTRY.c.bytes).where(LEDGER_ENTRY.c.seq == seq))
        if data is None:
            raise NotFound(f"there is no ledger entry {seq}")
        try:
            return read_entry(data)
        except ValueError as error:
            raise EvidenceDamaged(f"ledger entry {seq}: {error}") from error

    def document(self, digest: str) -> bytes:
        """A document by its SHA-256 in hex. Raises EvidenceDamaged when it is missing or is another."""
        data = self._scalar(select(DOCUMENT.c.bytes).where(DOCUMENT.c.sha256 == bytes.fromhex(digest)))
        if data is None:
            raise EvidenceDamaged(f"document {digest} is missing")
        if sha256(data).hexdigest() != digest:
            raise EvidenceDamaged(f"document {digest} was changed")
        return bytes(data)

    def documents(self, opening: Entry) -> dict[str, bytes]:
        """The documents that an opening entry names, by SHA-256 in hex."""
        return {digest: self.document(digest) for digest in opening.body["documents"].values()}

    def streams(self) -> list[StreamRow]:
        """Every session and span, oldest first."""
        with in_our_words(self.path):
            rows = self.connection.execute(select(STREAM).order_by(STREAM.c.no)).mappings()
            return [dict(row) for row in rows]

    def stream(self, prefix: str) -> StreamRow:
        """The one stream whose id begins so. Raises NotFound when there is none or more than one."""
        wanted = prefix.lower()
        found = [row for row in self.streams() if row["id"].startswith((wanted, f"s-{wanted}"))]
        exact = [row for row in found if row["id"] == wanted]
        if len(exact or found) != 1:
            why = (
                f"{len(found)} begin so; give more of it"
                if found
                else "`devicelog sessions list` shows those there are"
            )
            raise NotFound(f"no session {prefix!r}: {why}")
        return (exact or found)[0]

    def open_stream(self) -> StreamRow | None:
        """The stream that has no closing entry yet, or None."""
        return next((row for row in self.streams() if row["closed_seq"] is None), None)

    def chunks(self, stream_no: int) -> Iterator[Chunk]:
        """The chunks of a stream in order. Raises EvidenceDamaged, naming the chunk."""
        low, high = stream_no << CHUNK_INDEX_BITS, (stream_no + 1) << CHUNK_INDEX_BITS
        query = select(CHUNK.c.id, CHUNK.c.blob).where(CHUNK.c.id >= low, CHUNK.c.id < high).order_by(CHUNK.c.id)
        with in_our_words(self.path):
            for chunk_id, blob in self.connection.execute(query):
                try:
                    yield Chunk.parse(zlib.decompress(blob))
                except (zlib.error, ValueError) as error:
                    raise EvidenceDamaged(f"chunk {chunk_id - low} of stream {stream_no}: {error}") from error

    def records(self, stream_no: int) -> Iterator[Record]:
        """The records of a stream in order."""
        for chunk in self.chunks(stream_no):
            yield from chunk.records

    def client_code(self, client_ref: str | None) -> str | None:
        """The code behind a reference; None when it was erased."""
        return (
            None if client_ref is None else self._scalar(select(CLIENT.c.code).where(CLIENT.c.client_ref == client_ref))
        )

    def note_text(self, commitment: str) -> str | None:
        """The text behind a note's commitment; None when it was erased."""
        text: str | None = self._scalar(select(NOTE.c.text).where(NOTE.c.commitment == commitment))
        return text

    def _scalar(self, query: Any) -> Any:
        with in_our_words(self.path):
            return self.connection.execute(query).scalar()
