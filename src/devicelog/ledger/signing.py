"""What may be signed: only what extends the head that was signed before. The rule of the signer and of every witness.

Pure: it neither keeps a head nor signs one. A refusal is a value with a code and a sentence; nothing here signs a
smaller tree, or another tree of the same size, and nothing can be said to it that makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from devicelog.ledger.proofs import check_consistency
from devicelog.ledger.tree import EMPTY_ROOT

MAX_SIZE = 2**53 - 1
MAX_PROOF = 64  # hashes; a tree of MAX_SIZE leaves needs fewer
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a log: how many entries, and the 32-byte root of the tree over them."""

    log: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.size} entries, root {self.root.hex()[:16]}…"


def nothing_signed(log: str) -> Head:
    """What is remembered of a log before its first checkpoint."""
    return Head(log=log, size=0, root=EMPTY_ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Asked: sign the head (size, root); the proof shows that it extends the tree of `old` entries."""

    log: str
    old: int
    size: int
    root: bytes
    proof: Sequence[bytes] = ()

    @property
    def head(self) -> Head:
        """The head that shall be signed."""
        return Head(log=self.log, size=self.size, root=self.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Not signed, and why. `code` is for programs: one of CODES."""

    code: str
    why: str


CODES = {
    "malformed": "no request that could ever be signed",
    "other log": "the request is about another log",
    "ended": "the log was ended: a fork was acknowledged, and it goes on as a new one",
    "smaller": "fewer entries than were signed: rolled back",
    "fork": "as many entries as were signed, and others",
    "behind": "the request starts from an older head than the one that was signed",
    "ahead": "the request starts from a head that was never signed here",
    "proof": "the proof does not show that what was signed is still in it",
}

_ROLLED_BACK = (
    "A backup that was restored, or a database that was changed. The newest database continues this log; without it "
    "the log has to be ended (acknowledged), and recording goes on in a new one."
)


def decide(remembered: Head, request: Request) -> Head | Refusal:
    """The head that may be signed now, which has to be on disk before the signature leaves; or a refusal.

    The head that was signed last may be signed again, whatever `old` is: the answer may have been lost on its way.
    """
    asked = request.head
    malformed = _malformed(request)
    if malformed is not None:
        return Refusal(code="malformed", why=malformed)
    if request.log != remembered.log:
        return Refusal(code="other log", why=f"asked about {request.log}; this is remembered of {remembered.log}")
    if asked == remembered:
        return remembered
    if asked.size < remembered.size:
        why = f"{request.log} has {asked.size} entries now, and {remembered.size} were signed. {_ROLLED_BACK}"
        return Refusal(code="smaller", why=why)
    if asked.size == remembered.size:
        why = (
            f"{request.log} has {asked.size} entries, as were signed, and they are not the same: root "
            f"{asked.root.hex()} where {remembered.root.hex()} was signed. {_ROLLED_BACK}"
        )
        return Refusal(code="fork", why=why)
    if request.old < remembered.size:
        why = f"the request starts from {request.old} entries; {remembered.size} were signed. Ask again from there."
        return Refusal(code="behind", why=why)
    if request.old > remembered.size:
        why = (
            f"the request starts from {request.old} entries; {remembered.size} were signed here. If more were, what is "
            "remembered here is of an earlier day: restored, or of another device."
        )
        return Refusal(code="ahead", why=why)
    try:
        check_consistency(remembered.size, remembered.root, asked.size, asked.root, request.proof)
    except ValueError as error:
        why = (
            f"the proof does not show that the {remembered.size} entries that were signed are the first of the "
            f"{asked.size}: {error}. {_ROLLED_BACK}"
        )
        return Refusal(code="proof", why=why)
    return asked


def acknowledge(remembered: Head, found: Head) -> Head | Refusal:
    """Acknowledge that the device has another head than the one signed: the head at which this log ends for good.

    Nothing is signed for the log after it. What was signed stays as it is; it is the head that the new log names as
    that of its predecessor. `found` is what the device has, and is remembered as the fork.
    """
    if found.log != remembered.log:
        return Refusal(code="other log", why=f"asked about {found.log}; this is remembered of {remembered.log}")
    if not 0 <= found.size <= MAX_SIZE or len(found.root) != HASH_BYTES:
        return Refusal(code="malformed", why=f"a head has a size and a root of {HASH_BYTES} bytes")
    if found == remembered:
        return Refusal(code="malformed", why=f"there is no fork: {found.log} is as it was signed ({found})")
    return remembered


def _malformed(request: Request) -> str | None:
    if not 1 <= request.size <= MAX_SIZE or request.old < 0:
        return f"sizes {request.old} and {request.size}: a log has one entry at least"
    if len(request.root) != HASH_BYTES or any(len(node) != HASH_BYTES for node in request.proof):
        return f"a root and every hash of a proof have {HASH_BYTES} bytes"
    if len(request.proof) > MAX_PROOF:
        return f"a proof of {len(request.proof)} hashes; {MAX_PROOF} are enough for any log"
    return None
