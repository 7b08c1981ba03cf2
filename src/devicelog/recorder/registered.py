"""Who does something that wants no PIN: the role that the list of people gives, and whether it may.

For acts that are older than that list: where a clinic has none, whoever is named is a practitioner, as before. Acts at
the desk ask for more (desk/who.py).
"""

from pathlib import Path

from devicelog.clinic.people import ENTRIES, People
from devicelog.clinic.roles import Action, may, refused
from devicelog.errors import NotAllowed
from devicelog.ledger.entries import Actor
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type


def recording_as(evidence: Evidence, person: str) -> Actor:
    """Who records: whoever is named, with the role that the list of people gives. Nothing stops a recording.

    Raises EvidenceDamaged.
    """
    people = People.of(of_type(evidence, *ENTRIES))
    known = people.get(person)
    if not people.by_id:
        return Actor(id=person, role="practitioner")
    return Actor(id=known.id if known else person, role=people.role_of(person))


def recording_now(path: Path, person: str) -> Actor:
    """The same, from the database at `path` as it is now. Raises EvidenceDamaged."""
    with Evidence(path) as evidence:
        return recording_as(evidence, person)


def registered(evidence: Evidence, person: str, action: Action) -> Actor:
    """Who it is. Raises NotAllowed, saying who may; EvidenceDamaged."""
    people = People.of(of_type(evidence, *ENTRIES))
    known = people.get(person)
    if not people.by_id:
        return Actor(id=person, role="practitioner")
    if known is not None and known.retired is not None:
        raise NotAllowed(f"{known.id} was retired (ledger entry {known.retired}): name somebody who works here")
    role, person = people.role_of(person), known.id if known else person
    if not may(role, action, has_admin=people.has_admin()):
        raise NotAllowed(refused(person, role, action, has_admin=people.has_admin()))
    return Actor(id=person, role=role)
