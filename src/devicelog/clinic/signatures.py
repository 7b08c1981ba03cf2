"""What signatures, amendments and explanations say of a session, and whether a signature fits it. Pure.

A signature names the leaf of the entry that sealed its session and the derived record it was made over: copied to
another session it fits nothing. One that was made before a correction stays, and says so. Not responsible for who may
sign (roles.py) nor for the PIN.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from devicelog.canonical import Json, parse_canonical
from devicelog.clinic.roles import SIGNING, may
from devicelog.ledger.entries import Entry

SIGNED, AMENDED, EXPLAINED = "session.signed", "session.amended", "finding.explained"

VALID, BEFORE, FAULTY = "valid", "signed before the correction", "does not fit this session"

# What a person may correct of the treatment record: what somebody said or wrote down. What was measured stays.
AMENDABLE: dict[str, str] = {
    "practitioner": "who treated",
    "supervisor": "who supervised or prescribed",
    "indication": "what was treated",
    "off_label": "off-label use and its reason",
    "consent": "what was consented to, by whom, when",
    "anaesthetic": "product, time on, time off",
    "topical": "product, lot, expiry, ingredients, when",
    "cartridge": "type, lot, expiry, serial number",
    "sterile_pack": "whether the pack was intact",
    "disposed": "whether the cartridge was disposed of",
    "barrier_sleeve": "whether a barrier sleeve was used",
    "handpiece_cleaned": "whether the handpiece was cleaned",
    "speed": "speed, where no pen told it",
    "serum": "serum per zone",
    "endpoint": "end-point per zone",
    "photos": "which photos were taken",
    "response": "immediate response of the skin",
    "aftercare": "aftercare and sun protection that was told",
    "next_date": "when to come again",
    "plan": "what was planned, in words; what it was judged by stays",
    "note": "anything else that was noted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signable:
    """What there is of a session to sign: its seal, and the entries that name a derived record, oldest first."""

    seal: Entry
    derivations: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self | None:
        """From the entries of one session, the seal among them; None where it is not sealed or has not ended."""
        seal, derivations = None, []
        for entry in entries:
            if entry.type == "stream.sealed":
                seal = seal or entry
            elif entry.type in ("session.closed", "session.attributed"):
                derivations.append(entry)
        return None if seal is None or not derivations else cls(seal=seal, derivations=tuple(derivations))

    def told(self, *, person: str, meaning: str, failures: int) -> Json:
        """What a signature over it as it is now says."""
        return {
            "person": person,
            "meaning": meaning,
            "sealed": self.seal.leaf.hex(),
            "derived": self.derivations[-1].body["derived"],
            "number": len(self.derivations),
            "failures": failures,
        }


def signature_faults(signed: Entry, seal: Entry | None, derivations: Sequence[Entry]) -> list[str]:
    """What shows that a signature is not of this session as it then was, in words; nothing where it fits.

    `seal`: of the session that it stands in; `derivations`: the session's entries that name a derived record.
    """
    told, stream, actor = signed.body["told"], signed.body["stream"], signed.values["actor"]
    faults = []
    if seal is None or seal.body["stream"] != stream:
        return [f"{stream} is not sealed, and nothing can be signed in it"]
    if told["sealed"] != seal.leaf.hex():
        faults.append(f"it is bound to another seal than that of {stream}")
    if signed.seq <= seal.seq:
        faults.append("it stands before the seal that it names")
    before = [entry for entry in derivations if entry.seq < signed.seq]
    if not before or (told["number"], told["derived"]) != (len(before), before[-1].body["derived"]):
        faults.append(f"it is of another derived record than number {len(before)} of {stream}")
    if told["meaning"] not in SIGNING:
        faults.append(f"{told['meaning']!r} is no meaning of a signature")
    elif not may(actor["role"], SIGNING[told["meaning"]]):
        faults.append(f"a person of role {actor['role']} does not sign as {told['meaning']}")
    if actor.get("auth") != "pin" or actor["id"] != told["person"]:
        faults.append("it was not made by its person with a PIN")
    return faults


Texts = Callable[[str], str | None]  # the text behind a commitment, or None where it was erased or is not here


def signatures(entries: Sequence[Entry], texts: Texts, *, recorded_under: str | None = None) -> list[Json]:
    """Every signature of a session, oldest first: name, time, meaning, and whether it stands.

    `entries`: all of the session, with its seal; `recorded_under`: the id under which it was opened, which a signature
    as performed by another person says. `standing` is `valid`, or says that a correction or an amendment came
    after it, or that it does not fit; `faults` say why not.
    """
    found = Signable.of(entries)
    seal, derivations = (None, ()) if found is None else (found.seal, found.derivations)
    changes = [entry.seq for entry in entries if entry.type in ("session.attributed", AMENDED)]
    made = []
    for entry in entries:
        if entry.type != SIGNED:
            continue
        told, faults = entry.body["told"], signature_faults(entry, seal, derivations)
        another = told["meaning"] == "performed" and not same_id(recorded_under, told["person"])
        standing = FAULTY if faults else BEFORE if any(seq > entry.seq for seq in changes) else VALID
        made.append(
            {
                "entry": entry.seq,
                "at": entry.values["at"],
                "clock": entry.values["clock"],
                "person": told["person"],
                "role": entry.values["actor"]["role"],
                "name": texts(entry.body["private"][0]) if entry.body["private"] else None,
                "meaning": told["meaning"],
                "derivation": told["number"],
                "failures": told["failures"],
                "recorded_under": recorded_under if another else None,
                "standing": standing,
                "faults": faults,
            }
        )
    return made


def same_id(recorded_under: str | None, person: str) -> bool:
    """Whether a session was recorded under the id of this person, in capitals or not."""
    return recorded_under is not None and recorded_under.casefold() == person.casefold()


def amendments(entries: Iterable[Entry], read: Callable[[str], Json | None]) -> list[Json]:
    """Every amendment, oldest first: field, old, new, reason, who, when. `read`: the values behind a commitment."""
    made = []
    for entry in entries:
        if entry.type != AMENDED:
            continue
        told, private = entry.body["told"], entry.body["private"]
        values = read(private[0]) if private else None
        made.append(
            {
                **_by(entry),
                "number": told["number"],
                "field": told["field"],
                **{key: None if values is None else values.get(key) for key in ("old", "new", "reason")},
                "erased": values is None,
            }
        )
    return made


def explanations(entries: Iterable[Entry], texts: Texts) -> list[Json]:
    """Every explanation of a finding, oldest first."""
    return [
        {
            **_by(entry),
            "rule": entry.body["told"]["rule"],
            "zone": entry.body["told"]["zone"],
            "reason": texts(entry.body["private"][0]) if entry.body["private"] else None,
        }
        for entry in entries
        if entry.type == EXPLAINED
    ]


def read_values(texts: Texts) -> Callable[[str], Json | None]:
    """What stands behind a commitment to values, where it is held."""

    def read(commitment: str) -> Json | None:
        text = texts(commitment)
        return None if text is None else parse_canonical(text.encode())

    return read


def wants_signature(made: Sequence[Json]) -> bool:
    """Whether a session has no signature that stands."""
    return not any(each["standing"] == VALID for each in made)


def _by(entry: Entry) -> Json:
    actor = entry.values["actor"]
    return {
        "entry": entry.seq,
        "at": entry.values["at"],
        "by": actor["id"],
        "role": actor["role"],
        "auth": actor["auth"],
    }
