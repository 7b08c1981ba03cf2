"""Who does something at the desk: whether the role may, and whether the PIN fits. Every wrong PIN is an entry.

`actor_of` is for an act at the desk; a recording never asks for a PIN. Not responsible for what a role may
(clinic/roles.py), nor for setting PINs (pins.py).
"""

from typing import Protocol

from devicelog.canonical import Json
from devicelog.clinic import people as rules
from devicelog.clinic.people import People, Person
from devicelog.clinic.roles import SAYS, SIGNING, UNREGISTERED, Action, may, refused, wants_pin
from devicelog.desk.entering import enter
from devicelog.desk.hashing import fits
from devicelog.errors import NotAllowed, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_practitioner
from devicelog.store.clients import SURE
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_sure
from devicelog.store.matters import matters, of_type
from devicelog.store.pins import acted_with_pin, pin_kept


class Now(Protocol):
    """What is asked of a clock: it is given, so that a test can set it."""

    boot: str

    def now_us(self) -> int:
        """Monotonic microseconds."""

    def stamp(self) -> Json:
        """`at`, `mono_us`, `boot` and `clock` of now."""


class WrongPin(NotAllowed):
    """A PIN that does not fit. Whoever catches it enters it (`counted`)."""

    def __init__(self, person: str, role: str, failures: int) -> None:
        lock = rules.lock_s(failures)
        locked = f" It is locked for {lock} s now." if lock else ""
        in_a_row = f"{failures} wrong in a row; {rules.FREE_GUESSES + 1} lock it." if not lock else f"{failures} wrong."
        super().__init__(f"this is not the PIN of {person}: {in_a_row}{locked} Every wrong PIN is in the ledger.")
        self.person, self.role, self.failures, self.lock_s = person, role, failures, lock


def people_of(evidence: Evidence) -> People:
    """Everybody who ever was registered. Raises EvidenceDamaged."""
    return People.of(of_type(evidence, *rules.ENTRIES))


def actor_of(evidence: Evidence, request: Json, action: Action, clock: Now | None = None) -> Actor:
    """Who does this, from `by` and, where it is wanted or given, `pin` of a request.

    Raises UsageProblem, NotAllowed (WrongPin among them, which has to be entered), EvidenceDamaged.
    """
    by = request.get("by")
    if not isinstance(by, str):
        raise UsageProblem("whoever does this is named: --by ID")
    check_practitioner(by)
    people = people_of(evidence)
    person, has_admin = people.get(by), people.has_admin()
    if person is not None and person.retired is not None and action != "record":
        raise NotAllowed(
            f"{person.id} was retired (ledger entry {person.retired}) and does nothing at the desk any more: name "
            "somebody who works here"
        )
    who, role = (person.id if person else by), people.role_of(by)
    if not may(role, action, has_admin=has_admin):
        raise NotAllowed(refused(who, role, action, has_admin=has_admin))
    pin = request.get("pin")
    if person is None or role == UNREGISTERED or (pin is None and not wants_pin(action, has_admin=has_admin)):
        return Actor(id=who, role=role)
    if not isinstance(pin, str):
        raise UsageProblem(
            f"to {SAYS[action]} wants the PIN of {who}: type it when asked, or hand it in by --pin-stdin"
        )
    signs = action in SIGNING.values()
    check_pin(evidence, person, pin, clock or RecorderClock(), also_expired=action == "pin.own", own=signs)
    return Actor(id=who, role=role, auth="pin")


# --- PINs -------------------------------------------------------------------------------------------------------------


def wrong_in_a_row(evidence: Evidence, person: Person) -> Entry | None:
    """The newest wrong PIN of this person, where none that fits and no new one came since."""
    refused = matters(evidence, person.id, "pin.refused")
    if not refused or (person.pin is not None and person.pin.seq > refused[-1].seq):
        return None
    return None if acted_with_pin(evidence, person.id, refused[-1].seq) else refused[-1]


def failures_of(refused: Entry | None) -> int:
    """How many wrong PINs in a row that is."""
    return 0 if refused is None else int(refused.body["told"]["failures"])


def check_pin(
    evidence: Evidence, person: Person, pin: str, clock: Now, *, also_expired: bool = False, own: bool = False
) -> None:
    """Whether this is the PIN of this person. `also_expired`: one that has expired will do; `own`: only one will do
    that its person set.

    Raises WrongPin; NotAllowed while it is locked (nothing is tried then), where it expired, is not her own, or there
    is none.
    """
    refused = wrong_in_a_row(evidence, person)
    if left_us := rules.locked_us(refused, boot=clock.boot, now_us=clock.now_us()):
        raise NotAllowed(
            f"the PIN of {person.id} is locked for {-(-left_us // 1_000_000)} s more after {failures_of(refused)} "
            "wrong ones; nothing was tried. Wait, or let an admin set a new one: `practitioners pin`"
        )
    kept = pin_kept(evidence, person.id)
    if person.pin is None or kept is None or kept[1] != person.pin.seq:
        raise NotAllowed(
            f"{person.id} has no PIN that could be checked here: it is set with `practitioners pin {person.id}`, by an "
            "admin or at the keyboard of this device"
        )
    if not fits(kept[0], pin):
        raise WrongPin(person.id, person.role, failures_of(refused) + 1)
    if not also_expired and person.pin.expired(today(evidence, clock)):
        raise NotAllowed(
            f"the PIN of {person.id} expired after {person.pin.expires}: set a new one with "
            f"`practitioners pin {person.id}`"
        )
    if own and not person.pin.own:
        where = "at the keyboard of this device" if person.pin.how == "keyboard" else f"by {person.pin.by}"
        raise NotAllowed(
            f"the PIN of {person.id} was set {where} (ledger entry {person.pin.seq}), and signs nothing: who signs has "
            f"set it herself. Set one of your own with this one: `practitioners pin {person.id}`"
        )


def today(evidence: Evidence, clock: Now) -> str:
    """The day (UTC, YYYY-MM-DD); where the clock is not sure, not before that of the newest entry whose was."""
    stamp = clock.stamp()
    day = str(stamp["at"])[:10]
    sure = None if stamp["clock"] in SURE else newest_sure(evidence)
    return day if sure is None else max(day, str(sure.values["at"])[:10])


def counted(act: Act) -> Act:
    """The same act, with every wrong PIN that it meets entered before it is told."""

    def counting(access: Access, request: Json) -> Json:
        try:
            return act(access, request)
        except WrongPin as wrong:
            told = {"person": wrong.person, "failures": wrong.failures, "locked_s": wrong.lock_s}
            actor = Actor(id=wrong.person, role=wrong.role)
            access.append(lambda transaction: enter(transaction, "pin.refused", actor=actor, told=told))
            raise

    return counting


def all_counted(acts: dict[str, Act]) -> dict[str, Act]:
    """A table of acts, each so."""
    return {name: counted(act) for name, act in acts.items()}
