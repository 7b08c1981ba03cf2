"""Lines of text from another maker's pen become readings: a StreamDecoder, as decode.py is one for frames.

Sans-I/O: what it returns depends on what was fed, in order, and on the stamps with which it arrived. Any division of
the same bytes under the same stamps gives the same readings and the same faults. Every byte is accounted for: framed,
rejected, delimiter or held. Not responsible for what one line says (line_reader.py).

Such a pen has no boot counter and seldom sample numbers, a clock or a name. What stands in their place here is our own
count; `LineFormat.untold` says which of it is, so that nobody reports it as the pen's (docs/adr/0012).
"""

from typing import NamedTuple

from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.line_format import LineFormat, Number
from firmware_bridge.line_reader import Bad, Ignored, LineReader, PassLine, Sample
from firmware_bridge.pace import Pace
from firmware_bridge.readings import (
    Fault,
    FaultKind,
    Heartbeat,
    Identity,
    LinkChange,
    RawInput,
    Reading,
    SampleBlock,
    SerialChunk,
    Unknown,
)
from firmware_bridge.sides import of_pins

_WRAP = 2**32


class Line(NamedTuple):
    """A line as it was taken: its number in the stream, where its bytes began, the bytes without their ending, what it
    became. A piece of one that is too long has its number."""

    number: int
    offset: int
    data: bytes
    readings: list[Reading]


class LineDecoder:
    """One per stream. `framed_bytes + rejected_bytes + delimiter_bytes + held_bytes` is every byte ever fed."""

    def __init__(self, lines: LineFormat) -> None:
        self.framed_bytes = 0
        self.rejected_bytes = 0
        self.delimiter_bytes = 0
        self._reader = LineReader(lines)
        self._meaning = _Meaning(lines)
        self._delimiter = b"\r" if lines.ending == "cr" else b"\n"
        self._two_bytes = lines.ending == "crlf"
        self._longest = lines.longest
        self._number = 1
        self._held = b""
        self._synced = False  # an ending was seen since the link came up: what follows starts at its beginning
        self._oversize = False  # inside a run that is too long to be a line

    @property
    def held_bytes(self) -> int:
        """Bytes after the last ending, waiting for theirs; never more than the longest line has, and a CR of CR LF."""
        return len(self._held)

    def feed(self, raw: RawInput) -> list[Reading]:
        """Take one raw input and return what it completes.

        A link that changes and bytes that are missing (overflow) end what was held, and the next line has lost its
        beginning. Behind a link that comes back there may be another pen: the profile names it anew.
        """
        if isinstance(raw, SerialChunk):
            return self.feed_bytes(raw.data, raw.t_us)
        if of_pins(raw):
            return []
        faults = self.finish()
        self._synced = False
        self._meaning.break_off(another=isinstance(raw, LinkChange))
        return faults

    def feed_bytes(self, data: bytes, t_us: int = 0) -> list[Reading]:
        """Take the bytes of a SerialChunk stamped `t_us`, for those who have them without one."""
        return [reading for line in self.take(data, t_us) for reading in line.readings]

    def take(self, data: bytes, t_us: int = 0) -> list[Line]:
        """The same, line by line. An empty line is its ending and nothing else, and is not told."""
        lines: list[Line] = []
        runs = (self._held + data).split(self._delimiter)
        rest = runs.pop()
        for run in runs:
            self._take_run(lines, run, t_us)
            self.delimiter_bytes += 1
            self._number += 1
            self._synced, self._oversize = True, False
        self._held = self._shed(lines, rest)
        return lines

    def finish(self, _t_us: int | None = None) -> list[Reading]:
        """No more will come: what is held has no ending, and where it would have ended nobody knows."""
        return [reading for line in self.take_rest() for reading in line.readings]

    def take_rest(self) -> list[Line]:
        """The same, line by line."""
        lines: list[Line] = []
        if self._held:
            self._reject(lines, self._too_long() if self._oversize else _TAIL, self._held)
        self._held, self._oversize = b"", False
        return lines

    def _take_run(self, lines: list[Line], run: bytes, t_us: int) -> None:
        """A run of bytes that an ending has closed."""
        if self._oversize or self._exceeds(run):
            if rest := self._shed(lines, run):
                self._reject(lines, self._too_long(), rest)
            return
        ending = 1 if self._two_bytes and run[-1:] == b"\r" else 0
        data = run[: len(run) - ending]
        if data:
            # one that was cut at its beginning may read as a sound line with another number in it
            said = self._reader.read(run) if self._synced else _HEAD
            if isinstance(said, Bad):
                self._reject(lines, said, data)
            else:
                lines.append(Line(self._number, self._taken, data, self._meaning.of(said, len(data), t_us)))
                self.framed_bytes += len(data)
        self.delimiter_bytes += ending

    def _shed(self, lines: list[Line], run: bytes) -> bytes:
        """Reject whole pieces from the front of a run that is too long, and return what is left."""
        while self._exceeds(run):
            self._oversize = True
            self._reject(lines, self._too_long(), run[: self._longest + 1])
            run = run[self._longest + 1 :]
        return run

    def _exceeds(self, run: bytes) -> bool:
        """Whether no line can be so long. A CR that may be the first half of its ending is not counted."""
        ending = 1 if self._two_bytes and run[-1:] == b"\r" else 0
        return len(run) - ending > self._longest

    def _too_long(self) -> Bad:
        return Bad("oversize", f"there is no ending within {self._longest} bytes")

    def _reject(self, lines: list[Line], bad: Bad, data: bytes) -> None:
        kind: FaultKind = bad.kind
        fault = Fault(kind=kind, offset=self._taken, data=data, why=bad.why)
        lines.append(Line(self._number, self._taken, data, [fault]))
        self.rejected_bytes += len(data)

    @property
    def _taken(self) -> int:
        return self.framed_bytes + self.rejected_bytes + self.delimiter_bytes


