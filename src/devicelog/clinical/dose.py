"""Punctures per square centimetre of one zone, as an upper bound, with what is assumed for it in words.

D = f N t / A: stroke frequency, needles, time in contact, area. The frequency is the highest of the zone: with the mean
the number could be below what was, and the pen's counter of strokes counts in the air, too, and not in a gap. Plain
geometry (DER); no clinical threshold exists, so none is here, and it is no dose of anything that was put on the skin.
"""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_TENTHS_OF_MICROSECONDS = 10 * 1_000_000  # dHz times microseconds to strokes
ASSUMPTIONS = (
    "every stroke in contact punctures, with every needle",
    "no place is hit twice",
    "the highest stroke frequency measured in the zone, to a tenth of a hertz, held for the whole time in contact",
)
NO_CONTACT_SIGNAL = "there was no contact signal: the time the motor ran stands for it, and overstates it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """`punctures_per_cm2` is None where it cannot be computed, and `why` says so. `assumes` is for people."""

    punctures_per_cm2: int | None
    why: tuple[str, ...]
    assumes: tuple[str, ...]

    def document(self) -> Json:
        """As plain values."""
        return {
            "punctures_per_cm2": self.punctures_per_cm2,
            "upper_bound": True,
            "why_not": list(self.why),
            "assumes": list(self.assumes),
        }


def dose(
    *,
    frequency_dhz: int | None,
    contact_us: int | None,
    needles: int | None,
    area_cm2: int | None,
    motor_us: int | None = None,
) -> Dose:
    """The upper bound, rounded up to a whole puncture. `motor_us` stands in where no contact signal came.

    Tenths of a hertz, microseconds, whole square centimetres. Raises ValueError for a number below nothing.
    """
    time_us = motor_us if contact_us is None else contact_us
    inputs = {
        "the stroke frequency is not known": frequency_dhz,
        "the time in contact is not known": time_us,
        "the number of needles is not recorded": needles,
        "the plan says no area for the zone": area_cm2,
    }
    if any(value is not None and value < 0 for value in inputs.values()) or needles == 0 or area_cm2 == 0:
        raise ValueError(f"a dose of {inputs}")
    why = tuple(words for words, value in inputs.items() if value is None)
    assumes = ASSUMPTIONS if contact_us is not None or motor_us is None else (*ASSUMPTIONS, NO_CONTACT_SIGNAL)
    if frequency_dhz is None or time_us is None or needles is None or area_cm2 is None:
        return Dose(punctures_per_cm2=None, why=why, assumes=assumes)
    strokes_scaled = frequency_dhz * needles * time_us
    return Dose(punctures_per_cm2=-(-strokes_scaled // (_TENTHS_OF_MICROSECONDS * area_cm2)), why=(), assumes=assumes)
