"""The questionnaire against the list of the FDA, every question with its source; answers are all of it or none."""

import re
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from devicelog.clinical.keys import GRADES
from devicelog.clinical.screening import Questionnaire, result_of
from devicelog.clinical.shipped import load_questionnaire
from devicelog.errors import UsageProblem

SHIPPED = load_questionnaire()

# FDA, "Microneedling Devices" (fda.gov, copy of 2026-07-06), of whom microneedling may not be suitable for; written
# down here from the page. Each line: the words that its question must have, and which question that is.
FDA = {
    "bleeding_disorder": ("clotting", "bleeding"),
    "immune": ("immune", "suppress"),
    "diabetes": ("diabetes", "control"),
    "anticoagulants": ("warfarin", "heparin", "low-dose aspirin"),
    "skin_infection": ("infection", "bacteria", "viruses", "fungi"),
    "hepatitis_hiv": ("hepatitis", "hiv"),
    "skin_disease": ("eczema", "psoriasis", "vitiligo", "autoimmune", "before"),
    "facial_rash": ("rash", "face"),
    "cold_sores": ("cold sores",),
    "isotretinoin": ("isotretinoin", "now", "6 months"),
    "lesions": ("actinic keratoses", "keloid", "warts", "birthmarks", "moles", "area"),
    "darker_skin": ("darker skin type", "devices"),
    "sun": ("tanned", "sun", "2 weeks after"),
    "cancer": ("cancer", "chemotherapy", "radiotherapy", "steroids"),
    "pregnancy": ("pregnant", "breastfeeding"),
    "allergy": ("stainless steel", "anaesthetics"),
}
# What two manuals ask more, or more strictly: SkinPen Precision (Spanish), page 20, and Dermapen 4, page 23.
EXTRA = {
    "skin_cancer": "skinpen_es",
    "herpes": "skinpen_es",
    "young_scars": "skinpen_es",
    "scleroderma": "skinpen_es",
    "healing": "skinpen_es",
    "rosacea": "dp4_manual",
    "acne": "dp4_manual",
    "open_lesions": "dp4_manual",
    "liver": "dp4_manual",
    "pseudocholinesterase": "dp4_manual",
    "paba_sulphonamide": "dp4_manual",
    "methaemoglobin": "dp4_manual",
    "arrhythmia": "dp4_manual",
}
ANAESTHETIC = {"liver", "pseudocholinesterase", "paba_sulphonamide", "methaemoglobin", "arrhythmia"}


def test_the_list_of_the_fda_is_asked_whole_and_first() -> None:
    listed = [question.id for question in SHIPPED.questions]
    assert listed[: len(FDA)] == list(FDA)
    assert [question.list for question in SHIPPED.questions] == ["fda"] * len(FDA) + ["extra"] * len(EXTRA)


@pytest.mark.parametrize("id_", FDA)
def test_a_question_of_the_fda_has_its_words_and_its_source(id_: str) -> None:
    question = SHIPPED.question(id_)
    assert [word for word in FDA[id_] if word not in question.text.lower()] == []
    assert question.source[0] == "fda_page"
    assert question.evidence == "A"


@pytest.mark.parametrize("id_", EXTRA)
def test_what_others_ask_more_is_marked_and_has_its_own_source(id_: str) -> None:
    question = SHIPPED.question(id_)
    assert (question.list, question.source[0], question.evidence) == ("extra", EXTRA[id_], "B")
    assert question.concerns == ("anaesthetic" if id_ in ANAESTHETIC else "needling")


def test_only_the_skin_type_is_not_asked() -> None:
    assert {question.id for question in SHIPPED.questions} - {question.id for question in SHIPPED.asked} == {
        "darker_skin"
    }


def test_sources_that_disagree_are_said_to() -> None:
    said = {each["question"]: {row["source"] for row in each["says"]} for each in SHIPPED.conflicts}
    assert said == {
        "pregnancy": {"fda_page", "dp4_manual"},
        "isotretinoin": {"fda_page", "spring_2017", "mysore_2017"},
    }
    assert all("override with a reason" in each["done"] for each in SHIPPED.conflicts)


def test_every_source_resolves_and_is_used() -> None:
    used = {key for question in SHIPPED.questions for key in question.source}
    used |= {row["source"] for each in SHIPPED.conflicts for row in each["says"]}
    assert used == SHIPPED.sources.keys()
    assert all(re.search(r", https?://", words) for words in SHIPPED.sources.values())
    assert {question.evidence for question in SHIPPED.questions} <= set(GRADES)


def test_the_document_reads_back_as_it_was() -> None:
    assert Questionnaire.from_document(parse_canonical(canonical(SHIPPED.document()))).document() == SHIPPED.document()


# --- answers ----------------------------------------------------------------------------------------------------------


def test_all_no_is_clear_and_one_yes_is_a_yes() -> None:
    assert result_of(SHIPPED.all_no_but([])) == "clear"
    answers = SHIPPED.all_no_but(["arrhythmia", "sun"])
    assert result_of(answers) == "yes"
    assert [question.id for question in SHIPPED.yes(answers)] == ["sun", "arrhythmia"]


NO = SHIPPED.all_no_but([])
BAD_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "28 of 28 questions are not answered"),
    "one-left-out": (
        {key: value for key, value in NO.items() if key != "sun"},
        "1 of 28 questions are not answered: sun",
    ),
    "unknown": (NO | {"pregnency": True}, "there is no question pregnency. Did you mean pregnancy?"),
    "not-asked": (NO | {"darker_skin": True}, "darker_skin is not asked"),
    "a-word": (NO | {"sun": "no"}, "sun = 'no'; expected true (yes) or false (no)"),
    "a-number": (NO | {"sun": 0}, "sun = 0; expected true"),
    "null": (NO | {"sun": None}, "sun = None; expected true"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_answers_that_are_not_whole_are_refused(name: str) -> None:
    answers, words = BAD_ANSWERS[name]
    with pytest.raises(UsageProblem, match=re.escape(words)):
        SHIPPED.check(answers)


def test_a_yes_to_no_question_is_refused() -> None:
    with pytest.raises(UsageProblem, match="no question sum"):
        SHIPPED.all_no_but(["sum"])


GOOD = SHIPPED.document()
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "schema": (GOOD | {"schema": "x"}, "schema = 'x'"),
    "twice": (GOOD | {"questions": [GOOD["questions"][0]] * 2}, "each once"),
    "empty": (GOOD | {"questions": []}, "has questions"),
    "no-source": (GOOD | {"questions": [GOOD["questions"][0] | {"source": []}]}, "source is empty"),
    "unknown-source": (GOOD | {"questions": [GOOD["questions"][0] | {"source": ["x"]}], "conflicts": []}, "said of x"),
    "unknown-grade": (GOOD | {"questions": [GOOD["questions"][0] | {"evidence": "E"}]}, "evidence = 'E'"),
    "unknown-key": (GOOD | {"questions": [GOOD["questions"][0] | {"x": 1}]}, "x is missing or unknown"),
    "unknown-conflict": (GOOD | {"conflicts": [GOOD["conflicts"][0] | {"question": "y"}]}, "said of y"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_questionnaire_that_cannot_be_meant_is_refused(name: str) -> None:
    document, words = BAD[name]
    with pytest.raises(UsageProblem, match=re.escape(words)):
        Questionnaire.from_document(document)
