"""Bags and packages for the tests of the verifier, written from docs/package.md and from nothing that writes any.

Everything is bytes by name, so that a test changes what it likes before it is laid down. ZIPs come from Python's
zipfile, signatures from `cryptography`; tree and proofs are the recursive definitions of RFC 9162, word for word.
"""

import base64
import io
import json
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devicelog.canonical import Json, canonical
from devicelog.ledger.entries import NO_PREVIOUS
from devicelog.records import Chunk, Clock, End, Mark, Record, record_of
from firmware_bridge.readings import SerialChunk

Contents = dict[str, bytes]

LOG = "devicelog/0123456789abcdef0123456789abcdef"
OTHER_LOG = "devicelog/fedcba9876543210fedcba9876543210"
SESSION, SECOND = "s-0000000002", "s-0000000003"
NOTE, CLIENT = "numbing cream at 14:10, Kühlung", "K-1047"
NOTE_SALT, CLIENT_SALT = b"n" * 32, b"c" * 32
CLIENT_REF = "c-0123456789abcdef"


def sealed_by(seed: str) -> Ed25519PrivateKey:
    """A key that is the same every time."""
    return Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def committed(tag: bytes, salt: bytes, text: str) -> str:
    return sha256(tag + salt + text.encode()).hexdigest()


# --- RFC 9162, 2.1 ----------------------------------------------------------------------------------------------------


def leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def split(n: int) -> int:
    return 1 << (n - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = split(len(leaves))
    return sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(leaves: Sequence[bytes], m: int) -> list[bytes]:
    if len(leaves) < 2:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(leaves[:k], m), root(leaves[k:])]
    return [*path(leaves[k:], m - k), root(leaves[:k])]


def continued(leaves: Sequence[bytes], m: int, *, whole: bool = True) -> list[bytes]:
    """PROOF(m, D[n]) of 2.1.4.1; `whole`: its SUBPROOF's b."""
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*continued(leaves[:k], m, whole=whole), root(leaves[k:])]
    return [*continued(leaves[k:], m - k, whole=False), root(leaves[:k])]


# --- keys and notes ---------------------------------------------------------------------------------------------------


def vkey(name: str, algorithm: int, key: Ed25519PrivateKey) -> str:
    return f"{name}+{key_id(name, algorithm, key).hex()}+{b64(bytes([algorithm]) + public(key))}"


def key_id(name: str, algorithm: int, key: Ed25519PrivateKey) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public(key)).digest()[:4]


def ssh_string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def ssh_blob(key: Ed25519PrivateKey) -> bytes:
    return ssh_string(b"ssh-ed25519") + ssh_string(public(key))


def armour(key: Ed25519PrivateKey, message: bytes, namespace: bytes = b"devicelog-bag") -> bytes:
    rest = ssh_string(namespace) + ssh_string(b"") + ssh_string(b"sha512")
    signature = key.sign(b"SSHSIG" + rest + ssh_string(sha512(message).digest()))
    blob = b"SSHSIG" + struct.pack(">I", 1) + ssh_string(ssh_blob(key)) + rest
    text = b64(blob + ssh_string(ssh_string(b"ssh-ed25519") + ssh_string(signature)))
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


