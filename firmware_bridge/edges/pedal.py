"""What a foot says with the pedal: short, double, long, or that it stands there. Pure.

Not responsible for what a gesture does to a session.
"""

from firmware_bridge.readings import Gesture
from firmware_bridge.wiring import Pedal

STUCK_US = 10_000_000  # no foot presses for so long: something stands on the pedal, or it hangs


class PedalGestures:
    """Told of changes in the order of time. A gesture has the time at which its first press began.

    A press of `long_us` and more is long once it has ended, and stuck once it has lasted STUCK_US, whenever it ends.
    A shorter one waits `double_us` from its end for another press to begin; two short ones are a double.
    """

    __slots__ = ("_double_us", "_first", "_long_us", "_pressed_us", "_said", "_seen")

    def __init__(self, pedal: Pedal) -> None:
        self._double_us, self._long_us = pedal.double_us, pedal.long_us
        self._pressed_us: int | None = None  # since when it is down, until it is stuck
        self._seen = False  # the press was seen to begin
        self._first: tuple[int, int] | None = None  # a short press that may be the first of two: from, to
        self._said: list[Gesture] = []

    def begin(self, t_us: int, *, active: bool) -> None:
        """Watching begins. A pedal that is down was pressed before: it is no press, and can still be stuck."""
        self._pressed_us, self._seen = t_us if active else None, False

    def take(self, t_us: int, active: bool) -> None:
        """The pedal went down or up."""
        self._decide(t_us)
        if active:
            self._pressed_us, self._seen = t_us, True
        elif self._pressed_us is not None:
            if self._seen:
                self._released(self._pressed_us, t_us)
            self._pressed_us = None

    def settle(self, t_us: int) -> list[Gesture]:
        """All that is decided by `t_us`."""
        self._decide(t_us)
        said, self._said = self._said, []
        return said

    def finish(self) -> list[Gesture]:
        """Nobody watches any more: a short press has no second one, and a press that goes on is none."""
        self._alone()
        said, self._said, self._pressed_us = self._said, [], None
        return said

    def _decide(self, t_us: int) -> None:
        """Say what no change after `t_us` can alter."""
        pressed_us = self._pressed_us
        if self._first is not None and (t_us if pressed_us is None else pressed_us) - self._first[1] > self._double_us:
            self._alone()
        if pressed_us is not None and t_us - pressed_us >= STUCK_US:
            self._alone()
            self._said.append(Gesture(kind="stuck", t_us=pressed_us))
            self._pressed_us = None

    def _released(self, from_us: int, to_us: int) -> None:
        if to_us - from_us >= self._long_us:
            self._alone()
            self._said.append(Gesture(kind="long", t_us=from_us))
        elif self._first is None:
            self._first = (from_us, to_us)
        else:
            self._said.append(Gesture(kind="double", t_us=self._first[0]))
            self._first = None

    def _alone(self) -> None:
        """The short press that waited stays by itself."""
        if self._first is not None:
            self._said.append(Gesture(kind="short", t_us=self._first[0]))
            self._first = None
