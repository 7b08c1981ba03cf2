"""The attack table: who attacks, what is done, what the auditor holds; what is found and where, what honestly is not.

A cell is what `verify --all` must end with: F found (3) and located, - missed (0), ? cannot be decided (7). The missed ones
are the exposure window: what is behind no checkpoint that left the device can be written anew by whoever has its
keys, and what is not signed at all by whoever has the file.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from devicelog import verify as v
from devicelog.cli import run
from devicelog.store.evidence import Evidence
from devicelog.store.heads import checkpoints
from tests.attacks.attacker import History, Row, Strength, rewrite
from tests.attacks.device import Device, held_by, make_device, verified_by
from tests.databases import FIRST, SECOND

ROWS, CHAIN, OWN_KEYS, KEYS = Strength
HOLDINGS = ("nothing", "pin", "copy", "file", "cosigned", "witness's key")
CODES = {"F": 3, "-": 0, "?": 7}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return make_device(tmp_path_factory.mktemp("device"))


@pytest.fixture
def device(pristine: Device, tmp_path: Path) -> Device:
    return pristine.copied(tmp_path / "data")


# --- what is done -----------------------------------------------------------------------------------------------------
# Entry 4 opens the first session, 8 and 10 are its pause; 24 seals the second one, and the witness holds 25 entries.
# 25 names its package, 26 corrects the first session, 27 says that nothing else came later.


def edit_behind(history: History) -> None:
    history.rows[4].body["practitioner"] = "p-99"


def edit_after(history: History) -> None:
    history.rows[26].values["actor"]["id"] = "p-99"


def delete_behind(history: History) -> None:
    del history.rows[10]


def delete_after(history: History) -> None:
    del history.rows[26]


def swap_behind(history: History) -> None:
    history.rows[8], history.rows[10] = history.rows[10], history.rows[8]


def insert_back_dated(history: History) -> None:
    values = history.rows[1].values | {"at": "2030-12-31T00:00:00.000Z", "nonce": "00" * 16}
    history.rows.insert(2, Row(values))


def truncate_behind(history: History) -> None:
    del history.rows[24:]
    del history.heads[1:]


def truncate_after(history: History) -> None:
    del history.rows[26:]
    del history.heads[4:]


def new_log(history: History) -> None:
    """Another beginning under the same name."""
    history.rows[0].values["nonce"] = "11" * 16


def move_seal(history: History) -> None:
    history.claims_stay = True
    history.rows[24].body["stream"] = FIRST


def swap_seals(history: History) -> None:
    history.claims_stay = True
    for seq, other in ((21, SECOND), (24, FIRST)):
        history.rows[seq].body["stream"] = other


def move_statement(history: History) -> None:
    history.claims_stay = True
    history.rows[27].body["stream"] = SECOND


def move_correction(history: History) -> None:
    history.rows[26].body["stream"] = SECOND


def change_head(history: History) -> None:
    """One that says another root, under the signature of the true one."""
    size, note = history.heads[1]
    lines = note.split(b"\n")
    lines[2] = history.heads[0][1].split(b"\n")[2]
    history.heads[1] = (size, b"\n".join(lines))


def head_of_another_size(history: History) -> None:
    history.heads[1] = (history.heads[1][0] - 1, history.heads[1][1])


def drop_a_head(history: History) -> None:
    del history.heads[4]


def drop_the_witness(history: History) -> None:
    """The row that bears the witness's signature."""
    del history.heads[2]


def drop_all_heads(history: History) -> None:
    history.heads.clear()


def strip_and_edit(history: History) -> None:
    """What says that there were seals and signed heads goes with them."""
    edit_behind(history)
    drop_all_heads(history)
    history.rows = [row for row in history.rows if not row.values["type"].startswith(("stream.", "package."))]


