"""A capture as frames in time: which came when, in which phase, from which start of the pen, and what was no frame.

Pure. A frame's host time is that of its last byte, not of its delimiter: a pen that leaves the delimiter out is late in
nothing else. Not responsible for judging anything (the rules).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

from firmware_bridge.conformance.capture import Capture, Full, Lines, Link, Phase, Received, Sent, Setting
from firmware_bridge.frames import MAX_SEGMENT, encode, parse, payload_of
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, PenEvent, SampleBlock, Unknown

REQUEST = encode(IdentityRequest())
JUMP_US = 200_000  # a pen's clock that parts from the host's by more than this between two frames has jumped
_U32 = 1 << 32
_DRAINS_US = 500_000  # within this time of an opening comes what waited for it
_LIVE_US = 3_000_000  # and in this time after that the pen is heard as it speaks
_AROUND_BYTES = 7  # a payload: two delimiters, one byte of COBS, the CRC
_TEXT_SHARE = 0.9  # of a run, from which it is text and no frame

Told = SampleBlock | Heartbeat | PenEvent | Identity  # what a pen of this protocol says


@dataclass(slots=True)
class Frame:
    """One sound frame; `number` counts all sound frames of the run, from 1.

    `pen_us` is its `t_us` counted on beyond 32 bits, `now_us` that of its last sample.
    `life` numbers the starts of the pen that were seen, from 0. `clean`: nothing but frames came since the frame
    before, and the link stayed. `shared`: one delimiter alone stands between it and the frame before. `waited`: the pen
    kept it because no host had the port open (P-19); when it was sent says nothing of the pen.
    """

    number: int
    host_us: int
    phase: str
    payload: bytes
    told: Told
    life: int
    pen_us: int
    now_us: int
    clean: bool
    shared: bool
    waited: bool = False


class Stranger(NamedTuple):
    """A sound frame that no pen of this version sends: an unknown kind or version, or a request of the host's."""

    number: int
    host_us: int
    payload: bytes
    told: Unknown | IdentityRequest


@dataclass(slots=True)
class Damage:
    """Runs of bytes that are no frame, of one kind: how many, when and after which frame the first, how it began."""

    n: int = 0
    n_bytes: int = 0
    host_us: int = 0
    after: int = 0
    example: bytes = b""


@dataclass(slots=True)
class Trace:
    """What a capture holds, ready to be judged. All times are the host's, except where a name says `pen`."""

    setting: Setting
    began_us: int = 0
    ended_us: int = 0
    n_bytes: int = 0
    full: bool = False
    links_lost: int = 0
    opened_us: list[int] = field(default_factory=list)  # when the port came up
    frames: list[Frame] = field(default_factory=list)
    unclean_us: list[int] = field(default_factory=list)  # of the frames before which something else came
    lives: list[str] = field(default_factory=list)  # how each start was seen: first, boot, clock
    unknown: list[Stranger] = field(default_factory=list)  # of kinds and versions that nobody can read
    echoes: list[Stranger] = field(default_factory=list)  # requests of the host, which a pen never sends
    damage: dict[str, Damage] = field(default_factory=dict)  # by text, cobs, crc, malformed, oversize
    asked_us: list[int] = field(default_factory=list)  # when the host asked properly
    phases: list[tuple[str, int, int]] = field(default_factory=list)  # name, from, to
    lines_us: list[int] = field(default_factory=list)  # when DTR or RTS was set
    loads: dict[int, int] = field(default_factory=dict)  # bytes by whole second

    def phase(self, name: str) -> tuple[int, int] | None:
        """From when to when it lasted; None when it was not reached."""
        return next(((from_us, to_us) for phase, from_us, to_us in self.phases if phase == name), None)

    def within(self, from_us: int, to_us: int) -> Iterator[Frame]:
        """The frames that came in this time, its end excluded."""
        begin = bisect_left(self.frames, from_us, key=_host_us)
        end = bisect_left(self.frames, to_us, key=_host_us)
        return (self.frames[place] for place in range(begin, end))

    def clean(self, from_us: int, to_us: int) -> bool:
        """Whether nothing but frames came after the one time and up to the other."""
        return bisect_right(self.unclean_us, from_us) == bisect_right(self.unclean_us, to_us)

    def reopened(self, after_us: int, until_us: int) -> int | None:
        """When the port last came up again in this time, its beginning excluded; None when it did not."""
        found = [us for us in self.opened_us[1:] if after_us < us <= until_us]
        return found[-1] if found else None

    def identities(self) -> list[Frame]:
        """The frames that say who the pen is."""
        return [frame for frame in self.frames if isinstance(frame.told, Identity)]

    @property
    def n_damaged(self) -> int:
        """All runs that are no frame."""
        return sum(damage.n for damage in self.damage.values())


