"""Screening, age and skin type against the exact device: just inside, just outside, missing; and the one word."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.canonical import canonical
from devicelog.clinical.data import list_plans, load_limits, load_plan, load_zones
from devicelog.clinical.plan import sites_of
from devicelog.clinical.shipped import load_devices, load_questionnaire
from devicelog.clinical.suitability import CHECKS, RULES, Client, Row, suitability, suitability_document, word_of

QUESTIONS, DEVICES = load_questionnaire(), load_devices()
NO = QUESTIONS.all_no_but([])
DAY = "2031-03-01"


def rows(device: str | None = "exceed", use: str | None = "acne-scars cheek", **changes: Any) -> list[Row]:
    """`use`: the indication and the sites of a plan, as its words are."""
    day, (indication, *sites) = changes.pop("day", DAY), use.split() if use else (None, "cheek")
    client = Client(**{"answers": NO, "born": "1990-01-01", "phototype": "II"} | changes)
    return suitability(
        client, questionnaire=QUESTIONS, devices=DEVICES, device=device, indication=indication, sites=sites, day=day
    )


def results(found: list[Row]) -> dict[str, str]:
    return {row.rule: row.result for row in found}


def one(rule: str, **changes: Any) -> Row:
    (row,) = [row for row in rows(**changes) if row.rule == rule]
    return row


def test_who_fits_passes_every_rule() -> None:
    assert results(rows()) == dict.fromkeys(RULES, "passed")
    assert word_of(rows(), words_given=()) == "clear"


# Clearances as their summaries say (evidence graded C): K182407 Exceed, acne scars, 22+, I-IV; K180778 Exceed, facial
# wrinkles, 22+, I-III; K253002 SkinStylus, periorbital wrinkles, 34+, I-VI; K202243 SkinPen, neck, II-IV, and acne
# scars, all; DEN160029 SkinPen, acne scars, not restricted.
AGES = {
    "22-today": ("exceed", "acne-scars cheek", "2009-03-01", "passed"),
    "22-tomorrow": ("exceed", "acne-scars cheek", "2009-03-02", "found"),
    "34-today": ("skinstylus", "wrinkles periorbital", "1997-03-01", "passed"),
    "34-tomorrow": ("skinstylus", "wrinkles periorbital", "1997-03-02", "found"),
    "other-use-of-both-22-and-34": ("skinstylus", "hyperpigmentation cheek", "1997-03-02", "found"),
    "other-use-above-both": ("skinstylus", "hyperpigmentation cheek", "1997-03-01", "passed"),
    "born-29-february": ("exceed", "acne-scars cheek", "2008-02-29", "passed"),
    "not-recorded": ("exceed", "acne-scars cheek", None, "not assessable"),
    "device-unknown-here": ("my-pen", "acne-scars cheek", "1990-01-01", "not assessable"),
    "device-without-clearance": ("dermapen-4", "acne-scars cheek", "1990-01-01", "not assessable"),
    "device-not-recorded": (None, "acne-scars cheek", "1990-01-01", "not assessable"),
    "indication-not-recorded": ("exceed", None, "1990-01-01", "not assessable"),
}


@pytest.mark.parametrize("name", AGES)
def test_age_against_the_clearance(name: str) -> None:
    device, use, born, result = AGES[name]
    assert one("clearance.age", device=device, use=use, born=born).result == result


def test_age_without_a_sure_day_is_not_assessable() -> None:
    row = one("clearance.age", day=None)
    assert (row.result, row.detail) == ("not assessable", "the day is not recorded")


TYPES = {
    "exceed-scars-IV": ("exceed", "acne-scars cheek", "IV", "passed"),
    "exceed-scars-V": ("exceed", "acne-scars cheek", "V", "found"),
    "exceed-wrinkles-III": ("exceed", "wrinkles glabella", "III", "passed"),
    "exceed-wrinkles-IV": ("exceed", "wrinkles glabella", "IV", "found"),
    "skinpen-neck-I": ("skinpen-precision", "wrinkles neck", "I", "found"),
    "skinpen-neck-II": ("skinpen-precision", "wrinkles neck", "II", "passed"),
    "skinpen-neck-IV": ("skinpen-precision", "wrinkles neck", "IV", "passed"),
    "skinpen-neck-V": ("skinpen-precision", "wrinkles neck", "V", "found"),
    "skinpen-scars-VI": ("skinpen-precision", "acne-scars cheek", "VI", "passed"),
    "skinstylus-eyes-VI": ("skinstylus", "wrinkles periorbital", "VI", "passed"),
    "skinstylus-abdomen-not-visible": ("skinstylus", "scars abdomen", "II", "not assessable"),
    "other-use-in-every-clearance": ("exceed", "hyperpigmentation cheek", "III", "passed"),
    "other-use-not-in-every-clearance": ("exceed", "hyperpigmentation cheek", "IV", "found"),
    "not-recorded": ("exceed", "acne-scars cheek", None, "not assessable"),
}


@pytest.mark.parametrize("name", TYPES)
def test_skin_type_against_the_clearance(name: str) -> None:
    device, use, phototype, result = TYPES[name]
    row = one("clearance.skin_type", device=device, use=use, phototype=phototype)
    assert row.result == result


def test_a_use_outside_the_label_is_said_to_be_one() -> None:
    assert "none names hyperpigmentation" in one("clearance.age", use="hyperpigmentation cheek").detail
    assert "other uses" not in one("clearance.age").detail


@pytest.mark.parametrize(("phototype", "result"), [("III", "passed"), ("IV", "found"), (None, "not assessable")])
def test_darker_skin_is_a_notice_from_type_four(phototype: str | None, result: str) -> None:
    row = one("skin_type.darker", phototype=phototype)
    assert (row.result, row.severity) == (result, "info")


def test_every_yes_is_a_row_with_its_question_and_its_source() -> None:
    answers = QUESTIONS.all_no_but(["isotretinoin", "liver"])
    found = [row for row in rows(answers=answers) if row.rule == "screening.yes"]
    assert [(row.question, row.result) for row in found] == [("isotretinoin", "found"), ("liver", "found")]
    assert found[0].source == "fda_page (A)"
    assert "anaesthetic" in found[1].detail


def test_no_answers_are_not_no() -> None:
    assert one("screening.yes", answers=None).result == "not assessable"


# --- which pen is cleared for which plan ------------------------------------------------------------------------------

# What each clearance names, by CLEARANCES of test_devices.py and the plans as they ship. Every other pair: none. The
# plan body-scar is for no site in particular, and the abdomen of stretch-marks is not for scars.
CLEARED = {
    ("face-acne-scars", "skinpen-precision"): {"cheek": ["DEN160029", "K202243"]},
    ("face-acne-scars", "exceed"): {"cheek": ["K182407"]},
    ("neck-wrinkles", "skinpen-precision"): {"neck": ["K202243"]},
}


@pytest.mark.parametrize("device", DEVICES.devices)
@pytest.mark.parametrize("plan", [each.id for each in list_plans()])
def test_every_shipped_plan_and_pen_says_which_are_cleared(plan: str, device: str) -> None:
    meant = load_plan(plan)
    by_site = {
        site: [each.number for each in DEVICES.cleared_for(device, meant.indication, site)]
        for site in sites_of(meant, load_zones())
    }
    assert {site: numbers for site, numbers in by_site.items() if numbers} == CLEARED.get((plan, device), {})
    age = one("clearance.age", device=device, use=" ".join([meant.indication, *by_site]))
    if not DEVICES.of(device):
        assert age.result == "not assessable"
    else:
        assert ("cleared for other uses" not in age.detail) == ((plan, device) in CLEARED)


# Only a site that the use is of: the eyelid is never treated, the neck is no part of the face, a hand no abdomen.
PLACES = {
    "scars-of-the-nose": ("skinpen-precision", "acne-scars", "nose", ["DEN160029", "K202243"]),
    "scars-of-the-eyelid": ("skinpen-precision", "acne-scars", "eyelid", []),
    "scars-of-the-neck": ("skinpen-precision", "acne-scars", "neck", []),
    "scars-of-the-hand": ("skinstylus", "scars", "hands", []),
    "scars-of-the-abdomen": ("skinstylus", "scars", "abdomen", ["K200044"]),
    "acne-scars-of-the-abdomen": ("skinstylus", "acne-scars", "abdomen", []),
    "wrinkles-around-the-eye": ("rejuvapen-nxt", "wrinkles", "periorbital", ["K192138"]),
    "wrinkles-of-the-cheek": ("rejuvapen-nxt", "wrinkles", "cheek", []),
    "wrinkles-where-the-clearance-says": ("exceed", "wrinkles", "glabella", ["K180778"]),
    "wrinkles-where-it-does-not": ("exceed", "wrinkles", "forehead", []),
    "wrinkles-of-the-neck": ("exceed", "wrinkles", "neck", []),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_clearance_is_for_its_own_sites(name: str) -> None:
    device, indication, site, numbers = PLACES[name]
    assert [each.number for each in DEVICES.cleared_for(device, indication, site)] == numbers


def test_the_uses_speak_of_indications_and_sites_that_there_are() -> None:
    limits = load_limits()
    for use in DEVICES.uses.values():
        assert use.indication in limits.indications
        assert set(use.sites) <= limits.sites.keys() - {"eyelid"}


def test_a_plan_of_several_sites_is_held_against_each() -> None:
    row = one("clearance.skin_type", use="wrinkles cheek forehead", phototype="IV")
    assert row.result == "found"
    assert "K180778: I, II, III (cheek)" in row.detail
    assert "none names wrinkles at forehead" in row.detail


# --- the one word -----------------------------------------------------------------------------------------------------

YOUNG = "clearance.age 1: born 2012-01-01; K182407 from 22 on"
YES = QUESTIONS.all_no_but(["sun", "pregnancy"])
WORDS: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[str, ...], str]] = {
    # what is known, the words given, the checks asked for, the word
    "all-fits": ({}, (), CHECKS, "clear"),
    "yes": ({"answers": YES}, (), CHECKS, "word missing"),
    "yes-and-a-word-for-one": ({"answers": YES}, ("sun",), CHECKS, "word missing"),
    "yes-and-a-word-for-each": ({"answers": YES}, ("sun", "pregnancy"), CHECKS, "word given"),
    "too-young": ({"born": "2012-01-01"}, (), CHECKS, "word missing"),
    "too-young-and-a-word": ({"born": "2012-01-01"}, (YOUNG,), CHECKS, "word given"),
    "younger-than-the-word-is-about": ({"born": "2013-01-01"}, (YOUNG,), CHECKS, "word missing"),
    "another-pen-than-the-word-is-about": (
        {"born": "2012-01-01", "device": "skinpen-precision"},
        (YOUNG,),
        CHECKS,
        "word missing",
    ),
    "a-rule-is-no-finding": ({"born": "2012-01-01"}, ("clearance.age",), CHECKS, "word missing"),
    "a-word-for-nothing": ({}, ("sun",), CHECKS, "clear"),
    "darker-skin-needs-no-word": ({"device": "skinpen-precision", "phototype": "VI"}, (), CHECKS, "clear"),
    "not-answered": ({"answers": None}, (), CHECKS, "not recorded"),
    "no-birth-date": ({"born": None}, (), CHECKS, "not recorded"),
    "no-birth-date-and-only-screening-is-asked-for": ({"born": None}, (), ("screening",), "clear"),
    "not-answered-and-only-clearance-is-asked-for": ({"answers": None}, (), ("clearance",), "clear"),
    "not-answered-and-too-young": ({"answers": None, "born": "2012-01-01"}, (), CHECKS, "word missing"),
    "a-word-given-and-the-rest-missing": ({"answers": YES, "born": None}, ("sun", "pregnancy"), CHECKS, "not recorded"),
    "nothing-known-and-nothing-asked-for": (
        {"answers": None, "born": None, "phototype": None},
        (),
        (),
        "not recorded",
    ),
    "yes-where-nothing-is-asked-for": ({"answers": YES}, (), (), "word missing"),
}


@pytest.mark.parametrize("name", WORDS)
def test_the_one_word(name: str) -> None:
    known, words_given, checks, word = WORDS[name]
    assert word_of(rows(**known), words_given=words_given, checks=checks) == word


asked = [question.id for question in QUESTIONS.asked]


@given(
    yes=st.sets(st.sampled_from(asked), max_size=5),
    given_for=st.sets(
        st.sampled_from([*asked, YOUNG, "clearance.skin_type 1: type VI; K182407: I, II, III, IV"]), max_size=6
    ),
    born=st.sampled_from([None, "1990-01-01", "2012-01-01"]),
    phototype=st.sampled_from([None, "II", "VI"]),
    checks=st.sets(st.sampled_from(CHECKS)),
)
def test_nothing_that_was_found_is_ever_clear(
    yes: set[str], given_for: set[str], born: str | None, phototype: str | None, checks: set[str]
) -> None:
    found = rows(answers=QUESTIONS.all_no_but(yes), born=born, phototype=phototype)
    needing = {row.name for row in found if row.result == "found" and row.rule != "skin_type.darker"}
    assert needing >= yes
    word = word_of(found, words_given=given_for, checks=checks)
    assert (word == "word missing") == bool(needing - given_for)
    if word == "clear":
        assert not needing
    if "clearance" in checks and (born is None or phototype is None):
        assert word in ("not recorded", "word missing")


def test_the_rows_are_plain_values() -> None:
    assert canonical(suitability_document(rows()))
