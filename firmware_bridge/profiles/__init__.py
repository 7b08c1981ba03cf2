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
    except UnicodeDecodeError as error:
        raise ProfileError(f"pen profile {name_or_path} is no text in UTF-8: {error}") from error
    except OSError as error:
        raise ProfileError(_unread(name_or_path, error)) from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"pen profile {name_or_path}: {error}") from error


def _unread(name_or_path: str, error: OSError) -> str:
    """Why there is no profile of this name, or in this file, and what there is."""
    if name_or_path.endswith(".toml") and not isinstance(error, FileNotFoundError):
        return f"pen profile {name_or_path} cannot be read: {error.strerror}"
    known = sorted(file.stem for file in _HERE.glob("*.toml"))
    there_are = f"there are: {', '.join(known)}, or a path ending in .toml."
    if name_or_path.endswith(".toml"):
        return f"no pen profile {name_or_path}: there is no such file; {there_are}"
    file = f"{name_or_path}.toml"
    near = f" Did you mean {file}?" if Path(file).is_file() else did_you_mean(name_or_path, known)
    return f"no pen profile {name_or_path}; {there_are}{near}"
