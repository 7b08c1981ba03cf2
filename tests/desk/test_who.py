"""Who does something: the table of roles as it is enforced, and PINs that are wrong, locked, expired or gone."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.clinic.people import FREE_GUESSES
from devicelog.clinic.roles import ACTIONS, ALLOWED, ROLES, Action, Role, wants_pin
from devicelog.control import ControlServer, ask
from devicelog.desk import who
from devicelog.desk.acts import DESK_ACTS
from devicelog.desk.pins import set_pin_at_keyboard
from devicelog.desk.who import WrongPin, actor_of
from devicelog.errors import DevicelogError, NotAllowed, UsageProblem
from devicelog.recorder.access import alone
from devicelog.recorder.acts import Acting
from devicelog.recorder.marking import refusal
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from tests.databases import FIRST, report, spoil
from tests.desk.staff import PINS, ROLE_OF, WRONG, do, entries

ID_OF = {**{role: person for person, role in ROLE_OF.items()}, "unregistered": "NOBODY-7"}
CELLS = [(role, action) for action in ACTIONS for role in ROLES]


@dataclass
class Clock:
    """A clock that a test sets."""

    boot: str = "boot-1"
    us: int = 10**12
    at: str = "2031-01-01T00:00:00.000Z"
    clock: str = "synced"

    def now_us(self) -> int:
        return self.us

    def stamp(self) -> Json:
        return {"at": self.at, "mono_us": self.us, "boot": self.boot, "clock": self.clock}


@pytest.mark.requirement("R09")
@pytest.mark.parametrize(("role", "action"), CELLS, ids=[f"{role}-{action}" for role, action in CELLS])
def test_every_cell_is_enforced(role: Role, action: Action, kept_clinic: Path) -> None:
    person = ID_OF[role]
    request: Json = {"by": person, "pin": PINS.get(person)}
    with Evidence(kept_clinic / FILE_NAME) as evidence:
        if role not in ALLOWED[action]:
            with pytest.raises(NotAllowed, match=person):
                actor_of(evidence, request, action)
            return
        actor = actor_of(evidence, request, action)
        assert (actor.id, actor.role) == (person, role)
        assert actor.auth == ("none" if role == "unregistered" else "pin")
        if wants_pin(action):
            with pytest.raises(UsageProblem, match="wants the PIN"):
                actor_of(evidence, {"by": person}, action)
        else:
            assert actor_of(evidence, {"by": person}, action).auth == "none"


@pytest.mark.parametrize("by", [None, 7, "", "two words", "recorder"])
def test_whoever_does_it_is_named(by: object, kept_clinic: Path) -> None:
    with Evidence(kept_clinic / FILE_NAME) as evidence, pytest.raises(UsageProblem):
        actor_of(evidence, {"by": by}, "desk")


def test_an_id_is_the_same_in_capitals_or_not(kept_clinic: Path) -> None:
    with Evidence(kept_clinic / FILE_NAME) as evidence:
        assert actor_of(evidence, {"by": "km"}, "desk").id == "KM"


# --- wrong PINs -------------------------------------------------------------------------------------------------------


def guess(data_dir: Path, pin: str = WRONG) -> str:
    """Try to sign with this PIN; returns why not."""
    with pytest.raises(NotAllowed) as refused:
        do(data_dir, "session.sign", session=FIRST, meaning="performed", by="KM", pin=pin)
    return str(refused.value)


@pytest.mark.requirement("R18")
def test_pin_guesses_are_entered_and_the_fifth_locks_even_for_the_right_pin(clinic: Path) -> None:
    for number in range(1, FREE_GUESSES + 2):
        assert f"{number} wrong" in guess(clinic)
    refused = entries(clinic, "pin.refused")
    assert [entry.body["told"] for entry in refused] == [
        {"person": "KM", "failures": n, "locked_s": 60 if n == 5 else 0} for n in range(1, 6)
    ]
    for pin in (PINS["KM"], WRONG):
        assert "nothing was tried" in guess(clinic, pin)
    assert entries(clinic)[-1].seq == refused[-1].seq
    assert report(clinic / FILE_NAME).problems == []


@pytest.mark.requirement("R18")
def test_a_lock_runs_out_by_the_monotonic_clock_and_a_start_of_the_computer_begins_it_anew(clinic: Path) -> None:
    for _ in range(5):
        guess(clinic)
    last = entries(clinic, "pin.refused")[-1].values
    request = {"by": "KM", "pin": PINS["KM"]}
    here, second = last["mono_us"], 1_000_000
    with Evidence(clinic / FILE_NAME) as evidence:
        for clock in (
            Clock(boot=last["boot"], us=here + 60 * second - 1),
            Clock(boot="another", us=60 * second - 1, at="2099-01-01T00:00:00.000Z"),
        ):
            with pytest.raises(NotAllowed, match="1 s more"):
                actor_of(evidence, request, "sign.performed", clock)
        for clock in (Clock(boot=last["boot"], us=here + 60 * second), Clock(boot="another", us=60 * second)):
            assert actor_of(evidence, request, "sign.performed", clock).auth == "pin"
            with pytest.raises(WrongPin) as sixth:
                actor_of(evidence, {**request, "pin": WRONG}, "sign.performed", clock)
            assert (sixth.value.failures, sixth.value.lock_s) == (6, 120)


@pytest.mark.requirement("R18")
def test_a_pin_that_fits_ends_the_count_and_the_signature_says_it(clinic: Path) -> None:
    guess(clinic)
    guess(clinic)
    done = do(clinic, "session.sign", session=FIRST, meaning="performed", by="KM", pin=PINS["KM"])
    assert done["failures"] == 2
    assert "1 wrong in a row" in guess(clinic)


def test_one_person_s_wrong_pins_lock_nobody_else(clinic: Path) -> None:
    for _ in range(5):
        guess(clinic)
    assert do(clinic, "session.sign", session=FIRST, meaning="reviewed", by="RV", pin=PINS["RV"])["failures"] == 0


@pytest.mark.requirement("R18")
def test_a_guesser_with_many_hands_on_the_recorder_s_socket_is_counted_as_well(clinic: Path) -> None:
    request = {"do": "session.sign", "session": FIRST, "meaning": "performed", "by": "KM"}
    replies: list[Json] = []
    with alone(clinic) as access:
        acting = Acting(access, DESK_ACTS)

        def answer(asked: Json) -> Json:
            try:
                return acting.act(asked)
            except DevicelogError as error:
                return refusal(str(error), error.exit_code)

        def hand(pin: str) -> None:
            replies.append(ask(clinic, {**request, "pin": pin}))

        with ControlServer(clinic, answer) as control:
            assert control.path == clinic / "control.sock"
            hands = [threading.Thread(target=hand, args=(f"59283{n}",)) for n in range(10)]
            for each in hands:
                each.start()
            for each in hands:
                each.join(60)
    assert len(replies) == 10
    assert not [reply for reply in replies if reply["ok"]]
    told = [entry.body["told"] for entry in entries(clinic, "pin.refused")]
    assert [each["failures"] for each in told] == [1, 2, 3, 4, 5]
    assert sum("nothing was tried" in reply["error"] for reply in replies) == 5


def test_no_pin_stands_in_the_ledger_or_in_what_is_said(clinic: Path) -> None:
    said = guess(clinic) + guess(clinic, "628405")
    data = b"".join(entry.data for entry in entries(clinic))
    for pin in (*PINS.values(), WRONG):
        assert pin.encode() not in data
        assert pin not in said
    assert all(pin.encode() not in (clinic / FILE_NAME).read_bytes() for pin in (*PINS.values(), WRONG))


# --- PINs that hold no more -------------------------------------------------------------------------------------------


@pytest.mark.requirement("R19")
def test_a_pin_that_expired_signs_nothing_and_sets_a_new_one(clinic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(who, "RecorderClock", lambda: Clock(at="2099-01-01T00:00:00.000Z"))
    assert "expired after" in guess(clinic, PINS["KM"])
    assert entries(clinic, "pin.refused") == []
    done = do(clinic, "pin.set", person="KM", by="KM", pin=PINS["KM"], new_pin="204815")
    assert done["how"] == "own"


@pytest.mark.requirement("R19")
def test_a_clock_that_is_not_sure_and_behind_makes_no_pin_last_longer(kept_clinic: Path) -> None:
    with Evidence(kept_clinic / FILE_NAME) as evidence:
        behind = Clock(at="1970-01-01T00:00:00.000Z", clock="unknown")
        assert who.today(evidence, behind) >= "2031-01-01"  # of the recording, whose clock was sure
        assert who.today(evidence, Clock(at="2030-01-01T00:00:00.000Z")) == "2030-01-01"


@pytest.mark.requirement("R19")
def test_an_admin_revokes_a_pin_by_setting_another_and_that_ends_a_lock(clinic: Path) -> None:
    for _ in range(5):
        guess(clinic)
    done = do(clinic, "pin.set", person="KM", by="AD", pin=PINS["AD"], new_pin="204815")
    assert (done["how"], done["by"], done["auth"]) == ("reset", "AD", "pin")
    assert "1 wrong in a row" in guess(clinic, PINS["KM"])
    do(clinic, "pin.set", person="KM", by="KM", pin="204815", new_pin="628194")
    assert do(clinic, "session.sign", session=FIRST, meaning="performed", by="KM", pin="628194")["ok"]


@pytest.mark.requirement("R19")
@pytest.mark.parametrize("how", ["first", "reset", "keyboard"])
def test_a_pin_that_somebody_else_set_signs_nothing_until_its_person_has_set_her_own(how: str, clinic: Path) -> None:
    signing: Json = {"session": FIRST, "meaning": "performed", "by": "KM", "pin": "204815"}
    admin: Json = {"by": "AD", "pin": PINS["AD"]}
    if how == "keyboard":
        with alone(clinic) as access:  # as KM, who is there: whoever sat there, nobody checked
            done = set_pin_at_keyboard(access, {"person": "KM", "by": "KM", "new_pin": "204815"})
    elif how == "first":
        signing["by"] = "K2"
        do(clinic, "people.add", person="K2", role="practitioner", name="Kurt Zwei", **admin)
        done = do(clinic, "pin.set", person="K2", new_pin="204815", **admin)
    else:
        done = do(clinic, "pin.set", person="KM", new_pin="204815", **admin)
    assert (done["how"], done["own"]) == (how, False)
    with pytest.raises(NotAllowed, match=rf"was set .*signs nothing.*`practitioners pin {signing['by']}`"):
        do(clinic, "session.sign", **signing)
    assert entries(clinic, "session.signed", "stream.sealed", "pin.refused") == []
    do(clinic, "pin.set", person=signing["by"], by=signing["by"], pin="204815", new_pin="628194")
    assert do(clinic, "session.sign", **{**signing, "pin": "628194"})["ok"]


@pytest.mark.requirement("R19")
def test_whoever_sits_at_the_keyboard_sets_a_pin_and_the_entry_says_how(clinic: Path) -> None:
    with alone(clinic) as access:
        set_pin_at_keyboard(access, {"person": "AD", "by": "AD", "new_pin": "204815"})
    entry = entries(clinic)[-1]
    assert (entry.type, entry.body["told"]["how"], entry.values["actor"]["auth"]) == ("pin.set", "keyboard", "none")
    assert do(clinic, "people.retire", person="AU", by="AD", pin="204815", reason="left")["ok"]


def test_no_recorder_sets_a_pin_for_whoever_says_to_be_at_the_keyboard(clinic: Path) -> None:
    assert not [name for name in DESK_ACTS if "keyboard" in name]
    with pytest.raises(UsageProblem, match="wants the PIN"):
        do(clinic, "pin.set", person="KM", by="KM", new_pin="204815", at_keyboard=True)


@pytest.mark.parametrize(
    ("by", "pin", "new", "words"),
    [
        ("KM", PINS["KM"], "123456", "soon guessed"),
        ("KM", PINS["KM"], PINS["KM"], "the PIN that KM has"),
        ("KM", PINS["KM"], None, "typed on a terminal"),
        ("KM", None, "204815", "wants the PIN"),
        ("RV", PINS["RV"], "204815", "for an admin"),
        ("NOBODY-7", None, "204815", "not registered"),
    ],
)
def test_a_pin_that_is_not_set(by: str, pin: str | None, new: str | None, words: str, clinic: Path) -> None:
    before = entries(clinic)[-1].seq
    with pytest.raises((UsageProblem, NotAllowed), match=words):
        do(clinic, "pin.set", person="KM", by=by, pin=pin, new_pin=new)
    assert entries(clinic)[-1].seq == before


@pytest.mark.requirement("R18")
@pytest.mark.parametrize(
    ("by", "pin", "counts"),
    [("nobody", None, None), ("KM", PINS["KM"], None), ("AU", None, None), ("AD", WRONG, "AD"), ("RV", WRONG, "RV")],
)
def test_a_new_pin_tells_nobody_which_one_there_is(by: str, pin: str | None, counts: str | None, clinic: Path) -> None:
    said = set()
    for new in (PINS["RV"], "204815"):
        with pytest.raises((UsageProblem, NotAllowed)) as refused:
            do(clinic, "pin.set", person="RV", by=by, pin=pin, new_pin=new)
        said.add(re.sub(r"\d", "N", str(refused.value)))
    assert len(said) == 1, said
    assert [each.body["told"]["person"] for each in entries(clinic, "pin.refused")] == [counts] * 2 * bool(counts)


@pytest.mark.requirement("R18")
def test_an_admin_and_the_keyboard_may_set_the_pin_that_was_there_and_are_not_told_so(clinic: Path) -> None:
    done = do(clinic, "pin.set", person="RV", by="AD", pin=PINS["AD"], new_pin=PINS["RV"])
    assert done["how"] == "reset"
    with alone(clinic) as access:
        assert set_pin_at_keyboard(access, {"person": "RV", "by": "AD", "new_pin": PINS["RV"]})["how"] == "keyboard"


def test_a_pin_whose_hash_is_gone_or_was_put_back_is_not_believed(clinic: Path) -> None:
    spoil(clinic / FILE_NAME, ("DELETE FROM pin WHERE person = ?", ("KM",)))
    assert "no PIN that could be checked" in guess(clinic, PINS["KM"])
    assert "no PIN" not in guess_of(clinic, "RV", WRONG)
    spoil(clinic / FILE_NAME, ("UPDATE pin SET seq = seq - 1 WHERE person = ?", ("RV",)))
    assert "no PIN that could be checked" in guess_of(clinic, "RV", PINS["RV"])
    assert any("the PIN of 'RV'" in problem for problem in report(clinic / FILE_NAME).problems)


def guess_of(data_dir: Path, person: str, pin: str) -> str:
    with pytest.raises(NotAllowed) as refused:
        do(data_dir, "session.sign", session=FIRST, meaning="reviewed", by=person, pin=pin)
    return str(refused.value)
