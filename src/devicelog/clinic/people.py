"""The people of a clinic as the entries tell them: ids, roles, PINs, wrong guesses, locks. Pure.

An id belongs to one person for ever, without regard to case. Printed names are private: an entry commits to them. Not
responsible for what a role may do (roles.py), nor for any PIN itself (desk/pins.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from devicelog.clinic.roles import UNREGISTERED
from devicelog.ledger.entries import Entry

ENTRIES = ("person.added", "person.changed", "person.retired", "pin.set")

FREE_GUESSES = 4  # the fifth wrong PIN in a row locks
FIRST_LOCK_S = 60
LONGEST_LOCK_S = 3600
EXPIRES_DAYS = 365  # ours: no source asks for a number, only that there is one
SITTING_US = 10 * 60 * 1_000_000  # ours: how long after a signature the next one needs the PIN alone

PIN_DIGITS = (6, 12)
_RUNS = ("01234567890123456789", "98765432109876543210")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """That a PIN was set: `seq` of the entry, how, by whom, and the last day (YYYY-MM-DD) on which it holds, or None.

    `own`: its person set it; of every other one somebody else knows what it is.
    """

    seq: int
    how: str
    by: str
    own: bool
    expires: str | None

    def expired(self, day: str) -> bool:
        """Whether it holds no more on this day (YYYY-MM-DD)."""
        return self.expires is not None and day > self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. `name`: commitment to the printed name; `authority_um`: the deepest this person may set, or None
    where nobody said; `added` and `retired` are numbers of entries."""

    id: str
    role: str
    authority_um: int | None
    name: str
    added: int
    retired: int | None = None
    pin: Pin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everybody who ever was registered, by id in lower case."""

    by_id: Mapping[str, Person]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """From the entries of the types ENTRIES, oldest first; others are passed over, and so is what is said of
        somebody whom no entry added."""
        found: dict[str, Person] = {}
        for entry in entries:
            if entry.type not in ENTRIES:
                continue
            told, private = entry.body["told"], entry.body["private"]
            key = told["person"].casefold()
            if entry.type == "person.added":
                found.setdefault(
                    key,
                    Person(
                        id=told["person"],
                        role=told["role"],
                        authority_um=told["authority_um"],
                        name=private[0] if private else "",
                        added=entry.seq,
                    ),
                )
            elif key in found:
                found[key] = _after(found[key], entry)
        return cls(by_id=found)

    def get(self, person: str) -> Person | None:
        """Whoever has this id, in capitals or not; None where nobody ever had it."""
        return self.by_id.get(person.casefold())

    def role_of(self, person: str) -> str:
        """The role; `unregistered` of one whom nobody added, and of one who was retired."""
        known = self.get(person)
        return known.role if known is not None and known.retired is None else UNREGISTERED

    def admins(self) -> list[Person]:
        """The admins who are not retired."""
        return [each for each in self.by_id.values() if each.role == "admin" and each.retired is None]

    def has_admin(self) -> bool:
        """Whether there is one."""
        return bool(self.admins())


def _after(person: Person, entry: Entry) -> Person:
    told = entry.body["told"]
    if entry.type == "person.retired":
        return replace(person, retired=entry.seq)
    if entry.type == "pin.set":
        by, how = str(entry.values["actor"]["id"]), told["how"]
        own = how != "keyboard" and by.casefold() == person.id.casefold()
        return replace(person, pin=Pin(seq=entry.seq, how=how, by=by, own=own, expires=told["expires"]))
    private = entry.body["private"]  # a new name stands before the reason
    return replace(
        person,
        role=person.role if told["role"] is None else told["role"],
        authority_um=person.authority_um if told["authority_um"] is None else told["authority_um"],
        name=private[0] if len(private) > 1 else person.name,
    )


def lock_s(failures: int) -> int:
    """For how many seconds this many wrong PINs in a row lock: none, then 60, doubling, never over an hour."""
    if failures <= FREE_GUESSES:
        return 0
    doublings = min(failures - FREE_GUESSES - 1, 30)
    return min(FIRST_LOCK_S << doublings, LONGEST_LOCK_S)


def locked_us(refused: Entry | None, *, boot: str, now_us: int) -> int:
    """For how much longer the lock runs that a `pin.refused` began. `boot`, `now_us`: of the clock of now.

    Where the computer was started since, the lock begins anew with that start, for nothing tells how long it was off:
    no start shortens it.
    """
    if refused is None:
        return 0
    whole_us = int(refused.body["told"]["locked_s"]) * 1_000_000
    since_us = now_us if refused.values["boot"] != boot else now_us - int(refused.values["mono_us"])
    return max(0, whole_us - max(0, since_us))


def same_sitting(signed: Entry | None, *, boot: str, now_us: int) -> bool:
    """Whether a signature with a PIN is so near that the next one needs the PIN alone."""
    if signed is None or signed.values["actor"]["auth"] != "pin" or signed.values["boot"] != boot:
        return False
    return bool(0 <= now_us - int(signed.values["mono_us"]) <= SITTING_US)


def pin_fault(pin: str) -> str | None:
    """Why this cannot be a PIN, in words that do not repeat it; None where it can."""
    least, most = PIN_DIGITS
    if not (pin.isascii() and pin.isdigit() and least <= len(pin) <= most):
        return f"a PIN is {least} to {most} digits"
    if any(pin == pin[:width] * (len(pin) // width) for width in (1, 2, 3) if len(pin) % width == 0):
        return "this PIN repeats itself and is soon guessed: choose another"
    if any(pin in run for run in _RUNS):
        return "this PIN only counts up or down and is soon guessed: choose another"
    if pin == pin[::-1] or len(set(pin)) < 3:
        return "this PIN is soon guessed: choose one with more different digits, not the same read backwards"
    return None
