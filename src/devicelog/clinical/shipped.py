"""The questionnaire and the pens that are shipped, read from their files; checked in screening.py and devices.py."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from devicelog.clinical.devices import Devices
from devicelog.clinical.screening import Questionnaire


@cache
def load_questionnaire() -> Questionnaire:
    """The newest questionnaire."""
    return Questionnaire.from_values(_values("screening.toml"))


@cache
def load_devices() -> Devices:
    """Every model and clearance that is known here."""
    return Devices.from_values(_values("devices.toml"))


def _values(name: str) -> dict[str, Any]:
    return tomllib.loads((files("devicelog.clinical") / name).read_text(encoding="utf-8"))
