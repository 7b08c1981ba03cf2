"""What somebody can do who has the file, the directory, or the keys too: history written anew, as well as it goes.

The attack itself is a change of a list of entries; how much is made to fit it again afterwards is the attacker's
strength. Written for the tests of what is found, and of what honestly is not.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from devicelog.canonical import Json, canonical
from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.entries import NO_PREVIOUS, read_entry
from devicelog.ledger.keeper import SCHEMA
from devicelog.ledger.keys import SigningKey
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.proofs import inclusion_proof
from devicelog.ledger.seals import of_stream, seal_body, statement
from devicelog.ledger.sshsig import ssh_key
from devicelog.ledger.state_file import StateFile
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.packages.sealing import FOLDER, package_path, write_later, write_package
from devicelog.store.evidence import Evidence
from devicelog.store.heads import pin_of
from devicelog.store.projection import about_names, project
from devicelog.store.schema import CHUNK_INDEX_BITS, GUARDS
from tests.databases import plain

PROJECTED = "stream"


class Strength(Enum):
    """How much an attacker makes to fit again."""

    ROWS = "edits rows only"  # and the hash in the same row
    CHAIN = "makes the chain, seals, tree and lists anew"
    OWN_KEYS = "and signs it with keys of his own"
    KEYS = "and signs it with the device's keys"


@dataclass(slots=True)
class Row:
    """One entry, as it shall stand. `was`: its number before, None for one that is put in; `at`: in the file now."""

    values: Json
    was: int | None = None
    at: int | None = None

    @property
    def body(self) -> Json:
        body: Json = self.values["body"]
        return body


@dataclass(slots=True)
class History:
    """The entries of a log, and the signed heads over them, as they shall be."""

    rows: list[Row]
    heads: list[tuple[int, bytes]]  # size and note, as they are stored
    claims_stay: bool = False  # what seals and statements say is not made to fit: that is the attack

    def sizes(self) -> list[int]:
        """How many entries each head is over now, where entries were taken out or put in before it."""
        found = []
        for size, _ in self.heads:
            places = [at for at, row in enumerate(self.rows) if row.was is not None and row.was < size]
            found.append(places[-1] + 1 if places else 0)
        return found


Attack = Callable[[History], None]
# No package can be made of what does not fit: that is the attack.
_CANNOT = (EvidenceDamaged, NotFound, ValueError, TypeError)


def rewrite(path: Path, attack: Attack, strength: Strength) -> None:
    """Do it to the database at `path`, and to what lies beside it as far as this attacker goes."""
    with plain(path) as connection:
        rows = [
            Row(json.loads(data), seq, seq) for seq, data in connection.execute("SELECT seq, bytes FROM ledger_entry")
        ]
        history = History(rows, list(connection.execute("SELECT size, note FROM checkpoint ORDER BY id")))
    before = [canonical(row.values) for row in rows]
    heads = list(history.heads)
    attack(history)
    if strength is Strength.ROWS:
        _put(path, history, [canonical(row.values) for row in history.rows], heads=history.heads)
        return
    keys = None
    if strength is not Strength.CHAIN:
        keys = _keys(path, history, own=strength is Strength.OWN_KEYS)
    _fit(history)
    if keys is None:
        # What was signed stays only where it still holds: all that he can do without a key.
        data = [canonical(row.values) for row in history.rows]
        kept = [head for head in history.heads if head not in heads or data[: head[0]] == before[: head[0]]]
        _put(path, history, data, heads=kept)
        _project(path, data)
        return
    shutil.rmtree(path.parent / FOLDER, ignore_errors=True)
    changed = [head for head in history.heads if head not in heads]  # what the attack itself wrote stays so
    packages = [row for row in history.rows if row.values["type"] == "package.written"]
    if strength is Strength.KEYS:  # what was signed over what he leaves as it was needs nothing
        data = [canonical(row.values) for row in history.rows]
        changed += [head for head in history.heads if head in heads and data[: head[0]] == before[: head[0]]]
    _signed(path, history, keys, changed)
    for row in packages:
        with suppress(*_CANNOT):
            row.body.update(_package(path, row.body["stream"]))
            _fit(history)
            _signed(path, history, keys, changed)
    for row in history.rows:
        if row.values["type"] == "stream.extended":
            with suppress(*_CANNOT):
                _later(path, row)


def named(history: History) -> tuple[set[str], set[str]]:
    """The documents that the entries name, and the private notes."""
    documents, notes = set(), set()
    for row in history.rows:
        documents |= {*row.body.get("documents", {}).values(), row.body.get("derived")}
        notes.add(row.body.get("reason_sha256"))
    return documents - {None}, notes - {None}


def resign(path: Path, size: int, root: bytes) -> bytes:
    """A note of the device's own key over anything."""
    with Evidence(path) as evidence:
        pin = pin_of(evidence)
    assert pin is not None
    return _note(SigningKey.load(_key_file(path, pin.log, "checkpoints")), pin.log, size, root)


