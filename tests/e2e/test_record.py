"""`record` with marks from every side: another terminal, a file, single keys. What was confirmed is in the evidence."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import termios
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from devicelog.records import MARK, Mark, item_of
from tests.e2e.running import (
    IDENTITY,
    Json,
    PtyPen,
    Running,
    assert_whole,
    bytes_on_disk,
    database,
    devicelog,
    entries,
    listed,
    recording,
    records,
    rules_found,
    samples,
    shared,
    shown,
    simulated_pen,
    streams,
)

CLIENT = "P-117"
NOTE = "slight redness, left of the mouth"
WORDS = (("zone", "forehead"), ("pass",), ("pause",), ("note", *NOTE.split()), ("resume",), ("zone", "chin"))


def marks_in(data_dir: Path) -> list[tuple[int, Mark]]:
    """The marks in the evidence, with their record numbers."""
    found = [(record.number, item_of(record)) for record in records(data_dir) if record.kind == MARK]
    return [(number, mark) for number, mark in found if isinstance(mark, Mark)]


# --- two terminals, and a third for the marks -------------------------------------------------------------------------


def two_terminals(directory: Path) -> None:
    """A simulated pen, a recorder and marks, each a process of its own; what was said is kept beside the data."""
    data_dir = directory / "data"
    with simulated_pen(directory / "pen"), recording(data_dir, directory / "pen") as recorder:
        recorder.wait_for("recording s-")
        said = [devicelog("mark", *words, "--json", data_dir=data_dir).succeeded().json() for words in WORDS]
        again = devicelog("mark", "resume", data_dir=data_dir).refused(2, "the session is recording", "zone")
        while_recording = shown(data_dir, said[0]["session"])
        recorder.send(signal.SIGINT)
        ended = recorder.end().succeeded()
    told = {
        "marks": said,
        "again": again.stderr,
        "while": while_recording,
        "stdout": ended.stdout,
        "stderr": ended.stderr,
    }
    (directory / "told.json").write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def two(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json]:
    """A copy of the data directory of that session, and what was said."""
    kept = shared(tmp_path_factory, "two-terminals", two_terminals)
    shutil.copytree(kept / "data", tmp_path / "data")
    return tmp_path / "data", json.loads((kept / "told.json").read_text(encoding="utf-8"))


def test_every_confirmed_mark_is_in_the_evidence(two: tuple[Path, Json]) -> None:
    data_dir, told = two
    found = marks_in(data_dir)
    assert [(number, mark.kind, mark.zone) for number, mark in found] == [
        (said["record"], words[0], words[1] if words[0] == "zone" else None)
        for said, words in zip(told["marks"], WORDS, strict=True)
    ]
    assert {mark.actor for _, mark in found} == {"KM"}
    assert [said["mark"] for said in told["marks"]] == [
        "zone forehead", "pass", "pause", "note", "resume", "zone chin"
    ]  # fmt: skip
    states = [said["state"] for said in told["marks"]]
    assert states == ["recording", "recording", "paused", "paused", "recording", "recording"]
    changes = [entry["body"] for entry in entries(data_dir) if entry["type"] == "state.changed"]
    assert [(body["event"], body["from"], body["to"], body["record"]) for body in changes] == [
        ("pause", "recording", "paused", told["marks"][2]["record"]),
        ("resume", "paused", "recording", told["marks"][4]["record"]),
    ]
    assert_whole(data_dir)


def test_the_session_is_listed_and_shown_while_it_is_recorded_and_after(two: tuple[Path, Json]) -> None:
    data_dir, told = two
    during, session = told["while"], told["marks"][0]["session"]
    assert (during["status"], during["verdict"], during["closed_at"]) == ("recording", None, None)
    after = shown(data_dir, session)
    assert (after["id"], after["status"], after["end_cause"]) == (session, "closed", "operator")
    assert (after["client"], after["practitioner"], after["auth"]) == (CLIENT, "KM", "none")
    assert (after["plan"]["id"], after["mode"]) == ("full-face", "demo")
    assert {row["kind"]: row["n"] for row in after["marks"]} == {
        "note": 1, "pass": 1, "pause": 1, "resume": 1, "zone": 2
    }  # fmt: skip
    assert [note["text"] for note in after["notes"]] == [NOTE]
    (row,), (span,) = listed(data_dir)
    assert (row["id"], row["status"], row["verdict"]) == (session, "closed", after["verdict"])
    assert (row["client"], row["practitioner"], row["plan"]) == (CLIENT, "KM", "full-face")
    assert (span["status"], span["mode"]) == ("closed", "demo")  # known when the pen had said who it is
    text = devicelog("sessions", "list", data_dir=data_dir).succeeded().stdout
    assert session in text
    assert CLIENT in text


def test_the_record_as_text_is_what_record_printed(two: tuple[Path, Json]) -> None:
    data_dir, told = two
    text = devicelog("sessions", "show", told["marks"][0]["session"], data_dir=data_dir).succeeded().stdout
    assert told["stdout"].startswith(text)
    for words in ("DEMO DATA", "KM (auth: none)", "full-face: Full face", NOTE, "every account closes"):
        assert words in text
    assert "sessions show " + told["marks"][0]["session"] in told["stdout"]
    for mark in ("zone forehead", "pass", "pause", "note", "resume", "zone chin"):
        assert mark in [said["mark"] for said in told["marks"]]
    assert NOTE not in told["stderr"]


def test_the_readings_are_every_sample_in_both_shapes(two: tuple[Path, Json]) -> None:
    data_dir, told = two
    session = told["marks"][0]["session"]
    as_csv = devicelog("sessions", "readings", session, "--format", "csv", data_dir=data_dir).succeeded().stdout
    as_lines = devicelog("sessions", "readings", session, "--format", "jsonl", data_dir=data_dir).succeeded().stdout
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    (boot,) = shown(data_dir, session)["completeness"]["boots"]
    assert len(rows) == boot["decoded"] > 50
    numbers = [int(row["seq"]) for row in rows]
    assert numbers == list(range(boot["first"], boot["last"] + 1))
    lines = [json.loads(line) for line in as_lines.splitlines()]
    as_text = [{key: "" if value is None else str(value) for key, value in line.items()} for line in lines]
    assert as_text == rows
    assert [row["zone"] for row in rows] == sorted(
        (row["zone"] for row in rows), key=["unassigned", "forehead", "chin"].index
    )
    assert {row["zone"] for row in rows} >= {"forehead", "chin"}


@pytest.mark.requirement("R27")
def test_the_client_and_the_note_are_in_the_private_tables_only(two: tuple[Path, Json]) -> None:
    data_dir, _ = two
    with database(data_dir) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        content = {table: str(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}
    assert {"ledger_entry", "chunk", "document", "client", "note", "stream"} <= content.keys()
    everything = content | {"records": str(records(data_dir)), "entries": json.dumps(entries(data_dir))}
    for secret, owner in ((CLIENT, "client"), (NOTE, "note"), (NOTE.split(",")[0], "note")):
        assert [table for table, text in everything.items() if secret in text] == [owner]
    file = (data_dir / "devicelog.db").read_bytes()
    assert file.count(NOTE.encode()) == 1
    # a bare hash of it would be as good as the code itself: there are not many codes
    for secret in (CLIENT, NOTE):
        digest = sha256(secret.encode())
        assert digest.digest() not in file
        assert digest.hexdigest().encode() not in file
    modes = {path.name: path.stat().st_mode & 0o777 for path in data_dir.iterdir()}
    assert modes["devicelog.db"] == 0o600


# --- marks that are refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("zone", "forhead"), ("'forhead'", "Did you mean forehead?")),
        (("zone",), ("names one zone",)),
        (("zone", "chin", "nose"), ("names one zone",)),
        (("psas",), ("'psas' is no mark", "Did you mean pass?")),
        (("pause", "please"), ("takes nothing more",)),
        (("note",), ("the note is empty",)),
        (("note", "x" * 2001), ("2001 characters",)),
        (("note", "bell \a"), ("U+0007",)),
    ],
    ids=lambda value: "-".join(value)[:20] if isinstance(value, tuple) else None,
)
def test_a_mark_that_cannot_be_meant(words: tuple[str, ...], says: tuple[str, ...], tmp_path: Path) -> None:
    devicelog("mark", *words, data_dir=tmp_path / "data").refused(2, *says)
    assert not (tmp_path / "data").exists()


def test_no_recorder_to_mark_with(tmp_path: Path) -> None:
    devicelog("mark", "pass", data_dir=tmp_path / "data").refused(6, "nobody is recording", "devicelog record")


def test_before_the_session_and_after_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as recorder:
        recorder.wait_for("port is open")
        devicelog("mark", "pass", data_dir=data_dir).refused(6, "no session is recording yet", "waiting for the pen")
        pen.introduce(recorder)
        first = devicelog("mark", "pass", "--json", data_dir=data_dir).succeeded().json()
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    devicelog("mark", "pass", data_dir=data_dir).refused(6, "nobody is recording")
    assert [number for number, _ in marks_in(data_dir)] == [first["record"]]
    assert_whole(data_dir)


def test_a_second_recorder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as recorder:
        pen.introduce(recorder)
        second = devicelog("demo", "--seconds", "6", data_dir=data_dir)
        second.refused(5, f"process {recorder.process.pid}", "--data-dir")
        with PtyPen(tmp_path / "other") as other, recording(data_dir, other.link) as third:
            third.end().refused(5, f"process {recorder.process.pid}")
        devicelog("mark", "pass", data_dir=data_dir).succeeded()
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    assert len(streams(data_dir, "session")) == 1
    assert_whole(data_dir)


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long-" * 25)
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as recorder:
        pen.introduce(recorder)
        socket = Path(json.loads((data_dir / "writer.lock").read_text())["socket"])
        assert len(os.fsencode(data_dir)) > 100 > len(os.fsencode(socket))
        devicelog("mark", "zone", "chin", data_dir=data_dir).succeeded()
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    assert [mark.zone for _, mark in marks_in(data_dir)] == ["chin"]
    assert not socket.parent.exists()
    devicelog("mark", "pass", data_dir=data_dir).refused(6, "nobody is recording")


# --- marks from a file ------------------------------------------------------------------------------------------------

GOOD_MARKS = """\
# seconds, then the mark
0     zone forehead
0.4   pass            # done
0.5   resume
0.6   pause

