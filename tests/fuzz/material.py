"""What the fuzz targets are fed with: bytes read as a script of what happens, and the seeds they grow from.

A `Tape` turns any bytes into choices, so that an engine which only knows bytes can build frames, marks and losses. The
seeds are the vectors of the documentation pages, the golden evidence and the documents that are shipped.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Literal, TypeVar

from devicelog.canonical import canonical
from devicelog.clinical.data import list_plans, load_zones
from devicelog.clinical.plan import zones_document
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.pin import BAG_NAMESPACE, Pin
from devicelog.ledger.sshsig import armoured
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.records import SERIAL, Body, Clock, End, Mark, MarkKind, Record, Stall, record_of
from devicelog.validate import rules_document
from firmware_bridge.frames import MAX_TEXT, encode
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import (
    AdcSample,
    Edge,
    Heartbeat,
    Identity,
    IdentityRequest,
    LinkChange,
    Message,
    Mode,
    Overflow,
    PenEvent,
    SampleBlock,
    SensorBatch,
)
from firmware_bridge.simulator import load_scenario, scenario_names
from tests.barcodes.codes import ITEM, gs1, hibc
from tests.examples import EXAMPLES, capture_of, profile_of
from tests.make_golden import SCENARIOS, read_records
from tests.pages import vectors

T = TypeVar("T")

_MODES: tuple[Mode, ...] = ("real", "test", "demo")
_MARKS: tuple[MarkKind, ...] = ("zone", "pass", "pause", "resume", "note")
_ZONES = ("forehead", "cheek.left", "unassigned", "", "é")
_CONFIDENCES: tuple[Literal["synced", "rtc", "restored", "unknown"], ...] = ("synced", "rtc", "restored", "unknown")
# Steps of a stamp or of the pen's clock. The last three are longer than any limit, as long as one chunk can hold, back.
_STEPS_US = (0, 1, 9_999, 10_000, 20_000, 100_000, 250_001, 1_000_000, 3_000_000, 2**31 - 1, -20, -5_000_000)
_LEAPS = (0, 0, 0, 1, 10, 4_095, 4_096, 4_097, 2**31 - 1, 2**31, 2**32 - 1)  # of a sample number or a counter


class Tape:
    """Reads choices from bytes, zeros after their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """Whether there are bytes left."""
        return self._at < len(self._data)

    def take(self, n: int) -> bytes:
        """The next bytes, fewer at the end."""
        part = self._data[self._at : self._at + n]
        self._at += n
        return part

    def number(self, n: int) -> int:
        """An unsigned integer of n bytes."""
        return int.from_bytes(self.take(n), "little")

    def choose(self, among: tuple[T, ...]) -> T:
        """One of these."""
        return among[self.number(1) % len(among)]


# --- frames -----------------------------------------------------------------------------------------------------------


class TapePen:
    """A pen that counts on as a pen does, unless the tape says otherwise."""

    def __init__(self) -> None:
        self.boot, self.seq, self.t_us, self.passes, self.strokes = 1, 0, 0, 0, 0

    def message(self, tape: Tape) -> Message:
        """The next message: any of its kinds, any values of its fields."""
        choice = tape.number(1)
        if choice & 0x80:
            self._leap(tape)
        head = {
            "mode": _MODES[(choice >> 4) % 3],
            "motor_on": bool(choice & 0x40),
            "boot": self.boot,
            "seq": self.seq,
            "t_us": self.t_us,
        }
        kind = choice & 7
        if kind < 4:
            return self._samples(tape, head)
        if kind == 4:
            return Heartbeat(**head, **self._slow(tape))
        if kind == 5:
            return PenEvent(**head, code=tape.number(1), value=tape.number(4))
        if kind == 6:
            names = ("model", "serial", "firmware", "calibration_id", "cartridge")
            texts = {name: self._text(tape.take(tape.number(1) % (MAX_TEXT + 1))) for name in names}
            return Identity(**head, protocol_major=1, protocol_minor=0, **texts)
        return IdentityRequest()

    def _samples(self, tape: Tape, head: dict[str, object]) -> SampleBlock:
        columns, n = tape.number(1), tape.number(1) % 24 + 1
        period_us = max(1, tape.number(2)) if columns & 0x80 else 10_000
        depth = tuple(tape.number(2) - 2**15 for _ in range(n)) if columns & 1 else None
        block = SampleBlock(
            **head,
            **self._slow(tape),
            period_us=period_us,
            n=n,
            depth_um=depth,
            raw_count=tuple(tape.number(1) for _ in range(n)) if columns & 2 else None,
            frequency_dhz=tuple(tape.number(2) for _ in range(n)) if columns & 4 else None,
            contact_bits=tape.number(3) & (2**n - 1) if columns & 8 else None,
        )
        self.seq = (self.seq + n) % 2**32
        self.t_us = (self.t_us + n * period_us) % 2**32
        return block

    def _slow(self, tape: Tape) -> dict[str, int | None]:
        present = tape.number(1)
        return {
            "depth_set_um": tape.number(2) if present & 1 else None,
            "passes": self.passes if present & 2 else None,
            "strokes": self.strokes if present & 4 else None,
        }

    def _leap(self, tape: Tape) -> None:
        name = tape.choose(("seq", "t_us", "passes", "strokes", "boot"))
        size = 2**16 if name == "boot" else 2**32
        setattr(self, name, (getattr(self, name) + tape.choose(_LEAPS)) % size)

    @staticmethod
    def _text(data: bytes) -> str:
        return "".join(chr(0x20 + byte % 0x5F) for byte in data)


