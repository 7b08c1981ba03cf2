"""Scores and adverse events on the command line: computed or entered, followed, listed, private, refused."""

import json
from pathlib import Path

import pytest

from devicelog.cli import run
from devicelog.desk.outcomes import events_of, scores_of
from devicelog.store.evidence import Evidence
from tests.databases import CLIENT, FIRST, SPAN, report
from tests.desk.clinic import Desk
from tests.e2e.running import Json

BY = ("--by", "KM")
MASI = ("--forehead", "4,3,2", "--left-malar", "5,3,3", "--right-malar", "3,2,2", "--chin", "1,1,1")
MMASI = ("--forehead", "4,3", "--left-malar", "5,3", "--right-malar", "3,2", "--chin", "1,1")
EVENT = ("--type", "bruising", "--severity", "mild", "--onset", "during", "--outcome", "open")


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def score(desk: Desk, *words: str) -> Json:
    return desk.told("scores", words[0], CLIENT, *words[1:], *BY)


def record(desk: Desk, *words: str) -> Json:
    return desk.told("events", "record", CLIENT, *EVENT, "--session", FIRST, *words, *BY)


# --- scores -----------------------------------------------------------------------------------------------------------


def test_a_score_is_computed_from_its_parts(desk: Desk) -> None:
    # by hand: tests/clinical/test_scores.py
    assert score(desk, "masi", *MASI)["value"] == 188
    assert score(desk, "mmasi", *MMASI)["value"] == 100


def test_scores_are_listed_by_the_day_of_which_they_are(desk: Desk) -> None:
    score(desk, "masi", *MASI, "--day", "2026-03-01")
    score(desk, "masi", "--total", "24.4", "--day", "2026-01-01")
    score(desk, "gais", "--value", "2", "--day", "2026-03-02")
    score(desk, "melanin", "--value", "312", "--zone", "cheek.left", "--day", "2026-03-03")
    told = desk.told("scores", "list", CLIENT)["scores"]
    assert [(each["score"], each["value"], each["parts"] is None) for each in told] == [
        ("masi", 244, True),
        ("masi", 188, False),
        ("gais", 2, True),
        ("melanin", 312, True),
    ]
    shown = desk.run("scores", "list", CLIENT).succeeded().stdout
    assert "24.4" in shown
    assert "0.0-48.0" in shown
    assert "do not read it on freshly needled skin" in shown
    assert not [word for word in ("mild", "moderate", "severe") if word in shown]  # no cut-offs are known


def test_a_score_belongs_to_a_course(desk: Desk) -> None:
    course = "k-0123456789"
    ours = {"indication": "hyperpigmentation", "sessions": 4, "interval_min_days": 14, "interval_max_days": 28}
    desk.entered("course.opened", ours, course=course)
    assert score(desk, "gais", "--value", "1", "--course", "k-01")["course"] == course
    desk.run("clients", "describe", "P-200", "--phototype", "I", *BY).succeeded()
    told = desk.run("scores", "gais", "P-200", "--value", "1", "--course", course, *BY)
    assert told.code == 2
    assert "of another client" in told.stderr


SCORES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "incomplete": (("masi", CLIENT, *MASI[:6]), 2, "masi is incomplete: chin is missing"),
    "nothing": (("masi", CLIENT), 2, "one of them"),
    "both": (("masi", CLIENT, *MASI, "--total", "18.8"), 2, "one of them"),
    "part-out-of-range": (("masi", CLIENT, *MASI[:7], "7,1,1"), 2, "area 7 is out of range: 0 to 6"),
    "part-missing": (("masi", CLIENT, *MASI[:7], "1,1"), 2, "is not 3 whole numbers: area, darkness, homogeneity"),
    "part-too-many": (("mmasi", CLIENT, *MMASI[:7], "1,1,1"), 2, "is not 2 whole numbers: area, darkness"),
    "part-a-word": (("masi", CLIENT, *MASI[:7], "1,1,x"), 2, "is not 3 whole numbers"),
    "part-negative": (("masi", CLIENT, *MASI[:7], "1,1,-1"), 2, "is not 3 whole numbers"),
    "total-out-of-range": (("masi", CLIENT, "--total", "48.1"), 2, "masi 48.1 is out of range: 0.0 to 48.0"),
    "mmasi-out-of-range": (("mmasi", CLIENT, "--total", "24.1"), 2, "out of range: 0.0 to 24.0"),
    "gais-out-of-range": (("gais", CLIENT, "--value", "6"), 2, "gais 6 is out of range: 1 to 5"),
    "gais-zero": (("gais", CLIENT, "--value", "0"), 2, "gais 0 is out of range: 1 to 5"),
    "melanin-out-of-range": (("melanin", CLIENT, "--value", "1000"), 2, "melanin"),
    "day-to-come": (("gais", CLIENT, "--value", "1", "--day", "2199-01-01"), 2, "is in the future"),
    "no-day": (("gais", CLIENT, "--value", "1", "--day", "2026-02-30"), 2, "no day of the calendar"),
    "no-such-course": (("gais", CLIENT, "--value", "1", "--course", "k-zzz"), 6, "no course"),
    "no-such-client": (("gais", "P-999", "--value", "1"), 6, "no client"),
}


