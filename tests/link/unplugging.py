"""A pen that is pulled out in the middle of a frame and comes back, again and again, in one session of the recorder.

The pen is here and knows to the byte what it sent and when it was plugged in. What is judged afterwards is what stands
on disk: every byte that could be read, every gap, and how long each return took until the first byte was read again.

What could be read: a hang-up throws away what nobody has read yet, and a pty moves bytes from end to end in its own
time, 13 ms later on a busy machine. So every tenth time the plug is pulled when the newest byte is on disk, and then
not one may be missing; else at any time between two reads, and what was sent 0.1 s before and is not unread must be
there.
"""

import random
import select
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bench.measure import cpu_s
from devicelog.records import LINK, SERIAL, Chunk, item_of
from devicelog.runs import GAP_LISTED_US
from firmware_bridge.decode import Decoder
from firmware_bridge.readings import Identity, LinkChange, SampleBlock, SerialChunk
from tests.e2e.running import (
    IDENTITY,
    Json,
    PtyPen,
    Running,
    assert_whole,
    database,
    devicelog,
    goodbye,
    identity,
    recording,
    records,
    samples,
    streams,
)

FRAME_US = 20_000
UNDER_WAY_US = 100_000
_NEWEST_ROWS = 12  # of the chunk table: more than an opening lasts
AWAITED_EVERY = 10  # returns; then nothing is under way when the plug is pulled
LONG_EVERY = 50  # returns; then the pen stays away for seconds, and the pauses between tries have grown


@dataclass(slots=True, kw_only=True)
class Opening:
    """One time the pen was there: when it was plugged in, what it sent, and how much of that may not have arrived."""

    plugged_us: int
    sent: bytearray = field(default_factory=bytearray)
    under_way: int = 0
    written: list[tuple[int, int]] = field(default_factory=list)  # when, and how much


@dataclass(slots=True, kw_only=True)
class Figures:
    """What `times` returns came to."""

    times: int
    back_us: list[int]
    sent: int
    awaited: int  # times the plug was pulled when all had arrived
    kept: int
    gaps: int
    missing: int
    cpu_s: float
    lasted_s: float
    faults: list[str]

    def lines(self) -> Iterator[str]:
        """For people."""
        ordered = sorted(self.back_us)
        at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in _PARTS}
        yield f"unplugged in mid-frame and back   {self.times} times in {self.lasted_s:.0f} s"
        yield "from plugged in to its first byte " + ", ".join(f"{name} {us / 1000:.0f} ms" for name, us in at.items())
        yield f"bytes sent                        {self.sent}"
        yield f"bytes kept                        {self.kept}; {self.sent - self.kept} were under way when torn out"
        yield f"pulled when nothing was under way {self.awaited} times; every byte of these is kept"
        yield f"gaps recorded                     {self.gaps}, {self.missing} samples missing in them"
        yield f"CPU of the recorder               {self.cpu_s:.1f} s"
        yield from (f"FAULT: {fault}" for fault in self.faults)


_PARTS = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


def now_us() -> int:
    """As the recorder stamps."""
    return time.monotonic_ns() // 1000


