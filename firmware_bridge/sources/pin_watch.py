"""The pins of a wiring, opened and watched: every edge with its tick, conversions when asked, batches when asked.

No thread of its own: edges come from the thread of the pin factory, and whoever calls `batch` sets the pace (gpio.py).
Not responsible for what edges mean. Nothing is debounced here: a bounce is evidence too.
"""

import contextlib
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from firmware_bridge.errors import PenError
from firmware_bridge.readings import MAX_ADC, MAX_EDGES, MAX_US, AdcSample, Edge, SensorBatch
from firmware_bridge.sources.pin_factory import load_factory, pins_error
from firmware_bridge.sources.ticks import Ticks
from firmware_bridge.wiring import LINES, Potentiometer, Switch, Wiring

_PULLS = {"up": "up", "down": "down", "none": "floating"}
_READS = 8  # of the levels, until no edge falls into the reading of them
_NAMING = threading.Lock()
_SETTLE_S, _SETTLES = 0.001, 20  # how long an edge that the levels show is waited for: drivers tell up to 1 ms late


class _Line:
    """One digital line. The pin keeps `told` by a weak reference, so that somebody must keep this."""

    def __init__(self, number: int, switch: Switch, told: Callable[[int, float, bool], None]) -> None:
        self.number, self.switch = number, switch
        self.pin: Any = None
        self._told = told

    def told(self, ticks: float, state: object) -> None:
        """What gpiozero calls, in its own thread."""
        self._told(self.number, ticks, bool(state))


