"""`writer.lock`: who holds it writes. The kernel lets go of it when its holder dies, however that happens."""

import errno
import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from devicelog.errors import StoreUnusable

_PASSING_S = 2.0


class WriterLock:
    """The one writer's claim on a data directory, and what the others may know of its holder."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "writer.lock"
        self._fd: int | None = None

    def try_take(self) -> bool:
        """Take the lock if nobody has it. Raises OSError when the directory cannot be written."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(fd, {"pid": os.getpid()})
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        return True

    def take(self, wait_s: float = _PASSING_S) -> None:
        """Take the lock. Raises StoreUnusable when another recorder has it, naming the process.

        A command that closes, seals or hands out something holds it for a while and serves no socket: that is waited
        for, so long.
        """
        give_up_s = time.monotonic() + wait_s
        while not self._take_or_say():
            holder = self.holder()
            if "socket" not in holder and time.monotonic() < give_up_s:
                time.sleep(0.02)
                continue
            process = f"(process {holder.get('pid', 'unknown')})"
            if "socket" not in holder:
                raise StoreUnusable(
                    f"{self.path.parent} is held by another command {process}, which has not ended in {wait_s:.0f} s. "
                    "Try again when it has."
                )
            raise StoreUnusable(
                f"{self.path.parent} is held by another recorder {process}. "
                "End its session first, or name another directory with --data-dir."
            )

    def _take_or_say(self) -> bool:
        try:
            return self.try_take()
        except OSError as error:
            how = "Free some space, or name" if error.errno == errno.ENOSPC else "Name"
            raise StoreUnusable(f"{self.path} cannot be locked: {error.strerror}. {how} another --data-dir.") from error

    def describe(self, facts: dict[str, object]) -> None:
        """Write who holds the lock: the process, and where its control socket is."""
        if self._fd is None:
            raise ValueError("the lock is not ours")
        self._write(self._fd, facts)

    @staticmethod
    def _write(fd: int, facts: dict[str, object]) -> None:
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(facts).encode(), 0)

    def held(self) -> bool:
        """Whether anybody has the lock now. Works where nothing can be written."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(fd)
        return False

    def holder(self) -> dict[str, object]:
        """What the holder wrote about itself; empty when there is nothing to read."""
        try:
            facts = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def release(self) -> None:
        """Let go. Does nothing when the lock is not ours."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.ftruncate(fd, 0)
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
