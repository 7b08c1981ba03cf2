"""docs/pins.md against the code: the example is a wiring, the diagram and the tables are those that are in force."""

import re
import tomllib

import pytest

from firmware_bridge.edges.pedal import STUCK_US
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import MAX_EDGES
from firmware_bridge.sources.pin_factory import FACTORIES
from firmware_bridge.wiring import Potentiometer, read_wiring
from tests.pages import block, cells, section

PAGE = "pins.md"


def test_the_example_is_a_wiring():
    wiring = read_wiring(tomllib.loads(block(PAGE, "toml"))["gpio"])
    assert list(wiring.lines()) == ["strokes", "contact", "pedal"]
    assert isinstance(wiring.dial, Potentiometer)


@pytest.mark.parametrize("name", ["gpio-reference", "gpio-adc"])
def test_the_diagram_has_the_pins_of_the_shipped_profiles(name):
    drawn = {int(number) for number in re.findall(r"GPIO(\d+)", block(PAGE, "text"))}
    wiring = load_profile(name).gpio
    assert wiring is not None
    assert {switch.pin for switch in wiring.lines().values()} | {wiring.tone_pin} <= drawn
    assert wiring.factory == "lgpio"


def test_every_factory_is_on_the_page():
    assert [row[0] for row in cells(PAGE, "## Pin factories")] == list(FACTORIES)


def test_every_key_of_a_wiring_is_on_the_page():
    told = " ".join(row[0] for row in cells(PAGE, "## The profile"))
    wiring = load_profile("gpio-reference").gpio
    assert wiring is not None
    for key in wiring.__slots__:
        assert key in told, key


def test_the_figures_in_the_text():
    assert f"held for {STUCK_US // 1_000_000} s" in section(PAGE, "## The pedal")
    assert f"it holds {MAX_EDGES} edges" in section(PAGE, "## What counting on pins cannot promise")
