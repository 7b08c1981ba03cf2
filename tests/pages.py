"""The test vectors that stand in the documentation pages, as the tests read them.

A fenced block holds one vector a line, `name | JSON | hex`; what the JSON means is said on the page.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from firmware_bridge.readings import (
    Fault,
    Heartbeat,
    Identity,
    IdentityRequest,
    PenEvent,
    Reading,
    SampleBlock,
    Unknown,
)

_TYPES: dict[str, type[Any]] = {
    "samples": SampleBlock,
    "heartbeat": Heartbeat,
    "event": PenEvent,
    "identity": Identity,
    "identity_request": IdentityRequest,
    "unknown": Unknown,
}
_OPTIONAL = {
    "samples": ("depth_set_um", "passes", "strokes", "depth_um", "raw_count", "frequency_dhz", "contact_bits"),
    "heartbeat": ("depth_set_um", "passes", "strokes"),
}

DOCS = Path(__file__).resolve().parent.parent / "docs"


class Vector(NamedTuple):
    """One line of a block: its name, what is expected, and the bytes."""

    name: str
    expected: Any
    data: bytes


def section(page: str, heading: str) -> str:
    """The text of a page from a heading to the next one of any level."""
    text = (DOCS / page).read_text("utf-8").split(f"\n{heading}\n", 1)[1]
    return re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]


def block(page: str, fence: str, heading: str | None = None) -> str:
    """The one block fenced as ```fence, of the page or under a heading. Raises ValueError when it is not just one."""
    text = section(page, heading) if heading else (DOCS / page).read_text("utf-8")
    found = re.findall(rf"^```{fence}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"{page} has {len(found)} blocks ```{fence}; expected one")
    return str(found[0])


def vectors(page: str, fence: str) -> list[Vector]:
    """The vectors of that block. Raises ValueError when a line is none, a name stands twice or there is no line."""
    found = []
    for line in block(page, fence).splitlines():
        name, rest = line.split(" | ", 1)
        expected, data = rest.rsplit(" |", 1)
        found.append(Vector(name, json.loads(expected), bytes.fromhex(data)))
    if not found or len({vector.name for vector in found}) != len(found):
        raise ValueError(f"{page}: the block ```{fence} is empty or names a vector twice")
    return found


def reading(expected: dict[str, Any], data: bytes) -> Reading:
    """The reading that docs/protocol.md describes as JSON. A fault says which of the `data` it rejects."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in expected.items()}
    kind = values.pop("type")
    if kind == "fault":
        offset = values["offset"]
        return Fault(kind=values["kind"], offset=offset, data=data[offset : offset + values["n_bytes"]])
    message: Reading = _TYPES[kind](**{**dict.fromkeys(_OPTIONAL.get(kind, ())), **values})
    return message


def name_of(vector: object) -> str | None:
    """For `pytest.mark.parametrize(ids=...)`."""
    return vector.name if isinstance(vector, Vector) else None


def cells(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head and without backquotes."""
    rows = re.search(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    if rows is None:
        raise ValueError(f"{page}: no table under {heading}")
    return [[cell.strip().replace("`", "") for cell in row[1:-1].split("|")] for row in rows[0].splitlines()[2:]]
