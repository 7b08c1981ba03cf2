"""What is to be recorded and how it ended: values, and what a recording needs of a pen's port. No behaviour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from devicelog.canonical import Json
from devicelog.clinical.plan import Plan, Zone
from devicelog.ledger.entries import Actor
from devicelog.recorder.commands import TimedMark
from devicelog.recorder.idle import IdleLimits
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import Transaction
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import Identity
from firmware_bridge.sources.tones import Tone


class Source(Protocol):
    """A pen's port, as sources.SerialSource is one."""

    @property
    def read_total(self) -> int:
        """Bytes read so far."""

    def open(self) -> None:
        """Open the port. Raises PenError."""

    def start(self) -> None:
        """Begin to read into the inbox."""

    def close(self) -> None:
        """Take what is left and stop."""


@runtime_checkable
class Line(Protocol):
    """What a source with a serial port can do besides."""

    @property
    def url(self) -> str:
        """Which port it is."""

    @property
    def trouble(self) -> str | None:
        """Why it does not open; None while it is open."""

    def distrust(self, opening: int, cause: str) -> None:
        """No pen speaks there: open it anew."""

    def release(self, for_us: int) -> None:
        """Give the port up for so long."""

    def resume(self) -> bool:
        """Take it back; False when it was not given up."""


@runtime_checkable
class Sounding(Protocol):
    """A source that has a buzzer, or could have one."""

    def sound(self, tone: Tone) -> None:
        """Sound a tone; returns at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the desk gives a session that opens: documents by name, and what is entered with its opening, if anything.

    `entered` is given the transaction and the session's id; it returns what a person is to be told, if anything.
    `unread`: what could not be read, in words.
    """

    documents: Mapping[str, bytes]
    entered: Callable[[Transaction, str], str | None] | None = None
    unread: str | None = None


class Desk(Protocol):
    """What is known at the clinic's desk when a session opens."""

    def prepare(self, evidence: Evidence, pen: Identity, stamp: Json, actor: Actor) -> Prepared:
        """What the session of this pen is judged by. `stamp`: of now. What cannot be read is told, and never raised."""

    def fitted(self, evidence: Evidence, cartridge: str) -> Json:
        """What a mark says of this cartridge (records.Mark); empty where nobody fitted it. Raises what reading does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be recorded. `marks_clock` says what the marks and the duration follow.

    The time since the session began, the pen's clock since its first sample, or, for a pen whose clock cannot be
    followed, the host's since that sample arrived. `idle` is what is done when nobody ends the session; None where its
    end is certain. `sensors` are pins that watch beside a pen that sends. `desk`: who prepared it; None where nobody
    did.
    """

    data_dir: Path
    client_code: str
    practitioner: str
    plan: Plan
    zones: Mapping[str, Zone]
    profile: PenProfile
    command: Literal["record", "demo"]
    sensors: PenProfile | None = None
    duration_us: int | None = None
    marks: tuple[TimedMark, ...] = ()
    marks_clock: Literal["session", "pen", "first sample"] = "session"
    idle: IdleLimits | None = None
    desk: Desk | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended: the session, or None when it was stopped before one began."""

    session: str | None
    derived: Json | None
    cause: str
