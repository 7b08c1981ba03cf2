"""The simulated pen in real time, on a real pty, in this process and as a program of its own."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from firmware_bridge.decode import Decoder
from firmware_bridge.errors import BridgeError
from firmware_bridge.frames import encode
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, PenEvent, Reading, SampleBlock, SerialChunk
from firmware_bridge.simulator import run_pen, script_for
from firmware_bridge.simulator.run import PtyLink
from tests.waiting import DEADLINE_S, wait_for

REQUEST = encode(IdentityRequest())


class Host:
    """The least a host is: the open port and a decoder."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.decoder = Decoder()
        self.readings: list[Reading] = []
        self.hung_up = False

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def ask(self) -> None:
        os.write(self.fd, REQUEST)

    def read_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            if self.hung_up or not select.select([self.fd], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self.fd, 65_536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            self.hung_up = not data
            self.readings += self.decoder.feed(SerialChunk(t_us=0, data=data))

    def has(self, kind: type) -> bool:
        return any(isinstance(reading, kind) for reading in self.readings)

    def motor_is_off(self) -> bool:
        return any(isinstance(reading, PenEvent) and reading.code == 4 for reading in self.readings)

    def numbers(self) -> list[int]:
        return [r.seq + i for r in self.readings if isinstance(r, SampleBlock) for i in range(r.n)]


@contextmanager
def running(
    path: Path, scenario: str = "clean", speed: float = 10, *, once: bool = True, now: bool = False
) -> Iterator[None]:
    """A pen of eight seconds in a thread."""
    stop, ready = threading.Event(), threading.Event()

    def play() -> None:
        run_pen(
            str(path),
            scenario=scenario,
            seconds=8,
            seed=1,
            speed=speed,
            once=once,
            now=now,
            stop=stop,
            on_ready=lambda *_: ready.set(),
        )

    thread = threading.Thread(target=play)
    thread.start()
    try:
        assert ready.wait(DEADLINE_S)
        yield
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        assert not os.path.lexists(path)


def test_a_pen_that_is_not_asked_only_beats(tmp_path: Path) -> None:
    with running(tmp_path / "pen"), Host(tmp_path / "pen") as host:
        host.read_until(lambda: host.has(Heartbeat))
        assert not host.has(SampleBlock)


def test_a_request_is_answered_and_starts_the_script(tmp_path: Path) -> None:
    with running(tmp_path / "pen"), Host(tmp_path / "pen") as host:
        host.ask()
        host.read_until(host.motor_is_off)
        assert host.has(Identity)
        assert host.numbers() == list(range(800))
        assert host.decoder.rejected_bytes == 0


def test_every_request_is_answered(tmp_path: Path) -> None:
    with running(tmp_path / "pen", speed=0.1), Host(tmp_path / "pen") as host:
        for n in range(1, 4):
            host.ask()
            host.read_until(lambda n=n: sum(isinstance(r, Identity) for r in host.readings) > n)  # type: ignore[misc]


def test_a_script_may_begin_unasked_and_another_follows(tmp_path: Path) -> None:
    with running(tmp_path / "pen", speed=50, once=False, now=True), Host(tmp_path / "pen") as host:
        host.read_until(lambda: bool(host.numbers()) and host.numbers()[-1] >= 1000)
        numbers = host.numbers()
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert {r.boot for r in host.readings if isinstance(r, SampleBlock)} == {
            r.boot for r in host.readings if isinstance(r, Identity)
        }


def test_the_port_vanishes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "pen"
    with running(path, "unplug"):
        with Host(path) as before:
            before.ask()
            before.read_until(lambda: before.hung_up)
            last = before.numbers()[-1]
            assert before.decoder.held_bytes > 0  # a frame that was cut
        wait_for(path.exists)
        with Host(path) as after:
            after.read_until(after.motor_is_off)
            first = after.numbers()[0]
            assert after.numbers() == list(range(first, 800))
        (outage,) = script_for("unplug", 8, 1).faults
        assert abs(last * 10_000 - outage.from_us) <= 30_000
        assert first * 10_000 >= outage.to_us - 20_000


def test_a_link_that_nobody_reads_never_blocks_and_forgets(tmp_path: Path) -> None:
    with PtyLink(str(tmp_path / "pen")) as link:
        for _ in range(200):
            link.write(bytes(1000))
        assert link.dropped_bytes >= 100_000

        def all_forgotten() -> bool:
            assert link.requests() == 0
            return link.dropped_bytes == 200_000

        wait_for(all_forgotten)
        with Host(tmp_path / "pen") as host:
            link.write(REQUEST)
            host.read_until(lambda: host.has(IdentityRequest))
            assert host.decoder.delimiter_bytes == 2


def test_a_link_is_closed_once_and_for_all(tmp_path: Path) -> None:
    link = PtyLink(str(tmp_path / "pen"))
    first = link.slave_name
    assert (tmp_path / "pen").readlink() == Path(first)
    link.unplug()
    assert not link.up
    assert not os.path.lexists(tmp_path / "pen")
    link.write(b"lost")
    assert link.dropped_bytes == 4
    link.replug()
    assert (tmp_path / "pen").exists()
    link.close()
    link.close()
    assert list(tmp_path.iterdir()) == []


def test_a_link_left_by_a_dead_pen_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "pen").symlink_to("/dev/pts/999999")
    with PtyLink(str(tmp_path / "pen")) as link:
        assert (tmp_path / "pen").readlink() == Path(link.slave_name)


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "nothing")
    with PtyLink(str(tmp_path / "pen")) as link:
        for name, says in (("file", "no link"), ("elsewhere", "no simulated pen"), ("pen", "another pen")):
            with pytest.raises(BridgeError, match=says):
                PtyLink(str(tmp_path / name))
        assert link.up
    with pytest.raises(BridgeError, match="cannot make"):
        PtyLink(str(tmp_path / "no" / "such" / "pen"))
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["elsewhere", "file"]


