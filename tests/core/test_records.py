"""Evidence records and chunks: against the vectors of docs/record.md, for any values, and damaged in every byte."""

import re
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devicelog.canonical import canonical
from devicelog.records import (
    KIND_NAMES,
    MAX_BODY,
    SERIAL,
    TICK,
    Chunk,
    Clock,
    End,
    Mark,
    Record,
    Stall,
    item_of,
    record_of,
)
from firmware_bridge.readings import AdcSample, Edge, LinkChange, Overflow, SensorBatch, SerialChunk
from tests.pages import cells, name_of, vectors

PAGE = "record.md"
CHUNKS = vectors(PAGE, "chunks")
HEAD = 37
T_US = 86_400_000_000

CLASSES: dict[str, type[Any]] = {
    "link": LinkChange,
    "overflow": Overflow,
    "clock": Clock,
    "mark": Mark,
    "stall": Stall,
    "end": End,
}
NUMBERS = {name: number for number, name in KIND_NAMES.items()}

quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


# --- records ----------------------------------------------------------------------------------------------------------


def item_on_the_page(expected: dict[str, Any], data: bytes) -> Any:
    if expected["kind"] == "tick":
        return None
    if expected["kind"] == "serial":
        return SerialChunk(t_us=T_US, data=data)
    if expected["kind"] == "sensors":
        body = dict(expected["body"])
        edges = [Edge(line, level, T_US - age_us) for line, level, age_us in body.pop("edges")]
        adc = [AdcSample(channel, value, T_US - age_us) for channel, value, age_us in body.pop("adc")]
        return SensorBatch(t_us=T_US, edges=tuple(edges), adc=tuple(adc), **body)
    stamp = {"t_us": T_US} if expected["kind"] in ("link", "overflow") else {}
    return CLASSES[expected["kind"]](**expected["body"], **stamp)


@pytest.mark.parametrize("vector", vectors(PAGE, "records"), ids=name_of)
def test_a_record_on_the_page_has_this_body_and_says_this(vector):
    record = Record(3, T_US, NUMBERS[vector.expected["kind"]], vector.data)
    item = item_on_the_page(vector.expected, vector.data)
    assert record_of(3, T_US, item) == record
    assert item_of(record) == item
    assert repr(item_of(record)) == repr(item)  # == alone would let 1 pass for True


def test_the_page_has_a_vector_of_every_kind():
    assert {vector.expected["kind"] for vector in vectors(PAGE, "records")} == set(NUMBERS)
    assert {row[1]: int(row[0]) for row in cells(PAGE, "## Kinds")} == NUMBERS


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_the_page_explains_every_key(kind):
    fields = [name for name in CLASSES[kind].__slots__ if name != "t_us"]
    assert sorted(row[0] for row in cells(PAGE, f"### {kind}")) == sorted(fields)


@pytest.mark.parametrize("vector", vectors(PAGE, "records-refused"), ids=name_of)
def test_a_body_that_the_page_refuses_is_refused(vector):
    with pytest.raises(ValueError):
        item_of(Record(3, T_US, NUMBERS[vector.expected["kind"]], vector.data))


@pytest.mark.parametrize("kind", [0, 10, 200, 255])
def test_a_kind_of_a_later_version_is_kept_and_passed_over(kind):
    record = Record(0, T_US, kind, b"\x00later\xff")
    chunk = Chunk.parse(Chunk.of("s-7k3m9q2xwd", [record]).data)
    assert chunk.records == (record,)
    assert item_of(record) is None


def test_a_body_has_at_most_65535_bytes():
    longest = SerialChunk(t_us=T_US, data=b"\xaa" * MAX_BODY)
    record = record_of(0, T_US, longest)
    assert item_of(Chunk.parse(Chunk.of("s-7k3m9q2xwd", [record]).data).records[0]) == longest
    with pytest.raises(ValueError, match="65536"):
        record_of(0, T_US, replace(longest, data=longest.data + b"\0"))
    with pytest.raises(ValueError, match="mark"):
        record_of(0, T_US, Mark(kind="zone", actor="a", zone="z" * MAX_BODY))


@pytest.mark.parametrize("item", [End(cause="\n", bytes_read=0), End(cause="", bytes_read=2**53)], ids=str)
def test_an_item_outside_the_canonical_profile_is_refused(item):
    with pytest.raises(ValueError):
        record_of(0, T_US, item)


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["zone", "synced", "cheek.left", ""])
FIELDS = sorted({name for cls in CLASSES.values() for name in cls.__slots__} | {"extra"})
BODIES = st.binary(max_size=30) | st.dictionaries(st.sampled_from(FIELDS), SCALARS, max_size=5).map(canonical)


@st.composite
def near_bodies(draw: st.DrawFn) -> tuple[int, bytes]:
    """A body with the right keys and often the right types."""
    name = draw(st.sampled_from(sorted(CLASSES)))
    fields = [field for field in CLASSES[name].__slots__ if field != "t_us"]
    return NUMBERS[name], canonical({field: draw(SCALARS) for field in fields if draw(st.integers(0, 9))})


