"""Random streams for the tests of runs and corrections: what a pen and an operator may do, in any order."""

from typing import Any

from hypothesis import strategies as st

from devicelog.pipeline import Opening
from devicelog.records import SERIAL, Record
from firmware_bridge.readings import SampleBlock
from tests.builders import Bench

ZONES = ("forehead", "cheek.left", "chin", None)
SETTINGS = (150, 300, 300, 450, 3_000, None)
TOLD: tuple[dict[str, Any], ...] = (
    {"kind": "endpoint", "zone": "forehead", "grade": "red"},
    {"kind": "endpoint", "zone": "chin", "grade": "continuous"},
    {"kind": "override", "rule": "depth.over_plan", "zone": "forehead", "note_sha256": "0" * 64},
    {"kind": "cartridge", "cartridge": "x-0000000001"},
    {"kind": "cartridge", "cartridge": "x-0000000002"},
    {"kind": "operator", "practitioner": "p-08"},
    {"kind": "operator", "practitioner": "p-07"},
    {"kind": "plan", "zone": "forehead", "depth_min_um": 100, "depth_max_um": 250},
    {"kind": "plan", "zone": "forehead", "depth_min_um": 300, "depth_max_um": 500, "passes_min": 2},
    {"kind": "plan", "zone": "chin", "depth_min_um": 0, "depth_max_um": 100, "passes_max": 1},
)
DEPTHS = (-20, 40, 200, 200, 200, 460, 560, 800, 2_700)

_frames = st.tuples(st.just("frames"), st.sampled_from([1, 2, 2, 3, 60]))
_shape = st.tuples(
    st.just("shape"),
    st.sampled_from(["1", "11", "111", "000", "011", "110", "101", None]),  # contact of a frame
    st.lists(st.sampled_from(DEPTHS), min_size=1, max_size=5),
    st.sampled_from([10_000, 10_000, 2_000, 40_000]),
    st.sampled_from([0, 2, 9]),  # strokes a frame
)
_other = st.one_of(
    st.tuples(st.just("zone"), st.sampled_from(ZONES)),
    st.tuples(st.just("mark"), st.sampled_from(["pass", "pause", "resume", "note"])),
    st.tuples(st.just("told"), st.sampled_from(TOLD)),
    st.tuples(st.just("dial"), st.sampled_from(SETTINGS)),
    st.tuples(st.just("lose"), st.sampled_from([1, 3, 12, 30])),
    st.tuples(st.just("wait"), st.sampled_from([1, 900_000, 2_600_000])),
    st.tuples(st.just("slow"), st.sampled_from([0, 700, 40_000])),
    st.tuples(st.just("overtaken"), st.sampled_from([1, 2, 2, 14])),
    st.tuples(st.just("again"), st.sampled_from([1, 2, 9])),
    st.tuples(st.just("pen clock"), st.sampled_from([-3_000_000, -15_000, 5_000, 2**32 - 60_000, 2**31])),
    st.tuples(st.just("totals"), st.sampled_from([(1, 0), (0, 40), (3, 0), (-1, -5), (0, 5_000), None])),
    st.tuples(st.just("column"), st.sampled_from(["depth", "frequency"])),
    st.tuples(st.just("number"), st.sampled_from([-2, -5_000, 2**32 - 4])),
    st.tuples(st.sampled_from(["restart", "swap", "name", "motor", "heartbeat", "event", "tick", "noise", "link"])),
)
# a mark falls into a gap only where no frame comes between
_turn = st.tuples(st.just("zone"), st.sampled_from(ZONES))
_away = st.one_of(
    st.tuples(st.just("lose"), st.sampled_from([12, 30])),
    st.tuples(st.just("wait"), st.just(900_000)),
    st.tuples(st.just("link")),
)
_grow = st.tuples(st.just("totals"), st.sampled_from([(1, 0), (2, 40)]))
_step = st.one_of(
    st.tuples(_frames, st.one_of(_shape, _other, _other)),
    st.tuples(_frames, st.one_of(_shape, _other, _other)),
    st.tuples(st.one_of(_shape, _other)),
    st.tuples(_frames, _away, _turn, _grow, _frames),
)
actions = st.lists(_step, max_size=15)


