"""One recorded database, made once and copied for every test that spoils it."""

import shutil
from pathlib import Path

import pytest

from tests.databases import make_database


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that nobody may change: a directory of its own, shared by all tests of this process."""
    return make_database(tmp_path_factory.mktemp("pristine") / "data")


@pytest.fixture
def recorded(pristine: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    return Path(shutil.copy(pristine, data_dir))
