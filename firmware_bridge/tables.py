"""The tables of a pen profile: how the value of one key is read, and what is said of one that cannot be meant.

A reader takes the key's whole name (`gpio.dial.a.pin`) and its value, and gives the value back, checked; it raises
ProfileError with a message that names the key. Not responsible for what any key means.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from firmware_bridge.errors import ProfileError

Reader = Callable[[str, object], Any]


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """` Did you mean NAME?` where one of these is near; else nothing."""
    near = get_close_matches(str(word), list(known))
    return f" Did you mean {near[0]}?" if near else ""


def integer(low: int, high: int) -> Reader:
    """A whole number in a range."""

    def read(key: str, value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ProfileError(f"pen profile: {key} = {value!r}; expected a whole number from {low} to {high}")
        return value

    return read


def word(*choices: str) -> Reader:
    """One of these words."""

    def read(key: str, value: object) -> str:
        for choice in choices:
            if value == choice:
                return choice
        hint = did_you_mean(value, choices)
        raise ProfileError(f"pen profile: {key} = {value!r}; expected one of {', '.join(choices)}.{hint}")

    return read


def printable(most: int, *, least: int = 0) -> Reader:
    """Printable ASCII, so many characters."""

    def read(key: str, value: object) -> str:
        if isinstance(value, str) and least <= len(value) <= most and all(" " <= each <= "~" for each in value):
            return value
        some = "at most" if not least else f"{least} to"
        raise ProfileError(f"pen profile: {key} = {value!r}; expected {some} {most} printable ASCII characters")

    return read


def flag(key: str, value: object) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise ProfileError(f"pen profile: {key} = {value!r}; expected true or false")
    return value


def table(
    cls: Callable[..., Any], keys: Mapping[str, Reader], optional: Mapping[str, Any], *, kind_key: str | None = None
) -> Reader:
    """A table of these keys, made into `cls`; what is `optional` has a value when it is not there. The value of
    `kind_key` said which table it is, and is read by who asked that."""

    def read(key: str, value: object) -> Any:
        if not isinstance(value, dict):
            raise ProfileError(f"pen profile: {key} = {value!r}; expected a table")
        given = {name: item for name, item in value.items() if name != kind_key}
        for name in given:
            if name not in keys:
                raise ProfileError(f"pen profile: unknown key {key}.{name}.{did_you_mean(name, keys)}")
        for name in keys:
            if name not in given and name not in optional:
                raise ProfileError(f"pen profile: {key}.{name} is missing")
        return cls(**{**optional, **{name: keys[name](f"{key}.{name}", item) for name, item in given.items()}})

    return read