_HEAD = Bad("head", "where it began was not seen: nothing before it had ended")
_TAIL = Bad("tail", "its end did not come")


class _Meaning:
    """What lines mean one after the other: numbers, times, the count of passes, and whose they are."""

    def __init__(self, lines: LineFormat) -> None:
        self._lines = lines
        self._pace = Pace(lines.sample_period_us)
        self._named = False  # since the link came up
        self._boot = 0  # how often numbers or clock began anew
        self._seq = -1  # of the newest sample
        self._ends_us = 0  # where the newest sample ends, unwrapped
        self._counter: int | None = None
        self._time_us: int | None = None
        self._counter_wraps = _wraps(lines.fields.get("counter"), 1)
        time = lines.fields.get("time")
        self._time_wraps = _wraps(time, time.factor("time") if isinstance(time, Number) else 1)
        self._passes = 0 if lines.pass_line is not None else None
        self._newest: SampleBlock | None = None
        self._waiting = 0  # passes told before there was a sample that they could be told with

    def break_off(self, *, another: bool) -> None:
        """Something was lost here; `another`: what follows may be another pen's."""
        self._named = self._named and not another
        self._waiting = 0 if another else self._waiting
        self._pace.break_off()

    def of(self, said: Sample | PassLine | Ignored, n_bytes: int, t_us: int) -> list[Reading]:
        """The readings of a line that arrived at `t_us`."""
        match said:
            case Sample():
                return self._sample(said, t_us)
            case PassLine() if self._passes is not None and self._newest is not None:
                self._passes += 1
                return [self._heartbeat(self._newest)]
            case PassLine() if self._passes is not None:  # no sample yet: it is counted with the first
                self._waiting += 1
                return [Unknown(major=PROTOCOL_MAJOR, kind=0, n_bytes=n_bytes)]
            case _:  # it says nothing
                return [Unknown(major=PROTOCOL_MAJOR, kind=0, n_bytes=n_bytes)]

    def _sample(self, sample: Sample, t_us: int) -> list[Reading]:
        anew, at_us = self._place(sample, t_us)
        seq = self._number(sample, at_us, anew=anew)
        self._seq, self._ends_us = seq, at_us + self._lines.sample_period_us
        self._newest = block = SampleBlock(
            mode=self._lines.mode,
            motor_on=_running(sample),
            boot=self._boot,
            seq=seq % _WRAP,
            t_us=at_us % _WRAP,
            depth_set_um=sample.set_depth,
            passes=sample.passes if self._passes is None else self._passes,
            strokes=sample.strokes,
            period_us=self._lines.sample_period_us,
            n=1,
            depth_um=None if sample.depth is None else (sample.depth,),
            raw_count=None if sample.raw_count is None else (sample.raw_count,),
            frequency_dhz=None if sample.frequency is None else (sample.frequency,),
            contact_bits=sample.contact,
        )
        told: list[Reading] = [block]
        if not self._named:
            self._named = True
            told.append(self._identity(block))
        if self._passes is not None and self._waiting:
            self._passes, self._waiting = self._passes + self._waiting, 0
            told.append(self._heartbeat(block))
        return told

    def _place(self, sample: Sample, t_us: int) -> tuple[bool, int]:
        """Whether the pen's clock began anew, and where the sample begins."""
        if sample.time is None:
            return False, self._pace.place(t_us)
        before, self._time_us = self._time_us, sample.time
        if before is None:
            return False, sample.time
        step = _step(before, sample.time, self._time_wraps)
        if step is None:
            return True, sample.time
        return False, self._ends_us - self._lines.sample_period_us + step

    def _number(self, sample: Sample, at_us: int, *, anew: bool) -> int:
        if sample.counter is None:
            self._boot += anew
            return self._seq + 1
        before, self._counter = self._counter, sample.counter
        if before is None:
            return sample.counter
        step = _step(before, sample.counter, self._counter_wraps)
        since_us = at_us - self._ends_us
        # a counter that may have gone round meanwhile tells nothing, except that it just goes on
        round_us = self._counter_wraps * self._lines.sample_period_us
        if anew or step is None or (step > 1 and 2 * since_us >= round_us):
            self._boot += 1
            return sample.counter
        return self._seq + step

    def _heartbeat(self, newest: SampleBlock) -> Heartbeat:
        return Heartbeat(
            mode=newest.mode,
            motor_on=newest.motor_on,
            boot=self._boot,
            seq=(self._seq + 1) % _WRAP,
            t_us=self._ends_us % _WRAP,
            depth_set_um=newest.depth_set_um,
            passes=self._passes,
            strokes=newest.strokes,
        )

    def _identity(self, block: SampleBlock) -> Identity:
        """What the profile says of the pen. Protocol 0: the pen did not say it."""
        return Identity(
            mode=block.mode,
            motor_on=block.motor_on,
            boot=self._boot,
            seq=(self._seq + 1) % _WRAP,
            t_us=self._ends_us % _WRAP,
            protocol_major=0,
            protocol_minor=0,
            model=self._lines.model,
            serial="",
            firmware="",
            calibration_id=self._lines.calibration_id,
            cartridge="",
        )


def _running(sample: Sample) -> bool:
    """Whether the motor runs. A pen that does not tell is taken to: what it does then is judged, not passed over."""
    if sample.motor is not None:
        return bool(sample.motor)
    return sample.frequency is None or sample.frequency > 0


def _wraps(field: object, unit: object) -> int:
    """The number at which it wraps, in our unit; 0 for one that does not."""
    return int(field.wraps_at * unit) if isinstance(field, Number) and field.wraps_at else 0  # type: ignore[operator]


def _step(before: int, now: int, wraps_at: int) -> int | None:
    """How far a number went on; None where it fell, which it does when it begins anew."""
    if not wraps_at:
        return now - before if now >= before else None
    step = (now - before) % wraps_at
    return step if step <= wraps_at // 2 else None
