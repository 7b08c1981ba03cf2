"""Keys in files: who may read them, what is none, what a power cut leaves, and openssl as the judge of both halves."""

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from devicelog.errors import DevicelogError, EvidenceDamaged, NotFound, StoreUnusable
from devicelog.ledger.keys import SigningKey, verified
from tests.ledger.signers import signing_key
from tests.oracles import needed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a key belongs that is not there yet, nor its directory."""
    return tmp_path / "signer" / "checkpoints.pem"


def test_a_key_is_made_kept_and_loaded(path: Path) -> None:
    made = SigningKey.create(path)
    loaded = SigningKey.load(path)
    assert loaded.public == made.public
    assert len(made.public) == 32
    assert verified(made.public, b"message", loaded.sign(b"message"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_two_keys_are_two(path: Path) -> None:
    assert SigningKey.create(path).public != SigningKey.create(path.with_name("bags.pem")).public


def test_openssl_reads_a_key_and_verifies_what_it_signs(path: Path, tmp_path: Path) -> None:
    key = SigningKey.create(path)
    openssl = needed("openssl")
    subprocess.run(
        [openssl, "pkey", "-in", path, "-pubout", "-outform", "DER", "-out", tmp_path / "public"], check=True
    )
    assert (tmp_path / "public").read_bytes().endswith(key.public)
    (tmp_path / "message").write_bytes(b"message")
    command = [openssl, "pkeyutl", "-sign", "-inkey", path, "-rawin", "-in", tmp_path / "message"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == key.sign(b"message")


def test_a_key_that_openssl_made_is_loaded(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    subprocess.run([needed("openssl"), "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    path.chmod(0o600)
    key = SigningKey.load(path)
    assert verified(key.public, b"message", key.sign(b"message"))


# --- signatures -------------------------------------------------------------------------------------------------------

# RFC 8032, section 7.1, the first two
PUBLISHED = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), PUBLISHED, ids=["1", "2"])
def test_published_signatures(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))
    assert key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verified(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


def test_every_bit_of_a_signature_counts() -> None:
    key = signing_key(1)
    good = key.sign(b"message")
    assert verified(key.public, b"message", good)
    for at in range(64 * 8):
        flipped = bytearray(good)
        flipped[at // 8] ^= 1 << at % 8
        assert not verified(key.public, b"message", bytes(flipped)), at


def test_another_message_key_or_length_is_not_verified() -> None:
    key = signing_key(1)
    good = key.sign(b"message")
    assert not verified(key.public, b"massage", good)
    assert not verified(signing_key(2).public, b"message", good)
    assert not verified(key.public, b"message", good[:-1])
    assert not verified(key.public, b"message", good + b"\0")
    assert not verified(key.public, b"message", b"")
    with pytest.raises(ValueError):
        verified(key.public[:-1], b"message", good)


# --- files that are refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o444, 0o644, 0o420, 0o410, 0o401])
def test_a_key_that_others_may_use_is_refused(path: Path, mode: int) -> None:
    SigningKey.create(path)
    path.chmod(mode)
    with pytest.raises(StoreUnusable, match=f"chmod 400 {path}"):
        SigningKey.load(path)
    path.chmod(0o400)
    SigningKey.load(path)


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777])
def test_a_key_that_others_could_replace_is_refused(path: Path, mode: int) -> None:
    SigningKey.create(path)
    path.parent.chmod(mode)
    with pytest.raises(StoreUnusable, match=f"chmod 700 {path.parent}"):
        SigningKey.load(path)
    with pytest.raises(StoreUnusable, match=f"chmod 700 {path.parent}"):
        SigningKey.create(path.with_name("another.pem"))


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey, password: bytes = b"") -> bytes:
    secret = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)


GOOD = pem(Ed25519PrivateKey.from_private_bytes(bytes(32)))
NO_KEYS = {
    "empty": b"",
    "zeros": bytes(119),
    "cut off": GOOD[:60],
    "no last line": GOOD[: GOOD.rindex(b"-----END")],
    "its public half": Ed25519PrivateKey.from_private_bytes(bytes(32))
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "of another curve": pem(ec.derive_private_key(7, ec.SECP256R1())),
    "for another use": pem(x25519.X25519PrivateKey.from_private_bytes(bytes(32))),
    "with a password": pem(Ed25519PrivateKey.from_private_bytes(bytes(32)), b"password"),
    "of OpenSSH": Ed25519PrivateKey.from_private_bytes(bytes(32)).private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    ),
    "huge": b"x" * 10**6,
}


@pytest.mark.parametrize("data", NO_KEYS.values(), ids=list(NO_KEYS))
def test_what_is_no_key_is_refused(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(data)
    path.chmod(0o400)
    with pytest.raises(EvidenceDamaged, match=r"Nothing is signed with it") as raised:
        SigningKey.load(path)
    assert raised.value.__cause__ is None


def link_to_a_key(path: Path) -> None:
    SigningKey.create(path.with_name("real.pem"))
    path.symlink_to("real.pem")


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o400)


@pytest.mark.parametrize("put", [link_to_a_key, link_to_nothing, directory, pipe])
def test_what_is_no_file_is_refused_and_not_replaced(path: Path, put: Callable[[Path], None]) -> None:
    path.parent.mkdir(mode=0o700)
    put(path)
    before = path.lstat()
    with pytest.raises(StoreUnusable, match="cannot be used"):
        SigningKey.load(path)
    with pytest.raises(StoreUnusable, match="never overwritten"):
        SigningKey.create(path)
    assert path.lstat().st_ino == before.st_ino


def test_a_missing_key_is_not_found(path: Path) -> None:
    with pytest.raises(NotFound, match=str(path)):
        SigningKey.load(path)
    path.parent.mkdir(mode=0o700)
    with pytest.raises(NotFound, match=str(path)):
        SigningKey.load(path)


# --- keys that are not made -------------------------------------------------------------------------------------------


def test_a_key_is_never_overwritten(path: Path) -> None:
    first = SigningKey.create(path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="never overwritten"):
        SigningKey.create(path)
    assert path.read_bytes() == before
    assert SigningKey.load(path).public == first.public
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_where_the_directory_belongs_is_said(path: Path) -> None:
    path.parent.write_bytes(b"")
    for act in (SigningKey.create, SigningKey.load):
        with pytest.raises(StoreUnusable, match=str(path)):
            act(path)


@pytest.mark.parametrize("call", ["fsync", "link", "fchmod"])
def test_a_key_that_was_not_kept_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path.parent.mkdir(mode=0o700)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(StoreUnusable, match="No space left"):
            SigningKey.create(path)
    assert list(path.parent.iterdir()) == []
    SigningKey.create(path)


def test_a_key_is_synced_before_it_has_its_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    fsync, link = os.fsync, os.link

    def synced(fd: int) -> None:
        acts.append("directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else f"file of {os.fstat(fd).st_size}")
        fsync(fd)

    def linked(source: str, target: Path) -> None:
        acts.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    SigningKey.create(path)
    assert acts == ["directory", "file of 119", "link", "directory"]


def test_errors_have_their_exit_codes() -> None:
    assert {error: error.exit_code for error in (EvidenceDamaged, StoreUnusable, NotFound)} == {
        EvidenceDamaged: 3,
        StoreUnusable: 5,
        NotFound: 6,
    }
    assert issubclass(NotFound, DevicelogError)
