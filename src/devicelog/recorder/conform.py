"""One run of a pen through the steps of a test: what comes and what is done, stamped, as a capture. Keeps nothing.

The shell around `firmware_bridge.conformance`. Not responsible for judging, nor for words to a person.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from devicelog.recorder.stop import Stop
from firmware_bridge.conformance.capture import (
    MAX_BYTES,
    Capture,
    Event,
    Full,
    Lines,
    Link,
    Phase,
    Received,
    Sent,
    Setting,
)
from firmware_bridge.conformance.plan import Step, Turn
from firmware_bridge.errors import PenError
from firmware_bridge.profile import PenProfile
from firmware_bridge.sources.conversation import Conversation, LinkLost

_REOPEN_EVERY_US = 250_000


class Person(Protocol):
    """Whoever is at the pen, if anybody is."""

    def begins(self, lasts_us: int) -> None:
        """The port is open, and a run begins that takes so long, and as long as a person takes."""

    def told(self, step: Step) -> None:
        """A step is about to begin; where it has something to `ask`, `answer` is waited for."""

    def answer(self) -> bool | None:
        """True: it is done. False: this step is to be skipped. None: neither yet. Does not wait."""


class Conformance:
    """One run. `run` does it; `capture` is what came of it, as far as it went."""

    def __init__(
        self,
        url: str,
        profile: PenProfile,
        *,
        now_us: Callable[[], int],
        person: Person,
        stop: Stop,
    ) -> None:
        self._url, self._profile, self._person, self._stop = url, profile, person, stop
        self._now_us, self._origin_us = now_us, now_us()
        self._setting = Setting(profile=profile.name, baud=profile.baud, asks=profile.request_identity)
        self._events: list[Event] = []
        self._n_bytes = 0
        self._full = False
        self._port: Conversation | None = None
        self._reopen_us = 0

    @property
    def capture(self) -> Capture:
        """Everything so far. Times are microseconds since the run was made."""
        return Capture(setting=self._setting, events=tuple(self._events))

    def run(self, steps: tuple[Step, ...]) -> None:
        """Go through the steps, or until `stop` is asked for or the port said too much. Raises PenError."""
        self._port = Conversation(self._url, self._profile)
        self._events.append(Link(self._t_us(), up=True))
        try:
            if not self._port.has_lines:
                steps = tuple(replace(step, lasts_us=0) if step.phase == "lines" else step for step in steps)
            self._person.begins(sum(step.lasts_us for step in steps))
            for step in steps:
                if not self._over and self._ready(step):
                    self._do(step)
                if step.phase == "ask" and not self._n_bytes:
                    break  # it neither spoke nor answered: there is nobody to go on with
            self._events.append(Phase(self._t_us(), "end"))
        finally:
            if self._port is not None:
                self._port.close()

    @property
    def _over(self) -> bool:
        return self._full or self._stop.cause is not None

    def _t_us(self) -> int:
        return self._now_us() - self._origin_us

    def _ready(self, step: Step) -> bool:
        """Whether the step is to be done: wait for the person, and listen meanwhile."""
        self._person.told(step)
        if not step.ask:
            return True
        if step.phase == "power":  # what happens while the person is busy belongs to it
            self._events.append(Phase(self._t_us(), step.phase))
        while not self._over:
            answer = self._person.answer()
            if answer is not None:
                return answer
            self._listen()
        return False

    def _do(self, step: Step) -> None:
        if not (step.ask and step.phase == "power"):
            self._events.append(Phase(self._t_us(), step.phase))
        from_us = self._t_us()
        acts = list(step.acts)
        # an act whose time passed while this computer was busy is done all the same: an XOFF is followed by its XON
        while not self._over and (acts or self._t_us() < from_us + step.lasts_us):
            while acts and self._t_us() >= from_us + acts[0].after_us:
                act = acts.pop(0)
                if not (self._turn(act.other) if isinstance(act, Turn) else self._say(act.data)):
                    return  # this port has no such lines
            self._listen()

    # --- the port ---------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Take what has come, and wait a little for it."""
        if self._port is None:
            self._reopen()
            return
        try:
            data = self._port.read()
        except LinkLost:
            self._lost()
            return
        if data:
            data = data[: MAX_BYTES - self._n_bytes]
            self._n_bytes += len(data)
            self._events.append(Received(self._t_us(), data))
        if self._n_bytes >= MAX_BYTES:
            self._full = True
            self._events.append(Full(self._t_us()))

    def _say(self, data: bytes) -> bool:
        if self._port is not None:
            # stamped before: a pen that answers while this computer is busy is not early
            t_us = self._t_us()
            try:
                self._port.write(data)
            except LinkLost:
                self._lost()
            else:
                self._events.append(Sent(t_us, data))
        return True

    def _turn(self, other: bool) -> bool:
        if self._port is None:
            return True
        dtr, rts = self._profile.dtr != other, self._profile.rts != other
        turned = self._port.turn_lines(dtr=dtr, rts=rts)
        if turned:
            self._events.append(Lines(self._t_us(), dtr, rts))
        return turned

    def _lost(self) -> None:
        self._events.append(Link(self._t_us(), up=False))
        if self._port is not None:
            self._port.close()
        self._port, self._reopen_us = None, self._t_us() + _REOPEN_EVERY_US

    def _reopen(self) -> None:
        """Try again, every quarter of a second."""
        if self._stop.event.wait(max(0, self._reopen_us - self._t_us()) / 1_000_000):
            return
        self._reopen_us = self._t_us() + _REOPEN_EVERY_US
        with suppress(PenError):
            self._port = Conversation(self._url, self._profile)
            self._events.append(Link(self._t_us(), up=True))
