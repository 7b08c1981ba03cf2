"""A bag appears whole or not at all, and programs that are not ours find it sound, or find what is wrong with it."""

import errno
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from devicelog.errors import StoreUnusable, UsageProblem
from devicelog.ledger.note import ED25519, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.packages import bag as bag_module
from devicelog.packages.bag import BagWriter, Folder, Sink
from tests.oracles import needed
from tests.packages.shaped import LOG, SOFTWARE, signing

FILES = {
    "checkpoint": b"x\n",
    "sessions/s-7k3m9q2xwd/entries.jsonl": b'{"a":1}\n' * 3,
    "sessions/s-7k3m9q2xwd/chunks.bin": bytes(range(256)) * 300,
    "sessions/s-7k3m9q2xwd/later/entries.jsonl": b"",
    "sessions-of.txt": b"'/' comes after '-': the order is that of whole names\n",
}


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    target = tmp_path / "out" / "bag"
    target.parent.mkdir()
    with BagWriter(target, log=LOG, software=SOFTWARE) as writer:
        for name, data in FILES.items():
            writer.add(name, [data[:100], data[100:]])
        writer.finish("2031-01-01", lambda sha512: sha512.hex().encode())
    return target


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- what it is -------------------------------------------------------------------------------------------------------


def test_every_byte_of_the_tag_files_is_as_the_page_says(bag: Path) -> None:
    found = everything(bag)
    assert {name: data for name, data in found.items() if name.startswith("data/")} == {
        f"data/{name}": data for name, data in FILES.items()
    }
    size = sum(map(len, FILES.values()))
    assert found["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert found["bag-info.txt"].decode() == (
        f"Bagging-Date: 2031-01-01\nPayload-Oxum: {size}.5\n"
        f"Bag-Software-Agent: {SOFTWARE}\nExternal-Identifier: {LOG}\n"
    )
    lines = found["manifest-sha256.txt"].decode().splitlines()
    assert lines == [f"{sha256(FILES[name]).hexdigest()}  data/{name}" for name in sorted(FILES)]
    tags = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    assert found["tagmanifest-sha256.txt"].decode().splitlines() == [
        f"{sha256(found[name]).hexdigest()}  {name}" for name in tags
    ]
    assert len(found) == len(FILES) + len(tags) + 2


def test_bagit_finds_it_sound(bag: Path, bagit: Any) -> None:
    assert bagit.Bag(str(bag)).validate()


def test_sha256sum_finds_it_sound(bag: Path) -> None:
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run([needed("sha256sum"), "--strict", "--quiet", "-c", manifest], cwd=bag, check=True)


def test_ssh_keygen_verifies_the_signature_and_no_other_tag_manifest(tmp_path: Path) -> None:
    key, sign = signing(tmp_path)
    target = tmp_path / "bag"
    with BagWriter(target, log=LOG, software=SOFTWARE) as writer:
        writer.add("pin.txt", [b"x"])
        writer.finish("2031-01-01", sign)
    checkpoints = VerifierKey(name=LOG, algorithm=ED25519, public=bytes(32))
    pin = tmp_path / "pin.txt"
    pin.write_text(Pin(log=LOG, first=bytes(32), checkpoints=checkpoints, bags=key.public).text())
    signature = target / "tagmanifest-sha256.txt.sig"
    command = [needed("ssh-keygen"), "-Y", "verify", "-f", pin, "-I", LOG, "-n", "devicelog-bag", "-s", signature]
    tags = (target / "tagmanifest-sha256.txt").read_bytes()
    assert subprocess.run(command, input=tags, capture_output=True).returncode == 0
    assert subprocess.run(command, input=tags[:-1] + b"\r", capture_output=True).returncode != 0


@pytest.mark.parametrize("spoil", ["added", "removed", "renamed", "changed", "tag changed"])
def test_bagit_notices_what_was_done_to_it(bag: Path, bagit: Any, spoil: str) -> None:
    """The judge is asked too: that it passes a sound bag would mean nothing if it passed these."""
    checkpoint = bag / "data" / "checkpoint"
    match spoil:
        case "added":
            (bag / "data" / "more").write_bytes(b"")
        case "removed":
            checkpoint.unlink()
        case "renamed":
            checkpoint.rename(bag / "data" / "other")
        case "changed":
            checkpoint.write_bytes(b"y\n")
        case _:
            (bag / "bag-info.txt").write_bytes((bag / "bag-info.txt").read_bytes().replace(b"2031", b"2032"))
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(bag)).validate()


def test_a_plain_folder_has_the_files_and_nothing_else(tmp_path: Path) -> None:
    with Folder(tmp_path / "out") as folder:
        for name, data in FILES.items():
            written = folder.add(name, [data])
            assert (written.name, written.bytes, written.sha256) == (name, len(data), sha256(data).hexdigest())
        assert list(folder.files) == list(FILES)
        folder.finish()
    assert everything(tmp_path / "out") == FILES
    assert names(tmp_path) == ["out"]


