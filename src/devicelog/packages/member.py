"""One file of a package or a bag: its name, and its bytes block by block: no whole session is in memory. Pure."""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from devicelog.canonical import Json

NAME = re.compile(r"(?!.*(?:^|/)\.)[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*\Z")
MAX_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file that was gone through once. `blocks` can be gone through again, and gives the same bytes each time."""

    name: str
    blocks: Iterable[bytes]
    size: int
    sha256: str  # hex
    crc: int  # CRC-32, as ZIP has it

    @classmethod
    def of(cls, name: str, blocks: Iterable[bytes]) -> Self:
        """Measure it. Raises ValueError for a name that docs/package.md does not allow."""
        if not NAME.match(name) or len(name) > MAX_NAME:
            raise ValueError(f"{name!r} is no name for a file of a package")
        size, crc, digest = 0, 0, sha256()
        for block in blocks:
            size += len(block)
            crc = zlib.crc32(block, crc)
            digest.update(block)
        return cls(name=name, blocks=blocks, size=size, sha256=digest.hexdigest(), crc=crc)

    def document(self) -> Json:
        """As one of the `files` of a package."""
        return {"name": self.name, "bytes": self.size, "sha256": self.sha256}
