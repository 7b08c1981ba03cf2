"""One transaction of the one writer: append entries, chunks, documents and private payloads; keep the projection true.

The store's state (head of the ledger, the open stream) changes only when the transaction is committed: a transaction
works on a copy. Not responsible for when a transaction is begun (writer.py).
"""

import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Protocol

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import sqlite

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import NO_PREVIOUS, RECORDER, Actor, Entry, entry_bytes, read_entry
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.records import SERIAL, Chunk, Record
from devicelog.store.projection import about_names, erased_names, project
from devicelog.store.schema import (
    ABOUT,
    CHECKPOINT,
    CHUNK,
    CHUNK_INDEX_BITS,
    CLIENT,
    DOCUMENT,
    ERASED,
    FRONTIER,
    LEDGER_ENTRY,
    NOTE,
    PSEUDONYM,
    STREAM,
)

NOTE_TAG = b"devicelog-note-1\n"
CLIENT_TAG = b"devicelog-client-1\n"

# Compiled once: it is the statement of every flush, and half of a flush was SQLAlchemy's work on it.
_CHUNK_COLUMNS = tuple(column.name for column in CHUNK.columns)
_INSERT_CHUNK = str(insert(CHUNK).compile(dialect=sqlite.dialect()))


class Stamps(Protocol):
    """Where a transaction takes its time from: the injected clock."""

    def now_us(self) -> int:
        """Monotonic microseconds."""

    def stamp(self) -> Json:
        """`at`, `mono_us`, `boot` and `clock` of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHead:
    """The open stream: how far it is on disk, and how far that is committed in the ledger."""

    no: int
    id: str
    chunks: int = 0
    records: int = 0
    committed: int = 0  # chunks named by the newest chunks.committed
    committed_us: int = 0
    tree: Tree = field(default_factory=Tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the next append goes."""

    log: str
    seq: int = 0
    prev: str = NO_PREVIOUS
    tree: Tree = field(default_factory=Tree)  # over the leaves of all entries
    stream: StreamHead | None = None


