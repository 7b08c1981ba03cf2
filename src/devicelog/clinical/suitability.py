"""Whether health answers, age and skin type fit a treatment: rows for whoever treats, and one word for everybody else.

What this reads is personal, and its rows are too: they are kept as a private text. Only the word may stand in an entry
or a document (docs/adr/0017). It gives no advice: a yes is held up to a person, who may have a reason to go on.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from devicelog.clinical.days import age_on
from devicelog.clinical.devices import PHOTOTYPES, Clearance, Devices
from devicelog.clinical.screening import Questionnaire

Json = dict[str, Any]
Result = Literal["passed", "found", "not assessable"]
Severity = Literal["high", "medium", "low", "info"]
Word = Literal["not recorded", "clear", "word missing", "word given"]

SUITABILITY_SCHEMA = "devicelog.suitability/1"
CHECKS = ("screening", "clearance")  # the words by which a plan asks for these
DARKER_FROM = "IV"  # of PHOTOTYPES
_CHECK_OF = {"screening.yes": "screening", "clearance.age": "clearance", "clearance.skin_type": "clearance"}
NOTICE = "skin_type.darker"
CLEARANCE_RULES = ("clearance.age", "clearance.skin_type")
RULES: dict[str, tuple[int, Severity]] = {
    "screening.yes": (1, "high"),
    "clearance.age": (1, "medium"),
    "clearance.skin_type": (1, "medium"),
    NOTICE: (1, "info"),  # a standing notice: it needs no word at every session
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one rule says. `question`: of a yes. `detail` is for the person who treats, and personal. `what`: that which
    was found, and is found again as long as nothing of it has changed; personal, too."""

    rule: str
    version: int
    severity: Severity
    result: Result
    detail: str
    source: str
    question: str | None = None
    what: str | None = None

    @property
    def name(self) -> str:
        """What a word must name to be about this row: a question, or what was found."""
        return self.question or self.what or self.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a person is held against at some sites of one treatment; `own`: cleared for this use there, not for others
    only."""

    sites: tuple[str, ...]
    clearances: tuple[Clearance, ...]
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What is known of the person, None where it is not recorded. `answers`: of this visit, by question, yes is True.

    `born` is a local day; `phototype` a Fitzpatrick type, I to VI.
    """

    answers: Mapping[str, bool] | None
    born: str | None
    phototype: str | None


def suitability(
    client: Client,
    *,
    questionnaire: Questionnaire,
    devices: Devices,
    device: str | None,
    indication: str | None,
    sites: Collection[str],
    day: str | None,
) -> list[Row]:
    """One row for every question answered with yes, or one for all of them; and one for each other rule.

    `device` is an id of devices.toml or any other; `indication` and `sites` are those of the plan, in the words of
    limits.toml; `day` the local day of the treatment. Raises UsageProblem for a day that is none.
    """
    held = _held_against(devices, device, indication, sites)
    use: dict[str, str | None] = {
        "the device": device,
        "the indication": indication,
        "the site": ", ".join(sites) or None,
    }
    return [
        *_screening(client.answers, questionnaire),
        _age(client.born, day, held, use),
        _skin_type(client.phototype, held, use),
        darker(client.phototype),
    ]


def word_of(rows: Iterable[Row], *, words_given: Collection[str], checks: Collection[str] = CHECKS) -> Word:
    """The one word. `words_given`: what a person has given a reason for, by `Row.name`. `checks`: those asked for.

    What was found counts whether it was asked for or not. What could not be looked at is `not recorded` where it was
    asked for, and so is a client of whom nothing could be looked at.
    """
    counted = [row for row in rows if row.rule in _CHECK_OF]
    found = [row for row in counted if row.result == "found"]
    if any(row.name not in words_given for row in found):
        return "word missing"
    missing = [row for row in counted if row.result == "not assessable"]
    if any(_CHECK_OF[row.rule] in checks for row in missing) or len(missing) == len(counted):
        return "not recorded"
    return "word given" if found else "clear"


def suitability_document(rows: Iterable[Row]) -> Json:
    """The rows as plain values. Personal: for a private text only."""
    return {"schema": SUITABILITY_SCHEMA, "rows": [asdict(row) for row in rows]}


def _row(
    rule: str, result: Result, detail: str, source: str, question: str | None = None, what: str | None = None
) -> Row:
    version, severity = RULES[rule]
    return Row(
        rule=rule,
        version=version,
        severity=severity,
        result=result,
        detail=detail,
        source=source,
        question=question,
        what=what,
    )


def _screening(answers: Mapping[str, bool] | None, questionnaire: Questionnaire) -> list[Row]:
    if answers is None:
        source = f"questionnaire {questionnaire.name}"
        return [_row("screening.yes", "not assessable", "the questions were not answered for this visit", source)]
    checked = questionnaire.check(answers)
    rows = [
        _row(
            "screening.yes",
            "found",
            f"yes: {each.text}" + (" (about the topical anaesthetic)" if each.concerns == "anaesthetic" else ""),
            f"{', '.join(each.source)} ({each.evidence})",
            each.id,
        )
        for each in questionnaire.yes(checked)
    ]
    if rows:
        return rows
    no = f"no to all {len(checked)} questions"
    return [_row("screening.yes", "passed", no, f"questionnaire {questionnaire.name}")]


