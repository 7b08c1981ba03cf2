"""Every sample of a stream as a row, in the order of the evidence: what `sessions readings` prints. Pure.

Frame by frame for whoever writes many rows: what is the same in a frame's rows then stands once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from devicelog.account import Account
from devicelog.attribution import Correction, turns
from devicelog.canonical import Json
from devicelog.records import SERIAL, End, Mark, Record, item_of
from devicelog.sessions import UNASSIGNED
from firmware_bridge.calibration import Calibrator, HostCalibration
from firmware_bridge.decode import Decoder
from firmware_bridge.readings import Heartbeat, Identity, LinkChange, Overflow, PenEvent, SampleBlock, SensorBatch
from firmware_bridge.transports import StreamDecoder

_TOLD = (("numbers", "seq"), ("clock", "pen_t_us"), ("restarts", "boot"))
COLUMNS = (
    "record",
    "arrived_us",
    "zone",
    "boot",
    "seq",
    "pen_t_us",
    "mode",
    "motor_on",
    "depth_set_um",
    "depth_um",
    "raw_count",
    "frequency_dhz",
    "contact",
    "passes",
    "strokes",
    "depth_by",
)


class Placed(NamedTuple):
    """A frame of samples and what its rows have in common; `record`, `arrived_us`, `zone`, `depth_by` as in COLUMNS."""

    block: SampleBlock
    record: int
    arrived_us: int
    zone: str
    depth_by: str | None


def untold_columns(untold: Sequence[str]) -> frozenset[str]:
    """The columns that stay empty for a pen that cannot tell this of itself (`PenProfile.untold`)."""
    return frozenset(column for what, column in _TOLD if what in untold)


def sample_rows(
    records: Iterable[Record],
    pen_serial: str | None = None,
    corrections: Sequence[Correction] = (),
    decoder: StreamDecoder | None = None,
    calibration: HostCalibration | None = None,
    untold: Sequence[str] = (),
) -> Iterator[Json]:
    """One row a sample, with the keys of COLUMNS; None where the pen did not say. Repeated frames stand once.

    `pen_serial` is that of the pen the stream was opened with. `arrived_us` is the host's clock since the stream's
    first record, when the read that completed the frame returned; `pen_t_us` is the pen's 32-bit clock at the sample;
    `passes` and `strokes` are the pen's counters of the frame. `zone` is that of the marks, or of a correction.
    `decoder` is a fresh one for this kind of pen, or for the pins; without it that of docs/protocol.md.
    `depth_by` says whose calibration `depth_um` is by: `pen`, or `host` where it follows from `raw_count`.
    `untold` is what the pen cannot tell of itself (`PenProfile.untold`): those columns stay empty.
    """
    empty: Json = dict.fromkeys(untold_columns(untold))
    for placed in sample_frames(records, pen_serial, corrections, decoder, calibration):
        for row in _rows(placed):
            yield row | empty


def sample_frames(
    records: Iterable[Record],
    pen_serial: str | None = None,
    corrections: Sequence[Correction] = (),
    decoder: StreamDecoder | None = None,
    calibration: HostCalibration | None = None,
) -> Iterator[Placed]:
    """The frames whose samples `sample_rows` tells, as it tells them."""
    decoder = decoder or Decoder()
    account, marked, first_us = Account(), UNASSIGNED, None
    corrected, moved = turns(corrections), None
    calibrator = Calibrator(calibration, pen_serial)
    for record in records:
        first_us = record.t_us if first_us is None else first_us
        moved = corrected.get(record.number, moved)
        item = None if record.kind == SERIAL else item_of(record)
        if record.kind == SERIAL:
            readings = decoder.feed_bytes(record.body, record.t_us)
        elif isinstance(item, LinkChange | Overflow | SensorBatch):
            readings = decoder.feed(item)
        elif isinstance(item, End):
            readings = decoder.finish()
        else:
            readings = []
            if isinstance(item, Mark) and item.kind == "zone":
                marked = item.zone or UNASSIGNED
        for reading in readings:
            if isinstance(reading, SampleBlock):
                if account.step(reading)[0] != "repeat":
                    told = calibrator.block(reading)
                    by = None if told.depth_um is None else "pen" if told is reading else "host"
                    yield Placed(told, record.number, record.t_us - first_us, moved or marked, by)
            elif isinstance(reading, Heartbeat | PenEvent | Identity):
                if isinstance(reading, Identity):
                    calibrator.heard(reading)
                    if pen_serial not in (None, reading.serial):
                        account.another_pen(heard_already=False)
                    pen_serial = reading.serial
                account.step(reading)
        if isinstance(item, LinkChange) and not item.up and item.port is None:  # pins beside a pen change nothing
            calibrator.lost()


def _rows(placed: Placed) -> Iterator[Json]:
    block, record, arrived_us, zone, depth_by = placed
    bits = block.contact_bits
    for i in range(block.n):
        yield {
            "record": record,
            "arrived_us": arrived_us,
            "zone": zone,
            "boot": block.boot,
            "seq": (block.seq + i) % 2**32,
            "pen_t_us": (block.t_us + i * block.period_us) % 2**32,
            "mode": block.mode,
            "motor_on": int(block.motor_on),
            "depth_set_um": block.depth_set_um,
            "depth_um": block.depth_um[i] if block.depth_um else None,
            "raw_count": block.raw_count[i] if block.raw_count else None,
            "frequency_dhz": block.frequency_dhz[i] if block.frequency_dhz else None,
            "contact": None if bits is None else bits >> i & 1,
            "passes": block.passes,
            "strokes": block.strokes,
            "depth_by": depth_by,
        }
