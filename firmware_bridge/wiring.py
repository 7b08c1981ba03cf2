"""How a pen's sensors are wired to the pins of a Raspberry Pi, and what they are. Data, checked here.

Not responsible for the pins (sources/) nor for what edges mean (edges.py). Pins are BCM numbers. The times are the
wiring's own: a reed contact bounces longer than a hall sensor, and nobody but who built it knows how long.
"""

from dataclasses import dataclass
from typing import Any, Literal

from firmware_bridge.errors import ProfileError
from firmware_bridge.tables import Reader, flag, integer, printable, table, word

PINS = range(28)  # BCM, on the 40-pin header

# Counts of a converter of ten bits at which a dial can stand: a broken wire reads the ends, give or take some noise.
COUNTS = range(5, 1_019)

# Every line there can be, in the order of its number in an edge: never renumbered, new ones come at the end.
LINES = ("strokes", "contact", "dial_a", "dial_b", "home", "pass", "pedal")

# Where the profile names no limit: pens are sold with 90 to 300 strokes a second.
FASTEST_DHZ = 4_000

# What the wiring can measure, by the part that does.
_MEASURES = {
    "strokes": ("frequency", "strokes"),
    "contact": ("contact",),
    "dial": ("set_depth",),
    "pass_switch": ("passes",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One digital line. `bounce_us`: a change that does not last so long is bouncing, and no change."""

    pin: int
    active_high: bool
    pull: Literal["up", "down", "none"]
    bounce_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A dial with a quadrature encoder, `a` leading `b` when it is turned deeper.

    It tells turns and no position: at first the dial stands at `start_um` (None: nobody knows), and at `home_um`
    whenever `home` is active (None: at `start_um`). `step_um` is one whole cycle of four edges.
    """

    a: Switch
    b: Switch
    home: Switch | None
    start_um: int | None
    step_um: int
    min_um: int
    max_um: int
    home_um: int | None = None

    @property
    def at_home_um(self) -> int | None:
        """Where the dial stands at home; None where there is no such switch."""
        return None if self.home is None else self.start_um if self.home_um is None else self.home_um


@dataclass(frozen=True, slots=True, kw_only=True)
class Potentiometer:
    """A dial with a potentiometer on an MCP3008: `points` are (count, µm) pairs, counts rising, read `rate_hz` times
    a second. `step_um` is the distance of the dial's detents; the setting is the nearest one."""

    channel: int
    device: int
    rate_hz: int
    step_um: int
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pedal:
    """A foot pedal: short = pass, twice within `double_us` = next zone, `long_us` = pause or resume."""

    switch: Switch
    double_us: int
    long_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """All that is connected. What is None is not there.

    `factory` is gpiozero's pin factory, named and never searched for. `model` and `serial` are what is engraved on the
    pen, since no sensor tells. `sample_period_us` is how often depth and contact are stated as samples. `tone_pin`
    drives the buzzer that confirms the pedal.
    """

    factory: str
    model: str
    serial: str
    calibration_id: str
    sample_period_us: int
    strokes: Switch | None = None
    contact: Switch | None = None
    dial: Encoder | Potentiometer | None = None
    pass_switch: Switch | None = None
    pedal: Pedal | None = None
    tone_pin: int | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """What can come from it, by the names of a profile's `measures`."""
        return tuple(word for part, words in _MEASURES.items() if getattr(self, part) is not None for word in words)

    def lines(self) -> dict[str, Switch]:
        """Every digital line that is connected, by its name in LINES and in that order."""
        dial = self.dial if isinstance(self.dial, Encoder) else None
        named: dict[str, Switch | None] = {
            "strokes": self.strokes,
            "contact": self.contact,
            "dial_a": dial.a if dial else None,
            "dial_b": dial.b if dial else None,
            "home": dial.home if dial else None,
            "pass": self.pass_switch,
            "pedal": self.pedal.switch if self.pedal else None,
        }
        return {name: switch for name in LINES if (switch := named[name]) is not None}

    def document(self) -> dict[str, Any]:
        """As plain values, without what is not there; `read_wiring` reads them back."""
        return {name: _plain(value) for name in self.__slots__ if (value := getattr(self, name)) is not None}


def _plain(value: Any) -> Any:
    """A part as the table it was read from."""
    if isinstance(value, tuple):
        return [list(point) for point in value]
    if not hasattr(value, "__slots__"):
        return value
    plain = {name: _plain(getattr(value, name)) for name in value.__slots__ if getattr(value, name) is not None}
    return {"part": _PART_NAMES[type(value)], **plain} if type(value) in _PART_NAMES else plain


# --- reading ----------------------------------------------------------------------------------------------------------


def _pin(key: str, value: object) -> int:
    if type(value) is not int or value not in PINS:
        raise ProfileError(f"pen profile: {key} = {value!r}; expected a BCM pin from 0 to {PINS[-1]}")
    return value


def _points(key: str, value: object) -> tuple[tuple[int, int], ...]:
    pairs = value if isinstance(value, list | tuple) else ()
    points = tuple(tuple(pair) for pair in pairs if isinstance(pair, list | tuple))
    whole = all(len(point) == 2 and all(type(number) is int for number in point) for point in points)
    if len(points) < 2 or len(points) != len(pairs) or not whole:
        raise ProfileError(f"pen profile: {key} = {value!r}; expected pairs of count and µm: [[20, 200], …]")
    counts = [point[0] for point in points]
    if counts != sorted(set(counts)) or counts[0] not in COUNTS or counts[-1] not in COUNTS:
        ends = f"from {COUNTS[0]} to {COUNTS[-1]} at most (beyond them a broken wire reads)"
        raise ProfileError(f"pen profile: {key}: counts must rise, {ends}, and are {counts}")
    if any(not 0 <= point[1] <= 10_000 for point in points):
        raise ProfileError(f"pen profile: {key}: depths are from 0 to 10000 µm")
    return points


def _dial(key: str, value: object) -> Encoder | Potentiometer:
    part = value.get("part") if isinstance(value, dict) else None
    if part not in _DIALS:
        raise ProfileError(f"pen profile: {key}.part = {part!r}; expected one of {', '.join(_DIALS)}")
    dial: Encoder | Potentiometer = _DIALS[part](key, value)
    if isinstance(dial, Encoder):
        for name in ("start_um", "home_um"):
            um = getattr(dial, name)
            if um is not None and not dial.min_um <= um <= dial.max_um:
                raise ProfileError(f"pen profile: {key}: {name} = {um} is not from min_um to max_um")
        if dial.home is not None and dial.at_home_um is None:
            raise ProfileError(f"pen profile: {key}: home wants home_um or start_um: where the dial stands there")
    return dial


_TEXT = printable(32)  # what a pen could say of itself: the texts of an identity message
_DEPTH = integer(0, 10_000)


def _switch(longest_us: int) -> Reader:
    """A switch that bounces no longer than this: every sample waits for the longest bounce of all."""
    read = {"pin": _pin, "active_high": flag, "pull": word("up", "down", "none"), "bounce_us": integer(0, longest_us)}
    return table(Switch, read, {})


_sensor, _channel, _contact = _switch(2_000), _switch(5_000), _switch(50_000)
_DIALS = {
    "encoder": table(
        Encoder,
        {
            **dict.fromkeys(("a", "b"), _channel),
            "home": _contact,
            **dict.fromkeys(("start_um", "home_um", "min_um", "max_um"), _DEPTH),
            "step_um": integer(1, 10_000),
        },
        dict.fromkeys(("home", "start_um", "home_um")),
        kind_key="part",
    ),
    "mcp3008": table(
        Potentiometer,
        {
            "channel": integer(0, 7),
            "device": integer(0, 1),
            "rate_hz": integer(1, 200),
            "step_um": integer(1, 10_000),
            "points": _points,
        },
        {},
        kind_key="part",
    ),
}
_PART_NAMES: dict[type[Any], str] = {Encoder: "encoder", Potentiometer: "mcp3008"}
_pedal = table(
    Pedal, {"switch": _contact, "double_us": integer(100_000, 2_000_000), "long_us": integer(300_000, 5_000_000)}, {}
)
_KEYS: dict[str, Reader] = {
    **dict.fromkeys(("factory", "model", "serial", "calibration_id"), _TEXT),
    "sample_period_us": integer(1_000, 50_000),
    "strokes": _sensor,
    **dict.fromkeys(("contact", "pass_switch"), _contact),
    "dial": _dial,
    "pedal": _pedal,
    "tone_pin": _pin,
}
_ABSENT = dict.fromkeys(("strokes", "contact", "dial", "pass_switch", "pedal", "tone_pin"))
_whole = table(Wiring, _KEYS, {"serial": "", "calibration_id": "", **_ABSENT})

_SPI_PINS = {"clock": 11, "data out": 10, "data in": 9, "select 0": 8, "select 1": 7}


def read_wiring(value: object) -> Wiring:
    """Read the `gpio` table of a profile. Raises ProfileError, naming the key, and both where a pin is used twice."""
    wiring: Wiring = _whole("gpio", value)
    if not wiring.lines() and wiring.dial is None:
        raise ProfileError(f"pen profile: gpio: nothing is connected; expected one of {', '.join(_ABSENT)}")
    used: dict[int, str] = {}
    for what, pin in _pins(wiring):
        if pin in used:
            raise ProfileError(f"pen profile: gpio: pin {pin} is used twice, for {used[pin]} and for {what}")
        used[pin] = what
    return wiring


def _pins(wiring: Wiring) -> list[tuple[str, int]]:
    pins = [(name, switch.pin) for name, switch in wiring.lines().items()]
    if wiring.tone_pin is not None:
        pins.append(("tone", wiring.tone_pin))
    if isinstance(wiring.dial, Potentiometer):  # the MCP3008 is on the Pi's own SPI pins
        other = f"select {1 - wiring.dial.device}"
        pins += [(f"SPI {what}", pin) for what, pin in _SPI_PINS.items() if what != other]
    return pins
