"""What the operator's arm does in one session: zones, dial settings, glides, passes, marks, and what goes wrong.

Pure and seeded: the same scenario, length and seed give the same script on every machine. Not responsible for what
the sensor makes of it (physics.py), for frames (pen.py), or for the bytes that a fault spoils (faults.py).
All times are microseconds of pen time since the script began; intervals include their start and not their end.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

MIN_SECONDS, MAX_SECONDS = 6, 4 * 3600
FIVE_ZONES_US = 15_000_000  # below this there is no room for five zones, and three are played

MIN_LIFT_US = 400_000  # around every mark, so that a mark that comes 150 ms early or late still lies in the lift
MIN_CHANGE_US = 800_000  # between zones: the mark in its middle may come 400 ms late, as it does on a busy machine
MIN_TAIL_US = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of time in one zone under one dial setting. Segments follow each other without a hole."""

    zone: str
    depth_set_um: int
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Glide:
    """One interval of skin contact. `ends_pass`: the zone is covered once more, and the pen's pass button follows."""

    zone: str
    from_us: int
    to_us: int
    ends_pass: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptMark:
    """What a scripted operator enters at `t_us`: the zone she turns to, or a pass over `zone` that is done."""

    t_us: int
    kind: Literal["zone", "pass"]
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFault:
    """Something goes wrong for a while. What `value` is depends on `kind`.

    slip    the needle stop gives way under load: measured depth in contact, micrometres
    outage  the port vanishes: 0
    noise   the line is disturbed while in contact: damaged frames per thousand
    """

    kind: Literal["slip", "outage", "noise"]
    from_us: int
    to_us: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One session of the simulated operator, everything in order of time. `pass_us`: the pen counts a pass."""

    scenario: str
    seed: int
    duration_us: int
    segments: tuple[Segment, ...]
    glides: tuple[Glide, ...]
    pass_us: tuple[int, ...]
    marks: tuple[ScriptMark, ...]
    faults: tuple[ScriptFault, ...] = ()

    def segment_at(self, t_us: int) -> Segment:
        """The segment at this time; the first before the script, the last after it."""
        return self.segments[max(0, bisect_right(self.segments, t_us, key=_start) - 1)]

    def glide_at(self, t_us: int) -> Glide | None:
        """The interval of contact at this time, or None when the pen is lifted."""
        at = bisect_right(self.glides, t_us, key=_start) - 1
        return self.glides[at] if at >= 0 and t_us < self.glides[at].to_us else None

    def fault_at(self, kind: str, t_us: int) -> ScriptFault | None:
        """The fault of this kind at this time, if there is one."""
        return next(
            (fault for fault in self.faults if fault.kind == kind and fault.from_us <= t_us < fault.to_us), None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named story: `build` adds to a clean script what goes wrong in it."""

    description: str
    build: Callable[[Script], Script]


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


def script_for(scenario: str, seconds: float, seed: int) -> Script:
    """The script of a scenario from `SCENARIOS`, `seconds` of pen time long. ValueError says what is possible."""
    if scenario not in SCENARIOS:
        raise ValueError(f"no scenario {scenario!r}; there are: {', '.join(SCENARIOS)}")
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise ValueError(f"a session of {seconds} s; a simulated one lasts {MIN_SECONDS} to {MAX_SECONDS} s")
    script = SCENARIOS[scenario].build(_session(round(seconds * 1_000_000), seed))
    return replace(script, scenario=scenario)


def dice(seed: int, purpose: str) -> Random:
    """A generator of its own for each purpose, so that a fault in a script does not change the noise of its sensor."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - a simulation must be repeatable, and guards no secret


def _start(interval: Segment | Glide) -> int:
    return interval.from_us


# --- the clean session ------------------------------------------------------------------------------------------------


def _session(duration_us: int, seed: int) -> Script:
    """Lead-in, then zone after zone with a lift between them, then a tail without contact."""
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


# --- what goes wrong --------------------------------------------------------------------------------------------------


def _clean(script: Script) -> Script:
    return script


def _overdepth(script: Script) -> Script:
    """Two kinds of too deep: the plan's limit by the dial, and the device's limit by the sensor alone."""
    cheek = [glide for glide in script.glides if glide.zone == "cheek.left"]
    forehead = [glide for glide in script.glides if glide.zone == "forehead"]
    turned_us, back_us = (_after_contact(cheek, _contact_us(cheek) * part // 10) for part in (3, 7))
    slips_us = _contact_us(forehead) * 4 // 10
    slip = ScriptFault(
        kind="slip",
        from_us=_after_contact(forehead, slips_us),
        to_us=_after_contact(forehead, slips_us + max(300_000, script.duration_us * 4 // 100)),
        value=2800,  # over the 2.5 mm of the device [k200044, k192138] C and its tolerance [k180778] C
    )
    segments: list[Segment] = []
    for segment in script.segments:
        if segment.zone != "cheek.left":
            segments.append(segment)
            continue
        segments += (
            replace(segment, to_us=turned_us),
            # over the 1.0 mm of the plan [dpw_hp] B; 1.5 mm has been published for the face [lima_2017] A
            replace(segment, depth_set_um=1600, from_us=turned_us, to_us=back_us),
            replace(segment, from_us=back_us),
        )
    return replace(script, segments=tuple(segments), faults=(slip,))


def _unplug(script: Script) -> Script:
    gone_us = _into_glide(script.glides, script.duration_us * 45 // 100)
    back_us = gone_us + max(800_000, script.duration_us // 10)
    return replace(script, faults=(ScriptFault(kind="outage", from_us=gone_us, to_us=back_us, value=0),))


def _noise(script: Script) -> Script:
    quarter_us = script.duration_us // 4
    return replace(script, faults=(ScriptFault(kind="noise", from_us=quarter_us, to_us=3 * quarter_us, value=62),))


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


SCENARIOS: Mapping[str, Scenario] = {
    "clean": Scenario(description="a session by the plan, every byte arrives", build=_clean),
    "overdepth": Scenario(
        description="dial over the plan on one cheek, a slipping needle stop on the forehead", build=_overdepth
    ),
    "unplug": Scenario(description="the port vanishes in the middle of a glide and comes back", build=_unplug),
    "noise": Scenario(description="a disturbed line: one frame in sixteen is damaged", build=_noise),
}
