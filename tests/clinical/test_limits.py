"""The limits are honest: published tables come out as their source has them, every number with source and grade."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from devicelog.canonical import canonical
from devicelog.clinical.codes import check_digit_holds
from devicelog.clinical.data import list_plans, load_limits, load_sources, load_zones
from devicelog.clinical.keys import GRADES
from devicelog.clinical.limits import ANY, Overlay, Row, known_indication, look_up, resolve
from devicelog.clinical.plan import CHECKS, MAP_VERSION, Plan, zones_from_document
from devicelog.clinical.planned import remarks_on
from devicelog.errors import UsageProblem

CLINICAL = files("devicelog.clinical")
LIMITS = load_limits()
ZONES = load_zones()
FACE = ("forehead", "glabella", "temple", "nose", "cheek", "perioral", "chin")
HIGHEST_SHIPPED_UM = 2500


def found(site: str, indication: str, modality: str = "mechanical") -> tuple[Any, ...]:
    """Least and greatest recommended depth, source, grade and the site it is borrowed from."""
    holds = look_up(LIMITS, site, indication=indication, modality=modality)
    row = holds.recommended
    return (row.min_um, row.max_um, row.source, row.evidence, holds.fallback) if row else (None,) * 5


def hard(site: str, indication: str = "hyperpigmentation") -> tuple[Any, ...]:
    row = look_up(LIMITS, site, indication=indication).hard
    return (row.hard_max_um, row.hard_max_source, row.hard_max_basis, row.hard_max_evidence) if row else (None,) * 4


def published(site: str, indication: str, source: str, modality: str = "mechanical") -> list[tuple[Any, ...]]:
    return [
        (row.min_um, row.max_um, row.evidence, row.applies)
        for row in LIMITS.rows
        if (row.site, row.indication, row.source, row.modality) == (site, indication, source, modality)
    ]


@pytest.mark.parametrize(
    ("site", "no_blood_mm", "pinpoint_mm"),
    [
        ("forehead", "0.30", "0.4"),
        ("chin", "0.5", "0.7-0.8"),
        ("cheek", "0.7", "1.0"),
        ("periorbital", "0.2", "0.3"),
        ("nose", "0.4", "0.5"),
        ("perioral", "0.4", "0.5"),
        ("body", "0.5", "0.7-1.0"),
    ],
)
def test_depths_for_pigment_stand_as_in_the_pen_makers_protocol(site: str, no_blood_mm: str, pinpoint_mm: str) -> None:
    """Source: DermapenWorld, Protokoll Hyperpigmentierung, page 5 [dpw_hp], grade B."""
    row = look_up(LIMITS, site, indication="hyperpigmentation").recommended
    assert row is not None
    columns = {name: tuple(um) for name, um in row.columns}
    assert columns == {"red": span_of(no_blood_mm), "pinpoint": span_of(pinpoint_mm)}
    assert (row.min_um, row.max_um) == (columns["red"][0], columns["pinpoint"][1])
    assert (row.source, row.evidence, row.device) == ("dpw_hp", "B", ANY)


@pytest.mark.parametrize("site", LIMITS.sites)
def test_melasma_is_needled_as_pigment_is_and_not_as_in_the_trial(site: str) -> None:
    """Source: the same protocol, for epidermal pigment and mixed melasma [dpw_hp]; the trial is [lima_2017]."""
    assert found(site, "melasma") == found(site, "hyperpigmentation")
    assert hard(site, "melasma") == hard(site, "hyperpigmentation")
    own = Row(site=site, indication="melasma", max_um=100, source="s", evidence="B")
    overlay = Overlay(name="o", version=1, rows=(own,), sources={})
    if site != "eyelid":
        assert look_up(LIMITS, site, indication="melasma", overlay=overlay).recommended == own
        assert look_up(LIMITS, site, indication="hyperpigmentation", overlay=overlay).recommended != own


@pytest.mark.parametrize(
    ("site", "superficial_mm", "dermal_mm"), [("face", "0.3-0.5", "0.5-1.0"), ("body", "0.5-1.0", "1.0-1.5")]
)
def test_depths_for_vitiligo_stand_as_in_the_same_makers_protocol(
    site: str, superficial_mm: str, dermal_mm: str
) -> None:
    """Source: DermapenWorld, Protokoll Hyperpigmentierung und Vitiligo, page 5 [dpw_vit], grade B."""
    row = look_up(LIMITS, site, indication="vitiligo").recommended
    assert row is not None
    columns = {name: tuple(um) for name, um in row.columns}
    assert columns == {"superficial": span_of(superficial_mm), "dermal": span_of(dermal_mm)}
    assert (row.min_um, row.max_um) == (columns["superficial"][0], columns["dermal"][1])
    assert (row.source, row.evidence) == ("dpw_vit", "B")


@pytest.mark.parametrize("site", [*FACE, "neck", "decollete", "hands", "abdomen"])
def test_vitiligo_on_a_site_that_the_protocol_does_not_name_is_borrowed(site: str) -> None:
    named = "face" if site in FACE else "body"
    assert found(site, "vitiligo") == (*found(named, "vitiligo")[:4], named)


@pytest.mark.parametrize(
    ("site", "thin_mm", "thick_mm"),
    [
        ("forehead", "0.25-0.5", "0.5-0.75"),
        ("glabella", "0.25-0.5", "0.5-1.0"),
        ("nose", "0.25", "0.5"),
        ("periorbital", "0.25", "0.25-0.5"),
        ("perioral", "0.25", "0.25-0.75"),
        ("cheek", "0.5-1.0", "1.0-2.0"),
        ("chin", "0.5-1.0", "1.0-2.0"),
    ],
)
def test_the_general_chart_stands_as_the_retailer_has_it(site: str, thin_mm: str, thick_mm: str) -> None:
    """Source: Dr. Pen needle depth chart [drpen_chart], grade D."""
    rows = [row for row in LIMITS.rows if (row.site, row.indication, row.source) == (site, "general", "drpen_chart")]
    charted = [{name: tuple(um) for name, um in row.columns} for row in rows]
    assert {"thin": span_of(thin_mm), "thick": span_of(thick_mm)} in charted
    assert {row.evidence for row in rows} == {"D"}


def test_the_other_chart_is_published_and_compared_with_nothing() -> None:
    """Source: blog chart [mnba_chart], grade D: forehead, cheeks, nose, upper lip, chin, under the eye."""
    charted = {row.site: (row.min_um, row.max_um) for row in LIMITS.rows if row.source == "mnba_chart"}
    assert charted == {
        "forehead": (250, 500),
        "cheek": (500, 1000),
        "nose": (250, 750),
        "perioral": (250, 500),
        "chin": (500, 1000),
        "periorbital": (200, 300),
    }
    assert not any(row.applies for row in LIMITS.rows if row.source == "mnba_chart")


@pytest.mark.parametrize(
    ("site", "indication", "expected"),
    [
        pytest.param("neck", "wrinkles", (None, 2500, "skr_evidence", "C", None), id="neck-wrinkles-K202243"),
        pytest.param("neck", "hyperpigmentation", (500, 1000, "dpw_hp", "B", "body"), id="neck-pigment"),
        pytest.param("decollete", "hyperpigmentation", (500, 1000, "dpw_hp", "B", "body"), id="decollete"),
        pytest.param("hands", "hyperpigmentation", (500, 1000, "dpw_hp", "B", "body"), id="hands"),
        pytest.param("glabella", "hyperpigmentation", (300, 400, "dpw_hp", "B", "forehead"), id="glabella"),
        pytest.param("temple", "hyperpigmentation", (None,) * 5, id="temple-pen"),
        pytest.param("scalp", "hyperpigmentation", (None,) * 5, id="scalp-pigment"),
        pytest.param("body", "scars", (1500, 1500, "schwarz_2011", "A", None), id="body-scar-schwarz-2011"),
        pytest.param("abdomen", "scars", (1500, 1500, "schwarz_2011", "A", "body"), id="abdominal-scar"),
        pytest.param("body", "striae", (1500, 2000, "drpen_chart", "D", None), id="stretch-marks-chart"),
        pytest.param("cheek", "acne-scars", (1500, 1500, "split_2515", "A", None), id="acne-scars-split-face"),
        pytest.param("scalp", "alopecia", (600, 1200, "faghihi_2021", "A", None), id="scalp-faghihi-2021"),
    ],
)
def test_other_sites_stand_as_their_sources_have_them(site: str, indication: str, expected: tuple[Any, ...]) -> None:
    assert found(site, indication) == expected


@pytest.mark.parametrize(
    ("site", "indication", "source", "expected"),
    [
        pytest.param("cheek", "hyperpigmentation", "lima_2017", (1500, 1500, "A", False), id="melasma-lima-2017"),
        pytest.param("cheek", "acne-scars", "split_2515", (1500, 2500, "A", False), id="acne-scars-split-face"),
        pytest.param("cheek", "acne-scars", "iasj_2515", (1500, 2500, "A", False), id="acne-scars-iasj"),
        pytest.param("face", "acne-scars", "drpen_chart", (1000, 2000, "D", False), id="facial-scars-chart"),
        pytest.param("scalp", "alopecia", "english_2022", (500, 2500, "A", False), id="scalp-english-2022"),
        pytest.param("body", "striae", "schwarz_2011", (1500, 1500, "A", False), id="striae-schwarz-2011"),
    ],
)
def test_what_goes_deeper_is_shown_and_compared_with_nothing(
    site: str, indication: str, source: str, expected: tuple[Any, ...]
) -> None:
    assert expected in published(site, indication, source)
    assert expected[:2] != found(site, indication)[:2] or source != found(site, indication)[2]


@pytest.mark.parametrize(
    ("site", "least_um", "most_um", "source", "grade"),
    [
        ("forehead", 1500, None, "asjof_2024", "A"),
        ("temple", 1500, None, "asjof_2024", "A"),
        ("cheek", 1000, None, "asjof_2024", "A"),
        ("nose", None, 2000, "asjof_2024", "A"),
        ("perioral", 500, None, "asjof_2024", "A"),
        ("neck", 1500, None, "asjof_2024", "A"),
        ("periorbital", None, 1000, "manners_rf", "D"),
    ],
)
def test_radio_frequency_has_its_own_rows_and_a_pen_never_sees_them(
    site: str, least_um: int | None, most_um: int | None, source: str, grade: str
) -> None:
    """Source: radio-frequency review, ASJ Open Forum ojad100 [asjof_2024]; vendor's text [manners_rf]."""
    assert found(site, "hyperpigmentation", "rf") == (least_um, most_um, source, grade, None)
    for indication in LIMITS.indications:
        assert found(site, indication)[2] != source


