"""The checkpointer: brings the write-ahead log into the database, in a thread and with a connection of its own.

The writer's connection never does it: a checkpoint costs two more syncs, and records would wait for them. PASSIVE waits
for nobody and holds nobody up. Where a sync is quick it is done before the next flush begins, and the log starts again
at its beginning. Where a sync takes longer than about 0.18 s a flush always comes in between, and the log grows; at
16 MB the writer is held up once until everything is copied (TRUNCATE), which costs one flush about five syncs.
"""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from devicelog.store.engine import PAGE_BYTES

FLUSHES = 32  # about 20 s and 150 pages
MOST_PAGES = 16 * 2**20 // PAGE_BYTES
_HOLD_UP_S = 1.0  # how long TRUNCATE waits for a reader, and the writer for TRUNCATE


class Checkpointer:
    """Works from the first flush on until it is closed. What cannot be copied stays in the log, where it is safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._condition = threading.Condition()
        self._flushes = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="checkpointer", daemon=True)
        self._thread.start()

    def flushed(self) -> None:
        """One more commit is in the log."""
        with self._condition:
            self._flushes += 1
            if self._flushes >= FLUSHES:
                self._condition.notify()

    def close(self) -> None:
        """Copy all that is left, empty the log, and stop."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        pages, stopping = 0, False
        while not stopping:
            with self._condition:
                self._condition.wait_for(lambda: self._stopping or self._flushes >= FLUSHES)
                stopping, self._flushes = self._stopping, 0
            with suppress(sqlite3.Error):  # a full or failing disk: the writer sees it too, and says so
                pages = self._checkpoint("TRUNCATE" if stopping or pages > MOST_PAGES else "PASSIVE")

    def _checkpoint(self, mode: str) -> int:
        """How many pages the log has now. A connection each time: held open, it would keep a deleted file in use."""
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=_HOLD_UP_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            [(_, pages, _)] = connection.execute(f"PRAGMA wal_checkpoint({mode})")
        return max(0, int(pages))
