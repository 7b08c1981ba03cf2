"""A calibration or a check read back as plain values, and the sessions that it casts doubt on. Writes nothing."""

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.entries import PEN_DOCUMENTS, Entry
from devicelog.store.evidence import Evidence
from firmware_bridge.calibration import calibration_id
from firmware_bridge.readings import Identity


def calibration_row(entry: Entry, document: Json) -> Json:
    """One calibration or check as plain values: what its entry and its document say."""
    body, adjusted = entry.body, entry.type == "pen.calibrated"
    digest = body["documents"][PEN_DOCUMENTS[entry.type]]
    return {
        "entry": entry.seq,
        "at": entry.values["at"],
        "clock": entry.values["clock"],
        "practitioner": entry.values["actor"]["id"],
        "adjusted": adjusted,
        "id": calibration_id(digest) if adjusted else None,
        "document": digest,
        **{key: body[key] for key in ("span", "pen", "gauge_set", "tolerance_um", "as_found_um", "last_good")},
        **{key: body.get(key) for key in ("as_left_um", "residual_um", "expires")},
        "sessions": body["sessions"],
        **{key: document[key] for key in ("column", "readings", "by", "as_found")},
        **{key: document.get(key) for key in ("curve", "as_left")},
    }


def sessions_since(evidence: Evidence, pen: Identity, good: Entry | None) -> list[Json]:
    """Every session after this entry in which the pen took part, or every one of it; oldest first.

    With the measured depth in each zone, µm, as it was recorded; None where the pen told none.
    """
    found = []
    for row in evidence.streams():
        if row["kind"] != "session" or (good is not None and row["no"] < good.seq):
            continue
        opening = evidence.entry(row["no"])
        facts = parse_canonical(evidence.document(row["derived"]))["facts"] if row["derived"] else None
        heard = [opening.body.get("pen"), *(facts.get("pens", ()) if facts else ())]
        if (pen.serial, pen.mode) not in {(each["serial"], each["mode"]) for each in heard if each}:
            continue
        zones = [
            {"zone": zone["zone"], **{key: zone.get("depth") and zone["depth"][key] for key in ("min_um", "max_um")}}
            for zone in (facts["zones"] if facts else ())
        ]
        named = {key: row[key] for key in ("id", "opened_at", "practitioner", "mode", "verdict")}
        found.append({**named, "zones": zones})
    return found
