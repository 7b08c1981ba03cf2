"""Lines of text, cut anywhere: the same readings, the same faults, an account that closes, and nothing half used."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_bridge.checksums import CHECKSUMS
from firmware_bridge.line_format import LineFormat
from firmware_bridge.line_reader import Bad, Ignored, LineReader, PassLine, Sample
from firmware_bridge.lines import LineDecoder
from firmware_bridge.pace import Pace
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import (
    Fault,
    Heartbeat,
    Identity,
    LinkChange,
    Overflow,
    RawInput,
    Reading,
    SampleBlock,
    SensorBatch,
    SerialChunk,
    Unknown,
)
from tests.examples import EXAMPLES, capture_of, profile_of, values_of
from tests.pages import DOCS, section

UP = LinkChange(t_us=0, up=True, cause="opened")
DOWN = LinkChange(t_us=0, up=False, cause="unplugged")
OVERFLOW = Overflow(t_us=0, dropped_bytes=1, dropped_chunks=1, since_us=0)

PERIOD_US = 10_000
quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def lines_of(**keys: Any) -> LineFormat:
    """`depth` in µm, one a line, and what is said besides."""
    least = {"model": "T", "sample_period_us": PERIOD_US, "fields": {"depth": {"unit": "um"}}}
    if "expression" not in keys:
        least |= {"separator": ",", "columns": list(keys.get("fields", least["fields"]))}
    values = {**values_of("comma"), "lines": least | keys}
    lines = PenProfile.from_document(values).lines
    assert lines is not None
    return lines


def format_of(name: str) -> LineFormat:
    lines = profile_of(name).lines
    assert lines is not None
    return lines


def run(lines: LineFormat, items: list[bytes | RawInput], t_us: int = 0) -> list[Reading]:
    """Feed it all and finish, with every promise of the decoder checked at every step."""
    decoder, readings, fed = LineDecoder(lines), list[Reading](), b""
    for item in items:
        raw = SerialChunk(t_us=t_us, data=item) if isinstance(item, bytes) else item
        readings += decoder.feed(raw)
        fed += raw.data if isinstance(raw, SerialChunk) else b""
        assert 0 <= decoder.held_bytes <= lines.longest + (lines.ending == "crlf")
        assert accounted(decoder) == len(fed)
    readings += decoder.finish()
    assert decoder.held_bytes == 0
    assert accounted(decoder) == len(fed)
    faults = [reading for reading in readings if isinstance(reading, Fault)]
    assert sum(len(fault.data) for fault in faults) == decoder.rejected_bytes
    for fault in faults:
        assert fed[fault.offset : fault.offset + len(fault.data)] == fault.data != b""
    return readings


def accounted(decoder: LineDecoder) -> int:
    return decoder.framed_bytes + decoder.rejected_bytes + decoder.delimiter_bytes + decoder.held_bytes


def kinds(readings: list[Reading]) -> list[str]:
    return [reading.kind if isinstance(reading, Fault) else type(reading).__name__ for reading in readings]


def blocks(readings: list[Reading]) -> list[SampleBlock]:
    return [reading for reading in readings if isinstance(reading, SampleBlock)]


# --- one line ---------------------------------------------------------------------------------------------------------

ALL = {
    "depth": {"unit": "mm"},
    "set_depth": {"unit": "mil"},
    "raw_count": {"unit": "count"},
    "frequency": {"unit": "per_min"},
    "contact": {"on": ["T", "1"], "off": ["F"]},
    "motor": {"on": ["on"], "off": ["off"]},
    "passes": {"unit": "count"},
    "strokes": {"unit": "count"},
    "counter": {"wraps_at": 256},
    "time": {"unit": "ms"},
}


def test_every_field_in_our_units() -> None:
    reader = LineReader(lines_of(fields=ALL, separator=";"))
    line = b"0.25 ;20; 512;6000;T;off;3;70000;255;12.5"
    assert reader.read(line) == Sample(250, 508, 512, 1_000, 1, 0, 3, 70_000, 255, 12_500)


@pytest.mark.parametrize(
    ("text", "scale", "expected"),
    [
        (b"1", "1", 1_000),
        (b"1.", "1", 1_000),
        (b".5", "1", 500),
        (b"+0.25", "1", 250),
        (b"-0.25", "1", -250),
        (b"0.0005", "1", 1),
        (b"-0.0005", "1", -1),
        (b"0.00049", "1", 0),
        (b"-0.00049", "1", 0),
        (b"12", "1/1024", 12),
        (b"12", "-0.1", -1_200),
        (b"-12", "-0.1", 1_200),
        (b"32.767", "1", 32_767),
        (b"-32.768", "1", -32_768),
    ],
)
def test_a_number_is_exact_and_rounded_once(text: bytes, scale: str, expected: int) -> None:
    reader = LineReader(lines_of(fields={"depth": {"unit": "mm", "scale": scale}}))
    assert reader.read(text) == Sample(depth=expected)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"x", "depth is 'x', which is no number"),
        (b"1e3", "depth is '1e3', which is no number"),
        (b"1_0", "depth is '1_0', which is no number"),
        (b"-", "depth is '-', which is no number"),
        (b".", "depth is '.', which is no number"),
        (b"--1", "depth is '--1', which is no number"),
        (b"1.2.3", "depth is '1.2.3', which is no number"),
        (b"nan", "depth is 'nan', which is no number"),
        (b"\xb2", r"depth is '\xb2', which is no number"),
        (b"1" * 19, "depth is '1111111111111111111', which is no number"),
        (b"1" * 30, "depth is '111111111111111111111111' and more, which is no number"),
        (b"32768", "depth is '32768', which no pen can mean"),
        (b"-32769", "depth is '-32769', which no pen can mean"),
        (b" ", "depth is not there"),
    ],
)
def test_a_field_that_does_not_read_makes_the_whole_line_bad(line: bytes, why: str) -> None:
    fields = {"contact": {"on": ["1"], "off": ["0"]}, "depth": {"unit": "um"}}
    assert LineReader(lines_of(fields=fields)).read(b"1," + line) == Bad("value", why)


@pytest.mark.parametrize(
    ("name", "field", "least", "most"),
    [
        ("depth", {"unit": "um"}, -(2**15), 2**15 - 1),
        ("set_depth", {"unit": "um"}, 0, 2**16 - 1),
        ("raw_count", {"unit": "count"}, 0, 2**16 - 1),
        ("frequency", {"unit": "dhz"}, 0, 2**16 - 1),
        ("passes", {"unit": "count"}, 0, 2**32 - 1),
        ("strokes", {"unit": "count"}, 0, 2**32 - 1),
        ("counter", {"wraps_at": 2**32}, 0, 2**32 - 1),
        ("counter", {"wraps_at": 1_000}, 0, 999),
        ("time", {"unit": "us"}, 0, 10**18 - 1),  # as many digits as a number may have
        ("time", {"unit": "s"}, 0, 2**63 // 10**6),
        ("time", {"unit": "ms", "wraps_at": 5_000}, 0, 4_999),
    ],
)
def test_the_ends_of_what_a_field_can_say(name: str, field: dict[str, Any], least: int, most: int) -> None:
    reader = LineReader(lines_of(fields={"motor": ALL["motor"], "depth": {"unit": "um"}} | {name: field}))
    before = b"on," if name == "depth" else b"on,1,"
    factor = {"s": 10**6, "ms": 1_000}.get(field.get("unit", ""), 1)
    for value in (least, most):
        said = reader.read(before + b"%d" % value)
        assert isinstance(said, Sample)
        assert getattr(said, name) == value * factor
    for value in (least - 1, most + 1):
        said = reader.read(before + b"%d" % value)
        assert isinstance(said, Bad)
        assert (said.kind, said.why.split()[0]) == ("value", name)


def test_a_number_from_where_it_wraps_on_is_none() -> None:
    reader = LineReader(lines_of(fields={"depth": {"unit": "um"}, "counter": {"wraps_at": 256}}))
    assert reader.read(b"1,256") == Bad("value", "counter is '256', and it wraps at 256")
    assert reader.read(b"1,.9") == Sample(depth=1, counter=1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"P,7,x,8", Sample(depth=7, raw_count=8)),
        (b"P, 7 ,, 8", Sample(depth=7, raw_count=8)),
        (b"P,7?,x,8", Bad("value", "depth is '7?', which is no number")),
        (b"P,7,8", Bad("shape", "it has 2 columns; expected 3")),
        (b"P,7,x,8,9", Bad("shape", "it has 4 columns; expected 3")),
        (b"Q,7,x,8", Bad("shape", "it does not begin with 'P,'")),
        (b"P", Bad("shape", "it does not begin with 'P,'")),
        (b"P,7,x,8\r", Bad("shape", "there is a CR before its end: is ending crlf?")),
        (b"# P,7", Ignored()),
        (b"P,PASS", PassLine()),
        (b"PASS", Bad("shape", "it does not begin with 'P,'")),
        (b"P," + b"7" * 18 + b",x,8", Bad("value", f"depth is '{'7' * 18}', which no pen can mean")),
        (b"P," + b"x" * 24 + b",x,8", Bad("value", f"depth is '{'x' * 24}', which is no number")),
        (b"P," + b"x" * 25 + b",x,8", Bad("value", f"depth is '{'x' * 24}' and more, which is no number")),
    ],
)
def test_a_line_of_columns(line: bytes, said: object) -> None:
    fields = {"depth": {"unit": "um"}, "raw_count": {"unit": "count"}}
    columns = ["depth", "", "raw_count"]
    reader = LineReader(lines_of(fields=fields, columns=columns, begin="P,", ignore="#.*", pass_line="PASS"))
    assert reader.read(line) == said
    assert type(reader.read(line)) is type(said)


def test_a_line_by_an_expression() -> None:
    reader = LineReader(lines_of(expression="(?P<depth>[0-9]+)mm", begin="d="))
    assert reader.read(b"d=7mm") == Sample(depth=7)
    assert reader.read(b"d=7mm ") == Bad("shape", "the expression does not match it")


@pytest.mark.parametrize(("name", "begins"), [("comma", "$PEND,17,"), ("words", "depth=0.41mm ")])
def test_the_line_that_the_page_shows(name: str, begins: str) -> None:
    page = (DOCS / "connect-your-pen.md").read_text("utf-8")
    (line,) = [word for word in page.split("`") if word.startswith(begins) and "\n" not in word]
    ending = b"\r" if name == "comma" else b""
    said = LineReader(format_of(name)).read(line.encode() + ending)
    assert isinstance(said, Sample)
    assert (said.set_depth, said.contact) == (500, 1)


def test_a_line_without_its_cr() -> None:
    assert LineReader(lines_of(ending="crlf")).read(b"7") == Bad("shape", "it ends with LF alone, and ending is crlf")


def test_a_line_without_a_checksum() -> None:
    reader = LineReader(lines_of(checksum={"kind": "xor", "mark": "*"}))
    assert reader.read(b"7") == Bad("checksum", "it has no checksum: there is no *")


def test_a_group_that_took_no_part_is_a_field_that_is_not_there() -> None:
    lines = lines_of(expression="(?P<depth>[0-9]+)?mm")
    assert LineReader(lines).read(b"mm") == Bad("value", "depth is not there")


@pytest.mark.parametrize("kind", CHECKSUMS)
def test_a_checksum(kind: str) -> None:
    """Its value over `123456789` is on the page."""
    rows = section("connect-your-pen.md", "## What stands in `[lines]`")
    value = next(row.split("|")[2].strip() for row in rows.splitlines() if row.startswith(f"| `{kind}`"))
    reader = LineReader(lines_of(checksum={"kind": kind, "mark": "*"}, begin="12345,"))
    sum_of, digits = CHECKSUMS[kind]
    assert b"%0*X" % (digits, sum_of(b"123456789")) == value.encode()
    sound = b"12345,678*%0*X" % (digits, sum_of(b"12345,678"))
    assert reader.read(sound) == reader.read(sound.replace(sound[-2:], sound[-2:].lower())) == Sample(depth=678)
    for damaged in (sound.replace(b"678", b"679"), sound[:-1], sound + b"0", sound.replace(b"*", b"+"), b"12345,678*"):
        said = reader.read(damaged)
        assert isinstance(said, Bad)
        assert said.kind == "checksum"


@pytest.mark.parametrize("kind", CHECKSUMS)
def test_a_checksum_is_written_with_all_its_digits(kind: str) -> None:
    sum_of, digits = CHECKSUMS[kind][0], 2 if kind == "xor" else 4
    value = next(n for n in range(10_000) if sum_of(b"%d" % n) < 16 ** (digits - 1))
    reader = LineReader(lines_of(checksum={"kind": kind, "mark": "*"}))
    assert reader.read(b"%d*%0*X" % (value, digits, sum_of(b"%d" % value))) == Sample(depth=value)
    assert isinstance(reader.read(b"%d*%X" % (value, sum_of(b"%d" % value))), Bad)


def test_a_sum_with_the_lowest_bit_first_is_that_of_its_polynomial_for_every_byte() -> None:
    sum_of, _ = CHECKSUMS["crc-16/arc"]
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value // 2 ^ (0xA001 if value % 2 else 0)
        assert sum_of(bytes([byte])) == value


def test_a_checksum_that_skips_what_stands_before_it() -> None:
    reader = LineReader(lines_of(checksum={"kind": "xor", "mark": "*", "skip": 1}, begin="$"))
    assert reader.read(b"$11*00") == Sample(depth=11)
    assert reader.read(b"$11*24") == Bad("checksum", "it says '24', and the line gives 00")


@pytest.mark.parametrize(
    ("ending", "data", "expected"),
    [
        ("lf", b"\n1\n2\n", ["SampleBlock", "Identity", "SampleBlock"]),
        ("lf", b"\n1\r\n", ["shape"]),
        ("crlf", b"\n1\r\n2\n", ["SampleBlock", "Identity", "shape"]),
        ("crlf", b"\r\n\r\n", []),
        ("cr", b"\r1\r2\r", ["SampleBlock", "Identity", "SampleBlock"]),
        ("cr", b"\r1\n\r", ["value"]),
    ],
)
def test_an_ending(ending: str, data: bytes, expected: list[str]) -> None:
    assert kinds(run(lines_of(ending=ending), [data])) == expected


def test_the_bytes_of_an_ending_are_delimiters() -> None:
    decoder = LineDecoder(lines_of(ending="crlf"))
    decoder.feed_bytes(b"\r\n12\r\nx\r\n\r\n")
    assert (decoder.framed_bytes, decoder.rejected_bytes, decoder.delimiter_bytes) == (2, 1, 8)
    decoder = LineDecoder(lines_of(ending="lf"))
    decoder.feed_bytes(b"\n12\r\n")  # where it is LF alone, a CR is a part of the line
    assert (decoder.framed_bytes, decoder.rejected_bytes, decoder.delimiter_bytes) == (0, 3, 2)


# --- a stream ---------------------------------------------------------------------------------------------------------


def test_a_first_line_whose_beginning_was_not_seen_is_never_used() -> None:
    """`8` may be the end of `418`."""
    readings = run(lines_of(), [b"8\n418\n"])
    assert kinds(readings) == ["head", "SampleBlock", "Identity"]
    assert blocks(readings)[0].depth_um == (418,)


def test_a_last_line_whose_end_was_not_seen_is_never_used() -> None:
    """`41` may be the beginning of `418`."""
    assert kinds(run(lines_of(), [b"\n41"])) == ["tail"]


@pytest.mark.parametrize("change", [UP, DOWN, OVERFLOW], ids=["up", "down", "overflow"])
def test_a_break_ends_the_held_part_and_the_next_has_no_beginning(change: RawInput) -> None:
    assert kinds(run(lines_of(), [b"\n4", change, b"18\n7\n"])) == ["tail", "head", "SampleBlock", "Identity"]


def test_what_the_pins_do_is_not_on_this_line() -> None:
    readings = run(lines_of(), [b"\n4", SensorBatch(t_us=0, watched_us=0, levels=0), b"18\n"])
    assert blocks(readings)[0].depth_um == (418,)


def test_the_profile_names_the_pen_after_the_first_line_and_again_after_a_lost_link() -> None:
    readings = run(lines_of(calibration_id="cal-7"), [b"\n1\n2\n", OVERFLOW, b"\n3\n", DOWN, UP, b"\n4\n"])
    assert kinds(readings) == ["SampleBlock", "Identity", "SampleBlock", "SampleBlock", "SampleBlock", "Identity"]
    identity = readings[1]
    assert isinstance(identity, Identity)
    told = (identity.model, identity.serial, identity.firmware, identity.calibration_id, identity.protocol_major)
    assert told == ("T", "", "", "cal-7", 0)


@pytest.mark.parametrize("size", [8, 9, 10, 17, 18, 19, 100])
@pytest.mark.parametrize("bytewise", [False, True])
def test_a_line_that_is_too_long_is_rejected_in_pieces_and_the_next_read(size: int, bytewise: bool) -> None:
    data = b"\n" + b"1" * size + b"\n22\n"
    readings = run(lines_of(longest=8), [bytes([one]) for one in data] if bytewise else [data])
    faults = [(fault.kind, len(fault.data)) for fault in readings if isinstance(fault, Fault)]
    if size == 8:
        assert faults == [("value", 8)]
    else:
        assert faults == [("oversize", 9)] * (size // 9) + [("oversize", size % 9)] * bool(size % 9)
    assert blocks(readings)[0].depth_um == (22,)


@pytest.mark.parametrize(("ending", "end"), [("lf", b"\n"), ("crlf", b"\r\n"), ("cr", b"\r")])
@pytest.mark.parametrize("piece", [1, 9, 10, 64])
def test_the_longest_line_is_as_long_as_the_profile_says_whatever_ends_it(ending: str, end: bytes, piece: int) -> None:
    lines = lines_of(longest=8, ending=ending)
    data = end + b"00000005" + end + b"000000006" + end + b"7" + end
    readings = run(lines, [data[at : at + piece] for at in range(0, len(data), piece)])
    assert list(dict.fromkeys(kinds(readings))) == ["SampleBlock", "Identity", "oversize"]
    assert [block.depth_um for block in blocks(readings)] == [(5,), (7,)]


def test_a_run_of_cr_is_no_ending_that_waits_for_ever() -> None:
    lines = lines_of(longest=8, ending="crlf")
    data = b"\r\n" + b"\r" * 30 + b"\r\n5\r\n"
    readings = run(lines, [data])
    assert readings == run(lines, [data[at : at + 1] for at in range(len(data))])
    assert kinds(readings)[-2:] == ["SampleBlock", "Identity"]


def test_a_pass_line_counts_and_the_next_samples_carry_the_total() -> None:
    readings = run(lines_of(pass_line="PASS.*"), [b"\nPASS\n5\nPASS\nPASS 2\n6\n"])
    assert kinds(readings) == [
        *("Unknown", "SampleBlock", "Identity", "Heartbeat", "Heartbeat", "Heartbeat", "SampleBlock")
    ]
    assert [block.passes for block in blocks(readings)] == [0, 3]
    assert [reading.passes for reading in readings if isinstance(reading, Heartbeat)] == [1, 2, 3]
    assert isinstance(LineReader(lines_of(pass_line="PASS")).read(b"PASS"), PassLine)


def test_passes_before_the_first_sample_are_told_with_it_and_not_for_another_pen() -> None:
    lines = lines_of(pass_line="P")
    told = [reading.passes for reading in run(lines, [b"\nP\nP\n5\n6\n"]) if isinstance(reading, Heartbeat)]
    assert told == [2]
    readings = run(lines, [b"\nP\n", DOWN, UP, b"\n5\n"])
    assert kinds(readings) == ["Unknown", "SampleBlock", "Identity"]


def test_an_ignored_line_is_sound_and_says_nothing() -> None:
    readings = run(lines_of(ignore="#.*", checksum={"kind": "xor", "mark": "*"}), [b"\n# hello\n"])
    assert readings == [Unknown(major=1, kind=0, n_bytes=7)]


@pytest.mark.parametrize(
    ("fields", "line", "runs"),
    [
        (["depth"], b"1", True),
        (["depth", "frequency"], b"1,0", False),
        (["depth", "frequency"], b"1,6", True),  # a tenth of a hertz
        (["depth", "frequency"], b"1,60", True),
        (["depth", "frequency", "motor"], b"1,60,off", False),
        (["depth", "frequency", "motor"], b"1,0,on", True),
    ],
)
def test_whether_the_motor_runs(fields: list[str], line: bytes, runs: bool) -> None:
    lines = lines_of(fields={name: ALL[name] for name in fields})
    assert blocks(run(lines, [b"\n" + line + b"\n"]))[0].motor_on is runs


# --- numbers and times ------------------------------------------------------------------------------------------------


def numbered(numbers: list[int], wraps_at: int = 256) -> list[tuple[int, int]]:
    fields = {"depth": {"unit": "um"}, "counter": {"wraps_at": wraps_at}}
    data = b"".join(b"\n5,%d" % number for number in numbers)
    return [(block.boot, block.seq) for block in blocks(run(lines_of(fields=fields), [data + b"\n"]))]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([7, 8, 9], [(0, 7), (0, 8), (0, 9)]),
        ([7, 9], [(0, 7), (0, 9)]),  # one is missing
        ([254, 255, 0, 1], [(0, 254), (0, 255), (0, 256), (0, 257)]),
        ([7, 7], [(0, 7), (0, 7)]),  # one stands twice
        ([7, 135], [(0, 7), (0, 135)]),
        ([200, 3], [(0, 200), (0, 259)]),
        ([7, 136], [(0, 7), (1, 136)]),  # further than half of it: it fell
        ([200, 7, 8], [(0, 200), (0, 263), (0, 264)]),
        ([100, 0, 1], [(0, 100), (1, 0), (1, 1)]),
    ],
)
def test_a_counter_of_the_pen(numbers: list[int], expected: list[tuple[int, int]]) -> None:
    assert numbered(numbers) == expected


def test_a_counter_that_may_have_gone_round_in_a_silence_tells_nothing() -> None:
    lines = lines_of(fields={"depth": {"unit": "um"}, "counter": {"wraps_at": 256}})
    for for_us, number, expected in [
        (1_000_000, 3, (0, 3)),
        (2_000_000, 3, (1, 3)),
        (2_000_000, 2, (0, 2)),
        (1_289_999, 3, (0, 3)),  # 10 ms are the sample, 1.28 s half of a round
        (1_290_000, 3, (1, 3)),
    ]:
        decoder = LineDecoder(lines)
        decoder.feed_bytes(b"\n5,1\n", 50_000_000)
        block = decoder.feed_bytes(b"5,%d\n" % number, 50_000_000 + for_us)[0]
        assert isinstance(block, SampleBlock)
        assert (block.boot, block.seq) == expected, for_us


@pytest.mark.parametrize(
    ("times", "wraps_at", "expected"),
    [
        (["1000", "1010", "1020.5"], None, [(0, 1_000_000), (0, 1_010_000), (0, 1_020_500)]),
        (["1000", "0"], None, [(0, 1_000_000), (1, 0)]),
        (["1000", "0", "10"], None, [(0, 1_000_000), (1, 0), (1, 10_000)]),
        (["65530", "4"], 65_536, [(0, 65_530_000), (0, 65_540_000)]),
        (["65530", "30000"], 65_536, [(0, 65_530_000), (0, 95_536_000)]),
        (["30000", "10"], 65_536, [(0, 30_000_000), (1, 10_000)]),
        (["4294967.290", "4294967.300"], None, [(0, 4_294_967_290), (0, 4)]),
    ],
)
def test_the_clock_of_the_pen(times: list[str], wraps_at: int | None, expected: list[tuple[int, int]]) -> None:
    time = {"unit": "ms"} | ({"wraps_at": wraps_at} if wraps_at else {})
    lines = lines_of(fields={"depth": {"unit": "um"}, "time": time})
    data = "\n" + "".join(f"5,{text}\n" for text in times)
    assert [(block.boot, block.t_us) for block in blocks(run(lines, [data.encode()]))] == expected


def arrived(*reads: tuple[int, int]) -> list[int]:
    """Where the samples of lines begin that were read at these times, so many at once; milliseconds."""
    decoder, starts = LineDecoder(lines_of()), list[int]()
    decoder.feed_bytes(b"\n", 1_000_000)
    for at_ms, n in reads:
        starts += [block.t_us // 1000 for block in blocks(decoder.feed_bytes(b"5\n" * n, at_ms * 1000))]
    return starts


def test_samples_of_a_pen_without_a_clock_follow_each_other_at_their_period() -> None:
    assert arrived((1_000, 1), (1_040, 4), (1_080, 4)) == [990, 1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070]


def test_a_reader_that_was_held_up_makes_no_gap() -> None:
    assert arrived((1_000, 1), (1_300, 30), (1_310, 1)) == [990, *range(1000, 1300, 10), 1300]


def test_a_stretch_without_lines_is_a_gap_one_read_later() -> None:
    assert arrived((1_000, 1), (1_300, 1), (1_310, 1)) == [990, 1000, 1300]


def test_a_long_stretch_without_lines_is_a_gap_at_once() -> None:
    assert arrived((1_000, 1), (2_000, 1), (2_010, 1)) == [990, 1990, 2000]


def test_no_line_is_from_after_it_arrived() -> None:
    assert arrived((1_000, 1), (1_010, 5), (1_020, 1)) == [990, *[1000] * 5, 1010]


def test_a_short_stretch_without_lines_is_a_gap_one_read_later() -> None:
    assert arrived((1_000, 1), (1_120, 1), (1_130, 2), (1_140, 1)) == [990, 1000, 1120, 1120, 1130]


def test_half_a_second_is_the_longest_that_a_reader_is_held_up() -> None:
    pace = Pace(PERIOD_US)
    assert [pace.place(t_us) for t_us in (1_000_000, 1_510_000)] == [990_000, 1_000_000]
    pace = Pace(PERIOD_US)
    assert [pace.place(t_us) for t_us in (1_000_000, 1_510_001)] == [990_000, 1_500_001]


def test_samples_of_one_read_follow_each_other_to_the_microsecond() -> None:
    pace = Pace(PERIOD_US)
    assert [pace.place(t_us) for t_us in (1_000_000, *[1_040_000] * 3)] == [990_000, 1_000_000, 1_010_000, 1_020_000]


def test_a_pen_that_is_slower_than_that_is_held_up_for_two_of_its_samples() -> None:
    pace = Pace(1_000_000)
    assert [pace.place(t_us) for t_us in (1_000_000, 4_000_000)] == [0, 1_000_000]
    pace = Pace(1_000_000)
    assert [pace.place(t_us) for t_us in (1_000_000, 4_000_001)] == [0, 3_000_001]


@pytest.mark.parametrize("change", [DOWN, OVERFLOW], ids=["down", "overflow"])
def test_after_a_break_nothing_is_waited_for(change: RawInput) -> None:
    decoder = LineDecoder(lines_of())
    decoder.feed_bytes(b"\n5\n", 1_000_000)
    decoder.feed(change)
    (block,) = blocks(decoder.feed_bytes(b"\n5\n", 1_200_000))
    assert block.t_us == 1_190_000


def test_a_whole_reading_of_each_kind() -> None:
    fields = {name: field for name, field in ALL.items() if name not in ("passes", "time")}
    lines = lines_of(fields=fields, pass_line="PASS", calibration_id="cal-7", mode="demo")
    readings = run(lines, [b"\n0.25,20,512,6000,T,off,70000,9\nPASS\n"], 1_000_000)
    sample = {"mode": "demo", "motor_on": False, "boot": 0}
    heartbeat = {"depth_set_um": 508, "strokes": 70_000}
    assert readings == [
        SampleBlock(
            **sample,
            **heartbeat,
            seq=9,
            t_us=990_000,
            passes=0,
            period_us=PERIOD_US,
            n=1,
            depth_um=(250,),
            raw_count=(512,),
            frequency_dhz=(1_000,),
            contact_bits=1,
        ),
        Identity(
            **sample,
            seq=10,
            t_us=1_000_000,
            protocol_major=0,
            protocol_minor=0,
            model="T",
            serial="",
            firmware="",
            calibration_id="cal-7",
            cartridge="",
        ),
        Heartbeat(**sample, **heartbeat, seq=10, t_us=1_000_000, passes=1),
    ]


def test_what_a_line_does_not_say_is_in_no_column() -> None:
    (block,) = blocks(run(lines_of(fields={"contact": ALL["contact"]}), [b"\nF\n"]))
    assert (block.seq, block.contact_bits, block.motor_on) == (0, 0, True)
    columns = (block.depth_set_um, block.depth_um, block.raw_count, block.frequency_dhz, block.passes, block.strokes)
    assert columns == (None,) * 6


def test_lines_are_numbered_from_one_and_empty_ones_count() -> None:
    decoder = LineDecoder(lines_of(longest=8))
    taken = [*decoder.take(b"x\n\n5\n" + b"7" * 20), *decoder.take(b"\n6\n8"), *decoder.take_rest()]
    assert [(line.number, line.offset, line.data) for line in taken] == [
        (1, 0, b"x"),
        (3, 3, b"5"),
        (4, 5, b"7" * 9),
        (4, 14, b"7" * 9),
        (4, 23, b"77"),
        (5, 26, b"6"),
        (6, 28, b"8"),
    ]


def test_a_clock_that_stands_still_has_not_begun_anew() -> None:
    lines = lines_of(fields={"depth": {"unit": "um"}, "time": {"unit": "ms"}})
    assert [(block.boot, block.t_us) for block in blocks(run(lines, [b"\n5,9\n5,9\n"]))] == [(0, 9_000)] * 2


def test_numbers_begin_anew_with_the_clock() -> None:
    fields = {"depth": {"unit": "um"}, "counter": {"wraps_at": 256}, "time": {"unit": "ms"}}
    readings = run(lines_of(fields=fields), [b"\n5,7,900\n5,8,10\n5,9,20\n"])
    assert [(block.boot, block.seq) for block in blocks(readings)] == [(0, 7), (1, 8), (1, 9)]


# --- cut anywhere -----------------------------------------------------------------------------------------------------

GOOD = {name: capture_of(name).read_bytes() for name in EXAMPLES}
RUBBISH = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 400).map(lambda n: b"7" * n),
    st.sampled_from([b"\r", b"\n", b"\r\n", b"*", b"PASS\n", b"READY\n", b"$PEND,"]),
)


@quick
@given(st.sampled_from(EXAMPLES), st.data())
def test_any_chunking_gives_the_same_readings_and_the_same_account(name: str, data: st.DataObject) -> None:
    parts = data.draw(
        st.lists(st.one_of(RUBBISH, st.just(GOOD[name]), st.sampled_from([UP, DOWN, OVERFLOW])), max_size=6)
    )
    whole: list[bytes | RawInput] = []
    for part in parts:
        if isinstance(part, bytes) and whole and isinstance(whole[-1], bytes):
            whole[-1] += part
        else:
            whole.append(part)
    pieces: list[bytes | RawInput] = []
    for part in whole:
        if isinstance(part, bytes):
            cuts = sorted(data.draw(st.lists(st.integers(0, len(part)), max_size=8)))
            pieces += [part[start:end] for start, end in zip([0, *cuts], [*cuts, len(part)], strict=True)]
        else:
            pieces.append(part)
    lines = format_of(name)
    expected = run(lines, whole, 5_000_000)
    assert run(lines, pieces, 5_000_000) == expected
    bytewise = [one for part in whole for one in ([bytes([b]) for b in part] if isinstance(part, bytes) else [part])]
    assert run(lines, bytewise, 5_000_000) == expected


@pytest.mark.parametrize("name", EXAMPLES)
def test_one_wrong_bit_costs_its_line_or_shows_in_it(name: str) -> None:
    """With a checksum nothing that was damaged is ever used."""
    lines = format_of(name)
    sound = {"comma": b"$PEND,0,412,0.50,6001,1,3*06\r", "words": b"depth=0.41mm dial=0.50 skin=yes motor=on"}[name]
    good, reader = run(lines, [b"\n" + sound + b"\n"])[0], LineReader(lines)
    assert isinstance(good, SampleBlock)
    for bit in range(len(sound) * 8):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        said = reader.read(bytes(damaged))
        if name == "comma" and not (isinstance(said, Bad) or bytes(damaged).upper() == sound):
            pytest.fail(f"{bytes(damaged)!r} is used")
        assert isinstance(said, Bad | Sample), bit
