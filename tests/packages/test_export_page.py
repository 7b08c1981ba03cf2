"""docs/export.md says what the writers do: its columns are theirs, its example runs, it maps what is in a bundle."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from devicelog.packages.columns import FINDINGS, READINGS, SESSIONS, ZONES, Column
from devicelog.packages.fhir import bundle
from devicelog.packages.redaction import shown
from devicelog.packages.tables import sessions_csv
from tests.packages.shaped import HIBC, LOG, SOFTWARE, of_scenario
from tests.pages import block, section

TABLES = {"sessions.csv": SESSIONS, "zones.csv": ZONES, "findings.csv": FINDINGS, "readings-ID.csv": READINGS}


@pytest.mark.parametrize(("name", "columns"), TABLES.items(), ids=TABLES.keys())
def test_the_columns_of_a_table_stand_on_the_page(name: str, columns: tuple[Column, ...]) -> None:
    rows = [line for line in section("export.md", f"### {name}").splitlines() if line.startswith("| `")]
    assert rows == [f"| `{column.name}` | {column.unit or ''} | {column.says} |" for column in columns]


def test_the_example_gives_what_was_recorded(tmp_path: Path) -> None:
    session = of_scenario("clean", client="@home")
    session["pen"]["cartridge"] = HIBC
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "sessions.csv").write_bytes(b"".join(sessions_csv([shown(session, redacted=False)])))
    before, names = Path.cwd(), dict[str, Any]()
    os.chdir(tmp_path)
    try:
        exec(block("export.md", "python"), names)
    finally:
        os.chdir(before)
    [row] = names["rows"]
    assert (row["client"], row["cartridge"], row["samples"]) == ("@home", HIBC, "800")


def test_the_mapping_names_what_is_in_a_bundle_and_nothing_else() -> None:
    rows = re.findall(r"^\| ([A-Z]\w+)[^|]*\|", section("export.md", "## FHIR"), re.MULTILINE)
    data = b"".join(
        bundle([(shown(of_scenario("noise"), redacted=False), b"x")], zone_labels={}, software=SOFTWARE, log=LOG)
    )
    resources = [entry["resource"] for entry in json.loads(data)["entry"]]
    assert {resource["resourceType"] for resource in resources} == set(rows) - {"FHIR"}
    named = re.findall(r"^\| Observation `([a-z ]+)", section("export.md", "## FHIR"), re.MULTILINE)
    told = {one["code"]["text"] for one in resources if one["resourceType"] == "Observation"}
    assert {name for name in named if any(text.startswith(name.strip()) for text in told)} == set(named)
    assert not [text for text in told if not text.startswith(tuple(name.strip() for name in named))]