class LivePen:
    """A pen whose clock runs on while it is away, at a port that is pulled."""

    def __init__(self, port: PtyPen, chance: random.Random) -> None:
        self.port, self.openings = port, [Opening(plugged_us=now_us())]
        self._chance = chance
        self._began_us = now_us()
        self._frame = 0  # the next one

    def begin(self) -> None:
        """The port was opened for the first time."""
        self._send(IDENTITY)

    def listened_to(self, command: Running) -> None:
        """The port was opened: say who this is, and go on in the middle of a frame."""
        command.wait_until(self.port.asked, "the identity request")
        self._pass_over()
        (begun,) = samples(2 * self._frame - 2)
        self._send(begun[self._chance.randrange(1, len(begun)) :])
        self._send(identity(seq=2 * self._frame, t_us=self._frame * FRAME_US, motor_on=True))

    def needle(self, for_us: int) -> None:
        """Send frames as they become due, for so long at least and until something of this opening was read."""
        ends_us = now_us() + for_us
        while now_us() < ends_us or self.port.unread() >= len(self.openings[-1].sent):
            late_us = now_us() - self._due_us
            if late_us >= 0:
                self._send(*samples(2 * self._frame))
                self._frame += 1
            else:
                select.select([], [], [], min(-late_us, 5_000) / 1e6)

    def half_a_frame(self) -> None:
        """The last that it says before it is pulled."""
        (frame,) = samples(2 * self._frame)
        self._frame += 1
        self._send(frame[: self._chance.randrange(1, len(frame))])

    def torn_out(self) -> None:
        """At any time between two reads of the port."""
        select.select([], [], [], self._chance.uniform(0, 0.05))
        opening, since_us = self.openings[-1], now_us() - UNDER_WAY_US
        just_sent = sum(n_bytes for at_us, n_bytes in opening.written if at_us >= since_us)
        opening.under_way = max(self.port.unread(), just_sent)
        self.port.unplug()

    def plugged_in(self) -> None:
        """As another device at the same path."""
        self.openings.append(Opening(plugged_us=now_us()))
        self.port.plug()

    def rest(self) -> None:
        """The motor stops."""
        self._send(goodbye(2 * self._frame))

    @property
    def _due_us(self) -> int:
        return self._began_us + self._frame * FRAME_US

    def _pass_over(self) -> None:
        """The frames that nobody was there for."""
        self._frame = max(self._frame, (now_us() - self._began_us) // FRAME_US) + 1

    def _send(self, *frames: bytes) -> None:
        for frame in frames:
            self.port.send(frame)
            self.openings[-1].sent += frame
            self.openings[-1].written.append((now_us(), len(frame)))


def unplug(base: Path, *, times: int, seed: int, say: Callable[[str], None] = lambda _: None) -> Figures:
    """Pull and return so often, then judge what stands on disk."""
    chance, data_dir = random.Random(seed), base / "data"
    began_s = time.monotonic()
    with PtyPen(base / "pen") as port, recording(data_dir, port.link) as command:
        pen = LivePen(port, chance)
        command.wait_until(port.asked, "the identity request")
        pen.begin()
        command.wait_for("recording s-")
        for number in range(1, times + 1):
            pen.needle(chance.randrange(60_000, 200_000))
            pen.half_a_frame()
            if number % AWAITED_EVERY == 0:
                arrived(command, data_dir, pen)
                port.unplug()
            else:
                pen.torn_out()
            away_s = chance.uniform(1.5, 4.0) if number % LONG_EVERY == 0 else chance.choice((0.0, chance.random() / 3))
            select.select([], [], [], away_s)
            pen.plugged_in()
            pen.listened_to(command)
            if number % 100 == 0:
                say(f"{number} times, {time.monotonic() - began_s:.0f} s")
        pen.needle(100_000)
        pen.rest()
        arrived(command, data_dir, pen)
        used_s = cpu_s(command.process.pid)
        command.send(signal.SIGINT)
        command.end().succeeded()
    return judged(data_dir, pen.openings, used_s, time.monotonic() - began_s)


def arrived(command: Running, data_dir: Path, pen: LivePen) -> None:
    """Wait until every byte of this opening is on disk."""

    def on_disk() -> bool:
        with database(data_dir) as connection:
            rows = connection.execute("SELECT blob FROM chunk ORDER BY id DESC LIMIT ?", (_NEWEST_ROWS,)).fetchall()
        newest = [record for (blob,) in reversed(rows) for record in Chunk.parse(zlib.decompress(blob)).records]
        kept = bytearray()
        for record in newest:
            item = item_of(record) if record.kind in (LINK, SERIAL) else None
            if isinstance(item, LinkChange):
                kept.clear()
            elif isinstance(item, SerialChunk):
                kept += item.data
        return kept == pen.openings[-1].sent

    command.wait_until(on_disk, "every byte on disk")


def judged(data_dir: Path, openings: list[Opening], used_s: float, lasted_s: float) -> Figures:
    """Hold what was sent against what stands on disk."""
    assert_whole(data_dir)
    (session,) = streams(data_dir, "session")
    told = devicelog("sessions", "show", session, "--json", data_dir=data_dir).succeeded().json()
    faults: list[str] = []
    causes, heard = on_disk(data_dir)
    expected = ["opened", *["unplugged", "reopened"] * (len(openings) - 1)]
    if causes != expected:
        faults.append(f"{len(causes)} link changes, not {len(expected)}: {sorted(set(causes))}")
    back_us = [
        first_us - opening.plugged_us for opening, first_us in zip(openings[1:], firsts_us(heard)[1:], strict=False)
    ]
    kept = [b"".join(chunk.data for chunk in chunks) for chunks in heard]
    for number, (opening, data) in enumerate(zip(openings, kept, strict=False)):
        if not opening.sent.startswith(data):
            faults.append(f"opening {number}: what is kept is not what was sent")
        if len(data) < len(opening.sent) - opening.under_way:
            faults.append(
                f"opening {number}: {len(opening.sent)} sent, {opening.under_way} under way, {len(data)} kept"
            )
    faults += gaps_against(told, kept)
    return Figures(
        times=len(openings) - 1,
        back_us=back_us,
        sent=sum(len(opening.sent) for opening in openings),
        awaited=sum(not opening.under_way for opening in openings),
        kept=sum(map(len, kept)),
        gaps=sum(gap["cause"] == "link" for gap in told["gaps"]),
        missing=sum(gap["missing"] or 0 for gap in told["gaps"]),
        cpu_s=used_s,
        lasted_s=lasted_s,
        faults=faults,
    )


def on_disk(data_dir: Path) -> tuple[list[str], list[list[SerialChunk]]]:
    """The causes of the link changes, and what was read in each opening."""
    causes: list[str] = []
    heard: list[list[SerialChunk]] = []
    for record in records(data_dir):
        if record.kind not in (LINK, SERIAL):
            continue
        item = item_of(record)
        if isinstance(item, SerialChunk):
            heard[-1].append(item)
        elif isinstance(item, LinkChange):
            causes.append(item.cause)
            if item.up:
                heard.append([])
    return causes, heard


def firsts_us(heard: list[list[SerialChunk]]) -> list[int]:
    """When the first byte was read from each opening on: where it brought none, that of a later one counts."""
    firsts: list[int] = []
    newest_us = 0
    for chunks in reversed(heard):
        newest_us = chunks[0].t_us if chunks else newest_us
        firsts.append(newest_us)
    return firsts[::-1]


def gaps_against(told: Json, kept: list[bytes]) -> list[str]:
    """The session's gaps against those between the whole frames of each opening."""
    runs = [messages for data in kept if (messages := messages_in(data))]
    between = [
        (after[0].t_us - before[-1].ends_us, after[0].seq - before[-1].next_seq) for before, after in pairwise(runs)
    ]
    listed = [missing for for_us, missing in between if for_us >= GAP_LISTED_US]
    shown = [(gap["cause"], gap["missing"]) for gap in told["gaps"]]
    faults = []
    if shown != [("link", missing) for missing in listed]:
        faults.append(f"{len(shown)} gaps are listed, {len(listed)} were made")
    n_decoded = sum(boot["decoded"] for boot in told["completeness"]["boots"])
    n_missing = sum(boot["missing"] for boot in told["completeness"]["boots"])
    n_whole = sum(message.next_seq - message.seq for run in runs for message in run)
    n_lost = sum(missing for _, missing in between)
    if (n_decoded, n_missing) != (n_whole, n_lost):
        faults.append(f"decoded {n_decoded}, missing {n_missing}; whole frames had {n_whole}, between them {n_lost}")
    return faults


class Message(NamedTuple):
    """A whole frame: its first sample's number and time, and those of the sample after its last."""

    seq: int
    t_us: int
    next_seq: int
    ends_us: int


def messages_in(data: bytes) -> list[Message]:
    """The whole frames in one opening's bytes. Who the pen is it says between two samples, with a number and a time."""
    told = []
    for reading in Decoder().feed_bytes(data):
        if isinstance(reading, SampleBlock):
            ends_us = reading.t_us + reading.n * reading.period_us
            told.append(Message(reading.seq, reading.t_us, reading.seq + reading.n, ends_us))
        elif isinstance(reading, Identity):
            told.append(Message(reading.seq, reading.t_us, reading.seq, reading.t_us))
    return told
