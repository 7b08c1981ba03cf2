"""What the sensors on a wiring's pins do in a session: every edge with its time, bounce included; what an ADC reads.

Pure and seeded. The same arm and motor as the pen that sends (arm.py, physics.py), so that both tell of one session.
Not responsible for pins (pins.py), nor for what edges mean to a recorder. Times are microseconds of the script.
"""

from collections.abc import Callable, Iterator
from heapq import merge
from random import Random
from typing import NamedTuple

from firmware_bridge.simulator.physics import MICRO_TURNS, Body
from firmware_bridge.simulator.script import Script, dice
from firmware_bridge.wiring import LINES, Encoder, Potentiometer, Switch, Wiring

STEP_US = 10_000  # as often as the pen that sends takes a sample
STROKE_MOST_US = 3_000  # the magnet is before the hall sensor for so long, or for 4/10 of a stroke
TURN_US = 1_500  # from edge to edge of an encoder that is turned by hand
PRESS_US = 150_000  # how long a hand holds a switch
BOUNCES = (0, 1, 1, 2, 3)  # how often a contact opens again
_LAST = 1 << 62
_PLUG = -1  # in the place of a line


class PinEdge(NamedTuple):
    """At `t_us` of the script a line goes to this level (True: high). `line` is its place in `wiring.LINES`."""

    t_us: int
    line: int
    level: bool


Change = tuple[int, bool]  # when, and whether the line is active from there on


def edges_of(script: Script, wiring: Wiring, seed: int) -> Iterator[PinEdge]:
    """Every edge of a script, in order of time."""
    lines = wiring.lines()
    makers: dict[str, Callable[[], Iterator[Change]]] = {
        "strokes": lambda: _strokes(script, seed),
        "contact": lambda: _contact(script),
        "dial_a": lambda: _dial(script, wiring, 0),
        "dial_b": lambda: _dead(script, _dial(script, wiring, 1)),
        "pass": lambda: _presses((at_us, at_us + PRESS_US) for at_us in script.pass_us),
        "pedal": lambda: _presses((press.from_us, press.to_us) for press in script.faults_of("pedal")),
    }
    told = []
    for name in (name for name in makers if name in lines):
        number, switch = LINES.index(name), lines[name]
        edges = bouncing(number, switch, makers[name](), dice(seed, f"bounce {name}"))
        told.append(_plugged(script, number, switch, edges))
    return merge(*told)


def level_at_rest(switch: Switch) -> bool:
    """Whether a line is high while nothing happens."""
    return not switch.active_high


def count_at(script: Script, wiring: Wiring, t_us: int | None) -> int:
    """What the converter of a potentiometer says, 0 to 1023; `t_us` None: before the script."""
    dial = wiring.dial
    if not isinstance(dial, Potentiometer):
        return 0
    if t_us is not None and script.fault_at("rail", t_us) is not None:
        return 1023
    depth_um = script.segment_at(t_us or 0).depth_set_um
    (low, low_um), *rest = sorted(dial.points, key=lambda point: point[1])
    for high, high_um in rest:
        if depth_um <= high_um or high == rest[-1][0]:
            count = low + (depth_um - low_um) * (high - low) // max(1, high_um - low_um)
            return max(0, min(count, 1023))
        low, low_um = high, high_um
    return low


# --- bounce -----------------------------------------------------------------------------------------------------------


def bouncing(line: int, switch: Switch, changes: Iterator[Change], rng: Random) -> Iterator[PinEdge]:
    """The edges of a line: each change bounces within six tenths of the time that the wiring says it may."""
    before = _next(changes)
    while before is not None:
        after = _next(changes)
        at_us, active = before
        room_us = min(switch.bounce_us * 6 // 10, ((after[0] if after else _LAST) - at_us) // 3)
        level = active == switch.active_high
        yield PinEdge(at_us, line, level)
        turns = 2 * rng.choice(BOUNCES)
        if room_us > turns:
            for within_us in sorted(rng.sample(range(1, room_us + 1), turns)):
                level = not level
                yield PinEdge(at_us + within_us, line, level)
        before = after


def _next(changes: Iterator[Change]) -> Change | None:
    return next(changes, None)


def _plugged(script: Script, line: int, switch: Switch, edges: Iterator[PinEdge]) -> Iterator[PinEdge]:
    """The edges that arrive: while the plug of the sensors is pulled, a line rests at its pull."""
    pulls = [
        PinEdge(at_us, _PLUG, out)
        for fault in script.faults_of("unplug")
        for at_us, out in ((fault.from_us, True), (fault.to_us, False))
    ]
    wanted = arrives = rest = level_at_rest(switch)
    out = False
    for edge in merge(edges, pulls, key=lambda edge: edge.t_us):
        if edge.line == _PLUG:
            out = edge.level
        else:
            wanted = edge.level
        level = rest if out else wanted
        if level != arrives:
            arrives = level
            yield PinEdge(edge.t_us, line, level)


# --- lines ------------------------------------------------------------------------------------------------------------


def _strokes(script: Script, seed: int) -> Iterator[Change]:
    """A pulse of the hall sensor for each stroke of the motor; at "double strokes" another half-way to the next."""
    body, turns = Body(seed, STEP_US), 0  # turns as the body counts them, so that both count the same strokes
    for on_us, off_us in script.motor:
        for from_us in range(on_us, off_us, STEP_US):
            frequency_dhz = body.sample(script, from_us).frequency_dhz
            whole, after = divmod(turns + frequency_dhz * STEP_US, MICRO_TURNS)
            stroke_us = MICRO_TURNS // frequency_dhz
            pulse_us = min(STROKE_MOST_US, stroke_us * 4 // 10)
            for number in range(1, whole + 1):
                at_us = from_us + (number * MICRO_TURNS - turns) // frequency_dhz
                yield at_us, True
                if script.fault_at("double strokes", at_us):
                    yield at_us + pulse_us // 2, False
                    yield at_us + stroke_us // 2, True
                    yield at_us + stroke_us // 2 + pulse_us // 2, False
                else:
                    yield at_us + pulse_us, False
            turns = after


def _contact(script: Script) -> Iterator[Change]:
    for glide in script.glides:
        yield glide.from_us, True
        yield glide.to_us, False


def _presses(spans: Iterator[tuple[int, int]]) -> Iterator[Change]:
    until_us = -1
    for from_us, to_us in spans:
        from_us = max(from_us, until_us + 50_000)  # a finger lifts before it presses again
        until_us = max(to_us, from_us + 1_000)
        yield from_us, True
        yield until_us, False


def _dial(script: Script, wiring: Wiring, channel: int) -> Iterator[Change]:
    """One channel of an encoder: deeper is a before b, and a whole cycle is a step."""
    dial = wiring.dial
    if not isinstance(dial, Encoder):
        return
    at_us, stands = 0, dial.min_um if dial.start_um is None else dial.start_um
    for segment in script.segments:
        wanted_um = max(dial.min_um, min(segment.depth_set_um, dial.max_um))
        steps = round((wanted_um - stands) / dial.step_um)
        at_us = max(at_us, segment.from_us)
        first = channel if steps > 0 else 1 - channel  # 0: this channel leads
        for _ in range(abs(steps)):
            yield at_us + first * TURN_US, True
            yield at_us + (first + 2) * TURN_US, False
            at_us += 4 * TURN_US
        stands += steps * dial.step_um


def _dead(script: Script, changes: Iterator[Change]) -> Iterator[Change]:
    """A channel whose wire is broken moves no more."""
    for change in changes:
        if script.fault_at("dead channel", change[0]) is None:
            yield change
