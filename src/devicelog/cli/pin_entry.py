"""How a PIN comes in: typed on a terminal without echo, or as a line of stdin. Never an argument nor a variable.

Also whether somebody sits at this device itself. Not responsible for what a PIN is good for.
"""

import os
import re
import sys

import click

from devicelog.cli.common import F

_LONGEST = 64
# A pseudo-terminal may lead anywhere: ssh, a desktop that is shared. A console of the kernel is this device's own.
_CONSOLE = re.compile(r"/dev/(tty[0-9]{1,2}|console|tty(S|AMA|USB|ACM)[0-9]{1,3})\Z")


def pin_stdin_option(command: F) -> F:
    """`--pin-stdin`."""
    return click.option(
        "--pin-stdin", is_flag=True, help="Read the PIN from stdin, a line each, in place of a terminal."
    )(command)


def read_pin(what: str, *, stdin: bool) -> str | None:
    """A PIN. `what`: whose, for the terminal. None where there is neither: whoever wants it says so."""
    if stdin:
        return sys.stdin.readline(_LONGEST).strip()
    if not sys.stdin.isatty():
        return None
    typed: str = click.prompt(what, hide_input=True, err=True, default="", show_default=False)
    return typed.strip()


def read_new_pin(what: str, *, stdin: bool) -> str | None:
    """A new one: on a terminal it is typed twice. Raises UsageProblem when they differ."""
    from devicelog.errors import UsageProblem

    first = read_pin(what, stdin=stdin)
    if not stdin and first is not None and read_pin("The same once more", stdin=False) != first:
        raise UsageProblem("these are two different PINs: nothing is set")
    return first


def is_own_console(name: str) -> bool:
    """Whether the name of a terminal is of a console of this device: `/dev/tty1`, a serial console; no `/dev/pts`."""
    return _CONSOLE.match(name) is not None


def check_at_keyboard(descriptor: int = 0) -> None:
    """Raises NotAllowed unless stdin is the keyboard of this device."""
    from devicelog.errors import NotAllowed

    try:
        name = os.ttyname(descriptor)
    except OSError:
        name = ""
    if not is_own_console(name):
        where = f"{name} may lead anywhere" if name else "here is no terminal"
        raise NotAllowed(
            f"a PIN without anybody's is set at the keyboard of this device only, and {where}. Log in there on a text "
            "console (Ctrl-Alt-F2) and do it; or let an admin set it with hers: --by ADMIN"
        )
