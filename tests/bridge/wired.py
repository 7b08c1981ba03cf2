"""Pins for tests: what happened on them, told in any division, and what the decoder makes of it.

Every pulse stands where the test puts it. Levels are those that the edges make, unless a test says that one was missed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from firmware_bridge.edges import SensorDecoder
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import (
    AdcSample,
    Edge,
    Gesture,
    Heartbeat,
    Identity,
    PenEvent,
    RawInput,
    Reading,
    SampleBlock,
    SensorBatch,
)
from firmware_bridge.wiring import LINES

START_US = 7_000_000  # of watching
BATCH_US = 40_000


def switch(pin: int, bounce_us: int = 0, *, active_high: bool = True) -> dict[str, Any]:
    """A line of a wiring."""
    return {"pin": pin, "active_high": active_high, "pull": "none", "bounce_us": bounce_us}


ENCODER = {
    "part": "encoder",
    "a": switch(5),
    "b": switch(6),
    "start_um": 500,
    "step_um": 100,
    "min_um": 200,
    "max_um": 2_500,
}
POTENTIOMETER = {
    "part": "mcp3008",
    "channel": 2,
    "device": 0,
    "rate_hz": 50,
    "step_um": 100,
    "points": [[20, 200], [520, 1_200], [1_000, 2_500]],
}
PEDAL = {"switch": switch(23, 5_000), "double_us": 400_000, "long_us": 1_000_000}
ALL = {
    "strokes": switch(17, 200),
    "contact": switch(27, 2_000),
    "dial": ENCODER,
    "pass_switch": switch(22, 5_000),
    "pedal": PEDAL,
}


def profile_of(*, factory: str = "lgpio", sample_period_us: int = 10_000, **parts: Any) -> PenProfile:
    """A pen with these parts, or with ALL; `measures` and `frequency_max_dhz` are of the profile."""
    values: dict[str, Any] = {
        "name": "wired",
        "label": "Wired for tests",
        "depth_max_um": 2_500,
        "depth_max_source": "test",
        "depth_tolerance_um": 0,
        "depth_tolerance_source": "test",
        "silence_limit_us": 2_500_000,
    }
    if "frequency_max_dhz" in parts:
        values |= {"frequency_min_dhz": 1, "frequency_max_dhz": parts.pop("frequency_max_dhz")}
        values["frequency_source"] = "test"
    if "measures" in parts:
        values["measures"] = parts.pop("measures")
    gpio = {"factory": factory, "model": "Wired", "serial": "W0007", "calibration_id": "cal-9"}
    return PenProfile.from_document(
        values | {"gpio": gpio | {"sample_period_us": sample_period_us} | (parts or ALL)},
    )


class Pins:
    """What happens on the pins, in microseconds since watching began; at first every line is low, or as `high` says."""

    def __init__(self, *, high: Sequence[str] = (), start_us: int = START_US) -> None:
        self.start_us = start_us
        self.edges: list[Edge] = []
        self.adc: list[AdcSample] = []
        self._first = {name: name in high for name in LINES}
        self._level = dict(self._first)

    def level(self, line: str, level: bool, at_us: int, *, told: bool = True) -> None:
        """A line goes to this level; `told`: the driver tells of it."""
        self._level[line] = level
        if told:
            self.edges.append(Edge(LINES.index(line), level, self.start_us + at_us))

    def toggle(self, line: str, at_us: int) -> None:
        """A line changes."""
        self.level(line, not self._level[line], at_us)

    def pulse(self, line: str, from_us: int, to_us: int) -> None:
        """A line changes and changes back."""
        self.toggle(line, from_us)
        self.toggle(line, to_us)

    def strokes(self, n: int, every_us: int, from_us: int = 0, width_us: int = 1_000) -> int:
        """So many strokes of the needle; returns when the next would come."""
        for turn in range(n):
            self.pulse("strokes", from_us + turn * every_us, from_us + turn * every_us + width_us)
        return from_us + n * every_us

    def turn(self, quarters: int, from_us: int, every_us: int = 5_000) -> int:
        """Turn the dial by quarters of a step, deeper or back; returns when it rests."""
        for at in range(abs(quarters)):
            ahead = self._level["dial_a"] is self._level["dial_b"]
            self.toggle("dial_a" if ahead is (quarters > 0) else "dial_b", from_us + at * every_us)
        return from_us + abs(quarters) * every_us

    def convert(self, count: int, at_us: int, *, channel: int = 2) -> None:
        """One conversion."""
        self.adc.append(AdcSample(channel, count, self.start_us + at_us))

    def converts(self, counts: Iterable[int], from_us: int = 0, every_us: int = 20_000) -> int:
        """Conversions at the rate of POTENTIOMETER; returns when the next would come."""
        at_us = from_us
        for count in counts:
            self.convert(count, at_us)
            at_us += every_us
        return at_us

    def levels(self, at_us: int, *, untold: Sequence[Edge] = ()) -> int:
        """The levels at a time, by the edges and by those that nobody told."""
        now = dict(self._first)
        for edge in sorted((*self.edges, *untold), key=lambda edge: edge.t_us):
            if edge.t_us <= self.start_us + at_us:
                now[LINES[edge.line]] = edge.level
        return sum(level << place for place, level in enumerate(now.values()))

    def batches(
        self, until_us: int, cuts_us: Iterable[int] | None = None, *, untold: Sequence[Edge] = (), late_us: int = 0
    ) -> list[SensorBatch]:
        """All of it up to a time, divided at these times; None: at every BATCH_US. What happened less than `late_us`
        before a cut is told in the next batch."""
        cuts = range(BATCH_US, until_us, BATCH_US) if cuts_us is None else sorted({*cuts_us} - {0, until_us})
        batches, from_us, told = [], 0, -1
        for to_us in (*cuts, until_us):
            until = to_us if to_us == until_us else to_us - late_us
            edges, adc = (
                tuple(item for item in items if told < item.t_us - self.start_us <= until)
                for items in (sorted(self.edges, key=lambda edge: edge.t_us), self.adc)
            )
            batches.append(
                SensorBatch(
                    t_us=self.start_us + to_us,
                    watched_us=to_us - from_us,
                    levels=self.levels(to_us, untold=untold),
                    edges=edges,  # type: ignore[arg-type]
                    adc=adc,  # type: ignore[arg-type]
                )
            )
            from_us, told = to_us, max(told, until)
        return batches


class Told:
    """What a decoder told."""

    def __init__(self, profile: PenProfile, items: Iterable[RawInput]) -> None:
        self.decoder = SensorDecoder(profile)
        self.readings: list[Reading] = [reading for item in items for reading in self.decoder.feed(item)]
        self.readings += self.decoder.finish()
        self.account = self.decoder.account()

    def of(self, kind: type[Any]) -> list[Any]:
        """The readings of one kind."""
        return [reading for reading in self.readings if isinstance(reading, kind)]

    @property
    def blocks(self) -> list[SampleBlock]:
        return self.of(SampleBlock)

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Every sample with what its frame says."""
        return [
            {
                "boot": block.boot,
                "seq": block.seq + i,
                "t_us": block.t_us + i * block.period_us,
                "set": block.depth_set_um,
                "motor": block.motor_on,
                "passes": block.passes,
                "frequency": None if block.frequency_dhz is None else block.frequency_dhz[i],
                "contact": None if block.contact_bits is None else bool(block.contact_bits >> i & 1),
            }
            for block in self.blocks
            for i in range(block.n)
        ]

    def column(self, name: str) -> list[Any]:
        """One value a sample."""
        return [sample[name] for sample in self.samples]

    @property
    def gestures(self) -> list[tuple[str, int]]:
        """Each with its time since watching began."""
        return [(gesture.kind, gesture.t_us - START_US) for gesture in self.of(Gesture)]

    @property
    def events(self) -> list[tuple[int, int]]:
        return [(event.code, event.value) for event in self.of(PenEvent)]

    @property
    def totals(self) -> list[tuple[int | None, int | None]]:
        """Passes and strokes of every heartbeat."""
        return [(heartbeat.passes, heartbeat.strokes) for heartbeat in self.of(Heartbeat)]

    @property
    def boots(self) -> list[int]:
        return [identity.boot for identity in self.of(Identity)]

    def line(self, name: str) -> dict[str, int]:
        """The account of a line."""
        (row,) = [row for row in self.account["lines"] if row["line"] == name]
        return {key: value for key, value in row.items() if key != "line"}


def told(profile: PenProfile, pins: Pins, until_us: int, **how: Any) -> Told:
    """What is made of these pins, watched up to a time."""
    return Told(profile, pins.batches(until_us, **how))
