"""Checkpoints (c2sp.org/tlog-checkpoint): how large a log was and its root, as the text of a signed note.

With the two kinds of signature that such a note bears: the log's own, and those of witnesses with a time
(c2sp.org/tlog-cosignature). Not here: making and checking the signatures themselves.
"""

import re
from dataclasses import dataclass
from typing import Self

from devicelog.ledger.base64_text import decoded, encoded
from devicelog.ledger.note import COSIGNATURE, ED25519, Signature, SignedNote, VerifierKey

_HASH_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_LARGEST = 2**63 - 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The tree of the log `origin` over its first `size` entries has this `root` (32 bytes).

    Raises ValueError where no checkpoint could say it.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise ValueError(f"the origin of a checkpoint is one line; this is {self.origin[:80]!r}")
        if not 0 <= self.size <= _LARGEST:
            raise ValueError(f"{self.size} is not a size of a log")
        if len(self.root) != _HASH_BYTES:
            raise ValueError(f"the root in a checkpoint has {len(self.root)} bytes; expected {_HASH_BYTES}")

    def body(self) -> str:
        """The text that the log signs: three lines."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"

    @classmethod
    def of(cls, note: SignedNote) -> Self:
        """Read the text of a note. Raises ValueError when it is no checkpoint.

        Further lines are allowed, and are not kept here: signatures are over the text of the note.
        """
        lines = note.text[:-1].split("\n")
        if len(lines) < 3 or "" in lines:
            raise ValueError("a checkpoint has three lines or more and none of them is empty; this has not")
        origin, size, root = lines[:3]
        if not _NUMBER.fullmatch(size):
            raise ValueError(f"{size[:40]!r} is not a size of a log")
        return cls(origin=origin, size=int(size), root=decoded(root))


def log_signature(key: VerifierKey, signature: bytes) -> Signature:
    """The line for the log's own Ed25519 `signature` (64 bytes) of the text. Raises ValueError for a witness's key."""
    _check(key, ED25519, signature)
    return Signature(name=key.name, key_id=key.key_id, data=signature)


def cosigned_message(body: str, time_s: int) -> bytes:
    """What a witness signs: the text of the checkpoint, and that it knew no larger one `time_s` seconds after 1970."""
    _check_time(time_s)
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()


def cosignature(key: VerifierKey, time_s: int, signature: bytes) -> Signature:
    """The line for a witness's Ed25519 `signature` (64 bytes) of that message. Raises ValueError for a log's key."""
    _check(key, COSIGNATURE, signature)
    _check_time(time_s)
    return Signature(name=key.name, key_id=key.key_id, data=time_s.to_bytes(_TIME_BYTES, "big") + signature)


def read_cosignature(signature: Signature) -> tuple[int, bytes]:
    """The time in seconds since 1970 and the 64 bytes of Ed25519 in a witness's line. Raises ValueError for another."""
    if len(signature.data) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise ValueError(
            f"the signature of {signature.name[:80]!r} has {len(signature.data)} bytes; a witness's has 72"
        )
    time_s = int.from_bytes(signature.data[:_TIME_BYTES], "big")
    _check_time(time_s)
    return time_s, signature.data[_TIME_BYTES:]


def _check(key: VerifierKey, algorithm: int, signature: bytes) -> None:
    if key.algorithm != algorithm:
        raise ValueError(f"the key of {key.name[:80]!r} is of kind {key.algorithm}; expected {algorithm}")
    if len(signature) != _SIGNATURE_BYTES:
        raise ValueError(f"an Ed25519 signature has {_SIGNATURE_BYTES} bytes; this has {len(signature)}")


def _check_time(time_s: int) -> None:
    if not 0 <= time_s <= _LARGEST:
        raise ValueError(f"{time_s} s since 1970 is not a time that a witness can give")
