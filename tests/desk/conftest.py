"""One clinic with staff, made once and copied for every test that changes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk.staff import cheap, copied, do, staffed


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """PINs are hashed with little work in these tests."""
    with cheap():
        yield


@pytest.fixture(scope="session")
def kept_clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with two sessions and staff, which nobody may change."""
    return staffed(tmp_path_factory.mktemp("clinic") / "data")


@pytest.fixture
def clinic(kept_clinic: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copied(kept_clinic, tmp_path)


@pytest.fixture(scope="session")
def kept_signed(kept_clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its first session sealed and signed as performed by KM; nobody may change it."""
    from tests.databases import FIRST
    from tests.desk.staff import PINS

    data_dir = copied(kept_clinic, tmp_path_factory.mktemp("signed"))
    do(data_dir, "session.sign", session=FIRST, meaning="performed", by="KM", pin=PINS["KM"])
    return data_dir


@pytest.fixture
def signed(kept_signed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copied(kept_signed, tmp_path)