@quick
@given(near_bodies() | st.tuples(st.integers(1, 255), BODIES))
def test_any_body_is_refused_or_means_exactly_its_bytes(body):
    record = Record(7, T_US, *body)
    try:
        item = item_of(record)
    except ValueError:
        return
    if item is None:
        assert record.kind not in KIND_NAMES or record == Record(7, T_US, TICK, b"")
    else:
        assert record_of(7, T_US, item) == record


# --- chunks -----------------------------------------------------------------------------------------------------------


def records_on_the_page(expected: dict[str, Any]) -> list[Record]:
    stamped = enumerate(expected["records"], expected["first"])
    return [Record(number, t_us, kind, bytes.fromhex(body)) for number, (t_us, kind, body) in stamped]


@pytest.mark.parametrize("vector", CHUNKS, ids=name_of)
def test_a_chunk_on_the_page_has_these_bytes_and_this_leaf(vector):
    records = records_on_the_page(vector.expected)
    chunk = Chunk.of(vector.expected["stream"], records)
    assert chunk.data == vector.data
    assert Chunk.parse(vector.data) == chunk
    assert chunk.records == tuple(records)
    assert sha256(b"\0" + vector.data).hexdigest() == vector.expected["leaf"]


@pytest.mark.parametrize("vector", vectors(PAGE, "chunks-refused"), ids=name_of)
def test_bytes_that_the_page_calls_no_chunk_are_refused(vector):
    with pytest.raises(ValueError):
        Chunk.parse(vector.data)


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


@pytest.mark.parametrize("vector", vectors(PAGE, "trees"), ids=name_of)
def test_a_tree_on_the_page_has_this_root(vector):
    assert [chunk.expected["leaf"] for chunk in CHUNKS[: int(vector.name)]] == vector.expected
    assert root_of([bytes.fromhex(leaf) for leaf in vector.expected]) == vector.data


@st.composite
def chunks(draw: st.DrawFn) -> tuple[str, list[Record]]:
    kinds, delta = st.integers(0, 255), st.integers(-(2**31) + 1, 2**31 - 1)
    rows = draw(st.lists(st.tuples(delta, kinds, st.binary(max_size=40)), min_size=1, max_size=12))
    number, t_us = draw(st.integers(0, 2**64 - 20)), draw(st.integers(2**40, 2**63))
    records = [Record(number, t_us, *rows[0][1:])]
    for delta_us, kind, body in rows[1:]:
        last = records[-1]
        records.append(Record(last.number + 1, last.t_us + delta_us, kind, body))
    return draw(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=12)), records


@quick
@given(chunks())
def test_every_chunk_comes_back_as_it_was(made):
    stream, records = made
    chunk = Chunk.of(stream, records)
    assert Chunk.parse(chunk.data) == chunk
    assert (chunk.stream, list(chunk.records)) == made
    assert len(chunk.data) == HEAD + sum(7 + len(record.body) for record in records)


@pytest.mark.parametrize("vector", CHUNKS, ids=name_of)
def test_a_chunk_cut_anywhere_is_refused(vector):
    for size in range(len(vector.data)):
        with pytest.raises(ValueError):
            Chunk.parse(vector.data[:size])


@pytest.mark.parametrize("vector", CHUNKS, ids=name_of)
def test_no_byte_of_head_and_columns_changes_unnoticed(vector):
    """Refused, or read as something else: and what is read is written back to exactly the changed bytes."""
    chunk = Chunk.parse(vector.data)
    for at in range(HEAD + 7 * len(chunk.records)):
        for change in range(1, 256):
            data = bytearray(vector.data)
            data[at] ^= change
            try:
                read = Chunk.parse(bytes(data))
            except ValueError:
                continue
            assert (read.stream, read.records) != (chunk.stream, chunk.records), (at, change)
            assert Chunk.of(read.stream, read.records).data == data, (at, change)


@quick
@given(st.binary(max_size=200) | st.binary(max_size=120).map(lambda tail: CHUNKS[0].data[:29] + tail))
def test_any_bytes_are_refused_or_are_exactly_one_chunk(data):
    try:
        chunk = Chunk.parse(data)
    except ValueError:
        return
    assert Chunk.of(chunk.stream, chunk.records).data == data


# --- what no chunk can hold -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "numbers", "stamps", "message"),
    [
        ("s-7k3m9q2xwd", [], [], "one at least"),
        ("s-7k3m9q2xwd", [0, 2], [0, 0], "consecutively"),
        ("s-7k3m9q2xwd", [1, 0], [0, 0], "consecutively"),
        ("s-7k3m9q2xwd", [0, 0], [0, 0], "consecutively"),
        ("s-7k3m9q2xwd", [0, 1], [0, 2**31], "35 minutes"),
        ("s-7k3m9q2xwd", [0, 1], [2**31, 0], "35 minutes"),
        ("s-7k3m9q2xw", [0], [0], "12 characters"),
        ("s-7k3m9q2xwdd", [0], [0], "12 characters"),
        ("", [0], [0], "12 characters"),
        ("s-7k3m9q2xwé", [0], [0], "ascii"),
    ],
)
def test_records_that_are_no_chunk_are_refused(stream, numbers, stamps, message):
    records = [Record(number, t_us, SERIAL, b"") for number, t_us in zip(numbers, stamps, strict=True)]
    with pytest.raises(ValueError, match=re.escape(message)):
        Chunk.of(stream, records)
