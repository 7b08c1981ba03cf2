"""The tables, each saying which class it is of, and the guards that keep the evidence append-only.

`evidence` is never changed; `private` may be erased without harming a proof; `projection` can be dropped and made
again from the evidence. The guards refuse UPDATE, DELETE, INSERT OR REPLACE and gaps; who drops them is found out by
the hashes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import CheckConstraint, Column, Connection, Integer, LargeBinary, MetaData, Table, Text

APPLICATION_ID = 0x44564C47  # "DVLG", so that `file` and we know whose database it is
SCHEMA_VERSION = 4

METADATA = MetaData()

# --- evidence ---------------------------------------------------------------------------------------------------------

LEDGER_ENTRY = Table(
    "ledger_entry",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("leaf", LargeBinary, CheckConstraint("length(leaf) = 32", name="leaf_is_sha256"), nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    info={"class": "evidence"},
)

# id = sequence number of the stream's opening entry << 24 | index of the chunk in the stream. The blob stands last, so
# that a scan of the columns does not read it.
CHUNK_INDEX_BITS = 24
_INDEX_MASK = 2**CHUNK_INDEX_BITS - 1
CHUNK = Table(
    "chunk",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("first_record", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("first_us", Integer, nullable=False),
    Column("last_us", Integer, nullable=False),
    Column("serial_bytes", Integer, nullable=False),
    Column("leaf", LargeBinary, CheckConstraint("length(leaf) = 32", name="leaf_is_sha256"), nullable=False),
    Column("blob_sha256", LargeBinary, CheckConstraint("length(blob_sha256) = 32", name="blob_sha256"), nullable=False),
    Column("blob", LargeBinary, nullable=False),
    info={"class": "evidence"},
)

DOCUMENT = Table(
    "document",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("sha256", LargeBinary, CheckConstraint("length(sha256) = 32", name="sha256"), nullable=False, unique=True),
    Column("bytes", LargeBinary, nullable=False),
    info={"class": "evidence"},
)

# A signed head of the ledger, as a note of its own; a later row may hold the same one with a witness's signature on it.
CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("note", LargeBinary, nullable=False),
    info={"class": "evidence", "since": 3},
)

# --- private ----------------------------------------------------------------------------------------------------------

CLIENT = Table(
    "client",
    METADATA,
    Column("client_ref", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("code", Text, nullable=False, unique=True),
    info={"class": "private"},
)

NOTE = Table(
    "note",
    METADATA,
    Column("commitment", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
    info={"class": "private"},
)

# What a client is called in what is handed to one recipient: random, so that two recipients cannot compare.
PSEUDONYM = Table(
    "pseudonym",
    METADATA,
    Column("recipient", Text, primary_key=True),
    Column("client_ref", Text, primary_key=True),
    Column("pseudonym", Text, nullable=False, unique=True),
    info={"class": "private", "since": 3},
)

# The hash of a person's PIN. Whose it is, and since when, the entry `pin.set` says.
PIN = Table(
    "pin",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("seq", Integer, nullable=False),  # of that entry
    info={"class": "private", "since": 4},
)

# --- projection -------------------------------------------------------------------------------------------------------

STREAM = Table(
    "stream",
    METADATA,
    Column("no", Integer, primary_key=True),  # sequence number of the opening entry
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("closed_seq", Integer),
    Column("clock", Text, nullable=False),
    Column("client_ref", Text),
    Column("practitioner", Text),
    Column("plan", Text),
    Column("pen_serial", Text),
    Column("verdict", Text),
    Column("derived", Text),  # SHA-256 of the newest derived record, hex
    Column("derivations", Integer, nullable=False),  # 0 while open, 1 when closed, one more with each attribution
    Column("sealed_seq", Integer),
    Column("package", Text),  # SHA-256 of its package, hex
    Column("released_seq", Integer),  # its chunks are in the package alone
    info={"class": "projection"},
)

# The tree over the leaves of all entries, as far as an append needs it: its size and the roots of its perfect subtrees,
# largest first, 32 bytes each. One row.
FRONTIER = Table(
    "frontier",
    METADATA,
    Column("size", Integer, primary_key=True),
    Column("subtrees", LargeBinary, nullable=False),
    info={"class": "projection", "since": 3},
)


# What an entry says was erased, so that it is known at every start without reading the ledger: a client's reference,
# the commitment to a text, a session whose private file named the client.
ERASED = Table(
    "erased",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the entry
    info={"class": "projection", "since": 3},
)

# What each entry of the desk is about, and each opening of a session: where everything on one client, visit, person or
# cartridge is found without reading the ledger.
ABOUT = Table(
    "about",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the entry
    Column("type", Text, nullable=False, index=True),
    info={"class": "projection", "since": 4},
)


def _refuse(table: str, verb: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


# SQLite lets INSERT OR REPLACE delete rows without firing a delete trigger, so what an insert may do is guarded too.
GUARDS: Mapping[str, str] = MappingProxyType(
    {
        **{f"{table}_no_{verb}": _refuse(table, verb) for table in ("ledger_entry", "chunk", "document", "checkpoint")
           for verb in ("update", "delete") if (table, verb) != ("chunk", "delete")},
        "chunk_no_delete": (  # but where an entry says that they are released
            "CREATE TRIGGER chunk_no_delete BEFORE DELETE ON chunk "
            f"WHEN NOT EXISTS (SELECT 1 FROM stream WHERE no = OLD.id >> {CHUNK_INDEX_BITS} "
            "AND released_seq IS NOT NULL) "
            "BEGIN SELECT RAISE(ABORT, 'chunk is append-only'); END"
        ),
        "checkpoint_next": (
            "CREATE TRIGGER checkpoint_next BEFORE INSERT ON checkpoint "
            "WHEN NEW.id IS NOT (SELECT coalesce(max(id), -1) + 1 FROM checkpoint) "
            "BEGIN SELECT RAISE(ABORT, 'checkpoint has no gaps and no repeats'); END"
        ),
        "ledger_entry_next": (
            "CREATE TRIGGER ledger_entry_next BEFORE INSERT ON ledger_entry "
            "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), -1) + 1 FROM ledger_entry) "
            "BEGIN SELECT RAISE(ABORT, 'ledger_entry has no gaps and no repeats'); END"
        ),
        "chunk_next": (
            "CREATE TRIGGER chunk_next BEFORE INSERT ON chunk "
            f"WHEN NOT (NEW.id > (SELECT coalesce(max(id), -1) FROM chunk) AND (NEW.id & {_INDEX_MASK} = 0 "
            f"AND EXISTS (SELECT 1 FROM ledger_entry WHERE seq = NEW.id >> {CHUNK_INDEX_BITS}) "
            "OR EXISTS (SELECT 1 FROM chunk WHERE id = NEW.id - 1))) IS TRUE "
            "BEGIN SELECT RAISE(ABORT, 'chunk has no gaps and no repeats'); END"
        ),
        "document_new": (
            "CREATE TRIGGER document_new BEFORE INSERT ON document "
            "WHEN EXISTS (SELECT 1 FROM document WHERE sha256 = NEW.sha256 OR id = NEW.id) "
            "BEGIN SELECT RAISE(ABORT, 'document is append-only'); END"
        ),
    }
)  # fmt: skip


# As schemas 1 and 2 had them: no checkpoints, and no chunk that could be released.
_GUARDS_BEFORE_3 = MappingProxyType(
    {name: sql for name, sql in GUARDS.items() if not name.startswith("checkpoint_")}
    | {"chunk_no_delete": _refuse("chunk", "delete")}
)


def guards_of(schema: int) -> Mapping[str, str]:
    """The guards of a database of this schema, by name."""
    return GUARDS if schema >= 3 else _GUARDS_BEFORE_3


def create_tables(connection: Connection) -> None:
    """Make all tables in an empty database and say whose it is, inside the caller's transaction."""
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    METADATA.create_all(connection, checkfirst=False)


