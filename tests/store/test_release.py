"""Releasing: chunks leave the database only when their package is what the ledger names, and everything reads on."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devicelog.cli.report import show_document
from devicelog.errors import BadTransition, DevicelogError, EvidenceDamaged
from devicelog.packages.sealing import package_path
from devicelog.packages.whole import BesideDatabase, WholeEvidence
from devicelog.recorder.access import alone
from devicelog.recorder.recovery import software
from devicelog.recorder.releasing import Released, days_before, due, release
from devicelog.recorder.replay import replay
from devicelog.recorder.sealing import seal
from devicelog.store.audit import audit
from devicelog.store.rebuild import rebuild
from devicelog.store.report import Report
from tests.databases import FIRST, SECOND, SPAN, StillClock, chunk_ids, dump, flip, make_database, one, plain, spoil
from tests.environment import environment
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a sealed session, made once."""
    path = make_database(tmp_path_factory.mktemp("sealed") / "data")
    with alone(path.parent) as access:
        seal(access, FIRST)
    return path


@pytest.fixture
def sealed(master: Path, tmp_path: Path) -> Path:
    shutil.copytree(master.parent, tmp_path / "data")
    return tmp_path / "data" / master.name


def released(path: Path, stream: str = FIRST) -> Released:
    with alone(path.parent) as access:
        return release(access, stream)


def checked(path: Path, only: str | None = None) -> Report:
    with WholeEvidence(path.parent) as evidence:
        return audit(evidence.connection, path, only=only, packages=BesideDatabase(path.parent))


def read(path: Path, stream: str = FIRST) -> tuple[object, ...]:
    """All that is read of a session: as it is shown, every record, every chunk as it is kept, derived again."""
    with WholeEvidence(path.parent) as evidence, evidence.of(stream) as (kept, row):
        shown = show_document(kept, stream)
        records, blobs = list(kept.records(row["no"])), list(evidence.blobs(row["no"]))
        return shown, records, blobs, [each.document() for each in replay(kept, row)]


# --- what is done -----------------------------------------------------------------------------------------------------


def test_a_released_session_reads_as_before(sealed: Path) -> None:
    before, ids = read(sealed), chunk_ids(sealed, FIRST)
    done = released(sealed)
    assert (done.stream, done.chunks, done.again) == (FIRST, len(ids), False)
    assert chunk_ids(sealed, FIRST) == []
    assert chunk_ids(sealed, SECOND), "only the one that was named"
    assert read(sealed) == before
    assert checked(sealed).problems == []


def test_every_byte_of_the_package_is_read_by_verify(sealed: Path) -> None:
    whole = checked(sealed)
    released(sealed)
    report = checked(sealed)
    assert (report.chunks, report.records, report.packages) == (whole.chunks, whole.records, 1)
    only = checked(sealed, only=FIRST)
    assert (only.problems, only.packages) == ([], 1)
    assert checked(sealed, only=SECOND).packages == 0


def test_without_a_reader_of_packages_nothing_counts_as_checked(sealed: Path) -> None:
    released(sealed)
    with WholeEvidence(sealed.parent) as evidence:
        report = audit(evidence.connection, sealed)
    assert (report.unread, report.packages) == ([FIRST], 0)


def test_a_second_time_nothing_is_done(sealed: Path) -> None:
    released(sealed)
    before = dump(sealed)
    assert released(sealed).again
    assert dump(sealed) == before


def test_the_database_is_made_anew_without_the_chunks_and_is_smaller(tmp_path: Path, sealed: Path) -> None:
    before = read(sealed)
    released(sealed)
    size = sealed.stat().st_size
    rebuild(sealed.parent, upgrade=False, stamps=StillClock(), sw=software())
    assert sealed.stat().st_size < size
    assert read(sealed) == before
    assert checked(sealed).problems == []


def test_the_space_is_used_again(sealed: Path) -> None:
    released(sealed)
    assert one(sealed, "PRAGMA freelist_count") > 0


def test_who_is_due() -> None:
    rows = [
        {"id": "s-1", "package": "aa", "released_seq": None, "closed_at": "2031-01-01T00:00:00.000Z"},
        {"id": "s-2", "package": "aa", "released_seq": None, "closed_at": "2031-01-01T00:00:00.001Z"},
        {"id": "s-3", "package": None, "released_seq": None, "closed_at": "2030-01-01T00:00:00.000Z"},
        {"id": "s-4", "package": "aa", "released_seq": 9, "closed_at": "2030-01-01T00:00:00.000Z"},
        {"id": "s-5", "package": None, "released_seq": None, "closed_at": None},
    ]
    before = days_before("2031-01-31T00:00:00.001Z", 30)
    assert before == "2031-01-01T00:00:00.001Z"
    assert due(rows, before=before) == ["s-1"]


# --- what is refused --------------------------------------------------------------------------------------------------


def _missing(path: Path) -> None:
    package_path(path.parent, FIRST).unlink()


