"""What witnesses signed elsewhere, taken into a ledger for good: only what a key that was given verifies."""

from dataclasses import replace
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.errors import UsageProblem
from devicelog.ledger.checkpoint import Checkpoint, cosignature, cosigned_message
from devicelog.ledger.keys import SigningKey
from devicelog.ledger.note import COSIGNATURE, ED25519, MAX_SIGNATURES, Signature, SignedNote, VerifierKey
from devicelog.packages.whole import BesideDatabase
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.recorder.checkpointing import checkpoint
from devicelog.store.audit import audit
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_checkpoint
from tests.databases import make_database

SEEN_S = 1_925_000_000
NAME = "regulator.example"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """With a signed head."""
    path = make_database(tmp_path / "data")
    with alone(path.parent) as access:
        checkpoint(access)
    return path.parent


def held(data_dir: Path) -> SignedNote:
    with Evidence(data_dir / FILE_NAME) as evidence:
        newest = newest_checkpoint(evidence)
        assert audit(evidence.connection, evidence.path, packages=BesideDatabase(data_dir)).problems == []
    assert newest is not None
    return SignedNote.parse(newest.note)


def line_of(tmp_path: Path, note: SignedNote, name: str = NAME) -> tuple[VerifierKey, Signature]:
    """The key and the good line of a witness."""
    key = SigningKey.create(tmp_path / f"{name}.key")
    verifier = VerifierKey(name=name, algorithm=COSIGNATURE, public=key.public)
    return verifier, cosignature(verifier, SEEN_S, key.sign(cosigned_message(note.text, SEEN_S)))


def offered(data_dir: Path, note: SignedNote, *lines: Signature, keys: list[str] | None = None) -> Json:
    whole = replace(note, signatures=(*note.signatures, *lines))
    request: Json = {"do": "cosigned", "note": whole.data().decode()}
    with alone(data_dir) as access:
        return act(access, request if keys is None else {**request, "vkeys": keys})


def test_a_line_that_its_key_verifies_is_kept_once(data_dir: Path, tmp_path: Path) -> None:
    note = held(data_dir)
    key, line = line_of(tmp_path, note)
    said = offered(data_dir, note, line, line, keys=[key.text()])
    assert said == {"ok": True, "new": 1, "names": [NAME], "without_key": [], "wrong": []}
    assert held(data_dir).signatures == (*note.signatures, line)
    assert offered(data_dir, note, line)["new"] == 0, "what is held needs no key any more"


@pytest.mark.parametrize("keys", [None, []])
def test_without_its_key_a_good_line_is_left(data_dir: Path, tmp_path: Path, keys: list[str] | None) -> None:
    note = held(data_dir)
    _, line = line_of(tmp_path, note)
    said = offered(data_dir, note, line, keys=keys)
    assert (said["new"], said["without_key"]) == (0, [NAME])
    assert held(data_dir) == note


FORGED = {
    "zeros": bytes(72),
    "another time": (SEEN_S + 1).to_bytes(8, "big"),
    "too short": b"\x00",
    "too long": bytes(5000),
    "a time before 1970": b"\xff" * 8,
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_line_is_not_kept(data_dir: Path, tmp_path: Path, what: str) -> None:
    note = held(data_dir)
    key, line = line_of(tmp_path, note)
    data = FORGED[what]
    bad = replace(line, data=data + line.data[8:] if len(data) == 8 else data)
    said = offered(data_dir, note, bad, keys=[key.text()])
    assert (said["new"], said["wrong"]) == (0, [NAME])
    assert held(data_dir) == note


def test_a_line_in_the_name_of_the_log_is_refused(data_dir: Path) -> None:
    note = held(data_dir)
    [own] = note.signatures
    for bad in (replace(own, data=bytes(64)), replace(own, data=bytes(72)), replace(own, key_id=bytes(4))):
        with pytest.raises(UsageProblem, match="not the one held here"):
            offered(data_dir, note, bad)
    assert held(data_dir) == note


@pytest.mark.parametrize("what", ["no list", "no key", "the log's name", "a log's key"])
def test_what_is_no_witness_key(data_dir: Path, what: str) -> None:
    note = held(data_dir)
    log = Checkpoint.of(note).origin
    keys = {
        "no list": NAME,
        "no key": ["hello"],
        "the log's name": [VerifierKey(name=log, algorithm=COSIGNATURE, public=bytes(32)).text()],
        "a log's key": [VerifierKey(name=NAME, algorithm=ED25519, public=bytes(32)).text()],
    }[what]
    with pytest.raises(UsageProblem, match="witness"):
        offered(data_dir, note, keys=keys)  # type: ignore[arg-type]


def test_no_more_lines_are_kept_than_a_note_has(data_dir: Path, tmp_path: Path) -> None:
    note = held(data_dir)
    made = [line_of(tmp_path, note, f"w{number}.example") for number in range(MAX_SIGNATURES)]
    for key, line in made[:-1]:
        assert offered(data_dir, note, line, keys=[key.text()])["new"] == 1
    whole = held(data_dir)
    assert len(whole.signatures) == MAX_SIGNATURES
    key, line = made[-1]
    with pytest.raises(UsageProblem, match="16 are kept at most"):
        offered(data_dir, note, line, keys=[key.text()])
    assert held(data_dir) == whole
