"""How long to wait before what was lost is tried again: a port, or the pins. For ever, and ever more slowly.

Not responsible for the trying, nor for what cuts a wait short.
"""

from collections.abc import Iterator

REOPEN_FIRST_S = 0.25
REOPEN_MOST_S = 5.0


def pauses_s(first_s: float = REOPEN_FIRST_S, most_s: float = REOPEN_MOST_S) -> Iterator[float]:
    """Seconds before each try, without end: the first, then twice as long each time, up to the longest."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, most_s)
