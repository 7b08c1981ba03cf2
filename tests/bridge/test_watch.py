"""Whether a pen speaks behind an open port: stamps and readings in, the cause to give it up for out."""

import pytest

from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode, frame
from firmware_bridge.readings import Heartbeat, IdentityRequest, LinkChange, Overflow, SensorBatch, SerialChunk
from firmware_bridge.sources import CAUSES, Watch
from firmware_bridge.sources.watch import LEAST_US, MOST_US, RUBBISH_BYTES, RUBBISH_LEAST_BYTES, SILENCES

S = 1_000_000
LIMIT_US = 2_500_000
PATIENCE_US = SILENCES * LIMIT_US
BEAT = encode(
    Heartbeat(mode="test", motor_on=False, boot=1, seq=0, t_us=0, depth_set_um=None, passes=None, strokes=None)
)
OF_A_NEWER_PROTOCOL = frame(bytes([0x20, 4]) + bytes(20))
OUR_QUESTION = encode(IdentityRequest())
DAMAGED = BEAT[:5] + bytes([BEAT[5] ^ 1 or 2]) + BEAT[6:]


class Line:
    """A watch, and the decoder that whoever feeds it has."""

    def __init__(self, **options: object) -> None:
        self.watch = Watch(LIMIT_US, **options)  # type: ignore[arg-type]
        self._decoder = Decoder()

    def link(self, t_us: int, *, up: bool) -> str | None:
        change = LinkChange(t_us=t_us, up=up, cause="opened" if up else "unplugged")
        return self.watch.take(change, self._decoder.feed(change))

    def came(self, t_us: int, data: bytes) -> str | None:
        chunk = SerialChunk(t_us=t_us, data=data)
        return self.watch.take(chunk, self._decoder.feed(chunk))

    def dropped(self, t_us: int) -> str | None:
        loss = Overflow(t_us=t_us, dropped_bytes=9, dropped_chunks=1, since_us=t_us)
        return self.watch.take(loss, self._decoder.feed(loss))


def test_before_the_link_is_up_nothing_is_expected() -> None:
    line = Line()
    assert line.watch.judge(1_000 * S) is None
    assert line.came(2_000 * S, b"of an opening that nobody told of") is None
    assert line.watch.judge(3_000 * S) is None


def test_an_open_port_that_says_nothing_is_given_up_once() -> None:
    line = Line()
    assert line.link(7, up=True) is None
    assert line.watch.judge(7 + PATIENCE_US) is None
    assert line.watch.judge(8 + PATIENCE_US) == "silent"
    assert line.watch.judge(9 * PATIENCE_US) is None
    assert line.came(9 * PATIENCE_US, BEAT) is None  # what was on its way
    assert line.watch.judge(99 * PATIENCE_US) is None


@pytest.mark.parametrize("said", [BEAT, OF_A_NEWER_PROTOCOL], ids=["heartbeat", "of a newer protocol"])
def test_a_pen_that_says_something_each_second_is_believed(said: bytes) -> None:
    line = Line()
    line.link(0, up=True)
    for second in range(1, 200):
        assert line.came(second * S, said) is None
        assert line.watch.judge(second * S + 999_999) is None
    assert line.watch.judge(199 * S + PATIENCE_US + 1) == "silent"


