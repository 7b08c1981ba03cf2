"""A pen by someone who had only docs/protocol.md, run through every rule of that page. See `pen.py`.

It drives itself: at 10.5 s its motor starts, and at 19 s it goes off for a moment, which is in the last 8 s of the run.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import devicelog, wait_until

PEN = Path(__file__).with_name("pen.py")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Path]:
    link = tmp_path / "pen"
    words = ("--link", link, "--memory", tmp_path / "memory", "--reboot-at", "19")
    with subprocess.Popen([sys.executable, PEN, *words], stderr=subprocess.PIPE, text=True) as pen:
        try:
            wait_until(lambda: link.is_symlink() or pen.poll() is not None, "the stranger's pen")
            yield link
        finally:
            pen.terminate()


def test_a_pen_that_was_written_from_the_page_alone_conforms(port: Path) -> None:
    words = ("--pen", port, "--no-steps", "--seconds", "2", "--power-cycle", "--json")
    document = devicelog("pens", "conform", *words).succeeded().json()
    results = {row["id"]: row["result"] for row in document["checks"]}
    assert {rule for rule, result in results.items() if result in ("failed", "advice")} == set()
    # a pseudo-terminal has neither DTR nor RTS
    assert {rule for rule, result in results.items() if result == "not shown"} == {"P-02", "P-02.reset"}
    assert (document["verdict"], document["pen"]["model"]) == ("conforms", "STRANGER-1")
    assert document["heard"]["starts"] == 2
