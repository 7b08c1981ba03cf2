"""Signatures of OpenSSH: its own program as the judge, byte for byte, and files that are none."""

from hashlib import sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.ledger.base64_text import decoded, encoded
from devicelog.ledger.sshsig import armoured, fingerprint, parse_armoured, parse_ssh_key, ssh_key, to_be_signed
from tests.ledger.signers import private_key, signing_key
from tests.ledger.ssh import ssh_fingerprint, ssh_signs

NAMESPACE = "devicelog-bag"
MESSAGE = b"what is signed\n"


def signature_file(number: int, message: bytes = MESSAGE, namespace: str = NAMESPACE) -> bytes:
    """The file that our own code makes."""
    key = signing_key(number)
    return armoured(key.public, key.sign(to_be_signed(sha512(message).digest(), namespace)), namespace)


OURS = signature_file(1)
BEGIN, *LINES, END = OURS.decode().splitlines()


def of_blob(blob: bytes) -> bytes:
    """Any blob, written as a signature file is."""
    text = encoded(blob)
    return "".join(
        f"{line}\n" for line in (BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), END)
    ).encode()


BLOB = decoded("".join(LINES))


# --- ssh-keygen as the judge ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "namespace"),
    [
        (MESSAGE, NAMESPACE),
        (b"", NAMESPACE),
        (bytes(range(256)) * 300, NAMESPACE),
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
        parse_armoured(ssh_signs(tmp_path, 1, MESSAGE, NAMESPACE, "-O", "hashalg=sha256"))


def test_a_key_and_its_fingerprint_are_those_of_openssh(tmp_path: Path) -> None:
    public = signing_key(1).public
    theirs = private_key(1).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert ssh_key(public) == theirs
    assert parse_ssh_key(theirs) == public
    assert fingerprint(public) == ssh_fingerprint(tmp_path, theirs)


# --- what is no signature ---------------------------------------------------------------------------------------------


def test_our_own_file_is_read() -> None:
    assert of_blob(BLOB) == OURS
    assert parse_armoured(OURS).public == signing_key(1).public


TEXT = OURS.decode()
BAD = {
    "empty": "",
    "no first line": TEXT.partition("\n")[2],
    "no last line": TEXT.removesuffix(f"{END}\n"),
    "no line feed at the end": TEXT[:-1],
    "something before": f"\n{TEXT}",
    "something behind": f"{TEXT}\n",
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "one long line": f"{BEGIN}\n{''.join(LINES)}\n{END}\n",
    "an empty line between": TEXT.replace(f"{BEGIN}\n", f"{BEGIN}\n\n"),
    "space behind a line": TEXT.replace("\n", " \n", 2),
    "another kind of armour": TEXT.replace("SSH SIGNATURE", "PGP SIGNATURE"),
    "nothing between": f"{BEGIN}\n{END}\n",
    "not ASCII": TEXT.replace("U", "Ü", 1),
    "too long": f"{BEGIN}\n{'A' * 4000}\n{END}\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_what_is_no_signature_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_armoured(text.encode())


@pytest.mark.parametrize(
    "blob",
    [
        BLOB.replace(b"SSHSIG", b"SSHSIX"),
        BLOB.replace(b"SSHSIG\0\0\0\1", b"SSHSIG\0\0\0\2"),
        BLOB.replace(b"ssh-ed25519", b"ssh-ed25518", 1),
        BLOB.replace(b"sha512", b"sha511"),
        BLOB.replace(b"devicelog-bag", b"devicelog bag"),
        BLOB.replace(b"devicelog-bag", b"devicelog\xffbag"),
        BLOB.replace(b"\0\0\0\rdevicelog-bag", b"\0\0\0\0"),
        BLOB.replace(b"devicelog-bag\0\0\0\0", b"devicelog-bag\0\0\0\1x"),
        BLOB.replace(b"\0\0\0\rdevicelog-bag", b"\xff\xff\xff\xffdevicelog-bag"),
        BLOB + b"x",
        BLOB[:-1],
        BLOB[:10],
    ],
    ids=[
        *("magic", "version", "kind", "hash", "space in namespace", "not text", "no namespace", "reserved", "length"),
        *("more", "less", "nothing in it"),
    ],
)
def test_what_is_written_well_and_is_no_signature_is_refused(blob: bytes) -> None:
    assert blob != BLOB
    with pytest.raises(ValueError):
        parse_armoured(of_blob(blob))


def test_every_cut_of_a_signature_is_refused() -> None:
    for end in range(len(OURS)):
        with pytest.raises(ValueError):
            parse_armoured(OURS[:end])


@pytest.mark.parametrize(
    ("public", "signature", "namespace"),
    [(bytes(31), bytes(64), "n"), (bytes(32), bytes(63), "n"), (bytes(32), bytes(64), ""), (bytes(32), bytes(64), "é")],
)
def test_what_is_no_signature_is_not_made(public: bytes, signature: bytes, namespace: str) -> None:
    with pytest.raises(ValueError):
        armoured(public, signature, namespace)


@pytest.mark.parametrize("namespace", ["", " ", "a b", "a\n", 'a"', "a,b", "-a", "a" * 129])
def test_what_is_no_namespace_is_not_signed(namespace: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        to_be_signed(bytes(64), namespace)


@pytest.mark.parametrize("length", [0, 32, 63, 65])
def test_what_is_no_hash_is_not_signed(length: int) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        to_be_signed(bytes(length), NAMESPACE)


KEY = ssh_key(signing_key(1).public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY[:-4],
        f"{KEY} comment",
        f" {KEY}",
        KEY.replace(" ", "  "),
        KEY.replace("ssh-ed25519", "ssh-rsa"),
        KEY + "\n",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_ssh_key(text)


# --- one spelling -----------------------------------------------------------------------------------------------------

FILES = st.builds(
    armoured,
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=64, max_size=64),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,40}", fullmatch=True),
)


@settings(deadline=None)
@given(data=FILES)
def test_a_signature_is_read_as_it_was_written(data: bytes) -> None:
    found = parse_armoured(data)
    assert armoured(found.public, found.signature, found.namespace) == data


@settings(deadline=None, max_examples=300)
@given(data=FILES, at=st.integers(0), other=st.binary(max_size=3), cut=st.integers(0, 3))
def test_what_is_read_is_what_would_be_written(data: bytes, at: int, other: bytes, cut: int) -> None:
    at %= len(data)
    changed = data[:at] + other + data[at + cut :]
    try:
        found = parse_armoured(changed)
    except ValueError:
        return
    assert armoured(found.public, found.signature, found.namespace) == changed
