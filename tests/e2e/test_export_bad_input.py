"""What goes wrong around an export, by the real command line: a sentence, the exit code, and nothing half-written."""

import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from devicelog.recorder.access import alone
from devicelog.recorder.sealing import seal_newest
from devicelog.store.evidence import Evidence
from tests.attacks.device import Device, make_device
from tests.databases import FIRST, SECOND, make_database, rows
from tests.environment import environment


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return make_device(tmp_path_factory.mktemp("device"))


@pytest.fixture
def device(pristine: Device, tmp_path: Path) -> Device:
    return pristine.copied(tmp_path / "data")


def devicelog(*words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "devicelog", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=cwd, timeout=60)


def export(device: Device, *words: str | Path, session: str = SECOND) -> "subprocess.CompletedProcess[str]":
    folder = device.path.parent
    return devicelog("export", session, "--to", "bag", *words, "--data-dir", folder, cwd=folder.parent)


def entries(device: Device) -> int:
    return len(rows(device.path, "SELECT seq FROM ledger_entry"))


def refused(done: "subprocess.CompletedProcess[str]", code: int, words: str, device: Device) -> None:
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not [each.name for each in device.path.parent.parent.iterdir() if "bag" in each.name]


def test_an_unknown_session(device: Device) -> None:
    refused(export(device, session="s-zzzzzzzzzz"), 6, "s-zzzzzzzzzz", device)


def test_an_unknown_format(device: Device) -> None:
    refused(export(device, "--format", "bag,cvs"), 2, "there is no format 'cvs'", device)


