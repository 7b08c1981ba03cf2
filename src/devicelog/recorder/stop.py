"""Asking a recording to end: a person's Ctrl-C, a SIGTERM, or another thread. The first cause stands."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_CAUSES = {signal.SIGINT: "operator", signal.SIGTERM: "signal"}


class Stop:
    """Set once; whoever consumes looks at `cause`."""

    def __init__(self) -> None:
        self.cause: str | None = None
        self.event = threading.Event()

    def request(self, cause: str) -> None:
        """Ask for the end. Further requests change nothing."""
        self.cause = self.cause or cause
        self.event.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """While inside, SIGINT and SIGTERM ask for the end instead of killing, and SIGHUP does nothing."""

        def handler(number: int, _frame: FrameType | None) -> None:
            self.request(_CAUSES[signal.Signals(number)])

        before = {number: signal.signal(number, handler) for number in _CAUSES}
        # a terminal that goes away (a window closed, a network lost) does not end what is being recorded
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)
