"""From readings and marks to facts: glides, passes and depth per zone, gaps, spans, the completeness account.

Pure and incremental: fed one record's readings at a time, live and in replay alike. Order and host time come from the
records, durations of needling from the pen's own sample period. Judging the facts is validate's work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from devicelog.account import Account
from devicelog.canonical import Json
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

_Message = SampleBlock | Heartbeat | PenEvent | Identity

GAP_LISTED_US = 100_000  # shorter gaps are counted, not listed
GLIDE_FITS_US = 2_000_000  # the shortest glide: between two lifted ends that are nearer, none was lost
_COUNTER = 2**32
_PEN_CLOCK = 2**32
_CONFIDENCES = ("unknown", "restored", "rtc", "synced")  # worst first
_CAUSES = ("link", "overflow", "damage", "silence")  # of a gap; the first that applies


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The pen's cumulative counters as last seen in an earlier stream; None where the pen has no such counter."""

    serial: str
    boot: int
    passes: int | None
    strokes: int | None

    def document(self) -> Json:
        """As plain values."""
        return {"serial": self.serial, "boot": self.boot, "passes": self.passes, "strokes": self.strokes}


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


class _Heard(NamedTuple):
    """Up to where the pen's samples are known: its clock then, the host's, and the sample period."""

    pen_us: int
    host_us: int
    period_us: int


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
        self.gaps: list[Json] = []
        self.short_gaps = {"n": 0, "missing": 0, "for_us": 0}
        self.zone = UNASSIGNED
        self.paused = False
        self.last: SampleBlock | None = None  # the newest sample frame
        self.contact: bool | None = None  # at the newest sample
        self.motor_on = False
        self.link_up = True
        self.pen = pen
        self.end: End | None = None
        self.passes: int | None = None  # the pen's counters, newest
        self.strokes: int | None = None
        self.pen_t_us: int | None = None
        self._limits_of = limits_of
        self._silence_limit_us = silence_limit_us
        self._before = before
        self._first_heard = heard
        self._unattended: Json | None = None
        self._first_us: int | None = None
        self._last_us = 0
        self._heard: _Heard | None = None
        self._causes: set[str] = set()  # what went wrong since the pen was last heard
        self._glide_us = 0
        self._boot: int | None = None
        self._modes: set[str] = set()
        self._identities = 0
        self._events: dict[int, int] = {}
        self._marks: dict[str, int] = {}
        self._clocks: list[Json] = []
        self._spans: list[_Span] = []
        self._pauses = 0

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
                self.link_up = item.up
                if not item.up:
                    self._causes.add("link")
            case Overflow():
                self.account.overflows += 1
                self.account.dropped_bytes += item.dropped_bytes
                self._causes.add("overflow")
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
                self._pauses += 1
            case "resume":
                self.paused = False
            case _:
                pass

    # --- readings -----------------------------------------------------------------------------------------------------

    def reading(self, record: Record, reading: Reading) -> None:
        """Take one reading that this record completed."""
        match reading:
            case SampleBlock():
                self._sound(record, reading)
                self._block(record, reading)
            case Heartbeat() | PenEvent() | Identity():
                self._sound(record, reading)
                self._message(record, reading)
            case Unknown():
                self.account.unknown_frames += 1
            case Fault():
                self.account.fault(reading)
                self._causes.add("damage")
            case _:  # another host's request, heard on a shared line
                self.account.sound_frames += 1

    def _sound(self, record: Record, message: _Message) -> None:
        self.account.sound_frames += 1
        self.account.trailing_bytes += message.trailing_bytes
        self._modes.add(message.mode)
        self.pen_t_us = message.t_us
        if self._heard is not None and record.t_us - self._heard.host_us > self._silence_limit_us:
            self._causes.add("silence")

    def _follow(self, record: Record, message: _Message) -> bool:
        """Place a message after what was heard before, note a gap where there is one; False for a repeat."""
        step, missing = self.account.step(message)
        if step == "repeat":
            return False
        # Fallen silent with its motor on, the pen did not send samples, or did not take them: no number is missing.
        if step in ("gap", "restart") or ("silence" in self._causes and self.motor_on):
            self._gap(record, message, missing)
        block = message if isinstance(message, SampleBlock) else None
        period_us = block.period_us if block else self._heard.period_us if self._heard else 0
        end_us = message.t_us + (block.n * block.period_us if block else 0)
        self._heard = _Heard(end_us % _PEN_CLOCK, record.t_us, period_us)
        self._causes.clear()
        self.motor_on = message.motor_on
        return True

    def _message(self, record: Record, message: Heartbeat | PenEvent | Identity) -> None:
        if not self._follow(record, message):
            return
        if not message.motor_on:
            self._end_glide()
            self.contact = None if self.contact is None else False
        match message:
            case Heartbeat():
                self._count(message)
            case PenEvent():
                self._events[message.code] = self._events.get(message.code, 0) + 1
            case Identity():
                self._identities += 1
                self.pen = identity_document(message)

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
        self.last = block

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
        """Take the pen's counters: their growth belongs to the zone of now. A counter that fell began anew."""
        restarted = self._boot is not None and self._boot != message.boot
        first = self.passes is None and self.strokes is None
        if first and (message.passes is not None or message.strokes is not None):
            self._unattended = self._jump(message)
        tally = self._tally() if isinstance(message, SampleBlock) else None
        if message.passes is not None:
            grown = _growth(self.passes, message.passes, restarted=restarted)
            if tally or grown:
                tally = tally or self._tally()
                tally.passes_pen = (tally.passes_pen or 0) + grown
        if message.strokes is not None:
            grown = _growth(self.strokes, message.strokes, restarted=restarted)
            if tally or grown:
                tally = tally or self._tally()
                tally.strokes = (tally.strokes or 0) + grown
        self.passes = self.passes if message.passes is None else message.passes
        self.strokes = self.strokes if message.strokes is None else message.strokes
        self._boot = message.boot

    def _jump(self, message: SampleBlock | Heartbeat) -> Json | None:
        """What the pen's counters did since it was last heard in an earlier run: activity while nobody listened."""
        before, now = self._before, self._first_heard or message
        if before is None or self.pen is None or self.pen["serial"] != before.serial:
            return None
        counters = ((now.passes, before.passes), (now.strokes, before.strokes))
        fell = any(new is not None and old is not None and new < old for new, old in counters)
        return {
            "passes": None if fell else _since(before.passes, now.passes),
            "strokes": None if fell else _since(before.strokes, now.strokes),
            "counters_fell": fell,  # then what happened meanwhile is not known, and nothing is claimed
        }

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def _gap(self, record: Record, message: _Message, missing: int | None) -> None:
        """Note what is not known between the last message and this one; `missing` is None after a restart."""
        heard = self._heard
        if heard is None:
            return  # nothing was heard before: there is no beginning to measure from
        block = message if isinstance(message, SampleBlock) else None
        rested = not (self.motor_on and message.motor_on)
        for_us = record.t_us - heard.host_us
        if missing is not None and for_us < _PEN_CLOCK // 2:
            by_pen_us = (message.t_us - heard.pen_us) % _PEN_CLOCK
            by_number_us = missing * (heard.period_us or (block.period_us if block else 0))
            # a pen clock that ran backwards says nothing, and while the motor rested there was nothing to lose
            by_number = by_pen_us >= _PEN_CLOCK // 2 or (rested and 0 < by_number_us < by_pen_us)
            for_us = by_number_us if by_number else by_pen_us
        if for_us >= GAP_LISTED_US:
            self._end_glide()  # a shorter one is a hole in a glide, left out of its contact time

        after: bool | None = None
        if block is not None and block.contact_bits is not None:
            after = bool(block.contact_bits & 1)
        elif not message.motor_on and self.contact is not None:
            after = False
        lifted = for_us < GLIDE_FITS_US or (not missing and not self.motor_on and not message.motor_on)
        cause = self._cause("restart" if missing is None else "lost")
        self._note_gap(heard.host_us, record.t_us, for_us, missing, cause, self._contact_in_gap(after, lifted=lifted))

    def _cause(self, otherwise: str) -> str:
        return next((cause for cause in _CAUSES if cause in self._causes), otherwise)

    def _contact_in_gap(self, after: bool | None, *, lifted: bool) -> str:
        """Contact at one end is contact. For none it takes both ends, and that nobody can have come down between."""
        ends = (self.contact, after)
        return "yes" if True in ends else "no" if None not in ends and lifted else "unknown"

    def _note_gap(self, from_us: int, to_us: int, for_us: int, missing: int | None, cause: str, contact: str) -> None:
        if for_us < GAP_LISTED_US:
            self.short_gaps["n"] += 1
            self.short_gaps["missing"] += missing or 0
            self.short_gaps["for_us"] += for_us
            return
        self.gaps.append(
            {
                "from_us": self._at(from_us),
                "to_us": self._at(to_us),
                "for_us": for_us,
                "missing": missing,
                "cause": cause,
                "contact": contact,
                "zone": self.zone,
            }
        )

    # --- the facts ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The stream has ended: a pen that was lost or fell silent with its motor on leaves a gap to the end."""
        heard = self._heard
        if heard is None or not self.motor_on:
            return
        silent_us = self._last_us - heard.host_us
        lost = self._causes and silent_us >= GAP_LISTED_US
        if lost or not self.link_up or silent_us > self._silence_limit_us:
            cause, contact = self._cause("silence"), self._contact_in_gap(None, lifted=False)
            self._note_gap(heard.host_us, self._last_us, silent_us, None, cause, contact)

    def facts(self, *, framed: int, rejected: int, delimiters: int) -> Json:
        """All facts so far as plain values, integers only, in a fixed order."""
        operator_counts = self._marks.get("pass", 0) > 0
        confidences = [clock["confidence"] for clock in self._clocks]
        return {
            "duration_us": self._last_us - (self._first_us or 0) if self._first_us is not None else 0,
            "ended": "interrupted" if self.end is None else "closed",
            "end_cause": self.end.cause if self.end else None,
            "clock": {
                "confidence": min(confidences, key=_CONFIDENCES.index) if confidences else None,
                "readings": self._clocks,
            },
            "pen": self.pen,
            "modes": sorted(self._modes),
            "identities": self._identities,
            "events": [{"code": code, "n": n} for code, n in sorted(self._events.items())],
            "marks": [{"kind": kind, "n": n} for kind, n in sorted(self._marks.items())],
            "counters": {"passes": self.passes, "strokes": self.strokes, "boot": self._boot},
            "unattended": self._unattended,
            "zones": [tally.document(operator_counts=operator_counts) for tally in self.zones.values()],
            "spans": [span.document() for span in self._spans],
            "gaps": self.gaps,
            "short_gaps": self.short_gaps,
            "completeness": self.account.document(
                framed=framed,
                rejected=rejected,
                delimiters=delimiters,
                read=self.end.bytes_read if self.end else None,
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


def _growth(before: int | None, now: int, *, restarted: bool) -> int:
    """How much a 32-bit counter grew; after a restart of the pen that lowered it, all of it is new."""
    if before is None:
        return 0
    if restarted and now < before:
        return now
    grown = (now - before) % _COUNTER
    return grown if grown < _COUNTER // 2 else 0


def _since(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before
