"""Checkpoints and what signs them: published ones, and texts that are no checkpoint."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.ledger.base64_text import encoded
from devicelog.ledger.checkpoint import Checkpoint, cosignature, cosigned_message, log_signature, read_cosignature
from devicelog.ledger.keys import verified
from devicelog.ledger.note import COSIGNATURE, Signature, SignedNote
from tests.ledger.signers import LOG, signing_key, verifier_key

ROOT = bytes(range(32))
BODY = f"{LOG}\n41877\n{encoded(ROOT)}\n"
CHECKPOINT = Checkpoint(origin=LOG, size=41877, root=ROOT)

# The example of c2sp.org/tlog-cosignature: the log's line and a witness's.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def note_of(text: str) -> SignedNote:
    return SignedNote(text=text, signatures=(Signature(name="name", key_id=b"1234", data=b"5"),))


def signed(body: str = BODY) -> SignedNote:
    """The checkpoint with the line of its log and that of a witness."""
    witness = verifier_key(2, "witness.example/w1", COSIGNATURE)
    return SignedNote(
        text=body,
        signatures=(
            log_signature(verifier_key(1), signing_key(1).sign(body.encode())),
            cosignature(witness, 1_679_315_147, signing_key(2).sign(cosigned_message(body, 1_679_315_147))),
        ),
    )


# --- the text ---------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_three_lines() -> None:
    assert CHECKPOINT.body() == BODY
    assert Checkpoint.of(note_of(BODY)) == CHECKPOINT


def test_the_published_checkpoint() -> None:
    note = SignedNote.parse(PUBLISHED.encode())
    checkpoint = Checkpoint.of(note)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.body() == note.text
    time_s, signature = read_cosignature(note.signatures[1])
    assert time_s == 1_679_315_147
    assert len(signature) == 64
    assert note.data() == PUBLISHED.encode()


def test_more_lines_are_read_and_not_kept() -> None:
    assert Checkpoint.of(note_of(f"{BODY}more\nand more\n")) == CHECKPOINT


def test_the_empty_log_has_a_checkpoint() -> None:
    empty = Checkpoint(origin=LOG, size=0, root=ROOT)
    assert Checkpoint.of(note_of(empty.body())) == empty


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        f"{LOG}\n41877\n",
        BODY.replace("41877", ""),
        BODY.replace("41877", "041877"),
        BODY.replace("41877", "00"),
        BODY.replace("41877", "-1"),
        BODY.replace("41877", "+1"),
        BODY.replace("41877", "1_0"),
        BODY.replace("41877", " 41877"),
        BODY.replace("41877", "0x10"),
        BODY.replace("41877", "٤١٨٧٧"),
        BODY.replace("41877", str(2**63)),
        BODY.replace("41877", "9" * 5000),
        BODY.replace(LOG, ""),
        BODY.replace("=\n", "\n"),
        BODY.replace("8=\n", "9=\n"),
        f"{LOG}\n41877\n{encoded(ROOT[:31])}\n",
        f"{LOG}\n41877\n{encoded(ROOT + b'0')}\n",
        f"{LOG}\n41877\n{ROOT.hex()}\n",
        f"{BODY}\n",
        f"{BODY}more\n\nand more\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Checkpoint.of(note_of(text))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("a\nb", 1, ROOT), (LOG, -1, ROOT), (LOG, 2**63, ROOT), (LOG, 1, ROOT[:31])],
)
def test_what_is_no_checkpoint_is_not_made(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(ValueError):
        Checkpoint(origin=origin, size=size, root=root)


@settings(deadline=None)
@given(size=st.integers(0, 2**63 - 1), root=st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin=LOG, size=size, root=root)
    assert Checkpoint.of(note_of(checkpoint.body())) == checkpoint


# --- the signatures ---------------------------------------------------------------------------------------------------


def test_both_kinds_of_signature_are_over_what_they_should() -> None:
    log, witness = verifier_key(1), verifier_key(2, "witness.example/w1", COSIGNATURE)
    note = SignedNote.parse(signed().data())
    (by_log,) = note.by(log)
    assert verified(log.public, BODY.encode(), by_log.data)
    (by_witness,) = note.by(witness)
    time_s, signature = read_cosignature(by_witness)
    assert verified(witness.public, cosigned_message(note.text, time_s), signature)
    assert not verified(witness.public, cosigned_message(note.text, time_s + 1), signature)
    assert not verified(witness.public, note.text.encode(), signature)
    assert not verified(log.public, cosigned_message(note.text, time_s), by_log.data)


def test_the_message_of_a_witness() -> None:
    assert cosigned_message(BODY, 1_679_315_147) == f"cosignature/v1\ntime 1679315147\n{BODY}".encode()


@pytest.mark.parametrize("time_s", [0, 2**63 - 1])
def test_a_time_may_be_the_first_or_the_last(time_s: int) -> None:
    line = cosignature(verifier_key(2, algorithm=COSIGNATURE), time_s, bytes(64))
    assert read_cosignature(line) == (time_s, bytes(64))
    assert f"time {time_s}\n".encode() in cosigned_message(BODY, time_s)


@pytest.mark.parametrize("text", [f"{LOG}\n", f"{LOG}\n41877\n", f"{LOG}\n\n{encoded(ROOT)}\n"])
def test_a_checkpoint_of_fewer_lines_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="three lines"):
        Checkpoint.of(note_of(text))


def test_the_largest_log_has_a_checkpoint() -> None:
    largest = Checkpoint(origin=LOG, size=2**63 - 1, root=ROOT)
    assert Checkpoint.of(note_of(largest.body())) == largest


@pytest.mark.parametrize("time_s", [-1, 2**63])
def test_a_time_is_not_before_1970(time_s: int) -> None:
    with pytest.raises(ValueError):
        cosigned_message(BODY, time_s)
    with pytest.raises(ValueError):
        cosignature(verifier_key(2, algorithm=COSIGNATURE), time_s, bytes(64))


def test_a_time_that_no_witness_can_give_is_not_read() -> None:
    with pytest.raises(ValueError):
        read_cosignature(Signature(name="w", key_id=b"1234", data=bytes([255]) * 72))


@pytest.mark.parametrize("length", [1, 64, 71, 73])
def test_a_line_of_another_kind_is_no_cosignature(length: int) -> None:
    with pytest.raises(ValueError, match=f"has {length} bytes"):
        read_cosignature(Signature(name="w", key_id=b"1234", data=bytes(length)))


def test_a_key_signs_lines_of_its_own_kind() -> None:
    with pytest.raises(ValueError, match="of kind 4"):
        log_signature(verifier_key(1, algorithm=COSIGNATURE), bytes(64))
    with pytest.raises(ValueError, match="of kind 1"):
        cosignature(verifier_key(1), 0, bytes(64))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_has_64_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        log_signature(verifier_key(1), bytes(length))
    with pytest.raises(ValueError, match="64 bytes"):
        cosignature(verifier_key(1, algorithm=COSIGNATURE), 0, bytes(length))
