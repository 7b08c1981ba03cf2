"""The ledger without a database: the tree against other people's numbers, entries against the bytes on the page."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.canonical import canonical, parse_canonical
from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import (
    BODY_KEYS,
    NO_PREVIOUS,
    RECORDER,
    Actor,
    Entry,
    chain_fault,
    entry_bytes,
    read_entry,
)
from devicelog.ledger.tree import EMPTY_ROOT, Tree, leaf_hash, node_hash
from devicelog.store.schema import METADATA
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, commitment
from tests.pages import block, cells, vectors

PAGE = "record.md"
VECTORS = vectors(PAGE, "entries")
# exactly as they stand on the page
TEXTS = [line.split(" | ", 1)[1].rsplit(" | ", 1)[0].encode() for line in block(PAGE, "entries").splitlines()]
ENTRIES = [read_entry(data) for data in TEXTS]
COMMITMENTS = vectors(PAGE, "commitments")


# --- the tree ---------------------------------------------------------------------------------------------------------


def root_of(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word for word; `leaves` are the data, not the hashes."""
    n = len(leaves)
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < n:
        k *= 2
    return sha256(b"\x01" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


# The inputs that implementations of RFC 6962 and RFC 9162 are tested with, and their roots for 1 to 8 leaves.
KNOWN_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_empty_root() -> None:
    assert Tree().root() == EMPTY_ROOT == sha256(b"").digest()
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("n", range(1, 9))
def test_known_roots(n: int) -> None:
    assert Tree(map(leaf_hash, KNOWN_LEAVES[:n])).root().hex() == KNOWN_ROOTS[n - 1]


@pytest.mark.parametrize("vector", vectors(PAGE, "trees"), ids=lambda vector: vector.name)
def test_the_roots_on_the_page(vector: Any) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in vector.expected]
    assert len(leaves) == int(vector.name)
    assert Tree(leaves).root() == vector.data


def test_every_root_up_to_70_leaves_is_that_of_the_definition() -> None:
    data = [n.to_bytes(2, "big") for n in range(70)]
    tree = Tree()
    for n in range(71):
        assert tree.size == n
        assert tree.root() == root_of(data[:n])
        assert tree.root() == Tree(map(leaf_hash, data[:n])).root()
        if n < 70:
            tree.append(leaf_hash(data[n]))


def test_a_copy_grows_alone() -> None:
    tree = Tree(map(leaf_hash, KNOWN_LEAVES[:5]))
    twin = tree.copy()
    twin.append(leaf_hash(KNOWN_LEAVES[5]))
    assert (tree.size, tree.root().hex()) == (5, KNOWN_ROOTS[4])
    assert (twin.size, twin.root().hex()) == (6, KNOWN_ROOTS[5])


def test_a_node_is_no_leaf() -> None:
    left, right = sha256(b"l").digest(), sha256(b"r").digest()
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert node_hash(left, right) != node_hash(right, left)
    assert leaf_hash(left + right) != node_hash(left, right)


@settings(deadline=None, max_examples=60)
@given(leaves=st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=40, unique=True), data=st.data())
def test_every_leaf_and_its_place_are_in_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(leaves) - 2))
    swapped = [*leaves[:at], leaves[at + 1], leaves[at], *leaves[at + 2 :]]
    roots = {Tree(some).root() for some in (leaves, swapped, leaves[:-1], leaves[1:], [*leaves, leaves[at]])}
    assert len(roots) == 5


# --- entries: the bytes -----------------------------------------------------------------------------------------------


def written(values: dict[str, Any]) -> bytes:
    """The bytes of an entry with these values, through the door by which entries are written."""
    return entry_bytes(
        log=values["log"],
        seq=values["seq"],
        nonce=values["nonce"],
        prev=values["prev"],
        stamp={key: values[key] for key in ("at", "mono_us", "boot", "clock")},
        actor=Actor(**values["actor"]),
        sw=values["sw"],
        type_=values["type"],
        body=values["body"],
    )


def test_the_page_has_one_ledger_with_every_type() -> None:
    assert [vector.name for vector in VECTORS] == [str(n) for n in range(len(VECTORS))]
    assert [vector.expected["type"] for vector in VECTORS] == list(dict.fromkeys(entry.type for entry in ENTRIES))
    assert {entry.type for entry in ENTRIES} == set(BODY_KEYS)
    assert any(not data.isascii() for data in TEXTS)


@pytest.mark.parametrize("seq", range(len(VECTORS)))
def test_an_entry_on_the_page_is_these_bytes(seq: int) -> None:
    vector, data = VECTORS[seq], TEXTS[seq]
    assert written(vector.expected) == data
    assert sha256(b"\x00" + data).digest() == vector.data
    entry = read_entry(data)
    assert (entry.seq, entry.data, entry.leaf, entry.values) == (seq, data, vector.data, vector.expected)
    assert (entry.type, entry.body) == (vector.expected["type"], vector.expected["body"])
    assert chain_fault(entry, index=seq, previous=ENTRIES[seq - 1] if seq else None) is None


