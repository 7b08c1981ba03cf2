"""`pens calibrate` and what comes of it, with a pen on a pty: guided, refused, interrupted, and years later."""

import csv
import os
import pty
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from devicelog.canonical import parse_canonical
from devicelog.cli.calibrating import calibrate
from devicelog.errors import UsageProblem
from devicelog.store.evidence import Evidence
from tests.calibrations import SERIAL, RawPen, keep_calibration
from tests.databases import spoil
from tests.e2e.running import (
    Ended,
    Json,
    Running,
    bytes_on_disk,
    devicelog,
    entries,
    recording,
    shown,
    streams,
)
from tests.store.test_audit import report
from tests.store.test_calibrations import OLD

GOOD = "0 200\n1000 1000\n2000 1800\n"
OFF = "0 400\n1000 1200\n2000 2000\n"  # by 250 µm


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[RawPen]:
    with RawPen(tmp_path / "pen") as pen:
        yield pen


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def calibrated(data: Path, pen: RawPen, readings: str, *more: str, depth_um: int | None = None) -> Ended:
    """`pens calibrate` with readings that somebody took."""
    file = pen.link.with_name("readings")
    file.write_text(readings, encoding="utf-8")
    words = ("--practitioner", "KM", "--readings", file, *more)
    with Running("pens", "calibrate", "--pen", pen.link, *words, data_dir=data) as command:
        pen.answer(command)
        pen.counts(500, depth_um=depth_um)
        return command.end()


def session(data: Path, pen: RawPen, *counts: int) -> str:
    """A session with these counts on the forehead."""
    marks = pen.link.with_name("marks")
    marks.write_text("0 zone forehead\n", encoding="utf-8")
    before = bytes_on_disk(data), pen.sent
    with recording(data, pen.link, "--marks", marks) as command:
        pen.introduce(command, pen.identity)
        pen.counts(*counts)
        command.wait_until(lambda: bytes_on_disk(data) - before[0] == pen.sent - before[1], "all bytes on disk")
        command.send(signal.SIGINT)
        command.end().succeeded()
    return streams(data, "session")[-1]


def listed(data: Path) -> list[Json]:
    """The calibrations and checks, as `pens calibrations` lists them."""
    told: list[Json] = devicelog("pens", "calibrations", "--json", data_dir=data).succeeded().json()["calibrations"]
    return told


def assert_none(data: Path) -> None:
    """Nothing was calibrated, and what was sent is kept in a span that was closed."""
    types = [entry["type"] for entry in entries(data)]
    assert types == ["log.created", "recorder.started", "span.opened", "span.recorded", "recorder.stopped"]
    assert report(data / "devicelog.db").problems == []


class Guided(Running):
    """`pens calibrate` in a terminal, and the person at it."""

    def __init__(self, data: Path, pen: RawPen, *more: str) -> None:
        self.keys, self.terminal = pty.openpty()
        words = ("--pen", pen.link, "--practitioner", "KM", "--points", "0,1000,2000", *more)
        super().__init__("pens", "calibrate", *words, data_dir=data, stdin=self.terminal)
        self.pen, self.data = pen, data

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        os.close(self.terminal)
        os.close(self.keys)

    def asks_for(self, gauge_um: int, times: int = 1) -> Self:
        """Wait until it asks for this block, for the first time or once more."""
        question = f"put the gauge block of {gauge_um} µm under the tip and press Enter"
        self.wait_until(lambda: self.stderr.count(question) == times, f"{question}, {times}")
        return self

    def type(self, text: str) -> Self:
        """Type this."""
        os.write(self.keys, text.encode())
        return self

    def enter(self, text: str = "\n") -> Self:
        """Press Enter when all that was sent before has arrived."""
        self.wait_until(lambda: bytes_on_disk(self.data) == self.pen.sent, "all bytes on disk")
        return self.type(text)

    def reads(self, *counts: int, until: str) -> None:
        """The sensor says these, again and again, until the command has said so."""

        def said() -> bool:
            self.pen.counts(*counts)
            return until in self.stderr

        self.wait_until(said, until)

    def wanders(self, gauge_um: int, *counts: int, times: int = 1) -> None:
        """It is asked so often, and the sensor wanders each time."""
        for n in range(1, times + 1):
            self.asks_for(gauge_um, n).enter()
            self.wait_until(lambda n=n: self.pen.counts(*counts) or self.stderr.count("is noisy") == n, "a word of it")

    def begin(self) -> Self:
        """As far as the first question."""
        self.pen.answer(self)
        self.pen.counts(200)
        return self.asks_for(0)


# --- step by step -----------------------------------------------------------------------------------------------------


