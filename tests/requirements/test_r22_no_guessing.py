"""R22: a proof of one session shows hashes of its neighbours' entries, and nobody can try out what stands in those."""

import json
from pathlib import Path

import pytest

from devicelog.canonical import canonical
from devicelog.ledger.tree import leaf_hash
from tests.databases import make_database, rows


def stored(path: Path) -> list[tuple[bytes, dict[str, object]]]:
    """The leaf and the values of every entry."""
    return [(leaf, json.loads(data)) for leaf, data in rows(path, "SELECT leaf, bytes FROM ledger_entry ORDER BY seq")]


@pytest.mark.requirement("R22")
def test_who_knows_all_of_an_entry_but_its_nonce_cannot_confirm_it(tmp_path: Path) -> None:
    """The guess is as good as can be, every value of the entry but its nonce; and no other nonce fits."""
    ledger, other = (stored(make_database(tmp_path / name)) for name in ("one", "two"))
    nonces = [str(values["nonce"]) for _, values in ledger + other]
    for leaf, values in ledger:
        fitting = {nonce for nonce in nonces if leaf_hash(canonical({**values, "nonce": nonce})) == leaf}
        assert fitting == {values["nonce"]}


@pytest.mark.requirement("R22")
def test_a_nonce_is_128_bits_that_nothing_else_decides(tmp_path: Path) -> None:
    """The same session recorded twice under a clock that stands still: all nonces differ, in every digit of them."""
    told = [values for name in ("one", "two") for _, values in stored(make_database(tmp_path / name))]
    nonces = [str(values["nonce"]) for values in told]
    assert len(set(nonces)) == len(nonces) > 30
    assert {len(bytes.fromhex(nonce)) for nonce in nonces} == {16}
    assert min(len({nonce[digit] for nonce in nonces}) for digit in range(32)) > 4
