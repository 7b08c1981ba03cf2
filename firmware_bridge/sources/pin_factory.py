"""The named pin factory: which of gpiozero's ways to the pins is used, and what to do when it cannot be.

Never searched for: the way decides what the tick of an edge means, so it is named and kept with the session.
gpiozero is imported when a factory is loaded and not before. Not responsible for the pins themselves (pin_watch.py).
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from firmware_bridge.errors import PenError, PortBusy, PortForbidden, PortMissing, ProfileError

MOCK = "mock"
ALLOW_MOCK = "DEVICELOG_ALLOW_MOCK_PINS"
NAMED = "DEVICELOG_PIN_FACTORY"

# Where each is. pigpio is left out: its daemon counts 32-bit microseconds of its own, and it does not know a Pi 5.
FACTORIES = {
    "lgpio": ("gpiozero.pins.lgpio", "LGPIOFactory"),
    "rpigpio": ("gpiozero.pins.rpigpio", "RPiGPIOFactory"),
    "native": ("gpiozero.pins.native", "NativeFactory"),
    MOCK: ("gpiozero.pins.mock", "MockFactory"),
}
_REAL = ", ".join(name for name in FACTORIES if name != MOCK)
_GET_LGPIO = (
    "in the clone .venv/bin/python -m pip install -e '.[pi]' (Python before 3.13, aarch64); where there is no wheel, "
    "as on Trixie, sudo apt install python3-lgpio, and in .venv/pyvenv.cfg include-system-site-packages = true. "
    "See docs/pins.md"
)
_GET = {"lgpio": _GET_LGPIO, "rpigpio": "sudo apt install python3-rpi.gpio"}


def choose_factory(in_profile: str, option: str | None, environment: Mapping[str, str], *, demo: bool = False) -> str:
    """The factory to use: the option, else the environment, else the profile's own.

    Raises ProfileError for one that there is not, and for mock pins outside a demo: what they say was never measured.
    """
    name, where = next(
        (name, where)
        for name, where in (
            (option, "--pin-factory"),
            (environment.get(NAMED), NAMED),
            (in_profile, "pen profile: gpio.factory"),
        )
        if name
    )
    if name not in FACTORIES:
        near = get_close_matches(name.lower(), FACTORIES, n=1, cutoff=0.5)
        known = f" Did you mean {near[0]}?" if near else f" There are: {_REAL}."
        raise ProfileError(f"{where} = {name!r}: there is no such pin factory.{known}")
    if name == MOCK and not demo and environment.get(ALLOW_MOCK) != "1":
        raise ProfileError(
            f"{where} = {name!r}: mock pins measure nothing, and a session from them is none. Name a real pin factory "
            f"({_REAL}), or try it with `devicelog demo --pen gpio`. For tests: {ALLOW_MOCK}=1"
        )
    return name


def load_factory(name: str) -> Any:
    """A new factory of this name. Raises PenError, saying what to install or where to look."""
    module, class_name = FACTORIES[name]
    try:
        kind = getattr(import_module(module), class_name)
    except ImportError as error:
        how = f": {_GET[name]}" if name in _GET else ""
        raise PenError(f"the pin factory {name} cannot be loaded ({error}). Install it{how}") from error
    try:
        return kind()
    except Exception as error:  # whatever the driver of the day raises: none of them has a root of its own
        raise pins_error(f"the pin factory {name}", error) from error


_WORDS: tuple[tuple[str, type[PenError], str], ...] = (
    ("busy|already in use", PortBusy, "it is in use by another program or device. Close that, or wire another pin"),
    (
        "permission|not permitted|no permission",
        PortForbidden,
        "this user may not use the pins: sudo usermod -aG gpio,spi $USER, then log in again",
    ),
    (
        "pi revision|can not open gpiochip|no such file",
        PortMissing,
        "this computer has no such pins. They are those of a Raspberry Pi's 40-pin header",
    ),
)


def pins_error(what: str, error: BaseException) -> PenError:
    """Our error for pins that cannot be used, from what a driver raised: it has texts and no numbers."""
    text = str(error)
    for words, kind, advice in _WORDS:
        if re.search(words, text, re.IGNORECASE):
            return kind(f"{what}: {advice} ({text})")
    return PenError(f"{what} cannot be used: {text or type(error).__name__}. Check the wiring against the profile")
