"""Adding people, changing what is said of them, retiring them. Nobody is ever removed: an id is one person's for good.

Not responsible for PINs (pins.py) nor for what a role may (clinic/roles.py).
"""

from devicelog.canonical import Json
from devicelog.clinic.people import ENTRIES, Person
from devicelog.clinic.roles import ASSIGNABLE, SAYS, may
from devicelog.clinical.keys import suggest
from devicelog.desk.entering import enter
from devicelog.desk.who import actor_of, people_of
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.sessions import check_note, check_practitioner, check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.pins import drop_pin
from devicelog.store.transaction import Transaction

MOST_UM = 20_000  # longer than any needle there is: a slip of the unit, not a limit from medicine
_MOST_NAME = 120
ABOUT_PEOPLE = (*ENTRIES, "pin.refused", "session.signed")


def person_named(evidence: Evidence, name: object) -> Person:
    """The registered person with this id. Raises NotFound, with a suggestion."""
    people = people_of(evidence)
    person = people.get(name) if isinstance(name, str) else None
    if person is None:
        ids = [each.id for each in people.by_id.values()]
        raise NotFound(f"nobody is registered as {name!r}. `practitioners list` shows who is.{suggest(str(name), ids)}")
    return person


def add_person(access: Access, request: Json) -> Json:
    """From `person`, `role`, `name`, perhaps `authority_um`; `by` and `pin` of an admin, once there is one."""
    person, role = check_practitioner(str(request.get("person"))), _role(request.get("role"))
    name, authority_um = _name(request.get("name")), _authority(request.get("authority_um"))
    with Evidence(access.path) as evidence:
        people = people_of(evidence)
        if (known := people.get(person)) is not None:
            again = "" if known.retired is None else ", who was retired: an id is one person's for good"
            raise BadTransition(
                f"the id {person} is taken by {known.id}{again} (ids are the same in capitals or not): choose another"
            )
        if not people.has_admin() and role != "admin":
            raise BadTransition(
                "there is no admin yet, and nobody else could set a PIN for anybody: the first one to add is an admin "
                "(--role admin)"
            )
        actor = actor_of(evidence, {"by": person, **_given(request)}, "people")
        used = sum(1 for row in evidence.streams() if str(row["practitioner"]).casefold() == person.casefold())
    told = {"person": person, "role": role, "authority_um": authority_um}

    def enter_it(transaction: Transaction) -> Entry:
        return enter(transaction, "person.added", actor=actor, told=told, private=(name,))

    entry = access.append(enter_it)
    return {**told, "entry": entry.seq, "auth": actor.auth, "used_before": used}


def change_person(access: Access, request: Json) -> Json:
    """From `person`, `by`, `pin`, `reason`, and of `role`, `name`, `authority_um` what is new."""
    role = None if request.get("role") is None else _role(request["role"])
    name = None if request.get("name") is None else _name(request["name"])
    authority_um, reason = _authority(request.get("authority_um")), _reason(request)
    with Evidence(access.path) as evidence:
        known = _who_works_here(evidence, request.get("person"))
        role = None if role == known.role else role
        authority_um = None if authority_um == known.authority_um else authority_um
        if role is None and name is None and authority_um is None:
            raise UsageProblem(f"nothing to change of {known.id}: name a new --role, --name or --authority-mm")
        if role is not None:
            _keep_an_admin(evidence, known)
        actor = actor_of(evidence, request, "people")
    told = {"person": known.id, "role": role, "authority_um": authority_um}
    private = (reason,) if name is None else (name, reason)
    entry = access.append(lambda to: enter(to, "person.changed", actor=actor, told=told, private=private))
    return {**told, "entry": entry.seq, "renamed": name is not None}


