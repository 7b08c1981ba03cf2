"""The treatment record: every field, from wherever the session is kept, and after its client was erased."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from devicelog.canonical import Json
from devicelog.cli.person import write_person
from devicelog.cli.report import show_document, show_text
from devicelog.clinic.signatures import AMENDABLE
from devicelog.clinic.treatment import FIELDS, SCHEMA
from devicelog.packages.fhir import bundle
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.redaction import shown
from devicelog.packages.report.facts import Proof, facts_of
from devicelog.packages.report.html import html_report
from devicelog.packages.report.pdf import pdf_report
from devicelog.packages.tables import findings_csv, sessions_csv, zones_csv
from devicelog.recorder.access import alone
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erasing import EraseCommand, erase, held_on
from devicelog.recorder.recovery import software
from devicelog.recorder.retention import RetentionCommand, set_retention
from devicelog.store.clients import client
from devicelog.store.evidence import Evidence
from devicelog.store.rebuild import rebuild
from tests.clinic.full_visit import (
    COURSE,
    EVENT,
    NO_FIELD,
    SECRETS,
    SIGNERS_OWN,
    VISIT,
    acts,
    amended,
    finish,
    make,
)
from tests.databases import CLIENT, FIRST, SECOND, dump, make_database, one, report, rows
from tests.oracles import needed
from tests.packages.reports import facts, long_session
from tests.packages.shaped import LOG, SOFTWARE
from tests.packaging import attribute, taken_away

NOT_RECORDED = "not recorded"
# The table "What the treatment record should hold" of the project's reading of laws, regulators, makers and charting
# templates, row by row with its basis; the sources are named in docs/treatment-record.md. Which keys hold each row.
TABLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "Client ID, name, contact; age-verified flag": (
        "L",
        ("client", "client_name", "client_contact", "age_verified"),
    ),
    "Medical history, drugs, allergies; each contraindication answered": ("L, R", ("screening",)),
    "Consent (treatment), consent (photo), aftercare given; two signatures with time": (
        "L, T",
        ("consent_treatment", "consent_photo", "aftercare_given"),
    ),
    "Fitzpatrick I-VI": ("T, R", ("fitzpatrick",)),
    "Indication; on-label or off-label with reason": ("T", ("indication", "label")),
    "Practitioner; supervisor or prescriber": ("T", ("practitioner", "supervisor")),
    "Device maker, model, serial; clearance number; IFU version": ("R, T", ("device", "clearance", "ifu")),
    "Cartridge type, needle count, lot, expiry, sterile pack intact, new-for-session, disposed": (
        "R, M",
        ("cartridges", "sterile_pack", "new_for_session", "disposed"),
    ),
    "Barrier sleeve used; handpiece cleaned": ("R", ("barrier_sleeve", "handpiece_cleaned")),
    "Anaesthetic: product, time on, time off": ("T", ("anaesthetic",)),
    "Topical: product, lot, expiry, ingredients (flag ascorbic acid), before/during/after, patch test": (
        "E, T",
        ("topicals",),
    ),
    "Per zone: depth (mm), speed, passes, serum": ("T, M", ("zones",)),
    "End-point per zone: erythema grade, blood-spot grade": ("B, T", ("endpoints",)),
    "Photos before/after, same views": ("T", ("photos",)),
    "Immediate response; adverse events: type, severity, onset, outcome, reported flag": (
        "T, R",
        ("response", "adverse_events"),
    ),
    "Aftercare, sun protection, next date": ("T", ("aftercare", "sun_protection", "next_date")),
    "Sensor provenance: source (serial/GPIO/manual), firmware, calibration, gaps": ("CP", ("sensors",)),
    "Amendments with author, time, reason": ("CP", ("amendments",)),
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with everything, sealed, packaged and completed. Nobody may change it."""
    return finish(make(tmp_path_factory.mktemp("full") / "data"))


@pytest.fixture
def own(full: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    copytree(full.parent, tmp_path / "data")
    return tmp_path / "data" / full.name


@pytest.fixture(scope="module")
def document(full: Path) -> Json:
    return of(full)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """As a session before 0.5.0 is: no document of the clinic, and no act at the desk."""
    return of(make_database(tmp_path_factory.mktemp("bare") / "data"))


def of(path: Path, stream: str = FIRST) -> Json:
    with Evidence(path) as evidence:
        return show_document(evidence, stream)


def printed(document: Json) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).encode()