# --- what has to fit --------------------------------------------------------------------------------------------------


def _fit(history: History) -> None:
    """Numbers, links, and what seals and statements count."""
    previous, read = NO_PREVIOUS, []
    first = None
    for seq, row in enumerate(history.rows):
        row.values |= {"seq": seq, "prev": previous}
        if not history.claims_stay:
            _claims(row, read)
        if row.values["type"] == "log.commissioned":
            row.body["first"] = first
        entry = read_entry(canonical(row.values))
        read.append(entry)
        previous = entry.leaf.hex()
        first = first or previous


def _claims(row: Row, before: list[Any]) -> None:
    kind = row.values["type"]
    for said in row.body["streams"] if kind == "export.made" else [row.body]:
        mine, _, later = of_stream(before, said.get("stream", ""))
        if kind == "stream.sealed":
            said.update(seal_body(said["stream"], mine))
        elif kind in ("stream.extended", "export.made"):
            said.update(statement(said["stream"], later))


def _put(path: Path, history: History, data: list[bytes], *, heads: list[tuple[int, bytes]]) -> None:
    """Entries, chunks under their stream's new number, heads; a document or note that nobody names any more goes."""
    new_number = {row.at: seq for seq, row in enumerate(history.rows) if row.at is not None}
    for seq, row in enumerate(history.rows):
        row.at = seq
    documents, notes = named(history)
    with plain(path) as connection:
        connection.execute("BEGIN")
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        gone = {
            json.loads(old)["body"].get("reason_sha256")
            for (old,) in connection.execute("SELECT bytes FROM ledger_entry")
        } - notes
        connection.execute("DELETE FROM ledger_entry")
        connection.executemany(
            "INSERT INTO ledger_entry VALUES (?, ?, ?)", [(seq, leaf_hash(each), each) for seq, each in enumerate(data)]
        )
        chunks = connection.execute("SELECT * FROM chunk ORDER BY id").fetchall()
        connection.execute("DELETE FROM chunk")
        mask = (1 << CHUNK_INDEX_BITS) - 1
        for id_, *rest in chunks:
            if id_ >> CHUNK_INDEX_BITS in new_number:
                moved = new_number[id_ >> CHUNK_INDEX_BITS] << CHUNK_INDEX_BITS | id_ & mask
                connection.execute(f"INSERT INTO chunk VALUES ({', '.join('?' * (1 + len(rest)))})", (moved, *rest))
        connection.executemany("DELETE FROM note WHERE commitment = ?", [(each,) for each in gone if each])
        for (digest,) in connection.execute("SELECT sha256 FROM document").fetchall():
            if digest.hex() not in documents:
                connection.execute("DELETE FROM document WHERE sha256 = ?", (digest,))
        connection.execute("DELETE FROM checkpoint")
        connection.executemany(
            "INSERT INTO checkpoint VALUES (?, ?, ?)", [(number, *head) for number, head in enumerate(heads)]
        )
        for sql in GUARDS.values():
            connection.execute(sql)
        connection.execute("COMMIT")


def _project(path: Path, data: list[bytes]) -> None:
    """The list of sessions and what is kept of the tree, as the entries now have it."""
    streams: dict[str, Json] = {}
    for each in data:
        if change := project(read_entry(each)):
            streams.setdefault(change.stream, {}).update(change.values)
    tree = Tree(leaf_hash(each) for each in data)
    with plain(path) as connection:
        connection.execute("BEGIN")
        connection.execute(f"DELETE FROM {PROJECTED}")
        for values in streams.values():
            places = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {PROJECTED} ({', '.join(values)}) VALUES ({places})", [*values.values()])
        connection.execute("DELETE FROM about")
        entries = [read_entry(each) for each in data]
        rows = [(name, entry.seq, entry.type) for entry in entries for name in about_names(entry)]
        connection.executemany("INSERT INTO about (name, seq, type) VALUES (?, ?, ?)", rows)
        connection.execute("UPDATE frontier SET size = ?, subtrees = ?", (tree.size, b"".join(tree.subtrees)))
        connection.execute("COMMIT")


