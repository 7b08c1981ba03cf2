"""Proofs against other people's numbers, the words of RFC 9162 and `pymerkle`, and everything that is no proof."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from devicelog.ledger import proofs
from devicelog.ledger.proofs import check_consistency, check_inclusion, consistency_proof, inclusion_proof
from devicelog.ledger.tree import EMPTY_ROOT, Tree, leaf_hash, node_hash

MOST = 64
DATA = [b"entry %d" % n for n in range(MOST)]
LEAVES = [leaf_hash(data) for data in DATA]
ROOTS = [Tree(LEAVES[:n]).root() for n in range(MOST + 1)]
OTHER = sha256(b"something else").digest()


# --- other people's numbers -------------------------------------------------------------------------------------------

# The eight leaves that implementations of RFC 6962 and RFC 9162 are tested with, and the nodes of their tree.
KNOWN = [
    leaf_hash(bytes.fromhex(data))
    for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
KNOWN_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
A0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
A1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
A4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
B0 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
B1 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
B2 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
B3 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
C0 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
C1 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [(0, 1, []), (0, 8, [A1, B1, C1]), (5, 8, [A4, B3, C0]), (2, 3, [B0]), (1, 5, [A0, B1, A4])],
)
def test_known_inclusion_proofs(index: int, size: int, path: list[str]) -> None:
    proof = inclusion_proof(KNOWN[:size], index)
    assert [step.hex() for step in proof] == path
    check_inclusion(KNOWN[index], index, size, bytes.fromhex(KNOWN_ROOTS[size]), proof)


@pytest.mark.parametrize(
    ("old", "new", "path"), [(1, 1, []), (1, 8, [A1, B1, C1]), (6, 8, [B2, B3, C0]), (2, 5, [B1, A4])]
)
def test_known_consistency_proofs(old: int, new: int, path: list[str]) -> None:
    proof = consistency_proof(KNOWN, old, new)
    assert [step.hex() for step in proof] == path
    check_consistency(old, bytes.fromhex(KNOWN_ROOTS[old]), new, bytes.fromhex(KNOWN_ROOTS[new]), proof)


def test_the_roots_of_pymerkle() -> None:
    theirs = InmemoryTree(algorithm="sha256")
    for n, data in enumerate(DATA, start=1):
        theirs.append_entry(data)
        assert theirs.get_root() == ROOTS[n]


# --- the words of the RFC ---------------------------------------------------------------------------------------------


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    return 1 << (n - 1).bit_length() - 1


@cache
def root_of(first: int, end: int) -> bytes:
    """MTH(D[first:end]) as 2.1.1 defines it."""
    if end - first == 1:
        return LEAVES[first]
    k = first + split(end - first)
    return sha256(b"\x01" + root_of(first, k) + root_of(k, end)).digest()


def path_of(m: int, first: int, end: int) -> list[bytes]:
    """PATH(m, D[first:end]) as 2.1.3.1 defines it."""
    if end - first == 1:
        return []
    k = split(end - first)
    if m < k:
        return [*path_of(m, first, first + k), root_of(first + k, end)]
    return [*path_of(m - k, first + k, end), root_of(first, first + k)]


def subproof(m: int, first: int, end: int, known: bool) -> list[bytes]:
    """SUBPROOF(m, D[first:end], known) as 2.1.4.1 defines it."""
    if m == end - first:
        return [] if known else [root_of(first, end)]
    k = split(end - first)
    if m <= k:
        return [*subproof(m, first, first + k, known), root_of(first + k, end)]
    return [*subproof(m - k, first + k, end, False), root_of(first, first + k)]


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_leaf_of_every_tree_is_proved_as_defined(size: int) -> None:
    assert root_of(0, size) == ROOTS[size]
    for index in range(size):
        proof = inclusion_proof(LEAVES[:size], index)
        assert proof == path_of(index, 0, size)
        check_inclusion(LEAVES[index], index, size, ROOTS[size], proof)


@pytest.mark.parametrize("new", range(1, MOST + 1))
def test_every_tree_is_shown_to_continue_every_smaller_one_as_defined(new: int) -> None:
    for old in range(1, new + 1):
        proof = consistency_proof(LEAVES, old, new)
        assert proof == subproof(old, 0, new, True)
        check_consistency(old, ROOTS[old], new, ROOTS[new], proof)
    assert consistency_proof(LEAVES, 0, new) == []
    check_consistency(0, EMPTY_ROOT, new, ROOTS[new], [])


@pytest.mark.parametrize(("steps", "words"), [(3, "fewer than lead"), (5, "more than lead")])
def test_it_is_said_that_an_inclusion_proof_has_another_length(steps: int, words: str) -> None:
    proof = [*inclusion_proof(LEAVES[:16], 6), OTHER][:steps]
    with pytest.raises(ValueError, match=words):
        check_inclusion(LEAVES[6], 6, 16, ROOTS[16], proof)


@pytest.mark.parametrize(("steps", "words"), [(0, "some are needed"), (2, "fewer than are"), (4, "more than are")])
def test_it_is_said_that_a_consistency_proof_has_another_length(steps: int, words: str) -> None:
    proof = [*consistency_proof(LEAVES, 6, 8), OTHER][:steps]
    with pytest.raises(ValueError, match=words):
        check_consistency(6, ROOTS[6], 8, ROOTS[8], proof)


def test_an_empty_tree_continues_an_empty_one() -> None:
    assert consistency_proof([], 0, 0) == []
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])


# --- what is no proof -------------------------------------------------------------------------------------------------


def spoilt(proof: Sequence[bytes]) -> list[list[bytes]]:
    """Every proof that differs from this one by one hash: one bit, left out, twice, another before or behind."""
    found = [[*proof, OTHER], [OTHER, *proof]]
    for at, step in enumerate(proof):
        flipped = bytes([step[0] ^ 1]) + step[1:]
        found += [
            [*proof[:at], flipped, *proof[at + 1 :]],
            [*proof[:at], step[:-1] + bytes([step[-1] ^ 0x80]), *proof[at + 1 :]],
            [*proof[:at], *proof[at + 1 :]],
            [*proof[: at + 1], *proof[at:]],
        ]
        if at:
            found.append([*proof[: at - 1], step, proof[at - 1], *proof[at + 1 :]])
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 11, 16, 21, 33, 64])
def test_a_spoilt_inclusion_proof_is_refused(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(LEAVES[:size], index)
        for other in spoilt(proof):
            with pytest.raises(ValueError):
                check_inclusion(LEAVES[index], index, size, ROOTS[size], other)
        for wrong in {*range(-1, size + 1)} - {index}:
            with pytest.raises(ValueError):
                check_inclusion(LEAVES[index], wrong, size, ROOTS[size], proof)
        with pytest.raises(ValueError):
            check_inclusion(OTHER, index, size, ROOTS[size], proof)
        with pytest.raises(ValueError):
            check_inclusion(LEAVES[index], index, size, OTHER, proof)


@pytest.mark.parametrize("new", [1, 2, 3, 4, 5, 7, 8, 11, 16, 21, 33, 64])
def test_a_spoilt_consistency_proof_is_refused(new: int) -> None:
    for old in range(new + 1):
        proof = consistency_proof(LEAVES, old, new)
        for other in spoilt(proof):
            with pytest.raises(ValueError):
                check_consistency(old, ROOTS[old], new, ROOTS[new], other)
        forged = [(ROOTS[old], OTHER), (OTHER, ROOTS[new])]
        if old == 0:
            forged.pop(0)  # every tree continues the empty one
        for old_root, new_root in forged:
            with pytest.raises(ValueError):
                check_consistency(old, old_root, new, new_root, proof)
        for wrong in {*range(-1, new + 2)} - {old}:
            with pytest.raises(ValueError):
                check_consistency(wrong, ROOTS[old], new, ROOTS[new], proof)


@settings(deadline=None, max_examples=80)
@given(data=st.data(), new=st.integers(2, MOST))
def test_a_rewritten_log_continues_nothing(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    at = data.draw(st.integers(0, old - 1))
    fork = [*LEAVES[:at], OTHER, *LEAVES[at + 1 : new]]
    with pytest.raises(ValueError):
        check_consistency(old, ROOTS[old], new, Tree(fork).root(), consistency_proof(fork, old, new))
    with pytest.raises(ValueError):
        check_consistency(old, ROOTS[old], new, Tree(fork).root(), consistency_proof(LEAVES, old, new))


@pytest.mark.parametrize(
    ("leaf", "root", "proof"),
    [
        (LEAVES[0][:31], ROOTS[2], [LEAVES[1]]),
        (LEAVES[0], ROOTS[2] + b"\0", [LEAVES[1]]),
        (LEAVES[0], ROOTS[2], [LEAVES[1] + b"\0"]),
        (LEAVES[0], ROOTS[2], [b""]),
    ],
    ids=["leaf", "root", "long step", "empty step"],
)
def test_a_hash_has_32_bytes(leaf: bytes, root: bytes, proof: list[bytes]) -> None:
    with pytest.raises(ValueError, match="bytes; expected 32"):
        check_inclusion(leaf, 0, 2, root, proof)
    with pytest.raises(ValueError, match="bytes; expected 32"):
        check_consistency(1, leaf, 2, root, proof)


@pytest.mark.parametrize(
    ("old_root", "new", "new_root"), [(OTHER, 5, ROOTS[5]), (EMPTY_ROOT, 0, OTHER)], ids=["before", "after"]
)
def test_an_empty_tree_has_one_root(old_root: bytes, new: int, new_root: bytes) -> None:
    with pytest.raises(ValueError, match="the root of an empty tree"):
        check_consistency(0, old_root, new, new_root, [])


def test_two_trees_of_one_size_are_one() -> None:
    with pytest.raises(ValueError, match="not the same log"):
        check_consistency(5, ROOTS[5], 5, OTHER, [])


def test_a_smaller_tree_continues_nothing() -> None:
    with pytest.raises(ValueError, match="it is smaller"):
        check_consistency(8, ROOTS[8], 5, ROOTS[5], consistency_proof(LEAVES, 5, 8))


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(ValueError, match=f"no leaf {index} in a tree of 5"):
        inclusion_proof(LEAVES[:5], index)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (3, 6), (6, 6)])
def test_there_is_no_proof_of_a_tree_that_is_not_there(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="where there are 5 leaves"):
        consistency_proof(LEAVES[:5], old, new)


def test_a_proof_costs_one_hash_a_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = 0

    def counted(left: bytes, right: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return node_hash(left, right)

    monkeypatch.setattr(proofs, "node_hash", counted)
    many = [leaf_hash(b"%d" % n) for n in range(20_000)]
    assert len(inclusion_proof(many, 12_345)) == 15
    assert hashed == 19_999
    assert len(consistency_proof(many, 777, 20_000)) <= 16
    assert hashed == 2 * 19_999
    hashed = 0
    check_inclusion(many[12_345], 12_345, 20_000, Tree(many).root(), path := inclusion_proof(many, 12_345))
    assert hashed == 19_999 + len(path)
