"""The list of ports: what the system tells of each, who may open it, and who holds it, told without opening it."""

import fcntl
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports as their_list

from firmware_bridge.sources import ports
from firmware_bridge.sources.ports import Holder, holders_of, list_ports

HOLD = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
if sys.argv[2] == "lock":
    fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def info(device: str, **more: object) -> SimpleNamespace:
    """A port as pyserial tells of it."""
    unknown = dict.fromkeys(("vid", "pid", "serial_number", "manufacturer", "product"))
    return SimpleNamespace(**{"device": device, "description": "n/a", **unknown, **more})


@pytest.fixture
def terminal() -> Iterator[str]:
    """A terminal device that nobody holds: this process has only its other end open."""
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    yield path
    os.close(master)


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch, terminal: str, tmp_path: Path) -> str:
    """The only USB port of this computer, with a stable path; and one of its own."""
    named = tmp_path / "by-id"
    named.mkdir()
    (named / "usb-Maker_Pen_0042-if00").symlink_to(terminal)
    (named / "usb-Other-if00").symlink_to(tmp_path)
    usb = info(
        terminal, description="Pen", manufacturer="Maker", product="Pen", serial_number="0042", vid=0x1209, pid=0x0D32
    )
    monkeypatch.setattr(their_list, "comports", lambda: [info(str(tmp_path / "ttyS0")), usb])
    monkeypatch.setattr(ports, "BY_ID", named)
    return terminal


def test_what_is_told_of_a_port(adapter: str, tmp_path: Path) -> None:
    usb, own = list_ports()
    assert (usb.path, usb.by_id) == (adapter, str(tmp_path / "by-id" / "usb-Maker_Pen_0042-if00"))
    assert (usb.description, usb.manufacturer, usb.product, usb.serial) == ("Pen", "Maker", "Pen", "0042")
    assert (usb.vendor_id, usb.product_id, usb.may_open) == (0x1209, 0x0D32, True)
    assert (own.path, own.by_id, own.description) == (str(tmp_path / "ttyS0"), None, "a port of this computer")
    assert (own.may_open, own.holders) == (False, None)  # it went away while it was listed


def test_no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(their_list, "comports", list)
    assert list_ports() == []


def test_without_stable_paths(adapter: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ports, "BY_ID", tmp_path / "nowhere")
    assert list_ports()[0].by_id is None


# --- who holds it -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what every program has open")
def test_held_by_nobody(terminal: str) -> None:
    assert holders_of(terminal) == ()


@pytest.mark.parametrize("how", ["open", "lock"])
def test_held_by_another_program(how: str, terminal: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, terminal, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        holder = Holder(pid=other.pid, program=Path(f"/proc/{other.pid}/comm").read_text().strip())
        assert holders_of(terminal) == (holder,)
        other.communicate()


def test_a_lock_is_seen_where_no_program_can_be_looked_at(
    terminal: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As for any user on a machine where the recorder runs as another one."""
    with Path(terminal).open("rb", buffering=0) as port:
        fcntl.flock(port, fcntl.LOCK_EX)
        locks = Path("/proc/locks").read_text()
        (tmp_path / "locks").write_text(locks + "9: -> FLOCK ADVISORY WRITE 7 00:00:0 0 EOF\n")
        monkeypatch.setattr(ports, "PROC", tmp_path)
        assert holders_of(terminal) == (Holder(pid=os.getpid(), program="unknown"),)


def test_who_cannot_be_looked_at_may_hold_it(terminal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_has_open", lambda process, there: None)
    assert holders_of(terminal) is None


def test_without_a_list_of_locks(terminal: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "4711").mkdir()  # a process that has ended: it has no descriptors
    monkeypatch.setattr(ports, "PROC", tmp_path)
    assert holders_of(terminal) == ()


def test_no_such_port(tmp_path: Path) -> None:
    assert holders_of(str(tmp_path / "pen")) is None