def secrets_in(data: bytes) -> set[str]:
    return {name for name, secret in SECRETS.items() if secret.encode() in data}


# --- every field ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("basis", "keys"), TABLE.values(), ids=TABLE.keys())
def test_every_row_of_the_table_is_a_field_with_its_basis(
    document: Json, bare: Json, basis: str, keys: tuple[str, ...]
) -> None:
    assert {FIELDS[key].basis for key in keys} == {basis}
    assert all(key in bare["treatment"] for key in keys)
    for key in keys:
        assert document["treatment"][key] not in (NOT_RECORDED, None, [], {}), key


def test_there_is_no_other_field_but_our_own() -> None:
    ours = {key for key, field in FIELDS.items() if field.basis == "ours"}
    assert FIELDS.keys() - ours == {key for _, keys in TABLE.values() for key in keys}
    assert ours == {"visit", "course", "overrides", "acknowledged"}


def test_a_session_of_an_earlier_version_says_not_recorded(bare: Json) -> None:
    told = {key: value for key, value in bare["treatment"].items() if value != NOT_RECORDED}
    assert told.pop("schema") == SCHEMA
    measured = {"client", "indication", "practitioner", "device", "zones", "sensors", "amendments"}
    assert told.keys() == measured
    assert told["amendments"] == []
    assert set(told["device"].values()) == {NOT_RECORDED, "Reference pen", "SIM-915407", "SIM-14N-0001"}
    [zone] = told["zones"]
    assert {key for key, value in zone.items() if value == NOT_RECORDED} == {
        *("limits", "serum", "endpoint", "days_since", "earlier_in_visit")
    }
    text = show_text(bare)
    assert "not recorded: name, contact, age, skin type, screening, consent, photo consent" in text
    assert "clearance, instructions, cartridge, sterile pack" in text


