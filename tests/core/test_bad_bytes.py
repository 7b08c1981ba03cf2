"""Bytes and numbers that no sound pen sends: what the derived record says of each. Facts and the account, not findings.

Every case says what was lost, and that nothing was counted that was not sent.
"""

from typing import Any

import pytest

from devicelog.canonical import Json
from firmware_bridge.frames import encode
from tests.builders import PERIOD_US, Bench, zone_in

TOP_32, TOP_16 = 2**32 - 1, 2**15 - 1


def bench(**of_the_pen: Any) -> Bench:
    """A session in a zone, with a pen that has begun to send: ten samples on the skin."""
    made = Bench(seq=of_the_pen.pop("seq", 0), pen_us=of_the_pen.pop("pen_us", 0))
    for name, value in of_the_pen.items():
        setattr(made, name, value)
    made.identity()
    made.zone("forehead")
    made.samples("1" * 10)
    return made


def account_of(derived: Json) -> Json:
    account: Json = derived["facts"]["completeness"]
    return account


def boots_of(derived: Json, *, late: int = 0) -> list[tuple[int, int, int, int, int, int]]:
    """Of each: boot, first, last, decoded, missing, repeated. So many samples in all were late."""
    names = ("boot", "first", "last", "decoded", "missing", "repeated")
    boots = account_of(derived)["boots"]
    assert all(boot["closes"] for boot in boots)
    assert sum(boot["late"] for boot in boots) == late
    return [tuple(boot[name] for name in names) for boot in boots]  # type: ignore[misc]


def faults_of(derived: Json) -> dict[str, tuple[int, int]]:
    """By kind: how many, and how many bytes."""
    return {fault["kind"]: (fault["n"], fault["bytes"]) for fault in account_of(derived)["faults"]}


# --- truncated frames -------------------------------------------------------------------------------------------------

FRAME = encode(Bench().block("1" * 10))


@pytest.mark.parametrize("n", range(1, len(FRAME) - 1))
def test_a_frame_cut_before_its_end_is_one_fault_and_its_samples_are_missing(n: int) -> None:
    """The next frame begins with a delimiter: it ends the cut one, and comes through whole."""
    pen = bench()
    pen.raw(encode(pen.samples("1" * 10, lost=True))[:n])
    pen.samples("1" * 10)
    derived = pen.end()
    assert boots_of(derived) == [(7, 0, 29, 20, 10, 0)]
    assert account_of(derived)["closes"]
    assert sum(n_bytes for _, n_bytes in faults_of(derived).values()) == n - 1  # its delimiter is one
    assert account_of(derived)["frames_damaged"] == (n > 1)
    assert zone_in(derived, "forehead")["contact_us"] == 20 * PERIOD_US


@pytest.mark.parametrize("n", range(1, len(FRAME)))
def test_a_frame_without_its_beginning_is_a_fault_and_its_samples_are_missing(n: int) -> None:
    pen = bench()
    pen.raw(encode(pen.samples("1" * 10, lost=True))[n:])
    pen.samples("1" * 10)
    derived = pen.end()
    whole = n == 1  # only its first delimiter: the one before it serves
    assert boots_of(derived) == [(7, 0, 29, 30 if whole else 20, 0 if whole else 10, 0)]
    assert account_of(derived)["closes"]
    assert account_of(derived)["frames_damaged"] == (not whole and n < len(FRAME) - 1)


def test_a_stream_that_ends_in_a_frame_has_a_tail_and_no_damage() -> None:
    pen = bench()
    pen.raw(encode(pen.samples("1" * 10, lost=True))[:20])
    derived = pen.end()
    assert boots_of(derived) == [(7, 0, 9, 10, 0, 0)]
    assert faults_of(derived) == {"tail": (1, 19)}
    assert account_of(derived)["frames_damaged"] == 0
    assert account_of(derived)["closes"]


# --- reordered frames -------------------------------------------------------------------------------------------------


def test_two_frames_in_the_wrong_order() -> None:
    """A serial line cannot reorder; what is between may. The late one fills the hole, and nothing is twice."""
    pen = bench()
    early, late = (pen.samples("1" * 10, lost=True) for _ in range(2))
    pen.send(late)
    pen.send(early)
    pen.samples("1" * 10)
    derived = pen.end()
    assert boots_of(derived, late=10) == [(7, 0, 39, 40, 0, 0)]
    assert account_of(derived)["closes"]
    assert zone_in(derived, "forehead")["samples"] == 40
    [gap] = derived["facts"]["gaps"]  # of a tenth of a second
    assert gap["missing"] == 0


def test_a_whole_second_of_frames_backwards() -> None:
    pen = bench()
    for block in reversed([pen.samples("1" * 10, lost=True) for _ in range(10)]):
        pen.send(block)
    derived = pen.end()
    assert boots_of(derived, late=90) == [(7, 0, 109, 110, 0, 0)]
    assert account_of(derived)["closes"]
    assert zone_in(derived, "forehead")["contact_us"] == 110 * PERIOD_US
    [gap] = derived["facts"]["gaps"]
    assert (gap["missing"], gap["cause"], gap["contact"]) == (0, "lost", "yes")


