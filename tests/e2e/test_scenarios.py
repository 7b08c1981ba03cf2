"""Every scenario through the real command line: which findings, and exactly those; which verdict; counts that agree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.running import Demo, Json, demo_recording, devicelog, entries, listed

Range = tuple[int, int]
Place = tuple[str, str | None]

NOTHING: Range = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a scenario must come to. Ranges are from and to, both included.

    `over_us` is by rule and zone, and names every finding of depth; `others` are the rest of the findings.
    """

    demo: Demo
    verdict: str
    zones: tuple[str, ...]
    over_us: Mapping[Place, Range] = field(default_factory=dict)
    others: frozenset[Place] = frozenset()
    missing: Range = NOTHING
    damaged: Range = NOTHING
    gap_us: Range = NOTHING
    cause: str = "link"
    boots: int = 1
    untaken: int = 0  # samples that no pen took
    late: int = 0  # samples that came after those that follow them


THREE = ("forehead", "cheek.left", "cheek.right")
FIVE = (*THREE, "nose", "chin")

# A session of 8 s at 100 Hz has 800 samples in 400 frames; one of 20 s has 2000 in 1000.
#
# overdepth: the stop slips for 0.32 s (8 s) or 0.8 s (20 s) of contact on the forehead, which is over the device's
# limit and over the plan's; a tenth of a second before and after, on its way, it is over the plan's
# alone. The dial is over the plan for 4 tenths of the contact with the left cheek.
# unplug: the port is away for 0.8 s or 2 s, and until it is opened again, which is tried after 0.25 s, 0.75 s, 1.75 s
# of real time, and so up to seven seconds of the pen's. One frame is cut, which is a tail and not damage.
# noise: half the session long, while in contact, one frame in sixteen; now and then rubbish beside it.
# stall: three seconds of silence. reboot: dark for half a second, and the samples of one frame are lost with it; how
# long that was only the host's clock can tell. nocontact: the motor stands between zones, for 1.83 s in all.
CASES = (
    Case(demo=Demo(scenario="clean"), verdict="conforming", zones=THREE),
    Case(
        demo=Demo(scenario="overdepth"),
        verdict="not conforming",
        zones=THREE,
        over_us={
            ("depth.over_device", "forehead"): (300_000, 340_000),
            ("depth.over_plan", "forehead"): (470_000, 540_000),
            ("depth.disagrees", "forehead"): (470_000, 540_000),
            ("depth.over_plan", "cheek.left"): (740_000, 800_000),
        },
    ),
    Case(
        demo=Demo(scenario="unplug"),
        verdict="conforming with deviations",
        zones=THREE,
        others=frozenset({("data.gap", "cheek.left"), ("link.lost", None)}),
        missing=(80, 400),
        gap_us=(800_000, 4_000_000),
    ),
    Case(
        demo=Demo(scenario="noise"),
        verdict="conforming with deviations",
        zones=THREE,
        others=frozenset({("link.bad_frames", None), ("data.short_gaps", None)}),
        missing=(12, 36),
        damaged=(8, 20),
    ),
    Case(
        demo=Demo(scenario="overdepth", seconds=20, seed=7),
        verdict="not conforming",
        zones=FIVE,
        over_us={
            ("depth.over_device", "forehead"): (780_000, 820_000),
            ("depth.over_plan", "forehead"): (950_000, 1_020_000),
            ("depth.disagrees", "forehead"): (950_000, 1_030_000),
            ("depth.over_plan", "cheek.left"): (1_000_000, 2_000_000),
        },
    ),
    Case(
        demo=Demo(scenario="stall"),
        verdict="conforming with deviations",
        zones=THREE,
        others=frozenset({("data.gap", "cheek.left")}),
        missing=(296, 304),
        gap_us=(2_960_000, 3_040_000),
        cause="silence",
    ),
    Case(
        demo=Demo(scenario="reboot", speed=2),
        verdict="conforming with deviations",
        zones=THREE,
        others=frozenset({("data.gap", "cheek.left"), ("pen.restarted", None)}),
        gap_us=(300_000, 1_500_000),
        cause="restart",
        boots=2,
        untaken=54,
    ),
    Case(
        demo=Demo(scenario="stuckdial"),
        verdict="conforming with deviations",
        zones=THREE,
        others=frozenset(
            {
                ("dial.unchanged", "cheek.left"),
                ("depth.under_plan", "cheek.left"),
                ("depth.under_plan", "cheek.right"),
            }
        ),
    ),
    Case(demo=Demo(scenario="reorder"), verdict="conforming", zones=THREE, late=6),
    Case(
        demo=Demo(scenario="nocontact"),
        verdict="conforming with deviations",
        zones=THREE,
        others=frozenset(("signal.missing", zone) for zone in THREE),
        untaken=183,
    ),
    Case(
        demo=Demo(scenario="nocalibration"),
        verdict="not assessable",
        zones=THREE,
        others=frozenset({("calibration.missing", None), *(("signal.missing", zone) for zone in THREE)}),
    ),
    Case(
        demo=Demo(scenario="unplug", seconds=20, seed=7),
        verdict="conforming with deviations",
        zones=FIVE,
        others=frozenset({("data.gap", "cheek.left"), ("link.lost", None)}),
        missing=(200, 900),
        gap_us=(2_000_000, 9_000_000),
    ),
    Case(
        demo=Demo(scenario="noise", seconds=20, seed=7),
        verdict="conforming with deviations",
        zones=FIVE,
        others=frozenset({("link.bad_frames", None), ("data.short_gaps", None)}),
        missing=(30, 90),
        damaged=(20, 50),
    ),
)


