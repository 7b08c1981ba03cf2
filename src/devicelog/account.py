"""The completeness account of a stream: every byte read and every sample number of the pen is in exactly one column.

It closes when, per boot of the pen, last - first + 1 = decoded + missing; bytes read = kept + dropped; bytes kept =
framed + rejected + delimiters. Pure; the counting of gaps in time is derive's work.

Of a pen that does not number its samples nobody knows which are missing: then the first, the last and how many are
missing are None and never a count of ours, and what was decoded is all that can be claimed (docs/adr/0012).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from devicelog.canonical import Json
from firmware_bridge.readings import Fault, Heartbeat, Identity, PenEvent, SampleBlock

SEQUENCE = 2**32
# A frame that is a little behind the newest one came late, or twice. One that is further behind, by its number or by
# the pen's clock, is of a pen that counts anew.
_BEHIND = 4096
_BEHIND_US = 2_000_000
_PEN_CLOCK = 2**32
_HOLES = 64  # the newest gaps, which a late frame may fill

_UNNUMBERED: Json = {"first": None, "last": None, "missing": None}

Step = Literal["next", "gap", "late", "repeat", "restart"]
# why sample numbers began anew: the pen said another boot, or the same boot and other numbers, or it is another pen
Begun = Literal["first", "restart", "numbers", "another pen"]


@dataclass(slots=True)
class Boot:
    """Sample numbers of one boot of the pen, or since it began to count anew. `span` is unwrapped."""

    boot: int
    first: int
    span: int
    decoded: int
    begun: Begun
    missing: int = 0
    late: int = 0
    repeated: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)  # first sample and length, `first` being 0

    def fill(self, at: int, n: int) -> bool:
        """Take samples that were missing; False where they were not."""
        for index, (start, length) in enumerate(self.holes):
            if start <= at and at + n <= start + length:
                left = [(start, at - start), (at + n, start + length - at - n)]
                self.holes[index : index + 1] = [hole for hole in left if hole[1]]
                self.missing -= n
                self.decoded += n
                self.late += n
                return True
        return False

    @property
    def closes(self) -> bool:
        """Whether every number between the first and the last is either decoded or missing."""
        return self.span == self.decoded + self.missing

    def document(self) -> Json:
        """As plain values; `last` is None when there was no sample."""
        return {
            "boot": self.boot,
            "first": self.first if self.span else None,
            "last": (self.first + self.span - 1) % SEQUENCE if self.span else None,
            "decoded": self.decoded,
            "missing": self.missing,
            "late": self.late,
            "repeated": self.repeated,
            "begun": self.begun,
            "closes": self.closes,
        }


class Account:
    """Counts what arrives; `document` states it. `numbered`: whether the pen numbers its samples."""

    def __init__(self, *, numbered: bool = True) -> None:
        self._numbered = numbered
        self.boots: list[Boot] = []
        self.sound_frames = 0
        self.unknown_frames = 0
        self.newer: Counter[int] = Counter()  # unknown frames of a newer protocol, by its major version
        self.trailing_bytes = 0
        self.faults: Counter[str] = Counter()
        self.fault_bytes: Counter[str] = Counter()
        self.kept_bytes = 0
        self.dropped_bytes = 0
        self.overflows = 0
        self.stalls = 0
        self._another_pen = False
        self._newest_us = 0  # the pen's clock at the end of the newest message in its place
        self._run_end: int | None = None  # where the newest piece of an oversize run ended

    def fault(self, fault: Fault) -> None:
        """Bytes that were no frame. An oversize run comes in pieces, and is one."""
        goes_on = fault.kind == "oversize" and fault.offset == self._run_end
        self._run_end = fault.offset + len(fault.data) if fault.kind == "oversize" else None
        self.faults[fault.kind] += not goes_on
        self.fault_bytes[fault.kind] += len(fault.data)

    def step(self, message: SampleBlock | Heartbeat | PenEvent | Identity) -> tuple[Step, int | None]:
        """Place a message by its boot counter and sample number; say how it follows and how many are missing.

        How many were lost before a restart nobody knows: None. Late is a frame whose samples were missing until now.
        """
        n, for_us = (message.n, message.n * message.period_us) if isinstance(message, SampleBlock) else (0, 0)
        begun: Begun = "first" if not self.boots else "another pen" if self._another_pen else "restart"
        self._another_pen = False
        if begun != "restart" or self.boots[-1].boot != message.boot:
            self.boots.append(Boot(message.boot, message.seq, span=n, decoded=n, begun=begun))
            self._newest_us = message.t_us + for_us
            return ("next", 0) if begun == "first" else ("restart", None)
        boot = self.boots[-1]
        ahead = (message.seq - boot.first - boot.span) % SEQUENCE
        if ahead < SEQUENCE // 2:
            if ahead:
                boot.holes = [*boot.holes[1 - _HOLES :], (boot.span, ahead)]
            boot.missing += ahead
            boot.decoded += n
            boot.span += ahead + n
            self._newest_us = message.t_us + for_us
            return ("gap" if ahead else "next"), ahead
        behind, behind_us = SEQUENCE - ahead, (self._newest_us - message.t_us) % _PEN_CLOCK
        if behind <= _BEHIND and behind_us <= _BEHIND_US:
            if n and boot.fill(boot.span - behind, n):
                return "late", 0
            boot.repeated += n
            return "repeat", 0
        self.boots.append(Boot(message.boot, message.seq, span=n, decoded=n, begun="numbers"))
        self._newest_us = message.t_us + for_us
        return "restart", None

    def go_on(self, frames: int, samples: int, newest_us: int) -> None:
        """Frames that only went on from the newest message, with so many samples in all, up to this pen's time."""
        self._newest_us = newest_us
        self.sound_frames += frames
        self.boots[-1].decoded += samples
        self.boots[-1].span += samples

    def cut(self) -> None:
        """What comes next does not follow what came: an oversize run goes on no more."""
        self._run_end = None

    def another_pen(self, *, heard_already: bool) -> None:
        """The next message is another pen's: its sample numbers have nothing to do with those before.

        `heard_already`: it has sent without a name since the link came back, and what looked like a restart was it.
        """
        if heard_already and self.boots and self.boots[-1].begun == "restart":
            self.boots[-1].begun = "another pen"
        else:
            self._another_pen = True

    def document(self, *, framed: int, rejected: int, delimiters: int, read: int | None, tallied: int) -> Json:
        """The completeness statement.

        `read` is what the reader itself counted, None in an interrupted stream; `tallied` how many samples the zones
        counted.
        """
        closes = {
            "bytes_read": read is not None and read == self.kept_bytes + self.dropped_bytes,
            "bytes_kept": self.kept_bytes == framed + rejected + delimiters,
            "samples": all(boot.closes for boot in self.boots) and tallied == sum(boot.decoded for boot in self.boots),
        }
        return {
            "closes": all(closes.values()),
            "open_accounts": sorted(name for name, closed in closes.items() if not closed),
            "bytes_read": read,
            "bytes_kept": self.kept_bytes,
            "bytes_dropped": self.dropped_bytes,
            "bytes_framed": framed,
            "bytes_rejected": rejected,
            "bytes_delimiters": delimiters,
            "bytes_trailing": self.trailing_bytes,
            "frames_sound": self.sound_frames,
            "frames_unknown": self.unknown_frames,
            "frames_newer": [{"major": major, "n": n} for major, n in sorted(self.newer.items())],
            "frames_damaged": self.damaged_frames,
            "faults": [
                {"kind": kind, "n": self.faults[kind], "bytes": self.fault_bytes[kind]} for kind in sorted(self.faults)
            ],
            "boots": [boot.document() | ({} if self._numbered else _UNNUMBERED) for boot in self.boots],
            "overflows": self.overflows,
            "stalls": self.stalls,
        }

    @property
    def damaged_frames(self) -> int:
        """Rejected runs of bytes, without those that the beginning or the end of the link cut."""
        return sum(n for kind, n in self.faults.items() if kind not in ("head", "tail"))
