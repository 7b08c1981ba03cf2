"""Simulated sensors on mock pins, for tests: they bounce, and their time moves when the test says so.

Whoever watches the pins is the test's business: a program that uses gpiozero, or a `PinListener`. Not responsible for
what the sensors do (simulator/sensors.py) nor for the mock pins (simulator/pins.py).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from firmware_bridge.kit.pen_time import pen_time_us
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Reading, SensorBatch
from firmware_bridge.simulator.library import load_scenario, script_for
from firmware_bridge.simulator.pins import SimulatedPins, playable
from firmware_bridge.simulator.scenario import Scenario
from firmware_bridge.simulator.script import Script
from firmware_bridge.sources.pin_watch import PinWatch
from firmware_bridge.transports import decoder_of
from firmware_bridge.wiring import Potentiometer

STEP_US = 5_000  # as often as any converter is asked
BATCH_US = 40_000  # as often as devicelog itself looks


class GpioPen:
    """Sensors that are switched on, and needle at once, for the length of their script. A context manager.

    `factory` is given to whatever watches: `gpiozero.Button(17, pin_factory=pen.factory)`. `driven` counts the edges
    of each line so far, bounce included.
    """

    def __init__(
        self,
        *,
        profile: PenProfile | str = "gpio-reference",
        scenario: Scenario | str = "clean",
        seconds: float = 10,
        seed: int = 1,
    ) -> None:
        """`profile`: one that has a wiring, or the name or path of one. Raises ProfileError, ScenarioError,
        and ValueError for a profile without a wiring or a scenario that pins cannot suffer."""
        profile = load_profile(profile) if isinstance(profile, str) else profile
        if profile.gpio is None:
            raise ValueError(f"the profile {profile.name} wires no pins")
        scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
        self.profile = replace(profile, gpio=replace(profile.gpio, factory="mock"))
        script, left_out = playable(script_for(scenario, seconds, seed), alone=True)
        if left_out:
            raise ValueError(f"{', '.join(left_out)}: this happens to a serial line, and pins have none")
        self._pins = SimulatedPins(script, profile.gpio, seed)
        self._began_us = self._pins.now_us()
        self._closed = False
        self._watchers: list[Callable[[], None]] = []
        self._pins.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def factory(self) -> Any:
        """The pin factory whose pins these are."""
        return self._pins.factory

    @property
    def driven(self) -> dict[str, int]:
        """How many edges there were so far, by line."""
        return dict(self._pins.driven)

    @property
    def script(self) -> Script:
        """What is going to happen: zones, settings, strokes and faults, each with its time."""
        return self._pins.script

    @property
    def now_us(self) -> int:
        """Time since the sensors were switched on."""
        return self._pins.now_us() - self._began_us

    def advance(self, seconds: float) -> None:
        """Let so much time go by: every edge in it is driven, with its own tick, and told to whoever watches."""
        if self._closed:
            raise ValueError("these pins were closed; those of a fixture are when its test is over")
        to_us = self.now_us + pen_time_us(seconds)
        while (left_us := to_us - self.now_us) > 0:
            self._pins.advance(min(left_us, STEP_US))
            for watch in self._watchers:
                watch()

    def finish(self) -> None:
        """Advance to the end of the script."""
        self.advance(max(0, self.script.duration_us - self.now_us) / 1_000_000)

    def listener(self) -> "PinListener":
        """Somebody who watches these pins. Raises PenError."""
        return PinListener(self)

    def watched_by(self, watch: Callable[[], None]) -> None:
        """Have `watch` called after every step of time."""
        self._watchers.append(watch)

    def close(self) -> None:
        """Drive no more. May be called twice."""
        self._closed = True
        self._pins.close()


class PinListener:
    """Watches a `GpioPen` as devicelog does, and decodes it. A context manager.

    `raw` is everything that was kept: a batch for every 40 ms. A change is told when it has lasted longer than the
    wiring's bounce: what happened last comes with the next `drain`, or with `finish`.
    """

    def __init__(self, pen: GpioPen) -> None:
        """Take the pins. Raises PenError."""
        assert pen.profile.gpio is not None  # noqa: S101 # a GpioPen has a wiring
        self._pen = pen
        self._watch = PinWatch(pen.profile.gpio, lambda: pen.now_us, factory=pen.factory, wait=lambda _: None)
        self._readings: list[Reading] = []
        dial = pen.profile.gpio.dial
        self._convert_us = 1_000_000 // dial.rate_hz if isinstance(dial, Potentiometer) else None
        self._converted_us = self._batched_us = pen.now_us
        self.decoder = decoder_of(pen.profile)
        self.raw: list[SensorBatch] = []
        self._watch.open()
        self._feed(self._watch.begin())
        pen.watched_by(self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drain(self) -> list[Reading]:
        """Everything that can be said by now and was not told by the call before."""
        if self._watch.factory is not None and self._pen.now_us > self._batched_us:
            self._batch()
        readings, self._readings = self._readings, []
        return readings

    def finish(self) -> list[Reading]:
        """The same, when nothing more will come: what was held back too."""
        self._batch()
        self._readings += self.decoder.finish()
        return self.drain()

    def close(self) -> None:
        """Give the pins back. May be called twice."""
        self._watch.close()

    def _look(self) -> None:
        now_us = self._pen.now_us
        if self._convert_us is not None and now_us - self._converted_us >= self._convert_us:
            self._converted_us += self._convert_us
            self._watch.convert()
        if now_us - self._batched_us >= BATCH_US:
            self._batch()

    def _batch(self) -> None:
        self._batched_us = self._pen.now_us
        self._feed(self._watch.batch())

    def _feed(self, batch: SensorBatch) -> None:
        self.raw.append(batch)
        self._readings += self.decoder.feed(batch)
