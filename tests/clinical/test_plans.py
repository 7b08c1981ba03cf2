"""Plans and zones: the shipped ones read, documents round trip, and what cannot be meant is refused by name."""

import tomllib
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from devicelog.clinical.data import list_plans, load_plan, load_zones, suggest
from devicelog.clinical.plan import Plan, PlanZone, Zone, zones_document, zones_from_document
from devicelog.errors import NotFound, UsageProblem

GOOD = """\
id = "cheeks"
label = "Cheeks"
indication = "hyperpigmentation"

[[zones]]
zone = "cheek.left"
depth_min_um = 700
depth_max_um = 1000
source = "dpw_hp"
evidence = "B"
sourced = true

[[zones]]
zone = "cheek.right"
depth_min_um = 700
depth_max_um = 1000
source = "dpw_hp"
evidence = "B"
sourced = true
"""
HEAD = GOOD[: GOOD.index("\n[[zones]]")]

# (what is replaced in GOOD, by what, what the message must hold)
BAD = {
    "does-not-parse": ("depth_min_um = 700", "depth_min_um = ", "line 7: "),
    "ends-too-early": ('evidence = "B"\nsourced = true\n\n', 'evidence = """B\n', "line "),
    "stands-twice-in-toml": ('id = "cheeks"', 'id = "cheeks"\nid = "cheeks"', "line 2: "),
    "number-without-end": ("700", "7" * 5000, "plan "),
    "names-no-zone": (GOOD, HEAD + "zones = []\n", "zones: the plan names no zone"),
    "zones-missing": (GOOD, HEAD, "zones is missing"),
    "zones-not-a-list": (GOOD, HEAD + "[zones.forehead]\n", "each under [[zones]]"),
    "zone-not-a-table": (GOOD, HEAD + 'zones = ["forehead"]\n', "zone 1: 'forehead'"),
    "unknown-zone": ("cheek.left", "chek.left", "zone 1: there is no zone chek.left. Did you mean cheek.left?"),
    "zone-id-malformed": ("cheek.left", "Cheek Left", "zone 1: zone = 'Cheek Left'"),
    "zone-twice": ("cheek.right", "cheek.left", "zone 2: cheek.left stands twice, first as zone 1"),
    "wrong-way-round": ("700", "1100", "zone 1 (cheek.left): depth_min_um = 1100 is above depth_max_um = 1000"),
    "negative": ("700", "-700", "zone 1 (cheek.left): depth_min_um = -700"),
    "too-deep": ("1000", "10001", "zone 1 (cheek.left): depth_max_um = 10001"),
    "passes-wrong-way-round": (
        "700",
        "700\npasses_min = 3\npasses_max = 2",
        "zone 1 (cheek.left): passes_min = 3 is above passes_max = 2",
    ),
    "passes-negative": (
        "700",
        "700\npasses_min = -1",
        "zone 1 (cheek.left): passes_min = -1; expected a whole number of passes, 0 to 50",
    ),
    "passes-too-many": ("700", "700\npasses_max = 51", "passes_max = 51; expected a whole number of passes, 0 to 50"),
    "passes-wrong-type": ("700", "700\npasses_max = 2.0", "passes_max = 2.0; expected a whole number of passes"),
    "passes-wrong-type-flag": ("700", "700\npasses_min = true", "passes_min = True; expected a whole number"),
    "passes-misspelt": ("700", "700\npasses_mim = 1", "unknown key 'passes_mim'. Did you mean passes_min?"),
    "unknown-key": ("label", "lable", "unknown key 'lable'. Did you mean label?"),
    "unknown-key-in-zone": ("depth_max_um", "dept_max_um", "unknown key 'dept_max_um'. Did you mean depth_max_um?"),
    "unknown-key-like-nothing": ("label", "qqq", "unknown key 'qqq'."),
    "missing-key": ('label = "Cheeks"\n', "", "label is missing"),
    "missing-key-in-zone": ("sourced = true\n", "", "zone 1 (cheek.left): sourced is missing"),
    "wrong-type-millimetres": ("700", "0.7", "depth_min_um = 0.7; expected a whole number of micrometres"),
    "wrong-type-text": ("700", '"700"', "depth_min_um = '700'"),
    "wrong-type-boolean": ("700", "true", "depth_min_um = True"),
    "wrong-type-flag": ("sourced = true", "sourced = 1", "sourced = 1; expected true or false"),
    "wrong-type-label": ('"Cheeks"', "1979-05-27", "label = "),
    "label-blank": ('"Cheeks"', '" "', "label = ' '"),
    "label-control-character": ('"Cheeks"', r'"Cheeks\u0007"', "without control characters"),
    "grade-unknown": ('"B"', '"E"', "evidence = 'E'; expected one of A, B, C, D, DER, X"),
    "sourced-without-source": ('"B"', '"X"', "evidence = 'X' means that there is no source"),
    "check-unknown": (
        'label = "Cheeks"',
        'label = "Cheeks"\nchecks = ["consents"]',
        "expected one of screening, clearance, consent, cartridge, interval, endpoint. Did you mean consent?",
    ),
    "check-twice": (
        'label = "Cheeks"',
        'label = "Cheeks"\nchecks = ["consent", "consent"]',
        "expected each check once",
    ),
    "checks-not-a-list": ('label = "Cheeks"', 'label = "Cheeks"\nchecks = "consent"', "expected a list of checks"),
    "modality-unknown": ('label = "Cheeks"', 'label = "Cheeks"\nmodality = "laser"', "one of mechanical"),
    "modality-of-another-device": ('label = "Cheeks"', 'label = "Cheeks"\nmodality = "rf"', "one of mechanical"),
    "interval-wrong-way-round": (
        'label = "Cheeks"',
        'label = "Cheeks"\ninterval_min_days = 29\ninterval_max_days = 28\nseries_source = "x"\nseries_evidence = "B"',
        "interval_min_days = 29 is above interval_max_days = 28",
    ),
    "interval-of-no-day": ('label = "Cheeks"', 'label = "Cheeks"\ninterval_min_days = 0', "number of days, 1 to 365"),
    "interval-without-source": (
        'label = "Cheeks"',
        'label = "Cheeks"\ninterval_min_days = 14',
        "needs series_source and series_evidence",
    ),
    "sessions-wrong-way-round": (
        'label = "Cheeks"',
        'label = "Cheeks"\nsessions_min = 7\nsessions = 6\nseries_source = "x"\nseries_evidence = "B"',
        "sessions_min = 7 is above sessions = 6",
    ),
    "sessions-none": ('label = "Cheeks"', 'label = "Cheeks"\nsessions = 0', "a whole number of sessions, 1 to 50"),
    "area-of-nothing": ("700", "700\narea_cm2 = 0", "area_cm2 = 0; expected a whole number of square centimetres"),
    "area-broken": ("700", "700\narea_cm2 = 12.5", "area_cm2 = 12.5; expected a whole number"),
    "id-empty": ('id = "cheeks"', 'id = ""', "id = ''; expected 1 to 40 of a-z, 0-9 and -"),
    "id-capitals": ('id = "cheeks"', 'id = "Cheeks"', "id = 'Cheeks'"),
    "id-too-long": ('id = "cheeks"', f'id = "{"c" * 41}"', "id = 'ccc"),
    "id-with-newline": ('id = "cheeks"', r'id = "cheeks\n"', "id = 'cheeks"),
}


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    return tmp_path / "cheeks.toml"


