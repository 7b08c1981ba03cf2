"""A pen profile: how to reach a kind of pen, and what its maker says it can do. Data from TOML, checked here.

Not responsible for finding a profile on disk. Limits are the device's own; what a body site allows is not here.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from firmware_bridge.errors import ProfileError

_RANGES = {
    "baud": (1200, 4_000_000),
    "depth_max_um": (100, 10_000),
    "depth_tolerance_um": (0, 1_000),
    "silence_limit_us": (100_000, 60_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PenProfile:
    """One kind of pen. `dtr` and `rts` are the line states on opening: on many boards a change is a reset."""

    name: str
    label: str
    baud: int
    dtr: bool
    rts: bool
    request_identity: bool
    depth_max_um: int
    depth_max_source: str
    depth_tolerance_um: int
    depth_tolerance_source: str
    silence_limit_us: int

    def document(self) -> dict[str, Any]:
        """The profile as plain values, ready for canonical bytes; `from_document` reads it back."""
        return {"schema": "devicelog.profile/1", **asdict(self)}

    @classmethod
    def from_document(cls, values: dict[str, Any]) -> "PenProfile":
        """Read a profile from the values of its TOML file or document. Raises ProfileError, naming the key."""
        given = {key: value for key, value in values.items() if key != "schema"}
        wanted = {field.name: field.type for field in fields(cls)}
        for key in wanted.keys() - given.keys():
            raise ProfileError(f"pen profile: {key} is missing")
        for key in given.keys() - wanted.keys():
            raise ProfileError(f"pen profile: unknown key {key}")
        for key, value in given.items():
            if type(value) is not wanted[key]:
                raise ProfileError(f"pen profile: {key} = {value!r}; expected {getattr(wanted[key], '__name__', '')}")
            low, high = _RANGES.get(key, (None, None))
            if low is not None and high is not None and not low <= value <= high:
                raise ProfileError(f"pen profile: {key} = {value}; expected {low} to {high}")
        return cls(**given)
