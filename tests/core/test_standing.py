"""Where an encoder stands when a session begins: where the span before it left it."""

from dataclasses import replace

import pytest

from devicelog.pipeline import Opening, Pipeline
from devicelog.recorder.standing import as_they_stand, what_to_do
from devicelog.records import record_of
from devicelog.validate import rules_document
from firmware_bridge.edges import SensorDecoder
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Edge, LinkChange, SampleBlock, SensorBatch
from firmware_bridge.wiring import LINES, Encoder

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


def start_um(profile: PenProfile | None) -> int | None:
    assert profile is not None
    assert profile.gpio is not None
    return profile.gpio.document()["dial"].get("start_um")  # type: ignore[no-any-return]


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


def lost(pipeline: Pipeline, how: str) -> Pipeline:
    """The span goes on, and nobody knows any more where the dial stands."""
    if how == "an edge was dropped":
        items: tuple = (
            SensorBatch(t_us=440_000, watched_us=40_000, levels=AT_REST, dropped=1),
            SensorBatch(t_us=840_000, watched_us=400_000, levels=AT_REST),
        )
    else:
        items = (LinkChange(t_us=440_000, up=False, cause="io error", port="pins"),)
    for number, item in enumerate(items, 3):
        pipeline.feed(record_of(number, item.t_us, item))
    return pipeline


def with_home(profile: PenProfile) -> PenProfile:
    """The same pen with a home switch."""
    assert profile.gpio is not None
    dial = profile.gpio.dial
    assert isinstance(dial, Encoder)
    return replace(profile, gpio=replace(profile.gpio, dial=replace(dial, home=replace(dial.a, pin=13))))


@pytest.mark.parametrize("how", ["an edge was dropped", "the pins are away"])
@pytest.mark.parametrize("beside", [False, True], ids=["pins alone", "beside a pen"])
def test_a_dial_that_is_not_known_is_not_known_in_the_session(beside, how):
    wired, line = load_profile("gpio-reference"), load_profile("reference")
    sides = (line, wired) if beside else (wired, None)
    pipeline = lost(turned(3, beside=beside), how)
    profile = as_they_stand(pipeline, *sides)[1 if beside else 0]
    assert profile is not None
    assert profile.gpio is not None
    assert "start_um" not in profile.gpio.document()["dial"]
    assert PenProfile.from_document(profile.document()).gpio == profile.gpio
    decoder = SensorDecoder(profile)
    readings = [
        reading
        for at in range(4)
        for reading in decoder.feed(
            SensorBatch(t_us=1_000_000 + at * 40_000, watched_us=40_000 if at else 0, levels=AT_REST)
        )
    ]
    settings = {reading.depth_set_um for reading in readings if isinstance(reading, SampleBlock)}
    assert settings == {None}
    assert decoder.dial_um is None
    words = what_to_do(pipeline, *sides)
    assert words is not None
    assert "set the dial to 500 µm and begin again" in words


def test_a_dial_that_is_not_known_is_known_again_at_home():
    pipeline, wired = lost(turned(3), "an edge was dropped"), with_home(load_profile("gpio-reference"))
    profile = as_they_stand(pipeline, wired, None)[0]
    assert PenProfile.from_document(profile.document()).gpio == profile.gpio
    assert (start_um(profile), profile.gpio.dial.at_home_um) == (None, 500)  # type: ignore[union-attr]
    decoder, home = SensorDecoder(profile), 1 << LINES.index("home")
    for at in range(8):
        levels = AT_REST & ~home if at > 2 else AT_REST
        edges = (Edge(LINES.index("home"), False, 1_120_000 - 20_000),) if at == 3 else ()
        decoder.feed(
            SensorBatch(t_us=1_000_000 + at * 40_000, watched_us=40_000 if at else 0, levels=levels, edges=edges)
        )
    assert decoder.dial_um == 500
    words = what_to_do(pipeline, wired, None)
    assert words is not None
    assert "turned home" in words


def test_home_is_where_it_was_though_the_dial_was_turned_before_the_session():
    profile = as_they_stand(turned(3), with_home(load_profile("gpio-reference")), None)[0]
    assert (start_um(profile), profile.gpio.dial.at_home_um) == (650, 500)  # type: ignore[union-attr]


def test_a_dial_that_is_known_wants_no_words_and_one_that_is_no_encoder_neither():
    wired, line, other = load_profile("gpio-reference"), load_profile("reference"), load_profile("gpio-adc")
    assert what_to_do(turned(1), wired, None) is None
    assert what_to_do(turned(1, beside=True), line, wired) is None
    pipeline = Pipeline(Opening(stream="u-0", kind="span", profile=other, rules=rules_document()))
    assert what_to_do(pipeline, other, None) is None
