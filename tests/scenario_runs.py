"""Whole sessions without real time: what a scenario's pen sends and its operator marks, through the real pipeline.

Marks are made at their pen time, and a byte arrives in the 20 ms step it was sent in. The same every time, on every
machine; what real ports and a busy machine add is for the end-to-end tests.
"""

from dataclasses import dataclass
from functools import cache

from devicelog.canonical import Json, parse_canonical
from devicelog.clinical.data import load_plan, load_zones
from devicelog.clinical.plan import zones_document
from devicelog.pipeline import Opening, Pipeline, new_documents
from devicelog.records import SERIAL, Record
from devicelog.who import identity_document
from firmware_bridge.decode import Decoder
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Identity, SerialChunk
from firmware_bridge.simulator import Scenario
from tests.builders import STREAM
from tests.make_golden import evidence_of

Place = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a session came to."""

    facts: Json
    findings: tuple[Json, ...]
    assessments: tuple[Json, ...]
    verdict: str

    @property
    def found(self) -> set[Place]:
        """Rule and zone of every finding."""
        return {(finding["rule"], finding["zone"]) for finding in self.findings}

    @property
    def unknown(self) -> set[Place]:
        """Rule and zone of all that could not be judged."""
        return {(row["rule"], row["zone"]) for row in self.assessments if row["result"] == "not assessable"}


@cache
def run_of(scenario: Scenario | str, seconds: float, seed: int) -> Run:
    """One session of a scenario by its name, or of one that was parsed. Kept: it is always the same."""
    records = evidence_of(scenario, seconds, seed)
    pipeline = Pipeline(_opening(records))
    for record in records:
        pipeline.feed(record)
    derived = parse_canonical(pipeline.finish())
    return Run(
        facts=derived["facts"],
        findings=tuple(derived["findings"]),
        assessments=tuple(derived["assessments"]),
        verdict=derived["verdict"],
    )


def _opening(records: list[Record]) -> Opening:
    """As a recorder opens it: full face, the reference pen, the rules of today, and who the pen says it is."""
    serial = (record.body for record in records if record.kind == SERIAL)
    readings = Decoder().feed(SerialChunk(t_us=0, data=next(serial)))
    identity = next(reading for reading in readings if isinstance(reading, Identity))
    documents = new_documents(load_profile("reference"), load_plan("full-face"), zones_document(load_zones()))
    body = {
        "stream": STREAM,
        "pen": identity_document(identity),
        "documents": {name: name for name in documents},
    }
    return Opening.read("session.opened", body, documents)
