"""A port that is talked with: read with a wait, written to, its lines moved. A real pty, and a port without a file."""

import os
import pty
import time
import tty
from collections.abc import Iterator

import pytest

from firmware_bridge.errors import PortMissing
from firmware_bridge.profiles import load_profile
from firmware_bridge.sources.conversation import Conversation, LinkLost

PROFILE = load_profile("reference")


@pytest.fixture
def ends() -> Iterator[tuple[int, str]]:
    """The pen's end of a pty that blocks nobody, and the name of the host's."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    name = os.ttyname(slave)
    yield master, name
    for fd in (master, slave):
        try:
            os.close(fd)
        except OSError:  # a test was the pen that went away
            continue


def read_all(port: Conversation, n: int) -> bytes:
    data, until_s = b"", time.monotonic() + 5
    while len(data) < n and time.monotonic() < until_s:
        data += port.read()
    return data


def test_what_is_said_and_heard(ends: tuple[int, str]) -> None:
    pen, name = ends
    port = Conversation(name, PROFILE)
    assert port.read() == b""
    os.write(pen, b"\0\x11\x13")
    assert read_all(port, 3) == b"\0\x11\x13"
    port.write(b"\x13\0")
    assert os.read(pen, 10) == b"\x13\0"
    port.close()
    port.close()
    with pytest.raises(LinkLost):
        port.read()


def test_a_pen_that_takes_nothing_holds_nobody_up(ends: tuple[int, str]) -> None:
    _, name = ends
    port = Conversation(name, PROFILE)
    began_s = time.monotonic()
    port.write(bytes(1 << 20))
    assert 0.5 < time.monotonic() - began_s < 5
    port.close()


def test_a_pen_that_goes_away_is_told(ends: tuple[int, str]) -> None:
    pen, name = ends
    port = Conversation(name, PROFILE)
    os.close(pen)
    with pytest.raises(LinkLost) as lost:
        read_all(port, 1)
    assert lost.value.cause == "unplugged"
    with pytest.raises(LinkLost):
        port.write(b"\0")
    port.close()


def test_lines_that_are_not_there(ends: tuple[int, str]) -> None:
    port = Conversation(ends[1], PROFILE)
    assert (port.has_lines, port.turn_lines(dtr=True, rts=True)) == (False, False)
    port.close()


def test_a_port_without_a_descriptor() -> None:
    port = Conversation("loop://", PROFILE)
    assert not port.has_lines
    port.write(b"\0\x13")
    assert read_all(port, 2) == b"\0\x13"
    assert port.read() == b""
    port.close()


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortMissing):
        Conversation("/dev/nowhere", PROFILE)
