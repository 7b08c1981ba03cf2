"""The pen that its sensors make up: what each change does to it, and what a sample of it says. Pure.

Not responsible for the order of changes (timeline.py) nor for when a sample is told (decoder.py).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from firmware_bridge.edges.dial import Counts, Quadrature
from firmware_bridge.edges.pedal import PedalGestures
from firmware_bridge.edges.strokes import Strokes
from firmware_bridge.edges.timeline import ADC, ANY, LOST, SWALLOWED, Change
from firmware_bridge.readings import Gesture
from firmware_bridge.wiring import LINES, Encoder, Potentiometer, Wiring

SOONEST_PASS_US = 200_000  # nobody ends a pass sooner after another: five times a second


class Head(NamedTuple):
    """What stands once in a frame, for all its samples."""

    depth_set_um: int | None
    passes: int
    motor_on: bool


class WiredPen:
    """One stream's. Changes and questions come in the order of time."""

    def __init__(self, wiring: Wiring, fastest_dhz: int | None) -> None:
        self.strokes = Strokes(fastest_dhz)
        self.passes = self.passes_doubt = 0  # so many were counted, and so many more may have been
        self.contact = False
        self.encoder = Quadrature(wiring.dial) if isinstance(wiring.dial, Encoder) else None
        self.counts = Counts(wiring.dial) if isinstance(wiring.dial, Potentiometer) else None
        self.pedal = PedalGestures(wiring.pedal) if wiring.pedal else None
        self._has_strokes = wiring.strokes is not None
        self._takers = self._table()

    def begin(self, t_us: int, active: dict[int, bool], *, anew: bool) -> None:
        """Watching begins with these switches active. `anew`: for a time nobody had watched."""
        first = {LINES[place]: is_active for place, is_active in active.items()}
        self.strokes.begin()
        self.contact = first.get("contact", False)
        if self.encoder is not None:
            home = first.get("home", False)
            self.encoder.begin(a=first["dial_a"], b=first["dial_b"], home=home, anew=anew)
        if self.counts is not None:
            self.counts.begin()
        if self.pedal is not None:
            self.pedal.begin(t_us, active=first["pedal"])

    def take(self, change: Change) -> None:
        """Something changed."""
        t_us, place, value = change
        self._takers[place](t_us, value)

    def head(self, t_us: int) -> Head:
        """What the pen says at a time, apart from its samples. Where no sensor tells of strokes, the motor may run."""
        return Head(self.dial_um(t_us), self.passes, self.strokes.running(t_us) if self._has_strokes else True)

    def dial_um(self, t_us: int) -> int | None:
        """The setting of the dial at a time; None where it is not known, or there is none."""
        if self.encoder is not None:
            return self.encoder.um
        return None if self.counts is None else self.counts.at(t_us)

    def gestures(self, t_us: int) -> list[Gesture]:
        """What the pedal has said by a time."""
        return [] if self.pedal is None else self.pedal.settle(t_us)

    def finish(self) -> list[Gesture]:
        """Nobody watches any more; what the pedal still has to say."""
        return [] if self.pedal is None else self.pedal.finish()

    def doubt(self, place: int, edges: int) -> None:
        """So many edges of this line, or of any, have no place: each may have been a stroke or a pass."""
        self.strokes.doubt += edges if place in (ANY, _STROKES) else 0
        self.passes_doubt += edges if place in (ANY, _PASS) else 0

    def doubt_within(self, place: int, for_us: int) -> None:
        """In so much time an unknown number of edges of this line, or of any, was missed."""
        if place in (ANY, _STROKES):
            self.strokes.doubt_within(for_us)
        if place in (ANY, _PASS):
            self.passes_doubt += max(1, for_us // SOONEST_PASS_US)

    def _table(self) -> dict[int, Callable[[int, Any], None]]:
        encoder, counts, pedal = self.encoder, self.counts, self.pedal
        named: dict[str, Callable[[int, Any], None]] = {
            "strokes": self._stroke,
            "contact": self._touch,
            "pass": self._pass,
            **({"dial_a": encoder.turn_a, "dial_b": encoder.turn_b, "home": encoder.turn_home} if encoder else {}),
            **({"pedal": pedal.take} if pedal else {}),
        }
        takers = {LINES.index(name): taker for name, taker in named.items()}
        return {**takers, LOST: self._lose, SWALLOWED: self.strokes.swallow, **({ADC: counts.take} if counts else {})}

    def _stroke(self, t_us: int, active: bool) -> None:
        if active:
            self.strokes.take(t_us)

    def _touch(self, _t_us: int, active: bool) -> None:
        self.contact = active

    def _pass(self, _t_us: int, active: bool) -> None:
        self.passes += active

    def _lose(self, _t_us: int, place: int) -> None:
        """An edge of this line was missed, or of any: an encoder without all its edges stands anywhere."""
        if self.encoder is not None and (place == ANY or LINES[place] in _ENCODER):
            self.encoder.lose()


_ENCODER = ("dial_a", "dial_b", "home")
_STROKES, _PASS = LINES.index("strokes"), LINES.index("pass")
