"""What is known of a client besides the code: described, forgotten, erased; none of it in the ledger."""

import json
from pathlib import Path

import pytest

from devicelog.desk.clients import NOTHING, client_now, today
from devicelog.store.evidence import Evidence
from tests.databases import CLIENT
from tests.desk.clinic import Desk

BY = ("--by", "KM")


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def described(desk: Desk, client: str = CLIENT) -> dict[str, object]:
    told = desk.told("clients", "show", client)["described"]
    return {key: told[key] for key in NOTHING}


def test_what_is_described_is_shown_and_what_is_not_said_anew_stays(desk: Desk) -> None:
    more = ("--phototype", "IV", "--name", "Ada Example", "--contact", "ada@example.org")
    desk.run("clients", "describe", CLIENT, "--born", "1990-06-15", "--age-verified", *more, *BY).succeeded()
    desk.run("clients", "describe", CLIENT, "--phototype", "V", *BY).succeeded()
    assert described(desk) == {
        "born": "1990-06-15",
        "age_verified": True,
        "phototype": "V",
        "name": "Ada Example",
        "contact": "ada@example.org",
    }
    shown = desk.run("clients", "show", CLIENT).succeeded().stdout
    assert "1990-06-15 (a paper was seen)" in shown
    assert "skin type     V" in shown


def test_what_was_never_described_is_not_recorded(desk: Desk) -> None:
    assert desk.told("clients", "show", CLIENT)["described"] is None
    assert "described     not recorded" in desk.run("clients", "show", CLIENT).succeeded().stdout


def test_something_can_be_forgotten(desk: Desk) -> None:
    desk.run("clients", "describe", CLIENT, "--name", "Ada Example", "--phototype", "II", *BY).succeeded()
    desk.run("clients", "describe", CLIENT, "--forget", "name", *BY).succeeded()
    assert (described(desk)["name"], described(desk)["phototype"]) == (None, "II")


def test_another_birth_date_is_not_verified_by_the_paper_of_the_first(desk: Desk) -> None:
    desk.run("clients", "describe", CLIENT, "--born", "1990-06-15", "--age-verified", *BY).succeeded()
    desk.run("clients", "describe", CLIENT, "--born", "1990-06-16", *BY).succeeded()
    assert described(desk)["age_verified"] is False


def test_a_new_client_is_taken_by_describing(desk: Desk) -> None:
    told = desk.told("clients", "describe", "P-200", "--phototype", "I", *BY)
    assert told["new"] is True
    assert desk.told("clients", "show", "P-200")["client_ref"] == told["client_ref"] != desk.ref
    assert desk.told("clients", "describe", "P-200", "--phototype", "II", *BY)["new"] is False


def test_a_client_can_be_named_by_reference(desk: Desk) -> None:
    assert desk.told("clients", "describe", desk.ref, "--phototype", "I", *BY)["client_ref"] == desk.ref
    assert described(desk)["phototype"] == "I"


def test_a_code_that_looks_like_a_person_is_said_to(desk: Desk) -> None:
    told = desk.run("clients", "describe", "Smith 1984-03-02", "--phototype", "I", *BY).succeeded()
    assert "looks like a name with a date of birth" in told.stderr


