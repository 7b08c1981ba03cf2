"""Decoders side by side: ours up to what derive consumes, and those of common sensor protocols, CPU per sample.

`python -m bench.decoding DIRECTORY ROUNDS`. Which `cobs` ours rests on is a matter of the path it is started with.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import FunctionType

import msgspec
from cobs import cobs
from pymavlink.dialects.v20 import common as mavlink
from pyubx2 import UBXMessage, UBXReader

from bench import nmea
from bench.workload import Row, Workload
from firmware_bridge.decode import Decoder
from firmware_bridge.readings import SampleBlock, SerialChunk

CHUNK_BYTES = 4096
SECONDS = 200
SLOW_SHARE = 10  # the slow peers decode a tenth of it


def ours(samples_per_frame: int, directory: Path) -> Callable[[], int]:
    """The whole public decoder, fed as a file would be."""
    workload = Workload.make(directory, 100, samples_per_frame, SECONDS)
    data = b"".join(workload.slots())
    chunks = [SerialChunk(t_us=0, data=data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES)]

    def run() -> int:
        decoder, n = Decoder(), 0
        for chunk in chunks:
            for reading in decoder.feed(chunk):
                if type(reading) is SampleBlock:
                    n += reading.n
        return n

    return run


def with_pynmea2(samples: list[Row]) -> Callable[[], int]:
    """Parse, and take every field as the number it is."""
    sentences = [nmea.sentence(row) for row in samples]

    def run() -> int:
        return sum(nmea.read(text).contact in (0, 1) for text in sentences)

    return run


def with_pyubx2(samples: list[Row]) -> Callable[[], int]:
    """NAV-CLOCK: five integers, the nearest message there is. Parsing gives them as attributes."""
    frames = [
        UBXMessage("NAV", "NAV-CLOCK", 0, iTOW=row.t_us, clkB=row.depth_um, clkD=row.raw_count, tAcc=row.frequency_dhz,
                   fAcc=row.contact).serialize()
        for row in samples
    ]  # fmt: skip

    def run() -> int:
        return sum(UBXReader.parse(frame).fAcc in (0, 1) for frame in frames)

    return run


def with_pymavlink(samples: list[Row]) -> Callable[[], int]:
    """RAW_IMU: a time and nine 16-bit integers. The parser of the library, fed as ours."""
    sender = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    data = b"".join(
        mavlink.MAVLink_raw_imu_message(
            row.t_us, row.depth_um, row.raw_count, row.frequency_dhz, row.contact, 0, 0, 0, 0, 0, 0, 0
        ).pack(sender)
        for row in samples
    )
    chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]

    def run() -> int:
        receiver = mavlink.MAVLink(None)
        return sum(len(receiver.parse_buffer(chunk) or ()) for chunk in chunks)

    return run


class JsonSample(msgspec.Struct):
    """A sample as a JSON object, for msgspec."""

    seq: int
    t_us: int
    depth_um: int
    raw_count: int
    frequency_dhz: int
    contact: int


def with_msgspec(samples: list[Row]) -> Callable[[], int]:
    """JSON lines into typed objects, a chunk at a time: nothing decodes faster, and nothing is checked."""
    lines = b"".join(msgspec.json.encode(row._asdict()) + b"\n" for row in samples)
    at, chunks = 0, []
    while at < len(lines):
        end = lines.find(b"\n", at + CHUNK_BYTES) + 1 or len(lines)
        chunks.append(lines[at:end])
        at = end
    decoder = msgspec.json.Decoder(JsonSample)

    def run() -> int:
        return sum(len(decoder.decode_lines(chunk)) for chunk in chunks)

    return run


def main(directory: Path, rounds: int) -> dict[str, object]:
    """Nanoseconds of CPU per sample of each, one after the other in each round, medians."""
    samples = list(Workload.make(directory, 100, 2, SECONDS).rows())
    few = samples[: len(samples) // SLOW_SHARE]
    runs = {
        "ours 2": (ours(2, directory), len(samples)),
        "ours 10": (ours(10, directory), len(samples)),
        "pynmea2": (with_pynmea2(samples), len(samples)),
        "pyubx2": (with_pyubx2(few), len(few)),
        "pymavlink": (with_pymavlink(few), len(few)),
        "msgspec": (with_msgspec(samples), len(samples)),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (run, n) in runs.items():
            began_ns = time.process_time_ns()
            if run() != n:
                raise SystemExit(f"{name} did not decode every sample")
            taken[name].append((time.process_time_ns() - began_ns) / n)
    return {
        "cobs": "Python" if isinstance(cobs.decode, FunctionType) else "C",
        "ns": {name: median(values) for name, values in taken.items()},
        "of pynmea2": {
            name: median(a / b for a, b in zip(values, taken["pynmea2"], strict=True)) for name, values in taken.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
