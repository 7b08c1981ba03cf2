"""Advance a witness file to the newest signed head of a ledger, and take over what witnesses signed elsewhere.

Nothing is taken over that was not checked with a key that was given: what is kept here is never taken away again.

What the file says and when it may advance is decided by ledger/witness.py.
"""

from collections.abc import Sequence
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, NotFound, SignatureRefused, StoreUnusable, UsageProblem
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.keys import verified
from devicelog.ledger.note import COSIGNATURE, MAX_SIGNATURES, Signature, SignedNote, VerifierKey
from devicelog.ledger.proofs import consistency_proof
from devicelog.ledger.signing import Refusal
from devicelog.ledger.state_file import replace_durably
from devicelog.ledger.witness import WitnessFile, advance, begin, fault, seen_s
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
    """Keep a checkpoint of this ledger with those of its witnesses' lines that a key of the request (`vkeys`) verifies.

    `names` of what is new; `without_key`, `wrong`: whose lines were not kept, as no key was given for them, or as they
    are not of the key that was. Raises UsageProblem.
    """
    try:
        note = SignedNote.parse(str(request.get("note")).encode())
        said = Checkpoint.of(note)
    except ValueError as error:
        raise UsageProblem(f"no checkpoint: {error}") from error
    keys = _witness_keys(request, said.origin)
    with Evidence(access.path) as evidence:
        held = [SignedNote.parse(each.note) for each in checkpoints(evidence)]
    same = [each for each in held if each.text == note.text]
    if not same:
        raise UsageProblem(f"a checkpoint of {said.size} entries as this one was never held here")
    lines = same[-1].signatures
    asked = [line for line in dict.fromkeys(note.signatures) if line not in lines]
    if any(line.name == said.origin for line in asked):
        raise UsageProblem(f"a signature of {said.origin} itself that is not the one held here: nothing was kept")
    judged = {line: _judged(note, line, keys) for line in asked}
    new = [line for line, verdict in judged.items() if verdict == "names"]
    if len(lines) + len(new) > MAX_SIGNATURES:
        raise UsageProblem(
            f"the checkpoint of {said.size} entries would have {len(lines) + len(new)} signatures; "
            f"{MAX_SIGNATURES} are kept at most, and nothing was added"
        )
    if new:
        whole = SignedNote(text=note.text, signatures=(*lines, *new))
        access.append(lambda transaction: transaction.checkpoint(said.size, whole.data()))
    sorts = ("names", "without_key", "wrong")
    told = {sort: sorted({line.name for line, verdict in judged.items() if verdict == sort}) for sort in sorts}
    return {"new": len(new), **told}


def _judged(note: SignedNote, line: Signature, keys: Sequence[VerifierKey]) -> str:
    """Where the answer names this line."""
    mine = [key for key in keys if (key.name, key.key_id) == (line.name, line.key_id)]
    if not mine:
        return "without_key"
    return "names" if any(seen_s(note, line, key, verified) is not None for key in mine) else "wrong"


def _witness_keys(request: Json, log: str) -> tuple[VerifierKey, ...]:
    texts = request.get("vkeys", [])
    if not isinstance(texts, list):
        raise UsageProblem("`vkeys` is a list of witnesses' keys")
    try:
        keys = tuple(VerifierKey.parse(str(each)) for each in texts)
    except ValueError as error:
        raise UsageProblem(f"no witness's key: {error}") from error
    if odd := next((key for key in keys if key.algorithm != COSIGNATURE or key.name == log), None):
        raise UsageProblem(f"the key of {odd.name} is no witness's key")
    return keys


def _read(path: Path) -> WitnessFile | None:
    try:
        return WitnessFile.parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageProblem(f"{path} is no witness file: {error}. It was left as it is; name another") from error
