"""The part of the audit that is about chunks: each against its hashes, columns and place, all against the ledger.

Which streams there are, and which of them are checked, is the audit's (audit.py).
"""

import zlib
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select

from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.records import MARK, Chunk, Mark, item_of
from devicelog.store.report import Report, Stream, check_types
from devicelog.store.schema import CHUNK, CHUNK_INDEX_BITS
from devicelog.store.transaction import chunk_columns

_BETWEEN = select(CHUNK).where(CHUNK.c.id >= bindparam("low"), CHUNK.c.id < bindparam("high")).order_by(CHUNK.c.id)


def check_chunks(connection: Connection, stream: Stream, report: Report) -> None:
    """Those of one stream, in order; goes on after a fault as far as their order is known."""
    no, stream_id = stream.opening.seq, stream.opening.body["stream"]
    low, high = no << CHUNK_INDEX_BITS, (no + 1) << CHUNK_INDEX_BITS
    tree, records = Tree(), 0
    roots: dict[int, tuple[int, str]] = {0: (0, tree.root().hex())}
    wanted = {body["chunks"] for body in stream.commitments}
    for index, row in enumerate(connection.execute(_BETWEEN, {"low": low, "high": high})):
        where = f"chunk {index} of {stream_id}"
        if row.id != low + index:
            report.problems.append(f"{where} is missing: the next one is {row.id - low}")
            return
        try:
            check_types(CHUNK, row)
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


def check_strays(connection: Connection, streams: dict[str, Stream], report: Report) -> None:
    """Chunks of a stream that the ledger does not know."""
    known = {stream.opening.seq for stream in streams.values()}
    for no in connection.execute(select(CHUNK.c.id.op(">>")(CHUNK_INDEX_BITS)).distinct()).scalars():
        if no not in known:
            report.problems.append(f"chunks of stream {no}, which no ledger entry opened")
