"""The scenarios that come with the simulator, and scenarios in files: a name or a path in, scripts and bytes out.

Reads files; everything below it is pure.
"""

from difflib import get_close_matches
from functools import cache
from pathlib import Path

from firmware_bridge.simulator.language import parse_scenario
from firmware_bridge.simulator.placing import place
from firmware_bridge.simulator.scenario import Scenario, ScenarioError
from firmware_bridge.simulator.script import Script
from firmware_bridge.simulator.wire import play

SUFFIX = ".scenario"
MAX_BYTES = 100_000

_HERE = Path(__file__).parent / "scenarios"
_FIRST = ("clean", "overdepth", "unplug", "noise", "stall", "reboot", "stuckdial")  # what most people look for


@cache
def scenario_names() -> tuple[str, ...]:
    """The scenarios that are shipped."""
    names = sorted(path.stem for path in _HERE.glob(f"*{SUFFIX}"))
    return (*_FIRST, *(name for name in names if name not in _FIRST))


def load_scenario(name_or_path: str) -> Scenario:
    """The scenario of this name, or in this file: a path has a slash in it or ends in .scenario.

    Raises ScenarioError, naming what is wrong and what there is.
    """
    if "/" in name_or_path or name_or_path.endswith(SUFFIX):
        return _read(Path(name_or_path), name_or_path)
    names = scenario_names()
    if name_or_path not in names:
        near = get_close_matches(name_or_path, names, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ScenarioError(
            f"there is no scenario {name_or_path!r}; {meant}there are: {', '.join(names)}, or a path ending in {SUFFIX}"
        )
    return _read(_HERE / f"{name_or_path}{SUFFIX}", name_or_path)


def script_for(scenario: Scenario | str, seconds: float, seed: int) -> Script:
    """The script of a scenario, or of one by its name or path, `seconds` of pen time long. Raises ScenarioError."""
    return place(load_scenario(scenario) if isinstance(scenario, str) else scenario, seconds, seed)


def wire_of(scenario: Scenario | str, seconds: float, seed: int) -> list[tuple[int, bytes | None]]:
    """One run of a scenario as it arrives, in steps of 20 ms of pen time; None where the link goes down."""
    return play(script_for(scenario, seconds, seed), seed)


def bytes_of(scenario: Scenario | str, seconds: float, seed: int) -> bytes:
    """All the bytes of one run of a scenario that arrive; those of an outage are missing."""
    return b"".join(data for _, data in wire_of(scenario, seconds, seed) if data is not None)


def _read(path: Path, name: str) -> Scenario:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ScenarioError(f"{name}: no scenario is longer than {MAX_BYTES} bytes")
        return parse_scenario(data.decode("utf-8-sig"), name)
    except OSError as error:
        raise ScenarioError(f"cannot read the scenario {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{name}: not a text in UTF-8") from error
