"""A scenario as values: what goes wrong with a pen, when, how much and for how long; and how it is written down.

Pure. `str()` of a scenario is text that language.py reads back to the same value. Not responsible for reading text
(language.py), for what there is to go wrong (kinds.py), nor for where in a session things come to lie (placing.py).
"""

from dataclasses import dataclass, field
from typing import Literal

from firmware_bridge.errors import BridgeError
from firmware_bridge.simulator.kinds import KINDS, PENS, Kind

Confidence = Literal["synced", "rtc", "restored", "unknown"]
CONFIDENCES: tuple[Confidence, ...] = ("synced", "rtc", "restored", "unknown")

WHOLE_PPM = 1_000_000


class ScenarioError(BridgeError, ValueError):
    """A scenario that does not parse or cannot be meant; the message names the place and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A moment or a length: microseconds, or a share in millionths of the session, or of the contact with a zone."""

    us: int = 0
    share_ppm: int | None = None
    zone: str | None = None

    def __str__(self) -> str:
        if self.share_ppm is None:
            return f"{_decimal(self.us, 6)}s"
        share = f"{_decimal(self.share_ppm, 4)}%"
        return share if self.zone is None else f"{share} of {self.zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a scenario: what goes wrong (a name of KINDS), when, how much, for how long.

    `on_skin` moves it well inside a glide; `least_us` is how long it lasts at least; with `skin_time` that is counted
    while on the skin. `line` is where it was written.
    """

    what: str
    at: Time
    on_skin: bool = False
    amount: int | None = None
    lasts: Time | None = None
    least_us: int = 0
    skin_time: bool = False
    line: int = field(default=0, compare=False)

    @property
    def kind(self) -> Kind:
        """Its row in the table."""
        return KINDS[self.what]

    def __str__(self) -> str:
        words = [f"at {self.at}", "on skin" if self.on_skin else "", self.what]
        if self.amount is not None:
            words.append(f"{self.amount} {self.kind.unit}")
        if self.lasts is not None:
            words.append(f"for {self.lasts}")
        if self.least_us:
            words.append(f"at least {Time(us=self.least_us)}")
        words.append("on skin" if self.skin_time else "")
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story: what goes wrong, with which pen, and how far the recorder's wall clock can be believed."""

    name: str = field(default="", compare=False)
    story: str = ""
    pen: tuple[str, ...] = ()
    clock: Confidence = "synced"
    events: tuple[Event, ...] = ()

    @property
    def lacks(self) -> frozenset[str]:
        """What the pen of this scenario does not have."""
        return frozenset().union(*(PENS[words] for words in self.pen))

    def __str__(self) -> str:
        lines = [f"story {self.story}"] if self.story else []
        lines += [f"pen {words}" for words in self.pen]
        lines += [f"clock {self.clock}"] if self.clock != "synced" else []
        return "".join(f"{line}\n" for line in (*lines, *self.events))


def _decimal(value: int, places: int) -> str:
    """`value` in units of 10 to the minus `places`, without needless zeros."""
    whole, part = divmod(value, 10**places)
    return f"{whole}.{part:0{places}}".rstrip("0").rstrip(".")
