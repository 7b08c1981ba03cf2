"""Logs to sign: leaves of a log and of forks of it, and what an honest and a dishonest device would ask."""

from hashlib import sha256

from devicelog.ledger.proofs import consistency_proof
from devicelog.ledger.signing import Head, Request
from devicelog.ledger.tree import Tree

LOG = "devicelog/" + "5a" * 16
OTHER = "devicelog/" + "c3" * 16


def leaves(count: int, *, fork_at: int | None = None, fork: str = "fork") -> list[bytes]:
    """The leaf hashes of a log; from `fork_at` on they are those of another history."""
    fork_at = count if fork_at is None else fork_at
    return [sha256(f"{'entry' if i < fork_at else fork} {i}".encode()).digest() for i in range(count)]


def head(of: list[bytes], size: int | None = None, *, log: str = LOG) -> Head:
    """The head of the first `size` of these leaves."""
    size = len(of) if size is None else size
    return Head(log=log, size=size, root=Tree(of[:size]).root())


def request(of: list[bytes], old: int, size: int | None = None, *, log: str = LOG) -> Request:
    """What a device with these leaves asks: its own proof that its first `old` are in its first `size`."""
    asked = head(of, size, log=log)
    proof = tuple(consistency_proof(of, old, asked.size)) if 0 < old <= asked.size else ()
    return Request(log=log, old=old, size=asked.size, root=asked.root, proof=proof)
