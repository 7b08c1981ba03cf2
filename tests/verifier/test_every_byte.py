"""Every byte of a small package and a small bag, changed one at a time: found, and a place is named.

As many as take some seconds; all of them with EVERY_BYTE=1 (`make every-byte`).
"""

import io
import os
import re
import struct
import zlib
from pathlib import Path

import pytest

from devicelog import verify as v
from tests.verifier import building as b
from tests.verifier.judging import judged, problems

ALL = bool(os.environ.get("EVERY_BYTE"))
LOG = b.Log()
STREAM = b.small_session(LOG, later=True)
PACKAGE = b.package(LOG, STREAM)
EXTENDED = LOG.add("stream.extended", b.later_claim(LOG, STREAM))
LATER = b.later(LOG, STREAM, EXTENDED, LOG.checkpoint())
BAG = b.bag(LOG, [STREAM], inspection=True, witnesses=[("witness.example", 1_900_000_000)])
WITNESS = v.parse_vkey(b.witness_key("witness.example"))


def changes(data: bytes, step: int) -> list[tuple[int, bytes]]:
    """Each byte (each `step`th) with one bit of it changed; another bit each time."""
    step = 1 if ALL else step
    return [
        (at, data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        for at in range(len(data) % step, len(data), step)
    ]


def missed(path: Path, data: bytes, step: int, target: Path | None = None) -> list[str]:
    """The places at which a changed byte of the file at `path` was not found altered, or no place was named."""
    found = []
    for at, changed in changes(data, step):
        path.write_bytes(changed)
        report = judged(target or path, LOG, witnesses=[WITNESS])
        if report["exit_code"] != 3 or not all(row["where"] and row["what"] for row in report["problems"]):
            found.append(f"byte {at} of {path.name}: {report['result']}\n{problems(report)}")
    path.write_bytes(data)
    assert judged(target or path, LOG)["exit_code"] == 0
    return found


@pytest.mark.requirement("R20")
def test_every_byte_of_a_package(tmp_path):
    assert not missed(tmp_path / f"{STREAM.id}.package.zip", b.zipped(PACKAGE), 11)


def test_every_byte_of_what_came_later(tmp_path):
    (tmp_path / f"{STREAM.id}.package.zip").write_bytes(b.zipped(PACKAGE))
    assert not missed(tmp_path / f"{STREAM.id}.later.zip", b.zipped(LATER, "later.json"), 13)


def test_every_length_of_a_package(tmp_path):
    data, path = b.zipped(PACKAGE), tmp_path / f"{STREAM.id}.package.zip"
    for size in range(0, len(data), 1 if ALL else 61):
        path.write_bytes(data[:size])
        assert judged(path, LOG)["exit_code"] == 3
    for more in (b"\0", b"PK\5\6", data):
        path.write_bytes(data + more)
        assert judged(path, LOG)["exit_code"] == 3


@pytest.mark.parametrize("name", BAG)
@pytest.mark.requirement("R20")
def test_every_byte_of_a_bag(name, tmp_path):
    folder = b.laid_down(BAG, tmp_path / "bag")
    assert not missed(folder / name, BAG[name], 41, folder)


@pytest.mark.parametrize("name", [name for name in PACKAGE if name != "package.json"])
@pytest.mark.requirement("R20")
def test_every_byte_of_the_evidence_behind_lists_that_fit_it(name, tmp_path):
    """Sizes and hashes in package.json are no secret: whoever changes a byte makes them anew, and so does this.

    A blob may have another byte and hold the same chunk: that is without effect, and here it is shown that it holds it.
    """
    folder = b.laid_down(PACKAGE, tmp_path / "package")
    for at, changed in changes(PACKAGE[name], 11 if name != "chunks.bin" else 3):
        files = b.relisted({**PACKAGE, name: changed}, LOG, STREAM)
        (folder / name).write_bytes(changed)
        (folder / "package.json").write_bytes(files["package.json"])
        report = judged(folder, LOG)
        if report["exit_code"] == 0:
            assert name == "chunks.bin", f"byte {at} of {name}"
            assert inflated(changed) == STREAM.chunks
        else:
            assert re.split(r"[/.]", name)[0] in problems(report), problems(report)


def inflated(data: bytes) -> list[bytes]:
    stream, found = io.BytesIO(data), []
    while head := stream.read(4):
        found.append(zlib.decompress(stream.read(struct.unpack("<I", head)[0])))
    return found