def test_golden_bytes() -> None:
    """Not from the page: if both changed together, this would still tell."""
    data = entry_bytes(
        log="devicelog/x",
        seq=3,
        nonce="ab" * 16,
        prev="cd" * 32,
        stamp={"at": "2031-01-01T00:00:00.000Z", "mono_us": 5, "boot": "b", "clock": "rtc"},
        actor=RECORDER,
        sw={"version": "1", "engine": 2},
        type_="recorder.stopped",
        body={"cause": "ü"},
    )
    assert data == (
        b'{"actor":{"auth":"none","id":"recorder","role":"recorder"},"at":"2031-01-01T00:00:00.000Z",'
        b'"body":{"cause":"\xc3\xbc"},"boot":"b","clock":"rtc","log":"devicelog/x","mono_us":5,'
        b'"nonce":"abababababababababababababababab",'
        b'"prev":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",'
        b'"seq":3,"sw":{"engine":2,"version":"1"},"type":"recorder.stopped","v":1}'
    )
    assert leaf_hash(data).hex() == "b398396d9d09cc101e4a46daaaf47dbf2c756319abb2131f64ca504c03198d41"


# --- entries: what the page says --------------------------------------------------------------------------------------


def test_the_page_names_every_type_and_its_keys() -> None:
    rows = cells(PAGE, "### Types")
    assert {row[0]: frozenset(row[2].split()) for row in rows} == BODY_KEYS
    assert len(rows) == len(BODY_KEYS)


def test_the_page_explains_every_key_once() -> None:
    explained = [row[0] for row in cells(PAGE, "### Body keys")]
    assert sorted(explained) == sorted(frozenset().union(*BODY_KEYS.values()))
    assert sorted(row[0] for row in cells(PAGE, "### Envelope")) == sorted(ENTRIES[0].values)


def test_the_page_says_what_each_entry_of_the_desk_tells() -> None:
    rows = cells(PAGE, "### What the desk tells")
    told = {row[0]: frozenset(() if row[1] == "(nothing)" else row[1].split()) for row in rows}
    assert told == TOLD


@pytest.mark.parametrize("type_", sorted(TOLD))
def test_an_entry_of_the_desk_tells_what_its_type_says(type_: str) -> None:
    values = next(entry.values for entry in ENTRIES if entry.type == type_)
    body = values["body"]
    for odd in (
        {"told": body["told"] | {"extra": 1}},
        {"told": []},
        {"private": [1]},
        {"documents": {"plan": None}},
        {"visit": 1},
        {"client_ref": None, "client_commitment": "77" * 32},
    ):
        with pytest.raises(ValueError, match=type_):
            read_entry(canonical(values | {"body": body | odd}))


def test_the_types_on_the_page_are_those_of_the_entries_on_it() -> None:
    names = {"integer": int, "text": str, "object": dict, "list": list, "null": type(None), "boolean": bool}
    for heading, bodies in (
        ("### Envelope", [e.values for e in ENTRIES]),
        ("### Body keys", [e.body for e in ENTRIES]),
    ):
        for row in cells(PAGE, heading):
            wanted = {names[word] for word in row[1].split(" or ")}
            found = {type(body[row[0]]) for body in bodies if row[0] in body}
            assert found
            assert found <= wanted, row


@pytest.mark.parametrize("vector", COMMITMENTS, ids=lambda vector: vector.name)
def test_a_commitment_on_the_page(vector: Any) -> None:
    tag, salt, text = vector.expected["tag"].encode(), bytes.fromhex(vector.expected["salt"]), vector.expected["text"]
    assert {"client": CLIENT_TAG, "note": NOTE_TAG}[vector.name] == tag
    assert len(salt) == 32
    assert commitment(tag, salt, text) == vector.data.hex()
    assert sha256(tag + salt + text.encode("utf-8")).digest() == vector.data


def test_the_session_on_the_page_commits_to_the_client_on_it() -> None:
    [client] = [vector.data.hex() for vector in COMMITMENTS if vector.name == "client"]
    assert [entry.body["client_commitment"] for entry in ENTRIES if entry.type == "session.opened"] == [client]


def test_the_page_names_every_table_and_its_columns() -> None:
    rows = cells(PAGE, "### In the database") + cells(PAGE, "#### Private texts and the list of sessions")
    assert sorted(row[0] for row in rows) == sorted(METADATA.tables)
    for table, columns in rows:
        # a column is named at the beginning, after a semicolon, or after a comma among such
        named = [name.strip() for part in columns.split(";") for name in part.split(":")[0].split(",")]
        assert {name for name in named if name in METADATA.tables[table].columns} == {
            column.name for column in METADATA.tables[table].columns
        }


