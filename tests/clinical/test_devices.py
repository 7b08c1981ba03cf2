"""Pens and clearances: as their sources have them, each with a grade, and nothing that contradicts itself."""

import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from devicelog.clinical.devices import Devices, check_phototype, device_row
from devicelog.clinical.shipped import load_devices
from devicelog.errors import NotFound, UsageProblem

DEVICES = load_devices()
ALL = ("I", "II", "III", "IV", "V", "VI")

# Summaries of the 510(k)s (510k.innolitics.com, each under its number) and the FDA microneedling indication matrix
# (SamuelDovgin/Skincare-Device-Research); none of them is the FDA's own page, so each is graded C.
CLEARANCES = [
    ("DEN160029", "skinpen-precision", "facial_acne_scars", 22, ALL),
    ("K202243", "skinpen-precision", "neck_wrinkles", 22, ("II", "III", "IV")),
    ("K202243", "skinpen-precision", "facial_acne_scars", 22, ALL),
    ("K180778", "exceed", "facial_wrinkles", 22, ("I", "II", "III")),
    ("K182407", "exceed", "facial_acne_scars", 22, ("I", "II", "III", "IV")),
    ("K192138", "rejuvapen-nxt", "periorbital_wrinkles", 22, ("I", "II", "III", "IV")),
    ("K253002", "skinstylus", "periorbital_wrinkles", 34, ALL),
    ("K200044", "skinstylus", "abdominal_scars", 22, None),
]
# The same sources and the makers' and retailers' pages: how far the dial goes, µm, and the needles.
FACTS = {
    "skinpen-precision": (2500, (14,)),
    "exceed": (1500, (6,)),
    "exceed-unlimited": (1900, (6,)),
    "dermapen-2012": (2500, (11,)),
    "dermapen-4": (3000, ()),
    "rejuvapen-nxt": (2500, (12,)),
    "skinstylus": (2500, (36,)),
    "dr-pen-a20": (2000, (14,)),
    "pro-pen": (1500, (14,)),
    "code-x": (2000, (12, 14)),
    "skinrepen": (1500, ()),
    "fusion-meso": (None, ()),
    "dr-pen-a6s": (None, (42,)),
}


def test_the_clearances_are_those_of_the_sources() -> None:
    told = [(each.number, each.device, each.indication, each.age_from, each.phototypes) for each in DEVICES.clearances]
    assert told == CLEARANCES
    assert {each.evidence for each in DEVICES.clearances} == {"C"}


def test_no_clearance_names_pigment() -> None:
    # FDA, "Microneedling Devices": facial acne scars, facial wrinkles and abdominal scars
    assert not [each for each in DEVICES.clearances if re.search("pigment|melasma", each.indication)]


def test_the_facts_of_the_pens_are_those_of_the_sources() -> None:
    assert {each.id: (each.depth_max_um, each.needles) for each in DEVICES.devices.values()} == FACTS
    assert DEVICES.device("skinpen-precision").depth_evaluated_um == 1500
    assert DEVICES.device("exceed").depth_tolerance_um == 150


def test_every_source_is_used() -> None:
    used = {key for row in (*DEVICES.devices.values(), *DEVICES.clearances) for key in row.source}
    assert DEVICES.sources.keys() - used == {"fda_page", "cohen_2016"}  # those of suitability.py


def test_an_unknown_device_is_not_found_with_a_suggestion() -> None:
    with pytest.raises(NotFound, match="Did you mean exceed"):
        DEVICES.device("exeed")


@pytest.mark.parametrize(
    ("model", "device"),
    [
        ("Exceed", "exceed"),
        ("AMIEA MED exceed", "exceed"),
        ("exceed-unlimited", "exceed-unlimited"),
        ("Dr.Pen A20", "dr-pen-a20"),
        ("Exceed 2", None),
        ("", None),
    ],
)
def test_a_pen_is_known_by_its_model(model: str, device: str | None) -> None:
    found = DEVICES.of_model(model)
    assert (found and found.id) == device


def test_a_device_in_a_document_says_what_is_not_known() -> None:
    assert device_row(DEVICES.device("exceed")) == {
        "id": "exceed",
        "maker": "Amiea Med",
        "model": "Exceed",
        "clearance": "K180778, K182407",
        "ifu": None,
    }
    assert device_row(DEVICES.device("rejuvapen-nxt"))["maker"] is None


@pytest.mark.parametrize("text", ["", "0", "VII", "ii", "3", "I "])
def test_a_skin_type_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="is none of I, II, III, IV, V, VI"):
        check_phototype(text)


BAD = {
    "use-of-none": ("[uses.neck_wrinkles]", "[uses.throat_wrinkles]", "neck_wrinkles is none of the uses"),
    "schema": ('schema = "devicelog.devices/1"', 'schema = "x"', "schema"),
    "twice": ('id = "exceed-unlimited"', 'id = "exceed"', "twice"),
    "no-source": ('source = ["k233709"]', "source = []", "without a source"),
    "unknown-source": ('source = ["k233709"]', 'source = ["k1"]', "without a source"),
    "unknown-grade": ('source = ["k233709"]\nevidence = "C"', 'source = ["k233709"]\nevidence = "E"', "or a grade"),
    "number-of-another": ('number = "K192138"', 'number = "K182407"', "does not name the number"),
    "skin-type": ('["II", "III", "IV"]', '["II", "3"]', "skin types"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_meant_is_refused(name: str) -> None:
    old, new, words = BAD[name]
    text = (files("devicelog.clinical") / "devices.toml").read_text("utf-8")
    assert old in text
    values: dict[str, Any] = tomllib.loads(text.replace(old, new, 1))
    with pytest.raises(UsageProblem, match=words):
        Devices.from_values(values)