0.7   resume
0.8   zone chin
.9    pass
"""


def test_marks_from_a_file(tmp_path: Path) -> None:
    file, data_dir = tmp_path / "marks", tmp_path / "data"
    file.write_text(GOOD_MARKS.replace(".9    pass\n", "0.9   note warm\n0.25  pass\n99 pass\n"), encoding="utf-8")
    with (
        PtyPen(tmp_path / "pen") as pen,
        recording(data_dir, pen.link, "--marks", file, "--duration", "1.5") as command,
    ):
        pen.introduce(command)
        ended = command.end().succeeded()
    # in order of time; what the state does not take is told and left out
    assert [(mark.kind, mark.zone) for _, mark in marks_in(data_dir)] == [
        ("zone", "forehead"), ("pass", None), ("pass", None), ("pause", None), ("resume", None), ("zone", "chin"),
        ("note", None),
    ]  # fmt: skip
    assert "resume: the session is recording: a resume mark is not possible now" in ended.stderr
    (session,) = streams(data_dir, "session")
    assert [note["text"] for note in shown(data_dir, session)["notes"]] == ["warm"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GOOD_MARKS, 9, "'.9    pass' is not: seconds, then a mark"),
        ("0 zone forehead\n\n# here\n1 zone noes\n", 4, "Did you mean nose?"),
        ("1 pass\nsoon pass\n", 2, "'soon pass' is not"),
        ("1e3 pass\n", 1, "'1e3 pass' is not"),
        ("-1 pass\n", 1, "'-1 pass' is not"),
        ("1\n", 1, "'1' is not"),
        ("1 note\n", 1, "the note is empty"),
    ],
)
def test_a_line_of_the_marks_file_that_is_none(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "marks").write_text(text, encoding="utf-8")
    with recording(tmp_path / "data", tmp_path / "pen", "--marks", tmp_path / "marks") as command:
        command.end().refused(2, f"marks, line {line}: ", says)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not text"])
def test_a_marks_file_that_is_none(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "marks").write_bytes(content)
    with recording(tmp_path / "data", tmp_path / "pen", "--marks", tmp_path / "marks") as command:
        command.end().refused(2, "marks", "cannot be read")


# --- marks by single keys ---------------------------------------------------------------------------------------------


class Terminal:
    """A terminal whose keys the test presses."""

    def __init__(self) -> None:
        self.keyboard, self.fd = pty.openpty()
        self.before = termios.tcgetattr(self.fd)

    def press(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self.fd)

    def hang_up(self) -> None:
        if self.keyboard >= 0:
            os.close(self.keyboard)
            self.keyboard = -1

    def begin(self, recorder: Running) -> None:
        """Say yes to whom it is for."""
        recorder.wait_for("Enter begins")
        self.press("\n")

    def close(self) -> None:
        self.hang_up()
        os.close(self.fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_marks_by_single_keys(terminal: Terminal, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, stdin=terminal.fd) as recorder:
        terminal.begin(recorder)
        recorder.wait_for("keys: p pass   space pause   r resume   n note   m another mark   q end")
        assert "1 forehead  2 glabella" in recorder.stderr
        pen.introduce(recorder)
        assert terminal.settings() != terminal.before
        for keys, said in (
            ("p", "  pass: recorded"),
            ("e", "  endpoint red: NOT RECORDED: endpoint red: of which zone? Mark it first: zone ID"),
            ("1", "  zone forehead: recorded"),
            ("e", "  endpoint red: recorded"),
            (" ", "  pause: recorded"),
            ("p", "  pass: NOT RECORDED: the session is paused"),
            ("r", "  resume: recorded"),
            ("x", "  'x' is no key here. keys: p pass"),
            ("n", "  note: type the text, then Enter; Esc leaves it"),
            ("wäy redp\x7f 1\r", "  note: recorded"),
            ("n\r", "  the note is empty"),
            ("moverride depth.over_pan x\r", "  there is no rule 'depth.over_pan'"),
            ("moverride depth.over_hard_max \r", "  an override needs a reason"),
            ("mplan forehead 0.30-0.35\r", "  plan forehead 0.3-0.35 mm: recorded"),
            # Delete, F5, Home and F1 hold digits and letters that are keys of ours
            ("\x1b[3~\x1b[15~\x1b[H\x1bOP9", "  zone chin: recorded"),
        ):
            terminal.press(keys)
            recorder.wait_for(said)
        terminal.press("q")
        recorder.end().succeeded()
    assert terminal.settings() == terminal.before
    assert [(mark.kind, mark.zone) for _, mark in marks_in(data_dir)] == [
        ("pass", None), ("zone", "forehead"), ("endpoint", "forehead"), ("pause", None), ("resume", None),
        ("note", None), ("plan", "forehead"), ("zone", "chin")
    ]  # fmt: skip
    (session,) = streams(data_dir, "session")
    told = shown(data_dir, session)
    assert [note["text"] for note in told["notes"]] == ["wäy red 1"]
    assert told["end_cause"] == "operator"
    assert_whole(data_dir)


def test_marks_of_what_is_seen_allowed_and_changed(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    reason = "scar tissue, agreed with her"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as recorder:
        pen.introduce(recorder)

        mark = partial(devicelog, "mark", data_dir=data_dir)
        mark("endpoint", "red").refused(2, "of which zone? Mark it first: zone ID")
        mark("override", "depth.over_hard_max", " ").refused(2, "the reason is empty")
        mark("zone", "forehead").succeeded()
        mark("operator", "p-08").succeeded()
        mark("pause").succeeded()
        mark("cartridge", "x-7k3m9q2xwd").succeeded()
        mark("override", "depth.over_hard_max", *reason.split()).succeeded()
        mark("plan", "forehead", "0.30-0.35").succeeded()
        assert mark("endpoint", "pinpoint", "--json").succeeded().json()["mark"] == "endpoint pinpoint"
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    told = marks_in(data_dir)
    assert [mark.kind for _, mark in told] == ["zone", "operator", "pause", "cartridge", "override", "plan", "endpoint"]
    assert [mark.actor for _, mark in told] == ["KM", "KM", *["p-08"] * 5]
    (session,) = streams(data_dir, "session")
    assert [note["text"] for note in shown(data_dir, session)["notes"]] == [reason]
    assert not any(b"scar" in record.body for record in records(data_dir))
    assert "scar" not in json.dumps(entries(data_dir))
    assert devicelog("replay", session, "--json", data_dir=data_dir).succeeded().json()["identical"]
    assert_whole(data_dir)


def test_the_terminal_is_as_before_when_no_session_began(terminal: Terminal, tmp_path: Path) -> None:
    with PtyPen(tmp_path / "pen") as pen, recording(tmp_path / "data", pen.link, stdin=terminal.fd) as recorder:
        terminal.begin(recorder)
        recorder.wait_for("port is open")
        terminal.press("p")
        recorder.wait_for("pass: NOT RECORDED: no session is recording yet")
        terminal.press("q")
        assert recorder.end().code == 130
    assert terminal.settings() == terminal.before


def test_a_terminal_that_hangs_up_ends_its_keys_and_not_the_session(terminal: Terminal, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, stdin=terminal.fd) as recorder:
        terminal.begin(recorder)
        pen.introduce(recorder)
        terminal.press("p")
        recorder.wait_for("pass: recorded")
        terminal.hang_up()
        recorder.send(signal.SIGHUP)  # what a terminal sends to those that it controls
        devicelog("mark", "zone", "chin", data_dir=data_dir).succeeded()
        recorder.send(signal.SIGINT)
        ended = recorder.end().succeeded()
    assert "Traceback" not in ended.stderr
    assert [mark.kind for _, mark in marks_in(data_dir)] == ["pass", "zone"]
    assert_whole(data_dir)


def test_nobody_who_reads_the_messages_ends_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    reader, writer = os.pipe()
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, stderr=writer) as recorder:
        os.close(writer)
        recorder.wait_until(pen.asked, "the identity request")
        os.close(reader)
        pen.send(IDENTITY)
        recorder.wait_until(lambda: any(e["type"] == "session.opened" for e in entries(data_dir)), "the session")
        devicelog("mark", "zone", "chin", data_dir=data_dir).succeeded()
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    assert [mark.kind for _, mark in marks_in(data_dir)] == ["zone"]
    assert_whole(data_dir)


def test_messages_that_nobody_takes_hold_up_nothing(tmp_path: Path) -> None:
    """A terminal that was stopped with Ctrl-S, a pager that waits: what comes is on disk all the same."""
    data_dir = tmp_path / "data"
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, bytes(4096))
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, stderr=writer) as recorder:
        os.close(writer)
        recorder.wait_until(pen.asked, "the identity request")
        pen.send(IDENTITY)
        recorder.wait_until(lambda: any(e["type"] == "session.opened" for e in entries(data_dir)), "the session")
        pen.send(*samples(0, 100))
        recorder.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        devicelog("mark", "zone", "chin", data_dir=data_dir).succeeded()
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    os.close(reader)
    assert [mark.kind for _, mark in marks_in(data_dir)] == ["zone"]
    assert_whole(data_dir)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_descriptors_that_were_closed(closed: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    options = {"prefix": ("sh", "-c", f'exec "$@" {closed}', "sh")}
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, "--duration", "0.5", **options) as recorder:
        recorder.wait_until(pen.asked, "the identity request")
        pen.send(IDENTITY)
        ended = recorder.end().succeeded()
    assert ("Session s-" in ended.stdout) == (closed not in (">&-", "<&- >&- 2>&-"))
    assert len(streams(data_dir, "session")) == 1
    assert_whole(data_dir)


# --- what was not marked, and finding a session -----------------------------------------------------------------------


def test_what_nobody_marked_is_unassigned_and_cannot_be_assessed(tmp_path: Path) -> None:
    data_dir, link = tmp_path / "data", tmp_path / "pen"
    with simulated_pen(link, "--seconds", "6"), recording(data_dir, link, "--duration", "6") as recorder:
        ended = recorder.end().succeeded()
    (session,), _ = listed(data_dir)
    told = shown(data_dir, session["id"])
    assert told["verdict"] == session["verdict"] == "not assessable"
    assert told["end_cause"] == "duration"
    assert told["duration_us"] >= 6_000_000
    (zone,) = told["zones"]
    assert (zone["zone"], zone["samples"]) == ("unassigned", told["completeness"]["boots"][0]["decoded"])
    assert zone["contact_us"] > 1_000_000
    open_rules = {(row["rule"], row["zone"]) for row in told["assessments"] if row["result"] == "not assessable"}
    of_depth = (
        "depth.over_plan",
        "depth.over_recommended",
        "depth.over_hard_max",
        "zone.forbidden",
        "depth.under_plan",
    )
    assert open_rules == {(rule, "unassigned") for rule in of_depth}
    assert "needling in no zone" in ended.stdout
    assert rules_found(told) == []


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with two sessions. Only looked at."""

    def make(directory: Path) -> None:
        for _ in range(2):
            command = ("--duration", "0.2")
            with PtyPen(directory / "pen") as pen, recording(directory / "data", pen.link, *command) as recorder:
                pen.introduce(recorder)
                recorder.end().succeeded()

    return shared(tmp_path_factory, "pair", make) / "data"


