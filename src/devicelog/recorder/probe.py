"""Who is behind a port, and what it sends: listened to for a while, kept nowhere.

`Heard` collects and knows no port; `probe` opens one and gives `Heard` what comes, through the source that records.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

from devicelog.canonical import Json
from devicelog.recorder.nobody import nobody
from devicelog.recorder.stop import Stop
from devicelog.who import identity_document
from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import (
    Fault,
    Heartbeat,
    Identity,
    IdentityRequest,
    LinkChange,
    PenEvent,
    RawInput,
    Reading,
    SampleBlock,
    SerialChunk,
    Unknown,
)
from firmware_bridge.sources import Inbox, Restarts, SerialSource, Watch
from firmware_bridge.transports import decoder_of

_WAIT_S = 0.1
_FRAMES: dict[type[Reading], str] = {
    SampleBlock: "samples",
    Heartbeat: "heartbeat",
    PenEvent: "event",
    Identity: "identity",
}
# What a pen may report, as the columns of `sessions readings` call it.
_COLUMNS = {
    "depth_set_um": "depth_set_um",
    "depth_um": "depth_um",
    "raw_count": "raw_count",
    "frequency_dhz": "frequency_dhz",
    "contact": "contact_bits",
    "passes": "passes",
    "strokes": "strokes",
}


class Heard:
    """What came from a port, counted."""

    def __init__(self, profile: PenProfile) -> None:
        self.url = ""  # where that was
        self.listened_us = 0
        self.n_bytes = 0
        self.links_lost = 0
        self.frames: Counter[str] = Counter(dict.fromkeys(_FRAMES.values(), 0))
        self.unknown = 0
        self.damaged = 0
        self.samples = 0
        self.period_us: int | None = None
        self.identity: Identity | None = None
        self._other_major: int | None = None
        self._echoes = 0
        self._columns: set[str] = set()
        self._lines = profile.lines is not None
        self.restarted = False  # because its port was opened
        self._restarts = Restarts()
        self._decoder = decoder_of(profile)

    def take(self, raw: RawInput) -> list[Reading]:
        """Count an input and what it completes, and return that."""
        if isinstance(raw, SerialChunk):
            self.n_bytes += len(raw.data)
        elif isinstance(raw, LinkChange):
            self.links_lost += not raw.up
        readings = self._decoder.feed(raw)
        self.restarted = bool(self._restarts.take(raw, readings)) or self.restarted
        for reading in readings:
            self._reading(reading)
        return readings

    def _reading(self, reading: Reading) -> None:
        match reading:
            case Unknown():
                self.unknown += 1
                if reading.major != PROTOCOL_MAJOR:
                    self._other_major = reading.major
            case Fault():
                self.damaged += reading.kind not in ("head", "tail")  # cut by our coming and going
            case IdentityRequest():
                self._echoes += 1
            case Identity() if not reading.protocol_major:  # the profile says it, and nothing was sent
                pass
            case _:
                self.frames[_FRAMES[type(reading)]] += 1
        if isinstance(reading, SampleBlock):
            self.samples += reading.n
            self.period_us = reading.period_us
        if isinstance(reading, SampleBlock | Heartbeat):
            self._columns |= {name for name, field in _COLUMNS.items() if getattr(reading, field, None) is not None}
        if isinstance(reading, Identity):
            self.identity = reading

    @property
    def columns(self) -> list[str]:
        """What the pen reports, in the order of the readings."""
        return [name for name in _COLUMNS if name in self._columns]

    @property
    def why_not(self) -> str | None:
        """Why this devicelog could not record from it; None when a pen answered."""
        if self.identity is not None:
            return None
        n_frames = sum(self.frames.values())
        if self._echoes and not n_frames + self.unknown:
            return "only our own question came back. Is the line looped, or set to echo?"
        return nobody(
            n_bytes=self.n_bytes,
            n_frames=n_frames + self.unknown,
            other_major=None if n_frames else self._other_major,
            listened_s=round(self.listened_us / 1_000_000, 1),
            lines=self._lines,
        )

    def document(self) -> Json:
        """As plain values."""
        return {
            "readable": self.why_not is None,
            "why_not": self.why_not,
            "identity": identity_document(self.identity) if self.identity else None,
            "listened_us": self.listened_us,
            "bytes": self.n_bytes,
            "frames": dict(self.frames),
            "frames_damaged": self.damaged,
            "frames_unknown": self.unknown,
            "samples": self.samples,
            "period_us": self.period_us,
            "columns": self.columns,
            "links_lost": self.links_lost,
            "restarted_by_opening": self.restarted,
        }


def probe(url: str, profile: PenProfile, *, for_us: int, now_us: Callable[[], int], stop: Stop) -> Heard:
    """Open the port, ask who is there and listen for so long, or until `stop`. Raises PenError."""
    heard, inbox, watch = Heard(profile), Inbox(), Watch(profile.silence_limit_us, speaks_at_rest=profile.lines is None)
    with ExitStack() as stack:
        source = SerialSource(url, profile, inbox, now_us)
        stack.callback(source.close)
        source.open()
        heard.url = source.url
        began_us = now_us()
        source.start()
        while not stop.cause and (left_us := began_us + for_us - now_us()) > 0:
            item = inbox.get(min(_WAIT_S, left_us / 1_000_000))
            cause = watch.take(item, heard.take(item)) if isinstance(item, RawInput) else watch.judge(now_us())
            if cause is not None:
                source.distrust(watch.opening, cause)
        heard.listened_us = now_us() - began_us
    while (item := inbox.get_nowait()) is not None:
        if isinstance(item, RawInput):
            heard.take(item)
    return heard
