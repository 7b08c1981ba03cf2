"""Facts as derive gives them of a session that the clinic prepared, small enough to count by hand.

Of a session in which the forehead was needled for 1.5 s under a dial at 0.3 mm, by p-07, and nothing is amiss.
A test changes what it is about. `judged` says what one rule of today makes of it.
"""

from copy import deepcopy
from typing import Any

from devicelog.canonical import Json
from devicelog.validate import assess, rules_document
from tests.builders import on

NOTHING_BEYOND: Json = {
    "for_us": 0,
    "set_um": None,
    "set_for_us": 0,
    "measured_um": None,
    "measured_for_us": 0,
    "first_record": None,
}
CHECKS = ["screening", "clearance", "consent", "cartridge", "interval", "endpoint"]
CARTRIDGE: Json = {
    "cartridge": "x-0000000001",
    "identity": "serial",
    "maker": "Bench",
    "item": "09506000134352",
    "lot": "L1",
    "expires": "2030-03-17",
    "serial": "S1",
    "needles": 12,
    "length_um": 2_500,
    "box": None,
    "attested": True,
    "used_before": None,
    "overridden": False,
    "at": "2030-03-17T12:00:00Z",
}
TOPICAL: Json = {
    "stock": "t-0000000001",
    "product": "Glide gel",
    "lot": "G7",
    "expires": "2031-01",
    "ingredients": "aqua, sodium hyaluronate",
    "when": "before",
    "patch_test": None,
}
LIMIT: Json = {
    "zone": "forehead",
    "site": "forehead",
    "min_um": 300,
    "max_um": 400,
    "source": "dpw_hp",
    "evidence": "B",
    "sourced": True,
    "fallback": None,
    "hard_max_um": 1_500,
    "hard_max_source": "skr_matrix",
    "hard_max_basis": "regulatory",
    "hard_max_evidence": "C",
    "forbidden": False,
    "from": "shipped",
}
_BASE: Json = {}


def beyond(for_us: int = 500_000, *, set_um: int | None = 1_501, first_record: int = 9) -> Json:
    """Time beyond a limit by the dial; by the sensor where the dial says nothing."""
    by_dial = for_us if set_um is not None else 0
    return {
        "for_us": for_us,
        "set_um": set_um,
        "set_for_us": by_dial,
        "measured_um": None if set_um is not None else 1_700,
        "measured_for_us": for_us - by_dial,
        "first_record": first_record,
    }


def prepared(**clinic: Any) -> Json:
    """The facts. `clinic` changes keys of the clinic's document."""
    if not _BASE:
        bench = on("forehead")
        bench.needle(150)
        _BASE.update(bench.end()["facts"])
    facts = deepcopy(_BASE)
    facts["clinic"] = clinic_document(**clinic)
    facts["limits"] = {
        "version": 1,
        "overlay": None,
        "indication": "hyperpigmentation",
        "modality": "mechanical",
        "zones": [deepcopy(LIMIT)],
    }
    for told in ("overrides", "cartridge_changes", "operators", "plan_changes"):
        facts[told] = []
    facts["endpoints"] = [{"zone": "forehead", "grade": "red", "at_us": 1_000_000, "record": 5}]
    (zone,) = facts["zones"]
    zone |= {"recommended_min_um": 300, "recommended_max_um": 400, "hard_max_um": 1_500, "threshold_um": 1_500}
    zone |= {key: dict(NOTHING_BEYOND) for key in ("over_recommended", "over_hard", "at_threshold")}
    for span in facts["spans"]:
        span |= {"practitioner": "p-07", "cartridge": None, "plan_max_um": 400, "hard_max_um": 1_500}
    return facts


def clinic_document(**changes: Any) -> Json:
    """What the clinic recorded: everything that a plan may ask for, and nothing amiss."""
    document: Json = {
        "schema": "devicelog.clinic/1",
        "visit": "v-0000000001",
        "course": "k-0000000001",
        "indication": "hyperpigmentation",
        "day": "2030-03-17",
        "practitioner": {"person": "p-07", "known": True, "authority_um": None},
        "device": None,
        "checks": list(CHECKS),
        "client": {"result": "clear", "screened_at": "2030-03-17T11:50:00Z", "private": None},
        "consents": [
            {"what": "treatment", "given": True, "signed": ["client", "practitioner"], "at": "", "by": "p-07"}
        ],
        "anaesthetic": [],
        "topicals": [dict(TOPICAL)],
        "cartridges": [dict(CARTRIDGE)],
        "overrides": [],
        "acknowledged": [{"notice": "label.pigment", "version": 1}],
        "before": [],
        "before_unsure": False,
        "interval_min_days": None,
        "interval_max_days": None,
        "visit_sessions": 0,
        "visit_done": [],
        "course_done": 0,
        "course_planned": 4,
    }
    assert changes.keys() <= document.keys() | {"others", "unread"}
    return document | changes


def judged(rule: str, facts: Json) -> list[tuple[str, str | None, str | None]]:
    """What a rule says: result, zone, and the severity of what it found or why it could not say."""
    findings, assessments = assessed(rule, facts)
    severities = iter(finding["severity"] for finding in findings)
    return [
        (row["result"], row["zone"], next(severities) if row["result"] == "found" else row["why"])
        for row in assessments
    ]


def detail(rule: str, facts: Json) -> Json:
    """The detail of the one thing that a rule found."""
    (finding,) = assessed(rule, facts)[0]
    return dict(finding["detail"])


def assessed(rule: str, facts: Json) -> tuple[list[Json], list[Json]]:
    """Findings and assessments by this rule alone."""
    (row,) = [row for row in rules_document()["rules"] if row["id"] == rule]
    return assess(facts, {"rules": [row]})
