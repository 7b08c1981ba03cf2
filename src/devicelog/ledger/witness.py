"""The witness file, as it lies on a USB stick: the newest checkpoint of one log that was seen, and how it came there.

It advances only with a proof that what it held is still in the log. Every step is kept with its proof, so that a
witness's key elsewhere can go from the head it cosigned to the newest, and believes nobody. Pure: files, keys and
clocks are others' work; `verified(public, message, signature)` is given.

    {"schema": "devicelog.witness/1", "log": ..., "vkey": ..., "size": ..., "root": hex of the newest,
     "note": [lines of its checkpoint], "steps": [{"note": [lines], "proof": [hex, from the step before]}, ...]}
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.ledger.checkpoint import Checkpoint, cosigned_message, read_cosignature
from devicelog.ledger.note import COSIGNATURE, Signature, SignedNote, VerifierKey
from devicelog.ledger.signing import Head, Refusal, Request, decide

SCHEMA = "devicelog.witness/1"
MAX_STEPS = 4096  # a step a day for eleven years
MAX_BYTES = 16 * 1024 * 1024

Verified = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A checkpoint that was seen, and the proof that leads to it from the step before: none in the first."""

    note: SignedNote
    proof: tuple[bytes, ...] = ()

    @property
    def head(self) -> Head:
        """What the checkpoint says."""
        checkpoint = Checkpoint.of(self.note)
        return Head(log=checkpoint.origin, size=checkpoint.size, root=checkpoint.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessFile:
    """What the file says. `vkey`: the log's key, as its pin has it; `steps`: oldest first, one at least."""

    vkey: VerifierKey
    steps: tuple[Step, ...]

    @property
    def head(self) -> Head:
        """The newest head it holds."""
        return self.steps[-1].head

    def data(self) -> bytes:
        """The bytes of the file. Raises ValueError when they are more than a reader takes."""
        head = self.head
        newest, *_ = lines = [_lines(step.note) for step in reversed(self.steps)]
        data = canonical(
            {
                "schema": SCHEMA,
                "log": head.log,
                "vkey": self.vkey.text(),
                "size": head.size,
                "root": head.root.hex(),
                "note": newest,
                "steps": [
                    {"note": note, "proof": [node.hex() for node in step.proof]}
                    for note, step in zip(reversed(lines), self.steps, strict=True)
                ],
            }
        )
        if len(data) > MAX_BYTES:
            raise ValueError(
                f"a witness file has at most {MAX_BYTES} bytes; begin a new one from its newest checkpoint"
            )
        return data

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file. Raises ValueError when it is none. No signature and no proof is looked at: `fault` does that."""
        if len(data) > MAX_BYTES:
            raise ValueError(f"a witness file has at most {MAX_BYTES} bytes")
        values = parse_canonical(data)
        if values.get("schema") != SCHEMA:
            raise ValueError(f"schema {values.get('schema')!r}; expected {SCHEMA!r}")
        try:
            steps = tuple(_step(each) for each in values["steps"])
            file = cls(vkey=VerifierKey.parse(values["vkey"]), steps=steps)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no witness file: {error!r}") from error
        if not 1 <= len(steps) <= MAX_STEPS:
            raise ValueError(f"a witness file has 1 to {MAX_STEPS} steps; this has {len(steps)}")
        if file.data() != data:
            raise ValueError("what stands on top is not what its newest step says")
        return file


def begin(vkey: VerifierKey, note: SignedNote, verified: Verified) -> WitnessFile | Refusal:
    """A new file from one checkpoint of the log with this key. `vkey` comes from the pin and from nowhere else."""
    file = WitnessFile(vkey=vkey, steps=(Step(note=note),))
    wrong = fault(file, verified)
    return file if wrong is None else wrong


def advance(file: WitnessFile, note: SignedNote, proof: Sequence[bytes], verified: Verified) -> WitnessFile | Refusal:
    """The file with a newer checkpoint, if the proof leads to it from the one it holds; else why not.

    The same checkpoint again adds the witnesses' lines that it has and the file has not.
    """
    wrong = _unsigned(file.vkey, note, verified)
    if wrong is not None:
        return wrong
    step = Step(note=note, proof=tuple(proof))
    head = _step_from(file.head, step)
    if isinstance(head, Refusal):
        return head
    if head == file.head:
        more = tuple(line for line in note.signatures if line not in file.steps[-1].note.signatures)
        return _with_lines(file, more)
    if len(file.steps) >= MAX_STEPS:
        why = f"the file holds {MAX_STEPS} steps; begin a new one from its newest checkpoint, and keep this one"
        return Refusal(code="malformed", why=why)
    return replace(file, steps=(*file.steps, step))


def cosigned(file: WitnessFile, line: Signature) -> WitnessFile | Refusal:
    """The file with a witness's line below its newest checkpoint."""
    return _with_lines(file, () if line in file.steps[-1].note.signatures else (line,))


def fault(file: WitnessFile, verified: Verified) -> Refusal | None:
    """What is wrong with a file, from its first step to its newest, or None: the log's signatures and every proof."""
    before: Head | None = None
    for step in file.steps:
        wrong = _unsigned(file.vkey, step.note, verified)
        if wrong is not None:
            return wrong
        head = step.head if before is None else _step_from(before, step)
        if isinstance(head, Refusal):
            return head
        if head == before:
            return Refusal(code="malformed", why=f"the file has the checkpoint of {head.size} entries twice")
        before = head
    return None


def since(file: WitnessFile, remembered: Head | None) -> Head | Refusal:
    """The newest head of a file, for a witness that cosigned `remembered` last; every proof on the way is checked.

    Nothing remembered: the newest is accepted, once.
    """
    newest = file.head
    if remembered is None:
        return newest
    if newest.log != remembered.log:
        return Refusal(code="other log", why=f"the file is of {newest.log}; this is remembered of {remembered.log}")
    passed = next((index for index, step in enumerate(file.steps) if step.head == remembered), None)
    if passed is None:
        return _not_passed(file, remembered)
    head = remembered
    for step in file.steps[passed + 1 :]:
        following = _step_from(head, step)
        if isinstance(following, Refusal):
            return following
        head = following
    return head


def cosignatures(file: WitnessFile, key: VerifierKey, verified: Verified) -> Iterator[tuple[Head, int]]:
    """What the witness with this key saw, oldest first: heads, and when (seconds of 1970, by the witness's clock).

    Only lines whose signature is good.
    """
    if key.algorithm != COSIGNATURE:
        raise ValueError(f"{key.name} is not a witness's key")
    for step in file.steps:
        for line in step.note.by(key):
            time_s = seen_s(step.note, line, key, verified)
            if time_s is not None:
                yield step.head, time_s


def seen_s(note: SignedNote, line: Signature, key: VerifierKey, verified: Verified) -> int | None:
    """When the witness with this key saw what the note says, in seconds of 1970 by its clock; None: not its line."""
    if key.algorithm != COSIGNATURE or (line.name, line.key_id) != (key.name, key.key_id):
        return None
    try:
        time_s, signature = read_cosignature(line)
    except ValueError:
        return None
    return time_s if verified(key.public, cosigned_message(note.text, time_s), signature) else None


def _step_from(before: Head, step: Step) -> Head | Refusal:
    head = step.head
    return decide(before, Request(log=head.log, old=before.size, size=head.size, root=head.root, proof=step.proof))


def _not_passed(file: WitnessFile, remembered: Head) -> Refusal:
    newest = file.head
    if any(step.head.size == remembered.size for step in file.steps):
        why = f"the file has another history: {remembered.size} entries with another root than the one cosigned here"
        return Refusal(code="fork", why=f"{why}, {remembered.root.hex()}. Keep it: it proves that one log was forked.")
    if newest.size < remembered.size:
        why = f"the file holds {newest.size} entries, and {remembered.size} were cosigned with this key: rolled back, "
        return Refusal(code="smaller", why=why + "or a file that was not at the device since")
    why = f"the file does not pass through the {remembered.size} entries that were cosigned with this key last, so it "
    why += "cannot be told whether they are still in it. Take the file that was cosigned then; one key, one file."
    return Refusal(code="behind", why=why)


def _unsigned(vkey: VerifierKey, note: SignedNote, verified: Verified) -> Refusal | None:
    try:
        checkpoint = Checkpoint.of(note)
    except ValueError as error:
        return Refusal(code="malformed", why=str(error))
    if checkpoint.origin != vkey.name:
        return Refusal(code="other log", why=f"a checkpoint of {checkpoint.origin}; the key is of {vkey.name}")
    if note.text != checkpoint.body():
        return Refusal(code="malformed", why="a checkpoint with more lines than three; ours have none")
    lines = note.by(vkey)
    if not lines or not all(verified(vkey.public, note.text.encode(), line.data) for line in lines):
        why = f"the checkpoint of {checkpoint.size} entries is not signed with the key of {vkey.name} that is known"
        return Refusal(code="proof", why=why)
    return None


def _with_lines(file: WitnessFile, lines: tuple[Signature, ...]) -> WitnessFile | Refusal:
    *before, newest = file.steps
    try:
        note = replace(newest.note, signatures=(*newest.note.signatures, *lines))
    except ValueError as error:
        return Refusal(code="malformed", why=str(error))
    return replace(file, steps=(*before, replace(newest, note=note)))


def _lines(note: SignedNote) -> list[str]:
    return note.data().decode().removesuffix("\n").split("\n")


def _step(values: Json) -> Step:
    note = SignedNote.parse("".join(f"{line}\n" for line in values["note"]).encode())
    Checkpoint.of(note)
    return Step(note=note, proof=tuple(bytes.fromhex(node) for node in values["proof"]))
