"""The package file: a ZIP whose every byte follows from its members (docs/package.md, "The package file").

Because there is one way to write it, reading is making the same headers again and comparing: whatever differs is
damage, and nothing that a file claims of itself is believed beyond its size. Not responsible for what the members are.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.packages.member import MAX_NAME, NAME, Member

FIRST = ("package.json", "later.json")
MAX_BYTES = 0xFFFF_FFFF  # from here on a ZIP needs ZIP64, which some unpackers do not read
MAX_MEMBERS = 0xFFFF
_BLOCK = 1 << 16

# Each a struct, and its fields with what they are; None is what differs from member to member.
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_OF_A_MEMBER: dict[str, int | None] = {
    "version needed": 20,
    "flags": 0,
    "compression method": 0,
    "time": 0,
    "date": 33,  # 1980-01-01
    "CRC-32": None,
    "compressed size": None,
    "size": None,
    "length of the name": None,
    "length of the extra field": 0,
}
_LOCAL_FIELDS = {"signature": 0x04034B50, **_OF_A_MEMBER}
_CENTRAL_FIELDS = {
    "signature": 0x02014B50,
    "version made by": 3 << 8 | 20,  # Unix
    **_OF_A_MEMBER,
    "length of the comment": 0,
    "disk": 0,
    "internal attributes": 0,
    "external attributes": 0o100644 << 16,
    "offset": None,
}
_END_FIELDS: dict[str, int | None] = {
    "signature": 0x06054B50,
    "disk": 0,
    "disk of the directory": 0,
    "members on this disk": None,
    "members": None,
    "size of the directory": None,
    "offset of the directory": None,
    "length of the comment": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the bytes of a member are in the file, and their CRC-32."""

    name: str
    offset: int  # of its local header
    size: int
    crc: int

    @property
    def data(self) -> int:
        """Where its bytes begin."""
        return self.offset + _LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.data + self.size

    def _values(self) -> dict[str, int]:
        sizes = {"compressed size": self.size, "size": self.size, "length of the name": len(self.name)}
        return {"CRC-32": self.crc, **sizes, "offset": self.offset}

    def local(self) -> bytes:
        """The header before its bytes."""
        return _packed(_LOCAL, _LOCAL_FIELDS, self._values()) + self.name.encode("ascii")

    def central(self) -> bytes:
        """Its line in the directory."""
        return _packed(_CENTRAL, _CENTRAL_FIELDS, self._values()) + self.name.encode("ascii")


def _packed(layout: struct.Struct, fields: Mapping[str, int | None], values: Mapping[str, int]) -> bytes:
    return layout.pack(*(values[name] if fixed is None else fixed for name, fixed in fields.items()))


def _end(members: int, size: int, offset: int) -> bytes:
    values = {"members on this disk": members, "members": members}
    return _packed(_END, _END_FIELDS, {**values, "size of the directory": size, "offset of the directory": offset})


# --- writing ----------------------------------------------------------------------------------------------------------


def image(members: Sequence[Member]) -> tuple[int, Iterator[bytes]]:
    """How many bytes the file of these members has, and its bytes, block by block.

    Raises StoreUnusable when a ZIP cannot hold them, ValueError when they are not in order; EvidenceDamaged, later,
    when a member is not what it was measured to be.
    """
    places, at = [], 0
    for member in members:
        places.append(Place(name=member.name, offset=at, size=member.size, crc=member.crc))
        at = places[-1].end
    if fault := _order_fault([member.name for member in members]):
        raise ValueError(fault)
    directory = b"".join(place.central() for place in places) if at < MAX_BYTES else b""
    size = at + len(directory) + _END.size
    if size >= MAX_BYTES or len(members) >= MAX_MEMBERS:
        raise StoreUnusable(
            f"{len(members)} files of together {at} bytes do not fit a package, which holds less than 4 GB. "
            "Nothing was written; the session stays in the database."
        )
    return size, _blocks(members, places, directory + _end(len(members), len(directory), at))


def _blocks(members: Sequence[Member], places: Sequence[Place], tail: bytes) -> Iterator[bytes]:
    for member, place in zip(members, places, strict=True):
        yield place.local()
        size, crc = 0, 0
        for block in member.blocks:
            size += len(block)
            crc = zlib.crc32(block, crc)
            yield block
        if (size, crc) != (place.size, place.crc):
            raise EvidenceDamaged(f"{member.name} changed while it was written into a package")
    yield tail


