"""MASI, mMASI, GAIS and the melanin index: computed from their parts or entered, in whole numbers, or refused.

A total of MASI and mMASI is in tenths, so that no rounding is ever needed. What a score is worth is not said: the
published cut-offs of mMASI stand in a figure that could not be read, and none is shipped.

MASI = 0.3 A (D + H) of the forehead + 0.3 of each malar region + 0.1 of the chin, 0 to 48; source psk_masi and
medalg_masi (A). A, the area, is 0 none, 1 below 10 %, 2 from 10, 3 from 30, 4 from 50, 5 from 70, 6 from 90 to 100 %;
D, darkness, and H, homogeneity, are 0 absent to 4 maximum; source altmeyers, medalg_masi (A). mMASI leaves H out;
source jama_mmasi, scilit_mmasi (A); its range 0 to 24 follows (DER). GAIS: source skinpen_manual (B). The melanin
index of a Mexameter, 0 to 999: source cosderma_mx (B); its formula is not public, so it is entered only.
"""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devicelog.errors import UsageProblem

Json = dict[str, Any]

AREA_MOST, GRADE_MOST = 6, 4
AREA_BANDS_PERCENT = ((0, 0), (1, 9), (10, 29), (30, 49), (50, 69), (70, 89), (90, 100))  # by the number of A
GRADE_WORDS = ("absent", "slight", "mild", "marked", "maximum")  # of D and H
REGION_TENTHS = {"forehead": 3, "left_malar": 3, "right_malar": 3, "chin": 1}
GAIS_WORDS = {1: "very much improved", 2: "much improved", 3: "improved", 4: "no change", 5: "worse"}
_TENTHS = re.compile(r"(\d{1,9})(?:\.(\d))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One kind of score. A value is in `unit`s: tenths of a point, or points. `parts` are what each region has."""

    id: str
    label: str
    least: int
    most: int
    tenths: bool
    parts: tuple[str, ...]
    better: str
    source: str
    evidence: str
    caveat: str | None = None


_FACE_ONLY = "The face only: forehead, both malar regions, chin."
SCORES = {
    "masi": Score(
        id="masi",
        label="Melasma Area and Severity Index",
        least=0,
        most=480,
        tenths=True,
        parts=("area", "darkness", "homogeneity"),
        better="lower",
        source="psk_masi, medalg_masi; bands: altmeyers",
        evidence="A",
        caveat=_FACE_ONLY,
    ),
    "mmasi": Score(
        id="mmasi",
        label="modified MASI, without homogeneity",
        least=0,
        most=240,
        tenths=True,
        parts=("area", "darkness"),
        better="lower",
        source="jama_mmasi, scilit_mmasi; range derived",
        evidence="A",
        caveat=_FACE_ONLY,
    ),
    "gais": Score(
        id="gais",
        label="Global Aesthetic Improvement Scale, the client's form",
        least=1,
        most=5,
        tenths=False,
        parts=(),
        better="lower",
        source="skinpen_manual",
        evidence="B",
    ),
    "melanin": Score(
        id="melanin",
        label="melanin index (Mexameter)",
        least=0,
        most=999,
        tenths=False,
        parts=(),
        better="not said",
        source="cosderma_mx; caveat: mx_africa (A), its last clause derived",
        evidence="B",
        caveat="In deeply pigmented skin it is not independent of redness: do not read it on freshly needled skin.",
    ),
}
SOURCES = {
    "psk_masi": "The scoring aid: MASI and modified MASI, "
    "https://plasticsurgerykey.com/the-scoring-aid-masi-and-modified-masi/",
    "medalg_masi": "Melasma Area and Severity Index of Kimbrough-Green et al, "
    "https://www.medicalalgorithms.com/melasma-area-and-severity-index-masi-of-kimbrough-green-et-al",
    "altmeyers": "Altmeyers Enzyklopaedie, Melasma assessment severity index, "
    "https://altmeyers.org/de/dermatologie/melasma-assessment-severity-index-16838",
    "jama_mmasi": "Interpretability of mMASI, JAMA Dermatol, "
    "https://jamanetwork.com/journals/jamadermatology/fullarticle/2519450",
    "scilit_mmasi": "Modified MASI, https://www.scilit.net/publications/3f939b22332a8a2a7db28a4865f74623",
    "skinpen_manual": "SkinPen Precision, manual, page 5, "
    "https://manualslib.fr/manual/363305/Bellus-Medical-Skinpen-Precision.html?page=5",
    "cosderma_mx": "Mexameter MX18, https://cosderma.com/lequipement-de-cosderma/mexametre-mx18.html",
    "mx_africa": "Diffuse reflectance spectroscopy versus Mexameter MX18 in an African population, "
    "https://www.bionity.com/en/publications/967192/",
}


def masi_tenths(parts: Mapping[str, Mapping[str, int]]) -> int:
    """MASI, tenths, 0 to 480. `parts`: of each region area 0 to 6, darkness and homogeneity 0 to 4. UsageProblem."""
    checked = check_parts("masi", parts)
    return sum(
        weight * checked[region]["area"] * (checked[region]["darkness"] + checked[region]["homogeneity"])
        for region, weight in REGION_TENTHS.items()
    )


def mmasi_tenths(parts: Mapping[str, Mapping[str, int]]) -> int:
    """mMASI, tenths, 0 to 240. `parts`: of each region area 0 to 6 and darkness 0 to 4. Raises UsageProblem."""
    checked = check_parts("mmasi", parts)
    return sum(
        weight * checked[region]["area"] * checked[region]["darkness"] for region, weight in REGION_TENTHS.items()
    )


def check_parts(score: str, parts: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, int]]:
    """Every part of every region, in order. Raises UsageProblem: one is missing, unknown or out of range."""
    wanted = SCORES[score].parts
    for region in parts:
        if region not in REGION_TENTHS:
            raise UsageProblem(f"there is no region {region!a}; there are {', '.join(REGION_TENTHS)}")
    checked: dict[str, dict[str, int]] = {}
    for region in REGION_TENTHS:
        if region not in parts:
            raise UsageProblem(f"{score} is incomplete: {region} is missing; it needs {', '.join(REGION_TENTHS)}")
        given = parts[region]
        if left := sorted(given.keys() ^ set(wanted)):
            raise UsageProblem(f"{score}, {region}: {left[0]} is missing or unknown; it has {', '.join(wanted)}")
        checked[region] = {name: _part(score, region, name, given[name]) for name in wanted}
    return checked


