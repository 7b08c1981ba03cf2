"""The serial source on real ptys: every byte that arrived, every loss of the link once, a way out of every state."""

import errno
import os
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial
from serial.urlhandler import protocol_loop

from firmware_bridge.errors import BridgeError, PenError, PortBusy, PortForbidden, PortMissing
from firmware_bridge.frames import encode
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import IdentityRequest, LinkChange, Overflow, SerialChunk
from firmware_bridge.sources import CAUSES, Inbox, SerialSource, port, serial_port
from firmware_bridge.sources.reopening import pauses_s
from tests.bridge.ptys import DEADLINE_S, Pen, Tape, n_descriptors, now_us

ASKING = load_profile("reference")
QUIET = replace(ASKING, request_identity=False)


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[Pen]:
    pen = Pen(tmp_path / "pen")
    yield pen
    pen.unplug()


@pytest.fixture(autouse=True)
def no_thread_and_no_descriptor_left() -> Iterator[None]:
    threads, descriptors = threading.active_count(), n_descriptors()
    yield
    assert threading.active_count() == threads
    assert n_descriptors() == descriptors


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "REOPEN_FIRST_S", 0.01)


@contextmanager
def reading(url: object, inbox: Inbox | None = None) -> Iterator[tuple[SerialSource, Tape]]:
    tape = Tape(inbox or Inbox())
    with SerialSource(str(url), QUIET, tape.inbox, now_us) as source:
        source.open()
        source.start()
        yield source, tape


# --- reading ----------------------------------------------------------------------------------------------------------


def test_every_byte_value_arrives_stamped_and_counted(pen: Pen) -> None:
    sent = bytes(range(256)) * 8
    with reading(pen.link) as (source, tape):
        before_us = now_us()
        for at in range(0, len(sent), 512):
            pen.send(sent[at : at + 512])
            tape.until_read(at + 512)
        after_us = now_us()
    assert tape.items[0] == LinkChange(t_us=tape.items[0].t_us, up=True, cause="opened")
    chunks = tape.items[1:]
    assert tape.rest().items[1:] == chunks
    assert tape.data == sent
    stamps = [item.t_us for item in tape.items]
    assert stamps == sorted(stamps)
    assert before_us <= chunks[0].t_us <= chunks[-1].t_us <= after_us
    total = 0
    for chunk in chunks:
        total += len(chunk.data)
        assert chunk.read_total == total
    assert source.read_total == len(sent)


def test_a_burst_larger_than_one_read_of_the_kernel_arrives_whole(pen: Pen) -> None:
    sent = os.urandom(16_000)
    with reading(pen.link) as (_, tape):
        pen.send(sent)
        tape.until_read(len(sent))
    assert tape.data == sent


def test_an_idle_pen_is_not_a_dead_one(pen: Pen, monkeypatch: pytest.MonkeyPatch) -> None:
    silences = threading.Semaphore(0)

    def read(fd: int, n_bytes: int) -> bytes:
        try:
            return os.read(fd, n_bytes)
        except BlockingIOError:
            silences.release()
            raise

    monkeypatch.setattr(port, "os", SimpleNamespace(read=read, set_blocking=os.set_blocking))
    with reading(pen.link) as (_, tape):
        for _ in range(5):
            assert silences.acquire(timeout=DEADLINE_S)
        pen.send(b"still here")
        tape.until(lambda tape: tape.data == b"still here")
    assert tape.rest().causes == ["opened"]


def test_what_the_kernel_holds_at_close_is_read_first(pen: Pen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "POLL_S", DEADLINE_S)  # only the last read can get it
    monkeypatch.setattr(serial_port, "_TTY_BYTES", 1 << 30)
    with reading(pen.link) as (_, tape):
        pen.send(b"last words" * 1000)
    assert tape.rest().data == b"last words" * 1000
    assert tape.causes == ["opened"]


@pytest.mark.parametrize(("baud", "bytes_at_most"), [(9_600, 39), (115_200, 461), (921_600, 1_024), (3_000_000, 1_024)])
def test_a_read_that_is_in_time_leaves_three_quarters_of_the_kernels_terminal(baud: int, bytes_at_most: int) -> None:
    assert bytes_at_most - 1 < serial_port.poll_s(baud) * baud / 10 <= bytes_at_most
    assert serial_port.poll_s(baud) <= serial_port.POLL_S


