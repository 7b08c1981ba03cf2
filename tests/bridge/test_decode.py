"""Any bytes, cut anywhere: the same readings, the same faults, and an account that closes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_bridge.decode import Decoder
from firmware_bridge.frames import MAX_SEGMENT
from firmware_bridge.readings import Fault, LinkChange, Overflow, RawInput, Reading, SerialChunk
from tests.pages import name_of, reading, vectors

PAGE = "protocol.md"
SOUND = vectors(PAGE, "vectors") + vectors(PAGE, "forward")
DAMAGED = vectors(PAGE, "damaged")
STREAMS = vectors(PAGE, "streams")

UP = LinkChange(t_us=0, up=True, cause="opened")
DOWN = LinkChange(t_us=0, up=False, cause="unplugged")
OVERFLOW = Overflow(t_us=0, dropped_bytes=1, dropped_chunks=1, since_us=0)

RUBBISH = b"\xffrubbish"

quick = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def run(items: list[bytes | RawInput]) -> tuple[list[Reading], dict[str, int]]:
    """Feed it all and finish, with every promise of the decoder checked at every step. Readings, and the account."""
    decoder, readings, fed = Decoder(), list[Reading](), b""
    for item in items:
        raw = SerialChunk(t_us=0, data=item) if isinstance(item, bytes) else item
        readings += decoder.feed(raw)
        fed += raw.data if isinstance(raw, SerialChunk) else b""
        assert 0 <= decoder.held_bytes <= MAX_SEGMENT
        assert accounted(decoder) == len(fed)
    readings += decoder.finish()
    assert decoder.held_bytes == 0
    assert accounted(decoder) == len(fed)
    faults = [reading for reading in readings if isinstance(reading, Fault)]
    assert sum(len(fault.data) for fault in faults) == decoder.rejected_bytes
    end = 0
    for fault in faults:
        assert fault.offset >= end
        end = fault.offset + len(fault.data)
        assert fault.data
        assert fed[fault.offset : end] == fault.data
    account = {"framed": decoder.framed_bytes, "delimiters": decoder.delimiter_bytes}
    return readings, account


def accounted(decoder: Decoder) -> int:
    return decoder.framed_bytes + decoder.rejected_bytes + decoder.delimiter_bytes + decoder.held_bytes


def single(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def messages(readings: list[Reading]) -> list[Reading]:
    return [reading for reading in readings if not isinstance(reading, Fault)]


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", SOUND + DAMAGED, ids=name_of)
def test_a_frame_whole(vector):
    expected = reading(vector.expected, vector.data)
    assert run([vector.data])[0] == [expected]


@pytest.mark.parametrize("vector", SOUND + DAMAGED, ids=name_of)
def test_a_frame_byte_by_byte(vector):
    expected = reading(vector.expected, vector.data)
    decoder = Decoder()
    early = [decoder.feed(SerialChunk(t_us=0, data=byte)) for byte in single(vector.data[:-1])]
    last = decoder.feed(SerialChunk(t_us=0, data=vector.data[-1:]))
    if isinstance(expected, Fault) and expected.kind == "oversize":
        assert early[-1] == [expected]  # rejected as soon as it is too long; the delimiter adds nothing
        early, last = early[:-1], early[-1]
    assert early == [[]] * len(early)
    assert last == [expected]


@pytest.mark.parametrize("vector", SOUND + DAMAGED, ids=name_of)
@pytest.mark.parametrize("cut", [list, single], ids=["whole", "byte by byte"])
def test_a_frame_with_rubbish_before_and_after(vector, cut):
    data = RUBBISH + vector.data + RUBBISH
    middle = reading(vector.expected, vector.data)
    if isinstance(middle, Fault):
        middle = Fault(kind=middle.kind, offset=middle.offset + len(RUBBISH), data=middle.data)
    head = Fault(kind="head", offset=0, data=RUBBISH)
    tail = Fault(kind="tail", offset=len(RUBBISH) + len(vector.data), data=RUBBISH)
    assert run([data] if cut is list else single(data))[0] == [head, middle, tail]


@pytest.mark.parametrize("vector", STREAMS, ids=name_of)
def test_a_stream(vector):
    expected = [reading(values, vector.data) for values in vector.expected]
    whole, account = run([UP, vector.data, DOWN])
    assert whole == expected
    assert run([UP, *single(vector.data), DOWN]) == (whole, account)
    assert run([vector.data])[0] == expected  # finish() ends a stream as the link does


# --- cut anywhere -----------------------------------------------------------------------------------------------------

FRAMES = st.sampled_from([vector.data for vector in SOUND])
PARTS = st.tuples(FRAMES, st.integers(0, 256), st.integers(0, 256)).map(lambda part: part[0][part[1] : part[2]])
GARBAGE = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from([0, 0, 1, 2, 255]), max_size=20).map(bytes),
    st.integers(0, 1200).map(lambda n: b"\x55" * n),
    st.sampled_from([vector.data for vector in DAMAGED]),
    PARTS,
)
ITEMS = st.lists(st.one_of(FRAMES, GARBAGE, st.sampled_from([UP, DOWN, OVERFLOW])), max_size=12)


def joined(items: list[bytes | RawInput]) -> list[bytes | RawInput]:
    """The same with neighbouring bytes in one piece."""
    result: list[bytes | RawInput] = []
    for item in items:
        if isinstance(item, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += item
        else:
            result.append(item)
    return result


@quick
@given(ITEMS, st.data())
def test_any_chunking_gives_the_same_readings_and_the_same_account(items, data):
    whole = run(joined(items))
    pieces: list[bytes | RawInput] = []
    for item in joined(items):
        if isinstance(item, bytes):
            cuts = sorted(data.draw(st.lists(st.integers(0, len(item)), max_size=8)))
            pieces += [item[start:end] for start, end in zip([0, *cuts], [*cuts, len(item)], strict=True)]
        else:
            pieces.append(item)
    bytewise = [one for item in items for one in (single(item) if isinstance(item, bytes) else [item])]
    assert run(pieces) == whole
    assert run(bytewise) == whole


@quick
@given(ITEMS)
def test_every_whole_frame_comes_through_whatever_stands_around_it(items):
    frames = {vector.data: reading(vector.expected, b"") for vector in SOUND}
    found = iter(messages(run(items)[0]))
    for item in items:
        if isinstance(item, bytes) and item in frames:
            assert frames[item] in found  # takes from the iterator up to it: all of them, in order


# --- damage -----------------------------------------------------------------------------------------------------------

BEFORE, AFTER = STREAMS[0].data[: len(STREAMS[0].data) // 2], STREAMS[0].data[len(STREAMS[0].data) // 2 :]
NEIGHBOURS = [reading(values, b"") for values in STREAMS[0].expected]


@pytest.mark.parametrize("vector", SOUND, ids=name_of)
def test_one_wrong_bit_costs_its_frame_and_never_a_neighbour(vector):
    for bit in range(len(vector.data) * 8):
        data = bytearray(vector.data)
        data[bit // 8] ^= 1 << bit % 8
        decoder = Decoder()
        readings = decoder.feed(SerialChunk(t_us=0, data=BEFORE + data + AFTER))
        assert messages(readings) == NEIGHBOURS, bit
        assert len(readings) > 2, bit


@pytest.mark.parametrize("vector", SOUND, ids=name_of)
def test_a_frame_cut_short_costs_itself_alone(vector):
    whole = reading(vector.expected, b"")
    for size in range(2, len(vector.data)):
        readings, _ = run([BEFORE + vector.data[:size] + AFTER])
        lacks_only_its_delimiter = size == len(vector.data) - 1
        expected = [NEIGHBOURS[0], whole, NEIGHBOURS[1]] if lacks_only_its_delimiter else NEIGHBOURS
        assert messages(readings) == expected, size
        assert len(readings) == 3, size


@pytest.mark.parametrize("size", [1, 200, 253, 254, 255, 256, 508, 509, 510, 511, 765, 3000])
@pytest.mark.parametrize("cut", [list, single], ids=["whole", "byte by byte"])
def test_a_run_of_any_length_is_rejected_and_the_next_frame_read(size, cut):
    data = b"\0" + b"\x55" * size + BEFORE
    readings, account = run([data] if cut is list else single(data))
    faults = [reading for reading in readings if isinstance(reading, Fault)]
    pieces = [255] * (size // 255) + ([size % 255] if size % 255 else [])
    assert [len(fault.data) for fault in faults] == pieces
    assert {fault.kind for fault in faults} == ({"oversize"} if size > MAX_SEGMENT else {"cobs"})
    assert messages(readings) == NEIGHBOURS[:1]
    assert account == {"framed": len(BEFORE) - 2, "delimiters": 3}


def test_a_stream_may_start_anywhere():
    data = BEFORE + AFTER
    for start in range(1, len(BEFORE)):
        readings, _ = run([data[start:]])
        if start == 1:
            expected = NEIGHBOURS  # only the first delimiter is missing
        else:
            cut = data[start : len(BEFORE) - 1]
            expected = [Fault(kind="head", offset=0, data=cut)] * bool(cut) + NEIGHBOURS[1:]
        assert readings == expected, start


def test_a_repeated_frame_is_given_twice():
    assert run([BEFORE, BEFORE])[0] == [NEIGHBOURS[0], NEIGHBOURS[0]]


# --- the link ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [UP, DOWN, OVERFLOW], ids=["up", "down", "overflow"])
def test_a_break_ends_the_held_part_and_the_next_part_has_no_head(change):
    first, second = BEFORE[:9], BEFORE[9:]
    decoder = Decoder()
    assert decoder.feed(SerialChunk(t_us=0, data=first)) == []
    assert decoder.held_bytes == 8
    assert decoder.feed(change) == [Fault(kind="tail", offset=1, data=first[1:])]
    assert decoder.held_bytes == 0
    head = Fault(kind="head", offset=9, data=second[:-1])
    assert decoder.feed(SerialChunk(t_us=0, data=second + AFTER)) == [head, NEIGHBOURS[1]]
    assert decoder.feed(change) == []


@pytest.mark.parametrize("change", [UP, DOWN, OVERFLOW], ids=["up", "down", "overflow"])
def test_a_break_ends_an_oversized_run(change):
    readings, _ = run([b"\0" + b"\x55" * 300, change, b"\x55" * 20 + BEFORE])
    faults = [(fault.kind, fault.offset, len(fault.data)) for fault in readings if isinstance(fault, Fault)]
    assert faults == [("oversize", 1, 255), ("oversize", 256, 45), ("head", 301, 20)]
    assert messages(readings) == NEIGHBOURS[:1]


@pytest.mark.parametrize("change", [UP, DOWN, OVERFLOW], ids=["up", "down", "overflow"])
def test_a_frame_cut_by_a_break_is_never_joined(change):
    for size in range(2, len(BEFORE) - 1):
        readings, _ = run([BEFORE[:size], change, BEFORE[size:]])
        assert [getattr(reading, "kind", None) for reading in readings] == ["tail", "head"], size


def test_silence_ends_nothing():
    readings, _ = run([BEFORE[:9], b"", b"", BEFORE[9:]])
    assert readings == NEIGHBOURS[:1]