@pytest.mark.parametrize("name", SCORES)
def test_a_score_that_cannot_be_is_refused_and_nothing_is_entered(desk: Desk, name: str) -> None:
    words, code, says = SCORES[name]
    before = desk.size()
    told = desk.run("scores", *words, *BY)
    assert (told.code, desk.size()) == (code, before)
    assert says in told.stderr


# --- events -----------------------------------------------------------------------------------------------------------


def test_an_event_is_followed_to_its_end(desk: Desk) -> None:
    id_ = record(desk, "--seen", "2026-03-01", "--words", "left cheek")["event"]
    desk.told("events", "follow", id_, "--severity", "moderate", "--reported", *BY)
    desk.told("events", "follow", id_[:6], "--outcome", "resolved", *BY)
    (told,) = desk.told("events", "list", CLIENT)["events"]
    assert {key: told[key] for key in ("type", "severity", "onset", "outcome", "reported", "seen", "words")} == {
        "type": "bruising",
        "severity": "moderate",
        "onset": "during",
        "outcome": "resolved",
        "reported": True,
        "seen": "2026-03-01",
        "words": "left cheek",
    }
    assert [each["outcome"] for each in told["history"]] == ["open", "open", "resolved"]
    assert [each["severity"] for each in told["history"]] == ["mild", "moderate", "moderate"]
    assert (told["session"], told["client_ref"]) == (FIRST, desk.ref)
    assert "resolved" in desk.run("events", "list").succeeded().stdout
    assert report(desk.path).problems == []


def test_the_words_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "types"]) == 0
    told = capsys.readouterr().out
    for word in ("herpes", "granuloma", "friedmann_2024", "same_day", "lasting"):
        assert word in told
    assert run(["events", "types", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["types"][0]["source"] == "fda_page"


RECORD = ("record", CLIENT, *BY)
EVENTS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no-session": ((*RECORD, *EVENT), 2, "of which session is not said"),
    "a-span": ((*RECORD, *EVENT, "--session", SPAN), 6, "is no session"),
    "type": ((*RECORD, "--type", "bruisin", *EVENT[2:], "--session", FIRST), 2, "Did you mean bruising?"),
    "severity": ((*RECORD, *EVENT[:3], "bad", *EVENT[4:], "--session", FIRST), 2, "severity 'bad' is none of"),
    "other-without-words": ((*RECORD, "--type", "other", *EVENT[2:], "--session", FIRST), 2, "told in words"),
    "words-of-one-space": ((*RECORD, *EVENT, "--words", " ", "--session", FIRST), 2, "the words is empty"),
    "seen-in-the-future": ((*RECORD, *EVENT, "--seen", "2199-01-01", "--session", FIRST), 2, "in the future"),
    "no-such-event": (("follow", "e-zzz", "--outcome", "open", *BY), 6, "no event"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_cannot_be_is_refused_and_nothing_is_entered(desk: Desk, name: str) -> None:
    words, code, says = EVENTS[name]
    before = desk.size()
    told = desk.run("events", *words)
    assert (told.code, desk.size()) == (code, before)
    assert says in told.stderr


def test_following_without_a_word_is_refused(desk: Desk) -> None:
    id_ = record(desk)["event"]
    told = desk.run("events", "follow", id_, *BY)
    assert told.code == 2
    assert "nothing is said of the event" in told.stderr


# --- what stays private -----------------------------------------------------------------------------------------------


def test_no_value_and_no_word_is_in_the_ledger(desk: Desk) -> None:
    score(desk, "masi", "--total", "24.4")
    record(desk, "--words", "left cheek, after the bicycle")
    for text in (b"bruising", b"bicycle", b'"value":'):
        assert not [line for line in desk.entries().splitlines() if text in line and b'"private":["' in line]


def test_both_are_erased_with_the_client(desk: Desk) -> None:
    score(desk, "masi", "--total", "24.4")
    id_ = record(desk, "--words", "left cheek, after the bicycle")["event"]
    desk.run("clients", "retention", "--days", "0", "--practitioner", "KM", "--reason", "a test").succeeded()
    desk.run("clients", "erase", CLIENT, "--practitioner", "KM", "--reason", "asked for", "--yes").succeeded()
    assert b"bicycle" not in b"".join(file.read_bytes() for file in desk.data_dir.rglob("*") if file.is_file())
    with Evidence(desk.path) as evidence:
        assert [each["value"] for each in scores_of(evidence, desk.ref)] == [None]
        (told,) = events_of(evidence)
    assert (told["event"], told["type"], len(told["history"])) == (id_, None, 1)
    assert "(erased)" in desk.run("events", "list").succeeded().stdout
    assert desk.run("events", "follow", id_, "--outcome", "resolved", *BY).code == 6
    assert report(desk.path).problems == []
