"""The language of scenarios: what is read, what is refused in which words, and that what is printed is read back."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import BridgeError
from firmware_bridge.simulator import Scenario, ScenarioError, Script, load_scenario, scenario_names, script_for
from firmware_bridge.simulator.arm import ZONES
from firmware_bridge.simulator.kinds import KINDS, PENS
from firmware_bridge.simulator.language import MAX_LINE, MAX_LINES, parse_scenario
from firmware_bridge.simulator.library import MAX_BYTES
from firmware_bridge.simulator.scenario import CONFIDENCES, WHOLE_PPM, Event, Time

REQUIRED = {
    *("clean", "overdepth", "unplug", "noise", "stall", "reboot", "stuckdial", "brownout", "stucksensor", "jump"),
    *("drift", "clockdrift", "counterreset", "counterjump", "newer", "wrongpen", "short-drops", "duplicate"),
    *("reorder", "nocontact", "nocounter", "dialonly", "transmitonly", "nocalibration", "clockunsure"),
}


def event(line: str) -> Event:
    """The one event of a line."""
    (only,) = parse_scenario(line).events
    return only


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("at 45% on skin unplug for 10%", Event(
            what="unplug", at=Time(share_ppm=450_000), on_skin=True, lasts=Time(share_ppm=100_000))),
        ("at 25% noise 62 per thousand for 50%", Event(
            what="noise", at=Time(share_ppm=250_000), amount=62, lasts=Time(share_ppm=500_000))),
        ("at 5s drop 3 frames", Event(what="drop", at=Time(us=5_000_000), amount=3)),
        ("at 5s drop 1 frame", Event(what="drop", at=Time(us=5_000_000), amount=1)),
        ("at 5s flip 2 bits", Event(what="flip", at=Time(us=5_000_000), amount=2)),
        ("at 0.5min stall for 3s", Event(what="stall", at=Time(us=30_000_000), lasts=Time(us=3_000_000))),
        ("at 6s reboot", Event(what="reboot", at=Time(us=6_000_000))),
        ("at 30% of cheek.left dial 1600um for 40% of cheek.left", Event(
            what="dial", at=Time(share_ppm=300_000, zone="cheek.left"), amount=1_600,
            lasts=Time(share_ppm=400_000, zone="cheek.left"))),
        ("at 30% of nose dial 1.6 mm", Event(what="dial", at=Time(share_ppm=300_000, zone="nose"), amount=1_600)),
        ("at 40% of forehead slip 2800um for 4% at least 300ms on skin", Event(
            what="slip", at=Time(share_ppm=400_000, zone="forehead"), amount=2_800, lasts=Time(share_ppm=40_000),
            least_us=300_000, skin_time=True)),
        ("at 4s stuck dial", Event(what="stuck dial", at=Time(us=4_000_000))),
        ("at 4s jump -900um for 20ms", Event(
            what="jump", at=Time(us=4_000_000), amount=-900, lasts=Time(us=20_000))),
        ("at 4s drift 120um/s for 3s", Event(
            what="drift", at=Time(us=4_000_000), amount=120, lasts=Time(us=3_000_000))),
        ("at 0s clock drift 15000 ppm", Event(what="clock drift", at=Time(us=0), amount=15_000)),
        ("at 5s counter jump 5000 strokes", Event(what="counter jump", at=Time(us=5_000_000), amount=5_000)),
        ("at 12.3456% newer protocol", Event(what="newer protocol", at=Time(share_ppm=123_456))),
        ("\tat  50 %   wrong   pen  # and why", Event(what="wrong pen", at=Time(share_ppm=500_000))),
    ],
)  # fmt: skip
def test_a_line_says_what_is_meant(line: str, meant: Event) -> None:
    assert event(line) == meant


def test_a_whole_text() -> None:
    text = "# a report\n\nstory two things at once\npen without contact\npen transmit only\nclock rtc\nat 1s reboot\n"
    scenario = parse_scenario(text, "report")
    assert (scenario.name, scenario.story, scenario.clock) == ("report", "two things at once", "rtc")
    assert scenario.pen == ("without contact", "transmit only")
    assert scenario.lacks == {"contact", "receiver"}
    assert [(one.what, one.line) for one in scenario.events] == [("reboot", 7)]


def test_nothing_at_all_is_a_clean_session() -> None:
    assert parse_scenario("") == Scenario() == parse_scenario("# nothing\n\n")
    assert script_for(parse_scenario(""), 8, 1).faults == ()


# --- what is printed is read back -------------------------------------------------------------------------------------

_shares = st.integers(0, WHOLE_PPM)
_moments = st.one_of(
    st.builds(Time, us=st.integers(0, 10**9)),
    st.builds(Time, share_ppm=_shares, zone=st.sampled_from((None, *ZONES))),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event that can be written."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    at = draw(_moments)
    lasts, least_us, skin_time = None, 0, False
    if kind.lasts == "must" or (kind.lasts == "may" and draw(st.booleans())):
        left_ppm = WHOLE_PPM - (at.share_ppm or 0)
        lengths = [st.builds(Time, us=st.integers(1, 10**9))]
        if left_ppm:
            lengths.append(st.builds(Time, share_ppm=st.integers(1, left_ppm), zone=st.sampled_from((None, at.zone))))
        lasts = draw(st.one_of(lengths))
        least_us = draw(st.sampled_from((0, 1, 300_000)))
        skin_time = lasts.zone is None and draw(st.booleans())
    return Event(
        what=kind.name,
        at=at,
        on_skin=at.zone is None and draw(st.booleans()),
        amount=None if kind.unit is None else draw(st.integers(kind.low, kind.high)),
        lasts=lasts,
        least_us=least_us,
        skin_time=skin_time,
    )


_stories = st.text(st.sampled_from("abc ,.'-é1"), max_size=40).map(lambda text: " ".join(text.split()))
_pens = st.sampled_from(sorted(set(PENS) - {"without dial"}))
scenarios = st.builds(
    Scenario,
    story=_stories,
    pen=st.lists(_pens, unique=True, max_size=2).map(tuple),
    clock=st.sampled_from(CONFIDENCES),
    events=st.lists(events(), max_size=4).map(tuple),
).filter(lambda scenario: not any(one.kind.needs in scenario.lacks for one in scenario.events))


@given(scenarios)
def test_what_is_printed_is_read_back(scenario: Scenario) -> None:
    assert parse_scenario(str(scenario)) == scenario
    assert str(parse_scenario(str(scenario))) == str(scenario)


@given(scenarios, st.sampled_from((6, 8, 60)), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_what_is_read_is_played_or_refused(scenario: Scenario, seconds: int, seed: int) -> None:
    try:
        script = script_for(scenario, seconds, seed)
    except ScenarioError as error:
        says = str(error)
    else:
        assert_in_order(script)
        return
    assert re.match(r"[^:]*, line \d+: ", says)


def assert_in_order(script: Script) -> None:
    assert all(0 <= fault.from_us <= fault.to_us <= script.duration_us for fault in script.faults)
    assert script.segments[0].from_us == 0
    assert script.segments[-1].to_us == script.duration_us
    assert all(before.to_us == after.from_us for before, after in pairwise(script.segments))


_OTHERS = "at for of on skin least pen clock story % s ms um frames per thousand 0 5 45 -3 1.5 99999999999 #"
_words = st.sampled_from([*" ".join((*ZONES, *KINDS, *PENS, _OTHERS)).split(), "\n"])


@given(st.one_of(st.text(max_size=200), st.lists(_words, max_size=30).map(" ".join)))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        scenario = parse_scenario(text, "any")
    except ScenarioError as error:
        says = str(error)
    else:
        assert parse_scenario(str(scenario)) == scenario
        return
    assert says.startswith("any")
    assert len(says.splitlines()) == 1


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at 5s unplugg for 1s", "scenario, line 1: expected what goes wrong, found 'unplugg'; did you mean 'unplug'?"),
        ("at 5s stuk dial", "found 'stuk dial'; did you mean 'stuck dial'?"),
        ("at 5s storm", "expected what goes wrong, found 'storm'; possible: unplug, stall"),
        ("\n\nunplug at 5s", "line 3: expected the first word of a line, found 'unplug'; possible: at, pen"),
        ("at", "expected a time (3.2s, 45%, 30% of cheek.left), and the line ends"),
        ("at noon reboot", "expected a time (3.2s, 45%, 30% of cheek.left), found 'noon'"),
        ("at 5 reboot", "expected %, or a unit of time, found 'reboot'; possible: s, ms, min"),
        ("at 5sec reboot", "expected %, or a unit of time, found 'sec'; possible: s, ms, min"),
        ("at -5s reboot", "a time before the session began"),
        ("at 120% reboot", "0 to 100 %"),
        ("at 33.33333% reboot", "at most four decimals"),
        ("at 0.0000001s reboot", "whole microseconds"),
        ("at 25h reboot", "a unit of time"),
        ("at 2000min reboot", "0 to 24 hours"),
        ("at 10% of cheeks.left reboot", "expected a zone, found 'cheeks.left'; did you mean 'cheek.left'?"),
        ("at 10% of chek.left on skin reboot", "did you mean 'cheek.left'?"),
        ("at 10% of chin on skin reboot", "leave 'on skin' out"),
        ("at 5s unplug", "expected 'for' and how long the unplug lasts, and the line ends"),
        ("at 5s unplug 3s", "expected 'for' and how long the unplug lasts, found '3'"),
        ("at 5s unplug for 0s", "no time at all"),
        ("at 5s unplug for 1s at least 10%", "'at least' wants a time in seconds"),
        ("at 5s reboot for 1s", "expected the end of the line, found 'for'"),
        ("at 5s noise for 50%", "expected how many per thousand, found 'for'"),
        ("at 5s noise 62 percent for 50%", "expected the unit of noise"),
        ("at 5s noise 900 per thousand for 50%", "expected a whole number, 1 to 500"),
        ("at 5s drop 1.5 frames", "expected a whole number"),
        ("at 5s dial 1600 for 1s", "expected the unit of dial, found 'for'; possible: um, mm"),
        ("at 80% stall for 40%", "from 80% on there are no 40% left"),
        ("at 80% of chin dial 900um for 40% of chin", "from 80% of chin on there are no 40% of chin left"),
        ("at 5s dial 900um for 40% of chin", "a length 'of chin' wants a beginning 'of chin'"),
        ("at 5% of chin dial 900um for 5% of chin on skin", "leave 'on skin' out"),
        ("pen", "expected what the pen lacks, and the line ends"),
        ("pen without skin", "expected what the pen lacks, found 'without skin'; did you mean 'without dial'?"),
        ("pen dial only\npen dial only", "line 2: 'pen dial only' stands twice"),
        ("pen dial only\npen without dial", "neither dial nor sensor"),
        ("pen without counters\nat 5s counter reset", "line 2: counter reset: the pen has no counters"),
        ("pen dial only\nat 5s stuck sensor", "line 2: stuck sensor: the pen has no sensor"),
        ("pen without dial\nat 5s stuck dial", "line 2: stuck dial: the pen has no dial"),
        ("clock fast", "expected how far the clock of the recorder can be believed, found 'fast'; possible: synced"),
        ("clock rtc\nclock rtc", "a second clock line"),
        ("story a\nstory b", "a second story"),
        ("at 5s reboot\x07", "cannot be shown: U+0007"),
        ("story " + "x" * MAX_LINE, "characters; at most"),
        ("\n" * (MAX_LINES + 1), "lines; a scenario has at most"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ScenarioError) as told:
        parse_scenario(text)
    assert says in str(told.value)
    assert isinstance(told.value, ValueError)
    assert isinstance(told.value, BridgeError)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at 9s reboot", "scenario, line 1: reboot: it begins at 9 s; the session ends at 8 s"),
        ("at 100% reboot", "it begins at 8 s"),
        ("at 7s stall for 3s", "stall: it ends at 10 s; the session ends at 8 s"),
        ("at 7.9s reboot", "it ends at 8.4 s"),
        ("at 90% unplug for 5% at least 1s", "it ends at 8.2 s"),
        ("at 10% of nose reboot", "a session of 8 s has no nose; it has forehead, cheek.left, cheek.right"),
        ("at 90% of cheek.right slip 2mm for 2s on skin", "2 s on the skin, where 0.193244 s are left"),
        ("at 2s unplug for 2s\nat 3s reboot", "line 2: reboot begins at 3 s, while unplug of line 1 lasts from 2 to"),
        ("at 3s stall for 1s\nat 2s brownout for 1.5s", "line 1: stall begins at 3 s, while brownout of line 2 lasts"),
        ("at 2s dial 300um for 2s\nat 3s dial 500um for 2s", "dial begins at 3 s, while dial of line 1"),
        ("at 2s noise 9 per thousand for 2s\nat 3s noise 9 per thousand for 1s", "noise begins at 3 s"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ScenarioError) as told:
        script_for(parse_scenario(text), 8, 1)
    assert says in str(told.value)


def test_what_follows_and_what_is_of_another_kind_may_stand_together() -> None:
    text = """at 2s unplug for 1s
    at 3s reboot
    at 2s noise 50 per thousand for 4s
    at 2s loss 50 per thousand for 4s
    at 2s stuck dial
    at 4s drift 10um/s
    at 4s drift -10um/s"""
    assert len(script_for(parse_scenario(text), 8, 1).faults) == 6  # the dial is a part of the script itself


# --- names and files --------------------------------------------------------------------------------------------------


def test_the_scenarios_that_must_be_there() -> None:
    assert set(scenario_names()) >= REQUIRED
    assert scenario_names()[0] == "clean"
    assert len(set(scenario_names())) == len(scenario_names())


@pytest.mark.parametrize("name", scenario_names())
def test_a_shipped_scenario_tells_its_story_and_fits_every_length(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.story
    assert parse_scenario(str(scenario)) == scenario
    for seconds in (8, 15, 60, 600):
        for seed in range(1, 6):
            assert script_for(name, seconds, seed) == script_for(scenario, seconds, seed)


def test_a_file_is_read_and_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "field.scenario"
    path.write_text("story a report from the field\nat 50% reboot\n", encoding="utf-8")
    assert load_scenario(str(path)).story == "a report from the field"
    path.write_bytes(b"\xef\xbb\xbfat 50% reboot\r\n")  # as an editor on Windows leaves it
    assert [one.what for one in load_scenario(str(path)).events] == ["reboot"]
    (tmp_path / "no-suffix").write_text("at 50% rebot\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"no-suffix, line 1: .* did you mean 'reboot'\?"):
        load_scenario(str(tmp_path / "no-suffix"))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("missing.scenario", None, "cannot read the scenario .*missing.scenario: No such file"),
        ("latin.scenario", "story Zoë".encode("latin-1"), "not a text in UTF-8"),
        ("long.scenario", b"#" * (MAX_BYTES + 1), "longer than"),
    ],
)
def test_a_file_that_is_no_scenario(name: str, data: bytes | None, says: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ScenarioError, match=says):
        load_scenario(str(tmp_path / name))


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(ScenarioError, match="no scenario 'unplugged'; did you mean 'unplug'"):
        load_scenario("unplugged")
    with pytest.raises(ScenarioError, match=r"no scenario 'storm'; there are: clean, .* or a path ending in .scenario"):
        load_scenario("storm")
