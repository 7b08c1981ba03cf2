"""What a report says: every word of a session, nothing of what was left out, and the doubts first."""

import json
from dataclasses import asdict

import pytest

from devicelog.packages.report.facts import LEFT_OUT, NO_PROOF, Proof, ReportFacts, facts_of
from devicelog.words.session import VERDICTS
from tests.make_golden import HERE
from tests.packages.reports import GOLDEN, SCENARIOS, facts, golden, of_scenario, session_of
from tests.pages import section


def sections(report: ReportFacts) -> dict[str, str]:
    return {part.heading: "\n".join((*part.says, *part.lines)) for part in report.sections}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_finding_and_every_doubt_of_a_scenario_is_told(scenario):
    session, rows = of_scenario(scenario)
    report = facts(session, rows)
    told = {(row[0], row[2]) for row in (report.findings.rows if report.findings else ())}
    assert told == {(found["rule"], found["zone"] or "–") for found in session["findings"]}
    unassessed = [row for row in session["assessments"] if row["result"] == "not assessable"]
    assert all(row["why"] in sections(report)["Not assessable"] for row in unassessed)
    assert (report.zones is not None) == bool(session["zones"])
    assert report.verdict == session["verdict"]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_record_of_any_engine_is_told(name):
    session = golden(name)
    report = facts(session)
    assert report.zones is not None
    assert [row[0].split()[1] for row in report.zones.rows] == [
        zone["zone"] for zone in session["zones"] if zone["zone"] != "unassigned" or zone["contact_us"]
    ]


@pytest.mark.parametrize("verdict", [verdict for verdict in VERDICTS if verdict != "conforming"])
def test_the_verdict_is_told_in_the_words_of_the_page(verdict):
    page = " ".join(section("sessions.md", "## Verdict").split())
    assert f"**{verdict}**: {VERDICTS[verdict]}" in page


def test_a_number_is_never_more_exact_than_it_was_measured():
    session, rows = of_scenario("clean")
    report = facts(session, rows)
    assert report.zones is not None
    for row, zone in zip(report.zones.rows, session["zones"], strict=False):
        assert row[6:9] == tuple(
            f"{um // 1000}.{um % 1000 // 10:02}"
            for um in (zone["depth"]["min_um"], (zone["depth"]["mean_um"] + 5), zone["depth"]["max_um"])
        )


# --- what must not be overlooked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "banner"),
    [
        ({"mode": "demo"}, "DEMO DATA, no person was treated"),
        ({"mode": "test"}, "TEST DATA"),
        ({"ended": "interrupted", "status": "interrupted"}, "INTERRUPTED"),
        ({"closed_at": None, "verdict": None, "derivation": None, "derivations": 0}, "NOT FINISHED"),
        ({"derivation": 1, "derivations": 2}, "AMENDED: derivation 1 of 2"),
    ],
    ids=["demo", "test", "interrupted", "open", "amended"],
)
def test_a_doubt_stands_at_the_top(changes, banner):
    session, rows = of_scenario("clean")
    assert any(told.startswith(banner) for told in facts({**session, **changes}, rows).banners)


def test_a_real_session_that_is_whole_has_no_banner():
    session, rows = of_scenario("clean")
    assert facts({**session, "mode": "real"}, rows).banners == ()


def test_a_mode_that_nobody_said_is_not_called_real():
    session, rows = of_scenario("clean")
    report = facts({**session, "mode": "unknown"}, rows)
    assert next(fact.value for fact in report.facts if fact.name == "Mode").startswith("unknown")


# --- who corrected, and what was left out -----------------------------------------------------------------------------

MADE = {
    "at": "2026-11-24T08:00:00.000Z",
    "practitioner": "p-09",
    "auth": "none",
    "reason": "the left cheek was meant",
    "moved": [{"span": 2, "from": "cheek.left", "zone": "chin", "first_record": 125, "last_record": 263}],
    "client_ref": "c-0000000000000001",
}
SECRET = {
    "client": "P-117-CODE",
    "notes": [{"at_us": 1_000_000, "record": 7, "text": "complained of THE-KNEE"}],
    "attribution": {**MADE, "reason": "mistook her for ANOTHER-PERSON"},
    "derivation": 2,
    "derivations": 2,
}