@dataclass
class Log:
    """A log in memory: its entries as bytes, and its two keys."""

    name: str = LOG
    seed: str = ""
    entries: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes_key, self.bags_key = sealed_by(f"notes {self.seed}"), sealed_by(f"bags {self.seed}")
        if not self.entries:
            self.add("log.created", {"schema": 3})

    @property
    def leaves(self) -> list[bytes]:
        return [leaf(data) for data in self.entries]

    def add(self, type_: str, body: Json, **envelope: Any) -> int:
        """Append an entry and return its number."""
        seq = len(self.entries)
        values = {
            "v": 1,
            "log": self.name,
            "seq": seq,
            "nonce": sha256(f"{self.seed}{seq}".encode()).hexdigest()[:32],
            "prev": leaf(self.entries[-1]).hex() if self.entries else NO_PREVIOUS,
            "at": f"2031-01-01T00:00:{seq % 60:02}.000Z",
            "mono_us": 1_000_000 * seq,
            "boot": "0f9a3c9e-6a0f-4a55-9a55-1f3d6d1f2b10",
            "clock": "synced",
            "actor": {"id": "recorder", "role": "recorder", "auth": "none"},
            "sw": {"engine": 1, "version": "0.4.0"},
            "type": type_,
            "body": body,
        }
        self.entries.append(canonical({**values, **envelope}))
        return seq

    def of(self, stream: str) -> list[tuple[int, bytes, str]]:
        """Number, bytes and type of every entry whose body has this stream."""
        read = [(seq, data, json.loads(data)) for seq, data in enumerate(self.entries)]
        return [(seq, data, v["type"]) for seq, data, v in read if v["body"].get("stream") == stream]

    def body(self, size: int | None = None) -> str:
        size = len(self.entries) if size is None else size
        return f"{self.name}\n{size}\n{b64(root(self.leaves[:size]))}\n"

    def checkpoint(self, size: int | None = None, *, witnesses: Sequence[tuple[str, int]] = ()) -> bytes:
        """A signed note; `witnesses`: names and the seconds at which they signed too."""
        body = self.body(size)
        lines = [(self.name, key_id(self.name, 1, self.notes_key) + self.notes_key.sign(body.encode()))]
        for name, time_s in witnesses:
            key = sealed_by(name)
            signature = key.sign(f"cosignature/v1\ntime {time_s}\n{body}".encode())
            lines.append((name, key_id(name, 4, key) + struct.pack(">Q", time_s) + signature))
        return (body + "\n" + "".join(f"— {name} {b64(data)}\n" for name, data in lines)).encode()

    def proof(self, seq: int, checkpoint: bytes) -> bytes:
        """A tlog-proof of an entry under a checkpoint."""
        size = int(checkpoint.split(b"\n")[1])
        hashes = "".join(f"{b64(data)}\n" for data in path(self.leaves[:size], seq))
        return f"c2sp.org/tlog-proof@v1\nindex {seq}\n{hashes}\n".encode() + checkpoint

    def consistency(self, old: int, new: int) -> bytes:
        """consistency.txt from one size to another."""
        hashes = "".join(f"{b64(data)}\n" for data in continued(self.leaves[:new], old))
        return f"devicelog-consistency/1\n{old} {new}\n{hashes}".encode()

    def pin(self) -> str:
        return (
            f"# devicelog birth certificate\n# log    {self.name}\n# first  {leaf(self.entries[0]).hex()}\n"
            f"# vkey   {vkey(self.name, 1, self.notes_key)}\n"
            f'{self.name} namespaces="devicelog-bag" ssh-ed25519 {b64(ssh_blob(self.bags_key))}\n'
        )


def witness_key(name: str) -> str:
    return vkey(name, 4, sealed_by(name))


# --- a stream ---------------------------------------------------------------------------------------------------------


@dataclass
class Stream:
    """One session of a log: its chunks as they are hashed, its documents, and the entry that seals it."""

    id: str
    chunks: list[bytes] = field(default_factory=list)
    documents: Contents = field(default_factory=dict)
    sealed: int = -1
    later_documents: Contents = field(default_factory=dict)
    private: Json | None = None

    def keep(self, data: bytes, *, later: bool = False) -> str:
        digest = sha256(data).hexdigest()
        (self.later_documents if later else self.documents)[digest] = data
        return digest


def small_session(log: Log, id_: str = SESSION, *, mode: str = "real", later: bool = False) -> Stream:
    """Record a session of six records in two chunks, seal it, and let something come later if it is wished."""
    stream = Stream(id_)
    opened: Json = {
        "stream": id_,
        "documents": {"profile": stream.keep(canonical({"schema": "devicelog.test/1", "name": id_}))},
        "client_ref": CLIENT_REF,
        "client_commitment": committed(b"devicelog-client-1\n", CLIENT_SALT, CLIENT),
        "practitioner": "p-07",
        "plan": "full-face",
        "pen": {"serial": "A0042"},
        "pen_before": None,
        "pen_heard": None,
        "mode": mode,
    }
    log.add("session.opened", opened)
    note = committed(b"devicelog-note-1\n", NOTE_SALT, NOTE)
    t0 = 5_000_000
    items: list[Any] = [
        Clock(boot="b", wall_us=1_925_000_000_000_000, confidence="synced"),
        Mark(kind="note", actor="p-07", note_sha256=note),
        SerialChunk(t_us=t0, data=bytes(range(40))),
        None,
        SerialChunk(t_us=t0, data=id_.encode()),
        End(cause="operator", bytes_read=52),
    ]
    records = [record_of(number, t0 + 20_000 * number, item) for number, item in enumerate(items)]
    _commit(log, stream, records[:3])
    log.add("chunks.committed", extent(stream))
    _commit(log, stream, records[3:])
    closed = {
        **extent(stream),
        "ended": "closed",
        "cause": "operator",
        "derived": stream.keep(canonical({"schema": "devicelog.derived/1", "stream": id_})),
        "mode": mode,
        "pen_serial": "A0042",
        "engine": 1,
        "verdict": "conforming",
    }
    log.add("session.closed", closed)
    stream.private = {
        "schema": "devicelog.private/1",
        "stream": id_,
        "clients": [{"client_ref": CLIENT_REF, "salt": CLIENT_SALT.hex(), "code": CLIENT}],
        "notes": [{"commitment": note, "salt": NOTE_SALT.hex(), "text": NOTE}],
    }
    seal(log, stream)
    if later:
        derived = stream.keep(canonical({"schema": "devicelog.derived/1", "number": 2}), later=True)
        log.add("session.judged", {"stream": id_, "meaning": "reviewed", "derived": derived})
        log.add("recorder.stopped", {"cause": "operator"})
        log.add("session.remarked", {"stream": id_, "reason_sha256": note})
    return stream


