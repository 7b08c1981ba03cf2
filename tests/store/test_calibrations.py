"""Calibrations in the ledger: found again without a table of their own, checked like all else, in old files too."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import parse_canonical
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import RECORDER, Actor
from devicelog.recorder.affected import sessions_since
from devicelog.recorder.known_pens import calibration_document, calibration_in_force, last_good
from devicelog.recorder.recovery import software
from devicelog.store.evidence import Evidence
from devicelog.store.rebuild import rebuild
from devicelog.store.schema import SCHEMA_VERSION
from firmware_bridge.calibration import HostCalibration
from firmware_bridge.readings import Mode
from tests.calibrations import GAUGES, PEN, SERIAL, keep_calibration
from tests.databases import FIRST, SECOND, StillClock, rows
from tests.store.test_audit import report

OLD = Path(__file__).parents[1] / "data" / "databases" / "0.1.0.db"


def serials(path: Path, serial: str | None = None) -> list[tuple[str, str]]:
    with Evidence(path) as evidence:
        return [(entry.type, entry.body["pen"]["serial"]) for entry in evidence.calibrations(serial)]


def test_a_database_without_any(recorded: Path) -> None:
    assert serials(recorded) == []
    with Evidence(recorded) as evidence:
        assert (calibration_in_force(evidence, PEN), last_good(evidence, PEN)) == (None, None)


def test_each_is_found_and_the_newest_of_a_pen_is_in_force(recorded: Path) -> None:
    keep_calibration(recorded.parent, stream="u-00000000c1", expires="2031-01-01")
    keep_calibration(recorded.parent, stream="u-00000000c2", serial="B0001")
    keep_calibration(recorded.parent, stream="u-00000000c3", expires="2032-01-01")
    keep_calibration(recorded.parent, stream="u-00000000c4", serial="B0001", adjust=False)
    assert report(recorded).problems == []
    made, checked = "pen.calibrated", "pen.checked"
    assert serials(recorded) == [(made, SERIAL), (made, "B0001"), (made, SERIAL), (checked, "B0001")]
    assert serials(recorded, SERIAL) == [(made, SERIAL), (made, SERIAL)]
    assert serials(recorded, "C0002") == []
    with Evidence(recorded) as evidence:
        entry = calibration_in_force(evidence, PEN)
        assert entry is not None
        assert entry.body["expires"] == "2032-01-01"
        digest, data = calibration_document(evidence, entry)
        assert digest == entry.body["documents"]["calibration"]
        curve = HostCalibration.from_document(parse_canonical(data), digest).curve
        assert [(point.depth_um, point.raw_count) for point in curve.points] == list(GAUGES)


def test_a_simulated_pen_calibrates_no_real_one_of_its_serial(recorded: Path) -> None:
    keep_calibration(recorded.parent, mode="demo")
    with Evidence(recorded) as evidence:
        assert calibration_in_force(evidence, PEN) is None
        assert last_good(evidence, PEN) is None


def test_one_that_left_the_pen_out_of_its_tolerance_is_in_force_and_not_good(recorded: Path) -> None:
    keep_calibration(recorded.parent, stream="u-00000000c1")
    for turn, off in enumerate(({"as_left_um": 151}, {"residual_um": 151})):
        keep_calibration(recorded.parent, stream=f"u-00000000d{turn}", **off)
    with Evidence(recorded) as evidence:
        first, *_, newest = evidence.calibrations(SERIAL)
        good, in_force = last_good(evidence, PEN), calibration_in_force(evidence, PEN)
    assert good is not None
    assert in_force is not None
    assert (good.seq, in_force.seq) == (first.seq, newest.seq)


def test_a_rebuilt_database_has_the_same(recorded: Path) -> None:
    keep_calibration(recorded.parent)
    before = serials(recorded)
    rebuild(recorded.parent, upgrade=False, stamps=StillClock(), sw=software())
    assert serials(recorded) == before == [("pen.calibrated", SERIAL)]
    assert report(recorded).problems == []


def test_an_old_database_is_brought_up_to_date_and_calibrated_in(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD, tmp_path / "devicelog.db"))
    assert rebuild(tmp_path, upgrade=True, stamps=StillClock(), sw=software()) is not None
    assert serials(path) == []
    keep_calibration(tmp_path)
    assert serials(path) == [("pen.calibrated", SERIAL)]
    assert report(path).problems == []


def test_no_table_and_no_version_was_needed(recorded: Path) -> None:
    before = dict(rows(recorded, "SELECT name, sql FROM sqlite_master"))
    keep_calibration(recorded.parent)
    assert dict(rows(recorded, "SELECT name, sql FROM sqlite_master")) == before
    assert rows(recorded, "PRAGMA user_version") == [(SCHEMA_VERSION,)]


# --- sessions since ---------------------------------------------------------------------------------------------------


def test_the_sessions_since_a_pen_was_last_good(recorded: Path) -> None:
    with Evidence(recorded) as evidence:
        first, second = evidence.stream(FIRST), evidence.stream(SECOND)

        def since(serial: str, mode: Mode, good: int | None) -> list[str]:
            pen = replace(PEN, serial=serial, mode=mode)
            entry = None if good is None else evidence.entry(good)
            return [row["id"] for row in sessions_since(evidence, pen, entry)]

        one, other = first["pen_serial"], second["pen_serial"]
        assert one != other
        assert since(one, "demo", None) == [FIRST]
        assert since(one, "demo", first["no"] - 1) == [FIRST]
        assert since(one, "demo", first["closed_seq"]) == []
        assert since(other, "demo", first["closed_seq"]) == [SECOND]
        assert since(one, "real", None) == []
        assert since("B0001", "demo", None) == []


# --- what cannot be what was measured ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"span": "u-9999999999"}, "names u-9999999999, which there is not"),
        ({"span": "u-0000000001"}, "does not follow the end of u-0000000001, in which it was measured"),
        ({"sessions": ["s-9999999999"]}, "names s-9999999999, which there is not"),
        ({"pen": {"serial": "B0001"}}, "is of another pen than u-00000000c1, in which it was measured"),
        ({"actor": RECORDER}, "names u-00000000c1, which was not opened to measure a pen"),
        ({"tolerance_um": 1_000}, "has another tolerance_um than the entry"),
        ({"residual_um": 1}, "has another residual_um than the entry"),
        ({"expires": "2099-01-01", "documents": {}}, "does not name its calibration document"),
        ({"documents": {"calibration": "ab" * 32}}, f"is missing: {'ab' * 32}"),
        ({"documents": {"check": "ab" * 32}}, "does not name its calibration document"),
    ],
)
def test_an_entry_that_says_what_is_not_so(given: dict[str, Any], says: str, recorded: Path) -> None:
    keep_calibration(recorded.parent, **given)
    assert any("pen.calibrated" in problem and says in problem for problem in report(recorded).problems)


def test_whoever_a_person_is(recorded: Path) -> None:
    keep_calibration(recorded.parent, actor=Actor(id="recorder", role="practitioner"))
    assert report(recorded).problems == []
    assert serials(recorded) == [("pen.calibrated", SERIAL)]


@pytest.mark.parametrize("documents", [{}, {"calibration": "rules"}])
def test_one_that_cannot_be_read_is_damage(documents: dict[str, str], recorded: Path) -> None:
    with Evidence(recorded) as evidence:
        rules = evidence.entry(2).body["documents"]["rules"]
    keep_calibration(recorded.parent, documents=dict.fromkeys(documents, rules))
    with Evidence(recorded) as evidence, pytest.raises(EvidenceDamaged, match=r"ledger entry \d+"):
        calibration_document(evidence, evidence.calibrations()[0])
