"""A session that turns out to be another client's leaves the visit, and neither's words stay with the other."""

import json
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.clinic import cartridges
from devicelog.desk.about import about
from devicelog.desk.consents import consents_of
from devicelog.desk.continuing import visit_to_continue
from devicelog.desk.entering import enter
from devicelog.desk.opening import visit_done
from devicelog.desk.visits import visit_named, visit_of_session
from devicelog.errors import BadTransition, DevicelogError, UsageProblem
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type
from tests.databases import CLIENT, FIRST, SECOND, report
from tests.desk.clinic import KM, Desk
from tests.desk.staff import NAMES

OTHER = "OTHER-9"
EVENT = {"type": "other", "severity": "mild", "onset": "days", "outcome": "resolved", "reported": False}


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


@pytest.fixture
def visit(desk: Desk) -> str:
    """A visit of CLIENT in which SECOND was recorded and sealed."""
    name = desk.visit()
    desk.joined(name, SECOND)
    desk.run("sessions", "seal", SECOND).succeeded()
    return name


def corrected(desk: Desk, client: str = OTHER) -> None:
    who = ("--client", client, "--practitioner", "KM", "--reason", "the wrong client was chosen")
    desk.run("sessions", "attribute", SECOND, *who).succeeded()


def erased(desk: Desk, client: str) -> None:
    desk.run("clients", "retention", "--days", "0", "--practitioner", "KM", "--reason", "no law here").succeeded()
    desk.run("clients", "erase", client, "--practitioner", "KM", "--reason", "asked", "--yes").succeeded()


def holding(desk: Desk, text: str) -> list[str]:
    return [file.name for file in desk.data_dir.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def shown(desk: Desk) -> Json:
    treatment: Json = desk.told("sessions", "show", SECOND)["treatment"]
    return treatment


def test_it_leaves_the_visit_in_the_same_transaction(desk: Desk, visit: str) -> None:
    corrected(desk)
    with Evidence(desk.path) as evidence:
        [attributed], [left] = of_type(evidence, "session.attributed"), of_type(evidence, "visit.left")
        assert left.seq == attributed.seq + 1
        assert (left.body["stream"], left.body["visit"], left.body["client_ref"]) == (SECOND, visit, desk.ref)
        found = visit_named(evidence, visit)
        assert (found.sessions, visit_done(evidence, found), visit_of_session(evidence, SECOND)) == ((), [], None)
        assert about(evidence, {"visit": visit}).stream is None
        ref = evidence.client_ref(OTHER)
        assert (about(evidence, {"session": SECOND}).client_ref, about(evidence, {"session": SECOND}).visit) == (
            ref,
            None,
        )
        with pytest.raises(UsageProblem, match="not a part of"):
            about(evidence, {"session": SECOND, "visit": visit})
        row, going = visit_to_continue(evidence)
        assert (row["id"], going) == (SECOND, None)
    assert report(desk.path).problems == []
    assert desk.run("verify", SECOND).succeeded()


def test_a_correction_of_zones_or_to_the_visit_s_own_client_leaves_nothing(desk: Desk, visit: str) -> None:
    corrected(desk)
    corrected(desk, CLIENT)
    with Evidence(desk.path) as evidence:
        assert len(of_type(evidence, "visit.left")) == 1


def test_a_session_whose_first_client_was_erased_leaves_all_the_same(desk: Desk, visit: str) -> None:
    desk.act("visit.close", visit=visit)
    erased(desk, CLIENT)
    corrected(desk)
    with Evidence(desk.path) as evidence:
        [left] = of_type(evidence, "visit.left")
        assert (left.body["visit"], left.body["client_ref"]) == (visit, None)
    assert report(desk.path).problems == []


def test_consent_of_one_person_is_not_the_other_s(desk: Desk, visit: str) -> None:
    desk.act("consent.record", session=SECOND, what="aftercare", signed=["client"])  # of CLIENT, as it was thought
    corrected(desk)
    desk.act("consent.record", session=SECOND, what="treatment", signed=["client"])
    desk.act("consent.record", visit=visit, what="photo", signed=["client"])
    with Evidence(desk.path) as evidence:
        assert [each["what"] for each in consents_of(evidence, visit)] == ["photo", "aftercare"]
        assert [each["what"] for each in consents_of(evidence, SECOND)] == ["treatment"]
    told = shown(desk)
    assert told["consent_treatment"]["given"]
    assert (told["consent_photo"], told["aftercare_given"]) == ("not recorded", "not recorded")


def test_words_about_the_first_client_are_nowhere_with_the_session(desk: Desk, visit: str) -> None:
    early = desk.act("event.record", session=SECOND, words="EARLY WORDS", **EVENT)
    private = desk.data_dir / "packages" / f"{SECOND}.private.json"
    assert "EARLY WORDS" in private.read_text()
    corrected(desk)
    assert "EARLY WORDS" not in private.read_text()
    desk.act("event.record", visit=visit, words="LATE WORDS", **EVENT)
    desk.act("event.follow", event=early["event"], words="WHAT CAME OF IT")
    desk.act("event.record", session=SECOND, words="OF THE OTHER", **EVENT)
    told = [private.read_text(), json.dumps(desk.told("sessions", "show", SECOND))]
    for text in told:
        assert [words in text for words in ("EARLY WORDS", "LATE WORDS", "WHAT CAME OF IT", "OF THE OTHER")] == [
            *(False, False, False),
            True,
        ]
    of_first = {each["words"] for each in desk.told("events", "list", CLIENT)["events"]}
    assert of_first == {"WHAT CAME OF IT", "LATE WORDS"}
    corrected(desk, CLIENT)  # and back again
    assert "EARLY WORDS" in private.read_text()
    assert "OF THE OTHER" not in private.read_text()
    assert report(desk.path).problems == []


def test_an_amendment_made_while_it_was_thought_another_s_is_not_shown(desk: Desk, visit: str) -> None:
    desk.act("session.amend", session=SECOND, field="response", value="SWELLING", reason="seen later")
    assert shown(desk)["response"]["amended"]
    corrected(desk)
    told = desk.told("sessions", "show", SECOND)
    assert told["treatment"]["response"] == "not recorded"
    assert told["amendments"] == []


@pytest.mark.parametrize("during", [False, True], ids=["fitted before", "fitted while it was recorded"])
def test_a_cartridge_that_was_used_on_the_other_was_used_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, during: bool
) -> None:
    monkeypatch.setattr(cartridges, "TWICE_US", 0)
    name = desk.visit()
    if during:
        desk.joined(name, SECOND)
    where = {"session": SECOND} if during else {"visit": name}
    desk.act("fit_cartridge", lot="L1", serial="SN9", **where)
    if not during:
        desk.joined(name, SECOND)
    assert desk.act("fit_cartridge", lot="L1", serial="SN9", visit=name)["used_before"] == 0
    corrected(desk)
    with pytest.raises(BadTransition, match="fitted"):
        desk.act("fit_cartridge", lot="L1", serial="SN9", visit=name)
    told = desk.act("fit_cartridge", lot="L1", serial="SN9", visit=name, reason="it was not used there")
    assert told["used_before"] == 1
    recalled = {row["session"] for row in desk.told("cartridges", "recall", "--lot", "L1")["sessions"]}
    assert SECOND in recalled, "it is found all the same"
    assert shown(desk)["cartridges"] != "not recorded" or not during