def _host_us(frame: Frame) -> int:
    return frame.host_us


def trace_of(capture: Capture) -> Trace:
    """Read a whole capture. Memory is bounded by the capture, which is."""
    return _Reader(capture).trace


class _Reader:
    def __init__(self, capture: Capture) -> None:
        self.trace = Trace(setting=capture.setting)
        self._phase = "listen"
        self._n_sound = 0
        self._lost_link()
        if capture.events:
            self.trace.began_us, self.trace.ended_us = capture.events[0].t_us, capture.events[-1].t_us
        for event in capture.events:
            match event:
                case Received():
                    self._receive(event.t_us, event.data)
                case Sent():
                    if event.data == REQUEST:
                        self.trace.asked_us.append(event.t_us)
                case Phase():
                    self._enter(event)
                case Link():
                    if event.up:
                        self.trace.opened_us.append(event.t_us)
                    else:
                        self.trace.links_lost += 1
                        self._lost_link()
                case Lines():
                    self.trace.lines_us.append(event.t_us)
                case Full():
                    self.trace.full = True
        self._close_phase(self.trace.ended_us)
        for opened_us in self.trace.opened_us:
            _mark_waited(self.trace, opened_us)

    # --- phases ---------------------------------------------------------------------------------------------------

    def _enter(self, event: Phase) -> None:
        self._close_phase(event.t_us)
        self._phase = event.name
        self.trace.phases.append((event.name, event.t_us, event.t_us))

    def _close_phase(self, t_us: int) -> None:
        if self.trace.phases:
            name, from_us, _ = self.trace.phases.pop()
            self.trace.phases.append((name, from_us, t_us))

    # --- bytes ----------------------------------------------------------------------------------------------------

    def _lost_link(self) -> None:
        self._run, self._run_us, self._oversize = bytearray(), 0, False
        self._synced = False  # a run before the first delimiter has lost its beginning: it says nothing of the pen
        self._zeros, self._after_frame, self._clean = 0, False, False

    def _receive(self, t_us: int, data: bytes) -> None:
        trace = self.trace
        trace.n_bytes += len(data)
        second = (t_us - trace.began_us) // 1_000_000
        trace.loads[second] = trace.loads.get(second, 0) + len(data)
        first, *rest = data.split(b"\0")
        self._extend(t_us, first)
        for part in rest:
            if self._run or self._oversize:
                self._end_run()
            self._synced = True
            self._zeros += 1
            self._extend(t_us, part)

    def _extend(self, t_us: int, part: bytes) -> None:
        if not part:
            return
        self._run_us = t_us
        self._run += part
        if len(self._run) > MAX_SEGMENT:
            if not self._oversize:
                self._note("oversize", self._run, n=1)
            else:
                self.trace.damage["oversize"].n_bytes += len(self._run)
            self._oversize = True
            self._run.clear()

    def _end_run(self) -> None:
        run, shared = bytes(self._run), self._zeros == 1 and self._after_frame
        self._zeros, self._after_frame = 0, False
        self._run.clear()
        if self._oversize:
            self._oversize = False
            return
        message = parse(run)
        if isinstance(message, str):
            if self._synced:
                self._note("text" if _is_text(run) else message, run, n=1)
            self._clean = False
        else:
            self._after_frame = True
            self._take(message, run, shared)

    def _note(self, kind: str, run: bytes | bytearray, *, n: int) -> None:
        new = Damage(host_us=self._run_us, after=self._n_sound, example=bytes(run[:254]))
        damage = self.trace.damage.setdefault(kind, new)
        damage.n += n
        damage.n_bytes += len(run)
        self._clean = False

    # --- frames ---------------------------------------------------------------------------------------------------

    def _take(self, message: Told | IdentityRequest | Unknown, run: bytes, shared: bool) -> None:
        self._n_sound += 1
        payload = payload_of(run) or b""
        if isinstance(message, Unknown | IdentityRequest):
            into = self.trace.unknown if isinstance(message, Unknown) else self.trace.echoes
            into.append(Stranger(self._n_sound, self._run_us, payload, message))
            return
        before = self.trace.frames[-1] if self.trace.frames else None
        life, pen_us = self._place(before, message)
        n_later = message.n - 1 if isinstance(message, SampleBlock) else 0
        later_us = n_later * message.period_us if isinstance(message, SampleBlock) else 0
        self.trace.frames.append(
            Frame(
                number=self._n_sound,
                host_us=self._run_us,
                phase=self._phase,
                payload=payload,
                told=message,
                life=life,
                pen_us=pen_us,
                now_us=pen_us + later_us,
                clean=self._clean,
                shared=shared,
            )
        )
        if not self._clean:
            self.trace.unclean_us.append(self._run_us)
        self._clean = True

    def _place(self, before: Frame | None, message: Told) -> tuple[int, int]:
        """The start that a frame belongs to, and its pen time within it."""
        if before is None:
            self.trace.lives.append("first")
            return 0, message.t_us
        passed_us = signed(message.t_us - before.told.t_us)
        if message.boot != before.told.boot:
            self.trace.lives.append("boot")
        elif self._restarts(before, message, passed_us):
            self.trace.lives.append("clock")
        else:
            return before.life, before.pen_us + passed_us
        return before.life + 1, message.t_us

    def _restarts(self, before: Frame, message: Told, passed_us: int) -> bool:
        """Whether the pen began anew and its boot counter does not say so: its clock and its numbers both fell."""
        jumped = abs(passed_us - (self._run_us - before.host_us)) > JUMP_US
        fell = message.seq < before.told.seq or (message.seq == 0 and self._phase == "power")
        return jumped and passed_us < 0 and fell


