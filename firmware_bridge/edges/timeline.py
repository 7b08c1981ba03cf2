"""Edges, levels and conversions as they were told, put in the order of time: changes that nothing can alter any more.

Pure. A driver tells late, so the newest are held back. An edge that comes later still has no place any more: it is
counted and changes nothing but what is certain. A level that was read and is not the one by the edges shows an edge
that nobody told of. Not responsible for what it means.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from firmware_bridge.edges.line import Line, Told
from firmware_bridge.readings import AdcSample, Edge, SensorBatch
from firmware_bridge.wiring import LINES, Switch

# So late a driver may tell of an edge: a computer that is busy for longer makes a count uncertain, and every sample
# waits for so long before it is told.
LATE_US = 50_000
SKEW_US = 5_000  # a level that is read so near an edge may be the one before it or the one after

# Places of a change that is no line's: edges were not told; a conversion; pulses of the strokes that were too short.
LOST, ADC, SWALLOWED = -1, len(LINES), len(LINES) + 1
ANY = -1  # which line's edges they were is not known

# When; the line's place in LINES or one of these; active (or: which line, the count, for how long).
Change = tuple[int, int, int]
Missed = Callable[[int, int], None]  # the line's place, and in how much time

_STROKES = LINES.index("strokes")
_ORDER = itemgetter(0, 1)
_WHEN = itemgetter(2)


class Timeline:
    """One stretch of watching after another. `changes` are in the order of time up to where `add` says."""

    def __init__(self, switches: Mapping[str, Switch], channel: int | None, missed: Missed) -> None:
        """`channel` is the converter's; None where there is none. `missed` is called for every edge of a line that was
        missed, or came too late to have a place: then in no time."""
        self.changes: list[Change] = []
        self.late = self.strange = 0
        places = {LINES.index(name): switch for name, switch in switches.items()}
        self.lines = {
            place: Line(switch, self._teller(place), self._swallowed if place == _STROKES else None)
            for place, switch in places.items()
        }
        self._channel = channel
        self._missed = missed
        self._longest_us = max((switch.bounce_us for switch in switches.values()), default=0)
        self._edges: list[Edge] = []
        self._reads: list[tuple[int, int]] = []  # levels that were read: when, which
        self._agreed_us: dict[int, int] = {}  # when a line's level was last read and was the one by its edges
        self._until_us = 0  # every edge before it is taken

    def begin(self, from_us: int, first: SensorBatch, held: Iterable[SensorBatch]) -> dict[int, bool]:
        """Watching begins; which switches are active at first. `held` are the first batch and those soon after it.

        A line has the level that was read first, unless an edge of that time says from which level it came.
        """
        told = sorted((edge for batch in held for edge in batch.edges), key=_WHEN)
        came = {edge.line: not edge.level for edge in reversed(told) if edge.t_us <= first.t_us + SKEW_US}
        self._until_us = from_us
        self._agreed_us = dict.fromkeys(self.lines, from_us)
        return {
            place: line.begin(from_us, came.get(place, bool(first.levels >> place & 1)))
            for place, line in self.lines.items()
        }

    def add(self, batch: SensorBatch) -> int:
        """Take the next batch; returns the time before which all changes are known."""
        if batch.edges:
            self._edges += batch.edges
            self._edges.sort(key=_WHEN)
        self._take_conversions(batch.adc)
        if batch.dropped:
            self.changes.append((batch.t_us - batch.watched_us, LOST, ANY))
        self._reads.append((batch.t_us, batch.levels))
        self._take(max(batch.t_us - LATE_US, self._until_us))
        return self._until_us - self._longest_us

    def finish(self, until_us: int) -> None:
        """Watching ends: everything that was told is taken, and all changes are known."""
        self._take(until_us, last=True)

    def _teller(self, place: int) -> Told:
        def told(t_us: int, active: bool) -> None:
            self.changes.append((t_us, place, active))

        return told

    def _swallowed(self, t_us: int, for_us: int) -> None:
        self.changes.append((t_us, SWALLOWED, for_us))

    def _take(self, until_us: int, *, last: bool = False) -> None:
        if last:
            self._take_edges(None)
        while self._reads and (last or self._reads[0][0] + SKEW_US < until_us):
            read_us, levels = self._reads.pop(0)
            at_us = min(read_us + SKEW_US, until_us)
            if not last:
                self._take_edges(at_us + 1)
            self._compare(read_us, levels, at_us)
        if not last:
            self._take_edges(until_us)
        for line in self.lines.values():
            line.settle(until_us)
        self._until_us = until_us
        self.changes.sort(key=_ORDER)

    def _take_edges(self, before_us: int | None) -> None:
        """The held edges before a time, or all."""
        edges, lines, since_us, taken = self._edges, self.lines, self._until_us, 0
        for place, level, t_us in edges:
            if before_us is not None and t_us >= before_us:
                break
            taken += 1
            line = lines.get(place)
            if t_us < since_us:
                self.late += 1
            if line is None:
                self.strange += 1
            elif t_us < since_us:
                line.edges += 1
                self.changes.append((since_us, LOST, place))
                self._missed(place, 0)
            elif not line.take(level, t_us):
                self._miss(place, line, t_us)
                line.newest_us = t_us
        del edges[:taken]

    def _compare(self, read_us: int, levels: int, at_us: int) -> None:
        for place, line in self.lines.items():
            if line.newest_us > read_us - SKEW_US:
                continue
            if line.raw is bool(levels >> place & 1):
                self._agreed_us[place] = read_us
            else:
                self._miss(place, line, at_us)
                line.correct(at_us)

    def _miss(self, place: int, line: Line, t_us: int) -> None:
        self.changes.append((t_us, LOST, place))
        self._missed(place, t_us - max(line.newest_us, self._agreed_us[place]))

    def _take_conversions(self, adc: Iterable[AdcSample]) -> None:
        """None needs another: they are changes as they come, and stand in the order of time with the others."""
        for channel, count, t_us in adc:
            self.late += t_us < self._until_us
            if channel == self._channel:
                self.changes.append((max(t_us, self._until_us), ADC, count))
            else:
                self.strange += 1
