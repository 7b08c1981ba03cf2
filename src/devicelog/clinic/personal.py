"""Where a treatment record holds what is personal, so that one list serves whoever has to take it out. Pure."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from devicelog.canonical import Json
from devicelog.clinic.sitting import EVENT, NOT_RECORDED
from devicelog.clinic.treatment import FIELDS

Place = tuple[Json, str]  # a part of the record, and its key: None may be put there


def personal_places(record: Json) -> Iterator[Place]:
    """Every place of a treatment record with a text or a value that may be erased, the client's code apart."""
    for key, field in FIELDS.items():
        told = record[key]
        if isinstance(told, dict) and told.keys() == {"recorded", "amended"}:
            yield from _in_amendments(told["amended"])
            told = told["recorded"]
        if told in (None, NOT_RECORDED):
            continue
        if field.personal:
            yield record, key
        elif key == "screening":
            yield from ((told, part) for part in ("rows", "words", "notices") if told[part] not in (None, NOT_RECORDED))
            yield from ((asked, "answers") for asked in told["since"])
        elif key == "adverse_events":
            yield from ((event, part) for event in told for part in EVENT)
        elif key == "overrides":
            yield from ((row, "reason") for row in told if row["reason"] not in (None, NOT_RECORDED))
        elif key == "amendments":
            yield from _in_amendments(told)


def without_personal(record: Json) -> Json:
    """A copy in which nothing personal is left: None stands where it was. The client's code is not looked at."""
    copied = deepcopy(record)
    for part, key in list(personal_places(copied)):
        part[key] = None
    return copied


def under_another_name(record: Json, code: str | None, ref: str | None) -> Json:
    """A copy with this code and reference of the client, and, where there is no reference, no visit and no course:
    they are the same in other sessions of the client."""
    copied = deepcopy(record)
    places: dict[str, Any] = {key: copied[key] for key in ("client", "visit", "course", "label")}
    told = {key: part.get("recorded", part) for key, part in places.items() if isinstance(part, dict)}
    told = {key: part for key, part in told.items() if isinstance(part, dict)}
    if "client" in told:
        told["client"].update(code=code, ref=ref)
    for key, name in (("visit", "visit"), ("course", "course"), ("label", "acknowledged_in")):
        if ref is None and key in told and told[key][name] != NOT_RECORDED:
            told[key][name] = None
    return copied


def _in_amendments(rows: list[Json]) -> Iterator[Place]:
    return ((row, part) for row in rows for part in ("text", "reason"))
