"""Sensors on pins through the real command line: what goes wrong with them, and that both witnesses agree."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from devicelog.clinical.data import load_plan
from devicelog.records import Mark, item_of
from firmware_bridge.readings import LinkChange, SensorBatch
from tests.e2e.running import (
    Ended,
    Json,
    PtyPen,
    assert_whole,
    devicelog,
    entries,
    goodbye,
    listed,
    recording,
    records,
    samples,
    shared,
    shown,
    streams,
)

ALLOWED = {"DEVICELOG_ALLOW_MOCK_PINS": "1"}
SPEED = 4


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def record(data_dir: Path, *more: str | Path, **environment: str) -> Ended:
    who = ("--client", "P-117", "--practitioner", "KM", "--plan", "full-face")
    return devicelog("record", "--pen", "gpio", *who, *more, data_dir=data_dir, **environment)


def document_of(data_dir: Path, session: str, name: str = "profile") -> Json:
    """A document that a session's opening names, as `sessions` keep it."""
    from devicelog.store.database import FILE_NAME
    from devicelog.store.evidence import Evidence

    (opening,) = [
        entry for entry in entries(data_dir) if entry["body"].get("stream") == session and "pen" in entry["body"]
    ]
    with Evidence(data_dir / FILE_NAME) as evidence:
        value: Json = json.loads(evidence.document(opening["body"]["documents"][name]))
    return value


# --- what a driver refuses; what is refused before, is in tests/cli/test_connecting.py --------------------------------

# What lgpio says in each case; the computer is taken for a Pi, so that it is asked at all.
_LGPIO_MISSING = "raise ImportError(\"No module named 'lgpio'\")\n"
_LGPIO = """
import gpiozero.pins.local
gpiozero.pins.local.get_pi_revision = lambda: 0xA02082
BOTH_EDGES = RISING_EDGE = FALLING_EDGE = SET_PULL_NONE = SET_PULL_UP = SET_PULL_DOWN = 0
class error(Exception):
    pass
def gpiochip_open(chip):
    {opening}
def gpiochip_close(handle):
    pass
def gpio_claim_input(handle, gpio, flags=0):
    raise error('GPIO busy')
"""


@pytest.mark.parametrize(
    ("driver", "says"),
    [
        (_LGPIO_MISSING, ["the pin factory lgpio cannot be loaded", "pip install -e '.[pi]'", ".venv/pyvenv.cfg"]),
        (_LGPIO.format(opening="return 1"), ["pin 17 (strokes)", "in use by another program", "GPIO busy"]),
        (_LGPIO.format(opening="raise error('can not open gpiochip')"), ["no such pins", "Raspberry Pi"]),
    ],
    ids=["not-installed", "pin-busy", "no-chip"],
)
def test_pins_that_cannot_be_had(data_dir: Path, tmp_path: Path, driver, says) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "lgpio.py").write_text(driver, "utf-8")
    record(data_dir, "--profile", "gpio-reference", PYTHONPATH=str(tmp_path / "path")).refused(4, *says)
    assert listed(data_dir) == ([], [])


# --- recorded ---------------------------------------------------------------------------------------------------------


def demo(
    factory: pytest.TempPathFactory, name: str, *words: str, text: str = "", seconds: int = 8, speed: int = SPEED
) -> tuple[Path, Json, str]:
    """A demo that is recorded once a run: where it is, its session, and what was said."""

    def make(directory: Path) -> None:
        scenario = directory / "told.scenario"
        scenario.write_text(text, "utf-8")
        words_ = ("--seconds", str(seconds), "--speed", str(speed), "--scenario", str(scenario), *words)
        told = devicelog("demo", *words_, "--json", data_dir=directory / "data").succeeded()
        (directory / "shown.json").write_text(told.stdout, "utf-8")
        (directory / "said").write_text(told.stderr, "utf-8")

    directory = shared(factory, f"pins-{name}", make)
    told = json.loads((directory / "shown.json").read_text("utf-8"))
    return directory / "data", told, (directory / "said").read_text("utf-8")


def test_a_demo_from_mock_pins_is_recorded_and_replays_identical(tmp_path_factory) -> None:
    data_dir, told, _ = demo(tmp_path_factory, "gpio", "--pen", "gpio")
    assert_whole(data_dir)
    assert told["verdict"] in ("conforming", "conforming with deviations")
    assert told["mode"] == "demo"
    strokes = told["sensors"]["account"]["strokes"]
    assert strokes["low"] == strokes["high"] > 500
    zones = {zone["zone"]: zone for zone in told["zones"]}
    assert list(zones) == ["forehead", "cheek.left", "cheek.right"]
    assert all(zone["contact_us"] > 1_000_000 for zone in zones.values())
    assert [row["depth_set_um"] for row in zones["cheek.left"]["at_set_depth"]] == [950]
    for stream in (told["id"], *streams(data_dir, "span")):
        again = devicelog("replay", stream, "--json", data_dir=data_dir, PYTHONHASHSEED="7").succeeded().json()
        assert again["identical"]
    profile = document_of(data_dir, told["id"])
    assert profile["gpio"]["factory"] == "mock"
    items = [item_of(record) for record in records(data_dir)]
    assert [(item.up, item.port) for item in items if isinstance(item, LinkChange)] == [(True, "pins")]
    assert sum(isinstance(item, SensorBatch) for item in items) > 20


