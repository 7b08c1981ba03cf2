"""Why a link came up or went down, and what to tell a person whose port does not open. Pure: exceptions in, words out.

Not responsible for noticing any of it (serial_port.py).
"""

import errno
import re
from collections.abc import Iterator

from firmware_bridge.errors import PenError, PortBusy, PortForbidden, PortMissing

CAUSES = {
    # up
    "opened": "The port was opened for the first time.",
    "reopened": "The port went down and could be opened again.",
    # down
    "unplugged": "The other end is gone: the device was unplugged or switched off, or the peer hung up.",
    "closed": "The port was closed on this side while it was being read.",
    "io error": "The operating system reported another error while the port was being read.",
    # down, because this side gave the port up
    "silent": "The port was open and nothing came for too long: it is opened anew.",
    "no frames": "The port was open and what came had no sound frame for too long: it is opened anew.",
    "released": "A person gave the port to another program for a while.",
}

_DOWN = {
    errno.EIO: "unplugged",
    errno.ENXIO: "unplugged",
    errno.ENODEV: "unplugged",
    errno.EPIPE: "unplugged",
    errno.ECONNRESET: "unplugged",
    errno.EBADF: "closed",
}

_PLUG = "Check the cable and that the pen is switched on."
_NO_SUCH = (PortMissing, f"there is no such port. {_PLUG}")
_NOBODY = (PortMissing, f"the port is there, but no device answers behind it. {_PLUG}")
_NO_ANSWER = (PortMissing, "nothing answers at this address. Check that the other program runs, and the address.")
_FORBIDDEN = (
    PortForbidden,
    "this user may not open it. Add this user to the group that owns the port (dialout): "
    "sudo usermod -aG dialout $USER, then log in again.",
)
_BUSY = (PortBusy, "another program holds the port. Close that program and try again.")
_NOT_SERIAL = (PenError, "this is not a serial port. Name the port of the pen, such as /dev/ttyUSB0 or /dev/ttyACM0.")

_NOT_OPENED: dict[int, tuple[type[PenError], str]] = {
    errno.ENOENT: _NO_SUCH,
    errno.ENOTDIR: _NO_SUCH,
    errno.ENXIO: _NOBODY,
    errno.ENODEV: _NOBODY,
    errno.EIO: _NOBODY,
    errno.ECONNREFUSED: _NO_ANSWER,
    errno.EHOSTUNREACH: _NO_ANSWER,
    errno.ENETUNREACH: _NO_ANSWER,
    errno.ETIMEDOUT: _NO_ANSWER,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EBUSY: _BUSY,
    errno.EAGAIN: _BUSY,  # the exclusive lock is taken
    errno.EISDIR: _NOT_SERIAL,
    errno.ENOTTY: _NOT_SERIAL,
    errno.EINVAL: _NOT_SERIAL,
}

_ADDRESS = "Give the path of a port, such as /dev/ttyUSB0, or a URL, such as socket://HOST:PORT."


def down_cause(error: BaseException) -> str:
    """Which of CAUSES ended the reading of a port, from the exception the read ended with."""
    if not isinstance(error, OSError) and _number(error) is None:
        return "closed"  # a port closed in mid-read shows as a TypeError or ValueError about its missing descriptor
    if type(error).__name__ == "PortNotOpenError":
        return "closed"
    numbers = [number for link in _chain(error) if (number := _number(link)) is not None]
    if not numbers:
        return "unplugged"  # pyserial's own words without a number: "readiness to read but returned no data"
    return next((_DOWN[number] for number in numbers if number in _DOWN), "io error")


def open_error(url: str, error: BaseException) -> PenError:
    """Our error for a port that could not be opened: its message names the port, what was found and what to do."""
    # A ValueError is about the address or the settings, whatever system call it met on the way.
    if not isinstance(error, ValueError):
        for link in _chain(error):
            kind, text = _NOT_OPENED.get(_number(link) or 0, (None, ""))
            if kind is not None:
                return kind(f"{url or 'an empty port name'}: {text}")
    words = next((str(link) for link in _chain(error) if isinstance(link, ValueError | re.error)), "")
    if words:
        return PenError(f"{url!r} cannot be opened: {words}. {_ADDRESS}")
    if any(isinstance(link, TypeError | LookupError | AttributeError) for link in _chain(error)):
        return PenError(f"{url!r} is not a complete address. {_ADDRESS}")
    words = next((link.strerror for link in _chain(error) if isinstance(link, OSError) and link.strerror), str(error))
    return PenError(f"{url} cannot be opened: {words}. Check that it is the right port. {_PLUG}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from: pyserial often drops the number, its context still has it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _number(error: BaseException) -> int | None:
    """The errno: of an OSError, or of a termios.error, which is not one and carries it as its first argument."""
    if isinstance(error, OSError):
        return error.errno
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None
