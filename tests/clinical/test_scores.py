"""MASI and mMASI worked by hand, the ranges of every score, and what is refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.canonical import canonical
from devicelog.clinical.scores import (
    AREA_BANDS_PERCENT,
    REGION_TENTHS,
    SCORES,
    SOURCES,
    check_value,
    masi_tenths,
    mmasi_tenths,
    read_value,
    score_document,
    value_words,
)
from devicelog.errors import UsageProblem

Parts = dict[str, dict[str, int]]


def parts(**regions: tuple[int, ...]) -> Parts:
    names = ("area", "darkness", "homogeneity")
    return {region: dict(zip(names, values, strict=False)) for region, values in regions.items()}


def without_homogeneity(given_parts: Parts) -> Parts:
    return {region: {key: each[key] for key in ("area", "darkness")} for region, each in given_parts.items()}


# Worked by hand from the formula as Kimbrough-Green gave it (plasticsurgerykey.com, "The scoring aid: MASI and modified
# MASI"; medicalalgorithms.com, MASI): 0.3 A (D + H) of the forehead, the left and the right malar region, 0.1 of the
# chin. mMASI leaves H out (JAMA Dermatol, interpretability of mMASI).
WORKED = {
    # 0.3*4*(3+2) = 6.0; 0.3*5*(3+3) = 9.0; 0.3*3*(2+2) = 3.6; 0.1*1*(1+1) = 0.2: 18.8
    # 0.3*4*3 = 3.6; 0.3*5*3 = 4.5; 0.3*3*2 = 1.8; 0.1*1*1 = 0.1: 10.0
    "in-between": (parts(forehead=(4, 3, 2), left_malar=(5, 3, 3), right_malar=(3, 2, 2), chin=(1, 1, 1)), 188, 100),
    # 0.3*6*8 = 14.4, three times, and 0.1*6*8 = 4.8: 48; 0.3*6*4 = 7.2, three times, and 2.4: 24
    "greatest": (parts(**dict.fromkeys(REGION_TENTHS, (6, 4, 4))), 480, 240),
    "least": (parts(**dict.fromkeys(REGION_TENTHS, (0, 0, 0))), 0, 0),
    # only the chin: 0.1*2*(1+0) = 0.2 of both
    "chin": (parts(forehead=(0, 0, 0), left_malar=(0, 0, 0), right_malar=(0, 0, 0), chin=(2, 1, 0)), 2, 2),
    # only the forehead, and homogeneity alone: 0.3*1*(0+4) = 1.2; mMASI does not see it
    "homogeneity": (parts(forehead=(1, 0, 4), left_malar=(0, 0, 0), right_malar=(0, 0, 0), chin=(0, 0, 0)), 12, 0),
}


@pytest.mark.parametrize("name", WORKED)
def test_masi_and_mmasi_as_worked_by_hand(name: str) -> None:
    told, masi, mmasi = WORKED[name]
    assert masi_tenths(told) == masi
    assert mmasi_tenths(without_homogeneity(told)) == mmasi


def test_the_bands_of_the_area_are_those_of_the_source() -> None:
    # medicalalgorithms.com and altmeyers.org: 0 none, 1 below 10 %, 2 10-29, 3 30-49, 4 50-69, 5 70-89, 6 90-100
    assert AREA_BANDS_PERCENT == ((0, 0), (1, 9), (10, 29), (30, 49), (50, 69), (70, 89), (90, 100))


region = st.fixed_dictionaries(
    {"area": st.integers(0, 6), "darkness": st.integers(0, 4), "homogeneity": st.integers(0, 4)}
)
whole = st.fixed_dictionaries(dict.fromkeys(REGION_TENTHS, region))


@given(whole)
def test_both_stay_in_their_ranges_and_mmasi_is_never_above_masi(told: Parts) -> None:
    masi, mmasi = masi_tenths(told), mmasi_tenths(without_homogeneity(told))
    assert 0 <= mmasi <= masi <= 480
    assert mmasi <= 240
    assert check_value("masi", masi) == masi
    assert read_value("masi", value_words("masi", masi)) == masi
    # the formula as printed, in fractions of one: no rounding was hidden
    printed = sum(
        weight / 10 * told[name]["area"] * (told[name]["darkness"] + told[name]["homogeneity"])
        for name, weight in {"forehead": 3, "left_malar": 3, "right_malar": 3, "chin": 1}.items()
    )
    assert abs(printed - masi / 10) < 1e-9


@given(whole, st.sampled_from(list(REGION_TENTHS)), st.sampled_from(["area", "darkness", "homogeneity"]))
def test_more_of_anything_is_never_less(told: Parts, name: str, part: str) -> None:
    if told[name][part] < (6 if part == "area" else 4):
        more = {**told, name: told[name] | {part: told[name][part] + 1}}
        assert masi_tenths(more) >= masi_tenths(told)


MIDDLE = WORKED["in-between"][0]
BAD_PARTS: dict[str, tuple[Any, str]] = {
    "region-missing": ({key: MIDDLE[key] for key in list(MIDDLE)[:3]}, "masi is incomplete: chin is missing"),
    "nothing": ({}, "masi is incomplete: forehead is missing"),
    "region-unknown": (MIDDLE | {"nose": MIDDLE["chin"]}, "there is no region 'nose'"),
    "part-missing": (MIDDLE | {"chin": {"area": 1, "darkness": 1}}, "masi, chin: homogeneity is missing or unknown"),
    "part-unknown": (MIDDLE | {"chin": MIDDLE["chin"] | {"size": 1}}, "masi, chin: size is missing or unknown"),
    "area-7": (MIDDLE | {"chin": MIDDLE["chin"] | {"area": 7}}, "area 7 is out of range: 0 to 6"),
    "darkness-5": (MIDDLE | {"chin": MIDDLE["chin"] | {"darkness": 5}}, "darkness 5 is out of range: 0 to 4"),
    "homogeneity-5": (MIDDLE | {"chin": MIDDLE["chin"] | {"homogeneity": 5}}, "homogeneity 5 is out of range"),
    "negative": (MIDDLE | {"chin": MIDDLE["chin"] | {"area": -1}}, "area -1 is out of range"),
    "fraction": (MIDDLE | {"chin": MIDDLE["chin"] | {"area": 1.5}}, "area 1.5 is out of range"),
    "truth": (MIDDLE | {"chin": MIDDLE["chin"] | {"area": True}}, "area True is out of range"),
}


@pytest.mark.parametrize("name", BAD_PARTS)
def test_parts_that_are_not_whole_or_out_of_range_are_refused(name: str) -> None:
    told, words = BAD_PARTS[name]
    with pytest.raises(UsageProblem, match=re.escape(words)):
        masi_tenths(told)


def test_a_mmasi_with_homogeneity_is_a_masi_and_refused() -> None:
    with pytest.raises(UsageProblem, match="homogeneity is missing or unknown"):
        mmasi_tenths(MIDDLE)


# Ranges: MASI and mMASI as above; GAIS of the SkinPen manual, page 5: 1 very much improved to 5 worse; melanin index of
# the Mexameter MX18: 0 to 999.
RANGES = {
    "masi": ("0", "48", "48.1"),
    "mmasi": ("0", "24.0", "24.1"),
    "gais": ("1", "5", "6"),
    "melanin": ("0", "999", "1000"),
}


@pytest.mark.parametrize("score", RANGES)
def test_a_total_just_inside_is_taken_and_just_outside_refused(score: str) -> None:
    least, most, beyond = RANGES[score]
    assert read_value(score, least) == SCORES[score].least
    assert read_value(score, most) == SCORES[score].most
    with pytest.raises(UsageProblem, match=r"out of range|is not a"):
        read_value(score, beyond)
    with pytest.raises(UsageProblem, match="out of range"):
        check_value(score, SCORES[score].least - 1)
    with pytest.raises(UsageProblem, match="out of range"):
        check_value(score, SCORES[score].most + 1)


BAD_TOTALS = {
    "words": ("masi", "many"),
    "empty": ("masi", ""),
    "two-digits": ("masi", "12.34"),
    "comma": ("masi", "12,3"),
    "negative": ("masi", "-1"),
    "not-a-number": ("melanin", "nan"),
    "exponent": ("melanin", "1e2"),
    "other-digits": ("melanin", "\u0661\u0662"),
    "half-a-grade": ("gais", "2.5"),
    "grade-zero": ("gais", "0"),
}


@pytest.mark.parametrize("name", BAD_TOTALS)
def test_a_total_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageProblem, match=BAD_TOTALS[name][0]):
        read_value(*BAD_TOTALS[name])


BAD_SCORES: dict[str, tuple[str, Any, Any, str]] = {
    "both": ("masi", MIDDLE, 188, "one of them"),
    "neither": ("masi", None, None, "one of them"),
    "parts-of-none": ("gais", MIDDLE, None, "has no parts"),
    "unknown": ("msi", None, 3, "there is no score 'msi'"),
    "text": ("gais", None, "3", "out of range"),
    "truth": ("gais", None, True, "out of range"),
}


@pytest.mark.parametrize("name", BAD_SCORES)
def test_a_score_that_cannot_be_meant_is_refused(name: str) -> None:
    score, given_parts, value, words = BAD_SCORES[name]
    with pytest.raises(UsageProblem, match=re.escape(words)):
        score_document(score, parts=given_parts, value=value, day="2031-01-01")


def test_what_is_kept_says_whether_it_was_computed() -> None:
    computed = score_document("masi", parts=MIDDLE, value=None, day="2031-01-01")
    entered = score_document("masi", parts=None, value=188, day="2031-01-01")
    assert (computed["value"], computed["parts"]) == (188, MIDDLE)
    assert (entered["value"], entered["parts"]) == (188, None)
    assert canonical(computed)


def test_every_score_has_sources_that_resolve() -> None:
    named = {word for score in SCORES.values() for word in re.findall(r"\b[a-z]+_[a-z]+\b|\baltmeyers\b", score.source)}
    assert named == SOURCES.keys()
