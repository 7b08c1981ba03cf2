"""The source of sensors on pins, on mock pins: what is lost or late, what cannot be opened, that nothing is missed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from devicelog.sensor_bytes import batch_of, body_of
from firmware_bridge.errors import PenError, PortBusy, PortForbidden, PortMissing, ProfileError
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import LinkChange, SensorBatch
from firmware_bridge.simulator import script_for
from firmware_bridge.simulator.language import parse_scenario
from firmware_bridge.simulator.pins import SimulatedPins, playable, pulses
from firmware_bridge.simulator.sensors import edges_of
from firmware_bridge.sources import Inbox
from firmware_bridge.sources import pin_factory as factories
from firmware_bridge.sources.gpio import GpioSource
from firmware_bridge.sources.pin_factory import choose_factory, load_factory, pins_error
from firmware_bridge.sources.pin_watch import PinWatch
from firmware_bridge.sources.ticks import Ticks
from firmware_bridge.sources.tones import TUNES, Buzzer
from firmware_bridge.wiring import LINES, Wiring
from tests.waiting import DEADLINE_S, wait_for


def wiring_of(profile: str = "gpio-reference") -> Wiring:
    wiring = load_profile(profile).gpio
    assert wiring is not None
    return replace(wiring, factory="mock")


def sensors_of(
    text: str = "", profile: str = "gpio-reference", now_us: Callable[[], int] | None = None, seconds: float = 6
) -> SimulatedPins:
    script, _ = playable(script_for(parse_scenario(text), seconds, 1), alone=True)
    return SimulatedPins(script, wiring_of(profile), 1, now_us)


def now_us() -> int:
    return time.monotonic_ns() // 1000


def drained(inbox: Inbox) -> list[Any]:
    items = []
    while (item := inbox.get_nowait()) is not None:
        items.append(item)
    return items


def batches_in(items: list[Any]) -> list[SensorBatch]:
    return [item for item in items if isinstance(item, SensorBatch)]


def assert_contiguous(batches: list[SensorBatch]) -> None:
    assert batches[0].watched_us == 0
    for before, batch in pairwise(batches):
        assert batch.t_us - batch.watched_us == before.t_us


def level_after(batches: list[SensorBatch]) -> int:
    """The levels that the edges lead to from the first levels on."""
    levels = batches[0].levels
    for edge in (edge for batch in batches for edge in batch.edges):
        levels = levels & ~(1 << edge.line) | edge.level << edge.line
    return levels


# --- which factory ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_profile", "option", "environment", "chosen"),
    [
        ("lgpio", None, {}, "lgpio"),
        ("lgpio", "native", {}, "native"),
        ("lgpio", None, {"DEVICELOG_PIN_FACTORY": "rpigpio"}, "rpigpio"),
        ("lgpio", "native", {"DEVICELOG_PIN_FACTORY": "rpigpio"}, "native"),
        ("lgpio", "mock", {"DEVICELOG_ALLOW_MOCK_PINS": "1"}, "mock"),
        ("mock", "lgpio", {}, "lgpio"),
    ],
)
def test_the_nearest_word_names_the_factory(in_profile, option, environment, chosen):
    assert choose_factory(in_profile, option, environment) == chosen


def test_gpiozeros_own_variable_names_nothing():
    assert choose_factory("lgpio", None, {"GPIOZERO_PIN_FACTORY": "mock"}) == "lgpio"


@pytest.mark.parametrize(
    ("in_profile", "option", "environment", "says"),
    [
        ("lgpoi", None, {}, "gpio.factory = 'lgpoi': there is no such pin factory. Did you mean lgpio?"),
        ("lgpio", "LGPIO", {}, "--pin-factory = 'LGPIO': there is no such pin factory. Did you mean lgpio?"),
        ("lgpio", "zzz", {}, "There are: lgpio, rpigpio, native."),
        ("lgpio", None, {"DEVICELOG_PIN_FACTORY": "rpigpoi"}, "DEVICELOG_PIN_FACTORY = 'rpigpoi'"),
        ("pigpio", None, {}, "there is no such pin factory. Did you mean rpigpio?"),
        ("mock", None, {}, "mock pins measure nothing"),
        ("lgpio", "mock", {"DEVICELOG_ALLOW_MOCK_PINS": "yes"}, "mock pins measure nothing"),
    ],
    ids=["unknown", "capitals", "nothing-near", "environment", "pigpio", "mock", "mock-not-allowed"],
)
def test_a_factory_that_is_refused(in_profile, option, environment, says):
    with pytest.raises(ProfileError) as told:
        choose_factory(in_profile, option, environment)
    assert says in str(told.value)


def test_lgpio_that_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setitem(factories.FACTORIES, "lgpio", ("gpiozero.pins.no_such_module", "LGPIOFactory"))
    with pytest.raises(PenError, match=r"pip install -e '\.\[pi\]'"):
        load_factory("lgpio")


def test_a_factory_that_finds_no_pins(monkeypatch):
    def no_pi() -> None:
        raise RuntimeError("unable to locate Pi revision in /proc/device-tree or /proc/cpuinfo")

    monkeypatch.setattr("gpiozero.pins.native.NativeFactory", no_pi)
    with pytest.raises(PortMissing, match="no such pins"):
        load_factory("native")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'GPIO busy'", PortBusy),
        ("pin GPIO17 is already in use by <x>", PortBusy),
        ("No permission to access GPIO", PortForbidden),
        ("can not open gpiochip", PortMissing),
        ("", PenError),
    ],
)
def test_what_drivers_say_becomes_an_error_with_advice(text, kind):
    error = pins_error("pin 17 (strokes)", RuntimeError(text))
    assert type(error) is kind
    assert str(error).startswith("pin 17 (strokes)")


# --- opening and closing ----------------------------------------------------------------------------------------------


def test_a_pin_that_another_device_has_is_busy_and_all_others_are_given_back():
    factory, wiring = MockFactory(), wiring_of()
    with PinWatch(wiring, now_us, factory=factory) as first:
        first.open()
        with PinWatch(wiring, now_us, factory=factory) as second, pytest.raises(PortBusy, match=r"pin 17 \(strokes\)"):
            second.open()
        assert first.begin().watched_us == 0
    with PinWatch(wiring, now_us, factory=factory) as again:
        again.open()


def test_a_pin_that_the_board_does_not_have():
    wiring = wiring_of()
    assert wiring.strokes is not None
    wrong = replace(wiring, strokes=replace(wiring.strokes, pin=99))
    with PinWatch(wrong, now_us, factory=MockFactory()) as watch, pytest.raises(PenError, match=r"pin 99 \(strokes\)"):
        watch.open()


@pytest.mark.parametrize("profile", ["gpio-reference", "gpio-adc"])
def test_closing_twice_leaves_nothing_behind(profile):
    before = threading.active_count()
    sensors = sensors_of(profile=profile)
    source = GpioSource(sensors.wiring, Inbox(), now_us, factory=sensors.factory)
    for _ in range(2):
        source.start()
    source.close()
    source.close()
    assert threading.active_count() == before
    assert Device.pin_factory is None
    assert not any(sensors.factory._reservations.values())
    with pytest.raises(ValueError, match="closed"):
        source.open()


def test_a_source_that_fails_to_open_leaves_nothing_behind():
    wiring = wiring_of()
    factory = MockFactory()
    taken = replace(wiring, strokes=None, contact=None, dial=None, pass_switch=None, tone_pin=None)
    with PinWatch(taken, now_us, factory=factory) as other:
        other.open()
        source = GpioSource(wiring, Inbox(), now_us, factory=factory)
        with pytest.raises(PortBusy, match="pedal"):
            source.open()
        source.close()
    with PinWatch(wiring, now_us, factory=factory) as watch:
        watch.open()


# --- ticks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tick_s", "at_us"),
    [(1000.0, 50_000_000), (1000.25, 50_250_000), (999.999_999, 49_999_999), (1_700_000_000.0, 49_000_000)],
    ids=["now", "later", "before", "a-date"],
)
def test_a_tick_on_the_recorders_clock(tick_s, at_us):
    ticks = Ticks(lambda: 50_000_000, lambda: 1000.0, lambda: 1_700_000_001.0)
    assert ticks.at_us(tick_s) == at_us


def test_the_quickest_of_some_readings_of_both_clocks_counts():
    took_us = iter([0, 9000, 9000, 9010, 20_000, 29_000, 30_000, 39_000, 40_000, 49_000])
    ticks = Ticks(lambda: next(took_us), lambda: 0.0)
    assert ticks.at_us(0.0) == 9005


class FakeLgpio(ModuleType):
    """The driver under gpiozero's own lgpio pins: what it is told is here, and it tells edges with the kernel's ns."""

    BOTH_EDGES, RISING_EDGE, FALLING_EDGE = 3, 1, 2
    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 32, 64
    error = RuntimeError

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.levels: dict[int, int] = {}
        self.alerts: dict[int, Callable[[int, int, int, int], None]] = {}
        self.debounced: dict[int, int] = {}
        self.closed = False

    def gpiochip_open(self, chip: int) -> int:
        return 7

    def gpiochip_close(self, handle: int) -> None:
        self.closed = True

    def gpio_claim_input(self, handle: int, gpio: int, flags: int = 0) -> None:
        self.levels.setdefault(gpio, 1)

    gpio_claim_output = gpio_claim_input

    def gpio_claim_alert(self, handle: int, gpio: int, edges: int, flags: int = 0) -> None:
        pass

    def gpio_free(self, handle: int, gpio: int) -> None:
        pass

    def gpio_get_mode(self, handle: int, gpio: int) -> int:
        return 0

    def gpio_set_debounce_micros(self, handle: int, gpio: int, micros: int) -> None:
        self.debounced[gpio] = micros

    def gpio_read(self, handle: int, gpio: int) -> int:
        return self.levels[gpio]

    def callback(self, handle: int, gpio: int, edge: int, func: Callable[[int, int, int, int], None]) -> Any:
        self.alerts[gpio] = func
        return SimpleNamespace(cancel=lambda: self.alerts.pop(gpio, None))

    def edge(self, gpio: int, level: int, at_ns: int) -> None:
        self.levels[gpio] = level
        self.alerts[gpio](0, gpio, level, at_ns)


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> FakeLgpio:
    fake = FakeLgpio()
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)
    return fake


@pytest.mark.parametrize("a_date", [False, True], ids=["monotonic", "before-linux-5.7"])
def test_lgpios_nanoseconds_become_the_recorders_microseconds(lgpio: FakeLgpio, a_date: bool):
    wiring = replace(wiring_of(), factory="lgpio", tone_pin=None)
    with PinWatch(wiring, now_us) as watch:
        watch.open()
        first = watch.begin()
        before_us = now_us()
        lgpio.edge(17, 0, time.time_ns() if a_date else time.monotonic_ns())
        batch = watch.batch()
        assert set(lgpio.debounced.values()) <= {0}
    (edge,) = batch.edges
    assert (edge.line, edge.level, first.levels & 1, batch.levels & 1) == (0, False, 1, 0)
    slack_us = 20_000 if a_date else 200
    assert before_us - slack_us <= edge.t_us <= batch.t_us
    assert lgpio.closed
    assert lgpio.alerts == {}
    assert Device.pin_factory is None


# --- edges ------------------------------------------------------------------------------------------------------------


def test_every_edge_that_was_driven_is_in_a_batch_at_its_time():
    sensors = sensors_of()
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory) as watch:
        watch.open()
        batches = [watch.begin()]
        sensors.start()
        began_us = sensors.now_us()
        while not sensors.ended:
            sensors.advance(40_000)
            batches.append(watch.batch())
    driven = [
        (began_us + edge.t_us, edge.line, edge.level) for edge in edges_of(sensors.script, sensors.wiring, sensors.seed)
    ]
    assert [(edge.t_us, edge.line, edge.level) for batch in batches for edge in batch.edges] == driven
    assert len(driven) > 2_000
    assert_contiguous(batches)
    assert sum(batch.dropped for batch in batches) == 0
    assert level_after(batches) == batches[-1].levels


def test_an_edge_that_nobody_told_of_shows_in_the_levels():
    factory, wiring = MockFactory(), wiring_of()
    with PinWatch(wiring, now_us, factory=factory, wait=lambda _s: None) as watch:
        watch.open()
        first = watch.begin()
        factory.pin(17)._state = not factory.pin(17)._state
        batch = watch.batch()
    assert batch.edges == ()
    assert batch.levels ^ first.levels == 1


def test_an_edge_that_is_told_late_is_waited_for():
    factory, wiring = MockFactory(), wiring_of()
    pin, told_s = factory.pin(17), []

    def driver_tells(_s: float) -> None:
        if not told_s:
            told_s.append(tick_s)
            pin._when_changed()(tick_s, False)

    with PinWatch(wiring, now_us, factory=factory, wait=driver_tells) as watch:
        watch.open()
        watch.begin()
        tick_s = factory.ticks()
        pin._state = False
        batch = watch.batch()
        assert [(edge.line, edge.level) for edge in batch.edges] == [(0, False)]
        assert batch.levels & 1 == 0
        assert told_s
        assert watch.batch().edges == ()


def test_what_there_is_no_room_for_is_counted_in_the_record():
    sensors = sensors_of()
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory, max_edges=10) as watch:
        watch.open()
        watch.begin()
        sensors.add(pulses("strokes", ((t_us, t_us + 1_000) for t_us in range(0, 40_000, 4_000))))
        sensors.advance(40_000)
        batch = watch.batch()
        after = watch.batch()
    assert len(batch.edges) == 10
    assert (batch.dropped, after.dropped) == (10, 0)
    assert watch.dropped == 10


def test_a_batch_that_the_inbox_has_no_room_for_is_in_the_next_one_as_lost():
    inbox = Inbox(max_bytes=200)
    sensors = sensors_of()
    source = GpioSource(sensors.wiring, inbox, sensors.now_us, factory=sensors.factory)
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory) as watch:
        watch.open()
        batches = [watch.begin()]
        sensors.add(pulses("strokes", ((t_us, t_us + 1_000) for t_us in range(0, 120_000, 4_000))))
        for _ in range(4):
            sensors.advance(40_000)
            batches.append(watch.batch())
    for batch in batches[:3]:
        source._keep(batch)
    kept = drained(inbox)
    for batch in batches[3:]:
        source._keep(batch)
    kept += drained(inbox)
    assert_contiguous(kept)
    edges = [len(batch.edges) for batch in kept]
    assert sum(edges) + sum(batch.dropped for batch in kept) == sum(len(batch.edges) for batch in batches) == 60
    assert max(batch.dropped for batch in kept) > 0


def test_what_there_was_no_room_for_is_told_when_the_source_is_closed():
    inbox, factory = Inbox(max_bytes=60), MockFactory()
    clock_us = [now_us()]
    with GpioSource(wiring_of(), inbox, lambda: clock_us[0], factory=factory) as source:
        source._closing.wait = lambda _s=None: closed.wait(DEADLINE_S)  # type: ignore[method-assign,assignment]
        closed = threading.Event()
        source.start()
        pin = factory.pin(17)
        for turn in range(40):
            (pin.drive_high if turn % 2 else pin.drive_low)()
        clock_us[0] += 40_000
        closed.set()
    batches = batches_in(drained(inbox))
    assert_contiguous(batches)
    assert batches[-1].t_us == clock_us[0]
    assert batches[-1].levels & 1
    assert sum(len(batch.edges) + batch.dropped for batch in batches) == 40
    assert batches[-1].dropped == 40


def test_what_there_was_no_room_for_is_told_before_the_pins_are_lost_and_not_after():
    inbox, factory, items = Inbox(max_bytes=60), MockFactory(), []
    with GpioSource(wiring_of(), inbox, now_us, factory=factory) as source:
        source.start()
        pin = factory.pin(17)
        wait_for(lambda: source._unkept is None)
        for turn in range(40):
            (pin.drive_high if turn % 2 else pin.drive_low)()
        wait_for(lambda: source._unkept is not None)
        factory.pin(27)._get_state = failing()

        def changes() -> list[LinkChange]:
            items.extend(drained(inbox))
            return [item for item in items if isinstance(item, LinkChange)]

        wait_for(lambda: len(changes()) >= 2)
        factory.reset()
        wait_for(lambda: len(changes()) >= 3)
    items += drained(inbox)
    opened, lost, reopened = (items.index(change) for change in changes())
    before, after = batches_in(items[opened:lost]), batches_in(items[reopened:])
    assert_contiguous(before)
    assert_contiguous(after)
    assert sum(len(batch.edges) + batch.dropped for batch in before) == 40
    assert sum(batch.dropped for batch in after) == 0


def test_the_source_delivers_all_that_happens_in_real_time():
    inbox = Inbox()
    sensors = sensors_of(now_us=now_us)
    with sensors, GpioSource(sensors.wiring, inbox, now_us, factory=sensors.factory) as source:
        source.start()
        sensors.start()
        sensors.run()
        items: list[Any] = []

        def enough() -> bool:
            items.extend(drained(inbox))
            return len(batches_in(items)) >= 15

        wait_for(enough)
        sensors.close()  # or it drives on while the source is closed
    items += drained(inbox)
    assert items[0] == LinkChange(t_us=items[0].t_us, up=True, cause="opened", port="pins")
    batches = batches_in(items)
    assert_contiguous(batches)
    assert sum(len(batch.edges) for batch in batches) == sum(sensors.driven.values()) - sensors.swallowed > 50
    assert level_after(batches) == batches[-1].levels


def test_pins_that_fail_are_a_link_that_is_lost_and_comes_back():
    inbox, factory, items = Inbox(), MockFactory(), []
    with GpioSource(wiring_of(), inbox, now_us, factory=factory) as source:
        source.start()
        pin = factory.pin(27)
        pin._get_state = failing()

        def changes() -> list[LinkChange]:
            items.extend(drained(inbox))
            return [item for item in items if isinstance(item, LinkChange)]

        wait_for(lambda: len(changes()) >= 2)
        factory.reset()
        wait_for(lambda: len(changes()) >= 3)
    assert [(change.up, change.cause, change.port) for change in changes()] == [
        (True, "opened", "pins"),
        (False, "io error", "pins"),
        (True, "reopened", "pins"),
    ]
    after = items[items.index(changes()[2]) :]
    assert_contiguous(batches_in(after))


def test_pins_that_fail_at_once_are_opened_again():
    inbox, factory, items = Inbox(), MockFactory(), []
    with GpioSource(wiring_of(), inbox, now_us, factory=factory) as source:
        source.open()
        factory.pin(27)._get_state = failing()
        source.start()
        factory.reset()

        def up() -> list[bool]:
            items.extend(drained(inbox))
            return [item.up for item in items if isinstance(item, LinkChange)]

        wait_for(lambda: len(up()) >= 3)
    assert up() == [True, False, True]


def failing() -> Callable[[], bool]:
    def fails() -> bool:
        raise OSError("the chip is gone")

    return fails


# --- the converter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth_um", "count"), [(0, 32), (500, 224), (1250, 512), (2500, 992)])
def test_the_converter_says_what_the_potentiometer_stands_at(depth_um, count):
    sensors = sensors_of(f"at 0s dial {depth_um}um for 6s", profile="gpio-adc")
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory) as watch:
        watch.open()
        watch.begin()
        sensors.start()
        sensors.advance(10_000)
        watch.convert()
        (sample,) = watch.batch().adc
    assert (sample.channel, sample.value) == (0, count)
    assert sample.t_us == sensors.now_us()


def test_a_wiper_that_is_loose_reads_the_rail():
    sensors = sensors_of("at 1s rail for 1s", profile="gpio-adc")
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory) as watch:
        watch.open()
        watch.begin()
        sensors.start()
        counts = []
        for _ in range(3):
            sensors.advance(900_000)
            watch.convert()
            counts += [sample.value for sample in watch.batch().adc]
    assert counts[1] == 1023
    assert 1023 not in counts[::2]


def test_conversions_that_nobody_takes_are_counted(monkeypatch):
    monkeypatch.setattr("firmware_bridge.sources.pin_watch.MAX_ADC", 5)
    sensors = sensors_of(profile="gpio-adc")
    with PinWatch(sensors.wiring, sensors.now_us, factory=sensors.factory) as watch:
        watch.open()
        watch.begin()
        for _ in range(8):
            watch.convert()
        batch = watch.batch()
    assert (len(batch.adc), batch.dropped) == (5, 3)


def test_a_conversion_made_while_a_late_edge_is_waited_for_is_of_the_next_batch():
    factory, clock_us = MockFactory(), [now_us()]
    pin = factory.pin(17)

    def driver_tells_a_millisecond_late(_s: float) -> None:
        clock_us[0] += 1_000
        watch.convert()
        pin._when_changed()(tick_s, False)

    with PinWatch(
        wiring_of("gpio-adc"), lambda: clock_us[0], factory=factory, wait=driver_tells_a_millisecond_late
    ) as watch:
        watch.open()
        watch.begin()
        watch.convert()
        tick_s = factory.ticks() - 1.0
        pin._state = False
        clock_us[0] += 40_000
        waited, after = watch.batch(), watch.batch()
    assert [sample.t_us - waited.t_us for sample in waited.adc] == [-40_000]
    assert [sample.t_us - waited.t_us for sample in after.adc] == [1_000]
    assert len(waited.edges) == 1
    for batch in (waited, after):
        assert batch_of(batch.t_us, body_of(batch)) == batch


def test_conversions_keep_their_grid_and_their_own_stamps():
    inbox, sensors = Inbox(), sensors_of(profile="gpio-adc", now_us=now_us)
    with GpioSource(sensors.wiring, inbox, now_us, factory=sensors.factory) as source:
        source.start()
        items: list[Any] = []

        def stamps() -> list[int]:
            items.extend(drained(inbox))
            return [sample.t_us for batch in batches_in(items) for sample in batch.adc]

        wait_for(lambda: len(stamps()) >= 20)
    told = stamps()
    assert all(after > before for before, after in pairwise(told))
    # on the grid of the first conversion, 20 ms wide: late ones stay late, none is moved
    assert told[19] - told[0] >= 18 * 20_000
    assert len(told) - 1 <= (told[-1] - told[0]) // 20_000 + 1


def test_no_factory_is_searched_for_where_the_bits_are_moved_by_hand():
    with PinWatch(wiring_of("gpio-adc"), now_us, factory=MockFactory()) as watch:
        watch.open()
        assert Device.pin_factory is None
        watch.begin()
        watch.convert()
        assert [sample.value for sample in watch.batch().adc] == [0]


def test_an_spi_that_is_switched_off_says_how_to_switch_it_on():
    class NoSpi(MockFactory):
        def _get_spi_class(self, shared: bool, hardware: bool) -> Any:
            if hardware:
                raise FileNotFoundError("/dev/spidev0.0")
            return super()._get_spi_class(shared, hardware)

    with (
        PinWatch(wiring_of("gpio-adc"), now_us, factory=NoSpi()) as watch,
        pytest.raises(PenError, match="raspi-config"),
    ):
        watch.open()


def test_a_converter_that_fails_is_a_link_that_is_lost():
    inbox, sensors = Inbox(), sensors_of(profile="gpio-adc", now_us=now_us)
    items: list[Any] = []
    with GpioSource(sensors.wiring, inbox, now_us, factory=sensors.factory) as source:
        source.start()
        sensors.converted = failing()  # type: ignore[method-assign,assignment]

        def lost() -> bool:
            items.extend(drained(inbox))
            return any(isinstance(item, LinkChange) and not item.up for item in items)

        wait_for(lost)


# --- the buzzer -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.sources.tones.NOTE_S", 0.0)
    monkeypatch.setattr("firmware_bridge.sources.tones.REST_S", 0.0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("tone", TUNES)
def test_a_buzzer_plays_a_tune_for_each_kind_of_mark(tone):
    sensors = sensors_of()
    pin, played = sensors.factory.pin(18), []
    buzzer = Buzzer(18, sensors.factory)
    kind = type(pin)
    try:
        original = kind._set_frequency

        def heard(self: Any, value: float | None) -> None:
            original(self, value)
            played.extend([] if value is None else [round(value)])

        kind._set_frequency = heard
        buzzer.sound(tone)
        wait_for(lambda: len(played) == len(TUNES[tone]))
    finally:
        kind._set_frequency = original
        buzzer.close()
    assert tuple(played) == TUNES[tone]
    assert pin._get_frequency() is None


@pytest.mark.usefixtures("quick")
def test_a_pin_without_pwm_sounds_as_many_times():
    factory = MockFactory()
    buzzer = Buzzer(18, factory)
    buzzer.sound("zone")
    wait_for(lambda: len(factory.pin(18).states) >= 5)
    buzzer.close()
    assert [state.state for state in factory.pin(18).states] == [False, True, False, True, False]


def test_the_tunes_can_be_told_apart_by_ear():
    assert len(set(TUNES.values())) == len(TUNES)
    assert all(220 <= hertz <= 880 for tune in TUNES.values() for hertz in tune)


def test_no_buzzer_no_sound():
    wiring = replace(wiring_of(), tone_pin=None)
    with GpioSource(wiring, Inbox(), now_us, factory=MockFactory()) as source:
        source.start()
        source.sound("pass")


# --- the simulated sensors --------------------------------------------------------------------------------------------


def edges(text: str = "", line: str = "strokes", seconds: float = 6) -> list[tuple[int, bool]]:
    script, _ = playable(script_for(parse_scenario(text), seconds, 1), alone=True)
    number = LINES.index(line)
    return [(edge.t_us, edge.level) for edge in edges_of(script, wiring_of(), 1) if edge.line == number]


def test_the_same_seed_gives_the_same_edges_and_they_bounce():
    assert edges() == edges()
    wiring = wiring_of()
    assert wiring.contact is not None
    gaps = [after - before for (before, _), (after, _) in pairwise(edges(line="contact"))]
    assert any(gap < wiring.contact.bounce_us for gap in gaps)


def test_edges_are_in_order_of_time_and_each_is_a_change():
    for line in wiring_of().lines():
        told = edges(line=line)
        assert [t_us for t_us, _ in told] == sorted(t_us for t_us, _ in told)
        assert all(before[1] != after[1] for before, after in pairwise(told)), line


def test_a_hall_sensor_at_twice_the_rate():
    def in_second(text: str) -> int:
        return sum(2_000_000 <= t_us < 3_000_000 for t_us, _ in edges(text))

    assert in_second("at 2s double strokes for 1s") > 1.7 * in_second("")


def test_a_dead_channel_moves_no_more():
    assert edges(line="dial_b")
    assert edges("at 0s dead channel", line="dial_b") == []
    assert edges("at 0s dead channel", line="dial_a") == edges(line="dial_a")


def test_a_pedal_that_is_held():
    told = edges("at 1s pedal for 3s", line="pedal")
    assert told[0] == (1_000_000, False)  # to ground: low is pressed
    assert 4_000_000 <= told[-1][0] < 4_020_000
    assert told[-1][1] is True


@pytest.mark.parametrize("line", ["strokes", "contact"])
def test_a_plug_that_is_pulled_leaves_the_lines_at_rest(line):
    glide = script_for("clean", 6, 1).glides[0]
    from_us, to_us = glide.from_us + 300_000, glide.to_us - 300_000
    text = f"at {from_us / 1e6}s unplug for {(to_us - from_us) / 1e6}s"
    told, without = edges(text, line), edges(line=line)
    assert [edge for edge in told if edge[0] < from_us] == [edge for edge in without if edge[0] < from_us]
    during = [edge for edge in told if from_us <= edge[0] < to_us]
    assert during in ([], [(from_us, True)])
    assert [level for t_us, level in told if t_us < to_us][-1] is True
    assert [edge for edge in told if edge[0] > to_us] == [edge for edge in without if edge[0] > to_us]


def test_what_a_line_alone_can_suffer_is_left_out_and_named():
    script = script_for(parse_scenario("at 1s reboot\nat 3s unplug for 1s\nat 5s pedal for 100ms"), 6, 1)
    alone, left_out = playable(script, alone=True)
    assert ([fault.kind for fault in alone.faults], left_out) == (["unplug", "pedal"], ["reboot"])
    beside, left_out = playable(script, alone=False)
    assert ([fault.kind for fault in beside.faults], left_out) == (["pedal"], [])
