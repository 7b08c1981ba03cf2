"""People: the first admin, ids that are one person's for good, roles that change, people who leave."""

from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.clinical.data import load_plan
from devicelog.desk.people import history_of, people_told
from devicelog.desk.who import people_of
from devicelog.errors import BadTransition, NotAllowed, NotFound, UsageProblem
from devicelog.recorder.attributing import attribute_here, parse_attribution
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from tests.databases import FIRST, make_database, report
from tests.desk.staff import NAMES, PINS, do, entries

ADMIN: Json = {"by": "AD", "pin": PINS["AD"]}


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A clinic without people."""
    make_database(tmp_path / "data")
    return tmp_path / "data"


def test_the_first_to_be_added_is_an_admin_and_the_entry_says_that_nobody_checked(empty: Path) -> None:
    with pytest.raises(BadTransition, match="the first one to add is an admin"):
        do(empty, "people.add", person="KM", role="practitioner", name="Karin Muster")
    do(empty, "people.add", person="AD", role="admin", name="Ada Minster")
    (entry,) = entries(empty, "person.added")
    assert entry.values["actor"] == {"id": "AD", "role": "unregistered", "auth": "none"}
    with pytest.raises(NotAllowed, match="not registered"):
        do(empty, "people.add", person="EVE", role="admin", name="Eve", by="EVE")
    with pytest.raises(UsageProblem, match="wants the PIN of AD"):
        do(empty, "people.add", person="KM", role="practitioner", name="Karin Muster", by="AD")


def test_only_the_first_admin_sets_a_first_pin_alone(empty: Path) -> None:
    do(empty, "people.add", person="AD", role="admin", name="Ada Minster")
    assert do(empty, "pin.set", person="AD", by="AD", new_pin=PINS["AD"])["how"] == "first"
    do(empty, "people.add", person="A2", role="admin", name="Anna Zwei", **ADMIN)
    with pytest.raises(NotAllowed, match=r"together with an admin.*--by AD"):
        do(empty, "pin.set", person="A2", by="A2", new_pin="204815")
    done = do(empty, "pin.set", person="A2", new_pin="204815", **ADMIN)
    assert (done["how"], done["by"], done["auth"]) == ("first", "AD", "pin")


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("again", ["KM", "km", "Km"])
def test_an_id_is_never_given_to_another_person(again: str, clinic: Path) -> None:
    for retired in (False, True):
        if retired:
            do(clinic, "people.retire", person="KM", reason="left", **ADMIN)
        with pytest.raises(BadTransition, match=r"the id .* is taken by KM"):
            do(clinic, "people.add", person=again, role="practitioner", name="Kurt Meier", **ADMIN)
    assert len(entries(clinic, "person.added")) == len(PINS)


@pytest.mark.requirement("R17")
def test_a_retired_person_does_nothing_any_more_and_an_old_signature_stays(signed: Path) -> None:
    do(signed, "people.retire", person="km", reason="left", **ADMIN)
    for what, more in (
        ("session.sign", {"session": FIRST, "meaning": "reviewed", "pin": PINS["KM"]}),
        ("session.amend", {"session": FIRST, "field": "note", "value": "x", "reason": "left out"}),
    ):
        with pytest.raises(NotAllowed, match="KM was retired"):
            do(signed, what, by="KM", **more)
    with pytest.raises(BadTransition, match="retired"):
        do(signed, "pin.set", person="KM", new_pin="204815", **ADMIN)
    with pytest.raises(BadTransition, match="the end of an id"):
        do(signed, "people.retire", person="KM", reason="again", **ADMIN)
    assert report(signed / FILE_NAME).problems == []


def test_a_changed_role_holds_from_then_on_and_leaves_the_rest(clinic: Path) -> None:
    do(clinic, "people.change", person="KM", role="reviewer", reason="promoted", **ADMIN)
    do(clinic, "people.change", person="KM", authority_um=1_500, reason="course passed", **ADMIN)
    do(clinic, "people.change", person="KM", name="Karin Muster-Vogt", reason="married", **ADMIN)
    with Evidence(clinic / FILE_NAME) as evidence:
        known = people_of(evidence).get("km")
        told = next(each for each in people_told(evidence) if each["person"] == "KM")
    assert known is not None
    assert (known.role, known.authority_um, told["name"]) == ("reviewer", 1_500, "Karin Muster-Vogt")
    assert known.pin is not None
    with pytest.raises(UsageProblem, match="nothing to change"):
        do(clinic, "people.change", person="KM", role="reviewer", reason="again", **ADMIN)


@pytest.mark.parametrize(
    ("what", "more"),
    [("people.retire", {}), ("people.change", {"role": "practitioner"})],
)
def test_the_last_admin_stays_one(what: str, more: Json, clinic: Path) -> None:
    with pytest.raises(BadTransition, match="the only admin"):
        do(clinic, what, person="AD", reason="tired of it", **more, **ADMIN)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"role": "practicioner"}, "did you mean.*practitioner|practitioner"),
        ({"role": "unregistered"}, "no role"),
        ({"name": " "}, "the name is empty"),
        ({"name": "x" * 121}, "121 characters"),
        ({"name": None}, "printed name"),
        ({"authority_um": 0}, "an authority is a depth"),
        ({"authority_um": 20_001}, "an authority is a depth"),
        ({"authority_um": 1.5}, "an authority is a depth"),
        ({"person": "Karin Muster"}, "is not an id"),
        ({"person": "recorder"}, "choose another id"),
    ],
)
def test_a_person_who_is_not_added(request_: Json, words: str, clinic: Path) -> None:
    before = entries(clinic)[-1].seq
    with pytest.raises(UsageProblem, match=words):
        do(clinic, "people.add", **{"person": "NEW", "role": "practitioner", "name": "N", **ADMIN, **request_})
    assert entries(clinic)[-1].seq == before


@pytest.mark.requirement("R04")
@pytest.mark.parametrize("reason", [" ", "", None])
def test_nobody_is_changed_or_retired_without_a_reason(reason: str | None, clinic: Path) -> None:
    for what, more in (("people.retire", {}), ("people.change", {"role": "reviewer"})):
        with pytest.raises(UsageProblem, match="reason"):
            do(clinic, what, person="KM", reason=reason, **more, **ADMIN)


def test_an_unknown_person_is_said_with_a_suggestion(clinic: Path) -> None:
    with pytest.raises(NotFound, match="KM"):
        do(clinic, "people.retire", person="KMM", reason="left", **ADMIN)


@pytest.mark.requirement("R27")
def test_printed_names_are_in_no_entry(signed: Path) -> None:
    data = b"".join(entry.data for entry in entries(signed))
    assert not [name for name in NAMES.values() if name.encode() in data]


def test_the_history_of_a_person_has_everything_that_was_done_about_them(signed: Path) -> None:
    with Evidence(signed / FILE_NAME) as evidence:
        history = [(row["type"], row["by"]) for row in history_of(evidence, "KM")]
    assert history == [("person.added", "AD"), ("pin.set", "AD"), ("pin.set", "KM"), ("session.signed", "KM")]


def test_an_id_that_was_used_before_anybody_was_registered_is_said(clinic: Path) -> None:
    assert do(clinic, "people.add", person="P-07", role="practitioner", name="P", **ADMIN)["used_before"] == 2


# --- what was there before the list -----------------------------------------------------------------------------------


def older(by: str) -> dict[str, Json]:
    """The acts that are older than the list, as this person asks for them."""
    return {
        "retention": {"days": 0, "practitioner": by, "reason": "law of the place"},
        "erase": {"client": "c-0000000000000000", "practitioner": by, "reason": "asked for"},
    }


@pytest.mark.requirement("R09")
@pytest.mark.parametrize("what", ["retention", "erase"])
def test_an_auditor_erases_nothing_and_sets_no_retention(what: str, clinic: Path) -> None:
    with pytest.raises(NotAllowed, match="AU is registered as auditor"):
        do(clinic, what, **older("au")[what])


@pytest.mark.requirement("R09")
@pytest.mark.parametrize("by", ["AU", "AD"])
def test_neither_an_auditor_nor_an_admin_corrects_a_session(by: str, clinic: Path) -> None:
    asked = {"session": FIRST, "practitioner": by, "reason": "mistaken", "moves": [], "client": "K-2000"}
    with pytest.raises(NotAllowed, match="correct a session's zones or client is for"):
        attribute_here(clinic, parse_attribution(asked, {"forehead"}))
    assert entries(clinic, "session.attributed") == []


@pytest.mark.requirement("R09")
def test_once_there_is_an_admin_an_unused_id_is_no_way_around_the_roles(clinic: Path) -> None:
    before = entries(clinic)[-1].seq
    for what, asked in older("p-07").items():
        with pytest.raises(NotAllowed, match=r"p-07 is not registered.*practitioners add"):
            do(clinic, what, **asked)
    asked = {"session": FIRST, "practitioner": "p-07", "reason": "mistaken", "moves": [], "client": "K-2000"}
    with pytest.raises(NotAllowed, match="p-07 is not registered"):
        attribute_here(clinic, parse_attribution(asked, {"forehead"}))
    with pytest.raises(NotAllowed, match="p-07 is not registered"):
        do(
            clinic,
            "visit.open",
            client="K-2000",
            practitioner="p-07",
            by="p-07",
            plan=load_plan("full-face").document(),
        )
    assert entries(clinic)[-1].seq == before


def test_the_role_that_is_registered_stands_in_the_entry_and_without_a_list_it_is_as_before(
    clinic: Path, tmp_path: Path
) -> None:
    for data_dir, by, actor in (
        (clinic, "rv", {"id": "RV", "role": "reviewer", "auth": "none"}),
        (tmp_path / "empty", "p-07", {"id": "p-07", "role": "practitioner", "auth": "none"}),
    ):
        if not data_dir.exists():
            make_database(data_dir)
        do(data_dir, "retention", **older(by)["retention"])
        assert entries(data_dir, "retention.set")[-1].values["actor"] == actor
