"""The audit: whatever is changed by hand in a database is found, and its place is named.

The guards are dropped, something is changed, the guards are put back: only the hashes can tell.
"""

import json
import re
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devicelog.canonical import canonical, parse_canonical
from devicelog.errors import EvidenceDamaged, StoreUnusable
from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import BODY_KEYS, read_entry
from devicelog.ledger.tree import leaf_hash
from devicelog.records import MARK, SERIAL, Chunk, End, Record, record_of
from devicelog.store.audit import audit
from devicelog.store.database import open_for_writing
from devicelog.store.engine import writer_engine
from devicelog.store.schema import CHUNK, CHUNK_INDEX_BITS, DOCUMENT, GUARDS, LEDGER_ENTRY, SCHEMA_VERSION, STREAM
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, commitment
from tests.databases import (
    CLIENT,
    FIRST,
    NOTE,
    SECOND,
    SPAN,
    STREAMS,
    StillClock,
    chunk_ids,
    flip,
    make_database,
    mend_frontier,
    one,
    plain,
    problems,
    report,
    rows,
    spoil,
)

N_ENTRIES = 21
OPENED = {SPAN: 2, FIRST: 4, SECOND: 12}
N_CHUNKS = {SPAN: 3, FIRST: 12, SECOND: 12}
INDEX = (1 << CHUNK_INDEX_BITS) - 1


def set_(path: Path, table: str, column: str, key: Any, change: Callable[[Any], Any]) -> None:
    """Change one value by hand."""
    name = {"ledger_entry": "seq", "chunk": "id", "document": "id", "stream": "id"}[table]
    value = one(path, f"SELECT {column} FROM {table} WHERE {name} = ?", key)
    new = change(value)
    assert new != value
    spoil(path, (f"UPDATE {table} SET {column} = ? WHERE {name} = ?", (new, key)))


def assert_named(found: list[str], *patterns: str) -> None:
    """Every pattern is found in a problem, and every problem has one of them."""
    for pattern in patterns:
        assert any(re.search(pattern, problem) for problem in found), (pattern, found)
    for problem in found:
        assert any(re.search(pattern, problem) for pattern in patterns), problem


# --- nothing is wrong -------------------------------------------------------------------------------------------------


def test_a_database_as_it_was_written_is_consistent(pristine: Path) -> None:
    found = report(pristine)
    assert found.problems == []
    assert (found.entries, found.streams, found.chunks) == (N_ENTRIES, 3, sum(N_CHUNKS.values()))
    assert found.records == one(pristine, "SELECT sum(records) FROM chunk")
    assert found.documents == one(pristine, "SELECT count(*) FROM document")
    assert (found.uncommitted_chunks, found.erased) == (0, 0)
    assert found.head == one(pristine, "SELECT leaf FROM ledger_entry ORDER BY seq DESC LIMIT 1").hex()


@pytest.mark.parametrize("stream", STREAMS)
def test_one_stream_alone_is_consistent(stream: str, pristine: Path) -> None:
    found = report(pristine, stream)
    assert found.problems == []
    assert found.chunks == N_CHUNKS[stream]


def test_the_fixture_has_every_type_of_entry(pristine: Path) -> None:
    types = {read_entry(data).type for (data,) in rows(pristine, "SELECT bytes FROM ledger_entry")}
    elsewhere = {
        *("session.attributed", "database.rebuilt"),  # test_attribution.py, test_rebuild.py
        *("pen.calibrated", "pen.checked"),  # test_calibrations.py
        "pen.updated",  # tests/e2e/test_link.py
        *("log.commissioned", "stream.sealed", "stream.extended", "package.written", "export.made"),  # test_seals.py
        *("package.released", "package.imported", "log.continued"),  # tests/packages
        *("private.erased", "retention.set"),  # test_erasure.py
        *TOLD,  # tests/desk
    }
    assert types == set(BODY_KEYS) - elsewhere