def test_more_than_two_seconds_of_frames_backwards() -> None:
    """What comes that late is no late frame: it is told as a pen that counts anew, and judged all the same."""
    pen = bench()
    blocks = [pen.samples("1" * 10, lost=True) for _ in range(21)]
    pen.send(blocks[-1])
    pen.send(blocks[0])
    derived = pen.end()
    assert boots_of(derived) == [(7, 0, 219, 20, 200, 0), (7, 10, 19, 10, 0, 0)]
    assert [boot["begun"] for boot in account_of(derived)["boots"]] == ["first", "numbers"]
    assert account_of(derived)["closes"]
    assert zone_in(derived, "forehead")["samples"] == 30


# --- counters that wrap, fall, jump -----------------------------------------------------------------------------------


def grown(first: tuple[int, int], then: list[tuple[int, int]], *, boot: int = 7) -> Json:
    """The forehead after the pen's counters (passes, strokes) went through these; `boot` from the second on."""
    pen = bench(passes=first[0], strokes=first[1])
    for passes, strokes in then:
        pen.passes, pen.strokes, pen.boot = passes, strokes, boot
        pen.samples("1" * 10)
    derived = pen.end()
    assert account_of(derived)["closes"]
    counters = derived["facts"]["counters"]
    assert (counters["passes"], counters["strokes"], counters["boot"]) == (*then[-1], boot)
    return zone_in(derived, "forehead") | {"jumped": counters["jumped"]["strokes"]}


@pytest.mark.parametrize(
    ("first", "then", "passes", "strokes"),
    [
        pytest.param((TOP_32, TOP_32 - 2), [(0, 7)], 1, 10, id="wrap"),
        pytest.param((TOP_32, TOP_32), [(TOP_32, TOP_32), (0, 0), (1, 1)], 2, 2, id="wrap-slowly"),
        pytest.param((10, 1_000), [(9, 999)], 0, 0, id="fall-by-one"),
        pytest.param((10, 1_000), [(0, 0), (1, 20)], 1, 20, id="fall-to-zero-and-count-on"),
        pytest.param((10, 1_000), [(10, 1_000 + 2**31 - 1)], 0, 0, id="jump-as-far-as-can-be-told"),
        pytest.param((10, 1_000), [(10, 1_000 + 2**31)], 0, 0, id="jump-by-half-the-range"),
        pytest.param((0, 0), [(TOP_32, TOP_32)], 0, 0, id="jump-to-the-top"),
    ],
)
def test_counters(first: tuple[int, int], then: list[tuple[int, int]], passes: int, strokes: int) -> None:
    """A total that falls began anew: nothing is claimed of the time before, and it counts on from there."""
    zone = grown(first, then)
    assert (zone["passes"]["pen"], zone["strokes"]) == (passes, strokes)
    assert zone["jumped"] == (2**31 - 1 if then == [(10, 1_000 + 2**31 - 1)] else 0)  # stated apart, in no zone


@pytest.mark.parametrize(
    ("then", "passes", "strokes"),
    [
        pytest.param([(0, 0)], 0, 0, id="from-zero"),
        pytest.param([(2, 30), (3, 40)], 1, 10, id="from-a-little"),
        pytest.param([(12, 1_030)], 2, 30, id="kept-in-the-pen"),
    ],
)
def test_counters_over_a_restart(then: list[tuple[int, int]], passes: int, strokes: int) -> None:
    zone = grown((10, 1_000), then, boot=8)
    assert (zone["passes"]["pen"], zone["strokes"]) == (passes, strokes)


# --- sequence restarts ------------------------------------------------------------------------------------------------

HALF = 5_010 + 2**31  # half the range ahead of the sample that is due


def test_sample_numbers_that_wrap_go_on() -> None:
    pen = bench(seq=TOP_32 - 14)
    pen.samples("1" * 10)
    derived = pen.end()
    assert boots_of(derived) == [(7, TOP_32 - 14, 4, 20, 0, 0)]
    assert derived["facts"]["gaps"] == []


def test_sample_numbers_that_wrap_in_a_gap_are_counted_as_missing() -> None:
    pen = bench(seq=TOP_32 - 14)
    pen.samples("1" * 10, lost=True)
    pen.samples("1" * 10)
    derived = pen.end()
    assert boots_of(derived) == [(7, TOP_32 - 14, 14, 20, 10, 0)]
    assert account_of(derived)["closes"]


