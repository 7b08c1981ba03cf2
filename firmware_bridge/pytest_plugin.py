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

    from firmware_bridge.kit.gpio_pen import GpioPen, PinListener
    from firmware_bridge.kit.listener import Listener
    from firmware_bridge.kit.serial_pen import SerialPen


@pytest.fixture
def devicelog_serial_pen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., SerialPen]]:
    """Makes simulated pens on ports, as many as are called for; gone at the end of the test.

    `devicelog_serial_pen(scenario="clean", seconds=10, seed=1, serial="")`: see firmware_bridge.kit.serial_pen.
    """
    from firmware_bridge.kit.serial_pen import SerialPen

    with ExitStack() as pens:

        def make(**options: Any) -> SerialPen:
            return pens.enter_context(SerialPen(tmp_path_factory.mktemp("pen"), **options))

        yield make


@pytest.fixture
def devicelog_gpio_pen() -> Iterator[Callable[..., GpioPen]]:
    """Makes simulated sensors on mock pins that bounce, as many as are called for.

    `devicelog_gpio_pen(profile="gpio-reference", scenario="clean", seconds=10, seed=1)`: see
    firmware_bridge.kit.gpio_pen. The newest one's factory is gpiozero's own until the test ends, however it ends; then
    it is again what it was.
    """
    from gpiozero import Device

    from firmware_bridge.kit.gpio_pen import GpioPen

    before = Device.pin_factory
    with ExitStack() as pens:
        pens.callback(setattr, Device, "pin_factory", before)

        def make(**options: Any) -> GpioPen:
            pen = pens.enter_context(GpioPen(**options))
            Device.pin_factory = pen.factory
            return pen

        yield make


@pytest.fixture
def devicelog_listener() -> Iterator[Callable[..., Listener | PinListener]]:
    """Reads a pen of the kit as devicelog does: `devicelog_listener(pen)`, then `drain()`.

    A serial pen can be read by another profile than the reference pen's: `devicelog_listener(pen, profile=...)`.
    """
    with ExitStack() as listeners:

        def listen(pen: SerialPen | GpioPen, **options: Any) -> Listener | PinListener:
            listener: Listener | PinListener = pen.listener(**options)
            listeners.callback(listener.close)
            return listener

        yield listen
