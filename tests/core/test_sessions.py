"""States and marks as tables, every pair of them; what a client code, a practitioner's id and a note may look like."""

import re
import unicodedata
from typing import get_args

import pytest

from devicelog.errors import BadTransition, UsageProblem
from devicelog.records import MarkKind
from devicelog.sessions import (
    MARKS,
    MAX_NOTE,
    TRANSITIONS,
    Event,
    State,
    _is_a_day,
    check_client_code,
    check_mark,
    check_note,
    check_practitioner,
    looks_like_a_person,
    next_state,
)

STATES = get_args(State)
EVENTS = get_args(Event)
MARK_KINDS = get_args(MarkKind)

# written out here a second time, and not read from the code
ALLOWED = {
    ("planned", "open"): "recording",
    ("recording", "pause"): "paused",
    ("recording", "close"): "closed",
    ("recording", "interrupt"): "interrupted",
    ("paused", "resume"): "recording",
    ("paused", "close"): "closed",
    ("paused", "interrupt"): "interrupted",
}
POSSIBLE = {
    "planned": {"open"},
    "recording": {"pause", "close", "interrupt"},
    "paused": {"resume", "close", "interrupt"},
    "closed": set(),
    "interrupted": set(),
}
TAKEN = {
    "planned": set(),
    "recording": {
        *("zone", "pass", "pause", "note"),
        *("endpoint", "override", "cartridge", "operator", "plan"),
    },
    "paused": {"zone", "resume", "note", "endpoint", "override", "cartridge", "operator", "plan"},
    "closed": set(),
    "interrupted": set(),
}


def words_after(text: str, before: str) -> set[str]:
    return set(text.split(before, 1)[1].split(", "))


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.requirement("R08")
def test_every_state_and_event(state, event):
    if (state, event) in ALLOWED:
        assert next_state(state, event) == ALLOWED[state, event]
        return
    with pytest.raises(BadTransition) as caught:
        next_state(state, event)
    text = str(caught.value)
    assert text.startswith(f"a {state} session cannot {event}; possible: ")
    assert words_after(text, "possible: ") == (POSSIBLE[state] or {"nothing more"})


@pytest.mark.parametrize("kind", MARK_KINDS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.requirement("R08")
def test_every_state_and_mark(state, kind):
    if kind in TAKEN[state]:
        check_mark(state, kind)
        return
    with pytest.raises(BadTransition) as caught:
        check_mark(state, kind)
    text = str(caught.value)
    assert text.startswith(f"the session is {state}: a {kind} mark is not possible now; possible: ")
    assert words_after(text, "possible: ") == (TAKEN[state] or {"none"})


def test_the_tables_name_every_state_and_no_other():
    assert set(MARKS) == set(STATES)
    assert {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values()) == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_a_mark_named_like_an_event_is_taken_where_the_event_is(state):
    for kind in {"pause", "resume"}:
        assert (kind in MARKS[state]) == ((state, kind) in TRANSITIONS)


# --- client codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "C-1024",
        "a",
        'say "C" 5',
        "O'Brien 7",
        "«7»",
        "<script>alert(1)</script>",
        "Robert'); DROP TABLE client;--",
        "=1+1",
        "../../etc/passwd",
        "%s {0} $HOME \\n",
        "Zoë 7",
        "客户 1",
        "عميل ١",
        "\N{SLIGHTLY SMILING FACE} 7",
        "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5}",
        "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
        "a b",
        "a  b",
        "x" * 64,
        "\N{SLIGHTLY SMILING FACE}" * 64,
    ],
)
def test_a_client_code_is_kept_as_it_is(code):
    assert check_client_code(code) == code


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("e\N{COMBINING ACUTE ACCENT}", "é"),
        ("A\N{COMBINING RING ABOVE}se", "Åse"),
        ("\N{ANGSTROM SIGN}", "Å"),
        ("\N{HANGUL CHOSEONG HIEUH}\N{HANGUL JUNGSEONG A}\N{HANGUL JONGSEONG NIEUN}", "한"),
        ("  C-1024 ", "C-1024"),
        ("\tC-1024\n", "C-1024"),
        ("\N{NO-BREAK SPACE}C\N{IDEOGRAPHIC SPACE}", "C"),
        ("e\N{COMBINING ACUTE ACCENT}" * 64, "é" * 64),  # 128 as given, 64 as kept
    ],
)
def test_a_client_code_has_one_form(code, kept):
    assert check_client_code(code) == kept
    assert check_client_code(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)