def test_only_its_owner_reads_it(bag: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in (bag, *bag.rglob("*"))}
    assert modes == {0o700, 0o600}


# --- whole or not at all ----------------------------------------------------------------------------------------------


class Broken(Exception):
    pass


def breaking() -> Iterator[bytes]:
    yield b"some"
    raise Broken


def test_nothing_stands_under_its_name_before_the_end(tmp_path: Path) -> None:
    with Folder(tmp_path / "out") as folder:
        folder.add("a", [b"x"])
        (beside,) = names(tmp_path)
        assert beside.startswith(".out.")
        folder.finish()
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("how", ["left", "source broke", "signer broke"])
def test_one_that_is_not_finished_leaves_nothing(tmp_path: Path, how: str) -> None:
    def refuse(_: bytes) -> bytes:
        raise Broken

    def write() -> None:
        with BagWriter(tmp_path / "out", log=LOG, software=SOFTWARE) as writer:
            writer.add("sessions/a", [b"x"])
            if how == "source broke":
                writer.add("b", breaking())
            if how == "signer broke":
                writer.finish("2031-01-01", refuse)

    if how == "left":
        write()
    else:
        with pytest.raises(Broken):
            write()
    assert names(tmp_path) == []


def test_an_export_that_lost_a_file_does_not_go_on(tmp_path: Path) -> None:
    """Whoever catches what a source raised must not come to a bag with half of its file."""
    with BagWriter(tmp_path / "out", log=LOG, software=SOFTWARE) as writer:
        writer.add("a", [b"x"])
        with pytest.raises(Broken):
            writer.add("b", breaking())
        assert names(tmp_path) == []
        with pytest.raises(ValueError, match="nothing is being written"):
            writer.finish("2031-01-01", lambda _: b"")
    assert names(tmp_path) == []


def test_a_name_that_may_not_be_on_disk_is_said_and_the_folder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_sync = bag_module.sync_folder

    def sync(folder: Path) -> None:
        if folder == tmp_path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real_sync(folder)

    monkeypatch.setattr(bag_module, "sync_folder", sync)
    with Folder(tmp_path / "out") as folder:
        folder.add("a", [b"x"])
        with pytest.raises(StoreUnusable, match="whole, but whether its name is on disk is not known"):
            folder.finish()
    assert everything(tmp_path) == {"out/a": b"x"}


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 120, "\U0001f489" * 60])
def test_a_long_name_is_a_name(tmp_path: Path, name: str) -> None:
    with Folder(tmp_path / name) as folder:
        folder.add("a", [b"x"])
        folder.finish()
    assert names(tmp_path) == [name]


def test_every_file_is_synced_before_the_name_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(fd: int) -> None:
        done.append(Path(f"/proc/self/fd/{fd}").resolve().name)
        real_sync(fd)

    def rename(old: Path, new: Path) -> Path:
        done.append("appeared")
        return real_rename(old, new)

    monkeypatch.setattr(bag_module.os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    with Folder(tmp_path / "out") as folder:
        folder.add("a/b/one", [b"x"])
        folder.add("two", [b"y"])
        folder.finish()
    at = done.index("appeared")
    assert done[:2] == ["one", "two"]
    assert {"a", "b"} <= set(done[:at])
    assert len(done[:at]) == 5  # and its own folder
    assert done[at + 1 :] == [tmp_path.name]


FULL = """
import resource, signal, sys
from pathlib import Path
from devicelog.errors import StoreUnusable
from devicelog.packages.bag import Folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with Folder(Path(sys.argv[1])) as folder:
        folder.add("small", [b"x"])
        folder.add("large", (bytes(65_536) for _ in range(10)))
        folder.finish()
except StoreUnusable as error:
    print(error)
    raise SystemExit(error.exit_code)
"""


def test_a_file_system_that_takes_no_more_half_way_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 5, done.stderr
    assert f"{tmp_path / 'out'} cannot be written: File too large. Nothing is left of it." in done.stdout
    assert names(tmp_path) == []


@pytest.mark.parametrize("at", ["write", "fsync", "mkdir", "rename"])
def test_a_disk_that_is_full_at_any_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write() -> None:
        with BagWriter(tmp_path / "out", log=LOG, software=SOFTWARE) as writer:
            writer.add("a", [b"x"])
            monkeypatch.setattr(os if at in ("write", "fsync") else Path, at, full)
            writer.add("b/c", [b"x"])
            writer.finish("2031-01-01", lambda _: b"")

    with pytest.raises(StoreUnusable, match=r"No space left on device\. Nothing is left of it") as caught:
        write()
    assert caught.value.exit_code == 5
    assert names(tmp_path) == []


# --- refused before anything is written -------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["a file", "an empty folder", "a full folder", "a link to nothing"])
def test_what_is_there_is_refused_and_stays(tmp_path: Path, there: str) -> None:
    target = tmp_path / "out"
    match there:
        case "a file":
            target.write_bytes(b"mine")
        case "a link to nothing":
            target.symlink_to(tmp_path / "nowhere")
        case _:
            target.mkdir()
            if there == "a full folder":
                (target / "mine").write_bytes(b"mine")
    with pytest.raises(UsageProblem, match=r"is there already.*Name a folder that does not exist") as caught:
        Folder(target)
    assert caught.value.exit_code == 2
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("there", ["a file", "an empty folder"])
def test_what_came_meanwhile_is_not_replaced(tmp_path: Path, there: str) -> None:
    target = tmp_path / "out"

    def write() -> None:
        with Folder(target) as folder:
            folder.add("a", [b"x"])
            target.mkdir() if there == "an empty folder" else target.write_bytes(b"mine")
            folder.finish()

    with pytest.raises(UsageProblem, match="is there already"):
        write()
    assert everything(tmp_path) == ({} if there == "an empty folder" else {"out": b"mine"})


@pytest.mark.parametrize("target", ["no-such/out", ".", "/"])
def test_a_place_where_no_folder_can_be_made_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        Folder(Path(target) if target in ("/", ".") else tmp_path / target)
    assert caught.value.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_in_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreUnusable, match="Permission denied"), Folder(tmp_path / "out"):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(StoreUnusable, match="MB are needed") as caught:
        Folder(tmp_path / "out", estimate_bytes=free * 2)
    assert caught.value.exit_code == 5
    assert names(tmp_path) == []


