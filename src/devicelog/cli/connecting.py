"""How a pen is reached: the line, the pins, or both. The words of the command line in, profiles and a source out."""

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from devicelog.cli.common import F
from devicelog.errors import UsageProblem

if TYPE_CHECKING:
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.job import Job, Source
    from firmware_bridge.profile import PenProfile
    from firmware_bridge.simulator import Script
    from firmware_bridge.sources import Inbox

PINS = "gpio"
_WIRED = "gpio-reference"


def pin_factory_option(command: F) -> F:
    """`--pin-factory NAME`, or DEVICELOG_PIN_FACTORY."""
    return click.option(
        "--pin-factory", metavar="NAME", help="gpiozero's way to the pins, in place of the one the profile names."
    )(command)


def profiles_of(
    pen: str, profile_name: str, sensors_name: str | None, factory: str | None
) -> "tuple[PenProfile, PenProfile | None]":
    """The profile of the pen, and of the pins that watch beside it. Raises UsageProblem where they do not go together,
    ProfileError for one that does not parse or that names a pin factory that there is not."""
    from firmware_bridge.profiles import load_profile

    _check_case(pen)
    profile = load_profile(profile_name)
    sensors = load_profile(sensors_name) if sensors_name else None
    if pen == PINS and profile.gpio is None:
        raise UsageProblem(f"profile {profile.name} is of a pen that sends; name one that is wired: --profile {_WIRED}")
    if pen != PINS and profile.gpio is not None:
        raise UsageProblem(
            f"profile {profile.name} is wired to pins: use --pen {PINS}, "
            f"or --sensors {profile.name} beside a pen that sends"
        )
    if sensors is not None and pen == PINS:
        raise UsageProblem(f"--sensors is for pins beside a pen that sends; with --pen {PINS} they are the pen")
    if sensors is not None and sensors.gpio is None:
        raise UsageProblem(f"--sensors {sensors_name}: nothing is wired to pins there; try --sensors {_WIRED}")
    if factory and profile.gpio is None and sensors is None:
        raise UsageProblem(f"--pin-factory is for pins: --pen {PINS}, or --sensors")
    return on_pins(profile, factory), sensors and on_pins(sensors, factory)


def _check_case(pen: str) -> None:
    """The words for a pen are in small letters. Raises UsageProblem: one in capitals would be taken for a port."""
    from firmware_bridge.sources.seek import AUTO

    if pen.lower() in (PINS, AUTO) and pen not in (PINS, AUTO):
        raise UsageProblem(f"--pen {pen}: did you mean {pen.lower()}? A port of that name is ./{pen}")


def on_pins(profile: "PenProfile", factory: str | None) -> "PenProfile":
    """The profile with the pin factory that is used, as the session keeps it. Raises ProfileError."""
    from firmware_bridge.sources.pin_factory import choose_factory

    wiring = profile.gpio
    if wiring is None:
        return profile
    return replace(profile, gpio=replace(wiring, factory=choose_factory(wiring.factory, factory, os.environ)))


def on_mock_pins(profile: "PenProfile", script: "Script") -> "PenProfile":
    """The profile of a demo: simulated pins, a serial number that says so, and the dial set for the script's start."""
    from firmware_bridge.sources.pin_factory import MOCK
    from firmware_bridge.wiring import Encoder

    wiring = profile.gpio
    if wiring is None:
        return profile
    dial, set_um = wiring.dial, script.segments[0].depth_set_um
    if isinstance(dial, Encoder):
        dial = replace(dial, start_um=max(dial.min_um, min(set_um, dial.max_um)))
    serial = f"SIM-{secrets.token_hex(4)}"
    simulated = replace(wiring, factory=MOCK, dial=dial, serial=serial, calibration_id="SIM-CAL-1")
    return replace(profile, gpio=simulated)


def source_for(job: "Job", url: str, factory: Any = None) -> "Callable[[Inbox, RecorderClock], Source]":
    """What makes the source of a job. `factory`: pins that are there already, simulated ones."""

    def source_of(inbox: "Inbox", clock: "RecorderClock") -> "Source":
        from firmware_bridge.sources import SerialSource
        from firmware_bridge.sources.both import Both
        from firmware_bridge.sources.gpio import GpioSource

        wired = job.profile if url == PINS else job.sensors
        pins = None
        if wired is not None and wired.gpio is not None:
            pins = GpioSource(wired.gpio, inbox, clock.now_us, speed=clock.speed, factory=factory)
        if url == PINS and pins is not None:
            return pins
        line = SerialSource(url, job.profile, inbox, clock.now_us, speed=clock.speed)
        return line if pins is None else Both(line, pins)

    return source_of
