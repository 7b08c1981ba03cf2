"""Reading keys and values that a person wrote: each by its reader, refused in words that name the key. Pure.

Not responsible for files, nor for what the values mean: plan.py, limits.py and overlay.py are.
"""

import re
import reprlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from devicelog.errors import UsageProblem

Json = dict[str, Any]
Reader = Callable[[object], Any]

DEPTH_LIMIT_UM = 10_000
GRADES = ("A", "B", "C", "D", "DER", "X")  # explained at the head of limits.toml
MODALITIES = ("mechanical", "rf")

_MAX_TEXT = 200


class Unexpected(Exception):
    """What was expected, in words."""


def take(values: object, readers: Mapping[str, Reader], where: str, optional: Iterable[str] = ()) -> Json:
    """The value of every key, read by its reader: no key more, and none less but those that may be left out."""
    if not isinstance(values, Mapping):
        raise UsageProblem(f"{where}{reprlib.repr(values)}; expected keys and values")
    for key in values:
        if key not in readers:
            raise UsageProblem(f"{where}unknown key {key!r}.{suggest(str(key), readers)}")
    taken = {}
    for key, read in readers.items():
        if key not in values:
            if key in optional:
                continue
            raise UsageProblem(f"{where}{key} is missing")
        try:
            taken[key] = read(values[key])
        except Unexpected as error:
            raise UsageProblem(f"{where}{key} = {reprlib.repr(values[key])}; expected {error}") from None
    return taken


def without_schema(document: Mapping[str, Any], schema: str) -> Json:
    """The other keys of a document of this schema. Raises UsageProblem when it is of another."""
    if document.get("schema") != schema:
        raise UsageProblem(f"schema = {reprlib.repr(document.get('schema'))}; expected {schema!r}")
    return {key: value for key, value in document.items() if key != "schema"}


def suggest(word: str, known: Iterable[str]) -> str:
    """` Did you mean x?` for the nearest known word, or nothing. Capitals are let pass."""
    every = list(known)
    near = get_close_matches(word, every, n=1) or get_close_matches(word.lower(), every, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def text(value: object) -> str:
    """1 to 200 characters, in the one form that canonical bytes allow."""
    if not isinstance(value, str):
        raise Unexpected("text")
    read = unicodedata.normalize("NFC", value)  # an editor's choice, and canonical bytes want one form
    if not read.strip() or len(read) > _MAX_TEXT:
        raise Unexpected(f"1 to {_MAX_TEXT} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in read):
        raise Unexpected("text without control characters")
    return read


def pattern(allowed: re.Pattern[str], words: str) -> Callable[[object], str]:
    """A reader of text of this form."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not allowed.match(value):
            raise Unexpected(words)
        return value

    return read


def one_of(allowed: Sequence[str]) -> Callable[[object], str]:
    """A reader of one of these words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            near = suggest(value, allowed) if isinstance(value, str) else ""
            raise Unexpected("one of " + ", ".join(allowed) + (f".{near}" if near else ""))
        return value

    return read


def whole(least: int, most: int, of: str) -> Callable[[object], int]:
    """A reader of a whole number of something."""

    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Unexpected(f"a whole number of {of}, {least} to {most}")
        return value

    return read


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unexpected("true or false")
    return value


def version(value: object) -> int:
    """A number that is raised with every change."""
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise Unexpected("a whole number from 1")
    return value


def listed(words: str) -> Callable[[object], list[Any]]:
    """A reader of a list."""

    def read(value: object) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Unexpected(words)
        return list(value)

    return read


depth = whole(0, DEPTH_LIMIT_UM, "micrometres")
grade = one_of(GRADES)
