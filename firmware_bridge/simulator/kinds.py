"""What can go wrong with a pen, and what a pen can lack: the words of the language of scenarios, as tables.

Pure data. What each does is done to samples in physics.py, to the pen in pen.py, to frames in faults.py, to the cable
in wire.py, and to the dial by placing.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the table of what can go wrong. `lane`: two of one lane cannot happen at the same time.

    `to` is what it happens to: the serial `line`, the sensors on the `pins`, or the `pen`, however it is connected.
    `unit` belongs to the amount (None: there is none) and `units` are the spellings that are read, each with its
    factor. `lasts`: whether a length is written. `takes_us` is how long it takes where none is. `needs` is what a pen
    must have for it to make sense.
    """

    name: str
    meaning: str
    to: Literal["line", "pins", "pen"] = "line"
    lane: str | None = None
    unit: str | None = None
    units: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    low: int = 0
    high: int = 0
    lasts: Literal["must", "may", "no"] = "no"
    takes_us: int = 0
    needs: str | None = None


_UM = MappingProxyType({"um": 1, "mm": 1000})
_PER_THOUSAND = MappingProxyType({"per thousand": 1})
_FRAMES = MappingProxyType({"frames": 1, "frame": 1})

_ROWS = (
    Kind(name="unplug", to="pen", meaning="the cable is pulled, and comes back", lane="link", lasts="must"),
    Kind(
        name="stall",
        meaning="the pen says nothing though its motor runs; its sample numbers go on (P-13)",
        lane="link",
        lasts="must",
    ),
    Kind(
        name="reboot",
        meaning="the pen restarts and is dark for 0.5 s: boot + 1, numbers and clock from 0, counters kept",
        lane="link",
        takes_us=500_000,
    ),
    Kind(
        name="brownout",
        meaning="as a reboot, with a pen without memory: counters from 0 and a random boot (P-14)",
        lane="link",
        lasts="must",
    ),
    Kind(
        name="wrong pen",
        meaning="the cable is pulled, and 1 s later another pen is at its end",
        lane="link",
        takes_us=1_000_000,
    ),
    Kind(
        name="noise",
        meaning="so many frames are damaged while on the skin: bits flip, bytes vanish or appear",
        lane="noise",
        unit="per thousand",
        units=_PER_THOUSAND,
        low=1,
        high=500,
        lasts="must",
    ),
    Kind(
        name="loss",
        meaning="so many frames vanish while on the skin, never two in a row",
        lane="loss",
        unit="per thousand",
        units=_PER_THOUSAND,
        low=1,
        high=500,
        lasts="must",
    ),
    Kind(name="drop", meaning="the next frames vanish", unit="frames", units=_FRAMES, low=1, high=10_000),
    Kind(
        name="flip",
        meaning="so many bits of the next frame are turned round",
        unit="bits",
        units=MappingProxyType({"bits": 1, "bit": 1}),
        low=1,
        high=64,
    ),
    Kind(name="duplicate", meaning="the next frames come twice", unit="frames", units=_FRAMES, low=1, high=10_000),
    Kind(
        name="reorder", meaning="the next frames come in reversed order", unit="frames", units=_FRAMES, low=2, high=50
    ),
    Kind(
        name="dial",
        to="pen",
        meaning="the dial is turned to this depth, until the length is over or the zone is left",
        lane="dial",
        unit="um",
        units=_UM,
        high=65_535,
        lasts="may",
        needs="dial",
    ),
    Kind(
        name="stuck dial",
        to="pen",
        meaning="the dial cannot be turned: set depth stays, really and as told",
        lane="stuck dial",
        lasts="may",
        needs="dial",
    ),
    Kind(
        name="slip",
        meaning="the needle stop gives way under load, over 100 ms: this deep on the skin, whatever the dial says",
        lane="slip",
        unit="um",
        units=_UM,
        high=10_000,
        lasts="must",
    ),
    Kind(
        name="stuck sensor",
        meaning="measured depth and raw count stay what they are",
        lane="stuck sensor",
        lasts="may",
        needs="sensor",
    ),
    Kind(
        name="jump",
        meaning="the sensor reads this much more, or less",
        lane="jump",
        unit="um",
        units=_UM,
        low=-10_000,
        high=10_000,
        lasts="must",
        needs="sensor",
    ),
    Kind(
        name="drift",
        meaning="the sensor drifts away from the dial, and stays where it is when the length is over",
        unit="um/s",
        units=MappingProxyType({"um/s": 1, "mm/s": 1000}),
        low=-10_000,
        high=10_000,
        lasts="may",
        needs="sensor",
    ),
    Kind(
        name="clock drift",
        meaning="from here on the pen's microseconds run fast, or slow",
        unit="ppm",
        units=MappingProxyType({"ppm": 1}),
        low=-500_000,
        high=500_000,
    ),
    Kind(
        name="counter reset",
        meaning="pass and stroke counters go to 0 without a restart",
        needs="counters",
    ),
    Kind(
        name="counter jump",
        meaning="the stroke counter leaps ahead",
        unit="strokes",
        units=MappingProxyType({"strokes": 1, "stroke": 1}),
        low=1,
        high=1_000_000_000,
        needs="counters",
    ),
    Kind(name="newer protocol", meaning="from here on the frames are of major version 2 (P-23)"),
    Kind(
        name="dead channel",
        meaning="on pins: one channel of the dial's encoder moves no more",
        to="pins",
        lane="dead channel",
        lasts="may",
        needs="dial",
    ),
    Kind(
        name="double strokes",
        meaning="on pins: the hall sensor tells every stroke twice",
        to="pins",
        lane="double strokes",
        lasts="may",
        needs="counters",
    ),
    Kind(
        name="rail",
        meaning="on pins: the wiper of the dial's potentiometer is loose, and the converter reads its highest count",
        to="pins",
        lane="rail",
        lasts="may",
        needs="dial",
    ),
    Kind(name="pedal", meaning="on pins: the foot pedal is pressed", to="pins", lane="pedal", lasts="must"),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ROWS})

# What a reduced pen lacks, by the words that say so (docs/protocol.md, "A reduced pen").
PENS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "without contact": frozenset({"contact"}),
        "without counters": frozenset({"counters"}),
        "without depth": frozenset({"depth", "sensor"}),
        "without dial": frozenset({"dial"}),
        "without calibration": frozenset({"calibration", "depth"}),
        "dial only": frozenset({"contact", "counters", "depth", "sensor", "frequency"}),
        "transmit only": frozenset({"receiver"}),
    }
)