class Case(NamedTuple):
    attack: Callable[[History], None]
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
        for by in Strength
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
def test_the_database(case: Case, device: Device, capfd: pytest.CaptureFixture[str]) -> None:
    rewrite(device.path, case.attack, case.by)
    told = {}
    for holding in HOLDINGS:
        told[holding] = verified_by(device, holding), capfd.readouterr().out
    letters = {code: letter for letter, code in CODES.items()}
    assert "".join(letters.get(code, f"[{code}]") for code, _ in told.values()) == case.found, told
    for holding, (code, words) in told.items():
        if code == 3:
            assert re.search(case.where, words), (holding, words)


# --- the whole directory, an older one --------------------------------------------------------------------------------


@pytest.mark.parametrize(("copy", "found"), [("older", "--FFF?"), ("newer", "------")])
def test_rolled_back_with_the_signer_s_memory(
    copy: str, found: str, device: Device, capfd: pytest.CaptureFixture[str]
) -> None:
    """A copy from before the witness, and one from after it: that one nobody outside knows to be old."""
    device.rolled_back(getattr(device, copy))
    told = [(verified_by(device, holding), capfd.readouterr().out) for holding in HOLDINGS]
    letters = {code: letter for letter, code in CODES.items()}
    assert "".join(letters[code] for code, _ in told) == found, told
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


# --- what is handed out -----------------------------------------------------------------------------------------------

# ? with a copy: the proofs of one session are over other numbers of entries, so nothing can be compared
HANDED_OUT = [
    # the second session, whose seal is under the very checkpoint that left the device:
    #                                 nothing, the pin, a copy, a cosigned copy
    (None, None, SECOND, "?---", ""),
    (edit_behind, KEYS, SECOND, "?-FF", "FORK: for 25 entries it has another root"),
    (edit_behind, OWN_KEYS, SECOND, "?FFF", "than the pin that is believed|signed with the pinned key"),
    (swap_behind, KEYS, SECOND, "?-FF", "FORK: for 25 entries it has another root"),
    (delete_behind, KEYS, SECOND, "?-??", ""),
    (edit_after, KEYS, FIRST, "?-??", ""),
    (edit_behind, KEYS, FIRST, "?-??", ""),
    (new_log, KEYS, SECOND, "?FFF", "has another entry 0 than the pin that is believed"),
]


def _judged(path: Path, outside: Path, holding: str) -> tuple[int, str]:
    pin = None if holding == "nothing" else v.read_key(str(outside / "pin"))
    keys, heads = [], []
    for file in {"copy": ["copy"], "cosigned": ["key", "cosigned"]}.get(holding, []):
        found = v.read_witness((outside / file).read_text("utf-8"), file)
        keys += found[0]
        heads += found[1]
    report = v.verify(path, pin=pin, witnesses=keys, heads=heads, tools=v.Tools(wanted=False))
    return report["exit_code"], "\n".join(f"{row['where']}: {row['what']}" for row in report["problems"])


@pytest.mark.parametrize("shape", ["package", "bag"])
@pytest.mark.parametrize(
    ("attack", "by", "session", "found", "where"),
    HANDED_OUT,
    ids=lambda value: getattr(value, "__name__", getattr(value, "name", value)) if value else "-",
)
def test_what_is_handed_out(
    attack: Callable[[History], None] | None,
    by: Strength,
    session: str,
    found: str,
    where: str,
    shape: str,
    device: Device,
    tmp_path: Path,
) -> None:
    if attack is not None:
        rewrite(device.path, attack, by)
    path = device.path.parent / "packages" / f"{session}.package.zip"
    if shape == "bag":
        path = tmp_path / "bag"
        assert run(["export", session, "--to", str(path), "--data-dir", str(device.path.parent)]) == 0
    letters = {code: letter for letter, code in CODES.items()}
    told = [_judged(path, device.outside, holding) for holding in ("nothing", "pin", "copy", "cosigned")]
    assert "".join(letters[code] for code, _ in told) == found, told
    assert all(re.search(where, words) for code, words in told if code == 3), told