def test_a_pen_that_never_stops_cannot_hold_up_a_close(pen: Pen, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = SimpleNamespace(read=lambda fd, n_bytes: bytes(4095), set_blocking=os.set_blocking)
    monkeypatch.setattr(port, "os", endless)
    with reading(pen.link, Inbox(max_bytes=64 << 10)) as (source, tape):
        tape.until_read(100_000)
        closer = threading.Thread(target=source.close, daemon=True)
        closer.start()
        closer.join(1)
        assert not closer.is_alive()
    tape.rest()
    dropped = sum(item.dropped_bytes for item in tape.items if isinstance(item, Overflow))
    assert source.read_total == len(tape.data) + dropped


def test_a_port_without_a_descriptor_is_read_through_the_same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[protocol_loop.Serial] = []
    really_open = protocol_loop.Serial.open
    monkeypatch.setattr(protocol_loop.Serial, "open", lambda self: (loops.append(self), really_open(self))[1])
    with reading("loop://") as (source, tape):
        sent = bytes(range(256))
        loops[0].write(sent)
        tape.until_read(len(sent))
    assert tape.data == sent
    assert tape.rest().causes == ["opened"]
    assert tape.items[-1].read_total == len(sent) == source.read_total


def test_a_loop_hears_its_own_question() -> None:
    tape = Tape(Inbox())
    with SerialSource("loop://", ASKING, tape.inbox, now_us) as source:
        source.start()
        tape.until(lambda tape: tape.data == encode(IdentityRequest()))


@pytest.mark.usefixtures("impatient")
def test_a_pen_behind_a_network_port() -> None:
    messages = [b"\0first\0", bytes(range(256)) * 100]
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        reading(f"socket://127.0.0.1:{server.getsockname()[1]}") as (_, tape),
    ):
        for message in messages:
            peer, _ = server.accept()
            tape.until(lambda tape: tape.items[-1:] != [] and getattr(tape.items[-1], "up", False))
            with peer:
                peer.sendall(message)
                tape.until_read(len(tape.data) + len(message))
            tape.until(lambda tape: tape.causes[-1] == "unplugged")
    assert tape.rest().causes[:4] == ["opened", "unplugged", "reopened", "unplugged"]
    assert tape.data == b"".join(messages)


def test_the_identity_is_asked_for_when_the_profile_says_so(pen: Pen) -> None:
    request = encode(IdentityRequest())
    with SerialSource(str(pen.link), ASKING, Inbox(), now_us) as source:
        source.open()
        assert os.read(pen.master, 100) == request
    with SerialSource(str(pen.link), QUIET, Inbox(), now_us) as source:
        source.open()
        os.set_blocking(pen.master, False)
        with pytest.raises(BlockingIOError):
            os.read(pen.master, 100)


def test_dtr_and_rts_stand_as_the_profile_says_before_the_port_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []
    really_open = protocol_loop.Serial.open
    monkeypatch.setattr(
        protocol_loop.Serial, "open", lambda self: (seen.append((self.dtr, self.rts)), really_open(self))[1]
    )
    for dtr, rts in [(False, False), (True, False), (False, True)]:
        with SerialSource("loop://", replace(QUIET, dtr=dtr, rts=rts), Inbox(), now_us) as source:
            source.open()
    assert seen == [(False, False), (True, False), (False, True)]


# --- opening ----------------------------------------------------------------------------------------------------------


def refusal(url: object) -> BridgeError:
    with SerialSource(str(url), QUIET, Inbox(), now_us) as source, pytest.raises(PenError) as caught:
        source.open()
    return caught.value


def test_a_missing_port(tmp_path: Path) -> None:
    error = refusal(tmp_path / "pen")
    assert isinstance(error, PortMissing)
    assert str(error) == f"{tmp_path}/pen: there is no such port. Check the cable and that the pen is switched on."


def test_a_port_held_by_another(pen: Pen) -> None:
    with reading(pen.link):
        error = refusal(pen.link)
    assert isinstance(error, PortBusy)
    assert "another program holds the port" in str(error)


def test_a_port_this_user_may_not_open(pen: Pen) -> None:
    port = pen.link.resolve()
    port.chmod(0)
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(65_534)  # root may open anything
        error = refusal(port)
    finally:
        os.seteuid(was)
    assert isinstance(error, PortForbidden)
    assert "sudo usermod -aG dialout $USER" in str(error)


