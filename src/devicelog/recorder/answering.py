"""What a running recorder answers on its control socket: a table of commands. Each answer waits for the disk.

Not responsible for the socket (control.py) nor for what a command does to the session (recording.py).
"""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from devicelog.canonical import Json
from devicelog.errors import DevicelogError, StoreUnusable
from devicelog.recorder.attributing import AttributeCommand, parse_attribution
from devicelog.recorder.commands import MarkCommand, PortCommand, Reply, parse_mark, parse_release
from devicelog.recorder.marking import refusal

DISK_TIMEOUT_S = 10.0


class Answering:
    """`mark` and `port` put a request before the one consumer; `attribute` and `act` work here and ask the writer;
    `failure` tells what keeps the writer from writing, if anything."""

    def __init__(
        self,
        zones: Collection[str],
        mark: Callable[[MarkCommand, Reply], None],
        attribute: Callable[[AttributeCommand, Reply], None],
        port: Callable[[PortCommand, Reply], None],
        act: Callable[[Json], Json],
        failure: Callable[[], str | None],
    ) -> None:
        self._zones, self._make_mark, self._make_correction, self._failure = zones, mark, attribute, failure
        self._tell_port, self._act = port, act
        self._commands: dict[str, Callable[[Json], Json]] = {
            "mark": self._mark,
            "attribute": self._attribute,
            "release": self._release,
            "resume": self._resume,
            "act": self._act,
        }

    def answer(self, request: Json) -> Json:
        """The control socket's handler, in a thread of its own per request."""
        command = request.get("command")
        if not isinstance(command, str) or command not in self._commands:
            return refusal(f"unknown command {command!r}", 2)
        try:
            return self._commands[command](request)
        except DevicelogError as error:
            return refusal(str(error), error.exit_code)

    def _mark(self, request: Json) -> Json:
        words = request.get("words")
        if not isinstance(words, list):
            return refusal("a mark has a list of words", 2)
        command = parse_mark([str(word) for word in words], self._zones)
        return self._on_disk("the mark", lambda reply: self._make_mark(command, reply))

    def _attribute(self, request: Json) -> Json:
        command = parse_attribution(request, self._zones)
        return self._on_disk("the correction", lambda reply: self._make_correction(command, reply))

    def _release(self, request: Json) -> Json:
        command = parse_release(request)
        return self._on_disk("the release of the port", lambda reply: self._tell_port(command, reply))

    def _resume(self, _request: Json) -> Json:
        return self._on_disk("the return of the port", lambda reply: self._tell_port(PortCommand(for_us=None), reply))

    def _on_disk(self, what: str, ask: Callable[[Reply], None]) -> Json:
        done: Future[Json] = Future()
        ask(done.set_result)
        try:
            return done.result(DISK_TIMEOUT_S)
        except FutureTimeout:
            why = self._failure() or "the disk is slow"
            return refusal(f"{what} is not on disk after {DISK_TIMEOUT_S:.0f} s: {why}", StoreUnusable.exit_code)
