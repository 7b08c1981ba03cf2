"""Every scenario as a whole session through the real pipeline: which findings, and exactly those; which verdict.

Written by hand, and the same for every length and seed. What a real port and a real clock add is in
tests/e2e/test_scenarios.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from devicelog.canonical import Json
from firmware_bridge.simulator import load_scenario, scenario_names
from firmware_bridge.simulator.language import parse_scenario
from tests.scenario_runs import Place, Run, run_of

SESSIONS = ((8, 1), (8, 2), (8, 3), (8, 4), (8, 5), (20, 2), (60, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a scenario must come to: everything that is not named is as in a clean session.

    `longer`: what is found besides by length of session, where there are more zones or more time. `unknown`: the rules
    that could not be judged, wherever. `causes` are those of the gaps that are listed; `missing` whether sample numbers
    are.
    """

    verdict: str = "conforming"
    findings: frozenset[Place] = frozenset()
    longer: Mapping[int, frozenset[Place]] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    causes: tuple[str, ...] = ()
    missing: bool = False
    late: int = 0
    repeated: int = 0
    unread: bool = False
    damaged: bool = False
    boots: int = 1
    pens: int = 1
    clock: str = "synced"


def found(*places: Place, **others: object) -> Expected:
    """Findings that are deviations."""
    return Expected(verdict="conforming with deviations", findings=frozenset(places), **others)  # type: ignore[arg-type]


GAP, LOST, RESTARTED = ("data.gap", "cheek.left"), ("link.lost", None), ("pen.restarted", None)
OF_A_SENSOR = {"depth.jump", "depth.disagrees", "sensor.stuck"}
# what does not come is missing in every zone that was needled: three in eight seconds, five in twenty
LACKING = frozenset(("signal.missing", zone) for zone in ("forehead", "cheek.left", "cheek.right"))
LONGER = {seconds: frozenset({("signal.missing", "nose"), ("signal.missing", "chin")}) for seconds in (20, 60)}

EXPECTED = {
    "clean": Expected(),
    # the needle slips to 2.8 mm under a dial at 0.3 to 0.4 mm, for a fifth of the contact with the forehead
    "overdepth": Expected(
        verdict="not conforming",
        findings=frozenset(
            {
                ("depth.over_device", "forehead"),
                ("depth.over_plan", "forehead"),
                ("depth.disagrees", "forehead"),
                ("depth.over_plan", "cheek.left"),
            }
        ),
    ),
    "unplug": found(GAP, LOST, causes=("link",), missing=True),
    "noise": found(("link.bad_frames", None), ("data.short_gaps", None), damaged=True, missing=True),
    "stall": found(GAP, causes=("silence",), missing=True),
    "reboot": found(GAP, RESTARTED, causes=("restart",), boots=2),
    # the forehead's 0.3 to 0.4 mm: too little for both cheeks and the chin, for the nose at its edge or under it, which
    # lasts longer than a second in a session of a minute only
    "stuckdial": found(
        ("dial.unchanged", "cheek.left"),
        ("depth.under_plan", "cheek.left"),
        ("depth.under_plan", "cheek.right"),
        longer={
            20: frozenset({("dial.unchanged", "nose"), ("depth.under_plan", "chin")}),
            60: frozenset({("dial.unchanged", "nose"), ("depth.under_plan", "chin"), ("depth.under_plan", "nose")}),
        },
    ),
    "brownout": found(GAP, RESTARTED, causes=("restart",), boots=2),
    # in eight seconds there are not two on the left cheek
    "stucksensor": found(
        ("sensor.stuck", "cheek.right"),
        longer={20: frozenset({("sensor.stuck", "cheek.left")}), 60: frozenset({("sensor.stuck", "cheek.left")})},
    ),
    "jump": found(("depth.jump", "cheek.left")),
    "drift": found(("depth.disagrees", "cheek.left")),
    "clockdrift": found(("pen.clock", None)),
    "counterreset": found(("counter.fell", None)),
    "counterjump": found(("counter.jump", None)),
    # what the pen counts from then on cannot be read either
    "newer": found(GAP, ("protocol.newer", None), ("passes.disagree", "cheek.left"), causes=("silence",), unread=True),
    "wrongpen": found(GAP, LOST, ("pen.changed", None), causes=("link",), boots=2, pens=2),
    "short-drops": found(("data.short_gaps", None), missing=True),
    "duplicate": Expected(repeated=12),
    # of frames in reversed order the last is heard first, and those before it fill what it left out
    "reorder": Expected(late=6),
    # the reference profile says that its pens measure all of it: what does not come is missing
    "nocontact": found(*LACKING, longer=LONGER),
    "nocounter": Expected(verdict="not assessable", unknown=frozenset({"counter.jump", "counter.fell"})),
    "dialonly": Expected(
        verdict="not assessable",
        findings=LACKING,
        longer=LONGER,
        unknown=frozenset(OF_A_SENSOR | {"frequency.range", "counter.jump", "counter.fell"}),
    ),
    "transmitonly": Expected(),
    "nocalibration": Expected(
        verdict="not assessable",
        findings=LACKING | {("calibration.missing", None)},
        longer=LONGER,
        unknown=frozenset(OF_A_SENSOR),
    ),
    "clockunsure": found(("clock.unsure", None), clock="restored"),
}


