"""The rules of samples, their numbers, the boot counter, the totals and the clock: P-10 to P-16.

Pure functions of a trace. A stretch with damage in it proves nothing about what is missing there, and is left out. Not
responsible for frames (framing.py), nor for tolerances of time (timing.py).
"""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from firmware_bridge.conformance.rule import Judged, absent, at, failed, passed, unchecked
from firmware_bridge.conformance.trace import JUMP_US, Frame, Trace, signed
from firmware_bridge.readings import Heartbeat, PenEvent, SampleBlock

SWITCH_ON = "no samples with the motor on: switch the motor on when you are told to, and let it run"

_BREAK_US = 250_000
_MISSING_SHARE = 0.01
_SAMPLE_SHARE = 0.75  # of a period: from here on it is another sample
_RUN_US = 1_000_000  # a motor that ran for less says nothing of breaks
_GROW_US = 2_000_000  # so long with the motor on, strokes have been counted
_FRAME_US = (10_000, 20_000)
_OFFSETS = 40  # frames looked at on either side of a jump
_BEGUN_US = 100_000  # a first frame with a t_us up to this is the first that the pen sent
_NEAR_US = 3_000_000  # and no further away than this

Samples = tuple[Frame, SampleBlock]


def samples_of(trace: Trace) -> list[Samples]:
    """The frames of samples."""
    return [(frame, frame.told) for frame in trace.frames if isinstance(frame.told, SampleBlock)]


def stretches(trace: Trace) -> list[list[Frame]]:
    """Frames in a row, of one start, that all say that the motor is on; none that waited for the port to open."""
    found: list[list[Frame]] = []
    before: Frame | None = None
    for frame in trace.frames:
        if frame.waited:
            continue
        if frame.told.motor_on:
            if before is None or not before.told.motor_on or before.life != frame.life:
                found.append([])
            found[-1].append(frame)
        before = frame
    return found


def neighbours(trace: Trace) -> Iterator[tuple[Samples, Samples]]:
    """Frames of samples that follow each other with the motor on, with nothing damaged between them."""
    for stretch in stretches(trace):
        last: Samples | None = None
        for frame in stretch:
            if not frame.clean:
                last = None
            if isinstance(frame.told, SampleBlock):
                if last is not None:
                    yield last, (frame, frame.told)
                last = (frame, frame.told)


def ahead(first: SampleBlock, second: SampleBlock) -> int:
    """How many numbers lie between the last sample of a frame and the first of the next; negative: they overlap."""
    return signed(second.seq - first.seq - first.n)


def true_period_us(trace: Trace) -> float | None:
    """From one sample to the next by the pen's clock and numbers, whatever `period_us` says."""
    steps = [
        signed(second.t_us - first.t_us) / signed(second.seq - first.seq)
        for (_, first), (_, second) in neighbours(trace)
        if signed(second.seq - first.seq) > 0
    ]
    return median(steps) if steps else None


def unbroken(trace: Trace) -> Judged:
    """P-10: samples without a break while the motor is on."""
    ran_us, longest_us = 0, 0
    where: Frame | None = None
    for stretch in stretches(trace):
        ran_us += stretch[-1].host_us - stretch[0].host_us
        for gap_us, after in _gaps(stretch):
            if gap_us > longest_us:
                longest_us, where = gap_us, after
    if ran_us < _RUN_US:
        return unchecked(SWITCH_ON)
    if where is not None and longest_us > _BREAK_US:
        return failed(
            f"no samples for {longest_us / 1000:.0f} ms with the motor on, after the ones {at(trace, where)}", where
        )
    sent = missing = 0
    gap: Frame | None = None
    for (_, first), (frame, second) in neighbours(trace):
        left_out = max(0, _plausible(first, second))
        gap = frame if left_out and gap is None else gap
        sent, missing = sent + second.n, missing + left_out
    if gap is not None and missing > _MISSING_SHARE * (sent + missing):
        words = (
            f"{missing} of {sent + missing} samples were numbered and not sent, the first before those {at(trace, gap)}"
        )
        return failed(words, gap)
    return passed(f"samples without a break for {ran_us / 1e6:.1f} s")


