"""The lines of a pen that sends text: how a profile describes them. Data, checked here.

Not responsible for reading a line (line_reader.py) nor for finding lines in a stream (lines.py). A description says
where each number stands, in what unit, and how one is sure; nothing is guessed from what arrives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from firmware_bridge.checksums import CHECKSUMS
from firmware_bridge.errors import ProfileError
from firmware_bridge.expression import Expression
from firmware_bridge.tables import Reader, did_you_mean, integer, printable, table, word

SKIPPED = ""  # the name of a column that is not read

_LENGTH = {"um": Fraction(1), "mm": Fraction(1000), "mil": Fraction(254, 10)}
_COUNT = {"count": Fraction(1)}
_UNITS: dict[str, dict[str, Fraction]] = {
    "depth": _LENGTH,
    "set_depth": _LENGTH,
    "raw_count": _COUNT,
    "frequency": {"hz": Fraction(10), "dhz": Fraction(1), "per_min": Fraction(10, 60)},
    "passes": _COUNT,
    "strokes": _COUNT,
    "counter": _COUNT,
    "time": {"us": Fraction(1), "ms": Fraction(1000), "s": Fraction(1_000_000)},
}
_FLAGS = ("contact", "motor")
FIELDS = (*_UNITS, *_FLAGS)
_MEASURED = ("set_depth", "depth", "raw_count", "frequency", "contact", "passes", "strokes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a line. What is written, times `scale` (a decimal or a fraction, as text), is in `unit`. `wraps_at`:
    the number that a counter or a clock shows as 0 again, as it is written; None for one that does not wrap."""

    unit: str
    scale: str = "1"
    wraps_at: int | None = None

    def factor(self, name: str) -> Fraction:
        """What a written number is multiplied by to be in our unit: µm, tenths of a hertz, µs or a count."""
        return Fraction(self.scale) * _UNITS[name][self.unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A yes or no in a line: the texts that mean either. Any other text is an error of the line."""

    on: tuple[str, ...]
    off: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """`kind` from CHECKSUMS, in hexadecimal digits after the last `mark` of the line, over what stands before that,
    the first `skip` characters apart."""

    kind: str
    mark: str
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFormat:
    """The lines of one kind of pen.

    Either `separator` and `columns` (field names in order, "" is not read) or `expression` with a named group for each
    field. A line begins with `begin`, which is neither column nor part of the expression. One sample line stands for
    `sample_period_us`. `pass_line` is an expression: a line that matches is one more pass. So is `ignore`: such a line
    says nothing. No line is longer than `longest` bytes without its ending.
    """

    model: str
    sample_period_us: int
    fields: Mapping[str, Number | Flag]
    separator: str | None = None
    columns: tuple[str, ...] = ()
    expression: str | None = None
    begin: str = ""
    ending: Literal["lf", "crlf", "cr"] = "lf"
    checksum: Checksum | None = None
    pass_line: str | None = None
    ignore: str | None = None
    longest: int = 128
    calibration_id: str = ""
    mode: Literal["real", "test", "demo"] = "real"

    @property
    def measures(self) -> tuple[str, ...]:
        """What can come from it, by the names of a profile's `measures`."""
        told = {*self.fields, *(("passes",) if self.pass_line is not None else ())}
        return tuple(name for name in _MEASURED if name in told)

    @property
    def untold(self) -> tuple[str, ...]:
        """What a pen of docs/protocol.md tells and this one does not: who it is; sample numbers; its own clock; that
        it started anew, which the other two would show."""
        lacks = {
            "identity": True,
            "numbers": "counter" not in self.fields,
            "clock": "time" not in self.fields,
            "restarts": not {"counter", "time"} & self.fields.keys(),
        }
        return tuple(name for name, lacking in lacks.items() if lacking)

    def document(self) -> dict[str, Any]:
        """As plain values, without what is not there; `read_lines` reads them back."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["fields"] = {name: _plain(field) for name, field in self.fields.items()}
        values["checksum"] = _plain(self.checksum) if self.checksum else None
        values["columns"] = list(self.columns) or None
        return {name: value for name, value in values.items() if value is not None}


def _plain(part: Number | Flag | Checksum) -> dict[str, Any]:
    values = {name: getattr(part, name) for name in part.__slots__}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}


# --- reading ----------------------------------------------------------------------------------------------------------


def _scale(key: str, value: object) -> str:
    text = str(value) if type(value) is int else value
    if isinstance(text, str) and len(text) <= 20 and set(text) <= set("0123456789./-"):
        try:
            if Fraction(text):
                return text
        except (ValueError, ZeroDivisionError):
            pass
        else:
            raise ProfileError(f"pen profile: {key} = {value!r}; a scale of zero makes every number 0")
    hint = f'; write it as text: "{value}"' if isinstance(value, float) else ""
    raise ProfileError(f'pen profile: {key} = {value!r}; expected a number as text, such as "0.1" or "1/1024"{hint}')


def _texts(key: str, value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, list | tuple) else ()
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ProfileError(f'pen profile: {key} = {value!r}; expected a list of texts, such as ["1"]')
    return tuple(printable(16, least=1)(key, text) for text in texts)


def _separator(key: str, value: object) -> str:
    return "\t" if value == "\t" else str(printable(8, least=1)(key, value))


def _expression(key: str, value: object) -> str:
    text = str(printable(256, least=1)(key, value))
    try:
        Expression(text)
    except ValueError as error:
        raise ProfileError(
            f"pen profile: {key} cannot be used: {error}. Allowed is what an automaton can match: no look-around, no "
            "reference back, repetitions up to 1000 in all"
        ) from error
    return text


def _columns(key: str, value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else ()
    if not 0 < len(names) <= 64 or not all(isinstance(name, str) for name in names):
        raise ProfileError(f"pen profile: {key} = {value!r}; expected a list of field names, in the order of the line")
    return tuple(names)


def _fields(key: str, value: object) -> dict[str, Number | Flag]:
    if not isinstance(value, dict) or not value:
        raise ProfileError(f"pen profile: {key} = {value!r}; expected a table for each field")
    for name in value:
        if name not in _FIELD_TABLES:
            known = did_you_mean(name, FIELDS) or f" There are: {', '.join(FIELDS)}."
            raise ProfileError(f"pen profile: {key}.{name} is no field that a pen has.{known}")
    fields = {name: _FIELD_TABLES[name](f"{key}.{name}", value[name]) for name in FIELDS if name in value}
    for name, field in fields.items():
        if isinstance(field, Flag) and set(field.on) & set(field.off):
            raise ProfileError(f"pen profile: {key}.{name}: the same text cannot mean on and off")
    return fields


_SHORT = printable(16)
_FIELD_TABLES: dict[str, Reader] = {
    **{name: table(Number, {"unit": word(*units), "scale": _scale}, {"scale": "1"}) for name, units in _UNITS.items()},
    "counter": table(
        Number,
        {"unit": word("count"), "scale": word("1"), "wraps_at": integer(16, 2**32)},
        {"unit": "count", "scale": "1"},
    ),
    "time": table(
        Number,
        {"unit": word(*_UNITS["time"]), "scale": _scale, "wraps_at": integer(1_000, 2**63)},
        {"scale": "1", "wraps_at": None},
    ),
    **dict.fromkeys(_FLAGS, table(Flag, {"on": _texts, "off": _texts}, {})),
}
_checksum = table(
    Checksum, {"kind": word(*CHECKSUMS), "mark": printable(4, least=1), "skip": integer(0, 16)}, {"skip": 0}
)
_KEYS: dict[str, Reader] = {
    "model": printable(32, least=1),
    "calibration_id": printable(32),
    "mode": word("real", "test", "demo"),
    "sample_period_us": integer(1_000, 10_000_000),
    "longest": integer(8, 1_024),
    "ending": word("lf", "crlf", "cr"),
    "begin": _SHORT,
    "separator": _separator,
    "columns": _columns,
    **dict.fromkeys(("expression", "pass_line", "ignore"), _expression),
    "checksum": _checksum,
    "fields": _fields,
}
_OPTIONAL = {
    **dict.fromkeys(("separator", "expression", "checksum", "pass_line", "ignore")),
    "columns": (),
    "begin": "",
    "ending": "lf",
    "longest": 128,
    "calibration_id": "",
    "mode": "real",
}
_whole = table(LineFormat, _KEYS, _OPTIONAL)


def read_lines(value: object) -> LineFormat:
    """Read the `lines` table of a profile. Raises ProfileError, naming the key."""
    lines: LineFormat = _whole("lines", value)
    if (lines.separator is None) is (lines.expression is None):
        how = "neither is there" if lines.separator is None else "both are there"
        raise ProfileError(f"pen profile: lines: a line is read by a separator or by an expression, and {how}")
    if (lines.separator is None) is bool(lines.columns):
        raise ProfileError("pen profile: lines: columns goes with separator: what stands in each, in order")
    if lines.expression is None:
        names, what, key = [name for name in lines.columns if name != SKIPPED], "column", "columns"
    else:
        names, what, key = list(Expression(lines.expression).groups), "group", "expression"
    _check_names(lines, names, what, key)
    if lines.pass_line is not None and "passes" in lines.fields:
        raise ProfileError("pen profile: lines: passes are told by pass_line or by the field passes, not by both")
    if not lines.measures:
        raise ProfileError(f"pen profile: lines.fields measures nothing; expected one of {', '.join(_MEASURED)}")
    return lines


def _check_names(lines: LineFormat, names: list[str], what: str, key: str) -> None:
    """Every field stands in the line once, and every name is a field."""
    for name in names:
        if names.count(name) > 1:
            raise ProfileError(f"pen profile: lines.{key} has the {what} {name} twice")
        if name not in lines.fields:
            hint = did_you_mean(name, lines.fields)
            raise ProfileError(
                f"pen profile: lines.{key} has a {what} {name}, and lines.fields has no such field.{hint}"
            )
    for name in lines.fields:
        if name not in names:
            raise ProfileError(f"pen profile: lines.fields.{name}: the {what} {name} is missing in lines.{key}")