class Transaction:
    """Append-only operations inside one database transaction. `head` is what holds once it is committed."""

    def __init__(self, connection: Connection, head: Head, *, stamps: Stamps, sw: Json) -> None:
        self.connection = connection
        self._stamps = stamps
        self._sw = sw
        self.head = head

    def entry(self, type_: str, body: Json, actor: Actor = RECORDER) -> Entry:
        """Append a ledger entry and bring the projection up to it."""
        data = entry_bytes(
            log=self.head.log,
            seq=self.head.seq,
            nonce=secrets.token_hex(16),
            prev=self.head.prev,
            stamp=self._stamps.stamp(),
            actor=actor,
            sw=self._sw,
            type_=type_,
            body=body,
        )
        entry = read_entry(data)
        self.connection.execute(insert(LEDGER_ENTRY).values(seq=entry.seq, leaf=entry.leaf, bytes=data))
        project_entry(self.connection, entry)
        tree = self.head.tree.copy()
        tree.append(entry.leaf)
        keep_frontier(self.connection, tree)
        self.head = replace(self.head, seq=entry.seq + 1, prev=entry.leaf.hex(), tree=tree)
        return entry

    def checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed head of the ledger."""
        number = self.connection.execute(select(func.coalesce(func.max(CHECKPOINT.c.id), -1) + 1)).scalar_one()
        self.connection.execute(insert(CHECKPOINT).values(id=number, size=size, note=note))

    def open_stream(self, type_: str, body: Json, actor: Actor = RECORDER) -> Entry:
        """Append an opening entry; what follows belongs to its stream."""
        if self.head.stream is not None:
            raise ValueError(f"stream {self.head.stream.id} is still open")
        entry = self.entry(type_, body, actor)
        stream = StreamHead(no=entry.seq, id=body["stream"], committed_us=entry.values["mono_us"])
        self.head = replace(self.head, stream=stream)
        return entry

    def chunk(self, records: Sequence[Record]) -> None:
        """Append the next records of the open stream as one chunk."""
        stream = self._stream()
        chunk = Chunk.of(stream.id, records)
        blob, leaf = zlib.compress(chunk.data, 6), leaf_hash(chunk.data)
        row = {
            "id": stream.no << CHUNK_INDEX_BITS | stream.chunks,
            **chunk_columns(chunk),
            "leaf": leaf,
            "blob_sha256": sha256(blob).digest(),
            "blob": blob,
        }
        self.connection.exec_driver_sql(_INSERT_CHUNK, tuple(row[name] for name in _CHUNK_COLUMNS))
        tree = stream.tree.copy()
        tree.append(leaf)
        stream = replace(stream, chunks=stream.chunks + 1, records=stream.records + len(records), tree=tree)
        self.head = replace(self.head, stream=stream)

    def commit_chunks(self) -> None:
        """Name the root of the open stream's chunks in the ledger, when there are new ones."""
        stream = self._stream()
        if stream.committed == stream.chunks:
            return
        entry = self.entry("chunks.committed", {"stream": stream.id, **self._extent(stream)})
        stream = replace(stream, committed=stream.chunks, committed_us=entry.values["mono_us"])
        self.head = replace(self.head, stream=stream)

    def close_stream(self, type_: str, body: Json, actor: Actor = RECORDER) -> Entry:
        """Append the closing entry of the open stream; it commits all its chunks."""
        stream = self._stream()
        entry = self.entry(type_, {"stream": stream.id, **self._extent(stream), **body}, actor)
        self.head = replace(self.head, stream=None)
        return entry

    def release(self, stream_no: int, body: Json) -> Entry:
        """Append `package.released` and delete the chunks of that stream. Raises EvidenceDamaged: nothing is done."""
        entry = self.entry("package.released", body)
        low, high = stream_no << CHUNK_INDEX_BITS, (stream_no + 1) << CHUNK_INDEX_BITS
        gone = self.connection.execute(delete(CHUNK).where(CHUNK.c.id >= low, CHUNK.c.id < high)).rowcount
        if gone != body["chunks"]:
            raise EvidenceDamaged(
                f"{body['stream']} has {gone} chunks in the database; it was closed with {body['chunks']}"
            )
        return entry

    def document(self, data: bytes) -> str:
        """Keep a document, once, and return its SHA-256 in hex."""
        digest = sha256(data).digest()
        if self.connection.execute(select(DOCUMENT.c.id).where(DOCUMENT.c.sha256 == digest)).first() is None:
            self.connection.execute(insert(DOCUMENT).values(sha256=digest, bytes=data))
        return digest.hex()

    def client(self, code: str, new_ref: str | None = None) -> tuple[str, str]:
        """The random reference of this client and the commitment to the code; on first sight `new_ref`, or one made
        now, is the reference.

        Only this table knows the code.
        """
        known = self.connection.execute(select(CLIENT).where(CLIENT.c.code == code)).first()
        if known is not None:
            return known.client_ref, commitment(CLIENT_TAG, known.salt, code)
        ref, salt = new_ref or new_client_ref(), secrets.token_bytes(32)
        self.connection.execute(insert(CLIENT).values(client_ref=ref, salt=salt, code=code))
        return ref, commitment(CLIENT_TAG, salt, code)

    def client_kept(self, client_ref: str) -> tuple[bytes, str] | None:
        """The salt and the code behind a reference; None when they were erased."""
        row = self.connection.execute(select(CLIENT).where(CLIENT.c.client_ref == client_ref)).first()
        return None if row is None else (row.salt, row.code)

    def pseudonym(self, recipient: str, client_ref: str, new: str) -> None:
        """Keep what a client is called in what this recipient is given: `new`, where there is nothing yet.

        Who was erased is not given a name again.
        """
        if self.connection.execute(select(ERASED).where(ERASED.c.name == client_ref)).first() is not None:
            return
        here = (PSEUDONYM.c.recipient == recipient, PSEUDONYM.c.client_ref == client_ref)
        if self.connection.execute(select(PSEUDONYM).where(*here)).first() is None:
            values = {"recipient": recipient, "client_ref": client_ref, "pseudonym": new}
            self.connection.execute(insert(PSEUDONYM).values(**values))

    def derivations(self, stream: str) -> int:
        """How many derivations a stream has up to here."""
        return int(self.connection.execute(select(STREAM.c.derivations).where(STREAM.c.id == stream)).scalar_one())

    def note(self, salt: bytes, text: str) -> None:
        """Keep the text of a note apart from its record, which holds the commitment to it."""
        self.connection.execute(insert(NOTE).values(commitment=commitment(NOTE_TAG, salt, text), salt=salt, text=text))

    def known_client(self, client_ref: str, salt: bytes, code: str) -> bool:
        """Keep a client of another ledger. False where this one has the code, or the reference, for another already."""
        here = (CLIENT.c.client_ref == client_ref) | (CLIENT.c.code == code)
        found = self.connection.execute(select(CLIENT).where(here)).all()
        if not found:
            self.connection.execute(insert(CLIENT).values(client_ref=client_ref, salt=salt, code=code))
        return all(tuple(row) == (client_ref, salt, code) for row in found)

    def known_note(self, salt: bytes, text: str) -> None:
        """Keep a note of another ledger, once."""
        name = commitment(NOTE_TAG, salt, text)
        if self.connection.execute(select(NOTE.c.commitment).where(NOTE.c.commitment == name)).first() is None:
            self.note(salt, text)

    def _stream(self) -> StreamHead:
        if self.head.stream is None:
            raise ValueError("no stream is open")
        return self.head.stream

    @staticmethod
    def _extent(stream: StreamHead) -> Json:
        return {"chunks": stream.chunks, "records": stream.records, "root": stream.tree.root().hex()}