def _gaps(stretch: list[Frame]) -> Iterator[tuple[int, Frame]]:
    """From one frame of samples to the next where nothing was damaged; from and to the edges of the stretch too."""
    last, clean = stretch[0], True
    for frame in stretch[1:]:
        clean = clean and frame.clean
        if isinstance(frame.told, SampleBlock) or frame is stretch[-1]:
            if clean:
                by_pen_us = frame.pen_us - last.now_us
                yield min(by_pen_us, frame.host_us - last.host_us) if by_pen_us > 0 else 0, last
            last, clean = frame, True


def _plausible(first: SampleBlock, second: SampleBlock) -> int:
    """Samples that are missing by their numbers, where the clock says that there was time for them."""
    there_was = signed(second.t_us - first.t_us) >= (ahead(first, second) + first.n) * first.period_us * 0.9
    return ahead(first, second) if there_was else 0


def rests_silent(trace: Trace) -> Judged:
    """P-10: a pen may send samples while the motor is off."""
    idle = [frame for frame in trace.frames if not frame.told.motor_on]
    if not idle:
        return unchecked("the motor was never off")
    if any(isinstance(frame.told, SampleBlock) for frame in idle):
        return passed("it sends samples while the motor is off")
    return absent("it sends none while the motor is off")


def frame_length(trace: Trace) -> Judged:
    """P-11: 10 to 20 ms in a frame, or one sample."""
    told = [(frame, block) for frame, block in samples_of(trace) if block.motor_on]
    blocks = [block for _, block in told]
    if not blocks:
        return unchecked(SWITCH_ON)
    length_us, n = median(block.n * block.period_us for block in blocks), median(block.n for block in blocks)
    low_us, high_us = _FRAME_US
    words = f"a frame carries {length_us / 1000:g} ms of samples ({n:g})"
    one = n == 1 and length_us > high_us
    if one or 0.99 * low_us <= length_us <= 1.01 * high_us:
        return passed(words)
    return failed(f"{words}, first {at(trace, told[0][0])}", told[0][0])


def numbering(trace: Trace) -> Judged:
    """P-12: samples are numbered, not frames, and every other message says the next number."""
    if not samples_of(trace):
        return unchecked(SWITCH_ON)
    period_us = true_period_us(trace)
    for (_, first), (frame, second) in neighbours(trace):
        step = ahead(first, second)
        if step < 0 and second != first:
            return failed(
                f"after sample {first.seq} and {first.n} in its frame comes {second.seq} {at(trace, frame)}: "
                "each sample has a number, not each frame",
                frame,
            )
        passed_us = signed(second.t_us - first.t_us)
        if step > 0 and period_us and (step + first.n) * period_us * 0.99 - passed_us > _SAMPLE_SHARE * period_us:
            return failed(f"{step} numbers are left out {at(trace, frame)}, and no time passed for so many", frame)
    return _next_numbers(trace) or passed("samples are numbered one by one, and messages say the next number")


def _next_numbers(trace: Trace) -> Judged | None:
    """What is wrong with the number in a message that is no samples; None when nothing is."""
    last: SampleBlock | None = None
    open_: Frame | None = None  # a message that says a number which has not come yet
    before: Frame | None = None
    for frame in trace.frames:
        if before is None or frame.life != before.life or not frame.clean:
            last = open_ = None
        before = frame
        if isinstance(frame.told, SampleBlock):
            if open_ is not None and signed(open_.told.seq - frame.told.seq) > 0:
                return failed(_wrong_next(trace, open_, frame.told.seq), open_)
            last, open_ = frame.told, None
            continue
        least = open_.told.seq if open_ else (last.seq + last.n) % (1 << 32) if last else frame.told.seq
        if signed(frame.told.seq - least) < 0:
            return failed(_wrong_next(trace, frame, least), frame)
        open_ = frame
    return None


def _wrong_next(trace: Trace, frame: Frame, expected: int) -> str:
    kind = type(frame.told).__name__.removeprefix("Pen").lower()
    return f"the {kind} {at(trace, frame)} says that the next sample is {frame.told.seq}; it is {expected}"


