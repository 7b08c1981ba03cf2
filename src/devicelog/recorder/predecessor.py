"""The ledger that a new one goes on from: its newest head that is known, who outside held it, and what is not known.

Who held it is believed only of a signature that was checked with a key that was given. Heads come from packages, from
checkpoints and from witness files; two of one ledger that contradict each other are never chosen from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable, UsageProblem
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.keys import verified
from devicelog.ledger.note import SignedNote, VerifierKey
from devicelog.ledger.witness import MAX_BYTES, WitnessFile, fault, seen_s
from devicelog.packages.finding import Found

_LATEST_S = 253_402_300_799  # the last second of the year 9999: no later one can be written


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Somebody outside who signed a checkpoint. `at`: when, by their own clock, as an entry's `at`."""

    name: str
    at: str

    def document(self) -> Json:
        """As `log.continued` has it."""
        return {"name": self.name, "at": self.at}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A checkpoint, or a witness file with all it saw, as it lies in a file. `vkey`: None where nothing says it."""

    name: str
    notes: tuple[SignedNote, ...]  # oldest first
    vkey: VerifierKey | None

    @property
    def head(self) -> Checkpoint:
        """The newest."""
        return Checkpoint.of(self.notes[-1])

    def witness(self, keys: Sequence[VerifierKey]) -> Witness | None:
        """Who of those with these keys signed the newest note last; None where nobody did.

        Raises EvidenceDamaged where a line says that it is of one of these keys, and is not.
        """
        note = self.notes[-1]
        seen: list[tuple[int, str]] = []
        for key in keys:
            for line in note.by(key):
                time_s = seen_s(note, line, key, verified)
                if time_s is None or time_s > _LATEST_S:
                    raise EvidenceDamaged(f"{self.name}: the line of the witness {key.name} is not of its key")
                seen.append((time_s, key.name))
        if not seen:
            return None
        time_s, name = max(seen)
        return Witness(name=name, at=datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def unchecked(self, keys: Sequence[VerifierKey]) -> tuple[str, ...]:
        """The names on the newest note, beside the log's own, that none of these keys is of."""
        note = self.notes[-1]
        known = [line for key in keys for line in note.by(key)]
        return tuple(
            sorted({line.name for line in note.signatures if line not in known and line.name != self.head.origin})
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """What `log.continued` says. `known`: how many of its entries are at hand. `unchecked`: who is said to have signed
    that head too, and no key was given for them; the entry does not name them."""

    head: Checkpoint
    vkey: VerifierKey | None
    witness: Witness | None
    last_at: str | None
    known: int = 0
    unchecked: tuple[str, ...] = ()

    def body(self) -> Json:
        """The body of the entry."""
        return {
            "predecessor": self.head.origin,
            "size": self.head.size,
            "root": self.head.root.hex(),
            "vkey": self.vkey and self.vkey.text(),
            "witness": self.witness and self.witness.document(),
            "last_at": self.last_at,
        }


def read_brought(path: Path) -> Brought:
    """A file with a checkpoint, or a witness file. Raises NotFound, StoreUnusable, UsageProblem, EvidenceDamaged."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    try:
        if not data.startswith(b"{"):
            note = SignedNote.parse(data)
            Checkpoint.of(note)
            return Brought(name=path.name, notes=(note,), vkey=None)
        witness = WitnessFile.parse(data)
    except ValueError as error:
        raise UsageProblem(f"{path} is no checkpoint and no witness file: {error}") from error
    if (wrong := fault(witness, verified)) is not None:
        raise EvidenceDamaged(f"{path} was changed: {wrong.why}")
    return Brought(name=path.name, notes=tuple(step.note for step in witness.steps), vkey=witness.vkey)


def predecessors(
    found: Iterable[Found], brought: Iterable[Brought], keys: Sequence[VerifierKey] = ()
) -> list[Predecessor]:
    """One for each ledger that the packages are of, in the order of their ids. `keys`: of witnesses.

    Raises EvidenceDamaged where two heads of one contradict each other, or its keys do; UsageProblem for a checkpoint
    of a ledger that no package is of.
    """
    logs: dict[str, list[Found]] = {}
    for each in found:
        logs.setdefault(each.log, []).append(each)
    files = list(brought)
    for file in files:
        if file.head.origin not in logs:
            raise UsageProblem(f"{file.name} is of {file.head.origin}, and no package is of it")
    return [_of_packages(logs[log], [file for file in files if file.head.origin == log], keys) for log in sorted(logs)]


def _of_packages(same: list[Found], brought: list[Brought], keys: Sequence[VerifierKey]) -> Predecessor:
    if odd := next((each for each in same if each.pin != same[0].pin), None):
        raise EvidenceDamaged(f"{same[0].path} and {odd.path} are of one log, {odd.log}, and name other keys of it")
    pin = same[0].pin
    newest = max((head for each in same for head in each.heads), key=lambda head: head.size)
    last = max(same, key=lambda each: each.newest_seq)
    heads = [(str(each.path), head) for each in same for head in each.heads]
    chosen = Predecessor(
        head=newest,
        vkey=pin.checkpoints,
        witness=None,
        last_at=last.newest_at,
        known=sum(each.entries for each in same),
    )
    for file in brought:
        _check_signed(file, pin.checkpoints)
        heads += [(file.name, Checkpoint.of(note)) for note in file.notes]
        if file.head.size > chosen.head.size or (file.head == chosen.head and chosen.witness is None):
            chosen = replace(chosen, head=file.head, witness=file.witness(keys), unchecked=file.unchecked(keys))
    _check_one_history(heads)
    return chosen


def _check_signed(brought: Brought, key: VerifierKey) -> None:
    for note in brought.notes:
        lines = note.by(key)
        if not lines or not all(verified(key.public, note.text.encode(), line.data) for line in lines):
            raise EvidenceDamaged(f"{brought.name} is not signed with the key of {key.name} that the packages have")


def _check_one_history(heads: Iterable[tuple[str, Checkpoint]]) -> None:
    by_size: dict[int, tuple[str, Checkpoint]] = {}
    for where, head in heads:
        first, known = by_size.setdefault(head.size, (where, head))
        if known != head:
            raise EvidenceDamaged(
                f"{first} and {where} are of two histories of {head.origin}: {head.size} entries with two roots. "
                "One of them was written anew. Keep both: they prove it."
            )