def _commit(log: Log, stream: Stream, records: Sequence[Record]) -> None:
    stream.chunks.append(Chunk.of(stream.id, records).data)


def extent(stream: Stream) -> Json:
    records = sum(len(Chunk.parse(data).records) for data in stream.chunks)
    top = root([leaf(data) for data in stream.chunks]).hex()
    return {"stream": stream.id, "chunks": len(stream.chunks), "records": records, "root": top}


def seal(log: Log, stream: Stream) -> None:
    own = [leaf(data) for _, data, _ in log.of(stream.id)]
    body = {"stream": stream.id, "entries": len(own), "root": root(own).hex()}
    stream.sealed = log.add("stream.sealed", body)


def from_database(file: Path) -> tuple[Log, list[Stream]]:
    """The log and the sessions of a database, as sealing would have left them: entries are chained anew."""
    with sqlite3.connect(file) as database:
        rows = [json.loads(data) for (data,) in database.execute("SELECT bytes FROM ledger_entry ORDER BY seq")]
        chunks = database.execute("SELECT blob FROM chunk ORDER BY id").fetchall()
        documents = {sha256(d).hexdigest(): d for (d,) in database.execute("SELECT bytes FROM document")}
    database.close()
    log = Log(rows[0]["log"])
    streams: list[Stream] = []
    for values in rows[1:]:
        kept = {key: values[key] for key in ("at", "mono_us", "boot", "clock", "actor", "sw")}
        log.add(values["type"], values["body"], **kept)
        body = values["body"]
        if values["type"] in ("session.opened", "span.opened"):
            streams.append(Stream(body["stream"]))
            named = list(body["documents"].values())
        elif values["type"] in ("session.closed", "span.recorded"):
            data = [zlib.decompress(blob) for (blob,) in chunks[: body["chunks"]]]
            del chunks[: body["chunks"]]
            streams[-1].chunks = data
            streams[-1].documents = {digest: documents[digest] for digest in (*named, body["derived"])}
            seal(log, streams[-1])
    return log, [stream for stream in streams if stream.id.startswith("s-")]


# --- files ------------------------------------------------------------------------------------------------------------


