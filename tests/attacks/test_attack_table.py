"""The attack table: who attacks, what is done, what the auditor holds; what is found and where, what honestly is not.

A cell is what `verify --all` must end with: F found (3) and located, - missed (0), ? cannot be decided (7). The
missed ones are the exposure window: what is behind no checkpoint that left the device can be written anew by whoever
has its keys, and what is not signed at all by whoever has the file.
"""

import re
import shutil
from typing import NamedTuple

import pytest

from devicelog.cli import run
from devicelog.store.evidence import Evidence
from devicelog.store.heads import checkpoints
from tests.attacks.attacker import Attack, Strength, rewrite
from tests.attacks.attacks import (
    change_head,
    delete_after,
    delete_behind,
    drop_a_head,
    drop_all_heads,
    drop_the_witness,
    edit_after,
    edit_behind,
    head_of_another_size,
    insert_back_dated,
    move_correction,
    move_seal,
    move_statement,
    new_log,
    strip_and_edit,
    swap_behind,
    swap_seals,
    truncate_after,
    truncate_behind,
)
from tests.attacks.device import LETTERS, Device, held_by, verified_by

ROWS, CHAIN, OWN_KEYS, KEYS = Strength
HOLDINGS = ("nothing", "pin", "copy", "file", "cosigned", "witness's key")


class Case(NamedTuple):
    attack: Attack
    by: Strength
    found: str  # a letter for each holding
    where: str = ""  # what the words about it have in them, whatever the auditor holds


