"""Streams for tests, a line a thing that happens: a pen's frames, an operator's marks, links, losses, the end.

Every figure is fixed here and nothing is read from a shipped plan or profile, so that a test can be counted by hand.
Both clocks run together: a frame arrives the moment its last sample has ended.
"""

from dataclasses import replace
from typing import Any, cast

from devicelog.canonical import Json, parse_canonical
from devicelog.clinical.plan import Plan, PlanZone
from devicelog.pipeline import Opening, Pipeline
from devicelog.records import Body, Clock, End, Mark, MarkKind, Record, record_of
from devicelog.validate import rules_document
from firmware_bridge.frames import encode
from firmware_bridge.profile import MEASURES, PenProfile
from firmware_bridge.readings import (
    Heartbeat,
    Identity,
    LinkChange,
    Message,
    Mode,
    Overflow,
    PenEvent,
    RawInput,
    SampleBlock,
    SerialChunk,
)

# Rules of what a clinic and its limits name: the sessions of these builders name neither, and the rules say so.
OF_THE_CLINIC = frozenset(
    {
        *("depth.over_recommended", "depth.over_hard_max", "depth.threshold", "depth.over_authority", "zone.forbidden"),
        *(
            "endpoint.continuous",
            "endpoint.missing",
            "interval.short",
            "interval.plan",
            "client.checks",
            "consent.missing",
        ),
        *("cartridge.missing", "cartridge.expired", "cartridge.reused", "topical.ascorbic", "topical.no_lot"),
        "label.pigment",
    }
)

PERIOD_US = 10_000  # 100 samples a second
HOST_US = 50_000_000  # stamp of a stream's first record
STREAM = "s-0000000001"
SERIAL = "A0042"

PROFILE = PenProfile(
    name="bench",
    label="A pen for tests",
    baud=115_200,
    dtr=False,
    rts=False,
    request_identity=True,
    depth_max_um=2_500,
    depth_max_source="test",
    depth_tolerance_um=150,
    depth_tolerance_source="test",
    silence_limit_us=2_500_000,
)


def pen_document(serial: str = SERIAL, mode: Mode = "real") -> Json:
    """Who the pen is, as an opening entry keeps it."""
    return {
        "model": "Bench",
        "serial": serial,
        "firmware": "1.0",
        "calibration_id": "cal-1",
        "cartridge": "",
        "mode": mode,
        "protocol_major": 1,
        "protocol_minor": 0,
    }


def plan_of(**limits_um: int) -> Plan:
    """A plan of these zones with these greatest depths; `cheek_left` stands for `cheek.left`."""
    return plan_with(*(planned(name.replace("_", "."), limit_um) for name, limit_um in limits_um.items()))


def planned(
    zone: str, most_um: int, *, least_um: int = 0, passes_min: int | None = None, passes_max: int | None = None
) -> PlanZone:
    """One zone of a plan."""
    return PlanZone(
        zone=zone,
        depth_min_um=least_um,
        depth_max_um=most_um,
        source="test",
        evidence="D",
        sourced=False,
        passes_min=passes_min,
        passes_max=passes_max,
    )


def plan_with(*zones: PlanZone) -> Plan:
    """A plan of these zones."""
    return Plan(id="bench", label="A plan for tests", indication="test", zones=zones)


def profile_without(*measures: str) -> PenProfile:
    """PROFILE of a kind of pen that does not send these."""
    return replace(PROFILE, measures=tuple(name for name in MEASURES if name not in measures))


PEN = pen_document()
PLAN = plan_of(forehead=400, cheek_left=1_000)
CLOCK = Clock(boot="host-boot", wall_us=1_900_000_000_000_000, confidence="synced")  # 2030-03-17


