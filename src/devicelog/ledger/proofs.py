"""Proofs of RFC 9162, section 2.1: that a leaf is in a tree, and that a tree continues a smaller one.

Making them needs every leaf hash; checking one needs about as many hashes as the size has bits. Not here: what a root
is worth, which is what its signature and its witnesses say.
"""

from collections.abc import Sequence

from devicelog.ledger.tree import EMPTY_ROOT, node_hash

_HASH_BYTES = 32


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root over all `leaves` (2.1.3.1), the leaf's neighbour first.

    Raises ValueError where there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"there is no leaf {index} in a tree of {len(leaves)}")
    return _path(_levels(leaves), 0, index)


def consistency_proof(leaves: Sequence[bytes], old: int, new: int) -> list[bytes]:
    """The hashes that show that the tree over the first `new` leaves continues that over the first `old` (2.1.4.1).

    Raises ValueError unless 0 <= old <= new <= len(leaves).
    """
    if not 0 <= old <= new <= len(leaves):
        raise ValueError(f"no tree of {new} continues one of {old} where there are {len(leaves)} leaves")
    if old in (0, new):
        return []
    levels = _levels(leaves[:new])
    # Up from the last leaf of the old tree, as long as nothing to the right of it belongs to the same subtree.
    level, index = 0, old - 1
    while index & 1:
        level, index = level + 1, index >> 1
    # Where that subtree is the whole old tree, its root is known already.
    own = [levels[level][index]] if index else []
    return own + _path(levels, level, index)


def check_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ValueError unless `proof` leads from leaf hash `leaf` at `index` to the root over `size` (2.1.3.2).

    `size` and `root` must come from one checkpoint: a proof alone does not tell every two sizes apart.
    """
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    at, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ValueError(f"the proof has {len(proof)} hashes, more than lead from leaf {index} to a root of {size}")
        if at & 1 or at == last:
            node = node_hash(step, node)
            while not at & 1:  # ends: here `at` is odd, or the last of its level and not 0
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError(f"the proof has {len(proof)} hashes, fewer than lead from leaf {index} to a root of {size}")
    if node != root:
        raise ValueError(f"leaf {index} is not in the tree of {size}: the proof leads to another root")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ValueError unless `proof` shows that the tree of `new` leaves continues that of `old` (2.1.4.2).

    Every tree continues the empty one, and a tree itself; both need no proof and may have none.
    """
    _check_hashes(old_root, new_root, *proof)
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not continue one of {old}: it is smaller")
    for size, root in ((old, old_root), (new, new_root)):
        if size == 0 and root != EMPTY_ROOT:
            raise ValueError("the root of an empty tree is not that of an empty tree")
    if old in (0, new):
        if proof:
            raise ValueError(f"the proof has {len(proof)} hashes; from {old} to {new} none are needed")
        if old == new and old_root != new_root:
            raise ValueError(f"two trees of {new} have different roots: they are not the same log")
        return
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        raise ValueError(f"the proof has no hashes; from {old} to {new} some are needed")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    node_old = node_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ValueError(f"the proof has {len(proof)} hashes, more than are needed from {old} to {new}")
        if at & 1 or at == last:
            node_old, node_new = node_hash(step, node_old), node_hash(step, node_new)
            while not at & 1:  # ends: here `at` is odd, or the last of its level and not 0
                at, last = at >> 1, last >> 1
        else:
            node_new = node_hash(node_new, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError(f"the proof has {len(proof)} hashes, fewer than are needed from {old} to {new}")
    if node_old != old_root:
        raise ValueError(f"the tree of {new} does not continue that of {old}: the proof leads to another old root")
    if node_new != new_root:
        raise ValueError(f"the tree of {new} does not continue that of {old}: the proof leads to another new root")


def _levels(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The tree from its leaves to its root: each level has the nodes over pairs of the one below, and a last one that
    has no neighbour as it is."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        level = [node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        if len(below) & 1:
            level.append(below[-1])
        levels.append(level)
    return levels


def _path(levels: Sequence[Sequence[bytes]], level: int, index: int) -> list[bytes]:
    """The neighbours of a node and of everything above it, where they have one."""
    path = []
    for nodes in levels[level:]:
        neighbour = index ^ 1
        if neighbour < len(nodes):
            path.append(nodes[neighbour])
        index >>= 1
    return path


def _check_hashes(*hashes: bytes) -> None:
    wrong = next((len(value) for value in hashes if len(value) != _HASH_BYTES), None)
    if wrong is not None:
        raise ValueError(f"a hash has {wrong} bytes; expected {_HASH_BYTES}")
