"""Frames that are sound and odd: cut, out of order, counters and numbers that wrap, fall, jump, impossible depths.

Each is recorded as it came, every account closes, and replay gives the same record. One id a case.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode
from firmware_bridge.readings import SampleBlock, SerialChunk
from tests.e2e.running import Json, PtyPen, devicelog, faults, goodbye, samples, scripted

N = 100  # frames of two samples


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[PtyPen]:
    with PtyPen(tmp_path / "pen") as pen:
        yield pen


def changed(change: Callable[[int, SampleBlock], SampleBlock], first: int = 0, n_frames: int = N) -> list[bytes]:
    """Sound frames, each changed: the function is given its place and the block."""
    frames = []
    for i, frame in enumerate(samples(first, n_frames)):
        (block,) = Decoder().feed(SerialChunk(t_us=0, data=frame))
        assert isinstance(block, SampleBlock)
        frames.append(encode(change(i, block)))
    return frames


def boots(session: Json) -> list[tuple[int, int, int, int, int]]:
    """Of each run of sample numbers: first, last, decoded, missing, repeated."""
    keys = ("first", "last", "decoded", "missing", "repeated")
    found = session["completeness"]["boots"]
    return [tuple(boot[key] for key in keys) for boot in found]  # type: ignore[misc]


def zone(session: Json) -> Json:
    """The only zone."""
    (only,) = session["zones"]
    assert only["zone"] == "forehead"
    return dict(only)


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [1, 2, 9, 20, -2], ids=lambda keep: f"first {keep}" if keep > 0 else "all but one")
def test_a_frame_that_was_cut(keep: int, data_dir: Path, pen: PtyPen) -> None:
    frames = samples(0, N)
    frames[50] = frames[50][:keep]
    told = scripted(data_dir, pen, *frames, goodbye(2 * N))
    if keep == 1:  # nothing is left of it but its delimiter
        assert faults(told) == {}
    else:
        assert sum(n for n, _ in faults(told).values()) == told["completeness"]["frames_damaged"] == 1
        assert sum(n_bytes for _, n_bytes in faults(told).values()) == len(frames[50]) - 1
    assert boots(told) == [(0, 199, 198, 2, 0)]


def test_a_frame_whose_delimiters_were_lost(data_dir: Path, pen: PtyPen) -> None:
    frames = samples(0, N)
    frames[50], frames[51] = frames[50][:-1], frames[51][1:]
    told = scripted(data_dir, pen, *frames, goodbye(2 * N))
    assert told["completeness"]["frames_damaged"] == 1
    assert boots(told) == [(0, 199, 196, 4, 0)]


def test_frames_out_of_order(data_dir: Path, pen: PtyPen) -> None:
    """No serial line does that; what is between may. What comes late fills its hole, and is in no figure twice."""
    frames = samples(0, N)
    frames[50], frames[51] = frames[51], frames[50]
    told = scripted(data_dir, pen, *frames, frames[51], goodbye(2 * N))
    assert boots(told) == [(0, 199, 200, 0, 2)]
    assert [boot["late"] for boot in told["completeness"]["boots"]] == [2]
    assert zone(told)["samples"] == 200


# --- sample numbers ---------------------------------------------------------------------------------------------------


def test_sample_numbers_that_wrap(data_dir: Path, pen: PtyPen) -> None:
    first = 2**32 - N
    frames = changed(lambda i, block: block._replace(seq=(first + 2 * i) % 2**32))
    told = scripted(data_dir, pen, *frames, goodbye((first + 2 * N) % 2**32))
    (boot,) = (boot for boot in told["completeness"]["boots"] if boot["decoded"])
    assert (boot["first"], boot["last"], boot["decoded"]) == (first, N - 1, 2 * N)


def test_sample_numbers_that_begin_anew(data_dir: Path, pen: PtyPen) -> None:
    frames = samples(10_000, N // 2) + samples(0, N // 2)
    told = scripted(data_dir, pen, *frames, goodbye(N))
    assert boots(told)[-1] == (0, N - 1, N, 0, 0)
    assert sum(boot[2] for boot in boots(told)) == 2 * N
    assert zone(told)["samples"] == 2 * N


def test_sample_numbers_that_begin_anew_soon(data_dir: Path, pen: PtyPen) -> None:
    """Fewer than 4096 behind, and the pen's clock too far behind for a repeat: a pen that lost its memory."""
    deep = changed(lambda i, block: block._replace(depth_set_um=2700), 0, N // 2)
    told = scripted(data_dir, pen, *samples(3_000, N // 2), *deep, goodbye(N))
    assert boots(told)[-1] == (0, N - 1, N, 0, 0)
    assert [boot["begun"] for boot in told["completeness"]["boots"]][-1] == "numbers"
    assert zone(told)["samples"] == 2 * N
    assert told["verdict"] == "not conforming"


def test_a_pen_that_restarts(data_dir: Path, pen: PtyPen) -> None:
    frames = [*samples(0, N // 2), *changed(lambda i, block: block._replace(boot=8, seq=2 * i), 0, N // 2)]
    told = scripted(data_dir, pen, *frames)
    assert [boot["boot"] for boot in told["completeness"]["boots"] if boot["decoded"]] == [7, 8]
    assert zone(told)["samples"] == 2 * N


def test_sample_numbers_that_jump(data_dir: Path, pen: PtyPen) -> None:
    told = scripted(data_dir, pen, *samples(0, N // 2), *samples(100_000, N // 2), goodbye(100_000 + N))
    assert boots(told) == [(0, 100_000 + N - 1, 2 * N, 100_000 - N, 0)]


# --- counters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passes", "counted"),
    [
        ((10, 11), 1),
        ((2**32 - 1, 0), 1),
        ((10, 3), 0),
        ((10, 5000), 0),
        ((0, 0), 0),
        ((7, None), 0),
        ((None, None), None),
    ],
    ids=["grows", "wraps", "falls", "jumps", "rests", "ceases", "has none"],
)
def test_the_pass_counter(
    passes: tuple[int | None, int | None], counted: int | None, data_dir: Path, pen: PtyPen
) -> None:
    frames = changed(lambda i, block: block._replace(passes=passes[i >= N // 2]))
    told = scripted(data_dir, pen, *frames, goodbye(2 * N))
    assert zone(told)["passes"]["pen"] == counted
    assert boots(told) == [(0, 199, 200, 0, 0)]


# --- depth ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth_um", [-1, -32768, 2651, 32767], ids=lambda um: f"{um} um")
def test_a_depth_that_cannot_be_is_kept_as_it_came(depth_um: int, data_dir: Path, pen: PtyPen) -> None:
    frames = changed(lambda i, block: block._replace(depth_um=(depth_um, depth_um)))
    told = scripted(data_dir, pen, *frames, goodbye(2 * N))
    rows = devicelog("sessions", "readings", told["id"], data_dir=data_dir).succeeded().stdout.splitlines()
    at = rows[0].split(",").index("depth_um")
    assert {row.split(",")[at] for row in rows[1:]} == {str(depth_um)}
    assert (zone(told)["depth"]["min_um"], zone(told)["depth"]["max_um"]) == (depth_um, depth_um)
    if depth_um > 2500:
        assert told["verdict"] == "not conforming"


@pytest.mark.parametrize("set_um", [0, 2501, 65535], ids=lambda um: f"{um} um")
def test_a_dial_that_cannot_be_is_kept_as_it_came(set_um: int, data_dir: Path, pen: PtyPen) -> None:
    frames = changed(lambda i, block: block._replace(depth_set_um=set_um, depth_um=None))
    told = scripted(data_dir, pen, *frames, goodbye(2 * N))
    assert [row["depth_set_um"] for row in zone(told)["at_set_depth"]] == [set_um]
    if set_um > 2500:
        assert told["verdict"] == "not conforming"


def test_a_pen_that_measures_nothing(data_dir: Path, pen: PtyPen) -> None:
    """Transmit only, no counter, no contact, no dial: all is unknown, nothing is zero, nothing conforms."""
    nothing = dict.fromkeys(("depth_set_um", "depth_um", "frequency_dhz", "contact_bits", "passes", "strokes"))
    told = scripted(data_dir, pen, *changed(lambda i, block: block._replace(**nothing)), goodbye(2 * N))
    assert told["verdict"] == "not assessable"
    assert zone(told)["passes"]["pen"] is None
    assert zone(told)["depth"] is None
    assert zone(told)["contact_us"] == 0
    assert zone(told)["contact_unknown_us"] == 2_000_000
