"""One line in, what it says out, by the description of a profile. Pure, and without memory of the lines before.

A line is taken whole or not at all: a field that does not read makes all of it a `Bad`, with why. Rounding is to the
nearest unit, halves away from zero.
"""

from collections.abc import Callable
from typing import NamedTuple

from firmware_bridge.checksums import CHECKSUMS
from firmware_bridge.expression import Expression
from firmware_bridge.line_format import Checksum, Flag, LineFormat, Number
from firmware_bridge.readings import FaultKind

_DIGITS = 18  # more than any number here has
_RANGES = {
    "depth": (-(2**15), 2**15 - 1),
    "set_depth": (0, 2**16 - 1),
    "raw_count": (0, 2**16 - 1),
    "frequency": (0, 2**16 - 1),
    "passes": (0, 2**32 - 1),
    "strokes": (0, 2**32 - 1),
    "counter": (0, 2**32 - 1),
    "time": (0, 2**63),
}


class Bad(NamedTuple):
    """A line that cannot be used, and why, for a person."""

    kind: FaultKind
    why: str


class Sample(NamedTuple):
    """What a sample line says, in our units; None for what the profile does not name."""

    depth: int | None = None
    set_depth: int | None = None
    raw_count: int | None = None
    frequency: int | None = None
    contact: int | None = None
    motor: int | None = None
    passes: int | None = None
    strokes: int | None = None
    counter: int | None = None
    time: int | None = None


class PassLine(NamedTuple):
    """A line that says: one more pass."""


class Ignored(NamedTuple):
    """A line of which the profile says that it says nothing."""


Said = Sample | PassLine | Ignored | Bad
_Read = Callable[[bytes], int | str]  # the value, or why there is none


class LineReader:
    """Made once for a description; `read` is a function of the line."""

    def __init__(self, lines: LineFormat) -> None:
        self._two_bytes = lines.ending == "crlf"
        self._begin = lines.begin.encode("ascii")
        self._checksum = lines.checksum
        self._pass_line = Expression(lines.pass_line) if lines.pass_line is not None else None
        self._ignore = Expression(lines.ignore) if lines.ignore is not None else None
        self._separator = lines.separator.encode("ascii") if lines.separator is not None else b""
        self._expression = Expression(lines.expression) if lines.expression is not None else None
        self._n_columns = len(lines.columns)
        columns = {name: at for at, name in enumerate(lines.columns)}
        places = self._expression.groups if self._expression else columns
        self._fields = [(name, places[name], _reader(name, field)) for name, field in lines.fields.items()]

    def read(self, line: bytes) -> Said:
        """What a line says; it comes without the last byte of its ending, which found it."""
        if self._two_bytes:
            if not line.endswith(b"\r"):
                return Bad("shape", "it ends with LF alone, and ending is crlf")
            line = line[:-1]
        elif line.endswith(b"\r"):
            return Bad("shape", "there is a CR before its end: is ending crlf?")
        if self._ignore is not None and self._ignore.match(line):
            return Ignored()
        if not line.startswith(self._begin):
            return Bad("shape", f"it does not begin with {_shown(self._begin)}")
        if self._checksum is not None:
            summed = _summed(self._checksum, line)
            if isinstance(summed, Bad):
                return summed
            line = summed
        line = line[len(self._begin) :]
        if self._pass_line is not None and self._pass_line.match(line):
            return PassLine()
        return self._sample(line)

    def _sample(self, line: bytes) -> Sample | Bad:
        texts: list[bytes | None]
        if self._expression is not None:
            match = self._expression.match(line)
            if match is None:
                return Bad("shape", "the expression does not match it")
            texts = list(match.groups())
        else:
            texts = [text.strip(b" ") for text in line.split(self._separator)]
            if len(texts) != self._n_columns:
                return Bad("shape", f"it has {len(texts)} columns; expected {self._n_columns}")
        values: dict[str, int] = {}
        for name, at, read in self._fields:
            text = texts[at]
            value = "is not there" if not text else read(text)
            if isinstance(value, str):
                return Bad("value", f"{name} {value}")
            values[name] = value
        return Sample(**values)


def _reader(name: str, field: Number | Flag) -> _Read:
    return _flag(field) if isinstance(field, Flag) else _number(name, field)


def _flag(field: Flag) -> _Read:
    texts = {text.encode("ascii"): int(on) for on, words in ((False, field.off), (True, field.on)) for text in words}

    def read(text: bytes) -> int | str:
        value = texts.get(text)
        return f"is {_shown(text)}, which is neither on nor off" if value is None else value

    return read


def _number(name: str, field: Number) -> _Read:
    factor = field.factor(name)
    times, over = factor.numerator, factor.denominator
    low, high = _RANGES[name]
    wraps_at = field.wraps_at

    def read(text: bytes) -> int | str:
        negative, signed = text[:1] == b"-", text[:1] in (b"-", b"+")
        whole, _, part = text[signed:].partition(b".")
        digits = whole + part
        if not digits.isdigit() or len(digits) > _DIGITS:
            return f"is {_shown(text)}, which is no number"
        if wraps_at is not None and int(whole or b"0") >= wraps_at:
            return f"is {_shown(text)}, and it wraps at {wraps_at}"
        below = over * 10 ** len(part)
        value = (2 * int(digits) * abs(times) + below) // (2 * below)
        if negative is (times > 0):
            value = -value
        return value if low <= value <= high else f"is {_shown(text)}, which no pen can mean"

    return read


def _summed(checksum: Checksum, line: bytes) -> bytes | Bad:
    """The line without its checksum, when that is right."""
    sum_of, digits = CHECKSUMS[checksum.kind]
    covered, mark, written = line.rpartition(checksum.mark.encode("ascii"))
    if not mark:
        return Bad("checksum", f"it has no checksum: there is no {checksum.mark}")
    expected = b"%0*X" % (digits, sum_of(covered[checksum.skip :]))
    if written.upper() != expected:
        return Bad("checksum", f"it says {_shown(written)}, and the line gives {expected.decode('ascii')}")
    return covered


def _shown(text: bytes) -> str:
    """For a person, whatever it is."""
    shown = ascii(text[:24].decode("latin-1"))
    return f"{shown} and more" if len(text) > 24 else shown
