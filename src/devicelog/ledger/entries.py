"""Ledger entries: what one says, its exact bytes, and the check that a list of them is one unbroken chain.

An entry is canonical JSON. Its bytes are stored and hashed as they are; it names the leaf hash of the entry before it.
Personal data never enters one: a client is a random `client_ref`, a note is a salted commitment.
"""

from dataclasses import dataclass
from typing import Any, Literal

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.ledger.desk import BODY, TOLD, body_fault
from devicelog.ledger.tree import leaf_hash

VERSION = 1
NO_PREVIOUS = "0" * 64

# What was measured of a pen, by type of entry: the name that the entry gives the document which says it.
PEN_DOCUMENTS = {"pen.calibrated": "calibration", "pen.checked": "check"}
_PEN_MEASURED = frozenset(
    {
        *("span", "pen", "documents", "gauge_set", "tolerance_um", "as_found_um", "as_left_um", "residual_um"),
        *("expires", "last_good", "sessions"),
    }
)
# Each type of entry and the keys its body has; docs/record.md says what they mean.
BODY_KEYS: dict[str, frozenset[str]] = {
    "log.created": frozenset({"schema"}),
    "recorder.started": frozenset({"command", "boot"}),
    "recorder.stopped": frozenset({"cause"}),
    "span.opened": frozenset({"stream", "documents", "mode"}),
    "span.recorded": frozenset(
        {"stream", "ended", "cause", "chunks", "records", "root", "derived", "mode", "pen_serial"}
    ),
    "session.opened": frozenset(
        {
            "stream",
            "documents",
            "client_ref",
            "client_commitment",
            "practitioner",
            "plan",
            "pen",
            "pen_before",
            "pen_heard",
            "mode",
        }
    ),
    "chunks.committed": frozenset({"stream", "chunks", "records", "root"}),
    "state.changed": frozenset({"stream", "event", "from", "to", "record"}),
    "pen.updated": frozenset({"stream", "record", "pen", "was"}),
    "session.closed": frozenset(
        {"stream", "ended", "cause", "chunks", "records", "root", "derived", "mode", "pen_serial", "engine", "verdict"}
    ),
    "session.attributed": frozenset(
        {
            "stream",
            "number",
            "zones",
            "client_ref",
            "client_commitment",
            "reason_sha256",
            "derived",
            "engine",
            "verdict",
        }
    ),
    "pen.calibrated": _PEN_MEASURED,
    "pen.checked": _PEN_MEASURED - {"as_left_um", "residual_um", "expires"},
    "database.rebuilt": frozenset({"from_schema", "to_schema", "entries", "root", "guards"}),
    "log.commissioned": frozenset({"vkey", "ssh_key", "first", "signer"}),
    "log.continued": frozenset({"predecessor", "size", "root", "vkey", "witness", "last_at"}),
    "stream.sealed": frozenset({"stream", "entries", "root"}),
    "package.written": frozenset({"stream", "sha256", "bytes"}),
    "package.released": frozenset({"stream", "sha256", "chunks"}),
    "package.imported": frozenset({"stream", "sha256", "bytes", "log", "row"}),
    "stream.extended": frozenset({"stream", "later", "later_root"}),
    "export.made": frozenset({"streams", "formats", "redacted", "recipient", "inspection"}),
    "private.erased": frozenset({"client_ref", "streams", "notes", "reason_sha256"}),
    "retention.set": frozenset({"days", "reason_sha256"}),
    **dict.fromkeys(TOLD, BODY),
}
# What is said of a stream after it was sealed, but is not a part of what happened in it: it is in no package.
ABOUT_PACKAGES = frozenset(
    {"stream.sealed", "stream.extended", "package.written", "package.released", "package.imported"}
)

# What a reader relies on, wherever it stands in a body.
_BODY_TYPES: dict[str, type[Any]] = {
    **dict.fromkeys(
        (
            *("stream", "root", "derived", "ended", "mode", "to", "client_ref", "client_commitment", "practitioner"),
            *("reason_sha256", "span", "gauge_set", "expires", "vkey", "ssh_key", "first", "signer", "predecessor"),
            *("sha256", "log", "later_root", "last_at", "recipient"),
        ),
        str,
    ),
    **dict.fromkeys(("chunks", "records", "number", "entries", "from_schema", "to_schema"), int),
    **dict.fromkeys(("size", "bytes", "later", "days"), int),
    **dict.fromkeys(("tolerance_um", "as_found_um", "as_left_um", "residual_um", "last_good"), int),
    **dict.fromkeys(("documents", "row"), dict),
    "redacted": bool,
    **dict.fromkeys(("zones", "guards", "sessions", "streams", "formats", "notes"), list),
}
# What may be null where it does not apply.
_NULLABLE = {
    "session.attributed": frozenset({"client_ref", "client_commitment"}),
    "pen.calibrated": frozenset({"gauge_set", "as_found_um", "expires", "last_good"}),
    "pen.checked": frozenset({"gauge_set", "last_good"}),
    "log.continued": frozenset({"vkey", "last_at"}),
    "export.made": frozenset({"recipient"}),
}
# By type of entry: the keys of its body that have a type, and whether each may be null.
_TYPED = {
    type_: tuple((key, _BODY_TYPES[key], key in _NULLABLE.get(type_, ())) for key in _BODY_TYPES if key in keys)
    for type_, keys in BODY_KEYS.items()
    if type_ not in TOLD
}
_MOVED = {"first_record": int, "last_record": int, "zone": str}  # one of the `zones` of an attribution

