"""Does a directory keep what is written into it? What the kernel's list of mounts says of a path. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MEMORY = "is in memory: whatever is recorded there is gone when the power is"
_FRAGILE = (
    "has neither a journal nor owners: a power cut can damage the whole file, and everybody with the card can read it"
)
_REMOTE = "is on another computer: neither locks nor syncs can be relied on, and a lost network is a lost session"

_UNSUITABLE: dict[str, str] = {
    **dict.fromkeys(("tmpfs", "ramfs", "rootfs"), _MEMORY),
    **dict.fromkeys(("vfat", "msdos", "exfat"), _FRAGILE),
    **dict.fromkeys(
        ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"), _REMOTE
    ),
}
_UNSEEN = (
    "is an overlay whose upper layer cannot be seen from here. The overlay root of a Pi writes into memory, that of a "
    "container goes with it: whatever is recorded there may be gone when the power is"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    at: str
    kind: str
    options: str


def unsuitable(mountinfo: str, path: str) -> str | None:
    """What is wrong with an absolute path without links, by /proc/self/mountinfo; None: nothing is known against it.

    To be read after the path.
    """
    mount = _mount_of(mountinfo, path)
    if mount is None:
        return None
    if mount.kind != "overlay":
        return _told(mount.kind, mount.at)
    upper = next((text[9:] for text in mount.options.split(",") if text.startswith("upperdir=")), None)
    if upper is None:
        return None  # nothing can be written, and that is told where it is tried
    below = _mount_of(mountinfo, upper)
    if below is None or below.kind == "overlay":
        return f"(overlay at {mount.at}) {_UNSEEN}"
    return _told(below.kind, below.at)


def _told(kind: str, at: str) -> str | None:
    words = _UNSUITABLE.get(kind)
    return None if words is None else f"({kind} at {at}) {words}"


def _mount_of(mountinfo: str, path: str) -> _Mount | None:
    """The mount that a path is on: the deepest; of several at one place the last, which covers the others."""
    found = None
    for mount in _mounts(mountinfo):
        inside = path == mount.at or path.startswith(mount.at.rstrip("/") + "/")
        if inside and (found is None or len(mount.at) >= len(found.at)):
            found = mount
    return found


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if len(fields) >= 6 and len(tail) >= 3:
            yield _Mount(at=_plain(fields[4]), kind=tail[0], options=_plain(tail[2]))


def _plain(text: str) -> str:
    """Spaces and the like stand there as octal numbers."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
