"""Lines of standard input, read without waiting: what a person types, or a script writes, while something else runs."""

import os
import select
import sys
import termios


class StdinLines:
    """A recorder.gauging.Lines. One per process: what one has read the next would not see."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno() if sys.stdin is not None else None
        self._read = b""

    def fresh(self) -> None:
        """What a person typed before the question is no answer to it; a script's lines are."""
        if self._fd is not None and os.isatty(self._fd):
            self._read = b""
            termios.tcflush(self._fd, termios.TCIFLUSH)

    def poll(self) -> str | None:
        """The next line; None when there is none yet. Raises EOFError at the end."""
        while b"\n" not in self._read and self._fd is not None and select.select([self._fd], [], [], 0)[0]:
            data = os.read(self._fd, 4096)
            if not data:
                self._fd = None
            self._read += data
        line, newline, rest = self._read.partition(b"\n")
        if newline:
            self._read = rest
            return line.decode("utf-8", "replace").strip()
        if self._fd is None:
            raise EOFError
        return None
