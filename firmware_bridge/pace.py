"""When the samples of a pen without a clock were taken, from when their lines arrived and how long each stands for.

Pure. A line can be read late and never early: the reader sleeps, and a computer that is busy reads twenty at once. So
samples follow each other at their period. But when a read is over, what its newest line lacks to the time of that read
was not waiting to be read: it did not come, and the next sample begins so much later. A stretch that lasts longer than
a reader is ever held up is no lateness at all, and is taken at once.
"""

HELD_UP_US = 500_000


class Pace:
    """The samples of one stream, in order."""

    def __init__(self, period_us: int) -> None:
        self._period_us = period_us
        self._next_us: int | None = None  # where the next sample begins, if nothing is lost
        self._arrived_us = 0
        self._late_us = 0  # how late the newest line was, by that

    def place(self, arrived_us: int) -> int:
        """Where the sample begins whose line arrived now. Stamps of one read are alike."""
        newest_us = arrived_us - self._period_us
        if self._next_us is None:
            at_us = newest_us
        else:
            lost_us = self._late_us if arrived_us != self._arrived_us else 0
            at_us = min(self._next_us + lost_us, newest_us)
            if newest_us - at_us > max(HELD_UP_US, 2 * self._period_us):
                at_us = newest_us
        self._next_us, self._arrived_us, self._late_us = at_us + self._period_us, arrived_us, newest_us - at_us
        return at_us

    def break_off(self) -> None:
        """What comes next does not follow what came."""
        self._next_us = None
