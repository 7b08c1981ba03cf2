"""Bytes of a small database, changed one at a time: as many as take some seconds. `make attacks` changes the rest."""

import random
import shutil
from pathlib import Path

import pytest

from devicelog.errors import EvidenceDamaged
from devicelog.store.evidence import Evidence
from tests.attacks.device import Device
from tests.attacks.every_byte import EVIDENCE, Offset, Place, everything, found, missed, places, printed, settled
from tests.databases import one, plain

COLUMNS = [(name, column.name) for name, table in EVIDENCE.items() for column in table.columns]


@pytest.fixture(scope="module")
def small(pristine: Device, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("small")
    for file in pristine.path.parent.glob(f"{pristine.path.name}*"):
        shutil.copy(file, folder)
    path = settled(folder / pristine.path.name)
    assert found(path) == []
    return path, printed(path)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(names) for names in COLUMNS])
def test_every_column_of_evidence(table: str, column: str, small: tuple[Path, str], tmp_path: Path) -> None:
    path, as_printed = small
    mine = [place for place in places(path) if (place.table, place.column) == (table, column)]
    for place in random.Random(f"{table}.{column}").sample(mine, 2):
        assert missed(path, tmp_path / path.name, place, as_printed) is None


@pytest.mark.parametrize("seed", range(4))
def test_bytes_of_the_file(seed: int, small: tuple[Path, str], tmp_path: Path) -> None:
    path, as_printed = small
    for at in random.Random(seed).sample(range(path.stat().st_size), 10):
        assert missed(path, tmp_path / path.name, Offset(at=at), as_printed) is None


def test_all_of_them_are_tried_by_the_long_form(small: tuple[Path, str]) -> None:
    path, _ = small
    every = everything(path)
    assert {each.at for each in every if isinstance(each, Offset)} == set(range(path.stat().st_size))
    assert {(each.table, each.column) for each in every if isinstance(each, Place)} == set(COLUMNS)


def test_a_damaged_index_hides_no_private_text(small: tuple[Path, str], tmp_path: Path) -> None:
    """Looked up by an index that lost it, a note would be shown as if it had been erased."""
    path = Path(shutil.copy(small[0], tmp_path))
    with plain(path) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_note_1'"
        [(page,)] = connection.execute(query).fetchall()
    size, key = one(path, "PRAGMA page_size"), one(path, "SELECT max(commitment) FROM note").encode()
    data = path.read_bytes()
    at = data.index(key, (page - 1) * size)
    assert at < page * size
    path.write_bytes(data[:at] + b"~" + data[at + 1 :])
    assert any("index" in problem for problem in found(path)), found(path)


def test_a_schema_that_is_no_text_is_damage_and_no_failure_of_ours(small: tuple[Path, str], tmp_path: Path) -> None:
    path = Path(shutil.copy(small[0], tmp_path))
    data = path.read_bytes()
    at = data.index(b"CREATE TABLE ledger_entry") + len(b"CREATE TABLE ")
    path.write_bytes(data[:at] + b"\xf3" + data[at + 1 :])
    with pytest.raises(EvidenceDamaged), Evidence(path) as evidence:
        evidence.streams()
