"""Canonical JSON: one form for each value of the profile, and nothing else is read."""

import json
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devicelog.canonical import canonical, parse_canonical
from tests.pages import name_of, vectors

PAGE = "record.md"

quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("vector", vectors(PAGE, "canonical"), ids=name_of)
def test_a_value_on_the_page_is_these_bytes_and_back(vector):
    assert canonical(vector.expected) == vector.data
    assert parse_canonical(vector.data) == vector.expected


@pytest.mark.parametrize("vector", vectors(PAGE, "canonical-refused"), ids=name_of)
def test_bytes_that_the_page_refuses_are_refused(vector):
    with pytest.raises(ValueError) as caught:
        parse_canonical(vector.data)
    words = {
        "no floats": "no integer",
        "more than 53 bits": "more than 53 bits",
        "a key twice": "stands twice",
        "key": "outside the profile",
        "control character": "control character",
        "lone surrogate": "lone surrogate",
        "not NFC": "not NFC",
        "not canonical": "not in canonical form",
        "not an object": "not an object",
        "nested too deep": "nested",
        "not UTF-8": "codec",
        "no JSON": "",
    }
    if vector.expected == "no JSON":
        assert isinstance(caught.value, json.JSONDecodeError)
    assert words[vector.expected] in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        float("inf"),
        -0.0,
        2**53,
        -(2**53),
        Decimal(1),
        b"bytes",
        bytearray(b"bytes"),
        {1, 2},
        "\x00",
        "\x1f",
        "\x7f",
        "\n",
        "\ud800",
        "e\u0301",
        "\u212b",
        {"A": 1},
        {1: 1},
        {None: 1},
        {"": 1},
        {"a\n": 1},
        {"k" * 41: 1},
        [[[[[[[[0]]]]]]]],
    ],
    ids=ascii,
)
def test_a_value_outside_the_profile_is_refused_wherever_it_stands(value):
    for whole in ({"a": value}, {"a": {"b": value}}, {"a": [0, value]}):
        with pytest.raises(ValueError):
            canonical(whole)


@pytest.mark.parametrize("depth", [50, 5_000, 200_000])
@pytest.mark.parametrize("opening", [b'{"a":', b"["], ids=ascii)
def test_bytes_nested_however_deep_are_refused_and_do_not_crash(depth, opening):
    with pytest.raises(ValueError):
        parse_canonical(b'{"a":' + opening * depth)
    closing = b"}" if opening[:1] == b"{" else b"]"
    with pytest.raises(ValueError, match=r"nested|deep"):
        parse_canonical(b'{"a":' + opening * depth + b"0" + closing * depth + b"}")


# --- any value --------------------------------------------------------------------------------------------------------


def is_allowed(text: str) -> bool:
    return not any(ord(c) < 0x20 or ord(c) == 0x7F for c in text)


KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True) | st.sampled_from(["a", "a0", "a_", "aa", "b"])
TEXT = st.text(max_size=12).map(lambda text: unicodedata.normalize("NFC", text)).filter(is_allowed)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)


def depth_of(value: object) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max((1 + depth_of(item) for item in inner), default=0)


@quick
@given(OBJECTS)
def test_the_form_is_what_the_standard_library_writes_and_is_read_back(value):
    if depth_of(value) > 8:
        with pytest.raises(ValueError, match="nested"):
            canonical(value)
        return
    data = canonical(value)
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data == plain.encode()
    again = parse_canonical(data)
    assert again == value
    assert repr(again) == repr(json.loads(plain))  # == alone would let 1 pass for True


@quick
@given(OBJECTS.filter(lambda value: depth_of(value) <= 8), st.data())
def test_no_other_bytes_are_read_as_the_same_value(value, data):
    written = bytearray(canonical(value))
    at = data.draw(st.integers(0, len(written) - 1))
    match data.draw(st.sampled_from(["change", "insert", "delete"])):
        case "change":
            written[at] ^= data.draw(st.integers(1, 255))
        case "insert":
            written.insert(at, data.draw(st.sampled_from(list(b' \n0",:{}[]a\\'))))
        case _:
            del written[at]
    try:
        read = parse_canonical(bytes(written))
    except ValueError:
        return
    assert canonical(read) == bytes(written)
    assert repr(read) != repr(parse_canonical(canonical(value)))