# --- records ----------------------------------------------------------------------------------------------------------

_RAW, _FRAME, _LINK, _OVERFLOW, _CLOCK, _MARK, _STALL, _TICK, _LATER, _END, _SENSORS = range(11)
_OPERATIONS = (
    *(_RAW, _FRAME, _FRAME, _FRAME, _LINK, _OVERFLOW, _CLOCK, _MARK, _MARK, _STALL, _TICK, _LATER, _END),
    _SENSORS,
)


Item = LinkChange | Overflow | Body | None


def records_of(tape: Tape) -> list[Record]:
    """A stream of well-typed records. Stamps and counts stay below 2^48, so that their sums are integers of 53 bits."""
    pen, t_us, records = TapePen(), 2**40, list[Record]()
    while tape.more and len(records) < 400:
        operation = tape.choose(_OPERATIONS)
        t_us += tape.choose(_STEPS_US)
        if operation == _RAW:
            records.append(Record(len(records), t_us, SERIAL, tape.take(tape.number(1))))
        elif operation == _FRAME:
            records.append(Record(len(records), t_us, SERIAL, encode(pen.message(tape))))
        elif operation == _LATER:
            records.append(Record(len(records), t_us, 10 + tape.number(1) % 200, tape.take(tape.number(1))))
        elif operation == _SENSORS:
            records.append(record_of(len(records), t_us, _sensors(tape, t_us)))
        else:
            records.append(record_of(len(records), t_us, _ITEMS[operation](tape)))
    return records


def _sensors(tape: Tape, t_us: int) -> SensorBatch:
    """What the pins did in one stretch before this stamp: any lines, levels, channels and values."""
    watched_us = tape.number(3)
    since_us, stamps = t_us - watched_us, [tape.number(3) % (watched_us + 1) for _ in range(tape.number(1) % 24)]
    levels, n_adc = tape.number(2), tape.number(1) % 8
    return SensorBatch(
        t_us=t_us,
        watched_us=watched_us,
        levels=levels,
        edges=tuple(
            Edge(line=(one := tape.number(1)) % 7, level=bool(one >> 7), t_us=since_us + at_us)
            for at_us in sorted(stamps)
        ),
        adc=tuple(
            AdcSample(channel=tape.number(1) % 8, value=tape.number(2) % 1024, t_us=since_us + n)
            for n in range(min(n_adc, watched_us + 1))
        ),
        dropped=tape.number(1) if levels & 0x8000 else 0,
    )


def _mark(tape: Tape) -> Mark:
    kind = tape.choose(_MARKS)
    return Mark(kind=kind, actor="p-07", zone=tape.choose(_ZONES) if kind == "zone" else None)


_ITEMS: dict[int, Callable[[Tape], Item]] = {
    _LINK: lambda tape: LinkChange(t_us=0, up=bool(tape.number(1) & 1), cause="reopened"),
    _OVERFLOW: lambda tape: Overflow(t_us=0, dropped_bytes=tape.number(4), dropped_chunks=1, since_us=tape.number(5)),
    _CLOCK: lambda tape: Clock(boot="b", wall_us=tape.number(6), confidence=tape.choose(_CONFIDENCES)),
    _MARK: _mark,
    _STALL: lambda tape: Stall(since_us=tape.number(5), for_us=tape.number(5)),
    _TICK: lambda _: None,
    _END: lambda tape: End(cause="operator", bytes_read=tape.number(4)),
}