def test_no_row_of_another_modality_reaches_a_document() -> None:
    of_rf = {key for key, source in LIMITS.sources.items() if source.modality == "rf"}
    assert of_rf == {"asjof_2024", "manners_rf"}
    for indication in LIMITS.indications:
        pen = resolve(LIMITS, ZONES, indication=indication)
        assert not of_rf & {row["source"] for row in pen["zones"]}
        rf = resolve(LIMITS, ZONES, indication=indication, modality="rf")
        assert {row["source"] for row in rf["zones"]} <= of_rf | {None}
        assert {row["hard_max_um"] for row in rf["zones"]} == {None}


@pytest.mark.parametrize(
    ("site", "indication", "expected"),
    [
        *((site, ANY, (1500, "skr_matrix", "regulatory", "C")) for site in FACE if site != "glabella"),
        ("glabella", ANY, (1500, "k180778", "regulatory", "C")),
        ("periorbital", ANY, (750, "thick_2022", "derived", "DER")),
        ("neck", ANY, (2500, "skr_evidence", "regulatory", "C")),
        ("abdomen", ANY, (2500, "k200044", "regulatory", "C")),
        ("scalp", ANY, (2500, "english_2022", "study", "A")),
        ("body", "scars", (2500, "k200044", "regulatory", "C")),
        ("body", "hyperpigmentation", (None,) * 4),
        ("decollete", ANY, (None,) * 4),
        ("hands", ANY, (None,) * 4),
    ],
)
def test_hard_maxima_and_what_supports_them(site: str, indication: str, expected: tuple[Any, ...]) -> None:
    for name in LIMITS.indications if indication == ANY else [indication]:
        assert hard(site, name) == expected


