"""Marks by single keys while a session is recorded on a terminal. What a key means is a table; the rest is shell.

What wants words (a note, and `m`: any mark as `devicelog mark` takes it, an override with its reason) is typed.
"""

import codecs
import os
import re
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from devicelog.canonical import Json
from devicelog.clinical.data import load_zones
from devicelog.errors import DevicelogError
from devicelog.recorder.commands import MarkCommand, Reply, parse_mark, warned_words
from devicelog.records import Grade
from devicelog.sessions import check_note

_POLL_S = 0.1
# What a function or cursor key sends. Its letters and digits are no keys of ours, and a mark cannot be taken back.
_ESCAPE = re.compile(r"\x1b(?:[\[O][0-9;?]*[ -/]*[@-~]?|.?)", re.DOTALL)


# What the skin of the zone shows, by one tap: none yet, red, dots of blood, continuous blood.
_ENDPOINTS: dict[str, Grade] = {"o": "none", "e": "red", "d": "pinpoint", "c": "continuous"}
_TYPED = {
    "n": ("note", "note: type the text, then Enter; Esc leaves it"),
    "m": ("mark", "mark: type it as `devicelog mark` takes it (override RULE REASON), then Enter; Esc leaves it"),
}


def key_table(zones: Sequence[str]) -> dict[str, MarkCommand]:
    """Keys 1 to 9 are the plan's zones in its order; the others as the legend says."""
    table = {str(number): MarkCommand(kind="zone", zone=zone) for number, zone in enumerate(zones[:9], start=1)}
    table.update({"p": MarkCommand(kind="pass"), " ": MarkCommand(kind="pause"), "r": MarkCommand(kind="resume")})
    table.update({key: MarkCommand(kind="endpoint", grade=grade) for key, grade in _ENDPOINTS.items()})
    return table


def legend(zones: Sequence[str]) -> str:
    """What the keys do, in a few lines."""
    numbered = "  ".join(f"{number} {zone}" for number, zone in enumerate(zones[:9], start=1))
    return (
        "keys: p pass   space pause   r resume   n note   m another mark   q end\n"
        "      skin: e red   d dots of blood   c continuous blood   o none of it\n"
        f"      {numbered}"
    )


@contextmanager
def keys(
    zones: Sequence[str],
    mark: Callable[[MarkCommand, Reply], None],
    say: Callable[[str], None],
    typing: Callable[[str], None],
    end: Callable[[], None],
) -> Iterator[None]:
    """Read keys from the terminal while inside; the terminal is as before afterwards. `typing` shows a note so far."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    stop = threading.Event()
    thread = threading.Thread(target=_read, args=(fd, zones, mark, say, typing, end, stop), name="keys", daemon=True)
    tty.setcbreak(fd)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(1.0)
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _read(
    fd: int,
    zones: Sequence[str],
    mark: Callable[[MarkCommand, Reply], None],
    say: Callable[[str], None],
    typing: Callable[[str], None],
    end: Callable[[], None],
    stop: threading.Event,
) -> None:
    table, decoder = key_table(zones), codecs.getincrementaldecoder("utf-8")("replace")
    typed: tuple[str, str] | None = None  # what is being typed, and how far
    while not stop.is_set():
        if not select.select([fd], [], [], _POLL_S)[0]:
            continue
        try:
            data = os.read(fd, 1024)
        except OSError:
            data = b""
        if not data:
            return  # the terminal is gone; the session is not
        text = decoder.decode(data)
        if typed is not None and text == "\x1b":
            say(f"no {typed[0]}")
            typed = None
        for key in _ESCAPE.sub("", text):
            if typed is not None:
                what, so_far = typed
                if key in "\r\n":
                    _entered(what, so_far, mark, say)
                    typed = None
                else:
                    typed = (what, so_far[:-1] if key in "\x7f\b" else so_far + key)
                    typing(typed[1])
            elif key in _TYPED:
                typed = (_TYPED[key][0], "")
                say(_TYPED[key][1])
            elif key == "q":
                end()
            elif key in table:
                mark(table[key], _told(table[key], say))
            else:
                say(f"{key!r} is no key here. {legend(zones)}")
    if typed is not None and typed[1]:
        say(f"the {typed[0]} was not finished with Enter and is NOT RECORDED: {typed[1]}")


def _entered(what: str, text: str, mark: Callable[[MarkCommand, Reply], None], say: Callable[[str], None]) -> None:
    """A line was typed: a note, or any other mark."""
    try:
        command = (
            MarkCommand(kind="note", text=check_note(text))
            if what == "note"
            else parse_mark(text.split(), load_zones())
        )
    except DevicelogError as error:
        say(str(error))
    else:
        say(f"{command.words()}: {command.text}" if command.text else command.words())
        mark(command, _told(command, say))


def _told(command: MarkCommand, say: Callable[[str], None]) -> Reply:
    def reply(answer: Json) -> None:
        told = f"recorded{warned_words(answer)}" if answer["ok"] else f"NOT RECORDED: {answer['error']}"
        say(f"{command.words()}: {told}")

    return reply