def _flipped(path: Path) -> None:
    package = package_path(path.parent, FIRST)
    package.write_bytes(flip(package.read_bytes(), len(package.read_bytes()) // 2))


def _truncated(path: Path) -> None:
    package = package_path(path.parent, FIRST)
    package.write_bytes(package.read_bytes()[:-1])


def _of_another_session(path: Path) -> None:
    with alone(path.parent) as access:
        seal(access, SECOND)
    shutil.copy(package_path(path.parent, SECOND), package_path(path.parent, FIRST))


def _a_folder(path: Path) -> None:
    _missing(path)
    package_path(path.parent, FIRST).mkdir()


def _list_says_another(path: Path) -> None:
    _of_another_session(path)
    sha256 = one(path, "SELECT package FROM stream WHERE id = ?", SECOND)
    with plain(path) as connection:
        connection.execute("UPDATE stream SET package = ? WHERE id = ?", (sha256, FIRST))


def _chunk_changed(path: Path) -> None:
    last = chunk_ids(path, FIRST)[-1]
    blob = one(path, "SELECT blob FROM chunk WHERE id = ?", last)
    spoil(path, ("UPDATE chunk SET blob = ? WHERE id = ?", (flip(blob, 5), last)))


def _chunk_gone(path: Path) -> None:
    spoil(path, ("DELETE FROM chunk WHERE id = ?", (chunk_ids(path, FIRST)[-1],)))


@pytest.mark.parametrize(
    "damage",
    [_missing, _flipped, _truncated, _of_another_session, _a_folder, _list_says_another, _chunk_changed, _chunk_gone],
)
def test_nothing_is_released_when_package_and_database_do_not_fit(sealed: Path, damage: Callable[[Path], None]) -> None:
    damage(sealed)
    before = dump(sealed)
    with pytest.raises(EvidenceDamaged):
        released(sealed)
    assert dump(sealed) == before


def test_a_session_without_a_package_is_not_released(sealed: Path) -> None:
    with pytest.raises(BadTransition, match="sealed"):
        released(sealed, SECOND)


@pytest.mark.requirement("R03")
def test_the_guard_still_holds_for_the_others(sealed: Path) -> None:
    released(sealed)
    with plain(sealed) as connection, pytest.raises(Exception, match="chunk is append-only"):
        connection.execute("DELETE FROM chunk WHERE id = ?", (chunk_ids(sealed, SECOND)[0],))


# --- what verify finds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [_missing, _flipped, _truncated, _of_another_session, _a_folder])
def test_a_package_that_is_gone_or_another_is_found_and_named(sealed: Path, damage: Callable[[Path], None]) -> None:
    released(sealed)
    damage(sealed)
    [problem] = checked(sealed).problems
    assert problem.startswith(f"the package of {FIRST}: ")
    assert str(package_path(sealed.parent, FIRST)) in problem
    with pytest.raises(DevicelogError, match=str(package_path(sealed.parent, FIRST))):
        read(sealed)
    assert read(sealed, SECOND), "the others are read"


def test_chunks_deleted_without_a_release_are_found(sealed: Path) -> None:
    no = one(sealed, "SELECT no FROM stream WHERE id = ?", FIRST)
    with plain(sealed) as connection:  # no guard has to be dropped for this
        connection.execute("UPDATE stream SET released_seq = 1 WHERE id = ?", (FIRST,))
        connection.execute("DELETE FROM chunk WHERE id >> 24 = ?", (no,))
    found = checked(sealed).problems
    assert any(f"chunk 0 of {FIRST} is missing" in problem for problem in found)
    assert f"the list of sessions says released_seq = 1 of {FIRST}; the ledger says None" in found


def test_chunks_that_came_back_are_found(sealed: Path) -> None:
    with plain(sealed) as connection:
        kept = connection.execute("SELECT * FROM chunk WHERE id = ?", (chunk_ids(sealed, FIRST)[0],)).fetchone()
    released(sealed)
    spoil(sealed, (f"INSERT INTO chunk VALUES ({', '.join('?' * len(kept))})", kept))
    assert any(f"1 chunks of {FIRST} are here" in problem for problem in checked(sealed).problems)


# --- killed in the middle ---------------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from devicelog.recorder.access import alone
from devicelog.recorder.releasing import release
from devicelog.store.transaction import Transaction
after = Transaction.release
def dies(self, *args):
    after(self, *args)
    print("deleted", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
Transaction.release = dies
with alone(Path(sys.argv[1])) as access:
    release(access, sys.argv[2])
"""


def test_killed_before_it_is_committed_every_chunk_is_there(sealed: Path) -> None:
    before, ids = read(sealed), chunk_ids(sealed, FIRST)
    words = [sys.executable, "-c", _KILLED, str(sealed.parent), FIRST]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "deleted\n"), done.stderr
    assert chunk_ids(sealed, FIRST) == ids
    assert (read(sealed), checked(sealed).problems) == (before, [])
    assert released(sealed).chunks == len(ids)


@pytest.mark.parametrize("after_ms", [0, 5])
def test_killed_at_any_moment_there_are_all_chunks_or_a_release(sealed: Path, after_ms: int) -> None:
    before, ids = read(sealed), chunk_ids(sealed, FIRST)
    words = [sys.executable, "-c", _KILLED.replace("    os.kill(os.getpid(), signal.SIGKILL)\n", "")]
    child = subprocess.Popen([*words, str(sealed.parent), FIRST], stdout=subprocess.PIPE, env=environment())
    assert child.stdout is not None
    assert child.stdout.readline() == b"deleted\n"  # and not committed yet
    try:
        child.wait(after_ms / 1000)
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)
    child.wait(20)
    child.stdout.close()
    is_released = one(sealed, "SELECT released_seq FROM stream WHERE id = ?", FIRST) is not None
    assert chunk_ids(sealed, FIRST) == ([] if is_released else ids)
    assert (read(sealed), checked(sealed).problems) == (before, [])


def test_the_span_is_left_alone(sealed: Path) -> None:
    released(sealed)
    assert chunk_ids(sealed, SPAN)
    wait_for(lambda: not sealed.with_name("writer.lock").read_bytes())
