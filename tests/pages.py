"""The test vectors that stand in the documentation pages, as the tests read them.

A fenced block holds one vector a line, `name | JSON | hex`; what the JSON means is said on the page.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).resolve().parent.parent / "docs"


class Vector(NamedTuple):
    """One line of a block: its name, what is expected, and the bytes."""

    name: str
    expected: Any
    data: bytes


def block(page: str, fence: str) -> str:
    """The text of the one block of a page that is fenced as ```fence. Raises ValueError when there is not just one."""
    found = re.findall(rf"^```{fence}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"{page} has {len(found)} blocks ```{fence}; expected one")
    return str(found[0])


def vectors(page: str, fence: str) -> list[Vector]:
    """The vectors of that block. Raises ValueError when a line is none, a name stands twice or there is no line."""
    found = []
    for line in block(page, fence).splitlines():
        name, rest = line.split(" | ", 1)
        expected, data = rest.rsplit(" | ", 1)
        found.append(Vector(name, json.loads(expected), bytes.fromhex(data)))
    if not found or len({vector.name for vector in found}) != len(found):
        raise ValueError(f"{page}: the block ```{fence} is empty or names a vector twice")
    return found


def name_of(vector: object) -> str | None:
    """For `pytest.mark.parametrize(ids=...)`."""
    return vector.name if isinstance(vector, Vector) else None


def cells(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head: what stands in backquotes loses them."""
    text = (DOCS / page).read_text("utf-8").split(f"\n{heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    if rows is None:
        raise ValueError(f"{page}: no table under {heading}")
    return [[cell.strip().strip("`") for cell in row[1:-1].split("|")] for row in rows[0].splitlines()[2:]]
