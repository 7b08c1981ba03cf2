"""`replay --to pty`: a recorded session as a pen on a pseudo-terminal, for developers.

What it sends is marked `test` in every frame: a recording played back must not become a second real session. Damaged
bytes are sent as they came, a lost link is lost again; frames of a kind we cannot read are left out.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from devicelog.canonical import Json
from devicelog.recorder.stop import Stop
from devicelog.records import SERIAL, Record, item_of
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode
from firmware_bridge.readings import Fault, Heartbeat, Identity, LinkChange, PenEvent, Reading, SampleBlock, SerialChunk
from firmware_bridge.sides import of_pins
from firmware_bridge.simulator.run import PtyLink

_WAIT_NS = 20_000_000


class Step(NamedTuple):
    """What happens `at_us` after the stream's first record: bytes, or the link going (None) and coming (b"")."""

    at_us: int
    data: bytes | None


def steps_of(records: Iterable[Record]) -> Iterator[Step]:
    """The records of a stream as what a pen did, every frame marked `test`. Pure. Pins beside it are not played."""
    decoder, first_us = Decoder(), None
    for record in records:
        first_us = record.t_us if first_us is None else first_us
        at_us = record.t_us - first_us
        if record.kind == SERIAL:
            readings = decoder.feed(SerialChunk(t_us=record.t_us, data=record.body))
            if data := b"".join(_marked(reading) for reading in readings):
                yield Step(at_us, data)
        elif isinstance(change := item_of(record), LinkChange) and not of_pins(change):
            decoder.feed(change)
            yield Step(at_us, b"" if change.up else None)


def _marked(reading: Reading) -> bytes:
    match reading:
        case Fault():
            return b"\0" + reading.data + b"\0"
        case SampleBlock():
            return encode(reading._replace(mode="test", trailing_bytes=0))
        case Heartbeat() | PenEvent() | Identity():
            return encode(replace(reading, mode="test"))
        case _:
            return b""


def identity_of(pen: Json, records: Iterable[Record]) -> bytes:
    """The identity frame of the pen of a session, marked `test`, as it would be before the stream's first frame."""
    decoder, first = Decoder(), None
    for record in records:
        if record.kind == SERIAL:
            readings = decoder.feed(SerialChunk(t_us=record.t_us, data=record.body))
            first = next((reading for reading in readings if isinstance(reading, SampleBlock | Heartbeat)), None)
        if first is not None:
            break
    boot, seq, t_us = (first.boot, first.seq, first.t_us) if first else (0, 0, 0)
    texts = {key: pen[key] for key in ("model", "serial", "firmware", "calibration_id", "cartridge")}
    versions = {key: pen[key] for key in ("protocol_major", "protocol_minor")}
    return encode(Identity(mode="test", motor_on=False, boot=boot, seq=seq, t_us=t_us, **texts, **versions))


def play(steps: Iterable[Step], link: PtyLink, identity: bytes, *, speed: float, stop: Stop) -> bool:
    """Play from the moment a host asks who is there. Returns whether it came to the end before `stop`."""
    while not stop.event.is_set() and not link.requests():
        link.wait(time.monotonic_ns() + _WAIT_NS)
    link.write(identity)
    began_ns = time.monotonic_ns()
    for step in steps:
        due_ns = began_ns + int(step.at_us * 1000 / speed)
        while not stop.event.is_set() and (now_ns := time.monotonic_ns()) < due_ns:
            link.wait(min(due_ns, now_ns + _WAIT_NS))
            link.requests()  # moves what waits to be sent; the recording says who the pen is every 5 s
        if stop.event.is_set():
            return False
        if step.data is None:
            link.unplug()
        else:
            link.replug()
            link.write(step.data)
    return True