def retire_person(access: Access, request: Json) -> Json:
    """From `person`, `by`, `pin`, `reason`. The PIN is gone with it; what was signed stays signed."""
    reason = _reason(request)
    with Evidence(access.path) as evidence:
        known = _who_works_here(evidence, request.get("person"))
        _keep_an_admin(evidence, known)
        actor = actor_of(evidence, request, "people")

    def enter_it(transaction: Transaction) -> Entry:
        told = {"person": known.id}
        drop_pin(transaction.connection, known.id)
        return enter(transaction, "person.retired", actor=actor, told=told, private=(reason,))

    return {"person": known.id, "entry": access.append(enter_it).seq}


def people_told(evidence: Evidence) -> list[Json]:
    """Everybody, in the order in which they were added."""
    return [
        {
            "person": each.id,
            "name": evidence.note_text(each.name),
            "role": each.role,
            "authority_um": each.authority_um,
            "added": each.added,
            "retired": each.retired,
            "pin": None
            if each.pin is None
            else {
                "how": each.pin.how,
                "by": each.pin.by,
                "own": each.pin.own,
                "expires": each.pin.expires,
            },
            "may": [action for action in SAYS if each.retired is None and may(each.role, action)],
        }
        for each in people_of(evidence).by_id.values()
    ]


def history_of(evidence: Evidence, person: str) -> list[Json]:
    """Every entry about this person, oldest first: wrong PINs and signatures among them."""
    return [
        {
            "entry": entry.seq,
            "at": entry.values["at"],
            "type": entry.type,
            "by": entry.values["actor"]["id"],
            "auth": entry.values["actor"]["auth"],
            "stream": entry.body["stream"],
            "says": _says(entry),
        }
        for entry in matters(evidence, person, *ABOUT_PEOPLE)
        if entry.body["told"]["person"] == person
    ]


def _says(entry: Entry) -> str:
    told = entry.body["told"]
    if entry.type == "pin.refused":
        locked = f", locked for {told['locked_s']} s" if told["locked_s"] else ""
        return f"wrong PIN, {told['failures']} in a row{locked}"
    if entry.type == "session.signed":
        return f"{entry.body['stream']} as {told['meaning']}"
    return ", ".join(f"{key} {told[key]}" for key in ("how", "expires", "role", "authority_um") if told.get(key))


def _who_works_here(evidence: Evidence, name: object) -> Person:
    known = person_named(evidence, name)
    if known.retired is not None:
        raise BadTransition(f"{known.id} was retired (ledger entry {known.retired}): that is the end of an id")
    return known


def _keep_an_admin(evidence: Evidence, person: Person) -> None:
    others = [each for each in people_of(evidence).admins() if each.id != person.id and each.pin is not None]
    if person.role == "admin" and not others:
        raise BadTransition(
            f"{person.id} is the only admin with a PIN, and nobody could change anything any more: add another admin "
            "and set a PIN first"
        )


def _given(request: Json) -> Json:
    return {key: request[key] for key in ("by", "pin") if request.get(key) is not None}


def _role(role: object) -> str:
    if role not in ASSIGNABLE:
        raise UsageProblem(f"{role!r} is no role; there are: {', '.join(ASSIGNABLE)}.{suggest(str(role), ASSIGNABLE)}")
    return str(role)


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise UsageProblem("a person has a printed name, which stands under what they sign: --name TEXT")
    checked = check_note(name, "name")
    if len(checked) > _MOST_NAME:
        raise UsageProblem(f"the name has {len(checked)} characters; at most {_MOST_NAME}")
    return checked


def _authority(um: object) -> int | None:
    if um is None:
        return None
    if type(um) is not int or not 0 < um <= MOST_UM:
        raise UsageProblem(f"an authority is a depth over 0 and up to {MOST_UM / 1000:g} mm, not {um!r} µm")
    return um


def _reason(request: Json) -> str:
    reason = request.get("reason")
    if not isinstance(reason, str):
        raise UsageProblem("why? --reason TEXT")
    return check_reason(reason)


ACTS: dict[str, Act] = {
    "people.add": add_person,
    "people.change": change_person,
    "people.retire": retire_person,
}
