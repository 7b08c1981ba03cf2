"""What became of every session and span of a ledger, from its entries in their order. Pure.

Not responsible for what was found in one (findings.py): that is in the derived record that is named here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from devicelog.canonical import Json
from devicelog.clinic.roles import SIGNING, may
from devicelog.ledger.entries import ABOUT_PACKAGES, RECORDER, Entry
from devicelog.packages.inspection.times import Stamp, between_us

STATUSES = ("completed", "interrupted", "being recorded")
_ENDED = {"closed": "completed"}  # any other word of a closing entry stands as it is


@dataclass(slots=True, kw_only=True)
class Stream:
    """One session or span. `status`: of STATUSES. `by`: who recorded it; of a span who opened it, None the recorder."""

    no: int
    id: str
    session: bool
    opened_at: str
    clock: str
    by: str | None
    pen_serial: str | None
    mode: str
    status: str = "being recorded"
    cause: str | None = None
    closing: Stamp | None = None
    verdict: str | None = None
    derived: str | None = None
    derivations: int = 0
    seal: str | None = None  # the leaf of the entry that sealed it
    sealed: bool = False
    released: bool = False
    erased: bool = False
    late: int = 0
    signed: str | None = None  # by whom and as what, where it fits and no correction came after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """An entry about a session that had ended. `after_us`: how long after the end; None where no clock can tell, or
    the session is of another ledger."""

    stream: str
    type: str
    by: str
    auth: str
    stamp: Stamp
    after_us: int | None


@dataclass(slots=True)
class Streams:
    """Told every entry in order."""

    by_id: dict[str, Stream] = field(default_factory=dict)
    late: list[Late] = field(default_factory=list)
    imported: list[Json] = field(default_factory=list)  # rows of sessions of other ledgers, as the entries have them

    def feed(self, entry: Entry) -> None:
        """The next entry."""
        if entry.type in ("session.opened", "span.opened"):
            self.by_id[entry.body["stream"]] = _opened(entry)
        elif entry.type == "package.imported":
            self.imported.append({**entry.body["row"], "id": entry.body["stream"], "log": entry.body["log"]})
        elif entry.type == "private.erased":
            for name in entry.body["streams"]:
                if name in self.by_id:
                    self.by_id[name].erased = True
        elif isinstance(name := entry.body.get("stream"), str):
            self._about(name, entry)

    def _about(self, name: str, entry: Entry) -> None:
        stream = self.by_id.get(name)
        if entry.type not in ABOUT_PACKAGES and (stream is None or stream.closing is not None):
            self.late.append(_late(name, entry, None if stream is None else stream.closing))
            if stream is not None:
                stream.late += 1
        if stream is not None and entry.type in _CHANGES:
            _CHANGES[entry.type](stream, entry)


def _opened(entry: Entry) -> Stream:
    body, actor, pen = entry.body, entry.values["actor"], entry.body.get("pen")
    person: str | None = actor["id"] if actor["role"] != RECORDER.role else None
    return Stream(
        no=entry.seq,
        id=body["stream"],
        session=entry.type == "session.opened",
        opened_at=entry.values["at"],
        clock=entry.values["clock"],
        by=body.get("practitioner", person),
        pen_serial=pen["serial"] if pen else None,
        mode=body["mode"],
    )


def _late(stream: str, entry: Entry, closing: Stamp | None) -> Late:
    stamp, actor = Stamp.of(entry), entry.values["actor"]
    return Late(
        stream=stream,
        type=entry.type,
        by=actor["id"],
        auth=str(actor.get("auth")),
        stamp=stamp,
        after_us=None if closing is None else between_us(closing, stamp),
    )


def _closed(stream: Stream, entry: Entry) -> None:
    body = entry.body
    ended: str = body["ended"]
    stream.status = _ENDED.get(ended, ended)
    stream.cause, stream.closing = body["cause"], Stamp.of(entry)
    stream.mode, stream.pen_serial = body["mode"], body["pen_serial"]
    stream.verdict, stream.derived = body.get("verdict"), body["derived"]
    stream.derivations += 1


def fits(stream: Stream, signed: Entry) -> bool:
    """Whether a signature that is made now is of this session as it is: what clinic.signatures tells from all of its
    entries, of which thousands of sessions would be too many to keep."""
    told, actor = signed.body["told"], signed.values["actor"]
    return (
        stream.seal is not None
        and (told["sealed"], told["number"], told["derived"]) == (stream.seal, stream.derivations, stream.derived)
        and (actor.get("auth"), actor["id"]) == ("pin", told["person"])
        and told["meaning"] in SIGNING
        and may(actor["role"], SIGNING[told["meaning"]])
    )


def _signed(stream: Stream, entry: Entry) -> None:
    if not fits(stream, entry):
        return
    told = entry.body["told"]
    stream.signed = f"{told['meaning']} by {told['person']}"


def _amended(stream: Stream, _: Entry) -> None:
    stream.signed = None


def _attributed(stream: Stream, entry: Entry) -> None:
    stream.signed = None
    stream.verdict, stream.derived = entry.body["verdict"], entry.body["derived"]
    stream.derivations += 1


def _sealed(stream: Stream, entry: Entry) -> None:
    stream.sealed, stream.seal = True, stream.seal or entry.leaf.hex()


def _released(stream: Stream, _: Entry) -> None:
    stream.released = True


_CHANGES: dict[str, Callable[[Stream, Entry], None]] = {
    "session.closed": _closed,
    "span.recorded": _closed,
    "session.attributed": _attributed,
    "session.signed": _signed,
    "session.amended": _amended,
    "stream.sealed": _sealed,
    "package.released": _released,
}