HOSTILE = {
    "up": "../outside",
    "up inside": "a/../../outside",
    "absolute": "/outside",
    "empty": "",
    "empty part": "a//b",
    "a folder": "a/",
    "here": "./a",
    "hidden": ".a",
    "hidden below": "a/.b",
    "backslash": "a\\b",
    "line feed": "a\nb",
    "line feed at the end": "a\n",
    "NUL": "a\0b",
    "percent": "a%2Fb",
    "space": "a b",
    "not ASCII": "ä",
    "home": "~/a",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_is_refused(tmp_path: Path, name: str) -> None:
    with Folder(tmp_path / "out") as folder, pytest.raises(ValueError, match="is no name for a file"):
        folder.add(name, [b"x"])
    assert names(tmp_path) == []


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b", "a/b/c")])
def test_names_that_stand_in_each_others_way_are_refused(tmp_path: Path, first: str, second: str) -> None:
    with Folder(tmp_path / "out") as folder:
        folder.add(first, [b"x"])
        with pytest.raises(ValueError, match=r"written already|is a file"):
            folder.add(second, [b"y"])


@pytest.mark.parametrize("text", ["", " ", "a\nExternal-Identifier: b", "a\r", "a ", "a\u2028b"])
def test_what_would_be_more_than_a_line_of_bag_info_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="not one line"):
        BagWriter(tmp_path / "out", log=LOG, software=text)
    with pytest.raises(ValueError, match="not one line"):
        BagWriter(tmp_path / "out", log=text, software=SOFTWARE)


@pytest.mark.parametrize("date", ["", "2031-1-1", "2031-13-01", "2031-01-32", "2031-01-01\n", "٢٠٣١-01-01"])
def test_a_day_that_is_none_is_refused(tmp_path: Path, date: str) -> None:
    with BagWriter(tmp_path / "out", log=LOG, software=SOFTWARE) as writer:
        writer.add("a", [b"x"])
        with pytest.raises(ValueError, match="is not a day"):
            writer.finish(date, lambda _: b"")


def test_an_empty_bag_is_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "out", log=LOG, software=SOFTWARE) as writer, pytest.raises(ValueError, match="one file"):
        writer.finish("2031-01-01", lambda _: b"")


@pytest.mark.parametrize("kind", [Folder, BagWriter])
def test_nothing_can_be_added_before_it_began_or_after_it_ended(tmp_path: Path, kind: type[Sink]) -> None:
    said = {} if kind is Folder else {"log": LOG, "software": SOFTWARE}
    sink = kind(tmp_path / "out", **said)
    with pytest.raises(ValueError, match="nothing is being written"):
        sink.add("a", [b"x"])
    with sink:
        pass
    with pytest.raises(ValueError, match="nothing is being written"):
        sink.add("b", [b"x"])


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    block = bytes(1 << 16)
    tracemalloc.start()
    try:
        with Folder(tmp_path / "out") as folder:
            folder.add("a", (block for _ in range(800)))  # 50 MB
            folder.finish()
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
