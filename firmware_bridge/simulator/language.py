"""The language of scenarios: text in, a Scenario out. docs/scenarios.md describes it.

Pure. An error names the file, the line, what was expected there, and the word that was probably meant. Not
responsible for where a file is (library.py), nor for whether a session is long enough (placing.py).
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from fractions import Fraction
from typing import TypeVar

from firmware_bridge.simulator.arm import ZONES
from firmware_bridge.simulator.kinds import KINDS, PENS, Kind
from firmware_bridge.simulator.scenario import (
    CONFIDENCES,
    WHOLE_PPM,
    Confidence,
    Event,
    Scenario,
    ScenarioError,
    Time,
)

MAX_LINES, MAX_LINE = 1_000, 300
NEAR_ENOUGH = 0.6  # of two words, 1 is the same: nearer than this, and it was probably meant
MAX_TIME_US = 24 * 3_600_000_000

_WORD = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?|%|[^\s0-9%][^\s%]*")
_NUMBER = re.compile(r"[-+]?[0-9]")
_SECONDS = {"s": 1_000_000, "ms": 1_000, "min": 60_000_000}
Word = TypeVar("Word", bound=str)
_A_TIME = "a time (3.2s, 45%, 30% of cheek.left)"


def parse_scenario(text: str, name: str = "scenario") -> Scenario:
    """Read a scenario. `name` is the scenario's, and stands in errors. Raises ScenarioError."""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ScenarioError(f"{name}: {len(lines)} lines; a scenario has at most {MAX_LINES}")
    story = ""
    clock: Confidence | None = None
    pen: list[str] = []
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        words = _Line(line.split("#", 1)[0], f"{name}, line {number}")
        if not words.left:
            continue
        match words.one_of(("at", "pen", "clock", "story"), "the first word of a line"):
            case "at":
                events.append(_event(words, number))
            case "pen":
                pen.append(words.phrase(PENS, "what the pen lacks"))
                if pen.count(pen[-1]) > 1:
                    raise words.error(f"'pen {pen[-1]}' stands twice")
            case "clock":
                if clock is not None:
                    raise words.error("a second clock line")
                clock = words.one_of(CONFIDENCES, "how far the clock of the recorder can be believed")
            case _:
                if story:
                    raise words.error("a second story")
                story = words.rest()
        words.end()
    scenario = Scenario(name=name, story=story, pen=tuple(pen), clock=clock or "synced", events=tuple(events))
    _check_pen(scenario)
    return scenario


