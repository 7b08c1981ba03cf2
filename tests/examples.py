"""The worked examples of docs/connect-your-pen.md, as its readers have them: the profile from the page, the capture and
what becomes of it from the files beside it."""

import json
import tomllib
from pathlib import Path
from typing import Any

from firmware_bridge.profile import PenProfile
from tests.pages import DOCS, block

PAGE = "connect-your-pen.md"
EXAMPLES = ("comma", "words")


def toml_of(name: str) -> str:
    """The profile as it stands on the page."""
    return block(PAGE, f"toml {name}")


def values_of(name: str) -> dict[str, Any]:
    """The values of that file."""
    return tomllib.loads(toml_of(name))


def profile_of(name: str) -> PenProfile:
    """That profile."""
    return PenProfile.from_document(values_of(name))


def capture_of(name: str) -> Path:
    """The file with what came."""
    return DOCS / "captures" / f"{name}.capture"


def rows_of(name: str) -> list[dict[str, Any]]:
    """What each of its lines becomes."""
    text = (DOCS / "captures" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]
