"""The database against itself: every hash, number, column, guard and projection computed again. Repairs nothing.

A problem is a sentence that names its place; checking goes on after it. What no outside witness covers is said, not
guessed: whoever can rewrite the whole file can make it consistent. Chunks have a file of their own (chunk_audit.py).
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, select

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import ABOUT_PACKAGES, BODY_KEYS, Entry, chain_fault, read_entry
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.store.checkpoint_audit import NOTHING_OUTSIDE, Outside, check_checkpoints, pin_in
from devicelog.store.chunk_audit import check_chunks, check_strays
from devicelog.store.database import check_ours
from devicelog.store.desk_audit import check_desk
from devicelog.store.engine import in_our_words
from devicelog.store.erasure_audit import check_erasures
from devicelog.store.package_audit import Packages, check_packages
from devicelog.store.pen_audit import check_pens
from devicelog.store.projection import erased_names, project
from devicelog.store.report import Report, Stream, check_types
from devicelog.store.schema import CLIENT, DOCUMENT, LEDGER_ENTRY, NOTE, STREAM, guard_faults
from devicelog.store.seal_audit import check_frontier, check_seals
from devicelog.store.signature_audit import check_signatures
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, commitment


def audit(
    connection: Connection,
    path: Path,
    *,
    only: str | None = None,
    outside: Outside = NOTHING_OUTSIDE,
    packages: Packages | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check everything, or the chain and the one stream `only`; `packages` reads what stands in place of chunks.

    Raises what `in_our_words` and `check_ours` raise.
    """
    report = Report()
    with in_our_words(path):
        check_ours(connection, path)
        # quick_check passes over indexes: with one damaged, a text that is there is shown as if it had been erased.
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(10)"):
            if line != "ok":
                report.problems.append(f"SQLite: {line}")
        report.problems += guard_faults(connection)
        progress("ledger entries")
        entries = list(_entries(connection, report))
        _rebuilt(entries, report)
        check_frontier(connection, entries, report)
        streams = _streams_of(entries, report)
        check_seals(entries, streams, report)
        progress("signatures")
        report.last = max((entry.seq for entry in entries if only and entry.body.get("stream") == only), default=None)
        report.pin = pin_in(entries, report)
        check_checkpoints(connection, entries, report.pin, outside, report)
        progress("documents")
        documents = _documents(connection, report)
        named = _named_documents(streams, documents, report) | check_pens(entries, streams, documents, report)
        named |= check_desk(connection, entries, streams, documents, report)
        check_signatures(entries, report)
        progress("packages")
        away, more = check_packages(connection, entries, streams, report, packages=packages, only=only)
        report.problems += [
            f"the derived document of an imported session is missing: {digest}"
            for digest in sorted(more - documents.keys())
        ]
        named |= more
        if only is None:
            report.problems += [f"document {digest} is named by no entry" for digest in documents.keys() - named]
        for stream_id, stream in streams.items():
            if only in (None, stream_id):
                progress(f"chunks of {stream_id}")
                if stream_id not in away:
                    check_chunks(connection, stream, report)
                report.notes |= {entry.body["reason_sha256"] for entry in stream.attributions}
        if only is None:
            check_strays(connection, streams, report)
        _projection(connection, entries, report)
        if only is None:
            check_erasures(connection, entries, path, report)
        _private(connection, entries, streams, report, every=only is None)
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
            check_types(LEDGER_ENTRY, row)
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


def _streams_of(entries: list[Entry], report: Report) -> dict[str, Stream]:
    streams: dict[str, Stream] = {}
    for entry in entries:
        if entry.type in ("session.opened", "span.opened"):
            streams[entry.body["stream"]] = Stream(entry)
            continue
        if "stream" not in BODY_KEYS.get(entry.type, ()) or entry.type == "package.imported":
            continue
        if entry.type in TOLD:
            named = streams.get(entry.body["stream"])
            if named is not None and named.closing is not None:
                report.newest[entry.body["stream"]] = entry.seq
            continue
        stream = streams.get(entry.body["stream"])
        if entry.type == "session.attributed":
            _attribution(entry, stream, report)
        elif entry.type in ABOUT_PACKAGES:
            if stream is None or stream.closing is None:
                report.problems.append(f"ledger entry {entry.seq} ({entry.type}) is of no stream that has ended")
        elif stream is None or stream.closing is not None:
            report.problems.append(f"ledger entry {entry.seq} ({entry.type}) is of no open stream")
        elif entry.type == "chunks.committed":
            stream.commitments.append(entry.body)
        elif entry.type in ("session.closed", "span.recorded"):
            stream.commitments.append(entry.body)
            stream.closing = entry
        if stream is not None and stream.closing is not None and entry.type not in ABOUT_PACKAGES:
            report.newest[entry.body["stream"]] = entry.seq
    report.streams = len(streams)
    return streams


def _attribution(entry: Entry, stream: Stream | None, report: Report) -> None:
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
            check_types(DOCUMENT, row)
        except ValueError as error:
            report.problems.append(f"document {row.sha256!r}: {error}")
            continue
        digest = row.sha256.hex()
        documents[digest] = row.bytes
        if sha256(row.bytes).digest() != row.sha256:
            report.problems.append(f"document {digest} was changed: its bytes do not hash to its name")
    return documents


def _named_documents(streams: dict[str, Stream], documents: dict[str, bytes], report: Report) -> set[str]:
    """The documents that the streams name, each looked for."""
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
    return named


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


def _private(
    connection: Connection, entries: list[Entry], streams: dict[str, Stream], report: Report, *, every: bool
) -> None:
    kept, explained = set(), {name for entry in entries for name in erased_names(entry)}
    for row in connection.execute(select(NOTE)):
        kept.add(row.commitment)
        typed = isinstance(row.salt, bytes) and isinstance(row.text, str)
        if not typed or commitment(NOTE_TAG, row.salt, row.text) != row.commitment:
            report.problems.append(f"the note {row.commitment} was changed: it is not what its record commits to")
    if every and not report.problems and not report.unread:  # what cannot be read takes its notes' commitments with it
        report.problems += [
            f"the note {name} is in no record and no attribution" for name in sorted(kept - report.notes)
        ]
    report.erased = len(report.notes - kept)
    report.unexplained = len(report.notes - kept - explained)
    clients = {row.client_ref: row for row in connection.execute(select(CLIENT))}
    committed = {
        (body["client_ref"], body["client_commitment"])
        for stream in streams.values()
        for body in (stream.opening.body, *(entry.body for entry in stream.attributions))
        if body.get("client_ref") is not None
    } | report.clients
    gone = {ref for ref, _ in committed} - clients.keys() - report.elsewhere
    report.erased += len(gone)
    report.unexplained += len(gone - explained)
    for ref, wanted in sorted(committed):
        client = clients.get(ref)
        if client is None:
            continue
        typed = isinstance(client.salt, bytes) and isinstance(client.code, str)
        if not typed or commitment(CLIENT_TAG, client.salt, client.code) != wanted:
            report.problems.append(f"the code of client {ref} was changed: it is not what the sessions commit to")