def test_the_eyelid_is_forbidden_whatever_it_is_for() -> None:
    """Source: Recommended Protocols for Microneedling [bellus_protocol], grade B."""
    for indication in LIMITS.indications:
        rows = {row["zone"]: row for row in resolve(LIMITS, ZONES, indication=indication)["zones"]}
        forbidden = {zone for zone, row in rows.items() if row["forbidden"]}
        assert forbidden == {"eyelid.left", "eyelid.right"}
        assert {rows[zone]["source"] for zone in forbidden} == {"bellus_protocol"}


def test_mean_skin_stands_as_its_table_has_it() -> None:
    """Source: table 2 of doi 10.1186/s12880-022-00839-w [thick_2022], epidermis and dermis added up: DER."""
    skin = {site.id: (site.skin_men_um, site.skin_women_um) for site in LIMITS.sites.values() if site.skin_men_um}
    assert skin.pop("periorbital") == skin["eyelid"]
    assert skin == {
        "forehead": (1390, 1060),
        "glabella": (1350, 1090),
        "temple": (1250, 980),
        "eyelid": (850, 750),
        "nose": (1230, 1120),
        "cheek": (1330, 1070),
        "chin": (1230, 1090),
        "neck": (1170, 1160),
    }
    assert {(site.skin_source, site.skin_evidence) for site in LIMITS.sites.values() if site.skin_men_um} == {
        ("thick_2022", "DER")
    }


