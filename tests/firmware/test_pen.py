"""The reference firmware, the AVR binary itself in simavr: what it sends when, by the rules of docs/protocol.md.

All of it in the chip's own time, so every run is alike.
"""

import random
from itertools import pairwise

import pytest

from firmware_bridge.frames import encode, frame
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, PenEvent, SampleBlock
from tests.firmware.bench import Bench, Sent, faults, only

PASS, DIAL, MOTOR_ON, MOTOR_OFF, FAULT = 1, 2, 3, 4, 5
BROKEN_DIAL = 4  # the pen's own numbers, docs/firmware.md
REQUEST = encode(IdentityRequest())


def told(sent: list[Sent]) -> list[tuple[int, int]]:
    """The events, code and value."""
    return [(event.code, event.value) for event in only(PenEvent, sent)]


def assert_unbroken(blocks: list[SampleBlock]) -> None:
    """Every sample is there, and each was taken 5 ms after the one before."""
    for before, block in pairwise(blocks):
        assert block.seq == before.seq + before.n
        assert block.t_us == before.t_us + before.n * before.period_us


# --- nobody needles ---------------------------------------------------------------------------------------------------


def test_a_pen_that_is_switched_on_says_who_it_is_and_beats(bench: Bench) -> None:
    sent = bench.run(11_500)
    assert not faults(sent)
    assert sent[0].at_us < 100_000
    identities = [item.at_us for item in sent if isinstance(item.reading, Identity)]
    beats = [item.at_us for item in sent if isinstance(item.reading, Heartbeat)]
    assert len(identities) == 3
    assert [later - earlier for earlier, later in pairwise(identities)] == pytest.approx([5e6] * 2, abs=50_000)
    assert [later - earlier for earlier, later in pairwise(beats)] == pytest.approx([1e6] * 11, abs=20_000)
    assert len(sent) == len(identities) + len(beats)
    (identity,) = {(i.model, i.serial, i.firmware, i.calibration_id, i.cartridge, i.mode) for i in only(Identity, sent)}
    assert identity == ("Reference board", "SIM-328", "1.0", "none", "lot 7", "test")
    assert {(b.depth_set_um, b.passes, b.strokes, b.motor_on, b.seq) for b in only(Heartbeat, sent)} == {
        (1250, 0, 0, False, 0)
    }
    assert bench.slept() > 0.9


# --- needling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [5, 50, 90, 150, 300])
def test_strokes_are_counted_and_none_is_missed(bench: Bench, hz: int) -> None:
    bench.run(1000)
    bench.motor(hz)
    sent = bench.run(4000)
    bench.motor(0)
    sent += bench.run(1500)
    assert not faults(sent)
    blocks = only(SampleBlock, sent)
    assert_unbroken(blocks)
    assert blocks[0].seq == 0
    assert {block.n for block in blocks[:-1]} == {4}
    assert told(sent) == [(MOTOR_ON, 0), (MOTOR_OFF, 0)]
    assert only(Heartbeat, sent)[-1].strokes == pytest.approx(4 * hz, abs=1)
    assert only(Heartbeat, sent)[-1].seq == blocks[-1].seq + blocks[-1].n
    running = [f for block in blocks[2:-20] for f in block.frequency_dhz or ()]
    assert running == pytest.approx([10 * hz] * len(running), rel=0.005, abs=1)  # an interrupt may wait for another


def test_frames_come_at_their_time(bench: Bench) -> None:
    bench.motor(100)
    bench.run(1000)
    sent = [item for item in bench.run(3000) if isinstance(item.reading, SampleBlock)]
    first = sent[0].at_us - sent[0].reading.t_us
    late_us = [item.at_us - item.reading.t_us - first for item in sent]
    assert max(map(abs, late_us)) < 6000
    assert len(sent) == 150


def test_the_frequency_falls_when_strokes_stay_out(bench: Bench) -> None:
    bench.motor(100)
    bench.run(1000)
    bench.motor(0)
    frequencies = [f for block in only(SampleBlock, bench.run(1000)) for f in block.frequency_dhz or ()]
    falling = frequencies[frequencies.index(1000) + 8 :]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] <= 41, "0.25 s without a stroke: the motor is off"


def test_one_stroke_alone_is_no_motor(bench: Bench) -> None:
    bench.run(1000)
    bench.motor(2)
    sent = bench.run(2000)
    assert not only(SampleBlock, sent)
    assert only(Heartbeat, bench.run(1000))[-1].strokes >= 4


@pytest.mark.parametrize("more_us", [100_000, -4_600], ids=["0.1 s", "0.5 ms"])
def test_one_stroke_is_no_motor_when_the_clock_has_gone_round_since_the_last(bench: Bench, more_us: int) -> None:
    """After 71.6 minutes of rest and a little more the clock alone says that it was only the little. The stroke is at
    the end of a tick of 5 ms."""
    bench.motor(100)
    bench.run(1000)
    bench.motor(0)
    before = only(Heartbeat, bench.run(3000))[-1].strokes
    bench.go_round(more_us)
    bench.motor(1)
    sent = bench.run(2500)
    assert (only(SampleBlock, sent), told(sent)) == ([], [])
    assert only(Heartbeat, sent)[-1].strokes == before + 2


