"""What an attacked device hands out, judged by the verifier alone: a package, and a bag of one session.

Letters as in the table of the database: F found (3), - missed (0), ? cannot be decided (7).
"""

import re
from pathlib import Path

import pytest

from devicelog import verify as v
from devicelog.cli import run
from tests.attacks.attacker import Attack, Strength, rewrite
from tests.attacks.attacks import delete_behind, edit_after, edit_behind, new_log, swap_behind
from tests.attacks.device import LETTERS, Device
from tests.databases import FIRST, SECOND

OWN_KEYS, KEYS = Strength.OWN_KEYS, Strength.KEYS
# In a package nothing can be compared with a copy over other numbers of entries: ?. A bag has the hash of every leaf.
_FORK = "FORK: for 25 entries it has another root"
HANDED_OUT = [
    # the second session's seal is under the very checkpoint that left the device
    #                   nothing, the pin, a copy, a cosigned copy: of the package, of the bag
    (None, None, SECOND, "?---", "?---", ""),
    (edit_behind, KEYS, SECOND, "?-FF", "?-FF", _FORK),
    (edit_behind, OWN_KEYS, SECOND, "?FFF", "?FFF", "than the pin that is believed|signed with the pinned key"),
    (swap_behind, KEYS, SECOND, "?-FF", "?-FF", _FORK),
    (delete_behind, KEYS, SECOND, "?-??", "?-FF", _FORK),
    (edit_after, KEYS, FIRST, "?-??", "?---", ""),
    (edit_behind, KEYS, FIRST, "?-??", "?-FF", _FORK),
    (new_log, KEYS, SECOND, "?FFF", "?FFF", "has another entry 0 than the pin that is believed"),
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
    ("attack", "by", "session", "in_package", "in_bag", "where"),
    HANDED_OUT,
    ids=lambda value: getattr(value, "__name__", getattr(value, "name", value)) if value else "-",
)
@pytest.mark.requirement("R20", "R21")
def test_what_is_handed_out(
    attack: Attack | None,
    by: Strength,
    session: str,
    in_package: str,
    in_bag: str,
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
    told = [_judged(path, device.outside, holding) for holding in ("nothing", "pin", "copy", "cosigned")]
    assert "".join(LETTERS[code] for code, _ in told) == (in_bag if shape == "bag" else in_package), told
    assert all(re.search(where, words) for code, words in told if code == 3), told


def test_a_corrected_session_without_what_came_later_is_not_accused(device: Device) -> None:
    """Its private file has the reason of the correction, which nothing up to the seal commits to."""
    (device.path.parent / "packages" / f"{FIRST}.later.zip").unlink()
    code, _ = _judged(device.path.parent / "packages" / f"{FIRST}.package.zip", device.outside, "pin")
    assert code == 7
