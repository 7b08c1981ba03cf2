"""Writing a session's package into the data directory, from the database, and reading it back before it counts.

The entries that say so (the seal, what came later), their proofs and the pin are the caller's; so is what is done with
the spool once the package's hash is in the ledger.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from devicelog.errors import EvidenceDamaged
from devicelog.ledger.consistency import Consistency
from devicelog.ledger.entries import Entry
from devicelog.ledger.seals import of_stream
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.packages.beside import make_folder, write_whole
from devicelog.packages.container import image
from devicelog.packages.contents import (
    Later,
    Sealed,
    later_members,
    named_clients,
    named_documents,
    package_members,
    private_bytes,
)
from devicelog.packages.files import blocks_of
from devicelog.packages.member import Member
from devicelog.packages.private import PrivateTexts, of_others, rows_of
from devicelog.packages.reading import PackageEvidence
from devicelog.store.database import NEEDED_FREE_BYTES
from devicelog.store.evidence import Evidence
from devicelog.store.heads import leaves
from devicelog.store.reading import StreamRow

T = TypeVar("T")

FOLDER = "packages"  # under the data directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that is on disk and was read back. `sha256` in hex."""

    path: Path
    sha256: str
    bytes: int


def package_path(data_dir: Path, stream: str) -> Path:
    """Where the package of a stream is."""
    return data_dir / FOLDER / f"{stream}.package.zip"


def later_path(data_dir: Path, stream: str) -> Path:
    """Where what came later is."""
    return data_dir / FOLDER / f"{stream}.later.zip"


def private_path(data_dir: Path, stream: str) -> Path:
    """Where the private texts are."""
    return data_dir / FOLDER / f"{stream}.private.json"


def sealed_parts(evidence: Evidence, row: StreamRow, *, sealed: Entry, proof: bytes, pin: bytes) -> Sealed:
    """What the package of a closed stream is made of, for a file or a bag. Raises EvidenceDamaged."""
    entries, _ = _around(evidence, row, sealed)
    documents = {digest: evidence.document(digest) for digest in named_documents(entries)}
    chunks = _Spooled(evidence, row["no"])
    return Sealed(entries=entries, sealed=sealed, proof=proof, pin=pin, chunks=chunks, documents=documents)


def later_parts(
    evidence: Evidence,
    row: StreamRow,
    *,
    sealed: Entry,
    sealed_proof: bytes,
    statement: Entry,
    proof: bytes,
    every: Sequence[bytes],
) -> Later:
    """What the later package of a stream is made of, as of this statement. Raises EvidenceDamaged.

    `sealed_proof`: as it is in the package, whose checkpoint is shown to be of the same log as that of `proof`.
    `every`: the leaf hashes of the ledger, as far as that checkpoint goes.
    """
    before, since = _around(evidence, row, sealed)
    entries = [entry for entry in since if entry.seq < statement.seq]
    named = named_documents(entries) - named_documents(before)
    documents = {digest: evidence.document(digest) for digest in named}
    return Later(
        stream=row["id"],
        entries=entries,
        statement=statement,
        proof=proof,
        consistency=_consistency(evidence, every, sealed_proof, proof),
        documents=documents,
    )


def write_package(
    evidence: Evidence, row: StreamRow, *, sealed: Entry, proof: bytes, pin: bytes, data_dir: Path
) -> Written:
    """Write the package of a closed stream and its private texts; everything is read back before it has its name.

    Where the same package stands already, that is success. Raises StoreUnusable (nothing is left then), EvidenceDamaged
    (another package stands there, which is never replaced; or what was written is not what belongs there).
    """
    parts = sealed_parts(evidence, row, sealed=sealed, proof=proof, pin=pin)
    path = package_path(data_dir, row["id"])

    def check(new: Path) -> None:
        with PackageEvidence(new, with_private=False, later=None) as package:
            package.check()

    size, blocks = image(_of_our_making(package_members, parts))
    make_folder(path.parent)
    if os.path.lexists(path):
        written = _hashed(path, blocks)
        if _hashed(path, blocks_of(path)) != written:
            raise EvidenceDamaged(
                f"{path} is another package of {row['id']} than the one that the database gives; it was left as it is. "
                "`devicelog verify` of both shows which one was changed."
            )
        check(path)
    else:
        written = _put(path, blocks, size, check)
    write_private(evidence, row["id"], data_dir=data_dir)
    return written


