"""The signer's directory: two keys for each log, and what was signed with them. State is on disk before a signature is.

Not responsible for what may be signed (`signing`), nor for who asks and how (`signer`, `asking`).

    keys/<id>.checkpoints  keys/<id>.bags     Ed25519, 0400
    state.json                                for each log: entry 0, (size, root) signed last, its public keys
"""

import contextlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from devicelog.canonical import Json
from devicelog.errors import NotFound, StoreUnusable
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.pin import BAG_NAMESPACE, Pin
from devicelog.ledger.signing import Head, Refusal, Request, acknowledge, decide, nothing_signed
from devicelog.ledger.sshsig import armoured, to_be_signed
from devicelog.ledger.state_file import StateFile

if TYPE_CHECKING:
    from devicelog.ledger.keys import SigningKey

SCHEMA = "devicelog.signer/1"
LOG_ID = re.compile(r"devicelog/([0-9a-f]{32})\Z")
_SHA512_BYTES = 64
_MAX_LOGS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is kept of one log. The public keys are None until both keys are on disk; `fork`: what ended it."""

    first: bytes
    signed: Head
    checkpoints: bytes | None = None
    bags: bytes | None = None
    fork: Head | None = None

    def document(self) -> Json:
        return {
            "log": self.signed.log,
            "first": self.first.hex(),
            "size": self.signed.size,
            "root": self.signed.root.hex(),
            "checkpoints": None if self.checkpoints is None else self.checkpoints.hex(),
            "bags": None if self.bags is None else self.bags.hex(),
            "fork": None if self.fork is None else {"size": self.fork.size, "root": self.fork.root.hex()},
        }

    @classmethod
    def of(cls, values: Json) -> "_Kept":
        log, fork = values["log"], values["fork"]
        return cls(
            first=bytes.fromhex(values["first"]),
            signed=Head(log=log, size=values["size"], root=bytes.fromhex(values["root"])),
            checkpoints=None if values["checkpoints"] is None else bytes.fromhex(values["checkpoints"]),
            bags=None if values["bags"] is None else bytes.fromhex(values["bags"]),
            fork=None if fork is None else Head(log=log, size=fork["size"], root=bytes.fromhex(fork["root"])),
        )


class Keeper:
    """The keys in a directory. Any number of these may work on one directory at once.

    Every method raises StoreUnusable when the directory cannot be used or its memory is missing or damaged: without it
    nothing is signed, and it is never begun anew beside keys that have signed.
    """

    def __init__(self, directory: Path) -> None:
        self._state = StateFile(directory, "state.json", SCHEMA)
        self._keys = directory / "keys"

    def identity(self, log: str, first: bytes) -> Pin | Refusal:
        """The pin of a log; at first sight its keys are made. `first`: the 32-byte leaf hash of its entry 0."""
        named = LOG_ID.match(log)
        if named is None or len(first) != len(nothing_signed(log).root):
            why = f"a log is devicelog/ and 32 hex digits, its first entry a hash of 32 bytes; asked about {log!r}"
            return Refusal(code="malformed", why=why)
        with self._state.locked():
            logs = self._logs()
            kept = logs.get(log)
            if kept is not None and kept.first != first:
                why = f"{log} began with entry {kept.first.hex()[:16]}…, not with {first.hex()[:16]}…: another log"
                return Refusal(code="other log", why=why)
            if kept is None:
                if len(logs) >= _MAX_LOGS:
                    return Refusal(code="malformed", why=f"{_MAX_LOGS} logs are kept already")
                self._refuse_orphans(named[1])
                kept = _Kept(first=first, signed=nothing_signed(log))
                self._write(logs | {log: kept})
            if kept.checkpoints is None or kept.bags is None:
                kept = self._with_new_keys(kept, named[1])
                self._write(logs | {log: kept})
            return self._pin(kept)

    def known(self, log: str) -> Pin | Refusal:
        """The pin of a log whose keys were made."""
        with self._state.locked():
            kept = self._ready(log)
        return kept if isinstance(kept, Refusal) else self._pin(kept)

    def remembered(self, log: str) -> Head | Refusal:
        """The head that was signed last; that of no entries where none was. A log that ended is refused."""
        with self._state.locked():
            kept = self._living(log)
        return kept if isinstance(kept, Refusal) else kept.signed

    def checkpoint(self, request: Request) -> SignedNote | Refusal:
        """Sign a head, if `decide` allows it. It is on disk as signed before this returns."""
        with self._state.locked():
            kept = self._living(request.log)
            if isinstance(kept, Refusal):
                return kept
            head = decide(kept.signed, request)
            if isinstance(head, Refusal):
                return head
            key = self._key(kept, "checkpoints")
            if head != kept.signed:
                self._write(self._logs() | {head.log: replace(kept, signed=head)})
            return _note(head, key)

    def bag_signature(self, log: str, sha512: bytes) -> bytes | Refusal:
        """The armoured signature over a message with this SHA-512. What the message says is not known here."""
        if len(sha512) != _SHA512_BYTES:
            return Refusal(code="malformed", why=f"a SHA-512 has {_SHA512_BYTES} bytes, not {len(sha512)}")
        with self._state.locked():
            kept = self._living(log)
            if isinstance(kept, Refusal):
                return kept
            key = self._key(kept, "bags")
        return armoured(key.public, key.sign(to_be_signed(sha512, BAG_NAMESPACE)), BAG_NAMESPACE)

    def acknowledge(self, found: Head) -> SignedNote | Refusal:
        """End a log whose device has `found` in place of what was signed. Gives its last checkpoint, signed again.

        May be asked again with any fork: the first one stays on record, and the answer is the same.
        """
        with self._state.locked():
            kept = self._ready(found.log)
            if isinstance(kept, Refusal):
                return kept
            head = acknowledge(kept.signed, found)
            if isinstance(head, Refusal):
                return head
            if head.size == 0:
                return Refusal(code="malformed", why=f"nothing was ever signed of {found.log}: it can go on as it is")
            key = self._key(kept, "checkpoints")
            if kept.fork is None:
                self._write(self._logs() | {head.log: replace(kept, fork=found)})
            return _note(head, key)

    def _logs(self) -> dict[str, _Kept]:
        values = self._state.read()
        if values is None:
            if self._keys.is_dir() and any(self._keys.iterdir()):
                raise StoreUnusable(
                    f"{self._state.path} is missing and its keys are not: without it nobody can tell what was signed. "
                    "Put it back as it was; else remove the keys too, and recording goes on in a new log."
                )
            return {}
        try:
            kept = [_Kept.of(each) for each in values["logs"]]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreUnusable(f"{self._state.path} is damaged, and is not begun anew: {error!r}") from error
        return {each.signed.log: each for each in kept}

    def _write(self, logs: dict[str, _Kept]) -> None:
        self._state.write({"logs": [logs[log].document() for log in sorted(logs)]})

    def _ready(self, log: str) -> _Kept | Refusal:
        kept = self._logs().get(log)
        if kept is None or kept.checkpoints is None:
            return Refusal(code="unknown log", why=f"there are no keys for {log!r} here: its identity was never asked")
        return kept

    def _living(self, log: str) -> _Kept | Refusal:
        kept = self._ready(log)
        if isinstance(kept, Refusal) or kept.fork is None:
            return kept
        why = f"{log} ended at {kept.signed}: the device had {kept.fork}. Recording goes on in a new log."
        return Refusal(code="ended", why=why)

    def _refuse_orphans(self, id_: str) -> None:
        left = [path for purpose in ("checkpoints", "bags") if (path := self._keys / f"{id_}.{purpose}").exists()]
        if left:
            raise StoreUnusable(
                f"there is a key {left[0]}, and {self._state.path} does not know its log: it is older than the key. "
                "Put the newest one back; what was signed with this key is not known without it."
            )

    def _with_new_keys(self, kept: _Kept, id_: str) -> _Kept:
        """Make both keys. Those that lie there were never told to anybody: we were ended while we made them."""
        from devicelog.ledger.keys import SigningKey

        public = {}
        try:
            self._keys.mkdir(mode=0o700, exist_ok=True)
            for purpose in ("checkpoints", "bags"):
                path = self._keys / f"{id_}.{purpose}"
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                public[purpose] = SigningKey.create(path).public
        except StoreUnusable:
            raise
        except OSError as error:
            raise StoreUnusable(f"{self._keys} cannot be written: {error.strerror}") from error
        return replace(kept, checkpoints=public["checkpoints"], bags=public["bags"])

    def _key(self, kept: _Kept, purpose: str) -> "SigningKey":
        from devicelog.ledger.keys import SigningKey

        path = self._keys / f"{kept.signed.log.partition('/')[2]}.{purpose}"
        try:
            key = SigningKey.load(path)
        except NotFound as error:
            raise StoreUnusable(f"{path} is gone. Put it back; without it {kept.signed.log} cannot go on.") from error
        if key.public != (kept.checkpoints if purpose == "checkpoints" else kept.bags):
            raise StoreUnusable(f"{path} is another key than the one that {kept.signed.log} began with. Put that back.")
        return key

    @staticmethod
    def _pin(kept: _Kept) -> Pin:
        if kept.checkpoints is None or kept.bags is None:
            raise ValueError("a log without keys has no pin")
        log = kept.signed.log
        key = VerifierKey(name=log, algorithm=ED25519, public=kept.checkpoints)
        return Pin(log=log, first=kept.first, checkpoints=key, bags=kept.bags)


def _note(head: Head, key: "SigningKey") -> SignedNote:
    body = Checkpoint(origin=head.log, size=head.size, root=head.root).body()
    verifier = VerifierKey(name=head.log, algorithm=ED25519, public=key.public)
    return SignedNote(text=body, signatures=(log_signature(verifier, key.sign(body.encode())),))
