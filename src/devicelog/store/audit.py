"""The database against itself: every hash, number, column, guard and projection computed again. Repairs nothing.

A problem is a sentence that names its place; checking goes on after it. What no outside witness covers is said, not
guessed: whoever can rewrite the whole file can make it consistent.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, Table, select

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.entries import BODY_KEYS, Entry, chain_fault, read_entry
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.records import MARK, Chunk, Mark, item_of
from devicelog.store.database import check_ours
from devicelog.store.engine import in_our_words
from devicelog.store.projection import project
from devicelog.store.schema import CHUNK, CHUNK_INDEX_BITS, CLIENT, DOCUMENT, LEDGER_ENTRY, NOTE, STREAM, guard_faults
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, chunk_columns, commitment


@dataclass(slots=True)
class Report:
    """What was checked and what was found wrong."""

    problems: list[str] = field(default_factory=list)
    entries: int = 0
    streams: int = 0
    chunks: int = 0
    records: int = 0
    documents: int = 0
    uncommitted_chunks: int = 0
    erased: int = 0
    notes: set[str] = field(default_factory=set)  # what the records and attributions checked commit to
    head: str = ""  # leaf hash of the newest entry, hex


@dataclass(slots=True)
class _Stream:
    """What the ledger says of a stream."""

    opening: Entry
    commitments: list[Json] = field(default_factory=list)
    closing: Entry | None = None
    attributions: list[Entry] = field(default_factory=list)

    def derivations(self) -> Iterator[Entry]:
        """The entries that name a derived record of it, oldest first."""
        if self.closing is not None:
            yield self.closing
        yield from self.attributions


def audit(
    connection: Connection, path: Path, *, only: str | None = None, progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Check everything, or the chain and the one stream `only`. Raises what `in_our_words` and `check_ours` raise."""
    report = Report()
    with in_our_words(path):
        check_ours(connection, path)
        for (line,) in connection.exec_driver_sql("PRAGMA quick_check(10)"):
            if line != "ok":
                report.problems.append(f"SQLite: {line}")
        report.problems += guard_faults(connection)
        progress("ledger entries")
        entries = list(_entries(connection, report))
        _rebuilt(entries, report)
        streams = _streams_of(entries, report)
        progress("documents")
        documents = _documents(connection, report)
        _named_documents(streams, documents, report, every=only is None)
        for stream_id, stream in streams.items():
            if only in (None, stream_id):
                progress(f"chunks of {stream_id}")
                _chunks(connection, stream, report)
                report.notes |= {entry.body["reason_sha256"] for entry in stream.attributions}
        if only is None:
            _strays(connection, streams, report)
        _projection(connection, entries, report)
        _private(connection, streams, report, every=only is None)
    return report


def projection_faults(connection: Connection) -> list[str]:
    """Where the list of sessions is not what the ledger says."""
    report = Report()
    _projection(connection, list(_entries(connection, report)), report)
    return report.problems


def _entries(connection: Connection, report: Report) -> Iterator[Entry]:
    previous: Entry | None = None
    for index, row in enumerate(connection.execute(select(LEDGER_ENTRY).order_by(LEDGER_ENTRY.c.seq))):
        report.entries += 1
        if row.seq != index:
            report.problems.append(f"ledger entry {index} is missing: the next one is {row.seq}")
            return
        try:
            _check_types(LEDGER_ENTRY, row)
            if leaf_hash(row.bytes) != row.leaf:
                report.problems.append(f"ledger entry {index} was changed: its bytes do not hash to its leaf")
            entry = read_entry(row.bytes)
        except ValueError as error:
            report.problems.append(f"ledger entry {index} was changed: {error}")
            leaf = row.leaf if isinstance(row.leaf, bytes) else b""
            previous = Entry(seq=index, data=b"", leaf=leaf, values=previous.values if previous else {})
            continue
        if fault := chain_fault(entry, index=index, previous=previous):
            report.problems.append(f"ledger entry {index} does not follow the one before it: {fault}")
        report.head = entry.leaf.hex()
        previous = entry
        yield entry
    if not report.entries:
        report.problems.append("the ledger is empty: not even its first entry is there")


def _check_types(table: Table, row: Row[Any]) -> None:
    """SQLite lets any value into any column. Raises ValueError when one is not of the type that was written."""
    for column in table.columns:
        value = getattr(row, column.name)
        if type(value) is not (bytes if isinstance(column.type, LargeBinary) else int):
            raise ValueError(f"column {column.name} holds a {type(value).__name__}")


