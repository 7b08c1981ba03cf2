"""Ed25519 keys in files of their own, and the signatures they make: the only place that knows `cryptography`.

Who may read a key is looked at whenever one is loaded. What is signed, and whether it should be, is decided elsewhere.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAX_KEY_FILE_BYTES = 4096  # ours have 119
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class SigningKey:
    """A private key that was made or loaded. It is shown nowhere: neither printed nor kept in a message."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public: bytes = key.public_key().public_bytes_raw()  # 32 bytes

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of Ed25519 over a message."""
        return self._key.sign(message)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a key and keep it at `path` (PKCS#8, PEM, mode 0400), in a directory (0700). Raises StoreUnusable.

        After a power cut it is there whole or not at all, and one that is there is never overwritten.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = Ed25519PrivateKey.generate()
        try:
            _make_directory(path.parent)
            _check_directory(path.parent)
            _keep(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        except FileExistsError as error:
            raise StoreUnusable(f"{path} is there already, and a key is never overwritten.") from error
        except StoreUnusable:
            raise
        except OSError as error:
            raise StoreUnusable(f"no key can be kept at {path}: {error.strerror}.") from error
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key. Raises NotFound; StoreUnusable when it is a link or others may read or replace it;
        EvidenceDamaged when the file is no Ed25519 key."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        data = _read_private(path)
        try:
            key = load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # their words may quote the file
            raise EvidenceDamaged(f"{path} is not a private key that can be read. Nothing is signed with it.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise EvidenceDamaged(f"{path} is a key, but not one of Ed25519. Nothing is signed with it.")
        return cls(key)


def verified(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of the key `public` over the message. Raises ValueError unless a key has 32 bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _make_directory(directory: Path) -> None:
    if directory.is_dir():
        return
    directory.mkdir(parents=True, mode=0o700)
    _sync(directory.parent)


def _check_directory(directory: Path) -> None:
    mode = directory.stat().st_mode
    if mode & _OTHERS_WRITE:
        raise StoreUnusable(
            f"{directory} can be written by others, who could put another key there. Mend it: chmod 700 {directory}"
        )


def _keep(path: Path, data: bytes) -> None:
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, stat.S_IRUSR)
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.link(temporary, path)  # unlike a rename, it fails where there is a file
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
    _sync(path.parent)


def _read_private(path: Path) -> bytes:
    """The bytes of a file that is one itself and that nobody else may read or replace."""
    try:
        _check_directory(path.parent)
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound(f"there is no key at {path}.") from error
    except StoreUnusable:
        raise
    except OSError as error:
        words = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise StoreUnusable(f"the key {path} cannot be used: {words}.") from error
    with os.fdopen(fd, "rb") as file:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise StoreUnusable(f"the key {path} cannot be used: it is not a file.")
        if about.st_mode & _OTHERS:
            raise StoreUnusable(
                f"the key {path} can be read by others, so what it signs proves nothing. Mend it: chmod 400 {path}"
            )
        return file.read(_MAX_KEY_FILE_BYTES)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