def numbers_begin(trace: Trace) -> Judged:
    """P-12: the first sample after power-on is number 0."""
    firsts = _first_frames(trace)
    if not firsts:
        return unchecked(POWER)
    missed = ""
    for frame, last_us in firsts:
        since_us = frame.host_us - last_us
        most = since_us // frame.told.period_us if isinstance(frame.told, SampleBlock) else 0
        if frame.told.seq > most and (not frame.told.motor_on or isinstance(frame.told, SampleBlock)):
            missed = beginning_missed(trace, last_us, frame)
            if missed:
                continue
            return failed(f"after its start {at(trace, frame)} its numbers begin at {frame.told.seq}, not at 0", frame)
    return unchecked(missed) if missed else passed("its numbers begin at 0")


POWER = "the pen was not switched off and on: run it again with --power-cycle, and do so when you are told to"


def _first_frames(trace: Trace) -> list[tuple[Frame, int]]:
    """The first frame of every start that was seen, and when the last one of the start before came."""
    pairs = pairwise(trace.frames)
    return [(second, first.host_us) for first, second in pairs if second.life != first.life]


def beginning_missed(trace: Trace, last_us: int, first: Frame) -> str:
    """Why the first frame that was heard of a start need not be the first that the pen sent; empty when it must be.

    A port that vanishes with the pen's power comes up after it (USB CDC): only a small t_us shows that nothing was
    missed. `last_us`: when the last frame before the start came.
    """
    opened_us = trace.reopened(last_us, first.host_us)
    if opened_us is None or first.told.t_us <= _BEGUN_US:
        return ""
    return (
        f"the port went down with the pen and came up {at(trace, opened_us)}, and t_us was "
        f"{first.told.t_us / 1e6:.2f} s by then: what the pen said before, nobody heard. It may keep that until the "
        "port is opened, or say who it is more often in its first 5 s (P-19)"
    )


def not_invented(trace: Trace) -> Judged:
    """P-13: what was due and is not sent has a number all the same; nothing comes twice."""
    period_us = true_period_us(trace)
    if period_us is None or period_us <= 0:
        return unchecked(SWITCH_ON if not samples_of(trace) else "its numbers do not grow (P-12)")
    n = 0
    for (first_frame, first), (frame, second) in neighbours(trace):
        if second == first:
            return failed(f"the frame of sample {first.seq} comes twice, {at(trace, frame)}", frame)
        step, passed_us = signed(second.seq - first.seq), signed(second.t_us - first.t_us)
        if step < first.n:
            continue  # P-12
        if abs(passed_us - (frame.host_us - first_frame.host_us)) > JUMP_US:
            continue  # P-16, or the host was busy
        if passed_us * 0.99 - step * period_us > _SAMPLE_SHARE * period_us:
            missing = round(passed_us / period_us) - step
            words = f"{missing} samples are neither sent nor numbered before {second.seq}, {at(trace, frame)}"
            return failed(words, frame)
        n += second.n
    return passed(f"numbers and time agree over {n} samples") if n else unchecked("no two frames of samples in a row")


def boot_changes(trace: Trace) -> Judged:
    """P-14: another boot counter at every start."""
    if "clock" in trace.lives:
        frame = next(frame for frame in trace.frames if trace.lives[frame.life] == "clock")
        return failed(f"it started anew {at(trace, frame)}, and its boot counter is still {frame.told.boot}", frame)
    if len(trace.lives) < 2:
        return unchecked(POWER)
    boots = list(dict.fromkeys(frame.told.boot for frame in trace.frames))
    return passed(f"boot counter {', then '.join(map(str, boots))}")


