"""The `gpio` of a profile: what can be said of a wiring, what cannot be meant, the same again from its document."""

from copy import deepcopy
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from firmware_bridge.errors import ProfileError
from firmware_bridge.wiring import LINES, Encoder, Pedal, Potentiometer, Switch, Wiring, read_wiring


def switch(pin: int) -> dict[str, Any]:
    return {"pin": pin, "active_high": False, "pull": "up", "bounce_us": 2_000}


ENCODED: dict[str, Any] = {
    "factory": "lgpio",
    "model": "Wired",
    "serial": "W0007",
    "calibration_id": "cal-9",
    "sample_period_us": 10_000,
    "strokes": switch(17),
    "contact": switch(27),
    "dial": {
        "part": "encoder",
        "a": switch(5),
        "b": switch(6),
        "home": switch(13),
        "start_um": 500,
        "step_um": 250,
        "min_um": 200,
        "max_um": 2_500,
    },
    "pass_switch": switch(22),
    "pedal": {"switch": switch(23), "double_us": 400_000, "long_us": 1_000_000},
    "tone_pin": 18,
}
CONVERTED: dict[str, Any] = {
    "factory": "lgpio",
    "model": "Wired",
    "sample_period_us": 10_000,
    "dial": {
        "part": "mcp3008",
        "channel": 2,
        "device": 0,
        "rate_hz": 50,
        "step_um": 100,
        "points": [[20, 200], [520, 1_200], [1_000, 2_500]],
    },
}


