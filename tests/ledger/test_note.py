"""Signed notes and keys as text: other people's notes, everything that is none, and that each has one spelling."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.ledger.base64_text import decoded, encoded
from devicelog.ledger.keys import verified
from devicelog.ledger.note import COSIGNATURE, ED25519, MAX_NOTE_BYTES, Signature, SignedNote, VerifierKey
from tests.ledger.signers import LOG, signing_key, verifier_key

# Published with the format and with the implementation that it comes from, and a checkpoint of a real log.
PUBLISHED = {
    "c2sp.org/signed-note": (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n\n"
        "— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    ),
    "golang.org/x/mod/sumdb/note": (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
    "sum.golang.org": (
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "go.sum database tree\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— sum.golang.org "
        "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n",
    ),
}


def signed(text: str, number: int = 1) -> SignedNote:
    """A note that the key of this number signed."""
    key = verifier_key(number)
    data = signing_key(number).sign(text.encode())
    return SignedNote(text=text, signatures=(Signature(name=key.name, key_id=key.key_id, data=data),))


def good(data: bytes, key: VerifierKey) -> bool:
    """Whether these bytes are a note that the key signed."""
    note = SignedNote.parse(data)
    return any(verified(key.public, note.text.encode(), each.data) for each in note.by(key))


# --- other people's ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key_text", "text"), PUBLISHED.values(), ids=list(PUBLISHED))
def test_published_notes_are_read_verified_and_written_again(key_text: str, text: str) -> None:
    key = VerifierKey.parse(key_text)
    assert key.text() == key_text
    assert good(text.encode(), key)
    assert SignedNote.parse(text.encode()).data() == text.encode()


def test_a_published_note_that_was_changed_is_not_signed() -> None:
    key_text, text = PUBLISHED["sum.golang.org"]
    assert not good(text.replace("20852163", "20852164").encode(), VerifierKey.parse(key_text))


def test_a_note_may_have_empty_lines_and_signatures_of_strangers() -> None:
    text = (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
        "— quasimodo.example/salvatore "
        "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
    )
    note = SignedNote.parse(text.encode())
    assert note.text.endswith("sole:\n\ned è subito sera.\n")
    assert note.by(verifier_key(1)) == ()


# --- every byte -------------------------------------------------------------------------------------------------------


def test_every_bit_of_a_note_counts() -> None:
    note = signed(f"{LOG}\n5\n{encoded(bytes(range(32)))}\n")
    data, key = note.data(), verifier_key(1)
    assert good(data, key)
    unread = 0
    for at in range(len(data)):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            try:
                assert not good(changed, key), (at, bit)
            except ValueError:
                unread += 1
    assert unread > len(data)


def test_every_cut_of_a_note_is_refused() -> None:
    data = signed("one\n\ntwo\n").data()
    for end in range(len(data)):
        with pytest.raises(ValueError):
            SignedNote.parse(data[:end])


def test_a_signature_counts_for_the_key_of_its_name_and_id() -> None:
    text = "text\n"
    key, note = verifier_key(1), signed("text\n")
    assert note.by(key) == note.signatures
    assert note.by(verifier_key(2)) == ()
    assert note.by(verifier_key(1, name="another")) == ()
    assert note.by(verifier_key(1, algorithm=COSIGNATURE)) == ()
    (line,) = note.signatures
    forged = Signature(name=line.name, key_id=line.key_id, data=signing_key(2).sign(text.encode()))
    assert not good(SignedNote(text=text, signatures=(forged,)).data(), key)


# --- what is no note --------------------------------------------------------------------------------------------------

LINE = f"— name {base64.b64encode(b'12345678').decode()}\n"

BAD = {
    "empty": b"",
    "no signature": b"text\n\n",
    "no empty line": f"text\n{LINE}".encode(),
    "signatures alone": LINE.encode(),
    "no text": f"\n{LINE}".encode(),
    "no line feed at the end": f"text\n\n{LINE[:-1]}".encode(),
    "empty line behind": f"text\n\n{LINE}\n".encode(),
    "carriage returns": f"text\n\n{LINE}".replace("\n", "\r\n").encode(),
    "tab in the text": f"te\txt\n\n{LINE}".encode(),
    "zero in the text": f"te\0xt\n\n{LINE}".encode(),
    "not UTF-8": b"te\xffxt\n\n" + LINE.encode(),
    "surrogate": b"te\xed\xa0\x80xt\n\n" + LINE.encode(),
    "overlong": b"te\xc0\xafxt\n\n" + LINE.encode(),
    "a dash that is not that dash": f"text\n\n{LINE.replace('—', '-')}".encode(),
    "no space behind the dash": f"text\n\n{LINE.replace('— ', '—')}".encode(),
    "two spaces behind the dash": f"text\n\n{LINE.replace('— ', '—  ')}".encode(),
    "two spaces before the signature": f"text\n\n{LINE.replace('name ', 'name  ')}".encode(),
    "space behind": f"text\n\n{LINE[:-1]} \n".encode(),
    "no name": f"text\n\n{LINE.replace('name ', '')}".encode(),
    "plus in a name": f"text\n\n{LINE.replace('name', 'na+me')}".encode(),
    "wide space in a name": ("text\n\n" + LINE.replace("name", "na\u3000me")).encode(),
    "next line in a name": ("text\n\n" + LINE.replace("name", "na\u0085me")).encode(),
    "no padding": f"text\n\n{LINE.replace('=', '')}".encode(),
    "more padding": f"text\n\n{LINE[:-1]}=\n".encode(),
    "stray bits": b"text\n\n\xe2\x80\x94 name MTIzNDU2Nzh=\n",
    "URL base64": "text\n\n— name ____________\n".encode(),
    "base64 that goes on behind its padding": "text\n\n— name MTIzNA==MTIzNA==\n".encode(),
    "key id alone": f"text\n\n— name {base64.b64encode(b'1234').decode()}\n".encode(),
    "shorter than a key id": f"text\n\n— name {base64.b64encode(b'123').decode()}\n".encode(),
    "text between signatures": f"text\n\n{LINE}more\n{LINE}".encode(),
    "17 signatures": f"text\n\n{LINE * 17}".encode(),
    "too long": b"x" * MAX_NOTE_BYTES + f"\n\n{LINE}".encode(),
}


@pytest.mark.parametrize("data", BAD.values(), ids=list(BAD))
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        SignedNote.parse(data)


def test_a_note_may_have_16_signatures() -> None:
    assert len(SignedNote.parse(f"text\n\n{LINE * 16}".encode()).signatures) == 16


ONE = (Signature(name="name", key_id=b"1234", data=b"5"),)


@pytest.mark.parametrize(
    ("text", "signatures"),
    [
        ("text", ONE),
        ("", ONE),
        ("a\rb\n", ONE),
        ("\ud800\n", ONE),
        ("text\n", ()),
        ("text\n", ONE * 17),
        ("x" * MAX_NOTE_BYTES + "\n", ONE),
    ],
    ids=["no line feed", "empty", "control", "surrogate", "unsigned", "17", "long"],
)
def test_what_is_no_note_is_not_made(text: str, signatures: tuple[Signature, ...]) -> None:
    with pytest.raises(ValueError):
        SignedNote(text=text, signatures=signatures)


def test_a_note_has_131072_bytes_at_most() -> None:
    rest = len(SignedNote(text="\n", signatures=ONE).data())
    longest = SignedNote(text="x" * (131_072 - rest) + "\n", signatures=ONE)
    assert len(longest.data()) == 131_072
    assert SignedNote.parse(longest.data()) == longest
    with pytest.raises(ValueError, match="131073"):
        SignedNote(text=f"x{longest.text}", signatures=ONE)
    with pytest.raises(ValueError, match="131073"):
        SignedNote.parse(b"\xff" + longest.data())


HOSTILE = "\x9b2J\u202e" + "x" * 1000


@pytest.mark.parametrize("name", ["", " ", "a b", "a+b", "a\x01b", "a\nb", "a\u2028b", "a\ud800b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        Signature(name=name, key_id=b"1234", data=b"5")
    with pytest.raises(ValueError, match="not a name"):
        VerifierKey(name=name, algorithm=ED25519, public=bytes(32))


@pytest.mark.parametrize(
    ("key_id", "data", "words"),
    [(b"123", b"5", "has 3 bytes"), (b"12345", b"5", "has 5 bytes"), (b"1234", b"", "empty")],
)
def test_what_is_no_signature_is_said_without_what_a_terminal_obeys(key_id: bytes, data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        Signature(name=HOSTILE, key_id=key_id, data=data)
    assert str(raised.value).isprintable()
    assert f" {HOSTILE[:80]!r} " in str(raised.value)


# --- what is no key ---------------------------------------------------------------------------------------------------

KEY_TEXT = PUBLISHED["c2sp.org/signed-note"][0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        KEY_TEXT.replace("530d903a", "530d903b"),
        KEY_TEXT.replace("530d903a", "530D903A"),
        KEY_TEXT.replace("530d903a", "53 0d 90 3a"),
        KEY_TEXT.replace("530d903a", "0530d903a"),
        KEY_TEXT.replace("example", "exemple"),
        KEY_TEXT.replace("example", "exam ple"),
        KEY_TEXT[1:].replace("xample.com/foo", ""),
        KEY_TEXT.replace("3U2k", "3U2l"),
        KEY_TEXT[:-4],
        KEY_TEXT + "\n",
        KEY_TEXT + "AAAA",
        KEY_TEXT.replace("+Aek", "+Auk"),
        "x+00000000+====",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        VerifierKey.parse(text)


@pytest.mark.parametrize("algorithm", [0, 2, 3, 5, 6, 255])
def test_keys_of_other_kinds_are_refused(algorithm: int) -> None:
    with pytest.raises(ValueError, match=f"of kind {algorithm}"):
        VerifierKey(name="name", algorithm=algorithm, public=bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"has {length} bytes"):
        VerifierKey(name="name", algorithm=ED25519, public=bytes(length))


def test_a_key_is_told_from_the_same_key_of_another_kind() -> None:
    assert verifier_key(1, algorithm=ED25519).key_id != verifier_key(1, algorithm=COSIGNATURE).key_id


# --- one spelling -----------------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_characters="+", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"))
SIGNATURES = st.builds(
    Signature, name=NAMES, key_id=st.binary(min_size=4, max_size=4), data=st.binary(min_size=1, max_size=80)
)
NOTES = st.builds(
    SignedNote,
    text=TEXTS.map(lambda text: f"{text}\n"),
    signatures=st.lists(SIGNATURES, min_size=1, max_size=4).map(tuple),
)
KEYS = st.builds(
    VerifierKey,
    name=NAMES,
    algorithm=st.sampled_from([ED25519, COSIGNATURE]),
    public=st.binary(min_size=32, max_size=32),
)


@settings(deadline=None)
@given(note=NOTES)
def test_a_note_is_read_as_it_was_written(note: SignedNote) -> None:
    assert SignedNote.parse(note.data()) == note


@settings(deadline=None)
@given(key=KEYS)
def test_a_key_is_read_as_it_was_written(key: VerifierKey) -> None:
    assert VerifierKey.parse(key.text()) == key


@settings(deadline=None, max_examples=300)
@given(data=NOTES.map(lambda note: note.data()), at=st.integers(0), other=st.binary(max_size=3), cut=st.integers(0, 3))
def test_what_is_read_is_what_would_be_written(data: bytes, at: int, other: bytes, cut: int) -> None:
    at %= len(data)
    changed = data[:at] + other + data[at + cut :]
    try:
        note = SignedNote.parse(changed)
    except ValueError:
        return
    assert note.data() == changed


@settings(deadline=None)
@given(data=st.binary(max_size=90))
def test_base64_is_that_of_everybody(data: bytes) -> None:
    assert encoded(data) == base64.b64encode(data).decode()
    assert decoded(encoded(data)) == data


@settings(deadline=None, max_examples=300)
@given(text=st.text("AQgwZz09+/=-_ \n\u00e9", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        data = decoded(text)
    except ValueError:
        return
    assert encoded(data) == text