DEMOS = {case.demo.scenario: case.demo for case in reversed(CASES)}


def inside(value: int, allowed: Range) -> bool:
    return allowed[0] <= value <= allowed[1]


def place(finding: Json) -> Place:
    return finding["rule"], finding["zone"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.demo))
def test_a_scenario_has_its_findings_and_no_others(
    case: Case, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data_dir, session = demo_recording(tmp_path_factory, case.demo, tmp_path)
    findings = {place(finding): finding["detail"] for finding in session["findings"]}
    assert len(findings) == len(session["findings"])
    assert findings.keys() == case.over_us.keys() | case.others
    assert session["verdict"] == case.verdict
    assert (session["status"], session["ended"], session["end_cause"]) == ("closed", "closed", "duration")

    for where, allowed in case.over_us.items():
        assert inside(findings[where]["for_us"], allowed), (where, findings[where])
    if ("depth.over_device", "forehead") in findings:
        assert inside(findings["depth.over_device", "forehead"]["measured_um"], (2_700, 2_950))
        assert findings["depth.over_device", "forehead"]["set_um"] is None
        assert findings["depth.over_plan", "cheek.left"]["set_um"] == 1_600

    account = session["completeness"]
    assert account["closes"]
    boots = account["boots"]
    assert len(boots) == case.boots
    assert inside(sum(boot["missing"] for boot in boots), case.missing), boots
    assert inside(account["frames_damaged"], case.damaged), account
    assert account["stalls"] == account["overflows"] == account["frames_unknown"] == 0
    assert not any(boot["repeated"] for boot in boots)
    assert sum(boot["late"] for boot in boots) == case.late
    assert inside(sum(gap["for_us"] for gap in session["gaps"]), case.gap_us), session["gaps"]
    assert [gap["cause"] for gap in session["gaps"]] == [case.cause] * bool(case.gap_us[1])
    # The first frames may have come before the session opened: then they are in the span before it.
    total = case.demo.seconds * 100
    assert total - 60 <= sum(boot["decoded"] + boot["missing"] for boot in boots) + case.untaken <= total + 4

    touched = {zone["zone"]: zone for zone in session["zones"] if zone["judged"]}
    assert tuple(touched) == case.zones
    assert {zone["device_max_um"] for zone in touched.values()} == {2_500}
    by_pen = [zone["passes"]["pen"] for zone in touched.values()]
    by_operator = [zone["passes"]["operator"] for zone in touched.values()]
    if case.gap_us == NOTHING:
        assert by_pen == by_operator
        assert min(by_pen) >= 1
    else:  # a pass that was made while the port was away may belong to the zone before or to the one after
        perhaps = [zone["passes_perhaps"] for zone in touched.values()]
        assert sum(by_pen) + sum(perhaps) // 2 == sum(by_operator) >= len(touched)
    # one object, the same bytes, whoever asks
    again = devicelog("sessions", "show", session["id"], "--json", data_dir=data_dir).succeeded()
    assert again.json() == session


@pytest.mark.parametrize("scenario", ["clean", "overdepth", "unplug", "noise", "reboot"])
def test_nothing_of_a_demo_is_marked_real(
    scenario: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data_dir, session = demo_recording(tmp_path_factory, DEMOS[scenario], tmp_path)
    assert (session["mode"], session["modes"], session["pen"]["mode"]) == ("demo", ["demo"], "demo")
    sessions, spans = listed(data_dir)
    assert {stream["mode"] for stream in sessions + spans} == {"demo"}
    modes = {entry["type"]: entry["body"]["mode"] for entry in entries(data_dir) if "mode" in entry["body"]}
    assert modes == dict.fromkeys(("span.opened", "span.recorded", "session.opened", "session.closed"), "demo")
    text = devicelog("sessions", "show", session["id"], data_dir=data_dir).succeeded().stdout
    assert "DEMO DATA, no person was treated" in text.splitlines()[0]
    assert "(demo)" in devicelog("sessions", "list", data_dir=data_dir).succeeded().stdout
    rows = devicelog("sessions", "readings", session["id"], data_dir=data_dir).succeeded().stdout.splitlines()
    at = rows[0].split(",").index("mode")
    assert {row.split(",")[at] for row in rows[1:]} == {"demo"}


def test_a_scenario_of_ones_own_is_recorded(tmp_path: Path) -> None:
    """Three lines from the field: the whole command line, with a scenario in a file."""
    path = tmp_path / "field.scenario"
    path.write_text(
        "story the cable was pulled twice, and nobody had set the clock\n"
        "at 30% on skin  unplug for 0.8s\n"
        "at 60% on skin  unplug for 0.8s\n"
        "clock unknown\n",
        encoding="utf-8",
    )
    words = ("--scenario", path, "--seconds", "12", "--speed", "4", "--json")
    told = devicelog("demo", *words, data_dir=tmp_path / "data").succeeded()
    assert "the cable was pulled twice, and nobody had set the clock" in told.stderr
    session = told.json()
    assert [gap["cause"] for gap in session["gaps"]] == ["link", "link"]
    assert {place(finding)[0] for finding in session["findings"]} >= {"data.gap"}
    assert session["clock"]["confidence"] == "unknown"


@pytest.mark.parametrize("command", ["demo", "pens simulate --link pen"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# a typing error\nat 5s unplugg for 1s\n", "line 2: expected what goes wrong, found 'unplugg'; did you mean"),
        ("at 10min reboot\n", "reboot: it begins at 600 s; the session ends at 8 s"),
        ("at 2s unplug for 2s\nat 3s reboot\n", "line 2: reboot begins at 3 s, while unplug of line 1 lasts"),
        (None, "cannot read the scenario"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(command: str, text: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "field.scenario"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    told = devicelog(*command.split(), "--scenario", path, "--seconds", "8", DEVICELOG_DATA_DIR=str(tmp_path / "data"))
    told.refused(2, "field.scenario", says)
    assert not (tmp_path / "data").exists()
