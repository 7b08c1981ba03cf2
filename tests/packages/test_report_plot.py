"""Depth over time: one value at most a column, and never a line across what was not recorded."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from devicelog.packages.report import svg
from devicelog.packages.report.plot import COLUMNS, Plot, plot_of
from tests.packages.reports import SCENARIOS, half_an_hour, long_session, of_scenario

SECOND = 1_000_000
NOTHING = {"zones": [], "spans": [], "gaps": [], "duration_us": 10 * SECOND}


def row(at_us: int, depth_um: int | None, *, set_um: int | None = 1_000, contact: int | None = 1, motor_on: int = 1):
    return {
        "arrived_us": at_us,
        "depth_um": depth_um,
        "depth_set_um": set_um,
        "contact": contact,
        "motor_on": motor_on,
    }


def columns_of(trace) -> list[int]:
    return [column for stretch in trace for column, _, _ in stretch]


def test_a_column_has_the_lowest_and_the_highest():
    plot = plot_of(NOTHING, [row(5 * SECOND, um) for um in (900, 700, 1_100)])
    assert plot.measured == (((50, 700, 1_100),),)
    assert plot.set == (((50, 1_000, 1_000),),)


def test_a_gap_is_never_crossed():
    gap = {"from_us": 4 * SECOND, "for_us": 2 * SECOND}
    rows = [row(n * 50_000, 1_000) for n in range(200) if not 80 < n < 120]
    plot = plot_of({**NOTHING, "gaps": [gap]}, rows)
    for trace in (plot.measured, plot.set):
        for stretch in trace:
            at = [column for column, _, _ in stretch]
            assert max(at) <= 40 or min(at) >= 59, "from 4 s to 6 s nothing was recorded"


def test_a_gap_shorter_than_a_column_parts_it_from_both_sides():
    gap = {"from_us": 5 * SECOND + 10_000, "for_us": 40_000}
    rows = [row(n * 10_000, 1_000) for n in range(1_000) if n not in (501, 502, 503, 504)]
    assert [len(stretch) for stretch in plot_of({**NOTHING, "gaps": [gap]}, rows).measured] == [50, 1, 49]


def test_what_no_gap_tells_of_is_not_crossed_either():
    plot = plot_of(NOTHING, [row(SECOND, 1_000), row(2 * SECOND, 1_000)])
    assert [len(stretch) for stretch in plot.measured] == [1, 1]


@pytest.mark.parametrize(
    ("contact", "motor_on", "drawn"),
    [(1, 1, True), (0, 1, False), (None, 1, True), (None, 0, False)],
    ids=["on the skin", "lifted", "unknown and running", "unknown and off"],
)
def test_measured_depth_is_that_on_the_skin(contact, motor_on, drawn):
    plot = plot_of(NOTHING, [row(SECOND, 500, contact=contact, motor_on=motor_on)])
    assert bool(plot.measured) == drawn
    assert plot.set


def test_it_does_not_grow_with_the_session():
    session = {**NOTHING, "duration_us": 1_800 * SECOND}
    plot = plot_of(session, half_an_hour(["chin"]))
    assert plot.samples == 36_000
    assert len(columns_of(plot.set)) == COLUMNS
    assert len(svg.drawn(plot, "")) < 60_000


def test_rows_are_read_once_and_one_at_a_time():
    taken = 0

    def rows():
        nonlocal taken
        for n in range(1_000):
            taken += 1
            yield row(n * 10_000, 1_000)

    assert plot_of(NOTHING, rows()).samples == taken == 1_000


@pytest.mark.parametrize("at_us", [-280_400, 0, 10 * SECOND, 2**60], ids=["before", "first", "last", "after"])
def test_a_time_outside_the_session_stands_at_its_edge(at_us):
    assert columns_of(plot_of(NOTHING, [row(at_us, 1_000)]).set) == [0 if at_us <= 0 else 99]


def test_no_length_and_no_sample_is_a_plot_too():
    plot = plot_of({**NOTHING, "duration_us": 0}, ())
    assert (plot.columns, plot.samples, plot.measured) == (1, 0, ())
    assert "no sample arrived" in svg.drawn(plot, "nothing")


# --- drawn ------------------------------------------------------------------------------------------------------------


def elements(plot: Plot, says: str = "words") -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg.drawn(plot, says)).iter())


def words(plot: Plot) -> list[str]:
    return [element.text or "" for element in elements(plot) if element.tag.endswith("text")]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_is_drawn_inside_its_frame(scenario):
    plot = plot_of(*of_scenario(scenario))
    svg_element, *rest = elements(plot)
    wide, high = map(int, svg_element.attrib["viewBox"].split()[2:])
    for element in rest:
        at = {name: int(element.attrib.get(name, 0)) for name in ("x", "y", "width", "height")}
        assert 0 <= at["x"] <= at["x"] + at["width"] <= wide
        assert 0 <= at["y"] <= at["y"] + at["height"] <= high
    assert any(word.startswith("device limit 2.50") for word in words(plot))


def test_gap_plan_and_limit_are_told_apart_without_colour():
    plot = plot_of(*long_session())
    shapes = svg.drawn(plot, "")
    assert shapes.count('fill="url(#gap)"') == 2  # the gap, and what it means
    assert {"stroke-dasharray"} <= {name for element in elements(plot) for name in element.attrib}
    colours = {element.attrib.get(name, "none") for element in elements(plot) for name in ("fill", "stroke")}
    for colour in colours - {"none", "url(#gap)"}:
        assert colour[1:] in (3 * colour[1], 3 * colour[1:3]), "grey"


def test_names_that_would_stand_on_each_other_are_left_to_their_numbers():
    stays = [(n * SECOND, (n + 1) * SECOND - 1, f"zone_with_a_long_name{n}") for n in range(10)]
    session = {**NOTHING, "spans": [{"zone": zone, "from_us": low, "to_us": high} for low, high, zone in stays]}
    zone = {"contact_us": 1, "contact_unknown_us": 0, "device_max_um": None, "plan_min_um": None, "plan_max_um": None}
    session["zones"] = [{**zone, "zone": name} for _, _, name in stays]
    assert {str(n) for n in range(1, 11)} <= set(words(plot_of(session, ())))


@pytest.mark.parametrize("highest_um", [1, 300, 2_500, 10_000, 65_535, 2**31])
def test_any_depth_has_a_scale(highest_um):
    plot = plot_of(NOTHING, [row(SECOND, highest_um)])
    ticks = [word for word in words(plot) if "." in word]
    assert 1 <= len(ticks) <= 7
    assert all(float(low) < float(high) for low, high in pairwise(sorted(ticks, key=float)))


def test_a_name_is_text_and_no_markup():
    session = {**NOTHING, "spans": [{"zone": "<script>&", "from_us": 0, "to_us": 9 * SECOND}]}
    assert "<script>&" in words(plot_of(session, ()))
    assert "<script>" not in svg.drawn(plot_of(session, ()), "</desc><script>")


def test_no_word_stands_on_another():
    step_us = 100_000
    spans = [{"zone": f"z{n % 50}", "from_us": n * step_us, "to_us": (n + 1) * step_us} for n in range(100)]
    zone = {"contact_us": 1, "contact_unknown_us": 0, "device_max_um": None, "plan_min_um": None, "plan_max_um": None}
    session = {**NOTHING, "spans": spans, "zones": [{**zone, "zone": f"z{n}"} for n in range(50)]}
    texts = [element for element in elements(plot_of(session, ())) if element.tag.endswith("text")]
    above = sorted(int(text.attrib["x"]) for text in texts if (text.text or "").isdigit())
    assert len(above) > 10
    assert min(after - before for before, after in pairwise(above)) >= 124, "two figures are as wide"