@pytest.mark.parametrize("case", BAD)
def test_a_bad_plan_is_refused_by_name(case: str, plan_file: Path) -> None:
    old, new, message = BAD[case]
    assert old in GOOD
    plan_file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageProblem) as caught:
        load_plan(str(plan_file))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"plan {plan_file}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'id = "a"\n\x7fELF\x02\xff\xfe\x00', "line 2: not UTF-8 text", id="binary-file"),
        pytest.param(b"\x00" * 64, "line 1: ", id="binary-file-of-zeros"),
        pytest.param(GOOD.encode("utf-16"), "line 1: not UTF-8 text", id="binary-file-utf-16"),
        pytest.param(b"", "id is missing", id="empty-file"),
        pytest.param(b"a = " + b"[" * 100_000, "plan ", id="nested-without-end"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(content: bytes, message: str, plan_file: Path) -> None:
    plan_file.write_bytes(content)
    with pytest.raises(UsageProblem) as caught:
        load_plan(str(plan_file))
    assert message in str(caught.value)
    assert str(plan_file) in str(caught.value)


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageProblem, match=r"folder\.toml"):
        load_plan(str(tmp_path / "folder.toml"))


@pytest.mark.parametrize("name", ["full-fase", "FULL-FACE", "../zones", "", "full-face/"])
def test_an_unknown_name_lists_what_there_is(name: str) -> None:
    with pytest.raises(NotFound, match=r"there are: .*full-face.*neck-hands.*, or a path ending in \.toml") as caught:
        load_plan(name)
    assert caught.value.exit_code == 6