@contextmanager
def program(path: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "firmware_bridge.simulator", "--link", str(path), "--seconds", "8", *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_program_says_where_it_is_and_goes_when_told(tmp_path: Path) -> None:
    with program(tmp_path / "pen", "--speed", "10", "--once") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        target = (tmp_path / "pen").readlink()
        assert line.startswith(f"pen ready at {tmp_path / 'pen'} -> {target} (reference pen, serial SIM-")
        assert line.endswith(", scenario clean)\n")
        with Host(tmp_path / "pen") as host:
            host.ask()
            host.read_until(host.motor_is_off)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
        assert not os.path.lexists(tmp_path / "pen")


def test_the_program_goes_with_its_parent(tmp_path: Path) -> None:
    with program(tmp_path / "pen", "--exit-with-stdin") as process:
        assert process.stderr is not None
        assert process.stdin is not None
        assert process.stderr.readline().startswith("pen ready")
        process.stdin.close()
        assert process.wait(DEADLINE_S) == 0
        assert not os.path.lexists(tmp_path / "pen")


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [(["--seconds", "1"], 2, "6 to"), (["--speed", "0"], 2, "speed"), (["--scenario", "storm"], 2, "storm")],
)
def test_the_program_refuses_what_cannot_be(tmp_path: Path, more: list[str], code: int, says: str) -> None:
    with program(tmp_path / "pen", *more) as process:
        _, stderr = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == code
        assert says in stderr


def test_the_program_refuses_a_path_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "pen").write_text("mine")
    with program(tmp_path / "pen") as process:
        _, stderr = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 4
        assert "choose another path" in stderr


def test_a_pen_without_receiver_begins_when_it_has_said_who_it_is(tmp_path: Path) -> None:
    with running(tmp_path / "pen", "transmitonly"), Host(tmp_path / "pen") as host:
        host.ask()
        host.read_until(lambda: host.has(SampleBlock))
        first = next(index for index, reading in enumerate(host.readings) if isinstance(reading, SampleBlock))
        *_, said = (reading for reading in host.readings[:first] if isinstance(reading, Identity))
        block = host.readings[first]
        assert isinstance(block, SampleBlock)
        assert 300_000 <= (block.t_us - said.t_us) % 2**32 <= 1_000_000
        host.ask()
        host.read_until(host.motor_is_off)
        assert host.numbers() == list(range(800))
        identities = [reading for reading in host.readings if isinstance(reading, Identity)]
        gaps_us = {(b.t_us - a.t_us) % 2**32 for a, b in pairwise(identities)}
        assert gaps_us <= {5_000_000}


def test_a_pen_that_restarts_keeps_its_port(tmp_path: Path) -> None:
    with running(tmp_path / "pen", "reboot"), Host(tmp_path / "pen") as host:
        host.ask()
        host.read_until(host.motor_is_off)
        assert not host.hung_up
        boots = list(dict.fromkeys(r.boot for r in host.readings if isinstance(r, SampleBlock)))
        assert boots == [boots[0], boots[0] + 1]


def test_another_pen_comes_to_the_same_port(tmp_path: Path) -> None:
    path = tmp_path / "pen"
    with running(path, "wrongpen"):
        with Host(path) as before:
            before.ask()
            before.read_until(lambda: before.hung_up)
        wait_for(path.exists)
        with Host(path) as after:
            after.ask()
            after.read_until(after.motor_is_off)
    serials = [{r.serial for r in host.readings if isinstance(r, Identity)} for host in (before, after)]
    assert [len(named) for named in serials] == [1, 1]
    assert serials[0] != serials[1]
