"""Calibrations for tests: kept in a database without a port; and a pen on a pty that sends the counts it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from devicelog.calibration import GaugeReading, Measured, judge
from devicelog.canonical import Json, canonical
from devicelog.ledger.entries import Actor
from devicelog.pipeline import new_documents
from devicelog.recorder.recovery import software
from devicelog.recorder.stream import OpenStream, close_stream
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.transaction import Transaction
from devicelog.store.writer import Writer
from devicelog.who import identity_document
from firmware_bridge.frames import encode
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Identity, Mode, SampleBlock, SerialChunk
from tests.databases import StillClock, no_stall
from tests.e2e.running import PtyPen, Running

SERIAL = "RAW-1"
PEN = Identity(
    mode="test",
    motor_on=False,
    boot=7,
    seq=0,
    t_us=0,
    protocol_major=1,
    protocol_minor=0,
    model="Pen of raw counts",
    serial=SERIAL,
    firmware="1",
    calibration_id="",
    cartridge="",
)
PRACTITIONER = Actor(id="KM", role="practitioner")
GAUGES = ((0, 200), (1_000, 1_000), (2_000, 1_800))
_PERIOD_US, _N = 10_000, 10


@contextmanager
def writing(data_dir: Path) -> Iterator[Writer]:
    """A writer of this directory, as a recorder has one."""
    prepare_data_dir(data_dir)
    engine, head = open_for_writing(data_dir, stamps=StillClock(), sw=software())
    writer = Writer(data_dir / FILE_NAME, engine, head, stamps=StillClock(), sw=software(), on_stall=no_stall)
    yield writer
    assert writer.close()


def keep_calibration(
    data_dir: Path,
    *,
    serial: str = SERIAL,
    mode: Mode = "test",
    expires: str | None = None,
    adjust: bool = True,
    actor: Actor = PRACTITIONER,
    stream: str = "u-00000000c1",
    **changed: Any,
) -> None:
    """Append a calibration as `pens calibrate` keeps one; `changed`: what its entry says otherwise."""
    pen, profile = replace(PEN, serial=serial, mode=mode), load_profile("reference")
    readings = tuple(GaugeReading(um, raw, raw - 2, raw + 2, 100, 1, 2) for um, raw in GAUGES)
    measured = Measured(serial=serial, column="raw_count" if adjust else "depth_um", readings=readings, spread_most=40)
    judged = judge(
        measured, adjust=adjust, in_force=None, tolerance_um=150, expires=expires if adjust else None, gauge_set=None
    )
    with writing(data_dir) as writer:
        body: Json = {"stream": stream, "mode": "unknown"}
        documents = new_documents(profile, None, None)
        span = OpenStream(
            writer, StillClock(), type_="span.opened", body=body, documents=documents, read_total=0, actor=actor
        )
        data = encode(pen)
        span.take(SerialChunk(t_us=StillClock().us, data=data, read_total=len(data)))
        derived, name = span.end("calibration"), "calibration" if adjust else "check"

        def keep(transaction: Transaction) -> None:
            close_stream(transaction, "span.opened", derived, "calibration")
            body: Json = {
                "span": stream,
                "pen": identity_document(pen),
                "documents": {
                    name: transaction.document(canonical(judged.document)),
                    "profile": transaction.document(canonical(profile.document())),
                },
                "gauge_set": None,
                "tolerance_um": 150,
                "as_found_um": judged.as_found_um,
                "last_good": None,
                "sessions": [],
            }
            if adjust:
                body |= {"as_left_um": judged.as_left_um, "residual_um": judged.residual_um, "expires": expires}
            transaction.entry("pen.calibrated" if adjust else "pen.checked", body | changed, PRACTITIONER)

        writer.do(keep).result(10)


class RawPen(PtyPen):
    """A pen that sends raw counts and no depth, when it is told to."""

    def __init__(self, link: Path, **said: str) -> None:
        super().__init__(link)
        self.identity = self.identity_of(**said)
        self.seq = 0

    @staticmethod
    def identity_of(serial: str = SERIAL) -> bytes:
        """The frame in which a pen says who it is."""
        return encode(replace(PEN, serial=serial))

    def counts(self, *counts: int | None, depth_um: int | None = None) -> None:
        """A tenth of a second of samples at each of these counts."""
        frames = []
        for count in counts:
            block = SampleBlock(
                *("test", True, 7, self.seq, self.seq * _PERIOD_US % 2**32, 400, 10, 5_000, _PERIOD_US, _N),
                None if depth_um is None else (depth_um,) * _N,
                None if count is None else (count,) * _N,
                None,
                2**_N - 1,
            )
            self.seq += _N
            frames.append(encode(block))
        self.send(*frames)

    def answer(self, command: Running) -> None:
        """Wait to be asked and say who this is."""
        command.wait_until(self.asked, "the identity request")
        self.send(self.identity)
