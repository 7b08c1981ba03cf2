"""A small file that must not be lost or go back in silence: one canonical object, under a lock, durable when written.

It carries its own SHA-256, so that damage is told apart from a lie. Not responsible for what it says.
"""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.errors import StoreUnusable

_MAX_BYTES = 16 * 1024 * 1024
_PATIENCE_S = 10.0


class StateFile:
    """`name` in `directory`, an object of one schema. Read and write it within `locked()`."""

    def __init__(self, directory: Path, name: str, schema: str) -> None:
        self.directory = directory
        self.path = directory / name
        self._schema = schema

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads or writes it meanwhile, in this process or another. Makes the directory, 0700.

        Raises StoreUnusable when the directory cannot be used, or another holds the lock for more than 10 s.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.directory.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise StoreUnusable(
                    f"{self.directory} can be written by others, who could put an older memory there. Mend it: "
                    f"chmod 700 {self.directory}"
                )
            fd = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except StoreUnusable:
            raise
        except OSError as error:
            raise StoreUnusable(f"{self.directory} cannot be used: {error.strerror}") from error
        try:
            self._take(fd)
            yield
        finally:
            os.close(fd)

    def _take(self, fd: int) -> None:
        give_up_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up_s:
                    raise StoreUnusable(
                        f"another process holds {self.path.with_suffix('.lock')} and does not let go; try again"
                    ) from None
                time.sleep(0.01)
            else:
                return

    def read(self) -> Json | None:
        """What it says, or None where there is no such file. Raises StoreUnusable when it is not what was written."""
        try:
            with self.path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnusable(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            if len(data) > _MAX_BYTES:
                raise ValueError(f"more than {_MAX_BYTES} bytes")
            values = parse_canonical(data)
            digest = values.pop("sha256", None)
            if digest != sha256(canonical(values)).hexdigest():
                raise ValueError("its SHA-256 is another")
            if values.get("schema") != self._schema:
                raise ValueError(f"schema {values.get('schema')!r}; expected {self._schema!r}")
        except ValueError as error:
            raise StoreUnusable(f"{self.path} is damaged, and is not begun anew: {error}") from error
        return values

    def write(self, values: Json) -> None:
        """Replace it. Durable when this returns; after a power cut it is the old or the new, whole."""
        values = {**values, "schema": self._schema}
        data = canonical({**values, "sha256": sha256(canonical(values)).hexdigest()})
        replace_durably(self.path, data)


def replace_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write beside, sync, rename, sync the directory. Raises StoreUnusable; then the old file stands as it was."""
    beside = path.with_name(f".{path.name}.new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise StoreUnusable(f"{path} cannot be written: {error.strerror}") from error
