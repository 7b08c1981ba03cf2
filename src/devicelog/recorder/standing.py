"""How a dial stands when a session begins: an encoder tells turns alone, and what it was turned before counts. Pure.

A session's decoder begins afresh, and its profile says where the dial stood then, or that nobody knows.
"""

from dataclasses import replace

from devicelog.pipeline import Pipeline
from firmware_bridge.profile import PenProfile
from firmware_bridge.wiring import Encoder


def as_they_stand(
    pipeline: Pipeline, profile: PenProfile, sensors: PenProfile | None
) -> tuple[PenProfile, PenProfile | None]:
    """The profile and the sensors' with their encoders at the setting that was last told in this stream.

    Where that was lost the session's profile names none: a setting that may be wrong is none.
    """
    told_um, beside_um = pipeline.dials_um
    return _standing(profile, told_um), sensors and _standing(sensors, beside_um)


def what_to_do(pipeline: Pipeline, profile: PenProfile, sensors: PenProfile | None) -> str | None:
    """Words for who records where an encoder's position was lost in this stream; None where it is known."""
    for side, at_um in zip((profile, sensors), pipeline.dials_um, strict=True):
        dial = _encoder(side)
        if dial is None or at_um is not None:
            continue
        if dial.home is not None:
            return "where the dial stands is not known: no setting is recorded until it was turned home"
        how = "" if dial.start_um is None else f" For one, stop, set the dial to {dial.start_um} µm and begin again"
        return f"where the dial stands is not known: no setting is recorded in this session.{how}"
    return None


def _encoder(profile: PenProfile | None) -> Encoder | None:
    dial = profile.gpio.dial if profile is not None and profile.gpio is not None else None
    return dial if isinstance(dial, Encoder) else None


def _standing(profile: PenProfile, at_um: int | None) -> PenProfile:
    wiring, dial = profile.gpio, _encoder(profile)
    if wiring is None or dial is None:
        return profile
    return replace(profile, gpio=replace(wiring, dial=replace(dial, start_um=at_um, home_um=dial.at_home_um)))
