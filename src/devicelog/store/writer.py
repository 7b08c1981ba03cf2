"""The one writer: a thread that brings records to disk every 0.64 s, and at once when somebody waits for it.

A record is on disk at most one period and one flush after it was given. So that this stays within a second on a disk
whose syncs are slow, the next flush begins earlier the longer the last one took: at 0.91 s less twice as much, because
the first flush after the log was started again costs two syncs and not one. Up to syncs of 0.3 s that is enough.

A failed transaction is kept and tried again until it succeeds; nothing is dropped here. Whoever must know that
something is on disk waits for its future. Not responsible for what is written (transaction.py) nor for order: records
and actions are written in the order in which they were given.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from devicelog.canonical import Json
from devicelog.errors import DevicelogError
from devicelog.records import MAX_DELTA_US, Record
from devicelog.store.checkpointer import Checkpointer
from devicelog.store.engine import in_our_words
from devicelog.store.transaction import Head, Stamps, Transaction

FLUSH_PERIOD_S = 0.64
_SPARE_S = 0.27  # of the second, after a period; a poll, a frame and a little are kept
_SOONEST_S = 0.05
STALL_S = 2.0
COMMIT_PERIOD_US = 60_000_000  # a stream's root is in the ledger at least this often
_RETRY_S = 0.2
_CHUNK_RECORDS = 4096
_CHUNK_BYTES = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Action:
    run: Callable[[Transaction], Any]
    future: "Future[Any]"


class Writer:
    """Owns the write connection. Records come from one consumer, actions and waits for their futures from anywhere."""

    def __init__(
        self,
        path: Path,
        engine: Engine,
        head: Head,
        *,
        stamps: Stamps,
        sw: Json,
        on_stall: Callable[[float], None],
    ) -> None:
        self.failure: str | None = None  # why the newest attempt failed; None when it did not
        self.durable_records = 0  # records on disk since this writer began
        self.longest_flush_s = 0.0
        self._path, self._engine, self._stamps, self._sw = path, engine, stamps, sw
        self._head = head
        self._on_stall = on_stall
        self._items: list[Record | _Action] = []
        self._backlog_bytes = 0
        self._condition = threading.Condition()
        self._urgent = False
        self._stopping = False
        self._give_up_s = 0.0
        self._began_s: float | None = None  # of the flush in progress, or of the first of a row of failures
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> None:
        """Take one record; it is on disk within a flush period and a sync."""
        with self._condition:
            self._check()
            self._items.append(record)
            self._backlog_bytes += len(record.body)
            if len(self._items) == 1:
                self._condition.notify()

    def do(self, action: Callable[[Transaction], T]) -> "Future[T]":
        """Run an action in the next transaction, at once, after all records put so far. Its future is set when it is
        on disk."""
        future: Future[T] = Future()
        with self._condition:
            self._check()
            self._items.append(_Action(action, future))
            self._urgent = True
            self._condition.notify()
        return future

    def withdraw(self, future: "Future[Any]") -> bool:
        """Take an action back that was not begun: then it is never done. False where it is being done, or was."""
        with self._condition:
            for item in self._items:
                if isinstance(item, _Action) and item.future is future:
                    self._items.remove(item)
                    return True
        return False

    @property
    def backlog_bytes(self) -> int:
        """Serial bytes that are not on disk yet."""
        return self._backlog_bytes

    @property
    def ended(self) -> bool:
        """Whether it takes nothing more."""
        return self._stopping

    def stalled_s(self) -> float:
        """How long the flush in progress has been going on, when that is too long; else 0."""
        began = self._began_s
        waited = time.monotonic() - began if began is not None else 0.0
        return waited if waited > STALL_S else 0.0

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what is left and stop; False when it could not be written in time. May be called again."""
        with self._condition:
            self._stopping = True
            self._give_up_s = time.monotonic() + timeout_s
            self._condition.notify()
        self._thread.join(timeout_s + STALL_S)
        return not self._thread.is_alive() and not self._items and self._broken is None

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with in_our_words(self._path):
                connection = self._engine.connect()
            with connection, closing(Checkpointer(self._path)) as checkpointer:
                self._loop(connection, checkpointer)
        except BaseException as error:  # noqa: BLE001 a bug must not end as a silent thread: the consumer raises it
            with self._condition:
                self._broken = error
                items = self._items
            for item in items:
                if isinstance(item, _Action):
                    item.future.set_exception(error)

    def _loop(self, connection: Connection, checkpointer: Checkpointer) -> None:
        next_flush_s = 0.0
        while True:
            with self._condition:
                while not self._ready(next_flush_s):
                    wait_s = next_flush_s - time.monotonic() if self._items else None
                    self._condition.wait(wait_s)
                items, self._items = self._items, []
                self._urgent = False
                if not items and self._stopping:
                    return
            began_s = time.monotonic()
            if self._began_s is None:
                self._began_s = began_s
            flushed = self._flush(connection, items)
            next_flush_s = began_s + period_s(time.monotonic() - began_s)
            if flushed:
                checkpointer.flushed()
            elif self._stopping:
                if time.monotonic() > self._give_up_s:
                    return  # what is left is reported by close()
                time.sleep(_RETRY_S)

    def _ready(self, next_flush_s: float) -> bool:
        due = time.monotonic() >= next_flush_s
        return self._stopping or (bool(self._items) and (due or (self._urgent and self.failure is None)))

    def _flush(self, connection: Connection, items: list[Record | _Action]) -> bool:
        try:
            with in_our_words(self._path):
                head, results = self._commit(connection, items)
        except BaseException as error:
            with self._condition:
                self._items = items + self._items
            if not isinstance(error, DevicelogError):
                raise
            self.failure = str(error)
            return False
        self._head = head
        self.failure = None
        took_s = time.monotonic() - (self._began_s or 0.0)
        self._began_s = None
        self.longest_flush_s = max(self.longest_flush_s, took_s)
        written = [len(item.body) for item in items if isinstance(item, Record)]
        self.durable_records += len(written)
        with self._condition:
            self._backlog_bytes -= sum(written)
        for action, result in results:
            action.future.set_result(result)
        if took_s > STALL_S:
            self._on_stall(took_s)
        return True

    def _commit(self, connection: Connection, items: list[Record | _Action]) -> tuple[Head, list[tuple[_Action, Any]]]:
        results: list[tuple[_Action, Any]] = []
        with connection.begin():
            transaction = Transaction(connection, self._head, stamps=self._stamps, sw=self._sw)
            batch: list[Record] = []
            size = 0

            def flush() -> None:
                nonlocal batch, size
                if batch:
                    transaction.chunk(batch)
                batch, size = [], 0

            for item in items:
                if isinstance(item, Record):
                    full = len(batch) >= _CHUNK_RECORDS or size + len(item.body) > _CHUNK_BYTES
                    if full or (batch and abs(item.t_us - batch[-1].t_us) > MAX_DELTA_US):
                        flush()
                    batch.append(item)
                    size += len(item.body)
                else:
                    flush()
                    results.append((item, item.run(transaction)))
            flush()
            stream = transaction.head.stream
            if stream is not None and self._stamps.now_us() - stream.committed_us >= COMMIT_PERIOD_US:
                transaction.commit_chunks()
        return transaction.head, results

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken


def period_s(flush_s: float) -> float:
    """From the beginning of a flush that took so long to the next one."""
    return min(FLUSH_PERIOD_S, max(_SOONEST_S, FLUSH_PERIOD_S + _SPARE_S - 2 * flush_s))
