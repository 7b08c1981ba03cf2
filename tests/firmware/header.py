"""`pen_frames.h` as a function of Python's messages: the compiled header in a child process, one answer a message."""

import struct
import subprocess
from pathlib import Path
from typing import Self

from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, Message, PenEvent, SampleBlock

ROOM = 256  # PEN_MAX_FRAME
_SET, _PASSES, _STROKES = 0x0080, 0x0100, 0x0200  # enum pen_has
_NOT_SAID = b"\xff"  # a NULL for a text


class Header:
    """The child. A context manager; a sanitizer that finds something ends it, and the next answer fails with that."""

    def __init__(self, program: Path) -> None:
        self._child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _, told = self._child.communicate(timeout=60)
        assert self._child.returncode == 0, told.decode()  # leaks are told at the end

    def encode(self, message: Message, room: int = ROOM) -> bytes:
        """The frame that the header makes of a message in a buffer of `room` bytes; b"" when it makes none."""
        return self._ask(packed(message, room))

    def requests_heard(self, data: bytes) -> int:
        """How many identity requests a pen hears in these bytes."""
        return self._ask(b"\xff" + data)[0]

    def _ask(self, question: bytes) -> bytes:
        stdin, stdout, stderr = self._child.stdin, self._child.stdout, self._child.stderr
        assert stdin
        assert stdout
        assert stderr
        try:
            stdin.write(struct.pack("<H", len(question)) + question)
            stdin.flush()
            (n,) = struct.unpack("<H", stdout.read(2))
            return stdout.read(n)
        except (OSError, struct.error):
            raise AssertionError(stderr.read().decode()) from None


def packed(message: Message, room: int) -> bytes:
    """A message as `header_host.c` reads it."""
    match message:
        case SampleBlock():
            return _head(1, message, room) + _slow(message) + _columns(message)
        case Heartbeat():
            return _head(2, message, room) + _slow(message)
        case PenEvent():
            return _head(3, message, room) + struct.pack("<BI", message.code, message.value)
        case Identity():
            texts = (message.model, message.serial, message.firmware, message.calibration_id, message.cartridge)
            return _head(4, message, room) + b"".join(_text(text) for text in texts)
        case IdentityRequest():
            return struct.pack("<BHBBHII", 16, room, 0, 0, 0, 0, 0)
        case _:
            raise TypeError(f"no frame for {type(message).__name__}")


def _head(kind: int, message: SampleBlock | Heartbeat | PenEvent | Identity, room: int) -> bytes:
    mode = ("real", "test", "demo").index(message.mode)
    return struct.pack("<BHBBHII", kind, room, mode, message.motor_on, message.boot, message.seq, message.t_us)


def _slow(message: SampleBlock | Heartbeat) -> bytes:
    """What is absent is there as rubbish, to show that its flag alone decides."""
    fields = (message.depth_set_um, message.passes, message.strokes)
    has = sum(flag for flag, value in zip((_SET, _PASSES, _STROKES), fields, strict=True) if value is not None)
    values = (rubbish if value is None else value for value, rubbish in zip(fields, (0xABCD, 77, 99), strict=True))
    return struct.pack("<HHII", has, *values)


def _columns(block: SampleBlock) -> bytes:
    columns = (block.depth_um, block.raw_count, block.frequency_dhz)
    which = sum(1 << i for i, column in enumerate(columns) if column is not None)
    parts = [struct.pack("<HBB", block.period_us, block.n, which | (0 if block.contact_bits is None else 8))]
    for code, column in zip("hHH", columns, strict=True):
        if column is not None:
            parts.append(struct.pack(f"<{len(column)}{code}", *column))
    if block.contact_bits is not None:  # with rubbish above the last sample
        n_bytes = (block.n + 7) // 8
        parts.append((block.contact_bits | (1 << 8 * n_bytes) - (1 << block.n)).to_bytes(n_bytes, "little"))
    return b"".join(parts)


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("latin-1") if text else _NOT_SAID
