"""The `lines` of a profile: what can be said, what cannot be meant, the same again from its document."""

import time
from fractions import Fraction
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from firmware_bridge.decode import Decoder
from firmware_bridge.errors import ProfileError
from firmware_bridge.expression import Expression
from firmware_bridge.line_format import Checksum, LineFormat, Number, read_lines
from firmware_bridge.lines import LineDecoder
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from firmware_bridge.transports import decoder_of
from tests.examples import EXAMPLES, profile_of, values_of

DEPTH = {"depth": {"unit": "um"}}


def comma(**change: Any) -> dict[str, Any]:
    """The first example with other lines; None takes a key away."""
    return _changed("comma", change)


def words(**change: Any) -> dict[str, Any]:
    """The second."""
    return _changed("words", change)


def _changed(name: str, change: dict[str, Any]) -> dict[str, Any]:
    values = values_of(name)
    lines = {key: value for key, value in {**values["lines"], **change}.items() if value is not None}
    return {**values, "lines": lines}


def field(name: str, **change: Any) -> dict[str, Any]:
    """The first example with another field."""
    fields = values_of("comma")["lines"]["fields"]
    return comma(fields={**fields, name: {**fields.get(name, {}), **change}})


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_document_is_read_back(name: str) -> None:
    profile = profile_of(name)
    assert PenProfile.from_document(parse_canonical(canonical(profile.document()))) == profile


def test_what_is_measured_follows_from_the_fields() -> None:
    assert profile_of("comma").measures == ("set_depth", "depth", "frequency", "contact", "passes")
    assert profile_of("words").measures == ("set_depth", "depth", "contact", "passes")
    assert PenProfile.from_document({**values_of("comma"), "measures": ["depth"]}).measures == ("depth",)


def test_what_such_a_pen_cannot_tell_follows_too() -> None:
    assert profile_of("comma").untold == ("identity", "clock")
    assert profile_of("words").untold == ("identity", "numbers", "clock", "restarts")
    timed = values_of("comma")["lines"]["fields"] | {"time": {"unit": "ms"}}
    columns = ["time", *values_of("comma")["lines"]["columns"]]
    assert PenProfile.from_document(comma(fields=timed, columns=columns)).untold == ("identity",)
    clock = {"fields": DEPTH | {"time": {"unit": "ms"}}, "columns": ["depth", "time"]}
    assert PenProfile.from_document(comma(**clock)).untold == ("identity", "numbers")
    assert load_profile("reference").untold == ()


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("depth", {"um": 1, "mm": 1_000, "mil": Fraction(254, 10)}),
        ("frequency", {"dhz": 1, "hz": 10, "per_min": Fraction(1, 6)}),
        ("time", {"us": 1, "ms": 1_000, "s": 1_000_000}),
        ("strokes", {"count": 1}),
    ],
)
def test_the_units_of_a_field(name: str, units: dict[str, Fraction]) -> None:
    assert {unit: Number(unit=unit).factor(name) for unit in units} == units


def test_what_stands_for_what_is_left_out() -> None:
    assert Number(unit="um") == Number(unit="um", scale="1", wraps_at=None)
    assert Checksum(kind="xor", mark="*") == Checksum(kind="xor", mark="*", skip=0)
    least = {"model": "T", "sample_period_us": 1_000, "fields": DEPTH, "separator": ",", "columns": ["depth"]}
    lines = read_lines(least)
    assert lines == LineFormat(
        model="T", sample_period_us=1_000, fields={"depth": Number(unit="um")}, separator=",", columns=("depth",)
    )
    assert (lines.begin, lines.ending, lines.longest, lines.calibration_id, lines.mode) == ("", "lf", 128, "", "real")
    assert (lines.expression, lines.checksum, lines.pass_line, lines.ignore) == (None,) * 4
    for mode in ("real", "test", "demo"):
        assert read_lines(least | {"mode": mode}).mode == mode


