"""`pen_frames.h` on this machine, under every sanitizer, against the Python codec and the vectors of the page."""

import random
import re
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode, frame, parse
from firmware_bridge.readings import Identity, IdentityRequest, Message, SampleBlock
from tests.bridge.test_frames import MESSAGES
from tests.firmware.header import Header
from tests.firmware.toolchain import FIRMWARE, WARNINGS, built_header, need, run
from tests.pages import DOCS, name_of, reading, vectors

PAGE = "protocol.md"
FRAMES = vectors(PAGE, "vectors")
FORWARD = vectors(PAGE, "forward")
DAMAGED = vectors(PAGE, "damaged")

thorough = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

REQUEST = encode(IdentityRequest())
IDENTITY = Identity(
    mode="test",
    motor_on=False,
    boot=1,
    seq=0,
    t_us=0,
    protocol_major=1,
    protocol_minor=0,
    model="M",
    serial="S",
    firmware="1",
    calibration_id="",
    cartridge="",
)
BLOCK = SampleBlock("real", True, 7, 1000, 5_000_000, 1500, 12, 34567, 2000, 2, (-40, 730), None, (1000, 1001), 0b10)


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Header]:
    with Header(built_header(tmp_path_factory)) as header:
        yield header


# --- it writes what Python writes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", FRAMES, ids=name_of)
def test_the_bytes_on_the_page(header: Header, vector) -> None:
    assert header.encode(reading(vector.expected, vector.data)) == vector.data


@thorough
@given(MESSAGES)
def test_any_message_is_the_bytes_that_python_makes_and_python_reads_it_as_it_was(
    header: Header, message: Message
) -> None:
    made = header.encode(message)
    assert made == encode(message)
    assert parse(made[1:-1]) == message


@thorough
@given(MESSAGES, st.data())
def test_a_buffer_that_is_too_small_gets_nothing_beyond_its_end(
    header: Header, message: Message, data: st.DataObject
) -> None:
    length = len(encode(message))
    room = data.draw(st.integers(0, length + 2))
    assert header.encode(message, room) == (encode(message) if room >= length else b"")


def test_a_buffer_of_every_size_up_to_the_longest_frame(header: Header) -> None:
    longest = BLOCK._replace(n=111, depth_um=(-1,) * 111, frequency_dhz=None, contact_bits=None)
    whole = encode(longest)
    assert len(whole) == 256
    for room in range(257):
        assert header.encode(longest, room) == (whole if room == 256 else b""), room


# --- what cannot be said is not sent ----------------------------------------------------------------------------------

IMPOSSIBLE = {
    "no sample": BLOCK._replace(n=0, depth_um=(), frequency_dhz=(), contact_bits=0),
    "no period": BLOCK._replace(period_us=0),
    "columns of 224 bytes": BLOCK._replace(n=112, depth_um=(1,) * 112, frequency_dhz=None, contact_bits=None),
    "columns of 1,562 bytes": BLOCK._replace(
        n=255, depth_um=(1,) * 255, raw_count=(1,) * 255, frequency_dhz=(1,) * 255, contact_bits=1
    ),
}
BAD_TEXTS = {"33 characters": "x" * 33, "a line feed": "a\nb", "DEL": "\x7f", "beyond ASCII": "caf\xe9"}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_samples_that_there_cannot_be_are_no_frame(header: Header, name: str) -> None:
    assert header.encode(IMPOSSIBLE[name], 4096) == b""


@pytest.mark.parametrize("field", ["model", "serial", "firmware", "calibration_id", "cartridge"])
@pytest.mark.parametrize("name", BAD_TEXTS)
def test_an_identity_text_that_there_cannot_be_is_no_frame(header: Header, name: str, field: str) -> None:
    assert header.encode(replace(IDENTITY, **{field: BAD_TEXTS[name]}), 4096) == b""


@pytest.mark.parametrize("mode", [3, 4, 255])
def test_a_mode_that_there_is_not_is_no_frame(header: Header, mode: int) -> None:
    question = struct.pack("<BHBBHIIHHII", 2, 256, mode, 0, 0, 0, 0, 0, 0, 0, 0)
    assert header._ask(question) == b""


# --- what a pen hears -------------------------------------------------------------------------------------------------


def heard_by_python(data: bytes) -> int:
    return sum(isinstance(item, IdentityRequest) for item in Decoder().feed_bytes(data))


@pytest.mark.parametrize("vector", FRAMES + FORWARD + DAMAGED, ids=name_of)
def test_a_pen_hears_a_request_where_the_page_says_there_is_one(header: Header, vector) -> None:
    assert header.requests_heard(vector.data) == heard_by_python(vector.data)
    assert header.requests_heard(vector.data + REQUEST) == heard_by_python(vector.data + REQUEST)


