"""Evidence records and the chunks they are kept in, byte for byte, as docs/record.md describes them.

A stream is one session or one unattributed span. Its records are numbered from 0 in the order in which the one
consumer took them; a chunk holds the records of one flush. Not responsible for what a record means.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from operator import sub
from types import NoneType
from typing import Any, Literal, NamedTuple, Self, get_args, get_origin

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.sensor_bytes import batch_of, body_of
from firmware_bridge.readings import LinkChange, Overflow, RawInput, SensorBatch, SerialChunk

SERIAL, LINK, OVERFLOW, CLOCK, TICK, MARK, STALL, END, SENSORS = range(1, 10)
KIND_NAMES = {
    SERIAL: "serial",
    LINK: "link",
    OVERFLOW: "overflow",
    CLOCK: "clock",
    TICK: "tick",
    MARK: "mark",
    STALL: "stall",
    END: "end",
    SENSORS: "sensors",
}

MAX_BODY = 0xFFFF
STREAM_ID_BYTES = 12

_MAGIC = b"DVLC"
_VERSION = 1
_HEAD = struct.Struct(f"<4sB{STREAM_ID_BYTES}sQIQ")  # magic, version, stream, first record, records, first stamp
MAX_DELTA_US = 2**31 - 1  # -2**31 would fit the column too; no writer makes it and no reader takes it

MarkKind = Literal["zone", "pass", "pause", "resume", "note", "endpoint", "override", "cartridge", "operator", "plan"]
Identity = Literal["serial", "lot only"]  # by what one cartridge is told from another
Grade = Literal["none", "red", "pinpoint", "continuous"]  # what the skin shows: red without blood, points of blood ...

# What a mark says besides who made it, by its kind: what must stand, what may.
MARK_FIELDS: dict[MarkKind, tuple[frozenset[str], frozenset[str]]] = {
    "zone": (frozenset(), frozenset({"zone"})),
    "pass": (frozenset(), frozenset()),
    "pause": (frozenset(), frozenset()),
    "resume": (frozenset(), frozenset()),
    "note": (frozenset(), frozenset({"note_sha256"})),
    "endpoint": (frozenset({"zone", "grade"}), frozenset()),
    "override": (frozenset({"rule", "note_sha256"}), frozenset({"zone"})),
    "cartridge": (
        frozenset({"cartridge"}),
        frozenset({"identity", "lot", "expires", "serial", "used_before", "overridden"}),
    ),
    "operator": (frozenset({"practitioner"}), frozenset()),
    "plan": (frozenset({"zone", "depth_min_um", "depth_max_um"}), frozenset({"passes_min", "passes_max"})),
}


class Record(NamedTuple):
    """One numbered piece of evidence. `t_us` is the host's monotonic clock when it arrived.

    A NamedTuple and not a dataclass because fifty a second arrive and replay reads them all.
    """

    number: int
    t_us: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What the wall clock said, and how far it can be believed. First record of a stream, and again after a step."""

    boot: str
    wall_us: int
    confidence: Literal["synced", "rtc", "restored", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An operator's input. Which fields go with which kind stands in MARK_FIELDS; the others are None.

    `zone`: the zone from here on (kind `zone`; None: none), or the zone that the mark is about; an override without
    one holds everywhere. `note_sha256`: a salted commitment to the text of a note or the reason of an override. `plan`
    replaces the planned depths, and the numbers of passes it has, from here on. A cartridge that was fitted at the
    desk has its `identity` and what is known of it; `serial`: whether it has one; one that nobody fitted has none.

    Raises ValueError when a field does not fit the kind, or a range has its ends the wrong way round.
    """

    kind: MarkKind
    actor: str
    zone: str | None = None
    note_sha256: str | None = None
    grade: Grade | None = None
    rule: str | None = None
    cartridge: str | None = None
    identity: Identity | None = None
    lot: str | None = None
    expires: str | None = None
    serial: bool | None = None
    used_before: int | None = None
    overridden: bool | None = None
    practitioner: str | None = None
    depth_min_um: int | None = None
    depth_max_um: int | None = None
    passes_min: int | None = None
    passes_max: int | None = None

    def __post_init__(self) -> None:
        given = {name for name in self.__slots__ if getattr(self, name) is not None} - {"kind", "actor"}
        must, may = MARK_FIELDS[self.kind]
        if missing := must - given:
            raise ValueError(f"a mark of kind {self.kind} without {', '.join(sorted(missing))}")
        if extra := given - must - may:
            raise ValueError(f"a mark of kind {self.kind} with {', '.join(sorted(extra))}")
        for low, high in ((self.depth_min_um, self.depth_max_um), (self.passes_min, self.passes_max)):
            if (low is not None and low < 0) or (high is not None and high < (low or 0)):
                raise ValueError(f"a mark of kind {self.kind} from {low} to {high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """The writer could not bring records to disk for a while. Shown while it lasts; this record tells it after."""

    since_us: int
    for_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a stream ended, and what the reader itself counted. A stream without one was interrupted."""

    cause: str
    bytes_read: int


Body = Clock | Mark | Stall | End

_JSON_KINDS: dict[int, type[Any]] = {
    LINK: LinkChange,
    OVERFLOW: Overflow,
    CLOCK: Clock,
    MARK: Mark,
    STALL: Stall,
    END: End,
}
_KIND_OF = {cls: kind for kind, cls in _JSON_KINDS.items()}


def record_of(number: int, t_us: int, item: RawInput | Body | None) -> Record:
    """The record that keeps this item; None is a tick. Raises ValueError when the body is longer than MAX_BODY."""
    if item is None:
        return Record(number, t_us, TICK, b"")
    if isinstance(item, SerialChunk):
        kind, body = SERIAL, item.data
    elif isinstance(item, SensorBatch):
        kind, body = SENSORS, body_of(item)
    else:
        kind = _KIND_OF[type(item)]
        fields = {name: getattr(item, name) for name in item.__slots__ if name != "t_us"}
        body = canonical({name: value for name, value in fields.items() if value is not None})
    if len(body) > MAX_BODY:
        raise ValueError(f"a {KIND_NAMES[kind]} record of {len(body)} bytes; at most {MAX_BODY}")
    return Record(number, t_us, kind, body)


def item_of(record: Record) -> RawInput | Body | None:
    """What a record keeps, as it was given to `record_of`; None for a tick and for a kind from a later version.

    Raises ValueError when the body is not what its kind demands.
    """
    if record.kind == SERIAL:
        return SerialChunk(t_us=record.t_us, data=record.body)
    if record.kind == SENSORS:
        return batch_of(record.t_us, record.body)
    if record.kind == TICK and record.body:
        raise ValueError(f"record {record.number}: a tick with a body")
    cls = _JSON_KINDS.get(record.kind)
    if cls is None:
        return None
    fields = parse_canonical(record.body)
    if "t_us" in fields:
        raise ValueError(f"record {record.number}: {KIND_NAMES[record.kind]} body: a stamp of its own")
    if "t_us" in cls.__slots__:
        fields["t_us"] = record.t_us
    try:
        item: RawInput | Body = _typed(cls, fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"record {record.number}: {KIND_NAMES[record.kind]} body: {error}") from error
    return item


def _typed(cls: type[Any], fields: Json) -> Any:
    for name, value in fields.items():
        choices, wanted = _choices(cls.__annotations__.get(name, int))
        if value not in choices if choices else type(value) is not wanted:
            raise TypeError(f"{name} is {value!r}")
    return cls(**fields)


def _choices(annotation: Any) -> tuple[tuple[object, ...], object]:
    """The words a field may be, none where it is not of a few words, and its type. A null never stands in a body."""
    given = (annotation,) if get_origin(annotation) in (None, Literal) else get_args(annotation)
    (annotation,) = [each for each in given if each is not NoneType]
    return (get_args(annotation), str) if get_origin(annotation) is Literal else ((), annotation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The records of one flush. `data` is what is hashed; its leaf in the stream's tree is over exactly these bytes."""

    stream: str
    records: tuple[Record, ...]
    data: bytes

    @classmethod
    def of(cls, stream: str, records: Sequence[Record]) -> Self:
        """Pack consecutively numbered records. Raises ValueError when there are none or they do not follow."""
        if len(stream) != STREAM_ID_BYTES:
            raise ValueError(f"stream {stream!r}: an id has {STREAM_ID_BYTES} characters")
        if not records:
            raise ValueError("a chunk holds consecutively numbered records, one at least, and got none")
        numbers, stamps, kinds, bodies = zip(*records, strict=True)
        n, first = len(records), numbers[0]
        if numbers != tuple(range(first, first + n)):
            raise ValueError(f"a chunk holds consecutively numbered records; these begin with {numbers[:3]}")
        deltas = (0, *map(sub, stamps[1:], stamps))
        if max(deltas) > MAX_DELTA_US or min(deltas) < -MAX_DELTA_US:
            raise ValueError("two records of one chunk are more than 35 minutes apart")
        data = b"".join(
            (
                _HEAD.pack(_MAGIC, _VERSION, stream.encode("ascii"), first, n, stamps[0]),
                bytes(kinds),
                struct.pack(f"<{n}i", *deltas),
                struct.pack(f"<{n}H", *map(len, bodies)),
                *bodies,
            )
        )
        return cls(stream=stream, records=tuple(records), data=data)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a chunk. Raises ValueError when these are not exactly the bytes of one."""
        if len(data) < _HEAD.size:
            raise ValueError("shorter than a chunk's head")
        magic, version, stream, first, n, t_us = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise ValueError(f"not a chunk of version {_VERSION}: it begins with {data[:5]!r}")
        at = _HEAD.size
        if not n or len(data) < at + 7 * n:
            raise ValueError(f"{n} records do not fit {len(data)} bytes")
        kinds = data[at : at + n]
        deltas = struct.unpack_from(f"<{n}i", data, at + n)
        lengths = struct.unpack_from(f"<{n}H", data, at + 5 * n)
        if deltas[0] or min(deltas) < -MAX_DELTA_US:
            raise ValueError("a stamp that no writer makes")
        at += 7 * n
        if len(data) != at + sum(lengths):
            raise ValueError(f"{len(data)} bytes where the columns say {at + sum(lengths)}")
        records, new = [], tuple.__new__  # Record(...) takes twice as long, and replay makes every record anew
        for number, kind, delta, length in zip(range(first, first + n), kinds, deltas, lengths, strict=True):
            t_us += delta
            records.append(new(Record, (number, t_us, kind, data[at : at + length])))
            at += length
        return cls(stream=stream.decode("ascii"), records=tuple(records), data=data)