def test_an_unknown_name_comes_with_a_suggestion() -> None:
    with pytest.raises(NotFound, match=r"Did you mean full-face\?"):
        load_plan("full-fase")


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"absent\.toml: there is no such file"):
        load_plan(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_plan_of_the_clinic_is_read_from_its_file(encoding: str, plan_file: Path) -> None:
    plan_file.write_text(GOOD, encoding=encoding)
    plan = load_plan(str(plan_file))
    assert [entry.zone for entry in plan.zones] == ["cheek.left", "cheek.right"]
    assert plan.limit("cheek.right") == PlanZone(
        zone="cheek.right", depth_min_um=700, depth_max_um=1000, source="dpw_hp", evidence="B", sourced=True
    )
    assert plan.limit("nose") is None


@pytest.mark.parametrize(
    ("lines", "least", "most"),
    [
        ("", None, None),
        ("passes_min = 0", 0, None),
        ("passes_max = 50", None, 50),
        ("passes_min = 2\npasses_max = 2", 2, 2),
        ("passes_min = 0\npasses_max = 0", 0, 0),
    ],
)
def test_a_plan_may_intend_a_number_of_passes(lines: str, least: int | None, most: int | None, plan_file: Path) -> None:
    plan_file.write_text(GOOD.replace("depth_min_um = 700", f"depth_min_um = 700\n{lines}", 1), encoding="utf-8")
    plan = load_plan(str(plan_file))
    assert [(entry.passes_min, entry.passes_max) for entry in plan.zones] == [(least, most), (None, None)]
    document = parse_canonical(canonical(plan.document()))
    assert Plan.from_document(document) == plan
    named = {"passes_min", "passes_max"} & document["zones"][0].keys()
    assert named == {name for name, value in (("passes_min", least), ("passes_max", most)) if value is not None}
    assert not {"passes_min", "passes_max"} & document["zones"][1].keys()


def test_what_a_plan_asks_for_stands_in_its_document_and_a_plan_that_asks_for_nothing_is_as_it_was(
    plan_file: Path,
) -> None:
    lines = (
        'checks = ["endpoint", "consent"]\nmodality = "mechanical"\ninterval_min_days = 14\ninterval_max_days = 28\n'
        'sessions_min = 4\nsessions = 6\nseries_source = "dpw_hp"\nseries_evidence = "B"\n'
    )
    asking = GOOD.replace('label = "Cheeks"\n', f'label = "Cheeks"\n{lines}').replace("700", "700\narea_cm2 = 40", 1)
    plan_file.write_text(asking, encoding="utf-8")
    plan = load_plan(str(plan_file))
    document = parse_canonical(canonical(plan.document()))
    assert Plan.from_document(document) == plan
    assert document["checks"] == ["endpoint", "consent"]
    assert [zone.get("area_cm2") for zone in document["zones"]] == [40, None]
    assert (document["interval_min_days"], document["interval_max_days"], document["sessions"]) == (14, 28, 6)
    plan_file.write_text(GOOD, encoding="utf-8")
    assert load_plan(str(plan_file)).document().keys() == {"schema", "id", "label", "indication", "zones"}


def test_no_shipped_plan_intends_a_number_of_passes() -> None:
    assert {(zone.passes_min, zone.passes_max) for plan in list_plans() for zone in plan.zones} == {(None, None)}


def test_a_label_is_kept_in_the_one_form_canonical_bytes_allow(plan_file: Path) -> None:
    plan_file.write_text(GOOD.replace('"Cheeks"', '"De\u0301collete\u0301"'), encoding="utf-8")
    plan = load_plan(str(plan_file))
    assert plan.label == "D\u00e9collet\u00e9"
    assert canonical(plan.document())


def test_reading_leaves_the_values_as_they_were() -> None:
    values = tomllib.loads(GOOD)
    Plan.from_values(values, load_zones())
    assert values == tomllib.loads(GOOD)


def test_every_shipped_plan_has_the_name_of_its_file() -> None:
    plans = list_plans()
    assert [plan.id for plan in plans] == [
        *("body-scar", "cheeks-pigment", "face-acne-scars", "face-pigment", "full-face", "hands-pigment"),
        *("neck-hands", "neck-pigment", "neck-wrinkles", "scalp-hair", "stretch-marks", "vitiligo"),
    ]
    assert [load_plan(plan.id) for plan in plans] == plans


@pytest.mark.parametrize("name", [plan.id for plan in list_plans()])
def test_a_plan_document_round_trips_through_canonical_bytes(name: str) -> None:
    plan = load_plan(name)
    document = parse_canonical(canonical(plan.document()))
    assert document["schema"] == "devicelog.plan/1"
    assert Plan.from_document(document) == plan
    assert document == plan.document()


def test_a_plan_document_does_not_need_the_zones_of_today() -> None:
    plan = load_plan("full-face")
    entries = tuple(replace(entry, zone=f"old_{number}") for number, entry in enumerate(plan.zones))
    old = replace(plan, zones=entries)
    assert Plan.from_document(old.document()) == old


@pytest.mark.parametrize("schema", [None, "devicelog.plan/2", 1])
def test_a_document_of_another_schema_is_refused(schema: object) -> None:
    with pytest.raises(UsageProblem, match=r"expected 'devicelog\.plan/1'"):
        Plan.from_document(load_plan("full-face").document() | {"schema": schema})
    with pytest.raises(UsageProblem, match=r"expected 'devicelog\.zones/1'"):
        zones_from_document(zones_document(load_zones()) | {"schema": schema})


def test_the_zones_document_round_trips_through_canonical_bytes() -> None:
    zones = load_zones()
    document = parse_canonical(canonical(zones_document(zones)))
    assert document["map_version"] == 2
    assert list(zones_from_document(document).items()) == list(zones.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"laterality": "left"}, "zone 1 (chin): laterality = 'left'; expected 'midline'", id="side"),
        pytest.param({"laterality": "both"}, "expected one of left, right, midline", id="no-such-side"),
        pytest.param({"id": "chin.middle"}, "expected a zone id", id="bad-id"),
        pytest.param({"colour": "red"}, "unknown key 'colour'", id="unknown-key"),
        pytest.param({"id": "nose"}, "zone 2: nose stands twice", id="twice"),
        pytest.param({"snomed": "23747008"}, "whose last digit checks", id="snomed-check-digit"),
        pytest.param({"snomed": "23774009"}, "whose last digit checks", id="snomed-digits-swapped"),
        pytest.param({"snomed": 23747009}, "text of 6 to 18 digits", id="snomed-a-number"),
        pytest.param({"nhs": "BB"}, "one character, 0-9 or A-Z", id="nhs-two-characters"),
    ],
)
def test_a_bad_zones_document_is_refused(change: dict[str, Any], message: str) -> None:
    chin = {"id": "chin", "label": "Chin", "site": "chin", "laterality": "midline"}
    nose = {"id": "nose", "label": "Nose", "site": "nose", "laterality": "midline"}
    good = {"schema": "devicelog.zones/1", "map_version": 1, "zones": [chin, nose]}
    assert list(zones_from_document(good)) == ["chin", "nose"]
    with pytest.raises(UsageProblem) as caught:
        zones_from_document(good | {"zones": [chin | change, nose]})
    assert message in str(caught.value)


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0])
def test_a_map_has_a_version_from_one(version: object) -> None:
    document = zones_document(load_zones())
    assert zones_from_document(document | {"map_version": 2})
    with pytest.raises(UsageProblem, match="expected a whole number from 1"):
        zones_from_document(document | {"map_version": version})


def test_plans_and_zones_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        load_plan("full-face").label = "x"  # type: ignore[misc]
    assert load_zones()["cheek.left"] == Zone(
        id="cheek.left", label="Left cheek", site="cheek", laterality="left", snomed="36141000", nhs="6"
    )


def test_a_suggestion_is_a_sentence_or_nothing() -> None:
    assert suggest("forhead", ["forehead", "nose"]) == " Did you mean forehead?"
    assert suggest("xyz", ["forehead", "nose"]) == ""
