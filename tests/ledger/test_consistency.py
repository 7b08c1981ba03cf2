"""Consistency files: one spelling, and what they show of two checkpoints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.consistency import Consistency
from devicelog.ledger.tree import Tree, leaf_hash
from tests.verifier import building as b

LEAVES = [leaf_hash(bytes([n])) for n in range(40)]
LOG = b.LOG


def head(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(origin=LOG, size=size, root=Tree(leaves[:size]).root())


@given(st.integers(1, 40).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new))))
def test_written_and_read(sizes: tuple[int, int]) -> None:
    old, new = sizes
    made = Consistency.of(LEAVES, old, new)
    assert Consistency.parse(made.data()) == made
    made.check(head(old), head(new))
    hashes = "".join(f"{b.b64(each)}\n" for each in b.continued(LEAVES[:new], old))
    assert made.data() == f"devicelog-consistency/1\n{old} {new}\n{hashes}".encode(), "as docs/package.md says it"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"devicelog-consistency/1\n",
        b"devicelog-consistency/2\n3 3\n",
        b"devicelog-consistency/1\n3 3",
        b"devicelog-consistency/1\n0 3\n",
        b"devicelog-consistency/1\n4 3\n",
        b"devicelog-consistency/1\n03 3\n",
        b"devicelog-consistency/1\n3 3\n\n",
        b"devicelog-consistency/1\n3 4\nAAAA\n",
        b"devicelog-consistency/1\n3 4\n" + b"A" * 44 + b"\n",
        b"devicelog-consistency/1\r\n3 3\r\n",
        b"devicelog-consistency/1\n3 3\n\xff\n",
        b"devicelog-consistency/1\n3 4\n" + (b"A" * 43 + b"=\n") * 65,
        b"A" * (1 << 20),
    ],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError):
        Consistency.parse(data)


def test_of_two_others() -> None:
    made, other = Consistency.of(LEAVES, 5, 12), LEAVES[::-1]
    for old, new, words in (
        (head(5, other), head(12), "another old root"),
        (head(5), head(12, other), "another new root"),
        (head(4), head(12), "not from 4 to 12"),
        (head(5), Checkpoint(origin=b.OTHER_LOG, size=12, root=head(12).root), "not from"),
    ):
        with pytest.raises(ValueError, match=words):
            made.check(old, new)