_ENVELOPE = frozenset(
    {"v", "log", "seq", "nonce", "prev", "at", "mono_us", "boot", "clock", "actor", "sw", "type", "body"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it. `recorder` is the shell itself. `auth: none` says that nobody checked."""

    id: str
    role: str
    auth: Literal["none", "pin"] = "none"

    def document(self) -> Json:
        """As plain values."""
        return {"id": self.id, "role": self.role, "auth": self.auth}


RECORDER = Actor(id="recorder", role="recorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One ledger entry as read back: its place, its exact bytes and what they say."""

    seq: int
    data: bytes
    leaf: bytes
    values: Json

    @property
    def type(self) -> str:
        """One of BODY_KEYS."""
        return str(self.values["type"])

    @property
    def body(self) -> Json:
        """What the entry is about."""
        body: Json = self.values["body"]
        return body


def entry_bytes(
    *, log: str, seq: int, nonce: str, prev: str, stamp: Json, actor: Actor, sw: Json, type_: str, body: Json
) -> bytes:
    """The exact bytes of an entry. `stamp` holds at, mono_us, boot and clock. Raises ValueError outside the profile."""
    if body.keys() != BODY_KEYS[type_]:
        raise ValueError(f"{type_}: body keys {sorted(body.keys() ^ BODY_KEYS[type_])} are missing or unknown")
    return canonical(
        {
            "v": VERSION,
            "log": log,
            "seq": seq,
            "nonce": nonce,
            "prev": prev,
            "actor": actor.document(),
            "sw": sw,
            "type": type_,
            "body": body,
            **stamp,
        }
    )


def read_entry(data: bytes) -> Entry:
    """Read the stored bytes of one entry. Raises ValueError when they cannot be what was written.

    A type of a later version is read as it is: only its envelope is checked.
    """
    values = parse_canonical(data)
    if values.keys() != _ENVELOPE:
        raise ValueError(f"envelope keys {sorted(values.keys() ^ _ENVELOPE)} are missing or unknown")
    if values["v"] != VERSION or not isinstance(values["body"], dict):
        raise ValueError(f"not an entry of version {VERSION}")
    for key, wanted in {"v": int, "seq": int, "mono_us": int, "type": str, "log": str, "prev": str, "at": str}.items():
        if type(values[key]) is not wanted:
            raise ValueError(f"{key} is {values[key]!r}")
    actor = values["actor"]
    if not (isinstance(actor, dict) and all(isinstance(actor.get(key), str) for key in ("id", "role"))):
        raise ValueError(f"actor is {actor!r}")
    known = BODY_KEYS.get(values["type"])
    if known is not None:
        _check_body(values["type"], values["body"], known)
    return Entry(seq=values["seq"], data=data, leaf=leaf_hash(data), values=values)


def _check_body(type_: str, body: Json, known: frozenset[str]) -> None:
    if body.keys() != known:
        raise ValueError(f"{type_}: body keys {sorted(body.keys() ^ known)} are missing or unknown")
    if type_ in TOLD:
        if fault := body_fault(type_, body):
            raise ValueError(f"{type_}: {fault}")
        return
    for key, wanted, nullable in _TYPED[type_]:
        if type(body[key]) is not wanted and not (nullable and body[key] is None):
            raise ValueError(f"{type_}: {key} is {body[key]!r}")
    if not all(isinstance(digest, str) for digest in body.get("documents", {}).values()):
        raise ValueError(f"{type_}: documents are {body['documents']!r}")
    if type_ in PEN_DOCUMENTS and not isinstance(body["pen"], dict):
        raise ValueError(f"{type_}: pen is {body['pen']!r}")
    if body.get("pen") is not None and not (isinstance(body["pen"], dict) and "serial" in body["pen"]):
        raise ValueError(f"{type_}: pen is {body['pen']!r}")
    if not all(
        isinstance(moved, dict) and {key: type(value) for key, value in moved.items()} == _MOVED
        for moved in body.get("zones", ())
    ):
        raise ValueError(f"{type_}: zones are {body['zones']!r}")
    if type_ == "export.made":
        _check_export(body)
    for key in ("guards", "sessions", "formats", "notes", *(("streams",) if type_ != "export.made" else ())):
        if not all(isinstance(name, str) for name in body.get(key, ())):
            raise ValueError(f"{type_}: {key} are {body[key]!r}")
    if "client_commitment" in known and (body["client_ref"] is None) != (body["client_commitment"] is None):
        raise ValueError(f"{type_}: a client is named by reference and commitment, or not at all")


def _check_export(body: Json) -> None:
    wanted = {"stream": str, "later": int, "later_root": str}
    for each in body["streams"]:
        if not isinstance(each, dict) or {key: type(value) for key, value in each.items()} != wanted:
            raise ValueError(f"export.made: streams are {body['streams']!r}")
    inspection = body["inspection"]
    if inspection is not None and not (isinstance(inspection, dict) and inspection.keys() == {"from", "to"}):
        raise ValueError(f"export.made: inspection is {inspection!r}")


def chain_fault(entry: Entry, *, index: int, previous: Entry | None) -> str | None:
    """What is wrong with this entry's place in the chain, or None. `previous` is the entry before it as stored."""
    wanted: dict[str, Any] = {"seq": index, "prev": previous.leaf.hex() if previous else NO_PREVIOUS}
    if previous and previous.values:  # none where the entry before cannot be read
        wanted["log"] = previous.values["log"]
    for key, value in wanted.items():
        if entry.values[key] != value:
            return f"{key} is {entry.values[key]!r}; expected {value!r}"
    return None
