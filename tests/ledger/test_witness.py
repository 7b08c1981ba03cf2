"""A witness's file and key: they go forward with proofs alone, and what forks, rolls back or is exchanged is told."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from devicelog.canonical import canonical
from devicelog.errors import EvidenceDamaged, NotFound, SignatureRefused, StoreUnusable, UsageProblem
from devicelog.ledger import witness as witness_module
from devicelog.ledger.checkpoint import Checkpoint, cosigned_message, log_signature, read_cosignature
from devicelog.ledger.cosigning import Witness
from devicelog.ledger.keys import SigningKey, verified
from devicelog.ledger.note import ED25519, Signature, SignedNote, VerifierKey
from devicelog.ledger.proofs import consistency_proof
from devicelog.ledger.signing import Refusal
from devicelog.ledger.witness import Step, WitnessFile, advance, begin, cosignatures, cosigned, fault, since
from tests.ledger.logs import LOG, OTHER, head, leaves

GENUINE = leaves(40)
FORKED = leaves(40, fork_at=6)
NOON_S = 1_900_000_000


class Device:
    """A device that signs whatever it likes: whoever owns it owns its key."""

    def __init__(self, directory: Path) -> None:
        self._key = SigningKey.create(directory / "log.key")
        self.vkey = VerifierKey(name=LOG, algorithm=ED25519, public=self._key.public)

    def note(self, size: int, of: list[bytes] = GENUINE, *, log: str = LOG, more: str = "") -> SignedNote:
        body = Checkpoint(origin=log, size=size, root=head(of, size).root).body() + more
        return SignedNote(text=body, signatures=(log_signature(self.vkey, self._key.sign(body.encode())),))

    def file(self, *sizes: int, of: list[bytes] = GENUINE) -> WitnessFile:
        """A stick that was at the device at these sizes."""
        file = begin(self.vkey, self.note(sizes[0], of), verified)
        for old, new in pairwise(sizes):
            assert isinstance(file, WitnessFile)
            file = advance(file, self.note(new, of), consistency_proof(of, old, new), verified)
        assert isinstance(file, WitnessFile), file
        return file


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path / "device")


@pytest.fixture
def witness(tmp_path):
    made = Witness(tmp_path / "laptop", "auditor.example")
    made.verifier_key()
    return made


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_it_was_written(device):
    file = device.file(3, 9, 20)
    assert WitnessFile.parse(file.data()) == file
    assert fault(file, verified) is None
    assert json.loads(file.data())["note"] == device.note(20).data().decode().splitlines()


ATTEMPTS = {
    "rolled back": (5, GENUINE, lambda _: [], "smaller"),
    "the same size, another history": (9, FORKED, lambda _: [], "fork"),
    "another history": (12, FORKED, lambda of: consistency_proof(of, 9, 12), "proof"),
    "no proof": (12, GENUINE, lambda _: [], "proof"),
    "the proof of another step": (12, GENUINE, lambda of: consistency_proof(of, 8, 12), "proof"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.requirement("R21")
def test_a_file_advances_with_a_proof_alone(device, attempt):
    size, of, proof, code = ATTEMPTS[attempt]
    refusal = advance(device.file(3, 9), device.note(size, of), proof(of), verified)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_a_checkpoint_of_another_key_is_not_taken(device, tmp_path):
    stranger = Device(tmp_path / "stranger")
    refusal = advance(device.file(9), stranger.note(12), consistency_proof(GENUINE, 9, 12), verified)
    assert isinstance(refusal, Refusal)
    assert "not signed with the key" in refusal.why
    assert isinstance(begin(device.vkey, stranger.note(3), verified), Refusal)
    assert isinstance(begin(replace(device.vkey, name="devicelog/other"), device.note(3), verified), Refusal)


def test_what_the_key_signed_for_something_else_is_not_taken(device):
    for note in (device.note(12, log=OTHER), device.note(12, more="one line more\n")):
        refusal = advance(device.file(9), note, consistency_proof(GENUINE, 9, 12), verified)
        assert isinstance(refusal, Refusal)
        assert isinstance(begin(device.vkey, note, verified), Refusal)


def test_a_full_file_says_how_to_go_on(device, monkeypatch):
    file = device.file(3, 9)
    monkeypatch.setattr(witness_module, "MAX_STEPS", 2)
    refusal = advance(file, device.note(12), consistency_proof(GENUINE, 9, 12), verified)
    assert isinstance(refusal, Refusal)
    assert "begin a new one" in refusal.why
    assert advance(file, file.steps[-1].note, (), verified) == file
    assert WitnessFile.parse(file.data()) == file


def test_the_same_checkpoint_again_brings_the_lines_of_witnesses(device, witness):
    plain = device.file(3, 9)
    with_line = witness.cosign(plain, NOON_S).file.steps[-1].note
    merged = advance(plain, with_line, (), verified)
    assert isinstance(merged, WitnessFile)
    assert merged.steps[-1].note == with_line
    assert advance(merged, with_line, (), verified) == merged


def test_lines_beyond_what_a_note_holds_are_refused(device):
    file: WitnessFile | Refusal = device.file(9)
    for number in range(15):
        assert isinstance(file, WitnessFile)
        file = cosigned(file, Signature(name=f"w{number}", key_id=bytes(4), data=bytes(72)))
    assert isinstance(file, WitnessFile)
    assert isinstance(cosigned(file, Signature(name="w15", key_id=bytes(4), data=bytes(72))), Refusal)


SPOILT = {
    "nothing": lambda _: b"",
    "half": lambda data: data[: len(data) // 2],
    "not canonical": lambda data: data.replace(b":", b": ", 1),
    "another schema": lambda data: data.replace(b"witness/1", b"witness/2"),
    "a list": lambda _: b"[]",
    "no steps": lambda data: canonical({**json.loads(data), "steps": []}),
    "steps of nothing": lambda data: canonical({**json.loads(data), "steps": [{}]}),
    "steps that are numbers": lambda data: canonical({**json.loads(data), "steps": [1]}),
    "another size on top": lambda data: canonical({**json.loads(data), "size": 21}),
    "another note on top": lambda data: canonical({**json.loads(data), "note": ["x"]}),
    "a key more": lambda data: canonical({**json.loads(data), "more": 1}),
    "an older step on top": lambda data: canonical({**json.loads(data), "steps": json.loads(data)["steps"][:-1]}),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_witness_file_is_a_value_error(device, how):
    with pytest.raises(ValueError):
        WitnessFile.parse(SPOILT[how](device.file(3, 9, 20).data()))


def test_every_step_is_looked_at(device):
    file = device.file(3, 9, 20)
    first, second, third = file.steps
    for steps in (
        (first, third),
        (first, second, second, third),
        (third, first),
        (first, replace(second, proof=second.proof[::-1]), third),
        (first, Step(note=device.note(9, FORKED), proof=second.proof), third),
        (first, second, replace(third, proof=())),
    ):
        assert fault(replace(file, steps=steps), verified) is not None


# --- the key that cosigns ---------------------------------------------------------------------------------------------


def test_a_cosignature_is_of_the_witness_over_the_time_and_the_checkpoint(device, witness):
    done = witness.cosign(device.file(3, 9), NOON_S)
    assert (done.first, done.again, done.head) == (True, False, head(GENUINE, 9))
    key = witness.verifier_key()
    (line,) = done.file.steps[-1].note.by(key)
    time_s, signature = read_cosignature(line)
    assert time_s == NOON_S
    assert verified(key.public, cosigned_message(done.file.steps[-1].note.text, NOON_S), signature)
    assert list(cosignatures(WitnessFile.parse(done.file.data()), key, verified)) == [(head(GENUINE, 9), NOON_S)]
    again = witness.cosign(done.file, NOON_S + 60)
    assert again.again
    assert again.file == done.file


def test_a_cosignature_that_was_changed_is_none(device, witness):
    file = witness.cosign(device.file(9), NOON_S).file
    *lines, ours = file.steps[-1].note.signatures
    later = replace(ours, data=(NOON_S + 1).to_bytes(8, "big") + ours.data[8:])
    note = replace(file.steps[-1].note, signatures=(*lines, later))
    changed = replace(file, steps=(replace(file.steps[-1], note=note),))
    assert list(cosignatures(changed, witness.verifier_key(), verified)) == []


def test_a_key_follows_a_file_from_step_to_step(device, witness):
    file = witness.cosign(device.file(3, 9), NOON_S).file
    for old, new in ((9, 14), (14, 15), (15, 32)):
        moved = advance(file, device.note(new), consistency_proof(GENUINE, old, new), verified)
        assert isinstance(moved, WitnessFile)
        file = moved
    done = witness.cosign(file, NOON_S + 86_400)
    assert (done.first, done.head.size) == (False, 32)
    assert [at for _, at in cosignatures(done.file, witness.verifier_key(), verified)] == [NOON_S, NOON_S + 86_400]


FILES = {
    "rolled back": (lambda device: device.file(3, 5), "smaller"),
    "forked at the size that was cosigned": (lambda device: device.file(3, 9, 20, of=FORKED), "fork"),
    "forked, and steps apart": (lambda device: device.file(3, 12, 20, of=FORKED), "behind"),
    "begun anew": (lambda device: device.file(20), "behind"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_key_cosigns_what_goes_on_from_what_it_cosigned(device, witness, what):
    make, code = FILES[what]
    witness.cosign(device.file(3, 9), NOON_S)
    with pytest.raises(SignatureRefused) as refused:
        witness.cosign(make(device), NOON_S)
    assert (refused.value.code, refused.value.exit_code) == (code, 3)
    assert witness.cosign(device.file(3, 9, 20), NOON_S).head.size == 20


def test_a_file_from_before_the_newest_cosignature_is_refused(device, witness):
    for sizes in ((3, 9), (3, 9, 20)):
        witness.cosign(device.file(*sizes), NOON_S)
    with pytest.raises(SignatureRefused, match="9 entries, and 20 were cosigned"):
        witness.cosign(device.file(3, 9), NOON_S)
    refusal = since(device.file(3, 9), head(GENUINE, 9, log=OTHER))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "other log"


def test_the_key_of_another_device_under_the_same_name_is_refused(device, witness, tmp_path):
    stranger = Device(tmp_path / "stranger")
    with pytest.raises(SignatureRefused, match="another device"):
        witness.cosign(stranger.file(3), NOON_S, vkey=device.vkey)
    witness.cosign(device.file(3), NOON_S, vkey=device.vkey)
    with pytest.raises(SignatureRefused, match="another device"):
        witness.cosign(stranger.file(3, 9), NOON_S)


def test_a_file_whose_proofs_do_not_hold_is_not_cosigned(device, witness):
    file = device.file(3, 9)
    broken = replace(file, steps=(file.steps[0], Step(note=device.note(9, FORKED), proof=file.steps[1].proof)))
    assert isinstance(since(broken, head(GENUINE, 3)), Refusal)
    with pytest.raises(SignatureRefused):
        witness.cosign(broken, NOON_S)
    assert witness.cosign(file, NOON_S).first, "nothing was remembered of it"


def test_a_key_has_one_name(witness, tmp_path, device):
    with pytest.raises(UsageProblem, match=r"called 'auditor\.example', not 'other'"):
        Witness(tmp_path / "laptop", "other").verifier_key()
    with pytest.raises(UsageProblem, match="not a name"):
        Witness(tmp_path / "new", "two words").verifier_key()
    assert not (tmp_path / "new").exists()
    assert witness.verifier_key() == Witness(tmp_path / "laptop", "auditor.example").verifier_key()
    with pytest.raises(NotFound, match="witness-key"):
        Witness(tmp_path / "none", "x").cosign(device.file(3), NOON_S)


KEY_DIRECTORIES = {
    "key readable": lambda folder: (folder / "witness.key").chmod(0o444),
    "memory missing": lambda folder: (folder / "witness.json").unlink(),
    "memory cut": lambda folder: (folder / "witness.json").write_bytes(b'{"logs"'),
    "another key": lambda folder: ((folder / "witness.key").unlink(), SigningKey.create(folder / "witness.key")),
}


@pytest.mark.parametrize("how", KEY_DIRECTORIES)
def test_a_spoilt_directory_cosigns_nothing_and_is_not_begun_anew(witness, device, tmp_path, how):
    witness.cosign(device.file(3, 9), NOON_S)
    KEY_DIRECTORIES[how](tmp_path / "laptop")
    for asked in (lambda: witness.cosign(device.file(3), NOON_S), witness.verifier_key):
        with pytest.raises((StoreUnusable, EvidenceDamaged), match=r"read by others|missing|damaged|another key"):
            asked()
