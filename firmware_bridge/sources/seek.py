"""Which port is the pen's: all free ports are asked at once who is there, and exactly one must answer.

`auto` takes the only pen there is, `serial:NUMBER` the one with this serial number, wherever it is plugged in. Both
then follow this pen to any port. At the port where it was found before, sound frames suffice: what it says of itself
comes later, and whether it is another pen is judged then, as at a port that was named.

Not responsible for reading on once it is found (serial_port.py).
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from firmware_bridge.errors import PenError, PortMissing
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import Identity, SerialChunk
from firmware_bridge.sources.port import LinkLost, Port
from firmware_bridge.sources.ports import SerialPort, list_ports, named_ports, places
from firmware_bridge.sources.watch import from_a_pen
from firmware_bridge.transports import StreamDecoder, decoder_of

AUTO = "auto"
BY_SERIAL = "serial:"
LISTEN_S = 6.0  # a pen that takes no questions says who it is every 5 s
GRACE_S = 1.0  # for a second pen that answers to the same number
ANSWER_S = 0.5  # for the answer of a pen that is back at its port and speaks
ASK_AGAIN_S = 1.0  # a question or its answer may be damaged: a pen that speaks is asked again
STRANGER_S = 60.0  # for so long a port where somebody else talks is left alone while it stays plugged in
_POLL_S = 0.01
_KEEP_BYTES = 2 << 20  # more than a full line of 921,600 baud carries while it is listened to; half of the inbox


@dataclass(slots=True, kw_only=True)
class Visit:
    """One port that was asked. `port` is open, and `chunks` is all that was read from it; or `why_not` says why not."""

    path: str
    by_id: str | None = None
    decoder: StreamDecoder | None = None  # None where nobody asks who is there
    opened_us: int = 0
    port: Port | None = None
    why_not: str | None = None
    identity: Identity | None = None
    speaks: bool = False  # a sound frame came: a pen, whoever it is
    asked_s: float = 0.0
    chunks: list[SerialChunk] = field(default_factory=list)
    n_bytes: int = 0

    def listen(self, now_us: Callable[[], int]) -> None:
        """Take what has arrived."""
        if self.port is None or self.decoder is None:
            return
        try:
            data = self.port.read_now()
        except LinkLost as lost:
            self.leave(f"it was lost ({lost.cause})")
            return
        if not data:
            return
        self.n_bytes += len(data)
        self.chunks.append(SerialChunk(t_us=now_us(), data=data, read_total=self.n_bytes))
        for reading in self.decoder.feed_bytes(data):
            self.speaks = self.speaks or from_a_pen(reading)
            self.identity = reading if isinstance(reading, Identity) else self.identity
        if self.identity is None and self.n_bytes > _KEEP_BYTES:
            self.leave(self._nobody())

    def ask(self) -> None:
        """Ask who is there."""
        if self.port is not None:
            self.asked_s = time.monotonic()
            self.port.ask_identity()

    def leave(self, why_not: str | None = None) -> None:
        """Close the port; may be called again."""
        if self.port is not None:
            self.port.close()
        self.port, self.why_not = None, why_not or self.why_not

    def told(self, listened_s: float) -> str:
        """What was found here, in words."""
        if self.identity is not None:
            return f"{self.path}: {_pen(self.identity)}"
        came = self._nobody() if self.n_bytes else "nothing came"
        return f"{self.path}: {self.why_not or f'{came} for {listened_s:g} s'}"

    def _nobody(self) -> str:
        came = "a pen's frames" if self.speaks else f"{self.n_bytes} bytes"
        return f"{came} came and nobody said who it is"


class Seeker:
    """Finds the pen that an address like `auto` or `serial:A0042` means, once and again after it was lost."""

    def __init__(self, address: str, profile: PenProfile, now_us: Callable[[], int]) -> None:
        """Raises PenError where the address names no serial number."""
        self._profile, self._now_us = profile, now_us
        self._serial = address.removeprefix(BY_SERIAL) if address.startswith(BY_SERIAL) else None
        if self._serial == "":
            raise PenError(f"{address!r} names no serial number. `devicelog pens probe auto` tells it")
        self._path: str | None = None  # of a pen that has no serial number: it is known by its port alone
        self._last: Visit | None = None  # where it was found: the port is closed or another's since
        self._strangers: dict[str, tuple[object, float]] = {}  # by path: the device that was there, and until when

    @staticmethod
    def is_one(address: str) -> bool:
        """Whether an address is not that of a port."""
        return address == AUTO or address.startswith(BY_SERIAL)

    def places(self) -> tuple[object, ...]:
        """Another value when the pen may be somewhere else now."""
        return places(self._path)

    def find(self, closing: threading.Event, broken_off: Callable[[], bool] = lambda: False) -> Visit:
        """The port where the pen is, open. Raises PortMissing when it is not there, PenError when two are.

        It gives up at once when `closing` is set or `broken_off` says so; who has been found by then is returned.
        """
        visits = [self._visit(port) for port in list_ports() if self._path in (None, port.path)]
        began_s = time.monotonic()
        try:
            whole = self._listen(visits, began_s, lambda: closing.wait(_POLL_S) or broken_off())
            found = self._choose(visits, time.monotonic() - began_s, whole=whole)
        except BaseException:
            _leave(visits)
            raise
        _leave(visit for visit in visits if visit is not found)
        self._last = Visit(path=found.path, by_id=found.by_id)
        if found.identity is not None:
            self._serial = found.identity.serial or None
            self._path = None if self._serial else found.path
        return found

    def _visit(self, port: SerialPort) -> Visit:
        visit = Visit(path=port.path, by_id=port.by_id, decoder=decoder_of(self._profile))
        device, until_s = self._strangers.get(port.path, ((), 0.0))
        if device == places(port.path) and time.monotonic() < until_s:
            visit.why_not = "what is there is no pen"
        elif port.holders and named_ports() is None:  # one that a person named is opened, as by its path
            holder = port.holders[0]
            visit.why_not = f"held by {holder.program} ({holder.pid})"
        else:
            try:
                visit.port = Port(port.path, self._profile)
            except PenError as error:
                visit.why_not = str(error).removeprefix(f"{port.path}: ").rstrip(".")
            else:
                visit.opened_us = self._now_us()
                if self._profile.request_identity:
                    visit.ask()
        return visit

    def _listen(self, visits: list[Visit], began_s: float, ends: Callable[[], bool]) -> bool:
        """Until everybody has said who it is or time is up; a pen that was asked for by number ends it sooner, and so
        does one that is back at its port. One that speaks is listened to for twice as long: what it said of itself may
        have been damaged, and it says it again. `ends` waits a little; False when it was true."""
        ends_s, most_s = began_s + LISTEN_S, began_s + 2 * LISTEN_S
        while (now_s := time.monotonic()) < ends_s:
            ended = ends()
            for visit in visits:
                visit.listen(self._now_us)
            unknown = [visit for visit in visits if visit.port is not None and visit.identity is None]
            if ended or not unknown:
                return not ended
            for visit in unknown:
                if visit.speaks:
                    ends_s = most_s
                    if self._profile.request_identity and now_s - visit.asked_s > ASK_AGAIN_S:
                        visit.ask()
            if self._serial is not None and self._matching(visits):
                most_s = min(most_s, now_s + (GRACE_S if self._last is None else 0))
            elif self._familiar(visits):
                most_s = min(most_s, max(now_s, began_s + (ANSWER_S if self._profile.request_identity else 0)))
            ends_s = min(ends_s, most_s)
        return True

    def _choose(self, visits: list[Visit], listened_s: float, *, whole: bool) -> Visit:
        """The visit to the pen. `whole`: there was time enough for everybody to answer."""
        matching = self._matching(visits)
        if len(matching) == 1:
            return matching[0]
        if matching:
            which = "; ".join(f"--pen {_address(visit, matching)} for {_told(visit)}" for visit in matching)
            raise PenError(f"{len(matching)} pens answer. Say which one it is: {which}")
        if (familiar := self._familiar(visits)) is not None:
            return familiar
        for visit in visits:
            if whole and visit.n_bytes and not visit.speaks:
                self._strangers[visit.path] = (places(visit.path), time.monotonic() + STRANGER_S)
        who = f"pen {self._serial}" if self._serial else "a pen"
        looked = "; ".join(visit.told(round(listened_s, 1)) for visit in visits) or "there is no serial port"
        raise PortMissing(f"{who} was not found. Looked at: {looked}. Check the cable and that the pen is switched on.")

    def _matching(self, visits: list[Visit]) -> list[Visit]:
        """Where a pen answered that may be the one."""
        answered = [visit for visit in visits if visit.port is not None and visit.identity is not None]
        if self._serial is None:
            return answered
        return [visit for visit in answered if visit.identity and visit.identity.serial == self._serial]

    def _familiar(self, visits: list[Visit]) -> Visit | None:
        """Where the pen was found before, when somebody speaks there and has not said that it is another."""
        speaking = (visit for visit in visits if visit.port is not None and visit.speaks and visit.identity is None)
        return next((visit for visit in speaking if self._last is not None and _same_place(visit, self._last)), None)


def _same_place(one: Visit, other: Visit) -> bool:
    """The name that stays with a device decides; a path is given to another one that is plugged in sooner."""
    if one.by_id is not None and other.by_id is not None:
        return one.by_id == other.by_id
    return one.path == other.path


def _leave(visits: Iterable[Visit]) -> None:
    for visit in visits:
        visit.leave()


def _pen(identity: Identity) -> str:
    return f"pen {identity.serial or 'without a serial number'} ({identity.model or 'no model told'})"


def _told(visit: Visit) -> str:
    return visit.told(0)


def _address(visit: Visit, among: list[Visit]) -> str:
    """What to type for this pen and no other of these."""
    serial = visit.identity.serial if visit.identity else ""
    alike = [other for other in among if other.identity and other.identity.serial == serial]
    return f"{BY_SERIAL}{serial}" if serial and len(alike) == 1 else visit.path
