"""Pen profiles as TOML files, and the one function that reads them."""

import tomllib
from pathlib import Path

from firmware_bridge.errors import ProfileError
from firmware_bridge.profile import PenProfile
from firmware_bridge.tables import did_you_mean

_HERE = Path(__file__).parent


def load_profile(name_or_path: str) -> PenProfile:
    """The profile of this name, or in this file. Raises ProfileError, naming what is wrong and what there is."""
    path = Path(name_or_path) if name_or_path.endswith(".toml") else _HERE / f"{name_or_path}.toml"
    try:
        return PenProfile.from_document(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        known = sorted(file.stem for file in _HERE.glob("*.toml"))
        raise ProfileError(
            f"no pen profile {name_or_path}; there are: {', '.join(known)}, or a path ending in .toml."
            + did_you_mean(name_or_path, known)
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"pen profile {name_or_path}: {error}") from error
