"""Canonical bytes: RFC 8785 JSON under a stricter profile, so that a hash never depends on who wrote it.

The profile: objects with keys `[a-z][a-z0-9_]{0,39}`, at most 8 deep; strings in NFC without control characters;
integers of at most 53 bits; booleans; null. No floats: the unit is in the key (`depth_um`). What was stored is hashed
as stored; nothing is ever serialised again in order to be hashed.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

Json = dict[str, Any]

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MAX_DEPTH = 8
_MAX_INTEGER = 2**53 - 1


def canonical(value: Mapping[str, Any]) -> bytes:
    """The canonical bytes of an object. Raises ValueError when it is outside the profile; that is our mistake."""
    _check(value, "$", 0)
    return rfc8785.dumps(dict(value))


def parse_canonical(data: bytes) -> Json:
    """Read canonical bytes. Raises ValueError when they are not the canonical bytes of an object in the profile."""
    try:
        value = json.loads(data, object_pairs_hook=_no_duplicates, parse_float=_no_float, parse_constant=_no_float)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if canonical(value) != data:
        raise ValueError("not in canonical form")
    return value


def _check(value: object, where: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"{where}: nested more than {_MAX_DEPTH} deep")
    match value:
        case None | bool():
            return
        case int():
            if abs(value) > _MAX_INTEGER:
                raise ValueError(f"{where}: {value} is more than 53 bits")
        case str():
            if _CONTROL.search(value):
                raise ValueError(f"{where}: a control character or lone surrogate in {value!r}")
            if not unicodedata.is_normalized("NFC", value):
                raise ValueError(f"{where}: {value!r} is not NFC")
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not _KEY.match(key):
                    raise ValueError(f"{where}: key {key!r} is outside the profile")
                _check(item, f"{where}.{key}", depth + 1)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            for index, item in enumerate(value):
                _check(item, f"{where}[{index}]", depth + 1)
        case _:
            raise ValueError(f"{where}: {type(value).__name__} is outside the profile")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is no integer")
