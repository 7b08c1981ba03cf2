"""A recording on a terminal: one line that is rewritten, or, where there is no terminal, a line every two seconds."""

import os
import sys
import time

from devicelog.recorder.live import Live

_PLAIN_PERIOD_S = 2.0


class Screen:
    """A recorder.live.Console on stderr."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._shown = ""
        self._next_s = 0.0

    def live(self, live: Live) -> None:
        """Show the state of now."""
        line = live_line(live)
        if self._tty:
            self._write("\r\x1b[K" + line)
            self._shown = line
        elif time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PLAIN_PERIOD_S
            self._write(line + "\n")

    def say(self, text: str) -> None:
        """Show something that happened, above the live line."""
        self._write(f"\r\x1b[K  {text}\n{self._shown}" if self._shown else f"  {text}\n")

    def end(self) -> None:
        """Leave the live line behind."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = ""

    @staticmethod
    def _write(text: str) -> None:
        """A terminal that is gone costs no sample: from then on nobody is told."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def live_line(live: Live) -> str:
    """The live state in one line of at most 118 characters."""
    if live.trouble:
        return f"NOT RECORDED NOW: {live.trouble}"[:118]
    passes = f"{live.passes_pen if live.passes_pen is not None else '-'} (pen) {live.passes_operator} (marked)"
    contact = {True: "on skin", False: "lifted", None: "contact unknown"}[live.contact]
    total = f"/{_clock(live.duration_us)}" if live.duration_us is not None else ""
    parts = [
        f"{_clock(live.elapsed_us)}{total}",
        live.state if live.link_up else "PEN LOST",
        live.zone,
        f"set {_mm(live.depth_set_um)} measured {_mm(live.depth_um)} mm",
        contact,
        f"passes {passes}",
        f"alarms {len(live.alarms)}" if live.alarms else "",
    ]
    return " | ".join(part for part in parts if part)[:118]


def _clock(t_us: int) -> str:
    seconds = max(0, t_us) // 1_000_000
    return f"{seconds // 60:02}:{seconds % 60:02}"


def _mm(um: int | None) -> str:
    return "-" if um is None else f"{um / 1000:.2f}"
