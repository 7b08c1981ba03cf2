"""Canonical bytes: RFC 8785 JSON under a stricter profile, so that a hash never depends on who wrote it.

The profile: objects with keys `[a-z][a-z0-9_]{0,39}`, at most 8 deep; strings in NFC without control characters;
integers of at most 53 bits; booleans; null. No floats: the unit is in the key (`depth_um`). What was stored is hashed
as stored; nothing is ever serialised again in order to be hashed.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import rfc8785

Json = dict[str, Any]

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MAX_DEPTH = 8
_MAX_INTEGER = 2**53 - 1
_MAX_DIGITS = 17  # with a sign
_WORTH_A_LOOK = (b"\\", b"\x7f")  # an escape, and the one control character that needs none


def canonical(value: Mapping[str, Any]) -> bytes:
    """The canonical bytes of an object. Raises ValueError when it is outside the profile; that is our mistake."""
    _check(value, "$", 0)
    return rfc8785.dumps(dict(value))


def parse_canonical(data: bytes) -> Json:
    """Read canonical bytes. Raises ValueError when they are not the canonical bytes of an object in the profile."""
    try:
        value = _decode(data.decode(json.detect_encoding(data), "surrogatepass"))  # what is no UTF-8 is refused below
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    # Most bytes show at a glance that nothing in them has to be looked at one by one; a ledger of a hundred thousand
    # entries would be read for half a minute. Keys and numbers were looked at while they were read.
    if not data.isascii() or any(each in data for each in _WORTH_A_LOOK) or _nests(data) > _MAX_DEPTH:
        _check(value, "$", 0)
    if _encode(value).encode("utf-8", "surrogatepass") != data:
        raise ValueError("not in canonical form")
    return value


def _nests(data: bytes) -> int:
    """How deep it is at most."""
    return data.count(b"{") + data.count(b"[")


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


def _in_profile(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    for key in value:
        if not _is_key(key):
            raise ValueError(f"key {key!r} is outside the profile")
    return value


@lru_cache(maxsize=1024)
def _is_key(text: str) -> bool:
    return _KEY.match(text) is not None


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or abs(int(text)) > _MAX_INTEGER:
        raise ValueError(f"{text[:40]} is more than 53 bits")
    return int(text)


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is no integer")


_decode = json.JSONDecoder(
    object_pairs_hook=_in_profile, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
).decode
# What RFC 8785 gives for a value of the profile: keys are ASCII, numbers are integers, and no text has to be escaped in
# more than one way. An implementation other than the one that writes, so that both have to agree.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode
