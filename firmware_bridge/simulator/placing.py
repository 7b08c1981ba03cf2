"""Where the events of a scenario come to lie in a session: a Scenario and a clean Script in, the Script out.

Pure. Not responsible for text (language.py), nor for what an event does to samples (physics.py), to the pen (pen.py)
or to bytes (faults.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from firmware_bridge.simulator.arm import clean_session
from firmware_bridge.simulator.scenario import WHOLE_PPM, Event, Scenario, ScenarioError, Time
from firmware_bridge.simulator.script import Glide, Script, ScriptFault, Segment

MOTOR_MARGIN_US = 50_000  # before and after the skin, for an operator who stops the motor between zones

PRESS_AGAIN_US = 200_000  # a pass that no pen was there to count is told to it so long after it is back

_GONE = ("reboot", "brownout", "wrong pen")
# What becomes part of the script itself; everything else is one of its faults.
_BY_HAND = ("dial", "stuck dial")


def place(scenario: Scenario, seconds: float, seed: int) -> Script:
    """The script of a scenario, `seconds` of pen time long. Raises ScenarioError when it does not fit."""
    script = clean_session(seconds, seed)
    faults = [_placed(scenario, event, script) for event in scenario.events]
    _check_lanes(scenario, faults)
    segments = list(script.segments)
    for fault in faults:
        if fault.kind == "dial":
            segments = _turned(segments, fault)
    for fault in faults:
        if fault.kind == "stuck dial":
            segments = _stuck(segments, fault)
    return replace(
        script,
        scenario=scenario.name,
        segments=tuple(segments),
        pass_us=tuple(_counted_us(pass_us, faults, script.duration_us) for pass_us in script.pass_us),
        faults=tuple(
            sorted((fault for fault in faults if fault.kind not in _BY_HAND), key=lambda fault: fault.from_us)
        ),
        motor=_motor_by_zone(script) if "contact" in scenario.lacks else script.motor,
        lacks=scenario.lacks,
    )


def _placed(scenario: Scenario, event: Event, script: Script) -> ScriptFault:
    seconds = script.duration_us / 1_000_000
    glides = [glide for glide in script.glides if glide.zone == event.at.zone]
    if event.at.zone is not None and not glides:
        played = ", ".join(dict.fromkeys(segment.zone for segment in script.segments))
        raise _refused(scenario, event, f"a session of {seconds:g} s has no {event.at.zone}; it has {played}")
    from_us = _moment_us(event.at, glides, script.duration_us)
    if event.on_skin:
        from_us = _into_glide(script.glides, from_us)
    if from_us >= script.duration_us:
        says = f"it begins at {from_us / 1e6:g} s; the session ends at {seconds:g} s"
        raise _refused(scenario, event, says)
    if event.lasts is None:
        to_us = _unwritten_end_us(event, from_us, script)
    else:
        to_us = from_us + _length_us(scenario, event, event.lasts, from_us, script)
    if to_us > script.duration_us:
        raise _refused(scenario, event, f"it ends at {to_us / 1e6:g} s; the session ends at {seconds:g} s")
    return ScriptFault(kind=event.what, from_us=from_us, to_us=to_us, value=event.amount or 0)


def _refused(scenario: Scenario, event: Event, says: str) -> ScenarioError:
    return ScenarioError(f"{scenario.name}, line {event.line}: {event.what}: {says}")


def _moment_us(at: Time, glides: Sequence[Glide], duration_us: int) -> int:
    if at.share_ppm is None:
        return at.us
    if at.zone is None:
        return duration_us * at.share_ppm // WHOLE_PPM
    return _after_contact(glides, _contact_us(glides) * at.share_ppm // WHOLE_PPM)


def _unwritten_end_us(event: Event, from_us: int, script: Script) -> int:
    """When something ends of which nobody wrote how long it lasts."""
    if event.kind.lasts == "no":
        return from_us + event.kind.takes_us
    return script.segment_at(from_us).to_us if event.what == "dial" else script.duration_us


def _length_us(scenario: Scenario, event: Event, lasts: Time, from_us: int, script: Script) -> int:
    glides = [glide for glide in script.glides if event.at.zone in (None, glide.zone)]
    if lasts.zone is not None:
        share_ppm = (event.at.share_ppm or 0) + (lasts.share_ppm or 0)
        to_us = _after_contact(glides, _contact_us(glides) * share_ppm // WHOLE_PPM)
        return max(to_us - from_us, event.least_us)
    for_us = lasts.us if lasts.share_ppm is None else script.duration_us * lasts.share_ppm // WHOLE_PPM
    for_us = max(for_us, event.least_us)
    if not event.skin_time:
        return for_us
    touched_us = sum(max(0, min(glide.to_us, from_us) - glide.from_us) for glide in glides)
    left_us = _contact_us(glides) - touched_us
    if for_us > left_us:
        raise _refused(scenario, event, f"{for_us / 1e6:g} s on the skin, where {left_us / 1e6:g} s are left")
    return _after_contact(glides, touched_us + for_us) - from_us


def _check_lanes(scenario: Scenario, faults: Sequence[ScriptFault]) -> None:
    """Two of one lane at the same time cannot be meant: which of two plugs is pulled, which of two depths is true?"""
    lanes: dict[str, list[tuple[ScriptFault, Event]]] = {}
    for fault, event in zip(faults, scenario.events, strict=True):
        if event.kind.lane is not None:
            lanes.setdefault(event.kind.lane, []).append((fault, event))
    for placed in lanes.values():
        placed.sort(key=lambda pair: pair[0].from_us)
        for (before, first), (after, second) in pairwise(placed):
            if after.from_us < before.to_us:
                raise ScenarioError(
                    f"{scenario.name}, line {second.line}: {second.what} begins at {after.from_us / 1e6:g} s, while "
                    f"{first.what} of line {first.line} lasts from {before.from_us / 1e6:g} to {before.to_us / 1e6:g} s"
                )


def _turned(segments: Sequence[Segment], fault: ScriptFault) -> list[Segment]:
    """The dial at another depth from here to there."""
    turned: list[Segment] = []
    for segment in segments:
        from_us, to_us = max(segment.from_us, fault.from_us), min(segment.to_us, fault.to_us)
        if from_us >= to_us:
            turned.append(segment)
            continue
        if segment.from_us < from_us:
            turned.append(replace(segment, to_us=from_us))
        turned.append(replace(segment, depth_set_um=fault.value, from_us=from_us, to_us=to_us))
        if to_us < segment.to_us:
            turned.append(replace(segment, from_us=to_us))
    return turned


def _stuck(segments: Sequence[Segment], fault: ScriptFault) -> list[Segment]:
    """No turn from here to there has an effect."""
    stuck: list[Segment] = []
    for segment in segments:
        holds = stuck and fault.from_us <= segment.from_us < fault.to_us
        stuck.append(replace(segment, depth_set_um=stuck[-1].depth_set_um) if holds else segment)
    return stuck


def _counted_us(pass_us: int, faults: Sequence[ScriptFault], duration_us: int) -> int:
    """When the pen is told of a pass: at once, or when one is there again that can be told."""
    gone = (fault for fault in faults if fault.kind in _GONE and fault.from_us <= pass_us < fault.to_us)
    return next((min(fault.to_us + PRESS_AGAIN_US, duration_us) for fault in gone), pass_us)


def _motor_by_zone(script: Script) -> tuple[tuple[int, int], ...]:
    """When the motor runs if it is stopped on the way from zone to zone, so that none is needled then."""
    zones = dict.fromkeys(glide.zone for glide in script.glides)
    spans = []
    for zone in zones:
        glides = [glide for glide in script.glides if glide.zone == zone]
        spans.append((glides[0].from_us - MOTOR_MARGIN_US, glides[-1].to_us + MOTOR_MARGIN_US))
    return ((0, spans[0][1]), *spans[1:])


def _contact_us(glides: Sequence[Glide]) -> int:
    return sum(glide.to_us - glide.from_us for glide in glides)


def _after_contact(glides: Sequence[Glide], contact_us: int) -> int:
    """When the pen has been on the skin for `contact_us` in these glides; the end of the last if it never is."""
    for glide in glides:
        if contact_us <= glide.to_us - glide.from_us:
            return glide.from_us + contact_us
        contact_us -= glide.to_us - glide.from_us
    return glides[-1].to_us


def _into_glide(glides: Sequence[Glide], t_us: int) -> int:
    """This time if it lies well inside a glide, else the middle of the glide that is nearest."""
    if any(glide.from_us + 200_000 <= t_us <= glide.to_us - 100_000 for glide in glides):
        return t_us
    middles = [(glide.from_us + glide.to_us) // 2 for glide in glides]
    return min(middles, key=lambda middle_us: abs(middle_us - t_us))
