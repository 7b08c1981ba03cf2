"""What each thing that goes wrong does to what arrives, decoded by the one decoder there is: exactly that, no more."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import pytest

from firmware_bridge.decode import Decoder
from firmware_bridge.readings import (
    Fault,
    Heartbeat,
    Identity,
    LinkChange,
    PenEvent,
    Reading,
    SampleBlock,
    SerialChunk,
    Unknown,
)
from firmware_bridge.simulator import Script, scenario_names, script_for, wire_of
from firmware_bridge.simulator.language import parse_scenario
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.simulator.wire import Wire

LENGTHS = (8, 20, 60)
SEEDS = (1, 2, 3, 4, 5)
PERIOD_US = 10_000
SILENT_US = 2_500_000  # for so long nothing, and the reference profile calls a pen silent

each_length = pytest.mark.parametrize("seconds", LENGTHS)
each_seed = pytest.mark.parametrize("seed", SEEDS)


def decoded(steps: Sequence[tuple[int, bytes | None]]) -> list[tuple[int, Reading]]:
    """The readings of what came over a wire, each with when it came."""
    decoder, readings = Decoder(), []
    for t_us, data in steps:
        raw = LinkChange(t_us=t_us, up=False, cause="test") if data is None else SerialChunk(t_us=t_us, data=data)
        readings += [(t_us, reading) for reading in decoder.feed(raw)]
    return readings


@cache
def heard(scenario: str, seconds: float = 8, seed: int = 1) -> tuple[tuple[int, Reading], ...]:
    """All readings of a scenario: of that name, or of that text."""
    known = scenario in scenario_names()
    return tuple(decoded(wire_of(scenario if known else parse_scenario(scenario), seconds, seed)))


def blocks(scenario: str, seconds: float = 8, seed: int = 1) -> list[SampleBlock]:
    return [reading for _, reading in heard(scenario, seconds, seed) if isinstance(reading, SampleBlock)]


def faulty(scenario: str, seconds: float = 8, seed: int = 1) -> list[Fault]:
    return [reading for _, reading in heard(scenario, seconds, seed) if isinstance(reading, Fault)]


def numbers(scenario: str, seconds: float = 8, seed: int = 1) -> list[int]:
    return [block.seq + i for block in blocks(scenario, seconds, seed) for i in range(block.n)]


def text_script(text: str, seconds: float = 8, seed: int = 1) -> Script:
    return script_for(parse_scenario(text), seconds, seed)


Sample = tuple[int, int, int, int, bool, int, str]  # number, depth, raw count, frequency, contact, set depth, zone


def samples(scenario: str, seconds: float, seed: int) -> list[Sample]:
    """Every sample of a pen that has everything and does not restart, with the zone the operator is in."""
    script = script_for(scenario, seconds, seed)
    found = []
    for block in blocks(scenario, seconds, seed):
        columns = zip(block.depth_um or (), block.raw_count or (), block.frequency_dhz or (), strict=True)
        for i, (depth_um, raw, frequency_dhz) in enumerate(columns):
            zone = script.segment_at((block.seq + i) * PERIOD_US).zone
            contact = bool((block.contact_bits or 0) >> i & 1)
            found.append((block.seq + i, depth_um, raw, frequency_dhz, contact, block.depth_set_um or 0, zone))
    return found


# --- the limits that the clean session keeps, and that one scenario each breaks --------------------------------------

WHOLE = [
    name
    for name in scenario_names()
    if name not in ("reboot", "brownout", "wrongpen", "nocontact", "dialonly", "nocalibration", "newer")
]


def steepest_um(found: Sequence[Sample]) -> int:
    """The greatest step between neighbouring samples on the skin."""
    steps = [abs(b[1] - a[1]) for a, b in pairwise(found) if b[0] == a[0] + 1 and a[4] and b[4]]
    return max(steps)


def longest_same(found: Sequence[Sample]) -> int:
    """For how many samples depth and raw count stay the same."""
    longest = run = 1
    for a, b in pairwise(found):
        run = run + 1 if b[0] == a[0] + 1 and a[1:3] == b[1:3] else 1
        longest = max(longest, run)
    return longest


def disagreeing(found: Sequence[Sample]) -> dict[str, float]:
    """By zone, the share of the contact in which dial and sensor differ by more than the tolerance."""
    shares = {}
    for zone in dict.fromkeys(sample[6] for sample in found):
        touched = [sample for sample in found if sample[6] == zone and sample[4]]
        shares[zone] = sum(abs(sample[1] - sample[5]) > 150 for sample in touched) / max(1, len(touched))
    return shares


@each_length
@pytest.mark.parametrize("scenario", WHOLE)
def test_only_what_should_breaks_a_limit(scenario: str, seconds: int) -> None:
    for seed in SEEDS[: 60 // seconds]:
        found = samples(scenario, seconds, seed)
        assert all(900 <= sample[3] <= 1500 for sample in found)
        assert (steepest_um(found) > 500) == (scenario == "jump")
        assert (longest_same(found) >= 150) == (scenario == "stucksensor")
        over = {zone for zone, share in disagreeing(found).items() if share > 0.10}
        assert over == {"drift": {"cheek.left"}, "overdepth": {"forehead"}}.get(scenario, set())
        missing = 1 - len(found) / (seconds * 100)
        assert (missing > 0.01) == (scenario in ("unplug", "stall", "noise", "short-drops")), missing


# --- the line ---------------------------------------------------------------------------------------------------------


def test_frames_that_are_dropped_are_missing_and_nothing_else() -> None:
    clean, dropped = blocks("clean"), blocks("at 50% drop 3 frames")
    lost = [block for block in clean if block not in dropped]
    assert len(lost) == 3
    assert [b.seq for b in lost] == [lost[0].seq + 2 * i for i in range(3)]
    assert abs(lost[0].seq - 400) <= 2
    assert dropped == [block for block in clean if block not in lost]
    assert not faulty("at 50% drop 3 frames")


def test_bits_that_flip_make_one_fault() -> None:
    text = "at 50% flip 2 bits"
    assert [fault.kind for fault in faulty(text)] in (["crc"], ["cobs"], ["cobs", "cobs"], ["crc", "crc"])
    assert len(blocks("clean")) - len(blocks(text)) == 1


def test_frames_come_twice() -> None:
    clean, twice = blocks("clean"), blocks("at 50% duplicate 2 frames")
    assert len(twice) == len(clean) + 2
    assert sum(a == b for a, b in pairwise(twice)) == 2
    assert list(dict.fromkeys(twice)) == clean


def test_frames_come_in_reversed_order() -> None:
    clean, turned = blocks("clean"), blocks("at 50% reorder 3 frames")
    assert sorted(turned, key=lambda block: block.seq) == clean
    at = next(i for i, block in enumerate(clean) if turned[i] != block)
    assert turned[at : at + 3] == clean[at : at + 3][::-1]
    assert turned[:at] + turned[at + 3 :] == clean[:at] + clean[at + 3 :]


def test_two_of_the_next_frames_faults_at_once() -> None:
    """The second meets what the first leaves: of three frames that are dropped none can come twice."""
    text = "at 50% drop 3 frames\nat 50% duplicate 1 frame"
    first = next(index for index, (a, b) in enumerate(pairwise(numbers(text))) if b > a + 1)
    found = numbers(text)
    assert found[first + 1] - found[first] == 7
    assert found[first + 1 : first + 5] == [found[first + 1], found[first + 1] + 1] * 2


@each_length
@each_seed
def test_lost_frames_leave_short_gaps(seconds: int, seed: int) -> None:
    found = numbers("short-drops", seconds, seed)
    gaps = [b - a - 1 for a, b in pairwise(found) if b != a + 1]
    assert sum(gaps) > seconds * 100 * 0.012
    assert max(gaps) * PERIOD_US < 100_000
    assert not faulty("short-drops", seconds, seed)


@each_length
@each_seed
def test_a_stall_is_silence_in_which_numbers_go_on(seconds: int, seed: int) -> None:
    readings = heard("stall", seconds, seed)
    quiet_us = max(b[0] - a[0] for a, b in pairwise(readings))
    assert SILENT_US < quiet_us <= 3_100_000
    (gap,) = [b - a - 1 for a, b in pairwise(numbers("stall", seconds, seed)) if b != a + 1]
    assert abs(gap * PERIOD_US - 3_000_000) <= 40_000
    assert len({block.boot for block in blocks("stall", seconds, seed)}) == 1
    (stall,) = script_for("stall", seconds, seed).faults
    assert script_for("stall", seconds, seed).glide_at(stall.from_us) is not None


def test_a_pen_that_stalls_or_is_dark_does_not_answer() -> None:
    for text, silent in (("at 4s stall for 1s", True), ("at 4s brownout for 1s", True), ("", False)):
        wire = Wire(pen := Pen(text_script(text), 1))
        pen.start()
        answers = []
        for t_us in (3_900_000, 4_500_000, 5_500_000):
            wire.advance_to(t_us)
            answers.append(bool(wire.answer()))
        assert answers == [True, not silent, True]


# --- restarts and other pens ------------------------------------------------------------------------------------------


@each_length
@each_seed
@pytest.mark.parametrize("scenario", ["reboot", "brownout"])
def test_a_restart_begins_anew_with_its_identity(scenario: str, seconds: int, seed: int) -> None:
    script = script_for(scenario, seconds, seed)
    (dark,) = script.faults
    assert script.glide_at(dark.from_us) is not None
    readings = heard(scenario, seconds, seed)
    boots = list(dict.fromkeys(reading.boot for _, reading in readings))  # type: ignore[union-attr]
    assert len(boots) == 2
    if scenario == "reboot":
        assert boots[1] == boots[0] + 1
    at = next(index for index, (_, reading) in enumerate(readings) if reading.boot == boots[1])  # type: ignore[union-attr]
    came_us, back = readings[at]
    assert isinstance(back, Identity)
    assert (back.seq, back.t_us, back.motor_on) == (0, 0, False)
    assert dark.to_us <= came_us <= dark.to_us + 20_000
    assert readings[at - 1][0] <= dark.from_us + 20_000
    before = [block for block in blocks(scenario, seconds, seed) if block.boot == boots[0]]
    after = [block for block in blocks(scenario, seconds, seed) if block.boot == boots[1]]
    assert (after[0].seq, after[0].t_us, after[0].motor_on) == (0, 0, True)
    assert before[-1].strokes is not None
    assert after[0].strokes is not None
    if scenario == "reboot":
        assert 0 <= after[0].strokes - before[-1].strokes < 10
    else:
        assert after[0].strokes < 10
        assert after[0].passes == 0
    assert not faulty(scenario, seconds, seed)


def test_a_pass_that_ends_in_the_dark_is_counted_when_the_pen_is_back() -> None:
    end_us = script_for("clean", 8, 1).pass_us[1]
    text = f"at {end_us / 1e6 - 0.1:.6f}s brownout for 0.3s"
    passes = [block.passes for block in blocks(text)]
    assert (
        passes[-1] == len(script_for("clean", 8, 1).pass_us) - 1
    )  # one was before, and all that were counted are told
    presses = [reading for _, reading in heard(text) if isinstance(reading, PenEvent) and reading.code == 1]
    assert len(presses) == len(script_for("clean", 8, 1).pass_us)


@each_seed
def test_another_pen_is_another_in_everything(seed: int) -> None:
    steps = wire_of("wrongpen", 8, seed)
    (down,) = [index for index, (_, data) in enumerate(steps) if data is None]
    readings = decoded(steps)
    tail = next(index for index, (_, reading) in enumerate(readings) if isinstance(reading, Fault))
    first, second = (
        next(reading for _, reading in part if isinstance(reading, Identity)) for part in (readings, readings[tail:])
    )
    assert isinstance(readings[tail + 1][1], Identity)
    assert steps[down + 1][0] - steps[down][0] == 1_000_000
    assert first.serial != second.serial
    assert first.boot != second.boot
    before = [reading for _, reading in readings[:tail] if isinstance(reading, SampleBlock)][-1]
    after = [reading for _, reading in readings[tail:] if isinstance(reading, SampleBlock)]
    assert (before.passes, before.strokes) != (after[0].passes, after[0].strokes)
    assert after[0].seq == 0
    assert sum(block.n for block in after) > 200


def test_a_newer_protocol_is_told_by_its_version_and_read_no_further() -> None:
    readings = [reading for _, reading in heard("newer")]
    at = next(index for index, reading in enumerate(readings) if isinstance(reading, Unknown))
    assert len(readings) - at > 200
    assert {reading.major for reading in readings[at:] if isinstance(reading, Unknown)} == {2}
    assert not [reading for reading in readings[at:] if not isinstance(reading, Unknown)]
    assert {reading.kind for reading in readings[at:] if isinstance(reading, Unknown)} == {1, 3, 4}
    assert script_for("newer", 8, 1).glide_at(script_for("newer", 8, 1).faults[0].from_us) is not None


# --- counters and clock -----------------------------------------------------------------------------------------------


def test_counters_begin_anew_without_a_restart() -> None:
    found = blocks("counterreset")
    fell = [(a, b) for a, b in pairwise(found) if (b.strokes or 0) < (a.strokes or 0)]
    assert len(fell) == 1
    assert (fell[0][1].passes, fell[0][1].boot, fell[0][1].seq) == (0, fell[0][0].boot, fell[0][0].seq + fell[0][0].n)


def test_the_stroke_counter_leaps() -> None:
    steps = [(b.strokes or 0) - (a.strokes or 0) for a, b in pairwise(blocks("counterjump"))]
    assert [step >= 5_000 for step in steps].count(True) == 1
    assert sorted(steps)[-2] < 10


@each_length
def test_the_clock_of_the_pen_runs_fast(seconds: int) -> None:
    found = blocks("clockdrift", seconds)
    told_us = (found[-1].t_us - found[0].t_us) % 2**32
    taken_us = (found[-1].seq - found[0].seq) * PERIOD_US
    assert 14_900 <= (told_us - taken_us) * 1_000_000 // taken_us <= 15_100


def test_the_clock_runs_on_from_where_it_was() -> None:
    steps = [(b.t_us - a.t_us) % 2**32 for a, b in pairwise(blocks("at 4s clock drift -20000 ppm"))]
    assert max(steps) <= 20_001
    assert min(steps) >= 19_590 - 10_000  # a frame that was cut short for an event holds one sample


# --- dial, stop and sensor --------------------------------------------------------------------------------------------


@each_length
@each_seed
def test_a_dial_that_is_stuck_stays_where_it_is(seconds: int, seed: int) -> None:
    found = samples("stuckdial", seconds, seed)
    assert len({sample[5] for sample in found}) == 1
    assert found[0][5] <= 400
    assert max(sample[1] for sample in found) <= 550  # and the needles with it
    assert len({sample[6] for sample in found}) >= 3
    assert not [reading for _, reading in heard("stuckdial", seconds, seed) if getattr(reading, "code", 0) == 2]


def test_a_dial_comes_free_at_the_next_turn() -> None:
    clean, freed = script_for("clean", 20, 1), text_script("at 10% stuck dial for 30%", 20)
    settings = [segment.depth_set_um for segment in freed.segments]
    assert settings[1] == settings[0]
    assert settings[2:] == [segment.depth_set_um for segment in clean.segments][2:]


def test_a_dial_stays_turned_until_the_zone_is_left() -> None:
    settings = [
        (segment.zone, segment.depth_set_um) for segment in text_script("at 50% of chin dial 1.2mm", 20).segments
    ]
    assert settings[-1] == ("chin", 1_200)
    clean = script_for("clean", 20, 1).segments
    assert text_script("at 0% of nose dial 1.2mm", 20).segments[-1] == clean[-1]


@each_seed
def test_a_slip_takes_a_tenth_of_a_second(seed: int) -> None:
    found = samples("overdepth", 20, seed)
    rising = [b[1] - a[1] for a, b in pairwise(found) if b[6] == "forehead" and a[4] and b[4]]
    assert 150 <= max(rising) <= 320
    on_the_way = [sample for sample in found if sample[6] == "forehead" and sample[4] and 600 < sample[1] < 2_600]
    assert 8 <= len(on_the_way) <= 24


def test_a_sensor_that_is_stuck_comes_free() -> None:
    found = samples("stucksensor", 20, 1)
    (stuck,) = script_for("stucksensor", 20, 1).faults
    frozen = {sample[1:3] for sample in found if stuck.from_us <= sample[0] * PERIOD_US < stuck.to_us}
    assert len(frozen) == 1
    assert len({sample[1:3] for sample in found if sample[0] * PERIOD_US >= stuck.to_us}) > 50


def test_a_drift_stays_until_another_takes_it_back() -> None:
    (first, second) = script_for("drift", 20, 1).faults
    found = samples("drift", 20, 1)
    away = [s[1] - s[5] for s in found if first.to_us <= s[0] * PERIOD_US < second.from_us and s[4]]
    assert min(away) >= 159
    assert max(s[1] for s in found if s[6] == "cheek.left") <= 1_150
    back = [abs(s[1] - s[5]) for s in found if s[0] * PERIOD_US >= second.to_us and s[4]]
    assert sorted(back)[len(back) * 9 // 10] <= 150


def test_a_sensor_reads_what_a_frame_can_tell() -> None:
    text = "at 1s drift 10mm/s"
    depths = [depth_um for block in blocks(text, 20) for depth_um in block.depth_um or ()]
    assert max(depths) == 32_000
    assert min(depth for block in blocks("at 1s drift -10mm/s") for depth in block.depth_um or ()) == 0


# --- pens that lack something -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "columns", "slow"),
    [
        ("clean", {"depth_um", "raw_count", "frequency_dhz", "contact_bits"}, {"depth_set_um", "passes", "strokes"}),
        ("nocontact", {"depth_um", "raw_count", "frequency_dhz"}, {"depth_set_um", "passes", "strokes"}),
        ("nocounter", {"depth_um", "raw_count", "frequency_dhz", "contact_bits"}, {"depth_set_um"}),
        ("pen without depth", {"frequency_dhz", "contact_bits"}, {"depth_set_um", "passes", "strokes"}),
        ("pen without dial", {"depth_um", "raw_count", "frequency_dhz", "contact_bits"}, {"passes", "strokes"}),
        ("nocalibration", {"raw_count", "frequency_dhz", "contact_bits"}, {"depth_set_um", "passes", "strokes"}),
        ("dialonly", set(), {"depth_set_um"}),
    ],
)
def test_a_reduced_pen_leaves_out_what_it_lacks(scenario: str, columns: set[str], slow: set[str]) -> None:
    for block in blocks(scenario):
        present = {name for name in block._fields if getattr(block, name) is not None}
        optional = {"depth_um", "raw_count", "frequency_dhz", "contact_bits", "depth_set_um", "passes", "strokes"}
        assert present & optional == columns | slow
    readings = [reading for _, reading in heard(scenario)]
    codes = {reading.code for reading in readings if isinstance(reading, PenEvent)}
    assert (1 in codes) == ("passes" in slow)
    assert (2 in codes) == ("depth_set_um" in slow)
    calibrations = {reading.calibration_id for reading in readings if isinstance(reading, Identity)}
    assert calibrations == ({""} if scenario == "nocalibration" else {"SIM-CAL-1"})


@each_length
@pytest.mark.parametrize("scenario", ["nocontact", "dialonly"])
def test_without_contact_the_motor_rests_between_zones(scenario: str, seconds: int) -> None:
    script = script_for(scenario, seconds, 1)
    for mark in script.marks:
        if mark.kind == "zone" and mark.t_us:
            assert not [1 for on, off in script.motor if on - 300_000 < mark.t_us < off + 300_000]
    for glide in script.glides:
        assert [1 for on, off in script.motor if on < glide.from_us and glide.to_us < off]
    readings = [reading for _, reading in heard(scenario, seconds, 1)]
    zones = len(dict.fromkeys(glide.zone for glide in script.glides))
    for code in (3, 4):
        assert sum(isinstance(reading, PenEvent) and reading.code == code for reading in readings) == zones
    found = numbers(scenario, seconds, 1)
    assert found == list(range(len(found)))
    assert not [block for block in blocks(scenario, seconds, 1) if not block.motor_on]


def test_a_pen_without_receiver_never_answers() -> None:
    pen = Pen(script_for("transmitonly", 8, 1), 1)
    wire = Wire(pen)
    wire.advance_to(6_000_000)
    assert wire.answer() == b""
    assert pen.named_us == 5_000_000
    idle = [reading for _, reading in decoded(wire.advance_to(12_000_000))]
    assert [type(reading) for reading in idle].count(Identity) == 1
    assert [type(reading) for reading in idle].count(Heartbeat) == 6
