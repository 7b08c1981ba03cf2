"""The guards: what SQL may not do to the evidence, and that a database which lost one is not recorded into."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from devicelog.errors import EvidenceDamaged
from devicelog.store.database import open_for_writing
from devicelog.store.schema import CHUNK_INDEX_BITS, GUARDS, METADATA
from tests.databases import SECOND, StillClock, chunk_ids, dump, make_database, one, plain, report, rows, spoil

EVIDENCE = ("ledger_entry", "chunk", "document")
KEYS = {"ledger_entry": "seq", "chunk": "id", "document": "id"}
LEAF = "zeroblob(32)"

# A row of each table as SQL, with a place for the key: well formed, and not what stands there.
ROWS = {
    "ledger_entry": "(seq, leaf, bytes) VALUES ({key}, randomblob(32), x'7b7d')",
    "chunk": (
        "(id, first_record, records, first_us, last_us, serial_bytes, leaf, blob_sha256, blob) "
        "VALUES ({key}, 0, 1, 0, 0, 0, randomblob(32), randomblob(32), x'00')"
    ),
    "document": "(id, sha256, bytes) VALUES ({key}, randomblob(32), x'7b7d')",
}
FIRST = {table: f"(SELECT min({key}) FROM {table})" for table, key in KEYS.items()}
LAST = {table: f"(SELECT max({key}) FROM {table})" for table, key in KEYS.items()}


def matrix() -> dict[str, str]:
    """Every statement that must be refused, by what it tries."""
    found: dict[str, str] = {}
    for table, key in KEYS.items():
        row, first, last = ROWS[table], FIRST[table], LAST[table]
        columns = [column.name for column in METADATA.tables[table].columns]
        statements = {
            **{f"update {column}": f"UPDATE {table} SET {column} = {column}" for column in columns},
            "update one": f"UPDATE {table} SET {columns[-1]} = x'00' WHERE {key} = {last}",
            "update or replace": f"UPDATE OR REPLACE {table} SET {key} = {first} WHERE {key} = {last}",
            "update or ignore": f"UPDATE OR IGNORE {table} SET {columns[-1]} = x'00'",
            "delete first": f"DELETE FROM {table} WHERE {key} = {first}",
            "delete last": f"DELETE FROM {table} WHERE {key} = {last}",
            "delete all": f"DELETE FROM {table}",
            "replace first": f"INSERT OR REPLACE INTO {table} {row.format(key=first)}",
            "replace last": f"INSERT OR REPLACE INTO {table} {row.format(key=last)}",
            "replace by itself": f"REPLACE INTO {table} SELECT * FROM {table}",
            "upsert": f"INSERT INTO {table} {row.format(key=last)} "
            f"ON CONFLICT ({key}) DO UPDATE SET {columns[-1]} = excluded.{columns[-1]}",
            "repeat": f"INSERT INTO {table} {row.format(key=last)}",
            "repeat as text": f"INSERT OR REPLACE INTO {table} {row.format(key=f'CAST({last} AS TEXT)')}",
            "repeat as real": f"INSERT OR REPLACE INTO {table} {row.format(key=f'CAST({last} AS REAL)')}",
        }
        if table != "document":  # its id is nothing but a row number: what counts is the hash
            statements |= {
                "gap": f"INSERT INTO {table} {row.format(key=f'{last} + 2')}",
                "far gap": f"INSERT INTO {table} {row.format(key=2**62)}",
                "minus one": f"INSERT INTO {table} {row.format(key=-1)}",
                "far below": f"INSERT INTO {table} {row.format(key=-(2**40))}",
                "no key": f"INSERT INTO {table} {row.format(key='NULL')}",
                "replace no key": f"INSERT OR REPLACE INTO {table} {row.format(key='NULL')}",
            }
        found |= {f"{table}: {what}": sql for what, sql in statements.items()}
    stream = 1 << CHUNK_INDEX_BITS
    beyond = f"((SELECT max(seq) FROM ledger_entry) + 1) * {stream}"
    unopened = {
        "chunk: of a stream no entry opened": beyond,
        "chunk: of a stream no entry opened, not its first": f"{beyond} + 1",
        "chunk: of an earlier stream": f"(SELECT min(id) FROM chunk WHERE id >= 4 * {stream}) - 1",
        "chunk: not the first of a new stream": f"(SELECT max(seq) FROM ledger_entry) * {stream} + 1",
    }
    found |= {what: f"INSERT INTO chunk {ROWS['chunk'].format(key=key)}" for what, key in unopened.items()}
    known = "(SELECT sha256 FROM document ORDER BY id DESC LIMIT 1)"
    new_id = "(SELECT max(id) + 1 FROM document)"
    found |= {
        "document: replace by hash": f"INSERT OR REPLACE INTO document (sha256, bytes) VALUES ({known}, x'00')",
        "document: replace by hash under a new id": f"REPLACE INTO document VALUES ({new_id}, {known}, x'00')",
        "document: upsert by hash": f"INSERT INTO document (sha256, bytes) VALUES ({known}, x'00') "
        "ON CONFLICT (sha256) DO UPDATE SET bytes = excluded.bytes",
        "document: no hash": "INSERT INTO document (sha256, bytes) VALUES (NULL, x'00')",
        "document: replace no hash": "INSERT OR REPLACE INTO document (sha256, bytes) VALUES (NULL, x'00')",
        "document: short hash": "INSERT INTO document (sha256, bytes) VALUES (zeroblob(31), x'00')",
        "ledger_entry: short leaf": "INSERT INTO ledger_entry VALUES "
        "((SELECT max(seq) + 1 FROM ledger_entry), zeroblob(31), x'00')",
        "ledger_entry: no bytes": f"INSERT INTO ledger_entry VALUES "
        f"((SELECT max(seq) + 1 FROM ledger_entry), {LEAF}, NULL)",
    }
    return found


MATRIX = matrix()


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("what", MATRIX)
@pytest.mark.requirement("R03")
def test_evidence_is_not_changed_by(what: str, recursive: str, recorded: Path) -> None:
    before = dump(recorded)
    with plain(recorded, f"PRAGMA recursive_triggers = {recursive}") as connection:
        with pytest.raises(sqlite3.IntegrityError, match=r"append-only|no gaps and no repeats|constraint failed"):
            connection.execute(MATRIX[what])
        assert not connection.in_transaction
    assert dump(recorded) == before


@pytest.mark.parametrize("table", EVIDENCE)
@pytest.mark.requirement("R03")
def test_without_its_guards_the_same_statements_do_change_it(table: str, recorded: Path) -> None:
    """The matrix can fail: what it tries is possible where no guard stands in the way."""
    before = one(recorded, f"SELECT count(*) FROM {table}")
    spoil(recorded, MATRIX[f"{table}: replace last"], MATRIX[f"{table}: delete first"])
    assert one(recorded, f"SELECT count(*) FROM {table}") == before - 1
    spoil(recorded, MATRIX[f"{table}: delete all"])
    assert one(recorded, f"SELECT count(*) FROM {table}") == 0


def test_or_ignore_adds_nothing(recorded: Path) -> None:
    before = dump(recorded)
    with plain(recorded) as connection:
        for table in EVIDENCE:
            row = ROWS[table].format(key=LAST[table])
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(f"INSERT OR IGNORE INTO {table} {row}")
    assert dump(recorded) == before


def test_an_empty_ledger_begins_with_entry_0(recorded: Path) -> None:
    spoil(recorded, "DELETE FROM ledger_entry")
    with plain(recorded) as connection:
        for key in (1, -1, "NULL"):
            with pytest.raises(sqlite3.IntegrityError, match="no gaps"):
                connection.execute(f"INSERT INTO ledger_entry {ROWS['ledger_entry'].format(key=key)}")
        connection.execute(f"INSERT INTO ledger_entry {ROWS['ledger_entry'].format(key=0)}")
    assert rows(recorded, "SELECT seq FROM ledger_entry") == [(0,)]


def test_an_empty_chunk_table_begins_with_chunk_0_of_a_stream(recorded: Path) -> None:
    spoil(recorded, "DELETE FROM chunk")
    with plain(recorded) as connection:
        for key in (-1, -(1 << CHUNK_INDEX_BITS), "NULL", (2 << CHUNK_INDEX_BITS) + 1):
            with pytest.raises(sqlite3.IntegrityError, match="no gaps"):
                connection.execute(f"INSERT INTO chunk {ROWS['chunk'].format(key=key)}")


def test_what_comes_next_is_let_in(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    after = chunk_ids(path, SECOND)[-1] + 1
    with plain(path) as connection:
        for table, key in (
            ("ledger_entry", one(path, "SELECT max(seq) + 1 FROM ledger_entry")),
            ("chunk", after),
            ("document", "NULL"),
        ):
            before = one(path, f"SELECT count(*) FROM {table}")
            connection.execute(f"INSERT INTO {table} {ROWS[table].format(key=key)}")
            assert one(path, f"SELECT count(*) FROM {table}") == before + 1


# --- the guards themselves --------------------------------------------------------------------------------------------


def no_op(name: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE INSERT ON stream BEGIN SELECT 1; END"


def same_place(name: str) -> str:
    """The guard as it is, but for the last letter of what it says."""
    return GUARDS[name].replace("'); END", " '); END")


SPOILT = {
    **{f"{name} missing": ((f"DROP TRIGGER {name}",), f"guard {name} is missing") for name in GUARDS},
    **{f"{name} a no-op": ((f"DROP TRIGGER {name}", no_op(name)), f"guard {name} was replaced") for name in GUARDS},
    **{
        f"{name} by a letter": ((f"DROP TRIGGER {name}", same_place(name)), f"guard {name} was replaced")
        for name in GUARDS
    },
    "an extra one": ((no_op("helpful"),), "trigger helpful is not ours"),
    "an extra one on the evidence": (
        ("CREATE TRIGGER z AFTER INSERT ON chunk BEGIN DELETE FROM note; END",),
        "trigger z is not ours",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
@pytest.mark.requirement("R03", "R24")
def test_a_spoilt_guard_is_named_and_nothing_is_recorded(what: str, recorded: Path) -> None:
    whole = report(recorded)
    statements, problem = SPOILT[what]
    with plain(recorded) as connection:
        for sql in statements:
            connection.execute(sql)
    before = dump(recorded)
    with pytest.raises(EvidenceDamaged, match=problem) as caught:
        open_for_writing(recorded.parent, stamps=StillClock(), sw={})
    assert caught.value.exit_code == 3
    assert str(recorded) in str(caught.value)
    assert dump(recorded) == before
    found = report(recorded)
    assert found.problems == [problem]
    assert (found.entries, found.chunks, found.records, found.documents) == (
        whole.entries,
        whole.chunks,
        whole.records,
        whole.documents,
    )


def test_a_table_put_in_the_place_of_another_takes_its_guards_along(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("ALTER TABLE document RENAME TO old")
        connection.execute("CREATE TABLE document AS SELECT * FROM old")
    found = report(recorded).problems
    assert sorted(found) == sorted(f"guard {name} was replaced" for name in GUARDS if name.startswith("document"))
    with pytest.raises(EvidenceDamaged, match="guard document_no_delete was replaced"):
        open_for_writing(recorded.parent, stamps=StillClock(), sw={})


def test_checking_goes_on_where_a_guard_is_missing(recorded: Path) -> None:
    with closing(sqlite3.connect(recorded)) as connection:
        connection.execute("DROP TRIGGER chunk_no_update")
        connection.execute("UPDATE chunk SET last_us = last_us + 1 WHERE id = (SELECT max(id) FROM chunk)")
        connection.commit()
    found = report(recorded).problems
    assert found[0] == "guard chunk_no_update is missing"
    assert len(found) == 2
    assert f"of {SECOND}: column last_us" in found[1]
