"""The verifier's own Ed25519: the vectors of RFC 8032, what must not pass although it nearly does, another opinion."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.verify import _L, _P, ed25519_holds

VECTORS = {  # RFC 8032, 7.1: public key, message, signature
    "1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    "2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    "3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
    "sha(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
        "2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
        "d9bef1177331a704",
    ),
}
SMALL_ORDER = [  # every encoding of a point whose order divides 8
    (1).to_bytes(32, "little"),
    (_P - 1).to_bytes(32, "little"),
    bytes(32),
    bytes(31) + b"\x80",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]
NOT_CANONICAL = [  # the same points, y + p; and x = 0 with a sign
    (_P + 1).to_bytes(32, "little"),
    _P.to_bytes(32, "little"),
    (2**255 - 1).to_bytes(32, "little"),
    bytes([1]) + bytes(30) + b"\x80",
    (_P - 1 | 1 << 255).to_bytes(32, "little"),
]


def theirs(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_rfc(name):
    public, message, signature = (bytes.fromhex(text) for text in VECTORS[name])
    assert ed25519_holds(public, message, signature)
    assert theirs(public, message, signature)
    assert not ed25519_holds(public, message + b"!", signature)


def test_every_bit_of_a_signature_and_a_key_counts():
    public, message, signature = (bytes.fromhex(text) for text in VECTORS["2"])
    for at in range(0, 256, 3):
        other = bytearray(public)
        other[at // 8] ^= 1 << at % 8
        assert not ed25519_holds(bytes(other), message, signature)
    for at in range(0, 512, 3):
        changed = bytearray(signature)
        changed[at // 8] ^= 1 << at % 8
        assert not ed25519_holds(public, message, bytes(changed))


@pytest.mark.parametrize("times", [1, 2, 7])
def test_s_plus_the_order_is_another_signature(times):
    public, message, signature = (bytes.fromhex(text) for text in VECTORS["3"])
    s = int.from_bytes(signature[32:], "little") + times * _L
    assert not ed25519_holds(public, message, signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("key", SMALL_ORDER + NOT_CANONICAL, ids=bytes.hex)
def test_a_key_under_which_anything_could_be_signed(key):
    """With S = 0 and R the neutral element such a key says yes to one message in eight at least, whoever asks."""
    for r in SMALL_ORDER[:2]:
        for message in (b"%d" % n for n in range(12)):
            assert not ed25519_holds(key, message, r + bytes(32))


def test_such_keys_are_a_fault_that_others_let_through():
    assert any(theirs(SMALL_ORDER[0], b"%d" % n, SMALL_ORDER[0] + bytes(32)) for n in range(12))


@pytest.mark.parametrize("r", NOT_CANONICAL, ids=bytes.hex)
def test_an_r_that_is_written_otherwise(r):
    public, message, signature = (bytes.fromhex(text) for text in VECTORS["1"])
    assert not ed25519_holds(public, message, r + signature[32:])


@pytest.mark.parametrize("cut", [0, 31, 32, 63, 65])
def test_lengths(cut):
    public, message, signature = (bytes.fromhex(text) for text in VECTORS["1"])
    assert not ed25519_holds(public, message, (signature + b"\0")[:cut])
    assert not ed25519_holds((public + b"\0")[:cut] if cut != 32 else b"", message, signature)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_as_another_library_says(seed, message, bit):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert ed25519_holds(public, message, signature)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert ed25519_holds(public, message, bytes(changed)) == theirs(public, message, bytes(changed))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=20), st.binary(min_size=64, max_size=64))
def test_bytes_of_no_meaning(public, message, signature):
    assert not ed25519_holds(public, message, signature)
