"""Simulated sensors on gpiozero's mock pins: edges that bounce, a converter on a mock SPI; in real time or by hand.

A recorder sees ordinary pins: levels, ticks and conversions as a driver gives them. Whoever reads a level sees the
present: all that was due is driven first. Not responsible for what the sensors do (sensors.py).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from types import TracebackType
from typing import Any, Self

from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin
from gpiozero.pins.pi import PiPin
from gpiozero.pins.spi import SPI

from firmware_bridge.simulator.kinds import KINDS
from firmware_bridge.simulator.script import Script
from firmware_bridge.simulator.sensors import PinEdge, count_at, edges_of, level_at_rest
from firmware_bridge.wiring import LINES, Wiring

PERIOD_S = 0.002


class SimulatedPins:
    """The sensors of one pen. A context manager: `run` drives it in real time, without it `advance` does.

    `factory` is what a source is given in place of a pin factory of its own. The script begins at `start`; before it
    and after its end the lines rest.
    """

    def __init__(self, script: Script, wiring: Wiring, seed: int, now_us: Callable[[], int] | None = None) -> None:
        """`now_us` is the clock in whose time the script is played; without it time stands still until `advance`."""
        self.script, self.seed = script, seed
        self.wiring = replace(wiring, factory="mock")
        self.driven: dict[str, int] = {}  # edges so far, by line
        self.swallowed = 0  # edges that were due before anybody watched
        self._own_us = 1_000_000
        self._clock = now_us
        self._lock = threading.RLock()
        self._began_us: int | None = None
        self._ahead: Iterator[PinEdge] = iter(())
        self._next: PinEdge | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.factory = SimulatedFactory(self)
        self._levels = {LINES.index(name): level_at_rest(switch) for name, switch in wiring.lines().items()}
        self._pins = {LINES.index(name): self.factory.pin(switch.pin) for name, switch in wiring.lines().items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def now_us(self) -> int:
        """The time of these pins."""
        return self._own_us if self._clock is None else self._clock()

    def start(self, in_us: int = 0) -> None:
        """Begin the script, so long after now."""
        with self._lock:
            self._began_us = self.now_us() + in_us
            self._ahead = edges_of(self.script, self.wiring, self.seed)
            self._next = next(self._ahead, None)

    def add(self, edges: Iterator[PinEdge]) -> None:
        """Play these from now on instead of the script; their times count from now."""
        with self._lock:
            self._began_us, self._ahead = self.now_us(), edges
            self._next = next(edges, None)

    def advance(self, for_us: int) -> None:
        """Let time pass, for a clock that stands still, and drive what is due in it."""
        with self._lock:
            self._own_us += for_us
            self.catch_up()

    def catch_up(self) -> None:
        """Drive every edge that is due by now."""
        with self._lock:
            if self._began_us is None:
                return
            now_us = self.now_us() - self._began_us
            while self._next is not None and self._next.t_us <= now_us:
                edge, self._next = self._next, None
                self._drive(edge, self._began_us + edge.t_us)
                self._next = next(self._ahead, None)

    @property
    def ended(self) -> bool:
        """Whether everything has been driven."""
        return self._began_us is not None and self._next is None

    def run(self) -> None:
        """Drive in real time from here on, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="simulated pins", daemon=True)
        self._thread.start()

    def beside(self, source: Any, *, alone: bool) -> "Played":
        """The source of these pins, or of them and a pen that sends: the script begins with it."""
        return Played(source, self, alone=alone)

    def close(self) -> None:
        """Stop driving."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._next, self._ahead = None, iter(())

    def converted(self, channel: int) -> int:
        """What the converter says now of a channel."""
        if channel != getattr(self.wiring.dial, "channel", None):
            return 0
        at_us = None if self._began_us is None else max(0, self.now_us() - self._began_us)
        return count_at(self.script, self.wiring, at_us)

    def level(self, pin: "SimulatedPin") -> bool | None:
        """The level of a sensor's pin now; None for a pin that no sensor is on."""
        line = next((line for line, known in self._pins.items() if known is pin), None)
        if line is None:
            return None
        with self._lock:
            self.catch_up()
            return self._levels[line]

    def _drive(self, edge: PinEdge, t_us: int) -> None:
        self._levels[edge.line] = edge.level
        name = LINES[edge.line]
        self.driven[name] = self.driven.get(name, 0) + 1
        if not self._pins[edge.line].told(edge.level, t_us / 1_000_000):
            self.swallowed += 1

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self.catch_up()


