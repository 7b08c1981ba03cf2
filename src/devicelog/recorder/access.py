"""Who may append to the ledger, as a value: a recorder that runs, or whoever holds the lock where none runs.

What is done with it (sealing, checkpoints, exports, erasures) is written once and works with either.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from devicelog.errors import NotFound, StoreUnusable
from devicelog.recorder.answering import DISK_TIMEOUT_S
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erased import stay_erased
from devicelog.recorder.recovery import software
from devicelog.store.database import FILE_NAME, open_for_writing, read_head
from devicelog.store.engine import Engine, in_our_words
from devicelog.store.lock import WriterLock
from devicelog.store.transaction import Head, Stamps, Transaction
from devicelog.store.writer import Writer

T = TypeVar("T")
_BEGUN_S = 60.0  # for what was begun and cannot be taken back
_OTHERS_S = 60.0  # for a seal of a long session by another command


class Access(Protocol):
    """A data directory, and the one way to append to its ledger."""

    @property
    def data_dir(self) -> Path:
        """Where the database and what lies beside it are."""

    @property
    def path(self) -> Path:
        """The database."""

    def append(self, action: Callable[[Transaction], T]) -> T:
        """Run an action in a transaction of its own; returns when it is on disk. Raises StoreUnusable and its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughWriter:
    """Of the recorder that runs: its writer does it, between two flushes."""

    data_dir: Path
    writer: Writer

    @property
    def path(self) -> Path:
        """The database."""
        return self.data_dir / FILE_NAME

    def append(self, action: Callable[[Transaction], T]) -> T:
        """As Access has it."""
        if self.writer.ended:
            raise NotFound("the session has ended")
        future = self.writer.do(action)
        try:
            return future.result(DISK_TIMEOUT_S)
        except FutureTimeout:
            why = self.writer.failure or "the disk is slow"
            if self.writer.withdraw(future):
                raise StoreUnusable(f"not done: it could not be written in {DISK_TIMEOUT_S:.0f} s: {why}") from None
        try:
            return future.result(_BEGUN_S)
        except FutureTimeout:
            raise StoreUnusable(
                f"whether it is on disk is not known yet: {why}. Look at what is there before trying again"
            ) from None


class Alone:
    """Of whoever holds the lock, while no writer runs: nobody else moves the ledger's head."""

    def __init__(self, *, data_dir: Path, engine: Engine, stamps: Stamps) -> None:
        self.data_dir, self._engine, self._stamps = data_dir, engine, stamps
        self._head: Head | None = None

    @property
    def path(self) -> Path:
        """The database."""
        return self.data_dir / FILE_NAME

    def head(self) -> Head:
        """Where the ledger ends now. Raises EvidenceDamaged, StoreUnusable."""
        return self.append(lambda transaction: transaction.head)

    def append(self, action: Callable[[Transaction], T]) -> T:
        """As Access has it."""
        with in_our_words(self.path), self._engine.connect() as connection:
            with connection.begin():
                head = self._head or read_head(connection)
                transaction = Transaction(connection, head, stamps=self._stamps, sw=software())
                done = action(transaction)
            self._head = transaction.head
        return done


def _to_stderr(words: str) -> None:
    print(words, file=sys.stderr)


@contextmanager
def alone(data_dir: Path, say: Callable[[str], None] = _to_stderr) -> Iterator[Access]:
    """Take the lock of a directory where nobody records. Raises StoreUnusable, EvidenceDamaged.

    What had been erased and was there again is told to `say`.
    """
    clock = RecorderClock()
    with WriterLock(data_dir) as lock:
        lock.take(_OTHERS_S)
        engine, _ = open_for_writing(data_dir, stamps=clock, sw=software())
        access = Alone(data_dir=data_dir, engine=engine, stamps=clock)
        stay_erased(access.path, access.append, say)
        yield access
