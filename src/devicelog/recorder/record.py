"""record(): one session, from a pen's port to its derived record in the database.

Sets up the lock, the database, the port, the writer and the control socket, and runs the consumer (recording.py) over
them; gives all of it back, however it ends.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from devicelog.control import ControlServer
from devicelog.errors import EvidenceDamaged, PenUnusable
from devicelog.ledger.entries import Actor
from devicelog.recorder.access import Alone, ThroughWriter
from devicelog.recorder.acts import Act, Acting
from devicelog.recorder.answering import Answering
from devicelog.recorder.attributing import attribute_through
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erased import stay_erased
from devicelog.recorder.job import Job, Outcome, Sounding, Source
from devicelog.recorder.live import Console
from devicelog.recorder.recording import Recording
from devicelog.recorder.recovery import close_interrupted, software, told
from devicelog.recorder.registered import recording_now
from devicelog.recorder.signing import seal_at_end, sign_at_boot
from devicelog.recorder.stop import Stop
from devicelog.records import Stall
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.lock import WriterLock
from devicelog.store.writer import Writer
from firmware_bridge.errors import PenError
from firmware_bridge.sources import Inbox


def record(
    job: Job,
    *,
    source_of: Callable[[Inbox, RecorderClock], Source],
    clock: RecorderClock,
    console: Console,
    stop: Stop,
    on_ready: Callable[[Recording], None] | None = None,
    more: Mapping[str, Act] = MappingProxyType({}),
) -> Outcome:
    """Record one session and return how it ended. Raises DevicelogError with the exit code of what went wrong.

    `on_ready` is given the recording before the port is read, for those who want to make marks. `more`: what can be
    asked of it on the control socket besides its own acts.
    """
    warning = prepare_data_dir(job.data_dir, demo=job.command == "demo")
    if warning is not None:
        console.say(f"warning: {warning}")
    path = job.data_dir / FILE_NAME
    with ExitStack() as stack:
        lock = stack.enter_context(WriterLock(job.data_dir))
        lock.take()
        engine, head = open_for_writing(job.data_dir, stamps=clock, sw=software())
        head, interrupted = close_interrupted(path, engine, head, clock)
        if interrupted is not None:
            console.say(told(interrupted))
        here = Alone(data_dir=job.data_dir, engine=engine, stamps=clock)
        stay_erased(path, here.append, console.say)
        sign_at_boot(here, clock.boot, console)
        head = here.head()
        inbox = Inbox()
        try:
            source = source_of(inbox, clock)
            stack.callback(source.close)
            source.open()
        except PenError as error:
            raise PenUnusable(str(error)) from error

        def stalled(seconds: float) -> None:
            for_us = int(seconds * 1_000_000)
            inbox.put(Stall(since_us=clock.now_us() - for_us, for_us=for_us))

        writer = Writer(path, engine, head, stamps=clock, sw=software(), on_stall=stalled)
        stack.callback(writer.close, 2.0)
        sound = source.sound if isinstance(source, Sounding) else None
        recording = Recording(
            job,
            writer=writer,
            inbox=inbox,
            source=source,
            clock=clock,
            console=console,
            stop=stop,
            sound=sound,
            actor=_actor(path, job.practitioner, console),
        )
        attribute = attribute_through(writer, path)
        acting = Acting(ThroughWriter(data_dir=job.data_dir, writer=writer), more)
        answering = Answering(job.zones, recording.mark, attribute, recording.port, acting.act, lambda: writer.failure)
        with ControlServer(job.data_dir, answering.answer) as control:
            lock.describe({"pid": os.getpid(), "socket": str(control.path)})
            if on_ready is not None:
                on_ready(recording)
            outcome = recording.run()
            acting.wait()
        lock.describe({"pid": os.getpid()})
        # the writer moved the head meanwhile
        seal_at_end(Alone(data_dir=job.data_dir, engine=engine, stamps=clock), outcome.session, console)
        return outcome


def _actor(path: Path, practitioner: str, console: Console) -> Actor | None:
    """Who records, by the list of people; None where that cannot be read, which ends no recording."""
    try:
        return recording_now(path, practitioner)
    except EvidenceDamaged as error:
        console.say(f"who works here cannot be read: {error}. `devicelog verify --all` says what is damaged")
        return None
