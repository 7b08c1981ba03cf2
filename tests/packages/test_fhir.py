"""The bundle: judged by fhir.resources (R4B), and by the lists of the specification where that one does not look."""

import datetime
import json
import re
import shutil
import uuid
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import Json
from devicelog.clinical.data import load_zones
from devicelog.packages.fhir import bundle, uuid_of
from devicelog.packages.fhir_values import text_of
from devicelog.packages.redaction import shown
from devicelog.recorder.recovery import software
from devicelog.store.rebuild import rebuild
from tests.databases import FIRST, SECOND, SPAN, StillClock, make_database
from tests.packages.shaped import HIBC, LOG, SOFTWARE, documents, of_pen, of_scenario

KEPT = Path(__file__).parents[1] / "data" / "databases"
PROOF = b"c2sp.org/tlog-proof@v1\nindex 3\n\nan example\n"
LABELS = {zone.id: zone.label for zone in load_zones().values()}

HOSTILE = {
    "model": "\u00a0Pen\u3000<b>",
    "serial": "\u2003",
    "firmware": "1\u00a02",
    "calibration_id": '"},{"',
    "cartridge": HIBC,
    "mode": "real",
    "protocol_major": 1,
    "protocol_minor": 0,
}

SESSIONS: dict[str, Callable[[], Json]] = {
    "clean": lambda: of_scenario("clean"),
    "noise": lambda: of_scenario("noise"),
    "unplugged": lambda: of_scenario("unplug"),
    "over the limit": lambda: of_scenario("overdepth"),
    "restarted": lambda: of_scenario("reboot"),
    "another pen": lambda: of_scenario("wrongpen"),
    "a newer protocol": lambda: of_scenario("newer"),
    "interrupted": lambda: of_scenario("clean", ended=False, end_cause=None),
    "going on": lambda: of_scenario(
        "clean",
        ended=False,
        status="recording",
        closed_at=None,
        verdict=None,
        derived=None,
        derivation=None,
        derivations=0,
    ),
    "a real pen": of_pen,
    "contact not known": lambda: of_pen(without=("contact",)),
    "no contact sensor": lambda: of_pen(without=("contact",), measures=("set_depth", "depth", "frequency")),
    "dial only": lambda: of_pen(without=("depth", "frequency", "contact", "passes"), measures=("set_depth",)),
    "depth did not come": lambda: of_pen(without=("depth",)),
    "nothing came": lambda: of_pen(turns=0),
    "client erased": lambda: of_scenario("clean", client=None),
    "the clock was set back": lambda: of_scenario("clean", closed_at="2031-01-01T09:00:00.000Z"),
    "hostile words": lambda: of_pen(pen=HOSTILE, pens=[HOSTILE], notes=[{"at_us": 1, "record": 1, "text": "\u00a0"}]),
}


@cache
def made(name: str) -> Json:
    """The session of this name; no writer changes what it is given."""
    return SESSIONS[name]()


each_session = pytest.mark.parametrize("name", SESSIONS)


def bundled(*sessions: Json, proof: bytes | None = PROOF) -> bytes:
    told = [(shown(session, redacted=False), proof) for session in sessions]
    return b"".join(bundle(told, zone_labels=LABELS, software=SOFTWARE, log=LOG))


def resources(data: bytes, kind: str | None = None) -> list[Json]:
    found = [entry["resource"] for entry in json.loads(data)["entry"]]
    return [resource for resource in found if kind in (None, resource["resourceType"])]