def test_step_by_step_in_a_terminal_with_answers_that_are_none(pen: RawPen, data: Path) -> None:
    with Guided(data, pen, "--gauge-set", "GB-7", "--expires", "2999-12-31") as command:
        command.begin().type("no\n").wait_for("not understood: 'no'")
        command.type("y\n").wait_for("not understood: 'y'")
        command.enter("\n\n\n").reads(200, 202, 198, until="0 µm: 200 counts")  # and two too many, which answer nothing
        command.asks_for(1_000).type("7 mm\n").wait_for("not understood: '7 mm'")
        command.wanders(1_000, 900, 1_100)
        command.asks_for(1_000, times=2).enter().reads(1_005, until="1000 µm: 1005 counts")
        command.asks_for(2_000).enter().reads(1_800, until="2000 µm: 1800 counts")
        ended = command.end().succeeded()
    assert f"pen {SERIAL} (test) calibrated as host-" in ended.stdout
    assert "holds until   2999-12-31" in ended.stdout
    (row,) = listed(data)
    curve = [(point["depth_um"], point["raw_count"]) for point in row["curve"]]
    assert curve == [(0, 200), (1_000, 1_005), (2_000, 1_800)]
    assert [row[key] for key in ("practitioner", "gauge_set", "expires")] == ["KM", "GB-7", "2999-12-31"]
    assert row["in_force"]
    assert (row["as_found_um"], row["last_good"], row["sessions"]) == (None, None, [])
    assert report(data / "devicelog.db").problems == []
    last = [(entry["type"], entry["actor"]["id"]) for entry in entries(data)[-3:]]
    assert last == [("span.recorded", "recorder"), ("pen.calibrated", "KM"), ("recorder.stopped", "recorder")]
    rows = devicelog("sessions", "readings", row["span"], data_dir=data).succeeded().stdout.splitlines()
    table = list(csv.DictReader(rows))
    for reading in row["readings"]:
        here = range(reading["first_record"], reading["last_record"] + 1)
        counts = [int(line["raw_count"]) for line in table if int(line["record"]) in here]
        assert (min(counts), max(counts), len(counts)) == (reading["low"], reading["high"], reading["samples"])
        assert abs(sum(counts) / len(counts) - reading["mean"]) <= 0.5
        assert len(counts) >= 100  # a second of them


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle_nothing_is_half_written(signal_: int, pen: RawPen, data: Path) -> None:
    with Guided(data, pen) as command:
        command.begin().enter().reads(200, until="0 µm: 200 counts")
        command.asks_for(1_000).wait_until(lambda: bytes_on_disk(data) == pen.sent, "all bytes on disk")
        command.send(signal_)
        ended = command.end()
    if signal_ == signal.SIGKILL:
        assert listed(data) == []  # this is what closes the span
        assert [entry["type"] for entry in entries(data)][-2:] == ["span.opened", "span.recorded"]
        assert entries(data)[-1]["body"]["ended"] == "interrupted"
        assert report(data / "devicelog.db").problems == []
    else:
        assert ended.code == 130
        assert "nothing was calibrated" in ended.stderr
        assert_none(data)
    (span,) = streams(data, "span")
    readings = devicelog("sessions", "readings", span, data_dir=data).succeeded().stdout
    assert readings.count(",200,") >= 100, "what was measured until then is kept as evidence"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("noise", "is noisy: 900 to 1100 counts, and 200 is more than 40"),
        ("unplug", "the pen's port is lost"),
        ("other", "another pen answers now: RAW-2, and it began with RAW-1"),
        ("no counts", "the pen stopped sending raw_count"),
    ],
)
def test_what_goes_wrong_in_the_middle(what: str, says: str, pen: RawPen, data: Path) -> None:
    with Guided(data, pen, "--json") as command:
        command.begin().enter().reads(200, until="0 µm: 200 counts")
        command.asks_for(1_000)
        if what == "unplug":
            pen.unplug()
        elif what == "other":
            pen.send(RawPen.identity_of("RAW-2"))
        elif what == "no counts":
            command.enter().wait_until(lambda: pen.counts(None) or command.process.poll() is not None, "its end")
        else:
            for n in (1, 2, 3):
                command.wait_until(lambda n=n: command.stderr.count("block of 1000 µm under the tip and") == n, "asked")
                command.enter().wait_until(lambda n=n: pen.counts(900, 1_100) or command.stderr.count("noisy") == n, "")
        ended = command.end().refused(4, says, "Nothing was calibrated")
    assert ended.stdout == ""
    assert_none(data)


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "more", "code", "says"),
    [
        (GOOD, ("--check",), 2, "there is none to check"),
        ("0 200\n1000 1000\n2000 900\n", (), 4, "not monotonic"),
        ("0 200\n1000 1000 1041\n2000 1800\n", (), 2, "the reading at 1000 µm is noisy"),
    ],
)
def test_readings_that_make_no_calibration(
    readings: str, more: tuple[str, ...], code: int, says: str, pen: RawPen, data: Path
) -> None:
    calibrated(data, pen, readings, *more).refused(code, says)
    assert_none(data)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--points", "0,500"), "a calibration needs 3 to 64"),
        (("--points", "0,500,500"), "stands twice"),
        (("--points", "0,500,x"), "no depth in whole micrometres"),
        (("--points", "0,500,9999"), "out of this pen's range"),
        (("--expires", "2020-01-01"), "is past"),
        (("--expires", "soon"), "is no day"),
        (("--expires", "2999-01-01", "--valid-days", "9"), "give one of them"),
        (("--gauge-set", "our set"), "is no number of a set"),
        (("--readings", "nowhere"), "cannot be read"),
        (("--practitioner", ""), "practitioner"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else None,
)
def test_an_option_that_cannot_be_meant_opens_no_port(words: tuple[str, ...], says: str, data: Path) -> None:
    pen = ("--pen", "/nowhere", "--practitioner", "KM", "--data-dir", str(data))
    with pytest.raises(UsageProblem, match=says):
        calibrate.main([*pen, *words], standalone_mode=False)
    assert not data.exists()


