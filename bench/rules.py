"""What the rules cost: facts judged once a second over an hour's stream, beside deriving it, in one run.

`python -m bench.rules WORKLOADS HZ SAMPLES_A_FRAME SECONDS`. A live session judges less often: when something stirred,
and every three seconds. Every rule has its input: limits of every zone, and a clinic that recorded all there is.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.workload import SLOT_US, Workload
from devicelog.canonical import Json
from devicelog.clinical.data import load_limits, load_plan, load_zones
from devicelog.clinical.limits import resolve
from devicelog.pipeline import Opening, Pipeline
from devicelog.records import Body, Clock, Mark, record_of
from devicelog.validate import assess, found_so_far, rules_document
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import RawInput, SerialChunk
from firmware_bridge.simulator import script_for

_EVERY_US = 1_000_000
_PARTS = ("derive", "facts", "rules, live", "rules, every answer")


def opening() -> Opening:
    """A session for which the clinic recorded all that a rule looks at."""
    plan, zones = load_plan("full-face"), load_zones()
    return Opening(
        stream="s-bench",
        kind="session",
        profile=load_profile("reference"),
        rules=rules_document(),
        plan=plan,
        limits=resolve(load_limits(), zones, indication=plan.indication),
        clinic=_clinic(plan.indication, [planned.zone for planned in plan.zones]),
    )


def _clinic(indication: str, zones: list[str]) -> Json:
    return {
        "schema": "devicelog.clinic/1",
        "visit": "v-0000000001",
        "course": "k-0000000001",
        "indication": indication,
        "day": "2031-01-01",
        "practitioner": {"person": "BENCH", "known": True, "authority_um": 2_000},
        "device": None,
        "checks": ["screening", "clearance", "consent", "cartridge", "interval", "endpoint"],
        "client": {"result": "clear", "screened_at": None, "private": None},
        "consents": [{"what": "treatment", "given": True, "signed": ["client"], "at": None, "by": "BENCH"}],
        "anaesthetic": [],
        "topicals": [
            {"stock": None, "product": "gel", "lot": "1", "expires": None, "ingredients": "aqua", "when": "before"}
        ],
        "cartridges": [
            {
                "cartridge": "x-0000000001",
                "identity": "serial",
                "lot": "1",
                "serial": "1",
                "expires": "2032-01-01",
                "used_before": None,
                "overridden": False,
            }
        ],
        "overrides": [],
        "acknowledged": [],
        "before": [{"zone": zone, "days": 30} for zone in zones],
        "before_unsure": False,
        "interval_min_days": None,
        "interval_max_days": None,
        "visit_sessions": 1,
        "visit_done": [{"zone": zone, "passes_low": 1, "passes_high": 1} for zone in zones],
        "course_done": 1,
        "course_planned": 4,
    }


def main(workload: Workload) -> dict[str, Any]:
    """CPU microseconds a sample: decode and derive, putting facts together, the rules live and with every answer."""
    pipeline, marks = Pipeline(opening()), list(script_for("clean", workload.seconds, 1).marks)
    rules, spent, n, judged = pipeline.opening.rules, dict.fromkeys(_PARTS, 0), 0, 0
    findings: list[Json] = []

    def put(t_us: int, item: RawInput | Body) -> None:
        nonlocal n
        record = record_of(n, t_us, item)
        began_ns = time.process_time_ns()
        pipeline.feed(record)
        spent["derive"] += time.process_time_ns() - began_ns
        n += 1

    put(0, Clock(boot="bench", wall_us=1_925_000_000_000_000, confidence="synced"))
    for number, data in enumerate(workload.slots(), 1):
        t_us = number * SLOT_US
        while marks and marks[0].t_us <= t_us:
            mark = marks.pop(0)
            put(t_us, Mark(kind=mark.kind, actor="BENCH", zone=mark.zone if mark.kind == "zone" else None))
            if mark.kind == "zone":
                put(t_us, Mark(kind="endpoint", actor="BENCH", zone=mark.zone, grade="red"))
        put(t_us, SerialChunk(t_us=t_us, data=data))
        if t_us % _EVERY_US < SLOT_US:
            began_ns = time.process_time_ns()
            facts = pipeline.facts()
            made_ns = time.process_time_ns()
            findings = found_so_far(facts, rules)
            found_ns = time.process_time_ns()
            assess(facts, rules)
            judged += 1
            spent["facts"] += made_ns - began_ns
            spent["rules, live"] += found_ns - made_ns
            spent["rules, every answer"] += time.process_time_ns() - found_ns
    if not judged or any(finding["rule"] == "data.gap" for finding in findings):
        raise SystemExit(f"this is not the stream that was to be judged: {findings}")
    return {
        "samples": workload.samples,
        "judged": judged,
        "us_a_sample": {name: ns / 1000 / workload.samples for name, ns in spent.items()},
        "zones": len(facts["zones"]),
        "spans": len(facts["spans"]),
        "rules": len(rules["rules"]),
    }


if __name__ == "__main__":
    print(json.dumps(main(Workload.make(Path(sys.argv[1]), *map(int, sys.argv[2:5])))))
