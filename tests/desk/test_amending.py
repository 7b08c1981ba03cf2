"""Amendments and explanations: the original stays beside what is said later, and nothing is said without a reason."""

from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.cli.report import show_document, show_text
from devicelog.clinic.signatures import AMENDABLE
from devicelog.desk.amending import explain
from devicelog.errors import BadTransition, UsageProblem
from devicelog.packages.redaction import shown as redacted
from devicelog.packages.whole import WholeEvidence
from devicelog.recorder.access import alone
from devicelog.store.database import FILE_NAME
from tests.databases import FIRST, SECOND, make_database, report, rows
from tests.desk.staff import do, entries

AMENDMENT: Json = {
    "session": FIRST,
    "field": "aftercare",
    "value": "sun protection was explained",
    "reason": "forgotten on the day",
    "by": "KM",
}


def shown(data_dir: Path, stream: str = FIRST) -> Json:
    with WholeEvidence(data_dir) as evidence, evidence.of(stream) as (kept, row):
        return show_document(kept, row["id"])


@pytest.mark.requirement("R05")
def test_an_amendment_shows_old_and_new_and_the_next_one_goes_on_from_it(clinic: Path) -> None:
    do(clinic, "session.amend", **AMENDMENT)
    do(clinic, "session.amend", **{**AMENDMENT, "value": "nothing was explained", "reason": "asked again"})
    do(clinic, "session.amend", **{**AMENDMENT, "field": "practitioner", "value": "RV"})
    told = [(made["number"], made["field"], made["old"], made["new"]) for made in shown(clinic)["amendments"]]
    assert told == [
        (1, "aftercare", None, "sun protection was explained"),
        (2, "aftercare", "sun protection was explained", "nothing was explained"),
        (3, "practitioner", "p-07", "RV"),
    ]
    session = shown(clinic)
    assert session["practitioner"] == "p-07"
    text = " ".join(show_text(session).split())
    assert "practitioner: p-07 -> RV" in text
    assert "aftercare: not recorded -> sun protection was explained" in text
    assert report(clinic / FILE_NAME).problems == []


@pytest.mark.requirement("R04")
@pytest.mark.parametrize("reason", [" ", "", "\t\n", None, "\u200b"], ids=["space", "empty", "tab", "none", "unseen"])
def test_a_reason_of_one_space_is_none(reason: str | None, clinic: Path) -> None:
    before = entries(clinic)[-1].seq
    for what, more in (
        ("session.amend", AMENDMENT),
        ("finding.explain", {"session": FIRST, "rule": finding(clinic)["rule"], "by": "KM"}),
    ):
        with pytest.raises(UsageProblem, match="reason"):
            do(clinic, what, **{**more, "reason": reason})
    assert entries(clinic)[-1].seq == before


@pytest.mark.requirement("R04")
def test_the_entry_says_who_and_which_field_and_the_texts_are_private(clinic: Path) -> None:
    do(clinic, "session.amend", **AMENDMENT)
    entry = (
        entries(clinic)[-1] if entries(clinic)[-1].type == "session.amended" else entries(clinic, "session.amended")[-1]
    )
    assert entry.values["actor"] == {"id": "KM", "role": "practitioner", "auth": "none"}
    assert entry.body["told"] == {"number": 1, "field": "aftercare"}
    data = b"".join(each.data for each in entries(clinic))
    assert not [text for text in (AMENDMENT["value"], AMENDMENT["reason"]) if text.encode() in data]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("depth", "was measured"),
        ("passes", "was measured"),
        ("zone", "sessions attribute --move"),
        ("client", "sessions attribute --client"),
        ("aftercre", "aftercare"),
        (None, "there are:"),
    ],
)
def test_what_no_amendment_corrects(field: str | None, words: str, clinic: Path) -> None:
    with pytest.raises(UsageProblem, match=words):
        do(clinic, "session.amend", **{**AMENDMENT, "field": field})


def test_what_is_that_already_and_what_is_still_recorded_is_not_amended(clinic: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="nothing to amend"):
        do(clinic, "session.amend", **{**AMENDMENT, "field": "practitioner", "value": "p-07"})
    make_database(tmp_path / "open", leave_open=True)
    with alone(tmp_path / "open") as access, pytest.raises(BadTransition, match="when it has ended"):
        explain(access, {"session": SECOND, "rule": "r", "reason": "seen", "by": "KM"})


def test_the_page_lists_every_field() -> None:
    from tests.pages import cells

    assert {row[0]: row[1] for row in cells("signing.md", "## Amend")} == AMENDABLE


@pytest.mark.requirement("R28")
def test_the_texts_of_amendments_go_with_the_client_and_the_entry_stays(clinic: Path) -> None:
    from devicelog.recorder.acts import act

    do(clinic, "session.amend", **AMENDMENT)
    held = rows(clinic / FILE_NAME, "SELECT count(*) FROM note")
    with WholeEvidence(clinic) as evidence:
        ref = evidence.stream(FIRST)["client_ref"]
    with alone(clinic) as access:
        act(access, {"do": "retention", "days": 0, "practitioner": "KM", "reason": "law of the place"})
        act(access, {"do": "erase", "client": ref, "practitioner": "KM", "reason": "asked for"})
    (made,) = shown(clinic)["amendments"]
    assert (made["erased"], made["old"], made["new"], made["reason"]) == (True, None, None, None)
    assert "(erased)" in show_text(shown(clinic))
    assert held != rows(clinic / FILE_NAME, "SELECT count(*) FROM note")
    with pytest.raises(BadTransition, match="was erased: no text about it is taken"):
        do(clinic, "session.amend", **{**AMENDMENT, "value": "something else"})
    assert report(clinic / FILE_NAME).problems == []


def test_what_people_wrote_is_left_out_for_a_recipient(signed: Path) -> None:
    do(signed, "session.amend", **AMENDMENT)
    told = redacted(shown(signed), redacted=True)
    assert told["signatures"][0]["name"] is None
    assert told["amendments"][0]["new"] is None
    assert told["signatures"][0]["meaning"] == "performed"


# --- findings ---------------------------------------------------------------------------------------------------------


def finding(data_dir: Path) -> Json:
    found: Json = shown(data_dir)["findings"][0]
    return found


def test_a_finding_that_is_there_is_explained_and_stays(clinic: Path) -> None:
    found, before = finding(clinic), shown(clinic)
    asked = {"session": FIRST, "rule": found["rule"], "reason": "the cable was loose", "by": "KM"}
    do(clinic, "finding.explain", **asked, zone=found["zone"])
    after = shown(clinic)
    assert after["findings"] == before["findings"]
    assert [(made["rule"], made["zone"], made["reason"]) for made in after["explained"]] == [
        (found["rule"], found["zone"], "the cable was loose")
    ]
    assert "the cable was loose" in " ".join(show_text(after).split())


@pytest.mark.parametrize(("rule", "zone"), [("no.such_rule", None), ("depth.over_device", "chin"), (None, None)])
def test_a_finding_that_is_not_there_is_not_explained(rule: str | None, zone: str | None, clinic: Path) -> None:
    with pytest.raises(UsageProblem, match=r"no finding.*it has: "):
        do(clinic, "finding.explain", session=FIRST, rule=rule, zone=zone, reason="seen", by="KM")
