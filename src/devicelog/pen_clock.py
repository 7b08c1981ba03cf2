"""The pen's microseconds against the host's: how fast it runs, and what is left over. A fixed integer algorithm. Pure.

A frame is sent when its last sample has ended, and can arrive late and never early. So of each stretch of time only the
frame that came soonest counts: the host's stamp less the pen's is smallest there. The drift is the slope from the
soonest frame of the first third of the stretches to the soonest of the last third; the residual is how far the soonest
frames of all stretches lie from that line. Stretches begin at one second of the pen's time and double, so that there
are never more than 64 of them. The pen's clock is unwrapped at 2**32; at a restart it begins anew.
"""

from dataclasses import dataclass, field

from devicelog.canonical import Json

WRAP = 2**32
STRETCH_US = 1_000_000
MOST_STRETCHES = 64
TELLS_US = 4_000_000  # of the pen's time: below it the late frames decide, and nothing is said


@dataclass(slots=True)
class _Boot:
    """Since one start of the pen. `soonest`: by number of the stretch, (host less pen, pen), both unwrapped."""

    boot: int
    newest_us: int  # the pen's clock, unwrapped
    width_us: int = STRETCH_US
    wraps: int = 0
    soonest: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, host_less_pen_us: int, pen_us: int) -> None:
        point, number = (host_less_pen_us, pen_us), pen_us // self.width_us
        self.soonest[number] = min(point, self.soonest.get(number, point))
        if len(self.soonest) > MOST_STRETCHES:
            self.width_us *= 2
            points, self.soonest = self.soonest, {}
            for number, point in points.items():
                self.soonest[number // 2] = min(point, self.soonest.get(number // 2, point))

    def document(self) -> Json:
        points = list(self.soonest.values())
        third = len(points) // 3
        for_us = points[-1][1] - points[0][1]
        said: Json = {"boot": self.boot, "wraps": self.wraps, "for_us": for_us, "drift_ppm": None, "residual_us": None}
        if not third or for_us < TELLS_US:
            return said
        (from_d, from_us), (to_d, to_us) = min(points[:third]), min(points[-third:])
        rise, run = to_d - from_d, to_us - from_us
        by_host_us = run + rise
        left_over = (abs(d - from_d - (us - from_us) * rise // run) for d, us in points)
        if by_host_us > 0:  # the host sees a fast pen gain on it: then host less pen falls
            said["drift_ppm"] = -rise * 1_000_000 // by_host_us
            said["residual_us"] = max(left_over)
        return said


class PenClock:
    """The clock of the pen, heard message by message."""

    def __init__(self) -> None:
        self._boots: list[_Boot] = []

    def hear(self, boot: int, pen_us: int, host_us: int, *, anew: bool) -> None:
        """A message stamped `pen_us` (32 bits) by the pen arrived at `host_us`. `anew`: the pen has restarted."""
        if anew or not self._boots:
            self._boots.append(_Boot(boot, pen_us))
        current = self._boots[-1]
        if self._move(current, pen_us):
            current.add(host_us - current.newest_us, current.newest_us)

    def hear_run(self, soonest: tuple[int, int], newest_us: int) -> None:
        """A run of frames of one stretch: its soonest (host less pen, pen), and the pen's 32-bit clock at its last."""
        if not self._boots:
            return
        current = self._boots[-1]
        host_less_pen_us, pen_us = soonest
        self._move(current, pen_us)
        ahead_us = current.newest_us - pen_us  # whole wraps
        current.add(host_less_pen_us - ahead_us, current.newest_us)
        self._move(current, newest_us)

    def stretch_ends_us(self, pen_us: int) -> int:
        """The pen's clock (32 bits) where the stretch of `pen_us`, which was just heard, ends, or where it wraps.

        A message that was overtaken is in none: what comes after it is to be heard by itself.
        """
        if not self._boots:
            return WRAP
        current = self._boots[-1]
        if current.newest_us % WRAP != pen_us:
            return pen_us
        left_us = current.width_us - current.newest_us % current.width_us
        return min(pen_us + left_us, WRAP)

    def documents(self) -> list[Json]:
        """One for each start of the pen: for how long it was heard, drift in parts per million (a fast pen is
        positive), residual in microseconds; None where the time was too short to tell."""
        return [boot.document() for boot in self._boots]

    @staticmethod
    def _move(current: _Boot, pen_us: int) -> bool:
        """Go on to the time at which the pen's clock shows `pen_us`; False for a message that was overtaken."""
        ahead_us = (pen_us - current.newest_us) % WRAP
        if ahead_us >= WRAP // 2:
            return False
        before = current.newest_us // WRAP
        current.newest_us += ahead_us
        current.wraps += current.newest_us // WRAP - before
        return True
