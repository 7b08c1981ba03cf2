"""What every version wrote is verified by this one: the bags of tests/data/bags, each with its pin beside it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.ledger.checkpoint import cosigned_message, read_cosignature
from devicelog.ledger.keys import verified
from devicelog.ledger.note import VerifierKey
from devicelog.ledger.witness import WitnessFile
from devicelog.packages.reading import PackageEvidence
from tests.e2e.running import ROOT, devicelog
from tests.make_bag import BAGS, CLIENT, REASON, WITNESS
from tests.verifier.judging import problems

FIRST = (0, 4)  # the version that wrote the first bag
VERSIONS = sorted(folder.name for folder in BAGS.iterdir())
EVIDENCE = [
    pytest.param(version, path, id=f"{version}-{path.name.partition('.')[2] or 'bag'}")
    for version in VERSIONS
    for path in [BAGS / version / "bag", *sorted((BAGS / version).glob("*.zip"))]
]


def alone(*words: str | Path) -> tuple[int, Json]:
    """The file for auditors, as they run it: isolated, without anything of ours beside it."""
    file = ROOT / "src" / "devicelog" / "verify.py"
    ended = subprocess.run([sys.executable, "-I", file, *words, "--json"], capture_output=True, text=True)
    return ended.returncode, json.loads(ended.stdout)


@pytest.mark.requirement("R13")
def test_a_bag_of_every_version_is_kept() -> None:
    headings = re.findall(r"^## (\d+)\.(\d+)\.(\d+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(".".join(each) for each in headings if (int(each[0]), int(each[1])) >= FIRST) == VERSIONS


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(("version", "path"), EVIDENCE)
def test_what_a_version_wrote_is_verified(version: str, path: Path) -> None:
    pin = BAGS / version / "pin.txt"
    code, report = alone(path, "--key", pin)
    assert code == 0, problems(report)
    assert report["coverage"]["sessions"], "nothing was looked at"
    ended = devicelog("verify", path, "--key", pin)
    assert ended.succeeded().stdout.startswith("VERIFIED"), ended


@pytest.mark.requirement("R13")
@pytest.mark.parametrize("shape", ["package", "bag"])
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_wrote_is_read(version: str, shape: str) -> None:
    kept = BAGS / version
    (path,) = kept.glob({"package": "*.package.zip", "bag": "bag/data/sessions/*"}[shape])
    with PackageEvidence(path) as evidence:
        evidence.check()
        (row,) = evidence.streams()
        closing = evidence.closing(row)
        assert closing is not None
        assert len(list(evidence.records(row["no"]))) == closing.body["records"] > 0
        (correction,) = evidence.attributions(row)
        private = evidence.client_code(row["client_ref"]), evidence.note_text(correction.body["reason_sha256"])
    assert private == ((CLIENT, REASON) if shape == "bag" else (None, None))


@pytest.mark.requirement("R13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("held", ["witness.file", "witness.checkpoint"])
def test_what_a_witness_held_that_day_is_still_compared(version: str, held: str) -> None:
    kept = BAGS / version
    code, report = alone(kept / "bag", "--key", kept / "pin.txt", "--witness", kept / held)
    assert code == 0, problems(report)
    compared = report["coverage"]["compared_with"]
    assert [(each["file"], each["size"]) for each in compared] == [
        (str(kept / held), report["coverage"]["newest_checkpoint"])
    ]


@pytest.mark.requirement("R13")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_of_a_witness_is_still_read(version: str) -> None:
    kept = BAGS / version
    file = WitnessFile.parse((kept / "witness.file").read_bytes())
    newest = file.steps[-1].note
    assert newest.data() == (kept / "witness.checkpoint").read_bytes()
    key = VerifierKey.parse((kept / "witness.vkey").read_text("ascii").strip())
    assert key.name == WITNESS
    (line,) = [each for each in newest.signatures if each.key_id == key.key_id]
    time_s, signature = read_cosignature(line)
    assert verified(key.public, cosigned_message(newest.text, time_s), signature)


@pytest.mark.parametrize(("version", "path"), EVIDENCE)
def test_without_its_pin_nothing_is_decided(version: str, path: Path) -> None:
    assert alone(path)[0] == 7, version


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", ["entries.jsonl", "chunks.bin", "sealed.json", "sealed.tlog-proof", "private.json"])
def test_one_bit_of_an_old_bag_is_found(version: str, file: str, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    shutil.copytree(BAGS / version / "bag", bag)
    (changed,) = bag.glob(f"data/sessions/*/{file}")
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    code, report = alone(bag, "--key", BAGS / version / "pin.txt")
    assert code == 3
    assert file in problems(report)
