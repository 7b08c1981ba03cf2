"""The wire format, byte for byte, as docs/protocol.md describes it: one frame in, one message out, and back.

Not responsible for finding frames in a stream (decode.py) nor for what a message means.
"""

import struct
from functools import lru_cache
from typing import Literal, NamedTuple
from zlib import crc32

from cobs.cobs import encode as cobs_encode

from firmware_bridge.readings import (
    Heartbeat,
    Identity,
    IdentityRequest,
    Message,
    Mode,
    PenEvent,
    SampleBlock,
    Unknown,
)

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 0

MAX_PAYLOAD = 249
MAX_SEGMENT = MAX_PAYLOAD + 4 + 1  # with CRC and the one byte COBS adds: the longest run between two delimiters
MAX_TEXT = 32

SAMPLES, HEARTBEAT, EVENT, IDENTITY, IDENTITY_REQUEST = 1, 2, 3, 4, 16

EVENTS = {
    1: "pass button",  # value: the pass counter after it
    2: "dial turned",  # value: the new set depth in micrometres
    3: "motor on",  # value: 0
    4: "motor off",  # value: 0
    5: "pen fault",  # value: the maker's own code
}

MODES: tuple[Mode, ...] = ("real", "test", "demo", "test")  # 3 is reserved: whatever it becomes, it is not `real`
F_MOTOR, F_DEPTH, F_RAW, F_FREQUENCY, F_CONTACT = 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6
F_SET, F_PASSES, F_STROKES = 1 << 7, 1 << 8, 1 << 9

_HEAD = struct.Struct("<BBHHII")  # version, kind, flags, boot, seq, t_us
_SLOW = struct.Struct("<HII")  # depth_set_um, passes, strokes
_BLOCK = struct.Struct("<BBHHIIHIIHB")  # head, slow, period_us, n
_BLOCK_BYTES, _BLOCK_VALUES, _KNOWN_FLAGS = _BLOCK.size, 11, 2 * F_STROKES - 1
_EVENT = struct.Struct("<BI")  # code, value
_CRC = struct.Struct("<I")
_CRC_RESIDUE = 0x2144_DF1C  # the CRC-32 of anything with its own CRC-32 after it
_TEXTS = ("model", "serial", "firmware", "calibration_id", "cartridge")

Damage = Literal["cobs", "crc", "malformed"]


class _Layout(NamedTuple):
    """A sample frame's payload as its flags and its n lay it out, worked out once: a pen sends the same for hours."""

    values: struct.Struct
    mode: Mode
    motor_on: bool
    has_set: bool
    has_passes: bool
    has_strokes: bool
    depth: slice | None
    raw: slice | None
    frequency: slice | None
    contact_mask: int  # 0: no such column; else it stands last


@lru_cache(maxsize=256)
def _layout(flags: int, n: int) -> _Layout:
    code, at = _BLOCK.format, _BLOCK_VALUES
    columns: list[slice | None] = []
    for flag, letter in ((F_DEPTH, "h"), (F_RAW, "H"), (F_FREQUENCY, "H")):
        columns.append(slice(at, at + n) if flags & flag else None)
        if flags & flag:
            code, at = f"{code}{n}{letter}", at + n
    if flags & F_CONTACT:
        code = f"{code}{(n + 7) // 8}s"
    depth, raw, frequency = columns
    return _Layout(
        values=struct.Struct(code),
        mode=MODES[flags & 3],
        motor_on=bool(flags & F_MOTOR),
        has_set=bool(flags & F_SET),
        has_passes=bool(flags & F_PASSES),
        has_strokes=bool(flags & F_STROKES),
        depth=depth,
        raw=raw,
        frequency=frequency,
        contact_mask=(1 << n) - 1 if flags & F_CONTACT else 0,
    )


def parse(segment: bytes) -> Message | Damage:
    """Read the bytes between two delimiters; a damaged or impossible frame is a `Damage`, never an exception."""
    framed = _unstuffed(segment)
    if framed is None:
        return "cobs"
    if len(framed) < _HEAD.size + 4 or crc32(framed) != _CRC_RESIDUE:
        return "crc"
    major, kind = framed[0] >> 4, framed[1]
    known = 0 < major <= PROTOCOL_MAJOR
    if kind == SAMPLES and known:
        return _parse_samples(framed)
    payload = bytes(framed[:-4])
    reader = _READERS.get(kind) if known else None
    return Unknown(major=major, kind=kind, n_bytes=len(payload)) if reader is None else reader(payload)