def check_value(score: str, value: object) -> int:
    """A total that was entered, in tenths or points. Raises UsageProblem when it is outside the range."""
    kind = SCORES[score]
    if type(value) is not int or not kind.least <= value <= kind.most:
        shown = value_words(score, value) if type(value) is int else reprlib.repr(value)
        least, most = value_words(score, kind.least), value_words(score, kind.most)
        raise UsageProblem(f"{score} {shown} is out of range: {least} to {most}")
    return value


def read_value(score: str, text: str) -> int:
    """A total as people write it, `12.3` or `3`, in tenths or points. Raises UsageProblem."""
    found = _TENTHS.match(text)
    if found is None or (found[2] is not None and not SCORES[score].tenths):
        form = "a number with at most one digit after the point" if SCORES[score].tenths else "a whole number"
        raise UsageProblem(f"{score} {text[:40]!a} is not {form}")
    whole = int(found[1])
    return check_value(score, whole * 10 + int(found[2] or 0) if SCORES[score].tenths else whole)


def value_words(score: str, value: int) -> str:
    """A total as people write it."""
    if not SCORES[score].tenths:
        return str(value)
    sign, size = "-" * (value < 0), abs(value)
    return f"{sign}{size // 10}.{size % 10}"


def score_document(score: str, *, parts: Mapping[str, Mapping[str, int]] | None, value: object, day: str) -> Json:
    """What is kept of a score, from its parts or from a total that was entered, never both. Raises UsageProblem."""
    if score not in SCORES:
        raise UsageProblem(f"there is no score {score!a}; there are {', '.join(SCORES)}")
    if (parts is None) == (value is None):
        raise UsageProblem(f"{score} is told by its parts or by a total: one of them")
    if parts is None:
        total, checked = check_value(score, value), None
    elif SCORES[score].parts:
        total, checked = (masi_tenths if score == "masi" else mmasi_tenths)(parts), check_parts(score, parts)
    else:
        raise UsageProblem(f"{score} has no parts: enter its value")
    return {"score": score, "value": total, "tenths": SCORES[score].tenths, "parts": checked, "day": day}


def _part(score: str, region: str, name: str, value: object) -> int:
    most = AREA_MOST if name == "area" else GRADE_MOST
    if type(value) is not int or not 0 <= value <= most:
        raise UsageProblem(f"{score}, {region}: {name} {reprlib.repr(value)} is out of range: 0 to {most}")
    return value