# --- entries: refused -------------------------------------------------------------------------------------------------

MOVED = {"first_record": 1, "last_record": 2, "zone": "chin"}
STOPPED = next(entry.values for entry in ENTRIES if entry.type == "recorder.stopped")


@pytest.mark.parametrize("type_", sorted(BODY_KEYS))
@pytest.mark.requirement("R04")
def test_a_body_has_exactly_its_keys(type_: str) -> None:
    values = next(entry.values for entry in ENTRIES if entry.type == type_)
    key = sorted(values["body"])[0]
    less = {name: value for name, value in values["body"].items() if name != key}
    for body, odd in ((less, key), (values["body"] | {"extra": 1}, "extra")):
        with pytest.raises(ValueError, match=rf"{type_}: body keys \['{odd}'\] are missing or unknown"):
            written(values | {"body": body})
        with pytest.raises(ValueError, match=rf"{type_}: body keys \['{odd}'\] are missing or unknown"):
            read_entry(canonical(values | {"body": body}))


def test_an_unknown_type_is_not_written() -> None:
    with pytest.raises(KeyError):
        written(STOPPED | {"type": "moon.risen"})


@pytest.mark.parametrize("value", [1.5, "\n", 2**53, b"x"], ids=repr)
def test_a_value_outside_the_profile_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\$\.body\.cause"):
        written(STOPPED | {"body": {"cause": value}})


@pytest.mark.parametrize("key", sorted(STOPPED))
@pytest.mark.requirement("R04")
def test_an_envelope_without_a_key(key: str) -> None:
    with pytest.raises(ValueError, match=rf"envelope keys \['{key}'\]"):
        read_entry(canonical({name: value for name, value in STOPPED.items() if name != key}))


