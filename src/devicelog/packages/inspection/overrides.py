"""By what somebody went on against a rule, as an inspection tells it: entries, marks, findings that name one. Pure.

A reason is a private text: an entry names its salted commitment, a mark's is in its record, in the session's own
package. Not responsible for what an override changes: the findings say that (rules/).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry
from devicelog.packages.inspection.findings import Derived
from devicelog.packages.inspection.streams import Stream
from devicelog.packages.inspection.times import Days, Stamp

TOO_LATE = "too late"
MARKED = {"role": None, "auth": "none"}  # a mark has an id alone, and recording asks for no PIN


@dataclass(slots=True)
class Overrides:
    """Told every entry of a ledger in order. `given`: a row an entry; `joined`: by visit its sessions and the number
    of the entry that made each a part of it."""

    given: list[Json] = field(default_factory=list)
    joined: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def feed(self, entry: Entry) -> None:
        """The next entry."""
        if entry.type == "visit.joined":
            self.joined.setdefault(entry.body["visit"], []).append((entry.seq, entry.body["stream"]))
        elif entry.type in _ABOUT and not (entry.type == "cartridge.fitted" and not entry.body["private"]):
            self.given.append(_given(entry))

    def sessions_after(self, row: Json) -> list[str]:
        """The sessions that an entry may hold for: its own, or those that joined its visit after it."""
        if row["session"] is not None:
            return [row["session"]]
        return [session for seq, session in self.joined.get(row["visit"] or "", ()) if seq > row["seq"]]


def overrides_document(
    overrides: Overrides, *, days: Days, sessions: Sequence[Stream], derived: Mapping[str, Derived | None]
) -> Json:
    """All of these days: an entry that was made in them, or that a session opened in them came after; the marks and
    the findings of `sessions`, those that were opened in these days. `derived`: what was read of each."""
    here = {stream.id for stream in sessions}
    given = [{**row, "sessions": overrides.sessions_after(row)} for row in overrides.given]
    read = [(stream, found) for stream in sessions if (found := derived.get(stream.id)) is not None]
    marked = list(_marked(read))
    findings = list(_changed(read))
    return {
        "given": [row for row in given if row["at"] in days or here.intersection(row["sessions"])],
        "marked": marked,
        "findings": findings,
        "too_late": sum(row["override"] == TOO_LATE for row in findings),
        "sessions": {
            "marked": len({row["session"] for row in marked}),
            "told": sum(found.overrides is not None for _, found in read),
            "before_engine_4": sum(found.overrides is None for _, found in read),
            "being_recorded": sum(stream.derived is None for stream in sessions),
            "not_readable": [stream.id for stream in sessions if stream.derived and derived.get(stream.id) is None],
        },
    }


def _given(entry: Entry) -> Json:
    body, actor = entry.body, entry.values["actor"]
    private = body["private"]
    return {
        **Stamp.of(entry).document(),
        "type": entry.type,
        "by": actor["id"],
        "role": actor["role"],
        "auth": str(actor.get("auth")),
        **_ABOUT[entry.type](body["told"]),
        "session": body["stream"],
        "visit": body["visit"],
        "commitment": private[0] if private else None,
    }


_NOTHING: Json = {"zone": None, "screening": None, "cartridge": None}

# Which rule each goes against. That of an answer holds for the client and names no zone; nor does that of a cartridge.
_ABOUT: dict[str, Callable[[Json], Json]] = {
    "override.given": lambda told: {**_NOTHING, "rule": told["rule"], "zone": told["zone"]},
    "screening.overridden": lambda told: {**_NOTHING, "rule": "client.checks", "screening": told["screening"]},
    "cartridge.fitted": lambda told: {**_NOTHING, "rule": "cartridge.reused", "cartridge": told["cartridge"]},
}


def _marked(read: Iterable[tuple[Stream, Derived]]) -> Iterator[Json]:
    for stream, found in read:
        for mark in found.overrides or ():
            yield {
                **_of(stream),
                **{key: mark[key] for key in ("rule", "zone", "record", "at_us")},
                "by": mark["actor"],
                **MARKED,
            }


def _changed(read: Iterable[tuple[Stream, Derived]]) -> Iterator[Json]:
    for stream, found in read:
        for each in found.findings:
            if each.override is not None:
                told = {"rule": each.rule, "zone": each.zone, "severity": each.severity, "override": each.override}
                yield {**_of(stream), **told, "record": each.override_record}


def _of(stream: Stream) -> Json:
    return {"session": stream.id, "opened_at": stream.opened_at, "clock": stream.clock, "mode": stream.mode}
