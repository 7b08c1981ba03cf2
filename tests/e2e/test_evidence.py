"""A session on its way to an auditor: sealed, signed, witnessed, handed out, checked with nothing of ours installed."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from devicelog import verify as verify_module
from devicelog.ledger.note import Signature, VerifierKey
from devicelog.ledger.witness import WitnessFile
from devicelog.ledger.witness import cosigned as with_line
from devicelog.recorder.attributing import AttributeCommand, attribute_here
from tests.databases import spoil
from tests.e2e.running import (
    ROOT,
    Json,
    PtyPen,
    Running,
    devicelog,
    entries,
    recording,
    samples,
    shared,
    shown,
    streams,
)
from tests.environment import environment
from tests.oracles import needed

CODE = "P-117"  # of the client in `record_one`
SHAPES = "bag,csv,jsonl,fhir,html"
OLD = ROOT / "tests" / "data" / "databases"


def record_one(directory: Path) -> None:
    """A session with a zone and a note, its pin, and a bag of it in every shape."""
    data_dir = directory / "data"
    record(data_dir, directory / "pen")
    devicelog("checkpoint", "key", "--to", directory / "pin", data_dir=data_dir).succeeded()
    stream = streams(data_dir, "session")[0]
    devicelog("export", stream, "--to", directory / "bag", "--format", SHAPES, data_dir=data_dir).succeeded()


def record(data_dir: Path, link: Path, *more: str) -> None:
    with PtyPen(link) as pen, recording(data_dir, pen.link, *more) as command:
        pen.introduce(command)
        devicelog("mark", "zone", "forehead", data_dir=data_dir).succeeded()
        pen.send(*samples(0, 20))
        devicelog("mark", "note", "cold spray at", "14:10", data_dir=data_dir).succeeded()
        command.send(signal.SIGINT)
        command.end().succeeded()


@pytest.fixture
def handed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `data`, `pin` and `bag` to do with as one likes."""
    kept = shared(tmp_path_factory, "handed", record_one)
    for name in ("data", "bag"):
        shutil.copytree(kept / name, tmp_path / name, ignore=shutil.ignore_patterns("*.sock"))
    shutil.copy(kept / "pin", tmp_path / "pin")
    return tmp_path