def _streams_of(entries: list[Entry], report: Report) -> dict[str, _Stream]:
    streams: dict[str, _Stream] = {}
    for entry in entries:
        if entry.type in ("session.opened", "span.opened"):
            streams[entry.body["stream"]] = _Stream(entry)
            continue
        if "stream" not in BODY_KEYS.get(entry.type, ()):
            continue
        stream = streams.get(entry.body["stream"])
        if entry.type == "session.attributed":
            _attribution(entry, stream, report)
        elif stream is None or stream.closing is not None:
            report.problems.append(f"ledger entry {entry.seq} ({entry.type}) is of no open stream")
        elif entry.type == "chunks.committed":
            stream.commitments.append(entry.body)
        elif entry.type in ("session.closed", "span.recorded"):
            stream.commitments.append(entry.body)
            stream.closing = entry
    report.streams = len(streams)
    return streams


def _attribution(entry: Entry, stream: _Stream | None, report: Report) -> None:
    if stream is None or stream.closing is None or stream.closing.type != "session.closed":
        report.problems.append(f"ledger entry {entry.seq} ({entry.type}) is of no closed session")
        return
    wanted = len(stream.attributions) + 2  # the closing entry names the first derived record
    if entry.body["number"] != wanted:
        report.problems.append(
            f"ledger entry {entry.seq} is derivation {entry.body['number']} of {entry.body['stream']}; "
            f"the next one is {wanted}"
        )
    stream.attributions.append(entry)


def _rebuilt(entries: list[Entry], report: Report) -> None:
    """What a rebuild said of the ledger before it. Where entries are missing or unreadable, that is told already."""
    tree = Tree()
    for entry in entries:
        if entry.type == "database.rebuilt" and tree.size == entry.seq:
            said = (entry.body["entries"], entry.body["root"])
            if said != (tree.size, tree.root().hex()):
                report.problems.append(
                    f"ledger entry {entry.seq}: the {tree.size} entries before it are not those that were copied"
                )
        tree.append(entry.leaf)


def _documents(connection: Connection, report: Report) -> dict[str, bytes]:
    documents = {}
    for row in connection.execute(select(DOCUMENT).order_by(DOCUMENT.c.id)):
        report.documents += 1
        try:
            _check_types(DOCUMENT, row)
        except ValueError as error:
            report.problems.append(f"document {row.sha256!r}: {error}")
            continue
        digest = row.sha256.hex()
        documents[digest] = row.bytes
        if sha256(row.bytes).digest() != row.sha256:
            report.problems.append(f"document {digest} was changed: its bytes do not hash to its name")
    return documents


def _named_documents(streams: dict[str, _Stream], documents: dict[str, bytes], report: Report, *, every: bool) -> None:
    named = set()
    for stream_id, stream in streams.items():
        wanted = list(stream.opening.body["documents"].items())
        wanted += [("derived", entry.body["derived"]) for entry in stream.derivations()]
        for name, digest in wanted:
            named.add(digest)
            if digest not in documents:
                report.problems.append(f"the {name} document of {stream_id} is missing: {digest}")
        for entry in stream.derivations():
            if "verdict" in entry.body:
                _derived(stream_id, entry, documents.get(entry.body["derived"]), report)
    if every:
        report.problems += [f"document {digest} is named by no entry" for digest in documents.keys() - named]


def _derived(stream_id: str, entry: Entry, data: bytes | None, report: Report) -> None:
    try:
        derived = parse_canonical(data) if data is not None else None
    except ValueError:
        return  # its hash is wrong, and that is told already
    for key in ("verdict", "engine"):
        if derived is not None and derived.get(key) != entry.body[key]:
            report.problems.append(
                f"the derived record of {stream_id} has another {key} than ledger entry {entry.seq} ({entry.type})"
            )


def _chunks(connection: Connection, stream: _Stream, report: Report) -> None:
    no, stream_id = stream.opening.seq, stream.opening.body["stream"]
    low, high = no << CHUNK_INDEX_BITS, (no + 1) << CHUNK_INDEX_BITS
    tree, records = Tree(), 0
    roots: dict[int, tuple[int, str]] = {0: (0, tree.root().hex())}
    wanted = {body["chunks"] for body in stream.commitments}
    query = select(CHUNK).where(CHUNK.c.id >= low, CHUNK.c.id < high).order_by(CHUNK.c.id)
    for index, row in enumerate(connection.execute(query)):
        where = f"chunk {index} of {stream_id}"
        if row.id != low + index:
            report.problems.append(f"{where} is missing: the next one is {row.id - low}")
            return
        try:
            _check_types(CHUNK, row)
        except ValueError as error:
            report.problems.append(f"{where} was changed: {error}")
            return
        report.chunks += 1
        tree.append(row.leaf)
        chunk = _chunk(row.blob, row.blob_sha256, row.leaf, where, report)
        n = row.records if chunk is None else len(chunk.records)
        if chunk is not None:
            if chunk.stream != stream_id or chunk.records[0].number != records:
                report.problems.append(
                    f"{where} belongs to another place: {chunk.stream}, record {chunk.records[0].number}"
                )
            for column, value in chunk_columns(chunk).items():
                if getattr(row, column) != value:
                    report.problems.append(
                        f"{where}: column {column} is {getattr(row, column)}; its records say {value}"
                    )
        records += n
        report.records += n
        if index + 1 in wanted:
            roots[index + 1] = (records, tree.root().hex())
    committed = max(wanted, default=0)
    if committed > tree.size:
        report.problems.append(f"chunk {tree.size} of {stream_id} is missing: the ledger names {committed} chunks")
    for body in stream.commitments:
        if body["chunks"] <= tree.size and roots.get(body["chunks"]) != (body["records"], body["root"]):
            report.problems.append(
                f"{stream_id}: its first {body['chunks']} chunks are not those that the ledger names"
            )
    if stream.closing is not None and tree.size > committed:
        report.problems.append(f"{stream_id} has {tree.size} chunks; it was closed with {committed}")
    elif tree.size > committed:
        report.uncommitted_chunks += tree.size - committed


