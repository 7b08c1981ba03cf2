"""A pen profile: how to reach a kind of pen, what it measures, and what its maker says it can do. Data, checked here.

Not responsible for finding a profile on disk. Limits are the device's own; what a body site allows is not here.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from firmware_bridge.errors import ProfileError
from firmware_bridge.line_format import LineFormat, read_lines
from firmware_bridge.tables import did_you_mean
from firmware_bridge.wiring import FASTEST_DHZ, Wiring, read_wiring

MEASURES = ("set_depth", "depth", "raw_count", "frequency", "contact", "passes", "strokes")

_SECOND_DHZ = 10_000_000  # tenths of a hertz times microseconds
_RANGES = {
    "baud": (1200, 4_000_000),
    "depth_max_um": (100, 10_000),
    "depth_tolerance_um": (0, 1_000),
    "silence_limit_us": (100_000, 60_000_000),
    "frequency_min_dhz": (1, 10_000),
    "frequency_max_dhz": (1, 10_000),
}
_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
_SCHEMA = "devicelog.profile/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One calibration of a pen by the name the pen gives it, and the last day (UTC) it holds: `2027-06-30`."""

    id: str
    expires: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PenProfile:
    """One kind of pen. `dtr` and `rts` are the line states on opening: on many boards a change is a reset.

    `measures` is what this kind of pen sends, from MEASURES: what it says and does not send is missing, what it never
    had is not. The frequency limits are None where the maker names none. A pen whose sensors are wired to pins has
    `gpio` and no serial line: then `baud` is 0. One that sends lines of text has `lines`, and is never written to.
    """

    name: str
    label: str
    depth_max_um: int
    depth_max_source: str
    depth_tolerance_um: int
    depth_tolerance_source: str
    silence_limit_us: int
    baud: int = 0
    dtr: bool = False
    rts: bool = False
    request_identity: bool = False
    measures: tuple[str, ...] = MEASURES
    frequency_min_dhz: int | None = None
    frequency_max_dhz: int | None = None
    frequency_source: str | None = None
    calibrations: tuple[Calibration, ...] = ()
    gpio: Wiring | None = None
    lines: LineFormat | None = None

    def document(self) -> dict[str, Any]:
        """The profile as plain values, ready for canonical bytes; `from_document` reads it back."""
        values = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        if self.gpio is not None:
            values = {name: value for name, value in values.items() if name not in _SERIAL}
            values["gpio"] = self.gpio.document()
        if self.lines is not None:
            values["lines"] = self.lines.document()
        values["calibrations"] = [asdict(calibration) for calibration in self.calibrations]
        return {"schema": _SCHEMA, **values, "measures": list(self.measures)}

    @classmethod
    def from_document(cls, values: dict[str, Any]) -> "PenProfile":
        """Read a profile from the values of its TOML file or document. Raises ProfileError, naming the key."""
        if values.get("schema", _SCHEMA) != _SCHEMA:
            raise ProfileError(f"pen profile: schema = {values['schema']!r}; expected {_SCHEMA!r}")
        given = {key: value for key, value in values.items() if key != "schema"}
        known = [field.name for field in fields(cls)]
        for key in [key for key in given if key not in known]:
            raise ProfileError(f"pen profile: unknown key {key}.{did_you_mean(key, known)}")
        _check_transport(given)
        for key in known:
            if key not in given and key not in _left_out(given):
                raise ProfileError(f"pen profile: {key} is missing{_other_kinds(key, given)}")
        read = {key: _read(key, value) for key, value in given.items()}
        for transport in _TRANSPORTS & read.keys():
            read.setdefault("measures", _measures(read[transport].measures))
        profile = cls(**read)
        _check_frequency(profile)
        _check_bounce(profile)
        _check_measured(profile)
        return profile

    @property
    def untold(self) -> tuple[str, ...]:
        """What a pen of docs/protocol.md tells of itself and this kind cannot: `identity`, `numbers`, `clock`,
        `restarts`."""
        if self.gpio is not None:
            return ("identity", "clock")  # the wiring says who it is, and the time is this computer's
        return self.lines.untold if self.lines is not None else ()

    def expires(self, calibration_id: str) -> str | None:
        """The last day on which this calibration holds; None where nobody has said."""
        return next((known.expires for known in self.calibrations if known.id == calibration_id), None)


def _read(key: str, value: object) -> Any:
    read = _READERS.get(key)
    if read is not None:
        return read(value)
    wanted = _TYPES[key]
    if type(value) is not wanted:
        raise ProfileError(f"pen profile: {key} = {value!r}; expected {wanted.__name__}")
    if isinstance(value, str):
        return _text(key, value)
    low, high = _RANGES.get(key, (None, None))
    if low is not None and high is not None and not low <= value <= high:  # type: ignore[operator]
        raise ProfileError(f"pen profile: {key} = {value}; expected {low} to {high}")
    return value