@pytest.mark.parametrize("code", ["", " ", "\t\n", "\N{NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}", "\N{LINE SEPARATOR}"])
def test_an_empty_client_code_is_refused(code):
    with pytest.raises(UsageProblem, match=r"\Athe client code is empty\Z"):
        check_client_code(code)


@pytest.mark.parametrize("length", [65, 10_000])
def test_a_client_code_that_is_too_long_is_refused_and_not_repeated(length):
    with pytest.raises(UsageProblem) as caught:
        check_client_code("x" * length)
    assert str(caught.value) == f"the client code has {length} characters; at most 64"


UNSEEN = {
    "a NUL": "\0",
    "a bell": "\a",
    "an escape": "\x1b",
    "a tab inside": "\t",
    "a line break inside": "\n",
    "delete": "\x7f",
    "a C1 control": "\x85",
    "zero-width space": "\N{ZERO WIDTH SPACE}",
    "zero-width joiner": "\N{ZERO WIDTH JOINER}",
    "zero-width non-joiner": "\N{ZERO WIDTH NON-JOINER}",
    "word joiner": "\N{WORD JOINER}",
    "byte order mark": "\N{ZERO WIDTH NO-BREAK SPACE}",
    "soft hyphen": "\N{SOFT HYPHEN}",
    "right-to-left override": "\N{RIGHT-TO-LEFT OVERRIDE}",
    "right-to-left mark": "\N{RIGHT-TO-LEFT MARK}",
    "left-to-right isolate": "\N{LEFT-TO-RIGHT ISOLATE}",
    "line separator": "\N{LINE SEPARATOR}",
    "paragraph separator": "\N{PARAGRAPH SEPARATOR}",
    "a tag": "\N{TAG LATIN SMALL LETTER A}",
    "a lone surrogate": "\ud800",
    "private use": "\ue000",
    "unassigned": "\U000e0fff",
    "no character": "\uffff",
}


@pytest.mark.parametrize("name", UNSEEN)
def test_a_client_code_with_a_character_that_nobody_can_see_is_refused(name):
    with pytest.raises(UsageProblem) as caught:
        check_client_code(f"C{UNSEEN[name]}7")
    assert str(caught.value) == (f"the client code has a character that cannot be shown: U+{ord(UNSEEN[name]):04X}")


@pytest.mark.parametrize(
    "code",
    [
        "P-117",
        "2024-0815",
        "KM1980",
        "KM 1980",
        "REF-2024-0815",
        "client 117 of 1980",
        "P-12-03-80",
        "12.03.1980",
        "Maria Huber",
        "CASE-13-13-1980",
        "CASE-1980-13-32",
        "LOT 123-45-1980",
        "LOT 120380",
        "客户 1",
        "",
    ],
)
def test_a_code_that_is_no_person(code):
    assert not looks_like_a_person(code)


@pytest.mark.parametrize(
    "code",
    [
        "Maria Huber 12.03.1980",
        "huber-maria-1980-03-12",
        "Huber, M. 12/3/80",
        "müller 1980-03-12",
        "12.03.1980 Huber",
        "Huber 12. 3. 1980",
        "Huber 03/25/1980",
        "Huber 1980/3/12",
        "HUBER12031980",
        "huber19800312",
        "maria_huber_12_03_1980",
        "Huber 1980 03 12",
        "O'Brien 31.12.99",
        "王小明 1980-03-12",
        "7 Huber 99.99.1999 12.03.1980",
    ],
)
def test_a_code_that_looks_like_a_name_with_a_date_of_birth(code):
    assert looks_like_a_person(code)


