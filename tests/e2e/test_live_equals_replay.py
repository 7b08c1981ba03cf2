"""Recorded in one process, derived again in another: the same bytes, whatever the place, the time zone, the Python."""

import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from devicelog.ledger.tree import leaf_hash
from devicelog.pipeline import ENGINE
from devicelog.records import END, SERIAL, Chunk, Record
from devicelog.store.schema import GUARDS
from tests.e2e.running import ROOT, Demo, demo_recording, devicelog
from tests.environment import environment

SCENARIOS = ("clean", "overdepth", "unplug", "noise")


def other_locales() -> Iterator[str]:
    """The locales of this machine that are not the one the tests run in; C is everywhere."""
    yield "C"
    told = subprocess.run(["locale", "-a"], capture_output=True, check=False) if shutil.which("locale") else None
    names = sorted(told.stdout.decode("utf-8", "replace").split()) if told else []
    yield from [name for name in names if name not in ("C", "POSIX")][:2]


@pytest.fixture(params=SCENARIOS)
def recorded(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A data directory and the id of its session."""
    data_dir, session = demo_recording(tmp_path_factory, Demo(scenario=request.param), tmp_path)
    return data_dir, session["id"]


@pytest.fixture
def noisy(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data directory and the id of its session, in which much happened."""
    data_dir, session = demo_recording(tmp_path_factory, Demo(scenario="noise"), tmp_path)
    return data_dir, session["id"]


def test_it_derives_to_the_same_bytes_in_another_process(recorded: tuple[Path, str]) -> None:
    data_dir, session = recorded
    told = devicelog("replay", session, data_dir=data_dir, PYTHONHASHSEED="1").succeeded()
    assert told.stdout.startswith("identical: ")
    assert f" of {session}\n" in told.stdout
    assert told.stderr == ""
    for number, locale in enumerate(other_locales()):
        environment = {"LC_ALL": locale, "LANG": locale, "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": str(4711 + number)}
        again = devicelog("replay", session, "--json", data_dir=data_dir, **environment).succeeded().json()
        assert (again["identical"], again["ok"], again["difference"]) == (True, True, []), (locale, again)
        assert again["kept"].startswith(told.stdout.split("derived record ")[1][:16])


def test_the_span_before_it_too(recorded: tuple[Path, str]) -> None:
    data_dir, _ = recorded
    (span,) = devicelog("sessions", "list", "--json", data_dir=data_dir).succeeded().json()["spans"]
    assert devicelog("replay", span["id"], "--json", data_dir=data_dir).succeeded().json()["identical"]


def python_3_13() -> str | None:
    """Another interpreter, where there is one: one that pyenv keeps for its user, or the system's."""
    own = sorted((Path.home() / ".pyenv" / "versions").glob("3.13*/bin/python3"))
    return str(own[-1]) if own else shutil.which("python3.13")


def test_on_python_3_13(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    python = python_3_13()
    if python is None:
        pytest.skip("there is no Python 3.13 on this machine")
    packages = sysconfig.get_path("purelib")
    own = environment(
        PYTHONPATH=os.pathsep.join([str(ROOT / "src"), str(ROOT), packages]),
        PYTHONPYCACHEPREFIX=str(tmp_path / "compiled"),  # and not among those of the running interpreter
    )
    needs = "import sys, sqlalchemy, cobs, rfc8785, click; assert sys.version_info[:2] == (3, 13), sys.version"
    tried = subprocess.run([python, "-c", needs], env=own, capture_output=True, text=True, timeout=60)
    if tried.returncode:
        pytest.skip(f"{python} cannot use the packages of this environment: {tried.stderr.strip().splitlines()[-1:]}")
    for scenario in SCENARIOS:
        data_dir, session = demo_recording(tmp_path_factory, Demo(scenario=scenario), tmp_path / scenario)
        words = [python, "-m", "devicelog", "replay", session["id"], "--data-dir", str(data_dir)]
        told = subprocess.run(words, env=own, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith("identical: ")


# --- another engine, and evidence that was altered --------------------------------------------------------------------

# What a later version does: its derived records carry another number.
ANOTHER_ENGINE = """
import sys
import devicelog.pipeline, devicelog.recorder.replay
devicelog.pipeline.ENGINE = devicelog.recorder.replay.ENGINE = devicelog.pipeline.ENGINE + 1
from devicelog.cli import run
sys.exit(run(sys.argv[1:]))
"""

# What must never happen: the same number, and other results.
SAME_NUMBER = """
import sys
import devicelog.derive
devicelog.gaps.GAP_LISTED_US = 10_000
from devicelog.cli import run
sys.exit(run(sys.argv[1:]))
"""


def patched(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)


@pytest.mark.requirement("R30")
def test_another_engine_prints_the_difference_and_leaves_the_record(noisy: tuple[Path, str]) -> None:
    data_dir, session = noisy
    told = patched(ANOTHER_ENGINE, "replay", session, "--data-dir", str(data_dir))
    assert told.returncode == 0, told
    assert f'- "engine": {ENGINE}' in told.stdout
    assert f'+ "engine": {ENGINE + 1}' in told.stdout
    last = told.stdout.splitlines()[-1]
    assert last == f"derived by engine {ENGINE}; this is engine {ENGINE + 1}. The kept record stands."
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]


def test_the_same_engine_with_other_results_is_told(noisy: tuple[Path, str]) -> None:
    data_dir, session = noisy
    told = patched(SAME_NUMBER, "replay", session, "--data-dir", str(data_dir))
    assert told.returncode == 3, told
    assert told.stdout.splitlines()[-1].startswith(f"NOT IDENTICAL: {session} was kept as ")
    assert '"short_gaps"' in told.stdout


def alter(data_dir: Path, session: str, change: Callable[[Record], Record]) -> None:
    """Change the first record of a session that can be, and all the hashes of its chunk, as a forger would."""
    with closing(sqlite3.connect(data_dir / "devicelog.db")) as connection, connection:
        for row, blob in connection.execute("SELECT id, blob FROM chunk ORDER BY id").fetchall():
            chunk = Chunk.parse(zlib.decompress(blob))
            numbers = [at for at, record in enumerate(chunk.records) if change(record) != record]
            if chunk.stream != session or not numbers:
                continue
            changed = list(chunk.records)
            changed[numbers[0]] = change(changed[numbers[0]])
            data = Chunk.of(session, changed).data
            blob = zlib.compress(data, 6)
            values = (leaf_hash(data), sha256(blob).digest(), blob, row)
            connection.execute("DROP TRIGGER chunk_no_update")
            connection.execute("UPDATE chunk SET leaf = ?, blob_sha256 = ?, blob = ? WHERE id = ?", values)
            connection.execute(GUARDS["chunk_no_update"])
            return
    pytest.fail("there was nothing to alter")


def one_bit(record: Record) -> Record:
    if record.kind != SERIAL or len(record.body) < 60:
        return record
    return record._replace(body=record.body[:30] + bytes([record.body[30] ^ 1]) + record.body[31:])


def another_zone(record: Record) -> Record:
    return record._replace(body=record.body.replace(b"cheek.left", b"forehead"))


def later_by_a_second(record: Record) -> Record:
    return record._replace(t_us=record.t_us + 1_000_000) if record.kind == END else record


@pytest.mark.parametrize("change", [one_bit, another_zone, later_by_a_second])
def test_altered_evidence_is_found(change: Callable[[Record], Record], noisy: tuple[Path, str]) -> None:
    data_dir, session = noisy
    alter(data_dir, session, change)
    told = devicelog("replay", session, data_dir=data_dir)
    assert told.code == 3, told
    assert told.stdout.splitlines()[-1].startswith(f"NOT IDENTICAL: {session} was kept as ")
    checked = devicelog("verify", session, data_dir=data_dir)
    assert checked.code == 3, checked
    assert "are not those that the ledger names" in checked.stdout
