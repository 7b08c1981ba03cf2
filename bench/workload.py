"""The stream that is measured: what the simulated pen sends, laid down in a file before anything is timed.

The same samples for everybody: our frames as they stand, the peers' formats made from the samples in them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from firmware_bridge.decode import Decoder
from firmware_bridge.readings import SampleBlock, SerialChunk
from firmware_bridge.simulator import script_for
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.sources.serial_port import POLL_S

SLOT_US = round(POLL_S * 1_000_000)  # what the pen sent in the time between two reads of the port
SEED = 1
_LENGTH = struct.Struct("<I")
_READ_BYTES = 1 << 16


class Row(NamedTuple):
    """A sample as a peer sends or keeps it. What changes slowly it would send apart, so that costs it nothing here."""

    seq: int
    t_us: int
    depth_um: int
    raw_count: int
    frequency_dhz: int
    contact: int


@dataclass(frozen=True, slots=True)
class Workload:
    """A file of slots: what one read of the port gives, its length before it."""

    path: Path
    sample_hz: int
    samples_per_frame: int
    seconds: int

    @classmethod
    def make(cls, directory: Path, sample_hz: int, samples_per_frame: int, seconds: int) -> Self:
        """Lay down a session of the scenario `clean`, if that was not done."""
        path = directory / f"{sample_hz}hz-{samples_per_frame}-{seconds}s.slots"
        made = cls(path, sample_hz, samples_per_frame, seconds)
        if not path.exists():
            script = script_for("clean", seconds, SEED)
            pen = Pen(script, SEED, sample_hz=sample_hz, samples_per_frame=samples_per_frame)
            pen.start()
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                for t_us in range(SLOT_US, seconds * 1_000_000 + SLOT_US, SLOT_US):
                    data = pen.advance_to(t_us)
                    file.write(_LENGTH.pack(len(data)) + data)
            fresh.rename(path)
        return made

    @property
    def samples(self) -> int:
        """How many samples the pen took."""
        return self.seconds * self.sample_hz

    def slots(self) -> Iterator[bytes]:
        """What each read gives, in order; never more than a little of the file in memory."""
        with self.path.open("rb", buffering=_READ_BYTES) as file:
            while head := file.read(_LENGTH.size):
                yield file.read(_LENGTH.unpack(head)[0])

    def blocks(self) -> Iterator[SampleBlock]:
        """The sample frames, decoded."""
        decoder = Decoder()
        for data in self.slots():
            for reading in decoder.feed(SerialChunk(t_us=0, data=data)):
                if isinstance(reading, SampleBlock):
                    yield reading

    def rows(self) -> Iterator[Row]:
        """The samples, one by one."""
        for block in self.blocks():
            for i in range(block.n):
                yield Row(
                    block.seq + i,
                    (block.t_us + i * block.period_us) % 2**32,
                    block.depth_um[i],
                    block.raw_count[i],
                    block.frequency_dhz[i],
                    block.contact_bits >> i & 1,
                )