def limits_of(*zones: tuple[str, int | None, int | None, int | None], threshold_um: int = 1_500) -> Json:
    """A limits document of these: zone, smallest and greatest recommended depth, hard maximum."""
    sourced = {"site": "test", "source": "test", "evidence": "D", "sourced": True, "fallback": None}
    hard = {"hard_max_source": "test", "hard_max_basis": "study", "hard_max_evidence": "D"}
    return {
        "schema": "devicelog.limits/1",
        "version": 1,
        "overlay": None,
        "indication": "test",
        "modality": "mechanical",
        "device": None,
        "threshold": {"depth_um": threshold_um, "source": "test", "evidence": "D"},
        "zones": [
            {"zone": zone, "min_um": low, "max_um": high, "hard_max_um": most, **sourced, **hard}
            | {"forbidden": False, "from": "shipped"}
            for zone, low, high, most in zones
        ],
    }


def opening_of(*, plan: Plan | None = PLAN, pen: Json | None = PEN, **other: Any) -> Opening:
    """What the pipeline of a session with PEN under PROFILE, PLAN and the rules of today is made from."""
    values = {"stream": STREAM, "kind": "session", "profile": PROFILE, "rules": rules_document(), **other}
    return Opening(plan=plan, pen=pen, **values)


class Bench:
    """A stream and the pen that it listens to. What a test sets on it holds from the next frame on."""

    def __init__(
        self, opening: Opening | None = None, *, seq: int = 0, pen_us: int = 0, clock: Clock | None = CLOCK
    ) -> None:
        self.pipeline = Pipeline(opening or opening_of())
        self.records: list[Record] = []
        self.now_us = 0  # since the stream's first record
        self.n_bytes = 0  # that the reader of the port has counted
        # the pen
        self.pen_us = pen_us
        self.seq = seq
        self.boot = 7
        self.mode: Mode = "real"
        self.motor_on = True
        self.set_um: int | None = 300
        self.passes: int | None = 10
        self.strokes: int | None = 1_000
        self.put(clock)

    # --- what arrives -------------------------------------------------------------------------------------------------

    def put(self, item: RawInput | Body | None) -> Record:
        """The next record, stamped now."""
        record = record_of(len(self.records), HOST_US + self.now_us, item)
        self.records.append(record)
        self.pipeline.feed(record)
        return record

    def raw(self, data: bytes) -> Record:
        """Bytes, whatever they are."""
        self.n_bytes += len(data)
        return self.put(SerialChunk(t_us=HOST_US + self.now_us, data=data))

    def send(self, message: Message) -> Record:
        """One frame."""
        return self.raw(encode(message))

    def wait(self, for_us: int) -> None:
        """Time passes, for the pen too, and nothing arrives."""
        self.now_us += for_us
        self.pen_us = (self.pen_us + for_us) % 2**32

    # --- what the pen sends -------------------------------------------------------------------------------------------

    def samples(self, contact: str | None, *, lost: bool = False, **columns: Any) -> SampleBlock:
        """Take samples, one a character (`1` is skin contact), and send them in one frame, unless it is `lost`.

        A column is one value for all samples, a value for each, or None; a `None` contact wants `n` samples.
        """
        block = self.block(contact, **columns)
        self.seq = (self.seq + block.n) % 2**32
        self.wait(block.n * block.period_us)
        if not lost:
            self.send(block)
        return block

    def needle(self, n: int, contact: str | None = "1", **columns: Any) -> None:
        """Take `n` samples of one contact, in frames of twenty at most."""
        for begin in range(0, n, 20):
            count = min(20, n - begin)
            self.samples(None if contact is None else contact * count, n=count, **columns)

    def block(
        self,
        contact: str | None,
        *,
        n: int = 0,
        depth: int | tuple[int, ...] | None = 200,
        frequency: int | tuple[int, ...] | None = 1_000,
        period_us: int = PERIOD_US,
    ) -> SampleBlock:
        """The frame that the pen would send now."""
        n = n if contact is None else len(contact)

        def column(value: int | tuple[int, ...] | None) -> tuple[int, ...] | None:
            return (value,) * n if isinstance(value, int) else value

        return SampleBlock(
            mode=self.mode,
            motor_on=self.motor_on,
            boot=self.boot,
            seq=self.seq,
            t_us=self.pen_us,
            depth_set_um=self.set_um,
            passes=self.passes,
            strokes=self.strokes,
            period_us=period_us,
            n=n,
            depth_um=column(depth),
            raw_count=None,
            frequency_dhz=column(frequency),
            contact_bits=None if contact is None else int(contact[::-1], 2),
        )

    def heartbeat(self) -> None:
        """The pen is there."""
        self.send(
            Heartbeat(
                mode=self.mode,
                motor_on=self.motor_on,
                boot=self.boot,
                seq=self.seq,
                t_us=self.pen_us,
                depth_set_um=self.set_um,
                passes=self.passes,
                strokes=self.strokes,
            )
        )

    def event(self, code: int, value: int = 0) -> None:
        """Something happened in the pen."""
        self.send(
            PenEvent(
                mode=self.mode,
                motor_on=self.motor_on,
                boot=self.boot,
                seq=self.seq,
                t_us=self.pen_us,
                code=code,
                value=value,
            )
        )

    def identity(self, serial: str = SERIAL, *, calibration_id: str = "cal-1") -> None:
        """The pen says who it is."""
        self.send(
            Identity(
                mode=self.mode,
                motor_on=self.motor_on,
                boot=self.boot,
                seq=self.seq,
                t_us=self.pen_us,
                protocol_major=1,
                protocol_minor=0,
                model="Bench",
                serial=serial,
                firmware="1.0",
                calibration_id=calibration_id,
                cartridge="",
            )
        )

    def swap(self, serial: str, *, boot: int, seq: int, passes: int | None, strokes: int | None) -> None:
        """Another pen takes its place, with totals, numbers and a clock of its own, and says who it is."""
        self.boot, self.seq, self.pen_us = boot, seq, 3_000_000
        self.passes, self.strokes = passes, strokes
        self.identity(serial)

    # --- what else happens --------------------------------------------------------------------------------------------

    def mark(self, kind: MarkKind, zone: str | None = None, **fields: Any) -> Record:
        """The operator makes a mark."""
        return self.put(Mark(kind=kind, actor="p-07", zone=zone, **fields))

    def zone(self, zone: str) -> None:
        """She turns to a zone."""
        self.mark("zone", zone)

    def link(self, *, up: bool, cause: str = "unplugged") -> None:
        """The port comes up or goes down, the latter for this cause."""
        cause = "reopened" if up else cause
        self.put(LinkChange(t_us=HOST_US + self.now_us, up=up, cause=cause))

    def overflow(self, dropped_bytes: int) -> None:
        """Bytes were read and could not be kept."""
        self.n_bytes += dropped_bytes
        self.put(Overflow(t_us=HOST_US + self.now_us, dropped_bytes=dropped_bytes, dropped_chunks=1, since_us=HOST_US))

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def end(self, *, bytes_read: int | None = None) -> Json:
        """The stream ends in order: its derived record."""
        self.put(End(cause="operator", bytes_read=self.n_bytes if bytes_read is None else bytes_read))
        return self.cut()

    def cut(self) -> Json:
        """There is no more, and no end record: its derived record."""
        return parse_canonical(self.pipeline.finish())


def zone_in(derived: Json, zone: str) -> Json:
    """The facts of one zone. Raises KeyError when it has none."""
    return cast(Json, {row["zone"]: row for row in derived["facts"]["zones"]}[zone])


def results_of(derived: Json, rule: str) -> dict[str | None, str]:
    """What a rule said, by zone; None is the whole stream."""
    return {row["zone"]: row["result"] for row in derived["assessments"] if row["rule"] == rule}


def said(derived: Json, rule: str) -> tuple[str, str | None, str | None]:
    """What a rule said when it said one thing: result, zone, why."""
    (row,) = [row for row in derived["assessments"] if row["rule"] == rule]
    return row["result"], row["zone"], row["why"]


def finding(derived: Json, rule: str) -> Json:
    """The one finding of a rule."""
    (found,) = [row for row in derived["findings"] if row["rule"] == rule]
    return cast(Json, found)


def on(zone: str, opening: Opening | None = None, **bench: Any) -> Bench:
    """A stream whose operator has turned to this zone: records 0, a clock, and 1, her mark."""
    stream = Bench(opening, **bench)
    stream.zone(zone)
    return stream