def write_later(
    evidence: Evidence, row: StreamRow, *, sealed: Entry, statement: Entry, proof: bytes, data_dir: Path
) -> Written:
    """Write what came since the seal beside the package, in place of an earlier one, and the private texts anew.

    Raises StoreUnusable (nothing is changed then), EvidenceDamaged, NotFound when there is no package.
    """
    package_file = package_path(data_dir, row["id"])
    with PackageEvidence(package_file, with_private=False, later=None) as package:
        sealed_proof = package.sealed_proof()
    parts = later_parts(
        evidence,
        row,
        sealed=sealed,
        sealed_proof=sealed_proof,
        statement=statement,
        proof=proof,
        every=leaves(evidence),
    )

    def check(new: Path) -> None:
        with PackageEvidence(package_file, with_private=False, later=new) as package:
            package.check()

    size, blocks = image(_of_our_making(later_members, parts))
    written = _put(later_path(data_dir, row["id"]), blocks, size, check)
    write_private(evidence, row["id"], data_dir=data_dir)
    return written


def write_private(evidence: Evidence, stream: str, *, data_dir: Path) -> None:
    """Write the private texts of a packaged stream as the database has them now: after an erasure they are fewer.

    Raises EvidenceDamaged when one does not fit its commitment, StoreUnusable, NotFound.
    """
    with PackageEvidence(package_path(data_dir, stream), with_private=False) as package:
        entries = package.entries()
        notes, clients = package.check() - of_others(entries), named_clients(entries)
    codes = {ref: kept for ref in clients if (kept := evidence.client_kept(ref))}
    texts = {name: kept for name in notes if (kept := evidence.note_kept(name))}
    path = private_path(data_dir, stream)
    try:
        data = private_bytes(stream, rows_of(codes, "client_ref", "code"), rows_of(texts, "commitment", "text"))
        PrivateTexts.parse(data, stream, clients)
    except (ValueError, AttributeError) as error:  # SQLite lets any value into any column
        raise EvidenceDamaged(f"the private texts of {stream} in {evidence.path} were changed: {error}") from error
    write_whole(path, (data,), size=len(data))


def _around(evidence: Evidence, row: StreamRow, sealed: Entry) -> tuple[list[Entry], list[Entry]]:
    """The entries of a stream up to its seal, and since. Raises EvidenceDamaged where the ledger has another seal."""
    before, seal, since = of_stream(evidence.entries_of(row["id"], row["no"]), row["id"])
    if seal is None or seal.data != sealed.data:
        raise EvidenceDamaged(f"ledger entry {sealed.seq} is not the seal of {row['id']}")
    return before, since


def _consistency(evidence: Evidence, every: Sequence[bytes], sealed_proof: bytes, proof: bytes) -> bytes:
    """From the checkpoint of one proof to that of another. Raises EvidenceDamaged where they are not of this log."""
    try:
        old, new = (TlogProof.parse(data).head() for data in (sealed_proof, proof))
        made = Consistency.of(every, old.size, new.size)
        made.check(old, new)
    except ValueError as error:
        raise EvidenceDamaged(f"the checkpoint of the seal is not of the log in {evidence.path}: {error}") from error
    return made.data()


class _Spooled:
    """The compressed chunks of a stream in the database, read anew each time."""

    def __init__(self, evidence: Evidence, stream_no: int) -> None:
        self._evidence, self._no = evidence, stream_no

    def __iter__(self) -> Iterator[bytes]:
        return self._evidence.blobs(self._no)


def _of_our_making(make: Callable[[T], list[Member]], parts: T) -> list[Member]:
    """The members, where the database gives what the ledger says. Raises EvidenceDamaged."""
    try:
        return make(parts)
    except EvidenceDamaged:
        raise
    except ValueError as error:
        raise EvidenceDamaged(str(error)) from error


def _put(path: Path, blocks: Iterable[bytes], size: int, check: Callable[[Path], None]) -> Written:
    digest = sha256()

    def hashed() -> Iterator[bytes]:
        for block in blocks:
            digest.update(block)
            yield block

    write_whole(path, hashed(), size=size, spare=NEEDED_FREE_BYTES, check=check)
    return Written(path=path, sha256=digest.hexdigest(), bytes=size)


def _hashed(path: Path, blocks: Iterable[bytes]) -> Written:
    size, digest = 0, sha256()
    for block in blocks:
        size += len(block)
        digest.update(block)
    return Written(path=path, sha256=digest.hexdigest(), bytes=size)
