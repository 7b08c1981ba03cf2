"""Who may do what: every cell of the table of docs/people.md, and what holds of all of them."""

import pytest

from devicelog.clinic.roles import (
    ACTIONS,
    ALLOWED,
    ROLES,
    SAYS,
    SIGNING,
    UNREGISTERED,
    UNTIL_ADMIN,
    WANTS_PIN,
    WITHOUT_A_LIST,
    Action,
    Role,
    may,
    wants_pin,
    who_may,
)
from tests.pages import cells

HEADING = "## Who may do what"
TABLE = {row[0].split(":")[0]: dict(zip((*ROLES, "PIN"), row[1:], strict=True)) for row in cells("people.md", HEADING)}
CELLS = [(role, action) for action in ACTIONS for role in ROLES]


def test_the_page_has_every_action_once_in_order() -> None:
    assert [row[0] for row in cells("people.md", HEADING)] == [f"{action}: {SAYS[action]}" for action in ACTIONS]
    assert ALLOWED.keys() == SAYS.keys() == set(ACTIONS)


@pytest.mark.requirement("R09")
@pytest.mark.parametrize(("role", "action"), CELLS, ids=[f"{role}-{action}" for role, action in CELLS])
def test_a_cell(role: Role, action: Action) -> None:
    assert TABLE[action][role] == ("yes" if may(role, action) else "-")


@pytest.mark.parametrize("action", ACTIONS)
def test_which_acts_want_a_pin(action: Action) -> None:
    assert TABLE[action]["PIN"] == ("yes" if wants_pin(action) else "-")


@pytest.mark.requirement("R09")
def test_an_admin_signs_no_clinical_record_and_an_auditor_only_reads() -> None:
    assert not [meaning for meaning, action in SIGNING.items() if may("admin", action)]
    assert {action for action in ACTIONS if may("auditor", action)} == {"record", "read", "verify", "export", "pin.own"}


def test_recording_is_everybodys_and_never_wants_a_pin() -> None:
    assert all(may(role, "record") for role in (*ROLES, "a role of a later version"))
    assert "record" not in WANTS_PIN


def test_an_unknown_role_may_what_everybody_may() -> None:
    assert {action for action in ACTIONS if may("sorcerer", action)} == {"record", "read", "verify", "export"}


@pytest.mark.parametrize("action", sorted(WANTS_PIN))
def test_nobody_does_with_a_pin_what_has_none(action: Action) -> None:
    assert not may(UNREGISTERED, action)


@pytest.mark.requirement("R09")
def test_once_there_is_an_admin_an_id_that_nobody_registered_records_reads_verifies_and_exports() -> None:
    assert {action for action in ACTIONS if may(UNREGISTERED, action)} == {"record", "read", "verify", "export"}


@pytest.mark.parametrize("action", ACTIONS)
def test_while_there_is_no_admin_the_first_can_be_made_and_the_clinic_works_as_without_a_list(action: Action) -> None:
    easier = may(UNREGISTERED, action, has_admin=False) and not may(UNREGISTERED, action)
    assert easier == (action in UNTIL_ADMIN | WITHOUT_A_LIST)
    assert may(UNREGISTERED, action, has_admin=False) == (
        action in UNTIL_ADMIN or (may("practitioner", action) and action not in WANTS_PIN)
    )
    assert may("auditor", action, has_admin=False) == (may("auditor", action) or action in UNTIL_ADMIN)
    assert wants_pin(action, has_admin=False) == (action in WANTS_PIN - UNTIL_ADMIN)


def test_who_may_is_said_in_words() -> None:
    assert who_may("people") == "an admin"
    assert who_may("sign.performed") == "a practitioner or a reviewer"
