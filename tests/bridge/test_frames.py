"""One frame in, one message out, and back: against the vectors of docs/protocol.md, and for any values."""

import shutil
import struct
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from cobs import cobs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_bridge import frames
from firmware_bridge.frames import MAX_PAYLOAD, MAX_SEGMENT, MAX_TEXT, encode, frame, parse, payload_of
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, PenEvent, SampleBlock, Unknown
from tests.pages import block, cells, name_of, reading, vectors

PAGE = "protocol.md"
FRAMES = vectors(PAGE, "vectors")
FORWARD = vectors(PAGE, "forward")
DAMAGED = vectors(PAGE, "damaged")

quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", FRAMES, ids=name_of)
def test_a_message_is_encoded_to_the_bytes_on_the_page(vector):
    assert encode(reading(vector.expected, vector.data)) == vector.data


@pytest.mark.parametrize("vector", FRAMES + FORWARD, ids=name_of)
def test_the_bytes_on_the_page_are_read_as_the_message(vector):
    expected = reading(vector.expected, vector.data)
    message = parse(vector.data[1:-1])
    assert message == expected
    assert repr(message) == repr(expected)  # == alone would let 1 pass for True, and a tuple for a block


@pytest.mark.parametrize("vector", [v for v in DAMAGED if v.expected["kind"] != "oversize"], ids=name_of)
def test_a_damaged_frame_is_named_by_its_damage(vector):
    assert parse(vector.data[1:-1]) == vector.expected["kind"]


@pytest.mark.parametrize("vector", FRAMES + FORWARD, ids=name_of)
def test_a_payload_comes_off_its_frame(vector):
    payload = payload_of(vector.data[1:-1])
    assert payload is not None
    assert frame(payload) == vector.data


@pytest.mark.parametrize("vector", [v for v in DAMAGED if v.expected["kind"] in ("cobs", "crc")], ids=name_of)
def test_a_damaged_frame_has_no_payload(vector):
    assert payload_of(vector.data[1:-1]) is None


def test_the_examples_on_the_page_are_vectors():
    named = {vector.name: vector.data for vector in FRAMES}
    assert bytes.fromhex(block(PAGE, "hex", "## An example")) == named["samples"]
    assert bytes.fromhex(block(PAGE, "hex", "### Identity request (16)")) == named["identity_request"]


def test_the_tables_on_the_page_say_what_the_code_does():
    flags = {int(row[0]): int(row[1], 16) for row in cells(PAGE, "### Flags") if row[0].isdigit()}
    assert flags == {
        2: frames.F_MOTOR,
        3: frames.F_DEPTH,
        4: frames.F_RAW,
        5: frames.F_FREQUENCY,
        6: frames.F_CONTACT,
        7: frames.F_SET,
        8: frames.F_PASSES,
        9: frames.F_STROKES,
    }
    assert {row[1]: int(row[0]) for row in cells(PAGE, "## Messages")} == {
        "samples": frames.SAMPLES,
        "heartbeat": frames.HEARTBEAT,
        "event": frames.EVENT,
        "identity": frames.IDENTITY,
        "identity request": frames.IDENTITY_REQUEST,
    }
    assert {int(row[0]): row[1] for row in cells(PAGE, "### Event codes")} == frames.EVENTS
    limits = [int(row[1].split()[0]) for row in cells(PAGE, "## Limits")]
    assert limits == [MAX_PAYLOAD, MAX_SEGMENT, MAX_TEXT, MAX_PAYLOAD - frames._BLOCK.size]


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_c_encoder_on_the_page_makes_the_same_frames(tmp_path):
    main = """
    #include <stdint.h>
    #include <stdio.h>
    %s
    int main(void)
    {
        uint8_t payload[255], out[256];
        int n;
        while ((n = getchar()) != EOF) {
            if (fread(payload, 1, (size_t)n, stdin) != (size_t)n) return 1;
            size_t size = pen_frame(payload, (size_t)n, out);
            fwrite(out, 1, size, stdout);
        }
        return 0;
    }
    """
    (tmp_path / "pen.c").write_text(main % block(PAGE, "c"))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"]
    subprocess.run(["cc", *flags, "-o", tmp_path / "pen", tmp_path / "pen.c"], check=True, timeout=60)
    payloads = [*(frames._payload(reading(vector.expected, b"")) for vector in FRAMES), bytes(249), b"\xaa" * 249]
    told = b"".join(bytes([len(payload)]) + payload for payload in payloads)
    made = subprocess.run([tmp_path / "pen"], input=told, capture_output=True, check=True, timeout=60).stdout
    assert made == b"".join(frame(payload) for payload in payloads)


