"""Waiting for a condition in a test: as short as it takes, and never for ever."""

import threading
import time
from collections.abc import Callable

DEADLINE_S = 20.0


def wait_for(condition: Callable[[], object]) -> None:
    """Return as soon as it holds. AssertionError when it does not within DEADLINE_S."""
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, "waited too long"
        threading.Event().wait(0.002)
