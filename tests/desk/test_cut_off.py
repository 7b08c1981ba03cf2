"""What the desk said of a sealed session, cut off between its entry and the files beside the package."""

from pathlib import Path

import pytest

from devicelog.desk.entering import enter
from devicelog.ledger.entries import Actor
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import package_path
from devicelog.recorder.access import alone
from devicelog.recorder.sealing import pending, seal, take_up
from devicelog.store.evidence import Evidence
from tests.databases import FIRST, SECOND, make_database, report

KM = Actor(id="km", role="practitioner")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two sealed sessions; of the first something was said later, and the files are not written."""
    path = make_database(tmp_path / "data")
    with alone(path.parent) as access:
        for stream in (FIRST, SECOND):
            seal(access, stream)
        told = {"rule": "data.gap", "zone": None}
        access.append(
            lambda transaction: enter(
                transaction, "finding.explained", actor=KM, stream=FIRST, told=told, private=("the cable came loose",)
            )
        )
    return path


def waiting(path: Path) -> list[str]:
    with Evidence(path) as evidence:
        return pending(evidence)


def test_it_waits_is_taken_up_and_waits_no_more(path: Path) -> None:
    assert waiting(path) == [FIRST]
    with alone(path.parent) as access:
        take_up(access, FIRST)
    assert waiting(path) == []
    with PackageEvidence(package_path(path.parent, FIRST)) as package:
        explained = package.entries()[-1]
        assert explained.type == "finding.explained"
        assert package.note_text(explained.body["private"][0]) == "the cable came loose"
    assert report(path).problems == []


def test_taken_up_twice_nothing_more_is_entered(path: Path) -> None:
    with alone(path.parent) as access:
        take_up(access, FIRST)
        before = report(path).entries
        take_up(access, FIRST)
    assert report(path).entries == before
