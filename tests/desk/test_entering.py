"""Entries of the desk in a real database: found again, audited, rebuilt, erased with their client."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from devicelog.desk.entering import client_named, enter
from devicelog.errors import NotFound
from devicelog.ledger.entries import Actor
from devicelog.recorder.access import alone
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erasing import EraseCommand, erase
from devicelog.recorder.recovery import software
from devicelog.recorder.retention import RetentionCommand, set_retention
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters, of_type
from devicelog.store.rebuild import rebuild
from tests.databases import CLIENT, FIRST, make_database, report

KM = Actor(id="km", role="practitioner")
SECRET = "on warfarin since May"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_database(tmp_path / "data")


def answered(path: Path, *, stream: str | None = None) -> int:
    with Evidence(path) as evidence:
        ref = client_named(evidence, CLIENT)
    with alone(path.parent) as access:
        entry = access.append(
            lambda transaction: enter(
                transaction,
                "screening.answered",
                actor=KM,
                client_ref=ref,
                visit="v-0000000001",
                stream=stream,
                told={"questionnaire": "screening-1", "result": "yes", "same_as": None},
                private=(SECRET,),
                documents={"questionnaire": b'{"schema":"x"}'},
            )
        )
    return entry.seq


def test_what_is_about_a_client_or_a_visit_is_found_again(path: Path) -> None:
    seq = answered(path)
    with Evidence(path) as evidence:
        ref = client_named(evidence, CLIENT)
        assert [entry.seq for entry in matters(evidence, "v-0000000001")] == [seq]
        assert [entry.seq for entry in matters(evidence, ref, "screening.answered")] == [seq]
        assert [entry.seq for entry in of_type(evidence, "screening.answered")] == [seq]
        assert matters(evidence, ref, "consent.recorded") == []
        [name] = matters(evidence, "v-0000000001")[0].body["private"]
        assert evidence.note_text(name) == SECRET
    assert report(path).problems == []


def test_nothing_personal_is_in_the_entry(path: Path) -> None:
    answered(path)
    with Evidence(path) as evidence:
        [entry] = of_type(evidence, "screening.answered")
        assert CLIENT.encode() not in entry.data
        assert SECRET.encode() not in entry.data


def test_a_rebuild_makes_the_same_list(path: Path) -> None:
    answered(path)
    before = about(path)
    rebuild(path.parent, upgrade=False, stamps=RecorderClock(), sw=software())
    assert about(path) == before != []
    assert report(path).problems == []


def about(path: Path) -> list[tuple[str, int, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, seq, type FROM about ORDER BY name, seq").fetchall()


@pytest.mark.parametrize(
    "harm",
    ["DELETE FROM about WHERE type = 'screening.answered'", "INSERT INTO about VALUES ('c-1', 3, 'person.added')"],
    ids=["taken away", "put in"],
)
def test_a_list_that_was_changed_is_found(path: Path, harm: str) -> None:
    answered(path)
    with sqlite3.connect(path) as connection:
        connection.execute(harm)
    assert any("the list of what entries are about" in problem for problem in report(path).problems)


def test_an_entry_of_a_session_that_there_is_not_is_found(path: Path) -> None:
    answered(path, stream="s-zzzzzzzzzz")
    assert any("is of s-zzzzzzzzzz, which there is not" in problem for problem in report(path).problems)


def test_an_erasure_takes_the_private_texts_along(path: Path) -> None:
    answered(path, stream=FIRST)
    with Evidence(path) as evidence:
        ref = client_named(evidence, CLIENT)
        [name] = of_type(evidence, "screening.answered")[0].body["private"]
    with alone(path.parent) as access:
        command = EraseCommand(client_ref=ref, practitioner="km", reason="asked for it")
        set_retention(access, RetentionCommand(days=0, practitioner="km", reason="no law here"))
        erase(access, command, {"at": "2032-01-01T00:00:00.000Z", "clock": "synced"})
    with Evidence(path) as evidence:
        assert evidence.note_text(name) is None
        with pytest.raises(NotFound):
            client_named(evidence, CLIENT)
    found = report(path)
    assert found.problems == []
    assert found.unexplained == 0
    assert SECRET.encode() not in (path.parent / FILE_NAME).read_bytes()


def test_a_pin_that_no_entry_set_is_found(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO pin VALUES ('km', '$argon2id$', 3)")
    assert any("the PIN of 'km'" in problem for problem in report(path).problems)
