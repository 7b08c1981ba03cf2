"""docs/package.md: the pin, checkpoint and proof that it shows are those that are written, values in place of names."""

import re
from collections.abc import Iterator

import pytest

from devicelog.ledger.base64_text import encoded
from devicelog.ledger.checkpoint import Checkpoint, log_signature
from devicelog.ledger.note import SignedNote
from devicelog.ledger.pin import Pin
from devicelog.ledger.sshsig import ssh_key
from devicelog.ledger.tlog_proof import TlogProof
from tests.ledger.signers import LOG, signing_key, verifier_key
from tests.pages import DOCS

HASH = bytes(range(32))
KEY = verifier_key(1)
TREE = Checkpoint(origin=LOG, size=2, root=HASH)
LINE = log_signature(KEY, signing_key(1).sign(TREE.body().encode()))
NOTE = SignedNote(text=TREE.body(), signatures=(LINE,)).data().decode()
PIN = Pin(log=LOG, first=HASH, checkpoints=KEY, bags=signing_key(2).public)
PROOF = TlogProof(index=1, hashes=(HASH,), checkpoint=NOTE.encode())

VALUES = {
    "<log id>": LOG,
    "<how many entries>": "2",
    "<base64 of the root of the tree over their leaves>": encoded(HASH),
    "<base64 of 4 bytes of key id and 64 bytes of signature>": encoded(LINE.key_id + LINE.data),
    "<leaf hash of entry 0, hex>": HASH.hex(),
    "1a2b3c4d": KEY.key_id.hex(),
    "<base64 of 0x01 and the key that signs checkpoints>": encoded(b"\1" + KEY.public),
    "<base64, as OpenSSH writes a key>": ssh_key(PIN.bags).split()[1],
    "<seq of the entry>": "1",
    "<base64 of a hash>        as many as RFC 9162, 2.1.3 says, none for a tree of one": encoded(HASH),
    "<the checkpoint, whole>\n": NOTE,
}


def blocks() -> Iterator[str]:
    """Every block of text on the page, with values in place of their names."""
    for text in re.findall(r"^```text\n(.*?)^```$", (DOCS / "package.md").read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for name, value in VALUES.items():
            text = text.replace(name, value)
        yield text


@pytest.mark.parametrize("written", [PIN.text(), NOTE, PROOF.data().decode()], ids=["pin", "checkpoint", "proof"])
def test_the_page_shows_what_is_written(written: str) -> None:
    assert written in set(blocks())
