"""Each rule reads the facts that its row names and no others, and without one of them it never passes."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from devicelog.canonical import Json
from devicelog.rules.table import RETIRED, RULES
from tests import make_golden
from tests.builders import Bench, on, opening_of, plan_with, planned
from tests.core.clinic_facts import NOTHING_BEYOND, beyond, prepared
from tests.make_golden import RECORDS

EVERY = (*RULES, *RETIRED)
each_rule = pytest.mark.parametrize("rule", EVERY, ids=[f"{rule.id} {rule.version}" for rule in EVERY])


class Watched(dict[str, Any]):
    """An object that notes by path what is read of it; lists in it are seen through."""

    def __init__(self, values: Json, read: set[str], path: str = "") -> None:
        super().__init__({key: _watched(value, read, f"{path}{key}") for key, value in values.items()})
        self._read, self._path = read, path

    def __getitem__(self, key: str) -> Any:
        self._read.add(f"{self._path}{key}")
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._read.add(f"{self._path}{key}")
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:  # what unpacks or merges an object reads all of it
        for key in super().__iter__():
            self._read.add(f"{self._path}{key}")
            yield key

    def items(self) -> Any:
        self._read.update(f"{self._path}{key}" for key in super().__iter__())
        return super().items()


def _watched(value: Any, read: set[str], path: str) -> Any:
    if isinstance(value, dict):
        return Watched(value, read, f"{path}.")
    if isinstance(value, list):
        return [_watched(row, read, path) for row in value]
    return value


def busy() -> Json:
    """A session in which there is something to say of everything the clinic recorded."""
    facts = prepared(
        practitioner={"person": "p-07", "known": True, "authority_um": 1_000},
        client={"result": "word missing"},
        before=[{"zone": "forehead", "days": 3}],
        interval_min_days=14,
        interval_max_days=28,
        visit_done=[{"zone": "forehead", "passes_low": 1, "passes_high": 1}],
        others=[{"person": "p-08", "authority_um": 500}],
    )
    zone = facts["zones"][0]
    zone |= {key: beyond() for key in ("over_recommended", "over_hard", "at_threshold")}
    zone["passes"] = {"pen": 0, "operator": 0, "low": 0, "high": 0}
    facts["expected"]["passes"] = [{"zone": "forehead", "min": 2, "max": 2}]
    facts["overrides"] = [{"rule": "depth.over_hard_max", "zone": None, "record": 3, "at_us": 0, "actor": "p-07"}]
    known = {"identity": "serial", "lot": "L2", "expires": None, "serial": True, "used_before": 1, "overridden": False}
    facts["cartridge_changes"] = [{"cartridge": "x-0000000002", **known, "record": 4, "at_us": 0}]
    facts["plan_changes"] = [{"zone": "forehead", "passes_min": None, "passes_max": 1, "record": 5, "at_us": 0}]
    return facts


def less_so() -> Json:
    """One in which what the clinic recorded is thin, and a pass was marked where nothing was needled."""
    facts = prepared(consents=[], cartridges=[], client={"result": "not recorded"}, before_unsure=True, acknowledged=[])
    facts["clinic"]["interval_min_days"] = 14
    facts["zones"].append({**facts["zones"][0], "zone": "chin", "judged": 0, "judged_us": 0, "contact_unknown_us": 0})
    facts["zones"][1]["passes"] = {"pen": None, "operator": 1, "low": 1, "high": 1}
    facts["clinic"]["indication"] = None
    return facts


def with_pins() -> Json:
    """One that pins watched, too, with a gap, a lost link and a pen that was measured here."""
    facts = prepared()
    facts["sensors"] = {
        "account": {
            "strokes": {"low": 1, "high": 2},
            "dropped": 1,
            "late": 0,
            "unwatched_us": 0,
            "passes": None,
            "lines": [{"line": "contact", "missed": 1}],
        },
        "unwatched": [],
        "doubt": [{"zone": "forehead", "strokes": 1}],
        "link_losses": [{"at_us": 0, "for_us": 1, "cause": "unplugged"}],
    }
    facts["compared"] = [
        {"zone": "forehead", "strokes": None, "passes": {"pen": 1, "pins": 2}, "contact": None, "set_depth": None}
    ]
    facts["gaps"] = [{"zone": "forehead", "for_us": 300_000, "contact": "yes", "missing": 1, "cause": "loss"}]
    facts["link_losses"] = [{"at_us": 0, "for_us": 1, "cause": "unplugged"}]
    facts["measured"] = {
        "serial": "A0042",
        "column": "depth_um",
        "calibration_id": "cal-1",
        "tolerance_um": 1,
        "as_found_um": 2,
        "at": "2030-01-01T00:00:00Z",
    }
    facts["host_calibration"] = {"id": "h", "serial": "A0042", "applied": 1, "own": 0, "expires": None}
    facts["expected"]["untold"] = []
    facts["expected"]["passes"] = [{"zone": "forehead", "min": 2, "max": 2}]
    return facts


def golden(name: str) -> Json:
    return dict(json.loads(make_golden.read_derived(name))["facts"])


def forbidden() -> Json:
    """One in which somebody went where and how deep she may not, and no end-point was noted."""
    facts = busy()
    facts["clinic"]["practitioner"]["authority_um"] = 1
    facts["limits"]["zones"][0]["forbidden"] = True
    facts["endpoints"] = []
    facts["zones"][0]["judged_us"] = 60_000_000
    return facts


def of_a_mute_pen(*, heard: bool = True) -> Json:
    """One with a pen that says next to nothing, or nothing at all, and names no calibration."""
    bench = on("forehead", opening_of(plan=plan_with(planned("forehead", 400), planned("chin", 900, least_um=500))))
    bench.identity("", calibration_id="")
    bench.set_um = bench.passes = bench.strokes = None
    for zone in ("forehead", "chin") if heard else ():
        bench.zone(zone)
        bench.mark("pass")
        bench.needle(1_100, depth=None, frequency=None)
    facts = bench.end()["facts"] if heard else Bench().end()["facts"]
    for zone in facts["zones"]:
        zone |= {"threshold_um": 1_500, "at_threshold": NOTHING_BEYOND}
    told = ("clinic", "limits", "overrides", "endpoints", "cartridge_changes", "plan_changes")
    return dict(facts | {key: prepared()[key] for key in told})


def in_doubt() -> Json:
    """One of a mute pen whose totals fell, whose link was lost and that does not say who it is."""
    facts = of_a_mute_pen()
    facts["counters"]["unplaced"] = 1
    facts["link_losses"] = [{"at_us": 0, "for_us": 1, "cause": "unplugged"}]
    facts["expected"] |= {"untold": ["identity"], "passes": [{"zone": "forehead", "min": 2, "max": 2}]}
    facts["expected"] |= {"frequency_min_dhz": 500, "frequency_max_dhz": 1_500}
    facts["zones"][0]["under_plan"] = beyond(2_000_000)
    for zone in facts["zones"]:
        zone["passes"] = {"pen": None, "operator": 0, "low": 0, "high": 0}
    facts["clinic"] |= {"consents": [], "indication": None}
    facts["limits"] = None
    return facts


FACTS: dict[str, Json] = {name: golden(name) for name in RECORDS}
FACTS |= {"busy": busy(), "less so": less_so(), "pins": with_pins(), "prepared": prepared(), "forbidden": forbidden()}
FACTS |= {"mute": of_a_mute_pen(), "unheard": of_a_mute_pen(heard=False), "doubt": in_doubt()}


def under(path: str, inputs: tuple[str, ...]) -> bool:
    """Whether a path is one of these, below one of them, or on the way to one."""
    return any(path == of or path.startswith(f"{of}.") or of.startswith(f"{path}.") for of in inputs)


def test_reading_is_seen() -> None:
    read: set[str] = set()
    facts = Watched({"zones": [{"zone": "chin", "depth": {"n": 1}}], "clinic": {"day": None}, "gaps": []}, read)
    assert not read
    assert [row["depth"].get("n") for row in facts["zones"]] == [1]
    assert {**facts["clinic"]} == {"day": None}
    assert read == {"zones", "zones.depth", "zones.depth.n", "clinic", "clinic.day"}


@each_rule
def test_a_rule_reads_what_its_row_names_and_nothing_else(rule: Any) -> None:
    everything: set[str] = set()
    for facts in FACTS.values():
        read: set[str] = set()
        rule.assess(Watched(facts, read), rule.parameters)
        everything |= read
    assert not [path for path in sorted(everything) if not under(path, rule.inputs)], "it is read and not named"
    unread = [of for of in rule.inputs if not any(path == of or path.startswith(f"{of}.") for path in everything)]
    assert not unread, "it is named and never read"


# Where nothing being there says that there is nothing: no pins beside the pen, a pen that tells everything, no change,
# nobody who was noted to hand over. Removing it says something else of the session, and not less.
SAYS_NOTHING_IS_THERE = {
    *("sensors.link_losses", "sensors.unwatched", "expected.untold", "host_calibration", "measured"),
    *("clinic.visit_done", "plan_changes", "clinic.others", "cartridge_changes", "clinic.overrides", "overrides"),
    *("spans.practitioner", "clinic.interval_min_days", "clinic.interval_max_days"),
}
NAMES = {"zones.zone", "spans.zone"}  # without its name nothing can be said of a zone, whatever it was

# Counts and lists that derive always gives: null is none of their values.
NEVER_NULL = {"zones.judged_unseen", "zones.samples", "link_losses", "completeness.frames_newer"}


@each_rule
@pytest.mark.parametrize("how", ["removed", "null"])
def test_without_one_of_its_inputs_a_rule_does_not_pass_what_it_did_not_pass(rule: Any, how: str) -> None:
    """One that must be there raises: derive gives it, always. What is optional never turns anything to `passed`."""
    for facts in FACTS.values():
        with_it = {outcome.zone: outcome.result for outcome in rule.assess(facts, rule.parameters)}
        for path in set(rule.inputs) - SAYS_NOTHING_IS_THERE - NAMES - (NEVER_NULL if how == "null" else set()):
            without, changed = deepcopy(facts), [0]
            _take_away(without, path.split("."), changed, null=how == "null")
            if not changed[0]:
                continue
            try:
                outcomes = rule.assess(without, rule.parameters)
            except (KeyError, TypeError, AttributeError):
                continue
            for outcome in outcomes:
                assert outcome.result != "passed" or with_it.get(outcome.zone) == "passed", path


def _take_away(value: Any, keys: list[str], changed: list[int], *, null: bool) -> None:
    if isinstance(value, list):
        for row in value:
            _take_away(row, keys, changed, null=null)
    elif isinstance(value, dict) and keys[0] in value:
        if len(keys) > 1:
            _take_away(value[keys[0]], keys[1:], changed, null=null)
        else:
            changed[0] += 1
            if null:
                value[keys[0]] = None
            else:
                del value[keys[0]]


@each_rule
def test_no_alarm_is_of_the_highest_priority_and_a_notice_is_none(rule: Any) -> None:
    assert rule.alarm in ("medium", "low", "info", None)
    assert rule.severity != "info" or rule.alarm in ("info", None)
    assert rule.live == (rule.alarm is not None)
