"""Have the ledger's head signed and keep the checkpoint: at a seal, an export, the day's end, a boot, a clean shutdown.

Never on the way of a sample. What may be signed is the signer's to decide; where it does not sign, what is recorded
stays recorded and the reason is told.
"""

from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.errors import SignatureRefused
from devicelog.ledger.asking import Signer, SignerIdentity
from devicelog.ledger.pin import Pin
from devicelog.ledger.proofs import consistency_proof, inclusion_proof
from devicelog.ledger.sshsig import ssh_key
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import Tree
from devicelog.recorder.access import Access
from devicelog.store.evidence import Evidence
from devicelog.store.heads import Held, checkpoints, leaves, newest_checkpoint, pin_of

_OTHER_START = ("behind", "ahead")  # the signer remembers another head than the newest that is held here


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointed:
    """A signed head that is on disk, by whose keys, and the leaves it is over."""

    size: int
    note: bytes
    pin: Pin
    leaves: tuple[bytes, ...]

    def proof(self, seq: int) -> bytes:
        """That one entry is in it, as a tlog-proof."""
        hashes = inclusion_proof(self.leaves, seq)
        return TlogProof(index=seq, hashes=tuple(hashes), checkpoint=self.note).data()


def covering(access: Access, seq: int) -> Checkpointed:
    """The smallest signed head that has this entry in it; the newest where none has yet.

    Always the same one once there is one: what was cut off while a package was written is written again as it was.
    """
    newest = checkpoint(access)
    with Evidence(access.path) as evidence:
        sizes = [held for held in checkpoints(evidence) if held.size > seq]
    first = min(sizes, key=lambda held: held.size, default=Held(size=newest.size, note=newest.note))
    return Checkpointed(size=first.size, note=first.note, pin=newest.pin, leaves=newest.leaves[: first.size])


def commission(access: Access) -> Pin:
    """The keys of this ledger: those it has, or new ones, which are entered. Raises StoreUnusable, EvidenceDamaged."""
    with Evidence(access.path) as evidence:
        pin, first = pin_of(evidence), evidence.entry(0)
    if pin is not None:
        return pin
    identity = Signer(access.data_dir).identity(first.values["log"], first.leaf)
    access.append(lambda transaction: transaction.entry("log.commissioned", commissioned(identity)))
    return identity.pin


def commissioned(identity: SignerIdentity) -> Json:
    """What `log.commissioned` says."""
    return {
        "vkey": identity.pin.checkpoints.text(),
        "ssh_key": ssh_key(identity.pin.bags),
        "first": identity.pin.first.hex(),
        "signer": identity.kind,
    }


def checkpoint(access: Access, *, ask: bool = False) -> Checkpointed:
    """The signed head of the ledger as it is now: the one that is held, or a new one. `ask`: the signer in any case.

    Whether more was signed than is here, only the signer remembers: an older copy of the database says nothing of it.

    Raises StoreUnusable where the signer does not answer, SignatureRefused where it does not sign.
    """
    pin = commission(access)
    with Evidence(access.path) as evidence:
        every, held = leaves(evidence), newest_checkpoint(evidence)
    if held is not None and held.size == len(every) and ask:
        _signed(access, pin, every, held)
    if held is None or held.size != len(every):
        note = _signed(access, pin, every, held)
        access.append(lambda transaction: transaction.checkpoint(len(every), note))
        held = Held(size=len(every), note=note)
    return Checkpointed(size=held.size, note=held.note, pin=pin, leaves=tuple(every))


def _signed(access: Access, pin: Pin, every: list[bytes], held: Held | None) -> bytes:
    signer, size, root = Signer(access.data_dir, pins=(pin,)), len(every), Tree(every).root()
    old = held.size if held else 0
    if old > size:  # entries were taken away: the signer says so, in the words for it
        return signer.checkpoint(pin.log, 0, size, root, ())
    try:
        return signer.checkpoint(pin.log, old, size, root, consistency_proof(every, old, size))
    except SignatureRefused as error:
        if error.code not in _OTHER_START:
            raise
        remembered, _ = signer.remembered(pin.log)  # it signed what was not kept: the power was cut between
        if not old < remembered <= size:
            raise
        return signer.checkpoint(pin.log, remembered, size, root, consistency_proof(every, remembered, size))