@pytest.mark.parametrize("kind", ["file", "directory", "fifo", "null"])
def test_what_is_not_a_serial_port(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    {
        "file": path.touch,
        "directory": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "null": lambda: path.symlink_to("/dev/null"),
    }[kind]()
    error = refusal(path)
    assert type(error) is PenError
    assert "not a serial port" in str(error)


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("teapot://x", PenError, "protocol 'teapot' not known"),
        ("loop://?nonsense=1", PenError, "nonsense"),
        ("socket://x", PenError, "not a complete address"),
        ("hwgrep://(", PenError, "unterminated"),
        ("hwgrep://no-such-pen", PenError, "no ports found"),
        ("a\0b", PenError, "null byte"),
        ("", PortMissing, "an empty port name"),
        ("./pen/below/a/file", PortMissing, "no such port"),
        ("socket://127.0.0.1:1", PortMissing, "nothing answers"),
    ],
)
def test_an_address_that_leads_nowhere(url: str, kind: type[PenError], words: str) -> None:
    error = refusal(url)
    assert type(error) is kind
    assert words in str(error)
    assert "\n" not in str(error)


def test_a_relative_path_is_a_port(pen: Pen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pen.link.parent)
    with reading("./pen") as (_, tape):
        pen.send(b"hello")
        tape.until(lambda tape: tape.data == b"hello")


# --- losing the link and getting it back ------------------------------------------------------------------------------


def test_unplugged_in_mid_frame_and_back(pen: Pen) -> None:
    with reading(pen.link) as (source, tape):
        pen.send(b"\0half a fra")
        tape.until(lambda tape: tape.data == b"\0half a fra")
        pen.unplug()
        tape.until(lambda tape: len(tape.causes) == 2)
        pen.plug()
        tape.until(lambda tape: len(tape.causes) == 3)
        pen.send(b"\0whole\0")
        tape.until(lambda tape: tape.data == b"\0half a fra\0whole\0")
    tape.rest()
    assert tape.causes == ["opened", "unplugged", "reopened"]
    kinds = [(type(item), getattr(item, "up", None)) for item in tape.items]
    assert kinds.index((LinkChange, False)) > kinds.index((SerialChunk, None))
    stamps = [item.t_us for item in tape.items]
    assert stamps == sorted(stamps)
    assert source.read_total == len(tape.data)


@pytest.mark.usefixtures("impatient")
def test_twenty_times_unplugged(pen: Pen) -> None:
    sent = b""
    with reading(pen.link) as (source, tape):
        for cycle in range(20):
            frame = b"\0cycle %d: " % cycle + bytes(range(256))
            pen.send(frame)
            sent += frame
            tape.until_read(len(sent))
            pen.unplug()
            tape.until(lambda tape: tape.causes[-1] == "unplugged")
            pen.plug()
            tape.until(lambda tape: tape.causes[-1] == "reopened")
    tape.rest()
    assert tape.data == sent
    assert tape.causes == ["opened"] + ["unplugged", "reopened"] * 20
    assert source.read_total == len(sent)


@pytest.mark.usefixtures("impatient")
def test_the_identity_is_asked_for_again_after_a_return(pen: Pen) -> None:
    tape = Tape(Inbox())
    with SerialSource(str(pen.link), ASKING, tape.inbox, now_us) as source:
        source.start()
        pen.unplug()
        pen.plug()
        tape.until(lambda tape: "reopened" in tape.causes)
        assert os.read(pen.master, 100) == encode(IdentityRequest())


def test_reopening_is_tried_ever_more_slowly_and_for_ever() -> None:
    waits_s = pauses_s()
    assert [next(waits_s) for _ in range(8)] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


DEATHS = [
    (OSError(errno.EIO, "Input/output error"), "unplugged"),
    (OSError(errno.ENXIO, "No such device or address"), "unplugged"),
    (OSError(errno.ENODEV, "No such device"), "unplugged"),
    (OSError(errno.EBADF, "Bad file descriptor"), "closed"),
    (OSError(errno.EOVERFLOW, "Value too large"), "io error"),
    (serial.SerialException("device reports readiness to read but returned no data"), "unplugged"),
    (serial.SerialException(errno.EIO, "read failed"), "unplugged"),
    (serial.PortNotOpenError(), "closed"),
    (termios.error(errno.EIO, "Input/output error"), "unplugged"),
    (TypeError("'NoneType' object cannot be interpreted as an integer"), "closed"),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("error", "cause"), DEATHS)
