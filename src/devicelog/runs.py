"""A run: sample frames that follow each other and are alike, counted together instead of one by one. Pure.

Fifty frames a second and more arrive; nearly all of them continue what the one before said: the same zone, dial,
contact, motor and counters, the next sample number, no silence between. What is counted over a run does not depend on
where it is cut, so that looking at the facts in between changes nothing. Not responsible for what does not follow
(derive.py), nor for what is counted (tally.py).
"""

from devicelog.records import Record
from firmware_bridge.readings import Mode, SampleBlock

GAP_LISTED_US = 100_000  # shorter gaps are counted, not listed
FASTEST_DHZ = 4_000  # no needle strikes faster: pens are sold with 90 to 300 strokes a second [gist_a6s, k180778] C/D


class Run:
    """Opened with the part of a frame that begins it, from sample `start` for `count` samples of one contact state."""

    __slots__ = (
        "_bits",
        "_boot",
        "_far_us",
        "_most_strokes",
        "_next_seq",
        "_silent_us",
        "_until_us",
        "began_with",
        "contact",
        "depth",
        "first_record",
        "first_us",
        "frames",
        "frequency",
        "last_record",
        "last_us",
        "low",
        "mode",
        "motor_on",
        "n",
        "passes",
        "pen_us",
        "period_us",
        "records",
        "samples",
        "set_um",
        "strokes",
    )

    def __init__(
        self,
        record: Record,
        block: SampleBlock,
        *,
        start: int,
        count: int,
        contact: bool | None,
        silence_limit_us: int,
        until_us: int,
    ) -> None:
        """`until_us`: the pen's clock at which a run must end, whatever goes on."""
        stop = start + count
        self.mode: Mode = block.mode
        self.motor_on = block.motor_on
        self.set_um = block.depth_set_um
        self.passes = block.passes
        self.strokes = block.strokes
        self.period_us = block.period_us
        self.contact = contact
        self.depth = None if block.depth_um is None else list(block.depth_um[start:stop])
        self.frequency = None if block.frequency_dhz is None else list(block.frequency_dhz[start:stop])
        self.samples = count
        self.frames = 0  # joined after the one that began it
        self.first_record = self.last_record = record.number
        self.first_us = self.last_us = record.t_us
        self.pen_us = block.t_us
        self.n = block.n
        self.low = (record.t_us - block.t_us, block.t_us)
        self.records = [record.number]
        self.began_with = count
        self._boot = block.boot
        self._bits = None if contact is None else (1 << block.n) - 1 if contact else 0
        self._next_seq = block.seq + block.n
        self._silent_us = silence_limit_us
        self._until_us = until_us
        self._far_us = block.n * block.period_us + GAP_LISTED_US - 1
        self._most_strokes = block.n * block.period_us * FASTEST_DHZ // 10_000_000 + 2

    def join(self, number: int, t_us: int, block: SampleBlock) -> bool:
        """Take the next frame into the run if it only goes on; False when it says anything new."""
        mode, motor_on, boot, seq, pen_us, set_um, passes, strokes, period_us, n, depth, _, frequency, bits, extra = (
            block
        )
        if (
            seq != self._next_seq
            or bits != self._bits
            or n != self.n
            or boot != self._boot
            or set_um != self.set_um
            or passes != self.passes
            or period_us != self.period_us
            or motor_on is not self.motor_on
            or mode is not self.mode
            or extra
            or not self.pen_us < pen_us < self._until_us
            or pen_us > self.pen_us + self._far_us
            or t_us - self.last_us > self._silent_us
        ):
            return False
        mine, rates = self.depth, self.frequency
        if (mine is None) is not (depth is None) or (rates is None) is not (frequency is None):
            return False
        if strokes != self.strokes:
            if strokes is None or self.strokes is None or not 0 <= strokes - self.strokes <= self._most_strokes:
                return False
            self.strokes = strokes
        if mine is not None and depth is not None:
            mine += depth
        if rates is not None and frequency is not None:
            rates += frequency
        if t_us - pen_us < self.low[0]:
            self.low = (t_us - pen_us, pen_us)
        self.frames += 1
        self.samples += n
        self.last_record = number
        self.last_us = t_us
        self.pen_us = pen_us
        self._next_seq = seq + n
        self.records.append(number)
        return True

    def record_of(self, sample: int) -> int:
        """The number of the record that completed the frame of this sample."""
        return self.records[0 if sample < self.began_with else 1 + (sample - self.began_with) // self.n]
