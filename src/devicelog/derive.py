"""From readings and marks to facts: glides, passes and depth per zone, gaps, spans, the completeness account.

Pure and incremental: fed one record's readings at a time, live and in replay alike. Order and host time come from the
records, durations of needling from the pen's own sample period. Judging the facts is validate's work.

Sample frames that only go on are gathered in a run and counted together (runs.py); everything that says something new
settles the run first. Where it is settled makes no difference to the facts.
"""

from collections.abc import Callable, Collection, Sequence

from devicelog.account import Account
from devicelog.attribution import Correction, turns
from devicelog.canonical import Json
from devicelog.counters import Counters
from devicelog.gaps import Gaps, Message, ends_us
from devicelog.needling import Needling
from devicelog.pen_clock import PenClock
from devicelog.records import Clock, End, Mark, Record, Stall
from devicelog.runs import GAP_LISTED_US, Run
from devicelog.sessions import UNASSIGNED
from devicelog.stirring import stirred
from devicelog.tally import Limits
from devicelog.told import Told
from devicelog.who import Who
from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.readings import (
    Fault,
    Gesture,
    Heartbeat,
    Identity,
    LinkChange,
    Overflow,
    PenEvent,
    Reading,
    SampleBlock,
    Unknown,
)

UNHEARD = ("silent", "no frames")  # causes of a lost link: the port was sound, and no pen was heard
_MODES = ("demo", "test", "real")  # one frame that is not real, and the stream is not
_CONFIDENCES = ("unknown", "restored", "rtc", "synced")  # worst first


