"""A code or an id that is new here is said to be: it may be a slip of the hand."""

from pathlib import Path

import pytest

from tests.databases import CLIENT, FIRST
from tests.desk.clinic import Desk

PLAN = ("--plan", "full-face")


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def opened(desk: Desk, client: str, practitioner: str = "KM") -> str:
    who = ("--client", client, "--practitioner", practitioner)
    return desk.run("visits", "open", *who, *PLAN, "--by", "KM").succeeded().stderr


def test_a_visit_of_a_client_who_is_known_says_nothing(desk: Desk) -> None:
    assert "new client" not in opened(desk, CLIENT)


@pytest.mark.parametrize("slip", [CLIENT.lower(), CLIENT.replace("-", ""), CLIENT.replace("-", " ")])
def test_a_code_that_is_nearly_a_known_one_is_asked_after(desk: Desk, slip: str) -> None:
    assert f"note: {slip} is a new client: {CLIENT} is known. Another one?" in opened(desk, slip)
    assert "new client" not in opened(desk, slip)  # they are known now


def test_a_session_that_is_given_to_a_new_client_says_so(desk: Desk) -> None:
    why = ("--practitioner", "KM", "--reason", "the wrong code")
    said = desk.run("sessions", "attribute", FIRST, "--client", "P-22", *why).succeeded().stderr
    assert "note: P-22 is a new client\n" in said


def test_a_practitioner_who_is_not_on_the_list_is_said_where_there_is_one(desk: Desk) -> None:
    assert "registered" not in opened(desk, CLIENT, "ZZ")
    desk.run("practitioners", "add", "KM", "--role", "admin", "--name", "Kim").succeeded()
    assert "registered" not in opened(desk, CLIENT, "km")
    assert "note: KN is not registered; `devicelog practitioners list` shows who is." in opened(desk, CLIENT, "KN")
