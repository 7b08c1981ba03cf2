"""Sessions to make reports of: what `sessions show --json` would say of a scenario or of a golden record."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from devicelog.canonical import Json
from devicelog.samples import sample_rows
from tests.builders import STREAM
from tests.make_golden import HERE, evidence_of
from tests.scenario_runs import run_of

PLAN = {"id": "full-face", "label": "Full face", "indication": "hyperpigmentation"}


def session_of(derived: Any, **changes: Any) -> Json:
    """The document of a session whose derived record says this."""
    facts = derived.facts if hasattr(derived, "facts") else derived["facts"]
    told = {
        name: getattr(derived, name) if hasattr(derived, name) else derived[name]
        for name in ("findings", "assessments", "verdict")
    }
    return json.loads(
        json.dumps(
            {
                "schema": "devicelog.session/1",
                "id": STREAM,
                "kind": "session",
                "status": facts["ended"],
                "opened_at": "2026-11-23T13:29:31.495Z",
                "closed_at": "2026-11-23T13:59:51.010Z",
                "client": "P-117",
                "client_ref": "c-9f535aeb75e85ef5",
                "practitioner": "p-07",
                "auth": "none",
                "plan": PLAN,
                "plan_zones": [],
                "engine": 3,
                "derived": "0" * 64,
                "derivation": 1,
                "derivations": 1,
                "attribution": None,
                "notes": [],
                **told,
                **facts,
                **changes,
            }
        )
    )


@cache
def of_scenario(scenario: str, seconds: float = 8, seed: int = 1) -> tuple[Json, Sequence[Json]]:
    """A session of a shipped scenario, and its samples. Neither may be changed."""
    records = evidence_of(scenario, seconds, seed)
    return session_of(run_of(scenario, seconds, seed)), tuple(sample_rows(records))


def golden(name: str) -> Json:
    """A session whose derived record is kept; some are of an engine before today's."""
    return session_of(json.loads((HERE / f"{name}.json").read_text("utf-8")))


def half_an_hour(zones: Sequence[str], seconds: int = 1800) -> Iterator[Json]:
    """Samples of a steady hand, 20 a second, zone after zone, lifted every seventh second."""
    for n in range(seconds * 20):
        t_us = n * 50_000
        set_um = 500 + 250 * (n * len(zones) // (seconds * 20))
        yield {
            "arrived_us": t_us,
            "zone": zones[n * len(zones) // (seconds * 20)],
            "motor_on": 1,
            "depth_set_um": set_um,
            "depth_um": set_um + (n * 7919) % 90 - 45,
            "contact": int(t_us // 1_000_000 % 7 != 0),
        }
