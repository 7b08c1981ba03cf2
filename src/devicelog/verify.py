"""Verify a bag or a package of devicelog: one file, Python's standard library and nothing else.

    python3 verify.py PATH [--key PIN] [--witness FILE]... [--json]

PATH is a bag's folder, a `.package.zip`, a `.later.zip` beside its package, or a package laid open; the `.private.json`
beside a package is read with it. What is checked is what docs/package.md and docs/record.md say: this file was written
from those pages and shares no line with what writes bags. Get it from where devicelog is published, never out of what
is to be checked.

Exit 0: verified. 3: altered. 7: cannot decide (no pinned key, a newer version, a check that could not run). 2: usage.
6: no such path. Not responsible for whether the measurement was true, nor for deriving the record again
(`devicelog replay`).

It runs on Python 3.9 and newer, and trusts nothing that it reads: no size that is claimed, no name, no depth.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from hashlib import sha256, sha512
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

Json = dict[str, Any]

VERIFIED, USAGE, ALTERED, NO_PATH, UNDECIDED = 0, 2, 3, 6, 7
RESULTS = {VERIFIED: "verified", ALTERED: "altered", UNDECIDED: "cannot decide"}

# More than any devicelog writes. What is larger is refused before it is read into memory.
MAX_LINE = 4 << 20  # an entry
MAX_TEXT = 64 << 20  # a manifest, package.json, private.json
MAX_SMALL = 1 << 20  # a note, a proof, a signature, a pin
MAX_BLOB = 16 << 20  # a chunk as it is kept
MAX_CHUNK = 64 << 20  # and inflated
MAX_FILES = 1_000_000
MAX_TOLD = 200  # problems that are told one by one
MAX_PROBLEMS = 10_000  # and that are kept

_BLOCK = 1 << 20
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_LOG = re.compile(r"devicelog/[0-9a-f]{32}\Z")
_STREAM = re.compile(r"[su]-[0-9abcdefghjkmnpqrstvwxyz]{10}\Z")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")


class Undecidable(ValueError):
    """It could not be checked; that is not the same as being wrong."""


@contextmanager
def placed(place: str) -> Iterator[None]:
    """What fails inside says where."""
    try:
        yield
    except Undecidable as error:
        raise Undecidable(f"{place}: {error}") from None
    except (ValueError, zlib.error) as error:
        raise ValueError(f"{place}: {error}") from None


def shown(text: str) -> str:
    """A text of others as it can be printed: no control characters, and not endless."""
    text = text if len(text) <= 200 else f"{text[:200]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# --- Ed25519, as RFC 8032 says it -------------------------------------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z
_ZERO: _Point = (0, 1, 1, 0)


def _sum(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * _D * p[3] * q[3] % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _point(data: bytes) -> _Point | None:
    """The point of an encoding; None where there is none, or where the encoding is not the only one."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _SQRT_MINUS_1 % _P
    if (x * x - x2) % _P or (not x and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _ZERO


@lru_cache(maxsize=256)
def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that of this key. Strict: one encoding of each point, S below the order of the base
    point, and no key of small order, under which anything could be signed."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, s = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or s >= _L:
        return False
    eight = key
    for _ in range(3):
        eight = _sum(eight, eight)
    if not eight[0] and eight[1] == eight[2]:
        return False
    k = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % _L
    minus = (_P - key[0], key[1], 1, _P - key[3])
    table = (None, _BASE, minus, _sum(_BASE, minus))
    point = _ZERO
    for bit in range(252, -1, -1):  # sB - kA, both at once
        point = _sum(point, point)
        term = table[(s >> bit & 1) | (k >> bit & 1) << 1]
        if term is not None:
            point = _sum(point, term)
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# --- canonical JSON ---------------------------------------------------------------------------------------------------

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _pairs(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    for key in value:
        if not _KEY.match(key):
            raise ValueError(f"key {shown(key)!r} is outside the profile")
    return value


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) >= 2**53:
        raise ValueError("an integer of more than 53 bits")
    return int(text)


def _no_float(text: str) -> Any:
    raise ValueError(f"{shown(text)} is no integer")


_decode = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
).decode


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError("nested too deep")
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _check_depth(item, left - 1)


def parse_canonical(data: bytes) -> Json:
    """The object of these bytes. Raises ValueError when they are not its canonical bytes, as docs/record.md says."""
    try:
        text = data.decode("utf-8")
        value = _decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    _check_depth(value, 8)
    if _encode(value) != text:
        raise ValueError("not in canonical form")
    # Text and value are one from here on, so texts inside are looked at together.
    if "\x7f" in text or any(match[1] not in '"\\' for match in _ESCAPE.finditer(text)):
        raise ValueError("a control character in a text")
    if not text.isascii() and unicodedata.normalize("NFC", text) != text:
        raise ValueError("a text that is not in normal form C")
    value_: Json = value
    return value_


def field(document: Json, key: str, kind: type) -> Any:
    """A value of this type. Raises ValueError."""
    value = document.get(key)
    if type(value) is not kind:
        raise ValueError(f"{key} is {shown(repr(value))}")
    return value


def hexes(document: Json, key: str) -> str:
    """A value of 64 hex digits. Raises ValueError."""
    value = field(document, key, str)
    if not _HEX64.match(value):
        raise ValueError(f"{key} is {shown(value)!r}")
    return str(value)


def of_schema(document: Json, family: str, keys: set[str]) -> Json:
    """A document of version 1 of its schema. Raises Undecidable for a newer version, ValueError for anything else."""
    schema = field(document, "schema", str)
    name, _, version = schema.rpartition("/")
    if name == family and version.isascii() and version.isdigit() and version[0] != "0" and version != "1":
        raise Undecidable(f"{schema} is of a newer version than this program knows (1): use a newer verify.py")
    if schema != f"{family}/1":
        raise ValueError(f"schema is {shown(schema)!r}; expected {family}/1")
    if document.keys() != keys | {"schema"}:
        raise ValueError(f"keys {shown(str(sorted(document.keys() ^ (keys | {'schema'}))))} are missing or unknown")
    return document


# --- the tree of RFC 9162 ---------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """Grows at its end and keeps only the roots of its perfect subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        bit = 1
        while self.size & bit:
            leaf = node_hash(self.subtrees.pop(), leaf)
            bit <<= 1
        self.subtrees.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of all leaves so far."""
        if not self.subtrees:
            return sha256(b"").digest()
        node = self.subtrees[-1]
        for left in self.subtrees[-2::-1]:
            node = node_hash(left, node)
        return node


def included_root(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The root of the tree of `size` in which the leaf stands at `index`, and that of the tree that ends with the leaf.

    Raises ValueError when the proof has not just as many hashes as it needs.
    """
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    node = prefix = leaf
    at, last, left = index, size - 1, list(hashes)
    while last:
        if at & 1 or at < last:
            if not left:
                raise ValueError("the proof has too few hashes")
            other = left.pop(0)
            if at & 1:
                node, prefix = node_hash(other, node), node_hash(other, prefix)
            else:
                node = node_hash(node, other)
        at, last = at >> 1, last >> 1
    if left:
        raise ValueError("the proof has too many hashes")
    return node, prefix


