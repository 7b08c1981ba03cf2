"""A file that appears whole or not at all: written beside under another name, synced, renamed, its folder synced.

Not responsible for what is in it.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devicelog.errors import DevicelogError, StoreUnusable


def write_whole(
    path: Path,
    blocks: Iterable[bytes],
    *,
    size: int,
    mode: int = 0o600,
    spare: int = 0,
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write `size` bytes to `path`, whose folder exists; what stood there is replaced at the last moment.

    `spare`: how many bytes must stay free beside it. `check` reads it back under the name it has until then. Raises
    StoreUnusable (no space, cannot be written, another program is at it), and what `blocks` and `check` raise; nothing
    is left behind then.
    """
    check_space(path.parent, size + spare)
    new = path.with_name(f".{path.name}.new")
    with in_our_words(path), _locked(new) as fd:
        try:
            os.fchmod(fd, mode)
            os.ftruncate(fd, 0)  # of one who was killed
            for block in blocks:
                _write_all(fd, block)
            os.fsync(fd)
            check(new)
            new.rename(path)
        except BaseException:
            with suppress(FileNotFoundError):
                new.unlink()
            raise
        sync_folder(path.parent)


def check_space(folder: Path, needed: int) -> None:
    """Raises StoreUnusable where so many bytes are not free, or the folder cannot be asked."""
    with in_our_words(folder):
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreUnusable(
            f"{folder} has {free // 2**20} MB free, and {needed // 2**20 + 1} MB are needed. Free some space first; "
            "nothing was written."
        )


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, where there is none. Raises StoreUnusable."""
    with in_our_words(folder):
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in it on disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Turn what the system refuses into StoreUnusable, naming the file."""
    try:
        yield
    except DevicelogError:  # one of ours is an OSError too
        raise
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be written: {error.strerror or error}. Nothing is left of it.") from error


@contextmanager
def _locked(new: Path) -> Iterator[int]:
    """The new file, open and ours alone: two who write the same package must not mix."""
    while True:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreUnusable(f"another program is writing {new.name} in {new.parent}") from error
            if _stands(new, fd):  # else who had it renamed or removed it meanwhile
                yield fd
                return
        finally:
            os.close(fd)


def _stands(new: Path, fd: int) -> bool:
    try:
        return os.path.samestat(new.stat(follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False


def _write_all(fd: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(fd, left) :]
