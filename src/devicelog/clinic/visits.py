"""A visit: the sessions of one client and sitting, folded from the entries about it. Pure.

A power cut or another pen in mid-visit begins another session of the same visit: what was planned, what is on the pen
and how long ago a zone was treated are judged over the whole of it. Not responsible for entering anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What the entries about a visit say of it. `closed`: how it ended, None while it is open."""

    id: str
    client_ref: str
    course: str | None
    practitioner: str
    indication: str
    opened_at: str
    opened_clock: str
    opened_seq: int
    documents: Mapping[str, str]  # `plan` and `limits`, by SHA-256 in hex
    sessions: tuple[str, ...] = ()
    overrides: tuple[Json, ...] = field(default=())  # each `rule` and `zone` (None: everywhere)
    closed: str | None = None


def parts_of(entries: Iterable[Entry]) -> dict[str, str]:
    """By session the visit that it is a part of, by these entries in order: it leaves one whose client it is not of."""
    found: dict[str, str] = {}
    for entry in entries:
        if entry.type == "visit.joined":
            found[entry.body["stream"]] = entry.body["visit"]
        elif entry.type == "visit.left" and found.get(entry.body["stream"]) == entry.body["visit"]:
            del found[entry.body["stream"]]
    return found


def of_client(entries: Iterable[Entry], client_ref: str | None) -> list[Entry]:
    """Those of a session or visit that are about its client, or about nobody: what was entered while it was taken for
    somebody else's is that person's. A cartridge was on the pen, whoever was treated."""
    return [
        entry
        for entry in entries
        if entry.type == "cartridge.fitted" or entry.body.get("client_ref") in (None, client_ref)
    ]


def visits_of(entries: Sequence[Entry]) -> dict[str, Visit]:
    """Every visit that these entries, in order, are about, by id, in the order in which they were opened.

    An entry about a visit that was not opened in them is passed over: it says nothing by itself.
    """
    found: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        body, told = entry.body, entry.body.get("told", {})
        name = body.get("visit")
        if entry.type == "visit.opened":
            found[name] = {
                "id": name,
                "client_ref": body["client_ref"],
                "course": body["course"],
                "practitioner": told["practitioner"],
                "indication": told["indication"],
                "opened_at": entry.values["at"],
                "opened_clock": entry.values["clock"],
                "opened_seq": entry.seq,
                "documents": dict(body["documents"]),
                "sessions": [],
                "overrides": [],
            }
        elif (visit := found.get(name)) is not None:
            match entry.type:
                case "visit.planned":
                    visit["documents"] = dict(body["documents"])
                case "visit.joined":
                    visit["sessions"].append(body["stream"])
                case "visit.left":
                    visit["sessions"] = [stream for stream in visit["sessions"] if stream != body["stream"]]
                case "override.given":
                    visit["overrides"].append({"rule": told["rule"], "zone": told["zone"]})
                case "visit.closed":
                    visit["closed"] = told["how"]
                case _:
                    pass
    return {
        name: Visit(**{**visit, "sessions": tuple(visit["sessions"]), "overrides": tuple(visit["overrides"])})
        for name, visit in found.items()
    }
