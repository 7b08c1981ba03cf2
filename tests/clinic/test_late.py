"""Sessions that were on paper: entered by the act, listed beside the recorded ones, shown by themselves."""

import json
from pathlib import Path
from shutil import copytree

import pytest

from devicelog.canonical import Json
from devicelog.cli import run
from devicelog.cli.late_entries import late_document
from devicelog.desk.acts import perform
from devicelog.errors import NotFound
from devicelog.recorder.access import alone
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erasing import EraseCommand, erase
from devicelog.recorder.recovery import software
from devicelog.recorder.retention import RetentionCommand, set_retention
from devicelog.store.clients import client
from devicelog.store.evidence import Evidence
from devicelog.store.rebuild import rebuild
from tests.databases import CLIENT, FIRST, make_database

REASON = "zyxpaper: the computer was away"
ON_PAPER: Json = {
    "do": "session.enter",
    "client": CLIENT,
    "practitioner": "p-07",
    "day": "2026-01-31",
    "indication": "hyperpigmentation",
    "zones": [
        {"zone": "forehead", "depth_set_um": 300, "passes": 2},
        {"zone": "chin", "depth_set_um": None, "passes": None},
    ],
    "cartridge": {"lot": "L-77", "expires": None},
    "topicals": [{"product": "Balm", "lot": None}],
    "course": None,
    "reason": REASON,
    "by": "p-07",
}


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with one, and its id. Nobody may change it."""
    path = make_database(tmp_path_factory.mktemp("entered") / "data")
    return path, str(perform(path.parent, ON_PAPER)["session"])


@pytest.fixture
def path(entered: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy to change."""
    copytree(entered[0].parent, tmp_path / "data")
    return tmp_path / "data" / entered[0].name


@pytest.fixture
def late(entered: tuple[Path, str]) -> str:
    return entered[1]


def told(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["sessions", *arguments, "--data-dir", str(path.parent)])
    out = capsys.readouterr()
    return code, out.out + out.err


def read(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Json:
    code, out = told(path, capsys, *arguments, "--json")
    assert code == 0, out
    return json.loads(out)


def test_it_is_in_a_list_of_its_own(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    listed = read(path, capsys, "list")
    assert late not in {row["id"] for row in listed["sessions"]}
    [row] = listed["entered"]
    wanted = {"id": late, "kind": "late_entry", "status": "entered", "verdict": "not measured", "day": "2026-01-31"}
    assert row.items() >= wanted.items()
    assert (row["client"], row["practitioner"]) == (CLIENT, "p-07")
    code, text = told(path, capsys, "list")
    assert code == 0
    assert f"{late} 2026-01-31 entered not measured {CLIENT} p-07" in " ".join(text.split())


def test_a_database_without_one_has_an_empty_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_database(tmp_path / "data")
    assert read(path, capsys, "list")["entered"] == []
    assert "entered later" not in told(path, capsys, "list")[1]


@pytest.mark.parametrize("letters", [5, 12], ids=["a beginning", "whole"])
@pytest.mark.parametrize("bare", [False, True], ids=["s-", "without s-"])
def test_it_is_shown_by_its_id(
    path: Path, late: str, capsys: pytest.CaptureFixture[str], letters: int, bare: bool
) -> None:
    document = read(path, capsys, "show", late[2 * bare : letters])
    assert (document["schema"], document["id"]) == ("devicelog.late_entry/1", late)
    assert document["zones"] == [
        {"zone": "forehead", "depth_set_um": 300, "passes": 2},
        {"zone": "chin", "depth_set_um": "not recorded", "passes": "not recorded"},
    ]
    assert document["cartridge"] == {"lot": "L-77", "expires": "not recorded"}
    assert document["topicals"] == [{"product": "Balm", "lot": "not recorded"}]
    assert document["reason"] == REASON


def test_what_was_withdrawn_is_listed_and_shown_so(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(path, capsys, "show", late)["withdrawn"] is None
    assert "WITHDRAWN" not in told(path, capsys, "show", late)[1]
    code, said = told(path, capsys, "withdraw", late, "--reason", "zyxday: it was the 30th", "--by", "p-07")
    assert (code, late in said, "2026-01-31 is withdrawn" in said) == (0, True, True)
    [row] = read(path, capsys, "list")["entered"]
    assert row["status"] == "withdrawn"
    withdrawn = read(path, capsys, "show", late)["withdrawn"]
    assert (withdrawn["by"], withdrawn["auth"], withdrawn["reason"]) == ("p-07", "none", "zyxday: it was the 30th")
    text = told(path, capsys, "show", late)[1]
    for part in ("NOT MEASURED   WITHDRAWN", "zyxday", "counts in no interval and in no course"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 120


def test_what_was_not_on_paper_is_not_recorded(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = perform(path.parent, {**ON_PAPER, "cartridge": None, "topicals": []})["session"]
    document = read(path, capsys, "show", name)
    assert (document["cartridge"], document["topicals"]) == ("not recorded", "not recorded")
    assert "cartridge     not recorded" in told(path, capsys, "show", name)[1]


def test_its_text_says_that_nothing_was_measured(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(path, capsys, "show", late)
    assert code == 0
    for part in (f"Session {late}   entered from paper   NOT MEASURED", "0.30", REASON, "Nothing of it was measured"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("more", [["--derivation", "1"], ["--rules", "today"]], ids=["derivation", "rules"])
def test_what_was_never_derived_is_not_judged(
    path: Path, late: str, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    code, text = told(path, capsys, "show", late, *more)
    assert code == 2
    assert "entered from paper" in text


def test_a_recorded_session_is_shown_as_before(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(path, capsys, "show", FIRST)["schema"] == "devicelog.session/1"


def test_a_beginning_of_both_names_neither(path: Path, late: str) -> None:
    with Evidence(path) as evidence, pytest.raises(NotFound, match="begin so"):
        late_document(evidence, "s-")
    with Evidence(path) as evidence:
        assert late_document(evidence, FIRST) is None
        assert late_document(evidence, "s-nowhere") is None


def test_an_unknown_id_is_not_found(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(path, capsys, "show", "s-zzzzzzzzzz")[0] == 6


def test_it_is_the_same_after_a_rebuild(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = told(path, capsys, "show", late, "--json")
    rebuild(path.parent, upgrade=False, stamps=RecorderClock(), sw=software())
    assert told(path, capsys, "show", late, "--json") == before


def test_erased_it_says_so(path: Path, late: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Evidence(path) as evidence:
        ref = client(evidence, CLIENT).client_ref
    with alone(path.parent) as access:
        set_retention(access, RetentionCommand(days=0, practitioner="p-07", reason="asked for"))
        erase(access, EraseCommand(client_ref=ref, practitioner="p-07", reason="asked"), RecorderClock().stamp())
    document = read(path, capsys, "show", late)
    assert (document["client"], document["reason"]) == (None, None)
    text = told(path, capsys, "show", late)[1]
    assert "reason        (erased)" in text
    assert "zyxpaper" not in text
    assert "(erased)" in told(path, capsys, "list")[1]
