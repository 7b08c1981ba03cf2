"""Setting a PIN: one's own, somebody's first, a reset by an admin, or at the keyboard of this device.

Each is an entry that says who and how; the PIN itself is kept as a hash, apart from the ledger, and erased with it. Not
responsible for checking one (who.py).
"""

from datetime import date, timedelta
from pathlib import Path

from devicelog.canonical import Json
from devicelog.clinic.people import EXPIRES_DAYS, Person, pin_fault
from devicelog.desk.entering import enter
from devicelog.desk.hashing import hashed
from devicelog.desk.people import person_named
from devicelog.desk.who import actor_of, people_of, today
from devicelog.errors import BadTransition, NotAllowed, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.recorder.access import Access, alone
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.store.evidence import Evidence
from devicelog.store.pins import keep_pin
from devicelog.store.transaction import Transaction

MOST_DAYS = 3_650


def set_pin(access: Access, request: Json) -> Json:
    """From `person`, `new_pin`, `days`, `by` and `pin`.

    By the person with the PIN before, else by an admin with hers. An admin who has none sets it where no admin has one.
    """
    with Evidence(access.path) as evidence:
        person = _may_have(evidence, request)
        own = str(request.get("by")).casefold() == person.id.casefold()
        if own and person.pin is None:
            how, actor = "first", _first(evidence, person)
        elif own:
            how, actor = "own", actor_of(evidence, request, "pin.own")
        else:
            how = "first" if person.pin is None else "reset"
            actor = actor_of(evidence, request, "pin.reset")
    if how == "own" and request["new_pin"] == request["pin"]:  # after it fitted: nobody else is told that it does
        raise UsageProblem(f"this is the PIN that {person.id} has: choose another")
    return _set(access, person, request, how=how, actor=actor)


def set_pin_at_keyboard(access: Access, request: Json) -> Json:
    """The same, with no PIN of anybody, by whoever sits at this device. Whether they do the command line looks at.

    Not among the acts that a recorder takes over its socket. `by`: who it is, as they say.
    """
    with Evidence(access.path) as evidence:
        person, by = _may_have(evidence, request), str(request.get("by"))
        role = people_of(evidence).role_of(by)
    return _set(access, person, request, how="keyboard", actor=Actor(id=by, role=role))


def perform_at_keyboard(data_dir: Path, request: Json) -> Json:
    """The same where nobody records: no recorder does it for whoever has its socket. Raises StoreUnusable."""
    with alone(data_dir) as access:
        return set_pin_at_keyboard(access, request)


def _may_have(evidence: Evidence, request: Json) -> Person:
    person = person_named(evidence, request.get("person"))
    if person.retired is not None:
        raise BadTransition(f"{person.id} was retired (ledger entry {person.retired}) and has no PIN any more")
    new = request.get("new_pin")
    if not isinstance(new, str):
        raise UsageProblem("the new PIN is typed on a terminal when asked, or handed in with --pin-stdin")
    if fault := pin_fault(new):
        raise UsageProblem(fault)
    return person


def _first(evidence: Evidence, person: Person) -> Actor:
    """Who sets the first PIN of the first admin. Raises NotAllowed for everybody else's."""
    admins = people_of(evidence).admins()
    if person.role == "admin" and not any(each.pin for each in admins):
        return Actor(id=person.id, role=person.role)
    named = " or ".join(each.id for each in admins if each.pin)
    raise NotAllowed(
        f"the first PIN of {person.id} is set together with an admin, who gives hers: --by {named or 'ADMIN'}"
    )


def _set(access: Access, person: Person, request: Json, *, how: str, actor: Actor) -> Json:
    days = request.get("days", EXPIRES_DAYS)
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        raise UsageProblem(f"a PIN holds for 1 to {MOST_DAYS} days, or 0 for no end, not {days!r}")
    with Evidence(access.path) as evidence:
        day = date.fromisoformat(today(evidence, RecorderClock()))
    expires = (day + timedelta(days=days)).isoformat() if days else None
    told, kept = {"person": person.id, "how": how, "expires": expires}, hashed(str(request["new_pin"]))

    def enter_it(transaction: Transaction) -> Entry:
        entry = enter(transaction, "pin.set", actor=actor, told=told)
        keep_pin(transaction.connection, person.id, kept, entry.seq)
        return entry

    own = how != "keyboard" and actor.id.casefold() == person.id.casefold()
    return {**told, "entry": access.append(enter_it).seq, "by": actor.id, "auth": actor.auth, "own": own}


ACTS: dict[str, Act] = {"pin.set": set_pin}
