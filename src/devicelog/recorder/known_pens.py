"""What the ledger tells of a pen: its counters and its name when it was last heard, and the calibration in force."""

from pathlib import Path
from typing import Any

from devicelog.calibration import MEASURED_SCHEMA
from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.counters import Counters
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import PEN_DOCUMENTS, Entry
from devicelog.store.evidence import Evidence
from firmware_bridge.calibration import HostCalibration
from firmware_bridge.readings import Identity

_ALL_STREAMS = 2**62


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


def calibration_in_force(evidence: Evidence, pen: Identity) -> Entry | None:
    """The newest calibration that was made here of this pen; None if none was."""
    return next((entry for entry in _newest_first(evidence, pen) if entry.type == "pen.calibrated"), None)


def last_good(evidence: Evidence, pen: Identity) -> Entry | None:
    """The newest calibration or check of this pen that left it within its tolerance; None if none did."""
    return next((entry for entry in _newest_first(evidence, pen) if _left_good(entry.body)), None)


def newest_measurement(evidence: Evidence, pen: Identity) -> bytes | None:
    """What the newest calibration or check of this pen found, as the document that a session's opening names.

    None if it was never measured. Raises EvidenceDamaged.
    """
    entry = next(iter(_newest_first(evidence, pen)), None)
    if entry is None:
        return None
    body = entry.body
    said: Json = {key: body[key] for key in ("as_found_um", "as_left_um", "residual_um", "tolerance_um") if key in body}
    return canonical(
        {
            "schema": MEASURED_SCHEMA,
            "entry": entry.seq,
            "at": entry.values["at"],
            "serial": pen.serial,
            "calibration_id": body["pen"]["calibration_id"],
            "column": parse_canonical(calibration_document(evidence, entry)[1])["column"],
            **said,
        }
    )


def _newest_first(evidence: Evidence, pen: Identity) -> list[Entry]:
    """A simulated pen may say any serial: it is never taken for a real one."""
    entries = evidence.calibrations(pen.serial) if pen.serial else []
    return [entry for entry in reversed(entries) if entry.body["pen"].get("mode") == pen.mode]


def _left_good(body: Json) -> bool:
    errors_um = [body[key] for key in ("as_left_um", "residual_um") if key in body] or [body["as_found_um"]]
    return all(um <= body["tolerance_um"] for um in errors_um)


def calibration_document(evidence: Evidence, entry: Entry) -> tuple[str, bytes]:
    """The SHA-256 in hex and the bytes of the document of a calibration or a check. Raises EvidenceDamaged."""
    digest = entry.body["documents"].get(PEN_DOCUMENTS[entry.type])
    if digest is None:
        raise EvidenceDamaged(f"ledger entry {entry.seq} names no document of what was measured")
    data = evidence.document(digest)
    if entry.type == "pen.calibrated":
        try:
            HostCalibration.from_document(parse_canonical(data), digest)
        except ValueError as error:
            raise EvidenceDamaged(f"ledger entry {entry.seq}: {error}") from error
    return digest, data


def last_identity(path: Path, serial: str) -> Json | None:
    """Who the pen with this serial number said it was in the newest closed stream that ended with it; None if none."""
    with Evidence(path) as evidence:
        for row in evidence.last_closed(serial, _ALL_STREAMS):
            pen: Json | None = parse_canonical(evidence.document(row["derived"]))["facts"]["pen"]
            if pen is not None and pen["serial"] == serial:
                return pen
    return None
