"""The rules of the computer's own pins, on facts written by hand: just inside, just outside and without their input.

Limits: one stroke in fifty and twenty at least, a twentieth of the contact and 0.3 s at least, 150 µm.
"""

from typing import Any

import pytest

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, found, not_applicable, passed
from devicelog.rules.sensors import disagree, lost, strokes_uncertain
from devicelog.validate import RULES
from devicelog.words.findings import said

PARAMETERS = {rule.id: rule.parameters for rule in RULES}["sensors.disagree"]
ALIKE: Json = {
    "zone": "forehead",
    "strokes": {"pen": 1_000, "low": 1_000, "high": 1_000},
    "passes": {"pen": 3, "pins": 3},
    "contact": {"pen_us": 9_000_000, "pins_us": 9_000_000},
    "set_depth": {"pen_um": 300, "pins_um": 300},
}
FIGURES = [name for name in ALIKE if name != "zone"]


def compared(**figures: Any) -> Json:
    """A zone in which pen and pins say the same of everything but this."""
    return {**ALIKE, **figures}


def judged(*zones: Json) -> list[Outcome]:
    return disagree({"compared": list(zones)}, PARAMETERS)


# --- strokes.uncertain ------------------------------------------------------------------------------------------------


def counted(*doubt: Json, strokes: Json | None) -> list[Outcome]:
    return strokes_uncertain({"sensors": {"account": {"strokes": strokes}, "doubt": list(doubt)}}, {})


def test_where_no_pins_are_watched_there_is_no_doubt_of_strokes():
    assert strokes_uncertain({}, {}) == [not_applicable("no pins count strokes here")]


def test_a_zone_in_which_nobody_watched_has_no_doubt_that_can_be_told():
    doubt = [{"zone": zone, "strokes": 3} for zone in ("chin", "forehead")]
    sensors = {"account": {"strokes": {"low": 6, "high": 12}}, "doubt": doubt, "unwatched": ["chin"]}
    outcomes = strokes_uncertain({"sensors": sensors}, {})
    assert [(outcome.zone, outcome.result) for outcome in outcomes] == [
        *(("forehead", "found"), ("chin", "not assessable")),
    ]


def test_pins_of_which_none_counts_strokes():
    assert counted(strokes=None) == [not_applicable("no pins count strokes here")]


def test_a_count_without_doubt():
    assert counted(strokes={"low": 70, "high": 70}) == [passed()]


def test_each_zone_with_doubt_is_told():
    doubt = [{"zone": "cheek.left", "strokes": 2}, {"zone": "forehead", "strokes": 9}]
    assert counted(*doubt, strokes={"low": 70, "high": 81}) == [
        found({"strokes": 2}, "cheek.left"),
        found({"strokes": 9}, "forehead"),
    ]


# --- sensors.lost -----------------------------------------------------------------------------------------------------

NOTHING = {"dropped": 0, "late": 0, "unwatched_us": 0}


def lines_of(**missed: int) -> list[Json]:
    return [{"line": line, "edges": 8, "bounces": 1, "missed": n} for line, n in missed.items()]


def watched(*, passes: Json | None = None, lines: list[Json], **account: int) -> list[Outcome]:
    return lost({"sensors": {"account": {**NOTHING, **account, "passes": passes, "lines": lines}}}, {})


def test_where_no_pins_are_watched_nothing_of_them_is_lost():
    assert lost({}, {}) == [not_applicable("no pins were watched")]


def test_pins_of_which_nothing_was_lost():
    assert watched(lines=lines_of(strokes=0, contact=0)) == [passed()]


@pytest.mark.parametrize("what", [{"dropped": 1}, {"late": 1}, {"unwatched_us": 1}], ids=lambda what: next(iter(what)))
def test_what_was_dropped_told_late_or_not_watched_is_found_whatever_is_measured(what):
    assert watched(lines=[], **what) == [found({**NOTHING, **what, "missed": {}, "passes": None})]


@pytest.mark.parametrize("line", ["contact", "dial_a", "dial_b", "home", "pass", "pedal"])
def test_an_edge_that_a_line_missed_is_found_with_the_name_of_the_line(line):
    passes = {"low": 2, "high": 3}
    assert watched(lines=lines_of(strokes=0, **{line: 2}), passes=passes) == [
        found({**NOTHING, "missed": {line: 2}, "passes": passes})
    ]


def test_an_edge_that_the_strokes_missed_is_for_the_rule_of_strokes():
    assert watched(lines=lines_of(strokes=2, contact=0)) == [passed()]


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ({"dropped": 2}, "2 edges dropped"),
        ({"late": 3, "passes": {"low": 4, "high": 4}}, "3 told too late"),
        ({"missed": {"contact": 1, "pass": 2}}, "1 missed of contact; 2 missed of pass"),
        ({"unwatched_us": 1_500_000, "passes": {"low": 4, "high": 11}}, "nobody watched for 1.5 s; passes 4 to 11"),
    ],
)
def test_what_was_lost_is_told_in_one_sentence(detail, sentence):
    nothing = {**NOTHING, "missed": {}, "passes": None}
    assert said({"rule": "sensors.lost", "detail": nothing | detail}) == sentence


