"""`datapackage.json`: what the tables beside it are, as a Data Package of Frictionless, version 2. Pure.

It says types, units, ranges, keys, and of each file its length and SHA-256: a checker needs nothing else.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devicelog.packages.columns import FINDINGS, READINGS, SESSIONS, ZONES, Column

_PROFILES = "https://datapackage.org/profiles/2.0/"

_ESCAPING = (
    "Text that a spreadsheet might take for a formula stands behind an apostrophe: text whose first character, spaces "
    "apart, is = + - @ (also in full width), a tab, a line break or NUL, and text that begins with an apostrophe. Drop "
    "one apostrophe from every text that begins with one, and you have what was recorded. Numbers are never changed."
)
_CONVENIENCE = (
    "These tables were made from the evidence for convenience: entries, records and documents are what hashes and "
    "signatures lead to."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the rows of a table are. `keys`: its primary key; `refers`: its first column names a session."""

    columns: Sequence[Column]
    title: str
    keys: tuple[str, ...] = ()
    refers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A table that was written: its name beside the descriptor, how many bytes it has, and its SHA-256 in hex."""

    name: str
    bytes: int
    sha256: str


_TABLES = {
    "sessions": Table(columns=SESSIONS, title="Sessions and spans", keys=("session",)),
    "zones": Table(columns=ZONES, title="What happened in each zone", keys=("session", "zone"), refers=True),
    "findings": Table(
        columns=FINDINGS,
        title="What was found, and what could not be checked",
        keys=("session", "number"),
        refers=True,
    ),
}


def datapackage(files: Sequence[TableFile], *, simulated: bool) -> bytes:
    """The descriptor of these files: sessions.csv, zones.csv, findings.csv and any number of readings-<id>.csv.

    `simulated`: not every session in them is real. Raises ValueError for a file that is no table of ours.
    """
    warning = "SIMULATED DATA: not every session in this is real; see the column mode. " if simulated else ""
    descriptor = {
        "$schema": f"{_PROFILES}datapackage.json",
        "name": "devicelog",
        "title": "Sessions of a microneedling pen",
        "description": f"{warning}{_CONVENIENCE} {_ESCAPING}",
        "resources": [_resource(file) for file in files],
    }
    return (json.dumps(descriptor, ensure_ascii=False, indent=1) + "\n").encode()


def _resource(file: TableFile) -> dict[str, Any]:
    stem = file.name.removesuffix(".csv")
    if stem == file.name:
        raise ValueError(f"{file.name} is no table")
    readings = stem.removeprefix("readings-")
    if stem != readings:
        table = Table(columns=READINGS, title=f"Every sample of {readings}")
    elif stem in _TABLES:
        table = _TABLES[stem]
    else:
        raise ValueError(f"{file.name} is no table of an export")
    schema: dict[str, Any] = {
        "$schema": f"{_PROFILES}tableschema.json",
        "fields": [column.field() for column in table.columns],
        "missingValues": [""],
    }
    if table.keys:
        schema["primaryKey"] = list(table.keys)
    if table.refers:
        reference = {"resource": "sessions", "fields": ["session"]}
        schema["foreignKeys"] = [{"fields": ["session"], "reference": reference}]
    return {
        "$schema": f"{_PROFILES}dataresource.json",
        "name": stem,
        "type": "table",
        "path": file.name,
        "title": table.title,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "dialect": {
            "$schema": f"{_PROFILES}tabledialect.json",
            "delimiter": ",",
            "lineTerminator": "\r\n",
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
        },
        "schema": schema,
    }
