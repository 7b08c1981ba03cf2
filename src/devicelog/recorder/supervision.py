"""What the one consumer and the pen's port have to tell each other: no frame for too long, release it, take it back.

The consumer decodes, so it knows whether a pen speaks there; the port acts on it (sources/serial_port.py). Not
responsible for records: what the port does comes back as link changes, like any input.
"""

from collections.abc import Sequence
from concurrent.futures import Future

from devicelog.canonical import Json
from devicelog.errors import NotFound, PenUnusable, StoreUnusable
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.commands import PortCommand, Reply
from devicelog.recorder.job import Line
from devicelog.recorder.live import Console
from devicelog.recorder.marking import refusal
from devicelog.store.writer import Writer
from firmware_bridge.readings import LinkChange, RawInput, Reading
from firmware_bridge.sources import Restarts, Watch

_WHY = {
    "silent": "silent: nothing came; it is opened anew",
    "no frames": "no frames: what comes is no pen's; it is opened anew",
    "released": "released",
}


class Supervision:
    """One per recording. Called by the one consumer. `line` is None for a pen that is wired to pins alone."""

    def __init__(
        self, line: Line | None, watch: Watch, *, writer: Writer, clock: RecorderClock, console: Console
    ) -> None:
        self._line, self._watch = line, watch
        self._writer, self._clock, self._console = writer, clock, console
        self._restarts = Restarts()
        self._waiting: list[tuple[Json, Reply]] = []  # for the port to be free
        self._trouble: str | None = None

    def take(self, item: RawInput, readings: Sequence[Reading]) -> None:
        """An input that is in the stream now, and what it completed."""
        self._give_up(self._watch.take(item, readings))
        if self._restarts.take(item, readings):
            self._console.say(
                "the pen started anew when its port was opened, as boards do whose reset hangs on DTR: so it will each "
                "time the port is opened"
            )
        if isinstance(item, LinkChange):
            if item.port is not None:
                self._console.say(f"the {item.port} are {'open' if item.up else 'lost'} ({item.cause})")
                return
            cause = item.cause if item.up else _WHY.get(item.cause, item.cause)
            self._console.say(f"the pen's port is {'open' if item.up else 'lost'} ({cause})")

    def port_free(self) -> None:
        """The source has released the port, and all that it queued before that is in the stream."""
        self._answer()

    def nothing_came(self) -> None:
        """All that had arrived is taken."""
        self._give_up(self._watch.judge(self._clock.now_us()))

    def look(self) -> None:
        """Now and then: tell why the port does not open."""
        trouble = self._line.trouble if self._line is not None else None
        if trouble != self._trouble:
            self._trouble = trouble
            if self._trouble is not None:
                self._console.say(f"the port does not open: {self._trouble}")

    def make(self, command: PortCommand, reply: Reply) -> None:
        """Release the port or take it back. A release is confirmed when the port is free and the record on disk."""
        if self._line is None:
            reply(refusal("this pen is wired to pins: it has no port to lend", PenUnusable.exit_code))
            return
        if command.for_us is None:
            released = self._line.resume()
            if released:
                self._console.say("the pen's port is taken back")
            reply({"ok": True, "port": self._line.url, "was_released": released})
            return
        self._line.release(command.for_us)
        seconds = f"{command.for_us / 1_000_000:g}"
        self._console.say(
            f"the pen's port is given to another program for {seconds} s; `devicelog pens resume` ends that"
        )
        self._waiting.append(({"ok": True, "port": self._line.url, "for_us": command.for_us}, reply))

    def end(self) -> None:
        """No more will come: whoever still waits for the port is told so."""
        waiting, self._waiting = self._waiting, []
        for _, reply in waiting:
            reply(refusal("the session has ended, and the port is free", NotFound.exit_code))

    def _give_up(self, cause: str | None) -> None:
        if cause is not None and self._line is not None:
            self._line.distrust(self._watch.opening, cause)

    def _answer(self) -> None:
        """The port is free: confirm that when the record of it is on disk."""
        waiting, self._waiting = self._waiting[:1], self._waiting[1:]
        if not waiting:
            return

        def kept(future: "Future[None]") -> None:
            error = future.exception()
            for answer, reply in waiting:
                reply(
                    refusal(
                        f"the port is free, and the record of it could not be written: {error}", StoreUnusable.exit_code
                    )
                    if error
                    else answer
                )

        self._writer.do(lambda transaction: transaction.commit_chunks()).add_done_callback(kept)