def observations(data: bytes, words: str) -> list[Json]:
    """Those whose code begins so, in their order."""
    return [one for one in resources(data, "Observation") if one["code"]["text"].startswith(words)]


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below, with the names that lead to it."""
    yield path, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from walk(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, path)


@pytest.fixture(scope="session")
def judge() -> Callable[[bytes], object]:
    from fhir.resources.R4B.bundle import Bundle

    return Bundle.model_validate_json


# --- judged by others -------------------------------------------------------------------------------------------------


@each_session
def test_fhir_resources_takes_it(judge: Callable[[bytes], object], name: str) -> None:
    judge(bundled(made(name)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"performedPeriod"', b'"performed"'),
        (b'"status":"completed",', b""),
        (b'"serialNumber":', b'"serial":'),
        (b"2031-01-01T10:00", b"2031-13-01T10:00"),
    ],
)
def test_the_judge_sees_what_is_wrong(judge: Callable[[bytes], object], old: bytes, new: bytes) -> None:
    data = bundled(of_scenario("noise"))
    assert old in data
    with pytest.raises(ValueError, match="validation error"):
        judge(data.replace(old, new))


# The lists of R4 (4.0.1) that R4B shares; fhir.resources takes any word.
ALLOWED = {
    ("Bundle", ".type"): {"collection"},
    ("Procedure", ".status"): {
        *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"),
    },
    ("Observation", ".status"): {
        *("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"),
    },
    ("Device", ".deviceName.type"): {
        *("udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name", "model-name", "other"),
    },
    ("Provenance", ".entity.role"): {"derivation", "revision", "quotation", "source", "removal"},
}
CODES = {
    "http://terminology.hl7.org/CodeSystem/v3-ActReason": {"HTEST"},
    "http://terminology.hl7.org/CodeSystem/observation-category": {"procedure"},
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type": {"assembler"},
    "http://terminology.hl7.org/CodeSystem/data-absent-reason": {
        *("unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable"),
        *("unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity"),
        *("not-performed", "not-permitted"),
    },
    "http://unitsofmeasure.org": {"um", "s", "Hz", "{pass}"},
}


@each_session
def test_every_word_is_of_the_lists_and_every_code_of_its_system(name: str) -> None:
    value = json.loads(bundled(made(name)))
    for resource in (value, *resources(json.dumps(value).encode())):
        seen = [(path, item) for path, item in walk({k: v for k, v in resource.items() if k != "entry"})]
        for (kind, path), words in ALLOWED.items():
            if kind == resource["resourceType"]:
                assert {item for at, item in seen if at == path} <= words, path
        for _, item in seen:
            if isinstance(item, dict) and "system" in item:
                assert item["code"] in CODES[item["system"]]
        if resource["resourceType"] in ("Procedure", "Observation"):
            assert "status" in resource


@each_session
def test_ids_are_unique_and_every_reference_leads_to_one(name: str) -> None:
    value = json.loads(bundled(made(name)))
    urls = [entry["fullUrl"] for entry in value["entry"]]
    assert len(set(urls)) == len(urls)
    for entry in value["entry"]:
        parsed = uuid.UUID(entry["fullUrl"].removeprefix("urn:uuid:"))
        assert (parsed.version, parsed.variant) == (5, uuid.RFC_4122)
        assert entry["resource"]["id"] == str(parsed)
    references = [item for path, item in walk(value) if path.endswith(".reference")]
    assert references
    assert set(references) <= set(urls)


@each_session
def test_every_time_is_real_and_no_period_ends_before_it_begins(name: str) -> None:
    value = json.loads(bundled(made(name)))
    times = [
        (path, item) for path, item in walk(value) if path.rpartition(".")[2] in ("start", "end", "recorded", "when")
    ]
    assert times
    for _, item in times:
        assert datetime.datetime.fromisoformat(item).tzinfo is not None
    for path, item in walk(value):
        if path.endswith("Period") and "end" in item:
            assert item["start"] <= item["end"]


@each_session
def test_nothing_is_empty_and_a_value_is_there_or_why_it_is_not(name: str) -> None:
    data = bundled(made(name))
    for path, item in walk(json.loads(data)):
        assert item not in ("", [], {}, None), path
        assert not isinstance(item, str) or re.fullmatch(r"[ \r\n\t\S]+", item), path
        if isinstance(item, dict) and "unit" in item:  # the judge takes text for a number
            assert type(item["value"]) in (int, float)
    for one in resources(data, "Observation"):
        values = [key for key in one if key.startswith("value")]
        assert len(values) <= 1
        assert not (values and "dataAbsentReason" in one)
        assert values or one.get("component") or one["dataAbsentReason"]["text"]
        assert "dataAbsentReason" in one or values or one["component"]


# --- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R11")
def test_a_session_as_it_was_recorded(tmp_path: Path) -> None:
    [session] = documents(make_database(tmp_path), FIRST)
    data = bundled(session)
    [patient], [procedure], [pen, cartridge] = (resources(data, kind) for kind in ("Patient", "Procedure", "Device"))
    assert patient["identifier"][0]["value"] == session["client_ref"]
    assert set(patient) == {"resourceType", "id", "meta", "identifier"}
    assert (pen["serialNumber"], pen["deviceName"][0]["name"]) == ("SIM-915407", "Reference pen")
    assert cartridge["identifier"][0]["value"] == "SIM-14N-0001"
    assert "udiCarrier" not in pen.keys() | cartridge.keys()
    assert procedure["status"] == "completed"
    assert procedure["bodySite"] == [{"text": "Forehead"}]
    assert [one["reference"][9:] for one in procedure["usedReference"]] == [pen["id"], cartridge["id"]]
    assert procedure["subject"]["reference"] == f"urn:uuid:{patient['id']}"
    assert [note["text"] for note in procedure["note"]][-1] == "at 2.98 s: numbing cream at 14:10"
    [depth], [passes], [skin], [frequency] = (
        observations(data, words) for words in ("measured", "passes", "time on", "stroke")
    )
    told = {part["code"]["text"]: part["valueQuantity"] for part in depth["component"]}
    assert told["mean"] == {"value": 672, "unit": "µm", "system": "http://unitsofmeasure.org", "code": "um"}
    assert (passes["valueQuantity"]["value"], passes["valueQuantity"]["code"]) == (3, "{pass}")
    assert (skin["valueQuantity"]["value"], skin["valueQuantity"]["code"]) == (3.4, "s")
    assert [part["valueQuantity"]["value"] for part in frequency["component"]] == [114.7, 115.2, 117.5]
    assert depth["device"]["reference"] == f"urn:uuid:{pen['id']}"


def test_the_provenance_is_of_all_and_has_the_proof() -> None:
    data = bundled(of_scenario("clean"))
    everything = resources(data)
    assert [one["resourceType"] for one in everything].count("Provenance") == 1
    provenance = everything[-1]
    assert [one["reference"][9:] for one in provenance["target"]] == [one["id"] for one in everything[:-1]]
    assert b64decode(provenance["signature"][0]["data"]) == PROOF
    assert "signature" not in resources(bundled(of_scenario("clean"), proof=None))[-1]


SIMULATED = {"demo": "no person was treated", "test": "no person was treated", "unknown": "nothing said"}


@pytest.mark.parametrize("mode", SIMULATED)
def test_what_is_not_real_says_so_in_every_resource(mode: str) -> None:
    data = bundled(of_pen(), of_scenario("clean", mode=mode, stream="s-other00000"))
    [security] = json.loads(data)["meta"]["security"]
    assert security["code"] == "HTEST"
    real = [one for one in resources(data) if "meta" not in one]
    assert {one["id"] for one in real} == {one["id"] for one in resources(bundled(of_pen()))}
    for one in resources(data):
        if one not in real:
            assert one["meta"]["security"] == [security]
            assert SIMULATED[mode] in one["meta"]["tag"][0]["display"]
    assert SIMULATED[mode].upper() in resources(data, "Procedure")[1]["note"][0]["text"]


def test_a_real_session_has_no_label() -> None:
    assert b"HTEST" not in bundled(of_pen())
    assert "meta" not in json.loads(bundled(of_pen()))


def reason(one: Json) -> str:
    return str(one["dataAbsentReason"]["coding"][0]["code"])


ABSENT: dict[str, tuple[str, str, list[str | None]]] = {
    "the pen has no such sensor": ("dial only", "measured", ["unsupported", "unsupported"]),
    "it did not come": ("depth did not come", "measured", ["unknown", "not-performed"]),
    "nothing was needled there": ("a real pen", "measured", [None, "not-performed"]),
    "contact is not known": ("contact not known", "time on", ["unknown", None]),
    "contact cannot be known": ("no contact sensor", "time on", ["unsupported", None]),
    "nobody counts": ("dial only", "passes", ["unsupported", "unsupported"]),
    "no frequency": ("dial only", "stroke", ["unsupported", "unsupported"]),
    "no setting": ("nothing came", "set needle", ["not-performed"]),
}


@pytest.mark.parametrize(("session", "words", "expected"), ABSENT.values(), ids=ABSENT.keys())
def test_what_is_missing_says_why(session: str, words: str, expected: list[str | None]) -> None:
    found = observations(bundled(made(session)), words)
    assert [reason(one) if "dataAbsentReason" in one else None for one in found][: len(expected)] == expected


def test_a_check_that_could_not_run_has_no_value_and_one_that_passed_is_not_there() -> None:
    session = of_pen(without=("depth",))
    checks = observations(bundled(session), "check ")
    wanted = [row for row in session["assessments"] if row["result"] in ("found", "not assessable")]
    assert [one["code"]["text"].split()[1] for one in checks] == [f"{row['rule']}," for row in wanted]
    unable = [one for one in checks if "dataAbsentReason" in one]
    assert len(unable) == sum(row["result"] == "not assessable" for row in wanted) > 0
    assert {reason(one) for one in unable} == {"not-performed"}


STATUS = {
    "clean": ("completed", {"final"}),
    "interrupted": ("stopped", {"final"}),
    "going on": ("in-progress", {"preliminary"}),
}


@pytest.mark.parametrize(("name", "expected"), STATUS.items(), ids=STATUS.keys())
def test_the_status_says_how_it_ended(name: str, expected: tuple[str, set[str]]) -> None:
    data = bundled(made(name))
    [procedure] = resources(data, "Procedure")
    assert (procedure["status"], {one["status"] for one in resources(data, "Observation")}) == expected
    assert ("end" in procedure["performedPeriod"]) == (name != "going on")


def test_of_several_pens_none_is_said_to_have_measured() -> None:
    data = bundled(made("another pen"))
    assert len([one for one in resources(data, "Device") if one["type"]["text"] == "microneedling pen"]) == 2
    measured = observations(data, "measured")
    assert measured
    assert not [one for one in measured if "device" in one]
    assert {one["note"][0]["text"][:12] for one in measured} == {"several pens"}


def test_a_clock_that_was_set_back_gives_no_end_and_a_note() -> None:
    [procedure] = resources(bundled(made("the clock was set back")), "Procedure")
    assert procedure["performedPeriod"] == {"start": "2031-01-01T10:00:00.000Z"}
    assert "2031-01-01T09:00:00.000Z" in procedure["note"][1]["text"]


def test_a_span_has_no_procedure_and_no_patient(tmp_path: Path, judge: Callable[[bytes], object]) -> None:
    data = bundled(*documents(make_database(tmp_path), SPAN))
    judge(data)
    assert {one["resourceType"] for one in resources(data)} == {"Device", "Observation", "Provenance"}


def test_the_same_input_gives_the_same_bytes_whatever_else_is_in_it(tmp_path: Path) -> None:
    first, second = documents(make_database(tmp_path), FIRST, SECOND)
    assert bundled(first, second) == bundled(first, second)
    assert resources(bundled(first, second)) == resources(bundled(first)) + resources(bundled(second))


def test_an_id_is_a_uuid_of_version_5() -> None:
    namespace = uuid.UUID("6f3b7c0e-1d5a-4c7f-9a2e-8b41d0c65f13")
    assert uuid_of("s-7k3m9q2xwd", "patient") == str(uuid.uuid5(namespace, "s-7k3m9q2xwd/patient"))


def test_no_session_is_no_bundle() -> None:
    with pytest.raises(ValueError, match="one session at least"):
        bundled()


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.4.0"])
def test_sessions_that_earlier_versions_recorded(
    tmp_path: Path, judge: Callable[[bytes], object], version: str
) -> None:
    path = Path(shutil.copy(KEPT / f"{version}.db", tmp_path / "devicelog.db"))
    rebuild(tmp_path, upgrade=True, stamps=StillClock(), sw=software())
    judge(bundled(*documents(path)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("\u00a0a\u3000b ", "a b"),
        ("", "?"),
        ("\u2028", "?"),
        ("a\x01b", "a b"),
        ("a\x1fb", "a b"),
        ("!a b", "!a b"),
    ],
)
def test_text_that_fhir_takes(text: str, expected: str) -> None:
    assert text_of(text) == expected


def um(word: str, value: float, code: str = "um", unit: str = "µm") -> Json:
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code}
    return {"code": {"text": word}, "valueQuantity": quantity}


def test_every_element_of_what_was_measured_in_a_zone(tmp_path: Path) -> None:
    [session] = documents(make_database(tmp_path), FIRST)
    [zone] = session["zones"]
    counted = {"pen": 3, "operator": 5, "low": 3, "high": 5}
    told = {**zone, "depth": {**zone["depth"], "n": 300}, "passes": counted, "contact_unknown_us": 1_250_000}
    data = bundled({**session, "zones": [told]})
    found = resources(data, "Observation")[:5]
    ids = [uuid_of(FIRST, f"{role}/forehead") for role in ("depth", "set-depth", "passes", "on-skin", "frequency")]
    assert [one["id"] for one in found] == ids
    depth, setting, passes, skin, frequency = found
    assert depth["code"] == {"text": "measured needle depth (not depth reached in tissue)"}
    assert depth["component"] == [um("minimum", 280), um("mean", 672), um("maximum", 920)]
    assert depth["note"] == [{"text": "of 300 of 340 samples; the others had none"}]
    assert setting["component"] == [um("minimum", 400), um("maximum", 900)]
    assert "note" not in setting | passes | skin | frequency
    each = [um("by the pen", 3, "{pass}", "passes"), um("marked by the operator", 5, "{pass}", "passes")]
    assert passes["component"] == each
    assert passes["valueRange"] == {"low": each[0]["valueQuantity"], "high": each[1]["valueQuantity"]}
    assert skin["component"] == [
        um("known to be on the skin", 3.4, "s", "s"),
        um("motor on, contact not known", 1.25, "s", "s"),
    ]
    assert skin["dataAbsentReason"]["coding"][0]["display"] == "Unknown"
    assert frequency["component"] == [
        um(word, value, "Hz", "Hz") for word, value in (("minimum", 114.7), ("mean", 115.2), ("maximum", 117.5))
    ]


def test_every_element_of_a_finding_and_of_the_verdict() -> None:
    session = of_scenario("noise")
    found = next(one for one in observations(bundled(session), "check ") if "valueString" in one)
    finding = session["findings"][0]
    assert found["code"]["text"] == f"check {finding['rule']}, version {finding['version']}"
    assert found["valueString"] == finding["message"]
    severity, figures = found["component"]
    assert severity == {"code": {"text": "severity"}, "valueString": finding["severity"]}
    assert (figures["code"]["text"], json.loads(figures["valueString"])) == ("figures", finding["detail"])
    [verdict] = observations(bundled(session), "verdict")
    assert verdict["valueString"] == session["verdict"]


@pytest.mark.parametrize(("closed_at", "code"), [(None, "temp-unknown"), ("2031-01-01T10:20:00.250Z", "unknown")])
def test_a_verdict_that_is_not_there_says_whether_it_may_come(closed_at: str | None, code: str) -> None:
    [verdict] = observations(bundled(of_pen(verdict=None, closed_at=closed_at)), "verdict")
    assert reason(verdict) == code
    assert "valueString" not in verdict


def test_a_word_for_a_missing_value_is_shown_as_its_system_shows_it() -> None:
    shows = {"unknown": "Unknown", "unsupported": "Unsupported", "not-performed": "Not Performed"}
    found = [
        one["dataAbsentReason"]["coding"][0]
        for name in ("dial only", "depth did not come")
        for one in resources(bundled(made(name)), "Observation")
        if "dataAbsentReason" in one
    ]
    assert {(one["code"], one["display"]) for one in found} == set(shows.items())