def test_the_threshold_and_the_sensors_tolerance_have_their_sources() -> None:
    """Sources: Scotland's Act 2026 asp 13, schedule 1, inclusive; 510(k) K180778, scale tolerance of one pen."""
    threshold, tolerance = LIMITS.threshold, LIMITS.sensor_tolerance
    assert (threshold.depth_um, threshold.source, threshold.evidence) == (1500, "scot_asp13", "A")
    assert (tolerance.depth_um, tolerance.source, tolerance.evidence) == (150, "k180778", "C")


def test_every_source_resolves_and_every_grade_is_one() -> None:
    used: set[str | None] = {LIMITS.threshold.source, LIMITS.sensor_tolerance.source}
    grades: set[str | None] = set()
    for row in LIMITS.rows:
        used |= {row.source, row.hard_max_source, row.note_source}
        grades |= {row.evidence, row.hard_max_evidence, row.note_evidence}
    used |= {site.skin_source for site in LIMITS.sites.values()}
    for plan in list_plans():
        used |= {plan.series_source, *(entry.source for entry in plan.zones)}
    assert used - {None} == LIMITS.sources.keys(), "no source missing, none unused"
    assert grades - {None} <= set(GRADES)
    assert all(source.address and source.address.startswith("http") for source in LIMITS.sources.values())
    assert load_sources().keys() == LIMITS.sources.keys()


def test_limits_that_hold_stand_in_order() -> None:
    for site in LIMITS.sites:
        for indication in LIMITS.indications:
            least_um, most_um = found(site, indication)[:2]
            limits = [um for um in (least_um, most_um, hard(site, indication)[0]) if um is not None]
            assert limits == sorted(limits), (site, indication)
            assert all(0 < um <= HIGHEST_SHIPPED_UM for um in limits)


def test_a_document_says_what_holds_in_every_zone_of_the_map() -> None:
    document = resolve(LIMITS, ZONES, indication="hyperpigmentation")
    assert canonical(document)
    assert {key: value for key, value in document.items() if key != "zones"} == {
        "schema": "devicelog.limits/1",
        "version": 1,
        "overlay": None,
        "indication": "hyperpigmentation",
        "modality": "mechanical",
        "device": None,
        "threshold": {"depth_um": 1500, "source": "scot_asp13", "evidence": "A"},
    }
    rows = {row["zone"]: row for row in document["zones"]}
    assert list(rows) == list(ZONES)
    assert rows["neck"] == {
        "zone": "neck",
        "site": "neck",
        "min_um": 500,
        "max_um": 1000,
        "source": "dpw_hp",
        "evidence": "B",
        "sourced": False,
        "fallback": "body",
        "hard_max_um": 2500,
        "hard_max_source": "skr_evidence",
        "hard_max_basis": "regulatory",
        "hard_max_evidence": "C",
        "hard_max_for": "wrinkles",  # K202243 is for the neck's wrinkles, and this row is shown for pigment
        "forbidden": False,
        "from": "shipped",
    }
    assert (rows["temple.left"]["evidence"], rows["hand.left"]["hard_max_evidence"]) == ("X", "X")
    assert all(row.keys() == rows["neck"].keys() for row in rows.values())


