"""One device, made once, and a copy of it for everybody who attacks it."""

from pathlib import Path

import pytest

from tests.attacks.device import Device, make_device


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return make_device(tmp_path_factory.mktemp("device"))


@pytest.fixture
def device(pristine: Device, tmp_path: Path) -> Device:
    return pristine.copied(tmp_path / "data")
