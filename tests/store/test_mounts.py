"""Which directories keep what is recorded: a table of mounts, and the real file systems that this machine has."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devicelog.errors import StoreUnusable
from devicelog.store.database import ACCEPT, prepare_data_dir
from devicelog.store.mounts import unsuitable

ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"
MEMORY, FRAGILE, REMOTE, UNSEEN = "is in memory", "neither a journal", "another computer", "cannot be seen from here"


def over(upper: str, at: str = "/") -> str:
    return f"30 1 0:30 / {at} rw,relatime - overlay overlay rw,lowerdir=/l,upperdir={upper},workdir=/w"


# name: the lines of mountinfo, the path, what is told (None: nothing)
CASES: dict[str, tuple[list[str], str, str | None]] = {
    "a disk": ([ROOT], "/var/lib/devicelog", None),
    "no mounts at all": ([], "/data", None),
    "tmpfs": ([ROOT, "31 27 0:31 / /tmp rw,nosuid shared:5 - tmpfs tmpfs rw"], "/tmp/data", MEMORY),
    "tmpfs itself": ([ROOT, "31 27 0:31 / /tmp rw - tmpfs tmpfs rw"], "/tmp", MEMORY),
    "a name that begins alike": ([ROOT, "31 27 0:31 / /tmp rw - tmpfs tmpfs rw"], "/tmpdata", None),
    "ramfs": ([ROOT, "31 27 0:31 / /r rw - ramfs ramfs rw"], "/r/d", MEMORY),
    "the first root file system": (["1 1 0:2 / / rw - rootfs rootfs rw"], "/data", MEMORY),
    "a disk below tmpfs": (
        [ROOT, "31 27 0:31 / /run rw - tmpfs tmpfs rw", "32 31 8:1 / /run/media/usb rw - ext4 /dev/sda1 rw"],
        "/run/media/usb/data",
        None,
    ),
    "covered by a later mount": (
        [ROOT, "31 27 8:1 / /data rw - ext4 /dev/sda1 rw", "32 31 0:31 / /data rw - tmpfs tmpfs rw"],
        "/data",
        MEMORY,
    ),
    "a disk over tmpfs": (
        [ROOT, "31 27 0:31 / /data rw - tmpfs tmpfs rw", "32 31 8:1 / /data rw - ext4 /dev/sda1 rw"],
        "/data",
        None,
    ),
    "vfat": ([ROOT, "31 27 179:1 / /boot rw - vfat /dev/mmcblk0p1 rw"], "/boot/data", FRAGILE),
    "msdos": ([ROOT, "31 27 8:1 / /mnt rw - msdos /dev/sda1 rw"], "/mnt", FRAGILE),
    "exfat": ([ROOT, "31 27 8:1 / /media/stick rw - exfat /dev/sda1 rw"], "/media/stick/d", FRAGILE),
    "a space in the name": (
        [ROOT, r"31 27 8:1 / /media/my\040stick rw - exfat /d rw"],
        "/media/my stick",
        FRAGILE,
    ),
    "nfs": ([ROOT, "31 27 0:40 / /mnt rw - nfs server:/x rw"], "/mnt/d", REMOTE),
    "nfs 4": ([ROOT, "31 27 0:40 / /mnt rw shared:1 master:2 - nfs4 server:/x rw"], "/mnt/d", REMOTE),
    "cifs": ([ROOT, "31 27 0:40 / /mnt rw - cifs //server/x rw"], "/mnt/d", REMOTE),
    "9p": ([ROOT, "31 27 0:40 / /mnt rw - 9p share rw"], "/mnt/d", REMOTE),
    "sshfs": ([ROOT, "31 27 0:40 / /mnt rw - fuse.sshfs me@there: rw"], "/mnt/d", REMOTE),
    "overlay over memory": (
        [ROOT, "31 27 0:31 / /media/rw rw - tmpfs tmpfs rw", over("/media/rw/upper")],
        "/var/lib/devicelog",
        MEMORY,
    ),
    "overlay over a disk": (
        ["31 27 8:2 / /media/rw rw - ext4 /dev/sda2 rw", over("/media/rw/upper")],
        "/var/lib/devicelog",
        None,
    ),
    "overlay over vfat": (
        ["31 27 8:2 / /media/rw rw - vfat /dev/sda2 rw", over("/media/rw/upper")],
        "/data",
        FRAGILE,
    ),
    "overlay of a container": ([over("/var/lib/containers/1/diff")], "/data", UNSEEN),
    "a disk in a container": ([over("/x"), "31 30 8:1 / /data rw - ext4 /dev/sda1 rw"], "/data/d", None),
    "overlay that takes nothing": (["30 1 0:30 / / ro - overlay overlay ro,lowerdir=/a:/b"], "/data", None),
    "lines that are none": (["", "x", "1 2 3 - ext4", ROOT], "/data", None),
}


@pytest.mark.parametrize(("lines", "path", "told"), CASES.values(), ids=CASES)
def test_a_path_among_these_mounts(lines: list[str], path: str, told: str | None) -> None:
    found = unsuitable("\n".join(lines) + "\n", path)
    assert (found is None) == (told is None), found
    if found is not None:
        assert told is not None
        assert told in found


# --- real ones --------------------------------------------------------------------------------------------------------


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory that is in memory."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or "tmpfs" not in subprocess.getoutput(f"stat -f -c %T {shm}"):
        pytest.skip("/dev/shm is no tmpfs here")
    with tempfile.TemporaryDirectory(dir=shm) as directory:
        yield Path(directory)


@pytest.fixture
def vfat(tmp_path: Path) -> Iterator[Path]:
    """A directory on a vfat file system."""
    image, where = tmp_path / "image", tmp_path / "vfat"
    where.mkdir()
    mkfs = shutil.which("mkfs.vfat", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if mkfs is None or os.getuid() != 0:
        pytest.skip("mkfs.vfat and root are needed")
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run([mkfs, image], check=True, capture_output=True)
    tried = subprocess.run(["mount", "-o", "loop", image, where], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"vfat cannot be mounted here: {tried.stderr.strip()}")
    yield where
    subprocess.run(["umount", "--lazy", where], check=True)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ACCEPT)


def refused(data_dir: Path, words: str) -> None:
    with pytest.raises(StoreUnusable, match=words) as caught:
        prepare_data_dir(data_dir)
    assert caught.value.exit_code == 5
    assert ACCEPT in str(caught.value)
    assert "--data-dir" in str(caught.value)


@pytest.mark.usefixtures("strict")
def test_a_directory_in_memory_is_refused_and_not_made(memory: Path) -> None:
    refused(memory / "data", MEMORY)
    assert not (memory / "data").exists()


@pytest.mark.usefixtures("strict")
def test_a_directory_in_memory_behind_a_link_is_refused(memory: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(memory)
    refused(tmp_path / "link" / "data", MEMORY)


@pytest.mark.usefixtures("strict")
def test_a_demo_in_memory_is_warned_of(memory: Path) -> None:
    assert MEMORY in str(prepare_data_dir(memory / "data", demo=True))
    assert (memory / "data").is_dir()


def test_who_accepts_it_is_warned_all_the_same(memory: Path) -> None:
    assert MEMORY in str(prepare_data_dir(memory / "data"))


@pytest.mark.usefixtures("strict")
def test_a_directory_on_vfat_is_refused(vfat: Path) -> None:
    refused(vfat / "data", FRAGILE)


@pytest.mark.usefixtures("strict")
def test_an_overlay_whose_upper_layer_is_not_seen_is_refused_and_a_demo_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So stands the root of a Pi whose card is kept from writing: its upper layer is in memory."""
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: over("/media/root-rw/overlay"))
    data_dir = tmp_path / "data"
    refused(data_dir, UNSEEN)
    assert not data_dir.exists()
    assert UNSEEN in str(prepare_data_dir(data_dir, demo=True))
    monkeypatch.setenv(ACCEPT, "1")
    assert UNSEEN in str(prepare_data_dir(data_dir))


def test_mounts_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OSError("no /proc")

    monkeypatch.setattr(Path, "read_text", fail)
    assert "is not known" in str(prepare_data_dir(tmp_path / "data"))
