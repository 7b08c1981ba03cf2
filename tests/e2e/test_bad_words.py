"""What a person types and writes into files: refused in a line before anything is opened, or warned of. One id each."""

import os
from pathlib import Path
from typing import Any

import pytest

from devicelog.control import ask
from devicelog.recorder.answering import Answering
from firmware_bridge import profiles
from tests.e2e.running import Ended, PtyPen, Running, devicelog, recording, the_session

WARNING = "looks like a name with a date of birth"


def record_with(data_dir: Path, *more: str | Path, client: str = "P-1", plan: str | Path = "full-face") -> Ended:
    """`record` from a port that is not there: what is refused before is refused with another code than 4."""
    who = ("--client", client, "--practitioner", "KM", "--plan", plan)
    return devicelog("record", "--pen", "/dev/no-pen", *who, *more, data_dir=data_dir)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("recrod",), "Did you mean 'record'?"),
        (("nonsense",), "No such command 'nonsense'."),
        (("pens", "porbe"), "Did you mean 'probe'?"),
        (("sessions", "lits"), "Did you mean 'list'?"),
        (("record", "--practicioner", "KM"), "--practitioner"),
        (("pens", "probe"), "Missing argument 'URL'"),
        (("record",), "Missing option"),
        (("sessions", "list", "--data-dir", ""), "the name of the directory is empty"),
        (("sessions", "readings", "s-1", "--format", "xml"), "'csv', 'jsonl'"),
        (("replay", "s-1", "--to", "tty"), "'tty' is not 'pty'"),
        (("verify",), "name one session, a package or a bag, or --all"),
        (("verify", "s-1", "--all"), "name one session, a package or a bag, or --all"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_words_that_cannot_be_meant(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    devicelog(*words, HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)).refused(2, says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("link", "says"),
    [("no/such/pen", "cannot be made|cannot make the link"), (".", "is no link of a simulated pen")],
)
def test_a_link_that_cannot_be(link: str, says: str, tmp_path: Path) -> None:
    told = devicelog("pens", "simulate", "--link", tmp_path / link).refused(4)
    assert any(word in told.stderr for word in says.split("|"))


# --- a client code that is no code ------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["Maria Huber 12.03.1980", "huber-maria-1980-03-12", "müller 1980-03-12"])
def test_a_client_code_that_is_a_person_is_warned_of(client: str, data_dir: Path) -> None:
    told = record_with(data_dir, client=client)
    told.refused(4, "/dev/no-pen")
    assert told.stderr.index("warning: ") < told.stderr.index("error: ")
    assert WARNING in told.stderr
    assert "P-117" in told.stderr
    assert client not in told.stderr


@pytest.mark.parametrize("client", ["P-117", "2024-0815", "KM1980"])
def test_a_client_code_is_not_warned_of(client: str, data_dir: Path) -> None:
    assert "warning" not in record_with(data_dir, client=client).refused(4).stderr


def test_a_session_of_such_a_client_is_recorded_all_the_same(tmp_path: Path, data_dir: Path) -> None:
    client = "Huber, M. 12/3/80"
    who = ("--client", client, "--practitioner", "KM", "--plan", "full-face", "--duration", "0.2")
    with PtyPen(tmp_path / "pen") as pen, Running("record", "--pen", pen.link, *who, data_dir=data_dir) as command:
        pen.introduce(command)
        ended = command.end().succeeded()
    assert ended.stderr.index(WARNING) < ended.stderr.index("recording s-")
    assert the_session(data_dir)["client"] == client


# --- plans ------------------------------------------------------------------------------------------------------------

PLAN = """\
id = "mine"
label = "Mine"
indication = "test"
[[zones]]
zone = "forehead"
depth_min_um = 300
depth_max_um = 400
source = "me"
evidence = "X"
sourced = false
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("label", "lable", "unknown key 'lable'. Did you mean label?"),
        ("depth_max_um", "depht_max_um", "zone 1 (forehead): unknown key 'depht_max_um'. Did you mean depth_max_um?"),
        ("source =", "sources =", "Did you mean source?"),
        ("sourced = false", "colour = 1\nsourced = false", "unknown key 'colour'."),
        ("depth_min_um = 300", "depth_min_um = 500", "depth_min_um = 500 is above depth_max_um = 400"),
        ("300", "-1", "depth_min_um = -1; expected a whole number of micrometres, 0 to 10000"),
        ("400", "10001", "0 to 10000"),
        ("400", "nan", "a whole number of micrometres"),
        ("400", "true", "a whole number of micrometres"),
        ("400", "9" * 5000, "mine.toml"),
        ('"Mine"', '"' + "x" * 201 + '"', "1 to 200 characters"),
        ('"X"', '"Z"', "expected one of A, B, C, D, DER, X"),
        ("sourced = false", "sourced = true", "means that there is no source"),
        (PLAN, PLAN + PLAN[PLAN.index("[[") :], "forehead stands twice"),
        ("[[zones]]", "[zones]", "a list of zones"),
        ('id = "mine"', 'id = "mine"\nid = "yours"', "line 2"),
    ],
    ids=[
        *("unknown key", "unknown key in a zone", "nearly a key", "key like nothing", "upside down", "negative"),
        *("deeper than any pen", "nan", "boolean", "endless number", "long label", "unknown grade", "no source"),
        *("a zone twice", "zones no list", "a key twice"),
    ],
)
def test_a_plan_that_cannot_be_meant(old: str, new: str, says: str, tmp_path: Path, data_dir: Path) -> None:
    assert old in PLAN
    (tmp_path / "mine.toml").write_text(PLAN.replace(old, new, 1), encoding="utf-8")
    told = record_with(data_dir, plan=tmp_path / "mine.toml").refused(2, "mine.toml", says)
    assert len(told.stderr) < 600
    assert not data_dir.exists()


def test_a_plan_that_is_a_directory(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "mine.toml").mkdir()
    record_with(data_dir, plan=tmp_path / "mine.toml").refused(2, "mine.toml", "Is a directory")


# --- profiles ---------------------------------------------------------------------------------------------------------

PROFILE = (Path(profiles.__file__).parent / "reference.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("depth_max_um =", "depth_maks_um =", "unknown key depth_maks_um. Did you mean depth_max_um?"),
        ("baud = 115200\n", "", "baud is missing"),
        ("115200", "0", "baud = 0; expected 1200 to 4000000"),
        ("115200", '"fast"', "baud = 'fast'; expected int"),
        ("115200", "115200.0", "baud = 115200.0; expected int"),
        ("dtr = false", "dtr = 0", "dtr = 0; expected bool"),
        ("depth_max_um = 2500", "depth_max_um = -2500", "expected 100 to 10000"),
        ("depth_tolerance_um = 150", "depth_tolerance_um = -1", "expected 0 to 1000"),
        ("silence_limit_us = 2_500_000", "silence_limit_us = 0", "expected 100000 to 60000000"),
        (PROFILE, "no TOML", "profile "),
    ],
    ids=[
        *("unknown key", "missing key", "baud 0", "text", "decimals", "a number for a flag", "negative depth"),
        *("negative tolerance", "no silence", "not TOML"),
    ],
)
@pytest.mark.parametrize("command", ["record", "probe"])
def test_a_profile_that_cannot_be_meant(
    command: str, old: str, new: str, says: str, tmp_path: Path, data_dir: Path
) -> None:
    assert old in PROFILE
    mine = tmp_path / "mine.toml"
    mine.write_text(PROFILE.replace(old, new, 1), encoding="utf-8")
    if command == "record":
        record_with(data_dir, "--profile", mine).refused(2, says)
    else:
        devicelog("pens", "probe", "/dev/no-pen", "--profile", mine).refused(2, says)
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ("missing", ("no pen profile", "there is no such file", "there are: ", "reference")),
        ("a directory", ("cannot be read", "Is a directory")),
        ("not text", ("is no text in UTF-8", "byte 0xff")),
    ],
    ids=["missing", "a directory", "not text"],
)
def test_a_profile_that_cannot_be_read(made: str, says: tuple[str, ...], tmp_path: Path, data_dir: Path) -> None:
    mine = tmp_path / "mine.toml"
    if made == "a directory":
        mine.mkdir()
    elif made == "not text":
        mine.write_bytes(b"\xff\xfe")
    record_with(data_dir, "--profile", mine).refused(2, *says)


# --- marks files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 zone cheek.lfet\n", "marks, line 1: there is no zone 'cheek.lfet'"),
        (
            "0 psas\n",
            "marks, line 1: 'psas' is no mark; there are: zone, pass, pause, resume, note, endpoint, override, "
            "cartridge, operator, plan. Did you mean pass?",
        ),
        ("nan pass\n", "'nan pass' is not"),
        ("1,5 pass\n", "'1,5 pass' is not"),
        ("9999999 pass\n", "'9999999 pass' is not"),
        ("1.1234567 pass\n", "'1.1234567 pass' is not"),
        ("1 zone\n", "a zone mark names one zone"),
        ("1 pause now\n", "takes nothing more"),
        (f"1 note {'x' * 2001}\n", "2001 characters"),
        ("1 note a\u202eb\n", "U+202E"),
    ],
    ids=lambda value: ascii(value)[1:16] if isinstance(value, str) else "",
)
def test_a_mark_in_a_file_that_cannot_be_meant(text: str, says: str, tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "marks").write_text(text, encoding="utf-8")
    record_with(data_dir, "--marks", tmp_path / "marks").refused(2, says)
    assert not data_dir.exists()


def test_a_marks_file_that_is_a_directory(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "marks").mkdir()
    record_with(data_dir, "--marks", tmp_path / "marks").refused(2, "marks cannot be read")


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "\ufeff0 pass\n", "0\tpass\r\n"], ids=ascii)
def test_a_marks_file_that_says_little(text: str, tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "marks").write_text(text, encoding="utf-8", newline="")
    record_with(data_dir, "--marks", tmp_path / "marks").refused(4, "/dev/no-pen")


def test_marks_whose_time_never_comes_are_told(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "marks").write_text("0 zone chin\n50 pass\n999999 pass\n", encoding="utf-8")
    more = ("--marks", tmp_path / "marks", "--duration", "0.5")
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, *more) as command:
        pen.introduce(command)
        ended = command.end().succeeded()
    assert "2 marks were not made: the session ended before their time" in ended.stderr
    assert the_session(data_dir)["marks"] == [{"kind": "zone", "n": 1}]


# --- what is asked of a recorder over its socket ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, "unknown command None"),
        ({"command": "makr"}, "unknown command 'makr'"),
        ({"command": ["mark"]}, "unknown command ['mark']"),
        ({"command": {"mark": 1}}, "unknown command {'mark': 1}"),
        ({"command": "mark"}, "a list of words"),
        ({"command": "mark", "words": "pass"}, "a list of words"),
        ({"command": "mark", "words": []}, "'' is no mark"),
        ({"command": "mark", "words": [["zone"], None]}, "is no mark"),
        ({"command": "mark", "words": ["zone", 7]}, "there is no zone '7'"),
    ],
    ids=ascii,
)
def test_a_request_that_cannot_be_meant(request_: dict[str, object], says: str) -> None:
    def refuse(_command: object, _reply: object) -> None:
        pytest.fail("nothing was meant")

    def act(_request: object) -> Any:
        pytest.fail("nothing was meant")

    answering = Answering(("chin",), refuse, refuse, refuse, act, lambda: None)
    told = answering.answer(request_)
    assert (told["ok"], told["exit_code"]) == (False, 2)
    assert says in told["error"]


def test_a_recorder_that_is_asked_nonsense_goes_on(tmp_path: Path, data_dir: Path) -> None:
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        assert not ask(data_dir, {"command": "mark", "words": [os.urandom(4).hex()]})["ok"]
        assert not ask(data_dir, {"command": ["mark"]})["ok"]
        assert ask(data_dir, {"command": "mark", "words": ["pass"]})["ok"]
        command.send(15)
        command.end().succeeded()
    assert the_session(data_dir)["marks"] == [{"kind": "pass", "n": 1}]
