"""Reading the database: entries, streams, records, documents. Never writes and never judges."""

import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Row, func, select

from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import PEN_DOCUMENTS, Entry, read_entry
from devicelog.ledger.tree import leaf_hash
from devicelog.records import Chunk, Record
from devicelog.store.engine import in_our_words, reader_engine
from devicelog.store.reading import StreamRow, find_stream
from devicelog.store.schema import (
    ABOUT,
    CHUNK,
    CHUNK_INDEX_BITS,
    CLIENT,
    DOCUMENT,
    LEDGER_ENTRY,
    NOTE,
    PSEUDONYM,
    STREAM,
)

_CHUNKS_A_READ = 64
_ENTRIES_A_READ = 1024


class Evidence:
    """One reader of a database file. A context manager.

    Every read is short and ends its transaction, so that a reader who takes his time does not hold back the
    write-ahead log; only a connection that was given keeps the caller's.
    """

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
            return read_entry(_bytes(data))
        except ValueError as error:
            raise EvidenceDamaged(f"ledger entry {seq}: {error}") from error

    def closing(self, row: StreamRow) -> Entry | None:
        """The closing entry of a stream; None while it is open. Raises EvidenceDamaged when the list names another."""
        if row["closed_seq"] is None:
            return None
        try:
            entry = self.entry(row["closed_seq"])
        except NotFound as error:
            raise EvidenceDamaged(f"the list of sessions is wrong about {row['id']}: {error}") from error
        if entry.type not in ("session.closed", "span.recorded") or entry.body["stream"] != row["id"]:
            raise EvidenceDamaged(
                f"the list of sessions is wrong about {row['id']}: entry {entry.seq} does not close it"
            )
        return entry

    def derivations(self, row: StreamRow) -> list[Entry]:
        """The entries that name a derived record of a stream, oldest first: its closing one, then its attributions.

        Empty while it is open. Raises EvidenceDamaged, naming the entry that cannot be what was written.
        """
        closing = self.closing(row)
        return [] if closing is None else [closing, *self.attributions(row)]

    def entries_of(self, stream: str, first: int) -> Iterator[Entry]:
        """The entries whose body has this stream, from number `first` on. Raises EvidenceDamaged, naming the entry."""
        query = select(LEDGER_ENTRY).where(func.instr(LEDGER_ENTRY.c.bytes, stream.encode()) > 0)
        query = query.order_by(LEDGER_ENTRY.c.seq).limit(_ENTRIES_A_READ)
        while found := self.rows(query.where(LEDGER_ENTRY.c.seq >= first)):
            for each in found:
                entry = unchanged(each)
                if entry.body.get("stream") == stream:  # else it has the id in another place
                    yield entry
            first = found[-1].seq + 1

    def desk_entries(self, row: StreamRow) -> list[Entry]:
        """The entries of the clinic's desk about a stream, before and after its seal, oldest first.

        Raises EvidenceDamaged, naming the entry that was changed, or that is not about the stream.
        """
        named = select(ABOUT.c.seq).where(ABOUT.c.name == row["id"], ABOUT.c.type.in_(TOLD))
        query = select(LEDGER_ENTRY).where(LEDGER_ENTRY.c.seq.in_(named)).order_by(LEDGER_ENTRY.c.seq)
        found = [unchanged(each) for each in self.rows(query)]
        return [entry for entry in found if entry.body["stream"] == row["id"]]

    def attributions(self, row: StreamRow) -> list[Entry]:
        """The corrections of a session, oldest first. Raises EvidenceDamaged, naming the entry."""
        wanted = row["derivations"] - 1  # the closing entry names the first
        if wanted < 1 or row["closed_seq"] is None:
            return []
        later = select(LEDGER_ENTRY).where(LEDGER_ENTRY.c.seq > row["closed_seq"]).order_by(LEDGER_ENTRY.c.seq)
        found: list[Entry] = []
        for each in self.rows(later.where(func.instr(LEDGER_ENTRY.c.bytes, str(row["id"]).encode()) > 0)):
            entry = unchanged(each)
            if entry.type != "session.attributed" or entry.body["stream"] != row["id"]:
                continue  # it has the id in another place: a practitioner's may be the same
            if entry.body["number"] != len(found) + 2:
                raise EvidenceDamaged(f"ledger entry {entry.seq} is not derivation {len(found) + 2} of {row['id']}")
            found.append(entry)
        if len(found) < wanted:
            for each in self.rows(later):
                unchanged(each)
            raise EvidenceDamaged(
                f"the list of sessions is wrong about {row['id']}: it says {row['derivations']} derivations, and the "
                f"ledger has {len(found) + 1}"
            )
        return found[:wanted]  # one more may have come since the row was read

    def document(self, digest: str) -> bytes:
        """A document by its SHA-256 in hex. Raises EvidenceDamaged when it is missing or is another."""
        try:
            data = self._scalar(select(DOCUMENT.c.bytes).where(DOCUMENT.c.sha256 == bytes.fromhex(digest)))
            if data is None:
                raise EvidenceDamaged(f"document {digest} is missing")
            if sha256(_bytes(data)).hexdigest() != digest:
                raise EvidenceDamaged(f"document {digest} was changed")
        except (ValueError, TypeError) as error:
            raise EvidenceDamaged(f"document {digest}: {error}") from error
        return _bytes(data)

    def documents(self, opening: Entry) -> dict[str, bytes]:
        """The documents that an opening entry names, by SHA-256 in hex."""
        return {digest: self.document(digest) for digest in opening.body["documents"].values()}

    def streams(self) -> list[StreamRow]:
        """Every session and span, oldest first."""
        return [dict(row._mapping) for row in self.rows(select(STREAM).order_by(STREAM.c.no))]

    def streams_of(self, client_ref: str) -> list[StreamRow]:
        """The sessions of a client, as last corrected, oldest first."""
        query = select(STREAM).where(STREAM.c.client_ref == client_ref, STREAM.c.kind == "session")
        return [dict(row._mapping) for row in self.rows(query.order_by(STREAM.c.no))]

    def stream(self, prefix: str) -> StreamRow:
        """The one stream whose id begins so. Raises NotFound when there is none or more than one."""
        return find_stream(self.streams(), prefix)

    def open_stream(self) -> StreamRow | None:
        """The stream that has no closing entry yet, or None."""
        return next((row for row in self.streams() if row["closed_seq"] is None), None)

    def chunks(self, stream_no: int) -> Iterator[Chunk]:
        """The chunks of a stream in order. Raises EvidenceDamaged, naming the chunk."""
        for index, blob in enumerate(self.blobs(stream_no)):
            try:
                yield Chunk.parse(zlib.decompress(blob))
            except (zlib.error, ValueError) as error:
                raise EvidenceDamaged(f"chunk {index} of stream {stream_no}: {error}") from error

    def released(self, stream_no: int) -> str | None:
        """The id of a stream whose chunks are in its package alone; None where they are here."""
        query = select(STREAM.c.id).where(STREAM.c.no == stream_no, STREAM.c.released_seq.is_not(None))
        stream: str | None = self._scalar(query)
        return stream

    def blobs(self, stream_no: int) -> Iterator[bytes]:
        """The chunks of a stream in order, compressed, as they are stored. Raises EvidenceDamaged, naming the chunk."""
        low, high = stream_no << CHUNK_INDEX_BITS, (stream_no + 1) << CHUNK_INDEX_BITS
        query = select(CHUNK.c.id, CHUNK.c.blob).order_by(CHUNK.c.id).limit(_CHUNKS_A_READ)
        at = low
        while rows := self.rows(query.where(CHUNK.c.id >= at, CHUNK.c.id < high)):
            for row in rows:
                if row.id != at:
                    raise EvidenceDamaged(f"chunk {at - low} of stream {stream_no} is missing")
                at += 1
                try:
                    blob = _bytes(row.blob)
                except ValueError as error:
                    raise EvidenceDamaged(f"chunk {row.id - low} of stream {stream_no}: {error}") from error
                yield blob
        if at - low < (promised := self._promised(stream_no)):
            raise EvidenceDamaged(f"chunk {at - low} of stream {stream_no} is missing: the ledger names {promised}")

    def _promised(self, stream_no: int) -> int:
        """How many chunks the closing entry of a stream names; 0 while it is open."""
        closed_seq = self._scalar(select(STREAM.c.closed_seq).where(STREAM.c.no == stream_no))
        return 0 if closed_seq is None else int(self.entry(closed_seq).body.get("chunks", 0))

    def records(self, stream_no: int) -> Iterator[Record]:
        """The records of a stream in order."""
        for chunk in self.chunks(stream_no):
            yield from chunk.records

    def client_code(self, client_ref: str | None) -> str | None:
        """The code behind a reference; None when it was erased."""
        return (
            None if client_ref is None else self._scalar(select(CLIENT.c.code).where(CLIENT.c.client_ref == client_ref))
        )

    def client_ref(self, code: str) -> str | None:
        """The reference of a client's code; None when it was never used, or was erased."""
        ref: str | None = self._scalar(select(CLIENT.c.client_ref).where(CLIENT.c.code == code))
        return ref

    def client_codes(self) -> list[str]:
        """The codes of all clients that are known here."""
        return [str(row.code) for row in self.rows(select(CLIENT.c.code))]

    def pseudonym(self, recipient: str, client_ref: str) -> str | None:
        """What this recipient is told instead of a client's reference; None when it was never told one."""
        here = (PSEUDONYM.c.recipient == recipient, PSEUDONYM.c.client_ref == client_ref)
        name: str | None = self._scalar(select(PSEUDONYM.c.pseudonym).where(*here))
        return name

    def note_text(self, commitment: str) -> str | None:
        """The text behind a note's commitment; None when it was erased."""
        text: str | None = self._scalar(select(NOTE.c.text).where(NOTE.c.commitment == commitment))
        return text

    def client_kept(self, client_ref: str) -> tuple[bytes, str] | None:
        """The salt and the code behind a reference; None when they were erased."""
        return self._payload(select(CLIENT.c.salt, CLIENT.c.code).where(CLIENT.c.client_ref == client_ref))

    def note_kept(self, commitment: str) -> tuple[bytes, str] | None:
        """The salt and the text behind a commitment; None when they were erased."""
        return self._payload(select(NOTE.c.salt, NOTE.c.text).where(NOTE.c.commitment == commitment))

    def last_closed(self, pen_serial: str, before_stream: int) -> list[StreamRow]:
        """The closed streams before this one that heard this pen, newest first, a few."""
        query = select(STREAM).where(STREAM.c.pen_serial == pen_serial, STREAM.c.no < before_stream)
        query = query.where(STREAM.c.derived.is_not(None)).order_by(STREAM.c.no.desc()).limit(8)
        return [dict(row._mapping) for row in self.rows(query)]

    def calibrations(self, serial: str | None = None) -> list[Entry]:
        """Every calibration and check, of this pen or of all, oldest first. Raises EvidenceDamaged.

        Each stands right behind the closing entry of its span, which a person opened: only those spans name one.
        """
        query = select(STREAM.c.id, STREAM.c.closed_seq).order_by(STREAM.c.no)
        query = query.where(STREAM.c.kind == "span", STREAM.c.practitioner.is_not(None), STREAM.c.derived.is_not(None))
        found = []
        for row in self.rows(query if serial is None else query.where(STREAM.c.pen_serial == serial)):
            try:
                entry = self.entry(row.closed_seq + 1)
            except NotFound:
                continue  # interrupted there: nothing was calibrated
            if entry.type in PEN_DOCUMENTS and entry.body["span"] == row.id:
                found.append(entry)
        return found

    def _payload(self, query: Any) -> tuple[bytes, str] | None:
        rows: Sequence[Any] = self.rows(query)
        return (rows[0][0], rows[0][1]) if rows else None

    def _scalar(self, query: Any) -> Any:
        rows = self.rows(query)
        return rows[0][0] if rows else None

    def rows(self, query: Any) -> Sequence[Row[Any]]:
        """The rows of one short read. Raises StoreUnusable, EvidenceDamaged."""
        with in_our_words(self.path):
            rows = self.connection.execute(query).all()
            if self._owned:
                self.connection.rollback()
            return rows


def unchanged(row: Row[Any]) -> Entry:
    """An entry of a row of `ledger_entry`, with its leaf and its number checked. Raises EvidenceDamaged."""
    try:
        entry = read_entry(_bytes(row.bytes))
        if leaf_hash(entry.data) != row.leaf or entry.seq != row.seq:
            raise ValueError("its bytes do not hash to its leaf")
    except ValueError as error:
        raise EvidenceDamaged(f"ledger entry {row.seq} was changed: {error}") from error
    return entry


def _bytes(value: object) -> bytes:
    """SQLite lets any value into any column. Raises ValueError for one that is not what was written."""
    if not isinstance(value, bytes):
        raise ValueError(f"a {type(value).__name__} where bytes belong")
    return value
