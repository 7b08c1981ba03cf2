"""A new log that goes on from an old one whose database is there, or of which only a checkpoint is: no session moves.

The old data directory is read and stays as it is. Where its signer remembers more than the database has (an older
backup was put in its place, or is only tried), nothing is done unless it is asked that the log be ended there for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devicelog.errors import EvidenceDamaged, NotFound, SignatureRefused, StoreUnusable
from devicelog.ledger.asking import Signer
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.note import SignedNote, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.signing import Head
from devicelog.ledger.tree import Tree
from devicelog.recorder.importing import found_with, sign_new
from devicelog.recorder.predecessor import Brought, Predecessor, read_brought
from devicelog.store.database import FILE_NAME, prepare_data_dir
from devicelog.store.evidence import Evidence
from devicelog.store.founding import refuse_existing
from devicelog.store.heads import leaves, newest_checkpoint, pin_of
from devicelog.store.lock import WriterLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """What was done. `lost`: how many entries the old log had at least that its database has not. `unasked`: why the
    old log's signer could not be asked; None where it was, or there was none to ask."""

    log: str
    predecessor: Predecessor
    lost: int
    unasked: str | None
    unsigned: str | None


def continue_from(
    source: Path, data_dir: Path, *, keys: Sequence[VerifierKey] = (), end_old_log: bool = False
) -> Continued:
    """Begin a new log in `data_dir`, which goes on from that of an old data directory, a checkpoint or a witness file.

    `keys`: of witnesses; who held the head is entered only where one of these verifies it. `end_old_log`: the old log
    may be ended for good by its signer, where that signed something that the old directory has not.
    Raises StoreUnusable where there is a database already, NotFound, UsageProblem, EvidenceDamaged, SignatureRefused
    where the old log would have to be ended and that was not asked: then nothing was done.
    """
    refuse_existing(data_dir)
    if source.is_dir():
        before, unasked = _of_directory(source, keys, end_old_log=end_old_log)
    else:
        before, unasked = _of_file(read_brought(source), keys), None
    prepare_data_dir(data_dir)
    with WriterLock(data_dir) as lock:
        lock.take()
        log = found_with(data_dir, [before], lambda _: None)
    lost = max(0, before.head.size - before.known) if source.is_dir() else 0
    return Continued(log=log, predecessor=before, lost=lost, unasked=unasked, unsigned=sign_new(data_dir))


def _of_file(brought: Brought, keys: Sequence[VerifierKey]) -> Predecessor:
    witness, unchecked = brought.witness(keys), brought.unchecked(keys)
    return Predecessor(head=brought.head, vkey=brought.vkey, witness=witness, last_at=None, unchecked=unchecked)


def _of_directory(old: Path, keys: Sequence[VerifierKey], *, end_old_log: bool) -> tuple[Predecessor, str | None]:
    """What goes on, and why its signer could not be asked."""
    with Evidence(old / FILE_NAME) as evidence:
        every, held, pin = leaves(evidence), newest_checkpoint(evidence), pin_of(evidence)
        if not every:
            raise EvidenceDamaged(f"the ledger in {old} is empty: not even its first entry is there")
        last_at = str(evidence.entry(len(every) - 1).values["at"])
    if pin is None or held is None:
        unsigned = NotFound(f"nothing in {old} was ever signed, so it has no head to go on from. Sign it first:")
        unsigned.command = ("checkpoint", "sign", "--data-dir", str(old))
        raise unsigned
    note = SignedNote.parse(held.note)
    here = Brought(name=f"the newest checkpoint in {old}", notes=(note,), vkey=pin.checkpoints)
    kept = replace(_of_file(here, keys), last_at=last_at, known=len(every))
    if here.head.size > len(every) or Tree(every[: here.head.size]).root() != here.head.root:
        raise EvidenceDamaged(f"the ledger in {old} is not the one of its newest checkpoint. `devicelog verify --all`")
    try:
        ended = _ended(old, pin, every, end_old_log=end_old_log)
    except StoreUnusable as error:
        return kept, str(error)
    return (kept if ended is None else replace(kept, head=ended, witness=None, unchecked=())), None


def _ended(old: Path, pin: Pin, every: Sequence[bytes], *, end_old_log: bool) -> Checkpoint | None:
    """The head that its signer remembers where the database has less, or another; the log is ended with that.

    None where the signer of this computer does not know the log, or remembers nothing that is not in the database.
    Raises SignatureRefused where it is to be ended and that was not asked; one that was ended before is no question.
    """
    signer, here = Signer(old, pins=(pin,)), Tree(every)
    try:
        size, root = signer.remembered(pin.log)
        if size <= here.size and Tree(every[:size]).root() == root:
            return None
    except SignatureRefused as error:
        if error.code == "unknown log":
            return None
        if error.code != "ended":
            raise
    else:
        if not end_old_log:
            raise _would_end(pin.log, Head(log=pin.log, size=size, root=root), here)
    return Checkpoint.of(SignedNote.parse(signer.acknowledge(pin.log, here.size, here.root())))


def _would_end(log: str, signed: Head, here: Tree) -> SignatureRefused:
    return SignatureRefused(
        f"{log} would have to be ended for good, and nothing was done. Its signer signed last {signed.size} entries, "
        f"root {signed.root.hex()}; what was brought has {here.size}, root {here.root().hex()}: an older copy, or "
        "another history. The newest database continues the log without this, and a copy is read where it is with "
        "--data-dir. Ending cannot be undone: no head and no bag of that log is signed any more, also where it is "
        "recorded on now. Only where the newest database is gone: the same command with --end-old-log.",
        code="fork" if signed.size == here.size else "smaller" if here.size < signed.size else "proof",
    )
