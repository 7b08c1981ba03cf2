"""A simulated pen on a port, for tests: its time moves when the test says so, and no byte is lost on the way.

What reads the port is the test's business: a program of any kind in this process or another, or a `Listener`. Not
responsible for what the pen sends (simulator/pen.py) nor for the terminal (simulator/run.py).
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.errors import BridgeError
from firmware_bridge.frames import MAX_TEXT
from firmware_bridge.kit.listener import Listener
from firmware_bridge.kit.pen_time import pen_time_us
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from firmware_bridge.simulator.library import load_scenario, script_for
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.simulator.run import PtyLink
from firmware_bridge.simulator.scenario import Scenario
from firmware_bridge.simulator.script import Script
from firmware_bridge.simulator.wire import WIRE_STEP_US, Wire

TAKEN_WITHIN_S = 10.0
_LOOK_S = 0.001
_ANSWER_S = 0.01


class NotTaken(BridgeError, TimeoutError):
    """Nobody read what the pen sent. The message names the port and how much of it is unread."""


class SerialPen:
    """A pen that is switched on and needles at once, for the length of its script. A context manager.

    `port` is a terminal device like that of a real pen, also for `devicelog record --pen`. It answers who it is
    whenever it is asked; everything else it sends when `advance` moves its time.
    """

    def __init__(
        self,
        directory: Path,
        *,
        scenario: Scenario | str = "clean",
        seconds: float = 10,
        seed: int = 1,
        serial: str = "",
        taken_within_s: float = TAKEN_WITHIN_S,
    ) -> None:
        """`scenario`: a name, a path or a parsed one; `seconds`: of its script. Raises ScenarioError, PenError and
        ValueError."""
        if len(serial) > MAX_TEXT or not all(" " <= character <= "~" for character in serial):
            raise ValueError(f"serial = {serial!r}; expected at most {MAX_TEXT} printable ASCII characters")
        scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
        self._pen = Pen(script_for(scenario, seconds, seed), seed, serial=serial)
        self._pen.start()
        self._wire = Wire(self._pen)
        self._taken_within_s = taken_within_s
        self._readers: list[Callable[[], None]] = []
        self._lock = threading.RLock()  # of the link: the thread that answers uses it too
        self._closing = threading.Event()
        self.sent_bytes = 0
        self._pulled = False  # by hand
        self.link = PtyLink(str(directory / "pen"), forgets=False)
        self._answering = threading.Thread(target=self._answer, name="pen answers", daemon=True)
        self._answering.start()

    def __enter__(self) -> "SerialPen":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> str:
        """The path to open. After an unplug and a return another device stands behind it."""
        return str(self.link.path)

    @property
    def up(self) -> bool:
        """Whether the port is there."""
        return self.link.up

    @property
    def serial(self) -> str:
        """The serial number of the pen that is there now."""
        return self._pen.serial

    @property
    def script(self) -> Script:
        """What is going to happen: zones, settings, motor and faults, each with its time."""
        return self._pen.script

    @property
    def now_us(self) -> int:
        """Pen time since it was switched on."""
        return self._pen.now_us

    def advance(self, seconds: float) -> None:
        """Let so much pen time go by. Returns when everything sent in it was read; where the script has pulled the
        plug, the port is gone. Raises NotTaken when nobody reads, ValueError for a time that cannot go by."""
        self._check_open()
        to_us = self._pen.now_us + pen_time_us(seconds)
        while self._pen.now_us < to_us:
            for _, data in self._wire.advance_to(min(to_us, self._pen.now_us + WIRE_STEP_US)):
                if data is None:
                    self._take_away()
                elif not self._pulled:
                    self._bring_back()
                    self._send(data)
            self.drain()

    def finish(self) -> None:
        """Advance to the end of the script."""
        self.advance(max(0, (self._pen.ended_us or 0) - self._pen.now_us) / 1_000_000)

    def drain(self) -> None:
        """Return when whoever has the port open has read everything that was sent. Raises NotTaken."""
        deadline_s = time.monotonic() + self._taken_within_s
        while left := self._unread():
            if time.monotonic() > deadline_s:
                raise NotTaken(
                    f"{self.port}: {left} bytes unread after {self._taken_within_s:g} s. Has the program under test "
                    "opened this port, and does it read it in a thread or process of its own?"
                )
            if not self._readers:
                time.sleep(_LOOK_S)

    def unplug(self) -> None:
        """Pull the plug by hand, after everything sent was read. What the pen sends until `replug` is lost."""
        self._check_open()
        self._pulled = True
        self._take_away()

    def replug(self) -> None:
        """Plug a pen that was unplugged by hand in again. Does nothing while its port is there."""
        self._check_open()
        self._pulled = False
        self._bring_back()

    def listener(self, profile: PenProfile | str = "reference") -> Listener:
        """Somebody who reads this pen, with the help of a profile, or of the name or path of one. Raises PenError."""
        return Listener(self, load_profile(profile) if isinstance(profile, str) else profile)

    def read_by(self, take: Callable[[], None]) -> None:
        """Have `take` called whenever there may be something to read: the reader needs no thread then."""
        self._readers.append(take)

    def close(self) -> None:
        """Remove the port. May be called twice."""
        self._closing.set()
        self._answering.join()
        self.link.close()

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise ValueError(f"{self.port}: this pen was closed; one of a fixture is when its test is over")

    def _take_away(self) -> None:
        if self.link.up:
            self.drain()
        with self._lock:
            self.link.unplug()
        self._let_read()

    def _bring_back(self) -> None:
        with self._lock:
            self.link.replug()
        self._let_read()

    def _send(self, data: bytes) -> None:
        with self._lock:
            dropped = self.link.dropped_bytes
            self.link.write(data)
            if self.link.dropped_bytes > dropped:
                raise NotTaken(f"{self.port}: nobody reads, and there is no room for more. Open it before advancing")
        self.sent_bytes += len(data)
        self.drain()

    def _unread(self) -> int:
        self._let_read()
        with self._lock:
            return self.link.waiting_bytes()

    def _let_read(self) -> None:
        for take in self._readers:
            take()

    def _answer(self) -> None:
        """The pen's own thread: a program may ask and wait for the answer in the only thread of the test."""
        while not self._closing.wait(_ANSWER_S):
            self.answer()

    def answer(self) -> None:
        """Answer what was asked up to now."""
        with self._lock:
            for _ in range(self.link.requests()):
                answer = self._wire.answer()
                self.link.write(answer)
                self.sent_bytes += len(answer)
