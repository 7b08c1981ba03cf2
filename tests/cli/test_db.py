"""`db check`, `db upgrade` and `db rebuild` as a person meets them, on sound, old, newer and damaged files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from devicelog.cli import run
from devicelog.store.schema import SCHEMA_VERSION
from tests.databases import FIRST, damage_page, make_database, one, plain, rows, spoil

FIXTURES = Path(__file__).parents[1] / "data" / "databases"
OLD = sorted(path.stem for path in FIXTURES.glob("*.db"))


class Told(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def devicelog(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process: exit code, stdout, stderr."""

    def command(*words: str, data_dir: Path) -> Told:
        code = run([*words, "--data-dir", str(data_dir)])
        return Told(code, *capsys.readouterr())

    return command


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound database of this version."""
    return make_database(tmp_path / "data")


@pytest.fixture(params=OLD)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database that an earlier version wrote."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    return Path(shutil.copyfile(FIXTURES / f"{request.param}.db", data_dir / "devicelog.db"))


def checks(devicelog: Command, path: Path, code: int) -> dict[str, Any]:
    """What `db check --json` says of each check, None where it is well."""
    told = devicelog("db", "check", "--json", data_dir=path.parent)
    document = json.loads(told.out)
    assert (told.code, document["ok"], document["database"]) == (code, code == 0, str(path))
    text = devicelog("db", "check", data_dir=path.parent)
    assert text.code == code
    assert ("FAULT" in text.out) == bool(code)
    return {check["check"]: None if check["ok"] else check["says"] for check in document["checks"]}


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_sound_database(devicelog: Command, path: Path) -> None:
    names = ("sqlite", "schema", "tables", "guards", "sessions", "space", "kept")
    assert checks(devicelog, path, 0) == dict.fromkeys(names)


def test_no_database(devicelog: Command, tmp_path: Path) -> None:
    told = devicelog("db", "check", data_dir=tmp_path)
    assert (told.code, told.out) == (6, "")
    assert "there is no database at" in told.err


def test_an_older_one_says_how_it_is_brought_up_to_date(devicelog: Command, old: Path) -> None:
    found = checks(devicelog, old, 5)
    assert f"devicelog db upgrade --data-dir {old.parent}" in found["schema"]
    assert found["guards"] is None
    assert "not checked" in found["sessions"]


def test_a_newer_one_says_that_this_devicelog_is_older(devicelog: Command, path: Path) -> None:
    with plain(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    found = checks(devicelog, path, 5)
    assert "this devicelog is older" in found["schema"]
    assert "not checked" in found["guards"]
    for words in (("db", "upgrade"), ("db", "rebuild"), ("sessions", "list"), ("verify", "--all")):
        told = devicelog(*words, data_dir=path.parent)
        assert told.code == 5
        assert "this devicelog is older" in told.err


SPOILED: dict[str, tuple[str, str, str]] = {
    "a guard gone": ("DROP TRIGGER chunk_no_update", "guards", "guard chunk_no_update is missing"),
    "a list that is wrong": ("UPDATE stream SET verdict = 'perfect'", "sessions", "says verdict = 'perfect' of"),
    "another program's": ("PRAGMA application_id = 7", "file", "is a database of another program"),
    "no version": ("PRAGMA user_version = 0", "file", "says that it has schema 0"),
}


@pytest.mark.parametrize(("statement", "check", "told"), SPOILED.values(), ids=SPOILED)
def test_one_that_was_spoiled(statement: str, check: str, told: str, devicelog: Command, path: Path) -> None:
    with plain(path) as connection:
        connection.execute(statement)
    found = checks(devicelog, path, 3)
    assert told in found[check]
    assert [name for name, says in found.items() if says] == [check]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [(b"", 6, "is empty"), (b"no database at all, but a text" * 100, 3, "it is not a database")],
    ids=["empty", "text"],
)
def test_a_file_that_is_no_database(content: bytes, code: int, told: str, devicelog: Command, tmp_path: Path) -> None:
    path = tmp_path / "devicelog.db"
    path.write_bytes(content)
    assert told in checks(devicelog, path, code)["file"]
    for words in (("db", "upgrade"), ("db", "rebuild")):
        assert devicelog(*words, data_dir=tmp_path).code == code
    assert path.read_bytes() == content


def test_a_page_that_is_damaged(devicelog: Command, path: Path) -> None:
    damage_page(path)
    found = checks(devicelog, path, 3)
    assert found.get("sqlite") or found.get("file")


@pytest.mark.requirement("R23")
def test_too_little_space(devicelog: Command, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(path.parent)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "1 MB free" in checks(devicelog, path, 5)["space"]


def test_what_a_rebuild_that_was_cut_off_left_is_told(devicelog: Command, path: Path) -> None:
    (path.parent / "devicelog.db.new").write_bytes(b"half")
    told = devicelog("db", "check", data_dir=path.parent)
    assert told.code == 0
    assert "devicelog.db.new: an upgrade or rebuild was cut off" in told.out
    assert devicelog("db", "rebuild", data_dir=path.parent).code == 0
    told = devicelog("db", "check", data_dir=path.parent)
    assert "cut off" not in told.out
    assert "devicelog.db.kept-" in told.out


# --- upgrade and rebuild ----------------------------------------------------------------------------------------------


def shown(devicelog: Command, path: Path) -> list[str]:
    """What every session shows."""
    listed = json.loads(devicelog("sessions", "list", "--json", data_dir=path.parent).out)["sessions"]
    assert listed
    return [devicelog("sessions", "show", row["id"], "--json", data_dir=path.parent).out for row in listed]


def test_an_upgrade(devicelog: Command, old: Path) -> None:
    data_dir = old.parent
    left_open = bool(one(old, "SELECT count(*) FROM stream WHERE closed_seq IS NULL"))
    before = [
        row[0] for row in rows(old, "SELECT status FROM stream WHERE kind = 'session' AND closed_seq IS NOT NULL")
    ]
    for words in (("sessions", "list"), ("verify", "--all"), ("db", "rebuild"), ("replay", "s-"), ("mark", "pass")):
        told = devicelog(*words, data_dir=data_dir)
        assert told.code == 5
        assert f"devicelog db upgrade --data-dir {data_dir}" in told.err
    upgraded = devicelog("db", "upgrade", data_dir=data_dir)
    assert upgraded.code == 0
    assert f"the old file is kept: {old}.kept-" in upgraded.out
    assert ("found open and is closed now as interrupted" in upgraded.err) == left_open
    assert devicelog("verify", "--all", data_dir=data_dir).out.endswith("consistent\n")
    listed = json.loads(devicelog("sessions", "list", "--json", data_dir=data_dir).out)["sessions"]
    assert [row["status"] for row in listed] == before + ["interrupted"] * left_open
    for session in listed:
        told = devicelog("replay", session["id"], "--json", data_dir=data_dir)
        replayed = json.loads(told.out)
        assert (told.code, replayed["ok"]) == (0, True)
        newer = replayed["engine_then"] < replayed["engine_now"]
        assert replayed["identical"] or (newer and replayed["difference"])
    before = shown(devicelog, old)
    assert devicelog("db", "rebuild", data_dir=data_dir).code == 0
    assert shown(devicelog, old) == before
    again = devicelog("db", "upgrade", data_dir=data_dir)
    assert (again.code, "up to date" in again.out) == (0, True)
    assert devicelog("db", "check", data_dir=data_dir).code == 0


def test_a_rebuild_names_the_guards_that_it_restored(devicelog: Command, path: Path) -> None:
    before = shown(devicelog, path)
    spoil(path, ("UPDATE stream SET status = 'x' WHERE id = ?", (FIRST,)))
    with plain(path) as connection:
        connection.execute("DROP TRIGGER ledger_entry_no_delete")
    told = devicelog("db", "rebuild", data_dir=path.parent)
    assert told.code == 0
    assert "guards that were missing or replaced, and are restored: ledger_entry_no_delete" in told.out
    assert shown(devicelog, path) == before


def test_a_rebuild_of_altered_evidence_says_where_and_changes_nothing(devicelog: Command, path: Path) -> None:
    spoil(path, "UPDATE document SET bytes = CAST('{}' AS BLOB) WHERE id = 1")
    before = path.read_bytes()
    told = devicelog("db", "rebuild", data_dir=path.parent)
    assert told.code == 3
    assert "nothing was changed: document " in told.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("words", [("db", "upgrade"), ("db", "rebuild")])
def test_nothing_to_make_anew(words: tuple[str, str], devicelog: Command, tmp_path: Path) -> None:
    assert devicelog(*words, data_dir=tmp_path).code == 6
    assert list(tmp_path.iterdir()) == []
