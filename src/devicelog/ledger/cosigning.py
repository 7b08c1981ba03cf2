"""A witness's key in a directory of one's own, and the log heads it cosigned: on the laptop, never on the device.

Not responsible for the witness file (`witness`). The clock is given.

    witness.key   Ed25519, 0400        witness.json   its name, and of each log: key and (size, root) cosigned last
"""

from dataclasses import dataclass
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, NotFound, SignatureRefused, StoreUnusable, UsageProblem
from devicelog.ledger.checkpoint import cosignature, cosigned_message
from devicelog.ledger.keys import SigningKey, verified
from devicelog.ledger.note import COSIGNATURE, VerifierKey
from devicelog.ledger.signing import Head, Refusal
from devicelog.ledger.state_file import StateFile
from devicelog.ledger.witness import WitnessFile, cosigned, fault, since

SCHEMA = "devicelog.witness-key/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A file with our line. `first`: nothing was remembered of its log; `again`: our line was there already."""

    file: WitnessFile
    head: Head
    first: bool
    again: bool


class Witness:
    """The key in a directory. Raises StoreUnusable when the directory cannot be used or what it holds is damaged."""

    def __init__(self, directory: Path, name: str) -> None:
        self._name = name
        self._path = directory / "witness.key"
        self._state = StateFile(directory, "witness.json", SCHEMA)

    def verifier_key(self) -> VerifierKey:
        """The public key, which is made at first sight. Raises UsageProblem when the key there has another name."""
        try:
            VerifierKey(name=self._name, algorithm=COSIGNATURE, public=bytes(32))
        except ValueError as error:
            raise UsageProblem(f"--name: {error}") from error
        with self._state.locked():
            if self._state.read() is None:
                if self._path.exists():
                    raise StoreUnusable(
                        f"{self._state.path} is missing and {self._path} is not: what was cosigned with it cannot be "
                        "told. Put it back, or make a new key in another directory."
                    )
                self._state.write({"name": self._name, "public": None, "logs": []})
            values = self._read()
            if values["public"] is None:
                self._path.unlink(missing_ok=True)  # told to nobody: we were ended while we made it
                self._state.write({**values, "public": SigningKey.create(self._path).public.hex()})
            return self._verifier(self._key())

    def cosign(self, file: WitnessFile, time_s: int, *, vkey: VerifierKey | None = None) -> Cosigned:
        """Cosign the newest checkpoint of a file at `time_s` (of 1970). `vkey`: the log's key, if its pin is at hand.

        It is on disk that it was cosigned before this returns. Raises SignatureRefused, and NotFound without a key.
        """
        if not self._path.exists():
            raise NotFound(f"there is no key in {self._path.parent}: `checkpoint witness-key` makes one")
        with self._state.locked():
            key, values = self._key(), self._read()
            before = next((each for each in values["logs"] if each["log"] == file.vkey.name), None)
            known = vkey if before is None else VerifierKey.parse(before["vkey"])
            for wanted in (known, vkey):
                if wanted is not None and wanted != file.vkey:
                    words = f"the file has the key {file.vkey.text()}, and known is {wanted.text()}: another device"
                    raise SignatureRefused(words, code="other log")
            wrong = fault(file, verified)
            remembered = None if before is None else _head(before)
            head = since(file, remembered) if wrong is None else wrong
            if isinstance(head, Refusal):
                raise SignatureRefused(head.why, code=head.code)
            verifier = self._verifier(key)
            if head != remembered:
                kept = [each for each in values["logs"] if each is not before]
                new = {"log": head.log, "vkey": file.vkey.text(), "size": head.size, "root": head.root.hex()}
                self._state.write({**values, "logs": [*kept, new]})
        note = file.steps[-1].note
        if note.by(verifier):
            return Cosigned(file=file, head=head, first=before is None, again=True)
        line = cosignature(verifier, time_s, key.sign(cosigned_message(note.text, time_s)))
        with_ours = cosigned(file, line)
        if isinstance(with_ours, Refusal):
            raise SignatureRefused(with_ours.why, code=with_ours.code)
        return Cosigned(file=with_ours, head=head, first=before is None, again=False)

    def _read(self) -> Json:
        values = self._state.read()
        if values is None:
            raise StoreUnusable(f"{self._state.path} is missing: what was cosigned with this key cannot be told")
        if values.get("name") != self._name:
            raise UsageProblem(f"the key in {self._path.parent} is called {values.get('name')!r}, not {self._name!r}")
        return values

    def _key(self) -> SigningKey:
        values, key = self._read(), SigningKey.load(self._path)
        if key.public.hex() != values["public"]:
            raise EvidenceDamaged(f"{self._path} is another key than the one that {self._state.path} is about")
        return key

    def _verifier(self, key: SigningKey) -> VerifierKey:
        return VerifierKey(name=self._name, algorithm=COSIGNATURE, public=key.public)


def _head(kept: Json) -> Head:
    return Head(log=kept["log"], size=kept["size"], root=bytes.fromhex(kept["root"]))
