"""The public test kit, as pytest finds it by its entry point: pens without hardware, in the test's own time.

Nothing happens to a test that asks for no fixture, and nothing is loaded for it: neither gpiozero nor pyserial, nor a
module that only POSIX has. docs/test-kit.md is its page. Not responsible for the pens themselves (kit/).
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from firmware_bridge.kit.listener import Listener
    from firmware_bridge.kit.serial_pen import SerialPen
    from firmware_bridge.profile import PenProfile


@pytest.fixture
def devicelog_serial_pen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., SerialPen]]:
    """Makes simulated pens on ports, as many as are called for; gone at the end of the test.

    `devicelog_serial_pen(scenario="clean", seconds=10, seed=1, serial="")`: see firmware_bridge.kit.serial_pen.
    """
    from firmware_bridge.kit.serial_pen import SerialPen

    with ExitStack() as pens:

        def make(**options: Any) -> SerialPen:
            return pens.enter_context(SerialPen(_fresh(tmp_path_factory), **options))

        yield make


@pytest.fixture
def devicelog_listener() -> Iterator[Callable[..., Listener]]:
    """Opens a serial pen of the kit and decodes it: `devicelog_listener(pen, profile=None)`, then `drain()`.

    `profile` is a `PenProfile`, or the name or path of one; without it that of the reference pen.
    """
    from firmware_bridge.kit.listener import Listener
    from firmware_bridge.profiles import load_profile

    with ExitStack() as listeners:

        def listen(pen: SerialPen, profile: PenProfile | str = "reference") -> Listener:
            read = load_profile(profile) if isinstance(profile, str) else profile
            return listeners.enter_context(Listener(pen, read))

        yield listen


def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pen")
