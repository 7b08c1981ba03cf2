"""Name, time and meaning wherever a signed session is shown: the report, the FHIR bundle, an inspection."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import Json
from devicelog.cli.report import show_document
from devicelog.packages.fhir import bundle
from devicelog.packages.inspection.sections import sections
from devicelog.packages.redaction import shown
from devicelog.packages.report.facts import ReportFacts
from devicelog.packages.whole import WholeEvidence
from tests.databases import FIRST
from tests.desk.staff import NAMES, PINS, WRONG, do, entries
from tests.packages.ledgers import inspected
from tests.packages.reports import facts

AMENDED = {"session": FIRST, "field": "serum", "value": "hyaluronic", "reason": "not noted on the day", "by": "KM"}


def document(data_dir: Path) -> Json:
    with WholeEvidence(data_dir) as evidence, evidence.of(FIRST) as (kept, row):
        return show_document(kept, row["id"])


def section(told: ReportFacts, heading: str) -> str:
    (found,) = [each for each in told.sections if each.heading == heading]
    return " ".join((*found.says, *found.lines))


@pytest.fixture
def amended(signed: Path) -> Path:
    do(signed, "session.amend", **AMENDED)
    return signed


@pytest.mark.requirement("R14")
def test_the_report_says_who_signed_when_and_as_what(signed: Path) -> None:
    session = document(signed)
    told = section(facts(session), "Signatures")
    for word in (NAMES["KM"], "performed", session["signatures"][0]["at"], "valid for derivation 1"):
        assert word in told
    left_out = section(facts(session, redacted=True), "Signatures")
    assert NAMES["KM"] not in left_out
    assert "performed" in left_out
    assert section(facts({**session, "signatures": []}), "Signatures") == "Not signed."


@pytest.mark.requirement("R05")
def test_the_report_says_that_it_was_amended_and_both_values(amended: Path) -> None:
    told = facts(document(amended))
    assert any(banner.startswith("AMENDED: 1 by people") for banner in told.banners)
    assert any(banner.startswith("SIGNED BEFORE THE CORRECTION") for banner in told.banners)
    assert "serum: not recorded -> hyaluronic" in section(told, "Amendments")
    left_out = section(facts(document(amended), redacted=True), "Amendments")
    assert "hyaluronic" not in left_out
    assert "serum" in left_out


def resources(data_dir: Path, *, redacted: bool) -> tuple[bytes, list[Json]]:
    told = shown(document(data_dir), redacted=redacted)
    data = b"".join(bundle([(told, None)], zone_labels={}, software="devicelog", log="l"))
    return data, [entry["resource"] for entry in json.loads(data)["entry"]]


@pytest.mark.requirement("R14")
def test_the_bundle_has_a_provenance_with_each_signature_and_others_take_it(amended: Path) -> None:
    from fhir.resources.R4B.bundle import Bundle

    data, found = resources(amended, redacted=False)
    Bundle.model_validate_json(data)
    (made,) = [one for one in found if one["resourceType"] == "Provenance" and "signature" in one]
    (signature,) = made["signature"]
    (entry,) = entries(amended, "session.signed")
    assert (signature["when"], signature["who"]["display"]) == (entry.values["at"], NAMES["KM"])
    assert signature["type"] == [{"display": "performed"}]
    (procedure,) = [one for one in found if one["resourceType"] == "Procedure"]
    assert made["target"] == [{"reference": f"urn:uuid:{procedure['id']}"}]
    assert any("serum: not recorded -> hyaluronic" in note["text"] for note in procedure["note"])


def test_a_bundle_for_a_recipient_has_neither_name_nor_what_was_amended(amended: Path) -> None:
    data, found = resources(amended, redacted=True)
    assert [one for one in found if "signature" in one]
    assert NAMES["KM"].encode() not in data
    assert b"hyaluronic" not in data


def lines(told: Any) -> Iterator[str]:
    for each in sections(told):
        yield from each.lines


@pytest.mark.requirement("R18")
def test_an_inspection_has_signatures_amendments_people_and_every_wrong_pin(amended: Path) -> None:
    with pytest.raises(Exception, match="not the PIN"):
        do(amended, "session.sign", session=FIRST, meaning="performed", by="KM", pin=WRONG)
    told = inspected(entries(amended), first="1970-01-01", last="2999-12-31")
    said = "\n".join(lines(told))
    for words in (
        f"{FIRST} signed as performed by KM (auth: pin), over derivation 1",
        f"{FIRST}, amendment 1, serum by KM (auth: none)",
        "WRONG PIN of KM, 1 in a row",
        "AD added by AD (auth: none), role admin",
        "KM PIN set (first) by AD (auth: pin)",
    ):
        assert words in said
    assert told["sessions"]["unsigned"] == told["sessions"]["total"] == 2  # the one signature came before the amendment
    do(amended, "session.sign", session=FIRST, meaning="performed", by="KM", pin=PINS["KM"])
    again = inspected(entries(amended), first="1970-01-01", last="2999-12-31")
    assert [row["standing"] for row in again["signed"]] == ["signed before the correction", "valid"]
    assert again["sessions"]["unsigned"] == 1
    assert [row["signed"] for row in again["sessions"]["list"]] == ["performed by KM", None]
    assert not [name for name in NAMES.values() if name in json.dumps(again)]
