"""Tables: what is in them, that a spreadsheet runs nothing of it, and that `frictionless` finds what is wrong."""

import csv
import io
import json
import shutil
import tracemalloc
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.canonical import Json
from devicelog.packages.columns import FINDINGS, READINGS, SESSIONS, ZONES
from devicelog.packages.datapackage import TableFile, datapackage
from devicelog.packages.redaction import Shown, shown
from devicelog.packages.tables import as_recorded, cell, findings_csv, readings_csv, sessions_csv, zones_csv
from devicelog.recorder.recovery import software
from devicelog.records import Record
from devicelog.samples import COLUMNS, sample_frames, sample_rows
from devicelog.store.evidence import Evidence
from devicelog.store.rebuild import rebuild
from tests.databases import FIRST, SECOND, SPAN, STREAMS, StillClock, make_database
from tests.make_golden import evidence_of
from tests.packages.shaped import HIBC, documents, of_pen, of_scenario

KEPT = Path(__file__).parents[1] / "data" / "databases"
PENS = {
    "pen": {"model": "Pen", "serial": "=1+1", "firmware": "1", "calibration_id": "", "cartridge": HIBC},
    "plan": {"id": "full-face", "label": "@SUM(A1)", "indication": "-2+3"},
    "client": "+49 1",
}


def rows_of(blocks: Iterable[bytes]) -> list[dict[str, str]]:
    """As any reader of CSV has them."""
    return list(csv.DictReader(io.StringIO(b"".join(blocks).decode("utf-8"), newline=""), strict=True))


