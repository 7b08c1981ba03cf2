"""docs/firmware.md against the sources, and the sources in the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from firmware_bridge.profiles import load_profile
from tests.firmware.toolchain import FIRMWARE, INSTALL
from tests.pages import DOCS, cells

PAGE = "firmware.md"
TEXT = (DOCS / PAGE).read_text("utf-8")
ROOT = DOCS.parent


def test_the_faults_on_the_page_are_those_of_the_source() -> None:
    source = (FIRMWARE / "pen.c").read_text("utf-8")
    numbers = [int(number) for number in re.findall(r"^    FAULT_\w+ = (\d+)", source, re.MULTILINE)]
    rows = re.findall(r"^\| (\d+) \| \w", TEXT.split("| `pen fault`")[1], re.MULTILINE)
    assert [int(number) for number in rows] == numbers == [1, 2, 3, 4]


def test_the_files_on_the_page_are_there() -> None:
    names = {name for name in re.findall(r"^\| `([\w.]+)` \|", TEXT, re.MULTILINE) if "." in name}
    assert names
    assert all((FIRMWARE / name).exists() for name in names)


def test_the_pins_on_the_page_are_those_of_the_source() -> None:
    source = (FIRMWARE / "board_atmega328p.c").read_text("utf-8")
    for row in cells(PAGE, "## The board"):
        for pin in re.findall(r"P[CD]\d", row[0]):
            assert pin in source, row


def test_the_functions_on_the_page_are_in_the_header() -> None:
    header = (FIRMWARE / "pen_frames.h").read_text("utf-8")
    named = [row[0] for row in cells(PAGE, "## A pen of your own: the header")]
    assert len(named) == 6
    assert all(re.search(rf"^static inline (int|size_t) {name}\(", header, re.MULTILINE) for name in named)


def test_the_line_that_installs_what_the_tests_need_is_the_same_everywhere() -> None:
    packages = INSTALL.removeprefix("sudo apt install ")
    assert INSTALL in TEXT
    assert packages in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_profile_of_the_board_is_that_of_its_settings() -> None:
    profile = load_profile("board")
    settings = (FIRMWARE / "settings.h").read_text("utf-8")

    def said(name: str) -> int:
        found = re.search(rf"^#define {name} (\d+)ul?\b", settings, re.MULTILINE)
        assert found, name
        return int(found[1])

    limits = (said("DIAL_FULL_UM"), said("DIAL_STEP_UM"), said("BAUD"))
    assert (profile.depth_max_um, profile.depth_tolerance_um, profile.baud) == limits


def test_the_firmware_is_in_the_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.name for path in FIRMWARE.iterdir() if path.is_file()}
    assert {"pen_frames.h", "pen.c", "Makefile"} <= sources
    assert {f"firmware_bridge/firmware/{name}" for name in sources} <= names
    assert "firmware_bridge/profiles/board.toml" in names
