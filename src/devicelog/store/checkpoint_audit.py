"""The part of the audit that is about signed heads: each against the ledger as it is now, and by whose key it is.

A signature that the ledger's own key did not make is a fault. A witness's is believed only with a key that the caller
brings: nothing in the file can say whom to trust.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from devicelog.errors import EvidenceDamaged
from devicelog.ledger.checkpoint import Checkpoint, cosigned_message, read_cosignature
from devicelog.ledger.entries import Entry
from devicelog.ledger.keys import verified
from devicelog.ledger.note import COSIGNATURE, SignedNote, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.tree import Tree
from devicelog.store.heads import pin_from
from devicelog.store.report import Report, Witnessed, check_types
from devicelog.store.schema import CHECKPOINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What an auditor brings: keys of witnesses, and copies of checkpoints by what they are called."""

    keys: tuple[VerifierKey, ...] = ()
    copies: tuple[tuple[str, SignedNote], ...] = ()


NOTHING_OUTSIDE = Outside()


def check_checkpoints(
    connection: Connection, entries: Sequence[Entry], pin: Pin | None, outside: Outside, report: Report
) -> None:
    """Every signed head that is held, and every one that was brought."""
    held: list[tuple[str, SignedNote]] = []
    for number, row in enumerate(connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.id))):
        where = f"checkpoint {number}"
        try:
            check_types(CHECKPOINT, row)
            note = SignedNote.parse(row.note)
            if row.id != number or Checkpoint.of(note).size != row.size:
                raise ValueError(f"its row says number {row.id} and {row.size} entries")
        except ValueError as error:
            report.problems.append(f"{where} was changed: {error}")
            continue
        held.append((where, note))
    _check_packages(entries, held, report)
    roots = _roots(entries, report, [Checkpoint.of(note).size for _, note in (*held, *outside.copies)])
    for where, note in held:
        if _as_signed(where, note, pin, roots, report):
            report.signed = max(report.signed, Checkpoint.of(note).size)
            report.witnessed += _cosigned(where, note, outside.keys, report)
    for name, note in outside.copies:
        if _as_signed(f"the checkpoint {name}", note, pin, roots, report):
            report.signed = max(report.signed, Checkpoint.of(note).size)
            report.witnessed.append(Witnessed(name=name, size=Checkpoint.of(note).size, time_s=None))
            report.witnessed += _cosigned(name, note, outside.keys, report)


def _check_packages(entries: Sequence[Entry], held: Sequence[tuple[str, SignedNote]], report: Report) -> None:
    """Nothing is packaged before its seal is under a checkpoint, which is kept: where there is none, it was dropped."""
    newest = max((Checkpoint.of(note).size for _, note in held), default=0)
    sealed: dict[str, int] = {}
    for entry in entries:
        if entry.type == "stream.sealed":
            sealed.setdefault(entry.body["stream"], entry.seq)
        elif entry.type == "package.written" and sealed.get(entry.body["stream"], -1) >= newest:
            report.problems.append(
                f"ledger entry {entry.seq} (package.written): the checkpoint over the seal of {entry.body['stream']} "
                "is not held any more: checkpoints were taken away"
            )


def _roots(entries: Sequence[Entry], report: Report, sizes: Collection[int]) -> dict[int, bytes] | None:
    """The root over the first so many entries, for each of these sizes that there are entries for."""
    if len(entries) != report.entries:
        return None  # one cannot be read: that is told already, and no root can be computed
    tree, wanted = Tree(), set(sizes)
    roots = {0: tree.root()} if 0 in wanted else {}
    for entry in entries:
        tree.append(entry.leaf)
        if tree.size in wanted:
            roots[tree.size] = tree.root()
    return roots


def _as_signed(where: str, note: SignedNote, pin: Pin | None, roots: dict[int, bytes] | None, report: Report) -> bool:
    """Whether the ledger's key signed it, and it is of the ledger as it is."""
    try:
        said = Checkpoint.of(note)
    except ValueError as error:
        report.problems.append(f"{where} is none: {error}")
        return False
    if pin is None:
        report.problems.append(f"{where} is signed, and no entry says with which key")
        return False
    if said.origin != pin.log:
        report.problems.append(f"{where} is of {said.origin}; this is {pin.log}")
        return False
    lines = note.by(pin.checkpoints)
    if not lines or not all(verified(pin.checkpoints.public, note.text.encode(), line.data) for line in lines):
        report.problems.append(f"{where} is not signed with the key of this ledger")
        return False
    if roots is None:
        report.problems.append(f"{where} cannot be checked: an entry cannot be read")
        return False
    if said.size not in roots:
        report.problems.append(
            f"{where} was signed over {said.size} entries; there are {report.entries}: the ledger was cut off or an "
            "older copy was put in its place"
        )
        return False
    if roots[said.size] != said.root:
        report.problems.append(f"the first {said.size} entries are not those that {where} was signed over")
        return False
    return True


def _cosigned(where: str, note: SignedNote, keys: Sequence[VerifierKey], report: Report) -> list[Witnessed]:
    found = []
    for key in keys:
        if key.algorithm != COSIGNATURE:
            continue
        for line in note.by(key):
            try:
                time_s, signature = read_cosignature(line)
                if not verified(key.public, cosigned_message(note.text, time_s), signature):
                    raise ValueError("the signature is wrong")
            except ValueError as error:
                report.problems.append(f"{where}: the line of the witness {key.name} is not of its key: {error}")
                continue
            found.append(Witnessed(name=key.name, size=Checkpoint.of(note).size, time_s=time_s))
    return found


def pin_in(entries: Sequence[Entry], report: Report) -> Pin | None:
    """The keys of this ledger as its entry names them; an entry that names others later is a fault."""
    pin: Pin | None = None
    for entry in entries:
        if entry.type != "log.commissioned":
            continue
        try:
            found = pin_from(entry)
        except EvidenceDamaged as error:
            report.problems.append(str(error))
            continue
        if pin is not None:
            report.problems.append(f"ledger entry {entry.seq} gives this ledger keys a second time")
        elif found.first != entries[0].leaf:
            report.problems.append(f"ledger entry {entry.seq}: the keys are of a ledger with another beginning")
        pin = pin or found
    return pin