def test_an_indication_nobody_knows_stops_nothing_and_is_named_where_it_is_asked_for() -> None:
    rows = resolve(LIMITS, ZONES, indication="freckles")["zones"]
    assert {row["max_um"] for row in rows} == {None}
    assert {row["hard_max_um"] for row in rows if row["site"] in FACE} == {1500}
    assert known_indication(LIMITS, "vitiligo") == "vitiligo"
    with pytest.raises(UsageProblem, match=r"no indication vitilgo; there are: .*\. Did you mean vitiligo\?"):
        known_indication(LIMITS, "vitilgo")


def test_the_row_that_is_most_its_own_holds() -> None:
    rows = [
        Row(site="nose", indication=ANY, max_um=100, source="s", evidence="B"),
        Row(site="nose", indication="scars", max_um=200, source="s", evidence="B"),
        Row(site="nose", indication=ANY, device="pen-1", max_um=300, source="s", evidence="B"),
        Row(site="nose", indication="scars", device="pen-1", max_um=400, source="s", evidence="B"),
    ]
    for ordered in (rows, rows[::-1]):
        overlay = Overlay(name="o", version=1, rows=tuple(ordered), sources={})
        held = {
            (indication, device): look_up(LIMITS, "nose", indication=indication, device=device, overlay=overlay)
            for indication in ("general", "scars")
            for device in (None, "pen-1", "pen-2")
        }
        assert {case: holds.recommended.max_um if holds.recommended else None for case, holds in held.items()} == {
            ("general", None): 100,
            ("scars", None): 200,
            ("general", "pen-1"): 300,
            ("scars", "pen-1"): 400,
            ("general", "pen-2"): 100,
            ("scars", "pen-2"): 200,
        }
        assert {holds.origin for holds in held.values()} == {"overlay"}


def test_every_zone_lies_on_a_site() -> None:
    assert {zone.site for zone in ZONES.values()} <= LIMITS.sites.keys()
    values = tomllib.loads((CLINICAL / "zones.toml").read_text(encoding="utf-8"))
    assert values["map_version"] == MAP_VERSION


# Records name zones by these ids, and other programs skin by these codes: SNOMED CT as DICOM CID 4029 "Dermatology
# Anatomic Site" (20240913) lists it, and the NHS dermatologist body site class. A change here is a new id.
FROZEN = {
    "forehead": ("forehead", "midline", "68698007", "2"),
    "glabella": ("glabella", "midline", None, None),
    "temple.left": ("temple", "left", "16621002", "2"),
    "temple.right": ("temple", "right", "16621002", "2"),
    "periorbital.left": ("periorbital", "left", "362916000", "3"),
    "periorbital.right": ("periorbital", "right", "362916000", "3"),
    "nose": ("nose", "midline", "113179006", "5"),
    "cheek.left": ("cheek", "left", "36141000", "6"),
    "cheek.right": ("cheek", "right", "36141000", "6"),
    "perioral": ("perioral", "midline", "110488009", "7"),
    "chin": ("chin", "midline", "23747009", "B"),
    "neck": ("neck", "midline", "43081002", "C"),
    "decollete": ("decollete", "midline", "244106003", "S"),
    "hand.left": ("hands", "left", "281642007", None),
    "hand.right": ("hands", "right", "281642007", None),
    "scalp": ("scalp", "midline", "43067004", "0"),
    "abdomen": ("abdomen", "midline", "75093004", None),
    "body": ("body", "midline", "39937001", None),
    "eyelid.left": ("eyelid", "left", None, None),
    "eyelid.right": ("eyelid", "right", None, None),
}


