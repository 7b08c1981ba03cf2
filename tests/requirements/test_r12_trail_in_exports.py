"""R12: what is handed out holds the entries of the session, all that they name, and the entry of the export itself."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from devicelog.ledger.entries import ABOUT_PACKAGES
from tests.e2e.running import Demo, Json, database, demo_recording, devicelog


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A data directory, a bag of the session in it, which was corrected after its seal, and the session's id."""
    folder = tmp_path_factory.mktemp("exported")
    data_dir, told = demo_recording(tmp_path_factory, Demo(scenario="clean"), folder)
    why = ("--practitioner", "p-09", "--reason", "the other side", "--move", "2=cheek.right")
    devicelog("sessions", "attribute", told["id"], *why, data_dir=data_dir).succeeded()
    words = ("--to", folder / "bag", "--format", "bag,csv,fhir,html", "--by", "auditor-3")
    devicelog("export", told["id"], *words, data_dir=data_dir).succeeded()
    return data_dir, folder / "bag" / "data", told["id"]


def stored(data_dir: Path) -> list[bytes]:
    with database(data_dir) as connection:
        return [row[0] for row in connection.execute("SELECT bytes FROM ledger_entry ORDER BY seq")]


@pytest.mark.requirement("R12")
def test_every_entry_of_the_session_is_there_as_it_is_stored(exported: tuple[Path, Path, str]) -> None:
    data_dir, bag, session = exported
    of_it = [(data, json.loads(data)) for data in stored(data_dir)]
    expected = [
        (entry["type"], data)
        for data, entry in of_it
        if entry["body"].get("stream") == session and entry["type"] not in ABOUT_PACKAGES | {"export.made"}
    ]
    assert len(expected) > 3
    folder = bag / "sessions" / session
    lines = [*folder.glob("entries.jsonl"), *folder.glob("later/entries.jsonl")]
    assert [line for file in lines for line in file.read_bytes().splitlines()] == [data for _, data in expected]
    assert expected[-1][0] == "session.attributed"
    assert (folder / "sealed.json").read_bytes() in stored(data_dir)


@pytest.mark.requirement("R12")
def test_all_that_the_entries_name_is_there(exported: tuple[Path, Path, str]) -> None:
    _, bag, session = exported
    folder = bag / "sessions" / session
    said: list[Json] = [json.loads(line)["body"] for line in (folder / "entries.jsonl").read_bytes().splitlines()]
    named = {digest for body in said for digest in body.get("documents", {}).values()}
    named |= {body["derived"] for body in said if "derived" in body}
    assert {"profile", "plan", "rules", "zones"} <= said[0]["documents"].keys()
    kept = {file.name: sha256(file.read_bytes()).hexdigest() for file in (folder / "documents").iterdir()}
    assert kept == {digest: digest for digest in named}


@pytest.mark.requirement("R12")
def test_the_export_itself_is_an_entry_and_is_in_it(exported: tuple[Path, Path, str]) -> None:
    data_dir, bag, session = exported
    data = (bag / "export.json").read_bytes()
    entry = json.loads(data)
    assert entry["type"] == "export.made"
    assert entry["actor"] == {"id": "auditor-3", "role": "person", "auth": "none"}
    assert [each["stream"] for each in entry["body"]["streams"]] == [session]
    assert sorted(entry["body"]["formats"]) == ["bag", "csv", "fhir", "html"]
    assert stored(data_dir)[entry["seq"]] == data
    size = int((bag / "checkpoint").read_bytes().splitlines()[1])
    assert size > entry["seq"], "it was entered before the bag's checkpoint was made"


@pytest.mark.requirement("R12")
def test_the_readable_copies_say_who_when_and_with_what(exported: tuple[Path, Path, str]) -> None:
    data_dir, bag, session = exported
    opened = next(json.loads(data) for data in stored(data_dir) if b'"session.opened"' in data)
    table = (bag / "tables" / "sessions.csv").read_text("utf-8")
    bundle = (bag / "fhir" / "bundle.json").read_text("utf-8")
    said = opened["body"]
    for word in (session, said["practitioner"], said["pen"]["serial"], opened["at"][:10]):
        assert word in table
        assert word in bundle
    assert said["plan"] in table


@pytest.mark.requirement("R05")
def test_a_correction_goes_with_the_original(exported: tuple[Path, Path, str]) -> None:
    """Both derivations are there, and each readable copy says that it is the corrected one, by whom and why."""
    _, bag, session = exported
    folder = bag / "sessions" / session
    (corrected,) = [json.loads(line)["body"] for line in (folder / "later" / "entries.jsonl").read_bytes().splitlines()]
    before = [json.loads(line)["body"].get("derived") for line in (folder / "entries.jsonl").read_bytes().splitlines()]
    first = (folder / "documents" / next(filter(None, before))).read_bytes()
    second = (folder / "later" / "documents" / corrected["derived"]).read_bytes()
    assert b"cheek.left" in first
    assert b"cheek.left" not in second
    for file in ("tables/sessions.csv", "fhir/bundle.json", f"report/{session}.html"):
        text = (bag / file).read_text("utf-8")
        assert "p-09" in text, file
        assert "the other side" in text, file
