"""What the columns of the tables are: name, type, unit, range, and what they mean. Pure, and only data.

The unit stands in the name: `_us` microseconds, `_um` micrometres, `_dhz` tenths of a hertz. A range is one that every
honest value is in, and no clinical limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from devicelog.samples import COLUMNS

Kind = Literal["integer", "string", "datetime", "boolean"]

_UNITS = {"_us": "us", "_um": "um", "_dhz": "dHz"}  # of UCUM
_U16, _U32 = 2**16 - 1, 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `least` and `most` go with integers, `words` with strings; `always`: it is never empty."""

    name: str
    says: str
    kind: Kind = "integer"
    least: int | None = None
    most: int | None = None
    words: tuple[str, ...] = ()
    always: bool = False

    @property
    def unit(self) -> str | None:
        """The UCUM code of its unit; None for a count or a text."""
        return next((unit for end, unit in _UNITS.items() if self.name.endswith(end)), None)

    def field(self) -> dict[str, Any]:
        """The column as a field of a Table Schema."""
        limits = {
            "required": self.always or None,
            "minimum": self.least,
            "maximum": self.most,
            "enum": list(self.words) or None,
        }
        constraints = {name: value for name, value in limits.items() if value is not None}
        field: dict[str, Any] = {"name": self.name, "type": self.kind, "description": self.says}
        if self.kind == "boolean":
            field |= {"trueValues": ["1"], "falseValues": ["0"]}
        if self.unit is not None:
            field["unit"] = self.unit
        return field | ({"constraints": constraints} if constraints else {})


def _id(name: str, says: str, *, always: bool = False, words: tuple[str, ...] = ()) -> Column:
    return Column(name=name, says=says, kind="string", always=always, words=words)


def _count(name: str, says: str, *, most: int | None = None, always: bool = False) -> Column:
    return Column(name=name, says=says, least=0, most=most, always=always)


_SESSION = _id("session", "id of the session or span", always=True)

SESSIONS = (
    _SESSION,
    _id(
        "kind",
        "a session, or a span in which the pen was listened to outside one",
        always=True,
        words=("session", "span"),
    ),
    _id(
        "mode",
        "real; demo and test: simulated, no person was treated; unknown: nothing said so",
        always=True,
        words=("real", "test", "demo", "unknown"),
    ),
    _id("status", "recording, paused, closed or interrupted", always=True),
    _id("verdict", "of the newest derivation; empty while it is open"),
    Column(
        name="opened_at", says="wall clock, UTC; column clock says how far to believe it", kind="datetime", always=True
    ),
    Column(name="closed_at", says="the same, of its end", kind="datetime"),
    _id("clock", "how far the wall clock can be believed", words=("synced", "rtc", "restored", "unknown")),
    _count("duration_us", "from its first record to its last, by the monotonic clock", always=True),
    _id("end_cause", "what ended it; empty where it was interrupted or goes on"),
    _id("client", "the clinic's code of the client or what this recipient calls them; empty: erased or not shown"),
    _id("client_ref", "random reference of the client in this log; empty: a span, or not shown"),
    _id("practitioner", "id of who recorded it"),
    _id("auth", "how the practitioner was checked; none: not at all"),
    _id("plan", "id of the plan"),
    _id("plan_label", "its name"),
    _id("indication", "what the plan is for"),
    _count("pens", "how many pens, or one in how many settings, said who they are", always=True),
    _id("pen_model", "the newest pen's, as it said"),
    _id("pen_serial", "likewise"),
    _id("pen_firmware", "likewise"),
    _id("pen_calibration", "likewise"),
    _id("cartridge", "likewise"),
    _count("samples", "samples decoded", always=True),
    _count("missing", "samples known to be missing; empty: not known"),
    _count("bytes_read", "bytes the reader of the port counted; empty: interrupted"),
    _count("bytes_kept", "bytes in the records", always=True),
    Column(name="accounts_close", says="whether every account of completeness closes", kind="boolean", always=True),
    _count("findings", "how many findings", always=True),
    _count("not_assessable", "how many checks could not run", always=True),
    _count("notes", "how many notes were made; their texts are in no table", always=True),
    _count("derivation", "which derivation this is, from 1; empty while it is open"),
    _count("derivations", "how many there are", always=True),
    _id("derived_sha256", "SHA-256 of the derived record, hex"),
    _count("engine", "number of the rules by which records became facts"),
    Column(name="corrected_at", says="when this derivation was made, if it corrects one before it", kind="datetime"),
    _id("corrected_by", "id of who corrected it"),
    _id("correction_reason", "why, as it was written; empty: none, erased or not shown"),
)