# --- signatures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Keys:
    checkpoints: SigningKey
    bags: SigningKey


def _key_file(path: Path, log: str, purpose: str) -> Path:
    return path.parent / "signer" / "keys" / f"{log.partition('/')[2]}.{purpose}"


def _keys(path: Path, history: History, *, own: bool) -> _Keys:
    log = history.rows[0].values["log"]
    files = {purpose: _key_file(path, log, purpose) for purpose in ("checkpoints", "bags")}
    if own:
        for file in files.values():
            file.unlink()
            SigningKey.create(file)
    keys = _Keys(**{purpose: SigningKey.load(file) for purpose, file in files.items()})
    for row in history.rows:
        if row.values["type"] == "log.commissioned":
            vkey = VerifierKey(name=log, algorithm=ED25519, public=keys.checkpoints.public).text()
            row.body.update(vkey=vkey, ssh_key=ssh_key(keys.bags.public))
    return keys


def _note(key: SigningKey, log: str, size: int, root: bytes) -> bytes:
    body = Checkpoint(origin=log, size=size, root=root).body()
    verifier = VerifierKey(name=log, algorithm=ED25519, public=key.public)
    return SignedNote(text=body, signatures=(log_signature(verifier, key.sign(body.encode())),)).data()


def _signed(path: Path, history: History, keys: _Keys, changed: list[tuple[int, bytes]]) -> None:
    """Everything as it shall be, with heads that fit, and a signer that remembers nothing else."""
    data = [canonical(row.values) for row in history.rows]
    leaves = [leaf_hash(each) for each in data]
    log, heads = history.rows[0].values["log"], []
    for size, head in zip(history.sizes(), history.heads, strict=True):
        heads.append(
            head if head in changed else (size, _note(keys.checkpoints, log, size, Tree(leaves[:size]).root()))
        )
    _put(path, history, data, heads=heads)
    _project(path, data)
    newest = max((size for size, _ in heads), default=0)
    file = StateFile(path.parent / "signer", "state.json", SCHEMA)
    with file.locked():
        state = file.read()
        assert state is not None
        kept = state["logs"][0] | {
            "first": leaves[0].hex(),
            "size": newest,
            "root": Tree(leaves[:newest]).root().hex(),
            "checkpoints": keys.checkpoints.public.hex(),
            "bags": keys.bags.public.hex(),
        }
        file.write({"logs": [kept]})


def _proof(path: Path, seq: int) -> bytes:
    with plain(path) as connection:
        leaves = [leaf for (leaf,) in connection.execute("SELECT leaf FROM ledger_entry ORDER BY seq")]
        query = "SELECT size, note FROM checkpoint WHERE size > ? ORDER BY size LIMIT 1"
        [(size, note)] = connection.execute(query, (seq,)).fetchall()
    return TlogProof(index=seq, hashes=tuple(inclusion_proof(leaves[:size], seq)), checkpoint=note).data()


def _package(path: Path, stream: str) -> Json:
    """The package of a stream written anew; what its entry says of it."""
    with Evidence(path) as evidence:
        row, pin = evidence.stream(stream), pin_of(evidence)
        assert pin is not None
        sealed = evidence.entry(row["sealed_seq"])
        package_path(path.parent, stream).unlink(missing_ok=True)
        written = write_package(
            evidence,
            row,
            sealed=sealed,
            proof=_proof(path, sealed.seq),
            pin=pin.text().encode(),
            data_dir=path.parent,
        )
    return {"sha256": written.sha256, "bytes": written.bytes}


def _later(path: Path, said: Row) -> None:
    with Evidence(path) as evidence:
        row, seq = evidence.stream(said.body["stream"]), said.values["seq"]
        sealed = evidence.entry(row["sealed_seq"])
        write_later(
            evidence, row, sealed=sealed, statement=evidence.entry(seq), proof=_proof(path, seq), data_dir=path.parent
        )
