"""Which files a session has outside the device, and what is in them (docs/package.md, "A session's files"). Pure.

The same for a package and for a bag: where they are put is the caller's. Not responsible for reading the database.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from devicelog.canonical import Json, canonical
from devicelog.ledger.entries import Entry
from devicelog.ledger.tree import Tree
from devicelog.packages.member import Member

PACKAGE_SCHEMA, LATER_SCHEMA, PRIVATE_SCHEMA = "devicelog.package/1", "devicelog.later/1", "devicelog.private/1"
PACKAGE, LATER, PRIVATE = "package.json", "later.json", "private.json"
ENTRIES, SEALED, SEALED_PROOF, PIN, CHUNKS = (
    "entries.jsonl",
    "sealed.json",
    "sealed.tlog-proof",
    "pin.txt",
    "chunks.bin",
)
STATEMENT, STATEMENT_PROOF, DOCUMENTS = "statement.json", "statement.tlog-proof", "documents/"
CONSISTENCY = "consistency.txt"
LENGTH = struct.Struct("<I")  # before each chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a package is made of. `chunks`: the compressed ones, in order; can be gone through again."""

    entries: Sequence[Entry]  # from the opening to the last before the seal
    sealed: Entry
    proof: bytes
    pin: bytes
    chunks: Iterable[bytes]
    documents: Mapping[str, bytes]  # by SHA-256, hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What a later package is made of."""

    entries: Sequence[Entry]  # those since the seal
    statement: Entry
    proof: bytes
    consistency: bytes  # from the checkpoint of the seal to that of `proof`
    documents: Mapping[str, bytes]  # those that the package has not
    stream: str


def package_members(parts: Sealed) -> list[Member]:
    """The files of a package, `package.json` first. Raises ValueError when they are not what the seal says."""
    body = parts.sealed.body
    if (fault := extent_fault(parts.entries, body["entries"], body["root"])) or not parts.entries:
        raise ValueError(f"{body['stream']}: {fault or 'no entries'}")
    return _members(
        PACKAGE,
        {"schema": PACKAGE_SCHEMA, "stream": body["stream"], "log": parts.sealed.values["log"]},
        {
            ENTRIES: _lines(parts.entries),
            SEALED: (parts.sealed.data,),
            SEALED_PROOF: (parts.proof,),
            PIN: (parts.pin,),
            CHUNKS: _Framed(parts.chunks),
            **_documents(parts.documents),
        },
    )


def later_members(parts: Later) -> list[Member]:
    """The files of a later package, `later.json` first. Raises ValueError when they are not what the statement says."""
    said = said_of(parts.statement, parts.stream)
    if said is None or (fault := extent_fault(parts.entries, *said)):
        raise ValueError(f"{parts.stream}: {fault if said else 'the statement does not name it'}")
    return _members(
        LATER,
        {"schema": LATER_SCHEMA, "stream": parts.stream, "log": parts.statement.values["log"]},
        {
            ENTRIES: _lines(parts.entries),
            STATEMENT: (parts.statement.data,),
            STATEMENT_PROOF: (parts.proof,),
            CONSISTENCY: (parts.consistency,),
            **_documents(parts.documents),
        },
    )


def private_bytes(stream: str, clients: Iterable[Json], notes: Iterable[Json]) -> bytes:
    """`private.json`. `clients`: client_ref, salt (hex), code; `notes`: commitment, salt, text."""
    return canonical(
        {
            "schema": PRIVATE_SCHEMA,
            "stream": stream,
            "clients": sorted(clients, key=lambda client: str(client["client_ref"])),
            "notes": sorted(notes, key=lambda note: str(note["commitment"])),
        }
    )


# --- what belongs to a session ----------------------------------------------------------------------------------------


def said_of(statement: Entry, stream: str) -> tuple[int, str] | None:
    """How many later entries a statement says a session has, and their root in hex; None where it says nothing.

    Raises ValueError when it cannot be one.
    """
    bodies = statement.body.get("streams", [statement.body])
    found = [body for body in bodies if isinstance(body, dict) and body.get("stream") == stream]
    if len(found) > 1:
        raise ValueError(f"ledger entry {statement.seq} names {stream} twice")
    if not found:
        return None
    n, root = found[0].get("later"), found[0].get("later_root")
    if type(n) is not int or not isinstance(root, str):
        raise ValueError(f"ledger entry {statement.seq} does not say what came later")
    return n, root


def named_documents(entries: Iterable[Entry]) -> set[str]:
    """The SHA-256 of every document that these entries name, hex."""
    named: set[str] = set()
    for entry in entries:
        documents, derived = entry.body.get("documents"), entry.body.get("derived")
        named.update(documents.values() if isinstance(documents, dict) else ())
        if isinstance(derived, str):
            named.add(derived)
    return named


def named_clients(entries: Iterable[Entry]) -> dict[str, str]:
    """The commitment to the code of each client that these entries name, by reference."""
    bodies = [entry.body for entry in entries]
    return {body["client_ref"]: body["client_commitment"] for body in bodies if body.get("client_ref") is not None}


def named_notes(entries: Iterable[Entry]) -> set[str]:
    """The commitments to reasons and to private texts in these entries; those to notes are in records."""
    named: set[str] = set()
    for entry in entries:
        reason, private = entry.body.get("reason_sha256"), entry.body.get("private")
        named.update([reason] if isinstance(reason, str) else [], private if isinstance(private, list) else [])
    return named


def extent_fault(entries: Sequence[Entry], n: int, root: str) -> str | None:
    """Why these are not the `n` entries whose tree has this root, or None."""
    if len(entries) != n:
        return f"there are {len(entries)} entries where the ledger says {n}"
    if Tree(entry.leaf for entry in entries).root().hex() != root:
        return f"its {n} entries are not those that the ledger names"
    return None


# --- bytes ------------------------------------------------------------------------------------------------------------


class _Framed:
    """`chunks.bin`, made anew each time it is gone through."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for blob in self._chunks:
            yield LENGTH.pack(len(blob)) + blob


def _lines(entries: Iterable[Entry]) -> tuple[bytes, ...]:
    return tuple(entry.data + b"\n" for entry in entries)


def _documents(documents: Mapping[str, bytes]) -> dict[str, Iterable[bytes]]:
    return {DOCUMENTS + digest: (data,) for digest, data in documents.items()}


def _members(first: str, head: Json, files: Mapping[str, Iterable[bytes]]) -> list[Member]:
    """`first` lists the others, and stands before them."""
    members = [Member.of(name, files[name]) for name in sorted(files)]
    listed = canonical({**head, "files": [member.document() for member in members]})
    return [Member.of(first, (listed,)), *members]
