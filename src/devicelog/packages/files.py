"""Where the files of a session are read from: a package file, or a folder of a bag. Both look the same from here."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.packages.member import MAX_NAME, NAME

MAX_FILES = 0xFFFF
_BLOCK = 1 << 16


class Files(Protocol):
    """Files by name. `blocks` raises EvidenceDamaged and StoreUnusable."""

    path: Path

    def sizes(self) -> dict[str, int]:
        """Every name, and how many bytes it has."""

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of one, block by block."""

    def close(self) -> None:
        """Done with reading. May be called again."""


class Folder:
    """A folder whose files and folders are all what they seem: no link, no device, nothing empty, no odd name."""

    def __init__(self, path: Path) -> None:
        """Raises NotFound, StoreUnusable, EvidenceDamaged."""
        self.path = path
        if not path.is_dir():
            raise NotFound(f"there is no folder {path}")
        self._sizes = dict(sorted(self._walk("")))

    def sizes(self) -> dict[str, int]:
        """Every name, and how many bytes it has."""
        return dict(self._sizes)

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of one, block by block. Raises EvidenceDamaged when it is another length than before."""
        left = self._sizes[name]
        for block in blocks_of(self.path / name):
            left -= len(block)
            if left < 0:
                break
            yield block
        if left:
            raise EvidenceDamaged(f"{self.path / name} changed while it was read")

    def close(self) -> None:
        """Nothing is held open."""

    def _walk(self, under: str) -> Iterator[tuple[str, int]]:
        try:
            with os.scandir(self.path / under) as scan:
                found = list(scan)
        except OSError as error:
            raise StoreUnusable(f"{self.path / under} cannot be read: {error.strerror}") from error
        if not found:
            raise EvidenceDamaged(f"{self.path / under}: an empty folder")
        for item in found:
            name = f"{under}{item.name}"
            if not NAME.match(name) or len(name) > MAX_NAME:
                raise EvidenceDamaged(f"{self.path}: {name!r} is no name for a file of a package")
            info = item.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                yield from self._walk(f"{name}/")
            elif stat.S_ISREG(info.st_mode):
                yield name, info.st_size
            else:
                raise EvidenceDamaged(f"{self.path / name} is a link or a device, and no file")


def blocks_of(path: Path) -> Iterator[bytes]:
    """A file's bytes, block by block. Raises NotFound, StoreUnusable, EvidenceDamaged when it is a link or no file."""
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            raise EvidenceDamaged(f"{path} is a link or a device, and no file")
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    try:
        while block := os.read(fd, _BLOCK):
            yield block
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)
