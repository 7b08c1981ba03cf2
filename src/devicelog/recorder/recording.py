"""The one consumer: it takes items from the inbox in order and gives each to the open stream.

Until the pen has said who it is, that stream is an unattributed span; then it is the session. What must be on disk is
waited for at the beginning and at the end, never in between.
"""

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from typing import TypeVar

from devicelog.canonical import Json, parse_canonical
from devicelog.errors import NotFound, PenUnusable, StoreUnusable
from devicelog.ledger.entries import Actor
from devicelog.recorder.answering import DISK_TIMEOUT_S
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.commands import MarkCommand, PortCommand, Reply, warned_words
from devicelog.recorder.display import Display
from devicelog.recorder.forgotten import Forgotten
from devicelog.recorder.history import History
from devicelog.recorder.idle import Seen, seen_in
from devicelog.recorder.job import Job, Line, Outcome, Source
from devicelog.recorder.live import Console
from devicelog.recorder.marking import Marking, refusal
from devicelog.recorder.nobody import nobody
from devicelog.recorder.opening import Openings
from devicelog.recorder.pedalling import Pedalling, Sound
from devicelog.recorder.pen_updates import PenUpdates
from devicelog.recorder.registered import recording_now
from devicelog.recorder.stop import Stop
from devicelog.recorder.stream import OpenStream
from devicelog.recorder.supervision import Supervision
from devicelog.records import Stall
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.writer import Writer
from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.readings import (
    Gesture,
    Heartbeat,
    Identity,
    LinkChange,
    Overflow,
    Reading,
    SampleBlock,
    SensorBatch,
    SerialChunk,
    Unknown,
)
from firmware_bridge.sources import Inbox, PortFree, Watch

IDENTITY_TIMEOUT_S = 7.0  # a pen says who it is every 5 s unasked
TICK_US = 1_000_000
CLOCK_STEP_US = 500_000
_CLOCK_PERIOD_S = 1.0
_MAX_BACKLOG_BYTES = 32 << 20  # not on disk: beyond it the inbox fills, and its overflow is a record
_AT_ONCE = 64  # items taken before anything else is looked after
_TELLING: tuple[Seen, ...] = ("nothing", "person", "needling")
_LATE_S = 10.0  # a scripted pen may lag; then its session ends by the host's clock
_PEN_CLOCK = 2**32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Request:
    command: MarkCommand | PortCommand
    reply: Reply


