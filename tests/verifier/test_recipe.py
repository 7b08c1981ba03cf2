"""docs/verify.md: the recipe for `sh`, as it stands on the page, against a bag and against edits of it."""

import subprocess
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.oracles import needed
from tests.pages import block
from tests.verifier import building as b
from tests.verifier.judging import judged

S = f"data/sessions/{b.SESSION}/"


@pytest.fixture(scope="module")
def log():
    return b.Log()


@pytest.fixture(scope="module")
def bag(log):
    streams = [b.small_session(log, later=True), b.small_session(log, b.SECOND)]
    return b.bag(log, streams, witnesses=[("witness.example", 1_900_000_000)], more=3)


def run(folder: Path, log: b.Log) -> "subprocess.CompletedProcess[str]":
    for name in ("openssl", "ssh-keygen", "sha256sum"):
        needed(name)
    script, pin = folder.parent / "recipe.sh", folder.parent / "pin"
    script.write_text(block("verify.md", "sh recipe"), "utf-8")
    pin.write_text(log.pin(), "utf-8")
    return subprocess.run(["sh", str(script), str(folder), str(pin)], capture_output=True, text=True, timeout=60)


def test_a_good_bag(bag, log, tmp_path):
    done = run(b.laid_down(bag, tmp_path / "bag"), log)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{b.SESSION}: 3 entries under the seal, entry 4 of the log" in done.stdout
    assert f"verified: {log.name}, {len(log.entries)} entries" in done.stdout


def test_a_bag_of_a_recorded_database(tmp_path):
    """A real session has UTF-8, backslashes and dozens of entries."""
    log, streams = b.from_database(make_database(tmp_path / "data"))
    folder = b.laid_down(b.bag(log, streams), tmp_path / "bag")
    done = run(folder, log)
    assert (done.returncode, done.stderr) == (0, "")
    assert judged(folder, log)["exit_code"] == 0


def flipped(bag, name, at=-9):
    data = bytearray(bag[name])
    data[at] ^= 1
    return {**bag, name: bytes(data)}


EDITS = {  # the edit, whether the owner of the keys signs it anew, and what is said
    "a byte of a file": (lambda bag: flipped(bag, S + "chunks.bin"), False, "chunks.bin: FAILED"),
    "a file added": (lambda bag: {**bag, "data/x": b""}, False, "not those of the manifest"),
    "a file removed": (
        lambda bag: {n: d for n, d in bag.items() if n != S + "pin.txt"},
        False,
        "not those of the manifest",
    ),
    "the manifest": (lambda bag: flipped(bag, "manifest-sha256.txt", 3), False, "FAILED"),
    "the tag manifest": (lambda bag: flipped(bag, "tagmanifest-sha256.txt", 3), False, "the tag manifest"),
    "the signature": (lambda bag: flipped(bag, "tagmanifest-sha256.txt.sig", 200), False, "the bag's signature"),
    "the checkpoint's signature": (lambda bag: flipped(bag, "data/checkpoint", 180), True, "checkpoint does not hold"),
    "the checkpoint": (lambda bag: flipped(bag, "data/checkpoint", 44), True, "checkpoint does not hold"),
    "the seal": (
        lambda bag: {**bag, S + "sealed.json": bag[S + "sealed.json"].replace(b"2031", b"2032")},
        True,
        "sealed.tlog-proof: does not lead to the root",
    ),
    "the proof": (lambda bag: flipped(bag, f"data/sessions/{b.SECOND}/sealed.tlog-proof", 40), True, "ALTERED"),
    "an entry": (
        lambda bag: {**bag, S + "entries.jsonl": bag[S + "entries.jsonl"].replace(b"A0042", b"A0043", 1)},
        True,
        "other entries than those that were sealed",
    ),
    "an entry less": (
        lambda bag: {**bag, S + "entries.jsonl": bag[S + "entries.jsonl"].split(b"\n", 1)[1]},
        True,
        "other entries than those that were sealed",
    ),
    "half a line more": (
        lambda bag: {**bag, S + "entries.jsonl": bag[S + "entries.jsonl"] + b"{}"},
        True,
        "ends in the middle of a line",
    ),
    "a zero byte": (
        lambda bag: {**bag, S + "entries.jsonl": bag[S + "entries.jsonl"].replace(b"A0042", b"A\x000042", 1)},
        True,
        "a zero byte",
    ),
    "a document": (
        lambda bag: flipped(bag, next(name for name in bag if name.startswith(S + "documents/"))),
        True,
        "documents/",
    ),
    "a seal of another session": (
        lambda bag: {
            **bag,
            **{S + n: bag[f"data/sessions/{b.SECOND}/{n}"] for n in ("sealed.json", "sealed.tlog-proof")},
        },
        True,
        "of another session",
    ),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.requirement("R20")
def test_an_edit(name, bag, log, tmp_path):
    edit, signed, words = EDITS[name]
    files = b.signed(edit(bag), log) if signed else edit(bag)
    folder = b.laid_down(files, tmp_path / "bag")
    done = run(folder, log)
    assert done.returncode == 3
    assert words in done.stderr, done.stderr
    assert judged(folder, log)["exit_code"] == 3


def test_a_link_is_not_followed(bag, log, tmp_path):
    folder = b.laid_down(bag, tmp_path / "bag")
    (folder / S / "chunks.bin").rename(tmp_path / "chunks.bin")
    (folder / S / "chunks.bin").symlink_to(tmp_path / "chunks.bin")
    assert "a link" in run(folder, log).stderr


def test_another_pin(bag, log, tmp_path):
    folder = b.laid_down(bag, tmp_path / "bag")
    for other in (b.Log(seed="thief"), b.Log(b.OTHER_LOG)):
        assert run(folder, other).returncode == 3