class Played:
    """A source, and the sensors that begin to play with it.

    Alone they begin when they are watched. Beside a pen that sends they begin as it does: when it is asked who it is,
    which happens when its port is opened.
    """

    def __init__(self, source: Any, sensors: SimulatedPins, *, alone: bool) -> None:
        self._source, self._sensors, self._alone = source, sensors, alone

    @property
    def read_total(self) -> int:
        """As the source's."""
        total: int = self._source.read_total
        return total

    def open(self) -> None:
        """As the source's."""
        self._source.open()
        if not self._alone:
            self._sensors.start()

    def start(self) -> None:
        """As the source's; and from here on the pins move."""
        self._source.start()
        if self._alone:
            self._sensors.start()
        self._sensors.run()

    def sound(self, tone: Any) -> None:
        """As the source's."""
        self._source.sound(tone)

    def close(self) -> None:
        """As the source's."""
        self._source.close()


def playable(script: Script, *, alone: bool) -> tuple[Script, list[str]]:
    """What of a script happens to pins, and the names of what does not. Beside a pen that sends, the plug is its."""
    happens = ("pins", "pen") if alone else ("pins",)
    left_out = {fault.kind for fault in script.faults if KINDS[fault.kind].to == "line"} if alone else set()
    faults = tuple(fault for fault in script.faults if KINDS[fault.kind].to in happens)
    return replace(script, faults=faults), sorted(left_out)


class SimulatedPin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """A mock pin whose level is the sensor's and whose ticks are the sensor's time."""

    def told(self, level: bool, tick_s: float) -> bool:
        """Tell whoever listens of an edge; False when nobody does."""
        self._state = level
        if self._when_changed is None:
            return False
        PiPin._call_when_changed(self, tick_s, level)
        return True

    def _get_state(self) -> bool:
        level = self.factory.sensors.level(self)
        return bool(self._state) if level is None else level

    def _change_state(self, value: bool) -> bool:
        changed, self._state = self._state != value, value  # without the list of all states: a session is long
        return changed

    def _set_pull(self, value: str) -> None:
        self._pull = value  # the sensor drives the line, whatever the pull


class SimulatedFactory(MockFactory):  # type: ignore[misc]
    """Mock pins with the time of the sensors, a buzzer that can play notes, and a converter on the Pi's own SPI."""

    def __init__(self, sensors: SimulatedPins) -> None:
        super().__init__(pin_class=SimulatedPin)
        self.sensors = sensors

    def ticks(self) -> float:
        """In seconds."""
        return self.sensors.now_us() / 1_000_000

    def pin(self, name: Any, pin_class: Any = None, **kwargs: Any) -> Any:
        """The pin of the buzzer can do PWM, all others are sensors'."""
        for _, info in self.board_info.find_pin(name):
            if info in self.pins:
                return self.pins[info]
        if pin_class is None and name == self.sensors.wiring.tone_pin:
            pin_class = MockPWMPin
        return super().pin(name, pin_class=pin_class, **kwargs)

    def spi(self, **_args: Any) -> Any:
        """The bus with the converter on it."""
        return ConverterSpi(self)


class ConverterSpi(SPI):  # type: ignore[misc]
    """An MCP3008 at the other end of an SPI, as in its data sheet: start bit, single or not, channel; ten bits back."""

    def __init__(self, factory: SimulatedFactory) -> None:
        super().__init__(pin_factory=factory)
        self._open = True

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._open

    def close(self) -> None:
        """Give the bus back."""
        self._open = False
        with suppress(AttributeError):
            super().close()

    def transfer(self, data: list[int]) -> list[int]:
        """Three words out, three words in."""
        sent = int.from_bytes(bytes(data), "big")
        top = sent.bit_length()  # the start bit; then single-ended, and three bits of channel
        channel = sent >> max(0, top - 5) & 7
        value = self.pin_factory.sensors.converted(channel)
        return list(value.to_bytes(len(data), "big"))

    def _get_clock_mode(self) -> int:
        return 0

    def _set_clock_mode(self, value: int) -> None:
        pass

    def _get_bits_per_word(self) -> int:
        return 8


def pulses(line: str, times_us: Iterator[tuple[int, int]]) -> Iterator[PinEdge]:
    """The edges of a line that goes high at each first time and low at each second, without bounce."""
    number = LINES.index(line)
    return chain.from_iterable((PinEdge(up, number, True), PinEdge(down, number, False)) for up, down in times_us)
