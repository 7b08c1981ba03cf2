"""The body of the simulated pen: arm, dial, motor and sensor. What a sensor would read at a moment of a script.

Pure: no clock, every random number from its own seeded generator, and only operations that are exact in IEEE
arithmetic, so that the same seed gives the same numbers on every machine. Not responsible for frames (pen.py).
Nothing here is a depth reached in tissue; there is no human conversion factor [kalluri_2011] A, and none is simulated.
"""

from math import sqrt
from random import Random
from typing import NamedTuple

from firmware_bridge.simulator.script import Glide, Script, dice

# frequency of strokes: 7,000 rpm at one stroke per turn [gus_speed, k180778, pinova_depth] C/D
FREQUENCY_DHZ = 1170
# The rest are assumptions: rpm drop under load and sensor noise have no source (evidence §6.1 X).
DROOP_DHZ = 25
JITTER_DHZ = 3
DEPTH_SIGMA_UM, DEPTH_NOISE_MAX_UM = 22, 66
NOISE_TIME_US = 200_000  # correlation time of the slow noise
STEP_UM = 10  # resolution of the sensor
DEPTH_MOST_UM = 32_000  # what a frame can tell
RAMP_US = 60_000  # the tip gives way when it touches down, and is back at its depth after this
RAMP_PERCENT = 20
# The three together stay inside +/-150 um, the scale tolerance of a cleared pen [k180778] C: clean means no deviation.
PRESS_MAX_UM = 30
SCALE_MAX_UM = 45
# a 12-bit converter: 5 counts for 4 um, 180 counts at the needle's rest
RAW_ZERO, RAW_PER_UM = 180, 1.25

# A dial that is turned and a stop that gives way need time: 2.5 mm take 100 ms, and no needle moves 2 mm in 10 ms.
SLEW_UM_PER_MS = 25
SLIP_LEAD_US = 100_000  # so long before its time a slip begins, to be at its depth then

MICRO_TURNS = 10 * 1_000_000  # tenths of a hertz times microseconds in one stroke


class Sample(NamedTuple):
    """One sample of the sensors: micrometres, converter counts, tenths of a hertz, contact, and the whole strokes
    since the sample before."""

    depth_um: int
    raw_count: int
    frequency_dhz: int
    contact: bool
    new_strokes: int


class Body:
    """One pen's mechanics. Its scale error and motor stay its own from script to script."""

    def __init__(self, seed: int, period_us: int) -> None:
        """`period_us` is the time between samples."""
        own = dice(seed, "pen body")
        self._scale_um = own.randint(-SCALE_MAX_UM, SCALE_MAX_UM)
        self._motor_dhz = FREQUENCY_DHZ + own.randint(-8, 8)
        self._rng = dice(seed, "sensor")
        self._hand = dice(seed, "hand")
        self._period_us = period_us
        self._keep = max(0.0, 1 - period_us / NOISE_TIME_US)
        self._kick_um = DEPTH_SIGMA_UM * sqrt(1 - self._keep * self._keep)
        self._noise_um = 0.0
        self._frequency_dhz = float(self._motor_dhz)
        self._turns = 0  # a stroke that has begun, in tenths of a hertz times microseconds
        self._glide: Glide | None = None
        self._press_um = 0
        self._at_um: float | None = None  # where the needles stand on the skin; None before the first sample there
        self._stuck: tuple[int, int] | None = None  # depth and raw count of a sensor that is stuck

    def sample(self, script: Script, t_us: int) -> Sample:
        """The sensors at `t_us` microseconds of the script, the motor running. Call it in order, once per period."""
        glide = script.glide_at(t_us)
        if glide != self._glide:
            self._press_um = 0 if glide is None else self._hand.randint(-PRESS_MAX_UM, PRESS_MAX_UM)
            self._glide, self._at_um = glide, None
        read_um = self._depth_um(script, t_us) + _misread_um(script, t_us)
        raw_count = round(RAW_ZERO + RAW_PER_UM * read_um + 2 * _normal(self._rng))
        frequency_dhz = self._motor()
        self._turns += frequency_dhz * self._period_us
        new_strokes, self._turns = divmod(self._turns, MICRO_TURNS)
        told = (STEP_UM * max(0, min(round(read_um / STEP_UM), DEPTH_MOST_UM // STEP_UM)), max(0, min(raw_count, 4095)))
        self._stuck = (self._stuck or told) if script.fault_at("stuck sensor", t_us) is not None else None
        depth_um, raw_count = self._stuck or told
        return Sample(depth_um, raw_count, frequency_dhz, glide is not None, new_strokes)

    def _depth_um(self, script: Script, t_us: int) -> float:
        """Set depth, the pen's scale error, the hand's pressure, the give at touch-down and the slow noise."""
        noise_um = self._noise_um * self._keep + self._kick_um * _normal(self._rng)
        self._noise_um = max(-DEPTH_NOISE_MAX_UM, min(noise_um, DEPTH_NOISE_MAX_UM))
        set_um = script.segment_at(t_us).depth_set_um
        if self._glide is None:  # the sensor is in the pen: in the air it reads the dial, not zero
            return set_um + self._scale_um + self._noise_um
        slip = script.fault_at("slip", t_us) or script.fault_at("slip", t_us + SLIP_LEAD_US)
        at_um = self._move(set_um + self._scale_um + self._press_um if slip is None else slip.value)
        if slip is not None:
            return at_um + self._noise_um
        given_us = max(0, RAMP_US - (t_us - self._glide.from_us))
        give_um = set_um * RAMP_PERCENT / 100 * given_us / RAMP_US
        return at_um - give_um + self._noise_um

    def _move(self, wanted_um: float) -> float:
        """Where the needles stand: where they should when they touch down; later they move as fast as they can."""
        if self._at_um is None:
            self._at_um = wanted_um
        most_um = SLEW_UM_PER_MS * self._period_us / 1000
        self._at_um += max(-most_um, min(wanted_um - self._at_um, most_um))
        return self._at_um

    def _motor(self) -> int:
        """Tenths of a hertz: slower under load, with a tenth of a second to follow."""
        wanted_dhz = self._motor_dhz - (0 if self._glide is None else DROOP_DHZ)
        self._frequency_dhz += (wanted_dhz - self._frequency_dhz) * min(1.0, self._period_us / 100_000)
        return round(self._frequency_dhz) + self._rng.randint(-JITTER_DHZ, JITTER_DHZ)


def _misread_um(script: Script, t_us: int) -> int:
    """How much more the sensor reads than there is: jumps while they last, drifts also when they are over."""
    jump = script.fault_at("jump", t_us)
    drifts = (drift for drift in script.faults_of("drift") if drift.from_us < t_us)
    return (jump.value if jump else 0) + sum(
        drift.value * (min(t_us, drift.to_us) - drift.from_us) // 1_000_000 for drift in drifts
    )


def _normal(rng: Random) -> float:
    """About a standard normal: four dice. `Random.gauss` calls the machine's own cosine, which differs in last bits."""
    return (rng.random() + rng.random() + rng.random() + rng.random() - 2) * sqrt(3)