def test_a_time_outside_a_session_has_no_treatment_record(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data")
    span = one(path, "SELECT id FROM stream WHERE kind = 'span'")
    assert "treatment" not in of(path, span)
    show_text(of(path, span))


@pytest.mark.parametrize("field", AMENDABLE)
def test_what_can_be_amended_stands_beside_what_was_recorded(document: Json, field: str) -> None:
    record = document["treatment"]
    found = [
        (key, made)
        for key, value in record.items()
        if isinstance(value, dict) and value.keys() == {"recorded", "amended"}
        for made in value["amended"]
        if made["field"] == field
    ]
    assert bool(found) == (field != "note")  # a note is of no field: it is in the list of amendments
    for _, made in found:
        assert made["text"] == f"{field} {SECRETS['amended']}"
        assert (made["by"], made["reason"]) == ("km", SECRETS["amended why"])
    assert any(made["field"] == field for made in record["amendments"])


def test_the_newest_amendment_of_a_field_is_beside_it(own: Path) -> None:
    acts(own, amended(22, "photos", "three before, three after"))
    record = of(own)["treatment"]
    assert record["photos"]["recorded"] == NOT_RECORDED
    assert [made["text"] for made in record["photos"]["amended"]] == ["three before, three after"]
    assert [made["number"] for made in record["amendments"] if made["field"] == "photos"] == [16, 22]


def test_the_values_are_those_that_were_entered(document: Json) -> None:
    record = document["treatment"]
    assert record["client"]["code"] == CLIENT
    assert record["age_verified"] == {"born": SECRETS["born"], "verified": True}
    assert record["screening"]["rows"][0]["detail"] == f"yes: {SECRETS['detail']}"
    assert record["screening"]["notices"][0]["notice"] == "skin_type.darker"
    assert "notice skin_type.darker: acknowledged in the course" in show_text(document)
    signed = record["consent_treatment"]["recorded"]
    assert (signed["given"], signed["signed"]) == (True, ["client", "practitioner"])
    assert record["aftercare_given"]["recorded"]["given"] is True  # entered after the seal
    assert record["label"]["recorded"]["use"] == "off-label"
    assert record["label"]["recorded"]["acknowledged"] is True
    assert record["practitioner"]["recorded"]["handed_over"][0]["person"] == "p-09"
    assert (record["device"]["maker"], record["clearance"], record["ifu"]) == ("Amiea Med", "K180778", "rev 4")
    first, second = record["cartridges"]["recorded"]
    assert (first["lot"], first["needles"], first["identity"]) == ("L-77", 12, "lot only")
    assert (first["overridden"], second["overridden"]) == (False, True)
    topicals = record["topicals"]["recorded"]
    assert [row["ascorbic"] for row in topicals] == [True, False]
    assert ["granulomas" in (row["warning"] or "") for row in topicals] == [True, False]
    assert record["anaesthetic"]["recorded"] == [{"product": "lidocaine 4 %", "on_at": "09:10", "off_at": "09:50"}]
    assert record["endpoints"]["recorded"][0]["grade"] == "pinpoint"
    [event] = record["adverse_events"]
    assert (event["event"], event["outcome"], event["words"]) == (EVENT, "resolved", SECRETS["event followed"])
    assert record["visit"] == {"visit": VISIT, "part": 2, "parts_before": 1}
    assert record["course"] == {"course": COURSE, "done_before": 2, "planned": 6}
    assert [(row["when"], row["reason"]) for row in record["overrides"]] == [
        ("before", SECRETS["override before"]),
        ("during", SECRETS["override during"]),
    ]
    [zone] = record["zones"]["recorded"]
    assert zone["limits"]["source"] == "dpw_hp"
    assert zone["limits"]["hard_max_um"] == 1_500
    assert zone["days_since"] == 30
    assert zone["earlier_in_visit"] == {"passes_low": 1, "passes_high": 2}
    assert zone["dose"]["why_not"] == ["the plan says no area for the zone"]


def test_every_text_but_those_of_no_field_is_shown(document: Json) -> None:
    assert secrets_in(printed(document)) == SECRETS.keys() - NO_FIELD - {"event", "fitted", "answers"} | {"answers"}
    left_out = {"event", "fitted"}  # as last followed; that there was a reason
    assert secrets_in(show_text(document).encode()) == SECRETS.keys() - NO_FIELD - left_out - {"answers"}


def test_the_text_fits_a_terminal_of_100_columns(document: Json) -> None:
    text = show_text(document)
    record = text[text.index("People and consent:") : text.index("Signatures:")]
    assert max(len(line) for line in record.splitlines()) <= 100
    assert record.index("Device and cartridge:") < record.index("Treatment by zone:") < record.index("Findings:")
    assert record.index("Allowed:") < record.index("Explained:") < record.index("Response and aftercare:")


def test_an_event_that_was_only_followed_here_is_shown(own: Path) -> None:
    """Its first entry may be about another part of the visit."""
    other = "e-0000000009"
    acts(own, ("event.followed", {"event": other}, json.dumps({"type": "redness"})))
    assert [event["event"] for event in of(own)["treatment"]["adverse_events"]] == [EVENT, other]


@pytest.mark.parametrize("text", ["no values", "[]", "{}", '{"rows":[]}'])
def test_a_private_text_that_is_no_record_of_ours_says_nothing(own: Path, text: str) -> None:
    path = own
    acts(path, ("visit.joined", {}, text))
    record = of(path)["treatment"]
    assert record["client_name"] in (None, NOT_RECORDED)
    show_text(of(path))


# --- the same wherever it is kept -------------------------------------------------------------------------------------


def test_it_is_the_same_from_the_database_a_rebuild_and_the_package(own: Path, tmp_path: Path) -> None:
    before = printed(of(own))
    with PackageEvidence(taken_away(own, tmp_path / "away")) as package:
        assert printed(show_document(package, FIRST)) == before
    rebuild(own.parent, upgrade=False, stamps=RecorderClock(), sw=software())
    assert printed(of(own)) == before
    assert report(own).problems == []


def test_a_package_without_its_private_file_has_nothing_personal(full: Path, tmp_path: Path) -> None:
    with PackageEvidence(taken_away(full, tmp_path / "away", private=False)) as package:
        document = show_document(package, FIRST)
    assert secrets_in(printed(document)) == set()
    record = document["treatment"]
    assert record["fitzpatrick"] is None
    assert record["client_name"] is None
    assert record["screening"]["result"] == "word given"
    assert secrets_in(show_text(document).encode()) == set()


# --- nothing personal where it does not belong ------------------------------------------------------------------------


def test_no_entry_no_document_and_no_record_has_a_private_text(full: Path) -> None:
    kept = [data for (data,) in rows(full, "SELECT bytes FROM ledger_entry")]
    kept += [data for (data,) in rows(full, "SELECT bytes FROM document")]
    with Evidence(full) as evidence:
        kept += [chunk.data for stream in evidence.streams() for chunk in evidence.chunks(stream["no"])]
    assert secrets_in(b"".join(kept)) == set()
    assert secrets_in("\n".join(dump(full)).encode()) != set()  # they are in the database, in its private table


def test_a_package_has_them_in_its_private_file_alone(full: Path) -> None:
    names = {file.name: file for file in (full.parent / "packages").iterdir()}
    private = names.pop(f"{FIRST}.private.json")
    assert secrets_in(private.read_bytes()) == SECRETS.keys()
    assert all(secrets_in(file.read_bytes()) == set() for file in names.values())


def shapes(document: Json, *, redacted: bool, called: str | None) -> Iterator[bytes]:
    told = shown(document, redacted=redacted, client_called=called)
    yield json.dumps(told).encode()
    for table in (sessions_csv, zones_csv, findings_csv):
        yield from table([told])
    yield from bundle([(told, b"proof")], zone_labels={}, software=SOFTWARE, log=LOG)
    told = facts_of(document, [], Proof(), redacted=redacted, client_called=called, made_at="now")
    yield html_report(told).encode()


@pytest.mark.parametrize("called", [None, "subject 12"], ids=["by reference", "called otherwise"])
def test_a_redacted_export_has_nothing_personal(document: Json, called: str | None) -> None:
    data = b"".join(shapes(document, redacted=True, called=called))
    assert secrets_in(data) == set()
    assert CLIENT.encode() not in data


def test_an_export_that_is_not_redacted_has_it_in_the_report(document: Json) -> None:
    told = facts_of(document, [], Proof(), redacted=False, client_called=None, made_at="now")
    left_out = NO_FIELD | {"event", "fitted", "answers"}
    assert secrets_in(html_report(told).encode()) == SECRETS.keys() - left_out


@pytest.mark.parametrize("redacted", [True, False])
def test_two_recipients_have_no_name_of_the_client_in_common(document: Json, redacted: bool) -> None:
    """Nor of a visit or a course, which are the same in other sessions of the client."""
    data = b"".join(shapes(document, redacted=redacted, called="subject 12"))
    named = {"code": CLIENT, "reference": document["client_ref"], "visit": VISIT, "course": COURSE}
    assert {name for name, value in named.items() if value.encode() in data} == set()


def test_redaction_leaves_what_it_was_given(document: Json) -> None:
    before = printed(document)
    shown(document, redacted=True, client_called="subject 12")
    assert printed(document) == before


def test_a_redacted_report_says_that_it_is_left_out_and_never_that_it_was_erased(document: Json) -> None:
    told = facts_of(document, [], Proof(), redacted=True, client_called=None, made_at="now")
    people = next(section for section in told.sections if section.heading == "People and consent")
    assert "skin type: (left out)" in people.lines
    assert not any("erased" in line or "None" in line for section in told.sections for line in section.lines)


def test_half_an_hour_of_which_all_was_said_is_three_pages_at_most(document: Json, tmp_path: Path) -> None:
    session, samples = long_session()
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_report(facts({**session, "treatment": document["treatment"]}, samples)))
    told = subprocess.run([needed("pdfinfo"), path], capture_output=True, text=True, check=True).stdout
    assert int(re.findall(r"Pages: +(\d+)", told)[0]) <= 3