class _Line:
    """The words of one line, taken one by one. A number and its unit may stand together: 2800um."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        if len(text) > MAX_LINE:
            raise self.error(f"{len(text)} characters; at most {MAX_LINE}")
        if bad := next((character for character in text if not character.isprintable() and character != "\t"), None):
            raise self.error(f"a character that cannot be shown: U+{ord(bad):04X}")
        self._text = text
        self.left: list[str] = _WORD.findall(text)

    def error(self, says: str) -> ScenarioError:
        return ScenarioError(f"{self._where}: {says}")

    def expected(self, what: str, known: Sequence[str] = (), *, words: int = 1) -> ScenarioError:
        """The error for the next word: what should stand there, and the known one that is nearest, or all of them."""
        spellings = [" ".join(self.left[:count]) for count in range(1, words + 1)]
        pairs = [
            (SequenceMatcher(None, spelling, word).ratio(), spelling, word) for spelling in spellings for word in known
        ]
        nearness, found, near = max(pairs, default=(0.0, spellings[0], ""))
        if nearness < NEAR_ENOUGH:
            found, near = spellings[0], ""
        meant = f"; did you mean {near!r}?" if near else f"; possible: {', '.join(known)}" if known else ""
        return self.error(f"expected {what}, {f'found {found!r}' if found else 'and the line ends'}{meant}")

    def one_of(self, known: Sequence[Word], what: str) -> Word:
        """The next word, which must be one of these."""
        word = next((word for word in known if self.left and word == self.left[0]), None)
        if word is None:
            raise self.expected(what, known)
        del self.left[0]
        return word

    def phrase(self, known: Iterable[str], what: str) -> str:
        """The next one or two words, which must be one of these phrases."""
        known = tuple(known)
        for length in (2, 1):
            words = " ".join(self.left[:length])
            if words in known:
                del self.left[:length]
                return words
        found = [word for word in self.left[:2] if not _NUMBER.match(word)]
        raise self.expected(what, known, words=max(1, len(found)))

    def took(self, *words: str) -> bool:
        """Whether the next words are these; then they are taken."""
        if tuple(self.left[: len(words)]) != words:
            return False
        del self.left[: len(words)]
        return True

    def number(self, what: str) -> Fraction:
        if not self.left or not _NUMBER.match(self.left[0]):
            raise self.expected(what)
        return Fraction(self.left.pop(0))

    def rest(self) -> str:
        """Everything that is left, as it was written."""
        self.left = []
        return " ".join(self._text.split()[1:])

    def end(self) -> None:
        if self.left:
            raise self.expected("the end of the line")


def _event(words: _Line, number: int) -> Event:
    at = _time(words)
    on_skin = words.took("on", "skin")
    if on_skin and at.zone is not None:
        raise words.error(f"{at} is on the skin; leave 'on skin' out")
    kind = KINDS[words.phrase(KINDS, "what goes wrong")]
    amount = None if kind.unit is None else _amount(words, kind)
    lasts, least_us, skin_time = None, 0, False
    if kind.lasts != "no" and words.took("for"):
        lasts = _time(words)
        if words.took("at", "least"):
            least = _time(words)
            if least.share_ppm is not None or not least.us:
                raise words.error("'at least' wants a time in seconds, over 0")
            least_us = least.us
        if not lasts.us and not lasts.share_ppm:
            raise words.error("it lasts no time at all")
        skin_time = words.took("on", "skin")
        if skin_time and lasts.zone is not None:
            raise words.error(f"{lasts} is counted on the skin; leave 'on skin' out")
        _check_share(words, at, lasts)
    elif kind.lasts == "must":
        raise words.expected(f"'for' and how long the {kind.name} lasts")
    return Event(
        what=kind.name,
        at=at,
        on_skin=on_skin,
        amount=amount,
        lasts=lasts,
        least_us=least_us,
        skin_time=skin_time,
        line=number,
    )


def _check_share(words: _Line, at: Time, lasts: Time) -> None:
    """A length in contact time is counted on from a beginning in contact time, and stays in its zone."""
    if lasts.zone is not None and lasts.zone != at.zone:
        raise words.error(f"a length 'of {lasts.zone}' wants a beginning 'of {lasts.zone}'")
    shares_ppm = None if None in (at.share_ppm, lasts.share_ppm) else (at.share_ppm or 0) + (lasts.share_ppm or 0)
    if shares_ppm is not None and at.zone == lasts.zone and shares_ppm > WHOLE_PPM:
        raise words.error(f"from {at} on there are no {lasts} left")


def _time(words: _Line) -> Time:
    number = words.number(_A_TIME)
    if number < 0:
        raise words.error("a time before the session began")
    if words.took("%"):
        share_ppm = number * WHOLE_PPM / 100
        if share_ppm > WHOLE_PPM or share_ppm.denominator != 1:
            raise words.error("a share is 0 to 100 %, with at most four decimals")
        if not words.took("of"):
            return Time(share_ppm=share_ppm.numerator)
        return Time(share_ppm=share_ppm.numerator, zone=words.one_of(ZONES, "a zone"))
    us = number * _SECONDS[words.one_of(tuple(_SECONDS), "%, or a unit of time")]
    if us > MAX_TIME_US or us.denominator != 1:
        raise words.error("a time is 0 to 24 hours, in whole microseconds")
    return Time(us=us.numerator)


def _amount(words: _Line, kind: Kind) -> int:
    number = words.number(f"how many {kind.unit}")
    value = number * kind.units[words.phrase(kind.units, f"the unit of {kind.name}")]
    if value.denominator != 1 or not kind.low <= value <= kind.high:
        raise words.error(f"{kind.name} of {value} {kind.unit}; expected a whole number, {kind.low} to {kind.high}")
    return value.numerator


def _check_pen(scenario: Scenario) -> None:
    """Raises ScenarioError for a pen that has nothing, and for what cannot go wrong with this one."""
    lacks = scenario.lacks
    if {"dial", "depth", "sensor"} <= lacks:
        raise ScenarioError(f"{scenario.name}: a pen with neither dial nor sensor tells no depth at all")
    for event in scenario.events:
        if event.kind.needs in lacks:
            lacking = f"the pen has no {event.kind.needs}"
            raise ScenarioError(f"{scenario.name}, line {event.line}: {event.what}: {lacking}")
