"""Why a link went down, and what is said of a port that does not open: by number, without a port."""

import errno
import re
import termios

import pytest
import serial

from firmware_bridge.errors import PenError, PortBusy, PortForbidden, PortMissing
from firmware_bridge.sources.link import CAUSES, down_cause, open_error

NO_SUCH = "there is no such port"
NOBODY = "the port is there, but no device answers behind it"
NO_ANSWER = "nothing answers at this address"
FORBIDDEN = "this user may not open it"
BUSY = "another program holds the port"
NOT_SERIAL = "this is not a serial port"

NOT_OPENED: dict[int, tuple[type[PenError], str]] = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), (PortMissing, NO_SUCH)),
    **dict.fromkeys((errno.ENXIO, errno.ENODEV, errno.EIO), (PortMissing, NOBODY)),
    **dict.fromkeys(
        (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT), (PortMissing, NO_ANSWER)
    ),
    **dict.fromkeys((errno.EACCES, errno.EPERM), (PortForbidden, FORBIDDEN)),
    **dict.fromkeys((errno.EBUSY, errno.EAGAIN), (PortBusy, BUSY)),
    **dict.fromkeys((errno.EISDIR, errno.ENOTTY, errno.EINVAL), (PenError, NOT_SERIAL)),
}
DOWN = {
    **dict.fromkeys((errno.EIO, errno.ENXIO, errno.ENODEV, errno.EPIPE, errno.ECONNRESET), "unplugged"),
    errno.EBADF: "closed",
    errno.EOVERFLOW: "io error",
}


def wrapped(outer: BaseException, inner: BaseException, *, raised: bool = False) -> BaseException:
    """As pyserial does: its own error without the number, which only its context has."""
    if raised:
        outer.__cause__ = inner
    else:
        outer.__context__ = inner
    return outer


# --- a port that does not open ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NOT_OPENED, ids=errno.errorcode.get)
@pytest.mark.parametrize("raised", [True, False])
def test_a_number_says_what_to_do_wherever_it_stands(number: int, raised: bool) -> None:
    kind, words = NOT_OPENED[number]
    plain = OSError(number, "as the system says")
    for error in (plain, termios.error(number, "x"), wrapped(serial.SerialException("no"), plain, raised=raised)):
        ours = open_error("/dev/ttyUSB0", error)
        assert type(ours) is kind
        assert str(ours).startswith(f"/dev/ttyUSB0: {words}.")


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("", OSError(errno.ENOENT, "x"), f"an empty port name: {NO_SUCH}."),
        ("x", ValueError("no such rate"), "'x' cannot be opened: no such rate. Give the path of a port"),
        ("x", re.error("unterminated"), "'x' cannot be opened: unterminated. Give the path of a port"),
        ("x", wrapped(ValueError("bad"), OSError(errno.EBUSY, "y")), "'x' cannot be opened: bad. Give the path"),
        ("x", wrapped(OSError("z"), ValueError("bad")), "'x' cannot be opened: bad. Give the path of a port"),
        ("x", TypeError("t"), "'x' is not a complete address. Give the path of a port"),
        ("x", KeyError("t"), "'x' is not a complete address. Give the path of a port"),
        ("x", AttributeError("t"), "'x' is not a complete address. Give the path of a port"),
        ("x", wrapped(OSError("z"), TypeError("t")), "'x' is not a complete address. Give the path of a port"),
        ("x", OSError(errno.EMFILE, "Too many"), "x cannot be opened: Too many. Check that it is the right port."),
        (
            "x",
            wrapped(serial.SerialException("new"), OSError(errno.EMFILE, "Too many")),
            "x cannot be opened: Too many. Check",
        ),
        ("x", serial.SerialException("something new"), "x cannot be opened: something new. Check that it is the"),
        ("x", RuntimeError("own words"), "x cannot be opened: own words. Check that it is the right port."),
    ],
)
def test_what_has_no_known_number_is_told_in_its_own_words(url: str, error: Exception, words: str) -> None:
    ours = open_error(url, error)
    assert type(ours) is (PortMissing if not url else PenError)
    assert str(ours).startswith(words)


# --- a link that went down --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", DOWN, ids=errno.errorcode.get)
def test_a_number_is_a_cause_wherever_it_stands(number: int) -> None:
    plain = OSError(number, "as the system says")
    for error in (plain, termios.error(number, "x"), wrapped(serial.SerialException("read failed"), plain)):
        assert down_cause(error) == DOWN[number]
    assert DOWN[number] in CAUSES


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TypeError("an integer is required"), "closed"),
        (ValueError(), "closed"),
        (serial.PortNotOpenError(), "closed"),
        (wrapped(serial.PortNotOpenError(), OSError(errno.EIO, "x")), "closed"),
        (serial.SerialException("readiness to read but returned no data"), "unplugged"),
        (wrapped(OSError(errno.EOVERFLOW, "x"), OSError(errno.EIO, "y")), "unplugged"),
    ],
)
def test_what_has_no_number_of_its_own_is_a_cause_too(error: Exception, cause: str) -> None:
    assert down_cause(error) == cause