@pytest.mark.parametrize("said", [b"\0\xff\xfe", DAMAGED, OUR_QUESTION], ids=["noise", "damaged", "our own question"])
def test_what_is_no_pen_s_frame_is_not_believed(said: bytes) -> None:
    line = Line()
    line.link(0, up=True)
    assert not any(line.came(second * S, said) for second in range(1, PATIENCE_US // S + 1))
    assert line.came(PATIENCE_US + 1, said) == "no frames"


def test_half_a_frame_is_no_frame_until_its_other_half_came() -> None:
    line = Line()
    line.link(0, up=True)
    assert line.came(PATIENCE_US - 1, BEAT[:7]) is None
    assert line.came(PATIENCE_US + 5, BEAT[7:]) is None  # late, but a frame: judged after what it completes
    assert line.watch.judge(2 * PATIENCE_US + 5) is None


def test_a_flood_of_rubbish_is_given_up_long_before() -> None:
    line = Line()
    line.link(0, up=True)
    cause, t_us, n_bytes = None, 0, 0
    while cause is None:
        t_us, n_bytes = t_us + 4_096, n_bytes + 4_096  # 1 MB/s
        cause = line.came(t_us, b"\xff" * 4_096)
    assert cause == "no frames"
    assert n_bytes == RUBBISH_BYTES + 4_096
    assert t_us < S


def test_a_saturated_line_of_921600_baud_may_be_rubbish_for_as_long_as_a_boot_loader_takes() -> None:
    assert 92_160 * LEAST_US // S < RUBBISH_BYTES


def flooded(line: Line, t_us: int) -> tuple[int, int]:
    """Open at this time, be sent 1 MB/s of rubbish until it is given up: when that is, and how many bytes it took."""
    line.link(t_us, up=True)
    n_bytes = 0
    while True:
        t_us, n_bytes = t_us + 4_096, n_bytes + 4_096
        if (cause := line.came(t_us, b"\xff" * 4_096)) is not None:
            assert cause == "no frames"
            line.link(t_us, up=False)
            return t_us, n_bytes


def test_a_port_that_floods_for_hours_costs_no_more_than_a_pen() -> None:
    line, t_us, took = Line(), 0, []
    while t_us < 3600 * S:
        t_us, n_bytes = flooded(line, t_us)
        took.append(n_bytes)
        t_us += 5 * S  # the supervisor's longest pause
    assert took[:6] == [RUBBISH_BYTES // 2**i + 4_096 for i in range(6)]
    assert set(took[6:]) == {RUBBISH_LEAST_BYTES + 4_096}
    assert sum(took) < 16_000_000  # a pen's hour at 100 Hz is 12 MB
    assert RUBBISH_LEAST_BYTES == 16 * 1_024


def test_a_frame_and_the_next_flood_is_looked_at_as_long_as_the_first() -> None:
    line = Line()
    t_us, _ = flooded(line, 0)
    line.link(t_us, up=True)
    line.came(t_us, BEAT)
    line.link(t_us, up=False)
    assert flooded(line, t_us)[1] == RUBBISH_BYTES + 4_096


def test_rubbish_that_is_given_up_for_its_time_keeps_its_bytes() -> None:
    line = Line()
    for _ in range(9):
        line.link(0, up=True)
        assert line.came(line.watch.patience_us + 1, b"\xff") == "no frames"
        line.link(0, up=False)
    assert flooded(line, 0)[1] == RUBBISH_BYTES + 4_096


def test_rubbish_is_counted_from_the_newest_frame() -> None:
    line = Line()
    line.link(0, up=True)
    for second in range(1, 40):
        assert line.came(second * S, b"\xff" * 50_000 + b"\0") is None
        assert line.came(second * S, BEAT) is None


def test_what_was_dropped_may_have_been_frames() -> None:
    line = Line()
    line.link(0, up=True)
    assert line.dropped(PATIENCE_US - 1) is None
    assert line.came(PATIENCE_US + 1, b"x") is None
    assert line.watch.judge(2 * PATIENCE_US) == "no frames"


def test_what_was_dropped_while_the_link_is_down_brings_it_not_up() -> None:
    line = Line()
    line.link(0, up=True)
    line.link(1, up=False)
    line.dropped(2)
    assert line.watch.judge(99 * PATIENCE_US) is None


def test_a_link_that_is_down_is_not_given_up() -> None:
    line = Line()
    line.link(0, up=True)
    line.link(S, up=False)
    assert line.watch.judge(99 * PATIENCE_US) is None
    line.link(100 * PATIENCE_US, up=True)
    assert line.watch.opening == 2
    assert line.watch.judge(101 * PATIENCE_US + 1) == "silent"


# --- other kinds of pens ----------------------------------------------------------------------------------------------


def test_a_pen_that_says_nothing_at_rest_is_not_given_up_for_silence() -> None:
    line = Line(speaks_at_rest=False)
    line.link(0, up=True)
    assert line.watch.judge(3600 * S) is None
    assert line.came(3601 * S, b"\xff") == "no frames"


def test_pins_beside_it_neither_open_nor_close_the_line() -> None:
    line = Line()
    line.link(0, up=True)
    for up in (False, True):
        change = LinkChange(t_us=1, up=up, cause="opened" if up else "io error", port="pins")
        assert line.watch.take(change, []) is None
    assert line.watch.opening == 1
    assert line.watch.judge(PATIENCE_US + 1) == "silent"


def test_while_pins_tell_of_themselves_the_silence_of_the_line_is_noticed() -> None:
    line = Line()
    line.link(0, up=True)
    causes = [
        line.watch.take(SensorBatch(t_us=second * S, watched_us=S, levels=0), [])
        for second in range(1, PATIENCE_US // S + 2)
    ]
    assert causes == [*[None] * (PATIENCE_US // S), "silent"]


# --- a board that resets when the port opens --------------------------------------------------------------------------


def openings(line: Line, boot_us: int) -> int:
    """How many times the port is opened until a board that boots for so long at every opening has said something."""
    now_us = 0
    for opening in range(1, 50):
        line.link(now_us, up=True)
        gives_up_us = now_us + line.watch.patience_us + 1
        if now_us + boot_us < gives_up_us:
            assert line.came(now_us + boot_us, BEAT) is None
            return opening
        assert line.watch.judge(gives_up_us) == "silent"
        line.link(gives_up_us, up=False)
        now_us = gives_up_us + 250_000
    raise AssertionError("reset for ever")


@pytest.mark.parametrize(("boot_s", "n"), [(2, 1), (3, 1), (10, 1), (11, 2), (25, 3), (59, 4)])
def test_a_board_that_resets_when_the_port_opens_is_waited_for(boot_s: int, n: int) -> None:
    assert openings(Line(), boot_s * S) == n


def test_with_the_shortest_limit_a_profile_may_name_too() -> None:
    line = Line()
    line.watch = Watch(100_000)
    assert line.watch.patience_us == 5 * S
    assert openings(line, 3 * S) == 1


def test_patience_grows_to_a_bound_and_begins_anew_with_a_frame() -> None:
    line = Line()
    now_us, patience_s = 0, []
    for _ in range(6):
        patience_s.append(line.watch.patience_us / S)
        line.link(now_us, up=True)
        now_us += line.watch.patience_us + 1
        assert line.watch.judge(now_us) == "silent"
    assert patience_s == [10, 20, 40, 60, 60, 60]
    line.link(now_us, up=True)
    line.came(now_us + 59 * S, BEAT)
    assert line.watch.patience_us == PATIENCE_US


def test_the_bound_is_of_real_time_too() -> None:
    line, patience_s = Line(speed=2.0), []
    for _ in range(5):
        patience_s.append(line.watch.patience_us // S)
        line.link(0, up=True)
        assert line.watch.judge(line.watch.patience_us + 1) == "silent"
    assert patience_s == [20, 40, 80, 120, 120]


def test_a_profile_with_a_long_limit_is_not_hurried() -> None:
    assert Watch(60 * S).patience_us == 240 * S > MOST_US


def test_faster_clocks_do_not_hurry_a_busy_computer() -> None:
    assert Line(speed=20.0).watch.patience_us == 20 * PATIENCE_US
    assert Line(speed=0.5).watch.patience_us == PATIENCE_US


def test_its_words_are_causes() -> None:
    assert {"silent", "no frames"} <= CAUSES.keys()