def test_the_zones_keep_their_meaning_and_their_codes() -> None:
    assert {zone.id: (zone.site, zone.laterality, zone.snomed, zone.nhs) for zone in ZONES.values()} == FROZEN


def test_a_wrong_digit_or_two_that_changed_places_are_found() -> None:
    codes = {code for _, _, code, _ in FROZEN.values() if code}
    assert all(check_digit_holds(code) for code in codes)
    for code in codes:
        for place in range(len(code)):
            for digit in set("0123456789") - {code[place]}:
                assert not check_digit_holds(code[:place] + digit + code[place + 1 :])
        for place in range(len(code) - 1):
            turned = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            assert turned == code or not check_digit_holds(turned)
    assert check_digit_holds("2363"), "Verhoeff 1969: 236 has the check digit 3"


def test_a_map_of_version_1_still_reads() -> None:
    old = {"id": "chin", "label": "Chin", "site": "chin", "laterality": "midline"}
    zones = zones_from_document({"schema": "devicelog.zones/1", "map_version": 1, "zones": [old]})
    assert (zones["chin"].snomed, zones["chin"].nhs) == (None, None)


@pytest.mark.parametrize("plan", list_plans(), ids=lambda plan: plan.id)
def test_a_plan_says_what_the_limits_say(plan: Plan) -> None:
    assert remarks_on(plan, LIMITS, ZONES).refused == ()
    for entry in plan.zones:
        least_um, most_um, source, evidence, fallback = found(ZONES[entry.zone].site, plan.indication)
        said = (entry.depth_min_um, entry.depth_max_um, entry.source, entry.evidence, entry.sourced)
        assert said == (least_um or 0, most_um, source, evidence, fallback is None), entry.zone


def test_templates_for_pigment_ask_for_all_that_is_to_be_on_record() -> None:
    """Source: DermapenWorld, Protokoll Hyperpigmentierung [dpw_hp]: every 2 to 4 weeks, 4 to 6 times."""
    pigment = {plan.id: plan for plan in list_plans() if plan.id.endswith("-pigment")}
    assert pigment.keys() == {"face-pigment", "cheeks-pigment", "neck-pigment", "hands-pigment"}
    for plan in pigment.values():
        assert plan.checks == CHECKS
        assert (plan.interval_min_days, plan.interval_max_days) == (14, 28)
        assert (plan.sessions_min, plan.sessions) == (4, 6)
        assert (plan.series_source, plan.series_evidence) == ("dpw_hp", "B")


def test_the_plans_of_before_ask_for_depths_alone() -> None:
    for plan in list_plans():
        if plan.id in ("full-face", "neck-hands"):
            assert plan.document().keys() == {"schema", "id", "label", "indication", "zones"}


@pytest.mark.parametrize("file", ["limits.toml", *(f"plans/{plan.id}.toml" for plan in list_plans())])
def test_a_file_with_limits_says_who_must_approve_them(file: str) -> None:
    head = CLINICAL.joinpath(*file.split("/")).read_text(encoding="utf-8").partition("\n\n")[0]
    assert "NOT MEDICAL ADVICE. A clinician must approve every limit before it is used on people." in head
    assert "DIAL SETTINGS" in head
    assert "No number of passes" in head


def span_of(mm: str) -> tuple[int, int]:
    """`0.7-0.8` as the source prints it, in µm; one number is from itself to itself."""
    least, _, most = mm.partition("-")
    return round(float(least) * 1000), round(float(most or least) * 1000)


def test_what_an_authority_or_a_study_looked_at_says_for_which_indication() -> None:
    told = {
        (row.hard_max_source, row.hard_max_for) for row in LIMITS.rows if row.hard_max_basis in ("regulatory", "study")
    }
    assert told == {
        ("skr_matrix", "acne-scars"),
        ("k180778", "wrinkles"),
        ("skr_evidence", "wrinkles"),
        ("k200044", "scars"),
        ("english_2022", "alopecia"),
    }
