"""A recording on a terminal: one line that is rewritten, or, where there is no terminal, a line every two seconds.

The recording never waits for its terminal: a thread writes, and what a terminal that has stopped does not take is
dropped.
"""

import contextlib
import os
import queue
import shutil
import sys
import threading
import time

from devicelog.recorder.live import Live

_PLAIN_PERIOD_S = 2.0
_WAITING_MAX = 500
_LAST_WORDS_S = 1.0


class Screen:
    """A recorder.live.Console on stderr. `live` and `say` may be called by any thread; `end` once, at the end."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = ""
        self._next_s = 0.0
        self._waiting: queue.Queue[tuple[str, bool] | None] = queue.Queue(_WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
        self._thread.start()

    def live(self, live: Live) -> None:
        """Show the state of now."""
        if self._tty:
            if self._waiting.empty():
                self._put((live_line(live)[: shutil.get_terminal_size().columns - 1], True))
        elif time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PLAIN_PERIOD_S
            self._put((live_line(live), False))

    def say(self, text: str) -> None:
        """Show something that happened, above the live line."""
        self._put((f"  {text}", False))

    def typing(self, note: str) -> None:
        """Show a note as far as it is typed, in place of the live line."""
        self._put((f"note: {note}"[: shutil.get_terminal_size().columns - 1], True))

    def end(self) -> None:
        """Leave the live line behind."""
        self._put(None)
        self._thread.join(_LAST_WORDS_S)

    def _put(self, line: tuple[str, bool] | None) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(line)

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            text, rewritten = line
            if rewritten:
                self._shown = text
                self._write(f"\r\x1b[K{text}")
            else:
                self._write(f"\r\x1b[K{text}\n{self._shown}" if self._shown else f"{text}\n")
        if self._shown:
            self._write("\r\x1b[K")

    @staticmethod
    def _write(text: str) -> None:
        # Not through sys.stderr: a thread that waits in there would keep the process from ending.
        data = text.encode(sys.stderr.encoding, "backslashreplace")
        try:
            while data:
                data = data[os.write(sys.stderr.fileno(), data) :]
        except BlockingIOError:
            pass
        except OSError:  # the terminal is gone: from now on nobody is told
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def live_line(live: Live) -> str:
    """The live state in one line: 79 characters while all is well, at most 118."""
    if live.trouble:
        return f"NOT RECORDED NOW: {live.trouble}"[:118]
    passes = f"{live.passes_pen if live.passes_pen is not None else '-'}/{live.passes_operator}"
    contact = {True: "on skin", False: "lifted", None: "contact unknown"}[live.contact]
    total = f"/{_clock(live.duration_us)}" if live.duration_us is not None else ""
    parts = [
        f"{_clock(live.elapsed_us)}{total}",
        _state(live),
        f"ALARMS {len(live.alarms)}" if live.alarms else "",
        live.zone,
        f"set {_mm(live.depth_set_um)}, {_mm(live.depth_um)} mm",
        contact,
        f"pass {passes}",
    ]
    return " | ".join(part for part in parts if part)[:118]


def _state(live: Live) -> str:
    if not live.link_up:
        return "PEN LOST"
    if live.silent_us:
        return f"PEN SILENT for {live.silent_us // 1_000_000} s"
    return "" if live.state == "recording" else live.state.upper()


def _clock(t_us: int) -> str:
    seconds = max(0, t_us) // 1_000_000
    return f"{seconds // 60:02}:{seconds % 60:02}"


def _mm(um: int | None) -> str:
    return "-" if um is None else f"{um / 1000:.2f}"