def test_a_pen_and_pins_agree_zone_by_zone(tmp_path_factory) -> None:
    data_dir, told, _ = demo(tmp_path_factory, "both", "--pen", "both", speed=2)
    assert_whole(data_dir)
    compared = {zone["zone"]: zone for zone in told["compared"]}
    assert list(compared) == ["forehead", "cheek.left", "cheek.right"]
    for zone in compared.values():
        assert zone["passes"] == {"pen": 1, "pins": 1}
        assert zone["set_depth"]["pen_um"] == zone["set_depth"]["pins_um"]
        assert abs(zone["contact"]["pen_us"] - zone["contact"]["pins_us"]) < 300_000
    assert "sensors.disagree" not in [finding["rule"] for finding in told["findings"]]
    text = devicelog("sessions", "show", told["id"], data_dir=data_dir).succeeded().stdout
    rows = [line.split() for line in text.splitlines() if line.split()[-1:] == ["agree"]]
    assert [row[0] for row in rows] == list(compared)
    assert devicelog("replay", told["id"], "--json", data_dir=data_dir).succeeded().json()["identical"]
    assert document_of(data_dir, told["id"], "sensors")["gpio"]["factory"] == "mock"


_TROUBLE = """
at 1.5s   dead channel
at 2300ms noise 50 per thousand for 1s
at 3s     double strokes for 2s
at 6s     unplug for 300ms
"""


def test_a_hall_sensor_at_twice_the_rate_makes_the_count_an_interval(tmp_path_factory) -> None:
    _, told, _ = demo(tmp_path_factory, "trouble", "--pen", "gpio", text=_TROUBLE)
    strokes = told["sensors"]["account"]["strokes"]
    assert strokes["high"] - strokes["low"] > 100
    assert "strokes.uncertain" in [finding["rule"] for finding in told["findings"]]


def test_an_encoder_with_a_dead_channel_has_no_setting(tmp_path_factory) -> None:
    _, told, _ = demo(tmp_path_factory, "trouble", "--pen", "gpio", text=_TROUBLE)
    assert told["sensors"]["account"]["dial"]["dead_channel"] == "b"
    zones = {zone["zone"]: zone for zone in told["zones"]}
    assert [row["depth_set_um"] for row in zones["forehead"]["at_set_depth"]] == [300]
    assert zones["cheek.right"]["at_set_depth"] == []


def test_what_pins_do_not_have_is_left_out_and_said(tmp_path_factory) -> None:
    _, _, said = demo(tmp_path_factory, "trouble", "--pen", "gpio", text=_TROUBLE)
    assert "the pins leave out, since they have no line: noise\n" in said


def test_a_converter_at_its_rail_has_no_setting(tmp_path_factory) -> None:
    words = ("--pen", "gpio", "--wiring", "gpio-adc")
    _, told, _ = demo(tmp_path_factory, "rail", *words, text="at 3s rail for 1s")
    adc = told["sensors"]["account"]["adc"]
    assert adc["rail"] > 20
    assert adc["conversions"] > 200


# --- the pedal --------------------------------------------------------------------------------------------------------

_PRESSES = """
at 1700ms pedal for 100ms
at 2000ms pedal for 100ms
at 3500ms pedal for 100ms
at 8s     pedal for 1200ms
at 10s    pedal for 1200ms
at 16s    pedal for 15s
"""


def test_a_foot_makes_marks_that_are_on_disk_and_a_pedal_that_is_held_makes_none(tmp_path_factory) -> None:
    data_dir, told, said = demo(tmp_path_factory, "pedal", "--pen", "gpio", text=_PRESSES, seconds=32)
    pressed = [line.strip() for line in said.splitlines() if line.strip().startswith("pedal: ")]
    zones = [zone.zone for zone in load_plan("full-face").zones]
    assert pressed == [
        f"pedal: zone {zones[zones.index('forehead') + 1]}: recorded",
        "pedal: pass: recorded",
        "pedal: pause: recorded",
        "pedal: resume: recorded",
    ]
    assert said.count("the pedal is held down") == 1
    marks = [mark for each in records(data_dir) if isinstance(mark := item_of(each), Mark)]
    assert {mark.actor for mark in marks} == {"DEMO"}
    assert [mark.kind for mark in marks if mark.kind in ("pause", "resume")] == ["pause", "resume"]
    assert [mark.zone for mark in marks if mark.kind == "zone"][:2] == zones[:2]
    assert devicelog("replay", told["id"], "--json", data_dir=data_dir).succeeded().json()["identical"]


# --- record -----------------------------------------------------------------------------------------------------------


def test_record_from_pins_keeps_the_factory_that_was_used(data_dir: Path) -> None:
    words = ("--profile", "gpio-reference", "--pin-factory", "mock", "--duration", "1")
    record(data_dir, *words, **ALLOWED).succeeded()
    assert_whole(data_dir)
    (session,) = streams(data_dir, "session")
    profile = document_of(data_dir, session)
    assert (profile["gpio"]["factory"], profile["gpio"]["dial"]["start_um"]) == ("mock", 500)
    told = shown(data_dir, session)
    assert told["mode"] == "demo"
    assert told["sensors"]["account"]["strokes"] == {"low": 0, "high": 0}
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]


def test_record_a_pen_with_pins_beside_it(data_dir: Path, tmp_path: Path) -> None:
    beside = ("--sensors", "gpio-reference", "--pin-factory", "mock")
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *beside, **ALLOWED) as command:
        command.wait_for("the pins are open")
        pen.introduce(command)
        pen.send(*samples(0, 20), goodbye(40))
        command.wait_until(lambda: _sensor_batches(data_dir) > 20, "batches on disk")
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert_whole(data_dir)
    (session,) = streams(data_dir, "session")
    told = shown(data_dir, session)
    assert told["pen"]["serial"] == "PTY-1"
    assert told["sensors"]["account"]["strokes"] == {"low": 0, "high": 0}
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]


def _sensor_batches(data_dir: Path) -> int:
    return sum(isinstance(item_of(each), SensorBatch) for each in records(data_dir) if each.kind == 9)
