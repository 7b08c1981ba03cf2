"""A session's states and what may be done in each, as tables. Also what a zone, a client code and an id may look like.

Not responsible for keeping a session (store) nor for what its data means (derive).
"""

import re
import unicodedata
from typing import Literal

from devicelog.errors import BadTransition, UsageProblem
from devicelog.records import MarkKind

State = Literal["planned", "recording", "paused", "closed", "interrupted"]
Event = Literal["open", "pause", "resume", "close", "interrupt"]

UNASSIGNED = "unassigned"

# A planned session is not yet in the database: its opening entry is written when the pen has said who it is.
TRANSITIONS: dict[tuple[State, Event], State] = {
    ("planned", "open"): "recording",
    ("recording", "pause"): "paused",
    ("paused", "resume"): "recording",
    ("recording", "close"): "closed",
    ("paused", "close"): "closed",
    ("recording", "interrupt"): "interrupted",
    ("paused", "interrupt"): "interrupted",
}

# What is seen, allowed or changed: a cartridge is changed and a session handed over in a pause rather than out of one.
_ANY_TIME: frozenset[MarkKind] = frozenset({"zone", "note", "endpoint", "override", "cartridge", "operator", "plan"})
# Which marks each state takes. Those named like an event change the state; the others do not.
MARKS: dict[State, frozenset[MarkKind]] = {
    "planned": frozenset(),
    "recording": _ANY_TIME | {"pass", "pause"},
    "paused": _ANY_TIME | {"resume"},
    "closed": frozenset(),
    "interrupted": frozenset(),
}

_PRACTITIONER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
_CARTRIDGE = re.compile(r"x-[0-9a-hjkmnp-tv-z]{10}\Z")
_MAX_CLIENT_CODE = 64
MAX_NOTE = 2000
_LEAST_REASON = 3
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that show nothing
_NAME = re.compile(r"[^\W\d_]{3,}")
# As people write a date of birth; a year of two digits only where day and month are set apart from it.
_DATES = (
    re.compile(r"(?<!\d)(?P<day>\d{1,2})\s*([./ _-])\s*(?P<month>\d{1,2})\s*\2\s*(?:(?:19|20)\d\d|\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?:19|20)\d\d([./ _-]?)(?P<month>\d{2}|(?<=\D)\d)\1(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<day>\d\d)(?P<month>\d\d)(?:19|20)\d\d(?!\d)"),
)


def next_state(state: State, event: Event) -> State:
    """The state after an event. Raises BadTransition, saying which events this state takes."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        possible = ", ".join(to for (of, to) in TRANSITIONS if of == state) or "nothing more"
        raise BadTransition(f"a {state} session cannot {event}; possible: {possible}") from None


def check_mark(state: State, kind: MarkKind) -> None:
    """Raises BadTransition when a session in this state does not take this mark."""
    if kind not in MARKS[state]:
        possible = ", ".join(sorted(MARKS[state])) or "none"
        raise BadTransition(f"the session is {state}: a {kind} mark is not possible now; possible: {possible}")


def check_client_code(code: str) -> str:
    """The code in NFC. Raises UsageProblem when it is empty, too long, or has characters nobody can see."""
    code = unicodedata.normalize("NFC", code).strip()
    if not code:
        raise UsageProblem("the client code is empty")
    if len(code) > _MAX_CLIENT_CODE:
        raise UsageProblem(f"the client code has {len(code)} characters; at most {_MAX_CLIENT_CODE}")
    if bad := _unseen(code):
        raise UsageProblem(f"the client code has a character that cannot be shown: {bad}")
    return code


def names_code(text: str, code: str) -> bool:
    """Whether this client code stands in a text as a word of its own, in capitals or not."""
    return re.search(rf"(?<!\w){re.escape(code.casefold())}(?!\w)", text.casefold()) is not None


def looks_like_a_person(code: str) -> bool:
    """Whether a client code looks like a name with a date of birth: a word of letters, and a date beside it."""
    return any(
        _NAME.search(code[: found.start()] + " " + code[found.end() :])
        for form in _DATES
        for found in form.finditer(code)
        if _is_a_day(int(found["month"]), int(found["day"]))
    )


def _is_a_day(first: int, second: int) -> bool:
    """A month and a day, or, as some write it, a day and a month."""
    return (1 <= first <= 12 and 1 <= second <= 31) or (1 <= second <= 12 and 1 <= first <= 31)


def check_practitioner(practitioner: str) -> str:
    """The id as it was given. Raises UsageProblem when it is none: it goes into the ledger and must not be a name."""
    if practitioner.lower() == "recorder":
        raise UsageProblem("practitioner 'recorder' is what the recorder calls itself; choose another id")
    if not _PRACTITIONER.match(practitioner):
        shown = ascii(practitioner if len(practitioner) <= 40 else practitioner[:40] + "...")
        raise UsageProblem(f"practitioner {shown} is not an id: 1 to 32 letters, digits, dots, hyphens, underscores")
    return practitioner


def check_note(text: str, what: str = "note") -> str:
    """The text in NFC, without line breaks. Raises UsageProblem when it is empty or too long; `what` it is called."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if not text:
        raise UsageProblem(f"the {what} is empty")
    if len(text) > MAX_NOTE:
        raise UsageProblem(f"the {what} has {len(text)} characters; at most {MAX_NOTE}")
    if bad := _unseen(text):
        raise UsageProblem(f"the {what} has a character that cannot be shown: {bad}")
    return text


def check_reason(text: str) -> str:
    """A reason, wherever one is taken, as `check_note`. Raises UsageProblem also when nobody could read one in it."""
    text = check_note(text, "reason")
    seen = sum(unicodedata.category(character)[0] in "LNPS" and character not in _BLANK for character in text)
    if seen < _LEAST_REASON:
        raise UsageProblem(f"the reason {text!r} is too short: say in {_LEAST_REASON} characters at least why")
    return text


def check_cartridge(cartridge: str) -> str:
    """The id as it was given. Raises UsageProblem when it is none."""
    if not _CARTRIDGE.match(cartridge):
        raise UsageProblem(f"{cartridge[:40]!a} is no cartridge: `x-` and ten letters and digits")
    return cartridge


def _unseen(text: str) -> str | None:
    """The first control, format, surrogate, unassigned or line-breaking character, spelled out."""
    for character in text:
        if unicodedata.category(character)[0] == "C" or character in "\u2028\u2029":
            return f"U+{ord(character):04X}"
    return None
