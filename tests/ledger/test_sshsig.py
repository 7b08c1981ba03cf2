"""Signatures of OpenSSH: what its own program wrote, byte for byte, and files that are none."""

from hashlib import sha512

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.ledger.base64_text import decoded, encoded
from devicelog.ledger.sshsig import armoured, fingerprint, parse_armoured, parse_ssh_key, ssh_key, to_be_signed
from tests.ledger.signers import signing_key

NAMESPACE = "devicelog-bag"
MESSAGE = b"what is signed\n"


def signature_file(number: int, message: bytes = MESSAGE, namespace: str = NAMESPACE) -> bytes:
    """The file that our own code makes."""
    key = signing_key(number)
    return armoured(key.public, key.sign(to_be_signed(sha512(message).digest(), namespace)), namespace)


OURS = signature_file(1)
# What `ssh-keygen -Y sign` of OpenSSH 9.2 wrote of that message with that key, and what `ssh-keygen -l` calls the key.
THEIRS = b"""\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgTLWr9q15+/WrvMr8wmnYXNJlHt
S4hbWGnyQa7fCluikAAAANZGV2aWNlbG9nLWJhZwAAAAAAAAAGc2hhNTEyAAAAUwAAAAtz
c2gtZWQyNTUxOQAAAEBmtactQszf74pU1F15CuTgjRnYoz4pZyilYdjJy4wRHo6VDj8Xq7
P2mnO90Eb2Rua0dA/u+CGwy+7sKPB8mA4L
-----END SSH SIGNATURE-----
"""
FINGERPRINT = "SHA256:mXhe4VT8IZgX1fUCWPH5SZ3xupG1AvwouipH1zOKCA0"
BEGIN, *LINES, END = OURS.decode().splitlines()


def of_blob(blob: bytes) -> bytes:
    """Any blob, written as a signature file is."""
    text = encoded(blob)
    return "".join(
        f"{line}\n" for line in (BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), END)
    ).encode()


BLOB = decoded("".join(LINES))


# --- what is no signature ---------------------------------------------------------------------------------------------


def test_our_own_file_is_read() -> None:
    assert of_blob(BLOB) == OURS == THEIRS
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


CHANGED = {
    "magic": (BLOB.replace(b"SSHSIG", b"SSHSIX"), "version 1"),
    "version": (BLOB.replace(b"SSHSIG\0\0\0\1", b"SSHSIG\0\0\0\2"), "version 1"),
    "kind of key": (BLOB.replace(b"ssh-ed25519", b"ssh-ed25518", 1), "of kind b'ssh-ed25518'"),
    "kind of signature": (BLOB[::-1].replace(b"91552de-hss", b"81552de-hss", 1)[::-1], "of kind b'ssh-ed25518'"),
    "hash": (BLOB.replace(b"sha512", b"sha511"), "a hash b'sha511'"),
    "space in namespace": (BLOB.replace(b"devicelog-bag", b"devicelog bag"), "not a namespace"),
    "not text": (BLOB.replace(b"devicelog-bag", b"devicelog\xffbag"), "not a namespace"),
    "no namespace": (BLOB.replace(b"\0\0\0\rdevicelog-bag", b"\0\0\0\0"), "not a namespace"),
    "reserved": (BLOB.replace(b"devicelog-bag\0\0\0\0", b"devicelog-bag\0\0\0\1x"), "as ssh-keygen writes it"),
    "length": (BLOB.replace(b"\0\0\0\rdevicelog-bag", b"\xff\xff\xff\xffdevicelog-bag"), "cut off"),
    "more": (BLOB + b"x", "1 bytes stand behind"),
    "less": (BLOB[:-1], "cut off"),
    "half a length": (BLOB[:12], "cut off"),
}


@pytest.mark.parametrize(("blob", "words"), CHANGED.values(), ids=list(CHANGED))
def test_what_is_written_well_and_is_no_signature_is_refused(blob: bytes, words: str) -> None:
    assert blob != BLOB
    with pytest.raises(ValueError, match=words):
        parse_armoured(of_blob(blob))


def test_what_is_signed_is_a_blob_of_its_own() -> None:
    assert signature_file(1) == THEIRS
    digest = bytes(range(64))
    assert to_be_signed(digest, "n") == b"SSHSIG\0\0\0\1n\0\0\0\0\0\0\0\6sha512\0\0\0\x40" + digest


@pytest.mark.parametrize("name", ["empty", "no first line", "no last line", "something before", "something behind"])
def test_what_has_other_ends_is_said(name: str) -> None:
    with pytest.raises(ValueError, match="first or last line"):
        parse_armoured(BAD[name].encode())


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


def test_a_key_as_openssh_writes_and_calls_it() -> None:
    assert KEY == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEy1q/atefv1q7zK/MJp2FzSZR7UuIW1hp8kGu3wpbop"
    assert parse_ssh_key(KEY) == signing_key(1).public
    assert fingerprint(signing_key(1).public) == FINGERPRINT


def test_a_key_of_another_kind_is_said() -> None:
    with pytest.raises(ValueError, match="of kind ssh-ed25519"):
        parse_ssh_key(KEY.replace("ssh-ed25519", "ssh-rsa"))
    inside = decoded(KEY.split()[1]).replace(b"ssh-ed25519", b"ssh-ed25518")
    with pytest.raises(ValueError, match="as OpenSSH writes it"):
        parse_ssh_key(f"ssh-ed25519 {encoded(inside)}")


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
