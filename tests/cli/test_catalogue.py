"""`plans` and `zones`: tables for people, one object for programs, and a clinic's own files checked and adopted."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from devicelog.cli.catalogue import plans, zones
from devicelog.cli.planning import plan_named
from devicelog.clinical.data import list_plans, load_limits, load_zones
from devicelog.desk.adopting import adopted_plans, overlay
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type

GROUPS = {"plans": plans, "zones": zones}
APPROVAL = "A clinician must approve every limit before it is used on people."
PLAN = """\
id = "our-cheeks"
label = "Cheeks, as we do them"
indication = "hyperpigmentation"
checks = ["consent", "endpoint"]

[[zones]]
zone = "cheek.left"
depth_min_um = 700
depth_max_um = 900
source = "our protocol 3"
evidence = "D"
sourced = true
"""
OVERLAY = """\
name = "our-limits"
version = 1

[[limits]]
site = "cheek"
indication = "hyperpigmentation"
max_um = 800
source = "our protocol 3"
evidence = "D"
hard_max_um = 1000
hard_max_source = "our protocol 3"
hard_max_basis = "clinic"
hard_max_evidence = "D"
"""


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory in which nothing was recorded."""
    monkeypatch.setenv("DEVICELOG_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(group: str, *arguments: str) -> Result:
    return CliRunner().invoke(GROUPS[group], arguments, catch_exceptions=False)


def object_of(group: str, *arguments: str) -> Any:
    result = run(group, *arguments, "--json")
    assert result.exit_code == 0
    text = result.stdout
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    return json.loads(text)


def written(folder: Path, text: str, name: str = "ours.toml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def entries(data_dir: Path, type_: str) -> list[Entry]:
    with Evidence(data_dir / FILE_NAME) as evidence:
        return of_type(evidence, type_)


# --- Plans ------------------------------------------------------------------------------------------------------------


def test_every_plan_is_listed_with_what_it_asks_for(nowhere: Path) -> None:
    lines = run("plans", "list").stdout.splitlines()
    shipped = list_plans()
    assert [line.split()[0] for line in lines[1 : 1 + len(shipped)]] == [plan.id for plan in shipped]
    face = next(line for line in lines if line.startswith("face-pigment"))
    assert face.endswith("9      screening, clearance, consent, cartridge, interval, endpoint")
    assert next(line for line in lines if line.startswith("full-face")).endswith("nothing")
    assert lines[-1].endswith(APPROVAL)
    assert not nowhere.exists(), "reading makes no database"


def test_a_plan_is_shown_in_millimetres_with_source_and_grade(nowhere: Path) -> None:
    result = run("plans", "show", "full-face")
    rows = {tuple(line.split()) for line in result.stdout.splitlines()}
    assert ("forehead", "0.30–0.40", "mm", "dpw_hp", "B") in rows
    assert ("cheek.left", "0.70–1.00", "mm", "dpw_hp", "B") in rows
    assert "full-face: Full face, hyperpigmentation" in result.stdout
    assert "dpw_hp: DermapenWorld" in result.stdout
    assert "series" not in result.stdout
    assert result.stdout.splitlines()[-1].endswith(APPROVAL)


def test_a_series_is_shown_with_its_source(nowhere: Path) -> None:
    text = run("plans", "show", "stretch-marks").stdout
    assert "series: every 28–42 days, 3–6 sessions [nb_striae] D" in text
    assert "nb_striae: How many sessions for stretch marks" in text


def test_a_borrowed_depth_is_flagged_and_a_sourced_one_is_not(nowhere: Path) -> None:
    for plan in list_plans():
        lines = [line for line in run("plans", "show", plan.id).stdout.splitlines() if " mm " in line]
        assert {line.split()[0] for line in lines if "borrowed" in line} == {
            entry.zone for entry in plan.zones if not entry.sourced
        }
        assert len(lines) == len(plan.zones)


def test_the_columns_of_a_plan_are_aligned(nowhere: Path) -> None:
    table = run("plans", "show", "full-face").stdout.split("\n\n")[0].splitlines()[1:]
    assert len({line.index("dpw_hp") for line in table[1:]} | {table[0].index("source")}) == 1


def test_plans_as_json(nowhere: Path) -> None:
    documents = [plan.document() for plan in list_plans()]
    assert object_of("plans", "list") == {"schema": "devicelog.plans/1", "plans": documents, "adopted": []}
    shown = object_of("plans", "show", "full-face")
    assert (shown["schema"], shown["from"], shown["sources"].keys()) == (
        "devicelog.plan-shown/1",
        "shipped",
        {"dpw_hp"},
    )
    assert shown["plan"] in documents


def test_a_plan_that_is_not_there_comes_with_a_suggestion(nowhere: Path) -> None:
    with pytest.raises(NotFound, match=r"Did you mean full-face\?"):
        run("plans", "show", "full-fase")


def test_passes_and_area_are_shown_where_a_plan_has_them(nowhere: Path, tmp_path: Path) -> None:
    more = PLAN + "passes_min = 2\npasses_max = 4\narea_cm2 = 30\n"
    lines = run("plans", "show", written(tmp_path, more)).stdout.splitlines()
    assert lines[1].split() == ["zone", "depth", "set", "passes", "area", "source", "grade"]
    assert lines[2].split()[:6] == ["cheek.left", "0.70–0.90", "mm", "2–4", "30", "cm²"]
    assert "passes" not in run("plans", "show", written(tmp_path, PLAN)).stdout


def test_a_slip_in_the_id_of_an_adopted_plan_comes_with_it(nowhere: Path, tmp_path: Path) -> None:
    assert run("plans", "import", written(tmp_path, PLAN), "--by", "KM").exit_code == 0
    with pytest.raises(NotFound, match=r"there are: our-cheeks, .*Did you mean our-cheeks\?"):
        run("plans", "show", "our-cheek")
    with pytest.raises(NotFound, match=r"there are: our-cheeks, .*Did you mean our-cheeks\?"):
        plan_named(nowhere, "our-cheek")


def test_a_plan_of_ones_own_is_checked_and_what_is_worth_a_word_is_said(nowhere: Path, tmp_path: Path) -> None:
    deep = written(tmp_path, PLAN.replace("900", "1100"))
    lines = run("plans", "check", deep).stdout.splitlines()
    assert lines[0] == "our-cheeks: a plan for 1 zones that can be meant"
    assert lines[1] == "  note: cheek.left: depth_max_um = 1100 is above the recommended 1000 [dpw_hp] B"
    assert object_of("plans", "check", written(tmp_path, PLAN)) == {
        "schema": "devicelog.plan-check/1",
        "plan": "our-cheeks",
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("900", "1501", r"cheek.left: .*1501 is above the hard maximum 1500 \[skr_matrix\]", id="too-deep"),
        pytest.param(
            "hyperpigmentation", "hyperpigmentasion", r"Did you mean hyperpigmentation\?", id="unknown-indication"
        ),
        pytest.param('"cheek.left"', '"eyelid.left"', r"eyelid is not treated \[bellus_protocol\]", id="forbidden"),
        pytest.param('"cheek.left"', '"cheeks.left"', r"no zone cheeks.left. Did you mean cheek.left\?", id="zone"),
    ],
)
@pytest.mark.parametrize("command", ["check", "import"])
def test_a_plan_that_cannot_stand_is_refused_before_and_when_it_is_adopted(
    command: str, old: str, new: str, message: str, nowhere: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, PLAN.replace(old, new))
    with pytest.raises(UsageProblem, match=message):
        run("plans", command, path, *(["--by", "KM"] if command == "import" else []))
    assert not nowhere.exists() or not entries(nowhere, "plan.adopted")


def test_just_at_the_hard_maximum_is_a_plan(nowhere: Path, tmp_path: Path) -> None:
    assert run("plans", "check", written(tmp_path, PLAN.replace("900", "1500"))).exit_code == 0


def test_an_adopted_plan_is_found_by_its_id_without_its_file(nowhere: Path, tmp_path: Path) -> None:
    path = written(tmp_path, PLAN)
    first = object_of("plans", "import", path, "--by", "KM")
    assert (first["plan"], first["again"]) == ("our-cheeks", False)
    assert object_of("plans", "import", path, "--by", "KM") == first | {"again": True}
    written(tmp_path, PLAN.replace("900", "850"))
    second = object_of("plans", "import", path, "--by", "KM")
    assert second["entry"] > first["entry"]
    Path(path).unlink()
    shown = object_of("plans", "show", "our-cheeks")
    assert (shown["from"], shown["plan"]["zones"][0]["depth_max_um"]) == ("adopted", 850)
    assert object_of("plans", "list")["adopted"] == ["our-cheeks"]
    assert "our-cheeks" in run("plans", "list").stdout
    with Evidence(nowhere / FILE_NAME) as evidence:
        newest = adopted_plans(evidence)["our-cheeks"]
        assert newest is not None
        assert newest.document() == shown["plan"]
        assert "full-face" not in adopted_plans(evidence)
    kept = entries(nowhere, "plan.adopted")
    assert [entry.seq for entry in kept] == [first["entry"], second["entry"]]
    assert {entry.values["actor"]["id"] for entry in kept} == {"KM"}


@pytest.mark.parametrize("words", [("check",), ("import", "--by", "KM")], ids=lambda words: words[0])
def test_a_shipped_plan_keeps_its_name(words: tuple[str, ...], nowhere: Path, tmp_path: Path) -> None:
    with pytest.raises(BadTransition, match="full-face is the id of a shipped plan"):
        run("plans", *words, written(tmp_path, PLAN.replace("our-cheeks", "full-face")))


# --- Zones and limits -------------------------------------------------------------------------------------------------


def test_zones_are_shown_each_once() -> None:
    result = run("zones", "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(load_zones())]] == list(load_zones())
    assert lines[-1].endswith(APPROVAL)


def test_zones_as_json() -> None:
    value = object_of("zones", "list")
    assert value["schema"] == "devicelog.zones/1"
    cheek = {"id": "cheek.left", "label": "Left cheek", "laterality": "left", "site": "cheek"}
    assert {**cheek, "snomed": "36141000", "nhs": "6"} in value["zones"]
    assert [zone["id"] for zone in value["zones"]] == list(load_zones())


def test_a_zone_is_shown_with_its_limits_by_indication(nowhere: Path) -> None:
    text = run("zones", "show", "neck").stdout
    rows = [line.split() for line in text.splitlines()]
    assert ["wrinkles", "up", "to", "2.50", "mm", "skr_evidence", "C", "2.50", "mm", "skr_evidence", "C"] in rows
    another = ["the", "hard", "maximum", "is", "for", "wrinkles"]
    assert ["scars", "no", "source", "-", "X", "2.50", "mm", "skr_evidence", "C", *another] in rows
    (pigment,) = [line for line in text.splitlines() if line.strip().startswith("hyperpigmentation ")]
    assert "the hard maximum is for wrinkles" in pigment
    assert "borrowed from body: the source does not name this site" in text
    assert "dpw_hp: DermapenWorld, Protokoll Hyperpigmentierung, page 5 (German), https://novvia.de/" in text
    assert text.splitlines()[-1].endswith(APPROVAL)


def test_what_was_published_and_is_not_applied_is_shown_as_such(nowhere: Path) -> None:
    text = run("zones", "show", "cheek.left").stdout
    assert (
        "published, not applied: hyperpigmentation 1.50–1.50 mm [lima_2017] A: Melasma: two sessions, 6 women" in text
    )
    assert "published, not applied: acne-scars 1.50–2.50 mm [iasj_2515] A" in text
    document = object_of("zones", "show", "cheek.left")
    assert [row["indication"] for row in document["limits"] if row["modality"] == "mechanical"] == list(
        load_limits().indications
    )
    named = {row[key] for row in document["limits"] for key in ("source", "hard_max_source")} - {None}
    named |= {row["source"] for row in document["published"]} | {document["skin"]["source"]}
    assert named <= document["sources"].keys()


def test_an_eyelid_is_shown_as_not_treated(nowhere: Path) -> None:
    lines = run("zones", "show", "eyelid.left").stdout.splitlines()
    assert sum(line.endswith("NOT TREATED") for line in lines) == len(load_limits().indications)


def test_a_zone_that_is_not_there_comes_with_a_suggestion(nowhere: Path) -> None:
    with pytest.raises(NotFound, match=r"no zone forhead\. .*Did you mean forehead\?"):
        run("zones", "show", "forhead")


def test_the_shipped_map_is_checked() -> None:
    assert run("zones", "check").stdout.startswith("20 zones; 17 with a SNOMED CT code, every check digit right")
    assert object_of("zones", "check")["zones"] == {"zones": 20, "snomed": 17}


def test_a_map_with_a_wrong_check_digit_is_refused_by_file_and_zone(tmp_path: Path) -> None:
    text = (Path(str(load_zones.__code__.co_filename)).parent / "zones.toml").read_text(encoding="utf-8")
    assert run("zones", "check", written(tmp_path, text)).exit_code == 0
    path = written(tmp_path, text.replace("68698007", "68698070"))
    with pytest.raises(UsageProblem, match=r"ours\.toml: zone 1 \(forehead\): snomed = '68698070'.* last digit checks"):
        run("zones", "check", path)


def test_adopted_limits_go_before_the_shipped_ones(nowhere: Path, tmp_path: Path) -> None:
    path = written(tmp_path, OVERLAY)
    assert object_of("zones", "check", path)["limits"] == {"name": "our-limits", "version": 1, "rows": 1}
    first = object_of("zones", "import", path, "--by", "KM")
    assert (first["name"], first["version"], first["rows"], first["again"]) == ("our-limits", 1, 1, False)
    assert object_of("zones", "import", path, "--by", "KM")["again"]
    shown = object_of("zones", "show", "cheek.left")
    assert shown["overlay"] == {"name": "our-limits", "version": 1}
    held = {(row["indication"], row["modality"]): row for row in shown["limits"]}
    ours = held["hyperpigmentation", "mechanical"]
    assert (ours["min_um"], ours["max_um"], ours["hard_max_um"], ours["from"]) == (None, 800, 1000, "overlay")
    assert held["vitiligo", "mechanical"]["hard_max_um"] == 1500
    assert "the clinic's" in run("zones", "show", "cheek.left").stdout
    with pytest.raises(UsageProblem, match=r"1001 is above the hard maximum 1000 \[our protocol 3\]"):
        run("plans", "check", written(tmp_path, PLAN.replace("900", "1001"), "plan.toml"))
    with Evidence(nowhere / FILE_NAME) as evidence:
        held_now = overlay(evidence)
    assert held_now is not None
    assert (held_now.name, held_now.rows[0].max_um) == ("our-limits", 800)


def test_other_limits_under_the_same_name_and_version_are_refused(nowhere: Path, tmp_path: Path) -> None:
    run("zones", "import", written(tmp_path, OVERLAY), "--by", "KM")
    changed = OVERLAY.replace("800", "700")
    with pytest.raises(BadTransition, match="raise the version in the file"):
        run("zones", "import", written(tmp_path, changed), "--by", "KM")
    raised = object_of("zones", "import", written(tmp_path, changed.replace("= 1\n", "= 2\n")), "--by", "KM")
    assert raised["version"] == 2


def test_limits_without_a_row_go_back_to_the_shipped_ones(nowhere: Path, tmp_path: Path) -> None:
    run("zones", "import", written(tmp_path, OVERLAY), "--by", "KM")
    run("zones", "import", written(tmp_path, 'name = "shipped-alone"\nversion = 1\nlimits = []\n'), "--by", "KM")
    assert {row["from"] for row in object_of("zones", "show", "cheek.left")["limits"]} == {"shipped"}


def test_a_request_that_went_around_the_command_is_checked_where_it_is_entered(nowhere: Path) -> None:
    from devicelog.desk.acts import perform

    bad: list[tuple[dict[str, Any], str]] = [
        ({"do": "limits.adopt"}, "no overlay"),
        ({"do": "plan.adopt", "plan": 7}, "no plan"),
        ({"do": "plan.adopt", "plan": list_plans()[0].document() | {"id": "x", "indication": "?"}}, "no indication"),
        (
            {
                "do": "limits.adopt",
                "overlay": {
                    "schema": "devicelog.limits.overlay/1",
                    "name": "o",
                    "version": 1,
                    "sources": {},
                    "limits": [{"site": "cheek", "indication": "any", "max_um": 1600, "source": "s", "evidence": "D"}],
                },
            },
            "above the hard maximum",
        ),
    ]
    nowhere.mkdir()
    for request, message in bad:
        with pytest.raises(UsageProblem, match=message):
            perform(nowhere, request | {"by": "KM"})
    assert not entries(nowhere, "limits.adopted")
    assert not entries(nowhere, "plan.adopted")


@pytest.mark.parametrize("group", GROUPS)
def test_an_unknown_option_is_a_usage_error(group: str) -> None:
    assert run(group, "list", "--jsno").exit_code == 2
