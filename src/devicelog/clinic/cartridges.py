"""What the entries say of cartridges: which were fitted where, which serial was seen before, how full a box is. Pure.

A cartridge is told from others of its lot only by a serial number, and single use can only be held to where there is
one. One with a lot alone is counted against its box, and the same lot for the next client says nothing about it.
Not responsible for reading codes (barcodes), nor for whether an expiry is over: that takes a day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry

ENTRIES = ("box.opened", "cartridge.fitted", "visit.opened", "visit.joined", "visit.left", "visit.closed")
TWICE_US = 10_000_000  # the same code in the same place so soon after is a trigger that was pulled twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a cartridge is used: a visit, or a session without one. Both None: nowhere."""

    visit: str | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One cartridge fitted once. `told` as in the entry; `allowed`: with a reason, though it was used before."""

    seq: int
    place: Place
    client_ref: str | None
    told: Json
    allowed: bool
    at: str
    clock: str
    boot: str
    mono_us: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box that was opened, and how many of it were fitted."""

    seq: int
    told: Json
    used: int
    at: str
    by: str

    @property
    def left(self) -> int:
        """How many it should still hold; never less than none."""
        return max(0, int(self.told["count"]) - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cartridges:
    """All of it, oldest first. `parts`: the sessions of each visit with the entry that joined each, those that left it
    too; `open_visits`: not closed; `visit_of`: the visit that a session is a part of; `left`: by session the visits
    that it was a part of, and is not, with the entry that says so."""

    fits: tuple[Fit, ...]
    boxes: tuple[Box, ...]
    parts: Mapping[str, tuple[tuple[int, str], ...]]
    open_visits: frozenset[str]
    visit_of: Mapping[str, str]
    left: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Cartridges":
        """From the entries of ENTRIES, oldest first; others are passed over."""
        fits: list[Fit] = []
        boxes: list[Entry] = []
        parts: dict[str, tuple[tuple[int, str], ...]] = {}
        visit_of: dict[str, str] = {}
        left: dict[str, dict[str, int]] = {}
        now_open: set[str] = set()
        for entry in entries:
            body, visit = entry.body, str(entry.body["visit"])
            if entry.type == "cartridge.fitted":
                fits.append(_fit(entry))
            elif entry.type == "box.opened":
                boxes.append(entry)
            elif entry.type == "visit.opened":
                now_open.add(visit)
            elif entry.type == "visit.closed":
                now_open.discard(visit)
            elif entry.type == "visit.joined":
                parts[visit] = (*parts.get(visit, ()), (entry.seq, body["stream"]))
                visit_of[body["stream"]] = visit
            elif entry.type == "visit.left":
                visit_of.pop(body["stream"], None)
                left.setdefault(body["stream"], {})[visit] = entry.seq
        used = [fit.told["box"] for fit in fits]
        return cls(
            fits=tuple(fits),
            boxes=tuple(_box(entry, used.count(entry.body["told"]["box"])) for entry in boxes),
            parts=parts,
            open_visits=frozenset(now_open),
            visit_of=visit_of,
            left=left,
        )

    def where(self, place: Place) -> str | None:
        """The name by which two places are the same one: the visit, or the session where there is none."""
        if place.stream is not None and (place.visit is None or place.visit in self.left.get(place.stream, ())):
            return self.visit_of.get(place.stream, place.stream)
        return place.visit

    def elsewhere(self, told: Json, place: Place) -> list[Fit]:
        """When this very cartridge, by its serial number, was fitted in another place; one of each place."""
        here = self.where(place)
        found: dict[str | None, Fit] = {}
        for fit in self.fits:
            if same_cartridge(fit.told, told):
                found |= dict.fromkeys((self.where(fit.place), *self._carried(fit)), fit)
        return [fit for where, fit in found.items() if where != here]

    def _carried(self, fit: Fit) -> list[str]:
        """The sessions in which it may have been on the pen in this visit, and which turned out to be another's."""
        visit = self.where(fit.place) or ""
        parts = self.parts.get(visit, ())
        found = []
        for number, (_, stream) in enumerate(parts):
            if (left := self.left.get(stream, {}).get(visit)) is None or self.visit_of.get(stream) == visit:
                continue
            after = [left, *(seq for seq, _ in parts[number + 1 :])]  # what was fitted then was not on the pen in it
            if fit.seq < min(after):
                found.append(self.visit_of.get(stream, stream))
        return found

    def again(self, told: Json, place: Place, stamp: Json) -> Fit | None:
        """The fit that this one would repeat: the newest here, of the same code, less than ten seconds before `stamp`
        (`boot` and `mono_us`, as an entry has them)."""
        here = self.where(place)
        newest = next((fit for fit in reversed(self.fits) if self.where(fit.place) == here), None)
        if newest is None or newest.boot != stamp["boot"] or not _same_code(newest.told, told):
            return None
        return newest if 0 <= stamp["mono_us"] - newest.mono_us < TWICE_US else None

    def known(self, told: Json) -> str | None:
        """The id that this very cartridge had when it was fitted before."""
        return next((fit.told["cartridge"] for fit in reversed(self.fits) if same_cartridge(fit.told, told)), None)

    def box_of(self, told: Json) -> Box | None:
        """The box it is taken from: of its item and lot, the oldest that is not used up, else the newest."""
        found = [box for box in self.boxes if _same_lot(box.told, told)]
        return next((box for box in found if box.left), found[-1] if found else None)

    def sessions_of(self, fit: Fit) -> list[tuple[str, str]]:
        """The sessions a cartridge may have been used in, and how that is known: `fitted` in it or for it; `entered
        later`, when none was entered before that session; `same visit`: another one was, and this was there to hand."""
        where = fit.place.visit or self.where(fit.place)  # what left the visit was a part of it then
        found = [(fit.place.stream, "fitted")] if fit.place.stream else []
        for joined, stream in self.parts.get(where or "", ()):
            before = [
                each for each in self.fits if where in (each.place.visit, self.where(each.place)) and each.seq < joined
            ]
            how = "entered later" if not before else "fitted" if before[-1].seq == fit.seq else "same visit"
            if stream != fit.place.stream:
                found.append((stream, how))
        return found


def same_cartridge(one: Json, other: Json) -> bool:
    """Whether two codes name one cartridge: both have its serial number, and nothing else that both say differs.

    Where one of them does not name the item (it was typed), the lot stands in for it. Capitals and spaces make no other
    number: people type them as they like.
    """
    if other["serial"] is None or not same_text(one["serial"], other["serial"]):
        return False
    if one["item"] is None or other["item"] is None:
        return _agree(one, other, "maker") and _agree(one, other, "lot")
    return _agree(one, other, "maker") and same_text(one["item"], other["item"])


def lots_named(document: object) -> set[str]:
    """Every lot that a document names, wherever it stands, but those of topicals: a late entry tells what was on paper,
    and a lot is looked for in all of it."""
    if isinstance(document, dict):
        lot = document.get("lot")
        own = {lot} if isinstance(lot, str) else set()
        return own.union(*(lots_named(value) for key, value in document.items() if key != "topicals"))
    if isinstance(document, list):
        return set().union(*(lots_named(value) for value in document))
    return set()


def same_text(one: str | None, other: str) -> bool:
    """Whether two lots or items are the same; capitals and spaces apart, as people type them."""
    return one is not None and "".join(one.casefold().split()) == "".join(other.casefold().split())


def _agree(one: Json, other: Json, key: str) -> bool:
    return other[key] is None or one[key] is None or same_text(one[key], other[key])


def _same_lot(one: Json, other: Json) -> bool:
    return other["lot"] is not None and same_text(one["lot"], other["lot"]) and _agree(one, other, "item")


def _same_code(one: Json, other: Json) -> bool:
    return all(one[key] == other[key] for key in ("scan", "item", "lot", "serial"))


def rows(fits: Sequence[Fit]) -> list[Json]:
    """The cartridges as the document `clinic` of a session has them."""
    return [
        {key: value for key, value in fit.told.items() if key != "scan"} | {"overridden": fit.allowed, "at": fit.at}
        for fit in fits
    ]


def fits_of(entries: Iterable[Entry]) -> list[Fit]:
    """The fits among these entries."""
    return [_fit(entry) for entry in entries if entry.type == "cartridge.fitted"]


def _fit(entry: Entry) -> Fit:
    body, values = entry.body, entry.values
    return Fit(
        seq=entry.seq,
        place=Place(visit=body["visit"], stream=body["stream"]),
        client_ref=body["client_ref"],
        told=body["told"],
        allowed=bool(body["private"]),
        at=values["at"],
        clock=values["clock"],
        boot=values["boot"],
        mono_us=values["mono_us"],
        by=values["actor"]["id"],
    )


def _box(entry: Entry, used: int) -> Box:
    return Box(seq=entry.seq, told=entry.body["told"], used=used, at=entry.values["at"], by=entry.values["actor"]["id"])