def test_the_vectors_hold_requests_and_other_things(header: Header) -> None:
    heard = [header.requests_heard(vector.data) for vector in FRAMES + FORWARD + DAMAGED]
    assert {0, 1} == set(heard)


@thorough
@given(MESSAGES, st.binary(max_size=300))
def test_what_is_not_a_request_is_ignored(header: Header, message: Message, noise: bytes) -> None:
    data = noise + encode(message) + noise + REQUEST
    assert header.requests_heard(data) == heard_by_python(data) >= 1


def test_a_request_with_one_wrong_bit_is_none(header: Header) -> None:
    for bit in range(8 * len(REQUEST)):
        data = bytearray(REQUEST)
        data[bit // 8] ^= 1 << bit % 8
        assert (header.requests_heard(bytes(data)), heard_by_python(bytes(data))) == (0, 0), bit


def test_damage_of_every_kind_is_heard_as_python_hears_it(header: Header) -> None:
    """A seeded storm of requests and other things, cut, changed and lengthened."""
    chance = random.Random(328)
    found = 0
    for _ in range(60):
        data = b"".join(_damaged(chance) for _ in range(50))
        expected = heard_by_python(data)
        assert header.requests_heard(data) == expected & 0xFF, data.hex()
        found += expected
    assert 200 < found < 2000, "neither all nor none"


def _damaged(chance: random.Random) -> bytes:
    later = bytes([0x10 | chance.randrange(16), 16]) + bytes(12) + chance.randbytes(chance.randrange(60))
    data = bytearray(chance.choice((REQUEST, frame(later), encode(IDENTITY), chance.randbytes(chance.randrange(700)))))
    for _ in range(chance.choice((0, 0, 1, 3))):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[chance.choice((0, 0, 1, 5)) : len(data) - chance.choice((0, 0, 1, 5))])


# --- as it is included elsewhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("compiler", "standard"), [("gcc", "c99"), ("gcc", "c17"), ("g++", "c++11"), ("g++", "c++20")])
def test_it_compiles_alone_without_a_warning(tmp_path: Path, compiler: str, standard: str) -> None:
    need(compiler)
    source = tmp_path / ("pen.c" if compiler == "gcc" else "pen.cpp")
    source.write_text('#include "pen_frames.h"\n#include "pen_frames.h"\n')
    run(compiler, f"-std={standard}", *WARNINGS, "-I", FIRMWARE, "-c", source, "-o", tmp_path / "pen.o")


def test_it_needs_no_library_and_no_memory_of_its_own(tmp_path: Path) -> None:
    need("gcc", "nm")
    source = tmp_path / "pen.c"
    source.write_text(
        '#include "pen_frames.h"\n'
        "size_t f(uint8_t *o, size_t n, const struct pen_head *h, const struct pen_slow *s,\n"
        "         const struct pen_columns *c, const struct pen_identity_texts *t, struct pen_ear *e)\n"
        "{ return pen_samples(o, n, h, s, c) + pen_heartbeat(o, n, h, s) + pen_event(o, n, h, 1, 2)\n"
        "  + pen_identity(o, n, h, t) + pen_identity_request(o, n) + (size_t)pen_hears(e, o[0]); }\n"
    )
    flags = ("-std=c99", "-O1", "-ffreestanding", "-fno-stack-protector", "-fno-pic")
    run("gcc", *flags, "-I", FIRMWARE, "-c", source, "-o", tmp_path / "pen.o")
    symbols = [line.split()[-2:] for line in run("nm", tmp_path / "pen.o").splitlines()]
    assert {kind for kind, _ in symbols} <= {"T", "t"}, "no undefined symbol, no data"
    text = (FIRMWARE / "pen_frames.h").read_text("utf-8")
    assert re.findall(r"#include (\S+)", text) == ["<stddef.h>", "<stdint.h>"]
    assert "SPDX-License-Identifier: MIT-0" in text


def test_the_example_of_the_page_prints_the_frames_that_it_says(tmp_path: Path) -> None:
    need("gcc")
    page = (DOCS / "firmware.md").read_text("utf-8")
    (source,) = re.findall(r"^```c\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "pen.c").write_text(source)
    run("gcc", "-std=c99", *WARNINGS, "-I", FIRMWARE, "-o", tmp_path / "pen", tmp_path / "pen.c")
    sent = subprocess.run([tmp_path / "pen"], capture_output=True, check=True, timeout=60).stdout
    (shown,) = re.findall(r"^```hex\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert sent.hex(" ").split() == shown.split()
    decoder = Decoder()
    identity, block = decoder.feed_bytes(sent)
    assert isinstance(identity, Identity)
    assert (identity.model, identity.mode) == ("My pen", "test")
    assert isinstance(block, SampleBlock)
    assert (block.depth_set_um, block.frequency_dhz, block.contact_bits) == (1500, (1000, 1001, 1001, 1000), 0b1110)
    assert decoder.framed_bytes + decoder.delimiter_bytes == len(sent)
