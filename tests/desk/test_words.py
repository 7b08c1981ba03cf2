"""What the desk says to who mistyped or left something out: what happened, and what to type next."""

import errno
from pathlib import Path
from unittest import mock

import pytest

from devicelog.errors import StoreUnusable
from devicelog.store.database import prepare_data_dir
from devicelog.words.treatment import _screening
from tests.databases import CLIENT
from tests.desk.clinic import Desk

BY = ("--by", "KM")


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Desk:
    return Desk(tmp_path_factory, tmp_path)


def test_a_consent_that_nobody_signed_says_so(desk: Desk) -> None:
    given = ("consent", "record", CLIENT, "--what", "photo", "--visit", desk.visit(), *BY)
    assert "warning: nobody signed it" in desk.run(*given).succeeded().stderr
    assert "nobody" not in desk.run(*given, "--signed", "client").succeeded().stderr
    assert "nobody" not in desk.run(*given, "--refused").succeeded().stderr


def test_a_visit_planned_as_before_and_its_entries_are_told_in_words(desk: Desk) -> None:
    name = desk.visit()
    assert (
        f"{name}: planned as before: full-face" in desk.run("visits", "plan", name, "--plan", "full-face", *BY).stdout
    )
    both = ("--what", "treatment", "--signed", "client,practitioner")
    desk.run("consent", "record", CLIENT, *both, "--visit", name, *BY).succeeded()
    text = desk.run("visits", "show", name).succeeded().stdout
    assert "given, signed client and practitioner, what treatment" in text
    assert "[" not in text
    assert "True" not in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("scores", "melanin", CLIENT, "--value", "1000", *BY), "melanin 1000 is out of range: 0 to 999"),
        (("zones", "check", "{empty}"), "there are neither limits nor zones in it"),
        (("zones", "check", "{folder}"), "Is a directory: name a file in it"),
        (("practitioners", "add", "ZZ", "--role", "auditor", "--name", "Z", "--authority-mm", "1,5"), "with a point"),
    ],
    ids=["melanin", "empty", "folder", "comma"],
)
def test_what_is_mistyped(desk: Desk, words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").touch()
    typed = [word.format(empty=tmp_path / "empty.toml", folder=tmp_path) for word in words]
    ended = desk.run_bare(*typed) if words[0] == "zones" else desk.run(*typed)
    ended.refused(2, says)


def test_the_second_person_is_added_by_an_admin_who_is_named(desk: Desk) -> None:
    add = ("practitioners", "add")
    desk.run(*add, "KM", "--role", "admin", "--name", "Kim").succeeded()
    desk.run(*add, "ZZ", "--role", "reviewer", "--name", "Zoe").refused(2, "say who with --by ID (KM)")


def test_a_list_of_people_where_nothing_is_yet_says_how_to_begin(tmp_path: Path) -> None:
    said = Desk.run_bare("practitioners", "list", "--data-dir", str(tmp_path / "new")).succeeded().stdout
    assert "practitioners add ID --role admin" in said
    assert not (tmp_path / "new").exists()


def test_scores_that_look_like_a_slip_are_noted_and_kept(desk: Desk) -> None:
    said = desk.run("scores", "melanin", CLIENT, "--value", "300", "--zone", "cheek.lft", *BY).succeeded().stderr
    assert "Did you mean cheek.left?" in said
    regions = [word for name in ("left-malar", "right-malar", "chin") for word in (f"--{name}", "1,1,1")]
    said = desk.run("scores", "masi", CLIENT, "--forehead", "0,3,0", *regions, *BY).succeeded().stderr
    assert "forehead has no area" in said


def test_a_full_disk_asks_for_space(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(Path, "touch", side_effect=full), pytest.raises(StoreUnusable, match="Free some space"):
        prepare_data_dir(tmp_path / "data")


def test_suitability_of_which_one_part_is_unknown_says_which() -> None:
    row = {"result": "not assessable", "detail": "the clearance of this device is not known"}
    value = {"result": "not recorded", "screened_at": None, "rows": [row], "words": (), "since": [], "notices": []}
    assert _screening(value, "") == "suitability not recorded"
    value["rows"] = [row, {"result": "passed", "detail": "every question was answered with no"}]
    assert _screening(value, "").startswith(
        "suitability not recorded in whole, for the clearance of this device is not known"
    )
