"""What the firmware's tests need besides Python, and what they build with it: once for all tests of a run.

Where something is missing the tests skip, and say the line that installs it. With FIRMWARE_TESTS=required, as in
`.ci/run`, they fail instead: a suite that skips quietly proves nothing.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.running import shared

INSTALL = "sudo apt install gcc g++ gcc-avr avr-libc libsimavr-dev libelf-dev make"

HERE = Path(__file__).parent
FIRMWARE = Path(__file__).parents[2] / "firmware_bridge" / "firmware"

# each of the header's ways in is compiled with all of these: whoever includes it may have them on
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")

_FILES = {
    "simavr": "/usr/include/simavr/sim_avr.h",
    "libelf": "/usr/include/libelf.h",
    "avr-libc": "/usr/lib/avr/include/avr/io.h",
}


def need(*names: str) -> None:
    """Go on only where these programs, or libraries of the table above, are installed; else skip with the apt line."""
    missing = [name for name in names if not (Path(_FILES[name]).exists() if name in _FILES else shutil.which(name))]
    if not missing:
        return
    told = f"not installed: {', '.join(missing)}; {INSTALL}"
    if os.environ.get("FIRMWARE_TESTS") == "required":
        pytest.fail(told)
    pytest.skip(told)


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """Run a compiler or make to its end; fails with what it said."""
    ended = subprocess.run(list(words), capture_output=True, text=True, timeout=120, cwd=cwd)
    assert ended.returncode == 0, f"{' '.join(map(str, words))}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def built_pen(factory: pytest.TempPathFactory) -> Path:
    """The firmware for the ATmega328P as the Makefile builds it, for serial number SIM-328."""
    need("make", "avr-gcc", "avr-libc")

    def make(directory: Path) -> None:
        settings = ("MODE=test", "SERIAL=SIM-328", "CALIBRATION=none", "CARTRIDGE=lot 7")
        run("make", "-C", FIRMWARE, *settings, f"BUILD={directory}", directory / "pen.hex")

    return shared(factory, "firmware-pen", make) / "pen.elf"


def built_runner(factory: pytest.TempPathFactory) -> Path:
    """`runner.c`, the bench with simavr."""
    need("gcc", "simavr", "libelf")

    def make(directory: Path) -> None:
        flags = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", "/usr/include/simavr")
        run("gcc", *flags, "-o", directory / "runner", HERE / "runner.c", "-lsimavr", "-lelf", "-lutil", "-lpthread")

    return shared(factory, "firmware-runner", make) / "runner"


def built_header(factory: pytest.TempPathFactory) -> Path:
    """`header_host.c` with every sanitizer and every warning, as the oldest C that the header is for."""
    need("gcc")

    def make(directory: Path) -> None:
        flags = ("-std=c99", "-O1", "-g", *WARNINGS, *SANITIZERS, "-I", FIRMWARE)
        run("gcc", *flags, "-o", directory / "header", HERE / "header_host.c")

    return shared(factory, "firmware-header", make) / "header"
