"""What a pen can tell us: raw input as it arrived, and the readings it decodes to. Values only, no behaviour.

Units stand in the names: `_um` micrometres, `_us` microseconds, `_dhz` tenths of a hertz. All numbers are integers.
`t_us` of a raw input is the host's monotonic clock when the read returned; `t_us` of a reading is the pen's own
32-bit clock. Neither says anything about depth reached in tissue.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Mode = Literal["real", "test", "demo"]
FaultKind = Literal["head", "tail", "cobs", "crc", "malformed", "oversize", "shape", "value", "checksum"]


# --- raw input: what arrived ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialChunk:
    """The bytes one read returned. `read_total` counts every byte read from the port so far, dropped ones included."""

    t_us: int
    data: bytes
    read_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    """The port came up or went down; `cause` is one of `sources.link.CAUSES`. `port` is None for the serial one."""

    t_us: int
    up: bool
    cause: str
    port: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflow:
    """Input that was read and could not be kept, because the queue was full. Never silent."""

    t_us: int
    dropped_bytes: int
    dropped_chunks: int
    since_us: int


# What one SensorBatch may hold, so that a record can keep it: two full ones fit a record's body.
MAX_EDGES, MAX_ADC = 8_000, 3_000
MAX_US = 2**32 - 1  # the longest watching, the oldest edge, and the most that can be counted as dropped


class Edge(NamedTuple):
    """A digital line changed to `level` (True: high). `line` is its place in `wiring.LINES`, `t_us` the pin's tick."""

    line: int
    level: bool
    t_us: int


class AdcSample(NamedTuple):
    """One conversion, 0 to 1023 of an MCP3008, stamped when it was asked for."""

    channel: int
    value: int
    t_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorBatch:
    """What the pins did in one stretch of watching, `watched_us` long, that ended at `t_us`; often nothing.

    Edges are all there were, bounce included, in the order in which they were told. Bit i of `levels` is the level of
    line i as it was read at `t_us`, so that an edge nobody told of shows. `dropped` were told and could not be kept.
    A batch whose stretch does not begin where the one before ended, began watching anew.
    """

    t_us: int
    watched_us: int
    levels: int
    edges: tuple[Edge, ...] = ()
    adc: tuple[AdcSample, ...] = ()
    dropped: int = 0


RawInput = SerialChunk | LinkChange | Overflow | SensorBatch


# --- readings: what it means ------------------------------------------------------------------------------------------


class SampleBlock(NamedTuple):
    """One sample frame. A NamedTuple and not a dataclass because a pen sends fifty a second and replay reads them all.

    `seq` numbers the first sample; sample i was taken `i * period_us` after `t_us`. A column is None when the pen
    does not have it. Bit i of `contact_bits` is the skin contact of sample i.
    """

    mode: Mode
    motor_on: bool
    boot: int
    seq: int
    t_us: int
    depth_set_um: int | None
    passes: int | None
    strokes: int | None
    period_us: int
    n: int
    depth_um: tuple[int, ...] | None
    raw_count: tuple[int, ...] | None
    frequency_dhz: tuple[int, ...] | None
    contact_bits: int | None
    trailing_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The pen is there and idle. `seq` is the number its next sample will have."""

    mode: Mode
    motor_on: bool
    boot: int
    seq: int
    t_us: int
    depth_set_um: int | None
    passes: int | None
    strokes: int | None
    trailing_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PenEvent:
    """Something happened in the pen; `code` from `frames.EVENTS`, `value` as that table says."""

    mode: Mode
    motor_on: bool
    boot: int
    seq: int
    t_us: int
    code: int
    value: int
    trailing_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the pen says it is. An empty string means that the pen did not say. Protocol 0: nothing of it was sent; the
    profile says it of a pen that cannot."""

    mode: Mode
    motor_on: bool
    boot: int
    seq: int
    t_us: int
    protocol_major: int
    protocol_minor: int
    model: str
    serial: str
    firmware: str
    calibration_id: str
    cartridge: str
    trailing_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRequest:
    """The host's one message: please send your identity now."""

    trailing_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A sound frame we cannot read: a message kind we do not know, or a newer major version. Kept and counted."""

    major: int
    kind: int
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Bytes that are no frame, or no line. `offset` counts the serial bytes of the stream before them. `why` is for a
    person, where the kind does not say it all: which field of a line, and what stands there."""

    kind: FaultKind
    offset: int
    data: bytes
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """What a foot said with the pedal, at `t_us` of the host's clock. An input of a person, not of the pen."""

    kind: Literal["short", "double", "long", "stuck"]
    t_us: int


Message = SampleBlock | Heartbeat | PenEvent | Identity | IdentityRequest | Unknown
Reading = Message | Fault | Gesture
