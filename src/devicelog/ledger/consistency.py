"""Consistency files: that the tree of one checkpoint continues that of an older one, as a text that needs no log.

What stands in the file (docs/package.md). Which two checkpoints they are says whoever puts the file beside them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from devicelog.ledger.base64_text import decoded, encoded
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.proofs import check_consistency, consistency_proof

_FIRST = "devicelog-consistency/1"
_HASH_BYTES = 32
_MAX_HASHES = 64  # from a tree of 2**63
_SIZES = re.compile(r"([1-9][0-9]{0,18}) ([1-9][0-9]{0,18})")
_MAX_BYTES = 1 << 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """From a tree of `old` leaves to one of `new`. `hashes`: 32 bytes each, as `consistency_proof` gives them.

    Raises ValueError where no file can say it.
    """

    old: int
    new: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 < self.old <= self.new or len(self.hashes) > _MAX_HASHES:
            raise ValueError(f"no proof leads from {self.old} to {self.new} entries with {len(self.hashes)} hashes")
        wrong = next((len(value) for value in self.hashes if len(value) != _HASH_BYTES), None)
        if wrong is not None:
            raise ValueError(f"a hash in a proof has {wrong} bytes; expected {_HASH_BYTES}")

    @classmethod
    def of(cls, leaves: Sequence[bytes], old: int, new: int) -> Self:
        """By the leaf hashes of the log. Raises ValueError unless 0 < old <= new <= len(leaves)."""
        return cls(old=old, new=new, hashes=tuple(consistency_proof(leaves, old, new)))

    def check(self, old: Checkpoint, new: Checkpoint) -> None:
        """Raises ValueError unless it is of these two and shows that one continues the other, whoever signed them."""
        if (self.old, self.new) != (old.size, new.size) or old.origin != new.origin:
            raise ValueError(f"it leads from {self.old} to {self.new} entries, not from {old.size} to {new.size}")
        check_consistency(old.size, old.root, new.size, new.root, self.hashes)

    def data(self) -> bytes:
        """The whole file as it is written."""
        lines = [_FIRST, f"{self.old} {self.new}", *map(encoded, self.hashes)]
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file. Raises ValueError unless `data()` of what is returned gives the same bytes."""
        if len(data) > _MAX_BYTES or not data.endswith(b"\n") or not data.isascii():
            raise ValueError("a consistency proof is a few lines of ASCII, each with its line feed; this is not")
        lines = data.decode("ascii")[:-1].split("\n")
        sizes = _SIZES.fullmatch(lines[1]) if len(lines) > 1 and lines[0] == _FIRST else None
        if sizes is None:
            raise ValueError(f"its first two lines are not {_FIRST} and two numbers of entries")
        return cls(old=int(sizes.group(1)), new=int(sizes.group(2)), hashes=tuple(map(decoded, lines[2:])))
