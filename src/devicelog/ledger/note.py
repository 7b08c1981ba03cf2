"""Signed notes (c2sp.org/signed-note): a text and signature lines below it, and the one-line texts of the keys.

What stands in a note and in a key's text, byte for byte. Not here: whether a signature is good (devicelog.ledger.keys),
and which keys are trusted.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from devicelog.ledger.base64_text import decoded, encoded

ED25519 = 1
COSIGNATURE = 4  # Ed25519 over a time and a checkpoint: c2sp.org/tlog-cosignature
# The fewest that a reader must accept, and room for as many of 5 kB, which newer kinds of signature have.
MAX_SIGNATURES = 16
MAX_NOTE_BYTES = 128 * 1024

_DASH = "\u2014 "
_KEY_ID_BYTES = 4
_PUBLIC_BYTES = 32
_ALGORITHMS = (ED25519, COSIGNATURE)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_TEXT = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line. `key_id`: 4 bytes; `data`: what follows them. Raises ValueError where no line can say it."""

    name: str
    key_id: bytes
    data: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.key_id) != _KEY_ID_BYTES:
            raise ValueError(
                f"the key id of {_shown(self.name)} has {len(self.key_id)} bytes; expected {_KEY_ID_BYTES}"
            )
        if not self.data:
            raise ValueError(f"the signature of {_shown(self.name)} is empty")

    def line(self) -> str:
        """With its line feed."""
        return f"{_DASH}{self.name} {encoded(self.key_id + self.data)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line without its line feed. Raises ValueError when it is no signature line."""
        name, _, text = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH):
            raise ValueError(f"{line[:80]!r} is not a signature line")
        data = decoded(text)
        return cls(name=name, key_id=data[:_KEY_ID_BYTES], data=data[_KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A text, whose last character is a line feed, and 1 to MAX_SIGNATURES signatures. Raises ValueError outside that.

    Nothing in it is to be believed before one of the signatures was verified with a key that is trusted.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n"):
            raise ValueError("the text of a note ends with a line feed; this one does not")
        if found := _CONTROL.search(self.text):
            raise ValueError(f"a note has no control characters; this one has {found.group()!r}")
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise ValueError(f"a note has 1 to {MAX_SIGNATURES} signatures; this one has {len(self.signatures)}")
        if len(self.data()) > MAX_NOTE_BYTES:
            raise ValueError(f"a note has at most {MAX_NOTE_BYTES} bytes; this one has {len(self.data())}")

    def data(self) -> bytes:
        """The whole note as it is written."""
        try:
            return f"{self.text}\n{''.join(each.line() for each in self.signatures)}".encode()
        except UnicodeEncodeError:
            raise ValueError("the text of a note is not Unicode that can be written") from None

    def by(self, key: "VerifierKey") -> tuple[Signature, ...]:
        """The signatures that say they are of this key: by its name and its id."""
        wanted = (key.name, key.key_id)
        return tuple(each for each in self.signatures if (each.name, each.key_id) == wanted)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a note. Raises ValueError unless `data()` of what is returned gives the same bytes."""
        if len(data) > MAX_NOTE_BYTES:
            raise ValueError(f"a note has at most {MAX_NOTE_BYTES} bytes; this one has {len(data)}")
        try:
            whole = data.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"a note is UTF-8; byte {error.start} of this one is not") from None
        text, blank, lines = whole.rpartition("\n\n")  # the last empty line: the text may have some of its own
        if not (blank and lines.endswith("\n")):
            raise ValueError("a note is a text, an empty line and whole signature lines; this is not")
        return cls(text=f"{text}\n", signatures=tuple(map(Signature.parse, lines[:-1].split("\n"))))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key by which signature lines are known. `algorithm`: ED25519 or COSIGNATURE; `public`: 32 bytes.

    Raises ValueError outside that.
    """

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.algorithm not in _ALGORITHMS:
            raise ValueError(f"the key of {_shown(self.name)} is of kind {self.algorithm}; known are {_ALGORITHMS}")
        if len(self.public) != _PUBLIC_BYTES:
            raise ValueError(f"the key of {_shown(self.name)} has {len(self.public)} bytes; expected {_PUBLIC_BYTES}")

    @property
    def key_id(self) -> bytes:
        """The 4 bytes with which its signatures begin."""
        return sha256(self.name.encode() + b"\n" + self._kind_and_public()).digest()[:_KEY_ID_BYTES]

    def text(self) -> str:
        """The key as text, which C2SP calls a vkey."""
        return f"{self.name}+{self.key_id.hex()}+{encoded(self._kind_and_public())}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey. Raises ValueError unless `text()` of what is returned gives the same text."""
        found = _KEY_TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:120]!r} is not a key: name+8 hex digits+base64")
        name, key_id, content = found.groups()
        data = decoded(content)
        key = cls(name=name, algorithm=data[0], public=data[1:])
        if key.key_id.hex() != key_id:
            raise ValueError(
                f"the key of {_shown(name)} is damaged: its id is {key.key_id.hex()}, and it says {key_id}"
            )
        return key

    def _kind_and_public(self) -> bytes:
        return bytes([self.algorithm]) + self.public


def _check_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise ValueError(
            f"{_shown(name)} is not a name of a key: it is empty, or has a space, a plus or a control character"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_shown(name)} is not a name of a key: it cannot be written") from None


def _shown(name: str) -> str:
    """For a message: short, and nothing in it that a terminal would obey."""
    return repr(name[:80])
