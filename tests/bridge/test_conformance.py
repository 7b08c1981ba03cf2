"""The judge of pens: one mutant for each rule fails that rule and no other; a pen that keeps them all fails none."""

import json
import re
import struct
import subprocess
import sys
from collections import Counter
from random import Random
from typing import Any
from zlib import crc32

import pytest
from cobs.cobs import encode as cobs_encode

from firmware_bridge.conformance import CHECKS, UNSEEN, judge, read_capture, write_capture
from firmware_bridge.conformance.capture import Capture, CaptureError, Lines, Received, Setting
from firmware_bridge.conformance.plan import Say, Step, steps
from firmware_bridge.conformance.trace import REQUEST, trace_of
from firmware_bridge.frames import frame, payload_of
from firmware_bridge.readings import Heartbeat, Identity, SampleBlock
from tests.bridge.ruled_pen import U32, RuledPen, run_with, with_bytes
from tests.pages import DOCS, cells

PAGE = "protocol.md"
HOSTS_RULES = {f"P-{n}" for n in range(23, 31)}

FLAG_PASSES, FLAG_SET, RESERVED = 0x0100, 0x0080, 0x0400


def _flags(payload: bytearray) -> int:
    return int(struct.unpack_from("<H", payload, 2)[0])


# --- mutants: each breaks one rule ----------------------------------------------------------------------------------


class ObeysXoff(RuledPen):
    held = False

    def hear(self, data: bytes) -> None:
        if data in (b"\x13", b"\x11"):
            self.held = data == b"\x13"
        super().hear(data)

    def line(self, data: bytes) -> bytes:
        return b"" if self.held else data


class FallsSilentWithDtr(RuledPen):
    silent_us = 0

    def turned_lines(self) -> None:
        self.silent_us = self.now_us + 4_400_000

    def line(self, data: bytes) -> bytes:
        return b"" if self.now_us < self.silent_us else data


class ResetsWithDtr(RuledPen):
    was_reset = False

    def turned_lines(self) -> None:
        if not self.was_reset:
            self.was_reset = True
            self.power(on=True)


class Chats(RuledPen):
    def line(self, data: bytes) -> bytes:
        return b"loop took 3 ms\r\n" + data if data and self.seq % 200 == 2 else data


class OneDelimiter(RuledPen):
    def framed(self, payload: bytes) -> bytes:
        return frame(payload)[1:]


class BadCobs(RuledPen):
    n_framed = 0

    def framed(self, payload: bytes) -> bytes:
        self.n_framed += 1
        whole = frame(payload)
        return whole[:1] + b"\xff" + whole[2:] if self.n_framed % 40 == 0 else whole


class TooLong(RuledPen):
    def framed(self, payload: bytes) -> bytes:
        return frame(payload) + (b"\x55" * 300 + b"\0" if payload[1] == 2 else b"")


class CrcBigEndian(RuledPen):
    def framed(self, payload: bytes) -> bytes:
        return b"\0" + cobs_encode(payload + struct.pack(">I", crc32(payload))) + b"\0"


