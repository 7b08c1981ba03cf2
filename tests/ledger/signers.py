"""Keys of the tests: always the same ones, and what they sign."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devicelog.ledger.keys import SigningKey
from devicelog.ledger.note import ED25519, VerifierKey

LOG = "devicelog/0123456789abcdef0123456789abcdef"


def private_key(number: int) -> Ed25519PrivateKey:
    """The key whose seed is this number."""
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def signing_key(number: int) -> SigningKey:
    """The same, as the program has it."""
    return SigningKey(private_key(number))


def verifier_key(number: int, name: str = LOG, algorithm: int = ED25519) -> VerifierKey:
    """Its public half, under a name."""
    return VerifierKey(name=name, algorithm=algorithm, public=signing_key(number).public)