def _order_fault(names: Sequence[str]) -> str | None:
    """What is wrong with the names of a package, or None."""
    if not names or names[0] not in FIRST:
        return f"a package begins with {FIRST[0]} or {FIRST[1]}"
    taken = {names[0]}
    for before, name in zip(("", *names[1:]), names[1:], strict=False):
        if not NAME.match(name) or len(name) > MAX_NAME:
            return f"{name!r} is no name for a file of a package"
        if name in taken or name in FIRST:
            return f"{name} stands twice"
        if name < before:
            return f"{name} stands behind {before}: files are in the order of their names"
        taken.add(name)
    if folders := {name[:at] for name in names for at in range(len(name)) if name[at] == "/"} & taken:
        return f"{min(folders)} is a file and a folder"
    return None


# --- reading ----------------------------------------------------------------------------------------------------------


class Container:
    """An open package file. A context manager. Opening it checks every header; reading a member checks its bytes."""

    def __init__(self, path: Path) -> None:
        """Raises NotFound, StoreUnusable, EvidenceDamaged (with the place that is not what we would write)."""
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise NotFound(f"there is no package {path}") from error
        except OSError as error:
            raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
        try:
            found = os.fstat(self._fd)
            if not stat.S_ISREG(found.st_mode):
                raise self._damaged("it is no file")
            self.places = {place.name: place for place in self._read_places(found.st_size)}
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file. May be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def sizes(self) -> dict[str, int]:
        """Every member's name and size, in the order of the file."""
        return {name: place.size for name, place in self.places.items()}

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, block by block. Raises EvidenceDamaged, at the end too when they were changed."""
        place, crc = self.places[name], 0
        for at in range(place.data, place.end, _BLOCK):
            block = self._read(at, min(_BLOCK, place.end - at))
            crc = zlib.crc32(block, crc)
            yield block
        if crc != place.crc:
            raise self._damaged(f"{name} was changed: its CRC-32 is {crc:08x}, and {place.crc:08x} is written there")

    def _read_places(self, size: int) -> Iterator[Place]:
        if size < _END.size:
            raise self._damaged(f"{size} bytes are no package")
        end_at = size - _END.size
        end = self._fields(_END, _END_FIELDS, self._read(end_at, _END.size), "its end")
        n, length, at = end["members"], end["size of the directory"], end["offset of the directory"]
        if end["members on this disk"] != n or at + length != end_at:
            raise self._damaged("its end does not fit the file: something was cut off, or put in")
        if length > n * (_CENTRAL.size + MAX_NAME):
            raise self._damaged(f"its directory has {length} bytes for {n} members")
        directory, cursor, offset, places = self._read(at, length), 0, 0, []
        for number in range(n):
            where = f"line {number + 1} of its directory"
            line = directory[cursor : cursor + _CENTRAL.size]
            if len(line) < _CENTRAL.size:
                raise self._damaged(f"{where} is missing")
            fields = self._fields(_CENTRAL, _CENTRAL_FIELDS, line, where)
            cursor += _CENTRAL.size
            data = directory[cursor : cursor + fields["length of the name"]]
            cursor += len(data)
            name = data.decode("ascii", "backslashreplace")
            if not NAME.match(name) or len(data) > MAX_NAME:
                raise self._damaged(f"{where}: {name!r} is no name for a file of a package")
            place = Place(name=name, offset=offset, size=fields["size"], crc=fields["CRC-32"])
            if place.end > at:
                raise self._damaged(f"{name} claims {place.size} bytes, and the file has not so many")
            if line + data != place.central():
                raise self._damaged(f"{where} ({name}) does not fit what stands before it")
            if (head := self._read(offset, place.data - offset)) != place.local():
                self._fields(_LOCAL, _LOCAL_FIELDS, head[: _LOCAL.size], f"the header of {name}")
                raise self._damaged(f"the header of {name} is not what the directory says of it")
            offset = place.end
            places.append(place)
        if cursor != length or offset != at:
            raise self._damaged("there are bytes in it that belong to no member")
        if fault := _order_fault([place.name for place in places]):
            raise self._damaged(fault)
        return iter(places)

    def _fields(
        self, layout: struct.Struct, fields: Mapping[str, int | None], data: bytes, where: str
    ) -> dict[str, Any]:
        found = dict(zip(fields, layout.unpack(data), strict=True))
        for name, wanted in fields.items():
            if wanted is not None and found[name] != wanted:
                raise self._damaged(f"{where}: {name} is {found[name]}; a package has {wanted}")
        return found

    def _read(self, at: int, size: int) -> bytes:
        try:
            data = os.pread(self._fd, size, at)
        except OSError as error:
            raise StoreUnusable(f"{self.path} cannot be read: {error.strerror}") from error
        if len(data) != size:
            raise self._damaged(f"it ends at byte {at + len(data)}")
        return data

    def _damaged(self, why: str) -> EvidenceDamaged:
        return EvidenceDamaged(f"the package {self.path}: {why}")
