"""Databases that earlier versions recorded, read by this one."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from devicelog.pipeline import ENGINE
from tests.e2e.running import ROOT, devicelog, listed

# What engine 4 tells besides: nothing that a session of that day has.
ADDED = {
    "engine",
    *("clinic", "limits", "endpoints", "overrides", "cartridge_changes", "operators", "plan_changes"),
    *("recommended_min_um", "recommended_max_um", "hard_max_um", "threshold_um", "limit_um"),
    *("over_recommended", "over_hard", "at_threshold", "practitioner", "cartridge", "plan_max_um"),
    *("for_us", "set_um", "set_for_us", "measured_um", "measured_for_us", "first_record"),  # of time beyond those
}

KEPT = ROOT / "tests" / "data" / "databases"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What 0.2.0 recorded, brought up to date: an earlier engine."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    shutil.copy(KEPT / "0.2.0.db", data_dir / "devicelog.db")
    devicelog("db", "upgrade", data_dir=data_dir).succeeded()
    return data_dir


@pytest.mark.requirement("R13")
def test_sessions_of_0_2_0_derive_to_the_same_but_for_the_engine_and_what_it_adds(old: Path) -> None:
    devicelog("verify", "--all", data_dir=old).succeeded()
    for row in listed(old)[0]:
        run = devicelog("replay", row["id"], "--json", data_dir=old).succeeded()
        (derivation,) = json.loads(run.stdout)["derivations"]
        taken = [line for line in derivation["difference"] if line.startswith("- ")]
        added = [line for line in derivation["difference"] if line.startswith("+ ")]
        assert taken == ['- "engine": 2,']
        assert f'+ "engine": {ENGINE},' in added
        assert {key for line in added for key in re.findall(r'"([a-z_]+)":', line)} <= ADDED, added


def test_nothing_has_to_be_upgraded(old: Path) -> None:
    before = (old / "devicelog.db").read_bytes()
    devicelog("db", "upgrade", data_dir=old).succeeded()
    assert (old / "devicelog.db").read_bytes() == before


def test_a_demo_is_refused_before_its_pen_starts_and_told_what_to_type(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    shutil.copy(KEPT / "0.1.0.db", data_dir / "devicelog.db")
    ended = devicelog("demo", data_dir=data_dir, PATH=os.defpath)
    ended.refused(5, "has schema 1 of an earlier version", f"db upgrade --data-dir {data_dir}")
    assert "pen ready" not in ended.stderr
    assert "a simulated pen" not in ended.stderr
    called = shlex.split(ended.stderr.partition("Bring it up to date: ")[2])[0]
    assert Path(called).is_absolute()
    assert not (data_dir / "writer.lock").exists()
