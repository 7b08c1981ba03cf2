"""What a rule is, and what it can say.

A check that could not run says so, with why: `not assessable` where it was to run and its input is missing, `not
applicable` where there was nothing to check: the plan intends no number of passes, this kind of pen has no sensor.
Neither is ever `passed`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from devicelog.canonical import Json

Result = Literal["passed", "found", "not assessable", "not applicable"]
Severity = Literal["high", "medium", "low", "info"]  # info: a notice, no deviation
Alarm = Literal["medium", "low", "info"]  # high is for what threatens life at once; nothing a logger says does
Kind = Literal["session", "span"]

OURS = "ours: no clinical source exists"
BOTH: tuple[Kind, ...] = ("session", "span")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one rule says of one zone, or of the whole stream (zone None). `detail` goes into the finding.

    `severity` is None where the row's holds; a lower one where somebody allowed it or was told of it before. `message`
    is None where the row's is true; another one where what it says was mended by that.
    """

    result: Result
    zone: str | None = None
    why: str | None = None
    detail: Json | None = None
    severity: Severity | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table. `document` of it stands in the rules document that a session is judged by.

    `inputs`: the facts it looks at and no others, as paths through objects and lists: `zones.over_plan`; all that is
    under a path is meant. `alarm`: the priority of what it finds in the middle of a session; None: only the end can
    tell. `overridable`: an override with a reason, of the visit or a mark, makes what it finds a notice.
    """

    id: str
    version: int
    severity: Severity
    message: str
    inputs: tuple[str, ...]
    parameters: Json
    source: str
    assess: Callable[[Json, Json], Sequence[Outcome]]
    alarm: Alarm | None
    streams: tuple[Kind, ...] = ("session",)
    overridable: bool = False

    @property
    def live(self) -> bool:
        """What it finds in the middle of a session is found in the end too, or is worth a word at once."""
        return self.alarm is not None

    def document(self) -> Json:
        """The rule as plain values; the function is known by id, version and engine number."""
        return {
            "id": self.id,
            "version": self.version,
            "severity": self.severity,
            "message": self.message,
            "inputs": list(self.inputs),
            "parameters": self.parameters,
            "source": self.source,
            "streams": list(self.streams),
        }


_SAID = 1024  # answers without detail are values: made once and said again, once a second and zone by zone


@lru_cache(maxsize=_SAID)
def passed(zone: str | None = None) -> Outcome:
    """It was looked at, and nothing was found."""
    return Outcome(result="passed", zone=zone)


def found(
    detail: Json, zone: str | None = None, *, severity: Severity | None = None, message: str | None = None
) -> Outcome:
    """It was found; with a severity of its own where that is lower than the row's, and perhaps other words."""
    return Outcome(result="found", zone=zone, detail=detail, severity=severity, message=message)


@lru_cache(maxsize=_SAID)
def not_assessable(why: str, zone: str | None = None) -> Outcome:
    """It was to be checked, and could not be."""
    return Outcome(result="not assessable", zone=zone, why=why)


@lru_cache(maxsize=_SAID)
def not_applicable(why: str, zone: str | None = None) -> Outcome:
    """There was nothing to check."""
    return Outcome(result="not applicable", zone=zone, why=why)


def asked(facts: Json, check: str) -> bool:
    """Whether the plan asks for this check."""
    clinic = facts.get("clinic")
    return check in (facts["expected"].get("checks", ()) if clinic is None else clinic["checks"])


def asked_nothing(facts: Json, *checks: str) -> Outcome:
    """What to say of a session whose opening names nothing that the clinic recorded: of before 0.5.0, or of nobody.

    A plan that asks for one of these checks was there, so something of the clinic was to be named.
    """
    why = "nothing of the clinic was named when it was opened"
    if any(asked(facts, check) for check in checks):
        return not_assessable(f"{why}, and the plan asks for it")
    return not_applicable(why)


def unrecorded(facts: Json, why: str, *checks: str, zone: str | None = None) -> Outcome:
    """What to say of what was not recorded, by whether the plan asks for one of these checks."""
    if any(asked(facts, check) for check in checks):
        return not_assessable(why, zone)
    return not_applicable(f"{why}, and the plan does not ask for it", zone)


def judged_zones(facts: Json) -> list[Json]:
    """The zones in which the pen needled or may have."""
    return [zone for zone in facts["zones"] if zone["judged"]]


def each_judged(facts: Json, assess: Callable[[Json], Outcome]) -> list[Outcome]:
    """What a rule says of each zone in which the pen needled."""
    return [assess(zone) for zone in facts["zones"] if zone["judged"]] or [not_assessable("no sample could be judged")]


def lacks(zone: Json, column: str) -> bool:
    """Whether a column did not come with every judged sample of a zone."""
    return (zone[column]["n"] if zone[column] else 0) < int(zone["judged"])


def unmeasured(facts: Json, name: str, words: str, zone: str | None = None) -> Outcome:
    """What to say where a column did not come: missing from a pen that has it, nothing to check on one that has not."""
    if name in facts["expected"]["measures"]:
        return not_assessable(f"the pen gave no {words} for a part of it or all of it", zone)
    return not_applicable(f"this kind of pen has no {words}", zone)


def untold(facts: Json, what: str) -> bool:
    """Whether this kind of pen cannot tell this of itself: `identity`, `numbers`, `clock`, `restarts`."""
    return what in facts["expected"].get("untold", ())


def heard(facts: Json) -> bool:
    """Whether any sound frame arrived."""
    account = facts["completeness"]
    return bool(account["frames_sound"] + account["frames_unknown"])


def sum_known(counts: Iterable[int | None]) -> int | None:
    """The sum, or None when one of them is not known."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