# --- any values -------------------------------------------------------------------------------------------------------


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


HEAD = {
    "mode": st.sampled_from(["real", "test", "demo"]),
    "motor_on": st.booleans(),
    "boot": unsigned(16),
    "seq": unsigned(32),
    "t_us": unsigned(32),
}
SLOW = {"depth_set_um": maybe(unsigned(16)), "passes": maybe(unsigned(32)), "strokes": maybe(unsigned(32))}
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=MAX_TEXT)
TEXTS = dict.fromkeys(("model", "serial", "firmware", "calibration_id", "cartridge"), TEXT)


@st.composite
def sample_blocks(draw: st.DrawFn) -> SampleBlock:
    widths = {
        "depth_um": (2, st.integers(-(2**15), 2**15 - 1)),
        "raw_count": (2, unsigned(16)),
        "frequency_dhz": (2, unsigned(16)),
    }
    present = [name for name in widths if draw(st.booleans())]
    contact = draw(st.booleans())
    room = MAX_PAYLOAD - 27
    most = max(n for n in range(1, 256) if 2 * n * len(present) + contact * -(-n // 8) <= room)
    n = draw(st.integers(1, most) | st.just(most))
    columns: dict[str, Any] = dict.fromkeys((*widths, "contact_bits"))
    for name in present:
        columns[name] = tuple(draw(st.lists(widths[name][1], min_size=n, max_size=n)))
    if contact:
        columns["contact_bits"] = draw(unsigned(n))
    fields = draw(st.fixed_dictionaries({**HEAD, **SLOW, "period_us": st.integers(1, 2**16 - 1)}))
    return SampleBlock(n=n, **fields, **columns)


MESSAGES = st.one_of(
    sample_blocks(),
    st.builds(Heartbeat, **HEAD, **SLOW, trailing_bytes=st.just(0)),
    st.builds(PenEvent, **HEAD, code=unsigned(8), value=unsigned(32), trailing_bytes=st.just(0)),
    st.builds(
        Identity, **HEAD, **TEXTS, protocol_major=st.just(1), protocol_minor=st.just(0), trailing_bytes=st.just(0)
    ),
    st.just(IdentityRequest()),
)


@quick
@given(MESSAGES)
def test_every_message_comes_back_as_it_was(message):
    framed = encode(message)
    assert framed[:1] == framed[-1:] == b"\0"
    assert 0 not in framed[1:-1]
    assert len(framed[1:-1]) <= MAX_SEGMENT
    assert parse(framed[1:-1]) == message


@quick
@given(MESSAGES, st.integers(1, 15), st.binary(min_size=1, max_size=40))
def test_a_later_minor_version_is_read_and_what_it_adds_is_counted(message, minor, more):
    payload = bytearray(frames._payload(message) + more)[:MAX_PAYLOAD]
    payload[0] = frames.PROTOCOL_MAJOR << 4 | minor
    added = len(payload) - len(frames._payload(message))
    expected = message._replace if isinstance(message, SampleBlock) else lambda **v: replace(message, **v)
    later = {"protocol_minor": minor} if isinstance(message, Identity) else {}
    assert parse(frame(bytes(payload))[1:-1]) == expected(trailing_bytes=added, **later)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Fourteen bytes and more that pass the CRC; often of a kind we read."""
    version = draw(st.sampled_from([0x10, 0x11]) | unsigned(8))
    kind = draw(st.sampled_from([1, 2, 3, 4, 16]) | unsigned(8))
    return bytes([version, kind]) + draw(st.binary(min_size=12, max_size=MAX_PAYLOAD - 2))


@quick
@given(payloads())
def test_any_sound_payload_is_a_message_or_malformed_and_never_an_exception(payload):
    message = parse(frame(payload)[1:-1])
    if message == "malformed":
        assert payload[0] >> 4 == 1
        assert payload[1] in (1, 2, 3, 4)
    elif isinstance(message, Unknown):
        assert (message.major, message.kind, message.n_bytes) == (payload[0] >> 4, payload[1], len(payload))
        assert message.major != 1 or message.kind not in (1, 2, 3, 4, 16)
    else:
        again = parse(encode(message)[1:-1])
        known = len(frames._payload(message))
        assert known + message.trailing_bytes == len(payload)
        if isinstance(message, SampleBlock):
            assert again == message._replace(trailing_bytes=0)
        else:
            minor = {"protocol_minor": 0} if isinstance(message, Identity) else {}
            assert again == replace(message, trailing_bytes=0, **minor)


@quick
@given(st.binary(min_size=1, max_size=MAX_SEGMENT).map(lambda data: data.replace(b"\0", b"\x01")))
def test_any_other_run_of_bytes_is_damage(run):
    assert parse(run) in ("cobs", "crc")


@st.composite
def runs(draw: st.DrawFn) -> bytes:
    """What can stand between two delimiters: COBS of something, a few bytes of it changed, or anything."""
    run = bytearray(draw(st.one_of(st.binary(max_size=253).map(cobs.encode), st.binary(max_size=MAX_SEGMENT))))
    for at in draw(st.lists(st.integers(0, 253), max_size=3)):
        if at < len(run):
            run[at] = draw(st.integers(1, 255))
    return bytes(run[:MAX_SEGMENT]).replace(b"\0", b"\x01")


@settings(deadline=None, max_examples=1000)
@given(runs())
def test_the_stuffing_comes_off_as_with_the_library(run):
    try:
        expected = cobs.decode(run)
    except cobs.DecodeError:
        expected = None
    assert frames._unstuffed(run) == expected


@pytest.mark.parametrize("run", [b"\x01\0", b"\0", b"\x02\0\x01", b"\x01" * (MAX_SEGMENT + 1)])
def test_what_no_decoder_finds_between_delimiters_is_damage_too(run):
    assert parse(run) == "cobs"


# --- what no frame can say --------------------------------------------------------------------------------------------

BLOCK = SampleBlock("real", True, 7, 1000, 5_000_000, 1500, 12, 34567, 2000, 2, (1, 2), (3, 4), (5, 6), 0b11)
IDENTITY = Identity(
    mode="real",
    motor_on=False,
    boot=7,
    seq=0,
    t_us=0,
    protocol_major=1,
    protocol_minor=0,
    model="REF-1",
    serial="",
    firmware="",
    calibration_id="",
    cartridge="",
)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 0, "depth_um": (), "raw_count": (), "frequency_dhz": (), "contact_bits": 0},
        {"period_us": 0},
        {"period_us": 65536},
        {"contact_bits": 0b100},
        {"contact_bits": 2**40},
        {"depth_um": (1,)},
        {"depth_um": (1, 32768)},
        {"depth_um": (1, -32769)},
        {"raw_count": (-1, 0)},
        {"boot": 65536},
        {"seq": 2**32},
        {"t_us": -1},
        {"depth_set_um": 65536},
        {"passes": 2**32},
        {"mode": "real?"},
    ],
    ids=str,
)
def test_a_block_that_does_not_fit_its_fields_is_refused(change):
    encode(BLOCK)
    with pytest.raises((ValueError, struct.error)):
        encode(BLOCK._replace(**change))


@pytest.mark.parametrize("text", ["M" * 33, "é", "REF\n1", "\x7f"], ids=ascii)
def test_an_identity_text_that_no_reader_takes_is_refused(text):
    encode(IDENTITY)
    with pytest.raises(ValueError):
        encode(replace(IDENTITY, model=text))


@pytest.mark.parametrize(
    ("columns", "most"),
    [
        (("depth_um",), 111),
        (("depth_um", "contact_bits"), 104),
        (("depth_um", "frequency_dhz", "contact_bits"), 53),
        (("depth_um", "raw_count", "frequency_dhz", "contact_bits"), 36),
        (("contact_bits",), 255),
        ((), 255),
    ],
)
def test_as_many_samples_fit_as_the_page_says(columns, most):
    def block_of(n: int) -> SampleBlock:
        absent = dict.fromkeys(("depth_um", "raw_count", "frequency_dhz", "contact_bits"))
        values = {name: 2**n - 1 if name == "contact_bits" else tuple(range(n)) for name in columns}
        return BLOCK._replace(n=n, **{**absent, **values})

    assert parse(encode(block_of(most))[1:-1]) == block_of(most)
    with pytest.raises((ValueError, struct.error)):
        encode(block_of(most + 1))


def test_a_payload_has_249_bytes_and_no_more():
    assert len(frame(b"\xaa" * 249)) == MAX_SEGMENT + 2
    with pytest.raises(ValueError, match="250"):
        frame(b"\xaa" * 250)


def test_an_unknown_message_cannot_be_sent():
    with pytest.raises(TypeError, match="Unknown"):
        encode(Unknown(major=1, kind=99, n_bytes=14))
