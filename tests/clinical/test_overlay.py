"""A clinic's overlay: what is refused and why, by row; what stands goes before the shipped rows, never above them."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.canonical import canonical, parse_canonical
from devicelog.clinical.data import load_limits, load_overlay, load_zones
from devicelog.clinical.keys import DEPTH_LIMIT_UM
from devicelog.clinical.limits import ANY, Overlay, Row, look_up, resolve
from devicelog.clinical.plan import Plan
from devicelog.clinical.planned import remarks_on
from devicelog.clinical.tables import overlay_document, overlay_from_document, read_limits, read_overlay
from devicelog.errors import NotFound, UsageProblem

LIMITS = load_limits()
ZONES = load_zones()
HEAD = 'name = "ours"\nversion = 3\n'
ROW = '[[limits]]\nsite = "cheek"\nindication = "hyperpigmentation"\n'
RANGE = 'min_um = 600\nmax_um = 800\nsource = "our protocol"\nevidence = "D"\n'
HARD = 'hard_max_um = 1000\nhard_max_source = "our protocol"\nhard_max_basis = "clinic"\nhard_max_evidence = "D"\n'
GOOD = HEAD + ROW + RANGE + HARD

# (what is replaced in GOOD, by what, what the message must hold)
BAD = {
    "unknown-site": ('"cheek"', '"cheeks"', "row 1 (cheeks): there is no site cheeks; there are: face, "),
    "unknown-site-suggested": ('"cheek"', '"cheeks"', "Did you mean cheek?"),
    "unknown-indication": ('"hyperpigmentation"', '"hyperpigmented"', "there is no indication hyperpigmented"),
    "unknown-indication-suggested": ('"hyperpigmentation"', '"vitilgo"', "Did you mean vitiligo?"),
    "unknown-fallback": (RANGE, 'fallback = "chek"\n', "there is no site chek"),
    "unknown-modality": (RANGE, 'modality = "laser"\n' + RANGE, "modality = 'laser'; expected one of mechanical, rf"),
    "unknown-key": ("max_um = 800", "maximum_um = 800", "unknown key 'maximum_um'"),
    "min-above-max": ("600", "900", "row 1 (cheek): min_um = 900 is above max_um = 800"),
    "range-above-its-own-hard-maximum": ("800", "1001", "max_um = 1001 is above the hard maximum 1000 [our protocol]"),
    "range-above-the-shipped-hard-maximum": (
        RANGE + HARD,
        RANGE.replace("800", "1501"),
        "max_um = 1501 is above the hard maximum 1500 [skr_matrix]",
    ),
    "least-above-the-hard-maximum": (
        RANGE + HARD,
        'min_um = 1501\nsource = "x"\nevidence = "D"\n',
        "min_um = 1501 is above the hard maximum 1500",
    ),
    "hard-maximum-raised": ("1000", "1501", "an overlay may lower a hard maximum, never raise it"),
    "hard-maximum-raised-for-any-indication": (
        f'"hyperpigmentation"\n{RANGE}{HARD}',
        f'"any"\n{HARD.replace("1000", "1501")}',
        "never raise it",
    ),
    "hard-maximum-raised-for-one-device": (
        RANGE + HARD,
        'device = "skinpen"\n' + HARD.replace("1000", "2500"),
        "hard_max_um = 2500 is above the shipped hard maximum 1500 [skr_matrix]",
    ),
    "hard-maximum-of-nothing": ("hard_max_um = 1000", "hard_max_um = 0", "a whole number of micrometres, 1 to 10000"),
    "hard-maximum-without-basis": ('hard_max_basis = "clinic"\n', "", "a hard maximum needs all of hard_max_um"),
    "hard-maximum-for-no-indication": (
        'hard_max_basis = "clinic"',
        'hard_max_basis = "clinic"\nhard_max_for = "wrinkle"',
        "there is no indication wrinkle. Did you mean wrinkles",
    ),
    "hard-maximum-without-source": ('hard_max_source = "our protocol"\n', "", "a hard maximum needs all of"),
    "hard-maximum-on-no-evidence": ('hard_max_evidence = "D"', 'hard_max_evidence = "X"', "there is no source"),
    "without-source": ('\nsource = "our protocol"', "", "a limit needs its source and its evidence grade"),
    "source-blank": ('\nsource = "our protocol"', '\nsource = " "', "source = ' '; expected 1 to 200 characters"),
    "without-grade": ('\nevidence = "D"', "", "a limit needs its source and its evidence grade"),
    "grade-that-means-none": ('\nevidence = "D"', '\nevidence = "X"', "X means that there is none"),
    "grade-unknown": ('\nevidence = "D"', '\nevidence = "E"', "one of A, B, C, D, DER, X"),
    "radio-frequency-for-a-pen": ("our protocol", "asjof_2024", "asjof_2024 is about radio-frequency needling"),
    "own-radio-frequency-source-for-a-pen": (
        GOOD,
        GOOD.replace("our protocol", "rf_book") + '[sources.rf_book]\ntitle = "RF"\nmodality = "rf"\n',
        "rf_book is about radio-frequency needling",
    ),
    "forbidden-site-allowed": ('"cheek"', '"eyelid"', "eyelid is not treated [bellus_protocol]"),
    "ban-with-a-range": (RANGE, "forbidden = true\n" + RANGE, "a forbidden site has no range"),
    "ban-without-source": (RANGE, "forbidden = true\n", "a limit needs its source"),
    "limits-nothing": (RANGE + HARD, "", "the row limits nothing"),
    "applies-to-nothing": (RANGE, "applies = false\n" + RANGE, "a row that nothing is compared with"),
    "fallback-beside-a-range": (RANGE, 'fallback = "body"\n' + RANGE, "fallback borrows the range of another site"),
    "says-it-twice": (GOOD, GOOD + ROW + RANGE, "row 2 (cheek): says what row 1 says"),
    "depth-in-millimetres": ("800", "0.8", "max_um = 0.8; expected a whole number of micrometres"),
    "depth-negative": ("600", "-600", "min_um = -600"),
    "depth-of-a-flag": ("600", "true", "min_um = True"),
    "deeper-than-any-needle": ("800", "10001", "max_um = 10001; expected a whole number of micrometres, 0 to 10000"),
    "name-missing": ('name = "ours"\n', "", "name is missing"),
    "name-odd": ('"ours"', '"Our limits"', "name = 'Our limits'; expected 1 to 40 of a-z, 0-9 and -"),
    "version-missing": ("version = 3\n", "", "version is missing"),
    "version-zero": ("version = 3", "version = 0", "version = 0; expected a whole number from 1"),
    "limits-missing": (ROW + RANGE + HARD, "", "limits is missing"),
    "limits-no-list": (ROW, ROW.replace("[[limits]]", "[limits.x]"), "each under [[limits]]"),
    "row-no-table": (ROW + RANGE + HARD, "limits = [1]\n", "row 1: 1; expected keys and values"),
    "source-without-title": (GOOD, GOOD + '[sources.book]\naddress = "x"\n', "source book: title is missing"),
    "source-key-odd": (GOOD, GOOD + '[sources.Book-1]\ntitle = "x"\n', "names of a-z, 0-9 and _"),
    "columns-of-one-number": (RANGE, RANGE + "columns = { red = 3 }\n", "each from and to"),
    "does-not-parse": ("600", "", "line 6: "),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_overlay_is_refused_by_row(case: str, tmp_path: Path) -> None:
    old, new, message = BAD[case]
    assert old in GOOD
    path = tmp_path / "ours.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageProblem) as caught:
        load_overlay(str(path))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"limits {path}")
    assert caught.value.exit_code == 2


def test_a_missing_overlay_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"absent\.toml: there is no such file"):
        load_overlay(str(tmp_path / "absent.toml"))


def read(text: str) -> Overlay:
    return read_overlay(tomllib.loads(text), LIMITS)


def row_of(zone: str, overlay: Overlay, indication: str = "hyperpigmentation", **more: Any) -> dict[str, Any]:
    document = resolve(LIMITS, ZONES, indication=indication, overlay=overlay, **more)
    found: dict[str, Any] = next(row for row in document["zones"] if row["zone"] == zone)
    return found


def test_a_good_one_goes_before_the_shipped_rows() -> None:
    overlay = read(GOOD)
    row = row_of("cheek.left", overlay)
    assert (row["min_um"], row["max_um"], row["source"], row["evidence"]) == (600, 800, "our protocol", "D")
    assert (row["hard_max_um"], row["hard_max_basis"], row["from"]) == (1000, "clinic", "overlay")
    other = row_of("nose", overlay)
    assert (other["max_um"], other["hard_max_um"], other["from"]) == (500, 1500, "shipped")
    assert resolve(LIMITS, ZONES, indication="vitiligo", overlay=overlay)["overlay"] == {"name": "ours", "version": 3}
    assert row_of("cheek.left", overlay, "vitiligo")["from"] == "shipped"


@pytest.mark.parametrize("um", [1000, 1500])
def test_just_at_the_hard_maximum_stands(um: int) -> None:
    assert row_of("cheek.left", read(HEAD + ROW + RANGE.replace("800", str(um))))["max_um"] == um
    lowered = read(HEAD + ROW + HARD.replace("1000", str(um)))
    assert row_of("cheek.left", lowered)["hard_max_um"] == um
    assert row_of("cheek.left", lowered)["max_um"] == 1000, "the shipped range still holds"


def test_a_hard_maximum_may_be_set_where_none_is_shipped() -> None:
    overlay = read(HEAD + ROW.replace("cheek", "hands") + HARD.replace("1000", "1200"))
    row = row_of("hand.left", overlay)
    assert (row["hard_max_um"], row["hard_max_source"], row["max_um"], row["fallback"]) == (
        *(1200, "our protocol", 1000, "body"),
    )


def test_a_site_may_be_banned_and_then_nothing_is_recommended_there() -> None:
    ban = read(HEAD + ROW.replace("cheek", "nose") + 'forbidden = true\nsource = "our protocol"\nevidence = "D"\n')
    assert row_of("nose", ban)["forbidden"]
    assert not row_of("cheek.left", ban)["forbidden"]
    plan = plan_of("nose", 500)
    assert remarks_on(plan, LIMITS, ZONES).refused == ()
    assert remarks_on(plan, LIMITS, ZONES, ban).refused == ("nose: nose is not treated [our protocol]",)


def test_a_range_of_the_clinic_is_borrowed_as_a_shipped_one_is() -> None:
    overlay = read(HEAD + ROW.replace("cheek", "body") + RANGE)
    row = row_of("hand.left", overlay)
    assert (row["max_um"], row["sourced"], row["fallback"], row["from"]) == (800, False, "body", "overlay")


def test_a_row_for_a_device_holds_for_it_alone() -> None:
    overlay = read(HEAD + ROW + 'device = "exceed"\n' + RANGE)
    assert row_of("cheek.left", overlay, device="exceed")["max_um"] == 800
    assert row_of("cheek.left", overlay, device="other")["max_um"] == 1000
    assert row_of("cheek.left", overlay)["max_um"] == 1000


def test_a_radio_frequency_row_of_the_clinic_never_holds_for_a_pen() -> None:
    overlay = read(
        HEAD + ROW + 'modality = "rf"\n' + RANGE.replace("our protocol", "asjof_2024").replace("800", "3000")
    )
    assert row_of("cheek.left", overlay)["max_um"] == 1000
    assert row_of("cheek.left", overlay, modality="rf")["max_um"] == 3000


def test_what_was_adopted_reads_back_even_under_another_shipped_table() -> None:
    overlay = read(GOOD + '[sources.book]\ntitle = "Our book"\n')
    document = parse_canonical(canonical(overlay_document(overlay)))
    assert overlay_from_document(document) == overlay
    held = look_up(LIMITS, "cheek", indication="hyperpigmentation", overlay=overlay)
    stricter = read_limits(stricter_table())
    again = look_up(stricter, "cheek", indication="hyperpigmentation", overlay=overlay_from_document(document))
    assert held.hard is not None
    assert again.hard is not None
    assert (held.hard.hard_max_um, again.hard.hard_max_um) == (1000, 700)


def stricter_table() -> dict[str, Any]:
    path = Path(load_limits.__code__.co_filename).parent / "limits.toml"
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    for row in values["limits"]:
        if row["site"] == "cheek" and "hard_max_um" in row:
            row["hard_max_um"] = 700
    return values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"source": "nobody"}, "there is no source nobody", id="source"),
        pytest.param({"fallback": "chek"}, "fallback borrows", id="fallback-beside-a-range"),
        pytest.param({"site": "chek"}, "there is no site chek", id="site"),
        pytest.param({"source": "asjof_2024"}, "about radio-frequency needling", id="radio-frequency"),
    ],
)
def test_the_shipped_table_is_read_as_strictly(change: dict[str, Any], message: str) -> None:
    values = stricter_table()
    number = next(number for number, row in enumerate(values["limits"]) if "min_um" in row)
    values["limits"][number] |= change
    with pytest.raises(UsageProblem, match=message):
        read_limits(values)


@pytest.mark.parametrize(
    ("depth_um", "refused", "warned"),
    [
        pytest.param(1000, 0, 0, id="at-the-recommended"),
        pytest.param(1001, 0, 1, id="just-above-the-recommended"),
        pytest.param(1499, 0, 1, id="just-under-the-line-in-law"),
        pytest.param(1500, 0, 2, id="at-the-hard-maximum-and-the-line-in-law"),
        pytest.param(1501, 1, 0, id="just-above-the-hard-maximum"),
    ],
)
def test_a_plan_just_inside_and_just_outside(depth_um: int, refused: int, warned: int) -> None:
    remarks = remarks_on(plan_of("cheek.left", depth_um), LIMITS, ZONES)
    assert (len(remarks.refused), len(remarks.warned)) == (refused, warned)


def plan_of(zone: str, depth_um: int) -> Plan:
    return Plan.from_values(
        {
            "id": "p",
            "label": "P",
            "indication": "hyperpigmentation",
            "zones": [
                {
                    "zone": zone,
                    "depth_min_um": min(depth_um, 700),
                    "depth_max_um": depth_um,
                    "source": "x",
                    "evidence": "D",
                    "sourced": True,
                }
            ],
        },
        ZONES,
    )


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A row that an overlay might have, careful or not."""
    um = st.integers(0, DEPTH_LIMIT_UM)
    least_um, most_um = sorted((draw(um), draw(um)))
    hard_um = draw(st.none() | st.integers(1, DEPTH_LIMIT_UM))
    hard: dict[str, Any] = {} if hard_um is None else {"hard_max_um": hard_um, "hard_max_source": "s"}
    more: dict[str, Any] = hard and {"hard_max_basis": "clinic", "hard_max_evidence": "D"}
    return Row(
        site=draw(st.sampled_from(sorted(LIMITS.sites))),
        indication=draw(st.sampled_from([*LIMITS.indications, ANY])),
        modality=draw(st.sampled_from(["mechanical", "rf"])),
        device=draw(st.sampled_from([ANY, "pen-1"])),
        min_um=least_um,
        max_um=most_um,
        source="s",
        evidence="D",
        **hard,
        **more,
    )


