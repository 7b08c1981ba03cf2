"""What earlier sessions tell a recording. They never end one: what cannot be read is said, and is not known then.

Called by the one consumer, at a beginning and when a pen is heard for the first time: a few short reads. Not
responsible for what is looked up (known_pens.py).
"""

from collections.abc import Callable
from typing import TypeVar

from devicelog.recorder.live import Console

T = TypeVar("T")


class History:
    """One per recording."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[str] = set()

    def read(self, look: Callable[[], T], *, or_else: str) -> T | None:
        """What `look` returns; None when it raises. `or_else` is what that means, for a person: said once."""
        try:
            return look()
        except Exception as error:  # noqa: BLE001 # old evidence can be anything, and what happens now is not in it
            if or_else not in self._said:
                self._said.add(or_else)
                self._console.say(
                    f"earlier sessions cannot be read: {error or type(error).__name__}. {or_else}; "
                    "recording goes on. `devicelog verify --all` says what is damaged"
                )
            return None