def new_client_ref() -> str:
    """A reference that says nothing of the client."""
    return f"c-{secrets.token_hex(8)}"


def chunk_columns(chunk: Chunk) -> dict[str, int]:
    """The roll-up columns of a chunk, each a function of its bytes; `verify` computes them again."""
    stamps = [record.t_us for record in chunk.records]
    return {
        "first_record": chunk.records[0].number,
        "records": len(chunk.records),
        "first_us": min(stamps),
        "last_us": max(stamps),
        "serial_bytes": sum(len(record.body) for record in chunk.records if record.kind == SERIAL),
    }


def commitment(tag: bytes, salt: bytes, text: str) -> str:
    """The salted commitment to a private text: SHA-256 of tag, 32-byte salt and text, in hex."""
    return sha256(tag + salt + text.encode()).hexdigest()


def keep_frontier(connection: Connection, tree: Tree) -> None:
    """Write down where the tree over the ledger ends, in place of what stood there."""
    values = {"size": tree.size, "subtrees": b"".join(tree.subtrees)}
    if connection.execute(update(FRONTIER).values(**values)).rowcount == 0:
        connection.execute(insert(FRONTIER).values(**values))


def project_entry(connection: Connection, entry: Entry) -> None:
    """Bring the projection up to one more entry."""
    if names := erased_names(entry):
        connection.execute(insert(ERASED), [{"name": name, "seq": entry.seq} for name in names])
    if names := about_names(entry):
        rows = [{"name": name, "type": entry.type, "seq": entry.seq} for name in names]
        connection.execute(insert(ABOUT), rows)
    change = project(entry)
    if change is None:
        return
    if change.opens:
        connection.execute(insert(STREAM).values(**change.values))
    else:
        connection.execute(update(STREAM).where(STREAM.c.id == change.stream).values(**change.values))
