"""What the tests of the serial source share: the pen's end of a pty, and what came out of an inbox."""

import os
import pty
import time
import tty
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.readings import LinkChange, SerialChunk
from firmware_bridge.sources import Inbox

DEADLINE_S = 10.0


def now_us() -> int:
    return time.monotonic_ns() // 1000


class Pen:
    """The other end of a pty behind a link that stays: unplug it, and plug it in again under the same name."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.master = -1
        self.plug()

    def plug(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.link.symlink_to(os.ttyname(slave))
        os.close(slave)

    def send(self, data: bytes) -> None:
        assert os.write(self.master, data) == len(data)

    def unplug(self) -> None:
        if self.master >= 0:
            self.link.unlink()
            os.close(self.master)
            self.master = -1


def n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Tape:
    """What came out of an inbox so far."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.items: list[object] = []

    def until(self, done: Callable[["Tape"], bool]) -> None:
        give_up = time.monotonic() + DEADLINE_S
        while not done(self):
            item = self.inbox.get(max(0.0, give_up - time.monotonic()))
            assert item is not None, f"nothing more came after {self.items[-3:]}"
            self.items.append(item)

    def rest(self) -> "Tape":
        while (item := self.inbox.get_nowait()) is not None:
            self.items.append(item)
        return self

    def until_read(self, n_bytes: int) -> None:
        self.until(lambda tape: len(tape.data) >= n_bytes)

    @property
    def data(self) -> bytes:
        return b"".join(item.data for item in self.items if isinstance(item, SerialChunk))

    @property
    def causes(self) -> list[str]:
        return [item.cause for item in self.items if isinstance(item, LinkChange)]