def test_every_scenario_is_in_the_table() -> None:
    assert EXPECTED.keys() == set(scenario_names())


@pytest.mark.parametrize(("seconds", "seed"), SESSIONS)
@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_scenario_has_its_findings_and_no_others(scenario: str, seconds: int, seed: int) -> None:
    run, expected = run_of(scenario, seconds, seed), EXPECTED[scenario]
    assert run.found == expected.findings | expected.longer.get(seconds, frozenset())
    assert len(run.findings) == len(run.found)
    assert {rule for rule, _ in run.unknown} == expected.unknown
    assert run.verdict == expected.verdict
    account = run.facts["completeness"]
    assert account["closes"]
    assert tuple(gap["cause"] for gap in run.facts["gaps"]) == expected.causes
    assert any(boot["missing"] for boot in account["boots"]) == expected.missing
    assert sum(boot["late"] for boot in account["boots"]) == expected.late
    assert sum(boot["repeated"] for boot in account["boots"]) == expected.repeated
    assert len(account["boots"]) == expected.boots
    assert len(run.facts["pens"]) == expected.pens
    assert bool(account["frames_unknown"]) == expected.unread
    assert bool(account["frames_damaged"]) == expected.damaged
    assert run.facts["clock"]["confidence"] == expected.clock


def zones(run: Run) -> dict[str, Json]:
    """The zones that were needled, by name."""
    return {zone["zone"]: zone for zone in run.facts["zones"] if zone["judged"]}


@pytest.mark.parametrize("scenario", ["nocontact", "dialonly"])
def test_without_contact_nothing_is_needled_in_the_wrong_zone(scenario: str) -> None:
    run = run_of(scenario, 20, 1)
    clean = run_of("clean", 20, 1)
    assert zones(run).keys() == zones(clean).keys()
    for name, zone in zones(run).items():
        assert zone["contact_us"] == 0
        assert zone["contact_unknown_us"] > zones(clean)[name]["contact_us"]
        assert [row["depth_set_um"] for row in zone["at_set_depth"]] == [
            row["depth_set_um"] for row in zones(clean)[name]["at_set_depth"]
        ]


@pytest.mark.parametrize(
    ("scenario", "signals"),
    [("nocontact", ["contact"]), ("dialonly", ["depth", "frequency", "contact"]), ("nocalibration", ["depth"])],
)
def test_what_a_pen_lacks_is_named_in_every_zone(scenario: str, signals: list[str]) -> None:
    details = [row["detail"] for row in run_of(scenario, 20, 1).findings if row["rule"] == "signal.missing"]
    assert details == [{"signals": signals}] * 5


@pytest.mark.parametrize("seed", range(1, 6))
def test_frames_in_another_order_are_a_clean_session_in_all_that_is_judged(seed: int) -> None:
    reordered, clean = zones(run_of("reorder", 8, seed)), zones(run_of("clean", 8, seed))
    for key in ("samples", "contact_us", "passes", "judged", "judged_us", "at_set_depth", "depth", "frequency"):
        assert [zone[key] for zone in reordered.values()] == [zone[key] for zone in clean.values()], key


@pytest.mark.parametrize("scenario", ["reboot", "brownout", "wrongpen"])
@pytest.mark.parametrize("seed", range(1, 6))
def test_no_pass_is_lost_in_a_restart(scenario: str, seed: int) -> None:
    for zone in zones(run_of(scenario, 8, seed)).values():
        assert zone["passes"]["pen"] == zone["passes"]["operator"]


def test_a_scenario_that_was_parsed_is_played_as_one_by_name() -> None:
    text = str(load_scenario("unplug"))
    assert run_of(parse_scenario(text), 8, 1) == run_of("unplug", 8, 1)
