"""Proof files (c2sp.org/tlog-proof): that one entry is in the tree of a checkpoint, as a text that needs no log.

What stands in the file. Whether it proves anything: `check_inclusion` in devicelog.ledger.proofs, and the signatures of
the checkpoint.
"""

import re
from dataclasses import dataclass
from typing import Self

from devicelog.ledger.base64_text import decoded, encoded
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.note import MAX_NOTE_BYTES, SignedNote

_FIRST = "c2sp.org/tlog-proof@v1"
_HASH_BYTES = 32
_LARGEST = 2**63 - 1
_MAX_HASHES = 63  # of a tree of 2**63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_BYTES = 2 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """Entry `index` is in the tree of `checkpoint`, which is a whole signed note. `hashes`: 32 bytes each, as
    `inclusion_proof` gives them.

    `extra`: bytes of somebody else's, which nothing vouches for; we write none. Raises ValueError where no file can
    say it.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index <= _LARGEST:
            raise ValueError(f"{self.index} is not the index of an entry")
        if len(self.hashes) > _MAX_HASHES:
            raise ValueError(f"a proof has at most {_MAX_HASHES} hashes; this has {len(self.hashes)}")
        wrong = next((len(value) for value in self.hashes if len(value) != _HASH_BYTES), None)
        if wrong is not None:
            raise ValueError(f"a hash in a proof has {wrong} bytes; expected {_HASH_BYTES}")
        if self.extra == b"":
            raise ValueError("the extra bytes of a proof are one or more, or there is no line of them")
        Checkpoint.of(SignedNote.parse(self.checkpoint))
        if len(self.data()) > _MAX_BYTES:
            raise ValueError(f"a proof has at most {_MAX_BYTES} bytes; this has {len(self.data())}")

    def data(self) -> bytes:
        """The whole file as it is written."""
        lines = [_FIRST, f"index {self.index}", *map(encoded, self.hashes)]
        if self.extra is not None:
            lines.insert(1, f"extra {encoded(self.extra)}")
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint

    def head(self) -> Checkpoint:
        """What the checkpoint says, whoever signed it."""
        return Checkpoint.of(SignedNote.parse(self.checkpoint))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file. Raises ValueError unless `data()` of what is returned gives the same bytes."""
        if len(data) > _MAX_BYTES:
            raise ValueError(f"a proof has at most {_MAX_BYTES} bytes; this has {len(data)}")
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank:
            raise ValueError("a proof is lines, an empty line and a checkpoint; this is not")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"the lines of a proof are ASCII; byte {error.start} of this one is not") from None
        if lines.pop(0) != _FIRST:
            raise ValueError(f"this is not a proof: its first line is not {_FIRST}")
        extra = decoded(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if index is None:
            raise ValueError("a proof says of which entry it is; this one has no line `index` where it belongs")
        return cls(index=int(index.group(1)), hashes=tuple(map(decoded, lines)), checkpoint=checkpoint, extra=extra)
