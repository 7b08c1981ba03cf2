"""A reason says something wherever one is taken: at the desk, in a correction, an erasure, a retention, a mark."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.errors import UsageProblem
from devicelog.recorder.attributing import parse_attribution
from devicelog.recorder.commands import parse_mark
from tests.databases import CLIENT, FIRST
from tests.desk.staff import PINS, do, entries

ADMIN: Json = {"by": "AD", "pin": PINS["AD"]}
ZONE = {"zone": "forehead", "depth_set_um": 300, "passes": 1}
PAPER: Json = {"practitioner": "KM", "day": "2026-01-10", "indication": "hyperpigmentation", "zones": [ZONE]}


def asked(what: str, **more: object) -> Callable[[Path, str], object]:
    """An act that takes a reason, all else being as it should."""
    return lambda data_dir, reason: do(data_dir, what, **{"by": "KM", **more, "reason": reason})


def corrected(_data_dir: Path, reason: str) -> object:
    request: Json = {"session": FIRST, "practitioner": "KM", "reason": reason, "moves": [], "client": "K-2000"}
    return parse_attribution(request, {"forehead"})


TAKEN: dict[str, Callable[[Path, str], object]] = {
    "visit.override": asked("visit.override", visit="v-0000000000", rule="depth.over_hard_max"),
    "screening.override": asked("screening.override", client=CLIENT),
    "course.close": asked("course.close", course="k-0000000000", how="stopped"),
    "session.enter": asked("session.enter", client=CLIENT, **PAPER),
    "session.withdraw": asked("session.withdraw", session="s-0000000000"),
    "session.amend": asked("session.amend", session=FIRST, field="note", value="calm"),
    "finding.explain": asked("finding.explain", session=FIRST, rule="depth.over_plan"),
    "fit_cartridge": asked("fit_cartridge", lot="24B119", visit="v-0000000000"),
    "people.change": asked("people.change", person="KM", role="reviewer", **ADMIN),
    "people.retire": asked("people.retire", person="KM", **ADMIN),
    "erase": asked("erase", client="c-0000000000000000", practitioner="KM"),
    "retention": asked("retention", days=0, practitioner="KM"),
    "attribute": corrected,
    "mark": lambda _data_dir, reason: parse_mark(["override", "depth.over_hard_max", *reason.split()], {"forehead"}),
}


@pytest.mark.requirement("R04")
@pytest.mark.parametrize("reason", [".", "ok", "a\u0301 b", "\u3164\u2800\u115f"])
@pytest.mark.parametrize("act", TAKEN.values(), ids=TAKEN.keys())
def test_a_reason_in_which_nobody_could_read_one_is_refused(
    act: Callable[[Path, str], object], reason: str, kept_clinic: Path
) -> None:
    before = entries(kept_clinic)[-1].seq
    with pytest.raises(UsageProblem, match="is too short: say in 3 characters at least why"):
        act(kept_clinic, reason)
    assert entries(kept_clinic)[-1].seq == before


def test_no_reason_is_taken_as_a_note_is() -> None:
    as_a_note = re.compile(r'check_note\(.*"reason"\)')
    source = Path(__file__).parents[2] / "src" / "devicelog"
    taken = [path.name for path in source.rglob("*.py") if as_a_note.search(path.read_text("utf-8"))]
    assert taken == ["sessions.py"], "check_reason takes it"
