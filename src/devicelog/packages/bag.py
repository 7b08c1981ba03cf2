"""A folder that appears whole or not at all, and the same as a bag: manifests, and a signature over them.

Written under a hidden name beside the target, every file synced, then renamed. Bytes are taken as blocks and hashed as
they pass, so memory does not grow with them. Not responsible for what the files mean (docs/package.md says which there
are), nor for keys: whoever holds one signs.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha512
from pathlib import Path
from types import TracebackType
from typing import Self

from devicelog.errors import StoreUnusable, UsageProblem
from devicelog.packages.beside import check_space, in_our_words, sync_folder

Sign = Callable[[bytes], bytes]

TAG_FILES = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")  # in the order of their names
SIGNATURE = "tagmanifest-sha256.txt.sig"

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
_LINE = re.compile(r"[^\x00-\x1f\x7f\u0085\u2028\u2029]*[^\x00-\x20\x7f\u0085\u2028\u2029]\Z")
_DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\Z", re.ASCII)
_SPARE_BYTES = 16 << 20  # what a file system needs for itself, and others meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written: its name as it was given, how long it is, and its SHA-256 in hex."""

    name: str
    bytes: int
    sha256: str


class Sink:
    """What the files of an export are added to. A context manager: whoever leaves it without `finish` leaves nothing.

    `estimate_bytes`: how much will be written, as far as it is known; so much must be free, and some to spare.
    Raises UsageProblem where the target cannot be made, StoreUnusable where there is no room or no writing.
    """

    payload = ""  # what the names given to `add` stand under

    def __init__(self, target: Path, *, estimate_bytes: int = 0) -> None:
        self.target = target
        self._parent = target.parent
        self._files: dict[str, Written] = {}
        self._folders: set[str] = set()
        self._here: Path | None = None
        self._check_target()
        check_space(self._parent, estimate_bytes + _SPARE_BYTES)

    def __enter__(self) -> Self:
        with in_our_words(self.target):
            made = tempfile.mkdtemp(prefix=f".{self.target.name[:40]}.", suffix=".part", dir=self._parent)
        self._here = Path(made)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up()

    def add(self, name: str, blocks: Iterable[bytes]) -> Written:
        """Write one file; what `blocks` raises is passed on. A file that could not be written whole ends the export.

        Raises ValueError for a name that docs/package.md does not allow or that was given before, StoreUnusable.
        """
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no name for a file of an export")
        if name in self._files or name in self._folders:
            raise ValueError(f"{name} was written already")
        above = name.split("/")[:-1]
        folders = {"/".join(above[: i + 1]) for i in range(len(above))}
        if taken := folders & self._files.keys():
            raise ValueError(f"{name}: {min(taken)} is a file")
        self._folders |= folders
        try:
            written = self._write(self.payload + name, name, blocks)
        except BaseException:
            self._give_up()
            raise
        self._files[name] = written
        return written

    @property
    def files(self) -> Mapping[str, Written]:
        """What was added so far, by name."""
        return self._files

    def _appear(self) -> None:
        here = self._writing()
        with in_our_words(self.target):
            for folder, _, _ in os.walk(here, topdown=False):
                sync_folder(Path(folder))
        self._check_target()
        with in_our_words(self.target):  # where somebody was quicker still, rename replaces nothing but an empty folder
            here.rename(self.target)
        self._here = None
        try:
            sync_folder(self._parent)
        except OSError as error:
            raise StoreUnusable(
                f"{self.target} is whole, but whether its name is on disk is not known: {error.strerror or error}. "
                "Remove it and export once more."
            ) from error

    def _write(self, path: str, name: str, blocks: Iterable[bytes]) -> Written:
        here, digest, length = self._writing(), sha256(), 0
        at = here / path
        with in_our_words(self.target):
            for folder in reversed(at.relative_to(here).parents):
                (here / folder).mkdir(mode=0o700, exist_ok=True)
            fd = os.open(at, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            for block in blocks:
                digest.update(block)
                length += len(block)
                with in_our_words(self.target):
                    _write_all(fd, block)
            with in_our_words(self.target):
                os.fsync(fd)
        finally:
            os.close(fd)
        return Written(name=name, bytes=length, sha256=digest.hexdigest())

    def _give_up(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            shutil.rmtree(here, ignore_errors=True)

    def _writing(self) -> Path:
        if self._here is None:
            raise ValueError(f"nothing is being written to {self.target}: it was not begun, or is finished")
        return self._here

    def _check_target(self) -> None:
        if not self.target.name:
            raise UsageProblem(f"{self.target} is no name for a folder that is to be made")
        if not self._parent.is_dir():
            raise UsageProblem(f"there is no folder {self._parent} to write {self.target.name} in. Make it first.")
        if os.path.lexists(self.target):
            raise UsageProblem(
                f"{self.target} is there already, and an export never adds to or replaces what is there. "
                "Name a folder that does not exist, or move this one away."
            )


class Folder(Sink):
    """A plain folder: the files as they were named, and nothing else."""

    def finish(self) -> None:
        """Nothing more comes: sync, and let it appear. Raises UsageProblem where its name was taken meanwhile."""
        self._appear()


class BagWriter(Sink):
    """The same as a BagIt bag: what is added stands under data/, and `finish` writes the manifests and has them signed.

    `log`: the id of the log it is from. `software`: who writes it, with its version. Both are one line of text.
    """

    payload = "data/"

    def __init__(self, target: Path, *, log: str, software: str, estimate_bytes: int = 0) -> None:
        for what in (log, software):
            if not _LINE.match(what):
                raise ValueError(f"{what!r} is not one line of text")
        self._log, self._software = log, software
        super().__init__(target, estimate_bytes=estimate_bytes)

    def finish(self, date: str, sign: Sign) -> None:
        """Write manifests and signature, sync, and let it appear.

        `date`: the day, as 2031-01-01. `sign`: is given the SHA-512 of the tag manifest, 64 bytes, and returns the
        armoured SSHSIG over it. Raises ValueError where nothing was added, and as `Folder.finish`.
        """
        if not _DAY.match(date):
            raise ValueError(f"{date!r} is not a day as 2031-01-01")
        if not self._files:
            raise ValueError("a bag holds one file at least")
        files = sorted(self._files.values(), key=lambda file: file.name)
        oxum = f"{sum(file.bytes for file in files)}.{len(files)}"
        info = {
            "Bagging-Date": date,
            "Payload-Oxum": oxum,
            "Bag-Software-Agent": self._software,
            "External-Identifier": self._log,
        }
        texts: dict[str, Iterable[bytes]] = {
            "bag-info.txt": (f"{key}: {value}\n".encode() for key, value in info.items()),
            "bagit.txt": [b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"],
            "manifest-sha256.txt": (_line(file, self.payload) for file in files),
        }
        tags = b"".join(_line(self._write(name, name, texts[name])) for name in TAG_FILES)
        self._write("tagmanifest-sha256.txt", "tagmanifest-sha256.txt", [tags])
        self._write(SIGNATURE, SIGNATURE, [sign(sha512(tags).digest())])
        self._appear()


def _line(file: Written, under: str = "") -> bytes:
    return f"{file.sha256}  {under}{file.name}\n".encode("ascii")


def _write_all(fd: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(fd, left) :]
