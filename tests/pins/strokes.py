"""300 strokes a second on mock pins that bounce, through the real recorder: what was driven, and what was kept.

Not responsible for judging the figures: `missed` says what is wrong with them.
"""

import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from heapq import merge
from pathlib import Path

from devicelog.clinical.data import load_plan, load_zones
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.commands import MarkCommand, TimedMark
from devicelog.recorder.job import Job, Source
from devicelog.recorder.live import Live
from devicelog.recorder.record import record
from devicelog.recorder.replay import replay
from devicelog.recorder.stop import Stop
from devicelog.records import item_of
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import SensorBatch
from firmware_bridge.simulator import script_for
from firmware_bridge.simulator.pins import SimulatedPins
from firmware_bridge.simulator.script import dice
from firmware_bridge.simulator.sensors import PinEdge, bouncing
from firmware_bridge.sources import Inbox
from firmware_bridge.sources.gpio import GpioSource
from firmware_bridge.wiring import LINES, Wiring

STROKES_HZ = 300
LEAD_US = 1_000_000  # the session has begun when the motor starts
GLIDE_US, LIFT_US = 3_000_000, 700_000


@dataclass(kw_only=True)
class Figures:
    """What was driven, what the record says, and what it took."""

    seconds: int
    strokes_driven: int = 0
    edges_driven: int = 0
    edges_kept: int = 0
    out_of_place: int = 0
    dropped: int = 0
    batches: int = 0
    told_late: int = 0
    longest_watch_us: int = 0
    strokes: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    took_s: float = 0.0
    high_water_bytes: int = 0
    bytes_on_disk: int = 0
    identical: bool = False

    @property
    def missed(self) -> list[str]:
        """Everything that is not as it was driven."""
        low, high = self.strokes["low"], self.strokes["high"]
        wrong = {
            f"{self.edges_driven - self.edges_kept} edges are not in the record": self.edges_kept != self.edges_driven,
            f"{self.out_of_place} edges are not in the record as they were driven": self.out_of_place > 0,
            f"{self.dropped} edges dropped": self.dropped > 0,
            f"{low} to {high} strokes recorded, {self.strokes_driven} driven": not low == high == self.strokes_driven,
            "replay is not identical": not self.identical,
        }
        return [what for what, so in wrong.items() if so]


class _Nobody:
    """A console that nobody looks at."""

    def live(self, live: Live) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class _Driven:
    """The pins of the pen, and a source that begins with them."""

    def __init__(self, wiring: Wiring, edges: Iterator[PinEdge], inbox: Inbox, clock: RecorderClock, most: int) -> None:
        script = script_for("clean", 6, 1)
        self.pins = SimulatedPins(script, wiring, 1, clock.now_us)
        self.inbox, self.read_total = inbox, 0
        self._edges = edges
        self._source = GpioSource(self.pins.wiring, inbox, clock.now_us, factory=self.pins.factory, max_edges=most)

    def open(self) -> None:
        self._source.open()

    def start(self) -> None:
        self._source.start()
        self.pins.add(self._edges)
        self.pins.run()

    def close(self) -> None:
        self._source.close()
        self.pins.close()


def drive(data_dir: Path, seconds: int, *, max_edges: int = 8_000) -> Figures:
    """Record so many seconds of needling into an empty directory and compare."""
    profile = fast_profile()
    assert profile.gpio is not None
    figures, sent = Figures(seconds=seconds), Counter[str]()
    kept_edges: list[PinEdge] = []
    sources: list[_Driven] = []

    def source_of(inbox: Inbox, clock: RecorderClock) -> Source:
        assert profile.gpio is not None
        sources.append(_Driven(profile.gpio, counted(profile.gpio), inbox, clock, max_edges))
        return sources[0]

    def counted(wiring: Wiring) -> Iterator[PinEdge]:
        for edge in needling(wiring, seconds):
            sent[LINES[edge.line]] += 1
            kept_edges.append(edge)
            yield edge

    clock = RecorderClock(confidence=lambda: "synced")
    began_s, before_s = time.monotonic(), _cpu_s()
    outcome = record(
        Job(
            data_dir=data_dir,
            client_code="P-117",
            practitioner="KM",
            plan=load_plan("full-face"),
            zones=load_zones(),
            profile=profile,
            command="demo",
            duration_us=LEAD_US + seconds * 1_000_000 + 500_000,
            marks=(TimedMark(t_us=0, command=MarkCommand(kind="zone", zone="forehead")),),
            marks_clock="first sample",
        ),
        source_of=source_of,
        clock=clock,
        console=_Nobody(),
        stop=Stop(),
    )
    figures.cpu_s, figures.took_s = _cpu_s() - before_s, time.monotonic() - began_s
    figures.strokes_driven = sum(1 for _ in _strokes(seconds)) // 2
    figures.edges_driven = sent.total()
    figures.high_water_bytes = sources[0].inbox.high_water_bytes
    assert outcome.session is not None
    assert outcome.derived is not None
    figures.strokes = outcome.derived["facts"]["sensors"]["account"]["strokes"]
    _compare(data_dir, outcome.session, kept_edges, figures)
    return figures


def fast_profile() -> PenProfile:
    """The shipped wiring on mock pins, with a pen that may be as fast as this one."""
    profile = load_profile("gpio-reference")
    assert profile.gpio is not None
    return replace(profile, frequency_max_dhz=10 * STROKES_HZ, gpio=replace(profile.gpio, factory="mock"))


def needling(wiring: Wiring, seconds: int) -> Iterator[PinEdge]:
    """Every edge, in order of time: 300 strokes a second and glides, both bouncing."""
    changes = {"strokes": _strokes(seconds), "contact": _contact(seconds)}
    lines = wiring.lines()
    return merge(
        *(bouncing(LINES.index(name), lines[name], told, dice(1, name)) for name, told in changes.items()),
        key=lambda edge: edge.t_us,
    )


def _strokes(seconds: int) -> Iterator[tuple[int, bool]]:
    for number in range(seconds * STROKES_HZ):
        at_us = LEAD_US + number * 1_000_000 // STROKES_HZ
        yield at_us, True
        yield at_us + 1_300, False


def _contact(seconds: int) -> Iterator[tuple[int, bool]]:
    for from_us in range(LEAD_US, LEAD_US + seconds * 1_000_000 - GLIDE_US, GLIDE_US + LIFT_US):
        yield from_us, True
        yield from_us + GLIDE_US, False


def _compare(data_dir: Path, session: str, driven: list[PinEdge], figures: Figures) -> None:
    """Edge by edge, the span before the session included: line, level and the time since the first one."""
    told: list[PinEdge] = []
    figures.bytes_on_disk = (data_dir / FILE_NAME).stat().st_size
    with Evidence(data_dir / FILE_NAME) as evidence:
        for row in evidence.streams():
            for item in map(item_of, evidence.records(row["no"])):
                if isinstance(item, SensorBatch):
                    told += [PinEdge(edge.t_us, edge.line, edge.level) for edge in item.edges]
                    figures.batches += 1
                    figures.dropped += item.dropped
                    figures.told_late += sum(item.t_us - edge.t_us > item.watched_us for edge in item.edges)
                    figures.longest_watch_us = max(figures.longest_watch_us, item.watched_us)
        figures.identical = all(replayed.identical for replayed in replay(evidence, evidence.stream(session)))
    figures.edges_kept = len(told)
    if told and driven:
        less_us = told[0].t_us - driven[0].t_us
        figures.out_of_place = sum(
            kept._replace(t_us=kept.t_us - less_us) != sent for kept, sent in zip(told, driven, strict=False)
        )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