class Derivation:
    """The running facts of one stream."""

    def __init__(
        self,
        *,
        limits_of: Callable[[str], Limits],
        silence_limit_us: int,
        pen: Json | None,
        before: Counters | None,
        heard: Counters | None,
        corrections: Sequence[Correction] = (),
        untold: Sequence[str] = (),
        practitioner: str | None = None,
        cartridge: str | None = None,
    ) -> None:
        """`untold`: what this kind of pen cannot tell of itself, as `PenProfile.untold` names it.

        `practitioner` and `cartridge` are those the session began with; None where it is not known.
        """
        self.account = Account(numbered="numbers" not in untold)
        self.needling = Needling(limits_of, practitioner, cartridge)
        self.told = Told()
        self.gaps = Gaps(silence_limit_us, numbered="numbers" not in untold)
        self.who = Who(pen, before=before, heard=heard)
        self.last: SampleBlock | None = None  # the newest sample frame
        self.contact: bool | None = None  # at the newest sample
        self.end: End | None = None
        self.pen_t_us: int | None = None
        self._marked = UNASSIGNED  # the zone of the newest mark
        self._turns = turns(corrections)
        self._sample_zone = UNASSIGNED  # where the newest sample was: a gap begins there
        self._silence_limit_us = silence_limit_us
        self._first_us = self._last_us = 0
        self._last_record = -1
        self._run: Run | None = None
        self._stirred: tuple[object, ...] | None = None
        self._clock = PenClock()
        self._has_clock = "clock" not in untold
        self._modes: set[str] = set()
        self._identities = 0
        self._events: dict[int, int] = {}
        self._marks: dict[str, int] = {}
        self._clocks: list[Json] = []
        self._losses: list[Json] = []  # of the link

    # --- records without readings -------------------------------------------------------------------------------------

    def arrived(self, record: Record) -> None:
        """Take every record's number and stamp, before its readings."""
        if self._last_record < 0:
            self._first_us = record.t_us
        self._last_us = max(self._last_us, record.t_us)
        self._last_record = record.number
        if record.number in self._turns:
            self._turn(record.number, self._turns[record.number] or self._marked)

    def record(self, record: Record, item: object) -> None:
        """Take what a record other than serial bytes says."""
        self.settle()
        match item:
            case Mark():
                self._mark(record, item)
            case LinkChange():
                self._link(record, item)
            case Overflow():
                self.account.overflows += 1
                self.account.dropped_bytes += item.dropped_bytes
                self.gaps.blame("overflow")
            case Stall():
                self.account.stalls += 1
            case Clock():
                self._clocks.append(
                    {"at_us": self._at(record.t_us), "wall_us": item.wall_us, "confidence": item.confidence}
                )
            case End():
                self.end = item
            case _:
                pass

    def _mark(self, record: Record, mark: Mark) -> None:
        self._marks[mark.kind] = self._marks.get(mark.kind, 0) + 1
        match mark.kind:
            case "zone":
                self._marked = mark.zone or UNASSIGNED
                if not self._moved(record.number):
                    self._turn(record.number, self._marked)
                self.needling.here()  # a zone that was marked is told, though nothing came of it
            case "pass":
                self.needling.here().passes_operator += 1
            case "pause":
                self.needling.paused = True
            case "resume":
                self.needling.paused = False
            case "operator":
                self.needling.practitioner = mark.practitioner
                self.needling.spans.cut(record.number)
            case "cartridge":
                self.needling.cartridge = mark.cartridge
                self.needling.spans.cut(record.number)
            case "plan" if mark.zone and mark.depth_min_um is not None and mark.depth_max_um is not None:
                self._replan(record, mark, mark.zone, (mark.depth_min_um, mark.depth_max_um))
            case _:
                pass
        # what was seen on the skin belongs to where the pen was; what was allowed or planned, to where it was meant
        seen_in = self.needling.zone if self._moved(record.number) else mark.zone
        self.told.take(mark, record.number, self._at(record.t_us), seen_in=seen_in)

    def _replan(self, record: Record, mark: Mark, zone: str, depths_um: tuple[int, int]) -> None:
        limits = self.needling.limits(zone).planned(*depths_um, mark.passes_min, mark.passes_max)
        self.needling.change(zone, limits)
        if zone == self.needling.zone:
            self.needling.spans.cut(record.number)

    def _moved(self, number: int) -> bool:
        """Whether a correction says where this record belongs."""
        before = [at for at in self._turns if at <= number]
        return bool(before) and self._turns[max(before)] is not None

    def _turn(self, number: int, zone: str) -> None:
        self.settle()
        self.needling.turn(number, zone)

    def _link(self, record: Record, change: LinkChange) -> None:
        self.gaps.link_up = change.up
        at_us = self._at(record.t_us)
        if not change.up:
            if change.cause not in UNHEARD:  # the recorder gave it up for what had been amiss before
                self.gaps.blame("released" if change.cause == "released" else "link")
            self.needling.away()
            self.who.lose()
            self._losses.append({"at_us": at_us, "for_us": None, "cause": change.cause})
        elif self._losses and self._losses[-1]["for_us"] is None:
            self._losses[-1]["for_us"] = at_us - self._losses[-1]["at_us"]

    # --- readings -----------------------------------------------------------------------------------------------------

    def reading(self, record: Record, reading: Reading) -> None:
        """Take one reading that this record completed."""
        if isinstance(reading, SampleBlock):
            if self._run is not None and self._run.join(record.number, record.t_us, reading):
                self.last, self.pen_t_us = reading, reading.t_us
                return
            self.settle()
            self._sound(reading)
            self._block(record, reading)
            return
        self.settle()
        match reading:
            case Identity() if not reading.protocol_major:  # the profile says it, and nothing was sent
                self._identify(reading)
            case Heartbeat() | PenEvent() | Identity():
                self._sound(reading)
                self._message(record, reading)
            case Unknown():
                self.account.unknown_frames += 1
                if reading.major != PROTOCOL_MAJOR:
                    self.account.newer[reading.major] += 1
            case Fault():
                self.account.fault(reading)
                self.gaps.blame("damage")
            case Gesture():  # it speaks through the mark that it becomes
                pass
            case _:  # another host's request, heard on a shared line
                self.account.sound_frames += 1

    def _sound(self, message: Message) -> None:
        self.account.sound_frames += 1
        self.account.trailing_bytes += message.trailing_bytes
        self._modes.add(message.mode)
        self.pen_t_us = message.t_us

    def _follow(self, record: Record, message: Message) -> bool:
        """Place a message after what was heard before, note a gap where there is one; False for a repeat."""
        another = isinstance(message, Identity) and self.who.serial not in (None, message.serial)
        if another:
            self.account.another_pen(heard_already=not self.who.named)
            self.who.is_another()
        step, missing = self.account.step(message)
        if step == "late" and isinstance(message, SampleBlock):
            self._late(record, message)
        if step in ("late", "repeat"):
            return False
        gap_us = self.gaps.before(
            record.t_us,
            message,
            lost=step in ("gap", "restart"),
            missing=missing,
            contact=self.contact,
            zone=self._sample_zone,
        )
        if gap_us or missing or step == "restart":
            self.needling.part()
        if gap_us >= GAP_LISTED_US:
            self.needling.away()  # a shorter one is a hole in a glide, left out of its contact time
        self.gaps.hear(record.t_us, message)
        self._clock.hear(message.boot, ends_us(message), record.t_us, anew=step == "restart")
        if another:
            self.needling.another_pen()
            self.contact = None
        return True

    def _message(self, record: Record, message: Heartbeat | PenEvent | Identity) -> None:
        follows = self._follow(record, message)
        if isinstance(message, Identity):  # an answer that was overtaken by samples says who it is all the same
            self._identities += 1
            self._identify(message)
        if not follows:
            return
        if not message.motor_on:
            self.needling.lift()
            self.contact = None if self.contact is None else False
        match message:
            case Heartbeat():
                self._count(message)
            case PenEvent():
                self._events[message.code] = self._events.get(message.code, 0) + 1
            case _:
                pass

    def _identify(self, identity: Identity) -> None:
        for zone, passes, strokes in self.who.identify(identity):
            self.needling.count(passes, strokes, zone)

    # --- sample frames ------------------------------------------------------------------------------------------------

    def _block(self, record: Record, block: SampleBlock) -> None:
        """A frame that says something new: place it, and begin a run with each part that is alike in contact."""
        if not self._follow(record, block):
            return
        self._count(block)
        if self.last is None or _setting(block) != _setting(self.last):
            self.needling.part()
        until_us = self._clock.stretch_ends_us(ends_us(block)) - block.n * block.period_us
        for start, count, contact in _parts(block):
            self.settle()
            self._run = Run(
                record,
                block,
                start=start,
                count=count,
                contact=contact,
                silence_limit_us=self._silence_limit_us,
                until_us=until_us,
            )
            self.contact = contact
        if not self.who.named:
            self.settle()  # whose strokes these are is not known: each frame is taken by itself
        self.last, self._sample_zone = block, self.needling.zone

    def _late(self, record: Record, block: SampleBlock) -> None:
        """A frame that others overtook: its samples count where data goes now, and are nobody's neighbours."""
        self.gaps.fill(block)
        for start, count, contact in _parts(block):
            limit_us = self._silence_limit_us
            part = Run(record, block, start=start, count=count, contact=contact, silence_limit_us=limit_us, until_us=0)
            self.needling.late(part)

    def settle(self) -> None:
        """Count the run that is open. Facts are true after it; when it is called makes no difference to them."""
        run, self._run, self._stirred = self._run, None, None
        if run is None:
            return
        if run.frames:
            ends_us = run.pen_us + run.n * run.period_us
            self.account.go_on(run.frames, run.samples - run.began_with, ends_us)
            self.gaps.go_on(run.last_us, run.pen_us, run.period_us, run.n)
            own_us, (host_less_pen_us, pen_us) = run.n * run.period_us, run.low
            self._clock.hear_run((host_less_pen_us - own_us, pen_us + own_us), run.pen_us + own_us)
            strokes = self.who.counters.go_on(run.strokes, run.pen_us)
            if strokes:
                self.needling.count(None, strokes, self.needling.zone)
        self.needling.take(run, from_us=self._at(run.first_us), to_us=self._at(run.last_us))

    def _count(self, message: SampleBlock | Heartbeat) -> None:
        grown = self.who.take(message, self.needling.zone)
        if grown is not None:
            self.needling.count(grown.passes, grown.strokes, grown.zone)

    # --- the facts ----------------------------------------------------------------------------------------------------

    def stirred(self) -> tuple[object, ...]:
        """Another value whenever something happened that a rule may find at once; costs next to nothing."""
        if self._run is not None and self.needling.finds(self._run):
            self.settle()
        if self._stirred is None:  # whatever says something new settles the run first
            self._stirred = self._now()
        return self._stirred

    def _now(self) -> tuple[object, ...]:
        needling, counters = self.needling, self.who.counters
        tally = needling.zones.get(needling.zone)
        return (
            needling.zone,
            *(stirred(tally) if tally else ()),
            len(needling.spans),
            sum(self._marks.values()),
            len(self._losses),
            len(self._clocks),
            len(self.who.pens),
            len(self.account.boots),
            len(self.account.newer),
            self.gaps.listed,
            counters.fell,
            *counters.jumps.values(),
        )

    def finish(self) -> None:
        """No more records will come."""
        self.settle()
        self.gaps.finish(self._last_us, contact=self.contact, zone=self._sample_zone)

    def facts(self, *, framed: int, rejected: int, delimiters: int) -> Json:
        """All facts so far as plain values, integers only, in a fixed order."""
        self.settle()
        operator_counts = self._marks.get("pass", 0) > 0
        confidences = [clock["confidence"] for clock in self._clocks]
        said = {pen["mode"] for pen in self.who.pens}
        gaps, short_gaps = self.gaps.documents(self._first_us)
        return {
            "duration_us": self._last_us - self._first_us,
            "ended": "interrupted" if self.end is None else "closed",
            "end_cause": self.end.cause if self.end else None,
            "clock": {
                "confidence": min(confidences, key=_CONFIDENCES.index) if confidences else None,
                "readings": self._clocks,
            },
            "pen": self.who.pen,
            "pens": self.who.pens,
            "pen_clock": self._clock.documents() if self._has_clock else [],
            "mode": mode_of(self._modes | said),
            "modes": sorted(self._modes),
            "identities": self._identities,
            "events": [{"code": code, "n": n} for code, n in sorted(self._events.items())],
            "marks": [{"kind": kind, "n": n} for kind, n in sorted(self._marks.items())],
            **self.told.documents(),
            "counters": self.who.counters_document(),
            "unattended": self.who.counters.unattended,
            "link_losses": self._losses,
            "zones": [tally.document(operator_counts=operator_counts) for tally in self.needling.zones.values()],
            "spans": self.needling.spans.documents(self._last_record),
            "gaps": gaps,
            "short_gaps": short_gaps,
            "completeness": self.account.document(
                framed=framed,
                rejected=rejected,
                delimiters=delimiters,
                read=self.end.bytes_read if self.end else None,
                tallied=sum(tally.samples for tally in self.needling.zones.values()),
            ),
        }

    def _at(self, t_us: int) -> int:
        """Microseconds since the first record of the stream."""
        return t_us - self._first_us


def mode_of(told: Collection[str]) -> str:
    """The mode of what is told in these: as long as one is not real, the whole is not."""
    return next((mode for mode in _MODES if mode in told), "unknown")


def _setting(block: SampleBlock) -> tuple[int | None, bool, bool]:
    """What must be alike in two frames for their depths to be neighbours."""
    return block.depth_set_um, block.contact_bits is None, block.depth_um is None


def _parts(block: SampleBlock) -> list[tuple[int, int, bool | None]]:
    """The frame cut where contact changes: first sample, number of samples, contact."""
    bits, n = block.contact_bits, block.n
    if bits is None:
        return [(0, n, None)]
    parts: list[tuple[int, int, bool | None]] = []
    start = 0
    for at in range(1, n):
        if (bits >> at ^ bits >> start) & 1:
            parts.append((start, at - start, bool(bits >> start & 1)))
            start = at
    return [*parts, (start, n - start, bool(bits >> start & 1))]
