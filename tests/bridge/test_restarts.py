"""Whether a pen started anew because its port was opened: stamps and its own clock in, the judgement out."""

import pytest

from firmware_bridge.readings import Fault, Heartbeat, LinkChange, Reading, SensorBatch, SerialChunk
from firmware_bridge.sources import CAUSES, Restarts
from firmware_bridge.sources.restarts import BY_OPENING

S = 1_000_000
RUBBISH = Fault(kind="crc", offset=0, data=b"\xff")


def beat(pen_us: int) -> Heartbeat:
    return Heartbeat(
        mode="test", motor_on=False, boot=1, seq=0, t_us=pen_us, depth_set_um=None, passes=None, strokes=None
    )


class Line:
    def __init__(self) -> None:
        self.restarts = Restarts()

    def link(self, t_us: int, *, up: bool, cause: str) -> None:
        assert self.restarts.take(LinkChange(t_us=t_us, up=up, cause=cause), []) is None

    def came(self, t_us: int, *readings: Reading) -> bool | None:
        return self.restarts.take(SerialChunk(t_us=t_us, data=b"?"), readings)


def opened(at_us: int = 100 * S) -> Line:
    line = Line()
    line.link(at_us, up=True, cause="opened")
    return line


def test_a_pen_whose_clock_began_after_the_port_was_opened() -> None:
    assert opened().came(102 * S, beat(300_000)) is True


def test_a_pen_that_had_been_running() -> None:
    assert opened().came(102 * S, beat(3 * S)) is False


@pytest.mark.parametrize(("late_us", "restarted"), [(200_000, False), (200_001, True)])
def test_a_frame_may_have_been_under_way(late_us: int, restarted: bool) -> None:
    assert opened().came(100 * S + 7 + late_us, beat(7)) is restarted


def test_it_is_judged_once_by_the_first_message() -> None:
    line = opened()
    assert line.came(101 * S) is None
    assert line.came(101 * S, RUBBISH) is None
    assert line.came(101 * S, RUBBISH, beat(5 * S), beat(1)) is False
    assert line.came(102 * S, beat(1)) is None


def test_what_pins_beside_it_tell_is_not_of_the_pen() -> None:
    line = opened()
    batch = SensorBatch(t_us=101 * S, watched_us=S, levels=0)
    assert line.restarts.take(batch, [beat(1)]) is None
    assert line.restarts.take(LinkChange(t_us=101 * S, up=True, cause="opened", port="pins"), []) is None
    assert line.came(102 * S, beat(1_900_000)) is False


def test_a_pen_that_was_quiet_for_long_is_not_judged() -> None:
    assert opened().came(160 * S, beat(1)) is None


@pytest.mark.parametrize("cause", sorted({*CAUSES} - {"opened", "reopened"}))
def test_when_power_may_have_made_it_start_it_was_not_the_opening(cause: str) -> None:
    line = opened()
    assert line.came(101 * S, beat(9 * S)) is False
    line.link(110 * S, up=False, cause=cause)
    assert line.came(111 * S, beat(1)) is None  # of nobody: the link is down
    line.link(112 * S, up=True, cause="reopened")
    assert line.came(113 * S, beat(1)) is (True if cause in BY_OPENING else None)
