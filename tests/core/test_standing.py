"""Where an encoder stands when a session begins: where the span before it left it."""

import pytest

from devicelog.pipeline import Opening, Pipeline
from devicelog.recorder.standing import as_they_stand, dial_lost
from devicelog.records import record_of
from devicelog.validate import rules_document
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Edge, LinkChange, SensorBatch
from firmware_bridge.wiring import LINES

A, B = LINES.index("dial_a"), LINES.index("dial_b")
AT_REST = (1 << len(LINES)) - 1  # every line is pulled up
STEP = ((A, False), (B, False), (A, True), (B, True))  # deeper: a before b; active is low


def turned(steps: int, *, beside: bool = False) -> Pipeline:
    """A span in which the dial was turned so many steps deeper."""
    wired, line = load_profile("gpio-reference"), load_profile("reference")
    pipeline = Pipeline(
        Opening(
            stream="u-0123456789",
            kind="span",
            profile=line if beside else wired,
            rules=rules_document(),
            sensors=wired if beside else None,
        )
    )
    changes = [change for _ in range(abs(steps)) for change in (STEP if steps > 0 else STEP[1::-1] + STEP[:1:-1])]
    edges = tuple(Edge(line_, level, 200_000 + 2_000 * at) for at, (line_, level) in enumerate(changes))
    items = (
        LinkChange(t_us=100_000, up=True, cause="opened", port="pins"),
        SensorBatch(t_us=100_000, watched_us=0, levels=AT_REST),
        SensorBatch(t_us=400_000, watched_us=300_000, levels=AT_REST, edges=edges),
    )
    for number, item in enumerate(items):
        pipeline.feed(record_of(number, item.t_us, item))
    pipeline.finish()
    return pipeline


def start_um(profile: PenProfile | None) -> int:
    assert profile is not None
    assert profile.gpio is not None
    return int(profile.gpio.document()["dial"]["start_um"])


@pytest.mark.parametrize(("steps", "at_um"), [(0, 500), (3, 650), (-2, 400)])
def test_the_session_goes_on_where_the_span_ended(steps, at_um):
    profile, sensors = as_they_stand(turned(steps), load_profile("gpio-reference"), None)
    assert (start_um(profile), sensors) == (at_um, None)


def test_pins_beside_a_pen_too():
    line = load_profile("reference")
    profile, sensors = as_they_stand(turned(3, beside=True), line, load_profile("gpio-reference"))
    assert profile is line
    assert start_um(sensors) == 650


def test_a_potentiometer_tells_by_itself():
    wired = load_profile("gpio-adc")
    pipeline = Pipeline(Opening(stream="u-0123456789", kind="span", profile=wired, rules=rules_document()))
    pipeline.finish()
    assert as_they_stand(pipeline, wired, None) == (wired, None)


def test_a_dial_that_is_not_known_is_left_as_the_profile_says():
    pipeline = turned(0)
    pipeline.decoder._pen.encoder.lose()  # type: ignore[attr-defined]
    wired = load_profile("gpio-reference")
    assert as_they_stand(pipeline, wired, None)[0] == wired
    assert dial_lost(pipeline, wired, None)


def test_a_dial_that_is_known_is_not_lost_and_one_that_is_no_encoder_cannot_be():
    wired, line, other = load_profile("gpio-reference"), load_profile("reference"), load_profile("gpio-adc")
    assert not dial_lost(turned(1), wired, None)
    assert not dial_lost(turned(1, beside=True), line, wired)
    assert not dial_lost(
        Pipeline(Opening(stream="u-0", kind="span", profile=other, rules=rules_document())), other, None
    )