def _held_against(
    devices: Devices, device: str | None, indication: str | None, sites: Collection[str]
) -> tuple[Held, ...]:
    """The clearances for this use at each site; where there are none, all that the device has."""
    if device is None or indication is None or not devices.of(device):
        return ()
    at: dict[tuple[Clearance, ...], list[str]] = {}
    for site in sorted(sites):
        at.setdefault(devices.cleared_for(device, indication, site), []).append(site)
    return tuple(
        Held(sites=tuple(here), clearances=cleared or devices.of(device), own=bool(cleared))
        for cleared, here in at.items()
    )


def _age(born: str | None, day: str | None, held: tuple[Held, ...], use: Mapping[str, str | None]) -> Row:
    rule = "clearance.age"
    if missing := _missing(held, {**use, "the birth date": born, "the day": day}):
        return _row(rule, "not assessable", missing, _sources(held))

    def at(here: Held) -> tuple[Result, str, str]:
        known = [each.age_from for each in here.clearances if each.age_from is not None]
        if born is None or day is None or len(known) < len(here.clearances):  # two for the type checker: see `missing`
            return "not assessable", "the age that a clearance names is not known here", ""
        # Cleared twice for the same use: who fits one fits. Cleared for other uses only: who fits not all is named.
        least = min(known) if here.own else max(known)
        age, from_ = age_on(born, day), f"{_numbers(here)} from {least} on{_borrowed(here, use)}"
        return ("passed" if age >= least else "found"), f"{age} years on {day}; {from_}", f"born {born}; {from_}"

    return _worst(rule, held, at)


def _skin_type(phototype: str | None, held: tuple[Held, ...], use: Mapping[str, str | None]) -> Row:
    rule = "clearance.skin_type"
    if missing := _missing(held, {**use, "the skin type": phototype}):
        return _row(rule, "not assessable", missing, _sources(held))

    def at(here: Held) -> tuple[Result, str, str]:
        known = [set(each.phototypes) for each in here.clearances if each.phototypes is not None]
        if len(known) < len(here.clearances):
            return "not assessable", "the skin types that a clearance names are not known here", ""
        wanted = set.union(*known) if here.own else set.intersection(*known)
        types = ", ".join(each for each in PHOTOTYPES if each in wanted) or "none in common"
        words = f"type {phototype}; {_numbers(here)}: {types}{_borrowed(here, use)}"
        return ("passed" if phototype in wanted else "found"), words, words

    return _worst(rule, held, at)


def _worst(rule: str, held: tuple[Held, ...], at: Callable[[Held], tuple[Result, str, str]]) -> Row:
    """The one row of a rule that was asked at each place: what was found at any is found, and said of where."""
    told = [(here, *at(here)) for here in held]
    order: tuple[Result, ...] = ("found", "not assessable", "passed")
    result = min((each[1] for each in told), key=order.index)
    here = [each for each in told if each[1] == result]
    where = {each[0]: f" ({', '.join(each[0].sites)})" if len(told) > 1 else "" for each in here}
    version = RULES[rule][0]
    return _row(
        rule,
        result,
        "; ".join(f"{words}{where[held_]}" for held_, _, words, _ in here),
        _sources(tuple(each[0] for each in here)),
        what=f"{rule} {version}: " + "; ".join(f"{what}{where[held_]}" for held_, _, _, what in here)
        if result == "found"
        else None,
    )


def darker(phototype: str | None) -> Row:
    """From which type skin is a darker one the FDA does not say; reviews of skin of colour mean IV to VI."""
    rule, source = NOTICE, "fda_page (A); from type IV: cohen_2016 (A), as reviews use the word"
    if phototype is None:
        return _row(rule, "not assessable", "the skin type is not recorded", source)
    if PHOTOTYPES.index(phototype) < PHOTOTYPES.index(DARKER_FROM):
        return _row(rule, "passed", f"type {phototype}", source)
    words = f"type {phototype}: needling can change the colour of darker skin, and not all devices were studied on it"
    return _row(rule, "found", words, source)


def _missing(held: tuple[Held, ...], inputs: Mapping[str, str | None]) -> str | None:
    """Why nothing can be compared, or None."""
    left = [what for what, value in inputs.items() if value is None]
    if left:
        return " and ".join(left) + (" is" if len(left) == 1 else " are") + " not recorded"
    return None if held else f"no clearance of {inputs['the device']} is known here"


def _numbers(held: Held) -> str:
    return ", ".join(dict.fromkeys(each.number for each in held.clearances))


def _borrowed(held: Held, use: Mapping[str, str | None]) -> str:
    where = ", ".join(held.sites)
    return "" if held.own else f" (cleared for other uses; none names {use['the indication']} at {where})"


def _sources(held: tuple[Held, ...]) -> str:
    named = dict.fromkeys(f"{', '.join(each.source)} ({each.evidence})" for here in held for each in here.clearances)
    return "; ".join(named) or "devices.toml"