# --- sensors.disagree -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [{}, {"compared": None}], ids=["not compared", "nothing to compare"])
def test_one_witness_alone_agrees_with_nobody(facts):
    assert disagree(facts, PARAMETERS) == [not_applicable("there are not two witnesses: pen or pins alone")]


def test_two_witnesses_of_nothing():
    assert judged() == [not_applicable("nothing was needled")]


def test_two_witnesses_that_measure_nothing_in_common():
    why = "the pen and the pins measure nothing that both have"
    assert judged(compared(**dict.fromkeys(FIGURES))) == [not_applicable(why, "forehead")]


@pytest.mark.parametrize("only", FIGURES)
def test_one_figure_that_both_have_is_enough(only):
    assert judged(compared(**{name: None for name in FIGURES if name != only})) == [passed("forehead")]


APART = {
    "strokes": {"pen": 1_000, "low": 2_000, "high": 2_000},
    "passes": {"pen": 3, "pins": 4},
    "contact": {"pen_us": 9_000_000, "pins_us": 1_000_000},
    "set_depth": {"pen_um": 300, "pins_um": 600},
}


@pytest.mark.parametrize("name", FIGURES)
def test_one_figure_that_is_apart_is_told_alone(name):
    assert judged(compared(**{name: APART[name]})) == [found({name: APART[name]}, "forehead")]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_that_is_apart_is_told_where_the_others_are_missing(name):
    assert judged(compared(**{**dict.fromkeys(FIGURES), name: APART[name]})) == [found({name: APART[name]}, "forehead")]


def test_each_zone_is_judged_by_itself():
    apart = compared(zone="chin", **APART)
    assert judged(ALIKE, apart, {**ALIKE, "zone": "cheek.left"}) == [
        passed("forehead"),
        found(APART, "chin"),
        passed("cheek.left"),
    ]


@pytest.mark.parametrize(
    ("pen", "low", "high", "agree"),
    [
        (0, 20, 20, True),
        (0, 21, 21, False),
        (1_000, 1_020, 1_020, True),
        (1_000, 1_021, 1_021, False),
        (1_000, 980, 980, True),
        (1_000, 979, 979, False),
        (1_000, 1_021, 2_000, False),  # the doubt is of more strokes, never of fewer
        (1_000, 500, 980, True),
        (1_000, 500, 979, False),
        (1_000, 500, 2_000, True),
        (2_000, 2_040, 2_040, True),
        (2_000, 2_041, 2_041, False),
        (2_000, 1_960, 1_960, True),
        (2_000, 1_959, 1_959, False),
        (2_049, 2_089, 2_089, True),  # 40.98 strokes to spare are 40
        (2_049, 2_090, 2_090, False),
    ],
)
def test_strokes_that_agree_within_a_fiftieth_or_twenty(pen, low, high, agree):
    strokes = {"pen": pen, "low": low, "high": high}
    assert judged(compared(strokes=strokes)) == [
        passed("forehead") if agree else found({"strokes": strokes}, "forehead")
    ]


@pytest.mark.parametrize(
    ("longer_us", "shorter_us", "agree"),
    [
        (300_000, 0, True),
        (300_001, 0, False),
        (6_000_000, 5_700_000, True),
        (6_000_000, 5_699_999, False),
        (10_000_000, 9_500_000, True),
        (10_000_000, 9_499_999, False),
        (39_999_999, 38_000_000, True),  # 1 999 999.95 µs to spare are 1 999 999
        (39_999_999, 37_999_999, False),
    ],
)
@pytest.mark.parametrize("longer", ["pen", "pins"])
def test_contact_that_agrees_within_a_twentieth_of_the_longer_or_0_3_s(longer, longer_us, shorter_us, agree):
    contact = {"pen_us": longer_us, "pins_us": shorter_us}
    if longer == "pins":
        contact = {"pen_us": shorter_us, "pins_us": longer_us}
    assert judged(compared(contact=contact)) == [
        passed("forehead") if agree else found({"contact": contact}, "forehead")
    ]


@pytest.mark.parametrize(("pen_um", "agree"), [(149, False), (150, True), (450, True), (451, False)])
def test_settings_that_agree_within_150_um(pen_um, agree):
    set_depth = {"pen_um": pen_um, "pins_um": 300}
    assert judged(compared(set_depth=set_depth)) == [
        passed("forehead") if agree else found({"set_depth": set_depth}, "forehead")
    ]


@pytest.mark.parametrize(("pen", "agree"), [(2, False), (3, True), (4, False), (0, False)])
def test_passes_agree_or_do_not(pen, agree):
    passes = {"pen": pen, "pins": 3}
    assert judged(compared(passes=passes)) == [passed("forehead") if agree else found({"passes": passes}, "forehead")]