def test_without_a_terminal_nobody_confirms(pen: RawPen, data: Path) -> None:
    with Running("pens", "calibrate", "--pen", pen.link, "--practitioner", "KM", data_dir=data) as command:
        pen.answer(command)
        pen.counts(200)
        command.end().refused(2, "nobody confirmed the gauge block of 0 µm", "--readings FILE")
    assert_none(data)


def test_a_pen_without_a_serial(tmp_path: Path, data: Path) -> None:
    with RawPen(tmp_path / "pen", serial="") as pen:
        calibrated(data, pen, GOOD).refused(4, "names no serial number")


def test_a_port_that_is_not_there(tmp_path: Path, data: Path) -> None:
    words = ("--pen", tmp_path / "pen", "--practitioner", "KM", "--points", "0,1,2")
    devicelog("pens", "calibrate", *words, data_dir=data).refused(4, "there is no such port")


def test_while_somebody_records(pen: RawPen, data: Path) -> None:
    with recording(data, pen.link) as recorder:
        pen.introduce(recorder, pen.identity)
        words = ("--pen", pen.link, "--practitioner", "KM", "--points", "0,1,2")
        assert devicelog("pens", "calibrate", *words, data_dir=data).code == 5


# --- a pen with a depth of its own ------------------------------------------------------------------------------------


def test_a_pen_with_a_depth_of_its_own_is_checked(pen: RawPen, data: Path) -> None:
    ended = calibrated(data, pen, "0 4\n1000 990\n2000 2151\n", "--json", depth_um=4)
    assert ended.code == 3  # by 1 µm; test_calibration.py has just inside
    row = ended.json()
    assert (row["adjusted"], row["column"], row["as_found_um"]) == (False, "depth_um", 151)
    assert [entry["type"] for entry in entries(data)][-2] == "pen.checked"


def test_a_check_sets_no_last_day(pen: RawPen, data: Path) -> None:
    calibrated(data, pen, GOOD, "--expires", "2999-01-01", depth_um=4).refused(2, "a check sets no last day")
    assert_none(data)


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_found_out_of_tolerance_years_later(pen: RawPen, data: Path) -> None:
    first = calibrated(data, pen, GOOD, "--json").succeeded().json()
    before = session(data, pen, 1_000, 1_000)
    calibrated(data, pen, "0 210\n1000 1010\n2000 1810\n", "--check").succeeded()
    since = session(data, pen, 1_000, 1_400)
    ended = calibrated(data, pen, OFF, "--json").succeeded()
    result = ended.json()
    assert (result["as_found_um"], result["within_tolerance"]) == (250, True)
    assert [row["id"] for row in result["affected"]] == result["sessions"] == [since]
    (zone,) = result["affected"][0]["zones"]
    assert (zone["zone"], zone["min_um"], zone["max_um"]) == ("forehead", 1_000, 1_500)
    rows = listed(data)
    assert [row["in_force"] for row in rows] == [False, False, True]
    assert result["last_good"] == rows[1]["entry"]
    text = devicelog("pens", "calibrations", SERIAL, data_dir=data).succeeded().stdout
    assert since in text
    assert before not in text

    later = session(data, pen, 1_200)  # 1 mm by the new curve
    for each, used in ((since, first), (later, result)):
        with Evidence(data / "devicelog.db") as evidence:
            facts = parse_canonical(evidence.document(evidence.stream(each)["derived"]))["facts"]
        assert facts["host_calibration"]["id"] == used["id"]
        assert facts["zones"][0]["depth"]["min_um"] == 1_000
    assert devicelog("replay", since, "--json", data_dir=data).succeeded().json()["identical"]
    assert f"calibrated    here: {first['id']}" in devicelog("sessions", "show", since, data_dir=data).stdout
    (row, *_) = csv.DictReader(devicelog("sessions", "readings", since, data_dir=data).succeeded().stdout.splitlines())
    assert (row["depth_um"], row["raw_count"], row["depth_by"]) == ("1000", "1000", "host")
    devicelog("db", "rebuild", data_dir=data).succeeded()
    assert listed(data) == rows
    assert report(data / "devicelog.db").problems == []


