"""Which serial ports this computer has, what they are, who may open them and who holds them. Opens none of them.

Not responsible for what is behind a port: that is asked by opening it (serial_port.py).
"""

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ONLY = "DEVICELOG_PORTS"  # an environment variable: patterns of paths, `:` between them
DEV = Path("/dev")
BY_ID = Path("/dev/serial/by-id")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A program that has a port open or locked."""

    pid: int
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """One port. `by_id` stays the same wherever the device is plugged in; None where the system gives no such name.

    `holders` is None when it cannot be told: nobody is known to hold it, and not every program could be looked at.
    """

    path: str
    by_id: str | None
    description: str
    manufacturer: str | None
    product: str | None
    serial: str | None
    vendor_id: int | None
    product_id: int | None
    may_open: bool
    holders: tuple[Holder, ...] | None


def list_ports() -> list[SerialPort]:
    """Every serial port there is, USB ones first; where DEVICELOG_PORTS names patterns, what they match instead."""
    from serial.tools.list_ports import comports

    infos = list(comports())
    if (named := named_ports()) is not None:
        known = {info.device: info for info in infos}
        infos = [known.get(path) or _of_path(path) for path in named]
    found = [_port(info) for info in infos]
    return sorted(found, key=lambda port: (port.vendor_id is None, port.path))


def _port(info: Any) -> SerialPort:
    path = str(info.device)
    named = next((link for link in sorted(_entries(BY_ID)) if link.resolve() == Path(path).resolve()), None)
    return SerialPort(
        path=path,
        by_id=str(named) if named else None,
        description=info.description if info.description not in (None, "n/a") else "a port of this computer",
        manufacturer=info.manufacturer,
        product=info.product,
        serial=info.serial_number,
        vendor_id=info.vid,
        product_id=info.pid,
        may_open=os.access(path, os.R_OK | os.W_OK),
        holders=holders_of(path),
    )


def places(path: str | None) -> tuple[object, ...]:
    """Another value when another device is at this path, or may be opened by others than before; for None, when there
    may be another port anywhere. Costs next to nothing: it is asked many times while a pen is away."""
    named = named_ports()
    if path is not None:
        return _place(path)
    return (_place(str(DEV)),) if named is None else tuple((path, _place(path)) for path in named)


def _place(path: str) -> tuple[object, ...]:
    try:
        told = Path(path).stat()
    except (OSError, ValueError):
        return ()
    # A terminal's times move with every byte, all but this one; a directory's, when something in it comes or goes.
    return told.st_dev, told.st_ino, told.st_rdev, told.st_ctime_ns


def named_ports() -> list[str] | None:
    """The paths that DEVICELOG_PORTS names, each device once; None when it names nothing."""
    patterns = [pattern for pattern in os.environ.get(ONLY, "").split(os.pathsep) if pattern]
    if not patterns:
        return None
    paths = sorted({path for pattern in patterns for path in glob.glob(pattern)})  # noqa: PTH207 # absolute ones
    return list({os.path.realpath(path): path for path in reversed(paths)}.values())[::-1]


def _of_path(path: str) -> Any:
    """A port of which nothing but its path is known."""
    unknown = dict.fromkeys(("vid", "pid", "serial_number", "manufacturer", "product"))
    return SimpleNamespace(device=path, description=f"named by {ONLY}", **unknown)


def holders_of(path: str) -> tuple[Holder, ...] | None:
    """Who holds this port, by what the kernel tells without opening it; None when that does not suffice to say."""
    try:
        there = Path(path).stat()
    except OSError:
        return None
    pids, all_seen = _locked_by(there), True
    for process in _entries(PROC):
        if process.name.isdigit():
            opened = _has_open(process, there)
            all_seen = all_seen and opened is not None
            if opened:
                pids.add(int(process.name))
    if pids:
        return tuple(Holder(pid=pid, program=_program(pid)) for pid in sorted(pids))
    return () if all_seen else None


def _locked_by(there: os.stat_result) -> set[int]:
    """Who has locked it, as every polite program does; told to every user."""
    device, inode = f"{os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}", there.st_ino
    try:
        lines = (PROC / "locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return set()
    # 1: FLOCK  ADVISORY  WRITE 4711 00:05:123 0 EOF
    locks = [line.split() for line in lines if "->" not in line]
    return {int(lock[4]) for lock in locks if lock[5] == f"{device}:{inode}" and int(lock[4]) > 0}


def _has_open(process: Path, there: os.stat_result) -> bool | None:
    """Whether a process has it open; None where we may not look."""
    try:
        descriptors = list((process / "fd").iterdir())
    except PermissionError:
        return None
    except OSError:  # it has ended
        return False
    return any(_is(descriptor, there) for descriptor in descriptors)


def _is(descriptor: Path, there: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), there)
    except OSError:
        return False


def _program(pid: int) -> str:
    try:
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "unknown"


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
