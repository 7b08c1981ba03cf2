"""A pen profile read and kept: what may be left out, what cannot be meant, the same again from its document."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from firmware_bridge.errors import ProfileError
from firmware_bridge.profile import MEASURES, Calibration, PenProfile
from firmware_bridge.profiles import load_profile
from tests.bridge.wired import profile_of, switch

LEAST: dict[str, Any] = {
    "name": "bench",
    "label": "A pen for tests",
    "baud": 115_200,
    "dtr": False,
    "rts": True,
    "request_identity": True,
    "depth_max_um": 2_500,
    "depth_max_source": "test",
    "depth_tolerance_um": 150,
    "depth_tolerance_source": "test",
    "silence_limit_us": 2_500_000,
}
FREQUENCY = {"frequency_min_dhz": 900, "frequency_max_dhz": 1_500, "frequency_source": "test"}
WHOLE = (
    LEAST
    | FREQUENCY
    | {
        "measures": ["depth", "contact"],
        "calibrations": [{"id": "cal-1", "expires": "2027-06-30"}, {"id": "cal-2", "expires": "2028-02-29"}],
    }
)


def test_what_may_be_left_out() -> None:
    profile = PenProfile.from_document(LEAST)
    assert profile.measures == MEASURES
    assert (profile.frequency_min_dhz, profile.frequency_max_dhz, profile.frequency_source) == (None, None, None)
    assert profile.calibrations == ()
    assert profile.expires("cal-1") is None


def test_a_whole_profile() -> None:
    profile = PenProfile.from_document(WHOLE)
    assert profile == PenProfile(
        **LEAST
        | FREQUENCY
        | {
            "measures": ("depth", "contact"),
            "calibrations": (
                Calibration(id="cal-1", expires="2027-06-30"),
                Calibration(id="cal-2", expires="2028-02-29"),
            ),
        }
    )
    assert [profile.expires(name) for name in ("cal-1", "cal-2", "cal-3", "")] == [
        "2027-06-30",
        "2028-02-29",
        None,
        None,
    ]


@pytest.mark.parametrize("values", [LEAST, LEAST | FREQUENCY, WHOLE])
def test_a_document_is_read_back(values: dict[str, Any]) -> None:
    profile = PenProfile.from_document(values)
    document = parse_canonical(canonical(profile.document()))
    assert document["schema"] == "devicelog.profile/1"
    assert PenProfile.from_document(document) == profile
    assert ("frequency_min_dhz" in document) == ("frequency_min_dhz" in values)  # what is not named is left out


@pytest.mark.parametrize("name", ["reference", "board", "gpio-reference", "gpio-adc"])
def test_a_profile_that_ships_is_read_back_from_the_document_a_session_keeps(name: str) -> None:
    profile = load_profile(name)
    assert PenProfile.from_document(parse_canonical(canonical(profile.document()))) == profile


def test_a_pen_on_pins() -> None:
    wired = load_profile("gpio-reference").document()
    profile = PenProfile.from_document(wired)
    assert profile.untold == ("identity", "clock")
    assert (profile.baud, profile.dtr, profile.rts, profile.request_identity) == (0, False, False, False)
    for change, message in [
        ({"baud": 115_200}, "baud belongs to a serial line, and gpio says that there is none"),
        ({"dtr": False}, "dtr belongs to a serial line, and gpio says that there is none"),
        ({"measures": ["depth"]}, "measures names 'depth', and nothing that gpio connects measures it"),
    ]:
        with pytest.raises(ProfileError, match=f"^pen profile: {message}$"):
            PenProfile.from_document(wired | change)


def test_the_reference_pen_measures_everything() -> None:
    profile = load_profile("reference")
    assert profile.measures == MEASURES
    assert (profile.frequency_min_dhz, profile.frequency_max_dhz) == (900, 1_500)


def test_measures_stand_in_their_own_order_and_once() -> None:
    profile = PenProfile.from_document(LEAST | {"measures": ["strokes", "depth", "set_depth", "depth"]})
    assert profile.measures == ("set_depth", "depth", "strokes")
    assert PenProfile.from_document(LEAST | {"measures": []}).measures == ()


def test_a_name_beside_the_file_that_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.toml").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProfileError, match=r"^no pen profile words; .* Did you mean words\.toml\?$"):
        load_profile("words")
    with pytest.raises(ProfileError, match=r"Did you mean reference\?$"):
        load_profile("refrence")


@pytest.mark.parametrize("key", list(LEAST))
def test_what_may_not_be_left_out(key: str) -> None:
    kinds = r"\. For a pen that sends lines of text add a table \[lines\], for sensors on pins a table \[gpio\]"
    more = kinds if key == "request_identity" else ""
    with pytest.raises(ProfileError, match=f"^pen profile: {key} is missing{more}$"):
        PenProfile.from_document({name: value for name, value in LEAST.items() if name != key})


TWICE = [{"id": "cal-1", "expires": "2027-06-30"}, {"id": "cal-1", "expires": "2028-06-30"}]
NO_DAY = "expected texts, and a day such as 2027-06-30"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "devicelog.profile/2"}, "schema = 'devicelog.profile/2'; expected 'devicelog.profile/1'"),
        ({"bauds": 9}, "unknown key bauds. Did you mean baud?"),
        ({"qqq": 9}, "unknown key qqq."),
        ({"measure": []}, "unknown key measure. Did you mean measures?"),
        ({"name": 5}, "name = 5; expected str"),
        ({"dtr": 0}, "dtr = 0; expected bool"),
        ({"baud": True}, "baud = True; expected int"),
        ({"baud": 1_199}, "baud = 1199; expected 1200 to 4000000"),
        ({"baud": 4_000_001}, "baud = 4000001; expected 1200 to 4000000"),
        ({"depth_max_um": 99}, "depth_max_um = 99; expected 100 to 10000"),
        ({"depth_max_um": 10_001}, "depth_max_um = 10001; expected 100 to 10000"),
        ({"depth_tolerance_um": -1}, "depth_tolerance_um = -1; expected 0 to 1000"),
        ({"depth_tolerance_um": 1_001}, "depth_tolerance_um = 1001; expected 0 to 1000"),
        ({"silence_limit_us": 99_999}, "silence_limit_us = 99999; expected 100000 to 60000000"),
        ({"silence_limit_us": 60_000_001}, "silence_limit_us = 60000001; expected 100000 to 60000000"),
        (FREQUENCY | {"frequency_min_dhz": 0}, "frequency_min_dhz = 0; expected 1 to 10000"),
        (FREQUENCY | {"frequency_max_dhz": 10_001}, "frequency_max_dhz = 10001; expected 1 to 10000"),
        (FREQUENCY | {"frequency_min_dhz": 90.0}, "frequency_min_dhz = 90.0; expected int"),
        (FREQUENCY | {"frequency_source": 7}, "frequency_source = 7; expected str"),
        (
            FREQUENCY | {"frequency_min_dhz": 1_501},
            "frequency_min_dhz = 1501 is above frequency_max_dhz = 1500",
        ),
        ({"measures": "depth"}, f"measures = 'depth'; expected a list of {', '.join(MEASURES)}"),
        ({"measures": [1]}, f"measures = [1]; expected a list of {', '.join(MEASURES)}"),
        ({"measures": ["dept"]}, "measures names 'dept', which no pen sends. Did you mean depth?"),
        ({"measures": ["q"]}, f"measures names 'q', which no pen sends. There are: {', '.join(MEASURES)}."),
        ({"calibrations": "cal-1"}, "calibrations: 'cal-1'; expected id and expires"),
        ({"calibrations": [{"id": "a"}]}, "calibrations: {'id': 'a'}; expected id and expires"),
        ({"calibrations": ["a"]}, "calibrations: 'a'; expected id and expires"),
        ({"calibrations": [{"id": 1, "expires": "2027-06-30"}]}, NO_DAY),
        ({"calibrations": [{"id": "a", "expires": 20_270_630}]}, NO_DAY),
        ({"calibrations": TWICE}, "calibrations: 'cal-1' stands twice"),
        (
            {"calibrations": [{"id": "\x07", "expires": "2027-06-30"}]},
            "calibrations = '\\x07'; expected text without control characters",
        ),
    ],
)
def test_what_cannot_be_meant(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        PenProfile.from_document(LEAST | change)
    assert str(caught.value).startswith("pen profile: ")
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    "day",
    [
        "2027-6-30",
        "27-06-30",
        "2027-13-01",
        "2027-00-10",
        "2027-01-00",
        "2027-01-32",
        "20270630",
        "2027-06-30 ",
        "2027-06-30T00:00",
        "\u0662\u0660\u0662\u0667-06-30",
        "soon",
        "",
    ],
)
def test_a_day_that_is_none(day: str) -> None:
    with pytest.raises(ProfileError, match="expected texts, and a day such as 2027-06-30"):
        PenProfile.from_document(LEAST | {"calibrations": [{"id": "a", "expires": day}]})


@pytest.mark.parametrize("key", list(FREQUENCY))
def test_a_range_of_frequency_is_named_whole(key: str) -> None:
    given = {name: value for name, value in FREQUENCY.items() if name != key}
    with pytest.raises(ProfileError, match="frequency_min_dhz, frequency_max_dhz and frequency_source go together"):
        PenProfile.from_document(LEAST | given)


@pytest.mark.parametrize(
    "change",
    [
        {"baud": 1_200},
        {"baud": 4_000_000},
        {"depth_max_um": 100},
        {"depth_max_um": 10_000},
        {"depth_tolerance_um": 0},
        {"depth_tolerance_um": 1_000},
        {"silence_limit_us": 100_000},
        {"silence_limit_us": 60_000_000},
        FREQUENCY | {"frequency_min_dhz": 1},
        FREQUENCY | {"frequency_max_dhz": 10_000},
        FREQUENCY | {"frequency_min_dhz": 1_500},
    ],
)
def test_just_inside(change: dict[str, Any]) -> None:
    profile = PenProfile.from_document(LEAST | change)
    assert {key: getattr(profile, key) for key in change} == change


def test_the_first_unknown_key_is_named() -> None:
    with pytest.raises(ProfileError, match="unknown key zz"):
        PenProfile.from_document(LEAST | {"zz": 1, "aa": 2, "mm": 3})


def test_a_profile_is_frozen() -> None:
    profile = PenProfile.from_document(LEAST)
    with pytest.raises(FrozenInstanceError):
        profile.baud = 9600  # type: ignore[misc]
    assert replace(profile, baud=9_600).baud == 9_600


@pytest.mark.parametrize("text", ["a\nb", "a\x7f", "\x00", "\ud800"])
def test_text_that_canonical_bytes_cannot_hold_is_refused(text: str) -> None:
    for change in ({"label": text}, {"calibrations": [{"id": text, "expires": "2027-06-30"}]}):
        with pytest.raises(ProfileError, match=r"expected text without control characters"):
            PenProfile.from_document(LEAST | change)


def test_text_is_kept_in_one_form() -> None:
    profile = PenProfile.from_document(LEAST | {"label": "Stift fu\u0308r Tests"})
    assert profile.label == "Stift f\u00fcr Tests"
    canonical(profile.document())


@pytest.mark.parametrize(("frequency_max_dhz", "most_us"), [(None, 250), (1_500, 666), (3_000, 333)])
def test_bounce_that_would_swallow_strokes_is_refused(frequency_max_dhz: int | None, most_us: int) -> None:
    limit = {} if frequency_max_dhz is None else {"frequency_max_dhz": frequency_max_dhz}
    profile = profile_of(strokes=switch(17, most_us), **limit)
    assert profile.document()["gpio"]["strokes"]["bounce_us"] == most_us
    with pytest.raises(ProfileError, match=f"a tenth of the shortest stroke at most: {most_us}$"):
        profile_of(strokes=switch(17, most_us + 1), **limit)
