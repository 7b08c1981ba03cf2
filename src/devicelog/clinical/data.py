"""The packaged TOML, and plans in files of a clinic's own: read here, checked in plan.py."""

import re
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from devicelog.clinical.plan import Plan, Zone, suggest, zones_from_document
from devicelog.errors import NotFound, UsageProblem

__all__ = ["list_plans", "load_plan", "load_sources", "load_zones", "suggest"]

_HERE = files("devicelog.clinical")
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


def load_zones() -> dict[str, Zone]:
    """Every zone, by id, in the order of zones.toml."""
    return zones_from_document(_values(_HERE / "zones.toml", "zones"))


def load_sources() -> dict[str, str]:
    """Title and address of every source, by the key the limits name it with."""
    sources = _values(_HERE / "sites.toml", "sites")["sources"]
    return {key: f"{source['title']}, {source['address']}" for key, source in sources.items()}


def load_plan(name_or_path: str) -> Plan:
    """The shipped plan of this name, or the plan in this .toml file.

    Raises NotFound when there is none, naming those there are, and UsageProblem when it is no plan, naming the place.
    """
    shipped = _shipped()
    if name_or_path.endswith(".toml"):
        return _read(Path(name_or_path), name_or_path, load_zones())
    if name_or_path not in shipped:
        known = f"there are: {', '.join(shipped)}, or a path ending in .toml."
        raise NotFound(f"no plan {name_or_path}; {known}{suggest(name_or_path, shipped)}")
    return _read(shipped[name_or_path], name_or_path, load_zones())


def list_plans() -> list[Plan]:
    """The plans that are shipped, by name."""
    zones = load_zones()
    return [_read(file, name, zones) for name, file in _shipped().items()]


def _shipped() -> dict[str, Traversable]:
    folder = (_HERE / "plans").iterdir()
    found = {file.name.removesuffix(".toml"): file for file in folder if file.name.endswith(".toml")}
    return dict(sorted(found.items()))


def _read(file: Traversable, name: str, zones: dict[str, Zone]) -> Plan:
    values = _values(file, f"plan {name}")
    try:
        return Plan.from_values(values, zones)
    except UsageProblem as error:
        raise UsageProblem(f"plan {name}: {error}") from None


def _values(file: Traversable, what: str) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{what}: there is no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise UsageProblem(f"{what}: {getattr(error, 'strerror', None) or error}") from error
    text = ""
    try:
        text = data.decode("utf-8-sig")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageProblem(f"{what}, line {line}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        raise UsageProblem(f"{what}, line {line}: {_LINE.sub('', str(error))}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or nested without end
        raise UsageProblem(f"{what}: {error}") from error
