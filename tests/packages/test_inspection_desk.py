"""What was done at the desk, in an inspection: signatures and whether they stand, PINs, paper, events, limits."""

from typing import Any

import pytest

from devicelog.canonical import Json, canonical
from devicelog.clinic.signatures import BEFORE, FAULTY, VALID, signature_faults
from devicelog.ledger.entries import Actor, Entry
from devicelog.packages.inspection.page import inspection_page
from devicelog.packages.inspection.sections import sections
from tests.packages.ledgers import HASH, PRACTITIONER, Ledger, inspected

SESSION, OTHER, CLIENT, REASON = "s-0000000001", "s-0000000002", "c-0123456789abcdef", "99" * 32
DAY_S = 86_400
NOBODY = {"client_ref": None, "client_commitment": None}
SIGNER = Actor(id="p-07", role="practitioner", auth="pin")


def lines(told: Json, heading: str) -> str:
    [section] = [each for each in sections(told) if each.heading == heading]
    return "\n".join((*section.says, *section.lines))


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.start()
    return made


def desk(ledger: Ledger, type_: str, told: Json, *, actor: Actor = PRACTITIONER, **odd: Any) -> Entry:
    body = {"stream": None, "client_ref": CLIENT, "client_commitment": HASH, "visit": None, "course": None}
    return ledger.add(type_, actor=actor, **{**body, "told": told, "private": [REASON], "documents": {}, **odd})


def sealed(ledger: Ledger, name: str = SESSION) -> Entry:
    ledger.open(name)
    ledger.wait(600)
    ledger.close(name)
    return ledger.add("stream.sealed", stream=name, entries=2, root=HASH)


def signed(ledger: Ledger, seal: Entry, *, actor: Actor = SIGNER, stream: str = SESSION, **odd: Any) -> Entry:
    told = {"person": "p-07", "meaning": "performed", "sealed": seal.leaf.hex(), "derived": HASH, "number": 1}
    return desk(ledger, "session.signed", {**told, "failures": 2, **odd}, actor=actor, stream=stream)


def standings(ledger: Ledger, **days: str) -> list[str]:
    return [row["standing"] for row in inspected(ledger.entries, **days)["signed"]]


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        {"sealed": "cd" * 32},
        {"derived": "cd" * 32},
        {"number": 2},
        {"person": "p-08"},
        {"meaning": "admired"},
        {"meaning": "reviewed"},
        {"actor": Actor(id="p-07", role="practitioner")},
        {"actor": Actor(id="p-07", role="auditor", auth="pin")},
        {"stream": OTHER},
        {},
    ],
    ids=str,
)
def test_a_signature_fits_here_where_it_fits_its_session(odd, ledger):
    sealed(ledger, OTHER)
    seal = sealed(ledger)
    entry = signed(ledger, seal, **odd)
    stream = entry.body["stream"]
    of = [each for each in ledger.entries if each.body.get("stream") == stream]
    own = next(each for each in of if each.type == "stream.sealed")
    derivations = [each for each in of if each.type == "session.closed"]
    fault = bool(signature_faults(entry, own, derivations))
    assert standings(ledger) == [FAULTY if fault else VALID]
    told = inspected(ledger.entries)
    assert told["sessions"]["unsigned"] == (2 if fault else 1)
    assert ("DOES NOT FIT THIS SESSION" in lines(told, "Signatures")) is fault


def test_the_first_case_is_a_fault_and_the_last_is_none(ledger):
    seal = sealed(ledger)
    signed(ledger, seal, sealed="cd" * 32)
    signed(ledger, seal)
    assert standings(ledger) == [FAULTY, VALID]


def test_a_signature_of_a_session_that_nobody_sealed_or_that_is_none_of_this_log(ledger):
    seal = sealed(ledger, OTHER)
    ledger.open(SESSION)
    ledger.close(SESSION)
    signed(ledger, seal)
    signed(ledger, seal, stream="s-00000000zz")
    assert standings(ledger) == [FAULTY, FAULTY]


@pytest.mark.parametrize("by", ["correction", "amendment"])
def test_a_signature_from_before_a_change_does_not_stand_and_one_from_after_it_does(by, ledger):
    seal = sealed(ledger)
    signed(ledger, seal)
    if by == "correction":
        ledger.attribute(SESSION)
        signed(ledger, seal, derived="cd" * 32, number=2)
    else:
        desk(ledger, "session.amended", {"number": 1, "field": "serum"}, stream=SESSION)
        signed(ledger, seal)
    told = inspected(ledger.entries)
    assert [row["standing"] for row in told["signed"]] == [BEFORE, VALID]
    said = lines(told, "Signatures")
    assert "wrong PINs before: 2; SIGNED BEFORE THE CORRECTION" in said
    assert "wrong PINs before: 2; valid" in said
    page = b"".join(inspection_page(told, made="Made.")).decode()
    assert page.count("signed as performed by p-07</bdi>") == 1, "in the list of sessions"


