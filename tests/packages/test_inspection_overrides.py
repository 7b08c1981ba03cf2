"""Overrides in an inspection: none is missing, none that came too late passes for one in time, no reason is in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import Json, canonical
from devicelog.packages.inspection.findings import Derived, read_derived
from devicelog.packages.inspection.page import inspection_page
from devicelog.packages.inspection.sections import sections
from tests.packages.ledgers import HASH, PRACTITIONER, Ledger, derived_of, inspected

GOLDEN = Path(__file__).parents[1] / "data/golden/treated-rules-4.json"
SESSION, VISIT, CLIENT, REASON = "s-0000000001", "v-0000000001", "c-0123456789abcdef", "99" * 32
DAY_S = 86_400
HARD: Json = {"rule": "depth.over_hard_max", "zone": "forehead"}


def found(override: str | None = None, record: int | None = None, severity: str = "high", **odd: Any) -> Json:
    told = {} if override is None else {"override": override} | ({} if record is None else {"override_record": record})
    return {**HARD, "severity": severity, "detail": told, **odd}


def mark(record: int, at_us: int, zone: str | None = "forehead", actor: str = "p-07") -> Json:
    return {"rule": HARD["rule"], "zone": zone, "record": record, "at_us": at_us, "actor": actor}


def lines(told: Json, heading: str = "Overrides") -> str:
    [section] = [each for each in sections(told) if each.heading == heading]
    return "\n".join((*section.says, *section.lines))


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.start()
    return made


def desk(ledger: Ledger, type_: str, told: Json, *, private: tuple[str, ...] = (REASON,), **odd: Any) -> int:
    named = {"client_ref": CLIENT, "client_commitment": HASH}
    body = {"stream": None, **named, "visit": None, "course": None, "told": told, "private": list(private)}
    return ledger.add(type_, actor=PRACTITIONER, **{**body, "documents": {}, **odd}).seq


def session(ledger: Ledger, name: str = SESSION, visit: str | None = None) -> None:
    ledger.open(name)
    if visit is not None:
        desk(ledger, "visit.joined", {}, private=(), stream=name, visit=visit)
    ledger.wait(600)
    ledger.close(name)


FITTED = {
    **dict.fromkeys(("scan", "maker", "item", "expires", "needles", "length_um", "box", "attested")),
    "cartridge": "x-0000000001",
    "identity": "serial",
    "lot": "L1",
    "serial": "S1",
    "used_before": 1,
}


# --- what may be missing ----------------------------------------------------------------------------------------------


def test_an_override_of_a_visit_is_told_with_who_and_of_which_sessions(ledger):
    session(ledger, "s-0000000000", visit=VISIT)
    seq = desk(ledger, "override.given", HARD, visit=VISIT)
    session(ledger, visit=VISIT)
    told = inspected(ledger.entries)["overrides"]
    [row] = told["given"]
    assert (row["seq"], row["by"], row["role"], row["auth"]) == (seq, "p-07", "practitioner", "none")
    assert (row["rule"], row["zone"], row["visit"], row["commitment"]) == (*HARD.values(), VISIT, REASON)
    assert row["sessions"] == [SESSION], "it came after the other one had begun"


def test_an_override_of_the_day_before_belongs_to_the_session_of_these_days(ledger):
    desk(ledger, "override.given", HARD, visit=VISIT)
    desk(ledger, "override.given", {**HARD, "zone": "nose"}, visit="v-0000000009")
    ledger.wait(DAY_S)
    session(ledger, visit=VISIT)
    told = inspected(ledger.entries, first="2031-01-02", last="2031-01-02")["overrides"]
    assert [(row["visit"], row["zone"]) for row in told["given"]] == [(VISIT, "forehead")]


def test_a_word_for_answers_and_a_used_cartridge_are_overrides_and_a_new_cartridge_is_none(ledger):
    asked = desk(ledger, "screening.answered", {"questionnaire": "q", "result": "yes", "same_as": None}, visit=VISIT)
    desk(ledger, "screening.overridden", {"screening": asked}, visit=VISIT)
    desk(ledger, "screening.overridden", {"screening": asked})
    desk(ledger, "cartridge.fitted", FITTED, visit=VISIT)
    desk(ledger, "cartridge.fitted", {**FITTED, "used_before": 0}, visit=VISIT, private=())
    told = inspected(ledger.entries)
    rows = told["overrides"]["given"]
    assert [(row["rule"], row["screening"], row["cartridge"]) for row in rows] == [
        ("client.checks", asked, None),
        ("client.checks", asked, None),
        ("cartridge.reused", None, "x-0000000001"),
    ]
    said = lines(told)
    assert f"client.checks, for the answers of entry {asked}, of a client, in no visit, by p-07" in said
    assert (
        f"cartridge x-0000000001 that was fitted elsewhere before, {VISIT} (sessions of it since: none so far)" in said
    )


def test_marks_of_sessions_of_these_days_are_told_and_no_others(ledger):
    session(ledger)
    ledger.wait(DAY_S)
    session(ledger, "s-0000000002")
    derived = {
        SESSION: derived_of(overrides=[mark(34, 12_000_000, actor="p-08"), mark(40, 13_000_000, zone=None)]),
        "s-0000000002": derived_of(overrides=[mark(7, 1)]),
    }
    told = inspected(ledger.entries, derived, last="2031-01-01")
    rows = told["overrides"]["marked"]
    assert [(row["session"], row["record"], row["by"], row["zone"]) for row in rows] == [
        (SESSION, 34, "p-08", "forehead"),
        (SESSION, 40, "p-07", None),
    ]
    assert told["overrides"]["sessions"]["marked"] == 1
    said = lines(told)
    assert "0 entries, 2 marks in 1 session" in said
    assert "record 34, 12.0 s after its first: depth.over_hard_max in forehead, by p-08 (role: not in a mark" in said
    assert "depth.over_hard_max everywhere, by p-07" in said


def test_one_that_came_too_late_is_said_to_be_and_one_in_time_is_not(ledger):
    session(ledger)
    findings = (found("too late", 34), found("in time", 12, "info", zone="nose"), found(zone="chin"))
    told = inspected(ledger.entries, {SESSION: derived_of(*findings, overrides=[mark(34, 1), mark(12, 0, "nose")])})
    rows = told["overrides"]["findings"]
    assert [(row["zone"], row["override"], row["record"], row["severity"]) for row in rows] == [
        ("forehead", "too late", 34, "high"),
        ("nose", "in time", 12, "info"),
    ]
    assert told["overrides"]["too_late"] == 1
    said = lines(told)
    assert "OVERRIDE TOO LATE, the finding stays (record 34): depth.over_hard_max in forehead, high" in said
    assert "override in time (record 12): depth.over_hard_max in nose, info" in said
    assert "Findings that name one: 2, of which it came too late for 1." in said


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ("depth.over_hard_max", {"override": "before the session"}),
        ("cartridge.reused", {"cartridges": [], "overridden": True}),
        ("client.checks", {"result": "word given"}),
    ],
)
def test_a_finding_that_an_entry_made_a_notice_names_it(rule, detail, ledger):
    session(ledger)
    row = {"rule": rule, "severity": "info", "zone": None, "detail": detail}
    told = inspected(ledger.entries, {SESSION: derived_of(row)})
    assert [(each["rule"], each["record"]) for each in told["overrides"]["findings"]] == [(rule, None)]
    assert "None recorded" not in lines(told), "its entry may be of another day, and of no visit"


@pytest.mark.parametrize(
    ("rule", "detail"),
    [("cartridge.reused", {"cartridges": [], "overridden": False}), ("client.checks", {"result": "word missing"})],
)
def test_a_finding_without_a_word_names_none(rule, detail, ledger):
    session(ledger)
    row = {"rule": rule, "severity": "high", "zone": None, "detail": detail}
    assert inspected(ledger.entries, {SESSION: derived_of(row)})["overrides"]["findings"] == []


# --- where there is none, or nobody can tell --------------------------------------------------------------------------


def test_none_is_said_as_none_recorded(ledger):
    session(ledger)
    said = lines(inspected(ledger.entries))
    assert said == "None recorded in this period."


def test_sessions_of_which_nothing_can_be_told_are_counted_apart(ledger):
    for number in range(4):
        session(ledger, f"s-000000000{number}")
    ledger.open("s-0000000009")
    derived: dict[str, Derived | None] = {
        "s-0000000000": derived_of(),
        "s-0000000001": derived_of(overrides=None),
        "s-0000000002": derived_of(overrides=None),
        "s-0000000003": None,
    }
    told = inspected(ledger.entries, derived)
    of = told["overrides"]["sessions"]
    assert (of["told"], of["before_engine_4"], of["not_readable"], of["being_recorded"]) == (1, 2, ["s-0000000003"], 1)
    assert of["told"] + of["before_engine_4"] + len(of["not_readable"]) + of["being_recorded"] == 5
    said = lines(told)
    for words in (
        "Derived before engine 4: 2 of 5 sessions; sessions of engines before 4 cannot have any",
        "DERIVED RECORD NOT READABLE: s-0000000003; whether anything was overridden in it is not known here",
        "Still being recorded, their marks not told yet: 1 of 5 sessions.",
    ):
        assert words in said


@pytest.mark.parametrize("marks", [1, [1], [{"rule": "depth.over_hard_max"}]], ids=["number", "no row", "half a row"])
def test_marks_that_are_none_are_no_derived_record(marks):
    facts = {"zones": [], "overrides": marks}
    with pytest.raises(ValueError, match="not a derived record"):
        read_derived({"facts": facts, "findings": [], "assessments": []})


# --- real records, and what must not be there -------------------------------------------------------------------------


def test_a_golden_session_with_an_override_tells_it(ledger):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    session(ledger)
    told = inspected(ledger.entries, {SESSION: read_derived(golden)})["overrides"]
    assert [(row["rule"], row["by"]) for row in told["marked"]] == [("depth.over_hard_max", "p-08")]
    named = [row["detail"]["override"] for row in golden["findings"] if "override" in row["detail"]]
    assert [row["override"] for row in told["findings"]] == named != []


def test_no_client_is_in_it(ledger):
    desk(ledger, "override.given", HARD, visit=VISIT)
    desk(ledger, "screening.overridden", {"screening": 1})
    session(ledger, visit=VISIT)
    told = inspected(ledger.entries, {SESSION: derived_of(found("in time", 3), overrides=[mark(3, 1)])})
    page = b"".join(inspection_page(told, made="Made."))
    assert CLIENT.encode() not in canonical(told) + page
    assert REASON.encode() in page, "by its commitment a reason can be compared with what the clinic shows"
