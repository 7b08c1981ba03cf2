"""A wrong zone or client, corrected afterwards: both derivations stay, and neither can be altered without a trace."""

import json
import shutil
import signal
import subprocess
import sys
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import canonical, parse_canonical
from devicelog.control import ask
from devicelog.recorder.attributing import attribute_here, parse_attribution, prepare
from devicelog.recorder.known_pens import last_counters
from devicelog.recorder.recovery import software
from devicelog.store.database import open_for_writing
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import Transaction
from tests.attacks.attacker import History, Strength, rewrite
from tests.databases import FIRST, SECOND, SPAN, StillClock, dump, make_database, plain, rows, spoil
from tests.e2e.running import (
    ROOT,
    Demo,
    Ended,
    Json,
    PtyPen,
    Running,
    assert_whole,
    bytes_on_disk,
    database,
    demo_recording,
    devicelog,
    entries,
    goodbye,
    listed,
    recording,
    samples,
    shown,
)
from tests.e2e.test_bad_input import without_privileges

REASON = "left and right were taken for each other"
ZONES = ["forehead", "cheek.left", "cheek.right"]
SWAP = ("--move", "2=cheek.right", "--move", "cheek.right=cheek.left")
SWAPPED = ["forehead", "cheek.right", "cheek.left"]