def create_guards(connection: Connection) -> None:
    """Make all guards, inside the caller's transaction."""
    for sql in GUARDS.values():
        connection.exec_driver_sql(sql)


def tables_of(schema: int) -> list[Table]:
    """The tables that a database of this schema has; entries first, because chunks belong to them."""
    return [table for table in METADATA.sorted_tables if schema >= table.info.get("since", 1)]


def lost_tables(connection: Connection, schema: int = SCHEMA_VERSION) -> list[str]:
    """Which of the tables are not there."""
    rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted({table.name for table in tables_of(schema)} - {str(name) for (name,) in rows})


def guard_faults(connection: Connection, schema: int = SCHEMA_VERSION) -> list[str]:
    """What is wrong with the guards, in sentences."""
    return list(odd_guards(connection, schema).values())


def odd_guards(connection: Connection, schema: int = SCHEMA_VERSION) -> dict[str, str]:
    """By name what is wrong with a guard: missing, of another text, or a trigger that is none of ours."""
    guards = guards_of(schema)
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {str(name): str(sql) for name, sql in rows}
    odd = {name: f"guard {name} is missing" for name in guards if name not in found}
    odd |= {name: f"guard {name} was replaced" for name, sql in found.items() if name in guards and sql != guards[name]}
    return odd | {name: f"trigger {name} is not ours" for name in found if name not in guards}
