"""The package file: any names and contents, other people's unpackers, every byte changed, and files made to harm."""

import io
import os
import resource
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.packages import beside
from devicelog.packages.beside import write_whole
from devicelog.packages.container import Container, image
from devicelog.packages.member import NAME, Member
from tests.databases import flip
from tests.oracles import needed

FILES = {"package.json": b"{}", "a/b": b"", "chunks.bin": bytes(range(256)), "entries.jsonl": b"one\ntwo\n"}

Change = Callable[[bytearray], object]


def members_of(files: dict[str, bytes]) -> list[Member]:
    return [Member.of(name, (data[:3], data[3:])) for name, data in files.items()]


def zipped(files: dict[str, bytes]) -> bytes:
    size, blocks = image(members_of(files))
    data = b"".join(blocks)
    assert len(data) == size
    return data


def as_others_write_it(files: dict[str, bytes], archive_comment: bytes = b"", **changes: object) -> bytes:
    """By Python's own zipfile; `changes` are of the last member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, data) in enumerate(files.items(), 1):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.create_system = 0o100644 << 16, 3
            for key, value in changes.items() if number == len(files) else ():
                setattr(info, key, value)
            archive.writestr(info, data)
        archive.comment = archive_comment
    return out.getvalue()


def read(path: Path) -> dict[str, bytes]:
    with Container(path) as container:
        found = {name: b"".join(container.blocks(name)) for name in container.sizes()}
        assert container.sizes() == {name: len(data) for name, data in found.items()}
    return found


def refused(tmp_path: Path, data: bytes, words: str = "the package") -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(EvidenceDamaged, match=words):
        read(path)


# --- one way to write it ----------------------------------------------------------------------------------------------


def test_it_is_what_another_program_writes_when_told_to(tmp_path: Path) -> None:
    assert zipped(FILES) == as_others_write_it(FILES)


part = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,12}", fullmatch=True)
paths = st.lists(part, min_size=1, max_size=3).map("/".join).filter(lambda name: name not in FILES)


@settings(deadline=None, max_examples=60)
@given(files=st.dictionaries(paths, st.binary(max_size=300), max_size=6), first=st.sampled_from(["package", "later"]))
def test_any_names_and_contents_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], first: str
) -> None:
    folders = {name[:at] for name in files for at in range(len(name)) if name[at] == "/"}
    kept = {name: files[name] for name in sorted(files) if name not in folders}
    kept.pop("later.json", None)
    wanted = {f"{first}.json": b"{}", **kept}
    path = tmp_path_factory.mktemp("any") / "x.zip"
    path.write_bytes(zipped(wanted))
    assert read(path) == wanted
    assert list(read(path)) == list(wanted)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == wanted


def test_unzip_reads_it(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(FILES))
    done = subprocess.run([needed("unzip"), "-t", "x.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "No errors detected" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "a/../b", ".hidden", "a/.b", "a//b", "a/", "a\\b", "ä", "a b", "a\n", "%2e", "x" * 256],
)
def test_a_name_that_no_package_has_is_not_written(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a file"):
        Member.of(name, ())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "begins with"),
        (["chunks.bin"], "begins with"),
        (["package.json", "b", "a"], "behind b"),
        (["package.json", "a", "a"], "twice"),
        (["package.json", "package.json"], "twice"),
        (["package.json", "later.json"], "twice"),
        (["package.json", "a", "a/b"], "a file and a folder"),
    ],
)
def test_names_out_of_order_are_not_written(names: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        image([Member.of(name, ()) for name in names])


def test_a_member_that_changes_while_it_is_written(tmp_path: Path) -> None:
    given_bytes: Iterator[tuple[bytes, ...]] = iter([(b"first",), (b"other",)])

    class Changing:
        def __iter__(self) -> Iterator[bytes]:
            return iter(next(given_bytes))

    size, blocks = image([Member.of("package.json", Changing())])
    with pytest.raises(EvidenceDamaged, match=r"package\.json changed"):
        write_whole(tmp_path / "x.zip", blocks, size=size)
    assert not list(tmp_path.iterdir())


def test_over_4_gb_is_refused() -> None:
    def sized(size: int) -> int:
        return image([Member(name="package.json", blocks=(), size=size, sha256="", crc=0)])[0]

    around = sized(0)
    assert sized(2**32 - 2 - around) == 2**32 - 2
    for size in (2**32 - 1 - around, 2**32, 2**40):
        with pytest.raises(StoreUnusable, match="less than 4 GB"):
            sized(size)


# --- files made to harm -----------------------------------------------------------------------------------------------


def test_every_byte_changed_is_found(tmp_path: Path) -> None:
    data = zipped(FILES)
    for at in range(len(data)):
        for mask in (0x01, 0x80):
            refused(tmp_path, flip(data, at, mask))


def test_every_length_cut_off_is_found(tmp_path: Path) -> None:
    data = zipped(FILES)
    for length in range(len(data)):
        refused(tmp_path, data[:length])


def in_the_end(field: int, value: int) -> Change:
    return lambda data: struct.pack_into("<I", data, len(data) - 22 + field, value)


def in_the_line(field: int, value: int) -> Change:
    """Of the last line of the directory, and, for a size, of its header too."""
    return lambda data: struct.pack_into("<I", data, data.rfind(b"PK\x01\x02") + field, value)


def with_a_gap() -> bytes:
    """Bytes that nobody sees between the last member and the directory, whose offset is right."""
    data = zipped(FILES)
    at = struct.unpack_from("<I", data, len(data) - 6)[0]
    return data[:at] + b"hidden" + data[at:-6] + struct.pack("<IH", at + 6, 0)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "zip-slip": (as_others_write_it({**FILES, "z/../../x": b""}), "no name for a file"),
    "absolute": (as_others_write_it({**FILES, "/tmp/x": b""}), "no name for a file"),
    "backslash": (as_others_write_it({**FILES, "z": b""}).replace(b"z", b"\\"), "no name for a file"),
    "hidden": (as_others_write_it({**FILES, "z/.x": b""}), "no name for a file"),
    "folder": (as_others_write_it({**FILES, "z/": b""}), "no name for a file"),
    "not ASCII": (as_others_write_it({**FILES, "zä": b""}), "flags is 2048"),
    "name of no ASCII, unflagged": (as_others_write_it({**FILES, "zQ": b""}).replace(b"zQ", b"z\xe4"), "no name for"),
    "no name": (as_others_write_it({**FILES, "": b""}), "no name for a file"),
    "duplicate": (as_others_write_it({**FILES, "zz": b"1", "zy": b"2"}).replace(b"zy", b"zz"), "zz stands twice"),
    "out of order": (as_others_write_it({**FILES, "zz": b"1", "zy": b"2"}), "zy stands behind zz"),
    "package.json not first": (as_others_write_it(dict(sorted(FILES.items()))), "begins with package.json"),
    "file and folder": (as_others_write_it({**FILES, "z": b"", "z/a": b""}), "z is a file and a folder"),
    "trailing bytes": (zipped(FILES) + b"\0", "its end: signature"),
    "bytes before": (b"\0" + zipped(FILES), "does not fit the file"),
    "another one behind": (zipped(FILES) * 2, "does not fit the file"),
    "bytes between": (with_a_gap(), "belong to no member"),
    "link": (as_others_write_it(FILES, external_attr=0o120777 << 16), "external attributes is"),
    "program": (as_others_write_it(FILES, external_attr=0o100755 << 16), "external attributes is"),
    "made on another system": (as_others_write_it(FILES, create_system=0), "version made by is"),
    "a time": (as_others_write_it(FILES, date_time=(2031, 1, 1, 0, 0, 2)), "time is 1"),
    "compressed": (as_others_write_it(FILES, compress_type=zipfile.ZIP_DEFLATED), "compression method is 8"),
    "comment of a member": (as_others_write_it(FILES, comment=b"x"), "length of the comment is 1"),
    "comment": (as_others_write_it(FILES, archive_comment=b"x"), "its end"),
    "extra field": (as_others_write_it(FILES, extra=b"\x99\x99\0\0"), "length of the extra field is 4"),
    "empty": (as_others_write_it({}), "begins with package.json"),
    "no bytes": (b"", "are no package"),
    "no ZIP": (b"not a zip at all, and long enough", "its end: signature"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_harm_is_refused(tmp_path: Path, name: str) -> None:
    data, words = HOSTILE[name]
    refused(tmp_path, data, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(in_the_line(24, 10 * 2**30 & 0xFFFF_FFFF), "claims 2147483648 bytes", id="10 GB of zeros"),
        pytest.param(in_the_line(24, 0xFFFF_FFFF), "claims 4294967295 bytes", id="ZIP64's sign"),
        pytest.param(in_the_line(24, 9), "claims 9 bytes", id="a size one too large"),
        pytest.param(in_the_line(24, 7), "does not fit", id="a size one too small"),
        pytest.param(in_the_line(20, 7), "does not fit", id="another compressed size"),
        pytest.param(in_the_line(42, 0), "does not fit", id="an offset of another member"),
        pytest.param(in_the_line(42, 0xFFFF_FFF0), "does not fit", id="an offset behind the file"),
        pytest.param(in_the_end(12, 0xFFFF_FFFF), "cut off, or put in", id="a directory of 4 GB"),
        pytest.param(in_the_end(16, 0), "cut off, or put in", id="a directory at 0"),
        pytest.param(in_the_end(8, 0xFFFF_FFFF), "line 5 of its directory is missing", id="65535 members"),
        pytest.param(in_the_end(8, 0x0003_0003), "belong to no member", id="a member that is not counted"),
    ],
)
def test_a_claim_that_the_file_does_not_bear_out(tmp_path: Path, change: Change, words: str) -> None:
    data = bytearray(zipped(FILES))
    change(data)
    tracemalloc.start()
    refused(tmp_path, bytes(data), words)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_large_directory_that_is_claimed_is_not_read(tmp_path: Path) -> None:
    """A sparse file of 3 GB that says all of it is the directory of one member."""
    path = tmp_path / "x.zip"
    with path.open("wb") as file:
        file.truncate(3 << 30)
        file.seek(0, os.SEEK_END)
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, 3 << 30, 0, 0))
    tracemalloc.start()
    with pytest.raises(EvidenceDamaged, match="for 1 members"):
        Container(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_bytes_changed_with_their_crc_are_another_file(tmp_path: Path) -> None:
    """A CRC is no proof: the container takes it, and the list of hashes (`package.json`) does not."""
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({**FILES, "entries.jsonl": b"one\n!!!\n"}))
    assert read(path)["entries.jsonl"] == b"one\n!!!\n"
    assert zlib.crc32(b"one\n!!!\n") != zlib.crc32(FILES["entries.jsonl"])


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_no_package(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.zip"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(EvidenceDamaged, match="it is no file"):
        Container(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no package"):
        Container(tmp_path / "x.zip")


# --- whole or not at all ----------------------------------------------------------------------------------------------

_FILLS = """
import resource, signal, sys
from pathlib import Path
from devicelog.errors import StoreUnusable
from devicelog.packages.beside import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    write_whole(Path(sys.argv[1]), (bytes(1 << 16) for _ in range(64)), size=1 << 22)
except StoreUnusable as error:
    sys.exit(f"{error.exit_code} {error}")