def totals(trace: Trace) -> Judged:
    """P-15: passes and strokes are totals that only grow."""
    slow = [frame for frame in trace.frames if isinstance(frame.told, SampleBlock | Heartbeat)]
    names = [name for name in ("passes", "strokes") if any(getattr(frame.told, name) is not None for frame in slow)]
    if not slow:
        return unchecked("no heartbeat and no samples came")
    if not names:
        return absent("the pen has no counters")
    for name in names:
        for first, second in pairwise(slow):
            was, then = getattr(first.told, name), getattr(second.told, name)
            if first.life == second.life and None not in (was, then) and signed(then - was) < 0:
                return failed(f"{name} fell from {was} to {then} {at(trace, second)}: it is a total", second)
    ran = [stretch for stretch in stretches(trace) if stretch[-1].host_us - stretch[0].host_us >= _GROW_US]
    if not ran:
        return unchecked(SWITCH_ON)
    if "strokes" in names and not any(_strokes_grow(stretch) for stretch in ran):
        words = f"strokes does not grow while the motor runs, from the samples {at(trace, ran[0][0])} on"
        return failed(f"{words}: it is a total of all strokes", ran[0][0])
    return passed(f"{' and '.join(names)} never fall")


def _strokes_grow(stretch: list[Frame]) -> bool:
    blocks = [frame.told for frame in stretch if isinstance(frame.told, SampleBlock)]
    still = all(block.frequency_dhz is not None and not any(block.frequency_dhz) for block in blocks)
    return still or len({block.strokes for block in blocks}) > 1


def totals_for_life(trace: Trace) -> Judged:
    """P-15: totals go on over power-off."""
    before: dict[str, int] = {}  # as the starts before left them
    last: dict[str, int] = {}
    life, fell = 0, ""
    where: Frame | None = None
    for frame in trace.frames:
        for name in ("passes", "strokes"):
            value = getattr(frame.told, name, None)
            if frame.life != life:
                before, life = dict(last), frame.life
            if value is None:
                continue
            if value < before.get(name, 0):
                fell = fell or f"{name} fell from {before[name]} to {value} over a start, {at(trace, frame)}"
                where = where or frame
            last[name] = value
    if len(trace.lives) < 2:
        return unchecked(POWER)
    if not last:
        return absent("the pen has no counters")
    return failed(fell, where) if fell else passed("its totals went on over a start")


def free_running(trace: Trace) -> Judged:
    """P-16: nobody sets or adjusts the pen's clock."""
    lengths = [frames[-1].host_us - frames[0].host_us for frames in by_life(trace)]
    for frames in by_life(trace):
        place = next(jumps(frames), None)
        if place is not None:
            was, now = frames[place - 1], frames[place]
            by_us = (now.now_us - was.now_us) - (now.host_us - was.host_us)
            return failed(f"t_us jumps by about {by_us / 1000:.0f} ms {at(trace, now)}", now)
    if max(lengths) < _NEAR_US:
        return unchecked("the pen was not heard for long enough")
    return passed("t_us runs freely")


def by_life(trace: Trace) -> list[list[Frame]]:
    """The frames of every start; never empty ones."""
    found: list[list[Frame]] = []
    for frame in trace.frames:
        if not found or found[-1][-1].life != frame.life:
            found.append([])
        found[-1].append(frame)
    return found


def offset_us(frame: Frame) -> int:
    """Host's time less the pen's. It only ever seems too large: frames are late, never early."""
    return frame.host_us - frame.now_us


def jumps(frames: list[Frame]) -> Iterator[int]:
    """Where in the frames of one start its clock parts from the host's and stays so. A late frame is no jump."""
    told = [index for index, frame in enumerate(frames) if not (frame.waited or isinstance(frame.told, PenEvent))]
    for place in range(2, len(told) - 1):
        step = abs(offset_us(frames[told[place]]) - offset_us(frames[told[place - 1]]))
        if step <= JUMP_US:
            continue
        here_us = frames[told[place]].host_us
        before = [frames[i] for i in told[max(0, place - _OFFSETS) : place] if here_us - frames[i].host_us <= _NEAR_US]
        after = [frames[i] for i in told[place : place + _OFFSETS] if frames[i].host_us - here_us <= _NEAR_US]
        if min(len(before), len(after)) < 2:
            continue
        if abs(min(map(offset_us, after)) - min(map(offset_us, before))) > JUMP_US:
            yield told[place]