def _mark_waited(trace: Trace, opened_us: int) -> None:
    """Mark what the pen had kept for the opening of the port: it came at once, and much later than what came next."""
    drained_us = opened_us + _DRAINS_US
    first, *_ = [*trace.within(opened_us, drained_us), None]
    live = list(trace.within(drained_us, drained_us + _LIVE_US))
    if first is None or not live or live[0].life != first.life:
        return
    least_us = min(frame.host_us - frame.now_us for frame in live if frame.life == first.life)
    kept = [*takewhile(lambda frame: _is_kept(frame, first.life, least_us), trace.within(opened_us, drained_us))]
    for frame in kept:
        if frame.waited:
            continue  # the port came up twice in no time
        frame.waited = True
        trace.loads[(frame.host_us - trace.began_us) // 1_000_000] -= len(frame.payload) + _AROUND_BYTES
    if kept:  # what came between the last that was kept and the first that was not, nobody knows
        after = bisect_right(trace.frames, kept[-1].number, key=lambda frame: frame.number)
        trace.frames[after].clean = False
        trace.unclean_us = [frame.host_us for frame in trace.frames if not frame.clean]


def _is_kept(frame: Frame, life: int, least_us: int) -> bool:
    return frame.life == life and frame.host_us - frame.now_us > least_us + JUMP_US


def signed(difference: int) -> int:
    """The difference of two numbers of 32 bits that wrap, from -2**31 to 2**31 - 1."""
    difference %= _U32
    return difference - _U32 if difference >= _U32 // 2 else difference


def _is_text(run: bytes) -> bool:
    printable = sum(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in run)
    return len(run) >= 3 and printable >= _TEXT_SHARE * len(run)
