"""The rules of what a pen says without samples, and of what it does with what it is told: P-17 to P-20.

Pure functions of a trace. What a pen has to say in time is looked for where the host leaves it in peace: what it does
after an XOFF, rubbish, a change of DTR, or a start is judged by the rule about that. Not responsible for the figures
of timing alone (timing.py).
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from firmware_bridge.conformance.numbers import POWER, SWITCH_ON, beginning_missed, by_life, stretches
from firmware_bridge.conformance.rule import Judged, absent, at, failed, passed, unchecked
from firmware_bridge.conformance.trace import Frame, Trace
from firmware_bridge.frames import EVENTS
from firmware_bridge.readings import Heartbeat, Identity, PenEvent, SampleBlock

HEARTBEAT_US = (800_000, 1_200_000)
UNASKED_US = (4_000_000, 6_000_000)
ANSWER_US = 500_000
AFTER_POWER_US = 1_000_000
OFTEN_US = 5_000_000

_PEACE = ("listen", "ask", "motor", "off", "watch")
_LATE_US = 60_000  # how late this computer may be with its stamp
_NEAR_US = 1_000_000  # an event belongs to what changed this near to it
_SHORT_US = 1_300_000  # an idle stretch that is shorter shows nothing
_SAME, _SAME_TO_POWER_OFF = ("model", "serial"), ("firmware", "calibration_id")


def heartbeats(trace: Trace) -> Judged:
    """P-17: a heartbeat every second while the motor is off."""
    low_us, high_us = HEARTBEAT_US
    n, idle_us = 0, 0
    for stretch, end_us in _idle(trace):
        idle_us += end_us - stretch[0].host_us
        beats = [frame for frame in stretch[1:] if isinstance(frame.told, Heartbeat)]
        # the edges are not beats of their own: from them to a beat it may be less than a second, and never more
        for first, second in pairwise([stretch[0], *beats]):
            took_us = _apart(first, second)
            if took_us is None or not trace.clean(first.host_us, second.host_us):
                continue
            if took_us > high_us:
                words = f"{took_us / 1e6:.2f} s without a heartbeat, the motor off, after what came {at(trace, first)}"
                return failed(words, first)
            if isinstance(first.told, Heartbeat) and took_us < low_us:
                return failed(f"a heartbeat after only {took_us / 1e6:.2f} s {at(trace, second)}", second)
            n += 1
        last = beats[-1] if beats else stretch[0]
        if end_us - last.host_us > high_us + _LATE_US and trace.clean(last.host_us, stretch[-1].host_us):
            silent_us = end_us - last.host_us
            words = f"{silent_us / 1e6:.2f} s without a heartbeat, the motor off, after what came {at(trace, last)}"
            return failed(words, last)
    if n:
        return passed(f"{n} heartbeats in {idle_us / 1e6:.1f} s, 0.8 to 1.2 s apart")
    return unchecked("the motor was never off for long enough: switch it off when you are told to, and let it rest")


def _idle(trace: Trace) -> Iterator[tuple[list[Frame], int]]:
    """Frames in a row with the motor off, of one start, in peace; and when it ended."""
    frames: list[Frame] = []
    for name, from_us, to_us in trace.phases:
        if name not in _PEACE:
            yield from _ended(frames, from_us)
            frames = []
            continue
        for frame in trace.within(from_us, to_us):
            if frame.waited:
                continue
            if frame.told.motor_on or (frames and frame.life != frames[-1].life):
                yield from _ended(frames, frame.host_us)
                frames = []
            if not frame.told.motor_on and (not frames or frame is not frames[-1]):
                frames.append(frame)
    yield from _ended(frames, trace.ended_us)


def _ended(frames: list[Frame], end_us: int) -> Iterator[tuple[list[Frame], int]]:
    if frames and end_us - frames[0].host_us > _SHORT_US:
        yield frames, end_us


def _apart(first: Frame, second: Frame) -> int | None:
    """From one frame to another: by the pen's clock where the host agrees; else what is nearer to a good interval.

    This computer can be late with a stamp, and a pen's clock can jump: neither is the fault of a heartbeat.
    """
    by_host_us, by_pen_us = second.host_us - first.host_us, second.now_us - first.now_us
    if abs(by_host_us - by_pen_us) <= _LATE_US:
        return by_pen_us
    low_us, high_us = HEARTBEAT_US
    return next((us for us in (by_pen_us, by_host_us) if low_us <= us <= high_us), by_host_us)


def events(trace: Trace) -> Judged:
    """P-18: an event when the motor, the dial or the pass counter changes."""
    seen, quiet = 0, []
    told_us: dict[int, list[int]] = {}
    for frame in trace.frames:
        if isinstance(frame.told, PenEvent):
            told_us.setdefault(frame.told.code, []).append(frame.host_us)
    for code, before, changed in _changes(trace):
        times = told_us.get(code, [])
        next_at = bisect_left(times, min(before.host_us, changed.host_us - _NEAR_US))
        seen += 1
        if next_at == len(times) or times[next_at] > changed.host_us + _NEAR_US:
            quiet.append((f"{EVENTS[code]} {at(trace, changed)} ({_nearest(trace, times, changed)})", changed))
    if quiet:
        return failed(f"no event for: {', '.join(words for words, _ in quiet[:4])}", quiet[0][1])
    if not seen:
        return unchecked("nothing happened: switch the motor on and off, turn the dial and press the pass button")
    return passed(f"an event for each of {seen} things that happened")


def _nearest(trace: Trace, times: list[int], changed: Frame) -> str:
    if not times:
        return "there is none in the run"
    return f"the nearest one {at(trace, min(times, key=lambda us: abs(us - changed.host_us)))}"


def _changes(trace: Trace) -> Iterator[tuple[int, Frame, Frame]]:
    """What happened by the flags and fields: the code of its event, the frame before, the first that shows it."""
    for frames in by_life(trace):
        for first, second in pairwise(frames):
            if second.clean and second.told.motor_on != first.told.motor_on:
                yield (3 if second.told.motor_on else 4), first, second
        slow = [frame for frame in frames if isinstance(frame.told, SampleBlock | Heartbeat)]
        for first, second in pairwise(slow):
            for name, code in (("passes", 1), ("depth_set_um", 2)):
                was, then = getattr(first.told, name), getattr(second.told, name)
                if second.clean and None not in (was, then) and was != then:
                    yield code, first, second


# --- identity ---------------------------------------------------------------------------------------------------------


def unasked(trace: Trace) -> Judged:
    """P-19: every 5 s unasked, while the motor is off."""
    return _every_5_s(
        trace, list(_idle(trace)), "off", "the motor was never off for 6 s: let it rest when you are told to"
    )


def unasked_running(trace: Trace) -> Judged:
    """P-19: and while it is on."""
    ran = [(stretch, stretch[-1].host_us) for stretch in stretches(trace)]
    return _every_5_s(trace, ran, "on", f"{SWITCH_ON} for 7 s")


def _every_5_s(trace: Trace, spans: list[tuple[list[Frame], int]], motor: str, do: str) -> Judged:
    low_us, high_us = UNASKED_US
    begun = [frames[0] for frames in by_life(trace)]
    n, n_told = 0, 0
    for stretch, end_us in spans:
        said = [frame for frame in stretch if isinstance(frame.told, Identity)]
        n_told += len(said)
        for first, until_us in zip([stretch[0], *said], [*(frame.host_us for frame in said), end_us], strict=True):
            if until_us - first.host_us > high_us + _LATE_US and trace.clean(first.host_us, until_us):
                silent_s = (until_us - first.host_us) / 1e6
                return failed(f"{silent_s:.2f} s without an identity after what came {at(trace, first)}", first)
        for first, second in pairwise(said):
            n += trace.clean(first.host_us, second.host_us)
            early = _apart_at_least(first, second) < low_us - _LATE_US and not _just_begun(second, begun)
            if early and not _asked(trace, first) and not _asked(trace, second):
                took_s = (second.host_us - first.host_us) / 1e6
                return failed(f"an identity unasked after only {took_s:.2f} s, {at(trace, second)}", second)
        n += end_us - stretch[0].host_us > high_us
    return passed(f"an identity every 4 to 6 s, {n_told} with the motor {motor}") if n else unchecked(do)


def _just_begun(frame: Frame, begun: list[Frame]) -> bool:
    """Whether the pen may be in its first 5 s, in which it may say more often who it is."""
    return frame.host_us - begun[frame.life].host_us <= OFTEN_US + _LATE_US


def _apart_at_least(first: Frame, second: Frame) -> int:
    return max(second.host_us - first.host_us, second.now_us - first.now_us)


def _asked(trace: Trace, frame: Frame) -> bool:
    """Whether an identity may be an answer."""
    return any(0 <= frame.host_us - asked_us <= 2 * ANSWER_US for asked_us in trace.asked_us)


def answered(trace: Trace) -> Judged:
    """P-19: at most 0.5 s after a request."""
    rubbish_us, after_us = trace.phase("rubbish") or (trace.ended_us, trace.ended_us)  # that is P-20
    asked = [
        asked_us
        for asked_us in trace.asked_us
        if asked_us <= trace.ended_us - ANSWER_US and not rubbish_us <= asked_us < after_us
    ]
    if not asked:
        return (
            absent("the profile says that the pen has no receiver")
            if not trace.setting.asks
            else unchecked("the pen was not asked")
        )
    clear = [asked_us for asked_us in asked if trace.clean(asked_us, asked_us + ANSWER_US)]
    times = [_answer(trace, asked_us) for asked_us in clear]
    came = [time_us for time_us in times if time_us is not None]
    if not times:
        return unchecked("the line was disturbed each time the pen was asked")
    if not _has_receiver(trace):
        return absent(f"none of {len(times)} requests was answered: a pen without a receiver. If it has one, it FAILS")
    if len(came) < len(times):
        when_us = next(asked_us for asked_us, time_us in zip(clear, times, strict=True) if time_us is None)
        words = f"{len(times) - len(came)} of {len(times)} requests were not answered within 0.5 s"
        return failed(f"{words}, first the one sent {at(trace, when_us)}")
    return passed(f"{len(times)} requests answered, the last after {max(came) / 1000:.0f} ms")


def _answer(trace: Trace, asked_us: int) -> int | None:
    """How long after a request an identity came; None when none came in time."""
    later = (frame.host_us - asked_us for frame in trace.identities() if frame.host_us >= asked_us)
    time_us = next(later, ANSWER_US * 2)
    return time_us if time_us <= ANSWER_US + _LATE_US else None


def _has_receiver(trace: Trace) -> bool:
    """Whether the pen ever said who it is because it was asked: more often than it does unasked."""
    said = [frame for frame in trace.identities() if _asked(trace, frame)]
    begun = [frames[0] for frames in by_life(trace)]
    spaced = [
        second
        for first, second in pairwise(trace.identities())
        if _apart_at_least(first, second) < UNASKED_US[0] and not _just_begun(second, begun)
    ]
    return bool(said) and bool(spaced)


def same_pen(trace: Trace) -> Judged:
    """P-19: who the pen is does not change."""
    said = trace.identities()
    if not said:
        return unchecked("the pen never said who it is")
    for first, other in pairwise(said):
        for name in (*_SAME, *(_SAME_TO_POWER_OFF if first.life == other.life else ())):
            was, now = getattr(first.told, name), getattr(other.told, name)
            if was != now:
                return failed(f"{name} was {was!r} and is {now!r} {at(trace, other)}: is it another pen?", other)
    return passed(f"{len(said)} times the same pen")


def after_power(trace: Trace) -> Judged:
    """P-19: at most 1 s after power-on, counted from the first frame."""
    lives = pairwise(by_life(trace))
    begun = [(was[-1], life) for was, life in lives if life[0].phase in (*_PEACE, "power")]  # not after the host's acts
    if not begun:
        return unchecked(POWER)
    missed = ""
    for last, life in begun:
        said = next((frame.host_us for frame in life if isinstance(frame.told, Identity)), None)
        if said is not None and said - life[0].host_us <= AFTER_POWER_US + _LATE_US:
            continue
        if said is None and "malformed" in trace.damage:
            return unchecked("it said nothing that could be read as an identity; some frames were malformed (P-31)")
        missed = beginning_missed(trace, last.host_us, life[0])
        if not missed and not trace.clean(life[0].host_us, life[0].host_us + AFTER_POWER_US):
            missed = "the line was disturbed after the start"
        if not missed:
            return failed(f"no identity within 1 s of its first frame after the start, {at(trace, life[0])}", life[0])
    return unchecked(missed) if missed else passed("it said who it is within 1 s of its first frame")


# --- what it is told --------------------------------------------------------------------------------------------------


def never_waits(trace: Trace) -> Judged:
    """P-20: it speaks without having been spoken to."""
    if not trace.asked_us:
        return passed("it spoke, and was never asked") if trace.frames else unchecked("the pen said nothing")
    first_us = trace.frames[0].host_us
    if first_us >= trace.asked_us[0]:
        silent_s = (trace.asked_us[0] - trace.began_us) / 1e6
        return failed(f"it said nothing for {silent_s:.1f} s, until it was asked", trace.frames[0])
    return passed("it speaks unasked")


def ignores(trace: Trace) -> Judged:
    """P-20: rubbish and frames that it does not know change nothing."""
    phase = trace.phase("rubbish")
    if phase is None:
        return unchecked("no rubbish was sent to the pen")
    begun_us, ended_us = phase
    here = list(trace.within(begun_us, ended_us))
    if not any(frame.host_us > begun_us + 300_000 for frame in here):
        return failed(f"it said nothing more after rubbish and unknown frames {at(trace, begun_us)}")
    before = [frame.life for frame in trace.within(0, begun_us)]
    if before and here[-1].life != before[-1]:
        begun = next(frame for frame in here if frame.life != before[-1])
        return failed(
            f"it started anew {at(trace, begun)}, after rubbish and unknown frames {at(trace, begun_us)}", begun
        )
    # one identity is due unasked; more are answers to what was no request
    again_us = next((asked_us for asked_us in trace.asked_us if asked_us > begun_us), ended_us)
    answers = [frame for frame in here if isinstance(frame.told, Identity) and frame.host_us < again_us]
    if len(answers) > 1:
        words = f"it answered {len(answers)} times to damaged frames, or to some that it cannot know, last "
        return failed(words + at(trace, answers[-1]), answers[-1])
    times = [_answer(trace, asked_us) for asked_us in trace.asked_us if asked_us < begun_us]
    mostly = 2 * times.count(None) < len(times)  # else that is P-19
    if _has_receiver(trace) and mostly and again_us < ended_us and _answer(trace, again_us) is None:
        return failed(f"it did not answer the request sent {at(trace, again_us)}, after rubbish and unknown frames")
    return passed("it went on after rubbish, damaged frames, unknown kinds and versions")