def put(path: str, value: object) -> dict[str, Any]:
    """A description with this value, `checksum.skip` for one inside."""
    lines: dict[str, Any] = {
        "model": "T",
        "sample_period_us": 1_000,
        "separator": ",",
        "columns": ["depth", "counter", "time", "contact"],
        "fields": {
            "depth": {"unit": "um"},
            "counter": {"wraps_at": 256},
            "time": {"unit": "ms"},
            "contact": {"on": ["1"], "off": ["0"]},
        },
        "checksum": {"kind": "xor", "mark": "*"},
    }
    *tables, key = path.split(".")
    table = lines
    for name in tables:
        table = table[name]
    table[key] = value
    return lines


@pytest.mark.parametrize(
    ("path", "low", "high"),
    [
        ("sample_period_us", 1_000, 10_000_000),
        ("longest", 8, 1_024),
        ("fields.counter.wraps_at", 16, 2**32),
        ("fields.time.wraps_at", 1_000, 2**63),
        ("checksum.skip", 0, 16),
    ],
)
def test_the_ends_of_a_number(path: str, low: int, high: int) -> None:
    for value in (low, high):
        read_lines(put(path, value))
    for value in (low - 1, high + 1):
        with pytest.raises(ProfileError) as caught:
            read_lines(put(path, value))
        assert str(caught.value) == (
            f"pen profile: lines.{path} = {value}; expected a whole number from {low} to {high}"
        )


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        ("model", 1, 32),
        ("calibration_id", 0, 32),
        ("begin", 0, 16),
        ("separator", 1, 8),
        ("checksum.mark", 1, 4),
        ("ignore", 1, 256),
    ],
)
def test_the_ends_of_a_text(path: str, least: int, most: int) -> None:
    for n in (least, most):
        read_lines(put(path, "x" * n))
    for text in [*(["x" * (least - 1)] if least else []), "x" * (most + 1)]:
        with pytest.raises(ProfileError, match=rf"^pen profile: lines\.{path} = '{text}'; expected .* printable ASCII"):
            read_lines(put(path, text))


@pytest.mark.parametrize("scale", ["0.123456789012345678", "1/1024", "-0.1", 2])
def test_a_scale(scale: str | int) -> None:
    depth = read_lines(put("fields.depth.scale", scale)).fields["depth"]
    assert isinstance(depth, Number)
    assert depth.scale == str(scale)


def test_a_tab_separates_and_sixty_four_columns_are_read() -> None:
    assert read_lines(put("separator", "\t")).separator == "\t"
    columns = ["depth", "counter", "time", "contact", *[""] * 60]
    assert read_lines(put("columns", columns)).columns == tuple(columns)


def test_which_decoder_reads_it() -> None:
    assert isinstance(decoder_of(profile_of("comma")), LineDecoder)
    assert isinstance(decoder_of(load_profile("reference")), Decoder)