"""


def test_a_file_that_the_system_cuts_off_half_way_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"what stood there")
    done = subprocess.run([sys.executable, "-c", _FILLS, path], capture_output=True, text=True, check=False)
    assert done.stderr.startswith(f"5 {path} cannot be written: File too large")
    assert [file.name for file in tmp_path.iterdir()] == ["x.zip"]
    assert path.read_bytes() == b"what stood there"


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fills_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    real, calls = getattr(os, call), iter(range(100))

    def full(*args: object) -> object:
        if next(calls) == (2 if call == "write" else 0):
            raise OSError(28, "No space left on device")
        return real(*args)

    monkeypatch.setattr(beside.os, call, full)
    size, blocks = image(members_of(FILES))
    with pytest.raises(StoreUnusable, match="No space left"):
        write_whole(tmp_path / "x.zip", blocks, size=size)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_real_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        blocks = (bytes(1 << 16) for _ in range(8))
        with pytest.raises(StoreUnusable, match="MB are needed"):
            write_whole(disk / "x.zip", blocks, size=8 << 16)
        monkeypatch.setattr(beside, "check_space", lambda *_: None)  # as if it filled up meanwhile
        with pytest.raises(StoreUnusable, match="No space left"):
            write_whole(disk / "x.zip", blocks, size=8 << 16)
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


def test_two_who_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"

    def interrupted() -> Iterator[bytes]:
        yield b"mi"
        with pytest.raises(StoreUnusable, match="another program is writing"):
            write_whole(path, (b"yours",), size=5)
        yield b"ne"

    write_whole(path, interrupted(), size=4)
    assert path.read_bytes() == b"mine"
    write_whole(path, (b"yours",), size=5)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"yours"]


def test_what_one_who_was_killed_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".x.zip.new").write_bytes(b"half of something much longer")
    write_whole(tmp_path / "x.zip", (b"whole",), size=5)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"whole"]


@pytest.mark.parametrize("place", ["missing/x.zip", "file/x.zip"])
def test_a_folder_that_is_none(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match="cannot be written"):
        write_whole(tmp_path / place, (b"x",), size=1)


def test_memory_is_flat(tmp_path: Path) -> None:
    block = os.urandom(1 << 16)

    class Many:
        def __iter__(self) -> Iterator[bytes]:
            return (block for _ in range(60 * 16))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    member = Member.of("chunks.bin", Many())
    size, blocks = image([Member.of("package.json", (b"{}",)), member])
    path = tmp_path / "x.zip"
    write_whole(path, blocks, size=size)
    with Container(path) as container:
        assert sum(len(data) for data in container.blocks("chunks.bin")) == member.size == 60 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10  # KB


def test_the_names_that_are_allowed() -> None:
    assert NAME.match("documents/0a") is not None
    assert NAME.match("later/..") is None
