"""Rebuild and upgrade: every byte of evidence is kept, damage stops it, a kill leaves the old file or the new one."""

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from devicelog.errors import EvidenceDamaged, StoreUnusable
from devicelog.ledger.entries import read_entry
from devicelog.ledger.tree import Tree
from devicelog.recorder.recovery import software
from devicelog.store import rebuild as rebuild_module
from devicelog.store.database import open_for_writing
from devicelog.store.lock import WriterLock
from devicelog.store.rebuild import Rebuilt, rebuild
from devicelog.store.schema import GUARDS, SCHEMA_VERSION
from tests.databases import (
    StillClock,
    damage_page,
    dump,
    flip,
    make_database,
    mend_frontier,
    one,
    plain,
    problems,
    rows,
    spoil,
)
from tests.store.test_attribution import attribute

KEPT_TABLES = ("ledger_entry", "chunk", "document", "client", "note")
FIXTURES = Path(__file__).parents[1] / "data" / "databases"
OLD = sorted(path.stem for path in FIXTURES.glob("*.db"))


def anew(path: Path) -> Rebuilt:
    upgrade = one(path, "PRAGMA user_version") < SCHEMA_VERSION
    done = rebuild(path.parent, upgrade=upgrade, stamps=StillClock(), sw=software())
    assert done is not None
    return done


def content(path: Path, upto: int | None = None) -> dict[str, list[Any]]:
    """Every row of evidence and private texts, with the types of its values; of the ledger the first `upto` entries."""
    found: dict[str, list[Any]] = {}
    for table in KEPT_TABLES:
        columns = [name for (name,) in rows(path, f"SELECT name FROM pragma_table_info('{table}')")]
        typed = ", ".join(f"typeof({column}), {column}" for column in columns)
        found[table] = rows(path, f"SELECT {typed} FROM {table} ORDER BY rowid")
    found["ledger_entry"] = found["ledger_entry"][:upto]
    return found


