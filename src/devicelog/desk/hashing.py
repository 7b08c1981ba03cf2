"""Argon2id hashes of PINs: the one importer of argon2, loaded late.

19 MiB, two passes, one lane: what OWASP's password storage sheet names as the least for Argon2id, and what a Raspberry
Pi has room for beside a recording. A PIN of six digits falls to whoever has the hash and patience: the lock is against
those who have not.
"""

from typing import Any

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1


def hashed(pin: str) -> str:
    """A hash with a salt of its own, in argon2's text form."""
    text: str = _hasher().hash(pin)
    return text


def fits(kept: str, pin: str) -> bool:
    """Whether this is the PIN; False too where what is kept is no hash."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return bool(_hasher().verify(kept, pin))
    except (Argon2Error, InvalidHashError):
        return False


def _hasher() -> Any:
    from argon2 import PasswordHasher, Type

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
