"""Screening on the command line: all of it or nothing, the same again, a word for a yes, and what a session is told."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

from devicelog.canonical import parse_canonical
from devicelog.cli import run
from devicelog.clinical.data import load_plan, load_zones
from devicelog.clinical.plan import sites_of
from devicelog.clinical.shipped import load_questionnaire
from devicelog.desk.opening import Desk as Opening
from devicelog.desk.screening import Screening, screening_now, suitability_now
from devicelog.recorder.clock import RecorderClock
from devicelog.store.evidence import Evidence
from firmware_bridge.readings import Identity
from tests.databases import CLIENT, FIRST, SECOND, report
from tests.desk.clinic import KM, Desk
from tests.e2e.running import Json

BY = ("--by", "KM")
IDENTITY = Identity(
    mode="real",
    motor_on=False,
    boot=1,
    seq=0,
    t_us=0,
    protocol_major=1,
    protocol_minor=0,
    model="Some pen",
    serial="X-1",
    firmware="1",
    calibration_id="C",
    cartridge="",
)
PLAN = load_plan("full-face")  # of the visits here
SITES = sites_of(PLAN, load_zones())
WHY = "her doctor agreed by letter"
QUESTIONS = load_questionnaire()


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def answer(desk: Desk, *words: str) -> Json:
    return desk.told("screening", "answer", CLIENT, *(words or ("--all-no",)), *BY)


def shown(desk: Desk) -> list[Json]:
    found: list[Json] = desk.told("screening", "show", CLIENT)["screenings"]
    return found


def now(desk: Desk, visit: str | None, **changes: object) -> tuple[str, Json]:
    request = {"device": "exceed", "indication": PLAN.indication, "sites": SITES, "day": "2031-03-01"} | changes
    request |= {"opened": request["day"]}
    with Evidence(desk.path) as evidence:
        word, text, _ = suitability_now(evidence, desk.ref, visit=visit, **request)  # type: ignore[arg-type]
    return word, parse_canonical(text.encode())


def test_the_questions_are_shown_with_their_sources_and_conflicts() -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        assert run(["screening", "questions"]) == 0
    for words in (*QUESTIONS.sources.values(), *(each.text for each in QUESTIONS.questions), "sources disagree"):
        assert words in out.getvalue()
    out = io.StringIO()
    with redirect_stdout(out):
        assert run(["screening", "questions", "--json"]) == 0
    assert json.loads(out.getvalue()) == QUESTIONS.document()


def test_all_no_is_clear(desk: Desk) -> None:
    assert answer(desk)["result"] == "clear"
    (one,) = shown(desk)
    assert (one["result"], one["same_as"], one["words"], one["word_missing"]) == ("clear", None, [], [])
    assert one["answers"] == QUESTIONS.all_no_but([])


def test_a_yes_says_what_to_do_next(desk: Desk) -> None:
    told = desk.run("screening", "answer", CLIENT, "--all-no", "--yes", "isotretinoin", *BY).succeeded()
    assert "screening override K-1047" in told.stdout
    assert shown(desk)[0]["word_missing"] == ["isotretinoin"]
    assert "NO WORD" in desk.run("screening", "show", CLIENT).succeeded().stdout


def test_answers_can_come_from_a_file(desk: Desk, tmp_path: Path) -> None:
    toml, as_json = tmp_path / "answers.toml", tmp_path / "answers.json"
    answers = QUESTIONS.all_no_but(["sun"])
    toml.write_text("".join(f"{key} = {str(value).lower()}\n" for key, value in answers.items()), "utf-8")
    as_json.write_text(json.dumps(answers), "utf-8")
    for file in (toml, as_json):
        assert answer(desk, "--answers", str(file))["result"] == "yes"
    assert [one["answers"] for one in shown(desk)] == [answers, answers]


def test_no_change_since_last_time_is_one_act_and_a_new_date(desk: Desk) -> None:
    first = answer(desk, "--all-no", "--yes", "sun")
    desk.run("screening", "override", CLIENT, "--reason", WHY, *BY).succeeded()
    again = desk.told("screening", "same", CLIENT, *BY)
    assert (again["same_as"], again["result"]) == (first["entry"], "yes")
    one, two = shown(desk)
    assert two["answers"] == one["answers"]
    assert two["at"] >= one["at"]
    assert (one["word_missing"], two["word_missing"]) == ([], ["sun"])  # a word is of its own day


def test_a_word_is_for_every_yes_of_the_newest_time(desk: Desk) -> None:
    answer(desk, "--all-no", "--yes", "sun", "--yes", "pregnancy")
    told = desk.told("screening", "override", CLIENT, "--reason", WHY, *BY)
    assert told["words_for"] == 2
    (one,) = shown(desk)
    assert one["words"][0]["questions"] == ["sun", "pregnancy"]
    assert (one["words"][0]["reason"], one["words"][0]["by"]) == (WHY, "KM")


def test_a_list_that_is_another_now_is_not_taken_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(desk)
    newer = replace(QUESTIONS, version=2)
    monkeypatch.setattr("devicelog.desk.screening.load_questionnaire", lambda: newer)
    told = desk.run("screening", "same", CLIENT, *BY)
    assert told.code == 2
    assert "was asked screening-1, and now screening-2 is asked" in told.stderr
    assert shown(desk)[0]["questionnaire"] == "screening-1"  # the old one still reads


BAD: dict[str, tuple[tuple[str, ...], int, str]] = {
    "incomplete": (("answer", CLIENT, "--yes", "sun", *BY), 2, "27 of 28 questions are not answered"),
    "nothing": (("answer", CLIENT, *BY), 2, "28 of 28 questions are not answered"),
    "no-such-question": (
        ("answer", CLIENT, "--all-no", "--yes", "sum", *BY),
        2,
        "no question sum. Did you",
    ),
    "not-asked": (("answer", CLIENT, "--all-no", "--yes", "darker_skin", *BY), 2, "is not asked"),
    "no-such-client": (("answer", "P-999", "--all-no", *BY), 6, "no client with this code"),
    "no-such-visit": (("answer", CLIENT, "--all-no", "--visit", "v-zzz", *BY), 6, "no visit"),
    "no-such-file": (("answer", CLIENT, "--answers", "/nowhere/a.toml", *BY), 6, "no such file"),
    "file-and-all-no": (
        ("answer", CLIENT, "--answers", "a.toml", "--all-no", *BY),
        2,
        "leave --all-no",
    ),
    "same-as-never": (("same", CLIENT, *BY), 6, "was never asked here"),
    "override-of-nothing": (("override", CLIENT, "--reason", WHY, *BY), 6, "was never asked here"),
    "a-reason-of-one-space": (("override", CLIENT, "--reason", " ", *BY), 2, "the reason is empty"),
    "show-of-nobody": (("show", "P-999"), 6, "no client with this code"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_meant_is_refused_and_nothing_is_entered(desk: Desk, name: str) -> None:
    words, code, says = BAD[name]
    before = desk.size()
    told = desk.run("screening", *words)
    assert (told.code, desk.size()) == (code, before)
    assert says in told.stderr


@pytest.mark.parametrize(
    "text", ["sun = maybe", "[]", "\xff", "sun = 1"], ids=["no-toml", "a-list", "no-utf8", "number"]
)
def test_a_file_that_is_no_answers_is_refused(desk: Desk, tmp_path: Path, text: str) -> None:
    file = tmp_path / ("a.json" if text == "[]" else "a.toml")
    file.write_bytes(text.encode("latin-1"))
    told = desk.run("screening", "answer", CLIENT, "--answers", str(file), *BY)
    assert told.code == 2
    assert "unexpected" not in told.stderr


def test_a_word_where_there_was_no_yes_is_refused_but_for_the_clearance(desk: Desk) -> None:
    desk.visit()
    answer(desk)
    told = desk.run("screening", "override", CLIENT, "--reason", WHY, *BY)
    assert told.code == 2
    assert "--clearance" in told.stderr
    fits = desk.run("screening", "override", CLIENT, "--reason", WHY, "--clearance", *BY)
    assert (fits.code, "neither age nor skin type is outside" in fits.stderr) == (2, True)
    desk.run("clients", "describe", CLIENT, "--born", "2012-01-01", "--phototype", "V", *BY).succeeded()
    assert desk.told("screening", "override", CLIENT, "--reason", WHY, "--clearance", *BY)["words_for"] == 7
    (one,) = shown(desk)
    assert one["words"][0]["questions"] == []
    assert "clearance.age 1: born 2012-01-01; DEN160029, K202243 from 22 on" in one["words"][0]["found"][0]
    assert one["words"][0]["found"][0] in desk.run("screening", "show", CLIENT).succeeded().stdout


def test_a_word_about_the_clearance_is_of_a_treatment(desk: Desk) -> None:
    desk.run("clients", "describe", CLIENT, "--born", "2012-01-01", *BY).succeeded()
    answer(desk)
    told = desk.run("screening", "override", CLIENT, "--reason", WHY, "--clearance", *BY)
    assert (told.code, "visits open" in told.stderr) == (2, True)


# --- what a session is told -------------------------------------------------------------------------------------------


def test_the_word_for_a_visit_from_nothing_to_a_word_given(desk: Desk) -> None:
    visit = desk.visit()
    assert now(desk, visit)[0] == "not recorded"
    answer(desk)  # of the one visit that is open
    assert now(desk, visit)[0] == "not recorded"
    assert now(desk, visit, checks=("screening",))[0] == "clear"
    desk.run("clients", "describe", CLIENT, "--born", "1990-06-15", "--phototype", "II", *BY).succeeded()
    assert now(desk, visit)[0] == "clear"
    answer(desk, "--all-no", "--yes", "sun")
    assert now(desk, visit)[0] == "word missing"
    desk.run("screening", "override", CLIENT, "--reason", WHY, *BY).succeeded()
    word, made_of = now(desk, visit)
    assert word == "word given"
    assert made_of["words"][0]["reason"] == WHY
    assert [row["result"] for row in made_of["rows"]] == ["found", "passed", "passed", "passed"]


def test_an_age_outside_the_clearance_needs_its_own_word(desk: Desk) -> None:
    visit = desk.visit()
    desk.run("clients", "describe", CLIENT, "--born", "2015-01-01", "--phototype", "II", *BY).succeeded()
    answer(desk, "--all-no", "--yes", "sun")
    desk.run("screening", "override", CLIENT, "--reason", WHY, *BY).succeeded()
    assert now(desk, visit)[0] == "word missing"
    desk.run("screening", "override", CLIENT, "--reason", WHY, "--clearance", *BY).succeeded()
    assert now(desk, visit)[0] == "word given"


@pytest.mark.parametrize(
    "later",
    [("--born", "2013-05-01"), ("--phototype", "VI")],
    ids=["born-later-than-was-said", "another-skin-type"],
)
def test_a_word_does_not_cover_what_was_not_found_when_it_was_given(desk: Desk, later: tuple[str, str]) -> None:
    visit = desk.visit()
    desk.run("clients", "describe", CLIENT, "--born", "2015-01-01", "--phototype", "IV", *BY).succeeded()
    answer(desk)
    desk.run("screening", "override", CLIENT, "--reason", WHY, "--clearance", *BY).succeeded()
    assert now(desk, visit)[0] == "word given"
    assert now(desk, visit, device="skinpen-precision")[0] == "word given"  # which pen it is nobody knew
    assert now(desk, visit, indication="acne-scars", sites=("cheek",))[0] == "word missing"  # another use
    desk.run("clients", "describe", CLIENT, *later, *BY).succeeded()
    assert now(desk, visit)[0] == "word missing"


def test_a_notice_that_was_read_is_no_word_for_an_age_a_skin_type_or_a_yes(desk: Desk) -> None:
    visit = desk.visit()
    about_her = ("--born", "2013-05-01", "--phototype", "II")
    desk.run("clients", "describe", CLIENT, *about_her, *BY).succeeded()
    answer(desk)
    word, made_of = now(desk, visit, acknowledged=True)
    assert (word, made_of["notices"]) == ("word missing", [])  # type II has no notice, whatever was acknowledged
    desk.run("clients", "describe", CLIENT, "--born", "1990-01-01", "--phototype", "V", *BY).succeeded()
    word, made_of = now(desk, visit, acknowledged=True)
    assert word == "word missing"
    assert made_of["notices"] == [{"notice": "skin_type.darker", "version": 1, "acknowledged": True}]
    answer(desk, "--all-no", "--yes", "sun")
    assert now(desk, visit, acknowledged=True)[0] == "word missing"


def test_answers_of_another_visit_do_not_count_until_they_are_taken_over(desk: Desk) -> None:
    earlier = desk.visit()
    answer(desk)
    desk.act("visit.close", visit=earlier)
    visit = desk.visit()
    assert now(desk, visit, checks=("screening",), day=None)[0] == "not recorded"
    desk.run("screening", "same", CLIENT, *BY).succeeded()
    assert now(desk, visit, checks=("screening",), day=None)[0] == "clear"


@pytest.mark.parametrize(
    ("own", "visit", "day", "counts"),
    [
        ("v-1", "v-1", "2031-06-01", True),
        ("v-1", "v-1", "2031-06-02", False),
        ("v-1", "v-1", None, True),
        ("v-1", "v-2", "2031-06-01", False),
        (None, "v-1", "2031-06-01", True),
        (None, "v-1", "2031-06-02", False),
        (None, None, "2031-06-01", True),
        (None, None, None, False),
        (None, "v-1", None, False),
    ],
)
def test_answers_count_for_their_visit_or_their_day(
    own: str | None, visit: str | None, day: str | None, counts: bool
) -> None:
    asked = Screening(
        seq=1,
        at="2031-06-01T12:00:00.000Z",
        clock="synced",
        by="KM",
        visit=own,
        questionnaire=QUESTIONS,
        result="clear",
        same_as=None,
        answers=None,
        words=(),
    )
    assert asked.is_of(visit, day) is counts
    if (own, visit, day) == ("v-1", "v-1", "2031-06-02"):
        assert asked.is_of(visit, day, opened=day), "all of a visit holds on the day on which it was opened"
    if own is None:
        assert not replace(asked, clock="unknown").is_of(visit, day)


def test_the_visit_and_its_session_go_with_the_entry(desk: Desk) -> None:
    visit = desk.visit()
    desk.joined(visit, SECOND)
    answer(desk)
    with Evidence(desk.path) as evidence:
        asked = screening_now(evidence, desk.ref)
        assert asked is not None
        assert evidence.entry(asked.seq).body["stream"] == SECOND
    assert report(desk.path).problems == []


# --- what stays private -----------------------------------------------------------------------------------------------


def test_no_answer_and_no_reason_is_in_the_ledger_or_a_document(desk: Desk) -> None:
    answer(desk, "--all-no", "--yes", "pregnancy")
    questionnaire = desk.entries().count(b'"pregnancy"')  # the questions themselves are a document
    desk.run("screening", "override", CLIENT, "--reason", WHY, *BY).succeeded()
    desk.run("screening", "same", CLIENT, *BY).succeeded()
    assert desk.entries().count(b'"pregnancy"') == questionnaire
    assert b"true" not in b"".join(line for line in desk.entries().splitlines() if b'"screening.' in line)
    assert WHY.encode() not in desk.entries()


def test_a_session_that_opens_is_told_one_word_and_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = {"at": "2031-03-01T12:00:00.000Z", "clock": "synced"}
    real = RecorderClock.stamp
    monkeypatch.setattr(RecorderClock, "stamp", lambda clock: {**real(clock), **stamp})
    visit = desk.visit()
    about_her = ("--born", "2012-01-01", "--phototype", "VI", "--name", "Ada Example")
    desk.run("clients", "describe", CLIENT, *about_her, *BY).succeeded()
    answer(desk, "--all-no", "--yes", "pregnancy")
    desk.run("screening", "override", CLIENT, "--reason", WHY, "--clearance", *BY).succeeded()
    opened = Opening(plan=load_plan("full-face"), client_code=CLIENT, practitioner="KM", visit=visit)
    with Evidence(desk.path) as evidence:
        prepared = opened.prepare(evidence, replace(IDENTITY, model="Exceed"), stamp, KM)
        at = screening_now(evidence, desk.ref)
        found = now(desk, visit)[1]
    clinic = parse_canonical(prepared.documents["clinic"])
    assert at is not None
    assert clinic["client"] == {"result": "word given", "screened_at": at.at}
    assert {row["result"] for row in found["rows"]} == {"found"}  # there is much that could have been told
    told = b"".join(prepared.documents.values())
    for secret in ("2012", "19 years", "pregnan", "Ada", CLIENT, WHY, '"VI"', "type VI", "screening-1"):
        assert secret.encode() not in told, secret


@pytest.mark.parametrize("words", [("answer", CLIENT, "--all-no"), ("same", CLIENT)], ids=["answer", "same"])
def test_of_two_open_visits_none_is_guessed(desk: Desk, words: tuple[str, ...]) -> None:
    answer(desk)
    names = [desk.visit(), desk.visit()]
    before = desk.size()
    said = f"2 visits of this client are open ({', '.join(names)}): say which with --visit"
    desk.run("screening", *words, *BY).refused(2, said)
    assert desk.size() == before
    told = desk.told("screening", *words, "--visit", names[0], *BY)
    assert told["visit"] == names[0]


def test_answers_are_erased_with_the_client(desk: Desk) -> None:
    answer(desk, "--all-no", "--yes", "pregnancy")
    desk.run("screening", "override", CLIENT, "--reason", WHY, *BY).succeeded()
    desk.run("clients", "retention", "--days", "0", "--practitioner", "KM", "--reason", "a test").succeeded()
    desk.run("clients", "erase", CLIENT, "--practitioner", "KM", "--reason", "asked for", "--yes").succeeded()
    kept = b"".join(file.read_bytes() for file in desk.data_dir.rglob("*") if file.is_file())
    assert WHY.encode() not in kept
    assert b'"pregnancy":true' not in kept
    with Evidence(desk.path) as evidence:
        asked = screening_now(evidence, desk.ref)
    assert asked is not None
    assert (asked.answers, asked.result, asked.words) == (None, "yes", ())
    assert report(desk.path).problems == []
    assert now(desk, None, day=None)[0] == "not recorded"


def test_a_session_of_the_client_is_not_touched_by_it(desk: Desk) -> None:
    before = desk.told("sessions", "show", FIRST)
    answer(desk)
    assert desk.told("sessions", "show", FIRST) == before