def continued_roots(old: int, old_root: bytes, new: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of the trees of `old` and `new` leaves to which a consistency proof (2.1.4) leads; both have to be the
    ones that are known.

    Raises ValueError when the proof has not just as many hashes as it needs.
    """
    if not 0 < old <= new:
        raise ValueError(f"{new} entries do not continue {old}")
    if old == new:
        if hashes:
            raise ValueError("the proof has too many hashes")
        return old_root, old_root
    at, last, left = old - 1, new - 1, list(hashes)
    while at & 1:
        at, last = at >> 1, last >> 1
    if at and not left:
        raise ValueError("the proof has too few hashes")
    first = second = left.pop(0) if at else old_root  # at 0: the whole old tree is one subtree of the new one
    while last:
        if at & 1 or at < last:
            if not left:
                raise ValueError("the proof has too few hashes")
            other = left.pop(0)
            if at & 1:
                first, second = node_hash(other, first), node_hash(other, second)
            else:
                second = node_hash(second, other)
        at, last = at >> 1, last >> 1
    if left:
        raise ValueError("the proof has too many hashes")
    return first, second


# --- keys, notes, proofs, signatures ----------------------------------------------------------------------------------


class VKey(NamedTuple):
    """A key that verifies signatures on notes. `algorithm`: 1 a log's, 4 a witness's."""

    name: str
    algorithm: int
    public: bytes

    def key_id(self) -> bytes:
        """The four bytes that a line of a signature begins with."""
        return sha256(self.name.encode() + bytes((10, self.algorithm)) + self.public).digest()[:4]

    def text(self) -> str:
        """As it is written."""
        return f"{self.name}+{self.key_id().hex()}+{_b64(bytes((self.algorithm,)) + self.public)}"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str, length: int | None = None) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise ValueError(f"{shown(text)!r} is not base64") from None
    if _b64(data) != text or (length is not None and len(data) != length):
        raise ValueError(f"{shown(text)!r} is not the base64 of {length or 'so many'} bytes")
    return data


def parse_vkey(text: str) -> VKey:
    """Raises ValueError unless it is the text of a key, of the algorithm 1 or 4."""
    name, plus, rest = text.partition("+")
    data = _unb64(rest[9:]) if plus and rest[8:9] == "+" else b""
    if not re.match(r"[^\s+]+\Z", name) or len(data) != 33 or data[0] not in (1, 4):
        raise ValueError(f"{shown(text)!r} is not the text of an Ed25519 key")
    key = VKey(name, data[0], data[1:])
    if key.text() != text:
        raise ValueError(f"{shown(text)!r} has another key id than its key")
    return key


class Pin(NamedTuple):
    """What an auditor was given when the log began. `first` and `bags` are None where it was the text of a key."""

    log: str
    checkpoints: VKey
    first: str | None = None
    bags: bytes | None = None

    def text(self) -> str:
        """As it is written."""
        return (
            f"# devicelog birth certificate\n# log    {self.log}\n# first  {self.first}\n# vkey   "
            f'{self.checkpoints.text()}\n{self.log} namespaces="devicelog-bag" {ssh_key(self.bags or b"")}\n'
        )


def parse_pin(text: str) -> Pin:
    """Raises ValueError unless it is exactly a birth certificate, as docs/package.md has it."""
    found = re.match(
        r"# devicelog birth certificate\n# log    (\S+)\n# first  ([0-9a-f]{64})\n# vkey   (\S+)\n"
        r'\S+ namespaces="devicelog-bag" ssh-ed25519 (\S+)\n\Z',
        text,
    )
    if not found:
        raise ValueError("not a birth certificate of devicelog")
    pin = Pin(found[1], parse_vkey(found[3]), found[2], _unb64(found[4])[-32:])
    if not _LOG.match(pin.log) or pin.checkpoints.name != pin.log or pin.checkpoints.algorithm != 1:
        raise ValueError("its key is not that of its log")
    if pin.text() != text:
        raise ValueError("not a birth certificate of devicelog, character for character")
    return pin


class Checkpoint(NamedTuple):
    """The head of a log: its name, how many entries, their root, and the lines of signatures (name, key id, bytes)."""

    log: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def body(self) -> str:
        """What is signed."""
        return f"{self.log}\n{self.size}\n{_b64(self.root)}\n"


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Raises ValueError unless it is a signed note of three lines."""
    text = data.decode("utf-8")
    body, blank, lines = text.partition("\n\n")
    parts = body.split("\n")
    if not blank or len(parts) != 3 or not re.match(r"(0|[1-9][0-9]{0,15})\Z", parts[1]) or not lines.endswith("\n"):
        raise ValueError("not a checkpoint: a name, a size and a root, an empty line and signatures")
    signatures = []
    for line in lines[:-1].split("\n"):
        found = re.match(r"— ([^\s+]+) (\S+)\Z", line)
        raw = _unb64(found[2]) if found else b""
        if not found or len(raw) < 5:
            raise ValueError(f"not a line of a signature: {shown(line)!r}")
        signatures.append((found[1], raw[:4], raw[4:]))
    return Checkpoint(parts[0], int(parts[1]), _unb64(parts[2], 32), tuple(signatures))


def parse_proof(data: bytes) -> tuple[int, list[bytes], bytes]:
    """A tlog-proof: the index, the hashes and the bytes of the checkpoint. Raises ValueError."""
    head, blank, checkpoint = data.partition(b"\n\n")
    lines = head.decode("utf-8").split("\n")
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 2 or len(lines) > 66:
        raise ValueError("not a proof: c2sp.org/tlog-proof@v1, an index, hashes, an empty line and a checkpoint")
    found = re.match(r"index (0|[1-9][0-9]{0,15})\Z", lines[1])
    if not found:
        raise ValueError(f"not an index: {shown(lines[1])!r}")
    return int(found[1]), [_unb64(line, 32) for line in lines[2:]], checkpoint


def parse_consistency(data: bytes) -> tuple[int, int, list[bytes]]:
    """Sizes and hashes of a consistency file. Raises ValueError, Undecidable for one of a later version."""
    lines = data.decode("ascii", "replace").split("\n")
    if re.match(r"devicelog-consistency/[1-9][0-9]{0,5}\Z", lines[0]) and lines[0] != "devicelog-consistency/1":
        raise Undecidable(f"{lines[0]} is newer than this program knows (1): use a newer verify.py")
    sizes = re.match(r"([1-9][0-9]{0,15}) ([1-9][0-9]{0,15})\Z", lines[1] if len(lines) > 2 else "")
    if lines[0] != "devicelog-consistency/1" or sizes is None or lines[-1]:
        raise ValueError("is no consistency proof: two lines, and one for each hash")
    return int(sizes[1]), int(sizes[2]), [_unb64(line, 32) for line in lines[2:-1]]


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def ssh_key(public: bytes) -> str:
    """As OpenSSH writes a key."""
    return f"ssh-ed25519 {_b64(_string(b'ssh-ed25519') + _string(public))}"


BAG_NAMESPACE = b"devicelog-bag"
_SSHSIG = _string(BAG_NAMESPACE) + _string(b"") + _string(b"sha512")


def armoured(public: bytes, signature: bytes) -> bytes:
    """What `ssh-keygen -Y sign` writes, byte for byte."""
    key = _string(_string(b"ssh-ed25519") + _string(public))
    blob = b"SSHSIG\0\0\0\1" + key + _SSHSIG + _string(_string(b"ssh-ed25519") + _string(signature))
    text = _b64(blob)
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n".encode("ascii")


def parse_armoured(data: bytes) -> tuple[bytes, bytes]:
    """Key and signature. Raises ValueError unless the bytes are exactly those of an SSHSIG for bags."""
    lines = data.decode("ascii", "replace").split("\n")
    blob = _unb64("".join(lines[1:-2]))
    at = 10 + 4 + 4 + 11 + 4
    public, signature = blob[at : at + 32], blob[-64:]
    if len(blob) < at + 32 + 64 or armoured(public, signature) != data:
        raise ValueError("not an SSHSIG (Ed25519, SHA-512, namespace devicelog-bag), character for character")
    return public, signature


class Tools:
    """The programs that are asked besides: openssl for notes, ssh-keygen for bags. Both have to agree with this one."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._paths = {name: shutil.which(name) if wanted else None for name in ("openssl", "ssh-keygen")}
        self._known: dict[tuple[bytes, ...], bool | None] = {}
        self.used: set[str] = {"verify.py"}

    def note(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a note's signature holds. Raises Undecidable when openssl is of another opinion."""

        def ask(openssl: str, folder: Path) -> bool | None:
            der = bytes.fromhex("302a300506032b6570032100") + public
            pem = f"-----BEGIN PUBLIC KEY-----\n{_b64(der)}\n-----END PUBLIC KEY-----\n"
            files = {"key": pem.encode(), "message": message, "signature": signature}
            for name, data in files.items():
                (folder / name).write_bytes(data)
            words = "pkeyutl -verify -pubin -inkey key -rawin -in message -sigfile signature"
            done = _run([openssl, *words.split()], folder)
            said = done.stdout + done.stderr
            holds = done.returncode == 0 and b"Verified Successfully" in said
            return holds if holds or b"Verification Failure" in said else None  # None: too old a program

        return self._agreed("openssl", ask, public, message, signature)

    def bag(self, log: str, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether an SSHSIG over a tag manifest holds. Raises Undecidable when ssh-keygen is of another opinion."""

        def ask(keygen: str, folder: Path) -> bool | None:
            signers = f'{log} namespaces="devicelog-bag" {ssh_key(public)}\n'
            (folder / "signers").write_bytes(signers.encode())
            (folder / "signature").write_bytes(armoured(public, signature))
            words = ["-Y", "verify", "-f", "signers", "-I", log, "-n", BAG_NAMESPACE.decode(), "-s", "signature"]
            done = _run([keygen, *words], folder, message)
            if done.returncode == 0:
                return True
            said = done.stdout + done.stderr
            return False if b"not verify" in said or b"verification failed" in said else None

        signed = b"SSHSIG" + _SSHSIG + _string(sha512(message).digest())
        return self._agreed("ssh-keygen", ask, public, signed, signature)

    def _agreed(self, tool: str, ask: Callable[[str, Path], bool | None], *signed: bytes) -> bool:
        ours, path = ed25519_holds(*signed), self._paths[tool]
        if path is None:
            return ours
        if signed not in self._known:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    self._known[signed] = ask(path, Path(folder))
            except (OSError, subprocess.SubprocessError):
                self._known[signed] = None
        theirs = self._known[signed]
        if theirs is not None:
            self.used.add(tool)
            if theirs != ours:
                words = ("does not hold", "holds")
                raise Undecidable(f"{tool} says that the signature {words[theirs]}, this program that it {words[ours]}")
        return ours


def _run(command: list[str], folder: Path, message: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=folder, input=message, capture_output=True, timeout=60, check=False)  # noqa: S603


# --- files: a folder, or a ZIP that is made again ---------------------------------------------------------------------


class Files:
    """Named files with the sizes they really have. `where` goes before a name when something is told of it."""

    def __init__(self, where: str, sizes: dict[str, int], opener: Callable[[str], BinaryIO]) -> None:
        self.where = where
        self.sizes = sizes
        self._opener = opener
        self._digests: dict[str, str] = {}

    def under(self, prefix: str, keep: Callable[[str], bool] = lambda _: True) -> Files:
        """The files of a folder, named from there."""
        cut = len(prefix)
        sizes = {name[cut:]: n for name, n in self.sizes.items() if name.startswith(prefix) and keep(name[cut:])}
        files = Files(self.where + prefix, sizes, lambda name: self.open(prefix + name))
        files.digest = lambda name: self.digest(prefix + name)  # type: ignore[method-assign]
        return files

    def open(self, name: str) -> BinaryIO:
        """A stream of its bytes. Raises ValueError when it is not there."""
        if name not in self.sizes:
            raise ValueError("is missing")
        return self._opener(name)

    def read(self, name: str, limit: int = MAX_SMALL) -> bytes:
        """All its bytes. Raises ValueError when they are more than `limit`."""
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise ValueError(f"has {self.sizes[name]} bytes, more than any that devicelog writes")
        return data

    def lines(self, name: str) -> Iterator[bytes]:
        """Its lines without their line feeds. Raises ValueError when the last one has none or one is too long."""
        with self.open(name) as stream:
            while line := stream.readline(MAX_LINE):
                if not line.endswith(b"\n"):
                    raise ValueError("ends in the middle of a line, or a line is longer than any that devicelog writes")
                yield line[:-1]

    def digest(self, name: str) -> str:
        """Its SHA-256 in hex."""
        if name not in self._digests:
            hashed = sha256()
            with self.open(name) as stream:
                while block := stream.read(_BLOCK):
                    hashed.update(block)
            self._digests[name] = hashed.hexdigest()
        return self._digests[name]


def open_folder(root: Path, run: Run) -> Files:
    """Every file of a folder. What is no plain file with a proper name is a problem, and is not opened."""
    sizes: dict[str, int] = {}
    pending = [""]
    while pending:
        under = pending.pop()
        with run.at(under or "."), os.scandir(root / under) as found:
            entries = sorted(found, key=lambda each: each.name)
            if not entries:
                run.problem(under or ".", "an empty folder; a bag has none")
            for entry in entries:
                name, mode = under + entry.name, entry.stat(follow_symlinks=False)
                if len(sizes) >= MAX_FILES or name.count("/") > 8:
                    raise ValueError(f"more than {MAX_FILES} files, or folders too deep")
                if not _NAME.match(name):
                    run.problem(name, "a name that no file here has")
                elif stat.S_ISDIR(mode.st_mode):
                    pending.append(name + "/")
                elif stat.S_ISREG(mode.st_mode):
                    sizes[name] = mode.st_size
                else:
                    run.problem(name, "a link, or no plain file; it was not opened")

    def opener(name: str) -> BinaryIO:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(root / name, flags), "rb")

    return Files("", sizes, opener)


class _Part(RawIOBase):
    """So many bytes of a file from an offset on."""

    def __init__(self, path: Path, at: int, size: int) -> None:
        self._file = path.open("rb")
        self._file.seek(at)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")


def open_zip(path: Path, first: str, run: Run) -> Files | None:
    """The files of a package. It is made again from names and data, and every byte compared; None when that cannot be.

    A size is believed only after the file has been seen to have so many bytes.
    """
    with run.at(path.name), path.open("rb") as stream:
        length = stream.seek(0, os.SEEK_END)
        if length < _END.size:
            raise ValueError("too short for a ZIP: truncated, or something else")
        stream.seek(length - _END.size)
        end = stream.read(_END.size)
        magic, _, _, _, count, size, begin, _ = _END.unpack(end)
        if magic != 0x06054B50 or begin + size + _END.size != length or size > MAX_TEXT:
            raise ValueError("does not end as a ZIP of devicelog: truncated, or something behind it")
        if end != _END.pack(0x06054B50, 0, 0, count, count, size, begin, 0):
            raise ValueError("its last record is not what devicelog writes")
        stream.seek(begin)
        directory = stream.read(size)
        places: dict[str, tuple[int, int]] = {}
        at = offset = 0
        for _ in range(count):
            row = _CENTRAL.unpack(directory[at : at + _CENTRAL.size].ljust(_CENTRAL.size, b"\0"))
            crc, data_size, name_size = row[7], row[9], row[10]
            raw = directory[at + _CENTRAL.size : at + _CENTRAL.size + name_size]
            name = raw.decode("ascii", "backslashreplace")
            if not _NAME.match(name):
                raise ValueError(f"holds {shown(name)!r}, a name that no file here has")
            if name in places:
                raise ValueError(f"holds {name} twice")
            same = (20, 0, 0, 0, 33, crc, data_size, data_size, name_size, 0)
            wanted = _CENTRAL.pack(0x02014B50, 3 << 8 | 20, *same, 0, 0, 0, 0o100644 << 16, offset) + raw
            if directory[at : at + len(wanted)] != wanted:
                raise ValueError(f"what its directory says of {name} is not what devicelog writes")
            local = _LOCAL.pack(0x04034B50, *same) + raw
            stream.seek(offset)
            if stream.read(len(local)) != local:
                raise ValueError(f"what stands before {name} is not what devicelog writes")
            places[name] = offset + len(local), data_size
            offset += len(local) + data_size
            at += len(wanted)
            if offset > begin:
                raise ValueError(f"{name} claims {data_size} bytes, and the file has not so many")
            found = 0
            while data_size:
                block = stream.read(min(data_size, _BLOCK))
                found, data_size = zlib.crc32(block, found), data_size - len(block)
            if found != crc:
                run.problem(f"{path.name}: {name}", "was changed: its bytes have another CRC-32")
        if at != size or offset != begin:
            raise ValueError("has bytes that belong to no file")
        names = list(places)
        if names != sorted(names, key=lambda name: (name != first, name)):
            raise ValueError("its files are not in the order of their names")
        sizes = {name: place[1] for name, place in places.items()}
        return Files(f"{path.name}: ", sizes, lambda name: BufferedReader(_Part(path, *places[name])))
    return None


# --- entries ----------------------------------------------------------------------------------------------------------

_ENVELOPE = {"v", "log", "seq", "nonce", "prev", "at", "mono_us", "boot", "clock", "actor", "sw", "type", "body"}
_KINDS: dict[str, type] = {
    **dict.fromkeys(("log", "nonce", "prev", "at", "boot", "clock", "type"), str),
    **dict.fromkeys(("seq", "mono_us"), int),
    **dict.fromkeys(("actor", "sw", "body"), dict),
}


class Entry(NamedTuple):
    """An entry of the ledger, as it was read."""

    seq: int
    log: str
    prev: str
    at: str
    type: str
    body: Json
    leaf: bytes
    data: bytes


def read_entry(data: bytes) -> Entry:
    """Raises ValueError when the bytes are no entry, Undecidable when they are one of a later version."""
    values = parse_canonical(data)
    if field(values, "v", int) > 1:
        raise Undecidable(f"an entry of version {values['v']}, newer than this program knows (1)")
    if values["v"] != 1 or values.keys() != _ENVELOPE:
        raise ValueError(f"its keys {shown(str(sorted(values.keys() ^ _ENVELOPE)))} are missing or unknown")
    for key, kind in _KINDS.items():
        field(values, key, kind)
    if values["seq"] < 0 or not _LOG.match(values["log"]) or not _HEX64.match(values["prev"]):
        raise ValueError("its seq, log or prev is none")
    actor = values["actor"]
    if not all(isinstance(actor.get(key), str) for key in ("id", "role")):
        raise ValueError(f"actor is {shown(repr(actor))}")
    kept = {key: values[key] for key in ("seq", "log", "prev", "at", "type", "body")}
    return Entry(**kept, leaf=leaf_hash(data), data=data)


def follow(before: Entry | None, entry: Entry) -> Entry:
    """Check that an entry may stand behind another of its log, and return it. Raises ValueError."""
    if before is not None:
        if entry.log != before.log:
            raise ValueError(f"entry {entry.seq} is of {entry.log}, and those before are of {before.log}")
        if entry.seq <= before.seq:
            raise ValueError(f"entry {entry.seq} stands behind entry {before.seq}")
        if entry.seq == before.seq + 1 and entry.prev != before.leaf.hex():
            raise ValueError(f"entry {entry.seq} does not name the entry before it: one of the two was changed")
    return entry


OPENING = ("session.opened", "span.opened")
CLOSING = ("session.closed", "span.recorded")


def comes_later(type_: str) -> bool:
    """Whether an entry of this type, behind the seal, is one of the session's later ones."""
    return type_ not in ("stream.sealed", "stream.extended") and not type_.startswith("package.")


# --- what is known while one path is checked --------------------------------------------------------------------------


class Run:
    """One verification: what was found, the keys that are believed, and every head of the log that was met."""

    def __init__(self, *, given: Pin | None, witnesses: Sequence[VKey], tools: Tools) -> None:
        self.problems: list[Json] = []
        self.undecided: list[Json] = []
        self.given, self.witnesses, self.tools = given, witnesses, tools
        self.log = ""
        self.keys: Pin | None = None
        self.pinned = False
        self.roots: dict[int, tuple[bytes, str]] = {}  # by size: the root, and where it stood
        self.head: Checkpoint | None = None  # of a bag: data/checkpoint
        self.kept_sizes: set[int] = set()  # of heads that somebody kept outside
        self.cosigned: dict[tuple[int, str], int] = {}  # size and witness: when
        self.sessions: list[Json] = []
        self.convenience: list[str] = []
        self.whole_log: int | None = None
        self.leaves: int | None = None  # of how many entries the leaf hashes are here
        self.apart: list[tuple[str, int, int]] = []  # where two heads stand that no proof connects, and their sizes
        self.modes: dict[str, int] = {}

    def problem(self, where: str, what: str) -> None:
        """Something is not what it has to be."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append({"where": shown(where), "what": what})

    def doubt(self, where: str, what: str) -> None:
        """Something could not be decided."""
        if len(self.undecided) < MAX_PROBLEMS:
            self.undecided.append({"where": shown(where), "what": what})

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """What fails inside is told of this place, and the rest goes on."""
        try:
            yield
        except Undecidable as error:
            self.doubt(where, str(error))
        except (ValueError, zlib.error, struct.error) as error:
            self.problem(where, str(error))
        except OSError as error:
            self.doubt(where, f"cannot be read: {error.strerror or error}")

    def settle_keys(self, log: str, where: str, files: Files) -> None:
        """Whose keys are believed: those that were given, or for want of them those of pin.txt."""
        self.log = log
        own: Pin | None = None
        with self.at(f"{where}pin.txt"):
            own = parse_pin(files.read("pin.txt").decode("utf-8"))
            if own.log != log:
                raise ValueError(f"is the pin of {own.log}, and this is of {shown(log)}")
        if self.given is not None and self.given.log == log:
            self.keys, self.pinned = self.given, True
            self.same_pin(f"{where}pin.txt", own)
            return
        self.keys = own
        if self.given is None:
            self.doubt(
                "the key",
                "no pinned key was given (--key). Everything here could have been made by anybody, "
                "the keys in it too: get the pin from the clinic's own papers",
            )
        else:
            self.doubt("the key", f"the pin is of another log: {self.given.log}, and this is of {shown(log)}")

    def same_pin(self, where: str, own: Pin | None) -> None:
        """A pin in what is checked has to be the one that is believed, as far as that one says."""
        if own is None or self.keys is None:
            return
        for what, mine, theirs in (
            ("log", own.log, self.keys.log),
            ("key of checkpoints", own.checkpoints, self.keys.checkpoints),
            ("entry 0", own.first, self.keys.first),
            ("key of bags", own.bags, self.keys.bags),
        ):
            if theirs is not None and mine != theirs:
                self.problem(where, f"has another {what} than the pin that is believed")

    def checkpoint(self, data: bytes, where: str) -> Checkpoint:
        """Check a checkpoint's signatures and remember its root. Raises ValueError."""
        checkpoint = parse_checkpoint(data)
        if checkpoint.log != self.log:
            raise ValueError(f"a checkpoint of another log: {shown(checkpoint.log)}")
        key, message, signed = self.keys and self.keys.checkpoints, checkpoint.body().encode(), False
        for name, key_id, signature in checkpoint.signatures:
            if key and name == key.name and key_id == key.key_id():
                if not self.tools.note(key.public, message, signature):
                    raise ValueError("the signature of the log on its checkpoint does not hold")
                signed = True
        self.witnesses_on(checkpoint)
        if not signed:
            raise ValueError(f"no line on the checkpoint is signed with the {'pinned ' * self.pinned}key of the log")
        self.know(checkpoint.size, checkpoint.root, where)
        return checkpoint

    def witnesses_on(self, checkpoint: Checkpoint) -> None:
        """The lines of witnesses whose keys were given. Raises ValueError when one does not hold."""
        for name, key_id, signature in checkpoint.signatures:
            for witness in self.witnesses:
                if (name, key_id) == (witness.name, witness.key_id()):
                    self._cosignature(checkpoint, witness, signature)

    def _cosignature(self, checkpoint: Checkpoint, witness: VKey, signature: bytes) -> None:
        when_s = int.from_bytes(signature[:8], "big")
        message = f"cosignature/v1\ntime {when_s}\n{checkpoint.body()}".encode()
        if len(signature) != 72 or not self.tools.note(witness.public, message, signature[8:]):
            raise ValueError(f"the signature of the witness {shown(witness.name)} does not hold")
        self.cosigned[checkpoint.size, witness.name] = when_s

    def know(self, size: int, root: bytes, where: str) -> None:
        """Remember the root of the first `size` entries. Raises ValueError when another one is known."""
        known = self.roots.setdefault(size, (root, where))
        if known[0] != root:
            raise ValueError(f"FORK: the first {size} entries have another root here than in {known[1]}")

    def proved(self, entry: Entry, data: bytes, where: str) -> Checkpoint:
        """Check that an entry is in the log, by its proof. Raises ValueError."""
        index, hashes, note = parse_proof(data)
        checkpoint = self.checkpoint(note, where)
        if index != entry.seq:
            raise ValueError(f"proves entry {index}, and this is entry {entry.seq}")
        root, prefix = included_root(entry.leaf, index, checkpoint.size, hashes)
        if root != checkpoint.root:
            raise ValueError(
                f"does not lead from entry {entry.seq}, as it stands beside it, to the root of the checkpoint"
            )
        self.know(index + 1, prefix, where)
        return checkpoint


# --- lists of files ---------------------------------------------------------------------------------------------------

_DOCUMENT = re.compile(r"documents/[0-9a-f]{64}\Z")
SESSION_FILES = {"entries.jsonl", "sealed.json", "sealed.tlog-proof", "pin.txt", "chunks.bin"}
LATER_FILES = {"entries.jsonl", "statement.json", "statement.tlog-proof"}
CONSISTENCY = "consistency.txt"


def check_listing(
    run: Run, files: Files, name: str, family: str, required: set[str], *, allowed: Sequence[str] = ()
) -> Json | None:
    """package.json or later.json against the files that are there; None when it cannot be read."""
    where = files.where
    listing: Json | None = None
    with run.at(where + name):
        read = of_schema(parse_canonical(files.read(name, MAX_TEXT)), family, {"stream", "log", "files"})
        if not _STREAM.match(field(read, "stream", str)) or not _LOG.match(field(read, "log", str)):
            raise ValueError(f"its stream or log is none: {shown(read['stream'])!r}, {shown(read['log'])!r}")
        listing = read
        rows: dict[str, tuple[int, str]] = {}
        for row in field(listing, "files", list):
            if type(row) is not dict or row.keys() != {"name", "bytes", "sha256"}:
                raise ValueError(f"a row of files is {shown(repr(row))}")
            file = field(row, "name", str)
            if file not in required and file not in allowed and not _DOCUMENT.match(file):
                raise ValueError(f"lists {shown(file)!r}; a session has no such file")
            rows[file] = field(row, "bytes", int), hexes(row, "sha256")
        if list(rows) != sorted(rows) or len(rows) != len(listing["files"]):
            raise ValueError("its files are not in the order of their names, or one stands twice")
        for file in sorted(required - rows.keys()):
            run.problem(where + name, f"does not list {file}")
        for file, (size, digest) in rows.items():
            if file not in files.sizes:
                run.problem(where + file, f"is missing; {name} lists it")
            elif (files.sizes[file], files.digest(file)) != (size, digest):
                run.problem(where + file, f"was changed: it is not the file that {name} lists")
        for file in sorted(files.sizes.keys() - rows.keys() - {name}):
            run.problem(where + file, f"is in no list: {name} does not have it")
    return listing


def check_documents(run: Run, files: Files, named: set[str]) -> None:
    """Every document that is named is there, is what its name says, and there is no other."""
    there = {name[10:] for name in files.sizes if name.startswith("documents/")}
    for digest in sorted(named - there):
        run.problem(f"{files.where}documents/{digest}", "is missing; an entry names it")
    for digest in sorted(there - named):
        run.problem(f"{files.where}documents/{digest}", "no entry names it")
    for digest in sorted(there & named):
        with run.at(f"{files.where}documents/{digest}"):
            if files.digest(f"documents/{digest}") != digest:
                raise ValueError("was changed: its SHA-256 is another")


# --- one session ------------------------------------------------------------------------------------------------------


class Session:
    """What the entries of one session say, gathered while they are read."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.documents: set[str] = set()
        self.clients: set[tuple[str, str]] = set()  # reference and commitment
        self.notes: set[str] = set()  # commitments
        self.commits: list[tuple[int, int, str, int]] = []  # chunks, records, root, seq
        self.closing: Entry | None = None
        self.sealed: Entry | None = None
        self.last: Entry | None = None
        self.derived: list[str] = []  # what each derivation is, oldest first
        self.chunks = self.records = 0
        self.whole = False  # all its entries and chunks were read; else what they name is not known

    def take(self, entry: Entry) -> None:
        """What this entry says of documents, chunks and commitments. Raises ValueError."""
        body = entry.body
        if body.get("stream") != self.stream:
            raise ValueError(f"entry {entry.seq} is not of {self.stream}")
        self.last = follow(self.last, entry)
        documents = body.get("documents", {})
        if type(documents) is not dict:
            raise ValueError(f"entry {entry.seq}: documents is {shown(repr(documents))}")
        self.documents |= {hexes(documents, name) for name in documents}
        if body.get("derived") is not None:
            self.documents.add(hexes(body, "derived"))
        if body.get("reason_sha256") is not None:
            self.notes.add(hexes(body, "reason_sha256"))
        if "private" in body:
            self.notes |= {hexes({"private": name}, "private") for name in field(body, "private", list)}
        if body.get("client_ref") is not None:
            self.clients.add((field(body, "client_ref", str), hexes(body, "client_commitment")))
        if entry.type in ("chunks.committed", *CLOSING):
            if self.closing is not None:
                raise ValueError(f"entry {entry.seq} stands behind the end of the recording")
            row = field(body, "chunks", int), field(body, "records", int), hexes(body, "root"), entry.seq
            if self.commits and row[:2] < self.commits[-1][:2]:
                raise ValueError(f"entry {entry.seq} has fewer chunks or records than the one before")
            self.commits.append(row)
        if entry.type in CLOSING:
            self.closing = entry
        if entry.type in ("session.closed", "session.attributed") and body.get("derived") is not None:
            self.derived.append(hexes(body, "derived"))
        if entry.type == "session.signed":
            self.check_signature(entry)

    def check_signature(self, entry: Entry) -> None:
        """A person's signature: over this seal and the derived record of then. Raises ValueError."""
        told = field(entry.body, "told", dict)
        said = hexes(told, "sealed"), field(told, "number", int), hexes(told, "derived")
        if self.sealed is None or said[0] != self.sealed.leaf.hex():
            raise ValueError(
                f"entry {entry.seq} is a signature that is bound to another seal than that of {self.stream}"
            )
        if said[1:] != (len(self.derived), self.derived[-1] if self.derived else ""):
            raise ValueError(f"entry {entry.seq} is a signature over another derived record than that of {self.stream}")


def read_sealed_entries(run: Run, files: Files, stream: str) -> Session:
    """entries.jsonl and sealed.json: the entries of a session, and that the seal is over just these."""
    session, tree, where = Session(stream), Tree(), files.where
    with run.at(f"{where}entries.jsonl"):
        for number, line in enumerate(files.lines("entries.jsonl"), 1):
            with placed(f"line {number}"):
                entry = read_entry(line)
                if (entry.type in OPENING) != (number == 1) or not (entry.type in OPENING or comes_later(entry.type)):
                    raise ValueError(f"{shown(entry.type)} has no place here")
                if entry.log != run.log:
                    raise ValueError(f"is of another log: {entry.log}")
                session.take(entry)
            tree.append(entry.leaf)
        if session.closing is None:
            raise ValueError("no entry of it ends the recording")
        session.whole = True
    with run.at(f"{where}sealed.json"):
        sealed = read_entry(files.read("sealed.json"))
        if sealed.type != "stream.sealed" or sealed.body.get("stream") != stream or sealed.log != run.log:
            raise ValueError(f"is not the seal of {stream} in this log")
        session.sealed = sealed
        sealed_over = field(sealed.body, "entries", int), hexes(sealed.body, "root")
        if session.whole and sealed_over != (tree.size, tree.root().hex()):
            raise ValueError("the seal is over other entries than those in entries.jsonl")
        follow(session.last, sealed)
    session.last = session.sealed or session.last
    return session


_HEAD = struct.Struct("<4sB12sQIQ")
_LEAST_DELTA = -(2**31) + 1
MARK = 6


class Chunk(NamedTuple):
    """One chunk: the number of its first record, and its columns."""

    first: int
    first_us: int
    kinds: bytes
    deltas: tuple[int, ...]
    lengths: tuple[int, ...]
    data: bytes

    def records(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Number, stamp, kind and body of each record."""
        t_us, at = self.first_us, _HEAD.size + 7 * len(self.kinds)
        for index, kind in enumerate(self.kinds):
            t_us += self.deltas[index]
            end = at + self.lengths[index]
            yield self.first + index, t_us, kind, self.data[at:end]
            at = end


def inflate(blob: bytes) -> bytes:
    """The chunk that a blob holds. Raises ValueError when it is not just one, or is larger than any."""
    inflating = zlib.decompressobj()
    data = inflating.decompress(blob, MAX_CHUNK)
    if inflating.unconsumed_tail or (not inflating.eof and inflating.decompress(b"", 1)):
        raise ValueError(f"inflates to more than {MAX_CHUNK} bytes: no chunk does")
    if not inflating.eof or inflating.unused_data:
        raise ValueError("is cut off, or has bytes behind its end")
    return data


def read_chunk(data: bytes, stream: str, first: int) -> Chunk:
    """Raises ValueError when the bytes are not exactly those of the chunk that begins with record `first`."""
    if len(data) < _HEAD.size:
        raise ValueError("shorter than a chunk's head")
    magic, version, id_, number, n, first_us = _HEAD.unpack_from(data)
    if magic != b"DVLC" or not version:
        raise ValueError("does not begin as a chunk does")
    if version > 1:
        raise Undecidable(f"a chunk of version {version}, newer than this program knows (1)")
    if id_ != stream.encode():
        raise ValueError(f"is of another stream: {shown(id_.decode('ascii', 'replace'))}")
    if number != first:
        raise ValueError(f"begins with record {number}; expected {first}")
    at = _HEAD.size
    if not n or len(data) < at + 7 * n:
        raise ValueError(f"{n} records do not fit {len(data)} bytes")
    deltas = struct.unpack_from(f"<{n}i", data, at + n)
    lengths = struct.unpack_from(f"<{n}H", data, at + 5 * n)
    if deltas[0] or min(deltas) < _LEAST_DELTA:
        raise ValueError("a stamp that no writer makes")
    if len(data) != at + 7 * n + sum(lengths):
        raise ValueError(f"has {len(data)} bytes where its columns say {at + 7 * n + sum(lengths)}")
    return Chunk(number, first_us, data[at : at + n], deltas, lengths, data)


def read_chunks(files: Files, session: Session) -> Iterator[Chunk]:
    """The chunks of chunks.bin, each checked, their tree against every entry that names its root. Raises ValueError."""
    tree, wanted = Tree(), list(session.commits)

    def compare() -> None:
        while wanted and wanted[0][0] == tree.size:
            chunks, records, root, seq = wanted.pop(0)
            if (records, root) != (session.records, tree.root().hex()):
                raise ValueError(f"the first {chunks} chunks are not those that entry {seq} names")

    compare()
    with files.open("chunks.bin") as stream:
        while head := stream.read(4):
            size = int.from_bytes(head, "little")
            if len(head) < 4 or size > MAX_BLOB:
                raise ValueError(f"chunk {tree.size}: cut off, or larger than any chunk")
            blob = stream.read(size)
            if len(blob) < size:
                raise ValueError(f"chunk {tree.size}: cut off")
            with placed(f"chunk {tree.size}"):
                chunk = read_chunk(inflate(blob), session.stream, session.records)
            tree.append(leaf_hash(chunk.data))
            session.records += len(chunk.kinds)
            session.chunks = tree.size
            yield chunk
            compare()
    if wanted or (session.closing is not None and tree.size != session.closing.body["chunks"]):
        named = wanted[-1][0] if wanted else session.commits[-1][0]
        raise ValueError(f"has {tree.size} chunks; the entries name {named}")


def check_chunks(run: Run, files: Files, session: Session, records: Files | None) -> None:
    """chunks.bin, the commitments in its marks, and data/records/<id>.jsonl, made again from the chunks."""
    name, entries_read, session.whole = f"{session.stream}.jsonl", session.whole, False
    with run.at(f"{files.where}chunks.bin"), ExitStack() as opened:
        beside = opened.enter_context(records.open(name)) if records is not None and name in records.sizes else None
        differs = ""
        for chunk in read_chunks(files, session):
            if MARK in chunk.kinds:
                session.notes |= {commitment for commitment in _note_marks(chunk) if commitment}
            if beside is not None and not differs:
                text = _lines_of(chunk)
                if beside.read(len(text)) != text:
                    differs = f"differs from the chunks in record {chunk.first} or soon after"
        if beside is not None and not differs and beside.read(1):
            differs = "has more than the chunks"
        if differs:
            run.problem(f"data/records/{name}", differs)
        session.whole = entries_read


def _lines_of(chunk: Chunk) -> bytes:
    row = b'{"body":"%s","kind":%d,"number":%d,"t_us":%d}\n'
    return b"".join(row % (body.hex().encode(), kind, number, t_us) for number, t_us, kind, body in chunk.records())


def _note_marks(chunk: Chunk) -> Iterator[str | None]:
    for number, _, kind, body in chunk.records():
        if kind == MARK:
            try:
                yield parse_canonical(body).get("note_sha256")
            except ValueError as error:
                raise ValueError(f"record {number}, a mark: {error}") from None


def check_later(
    run: Run, files: Files, session: Session, export: Entry | None, *, seal: Checkpoint | None, in_bag: bool
) -> Json:
    """What came after the seal, and the entry that says how much that is. `seal`: the checkpoint over the seal."""
    where, tree = files.where, Tree()
    listing = check_listing(run, files, "later.json", "devicelog.later", LATER_FILES, allowed=(CONSISTENCY,))
    if listing is not None and (listing["stream"], listing["log"]) != (session.stream, run.log):
        run.problem(f"{where}later.json", f"is of {listing['stream']} in {listing['log']}, not of this session")
    before, read = set(session.documents), False
    with run.at(f"{where}entries.jsonl"):
        for number, line in enumerate(files.lines("entries.jsonl"), 1):
            with placed(f"line {number}"):
                entry = read_entry(line)
                if not comes_later(entry.type) or entry.type in OPENING + CLOSING or entry.log != run.log:
                    raise ValueError(f"{shown(entry.type)} has no place here, or is of another log")
                session.take(entry)
            tree.append(entry.leaf)
        read = True
    if read and session.whole:
        check_documents(run, files, session.documents - before)
    session.whole = session.whole and read
    said: Json = {"later": tree.size, "complete_as_of": None, "as_of_time": None}
    with run.at(f"{where}statement.json"):
        statement = read_entry(files.read("statement.json"))
        if statement.log != run.log or statement.type not in ("stream.extended", "export.made"):
            raise ValueError("is no statement of this log about later entries")
        if export is not None and statement.data != export.data:
            raise ValueError("is not the entry in data/export.json")
        if not in_bag and statement.type == "export.made":
            raise ValueError("is the statement of a bag, and this is no bag")
        row = statement.body if statement.type == "stream.extended" else _row_of(statement, session.stream)
        if row.get("stream") != session.stream:
            raise ValueError(f"is not about {session.stream}")
        if (field(row, "later", int), hexes(row, "later_root")) != (tree.size, tree.root().hex()) and read:
            raise ValueError("says other later entries than those in entries.jsonl")
        session.last = follow(session.last, statement)
        with run.at(f"{where}statement.tlog-proof"):
            head = run.proved(statement, files.read("statement.tlog-proof"), f"{where}statement.tlog-proof")
            if run.head is not None and head.body() != run.head.body():
                raise ValueError("is for another checkpoint than data/checkpoint")
            if seal is not None:
                check_continued(run, files, seal, head)
        if read:
            said.update(complete_as_of=statement.seq, as_of_time=statement.at)
    return said


def check_continued(run: Run, files: Files, seal: Checkpoint, head: Checkpoint) -> None:
    """That the checkpoint over the statement continues the one over the seal: else each could be of its own history."""
    if CONSISTENCY not in files.sizes:
        if seal.size != head.size:  # as many: the roots were compared when they were met
            run.apart.append((files.where + CONSISTENCY, seal.size, head.size))
        return
    with run.at(files.where + CONSISTENCY):
        old, new, hashes = parse_consistency(files.read(CONSISTENCY))
        if (old, new) != (seal.size, head.size):
            raise ValueError(f"leads from {old} to {new} entries; the checkpoints are over {seal.size} and {head.size}")
        if continued_roots(old, seal.root, new, hashes) != (seal.root, head.root):
            raise ValueError(
                f"FORK, or a wrong proof: nothing shows that the {new} entries of the checkpoint over statement.json "
                f"begin with the {old} of the checkpoint over the seal"
            )


def check_apart(run: Run) -> None:
    """Heads that no proof connects: the leaves, or the log itself, have to do it, or it cannot be told."""
    known = max(run.leaves or 0, run.whole_log or 0)
    for where, old, new in run.apart:
        if old > known:
            run.doubt(
                where,
                f"is missing: whether the checkpoint over the seal ({old} entries) and the one over statement.json "
                f"({new}) are of one history cannot be told from these files. Ask for a new export",
            )


def rows_of(export: Entry) -> list[Json]:
    """What an export says of each session in it. Raises ValueError."""
    rows: list[Json] = field(export.body, "streams", list) if "streams" in export.body else []
    for row in rows:
        if type(row) is not dict or not _STREAM.match(field(row, "stream", str)):
            raise ValueError(f"streams: a row is {shown(repr(row))}")
    return rows


def _row_of(export: Entry, stream: str) -> Json:
    found = [row for row in rows_of(export) if row["stream"] == stream]
    if len(found) != 1:
        raise ValueError(f"names {stream} {len(found)} times")
    return found[0]


def check_private(run: Run, files: Files, session: Session, *, later: bool) -> None:
    """private.json: every text fits a commitment that an entry or a mark holds. `later`: those since the seal too."""
    with run.at(f"{files.where}private.json"):
        document = parse_canonical(files.read("private.json", MAX_TEXT))
        of_schema(document, "devicelog.private", {"stream", "clients", "notes"})
        if document["stream"] != session.stream:
            raise ValueError(f"is not of {session.stream}")
        for key, tag, of, words in (
            ("clients", b"devicelog-client-1\n", "client_ref", "code"),
            ("notes", b"devicelog-note-1\n", "commitment", "text"),
        ):
            for index, row in enumerate(field(document, key, list)):
                if type(row) is not dict or row.keys() != {of, "salt", words}:
                    raise ValueError(f"{key}[{index}] has other keys than {of}, salt and {words}")
                name = field(row, of, str)
                text = field(row, words, str)
                made = sha256(tag + bytes.fromhex(hexes(row, "salt")) + text.encode()).hexdigest()
                if key == "notes" and made != name:
                    raise ValueError(f"notes[{index}]: no mark and no entry committed to this text")
                known = made in session.notes if key == "notes" else (name, made) in session.clients
                if not known and not later and (key == "notes" or name not in dict(session.clients)):
                    raise Undecidable(
                        f"{key}[{index}] fits nothing up to the seal, and what came later is not here: put "
                        f"{session.stream}.later.zip beside the package"
                    )
                if not known:
                    what = "text" if key == "notes" else "code for this client"
                    raise ValueError(
                        f"{key}[{index}]: no {'mark and no ' * (key == 'notes')}entry committed to this {what}"
                    )


def check_session(
    run: Run, files: Files, listing: Json, *, later: Files | None, private: Files | None,
    records: Files | None = None, export: Entry | None = None, in_bag: bool = False,
) -> None:  # fmt: skip
    """All of one session whose package.json was read."""
    where, stream = files.where, str(listing["stream"])
    if listing["log"] != run.log:
        run.problem(f"{where}package.json", f"is of another log: {listing['log']}, and this is of {shown(run.log)}")
    with run.at(f"{where}pin.txt"):
        run.same_pin(f"{where}pin.txt", parse_pin(files.read("pin.txt").decode("utf-8")))
    session = read_sealed_entries(run, files, stream)
    checkpoint: Checkpoint | None = None
    if session.sealed is not None:
        with run.at(f"{where}sealed.tlog-proof"):
            checkpoint = run.proved(session.sealed, files.read("sealed.tlog-proof"), f"{where}sealed.tlog-proof")
    check_chunks(run, files, session, records)
    if session.whole:
        check_documents(run, files, session.documents)
    mode = session.closing.body.get("mode") if session.closing else None
    said: Json = {
        "stream": stream,
        "mode": mode if isinstance(mode, str) else "unknown",
        "sealed_entry": session.sealed.seq if session.sealed else None,
        "sealed_at": session.sealed.at if session.sealed else None,
        "checkpoint_size": checkpoint.size if checkpoint else None,
        "chunks": session.chunks,
        "records": session.records,
        "private": private is not None,
        "later": None,
        "complete_as_of": None,
    }
    if later is not None:
        said.update(check_later(run, later, session, export, seal=checkpoint, in_bag=in_bag))
    if private is not None and session.whole:
        check_private(run, private, session, later=later is not None)
    run.modes[said["mode"]] = run.modes.get(said["mode"], 0) + 1
    run.sessions.append(said)


# --- a package, and a bag ---------------------------------------------------------------------------------------------


def check_package(run: Run, files: Files, later: Files | None, private: Files | None = None) -> None:
    """A package, or one laid open."""
    listing = check_listing(run, files, "package.json", "devicelog.package", SESSION_FILES)
    if listing is not None:
        run.settle_keys(listing["log"], files.where, files)
        check_session(run, files, listing, later=later, private=private)
        check_apart(run)


_BAG_FILES = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")
_DATA = re.compile(
    r"data/(pin\.txt|checkpoint|leaves\.txt|export\.json|export\.tlog-proof|sessions/(?P<session>[^/]+)/.+"
    r"|records/(?P<records>[^/]+)\.jsonl"
    r"|(?P<convenience>tables/(datapackage\.json|[a-z]+\.csv|readings-(?P<readings>[^/]+)\.csv)|fhir/bundle\.json"
    r"|report/(?P<report>[^/]+)\.(html|pdf)|inspection\.(html|json)|log/inspection\.json)|log/entries\.jsonl)\Z"
)


def check_manifest(run: Run, bag: Files, name: str, wanted: Sequence[str]) -> None:
    """A manifest is made again from these files, and compared."""
    with run.at(name):
        said: dict[str, str] = {}
        for line in bag.read(name, MAX_TEXT).decode("utf-8").split("\n")[:-1]:
            digest, gap, file = line.partition("  ")
            if not gap or not _HEX64.match(digest) or not _NAME.match(file) or file in said:
                raise ValueError(f"not a line of a manifest, or one of a file that it has already: {shown(line)!r}")
            said[file] = digest
        for file in wanted:
            if file not in said:
                run.problem(file, f"is in no list: {name} does not have it")
            elif bag.digest(file) != said[file]:
                run.problem(file, f"was changed: it is not the file that {name} lists")
        for file in sorted(said.keys() - set(wanted)):
            run.problem(file, f"is missing; {name} lists it")
        made = "".join(f"{bag.digest(file)}  {file}\n" for file in wanted)
        if sha256(made.encode()).hexdigest() != bag.digest(name):
            raise ValueError("is not the manifest of these files")


def check_tags(run: Run, bag: Files, data: Sequence[str]) -> None:
    """bagit.txt and bag-info.txt."""
    with run.at("bagit.txt"):
        text = bag.read("bagit.txt")
        newer = re.match(rb"BagIt-Version: ([0-9]+)\.([0-9]+)\n", text)
        if newer and (int(newer[1][:9]), int(newer[2][:9])) > (1, 0):
            raise Undecidable("a newer version of BagIt than this program knows (1.0)")
        if text != b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n":
            raise ValueError("is not what devicelog writes")
    with run.at("bag-info.txt"):
        oxum = f"{sum(bag.sizes[name] for name in data)}.{len(data)}"
        wanted = (
            rf"Bagging-Date: [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}\nPayload-Oxum: {re.escape(oxum)}\n"
            rf"Bag-Software-Agent: [ -~]+\nExternal-Identifier: {re.escape(run.log)}\n\Z"
        )
        if not re.match(wanted, bag.read("bag-info.txt").decode("utf-8")):
            raise ValueError(f"is not what devicelog writes for {oxum} (bytes.files) of {run.log}")


def check_bag_signature(run: Run, bag: Files) -> None:
    """The signature over the tag manifest."""
    with run.at("tagmanifest-sha256.txt.sig"):
        public, signature = parse_armoured(bag.read("tagmanifest-sha256.txt.sig"))
        message = bag.read("tagmanifest-sha256.txt")
        if not run.tools.bag(run.log, public, message, signature):
            raise ValueError("the signature does not hold under the key that it carries itself")
        pinned = run.keys and run.keys.bags
        if pinned and public != pinned:
            raise ValueError("is signed with another key than the one that the pin names for bags")
        if run.pinned and not pinned:
            raise Undecidable("only the key of checkpoints was given: who signed the bag cannot be told. Give the pin")


def check_bag(run: Run, bag: Files) -> None:
    """A bag: lists and signature first, then what hashes lead to."""
    data = sorted(name for name in bag.sizes if name.startswith("data/"))
    tags = {*_BAG_FILES, "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig"}
    for name in sorted(bag.sizes.keys() - set(data) - tags):
        run.problem(name, "is in no list: a bag has no such file")
    payload = bag.under("data/")
    with run.at("data/checkpoint"):
        run.settle_keys(parse_checkpoint(payload.read("checkpoint")).log, "data/", payload)
    for name in sorted(name for name in tags & bag.sizes.keys() if bag.sizes[name] > MAX_TEXT):
        run.problem(name, f"has {bag.sizes.pop(name)} bytes, more than any that devicelog writes")
    for name in sorted(tags - bag.sizes.keys()):
        run.problem(name, "is missing; every bag has it")
    check_manifest(run, bag, "manifest-sha256.txt", data)
    check_manifest(run, bag, "tagmanifest-sha256.txt", sorted(name for name in _BAG_FILES if name in bag.sizes))
    if not run.log:
        return  # the checkpoint says whose all this is, and was not read
    check_tags(run, bag, data)
    check_bag_signature(run, bag)
    export = check_export(run, payload)
    found = [_DATA.match(name) for name in data]
    sessions = sorted({match["session"] for match in found if match and match["session"]})
    for index, match in enumerate(found):
        if match is None:
            run.doubt(data[index], "a file that this version does not know; only the bag's signature covers it")
        elif (of := match["records"] or match["readings"] or match["report"]) and of not in sessions:
            run.problem(data[index], "is of a session that is not in this bag")
        elif match["convenience"]:
            run.convenience.append(data[index])
    if export is not None:
        with run.at("data/export.json"):
            if sorted(row["stream"] for row in rows_of(export)) != sessions:
                raise ValueError("names other sessions than those in this bag")
    for stream in sessions:
        check_session_in_bag(run, bag, stream, export)
    if "leaves.txt" in payload.sizes:
        check_leaves(run, payload)
    if "log/entries.jsonl" in payload.sizes:
        check_log(run, payload, export)
    elif export is not None and export.body.get("inspection") is not None:
        run.problem("data/log/entries.jsonl", "is missing: data/export.json says that this is an inspection")
    check_apart(run)


def check_export(run: Run, payload: Files) -> Entry | None:
    """The entry of the export itself, its proof, and the checkpoint in the bag."""
    checkpoint: Checkpoint | None = None
    with run.at("data/checkpoint"):
        run.head = checkpoint = run.checkpoint(payload.read("checkpoint"), "data/checkpoint")
    export: Entry | None = None
    with run.at("data/export.json"):
        entry = read_entry(payload.read("export.json", MAX_TEXT))
        if entry.type != "export.made" or entry.log != run.log:
            raise ValueError("is not the entry of an export of this log")
        export = entry
    with run.at("data/export.tlog-proof"):
        if export is not None:
            proved = run.proved(export, payload.read("export.tlog-proof"), "data/export.tlog-proof")
            if checkpoint is not None and proved.body() != checkpoint.body():
                raise ValueError("is for another checkpoint than data/checkpoint")
    return export


def check_session_in_bag(run: Run, bag: Files, stream: str, export: Entry | None) -> None:
    """One folder of data/sessions."""
    folder = bag.under(f"data/sessions/{stream}/")
    main = folder.under("", lambda name: name != "private.json" and not name.startswith("later/"))
    listing = check_listing(run, main, "package.json", "devicelog.package", SESSION_FILES)
    if listing is None:
        return
    if listing["stream"] != stream:
        run.problem(f"{main.where}package.json", f"is of {listing['stream']}, and the folder is named {shown(stream)}")
    later: Files | None = folder.under("later/")
    if later is not None and not later.sizes:
        later = None
        if export is not None:
            run.problem(f"{main.where}later", "is missing; every session in a bag has it")
    private = folder if "private.json" in folder.sizes else None
    check_session(
        run, main, listing, later=later, private=private, records=bag.under("data/records/"),
        export=export, in_bag=True,
    )  # fmt: skip


def check_leaves(run: Run, payload: Files) -> None:
    """The leaf hashes of the whole log: by them every root that anybody kept, older than this bag, can be compared."""
    tree, name = Tree(), "leaves.txt"
    with run.at(f"data/{name}"):
        newest = parse_checkpoint(payload.read("checkpoint"))
        for line in payload.lines(name):
            text = line.decode("ascii", "replace")
            if not _HEX64.match(text):
                raise ValueError(f"line {tree.size + 1} is no leaf hash")
            tree.append(bytes.fromhex(text))
            if tree.size in run.roots or tree.size in run.kept_sizes:
                run.know(tree.size, tree.root(), f"data/{name}")
        if tree.size != newest.size:
            raise ValueError(f"has {tree.size} lines; the checkpoint of this bag is over {newest.size} entries")
        run.leaves = tree.size


def check_log(run: Run, payload: Files, export: Entry | None) -> None:
    """The whole log of an inspection: every number, every link, every root that anybody named."""
    tree, before, name = Tree(), None, "log/entries.jsonl"
    streams: dict[str, Tree] = {}
    modes: dict[str, int] = {}
    with run.at(f"data/{name}"):
        for line in payload.lines(name):
            with placed(f"line {tree.size + 1}"):
                entry = read_entry(line)
                if entry.seq != tree.size or entry.log != run.log:
                    raise ValueError(f"is entry {entry.seq} of {entry.log}; expected {tree.size} of {shown(run.log)}")
                if before is None and entry.prev != "0" * 64:
                    raise ValueError("has an entry before it")
                if before is None and run.keys and run.keys.first not in (None, entry.leaf.hex()):
                    raise ValueError("is not the entry 0 that the pin names")
                follow(before, entry)
                _said_of_streams(entry, tree, streams)
            before = entry
            tree.append(entry.leaf)
            if entry.type == "session.closed":
                modes[str(entry.body.get("mode"))] = modes.get(str(entry.body.get("mode")), 0) + 1
            if tree.size in run.roots or tree.size in run.kept_sizes:
                run.know(tree.size, tree.root(), f"data/{name}")
        if before is None or export is None or before.data != export.data:
            raise ValueError("does not end with the entry in data/export.json")
        run.know(tree.size, tree.root(), f"data/{name}")
        run.whole_log, run.modes = tree.size, modes


def _said_of_streams(entry: Entry, tree: Tree, streams: dict[str, Tree]) -> None:
    """What an entry of a whole log says of those before it. Raises ValueError."""
    body, stream = entry.body, entry.body.get("stream")
    claims: list[tuple[Any, Any, Tree]] = []
    if entry.type == "database.rebuilt":
        claims.append((body.get("entries"), body.get("root"), tree))
    elif entry.type == "export.made":
        claims += [
            (row.get("later"), row.get("later_root"), streams.get(row["stream"], Tree())) for row in rows_of(entry)
        ]
    elif "stream" in body:
        if not isinstance(stream, str) or not _STREAM.match(stream):
            raise ValueError(f"stream is {shown(repr(stream))}")
        known = streams.setdefault(stream, Tree())
        if entry.type == "stream.sealed":
            claims.append((body.get("entries"), body.get("root"), known))
            streams[stream] = Tree()
        elif entry.type == "stream.extended":
            claims.append((body.get("later"), body.get("later_root"), known))
        elif comes_later(entry.type):
            known.append(entry.leaf)
    for count, root, of in claims:
        if (count, root) != (of.size, of.root().hex()):
            raise ValueError(f"{entry.type} says {shown(repr(count))} entries with another root than those before it")


# --- witnesses --------------------------------------------------------------------------------------------------------


def check_witnessed_heads(run: Run, heads: Sequence[tuple[str, Checkpoint]]) -> list[Json]:
    """Checkpoints that somebody kept outside, against the roots that were met here.

    Of a file with many of them the newest decides: what is smaller than one that could be compared needs no comparison
    of its own, and one that is larger than everything here is never passed over.
    """
    compared: list[Json] = []
    newest = max(run.roots, default=0)
    rows = [(where, head, head.log == run.log and _signed_by_log(run, where, head)) for where, head in heads]
    met: dict[str, int] = {}  # by file: the largest that can be compared
    for where, head, signed in rows:
        if signed and head.size in run.roots:
            met[where] = max(met.get(where, 0), head.size)
    for where, head, signed in rows:
        if head.log != run.log:
            run.doubt(where, f"is a checkpoint of another log: {shown(head.log)}")
        elif not signed:
            run.doubt(where, "is not signed by this log: it says nothing about it")
        elif head.size not in run.roots and head.size > newest:
            run.doubt(
                where,
                f"is for {head.size} entries, more than the {newest} here. Either it is newer than what is checked, or "
                f"entries {newest} to {head.size - 1} were cut off the log since: which of the two cannot be told from "
                "these files. Ask for an export that is made after it",
            )
        elif head.size not in run.roots and head.size < met.get(where, 0):
            continue
        elif head.size not in run.roots:
            run.doubt(
                where,
                f"is for {head.size} entries, not a number of entries that a root here is for, of the {newest} here. "
                "Whether both are one history cannot be told from these files: it takes a consistency proof, or an "
                "inspection made after it",
            )
        elif run.roots[head.size][0] != head.root:
            run.problem(where, f"FORK: for {head.size} entries it has another root than {run.roots[head.size][1]}. The "
                        "log showed two histories")  # fmt: skip
        else:
            compared.append({"file": shown(where), "size": head.size})
            with run.at(where):
                run.witnesses_on(head)
    return compared


def _signed_by_log(run: Run, where: str, head: Checkpoint) -> bool:
    key = run.keys and run.keys.checkpoints
    with run.at(where):
        return key is not None and any(
            (name, key_id) == (key.name, key.key_id()) and run.tools.note(key.public, head.body().encode(), signature)
            for name, key_id, signature in head.signatures
        )
    return False


def read_witness(text: str, where: str) -> tuple[list[VKey], list[tuple[str, Checkpoint]]]:
    """What a file of --witness holds: keys of witnesses, one a line, or a checkpoint. Raises ValueError."""
    if text.startswith("{"):  # a witness file, which holds every checkpoint that it advanced over
        kept = parse_canonical(text.strip().encode())
        if field(kept, "schema", str) != "devicelog.witness/1":
            raise ValueError("is no witness file of devicelog, version 1")
        notes = [step.get("note") for step in field(kept, "steps", list) if type(step) is dict] + [kept.get("note")]
        texts = ["\n".join(map(str, note)) + "\n" for note in notes if type(note) is list]
        return [], [(where, parse_checkpoint(each.encode())) for each in dict.fromkeys(texts)]
    if "\n\n" in text:
        return [], [(where, parse_checkpoint(text.encode()))]
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = [parse_vkey(line) for line in lines]
    except ValueError:
        keys = []
    if not keys or any(key.algorithm != 4 for key in keys):
        raise ValueError("holds neither a checkpoint nor keys of witnesses (algorithm 4)")
    return keys, []


# --- the whole, and what is said of it --------------------------------------------------------------------------------


def _private_beside(package: Path) -> Files | None:
    """`<stream>.private.json`, where it stands beside the package and is a plain file."""
    path = package.with_name(f"{package.name[: -len('.package.zip')]}.private.json")
    if not package.name.endswith(".package.zip") or path.is_symlink() or not path.is_file():
        return None
    return Files(f"{path.name}, as ", {"private.json": path.stat().st_size}, lambda _: path.open("rb"))


NOT_COVERED = [
    "whether what was measured was true: a false reading is kept as faithfully as a true one",
    "whether the derived record (passes, findings, verdict) follows from the records: `devicelog replay` shows that",
    "what the log recorded after the newest checkpoint here",
    "what was recorded since the newest checkpoint that left the device, if its owner rewrote it and signed anew",
]


def verify(
    path: Path, *, pin: Pin | None = None, witnesses: Sequence[VKey] = (),
    heads: Sequence[tuple[str, Checkpoint]] = (), tools: Tools | None = None, required: bool = False,
) -> Json:  # fmt: skip
    """Verify what is at a path. Returns a `devicelog.verification/1`; never raises for what it reads.

    `required`: that somebody outside held any of it, or it cannot be decided.
    """
    run = Run(given=pin, witnesses=witnesses, tools=tools or Tools())
    run.kept_sizes = {head.size for _, head in heads}
    if path.is_dir():
        files = open_folder(path, run)
        if "package.json" in files.sizes and "bagit.txt" not in files.sizes:
            check_package(run, files, None)
        else:
            check_bag(run, files)
    else:
        package, later = path, None
        if path.name.endswith(".later.zip") and path.is_file():
            package = path.with_name(f"{path.name[:-10]}.package.zip")
        beside = path if path != package else path.with_name(f"{path.name.removesuffix('.package.zip')}.later.zip")
        if beside.name.endswith(".later.zip") and beside.is_file():
            later = open_zip(beside, "later.json", run)
        if package.is_file():
            found = open_zip(package, "package.json", run)
            if found is not None:
                check_package(run, found, later, _private_beside(package))
                named = re.match(r"(.*)\.package\.zip\Z", package.name)
                if named and _STREAM.match(named[1]) and [named[1]] != [each["stream"] for each in run.sessions]:
                    run.problem(package.name, "is named for another session than the one that is in it")
        elif later is not None:
            run.doubt(package.name, "is not beside it: what came later is checked together with its package")
        else:
            run.problem(path.name, "is no plain file")
    compared = check_witnessed_heads(run, heads)
    if required and not (run.cosigned or compared):
        run.doubt("the witness", "one is required, and none was given that held any of this")
    code = ALTERED if run.problems else UNDECIDED if run.undecided else VERIFIED
    return {
        "schema": "devicelog.verification/1",
        "path": str(path),
        "result": RESULTS[code],
        "exit_code": code,
        "modes": run.modes,
        "problems": run.problems,
        "undecided": run.undecided,
        "coverage": {
            "log": run.log or None,
            "key": "pinned" if run.pinned else "not pinned",
            "signatures_checked_by": sorted(run.tools.used),
            "sessions": run.sessions,
            "whole_log": run.whole_log,
            "leaves": run.leaves,
            "newest_checkpoint": max(run.roots, default=None),
            "witnessed": [
                {"size": size, "witness": name, "time_s": when_s}
                for (size, name), when_s in sorted(run.cosigned.items())
            ],
            "compared_with": compared,
            "convenience_files": len(run.convenience),
            "not_covered": NOT_COVERED,
        },
    }


def told(report: Json) -> Iterator[str]:
    """The report in words, a line each."""
    coverage, counts = report["coverage"], report["modes"]
    unreal = [mode for mode in ("demo", "test") if counts.get(mode)]
    few, all_ = sum(counts[mode] for mode in unreal), sum(counts.values())
    words = f" - {' AND '.join(unreal).upper()} DATA" if unreal else ""
    if unreal:
        words += ": no real pen sent this" if few == all_ else f": {few} of {all_} sessions are of no real pen"
    yield report["result"].upper() + words
    for title, rows in (("ALTERED", report["problems"]), ("CANNOT DECIDE", report["undecided"])):
        for row in rows[:MAX_TOLD]:
            yield f"{title}: {row['where']}: {row['what']}"
        if len(rows) > MAX_TOLD:
            yield f"{title}: and {len(rows) - MAX_TOLD} more (--json has them all)"
    if report["result"] == "altered":
        yield "Something above is not what the device wrote. What follows says how far the checks came."
    by = ", ".join(coverage["signatures_checked_by"])
    yield f"log: {coverage['log']}; key: {coverage['key']}; signatures checked by: {by}"
    for each in coverage["sessions"]:
        yield (
            f"session {each['stream']} ({each['mode']}): {each['records']} records in {each['chunks']} chunks, sealed "
            f"by entry {each['sealed_entry']} at {each['sealed_at']} (device's clock), under the checkpoint of "
            f"{each['checkpoint_size']} entries"
        )
        if each["complete_as_of"] is None:
            yield "  whether a correction, a signature or an amendment came later cannot be told from this"
        else:
            yield f"  later entries: {each['later']}; the list is complete as of entry {each['complete_as_of']}"
    if coverage["whole_log"] is not None:
        yield f"the whole log was read: {coverage['whole_log']} entries, none missing, one unbroken chain"
    yield from _told_of_witnesses(coverage)
    if coverage["convenience_files"]:
        yield (
            f"{coverage['convenience_files']} files made for convenience (tables, reports, FHIR, an inspection's page) "
            "are covered by the bag's signature only: nobody compared them with the records here"
        )
    yield "not covered:"
    for words in coverage["not_covered"]:
        yield f"  {words}"


def _told_of_witnesses(coverage: Json) -> Iterator[str]:
    seen = {row["size"] for row in (*coverage["witnessed"], *coverage["compared_with"])}
    for row in coverage["witnessed"]:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(min(row["time_s"], 253402300799)))
        yield f"entries 0 to {row['size'] - 1} witnessed by {shown(row['witness'])} at {when}"
    for row in coverage["compared_with"]:
        yield f"entries 0 to {row['size'] - 1} are those of the checkpoint that you hold in {row['file']}"
    one_history = coverage["whole_log"] is not None or coverage["leaves"] is not None  # every root here is of it
    whole = max(seen, default=0) if one_history else 0
    alone = [
        each["stream"]
        for each in coverage["sessions"]
        if not {each["checkpoint_size"], (each["sealed_entry"] or 0) + 1} & seen
        and not (each["sealed_entry"] or 0) < whole
    ]
    if seen and coverage["newest_checkpoint"] > max(seen):
        yield f"entries {max(seen)} to {coverage['newest_checkpoint'] - 1} by the device's signature alone"
    if not seen:
        yield "outside witness: none. Everything here rests on the signature of the device alone"
    elif alone:
        yield f"under no witness, by the device's signature alone: the seals of {', '.join(alone)}"


# --- the command ------------------------------------------------------------------------------------------------------


def read_key(text: str) -> Pin:
    """What --key names: a file with a pin or a key, or the text of a key. Raises ValueError."""
    if Path(text).is_file():
        with Path(text).open("rb") as stream:
            text = stream.read(MAX_SMALL).decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
    if "\n" in text:
        return parse_pin(text + "\n")
    key = parse_vkey(text.strip())
    if key.algorithm != 1:
        raise ValueError("is the key of a witness: give it with --witness; --key is for the pin of the log")
    return Pin(key.name, key)


def lies_under(file: str, path: str) -> bool:
    """Whether a file that was named is in what is checked, by whatever way it was named."""
    with suppress(OSError, RuntimeError, ValueError):  # no file at all: the text of a key
        inside, whole = Path(file).resolve(strict=True), Path(path).resolve(strict=True)
        return inside.is_file() and (inside == whole or whole in inside.parents)
    return False


def say(lines: Iterable[str]) -> None:
    """Print them, as far as somebody reads: `| head` closes its end, and that changes no result."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        for line in lines:
            print(line.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends


def looks_like_ours(path: Path) -> bool:
    """Whether anything of a bag or a package is there: what has lost a part of it is altered, and not this."""
    if path.is_dir():
        names = {each.name for each in path.iterdir()}
        return bool(names & {"data", "package.json", "later.json", *_BAG_FILES, "tagmanifest-sha256.txt"})
    if not path.is_file():
        return True  # said with what is wrong with it
    with path.open("rb") as stream:
        return stream.read(2) == b"PK" or path.name.endswith((".package.zip", ".later.zip"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Verify a bag or a package of devicelog.")
    parser.add_argument("path", help="a bag's folder, a .package.zip, or a .later.zip beside its package")
    parser.add_argument("--key", metavar="PIN", help="the pin: a file, or the text of a key (never taken from PATH)")
    parser.add_argument("--witness", metavar="FILE", action="append", default=[], help="a key of a witness, or a "
                        "checkpoint that was kept outside the device")  # fmt: skip
    parser.add_argument("--require-witness", action="store_true", help="cannot decide where nobody outside held any")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    asked = parser.parse_args(arguments)
    keys: list[VKey] = []
    heads: list[tuple[str, Checkpoint]] = []
    naming = "--key"
    if asked.key is not None and lies_under(asked.key, asked.path):
        print(
            f"--key: {shown(asked.key)} lies in what is to be checked, and whoever forged that would have put a forged "
            "pin there too. Give the pin that the clinic got when the log began, from its own papers",
            file=sys.stderr,
        )
        return USAGE
    try:
        pin = read_key(asked.key) if asked.key is not None else None
        for naming in asked.witness:
            with Path(naming).open("rb") as stream:
                found = read_witness(stream.read(MAX_TEXT).decode("utf-8", "replace"), naming)
            keys += found[0]
            heads += found[1]
    except (ValueError, OSError) as error:
        print(f"{shown(naming)}: {error}", file=sys.stderr)
        return NO_PATH if isinstance(error, FileNotFoundError) else USAGE
    if os.path.lexists(asked.path) and not looks_like_ours(Path(asked.path)):
        print(
            f"{shown(asked.path)} is neither a bag's folder nor a package: nothing of either is in it", file=sys.stderr
        )
        return USAGE
    if not os.path.lexists(asked.path):
        print(f"there is nothing at {shown(asked.path)}", file=sys.stderr)
        return NO_PATH
    try:
        report = verify(Path(asked.path), pin=pin, witnesses=keys, heads=heads, required=asked.require_witness)
    except Exception as error:  # noqa: BLE001 (whatever was made to break this program must not pass for verified)
        print(f"CANNOT DECIDE: this program failed ({type(error).__name__}: {shown(str(error))})", file=sys.stderr)
        return UNDECIDED
    say([json.dumps(report, indent=2)] if asked.json else told(report))
    return int(report["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
