"""The pure half of the simulated pen: scripts, physics, frames and faults, decoded by the one decoder there is."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode, parse
from firmware_bridge.readings import Fault, Heartbeat, Identity, LinkChange, PenEvent, Reading, SampleBlock, SerialChunk
from firmware_bridge.simulator import Script, bytes_of, script_for, wire_of
from firmware_bridge.simulator.faults import damaged
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.simulator.script import dice
from firmware_bridge.simulator.wire import Wire

FOUR = ("clean", "overdepth", "unplug", "noise")
LENGTHS = (6, 8, 20, 60)
SEEDS = (1, 2, 3, 17)
PLAN_UM = {
    "forehead": (300, 400),
    "cheek.left": (700, 1000),
    "cheek.right": (700, 1000),
    "nose": (400, 500),
    "chin": (500, 800),
}
PERIOD_US = 10_000

each_length = pytest.mark.parametrize("seconds", LENGTHS)
each_seed = pytest.mark.parametrize("seed", SEEDS)


def decoded(steps: Sequence[tuple[int, bytes | None]]) -> list[Reading]:
    """The readings of what came over a wire, the link changes told to the decoder as a source tells them."""
    decoder, readings = Decoder(), []
    for t_us, data in steps:
        if data is None:
            readings += decoder.feed(LinkChange(t_us=t_us, up=False, cause="test"))
        else:
            readings += decoder.feed(SerialChunk(t_us=t_us, data=data))
    return readings + decoder.finish()


def blocks(readings: Sequence[Reading]) -> list[SampleBlock]:
    return [reading for reading in readings if isinstance(reading, SampleBlock)]


def samples(readings: Sequence[Reading]) -> dict[int, tuple[int, int, int, bool, int | None, int | None]]:
    """Every sample by its number: pen time, depth, frequency, contact, set depth, passes."""
    found = {}
    for block in blocks(readings):
        assert block.depth_um is not None
        assert block.frequency_dhz is not None
        assert block.contact_bits is not None
        for i in range(block.n):
            found[block.seq + i] = (
                (block.t_us + i * block.period_us) % 2**32,
                block.depth_um[i],
                block.frequency_dhz[i],
                bool(block.contact_bits >> i & 1),
                block.depth_set_um,
                block.passes,
            )
    return found


def contact_us(script: Script, from_us: int, to_us: int) -> int:
    return sum(max(0, min(g.to_us, to_us) - max(g.from_us, from_us)) for g in script.glides)


# --- scripts ----------------------------------------------------------------------------------------------------------


@each_seed
@pytest.mark.parametrize("seconds", [*LENGTHS, 600, 3600])
@pytest.mark.parametrize("scenario", FOUR)
def test_script_is_in_order_and_fills_its_time(scenario: str, seconds: int, seed: int) -> None:
    script = script_for(scenario, seconds, seed)
    assert script.duration_us == seconds * 1_000_000
    assert script.segments[0].from_us == 0
    assert script.segments[-1].to_us == script.duration_us
    assert all(a.to_us == b.from_us for a, b in pairwise(script.segments))
    assert all(a.to_us < b.from_us for a, b in pairwise(script.glides))
    assert all(glide.from_us < glide.to_us for glide in script.glides)
    assert all(a.t_us < b.t_us for a, b in pairwise(script.marks))
    assert script.glides[0].from_us >= max(300_000, script.duration_us * 4 // 100)
    assert script.glides[-1].to_us <= script.duration_us - 300_000
    for glide in script.glides:
        assert script.segment_at(glide.from_us).zone == script.segment_at(glide.to_us - 1).zone == glide.zone


@each_seed
@pytest.mark.parametrize("seconds", [*LENGTHS, 600, 3600])
def test_clean_settings_are_inside_the_plan(seconds: int, seed: int) -> None:
    script = script_for("clean", seconds, seed)
    zones = [segment.zone for segment in script.segments]
    assert zones == list(PLAN_UM)[: 3 if seconds < 15 else 5]
    for segment in script.segments:
        low_um, high_um = PLAN_UM[segment.zone]
        assert low_um <= segment.depth_set_um <= high_um
    assert not script.faults


@each_seed
@pytest.mark.parametrize("seconds", [*LENGTHS, 600, 3600])
@pytest.mark.parametrize("scenario", FOUR)
def test_marks_lie_in_lifts_with_time_to_spare(scenario: str, seconds: int, seed: int) -> None:
    script = script_for(scenario, seconds, seed)
    for mark in script.marks:
        assert contact_us(script, mark.t_us - 150_000, mark.t_us + 150_000) == 0
    zone_marks = [mark for mark in script.marks if mark.kind == "zone"]
    assert [mark.zone for mark in zone_marks] == list(dict.fromkeys(segment.zone for segment in script.segments))
    for mark in zone_marks:
        assert script.segment_at(mark.t_us).zone == mark.zone


@each_seed
@each_length
def test_every_pass_of_the_pen_is_marked_in_the_lift_after_it(seconds: int, seed: int) -> None:
    script = script_for("clean", seconds, seed)
    marks = [mark for mark in script.marks if mark.kind == "pass"]
    for pass_us, mark in zip(script.pass_us, marks, strict=True):
        assert script.glide_at(pass_us - 1) is not None
        assert pass_us < mark.t_us
        assert contact_us(script, pass_us, mark.t_us) == 0
        assert script.segment_at(mark.t_us).zone == mark.zone == script.segment_at(pass_us).zone
    per_zone = [sum(mark.zone == zone for mark in marks) for zone in {mark.zone for mark in marks}]
    assert min(per_zone) >= 1
    assert max(per_zone) <= 4


@each_seed
def test_glides_have_their_lengths_where_there_is_room(seed: int) -> None:
    script = script_for("clean", 600, seed)
    lengths_us = [glide.to_us - glide.from_us for glide in script.glides]
    lifts_us = [b.from_us - a.to_us for a, b in pairwise(script.glides) if a.zone == b.zone]
    assert min(lengths_us) >= 2_000_000
    assert max(lengths_us) <= 5_000_000
    assert min(lifts_us) >= 400_000
    assert max(lifts_us) <= 1_500_000


def test_scenarios_share_the_clean_session() -> None:
    clean = script_for("clean", 20, 5)
    for name in FOUR:
        script = script_for(name, 20, 5)
        assert script.scenario == name
        assert (script.glides, script.marks, script.pass_us) == (clean.glides, clean.marks, clean.pass_us)


@pytest.mark.parametrize(
    ("scenario", "seconds", "says"),
    [
        ("storm", 8, "no scenario 'storm'"),
        ("clean", 5.9, "6 to"),
        ("clean", float("nan"), "6 to"),
        ("clean", 1e9, "6 to"),
    ],
)
def test_impossible_scripts_are_refused(scenario: str, seconds: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        script_for(scenario, seconds, 1)


# --- what arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", FOUR)
def test_same_seed_same_bytes(scenario: str) -> None:
    assert wire_of(scenario, 8, 1) == wire_of(scenario, 8, 1)
    assert bytes_of(scenario, 8, 1) != bytes_of(scenario, 8, 2)


def test_the_size_of_the_steps_does_not_matter() -> None:
    whole, fine = (Pen(script_for("noise", 8, 1), 1) for _ in range(2))
    whole.start()
    fine.start()
    assert whole.advance_to(9_000_000) == b"".join(fine.advance_to(t_us) for t_us in range(0, 9_000_001, 5_000))


@each_seed
@each_length
def test_clean_arrives_whole(seconds: int, seed: int) -> None:
    readings = decoded(wire_of("clean", seconds, seed))
    assert not [reading for reading in readings if isinstance(reading, Fault)]
    assert isinstance(readings[0], Identity)
    found = samples(readings)
    assert list(found) == list(range(seconds * 100))
    t0_us = found[0][0]
    assert [sample[0] for sample in found.values()] == [(t0_us + i * PERIOD_US) % 2**32 for i in range(len(found))]
    numbers = [reading.seq for reading in readings if not isinstance(reading, Fault)]  # type: ignore[union-attr]
    assert numbers == sorted(numbers)
    assert all(block.mode == "demo" and block.motor_on for block in blocks(readings))
    identities = [reading for reading in readings if isinstance(reading, Identity)]
    assert len(identities) == seconds // 5 + 1
    assert not [reading for reading in readings if isinstance(reading, Heartbeat)]


@each_seed
@each_length
def test_clean_samples_follow_the_script(seconds: int, seed: int) -> None:
    script = script_for("clean", seconds, seed)
    for number, (_, depth_um, frequency_dhz, contact, set_um, _) in samples(
        decoded(wire_of("clean", seconds, seed))
    ).items():
        t_us = number * PERIOD_US
        assert contact == (script.glide_at(t_us) is not None)
        assert set_um == script.segment_at(t_us).depth_set_um
        assert depth_um <= set_um + 150
        assert depth_um % 10 == 0
        assert depth_um >= set_um * 80 // 100 - 150
        assert 1110 <= frequency_dhz <= 1190


@each_length
def test_counters_are_those_of_a_life_and_never_fall(seconds: int) -> None:
    found = blocks(decoded(wire_of("clean", seconds, 1)))
    strokes = [block.strokes or 0 for block in found]
    passes = [block.passes or 0 for block in found]
    assert strokes[0] > 1000
    assert strokes == sorted(strokes)
    assert 110 * seconds < strokes[-1] - strokes[0] < 119 * seconds
    assert passes[0] > 0
    assert passes == sorted(passes)
    assert passes[-1] - passes[0] == len(script_for("clean", seconds, 1).pass_us)


def test_events_tell_motor_dial_and_button() -> None:
    script = script_for("overdepth", 8, 1)
    readings = decoded(wire_of("overdepth", 8, 1))
    events = [(reading.code, reading.value) for reading in readings if isinstance(reading, PenEvent)]
    assert events[0] == (3, 0)
    assert events[-1] == (4, 0)
    turns = [b.depth_set_um for a, b in pairwise(script.segments) if a.depth_set_um != b.depth_set_um]
    assert [value for code, value in events if code == 2] == turns
    first = blocks(readings)[0].passes or 0
    assert [value for code, value in events if code == 1] == [first + 1 + i for i in range(len(script.pass_us))]


def test_the_load_slows_the_motor_and_the_raw_count_follows_the_depth() -> None:
    readings = decoded(wire_of("clean", 20, 1))
    found = samples(readings).values()
    mean = [sum(s[2] for s in found if s[3] is c) / sum(s[3] is c for s in found) for c in (True, False)]
    assert 15 < mean[1] - mean[0] < 28
    for block in blocks(readings):
        for depth_um, raw in zip(block.depth_um or (), block.raw_count or (), strict=True):
            assert abs(raw - (180 + depth_um * 5 / 4)) < 20


# --- what goes wrong --------------------------------------------------------------------------------------------------


@each_seed
@each_length
def test_overdepth_is_where_it_should_be(seconds: int, seed: int) -> None:
    script = script_for("overdepth", seconds, seed)
    by_zone: dict[str, list[tuple[int, int | None, bool]]] = {}
    for number, (_, depth_um, _, contact, set_um, _) in samples(decoded(wire_of("overdepth", seconds, seed))).items():
        by_zone.setdefault(script.segment_at(number * PERIOD_US).zone, []).append((depth_um, set_um, contact))
    dialled = [contact for _, set_um, contact in by_zone["cheek.left"] if set_um == 1600]
    assert sum(dialled) * PERIOD_US >= 200_000
    assert max(depth_um for depth_um, _, _ in by_zone["cheek.left"]) <= 1750
    slipped = [contact for depth_um, _, contact in by_zone["forehead"] if depth_um > 2650]
    assert all(slipped)
    assert len(slipped) * PERIOD_US >= max(300_000, script.duration_us * 4 // 100) - 2 * PERIOD_US
    assert max(set_um or 0 for _, set_um, _ in by_zone["forehead"]) <= 400
    assert max(depth_um for depth_um, _, _ in by_zone["cheek.right"]) <= 1150


@each_seed
@each_length
def test_noise_costs_frames_and_never_makes_a_reading(seconds: int, seed: int) -> None:
    script = script_for("noise", seconds, seed)
    readings = decoded(wire_of("noise", seconds, seed))
    clean, noisy = samples(decoded(wire_of("clean", seconds, seed))), samples(readings)
    assert noisy.items() <= clean.items()
    missing = clean.keys() - noisy.keys()
    (noise,) = script.faults
    exposed = {n for n in clean if clean[n][3] and noise.from_us <= n * PERIOD_US < noise.to_us}
    assert 2 <= 100 * len(missing) / len(exposed) <= 12
    assert all(noise.from_us - PERIOD_US <= number * PERIOD_US < noise.to_us for number in missing)
    assert max(b - a for a, b in pairwise(sorted(noisy))) * PERIOD_US <= 100_000
    assert sum(isinstance(reading, Fault) for reading in readings) >= len(missing) // 2


def test_a_damaged_frame_is_never_read() -> None:
    pen, rng = Pen(script_for("clean", 6, 1), 1), dice(1, "test")
    pen.start()
    for _, frame in pen.frames_to(4_000_000):
        for _ in range(10):
            runs = damaged(frame, rng).split(b"\0")
            assert not [run for run in runs if run and not isinstance(parse(run), str)]


@each_seed
@each_length
def test_unplug_loses_a_range_in_contact_and_the_pen_goes_on(seconds: int, seed: int) -> None:
    script = script_for("unplug", seconds, seed)
    (outage,) = script.faults
    assert outage.to_us - outage.from_us >= max(800_000, script.duration_us // 10)
    glide = script.glide_at(outage.from_us)
    assert glide is not None
    assert glide.from_us + 100_000 <= outage.from_us <= glide.to_us - 100_000
    steps = wire_of("unplug", seconds, seed)
    (down,) = [index for index, (_, data) in enumerate(steps) if data is None]
    assert steps[down][0] == outage.from_us
    assert steps[down + 1][0] == outage.to_us
    assert steps[down - 1][1] not in (None, b"")

    readings = decoded(steps)
    assert [reading.kind for reading in readings if isinstance(reading, Fault)] == ["tail"]
    tail = next(index for index, reading in enumerate(readings) if isinstance(reading, Fault))
    assert isinstance(readings[tail + 1], Identity)
    found = samples(readings)
    clean = samples(decoded(wire_of("clean", seconds, seed)))
    assert found.items() <= clean.items()
    missing = sorted(clean.keys() - found.keys())
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert found[missing[0] - 1][3]
    assert abs(missing[0] * PERIOD_US - outage.from_us) <= 2 * PERIOD_US
    assert abs(missing[-1] * PERIOD_US - outage.to_us) <= 2 * PERIOD_US


# --- the pen apart from its script ------------------------------------------------------------------------------------


def test_an_idle_pen_says_who_it_is_and_beats() -> None:
    pen = Pen(script_for("clean", 8, 1), 1, serial="SIM-TEST")
    readings = decoded([(0, pen.advance_to(10_000_000))])
    assert isinstance(readings[0], Identity)
    assert readings[0].serial == "SIM-TEST"
    assert sum(isinstance(reading, Identity) for reading in readings) == 3
    assert sum(isinstance(reading, Heartbeat) for reading in readings) == 10
    assert not blocks(readings)


def test_a_second_script_goes_on_where_the_first_ended() -> None:
    pen = Pen(script_for("clean", 6, 1), 1)
    data = pen.advance_to(1_500_000)
    pen.start()
    with pytest.raises(ValueError, match="still playing"):
        pen.start()
    data += pen.advance_to(10_000_000)
    pen.start(script_for("clean", 6, 2))
    data += pen.advance_to(17_000_000)
    readings = decoded([(0, data)])
    assert list(samples(readings)) == list(range(1200))
    assert {reading.boot for reading in readings if not isinstance(reading, Fault)} == {readings[0].boot}  # type: ignore[union-attr]
    passes = [block.passes or 0 for block in blocks(readings)]
    assert passes == sorted(passes)
    beats = [reading for reading in readings if isinstance(reading, Heartbeat)]
    assert [beat.seq for beat in beats] == [0, 600, 600, 1200]


def test_the_clock_wraps() -> None:
    pen = Pen(script_for("clean", 6, 1), 1, clock_start_us=2**32 - 1_000_000)
    pen.start()
    times = [block.t_us for block in blocks(decoded([(0, pen.advance_to(4_000_000))]))]
    assert times[0] == 2**32 - 1_000_000
    assert times[-1] < 3_000_000
    assert sum(b < a for a, b in pairwise(times)) == 1


def test_rate_and_frame_size_can_be_chosen() -> None:
    pen = Pen(script_for("clean", 6, 1), 1, sample_hz=200, samples_per_frame=4, mode="test")
    pen.start()
    found = blocks(decoded([(0, pen.advance_to(6_100_000))]))
    assert sum(block.n for block in found) == 1200
    assert {block.period_us for block in found} == {5_000}
    assert max(block.n for block in found) == 4
    assert {block.mode for block in found} == {"test"}


def test_the_answer_to_a_request_never_runs_ahead_of_the_samples() -> None:
    pen = Pen(script_for("clean", 6, 1), 1)
    pen.start()
    sent = blocks(decoded([(0, pen.advance_to(20_000))]))
    answer = decoded([(0, pen.identity_frame())])[0]
    assert isinstance(answer, Identity)
    assert answer.seq == sent[-1].seq + sent[-1].n
    assert encode(answer) == pen.identity_frame()


def test_a_wire_carries_the_idle_pen_too() -> None:
    pen = Pen(script_for("unplug", 8, 1), 1)
    wire = Wire(pen)
    steps = wire.advance_to(2_000_000)
    pen.start()
    steps += wire.advance_to(12_000_000)
    (down,) = [t_us for t_us, data in steps if data is None]
    assert down == 2_000_000 + pen.script.faults[0].from_us
    assert sum(isinstance(reading, Heartbeat) for reading in decoded(steps)) == 4
