"""What one ledger entry changes in the projection. Pure: the projection is this, applied to every entry in order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devicelog.canonical import Json
from devicelog.ledger.desk import TOLD, subjects
from devicelog.ledger.entries import RECORDER, Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Columns of one row of `stream` to insert (`opens`) or to set."""

    stream: str
    opens: bool
    values: Json


# The columns of `stream` (schema.py), for a row that is made without a database.
COLUMNS = (
    *("no", "id", "kind", "status", "mode", "opened_at", "closed_at", "closed_seq", "clock", "client_ref"),
    *("practitioner", "plan", "pen_serial", "verdict", "derived", "derivations"),
    *("sealed_seq", "package", "released_seq"),
)


def projected(entries: Iterable[Entry]) -> Json:
    """The row of the one stream that these entries are of, in the order of their numbers."""
    row: Json = dict.fromkeys(COLUMNS)
    for entry in entries:
        if change := project(entry):
            row |= change.values
    return row


def erased_names(entry: Entry) -> tuple[str, ...]:
    """What an entry says was erased, as `erased` has it: none for most."""
    if entry.type != "private.erased":
        return ()
    return tuple(dict.fromkeys((entry.body["client_ref"], *entry.body["streams"], *entry.body["notes"])))


def about_names(entry: Entry) -> tuple[str, ...]:
    """What an entry is about, as `about` has it: none for most. One of the desk that names nobody: its type."""
    if entry.type in TOLD:
        return subjects(entry.body) or (entry.type,)
    if entry.type in ("session.opened", "session.attributed"):
        names = (entry.body["stream"], entry.body["client_ref"])
        return tuple(name for name in names if name is not None)
    return ()


def is_imported(row: Mapping[str, Any]) -> bool:
    """Whether a row is of a session of another ledger, which is read from its package alone."""
    return row["closed_seq"] is not None and row["no"] == row["closed_seq"]


def project(entry: Entry) -> Change | None:
    """The change an entry makes, or None."""
    build = _CHANGES.get(entry.type)
    if build is None:
        return None
    opens = entry.type in ("session.opened", "span.opened", "package.imported")
    return Change(stream=entry.body["stream"], opens=opens, values=build(entry))


def _opened(entry: Entry) -> Json:
    body = entry.body
    pen = body.get("pen")
    return {
        "no": entry.seq,
        "id": body["stream"],
        "kind": "session" if entry.type == "session.opened" else "span",
        "status": "recording",
        "mode": body["mode"],
        "opened_at": entry.values["at"],
        "clock": entry.values["clock"],
        "client_ref": body.get("client_ref"),
        "practitioner": body.get("practitioner") or _person(entry),
        "plan": body.get("plan"),
        "pen_serial": pen["serial"] if pen else None,
        "derivations": 0,
    }


def _person(entry: Entry) -> str | None:
    """Who opened a stream, where it was not the recorder by itself: a span that was opened so is a calibration's."""
    actor = entry.values["actor"]
    return actor["id"] if actor["role"] != RECORDER.role else None


def _state_changed(entry: Entry) -> Json:
    return {"status": entry.body["to"]}


def _closed(entry: Entry) -> Json:
    return {
        "status": entry.body["ended"],
        "mode": entry.body["mode"],
        "pen_serial": entry.body["pen_serial"],
        "closed_at": entry.values["at"],
        "closed_seq": entry.seq,
        "verdict": entry.body.get("verdict"),
        "derived": entry.body["derived"],
        "derivations": 1,
    }


def _attributed(entry: Entry) -> Json:
    body = entry.body
    moved = {} if body["client_ref"] is None else {"client_ref": body["client_ref"]}
    return {"verdict": body["verdict"], "derived": body["derived"], "derivations": body["number"], **moved}


def _sealed(entry: Entry) -> Json:
    return {"sealed_seq": entry.seq}


def _packaged(entry: Entry) -> Json:
    return {"package": entry.body["sha256"]}


def _released(entry: Entry) -> Json:
    return {"released_seq": entry.seq}


def _imported(entry: Entry) -> Json:
    """The row that its package gives, in this ledger: it begins and ends with this entry, and has no chunks here."""
    told, here = entry.body["row"], dict.fromkeys(("no", "closed_seq", "released_seq"), entry.seq)
    row: Json = {key: value for key in COLUMNS if type(value := told.get(key)) in (str, int)}
    return {**row, **here, "id": entry.body["stream"], "sealed_seq": None, "package": entry.body["sha256"]}


_CHANGES: dict[str, Callable[[Entry], Json]] = {
    "session.opened": _opened,
    "span.opened": _opened,
    "state.changed": _state_changed,
    "session.closed": _closed,
    "span.recorded": _closed,
    "session.attributed": _attributed,
    "stream.sealed": _sealed,
    "package.written": _packaged,
    "package.released": _released,
    "package.imported": _imported,
}
