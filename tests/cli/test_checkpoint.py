"""`checkpoint witness-key` and `checkpoint cosign`, as an auditor types them on a computer without a database."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.keys import SigningKey, verified
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.proofs import consistency_proof
from devicelog.ledger.witness import WitnessFile, advance, begin, cosignatures
from tests.environment import environment
from tests.ledger.logs import LOG, head, leaves
from tests.pages import block

GENUINE = leaves(20)
NAME = "auditor.example"


def devicelog(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devicelog", *map(str, words)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=cwd,
        timeout=60,
    )


@pytest.fixture
def stick(tmp_path: Path) -> tuple[Path, "Log"]:
    log = Log(tmp_path / "device")
    path = tmp_path / "witness.json"
    path.write_bytes(log.file(9).data())
    return path, log


class Log:
    def __init__(self, folder: Path) -> None:
        self._key = SigningKey.create(folder / "key")
        self.vkey = VerifierKey(name=LOG, algorithm=ED25519, public=self._key.public)

    def note(self, size: int, of: list[bytes]) -> SignedNote:
        body = Checkpoint(origin=LOG, size=size, root=head(of, size).root).body()
        return SignedNote(text=body, signatures=(log_signature(self.vkey, self._key.sign(body.encode())),))

    def file(self, size: int, of: list[bytes] = GENUINE) -> WitnessFile:
        file = begin(self.vkey, self.note(size, of), verified)
        assert isinstance(file, WitnessFile)
        return file

    def moved(self, path: Path, size: int) -> None:
        file = WitnessFile.parse(path.read_bytes())
        new = advance(file, self.note(size, GENUINE), consistency_proof(GENUINE, file.head.size, size), verified)
        assert isinstance(new, WitnessFile)
        path.write_bytes(new.data())


def cosign(path: Path, *more: str | Path, name: str = NAME) -> subprocess.CompletedProcess[str]:
    return devicelog("checkpoint", "cosign", path, "--key", "key", "--name", name, *more, cwd=path.parent)


def test_a_stick_goes_to_and_fro(stick, tmp_path):
    path, log = stick
    made = devicelog("checkpoint", "witness-key", "--key", "key", "--name", NAME, cwd=tmp_path)
    key = VerifierKey.parse(made.stdout.strip())
    assert (tmp_path / "key" / "witness.key").stat().st_mode & 0o777 == 0o400
    done = cosign(path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"cosigned: {LOG}, 9 entries, root {head(GENUINE, 9).root.hex()}\n"
    assert "nothing vouched for" in done.stderr
    assert log.vkey.text() in done.stderr
    log.moved(path, 14)
    done = cosign(path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["entries"] == 14
    seen = cosignatures(WitnessFile.parse(path.read_bytes()), key, verified)
    assert [each.size for each, _ in seen] == [9, 14]
    before = path.read_bytes()
    assert cosign(path).stdout.startswith("was cosigned already: ")
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.requirement("R21")
def test_a_file_that_was_rolled_back_or_forked_is_not_touched(stick, tmp_path):
    path, log = stick
    assert devicelog("checkpoint", "witness-key", "--key", "key", "--name", NAME, cwd=tmp_path).returncode == 0
    assert cosign(path).returncode == 0
    for file in (log.file(5), log.file(9, leaves(20, fork_at=6)), log.file(14)):
        path.write_bytes(file.data())
        done = cosign(path)
        assert done.returncode == 3
        assert done.stderr.startswith("error: the file ")
        assert path.read_bytes() == file.data()


@pytest.mark.parametrize("what", ["no file", "no key", "damaged", "other name", "other pin", "no pin", "a folder"])
def test_bad_input(stick, tmp_path, what):
    path, _ = stick
    if what != "no key":
        devicelog("checkpoint", "witness-key", "--key", "key", "--name", NAME, cwd=tmp_path)
    before = path.read_bytes()
    pin = tmp_path / "pin"
    pin.write_text(
        "not a pin"
        if what == "no pin"
        else Pin(
            log=LOG,
            first=GENUINE[0],
            bags=bytes([1] * 32),
            checkpoints=VerifierKey(name=LOG, algorithm=ED25519, public=bytes([2] * 32)),
        ).text()
    )
    run, code, words = {
        "no file": (lambda: cosign(tmp_path / "gone"), 6, "there is no file"),
        "no key": (lambda: cosign(path), 6, "checkpoint witness-key"),
        "damaged": (lambda: cosign(damaged(path)), 3, "not a witness file, or is damaged"),
        "other name": (lambda: cosign(path, name="other"), 2, "is called 'auditor.example'"),
        "other pin": (lambda: cosign(path, "--pin", pin), 3, "another device"),
        "no pin": (lambda: cosign(path, "--pin", pin), 2, "this is not a pin"),
        "a folder": (lambda: cosign(tmp_path), 5, "cannot be read"),
    }[what]
    done = run()
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == before


def damaged(path: Path) -> Path:
    copy = path.with_name("damaged.json")
    copy.write_bytes(path.read_bytes()[:-20])
    return copy


def test_a_stick_that_cannot_be_written_is_told(stick, tmp_path):
    path, _ = stick
    if os.getuid() == 0:
        pytest.skip("root writes anywhere")
    devicelog("checkpoint", "witness-key", "--key", "key", "--name", NAME, cwd=tmp_path)
    path.parent.chmod(0o500)
    try:
        assert cosign(path).returncode == 5
    finally:
        path.parent.chmod(0o700)


def test_the_example_of_the_page_runs(stick, tmp_path):
    path, log = stick
    (tmp_path / "stick").mkdir()
    path.rename(tmp_path / "stick" / "witness.json")
    bags = SigningKey.create(tmp_path / "bags").public
    (tmp_path / "pin.txt").write_text(Pin(log=LOG, first=GENUINE[0], checkpoints=log.vkey, bags=bags).text())
    lines = block("signer.md", "console cosign").splitlines()
    assert len(lines) == 2
    for line in lines:
        done = devicelog(*shlex.split(line.removeprefix("$ devicelog ")), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), line
    assert done.stdout.startswith("cosigned: ")