class Stream:
    """A bench on which a list of actions is played."""

    def __init__(self, opening: Opening, steps: list[tuple[tuple[Any, ...], ...]]) -> None:
        self.bench = Bench(opening, seq=2**32 - 40)
        self._without: set[str] = set()
        self._serials = ["A0042", "B0001"]
        self._slow_us = 0
        self._missed: list[SampleBlock] = []  # frames that nobody has heard yet
        self._sent: list[SampleBlock] = []
        self._shape("11", [200], 10_000, 2)
        for name, *values in (action for step in steps for action in step):
            getattr(self, "_" + name.replace(" ", "_"))(*values)

    def records(self, together: list[bool]) -> list[Record]:
        """The records, some of those with bytes of the pen read together, numbered anew."""
        found: list[Record] = []
        for turn, record in enumerate(self.bench.records):
            last = found[-1] if found else None
            if together and together[turn % len(together)] and last and last.kind == record.kind == SERIAL:
                found[-1] = last._replace(body=last.body + record.body, t_us=record.t_us)
            else:
                found.append(record._replace(number=len(found)))
        return found

    def _shape(self, contact: str | None, depths: list[int], period_us: int, strokes: int) -> None:
        self._contact, self._depths, self._period_us, self._grow = contact, depths, period_us, strokes

    def _frames(self, count: int) -> None:
        n = len(self._contact) if self._contact else 3
        for turn in range(count):
            columns: dict[str, Any] = {
                "depth": tuple(self._depths[(turn * n + i) % len(self._depths)] for i in range(n)),
                "frequency": tuple(1_000 + 100 * ((turn + i) % 7) for i in range(n)),
            } | dict.fromkeys(self._without)
            if self.bench.strokes is not None:
                self.bench.strokes = (self.bench.strokes + self._grow) % 2**32
            self.bench.now_us += self._slow_us
            self._sent.append(self.bench.samples(self._contact, n=n, period_us=self._period_us, **columns))
            self.bench.now_us -= self._slow_us

    def _zone(self, zone: str | None) -> None:
        self.bench.mark("zone", zone)

    def _mark(self, kind: Any) -> None:
        self.bench.mark(kind)

    def _told(self, fields: dict[str, Any]) -> None:
        self.bench.mark(**fields)

    def _dial(self, set_um: int | None) -> None:
        self.bench.set_um = set_um

    def _lose(self, n: int) -> None:
        self._missed.append(self.bench.samples("1" * n, lost=True, depth=700))

    def _wait(self, for_us: int) -> None:
        self.bench.wait(for_us)

    def _slow(self, late_us: int) -> None:
        self._slow_us = late_us

    def _overtaken(self, n: int) -> None:
        """A frame that was missed until now; or, where there is none, one that the next frames overtake."""
        if self._missed:
            self.bench.send(self._missed.pop())
            return
        contact = ("110" * n)[:n]
        self._missed.append(self.bench.samples(contact, lost=True, depth=tuple(90 * i for i in range(n))))
        self._frames(1)
        self.bench.send(self._missed.pop())

    def _again(self, back: int) -> None:
        """The line says a frame twice."""
        for block in self._sent[-back:][:1]:
            self.bench.send(block)

    def _pen_clock(self, by_us: int) -> None:
        self.bench.pen_us = (self.bench.pen_us + by_us) % 2**32

    def _totals(self, by: tuple[int, int] | None) -> None:
        bench = self.bench
        if by is None:
            bench.passes, bench.strokes = (None, None) if bench.passes is not None else (20, 2_000)
        elif bench.passes is not None and bench.strokes is not None:
            bench.passes, bench.strokes = (bench.passes + by[0]) % 2**32, (bench.strokes + by[1]) % 2**32

    def _column(self, name: str) -> None:
        self._without ^= {name}

    def _number(self, by: int) -> None:
        self.bench.seq = (self.bench.seq + by) % 2**32

    def _restart(self) -> None:
        self.bench.boot = (self.bench.boot + 1) % 2**16
        self.bench.seq = self.bench.pen_us = 0

    def _swap(self) -> None:
        self._serials.reverse()
        self.bench.swap(self._serials[0], boot=3, seq=77, passes=5, strokes=60)

    def _name(self) -> None:
        self.bench.identity(self._serials[0])

    def _motor(self) -> None:
        self.bench.motor_on = not self.bench.motor_on

    def _heartbeat(self) -> None:
        self.bench.heartbeat()

    def _event(self) -> None:
        self.bench.event(2)

    def _tick(self) -> None:
        self.bench.put(None)

    def _noise(self) -> None:
        self.bench.raw(b"\0\x02\x02\0")

    def _link(self) -> None:
        self.bench.link(up=False)
        self.bench.link(up=True)
