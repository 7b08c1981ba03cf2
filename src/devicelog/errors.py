"""The errors of devicelog: one root. Each leaf knows the exit code the command line ends with.

Bad evidence is not an error of ours: it is a fault, a gap or a finding, and it is kept.
"""

import shlex
from collections.abc import Sequence


class DevicelogError(Exception):
    """Root of every error this package raises on purpose. `exit_code` is what the process ends with.

    `command`: the words of the command that mends it, which the message ends with.
    """

    exit_code = 1
    command: tuple[str, ...] = ()

    def said(self, program: Sequence[str]) -> str:
        """The message; `program` is how this program is called from here."""
        text = super().__str__()
        return f"{text} {shlex.join((*program, *self.command))}" if self.command else text

    def __str__(self) -> str:
        return self.said(("devicelog",))


class UsageProblem(DevicelogError, ValueError):
    """A plan, profile, zone or code that does not parse."""

    exit_code = 2


class EvidenceDamaged(DevicelogError, ValueError):
    """Stored evidence that cannot be what was written, or a database that SQLite calls damaged."""

    exit_code = 3


class SignatureRefused(EvidenceDamaged):
    """The signer or a witness does not sign this: it is no extension of what was signed. `code`: of `signing.CODES`."""

    def __init__(self, words: str, *, code: str) -> None:
        super().__init__(words)
        self.code = code


class PenUnusable(DevicelogError):
    """The pen is missing, busy, forbidden, no pen at all, or lost for good."""

    exit_code = 4


class StoreUnusable(DevicelogError, OSError):
    """The data directory is locked, read-only, full, unsuitable or in need of an upgrade."""

    exit_code = 5


class NotFound(DevicelogError, LookupError):
    """No such session, plan or running recorder."""

    exit_code = 6


class BadTransition(DevicelogError):
    """This mark is not possible in the state the session is in."""

    exit_code = 2


class NotAllowed(DevicelogError):
    """Somebody may not do this, or has not shown who it is. The message says what would let it go on."""

    exit_code = 2


class CannotDecide(DevicelogError):
    """What was given is not enough to say whether it is what was recorded: no pinned key, or of a later version."""

    exit_code = 7