class Recording:
    """The consumer's state while one session is recorded."""

    def __init__(
        self,
        job: Job,
        *,
        writer: Writer,
        inbox: Inbox,
        source: Source,
        clock: RecorderClock,
        console: Console,
        stop: Stop,
        sound: Sound | None = None,
        actor: Actor | None = None,
    ) -> None:
        self._job, self._writer, self._inbox, self._source = job, writer, inbox, source
        self._clock, self._console, self._stop = clock, console, stop
        self._path, history = job.data_dir / FILE_NAME, History(console)

        def who(person: str) -> Actor:
            unread = "nobody looked up to whom the pen is handed over"
            found = history.read(lambda: recording_now(self._path, person), or_else=unread)
            return found or Actor(id=person, role="practitioner")

        self._marking = Marking(writer, actor or Actor(id=job.practitioner, role="practitioner"), who)
        zones = [zone.zone for zone in job.plan.zones]
        self._pedalling = Pedalling(self._marking, zones, console, sound or (lambda _tone: None))
        watch = Watch(job.profile.silence_limit_us, speaks_at_rest=job.profile.lines is None, speed=clock.speed)
        line = source if isinstance(source, Line) else None
        self._supervision = Supervision(line, watch, writer=writer, clock=clock, console=console)
        self._history = history
        self._updates = PenUpdates(self._path, writer, console, history)
        actor = self._marking.actor
        self._openings = Openings(job, writer=writer, clock=clock, console=console, history=history, actor=actor)
        self._marks = list(job.marks)
        self._taken_us = 0  # stamp of the newest record
        self._began_us = 0  # of the session
        self._pen_from_us: int | None = None  # the pen's clock at its first sample of this run
        self._sample_us: int | None = None  # and the stamp with which it arrived
        self._first_heard: SampleBlock | Heartbeat | None = None
        self._identity: Identity | None = None
        self._other: Unknown | None = None
        self._meeting = True  # the pen has not said who it is, or has not begun to needle
        self._wall_offset_us = clock.wall_us() - clock.now_us()
        self._next_clock_s = 0.0
        self._ended = False

    # --- what others call, from their own threads ---------------------------------------------------------------------

    def mark(self, command: MarkCommand, reply: Reply) -> None:
        """Ask for a mark. `reply` is called when it is on disk, or with why it is not."""
        self._ask(self._looked_up(command), reply)

    def port(self, command: PortCommand, reply: Reply) -> None:
        """Ask for the pen's port, or give it back. `reply` is called when that is done and its record on disk."""
        self._ask(command, reply)

    def _looked_up(self, command: MarkCommand) -> MarkCommand:
        """A mark of a cartridge with what the desk knows of it: a short read in the thread of whoever asks."""
        name, desk = command.cartridge, self._job.desk
        if name is None or desk is None:
            return command

        def look() -> Json:
            with Evidence(self._path) as evidence:
                return desk.fitted(evidence, name)

        return replace(command, fitted=self._history.read(look, or_else=f"what is known of {name} is not in its mark"))

    def _ask(self, command: MarkCommand | PortCommand, reply: Reply) -> None:
        if self._ended:
            reply(refusal("the session has ended", NotFound.exit_code))
        else:
            self._inbox.put(_Request(command, reply))

    # --- the recording ------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Listen, record, close."""
        started: Json = {"command": self._job.command, "boot": self._clock.boot}
        self._durable(self._writer.do(lambda transaction: transaction.entry("recorder.started", started)))
        self._marks = [replace(mark, command=self._looked_up(mark.command)) for mark in self._marks]
        span = self._openings.span()
        self._durable(span.opened)
        first_stream = span.opened.result().seq
        self._source.start()
        identity = self._await_identity(span)
        if identity is None:
            cause = self._stop.cause or "no pen"
            self._end(span, cause)
            if self._stop.cause:
                return Outcome(session=None, derived=None, cause=cause)
            raise PenUnusable(self._no_pen(span))
        span.close("a session begins")  # on disk with the session's opening, which is waited for: one sync for both
        session = self._openings.session(identity, self._first_heard, span, first_stream)
        self._durable(session.opened)
        if session.told:
            self._console.say(session.told)
        self._marking.change("open")
        self._began_us = self._clock.now_us()
        self._console.say(f"recording {session.id}")
        cause = self._consume(session)
        derived = self._end(session, cause)
        return Outcome(session=session.id, derived=parse_canonical(derived), cause=cause)

    def _await_identity(self, span: OpenStream) -> Identity | None:
        give_up_s = time.monotonic() + IDENTITY_TIMEOUT_S
        heard = False
        while not self._stop.cause and self._other is None and time.monotonic() < give_up_s:
            self._turn(span)
            if self._identity is not None:
                return self._identity
            if not heard and span.pipeline.derivation.account.sound_frames:
                # a board that started anew when its port was opened has not had our question
                heard, give_up_s = True, time.monotonic() + IDENTITY_TIMEOUT_S
        return None

    def _consume(self, session: OpenStream) -> str:
        """The session's loop; returns why it ended."""
        display = Display(self._console, self._clock, self._writer, duration_us=self._job.duration_us)
        idle = self._job.idle
        forgotten = idle and Forgotten(idle, session, self._marking, self._console)
        while True:
            self._make_due_marks(session)
            if self._stop.cause:
                return self._stop.cause
            if self._over(session):
                return "duration"
            seen = self._turn(session)
            if forgotten and (cause := forgotten.watch(seen)):
                return cause
            self._watch(session)
            display.show(session, self._marking.state)

    def _turn(self, stream: OpenStream) -> Seen:
        """Take the items that wait, or notice that none came. While marks are due by a clock, one at a time."""
        if self._writer.backlog_bytes > _MAX_BACKLOG_BYTES:
            self._stop.event.wait(0.05)
            return "nothing"
        item = self._inbox.get(0.05)
        if item is None:
            self._supervision.nothing_came()
            if self._clock.now_us() - self._taken_us >= TICK_US:
                self._taken_us = self._clock.now_us()
                stream.take(None)
            return "nothing"
        seen = self._take(stream, item)
        left = 0 if self._marks or self._job.duration_us is not None else _AT_ONCE
        while left and (item := self._inbox.get_nowait()) is not None:
            seen = max(seen, self._take(stream, item), key=_TELLING.index)
            left -= 1
        self._taken_us = self._clock.now_us()
        return seen

    def _take(self, stream: OpenStream, item: object) -> Seen:
        match item:
            case _Request(command=PortCommand() as command):
                self._supervision.make(command, item.reply)
                return "person"
            case _Request(command=MarkCommand() as command):
                self._marking.make(stream, command, item.reply)
                return "person"
            case PortFree():
                self._supervision.port_free()
            case SerialChunk() | LinkChange() | Overflow() | SensorBatch():
                readings = stream.take(item)
                if self._meeting:
                    self._meet(readings, item.t_us)
                self._supervision.take(item, readings)
                self._updates.take(stream, readings)
                gestures = [reading for reading in readings if isinstance(reading, Gesture)]
                for gesture in gestures:
                    self._pedalling.pressed(stream, gesture)
                return "person" if gestures else seen_in(item, readings)
            case Stall():
                stream.take(item)
                self._console.say(f"the disk was slow: nothing was written for {item.for_us / 1_000_000:.1f} s")
        return "nothing"

    def _meet(self, readings: list[Reading], arrived_us: int) -> None:
        """Who the pen is, and where its counters and its clock stood when it was first heard."""
        for reading in readings:
            match reading:
                case SampleBlock() | Heartbeat():
                    if self._pen_from_us is None and isinstance(reading, SampleBlock):
                        self._pen_from_us, self._sample_us = reading.t_us, arrived_us
                    if self._first_heard is None and (reading.passes is not None or reading.strokes is not None):
                        self._first_heard = reading
                case Identity():
                    self._identity = self._identity or reading
                case Unknown() if reading.major != PROTOCOL_MAJOR:
                    self._other = reading
                case _:
                    pass
        self._meeting = self._identity is None or self._pen_from_us is None

    def _watch(self, session: OpenStream) -> None:
        """Now and then: a wall clock that jumped, a database that is gone."""
        now_s = time.monotonic()
        if now_s >= self._next_clock_s:
            self._next_clock_s = now_s + _CLOCK_PERIOD_S
            self._supervision.look()
            if not self._path.exists():
                raise StoreUnusable(f"NOT RECORDED: the database {self._path} was taken away while it was written")
            offset_us = self._clock.wall_us() - self._clock.now_us()
            if abs(offset_us - self._wall_offset_us) > CLOCK_STEP_US:
                self._wall_offset_us = offset_us
                session.take(self._clock.reading())
                self._console.say("the clock of this computer was set; order and durations are not affected")

    # --- marks --------------------------------------------------------------------------------------------------------

    def _make_due_marks(self, session: OpenStream) -> None:
        while self._marks and self._marks[0].t_us <= self._marks_us(session):
            command = self._marks.pop(0).command

            def reply(answer: Json, command: MarkCommand = command) -> None:
                told = warned_words(answer) if answer["ok"] else f": {answer['error']}"
                self._console.say(f"{command.words()}{told}")

            self._marking.make(session, command, reply)

    def _marks_us(self, session: OpenStream) -> int:
        """The time that marks and duration follow: the session's, or the pen's or the host's since the first sample."""
        if self._job.marks_clock == "session":
            return self._clock.now_us() - self._began_us
        if self._job.marks_clock == "first sample":
            return 0 if self._sample_us is None else self._clock.now_us() - self._sample_us
        pen_us = session.pipeline.derivation.pen_t_us
        if pen_us is None or self._pen_from_us is None:
            return 0
        since_us = (pen_us - self._pen_from_us) % _PEN_CLOCK
        return since_us if since_us < _PEN_CLOCK // 2 else 0

    def _over(self, session: OpenStream) -> bool:
        duration_us = self._job.duration_us
        if duration_us is None:
            return False
        if self._marks_us(session) >= duration_us:
            return True
        late_us = int(_LATE_S * self._clock.speed * 1_000_000)
        return self._clock.now_us() - self._began_us >= duration_us + late_us

    # --- the end ------------------------------------------------------------------------------------------------------

    def _end(self, stream: OpenStream, cause: str) -> bytes:
        """Stop reading, take what is left, close the stream and the ledger's run. Returns the derived record."""
        self._source.close()
        self._ended = True
        while (item := self._inbox.get_nowait()) is not None:
            self._take(stream, item)
        self._supervision.end()
        if self._marks:
            self._console.say(f"{len(self._marks)} marks were not made: the session ended before their time")
        derived, closed = stream.close(cause, self._source.read_total)
        if self._marking.state != "planned":
            self._marking.change("close")
        self._writer.do(lambda transaction: transaction.entry("recorder.stopped", {"cause": cause}))
        self._durable(closed)
        if not self._writer.close(DISK_TIMEOUT_S):
            raise StoreUnusable(f"the end of the recording is not on disk: {self._writer.failure}")
        while (item := self._inbox.get_nowait()) is not None:
            if isinstance(item, _Request):  # nothing can be kept any more
                item.reply(refusal("the session has ended", NotFound.exit_code))
        return derived

    def _durable(self, future: "Future[T]") -> T:
        """Wait until something is on disk. Raises StoreUnusable when it is not in time."""
        try:
            return future.result(DISK_TIMEOUT_S)
        except FutureTimeout:
            why = self._writer.failure or f"the disk does not answer for {DISK_TIMEOUT_S:.0f} s"
            raise StoreUnusable(
                f"NOT RECORDED: {why}. {self._writer.backlog_bytes} bytes of the pen's data are not on disk."
            ) from None

    def _no_pen(self, span: OpenStream) -> str:
        """Why no session could begin, and where what came is kept."""
        account = span.pipeline.derivation.account
        why = nobody(
            n_bytes=account.kept_bytes,
            n_frames=account.sound_frames + account.unknown_frames,
            other_major=self._other.major if self._other else None,
            listened_s=IDENTITY_TIMEOUT_S,
            lines=self._job.profile.lines is not None,
        )
        return f"{why} What came is kept as {span.id}." if account.kept_bytes else why
