"""The standing notice of the skin type: on the screen and in private, once in a course, never told by the ledger."""

from dataclasses import replace
from pathlib import Path

import pytest

from devicelog.canonical import parse_canonical
from devicelog.cli import starting
from devicelog.clinical.data import load_plan
from devicelog.desk import courses
from devicelog.desk.opening import Desk as Opening
from devicelog.store.evidence import Evidence
from tests.databases import CLIENT
from tests.desk.clinic import KM, Desk
from tests.desk.test_screening import BY, IDENTITY

STAMP = {"at": "2031-03-01T12:00:00.000Z", "clock": "synced"}
PLAN = load_plan("full-face")


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def course_and_visit(desk: Desk, phototype: str) -> tuple[str, Opening]:
    desk.run("clients", "describe", CLIENT, "--born", "1990-01-01", "--phototype", phototype, *BY).succeeded()
    course = str(desk.act("course.open", client=CLIENT, indication=PLAN.indication)["course"])
    visit = desk.act("visit.open", client=CLIENT, practitioner="KM", plan=PLAN.document(), course=course)["visit"]
    return course, Opening(plan=PLAN, client_code=CLIENT, practitioner="KM", visit=str(visit))


def opened(desk: Desk, opening: Opening) -> bytes:
    with Evidence(desk.path) as evidence:
        return opening.prepare(evidence, IDENTITY, STAMP, KM).documents["clinic"]


def test_a_terminal_says_it_until_it_was_read_in_the_course(desk: Desk) -> None:
    course, opening = course_and_visit(desk, "V")
    (line,) = starting.notice(desk.data_dir, opening)
    assert "type V: needling can change the colour of darker skin" in line
    assert f"courses acknowledge {course} --notice client.checks --by KM" in line
    desk.run("courses", "acknowledge", course, "--notice", "client.checks", *BY).succeeded()
    assert starting.notice(desk.data_dir, opening) == []


def test_it_is_asked_for_of_whatever_skin(desk: Desk) -> None:
    course, opening = course_and_visit(desk, "II")
    (line,) = starting.notice(desk.data_dir, opening)
    assert line.startswith("no standing notice of skin type II; ")
    assert f"courses acknowledge {course}" in line
    desk.run("courses", "acknowledge", course, "--notice", "client.checks", *BY).succeeded()


@pytest.mark.parametrize("read", [False, True], ids=["not-read", "read"])
def test_no_document_of_a_session_tells_the_skin(desk: Desk, read: bool) -> None:
    told = []
    course, opening = course_and_visit(desk, "II")
    if read:
        desk.run("courses", "acknowledge", course, "--notice", "client.checks", *BY).succeeded()
    for phototype in ("II", "VI"):
        desk.run("clients", "describe", CLIENT, "--phototype", phototype, *BY).succeeded()
        told.append(opened(desk, opening))
    assert told[0] == told[1]


def test_a_notice_of_another_version_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    course, opening = course_and_visit(desk, "V")
    desk.run("courses", "acknowledge", course, "--notice", "client.checks", *BY).succeeded()
    monkeypatch.setitem(courses.STANDING, "client.checks", {"notice": "client.checks", "version": 2})
    assert len(starting.notice(desk.data_dir, opening)) == 1


def test_an_acknowledgement_before_anything_was_known_gives_no_word(desk: Desk) -> None:
    course, opening = course_and_visit(desk, "II")
    desk.run("courses", "acknowledge", course, "--notice", "client.checks", *BY).succeeded()
    desk.run("clients", "describe", CLIENT, "--born", "2013-05-01", *BY).succeeded()
    desk.run("screening", "answer", CLIENT, "--all-no", *BY).succeeded()

    with Evidence(desk.path) as evidence:
        prepared = opening.prepare(evidence, replace(IDENTITY, model="Exceed"), STAMP, KM)
    assert parse_canonical(prepared.documents["clinic"])["client"]["result"] == "word missing"


def test_old_damage_stops_no_recording(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _, opening = course_and_visit(desk, "V")

    def damaged(*_: object) -> None:
        raise ValueError("a page is torn")

    monkeypatch.setattr("devicelog.desk.clients.client_now", damaged)
    assert starting.notice(desk.data_dir, opening) == [
        "whether there is a standing notice of the skin type is not known: a page is torn"
    ]


def test_off_a_terminal_no_skin_type_is_said(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    _, opening = course_and_visit(desk, "V")
    starting.confirm(desk.data_dir, opening, ask=False)
    told = capsys.readouterr().err
    assert "practitioner KM" in told
    assert "type V" not in told
