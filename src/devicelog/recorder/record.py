"""record(): one session, from a pen's port to its derived record in the database.

The one consumer: it takes items from the inbox in order and gives each to the open stream. Until the pen has said who
it is, that stream is an unattributed span; then it is the session. What must be on disk is waited for at the
beginning and at the end, never in between.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from devicelog.canonical import Json, parse_canonical
from devicelog.clinical.plan import Plan, Zone, zones_document
from devicelog.control import ControlServer
from devicelog.counters import Counters
from devicelog.derive import identity_document
from devicelog.errors import DevicelogError, NotFound, PenUnusable, StoreUnusable
from devicelog.ledger.entries import Actor
from devicelog.pipeline import new_documents
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.commands import MarkCommand, Reply, TimedMark, parse_mark
from devicelog.recorder.live import Console, live_of
from devicelog.recorder.recovery import Interrupted, close_interrupted, software
from devicelog.recorder.stop import Stop
from devicelog.recorder.stream import OpenStream, new_stream_id
from devicelog.records import Mark, Stall
from devicelog.sessions import Event, State, check_mark, next_state
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.evidence import Evidence
from devicelog.store.lock import WriterLock
from devicelog.store.transaction import Transaction, note_commitment
from devicelog.store.writer import Writer
from firmware_bridge.errors import PenError
from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import (
    Heartbeat,
    Identity,
    LinkChange,
    Overflow,
    Reading,
    SampleBlock,
    SerialChunk,
    Unknown,
)
from firmware_bridge.sources import Inbox

IDENTITY_TIMEOUT_S = 7.0  # a pen says who it is every 5 s unasked
DISK_TIMEOUT_S = 10.0
TICK_US = 1_000_000
CLOCK_STEP_US = 500_000
_LIVE_PERIOD_S = 0.25
_CLOCK_PERIOD_S = 1.0
_MAX_BACKLOG_BYTES = 32 << 20  # not on disk: beyond it the inbox fills, and its overflow is a record
_LATE_S = 10.0  # a scripted pen may lag; then its session ends by the host's clock
_PEN_CLOCK = 2**32
_STATE_EVENTS: dict[str, Event] = {"pause": "pause", "resume": "resume"}

T = TypeVar("T")


class Source(Protocol):
    """A pen's port, as sources.SerialSource is one."""

    read_total: int

    def open(self) -> None:
        """Open the port. Raises PenError."""

    def start(self) -> None:
        """Begin to read into the inbox."""

    def close(self) -> None:
        """Take what is left and stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be recorded. `marks_clock` says whose clock the marks and the duration follow."""

    data_dir: Path
    client_code: str
    practitioner: str
    plan: Plan
    zones: Mapping[str, Zone]
    profile: PenProfile
    command: Literal["record", "demo"]
    duration_us: int | None = None
    marks: tuple[TimedMark, ...] = ()
    marks_clock: Literal["session", "pen"] = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended: the session, or None when it was stopped before one began."""

    session: str | None
    derived: Json | None
    cause: str


@dataclass(frozen=True, slots=True)
class _Request:
    command: MarkCommand
    reply: Reply


def record(
    job: Job,
    *,
    source_of: Callable[[Inbox, RecorderClock], Source],
    clock: RecorderClock,
    console: Console,
    stop: Stop,
    on_ready: "Callable[[Recording], None] | None" = None,
) -> Outcome:
    """Record one session and return how it ended. Raises DevicelogError with the exit code of what went wrong.

    `on_ready` is given the recording before the port is read, for those who want to make marks.
    """
    prepare_data_dir(job.data_dir)
    path = job.data_dir / FILE_NAME
    with ExitStack() as stack:
        lock = stack.enter_context(WriterLock(job.data_dir))
        lock.take()
        engine, head = open_for_writing(job.data_dir, stamps=clock, sw=software())
        head, interrupted = close_interrupted(path, engine, head, clock)
        if interrupted is not None:
            console.say(told(interrupted))
        inbox = Inbox()
        source = source_of(inbox, clock)
        stack.callback(source.close)
        try:
            source.open()
        except PenError as error:
            raise PenUnusable(str(error)) from error

        def stalled(seconds: float) -> None:
            for_us = int(seconds * 1_000_000)
            inbox.put(Stall(since_us=clock.now_us() - for_us, for_us=for_us))

        writer = Writer(path, engine, head, stamps=clock, sw=software(), on_stall=stalled)
        stack.callback(writer.close, 2.0)
        recording = Recording(job, writer=writer, inbox=inbox, source=source, clock=clock, console=console, stop=stop)
        control = stack.enter_context(ControlServer(job.data_dir, recording.answer))
        lock.describe({"pid": os.getpid(), "socket": str(control.path)})
        if on_ready is not None:
            on_ready(recording)
        return recording.run()


def told(interrupted: Interrupted) -> str:
    """The sentence about a stream that was found open."""
    what = "the session" if interrupted.stream.startswith("s-") else "the unattributed span"
    seconds = interrupted.last_us / 1_000_000
    return (
        f"{what} {interrupted.stream} was found open and is closed now as interrupted: "
        f"{interrupted.records} records over {seconds:.1f} s are kept. `devicelog sessions show {interrupted.stream}`"
    )


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
    ) -> None:
        self.state: State = "planned"
        self._job, self._writer, self._inbox, self._source = job, writer, inbox, source
        self._clock, self._console, self._stop = clock, console, stop
        self._actor = Actor(id=job.practitioner, role="practitioner")
        self._path = job.data_dir / FILE_NAME
        self._marks = list(job.marks)
        self._taken_us = 0  # stamp of the newest record
        self._began_us = 0  # of the session
        self._pen_from_us: int | None = None  # the pen's clock at its first sample of this run
        self._first_heard: SampleBlock | Heartbeat | None = None
        self._identity: Identity | None = None
        self._newer: Unknown | None = None
        self._wall_offset_us = clock.wall_us() - clock.now_us()
        self._next_live_s = self._next_clock_s = 0.0
        self._alarms: list[Json] = []
        self._trouble: str | None = None
        self._ended = False

    # --- what others call, from their own threads ---------------------------------------------------------------------

    def mark(self, command: MarkCommand, reply: Reply) -> None:
        """Ask for a mark. `reply` is called when it is on disk, or with why it is not."""
        if self._ended:
            reply(_refusal("the session has ended", NotFound.exit_code))
        else:
            self._inbox.put(_Request(command, reply))

    def answer(self, request: Json) -> Json:
        """The control socket's handler: waits until the mark is on disk."""
        words = request.get("words")
        if request.get("command") != "mark" or not isinstance(words, list):
            return _refusal(f"unknown command {request.get('command')!r}", 2)
        try:
            command = parse_mark([str(word) for word in words], self._job.zones)
        except DevicelogError as error:
            return _refusal(str(error), error.exit_code)
        done: Future[Json] = Future()
        self.mark(command, done.set_result)
        try:
            return done.result(DISK_TIMEOUT_S)
        except FutureTimeout:
            why = self._writer.failure or "the disk is slow"
            return _refusal(f"the mark is not on disk after {DISK_TIMEOUT_S:.0f} s: {why}", StoreUnusable.exit_code)

    # --- the recording ------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Listen, record, close."""
        started: Json = {"command": self._job.command, "boot": self._clock.boot}
        self._durable(self._writer.do(lambda transaction: transaction.entry("recorder.started", started)))
        span = self._open_span()
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
        self._durable(span.close("a session begins")[1])
        session = self._open_session(identity, span.read_total, first_stream)
        self._durable(session.opened)
        self.state = next_state(self.state, "open")
        self._began_us = self._clock.now_us()
        self._console.say(f"recording {session.id}")
        cause = self._consume(session)
        derived = self._end(session, cause)
        return Outcome(session=session.id, derived=parse_canonical(derived), cause=cause)

    def _open_span(self) -> OpenStream:
        # whether it is a real pen is not known before it says so
        body: Json = {"stream": new_stream_id("span"), "mode": "demo" if self._job.command == "demo" else "unknown"}
        return OpenStream(
            self._writer,
            self._clock,
            type_="span.opened",
            body=body,
            documents=new_documents(self._job.profile, None, None),
            read_total=0,
        )

    def _open_session(self, identity: Identity, read_total: int, first_stream: int) -> OpenStream:
        job, heard = self._job, self._first_heard
        before = last_counters(self._path, identity.serial, before_stream=first_stream)
        now = (
            heard
            and Counters(serial=identity.serial, boot=heard.boot, passes=heard.passes, strokes=heard.strokes).document()
        )
        body: Json = {
            "stream": new_stream_id("session"),
            "client_ref": None,
            "practitioner": job.practitioner,
            "plan": job.plan.id,
            "pen": identity_document(identity),
            "pen_before": before.document() if before else None,
            "pen_heard": now,
            "mode": identity.mode,
        }
        return OpenStream(
            self._writer,
            self._clock,
            type_="session.opened",
            body=body,
            documents=new_documents(job.profile, job.plan, zones_document(job.zones)),
            read_total=read_total,
            actor=self._actor,
            client_code=job.client_code,
        )

    def _await_identity(self, span: OpenStream) -> Identity | None:
        give_up_s = time.monotonic() + IDENTITY_TIMEOUT_S
        while not self._stop.cause and self._newer is None and time.monotonic() < give_up_s:
            self._turn(span)
            if self._identity is not None:
                return self._identity
        return None

    def _consume(self, session: OpenStream) -> str:
        """The session's loop; returns why it ended."""
        while True:
            self._make_due_marks(session)
            if self._stop.cause:
                return self._stop.cause
            if self._over(session):
                return "duration"
            self._turn(session)
            self._watch(session)

    def _turn(self, stream: OpenStream) -> None:
        """Take the next item, or notice that nothing came."""
        if self._writer.backlog_bytes > _MAX_BACKLOG_BYTES:
            self._stop.event.wait(0.05)
            return
        item = self._inbox.get(0.05)
        if item is not None:
            self._take(stream, item)
        elif self._clock.now_us() - self._taken_us >= TICK_US:
            self._note(stream.take(None))

    def _take(self, stream: OpenStream, item: object) -> None:
        match item:
            case _Request():
                self._mark(stream, item.command, item.reply)
            case SerialChunk() | LinkChange() | Overflow():
                self._note(stream.take(item))
                if isinstance(item, LinkChange):
                    self._console.say(f"the pen's port is {'open' if item.up else 'lost'} ({item.cause})")
            case Stall():
                self._note(stream.take(item))
                self._console.say(f"the disk was slow: nothing was written for {item.for_us / 1_000_000:.1f} s")

    def _note(self, readings: list[Reading]) -> None:
        self._taken_us = self._clock.now_us()
        for reading in readings:
            match reading:
                case SampleBlock() | Heartbeat():
                    if self._pen_from_us is None and isinstance(reading, SampleBlock):
                        self._pen_from_us = reading.t_us
                    if self._first_heard is None and (reading.passes is not None or reading.strokes is not None):
                        self._first_heard = reading
                case Identity():
                    self._identity = self._identity or reading
                case Unknown() if reading.major > PROTOCOL_MAJOR:
                    self._newer = reading
                case _:
                    pass

    def _watch(self, session: OpenStream) -> None:
        """Now and then: the live state, new alarms, a wall clock that jumped."""
        now_s = time.monotonic()
        if now_s >= self._next_clock_s:
            self._next_clock_s = now_s + _CLOCK_PERIOD_S
            offset_us = self._clock.wall_us() - self._clock.now_us()
            if abs(offset_us - self._wall_offset_us) > CLOCK_STEP_US:
                self._wall_offset_us = offset_us
                session.take(self._clock.reading())
                self._console.say("the clock of this computer was set; order and durations are not affected")
        if now_s >= self._next_live_s:
            self._next_live_s = now_s + _LIVE_PERIOD_S
            self._show(session)

    def _show(self, session: OpenStream) -> None:
        _, findings, _ = session.pipeline.judge()
        known = {(alarm["rule"], alarm["zone"]) for alarm in self._alarms}
        for finding in findings:
            if (finding["rule"], finding["zone"]) not in known:
                self._console.say(f"ALARM {finding['rule']}" + (f" in {finding['zone']}" if finding["zone"] else ""))
        self._alarms = findings
        stalled_s = self._writer.stalled_s()
        trouble = self._writer.failure or (f"the disk does not answer for {stalled_s:.0f} s" if stalled_s else None)
        if trouble != self._trouble:
            self._trouble = trouble
            self._console.say(f"NOT RECORDED NOW: {trouble}; kept in memory" if trouble else "recording again")
        self._console.live(
            live_of(
                session.pipeline.derivation,
                state=self.state,
                elapsed_us=self._clock.now_us() - self._began_us,
                duration_us=self._job.duration_us,
                backlog_bytes=self._writer.backlog_bytes,
                trouble=trouble,
                alarms=findings,
            )
        )

    # --- marks --------------------------------------------------------------------------------------------------------

    def _make_due_marks(self, session: OpenStream) -> None:
        while self._marks and self._marks[0].t_us <= self._marks_us(session):
            command = self._marks.pop(0).command

            def reply(answer: Json, command: MarkCommand = command) -> None:
                self._console.say(command.words() if answer["ok"] else f"{command.words()}: {answer['error']}")

            self._mark(session, command, reply)

    def _marks_us(self, session: OpenStream) -> int:
        """The time that marks and duration follow: the session's, or the pen's since its first sample."""
        if self._job.marks_clock == "session":
            return self._clock.now_us() - self._began_us
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

    def _mark(self, stream: OpenStream, command: MarkCommand, reply: Reply) -> None:
        """Make a mark a record; tell about it when it is on disk."""
        if self.state == "planned":
            reply(_refusal("no session is recording yet: waiting for the pen", NotFound.exit_code))
            return
        try:
            check_mark(self.state, command.kind)
        except DevicelogError as error:
            reply(_refusal(str(error), error.exit_code))
            return
        salt = secrets.token_bytes(32)
        commitment = note_commitment(salt, command.text) if command.text is not None else None
        mark = Mark(kind=command.kind, actor=self._actor.id, zone=command.zone, note_sha256=commitment)
        stream.take(mark)
        number, event, before = stream.last_record, _STATE_EVENTS.get(command.kind), self.state
        if event is not None:
            self.state = next_state(self.state, event)
        after = self.state

        def keep(transaction: Transaction) -> None:
            if commitment is not None and command.text is not None:
                transaction.note(commitment, salt, command.text)
            transaction.commit_chunks()
            if event is not None:
                body: Json = {"stream": stream.id, "event": event, "from": before, "to": after, "record": number}
                transaction.entry("state.changed", body, self._actor)

        def kept(future: "Future[None]") -> None:
            error = future.exception()
            if error is not None:
                reply(_refusal(f"the mark could not be written: {error}", 5))
            else:
                reply({"ok": True, "session": stream.id, "record": number, "mark": command.words(), "state": after})

        self._writer.do(keep).add_done_callback(kept)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _end(self, stream: OpenStream, cause: str) -> bytes:
        """Stop reading, take what is left, close the stream and the ledger's run. Returns the derived record."""
        self._source.close()
        self._ended = True
        while (item := self._inbox.get_nowait()) is not None:
            self._take(stream, item)
        derived, closed = stream.close(cause, self._source.read_total)
        if self.state != "planned":
            self.state = next_state(self.state, "close")
        self._writer.do(lambda transaction: transaction.entry("recorder.stopped", {"cause": cause}))
        self._durable(closed)
        if not self._writer.close(DISK_TIMEOUT_S):
            raise StoreUnusable(f"the end of the recording is not on disk: {self._writer.failure}")
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
        """Why no session could begin, in words for the person at the chair."""
        derivation, kept = span.pipeline.derivation, f" What came is kept as {span.id}."
        if self._newer is not None:
            return f"the pen speaks protocol {self._newer.major}; this devicelog reads {PROTOCOL_MAJOR}.{kept}"
        account = derivation.account
        if not account.kept_bytes:
            return f"nothing came from the port for {IDENTITY_TIMEOUT_S:.0f} s. Is the pen switched on?"
        if not account.sound_frames:
            return (
                f"this is not a pen: {account.kept_bytes} bytes came and not one frame. Is the baud rate right?{kept}"
            )
        return f"the pen did not say who it is within {IDENTITY_TIMEOUT_S:.0f} s.{kept}"


def last_counters(path: Path, serial: str, *, before_stream: int) -> Counters | None:
    """The cumulative counters of this pen when it was last heard in a stream before this one; None if never."""
    if not serial:
        return None
    with Evidence(path) as evidence:
        for row in reversed(evidence.streams()):
            if row["no"] >= before_stream or row["derived"] is None:
                continue
            facts: dict[str, Any] = parse_canonical(evidence.document(row["derived"]))["facts"]
            counters = facts["counters"]
            known = counters["passes"] is not None or counters["strokes"] is not None
            if known and facts["pen"] is not None and facts["pen"]["serial"] == serial:
                return Counters(serial=serial, **counters)
    return None


def _refusal(error: str, exit_code: int) -> Json:
    return {"ok": False, "error": error, "exit_code": exit_code}