CANNOT_BE_MEANT = {
    "a missing group": (
        words(expression="depth=(?P<depth>[0-9]+).*"),
        "lines.fields.set_depth: the group set_depth is missing in lines.expression",
    ),
    "a missing column": (
        comma(columns=["counter", "depth", "set_depth", "frequency", "contact"]),
        "lines.fields.passes: the column passes is missing in lines.columns",
    ),
    "a group that is no field": (
        words(expression="(?P<dept>[0-9]+)", fields=DEPTH),
        "lines.expression has a group dept, and lines.fields has no such field. Did you mean depth?",
    ),
    "a column that is no field": (
        comma(columns=["counter", "depth", "set_depth", "frequenzy", "contact", "passes"]),
        "lines.columns has a column frequenzy, and lines.fields has no such field. Did you mean frequency?",
    ),
    "a column twice": (comma(columns=["depth", "depth"], fields=DEPTH), "lines.columns has the column depth twice"),
    "an unknown unit": (
        field("depth", unit="mmm"),
        "lines.fields.depth.unit = 'mmm'; expected one of um, mm, mil. Did you mean mm?",
    ),
    "the unit of another field": (
        field("frequency", unit="mm"),
        "lines.fields.frequency.unit = 'mm'; expected one of hz, dhz, per_min.",
    ),
    "an unknown field": (
        comma(fields={"dept": {"unit": "um"}}),
        "lines.fields.dept is no field that a pen has. Did you mean depth?",
    ),
    "a field that nobody has": (
        comma(fields={"qqq": {}}),
        "lines.fields.qqq is no field that a pen has. There are: depth, set_depth, raw_count, frequency, passes, "
        "strokes, counter, time, contact, motor.",
    ),
    "an unknown key": (comma(seperator=";"), "unknown key lines.seperator. Did you mean separator?"),
    "an unknown key of a field": (
        field("depth", units="um"),
        "unknown key lines.fields.depth.units. Did you mean unit?",
    ),
    "the key that says which part a wiring is": (comma(part="x"), "unknown key lines.part. Did you mean separator?"),
    "no fields": (comma(fields={}), "lines.fields = {}; expected a table for each field"),
    "fields of a list": (comma(fields=["depth"]), "lines.fields = ['depth']; expected a table for each field"),
    "nothing measured": (
        comma(columns=["counter"], fields={"counter": {"wraps_at": 256}}),
        "lines.fields measures nothing; expected one of set_depth, depth, raw_count, frequency, contact, passes, "
        "strokes",
    ),
    "a scale of zero": (
        field("depth", scale="0.0"),
        "lines.fields.depth.scale = '0.0'; a scale of zero makes every number 0",
    ),
    "a scale with a floating point": (
        field("depth", scale=0.1),
        'lines.fields.depth.scale = 0.1; expected a number as text, such as "0.1" or "1/1024"; write it as text: "0.1"',
    ),
    "a scale over nothing": (
        field("depth", scale="1/0"),
        'lines.fields.depth.scale = \'1/0\'; expected a number as text, such as "0.1" or "1/1024"',
    ),
    "a scale in words": (
        field("depth", scale="ten"),
        'lines.fields.depth.scale = \'ten\'; expected a number as text, such as "0.1" or "1/1024"',
    ),
    "a scale that is too long": (
        field("depth", scale="0.1234567890123456789"),
        'lines.fields.depth.scale = \'0.1234567890123456789\'; expected a number as text, such as "0.1" or "1/1024"',
    ),
    "a scale with an exponent": (
        field("depth", scale="1e3"),
        'lines.fields.depth.scale = \'1e3\'; expected a number as text, such as "0.1" or "1/1024"',
    ),
    "an unknown checksum": (
        comma(checksum={"kind": "crc-16/modbuss", "mark": "*"}),
        "lines.checksum.kind = 'crc-16/modbuss'; expected one of xor, crc-16/xmodem, crc-16/ccitt-false, crc-16/arc, "
        "crc-16/modbus. Did you mean crc-16/modbus?",
    ),
    "a checksum that is not named whole": (
        comma(checksum={"kind": "crc-16", "mark": "*"}),
        "lines.checksum.kind = 'crc-16'; expected one of xor, crc-16/xmodem, crc-16/ccitt-false, crc-16/arc, "
        "crc-16/modbus. Did you mean crc-16/arc?",
    ),
    "a checksum without a mark": (comma(checksum={"kind": "xor"}), "lines.checksum.mark is missing"),
    "separator and expression": (
        comma(expression="x"),
        "lines: a line is read by a separator or by an expression, and both are there",
    ),
    "neither separator nor expression": (
        comma(separator=None),
        "lines: a line is read by a separator or by an expression, and neither is there",
    ),
    "a separator without columns": (
        comma(columns=None),
        "lines: columns goes with separator: what stands in each, in order",
    ),
    "columns without a separator": (
        words(columns=["depth"]),
        "lines: columns goes with separator: what stands in each, in order",
    ),
    "columns that are a text": (
        comma(columns="depth"),
        "lines.columns = 'depth'; expected a list of field names, in the order of the line",
    ),
    "a column that is a number": (
        comma(columns=["depth", 7]),
        "lines.columns = ['depth', 7]; expected a list of field names, in the order of the line",
    ),
    "too many columns": (
        comma(columns=["depth", *[""] * 64]),
        f"lines.columns = {['depth', *[''] * 64]}; expected a list of field names, in the order of the line",
    ),
    "passes told twice": (
        comma(pass_line="PASS"),
        "lines: passes are told by pass_line or by the field passes, not by both",
    ),
    "a text that is on and off": (
        field("contact", on=["1"], off=["1"]),
        "lines.fields.contact: the same text cannot mean on and off",
    ),
    "on that is no list": (
        field("contact", on="1"),
        "lines.fields.contact.on = '1'; expected a list of texts, such as [\"1\"]",
    ),
    "a number that is on": (
        field("contact", on=["1", 1]),
        "lines.fields.contact.on = ['1', 1]; expected a list of texts, such as [\"1\"]",
    ),
    "an empty text that is on": (
        field("contact", on=[""]),
        "lines.fields.contact.on = ''; expected 1 to 16 printable ASCII characters",
    ),
    "a counter that wraps at once": (
        field("counter", wraps_at=2),
        "lines.fields.counter.wraps_at = 2; expected a whole number from 16 to 4294967296",
    ),
    "an unknown ending": (comma(ending="\n"), "lines.ending = '\\n'; expected one of lf, crlf, cr."),
    "lines without end": (comma(longest=1_000_000), "lines.longest = 1000000; expected a whole number from 8 to 1024"),
    "no model": (comma(model=None), "lines.model is missing"),
    "no table": ({**values_of("comma"), "lines": 7}, "lines = 7; expected a table"),
    "a pen that is asked": (
        {**values_of("comma"), "request_identity": True},
        "request_identity: a pen that sends lines is never written to",
    ),
    "lines from pins": (
        {key: value for key, value in {**values_of("comma"), "gpio": {}}.items() if key not in ("baud", "dtr", "rts")},
        "lines come from a serial line, and gpio says that there is none",
    ),
    "a measure that no field tells": (
        {**values_of("comma"), "measures": ["depth", "strokes"]},
        "measures names 'strokes', and lines has no field that tells it",
    ),
}