def alone(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """verify.py by itself: an isolated Python that finds nothing of ours."""
    program = Path(str(verify_module.__file__))
    called = [sys.executable, "-I", "-S", str(program), *map(str, words)]
    return subprocess.run(called, capture_output=True, text=True, env=environment(), timeout=60)


def types(data_dir: Path) -> list[str]:
    return [entry["type"] for entry in entries(data_dir)]


# --- sealed -----------------------------------------------------------------------------------------------------------


def test_a_session_is_sealed_when_it_ends(handed: Path) -> None:
    data_dir = handed / "data"
    said = types(data_dir)
    order = ["log.created", "log.commissioned", "session.closed", "stream.sealed", "package.written", "export.made"]
    assert [type_ for type_ in said if type_ in order] == order
    stream = streams(data_dir, "session")[0]
    assert sorted(path.name for path in (data_dir / "packages").iterdir()) == [
        f"{stream}.package.zip",
        f"{stream}.private.json",
    ]
    assert alone(data_dir / "packages" / f"{stream}.package.zip", "--key", handed / "pin").returncode == 0
    told = devicelog("verify", "--all", data_dir=data_dir).succeeded()
    assert f"signed by this device: the first {len(said)} entries, which is all" in told.stdout
    assert "outside witness: none" in told.stdout


def test_what_was_killed_is_sealed_with_the_next_one(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        command.send(signal.SIGKILL)
        command.end()
    assert "stream.sealed" not in types(data_dir)
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link, "--duration", "0.3") as command:
        pen.introduce(command)
        command.end().succeeded()
    assert types(data_dir).count("package.written") == 2
    devicelog("verify", "--all", data_dir=data_dir).succeeded()


def test_sessions_of_an_earlier_version_are_sealed_when_that_is_asked(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    shutil.copy(OLD / "0.3.0.db", data_dir / "devicelog.db")
    devicelog("db", "upgrade", data_dir=data_dir).succeeded()
    first = devicelog("sessions", "seal", "--all", "--json", data_dir=data_dir).succeeded().json()
    assert len(first["sealed"]) == 2
    assert devicelog("sessions", "seal", "--all", data_dir=data_dir).succeeded().stdout == (
        "every session that has ended is sealed\n"
    )
    devicelog("checkpoint", "key", "--to", tmp_path / "pin", data_dir=data_dir).succeeded()
    for each in first["sealed"]:
        assert alone(each["package"], "--key", tmp_path / "pin").returncode == 0


def test_a_session_is_recorded_where_nobody_signs_and_sealed_later(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    nobody = str(tmp_path / "nobody.sock")
    words = ("--duration", "0.3")
    with (
        PtyPen(tmp_path / "pen") as pen,
        recording(data_dir, pen.link, *words, DEVICELOG_SIGNER=nobody) as command,
    ):
        pen.introduce(command)
        ended = command.end().succeeded()
    assert "recorded, and not sealed" in ended.stderr
    assert "devicelog sessions seal" in ended.stderr
    assert "package.written" not in types(data_dir)
    refused = devicelog("sessions", "seal", "--all", data_dir=data_dir, DEVICELOG_SIGNER=nobody)
    refused.refused(5, "nobody.sock")
    devicelog("sessions", "seal", "--all", data_dir=data_dir).succeeded()
    assert types(data_dir).count("stream.sealed") == 1
    devicelog("verify", "--all", data_dir=data_dir).succeeded()


def test_an_open_session_is_neither_sealed_nor_handed_out(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with PtyPen(tmp_path / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        stream = streams(data_dir, "session")[0]
        devicelog("sessions", "seal", stream, data_dir=data_dir).refused(2, "still being recorded")
        devicelog("export", stream, "--to", tmp_path / "bag", data_dir=data_dir).refused(2, "still being recorded")
    assert not (tmp_path / "bag").exists()


# --- handed out -------------------------------------------------------------------------------------------------------


def test_a_bag_is_checked_with_nothing_of_ours(handed: Path) -> None:
    verified = alone(handed / "bag", "--key", handed / "pin")
    assert (verified.returncode, verified.stdout.splitlines()[0][:8]) == (0, "VERIFIED"), verified
    assert alone(handed / "bag").returncode == 7
    assert devicelog("verify", handed / "bag", "--key", handed / "pin").succeeded().stdout == verified.stdout
    assert devicelog("verify", handed / "bag").code == 7


def test_any_one_edit_shows(handed: Path) -> None:
    files = sorted(path for path in (handed / "bag").rglob("*") if path.is_file())
    assert {path.suffix for path in files} >= {".csv", ".jsonl", ".json", ".html", ".bin", ".txt", ".sig"}
    for path in files:
        before = path.read_bytes()
        at = len(before) // 2
        path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :] if before else b" ")
        code = verify_module.main([str(handed / "bag"), "--key", str(handed / "pin")])
        assert code == 3, path
        path.write_bytes(before)
    assert verify_module.main([str(handed / "bag"), "--key", str(handed / "pin")]) == 0


def test_the_recipe_of_the_page_agrees(handed: Path, tmp_path: Path) -> None:
    for program in ("openssl", "ssh-keygen", "sha256sum"):
        needed(program)
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    recipe = tmp_path / "recipe.sh"
    recipe.write_text(page.partition("```sh recipe\n")[2].partition("```")[0], encoding="utf-8")

    def run() -> int:
        called = ["sh", str(recipe), str(handed / "bag"), str(handed / "pin")]
        return subprocess.run(called, capture_output=True, env=environment(), timeout=120).returncode

    assert run() == 0
    entry = next((handed / "bag").glob("data/sessions/*/entries.jsonl"))
    entry.write_bytes(entry.read_bytes().replace(b'"session.closed"', b'"session.cl0sed"'))
    assert run() != 0


def test_nothing_of_another_session_is_in_a_bag(handed: Path) -> None:
    data_dir = handed / "data"
    record(data_dir, handed / "pen", "--client", "Q-999")
    first, second = streams(data_dir, "session")
    devicelog("export", second, "--to", handed / "other", "--format", SHAPES, data_dir=data_dir).succeeded()
    refs = {row["id"]: row["client_ref"] for row in (shown(data_dir, each) for each in (first, second))}
    for path in (handed / "other").rglob("*"):
        assert first not in str(path)
        if path.is_file():
            content = path.read_bytes()
            for word in (first, refs[first], shown(data_dir, first)["client"]):
                assert word.encode() not in content, path


def test_a_recipient_is_told_a_name_of_his_own(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    session = shown(data_dir, stream)
    called = {}
    for recipient in ("insurer-1", "insurer-2", "insurer-1"):
        target = handed / f"for-{recipient}-{len(called)}"
        words = ("--redact", "--recipient", recipient, "--format", "csv,fhir,html")
        devicelog("export", stream, "--to", target, *words, data_dir=data_dir).succeeded()
        for path in target.rglob("*"):
            if path.is_file():
                content = path.read_text(encoding="utf-8")
                for word in (session["client"], session["client_ref"], "cold spray"):
                    assert word not in content, path
        bundle = json.loads((target / "fhir" / "bundle.json").read_text(encoding="utf-8"))
        patient = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
        called.setdefault(recipient, set()).add(patient["identifier"][0]["value"])
    assert all(len(names) == 1 for names in called.values())
    assert called["insurer-1"] != called["insurer-2"]
    made = [entry["body"] for entry in entries(data_dir) if entry["type"] == "export.made"]
    assert [body["recipient"] for body in made[1:]] == ["insurer-1", "insurer-2", "insurer-1"]


@pytest.mark.requirement("R22")
def test_in_a_whole_export_to_a_recipient_the_clinics_code_is_nowhere(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    correct(data_dir, stream, "--client", "R-4477")
    words = ("--recipient", "LAB-1", "--format", SHAPES)
    devicelog("export", stream, "--to", handed / "lab", *words, data_dir=data_dir).succeeded()
    for path in (handed / "lab").rglob("*"):
        if path.is_file():
            for code in (CODE, "R-4477"):
                assert code.encode() not in path.read_bytes(), path
    assert handed_texts(handed / "lab", stream) == ([], ["cold spray at 14:10", "it was the chin"])
    assert alone(handed / "lab", "--key", handed / "pin").returncode == 0


def test_of_a_corrected_session_only_the_newest_client_is_handed_out(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    correct(data_dir, stream, "--client", "R-4477")
    devicelog("export", stream, "--to", handed / "after", "--format", SHAPES, data_dir=data_dir).succeeded()
    assert handed_texts(handed / "after", stream)[0] == ["R-4477"]
    for path in (handed / "after").rglob("*"):
        assert not path.is_file() or CODE.encode() not in path.read_bytes(), path
    assert alone(handed / "after", "--key", handed / "pin").returncode == 0


def test_what_was_erased_is_in_no_bag_whatever_lies_in_packages(handed: Path) -> None:
    """An old copy that is put back under a recorder that runs: nobody opens the ledger anew, who would look for it."""
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    file = data_dir / "packages" / f"{stream}.private.json"
    old = file.read_bytes()
    who = ("--practitioner", "KM", "--reason", "in writing")
    devicelog("clients", "retention", "--days", "0", *who, data_dir=data_dir).succeeded()
    with PtyPen(handed / "pen") as pen, recording(data_dir, pen.link, "--client", "Q-999") as command:
        pen.introduce(command)
        devicelog("clients", "erase", CODE, *who, "--yes", data_dir=data_dir).succeeded()
        file.write_bytes(old)
        devicelog("export", stream, "--to", handed / "erased", "--format", SHAPES, data_dir=data_dir).succeeded()
        pen.send(*samples(0, 20))
        command.send(signal.SIGINT)
        command.end().succeeded()
    for path in (handed / "erased").rglob("*"):
        for text in (CODE, "cold spray"):
            assert not path.is_file() or text.encode() not in path.read_bytes(), path
    assert not (handed / "erased" / "data" / "sessions" / stream / "private.json").exists()
    assert alone(handed / "erased", "--key", handed / "pin").returncode == 0


def test_a_correction_that_was_cut_off_is_taken_up(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    later = data_dir / "packages" / f"{stream}.later.zip"
    cut_off(data_dir, stream, "forehead", "chin")
    assert not later.exists()
    told = devicelog("verify", "--all", data_dir=data_dir).succeeded().stdout
    assert f"not yet beside the package, or that cannot be read: {stream}" in told
    assert coverage(data_dir)["corrections_not_beside_their_packages"] == [stream]
    seal = ("sessions", "seal", "--all")
    assert f"{stream}: a correction that was cut off" in devicelog(*seal, data_dir=data_dir).succeeded().stderr
    assert alone(later, "--key", handed / "pin").returncode == 0
    assert coverage(data_dir)["corrections_not_beside_their_packages"] == []
    known = entries(data_dir)
    devicelog(*seal, data_dir=data_dir).succeeded()
    assert entries(data_dir) == known, "where nothing was cut off nothing is entered"
    cut_off(data_dir, stream, "chin", "nose")  # now there is a later package, of the correction before
    devicelog(*seal, data_dir=data_dir).succeeded()
    session = shown(data_dir, stream)
    assert session["derivation"] == 3, session
    words = ("--from", data_dir / "packages")
    devicelog("db", "rebuild", *words, data_dir=handed / "anew").succeeded()
    assert shown(handed / "anew", stream) == session


def test_the_end_of_a_recording_and_an_export_take_up_a_correction(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    later = data_dir / "packages" / f"{stream}.later.zip"
    cut_off(data_dir, stream, "forehead", "chin")
    devicelog("export", stream, "--to", handed / "after", data_dir=data_dir).succeeded()
    assert alone(later, "--key", handed / "pin").returncode == 0
    later.unlink()
    record(data_dir, handed / "pen")
    assert alone(later, "--key", handed / "pin").returncode == 0


def test_a_damaged_package_is_told_and_nothing_is_entered_or_written_over(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    later = data_dir / "packages" / f"{stream}.later.zip"
    correct(data_dir, stream)
    damaged = later.read_bytes()[:-30]
    later.write_bytes(damaged)
    known = entries(data_dir)
    devicelog("sessions", "seal", "--all", data_dir=data_dir).refused(3, f"{stream}.later.zip")
    assert (later.read_bytes(), entries(data_dir)) == (damaged, known)


def correct(data_dir: Path, stream: str, *more: str) -> None:
    words = ("--practitioner", "KM", "--reason", "it was the chin", "--move", "forehead=chin", *more)
    devicelog("sessions", "attribute", stream, *words, data_dir=data_dir).succeeded()


def cut_off(data_dir: Path, stream: str, was: str, zone: str) -> None:
    """A correction by a command that is killed when its entry is on disk."""
    command = AttributeCommand(
        session=stream, practitioner="KM", reason="it was another", moves=((was, zone),), client_code=None
    )
    assert attribute_here(data_dir, command)["ok"]


def handed_texts(bag: Path, stream: str) -> tuple[list[str], list[str]]:
    told = json.loads((bag / "data" / "sessions" / stream / "private.json").read_text(encoding="utf-8"))
    return [row["code"] for row in told["clients"]], sorted(row["text"] for row in told["notes"])


def test_what_came_later_goes_with_it(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    words = ("--practitioner", "KM", "--reason", "it was the chin", "--move", "forehead=chin")
    devicelog("sessions", "attribute", stream, *words, data_dir=data_dir).succeeded()
    later = data_dir / "packages" / f"{stream}.later.zip"
    told = alone(later, "--key", handed / "pin")
    assert told.returncode == 0, told
    devicelog("export", stream, "--to", handed / "after", data_dir=data_dir).succeeded()
    told = alone(handed / "after", "--key", handed / "pin")
    assert (told.returncode, "later entries: 1" in told.stdout) == (0, True), told
    lines = (handed / "after" / "data" / "sessions" / stream / "later" / "entries.jsonl").read_text(encoding="utf-8")
    assert json.loads(lines)["type"] == "session.attributed"


def test_while_somebody_records_the_recorder_does_it(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    with PtyPen(handed / "pen") as pen, recording(data_dir, pen.link) as command:
        pen.introduce(command)
        devicelog("export", stream, "--to", handed / "meanwhile", data_dir=data_dir).succeeded()
        devicelog("checkpoint", "sign", data_dir=data_dir).succeeded()
        pen.send(*samples(0, 20))
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert alone(handed / "meanwhile", "--key", handed / "pin").returncode == 0
    devicelog("verify", "--all", data_dir=data_dir).succeeded()


def test_a_witness_can_be_required(handed: Path) -> None:
    words = (handed / "bag", "--key", handed / "pin", "--require-witness")
    told = alone(*words)
    assert (told.returncode, "one is required" in told.stdout) == (7, True), told
    assert alone(*words, "--witness", handed / "bag" / "data" / "checkpoint").returncode == 0
    assert devicelog("verify", *words).code == 7


def test_two_at_once_wait_for_each_other(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    targets = [handed / f"at-once-{number}" for number in range(3)]
    with ExitStack() as stack:
        commands = [
            stack.enter_context(Running("export", stream, "--to", target, data_dir=data_dir)) for target in targets
        ]
        for command in commands:
            command.end().succeeded()
    for target in targets:
        assert alone(target, "--key", handed / "pin").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_is_stopped_leaves_nothing(number: signal.Signals, handed: Path) -> None:
    stream, target = streams(handed / "data", "session")[0], handed / "out" / "bag"
    target.parent.mkdir()
    with Running("export", stream, "--to", target, "--format", f"{SHAPES},pdf", data_dir=handed / "data") as command:
        command.wait_until(lambda: any(target.parent.iterdir()), "something to be written")
        command.send(number)
        ended = command.end()
    if ended.code == 0:
        assert list(target.parent.iterdir()) == [target]  # it was quicker
    else:
        assert (ended.code, list(target.parent.iterdir())) == (130, []), ended
        assert "nothing was handed out" in ended.stderr


# --- out of the house -------------------------------------------------------------------------------------------------


def coverage(data_dir: Path, *words: str | Path) -> Json:
    covered: Json = devicelog("verify", "--all", "--json", *words, data_dir=data_dir).succeeded().json()["coverage"]
    return covered


def test_a_stick_and_a_laptop_hold_it(handed: Path) -> None:
    data_dir, stick = handed / "data", handed / "witness.json"
    devicelog("checkpoint", "witness", stick, data_dir=data_dir).succeeded()
    vkey = devicelog("checkpoint", "witness-key", "--key", handed / "laptop", "--name", "audit.example").succeeded()
    (handed / "vkey").write_text(vkey.stdout, encoding="ascii")
    cosign = ("checkpoint", "cosign", stick, "--key", handed / "laptop", "--name", "audit.example")
    devicelog(*cosign, "--pin", handed / "pin").succeeded()
    before = coverage(data_dir, "--witness", handed / "vkey")
    assert before["outside_witness"] is None, "the signature is on the stick and not yet here"
    unknown = devicelog("checkpoint", "witness", stick, data_dir=data_dir).succeeded()
    assert "not taken over: no key was given for audit.example" in unknown.stdout
    assert coverage(data_dir, "--witness", handed / "vkey")["outside_witness"] is None
    given = ("--witness-key", handed / "vkey")
    told = devicelog("checkpoint", "witness", stick, *given, data_dir=data_dir).succeeded()
    assert "taken over: 1 signature of audit.example" in told.stdout
    held = coverage(data_dir, "--witness", handed / "vkey")["outside_witness"]
    assert held["name"] == "audit.example"
    assert held["time_s"] > 1_700_000_000
    assert coverage(data_dir)["outside_witness"] is None, "nothing in the file says whom to trust"
    assert coverage(data_dir, "--witness", stick)["outside_witness"]["size"] >= held["size"]
    stream = streams(data_dir, "session")[0]
    one = devicelog("verify", stream, "--witness", handed / "vkey", data_dir=data_dir).succeeded().stdout
    assert f"every entry of {stream} was held outside by audit.example" in one
    assert "0 days ago" in one
    require = ("verify", "--all", "--require-witness")
    assert devicelog(*require, data_dir=data_dir).code == 7
    devicelog(*require, "--witness", handed / "vkey", data_dir=data_dir).succeeded()


def test_a_forged_witness_is_not_taken_over(handed: Path) -> None:
    data_dir, stick = handed / "data", handed / "witness.json"
    devicelog("checkpoint", "witness", stick, data_dir=data_dir).succeeded()
    made = devicelog("checkpoint", "witness-key", "--key", handed / "laptop", "--name", "regulator.example").succeeded()
    (handed / "vkey").write_text(made.stdout, encoding="ascii")
    key = VerifierKey.parse(made.stdout.strip())
    forged = Signature(name=key.name, key_id=key.key_id, data=bytes(72))
    file = with_line(WitnessFile.parse(stick.read_bytes()), forged)
    assert isinstance(file, WitnessFile)
    stick.write_bytes(file.data())
    told = devicelog("checkpoint", "witness", stick, data_dir=data_dir).succeeded()
    assert "not taken over: no key was given for regulator.example" in told.stdout
    told = devicelog("checkpoint", "witness", stick, "--witness-key", handed / "vkey", data_dir=data_dir)
    told.refused(3, "says it is of regulator.example, and is not")
    assert "regulator.example" not in devicelog("checkpoint", "show", data_dir=data_dir).succeeded().stdout
    new = handed / "new"
    said = devicelog("checkpoint", "continue", "--from", stick, data_dir=new).succeeded().stdout
    assert "outside witness of that: none whose signature was checked" in said
    assert "no key was given for regulator.example" in said
    [entry] = [each for each in entries(new) if each["type"] == "log.continued"]
    assert entry["body"]["witness"] is None
    words = ("checkpoint", "continue", "--from", stick, "--witness-key", handed / "vkey")
    devicelog(*words, data_dir=handed / "other").refused(3, "regulator.example is not of its key")
    assert not (handed / "other").exists()
    devicelog("checkpoint", "witness", stick, "--witness-key", handed / "pin", data_dir=data_dir).refused(
        2, "no witness"
    )
    devicelog("verify", "--all", data_dir=data_dir).succeeded()


def test_what_was_kept_earlier_is_compared_with_a_bag(handed: Path) -> None:
    data_dir, kept = handed / "data", handed / "kept"
    kept.write_text(devicelog("checkpoint", "show", data_dir=data_dir).succeeded().stdout, encoding="utf-8")
    stick = handed / "witness.json"
    devicelog("checkpoint", "witness", stick, data_dir=data_dir).succeeded()
    record(data_dir, handed / "pen")
    stream = streams(data_dir, "session")[1]
    devicelog("export", stream, "--to", handed / "later", data_dir=data_dir).succeeded()
    words = (handed / "later", "--key", handed / "pin")
    told = alone(*words, "--witness", kept)
    assert (told.returncode, "are those of the checkpoint that you hold in" in told.stdout) == (0, True), told
    assert alone(*words, "--witness", stick, "--require-witness").returncode == 0
    other = kept.read_text(encoding="utf-8").splitlines()
    note = "\n".join([other[0], other[1], "A" + other[2][1:], *other[3:]]) + "\n"
    kept.write_text(note, encoding="utf-8")
    assert alone(*words, "--witness", kept).returncode != 0


def test_an_older_copy_in_its_place_is_found_by_a_stick(handed: Path) -> None:
    data_dir, stick = handed / "data", handed / "witness.json"
    shutil.copytree(data_dir, handed / "older")
    record(data_dir, handed / "pen")
    devicelog("checkpoint", "witness", stick, data_dir=data_dir).succeeded()
    shutil.rmtree(data_dir)
    shutil.copytree(handed / "older", data_dir)  # with the signer's memory: nothing here can know
    devicelog("verify", "--all", data_dir=data_dir).succeeded()
    told = devicelog("verify", "--all", "--witness", stick, data_dir=data_dir)
    assert (told.code, "the ledger was cut off or an older copy" in told.stdout) == (3, True), told
    held = stick.read_bytes()
    devicelog("checkpoint", "witness", stick, data_dir=data_dir).refused(3, "entries were taken away", "stays as it is")
    assert stick.read_bytes() == held


def test_an_older_database_under_the_same_signer_is_not_signed(handed: Path) -> None:
    data_dir = handed / "data"
    shutil.copy(data_dir / "devicelog.db", handed / "older.db")
    record(data_dir, handed / "pen")
    for name in ("devicelog.db-wal", "devicelog.db-shm"):
        (data_dir / name).unlink(missing_ok=True)
    shutil.copy(handed / "older.db", data_dir / "devicelog.db")
    devicelog("checkpoint", "sign", data_dir=data_dir).refused(3, "were signed")
    with PtyPen(handed / "pen") as pen, recording(data_dir, pen.link, "--duration", "0.3") as command:
        pen.introduce(command)
        ended = command.end().succeeded()
    assert "recorded, and not sealed" in ended.stderr
    devicelog("checkpoint", "sign", data_dir=data_dir).refused(3)


def test_a_pin_of_another_device_is_told(handed: Path) -> None:
    record(handed / "second", handed / "pen")
    devicelog("checkpoint", "key", "--to", handed / "other", data_dir=handed / "second").succeeded()
    told = devicelog("verify", "--all", "--key", handed / "other", data_dir=handed / "data")
    assert (told.code, "another one, or one put in its place" in told.stdout) == (7, True)
    devicelog("verify", "--all", "--key", handed / "pin", data_dir=handed / "data").succeeded()


def test_packages_are_looked_at_with_the_database(handed: Path) -> None:
    data_dir = handed / "data"
    stream = streams(data_dir, "session")[0]
    package = data_dir / "packages" / f"{stream}.package.zip"
    told = devicelog("verify", "--all", data_dir=data_dir).succeeded().stdout
    assert "1 packages beside the database are those that the ledger names" in told
    content = package.read_bytes()
    package.write_bytes(content[:-1] + b"\1")
    told = devicelog("verify", "--all", data_dir=data_dir)
    assert (told.code, "is not the one that the ledger names" in told.stdout) == (3, True)
    package.unlink()
    told = devicelog("verify", "--all", data_dir=data_dir).succeeded().stdout
    assert f"packages that are not there: {stream}" in told


def test_texts_that_somebody_deleted_are_not_called_erased(handed: Path) -> None:
    data_dir = handed / "data"
    with closing(sqlite3.connect(data_dir / "devicelog.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM note")
    told = devicelog("verify", "--all", data_dir=data_dir).succeeded().stdout
    assert "1 private texts are missing, and no entry says that they were erased" in told


def test_a_database_that_is_gone_is_told_with_what_is_left(handed: Path) -> None:
    data_dir = handed / "data"
    for path in data_dir.glob("devicelog.db*"):
        path.unlink()
    told = devicelog("sessions", "list", data_dir=data_dir)
    told.refused(6, f"db rebuild --from {data_dir / 'packages'}", f"{data_dir}-new")


def test_a_ledger_that_was_cut_off_is_not_made_anew(handed: Path) -> None:
    data_dir = handed / "data"
    spoil(data_dir / "devicelog.db", "DELETE FROM ledger_entry WHERE seq = (SELECT max(seq) FROM ledger_entry)")
    told = devicelog("verify", "--all", data_dir=data_dir)
    assert (told.code, "the ledger was cut off" in told.stdout, "rebuild" in told.stdout) == (3, True, False)
    devicelog("db", "rebuild", data_dir=data_dir).refused(3, "Making it anew would hide that")


def test_the_key_is_never_written_over(handed: Path) -> None:
    again = devicelog("checkpoint", "key", "--to", handed / "pin", data_dir=handed / "data")
    again.refused(2, "exists; nothing was written over it")
    printed = devicelog("checkpoint", "key", data_dir=handed / "data").succeeded().stdout
    assert printed == (handed / "pin").read_text(encoding="ascii")


def test_the_head_as_a_picture_of_letters(handed: Path) -> None:
    told = devicelog("checkpoint", "show", "--qr", data_dir=handed / "data").succeeded().stdout
    note = devicelog("checkpoint", "show", "--json", data_dir=handed / "data").succeeded().json()["note"]
    assert told.startswith(note)
    assert zxing(told[len(note) :].strip("\n").split("\n")) == note.encode()


def zxing(lines: list[str]) -> bytes:
    """What a reader of codes sees in a terminal that writes light on dark."""
    import zxingcpp

    light = {"\u2588": (255, 255), "\u2580": (255, 0), "\u2584": (0, 255), " ": (0, 0)}
    rows = [bytes(light[each][half] for each in line for _ in range(4)) for line in lines for half in (0, 1)]
    pixels = b"".join(row * 4 for row in rows)
    picture = memoryview(pixels).cast("B", shape=[4 * len(rows), len(rows[0])])
    (found,) = zxingcpp.read_barcodes(picture)
    return bytes(found.bytes)
