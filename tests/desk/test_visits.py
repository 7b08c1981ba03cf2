"""Visits, courses, late entries and going on, through the acts, over a real database of two ended sessions."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.cli import run
from devicelog.cli.starting import _said, confirm
from devicelog.clinic_documents import read_clinic
from devicelog.clinical.data import load_plan
from devicelog.clinical.days import days_between
from devicelog.clinical.shipped import load_questionnaire
from devicelog.desk.acts import DESK_ACTS
from devicelog.desk.courses import course_told
from devicelog.desk.entering import enter
from devicelog.desk.opening import Desk
from devicelog.desk.visits import every_visit, last_plan, open_visits, visit_named
from devicelog.errors import BadTransition, DevicelogError, EvidenceDamaged, NotFound, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erasing import EraseCommand, erase
from devicelog.recorder.job import Prepared
from devicelog.recorder.retention import RetentionCommand, set_retention
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type
from devicelog.store.transaction import Transaction
from firmware_bridge.readings import Identity
from tests.databases import CLIENT, FIRST, SECOND, make_database, report, spoil
from tests.desk.staff import entries
from tests.pages import DOCS

KM = Actor(id="km", role="practitioner")
PLAN = load_plan("face-pigment").document()
NOW = {"at": "2031-01-20T12:00:00.000Z", "mono_us": 1, "boot": "b", "clock": "synced"}
FILE = "devicelog.db"
_PEN = Identity(
    mode="real",
    motor_on=False,
    boot=1,
    seq=0,
    t_us=0,
    protocol_major=1,
    protocol_minor=0,
    model="SkinPen Precision",
    serial="R-1",
    firmware="1",
    calibration_id="C",
    cartridge="",
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return make_database(tmp_path / "data").parent


def do(data_dir: Path, name: str, **request: object) -> Json:
    with alone(data_dir) as access:
        return act(access, {"do": name, "by": "km", **request}, DESK_ACTS)


def visit(data_dir: Path, client: str = CLIENT, **odd: object) -> str:
    return str(do(data_dir, "visit.open", **{"client": client, "practitioner": "km", "plan": PLAN, **odd})["visit"])


def course(data_dir: Path, **odd: object) -> str:
    return str(do(data_dir, "course.open", **{"client": CLIENT, "indication": "hyperpigmentation", **odd})["course"])


def late(data_dir: Path, day: str, *zones: str, **odd: object) -> str:
    told = {"client": CLIENT, "practitioner": "km", "indication": "hyperpigmentation", "reason": "was on paper"}
    rows = [{"zone": zone, "depth_set_um": 400, "passes": 2} for zone in zones]
    return str(do(data_dir, "session.enter", **{**told, "day": day, "zones": rows, **odd})["session"])


def clinic(data_dir: Path, name: str | None, *, mode: str = "real", now: Json = NOW) -> Json:
    """The document of a session that opens now."""
    pen = replace(_PEN, mode=mode)  # type: ignore[arg-type]
    desk = Desk(plan=load_plan("face-pigment"), client_code=CLIENT, practitioner="km", visit=name)
    with Evidence(data_dir / FILE) as evidence:
        prepared = desk.prepare(evidence, pen, now, KM)
    document: Json = parse_canonical(prepared.documents["clinic"])
    return document


def damage_a_derived_record(data_dir: Path) -> None:
    with Evidence(data_dir / FILE) as evidence:
        digest = evidence.stream(FIRST)["derived"]
    spoil(data_dir / FILE, ("UPDATE document SET bytes = x'7b7d' WHERE sha256 = ?", (bytes.fromhex(digest),)))


# --- visits -----------------------------------------------------------------------------------------------------------


def test_a_visit_has_its_plan_and_limits_in_the_ledger_before_anything_is_recorded(data_dir: Path) -> None:
    name = visit(data_dir)
    with Evidence(data_dir / FILE) as evidence:
        found = visit_named(evidence, name[:6])
        assert found.closed is None
        assert evidence.document(found.documents["plan"]) == canonical(PLAN)
        assert parse_canonical(evidence.document(found.documents["limits"]))["indication"] == "hyperpigmentation"
    assert report(data_dir / FILE).problems == []


def test_several_wait_at_once(data_dir: Path) -> None:
    names = [visit(data_dir), visit(data_dir, "P-2"), visit(data_dir, "P-3")]
    with Evidence(data_dir / FILE) as evidence:
        assert [each.id for each in every_visit(evidence)] == names


def test_as_last_time_takes_the_plan_of_the_newest_session_or_visit(data_dir: Path) -> None:
    assert do(data_dir, "visit.open", client=CLIENT, practitioner="km", plan=None)["plan"] == "full-face"
    visit(data_dir)
    assert do(data_dir, "visit.open", client=CLIENT, practitioner="km", plan=None)["plan"] == "face-pigment"
    with pytest.raises(NotFound, match="never here"):
        do(data_dir, "visit.open", client="NEW-1", practitioner="km", plan=None)


def test_a_closed_visit_takes_nothing_more(data_dir: Path) -> None:
    name = visit(data_dir)
    assert do(data_dir, "visit.close", visit=name)["how"] == "nothing was recorded"
    for request in (
        {"name": "visit.close"},
        {"name": "visit.plan", "plan": PLAN},
        {"name": "visit.override", "rule": "depth.over_hard_max", "zone": None, "reason": "so agreed"},
    ):
        with pytest.raises(BadTransition, match="is closed"):
            do(data_dir, str(request.pop("name")), visit=name, **request)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"rule": "depth.over_everything"}, "there is no rule"),
        ({"rule": "zone.forbidden"}, "what can be overridden is depth.over_hard_max, cartridge.reused"),
        ({"zone": "moon"}, "there is no zone"),
        ({"reason": " "}, "the reason is empty"),
    ],
    ids=["unknown rule", "not to be overridden", "unknown zone", "a reason of one space"],
)
def test_an_override_that_cannot_be(data_dir: Path, odd: Json, words: str) -> None:
    name = visit(data_dir)
    request: Json = {"rule": "depth.over_hard_max", "zone": "nose", "reason": "so agreed", **odd}
    with pytest.raises(UsageProblem, match=words):
        do(data_dir, "visit.override", visit=name, **request)


def test_the_session_that_was_cut_off_goes_on_in_a_visit_made_of_it(data_dir: Path) -> None:
    reply = do(data_dir, "visit.continue")
    assert (reply["after"], reply["made"]) == (SECOND, True)
    again = do(data_dir, "visit.continue")
    assert (again["visit"], again["made"]) == (reply["visit"], False)
    with Evidence(data_dir / FILE) as evidence:
        assert visit_named(evidence, reply["visit"]).sessions == (SECOND,)
    told = clinic(data_dir, reply["visit"], mode="demo")
    assert told["visit_sessions"] == 1
    assert {row["zone"] for row in told["visit_done"]} >= {"forehead"}
    do(data_dir, "visit.close", visit=reply["visit"])
    with pytest.raises(BadTransition, match="is closed"):
        do(data_dir, "visit.continue")


def test_going_on_that_is_cut_off_leaves_no_empty_visit(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended: list[str] = []
    entry = Transaction.entry

    def cut_off(self: Transaction, type_: str, *rest: object) -> Entry:
        appended.append(type_)
        if type_ == "visit.joined":
            raise KeyboardInterrupt
        return entry(self, type_, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "entry", cut_off)
        with pytest.raises(KeyboardInterrupt):
            do(data_dir, "visit.continue")
    assert appended == ["visit.opened", "visit.joined"]
    reply = do(data_dir, "visit.continue")
    with Evidence(data_dir / FILE) as evidence:
        assert [(each.id, each.sessions) for each in every_visit(evidence)] == [(reply["visit"], (SECOND,))]


def test_a_visit_that_was_closed_before_the_pen_came_is_not_joined_and_says_so(data_dir: Path) -> None:
    name = visit(data_dir)
    desk = Desk(plan=load_plan("face-pigment"), client_code=CLIENT, practitioner="km", visit=name)
    with Evidence(data_dir / FILE) as evidence:
        prepared = desk.prepare(evidence, _PEN, NOW, KM)
    entered = prepared.entered
    assert entered is not None
    do(data_dir, "visit.close", visit=name)
    with alone(data_dir) as access:
        words = access.append(lambda transaction: entered(transaction, SECOND))
    assert words == f"{name} was closed meanwhile: {SECOND} is a part of no visit"
    with Evidence(data_dir / FILE) as evidence:
        assert visit_named(evidence, name).sessions == ()


def test_what_is_said_before_a_recording_begins_bears_that_an_earlier_session_cannot_be_read(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(plan=load_plan("face-pigment"), client_code=CLIENT, practitioner="km")
    confirm(data_dir, desk, ask=False)
    assert "last here 2031-01-" in capsys.readouterr().err
    damage_a_derived_record(data_dir)
    confirm(data_dir, desk, ask=False)
    said = capsys.readouterr().err
    assert "when last here is not known" in said
    assert "Recording goes on" in said


# --- intervals and courses --------------------------------------------------------------------------------------------


def test_days_since_a_zone_was_treated_are_local_days_and_name_no_session(data_dir: Path) -> None:
    late(data_dir, "2025-12-01", "forehead", "nose")
    first = late(data_dir, "2026-01-01", "forehead")
    told = clinic(data_dir, None)
    assert {row["zone"] for row in told["before"]} == {"forehead", "nose"}
    days = {row["zone"]: row["days"] for row in told["before"]}
    assert days["nose"] - days["forehead"] == 31
    assert not told["before_unsure"]
    assert first not in str(told)


def test_without_a_sure_clock_no_day_is_told(data_dir: Path) -> None:
    late(data_dir, "2026-01-01", "forehead")
    told = clinic(data_dir, None, now={**NOW, "clock": "unknown"})
    assert (told["day"], told["before"], told["before_unsure"]) == (None, [], True)


def test_simulated_sessions_are_earlier_treatments_of_simulated_ones_alone(data_dir: Path) -> None:
    assert clinic(data_dir, None)["before"] == []
    assert clinic(data_dir, None, mode="demo")["before"] != []


SAME_DAY = {**NOW, "at": "2031-01-01T00:30:00.000Z"}  # as the two sessions there


def both_joined(data_dir: Path) -> str:
    """A visit of which both sessions are parts."""
    name = visit(data_dir)
    with Evidence(data_dir / FILE) as evidence:
        ref = evidence.client_ref(CLIENT)
    with alone(data_dir) as access:
        for stream in (FIRST, SECOND):
            access.append(
                lambda transaction, stream=stream: enter(  # type: ignore[misc]
                    transaction, "visit.joined", actor=KM, told={}, stream=stream, visit=name, client_ref=ref
                )
            )
    return name


def on(monkeypatch: pytest.MonkeyPatch, day: str, clock: str = "synced") -> Json:
    """It is noon of this day; the stamp of it."""
    here: Json = {"at": f"{day}T12:00:00.000Z", "clock": clock}
    real = RecorderClock.stamp
    monkeypatch.setattr(RecorderClock, "stamp", lambda self: {**real(self), **here})
    return {**NOW, **here}


def test_the_same_visit_is_not_an_earlier_treatment_on_its_day(data_dir: Path) -> None:
    assert clinic(data_dir, None, mode="demo", now=SAME_DAY)["before"] != []
    told = clinic(data_dir, both_joined(data_dir), mode="demo", now=SAME_DAY)
    assert (told["before"], told["before_unsure"]) == ([], False)


def test_a_part_of_the_visit_on_another_day_is_an_earlier_treatment(data_dir: Path) -> None:
    name = both_joined(data_dir)
    told = clinic(data_dir, name, mode="demo")
    assert {row["days"] for row in told["before"]} == {19}
    unsure = clinic(data_dir, name, mode="demo", now={**NOW, "clock": "unknown"})
    assert (unsure["before"], unsure["before_unsure"]) == ([], False), "nobody can tell that it is another day"


def test_a_part_of_the_visit_on_a_day_that_nobody_is_sure_of_makes_the_interval_unsure(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = both_joined(data_dir)
    monkeypatch.setattr("devicelog.desk.treated._day", lambda row: None)
    told = clinic(data_dir, name, mode="demo")
    assert (told["before"], told["before_unsure"]) == ([], True)


def test_the_visit_itself_is_not_one_that_its_course_has_done(data_dir: Path) -> None:
    name = course(data_dir, sessions=4)
    told = clinic(data_dir, both_joined(data_dir), mode="demo")
    assert (told["course"], told["course_done"]) == (name, 0)


def test_consent_holds_on_its_own_day_and_on_that_of_the_opening(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = on(monkeypatch, "2031-02-01")
    name = visit(data_dir)
    with monkeypatch.context() as patched:
        on(patched, "2031-02-01", "unknown")
        do(data_dir, "consent.record", visit=name, what="photo", signed=["client"])
    do(data_dir, "consent.record", visit=name, what="treatment", signed=["client"])

    def held(now: Json) -> list[str]:
        return [each["what"] for each in clinic(data_dir, name, now=now)["consents"]]

    assert held(first) == ["treatment", "photo"]
    second = on(monkeypatch, "2031-02-09")
    assert held(second) == []
    assert held({**second, "clock": "unknown"}) == ["treatment", "photo"]
    do(data_dir, "consent.record", visit=name, what="treatment", signed=["client"])
    assert held(second) == ["treatment"]


def test_who_records_into_a_visit_of_another_day_is_told(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "2031-02-01")
    name = visit(data_dir)
    desk = Desk(plan=load_plan("face-pigment"), client_code=CLIENT, practitioner="km", visit=name)
    assert not [line for line in _said(data_dir, desk) if "was opened on" in line]
    on(monkeypatch, "2031-02-09")
    [note] = [line for line in _said(data_dir, desk) if "was opened on" in line]
    assert note.startswith(f"note: {name} was opened on 2031-02-01 and today is 2031-02-09: answers and consents of")
    on(monkeypatch, "2031-02-09", "unknown")
    assert not [line for line in _said(data_dir, desk) if "was opened on" in line]


def test_a_course_counts_visits_and_what_was_on_paper(data_dir: Path) -> None:
    name = course(data_dir, sessions=4, interval_min_days=14, interval_max_days=28)
    late(data_dir, "2026-01-01", "forehead", course=name)
    late(data_dir, "2026-01-25", "forehead", course=name)
    told = clinic(data_dir, visit(data_dir))
    assert (told["course"], told["course_done"], told["course_planned"]) == (name, 2, 4)


def test_a_notice_is_acknowledged_once_for_the_course(data_dir: Path) -> None:
    name = course(data_dir)
    assert not do(data_dir, "course.acknowledge", course=name, notice="label.pigment")["already"]
    assert do(data_dir, "course.acknowledge", course=name, notice="label.pigment")["already"]
    with Evidence(data_dir / FILE) as evidence:
        assert len(of_type(evidence, "notice.acknowledged")) == 1
    told = clinic(data_dir, visit(data_dir))
    assert told["acknowledged"] == [{"notice": "label.pigment", "version": 1}]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"indication": "freckles-of-mars"}, "there is no indication"),
        ({"sessions": 0}, "whole number"),
        ({"interval_min_days": 28, "interval_max_days": 14}, "goes backwards"),
        ({"client": "NOBODY"}, "no client"),
    ],
    ids=["unknown indication", "no session", "an interval backwards", "unknown client"],
)
def test_a_course_that_cannot_be(data_dir: Path, request_: Json, words: str) -> None:
    with pytest.raises(DevicelogError, match=words):
        course(data_dir, **request_)


def test_two_open_courses_for_the_same_are_one_too_many(data_dir: Path) -> None:
    course(data_dir)
    with pytest.raises(BadTransition, match="close it first"):
        course(data_dir)


def test_a_course_that_is_stopped_has_a_reason(data_dir: Path) -> None:
    name = course(data_dir)
    with pytest.raises(UsageProblem, match="--reason"):
        do(data_dir, "course.close", course=name, how="stopped")
    do(data_dir, "course.close", course=name, how="stopped", reason="moved away")
    with pytest.raises(BadTransition, match="closed already"):
        do(data_dir, "course.close", course=name, how="done")


def test_a_course_says_which_open_visit_it_does_not_take(data_dir: Path) -> None:
    name = visit(data_dir)
    do(data_dir, "visit.close", visit=visit(data_dir))
    told = do(data_dir, "course.open", client=CLIENT, indication="hyperpigmentation")
    assert told["visits_before"] == [name]
    assert do(data_dir, "course.open", client=CLIENT, indication="melasma")["visits_before"] == []


def test_a_client_is_not_erased_while_a_course_is_open(data_dir: Path) -> None:
    name = course(data_dir)
    with Evidence(data_dir / FILE) as evidence:
        ref = evidence.client_ref(CLIENT)
    assert ref is not None
    command = EraseCommand(client_ref=ref, practitioner="km", reason="asked for it")
    later = {"at": "2033-01-01T00:00:00.000Z", "clock": "synced"}
    with alone(data_dir) as access:
        set_retention(access, RetentionCommand(days=0, practitioner="km", reason="no law here"))
        with pytest.raises(BadTransition, match=f"{name} of this client is not over"):
            erase(access, command, later)
    do(data_dir, "course.close", course=name, how="stopped", reason="asked to be erased")
    with alone(data_dir) as access:
        erase(access, command, later)
    assert report(data_dir / FILE).problems == []
    with pytest.raises(NotFound):
        visit(data_dir, CLIENT, plan=None)  # the same code is a new client


def test_a_client_is_not_erased_while_a_visit_is_open(data_dir: Path) -> None:
    """It could never be closed afterwards: a visit is closed by who still is a client."""
    name = visit(data_dir)
    with Evidence(data_dir / FILE) as evidence:
        command = EraseCommand(client_ref=str(evidence.client_ref(CLIENT)), practitioner="km", reason="asked for")
    later = {"at": "2033-01-01T00:00:00.000Z", "clock": "synced"}
    with alone(data_dir) as access:
        set_retention(access, RetentionCommand(days=0, practitioner="km", reason="no law here"))
        with pytest.raises(BadTransition, match=f"{name} of this client is open.*visits close {name}"):
            erase(access, command, later)
    do(data_dir, "visit.close", visit=name)
    with alone(data_dir) as access:
        erase(access, command, later)
    assert report(data_dir / FILE).problems == []


# --- late entries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"day": "2199-01-01"}, "in the future"),
        ({"day": "1.1.2026"}, "YYYY-MM-DD"),
        ({"indication": "freckles-of-mars"}, "there is no indication"),
        ({"zones": []}, "names the zones"),
        ({"zones": [{"zone": "moon"}]}, "there is no zone"),
        ({"zones": [{"zone": "nose"}, {"zone": "nose"}]}, "named twice"),
        ({"zones": [{"zone": "nose", "depth_set_um": -1}]}, "a depth of"),
        ({"zones": [{"zone": "nose", "passes": 51}]}, "passes; 0 to"),
        ({"reason": " "}, "the reason is empty"),
        ({"cartridge": {"lot": "L" * 81}}, "at most 80"),
        ({"cartridge": {"lot": CLIENT}}, "lot of the cartridge has a client's code"),
        ({"topicals": [{"product": f"gel of {CLIENT}"}]}, "product of the topical has a client's code"),
        ({"topicals": [{"product": "gel", "lot": CLIENT.lower()}]}, "lot of the topical has a client's code"),
        ({"client": "NEW-7", "topicals": [{"product": "gel new-7"}]}, "product of the topical has a client's code"),
        ({"topicals": [{"product": "Anna Meier 12.3.1970"}]}, "date of birth"),
    ],
    ids=lambda each: None if isinstance(each, str) else "-".join(f"{key} {value}"[:24] for key, value in each.items()),
)
def test_a_late_entry_that_cannot_be(data_dir: Path, odd: Json, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        late(data_dir, odd.pop("day", "2026-01-01"), "nose", **odd)


@pytest.mark.parametrize("sure", [True, False])
def test_a_late_entry_of_a_day_to_come_is_refused_by_any_clock(
    data_dir: Path, sure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicelog.desk.days.SURE", ("synced", "rtc", "restored", "unknown") if sure else ())
    with pytest.raises(
        UsageProblem, match=r"in the future: today is \d{4}-\d\d-\d\d" + (r"\." if sure else "; the clock")
    ):
        late(data_dir, "2199-01-01", "nose")


def test_a_day_to_come_that_was_entered_by_a_wrong_clock_makes_the_interval_unsure(data_dir: Path) -> None:
    late(data_dir, "2026-01-01", "forehead")
    newest = late(data_dir, "2026-01-02", "forehead")
    told = clinic(data_dir, None, now={**NOW, "at": "2026-01-01T12:00:00.000Z"})
    assert newest
    assert (told["before"], told["before_unsure"]) == ([{"zone": "forehead", "days": 0}], True)


def test_a_late_entry_says_that_nothing_was_measured(data_dir: Path) -> None:
    name = late(data_dir, "2026-01-01", "forehead", cartridge={"lot": "L-1", "expires": "2026-12-31"})
    with Evidence(data_dir / FILE) as evidence:
        [entry] = of_type(evidence, "session.entered")
        said = parse_canonical(evidence.document(entry.body["documents"]["entered"]))
    assert (said["session"], said["cartridge"]["lot"]) == (name, "L-1")
    assert CLIENT not in str(entry.values)
    assert report(data_dir / FILE).problems == []


def counted(data_dir: Path, name: str) -> int:
    with Evidence(data_dir / FILE) as evidence:
        return int(course_told(evidence, name)["done"])


def test_what_is_withdrawn_counts_in_no_interval_and_in_no_course(data_dir: Path) -> None:
    name = course(data_dir)
    right = late(data_dir, "2026-01-01", "forehead", course=name)
    wrong = late(data_dir, "2026-01-25", "forehead", course=name)
    assert counted(data_dir, name) == 2
    assert do(data_dir, "session.withdraw", session=wrong[:8], reason="zyx: of another client")["session"] == wrong
    assert counted(data_dir, name) == 1
    told = clinic(data_dir, visit(data_dir))
    assert told["course_done"] == 1
    assert told["before"] == [{"zone": "forehead", "days": days_between("2026-01-01", told["day"])}]
    [entry] = entries(data_dir, "session.withdrawn")
    assert (entry.body["course"], len(entry.body["private"])) == (name, 1)
    assert "zyx" not in str(entry.values)
    with pytest.raises(BadTransition, match="withdrawn already"):
        do(data_dir, "session.withdraw", session=wrong, reason="again")
    do(data_dir, "session.withdraw", session=right, reason="this one, too")
    assert counted(data_dir, name) == 0
    assert report(data_dir / FILE).problems == []


@pytest.mark.parametrize(
    ("odd", "error", "words"),
    [
        ({"session": SECOND}, UsageProblem, "was recorded, and is never withdrawn"),
        ({"session": "s-none"}, NotFound, "no session"),
        ({"session": "s-"}, NotFound, "2 that were entered from paper begin so"),
        ({"reason": " "}, UsageProblem, "the reason is empty"),
        ({"session": None}, UsageProblem, "session is missing"),
    ],
    ids=["a recorded session", "none", "several", "a reason of one space", "not named"],
)
def test_what_cannot_be_withdrawn(data_dir: Path, odd: Json, error: type[DevicelogError], words: str) -> None:
    late(data_dir, "2026-01-01", "nose")
    name = late(data_dir, "2026-01-02", "nose")
    with pytest.raises(error, match=words):
        do(data_dir, "session.withdraw", **{"session": name, "reason": "wrong", **odd})
    assert entries(data_dir, "session.withdrawn") == []


def test_the_same_day_that_is_entered_twice_is_one_sitting(data_dir: Path) -> None:
    name = course(data_dir)
    late(data_dir, "2026-01-01", "forehead", course=name)
    late(data_dir, "2026-01-01", "nose", course=name)
    assert counted(data_dir, name) == 1


def test_a_late_entry_counts_in_the_course_that_it_names_alone(data_dir: Path) -> None:
    scars = str(do(data_dir, "course.open", client=CLIENT, indication="scars")["course"])
    name = course(data_dir)
    late(data_dir, "2026-01-01", "forehead", course=name, indication="scars")
    assert (counted(data_dir, name), counted(data_dir, scars)) == (1, 0)


def test_a_course_that_is_closed_counts_nothing_that_is_entered_afterwards(data_dir: Path) -> None:
    name = course(data_dir)
    late(data_dir, "2026-01-01", "forehead")
    do(data_dir, "course.close", course=name, how="done")
    late(data_dir, "2026-01-25", "forehead")
    assert counted(data_dir, name) == 1


# --- what cannot be read when a session opens -------------------------------------------------------------------------


def prepared(data_dir: Path, name: str | None, *, code: str = CLIENT, now: Json = NOW) -> tuple[Json, Json, Prepared]:
    """Clinic, limits and all of what is prepared for a session that opens now."""
    desk = Desk(plan=load_plan("face-pigment"), client_code=code, practitioner="km", visit=name)
    with Evidence(data_dir / FILE) as evidence:
        all_of_it = desk.prepare(evidence, replace(_PEN, mode="demo"), now, KM)
    documents = all_of_it.documents
    return parse_canonical(documents["clinic"]), parse_canonical(documents["limits"]), all_of_it


def joined(data_dir: Path, all_of_it: Prepared, stream: str) -> Json:
    """What is entered with the opening."""
    entered = all_of_it.entered
    assert entered is not None
    with alone(data_dir) as access:
        access.append(lambda transaction: entered(transaction, stream))
    body: Json = entries(data_dir, "visit.joined")[-1].body
    return body


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("visit_named", ["overrides", "visit_done"]),
        ("plan_of", ["plan"]),
        ("limits_document", ["limits"]),
        ("course_named", ["acknowledged", "course_done"]),
        ("treated_before", ["before", "course_done"]),
        ("people_of", ["practitioner"]),
        ("suitability_now", ["client"]),
        ("consents_of", ["consents"]),
        ("anaesthetic_of", ["anaesthetic"]),
        ("topicals_of", ["topicals"]),
        ("cartridges_of", ["cartridges"]),
        ("visit_done", ["visit_done"]),
        ("_with_reasons", ["reasons"]),
    ],
)
def test_a_part_that_cannot_be_read_is_named_and_the_session_is_a_part_of_its_visit(
    data_dir: Path, part: str, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    course(data_dir)
    name = visit(data_dir)
    whole, limits, _ = prepared(data_dir, name)

    def damaged(*_given: object, **_named: object) -> None:
        raise EvidenceDamaged("the file was changed")

    monkeypatch.setattr(f"devicelog.desk.opening.{part}", damaged)
    told, shipped, all_of_it = prepared(data_dir, name)
    assert told["unread"] == keys
    assert all_of_it.unread is not None
    assert "the file was changed" in all_of_it.unread
    assert "unread" not in whole
    assert told["checks"] == whole["checks"] != []
    assert shipped == limits
    assert read_clinic(told) == told
    assert joined(data_dir, all_of_it, SECOND)["visit"] == name


def test_a_damaged_answer_leaves_all_else_as_it_was_known(data_dir: Path) -> None:
    name = visit(data_dir)
    answers = {question.id: False for question in load_questionnaire().asked}
    do(data_dir, "screening.answer", client=CLIENT, answers=answers)
    do(data_dir, "consent.record", visit=name, what="treatment", signed=["client"])
    [entry] = entries(data_dir, "screening.answered")
    digest = bytes.fromhex(entry.body["documents"]["questionnaire"])
    spoil(data_dir / FILE, ("UPDATE document SET bytes = x'7b7d' WHERE sha256 = ?", (digest,)))
    told, limits, all_of_it = prepared(data_dir, name, now={**NOW, "clock": "unknown"})  # of the day nobody is sure
    assert (told["unread"], told["client"]["result"]) == (["client"], "not recorded")
    assert [row["what"] for row in told["consents"]] == ["treatment"]
    assert any(row["hard_max_um"] for row in limits["zones"])
    assert joined(data_dir, all_of_it, SECOND)["visit"] == name


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (None, None),
        ({}, None),
        ({"interval_min_days": 20}, (20, None)),
        ({"interval_min_days": 20, "interval_max_days": 40}, (20, 40)),
    ],
    ids=["no course", "a course that says none", "a least one", "both"],
)
def test_the_intended_interval_is_the_courses_else_the_plans(
    data_dir: Path, said: Json | None, wanted: tuple[int, int | None] | None
) -> None:
    if said is not None:
        course(data_dir, **said)
    plan = load_plan("face-pigment")
    told = prepared(data_dir, visit(data_dir))[0]
    intended = wanted or (plan.interval_min_days, plan.interval_max_days)
    assert (told["interval_min_days"], told["interval_max_days"]) == intended


# --- how much is read -------------------------------------------------------------------------------------------------


def test_damage_of_what_is_of_another_client_stops_nothing(data_dir: Path) -> None:
    """Nothing of it is read: what is asked is asked of one visit, one course, one client."""
    other = visit(data_dir, "P-2")
    do(data_dir, "course.open", client="P-2", indication="scars")
    late(data_dir, "2026-01-01", "nose", client="P-2")
    others = entries(data_dir, "visit.opened", "course.opened", "session.entered")
    name = course(data_dir)
    sitting = visit(data_dir)
    for entry in others:
        change = f"UPDATE ledger_entry SET bytes = CAST(bytes || ' ' AS BLOB) WHERE seq = {entry.seq}"
        spoil(data_dir / FILE, change)
    with Evidence(data_dir / FILE) as evidence:
        with pytest.raises(EvidenceDamaged):
            visit_named(evidence, other)
        found = visit_named(evidence, sitting)
        assert [each.id for each in open_visits(evidence, found.client_ref)] == [sitting]
        assert last_plan(evidence, found.client_ref).id == "face-pigment"
    assert clinic(data_dir, sitting)["course"] == name
    assert counted(data_dir, name) == 0


# --- the page ---------------------------------------------------------------------------------------------------------


def test_every_command_of_the_page_can_be_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "visits.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) == 13
    names: dict[str, str] = {}
    for line in lines:
        words = [names.get(word, word) for word in shlex.split(line)[1:]]
        assert run([*words, "--data-dir", str(tmp_path / "data")]) == 0, line
        said = capsys.readouterr().out
        for letter, what in (("k", "COURSE"), ("v", "VISIT"), ("s", "PAPER")):
            if found := re.search(rf"\b{letter}-[0-9a-z]{{10}}\b", said):
                names.setdefault(what, found[0])
