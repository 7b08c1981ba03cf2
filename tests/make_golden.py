"""The golden sessions of tests/data/golden: kept evidence, and the derived record that this engine makes of it.

    python -m tests.make_golden               derive again; refuses when a record changed and ENGINE did not
    python -m tests.make_golden --evidence    first record the simulator's scenarios anew
    python -m tests.make_golden --opening     first write the newest opening anew, with the rules of today

`<scenario>.evidence` is one chunk of docs/record.md, compressed with zlib; each of OPENINGS is what an opening entry
and its documents say, with the rules of its day. `<scenario>.json` under the first of them, for the scenarios of its
day, and `<scenario>-rules-2.json`, `-rules-3.json`, `-rules-4.json` under the later ones is the derived record, laid
out to be read; CORRECTED is one under a correction. `engine.json` holds the engine's number and the SHA-256 of each
record's canonical bytes. Nothing but these files and the engine goes into a derived record: not the simulator of today,
nor today's plans, profiles and rules.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from devicelog.attribution import Attribution, Correction
from devicelog.canonical import Json, canonical
from devicelog.pipeline import ENGINE, Opening, Pipeline, new_documents
from devicelog.records import Body, Chunk, Clock, End, Mark, Record, record_of
from devicelog.who import identity_document
from firmware_bridge.decode import Decoder
from firmware_bridge.profile import Calibration
from firmware_bridge.readings import Heartbeat, Identity, LinkChange, RawInput, SerialChunk
from firmware_bridge.simulator import Scenario, load_scenario, script_for, wire_of
from firmware_bridge.simulator.pen import Pen
from tests.builders import HOST_US, PROFILE, STREAM, limits_of, plan_with, planned
from tests.core.clinic_facts import clinic_document

FIRST = ("clean", "overdepth", "unplug", "noise")  # the scenarios of the first opening's day
SCENARIOS = (*FIRST, "reboot", "stall", "wrongpen", "newer", "reorder")
TREATED = "treated"  # the clean session again, with what people mark besides zones and passes
OPENINGS = {
    "": "opening",
    "-rules-2": "opening-rules-2",
    "-rules-3": "opening-rules-3",
    "-rules-4": "opening-rules-4",
}  # by the end of a record's name; the last is of today
CORRECTED = "clean-rules-2-corrected"
RECORDS = (
    *FIRST,
    *(f"{scenario}-rules-2" for scenario in SCENARIOS),
    CORRECTED,
    "clean-rules-3",
    "clean-rules-4",
    "treated-rules-4",
)
# what was marked as the left cheek, from its mark to the next, was the forehead
ATTRIBUTION = Attribution(
    number=2,
    corrections=(Correction(first_record=125, last_record=263, zone="forehead"),),
    client_ref="golden",
)
SECONDS, SEED = 8, 1
HERE = Path(__file__).parent / "data" / "golden"
CHANGED = "a golden derived record changed: raise ENGINE"
RAISED = "ENGINE was raised: run `python -m tests.make_golden`"


# --- evidence ---------------------------------------------------------------------------------------------------------


# By the session's time: an end-point, a cartridge and a person that take over, a plan that is changed, and an override.
PAST: Any = {"identity": "serial", "lot": "L2", "expires": "2030-02", "serial": True, "used_before": 0}
MARKS = (
    (2_000_000, Mark(kind="endpoint", actor="p-07", zone="forehead", grade="red")),
    (2_500_000, Mark(kind="cartridge", actor="p-07", cartridge="x-0000000002", **PAST)),
    (3_000_000, Mark(kind="operator", actor="p-07", practitioner="p-08")),
    (3_200_000, Mark(kind="plan", actor="p-08", zone="cheek.left", depth_min_um=300, depth_max_um=500)),
    (3_400_000, Mark(kind="override", actor="p-08", rule="depth.over_hard_max", note_sha256="ab" * 32)),
    (6_000_000, Mark(kind="endpoint", actor="p-08", zone="cheek.right", grade="continuous")),
)


def evidence_of(
    scenario: Scenario | str, seconds: float = SECONDS, seed: int = SEED, more: Sequence[tuple[int, Mark]] = ()
) -> list[Record]:
    """The records of a session with a simulated pen: what arrives, and the script's marks at their pen time. `more`:
    other marks, in order."""
    scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
    script = script_for(scenario, seconds, seed)
    marks = list(script.marks)
    records: list[Record] = []

    def keep(t_us: int, item: RawInput | Body) -> None:
        records.append(record_of(len(records), HOST_US + t_us, item))

    keep(0, Clock(boot="golden", wall_us=1_900_000_000_000_000, confidence=scenario.clock))
    keep(0, LinkChange(t_us=0, up=True, cause="opened"))
    up, n_bytes = True, 0
    others = list(more)
    for t_us, data in wire_of(scenario, seconds, seed):
        while others and others[0][0] <= t_us:
            keep(*others.pop(0))
        while marks and marks[0].t_us <= t_us:
            mark = marks.pop(0)
            zone = mark.zone if mark.kind == "zone" else None
            keep(mark.t_us, Mark(kind=mark.kind, actor="p-07", zone=zone))
        if data is None:
            up = False
            keep(t_us, LinkChange(t_us=0, up=False, cause="unplugged"))
            continue
        if not up:
            up = True
            keep(t_us, LinkChange(t_us=0, up=True, cause="reopened"))
        n_bytes += len(data)
        keep(t_us, SerialChunk(t_us=0, data=data))
    keep(script.duration_us, End(cause="duration", bytes_read=n_bytes))
    return records


def _opening() -> Json:
    """An opening of today: the pen of the seed, whose counters have moved since it was last heard."""
    pen = Pen(script_for("clean", SECONDS, SEED), SEED)
    identity, heartbeat = Decoder().feed(SerialChunk(t_us=0, data=pen.advance_to(1_000_000)))
    if not isinstance(identity, Identity) or not isinstance(heartbeat, Heartbeat):
        raise TypeError("an idle pen says who it is, and then that it is there")
    before = {
        "serial": pen.serial,
        "boot": identity.boot - 1,
        "passes": (heartbeat.passes or 0) - 3,
        "strokes": (heartbeat.strokes or 0) - 5_000,
    }
    plan = plan_with(
        planned("forehead", 400, least_um=200, passes_min=1, passes_max=3),
        planned("cheek.left", 1_000, least_um=700, passes_min=4),
        planned("cheek.right", 1_000, least_um=700),
    )
    profile = replace(
        PROFILE,
        frequency_min_dhz=800,
        frequency_max_dhz=1_500,
        frequency_source="test",
        calibrations=(Calibration(id=identity.calibration_id, expires="2029-12-31"),),  # the evidence is of 2030-03-17
    )
    zones = ("forehead", 300, 400, 900), ("cheek.left", 700, 1_000, 1_500), ("cheek.right", 700, 1_000, 800)
    clinic = clinic_document(checks=["cartridge", "endpoint", "interval"], before=[{"zone": "forehead", "days": 13}])
    documents = new_documents(profile, plan, None, limits=limits_of(*zones), clinic=clinic)
    return {
        "body": {
            "stream": STREAM,
            "practitioner": "p-07",
            "pen": identity_document(identity),
            "pen_before": before,
            "pen_heard": None,
        },
        "documents": {name: json.loads(data) for name, data in documents.items()},
    }


# --- files ------------------------------------------------------------------------------------------------------------


def read_records(scenario: str) -> tuple[Record, ...]:
    """The kept evidence of a scenario."""
    return Chunk.parse(zlib.decompress((HERE / f"{scenario}.evidence").read_bytes())).records


def read_opening(name: str = "opening") -> Opening:
    """A kept opening, read as an opening entry is."""
    kept = _read(name)
    documents = {name: canonical(value) for name, value in kept["documents"].items()}
    digests = {name: sha256(data).hexdigest() for name, data in documents.items()}
    by_digest = {digests[name]: data for name, data in documents.items()}
    return Opening.read("session.opened", kept["body"] | {"documents": digests}, by_digest)


def read_derived(record: str) -> bytes:
    """The canonical bytes of a kept derived record."""
    return canonical(_read(record))


def read_engine() -> Json:
    """Which engine made the kept records, and their digests."""
    return _read("engine")


def derive(name: str) -> bytes:
    """The derived record of this name, as this engine makes it of the kept evidence."""
    scenario, dash, rules = name.removesuffix("-corrected").partition("-")
    opening = replace(read_opening(OPENINGS[dash + rules]), attribution=ATTRIBUTION if name == CORRECTED else None)
    pipeline = Pipeline(opening)
    for record in read_records(scenario):
        pipeline.feed(record)
    return pipeline.finish()


def digests() -> dict[str, str]:
    """SHA-256 of what this engine derives now."""
    return {record: sha256(derive(record)).hexdigest() for record in RECORDS}


def _read(name: str) -> Json:
    value: Json = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return value


def _write(name: str, value: Any) -> None:
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


# --- making them ------------------------------------------------------------------------------------------------------


def check() -> str | None:
    """What is wrong with the kept records: CHANGED or RAISED; None when this engine makes the same."""
    kept = read_engine()
    if kept["engine"] != ENGINE:
        return RAISED
    now = digests()  # one that was not kept before has not changed
    return None if kept["derived"] == {name: now.get(name) for name in kept["derived"]} else CHANGED


def main(arguments: list[str] | None = None) -> int:
    """Write the golden records. 1 when a record changed under the same engine number."""
    parser = argparse.ArgumentParser(prog="python -m tests.make_golden")
    parser.add_argument("--evidence", action="store_true", help="record the simulator's scenarios anew")
    parser.add_argument("--opening", action="store_true", help="first write the newest opening anew")
    options = parser.parse_args(arguments)
    if check() == CHANGED:
        print(CHANGED, file=sys.stderr)
        return 1
    if options.evidence:
        for scenario in (*SCENARIOS, TREATED):
            chunk = Chunk.of(STREAM, evidence_of("clean", more=MARKS) if scenario == TREATED else evidence_of(scenario))
            (HERE / f"{scenario}.evidence").write_bytes(zlib.compress(chunk.data, 9))
    if options.opening:
        _write([*OPENINGS.values()][-1], _opening())
    for record in RECORDS:
        _write(record, json.loads(derive(record)))
    _write("engine", {"engine": ENGINE, "derived": digests()})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
