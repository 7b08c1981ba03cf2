"""One digital line: its raw edges, and the changes among them that lasted. Pure.

A change that does not last `bounce_us` is bouncing, and no change; one that lasts is told with the time at which it
came. Not responsible for what a line means.
"""

from collections.abc import Callable

from firmware_bridge.wiring import Switch

Told = Callable[[int, bool], None]  # the time of a change, and whether the switch is active from then on
Swallowed = Callable[[int, int], None]  # when pulses ended that were too short to last, and for how long they went on


class Line:
    """Fed in the order of time, `newest_us` is when the newest edge was. `missed` edges nobody told of, and it shows.
    Pulses that no change follows within `bounce_us` were swallowed, and `swallowed` is told when they ended.

    Edges told and edges corrected are changes that lasted, twice the `bounces`, edges that say what already was, and
    one more while a change has not lasted long enough.
    """

    __slots__ = (
        "_active_high",
        "_bounce_us",
        "_since_us",
        "_swallowed",
        "_swallowing_us",
        "_told",
        "bounces",
        "edges",
        "missed",
        "newest_us",
        "raw",
    )

    def __init__(self, switch: Switch, told: Told, swallowed: Swallowed | None = None) -> None:
        self.edges = self.bounces = self.missed = 0
        self.newest_us = 0
        self.raw = False  # the level by the newest edge, True for high
        self._active_high = switch.active_high
        self._bounce_us = switch.bounce_us
        self._told = told
        self._swallowed = swallowed
        self._swallowing_us: int | None = None  # since when there are pulses that no change has followed yet
        self._since_us: int | None = None  # when a change came that has not lasted long enough yet

    def begin(self, t_us: int, level: bool) -> bool:
        """Watching begins at this level; returns whether the switch is active."""
        self.raw, self._since_us, self.newest_us = level, None, t_us
        self._swallowing_us = None
        return self.active

    @property
    def active(self) -> bool:
        """Whether the switch is active by the newest edge."""
        return self.raw is self._active_high

    @property
    def undecided(self) -> bool:
        """Whether the newest edge is a change that has not lasted long enough yet."""
        return self._since_us is not None

    def take(self, level: bool, t_us: int) -> bool:
        """An edge was told; False when it says what already was: one before it was missed, and nothing is changed."""
        self.edges += 1
        if level is self.raw:
            self.missed += 1
            return False
        self._turn(level, t_us)
        return True

    def correct(self, t_us: int) -> None:
        """The level that was read is not the one by the edges: one was missed, and it counts as of now."""
        self.missed += 1
        self._turn(not self.raw, t_us)

    def settle(self, until_us: int) -> None:
        """Every edge before `until_us` is known: what has lasted long enough by then is a change."""
        if self._since_us is not None and until_us - self._since_us >= self._bounce_us:
            self._change(self._since_us)
            self._since_us = None
        self._swallow(until_us)

    def _turn(self, level: bool, t_us: int) -> None:
        since_us = self._since_us
        if since_us is None:
            self._swallow(t_us)
            self._since_us = t_us
        elif t_us - since_us >= self._bounce_us:
            self._change(since_us)
            self._since_us = t_us
        else:
            self.bounces += 1
            self._since_us = None
            self._swallowing_us = since_us if self._swallowing_us is None else self._swallowing_us
        self.raw, self.newest_us = level, t_us

    def _change(self, since_us: int) -> None:
        """The level of now has lasted since then, and pulses just before it were its bouncing."""
        self._swallowing_us = None
        self._told(since_us, self.active)

    def _swallow(self, until_us: int) -> None:
        """Pulses that no change has followed by now are no bouncing of one."""
        from_us = self._swallowing_us
        if from_us is not None and self._since_us is None and until_us - self.newest_us >= self._bounce_us:
            self._swallowing_us = None
            if self._swallowed is not None:
                self._swallowed(self.newest_us, self.newest_us - from_us)