def test_a_session_that_is_open(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    device = Device(path=path, older=path, newer=path, outside=path, size=0)
    done = export(device)
    # Nobody records any more, so it is ended first, as interrupted, or refused: an open one is never handed out.
    assert done.returncode in (0, 2, 5), done.stderr
    with Evidence(path) as evidence:
        assert (evidence.stream(SECOND)["closed_seq"] is not None) == (done.returncode == 0)


@pytest.mark.parametrize("what", ["a folder", "a file", "a link to nowhere"])
def test_what_stands_there_is_never_written_over(what: str, device: Device) -> None:
    target, before = device.path.parent.parent / "bag", entries(device)
    if what == "a folder":
        target.mkdir()
    elif what == "a file":
        target.write_text("mine")
    else:
        target.symlink_to("nowhere")
    done = export(device)
    assert done.returncode in (2, 5), done.stderr
    assert "bag" in done.stderr
    assert entries(device) == before, "nothing was handed out, and nothing says that it was"
    assert not target.is_dir() or not list(target.iterdir())


@pytest.mark.parametrize("purpose", ["checkpoints", "bags"])
def test_a_key_that_others_can_read(purpose: str, device: Device) -> None:
    [key] = (device.path.parent / "signer" / "keys").glob(f"*.{purpose}")
    key.chmod(0o444)
    refused(export(device), 5, "can be read by others", device)


def test_a_signer_s_directory_that_is_gone(device: Device) -> None:
    shutil.rmtree(device.path.parent / "signer")
    done = export(device)
    assert done.returncode in (3, 5), done.stderr
    assert "unexpected" not in done.stderr
    assert not (device.path.parent / "signer" / "keys").exists(), "no key is made where the log has one"


def test_a_package_that_is_gone(device: Device) -> None:
    (device.path.parent / "packages" / f"{SECOND}.package.zip").unlink()
    done = export(device)
    assert done.returncode in (3, 6), done.stderr
    assert "unexpected" not in done.stderr


def test_a_package_that_was_changed(device: Device) -> None:
    path = device.path.parent / "packages" / f"{SECOND}.package.zip"
    data = path.read_bytes()
    path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    refused(export(device), 3, f"{SECOND}.package.zip", device)


def test_a_witness_newer_than_the_log(device: Device) -> None:
    newest = devicelog("checkpoint", "show", "--data-dir", device.path.parent, cwd=device.outside)
    (device.outside / "newest").write_text(newest.stdout)
    device.rolled_back(device.older)
    words = ["verify", "--all", "--witness", device.outside / "newest", "--data-dir", device.path.parent]
    done = devicelog(*words, cwd=device.outside)
    assert done.returncode == 3
    assert "an older copy was put in its place" in done.stdout


def test_a_witness_older_than_the_log(device: Device) -> None:
    words = ["verify", "--all", "--witness", device.outside / "copy", "--data-dir", device.path.parent]
    done = devicelog(*words, cwd=device.outside)
    assert done.returncode == 0
    assert "entries 25 to 27 are vouched for by this device alone" in done.stdout


def test_a_bag_under_another_s_pin(device: Device, tmp_path: Path) -> None:
    assert export(device).returncode == 0
    other = make_device(tmp_path / "other")
    done = devicelog("verify", tmp_path / "bag", "--key", other.outside / "pin", cwd=tmp_path)
    assert done.returncode == 7
    assert "the pin is of another log" in done.stdout


def test_a_bag_of_two_devices_mixed(device: Device, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_device(tmp_path / "other")
    for one in (device, other):
        words = ["--to", one.path.parent.parent / f"bag-{one.path.parent.parent.name}", "--data-dir", one.path.parent]
        assert devicelog("export", FIRST, *words, cwd=tmp_path).returncode == 0
    [mine, theirs] = (next(each.path.parent.parent.glob("bag-*")) for each in (device, other))
    shutil.rmtree(mine / "data/sessions" / FIRST)
    shutil.copytree(theirs / "data/sessions" / FIRST, mine / "data/sessions" / FIRST)
    done = devicelog("verify", mine, "--key", device.outside / "pin", cwd=tmp_path)
    assert done.returncode == 3
    assert "is of another log" in done.stdout


# --- what is in a bag of one session, and what is not -----------------------------------------------------------------


def contents(folder: Path) -> bytes:
    """Every byte in it, chunks inflated too."""
    found = b""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            found += b"\0" + str(file.relative_to(folder)).encode() + b"\0" + (data := file.read_bytes())
            if file.name == "chunks.bin":
                at = 0
                while at < len(data):
                    size = int.from_bytes(data[at : at + 4], "little")
                    found += zlib.decompress(data[at + 4 : at + 4 + size])
                    at += 4 + size
    return found


def test_the_bag_of_one_session_holds_nothing_of_another(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", second_client="K-2000-SECRET")
    with alone(path.parent) as access:
        seal_newest(access, 100)
    words = ["--to", tmp_path / "bag", "--format", "bag,csv,jsonl,fhir,html", "--data-dir", path.parent]
    done = devicelog("export", FIRST, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    data = contents(tmp_path / "bag")
    ids = [stream for (stream,) in rows(path, "SELECT id FROM stream")]
    refs = dict(rows(path, "SELECT id, client_ref FROM stream WHERE kind = 'session'"))
    assert all(own in data for own in (FIRST.encode(), refs[FIRST].encode(), b"K-1047"))
    others = [stream for stream in ids if stream != FIRST]
    assert (len(others), refs[SECOND] != refs[FIRST]) == (2, True)
    secrets = [*others, refs[SECOND], "K-2000-SECRET"]
    secrets += [entry["nonce"] for entry in _entries(path) if entry["body"].get("stream") in others]
    secrets += [digest for entry in _entries(path) if entry["body"].get("stream") in others
                for digest in [entry["body"].get("derived")] if digest]  # fmt: skip
    salts = rows(path, "SELECT salt FROM client WHERE client_ref = ?", refs[SECOND])
    secrets += [salt.hex() for (salt,) in salts]
    for secret in secrets:
        assert secret.encode() not in data, secret
        assert bytes.fromhex(secret) not in data if len(secret) == 64 else True


def _entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(data) for (data,) in rows(path, "SELECT bytes FROM ledger_entry")]
