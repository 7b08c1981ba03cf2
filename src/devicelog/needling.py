"""What the pen did, zone by zone: glides, spans, and whose passes and strokes are whose. Pure.

Told of runs of samples, of turns to another zone, and of what the pen's counters grew by. Not responsible for what
follows what (derive.py), nor for what is counted in a zone (tally.py).
"""

from collections.abc import Callable

from devicelog.runs import Run
from devicelog.sessions import UNASSIGNED
from devicelog.spans import Spans, Under
from devicelog.steady import Neighbours
from devicelog.stirring import Look
from devicelog.tally import Limits, ZoneTally


class Needling:
    """The zones of one stream, and the one that data goes to now; who needles, and with which cartridge."""

    def __init__(
        self, limits_of: Callable[[str], Limits], practitioner: str | None = None, cartridge: str | None = None
    ) -> None:
        self.zones: dict[str, ZoneTally] = {}
        self.zone = UNASSIGNED
        self.paused = False
        self.spans = Spans()
        self.practitioner, self.cartridge = practitioner, cartridge
        self._limits_of = limits_of
        self._changed: dict[str, Limits] = {}  # by a mark, perhaps before the zone was turned to
        self._glide_us = 0
        self._neighbours = Neighbours()
        self._look = Look()
        self._counted_in: str | None = None  # the zone in which the pen's counters were heard last
        self._unheard = False  # since then there was a gap

    def here(self) -> ZoneTally:
        """The account of the zone of now."""
        return self.of(self.zone)

    def of(self, zone: str) -> ZoneTally:
        """The account of a zone, made when it is first asked for."""
        tally = self.zones.get(zone)
        if tally is None:
            tally = self.zones[zone] = ZoneTally(zone, self.limits(zone))
        return tally

    def limits(self, zone: str) -> Limits:
        """By what a zone is judged from here on."""
        return self._changed.get(zone) or self._limits_of(zone)

    def change(self, zone: str, limits: Limits) -> None:
        """Judge a zone by other limits from here on; what was needled stays judged as it was."""
        self._changed[zone] = limits
        if zone in self.zones:
            self.zones[zone].limits = limits

    def turn(self, record: int, zone: str) -> None:
        """She turned to another zone, by the mark or the correction at this record."""
        self.lift()
        self.spans.turn(record)
        self.zone = zone

    def lift(self) -> None:
        """Whatever comes next on the skin is another glide."""
        self._glide_us = 0
        self._neighbours.part()

    def part(self) -> None:
        """The next sample is no neighbour of the newest one, though the glide may go on."""
        self._neighbours.part()

    def away(self) -> None:
        """The pen was not heard for so long that a glide cannot be followed."""
        self._unheard = True
        self.lift()

    def take(self, run: Run, *, from_us: int, to_us: int) -> None:
        """Count a run; its times are since the stream's first record."""
        tally = self.here()
        judged = tally.add(run, self._neighbours, paused=self.paused, assigned=self.zone != UNASSIGNED)
        if not judged:
            self._neighbours.part()
            self._neighbours.pass_by(run.depth or ())
        if run.contact:
            if not self._glide_us:
                tally.glides += 1
            self._glide_us += run.samples * run.period_us
            tally.longest_glide_us = max(tally.longest_glide_us, self._glide_us)
        else:
            self._glide_us = 0
        if run.contact or (run.contact is None and run.motor_on):
            self.spans.take(run, self.zone, self._under, from_us=from_us, to_us=to_us)

    def finds(self, run: Run) -> bool:
        """Whether counting this open run may tell a rule something new; cheap, and yes where it is not sure."""
        tally = self.zones.get(self.zone)
        if tally is None or (run.contact is not False and self.spans.begins(run, self.zone)):
            return True
        return self._look.finds(run, tally, self._neighbours, assigned=self.zone != UNASSIGNED)

    def _under(self) -> Under:
        limits = self.here().limits
        return Under(
            practitioner=self.practitioner,
            cartridge=self.cartridge,
            plan_max_um=limits.plan_max_um,
            hard_max_um=limits.hard_max_um,
        )

    def late(self, run: Run) -> None:
        """Count samples that came after later ones: glides and spans were told without them."""
        self.here().add(run, Neighbours(), paused=self.paused, assigned=self.zone != UNASSIGNED)

    def another_pen(self) -> None:
        """From here on it is another pen's sensor."""
        self.lift()
        self._neighbours = Neighbours()

    def count(self, passes: int | None, strokes: int | None, zone: str) -> None:
        """The pen's counters grew by so much up to now in this zone; None where nothing is told of one.

        The growth belongs to the zone. But passes that were made in a gap in which she turned to another zone
        may belong to either.
        """
        tally = self.of(zone)
        if passes is not None:
            if self._unheard and self._counted_in not in (None, zone):
                self.of(self._counted_in).passes_perhaps += passes
                tally.passes_perhaps += passes
                passes = 0
            tally.passes_pen = (tally.passes_pen or 0) + passes
        self._counted_in, self._unheard = zone, False
        if strokes is not None:
            tally.strokes = (tally.strokes or 0) + strokes