def _chunk(blob: bytes, blob_sha256: bytes, leaf: bytes, where: str, report: Report) -> Chunk | None:
    if sha256(blob).digest() != blob_sha256:
        report.problems.append(f"{where} was changed: its stored bytes do not hash to blob_sha256")
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(blob)
        if not inflater.eof or inflater.unused_data:
            raise ValueError("its stored bytes are not one compressed chunk")
        chunk = Chunk.parse(data)
    except (zlib.error, ValueError) as error:
        report.problems.append(f"{where} was changed: {error}")
        return None
    if leaf_hash(data) != leaf:
        report.problems.append(f"{where} was changed: its records do not hash to its leaf")
    for record in chunk.records:
        if record.kind == MARK:
            try:
                mark = item_of(record)
            except ValueError as error:
                report.problems.append(f"{where} was changed: record {record.number}: {error}")
            else:
                report.notes |= {mark.note_sha256} if isinstance(mark, Mark) and mark.note_sha256 else set()
    return chunk


def _strays(connection: Connection, streams: dict[str, _Stream], report: Report) -> None:
    known = {stream.opening.seq for stream in streams.values()}
    for no in connection.execute(select(CHUNK.c.id.op(">>")(CHUNK_INDEX_BITS)).distinct()).scalars():
        if no not in known:
            report.problems.append(f"chunks of stream {no}, which no ledger entry opened")


def _projection(connection: Connection, entries: list[Entry], report: Report) -> None:
    wanted: dict[str, Json] = {}
    blank = {column.name: None for column in STREAM.columns}
    for entry in entries:
        change = project(entry)
        if change is not None:
            wanted.setdefault(change.stream, dict(blank)).update(change.values)
    stored = {row["id"]: dict(row) for row in connection.execute(select(STREAM)).mappings()}
    for stream_id in sorted(wanted.keys() | stored.keys(), key=str):
        mine, theirs = wanted.get(stream_id, {}), stored.get(stream_id, {})
        for column in blank:
            if mine.get(column) != theirs.get(column):
                report.problems.append(
                    f"the list of sessions says {column} = {theirs.get(column)!r} of {stream_id}; "
                    f"the ledger says {mine.get(column)!r}"
                )


def _private(connection: Connection, streams: dict[str, _Stream], report: Report, *, every: bool) -> None:
    kept = set()
    for row in connection.execute(select(NOTE)):
        kept.add(row.commitment)
        typed = isinstance(row.salt, bytes) and isinstance(row.text, str)
        if not typed or commitment(NOTE_TAG, row.salt, row.text) != row.commitment:
            report.problems.append(f"the note {row.commitment} was changed: it is not what its record commits to")
    if every and not report.problems:  # a chunk that cannot be read takes its notes' commitments with it
        report.problems += [
            f"the note {name} is in no record and no attribution" for name in sorted(kept - report.notes)
        ]
    report.erased = len(report.notes - kept)
    clients = {row.client_ref: row for row in connection.execute(select(CLIENT))}
    committed = {
        (body["client_ref"], body["client_commitment"])
        for stream in streams.values()
        for body in (stream.opening.body, *(entry.body for entry in stream.attributions))
        if body.get("client_ref") is not None
    }
    report.erased += len({ref for ref, _ in committed} - clients.keys())
    for ref, wanted in sorted(committed):
        client = clients.get(ref)
        if client is None:
            continue
        typed = isinstance(client.salt, bytes) and isinstance(client.code, str)
        if not typed or commitment(CLIENT_TAG, client.salt, client.code) != wanted:
            report.problems.append(f"the code of client {ref} was changed: it is not what the sessions commit to")
