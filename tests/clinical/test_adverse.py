"""The words for adverse events: those of the FDA's page, and nothing that is none."""

from typing import Any

import pytest

from devicelog.clinical.adverse import SOURCES, TYPES, check_event
from devicelog.errors import UsageProblem

# FDA, "Microneedling Devices" (fda.gov, copy of 2026-07-06): common and less common risks, written down from the page.
FDA = (
    *("dryness", "roughness", "tightness", "redness", "itching", "peeling", "discomfort", "burning", "bruising"),
    *("bleeding", "crusting", "pigment", "lines in the face", "herpes", "lymph nodes", "infection"),
    "stinging with cosmetics",
)
EVENT: dict[str, Any] = {"type": "redness", "severity": "mild", "onset": "during", "outcome": "open"}
TODAY = "2031-03-01"


def test_the_risks_of_the_fda_are_all_there() -> None:
    named = [each.words for each in TYPES.values() if each.source == "fda_page"]
    assert len(named) == len(FDA)
    for words, risk in zip(named, FDA, strict=True):
        assert risk in words
    assert {each.source for each in TYPES.values()} == SOURCES.keys()
    assert TYPES["granuloma"].evidence == "A"


def test_an_event_is_told_in_four_words() -> None:
    told = check_event(EVENT, today=TODAY)
    assert told == EVENT | {"reported": False, "seen": None, "words": None}
    assert check_event(EVENT | {"reported": True, "seen": TODAY}, today=TODAY)["seen"] == TODAY


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "type": ({"type": "rednes"}, "type 'rednes' is none of .* Did you mean redness"),
    "no-type": ({"type": None}, "type None is none of"),
    "severity": ({"severity": "bad"}, "severity 'bad' is none of mild, moderate, severe"),
    "onset": ({"onset": "soon"}, "onset 'soon' is none of"),
    "outcome": ({"outcome": "fine"}, "outcome 'fine' is none of"),
    "other-without-words": ({"type": "other"}, "told in words"),
    "seen-tomorrow": ({"seen": "2031-03-02"}, "2031-03-02 is in the future"),
    "seen-never": ({"seen": "2031-02-30"}, "no day of the calendar"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_event_that_cannot_be_meant_is_refused(name: str) -> None:
    changes, words = BAD[name]
    with pytest.raises(UsageProblem, match=words):
        check_event(EVENT | changes, today=TODAY)