def test_a_session_by_the_beginning_of_its_id(pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair, tmp_path / "data")
    first, second = streams(tmp_path / "data", "session")
    # from four: of three, the one letter behind "s-" may be an "s", which begins every id there is
    length = next(n for n in range(4, 13) if first[:n] != second[:n])
    for beginning in (first, first[:length], first[2:length], first.upper(), first[: length + 1]):
        assert shown(tmp_path / "data", beginning)["id"] == first
    assert re.fullmatch(r"s-[0-9a-hjkmnp-tv-z]{10}", second)


@pytest.mark.parametrize("command", [("sessions", "show"), ("sessions", "readings"), ("replay",), ("verify",)])
def test_no_such_session_and_more_than_one(command: tuple[str, ...], pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair, tmp_path / "data")
    unknown = devicelog(*command, "s-zzzzzzzzzzz", data_dir=tmp_path / "data")
    unknown.refused(6, "no session 's-zzzzzzzzzzz'", "devicelog sessions list")
    assert unknown.stdout == ""
    ambiguous = devicelog(*command, "s-", data_dir=tmp_path / "data")
    ambiguous.refused(6, "2 begin so", "give more of it")


@pytest.mark.parametrize("command", [("sessions", "list"), ("sessions", "show", "s-1"), ("replay", "s-1")])
def test_no_database(command: tuple[str, ...], tmp_path: Path) -> None:
    devicelog(*command, data_dir=tmp_path / "data").refused(6, "there is no database at", "devicelog demo")
    assert not (tmp_path / "data").exists()


def test_a_data_directory_whose_name_is_no_utf8(tmp_path: Path) -> None:
    data_dir = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as recorder:
        pen.introduce(recorder)
        devicelog("mark", "pass", data_dir=data_dir).succeeded()
        recorder.send(signal.SIGINT)
        recorder.end().succeeded()
    assert_whole(data_dir)