_HELD = r"the first 25 entries are not those that the checkpoint .* was signed over"
_CUT = r"signed over 25 entries; there are 2\d: the ledger was cut off"
_TAKEN = r"ledger entry 2[23] \(package.written\): the checkpoint over the seal of s-0000000002 is not held any more"
_OTHER_KEY = r"the keys of this ledger are not those|is not signed with the key of this ledger"
TABLE = [
    #                     holds: nothing, the pin, a copy, a witness file, a cosigned copy, the witness's key alone
    Case(edit_behind, ROWS, "FFFFFF", r"ledger entry 5 does not follow"),
    Case(edit_behind, CHAIN, "FFFFFF", _TAKEN),
    Case(edit_behind, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(edit_behind, KEYS, "--FFF?", _HELD),
    Case(edit_after, ROWS, "FFFFFF", r"ledger entry 27 does not follow"),
    Case(edit_after, CHAIN, "-?--??"),
    Case(edit_after, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(edit_after, KEYS, "------"),
    Case(delete_behind, ROWS, "FFFFFF", r"ledger entry 10 does not follow"),
    Case(delete_behind, CHAIN, "FFFFFF", _TAKEN),
    Case(delete_behind, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(delete_behind, KEYS, "--FFF?", _HELD),
    Case(delete_after, ROWS, "FFFFFF", r"ledger entry 26 does not follow"),
    Case(delete_after, CHAIN, "------"),
    Case(delete_after, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(delete_after, KEYS, "------"),
    Case(swap_behind, ROWS, "FFFFFF", r"ledger entry 8 does not follow"),
    Case(swap_behind, CHAIN, "FFFFFF", _TAKEN),
    Case(swap_behind, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(swap_behind, KEYS, "--FFF?", _HELD),
    Case(insert_back_dated, ROWS, "FFFFFF", r"ledger entry 2 does not follow"),
    Case(insert_back_dated, CHAIN, "FFFFFF", r"ledger entry 24 \(package.written\): the checkpoint over the seal"),
    Case(insert_back_dated, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(insert_back_dated, KEYS, "--FFF?", _HELD),
    Case(truncate_behind, ROWS, "FFFFFF", r"what is kept of the tree over the ledger|the list of sessions says"),
    Case(truncate_behind, CHAIN, "--FFF?", _CUT),
    Case(truncate_behind, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(truncate_behind, KEYS, "--FFF?", _CUT),
    Case(truncate_after, ROWS, "FFFFFF", r"what is kept of the tree over the ledger|the list of sessions says"),
    Case(truncate_after, CHAIN, "------"),
    Case(truncate_after, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(truncate_after, KEYS, "------"),
    Case(new_log, ROWS, "FFFFFF", r"ledger entry 1 does not follow"),
    Case(new_log, CHAIN, "FFFFFF", _TAKEN),
    Case(new_log, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(new_log, KEYS, "-FFFFF", rf"{_OTHER_KEY}|{_HELD}"),
    *(
        Case(attack, by, "FFFFFF", where)
        for attack, where in (
            (move_seal, r"ledger entry 24 \(stream.sealed\) is of s-0000000002, which was sealed before"),
            (swap_seals, r"ledger entry 21 \(stream.sealed\) is of s-0000000003, and its entries are others"),
            (move_statement, r"ledger entry 27 \(stream.extended\) is of s-0000000003, and its entries are others"),
            (change_head, r"checkpoint 1 is not signed with the key of this ledger"),
            (head_of_another_size, r"checkpoint 1 was changed: its row says number 1 and 24 entries"),
            (drop_all_heads, _TAKEN),
        )
        for by in (ROWS, KEYS)
    ),
    Case(move_correction, ROWS, "FFFFFF", r"ledger entry 27 does not follow"),
    Case(move_correction, CHAIN, "-?--??"),
    Case(move_correction, OWN_KEYS, "-FFFFF", _OTHER_KEY),
    Case(move_correction, KEYS, "------"),
    Case(drop_a_head, ROWS, "-?--??"),
    Case(drop_a_head, KEYS, "-?--??"),
    Case(drop_the_witness, ROWS, "-----?"),
    Case(drop_the_witness, KEYS, "-----?"),
    Case(strip_and_edit, CHAIN, "-?FFF?", _CUT),
]


def name(case: Case) -> str:
    return f"{case.attack.__name__}-{case.by.name}"


@pytest.mark.parametrize("case", TABLE, ids=name)
@pytest.mark.requirement("R20", "R21")
def test_the_database(case: Case, device: Device, capfd: pytest.CaptureFixture[str]) -> None:
    rewrite(device.path, case.attack, case.by)
    told = {}
    for holding in HOLDINGS:
        told[holding] = verified_by(device, holding), capfd.readouterr().out
    assert "".join(LETTERS.get(code, f"[{code}]") for code, _ in told.values()) == case.found, told
    for holding, (code, words) in told.items():
        if code == 3:
            assert re.search(case.where, words), (holding, words)


# --- the whole directory, an older one --------------------------------------------------------------------------------


@pytest.mark.parametrize(("copy", "found"), [("older", "--FFF?"), ("newer", "------")])
@pytest.mark.requirement("R21")
def test_rolled_back_with_the_signer_s_memory(
    copy: str, found: str, device: Device, capfd: pytest.CaptureFixture[str]
) -> None:
    """A copy from before the witness, and one from after it: that one nobody outside knows to be old."""
    device.rolled_back(getattr(device, copy))
    told = [(verified_by(device, holding), capfd.readouterr().out) for holding in HOLDINGS]
    assert "".join(LETTERS[code] for code, _ in told) == found, told
    assert all(re.search(_CUT, words) for code, words in told if code == 3)


def test_rolled_back_without_the_signer_s_memory_nothing_is_signed_any_more(
    device: Device, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever can restore the database and not the signer is told by the signer, at the next checkpoint."""
    for file in ("devicelog.db", "devicelog.db-wal", "devicelog.db-shm"):
        (device.path.parent / file).unlink(missing_ok=True)
        if (device.older / file).exists():
            shutil.copy(device.older / file, device.path.parent)
    assert run(["checkpoint", "sign", "--data-dir", str(device.path.parent)]) == 3
    assert "has 24 entries now, and 28 were signed" in capfd.readouterr().err


# --- two histories ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R21")
def test_two_witnesses_who_compare_find_a_fork(device: Device, capfd: pytest.CaptureFixture[str]) -> None:
    """Each was shown a history of its own, signed with the device's key. Alone, neither can know."""
    rewrite(device.path, edit_behind, KEYS)
    with Evidence(device.path) as evidence:
        [shown] = [held for held in checkpoints(evidence) if held.size == device.size][:1]
    second = device.path.parent.parent / "second"
    second.write_bytes(shown.note)
    command = ["verify", "--all", "--data-dir", str(device.path.parent), "--witness", str(second)]
    assert run(command) == 0, "whoever holds only what he was shown misses it"
    assert run([*command, *held_by(device.outside, "copy")]) == 3
    assert re.search(_HELD, capfd.readouterr().out)
