"""What the ledger tells of a pen: the counters with which it was last heard, and the calibration that is in force."""

from pathlib import Path
from typing import Any

from devicelog.canonical import parse_canonical
from devicelog.counters import Counters
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.store.evidence import Evidence
from firmware_bridge.calibration import HostCalibration


def last_counters(path: Path, serial: str, *, before_stream: int) -> Counters | None:
    """The cumulative counters of this pen when it was last heard in a stream before this one; None if never."""
    if not serial:
        return None
    with Evidence(path) as evidence:
        for row in evidence.last_closed(serial, before_stream):
            counters: dict[str, Any] = parse_canonical(evidence.document(row["derived"]))["facts"]["counters"]
            if counters["passes"] is not None or counters["strokes"] is not None:
                return Counters(serial=serial, **{key: counters[key] for key in ("boot", "passes", "strokes")})
    return None


def calibration_in_force(evidence: Evidence, serial: str) -> bytes | None:
    """The document of the newest calibration that was made here of this pen; None if none was."""
    entry = evidence.calibration(serial) if serial else None
    return None if entry is None else evidence.document(entry.body["documents"]["calibration"])


def calibration_of(evidence: Evidence, opening: Entry) -> HostCalibration | None:
    """The calibration made here that a stream was opened with; None without. Raises EvidenceDamaged."""
    digest = opening.body["documents"].get("calibration")
    if digest is None:
        return None
    try:
        return HostCalibration.from_document(parse_canonical(evidence.document(digest)), digest)
    except ValueError as error:
        raise EvidenceDamaged(f"the calibration of {opening.body['stream']}: {error}") from error