def last_body(path: Path) -> Any:
    entry = read_entry(one(path, "SELECT bytes FROM ledger_entry ORDER BY seq DESC LIMIT 1"))
    assert entry.type == "database.rebuilt"
    return entry.body


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database that an earlier version wrote."""
    path = tmp_path / "data" / "devicelog.db"
    path.parent.mkdir(mode=0o700)
    shutil.copyfile(FIXTURES / f"{request.param}.db", path)
    return path


each_old = pytest.mark.parametrize("old", OLD, indirect=True)


# --- what stays and what is made --------------------------------------------------------------------------------------


def test_evidence_and_private_texts_are_the_same_and_the_list_is_too(recorded: Path) -> None:
    before, listed = content(recorded), rows(recorded, "SELECT * FROM stream")
    done = anew(recorded)
    entries = len(before["ledger_entry"])
    assert content(recorded, entries) == before == content(done.kept)
    assert rows(recorded, "SELECT * FROM stream") == listed
    assert (done.from_schema, done.to_schema, done.entries, done.guards) == (
        SCHEMA_VERSION,
        SCHEMA_VERSION,
        entries,
        (),
    )
    assert done.kept.name == f"devicelog.db.kept-{entries}"
    root = Tree(leaf for (leaf,) in rows(done.kept, "SELECT leaf FROM ledger_entry ORDER BY seq")).root().hex()
    assert last_body(recorded) == {
        "from_schema": SCHEMA_VERSION, "to_schema": SCHEMA_VERSION, "entries": entries, "root": root, "guards": []
    }  # fmt: skip
    assert one(recorded, "PRAGMA journal_mode") == "wal"
    assert recorded.stat().st_mode & 0o777 == 0o600
    assert problems(recorded) == []


def test_a_list_that_is_wrong_or_gone_is_made_again(recorded: Path) -> None:
    listed = rows(recorded, "SELECT * FROM stream")
    spoil(recorded, "UPDATE stream SET verdict = 'perfect', client_ref = NULL")
    anew(recorded)
    assert rows(recorded, "SELECT * FROM stream") == listed
    with plain(recorded) as connection:
        connection.execute("DROP TABLE stream")
    anew(recorded)
    assert rows(recorded, "SELECT * FROM stream") == listed
    assert problems(recorded) == []


def test_lost_guards_are_restored_and_named(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("DROP TRIGGER chunk_no_delete")
        connection.execute("DROP TRIGGER document_new")
        connection.execute("CREATE TRIGGER document_new BEFORE INSERT ON document BEGIN SELECT 1; END")
        connection.execute("CREATE TRIGGER theirs AFTER INSERT ON note BEGIN DELETE FROM note; END")
    wanted = ["chunk_no_delete", "document_new", "theirs"]
    assert list(anew(recorded).guards) == wanted
    assert last_body(recorded)["guards"] == wanted
    assert dict(rows(recorded, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")) == dict(GUARDS)
    assert problems(recorded) == []


def test_twice_is_two_entries_and_two_kept_files(recorded: Path) -> None:
    first, second = anew(recorded), anew(recorded)
    assert second.entries == first.entries + 1
    assert first.kept != second.kept
    assert problems(recorded) == problems(first.kept) == problems(second.kept) == []


def test_what_lies_in_the_log_beside_it_comes_along(recorded: Path) -> None:
    """A writer that was killed leaves its newest rows there."""
    with closing(sqlite3.connect(recorded)) as reader:
        reader.execute("SELECT * FROM note").fetchall()
        engine, head = open_for_writing(recorded.parent, stamps=StillClock(), sw=software())
        assert head
        wal = recorded.with_name("devicelog.db-wal")
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("DELETE FROM note")
        assert wal.stat().st_size
        # with the reader there is a log, and while somebody reads by it nothing is swapped
        with pytest.raises(StoreUnusable, match="another program holds it"):
            anew(recorded)
        assert wal.stat().st_size or not rows(recorded, "SELECT * FROM note")
    anew(recorded)
    assert rows(recorded, "SELECT * FROM note") == []
    assert not wal.exists() or not wal.stat().st_size


def test_an_attribution_is_in_the_list_again(recorded: Path) -> None:
    attribute(recorded, client="K-2000")
    listed = rows(recorded, "SELECT * FROM stream")
    anew(recorded)
    assert rows(recorded, "SELECT * FROM stream") == listed
    assert problems(recorded) == []


def test_a_stream_that_is_open_stays_open(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    anew(path)
    assert one(path, "SELECT count(*) FROM stream WHERE closed_seq IS NULL") == 1
    assert problems(path) == []


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_forged_rebuild_is_found(recorded: Path) -> None:
    done = anew(recorded)
    data = one(recorded, "SELECT bytes FROM ledger_entry WHERE seq = ?", done.entries)
    for change in ({"root": "ab" * 32}, {"entries": done.entries - 1}):
        values = parse_canonical(data)
        values["body"] |= change
        forged = canonical(values)
        leaf = read_entry(forged).leaf
        spoil(recorded, ("UPDATE ledger_entry SET bytes = ?, leaf = ? WHERE seq = ?", (forged, leaf, done.entries)))
        mend_frontier(recorded)
        assert problems(recorded) == [
            f"ledger entry {done.entries}: the {done.entries} entries before it are not those that were copied"
        ]


ALTERED: dict[str, tuple[str, str]] = {
    "an entry": ("UPDATE ledger_entry SET bytes = CAST('{}' AS BLOB) WHERE seq = 3", "ledger entry 3 was changed"),
    "a leaf": ("UPDATE ledger_entry SET leaf = zeroblob(32) WHERE seq = 3", "ledger entry 3 was changed"),
    "an entry gone": ("DELETE FROM ledger_entry WHERE seq = 3", "ledger entry 3 is missing"),
    "a chunk gone": ("DELETE FROM chunk WHERE id = (SELECT max(id) FROM chunk)", "is missing"),
    "a chunk's column": ("UPDATE chunk SET records = records + 1 WHERE rowid = (SELECT min(id) FROM chunk)", "chunk 0"),
    "a chunk's type": ("UPDATE chunk SET records = 'many' WHERE rowid = (SELECT min(id) FROM chunk)", "chunk 0"),
    "a document": ("UPDATE document SET bytes = CAST('{}' AS BLOB) WHERE id = 1", "document .* was changed"),
    "a document gone": ("DELETE FROM document WHERE id = 1", "document of .* is missing"),
    "a note": ("UPDATE note SET text = 'x'", "the note .* was changed"),
    "a client": ("UPDATE client SET code = 'x'", "the code of client .* was changed"),
}


@pytest.mark.parametrize(("statement", "told"), ALTERED.values(), ids=ALTERED)
def test_altered_evidence_is_refused_and_located(statement: str, told: str, recorded: Path) -> None:
    spoil(recorded, statement)
    before = dump(recorded)
    with pytest.raises(EvidenceDamaged, match=told) as caught:
        anew(recorded)
    assert caught.value.exit_code == 3
    assert dump(recorded) == before
    assert sorted(file.name for file in recorded.parent.iterdir() if "-" not in file.name) == [
        "devicelog.db",
        "writer.lock",
    ]
    assert not list(recorded.parent.glob("*.kept-*"))


def test_a_table_that_is_gone_is_refused(recorded: Path) -> None:
    with plain(recorded) as connection:
        connection.execute("DROP TABLE note")
    with pytest.raises(EvidenceDamaged, match="no such table: note"):
        anew(recorded)


def test_a_page_that_is_damaged_is_refused(recorded: Path) -> None:
    before = recorded.read_bytes()
    damage_page(recorded)
    damaged = recorded.read_bytes()
    with pytest.raises(EvidenceDamaged):
        anew(recorded)
    assert recorded.read_bytes() == damaged != before


def test_a_copy_that_is_not_the_same_is_not_taken(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = rebuild_module._copy

    def lossy(old: Any, new: Any, table: str) -> None:
        copy(old, new, table)
        if table == "client":
            new.exec_driver_sql("DELETE FROM client")  # which the audit would take for erased

    monkeypatch.setattr(rebuild_module, "_copy", lossy)
    before = dump(recorded)
    with pytest.raises(StoreUnusable, match=r"the copy of client .* is not what was copied"):
        anew(recorded)
    assert dump(recorded) == before


def test_too_little_space_is_told_before_anything_is_done(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 2 * recorded.stat().st_size
    usage = shutil.disk_usage(recorded.parent)._replace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StoreUnusable, match="MB free; making the database anew may need"):
        anew(recorded)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed))
    with recorded.with_name("devicelog.db.kept-1").open("wb") as kept:
        kept.truncate(1 << 30)  # is not copied
    anew(recorded)


def test_while_somebody_records_it_is_refused(recorded: Path) -> None:
    before = dump(recorded)
    with WriterLock(recorded.parent) as lock:
        lock.take()
        lock.describe({"pid": 1, "socket": "x"})
        with pytest.raises(StoreUnusable, match="is held by another recorder"):
            anew(recorded)
    assert dump(recorded) == before


def test_a_kept_name_that_is_taken_is_not_overwritten(recorded: Path) -> None:
    entries = one(recorded, "SELECT count(*) FROM ledger_entry")
    taken = recorded.with_name(f"devicelog.db.kept-{entries}")
    taken.write_text("mine")
    assert anew(recorded).kept.name == f"devicelog.db.kept-{entries}-2"
    assert taken.read_text() == "mine"


def nothing_changed(path: Path, before: list[str]) -> None:
    """The old file as it was, and nothing beside it."""
    names = {file.name for file in path.parent.iterdir()}
    assert names <= {"devicelog.db", "devicelog.db-wal", "devicelog.db-shm", "writer.lock"}
    assert dump(path) == before
    assert one(path, "PRAGMA journal_mode") == "wal"


def test_while_somebody_reads_nothing_is_begun(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump(recorded)
    monkeypatch.setattr(rebuild_module, "_build", None)
    with closing(sqlite3.connect(recorded)) as reader:
        reader.execute("SELECT * FROM note").fetchall()
        with pytest.raises(StoreUnusable, match="another program holds it"):
            anew(recorded)
        nothing_changed(recorded, before)


def test_who_comes_to_read_while_it_is_made_finds_it_held(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = rebuild_module._build

    def late(*given: Any) -> Any:
        with closing(sqlite3.connect(recorded, timeout=0)) as reader, pytest.raises(sqlite3.Error, match="locked"):
            reader.execute("SELECT * FROM note")
        return build(*given)

    monkeypatch.setattr(rebuild_module, "_build", late)
    anew(recorded)
    assert problems(recorded) == []


REFUSED_BY_THE_DISK: dict[str, tuple[type[Exception], str]] = {
    "hardlink_to": (StoreUnusable, r"cannot be kept as .*Nothing was changed"),
    "rename": (PermissionError, "not permitted"),
}


@pytest.mark.parametrize("name", REFUSED_BY_THE_DISK)
def test_what_the_disk_refuses_leaves_nothing_behind(
    name: str, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    before = dump(recorded)
    monkeypatch.setattr(Path, name, refuse)
    kind, words = REFUSED_BY_THE_DISK[name]
    with pytest.raises(kind, match=words):
        anew(recorded)
    nothing_changed(recorded, before)


def test_a_sync_that_fails_at_any_step_leaves_nothing_behind(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, sync = dump(recorded), os.fsync
    for nth in (1, 2, 3):
        left = [nth]

        def failing(fd: int, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise OSError(errno.EIO, "Input/output error")
            sync(fd)

        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output"):
            anew(recorded)
        nothing_changed(recorded, before)


def test_nobody_else_can_read_it_while_it_is_made(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, modes, build = recorded.with_name("devicelog.db.new"), [], rebuild_module._build

    def watched(*given: Any) -> Any:
        modes.append(new.stat().st_mode & 0o777)
        return build(*given)

    monkeypatch.setattr(rebuild_module, "_build", watched)
    recorded.chmod(0o640)
    mask = os.umask(0o022)
    try:
        anew(recorded)
    finally:
        os.umask(mask)
    assert modes == [0o600]
    assert recorded.stat().st_mode & 0o777 == 0o640


@pytest.fixture
def theirs(recorded: Path) -> Path:
    """A database of another user, and root to care for it."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    for file in (recorded.parent, recorded):
        os.chown(file, 4711, 4712)
    return recorded