ZONES = (
    _SESSION,
    _id("zone", "id of the zone; unassigned: none was marked", always=True),
    _count("samples", "samples decoded here", always=True),
    _count("judged", "of them, on the skin or perhaps: those that depth and frequency are of", always=True),
    _count("contact_us", "time on the skin", always=True),
    _count(
        "contact_unknown_us", "time with the motor on and contact not known: it is not time off the skin", always=True
    ),
    _count("paused_contact_us", "of contact_us, while the session was paused", always=True),
    _count("glides", "intervals of contact", always=True),
    _count("longest_glide_us", "the longest of them", always=True),
    _count("strokes", "by the pen's counter; empty: not recorded"),
    _count("passes_low", "the lowest count of passes, whoever counted; empty: nobody did"),
    _count("passes_high", "the highest"),
    _count("passes_pen", "by the pen; empty: not recorded"),
    _count("passes_operator", "as marked by the operator; empty: none was marked in this session"),
    _count("depth_n", "how many measured depths", always=True),
    Column(
        name="depth_min_um", says="least measured needle depth; neither this nor the setting is depth reached in tissue"
    ),
    Column(name="depth_mean_um", says="mean of them, rounded half up"),
    Column(name="depth_max_um", says="greatest"),
    _count("depth_set_min_um", "least setting of the dial while judged", most=_U16),
    _count("depth_set_max_um", "greatest", most=_U16),
    _count("frequency_min_dhz", "least stroke frequency", most=_U16),
    _count("frequency_mean_dhz", "mean of it, rounded half up", most=_U16),
    _count("frequency_max_dhz", "greatest", most=_U16),
    _count("plan_min_um", "least depth the plan wants here; empty: none"),
    _count("plan_max_um", "greatest"),
    _count("device_max_um", "greatest depth the pen's profile allows"),
    _count("tolerance_um", "of the pen's sensor, as its profile says"),
    _count("over_plan_us", "time deeper than the plan allows; empty: not assessed"),
    _count("under_plan_us", "time less deep than the plan wants; empty: not assessed"),
    _count("over_device_us", "time deeper than the pen can be; empty: not assessed"),
)

FINDINGS = (
    _SESSION,
    Column(name="number", says="from 1 in each session", least=1, always=True),
    _id(
        "result",
        "not assessable: it was to be checked and could not be; such a check has not passed",
        always=True,
        words=("found", "not assessable", "not applicable"),
    ),
    _id("rule", "id of the rule", always=True),
    Column(name="version", says="of the rule", least=1, always=True),
    _id("zone", "where; empty: the whole session"),
    _id("severity", "of a finding", words=("high", "medium", "low", "info")),
    _id("message", "what was found, in words"),
    _id("why", "why it could not be assessed, or had nothing to be assessed"),
    _id("detail", "the figures, as canonical JSON"),
)

_READINGS: Mapping[str, Column] = {
    column.name: column
    for column in (
        _count("record", "number of the record that completed the frame", always=True),
        Column(name="arrived_us", says="when that was, since the first record, by this computer's clock", always=True),
        _id("zone", "where the operator said they were, or was corrected to", always=True),
        _count("boot", "the pen's boot counter", most=_U16),
        _count("seq", "number of the sample, by the pen", most=_U32),
        _count("pen_t_us", "the pen's own clock at the sample; begins anew every 71.6 minutes", most=_U32),
        _id("mode", "what the frame says it is", always=True, words=("real", "test", "demo")),
        _count("motor_on", "1: the motor runs", most=1, always=True),
        _count("depth_set_um", "the dial; not depth reached in tissue", most=_U16),
        Column(name="depth_um", says="measured needle depth; not depth reached in tissue"),
        _count("raw_count", "the sensor's own count", most=_U16),
        _count("frequency_dhz", "strokes a second, in tenths", most=_U16),
        _count("contact", "1: on the skin; empty: the pen does not know", most=1),
        _count("passes", "the pen's counter of the frame", most=_U32),
        _count("strokes", "likewise", most=_U32),
        _id("depth_by", "whose calibration depth_um is by; empty: there is none", words=("pen", "host")),
    )
}
READINGS = tuple(_READINGS[name] for name in COLUMNS)