class PinWatch:
    """Opens and watches. A context manager; `close` may be called twice and leaves no pin and no factory behind."""

    def __init__(
        self,
        wiring: Wiring,
        now_us: Callable[[], int],
        *,
        factory: Any = None,
        max_edges: int = MAX_EDGES,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`factory` is one that is there already, and stays; else the one that the wiring names is loaded."""
        self.wiring = wiring
        self.factory: Any = factory
        self._own_factory = factory is None
        self._now_us, self._wait, self._max_edges = now_us, wait, max_edges
        self._lines = [_Line(LINES.index(name), switch, self._tell) for name, switch in wiring.lines().items()]
        self._told: deque[tuple[int, float, bool]] = deque()
        self._adc: deque[AdcSample] = deque()
        self._lost = {"told": 0, "batch": 0, "adc": 0}  # by the one thread that counts each
        self._edges: list[Edge] = []  # told, and not yet in a batch
        self._ticks: Ticks | None = None
        self._converter: Any = None
        self._since_us: int | None = None
        self._levels = 0
        self._dropped_told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def dropped(self) -> int:
        """Edges and conversions that were told and not kept, all in all."""
        return sum(self._lost.values())

    def open(self) -> None:
        """Take the pins and set them up as inputs. Raises PenError, naming the line and the pin."""
        if self.factory is None:
            self.factory = load_factory(self.wiring.factory)
        try:
            for line in self._lines:
                self._open_line(line)
            if isinstance(self.wiring.dial, Potentiometer):
                self._converter = self._open_converter(self.wiring.dial)
        except BaseException:
            self.close()
            raise

    def begin(self) -> SensorBatch:
        """Begin to watch: from here on every edge is told. Returns the first levels, as a batch that lasts no time.

        Raises PenError.
        """
        self._ticks = Ticks(self._now_us, self.factory.ticks, time.time)
        for line in self._lines:
            try:
                line.pin.when_changed = line.told
            except Exception as error:
                raise pins_error(_named(line), error) from error
        self._since_us = None
        self._levels = self._read()
        return self.batch()

    def batch(self) -> SensorBatch:
        """What the pins did since the last batch. Levels and edges are of one moment, `t_us`.

        An edge that the driver tells late, after levels that show it were read, is waited for a little. What happens
        while it is waited for, edges and conversions alike, is of the next batch.
        """
        levels, t_us = self._read_quietly()
        edges = self._up_to(t_us)
        settles = 0
        while self._after(edges) != levels and settles < _SETTLES and not self._untold_dropped:
            self._wait(_SETTLE_S)
            settles += 1
            self._convert_ticks()
            edges = self._up_to(t_us)
        kept = edges[: self._max_edges]
        self._lost["batch"] += len(edges) - len(kept)
        self._edges = [edge for edge in self._edges if edge.t_us > t_us]
        adc = self._converted(t_us)
        since_us = t_us if self._since_us is None else self._since_us
        dropped = self._untold_dropped
        self._dropped_told += dropped
        self._since_us, self._levels = t_us, levels
        return SensorBatch(
            t_us=t_us,
            watched_us=min(max(0, t_us - since_us), MAX_US),
            levels=levels,
            edges=tuple(edge._replace(t_us=max(edge.t_us, t_us - MAX_US)) for edge in kept),
            adc=tuple(sample._replace(t_us=max(sample.t_us, t_us - MAX_US)) for sample in adc),
            dropped=dropped,
        )

    def convert(self) -> None:
        """Ask the converter once and keep what it says, with the time at which it was asked. Raises PenError."""
        if self._converter is None or not isinstance(self.wiring.dial, Potentiometer):
            return
        t_us = self._now_us()
        try:
            value = int(self._converter.raw_value)
        except Exception as error:
            raise pins_error("the MCP3008", error) from error
        if len(self._adc) >= MAX_ADC:
            self._lost["adc"] += 1
        else:
            self._adc.append(AdcSample(self.wiring.dial.channel, value, t_us))

    def close(self) -> None:
        """Give the pins back as inputs, and the factory where it is ours."""
        for line in self._lines:
            pin, line.pin = line.pin, None
            if pin is not None:
                with contextlib.suppress(Exception):
                    pin.when_changed = None
                if not self._own_factory:
                    with contextlib.suppress(Exception):
                        pin.close()
        converter, self._converter = self._converter, None
        if converter is not None:
            with contextlib.suppress(Exception):
                converter.close()
        if self.factory is not None:
            with contextlib.suppress(Exception):
                self.factory.release_all(self)
            if self._own_factory:
                with contextlib.suppress(Exception):
                    self.factory.close()
                self.factory = None

    def _conflicts_with(self, _other: object) -> bool:
        """What gpiozero asks of those who reserve pins."""
        return True

    # --- opening ------------------------------------------------------------------------------------------------------

    def _open_line(self, line: _Line) -> None:
        try:
            self.factory.reserve_pins(self, line.switch.pin)
            pin = self.factory.pin(line.switch.pin)
            line.pin = pin
            pin.function = "input"
            pin.pull = _PULLS[line.switch.pull]
            pin.bounce = None
            pin.edges = "both"
        except Exception as error:
            raise pins_error(_named(line), error) from error

    def _open_converter(self, dial: Potentiometer) -> Any:
        from gpiozero import MCP3008, SPISoftwareFallback

        try:
            with _named_for_all(self.factory), warnings.catch_warnings():
                # bits moved by hand take milliseconds a conversion, and nobody would know why
                warnings.simplefilter("error", SPISoftwareFallback)
                return MCP3008(channel=dial.channel, port=0, device=dial.device, pin_factory=self.factory)
        except SPISoftwareFallback as error:
            raise PenError(
                f"the MCP3008: the Pi's own SPI cannot be used ({error}). "
                "Switch it on: sudo raspi-config nonint do_spi 0"
            ) from error
        except Exception as error:
            raise pins_error("the MCP3008", error) from error

    # --- edges --------------------------------------------------------------------------------------------------------

    def _tell(self, line: int, ticks: float, level: bool) -> None:
        """In the thread of the factory: keep it, or count that there was no room. Never waits."""
        if len(self._told) >= self._max_edges:
            self._lost["told"] += 1
        else:
            self._told.append((line, ticks, level))

    @property
    def _untold_dropped(self) -> int:
        return min(self.dropped - self._dropped_told, MAX_US)

    def _convert_ticks(self) -> None:
        if self._ticks is None:
            return
        while self._told:
            line, ticks, level = self._told.popleft()
            self._edges.append(Edge(line, level, self._ticks.at_us(ticks)))

    def _up_to(self, t_us: int) -> list[Edge]:
        return [edge for edge in self._edges if edge.t_us <= t_us]

    def _converted(self, t_us: int) -> list[AdcSample]:
        """The conversions up to a time, off the queue. Another thread goes on converting."""
        adc = list[AdcSample]()
        while self._adc and self._adc[0].t_us <= t_us and len(adc) < MAX_ADC:
            adc.append(self._adc.popleft())
        return adc

    def _after(self, edges: list[Edge]) -> int:
        """The levels after these edges, by what was known before them."""
        levels = self._levels
        for edge in edges:
            levels = levels | 1 << edge.line if edge.level else levels & ~(1 << edge.line)
        return levels

    def _read_quietly(self) -> tuple[int, int]:
        """The levels, and when they were read: with no edge in the reading, where a few tries give such a moment."""
        for _ in range(_READS):
            from_us = self._now_us()
            levels = self._read()
            t_us = self._now_us()
            self._convert_ticks()
            if not any(from_us <= edge.t_us <= t_us for edge in self._edges):
                break
        return levels, t_us

    def _read(self) -> int:
        levels = 0
        for line in self._lines:
            try:
                levels |= bool(line.pin.state) << line.number
            except Exception as error:
                raise pins_error(_named(line), error) from error
        return levels


@contextlib.contextmanager
def _named_for_all(factory: Any) -> Iterator[None]:
    """While inside, gpiozero has this factory and searches for none: its software SPI asks for one without a name."""
    from gpiozero import Device

    with _NAMING:
        before, Device.pin_factory = Device.pin_factory, factory
        try:
            yield
        finally:
            Device.pin_factory = before


def _named(line: _Line) -> str:
    return f"pin {line.switch.pin} ({LINES[line.number]})"
