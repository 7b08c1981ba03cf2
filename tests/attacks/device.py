"""A device with a history, and what auditors took away from it: made by the real code, once, and copied to be attacked.

Two sessions sealed, one corrected afterwards. A checkpoint left the device after the second seal: what is behind it is
witnessed, what came after it is the exposure window.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from devicelog.cli import run
from devicelog.ledger.checkpoint import cosignature, cosigned_message
from devicelog.ledger.keys import SigningKey, verified
from devicelog.ledger.note import COSIGNATURE, SignedNote, VerifierKey
from devicelog.ledger.witness import WitnessFile, begin
from devicelog.recorder.access import alone
from devicelog.recorder.checkpointing import checkpoint
from devicelog.recorder.sealing import extend, seal
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_checkpoint, pin_of
from tests.databases import FIRST, SECOND, make_database
from tests.packaging import attribute

# How a cell of a table is written, and the exit code that it stands for.
CODES = {"F": 3, "-": 0, "?": 7}
LETTERS = {code: letter for letter, code in CODES.items()}
WITNESS, WITNESSED_S = "auditor.example", 1_925_100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The database, and copies of its directory as it was; what left it is in `outside`."""

    path: Path
    older: Path  # as it was before the witness
    newer: Path  # and soon after
    outside: Path
    size: int  # how many entries the witnessed checkpoint is over

    def copied(self, to: Path) -> "Device":
        """One to attack."""
        shutil.copytree(self.path.parent, to)
        return Device(
            path=to / self.path.name, older=self.older, newer=self.newer, outside=self.outside, size=self.size
        )

    def rolled_back(self, to: Path) -> None:
        """The whole directory is an older one, the signer's too."""
        shutil.rmtree(self.path.parent)
        shutil.copytree(to, self.path.parent)


def make_device(folder: Path) -> Device:
    """Record, seal, be witnessed, correct."""
    path = make_database(folder / "data")
    outside = folder / "outside"
    outside.mkdir()
    with alone(path.parent) as access:
        seal(access, FIRST)
    shutil.copytree(path.parent, folder / "older")
    with alone(path.parent) as access:
        seal(access, SECOND)
        with Evidence(path) as evidence:
            head, pin = _newest(evidence), pin_of(evidence)
        assert pin is not None
        (outside / "pin").write_text(pin.text())
        (outside / "copy").write_bytes(head)
        file = begin(pin.checkpoints, SignedNote.parse(head), verified)
        assert isinstance(file, WitnessFile)
        (outside / "file").write_bytes(file.data())
        cosigned = _cosigned(SignedNote.parse(head), outside)
        (outside / "cosigned").write_bytes(cosigned.data())
        size = int(head.split(b"\n")[1])
        access.append(lambda transaction: transaction.checkpoint(size, cosigned.data()))
        checkpoint(access)
    shutil.copytree(path.parent, folder / "newer")
    attribute(path, FIRST)
    with alone(path.parent) as access:
        extend(access, FIRST)
        checkpoint(access)
    return Device(path=path, older=folder / "older", newer=folder / "newer", outside=outside, size=size)


def _newest(evidence: Evidence) -> bytes:
    held = newest_checkpoint(evidence)
    assert held is not None
    return held.note


def _cosigned(note: SignedNote, outside: Path) -> SignedNote:
    key = SigningKey.create(outside / "auditor" / "witness.key")
    verifier = VerifierKey(name=WITNESS, algorithm=COSIGNATURE, public=key.public)
    (outside / "key").write_text(verifier.text() + "\n")
    line = cosignature(verifier, WITNESSED_S, key.sign(cosigned_message(note.text, WITNESSED_S)))
    return SignedNote(text=note.text, signatures=(*note.signatures, line))


def held_by(outside: Path, holding: str) -> list[str]:
    """What an auditor who holds this says on the command line."""
    pin, witness = ["--key", str(outside / "pin")], ["--witness", str(outside / "key")]
    words: dict[str, list[str]] = {
        "nothing": [],
        "pin": pin,
        "copy": ["--witness", str(outside / "copy")],
        "pin+copy": [*pin, "--witness", str(outside / "copy")],
        "file": ["--witness", str(outside / "file")],
        "cosigned": [*pin, *witness, "--witness", str(outside / "cosigned")],
        "witness's key": [*pin, *witness, "--require-witness"],
    }
    return words[holding]


def verified_by(device: Device, holding: str) -> int:
    """The exit code of `verify --all`, asked in this process."""
    return run(["verify", "--all", "--data-dir", str(device.path.parent), *held_by(device.outside, holding)])