# --- the client's own copy, and erasing -------------------------------------------------------------------------------


def test_the_client_is_given_every_text_with_its_salt(full: Path, tmp_path: Path) -> None:
    with Evidence(full) as evidence:
        write_person(evidence, held_on(evidence, client(evidence, CLIENT)), tmp_path / "person")
    person = json.loads((tmp_path / "person" / "person.json").read_text())
    assert secrets_in(printed(person)) == SECRETS.keys() - SIGNERS_OWN
    assert all(text["salt"] and not text["withheld"] for text in person["texts"])


def test_what_names_another_client_is_withheld(own: Path, tmp_path: Path) -> None:
    path = own
    with alone(path.parent) as access:
        access.append(lambda transaction: transaction.client("K-2000", None))
    said = json.dumps({"type": "other", "words": "as with K-2000"})
    acts(path, ("event.recorded", {"event": EVENT}, said))
    with Evidence(path) as evidence:
        write_person(evidence, held_on(evidence, client(evidence, CLIENT)), tmp_path / "person")
    written = b"".join(file.read_bytes() for file in (tmp_path / "person").rglob("*") if file.is_file())
    assert b"as with" not in written
    assert SECRETS["detail"].encode() in written


def test_an_erased_client_leaves_a_record_that_says_so(own: Path) -> None:
    erase_client(own)
    document = of(own)
    assert secrets_in(printed(document)) == SIGNERS_OWN
    record = document["treatment"]
    for key in ("client_name", "client_contact", "age_verified", "fitzpatrick"):
        assert record[key] is None, key
    assert record["screening"]["result"] == "word given"
    assert record["screening"]["rows"] is None
    assert record["screening"]["notices"] is None
    assert [row["reason"] for row in record["overrides"]] == [None, None]
    [event] = record["adverse_events"]
    assert (event["event"], event["type"], event["erased"]) == (EVENT, None, True)
    text = show_text(document)
    assert secrets_in(text.encode()) == SIGNERS_OWN
    for line in ("name (erased)", "skin type (erased)", "what was answered: (erased)"):
        assert line in " ".join(text.split())
    assert "AMENDED photos: (erased)" in text
    assert report(own).problems == []