@pytest.fixture
def session(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> tuple[Path, str]:
    """The data directory of a session of three zones, one span in each, and its id."""
    data_dir, told = demo_recording(tmp_path_factory, Demo(scenario="clean"), tmp_path)
    assert [span["zone"] for span in told["spans"]] == ZONES
    return data_dir, told["id"]


def attribute(data_dir: Path, stream: str, *words: str, reason: str = REASON, who: str = "p-07") -> Ended:
    told = ("sessions", "attribute", stream, "--practitioner", who, "--reason", reason, *words)
    return devicelog(*told, data_dir=data_dir)


def derivation(data_dir: Path, stream: str, number: int) -> Json:
    told = devicelog("sessions", "show", stream, "--derivation", str(number), "--json", data_dir=data_dir)
    return told.succeeded().json()


def zones_of(told: Json) -> list[str]:
    return [span["zone"] for span in told["spans"]]


def assert_nothing_written(data_dir: Path, before: list[Json]) -> None:
    assert entries(data_dir) == before
    assert rows(data_dir / "devicelog.db", "SELECT count(*) FROM note") == [(0,)]
    assert_whole(data_dir)


def change_attribution(data_dir: Path, old: str, new: str) -> int:
    """Edit the newest attribution in the ledger by hand. Returns its number."""
    path = data_dir / "devicelog.db"
    newest = "WHERE instr(bytes, ?) ORDER BY seq DESC LIMIT 1"
    [(seq, data)] = rows(path, f"SELECT seq, bytes FROM ledger_entry {newest}", b'"type":"session.attributed"')
    assert data.count(old.encode()) == 1
    changed = data.replace(old.encode(), new.encode())
    spoil(path, ("UPDATE ledger_entry SET bytes = ? WHERE seq = ?", (changed, seq)))
    return int(seq)


# --- the story --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R04", "R05")
def test_left_and_right_were_taken_for_each_other(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    before = shown(data_dir, stream)
    told = attribute(data_dir, stream, *SWAP).succeeded()
    assert "derivation 2 is on disk" in told.stdout
    assert "span 2 from cheek.left to cheek.right" in told.stdout

    after, first = shown(data_dir, stream), derivation(data_dir, stream, 1)
    assert (zones_of(after), zones_of(first)) == (SWAPPED, ZONES)
    passes = [{zone["zone"]: zone["passes"] for zone in each["zones"]} for each in (before, after)]
    assert passes[1]["cheek.right"] == passes[0]["cheek.left"]
    assert passes[1]["cheek.left"] == passes[0]["cheek.right"]
    assert (after["derivation"], after["derivations"]) == (2, 2)
    [entry] = [entry for entry in entries(data_dir) if entry["type"] == "session.attributed"]
    assert after["attribution"].pop("at") == entry["at"]
    records = [{key: span[key] for key in ("first_record", "last_record")} for span in before["spans"]]
    assert after["attribution"] == {
        "practitioner": "p-07",
        "auth": "none",
        "reason": REASON,
        "moved": [
            {"span": 2, "from": "cheek.left", "zone": "cheek.right", **records[1]},
            {"span": 3, "from": "cheek.right", "zone": "cheek.left", **records[2]},
        ],
        "client_ref": None,
    }
    assert first == before | {"derivations": 2}
    assert after["completeness"] == before["completeness"]

    text = devicelog("sessions", "show", stream, data_dir=data_dir).succeeded().stdout
    for words in ("2 of 2: CORRECTED", "by p-07", f"reason: {REASON}", "moved: span 2 from cheek.left to cheek.right"):
        assert words in text
    earlier = devicelog("sessions", "show", stream, "--derivation", "1", data_dir=data_dir).succeeded().stdout
    assert "1 of 2: as it was recorded; it was corrected later" in earlier

    replayed = devicelog("replay", stream, "--json", data_dir=data_dir).succeeded().json()
    assert [(row["derivation"], row["identical"]) for row in replayed["derivations"]] == [(1, True), (2, True)]
    assert (replayed["ok"], replayed["kept"]) == (True, after["derived"])
    assert "derivation 2" in devicelog("replay", stream, data_dir=data_dir).succeeded().stdout
    assert_whole(data_dir)

    assert entry["actor"] == {"id": "p-07", "role": "practitioner", "auth": "none"}
    assert (entry["type"], entry["body"]["number"]) == ("session.attributed", 2)


def test_readings_have_the_corrected_zone(session: tuple[Path, str]) -> None:
    data_dir, stream = session

    def zones() -> list[str]:
        told = devicelog("sessions", "readings", stream, "--format", "jsonl", data_dir=data_dir).succeeded().stdout
        return list(dict.fromkeys(json.loads(line)["zone"] for line in told.splitlines()))

    before = zones()
    attribute(data_dir, stream, *SWAP).succeeded()
    other = {"cheek.left": "cheek.right", "cheek.right": "cheek.left"}
    assert zones() == [other.get(zone, zone) for zone in before]


@pytest.mark.requirement("R05")
def test_corrections_add_up_and_every_derivation_stays(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    attribute(data_dir, stream, "--move", "2=nose").succeeded()
    told = attribute(data_dir, stream, "--client", "P-118").succeeded()
    assert "the client is P-118" in told.stdout
    [row], _ = listed(data_dir)
    assert row["client"] == "P-118"
    attribute(data_dir, stream, "--move", "nose=chin", "--move", "1=nose", "--client", "DEMO-1").succeeded()
    every = [derivation(data_dir, stream, number) for number in (1, 2, 3, 4)]
    assert [zones_of(each)[:2] for each in every] == [
        ["forehead", "cheek.left"],
        ["forehead", "nose"],
        ["forehead", "nose"],
        ["nose", "chin"],
    ]
    assert [each["client"] for each in every] == ["DEMO-1", "DEMO-1", "P-118", "DEMO-1"]
    assert shown(data_dir, stream) == every[-1]
    assert devicelog("replay", stream, data_dir=data_dir).succeeded().stdout.count("identical: ") == 4
    assert_whole(data_dir)
    asked = devicelog("sessions", "show", stream, "--derivation", "5", data_dir=data_dir)
    asked.refused(6, "no derivation 5", "1 to 4")
    devicelog("sessions", "show", stream, "--derivation", "0", data_dir=data_dir).refused(6, "1 to 4")


def test_what_is_moved_back_stands_beside_the_rest(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    before = shown(data_dir, stream)
    attribute(data_dir, stream, "--move", "2=chin").succeeded()
    attribute(data_dir, stream, "--move", "2=cheek.left", reason="that was wrong").succeeded()
    after = shown(data_dir, stream)
    own = ("derivation", "derivations", "attribution", "derived")
    assert {key: after[key] for key in after if key not in own} == {k: before[k] for k in before if k not in own}


def test_the_same_bytes_after_a_rebuild(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    attribute(data_dir, stream, *SWAP, "--client", "P-118").succeeded()

    def told() -> list[str]:
        words = ("sessions", "show", stream, "--json")
        later = [devicelog(*words, *more, data_dir=data_dir) for more in ((), ("--derivation", "1"))]
        return [
            each.succeeded().stdout for each in [*later, devicelog("sessions", "list", "--json", data_dir=data_dir)]
        ]

    before = told()
    devicelog("db", "rebuild", data_dir=data_dir).succeeded()
    assert told() == before
    assert_whole(data_dir)


def test_a_session_that_was_interrupted(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    told = attribute(path.parent, SECOND, "--move", "forehead=chin").succeeded()
    assert f"{SECOND} was found open and is closed now as interrupted" in told.stderr
    after = shown(path.parent, SECOND)
    assert (after["status"], after["verdict"], set(zones_of(after))) == ("interrupted", "incomplete", {"chin"})
    assert devicelog("replay", SECOND, data_dir=path.parent).succeeded().stdout.count("identical: ") == 2
    assert_whole(path.parent)


def test_a_record_of_an_earlier_engine(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    shutil.copy(ROOT / "tests" / "data" / "databases" / "0.1.0.db", data_dir / "devicelog.db")
    devicelog("db", "upgrade", data_dir=data_dir).succeeded()
    stream = listed(data_dir)[0][0]["id"]
    attribute(data_dir, stream, "--move", "2=chin").refused(2, "earlier engine", "name a zone")
    attribute(data_dir, stream, "--move", "cheek.left=chin").succeeded()
    assert zones_of(shown(data_dir, stream))[:2] == ["forehead", "chin"]
    moved = "moved: records to chin"
    assert moved in devicelog("sessions", "show", stream, data_dir=data_dir).succeeded().stdout
    told = devicelog("replay", stream, "--json", data_dir=data_dir).succeeded().json()
    assert [row["identical"] for row in told["derivations"]] == [False, True]
    assert_whole(data_dir)


def test_the_next_session_of_the_pen_knows_its_counters(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    serial = shown(data_dir, stream)["pen"]["serial"]
    before = last_counters(data_dir / "devicelog.db", serial, before_stream=1 << 30)
    assert before is not None
    attribute(data_dir, stream, *SWAP).succeeded()
    assert last_counters(data_dir / "devicelog.db", serial, before_stream=1 << 30) == before


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing named": ((), "nothing to correct"),
    "an unknown zone": (("--move", "2=cheek.letf"), "Did you mean cheek.left?"),
    "no zone": (("--move", "2="), "moves nothing"),
    "no span": (("--move", "=chin"), "moves nothing"),
    "no equals sign": (("--move", "2 chin"), "SPAN=ZONE"),
    "a span that is not there": (("--move", "4=chin"), "it has 1 to 3"),
    "span nought": (("--move", "0=chin"), "it has 1 to 3"),
    "a zone without a span": (("--move", "nose=chin"), "forehead"),
    "the zone it has": (("--move", "forehead=forehead"), "nothing to change"),
    "a span twice": (("--move", "2=chin", "--move", "cheek.left=nose"), "moved twice"),
    "the client it has": (("--client", "DEMO-1"), "nothing to change"),
    "an empty client": (("--client", " "), "the client code is empty"),
    "a client nobody can see": (("--client", "P\u200b1"), "U+200B"),
    "an empty reason": (("--move", "2=chin", "--reason", " "), "the reason is empty"),
    "a reason that is too long": (("--move", "2=chin", "--reason", "x" * 2001), "at most 2000"),
    "a practitioner that is none": (("--move", "2=chin", "--practitioner", "Dr. K"), "is not an id"),
    "the recorder": (("--move", "2=chin", "--practitioner", "recorder"), "choose another id"),
}


@pytest.mark.parametrize(("words", "says"), REFUSED.values(), ids=REFUSED)
def test_a_correction_that_is_none(words: tuple[str, ...], says: str, session: tuple[Path, str]) -> None:
    data_dir, stream = session
    before = entries(data_dir)
    attribute(data_dir, stream, *words).refused(2, says)
    assert entries(data_dir) == before
    assert rows(data_dir / "devicelog.db", "SELECT count(*) FROM note") == [(0,)]


def test_a_session_that_is_not_there(session: tuple[Path, str], tmp_path: Path) -> None:
    attribute(session[0], "s-zzzz", *SWAP).refused(6, "no session 's-zzzz'")
    attribute(tmp_path / "none", "s-zzzz", *SWAP).refused(6, "there is no database")
    assert not (tmp_path / "none").exists()


def test_what_was_heard_outside_a_session(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data")
    attribute(path.parent, SPAN, "--move", "1=chin").refused(2, SPAN, "not built yet")


@pytest.mark.requirement("R04")
def test_a_reason_is_demanded(session: tuple[Path, str]) -> None:
    told = devicelog("sessions", "attribute", session[1], "--practitioner", "KM", *SWAP, data_dir=session[0])
    assert told.code == 2
    assert "--reason" in told.stderr


def test_a_client_that_looks_like_a_person_is_warned_of(session: tuple[Path, str]) -> None:
    told = attribute(*session, "--client", "Anna Berg 12.03.1980").succeeded()
    assert "looks like a name with a date of birth" in told.stderr
    assert shown(*session)["client"] == "Anna Berg 12.03.1980"


def test_a_directory_that_cannot_be_written(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    prefix = without_privileges()
    before = entries(data_dir)
    data_dir.chmod(0o500)
    (data_dir / "writer.lock").chmod(0o400)
    words = ("--practitioner", "KM", "--reason", REASON, *SWAP)
    try:
        with Running("sessions", "attribute", stream, *words, data_dir=data_dir, prefix=prefix) as command:
            command.end().refused(5, "cannot be locked")
    finally:
        data_dir.chmod(0o700)
        (data_dir / "writer.lock").chmod(0o600)
    assert_nothing_written(data_dir, before)


def test_a_database_that_another_program_holds(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    before = entries(data_dir)
    with plain(data_dir / "devicelog.db") as connection:
        connection.execute("BEGIN IMMEDIATE")
        attribute(data_dir, stream, *SWAP).refused(5, "another program holds it")
    assert_nothing_written(data_dir, before)


# Everything is written, and the power goes before it is committed.
KILLED = """
import os, sys
from devicelog.store.transaction import Transaction
entry = Transaction.entry
def written(self, *words):
    entry(self, *words)
    os.kill(os.getpid(), 9)
Transaction.entry = written
from devicelog.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.requirement("R01")
def test_killed_before_it_is_on_disk(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    before = entries(data_dir)
    words = ("sessions", "attribute", stream, "--practitioner", "KM", "--reason", REASON, *SWAP, "--client", "P-118")
    told = subprocess.run(
        [sys.executable, "-c", KILLED, *words, "--data-dir", data_dir], capture_output=True, text=True, timeout=60
    )
    assert (told.returncode, told.stdout) == (-signal.SIGKILL, "")
    assert_nothing_written(data_dir, before)
    assert shown(data_dir, stream)["derivations"] == 1
    attribute(data_dir, stream, *SWAP).succeeded()


# --- beside a recording -----------------------------------------------------------------------------------------------


def test_while_another_session_records(session: tuple[Path, str], tmp_path: Path) -> None:
    data_dir, stream = session
    kept = bytes_on_disk(data_dir)
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 50))
        told = attribute(data_dir, stream, *SWAP, "--client", "P-118").succeeded()
        pen.send(*samples(100, 50), goodbye(200))
        now = next(row["id"] for row in listed(data_dir)[0] if row["status"] == "recording")
        attribute(data_dir, now, "--move", "1=chin").refused(2, now, "still being recorded")
        attribute(data_dir, stream, "--move", "2=cheek.right").refused(2, "nothing to change")
        attribute(data_dir, stream, "--move", "7=chin").refused(2, "it has 1 to 3")
        command.wait_until(lambda: bytes_on_disk(data_dir) == kept + pen.sent, "all bytes on disk")
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert "derivation 2 is on disk" in told.stdout
    types = [entry["type"] for entry in entries(data_dir)]
    opened, closed = (len(types) - 1 - types[::-1].index(f"session.{word}") for word in ("opened", "closed"))
    assert opened < types.index("session.attributed") < closed
    other = shown(data_dir, now)
    assert other["completeness"]["closes"]
    assert sum(boot["decoded"] for boot in other["completeness"]["boots"]) == 200
    assert zones_of(shown(data_dir, stream)) == SWAPPED
    for each in (stream, now):
        assert devicelog("replay", each, data_dir=data_dir).succeeded()
    assert_whole(data_dir)


def test_two_at_once_are_one_after_the_other(session: tuple[Path, str], tmp_path: Path) -> None:
    data_dir, stream = session
    words = ("sessions", "attribute", stream, "--practitioner", "KM", "--reason", REASON, "--move")
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        with (
            Running(*words, "1=chin", data_dir=data_dir) as one,
            Running(*words, "2=nose", data_dir=data_dir) as other,
        ):
            codes = sorted([one.end().code, other.end().code])
        assert codes in ([0, 0], [0, 2])  # 2: the other one came between deriving and writing
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert shown(data_dir, stream)["derivations"] == 1 + codes.count(0)
    assert devicelog("replay", stream, data_dir=data_dir).succeeded()
    assert_whole(data_dir)


@pytest.mark.parametrize("meanwhile", [{"moves": ["forehead=nose"]}, {"client": "Qx-7731"}], ids=["moved", "client"])
def test_what_was_derived_before_another_correction_came_is_not_written(meanwhile: Json, tmp_path: Path) -> None:
    path, zones = make_database(tmp_path / "data"), ("chin", "nose")
    good = {"session": FIRST, "practitioner": "KM", "reason": REASON, "moves": [], "client": "Qx-7731"}
    with Evidence(path) as evidence:
        late = prepare(evidence, parse_attribution(good | {"moves": ["forehead=chin"]}, zones))
    other = SECOND if "client" in meanwhile else FIRST  # the same new code, used by another session first
    assert attribute_here(path.parent, parse_attribution(good | {"client": None, "session": other} | meanwhile, zones))[
        "ok"
    ]
    before = dump(path)
    engine, head = open_for_writing(path.parent, stamps=StillClock(), sw=software())
    with engine.connect() as connection, connection.begin():
        reply = late.keep(Transaction(connection, head, stamps=StillClock(), sw=software()))
    assert (reply["ok"], reply["exit_code"]) == (False, 2)
    assert "look at it again" in reply["error"]
    assert dump(path) == before


def test_a_recorder_is_asked_nonsense(session: tuple[Path, str], tmp_path: Path) -> None:
    data_dir, stream = session
    good = {"session": stream, "practitioner": "KM", "reason": REASON, "moves": ["1=chin"], "client": None}
    wrong: list[Json] = [{"moves": "1=chin"}, {"moves": [1]}, {"moves": []}, {"client": 7}, {"reason": None}]
    wrong += [{"practitioner": "recorder"}, {"reason": " "}, {"moves": ["1=chinn"]}, {"session": ["s-"]}]
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        for each in wrong:
            reply = ask(data_dir, {"command": "attribute", **good, **each})
            assert (reply["ok"], reply["exit_code"]) == (False, 2), reply
        assert ask(data_dir, {"command": "attribute", **good})["derivation"] == 2
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert_whole(data_dir)


# --- privacy ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R27")
def test_neither_reason_nor_code_is_in_the_evidence(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    attribute(data_dir, stream, "--client", "Qx-7731", reason="Zebra am Fenster").succeeded()
    with database(data_dir) as connection:
        every = [
            row[0] for table in ("ledger_entry", "document") for row in connection.execute(f"SELECT bytes FROM {table}")
        ]
        every += [zlib.decompress(row[0]) for row in connection.execute("SELECT blob FROM chunk")]
        assert connection.execute("SELECT text FROM note").fetchall() == [("Zebra am Fenster",)]
    for word in (b"Zebra", b"Fenster", b"Qx-7731"):
        assert not any(word in data for data in every)


def test_a_reason_and_a_client_that_were_erased(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    attribute(data_dir, stream, *SWAP, "--client", "P-118").succeeded()
    with plain(data_dir / "devicelog.db") as connection:
        connection.execute("DELETE FROM note")
        connection.execute("DELETE FROM client WHERE code = 'P-118'")
    text = devicelog("sessions", "show", stream, data_dir=data_dir).succeeded().stdout
    assert "(the reason was erased)" in text
    assert "client        erased (c-" in text
    told = shown(data_dir, stream)
    assert (told["attribution"]["reason"], told["client"]) == (None, None)
    assert_whole(data_dir)


# --- altered by hand --------------------------------------------------------------------------------------------------

EDITS: dict[str, tuple[str, str]] = {
    "a zone": ('"zone":"cheek.left"', '"zone":"cheek.leff"'),
    "the number": ('"number":2', '"number":3'),
    "the type": ('"session.attributed"', '"session.attributes"'),
    "no JSON": ('{"actor"', '["actor"'),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_entry_edited_by_hand_is_found_and_located(edit: tuple[str, str], session: tuple[Path, str]) -> None:
    data_dir, stream = session
    attribute(data_dir, stream, *SWAP).succeeded()
    place = f"ledger entry {change_attribution(data_dir, *edit)}"
    devicelog("sessions", "show", stream, data_dir=data_dir).refused(3, place)
    devicelog("replay", stream, data_dir=data_dir).refused(3, place)
    attribute(data_dir, stream, "--move", "1=chin").refused(3, place)
    told = devicelog("verify", "--all", data_dir=data_dir)
    assert told.code == 3
    assert f"ALTERED: {place} was changed" in told.stdout


def test_an_entry_that_says_another_session(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    attribute(data_dir, stream, *SWAP).succeeded()
    place = f"ledger entry {change_attribution(data_dir, stream, 's-zzzzzzzzzz')}"
    devicelog("sessions", "show", stream, data_dir=data_dir).refused(3, place)
    spoil(data_dir / "devicelog.db", "UPDATE stream SET derivations = 3")
    assert devicelog("verify", stream, data_dir=data_dir).code == 3


def test_a_forged_derived_record_is_found(session: tuple[Path, str]) -> None:
    data_dir, stream = session
    path = data_dir / "devicelog.db"
    attribute(data_dir, stream, *SWAP).succeeded()
    digest = shown(data_dir, stream)["derived"]
    [(kept,)] = rows(path, "SELECT bytes FROM document WHERE sha256 = ?", bytes.fromhex(digest))
    values: dict[str, Any] = parse_canonical(kept)
    values["facts"]["zones"][0]["glides"] += 1
    forged = canonical(values)

    spoil(path, ("UPDATE document SET bytes = ? WHERE sha256 = ?", (forged, bytes.fromhex(digest))))
    told = devicelog("verify", stream, data_dir=data_dir)
    assert (told.code, f"document {digest} was changed" in told.stdout) == (3, True)
    devicelog("sessions", "show", stream, data_dir=data_dir).refused(3, f"document {digest} was changed")
    devicelog("replay", stream, data_dir=data_dir).refused(3, digest)

    spoil(path, ("UPDATE document SET sha256 = ? WHERE bytes = ?", (sha256(forged).digest(), forged)))
    told = devicelog("verify", stream, data_dir=data_dir)
    assert (told.code, f"the derived document of {stream} is missing: {digest}" in told.stdout) == (3, True)

    # and the entry with its leaf: the database agrees with itself, and the evidence does not
    def name_the_forged(history: History) -> None:
        for row in history.rows:
            if row.body.get("derived") == digest:
                row.body["derived"] = sha256(forged).hexdigest()

    rewrite(path, name_the_forged, Strength.CHAIN)
    assert_whole(data_dir)
    told = devicelog("replay", stream, data_dir=data_dir)
    assert told.code == 3
    assert told.stdout.count("identical: ") == 1
    assert f"NOT IDENTICAL: {stream}, derivation 2" in told.stdout
    assert devicelog("replay", stream, "--json", data_dir=data_dir).json()["ok"] is False