def test_a_pen_that_is_known_to_be_off_is_a_finding_in_every_session_until_it_is_good(pen: RawPen, data: Path) -> None:
    def off(*counts: int) -> list[Json]:
        found = shown(data, session(data, pen, *counts))["findings"]
        return [row["detail"] for row in found if row["rule"] == "calibration.off"]

    calibrated(data, pen, GOOD).succeeded()
    assert off(1_000) == []
    assert calibrated(data, pen, "0 210\n1000 1410\n2000 1810\n", "--check", "--json").code == 3
    (found,) = off(1_000)
    assert (found["as_found_um"], found["tolerance_um"], found["serial"]) == (513, 150, SERIAL)
    newest = streams(data, "session")[-1]
    assert "calibration.off" in devicelog("sessions", "show", newest, data_dir=data).succeeded().stdout
    assert devicelog("replay", newest, "--json", data_dir=data).succeeded().json()["identical"]
    assert calibrated(data, pen, "0 200\n1000 1700\n2000 1800\n", "--json").code == 3  # in force, and not good
    assert off(1_000)[0]["residual_um"] > 150
    calibrated(data, pen, GOOD).succeeded()
    told = calibrated(data, pen, "0 210\n1000 1410\n2000 1810\n", "--check").stdout
    assert re.search(r"OUT OF TOLERANCE\. No session since \S+, when it was last good\.\n", told)
    calibrated(data, pen, GOOD).succeeded()
    assert off(1_000) == []
    assert report(data / "devicelog.db").problems == []


def test_an_expired_calibration_is_a_finding_and_no_refusal(pen: RawPen, data: Path) -> None:
    keep_calibration(data, expires="2020-01-01")
    told = shown(data, session(data, pen, 1_000))
    assert told["host_calibration"]["applied"] == 10
    found = [finding for finding in told["findings"] if finding["rule"] == "calibration.expired"]
    if told["clock"]["confidence"] == "unknown":  # as on many a computer that runs tests; see test_calibrated_sessions
        (said,) = [row for row in told["assessments"] if row["rule"] == "calibration.expired"]
        assert (found, said["why"]) == ([], "what day it was is not known")
    else:
        host = {"id": told["host_calibration"]["id"], "expires": "2020-01-01"}
        assert [finding["detail"]["calibrations"] for finding in found] == [[host]]


def test_no_calibration_of_this_pen(pen: RawPen, data: Path) -> None:
    keep_calibration(data)
    devicelog("pens", "calibrations", "B0001", data_dir=data).refused(6, f"there are: {SERIAL}")


def test_a_database_of_an_earlier_version(data: Path) -> None:
    data.mkdir()
    shutil.copy(OLD, data / "devicelog.db")
    devicelog("pens", "calibrations", data_dir=data).refused(5, "devicelog db upgrade")


def test_a_damaged_session_that_it_casts_doubt_on_leaves_no_span_open(pen: RawPen, data: Path) -> None:
    keep_calibration(data)
    session(data, pen, 500)
    closed = next(entry for entry in entries(data) if entry["type"] == "session.closed")
    spoil(
        data / "devicelog.db",
        ("UPDATE document SET bytes = x'7b7d' WHERE sha256 = ?", (bytes.fromhex(closed["body"]["derived"]),)),
    )
    calibrated(data, pen, OFF).refused(3, "nothing was calibrated", "was changed")
    types = [entry["type"] for entry in entries(data)]
    assert types[-4:] == ["recorder.started", "span.opened", "span.recorded", "recorder.stopped"]
    assert types.count("pen.calibrated") == 1