def payload_of(segment: bytes) -> bytes | None:
    """The payload between two delimiters, COBS and CRC taken off; None when either is wrong."""
    framed = _unstuffed(segment)
    if framed is None or len(framed) < _HEAD.size + 4 or crc32(framed) != _CRC_RESIDUE:
        return None
    return bytes(framed[:-4])


def _unstuffed(segment: bytes) -> bytearray | None:
    """COBS taken off the bytes between two delimiters; None when a code points past their end.

    Ours, because the library's `decode` is pure Python on aarch64 and took more than half of the time of all decoding
    (docs/performance.md). No frame has a run of 254 bytes without a zero, so a code is the distance to the next zero.
    """
    if 0 in segment or len(segment) > MAX_SEGMENT:
        return None
    framed, at, end = bytearray(segment), 0, len(segment)
    while at < end:
        code = framed[at]
        framed[at] = 0
        at += code
    if at != end:
        return None
    del framed[:1]
    return framed


def _parse_samples(framed: bytearray) -> SampleBlock | Damage:
    """`framed` is payload and CRC."""
    if len(framed) < _BLOCK_BYTES + 4:
        return "malformed"
    flags, n = (framed[2] | framed[3] << 8) & _KNOWN_FLAGS, framed[_BLOCK_BYTES - 1]
    layout, mode, motor_on, has_set, has_passes, has_strokes, depth, raw, frequency, mask = _layout(flags, n)
    trailing = len(framed) - 4 - layout.size
    if trailing < 0:
        return "malformed"
    values = layout.unpack_from(framed)
    _, _, _, boot, seq, t_us, set_um, passes, strokes, period_us, _ = values[:_BLOCK_VALUES]
    if not n or not period_us:
        return "malformed"
    return tuple.__new__(  # SampleBlock(...) takes three times as long
        SampleBlock,
        (
            mode,
            motor_on,
            boot,
            seq,
            t_us,
            set_um if has_set else None,
            passes if has_passes else None,
            strokes if has_strokes else None,
            period_us,
            n,
            values[depth] if depth else None,
            values[raw] if raw else None,
            values[frequency] if frequency else None,
            int.from_bytes(values[-1], "little") & mask if mask else None,
            trailing,
        ),
    )


def _parse_heartbeat(payload: bytes) -> Heartbeat | Damage:
    if len(payload) < _HEAD.size + _SLOW.size:
        return "malformed"
    _, _, flags, boot, seq, t_us = _HEAD.unpack_from(payload)
    set_um, passes, strokes = _SLOW.unpack_from(payload, _HEAD.size)
    return Heartbeat(
        mode=MODES[flags & 3],
        motor_on=bool(flags & F_MOTOR),
        boot=boot,
        seq=seq,
        t_us=t_us,
        depth_set_um=set_um if flags & F_SET else None,
        passes=passes if flags & F_PASSES else None,
        strokes=strokes if flags & F_STROKES else None,
        trailing_bytes=len(payload) - _HEAD.size - _SLOW.size,
    )


def _parse_event(payload: bytes) -> PenEvent | Damage:
    if len(payload) < _HEAD.size + _EVENT.size:
        return "malformed"
    _, _, flags, boot, seq, t_us = _HEAD.unpack_from(payload)
    code, value = _EVENT.unpack_from(payload, _HEAD.size)
    return PenEvent(
        mode=MODES[flags & 3],
        motor_on=bool(flags & F_MOTOR),
        boot=boot,
        seq=seq,
        t_us=t_us,
        code=code,
        value=value,
        trailing_bytes=len(payload) - _HEAD.size - _EVENT.size,
    )


