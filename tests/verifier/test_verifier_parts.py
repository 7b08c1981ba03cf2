"""The verifier's JSON, tree and proofs against the product's own and against the definitions: they share no line."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog import verify as v
from devicelog.canonical import canonical, parse_canonical
from tests.pages import block, vectors
from tests.verifier import building as b

texts = st.text(max_size=8) | st.sampled_from(["é", "é", "\\", '"', "\x7f", "a\nb", "\u2028", "\ud800"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | texts | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b_", "z9", "B", ""]), inner),
    max_leaves=8,
)


def both(data: bytes) -> tuple[object, object]:
    found = []
    for parse in (parse_canonical, v.parse_canonical):
        try:
            found.append(parse(data))
        except ValueError:
            found.append(None)
    return found[0], found[1]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c_1"]), values, max_size=3), st.booleans())
def test_json_is_read_as_the_product_reads_it(value, ascii_):
    data = json.dumps(value, ensure_ascii=ascii_, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    ours, theirs = both(data)
    assert ours == theirs


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=12), st.integers(0, 60))
def test_so_is_what_is_nearly_json(noise, at):
    data = canonical({"a": [1, {"b": None}, "é\\"], "c": "text", "d": -7})
    ours, theirs = both(data[:at] + noise + data[at + len(noise) :])
    assert ours == theirs


@pytest.mark.parametrize("vector", vectors("record.md", "canonical"), ids=lambda vector: vector.name)
def test_the_page_s_canonical_json(vector):
    assert v.parse_canonical(vector.data) == vector.expected


@pytest.mark.parametrize("vector", vectors("record.md", "canonical-refused"), ids=lambda vector: vector.name)
def test_the_page_s_other_json(vector):
    with pytest.raises(ValueError):
        v.parse_canonical(vector.data)


def test_ten_thousand_brackets_are_no_error_of_ours():
    for data in (b'{"a":' + b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"9" * 100_000 + b"}"):
        with pytest.raises(ValueError):
            v.parse_canonical(data)


@pytest.mark.parametrize("line", block("record.md", "entries").splitlines(), ids=lambda line: line.split(" ")[0])
def test_the_page_s_entries(line):
    seq, rest = line.split(" | ", 1)
    text, leaf = rest.rsplit(" | ", 1)
    entry = v.read_entry(text.encode())
    assert (entry.seq, entry.leaf.hex()) == (int(seq), leaf)


def test_every_proof_of_every_tree_up_to_33():
    leaves = [b.leaf(b"%d" % n) for n in range(33)]
    tree = v.Tree()
    for size in range(1, 34):
        tree.append(leaves[size - 1])
        assert tree.root() == b.root(leaves[:size])
        for index in range(size):
            hashes = b.path(leaves[:size], index)
            wanted = b.root(leaves[:size]), b.root(leaves[: index + 1])
            assert v.included_root(leaves[index], index, size, hashes) == wanted
            for wrong in (hashes[:-1], [*hashes, b"\0" * 32]) if hashes else ([b"\0" * 32],):
                with pytest.raises(ValueError):
                    v.included_root(leaves[index], index, size, wrong)
            for other in range(size):
                if other == index:
                    continue
                try:
                    moved = v.included_root(leaves[index], other, size, hashes)[0]
                except ValueError:
                    continue
                assert moved != wanted[0], f"entry {index} passed for {other} of {size}"


def test_an_index_outside_the_tree():
    for index in (-1, 1, 5):
        with pytest.raises(ValueError):
            v.included_root(b.leaf(b""), index, 1, [])


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_texts_that_are_nearly_right_are_refused_or_say_the_same(data):
    """Whatever is read is the one text of what it says: no second text passes for it."""
    log = b.Log()
    log.add("recorder.stopped", {"cause": "operator"})
    kinds = {
        "pin": (log.pin().encode(), lambda raw: v.parse_pin(raw.decode()).text().encode()),
        "vkey": (b.witness_key("w.example").encode(), lambda raw: v.parse_vkey(raw.decode()).text().encode()),
        "armour": (b.armour(log.bags_key, b"x"), lambda raw: v.armoured(*v.parse_armoured(raw))),
    }
    name = data.draw(st.sampled_from(sorted(kinds)))
    text, again = kinds[name]
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.binary(max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    try:
        assert again(changed) == changed
    except ValueError:
        assert changed != text