class ReservedMode(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        payload[2] |= 3


class FillsWhatItLacks(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        if payload[1] in (1, 2):
            struct.pack_into("<H", payload, 2, _flags(payload) & ~FLAG_PASSES)


class ZeroColumn(RuledPen):
    def columns(self, n: int) -> dict[str, object]:
        return {**super().columns(n), "raw_count": (0,) * n}


class ForgetsContact(RuledPen):
    def columns(self, n: int) -> dict[str, object]:
        return {**super().columns(n), **({"contact_bits": None} if self.seq > 900 else {})}


class Pauses(RuledPen):
    def block(self, block: SampleBlock) -> None:
        if not 800 < block.seq < 840:
            super().block(block)


class LeavesOut(RuledPen):
    def block(self, block: SampleBlock) -> None:
        if block.seq % 20:
            super().block(block)


class LongFrames(RuledPen):
    n = 10


class NumbersFrames(RuledPen):
    def head(self) -> dict[str, object]:
        return {**super().head(), "seq": self.seq // 2}

    def block(self, block: SampleBlock) -> None:
        super().block(block._replace(seq=block.seq // 2))


class HeartbeatNumbersBehind(RuledPen):
    def head(self) -> dict[str, object]:
        head = super().head()
        return {**head, "seq": int(head["seq"]) - 1 if not self.motor and self.seq > 600 else head["seq"]}  # type: ignore[call-overload]


class LeavesNumbersOut(RuledPen):
    def sample(self) -> None:
        super().sample()
        self.seq += self.seq % 100 == 0 and not self.taken


class BeginsAtOneThousand(RuledPen):
    first_seq = 1000


class RepeatsFrames(RuledPen):
    def block(self, block: SampleBlock) -> None:
        super().block(block)
        if block.seq % 50 == 0:
            super().block(block)


class ForgetsToNumber(RuledPen):
    n_due = 0

    def sample(self) -> None:
        self.n_due += 1
        if self.n_due % 101:
            super().sample()


class SameBoot(RuledPen):
    boots = 0


class StrokesOfAFrame(RuledPen):
    def count(self) -> int:
        return 0


class PassesFall(RuledPen):
    def press_button(self) -> None:
        self.passes = 3
        super().press_button()


class CountsFromPowerOn(RuledPen):
    def start(self, t_us: int) -> None:
        super().start(t_us)
        self.passes = self.strokes = 0


class SetsItsClock(RuledPen):
    def clock(self) -> int:
        return (super().clock() + (1_000_000 if 3_000_000 < self.now_us < 40_000_000 else 0)) % U32


class RareHeartbeat(RuledPen):
    heartbeat_us = 2_000_000


class FastHeartbeat(RuledPen):
    heartbeat_us = 500_000


class NoEvents(RuledPen):
    events = False


class UnnamedAtRest(RuledPen):
    def names_itself(self) -> bool:
        return self.motor or self.now_us - self.started_us < 100_000


class UnnamedAtWork(RuledPen):
    def names_itself(self) -> bool:
        return not self.motor


class AnswersLate(RuledPen):
    answer_us = 0

    def answer(self) -> None:
        self.answer_us = self.now_us + 650_000

    def tick(self, t_us: int) -> bytes:
        if self.answer_us and t_us >= self.answer_us:
            self.answer_us = 0
            super().answer()
        return super().tick(t_us)


class NamesItselfLate(RuledPen):
    def start(self, t_us: int) -> None:
        super().start(t_us)
        if t_us > 0:
            self.identity_due_us += 3_000_000


class AnotherFirmware(RuledPen):
    said = 0

    def identity(self) -> Identity:
        self.said += 1
        who = super().identity()
        return Identity(**{**{name: getattr(who, name) for name in who.__slots__}, "firmware": f"1.{self.said // 4}"})


class AnswersAnything(RuledPen):
    def hear(self, data: bytes) -> None:
        if len(data) > 4:
            self.answer()


class DeafAfterRubbish(RuledPen):
    deaf = False

    def hear(self, data: bytes) -> None:
        self.deaf = self.deaf or b"help" in data
        if not self.deaf:
            super().hear(data)


class WaitsForTheHost(RuledPen):
    spoken_to = False

    def hear(self, data: bytes) -> None:
        self.spoken_to = True
        super().hear(data)

    def line(self, data: bytes) -> bytes:
        return data if self.spoken_to else b""


class TwoVersions(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        if payload[1] == 2:
            payload[0] = 0x11


class ReservedFlag(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        struct.pack_into("<H", payload, 2, _flags(payload) | RESERVED)


class MoreFields(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        if payload[1] == 2:
            payload += b"\x01"


class OwnKind(RuledPen):
    def tick(self, t_us: int) -> bytes:
        if self.motor and t_us % 1_000_000 == 0:
            self.queue.append(frame(b"\x10\x63" + bytes(12) + b"debug"))
        return super().tick(t_us)


class AsksTheHost(RuledPen):
    def answer(self) -> None:
        super().answer()
        self.queue.append(frame(b"\x10\x10" + bytes(12)))


class EventNobodyKnows(RuledPen):
    def press_button(self) -> None:
        super().press_button()
        self.event(77, 0)


class FlagsInIdentity(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        if payload[1] == 4:
            struct.pack_into("<H", payload, 2, _flags(payload) | FLAG_SET)


class MotorEventWithValue(RuledPen):
    def event(self, code: int, value: int) -> None:
        super().event(code, value or 1)


class DialEventOfBefore(RuledPen):
    def event(self, code: int, value: int) -> None:
        super().event(code, 1500 if code == 2 else value)


class UnprintableName(RuledPen):
    def spoil(self, payload: bytearray) -> None:
        if payload[1] == 4:
            payload[15] = 0x0A


class PeriodIsWrong(RuledPen):
    told_period_us = 9_800


class HoldsFramesBack(RuledPen):
    def __init__(self) -> None:
        self.held: list[tuple[int, bytes]] = []
        super().__init__()

    def line(self, data: bytes) -> bytes:
        if self.motor:
            self.held.append((self.now_us + 100_000, data))
            data = b""
        else:
            data = b"".join(late for _, late in self.held) + data
            self.held = []
        while self.held and self.held[0][0] <= self.now_us:
            data += self.held.pop(0)[1]
        return data


class FastClock(RuledPen):
    clock_ppm = 30_000
    n = 1
    told_period_us = 10_300  # its own


class ClockOffAFew(RuledPen):
    clock_ppm = 5_000


class NarrowLine(RuledPen):
    baud = 19_200


class SamplesAtRest(RuledPen):
    """No mutant: what a pen MAY do."""

    def tick(self, t_us: int) -> bytes:
        if self.on and not self.motor and t_us >= self.sample_due_us:
            self.sample_due_us = max(self.sample_due_us, t_us) + self.period_us
            self.sample()
        return super().tick(t_us)


MUTANTS: dict[str, tuple[type[RuledPen], ...]] = {
    "P-01": (ObeysXoff,),
    "P-02": (FallsSilentWithDtr,),
    "P-02.reset": (ResetsWithDtr,),
    "P-03": (Chats,),
    "P-04": (OneDelimiter,),
    "P-05": (BadCobs, TooLong),
    "P-06": (CrcBigEndian,),
    "P-07": (ReservedMode,),
    "P-08": (FillsWhatItLacks, ZeroColumn),
    "P-09": (ForgetsContact,),
    "P-10": (Pauses, LeavesOut),
    "P-11": (LongFrames,),
    "P-12": (NumbersFrames, LeavesNumbersOut, HeartbeatNumbersBehind),
    "P-12.start": (BeginsAtOneThousand,),
    "P-13": (RepeatsFrames, ForgetsToNumber),
    "P-14": (SameBoot,),
    "P-15": (StrokesOfAFrame, PassesFall),
    "P-15.life": (CountsFromPowerOn,),
    "P-16": (SetsItsClock,),
    "P-17": (RareHeartbeat, FastHeartbeat),
    "P-18": (NoEvents,),
    "P-19.off": (UnnamedAtRest,),
    "P-19.on": (UnnamedAtWork,),
    "P-19.asked": (AnswersLate,),
    "P-19.start": (NamesItselfLate,),
    "P-19.same": (AnotherFirmware,),
    "P-20": (AnswersAnything, DeafAfterRubbish),
    "P-20.wait": (WaitsForTheHost,),
    "P-21": (TwoVersions,),
    "P-22": (ReservedFlag, MoreFields, OwnKind, AsksTheHost, EventNobodyKnows),
    "P-22.flags": (FlagsInIdentity,),
    "P-31": (MotorEventWithValue, DialEventOfBefore, UnprintableName),
    "P-32.period": (PeriodIsWrong,),
    "P-32.latency": (HoldsFramesBack,),
    "P-32.clock": (FastClock,),
    "P-32.fine": (ClockOffAFew,),
    "P-32.load": (NarrowLine,),
}
EACH = [(rule, mutant) for rule, mutants in MUTANTS.items() for mutant in mutants]
LEVELS = {check.id: check.level for check in CHECKS}


def results(capture: Capture) -> dict[str, str]:
    return {row["id"]: row["result"] for row in judge(capture)["checks"]}


def wrong(document: dict) -> set[str]:
    return {row["id"] for row in document["checks"] if row["result"] in ("failed", "advice")}


@pytest.fixture(scope="module")
def ruled() -> Capture:
    """A run of the pen that keeps every rule."""
    return run_with(RuledPen())


def why(document: dict[str, Any], rule: str) -> str:
    return str(next(row["why"] for row in document["checks"] if row["id"] == rule))


def test_a_pen_that_keeps_every_rule(ruled: Capture) -> None:
    document = judge(ruled)
    told = {row["id"]: (row["result"], row["why"]) for row in document["checks"]}
    assert {rule: row for rule, row in told.items() if row[0] != "passed"} == {
        "P-10.off": ("not used", "it sends none while the motor is off")
    }
    assert document["verdict"] == "conforms"
    assert document["heard"]["damaged"] == {}
    assert document["pen"]["serial"] == "R-1"


@pytest.mark.parametrize(("rule", "mutant"), EACH, ids=[f"{rule}-{mutant.__name__}" for rule, mutant in EACH])
def test_a_pen_that_breaks_one_rule_fails_that_rule_and_no_other(rule: str, mutant: type[RuledPen]) -> None:
    document = judge(run_with(mutant()))
    rows = {row["id"]: row for row in document["checks"]}
    assert wrong(document) == {rule}, {name: rows[name]["why"] for name in wrong(document)}
    must = LEVELS[rule] == "MUST"
    assert rows[rule]["result"] == ("failed" if must else "advice")
    assert (document["verdict"] == "fails") == must
    # where and when: a moment of the run, and mostly a frame with its bytes
    assert " at " in rows[rule]["why"] or rows[rule]["seen"] or rule in ("P-32.clock", "P-32.fine", "P-32.load"), rows[
        rule
    ]
    assert rows[rule]["expected"]


def test_every_rule_has_a_mutant() -> None:
    """What a pen may do, it cannot fail."""
    assert MUTANTS.keys() == {rule for rule, level in LEVELS.items() if level != "MAY"}


def test_what_a_pen_may_do_is_told() -> None:
    assert results(run_with(SamplesAtRest()))["P-10.off"] == "passed"
    assert not wrong(judge(run_with(SamplesAtRest())))


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_has_the_table_of_the_code() -> None:
    assert cells(PAGE, "## What is judged") == [[check.id, check.level, check.what, check.expected] for check in CHECKS]


def test_every_rule_of_the_page_is_judged_or_the_hosts() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    on_page = re.findall(r"^- \*\*(P-\d\d)\*\*", text, re.MULTILINE)
    assert max(Counter(on_page).values()) == 1
    judged = {check.id[:4] for check in CHECKS}
    assert judged & HOSTS_RULES == set()
    assert set(on_page) == judged | HOSTS_RULES
    assert UNSEEN.keys() <= judged
    assert max(Counter(check.id for check in CHECKS).values()) == 1


# --- pens that have less --------------------------------------------------------------------------------------------


class Deaf(RuledPen):
    receiver = False


class Little(RuledPen):
    lacks = ("counters", "contact_bits", "frequency_dhz")


class DialOnly(RuledPen):
    lacks = ("counters", "contact_bits", "frequency_dhz", "depth_um")
    events = True
    period_us = told_period_us = 50_000
    n = 1


class Fast(RuledPen):
    """500 samples a second; a tick is 5 ms, so that samples come in lumps of two and three, and frames at once."""

    period_us = told_period_us = 5_000
    n = 4


@pytest.mark.parametrize(
    ("kind", "unused"),
    [
        (Deaf, {"P-10.off", "P-19.asked"}),
        (Little, {"P-10.off", "P-15", "P-15.life"}),
        (DialOnly, {"P-10.off", "P-15", "P-15.life"}),
        (Fast, {"P-10.off"}),
    ],
)
def test_a_reduced_pen_fails_nothing(kind: type[RuledPen], unused: set[str]) -> None:
    document = judge(run_with(kind()))
    assert not wrong(document), [row for row in document["checks"] if row["id"] in wrong(document)]
    assert {row["id"] for row in document["checks"] if row["result"] == "not used"} == unused


# --- what a pen may do ------------------------------------------------------------------------------------------------


class BeatsAtWork(RuledPen):
    """Heartbeats while the motor is on too, and oftener."""

    def tick(self, t_us: int) -> bytes:
        if self.on and self.motor and t_us % 250_000 == 0:
            self.say(Heartbeat(**self.head(), **self.slow()))
        return super().tick(t_us)


class TellsInMidFrame(RuledPen):
    """An event is sent before the samples that wait: t_us goes back by a sample."""

    def flush(self) -> None:
        if len(self.taken) == self.n or not self.motor:
            super().flush()


class NeverTouches(RuledPen):
    def columns(self, n: int) -> dict[str, object]:
        return {**super().columns(n), "contact_bits": 0}


class AskedBeginsFiveSeconds(RuledPen):
    def answer(self) -> None:
        super().answer()
        self.identity_due_us = self.now_us + 5_000_000


class EventLongBeforeTheNextFrame(RuledPen):
    """The dial is turned right after a heartbeat; the next one shows it more than a second later."""

    heartbeat_us = 1_150_000
    turned = False

    def say(self, message) -> None:
        super().say(message)
        if isinstance(message, Heartbeat) and not self.turned and self.now_us > 0:
            self.turned, self.dial_um = True, 1200
            self.event(2, self.dial_um)


class ManyTurns(RuledPen):
    """An event for each click of the dial on its way."""

    def turn_dial(self) -> None:
        self.flush()
        for self.dial_um in (1400, 1300, 1200, 1100):
            self.event(2, self.dial_um)
        super().turn_dial()


@pytest.mark.parametrize(
    "kind", [BeatsAtWork, TellsInMidFrame, NeverTouches, AskedBeginsFiveSeconds, EventLongBeforeTheNextFrame, ManyTurns]
)
def test_what_a_pen_may_do_fails_nothing(kind: type[RuledPen]) -> None:
    document = judge(run_with(kind()))
    assert not wrong(document), [row for row in document["checks"] if row["id"] in wrong(document)]
    assert document["verdict"] == "conforms"


class AnswersAllAtOnce(RuledPen):
    """One identity for every request of the last 0.45 s."""

    answer_us = 0

    def answer(self) -> None:
        self.answer_us = self.answer_us or self.now_us + 450_000

    def tick(self, t_us: int) -> bytes:
        if self.answer_us and t_us >= self.answer_us:
            self.answer_us = 0
            super().answer()
        return super().tick(t_us)


def test_one_identity_answers_all_requests_of_half_a_second() -> None:
    asks = Step(phase="ask", lasts_us=3_000_000, acts=tuple(Say(n * 150_000, REQUEST) for n in range(6)))
    plan = tuple(asks if step.phase == "ask" else step for step in steps(watch_s=None, power_cycle=True))
    document = judge(run_with(AnswersAllAtOnce(), plan=plan))
    assert not wrong(document)
    assert "6 requests answered" in why(document, "P-19.asked")


# --- a port that goes down with the pen -----------------------------------------------------------------------------


class Usb(RuledPen):
    """Its port is there again 1.5 s after the power; what it said until then is gone."""

    opened_us = 1_500_000


class UsbSamplesAtRest(Usb, SamplesAtRest):
    """The first that is heard of it is a heartbeat, whose number is none of the first."""

    opened_us = 2_000_000

    def tick(self, t_us: int) -> bytes:
        if t_us - self.started_us == self.opened_us:
            self.queue = []
            self.say(Heartbeat(**self.head(), **self.slow()))
        return super().tick(t_us)


class UsbOften(Usb):
    """It says who it is every second, in its first five."""

    def tick(self, t_us: int) -> bytes:
        since_us = t_us - self.started_us
        if self.on and 0 < since_us < 5_000_000 and since_us % 1_000_000 == 0:
            self.say(self.identity())
        return super().tick(t_us)


class DeafOften(UsbOften):
    opened_us = None
    receiver = False


class UsbKeeps(Usb):
    keeps = True


class UsbKeepsAtWork(UsbKeeps):
    """Switched on with its motor on, before anybody listens: of what it keeps, the newest is thrown away."""

    def start(self, t_us: int) -> None:
        super().start(t_us)
        if t_us < 0:
            self.motor = True

    def arrives(self, data: bytes) -> bytes:
        self.kept = self.kept[:600]
        return super().arrives(data)


class UsbNamesItselfLate(NamesItselfLate):
    """Its port is there at once, and a heartbeat is the first that it says."""

    opened_us = 50_000

    def start(self, t_us: int) -> None:
        super().start(t_us)
        self.heartbeat_due_us = t_us + 60_000


@pytest.mark.parametrize(
    ("kind", "unshown"),
    [
        (Usb, {"P-19.start"}),
        (UsbSamplesAtRest, {"P-19.start", "P-12.start"}),
        (UsbOften, set()),
        (UsbKeeps, set()),
        (UsbKeepsAtWork, set()),
    ],
)
def test_a_port_that_goes_down_with_the_pen_is_not_its_fault(kind: type[RuledPen], unshown: set[str]) -> None:
    document = judge(run_with(kind()))
    assert not wrong(document), [row for row in document["checks"] if row["id"] in wrong(document)]
    assert {row["id"] for row in document["checks"] if row["result"] == "not shown"} == unshown
    for rule in unshown:
        assert "the port went down with the pen and came up at 38." in why(document, rule)
    assert document["verdict"] == ("undecided" if unshown else "conforms")
    assert "--power-cycle" not in document["why"], "it was switched off and on"


def test_what_a_pen_kept_for_the_port_says_nothing_of_its_clock_and_load(ruled: Capture) -> None:
    kept = trace_of(run_with(UsbKeeps()))
    assert [frame.number for frame in kept.frames if frame.waited] != []
    assert max(kept.loads.values()) == max(trace_of(ruled).loads.values())
    assert not [frame for frame in trace_of(ruled).frames if frame.waited]


def test_a_deaf_pen_that_names_itself_often_at_first_was_not_taken_to_answer() -> None:
    document = judge(run_with(DeafOften()))
    assert not wrong(document), [row for row in document["checks"] if row["id"] in wrong(document)]
    assert results(run_with(DeafOften()))["P-19.asked"] == "not used"


@pytest.mark.parametrize("mutant", [SetsItsClock, RareHeartbeat, HoldsFramesBack])
def test_what_is_late_for_another_reason_fails_all_the_same(mutant: type[RuledPen]) -> None:
    class UsbMutant(mutant):  # type: ignore[misc,valid-type]
        opened_us, keeps = 1_500_000, True

    assert wrong(judge(run_with(UsbMutant()))) >= wrong(judge(run_with(mutant())))


def test_where_nothing_was_missed_a_start_is_judged_and_the_port_is_named() -> None:
    document = judge(run_with(UsbNamesItselfLate()))
    assert wrong(document) == {"P-19.start"}
    assert ". The port came up again at 37." in why(document, "P-19.start")


# --- words ----------------------------------------------------------------------------------------------------------


class TellsTheDialLate(RuledPen):
    late_us = 0

    def event(self, code: int, value: int) -> None:
        if code == 2 and not self.late_us:
            self.late_us = self.now_us + 2_000_000
        else:
            super().event(code, value)

    def tick(self, t_us: int) -> bytes:
        if self.late_us and t_us == self.late_us:
            self.event(2, self.dial_um)
        return super().tick(t_us)


def test_an_event_that_is_missing_is_told_with_the_nearest() -> None:
    assert "there is none in the run" in why(judge(run_with(NoEvents())), "P-18")
    words = why(judge(run_with(TellsTheDialLate())), "P-18")
    turned_s, event_s = (float(s) for s in re.findall(r"at (\d+\.\d+) s", words))
    assert words.startswith("no event for: dial turned in frame ")
    assert "(the nearest one at " in words
    assert event_s - turned_s == pytest.approx(2, abs=0.1)


def test_identities_are_counted_where_they_were_said(ruled: Capture) -> None:
    document = judge(ruled)
    assert why(document, "P-19.off") == "an identity every 4 to 6 s, 7 with the motor off"
    assert why(document, "P-19.on") == "an identity every 4 to 6 s, 2 with the motor on"


def test_the_verdict_says_what_to_add() -> None:
    def verdict(*, power_cycle: bool, hands: bool = True) -> str:
        pen = RuledPen()
        if not hands:
            pen.power = lambda *, on: None  # type: ignore[method-assign]
        return str(judge(run_with(pen, plan=steps(watch_s=None, power_cycle=power_cycle)))["why"])

    unshown = "nothing failed, and P-12.start, P-14, P-19.start were not shown: "
    assert verdict(power_cycle=False) == unshown + "add --power-cycle"
    assert verdict(power_cycle=True, hands=False) == unshown + "switch the pen off and on when its time has come"
    assert verdict(power_cycle=True) == "the pen keeps every rule that was shown"


def test_what_a_port_without_lines_cannot_show_is_named_as_permitted(ruled: Capture) -> None:
    document = judge(Capture(setting=ruled.setting, events=tuple(e for e in ruled.events if not isinstance(e, Lines))))
    assert document["verdict"] == "conforms"
    assert document["why"].endswith("; only P-02 was not, as is permitted where a port has no DTR")


# --- a host that is late --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "late_us",
    [
        pytest.param(lambda t_us: 40_000 - t_us % 40_000, id="reads-every-40-ms"),
        pytest.param(lambda t_us: max(0, 180_000 - t_us % 3_000_000), id="stalls-of-180-ms"),
        pytest.param(lambda t_us: t_us * 7919 % 16_000, id="jitter-of-16-ms"),
    ],
)
def test_a_late_computer_is_not_the_fault_of_the_pen(late_us) -> None:
    document = judge(run_with(RuledPen(), late_us))
    assert not wrong(document), [row for row in document["checks"] if row["id"] in wrong(document)]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_any_division_into_reads_gives_the_same(ruled: Capture, size: int) -> None:
    assert judge(with_bytes(ruled, size)) == judge(ruled)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_is_judged_and_never_an_exception(ruled: Capture, seed: int) -> None:
    """Bytes flip and vanish, reads and phases vanish: what is left is judged, and its file says the same."""
    chance = Random(seed)
    events = []
    for event in ruled.events:
        if chance.random() < 0.02 * seed / 4:
            continue
        if isinstance(event, Received) and chance.random() < 0.1:
            data = bytearray(event.data)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            event = event._replace(data=bytes(data[: chance.randint(1, len(data))]))
        events.append(event)
    capture = Capture(setting=ruled.setting, events=tuple(events))
    document = judge(capture)
    assert document == judge(read_capture(write_capture(capture)))
    assert len(document["checks"]) == len(CHECKS)
    assert document["heard"]["damaged"]


def test_a_payload_is_had_of_a_sound_frame_only() -> None:
    whole = frame(b"\x10\x02" + bytes(22))
    assert payload_of(whole[1:-1]) == b"\x10\x02" + bytes(22)
    assert payload_of(whole[1:-2]) is None
    assert payload_of(whole[2:-1]) is None
    assert payload_of(b"\x01") is None


# --- nothing to judge -----------------------------------------------------------------------------------------------


def silent(*events: object) -> Capture:
    return Capture(setting=Setting(profile="reference", baud=115_200, asks=True), events=tuple(events))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "nothing came"),
        (b"$GPGGA,123519,4807.038,N\r\n" * 40, "not a pen"),
        (frame(b"\x20\x01" + bytes(12)) * 5, "protocol 2"),
        (frame(b"\x10\x10" + bytes(12)), "our own question"),
    ],
    ids=["silence", "text", "another-major", "echo"],
)
def test_where_no_pen_is_nothing_passes(data: bytes, words: str) -> None:
    document = judge(
        silent(Received(0, b"\0"), Received(1_000_000, data), Received(9_000_000, b"")) if data else silent()
    )
    assert document["verdict"] == "no pen"
    assert words in document["why"]
    musts = {row["id"]: row["result"] for row in document["checks"] if row["level"] == "MUST"}
    assert {rule for rule, result in musts.items() if result == "passed"} <= {"P-06"}, "all majors share the framing"


def test_what_was_not_done_is_not_shown_and_nothing_else_passes_for_it(ruled: Capture) -> None:
    """A run that ends after the listening: what the host did not do, and what nobody did at the pen, is not shown."""
    heard = tuple(event for event in ruled.events if event.t_us < 6_000_000)
    document = judge(Capture(setting=ruled.setting, events=heard))
    rows = {row["id"]: row["result"] for row in document["checks"]}
    assert {rule for rule, result in rows.items() if result == "not shown"} == {
        *("P-01", "P-02", "P-02.reset", "P-08", "P-10", "P-11", "P-12", "P-12.start", "P-13", "P-14", "P-15"),
        *("P-15.life", "P-18", "P-19.off", "P-19.on", "P-19.asked", "P-19.start", "P-20", "P-32.period"),
        *("P-32.latency", "P-32.clock", "P-32.fine"),
    }
    assert document["verdict"] == "undecided"


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_kept_run_is_judged_as_it_was(ruled: Capture) -> None:
    kept = read_capture(write_capture(ruled))
    assert kept == ruled
    assert json.dumps(judge(kept)) == json.dumps(judge(ruled))


HEAD = '{"schema": "devicelog.pen-capture/1", "profile": "reference", "baud": 115200, "asks": true}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("\0\0\0", "line 1"),
        ('{"schema": "devicelog.session/1"}\n', "Is this a capture?"),
        (HEAD.replace("115200", '"fast"'), "baud = 'fast'"),
        (HEAD.replace("115200", "0"), "baud = 0"),
        (HEAD.replace("true", "1"), "asks = 1"),
        (HEAD + '{"t_us": 1, "rx": "00ff"', "line 2"),
        (HEAD + '{"t_us": 1, "rx": "0g"}\n', "'0g' is not hexadecimal"),
        (HEAD + '{"t_us": -1, "rx": "00"}\n', "t_us = -1"),
        (HEAD + '{"t_us": true, "rx": "00"}\n', "t_us = True"),
        (HEAD + '{"t_us": 5, "rx": "00"}\n{"t_us": 4, "rx": "00"}\n', "line 3: t_us 4 is before"),
        (HEAD + '{"t_us": 1, "phase": "dance"}\n', "line 2: none of"),
        (HEAD + '{"t_us": 1, "rx": "00", "tx": "00"}\n', "line 2: none of"),
        (HEAD + "[" * 5000 + "\n", "line 2"),
        (HEAD + "\n", "line 2"),
    ],
    ids=[
        *("empty", "binary", "another-schema", "baud-text", "baud-0", "asks-number", "cut", "no-hex", "time-negative"),
        *("time-bool", "time-backwards", "phase-unknown", "two-in-one", "deep", "empty-line"),
    ],
)
def test_a_damaged_file_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(CaptureError, match="line ") as refused:
        read_capture(text)
    assert words in str(refused.value)


# --- where it runs --------------------------------------------------------------------------------------------------

NOT_ON_WINDOWS = ("termios", "fcntl", "pty", "tty", "pwd", "grp", "resource", "syslog", "posix", "serial", "gpiozero")


def test_it_needs_no_posix_and_no_port() -> None:
    program = f"""
import os, sys  # os imports posix by itself, and is there on Windows all the same
for name in {NOT_ON_WINDOWS!r}:
    sys.modules[name] = None
import firmware_bridge.conformance as conformance
from firmware_bridge.conformance.plan import steps
assert steps(watch_s=None, power_cycle=True)
text = {HEAD + '{"t_us": 1, "rx": "00"}'!r}
print(conformance.judge(conformance.read_capture(text))["verdict"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "no pen"), done.stderr
