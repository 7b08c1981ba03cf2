"""The live state of a session as the screens see it: a value made from the pipeline and the writer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from devicelog.canonical import Json
from devicelog.derive import Derivation
from devicelog.sessions import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is going on now.

    `silent_us`: for how long a running pen has not been heard; `alarms`: the findings so far; `trouble`: what keeps
    data from being recorded.
    """

    state: State
    elapsed_us: int
    duration_us: int | None
    zone: str
    depth_set_um: int | None
    depth_um: int | None
    contact: bool | None
    link_up: bool
    passes_pen: int | None
    passes_operator: int
    silent_us: int
    trouble: str | None
    alarms: Sequence[Json]


class Console(Protocol):
    """Where a recording shows itself. Called from the consumer; must not wait."""

    def live(self, live: Live) -> None:
        """The state of now, several times a second."""

    def say(self, text: str) -> None:
        """Something that happened."""


def live_of(
    derivation: Derivation,
    *,
    state: State,
    elapsed_us: int,
    duration_us: int | None,
    silent_us: int,
    trouble: str | None,
    alarms: Sequence[Json],
) -> Live:
    """The live state from the running facts."""
    last, tally = derivation.last, derivation.needling.zones.get(derivation.needling.zone)
    heard = derivation.gaps.link_up and not silent_us  # what was measured before is not shown as of now
    return Live(
        state=state,
        elapsed_us=elapsed_us,
        duration_us=duration_us,
        zone=derivation.needling.zone,
        depth_set_um=last.depth_set_um if last else None,
        depth_um=last.depth_um[-1] if heard and last and last.depth_um else None,
        contact=derivation.contact if heard else None,
        link_up=derivation.gaps.link_up,
        passes_pen=tally.passes_pen if tally else None,
        passes_operator=tally.passes_operator if tally else 0,
        silent_us=silent_us,
        trouble=trouble,
        alarms=alarms,
    )
