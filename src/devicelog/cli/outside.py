"""What an auditor brings to a check: keys of witnesses, copies of checkpoints, a pin. Files in, values out."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from devicelog.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from devicelog.ledger.note import VerifierKey
    from devicelog.ledger.pin import Pin
    from devicelog.store.checkpoint_audit import Outside

_MOST_BYTES = 16 * 2**20


def outside_of(files: Iterable[Path]) -> "Outside":
    """Each a witness's key, a checkpoint, or a witness file. Raises NotFound, UsageProblem."""
    from devicelog.ledger.checkpoint import Checkpoint
    from devicelog.ledger.note import SignedNote, VerifierKey
    from devicelog.ledger.witness import WitnessFile
    from devicelog.store.checkpoint_audit import Outside

    keys: list[VerifierKey] = []
    copies: list[tuple[str, SignedNote]] = []
    for file in files:
        data = _read(file)
        try:
            if data.startswith(b"{"):
                copies += [(f"{file}", step.note) for step in WitnessFile.parse(data).steps]
            elif b"\n\n" in data:
                note = SignedNote.parse(data)
                Checkpoint.of(note)
                copies.append((f"{file}", note))
            else:
                keys.append(VerifierKey.parse(data.decode().strip()))
        except ValueError as error:
            raise UsageProblem(f"{file} is no witness's key, no checkpoint and no witness file: {error}") from error
    return Outside(keys=tuple(keys), copies=tuple(copies))


def witness_keys(files: Iterable[Path]) -> "tuple[VerifierKey, ...]":
    """The keys of witnesses, one a file, as `checkpoint witness-key` prints them. Raises NotFound, UsageProblem."""
    from devicelog.ledger.note import COSIGNATURE, VerifierKey

    keys: list[VerifierKey] = []
    for file in files:
        try:
            key = VerifierKey.parse(_read(file).decode().strip())
        except ValueError as error:
            raise UsageProblem(f"{file} is no witness's key, as `checkpoint witness-key` prints it: {error}") from error
        if key.algorithm != COSIGNATURE:
            raise UsageProblem(f"{file} is the key of {key.name}, which is no witness but a log")
        keys.append(key)
    return tuple(keys)


def pin_file(path: Path) -> "Pin":
    """The pin that the auditor trusts. Raises NotFound, UsageProblem."""
    from devicelog.ledger.pin import Pin

    try:
        return Pin.parse(_read(path).decode())
    except ValueError as error:
        raise UsageProblem(f"{path} is no pin, as `devicelog checkpoint key` writes it: {error}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
