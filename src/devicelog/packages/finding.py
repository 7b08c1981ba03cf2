"""Packages in folders and below them: each read to its last byte, and what it says of its session and its ledger.

Signatures are checked with the key that is in the package: enough to find damage, and no proof of whose it is, which
takes a pin and `verify`. Not responsible for what is done with what is found.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import CannotDecide, DevicelogError, EvidenceDamaged, NotFound, StoreUnusable, UsageProblem
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.keys import verified
from devicelog.ledger.note import SignedNote
from devicelog.ledger.pin import Pin
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.whole import file_sha256, imported_row

PACKAGE_END, LATER_END, PRIVATE_END = ".package.zip", ".later.zip", ".private.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A sound package. `heads`: the checkpoints that came with it; `entries`: how many of its ledger's it has."""

    path: Path
    sha256: str
    size: int
    stream: str
    log: str
    row: Json  # as `package.imported` has it
    later: Path | None
    private: Path | None
    pin: Pin
    heads: tuple[Checkpoint, ...]
    entries: int
    newest_seq: int
    newest_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A package that cannot be used, and why."""

    path: Path
    why: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InFolders:
    """What is there. `alone`: sessions of which something lies there, and no package."""

    found: tuple[Found, ...]  # one a session, oldest first
    refused: tuple[Refused, ...]
    alone: tuple[str, ...]


def find_packages(folders: Iterable[Path]) -> InFolders:
    """Read every package in these folders; of two copies that are the same, that in the last one is taken.

    Raises UsageProblem (no folder), NotFound (none there), StoreUnusable.
    """
    wanted = list(folders)
    files = sorted({path for folder in wanted for path in _files(folder)})
    packages = [path for path in files if path.name.endswith(PACKAGE_END)]
    copies: dict[str, list[Found]] = {}
    refused: list[Refused] = []
    for path in packages:
        try:
            found = read_package(path)
        except StoreUnusable:
            raise
        except DevicelogError as error:
            refused.append(Refused(path=path, why=str(error), exit_code=error.exit_code))
        else:
            copies.setdefault(found.stream, []).append(found)
    chosen = []
    for same in copies.values():
        kept = _one_of(same, refused, wanted[-1])
        if kept is not None:
            chosen.append(kept)
    named = {path.name.partition(".")[0] for path in files}
    alone = named - copies.keys() - {each.path.name.partition(".")[0] for each in refused}
    return InFolders(
        found=tuple(sorted(chosen, key=lambda each: (each.row["opened_at"], each.log, each.row["no"]))),
        refused=tuple(refused),
        alone=tuple(sorted(alone)),
    )


def read_package(path: Path) -> Found:
    """Read one, with what lies beside it. Raises EvidenceDamaged, CannotDecide (a later version), StoreUnusable."""
    with PackageEvidence(path) as package:
        package.check()
        parts, statement_proof = package.parts(), package.statement_proof()
        pin = _pin(package, parts.pin)
        proofs = [parts.proof] + ([] if statement_proof is None else [statement_proof])
        heads = tuple(_signed(package, pin, proof) for proof in proofs)
        entries = [*package.entries(), package.sealed] + ([package.statement] if package.statement else [])
        newest = max(entries, key=lambda entry: entry.seq)
        later, private = (path.with_name(package.id + end) for end in (LATER_END, PRIVATE_END))
        has_later = package.statement is not None
        return Found(
            path=path,
            sha256=file_sha256(path),
            size=path.stat().st_size,
            stream=package.id,
            log=package.log,
            row=imported_row(package, file_sha256(later) if has_later else None),
            later=later if has_later else None,
            private=private if os.path.lexists(private) else None,
            pin=pin,
            heads=heads,
            entries=len(entries),
            newest_seq=newest.seq,
            newest_at=str(newest.values["at"]),
        )


def _one_of(same: list[Found], refused: list[Refused], preferred: Path) -> Found | None:
    """Of several copies the one with the newest later entries; None, and refused, where packages differ."""
    if len({(each.log, each.sha256) for each in same}) > 1:
        first, *others = sorted(same, key=lambda each: each.path)
        for each in (first, *others):
            other = next(path for path in (found.path for found in same) if path != each.path)
            why = f"{each.path} and {other} are two packages of {each.stream}, and differ"
            refused.append(Refused(path=each.path, why=why, exit_code=EvidenceDamaged.exit_code))
        return None
    return max(same, key=lambda each: (each.newest_seq, each.path.is_relative_to(preferred), each.private is not None))


def _pin(package: PackageEvidence, data: bytes) -> Pin:
    try:
        pin = Pin.parse(data.decode())
        if pin.log != package.log:
            raise ValueError(f"it is of {pin.log}, and the package of {package.log}")
    except ValueError as error:
        raise EvidenceDamaged(f"{package.path}: pin.txt: {error}") from error
    return pin


def _signed(package: PackageEvidence, pin: Pin, proof: bytes) -> Checkpoint:
    note = SignedNote.parse(TlogProof.parse(proof).checkpoint)  # `check` has read it
    lines, message = note.by(pin.checkpoints), note.text.encode()
    if not lines or not all(verified(pin.checkpoints.public, message, line.data) for line in lines):
        raise EvidenceDamaged(f"{package.path}: its checkpoint is not signed with the key that is in it")
    return Checkpoint.of(note)


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        if os.path.lexists(folder):
            raise UsageProblem(f"{folder} is a file, and no folder of packages. Name the folder that it is in.")
        raise NotFound(f"there is no folder {folder}")

    def told(error: OSError) -> None:
        raise StoreUnusable(f"{error.filename} cannot be read: {error.strerror}") from error

    for place, _, names in os.walk(folder, onerror=told):
        for name in names:
            if name.endswith((PACKAGE_END, LATER_END, PRIVATE_END)) and not name.startswith("."):
                yield Path(place) / name


def worst(refused: Iterable[Refused]) -> DevicelogError:
    """All of them as one error: altered before undecided."""
    listed = list(refused)
    altered = any(each.exit_code != CannotDecide.exit_code for each in listed)
    words = "; ".join(each.why for each in listed)
    return (EvidenceDamaged if altered else CannotDecide)(words)
