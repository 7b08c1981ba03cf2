"""The entries of the clinic's desk: people, clients, visits, courses, cartridges, signatures. One shape for all. Pure.

What is personal is never in one: it is a private text, and the entry holds the salted commitment to it, in the order
that its type says (docs/record.md). `told` is what may be known to whoever reads the ledger.
"""

from typing import Any

from devicelog.canonical import Json

BODY = frozenset({"stream", "client_ref", "client_commitment", "visit", "course", "told", "private", "documents"})

# Each type and the keys of what it tells.
TOLD: dict[str, frozenset[str]] = {
    "person.added": frozenset({"person", "role", "authority_um"}),
    "person.changed": frozenset({"person", "role", "authority_um"}),
    "person.retired": frozenset({"person"}),
    "pin.set": frozenset({"person", "how", "expires"}),
    "pin.refused": frozenset({"person", "failures", "locked_s"}),
    "client.described": frozenset(),
    "screening.answered": frozenset({"questionnaire", "result", "same_as"}),
    "screening.overridden": frozenset({"screening"}),
    "consent.recorded": frozenset({"what", "given", "signed"}),
    "anaesthetic.noted": frozenset({"product", "on_at", "off_at"}),
    "topical.stocked": frozenset({"stock", "product", "lot", "expires", "ingredients"}),
    "topical.noted": frozenset({"stock", "product", "lot", "expires", "ingredients", "when", "patch_test"}),
    "box.opened": frozenset({"box", "scan", "maker", "item", "lot", "expires", "count", "needles", "length_um"}),
    "cartridge.fitted": frozenset(
        {
            *("cartridge", "identity", "scan", "maker", "item", "lot", "expires", "serial", "needles", "length_um"),
            *("box", "attested", "used_before"),
        }
    ),
    "visit.opened": frozenset({"practitioner", "indication"}),
    "visit.planned": frozenset({"change"}),
    "visit.joined": frozenset(),
    "visit.left": frozenset(),
    "visit.closed": frozenset({"how"}),
    "override.given": frozenset({"rule", "zone"}),
    "course.opened": frozenset({"indication", "sessions", "interval_min_days", "interval_max_days"}),
    "course.closed": frozenset({"how"}),
    "notice.acknowledged": frozenset({"notice", "version"}),
    "score.recorded": frozenset({"score"}),
    "event.recorded": frozenset({"event"}),
    "event.followed": frozenset({"event"}),
    "session.signed": frozenset({"person", "meaning", "sealed", "derived", "number", "failures"}),
    "session.amended": frozenset({"number", "field"}),
    "finding.explained": frozenset({"rule", "zone"}),
    "session.entered": frozenset({"session", "practitioner", "day"}),
    "session.withdrawn": frozenset({"session"}),
    "limits.adopted": frozenset({"name", "version"}),
    "plan.adopted": frozenset({"plan"}),
}

# By which an entry is found again, besides its session, client, visit and course.
SUBJECTS = ("person", "cartridge", "box", "stock", "event", "session")

_TEXT = ("stream", "client_ref", "client_commitment", "visit", "course")


def body_fault(type_: str, body: Json) -> str | None:
    """What is wrong with the body of an entry of the desk, or None."""
    for key in _TEXT:
        if not isinstance(body[key], str | None):
            return f"{key} is {body[key]!r}"
    if (body["client_ref"] is None) != (body["client_commitment"] is None):
        return "a client is named by reference and commitment, or not at all"
    told, private, documents = body["told"], body["private"], body["documents"]
    if not isinstance(told, dict) or told.keys() != TOLD[type_]:
        return f"told is {told!r}"
    if not (isinstance(private, list) and all(isinstance(name, str) for name in private)):
        return f"private is {private!r}"
    if not (isinstance(documents, dict) and all(isinstance(digest, str) for digest in documents.values())):
        return f"documents are {documents!r}"
    if not all(isinstance(told[key], str | None) for key in SUBJECTS if key in told):
        return f"told is {told!r}"
    return None


def subjects(body: Json) -> tuple[str, ...]:
    """What an entry of the desk is about: ids, each once."""
    told: dict[str, Any] = body["told"]
    names = [body[key] for key in ("stream", "client_ref", "visit", "course")]
    names += [told[key] for key in SUBJECTS if key in told]
    return tuple(dict.fromkeys(name for name in names if name is not None))