@pytest.mark.requirement("R05")
def test_a_correction_is_told_with_who_when_and_why():
    report = facts(session_of(json_of("clean-rules-2-corrected"), attribution=MADE, derivation=2, derivations=3))
    told = sections(report)["Corrections"]
    for words in ("Derivation 2 of 3", MADE["at"], "p-09", MADE["reason"], "span 2 from cheek.left to chin", "client"):
        assert words in told
    assert "corrected again later" in told


def test_an_erased_text_is_said_to_be_erased():
    session, rows = of_scenario("clean")
    notes = [{"at_us": 0, "record": 3, "text": None}]
    report = facts({**session, "client": None, "notes": notes}, rows)
    assert "(erased)" in sections(report)["Notes"]
    assert next(fact.value for fact in report.facts if fact.name == "Client").startswith("erased (c-")


@pytest.mark.parametrize("called", [None, "recipient 7, client 3"])
def test_what_is_left_out_stands_nowhere(called):
    session, rows = of_scenario("clean")
    report = facts({**session, **SECRET}, rows, redacted=True, client_called=called)
    everything = json.dumps(asdict(report))
    for secret in ("P-117-CODE", "THE-KNEE", "ANOTHER-PERSON", session["client_ref"], MADE["client_ref"]):
        assert secret not in everything
    assert next(fact.value for fact in report.facts if fact.name == "Client") == (called or LEFT_OUT)
    assert LEFT_OUT in sections(report)["Notes"]
    assert LEFT_OUT in sections(report)["Corrections"]


def test_the_same_session_whole_has_all_of_it():
    session, rows = of_scenario("clean")
    everything = json.dumps(asdict(facts({**session, **SECRET}, rows)))
    assert all(secret in everything for secret in ("P-117-CODE", "THE-KNEE", "ANOTHER-PERSON"))


# --- what is not there ------------------------------------------------------------------------------------------------


def test_a_span_without_plan_client_or_pen_is_told():
    session, rows = of_scenario("clean")
    span = {**session, "kind": "span", "id": "u-0000000001", "plan": None, "plan_zones": [], "pen": None, "pens": []}
    report = facts({**span, "verdict": None, "client": None, "client_ref": None}, rows)
    assert (report.title, report.verdict) == ("Record of use outside a session", "no verdict")
    assert ("Plan", "none") in {(fact.name, fact.value) for fact in report.facts}
    assert "Client" not in {fact.name for fact in report.facts}


def test_a_session_in_which_nothing_arrived_is_told():
    session, _ = of_scenario("clean")
    report = facts({**session, "zones": [], "spans": [], "duration_us": 0}, ())
    assert report.zones is None
    assert "0 samples" in report.plot_says


def test_without_proof_it_says_so():
    session, rows = of_scenario("clean")
    report = facts_of(session, rows, Proof(), redacted=False, client_called=None, made_at="now")
    assert NO_PROOF in report.proved
    assert {fact.value for fact in report.evidence if fact.name in ("Log", "Sealed by entry", "Root, base64")} == {
        "not there"
    }


def test_with_proof_the_root_is_that_of_the_checkpoint():
    session, rows = of_scenario("clean")
    told = {fact.name: fact.value for fact in facts(session, rows).evidence}
    assert told["Root, base64"] == "qKWAKcLaBW8p3Jm8nUeLgWvFFRWJ6JMFZvFQUPYnL6A="
    assert NO_PROOF not in facts(session, rows).proved


def test_what_it_proves_is_in_the_words_of_the_page():
    session, rows = of_scenario("clean")
    page = " ".join(section("package.md", "## What is proved, and what is not").split())
    promised = page.partition("Whoever owns")[2]
    assert promised
    assert promised.strip() in facts(session, rows).proved[0]


def json_of(name: str) -> dict:
    return json.loads((HERE / f"{name}.json").read_text("utf-8"))