BAD = {
    "born-in-the-future": (("--born", "2199-01-01"), "is in the future"),
    "born-before-1900": (("--born", "1899-12-31"), "is before 1900"),
    "born-on-no-day": (("--born", "1990-02-30"), "no day of the calendar"),
    "born-otherwise": (("--born", "15.6.1990"), "YYYY-MM-DD"),
    "skin-type": (("--phototype", "VII"), "is none of I, II, III, IV, V, VI"),
    "name-of-a-space": (("--name", " "), "the name is empty"),
    "contact-of-a-space": (("--contact", " "), "the contact is empty"),
    "name-nobody-can-see": (("--name", "a\u200bb"), "cannot be shown"),
    "nothing-said": ((), "nothing is said of the client"),
    "verified-of-nothing": (("--age-verified",), "give --born as well"),
    "by-a-name": (("--phototype", "I", "--by", "K M"), "is not an id"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_and_nothing_is_entered(desk: Desk, name: str) -> None:
    words, says = BAD[name]
    before = desk.size()
    told = desk.run("clients", "describe", CLIENT, *(BY if "--by" not in words else ()), *words)
    assert told.code == 2
    assert says in told.stderr
    assert desk.size() == before


def test_a_reference_that_is_not_there_is_no_code(desk: Desk) -> None:
    told = desk.run("clients", "describe", "c-0123456789abcdef", "--phototype", "I", *BY)
    assert told.code == 6


def test_a_clock_that_fell_back_does_not_make_every_birth_date_one_to_come(desk: Desk) -> None:
    with Evidence(desk.path) as evidence:
        unsure = {"at": "1970-01-01T00:00:00.000Z", "clock": "unknown"}
        assert today(evidence, unsure) >= "2030-12-31"  # the entries of this database are of 2031-01-01 UTC
        assert today(evidence, unsure | {"at": "2040-06-01T12:00:00.000Z"}) == "2040-06-01"
        assert today(evidence, {"at": "2026-06-01T12:00:00.000Z", "clock": "synced"}) == "2026-06-01"


SECRETS = ("1990-06-15", "Ada Example", "ada@example.org")


def test_nothing_that_was_described_is_in_the_ledger_or_a_document(desk: Desk) -> None:
    more = ("--phototype", "IV", "--name", SECRETS[1], "--contact", SECRETS[2])
    desk.run("clients", "describe", CLIENT, "--born", SECRETS[0], *more, *BY).succeeded()
    assert not [text for text in (*SECRETS, CLIENT) if text.encode() in desk.entries()]


def test_it_is_erased_with_the_client(desk: Desk) -> None:
    desk.run("clients", "describe", CLIENT, "--born", SECRETS[0], "--name", SECRETS[1], *BY).succeeded()
    desk.run("clients", "retention", "--days", "0", "--practitioner", "KM", "--reason", "a test").succeeded()
    desk.run("clients", "erase", CLIENT, "--practitioner", "KM", "--reason", "asked for", "--yes").succeeded()
    kept = b"".join(file.read_bytes() for file in desk.data_dir.rglob("*") if file.is_file())
    assert not [text for text in SECRETS[:2] if text.encode() in kept]
    with Evidence(desk.path) as evidence:
        assert client_now(evidence, desk.ref) is None
    assert desk.told("clients", "show", desk.ref)["described"] is None
    desk.run("verify", "--all").succeeded()
    told = desk.run("clients", "describe", desk.ref, "--phototype", "I", *BY)
    assert told.code == 6  # who was erased is nobody who could be described


def test_what_was_entered_from_paper_is_shown_and_handed_to_the_client(desk: Desk, tmp_path: Path) -> None:
    zones = [{"zone": "forehead", "depth_set_um": 400, "passes": 2}]
    told = {"client": CLIENT, "practitioner": "KM", "indication": "hyperpigmentation", "day": "2026-03-01"}
    late = desk.act("session.enter", **told, zones=zones, reason="there was no power")["session"]
    desk.visit("P-2")
    desk.act("session.enter", **{**told, "client": "P-2"}, zones=zones, reason="there was no power")
    assert [row["id"] for row in desk.told("clients", "show", CLIENT)["entered"]] == [late]
    text = desk.run("clients", "show", CLIENT).succeeded().stdout
    assert "entered       1 from paper, not measured" in text
    assert f"{late}  2026-03-01  entered" in text
    said = desk.run("clients", "export", CLIENT, "--to", str(tmp_path / "given")).succeeded().stdout
    assert "2 sessions, 1 entered from paper, " in said
    given = json.loads((tmp_path / "given" / "sessions" / f"{late}.json").read_text("utf-8"))
    assert (given["verdict"], given["reason"]) == ("not measured", "there was no power")
    assert [row["id"] for row in json.loads((tmp_path / "given" / "person.json").read_text("utf-8"))["entered"]] == [
        late
    ]
