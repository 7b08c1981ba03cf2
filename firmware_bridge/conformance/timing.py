"""The table of times, P-32: period, latency, clock, load. The intervals of single messages are in talking.py.

Pure functions of a trace. This computer stamps a frame late, never early: what is measured here are the least or the
middle of many, and the slack is stated.
"""

from statistics import median

from firmware_bridge.conformance.numbers import (
    SWITCH_ON,
    ahead,
    by_life,
    jumps,
    neighbours,
    offset_us,
    samples_of,
)
from firmware_bridge.conformance.rule import Judged, at, failed, passed, unchecked
from firmware_bridge.conformance.trace import Frame, Trace, signed
from firmware_bridge.readings import Heartbeat, Identity, SampleBlock

_WINDOW_US = 1_000_000
_PERIOD_SHARE = 0.01
_LATENCY_US, _LATENCY_SLACK_US = 50_000, 10_000
_CLOCK_PPM, _CLOCK_FINE_PPM = 10_000, 1_000
_STAMP_US = 10_000  # how far the least offsets of a few seconds are from the truth
_CLOCK_SPAN_US, _FINE_SPAN_US = 6_000_000, 15_000_000
_LOAD = 0.70


def period(trace: Trace) -> Judged:
    """`period_us`, averaged over 1 s."""
    begun: tuple[Frame, SampleBlock] | None = None
    last: SampleBlock | None = None
    n, worst = 0, 0.0
    for (frame, first), (second_frame, second) in neighbours(trace):
        if ahead(first, second) < 0:
            return unchecked("its numbers overlap (P-12): the period cannot be told")
        off_us = signed(second.t_us - first.t_us) - (second_frame.host_us - frame.host_us)
        if begun is None or first is not last or abs(off_us) > _WINDOW_US / 5:
            begun = (frame, first)
        last = second
        took_us, steps = signed(second.t_us - begun[1].t_us), signed(second.seq - begun[1].seq)
        if took_us >= _WINDOW_US and steps > 0:
            error = took_us / steps / second.period_us - 1
            # where a frame begins is as sure as where a sample stands in it: a quarter of a period
            if abs(error) > _PERIOD_SHARE + 0.25 / steps:
                return failed(
                    f"samples come every {took_us / steps:.0f} us by the pen's clock {at(trace, second_frame)}; "
                    f"period_us says {second.period_us}",
                    second_frame,
                )
            n, worst, begun = n + 1, max(worst, abs(error)), None
    return passed(f"right to {worst:.2%} over {n} s") if n else unchecked(f"{SWITCH_ON} for some seconds")


def latency(trace: Trace) -> Judged:
    """From the last sample to the end of its frame."""
    late: list[tuple[float, Frame]] = []
    for life in by_life(trace):
        rate = _rate(life)
        told = [frame for frame in life if isinstance(frame.told, Heartbeat | Identity) and not frame.waited]
        if rate is None or not told:
            continue
        base = min(_steady_us(frame, life[0], rate) for frame in told)
        samples = (frame for frame in life if isinstance(frame.told, SampleBlock) and not frame.waited)
        late += [(_steady_us(frame, life[0], rate) - base, frame) for frame in samples]
    if not samples_of(trace):
        return unchecked(SWITCH_ON)
    if not late:
        return unchecked("pen and host were not heard together for long enough")
    middle_us, most_us = median(late_us for late_us, _ in late), _LATENCY_US + _LATENCY_SLACK_US
    words = f"a frame ends {max(0, middle_us) / 1000:.0f} ms after its last sample"
    if middle_us <= most_us:
        return passed(words)
    first = next(frame for late_us, frame in late if late_us > most_us)
    return failed(f"{words}, in the middle; first too late {at(trace, first)}", first)


def _steady_us(frame: Frame, first: Frame, rate: float) -> float:
    """The offset of a frame, were the pen's clock as fast as the host's."""
    return offset_us(frame) - rate * (frame.host_us - first.host_us)


def clock(trace: Trace) -> Judged:
    """`t_us` within 1 %."""
    return _clock(trace, _CLOCK_PPM, _CLOCK_SPAN_US)


def clock_fine(trace: Trace) -> Judged:
    """`t_us` within 0.1 %."""
    if clock(trace).result == "failed":
        return unchecked("its clock is not even within 1 % (P-32.clock)")
    return _clock(trace, _CLOCK_FINE_PPM, _FINE_SPAN_US)


def _clock(trace: Trace, most_ppm: int, span_us: int) -> Judged:
    found: list[tuple[float, int]] = []
    for life in by_life(trace):
        took_us = life[-1].host_us - life[0].host_us
        rate = _rate(life)
        if rate is not None and took_us >= span_us:
            found.append((-rate * 1e6, took_us))
    if not found:
        return unchecked(f"the pen was not heard for {span_us / 1e6:.0f} s without a jump of its clock")
    ppm, took_us = max(found, key=lambda row: abs(row[0]))
    words = f"its clock is {abs(ppm) / 1e4:.2f} % {'fast' if ppm > 0 else 'slow'} over {took_us / 1e6:.0f} s"
    return passed(words) if abs(ppm) <= most_ppm + _STAMP_US * 1e6 / took_us else failed(words)


def _rate(frames: list[Frame]) -> float | None:
    """How the offset grows with time, from the least late frames of the first and the last third; None: cannot tell."""
    took_us = frames[-1].host_us - frames[0].host_us
    if took_us < _CLOCK_SPAN_US or any(True for _ in jumps(frames)):
        return None
    third_us = took_us // 3
    early = [frame for frame in frames if frame.host_us <= frames[0].host_us + third_us]
    late = [frame for frame in frames if frame.host_us >= frames[-1].host_us - third_us]
    first, last = min(early, key=offset_us), min(late, key=offset_us)
    return (offset_us(last) - offset_us(first)) / (last.host_us - first.host_us)


def load(trace: Trace) -> Judged:
    """At most 70 % of the line."""
    if not trace.loads:
        return unchecked("nothing came")
    most = max(trace.loads.values()) * 10 / trace.setting.baud
    words = f"up to {most:.0%} of {trace.setting.baud} baud in a second"
    return passed(words) if most <= _LOAD else failed(words)
