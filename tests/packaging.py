"""A packaged session, made of the database of tests/databases.py: sealed in the ledger, proved, then written."""

import shutil
from pathlib import Path

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.entries import Entry
from devicelog.ledger.keys import SigningKey
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.proofs import inclusion_proof
from devicelog.ledger.seals import of_stream, seal_body, statement
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import Tree
from devicelog.packages.sealing import Written, write_later, write_package
from devicelog.recorder.attributing import AttributeCommand, attribute_here
from devicelog.store.database import open_for_writing
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import Transaction
from tests.databases import FIRST, StillClock, rows

REASON = "the cheek was marked as the forehead"
SW = {"version": "0", "engine": 7}


def append(path: Path, type_: str, body: Json) -> Entry:
    """Write an entry as a command would."""
    engine, head = open_for_writing(path.parent, stamps=StillClock(), sw=SW)
    with engine.connect() as connection, connection.begin():
        return Transaction(connection, head, stamps=StillClock(), sw=SW).entry(type_, body)


def around(path: Path, stream: str) -> tuple[list[Entry], list[Entry]]:
    """The entries of a stream up to its seal, and since."""
    with Evidence(path) as evidence:
        before, _, since = of_stream(evidence.entries_of(stream, 0), stream)
    return before, since


def seal(path: Path, stream: str = FIRST) -> Entry:
    """Write the entry `stream.sealed`."""
    return append(path, "stream.sealed", seal_body(stream, around(path, stream)[0]))


def keys_of(path: Path) -> tuple[SigningKey, Pin]:
    """The key that signs the checkpoints of this database's log, and the pin."""
    folder = path.parent / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    key, bags = (
        SigningKey.load(file) if file.exists() else SigningKey.create(file)
        for file in (folder / "checkpoints", folder / "bags")
    )
    [(first, data)] = rows(path, "SELECT leaf, bytes FROM ledger_entry WHERE seq = 0")
    log = parse_canonical(data)["log"]
    verifier = VerifierKey(name=log, algorithm=ED25519, public=key.public)
    return key, Pin(log=log, first=first, checkpoints=verifier, bags=bags.public)


def proof_of(path: Path, entry: Entry, *, index: int | None = None) -> bytes:
    """That an entry is in the tree of the whole ledger, by a checkpoint that the log's key signed."""
    leaves = [leaf for (leaf,) in rows(path, "SELECT leaf FROM ledger_entry ORDER BY seq")]
    key, pin = keys_of(path)
    body = Checkpoint(origin=pin.log, size=len(leaves), root=Tree(leaves).root()).body()
    note = SignedNote(text=body, signatures=(log_signature(pin.checkpoints, key.sign(body.encode())),))
    hashes = tuple(inclusion_proof(leaves, entry.seq))
    return TlogProof(index=entry.seq if index is None else index, hashes=hashes, checkpoint=note.data()).data()


def package(path: Path, sealed: Entry, proof: bytes | None = None) -> Written:
    """Write the package of a sealed session into the data directory of its database."""
    proof = proof_of(path, sealed) if proof is None else proof
    pin = keys_of(path)[1].text().encode()
    with Evidence(path) as evidence:
        row = evidence.stream(sealed.body["stream"])
        return write_package(evidence, row, sealed=sealed, proof=proof, pin=pin, data_dir=path.parent)


def extend(path: Path, sealed: Entry) -> Written:
    """Write the entry `stream.extended` and the later package."""
    stream = sealed.body["stream"]
    said = append(path, "stream.extended", statement(stream, around(path, stream)[1]))
    with Evidence(path) as evidence:
        row = evidence.stream(stream)
        proof = proof_of(path, said)
        return write_later(evidence, row, sealed=sealed, statement=said, proof=proof, data_dir=path.parent)


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
