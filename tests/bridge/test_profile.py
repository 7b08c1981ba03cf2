"""A pen profile: what is refused, in which words, and that what is taken can be kept as canonical bytes."""

from typing import Any

import pytest

from devicelog.canonical import canonical
from firmware_bridge.errors import ProfileError
from firmware_bridge.profile import PenProfile
from firmware_bridge.profiles import load_profile

REFERENCE = load_profile("reference").document()


def read(**changed: Any) -> PenProfile:
    return PenProfile.from_document(REFERENCE | changed)


def test_a_profile_reads_back_from_its_document():
    assert read().document() == REFERENCE


MAY_BE_LEFT_OUT = {"schema", "measures", "frequency_min_dhz", "frequency_max_dhz", "frequency_source", "calibrations"}


@pytest.mark.parametrize("key", [key for key in REFERENCE if key not in MAY_BE_LEFT_OUT])
def test_every_key_is_needed(key):
    with pytest.raises(ProfileError, match=f"{key} is missing"):
        PenProfile.from_document({name: value for name, value in REFERENCE.items() if name != key})


def test_another_key_is_refused():
    with pytest.raises(ProfileError, match="unknown key depth"):
        read(depth=1)


@pytest.mark.parametrize(
    ("key", "value"),
    [("baud", "115200"), ("baud", True), ("dtr", 1), ("label", 7), ("depth_max_um", 2.5), ("name", None)],
)
def test_a_value_of_another_type_is_refused(key, value):
    with pytest.raises(ProfileError, match=f"{key} = .*; expected (int|bool|str)"):
        read(**{key: value})


RANGES = {
    "baud": (1200, 4_000_000),
    "depth_max_um": (100, 10_000),
    "depth_tolerance_um": (0, 1_000),
    "silence_limit_us": (100_000, 60_000_000),
}


@pytest.mark.parametrize(("key", "low", "high"), [(key, *ends) for key, ends in RANGES.items()])
def test_a_number_is_taken_up_to_its_ends_and_refused_beyond(key, low, high):
    for value in (low, high):
        assert getattr(read(**{key: value}), key) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ProfileError, match=f"{key} = {value}; expected {low} to {high}"):
            read(**{key: value})


@pytest.mark.parametrize("text", ["a\nb", "a\x7f", "\x00", "\ud800"])
def test_text_that_canonical_bytes_cannot_hold_is_refused(text):
    with pytest.raises(ProfileError, match=r"label = .*; expected text without control characters"):
        read(label=text)


def test_text_is_kept_in_one_form():
    profile = read(label="Stift fu\u0308r Tests")
    assert profile.label == "Stift f\u00fcr Tests"
    canonical(profile.document())
