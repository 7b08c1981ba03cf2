"""What a rule is, and what it can say.

A check that could not run says so, with why: `not assessable` where it was to run and its input is missing, `not
applicable` where there was nothing to check: the plan intends no number of passes, this kind of pen has no sensor.
Neither is ever `passed`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from devicelog.canonical import Json

Result = Literal["passed", "found", "not assessable", "not applicable"]
Severity = Literal["high", "medium", "low"]
Kind = Literal["session", "span"]

BOTH: tuple[Kind, ...] = ("session", "span")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one rule says of one zone, or of the whole stream (zone None). `detail` goes into the finding."""

    result: Result
    zone: str | None = None
    why: str | None = None
    detail: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table. `parameters` and `source` stand in the rules document that a session is judged by.

    `live`: what it finds in the middle of a session is found in the end too, or is worth a word at once.
    """

    id: str
    version: int
    severity: Severity
    message: str
    parameters: Json
    source: str
    assess: Callable[[Json, Json], Sequence[Outcome]]
    streams: tuple[Kind, ...] = ("session",)
    live: bool = True

    def document(self) -> Json:
        """The rule as plain values; the function is known by id, version and engine number."""
        return {
            "id": self.id,
            "version": self.version,
            "severity": self.severity,
            "message": self.message,
            "parameters": self.parameters,
            "source": self.source,
            "streams": list(self.streams),
        }


def passed(zone: str | None = None) -> Outcome:
    """It was looked at, and nothing was found."""
    return Outcome(result="passed", zone=zone)


def found(detail: Json, zone: str | None = None) -> Outcome:
    """It was found."""
    return Outcome(result="found", zone=zone, detail=detail)


def not_assessable(why: str, zone: str | None = None) -> Outcome:
    """It was to be checked, and could not be."""
    return Outcome(result="not assessable", zone=zone, why=why)


def not_applicable(why: str, zone: str | None = None) -> Outcome:
    """There was nothing to check."""
    return Outcome(result="not applicable", zone=zone, why=why)


def judged_zones(facts: Json) -> list[Json]:
    """The zones in which the pen needled or may have."""
    return [zone for zone in facts["zones"] if zone["judged"]]


def each_judged(facts: Json, assess: Callable[[Json], Outcome]) -> list[Outcome]:
    """What a rule says of each zone in which the pen needled."""
    return [assess(zone) for zone in judged_zones(facts)] or [not_assessable("no sample could be judged")]


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
