"""A walk over a whole ledger for an inspection: what each entry adds, in one pass and in little memory. Pure.

Not responsible for how it is told (document.py) nor for where entries and derived records are read.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from devicelog.canonical import Json
from devicelog.ledger.entries import BODY_KEYS, Entry
from devicelog.packages.inspection.findings import Derived
from devicelog.packages.inspection.listening import Listening
from devicelog.packages.inspection.overrides import Overrides
from devicelog.packages.inspection.signing import Signatures
from devicelog.packages.inspection.streams import Stream, Streams
from devicelog.packages.inspection.times import UNSURE, Days, Stamp, stepped_us


@dataclass(slots=True)
class Walk:
    """Told every entry of a ledger in order, from 0 on. What it counts is of `days`, by each entry's `at`.

    `events`: what is listed one by one, by type of entry. `derived`: of the streams that `wanted` names, by id; None
    is one that cannot be read.
    """

    days: Days
    log: str = ""
    first: Stamp | None = None
    newest: Stamp | None = None
    oldest_in: Stamp | None = None
    newest_in: Stamp | None = None
    entries: int = 0
    types: Counter[str] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)
    unsure_elsewhere: int = 0  # entries of other days whose clock was not sure: they may be of these
    steps: list[Json] = field(default_factory=list)
    events: dict[str, list[Json]] = field(default_factory=dict)
    keys: Json | None = None
    predecessor: Json | None = None
    streams: Streams = field(default_factory=Streams)
    listening: Listening = field(default_factory=Listening)
    overrides: Overrides = field(default_factory=Overrides)
    signatures: Signatures = field(default_factory=Signatures)
    paper: list[Json] = field(default_factory=list)  # sessions that were on paper, whenever they were entered
    derived: dict[str, Derived | None] = field(default_factory=dict)

    def feed(self, entry: Entry) -> None:
        """The next entry."""
        stamp = Stamp.of(entry)
        self.entries += 1
        if self.first is None:
            self.first, self.log = stamp, entry.values["log"]
        self.signatures.feed(entry, self.streams.by_id.get(str(entry.body.get("stream"))))
        self.streams.feed(entry)
        self.listening.feed(entry)
        self.overrides.feed(entry)
        if entry.type == "log.commissioned":
            self.keys = {"ssh_key": entry.body["ssh_key"], "signer": entry.body["signer"], **stamp.document()}
        elif entry.type == "log.continued":
            self.predecessor = {**entry.body, **stamp.document()}
        elif entry.type == "session.entered":
            self.paper.append({**stamp.document(), **_who(entry), **_entered(entry.body)})
        elif entry.type == "session.withdrawn":
            for row in self.paper:
                if row["session"] == entry.body["told"]["session"]:
                    row["withdrawn"] = {**stamp.document(), **_who(entry)}
        if stamp.at in self.days:
            self._within(entry, stamp)
        elif stamp.clock in UNSURE:
            self.unsure_elsewhere += 1
        self.newest = stamp

    def wanted(self) -> list[Stream]:
        """The streams of these days whose derived record is to be read, oldest first."""
        return [stream for stream in self.within() if stream.derived is not None]

    def within(self) -> list[Stream]:
        """Every stream that was opened in these days, oldest first."""
        return [stream for stream in self.streams.by_id.values() if stream.opened_at in self.days]

    def _within(self, entry: Entry, stamp: Stamp) -> None:
        self.oldest_in, self.newest_in = self.oldest_in or stamp, stamp
        self.types[entry.type] += 1
        self.clocks[stamp.clock] += 1
        if self.newest is not None and (step_us := stepped_us(self.newest, stamp)):
            self.steps.append({**stamp.document(), "from_at": self.newest.at, "by_us": step_us})
        if entry.type in _EVENTS:
            told = {**stamp.document(), **_who(entry), **_EVENTS[entry.type](entry.body)}
            self.events.setdefault(entry.type, []).append(told)


def known(type_: str) -> bool:
    """Whether this version knows the type of an entry."""
    return type_ in BODY_KEYS


def _who(entry: Entry) -> Json:
    actor = entry.values["actor"]
    return {"by": actor["id"], "auth": str(actor.get("auth"))}


def _measured(body: Json) -> Json:
    found_um = body["as_found_um"]
    return {
        "span": body["span"],
        "pen_serial": body["pen"]["serial"],
        "tolerance_um": body["tolerance_um"],
        "as_found_um": found_um,
        "as_left_um": body.get("as_left_um"),
        "expires": body.get("expires"),
        "out_of_tolerance": found_um is not None and found_um > body["tolerance_um"],
        "sessions_affected": len(body["sessions"]),
    }


def _updated(body: Json) -> Json:
    pen, was = body["pen"] or {}, body["was"] if isinstance(body["was"], dict) else {}
    changed = sorted(key for key in pen.keys() | was.keys() if pen.get(key) != was.get(key))
    return {
        "stream": body["stream"],
        "pen_serial": pen.get("serial"),
        "changed": [{"what": key, "from": was.get(key), "to": pen.get(key)} for key in changed],
    }


def _exported(body: Json) -> Json:
    return {
        "sessions": len(body["streams"]),
        **{key: body[key] for key in ("formats", "redacted", "recipient", "inspection")},
    }


def _erased(body: Json) -> Json:  # without the client's reference: this is handed out
    return {"sessions": len(body["streams"]), "notes": len(body["notes"])}


def _rebuilt(body: Json) -> Json:
    return {key: body[key] for key in ("from_schema", "to_schema", "guards")}


def _entered(body: Json) -> Json:
    commitment = next(iter(body["private"]), None)
    return {**body["told"], "course": body["course"], "commitment": commitment, "withdrawn": None}


def _happened(body: Json) -> Json:  # what it was is private
    return {"event": body["told"]["event"], "stream": body["stream"], "visit": body["visit"]}


def _adopted(body: Json) -> Json:
    return {"told": body["told"], "documents": body["documents"]}


def _said(body: Json) -> Json:
    return {"stream": body["stream"], **body["told"]}


def _told(body: Json) -> Json:
    return dict(body["told"])


_EVENTS: dict[str, Callable[[Json], Json]] = {
    "session.amended": _said,
    "finding.explained": _said,
    **dict.fromkeys(("event.recorded", "event.followed"), _happened),
    **dict.fromkeys(("limits.adopted", "plan.adopted"), _adopted),
    **dict.fromkeys(("person.added", "person.changed", "person.retired", "pin.set", "pin.refused"), _told),
    "pen.calibrated": _measured,
    "pen.checked": _measured,
    "pen.updated": _updated,
    "export.made": _exported,
    "private.erased": _erased,
    "retention.set": lambda body: {"days": body["days"]},
    "database.rebuilt": _rebuilt,
}
