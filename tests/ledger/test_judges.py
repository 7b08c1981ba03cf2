"""The programs that an auditor has are the judges: openssl of checkpoints, ssh-keygen of the signature of a bag."""

import subprocess
from hashlib import sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from devicelog.ledger.base64_text import encoded
from devicelog.ledger.checkpoint import cosignature, cosigned_message, log_signature, read_cosignature
from devicelog.ledger.keys import verified
from devicelog.ledger.note import COSIGNATURE, SignedNote, VerifierKey
from devicelog.ledger.pin import BAG_NAMESPACE, Pin
from devicelog.ledger.sshsig import armoured, fingerprint, parse_armoured, parse_ssh_key, ssh_key, to_be_signed
from tests.ledger.signers import LOG, private_key, signing_key, verifier_key
from tests.ledger.ssh import ssh_fingerprint, ssh_signs, ssh_verifies
from tests.oracles import needed

BODY = f"{LOG}\n41877\n{encoded(bytes(range(32)))}\n"
MESSAGE = b"0123  bagit.txt\n"
TEXT = Pin(log=LOG, first=bytes(range(32)), checkpoints=verifier_key(1), bags=signing_key(2).public).text()


def signature_file(number: int, message: bytes = MESSAGE, namespace: str = BAG_NAMESPACE) -> bytes:
    """The signature file that our own code makes."""
    key = signing_key(number)
    return armoured(key.public, key.sign(to_be_signed(sha512(message).digest(), namespace)), namespace)


# --- openssl, of checkpoints ------------------------------------------------------------------------------------------


def signed() -> SignedNote:
    """The checkpoint with the line of its log and that of a witness."""
    witness = verifier_key(2, "witness.example/w1", COSIGNATURE)
    return SignedNote(
        text=BODY,
        signatures=(
            log_signature(verifier_key(1), signing_key(1).sign(BODY.encode())),
            cosignature(witness, 1_679_315_147, signing_key(2).sign(cosigned_message(BODY, 1_679_315_147))),
        ),
    )


def openssl_verifies(folder: Path, key: VerifierKey, number: int, message: bytes, signature: bytes) -> bool:
    """What `openssl pkeyutl -verify -rawin` says."""
    pem = private_key(number).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert private_key(number).public_key().public_bytes_raw() == key.public
    for name, data in {"key.pem": pem, "message": message, "signature": signature}.items():
        (folder / name).write_bytes(data)
    command = [needed("openssl"), "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message"]
    done = subprocess.run([*command, "-sigfile", "signature"], cwd=folder, capture_output=True, text=True)
    assert ("Signature Verified Successfully" in done.stdout) == (done.returncode == 0), done
    return done.returncode == 0


def test_openssl_verifies_a_checkpoint(tmp_path: Path) -> None:
    note = SignedNote.parse(signed().data())
    key = verifier_key(1)
    (line,) = note.by(key)
    assert openssl_verifies(tmp_path, key, 1, note.text.encode(), line.data)
    witness = verifier_key(2, "witness.example/w1", COSIGNATURE)
    time_s, signature = read_cosignature(note.by(witness)[0])
    assert openssl_verifies(tmp_path, witness, 2, cosigned_message(note.text, time_s), signature)


@pytest.mark.parametrize("fault", ["other size", "other key", "flipped bit"])
def test_openssl_refuses_a_forged_checkpoint(tmp_path: Path, fault: str) -> None:
    key = verifier_key(1)
    message, signature = BODY.encode(), signing_key(1).sign(BODY.encode())
    if fault == "other size":
        message = message.replace(b"41877", b"41878")
    elif fault == "other key":
        signature = signing_key(2).sign(message)
    else:
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    assert not openssl_verifies(tmp_path, key, 1, message, signature)
    assert not verified(key.public, message, signature)


# --- ssh-keygen, of signature files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "namespace"),
    [
        (MESSAGE, BAG_NAMESPACE),
        (b"", BAG_NAMESPACE),
        (bytes(range(256)) * 300, BAG_NAMESPACE),
        (MESSAGE, "a"),
        (MESSAGE, "n@x.org"),
    ],
    ids=["bag", "nothing", "binary", "short namespace", "namespace of a domain"],
)
def test_our_file_is_the_one_that_ssh_keygen_writes(tmp_path: Path, message: bytes, namespace: str) -> None:
    theirs = ssh_signs(tmp_path, 1, message, namespace)
    assert signature_file(1, message, namespace) == theirs
    found = parse_armoured(theirs)
    assert (found.public, found.namespace, found.hash) == (signing_key(1).public, namespace, "sha512")
    assert found.signature == signing_key(1).sign(to_be_signed(sha512(message).digest(), namespace))


def test_a_signature_over_another_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sha256"):
        parse_armoured(ssh_signs(tmp_path, 1, MESSAGE, BAG_NAMESPACE, "-O", "hashalg=sha256"))


def test_a_key_and_its_fingerprint_are_those_of_openssh(tmp_path: Path) -> None:
    public = signing_key(1).public
    theirs = private_key(1).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert ssh_key(public) == theirs
    assert parse_ssh_key(theirs) == public
    assert fingerprint(public) == ssh_fingerprint(tmp_path, theirs)


# --- ssh-keygen, with the pin -----------------------------------------------------------------------------------------


def test_ssh_keygen_verifies_with_the_pin_as_it_stands(tmp_path: Path) -> None:
    ours = signature_file(2)
    assert ssh_verifies(tmp_path, TEXT, identity=LOG, message=MESSAGE, signature=ours)
    assert ssh_signs(tmp_path, 2, MESSAGE, BAG_NAMESPACE) == ours


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": b"0124  bagit.txt\n"},
        {"signature": signature_file(1)},
        {"signature": signature_file(2, namespace="file"), "namespace": "file"},
        {"signature": signature_file(2, namespace="file")},
        {"identity": LOG.replace("0", "1")},
        {"identity": "*"},
        {"signature": armoured(signing_key(2).public, signing_key(1).sign(MESSAGE), BAG_NAMESPACE)},
    ],
    ids=["message", "key of checkpoints", "namespace", "namespace of the signature", "log", "pattern", "forged"],
)
def test_ssh_keygen_refuses_everything_else(tmp_path: Path, wrong: dict[str, object]) -> None:
    asked = {"identity": LOG, "message": MESSAGE, "signature": signature_file(2), **wrong}
    assert not ssh_verifies(tmp_path, TEXT, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [0, 40, 63])
def test_ssh_keygen_refuses_a_flipped_bit(tmp_path: Path, at: int) -> None:
    key = signing_key(2)
    good = key.sign(to_be_signed(sha512(MESSAGE).digest(), BAG_NAMESPACE))
    flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    assert not ssh_verifies(
        tmp_path, TEXT, identity=LOG, message=MESSAGE, signature=armoured(key.public, flipped, BAG_NAMESPACE)
    )
