"""Advance a witness file to the newest signed head of a ledger, and take over what witnesses signed elsewhere.

What the file says and when it may advance is decided by ledger/witness.py.
"""

from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, NotFound, SignatureRefused, StoreUnusable, UsageProblem
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.keys import verified
from devicelog.ledger.note import SignedNote
from devicelog.ledger.proofs import consistency_proof
from devicelog.ledger.signing import Refusal
from devicelog.ledger.state_file import replace_durably
from devicelog.ledger.witness import WitnessFile, advance, begin, fault
from devicelog.recorder.access import Access
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.heads import checkpoints, leaves, newest_checkpoint, pin_of


def advanced(data_dir: Path, path: Path) -> tuple[WitnessFile | None, WitnessFile]:
    """The file before, and as it stands now on its disk. Raises SignatureRefused where it must not advance,
    UsageProblem for a file that is none, StoreUnusable, NotFound."""
    with Evidence(data_dir / FILE_NAME) as evidence:
        held, pin, every = newest_checkpoint(evidence), pin_of(evidence), leaves(evidence)
    if held is None or pin is None:
        raise NotFound("nothing is signed here yet")
    note, before = SignedNote.parse(held.note), _read(path)
    if before is None:
        after = begin(pin.checkpoints, note, verified)
    elif before.head.log != pin.log:
        raise UsageProblem(f"{path} is of {before.head.log}; this is {pin.log}. Name another file")
    elif before.head.size > held.size:
        raise SignatureRefused(
            f"{path} holds {before.head.size} entries, and {held.size} are signed here: entries were taken away, or an "
            "older copy of the database was put in its place. The file stays as it is.",
            code="smaller",
        )
    else:
        wrong = fault(before, verified)
        if wrong is not None:
            raise EvidenceDamaged(f"{path} was changed: {wrong.why}")
        proof = consistency_proof(every[: held.size], before.head.size, held.size)
        after = advance(before, note, proof, verified)
    if isinstance(after, Refusal):
        raise SignatureRefused(f"{path} stays as it is: {after.why}", code=after.code)
    replace_durably(path, after.data())
    return before, after


def take_cosigned(access: Access, request: Json) -> Json:
    """Keep a checkpoint of this ledger with the lines of witnesses that it has. Raises UsageProblem."""
    try:
        note = SignedNote.parse(str(request.get("note")).encode())
        said = Checkpoint.of(note)
    except ValueError as error:
        raise UsageProblem(f"no checkpoint: {error}") from error
    with Evidence(access.path) as evidence:
        held = [SignedNote.parse(each.note) for each in checkpoints(evidence)]
    same = [each for each in held if each.text == note.text]
    if not same:
        raise UsageProblem(f"a checkpoint of {said.size} entries as this one was never held here")
    lines = list(same[-1].signatures)
    new = [line for line in note.signatures if line not in lines]
    if new:
        whole = SignedNote(text=note.text, signatures=(*lines, *new))
        access.append(lambda transaction: transaction.checkpoint(said.size, whole.data()))
    return {"new": len(new), "names": sorted({line.name for line in new})}


def _read(path: Path) -> WitnessFile | None:
    try:
        return WitnessFile.parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageProblem(f"{path} is no witness file: {error}. It was left as it is; name another") from error