def test_root_gives_it_to_the_owner_of_the_old_one(theirs: Path) -> None:
    done = anew(theirs)
    for file in (theirs, done.kept, theirs.with_name("writer.lock")):
        assert (file.stat().st_uid, file.stat().st_gid) == (4711, 4712), file


def test_who_may_not_give_it_to_its_owner_is_refused(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    before = dump(theirs)
    monkeypatch.setattr(os, "chown", refuse)
    monkeypatch.setattr(rebuild_module, "_build", None)
    with pytest.raises(
        StoreUnusable, match=r"belongs to another user or group, .*\. Run this as that user, or with sudo"
    ) as caught:
        anew(theirs)
    assert caught.value.exit_code == 5
    nothing_changed(theirs, before)


# --- databases of every version so far --------------------------------------------------------------------------------


@each_old
@pytest.mark.requirement("R13")
def test_an_upgrade_keeps_every_byte_of_evidence(old: Path) -> None:
    before = content(old)
    done = anew(old)
    assert done.from_schema <= SCHEMA_VERSION
    assert content(old, len(before["ledger_entry"])) == before == content(done.kept)
    assert one(old, "PRAGMA user_version") == SCHEMA_VERSION
    assert problems(old) == []
    assert rebuild(old.parent, upgrade=True, stamps=StillClock(), sw=software()) is None


@each_old
def test_altered_evidence_of_an_earlier_version_is_located_too(old: Path) -> None:
    blob, number = rows(old, "SELECT blob, id FROM chunk ORDER BY id DESC LIMIT 1")[0]
    spoil(old, ("UPDATE chunk SET blob = ? WHERE id = ?", (flip(blob, -1), number)))
    before = dump(old)
    with pytest.raises(EvidenceDamaged, match=r"chunk \d+ of [su]-\w+ was changed: .*blob_sha256"):
        anew(old)
    assert dump(old) == before


# --- killed -----------------------------------------------------------------------------------------------------------

# Where the real command ends at once: the n-th time that it calls one of these, before or after the call.
CRASH = """
import os, sys
from pathlib import Path
from devicelog.cli import run
name, nth, after, *words = sys.argv[1:]
owner, attribute = (os, "fsync") if name == "fsync" else (Path, name)
real, left = getattr(owner, attribute), [int(nth)]
def crash(*args, **kwargs):
    left[0] -= 1
    if left[0]:
        return real(*args, **kwargs)
    if after == "after":
        real(*args, **kwargs)
    os._exit(77)
setattr(owner, attribute, crash)
sys.exit(run(words))
"""
POINTS = [
    *[("fsync", nth, when) for nth in (1, 2, 3, 4) for when in ("before", "after")],
    *[(name, 1, when) for name in ("chmod", "hardlink_to", "rename") for when in ("before", "after")],
]


def whole(path: Path, before: dict[str, list[Any]]) -> str:
    """Which of the two files stands there, whole; and the command works again."""
    assert content(path, len(before["ledger_entry"])) == before
    version = one(path, "PRAGMA user_version")
    assert one(path, "PRAGMA integrity_check") == "ok"
    anew(path)
    assert problems(path) == []
    assert content(path, len(before["ledger_entry"])) == before
    assert not list(path.parent.glob("*.new*"))
    assert list(path.parent.glob("*.kept-*"))
    return "new" if version == SCHEMA_VERSION else "old"


@pytest.mark.parametrize("old", ["0.1.0"], indirect=True)
@pytest.mark.parametrize(("name", "nth", "when"), POINTS)
def test_ended_at_any_step(name: str, nth: int, when: str, old: Path) -> None:
    before = content(old)
    words = ["db", "upgrade", "--data-dir", str(old.parent)]
    done = subprocess.run([sys.executable, "-c", CRASH, name, str(nth), when, *words], capture_output=True, text=True)
    assert done.returncode == 77, done
    swapped = (name, when) == ("rename", "after") or (name == "fsync" and nth == 4)
    assert whole(old, before) == ("new" if swapped else "old")


@pytest.mark.parametrize("old", ["0.1.0"], indirect=True)
def test_killed_at_any_moment(old: Path, tmp_path: Path) -> None:
    before, source = content(old), old.read_bytes()
    command = [sys.executable, "-m", "devicelog", "db", "upgrade", "--data-dir"]

    def upgrade(data_dir: Path, after_s: float | None) -> float:
        began_s = time.monotonic()
        with subprocess.Popen([*command, str(data_dir)], stdout=subprocess.DEVNULL) as process:
            try:
                process.wait(after_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        return time.monotonic() - began_s

    took_s = upgrade(old.parent, None)
    seen = set()
    for step in range(6):
        data_dir = tmp_path / str(step)
        data_dir.mkdir()
        (data_dir / "devicelog.db").write_bytes(source)
        upgrade(data_dir, took_s * (0.1 + 0.16 * step))
        seen.add(whole(data_dir / "devicelog.db", before))
    assert "old" in seen


def test_a_session_that_only_the_list_still_names_stops_it(tmp_path: Path) -> None:
    """Entries, chunks and documents of the newest session are gone; the list is the last trace of it."""
    path = make_database(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        stream, no = connection.execute("SELECT id, no FROM stream ORDER BY no DESC LIMIT 1").fetchone()
        (derived,) = connection.execute("SELECT derived FROM stream WHERE no = ?", (no,)).fetchone()
        connection.execute("DELETE FROM ledger_entry WHERE seq >= ?", (no,))
        connection.execute("DELETE FROM chunk WHERE id >= ?", (no << 24,))
        connection.execute("DELETE FROM document WHERE sha256 = ?", (bytes.fromhex(derived),))
        connection.execute("DELETE FROM note")
        connection.execute("DELETE FROM client")
        for sql in GUARDS.values():
            connection.execute(sql)
    mend_frontier(path)
    before = path.read_bytes()
    with pytest.raises(EvidenceDamaged, match=rf"names {stream}, which the ledger does not"):
        rebuild(tmp_path, upgrade=False, stamps=StillClock(), sw={"version": "test", "engine": 1})
    assert path.read_bytes() == before