def of(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The document with other values, `dial__a__pin=4` for one inside; None takes a key away."""
    changed = deepcopy(document)
    for path, value in changes.items():
        *tables, key = path.split("__")
        table = changed
        for name in tables:
            table = table[name]
        table[key] = value
        if value is None:
            del table[key]
    return changed


def part(pin: int) -> Switch:
    return Switch(pin=pin, active_high=False, pull="up", bounce_us=2_000)


def test_everything_that_can_be_connected() -> None:
    wiring = read_wiring(ENCODED)
    assert wiring == Wiring(
        factory="lgpio",
        model="Wired",
        serial="W0007",
        calibration_id="cal-9",
        sample_period_us=10_000,
        strokes=part(17),
        contact=part(27),
        dial=Encoder(a=part(5), b=part(6), home=part(13), start_um=500, step_um=250, min_um=200, max_um=2_500),
        pass_switch=part(22),
        pedal=Pedal(switch=part(23), double_us=400_000, long_us=1_000_000),
        tone_pin=18,
    )
    assert [(name, line.pin) for name, line in wiring.lines().items()] == [
        *(("strokes", 17), ("contact", 27), ("dial_a", 5), ("dial_b", 6), ("home", 13), ("pass", 22), ("pedal", 23))
    ]
    assert wiring.measures == ("frequency", "strokes", "contact", "set_depth", "passes")


def test_what_may_be_left_out() -> None:
    wiring = read_wiring(CONVERTED)
    points = ((20, 200), (520, 1_200), (1_000, 2_500))
    assert wiring == Wiring(
        factory="lgpio",
        model="Wired",
        serial="",
        calibration_id="",
        sample_period_us=10_000,
        dial=Potentiometer(channel=2, device=0, rate_hz=50, step_um=100, points=points),
    )
    assert (wiring.lines(), wiring.measures) == ({}, ("set_depth",))
    homeless = read_wiring(of(ENCODED, dial__home=None))
    assert set(LINES) - homeless.lines().keys() == {"home"}


def test_the_numbers_of_lines_stand_in_every_record() -> None:
    assert LINES == ("strokes", "contact", "dial_a", "dial_b", "home", "pass", "pedal")


@pytest.mark.parametrize("values", [ENCODED, CONVERTED, of(ENCODED, dial__home=None)], ids=["all", "adc", "no home"])
def test_a_document_is_read_back(values: dict[str, Any]) -> None:
    wiring = read_wiring(values)
    document = parse_canonical(canonical(wiring.document()))
    assert document == {"serial": "", "calibration_id": ""} | values
    assert read_wiring(document) == wiring


@pytest.mark.parametrize(
    ("document", "key", "low", "high"),
    [
        (ENCODED, "sample_period_us", 1_000, 50_000),
        (ENCODED, "strokes__bounce_us", 0, 2_000),
        (ENCODED, "contact__bounce_us", 0, 50_000),
        (ENCODED, "pass_switch__bounce_us", 0, 50_000),
        (ENCODED, "pedal__switch__bounce_us", 0, 50_000),
        (ENCODED, "dial__a__bounce_us", 0, 5_000),
        (ENCODED, "dial__b__bounce_us", 0, 5_000),
        (ENCODED, "dial__home__bounce_us", 0, 50_000),
        (ENCODED, "dial__step_um", 1, 10_000),
        (ENCODED, "pedal__double_us", 100_000, 2_000_000),
        (ENCODED, "pedal__long_us", 300_000, 5_000_000),
        (CONVERTED, "dial__channel", 0, 7),
        (CONVERTED, "dial__device", 0, 1),
        (CONVERTED, "dial__rate_hz", 1, 200),
        (CONVERTED, "dial__step_um", 1, 10_000),
    ],
)
def test_the_ends_of_a_number(document: dict[str, Any], key: str, low: int, high: int) -> None:
    for value in (low, high):
        read_wiring(of(document, **{key: value}))
    for value in (low - 1, high + 1):
        with pytest.raises(ProfileError) as caught:
            read_wiring(of(document, **{key: value}))
        name = key.replace("__", ".")
        assert str(caught.value) == (
            f"pen profile: gpio.{name} = {value}; expected a whole number from {low} to {high}"
        )


def test_the_ends_of_a_dial() -> None:
    widest = read_wiring(of(ENCODED, dial__min_um=0, dial__max_um=10_000))
    assert isinstance(widest.dial, Encoder)
    for start_um in (200, 2_500):
        read_wiring(of(ENCODED, dial__start_um=start_um))
    ends = [[5, 0], [1_018, 10_000]]
    assert read_wiring(of(CONVERTED, dial__points=ends)).document()["dial"]["points"] == ends


@pytest.mark.parametrize("serial", ["", "~" * 32, " "])
def test_the_ends_of_a_text(serial: str) -> None:
    assert read_wiring(of(ENCODED, serial=serial)).serial == serial


@pytest.mark.parametrize("pin", [0, 27])
def test_the_ends_of_the_header(pin: int) -> None:
    assert read_wiring(of(ENCODED, contact=None, tone_pin=pin)).tone_pin == pin


PAIRS = "expected pairs of count and µm: [[20, 200], …]"
RISING = "gpio.dial.points: counts must rise, from 5 to 1018 at most (beyond them a broken wire reads)"
CANNOT_BE_MEANT = {
    "no table": (7, "gpio = 7; expected a table"),
    "an unknown key": (of(ENCODED, stroke=switch(4)), "unknown key gpio.stroke. Did you mean strokes?"),
    "no factory": (of(ENCODED, factory=None), "gpio.factory is missing"),
    "no model": (of(ENCODED, model=None), "gpio.model is missing"),
    "no period": (of(ENCODED, sample_period_us=None), "gpio.sample_period_us is missing"),
    "a serial that no pen could send": (
        of(ENCODED, serial="W" * 33),
        f"gpio.serial = '{'W' * 33}'; expected at most 32 printable ASCII characters",
    ),
    "a serial that is a number": (
        of(ENCODED, serial=7),
        "gpio.serial = 7; expected at most 32 printable ASCII characters",
    ),
    "a serial with a control character": (
        of(ENCODED, serial="W\x7f"),
        "gpio.serial = 'W\\x7f'; expected at most 32 printable ASCII characters",
    ),
    "a rate that is true": (
        of(CONVERTED, dial__rate_hz=True),
        "gpio.dial.rate_hz = True; expected a whole number from 1 to 200",
    ),
    "a period that is no whole number": (
        of(ENCODED, sample_period_us=10_000.0),
        "gpio.sample_period_us = 10000.0; expected a whole number from 1000 to 50000",
    ),
    "nothing connected": (
        of(CONVERTED, dial=None, tone_pin=18),
        "gpio: nothing is connected; expected one of strokes, contact, dial, pass_switch, pedal, tone_pin",
    ),
    "a pin that is not there": (
        of(ENCODED, strokes__pin=28),
        "gpio.strokes.pin = 28; expected a BCM pin from 0 to 27",
    ),
    "a pin below nothing": (of(ENCODED, tone_pin=-1), "gpio.tone_pin = -1; expected a BCM pin from 0 to 27"),
    "a pin in words": (
        of(ENCODED, dial__a__pin="GPIO5"),
        "gpio.dial.a.pin = 'GPIO5'; expected a BCM pin from 0 to 27",
    ),
    "a pin that is true": (of(ENCODED, tone_pin=True), "gpio.tone_pin = True; expected a BCM pin from 0 to 27"),
    "a pull that no pin has": (
        of(ENCODED, contact__pull="upp"),
        "gpio.contact.pull = 'upp'; expected one of up, down, none. Did you mean up?",
    ),
    "active in words": (
        of(ENCODED, pedal__switch__active_high="no"),
        "gpio.pedal.switch.active_high = 'no'; expected true or false",
    ),
    "no bounce": (of(ENCODED, strokes__bounce_us=None), "gpio.strokes.bounce_us is missing"),
    "a pin used twice": (
        of(ENCODED, contact__pin=17),
        "gpio: pin 17 is used twice, for strokes and for contact",
    ),
    "the tone on a pin in use": (
        of(ENCODED, tone_pin=23),
        "gpio: pin 23 is used twice, for pedal and for tone",
    ),
    "a dial that is no part": (of(ENCODED, dial=5), "gpio.dial.part = None; expected one of encoder, mcp3008"),
    "an unknown part": (
        of(ENCODED, dial__part="mcp3004"),
        "gpio.dial.part = 'mcp3004'; expected one of encoder, mcp3008",
    ),
    "the key of another part": (
        of(CONVERTED, dial__start_um=5),
        "unknown key gpio.dial.start_um. Did you mean step_um?",
    ),
    "a dial that starts below its end": (
        of(ENCODED, dial__start_um=199),
        "gpio.dial: start_um = 199 is not from min_um to max_um",
    ),
    "a home beyond the end": (
        of(ENCODED, dial__home_um=2_501),
        "gpio.dial: home_um = 2501 is not from min_um to max_um",
    ),
    "a home that is nowhere": (
        of(ENCODED, dial__start_um=None),
        "gpio.dial: home wants home_um or start_um: where the dial stands there",
    ),
    "a dial that starts above its end": (
        of(ENCODED, dial__start_um=2_501),
        "gpio.dial: start_um = 2501 is not from min_um to max_um",
    ),
    "a dial that ends too deep": (
        of(ENCODED, dial__max_um=10_001),
        "gpio.dial.max_um = 10001; expected a whole number from 0 to 10000",
    ),
    "a dial that ends above the skin": (
        of(ENCODED, dial__min_um=-1),
        "gpio.dial.min_um = -1; expected a whole number from 0 to 10000",
    ),
    "points that are no list": (of(CONVERTED, dial__points=7), f"gpio.dial.points = 7; {PAIRS}"),
    "one point": (of(CONVERTED, dial__points=[[20, 200]]), f"gpio.dial.points = [[20, 200]]; {PAIRS}"),
    "a point that is no pair": (
        of(CONVERTED, dial__points=[[20, 200], [520, 700], 900]),
        f"gpio.dial.points = [[20, 200], [520, 700], 900]; {PAIRS}",
    ),
    "a point of three": (
        of(CONVERTED, dial__points=[[20, 200], [520, 700, 9]]),
        f"gpio.dial.points = [[20, 200], [520, 700, 9]]; {PAIRS}",
    ),
    "a point of no whole number": (
        of(CONVERTED, dial__points=[[20, 200], [520, 700.5]]),
        f"gpio.dial.points = [[20, 200], [520, 700.5]]; {PAIRS}",
    ),
    "counts that fall": (
        of(CONVERTED, dial__points=[[520, 200], [20, 700]]),
        f"{RISING}, and are [520, 20]",
    ),
    "a count twice": (
        of(CONVERTED, dial__points=[[20, 200], [20, 700]]),
        f"{RISING}, and are [20, 20]",
    ),
    "a count at which a broken wire reads": (
        of(CONVERTED, dial__points=[[4, 200], [20, 700]]),
        f"{RISING}, and are [4, 20]",
    ),
    "a count at which the other broken wire reads": (
        of(CONVERTED, dial__points=[[20, 200], [1_019, 700]]),
        f"{RISING}, and are [20, 1019]",
    ),
    "a last count at which a broken wire reads": (
        of(CONVERTED, dial__points=[[20, 200], [520, 700], [1_019, 900]]),
        f"{RISING}, and are [20, 520, 1019]",
    ),
    "a point that is too deep": (
        of(CONVERTED, dial__points=[[20, 200], [520, 10_001]]),
        "gpio.dial.points: depths are from 0 to 10000 µm",
    ),
    "a point above the skin": (
        of(CONVERTED, dial__points=[[20, -1], [520, 700]]),
        "gpio.dial.points: depths are from 0 to 10000 µm",
    ),
}


@pytest.mark.parametrize("case", CANNOT_BE_MEANT)
def test_what_cannot_be_meant(case: str) -> None:
    values, message = CANNOT_BE_MEANT[case]
    with pytest.raises(ProfileError) as caught:
        read_wiring(values)
    assert str(caught.value) == f"pen profile: {message}"


@pytest.mark.parametrize(
    ("device", "pin", "what"),
    [
        *((0, 11, "clock"), (0, 10, "data out"), (0, 9, "data in"), (0, 8, "select 0"), (0, 7, None)),
        *((1, 11, "clock"), (1, 8, None), (1, 7, "select 1")),
    ],
)
def test_the_pins_that_a_converter_takes(device: int, pin: int, what: str | None) -> None:
    values = of(CONVERTED, dial__device=device, contact=switch(pin))
    if what is None:
        assert read_wiring(values).contact == part(pin)
        return
    with pytest.raises(ProfileError) as caught:
        read_wiring(values)
    assert str(caught.value) == f"pen profile: gpio: pin {pin} is used twice, for contact and for SPI {what}"