def test_after_an_erasure_no_file_has_a_text_of_the_client(own: Path) -> None:
    erase_client(own)
    left = b"".join(file.read_bytes() for file in own.parent.rglob("*") if file.is_file())
    assert secrets_in(left) <= SIGNERS_OWN


def test_erased_it_is_the_same_after_a_rebuild_and_from_the_package(own: Path, tmp_path: Path) -> None:
    erase_client(own)
    record = of(own)["treatment"]
    rebuild(own.parent, upgrade=False, stamps=RecorderClock(), sw=software())
    assert of(own)["treatment"] == record
    with PackageEvidence(taken_away(own, tmp_path / "away")) as package:
        assert show_document(package, FIRST)["treatment"] == record


def erase_client(path: Path) -> None:
    with Evidence(path) as evidence:
        ref = client(evidence, CLIENT).client_ref
    with alone(path.parent) as access:
        set_retention(access, RetentionCommand(days=0, practitioner="km", reason="asked for"))
        erase(access, EraseCommand(client_ref=ref, practitioner="km", reason="asked for it"), RecorderClock().stamp())


def test_a_session_of_another_client_shows_nothing_of_the_one_it_was_recorded_for(own: Path) -> None:
    """The wrong client was chosen, and it was noticed after signing."""
    attribute(own, client="K-2000")
    document = of(own)
    of_the_person = {"name", "contact", "born", "phototype", "detail", "word", "override before", "answers"}
    assert not secrets_in(printed(document)) & of_the_person
    record = document["treatment"]
    assert record["client"] == {"code": "K-2000", "ref": document["client_ref"], "corrected": True}
    assert record["client_name"] == NOT_RECORDED
    assert record["screening"]["rows"] == NOT_RECORDED
    assert "K-2000, CORRECTED LATER" in show_text(document)
    assert secrets_in(printed(of_derivation(own, 1))) & of_the_person == of_the_person


def of_derivation(path: Path, number: int) -> Json:
    with Evidence(path) as evidence:
        return show_document(evidence, FIRST, number)


def test_only_the_session_that_an_entry_names_has_it(full: Path) -> None:
    record = of(full, SECOND)["treatment"]
    assert record["adverse_events"] == NOT_RECORDED
    assert record["client_name"] == NOT_RECORDED
    assert record["consent_treatment"]["given"] is True  # of the document that its opening names