@pytest.mark.parametrize("way", ["descriptor", "pyserial"])
def test_every_death_is_one_event(
    pen: Pen, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str, way: str
) -> None:
    doom = [error]

    def dying(read: Callable[..., bytes]) -> Callable[..., bytes]:
        def read_or_die(*args: object) -> bytes:
            if doom:
                raise doom.pop()
            return read(*args)

        return read_or_die

    if way == "descriptor":
        stand_in = SimpleNamespace(read=dying(os.read), write=os.write, set_blocking=os.set_blocking)
        monkeypatch.setattr(port, "os", stand_in)
    else:
        monkeypatch.setattr(protocol_loop.Serial, "read", dying(protocol_loop.Serial.read))
    with reading(pen.link if way == "descriptor" else "loop://") as (_, tape):
        tape.until(lambda tape: "reopened" in tape.causes)
    assert tape.rest().causes == ["opened", cause, "reopened"]
    assert set(tape.causes) <= CAUSES.keys()


# --- overflow ---------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_counted_to_the_byte(pen: Pen) -> None:
    with reading(pen.link, Inbox(max_bytes=1000)) as (source, tape):
        for _ in range(10):  # nobody takes anything meanwhile
            before = source.read_total
            pen.send(bytes(300))
            give_up = time.monotonic() + DEADLINE_S
            while source.read_total < before + 300:
                assert time.monotonic() < give_up
        tape.until(lambda tape: len(tape.data) == 900)
        pen.send(b"fits again")
        tape.until(lambda tape: tape.data.endswith(b"fits again"))
    tape.rest()
    losses = [item for item in tape.items if isinstance(item, Overflow)]
    assert len(losses) == 1
    assert losses[0].dropped_bytes == 2100
    assert source.read_total == 3010 == len(tape.data) + 2100
    at = tape.items.index(losses[0])
    assert tape.items[at - 1].t_us <= losses[0].since_us <= losses[0].t_us <= tape.items[at + 1].t_us


def test_a_loss_that_is_pending_at_close_is_queued(pen: Pen) -> None:
    with reading(pen.link, Inbox(max_bytes=5)) as (source, tape):
        pen.send(b"too long")
    tape.rest()
    assert [item.dropped_bytes for item in tape.items if isinstance(item, Overflow)] == [8]
    assert source.read_total == 8


# --- closing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["new", "refused", "open", "reading", "unplugged"])
def test_close_returns_from_every_state_and_may_be_said_twice(
    pen: Pen, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(serial_port, "REOPEN_FIRST_S", DEADLINE_S)  # it is in the middle of a long pause
    tape = Tape(Inbox())
    source = SerialSource(str(pen.link), QUIET, tape.inbox, now_us)
    if state == "refused":
        pen.unplug()
        with pytest.raises(PortMissing):
            source.open()
    if state in {"open", "reading", "unplugged"}:
        source.open()
    if state in {"reading", "unplugged"}:
        source.start()
    if state == "unplugged":
        pen.unplug()
        tape.until(lambda tape: "unplugged" in tape.causes)
    started = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - started < 1
    tape.rest()
    if state not in {"refused", "unplugged"}:
        pen.send(b"unheard")
    assert tape.inbox.get_nowait() is None
    assert tape.causes == {"reading": ["opened"], "unplugged": ["opened", "unplugged"]}.get(state, [])
    with pytest.raises(ValueError, match="was closed"):
        source.start()


def test_opening_and_starting_twice_is_once(pen: Pen) -> None:
    with reading(pen.link) as (source, tape):
        source.open()
        source.start()
        pen.send(b"once")
        tape.until(lambda tape: tape.data == b"once")
    assert tape.rest().causes == ["opened"]


def test_a_closed_port_is_free_for_the_next(pen: Pen) -> None:
    for _ in range(2):
        with reading(pen.link) as (_, tape):
            pen.send(b"x")
            tape.until(lambda tape: tape.data == b"x")


def test_importing_the_package_loads_no_port_library() -> None:
    code = "import sys, firmware_bridge.sources; sys.exit('serial' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
