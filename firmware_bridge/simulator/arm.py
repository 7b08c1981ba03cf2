"""What the operator's arm does in a session by the plan: zones, dial settings, glides, passes, marks.

Pure and seeded: the same length and seed give the same script on every machine. Not responsible for what goes wrong
in it (placing.py), nor for what the sensor makes of it (physics.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from firmware_bridge.simulator.scenario import ScenarioError
from firmware_bridge.simulator.script import Glide, Script, ScriptMark, Segment, dice

MIN_SECONDS, MAX_SECONDS = 6, 4 * 3600
FIVE_ZONES_US = 15_000_000  # below this there is no room for five zones, and three are played

MIN_LIFT_US = 400_000  # around every mark, so that a mark that comes 150 ms early or late still lies in the lift
MIN_CHANGE_US = 800_000  # between zones: the mark in its middle may come 400 ms late, as it does on a busy machine
MIN_TAIL_US = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    zone: str
    low_um: int
    high_um: int
    share: int  # of the time in contact


# depths: superficial to junction, pigmentation protocol of a pen maker [dpw_hp] B; shares of the time: assumption
_ZONES = (
    _Zone(zone="forehead", low_um=300, high_um=400, share=22),
    _Zone(zone="cheek.left", low_um=700, high_um=1000, share=26),
    _Zone(zone="cheek.right", low_um=700, high_um=1000, share=26),
    _Zone(zone="nose", low_um=400, high_um=500, share=9),
    _Zone(zone="chin", low_um=500, high_um=800, share=17),
)
_DIAL_STEP_UM = 50  # the finest step of a dial, evidence §1.7 B/C

ZONES = tuple(zone.zone for zone in _ZONES)


def clean_session(seconds: float, seed: int) -> Script:
    """Lead-in, then zone after zone with a lift between them, then a tail without contact.

    Raises ScenarioError when there is no session of this length.
    """
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ScenarioError(f"a session of {seconds} s; a simulated one lasts {MIN_SECONDS} to {MAX_SECONDS} s")
    duration_us = round(seconds * 1_000_000)
    rng = dice(seed, "script")
    zones = _ZONES if duration_us >= FIVE_ZONES_US else _ZONES[:3]
    lead_us = max(MIN_LIFT_US, duration_us * 4 // 100)
    change_us = _clamp(duration_us * 15 // 1000, MIN_CHANGE_US, 2_000_000)
    tail_us = _clamp(duration_us * 15 // 1000, MIN_TAIL_US, 2_000_000)
    room_us = duration_us - lead_us - tail_us - change_us * (len(zones) - 1)
    shares = sum(zone.share for zone in zones)

    segments: list[Segment] = []
    glides: list[Glide] = []
    marks: list[ScriptMark] = []
    entered_us, contact_us, mark_us = 0, lead_us, 0
    for index, zone in enumerate(zones):
        last = index == len(zones) - 1
        lifted_us = contact_us + room_us * zone.share // shares
        lift_us = tail_us if last else change_us
        left_us = duration_us if last else lifted_us + lift_us // 2
        setting_um = rng.randrange(zone.low_um, zone.high_um + 1, _DIAL_STEP_UM)
        here = _glides(rng, zone.zone, contact_us, lifted_us)
        segments.append(Segment(zone=zone.zone, depth_set_um=setting_um, from_us=entered_us, to_us=left_us))
        glides += here
        marks.append(ScriptMark(t_us=mark_us, kind="zone", zone=zone.zone))
        marks += _pass_marks(here, lifted_us + max(200_000, lift_us // 3))
        entered_us = mark_us = left_us
        contact_us = lifted_us + lift_us
    return Script(
        scenario="clean",
        seed=seed,
        duration_us=duration_us,
        segments=tuple(segments),
        glides=tuple(glides),
        pass_us=tuple(glide.to_us for glide in glides if glide.ends_pass),
        marks=tuple(marks),
        motor=((0, duration_us),),
    )


def _glides(rng: Random, zone: str, from_us: int, to_us: int) -> list[Glide]:
    """Fill a zone's time: one to four passes, glides of 2 to 5 s and lifts of 0.4 to 1.5 s where there is room.

    Numbers of passes and lengths are assumptions: no reviewed source has either (evidence §1.6 X).
    """
    room_us = to_us - from_us
    passes = min(rng.randint(1, 4), max(1, room_us // 1_500_000))
    count = max(passes, round(room_us / 4_200_000))
    longest_us = _clamp(room_us // count * 35 // 100, MIN_LIFT_US + 50_000, 1_500_000)
    lifts_us = [rng.randint(MIN_LIFT_US, longest_us) for _ in range(count - 1)]
    weights = [rng.randint(75, 140) for _ in range(count)]
    contact_us = room_us - sum(lifts_us)

    glides: list[Glide] = []
    at_us = from_us
    for index, weight in enumerate(weights):
        last = index == count - 1
        end_us = to_us if last else at_us + contact_us * weight // sum(weights)
        ends_pass = last or index * passes // count != (index + 1) * passes // count
        glides.append(Glide(zone=zone, from_us=at_us, to_us=end_us, ends_pass=ends_pass))
        at_us = end_us if last else end_us + lifts_us[index]
    return glides


def _pass_marks(glides: Sequence[Glide], last_us: int) -> list[ScriptMark]:
    """A pass is marked in the middle of the lift that follows it, the zone's last one at `last_us`."""
    nexts = [*(after.from_us for after in glides[1:]), None]
    return [
        ScriptMark(t_us=last_us if after is None else (glide.to_us + after) // 2, kind="pass", zone=glide.zone)
        for glide, after in zip(glides, nexts, strict=True)
        if glide.ends_pass
    ]


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))
