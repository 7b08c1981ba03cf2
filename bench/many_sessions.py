"""The ledger of thousands of sessions, laid down at once: a database to be verified, and the bag of an inspection.

`python -m bench.many_sessions DIRECTORY SESSIONS` makes both (once) and says what verifying each took. Twelve entries a
session and a checkpoint at each seal, as the recorder writes them; the sessions have no samples, so that what is
measured is entries.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.measure import spent
from devicelog.canonical import Json, canonical
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.entries import NO_PREVIOUS, RECORDER, Entry, entry_bytes, read_entry
from devicelog.ledger.keys import SigningKey
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.pin import BAG_NAMESPACE, Pin
from devicelog.ledger.proofs import inclusion_proof
from devicelog.ledger.seals import seal_body
from devicelog.ledger.sshsig import armoured, ssh_key, to_be_signed
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import EMPTY_ROOT, Tree
from devicelog.packages.bag import BagWriter
from devicelog.recorder.clock import RecorderClock
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.projection import project

SW: Json = {"engine": 1, "version": "0"}
DOCUMENT = canonical({"engine": 1, "schema": "devicelog.bench/1", "verdict": "conforming"})
_COMMITS, _DIGITS = 6, "0123456789abcdefghjkmnpqrstvwxyz"


class Ledger:
    """Entries of one log, its keys, and a checkpoint wherever it is asked for one."""

    def __init__(self, first: bytes, keys: Path) -> None:
        self.entries = [read_entry(first)]
        self.tree = Tree([self.entries[0].leaf])
        self.heads: list[tuple[int, bytes]] = []
        self.log = str(self.entries[0].values["log"])
        self._key, self._bags = (SigningKey.create(keys / name) for name in ("checkpoints", "bags"))
        self._verifier = VerifierKey(name=self.log, algorithm=ED25519, public=self._key.public)
        self.pin = Pin(log=self.log, first=self.entries[0].leaf, checkpoints=self._verifier, bags=self._bags.public)
        vkey, key = self._verifier.text(), ssh_key(self._bags.public)
        first_leaf = self.entries[0].leaf.hex()
        self.add("log.commissioned", {"vkey": vkey, "ssh_key": key, "first": first_leaf, "signer": "same user"})

    def add(self, type_: str, body: Json) -> Entry:
        """Append an entry."""
        seq = len(self.entries)
        stamp = {
            "at": f"2031-{1 + seq // 30_000:02}-{1 + seq // 1000 % 28:02}T{seq // 60 % 24:02}:{seq % 60:02}:00.000Z",
            "mono_us": seq * 1_000_000,
            "boot": "0f9a3c9e-6a0f-4a55-9a55-1f3d6d1f2b10",
            "clock": "synced",
        }
        data = entry_bytes(
            log=self.log,
            seq=seq,
            nonce=sha256(str(seq).encode()).hexdigest()[:32],
            prev=self.entries[-1].leaf.hex() if self.entries else NO_PREVIOUS,
            stamp=stamp,
            actor=RECORDER,
            sw=SW,
            type_=type_,
            body=body,
        )
        entry = read_entry(data)
        self.entries.append(entry)
        self.tree.append(entry.leaf)
        return entry

    def sign(self) -> bytes:
        """A checkpoint of all there is."""
        body = Checkpoint(origin=self.log, size=self.tree.size, root=self.tree.root()).body()
        line = log_signature(self._verifier, self._key.sign(body.encode()))
        note = SignedNote(text=body, signatures=(line,)).data()
        self.heads.append((self.tree.size, note))
        return note

    def sign_bag(self, digest: bytes) -> bytes:
        """The armour over a tag manifest."""
        return armoured(self._bags.public, self._bags.sign(to_be_signed(digest, BAG_NAMESPACE)), BAG_NAMESPACE)


def session(ledger: Ledger, number: int) -> None:
    """Twelve entries: a session without samples, sealed and packaged."""
    stream = "s-" + "".join(_DIGITS[number >> 5 * place & 31] for place in range(9, -1, -1))
    digest = sha256(DOCUMENT).hexdigest()
    extent = {"stream": stream, "chunks": 0, "records": 0, "root": EMPTY_ROOT.hex()}
    opened: Json = {
        "stream": stream,
        "documents": {"profile": digest, "rules": digest},
        "client_ref": f"c-{number:016x}",  # whose code was erased
        "client_commitment": sha256(stream.encode()).hexdigest(),
        "practitioner": "p-07",
        "plan": "full-face",
        "pen": {"serial": "A0042", "firmware": "1.4.2", "protocol_major": 1},
        "pen_before": None,
        "pen_heard": None,
        "mode": "demo",
    }
    mine = [ledger.add("session.opened", opened)]
    mine += [ledger.add("chunks.committed", extent) for _ in range(_COMMITS)]
    for event, was, to in (("pause", "recording", "paused"), ("resume", "paused", "recording")):
        body = {"stream": stream, "event": event, "from": was, "to": to, "record": 0}
        mine.append(ledger.add("state.changed", body))
    closed = {
        **extent,
        "ended": "closed",
        "cause": "operator",
        "derived": digest,
        "mode": "demo",
        "pen_serial": "A0042",
        "engine": 1,
        "verdict": "conforming",
    }
    mine.append(ledger.add("session.closed", closed))
    ledger.add("stream.sealed", seal_body(stream, mine))
    ledger.sign()
    ledger.add("package.written", {"stream": stream, "sha256": digest, "bytes": 1000})


def make(directory: Path, sessions: int) -> None:
    """The database and the bag."""
    data_dir = directory / "data"
    prepare_data_dir(data_dir)
    engine, _ = open_for_writing(data_dir, stamps=RecorderClock(), sw=SW)
    engine.dispose()
    with sqlite3.connect(data_dir / FILE_NAME) as connection:
        [(first,)] = connection.execute("SELECT bytes FROM ledger_entry").fetchall()
        ledger = Ledger(first, directory / "keys")
        for number in range(sessions):
            session(ledger, number)
        days = {"from": "2031-01-01", "to": "2031-12-31"}
        body = {"streams": [], "formats": ["bag"], "redacted": False, "recipient": None, "inspection": days}
        export = ledger.add("export.made", body)
        note = ledger.sign()
        connection.executemany(
            "INSERT INTO ledger_entry VALUES (?, ?, ?)", [(e.seq, e.leaf, e.data) for e in ledger.entries[1:]]
        )
        connection.executemany("INSERT INTO checkpoint VALUES (?, ?, ?)", [(n, *h) for n, h in enumerate(ledger.heads)])
        connection.execute("INSERT INTO document VALUES (0, ?, ?)", (sha256(DOCUMENT).digest(), DOCUMENT))
        rows: dict[str, Json] = {}
        for entry in ledger.entries:
            if change := project(entry):
                rows.setdefault(change.stream, {}).update(change.values)
        for row in rows.values():
            connection.execute(
                f"INSERT INTO stream ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
            )
        values = (ledger.tree.size, b"".join(ledger.tree.subtrees))
        connection.execute("UPDATE frontier SET size = ?, subtrees = ?", values)
    connection.close()
    hashes = inclusion_proof([entry.leaf for entry in ledger.entries], export.seq)
    with BagWriter(directory / "bag", log=ledger.log, software="devicelog bench") as bag:
        bag.add("pin.txt", [ledger.pin.text().encode()])
        bag.add("checkpoint", [note])
        bag.add("export.json", [export.data])
        proof = TlogProof(index=export.seq, hashes=tuple(hashes), checkpoint=note)
        bag.add("export.tlog-proof", [proof.data()])
        bag.add("log/entries.jsonl", _lines(ledger))
        bag.finish("2031-12-31", ledger.sign_bag)
    (directory / "pin").write_text(ledger.pin.text())


def _lines(ledger: Ledger) -> Iterator[bytes]:
    for entry in ledger.entries:
        yield entry.data + b"\n"


def main(directory: Path, sessions: int) -> dict[str, Any]:
    """CPU seconds and peak memory in MB of the two checks, as somebody types them."""
    if not directory.exists():
        directory.mkdir(parents=True)
        make(directory, sessions)
    pin = str(directory / "pin")
    return {
        "entries": 12 * sessions + 3,
        "database": spent("-m", "devicelog", "verify", "--all", "--key", pin, "--data-dir", str(directory / "data")),
        "bag": spent("-I", "-S", "src/devicelog/verify.py", str(directory / "bag"), "--key", pin),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