def test_two_edges_nearer_than_a_millisecond_are_one_stroke(bench: Bench) -> None:
    bench.motor(1500)
    bench.run(1000)
    blocks = only(SampleBlock, bench.run(2000))
    assert blocks[-1].strokes - blocks[0].strokes == pytest.approx(1500, rel=0.02), "every second one is too near"


def test_skin_contact_is_in_the_sample_it_was_seen_in(bench: Bench) -> None:
    bench.motor(100)
    bench.run(500)
    bench.contact(True)
    touched = only(SampleBlock, bench.run(500))
    bench.contact(False)
    lifted = only(SampleBlock, bench.run(500))
    bits = [block.contact_bits >> i & 1 for block in touched + lifted for i in range(block.n)]
    assert sum(a != b for a, b in pairwise(bits)) == 2
    assert bits.count(1) == pytest.approx(100, abs=1)


# --- dial and button --------------------------------------------------------------------------------------------------


def test_the_dial_is_told_in_its_steps(bench: Bench) -> None:
    bench.run(1000)
    seen = []
    for millivolts in (500, 1300, 2500, 3700, 4500):
        bench.dial(millivolts)
        sent = bench.run(1500)
        seen.append(only(Heartbeat, sent)[-1].depth_set_um)
        assert told(sent)[-1] == (DIAL, seen[-1])
    assert seen == [0, 500, 1250, 2000, 2500]


def test_noise_on_the_dial_is_no_turn(bench: Bench) -> None:
    chance = random.Random(1)
    bench.run(1000)
    sent = []
    for _ in range(200):
        bench.dial(2500 + chance.randrange(-40, 41))
        sent += bench.run(7)
    assert told(sent) == []


def test_samples_before_a_turn_carry_the_setting_they_were_taken_under(bench: Bench) -> None:
    bench.motor(100)
    bench.run(1000)
    bench.dial(3700)
    sent = bench.run(1000)
    assert not faults(sent)
    assert_unbroken(only(SampleBlock, sent))
    setting = 1250
    for reading in (item.reading for item in sent):
        if isinstance(reading, PenEvent):
            assert reading.code == DIAL
            setting = reading.value
        elif isinstance(reading, SampleBlock):
            assert reading.depth_set_um == setting
    assert setting == 2000


@pytest.mark.parametrize("millivolts", [0, 5000], ids=["wiper or supply open", "ground open"])
def test_a_broken_wire_of_the_dial_is_a_fault_and_no_setting(bench: Bench, millivolts: int) -> None:
    bench.run(1000)
    bench.dial(millivolts)
    sent = bench.run(1500)
    assert told(sent) == [(FAULT, BROKEN_DIAL)]
    assert only(Heartbeat, sent)[-1].depth_set_um is None
    bench.dial(2500)
    sent = bench.run(1500)
    assert told(sent) == [(DIAL, 1250)]
    assert only(Heartbeat, sent)[-1].depth_set_um == 1250


def test_a_press_of_the_button_is_a_pass_and_its_bounce_is_none(bench: Bench) -> None:
    bench.run(1000)
    sent = []
    for _ in range(3):
        for down in (True, False, True, False, True):
            bench.button(down)
            sent += bench.run(1.5)
        sent += bench.run(300)
        for down in (False, True, False):
            bench.button(down)
            sent += bench.run(1.5)
        sent += bench.run(300)
    assert told(sent) == [(PASS, 1), (PASS, 2), (PASS, 3)]
    assert only(Heartbeat, bench.run(1500))[-1].passes == 3


def test_a_button_that_is_held_is_one_pass(bench: Bench) -> None:
    bench.run(500)
    bench.button(True)
    assert told(bench.run(2000)) == [(PASS, 1)]


# --- what it hears ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [0, 100], ids=["motor off", "motor on"])
def test_who_asks_is_answered(bench: Bench, hz: int) -> None:
    bench.motor(hz)
    bench.run(1000)
    bench.hear(REQUEST)
    assert len(only(Identity, bench.run(500))) == 1


def test_a_host_that_asks_all_the_time_costs_no_sample(bench: Bench) -> None:
    bench.motor(100)
    bench.run(1000)
    sent = []
    for _ in range(200):
        bench.hear(REQUEST)
        sent += bench.run(10)
    assert not faults(sent)
    assert_unbroken(only(SampleBlock, sent))
    assert 10 <= len(only(Identity, sent)) <= 21


@pytest.mark.parametrize(
    "data",
    [
        REQUEST[:-3] + b"\0",
        REQUEST[:5] + b"\x07" + REQUEST[6:],
        frame(bytes([0x20, 16]) + bytes(12)),
        frame(bytes([0x10, 1]) + bytes(40)),
        bytes(range(1, 256)) * 3 + b"\0",
    ],
    ids=["cut", "changed", "another major version", "another message", "too long"],
)
def test_what_it_does_not_understand_it_ignores(bench: Bench, data: bytes) -> None:
    bench.run(1000)
    sent = []
    for at in range(0, len(data), 10):
        bench.hear(data[at : at + 10])
        sent += bench.run(1)
    assert not only(Identity, sent + bench.run(500))
    bench.hear(REQUEST)
    assert len(only(Identity, bench.run(500))) == 1