@pytest.mark.parametrize(
    ("month", "day", "is_one"),
    [
        *((1, 1, True), (1, 31, True), (31, 1, True), (12, 31, True), (31, 12, True), (12, 12, True), (2, 13, True)),
        *((0, 1, False), (1, 0, False), (13, 13, False), (1, 32, False), (32, 1, False), (12, 32, False)),
    ],
)
def test_a_date_has_a_month_and_a_day(month, day, is_one):
    assert _is_a_day(month, day) is is_one


# --- practitioners ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("practitioner", ["p", "7", "P-07", "anna.k", "a_b", "x" * 32, "A.-_9"])
def test_a_practitioners_id(practitioner):
    assert check_practitioner(practitioner) == practitioner


@pytest.mark.parametrize(
    "practitioner",
    ["", " ", "-p", ".p", "_p", "Anna K", " p", "p ", "p\n", "p\0", "Zoë", "p/7", "p@clinic", "x" * 33, "\ud800", "٧"],
)
def test_what_is_no_practitioners_id(practitioner):
    with pytest.raises(UsageProblem) as caught:
        check_practitioner(practitioner)
    text = str(caught.value)
    assert text == f"practitioner {practitioner!a} is not an id: 1 to 32 letters, digits, dots, hyphens, underscores"
    assert text.isascii()


@pytest.mark.parametrize("practitioner", ["recorder", "Recorder", "RECORDER"])
def test_nobody_is_the_recorder(practitioner):
    with pytest.raises(UsageProblem, match=r"\Apractitioner 'recorder' is what the recorder calls itself"):
        check_practitioner(practitioner)


@pytest.mark.parametrize("practitioner", ["recorder1", "recorders", "the.recorder"])
def test_an_id_with_recorder_in_it_is_an_id(practitioner):
    assert check_practitioner(practitioner) == practitioner


def test_a_very_long_practitioners_id_is_not_repeated():
    with pytest.raises(UsageProblem) as caught:
        check_practitioner("x" * 10_000)
    assert len(str(caught.value)) < 200


# --- notes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("redness, left cheek", "redness, left cheek"),
        ("  two\nlines \r\n and\ttabs  ", "two lines and tabs"),
        ("one\N{LINE SEPARATOR}two\N{PARAGRAPH SEPARATOR}three\x85four", "one two three four"),
        ("a\N{NO-BREAK SPACE}b", "a b"),
        ("cafe\N{COMBINING ACUTE ACCENT}", "café"),
        ("\N{SLIGHTLY SMILING FACE}", "\N{SLIGHTLY SMILING FACE}"),
        ("x" * MAX_NOTE, "x" * MAX_NOTE),
        (" " * 5_000 + "x", "x"),
    ],
)
def test_a_note_is_one_line(text, kept):
    assert check_note(text) == kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the note is empty"),
        (" \n\t ", "the note is empty"),
        ("x" * 2_001, "the note has 2001 characters; at most 2000"),
        ("a\0b", "the note has a character that cannot be shown: U+0000"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b", "the note has a character that cannot be shown: U+202E"),
        ("a\ud800b", "the note has a character that cannot be shown: U+D800"),
    ],
)
def test_what_is_no_note(text, why):
    with pytest.raises(UsageProblem) as caught:
        check_note(text)
    assert str(caught.value) == why


@pytest.mark.parametrize(("length", "shown"), [(33, 33), (40, 40), (41, 40)])
def test_of_a_long_practitioners_id_forty_characters_are_shown(length, shown):
    dots = "..." if length > shown else ""
    with pytest.raises(UsageProblem, match=rf"\Apractitioner '{'x' * shown}{re.escape(dots)}' is not an id"):
        check_practitioner("x" * length)
