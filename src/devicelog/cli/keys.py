"""Marks by single keys while a session is recorded on a terminal. What a key means is a table; the rest is shell."""

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
from devicelog.errors import DevicelogError
from devicelog.recorder.commands import MarkCommand, Reply
from devicelog.sessions import check_note

_POLL_S = 0.1
# What a function or cursor key sends. Its letters and digits are no keys of ours, and a mark cannot be taken back.
_ESCAPE = re.compile(r"\x1b(?:[\[O][0-9;?]*[ -/]*[@-~]?|.?)", re.DOTALL)


def key_table(zones: Sequence[str]) -> dict[str, MarkCommand]:
    """Keys 1 to 9 are the plan's zones in its order; p, space and r as the legend says."""
    table = {str(number): MarkCommand(kind="zone", zone=zone) for number, zone in enumerate(zones[:9], start=1)}
    table.update({"p": MarkCommand(kind="pass"), " ": MarkCommand(kind="pause"), "r": MarkCommand(kind="resume")})
    return table


def legend(zones: Sequence[str]) -> str:
    """What the keys do, in one or two lines."""
    numbered = "  ".join(f"{number} {zone}" for number, zone in enumerate(zones[:9], start=1))
    return f"keys: p pass   space pause   r resume   n note   q end\n      {numbered}"


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
    table, note, decoder = key_table(zones), None, codecs.getincrementaldecoder("utf-8")("replace")
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
        if note is not None and text == "\x1b":
            note = None
            say("no note")
        for key in _ESCAPE.sub("", text):
            if note is not None:
                if key in "\r\n":
                    _note(note, mark, say)
                    note = None
                else:
                    note = note[:-1] if key in "\x7f\b" else note + key
                    typing(note)
            elif key == "n":
                note = ""
                say("note: type the text, then Enter; Esc leaves it")
            elif key == "q":
                end()
            elif key in table:
                mark(table[key], _told(table[key], say))
            else:
                say(f"{key!r} is no key here. {legend(zones)}")
    if note:
        say(f"the note was not finished with Enter and is NOT RECORDED: {note}")


def _note(text: str, mark: Callable[[MarkCommand, Reply], None], say: Callable[[str], None]) -> None:
    try:
        command = MarkCommand(kind="note", text=check_note(text))
    except DevicelogError as error:
        say(str(error))
    else:
        say(f"note: {command.text}")
        mark(command, _told(command, say))


def _told(command: MarkCommand, say: Callable[[str], None]) -> Reply:
    def reply(answer: Json) -> None:
        say(f"{command.words()}: recorded" if answer["ok"] else f"{command.words()}: NOT RECORDED: {answer['error']}")

    return reply
