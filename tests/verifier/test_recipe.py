"""docs/verify.md: the recipe for `sh`, as it stands on the page, against a bag and against edits of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.oracles import needed
from tests.pages import block
from tests.verifier import building as b
from tests.verifier.judging import judged
from tests.verifier.test_one_history import mixed

S = f"data/sessions/{b.SESSION}/"


@pytest.fixture(scope="module")
def log():
    return b.Log()


@pytest.fixture(scope="module")
def bag(log):
    streams = [b.small_session(log, later=True), b.small_session(log, b.SECOND)]
    return b.bag(log, streams, witnesses=[("witness.example", 1_900_000_000)], more=3)


def run(folder: Path, log: b.Log, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    for name in ("openssl", "ssh-keygen", "sha256sum"):
        needed(name)
    script, pin = folder.parent / "recipe.sh", folder.parent / "pin"
    script.write_text(block("verify.md", "sh recipe"), "utf-8")
    pin.write_text(log.pin(), "utf-8")
    command = [str(shutil.which("sh")), str(script), str(folder), str(pin)]
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


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


def another_digit(bag, name):
    """Its first digit changed to another one: `sha256sum` passes over what is no digit."""
    data = bag[name]
    return {**bag, name: (b"1" if data[:1] == b"0" else b"0") + data[1:]}


EDITS = {  # the edit, whether the owner of the keys signs it anew, and what is said
    "a byte of a file": (lambda bag: flipped(bag, S + "chunks.bin"), False, "chunks.bin: FAILED"),
    "a file added": (lambda bag: {**bag, "data/x": b""}, False, "not those of the manifest"),
    "a file removed": (
        lambda bag: {n: d for n, d in bag.items() if n != S + "pin.txt"},
        False,
        "not those of the manifest",
    ),
    "the manifest": (lambda bag: another_digit(bag, "manifest-sha256.txt"), False, "FAILED"),
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


def tools() -> list[str]:
    """Those that the recipe says it needs."""
    line = next(line for line in block("verify.md", "sh recipe").splitlines() if line.startswith("for tool in "))
    return line.removeprefix("for tool in ").removesuffix("; do").split()


PROGRAMS = {  # what stands in place of a program, or that there is none, and what is said
    "no ssh-keygen": ("ssh-keygen", None, "there is no program ssh-keygen here"),
    "no openssl": ("openssl", None, "there is no program openssl here"),
    "no awk": ("awk", None, "there is no program awk here"),
    "an old openssl": ("openssl", "echo pkeyutl: Unknown option: -rawin; exit 1", "openssl cannot check Ed25519"),
    "an old ssh-keygen": ("ssh-keygen", "echo unknown option -- Y; exit 1", "ssh-keygen cannot check signatures"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_without_its_tools_nothing_is_said_of_the_bag(name, bag, log, tmp_path):
    program, stands, words = PROGRAMS[name]
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in tools():
        found = shutil.which(tool)
        assert found
        if tool != program:
            (folder / tool).symlink_to(found)
    if stands:
        (folder / program).write_text(f"#!/bin/sh\n{stands}\n")
        (folder / program).chmod(0o755)
    done = run(b.laid_down(bag, tmp_path / "bag"), log, str(folder))
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.startswith(f"CANNOT DECIDE: {words}"), done.stderr


def test_the_tools_that_it_tries_are_all_that_it_needs(bag, log, tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in tools():
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    done = run(b.laid_down(bag, tmp_path / "bag"), log, str(tmp_path / "bin"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("made", "code"), [("by the one", 3), ("by the other", 3), ("not at all", 7)])
@pytest.mark.requirement("R21")
def test_two_histories_in_one_bag(made, code, tmp_path):
    log, files = mixed(made)
    done = run(b.laid_down(files, tmp_path / "bag"), log)
    assert done.returncode == code, done.stderr
    assert "later/consistency.txt" in done.stderr


def test_a_link_is_not_followed(bag, log, tmp_path):
    folder = b.laid_down(bag, tmp_path / "bag")
    (folder / S / "chunks.bin").rename(tmp_path / "chunks.bin")
    (folder / S / "chunks.bin").symlink_to(tmp_path / "chunks.bin")
    assert "a link" in run(folder, log).stderr


def test_another_pin(bag, log, tmp_path):
    folder = b.laid_down(bag, tmp_path / "bag")
    for other in (b.Log(seed="thief"), b.Log(b.OTHER_LOG)):
        assert run(folder, other).returncode == 3