def _parse_identity(payload: bytes) -> Identity | Damage:
    version, _, flags, boot, seq, t_us = _HEAD.unpack_from(payload)
    texts, at = {}, _HEAD.size
    for name in _TEXTS:
        size = payload[at] if at < len(payload) else MAX_TEXT + 1
        at += 1 + size
        text = payload[at - size : at]
        if size > MAX_TEXT or len(text) < size or not _printable(text):
            return "malformed"
        texts[name] = text.decode("ascii")
    return Identity(
        mode=MODES[flags & 3],
        motor_on=bool(flags & F_MOTOR),
        boot=boot,
        seq=seq,
        t_us=t_us,
        protocol_major=version >> 4,
        protocol_minor=version & 15,
        trailing_bytes=len(payload) - at,
        **texts,
    )


def _printable(text: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in text)


def _parse_request(payload: bytes) -> IdentityRequest:
    return IdentityRequest(trailing_bytes=len(payload) - _HEAD.size)


_READERS = {
    HEARTBEAT: _parse_heartbeat,
    EVENT: _parse_event,
    IDENTITY: _parse_identity,
    IDENTITY_REQUEST: _parse_request,
}


def frame(payload: bytes) -> bytes:
    """Put a payload (14 bytes and more are read) on the wire: delimiter, COBS of payload and CRC, delimiter.

    Raises ValueError when it is longer than MAX_PAYLOAD bytes.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes does not fit a frame; at most {MAX_PAYLOAD}")
    stuffed: bytes = cobs_encode(payload + _CRC.pack(crc32(payload)))
    return b"\0" + stuffed + b"\0"


def encode(message: Message) -> bytes:
    """The whole frame of a message, delimiters included, as a pen of this protocol version sends it.

    Raises TypeError for an Unknown, ValueError or struct.error when a value does not fit its field.
    """
    return frame(_payload(message))


def _payload(message: Message) -> bytes:
    match message:
        case SampleBlock():
            return _samples_payload(message)
        case Heartbeat():
            return _HEAD.pack(*_head(HEARTBEAT, message, _slow_flags(message))) + _SLOW.pack(*_slow(message))
        case PenEvent():
            return _HEAD.pack(*_head(EVENT, message, 0)) + _EVENT.pack(message.code, message.value)
        case Identity():
            texts = [getattr(message, name).encode("ascii") for name in _TEXTS]
            if not all(len(text) <= MAX_TEXT and _printable(text) for text in texts):
                raise ValueError(f"an identity text is longer than {MAX_TEXT} bytes or not printable")
            return _HEAD.pack(*_head(IDENTITY, message, 0)) + b"".join(bytes([len(text)]) + text for text in texts)
        case IdentityRequest():
            return _HEAD.pack(_VERSION, IDENTITY_REQUEST, 0, 0, 0, 0)
        case _:
            raise TypeError(f"no frame for {type(message).__name__}")


_VERSION = PROTOCOL_MAJOR << 4 | PROTOCOL_MINOR


def _samples_payload(block: SampleBlock) -> bytes:
    if not block.n or not block.period_us or (block.contact_bits or 0) >> block.n:
        raise ValueError(f"no block: n {block.n}, period_us {block.period_us}, contact_bits {block.contact_bits}")
    flags = _slow_flags(block)
    columns: list[int] = []
    for flag, column in ((F_DEPTH, block.depth_um), (F_RAW, block.raw_count), (F_FREQUENCY, block.frequency_dhz)):
        if column is not None:
            flags |= flag
            columns += column
    tail: list[bytes] = []
    if block.contact_bits is not None:
        flags |= F_CONTACT
        tail.append(block.contact_bits.to_bytes((block.n + 7) // 8, "little"))
    head = (*_head(SAMPLES, block, flags), *_slow(block), block.period_us, block.n)
    return _layout(flags, block.n).values.pack(*head, *columns, *tail)


def _head(kind: int, message: SampleBlock | Heartbeat | PenEvent | Identity, flags: int) -> tuple[int, ...]:
    flags |= ("real", "test", "demo").index(message.mode) | (F_MOTOR if message.motor_on else 0)
    return _VERSION, kind, flags, message.boot, message.seq, message.t_us


def _slow_flags(message: SampleBlock | Heartbeat) -> int:
    present = ((F_SET, message.depth_set_um), (F_PASSES, message.passes), (F_STROKES, message.strokes))
    return sum(flag for flag, value in present if value is not None)


def _slow(message: SampleBlock | Heartbeat) -> tuple[int, ...]:
    return message.depth_set_um or 0, message.passes or 0, message.strokes or 0
