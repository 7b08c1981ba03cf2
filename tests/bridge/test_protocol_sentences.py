"""Sentences of docs/protocol.md that no rule of a host can judge, held against the pens that are written here."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from firmware_bridge.conformance.capture import Received
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode, frame, parse
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, PenEvent, Reading, SampleBlock, SerialChunk
from firmware_bridge.simulator import script_for
from firmware_bridge.simulator.pen import Pen
from tests.bridge.ruled_pen import DIAL, MOTOR_OFF, MOTOR_ON, RuledPen, run_with
from tests.pages import DOCS

Told = SampleBlock | Heartbeat | PenEvent | Identity
PAGE = " ".join((DOCS / "protocol.md").read_text("utf-8").split())


def _of(data: bytes) -> list[Told]:
    readings: list[Reading] = Decoder().feed(SerialChunk(t_us=0, data=data))
    assert all(isinstance(reading, Told) for reading in readings)
    return [reading for reading in readings if isinstance(reading, Told)]


def _simulated() -> list[Told]:
    pen = Pen(script_for("clean", 30, 3), 3)
    pen.start()
    data = bytearray(pen.advance_to(7_000_000) + pen.identity_frame())  # asked for in mid-frame, perhaps
    return _of(bytes(data + pen.advance_to(35_000_000)))


def _ruled() -> list[Told]:
    events = run_with(RuledPen()).events
    told = _of(b"".join(event.data for event in events if isinstance(event, Received)))
    return [message for message in told if message.boot == 7]


@pytest.fixture(scope="module", params=[_simulated, _ruled], ids=["simulated", "ruled"])
def told(request: pytest.FixtureRequest) -> list[Told]:
    return list(request.param())


def _events(told: list[Told], code: int) -> Iterator[int]:
    found = [place for place, message in enumerate(told) if isinstance(message, PenEvent) and message.code == code]
    assert found, "or nothing is tested"
    yield from found


def test_every_other_message_says_the_number_of_the_next_sample_on_the_line(told: list[Told]) -> None:
    assert "the number of the first sample in the next samples frame on the line" in PAGE
    following: int | None = None
    n = 0
    for message in reversed(told):
        if isinstance(message, SampleBlock):
            following = message.seq
        elif following is not None:
            assert message.seq == following
            n += 1
    assert n > 5


def test_the_motor_flag_of_its_events_and_the_last_samples_before(told: list[Told]) -> None:
    assert "The motor flag of event 3 is set, that of event 4 clear" in PAGE
    assert all(told[place].motor_on for place in _events(told, MOTOR_ON))
    for place in _events(told, MOTOR_OFF):
        assert not told[place].motor_on
        before, *_ = [message for message in reversed(told[:place]) if isinstance(message, SampleBlock)]
        assert before.motor_on
        later = [message for message in told[place:] if isinstance(message, SampleBlock) or message.motor_on]
        assert not later or isinstance(later[0], PenEvent), "no samples of before come after it"


def test_the_first_heartbeat_after_the_motor(told: list[Told]) -> None:
    assert "the first at most 1.2 s after the motor went off" in PAGE
    for place in _events(told, MOTOR_OFF):
        beats = [message for message in told[place:] if isinstance(message, Heartbeat)]
        assert not beats or beats[0].t_us - told[place].t_us <= 1_200_000


def test_the_dial_of_a_frame_holds_for_all_its_samples(told: list[Told]) -> None:
    assert "`depth_set_um` hold for every sample of the frame" in PAGE
    for place in _events(told, DIAL):
        event = told[place]
        before = [message for message in told[:place] if isinstance(message, SampleBlock)]
        after = [message for message in told[place:] if isinstance(message, SampleBlock)]
        if not before or not after:
            continue
        last, first = before[-1], after[0]
        assert last.depth_set_um != first.depth_set_um
        assert last.t_us + (last.n - 1) * last.period_us <= event.t_us <= first.t_us


def test_the_clock_goes_back_by_a_frame_at_most(told: list[Told]) -> None:
    assert "it may go back by the length of a samples frame" in PAGE
    for first, second in pairwise(told):
        back_us = (first.t_us - second.t_us) % (1 << 32)
        if back_us < 1 << 31:
            assert back_us <= (second.n * second.period_us if isinstance(second, SampleBlock) else 0)


def test_the_twelve_bytes_of_a_request_are_not_checked() -> None:
    assert "then twelve bytes 0, which a pen does not check" in PAGE
    assert encode(IdentityRequest()) == frame(b"\x10\x10" + bytes(12))
    assert isinstance(parse(frame(b"\x10\x10" + bytes(range(1, 13)))[1:-1]), IdentityRequest)