def _text(key: str, value: str) -> str:
    """In NFC, an editor's choice; a session keeps the profile as canonical bytes, and they want one form."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ProfileError(f"pen profile: {key} = {value!r}; expected text without control characters")
    return unicodedata.normalize("NFC", value)


def _measures(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ProfileError(f"pen profile: measures = {value!r}; expected a list of {', '.join(MEASURES)}")
    for word in value:
        if word not in MEASURES:
            known = did_you_mean(word, MEASURES) or f" There are: {', '.join(MEASURES)}."
            raise ProfileError(f"pen profile: measures names {word!r}, which no pen sends.{known}")
    return tuple(word for word in MEASURES if word in value)


def _calibrations(value: object) -> tuple[Calibration, ...]:
    calibrations: list[Calibration] = []
    for entry in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(entry, dict) or entry.keys() != {"id", "expires"}:
            raise ProfileError(f"pen profile: calibrations: {entry!r}; expected id and expires")
        if not all(isinstance(text, str) for text in entry.values()) or not _DAY.match(entry["expires"]):
            raise ProfileError(f"pen profile: calibrations: {entry!r}; expected texts, and a day such as 2027-06-30")
        if any(known.id == entry["id"] for known in calibrations):
            raise ProfileError(f"pen profile: calibrations: {entry['id']!r} stands twice")
        calibrations.append(Calibration(id=_text("calibrations", entry["id"]), expires=entry["expires"]))
    return tuple(calibrations)


def _check_transport(given: dict[str, Any]) -> None:
    for key in _SERIAL if "gpio" in given else ():
        if key in given:
            raise ProfileError(f"pen profile: {key} belongs to a serial line, and gpio says that there is none")
    if given.keys() >= _TRANSPORTS:
        raise ProfileError("pen profile: lines come from a serial line, and gpio says that there is none")
    if "lines" in given and given.get("request_identity", False) is not False:
        raise ProfileError("pen profile: request_identity: a pen that sends lines is never written to")


def _left_out(given: dict[str, Any]) -> set[str]:
    """The keys that need not be there."""
    if "gpio" in given:
        return {*_OPTIONAL, *_SERIAL}
    return {*_OPTIONAL, "request_identity"} if "lines" in given else _OPTIONAL


def _other_kinds(key: str, given: dict[str, Any]) -> str:
    """What a profile of another kind of pen lacks, where the missing key says that it is of one."""
    if key != "request_identity" or _TRANSPORTS & given.keys():
        return ""
    return ". For a pen that sends lines of text add a table [lines], for sensors on pins a table [gpio]"


def _check_measured(profile: PenProfile) -> None:
    """What it measures must be connected, or stand in its lines."""
    for word in profile.measures:
        if profile.gpio is not None and word not in profile.gpio.measures:
            raise ProfileError(f"pen profile: measures names {word!r}, and nothing that gpio connects measures it")
        if profile.lines is not None and word not in profile.lines.measures:
            raise ProfileError(f"pen profile: measures names {word!r}, and lines has no field that tells it")


def _check_frequency(profile: PenProfile) -> None:
    limits = (profile.frequency_min_dhz, profile.frequency_max_dhz, profile.frequency_source)
    if limits == (None, None, None):
        return
    if None in limits:
        raise ProfileError("pen profile: frequency_min_dhz, frequency_max_dhz and frequency_source go together")
    if limits[0] > limits[1]:  # type: ignore[operator] # none of them is None
        raise ProfileError(f"pen profile: frequency_min_dhz = {limits[0]} is above frequency_max_dhz = {limits[1]}")


def _check_bounce(profile: PenProfile) -> None:
    """A magnet passes a hall sensor in a tenth of a stroke at least: what bounce swallows must be shorter than that."""
    strokes = profile.gpio.strokes if profile.gpio is not None else None
    most_us = _SECOND_DHZ // (profile.frequency_max_dhz or FASTEST_DHZ) // 10
    if strokes is not None and strokes.bounce_us > most_us:
        raise ProfileError(
            f"pen profile: gpio.strokes.bounce_us = {strokes.bounce_us} would swallow strokes as bounce; "
            f"expected a tenth of the shortest stroke at most: {most_us}"
        )


_READERS: dict[str, Callable[[object], Any]] = {
    "measures": _measures,
    "calibrations": _calibrations,
    "gpio": read_wiring,
    "lines": read_lines,
}
_SERIAL = ("baud", "dtr", "rts", "request_identity")
_TRANSPORTS = {"gpio", "lines"}
_OPTIONAL = {"measures", "frequency_min_dhz", "frequency_max_dhz", "frequency_source", "calibrations", *_TRANSPORTS}
_TYPES: dict[str, type[Any]] = {
    **dict.fromkeys(("name", "label", "depth_max_source", "depth_tolerance_source", "frequency_source"), str),
    **dict.fromkeys(("dtr", "rts", "request_identity"), bool),
    **dict.fromkeys(_RANGES, int),
}
