"""The packaged TOML, and plans and limits in files of a clinic's own: read here, checked in plan.py and tables.py."""

import re
import tomllib
from collections.abc import Callable, Collection
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from devicelog.clinical.keys import suggest
from devicelog.clinical.limits import Limits, Overlay
from devicelog.clinical.plan import Plan, Zone, zones_from_document
from devicelog.clinical.tables import read_limits, read_overlay
from devicelog.errors import NotFound, UsageProblem

__all__ = [
    "file_holds",
    "list_plans",
    "load_limits",
    "load_overlay",
    "load_plan",
    "load_plan_file",
    "load_sources",
    "load_zones",
    "load_zones_of",
    "suggest",
]

_HERE = files("devicelog.clinical")
_Value = TypeVar("_Value")
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


def load_zones() -> dict[str, Zone]:
    """Every zone, by id, in the order of zones.toml."""
    return zones_from_document(_values(_HERE / "zones.toml", "zones"))


def load_zones_of(path: str) -> dict[str, Zone]:
    """The zones of a file that is built as zones.toml is. Raises UsageProblem, naming the place, and NotFound."""
    return _read_as(f"zones {path}", lambda: zones_from_document(_values(Path(path), f"zones {path}")))


def load_limits() -> Limits:
    """The shipped table of limits."""
    return read_limits(_values(_HERE / "limits.toml", "limits"))


def load_overlay(path: str) -> Overlay:
    """The clinic's overlay in this file, against the shipped table. Raises UsageProblem and NotFound."""
    return _read_as(f"limits {path}", lambda: read_overlay(_values(Path(path), f"limits {path}"), load_limits()))


def load_plan_file(path: str) -> Plan:
    """The plan in this file. Raises NotFound and UsageProblem, naming the place."""
    return _read(Path(path), path, load_zones())


def load_sources() -> dict[str, str]:
    """Title and address of every source, by the key the limits name it with."""
    return {key: f"{source.title}, {source.address}" for key, source in load_limits().sources.items()}


def file_holds(path: str, key: str) -> bool:
    """Whether the TOML in this file has this key at its top. Raises UsageProblem, naming the place, and NotFound."""
    return key in _values(Path(path), path)


def load_plan(name_or_path: str, own: Collection[str] = ()) -> Plan:
    """The shipped plan of this name, or the plan in this .toml file. `own`: ids that the clinic adopted.

    Raises NotFound when there is none, naming those there are, and UsageProblem when it is no plan, naming the place.
    """
    shipped = _shipped()
    if name_or_path.endswith(".toml"):
        return _read(Path(name_or_path), name_or_path, load_zones())
    if name_or_path not in shipped:
        known = f"there are: {', '.join([*own, *shipped])}, or a path ending in .toml."
        raise NotFound(f"no plan {name_or_path}; {known}{suggest(name_or_path, [*own, *shipped])}")
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
    return _read_as(f"plan {name}", lambda: Plan.from_values(values, zones))


def _read_as(what: str, read: Callable[[], _Value]) -> _Value:
    try:
        return read()
    except UsageProblem as error:
        said = str(error)
        raise UsageProblem(said if said.startswith(what) else f"{what}: {said}") from None


def _values(file: Traversable, what: str) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{what}: there is no such file") from error
    except IsADirectoryError as error:
        raise UsageProblem(f"{what}: Is a directory: name a file in it") from error
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
