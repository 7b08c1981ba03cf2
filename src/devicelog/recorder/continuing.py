"""A new log that goes on from an old one whose database is there, or of which only a checkpoint is: no session moves.

The old data directory is read and stays as it is; but where its signer remembers more than the database has (an older
backup was put in its place), that log is ended there for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devicelog.errors import EvidenceDamaged, NotFound, SignatureRefused, StoreUnusable
from devicelog.ledger.asking import Signer
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.note import SignedNote
from devicelog.ledger.pin import Pin
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


def continue_from(source: Path, data_dir: Path) -> Continued:
    """Begin a new log in `data_dir`, which goes on from that of an old data directory, a checkpoint or a witness file.

    Raises StoreUnusable where there is a database already, NotFound, UsageProblem, EvidenceDamaged.
    """
    refuse_existing(data_dir)
    before, unasked = _of_directory(source) if source.is_dir() else (_of_file(read_brought(source)), None)
    prepare_data_dir(data_dir)
    with WriterLock(data_dir) as lock:
        lock.take()
        log = found_with(data_dir, [before], lambda _: None)
    lost = max(0, before.head.size - before.known) if source.is_dir() else 0
    return Continued(log=log, predecessor=before, lost=lost, unasked=unasked, unsigned=sign_new(data_dir))


def _of_file(brought: Brought) -> Predecessor:
    return Predecessor(head=brought.head, vkey=brought.vkey, witness=brought.witness(), last_at=None)


def _of_directory(old: Path) -> tuple[Predecessor, str | None]:
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
    here = Brought(name="", notes=(note,), vkey=pin.checkpoints)
    witness = here.witness()
    kept = Predecessor(
        head=here.head, vkey=pin.checkpoints, witness=witness if witness.at else None, last_at=last_at, known=len(every)
    )
    if here.head.size > len(every) or Tree(every[: here.head.size]).root() != here.head.root:
        raise EvidenceDamaged(f"the ledger in {old} is not the one of its newest checkpoint. `devicelog verify --all`")
    try:
        ended = _ended(old, pin, every)
    except StoreUnusable as error:
        return kept, str(error)
    return (kept if ended is None else replace(kept, head=ended, witness=None)), None


def _ended(old: Path, pin: Pin, every: Sequence[bytes]) -> Checkpoint | None:
    """The head that its signer remembers where the database has less, or another; the log is ended with that.

    None where the signer of this computer does not know the log, or remembers nothing that is not in the database.
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
    return Checkpoint.of(SignedNote.parse(signer.acknowledge(pin.log, here.size, here.root())))
