"""The one way edges become readings: what a source of pins kept in, the readings of a pen that sends out. Pure.

Any division of the same watching into batches gives the same readings. A frame is told when nothing that may still
come can change it: the longest bounce_us, and what a driver may be late, after its end.
"""

from typing import Any

from firmware_bridge.edges.pen import Head, WiredPen
from firmware_bridge.edges.timeline import ANY, LATE_US, Timeline
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import (
    Heartbeat,
    Identity,
    LinkChange,
    Mode,
    PenEvent,
    RawInput,
    Reading,
    SampleBlock,
    SensorBatch,
)
from firmware_bridge.sides import of_pins
from firmware_bridge.wiring import LINES, Potentiometer

MOCK = "mock"  # the factory whose pins nobody has
FRAME_US = 20_000  # of samples in one frame, as a pen that sends has

_U32, _BOOTS = 0xFFFF_FFFF, 65_536
_PASS, _DIAL, _MOTOR_ON, _MOTOR_OFF = 1, 2, 3, 4  # of frames.EVENTS


class SensorDecoder:
    """One per stream, for a pen whose profile has `gpio`. There are no bytes: what counts them stays at nothing."""

    def __init__(self, profile: PenProfile) -> None:
        """Raises ValueError for a profile without `gpio`."""
        if profile.gpio is None:
            raise ValueError(f"the profile {profile.name} has no gpio: its pen is not wired to pins")
        self.framed_bytes = self.rejected_bytes = self.delimiter_bytes = self.held_bytes = 0
        self._wiring = wiring = profile.gpio
        self._silence_limit_us = profile.silence_limit_us
        self._measures = frozenset(profile.measures)
        self._mode: Mode = "demo" if wiring.factory == MOCK else "real"
        self._pen = WiredPen(wiring, profile.frequency_max_dhz)
        channel = wiring.dial.channel if isinstance(wiring.dial, Potentiometer) else None
        self._timeline = Timeline(wiring.lines(), channel, self._pen.doubt_within)
        self._period_us = wiring.sample_period_us
        self._n = max(1, FRAME_US // self._period_us)
        self._watching = False
        self._from_us = self._to_us = 0  # the stretch that is watched without a break, so far
        self._unseen_us: int | None = None  # since when nobody watches; None while somebody does, or it is not known
        self._opened = False
        self._held: list[SensorBatch] = []  # of a stretch that is not opened yet
        self._boot = self._seq = 0
        self._head = Head(None, 0, False)
        self._watched_us = self._unwatched_us = self._dropped = 0
        self._stretches = 0
        self._anew = False

    # --- what arrives -------------------------------------------------------------------------------------------------

    def feed(self, raw: RawInput) -> list[Reading]:
        """Take one raw input and return what it completes. What is not of the pins changes nothing."""
        if isinstance(raw, SensorBatch):
            return self._batch(raw)
        if isinstance(raw, LinkChange) and of_pins(raw) and not raw.up:
            readings = self._stop()
            self._unseen_us = raw.t_us if self._unseen_us is None else self._unseen_us
            return readings
        return []

    def feed_bytes(self, _data: bytes, _t_us: int = 0) -> list[Reading]:
        """Bytes are not of the pins."""
        return []

    def finish(self, t_us: int | None = None) -> list[Reading]:
        """The stream ends, and with it all that was watched is told. `t_us` is when, by the stamp of its newest record.

        What lies between the newest watching and that end was not watched, if the pins were lost or have been silent.
        """
        lost = not self._watching
        readings = self._stop()
        if t_us is not None:
            if lost or t_us - self._to_us >= self._silence_limit_us:
                self._unwatched_until(t_us)
            self._unseen_us = None
        return readings

    def _stop(self) -> list[Reading]:
        """Nobody watches any more: all that was watched is told."""
        if not self._watching:
            return []
        readings = [] if self._opened else self._open()
        pen, timeline = self._pen, self._timeline
        timeline.finish(self._to_us)
        for place, line in timeline.lines.items():
            if line.undecided and line.active:
                pen.doubt(place, 1)  # whether it would have lasted
        readings += self._frames(self._to_us)
        rest = (self._to_us - self._from_us) // self._period_us - self._seq
        if rest:
            readings += self._frame(rest)
        for change in timeline.changes:
            pen.take(change)
        timeline.changes.clear()
        self._watching, self._unseen_us = False, self._to_us
        return [*readings, *pen.gestures(self._to_us), *pen.finish(), self._heartbeat(self._to_us)]

    def _batch(self, batch: SensorBatch) -> list[Reading]:
        from_us, readings = batch.t_us - batch.watched_us, list[Reading]()
        if from_us != self._to_us:
            readings += self._stop()
        if not self._watching:
            readings.append(self._begin(from_us))
        self._to_us = batch.t_us
        self._watched_us += batch.watched_us
        self._dropped += batch.dropped
        self._pen.doubt(ANY, batch.dropped)
        if not self._opened:
            self._held.append(batch)
            return [*readings, *(self._open() if batch.t_us >= self._held[0].t_us + LATE_US else ())]
        return [*readings, *self._frames(self._timeline.add(batch))]

    def _begin(self, from_us: int) -> Identity:
        """A stretch begins, and with it a boot: numbers go forwards, whatever the host's clock did."""
        self._unwatched_until(from_us)
        boot = from_us // 1_000_000 % _BOOTS
        ahead = (boot - self._boot) % _BOOTS
        if self._stretches and not 0 < ahead < _BOOTS // 2:
            boot = (self._boot + 1) % _BOOTS
        self._anew = bool(self._stretches) and from_us != self._to_us
        self._watching, self._opened, self._stretches = True, False, self._stretches + 1
        self._boot, self._seq, self._from_us = boot, 0, from_us
        wiring = self._wiring
        return Identity(
            mode=self._mode,
            motor_on=wiring.strokes is None,
            boot=boot,
            seq=0,
            t_us=0,
            protocol_major=0,
            protocol_minor=0,
            model=wiring.model,
            serial=wiring.serial,
            firmware=f"pins/{wiring.factory}",
            calibration_id=wiring.calibration_id,
            cartridge="",
        )

    def _unwatched_until(self, t_us: int) -> None:
        """Nobody watched up to now, if it is known since when."""
        since_us, self._unseen_us = self._unseen_us, None
        if since_us is not None and since_us < t_us:
            self._unwatched_us += t_us - since_us
            self._pen.doubt_within(ANY, t_us - since_us)

    def _open(self) -> list[Reading]:
        """The first batches of a stretch, now that it is known what was told late of the first one."""
        held, self._held, self._opened = self._held, [], True
        active = self._timeline.begin(self._from_us, held[0], held)
        self._pen.begin(self._from_us, active, anew=self._anew)
        self._head = self._pen.head(self._from_us)
        readings: list[Reading] = [self._heartbeat(self._from_us)]
        for batch in held:
            readings += self._frames(self._timeline.add(batch))
        return readings

    # --- what it tells ------------------------------------------------------------------------------------------------

    def _frames(self, known_us: int) -> list[Reading]:
        """Every whole frame that ends by then."""
        readings, frame_us = list[Reading](), self._n * self._period_us
        while self._from_us + self._seq * self._period_us + frame_us <= known_us:
            readings += self._frame(self._n)
        return readings

    def _frame(self, n: int) -> list[Reading]:
        """The next `n` samples, and what happened in them. What stands in the head parts them."""
        readings = list[Reading]()
        pen, changes, begun_us, taken = self._pen, self._timeline.changes, self._from_us, 0
        first, rates, bits, strokes = self._seq, list[int](), 0, 0
        for seq in range(self._seq, self._seq + n):
            t_us = begun_us + seq * self._period_us
            while taken < len(changes) and changes[taken][0] <= t_us:
                pen.take(changes[taken])
                taken += 1
            head = pen.head(t_us)
            if head != self._head:
                if rates:
                    readings.append(self._block(first, rates, bits, strokes))
                readings += self._events(head, seq)
                self._head, first, rates, bits = head, seq, [], 0
            bits |= pen.contact << len(rates)
            rates.append(pen.strokes.frequency_dhz(t_us))
            strokes = pen.strokes.count
        del changes[:taken]
        readings.append(self._block(first, rates, bits, strokes))
        self._seq += n
        return [*readings, *pen.gestures(t_us)]

    def _block(self, first: int, rates: list[int], bits: int, strokes: int) -> SampleBlock:
        depth_set_um, passes, motor_on = self._head
        measures = self._measures
        return SampleBlock(
            mode=self._mode,
            motor_on=motor_on,
            boot=self._boot,
            seq=first & _U32,
            t_us=first * self._period_us & _U32,
            depth_set_um=depth_set_um if "set_depth" in measures else None,
            passes=passes & _U32 if "passes" in measures else None,
            strokes=strokes & _U32 if "strokes" in measures else None,
            period_us=self._period_us,
            n=len(rates),
            depth_um=None,
            raw_count=None,
            frequency_dhz=tuple(rates) if "frequency" in measures else None,
            contact_bits=bits if "contact" in measures else None,
        )

    def _heartbeat(self, t_us: int) -> Heartbeat:
        """The totals where a stretch begins and ends: what lies between two frames is not lost."""
        head, measures = self._pen.head(t_us), self._measures
        return Heartbeat(
            mode=self._mode,
            motor_on=head.motor_on,
            boot=self._boot,
            seq=self._seq & _U32,
            t_us=t_us - self._from_us & _U32,
            depth_set_um=head.depth_set_um if "set_depth" in measures else None,
            passes=head.passes & _U32 if "passes" in measures else None,
            strokes=self._pen.strokes.count & _U32 if "strokes" in measures else None,
        )

    def _events(self, head: Head, seq: int) -> list[PenEvent]:
        """What a pen that sends would tell of a head that has changed."""
        before, told = self._head, list[tuple[int, int]]()
        if head.passes != before.passes:
            told.append((_PASS, head.passes & _U32))
        if head.depth_set_um not in (before.depth_set_um, None):
            told.append((_DIAL, head.depth_set_um or 0))
        if head.motor_on is not before.motor_on:
            told.append((_MOTOR_ON if head.motor_on else _MOTOR_OFF, 0))
        return [
            PenEvent(
                mode=self._mode,
                motor_on=head.motor_on,
                boot=self._boot,
                seq=seq & _U32,
                t_us=seq * self._period_us & _U32,
                code=code,
                value=value,
            )
            for code, value in told
        ]

    # --- what it promises ---------------------------------------------------------------------------------------------

    @property
    def dial_um(self) -> int | None:
        """Where the dial stood at the newest sample that was told; None where that is not known, or there is none."""
        return self._pen.dial_um(self._from_us + self._seq * self._period_us)

    @property
    def strokes_doubt(self) -> int:
        """By how much the strokes may be more than were counted, so far."""
        return self._pen.strokes.doubt if "strokes" in self._measures else 0

    def _interval(self, name: str, count: int, doubt: int) -> dict[str, int] | None:
        return {"low": count, "high": count + doubt} if name in self._measures else None

    def account(self) -> dict[str, Any]:
        """What was counted of edges and conversions, and what is wrong with them, so far."""
        pen, timeline = self._pen, self._timeline
        strokes, counts = pen.strokes, pen.counts
        return {
            "strokes": self._interval("strokes", strokes.count, strokes.doubt),
            "passes": self._interval("passes", pen.passes, pen.passes_doubt),
            "impossible_strokes": strokes.impossible,
            "dropped": self._dropped,
            "late": timeline.late,
            "strange": timeline.strange,
            "unwatched_us": self._unwatched_us,
            "watched_us": self._watched_us,
            "stretches": self._stretches,
            "lines": [
                {"line": LINES[place], "edges": line.edges, "bounces": line.bounces, "missed": line.missed}
                for place, line in timeline.lines.items()
            ],
            "adc": None if counts is None else counts.document(self._watched_us),
            "dial": None if pen.encoder is None else pen.encoder.document(),
        }
