"""`private.json`: what can be erased. Codes and texts, each with the salt that makes it fit its commitment. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.entries import Entry
from devicelog.packages.contents import PRIVATE_SCHEMA
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, commitment

_SALT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateTexts:
    """Codes by client's reference, texts by their commitment."""

    codes: Mapping[str, str]
    texts: Mapping[str, str]

    @classmethod
    def parse(cls, data: bytes, stream: str, clients: Mapping[str, str]) -> Self:
        """Of this stream, whose entries name these commitments by client's reference. A reference or a commitment that
        is named nowhere is taken: whether it is somebody else's, who has all entries and records can tell.

        Raises ValueError when a text does not fit its commitment, or the bytes are not those that would be written.
        """
        values = parse_canonical(data)
        if values.keys() != {"schema", "stream", "clients", "notes"} or values["schema"] != PRIVATE_SCHEMA:
            raise ValueError(f"not a {PRIVATE_SCHEMA}")
        if values["stream"] != stream:
            raise ValueError(f"it is of {values['stream']}, and not of {stream}")
        codes = _fitting(values["clients"], "client_ref", "code")
        texts = _fitting(values["notes"], "commitment", "text")
        for ref, (salt, code) in codes.items():
            if ref in clients and commitment(CLIENT_TAG, salt, code) != clients[ref]:
                raise ValueError(f"the code of client {ref} is not what the session commits to")
        for name, (salt, text) in texts.items():
            if commitment(NOTE_TAG, salt, text) != name:
                raise ValueError(f"the text {name} is not what it is committed to")
        return cls(
            codes={ref: code for ref, (_, code) in codes.items()},
            texts={name: text for name, (_, text) in texts.items()},
        )


def _fitting(rows: object, name: str, text: str) -> dict[str, tuple[bytes, str]]:
    """By name the salt and the text of rows with these keys."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a list that is none")
    found: dict[str, tuple[bytes, str]] = {}
    for row in rows:
        if row.keys() != {name, "salt", text} or not all(isinstance(value, str) for value in row.values()):
            raise ValueError(f"{sorted(row)} where {name}, salt and {text} belong")
        if not _SALT.match(row["salt"]):
            raise ValueError(f"{row[name]}: a salt that is none")
        found[row[name]] = (bytes.fromhex(row["salt"]), row[text])
    if list(found) != sorted(found) or len(found) != len(rows):
        raise ValueError(f"not each {name} once, in order")
    return found


def newest_client(entries: Iterable[Entry]) -> str | None:
    """The reference of whose session it is as these entries of it, in order, say last; None for nobody's.

    By its opening and its corrections alone: one of the desk may be about the client it was taken for."""
    said = [entry for entry in entries if entry.type in ("session.opened", "session.attributed")]
    refs = [ref for entry in said if (ref := entry.body.get("client_ref")) is not None]
    return refs[-1] if refs else None


def of_others(entries: Sequence[Entry]) -> set[str]:
    """The commitments to what was entered about another person than the one whose session it is, as these entries of
    it say last. They stay that person's: they do not travel with the session."""
    here = (None, newest_client(entries))
    return {
        name
        for entry in entries
        if entry.body.get("client_ref") not in here
        for name in entry.body.get("private") or ()
    }


def rows_of(kept: Mapping[str, tuple[bytes, str]], name: str, text: str) -> list[Json]:
    """The other way round, for writing."""
    return [{name: key, "salt": salt.hex(), text: words} for key, (salt, words) in kept.items()]
