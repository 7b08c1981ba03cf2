"""R30: which software and which settings made a session stands in its entries, and other ones cannot pass for them."""

import re
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement as Needed

from devicelog import __version__
from devicelog.pipeline import ENGINE, new_documents
from devicelog.rules import table
from tests.builders import PROFILE, plan_with, planned
from tests.databases import make_database
from tests.e2e.running import ROOT, entries


@pytest.mark.requirement("R30")
def test_every_entry_names_version_and_engine_and_an_opening_every_document(tmp_path: Path) -> None:
    ledger = entries(make_database(tmp_path / "data").parent)
    assert [entry["sw"] for entry in ledger] == [{"version": __version__, "engine": ENGINE}] * len(ledger)
    opened = [entry["body"]["documents"] for entry in ledger if entry["type"] == "session.opened"]
    assert opened
    assert all({"profile", "plan", "rules", "zones"} == documents.keys() for documents in opened)


def digests(profile=PROFILE, plan=None) -> dict[str, str]:
    documents = new_documents(profile, plan or plan_with(planned("forehead", 400)), None)
    return {name: sha256(data).hexdigest() for name, data in documents.items()}


@pytest.mark.requirement("R30")
def test_another_setting_is_another_hash_of_its_document_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    assert digests() == before
    deeper = digests(plan=plan_with(planned("forehead", 401)))
    other_pen = digests(profile=replace(PROFILE, frequency_min_dhz=1, frequency_max_dhz=2, frequency_source="test"))
    monkeypatch.setattr(
        "devicelog.validate.RULES", (replace(table.RULES[0], version=table.RULES[0].version + 1), *table.RULES[1:])
    )
    for now, changed in ((deeper, "plan"), (other_pen, "profile"), (digests(), "rules")):
        assert [name for name in before if now[name] != before[name]] == [changed]


@pytest.mark.requirement("R30")
def test_every_part_that_is_installed_is_named_with_its_hash() -> None:
    """The lock names, pinned and hashed, what devicelog needs to run."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    parts = {name.lower(): rest for name, rest in re.findall(r"^([\w.\-]+)==((?:.*\\\n)*.*)", text, re.MULTILINE)}
    assert all("--hash=sha256:" in rest for rest in parts.values())
    needed = [Needed(line) for line in distribution("devicelog").requires or ()]
    run = {each.name.lower() for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})}
    assert run
    assert run <= parts.keys()
