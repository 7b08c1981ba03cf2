"""Proof files: the published shape, one of a real tree, and texts that are none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.ledger.base64_text import encoded
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.keys import verified
from devicelog.ledger.note import SignedNote
from devicelog.ledger.proofs import check_inclusion, inclusion_proof
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import Tree, leaf_hash
from tests.ledger.signers import LOG, signing_key, verifier_key

LEAVES = [leaf_hash(b"entry %d" % n) for n in range(11)]
TREE = Checkpoint(origin=LOG, size=11, root=Tree(LEAVES).root())
NOTE = SignedNote(
    text=TREE.body(), signatures=(log_signature(verifier_key(1), signing_key(1).sign(TREE.body().encode())),)
).data()
PROOF = TlogProof(index=6, hashes=tuple(inclusion_proof(LEAVES, 6)), checkpoint=NOTE)
TEXT = PROOF.data().decode()

# The lines above the checkpoint in the example of c2sp.org/tlog-proof; its signatures are shortened there.
PUBLISHED = (
    "c2sp.org/tlog-proof@v1\n"
    "index 73894\n"
    "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
    "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
    "EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n"
    "RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n"
    "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n"
    "\n"
)


def proves(data: bytes) -> None:
    """All that a reader checks of entry 6. Raises ValueError."""
    proof = TlogProof.parse(data)
    note = SignedNote.parse(proof.checkpoint)
    key = verifier_key(1)
    if not any(verified(key.public, note.text.encode(), line.data) for line in note.by(key)):
        raise ValueError("not signed")
    tree = Checkpoint.of(note)
    check_inclusion(LEAVES[6], proof.index, tree.size, tree.root, proof.hashes)


def test_a_proof_file_line_by_line() -> None:
    lines = ["c2sp.org/tlog-proof@v1", "index 6", *map(encoded, inclusion_proof(LEAVES, 6)), "", NOTE.decode()]
    assert "\n".join(lines) == TEXT
    assert TlogProof.parse(TEXT.encode()) == PROOF
    proves(TEXT.encode())


def test_the_published_lines_are_read_and_written_again() -> None:
    data = PUBLISHED.encode() + NOTE
    proof = TlogProof.parse(data)
    assert (proof.index, len(proof.hashes), proof.extra) == (73894, 5, None)
    assert proof.data() == data


def test_extra_bytes_of_others_are_read_and_written_again() -> None:
    data = TEXT.replace("index", f"extra {encoded(b'of others')}\nindex", 1).encode()
    proof = TlogProof.parse(data)
    assert proof.extra == b"of others"
    assert proof.data() == data
    proves(data)


def test_a_tree_of_one_has_no_hashes() -> None:
    one = TlogProof(index=0, hashes=(), checkpoint=NOTE)
    assert one.data() == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + NOTE
    assert TlogProof.parse(one.data()) == one


def test_every_bit_of_a_proof_counts() -> None:
    data = TEXT.encode()
    for at in range(len(data)):
        for bit in range(8):
            with pytest.raises(ValueError):
                proves(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])


def test_every_cut_of_a_proof_is_refused() -> None:
    data = TEXT.encode()
    for end in range(len(data)):
        with pytest.raises(ValueError):
            TlogProof.parse(data[:end])


HASH = encoded(LEAVES[0])
BAD = {
    "another version": TEXT.replace("@v1", "@v2"),
    "no version": TEXT.replace("c2sp.org/tlog-proof@v1\n", ""),
    "no index": TEXT.replace("index 6\n", ""),
    "nothing but the version": f"c2sp.org/tlog-proof@v1\n\n{NOTE.decode()}",
    "two indexes": TEXT.replace("index 6\n", "index 6\nindex 6\n"),
    "leading zero": TEXT.replace("index 6", "index 06"),
    "negative": TEXT.replace("index 6", "index -6"),
    "two spaces": TEXT.replace("index 6", "index  6"),
    "space behind": TEXT.replace("index 6", "index 6 "),
    "another script": TEXT.replace("index 6", "index ٦"),
    "too large": TEXT.replace("index 6", f"index {2**63}"),
    "far too large": TEXT.replace("index 6", f"index {'9' * 5000}"),
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "empty line before": f"\n{TEXT}",
    "empty extra": TEXT.replace("index", "extra \nindex", 1),
    "extra behind the index": TEXT.replace("index 6\n", "index 6\nextra YQ==\n"),
    "two extras": TEXT.replace("index", "extra YQ==\nextra YQ==\nindex", 1),
    "extra with stray bits": TEXT.replace("index", "extra YR==\nindex", 1),
    "a short hash": TEXT.replace("index 6\n", f"index 6\n{encoded(LEAVES[0][:31])}\n"),
    "a long hash": TEXT.replace("index 6\n", f"index 6\n{encoded(LEAVES[0] + b'0')}\n"),
    "a hash in hex": TEXT.replace("index 6\n", f"index 6\n{LEAVES[0].hex()}\n"),
    "64 hashes": f"c2sp.org/tlog-proof@v1\nindex 0\n{(HASH + chr(10)) * 64}\n{NOTE.decode()}",
    "no checkpoint": f"c2sp.org/tlog-proof@v1\nindex 0\n{HASH}\n\n",
    "a checkpoint that is not signed": f"c2sp.org/tlog-proof@v1\nindex 0\n\n{TREE.body()}",
    "a note that is no checkpoint": TEXT.replace("\n11\n", "\neleven\n"),
    "something behind": f"{TEXT}more\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        TlogProof.parse(text.encode())


def test_a_proof_has_a_size_that_it_cannot_exceed() -> None:
    with pytest.raises(ValueError, match="at most"):
        TlogProof.parse(b"x" * 10**6)
    line = log_signature(verifier_key(1), bytes(64))
    extra = bytes(150_000)
    rest = len(TlogProof(index=0, hashes=(), checkpoint=NOTE, extra=extra).data()) + 1
    full = "x" * (262_144 - rest)  # a line more in the checkpoint
    note = SignedNote(text=f"{TREE.body()}{full}\n", signatures=(line,)).data()
    longest = TlogProof(index=0, hashes=(), checkpoint=note, extra=extra)
    assert len(longest.data()) == 262_144
    assert TlogProof.parse(longest.data()) == longest
    with pytest.raises(ValueError, match="at most 262144"):
        TlogProof(index=10, hashes=(), checkpoint=note, extra=extra)


def test_the_largest_proof() -> None:
    largest = TlogProof(index=2**63 - 1, hashes=(LEAVES[0],) * 63, checkpoint=NOTE)
    assert TlogProof.parse(largest.data()) == largest


def test_a_proof_without_an_empty_line_is_said() -> None:
    with pytest.raises(ValueError, match="an empty line"):
        TlogProof.parse(b"c2sp.org/tlog-proof@v1\nindex 0\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": -1},
        {"index": 2**63},
        {"hashes": (b"short",)},
        {"hashes": (LEAVES[0],) * 64},
        {"checkpoint": b""},
        {"checkpoint": TREE.body().encode()},
        {"extra": b""},
        {"extra": bytes(2**18)},
    ],
    ids=["negative", "too large", "a short hash", "64 hashes", "no note", "not signed", "no extra", "too much extra"],
)
def test_what_is_no_proof_is_not_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        TlogProof(**{"index": 0, "hashes": (), "checkpoint": NOTE, **wrong})


HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)
PROOFS = st.builds(
    TlogProof,
    index=st.integers(0, 2**63 - 1),
    hashes=HASHES,
    checkpoint=st.just(NOTE),
    extra=st.none() | st.binary(min_size=1, max_size=60),
)


@settings(deadline=None)
@given(proof=PROOFS)
def test_a_proof_is_read_as_it_was_written(proof: TlogProof) -> None:
    assert TlogProof.parse(proof.data()) == proof


@settings(deadline=None, max_examples=300)
@given(
    data=PROOFS.map(lambda proof: proof.data()), at=st.integers(0), other=st.binary(max_size=3), cut=st.integers(0, 3)
)
def test_what_is_read_is_what_would_be_written(data: bytes, at: int, other: bytes, cut: int) -> None:
    at %= len(data)
    changed = data[:at] + other + data[at + cut :]
    try:
        proof = TlogProof.parse(changed)
    except ValueError:
        return
    assert proof.data() == changed
