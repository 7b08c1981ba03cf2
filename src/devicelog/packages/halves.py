"""The two halves of a session outside the device: what was sealed, and what came later. Each against its entry.

A half is the list of its files and the entries in it, which are all that its seal, or its statement, says. Records,
documents and private texts are read elsewhere (reading.py).
"""

from dataclasses import dataclass
from typing import Self

from devicelog.errors import CannotDecide, EvidenceDamaged
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.consistency import Consistency
from devicelog.ledger.entries import Entry
from devicelog.ledger.proofs import check_inclusion
from devicelog.ledger.seals import of_stream
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.packages.contents import (
    CHUNKS,
    CONSISTENCY,
    ENTRIES,
    LATER,
    LATER_SCHEMA,
    PACKAGE,
    PACKAGE_SCHEMA,
    PIN,
    SEALED,
    SEALED_PROOF,
    STATEMENT,
    STATEMENT_PROOF,
    extent_fault,
    named_documents,
    said_of,
)
from devicelog.packages.files import Files
from devicelog.packages.listed import Listed, order_fault

CLOSING = {"session.opened": "session.closed", "span.opened": "span.recorded"}
_ENDS = {*CLOSING, *CLOSING.values()}
_STATEMENTS = ("stream.extended", "export.made")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHalf:
    """Up to the seal: the opening first, the closing entry somewhere behind it."""

    files: Listed
    sealed: Entry
    entries: list[Entry]
    closing: Entry

    @classmethod
    def open(cls, files: Files) -> Self:
        """Raises EvidenceDamaged, naming the file and the place in it; CannotDecide for a later version."""
        listed = Listed(files, PACKAGE, PACKAGE_SCHEMA, (ENTRIES, SEALED, SEALED_PROOF, PIN, CHUNKS))
        sealed, entries, stream = listed.entry(SEALED), listed.entries(), listed.stream
        if sealed.type != "stream.sealed" or sealed.body.get("stream") != stream:
            raise EvidenceDamaged(f"{listed.where}{SEALED} is not the seal of {stream}")
        n, root = sealed.body.get("entries"), sealed.body.get("root")
        if type(n) is not int or not isinstance(root, str):
            raise EvidenceDamaged(f"{listed.where}{SEALED} does not say which entries it seals")
        if fault := extent_fault(entries, n, root):
            raise EvidenceDamaged(f"{listed.where}{ENTRIES}: {fault}")
        ends = [entry for entry in entries if entry.type in _ENDS]
        opening = entries[0].type if entries else ""
        if [entry.type for entry in ends] != [opening, CLOSING.get(opening)]:
            raise EvidenceDamaged(f"{listed.where}{ENTRIES}: {stream} is not opened first and then closed, once each")
        if stranger := _stranger(entries, stream):
            raise EvidenceDamaged(f"{listed.where}{ENTRIES}: {stranger} is not of {stream}")
        if fault := order_fault(entries[-1], sealed):
            raise EvidenceDamaged(f"{listed.where}{SEALED}: {fault}")
        _check_documents(listed, named_documents(entries))
        return cls(files=listed, sealed=sealed, entries=entries, closing=ends[1])

    def check_proof(self) -> Checkpoint:
        """The checkpoint beside the seal, whoever signed it. Raises EvidenceDamaged unless the seal is in its tree."""
        return _check_proof(self.files, SEALED_PROOF, self.sealed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterHalf:
    """Since the seal, complete as of the statement."""

    files: Listed
    statement: Entry
    entries: list[Entry]

    @classmethod
    def open(cls, files: Files, before: SealedHalf, *, under: str = "") -> Self:
        """`under`: the folder it is in. Raises what `SealedHalf.open` raises."""
        listed = Listed(
            files, LATER, LATER_SCHEMA, (ENTRIES, STATEMENT, STATEMENT_PROOF), under=under, allowed=(CONSISTENCY,)
        )
        stream, log = before.files.stream, before.files.log
        if (listed.stream, listed.log) != (stream, log):
            raise EvidenceDamaged(f"{listed.where}it is of {listed.stream} in {listed.log}, not of {stream} in {log}")
        strays = {name for name in files.sizes() if name.startswith(under)} - {under + name for name in listed.names}
        if strays:
            raise EvidenceDamaged(f"{listed.where}{min(strays).removeprefix(under)} is in no list")
        statement, entries = listed.entry(STATEMENT), listed.entries()
        try:
            said = said_of(statement, stream) if statement.type in _STATEMENTS else None
        except ValueError as error:
            raise EvidenceDamaged(f"{listed.where}{STATEMENT}: {error}") from error
        if said is None:
            raise EvidenceDamaged(f"{listed.where}{STATEMENT} says nothing of {stream}")
        if fault := extent_fault(entries, *said):
            raise EvidenceDamaged(f"{listed.where}{ENTRIES}: {fault}")
        last = before.sealed
        for entry in (*entries, statement):
            if fault := order_fault(last, entry):
                raise EvidenceDamaged(f"{listed.where}{ENTRIES}: {fault}")
            last = entry
        again = next((f"entry {entry.seq} ({entry.type})" for entry in entries if entry.type in _ENDS), None)
        if stranger := _stranger(entries, stream) or again:
            raise EvidenceDamaged(f"{listed.where}{ENTRIES}: {stranger} is not of {stream} since its seal")
        _check_documents(listed, named_documents(entries) - named_documents(before.entries))
        return cls(files=listed, statement=statement, entries=entries)

    def check_proof(self, seal: Checkpoint) -> None:
        """Raises EvidenceDamaged unless the statement is in the tree of the checkpoint beside it, which continues that
        of the seal; CannotDecide where nothing says whether it does."""
        head, listed = _check_proof(self.files, STATEMENT_PROOF, self.statement), self.files
        if CONSISTENCY not in listed.listed():
            if head.body() == seal.body():
                return
            raise CannotDecide(
                f"{listed.where}{CONSISTENCY} is missing: whether the checkpoint of the seal, over {seal.size} "
                f"entries, and that of the statement, over {head.size}, are of one history cannot be told from this."
            )
        data = listed.read(CONSISTENCY)
        try:
            Consistency.parse(data).check(seal, head)
        except ValueError as error:
            raise EvidenceDamaged(f"{listed.where}{CONSISTENCY}: {error}") from error


def _stranger(entries: list[Entry], stream: str) -> str | None:
    """The first of these entries that is of another stream, or about packages; None where all belong."""
    own = {entry.seq for entry in of_stream(entries, stream)[0]}
    return next((f"entry {entry.seq} ({entry.type})" for entry in entries if entry.seq not in own), None)


def _check_proof(listed: Listed, name: str, entry: Entry) -> Checkpoint:
    """Of the tree alone: a checkpoint's signature says something only with a key that somebody pinned."""
    data = listed.read(name)
    try:
        proof = TlogProof.parse(data)
        checkpoint = proof.head()
        if (proof.index, checkpoint.origin) != (entry.seq, listed.log):
            raise ValueError(f"it is of entry {proof.index} of {checkpoint.origin}, not of entry {entry.seq}")
        check_inclusion(entry.leaf, proof.index, checkpoint.size, checkpoint.root, proof.hashes)
    except ValueError as error:
        raise EvidenceDamaged(f"{listed.where}{name}: {error}") from error
    return checkpoint


def _check_documents(listed: Listed, named: set[str]) -> None:
    """The documents are those that the entries name, and no others."""
    if odd := sorted(listed.documents() ^ named):
        what = "is missing" if odd[0] in named else "is named by none of its entries"
        raise EvidenceDamaged(f"{listed.where}document {odd[0]} {what}")
