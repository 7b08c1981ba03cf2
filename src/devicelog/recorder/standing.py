"""How a dial stands when a session begins: an encoder tells turns alone, and what it was turned before counts. Pure.

A session's decoder begins afresh, and its profile says where the dial stood then.
"""

from dataclasses import replace

from devicelog.pipeline import Pipeline
from firmware_bridge.profile import PenProfile
from firmware_bridge.wiring import Encoder


def as_they_stand(
    pipeline: Pipeline, profile: PenProfile, sensors: PenProfile | None
) -> tuple[PenProfile, PenProfile | None]:
    """The profile and the sensors' with their encoders at the setting that was last told in this stream."""
    told_um, beside_um = pipeline.dials_um
    return _standing(profile, told_um), sensors and _standing(sensors, beside_um)


def dial_lost(pipeline: Pipeline, profile: PenProfile, sensors: PenProfile | None) -> bool:
    """Whether an encoder's position was lost in this stream: then the session takes it to stand at its start."""
    sides = zip((profile, sensors), pipeline.dials_um, strict=True)
    return any(_has_encoder(side) and at_um is None for side, at_um in sides)


def _has_encoder(profile: PenProfile | None) -> bool:
    return profile is not None and profile.gpio is not None and isinstance(profile.gpio.dial, Encoder)


def _standing(profile: PenProfile, at_um: int | None) -> PenProfile:
    wiring = profile.gpio
    if at_um is None or wiring is None or not isinstance(wiring.dial, Encoder):
        return profile
    return replace(profile, gpio=replace(wiring, dial=replace(wiring.dial, start_um=at_um)))