def test_a_cartridge_that_was_fitted_after_the_other_s_part_was_not_on_the_pen_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cartridges, "TWICE_US", 0)
    name = desk.visit()
    desk.joined(name, SECOND)
    corrected(desk)
    desk.act("fit_cartridge", lot="L1", serial="SN9", visit=name)
    assert desk.act("fit_cartridge", lot="L1", serial="SN9", visit=name)["used_before"] == 0


# --- erasing ----------------------------------------------------------------------------------------------------------


def test_words_of_the_time_before_the_correction_go_with_the_client_it_is_of(desk: Desk, visit: str) -> None:
    desk.act("session.amend", session=SECOND, field="response", value="SWELLING", reason="seen later")
    desk.act("event.record", session=SECOND, words="EARLY WORDS", **EVENT)
    corrected(desk)
    assert holding(desk, "SWELLING")
    erased(desk, OTHER)
    assert (holding(desk, "SWELLING"), holding(desk, "EARLY WORDS")) == ([], [])
    assert report(desk.path).problems == []
    assert desk.run("verify", "--all").succeeded()


def test_a_printed_name_stays_with_the_signature(signed: Path) -> None:
    with alone(signed) as access:
        act(access, {"do": "retention", "days": 0, "practitioner": "KM", "reason": "law of the place"})
        with Evidence(access.path) as evidence:
            ref = evidence.client_ref(CLIENT)
        act(access, {"do": "erase", "client": ref, "practitioner": "KM", "reason": "asked for"})
    [made] = Desk.run_bare("sessions", "show", FIRST, "--json", "--data-dir", str(signed)).json()["signatures"]
    assert (made["name"], made["standing"]) == (NAMES["KM"], "valid")


def test_no_text_is_taken_about_who_was_erased_and_one_that_came_all_the_same_is_erased(desk: Desk) -> None:
    first = desk.act("event.record", session=SECOND, words="EARLY WORDS", **EVENT)["event"]
    finding = desk.told("sessions", "show", SECOND)["findings"][0]
    erased(desk, CLIENT)
    before = desk.size()
    for what, request in (
        ("session.amend", {"field": "note", "value": "LATE", "reason": "late word"}),
        ("finding.explain", {"rule": finding["rule"], "zone": None, "reason": "late word"}),
        ("event.record", {"words": "LATE", **EVENT}),
        ("event.follow", {"event": first, "words": "LATE"}),
    ):
        with pytest.raises(DevicelogError, match=r"was erased|is not held any more"):
            desk.act(what, **{"session": SECOND, **request})
    assert desk.size() == before
    with alone(desk.data_dir) as access:  # as an earlier version took one
        access.append(
            lambda transaction: enter(
                transaction,
                "session.amended",
                actor=KM,
                told={"number": 1, "field": "note"},
                stream=SECOND,
                private=("AFTER ALL",),
            )
        )
    assert holding(desk, "AFTER ALL")
    desk.run("clients", "erase", desk.ref, "--practitioner", "KM", "--reason", "asked again", "--yes").succeeded()
    assert holding(desk, "AFTER ALL") == []
