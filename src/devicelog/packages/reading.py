"""A session read from its package, or from the folder of a bag, as it is read from the database (store/reading.py).

What is read is checked on the way: against the list of files, the seal's root over the entries, and the roots over the
chunks. Whether the seal itself is in a log that somebody pinned is for `verify`: nothing here trusts or checks a key.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from devicelog.canonical import Json
from devicelog.errors import CannotDecide, EvidenceDamaged, NotFound
from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import Entry
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.packages.container import Container
from devicelog.packages.contents import (
    CHUNKS,
    DOCUMENTS,
    LENGTH,
    PIN,
    PRIVATE,
    SEALED_PROOF,
    STATEMENT_PROOF,
    Sealed,
    named_clients,
    named_notes,
)
from devicelog.packages.files import Files, Folder, blocks_of
from devicelog.packages.halves import LaterHalf, SealedHalf
from devicelog.packages.listed import MAX_WHOLE, Listed
from devicelog.packages.private import PrivateTexts
from devicelog.records import MARK, Chunk, Mark, Record, item_of
from devicelog.store.projection import projected
from devicelog.store.reading import StreamRow, find_stream

_IN_BAG = "later/"
_BESIDE = Path()


class PackageEvidence:
    """One session outside the database. A context manager.

    `path`: a package file, with `<stream>.later.zip` and `<stream>.private.json` beside it where there are some, or a
    folder of a bag. `later`: another later package than the one beside it, or None for none. Raises NotFound,
    StoreUnusable, EvidenceDamaged (naming the file and the place in it), CannotDecide for one of a later version.
    """

    def __init__(self, path: Path, *, with_private: bool = True, later: Path | None = _BESIDE) -> None:
        self.path = path
        with ExitStack() as undo:
            files: Files = undo.enter_context(closing(Folder(path) if path.is_dir() else Container(path)))
            self._sealed = SealedHalf.open(files)
            self.id, self.log, self.sealed = self._sealed.files.stream, self._sealed.files.log, self._sealed.sealed
            self._later = self._open_later(files, undo, later)
            self.statement = self._later.statement if self._later else None
            self._check_strays(files)
            self._row = projected([*self._sealed.entries, self.sealed, *(self._later.entries if self._later else ())])
            self._private = self._open_private() if with_private else None
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Close the files. May be called again."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- of the package itself ----------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """Its entries, oldest first: those up to the seal, and those since then that came with it."""
        return [*self._sealed.entries, *(self._later.entries if self._later else ())]

    def check(self) -> set[str]:
        """Read every byte, so that all that can be checked is. Returns the commitments to texts in records and entries.

        Raises EvidenceDamaged; CannotDecide for a private text that may belong to what came later, which is not here,
        and where nothing shows that the seal and what came later are of one history.
        """
        head = self._sealed.check_proof()
        if self._later:
            self._later.check_proof(head)
        for listed in self._lists():
            for name in sorted(listed.listed() - {CHUNKS}):
                for _ in listed.blocks(name):
                    pass
        self.attributions(self._row)
        notes = named_notes(self.entries())
        for record in self.records(self._row["no"]):
            if record.kind == MARK:
                try:
                    mark = item_of(record)
                except ValueError as error:
                    raise self._damaged(f"record {record.number} was changed: {error}") from error
                if isinstance(mark, Mark) and mark.note_sha256:
                    notes.add(mark.note_sha256)
        self._check_private(notes)
        return notes

    def parts(self) -> Sealed:
        """What it is made of, for a bag or another package. While it is open."""
        listed = self._sealed.files
        return Sealed(
            entries=self._sealed.entries,
            sealed=self.sealed,
            proof=self.sealed_proof(),
            pin=listed.read(PIN),
            chunks=_Blobs(listed),
            documents={digest: self.document(digest) for digest in listed.documents()},
        )

    def sealed_proof(self) -> bytes:
        """That the seal is in the log."""
        return self._sealed.files.read(SEALED_PROOF)

    def statement_proof(self) -> bytes | None:
        """That the statement of what came later is in the log; None where nothing of that is here."""
        return None if self._later is None else self._later.files.read(STATEMENT_PROOF)

    # --- as from the database -----------------------------------------------------------------------------------------

    def streams(self) -> list[StreamRow]:
        """The one that it is of. What is said about packages (`package`, `released_seq`) is not in one: null."""
        return [dict(self._row)]

    def stream(self, prefix: str) -> StreamRow:
        """The one that it is of, if its id begins so. Raises NotFound."""
        return find_stream(self.streams(), prefix)

    def entry(self, seq: int) -> Entry:
        """One ledger entry of this session. Raises NotFound for any other."""
        known = [*self.entries(), self.sealed, *([self.statement] if self.statement else [])]
        found = next((entry for entry in known if entry.seq == seq), None)
        if found is None:
            raise NotFound(f"there is no ledger entry {seq} in {self.path}")
        return found

    def closing(self, row: StreamRow) -> Entry | None:
        """The closing entry of the stream."""
        return self.entry(row["closed_seq"])

    def derivations(self, row: StreamRow) -> list[Entry]:
        """The entries that name a derived record, oldest first."""
        return [self._sealed.closing, *self.attributions(row)]

    def attributions(self, row: StreamRow) -> list[Entry]:
        """The corrections of the session, oldest first."""
        found = [entry for entry in self.entries() if entry.type == "session.attributed"]
        for number, entry in enumerate(found, 2):
            if entry.body["number"] != number:
                raise self._damaged(f"ledger entry {entry.seq} is not derivation {number} of {row['id']}")
        return found

    def desk_entries(self, row: StreamRow) -> list[Entry]:
        """The entries of the clinic's desk about the session, before and after its seal, oldest first."""
        return [entry for entry in self.entries() if entry.type in TOLD and entry.body["stream"] == row["id"]]

    def document(self, digest: str) -> bytes:
        """A document by its SHA-256 in hex. Raises EvidenceDamaged when it is missing or is another."""
        for listed in self._lists():
            if digest in listed.documents():
                return listed.read(DOCUMENTS + digest)
        raise self._damaged(f"document {digest} is missing")

    def documents(self, opening: Entry) -> dict[str, bytes]:
        """The documents that an opening entry names, by SHA-256 in hex."""
        return {digest: self.document(digest) for digest in opening.body["documents"].values()}

    def chunks(self, stream_no: int) -> Iterator[Chunk]:
        """The chunks in order, against every root that the entries name. Raises EvidenceDamaged, naming the chunk."""
        if stream_no != self._row["no"]:
            raise NotFound(f"there is no stream {stream_no} in {self.path}")
        end = self._sealed.closing.body
        commitments = [entry.body for entry in self._sealed.entries if entry.type == "chunks.committed"]
        tree, records = Tree(), 0
        for index, blob in enumerate(_Blobs(self._sealed.files)):
            where = f"chunk {index} of {CHUNKS}"
            try:
                chunk = Chunk.parse(_inflated(blob))
            except (zlib.error, ValueError) as error:
                raise self._damaged(f"{where} was changed: {error}") from error
            if chunk.stream != self.id or chunk.records[0].number != records:
                first = chunk.records[0].number
                raise self._damaged(f"{where} belongs to another place: {chunk.stream}, record {first}")
            tree.append(leaf_hash(chunk.data))
            records += len(chunk.records)
            for body in commitments:
                if body["chunks"] == tree.size:
                    self._check_extent(body, tree, records)
            yield chunk
        if tree.size != end["chunks"]:
            raise self._damaged(f"{CHUNKS} has {tree.size} chunks; {self.id} was closed with {end['chunks']}")
        self._check_extent(end, tree, records)

    def records(self, stream_no: int) -> Iterator[Record]:
        """The records in order."""
        for chunk in self.chunks(stream_no):
            yield from chunk.records

    def client_code(self, client_ref: str | None) -> str | None:
        """The code behind a reference; None when it was erased or the private file is not here."""
        return None if client_ref is None or self._private is None else self._private.codes.get(client_ref)

    def note_text(self, commitment: str) -> str | None:
        """The text behind a note's commitment; None when it was erased or the private file is not here."""
        return None if self._private is None else self._private.texts.get(commitment)

    # --- opening ------------------------------------------------------------------------------------------------------

    def _open_later(self, files: Files, undo: ExitStack, later: Path | None) -> LaterHalf | None:
        if isinstance(files, Folder):
            there = any(name.startswith(_IN_BAG) for name in files.sizes())
            return LaterHalf.open(files, self._sealed, under=_IN_BAG) if there else None
        path = self.path.with_name(f"{self.id}.later.zip") if later is _BESIDE else later
        if path is None or not os.path.lexists(path):
            return None
        return LaterHalf.open(undo.enter_context(closing(Container(path))), self._sealed)

    def _check_strays(self, files: Files) -> None:
        names = set(files.sizes())
        if isinstance(files, Folder):
            names = {name for name in names if not name.startswith(_IN_BAG)} - {PRIVATE}
        if strays := names - self._sealed.files.names:
            raise self._damaged(f"{min(strays)} is in no list")

    def _open_private(self) -> PrivateTexts | None:
        path = self.path / PRIVATE if self.path.is_dir() else self.path.with_name(f"{self.id}.private.json")
        if not os.path.lexists(path):
            return None
        data = bytearray()
        for block in blocks_of(path):
            data += block
            if len(data) > MAX_WHOLE:
                raise EvidenceDamaged(f"{path} is longer than any that we write")
        try:
            return PrivateTexts.parse(bytes(data), self.id, named_clients(self.entries()))
        except ValueError as error:
            raise EvidenceDamaged(f"{path} was changed: {error}") from error

    def _check_private(self, notes: set[str]) -> None:
        if self._private is None:
            return
        strange = sorted({*self._private.texts} - notes) + sorted(
            {*self._private.codes} - {*named_clients(self.entries())}
        )
        if strange and self._later is None:
            raise CannotDecide(
                f"{self.path}: the private text of {strange[0]} fits nothing up to the seal of {self.id}, and what "
                f"came later is not here: put {self.id}.later.zip beside it, or leave the private file out."
            )
        if strange:
            raise self._damaged(f"the private text of {strange[0]} is in no record and no entry of {self.id}")

    def _lists(self) -> list[Listed]:
        return [self._sealed.files, *((self._later.files,) if self._later else ())]

    def _check_extent(self, body: Json, tree: Tree, records: int) -> None:
        if (body["records"], body["root"]) != (records, tree.root().hex()):
            raise self._damaged(f"{CHUNKS}: its first {tree.size} chunks are not those that the ledger names")

    def _damaged(self, why: str) -> EvidenceDamaged:
        return EvidenceDamaged(f"{self.path}: {why}")


class _Blobs:
    """The chunks of `chunks.bin` in order, compressed, as they are kept; read anew each time."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed

    def __iter__(self) -> Iterator[bytes]:
        buffer = bytearray()
        for block in self._listed.blocks(CHUNKS):
            buffer += block
            at = 0
            while len(buffer) - at >= LENGTH.size:
                (length,) = LENGTH.unpack_from(buffer, at)
                if length > MAX_WHOLE:
                    raise EvidenceDamaged(f"{self._listed.where}{CHUNKS} was changed: a chunk of {length} bytes")
                if len(buffer) - at - LENGTH.size < length:
                    break
                at += LENGTH.size
                yield bytes(buffer[at : at + length])
                at += length
            del buffer[:at]
        if buffer:
            raise EvidenceDamaged(f"{self._listed.where}{CHUNKS} ends in the middle of a chunk")


def _inflated(blob: bytes) -> bytes:
    """What a compressed chunk holds. Raises zlib.error, ValueError; never makes more than MAX_WHOLE bytes."""
    inflater = zlib.decompressobj()
    data = inflater.decompress(blob, MAX_WHOLE)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("its stored bytes are not one compressed chunk")
    return data
