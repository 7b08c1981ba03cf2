"""Sessions to make reports of: what `sessions show --json` would say of a scenario or of a golden record."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from devicelog.canonical import Json
from devicelog.packages.report.facts import Proof, ReportFacts, facts_of
from devicelog.samples import sample_rows
from firmware_bridge.simulator import scenarios
from tests.builders import STREAM
from tests.clinic.facts_alone import record_of
from tests.make_golden import HERE, evidence_of
from tests.oracles import needed
from tests.scenario_runs import run_of

SCENARIOS = sorted(
    entry.name.partition(".")[0] for entry in resources.files(scenarios).iterdir() if entry.name.endswith(".scenario")
)
GOLDEN = sorted(path.stem for path in HERE.glob("*.json") if not path.stem.startswith(("engine", "opening")))
LOG = "devicelog/0123456789abcdef0123456789abcdef"
CHECKPOINT = (
    f"{LOG}\n42003\nqKWAKcLaBW8p3Jm8nUeLgWvFFRWJ6JMFZvFQUPYnL6A=\n\n"
    f"— {LOG} Gis8Tf4LKvCDVzkpBwf8TA6tVZ+NnoJvDXq0dWcPzYfXu0aE3mYFhpVvyq8mUzWc6lQ0B1o2JrTtZkS7nDxGh9RiQwE=\n"
)
PROOF = Proof(
    log=LOG,
    checkpoint=CHECKPOINT,
    fingerprint="SHA256:uNiVztksCsDhcc0u",
    size=42_003,
    entry=41_990,
    package_sha256="ab" * 32,
)
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


def facts(
    session: Json, rows: Iterable[Json] = (), *, redacted: bool = False, client_called: str | None = None
) -> ReportFacts:
    """What the report of this session says, with the proof above."""
    return facts_of(session, rows, PROOF, redacted=redacted, client_called=client_called, made_at="2026-11-24 at noon")


def long_session() -> tuple[Json, Iterator[Json]]:
    """Half an hour in four zones, as long as a report on two pages has to be; with a gap of 40 s."""
    session = json.loads(json.dumps(of_scenario("clean", 20)[0]))
    zones = session["zones"] = session["zones"][:4]
    names = [zone["zone"] for zone in zones]
    quarter_us = 450_000_000
    session["duration_us"] = 4 * quarter_us
    session["spans"] = [
        {"zone": name, "from_us": n * quarter_us, "to_us": (n + 1) * quarter_us - 2_000_000, "contact_us": 380_000_000}
        for n, name in enumerate(names)
    ]
    gap = {"from_us": 600_000_000, "for_us": 40_000_000, "to_us": 640_000_000}
    session["gaps"] = [{**gap, "cause": "link", "contact": "yes", "missing": 800, "zone": names[1]}]
    rows = (row for row in half_an_hour(names) if not gap["from_us"] < row["arrived_us"] < gap["to_us"])
    session["treatment"] = record_of(session)
    return session, rows


def words_of(pdf: bytes, folder: Path) -> str:
    """The text of a PDF, as poppler reads it."""
    path = folder / "words.pdf"
    path.write_bytes(pdf)
    return subprocess.run(
        [needed("pdftotext"), "-layout", path, "-"], capture_output=True, encoding="utf-8", check=True
    ).stdout


def codes_on(pdf: bytes, folder: Path) -> list[bytes]:
    """What the QR codes say that are seen on its pages at 150 dots an inch."""
    import zxingcpp

    path = folder / "codes.pdf"
    path.write_bytes(pdf)
    subprocess.run([needed("pdftoppm"), "-r", "150", "-gray", path, folder / "page"], check=True)
    found = []
    for picture in sorted(folder.glob("page-*.pgm")):
        kind, wide, high, _, pixels = picture.read_bytes().split(maxsplit=4)
        assert kind == b"P5"
        shape = memoryview(pixels).cast("B", (int(high), int(wide)))
        found += [code.bytes for code in zxingcpp.read_barcodes(shape)]
    return found