@given(st.lists(rows(), max_size=4))
def test_no_overlay_ever_raises_a_hard_maximum(drawn: list[Row]) -> None:
    """Also one that was never checked: what is lower holds."""
    overlay = Overlay(name="o", version=1, rows=tuple(drawn), sources={})
    for case in cases(drawn):
        shipped, held = look_up(LIMITS, **case).hard, look_up(LIMITS, **case, overlay=overlay).hard
        if shipped is not None:
            assert held is not None
            assert (held.hard_max_um or 0) <= (shipped.hard_max_um or 0)


@given(st.lists(rows(), max_size=3))
def test_an_overlay_that_was_read_recommends_nothing_over_a_hard_maximum(drawn: list[Row]) -> None:
    values = {"name": "o", "version": 1, "limits": [row.document() for row in drawn]}
    try:
        overlay = read_overlay(values, LIMITS)
    except UsageProblem:
        return
    assert overlay_from_document(parse_canonical(canonical(overlay_document(overlay)))) == overlay
    for row in overlay.rows:
        for case in cases([row]):
            hard = look_up(LIMITS, **case).hard
            if hard is not None:
                assert (row.max_um or 0) <= (hard.hard_max_um or 0)


def cases(drawn: list[Row]) -> list[dict[str, Any]]:
    return [
        {"site": row.site, "indication": indication, "modality": row.modality, "device": device}
        for row in drawn
        for indication in (LIMITS.indications if row.indication == ANY else [row.indication])
        for device in (None, "pen-1")
    ]


def test_the_shipped_table_does_not_change_under_its_version() -> None:
    """A changed limit is a new version and a new digest: sessions name the version they were judged by."""
    documents = [resolve(LIMITS, ZONES, indication=name, modality="mechanical") for name in LIMITS.indications]
    documents.append(resolve(LIMITS, ZONES, indication=ANY, modality="rf"))
    digest = hashlib.sha256(b"".join(map(canonical, documents))).hexdigest()
    assert (LIMITS.version, digest) == (1, "d0cbaaa621dd3a67f871ed55c21b8898dd9231a02a519686bb66cc3f984a2903")
