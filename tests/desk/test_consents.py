"""Consent, aftercare and anaesthetics on the command line: for a visit or a session, the newest holds."""

from pathlib import Path

import pytest

from devicelog.desk.consents import anaesthetic_of, consents_of
from devicelog.store.evidence import Evidence
from tests.databases import CLIENT, FIRST, SECOND, SPAN, report
from tests.desk.clinic import Desk
from tests.e2e.running import Json

BY = ("--by", "KM")


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def consent(desk: Desk, what: str, *words: str) -> Json:
    return desk.told("consent", "record", CLIENT, "--what", what, *words, *BY)


def anaesthetic(desk: Desk, *words: str) -> Json:
    return desk.told("anaesthetic", "note", *words, *BY)


def held(desk: Desk, name: str) -> tuple[list[Json], list[Json]]:
    with Evidence(desk.path) as evidence:
        return consents_of(evidence, name), anaesthetic_of(evidence, name)


def test_what_was_signed_for_a_visit_is_what_holds(desk: Desk) -> None:
    visit = desk.visit()
    consent(desk, "aftercare", "--visit", visit)
    consent(desk, "treatment", "--signed", "client", "--visit", visit)
    consent(desk, "photo", "--refused", "--visit", visit)
    consent(desk, "treatment", "--signed", "practitioner, client", "--visit", visit)
    found, _ = held(desk, visit)
    told = [(each["what"], each["given"], each["signed"], each["by"]) for each in found]
    assert told == [
        ("treatment", True, ["client", "practitioner"], "KM"),
        ("photo", False, [], "KM"),
        ("aftercare", True, [], "KM"),
    ]
    assert found[0].keys() == {"what", "given", "signed", "at", "by"}


def test_a_consent_that_was_taken_back_is_refused_from_then_on(desk: Desk) -> None:
    visit = desk.visit()
    consent(desk, "treatment", "--signed", "client", "--visit", visit)
    consent(desk, "treatment", "--refused", "--visit", visit)
    assert [each["given"] for each in held(desk, visit)[0]] == [False]
    assert "treatment: REFUSED" in desk.run("consent", "show", "--visit", visit).succeeded().stdout


def test_before_a_session_it_is_the_visits_and_after_it_the_sessions_too(desk: Desk) -> None:
    visit = desk.visit()
    assert consent(desk, "treatment", "--visit", visit)["session"] is None
    desk.joined(visit, FIRST)
    desk.joined(visit, SECOND)
    assert consent(desk, "aftercare", "--visit", visit)["session"] == SECOND  # the newest
    told = consent(desk, "photo", "--session", FIRST)
    assert (told["visit"], told["session"]) == (visit, FIRST)
    assert [each["what"] for each in held(desk, visit)[0]] == ["treatment", "photo", "aftercare"]
    assert report(desk.path).problems == []


def test_a_session_of_no_visit_can_have_them(desk: Desk) -> None:
    consent(desk, "aftercare", "--signed", "client", "--session", FIRST)
    anaesthetic(desk, "--product", "Gel", "--session", FIRST)
    shown = desk.told("consent", "show", "--session", FIRST)
    assert [each["what"] for each in shown["consents"]] == ["aftercare"]
    assert shown["anaesthetic"] == [{"product": "Gel", "on_at": None, "off_at": None}]
    assert "treatment: not recorded" in desk.run("consent", "show", "--session", FIRST).succeeded().stdout


def test_the_time_it_came_off_is_added(desk: Desk) -> None:
    visit = desk.visit()
    anaesthetic(desk, "--product", "Gel", "--on", "14:05", "--visit", visit)
    anaesthetic(desk, "--product", "Spray", "--on", "14:20", "--visit", visit)
    anaesthetic(desk, "--product", "Gel", "--on", "14:05", "--off", "14:25", "--visit", visit)
    assert held(desk, visit)[1] == [
        {"product": "Gel", "on_at": "14:05", "off_at": "14:25"},
        {"product": "Spray", "on_at": "14:20", "off_at": None},
    ]
    assert "Gel, on 14:05, off 14:25" in desk.run("consent", "show", "--visit", visit).succeeded().stdout


NOTE, CONSENT = ("anaesthetic", "note", *BY), ("consent", "record", CLIENT, *BY)
BAD: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no-visit-said": ((*CONSENT, "--what", "photo"), 2, "for which visit is not said"),
    "no-such-visit": ((*CONSENT, "--what", "photo", "--visit", "v-zzz"), 6, "no visit"),
    "no-such-session": ((*CONSENT, "--what", "photo", "--session", "s-zzz"), 6, "s-zzz"),
    "a-span": ((*CONSENT, "--what", "photo", "--session", SPAN), 6, "is no session"),
    "what": ((*CONSENT, "--what", "dinner", "--session", FIRST), 2, "dinner"),
    "signed-by": ((*CONSENT, "--what", "photo", "--signed", "mother", "--session", FIRST), 2, "not 'mother'"),
    "no-such-client": (("consent", "record", "P-9", *BY, "--what", "photo", "--session", FIRST), 6, "no client"),
    "time": ((*NOTE, "--product", "Gel", "--on", "25:00", "--session", FIRST), 2, "is not a time of day"),
    "off-before-on": (
        (*NOTE, "--product", "Gel", "--on", "14:05", "--off", "14:05", "--session", FIRST),
        2,
        "is not after 14:05",
    ),
    "a-product-of-one-space": ((*NOTE, "--product", " ", "--session", FIRST), 2, "the product is empty"),
    "the-code-in-the-product": ((*NOTE, "--product", f"Gel for {CLIENT}", "--session", FIRST), 2, "a client's code"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_meant_is_refused_and_nothing_is_entered(desk: Desk, name: str) -> None:
    words, code, says = BAD[name]
    before = desk.size()
    told = desk.run(*words)
    assert (told.code, desk.size()) == (code, before)
    assert says in told.stderr


def test_the_visit_of_another_client_is_refused(desk: Desk) -> None:
    visit = desk.visit("P-200")
    told = desk.run(*CONSENT, "--what", "treatment", "--visit", visit)
    assert told.code == 2
    assert "of another client" in told.stderr


def test_a_session_that_is_not_of_the_visit_is_refused(desk: Desk) -> None:
    told = desk.run(*CONSENT, "--what", "treatment", "--visit", desk.visit(), "--session", FIRST)
    assert told.code == 2
    assert "is not a part of" in told.stderr
