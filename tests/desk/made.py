"""Entries for tests of pure folds, made by the function that makes the real ones, without a database."""

from typing import Any

from devicelog.canonical import Json
from devicelog.ledger.entries import Actor, Entry, entry_bytes, read_entry

SESSION, OTHER = "s-0000000001", "s-0000000002"
KM = Actor(id="KM", role="practitioner", auth="pin")
_DESK: Json = {
    "stream": None,
    "client_ref": None,
    "client_commitment": None,
    "visit": None,
    "course": None,
    "private": [],
    "documents": {},
}


class Ledger:
    """A ledger that grows by an entry a call. What a test sets on it holds from the next entry on."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.boot, self.mono_us = "boot-1", 1_000_000

    def add(self, type_: str, body: Json, actor: Actor = KM) -> Entry:
        """The next entry."""
        data = entry_bytes(
            log="l",
            seq=len(self.entries),
            nonce="00",
            prev=self.entries[-1].leaf.hex() if self.entries else "0" * 64,
            stamp={"at": "2030-03-17T10:00:00.000Z", "mono_us": self.mono_us, "boot": self.boot, "clock": "synced"},
            actor=actor,
            sw={},
            type_=type_,
            body=body,
        )
        self.entries.append(read_entry(data))
        return self.entries[-1]

    def desk(self, type_: str, told: Json, actor: Actor = KM, **other: Any) -> Entry:
        """The next entry, of the clinic's desk."""
        return self.add(type_, {**_DESK, "told": told, **other}, actor)

    def closed(self, stream: str = SESSION, derived: str = "d1") -> Entry:
        """A session has ended."""
        values = {"ended": "closed", "cause": "person", "chunks": 1, "records": 2, "root": "r", "derived": derived}
        more = {"mode": "real", "pen_serial": None, "engine": 4, "verdict": "conforming"}
        return self.add("session.closed", {"stream": stream, **values, **more})

    def sealed(self, stream: str = SESSION) -> Entry:
        """It is sealed."""
        return self.add("stream.sealed", {"stream": stream, "entries": 1, "root": "r"})

    def attributed(self, stream: str = SESSION, number: int = 2, derived: str = "d2") -> Entry:
        """It is corrected."""
        values = {"zones": [], "client_ref": None, "client_commitment": None, "reason_sha256": "0" * 64}
        more = {"number": number, "derived": derived, "engine": 4, "verdict": "conforming"}
        return self.add("session.attributed", {"stream": stream, **values, **more})