@pytest.mark.parametrize(
    ("seq", "boot", "boots"),
    [
        pytest.param(0, 8, [(7, 5_000, 5_009, 10, 0, 0), (8, 0, 9, 10, 0, 0)], id="a-boot-from-zero"),
        pytest.param(5_010, 8, [(7, 5_000, 5_009, 10, 0, 0), (8, 5_010, 5_019, 10, 0, 0)], id="a-boot-that-counts-on"),
        pytest.param(0, 7, [(7, 5_000, 5_009, 10, 0, 0), (7, 0, 9, 10, 0, 0)], id="from-zero-without-a-boot"),
        pytest.param(913, 7, [(7, 5_000, 5_009, 10, 0, 0), (7, 913, 922, 10, 0, 0)], id="4097-back"),
        pytest.param(914, 7, [(7, 5_000, 5_009, 10, 0, 10)], id="4096-back-is-a-repeat"),
        pytest.param(5_009, 7, [(7, 5_000, 5_009, 10, 0, 10)], id="one-back-is-a-repeat"),
        pytest.param(HALF - 1, 7, [(7, 5_000, HALF + 8, 20, 2**31 - 1, 0)], id="farthest-gap"),
        pytest.param(
            5_010 + 2**31,
            7,
            [(7, 5_000, 5_009, 10, 0, 0), (7, 5_010 + 2**31, 5_019 + 2**31, 10, 0, 0)],
            id="farther-is-a-restart",
        ),
    ],
)
def test_sample_numbers_that_do_not_follow(seq: int, boot: int, boots: list[tuple[int, ...]]) -> None:
    pen = bench(seq=5_000)
    pen.seq, pen.boot = seq, boot
    pen.samples("1" * 10)
    derived = pen.end()
    assert boots_of(derived) == boots
    assert account_of(derived)["closes"]
    assert zone_in(derived, "forehead")["samples"] == sum(decoded for _, _, _, decoded, _, _ in boots)


def test_what_was_lost_before_a_restart_nobody_knows() -> None:
    pen = bench(seq=5_000)
    pen.wait(400_000)
    pen.boot, pen.seq = 8, 0
    pen.samples("1" * 10)
    derived = pen.end()
    [gap] = derived["facts"]["gaps"]
    assert (gap["missing"], gap["cause"], gap["zone"]) == (None, "restart", "forehead")
    assert account_of(derived)["closes"]


def test_a_boot_counter_that_wraps_is_a_restart_like_any_other() -> None:
    pen = bench(boot=0xFFFF, seq=40)
    pen.boot, pen.seq = 0, 0
    pen.samples("1" * 10)
    assert boots_of(pen.end()) == [(0xFFFF, 40, 49, 10, 0, 0), (0, 0, 9, 10, 0, 0)]


# --- depth negative, or beyond the device -----------------------------------------------------------------------------


@pytest.mark.parametrize("depth_um", [-1, -500, -TOP_16 - 1])
def test_a_negative_depth_is_kept_as_it_came_and_is_over_no_limit(depth_um: int) -> None:
    pen = bench()
    pen.samples("1" * 10, depth=(200,) * 9 + (depth_um,))
    derived = pen.end()
    zone = zone_in(derived, "forehead")
    assert zone["depth"]["n"] == 20
    assert (zone["depth"]["min_um"], zone["depth"]["max_um"]) == (depth_um, 200)
    assert zone["depth"]["mean_um"] == (2 * (19 * 200 + depth_um) + 20) // 40
    assert zone["over_device"]["for_us"] == zone["over_plan"]["for_us"] == 0
    assert account_of(derived)["closes"]


@pytest.mark.parametrize(
    ("depth_um", "over"),
    [(2_650, False), (2_651, True), (TOP_16, True)],  # 2500 and a tolerance of 150
)
def test_a_depth_beyond_the_device_is_kept_as_it_came_and_counted(depth_um: int, over: bool) -> None:
    pen = bench()
    pen.samples("1" * 10, depth=(200,) * 7 + (depth_um,) * 3)
    zone = zone_in(pen.end(), "forehead")
    assert zone["depth"]["max_um"] == depth_um
    assert zone["over_device"]["for_us"] == (3 * PERIOD_US if over else 0)
    assert zone["over_device"]["measured_um"] == (depth_um if over else None)
    assert zone["over_device"]["set_um"] is None


@pytest.mark.parametrize(("set_um", "over"), [(0, False), (2_500, False), (2_501, True), (0xFFFF, True)])
def test_a_dial_beyond_the_device_is_kept_as_it_came_and_counted(set_um: int, over: bool) -> None:
    pen = bench()
    pen.set_um = set_um
    pen.samples("1" * 10)
    zone = zone_in(pen.end(), "forehead")
    assert {"depth_set_um": set_um, "for_us": 10 * PERIOD_US} in zone["at_set_depth"]
    assert zone["over_device"]["set_um"] == (set_um if over else None)
    assert zone["over_device"]["set_for_us"] == (10 * PERIOD_US if over else 0)


def test_both_ends_of_the_column_in_one_frame() -> None:
    """The sum is taken of integers, wide enough for any of them."""
    pen = bench()
    pen.samples("1" * 2, depth=(-TOP_16 - 1, TOP_16))
    depth = zone_in(pen.end(), "forehead")["depth"]
    assert depth == {"n": 12, "min_um": -TOP_16 - 1, "mean_um": 167, "max_um": TOP_16}
