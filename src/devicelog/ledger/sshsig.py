"""SSHSIG of OpenSSH (its PROTOCOL.sshsig) with Ed25519 and SHA-512: what is signed, the armour, how keys are written.

The bytes are those that `ssh-keygen -Y sign` writes, so that `ssh-keygen -Y verify` reads them. Making and checking the
signature itself is not done here.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from devicelog.ledger.base64_text import decoded, encoded

_MAGIC = b"SSHSIG"
_VERSION = 1
_KIND = b"ssh-ed25519"
_HASH = "sha512"
_HASH_BYTES = 64
_PUBLIC_BYTES = 32
_SIGNATURE_BYTES = 64
_BEGIN = "-----BEGIN SSH SIGNATURE-----\n"
_END = "-----END SSH SIGNATURE-----\n"
_COLUMNS = 70
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignature:
    """What an armoured signature holds. `public`: 32 bytes; `signature`: 64; `hash`: of the message, always sha512.

    The key in it says nothing about who signed: whom it belongs to is what a pin says.
    """

    public: bytes
    signature: bytes
    namespace: str
    hash: str


def to_be_signed(message_sha512: bytes, namespace: str) -> bytes:
    """What Ed25519 signs for a message of this SHA-512 (64 bytes). Raises ValueError for no such hash or namespace."""
    if len(message_sha512) != _HASH_BYTES:
        raise ValueError(f"a SHA-512 has {_HASH_BYTES} bytes; this has {len(message_sha512)}")
    _check_namespace(namespace)
    return _MAGIC + _strings(namespace.encode(), b"", _HASH.encode(), message_sha512)


def armoured(public: bytes, signature: bytes, namespace: str) -> bytes:
    """The file that holds a signature (64 bytes) of the key `public` (32). Raises ValueError for other lengths."""
    if len(signature) != _SIGNATURE_BYTES:
        raise ValueError(f"an Ed25519 signature has {_SIGNATURE_BYTES} bytes; this has {len(signature)}")
    _check_namespace(namespace)
    parts = (_key_blob(public), namespace.encode(), b"", _HASH.encode(), _strings(_KIND, signature))
    text = encoded(_MAGIC + _VERSION.to_bytes(4, "big") + _strings(*parts))
    lines = (f"{text[at : at + _COLUMNS]}\n" for at in range(0, len(text), _COLUMNS))
    return f"{_BEGIN}{''.join(lines)}{_END}".encode()


def parse_armoured(data: bytes) -> SshSignature:
    """Read such a file. Raises ValueError unless `armoured` gives exactly these bytes for what is returned."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"a signature file is ASCII; byte {error.start} of this one is not") from None
    if not (text.startswith(_BEGIN) and text.endswith(f"\n{_END}")):
        raise ValueError("this is not a signature file of OpenSSH: its first or last line is another")
    blob = decoded(text[len(_BEGIN) : -len(_END)].replace("\n", ""))
    start = _MAGIC + _VERSION.to_bytes(4, "big")
    if not blob.startswith(start):
        raise ValueError(f"this is not a signature of OpenSSH, version {_VERSION}")
    key, namespace, _, named_hash, signed = _read_strings(blob[len(start) :], 5)
    kind, public = _read_strings(key, 2)
    signed_kind, signature = _read_strings(signed, 2)
    for found_kind in (kind, signed_kind):
        if found_kind != _KIND:
            raise ValueError(f"the signature is of a key of kind {found_kind[:40]!r}; expected {_KIND!r}")
    if named_hash != _HASH.encode():
        raise ValueError(f"the signature is of a hash {named_hash[:40]!r}; expected {_HASH!r}")
    found = SshSignature(public=public, signature=signature, namespace=namespace.decode("utf-8", "replace"), hash=_HASH)
    if armoured(found.public, found.signature, found.namespace) != data:
        raise ValueError("the signature file is not written as ssh-keygen writes it")
    return found


def ssh_key(public: bytes) -> str:
    """A public key (32 bytes) as OpenSSH writes it, without a comment. Raises ValueError for another length."""
    return f"{_KIND.decode()} {encoded(_key_blob(public))}"


def parse_ssh_key(text: str) -> bytes:
    """The 32 bytes of a public key. Raises ValueError unless `ssh_key` gives the same text."""
    kind, _, content = text.partition(" ")
    if kind != _KIND.decode():
        raise ValueError(f"{text[:80]!r} is not a key of kind {_KIND.decode()}")
    _, public = _read_strings(decoded(content), 2)
    if ssh_key(public) != text:
        raise ValueError(f"{text[:120]!r} is not a key as OpenSSH writes it")
    return public


def fingerprint(public: bytes) -> str:
    """How OpenSSH names a public key (32 bytes) to people: `SHA256:` and base64 without padding."""
    return f"SHA256:{encoded(sha256(_key_blob(public)).digest()).rstrip('=')}"


def _key_blob(public: bytes) -> bytes:
    if len(public) != _PUBLIC_BYTES:
        raise ValueError(f"an Ed25519 key has {_PUBLIC_BYTES} bytes; this has {len(public)}")
    return _strings(_KIND, public)


def _check_namespace(namespace: str) -> None:
    if not _NAMESPACE.fullmatch(namespace):
        raise ValueError(f"{namespace[:80]!r} is not a namespace: letters, digits and . _ @ / - after the first")


def _strings(*values: bytes) -> bytes:
    """The strings of RFC 4251, section 5: how many bytes as u32, most significant first, then so many."""
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def _read_strings(data: bytes, count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        length = int.from_bytes(data[:4], "big")
        if len(data) < 4 + length:
            raise ValueError("the signature or key is cut off")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    if data:
        raise ValueError(f"{len(data)} bytes stand behind the signature or key")
    return found