def seen(session: Json) -> Shown:
    return shown(session, redacted=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def written(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a whole database, with their descriptor."""
    folder = tmp_path_factory.mktemp("tables")
    with Evidence(recorded) as evidence:
        frames = {
            f"readings-{stream}.csv": readings_csv(sample_frames(evidence.records(evidence.stream(stream)["no"])))
            for stream in STREAMS
        }
        hostile = {**documents(recorded, FIRST)[0], **PENS, "id": "s-hostile000"}
        _write(folder, [*documents(recorded, *STREAMS), hostile], frames)
    return folder


def _write(folder: Path, sessions: list[Json], frames: dict[str, Iterator[bytes]]) -> None:
    told = [seen(session) for session in sessions]
    tables = {"sessions.csv": sessions_csv(told), "zones.csv": zones_csv(told), "findings.csv": findings_csv(told)}
    files = []
    for name, blocks in {**tables, **frames}.items():
        data = b"".join(blocks)
        (folder / name).write_bytes(data)
        files.append(TableFile(name=name, bytes=len(data), sha256=sha256(data).hexdigest()))
    (folder / "datapackage.json").write_bytes(datapackage(files, simulated=True))


def errors_in(folder: Path) -> list[tuple[str, str]]:
    """Resource and kind of every error that frictionless finds."""
    import frictionless

    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid == (not report.flatten(["type"]))
    return [(task.name, error.type) for task in report.tasks for error in task.errors]


# --- cells ------------------------------------------------------------------------------------------------------------

CELLS: dict[str, tuple[object, str]] = {
    "nothing": (None, ""),
    "number": (17, "17"),
    "negative number": (-17, "-17"),
    "zero": (0, "0"),
    "yes": (True, "1"),
    "no": (False, "0"),
    "text": ("forehead", "forehead"),
    "formula": ("=1+1", "'=1+1"),
    "command": ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
    "HIBC bar code": (HIBC, "'" + HIBC),
    "minus": ("-2+3", "'-2+3"),
    "at": ("@SUM(A1)", "'@SUM(A1)"),
    "tab": ("\t=1", "'\t=1"),
    "carriage return": ("\r=1", '"\'\r=1"'),
    "line feed": ("\n=1", '"\'\n=1"'),
    "NUL": ("\0=1", "'\0=1"),
    "space before": ("  =1", "'  =1"),
    "full width": ("＝1+1", "'＝1+1"),
    "apostrophe": ("'=1", "''=1"),
    "apostrophe alone": ("'", "''"),
    "formula in quotes": ('="a"', '"\'=""a"""'),
    "comma": ("a,b", '"a,b"'),
    "quote": ('say "a"', '"say ""a"""'),
    "minus inside": ("a-b", "a-b"),
    "number as text": ("-17", "'-17"),
    "empty text": ("", ""),
}


@pytest.mark.parametrize(("value", "expected"), CELLS.values(), ids=CELLS.keys())
def test_a_cell(value: object, expected: str) -> None:
    assert cell(value) == expected


@given(st.lists(st.text(max_size=20), min_size=2, max_size=5))
def test_text_comes_back_as_it_was_and_none_of_it_is_a_formula(texts: list[str]) -> None:
    line = ",".join(map(cell, texts)) + "\r\n"
    [read] = csv.reader(io.StringIO(line, newline=""), strict=True)
    assert [as_recorded(text) for text in read] == texts
    assert not [text for text in read if text.strip(" ")[:1] in tuple("=+-@\t\r\n\0＝＋－＠")]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_session_a_zone_and_a_finding(recorded: Path) -> None:
    [session] = documents(recorded, FIRST)
    [row] = rows_of(sessions_csv([seen(session)]))
    assert list(row) == [column.name for column in SESSIONS]
    assert (row["session"], row["mode"], row["client"], row["cartridge"]) == (FIRST, "demo", "K-1047", "SIM-14N-0001")
    assert (row["samples"], row["missing"], row["accounts_close"], row["findings"]) == ("590", "10", "1", "3")
    [zone] = rows_of(zones_csv([seen(session)]))
    assert list(zone) == [column.name for column in ZONES]
    assert (zone["zone"], zone["depth_mean_um"], zone["depth_set_max_um"]) == ("forehead", "672", "900")
    assert (zone["over_plan_us"], zone["over_device_us"], zone["passes_operator"]) == ("2350000", "0", "")
    found = [row for row in rows_of(findings_csv([seen(session)])) if row["result"] == "found"]
    assert [row["rule"] for row in found] == ["depth.over_plan", "data.short_gaps", "link.bad_frames"]
    assert json.loads(found[0]["detail"]) == session["findings"][0]["detail"]
    assert list(found[0]) == [column.name for column in FINDINGS]


def test_a_check_that_could_not_run_has_a_row_and_one_that_passed_has_none() -> None:
    session = of_pen(without=("depth",))
    rows = rows_of(findings_csv([seen(session)]))
    results = [row["result"] for row in session["assessments"] if row["result"] != "passed"]
    assert [row["result"] for row in rows] == results
    assert "not assessable" in results
    assert all(row["why"] for row in rows if row["result"] == "not assessable")
    assert [row["number"] for row in rows] == [str(i + 1) for i in range(len(rows))]


def test_what_was_not_assessed_is_empty_and_never_0() -> None:
    session = of_pen(without=("depth", "frequency", "contact"), measures=("set_depth",))
    forehead, chin = rows_of(zones_csv([seen(session)]))
    assert (forehead["contact_unknown_us"] != "0", forehead["depth_mean_um"], forehead["depth_n"]) == (True, "", "0")
    assert (forehead["frequency_mean_dhz"], forehead["under_plan_us"] != "") == ("", True)
    assert (chin["zone"], chin["over_device_us"], chin["over_plan_us"]) == ("chin", "", "")


def test_lines_end_as_rfc_4180_says_and_names_stand_once(recorded: Path) -> None:
    sessions = [seen(session) for session in documents(recorded)]
    for blocks in (sessions_csv(sessions), zones_csv(sessions), findings_csv(sessions)):
        data = b"".join(blocks)
        assert data.endswith(b"\r\n")
        assert data.count(b"\n") == data.count(b"\r\n") == len(rows_of([data])) + 1


def _records(scenario: str) -> list[Record]:
    return evidence_of(scenario, 6, 1)


@pytest.mark.parametrize("scenario", ["clean", "noise", "unplug", "reboot", "reorder", "wrongpen"])
@pytest.mark.parametrize("untold", [(), ("numbers", "clock", "restarts")], ids=["told", "untold"])
@pytest.mark.requirement("R11")
def test_readings_are_those_of_the_rows(scenario: str, untold: tuple[str, ...]) -> None:
    records = _records(scenario)
    expected = io.StringIO(newline="")
    writer = csv.DictWriter(expected, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(sample_rows(records, untold=untold))
    assert b"".join(readings_csv(sample_frames(records), untold)).decode() == expected.getvalue()


def test_readings_of_what_a_pen_does_not_have_are_empty() -> None:
    from tests.builders import Bench

    bench = Bench()
    bench.set_um = bench.passes = bench.strokes = None
    bench.samples(None, n=2, depth=None, frequency=None)
    rows = rows_of(readings_csv(sample_frames(bench.records)))
    wanted = [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in sample_rows(bench.records)
    ]
    assert rows == wanted
    assert {rows[0][name] for name in ("depth_um", "contact", "passes", "depth_by", "depth_set_um")} == {""}


def test_memory_does_not_grow_with_the_rows() -> None:
    frames = list(sample_frames(_records("clean")))
    tracemalloc.start()
    try:
        size = sum(len(block) for block in readings_csv(frame for _ in range(100) for frame in frames))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 3_000_000
    assert peak < 1_000_000


# --- the descriptor ---------------------------------------------------------------------------------------------------


def test_frictionless_finds_the_package_valid(written: Path) -> None:
    assert errors_in(written) == []


def test_frictionless_reads_numbers_as_numbers_and_nothing_as_nothing(written: Path) -> None:
    import frictionless

    package = frictionless.Package(str(written / "datapackage.json"))
    zone = package.get_resource("zones").read_rows()[1].to_dict()
    assert (zone["depth_mean_um"], zone["passes_operator"]) == (672, None)
    session = package.get_resource("sessions").read_rows()[-1].to_dict()
    assert (session["accounts_close"], session["cartridge"]) == (True, "'" + HIBC)
    assert session["opened_at"].isoformat() == "2031-01-01T00:00:00+00:00"


SPOILT: dict[str, tuple[str, bytes, bytes, tuple[str, str]]] = {
    "contact of 7": (
        "readings-" + FIRST,
        b",0,2264,11026614",
        b",7,2264,11026614",
        ("readings-" + FIRST, "constraint-error"),
    ),
    "a negative time": ("zones", b",3400000,", b",-340000,", ("zones", "constraint-error")),
    "a word for a number": ("zones", b",590,", b",5x0,", ("zones", "type-error")),
    "a mode that is none": ("sessions", b",demo,", b",dame,", ("sessions", "constraint-error")),
    "a session twice": ("sessions", SECOND.encode(), FIRST.encode(), ("sessions", "primary-key")),
    "a finding of no session": ("findings", SECOND.encode(), b"s-000000000x", ("findings", "foreign-key")),
    "a required cell empty": ("zones", b"forehead", b"", ("zones", "constraint-error")),
}


@pytest.mark.parametrize(("table", "old", "new", "expected"), SPOILT.values(), ids=SPOILT.keys())
def test_frictionless_notices_a_value_that_cannot_be(
    written: Path, tmp_path: Path, table: str, old: bytes, new: bytes, expected: tuple[str, str]
) -> None:
    """Even where somebody gives the changed file its right length and hash."""
    folder = Path(shutil.copytree(written, tmp_path / "spoilt"))
    path = folder / f"{table}.csv"
    before = path.read_bytes()
    head, _, rest = before.partition(b"\r\n")
    assert old in rest
    path.write_bytes(head + b"\r\n" + rest.replace(old, new, 1))
    descriptor = (folder / "datapackage.json").read_text()
    for was, now in ((before, path.read_bytes()),):
        descriptor = descriptor.replace(sha256(was).hexdigest(), sha256(now).hexdigest())
        descriptor = descriptor.replace(f'"bytes": {len(was)},', f'"bytes": {len(now)},')
    (folder / "datapackage.json").write_text(descriptor)
    assert expected in errors_in(folder)


@pytest.mark.parametrize("table", ["sessions", "zones", "findings", "readings-" + FIRST])
def test_frictionless_notices_a_changed_byte(written: Path, tmp_path: Path, table: str) -> None:
    folder = Path(shutil.copytree(written, tmp_path / "spoilt"))
    path = folder / f"{table}.csv"
    data = bytearray(path.read_bytes())
    at = data.rindex(b"0")
    data[at : at + 1] = b"1"
    path.write_bytes(data)
    assert (table, "hash-count") in errors_in(folder)


def test_the_descriptor_says_units_ranges_and_the_rule_for_formulas(written: Path) -> None:
    descriptor: Any = json.loads((written / "datapackage.json").read_bytes())
    assert descriptor["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert "apostrophe" in descriptor["description"]
    assert descriptor["description"].startswith("SIMULATED DATA")
    for resource in descriptor["resources"]:
        assert resource["schema"]["missingValues"] == [""]
        for field in resource["schema"]["fields"]:
            unit = {"us": "us", "um": "um", "dhz": "dHz"}.get(field["name"].rpartition("_")[2])
            assert field.get("unit") == unit, field
            assert field["description"]


def test_the_readings_have_the_columns_of_sessions_readings() -> None:
    assert tuple(column.name for column in READINGS) == COLUMNS


@pytest.mark.parametrize("name", ["sessions", "other.csv", "readings.csv", "datapackage.json"])
def test_a_file_that_is_no_table_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no table"):
        datapackage([TableFile(name=name, bytes=1, sha256="0" * 64)], simulated=False)


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.4.0"])
def test_sessions_that_earlier_versions_recorded_are_tables_too(tmp_path: Path, version: str) -> None:
    path = Path(shutil.copy(KEPT / f"{version}.db", tmp_path / "devicelog.db"))
    rebuild(tmp_path, upgrade=True, stamps=StillClock(), sw=software())
    _write(tmp_path, documents(path), {})
    assert errors_in(tmp_path) == []
    assert len(rows_of([(tmp_path / "sessions.csv").read_bytes()])) == len(documents(path))


@pytest.mark.parametrize("scenario", ["clean", "noise", "unplug", "overdepth", "reboot", "wrongpen", "newer", "stall"])
def test_every_kind_of_session_fits_its_columns(tmp_path: Path, scenario: str) -> None:
    _write(tmp_path, [of_scenario(scenario, ended=scenario != "stall")], {})
    assert errors_in(tmp_path) == []


# --- whole rows -------------------------------------------------------------------------------------------------------


def test_every_cell_of_a_corrected_session_and_of_a_span(recorded: Path) -> None:
    span, session = documents(recorded, SPAN, FIRST)
    attribution = {"at": "2031-01-02T00:00:00.000Z", "practitioner": "p-09", "reason": "wrong side", "client_ref": None}
    corrected = {**session, "attribution": attribution, "derivation": 2, "derivations": 3, "client_ref": "c-1"}
    first, second = rows_of(sessions_csv([seen(span), seen(corrected)]))
    assert second == {
        "session": FIRST,
        "kind": "session",
        "mode": "demo",
        "status": "closed",
        "verdict": "conforming with deviations",
        "clock": "synced",
        "duration_us": "5960000",
        "opened_at": "2031-01-01T00:00:00.000Z",
        "closed_at": "2031-01-01T00:00:00.000Z",
        "end_cause": "operator",
        "client": "K-1047",
        "client_ref": "c-1",
        "practitioner": "p-07",
        "auth": "none",
        "plan": "full-face",
        "plan_label": "Full face",
        "indication": "hyperpigmentation",
        "pens": "1",
        "pen_model": "Reference pen",
        "pen_serial": "SIM-915407",
        "pen_firmware": "sim-1.0",
        "pen_calibration": "SIM-CAL-1",
        "cartridge": "SIM-14N-0001",
        "samples": "590",
        "missing": "10",
        "bytes_read": "14516",
        "bytes_kept": "14516",
        "accounts_close": "1",
        "findings": "3",
        "not_assessable": "0",
        "notes": "1",
        "derivation": "2",
        "derivations": "3",
        "derived_sha256": session["derived"],
        "engine": str(session["engine"]),
        "corrected_at": "2031-01-02T00:00:00.000Z",
        "corrected_by": "p-09",
        "correction_reason": "wrong side",
    }
    empty = {name for name, value in first.items() if value == ""}
    corrections = {"corrected_at", "corrected_by", "correction_reason"}
    assert (
        empty == {"verdict", "client", "client_ref", "practitioner", "plan", "plan_label", "indication"} | corrections
    )


def test_every_cell_of_a_zone(recorded: Path) -> None:
    [session] = documents(recorded, FIRST)
    [zone] = session["zones"]
    paused = {
        **zone,
        "paused_contact_us": 7,
        "contact_unknown_us": 8,
        "passes": {"pen": 3, "operator": 5, "low": 3, "high": 5},
    }
    [row] = rows_of(zones_csv([seen({**session, "zones": [paused]})]))
    assert row == {
        "session": FIRST,
        "zone": "forehead",
        "samples": "590",
        "judged": "340",
        "contact_us": "3400000",
        "contact_unknown_us": "8",
        "paused_contact_us": "7",
        "glides": "3",
        "longest_glide_us": "1200000",
        "strokes": "694",
        "passes_low": "3",
        "passes_high": "5",
        "passes_pen": "3",
        "passes_operator": "5",
        "depth_n": "340",
        "depth_min_um": "280",
        "depth_mean_um": "672",
        "depth_max_um": "920",
        "depth_set_min_um": "400",
        "depth_set_max_um": "900",
        "frequency_min_dhz": "1147",
        "frequency_mean_dhz": "1152",
        "frequency_max_dhz": "1175",
        "plan_min_um": "300",
        "plan_max_um": "400",
        "device_max_um": "2500",
        "tolerance_um": "150",
        "over_plan_us": "2350000",
        "under_plan_us": "0",
        "over_device_us": "0",
    }


def test_a_pen_that_says_little_or_nothing_leaves_cells_empty(recorded: Path) -> None:
    [session] = documents(recorded, FIRST)
    names = ("pen_model", "pen_serial", "pen_firmware", "pen_calibration", "cartridge")
    silent = dict.fromkeys(("model", "serial", "firmware", "calibration_id", "cartridge"), "")
    for pen in (silent, None):
        [row] = rows_of(sessions_csv([seen({**session, "pen": pen})]))
        assert [row[name] for name in names] == [""] * 5


def test_what_is_missing_of_one_boot_is_not_known_of_the_session(recorded: Path) -> None:
    [session] = documents(recorded, FIRST)
    [boot] = session["completeness"]["boots"]
    for second, missing in ((boot, "20"), ({**boot, "missing": None}, "")):
        account = {**session["completeness"], "boots": [boot, second], "closes": False}
        [row] = rows_of(sessions_csv([seen({**session, "completeness": account})]))
        assert (row["samples"], row["missing"], row["accounts_close"]) == ("1180", missing, "0")


def test_numbers_and_clock_of_a_pen_begin_anew_inside_a_frame() -> None:
    from tests.builders import Bench

    bench = Bench()
    block = bench.block("101", period_us=2_000)
    bench.motor_on = False
    bench.wait(6_000)
    bench.send(block._replace(seq=2**32 - 1, t_us=2**32 - 2_000, motor_on=False))
    rows = rows_of(readings_csv(sample_frames(bench.records)))
    assert [(row["seq"], row["pen_t_us"], row["motor_on"]) for row in rows] == [
        ("4294967295", "4294965296", "0"),
        ("0", "0", "0"),
        ("1", "2000", "0"),
    ]


@pytest.mark.parametrize("times", [1, 2, 3, 512, 1024])
def test_many_blocks_are_the_same_bytes_as_one(recorded: Path, times: int) -> None:
    [session] = documents(recorded, FIRST)
    head, line = b"".join(sessions_csv([seen(session)])).splitlines(keepends=True)
    assert b"".join(sessions_csv([seen(session)] * times)) == head + line * times
    frames = list(sample_frames(_records("clean")))[:times]
    first, *rest = b"".join(readings_csv(frames)).splitlines(keepends=True)
    blocks = list(readings_csv(frames * 3))
    assert b"".join(blocks) == first + b"".join(rest) * 3
    assert len(blocks) == 2 + (len(rest) * 3 - 1) // 1024