def listing(schema: str, log: Log, stream: Stream, files: Contents) -> bytes:
    rows = [
        {"name": name, "bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()} for name in sorted(files)
    ]
    return canonical({"schema": schema, "stream": stream.id, "log": log.name, "files": rows})


def relisted(files: Contents, log: Log, stream: Stream) -> Contents:
    """The same files with a package.json that fits them: what somebody without a key can always do."""
    rest = {name: data for name, data in files.items() if name != "package.json"}
    return {"package.json": listing("devicelog.package/1", log, stream, rest), **rest}


def package(log: Log, stream: Stream, *, size: int | None = None) -> Contents:
    """A session's files. `size` of the checkpoint of its seal: right behind it where nothing is said."""
    before = [data for seq, data, _ in log.of(stream.id) if seq < stream.sealed]
    checkpoint = log.checkpoint(stream.sealed + 1 if size is None else size)
    files = {
        "entries.jsonl": b"".join(data + b"\n" for data in before),
        "sealed.json": log.entries[stream.sealed],
        "sealed.tlog-proof": log.proof(stream.sealed, checkpoint),
        "pin.txt": log.pin().encode(),
        "chunks.bin": b"".join(struct.pack("<I", len(blob)) + blob for blob in map(zlib.compress, stream.chunks)),
        **{f"documents/{digest}": data for digest, data in stream.documents.items()},
    }
    return relisted(files, log, stream)


def later_entries(log: Log, stream: Stream, before: int) -> list[bytes]:
    own = [(seq, data, type_) for seq, data, type_ in log.of(stream.id) if stream.sealed < seq < before]
    return [data for _, data, type_ in own if type_ != "stream.extended" and not type_.startswith("package.")]


def later_claim(log: Log, stream: Stream) -> Json:
    found = later_entries(log, stream, len(log.entries))
    return {"stream": stream.id, "later": len(found), "later_root": root([leaf(data) for data in found]).hex()}


def later(log: Log, stream: Stream, statement: int, checkpoint: bytes, *, size: int | None = None) -> Contents:
    """What came later, without the folder. `size` of the checkpoint of the seal, as in `package`."""
    old = stream.sealed + 1 if size is None else size
    files = {
        "entries.jsonl": b"".join(data + b"\n" for data in later_entries(log, stream, statement)),
        "statement.json": log.entries[statement],
        "statement.tlog-proof": log.proof(statement, checkpoint),
        "consistency.txt": log.consistency(old, int(checkpoint.split(b"\n")[1])),
        **{f"documents/{digest}": data for digest, data in stream.later_documents.items()},
    }
    return {"later.json": listing("devicelog.later/1", log, stream, files), **files}


def zipped(files: Contents, first: str = "package.json") -> bytes:
    """As docs/package.md gives every byte, by Python's zipfile."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files, key=lambda name: (name != first, name.encode())):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, files[name])
    return made.getvalue()


def bag(
    log: Log,
    streams: Sequence[Stream],
    *,
    private: bool = True,
    records: bool = True,
    inspection: bool = False,
    witnesses: Sequence[tuple[str, int]] = (),
    more: int = 0,
    extra: Contents | None = None,
) -> Contents:
    """A bag: the export is entered, then everything is laid out. `more` entries follow before its checkpoint."""
    export = log.add("export.made", {"streams": [later_claim(log, stream) for stream in streams]})
    for _ in range(more):
        log.add("recorder.stopped", {"cause": "operator"})
    checkpoint = log.checkpoint(witnesses=witnesses)
    data: Contents = {
        "pin.txt": log.pin().encode(),
        "checkpoint": checkpoint,
        "export.json": log.entries[export],
        "export.tlog-proof": log.proof(export, checkpoint),
        **(extra or {}),
    }
    for stream in streams:
        under = f"sessions/{stream.id}/"
        data |= {under + name: content for name, content in package(log, stream).items()}
        data |= {f"{under}later/{name}": content for name, content in later(log, stream, export, checkpoint).items()}
        if private and stream.private is not None:
            data[f"{under}private.json"] = canonical(stream.private)
        if records:
            data[f"records/{stream.id}.jsonl"] = records_of(stream)
    if inspection:
        data["log/entries.jsonl"] = b"".join(entry + b"\n" for entry in log.entries[: export + 1])
        data["inspection.html"] = b"<p>everything\n"
    return signed({f"data/{name}": content for name, content in data.items()}, log)


def records_of(stream: Stream) -> bytes:
    records = [record for data in stream.chunks for record in Chunk.parse(data).records]
    rows = [{"number": r.number, "t_us": r.t_us, "kind": r.kind, "body": r.body.hex()} for r in records]
    return b"".join(canonical(row) + b"\n" for row in rows)


def signed(data: Contents, log: Log, key: Ed25519PrivateKey | None = None) -> Contents:
    """The bag of this payload, with manifests that fit it, signed with the log's key for bags or with another."""
    data = {name: content for name, content in data.items() if name.startswith("data/")}
    oxum = f"{sum(map(len, data.values()))}.{len(data)}"
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": (
            f"Bagging-Date: 2031-01-01\nPayload-Oxum: {oxum}\nBag-Software-Agent: devicelog 0.4.0\n"
            f"External-Identifier: {log.name}\n"
        ).encode(),
        "manifest-sha256.txt": manifest(data),
    }
    return resigned({**data, **tags}, log, key)


def resigned(files: Contents, log: Log, key: Ed25519PrivateKey | None = None) -> Contents:
    """The same with a tag manifest and a signature that fit."""
    tags = manifest({name: files[name] for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")})
    signature = armour(key or log.bags_key, tags)
    return {**files, "tagmanifest-sha256.txt": tags, "tagmanifest-sha256.txt.sig": signature}


def manifest(files: Contents) -> bytes:
    return "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def laid_down(files: Contents, folder: Path) -> Path:
    """The files, on disk."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
