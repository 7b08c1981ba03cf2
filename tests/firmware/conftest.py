"""The bench, for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.firmware.bench import Bench, LiveBench
from tests.firmware.toolchain import built_pen, built_runner


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A pen whose power came this moment, with a new EEPROM, its dial in the middle and its motor off."""
    with Bench(built_runner(tmp_path_factory), built_pen(tmp_path_factory)) as bench:
        yield bench


@pytest.fixture
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBench]:
    """The same pen on a pty."""
    with LiveBench(built_runner(tmp_path_factory), built_pen(tmp_path_factory)) as live:
        yield live
