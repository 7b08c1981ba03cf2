"""What tests of packages and bags share: a database with a packaged session to spoil, and judges that are not ours."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from devicelog.ledger.entries import Entry
from tests.databases import make_database
from tests.packaging import package, seal


@pytest.fixture(scope="session")
def bagit() -> Iterator[Any]:
    """The Library of Congress's own; it looks for its version in a module that Python no longer has."""
    stand_in = ModuleType("pkg_resources")
    stand_in.DistributionNotFound = LookupError  # type: ignore[attr-defined]
    stand_in.get_distribution = {}.__getitem__  # type: ignore[attr-defined]
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        import bagit

        yield bagit
    finally:
        del sys.modules["pkg_resources"]
        if before is not None:
            sys.modules["pkg_resources"] = before


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Entry]:
    """A database that nobody may change, and the seal of its first session, which is packaged."""
    path = make_database(tmp_path_factory.mktemp("pristine") / "data")
    sealed = seal(path)
    package(path, sealed)
    return path, sealed


@pytest.fixture
def recorded(pristine: tuple[Path, Entry], tmp_path: Path) -> tuple[Path, Entry]:
    """A copy of both to spoil."""
    path, sealed = pristine
    shutil.copytree(path.parent, tmp_path / "data")
    return tmp_path / "data" / path.name, sealed