def tape_of(records: tuple[Record, ...]) -> bytes:
    """A tape that plays the serial bytes of these records, in pieces of what one operation takes."""
    tape, raw = bytearray(), _OPERATIONS.index(_RAW)
    for record in records:
        for at in range(0, len(record.body) if record.kind == SERIAL else 0, 255):
            piece = record.body[at : at + 255]
            tape += bytes([raw, _STEPS_US.index(20_000), len(piece)]) + piece
    return bytes(tape)


# --- seeds ------------------------------------------------------------------------------------------------------------


def _bytes_of(page: str, *fences: str) -> list[bytes]:
    return [vector.data for fence in fences for vector in vectors(page, fence)]


@cache
def frames() -> list[bytes]:
    """Every frame and every stream on the wire's page."""
    return _bytes_of("protocol.md", "vectors", "forward", "damaged", "streams")


@cache
def bodies() -> list[bytes]:
    """Kind and body of every record on the record's page."""
    kinds = {"link": 2, "overflow": 3, "clock": 4, "tick": 5, "mark": 6, "stall": 7, "end": 8, "sensors": 9}
    listed = [vector for fence in ("records", "records-refused") for vector in vectors("record.md", fence)]
    return [bytes([kinds.get(vector.expected["kind"], 1)]) + vector.data for vector in listed]


@cache
def chunks() -> list[bytes]:
    """Every chunk on the record's page, the damaged ones too."""
    return _bytes_of("record.md", "chunks", "chunks-refused")


@cache
def canonicals() -> list[bytes]:
    """Every canonical value on the record's page, and every one that is refused."""
    return _bytes_of("record.md", "canonical", "canonical-refused")


@cache
def entries() -> list[bytes]:
    """The ledger on the record's page."""
    return [canonical(vector.expected) for vector in vectors("record.md", "entries")]


def evidence_texts() -> list[bytes]:
    """One of each text that an auditor is given, behind the number by which the target knows it."""
    log = "devicelog/0123456789abcdef0123456789abcdef"
    key, public = VerifierKey(name=log, algorithm=ED25519, public=bytes(32)), bytes(range(32))
    text = Checkpoint(origin=log, size=3, root=public).body()
    note = SignedNote(text=text, signatures=(log_signature(key, bytes(64)),)).data()
    return [
        b"\0" + note,
        b"\1" + TlogProof(index=1, hashes=(public, public), checkpoint=note).data(),
        b"\2" + key.text().encode(),
        b"\3" + Pin(log=log, first=public, checkpoints=key, bags=public).text().encode(),
        b"\4" + armoured(public, bytes(64), BAG_NAMESPACE),
        b"\5" + note,
    ]


@cache
def tapes() -> list[bytes]:
    """The golden sessions' serial bytes, the beginning of each."""
    return [tape_of(read_records(scenario)[:80]) for scenario in SCENARIOS]


def plans() -> list[bytes]:
    """The plans that are shipped."""
    return [json.dumps(plan.document()).encode() for plan in list_plans()]


def scans() -> list[bytes]:
    """Codes of both kinds, with and without their separators."""
    fields = (("01", ITEM), ("17", "290600"), ("10", "A1B2C3"), ("21", "000777"))
    texts = [gs1(*fields), gs1(*fields, separator=""), gs1(*fields[::-1], identifier="]Q3")]
    texts += [hibc(f"H124PEN361/{rest}") for rest in ("$$3290630LOT/SX7/14D20290630", "$$8240629LOT", "29181LOT")]
    return [text.encode() for text in texts]


def zones() -> list[bytes]:
    """The zones that are shipped, and a map of the first three."""
    whole = zones_document(load_zones())
    return [json.dumps(value).encode() for value in (whole, whole | {"zones": whole["zones"][:3]})]


def profiles() -> list[bytes]:
    """The profile that is shipped."""
    return [json.dumps(load_profile("reference").document()).encode()]


def lines() -> list[bytes]:
    """The examples of pens that send text, each with its capture."""
    return [
        json.dumps(profile_of(name).document()).encode() + b"\xff\xff" + capture_of(name).read_bytes()
        for name in EXAMPLES
    ]


def scenarios() -> list[bytes]:
    """Those that come with the simulator."""
    return [str(load_scenario(name)).encode() for name in scenario_names()]


def rules() -> list[bytes]:
    """The rules of today."""
    return [json.dumps(rules_document()).encode()]
