"""From readings and marks to facts: glides, passes and depth per zone, gaps, spans, the completeness account.

Pure and incremental: fed one record's readings at a time, live and in replay alike. Order and host time come from the
records, durations of needling from the pen's own sample period. Judging the facts is validate's work.
"""

from collections.abc import Callable
from dataclasses import dataclass

from devicelog.account import Account
from devicelog.canonical import Json
from devicelog.counters import Counters, CounterTrack
from devicelog.gaps import GAP_LISTED_US, Gaps, Message
from devicelog.records import Clock, End, Mark, Record, Stall
from devicelog.sessions import UNASSIGNED
from devicelog.tally import Limits, ZoneTally
from firmware_bridge.readings import (
    Fault,
    Heartbeat,
    Identity,
    LinkChange,
    Overflow,
    PenEvent,
    Reading,
    SampleBlock,
    Unknown,
)

_MODES = ("demo", "test", "real")  # one frame that is not real, and the stream is not
_CONFIDENCES = ("unknown", "restored", "rtc", "synced")  # worst first


@dataclass(slots=True)
class _Span:
    """A stretch under one zone and one dial setting that has contact or unknown contact."""

    zone: str
    depth_set_um: int | None
    from_us: int
    to_us: int
    contact_us: int = 0
    samples: int = 0

    def document(self) -> Json:
        return {
            "zone": self.zone,
            "depth_set_um": self.depth_set_um,
            "from_us": self.from_us,
            "to_us": self.to_us,
            "contact_us": self.contact_us,
            "samples": self.samples,
        }


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
    ) -> None:
        self.account = Account()
        self.zones: dict[str, ZoneTally] = {}
        self.gaps = Gaps(silence_limit_us)
        self.counters = CounterTrack(before=before, heard=heard)
        self.zone = UNASSIGNED
        self._sample_zone = UNASSIGNED  # where the newest sample was: a gap begins there
        self.paused = False
        self.last: SampleBlock | None = None  # the newest sample frame
        self.contact: bool | None = None  # at the newest sample
        self.pen = pen
        self.end: End | None = None
        self.pen_t_us: int | None = None
        self._limits_of = limits_of
        self._first_us: int | None = None
        self._last_us = 0
        self._glide_us = 0
        self._modes: set[str] = set()
        self._identities = 0
        self._named = True  # False from a lost link until the pen has said who it is
        self._pens: list[Json] = [pen] if pen is not None else []
        self._events: dict[int, int] = {}
        self._marks: dict[str, int] = {}
        self._clocks: list[Json] = []
        self._spans: list[_Span] = []

    # --- records without readings -------------------------------------------------------------------------------------

    def record(self, record: Record, item: object) -> None:
        """Take what a record other than serial bytes says, and every record's stamp."""
        if self._first_us is None:
            self._first_us = record.t_us
        self._last_us = max(self._last_us, record.t_us)
        match item:
            case Mark():
                self._mark(item)
            case LinkChange():
                self.gaps.link_up = item.up
                if not item.up:
                    self.gaps.blame("link")
                    self._named = False
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

    def _mark(self, mark: Mark) -> None:
        self._marks[mark.kind] = self._marks.get(mark.kind, 0) + 1
        match mark.kind:
            case "zone":
                self._end_glide()
                self.zone = mark.zone or UNASSIGNED
                self._tally()
            case "pass":
                self._tally().passes_operator += 1
            case "pause":
                self.paused = True
            case "resume":
                self.paused = False
            case _:
                pass

    # --- readings -----------------------------------------------------------------------------------------------------

    def reading(self, record: Record, reading: Reading) -> None:
        """Take one reading that this record completed."""
        match reading:
            case SampleBlock():
                self._sound(reading)
                self._block(record, reading)
            case Heartbeat() | PenEvent() | Identity():
                self._sound(reading)
                self._message(record, reading)
            case Unknown():
                self.account.unknown_frames += 1
            case Fault():
                self.account.fault(reading)
                self.gaps.blame("damage")
            case _:  # another host's request, heard on a shared line
                self.account.sound_frames += 1

    def _sound(self, message: Message) -> None:
        self.account.sound_frames += 1
        self.account.trailing_bytes += message.trailing_bytes
        self._modes.add(message.mode)
        self.pen_t_us = message.t_us

    def _follow(self, record: Record, message: Message) -> bool:
        """Place a message after what was heard before, note a gap where there is one; False for a repeat."""
        known = self.pen["serial"] if self.pen else None
        another = isinstance(message, Identity) and known not in (None, message.serial)
        if another:
            self.account.another_pen()
            self.counters.another_pen()
        step, missing = self.account.step(message)
        if step == "repeat":
            return False
        gap_us = self.gaps.before(
            record.t_us,
            message,
            lost=step in ("gap", "restart"),
            missing=missing,
            contact=self.contact,
            zone=self._sample_zone,
        )
        if gap_us >= GAP_LISTED_US:
            self._end_glide()  # a shorter one is a hole in a glide, left out of its contact time
        self.gaps.hear(record.t_us, message)
        if another:
            self._end_glide()
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
            self._end_glide()
            self.contact = None if self.contact is None else False
        match message:
            case Heartbeat():
                self._count(message)
            case PenEvent():
                self._events[message.code] = self._events.get(message.code, 0) + 1
            case _:
                pass

    def _identify(self, identity: Identity) -> None:
        self.pen, self._named = identity_document(identity), True
        if self.pen not in self._pens:
            self._pens.append(self.pen)

    def _block(self, record: Record, block: SampleBlock) -> None:
        bits = block.contact_bits
        if not self._follow(record, block):
            return
        self._count(block)
        tally = self._tally()
        touched = tally.add(block, record=record.number, paused=self.paused, assigned=self.zone != UNASSIGNED)
        if bits is None:
            self._end_glide()
            self.contact = None
        elif touched == block.n:
            self._touch(tally, touched * block.period_us)
            self.contact = True
        elif not touched:
            self._end_glide()
            self.contact = False
        else:
            for i in range(block.n):
                if bits >> i & 1:
                    self._touch(tally, block.period_us)
                else:
                    self._end_glide()
            self.contact = bool(bits >> (block.n - 1) & 1)
        if touched or (bits is None and block.motor_on):
            self._stretch(record, block, touched)
        self.last, self._sample_zone = block, self.zone

    def _touch(self, tally: ZoneTally, for_us: int) -> None:
        if not self._glide_us:
            tally.glides += 1
        self._glide_us += for_us
        tally.longest_glide_us = max(tally.longest_glide_us, self._glide_us)

    def _end_glide(self) -> None:
        self._glide_us = 0

    def _stretch(self, record: Record, block: SampleBlock, touched: int) -> None:
        at_us = self._at(record.t_us)
        span = self._spans[-1] if self._spans else None
        if span is None or span.zone != self.zone or span.depth_set_um != block.depth_set_um:
            span = _Span(self.zone, block.depth_set_um, at_us, at_us)
            self._spans.append(span)
        span.to_us = at_us
        span.contact_us += touched * block.period_us
        span.samples += block.n

    def _count(self, message: SampleBlock | Heartbeat) -> None:
        """The growth of the pen's counters belongs to the zone of now."""
        if not self._named:
            return  # after a lost link it may be another pen: its totals wait until it says who it is
        passes, strokes = self.counters.take(message, self.pen["serial"] if self.pen else None)
        if not isinstance(message, SampleBlock) and not passes and not strokes:
            return  # an idle pen does not make a zone
        tally = self._tally()
        if passes is not None:
            tally.passes_pen = (tally.passes_pen or 0) + passes
        if strokes is not None:
            tally.strokes = (tally.strokes or 0) + strokes

    # --- the facts ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """No more records will come."""
        self.gaps.finish(self._last_us, contact=self.contact, zone=self._sample_zone)

    def facts(self, *, framed: int, rejected: int, delimiters: int) -> Json:
        """All facts so far as plain values, integers only, in a fixed order."""
        operator_counts = self._marks.get("pass", 0) > 0
        confidences = [clock["confidence"] for clock in self._clocks]
        said = {pen["mode"] for pen in self._pens}
        gaps, short_gaps = self.gaps.documents(self._first_us or 0)
        return {
            "duration_us": self._last_us - (self._first_us or 0) if self._first_us is not None else 0,
            "ended": "interrupted" if self.end is None else "closed",
            "end_cause": self.end.cause if self.end else None,
            "clock": {
                "confidence": min(confidences, key=_CONFIDENCES.index) if confidences else None,
                "readings": self._clocks,
            },
            "pen": self.pen,
            "pens": self._pens,
            "mode": next((mode for mode in _MODES if mode in self._modes | said), "unknown"),
            "modes": sorted(self._modes),
            "identities": self._identities,
            "events": [{"code": code, "n": n} for code, n in sorted(self._events.items())],
            "marks": [{"kind": kind, "n": n} for kind, n in sorted(self._marks.items())],
            "counters": self.counters.document(),
            "unattended": self.counters.unattended,
            "zones": [tally.document(operator_counts=operator_counts) for tally in self.zones.values()],
            "spans": [span.document() for span in self._spans],
            "gaps": gaps,
            "short_gaps": short_gaps,
            "completeness": self.account.document(
                framed=framed,
                rejected=rejected,
                delimiters=delimiters,
                read=self.end.bytes_read if self.end else None,
                tallied=sum(tally.samples for tally in self.zones.values()),
            ),
        }

    def _tally(self) -> ZoneTally:
        tally = self.zones.get(self.zone)
        if tally is None:
            tally = self.zones[self.zone] = ZoneTally(self.zone, self._limits_of(self.zone))
        return tally

    def _at(self, t_us: int) -> int:
        """Microseconds since the first record of the stream."""
        return t_us - (self._first_us or 0)


def identity_document(identity: Identity) -> Json:
    """Who the pen said it is, as plain values."""
    return {
        "model": identity.model,
        "serial": identity.serial,
        "firmware": identity.firmware,
        "calibration_id": identity.calibration_id,
        "cartridge": identity.cartridge,
        "mode": identity.mode,
        "protocol_major": identity.protocol_major,
        "protocol_minor": identity.protocol_minor,
    }
