"""The pin, line by line, and texts that are none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.ledger.note import COSIGNATURE, ED25519, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.sshsig import ssh_key
from tests.ledger.signers import LOG, signing_key, verifier_key

PIN = Pin(log=LOG, first=bytes(range(32)), checkpoints=verifier_key(1), bags=signing_key(2).public)
TEXT = PIN.text()


def test_a_pin_line_by_line() -> None:
    assert (
        "# devicelog birth certificate\n"
        f"# log    {LOG}\n"
        f"# first  {bytes(range(32)).hex()}\n"
        f"# vkey   {verifier_key(1).text()}\n"
        f'{LOG} namespaces="devicelog-bag" {ssh_key(signing_key(2).public)}\n'
    ) == TEXT
    assert Pin.parse(TEXT) == PIN


# --- what is no pin ---------------------------------------------------------------------------------------------------

OTHER_LOG = LOG.replace("0", "1")
LINES = TEXT.splitlines(keepends=True)
BAD = {
    "empty": "",
    "no line feed at the end": TEXT[:-1],
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "a line more": TEXT + LINES[-1],
    "a comment more": "# hello\n" + TEXT,
    "no title": "".join(LINES[1:]),
    "no first entry": "".join(LINES[:2] + LINES[3:]),
    "no key of checkpoints": "".join(LINES[:3] + LINES[4:]),
    "no key of bags": "".join(LINES[:4]),
    "another order": "".join([*LINES[:2], LINES[3], LINES[2], LINES[4]]),
    "another log above": TEXT.replace(f"# log    {LOG}", f"# log    {OTHER_LOG}"),
    "another log's checkpoints": TEXT.replace(verifier_key(1).text(), verifier_key(1, OTHER_LOG).text()),
    "another log's bags": TEXT.replace(f"{LOG} names", f"{OTHER_LOG} names"),
    "every log's bags": TEXT.replace(f"{LOG} names", "* names"),
    "no log's id": TEXT.replace("devicelog/", "device/"),
    "hex in capitals": TEXT.replace(bytes(range(32)).hex(), bytes(range(32)).hex().upper()),
    "a short hash": TEXT.replace(bytes(range(32)).hex(), bytes(range(31)).hex()),
    "any namespace": TEXT.replace(' namespaces="devicelog-bag"', ""),
    "more namespaces": TEXT.replace('"devicelog-bag"', '"devicelog-bag,file"'),
    "an option more": TEXT.replace('devicelog-bag"', 'devicelog-bag",cert-authority'),
    "comment behind the key": TEXT[:-1] + " me@here\n",
    "a witness's key": TEXT.replace(verifier_key(1).text(), verifier_key(1, algorithm=COSIGNATURE).text()),
    "one key for both": TEXT.replace(ssh_key(signing_key(2).public), ssh_key(signing_key(1).public)),
    "a damaged key of checkpoints": TEXT.replace(verifier_key(1).text(), verifier_key(1).text()[:-4]),
    "a damaged key of bags": TEXT[:-5] + "\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_what_is_no_pin_is_refused(text: str) -> None:
    assert text != TEXT
    with pytest.raises(ValueError):
        Pin.parse(text)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"log": "devicelog/1"}, "not a log's id"),
        ({"log": OTHER_LOG}, "has the key of"),
        ({"first": bytes(31)}, "has 31 bytes"),
        ({"checkpoints": verifier_key(1, algorithm=COSIGNATURE)}, "a witness's key"),
        ({"bags": signing_key(1).public}, "the same key"),
        ({"bags": bytes(31)}, "has 32 bytes; this has 31"),
    ],
)
def test_what_is_no_pin_is_not_made(wrong: dict[str, object], words: str) -> None:
    values = {"log": LOG, "first": bytes(32), "checkpoints": verifier_key(1), "bags": signing_key(2).public, **wrong}
    with pytest.raises(ValueError, match=words):
        Pin(**values)  # type: ignore[arg-type]


# --- one spelling -----------------------------------------------------------------------------------------------------

KEY_BYTES = st.binary(min_size=32, max_size=32)


@settings(deadline=None)
@given(
    log=st.from_regex(r"devicelog/[0-9a-f]{32}", fullmatch=True), values=st.lists(KEY_BYTES, min_size=3, unique=True)
)
def test_a_pin_is_read_as_it_was_written(log: str, values: list[bytes]) -> None:
    key = VerifierKey(name=log, algorithm=ED25519, public=values[0])
    pin = Pin(log=log, first=values[1], checkpoints=key, bags=values[2])
    assert Pin.parse(pin.text()) == pin


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, len(TEXT) - 1), other=st.text(max_size=2), cut=st.integers(0, 2))
def test_what_is_read_is_what_would_be_written(at: int, other: str, cut: int) -> None:
    changed = TEXT[:at] + other + TEXT[at + cut :]
    try:
        pin = Pin.parse(changed)
    except ValueError:
        return
    assert pin.text() == changed
