"""The words by which an adverse event is told: type, severity, onset, outcome.

The types are the risks that the FDA names to patients, and one that a review found; `other` is told in words. How bad,
when and how it ended are words of ours: no source was read that fixes them. Nothing here says what to do about one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devicelog.clinical.days import check_day
from devicelog.clinical.keys import suggest
from devicelog.errors import UsageProblem

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One type of event, and who names it. `evidence` is a grade of sites.toml."""

    id: str
    words: str
    source: str
    evidence: str


_FDA = {
    "dryness": "dryness",
    "roughness": "roughness",
    "tightness": "tightness",
    "redness": "redness",
    "itching": "itching",
    "peeling": "peeling",
    "discomfort": "discomfort",
    "burning": "burning",
    "bruising": "bruising",
    "bleeding": "bleeding",
    "crusting": "crusting",
    "pigment_change": "change of pigment, lighter or darker",
    "facial_lines": "lines in the face",
    "herpes": "herpes again",
    "lymph_nodes": "swollen lymph nodes",
    "infection": "infection",
    "stinging": "stinging with cosmetics",
}
TYPES: dict[str, EventType] = {
    **{id_: EventType(id=id_, words=words, source="fda_page", evidence="A") for id_, words in _FDA.items()},
    "granuloma": EventType(id="granuloma", words="granuloma", source="friedmann_2024", evidence="A"),
    "other": EventType(id="other", words="something else, told in words", source="ours", evidence="X"),
}
SEVERITIES = {
    "mild": "noticed, and no bother",
    "moderate": "a bother, or treated",
    "severe": "keeps from daily life, or needed a doctor",
}
ONSETS = {
    "during": "during the session",
    "same_day": "on the same day",
    "days": "within a week",
    "weeks": "within three months",
    "later": "later",
    "unknown": "nobody knows",
}
OUTCOMES = {
    "open": "not over yet",
    "resolved": "over, and nothing is left",
    "lasting": "something is left",
    "unknown": "nobody knows",
}
SOURCES = {
    "fda_page": "FDA, Microneedling Devices (copy of 2026-07-06), "
    "https://www.fda.gov/medical-devices/aesthetic-cosmetic-devices/microneedling-devices",
    "friedmann_2024": "Granulomatous reactions after microneedling, systematic review (15 patients in 13 papers), "
    "https://ouci.dntb.gov.ua/works/l16LrMY9",
    "ours": "looked for, and no source found",
}
_WORDS: dict[str, Mapping[str, object]] = {
    "type": TYPES,
    "severity": SEVERITIES,
    "onset": ONSETS,
    "outcome": OUTCOMES,
}


def check_event(values: Mapping[str, Any], *, today: str) -> Json:
    """An event as plain values: the four words, `reported` (to an authority or the maker), `seen` (a local day or
    None) and `words` or None. Raises UsageProblem."""
    told: Json = {}
    for key, known in _WORDS.items():
        word = values.get(key)
        if not isinstance(word, str) or word not in known:
            near = suggest(str(word), known)
            raise UsageProblem(f"{key} {word!a} is none of {', '.join(known)}.{near}")
        told[key] = word
    seen, words = values.get("seen"), values.get("words")
    if told["type"] == "other" and not words:
        raise UsageProblem("an event of type other is told in words: --words TEXT")
    if seen is not None and check_day(seen, "the day") > today:
        raise UsageProblem(f"the day {seen} is in the future: today is {today}")
    return {**told, "reported": bool(values.get("reported")), "seen": seen, "words": words}