def test_a_signature_of_a_later_day_belongs_to_the_session_of_these_days(ledger):
    seal = sealed(ledger)
    ledger.wait(3 * DAY_S)
    signed(ledger, seal)
    assert standings(ledger, last="2031-01-01") == [VALID]
    assert standings(ledger, first="2031-01-02", last="2031-01-02") == []
    assert standings(ledger, first="2031-01-04") == [VALID]


def test_an_explanation_leaves_a_signature_as_it_is(ledger):
    signed(ledger, sealed(ledger))
    desk(ledger, "finding.explained", {"rule": "gap", "zone": None}, stream=SESSION)
    assert standings(ledger) == [VALID]


# --- what else --------------------------------------------------------------------------------------------------------


def test_wrong_pins_and_locks_are_counted_by_person(ledger):
    for person, failures, locked_s in (("p-07", 1, 0), ("p-07", 5, 60), ("p-08", 1, 0)):
        desk(ledger, "pin.refused", {"person": person, "failures": failures, "locked_s": locked_s}, **NOBODY)
    desk(ledger, "person.added", {"person": "p-09", "role": "practitioner", "authority_um": 1500}, **NOBODY)
    said = lines(inspected(ledger.entries), "People and PINs")
    assert "Wrong PINs: 3, of 2 people; locks that they began: 1." in said
    assert "role practitioner, authority 1.50 mm" in said


def test_a_session_from_paper_is_told_where_it_was_entered_or_was_and_counts_nowhere(ledger):
    ledger.wait(5 * DAY_S)
    told = {"session": "s-0000000009", "practitioner": "p-08", "day": "2031-01-02"}
    desk(ledger, "session.entered", told, documents={"entered": HASH})
    for days in ({"last": "2031-01-02"}, {"first": "2031-01-06"}):
        seen = inspected(ledger.entries, **days)
        assert seen["sessions"]["total"] == 0
        assert [(row["session"], row["by"], row["commitment"]) for row in seen["paper"]] == [
            ("s-0000000009", "p-07", REASON)
        ]
        said = lines(seen, "Sessions from paper, entered afterwards")
        assert "s-0000000009 of 2031-01-02 by p-08, entered by p-07 (auth: none)" in said
        assert "Nothing of these was measured" in said
    assert inspected(ledger.entries, first="2031-01-03", last="2031-01-05")["paper"] == []


def test_adverse_events_are_counted_once_however_often_they_were_followed(ledger):
    for type_, event in (("event.recorded", "e-1"), ("event.followed", "e-1"), ("event.recorded", "e-2")):
        desk(ledger, type_, {"event": event}, stream=SESSION if event == "e-1" else None)
    said = lines(inspected(ledger.entries), "Adverse events")
    assert "3 entries about 2 events. What happened is private." in said
    assert f"e-1 followed up by p-07 (auth: none), {SESSION}" in said
    assert "e-2 recorded by p-07 (auth: none), no session or visit named" in said


def test_no_adverse_event_is_said_as_none_recorded(ledger):
    assert lines(inspected(ledger.entries), "Adverse events") == (
        "None recorded in this period; what nobody enters is not here."
    )


def test_limits_and_plans_of_the_clinic_are_told_with_their_documents(ledger):
    own = {**NOBODY, "private": []}
    desk(ledger, "limits.adopted", {"name": "ours", "version": 2}, documents={"overlay": "ee" * 32}, **own)
    desk(ledger, "plan.adopted", {"plan": "winter"}, documents={"plan": HASH}, **own)
    said = lines(inspected(ledger.entries), "Limits and plans of the clinic")
    assert f"limits taken over by p-07 (auth: none): name ours, version 2; document {'ee' * 32}" in said
    assert "plan taken over by p-07 (auth: none): plan winter" in said


def test_a_session_from_paper_that_was_withdrawn_says_so(ledger):
    desk(ledger, "session.entered", {"session": "s-9", "practitioner": "p-08", "day": "2031-01-02"})
    desk(ledger, "session.entered", {"session": "s-8", "practitioner": "p-08", "day": "2031-01-02"})
    desk(ledger, "session.withdrawn", {"session": "s-9"})
    first, second = inspected(ledger.entries)["paper"]
    assert (first["withdrawn"]["by"], second["withdrawn"]) == ("p-07", None)
    said = lines(inspected(ledger.entries), "Sessions from paper, entered afterwards").splitlines()
    assert [("withdrawn" in line) for line in said if "s-9" in line or "s-8" in line] == [True, False]


def test_no_client_is_in_it(ledger):
    signed(ledger, sealed(ledger))
    desk(ledger, "event.recorded", {"event": "e-1"})
    desk(ledger, "session.entered", {"session": "s-9", "practitioner": "p-08", "day": "2031-01-02"})
    told = inspected(ledger.entries)
    assert CLIENT.encode() not in canonical(told) + b"".join(inspection_page(told, made="Made."))
