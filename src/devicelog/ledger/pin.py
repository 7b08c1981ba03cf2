"""The pin: the text a clinic is given when a log begins, by which an auditor knows the log and its two keys.

It is an `allowed_signers` file of OpenSSH as it stands (docs/package.md). Where a pin comes from, and so what it is
worth, is not known here.
"""

import re
from dataclasses import dataclass
from typing import Self

from devicelog.ledger.note import ED25519, VerifierKey
from devicelog.ledger.sshsig import parse_ssh_key, ssh_key

BAG_NAMESPACE = "devicelog-bag"

_HASH_BYTES = 32
_LOG = re.compile(r"devicelog/[0-9a-f]{32}")
_TEXT = re.compile(
    r"# devicelog birth certificate\n"
    r"# log    (?P<log>\S+)\n"
    r"# first  (?P<first>[0-9a-f]{64})\n"
    r"# vkey   (?P<vkey>\S+)\n"
    rf'(?P=log) namespaces="{BAG_NAMESPACE}" (?P<bags>ssh-ed25519 \S+)\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The log's id, the leaf hash of its entry 0 (32 bytes), the key of its checkpoints, that of its bags (32 bytes).

    Raises ValueError where no pin could say it: two keys that are one, a key of another log.
    """

    log: str
    first: bytes
    checkpoints: VerifierKey
    bags: bytes

    def __post_init__(self) -> None:
        if not _LOG.fullmatch(self.log):
            raise ValueError(f"{self.log[:80]!r} is not a log's id: devicelog/ and 32 hex digits")
        if len(self.first) != _HASH_BYTES:
            raise ValueError(f"the first leaf hash in a pin has {len(self.first)} bytes; expected {_HASH_BYTES}")
        if self.checkpoints.name != self.log:
            raise ValueError(f"the pin of {self.log} has the key of {self.checkpoints.name[:80]!r}")
        if self.checkpoints.algorithm != ED25519:
            raise ValueError(f"the pin of {self.log} has a witness's key where its own belongs")
        if ssh_key(self.bags) == ssh_key(self.checkpoints.public):
            raise ValueError(f"the pin of {self.log} has the same key for checkpoints and for bags")

    def text(self) -> str:
        """The whole text as it is written."""
        return (
            "# devicelog birth certificate\n"
            f"# log    {self.log}\n"
            f"# first  {self.first.hex()}\n"
            f"# vkey   {self.checkpoints.text()}\n"
            f'{self.log} namespaces="{BAG_NAMESPACE}" {ssh_key(self.bags)}\n'
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pin. Raises ValueError unless `text()` of what is returned gives the same text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(
                "this is not a pin: five lines as `devicelog checkpoint key` prints them, and nothing else"
            )
        return cls(
            log=found["log"],
            first=bytes.fromhex(found["first"]),
            checkpoints=VerifierKey.parse(found["vkey"]),
            bags=parse_ssh_key(found["bags"]),
        )