@pytest.mark.parametrize("case", CANNOT_BE_MEANT)
def test_what_cannot_be_meant(case: str) -> None:
    values, message = CANNOT_BE_MEANT[case]
    with pytest.raises(ProfileError) as caught:
        PenProfile.from_document(values)
    assert str(caught.value) == f"pen profile: {message}"


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(?P<depth>[0-9]+", "missing )"),
        (r"(?P<depth>[0-9]+) (?=mm)", "invalid perl operator"),
        (r"(?P<depth>[0-9]+) \1", "invalid escape sequence"),
        ("((?P<depth>a{1000}){1000})", "invalid repetition size"),
        (f"(?P<depth>{'x' * 300})", "expected 1 to 256 printable ASCII characters"),
        ("(?P<depth>[0-9]+)µ", "expected 1 to 256 printable ASCII characters"),
        ("", "expected 1 to 256 printable ASCII characters"),
    ],
    ids=["open group", "look-around", "reference back", "too many repetitions", "too long", "not ASCII", "empty"],
)
@pytest.mark.parametrize("key", ["expression", "pass_line", "ignore"])
def test_an_expression_that_cannot_be_used(key: str, expression: str, why: str) -> None:
    with pytest.raises(ProfileError) as caught:
        PenProfile.from_document(words(**{key: expression, "fields": DEPTH}))
    assert str(caught.value).startswith(f"pen profile: lines.{key}")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "expression", ["(?P<depth>(a+)+)b", "(?P<depth>(a|aa)+)b", "(?P<depth>(.*)*)b", "(?P<depth>a*)" + "a*" * 40 + "b"]
)
def test_an_expression_that_backtracks_for_ever(expression: str) -> None:
    """Python's own would be at it for longer than the universe is old; the time here grows with the line alone."""
    values = words(expression=expression, fields=DEPTH, longest=1_024)
    decoder = decoder_of(PenProfile.from_document(values))
    began_s = time.process_time()
    readings = decoder.feed_bytes(b"\n" + b"a" * 1_000 + b"!\n" + b"a" * 1_000 + b"!\n")
    assert time.process_time() - began_s < 1
    assert [reading.kind for reading in readings] == ["shape", "shape"]


def test_a_text_that_is_too_long_for_an_expression() -> None:
    with pytest.raises(ValueError, match="it has 257 characters; at most 256"):
        Expression("a" * 257)
