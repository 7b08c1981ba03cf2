"""The Merkle tree of RFC 9162 §2.1 over leaf hashes: SHA-256, split at the largest power of two below the size."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Self

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The 32-byte hash of a leaf's data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows at its end. It keeps the roots of its perfect subtrees only: one for each bit of the size."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []  # largest first
        for leaf in leaves:
            self.append(leaf)

    @classmethod
    def of_subtrees(cls, size: int, subtrees: Sequence[bytes]) -> Self:
        """A tree of so many leaves, of which only these roots are known. Raises ValueError when there are not as many
        as a tree of this size has, or one is not of 32 bytes."""
        if size < 0 or len(subtrees) != size.bit_count() or any(len(each) != 32 for each in subtrees):
            raise ValueError(f"{len(subtrees)} subtrees for a tree of {size} leaves")
        tree = cls()
        tree.size, tree._subtrees = size, list(subtrees)
        return tree

    @property
    def subtrees(self) -> tuple[bytes, ...]:
        """The roots of its perfect subtrees, largest first."""
        return tuple(self._subtrees)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        bit, node = 1, leaf
        while self.size & bit:
            node = node_hash(self._subtrees.pop(), node)
            bit <<= 1
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The 32-byte root of all leaves so far."""
        if not self._subtrees:
            return EMPTY_ROOT
        node = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            node = node_hash(left, node)
        return node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and (self.size, self._subtrees) == (other.size, other._subtrees)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def copy(self) -> "Tree":
        """An independent tree of the same leaves."""
        twin = Tree()
        twin.size, twin._subtrees = self.size, list(self._subtrees)
        return twin