def test_an_envelope_with_a_key_more() -> None:
    with pytest.raises(ValueError, match=r"envelope keys \['extra'\]"):
        read_entry(canonical(STOPPED | {"extra": 1}))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": 0},
        {"v": "1"},
        {"v": True},  # which equals 1
        {"seq": "8"},
        {"seq": None},
        {"seq": True},
        {"body": []},
        {"body": None},
        {"type": 1},
        {"type": []},
        {"log": 1},
        {"prev": {}},
        {"at": 1},
        {"mono_us": "1"},
        {"actor": "recorder"},
        {"actor": {"role": "recorder"}},
        {"actor": {"id": "recorder", "role": None}},
    ],
    ids=str,
)
def test_an_envelope_of_another_version_or_with_another_type(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not an entry of version 1|\w+ is "):
        read_entry(canonical(STOPPED | change))


@pytest.mark.parametrize(
    ("type_", "change"),
    [
        ("session.opened", {"documents": []}),
        ("session.opened", {"documents": {"profile": 1}}),
        ("session.opened", {"stream": 1}),
        ("session.opened", {"pen": []}),
        ("session.opened", {"pen": {}}),
        ("session.opened", {"pen": "serial"}),
        ("session.opened", {"pen": ["serial"]}),
        ("span.opened", {"mode": None}),
        ("chunks.committed", {"chunks": "1"}),
        ("chunks.committed", {"chunks": True}),
        ("chunks.committed", {"records": None}),
        ("chunks.committed", {"root": 1}),
        ("state.changed", {"to": []}),
        ("session.closed", {"derived": {}}),
        ("session.closed", {"ended": 1}),
        ("session.closed", {"mode": None}),
        ("span.recorded", {"mode": 1}),
        ("session.attributed", {"zones": {}}),
        ("session.attributed", {"zones": ["chin"]}),
        ("session.attributed", {"zones": [MOVED | {"more": 1}]}),
        *(("session.attributed", {"zones": [MOVED | {key: None}]}) for key in MOVED),
        ("session.attributed", {"zones": [MOVED | {"first_record": True}]}),
        *(
            ("session.attributed", {key: value})
            for key, value in (("number", "2"), ("reason_sha256", None), ("client_ref", 1), ("client_commitment", 1))
        ),
        *(
            ("pen.calibrated", {key: value})
            for key, value in (
                *(("span", 1), ("pen", None), ("pen", {}), ("documents", [1]), ("gauge_set", 1), ("tolerance_um", "1")),
                *(("as_found_um", True), ("as_left_um", None), ("residual_um", None), ("expires", 20320101)),
                *(("last_good", "11"), ("sessions", "s-1"), ("sessions", [1]), ("sessions", None)),
            )
        ),
        ("pen.checked", {"as_found_um": None}),
        ("session.opened", {"client_ref": None}),
        ("session.opened", {"client_commitment": None}),
        ("database.rebuilt", {"guards": {}}),
        ("database.rebuilt", {"guards": [1]}),
        *(("database.rebuilt", {key: "1"}) for key in ("entries", "from_schema", "to_schema")),
    ],
    ids=str,
)
def test_a_body_with_another_type_of_value(type_: str, change: dict[str, Any]) -> None:
    values = next(entry.values for entry in ENTRIES if entry.type == type_)
    assert read_entry(canonical(values)).body == values["body"]
    with pytest.raises(ValueError, match=rf"{type_}: {next(iter(change))} (is|are) "):
        read_entry(canonical(values | {"body": values["body"] | change}))


@pytest.mark.parametrize("key", ["client_ref", "client_commitment"])
def test_half_a_client_is_none(key: str) -> None:
    values = next(entry.values for entry in ENTRIES if entry.type == "session.attributed")
    with pytest.raises(ValueError, match="a client is named by reference and commitment, or not at all"):
        read_entry(canonical(values | {"body": values["body"] | {key: "c-0123456789abcdef"}}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b" " + data,
        lambda data: data + b"\n",
        lambda data: data[:-1],
        lambda data: data.replace(b":", b": ", 1),
        lambda data: b'{"v":1,' + data[1:],
        lambda data: data.replace(b'"at"', b'"\\u0061t"'),
        lambda data: data.replace(b'"v":1', b'"v":1.0'),
        lambda data: b"[" + data + b"]",
        lambda _: b"",
        lambda _: b"{}",
        lambda _: b"\xff",
    ],
)
def test_what_is_not_canonical_is_no_entry(spoil: Any) -> None:
    data = TEXTS[-1]
    assert spoil(data) != data
    with pytest.raises(ValueError):
        read_entry(spoil(data))


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, len(TEXTS[4]) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_is_no_entry_or_another_leaf(at: int, mask: int) -> None:
    data = bytearray(TEXTS[4])
    data[at] ^= mask
    try:
        entry = read_entry(bytes(data))
    except ValueError:
        return
    assert entry.leaf != ENTRIES[4].leaf


def test_an_entry_of_a_later_type_is_read_and_not_understood() -> None:
    data = canonical(STOPPED | {"type": "moon.risen", "body": {"stream": 1, "phase": {"lit": True}}})
    entry = read_entry(data)
    assert (entry.type, entry.body) == ("moon.risen", {"stream": 1, "phase": {"lit": True}})
    assert entry.leaf == leaf_hash(data)


# --- the chain --------------------------------------------------------------------------------------------------------


def changed(seq: int, **values: Any) -> Entry:
    return read_entry(canonical(ENTRIES[seq].values | values))


def test_of_an_entry_before_that_cannot_be_read_only_the_hash_is_known() -> None:
    before = replace(ENTRIES[0], values={})
    assert chain_fault(ENTRIES[1], index=1, previous=before) is None


def test_what_stands_in_its_place_has_no_fault() -> None:
    previous = None
    for index, entry in enumerate(ENTRIES):
        assert chain_fault(entry, index=index, previous=previous) is None
        previous = entry


@pytest.mark.parametrize(
    ("entry", "index", "previous", "fault"),
    [
        (ENTRIES[3], 4, ENTRIES[2], "seq is 3; expected 4"),
        (ENTRIES[3], 2, ENTRIES[2], "seq is 3; expected 2"),
        (ENTRIES[3], 3, ENTRIES[1], f"prev is {ENTRIES[2].leaf.hex()!r}; expected {ENTRIES[1].leaf.hex()!r}"),
        (ENTRIES[3], 3, None, f"prev is {ENTRIES[2].leaf.hex()!r}; expected {NO_PREVIOUS!r}"),
        (ENTRIES[0], 0, ENTRIES[0], f"prev is {NO_PREVIOUS!r}; expected {ENTRIES[0].leaf.hex()!r}"),
        (changed(3, prev="f" * 64), 3, ENTRIES[2], f"prev is {'f' * 64!r}; expected {ENTRIES[2].leaf.hex()!r}"),
        (changed(3, log="other"), 3, ENTRIES[2], f"log is 'other'; expected {ENTRIES[2].values['log']!r}"),
        (changed(0, prev="f" * 64), 0, None, f"prev is {'f' * 64!r}; expected {NO_PREVIOUS!r}"),
    ],
)
def test_what_stands_in_another_place_is_told(entry: Entry, index: int, previous: Entry | None, fault: str) -> None:
    assert chain_fault(entry, index=index, previous=previous) == fault


def test_the_bytes_are_hashed_as_they_were_stored() -> None:
    """Also when the entry before is of a later version, which nobody here could write."""
    later = canonical(ENTRIES[2].values | {"type": "moon.risen", "body": {}})
    after = read_entry(canonical(ENTRIES[3].values | {"prev": leaf_hash(later).hex()}))
    assert chain_fault(after, index=3, previous=read_entry(later)) is None
    assert parse_canonical(later)["type"] == "moon.risen"
