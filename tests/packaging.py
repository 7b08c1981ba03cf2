"""A packaged session, made of the database of tests/databases.py: sealed in the ledger, then written.

The proofs are texts without meaning: nothing that reads a package looks into one, `verify` does.
"""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

from devicelog.canonical import Json
from devicelog.ledger.entries import BODY_KEYS, Entry
from devicelog.ledger.tree import Tree
from devicelog.packages.contents import since_seal
from devicelog.packages.sealing import Written, write_later, write_package
from devicelog.recorder.attributing import AttributeCommand, attribute_here
from devicelog.store.database import open_for_writing
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import Transaction
from tests.databases import FIRST, StillClock

PROOF, PIN = b"a proof\n", b"a pin\n"
REASON = "the cheek was marked as the forehead"
SW = {"version": "0", "engine": 7}
_TYPES = {
    "stream.sealed": frozenset({"stream", "entries", "root"}),
    "stream.extended": frozenset({"stream", "later", "later_root"}),
}


def new_types() -> AbstractContextManager[object]:
    """The types of entries that sealing writes."""
    return mock.patch.dict(BODY_KEYS, {name: keys for name, keys in _TYPES.items() if name not in BODY_KEYS})


def append(path: Path, type_: str, body: Json) -> Entry:
    """Write an entry as a command would."""
    engine, head = open_for_writing(path.parent, stamps=StillClock(), sw=SW)
    with new_types(), engine.connect() as connection, connection.begin():
        return Transaction(connection, head, stamps=StillClock(), sw=SW).entry(type_, body)


def entries_of(path: Path, stream: str) -> list[Entry]:
    with Evidence(path) as evidence:
        return list(evidence.entries_of(stream, 0))


def extent(entries: list[Entry], n: str, root: str) -> Json:
    return {n: len(entries), root: Tree(entry.leaf for entry in entries).root().hex()}


def seal(path: Path, stream: str = FIRST) -> Entry:
    """Write the entry `stream.sealed`."""
    return append(path, "stream.sealed", {"stream": stream, **extent(entries_of(path, stream), "entries", "root")})


def package(path: Path, sealed: Entry, proof: bytes = PROOF) -> Written:
    """Write the package of a sealed session into the data directory of its database."""
    with Evidence(path) as evidence:
        row = evidence.stream(sealed.body["stream"])
        return write_package(evidence, row, sealed=sealed, proof=proof, pin=PIN, data_dir=path.parent)


def extend(path: Path, sealed: Entry) -> Written:
    """Write the entry `stream.extended` and the later package."""
    stream = sealed.body["stream"]
    later = since_seal(entries_of(path, stream), stream, sealed, 2**53)
    statement = append(path, "stream.extended", {"stream": stream, **extent(later, "later", "later_root")})
    with Evidence(path) as evidence:
        row = evidence.stream(stream)
        return write_later(evidence, row, sealed=sealed, statement=statement, proof=PROOF, data_dir=path.parent)


def attribute(path: Path, stream: str = FIRST, client: str | None = None) -> None:
    """Correct the zone of a session, and who it was."""
    command = AttributeCommand(
        session=stream,
        practitioner="p-07",
        reason=REASON,
        moves=(("forehead", "cheek.left"),),
        client_code=client,
    )
    assert attribute_here(path.parent, command)["ok"]


def taken_away(path: Path, to: Path, *, private: bool = True) -> Path:
    """The files of a packaged session copied to another folder, and nothing else; returns the package."""
    to.mkdir(exist_ok=True)
    for file in (path.parent / "packages").iterdir():
        if private or not file.name.endswith(".private.json"):
            shutil.copy(file, to)
    [found] = to.glob("*.package.zip")
    return found
