"""When a recorder ran, and when nobody listened: from the entries of a whole ledger, in their order. Pure.

A recorder that stopped said so. One that died did not: its newest entry is the last that is known of it, and what it
recorded after that is in the records of the stream that was open.
"""

from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry
from devicelog.packages.inspection.times import Days, Stamp, between_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """From `since` to `until` no recorder ran. `died`: the recorder before it ended without a word. `ends`: another
    one started then; else `until` is merely the newest entry there is."""

    since: Stamp
    until: Stamp
    died: bool
    ends: bool

    @property
    def for_us(self) -> int | None:
        """How long; None where the clocks cannot tell."""
        return between_us(self.since, self.until)

    @property
    def restarted(self) -> bool:
        """Whether the computer was started anew in it: power may have been off."""
        return self.since.boot != self.until.boot


class Listening:
    """Told every entry in order; `silences` is what came of it, oldest first."""

    def __init__(self) -> None:
        self.starts: list[str] = []  # `at` of each start of a recorder
        self._ended: list[Silence] = []
        self._since: Stamp | None = None  # the newest entry of the recorder that ran last
        self._running = False
        self._died = False

    def feed(self, entry: Entry) -> None:
        """The next entry."""
        if entry.type == "recorder.started":
            self._start(entry)
        elif self._running and entry.type == "recorder.stopped":
            self._running, self._died, self._since = False, False, Stamp.of(entry)
        elif self._running and _of_another(entry, self._since):
            self._running, self._died = False, True
        elif self._running:
            self._since = Stamp.of(entry)

    def silences(self, newest: Stamp) -> list[Silence]:
        """Those so far; the last one may go on at the newest entry."""
        if self._running or self._since is None or self._since.seq == newest.seq:
            return list(self._ended)
        return [*self._ended, Silence(since=self._since, until=newest, died=self._died, ends=False)]

    def _start(self, entry: Entry) -> None:
        here = Stamp.of(entry)
        self.starts.append(here.at)
        if self._since is not None:
            died = self._running or self._died
            self._ended.append(Silence(since=self._since, until=here, died=died, ends=True))
        self._running, self._died, self._since = True, False, here


def _of_another(entry: Entry, newest: Stamp | None) -> bool:
    """Whether this entry shows that the recorder was gone: it closes what was left open, or the computer started."""
    if entry.body.get("ended") == "interrupted":
        return True
    return newest is not None and entry.values["boot"] != newest.boot


def listening_document(listening: Listening, *, days: Days, newest: Stamp | None) -> Json:
    """Of these days. `newest`: the ledger's newest entry, None where it has none."""
    silences = [] if newest is None else listening.silences(newest)
    times = [(silence, days.overlap_us(silence.since.at, silence.until.at)) for silence in silences]
    here = [(silence, us) for silence, us in times if us or _touches(days, silence)]
    untold = sum(us is None for _, us in here)
    return {
        "starts": sum(at in days for at in listening.starts),
        "silences": len(here),
        "in_these_days_us": sum(us or 0 for _, us in here),
        "untold": untold,
        "computer_restarted": sum(silence.restarted for silence, _ in here),
        "died": [_silence(silence) for silence, _ in here if silence.died],
        "goes_on": any(not silence.ends for silence, _ in here),
    }


def _touches(days: Days, silence: Silence) -> bool:
    return silence.since.at in days or silence.until.at in days


def _silence(silence: Silence) -> Json:
    return {
        "since": silence.since.document(),
        "until": silence.until.document(),
        "for_us": silence.for_us,
        "restarted": silence.restarted,
        "ends": silence.ends,
    }
