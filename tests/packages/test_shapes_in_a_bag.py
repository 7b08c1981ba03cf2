"""All shapes of a recorded session in one bag, as an export writes them: each judge finds its part sound."""

import json
from pathlib import Path
from typing import Any

import pytest

from devicelog.packages.bag import BagWriter
from devicelog.packages.datapackage import TableFile, datapackage
from devicelog.packages.fhir import bundle
from devicelog.packages.records_lines import record_lines
from devicelog.packages.redaction import shown
from devicelog.packages.tables import findings_csv, readings_csv, sessions_csv, zones_csv
from devicelog.samples import sample_frames
from devicelog.store.evidence import Evidence
from tests.databases import CLIENT, FIRST, NOTE, SECOND, make_database
from tests.packages.shaped import LOG, SOFTWARE, documents, signing


def export(database: Path, target: Path, *, called: str | None) -> None:
    """The first session alone."""
    sessions = [shown(session, redacted=True, client_called=called) for session in documents(database, FIRST)]
    with Evidence(database) as evidence, BagWriter(target, log=LOG, software=SOFTWARE) as bag:
        no = evidence.stream(FIRST)["no"]
        bag.add(f"records/{FIRST}.jsonl", record_lines(evidence.records(no)))
        tables = {
            "sessions.csv": sessions_csv(sessions),
            "zones.csv": zones_csv(sessions),
            "findings.csv": findings_csv(sessions),
            f"readings-{FIRST}.csv": readings_csv(sample_frames(evidence.records(no))),
        }
        files = []
        for name, blocks in tables.items():
            written = bag.add(f"tables/{name}", blocks)
            files.append(TableFile(name=name, bytes=written.bytes, sha256=written.sha256))
        bag.add("tables/datapackage.json", [datapackage(files, simulated=True)])
        told = ((session, b"a proof") for session in sessions)
        bag.add("fhir/bundle.json", bundle(told, zone_labels={}, software=SOFTWARE, log=LOG))
        bag.finish("2031-01-01", signing(target.parent)[1])


def test_every_judge_finds_its_part_sound(tmp_path: Path, bagit: Any) -> None:
    import frictionless
    from fhir.resources.R4B.bundle import Bundle

    export(make_database(tmp_path / "data"), tmp_path / "bag", called=None)
    assert bagit.Bag(str(tmp_path / "bag")).validate()
    data = tmp_path / "bag" / "data"
    assert frictionless.validate(str(data / "tables" / "datapackage.json")).valid
    Bundle.model_validate_json((data / "fhir" / "bundle.json").read_bytes())
    lines = (data / "records" / f"{FIRST}.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(len(lines)))


@pytest.mark.requirement("R22")
def test_nothing_in_it_names_another_session_or_what_is_hidden(tmp_path: Path) -> None:
    database = make_database(tmp_path / "data")
    export(database, tmp_path / "bag", called="subject 12")
    [session] = documents(database, FIRST)
    written = b"".join(path.read_bytes() for path in (tmp_path / "bag").rglob("*") if path.is_file())
    for hidden in (SECOND, CLIENT, NOTE, session["client_ref"]):
        assert hidden.encode() not in written
    assert b"subject 12" in written