def test_a_session_that_is_still_recorded_is_consistent_and_says_what_the_ledger_does_not_name(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    found = report(path)
    assert found.problems == []
    assert found.uncommitted_chunks == 3


@pytest.mark.parametrize(
    ("statements", "erased"),
    [
        (["DELETE FROM client"], 1),  # one client of two sessions
        (["DELETE FROM note WHERE commitment = (SELECT min(commitment) FROM note)"], 1),
        (["DELETE FROM note"], 2),
        (["DELETE FROM client", "DELETE FROM note"], 3),
    ],
)
@pytest.mark.requirement("R28")
def test_what_was_erased_is_counted_and_is_no_problem(statements: list[str], erased: int, recorded: Path) -> None:
    with plain(recorded) as connection:
        for statement in statements:
            connection.execute(statement)
    found = report(recorded)
    assert found.problems == []
    assert found.erased == erased


def test_the_notes_of_another_session_are_not_counted_as_erased(recorded: Path) -> None:
    """One session's check reads one session's records."""
    with plain(recorded) as connection:
        connection.execute("DELETE FROM note")
    assert [report(recorded, stream).erased for stream in STREAMS] == [0, 1, 1]


# --- ledger entries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", range(N_ENTRIES))
@pytest.mark.parametrize("at", [0, 30, -40, -1])
def test_a_byte_of_an_entry(seq: int, at: int, recorded: Path) -> None:
    set_(recorded, "ledger_entry", "bytes", seq, lambda data: flip(data, at))
    found = problems(recorded)
    assert found[0].startswith(f"ledger entry {seq} was changed: its bytes do not hash to its leaf")


@pytest.mark.parametrize("seq", [0, 4, 11, N_ENTRIES - 1])
def test_a_byte_of_a_leaf(seq: int, recorded: Path) -> None:
    set_(recorded, "ledger_entry", "leaf", seq, lambda leaf: flip(leaf, 31))
    assert problems(recorded) == [f"ledger entry {seq} was changed: its bytes do not hash to its leaf"]


def rewrite(path: Path, seq: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what an entry says, and its leaf hash with it."""
    values = parse_canonical(one(path, "SELECT bytes FROM ledger_entry WHERE seq = ?", seq))
    change(values)
    data = canonical(values)
    spoil(path, ("UPDATE ledger_entry SET bytes = ?, leaf = ? WHERE seq = ?", (data, leaf_hash(data), seq)))
    mend_frontier(path)


@pytest.mark.parametrize("seq", [0, 4, 11, N_ENTRIES - 2])
def test_an_entry_rewritten_with_its_leaf_breaks_the_chain_after_it(seq: int, recorded: Path) -> None:
    rewrite(recorded, seq, lambda values: values.update(mono_us=values["mono_us"] + 1))
    [problem] = problems(recorded)
    assert problem.startswith(f"ledger entry {seq + 1} does not follow the one before it: prev is ")


@pytest.mark.parametrize(("seq", "by"), [(0, 100), (7, 100), (N_ENTRIES - 1, 1)])
def test_another_number_of_an_entry(seq: int, by: int, recorded: Path) -> None:
    set_(recorded, "ledger_entry", "seq", seq, lambda number: number + by)
    after = seq + 1 if seq + 1 < N_ENTRIES else seq + by
    assert f"ledger entry {seq} is missing: the next one is {after}" in problems(recorded)


@pytest.mark.parametrize("seq", [0, 7, N_ENTRIES - 3])
def test_a_deleted_entry(seq: int, recorded: Path) -> None:
    spoil(recorded, ("DELETE FROM ledger_entry WHERE seq = ?", (seq,)))
    assert f"ledger entry {seq} is missing: the next one is {seq + 1}" in problems(recorded)


def test_entries_cut_off_at_the_end_are_missed_by_the_list_of_sessions(recorded: Path) -> None:
    closing = N_ENTRIES - 2
    spoil(recorded, ("DELETE FROM ledger_entry WHERE seq >= ?", (closing,)))
    assert any("the ledger was cut off" in problem for problem in problems(recorded))
    mend_frontier(recorded)
    found = problems(recorded)
    assert_named(found, rf"{SECOND}", "named by no entry")
    assert f"the list of sessions says closed_seq = {closing} of {SECOND}; the ledger says None" in found


def test_an_end_that_nothing_else_tells_of_is_known_by_its_head_alone(recorded: Path) -> None:
    """The limit of what a database can say of itself: the head must be known from outside."""
    head = report(recorded).head
    spoil(recorded, "DELETE FROM ledger_entry WHERE seq = (SELECT max(seq) FROM ledger_entry)")
    mend_frontier(recorded)
    assert problems(recorded) == []
    assert report(recorded).head != head


@pytest.mark.parametrize("seq", [0, 4, 11, N_ENTRIES - 1])
def test_a_truncated_entry(seq: int, recorded: Path) -> None:
    set_(recorded, "ledger_entry", "bytes", seq, lambda data: data[:-1])
    assert problems(recorded)[0].startswith(f"ledger entry {seq} was changed: its bytes do not hash")


def test_an_unreadable_entry_is_the_only_one_accused(recorded: Path) -> None:
    set_(recorded, "ledger_entry", "bytes", 0, lambda data: data[:-1])
    assert_named(problems(recorded), "^ledger entry 0 was changed")


def test_two_entries_swapped(recorded: Path) -> None:
    spoil(
        recorded,
        "UPDATE ledger_entry SET seq = -1 WHERE seq = 8",
        "UPDATE ledger_entry SET seq = 8 WHERE seq = 9",
        "UPDATE ledger_entry SET seq = 9 WHERE seq = -1",
    )
    found = problems(recorded)
    assert any(problem.startswith("ledger entry 8 does not follow the one before it: seq is 9") for problem in found)
    assert any(problem.startswith("ledger entry 9 does not follow the one before it: seq is 8") for problem in found)


def test_an_entry_of_another_log(recorded: Path) -> None:
    rewrite(recorded, N_ENTRIES - 1, lambda values: values.update(log="devicelog/other"))
    [problem] = problems(recorded)
    assert problem.startswith(f"ledger entry {N_ENTRIES - 1} does not follow the one before it: log is")


def test_an_empty_ledger(recorded: Path) -> None:
    spoil(recorded, "DELETE FROM ledger_entry")
    found = problems(recorded)
    assert "the ledger is empty: not even its first entry is there" in found
    assert f"chunks of stream {OPENED[FIRST]}, which no ledger entry opened" in found


def test_an_entry_about_a_stream_that_is_closed(recorded: Path) -> None:
    body = {"stream": FIRST, "chunks": 1, "records": 1, "root": "0" * 64}
    rewrite(recorded, N_ENTRIES - 1, lambda values: values.update(type="chunks.committed", body=body))
    assert problems(recorded) == [f"ledger entry {N_ENTRIES - 1} (chunks.committed) is of no open stream"]


@pytest.mark.parametrize(
    "change",
    [
        {"type": []},
        {"type": None},
        {"log": {}},
        {"prev": None},
        {"mono_us": "0"},
        {"body": []},
        {"body": {"stream": []}},
        {"body": {"chunks": []}},
        {"body": {"records": "1"}},
        {"body": {"root": None}},
        {"body": {"derived": 1}},
        {"body": {"ended": {}}},
    ],
    ids=str,
)
def test_an_entry_that_says_something_of_another_type(change: dict[str, Any], recorded: Path) -> None:
    def forge(values: dict[str, Any]) -> None:
        body = change.get("body")
        values.update(change if not isinstance(body, dict) else {"body": values["body"] | body})

    rewrite(recorded, 19, forge)
    assert problems(recorded)[0].startswith("ledger entry 19 was changed: ")


@pytest.mark.parametrize(
    "body", [{"documents": []}, {"documents": {"profile": []}}, {"pen": "x"}, {"pen": {}}, {"mode": []}], ids=str
)
def test_an_opening_that_says_something_of_another_type(body: dict[str, Any], recorded: Path) -> None:
    rewrite(recorded, 12, lambda values: values["body"].update(body))
    assert problems(recorded)[0].startswith("ledger entry 12 was changed: ")


# --- chunks -----------------------------------------------------------------------------------------------------------

PLACES = [(SPAN, 0), (SPAN, 1), (FIRST, 0), (FIRST, 3), (FIRST, N_CHUNKS[FIRST] - 1), (SECOND, 8)]
COUNTED = ["first_record", "records", "first_us", "last_us", "serial_bytes"]


def place(path: Path, stream: str, index: int) -> int:
    return chunk_ids(path, stream)[index]


@pytest.mark.parametrize(("stream", "index"), PLACES)
@pytest.mark.parametrize("at", [0, 1, 40, -1])
def test_a_byte_of_a_blob(stream: str, index: int, at: int, recorded: Path) -> None:
    set_(recorded, "chunk", "blob", place(recorded, stream, index), lambda blob: flip(blob, at))
    assert_named(problems(recorded), rf"^chunk {index} of {stream} was changed: ")


@pytest.mark.parametrize(("stream", "index"), PLACES)
def test_a_byte_of_blob_sha256(stream: str, index: int, recorded: Path) -> None:
    set_(recorded, "chunk", "blob_sha256", place(recorded, stream, index), lambda digest: flip(digest, 0))
    wanted = f"chunk {index} of {stream} was changed: its stored bytes do not hash to blob_sha256"
    assert problems(recorded) == [wanted]


@pytest.mark.parametrize(("stream", "index"), PLACES)
def test_a_byte_of_a_chunks_leaf(stream: str, index: int, recorded: Path) -> None:
    set_(recorded, "chunk", "leaf", place(recorded, stream, index), lambda leaf: flip(leaf, 0))
    found = problems(recorded)
    assert found[0] == f"chunk {index} of {stream} was changed: its records do not hash to its leaf"
    assert_named(found[1:], rf"^{stream}: its first \d+ chunks are not those that the ledger names$")


@pytest.mark.parametrize("column", COUNTED)
@pytest.mark.parametrize(("stream", "index"), PLACES)
def test_a_roll_up_column(stream: str, index: int, column: str, recorded: Path) -> None:
    chunk_id = place(recorded, stream, index)
    value = one(recorded, f"SELECT {column} FROM chunk WHERE id = ?", chunk_id)
    set_(recorded, "chunk", column, chunk_id, lambda number: number ^ 1)
    wanted = f"chunk {index} of {stream}: column {column} is {value ^ 1}; its records say {value}"
    assert problems(recorded) == [wanted]


@pytest.mark.parametrize("table", ["ledger_entry", "chunk", "document"])
def test_a_value_of_another_type_in_any_column(table: str, recorded: Path, tmp_path: Path) -> None:
    columns = {t.name: t for t in (LEDGER_ENTRY, CHUNK, DOCUMENT)}[table].columns
    key = columns[0].name
    for column in columns:
        if column.primary_key:
            continue
        path = tmp_path / f"{column.name}.db"
        path.write_bytes(recorded.read_bytes())
        last = one(path, f"SELECT max({key}) FROM {table}")
        # as many characters as the column's check demands of a hash
        spoil(path, (f"UPDATE {table} SET {column.name} = ? WHERE {key} = ?", ("x" * 32, last)))
        names = {
            "ledger_entry": f"ledger entry {last} was changed: column {column.name} holds a str",
            "chunk": f"chunk {last & INDEX} of {SECOND} was changed: column {column.name} holds a str",
            "document": f": column {column.name} holds a str",
        }
        assert any(names[table] in problem for problem in problems(path)), (column.name, problems(path))


@pytest.mark.parametrize("index", [0, 5, N_CHUNKS[FIRST] - 2])
def test_a_deleted_chunk(index: int, recorded: Path) -> None:
    spoil(recorded, ("DELETE FROM chunk WHERE id = ?", (place(recorded, FIRST, index),)))
    assert problems(recorded) == [f"chunk {index} of {FIRST} is missing: the next one is {index + 1}"]


def test_a_chunk_deleted_at_the_end(recorded: Path) -> None:
    last = N_CHUNKS[FIRST] - 1
    spoil(recorded, ("DELETE FROM chunk WHERE id = ?", (place(recorded, FIRST, last),)))
    assert problems(recorded) == [f"chunk {last} of {FIRST} is missing: the ledger names {last + 1} chunks"]


def test_all_chunks_deleted(recorded: Path) -> None:
    spoil(recorded, "DELETE FROM chunk")
    assert problems(recorded) == [
        f"chunk 0 of {stream} is missing: the ledger names {N_CHUNKS[stream]} chunks" for stream in STREAMS
    ]


@pytest.mark.parametrize(("one_", "other"), [((FIRST, 3), (FIRST, 8)), ((FIRST, 3), (SECOND, 3))])
def test_two_chunks_swapped(one_: tuple[str, int], other: tuple[str, int], recorded: Path) -> None:
    a, b = place(recorded, *one_), place(recorded, *other)
    move = "UPDATE chunk SET id = ? WHERE id = ?"
    spoil(recorded, (move, (-1, a)), (move, (a, b)), (move, (b, -1)))
    found = problems(recorded)
    assert_named(
        found,
        rf"^chunk {one_[1]} of {one_[0]} belongs to another place: {other[0]}, record \d+$",
        rf"^chunk {other[1]} of {other[0]} belongs to another place: {one_[0]}, record \d+$",
        r"chunks are not those that the ledger names$",
        rf"^chunk \d+ of ({FIRST}|{SECOND}) belongs to another place",  # where the numbers run on wrongly
    )


def append_chunk(path: Path, stream: str) -> None:
    """A chunk that fits: the next number, the next record, sound hashes."""
    last = place(path, stream, -1)
    first, n, t_us = rows(path, "SELECT first_record, records, last_us FROM chunk WHERE id = ?", last)[0]
    chunk = Chunk.of(stream, [record_of(first + n, t_us, End(cause="operator", bytes_read=0))])
    blob = zlib.compress(chunk.data)
    row = (last + 1, first + n, 1, t_us, t_us, 0, leaf_hash(chunk.data), sha256(blob).digest(), blob)
    spoil(path, ("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row))


def test_a_chunk_appended_to_a_closed_session(recorded: Path) -> None:
    append_chunk(recorded, FIRST)
    assert problems(recorded) == [f"{FIRST} has {N_CHUNKS[FIRST] + 1} chunks; it was closed with {N_CHUNKS[FIRST]}"]


def test_a_chunk_of_an_entry_that_opened_nothing(recorded: Path) -> None:
    stray = N_ENTRIES - 1
    source = place(recorded, FIRST, 0)
    spoil(
        recorded,
        f"INSERT INTO chunk SELECT {stray << CHUNK_INDEX_BITS}, first_record, records, first_us, last_us, "
        f"serial_bytes, leaf, blob_sha256, blob FROM chunk WHERE id = {source}",
    )
    assert problems(recorded) == [f"chunks of stream {stray}, which no ledger entry opened"]


def test_a_chunk_with_bytes_after_its_end(recorded: Path) -> None:
    chunk_id = place(recorded, FIRST, 3)
    blob = one(recorded, "SELECT blob FROM chunk WHERE id = ?", chunk_id) + b"hidden"
    digest = sha256(blob).digest()
    spoil(recorded, ("UPDATE chunk SET blob = ?, blob_sha256 = ? WHERE id = ?", (blob, digest, chunk_id)))
    assert_named(problems(recorded), rf"^chunk 3 of {FIRST} was changed: ")


def spoil_serial(record: Record) -> Record:
    return record._replace(body=flip(record.body, -2)) if record.kind == SERIAL else record


def spoil_mark(record: Record) -> Record:
    return record._replace(body=flip(record.body, -2)) if record.kind == MARK else record


def replace_chunk(
    path: Path, stream: str, index: int, *, tree: bool, change: Callable[[Record], Record] = spoil_serial
) -> None:
    """Other records, with every hash and column of the row made to fit; `tree`: the leaf too."""
    chunk_id = place(path, stream, index)
    chunk = Chunk.parse(zlib.decompress(one(path, "SELECT blob FROM chunk WHERE id = ?", chunk_id)))
    changed = Chunk.of(stream, [change(record) for record in chunk.records])
    assert changed.data != chunk.data
    blob = zlib.compress(changed.data)
    leaf = leaf_hash(changed.data if tree else chunk.data)
    values = (blob, sha256(blob).digest(), leaf, chunk_id)
    spoil(path, ("UPDATE chunk SET blob = ?, blob_sha256 = ?, leaf = ? WHERE id = ?", values))


def test_a_chunk_rewritten_with_all_hashes_of_its_row_is_not_what_the_ledger_names(recorded: Path) -> None:
    replace_chunk(recorded, FIRST, 4, tree=True)
    assert_named(problems(recorded), rf"^{FIRST}: its first \d+ chunks are not those that the ledger names$")
    assert f"{FIRST}: its first 6 chunks are not those that the ledger names" in problems(recorded)


def test_a_mark_that_cannot_be_read(recorded: Path) -> None:
    index, number = mark_place(recorded, FIRST)
    replace_chunk(recorded, FIRST, index, tree=True, change=spoil_mark)
    found = problems(recorded)
    assert_named(
        found,
        rf"^chunk {index} of {FIRST} was changed: record {number}: ",
        rf"^{FIRST}: its first \d+ chunks are not those that the ledger names$",
    )


def mark_place(path: Path, stream: str) -> tuple[int, int]:
    """The first chunk of a stream that has a mark, and the number of that mark."""
    for index, chunk_id in enumerate(chunk_ids(path, stream)):
        chunk = Chunk.parse(zlib.decompress(one(path, "SELECT blob FROM chunk WHERE id = ?", chunk_id)))
        for record in chunk.records:
            if record.kind == MARK:
                return index, record.number
    raise AssertionError(f"{stream} has no mark")


def test_a_commitment_that_counts_other_records(recorded: Path) -> None:
    rewrite(recorded, 19, lambda values: values["body"].update(records=values["body"]["records"] + 1))
    wanted = f"{SECOND}: its first {N_CHUNKS[SECOND]} chunks are not those that the ledger names"
    assert wanted in problems(recorded)


def test_a_chunk_rewritten_but_for_its_leaf(recorded: Path) -> None:
    replace_chunk(recorded, FIRST, 4, tree=False)
    assert problems(recorded) == [f"chunk 4 of {FIRST} was changed: its records do not hash to its leaf"]


# --- documents --------------------------------------------------------------------------------------------------------


def documents(path: Path) -> list[tuple[int, str]]:
    return [(i, digest.hex()) for i, digest in rows(path, "SELECT id, sha256 FROM document ORDER BY id")]


N_DOCUMENTS = 7


@pytest.mark.parametrize("which", range(N_DOCUMENTS))
@pytest.mark.parametrize("at", [0, -1])
def test_a_byte_of_a_document(which: int, at: int, recorded: Path) -> None:
    document_id, digest = documents(recorded)[which]
    set_(recorded, "document", "bytes", document_id, lambda data: flip(data, at))
    assert problems(recorded) == [f"document {digest} was changed: its bytes do not hash to its name"]


@pytest.mark.parametrize("which", range(N_DOCUMENTS))
def test_a_byte_of_a_documents_hash(which: int, recorded: Path) -> None:
    document_id, digest = documents(recorded)[which]
    set_(recorded, "document", "sha256", document_id, lambda value: flip(value, 0))
    changed = flip(bytes.fromhex(digest), 0).hex()
    assert_named(
        problems(recorded),
        f"^document {changed} was changed: its bytes do not hash to its name$",
        f"^document {changed} is named by no entry$",
        rf"^the \w+ document of ({'|'.join(STREAMS)}) is missing: {digest}$",
    )


@pytest.mark.parametrize("which", range(N_DOCUMENTS))
def test_a_deleted_document(which: int, recorded: Path) -> None:
    document_id, digest = documents(recorded)[which]
    spoil(recorded, ("DELETE FROM document WHERE id = ?", (document_id,)))
    assert_named(problems(recorded), rf"^the \w+ document of ({'|'.join(STREAMS)}) is missing: {digest}$")


def test_a_document_that_nobody_named(recorded: Path) -> None:
    digest = sha256(b"{}").digest()
    with plain(recorded) as connection:
        connection.execute("INSERT INTO document (sha256, bytes) VALUES (?, ?)", (digest, b"{}"))
    assert problems(recorded) == [f"document {digest.hex()} is named by no entry"]


def test_a_document_put_in_with_its_hash_as_text_passes_the_guard_and_is_told(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("INSERT INTO document (sha256, bytes) VALUES (?, ?)", ("x" * 32, b"{}"))
    assert problems(recorded) == [f"document {'x' * 32!r}: column sha256 holds a str"]


def test_a_verdict_that_is_not_that_of_the_derived_record(recorded: Path) -> None:
    rewrite(recorded, 19, lambda values: values["body"].update(verdict="conforming"))
    found = problems(recorded)
    assert f"the derived record of {SECOND} has another verdict than ledger entry 19 (session.closed)" in found


# --- projection and private -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", [column.name for column in STREAM.columns if column.name != "id"])
def test_a_column_of_the_list_of_sessions(column: str, recorded: Path) -> None:
    set_(recorded, "stream", column, FIRST, lambda value: value + 1000 if isinstance(value, int) else "changed")
    [problem] = problems(recorded)
    assert problem.startswith(f"the list of sessions says {column} = ")
    assert f" of {FIRST}; the ledger says " in problem


def test_another_id_in_the_list_of_sessions(recorded: Path) -> None:
    set_(recorded, "stream", "id", FIRST, lambda _: "s-9999999999")
    found = problems(recorded)
    assert f"the list of sessions says id = None of {FIRST}; the ledger says '{FIRST}'" in found
    assert "the list of sessions says id = 's-9999999999' of s-9999999999; the ledger says None" in found


def test_a_session_taken_from_the_list(recorded: Path) -> None:
    spoil(recorded, ("DELETE FROM stream WHERE id = ?", (FIRST,)))
    assert f"the list of sessions says status = None of {FIRST}; the ledger says 'closed'" in problems(recorded)


@pytest.mark.parametrize(
    "change",
    [
        "text = text || '.'",
        "salt = zeroblob(32)",
        "commitment = replace(commitment, substr(commitment, 1, 8), 'ffffffff')",
    ],
)
def test_a_changed_note(change: str, recorded: Path) -> None:
    first = one(recorded, "SELECT min(commitment) FROM note")
    spoil(recorded, (f"UPDATE note SET {change} WHERE commitment = ?", (first,)))
    changed = first if not change.startswith("commitment") else "f" * 8 + first[8:]
    assert problems(recorded) == [f"the note {changed} was changed: it is not what its record commits to"]


@pytest.mark.parametrize("change", ["text = x'00ff'", "salt = 'salt'"])
def test_a_note_of_another_type(change: str, recorded: Path) -> None:
    first = one(recorded, "SELECT min(commitment) FROM note")
    spoil(recorded, (f"UPDATE note SET {change} WHERE commitment = ?", (first,)))
    assert problems(recorded) == [f"the note {first} was changed: it is not what its record commits to"]


FORGED = bytes(32)


def insert_note(path: Path, text: str = "added") -> str:
    """A note that fits its own commitment and stands in no record."""
    name = commitment(NOTE_TAG, FORGED, text)
    with plain(path) as connection:
        connection.execute("INSERT INTO note VALUES (?, ?, ?)", (name, FORGED, text))
    return name


def test_a_note_that_no_record_commits_to(recorded: Path) -> None:
    name = insert_note(recorded)
    assert problems(recorded) == [f"the note {name} is in no record and no attribution"]
    assert [problems(recorded, stream) for stream in STREAMS] == [[], [], []]


def test_a_note_exchanged_for_another_with_a_sound_commitment(recorded: Path) -> None:
    first = one(recorded, "SELECT min(commitment) FROM note")
    with plain(recorded) as connection:
        connection.execute("DELETE FROM note WHERE commitment = ?", (first,))
    name = insert_note(recorded, f"{NOTE}, not")
    found = report(recorded)
    assert found.problems == [f"the note {name} is in no record and no attribution"]
    assert found.erased == 1


def test_a_chunk_that_cannot_be_read_does_not_accuse_its_notes(recorded: Path) -> None:
    insert_note(recorded)
    index, _ = mark_place(recorded, FIRST)
    for at in range(index, N_CHUNKS[FIRST]):
        set_(recorded, "chunk", "blob", place(recorded, FIRST, at), lambda blob: blob[:-1])
    assert_named(problems(recorded), rf"^chunk \d+ of {FIRST} was changed: ")


def test_a_note_of_a_session_that_is_still_recorded_is_in_a_record(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    assert one(path, "SELECT count(*) FROM note") == 2
    assert (problems(path), report(path).erased) == ([], 0)
    name = insert_note(path)
    assert problems(path) == [f"the note {name} is in no record and no attribution"]


CODE_CHANGED = "the code of client {} was changed: it is not what the sessions commit to"


@pytest.mark.parametrize("only", [None, FIRST, SPAN])
@pytest.mark.parametrize("change", ["code = code || '.'", "salt = zeroblob(32)", "code = x'00ff'", "salt = 'salt'"])
def test_a_changed_client(change: str, only: str | None, recorded: Path) -> None:
    ref = one(recorded, "SELECT client_ref FROM client")
    spoil(recorded, f"UPDATE client SET {change}")
    assert problems(recorded, only) == [CODE_CHANGED.format(ref)]


def test_a_code_and_a_salt_changed_together(recorded: Path) -> None:
    ref = one(recorded, "SELECT client_ref FROM client")
    spoil(recorded, ("UPDATE client SET code = 'K-9999', salt = ?", (FORGED,)))
    found = report(recorded)
    assert (found.problems, found.erased) == ([CODE_CHANGED.format(ref)], 0)


def test_the_clients_of_two_sessions_exchanged(tmp_path: Path) -> None:
    """Who was treated cannot be exchanged unnoticed: not the codes, not codes and salts, not the references."""
    path = make_database(tmp_path / "data", second_client="K-2047")
    refs = [ref for (ref,) in rows(path, "SELECT client_ref FROM client ORDER BY code")]
    assert len(refs) == 2
    assert problems(path) == []
    original = path.read_bytes()
    both = sorted(CODE_CHANGED.format(ref) for ref in refs)
    (a_ref, a_salt, a_code), (b_ref, b_salt, b_code) = rows(path, "SELECT client_ref, salt, code FROM client")
    for exchanged in (
        [(a_ref, a_salt, b_code), (b_ref, b_salt, a_code)],
        [(a_ref, b_salt, b_code), (b_ref, a_salt, a_code)],
        [(b_ref, a_salt, a_code), (a_ref, b_salt, b_code)],
    ):
        path.write_bytes(original)
        inserts = [("INSERT INTO client VALUES (?, ?, ?)", row) for row in exchanged]
        spoil(path, "DELETE FROM client", *inserts)
        assert sorted(problems(path)) == both
    path.write_bytes(original)
    swap = "UPDATE stream SET client_ref = ? WHERE id = ?"
    listed = {stream: one(path, "SELECT client_ref FROM stream WHERE id = ?", stream) for stream in (FIRST, SECOND)}
    spoil(path, (swap, (listed[SECOND], FIRST)), (swap, (listed[FIRST], SECOND)))
    assert problems(path) == [
        f"the list of sessions says client_ref = {listed[there]!r} of {here}; the ledger says {listed[here]!r}"
        for here, there in ((FIRST, SECOND), (SECOND, FIRST))
    ]


def test_one_of_two_clients_erased(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", second_client="K-2047")
    with plain(path) as connection:
        connection.execute("DELETE FROM client WHERE code = 'K-2047'")
    found = report(path)
    assert (found.problems, found.erased) == ([], 1)


def test_the_standard_library_alone_finds_who_was_treated(recorded: Path) -> None:
    """What docs/record.md tells a reader to do, without our code."""
    found = rows(
        recorded,
        "SELECT bytes, code, salt FROM stream JOIN client ON client.client_ref = stream.client_ref "
        "JOIN ledger_entry ON seq = no WHERE kind = 'session'",
    )
    assert len(found) == 2
    for data, code, salt in found:
        assert (code, len(salt)) == (CLIENT, 32)
        wanted = sha256(b"devicelog-client-1\n" + salt + code.encode()).hexdigest()
        assert json.loads(data)["body"]["client_commitment"] == wanted == commitment(CLIENT_TAG, salt, code)


@pytest.mark.parametrize(("table", "column"), [("note", "text"), ("client", "code"), ("stream", "verdict")])
def test_text_that_is_none(table: str, column: str, recorded: Path) -> None:
    spoil(recorded, f"UPDATE {table} SET {column} = CAST(x'ff' AS TEXT)")
    with pytest.raises(EvidenceDamaged, match="text that is none"):
        report(recorded)


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["ledger_entry", "chunk", "document", "client", "note", "stream"])
def test_a_table_that_is_gone(table: str, recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute(f"DROP TABLE {table}")
    with pytest.raises(EvidenceDamaged, match=f"no such table: {table}"):
        report(recorded)


def test_any_page_of_the_file_overwritten(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    data, page_bytes = recorded.read_bytes(), one(recorded, "PRAGMA page_size")
    pages = range(0, len(data), page_bytes)
    assert len(pages) > 50
    for at in pages:
        recorded.write_bytes(data[:at] + b"\xff" * 8 + data[at + 8 :])
        try:
            found = problems(recorded)
        except EvidenceDamaged as error:
            found = [str(error)]
        assert found, f"page {at // page_bytes + 1}"


def test_a_database_of_a_later_version_is_not_judged(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreUnusable, match=f"schema {SCHEMA_VERSION + 1}"):
        report(recorded)


# --- what one session's check covers ----------------------------------------------------------------------------------


def test_damage_in_one_session_is_not_laid_to_another(recorded: Path) -> None:
    set_(recorded, "chunk", "blob", place(recorded, FIRST, 3), lambda blob: flip(blob, 40))
    assert problems(recorded, SECOND) == []
    assert_named(problems(recorded, FIRST), f"^chunk 3 of {FIRST} was changed")
    assert problems(recorded, FIRST) == problems(recorded)


# --- the list of sessions does not decide what is open ----------------------------------------------------------------


def test_a_session_reopened_in_the_list_alone_is_not_closed_again(recorded: Path) -> None:
    spoil(recorded, ("UPDATE stream SET closed_seq = NULL WHERE id = ?", (FIRST,)))
    _, head = open_for_writing(recorded.parent, stamps=StillClock(), sw={})
    assert head.stream is None


def test_a_session_closed_in_the_list_alone_is_still_open(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    spoil(path, ("UPDATE stream SET closed_seq = 1 WHERE id = ?", (SECOND,)))
    _, head = open_for_writing(path.parent, stamps=StillClock(), sw={})
    assert head.stream is not None
    assert (head.stream.id, head.stream.no) == (SECOND, OPENED[SECOND])
    assert head.stream.chunks == len(chunk_ids(path, SECOND))


# --- the command ------------------------------------------------------------------------------------------------------


def verify(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devicelog", "verify", *words, "--data-dir", str(path.parent)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_verify_says_that_all_is_consistent(recorded: Path) -> None:
    before = recorded.read_bytes()
    run = verify(recorded, "--all")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1] == "consistent"
    assert f"checked {N_ENTRIES} ledger entries" in run.stdout
    assert "outside witness: none" in run.stdout
    assert recorded.read_bytes() == before


def test_verify_says_how_much_was_erased(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("DELETE FROM client")
    run = verify(recorded, "--all")
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 private texts (client codes, notes) were erased; their commitments stand" in run.stdout


def test_verify_names_a_changed_client_code_and_ends_with_3(recorded: Path) -> None:
    spoil(recorded, "UPDATE client SET code = 'K-9999'")
    run = verify(recorded, "--all")
    assert run.returncode == 3
    assert f"ALTERED: {CODE_CHANGED.format(one(recorded, 'SELECT client_ref FROM client'))}" in run.stdout


@pytest.mark.requirement("R24")
def test_verify_names_a_damaged_chunk_and_ends_with_3(recorded: Path) -> None:
    set_(recorded, "chunk", "last_us", place(recorded, FIRST, 3), lambda us: us + 1)
    whole, damaged, undamaged = verify(recorded, "--all"), verify(recorded, FIRST), verify(recorded, SECOND[2:])
    for run in (whole, damaged):
        assert run.returncode == 3
        assert f"ALTERED: chunk 3 of {FIRST}: column last_us is " in run.stdout
        assert run.stdout.splitlines()[-1] == "NOT CONSISTENT: 1 problems"
    assert undamaged.returncode == 0
    assert "ALTERED" not in undamaged.stdout
    assert f"chunks with {one(recorded, 'SELECT sum(records) FROM chunk WHERE id >> 24 = 12')} records" in (
        undamaged.stdout
    )


def test_verify_as_json_reports_a_missing_guard_and_goes_on(recorded: Path) -> None:
    set_(recorded, "ledger_entry", "leaf", 7, lambda leaf: flip(leaf, 0))
    with plain(recorded) as connection:
        connection.execute("DROP TRIGGER document_no_delete")
    run = verify(recorded, "--all", "--json")
    assert (run.returncode, run.stderr) == (3, "")
    value = json.loads(run.stdout)
    assert value["schema"] == "devicelog.verify/1"
    assert value["ok"] is False
    assert value["problems"] == [
        "guard document_no_delete is missing",
        "ledger entry 7 was changed: its bytes do not hash to its leaf",
    ]
    assert value["coverage"]["entries"] == N_ENTRIES
    assert value["coverage"]["outside_witness"] is None


def test_verify_of_a_file_that_lost_a_table_ends_with_3(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("DROP TABLE stream")
    run = verify(recorded, "--all")
    assert run.returncode == 3
    assert "no such table: stream" in run.stderr
    assert "Traceback" not in run.stderr


# --- any byte ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without guards, for changes that are taken back."""
    path = make_database(tmp_path_factory.mktemp("unguarded") / "data")
    with plain(path) as connection:
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
    return path


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_byte_of_any_entry_or_blob(unguarded: Path, data: st.DataObject) -> None:
    table, key, column = data.draw(st.sampled_from([("ledger_entry", "seq", "bytes"), ("chunk", "id", "blob")]))
    row = data.draw(st.sampled_from([i for (i,) in rows(unguarded, f"SELECT {key} FROM {table}")]))
    stored = one(unguarded, f"SELECT {column} FROM {table} WHERE {key} = ?", row)
    at, mask = data.draw(st.integers(0, len(stored) - 1)), data.draw(st.integers(1, 255))
    if table == "ledger_entry":
        name = f"ledger entry {row} was changed"
    else:
        stream = next(stream for stream, no in OPENED.items() if no == row >> CHUNK_INDEX_BITS)
        name = f"chunk {row & INDEX} of {stream} was changed"
    engine = writer_engine(unguarded)
    with engine.connect() as connection:
        transaction = connection.begin()
        update = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
        connection.exec_driver_sql(update, (flip(stored, at, mask), row))
        found = audit(connection, unguarded).problems
        transaction.rollback()
    assert any(problem.startswith(name) for problem in found), found


def test_and_without_a_change_it_is_whole(unguarded: Path) -> None:
    assert sorted(problems(unguarded)) == sorted(f"guard {name} is missing" for name in GUARDS)


def test_the_standard_library_alone_finds_the_same_leaves(pristine: Path) -> None:
    """What docs/record.md tells an auditor to compute, without our code."""
    with sqlite3.connect(pristine) as connection:
        for leaf, data in connection.execute("SELECT leaf, bytes FROM ledger_entry"):
            assert sha256(b"\0" + data).digest() == leaf
        for leaf, blob in connection.execute("SELECT leaf, blob FROM chunk"):
            assert sha256(b"\0" + zlib.decompress(blob)).digest() == leaf
    connection.close()
