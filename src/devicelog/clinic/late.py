"""A session that was on paper and was entered later, as it is listed and shown. Pure.

Nothing of it was measured: it has no derived record, no findings, and the verdict says so.
"""

from devicelog.canonical import Json
from devicelog.clinic.sitting import NOT_RECORDED, Texts, recorded
from devicelog.ledger.entries import Entry

SCHEMA = "devicelog.late_entry/1"
ENTERED, WITHDRAWN = "session.entered", "session.withdrawn"
VERDICT = "not measured"


def listed(entry: Entry, client: str | None, withdrawn: Entry | None) -> Json:
    """The row of one in a list. `client` is the code, None where it was erased; `withdrawn`: the entry that says so."""
    told, actor = entry.body["told"], entry.values["actor"]
    return {
        "id": told["session"],
        "kind": "late_entry",
        "status": "withdrawn" if withdrawn else "entered",
        "verdict": VERDICT,
        "day": told["day"],
        "entered_at": entry.values["at"],
        "entered_by": actor["id"],
        "client": client,
        "practitioner": told["practitioner"],
        "course": entry.body["course"],
    }


def shown(entry: Entry, said: Json, texts: Texts, client: str | None, withdrawn: Entry | None) -> Json:
    """All of one. `said`: the document of what was on paper. What was not on it reads `not recorded`."""
    private, actor = entry.body["private"], entry.values["actor"]
    cartridge = said["cartridge"]
    return {
        "schema": SCHEMA,
        **listed(entry, client, withdrawn),
        "client_ref": entry.body["client_ref"],
        "role": actor["role"],
        "auth": actor["auth"],
        "clock": entry.values["clock"],
        "entry": entry.seq,
        "reason": texts(private[0]) if private else NOT_RECORDED,
        "withdrawn": withdrawn and _withdrawn(withdrawn, texts),
        "indication": recorded(said["indication"]),
        "zones": [{key: recorded(zone[key]) for key in ("zone", "depth_set_um", "passes")} for zone in said["zones"]],
        "cartridge": _values(cartridge) if cartridge else NOT_RECORDED,
        "topicals": [_values(topical) for topical in said["topicals"]] or NOT_RECORDED,
    }


def _withdrawn(entry: Entry, texts: Texts) -> Json:
    values, private = entry.values, entry.body["private"]
    actor = values["actor"]
    return {
        "at": values["at"],
        "clock": values["clock"],
        "by": actor["id"],
        "role": actor["role"],
        "auth": actor["auth"],
        "entry": entry.seq,
        "reason": texts(private[0]) if private else NOT_RECORDED,
    }


def _values(row: Json) -> Json:
    return {key: recorded(value) for key, value in row.items()}
